// SPDX-License-Identifier: BSD-2-Clause
#include "unit_suite.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "driver.h"
#include "unit_rig.h"

#define IOVA_BASE UINT64_C(0x100000)
#define PAGE UNIT_RIG_PAGE

int unit_suite_teardown(void **state)
{
	unit_rig_stop(*state);
	free(*state);
	return 0;
}

void unit_bound_moves_bytes_both_ways(void **state)
{
	struct unit_rig *rig = *state;
	unsigned i;

	unit_rig_map(rig, IOVA_BASE, 0, 2 * PAGE, RIGHT_READ | RIGHT_WRITE);
	unit_rig_set_stream(rig, UNIT_RIG_STREAM, DRV_BOUND);
	for (i = 0; i < 1024; i++)
		rig->memory[i] = (uint8_t)(i * 7 + 1);
	unit_rig_to_device(rig, IOVA_BASE, 1024);
	unit_rig_from_device(rig, IOVA_BASE + PAGE, 1024);
	assert_memory_equal(rig->memory, rig->memory + PAGE, 1024);
	assert_true(unit_rig_holds(rig, PAGE + 1024, PAGE - 1024, 0));
	unit_rig_assert_no_faults(rig);
}

void unit_silent_refuses_without_a_record(void **state)
{
	struct unit_rig *rig = *state;

	unit_rig_fill_device(rig, 0x5a, 64);
	unit_rig_map(rig, IOVA_BASE, 0, PAGE, RIGHT_READ | RIGHT_WRITE);
	unit_rig_set_stream(rig, UNIT_RIG_STREAM, DRV_SILENT);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, PAGE, 0));
	unit_rig_assert_no_faults(rig);
	unit_rig_set_stream(rig, UNIT_RIG_STREAM, DRV_BOUND);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, 64, 0x5a));
}

void unit_read_only_refuses_the_write(void **state)
{
	struct unit_rig *rig = *state;

	unit_rig_fill_device(rig, 0x5a, 64);
	memset(rig->memory, 0x11, 64);
	unit_rig_map(rig, IOVA_BASE, 0, PAGE, RIGHT_READ);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, 64, 0x11));
	unit_rig_assert_faults(rig, 16, DRV_FAULT_PERMISSION, RIGHT_WRITE, IOVA_BASE);
	unit_rig_to_device(rig, IOVA_BASE, 64); /* reading is fine */
	unit_rig_map(rig, IOVA_BASE + PAGE, PAGE, PAGE, RIGHT_READ | RIGHT_WRITE);
	unit_rig_from_device(rig, IOVA_BASE + PAGE, 64);
	assert_true(unit_rig_holds(rig, PAGE, 64, 0x11));
	unit_rig_assert_no_faults(rig);
}

void unit_write_only_is_exact_or_refused(void **state)
{
	struct unit_rig *rig = *state;
	const struct extent extent = { PA(rig->pa), PAGE };
	const struct drv_part part = { &extent, 1, 0, PAGE, -1, false };

	unit_rig_fill_device(rig, 0x5a, 64);
	if (!rig->unit->caps.write_only) {
		assert_int_equal(rig->ops->map(rig->space, IOVA(IOVA_BASE), &part, RIGHT_WRITE,
					       &rig->err), -EOPNOTSUPP);
		return;
	}
	unit_rig_map(rig, IOVA_BASE, 0, PAGE, RIGHT_WRITE);
	unit_rig_to_device(rig, IOVA_BASE, 64);
	unit_rig_assert_faults(rig, 16, DRV_FAULT_PERMISSION, RIGHT_READ, IOVA_BASE);
	unit_rig_fill_device(rig, 0x5a, 64);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, 64, 0x5a));
}

