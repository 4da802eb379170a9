// SPDX-License-Identifier: BSD-2-Clause
/*
 * A request on three units of one domain, the second of which takes mappings only
 * in batches: whatever any of them refuses and whenever, all are as before.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arith.h"
#include "log.h"
#include "pending.h"
#include "spread.h"

#define ARENA (UINT64_C(64) << 20)
#define UNITS 3u
#define PAGES 64u
#define SENTENCE "no room"

/* A unit of PAGES pages: what is mapped, and what only queued. */
struct toy {
	struct drv_unit unit;
	struct drv_space space;
	bool mapped[PAGES], queued[PAGES];
	uint32_t fail_map, fail_commit; /* counted from 1; 0: none */
	uint32_t maps, commits, unmaps, submits;
	bool closes;
};

struct rig {
	struct daemon d;
	struct toy toys[UNITS];
	struct pending pending;
	struct spread spread;
	struct error err;
	uint32_t grants[4], memory;
	void *arena;
};

static struct toy *toy_of(struct drv_space *space)
{
	return list_entry(space, struct toy, space);
}

static bool *page_of(bool *pages, iova_t iova)
{
	assert_true(iova.v / PAGE_BYTES < PAGES);
	return &pages[iova.v / PAGE_BYTES];
}

static int map(struct drv_space *space, iova_t iova, const struct drv_part *part, unsigned rights,
	       struct error *err)
{
	struct toy *toy = toy_of(space);
	bool *page = page_of(toy->unit.ops->commit ? toy->queued : toy->mapped, iova);

	(void)rights;
	assert_int_equal(part->length, PAGE_BYTES);
	if (++toy->maps == toy->fail_map) {
		toy->unit.is_closed = toy->closes;
		return error_set(err, -ENOMEM, SENTENCE);
	}
	assert_false(*page);
	*page = true;
	return 0;
}

static int commit(struct drv_space *space, struct error *err)
{
	struct toy *toy = toy_of(space);
	uint32_t i;

	toy->commits++;
	for (i = 0; i < PAGES; i++) {
		toy->mapped[i] |= toy->queued[i] && toy->commits != toy->fail_commit;
		toy->queued[i] = false;
	}
	if (toy->commits != toy->fail_commit)
		return 0;
	toy->unit.is_closed = toy->closes;
	return error_set(err, -ENOSPC, SENTENCE);
}

static void unmap(struct drv_space *space, iova_t iova, uint64_t length, struct drv_gather *gather)
{
	struct toy *toy = toy_of(space);

	assert_int_equal(length, PAGE_BYTES);
	/* What is queued or was never there is not taken away. */
	assert_false(*page_of(toy->queued, iova));
	assert_true(*page_of(toy->mapped, iova));
	*page_of(toy->mapped, iova) = false;
	toy->unmaps++;
	drv_gather_range(gather, space, iova.v, length);
}

static uint64_t submit(struct drv_unit *unit, struct drv_gather *gather)
{
	struct toy *toy = list_entry(unit, struct toy, unit);

	*gather = (struct drv_gather){ 0 };
	return ++toy->submits;
}

static const struct drv_ops plain_ops = { .map = map, .unmap = unmap, .submit = submit };
static const struct drv_ops batch_ops = {
	.map = map, .commit = commit, .unmap = unmap, .submit = submit,
};

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct daemon *d = &rig->d;
	uint32_t i, domain;

	*state = rig;
	rig->arena = aligned_alloc(PAGE_BYTES, books_size(ARENA));
	books_init(&d->books, rig->arena, ARENA, 1);
	d->domains = calloc(d->books.header->domain_max, sizeof(*d->domains));
	domain = books_take_domain(&d->books);
	rig->memory = books_take_memory(&d->books);
	d->books.memories[rig->memory].extent_count = 1;
	d->unit_count = UNITS;
	for (i = 0; i < UNITS; i++) {
		rig->toys[i].unit.ops = i == 1 ? &batch_ops : &plain_ops;
		rig->toys[i].space.unit = &rig->toys[i].unit;
		d->units[i].drv = &rig->toys[i].unit;
		d->domains[domain].spaces[i] = &rig->toys[i].space;
	}
	rig->spread = spread_new(domain);
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	free(rig->d.domains);
	free(rig->arena);
	free(rig);
	return 0;
}

