// SPDX-License-Identifier: BSD-2-Clause
/*
 * The VT-d module straight on QEMU's model of a unit, with real transfers of
 * edu devices: what counts is what stands in memory afterwards. Every test runs
 * for each mode, table and way to invalidate that the model offers.
 *
 * Quirks of the model that show here: it has one fault record and merges what a
 * device does while that is in use; it records no fault where a translation that
 * it remembers lacks a right; it executes a queue at once.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bits.h"
#include "driver.h"
#include "unit_rig.h"
#include "unit_suite.h"

#define IOVA_BASE UINT64_C(0x100000)
#define PAGE UNIT_RIG_PAGE
#define BLOCK (UINT64_C(2) << 20)

#define ECAP 0x10u
#define ECAP_QI UINT64_C(2)
#define GCMD 0x18u
#define GSTS 0x1cu
#define QIE UINT64_C(0x04000000)
#define TE  UINT64_C(0x80000000)

static const struct variant *variant;
static bool hides_queue; /* the unit says that it has no invalidation queue */

static void bring_up(struct unit_rig *rig)
{
	uint64_t ecap, address;

	unit_rig_bring_up(rig, variant);
	if (!hides_queue)
		return;
	ecap = unit_rig_read(rig, ECAP, 8);
	assert_true(ecap & ECAP_QI);
	address = rig->topology.units[0].base + ECAP;
	assert_int_equal(board_control(&rig->board, BOARD_OVERRIDE_READ, address, 8,
				       ecap & ~ECAP_QI), 0);
}

static int setup(void **state)
{
	const struct drv_stream_init init = { UNIT_RIG_STREAM, DRV_DENY, NULL };
	const struct drv_options options = variant_options(variant);
	struct unit_rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	bring_up(rig);
	if (unit_rig_probe(rig, &options))
		fail_msg("%s", rig->err.text);
	rig->ops = rig->unit->ops;
	/* As the daemon does: closed, then taken over. */
	rig->ops->close(rig->unit);
	unit_rig_take_over(rig, &init, 1);
	assert_int_equal(rig->ops->space_create(rig->unit, 0, &rig->space, &rig->err), 0);
	*state = rig;
	return 0;
}

static void vtd_variant_is_what_it_says(void **state)
{
	struct unit_rig *rig = *state;
	const char *words = rig->unit->caps.words;

	assert_true(rig->unit->caps.unsafe_interrupts);
	assert_non_null(strstr(words, variant->mode));
	assert_non_null(strstr(words, hides_queue ? "register-based" : "queued"));
	assert_int_equal(!!(unit_rig_read(rig, GSTS, 4) & QIE), !hides_queue);
	assert_int_equal(rig->ops->commit != NULL, strstr(words, "caching mode") != NULL);
	if (variant == &variants[VTD_FIRST_LEVEL])
		assert_non_null(strstr(words, "first level"));
	else
		assert_non_null(strstr(words, "second level"));
	if (variant == &variants[VTD_LEGACY_39])
		assert_int_equal(rig->unit->caps.input_bits, 39);
}

static void vtd_deny_refuses_and_records_address_and_access(void **state)
{
	struct unit_rig *rig = *state;

	unit_rig_fill_device(rig, 0x5a, 64);
	unit_rig_map(rig, IOVA_BASE, 0, PAGE, RIGHT_READ | RIGHT_WRITE);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, 64, 0x5a));
	memset(rig->memory, 0, 64);
	unit_rig_assert_no_faults(rig);
	unit_rig_set_stream(rig, UNIT_RIG_STREAM, DRV_DENY);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, PAGE, 0));
	unit_rig_assert_faults(rig, 16, DRV_FAULT_STREAM, RIGHT_WRITE, IOVA_BASE);
	unit_rig_to_device(rig, IOVA_BASE + 0x40, 8);
	unit_rig_assert_faults(rig, 2, DRV_FAULT_STREAM, RIGHT_READ, IOVA_BASE + 0x40);
	unit_rig_set_stream(rig, UNIT_RIG_STREAM, DRV_BOUND);
	unit_rig_fill_device(rig, 0x6b, 64);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, 64, 0x6b));
	unit_rig_assert_no_faults(rig);
}

