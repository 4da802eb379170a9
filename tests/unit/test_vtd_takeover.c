// SPDX-License-Identifier: BSD-2-Clause
/*
 * Closing and both take-over orders, watched at every register write and every
 * store: never wider than before or than meant, never off, never another mode.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bits.h"
#include "record.h"
#include "vtd.h"
#include "vtdrig.h"

#define HOST 0x10u
#define OTHER 0x2080u
#define UNKNOWN 0x31u
#define PAGE UINT64_C(4096)
#define IOVA_BASE UINT64_C(0x100000)

static struct vtdrig rig;

/* What streams must be at every instant. */
static struct watch {
	bool was_on;	    /* translation must never go off */
	bool keeps_host;    /* HOST must never be refused */
	uint64_t host_root; /* its table */
	uint64_t mode;	    /* bits of RTADDR that must not change while it is on */
	unsigned looks;
	uint64_t writes, stop_at; /* jump out at this write (from 1); 0: never */
	jmp_buf out;
} watch;

static void look(void)
{
	bool is_on = vtd_fake_get(&rig.fake, VTD_FAKE_GSTS, 4) & VTD_FAKE_TE;
	struct vtd_oracle host = vtdrig_look(&rig, HOST);
	const uint16_t others[] = { OTHER, UNKNOWN, 0xffff };
	unsigned i;

	watch.looks++;
	if (watch.was_on)
		assert_true(is_on);
	if (!is_on)
		return;
	watch.was_on = true;
	for (i = 0; i < 3; i++) {
		struct vtd_oracle other = vtdrig_look(&rig, others[i]);

		assert_true(other.verdict == VTD_ORACLE_REFUSED || other.verdict == VTD_ORACLE_SILENT);
	}
	assert_true(host.verdict != VTD_ORACLE_OPEN && host.verdict != VTD_ORACLE_ILLEGAL);
	assert_int_equal(rig.fake.root & 0xc00, watch.mode);
	if (watch.keeps_host) {
		assert_int_equal(host.verdict, VTD_ORACLE_TABLE);
		assert_int_equal(host.root, watch.host_root);
	}
}

static void after_write(void *context, struct vtd_fake *fake, uint32_t offset)
{
	(void)context;
	(void)fake;
	(void)offset;
	look();
	if (++watch.writes == watch.stop_at)
		longjmp(watch.out, 1);
}

static void before_store(void *context, uint64_t *where, uint64_t value)
{
	(void)context;
	(void)where;
	(void)value;
	look();
}

static void watch_start(void)
{
	watch = (struct watch){
		.was_on = vtd_fake_get(&rig.fake, VTD_FAKE_GSTS, 4) & VTD_FAKE_TE,
		.mode = rig.options.mode == DRV_MODE_SCALABLE ? 0x400 : 0,
	};
	rig.fake.after_write = after_write;
	record_set_hook(before_store, NULL);
	record_start();
	vtd_fake_log(&rig.fake);
}

static void watch_stop(void)
{
	rig.fake.after_write = NULL;
	record_set_hook(NULL, NULL);
	record_stop();
}

static void fresh(const struct vtdrig_kind *kind)
{
	vtdrig_init_kind(&rig, kind);
	vtdrig_probe(&rig);
}

static const struct drv_stream_init known[] = {
	{ HOST, DRV_DENY, NULL },
	{ OTHER, DRV_SILENT, NULL },
};

static void assert_closed(void)
{
	assert_true(vtd_fake_get(&rig.fake, VTD_FAKE_GSTS, 4) & VTD_FAKE_TE);
	assert_int_equal(rig.fake.root & ~UINT64_C(0xfff), rig.fake.hw.blank_pa.v);
	assert_int_equal(vtdrig_look(&rig, HOST).verdict, VTD_ORACLE_REFUSED);
	assert_int_equal(vtdrig_look(&rig, 0xffff).verdict, VTD_ORACLE_REFUSED);
}

/* --- closing --- */

