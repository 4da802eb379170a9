// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a unit can see while a table changes. At every store, in program order
 * and in orders a weaker machine may make of it between two barriers, the
 * auditor reads the whole table: pages outside the grant are as before, pages
 * inside are absent or right, and nothing else exists.
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
#define ROUNDS 40u
#define GRANTS_MAX 12
#define ARENA_PAGES 64

struct watch {
	struct tablerig rig;
	uint64_t seed;
	uint64_t iova, length; /* the grant that is changing */
	const struct drv_part *part;
	unsigned rights;
	uint64_t outside_mapped;
	uint64_t outside_seen;
	uint64_t audits;
	const char *wrong;
	/* Pages the map takes: until a barrier hardware may see what they held. */
	bool was_free[ARENA_PAGES];
	enum { PAGE_OLD, PAGE_NEW, PAGE_STORED } fresh[ARENA_PAGES];
};

static const char *watch_leaf(void *context, const struct auditor_leaf *leaf)
{
	struct watch *watch = context;
	uint64_t done, iova, word, want;

	for (done = 0; done < leaf->bytes; done += PAGE_BYTES) {
		iova = leaf->iova + done;
		word = (leaf->pa + done) | leaf->rights;
		if (iova - watch->iova < watch->length) {
			want = oracle_part_word(watch->part, iova - watch->iova, watch->rights);
		} else {
			want = oracle_get(&watch->rig.oracle, iova);
			watch->outside_seen++;
		}
		if (word != want)
			return iova - watch->iova < watch->length
				       ? "a page of the grant has a third meaning"
				       : "a page outside the grant is reachable or changed";
	}
	return NULL;
}

static void watch_audit(struct watch *watch)
{
	const char *wrong;

	if (watch->wrong)
		return;
	watch->audits++;
	watch->outside_seen = 0;
	wrong = auditor_read_all(&watch->rig.view, watch_leaf, watch, NULL);
	if (!wrong && watch->outside_seen != watch->outside_mapped)
		wrong = "a page outside the grant is gone";
	watch->wrong = wrong;
}

static void watch_store(void *context, uint64_t *where, uint64_t value)
{
	(void)where;
	(void)value;
	watch_audit(context);
}

static void log_apply(size_t index)
{
	const struct record *record = record_at(index);

	if (record->where)
		*record->where = record->value;
}

/* Pages that get their first store in this stretch: their old bytes, then zeroes. */
static void stretch_fill_fresh(struct watch *watch, size_t first, size_t end, int byte)
{
	const struct record *record;
	uint64_t page;
	size_t i;

	for (i = first; i < end; i++) {
		record = record_at(i);
		page = (uint64_t)((uint8_t *)record->where - (uint8_t *)watch->rig.memory) /
		       PAGE_BYTES;
		if (watch->fresh[page] != (byte ? PAGE_NEW : PAGE_STORED))
			continue;
		memset((uint8_t *)watch->rig.memory + page * PAGE_BYTES, byte, PAGE_BYTES);
		watch->fresh[page] = byte ? PAGE_STORED : PAGE_OLD;
	}
}

/* The order of one stretch without a barrier, turned round or shuffled. */
static void stretch_replay(struct watch *watch, size_t first, size_t end, bool shuffle)
{
	size_t count = end - first;
	size_t *order = malloc((count + 1) * sizeof(*order));
	size_t i, j, swap;

	for (i = 0; i < count; i++)
		order[i] = end - 1 - i;
	for (i = count; shuffle && i > 1; i--) {
		j = (size_t)(tablerig_random(&watch->seed) % i);
		swap = order[i - 1];
		order[i - 1] = order[j];
		order[j] = swap;
	}
	stretch_fill_fresh(watch, first, end, 0xa5);
	for (i = 0; i < count; i++) {
		log_apply(order[i]);
		watch_audit(watch);
	}
	stretch_fill_fresh(watch, first, end, 0);
	/* Stores to one word never pass each other. */
	for (i = first; i < end; i++)
		log_apply(i);
	free(order);
}

static void log_replay(struct watch *watch, bool shuffle)
{
	size_t first = 0;
	size_t i;

	for (i = 0; i < ARENA_PAGES; i++)
		watch->fresh[i] = watch->was_free[i] ? PAGE_NEW : PAGE_OLD;
	record_rewind();
	watch_audit(watch);
	for (i = 0; i <= record_count(); i++) {
		if (i < record_count() && record_at(i)->where)
			continue;
		stretch_replay(watch, first, i, shuffle);
		first = i + 1;
	}
	watch_audit(watch);
}

static void watch_begin(struct watch *watch, uint64_t iova, const struct drv_part *part,
			unsigned rights, uint64_t outside_mapped)
{
	uint32_t i;

	watch->iova = iova;
	watch->length = part->length;
	watch->part = part;
	watch->rights = rights;
	watch->outside_mapped = outside_mapped;
	for (i = 0; i < watch->rig.pages.page_count; i++)
		watch->was_free[i] = !watch->rig.pages.notes[i].taken;
	record_set_hook(watch_store, watch);
	record_start();
}

