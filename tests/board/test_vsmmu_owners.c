// SPDX-License-Identifier: BSD-2-Clause
/*
 * Who owns QEMU's virtio-iommu, and what gets through while that changes: a device
 * nobody touched yet, one that is closed, one that a dead owner left running, and a
 * host's stream. After each register write devices try what they can reach.
 *
 * Since 10.0 the model forgets nothing at a reset of the device: endpoints stay
 * attached and their domains full until they are detached by request. So what a dead
 * owner had mapped can still be reached between the first close() and the end of
 * take-over, by whom it was mapped for and by nobody else.
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

/* The board, and nobody has touched its IOMMU yet. */
static int setup_untouched(void **state)
{
	const struct drv_options options = { 0 };
	struct unit_rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	unit_rig_bring_up(rig, variant);
	assert_int_equal(unit_rig_probe(rig, &options), 0);
	rig->ops = rig->unit->ops;
	*state = rig;
	return 0;
}

/* From power-on everything passes; from the end of close() on nothing does. */
static void vsmmu_close_of_an_untouched_device_refuses_everything(void **state)
{
	struct unit_rig *rig = *state;

	assert_false(rig->unit->found_enabled);
	memset(rig->memory, 0x5a, 64);
	unit_rig_to_device(rig, rig->pa, 64);
	unit_rig_from_device(rig, rig->pa + PAGE, 64);
	assert_true(unit_rig_holds(rig, PAGE, 64, 0x5a));
	rig->ops->close(rig->unit);
	unit_rig_from_device(rig, rig->pa + 2 * PAGE, 64);
	unit_rig_from_other(rig, rig->pa + 2 * PAGE, 64);
	assert_true(unit_rig_holds(rig, 2 * PAGE, PAGE, 0));
	rig->ops->close(rig->unit); /* and twice is once */
	unit_rig_from_device(rig, rig->pa + 2 * PAGE, 64);
	assert_true(unit_rig_holds(rig, 2 * PAGE, PAGE, 0));
}

static void vsmmu_close_refuses_everything(void **state)
{
	struct unit_rig *rig = *state;

	unit_rig_fill_device(rig, 0x5a, 64);
	unit_rig_map(rig, IOVA_BASE, 0, PAGE, BOTH);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, 64, 0x5a));
	memset(rig->memory, 0, 64);
	rig->ops->close(rig->unit);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	unit_rig_from_device(rig, rig->pa, 64);
	unit_rig_from_other(rig, rig->pa, 64);
	assert_true(unit_rig_holds(rig, 0, PAGE, 0));
}

/* Register writes go through here, and after each of them a device tries what it can reach. */
struct watcher {
	const struct hw_ops *ops;
	struct unit_rig *rig;
	void (*look)(struct unit_rig *rig);
	bool is_looking;
	unsigned writes;
};
static struct watcher watcher;

static uint64_t watched_read(struct hw *hw, uint64_t address, unsigned size)
{
	return watcher.ops->read(hw, address, size);
}

static void watched_write(struct hw *hw, uint64_t address, unsigned size, uint64_t value)
{
	watcher.ops->write(hw, address, size, value);
	watcher.writes++;
	if (watcher.look)
		watcher.look(watcher.rig);
}

static uint64_t watched_now_ns(struct hw *hw)
{
	return watcher.ops->now_ns(hw);
}

static const struct hw_ops watched_ops = { watched_read, watched_write, watched_now_ns };

static void watch(struct unit_rig *rig, void (*look)(struct unit_rig *rig))
{
	watcher = (struct watcher){ .ops = rig->machine->hw.ops, .rig = rig, .look = look };
	rig->machine->hw.ops = &watched_ops;
}

static unsigned watch_end(struct unit_rig *rig)
{
	rig->machine->hw.ops = watcher.ops;
	return watcher.writes;
}

/* Neither device reaches the third page, by its own address or by the one that was granted. */
static void look_for_a_hole(struct unit_rig *rig)
{
	unit_rig_from_device(rig, rig->pa + 2 * PAGE, 16);
	unit_rig_from_device(rig, IOVA_BASE + 2 * PAGE, 16);
	unit_rig_from_other(rig, rig->pa + 2 * PAGE, 16);
	assert_true(unit_rig_holds(rig, 2 * PAGE, PAGE, 0));
}

static void vsmmu_takeover_of_a_closed_device_never_opens(void **state)
{
	const struct drv_stream_init init = { UNIT_RIG_STREAM, DRV_DENY, NULL };
	struct unit_rig *rig = *state;

	memset(rig->memory, 0x5a, 64);
	unit_rig_to_device(rig, rig->pa, 64);
	unit_rig_to_other(rig, rig->pa, 64);
	rig->ops->close(rig->unit);
	watch(rig, look_for_a_hole);
	unit_rig_take_over(rig, &init, 1);
	assert_in_range(watch_end(rig), 20, 200);
	look_for_a_hole(rig);
	assert_int_equal(rig->ops->audit(rig->unit, &rig->err), 0);
}

/* Another process: it knows nothing of which pages are in use. */
static struct drv_unit *next_owner(struct unit_rig *rig)
{
	const struct drv_options options = { 0 };
	struct drv_unit *first = rig->unit;

	unit_rig_forget_pages(rig);
	assert_int_equal(unit_rig_probe(rig, &options), 0);
	assert_true(rig->unit->found_enabled);
	return first;
}

