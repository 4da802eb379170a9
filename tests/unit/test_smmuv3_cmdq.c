// SPDX-License-Identifier: BSD-2-Clause
/* The command queue alone, against the fake's consumer. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cmdq.h"
#include "record.h"
#include "regs.h"
#include "srig.h"

struct bench {
	struct hw_fake fake;
	struct hw_regs regs;
	struct gerror gerror;
	struct drv_counts counts;
	struct cmdq queue;
	struct error err;
};

static void start(struct bench *bench, unsigned log2)
{
	memset(bench, 0, sizeof(*bench));
	assert_int_equal(hw_fake_init(&bench->fake, SRIG_ARENA), 0);
	bench->regs = (struct hw_regs){ &bench->fake.hw, HW_FAKE_BASE, HW_FAKE_SIZE };
	bench->gerror.regs = &bench->regs;
	assert_int_equal(cmdq_init(&bench->queue, &bench->regs, &bench->gerror, &bench->counts, log2), 0);
	cmdq_start(&bench->queue);
	hw_write32(&bench->regs, SMMU_CR0, CR0_CMDQEN);
	hw_fake_log(&bench->fake);
}

static void stop(struct bench *bench)
{
	cmdq_fini(&bench->queue);
	assert_int_equal(bench->counts.table_pages, 0);
	hw_fake_fini(&bench->fake);
}

static void push(struct bench *bench, unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++)
		cmdq_push(&bench->queue, cmd_cfgi_ste(i, true));
}

static int poll(struct bench *bench)
{
	return cmdq_poll(&bench->queue, &bench->err);
}

static uint32_t prod_of(const struct bench *bench)
{
	return (uint32_t)hw_fake_get(&bench->fake, FAKE_CMDQ_PROD, 4);
}

static void cmdq_batch_is_published_once_with_one_sync(void **state)
{
	struct bench bench;

	(void)state;
	start(&bench, 4);
	push(&bench, 5);
	assert_int_equal(bench.fake.writes, 0);
	assert_int_equal(cmdq_submit(&bench.queue), 1);
	assert_int_equal(bench.fake.writes, 1);
	assert_int_equal(bench.fake.commands, 6);
	assert_int_equal(bench.fake.syncs, 1);
	assert_int_equal(poll(&bench), 0);
	assert_int_equal(bench.fake.reads, 1);
	assert_int_equal(bench.queue.done, 1);
	assert_int_equal(bench.counts.commands, 6);
	assert_int_equal(bench.counts.syncs, 1);
	stop(&bench);
}

/* The entries and a barrier before the index that makes the unit read them. */
static void cmdq_publish_follows_entries_and_barrier(void **state)
{
	struct bench bench;
	size_t last;

	(void)state;
	start(&bench, 4);
	record_start();
	push(&bench, 1);
	cmdq_submit(&bench.queue);
	record_stop();
	last = record_find(&bench.queue.entries[3], 0);
	assert_true(record_has_barrier(last, record_count()));
	assert_int_equal(bench.fake.accesses[0].offset, SMMU_CMDQ_PROD);
	assert_int_equal(bench.fake.accesses[0].stores, record_count());
	stop(&bench);
}

static void museum_zero_desc(void **state)
{
	struct bench bench;

	(void)state;
	start(&bench, 3);
	assert_int_equal(cmdq_submit(&bench.queue), 1);
	assert_int_equal(cmdq_wait(&bench.queue, 1, 1000000, &bench.err), 0);
	assert_int_equal(cmdq_wait(&bench.queue, 0, 1000000, &bench.err), 0);
	assert_int_equal(bench.fake.commands, 1);
	stop(&bench);
}

