// SPDX-License-Identifier: BSD-2-Clause
/*
 * The virtio-iommu module straight on QEMU's virtio-iommu-pci, on both machines,
 * with real transfers of edu devices: what counts is what stands in memory
 * afterwards.
 *
 * What the model does, and where it differs from the specification:
 * - It translates each access by looking its mappings up; for edu nothing is
 *   cached, so an UNMAP holds from its answer on. (It has notifiers for devices
 *   that do cache: vfio, vhost. None is on this board.)
 * - A refused access gives one report for four bytes. The report has the address;
 *   whether it was a read or a write stands there only when the address is mapped.
 * - An endpoint that is not attached gives FAULT_R_UNKNOWN; before 10.0 one that was
 *   attached once gives FAULT_R_DOMAIN.
 * - It looks up [address, address + 1]: the one byte below a mapping is let
 *   through, to the byte below the mapped memory. See the test of that name.
 * - A region that PROBE calls MSI is passed untranslated for every endpoint that
 *   is attached; before 10.0 for every one that was attached once. See the test.
 * - Since 10.0 a reset of the device leaves endpoints attached and their domains
 *   full, until they are detached by request. See test_vsmmu_owners.c.
 * - Reports without a buffer are dropped.
 */
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
#define BOTH (RIGHT_READ | RIGHT_WRITE)

static const struct variant *variant;

static int setup(void **state)
{
	struct unit_rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	unit_rig_start(rig, variant);
	*state = rig;
	return 0;
}

/* What the model says of an access of a stream that is attached to nothing now. */
static const char *detached_name(void)
{
	return variant_qemu_version(variant) >= 1000 ? "FAULT_R_UNKNOWN" : "FAULT_R_DOMAIN";
}

/* count reports in a row, four bytes each; access 0: the model does not say. */
static void assert_faults(struct unit_rig *rig, unsigned count, const char *name, uint8_t kind,
			  uint8_t access, uint32_t stream, uint64_t address)
{
	unsigned i;

	unit_rig_drain_faults(rig);
	assert_int_equal(rig->fault_count, count);
	for (i = 0; i < count; i++) {
		const struct drv_fault *fault = &rig->faults[i];

		assert_string_equal(fault->name, name);
		assert_int_equal(fault->kind, kind);
		assert_int_equal(fault->access, access);
		assert_true(fault->has_stream && fault->has_address);
		assert_int_equal(fault->stream, stream);
		assert_int_equal(fault->address, address + 4ull * i);
	}
}

static void vsmmu_deny_refuses_and_records_the_address(void **state)
{
	struct unit_rig *rig = *state;

	unit_rig_fill_device(rig, 0x5a, 64);
	unit_rig_map(rig, IOVA_BASE, 0, PAGE, BOTH);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, 64, 0x5a));
	memset(rig->memory, 0, 64);
	unit_rig_assert_no_faults(rig);
	unit_rig_set_stream(rig, UNIT_RIG_STREAM, DRV_DENY);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	unit_rig_from_device(rig, rig->pa, 64);
	assert_true(unit_rig_holds(rig, 0, PAGE, 0));
	unit_rig_drain_faults(rig);
	assert_int_equal(rig->fault_count, 32);
	assert_string_equal(rig->faults[0].name, detached_name());
	assert_int_equal(rig->faults[0].kind, DRV_FAULT_TRANSLATION);
	unit_rig_to_device(rig, IOVA_BASE + 0x40, 8);
	assert_faults(rig, 2, detached_name(), DRV_FAULT_TRANSLATION, 0, UNIT_RIG_STREAM,
		      IOVA_BASE + 0x40);
	unit_rig_set_stream(rig, UNIT_RIG_STREAM, DRV_BOUND);
	unit_rig_fill_device(rig, 0x6b, 64);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, 64, 0x6b));
	unit_rig_assert_no_faults(rig);
}

