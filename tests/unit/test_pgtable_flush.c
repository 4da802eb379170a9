// SPDX-License-Identifier: BSD-2-Clause
/*
 * A unit that does not look into the processor's caches. What it sees here is a
 * copy of the arena that begins as garbage and gets a cache line only when that
 * is flushed, or when the processor chooses to write it back: now and then, by
 * dice. The auditor reads the copy at every store and every flush.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "record.h"
#include "tablerig.h"

#define GIB (UINT64_C(1) << 30)
#define MIB (UINT64_C(1) << 20)
#define ARENA_PAGES 64
#define ARENA_BYTES (ARENA_PAGES * PAGE_BYTES)
#define LINE UINT64_C(64)
#define ROUNDS 60u
#define GRANTS_MAX 12
#define RW (RIGHT_READ | RIGHT_WRITE)

static struct bench {
	struct tablerig rig;
	uint8_t seen[ARENA_BYTES]; /* by the unit */
	uint64_t seed;
	bool evicts;
	/* The grant that is changing. */
	uint64_t iova;
	const struct drv_part *part;
	unsigned rights;
	uint64_t outside_mapped, outside_found;
	uint64_t audits;
	const char *wrong;
} bench;

static const char *bench_leaf(void *context, const struct auditor_leaf *leaf)
{
	uint64_t done, iova, want;

	(void)context;
	for (done = 0; done < leaf->bytes; done += PAGE_BYTES) {
		iova = leaf->iova + done;
		if (bench.part && iova - bench.iova < bench.part->length) {
			want = oracle_part_word(bench.part, iova - bench.iova, bench.rights);
		} else {
			want = oracle_get(&bench.rig.oracle, iova);
			bench.outside_found++;
		}
		if (want != ((leaf->pa + done) | leaf->rights))
			return "the unit finds a page that was never there";
	}
	return NULL;
}

static void bench_audit(void)
{
	struct auditor_view view = bench.rig.view;
	const char *wrong;

	if (bench.wrong)
		return;
	view.memory = bench.seen;
	bench.audits++;
	bench.outside_found = 0;
	wrong = auditor_read_all(&view, bench_leaf, NULL, NULL);
	if (!wrong && bench.outside_found != bench.outside_mapped)
		wrong = "the unit misses a page outside the grant";
	bench.wrong = wrong;
}

static void line_write_back(uint64_t offset)
{
	offset -= offset % LINE;
	memcpy(bench.seen + offset, (uint8_t *)bench.rig.memory + offset, LINE);
}

static uint64_t arena_offset(const void *at)
{
	uint64_t offset = (uint64_t)((const uint8_t *)at - (const uint8_t *)bench.rig.memory);

	assert_true(offset < ARENA_BYTES);
	return offset;
}

static void on_store(void *context, uint64_t *where, uint64_t value)
{
	(void)context;
	(void)value;
	if (bench.evicts && tablerig_random(&bench.seed) % 3 == 0)
		line_write_back(arena_offset(where));
	bench_audit();
}

static void on_flush(void *context, const void *at, uint64_t bytes)
{
	uint64_t offset = arena_offset(at);
	uint64_t end = offset + bytes;

	(void)context;
	assert_true(bytes && end <= ARENA_BYTES);
	for (offset -= offset % LINE; offset < end; offset += LINE)
		line_write_back(offset);
	if (bench.rig.table.root)
		bench_audit();
}

static void bench_open(const struct tablerig_shape *shape, bool evicts)
{
	memset(&bench, 0, sizeof(bench));
	memset(bench.seen, 0xa5, sizeof(bench.seen));
	bench.seed = shape->input_bits;
	bench.evicts = evicts;
	record_start();
	tablerig_open(&bench.rig, shape, ARENA_PAGES, 0);
	record_stop();
	oracle_add_window(&bench.rig.oracle, GIB - 4 * MIB, 16 * MIB);
	if (!shape->is_noncoherent)
		return;
	assert_int_not_equal(record_find_flush(bench.rig.table.root, 0), SIZE_MAX);
	on_flush(NULL, record_at(0)->flushed, record_at(0)->bytes);
	record_set_hook(on_store, NULL);
	record_set_flush_hook(on_flush, NULL);
	assert_null(bench.wrong);
}

static void bench_close(void)
{
	record_set_hook(NULL, NULL);
	record_set_flush_hook(NULL, NULL);
	assert_null(tablerig_close(&bench.rig));
}