static void close_of_a_unit_never_enabled_closes_it_by_one_write(void **state)
{
	unsigned kind;

	(void)state;
	for (kind = 0; kind < vtdrig_kind_count; kind++) {
		fresh(&vtdrig_kinds[kind]);
		memset(rig.fake.hw.blank_cpu, 0xff, PAGE); /* whatever was there */
		watch_start();
		rig.ops->close(rig.unit);
		watch_stop();
		assert_closed();
		/* The root first, what was remembered dropped, then on. */
		assert_true(vtd_fake_find_write(&rig.fake, VTD_FAKE_GCMD, VTD_FAKE_SRTP, VTD_FAKE_SRTP, 0) <
			    vtd_fake_find_write(&rig.fake, VTD_FAKE_CCMD, 0, 0, 0));
		assert_true(vtd_fake_find_write(&rig.fake, VTD_FAKE_IOTLB, 0, 0, 0) <
			    vtd_fake_find_write(&rig.fake, VTD_FAKE_GCMD, VTD_FAKE_TE, VTD_FAKE_TE, 0));
		vtdrig_fini(&rig);
	}
}

/* HOST reaches memory through an earlier process's tables. */
static void leave_open(const struct vtdrig_kind *kind)
{
	struct drv_space *space;

	fresh(kind);
	rig.ops->close(rig.unit);
	vtdrig_takeover(&rig, known, 2);
	space = vtdrig_space(&rig);
	vtdrig_map(&rig, space, IOVA_BASE, PAGE);
	vtdrig_set(&rig, HOST, DRV_BOUND, space);
	assert_true(vtdrig_access(&rig, HOST, IOVA_BASE, true));
	rig.fake.context = &rig;
}

static void close_of_an_enabled_unit_never_switches_it_off(void **state)
{
	unsigned kind;

	(void)state;
	for (kind = 0; kind < vtdrig_kind_count; kind++) {
		leave_open(&vtdrig_kinds[kind]);
		vtdrig_new_process(&rig);
		assert_true(rig.unit->found_enabled);
		watch_start();
		rig.ops->close(rig.unit);
		watch_stop();
		assert_closed();
		assert_false(vtdrig_access(&rig, HOST, IOVA_BASE, true)); /* nor from memory */
		assert_int_equal(vtd_fake_find_write(&rig.fake, VTD_FAKE_GCMD, VTD_FAKE_TE, 0, 0), UINT64_MAX);
		vtdrig_fini(&rig);
	}
}

/* The arena holds the books and more: closing writes into the queue alone. */
static void close_stores_nothing_but_descriptors_into_the_arena(void **state)
{
	uint64_t base, i;

	(void)state;
	leave_open(&vtdrig_kinds[VTDRIG_LEGACY]);
	vtdrig_new_process(&rig);
	base = vtd_fake_get(&rig.fake, VTD_FAKE_IQA, 8) & ~UINT64_C(0xfff);
	record_start();
	rig.ops->close(rig.unit);
	record_stop();
	for (i = 0; i < record_count(); i++) {
		const uint64_t *where = record_at(i)->where;
		const uint64_t *queue = vtd_fake_memory(&rig.fake, base, PAGE);

		assert_true(!where || (where >= queue && where < queue + 512));
	}
	vtdrig_fini(&rig);
}

/* Descriptors that the dead process had not seen done, one of them bad. */
static void close_brings_a_stopped_queue_to_rest(void **state)
{
	struct drv_gather gather = { 0 };
	unsigned bits;

	(void)state;
	for (bits = VTD_FAKE_IQE; bits <= VTD_FAKE_ITE; bits <<= 1) {
		leave_open(&vtdrig_kinds[VTDRIG_LEGACY]);
		rig.fake.error_at = rig.fake.descs + 1;
		rig.fake.error_bits = bits;
		rig.ops->set_stream(rig.unit, OTHER, DRV_DENY, NULL, &gather, &rig.err);
		rig.ops->submit(rig.unit, &gather);
		assert_int_equal(vtd_fake_get(&rig.fake, VTD_FAKE_FSTS, 4), bits);
		vtdrig_new_process(&rig);
		rig.ops->close(rig.unit);
		assert_closed();
		assert_false(vtdrig_access(&rig, HOST, IOVA_BASE, true));
		assert_int_equal(vtd_fake_get(&rig.fake, VTD_FAKE_FSTS, 4), 0);
		vtdrig_takeover(&rig, known, 2);
		vtdrig_fini(&rig);
	}
}