static void vsmmu_silent_refuses_and_only_counts(void **state)
{
	struct unit_rig *rig = *state;
	uint64_t events;

	unit_rig_fill_device(rig, 0x5a, 64);
	unit_rig_map(rig, IOVA_BASE, 0, PAGE, BOTH);
	unit_rig_set_stream(rig, UNIT_RIG_STREAM, DRV_SILENT);
	events = rig->unit->counts.events;
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, PAGE, 0));
	unit_rig_assert_no_faults(rig);
	assert_int_equal(rig->unit->counts.events, events + 16);
	unit_rig_set_stream(rig, UNIT_RIG_STREAM, DRV_BOUND);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, 64, 0x5a));
}

static void vsmmu_read_only_refuses_the_write(void **state)
{
	struct unit_rig *rig = *state;

	unit_rig_fill_device(rig, 0x5a, 64);
	memset(rig->memory, 0x11, 64);
	unit_rig_map(rig, IOVA_BASE, 0, PAGE, RIGHT_READ);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, 64, 0x11));
	assert_faults(rig, 16, "FAULT_R_MAPPING", DRV_FAULT_PERMISSION, RIGHT_WRITE,
		      UNIT_RIG_STREAM, IOVA_BASE);
	unit_rig_to_device(rig, IOVA_BASE, 64); /* reading is fine */
	unit_rig_map(rig, IOVA_BASE + PAGE, PAGE, PAGE, BOTH);
	unit_rig_from_device(rig, IOVA_BASE + PAGE, 64);
	assert_true(unit_rig_holds(rig, PAGE, 64, 0x11));
	unit_rig_assert_no_faults(rig);
}

static void vsmmu_write_only_refuses_the_read(void **state)
{
	struct unit_rig *rig = *state;

	unit_rig_fill_device(rig, 0x5a, 64);
	unit_rig_map(rig, IOVA_BASE, 0, PAGE, RIGHT_WRITE);
	unit_rig_to_device(rig, IOVA_BASE, 64);
	assert_faults(rig, 16, "FAULT_R_MAPPING", DRV_FAULT_PERMISSION, RIGHT_READ,
		      UNIT_RIG_STREAM, IOVA_BASE);
	unit_rig_fill_device(rig, 0x5a, 64);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, 64, 0x5a));
	unit_rig_assert_no_faults(rig);
}

static void vsmmu_transfer_past_the_grant_moves_the_granted_part(void **state)
{
	struct unit_rig *rig = *state;

	unit_rig_fill_device(rig, 0x5a, 256);
	unit_rig_map(rig, IOVA_BASE, 0, PAGE, BOTH);
	unit_rig_from_device(rig, IOVA_BASE + PAGE - 128, 256);
	assert_true(unit_rig_holds(rig, 0, PAGE - 128, 0));
	assert_true(unit_rig_holds(rig, PAGE - 128, 128, 0x5a));
	assert_true(unit_rig_holds(rig, PAGE, PAGE, 0));
	assert_faults(rig, 32, "FAULT_R_MAPPING", DRV_FAULT_TRANSLATION, 0, UNIT_RIG_STREAM,
		      IOVA_BASE + PAGE);
}

/*
 * A hole of the model: it looks for a mapping of this byte or the next one. So the
 * byte below a mapping reaches the byte below its memory, and no more than that byte.
 */
static void vsmmu_model_lets_one_byte_below_a_mapping_through(void **state)
{
	struct unit_rig *rig = *state;

	unit_rig_fill_device(rig, 0x5a, 64);
	unit_rig_map(rig, IOVA_BASE, PAGE, PAGE, BOTH);
	unit_rig_from_device(rig, IOVA_BASE - 4, 4);
	assert_true(unit_rig_holds(rig, 0, 3 * PAGE, 0));
	assert_faults(rig, 1, "FAULT_R_MAPPING", DRV_FAULT_TRANSLATION, 0, UNIT_RIG_STREAM,
		      IOVA_BASE - 4);
	unit_rig_from_device(rig, IOVA_BASE - 1, 1);
	assert_true(unit_rig_holds(rig, 0, PAGE - 1, 0));
	assert_true(unit_rig_holds(rig, PAGE - 1, 1, 0x5a));
	assert_true(unit_rig_holds(rig, PAGE, 2 * PAGE, 0));
	unit_rig_assert_no_faults(rig);
}

