// SPDX-License-Identifier: BSD-2-Clause
/* The invalidation queue: order, room, tickets, errors, deadlines; and no queue. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bits.h"
#include "invq.h"
#include "record.h"
#include "vtd.h"
#include "vtdrig.h"

static struct vtdrig rig;
static struct invq *queue;

static int start(const struct vtdrig_kind *kind)
{
	vtdrig_start(&rig, kind);
	queue = &vtd_of(rig.unit)->invq;
	vtd_fake_log(&rig.fake);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return start(&vtdrig_kinds[VTDRIG_LEGACY]);
}

static int setup_registers(void **state)
{
	(void)state;
	return start(&vtdrig_kinds[VTDRIG_REGISTERS]);
}

static int teardown(void **state)
{
	(void)state;
	vtdrig_fini(&rig);
	return 0;
}

static void push(unsigned count)
{
	while (count-- > 0)
		invq_push(queue, desc_iotlb_domain(&queue->shape, 1));
}

static uint64_t done(void)
{
	if (invq_poll(queue, &rig.err))
		fail_msg("%s", rig.err.text);
	return queue->done;
}

static int poll_for(uint64_t ns)
{
	uint64_t end = rig.fake.clock_ns + ns;
	int ret = 0;

	while (ret == 0 && rig.fake.clock_ns < end) {
		ret = invq_poll(queue, &rig.err);
		rig.fake.clock_ns += 1000000;
	}
	return ret;
}

static void invq_batch_is_its_descriptors_and_one_wait(void **state)
{
	uint64_t ticket;

	(void)state;
	push(3);
	assert_int_equal(rig.fake.descs, 0); /* not before the end of the batch */
	ticket = invq_submit(queue);
	assert_int_equal(done(), ticket);
	assert_int_equal(rig.fake.descs, 4);
	assert_int_equal(rig.fake.waits, 1);
	/* Known to be done: asking again costs no register. */
	rig.fake.reads = 0;
	assert_int_equal(done(), ticket);
	assert_int_equal(rig.fake.reads, 0);
}

/* What the unit reads is there before the tail that makes it read. */
static void invq_descriptors_precede_the_tail(void **state)
{
	uint64_t tail, i;

	(void)state;
	record_start();
	push(1);
	invq_submit(queue);
	record_stop();
	tail = vtd_fake_find_write(&rig.fake, VTD_FAKE_IQT, 0, 0, 0);
	assert_true(tail != UINT64_MAX);
	i = rig.fake.accesses[tail].stores;
	assert_int_equal(i, record_count()); /* nothing is stored after it */
	assert_non_null(record_at(0)->where);
	assert_null(record_at((size_t)i - 1)->where); /* a barrier comes last */
}

static void invq_head_alone_completes_nothing(void **state)
{
	uint64_t ticket;

	(void)state;
	rig.fake.loses_status = true;
	push(1);
	ticket = invq_submit(queue);
	assert_int_equal(vtd_fake_get(&rig.fake, VTD_FAKE_IQH, 8),
			 vtd_fake_get(&rig.fake, VTD_FAKE_IQT, 8));
	assert_true(done() < ticket);
	/* And when it never comes, that is a deadline with the register's name. */
	assert_int_equal(poll_for(2 * INVQ_DEADLINE_NS), -ETIMEDOUT);
	assert_non_null(strstr(rig.err.text, "IQH_REG"));
	assert_non_null(strstr(rig.err.text, "wait descriptor"));
}

static void invq_deadline_names_the_register(void **state)
{
	(void)state;
	rig.fake.is_stopped = true;
	push(1);
	invq_submit(queue);
	assert_int_equal(poll_for(INVQ_DEADLINE_NS / 2), 0);
	assert_int_equal(poll_for(INVQ_DEADLINE_NS), -ETIMEDOUT);
	assert_non_null(strstr(rig.err.text, "IQH_REG stood still"));
}

/* Progress starts the deadline anew. */
static void invq_slow_unit_is_given_time(void **state)
{
	uint64_t ticket, i;

	(void)state;
	rig.fake.is_stopped = true;
	push(20);
	ticket = invq_submit(queue);
	for (i = 0; i < 21; i++) {
		assert_true(queue->done < ticket);
		assert_int_equal(poll_for(INVQ_DEADLINE_NS * 3 / 4), 0);
		vtd_fake_consume(&rig.fake, 1);
	}
	assert_int_equal(done(), ticket);
}