/* Grants of pages 0 to count - 1; 0, or what the first refusal was. *ret_made: how many. */
static int map_pages(struct rig *rig, uint32_t count, uint32_t *ret_made)
{
	struct book_grant *grant;
	int ret = 0;
	uint32_t i;

	for (i = 0; i < count && ret == 0; i++) {
		rig->grants[i] = books_take_grant(&rig->d.books);
		grant = &rig->d.books.grants[rig->grants[i]];
		grant->iova = i * PAGE_BYTES;
		grant->length = PAGE_BYTES;
		grant->memory = rig->memory;
		ret = spread_map(&rig->d, &rig->spread, grant, &rig->err);
	}
	*ret_made = ret < 0 ? i - 1 : i;
	return ret;
}

static uint32_t pages_on(const struct toy *toy)
{
	uint32_t i, count = 0;

	for (i = 0; i < PAGES; i++)
		count += toy->mapped[i] + toy->queued[i];
	return count;
}

static void revert(struct rig *rig, uint32_t made)
{
	uint32_t i;

	spread_revert(&rig->d, &rig->spread, rig->grants, made, &rig->pending);
	for (i = 0; i < UNITS; i++)
		assert_int_equal(pages_on(&rig->toys[i]), 0);
}

/* Was there something to wait for on exactly these units? */
static void check_waits(const struct rig *rig, unsigned units)
{
	unsigned seen = 0;
	uint32_t i;

	for (i = 0; i < rig->pending.count; i++)
		seen |= 1u << (rig->pending.tickets[i].unit - rig->d.units);
	assert_int_equal(seen, units);
}

static void spread_committed_is_on_every_unit(void **state)
{
	struct rig *rig = *state;
	uint32_t i, made;

	assert_int_equal(map_pages(rig, 3, &made), 0);
	assert_int_equal(rig->toys[1].commits, 0);
	assert_int_equal(spread_commit(&rig->d, &rig->spread, &rig->err), 0);
	for (i = 0; i < UNITS; i++)
		assert_int_equal(pages_on(&rig->toys[i]), 3);
	assert_false(rig->toys[1].queued[0]);
	assert_int_equal(rig->toys[1].commits, 1);
}

static void spread_refused_by_the_last_unit_leaves_nothing_anywhere(void **state)
{
	struct rig *rig = *state;
	uint32_t made;

	rig->toys[2].fail_map = 3;
	assert_int_equal(map_pages(rig, 4, &made), -ENOMEM);
	assert_int_equal(made, 2);
	assert_string_equal(rig->err.text, SENTENCE);
	revert(rig, made);
	check_waits(rig, 7);
	/* Of the third page the last unit had nothing. */
	assert_int_equal(rig->toys[0].unmaps, 3);
	assert_int_equal(rig->toys[1].unmaps, 3);
	assert_int_equal(rig->toys[2].unmaps, 2);
}

static void spread_refused_by_the_first_unit_leaves_nothing_anywhere(void **state)
{
	struct rig *rig = *state;
	uint32_t made;

	rig->toys[0].fail_map = 2;
	assert_int_equal(map_pages(rig, 4, &made), -ENOMEM);
	revert(rig, made);
	assert_int_equal(rig->toys[0].unmaps, 1);
	assert_int_equal(rig->toys[1].unmaps, 1);
	assert_int_equal(rig->toys[2].unmaps, 1);
}

static void spread_refused_at_commit_leaves_nothing_anywhere(void **state)
{
	struct rig *rig = *state;
	uint32_t made;

	rig->toys[1].fail_commit = 1;
	assert_int_equal(map_pages(rig, 4, &made), 0);
	assert_int_equal(spread_commit(&rig->d, &rig->spread, &rig->err), -ENOSPC);
	revert(rig, made);
	/* Where nothing was, nothing is taken away or waited for. */
	assert_int_equal(rig->toys[1].unmaps, 0);
	assert_int_equal(rig->toys[1].commits, 1);
	check_waits(rig, 5);
}

static void spread_refused_at_commit_by_a_unit_that_had_to_be_closed_is_waited_for(void **state)
{
	struct rig *rig = *state;
	uint32_t made;

	rig->toys[1].fail_commit = 1;
	rig->toys[1].closes = true;
	assert_int_equal(map_pages(rig, 1, &made), 0);
	assert_int_equal(spread_commit(&rig->d, &rig->spread, &rig->err), -ENOSPC);
	revert(rig, made);
	assert_int_equal(rig->toys[1].unmaps, 0);
	check_waits(rig, 7);
}

