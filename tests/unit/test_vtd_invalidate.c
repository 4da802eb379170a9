// SPDX-License-Identifier: BSD-2-Clause
/* From what was gathered to descriptors: enough, as few as say it, drained. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bits.h"
#include "record.h"
#include "vtd_invalidate.h"
#include "vtdrig.h"

#define PAGE UINT64_C(4096)
#define IOVA_BASE UINT64_C(0x100000)
#define DRAINS (UINT64_C(3) << 6)

static struct vtdrig rig;
static struct drv_space *space;

static void start(const struct vtdrig_kind *kind)
{
	vtdrig_start(&rig, kind);
	space = vtdrig_space(&rig);
	vtdrig_set(&rig, VTDRIG_STREAM, DRV_BOUND, space);
}

static unsigned make(uint64_t iova, uint64_t pages, struct desc descs[2])
{
	return vtd_invalidate_make_range(vtd_of(rig.unit), vtd_space_of(space), iova, pages * PAGE,
					 true, descs);
}

static bool covers(const struct desc *desc, uint64_t page)
{
	return ((desc->word[1] >> 12 ^ page) >> (desc->word[1] & 63)) == 0;
}

/* Every page of every range, at every place, is in one of at most two descriptors. */
static void range_is_covered_wherever_it_lies(void **state)
{
	struct desc descs[2];
	uint64_t first, pages, page, wide;
	unsigned count, i;

	(void)state;
	start(&vtdrig_kinds[VTDRIG_LEGACY]);
	for (first = 0; first < 70; first++) {
		for (pages = 1; pages < 70; pages++) {
			count = make((0x40000 + first) * PAGE, pages, descs);
			assert_in_range(count, 1, 2);
			for (page = 0; page < pages; page++)
				assert_true(covers(&descs[0], 0x40000 + first + page) ||
					    (count == 2 && covers(&descs[1], 0x40000 + first + page)));
			for (i = 0, wide = 0; i < count; i++) {
				wide += BIT(descs[i].word[1] & 63);
				/* Aligned, as a unit asks, or it would invalidate something else. */
				assert_int_equal((descs[i].word[1] >> 12) & (BIT(descs[i].word[1] & 63) - 1), 0);
			}
			assert_true(wide <= 4 * pages);
		}
	}
	vtdrig_fini(&rig);
}

static void range_beyond_the_largest_mask_takes_the_space(void **state)
{
	struct vtdrig_kind kind = vtdrig_kinds[VTDRIG_LEGACY];
	struct desc descs[2];

	(void)state;
	start(&kind); /* MAMV 18 */
	assert_int_equal(make(0, BIT(18), descs), 1);
	assert_int_equal(make(0, BIT(18) + 1, descs), 2);
	assert_int_equal(make(0, BIT(20), descs), 0);
	vtdrig_fini(&rig);
	kind.cap &= ~BITS(53, 48); /* one page at a time */
	start(&kind);
	assert_int_equal(make(IOVA_BASE, 1, descs), 1);
	assert_int_equal(make(IOVA_BASE, 2, descs), 2);
	assert_int_equal(make(IOVA_BASE, 3, descs), 0);
	vtdrig_fini(&rig);
	kind.cap &= ~BIT(39); /* PSI: no page-selective invalidation at all */
	start(&kind);
	assert_int_equal(make(IOVA_BASE, 1, descs), 0);
	vtdrig_fini(&rig);
}

static void make_part(struct drv_gather *gather, uint64_t iova, unsigned pages)
{
	unsigned i;

	for (i = 0; i < pages; i++)
		rig.ops->unmap(space, IOVA(iova + i * PAGE), PAGE, gather);
}

static void submit(struct drv_gather *gather)
{
	vtd_fake_log(&rig.fake);
	vtdrig_wait(&rig, rig.ops->submit(rig.unit, gather));
	assert_true(drv_gather_is_empty(gather));
}

static void adjacent_pages_are_one_range_and_one_wait(const struct vtdrig_kind *kind)
{
	struct drv_gather gather = { 0 };
	unsigned i;

	start(kind);
	for (i = 0; i < 64; i++)
		vtdrig_map(&rig, space, IOVA_BASE + i * PAGE, PAGE);
	vtdrig_map(&rig, space, IOVA_BASE + i * PAGE, PAGE); /* keeps the table page */
	make_part(&gather, IOVA_BASE, 64);
	submit(&gather);
	assert_int_equal(rig.fake.log_count, 2);
	assert_int_equal(rig.fake.log[0].word[0], 2 | 3 << 4 | DRAINS |
			 (uint64_t)vtd_space_of(space)->id << 16);
	assert_int_equal(rig.fake.log[0].word[1], IOVA_BASE | 1 << 6 | 6); /* leaves alone: IH */
	assert_int_equal(rig.fake.log[1].word[0] & 15, VTD_FAKE_WAIT);
	assert_int_equal(rig.fake.waits, 1);
	vtdrig_fini(&rig);
}