/* A queue goes off only after a wait; the dead process's last word was none. */
static void takeover_queue_that_did_not_end_with_a_wait_is_stopped(void **state)
{
	struct drv_stream_init init = { HOST, DRV_BOUND, NULL };
	uint64_t tail, *queue;

	(void)state;
	leave_open(&vtdrig_kinds[VTDRIG_LEGACY]);
	queue = vtd_fake_memory(&rig.fake, vtd_fake_get(&rig.fake, VTD_FAKE_IQA, 8), PAGE);
	tail = vtd_fake_get(&rig.fake, VTD_FAKE_IQT, 8);
	queue[tail / 8] = VTD_FAKE_CONTEXT | 1 << 4;
	queue[tail / 8 + 1] = 0;
	rig.fake.hw.ops->write(&rig.fake.hw, VTD_FAKE_BASE + VTD_FAKE_IQT, 8, tail + 16);
	assert_false(rig.fake.last_was_wait);
	/* Translation is off, and a host stream keeps close() away. */
	vtd_fake_set(&rig.fake, VTD_FAKE_GSTS, 4, VTD_FAKE_QIE);
	vtdrig_new_process(&rig);
	init.space = vtdrig_space(&rig);
	vtdrig_takeover(&rig, &init, 1);
	assert_int_equal(rig.ops->audit(rig.unit, &rig.err), 0);
	vtdrig_fini(&rig);
}

/* Somebody else's queue: the root is closed all the same, and take-over refuses. */
static void queue_outside_our_memory_is_not_touched(void **state)
{
	(void)state;
	leave_open(&vtdrig_kinds[VTDRIG_LEGACY]);
	vtd_fake_set(&rig.fake, VTD_FAKE_IQA, 8, 0x1000000);
	vtdrig_new_process(&rig);
	rig.ops->close(rig.unit);
	assert_closed();
	assert_int_equal(rig.ops->takeover(rig.unit, known, 2, &rig.err), -EOPNOTSUPP);
	assert_non_null(strstr(rig.err.text, "not in our memory"));
	assert_non_null(strstr(rig.err.text, "intel_iommu=off"));
	assert_closed();
	vtdrig_fini(&rig);
}

/* CAP.ESRTPS: a new root makes the unit forget, so a dead queue is no alarm. */
static void close_needs_no_queue_where_a_new_root_forgets(void **state)
{
	struct vtdrig_kind kind = vtdrig_kinds[VTDRIG_LEGACY];
	struct drv_space *space;

	(void)state;
	kind.cap |= BIT(63);
	fresh(&kind);
	vtd_fake_set(&rig.fake, VTD_FAKE_VER, 4, 0x60);
	vtdrig_new_process(&rig);
	rig.ops->close(rig.unit); /* version 6: no registers, and no queue yet */
	assert_closed();
	assert_int_equal(rig.ops->space_create(rig.unit, 0, &space, &rig.err), 0);
	assert_int_equal(vtd_fake_find_write(&rig.fake, VTD_FAKE_CCMD, 0, 0, 0), UINT64_MAX);
	vtdrig_fini(&rig);
}

static void close_twice_and_after_takeover_is_closed(void **state)
{
	unsigned kind;

	(void)state;
	for (kind = 0; kind < vtdrig_kind_count; kind++) {
		leave_open(&vtdrig_kinds[kind]);
		watch_start();
		rig.ops->close(rig.unit);
		rig.ops->close(rig.unit);
		watch_stop();
		assert_closed();
		assert_true(rig.unit->is_closed);
		assert_false(vtdrig_access(&rig, HOST, IOVA_BASE, true));
		/* And the same process may take it over again. */
		vtdrig_takeover(&rig, known, 2);
		assert_false(vtdrig_access(&rig, HOST, IOVA_BASE, true));
		assert_int_equal(rig.ops->audit(rig.unit, &rig.err), 0);
		vtdrig_fini(&rig);
	}
}

/* --- taking over --- */