/* Of a single grant: taken off where it was, and nobody else is asked anything. */
static void spread_of_one_refused_waits_where_it_was_mapped_alone(void **state)
{
	struct rig *rig = *state;
	uint32_t made;

	rig->toys[1].fail_map = 1;
	assert_int_equal(map_pages(rig, 1, &made), -ENOMEM);
	revert(rig, made);
	check_waits(rig, 1);
	assert_int_equal(rig->spread.partial.memory, rig->memory);
	assert_int_equal(rig->toys[1].commits, 0);
}

/* What was sent before the unit had to be closed, its devices may have used. */
static void spread_refused_by_a_unit_that_had_to_be_closed_is_waited_for(void **state)
{
	struct rig *rig = *state;
	uint32_t made;

	rig->toys[1].fail_map = 1;
	rig->toys[1].closes = true;
	assert_int_equal(map_pages(rig, 1, &made), -ENOMEM);
	revert(rig, made);
	check_waits(rig, 3);
	assert_int_equal(rig->toys[1].unmaps, 0);
	assert_int_equal(rig->spread.partial.memory, rig->memory);
}

static void spread_on_a_closed_unit_refused_before_the_next_is_asked(void **state)
{
	struct rig *rig = *state;
	uint32_t made;

	rig->toys[1].unit.is_closed = true;
	assert_int_equal(map_pages(rig, 2, &made), -EIO);
	assert_int_equal(rig->toys[2].maps, 0);
	revert(rig, made);
	/* It had nothing of this request. */
	check_waits(rig, 1);
}

/* A unit that the domain has no device on is not in it. */
static void spread_asks_only_the_domains_units(void **state)
{
	struct rig *rig = *state;
	uint32_t made;

	rig->d.domains[rig->spread.domain].spaces[1] = NULL;
	rig->toys[2].fail_map = 2;
	assert_int_equal(map_pages(rig, 2, &made), -ENOMEM);
	revert(rig, made);
	assert_int_equal(rig->toys[1].maps + rig->toys[1].commits + rig->toys[1].submits, 0);
	check_waits(rig, 5);
}

/* Grants that hold are taken away without asking anybody to commit. */
static void spread_held_is_taken_away_even_where_commit_would_fail(void **state)
{
	struct rig *rig = *state;
	uint32_t made;

	assert_int_equal(map_pages(rig, 2, &made), 0);
	assert_int_equal(spread_commit(&rig->d, &rig->spread, &rig->err), 0);
	rig->spread = spread_held(rig->spread.domain);
	rig->toys[1].fail_commit = 2;
	revert(rig, made);
	assert_int_equal(rig->toys[1].commits, 1);
	check_waits(rig, 7);
}

/* Below 1 GiB there is memory, above it are registers. */
static bool is_low(struct machine *machine, pa_t pa, uint64_t length)
{
	(void)machine;
	(void)length;
	return pa.v < UINT64_C(1) << 30;
}

static void spread_part_of_a_region_says_whether_it_is_registers(void **state)
{
	static const struct machine_ops ops = { .is_memory = is_low };
	struct machine machine = { .ops = &ops };
	struct rig *rig = *state;
	struct book_memory *memory = &rig->d.books.memories[rig->memory];
	struct book_grant grant = { .memory = rig->memory, .length = PAGE_BYTES };

	rig->d.machine = &machine;
	memory->one.pa = PA(UINT64_C(1) << 31);
	assert_false(grant_part(&rig->d, &grant).is_registers);
	memory->flags |= BOOK_MEMORY_REGION;
	assert_true(grant_part(&rig->d, &grant).is_registers);
	memory->one.pa = PA(PAGE_BYTES);
	assert_false(grant_part(&rig->d, &grant).is_registers);
}

#define ON_RIG(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_RIG(spread_committed_is_on_every_unit),
		ON_RIG(spread_part_of_a_region_says_whether_it_is_registers),
		ON_RIG(spread_refused_by_the_last_unit_leaves_nothing_anywhere),
		ON_RIG(spread_refused_by_the_first_unit_leaves_nothing_anywhere),
		ON_RIG(spread_refused_at_commit_leaves_nothing_anywhere),
		ON_RIG(spread_refused_at_commit_by_a_unit_that_had_to_be_closed_is_waited_for),
		ON_RIG(spread_of_one_refused_waits_where_it_was_mapped_alone),
		ON_RIG(spread_refused_by_a_unit_that_had_to_be_closed_is_waited_for),
		ON_RIG(spread_on_a_closed_unit_refused_before_the_next_is_asked),
		ON_RIG(spread_asks_only_the_domains_units),
		ON_RIG(spread_held_is_taken_away_even_where_commit_would_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
