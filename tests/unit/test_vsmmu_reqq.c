// SPDX-License-Identifier: BSD-2-Clause
/* The request queue against a device that does everything wrong in its turn. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bits.h"
#include "vrig.h"
#include "vsmmu.h"

#define PAGE VRIG_PAGE
#define AT UINT64_C(0x100000)
#define SECOND UINT64_C(1000000000)

static bool is_pci;

struct rig {
	struct vrig v;
	struct drv_space *space;
	struct reqq *queue;
};

/* Taken over, with VRIG_STREAM bound and nothing mapped. */
static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	vrig_start(&rig->v, is_pci);
	rig->space = vrig_space(&rig->v);
	vrig_set(&rig->v, VRIG_STREAM, DRV_BOUND, rig->space);
	rig->queue = &vsmmu_of(rig->v.unit)->reqq;
	virtio_fake_log(&rig->v.fake);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	vrig_fini(&rig->v);
	free(rig);
	return 0;
}

static void reqq_many_maps_are_one_notification(void **state)
{
	struct rig *rig = *state;
	uint64_t notified = rig->v.unit->counts.syncs;
	unsigned i;

	for (i = 0; i < 100; i++)
		assert_int_equal(vrig_try_map(&rig->v, rig->space, AT + 2 * i * PAGE, PAGE), 0);
	assert_int_equal(rig->v.fake.kicks, 0);
	assert_int_equal(rig->v.ops->commit(rig->space, &rig->v.err), 0);
	assert_int_equal(rig->v.fake.kicks, 1);
	assert_int_equal(rig->v.fake.by_type[FAKE_MAP], 100);
	assert_int_equal(rig->v.unit->counts.syncs, notified + 1);
	for (i = 0; i < 100; i++)
		assert_true(vrig_lands(&rig->v, VRIG_STREAM, AT + 2 * i * PAGE,
				       VRIG_MEMORY + AT + 2 * i * PAGE));
}

static void reqq_more_than_the_ring_holds_is_a_notification_a_ringful(void **state)
{
	struct rig *rig = *state;
	unsigned i;

	for (i = 0; i < 300; i++)
		assert_int_equal(vrig_try_map(&rig->v, rig->space, AT + 2 * i * PAGE, PAGE), 0);
	assert_int_equal(rig->v.ops->commit(rig->space, &rig->v.err), 0);
	assert_int_equal(rig->v.fake.kicks, 3);
	assert_int_equal(rig->v.fake.by_type[FAKE_MAP], 300);
}

static void reqq_unmaps_that_touch_are_one_request(void **state)
{
	struct rig *rig = *state;
	struct drv_gather gather = { 0 };
	unsigned i;

	for (i = 0; i < 100; i++)
		vrig_map(&rig->v, rig->space, AT + i * PAGE, PAGE);
	virtio_fake_log(&rig->v.fake);
	for (i = 0; i < 100; i++)
		rig->v.ops->unmap(rig->space, IOVA(AT + i * PAGE), PAGE, &gather);
	vrig_wait(&rig->v, rig->v.ops->submit(rig->v.unit, &gather));
	assert_int_equal(rig->v.fake.kicks, 1);
	assert_int_equal(rig->v.fake.served, 1);
	assert_int_equal(rig->v.fake.mapping_count, 0);
}

static void reqq_tickets_wait_for_every_answer_below(void **state)
{
	struct rig *rig = *state;
	struct drv_gather gather = { 0 };
	uint64_t ticket, before = rig->queue->done;

	vrig_map(&rig->v, rig->space, AT, PAGE);
	vrig_map(&rig->v, rig->space, AT + 4 * PAGE, PAGE);
	rig->v.fake.is_stopped = true;
	before = rig->queue->done;
	rig->v.ops->unmap(rig->space, IOVA(AT), PAGE, &gather);
	rig->v.ops->unmap(rig->space, IOVA(AT + 4 * PAGE), PAGE, &gather);
	assert_int_equal(rig->v.fake.kicks, 2);
	ticket = rig->v.ops->submit(rig->v.unit, &gather);
	assert_true(drv_gather_is_empty(&gather));
	assert_int_equal(rig->v.fake.kicks, 3);
	assert_true(ticket > before);
	assert_int_equal(rig->v.ops->completed(rig->v.unit), before);
	virtio_fake_serve(&rig->v.fake, 1);
	assert_true(rig->v.ops->completed(rig->v.unit) < ticket);
	assert_true(vrig_reaches(&rig->v, VRIG_STREAM, AT + 4 * PAGE));
	virtio_fake_serve(&rig->v.fake, 1);
	assert_int_equal(rig->v.ops->completed(rig->v.unit), ticket);
	assert_false(vrig_reaches(&rig->v, VRIG_STREAM, AT + 4 * PAGE));
	/* An empty gather gets the newest one. */
	assert_int_equal(rig->v.ops->submit(rig->v.unit, &gather), ticket);
	assert_int_equal(rig->v.fake.kicks, 3);
}

