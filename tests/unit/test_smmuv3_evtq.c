// SPDX-License-Identifier: BSD-2-Clause
/* The event queue: order, wrap, overflow, and indices nobody wrote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "srig.h"

static void start(struct srig *rig, unsigned event_log2)
{
	srig_init(rig);
	rig->options.event_log2 = event_log2;
	srig_probe(rig);
	srig_takeover(rig, NULL, 0);
}

static void event(struct srig *rig, uint64_t address)
{
	const uint64_t words[4] = { UINT64_C(8) << 32 | 0x10, UINT64_C(2) << 40, address, 0 };

	hw_fake_event(&rig->fake, words);
}

static void evtq_records_come_out_in_order_through_many_wraps(void **state)
{
	uint64_t sent = 0, i;
	struct srig rig;
	unsigned log2;

	(void)state;
	for (log2 = 1; log2 <= 4; log2++) {
		start(&rig, log2);
		for (sent = 0; sent < 60;) {
			uint64_t burst = sent % (1u << log2) + 1;

			for (i = 0; i < burst && sent < 60; i++)
				event(&rig, sent++);
			assert_false(srig_drain(&rig, 100));
			assert_int_equal(rig.fault_count, sent);
		}
		for (i = 0; i < sent; i++) {
			assert_int_equal(rig.faults[i].address, i);
			assert_int_equal(rig.faults[i].sequence, i);
		}
		assert_int_equal(rig.loss_count, 0);
		assert_int_equal(rig.unit->counts.events, sent);
		srig_fini(&rig);
	}
}

static void evtq_exactly_full_is_no_loss(void **state)
{
	struct srig rig;
	unsigned i;

	(void)state;
	start(&rig, 3);
	for (i = 0; i < 8; i++)
		event(&rig, i);
	assert_int_equal(rig.ops->fault_mark(rig.unit), 8);
	assert_false(srig_drain(&rig, 8));
	assert_int_equal(rig.fault_count, 8);
	assert_int_equal(rig.loss_count, 0);
	srig_fini(&rig);
}

static void evtq_budget_leaves_the_rest_for_later(void **state)
{
	struct srig rig;
	unsigned i;

	(void)state;
	start(&rig, 3);
	for (i = 0; i < 7; i++)
		event(&rig, i);
	assert_true(srig_drain(&rig, 3));
	assert_int_equal(rig.fault_count, 3);
	assert_int_equal(hw_fake_get(&rig.fake, FAKE_EVENTQ_CONS, 4), 3);
	assert_int_equal(rig.ops->fault_mark(rig.unit), 7);
	assert_false(srig_drain(&rig, 4));
	assert_int_equal(rig.faults[6].address, 6);
	assert_true(srig_drain(&rig, 0) == false);
	srig_fini(&rig);
}

static void overflow(bool loses_quietly, const char *why)
{
	struct srig rig;
	unsigned i;

	start(&rig, 2);
	rig.fake.loses_quietly = loses_quietly;
	for (i = 0; i < 7; i++)
		event(&rig, i); /* three are dropped */
	/* Told after the records that came before it, not earlier. */
	assert_true(srig_drain(&rig, 2));
	assert_int_equal(rig.loss_count, 0);
	assert_false(srig_drain(&rig, 2));
	assert_int_equal(rig.fault_count, 4);
	assert_int_equal(rig.loss_count, 1);
	assert_int_equal(rig.loss_sequence, 4);
	assert_non_null(strstr(rig.loss_why, why));
	assert_int_equal(rig.unit->counts.event_losses, 1);
	/* Acknowledged: a second episode is told again, a quiet time is not. */
	assert_int_equal(hw_fake_get(&rig.fake, FAKE_GERROR, 4), hw_fake_get(&rig.fake, FAKE_GERRORN, 4));
	assert_int_equal(hw_fake_get(&rig.fake, FAKE_EVENTQ_CONS, 4) >> 31,
			 hw_fake_get(&rig.fake, FAKE_EVENTQ_PROD, 4) >> 31);
	srig_drain(&rig, 10);
	assert_int_equal(rig.loss_count, 1);
	for (i = 0; i < 6; i++)
		event(&rig, i);
	srig_drain(&rig, 10);
	assert_int_equal(rig.loss_count, 2);
	assert_int_equal(rig.loss_sequence, 8);
	event(&rig, 99);
	srig_drain(&rig, 10);
	assert_int_equal(rig.fault_count, 9);
	assert_int_equal(rig.loss_count, 2);
	srig_fini(&rig);
}

static void evtq_overflow_flag_is_one_loss_episode(void **state)
{
	(void)state;
	overflow(false, "OVFLG");
}