/* --- room --- */

/* A ring's full and empty once looked alike: a full one then passed as done. */
static void museum_wrap_bit_full_queue_is_not_an_empty_one(void **state)
{
	uint64_t ticket;
	unsigned i;

	(void)state;
	for (i = 0; i < 5; i++) {
		rig.fake.is_stopped = true;
		push((unsigned)invq_size(queue) - 2);
		ticket = invq_submit(queue);
		assert_int_equal(queue->produced - queue->consumed, invq_size(queue) - 1);
		assert_true(done() < ticket);
		assert_true(vtd_fake_get(&rig.fake, VTD_FAKE_IQH, 8) !=
			    vtd_fake_get(&rig.fake, VTD_FAKE_IQT, 8));
		rig.fake.is_stopped = false;
		vtd_fake_consume(&rig.fake, UINT64_MAX);
		assert_int_equal(done(), ticket);
	}
	assert_int_equal(rig.fake.descs, 5 * (invq_size(queue) - 1));
}

static void invq_wraps_for_a_long_time(void **state)
{
	uint64_t ticket;
	unsigned i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		push(i % 7);
		ticket = invq_submit(queue);
		assert_int_equal(done(), ticket);
	}
	assert_int_equal(rig.fake.waits, 1000);
}

/* No room within the spin: everything is invalidated instead, and only then is it done. */
static void invq_without_room_owes_everything_and_pays(void **state)
{
	uint64_t ticket, start;

	(void)state;
	rig.fake.is_stopped = true;
	start = rig.fake.clock_ns;
	push(3 * (unsigned)invq_size(queue));
	ticket = invq_submit(queue);
	assert_true(rig.fake.clock_ns - start < 3 * INVQ_SPIN_NS);
	assert_true(queue->is_indebted);
	assert_true(done() < ticket);
	rig.fake.is_stopped = false;
	vtd_fake_consume(&rig.fake, UINT64_MAX);
	vtd_fake_log(&rig.fake);
	done();
	assert_int_equal(done(), ticket);
	assert_false(queue->is_indebted);
	assert_int_equal(rig.fake.log[0].word[0], desc_context_all().word[0]);
	assert_int_equal(rig.fake.log[1].word[0], desc_iotlb_all(&queue->shape).word[0]);
	assert_int_equal(rig.fake.log[2].word[0] & 15, VTD_FAKE_WAIT);
	assert_int_equal(rig.fake.log_count, 3);
}

static void invq_debt_that_is_never_paid_runs_into_the_deadline(void **state)
{
	(void)state;
	rig.fake.is_stopped = true;
	push(3 * (unsigned)invq_size(queue));
	invq_submit(queue);
	assert_int_equal(poll_for(2 * INVQ_DEADLINE_NS), -ETIMEDOUT);
}

/* A wait with nothing before it once hung a queue. */
static void museum_zero_desc_empty_batch_completes(void **state)
{
	uint64_t ticket = invq_submit(queue);

	(void)state;
	assert_int_equal(done(), ticket);
	assert_int_equal(rig.fake.descs, 1);
}

/* --- errors --- */

static void invq_refused_descriptor_is_replaced_and_everything_invalidated(void **state)
{
	uint64_t ticket, tail, cleared, again;

	(void)state;
	rig.fake.error_at = 2;
	rig.fake.error_bits = VTD_FAKE_IQE;
	push(4);
	ticket = invq_submit(queue);
	tail = vtd_fake_get(&rig.fake, VTD_FAKE_IQT, 8);
	assert_true(queue->done < ticket);
	done();
	assert_int_equal(done(), ticket);
	assert_int_equal(rig.unit->counts.command_errors, 1);
	/* The wait behind it proved nothing: context cache and IOTLB came after it, then a wait. */
	assert_int_equal(rig.fake.log[rig.fake.log_count - 3].word[0], desc_context_all().word[0]);
	assert_int_equal(rig.fake.log[rig.fake.log_count - 2].word[0],
			 desc_iotlb_all(&queue->shape).word[0]);
	assert_int_equal(rig.fake.log[rig.fake.log_count - 1].word[0] & 15, VTD_FAKE_WAIT);
	assert_int_equal(vtd_fake_get(&rig.fake, VTD_FAKE_FSTS, 4), 0);
	/* A scar: the same tail is written again, or the unit would read no more. */
	cleared = vtd_fake_find_write(&rig.fake, VTD_FAKE_FSTS, 0, 0, 0);
	again = vtd_fake_find_write(&rig.fake, VTD_FAKE_IQT, 0, 0, cleared);
	assert_true(again != UINT64_MAX);
	assert_int_equal(rig.fake.accesses[again].value, tail);
}