static void reqq_answers_in_any_order_are_taken(void **state)
{
	struct rig *rig = *state;
	struct drv_gather gather = { 0 };
	unsigned i;

	rig->v.fake.is_reversed = true;
	for (i = 0; i < 50; i++)
		assert_int_equal(vrig_try_map(&rig->v, rig->space, AT + 2 * i * PAGE, PAGE), 0);
	assert_int_equal(rig->v.ops->commit(rig->space, &rig->v.err), 0);
	for (i = 0; i < 50; i++)
		rig->v.ops->unmap(rig->space, IOVA(AT + 2 * i * PAGE), PAGE, &gather);
	vrig_wait(&rig->v, rig->v.ops->submit(rig->v.unit, &gather));
	assert_int_equal(rig->v.fake.mapping_count, 0);
	assert_false(rig->v.unit->is_closed);
}

/* --- a device that cannot be believed --- */

struct sin_row {
	enum fake_sin sin;
	uint32_t value;
	const char *words; /* of the alarm; NULL: it is never noticed but by its silence */
};

static void sin_set(struct rig *rig, enum fake_sin sin, uint32_t value)
{
	virtio_fake_log(&rig->v.fake);
	rig->v.fake.sin = sin;
	rig->v.fake.sin_value = value;
	rig->v.fake.sin_at = 1;
}

/* The unit is closed, nobody reaches anything, and nothing opens it again. */
static void assert_shut(struct rig *rig)
{
	struct drv_gather gather = { 0 };

	rig->v.fake.sin = FAKE_SIN_NONE;
	assert_true(rig->v.unit->is_closed);
	assert_false(vrig_reaches(&rig->v, VRIG_STREAM, AT));
	assert_false(vrig_reaches(&rig->v, VRIG_STREAM, AT + 4 * PAGE));
	assert_false(vrig_reaches(&rig->v, VRIG_OTHER, AT));
	assert_int_equal(rig->v.ops->submit(rig->v.unit, &gather), UINT64_MAX);
	assert_int_equal(rig->v.ops->set_stream(rig->v.unit, VRIG_STREAM, DRV_BOUND, rig->space,
						&gather, &rig->v.err), -EIO);
}

static const struct sin_row sins[] = {
	{ FAKE_SIN_STATUS, 9, "status 0x09, which no specification names" },
	{ FAKE_SIN_STATUS, 0xff, "status 0xff" },
	{ FAKE_SIN_LENGTH, 3, "with 3 bytes where 4 are due" },
	{ FAKE_SIN_LENGTH, 5, "with 5 bytes where 4 are due" },
	{ FAKE_SIN_LENGTH, UINT32_MAX, "with 4294967295 bytes" },
	{ FAKE_SIN_ID, 256, "descriptor 256 of the request queue, which it was not given" },
	{ FAKE_SIN_ID, UINT32_MAX, "descriptor 4294967295" },
	{ FAKE_SIN_ID, 255, "descriptor 255" }, /* the second of a pair */
	{ FAKE_SIN_ID, 100, "descriptor 100" }, /* nothing is out there */
	{ FAKE_SIN_TWICE, 0, "used index" },
	{ FAKE_SIN_INDEX, 7, "used index" },
	{ FAKE_SIN_INDEX, 60000, "used index" },
	{ FAKE_SIN_NEVER, 0, "unanswered" },
};