static void vsmmu_unmap_is_refused_once_completed(void **state)
{
	struct unit_rig *rig = *state;
	struct drv_gather gather = { 0 };

	unit_rig_fill_device(rig, 0x5a, 64);
	unit_rig_map(rig, IOVA_BASE, 0, PAGE, BOTH);
	/* Queued, but the device does not know yet: the write still lands. */
	rig->ops->unmap(rig->space, IOVA(IOVA_BASE), PAGE, &gather);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, 64, 0x5a));
	unit_rig_wait(rig, &gather);
	memset(rig->memory, 0, 64);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, PAGE, 0));
	assert_faults(rig, 16, "FAULT_R_MAPPING", DRV_FAULT_TRANSLATION, 0, UNIT_RIG_STREAM,
		      IOVA_BASE);
}

/* More mappings than requests fit the ring, taken away by one request where they touch. */
static void vsmmu_many_mappings_come_and_go(void **state)
{
	struct unit_rig *rig = *state;
	struct drv_gather gather = { 0 };
	const struct extent extent = { PA(rig->pa), rig->bytes };
	struct drv_part part = { &extent, 1, 0, PAGE, -1, false };
	uint64_t i, kicks;

	unit_rig_fill_device(rig, 0x5a, 4);
	kicks = rig->unit->counts.syncs;
	for (i = 0; i < 300; i++) {
		part.offset = i * PAGE;
		assert_int_equal(rig->ops->map(rig->space, IOVA(IOVA_BASE + i * PAGE), &part, BOTH,
					       &rig->err), 0);
	}
	assert_int_equal(rig->ops->commit(rig->space, &rig->err), 0);
	assert_int_equal(rig->unit->counts.syncs, kicks + 3);
	for (i = 0; i < 300; i += 23) {
		unit_rig_from_device(rig, IOVA_BASE + i * PAGE + 8, 4);
		assert_true(unit_rig_holds(rig, i * PAGE + 8, 4, 0x5a));
	}
	kicks = rig->unit->counts.commands;
	for (i = 0; i < 300; i++)
		rig->ops->unmap(rig->space, IOVA(IOVA_BASE + i * PAGE), PAGE, &gather);
	unit_rig_wait(rig, &gather);
	assert_int_equal(rig->unit->counts.commands, kicks + 1);
	unit_rig_assert_no_faults(rig);
	memset(rig->memory, 0, 300 * PAGE);
	for (i = 0; i < 300; i += 23)
		unit_rig_from_device(rig, IOVA_BASE + i * PAGE + 8, 4);
	assert_true(unit_rig_holds(rig, 0, 300 * PAGE, 0));
	unit_rig_drain_faults(rig);
	assert_int_equal(rig->fault_count, 14);
}

static void vsmmu_highest_address_works_and_none_above(void **state)
{
	struct unit_rig *rig = *state;
	unsigned bits = rig->unit->caps.input_bits;
	uint64_t end = UINT64_C(1) << bits;

	/* QEMU 10 has the widths of its machines, 7.2 takes all 64 bits. */
	if (variant_qemu_version(variant) >= 900)
		assert_int_equal(bits, variant_is_x86(variant) ? 39 : 48);
	else
		assert_int_equal(bits, 63);
	unit_rig_fill_device(rig, 0x5a, 64);
	unit_rig_map(rig, end - PAGE, 0, PAGE, BOTH);
	unit_rig_from_device(rig, end - 64, 64);
	assert_true(unit_rig_holds(rig, PAGE - 64, 64, 0x5a));
	unit_rig_assert_no_faults(rig);
	memset(rig->memory, 0, PAGE);
	unit_rig_from_device(rig, end, 64);
	unit_rig_from_device(rig, end + PAGE - 64, 64);
	assert_true(unit_rig_holds(rig, 0, rig->bytes - PAGE, 0));
	unit_rig_drain_faults(rig);
	assert_int_equal(rig->fault_count, 32);
}