/* Many pages, at places where no aligned block says them: too little would show. */
static void vtd_range_invalidation_covers_every_page(void **state)
{
	static const unsigned counts[] = { 1, 2, 3, 31, 33, 65, 129 };
	struct unit_rig *rig = *state;
	uint64_t iova;
	unsigned c, page;

	unit_rig_fill_device(rig, 0x5a, 4);
	for (c = 0; c < ARRAY_COUNT(counts); c++) {
		iova = BLOCK - PAGE * (counts[c] / 2);
		unit_rig_map(rig, iova, 0, counts[c] * PAGE, RIGHT_READ | RIGHT_WRITE);
		for (page = 0; page < counts[c]; page++)
			unit_rig_from_device(rig, iova + page * PAGE, 4);
		assert_true(unit_rig_holds(rig, (counts[c] - 1) * PAGE, 4, 0x5a));
		unit_rig_assert_no_faults(rig);
		unit_rig_unmap(rig, iova, counts[c] * PAGE);
		memset(rig->memory, 0, counts[c] * PAGE);
		for (page = 0; page < counts[c]; page++)
			unit_rig_from_device(rig, iova + page * PAGE, 4);
		assert_true(unit_rig_holds(rig, 0, counts[c] * PAGE, 0));
		unit_rig_assert_faults(rig, 1, DRV_FAULT_TRANSLATION, RIGHT_WRITE, iova);
	}
}

static void vtd_block_of_2_mib_maps_and_unmaps(void **state)
{
	struct unit_rig *rig = *state;
	uint64_t offset = BLOCK - (rig->pa & (BLOCK - 1));
	uint64_t iova = 4 * BLOCK;
	struct drv_walk walk;

	offset &= BLOCK - 1;
	unit_rig_fill_device(rig, 0x5a, 64);
	unit_rig_map(rig, iova, offset, BLOCK, RIGHT_READ | RIGHT_WRITE);
	rig->ops->walk(rig->space, IOVA(iova), &walk);
	assert_int_equal(walk.leaf_bytes, BLOCK);
	unit_rig_from_device(rig, iova, 64);
	unit_rig_from_device(rig, iova + BLOCK - 64, 64);
	assert_true(unit_rig_holds(rig, offset, 64, 0x5a));
	assert_true(unit_rig_holds(rig, offset + BLOCK - 64, 64, 0x5a));
	unit_rig_from_device(rig, iova + BLOCK, 4);
	unit_rig_assert_faults(rig, 1, DRV_FAULT_TRANSLATION, RIGHT_WRITE, iova + BLOCK);
	unit_rig_unmap(rig, iova, BLOCK);
	memset(rig->memory + offset, 0, BLOCK);
	unit_rig_from_device(rig, iova, 64);
	unit_rig_from_device(rig, iova + BLOCK - 64, 64);
	assert_true(unit_rig_holds(rig, offset, BLOCK, 0));
	unit_rig_assert_faults(rig, 1, DRV_FAULT_TRANSLATION, RIGHT_WRITE, iova);
}

/* Addresses at both ends of what the unit takes. */
static void vtd_highest_address_works_and_none_above(void **state)
{
	struct unit_rig *rig = *state;
	uint64_t end = UINT64_C(1) << rig->unit->caps.input_bits;

	unit_rig_fill_device(rig, 0x5a, 64);
	unit_rig_map(rig, end - PAGE, 0, PAGE, RIGHT_READ | RIGHT_WRITE);
	unit_rig_from_device(rig, end - 64, 64);
	assert_true(unit_rig_holds(rig, PAGE - 64, 64, 0x5a));
	unit_rig_assert_no_faults(rig);
	memset(rig->memory, 0, PAGE);
	unit_rig_from_device(rig, end, 64);
	unit_rig_assert_faults(rig, 1, DRV_FAULT_ADDRESS, RIGHT_WRITE, end);
	unit_rig_from_device(rig, end + PAGE - 64, 64);
	assert_true(unit_rig_holds(rig, 0, rig->bytes - PAGE, 0));
}