static void invq_refused_wait_cannot_be_worked_with(void **state)
{
	(void)state;
	rig.fake.error_at = 1;
	rig.fake.error_bits = VTD_FAKE_IQE;
	rig.fake.error_stays = true;
	invq_submit(queue);
	assert_int_equal(invq_poll(queue, &rig.err), -EIO);
	assert_non_null(strstr(rig.err.text, "IQE"));
}

/* The waits that a timeout dropped stood at any place: none of them is trusted. */
static void museum_ite_multi_dropped_waits_complete_nothing(void **state)
{
	uint64_t first, last;
	unsigned at;

	(void)state;
	for (at = 1; at <= 8; at++) {
		rig.fake.is_stopped = true;
		rig.fake.error_at = at;
		rig.fake.error_bits = VTD_FAKE_ITE;
		vtd_fake_log(&rig.fake);
		first = invq_submit(queue); /* a wait first, another at an odd place, ... */
		push(1);
		invq_submit(queue);
		push(2);
		invq_submit(queue);
		push(1);
		last = invq_submit(queue);
		rig.fake.is_stopped = false;
		vtd_fake_consume(&rig.fake, UINT64_MAX);
		assert_true(done() < last);
		done();
		assert_int_equal(done(), last);
		assert_true(first < last);
		assert_int_equal(rig.fake.log[rig.fake.log_count - 3].word[0],
				 desc_context_all().word[0]);
		assert_int_equal(rig.unit->counts.command_errors, at);
	}
}

static void invq_completion_error_is_cleared_and_repaired(void **state)
{
	uint64_t ticket;

	(void)state;
	rig.fake.error_at = 1;
	rig.fake.error_bits = VTD_FAKE_ICE;
	push(1);
	ticket = invq_submit(queue);
	done();
	assert_int_equal(done(), ticket);
	assert_int_equal(vtd_fake_get(&rig.fake, VTD_FAKE_FSTS, 4), 0);
	assert_int_equal(rig.unit->counts.command_errors, 1);
}

/* A loop that never gave up once turned for ever. */
static void museum_timeout_not_decremented_endless_errors_end(void **state)
{
	unsigned polls;
	int ret = 0;

	(void)state;
	rig.fake.error_at = 1;
	rig.fake.error_bits = VTD_FAKE_ITE;
	rig.fake.error_stays = true;
	push(1);
	invq_submit(queue);
	for (polls = 0; ret == 0 && polls < 5000; polls++)
		ret = invq_poll(queue, &rig.err);
	assert_int_equal(ret, -EIO);
	assert_non_null(strstr(rig.err.text, "times"));
}

static void invq_all_ones_is_enodev(void **state)
{
	(void)state;
	rig.fake.is_stopped = true;
	push(1);
	invq_submit(queue);
	rig.fake.is_gone = true;
	assert_int_equal(invq_poll(queue, &rig.err), -ENODEV);
	assert_non_null(strstr(rig.err.text, "all ones"));
}

static void invq_head_where_nothing_was_written_is_another_agent(void **state)
{
	static const uint64_t heads[] = { 0x800, 0x8, UINT64_C(1) << 40 };
	unsigned i;

	(void)state;
	rig.fake.is_stopped = true;
	push(1);
	invq_submit(queue);
	for (i = 0; i < ARRAY_COUNT(heads); i++) {
		vtd_fake_set(&rig.fake, VTD_FAKE_IQH, 8, heads[i]);
		assert_int_equal(invq_poll(queue, &rig.err), -EIO);
		assert_non_null(strstr(rig.err.text, "another agent"));
	}
}

/* --- narrow and wide --- */

static void invq_wide_descriptors_are_32_bytes_with_a_page_more(void **state)
{
	uint64_t ticket;

	(void)state;
	vtdrig_fini(&rig);
	start(&vtdrig_kinds[VTDRIG_SECOND]);
	assert_int_equal(vtd_fake_get(&rig.fake, VTD_FAKE_IQA, 8) & 0xfff, 0x801);
	push(1);
	ticket = invq_submit(queue);
	assert_int_equal(done(), ticket);
	assert_int_equal(vtd_fake_get(&rig.fake, VTD_FAKE_IQT, 8) % 32, 0);
	assert_int_equal(rig.fake.descs, 2);
}