static void vsmmu_unknown_stream_is_refused_and_reported(void **state)
{
	struct unit_rig *rig = *state;

	unit_rig_map(rig, IOVA_BASE, 0, PAGE, BOTH);
	unit_rig_set_stream(rig, UNIT_RIG_STREAM, DRV_BOUND);
	unit_rig_from_other(rig, IOVA_BASE, 16);
	assert_faults(rig, 4, "FAULT_R_DOMAIN", DRV_FAULT_STREAM, 0, UNIT_RIG_OTHER_STREAM,
		      IOVA_BASE);
	unit_rig_from_other(rig, rig->pa, 16);
	assert_true(unit_rig_holds(rig, 0, PAGE, 0));
	unit_rig_drain_faults(rig);
	assert_int_equal(rig->fault_count, 4);
}

/* The device forgets a domain with its last endpoint; the books do not. */
static void vsmmu_last_detach_and_first_attach_bring_the_same_mappings(void **state)
{
	struct unit_rig *rig = *state;

	unit_rig_fill_device(rig, 0x5a, 64);
	unit_rig_map(rig, IOVA_BASE, 0, PAGE, BOTH);
	unit_rig_map(rig, IOVA_BASE + 8 * PAGE, 2 * PAGE, PAGE, BOTH);
	unit_rig_set_stream(rig, UNIT_RIG_STREAM, DRV_DENY);
	/* While nobody is attached: one more, and one less. */
	unit_rig_map(rig, IOVA_BASE + 16 * PAGE, 4 * PAGE, PAGE, BOTH);
	unit_rig_unmap(rig, IOVA_BASE, PAGE);
	unit_rig_set_stream(rig, UNIT_RIG_STREAM, DRV_BOUND);
	unit_rig_from_device(rig, IOVA_BASE + 8 * PAGE, 64);
	unit_rig_from_device(rig, IOVA_BASE + 16 * PAGE, 64);
	assert_true(unit_rig_holds(rig, 2 * PAGE, 64, 0x5a));
	assert_true(unit_rig_holds(rig, 4 * PAGE, 64, 0x5a));
	unit_rig_assert_no_faults(rig);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, 2 * PAGE, 0));
	assert_faults(rig, 16, "FAULT_R_MAPPING", DRV_FAULT_TRANSLATION, 0, UNIT_RIG_STREAM,
		      IOVA_BASE);
}

static void vsmmu_event_overflow_is_one_counted_loss(void **state)
{
	struct unit_rig *rig = *state;
	unsigned size = 256;

	unit_rig_set_stream(rig, UNIT_RIG_STREAM, DRV_DENY);
	unit_rig_from_device(rig, IOVA_BASE, EDU_BYTES); /* 1023 reports */
	unit_rig_drain_faults(rig);
	assert_int_equal(rig->fault_count, size);
	assert_int_equal(rig->loss_count, 1);
	assert_int_equal(rig->unit->counts.event_losses, 1);
	assert_int_equal(rig->unit->counts.events, size);
	/* And it goes on recording. */
	unit_rig_from_device(rig, IOVA_BASE, 16);
	unit_rig_drain_faults(rig);
	assert_int_equal(rig->fault_count, 4);
	assert_int_equal(rig->faults[0].sequence, size);
	assert_int_equal(rig->loss_count, 1);
}

/* --- reserved regions --- */