/* Full and empty have the same index and differ in the wrap bit alone. */
static void museum_wrap_bit(void **state)
{
	struct bench bench;
	unsigned log2;

	(void)state;
	for (log2 = 1; log2 <= 4; log2++) {
		start(&bench, log2);
		bench.fake.is_stopped = true;
		push(&bench, (1u << log2) - 1);
		cmdq_submit(&bench.queue);
		/* PROD and CONS have the same index: the queue is full, not done. */
		assert_int_equal(prod_of(&bench), 1u << log2);
		assert_int_equal(hw_fake_get(&bench.fake, FAKE_CMDQ_CONS, 4), 0);
		assert_int_equal(poll(&bench), 0);
		assert_int_equal(bench.queue.done, 0);
		assert_int_equal(hw_fake_consume(&bench.fake, UINT64_MAX), 1u << log2);
		assert_int_equal(poll(&bench), 0);
		assert_int_equal(bench.queue.done, 1);
		stop(&bench);
	}
}

static void cmdq_wraps_many_times_and_keeps_tickets(void **state)
{
	static const unsigned sizes[] = { 1, 2, 3, 8 };
	struct bench bench;
	unsigned s, i;

	(void)state;
	for (s = 0; s < ARRAY_COUNT(sizes); s++) {
		start(&bench, sizes[s]);
		for (i = 1; i <= 1000; i++) {
			push(&bench, i % (1u << sizes[s])); /* every offset of batch and wrap */
			assert_int_equal(cmdq_submit(&bench.queue), i);
			assert_int_equal(poll(&bench), 0);
			assert_int_equal(bench.queue.done, i);
		}
		stop(&bench);
	}
}

static void cmdq_largest_queue_fills_exactly(void **state)
{
	struct bench bench;

	(void)state;
	start(&bench, 19);
	bench.fake.is_stopped = true;
	push(&bench, (1u << 19) - 1);
	cmdq_submit(&bench.queue);
	assert_int_equal(prod_of(&bench), 1u << 19);
	assert_false(bench.queue.is_indebted);
	assert_int_equal(hw_fake_consume(&bench.fake, UINT64_MAX), 1u << 19);
	assert_int_equal(poll(&bench), 0);
	assert_int_equal(bench.queue.done, 1);
	stop(&bench);
}

/* More than the queue holds, a unit that keeps up: all of it goes through. */
static void cmdq_batch_larger_than_queue_goes_through(void **state)
{
	struct bench bench;

	(void)state;
	start(&bench, 1);
	push(&bench, 100);
	assert_int_equal(cmdq_submit(&bench.queue), 1);
	assert_int_equal(bench.fake.commands, 101);
	assert_int_equal(bench.fake.syncs, 1);
	assert_int_equal(poll(&bench), 0);
	assert_int_equal(bench.queue.done, 1);
	stop(&bench);
}

static void debt_is_paid(unsigned log2, unsigned per_look)
{
	struct bench bench;
	unsigned looks;
	uint64_t ticket;

	start(&bench, log2);
	bench.fake.is_stopped = true;
	push(&bench, (1u << log2) + 3);
	assert_true(bench.queue.is_indebted);
	ticket = cmdq_submit(&bench.queue);
	assert_int_equal(cmdq_submit(&bench.queue), ticket + 1);
	for (looks = 0; looks < 1000 && bench.queue.done < ticket + 1; looks++) {
		hw_fake_consume(&bench.fake, per_look);
		assert_int_equal(poll(&bench), 0);
		/* No ticket before everything was invalidated. */
		if (bench.queue.done >= ticket)
			assert_true(bench.fake.by_opcode[CMD_CFGI_STE_RANGE] > 0 &&
				    bench.fake.by_opcode[CMD_TLBI_NSNH_ALL] > 0);
	}
	assert_int_equal(bench.queue.done, ticket + 1);
	assert_false(bench.queue.is_indebted);
	/* And from here on all is as usual. */
	bench.fake.is_stopped = false;
	push(&bench, 1);
	ticket = cmdq_submit(&bench.queue);
	assert_int_equal(poll(&bench), 0);
	assert_int_equal(bench.queue.done, ticket);
	stop(&bench);
}