/* A second owner of a device in use: closed first, and at no write open. */
static void vsmmu_takeover_of_a_live_device_closes_what_was_open(void **state)
{
	struct drv_stream_init init = { UNIT_RIG_STREAM, DRV_DENY, NULL };
	struct unit_rig *rig = *state;
	struct drv_unit *first;

	unit_rig_fill_device(rig, 0x5a, 64);
	unit_rig_map(rig, IOVA_BASE, 0, PAGE, BOTH);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, 64, 0x5a));
	memset(rig->memory, 0, 64);
	first = next_owner(rig);
	watch(rig, look_for_a_hole);
	rig->ops->close(rig->unit);
	/* What the model forgets at a reset. */
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_int_equal(unit_rig_holds(rig, 0, PAGE, 0), variant_qemu_version(variant) < 1000);
	memset(rig->memory, 0, 64);
	unit_rig_take_over(rig, &init, 1);
	watch_end(rig);
	unit_rig_drain_faults(rig);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, PAGE, 0));
	assert_int_equal(rig->ops->space_create(rig->unit, 0, &rig->space, &rig->err), 0);
	unit_rig_map(rig, IOVA_BASE, 0, PAGE, BOTH);
	unit_rig_set_stream(rig, UNIT_RIG_STREAM, DRV_BOUND);
	unit_rig_drain_faults(rig);
	unit_rig_from_device(rig, IOVA_BASE, 64);
	assert_true(unit_rig_holds(rig, 0, 64, 0x5a));
	unit_rig_assert_no_faults(rig);
	rig->ops->forget(first);
}

static void on_salvaged(void *context, const struct drv_fault *fault)
{
	struct unit_rig *rig = context;

	rig->faults[rig->fault_count++] = *fault;
}

static void on_salvaged_loss(void *context, uint64_t sequence, const char *why)
{
	(void)sequence;
	(void)why;
	((struct unit_rig *)context)->loss_count++;
}

static void vsmmu_reports_of_a_dead_owner_are_salvaged(void **state)
{
	struct unit_rig *rig = *state;
	const struct drv_fault_sink sink = { rig, on_salvaged, on_salvaged_loss };
	struct drv_unit *first;

	unit_rig_fill_device(rig, 0x5a, 64);
	unit_rig_from_device(rig, IOVA_BASE, 16);
	unit_rig_drain_faults(rig); /* these were read */
	assert_int_equal(rig->fault_count, 4);
	unit_rig_from_device(rig, IOVA_BASE + 0x100, 8);
	first = next_owner(rig);
	rig->fault_count = 0;
	rig->ops->close(rig->unit);
	rig->ops->salvage(rig->unit, &sink);
	assert_int_equal(rig->fault_count, 2);
	assert_int_equal(rig->loss_count, 0);
	assert_int_equal(rig->faults[0].stream, UNIT_RIG_STREAM);
	assert_int_equal(rig->faults[1].address, IOVA_BASE + 0x104);
	assert_int_equal(rig->faults[1].sequence, 0);
	rig->ops->forget(first);
}

/* The host's device writes on through the take-over; the other one is shut by its end. */
static uint64_t host_page;

static void look_for_the_host(struct unit_rig *rig)
{
	memset(rig->memory + 2 * PAGE, 0, 64);
	unit_rig_from_device(rig, rig->pa + 2 * PAGE, 64);
	assert_true(unit_rig_holds(rig, 2 * PAGE, 64, 0x5a));
	host_page++;
}

static void vsmmu_host_stream_stays_open_through_takeover(void **state)
{
	struct unit_rig *rig = *state;
	struct drv_stream_init init[2] = {
		{ UNIT_RIG_STREAM, DRV_BOUND, NULL },
		{ UNIT_RIG_OTHER_STREAM, DRV_DENY, NULL },
	};
	const struct extent ram = { PA(rig->pa), rig->bytes };
	const struct drv_part part = { &ram, 1, 0, rig->bytes, -1, false };

	memset(rig->memory, 0x5a, 64);
	unit_rig_to_device(rig, rig->pa, 64);
	unit_rig_to_other(rig, rig->pa, 64);
	assert_int_equal(rig->ops->space_create(rig->unit, 0, &rig->space, &rig->err), 0);
	assert_int_equal(rig->ops->map(rig->space, IOVA(rig->pa), &part, BOTH, &rig->err), 0);
	assert_int_equal(rig->ops->commit(rig->space, &rig->err), 0);
	init[0].space = rig->space;
	host_page = 0;
	watch(rig, look_for_the_host);
	unit_rig_take_over(rig, init, 2);
	watch_end(rig);
	assert_true(host_page > 20);
	look_for_the_host(rig);
	unit_rig_assert_no_faults(rig);
	unit_rig_from_other(rig, rig->pa + 4 * PAGE, 64);
	assert_true(unit_rig_holds(rig, 4 * PAGE, PAGE, 0));
	unit_rig_drain_faults(rig);
	assert_int_equal(rig->fault_count, 16);
	/* And the host's device reaches what it was given, the arena not. */
	unit_rig_from_device(rig, rig->machine->arena_pa.v + rig->machine->arena_size - PAGE, 16);
	unit_rig_drain_faults(rig);
	assert_int_equal(rig->fault_count, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, unit_suite_teardown)
#define UNTOUCHED(name) cmocka_unit_test_setup_teardown(name, setup_untouched, unit_suite_teardown)

int main(void)
{
	static const enum variant_id rows[] = { VIRTIO_ON_VIRT, VIRTIO_ON_Q35 };
	const struct CMUnitTest tests[] = {
		UNTOUCHED(vsmmu_close_of_an_untouched_device_refuses_everything),
		TEST(vsmmu_close_refuses_everything),
		UNTOUCHED(vsmmu_takeover_of_a_closed_device_never_opens),
		TEST(vsmmu_takeover_of_a_live_device_closes_what_was_open),
		TEST(vsmmu_reports_of_a_dead_owner_are_salvaged),
		UNTOUCHED(vsmmu_host_stream_stays_open_through_takeover),
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