static void vtd_unknown_stream_is_refused_and_reported(void **state)
{
	struct unit_rig *rig = *state;

	unit_rig_map(rig, IOVA_BASE, 0, PAGE, RIGHT_READ | RIGHT_WRITE);
	unit_rig_set_stream(rig, UNIT_RIG_STREAM, DRV_BOUND);
	unit_rig_from_other(rig, IOVA_BASE, 16);
	unit_rig_from_other(rig, rig->pa, 16);
	assert_true(unit_rig_holds(rig, 0, PAGE, 0));
	unit_rig_drain_faults(rig);
	assert_int_equal(rig->fault_count, 1);
	assert_int_equal(rig->faults[0].kind, DRV_FAULT_STREAM);
	assert_int_equal(rig->faults[0].stream, UNIT_RIG_OTHER_STREAM);
	assert_int_equal(rig->faults[0].address, IOVA_BASE);
	assert_string_equal(rig->faults[0].name, "LCT.2");
}

/* Two devices refused while one record is all there is: the second one is lost. */
static void vtd_fault_overflow_is_one_counted_loss(void **state)
{
	struct unit_rig *rig = *state;

	unit_rig_set_stream(rig, UNIT_RIG_STREAM, DRV_DENY);
	unit_rig_from_device(rig, IOVA_BASE, 16);
	unit_rig_from_other(rig, IOVA_BASE, 16);
	unit_rig_from_other(rig, IOVA_BASE, 16);
	unit_rig_assert_faults(rig, 1, DRV_FAULT_STREAM, RIGHT_WRITE, IOVA_BASE);
	assert_int_equal(rig->loss_count, 1);
	assert_int_equal(rig->unit->counts.event_losses, 1);
	assert_int_equal(rig->unit->counts.events, 1);
	/* And it goes on recording. */
	unit_rig_from_device(rig, IOVA_BASE, 16);
	unit_rig_assert_faults(rig, 1, DRV_FAULT_STREAM, RIGHT_WRITE, IOVA_BASE);
	assert_int_equal(rig->loss_count, 1);
}

static void vtd_close_refuses_everything(void **state)
{
	struct unit_rig *rig = *state;

	unit_rig_fill_device(rig, 0x5a, 64);
	unit_rig_map(rig, IOVA_BASE, 0, PAGE, RIGHT_READ | RIGHT_WRITE);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, 64, 0x5a));
	memset(rig->memory, 0, 64);
	rig->ops->close(rig->unit);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	unit_rig_from_device(rig, rig->pa, 64);
	assert_true(unit_rig_holds(rig, 0, PAGE, 0));
	assert_true(unit_rig_read(rig, GSTS, 4) & TE);
}

/* A unit that never translated lets everything pass; closed, nothing. */
static void vtd_close_of_a_unit_never_enabled_refuses_everything(void **state)
{
	const struct drv_options options = variant_options(variant);
	struct unit_rig *rig = *state;

	unit_rig_stop(rig);
	bring_up(rig);
	memset(rig->memory, 0x5a, 64);
	unit_rig_to_device(rig, rig->pa, 64);
	unit_rig_from_device(rig, rig->pa + PAGE, 64);
	assert_true(unit_rig_holds(rig, PAGE, 64, 0x5a));
	assert_int_equal(unit_rig_probe(rig, &options), 0);
	rig->ops = rig->unit->ops;
	rig->ops->close(rig->unit);
	unit_rig_from_device(rig, rig->pa + 2 * PAGE, 64);
	assert_true(unit_rig_holds(rig, 2 * PAGE, PAGE, 0));
}

