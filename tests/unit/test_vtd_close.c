// SPDX-License-Identifier: BSD-2-Clause
/*
 * Closing a unit that an earlier process left, and what becomes of that process's
 * invalidation queue: it is off before its memory can be anybody else's.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bits.h"
#include "vtd.h"
#include "vtdrig.h"

#define HOST 0x10u
#define OTHER 0x2080u
#define PAGE UINT64_C(4096)
#define IOVA_BASE UINT64_C(0x100000)
#define SPARE 64u

static struct vtdrig rig;

static const struct drv_stream_init known[] = {
	{ HOST, DRV_DENY, NULL },
	{ OTHER, DRV_SILENT, NULL },
};

/* HOST reaches memory, and the unit remembers how. */
static void leave_open(const struct vtdrig_kind *kind)
{
	struct drv_space *space;

	vtdrig_init_kind(&rig, kind);
	vtdrig_probe(&rig);
	rig.ops->close(rig.unit);
	vtdrig_takeover(&rig, known, 2);
	space = vtdrig_space(&rig);
	vtdrig_map(&rig, space, IOVA_BASE, PAGE);
	vtdrig_set(&rig, HOST, DRV_BOUND, space);
	assert_true(vtdrig_access(&rig, HOST, IOVA_BASE, true));
	rig.fake.context = &rig;
}

static bool queue_is_on(void)
{
	return vtd_fake_get(&rig.fake, VTD_FAKE_GSTS, 4) & VTD_FAKE_QIE;
}

static uint64_t queue_pa(void)
{
	return vtd_fake_get(&rig.fake, VTD_FAKE_IQA, 8) & ~UINT64_C(0xfff);
}

/* The next page taken is the one at pa; what lies before it is another unit's. */
static void take_until(uint64_t pa)
{
	struct pages *pages = &rig.fake.pages;

	while (pages->free_stack[pages->free_count - 1] != (pa - VTD_FAKE_PA) / PAGE)
		assert_non_null(pages_take(pages));
}

static void assert_space_create(int want)
{
	struct drv_space *space;

	assert_int_equal(rig.ops->space_create(rig.unit, 0, &space, &rig.err), want);
}

/* --- an earlier process's queue --- */

/* The host's new table lies where the old queue was: found on, and killed before it was. */
static void close_old_queue_is_not_stored_into_where_a_space_lies_now(void **state)
{
	struct drv_stream_init init = { HOST, DRV_BOUND, NULL };
	void *spare[SPARE];
	uint64_t pa;
	unsigned was_off, i;

	(void)state;
	for (was_off = 0; was_off < 2; was_off++) {
		leave_open(&vtdrig_kinds[VTDRIG_LEGACY]);
		pa = queue_pa();
		if (was_off)
			vtd_fake_set(&rig.fake, VTD_FAKE_GSTS, 4, VTD_FAKE_QIE);
		vtdrig_new_process(&rig);
		if (!was_off)
			rig.ops->close(rig.unit);
		for (i = 0; i < SPARE; i++)
			spare[i] = pages_take(&rig.fake.pages);
		take_until(pa);
		init.space = vtdrig_space(&rig);
		assert_int_equal(pgtable_root(&vtd_space_of(init.space)->table).v, pa);
		for (i = 0; i < SPARE; i++)
			pages_give(&rig.fake.pages, spare[i], 1);
		vtdrig_takeover(&rig, &init, 1);
		assert_int_equal(pgtable_audit(&vtd_space_of(init.space)->table, &rig.err), 0);
		assert_int_equal(rig.ops->audit(rig.unit, &rig.err), 0);
		vtdrig_fini(&rig);
	}
}

static void close_switches_an_earlier_queue_off_and_keeps_its_own_on(void **state)
{
	unsigned kind;

	(void)state;
	for (kind = 0; kind < vtdrig_kind_count; kind++) {
		leave_open(&vtdrig_kinds[kind]);
		rig.ops->close(rig.unit);
		assert_int_equal(queue_is_on(), kind != VTDRIG_REGISTERS);
		vtdrig_new_process(&rig);
		rig.ops->close(rig.unit);
		assert_false(vtdrig_access(&rig, HOST, IOVA_BASE, true));
		assert_false(queue_is_on());
		vtdrig_takeover(&rig, known, 2);
		assert_int_equal(queue_is_on(), kind != VTDRIG_REGISTERS);
		assert_int_equal(rig.ops->audit(rig.unit, &rig.err), 0);
		vtdrig_fini(&rig);
	}
}