/* As QEMU reports it. */
static void evtq_abort_error_is_one_loss_episode(void **state)
{
	(void)state;
	overflow(true, "EVENTQ_ABT_ERR");
}

static void evtq_mark_counts_records_not_yet_taken(void **state)
{
	struct srig rig;

	(void)state;
	start(&rig, 4);
	assert_int_equal(rig.ops->fault_mark(rig.unit), 0);
	event(&rig, 1);
	event(&rig, 2);
	assert_int_equal(rig.ops->fault_mark(rig.unit), 2);
	srig_drain(&rig, 1);
	assert_int_equal(rig.ops->fault_mark(rig.unit), 2);
	srig_drain(&rig, 1);
	event(&rig, 3);
	assert_int_equal(rig.ops->fault_mark(rig.unit), 3);
	srig_fini(&rig);
}

static void evtq_index_out_of_range_loses_and_goes_on(void **state)
{
	struct srig rig;

	(void)state;
	start(&rig, 2);
	hw_fake_set(&rig.fake, FAKE_EVENTQ_PROD, 4, 6); /* six records in a queue of four */
	assert_false(srig_drain(&rig, 100));
	assert_int_equal(rig.fault_count, 0);
	assert_int_equal(rig.loss_count, 1);
	hw_fake_set(&rig.fake, FAKE_EVENTQ_PROD, 4, 6);
	event(&rig, 5);
	srig_drain(&rig, 100);
	assert_int_equal(rig.fault_count, 1);
	assert_int_equal(rig.faults[0].address, 5);
	srig_fini(&rig);
}

static void evtq_all_ones_is_a_gone_unit(void **state)
{
	struct srig rig;

	(void)state;
	start(&rig, 2);
	rig.fake.is_gone = true;
	assert_false(srig_drain(&rig, 100));
	assert_int_equal(rig.fault_count, 0);
	assert_true(rig.unit->is_closed);
	srig_fini(&rig);
}

static void evtq_strange_records_are_counted_and_kept(void **state)
{
	const uint64_t strange[][4] = {
		{ 0, 0, 0, 0 },
		{ UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX },
		{ 0x7f, 1, 2, 3 },
		{ UINT64_C(0xfffffff0) << 32 | 0x10, UINT64_C(2) << 40, 0, 0 }, /* stream beyond range */
	};
	struct srig rig;
	unsigned i;

	(void)state;
	start(&rig, 4);
	for (i = 0; i < 4; i++)
		hw_fake_event(&rig.fake, strange[i]);
	srig_drain(&rig, 10);
	assert_int_equal(rig.fault_count, 4);
	assert_int_equal(rig.unit->counts.unknown_events, 3);
	for (i = 0; i < 4; i++)
		assert_memory_equal(rig.faults[i].words, strange[i], 32);
	assert_int_equal(rig.faults[3].stream, 0xfffffff0);
	srig_fini(&rig);
}

static void evtq_idle_drain_writes_nothing(void **state)
{
	struct srig rig;

	(void)state;
	start(&rig, 4);
	hw_fake_log(&rig.fake);
	srig_drain(&rig, 10);
	assert_int_equal(rig.fake.writes, 0);
	assert_int_equal(rig.fake.reads, 2); /* EVENTQ_PROD and GERROR */
	srig_fini(&rig);
}

static void evtq_sequence_survives_close_and_takeover(void **state)
{
	struct srig rig;

	(void)state;
	start(&rig, 4);
	event(&rig, 1);
	rig.ops->close(rig.unit);
	srig_drain(&rig, 10); /* what came before the end is still told */
	assert_int_equal(rig.fault_count, 1);
	srig_takeover(&rig, NULL, 0);
	event(&rig, 2);
	srig_drain(&rig, 10);
	assert_int_equal(rig.faults[1].sequence, 1);
	assert_int_equal(rig.loss_count, 0);
	srig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(evtq_records_come_out_in_order_through_many_wraps),
		cmocka_unit_test(evtq_exactly_full_is_no_loss),
		cmocka_unit_test(evtq_budget_leaves_the_rest_for_later),
		cmocka_unit_test(evtq_overflow_flag_is_one_loss_episode),
		cmocka_unit_test(evtq_abort_error_is_one_loss_episode),
		cmocka_unit_test(evtq_mark_counts_records_not_yet_taken),
		cmocka_unit_test(evtq_index_out_of_range_loses_and_goes_on),
		cmocka_unit_test(evtq_all_ones_is_a_gone_unit),
		cmocka_unit_test(evtq_strange_records_are_counted_and_kept),
		cmocka_unit_test(evtq_idle_drain_writes_nothing),
		cmocka_unit_test(evtq_sequence_survives_close_and_takeover),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
