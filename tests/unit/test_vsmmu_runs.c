// SPDX-License-Identifier: BSD-2-Clause
/* The tree of runs against the plainest thing that could do the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bits.h"
#include "runs.h"

#define PAGE UINT64_C(4096)
#define PLACES 256u

struct world {
	struct runs runs;
	struct run *at[PLACES]; /* one page each, or NULL */
	uint32_t seed;
};

static uint32_t random32(struct world *world)
{
	world->seed = world->seed * 1664525u + 1013904223u;
	return world->seed >> 8;
}

static struct run *run_make(uint64_t iova, uint64_t length)
{
	struct run *run = calloc(1, sizeof(*run));

	assert_non_null(run);
	run->iova = iova;
	run->length = length;
	return run;
}

/* Order and weights all the way down; the depth, and the count added up. */
static unsigned check_below(const struct run *run, uint64_t low, uint64_t high, uint64_t *count)
{
	unsigned left, right;

	if (!run)
		return 0;
	(*count)++;
	assert_in_range(run->iova, low, high);
	assert_true(!run->left || run->left->weight <= run->weight);
	assert_true(!run->right || run->right->weight <= run->weight);
	left = check_below(run->left, low, run->iova - 1, count);
	right = check_below(run->right, run_last(run) + 1, high, count);
	return 1 + (left > right ? left : right);
}

static void check_world(const struct world *world)
{
	const struct run *found, *next = runs_at_or_above(&world->runs, 0);
	uint64_t count = 0;
	unsigned i, k;

	check_below(world->runs.root, 0, UINT64_MAX, &count);
	assert_int_equal(count, world->runs.count);
	for (i = 0; i < PLACES; i++) {
		found = runs_at_or_above(&world->runs, i * PAGE + PAGE - 1);
		for (k = i; k < PLACES && !world->at[k]; k++)
			;
		assert_ptr_equal(found, k < PLACES ? world->at[k] : NULL);
		if (!world->at[i])
			continue;
		assert_ptr_equal(next, world->at[i]);
		next = runs_next(&world->runs, next);
	}
	assert_null(next);
}

static void runs_random_changes_match_an_array(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	unsigned step, i;

	(void)state;
	assert_non_null(world);
	world->runs.seed = 7;
	for (step = 0; step < 4000; step++) {
		i = random32(world) % PLACES;
		if (world->at[i]) {
			runs_remove(&world->runs, world->at[i]);
			free(world->at[i]);
			world->at[i] = NULL;
		} else {
			world->at[i] = run_make(i * PAGE, PAGE);
			runs_insert(&world->runs, world->at[i]);
		}
		if (step % 50 == 0)
			check_world(world);
	}
	for (i = 0; i < PLACES; i++) {
		if (world->at[i])
			runs_remove(&world->runs, world->at[i]);
		free(world->at[i]);
	}
	assert_null(world->runs.root);
	assert_int_equal(world->runs.count, 0);
	free(world);
}

/* Addresses in order are what clients do most, and what a plain tree is worst at. */
static void runs_in_order_make_no_list(void **state)
{
	struct runs runs = { .seed = 1 };
	static struct run list[4096];
	uint64_t count = 0;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(list); i++) {
		list[i] = (struct run){ .iova = i * PAGE, .length = PAGE };
		runs_insert(&runs, &list[i]);
	}
	assert_in_range(check_below(runs.root, 0, UINT64_MAX, &count), 12, 64);
	assert_int_equal(count, ARRAY_COUNT(list));
}

static void runs_at_the_end_of_the_addresses_have_no_next(void **state)
{
	struct runs runs = { 0 };
	struct run first = { .iova = 0, .length = PAGE };
	struct run last = { .iova = UINT64_MAX - PAGE + 1, .length = PAGE };

	(void)state;
	runs_insert(&runs, &first);
	runs_insert(&runs, &last);
	assert_ptr_equal(runs_at_or_above(&runs, UINT64_MAX), &last);
	assert_ptr_equal(runs_next(&runs, &first), &last);
	assert_null(runs_next(&runs, &last));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_random_changes_match_an_array),
		cmocka_unit_test(runs_in_order_make_no_list),
		cmocka_unit_test(runs_at_the_end_of_the_addresses_have_no_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