static void watch_end(struct watch *watch)
{
	record_set_hook(NULL, NULL);
	record_stop();
	watch_audit(watch);
	log_replay(watch, false);
	log_replay(watch, true);
	if (watch->wrong)
		fail_msg("address 0x%llx, length 0x%llx: %s", (unsigned long long)watch->iova,
			 (unsigned long long)watch->length, watch->wrong);
}

static void watched_map(struct watch *watch, uint64_t iova, const struct drv_part *part,
			unsigned rights)
{
	struct error err;

	watch_begin(watch, iova, part, rights, watch->rig.oracle.mapped);
	assert_int_equal(pgtable_map(&watch->rig.table, IOVA(iova), part, rights, &err), 0);
	watch_end(watch);
	oracle_map(&watch->rig.oracle, iova, part, rights);
	assert_null(tablerig_check_all(&watch->rig));
}

static void watched_unmap(struct watch *watch, uint64_t iova, const struct drv_part *part,
			  unsigned rights)
{
	uint64_t chain = 0;

	watch_begin(watch, iova, part, rights,
		    watch->rig.oracle.mapped - part->length / PAGE_BYTES);
	pgtable_unmap(&watch->rig.table, IOVA(iova), part->length, &chain);
	watch_end(watch);
	oracle_unmap(&watch->rig.oracle, iova, part->length);
	assert_null(tablerig_check_all(&watch->rig));
	pgtable_reap(&watch->rig.pages, chain);
	assert_null(tablerig_check_all(&watch->rig));
}

struct grant {
	uint64_t iova;
	unsigned rights;
	struct extent extents[3];
	struct drv_part part;
};

static void random_grant(struct watch *watch, struct grant *grant)
{
	static const uint64_t lengths[] = { 1, 2, 7, 40, 511, 512, 513, 600, 1024, 1200 };
	uint64_t pages = lengths[tablerig_random(&watch->seed) % 10];
	uint64_t head = tablerig_random(&watch->seed) % pages;
	uint64_t place = tablerig_random(&watch->seed);
	uint64_t end = UINT64_C(1) << watch->rig.view.input_bits;

	grant->iova =
		(place & 1 ? GIB - 4 * MIB : end - 16 * MIB) + (place >> 8) % 2048 * PAGE_BYTES;
	if (place & 2)
		grant->iova &= -(2 * MIB);
	grant->rights = place & 4 ? RIGHT_READ : RIGHT_READ | RIGHT_WRITE;
	grant->extents[0] = (struct extent){ PA(8 * GIB), PAGE_BYTES };
	grant->extents[1] = (struct extent){ PA(9 * GIB + 2 * MIB * (place >> 40 & 7)),
					     (pages - head) * PAGE_BYTES };
	grant->extents[2] = (struct extent){ PA(10 * GIB), head * PAGE_BYTES };
	grant->part = (struct drv_part){ .extents = grant->extents,
					 .extent_count = 3,
					 .offset = PAGE_BYTES,
					 .length = pages * PAGE_BYTES,
					 .fd = -1 };
}

static void random_rounds(const struct tablerig_shape *shape)
{
	static struct grant grants[GRANTS_MAX];
	struct watch watch = { .seed = shape->input_bits };
	unsigned count = 0;
	unsigned i, round;

	tablerig_open(&watch.rig, shape, ARENA_PAGES, 0);
	oracle_add_window(&watch.rig.oracle, GIB - 4 * MIB, 16 * MIB);
	oracle_add_window(&watch.rig.oracle, (UINT64_C(1) << shape->input_bits) - 16 * MIB,
			  16 * MIB);
	for (round = 0; round < ROUNDS; round++) {
		random_grant(&watch, &grants[count]);
		if (count + 1 < GRANTS_MAX && oracle_is_free(&watch.rig.oracle, grants[count].iova,
							     grants[count].part.length)) {
			watched_map(&watch, grants[count].iova, &grants[count].part,
				    grants[count].rights);
			grants[count].part.extents = grants[count].extents;
			count++;
		} else if (count) {
			i = (unsigned)(tablerig_random(&watch.seed) % count);
			watched_unmap(&watch, grants[i].iova, &grants[i].part, grants[i].rights);
			grants[i] = grants[--count];
			grants[i].part.extents = grants[i].extents;
		}
	}
	assert_true(watch.audits > UINT64_C(10) * ROUNDS);
	assert_null(tablerig_close(&watch.rig));
}

static void pgtable_every_store_stage_1_shows_old_or_new(void **state)
{
	(void)state;
	random_rounds(&(struct tablerig_shape){ AUDITOR_ARM_STAGE_1, 39, 1, 1, 0, false });
}