/* A scar: QEMU before 8.0 offers scalable mode and drops IQA_REG.DW. */
static void invq_unit_that_drops_dw_gets_narrow_descriptors(void **state)
{
	const struct drv_stream_init init = { .stream = VTDRIG_STREAM, .state = DRV_DENY };
	struct drv_space *space;

	(void)state;
	vtdrig_fini(&rig);
	vtdrig_init_kind(&rig, &vtdrig_kinds[VTDRIG_SECOND]);
	rig.fake.drops_wide = true;
	vtdrig_probe(&rig);
	vtdrig_takeover(&rig, &init, 1);
	assert_int_equal(vtd_fake_get(&rig.fake, VTD_FAKE_IQA, 8) & 0xfff, 0);
	space = vtdrig_space(&rig);
	vtdrig_map(&rig, space, 0x1000, 0x1000);
	vtdrig_set(&rig, VTDRIG_STREAM, DRV_BOUND, space);
	assert_true(vtdrig_access(&rig, VTDRIG_STREAM, 0x1000, true));
	assert_int_equal(rig.unit->counts.command_errors, 0);
	vtdrig_fini(&rig);
	/* First level tables cannot do without. */
	vtdrig_init_kind(&rig, &vtdrig_kinds[VTDRIG_FIRST]);
	rig.fake.drops_wide = true;
	vtdrig_probe(&rig);
	assert_int_equal(rig.ops->takeover(rig.unit, &init, 1, &rig.err), -EOPNOTSUPP);
	assert_non_null(strstr(rig.err.text, "IQA_REG.DW"));
	assert_true(rig.unit->is_closed);
}

/* --- by registers --- */

static void invreg_same_descriptors_one_by_one(void **state)
{
	uint64_t ticket;

	(void)state;
	invq_push(queue, desc_context_device(0x1234, 7));
	invq_push(queue, desc_iotlb_pages(&queue->shape, 7, 0x40000, 3, true));
	ticket = invq_submit(queue);
	assert_int_equal(done(), ticket);
	assert_int_equal(rig.fake.log_count, 2);
	assert_int_equal(rig.fake.log[0].word[0], desc_context_device(0x1234, 7).word[0]);
	assert_int_equal(rig.fake.log[1].word[0],
			 desc_iotlb_pages(&queue->shape, 7, 0, 0, true).word[0]);
	assert_int_equal(rig.fake.log[1].word[1], 0x40000 | 1 << 6 | 3);
	/* The address stands before the request that uses it. */
	assert_true(vtd_fake_find_write(&rig.fake, VTD_FAKE_IVA, 0, 0, 0) <
		    vtd_fake_find_write(&rig.fake, VTD_FAKE_IOTLB, 0, 0, 0));
	assert_int_equal(vtd_fake_find_write(&rig.fake, VTD_FAKE_IQT, 0, 0, 0), UINT64_MAX);
}

static void invreg_second_request_waits_for_the_first(void **state)
{
	uint64_t ticket;

	(void)state;
	rig.fake.is_stopped = true;
	invq_push(queue, desc_context_all());
	push(1);
	ticket = invq_submit(queue);
	assert_true(done() < ticket);
	assert_int_equal(vtd_fake_find_write(&rig.fake, VTD_FAKE_IOTLB, 0, 0, 0), UINT64_MAX);
	vtd_fake_consume(&rig.fake, 1);
	assert_true(done() < ticket);
	vtd_fake_consume(&rig.fake, 1);
	assert_int_equal(done(), ticket);
}

static void invreg_request_never_taken_runs_into_the_deadline(void **state)
{
	(void)state;
	rig.fake.is_stopped = true;
	push(1);
	invq_submit(queue);
	assert_int_equal(poll_for(2 * INVQ_DEADLINE_NS), -ETIMEDOUT);
	assert_non_null(strstr(rig.err.text, "IOTLB_REG"));
}

static void invreg_refused_request_is_an_error(void **state)
{
	(void)state;
	rig.fake.refuses = true;
	invq_push(queue, desc_context_all());
	invq_submit(queue);
	assert_int_equal(invq_poll(queue, &rig.err), -EIO);
	assert_non_null(strstr(rig.err.text, "CCMD_REG"));
}