/* The price of a batch: pages that touch cost one descriptor and one wait. */
static void batch_of_adjacent_pages_is_one_range_and_one_wait(void **state)
{
	(void)state;
	adjacent_pages_are_one_range_and_one_wait(&vtdrig_kinds[VTDRIG_LEGACY]);
	adjacent_pages_are_one_range_and_one_wait(&vtdrig_kinds[VTDRIG_CACHING]);
	adjacent_pages_are_one_range_and_one_wait(&vtdrig_kinds[VTDRIG_SECOND]);
}

/* With a table page freed, what the unit remembers of tables goes too: no IH. */
static void freed_table_takes_the_hint_away(void **state)
{
	struct drv_gather gather = { 0 };

	(void)state;
	start(&vtdrig_kinds[VTDRIG_LEGACY]);
	vtdrig_map(&rig, space, IOVA_BASE, PAGE);
	make_part(&gather, IOVA_BASE, 1);
	assert_true(gather.freed_chain != 0);
	submit(&gather);
	assert_int_equal(rig.fake.log[0].word[1], IOVA_BASE);
	vtdrig_fini(&rig);
}

/* Posted writes are in memory before a release is told: on every kind of unit. */
static void every_iotlb_invalidation_drains_reads_and_writes(void **state)
{
	struct drv_gather gather = { 0 };
	unsigned i, kind;

	(void)state;
	for (kind = 0; kind < vtdrig_kind_count; kind++) {
		vtdrig_init_kind(&rig, &vtdrig_kinds[kind]);
		vtd_fake_log(&rig.fake);
		vtdrig_probe(&rig);
		vtdrig_takeover(&rig, NULL, 0);
		space = vtdrig_space(&rig);
		vtdrig_map(&rig, space, IOVA_BASE, 2 * PAGE);
		vtdrig_set(&rig, VTDRIG_STREAM, DRV_BOUND, space);
		rig.ops->unmap(space, IOVA(IOVA_BASE), 2 * PAGE, &gather);
		vtdrig_wait(&rig, rig.ops->submit(rig.unit, &gather));
		vtdrig_set(&rig, VTDRIG_STREAM, DRV_DENY, NULL);
		rig.ops->space_destroy(space);
		rig.ops->close(rig.unit);
		for (i = 0; i < rig.fake.log_count; i++)
			if ((rig.fake.log[i].word[0] & 15) == VTD_FAKE_IOTLB_INV)
				assert_int_equal(rig.fake.log[i].word[0] & DRAINS, DRAINS);
		assert_true(rig.fake.by_type[VTD_FAKE_IOTLB_INV] > 0);
		vtdrig_fini(&rig);
	}
}

/* A page table of the first level has an invalidation of its own, which drains nothing. */
static void first_level_ranges_use_the_pasid_based_form(void **state)
{
	struct drv_gather gather = { 0 };

	(void)state;
	start(&vtdrig_kinds[VTDRIG_FIRST]);
	vtdrig_map(&rig, space, IOVA_BASE, 4 * PAGE);
	vtdrig_map(&rig, space, IOVA_BASE + 4 * PAGE, PAGE);
	rig.ops->unmap(space, IOVA(IOVA_BASE), 4 * PAGE, &gather);
	submit(&gather);
	assert_int_equal(rig.fake.log[0].word[0], 6 | 3 << 4 |
			 (uint64_t)vtd_space_of(space)->id << 16);
	assert_int_equal(rig.fake.log[0].word[1], IOVA_BASE | 1 << 6 | 2);
	/* So one that drains stands between it and the wait. */
	assert_int_equal(rig.fake.log[1].word[0], 2 | 2 << 4 | DRAINS |
			 (uint64_t)vtd_space_of(space)->id << 16);
	assert_int_equal(rig.fake.log[2].word[0] & 15, VTD_FAKE_WAIT);
	vtd_fake_log(&rig.fake);
	vtdrig_set(&rig, VTDRIG_STREAM, DRV_DENY, NULL);
	assert_int_equal(rig.fake.by_type[VTD_FAKE_PIOTLB], 1);
	assert_int_equal(rig.fake.log[rig.fake.log_count - 2].word[0] & (15 | DRAINS), 2 | DRAINS);
	vtdrig_fini(&rig);
}