static void takeover_nothing_open_is_closed_first(void **state)
{
	unsigned kind;

	(void)state;
	for (kind = 0; kind < vtdrig_kind_count; kind++) {
		fresh(&vtdrig_kinds[kind]);
		watch_start();
		vtdrig_takeover(&rig, known, 2);
		watch_stop();
		assert_true(watch.looks > 20);
		assert_int_equal(vtdrig_look(&rig, HOST).verdict, VTD_ORACLE_REFUSED);
		assert_int_equal(vtdrig_look(&rig, OTHER).verdict, VTD_ORACLE_SILENT);
		assert_int_equal(vtdrig_look(&rig, 0xffff).verdict, VTD_ORACLE_REFUSED);
		assert_true(rig.fake.root != rig.fake.hw.blank_pa.v);
		assert_int_equal(rig.ops->audit(rig.unit, &rig.err), 0);
		vtdrig_fini(&rig);
	}
}

/* From reset, where everything passes: HOST never aborts, no other gets wider. */
static void takeover_host_stream_is_never_refused(void **state)
{
	unsigned kind;

	(void)state;
	for (kind = 0; kind < vtdrig_kind_count; kind++) {
		struct drv_stream_init init[] = { { HOST, DRV_BOUND, NULL }, { OTHER, DRV_DENY, NULL } };

		fresh(&vtdrig_kinds[kind]);
		init[0].space = vtdrig_space(&rig);
		vtdrig_map(&rig, init[0].space, IOVA_BASE, PAGE);
		watch_start();
		watch.keeps_host = true;
		watch.host_root = pgtable_root(&vtd_space_of(init[0].space)->table).v;
		vtdrig_takeover(&rig, init, 2);
		watch_stop();
		assert_true(watch.looks > 8);
		assert_true(vtdrig_access(&rig, HOST, IOVA_BASE, true));
		assert_int_equal(vtdrig_look(&rig, OTHER).verdict, VTD_ORACLE_REFUSED);
		/* No table is stored into between the new root and its first use. */
		assert_int_equal(rig.fake.accesses[vtd_fake_find_write(&rig.fake, VTD_FAKE_GCMD,
								       VTD_FAKE_TE, VTD_FAKE_TE, 0)]
					 .stores, record_count());
		vtdrig_fini(&rig);
	}
}

/* museum_abort_order: a unit was once switched off before it was told to abort. */
static void museum_abort_order_enabled_unit_stays_on_and_gets_no_wider(void **state)
{
	unsigned kind;

	(void)state;
	for (kind = 0; kind < vtdrig_kind_count; kind++) {
		struct drv_space *space;

		leave_open(&vtdrig_kinds[kind]);
		vtdrig_new_process(&rig);
		assert_int_equal(rig.ops->space_create(rig.unit, 0, &space, &rig.err), -EBUSY);
		watch_start();
		vtdrig_takeover(&rig, known, 2); /* without close() before it */
		watch_stop();
		assert_false(vtdrig_access(&rig, HOST, IOVA_BASE, true));
		assert_int_equal(rig.ops->audit(rig.unit, &rig.err), 0);
		vtdrig_fini(&rig);
	}
}

/* Killed at any register write, the unit is no wider open, and the next one takes it over. */
static void takeover_killed_anywhere_leaves_what_the_next_one_can_use(void **state)
{
	volatile unsigned kind;
	volatile uint64_t at;
	volatile bool is_over;

	(void)state;
	for (kind = 0; kind < vtdrig_kind_count; kind++) {
		for (at = 1, is_over = false; !is_over; at++) {
			leave_open(&vtdrig_kinds[kind]);
			vtdrig_new_process(&rig);
			watch_start();
			watch.stop_at = at;
			if (setjmp(watch.out) == 0) {
				rig.ops->close(rig.unit);
				vtdrig_takeover(&rig, known, 2);
				is_over = true;
			}
			watch_stop();
			vtdrig_new_process(&rig);
			rig.ops->close(rig.unit);
			assert_closed();
			vtdrig_takeover(&rig, known, 2);
			assert_false(vtdrig_access(&rig, HOST, IOVA_BASE, true));
			assert_int_equal(rig.ops->audit(rig.unit, &rig.err), 0);
			vtdrig_fini(&rig);
		}
		assert_true(at > 10);
	}
}