/* Whatever the last words were, the unit ends closed and the ticket is never done. */
static void reqq_lie_about_an_unmap_closes_the_unit(void **state)
{
	unsigned i;

	for (i = 0; i < ARRAY_COUNT(sins); i++) {
		struct drv_gather gather = { 0 };
		struct rig *rig = *state;
		uint64_t ticket;
		unsigned looks;

		vrig_map(&rig->v, rig->space, AT, PAGE);
		vrig_map(&rig->v, rig->space, AT + 4 * PAGE, PAGE);
		sin_set(rig, sins[i].sin, sins[i].value);
		rig->v.ops->unmap(rig->space, IOVA(AT), PAGE, &gather);
		ticket = rig->v.ops->submit(rig->v.unit, &gather);
		for (looks = 0; looks < 10 && !rig->v.unit->is_closed; looks++) {
			rig->v.fake.clock_ns += SECOND / 4;
			assert_true(rig->v.ops->completed(rig->v.unit) < ticket);
		}
		assert_true(rig->v.ops->completed(rig->v.unit) < ticket);
		assert_shut(rig);
		teardown(state);
		setup(state);
	}
}

static void reqq_refused_unmap_is_never_taken_for_done(void **state)
{
	uint32_t status;

	for (status = 1; status <= 8; status++) {
		struct drv_gather gather = { 0 };
		struct rig *rig = *state;
		uint64_t ticket;

		vrig_map(&rig->v, rig->space, AT, PAGE);
		sin_set(rig, status == 8 ? FAKE_SIN_UNWRITTEN : FAKE_SIN_STATUS, status);
		rig->v.ops->unmap(rig->space, IOVA(AT), PAGE, &gather);
		ticket = rig->v.ops->submit(rig->v.unit, &gather);
		assert_true(rig->v.ops->completed(rig->v.unit) < ticket);
		assert_shut(rig);
		teardown(state);
		setup(state);
	}
}

static void reqq_refused_detach_is_never_taken_for_done(void **state)
{
	struct rig *rig = *state;
	struct drv_gather gather = { 0 };
	uint64_t ticket;

	vrig_map(&rig->v, rig->space, AT, PAGE);
	sin_set(rig, FAKE_SIN_STATUS, 3);
	assert_int_equal(rig->v.ops->set_stream(rig->v.unit, VRIG_STREAM, DRV_DENY, NULL, &gather,
						NULL), 0);
	assert_int_equal(gather.stream_count, 1);
	ticket = rig->v.ops->submit(rig->v.unit, &gather);
	assert_true(rig->v.ops->completed(rig->v.unit) < ticket);
	assert_shut(rig);
}

static void reqq_lie_about_a_map_closes_the_unit(void **state)
{
	unsigned i;

	for (i = 0; i < ARRAY_COUNT(sins); i++) {
		struct rig *rig = *state;

		vrig_map(&rig->v, rig->space, AT, PAGE);
		sin_set(rig, sins[i].sin, sins[i].value);
		rig->v.fake.tick_ns = SECOND / 100;
		assert_int_equal(vrig_try_map(&rig->v, rig->space, AT + 4 * PAGE, PAGE), 0);
		assert_int_equal(rig->v.ops->commit(rig->space, &rig->v.err), -EIO);
		assert_string_equal(rig->v.err.text, "smmu0 was closed after a failure; see the log");
		assert_shut(rig);
		teardown(state);
		setup(state);
	}
}

/* The same lies, and the sentence that tells them apart. */
static void reqq_lies_have_a_sentence_each(void **state)
{
	struct request unmap = make_unmap(vsmmu_space_of(((struct rig *)*state)->space)->domain,
					  0x7000, 0x7fff);
	unsigned i;

	for (i = 0; i < ARRAY_COUNT(sins); i++) {
		struct rig *rig = *state;
		struct error err = { 0 };
		uint8_t answer;

		sin_set(rig, sins[i].sin, sins[i].value);
		rig->v.fake.tick_ns = SECOND / 100;
		assert_int_equal(reqq_push(rig->queue, &unmap, &answer, &err), 0);
		assert_int_not_equal(reqq_wait(rig->queue, rig->queue->issued, &err), 0);
		assert_non_null(strstr(err.text, sins[i].words));
		teardown(state);
		setup(state);
		unmap = make_unmap(vsmmu_space_of(((struct rig *)*state)->space)->domain, 0x7000,
				   0x7fff);
	}
}