/* A second owner of the same unit: closed first, then everything by its own rules. */
static void vtd_takeover_of_an_enabled_unit_closes_what_was_open(void **state)
{
	struct drv_stream_init init = { UNIT_RIG_STREAM, DRV_DENY, NULL };
	struct unit_rig *rig = *state;
	struct drv_unit *first = rig->unit;
	struct drv_options options;

	unit_rig_fill_device(rig, 0x5a, 64);
	unit_rig_map(rig, IOVA_BASE, 0, PAGE, RIGHT_READ | RIGHT_WRITE);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, 64, 0x5a));
	memset(rig->memory, 0, 64);
	/* Another process: it knows nothing of which pages are in use. */
	unit_rig_forget_pages(rig);
	options = variant_options(variant);
	assert_int_equal(unit_rig_probe(rig, &options), 0);
	assert_true(rig->unit->found_enabled);
	assert_int_equal(rig->ops->space_create(rig->unit, 0, &rig->space, &rig->err), -EBUSY);
	rig->ops->close(rig->unit);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, PAGE, 0));
	unit_rig_take_over(rig, &init, 1);
	unit_rig_drain_faults(rig); /* of the time between; nobody salvaged it */
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, PAGE, 0));
	unit_rig_assert_faults(rig, 16, DRV_FAULT_STREAM, RIGHT_WRITE, IOVA_BASE);
	assert_int_equal(rig->ops->space_create(rig->unit, 0, &rig->space, &rig->err), 0);
	unit_rig_map(rig, IOVA_BASE, 0, PAGE, RIGHT_READ | RIGHT_WRITE);
	unit_rig_set_stream(rig, UNIT_RIG_STREAM, DRV_BOUND);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, 64, 0x5a));
	unit_rig_assert_no_faults(rig);
	rig->ops->forget(first);
}

/* From reset, where everything passes, a host stream keeps passing. */
static void vtd_host_stream_stays_open_through_takeover(void **state)
{
	const struct drv_options options = variant_options(variant);
	struct unit_rig *rig = *state;
	struct drv_stream_init init[2] = {
		{ UNIT_RIG_STREAM, DRV_BOUND, NULL },
		{ UNIT_RIG_OTHER_STREAM, DRV_DENY, NULL },
	};

	unit_rig_stop(rig);
	bring_up(rig);
	assert_int_equal(unit_rig_probe(rig, &options), 0);
	rig->ops = rig->unit->ops;
	memset(rig->memory, 0x5a, 64);
	unit_rig_to_device(rig, rig->pa, 64);
	assert_int_equal(rig->ops->space_create(rig->unit, 0, &rig->space, &rig->err), 0);
	unit_rig_map(rig, rig->pa, 0, rig->bytes, RIGHT_READ | RIGHT_WRITE);
	init[0].space = rig->space;
	unit_rig_take_over(rig, init, 2);
	unit_rig_from_device(rig, rig->pa + 2 * PAGE, 64);
	assert_true(unit_rig_holds(rig, 2 * PAGE, 64, 0x5a));
	unit_rig_assert_no_faults(rig);
	unit_rig_from_other(rig, rig->pa, 64);
	assert_true(unit_rig_holds(rig, 0, 64, 0x5a));
	unit_rig_drain_faults(rig);
	assert_int_equal(rig->fault_count, 1);
	assert_int_equal(rig->faults[0].stream, UNIT_RIG_OTHER_STREAM);
}

/*
 * The hole of x86 without interrupt remapping, kept here so that nobody forgets
 * it: a write to the interrupt range is no refusal and no record, though nothing
 * is granted there. The twin is the page before it.
 */