/* Version 6 has no registers to invalidate with: closed once, it needs none either. */
static void close_without_registers_is_taken_over_after_the_old_queue_went_off(void **state)
{
	(void)state;
	leave_open(&vtdrig_kinds[VTDRIG_SECOND]);
	vtd_fake_set(&rig.fake, VTD_FAKE_VER, 4, 0x60);
	vtdrig_new_process(&rig);
	rig.ops->close(rig.unit);
	assert_false(vtdrig_access(&rig, HOST, IOVA_BASE, true));
	assert_false(queue_is_on());
	vtdrig_takeover(&rig, known, 2);
	assert_int_equal(rig.ops->audit(rig.unit, &rig.err), 0);
	vtdrig_fini(&rig);
}

/* Found too late, when its page is somebody's already: that page stays as it is. */
static void close_old_queue_whose_memory_is_taken_is_refused(void **state)
{
	unsigned was_off;
	uint64_t *page;
	uint64_t pa;

	(void)state;
	for (was_off = 0; was_off < 2; was_off++) {
		leave_open(&vtdrig_kinds[VTDRIG_LEGACY]);
		pa = queue_pa();
		if (was_off)
			vtd_fake_set(&rig.fake, VTD_FAKE_GSTS, 4, VTD_FAKE_QIE);
		vtdrig_new_process(&rig);
		take_until(pa);
		page = pages_take(&rig.fake.pages);
		assert_ptr_equal(page, vtd_fake_memory(&rig.fake, pa, PAGE));
		if (was_off)
			assert_space_create(-EBUSY);
		assert_int_equal(rig.ops->takeover(rig.unit, known, 2, &rig.err), -EBUSY);
		assert_non_null(strstr(rig.err.text, "reset the machine"));
		assert_int_equal(page[0], 0);
		assert_memory_equal(page, page + 1, PAGE - 8);
		vtdrig_fini(&rig);
	}
}

/* A new root makes this unit forget, yet the queue is still the kernel's. */
static void close_foreign_queue_is_not_taken_where_a_new_root_forgets(void **state)
{
	struct vtdrig_kind kind = vtdrig_kinds[VTDRIG_LEGACY];

	(void)state;
	kind.cap |= BIT(63);
	leave_open(&kind);
	vtd_fake_set(&rig.fake, VTD_FAKE_IQA, 8, 0x1000000);
	vtdrig_new_process(&rig);
	rig.ops->close(rig.unit);
	assert_space_create(0); /* closed it is */
	vtd_fake_log(&rig.fake);
	assert_int_equal(rig.ops->takeover(rig.unit, known, 2, &rig.err), -EOPNOTSUPP);
	assert_non_null(strstr(rig.err.text, "not in our memory"));
	assert_true(queue_is_on());
	assert_int_equal(vtd_fake_find_write(&rig.fake, VTD_FAKE_IQT, 0, 0, 0), UINT64_MAX);
	assert_int_equal(vtd_fake_find_write(&rig.fake, VTD_FAKE_FSTS, 0, 0, 0), UINT64_MAX);
	vtdrig_fini(&rig);
}

/* What the first run left in the queue proves nothing of the second one. */
static void close_with_a_dead_queue_keeps_the_arena_shut(void **state)
{
	(void)state;
	leave_open(&vtdrig_kinds[VTDRIG_LEGACY]);
	vtdrig_new_process(&rig);
	rig.fake.is_stopped = true;
	rig.ops->close(rig.unit);
	assert_true(rig.unit->may_walk);
	assert_space_create(-EBUSY);
	assert_int_equal(rig.ops->takeover(rig.unit, known, 2, &rig.err), -ETIMEDOUT);
	vtdrig_fini(&rig);
}

/* The base of the new queue is the last thing that works. */
static void stop_at_base(void *context, struct vtd_fake *fake, uint32_t offset)
{
	(void)context;
	if (offset == VTD_FAKE_IQA)
		fake->is_stopped = true;
}