static void cmdq_without_room_invalidates_all_before_ticket(void **state)
{
	(void)state;
	debt_is_paid(1, 1);
	debt_is_paid(1, 2);
	debt_is_paid(2, 1);
	debt_is_paid(2, 3);
	debt_is_paid(8, 5);
}

/* A ticket asked for while a debt is half paid needs a debt of its own. */
static void cmdq_submit_during_payment_is_not_covered_by_it(void **state)
{
	struct bench bench;
	uint64_t late;

	(void)state;
	start(&bench, 1);
	bench.fake.is_stopped = true;
	push(&bench, 5);
	cmdq_submit(&bench.queue);
	hw_fake_consume(&bench.fake, 2);
	assert_int_equal(poll(&bench), 0); /* CFGI_ALL and TLBI_ALL are in */
	late = cmdq_submit(&bench.queue);
	while (bench.queue.done < late - 1) {
		hw_fake_consume(&bench.fake, 1);
		assert_int_equal(poll(&bench), 0);
	}
	assert_int_equal(bench.queue.done, late - 1);
	assert_int_equal(bench.fake.by_opcode[CMD_TLBI_NSNH_ALL], 1);
	while (bench.queue.done < late) {
		hw_fake_consume(&bench.fake, 1);
		assert_int_equal(poll(&bench), 0);
	}
	assert_int_equal(bench.fake.by_opcode[CMD_TLBI_NSNH_ALL], 2);
	stop(&bench);
}

static void cmdq_push_without_room_spins_within_bound(void **state)
{
	struct bench bench;
	uint64_t before;

	(void)state;
	start(&bench, 1);
	bench.fake.is_stopped = true;
	before = bench.fake.clock_ns;
	push(&bench, 3);
	assert_true(bench.fake.clock_ns - before <= CMDQ_SPIN_NS + 3 * bench.fake.tick_ns);
	/* Once indebted nothing is waited for any more. */
	before = bench.fake.clock_ns;
	push(&bench, 100);
	cmdq_submit(&bench.queue);
	assert_int_equal(bench.fake.clock_ns, before);
	stop(&bench);
}

/* The wait ends although nothing ever moves. */
static void museum_timeout_not_decremented(void **state)
{
	struct bench bench;

	(void)state;
	start(&bench, 4);
	bench.fake.is_stopped = true;
	assert_int_equal(cmdq_wait(&bench.queue, cmdq_submit(&bench.queue), 1000000, &bench.err),
			 -ETIMEDOUT);
	assert_non_null(strstr(bench.err.text, "CMDQ_CONS"));
	assert_true(bench.fake.reads < 2000);
	stop(&bench);
}

static void cmdq_stopped_for_a_second_is_given_up(void **state)
{
	struct bench bench;

	(void)state;
	start(&bench, 4);
	bench.fake.is_stopped = true;
	cmdq_submit(&bench.queue);
	assert_int_equal(poll(&bench), 0);
	bench.fake.clock_ns += CMDQ_DEADLINE_NS / 2;
	assert_int_equal(poll(&bench), 0);
	/* It moved: the clock starts again. */
	cmdq_submit(&bench.queue);
	hw_fake_consume(&bench.fake, 1);
	bench.fake.clock_ns += CMDQ_DEADLINE_NS - 100000;
	assert_int_equal(poll(&bench), 0);
	assert_int_equal(poll(&bench), 0);
	bench.fake.clock_ns += CMDQ_DEADLINE_NS;
	assert_int_equal(poll(&bench), -ETIMEDOUT);
	assert_non_null(strstr(bench.err.text, "CMDQ_CONS"));
	stop(&bench);
}

static void cmdq_idle_for_ever_is_no_fault(void **state)
{
	struct bench bench;

	(void)state;
	start(&bench, 4);
	cmdq_submit(&bench.queue);
	assert_int_equal(poll(&bench), 0);
	bench.fake.clock_ns += 100 * CMDQ_DEADLINE_NS;
	assert_int_equal(poll(&bench), 0);
	stop(&bench);
}