static struct drv_reserved interrupt_region(struct unit_rig *rig)
{
	struct drv_reserved list[8];
	uint32_t count = rig->ops->reserved(rig->unit, UNIT_RIG_STREAM, list, ARRAY_COUNT(list));

	assert_int_equal(count, 1);
	assert_int_equal(list[0].kind, DRV_RESERVED_INTERRUPT);
	return list[0];
}

static void vsmmu_interrupt_region_is_reported(void **state)
{
	struct unit_rig *rig = *state;
	struct drv_reserved region = interrupt_region(rig);

	if (variant_is_x86(variant)) {
		assert_int_equal(region.iova, 0xfee00000);
		assert_int_equal(region.length, 0x100000);
	} else {
		assert_int_equal(region.iova, 0x8090000); /* the ITS's doorbell page */
		assert_int_equal(region.length, 0x10000);
	}
	/* An ITS tells devices apart by their id; writes to 0xfee..... are anybody's. */
	assert_int_equal(rig->unit->caps.unsafe_interrupts, variant_is_x86(variant));
}

/*
 * The model passes the region for an attached endpoint whatever its domain holds, and
 * before 10.0 after the DETACH too: no report, where a page beside it gives one. A
 * write there is an interrupt message, which nothing on this board waits for.
 */
static void vsmmu_model_passes_the_interrupt_region(void **state)
{
	struct unit_rig *rig = *state;
	uint64_t doorbell = interrupt_region(rig).iova;
	bool is_kept = variant_qemu_version(variant) < 1000;

	unit_rig_set_stream(rig, UNIT_RIG_STREAM, DRV_BOUND);
	unit_rig_from_device(rig, doorbell, 4);
	unit_rig_assert_no_faults(rig);
	unit_rig_from_device(rig, doorbell - PAGE, 4);
	unit_rig_drain_faults(rig);
	assert_int_equal(rig->fault_count, 1);
	unit_rig_set_stream(rig, UNIT_RIG_STREAM, DRV_DENY);
	unit_rig_from_device(rig, doorbell, 4);
	unit_rig_drain_faults(rig);
	assert_int_equal(rig->fault_count, is_kept ? 0 : 1);
	unit_rig_from_other(rig, doorbell, 4); /* never attached: refused */
	unit_rig_drain_faults(rig);
	assert_int_equal(rig->fault_count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, unit_suite_teardown)

int main(void)
{
	static const enum variant_id rows[] = { VIRTIO_ON_VIRT, VIRTIO_ON_Q35 };
	const struct CMUnitTest tests[] = {
		TEST(unit_bound_moves_bytes_both_ways),
		TEST(vsmmu_deny_refuses_and_records_the_address),
		TEST(vsmmu_silent_refuses_and_only_counts),
		TEST(vsmmu_read_only_refuses_the_write),
		TEST(vsmmu_write_only_refuses_the_read),
		TEST(vsmmu_transfer_past_the_grant_moves_the_granted_part),
		TEST(vsmmu_model_lets_one_byte_below_a_mapping_through),
		TEST(vsmmu_unmap_is_refused_once_completed),
		TEST(vsmmu_many_mappings_come_and_go),
		TEST(vsmmu_highest_address_works_and_none_above),
		TEST(vsmmu_unknown_stream_is_refused_and_reported),
		TEST(unit_spaces_keep_devices_apart),
		TEST(vsmmu_last_detach_and_first_attach_bring_the_same_mappings),
		TEST(unit_spaces_come_and_go_without_leftovers),
		TEST(vsmmu_event_overflow_is_one_counted_loss),
		TEST(vsmmu_interrupt_region_is_reported),
		TEST(vsmmu_model_passes_the_interrupt_region),
	};
	int failed = 0;
	unsigned i;

	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		variant = &variants[rows[i]];
		if (variant_can(variant))
			failed += cmocka_run_group_tests_name(variant->name, tests, NULL, NULL);
	}
	return failed;
}