/* --- what does not answer --- */

static void takeover_command_never_acknowledged_names_gsts_and_closes(void **state)
{
	static const uint32_t bits[] = { VTD_FAKE_TE, VTD_FAKE_SRTP, VTD_FAKE_QIE };
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(bits); i++) {
		fresh(&vtdrig_kinds[VTDRIG_LEGACY]);
		rig.fake.mute = bits[i];
		assert_int_equal(rig.ops->takeover(rig.unit, known, 2, &rig.err), -ETIMEDOUT);
		assert_non_null(strstr(rig.err.text, "GSTS_REG"));
		assert_true(rig.unit->is_closed);
		vtdrig_fini(&rig);
	}
}

static void takeover_of_a_unit_that_is_gone_is_enodev(void **state)
{
	(void)state;
	fresh(&vtdrig_kinds[VTDRIG_LEGACY]);
	rig.fake.is_gone = true;
	assert_int_equal(rig.ops->takeover(rig.unit, known, 2, &rig.err), -ENODEV);
	assert_non_null(strstr(rig.err.text, "all ones"));
	vtdrig_fini(&rig);
}

static void takeover_unit_that_invalidates_nothing_is_refused(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct drv_space *space;

		fresh(&vtdrig_kinds[i ? VTDRIG_REGISTERS : VTDRIG_LEGACY]);
		rig.fake.is_stopped = true;
		assert_int_equal(rig.ops->takeover(rig.unit, known, 2, &rig.err), -ETIMEDOUT);
		assert_non_null(strstr(rig.err.text, "CCMD_REG"));
		assert_int_equal(vtdrig_look(&rig, HOST).verdict, VTD_ORACLE_REFUSED);
		/* What it remembers is not known: its memory is not touched. */
		assert_int_equal(rig.ops->space_create(rig.unit, 0, &space, &rig.err), -EBUSY);
		vtdrig_fini(&rig);
	}
}

static void takeover_root_that_does_not_stick_is_refused(void **state)
{
	(void)state;
	fresh(&vtdrig_kinds[VTDRIG_LEGACY]);
	rig.fake.drops_root = true;
	assert_int_equal(rig.ops->takeover(rig.unit, known, 2, &rig.err), -EIO);
	assert_non_null(strstr(rig.err.text, "RTADDR_REG"));
	vtdrig_fini(&rig);
}

/* --- what firmware left --- */

static void takeover_protected_regions_go_off_only_when_translation_is_on(void **state)
{
	struct vtdrig_kind kind = vtdrig_kinds[VTDRIG_LEGACY];
	uint64_t on, off;

	(void)state;
	kind.cap |= VTD_FAKE_CAP_PMR;
	fresh(&kind);
	vtd_fake_set(&rig.fake, VTD_FAKE_PMEN, 4, 0x80000001);
	vtd_fake_log(&rig.fake);
	vtdrig_takeover(&rig, known, 2);
	on = vtd_fake_find_write(&rig.fake, VTD_FAKE_GCMD, VTD_FAKE_TE, VTD_FAKE_TE, 0);
	off = vtd_fake_find_write(&rig.fake, VTD_FAKE_PMEN, 0, 0, 0);
	assert_true(on < off && off != UINT64_MAX);
	assert_int_equal(vtd_fake_get(&rig.fake, VTD_FAKE_PMEN, 4), 0);
	assert_int_equal(rig.ops->audit(rig.unit, &rig.err), 0);
	vtdrig_fini(&rig);
	/* A unit that keeps them would go on refusing what is granted. */
	fresh(&kind);
	vtd_fake_set(&rig.fake, VTD_FAKE_PMEN, 4, 0x80000001);
	rig.fake.keeps_protected = true;
	assert_int_equal(rig.ops->takeover(rig.unit, known, 2, &rig.err), -ETIMEDOUT);
	assert_non_null(strstr(rig.err.text, "PMEN_REG"));
	assert_closed();
	vtdrig_fini(&rig);
}