/* Within the count of what is out, so the index alone does not give it away. */
static void reqq_second_answer_in_the_place_of_another_is_noticed(void **state)
{
	struct rig *rig = *state;
	struct drv_gather gather = { 0 };
	uint64_t ticket;

	vrig_map(&rig->v, rig->space, AT, PAGE);
	vrig_map(&rig->v, rig->space, AT + 4 * PAGE, PAGE);
	rig->v.fake.is_stopped = true;
	sin_set(rig, FAKE_SIN_TWICE, 0);
	rig->v.ops->unmap(rig->space, IOVA(AT), PAGE, &gather);
	rig->v.ops->unmap(rig->space, IOVA(AT + 4 * PAGE), PAGE, &gather);
	ticket = rig->v.ops->submit(rig->v.unit, &gather);
	virtio_fake_serve(&rig->v.fake, 1);
	rig->v.fake.is_stopped = false;
	assert_true(rig->v.ops->completed(rig->v.unit) < ticket);
	assert_shut(rig);
}

/* --- a device that goes away --- */

static void expect_failure(struct rig *rig, const char *words)
{
	struct request unmap = make_unmap(vsmmu_space_of(rig->space)->domain, 0x7000, 0x7fff);
	struct error err = { 0 };

	assert_int_equal(reqq_push(rig->queue, &unmap, NULL, &err), 0);
	assert_int_not_equal(reqq_wait(rig->queue, rig->queue->issued, &err), 0);
	assert_non_null(strstr(err.text, words));
}

static void reqq_device_that_is_gone_is_noticed(void **state)
{
	struct rig *rig = *state;

	rig->v.fake.is_gone = true;
	expect_failure(rig, "reads all ones: the device is gone");
}

static void reqq_device_that_gave_up_is_noticed(void **state)
{
	struct rig *rig = *state;

	rig->v.fake.is_stopped = true;
	rig->v.fake.status |= 0x40;
	expect_failure(rig, "DEVICE_NEEDS_RESET (0x4f)");
}

static void reqq_device_that_another_agent_reset_is_noticed(void **state)
{
	struct rig *rig = *state;

	rig->v.fake.is_stopped = true;
	rig->v.fake.status = 0;
	expect_failure(rig, "another agent has reset the device");
}

static void reqq_device_that_is_slow_is_waited_for(void **state)
{
	struct rig *rig = *state;
	struct drv_gather gather = { 0 };
	uint64_t ticket;
	unsigned i;

	vrig_map(&rig->v, rig->space, AT, PAGE);
	rig->v.fake.is_stopped = true;
	rig->v.ops->unmap(rig->space, IOVA(AT), PAGE, &gather);
	ticket = rig->v.ops->submit(rig->v.unit, &gather);
	rig->v.fake.tick_ns = 0;
	for (i = 0; i < 9; i++) {
		rig->v.fake.clock_ns += SECOND / 10;
		assert_true(rig->v.ops->completed(rig->v.unit) < ticket);
	}
	assert_false(rig->v.unit->is_closed);
	virtio_fake_serve(&rig->v.fake, 1);
	assert_int_equal(rig->v.ops->completed(rig->v.unit), ticket);
	/* Idle for longer than any deadline is no fault. */
	rig->v.fake.clock_ns += 10 * SECOND;
	assert_int_equal(rig->v.ops->completed(rig->v.unit), ticket);
	assert_false(rig->v.unit->is_closed);
}

/* Queued for long and not yet told to the device: it has nothing to answer. */
static void reqq_unnotified_request_has_no_deadline(void **state)
{
	struct rig *rig = *state;
	struct drv_gather gather = { 0 };
	unsigned i;

	vrig_map(&rig->v, rig->space, AT, PAGE);
	rig->v.ops->unmap(rig->space, IOVA(AT), PAGE, &gather);
	for (i = 0; i < 5; i++) {
		rig->v.fake.clock_ns += SECOND;
		rig->v.ops->completed(rig->v.unit);
	}
	assert_false(rig->v.unit->is_closed);
	vrig_wait(&rig->v, rig->v.ops->submit(rig->v.unit, &gather));
}