/* What was asked for is in memory, and nothing else is. */
static void bench_settled(void)
{
	bench.part = NULL;
	bench.outside_mapped = bench.rig.oracle.mapped;
	bench_audit();
	if (bench.wrong)
		fail_msg("address 0x%llx: %s", (unsigned long long)bench.iova, bench.wrong);
	assert_null(tablerig_check_all(&bench.rig));
}

static void bench_map(uint64_t iova, const struct drv_part *part, unsigned rights)
{
	struct error err;

	bench.iova = iova;
	bench.part = part;
	bench.rights = rights;
	bench.outside_mapped = bench.rig.oracle.mapped;
	assert_int_equal(pgtable_map(&bench.rig.table, IOVA(iova), part, rights, &err), 0);
	oracle_map(&bench.rig.oracle, iova, part, rights);
	bench_settled();
}

static void bench_unmap(uint64_t iova, const struct drv_part *part, unsigned rights)
{
	uint64_t chain = 0;

	bench.iova = iova;
	bench.part = part;
	bench.rights = rights;
	bench.outside_mapped = bench.rig.oracle.mapped - part->length / PAGE_BYTES;
	pgtable_unmap(&bench.rig.table, IOVA(iova), part->length, &chain);
	oracle_unmap(&bench.rig.oracle, iova, part->length);
	bench_settled();
	pgtable_reap(&bench.rig.pages, chain);
}

struct grant {
	uint64_t iova;
	unsigned rights;
	struct extent extents[2];
	struct drv_part part;
};

static void random_grant(struct grant *grant)
{
	static const uint64_t lengths[] = { 1, 2, 7, 8, 9, 511, 512, 513, 1030 };
	uint64_t count = lengths[tablerig_random(&bench.seed) % 9];
	uint64_t head = tablerig_random(&bench.seed) % count;
	uint64_t place = tablerig_random(&bench.seed);

	grant->iova = GIB - 4 * MIB + (place >> 8) % 2048 * PAGE_BYTES;
	if (place & 2)
		grant->iova &= -(2 * MIB);
	grant->rights = place & 4 ? RIGHT_READ : RW;
	grant->extents[0] = (struct extent){ PA(9 * GIB), (count - head) * PAGE_BYTES };
	grant->extents[1] = (struct extent){ PA(12 * GIB), head * PAGE_BYTES };
	grant->part = (struct drv_part){
		.extents = grant->extents, .extent_count = 2, .length = count * PAGE_BYTES, .fd = -1
	};
}

static void random_rounds(const struct tablerig_shape *shape, bool evicts)
{
	static struct grant grants[GRANTS_MAX];
	unsigned count = 0;
	unsigned round, i;

	bench_open(shape, evicts);
	for (round = 0; round < ROUNDS; round++) {
		random_grant(&grants[count]);
		if (count + 1 < GRANTS_MAX && oracle_is_free(&bench.rig.oracle, grants[count].iova,
							     grants[count].part.length)) {
			bench_map(grants[count].iova, &grants[count].part, grants[count].rights);
			count++;
		} else if (count) {
			i = (unsigned)(tablerig_random(&bench.seed) % count);
			bench_unmap(grants[i].iova, &grants[i].part, grants[i].rights);
			grants[i] = grants[--count];
			grants[i].part.extents = grants[i].extents;
		}
	}
	assert_true(bench.audits > UINT64_C(3) * ROUNDS);
	bench_close();
}

static void pgtable_flush_unit_that_sees_only_memory_finds_old_or_new(void **state)
{
	const struct tablerig_shape *shape;
	unsigned shapes = 0;

	(void)state;
	for (shape = tablerig_shapes; shape->stage; shape++) {
		if (!shape->is_noncoherent)
			continue;
		random_rounds(shape, false);
		random_rounds(shape, true);
		shapes++;
	}
	assert_true(shapes >= 3);
}

/* The log's flushes, in a word each: so many bytes. */
static uint64_t flush_at(size_t number)
{
	size_t i;

	for (i = 0; i < record_count(); i++)
		if (record_at(i)->flushed && number-- == 0)
			return record_at(i)->bytes;
	return 0;
}

static const struct tablerig_shape second = { AUDITOR_VTD_SECOND, 39, 1, 1, 0, true };

