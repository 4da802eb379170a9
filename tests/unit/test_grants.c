// SPDX-License-Identifier: BSD-2-Clause
/* The index of grants and the books it lives in, against a plain array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arith.h"
#include "bits.h"
#include "grants.h"

#define ARENA (UINT64_C(64) << 20)
#define MODEL_MAX 300

struct fixture {
	void *memory;
	struct books books;
	uint32_t domain;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->memory = aligned_alloc(4096, books_size(ARENA));
	books_init(&f->books, f->memory, ARENA, 12345);
	f->domain = books_take_domain(&f->books);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	free(f->memory);
	free(f);
	return 0;
}

static uint32_t add(struct fixture *f, uint64_t iova, uint64_t length)
{
	uint32_t index = books_take_grant(&f->books);

	assert_int_not_equal(index, BOOK_NONE);
	f->books.grants[index].iova = iova;
	f->books.grants[index].length = length;
	f->books.grants[index].domain = f->domain;
	grants_insert(&f->books, f->domain, index);
	return index;
}

static void grants_empty_domain_finds_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(grants_first(&f->books, f->domain), BOOK_NONE);
	assert_int_equal(grants_find(&f->books, f->domain, 0), BOOK_NONE);
	assert_int_equal(grants_overlap(&f->books, f->domain, 0, UINT64_MAX), BOOK_NONE);
	assert_int_equal(grants_above(&f->books, f->domain, 0), BOOK_NONE);
	assert_int_equal(grants_at_or_below(&f->books, f->domain, UINT64_MAX), BOOK_NONE);
}

static void grants_neighbours_do_not_overlap(void **state)
{
	struct fixture *f = *state;
	uint32_t low = add(f, 0x1000, 0x1000);
	uint32_t high = add(f, 0x3000, 0x1000);

	assert_int_equal(grants_overlap(&f->books, f->domain, 0x2000, 0x1000), BOOK_NONE);
	assert_int_equal(grants_overlap(&f->books, f->domain, 0x1fff, 1), low);
	assert_int_equal(grants_overlap(&f->books, f->domain, 0x2000, 0x1001), high);
	assert_int_equal(grants_overlap(&f->books, f->domain, 0, UINT64_MAX), high);
	assert_int_equal(grants_first(&f->books, f->domain), low);
	assert_int_equal(grants_above(&f->books, f->domain, 0x1000), high);
	assert_int_equal(grants_find(&f->books, f->domain, 0x1800), BOOK_NONE);
	assert_int_equal(grants_find(&f->books, f->domain, 0x3000), high);
}

static void grants_at_the_end_of_the_address_space_are_found(void **state)
{
	struct fixture *f = *state;
	uint32_t last = add(f, UINT64_MAX - 0xfff, 0x1000);

	assert_int_equal(grants_overlap(&f->books, f->domain, UINT64_MAX, 1), last);
	assert_int_equal(grants_overlap(&f->books, f->domain, 0, 0x1000), BOOK_NONE);
}

struct model {
	uint64_t iova[MODEL_MAX];
	uint64_t length[MODEL_MAX];
	uint32_t index[MODEL_MAX];
	unsigned count;
};

static uint32_t model_overlap(const struct model *m, uint64_t iova, uint64_t length)
{
	uint32_t best = BOOK_NONE;
	uint64_t best_iova = 0;
	unsigned i;

	for (i = 0; i < m->count; i++) {
		if (!range_overlaps(iova, length, m->iova[i], m->length[i]))
			continue;
		if (best == BOOK_NONE || m->iova[i] > best_iova) {
			best = m->index[i];
			best_iova = m->iova[i];
		}
	}
	return best;
}

static void grants_random_operations_agree_with_an_array(void **state)
{
	struct fixture *f = *state;
	struct model m = { .count = 0 };
	uint64_t seed = 42;
	unsigned step, victim;

	for (step = 0; step < 20000; step++) {
		uint64_t iova, length;

		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		iova = (seed >> 40 & 0xfff) << PAGE_SHIFT;
		length = ((seed >> 33 & 7) + 1) << PAGE_SHIFT;
		assert_int_equal(grants_overlap(&f->books, f->domain, iova, length),
				 model_overlap(&m, iova, length));
		if (seed >> 63 && m.count) {
			victim = (unsigned)(seed >> 20 & 0xffff) % m.count;
			grants_remove(&f->books, f->domain, m.index[victim]);
			books_give_grant(&f->books, m.index[victim]);
			m.count--;
			m.iova[victim] = m.iova[m.count];
			m.length[victim] = m.length[m.count];
			m.index[victim] = m.index[m.count];
		} else if (m.count < MODEL_MAX && model_overlap(&m, iova, length) == BOOK_NONE) {
			m.iova[m.count] = iova;
			m.length[m.count] = length;
			m.index[m.count++] = add(f, iova, length);
		}
		assert_int_equal(f->books.domains[f->domain].grants, m.count);
	}
}

static unsigned depth(const struct books *books, uint32_t at)
{
	unsigned left, right;

	if (at == BOOK_NONE)
		return 0;
	left = depth(books, books->grants[at].left);
	right = depth(books, books->grants[at].right);
	return 1 + (left > right ? left : right);
}

static void grants_ascending_inserts_stay_shallow(void **state)
{
	struct fixture *f = *state;
	uint64_t i;

	for (i = 0; i < 50000; i++)
		add(f, i << PAGE_SHIFT, PAGE_BYTES);
	assert_in_range(depth(&f->books, f->books.domains[f->domain].root), 16, 64);
}

static void books_records_run_out_and_come_back(void **state)
{
	struct fixture *f = *state;
	uint32_t max = f->books.header->grant_max;
	uint32_t taken = 0;
	uint32_t last = BOOK_NONE, index;

	while ((index = books_take_grant(&f->books)) != BOOK_NONE) {
		last = index;
		taken++;
	}
	assert_int_equal(taken, max - 1);
	books_give_grant(&f->books, last);
	assert_int_equal(books_take_grant(&f->books), last);
	assert_int_equal(books_take_grant(&f->books), BOOK_NONE);
}

static void books_stale_handle_is_nobodys(void **state)
{
	struct fixture *f = *state;
	uint32_t first = books_take_domain(&f->books);
	uint32_t handle = books_domain_handle(&f->books, first);
	uint32_t again;

	assert_int_equal(books_domain_index(&f->books, handle), first);
	books_give_domain(&f->books, first);
	assert_int_equal(books_domain_index(&f->books, handle), BOOK_NONE);
	again = books_take_domain(&f->books);
	assert_int_equal(again, first);
	assert_int_equal(books_domain_index(&f->books, handle), BOOK_NONE);
	assert_int_not_equal(books_domain_handle(&f->books, again), handle);
	assert_int_equal(books_domain_index(&f->books, UINT32_MAX), BOOK_NONE);
	assert_int_equal(books_memory_index(&f->books, UINT32_MAX), BOOK_NONE);
}

static void books_past_remembers_the_newest_that_covered(void **state)
{
	struct fixture *f = *state;
	struct book_grant grant = { .iova = 0x1000, .length = 0x2000, .domain = f->domain };
	uint32_t handle = books_domain_handle(&f->books, f->domain);
	const struct book_past *past;
	unsigned i;

	assert_null(books_find_past(&f->books, handle, 0x1000));
	books_note_past(&f->books, &grant, 7, 100);
	books_note_past(&f->books, &grant, 7, 200);
	past = books_find_past(&f->books, handle, 0x2fff);
	assert_non_null(past);
	assert_int_equal(past->until_ns, 200);
	assert_null(books_find_past(&f->books, handle, 0x3000));
	assert_null(books_find_past(&f->books, handle + 1, 0x1000));
	grant.iova = 0x100000;
	for (i = 0; i < BOOK_PAST_MAX; i++)
		books_note_past(&f->books, &grant, 7, 300);
	assert_null(books_find_past(&f->books, handle, 0x1000));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(grants_empty_domain_finds_nothing),
		TEST(grants_neighbours_do_not_overlap),
		TEST(grants_at_the_end_of_the_address_space_are_found),
		TEST(grants_random_operations_agree_with_an_array),
		TEST(grants_ascending_inserts_stay_shallow),
		TEST(books_records_run_out_and_come_back),
		TEST(books_stale_handle_is_nobodys),
		TEST(books_past_remembers_the_newest_that_covered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