static void reqq_full_ring_of_a_dead_device_closes_the_unit(void **state)
{
	struct rig *rig = *state;
	struct drv_gather gather = { 0 };
	unsigned i;

	for (i = 0; i < 200; i++)
		vrig_map(&rig->v, rig->space, AT + 2 * i * PAGE, PAGE);
	rig->v.fake.is_stopped = true;
	rig->v.fake.tick_ns = SECOND / 100;
	for (i = 0; i < 200; i++)
		rig->v.ops->unmap(rig->space, IOVA(AT + 2 * i * PAGE), PAGE, &gather);
	assert_true(rig->v.unit->is_closed);
	assert_int_equal(rig->v.ops->submit(rig->v.unit, &gather), UINT64_MAX);
}

/* unmaps and a DENY together: the waits for room have one deadline, not one each. */
static void reqq_full_ring_that_trickles_closes_the_unit(void **state)
{
	struct rig *rig = *state;
	struct drv_gather gather = { 0 };
	uint64_t start;
	unsigned i;

	for (i = 0; i < 200; i++)
		vrig_map(&rig->v, rig->space, AT + 2 * i * PAGE, PAGE);
	rig->v.fake.is_stopped = true;
	rig->v.fake.tick_ns = SECOND / 100;
	rig->v.fake.slow_ns = SECOND / 10 * 9;
	start = rig->v.fake.slow_at = rig->v.fake.clock_ns;
	for (i = 0; i < 200; i++)
		rig->v.ops->unmap(rig->space, IOVA(AT + 2 * i * PAGE), PAGE, &gather);
	rig->v.ops->set_stream(rig->v.unit, VRIG_STREAM, DRV_DENY, NULL, &gather, NULL);
	assert_true(rig->v.unit->is_closed);
	assert_true(rig->v.fake.clock_ns - start < 3 * SECOND);
	assert_false(vrig_reaches(&rig->v, VRIG_STREAM, AT + 398 * PAGE));
}

/* Its twin: as many waits, and a ringful is answered within the second each time. */
static void reqq_full_ring_that_moves_is_waited_for(void **state)
{
	struct rig *rig = *state;
	struct drv_gather gather = { 0 };
	uint64_t start;
	unsigned i;

	for (i = 0; i < 600; i++)
		vrig_map(&rig->v, rig->space, AT + 2 * i * PAGE, PAGE);
	rig->v.fake.is_stopped = true;
	rig->v.fake.tick_ns = SECOND / 1000;
	rig->v.fake.slow_ns = SECOND / 200;
	start = rig->v.fake.slow_at = rig->v.fake.clock_ns;
	for (i = 0; i < 600; i++)
		rig->v.ops->unmap(rig->space, IOVA(AT + 2 * i * PAGE), PAGE, &gather);
	assert_true(rig->v.fake.clock_ns - start > SECOND);
	assert_false(rig->v.unit->is_closed);
	virtio_fake_serve(&rig->v.fake, 200);
	vrig_wait(&rig->v, rig->v.ops->submit(rig->v.unit, &gather));
	assert_int_equal(rig->v.fake.mapping_count, 0);
}

/* --- an UNMAP under way when the domain ends --- */

/* Queues an UNMAP and then the domain's last DETACH on a device that is stopped. */
static uint64_t end_domain(struct rig *rig)
{
	struct drv_gather gather = { 0 };

	vrig_map(&rig->v, rig->space, AT, PAGE);
	rig->v.fake.is_stopped = true;
	rig->v.fake.is_reversed = true;
	rig->v.ops->unmap(rig->space, IOVA(AT), PAGE, &gather);
	rig->v.ops->submit(rig->v.unit, &gather);
	rig->v.ops->set_stream(rig->v.unit, VRIG_STREAM, DRV_DENY, NULL, &gather, NULL);
	virtio_fake_log(&rig->v.fake);
	return rig->v.ops->submit(rig->v.unit, &gather);
}