static void cmdq_illegal_command_is_replaced_and_all_invalidated(void **state)
{
	struct bench bench;
	uint64_t ticket;
	unsigned at;

	(void)state;
	for (at = 1; at <= 3; at++) {
		start(&bench, 4);
		bench.fake.error_at = at;
		bench.fake.error_code = CERROR_ILL;
		push(&bench, 3);
		ticket = cmdq_submit(&bench.queue);
		assert_int_equal(poll(&bench), 0);
		/* The lost command proves nothing until all was invalidated. */
		assert_int_equal(bench.queue.done, 0);
		assert_int_equal(poll(&bench), 0);
		assert_int_equal(bench.queue.done, ticket);
		assert_int_equal(bench.fake.by_opcode[CMD_TLBI_NSNH_ALL], 1);
		assert_int_equal(bench.fake.by_opcode[CMD_CFGI_STE_RANGE], 1);
		assert_int_equal(bench.counts.command_errors, 1);
		assert_int_equal(hw_fake_get(&bench.fake, FAKE_GERROR, 4),
				 hw_fake_get(&bench.fake, FAKE_GERRORN, 4));
		/* The error field keeps its value: it must not be taken for a new one. */
		ticket = cmdq_submit(&bench.queue);
		assert_int_equal(poll(&bench), 0);
		assert_int_equal(bench.queue.done, ticket);
		assert_int_equal(bench.counts.command_errors, 1);
		stop(&bench);
	}
}

static void cmdq_illegal_sync_is_given_up(void **state)
{
	struct bench bench;

	(void)state;
	start(&bench, 4);
	bench.fake.error_at = 1;
	bench.fake.error_code = CERROR_ILL;
	cmdq_submit(&bench.queue);
	assert_int_equal(poll(&bench), -EIO);
	assert_non_null(strstr(bench.err.text, "CERROR_ILL"));
	stop(&bench);
}

static void cmdq_abort_is_given_up(void **state)
{
	struct bench bench;

	(void)state;
	start(&bench, 4);
	bench.fake.error_at = 2;
	bench.fake.error_code = CERROR_ABT;
	push(&bench, 2);
	cmdq_submit(&bench.queue);
	assert_int_equal(poll(&bench), -EIO);
	assert_non_null(strstr(bench.err.text, "CERROR_ABT"));
	assert_int_equal(bench.counts.command_errors, 1);
	stop(&bench);
}

static void cmdq_atc_timeout_repeats_the_sync(void **state)
{
	struct bench bench;
	unsigned i;

	(void)state;
	start(&bench, 4);
	bench.fake.error_at = 1;
	bench.fake.error_code = CERROR_ATC_INV_SYNC;
	cmdq_submit(&bench.queue);
	assert_int_equal(poll(&bench), 0);
	assert_int_equal(poll(&bench), 0);
	assert_int_equal(bench.queue.done, 1);
	assert_int_equal(bench.counts.command_errors, 1);
	/* But not for ever. */
	bench.fake.error_at = 1;
	bench.fake.error_stays = true;
	cmdq_submit(&bench.queue);
	for (i = 0; i < 100 && poll(&bench) == 0; i++)
		;
	assert_true(i > 1 && i < 50);
	assert_non_null(strstr(bench.err.text, "CERROR_ATC_INV_SYNC"));
	stop(&bench);
}

static void cmdq_unknown_error_code_is_given_up(void **state)
{
	struct bench bench;

	(void)state;
	start(&bench, 4);
	bench.fake.error_at = 1;
	bench.fake.error_code = 0x7f;
	cmdq_submit(&bench.queue);
	assert_int_equal(poll(&bench), -EIO);
	stop(&bench);
}