static void pgtable_every_store_stage_2_shows_old_or_new(void **state)
{
	(void)state;
	random_rounds(&(struct tablerig_shape){ AUDITOR_ARM_STAGE_2, 40, 1, 2, 0, false });
}

static void pgtable_every_store_vtd_first_level_shows_old_or_new(void **state)
{
	(void)state;
	random_rounds(&(struct tablerig_shape){ AUDITOR_VTD_FIRST, 47, 0, 1, 0, false });
}

static void pgtable_every_store_vtd_second_level_shows_old_or_new(void **state)
{
	(void)state;
	random_rounds(&(struct tablerig_shape){ AUDITOR_VTD_SECOND, 39, 1, 1, 0, false });
	random_rounds(&(struct tablerig_shape){ AUDITOR_VTD_SECOND, 48, 0, 1, 3, false });
}

/* New leaf tables under middle tables that hardware reaches already. */
static void pgtable_every_store_under_older_tables_shows_old_or_new(void **state)
{
	struct extent extent = { PA(8 * GIB), 3 * PAGE_BYTES };
	struct drv_part part = tablerig_part(&extent);
	struct watch watch = { .seed = 1 };

	(void)state;
	tablerig_open(&watch.rig,
		      &(struct tablerig_shape){ AUDITOR_ARM_STAGE_1, 39, 1, 1, 0, false },
		      ARENA_PAGES, 0);
	oracle_add_window(&watch.rig.oracle, GIB - 8 * MIB, 16 * MIB);
	watched_map(&watch, GIB - 8 * MIB, &part, RIGHT_READ);
	watched_map(&watch, GIB + 4 * MIB, &part, RIGHT_READ);
	watched_map(&watch, GIB - 2 * PAGE_BYTES, &part, RIGHT_READ);
	watched_unmap(&watch, GIB - 2 * PAGE_BYTES, &part, RIGHT_READ);
	assert_null(tablerig_close(&watch.rig));
}

static void pgtable_map_into_empty_root_links_last_and_once(void **state)
{
	struct extent extent = { PA(GIB), 3 * PAGE_BYTES };
	struct drv_part part = tablerig_part(&extent);
	struct tablerig rig;
	size_t last;

	(void)state;
	tablerig_open(&rig, &(struct tablerig_shape){ AUDITOR_ARM_STAGE_1, 48, 0, 1, 0, false }, 16,
		      0);
	oracle_add_window(&rig.oracle, 0, MIB);
	record_start();
	assert_int_equal(tablerig_map(&rig, 0, &part, RIGHT_READ), 0);
	record_stop();
	last = record_count() - 1;
	assert_int_equal(record_store_count(), 3 + 3); /* leaves, and one entry a level above */
	assert_ptr_equal(record_at(last)->where, rig.table.root);
	assert_int_equal(record_find(rig.table.root, 0), last);
	assert_null(record_at(last - 1)->where); /* the barrier right before it */
	assert_null(tablerig_close(&rig));
}

static void pgtable_unmap_of_whole_tables_ends_with_one_store(void **state)
{
	struct extent extent = { PA(8 * GIB + PAGE_BYTES), GIB };
	struct drv_part part = tablerig_part(&extent);
	uint64_t chain = 0;
	struct tablerig rig;

	(void)state;
	tablerig_open(&rig, &(struct tablerig_shape){ AUDITOR_ARM_STAGE_2, 39, 1, 1, 0, false },
		      600, 0);
	oracle_add_window(&rig.oracle, GIB, GIB);
	assert_int_equal(tablerig_map(&rig, GIB, &part, RIGHT_READ), 0);
	assert_int_equal(rig.table.table_pages, 1 + 1 + 512);
	record_start();
	tablerig_unmap(&rig, GIB, GIB, &chain);
	record_stop();
	assert_ptr_equal(record_at(0)->where, (uint64_t *)rig.table.root + 1);
	assert_int_equal(record_at(0)->value, 0);
	assert_int_equal(rig.table.table_pages, 1);
	assert_null(tablerig_check_all(&rig));
	pgtable_reap(&rig.pages, chain);
	assert_null(tablerig_close(&rig));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pgtable_every_store_stage_1_shows_old_or_new),
		cmocka_unit_test(pgtable_every_store_stage_2_shows_old_or_new),
		cmocka_unit_test(pgtable_every_store_vtd_first_level_shows_old_or_new),
		cmocka_unit_test(pgtable_every_store_vtd_second_level_shows_old_or_new),
		cmocka_unit_test(pgtable_every_store_under_older_tables_shows_old_or_new),
		cmocka_unit_test(pgtable_map_into_empty_root_links_last_and_once),
		cmocka_unit_test(pgtable_unmap_of_whole_tables_ends_with_one_store),
	};

	return cmocka_run_group_tests_name("pgtable_stores", tests, NULL, NULL);
}