void unit_transfer_past_the_grant_moves_the_granted_part(void **state)
{
	struct unit_rig *rig = *state;

	unit_rig_fill_device(rig, 0x5a, 256);
	unit_rig_map(rig, IOVA_BASE, 0, PAGE, RIGHT_READ | RIGHT_WRITE);
	unit_rig_from_device(rig, IOVA_BASE + PAGE - 128, 256);
	assert_true(unit_rig_holds(rig, 0, PAGE - 128, 0));
	assert_true(unit_rig_holds(rig, PAGE - 128, 128, 0x5a));
	assert_true(unit_rig_holds(rig, PAGE, PAGE, 0));
	unit_rig_assert_faults(rig, 32, DRV_FAULT_TRANSLATION, RIGHT_WRITE, IOVA_BASE + PAGE);
}

void unit_unmap_is_refused_once_completed(void **state)
{
	struct unit_rig *rig = *state;
	struct drv_gather gather = { 0 };

	unit_rig_fill_device(rig, 0x5a, 64);
	unit_rig_map(rig, IOVA_BASE, 0, PAGE, RIGHT_READ | RIGHT_WRITE);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, 64, 0x5a));
	/*
	 * The model does keep translations: entry gone but not invalidated, the
	 * write still lands. So the refusal below is the invalidation's work.
	 */
	rig->ops->unmap(rig->space, IOVA(IOVA_BASE), PAGE, &gather);
	memset(rig->memory, 0, 64);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, 64, 0x5a));
	unit_rig_wait(rig, &gather);
	memset(rig->memory, 0, 64);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, PAGE, 0));
	unit_rig_assert_faults(rig, 16, DRV_FAULT_TRANSLATION, RIGHT_WRITE, IOVA_BASE);
}

/* A stream of its own space reaches nothing of another's. */
void unit_spaces_keep_devices_apart(void **state)
{
	struct unit_rig *rig = *state;
	struct drv_space *first = rig->space;

	unit_rig_fill_device(rig, 0x5a, 64);
	unit_rig_map(rig, IOVA_BASE, 0, PAGE, RIGHT_READ | RIGHT_WRITE);
	assert_int_equal(rig->ops->space_create(rig->unit, 0, &rig->space, &rig->err), 0);
	unit_rig_map(rig, IOVA_BASE, PAGE, PAGE, RIGHT_READ | RIGHT_WRITE);
	unit_rig_set_stream(rig, UNIT_RIG_OTHER_STREAM, DRV_BOUND);
	unit_rig_to_other(rig, IOVA_BASE, 64);
	memset(rig->memory + PAGE, 0x77, 64);
	unit_rig_from_other(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, PAGE, 64, 0));
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, 64, 0x5a));
	assert_true(unit_rig_holds(rig, PAGE, 64, 0));
	/* And the first stream moved to the other space, with the same address, reaches only that. */
	memset(rig->memory, 0, 64);
	unit_rig_set_stream(rig, UNIT_RIG_STREAM, DRV_BOUND);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, 64, 0));
	assert_true(unit_rig_holds(rig, PAGE, 64, 0x5a));
	unit_rig_set_stream(rig, UNIT_RIG_STREAM, DRV_DENY);
	rig->ops->space_destroy(first);
	rig->ops->completed(rig->unit);
	unit_rig_assert_no_faults(rig);
}

/* An identifier used again must not find what its last owner left in the TLB. */
void unit_spaces_come_and_go_without_leftovers(void **state)
{
	struct unit_rig *rig = *state;
	unsigned i;

	unit_rig_fill_device(rig, 0x5a, 64);
	for (i = 0; i < 20; i++) {
		uint64_t offset = i * PAGE;

		unit_rig_map(rig, IOVA_BASE, offset, PAGE, RIGHT_READ | RIGHT_WRITE);
		unit_rig_set_stream(rig, UNIT_RIG_STREAM, DRV_BOUND);
		unit_rig_from_device(rig, IOVA_BASE, 64);
		assert_true(unit_rig_holds(rig, offset, 64, 0x5a));
		assert_true(unit_rig_holds(rig, offset + PAGE, 64, 0));
		unit_rig_set_stream(rig, UNIT_RIG_STREAM, DRV_DENY);
		rig->ops->space_destroy(rig->space);
		rig->ops->completed(rig->unit);
		assert_int_equal(rig->ops->space_create(rig->unit, 0, &rig->space,
							&rig->err), 0);
	}
	unit_rig_assert_no_faults(rig);
}