static void invreg_all_ones_is_enodev(void **state)
{
	(void)state;
	rig.fake.is_stopped = true;
	push(1);
	invq_submit(queue);
	rig.fake.is_gone = true;
	assert_int_equal(invq_poll(queue, &rig.err), -ENODEV);
}

#define QUEUED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define BY_REGISTERS(name) cmocka_unit_test_setup_teardown(name, setup_registers, teardown)


/* A ticket handed out while a debt is half paid is not covered by what was sent before it. */
static void invq_ticket_of_a_half_paid_debt_has_its_own_invalidations(void **state)
{
	uint64_t first, second = 0, from = 0;
	unsigned i, k, contexts, iotlbs;

	(void)state;
	rig.fake.is_stopped = true;
	push(3 * (unsigned)invq_size(queue));
	first = invq_submit(queue);
	assert_true(queue->is_indebted);
	vtd_fake_log(&rig.fake);
	for (i = 0; i < 4000 && (second == 0 || queue->done < second); i++) {
		vtd_fake_consume(&rig.fake, 1);
		if (second == 0 && queue->debt_step == 1) {
			push(1);
			second = invq_submit(queue);
			from = rig.fake.log_count + (queue->produced - queue->consumed);
		}
		(void)done();
	}
	assert_true(second != 0 && queue->done >= second && first < second);
	contexts = iotlbs = 0;
	for (k = (unsigned)from; k < rig.fake.log_count; k++) {
		contexts += rig.fake.log[k].word[0] == desc_context_all().word[0];
		iotlbs += rig.fake.log[k].word[0] == desc_iotlb_all(&queue->shape).word[0];
	}
	assert_true(contexts >= 1 && iotlbs >= 1);
}

/* The number after 2^32 - 1 is 0, and is not done because a larger one is. */
static void invq_wait_number_wrapped_to_0_is_not_done_before_its_turn(void **state)
{
	uint64_t ticket;

	(void)state;
	queue->wait_number = UINT32_MAX - 1;
	queue->status[0] = UINT32_MAX - 1;
	push(1);
	ticket = invq_submit(queue); /* UINT32_MAX */
	assert_int_equal(done(), ticket);
	rig.fake.is_stopped = true;
	push(1);
	ticket = invq_submit(queue); /* 0 */
	assert_true(done() < ticket);
	rig.fake.is_stopped = false;
	vtd_fake_consume(&rig.fake, UINT64_MAX);
	assert_int_equal(done(), ticket);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUEUED(invq_batch_is_its_descriptors_and_one_wait),
		QUEUED(invq_descriptors_precede_the_tail),
		QUEUED(invq_head_alone_completes_nothing),
		QUEUED(invq_deadline_names_the_register),
		QUEUED(invq_slow_unit_is_given_time),
		QUEUED(museum_wrap_bit_full_queue_is_not_an_empty_one),
		QUEUED(invq_wraps_for_a_long_time),
		QUEUED(invq_ticket_of_a_half_paid_debt_has_its_own_invalidations),
		QUEUED(invq_wait_number_wrapped_to_0_is_not_done_before_its_turn),
		QUEUED(invq_without_room_owes_everything_and_pays),
		QUEUED(invq_debt_that_is_never_paid_runs_into_the_deadline),
		QUEUED(museum_zero_desc_empty_batch_completes),
		QUEUED(invq_refused_descriptor_is_replaced_and_everything_invalidated),
		QUEUED(invq_refused_wait_cannot_be_worked_with),
		QUEUED(museum_ite_multi_dropped_waits_complete_nothing),
		QUEUED(invq_completion_error_is_cleared_and_repaired),
		QUEUED(museum_timeout_not_decremented_endless_errors_end),
		QUEUED(invq_all_ones_is_enodev),
		QUEUED(invq_head_where_nothing_was_written_is_another_agent),
		QUEUED(invq_wide_descriptors_are_32_bytes_with_a_page_more),
		QUEUED(invq_unit_that_drops_dw_gets_narrow_descriptors),
		BY_REGISTERS(invreg_same_descriptors_one_by_one),
		BY_REGISTERS(invreg_second_request_waits_for_the_first),
		BY_REGISTERS(invreg_request_never_taken_runs_into_the_deadline),
		BY_REGISTERS(invreg_refused_request_is_an_error),
		BY_REGISTERS(invreg_all_ones_is_enodev),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