static void takeover_again_waits_for_the_unit_and_not_for_the_last_status(void **state)
{
	static const unsigned kinds[] = { VTDRIG_LEGACY, VTDRIG_SECOND };
	unsigned i;

	(void)state;
	for (i = 0; i < 2; i++) {
		leave_open(&vtdrig_kinds[kinds[i]]);
		rig.ops->close(rig.unit);
		rig.fake.after_write = stop_at_base;
		assert_int_equal(rig.ops->takeover(rig.unit, known, 2, &rig.err), -ETIMEDOUT);
		rig.fake.after_write = NULL;
		vtdrig_fini(&rig);
	}
}

/* --- by registers --- */

static void close_by_registers_that_refuse_is_no_success(void **state)
{
	(void)state;
	leave_open(&vtdrig_kinds[VTDRIG_REGISTERS]);
	vtdrig_new_process(&rig);
	rig.fake.refuses = true;
	rig.ops->close(rig.unit);
	assert_space_create(-EBUSY);
	assert_int_equal(rig.ops->takeover(rig.unit, known, 2, &rig.err), -EIO);
	assert_non_null(strstr(rig.err.text, "CCMD_REG"));
	assert_non_null(strstr(rig.err.text, "refused to invalidate"));
	rig.fake.refuses = false;
	rig.ops->close(rig.unit);
	assert_false(vtdrig_access(&rig, HOST, IOVA_BASE, true));
	assert_space_create(0);
	vtdrig_fini(&rig);
}

static void refuse_after_contexts(void *context, struct vtd_fake *fake, uint32_t offset)
{
	(void)context;
	if (offset == VTD_FAKE_CCMD)
		fake->refuses = true;
}

static void close_by_registers_that_refuse_the_iotlb_is_no_success(void **state)
{
	(void)state;
	leave_open(&vtdrig_kinds[VTDRIG_REGISTERS]);
	vtdrig_new_process(&rig);
	rig.fake.after_write = refuse_after_contexts;
	assert_int_equal(rig.ops->takeover(rig.unit, known, 2, &rig.err), -EIO);
	assert_non_null(strstr(rig.err.text, "IOTLB_REG"));
	assert_space_create(-EBUSY);
	vtdrig_fini(&rig);
}

/* Killed with a narrower request under way: written over, it might be all that is done. */
static void close_by_registers_waits_for_an_earlier_request(void **state)
{
	static const uint32_t registers[] = { VTD_FAKE_CCMD, VTD_FAKE_IOTLB };
	unsigned i;

	(void)state;
	for (i = 0; i < 2; i++) {
		leave_open(&vtdrig_kinds[VTDRIG_REGISTERS]);
		vtdrig_new_process(&rig);
		rig.fake.is_stopped = true;
		vtd_fake_set(&rig.fake, registers[i], 8, BIT(63) | UINT64_C(2) << (i ? 60 : 61));
		vtd_fake_log(&rig.fake);
		rig.ops->close(rig.unit);
		assert_int_equal(vtd_fake_find_write(&rig.fake, VTD_FAKE_CCMD, 0, 0, 0), UINT64_MAX);
		assert_int_equal(vtd_fake_find_write(&rig.fake, VTD_FAKE_IOTLB, 0, 0, 0), UINT64_MAX);
		assert_space_create(-EBUSY);
		rig.fake.is_stopped = false;
		vtd_fake_consume(&rig.fake, 1);
		rig.ops->close(rig.unit);
		assert_false(vtdrig_access(&rig, HOST, IOVA_BASE, true));
		assert_space_create(0);
		vtdrig_fini(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(close_old_queue_is_not_stored_into_where_a_space_lies_now),
		cmocka_unit_test(close_switches_an_earlier_queue_off_and_keeps_its_own_on),
		cmocka_unit_test(close_without_registers_is_taken_over_after_the_old_queue_went_off),
		cmocka_unit_test(close_old_queue_whose_memory_is_taken_is_refused),
		cmocka_unit_test(close_foreign_queue_is_not_taken_where_a_new_root_forgets),
		cmocka_unit_test(close_with_a_dead_queue_keeps_the_arena_shut),
		cmocka_unit_test(takeover_again_waits_for_the_unit_and_not_for_the_last_status),
		cmocka_unit_test(close_by_registers_that_refuse_is_no_success),
		cmocka_unit_test(close_by_registers_that_refuse_the_iotlb_is_no_success),
		cmocka_unit_test(close_by_registers_waits_for_an_earlier_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