static void takeover_advanced_fault_logging_goes_off(void **state)
{
	(void)state;
	fresh(&vtdrig_kinds[VTDRIG_LEGACY]);
	vtd_fake_set(&rig.fake, VTD_FAKE_GSTS, 4, VTD_FAKE_EAFL);
	vtdrig_takeover(&rig, known, 2);
	assert_false(vtd_fake_get(&rig.fake, VTD_FAKE_GSTS, 4) & VTD_FAKE_EAFL);
	vtdrig_fini(&rig);
}

static void takeover_masks_the_unit_interrupts(void **state)
{
	(void)state;
	fresh(&vtdrig_kinds[VTDRIG_LEGACY]);
	vtd_fake_set(&rig.fake, VTD_FAKE_FECTL, 4, 0);
	vtd_fake_set(&rig.fake, VTD_FAKE_IECTL, 4, 0);
	vtdrig_takeover(&rig, known, 2);
	assert_int_equal(vtd_fake_get(&rig.fake, VTD_FAKE_FECTL, 4), 0x80000000);
	assert_int_equal(vtd_fake_get(&rig.fake, VTD_FAKE_IECTL, 4), 0x80000000);
	vtdrig_fini(&rig);
}

/* --- memory --- */

static void takeover_without_memory_is_refused_and_closed(void **state)
{
	uint32_t left;

	(void)state;
	/* Queue 1, status 1, root 1, a context table for each of two buses. */
	for (left = 0; left <= 5; left++) {
		int want = left < 5 ? -ENOMEM : 0;

		fresh(&vtdrig_kinds[VTDRIG_LEGACY]);
		while (pages_free_count(&rig.fake.pages) > left)
			pages_take(&rig.fake.pages);
		assert_int_equal(rig.ops->takeover(rig.unit, known, 2, &rig.err), want);
		if (want) {
			assert_non_null(strstr(rig.err.text, "arena"));
			assert_closed();
		}
		vtdrig_fini(&rig);
	}
}

static void takeover_stream_that_is_no_requester_is_refused(void **state)
{
	const struct drv_stream_init init = { 0x10000, DRV_DENY, NULL };

	(void)state;
	fresh(&vtdrig_kinds[VTDRIG_LEGACY]);
	assert_int_equal(rig.ops->takeover(rig.unit, &init, 1, &rig.err), -ENODEV);
	assert_non_null(strstr(rig.err.text, "requester id"));
	assert_closed();
	vtdrig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(close_of_a_unit_never_enabled_closes_it_by_one_write),
		cmocka_unit_test(close_of_an_enabled_unit_never_switches_it_off),
		cmocka_unit_test(close_stores_nothing_but_descriptors_into_the_arena),
		cmocka_unit_test(close_brings_a_stopped_queue_to_rest),
		cmocka_unit_test(takeover_queue_that_did_not_end_with_a_wait_is_stopped),
		cmocka_unit_test(queue_outside_our_memory_is_not_touched),
		cmocka_unit_test(close_needs_no_queue_where_a_new_root_forgets),
		cmocka_unit_test(close_twice_and_after_takeover_is_closed),
		cmocka_unit_test(takeover_nothing_open_is_closed_first),
		cmocka_unit_test(takeover_host_stream_is_never_refused),
		cmocka_unit_test(museum_abort_order_enabled_unit_stays_on_and_gets_no_wider),
		cmocka_unit_test(takeover_killed_anywhere_leaves_what_the_next_one_can_use),
		cmocka_unit_test(takeover_command_never_acknowledged_names_gsts_and_closes),
		cmocka_unit_test(takeover_of_a_unit_that_is_gone_is_enodev),
		cmocka_unit_test(takeover_unit_that_invalidates_nothing_is_refused),
		cmocka_unit_test(takeover_root_that_does_not_stick_is_refused),
		cmocka_unit_test(takeover_protected_regions_go_off_only_when_translation_is_on),
		cmocka_unit_test(takeover_advanced_fault_logging_goes_off),
		cmocka_unit_test(takeover_masks_the_unit_interrupts),
		cmocka_unit_test(takeover_without_memory_is_refused_and_closed),
		cmocka_unit_test(takeover_stream_that_is_no_requester_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