static void cmdq_gone_is_enodev(void **state)
{
	struct bench bench;

	(void)state;
	start(&bench, 4);
	cmdq_submit(&bench.queue);
	bench.fake.is_gone = true;
	assert_int_equal(poll(&bench), -ENODEV);
	assert_int_equal(bench.queue.done, 0);
	stop(&bench);
}

/* An index ahead of what was written, or behind what was answered before. */
static void cmdq_index_out_of_range_is_refused(void **state)
{
	struct bench bench;

	(void)state;
	start(&bench, 4);
	push(&bench, 3);
	cmdq_submit(&bench.queue);
	assert_int_equal(poll(&bench), 0);
	hw_fake_set(&bench.fake, FAKE_CMDQ_CONS, 4, 7);
	assert_int_equal(poll(&bench), -EIO);
	hw_fake_set(&bench.fake, FAKE_CMDQ_CONS, 4, 2);
	assert_int_equal(poll(&bench), -EIO);
	stop(&bench);
}

static void cmdq_start_again_keeps_counting_tickets(void **state)
{
	struct bench bench;

	(void)state;
	start(&bench, 2);
	bench.fake.is_stopped = true;
	push(&bench, 9);
	assert_int_equal(cmdq_submit(&bench.queue), 1);
	bench.fake.is_stopped = false;
	cmdq_start(&bench.queue);
	assert_int_equal(cmdq_submit(&bench.queue), 2);
	assert_int_equal(poll(&bench), 0);
	assert_int_equal(bench.queue.done, 2);
	stop(&bench);
}

static void cmdq_init_without_memory_leaks_nothing(void **state)
{
	struct hw_fake fake;
	struct gerror gerror = { 0 };
	struct drv_counts counts = { 0 };
	struct cmdq queue;
	struct hw_regs regs;

	(void)state;
	assert_int_equal(hw_fake_init(&fake, 1 << 16), 0);
	regs = (struct hw_regs){ &fake.hw, HW_FAKE_BASE, HW_FAKE_SIZE };
	assert_int_equal(cmdq_init(&queue, &regs, &gerror, &counts, 13), -ENOMEM);
	cmdq_fini(&queue);
	assert_int_equal(counts.table_pages, 0);
	hw_fake_fini(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cmdq_batch_is_published_once_with_one_sync),
		cmocka_unit_test(cmdq_publish_follows_entries_and_barrier),
		cmocka_unit_test(museum_zero_desc),
		cmocka_unit_test(museum_wrap_bit),
		cmocka_unit_test(cmdq_wraps_many_times_and_keeps_tickets),
		cmocka_unit_test(cmdq_largest_queue_fills_exactly),
		cmocka_unit_test(cmdq_batch_larger_than_queue_goes_through),
		cmocka_unit_test(cmdq_without_room_invalidates_all_before_ticket),
		cmocka_unit_test(cmdq_submit_during_payment_is_not_covered_by_it),
		cmocka_unit_test(cmdq_push_without_room_spins_within_bound),
		cmocka_unit_test(museum_timeout_not_decremented),
		cmocka_unit_test(cmdq_stopped_for_a_second_is_given_up),
		cmocka_unit_test(cmdq_idle_for_ever_is_no_fault),
		cmocka_unit_test(cmdq_illegal_command_is_replaced_and_all_invalidated),
		cmocka_unit_test(cmdq_illegal_sync_is_given_up),
		cmocka_unit_test(cmdq_abort_is_given_up),
		cmocka_unit_test(cmdq_atc_timeout_repeats_the_sync),
		cmocka_unit_test(cmdq_unknown_error_code_is_given_up),
		cmocka_unit_test(cmdq_gone_is_enodev),
		cmocka_unit_test(cmdq_index_out_of_range_is_refused),
		cmocka_unit_test(cmdq_start_again_keeps_counting_tickets),
		cmocka_unit_test(cmdq_init_without_memory_leaks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