static void vtd_interrupt_range_passes_whatever_the_tables_say(void **state)
{
	struct unit_rig *rig = *state;
	struct drv_reserved list[2];

	assert_int_equal(rig->ops->reserved(rig->unit, UNIT_RIG_STREAM, list, 2), 1);
	assert_int_equal(list[0].iova, 0xfee00000);
	assert_int_equal(list[0].kind, DRV_RESERVED_INTERRUPT);
	unit_rig_fill_device(rig, 0, 64);
	unit_rig_assert_no_faults(rig);
	unit_rig_from_device(rig, list[0].iova, 4);
	unit_rig_assert_no_faults(rig);
	unit_rig_from_device(rig, list[0].iova - PAGE, 4);
	unit_rig_assert_faults(rig, 1, DRV_FAULT_TRANSLATION, RIGHT_WRITE, list[0].iova - PAGE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, unit_suite_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(vtd_variant_is_what_it_says),
		TEST(unit_bound_moves_bytes_both_ways),
		TEST(vtd_deny_refuses_and_records_address_and_access),
		TEST(unit_silent_refuses_without_a_record),
		TEST(unit_read_only_refuses_the_write),
		TEST(unit_write_only_is_exact_or_refused),
		TEST(unit_transfer_past_the_grant_moves_the_granted_part),
		TEST(unit_unmap_is_refused_once_completed),
		TEST(vtd_range_invalidation_covers_every_page),
		TEST(vtd_block_of_2_mib_maps_and_unmaps),
		TEST(vtd_highest_address_works_and_none_above),
		TEST(vtd_unknown_stream_is_refused_and_reported),
		TEST(unit_spaces_keep_devices_apart),
		TEST(unit_spaces_come_and_go_without_leftovers),
		TEST(vtd_fault_overflow_is_one_counted_loss),
		TEST(vtd_close_refuses_everything),
		TEST(vtd_close_of_a_unit_never_enabled_refuses_everything),
		TEST(vtd_takeover_of_an_enabled_unit_closes_what_was_open),
		TEST(vtd_host_stream_stays_open_through_takeover),
		TEST(vtd_interrupt_range_passes_whatever_the_tables_say),
	};
	/* What a narrower table, caching mode and the lack of a queue make different. */
	const struct CMUnitTest some[] = {
		TEST(vtd_variant_is_what_it_says),
		TEST(unit_bound_moves_bytes_both_ways),
		TEST(vtd_deny_refuses_and_records_address_and_access),
		TEST(unit_unmap_is_refused_once_completed),
		TEST(vtd_range_invalidation_covers_every_page),
		TEST(vtd_highest_address_works_and_none_above),
		TEST(unit_spaces_keep_devices_apart),
		TEST(unit_spaces_come_and_go_without_leftovers),
		TEST(vtd_close_refuses_everything),
		TEST(vtd_close_of_a_unit_never_enabled_refuses_everything),
		TEST(vtd_takeover_of_an_enabled_unit_closes_what_was_open),
	};
	static const enum variant_id all_of[] = { VTD_LEGACY_48, VTD_SECOND_LEVEL,
						  VTD_FIRST_LEVEL };
	static const enum variant_id some_of[] = { VTD_LEGACY_39, VTD_CACHING, VTD_LEGACY_48 };
	int failed = 0;
	unsigned i;

	for (i = 0; i < ARRAY_COUNT(all_of); i++) {
		variant = &variants[all_of[i]];
		if (variant_can(variant))
			failed += cmocka_run_group_tests_name(variant->name, tests, NULL, NULL);
	}
	for (i = 0; i < ARRAY_COUNT(some_of); i++) {
		variant = &variants[some_of[i]];
		hides_queue = i == ARRAY_COUNT(some_of) - 1;
		if (variant_can(variant))
			failed += cmocka_run_group_tests_name(hides_queue ? "VT-d, by registers" :
									    variant->name,
							      some, NULL, NULL);
	}
	return failed;
}