static void too_many_ranges_take_the_whole_space(void **state)
{
	struct drv_gather gather = { 0 };
	unsigned i;

	(void)state;
	start(&vtdrig_kinds[VTDRIG_LEGACY]);
	for (i = 0; i <= DRV_GATHER_RANGES; i++)
		vtdrig_map(&rig, space, IOVA_BASE + 2 * i * PAGE, PAGE);
	for (i = 0; i <= DRV_GATHER_RANGES; i++)
		rig.ops->unmap(space, IOVA(IOVA_BASE + 2 * i * PAGE), PAGE, &gather);
	assert_true(gather.whole_space);
	submit(&gather);
	assert_int_equal(rig.fake.log_count, 2);
	assert_int_equal(rig.fake.log[0].word[0], 2 | 2 << 4 | DRAINS |
			 (uint64_t)vtd_space_of(space)->id << 16);
	vtdrig_fini(&rig);
}

/* An unmap in a space that a stream left in the same batch: said once, for all of it. */
static void left_space_is_dropped_once(void **state)
{
	struct drv_gather gather = { 0 };

	(void)state;
	start(&vtdrig_kinds[VTDRIG_LEGACY]);
	vtdrig_map(&rig, space, IOVA_BASE, PAGE);
	assert_true(vtdrig_access(&rig, VTDRIG_STREAM, IOVA_BASE, true));
	assert_int_equal(rig.ops->set_stream(rig.unit, VTDRIG_STREAM, DRV_DENY, NULL, &gather,
					     &rig.err), 0);
	make_part(&gather, IOVA_BASE, 1);
	submit(&gather);
	assert_int_equal(rig.fake.by_type[VTD_FAKE_CONTEXT], 1);
	assert_int_equal(rig.fake.by_type[VTD_FAKE_IOTLB_INV], 1);
	assert_int_equal(rig.fake.waits, 1);
	/* The context cache first: else the IOTLB is filled again from the old entry. */
	assert_int_equal(rig.fake.log[0].word[0] & 15, VTD_FAKE_CONTEXT);
	assert_false(vtdrig_access(&rig, VTDRIG_STREAM, IOVA_BASE, true));
	vtdrig_fini(&rig);
}

/* The context cache goes first, also where it is about another stream than the ranges. */
static void changed_entries_are_forgotten_before_translations(void **state)
{
	struct drv_gather gather = { 0 };

	(void)state;
	start(&vtdrig_kinds[VTDRIG_LEGACY]);
	vtdrig_map(&rig, space, IOVA_BASE, PAGE);
	make_part(&gather, IOVA_BASE, 1);
	assert_int_equal(rig.ops->set_stream(rig.unit, VTDRIG_STREAM + 8, DRV_BOUND, space, &gather,
					     &rig.err), 0);
	submit(&gather);
	assert_int_equal(rig.fake.log_count, 3);
	assert_int_equal(rig.fake.log[0].word[0] & 15, VTD_FAKE_CONTEXT);
	assert_int_equal(rig.fake.log[1].word[0] & 15, VTD_FAKE_IOTLB_INV);
	vtdrig_fini(&rig);
}

static void tables_are_used_again_only_after_their_ticket(void **state)
{
	struct drv_gather gather = { 0 };
	uint64_t pages, ticket;

	(void)state;
	start(&vtdrig_kinds[VTDRIG_LEGACY]);
	vtdrig_map(&rig, space, IOVA_BASE, PAGE);
	pages = pages_free_count(&rig.fake.pages);
	rig.fake.is_stopped = true;
	make_part(&gather, IOVA_BASE, 1);
	ticket = rig.ops->submit(rig.unit, &gather);
	rig.ops->completed(rig.unit);
	assert_int_equal(pages_free_count(&rig.fake.pages), pages);
	rig.fake.is_stopped = false;
	vtd_fake_consume(&rig.fake, UINT64_MAX);
	vtdrig_wait(&rig, ticket);
	assert_true(pages_free_count(&rig.fake.pages) > pages);
	vtdrig_fini(&rig);
}