static void pgtable_flush_is_one_for_a_run_of_entries(void **state)
{
	struct extent extent = { PA(8 * GIB + PAGE_BYTES), 300 * PAGE_BYTES };
	struct drv_part part = tablerig_part(&extent);

	(void)state;
	bench_open(&second, false);
	record_start();
	bench_map(GIB, &part, RW); /* two new tables, whole, then the one link */
	record_stop();
	assert_int_equal(flush_at(0), PAGE_BYTES);
	assert_int_equal(flush_at(1), PAGE_BYTES);
	assert_int_equal(flush_at(2), 8);
	assert_int_equal(flush_at(3), 0);
	part.length = 100 * PAGE_BYTES;
	record_start();
	bench_map(GIB + 400 * PAGE_BYTES, &part, RW);
	record_stop();
	assert_int_equal(flush_at(0), 800);
	assert_int_equal(flush_at(1), 0);
	record_start();
	bench_unmap(GIB + 400 * PAGE_BYTES, &part, RW);
	record_stop();
	assert_int_equal(flush_at(0), 800);
	assert_int_equal(flush_at(1), 0);
	bench_close();
}

static void pgtable_flush_links_side_by_side_are_one(void **state)
{
	struct extent extent = { PA(8 * GIB + PAGE_BYTES), 6 * MIB };
	struct drv_part part = tablerig_part(&extent);

	(void)state;
	bench_open(&second, false);
	part.length = PAGE_BYTES;
	bench_map(GIB - 4 * MIB, &part, RW);
	bench_map(GIB, &part, RW);
	part.length = 6 * MIB;
	record_start();
	bench_map(GIB + 2 * MIB, &part, RW); /* three leaf tables under a table that is there */
	record_stop();
	assert_int_equal(flush_at(3), 24);
	assert_int_equal(flush_at(4), 0);
	bench_close();
}

/* More new tables than links are kept waiting: the first links go before the last tables. */
static void pgtable_flush_many_tables_each_is_in_memory_before_its_link(void **state)
{
	struct extent extent = { PA(8 * GIB + PAGE_BYTES), 80 * MIB };
	struct drv_part part = tablerig_part(&extent);

	(void)state;
	bench_open(&second, false);
	oracle_add_window(&bench.rig.oracle, GIB + 12 * MIB, 100 * MIB);
	part.length = PAGE_BYTES;
	bench_map(GIB, &part, RW);
	part.length = 80 * MIB;
	bench_map(GIB + 12 * MIB, &part, RW);
	bench_unmap(GIB + 12 * MIB, &part, RW);
	bench_close();
}

static void pgtable_flush_unlink_reaches_memory_before_unmap_returns(void **state)
{
	struct extent extent = { PA(8 * GIB), PAGE_BYTES };
	struct drv_part part = tablerig_part(&extent);
	size_t store;

	(void)state;
	bench_open(&second, false);
	bench_map(GIB, &part, RW);
	record_start();
	bench_unmap(GIB, &part, RW);
	record_stop();
	store = record_find((uint64_t *)bench.rig.table.root + 1, 0);
	assert_int_not_equal(store, SIZE_MAX);
	assert_int_not_equal(record_find_flush((uint64_t *)bench.rig.table.root + 1, store),
			     SIZE_MAX);
	bench_close();
}

static void pgtable_flush_coherent_unit_costs_none(void **state)
{
	static const struct tablerig_shape coherent = { AUDITOR_VTD_SECOND, 39, 1, 1, 0, false };
	struct extent extent = { PA(8 * GIB + PAGE_BYTES), 4 * MIB };
	struct drv_part part = tablerig_part(&extent);
	uint64_t chain = 0;
	struct error err;
	size_t i;

	(void)state;
	bench_open(&coherent, false);
	record_start();
	assert_int_equal(pgtable_map(&bench.rig.table, IOVA(GIB), &part, RW, &err), 0);
	pgtable_unmap(&bench.rig.table, IOVA(GIB), part.length, &chain);
	record_stop();
	for (i = 0; i < record_count(); i++)
		assert_null(record_at(i)->flushed);
	pgtable_reap(&bench.rig.pages, chain);
	bench_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pgtable_flush_unit_that_sees_only_memory_finds_old_or_new),
		cmocka_unit_test(pgtable_flush_is_one_for_a_run_of_entries),
		cmocka_unit_test(pgtable_flush_links_side_by_side_are_one),
		cmocka_unit_test(pgtable_flush_many_tables_each_is_in_memory_before_its_link),
		cmocka_unit_test(pgtable_flush_unlink_reaches_memory_before_unmap_returns),
		cmocka_unit_test(pgtable_flush_coherent_unit_costs_none),
	};

	if (!HW_CAN_FLUSH)
		return 0;
	return cmocka_run_group_tests_name("pgtable_flush", tests, NULL, NULL);
}