static void reqq_unmap_after_the_domain_ended_is_done(void **state)
{
	struct rig *rig = *state;
	uint64_t ticket = end_domain(rig);

	virtio_fake_serve(&rig->v.fake, 100);
	assert_false(vrig_reaches(&rig->v, VRIG_STREAM, AT));
	assert_true(rig->v.ops->completed(rig->v.unit) >= ticket);
	assert_false(rig->v.unit->is_closed);
	rig->v.fake.is_stopped = false;
	vrig_map(&rig->v, rig->space, AT, PAGE);
	vrig_set(&rig->v, VRIG_STREAM, DRV_BOUND, rig->space);
	assert_true(vrig_lands(&rig->v, VRIG_STREAM, AT, VRIG_MEMORY + AT));
}

/* NOENT while the DETACH is still out: the UNMAP is not done before the DETACH is. */
static void reqq_unmap_without_a_domain_waits_for_the_detach(void **state)
{
	struct rig *rig = *state;
	uint64_t ticket = end_domain(rig), before = rig->queue->done;

	rig->v.fake.is_reversed = false;
	rig->v.fake.sin = FAKE_SIN_STATUS;
	rig->v.fake.sin_value = 6; /* NOENT */
	rig->v.fake.sin_at = 1;
	virtio_fake_serve(&rig->v.fake, 1);
	assert_true(vrig_reaches(&rig->v, VRIG_STREAM, AT));
	assert_int_equal(rig->v.ops->completed(rig->v.unit), before);
	assert_false(rig->v.unit->is_closed);
	virtio_fake_serve(&rig->v.fake, 1);
	assert_int_equal(rig->v.ops->completed(rig->v.unit), ticket);
	assert_false(rig->v.unit->is_closed);
}

/* The deny twin: the DETACH is refused, so nothing has ended. */
static void reqq_unmap_without_a_domain_and_a_refused_detach_close_the_unit(void **state)
{
	struct rig *rig = *state;
	uint64_t ticket = end_domain(rig);

	rig->v.fake.is_reversed = false;
	rig->v.fake.sin = FAKE_SIN_STATUS;
	rig->v.fake.sin_value = 6;
	rig->v.fake.sin_at = 1;
	rig->v.fake.sin_stays = true;
	virtio_fake_serve(&rig->v.fake, 2);
	assert_true(rig->v.ops->completed(rig->v.unit) < ticket);
	assert_shut(rig);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reqq_many_maps_are_one_notification),
		TEST(reqq_more_than_the_ring_holds_is_a_notification_a_ringful),
		TEST(reqq_unmaps_that_touch_are_one_request),
		TEST(reqq_tickets_wait_for_every_answer_below),
		TEST(reqq_answers_in_any_order_are_taken),
		TEST(reqq_lie_about_an_unmap_closes_the_unit),
		TEST(reqq_refused_unmap_is_never_taken_for_done),
		TEST(reqq_refused_detach_is_never_taken_for_done),
		TEST(reqq_lie_about_a_map_closes_the_unit),
		TEST(reqq_lies_have_a_sentence_each),
		TEST(reqq_second_answer_in_the_place_of_another_is_noticed),
		TEST(reqq_device_that_is_gone_is_noticed),
		TEST(reqq_device_that_gave_up_is_noticed),
		TEST(reqq_device_that_another_agent_reset_is_noticed),
		TEST(reqq_device_that_is_slow_is_waited_for),
		TEST(reqq_unnotified_request_has_no_deadline),
		TEST(reqq_full_ring_of_a_dead_device_closes_the_unit),
		TEST(reqq_full_ring_that_trickles_closes_the_unit),
		TEST(reqq_full_ring_that_moves_is_waited_for),
		TEST(reqq_unmap_after_the_domain_ended_is_done),
		TEST(reqq_unmap_without_a_domain_waits_for_the_detach),
		TEST(reqq_unmap_without_a_domain_and_a_refused_detach_close_the_unit),
	};
	int failed;

	failed = cmocka_run_group_tests_name("virtio-mmio", tests, NULL, NULL);
	is_pci = true;
	return failed + cmocka_run_group_tests_name("virtio-pci", tests, NULL, NULL);
}