static void empty_gather_gets_the_newest_ticket_and_a_closed_unit_none(void **state)
{
	struct drv_gather gather = { 0 };
	uint64_t ticket;

	(void)state;
	start(&vtdrig_kinds[VTDRIG_LEGACY]);
	vtdrig_map(&rig, space, IOVA_BASE, 2 * PAGE);
	ticket = rig.ops->submit(rig.unit, &gather);
	assert_true(rig.ops->completed(rig.unit) >= ticket);
	rig.ops->close(rig.unit);
	assert_int_equal(rig.ops->submit(rig.unit, &gather), UINT64_MAX);
	rig.ops->unmap(space, IOVA(IOVA_BASE), 2 * PAGE, &gather);
	assert_int_equal(rig.ops->submit(rig.unit, &gather), UINT64_MAX);
	vtdrig_fini(&rig);
}

/* CAP.RWBF: what the unit has buffered of our stores is flushed before it is told to look. */
static void write_buffers_are_flushed_before_the_descriptors(void **state)
{
	struct vtdrig_kind kind = vtdrig_kinds[VTDRIG_LEGACY];
	struct drv_gather gather = { 0 };
	uint64_t flush, tail;

	(void)state;
	kind.cap |= VTD_FAKE_CAP_RWBF;
	start(&kind);
	vtdrig_map(&rig, space, IOVA_BASE, PAGE);
	make_part(&gather, IOVA_BASE, 1);
	submit(&gather);
	flush = vtd_fake_find_write(&rig.fake, VTD_FAKE_GCMD, VTD_FAKE_WBF, VTD_FAKE_WBF, 0);
	tail = vtd_fake_find_write(&rig.fake, VTD_FAKE_IQT, 0, 0, 0);
	assert_true(flush < tail);
	/* A command must repeat what lasts, or it would switch translation off. */
	assert_int_equal(rig.fake.accesses[flush].value & (VTD_FAKE_TE | VTD_FAKE_QIE),
			 VTD_FAKE_TE | VTD_FAKE_QIE);
	assert_false(rig.fake.accesses[flush].value & VTD_FAKE_SRTP);
	vtdrig_map(&rig, space, IOVA_BASE, PAGE);
	/* Never acknowledged: the unit is closed, and no ticket ever comes. */
	rig.fake.mute = VTD_FAKE_WBF;
	make_part(&gather, IOVA_BASE, 1);
	assert_int_equal(rig.ops->submit(rig.unit, &gather), UINT64_MAX);
	assert_true(rig.unit->is_closed);
	assert_int_equal(vtdrig_look(&rig, VTDRIG_STREAM).verdict, VTD_ORACLE_REFUSED);
	vtdrig_fini(&rig);
}

static void unit_that_stops_answering_is_closed(void **state)
{
	struct drv_gather gather = { 0 };
	unsigned i;

	(void)state;
	start(&vtdrig_kinds[VTDRIG_LEGACY]);
	vtdrig_map(&rig, space, IOVA_BASE, PAGE);
	rig.fake.is_stopped = true;
	make_part(&gather, IOVA_BASE, 1);
	rig.ops->submit(rig.unit, &gather);
	for (i = 0; i < 10 && !rig.unit->is_closed; i++) {
		rig.fake.clock_ns += UINT64_C(300000000);
		rig.ops->completed(rig.unit);
	}
	assert_true(rig.unit->is_closed);
	assert_int_equal(vtdrig_look(&rig, VTDRIG_STREAM).verdict, VTD_ORACLE_REFUSED);
	assert_int_equal(vtd_fake_get(&rig.fake, VTD_FAKE_RTADDR, 8), rig.fake.hw.blank_pa.v);
	vtdrig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(range_is_covered_wherever_it_lies),
		cmocka_unit_test(range_beyond_the_largest_mask_takes_the_space),
		cmocka_unit_test(batch_of_adjacent_pages_is_one_range_and_one_wait),
		cmocka_unit_test(freed_table_takes_the_hint_away),
		cmocka_unit_test(every_iotlb_invalidation_drains_reads_and_writes),
		cmocka_unit_test(first_level_ranges_use_the_pasid_based_form),
		cmocka_unit_test(too_many_ranges_take_the_whole_space),
		cmocka_unit_test(left_space_is_dropped_once),
		cmocka_unit_test(changed_entries_are_forgotten_before_translations),
		cmocka_unit_test(tables_are_used_again_only_after_their_ticket),
		cmocka_unit_test(empty_gather_gets_the_newest_ticket_and_a_closed_unit_none),
		cmocka_unit_test(write_buffers_are_flushed_before_the_descriptors),
		cmocka_unit_test(unit_that_stops_answering_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
