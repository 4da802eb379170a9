// SPDX-License-Identifier: BSD-2-Clause
/*
 * Who is open when: after every register write and every request of close() and
 * takeover() the device is asked what each endpoint reaches.
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
#include "vrig.h"
#include "vsmmu.h"

#define PAGE VRIG_PAGE
#define AT UINT64_C(0x100000)
#define ELSEWHERE UINT64_C(0x700000)
#define HOST VRIG_STREAM

enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8 };

static bool is_pci;

static const struct drv_stream_init denied[] = {
	{ .stream = VRIG_STREAM, .state = DRV_DENY }, { .stream = VRIG_OTHER, .state = DRV_DENY },
};

struct rig {
	struct vrig v;
	unsigned steps;
	bool was_shut;
};

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	vrig_init(&rig->v, is_pci);
	vrig_probe(&rig->v);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	rig->v.fake.after_step = NULL;
	vrig_fini(&rig->v);
	free(rig);
	return 0;
}

static void watch(struct rig *rig, void (*look)(void *, struct virtio_fake *))
{
	rig->steps = 0;
	rig->was_shut = false;
	rig->v.fake.after_step = look;
	rig->v.fake.context = rig;
}

static bool reaches(const struct virtio_fake *fake, uint32_t stream, uint64_t iova)
{
	uint64_t pa;

	return virtio_fake_reach(fake, stream, iova, 1, &pa) ||
	       virtio_fake_reach(fake, stream, iova, 2, &pa);
}

/* Once nothing gets through, nothing does again. */
static void look_stays_shut(void *context, struct virtio_fake *fake)
{
	struct rig *rig = context;
	bool is_open = reaches(fake, VRIG_STREAM, ELSEWHERE) || reaches(fake, VRIG_OTHER, ELSEWHERE) ||
		       reaches(fake, 99, ELSEWHERE);

	rig->steps++;
	assert_false(rig->was_shut && is_open);
	rig->was_shut |= !is_open;
}

static void assert_shut(struct rig *rig)
{
	static const uint32_t streams[] = { VRIG_STREAM, VRIG_OTHER, 24, 99 };
	unsigned i;

	for (i = 0; i < ARRAY_COUNT(streams); i++) {
		assert_false(vrig_reaches(&rig->v, streams[i], AT));
		assert_false(vrig_reaches(&rig->v, streams[i], ELSEWHERE));
	}
	assert_int_equal(rig->v.fake.config[FAKE_BYPASS], 0);
}

/* --- closing --- */

static void close_from_power_on_switches_bypass_off(void **state)
{
	struct rig *rig = *state;

	assert_true(vrig_reaches(&rig->v, VRIG_STREAM, ELSEWHERE));
	watch(rig, look_stays_shut);
	rig->v.ops->close(rig->v.unit);
	assert_shut(rig);
	assert_true(rig->v.unit->is_closed);
	assert_int_equal(rig->v.fake.status, 0);
	rig->v.ops->close(rig->v.unit);
	assert_shut(rig);
}

static void close_with_bypass_off_already_is_a_reset(void **state)
{
	struct rig *rig = *state;

	rig->v.fake.config[FAKE_BYPASS] = 0;
	rig->v.fake.status = 0x0f;
	virtio_fake_log(&rig->v.fake);
	rig->v.ops->close(rig->v.unit);
	assert_shut(rig);
	assert_int_equal(rig->v.fake.status, 0);
	assert_in_range(rig->v.fake.writes, 1, 4);
}

/* The owner before left bypass on and has a stream attached: a reset would open it. */
static void leave_attached(struct rig *rig, uint64_t accepted)
{
	struct virtio_fake *fake = &rig->v.fake;

	fake->status = ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK;
	fake->accepted = accepted;
	fake->config[FAKE_BYPASS] = 1;
	fake->endpoints[0].is_attached = true;
	fake->endpoints[0].domain = 3;
	assert_false(vrig_reaches(&rig->v, VRIG_STREAM, ELSEWHERE));
}

static void look_attached_stays_shut(void *context, struct virtio_fake *fake)
{
	((struct rig *)context)->steps++;
	assert_false(reaches(fake, VRIG_STREAM, ELSEWHERE));
}

static void close_of_a_live_device_opens_nobody_by_its_reset(void **state)
{
	struct rig *rig = *state;

	leave_attached(rig, rig->v.fake.offered);
	watch(rig, look_attached_stays_shut);
	rig->v.ops->close(rig->v.unit);
	assert_shut(rig);
}

/* Its owner never negotiated BYPASS_CONFIG: a write to bypass would break the device. */
static void close_of_a_live_device_without_the_feature_ends_shut(void **state)
{
	struct rig *rig = *state;

	leave_attached(rig, rig->v.fake.offered & ~FAKE_F_BYPASS_CONFIG);
	rig->v.ops->close(rig->v.unit);
	assert_shut(rig);
	assert_int_equal(rig->v.fake.status, 0);
}

static void close_of_a_device_whose_reset_forgets_bypass_stays_negotiated(void **state)
{
	struct rig *rig = *state;

	rig->v.fake.mute = FAKE_FORGET_BYPASS;
	rig->v.ops->close(rig->v.unit);
	assert_shut(rig);
	assert_true(rig->v.fake.status & FEATURES_OK);
	assert_false(rig->v.fake.status & DRIVER_OK);
}

static void close_without_bypass_in_the_device_is_a_reset(void **state)
{
	struct rig *rig = *state;

	rig->v.ops->forget(rig->v.unit);
	rig->v.fake.offered &= ~FAKE_F_BYPASS_CONFIG;
	rig->v.fake.config[FAKE_BYPASS] = 0;
	rig->v.fake.status = 0x0f;
	vrig_probe(&rig->v);
	rig->v.ops->close(rig->v.unit);
	assert_shut(rig);
	assert_int_equal(rig->v.fake.status, 0);
}

/* Nothing to be done about it but to say so: the call returns, and the unit counts as closed. */
static void close_of_a_device_that_does_not_obey_returns(void **state)
{
	static const unsigned mutes[] = { FAKE_MUTE_RESET, FAKE_MUTE_BYPASS, FAKE_MUTE_FEATURES };
	struct rig *rig = *state;
	unsigned i;

	for (i = 0; i < ARRAY_COUNT(mutes); i++) {
		rig->v.fake.mute = mutes[i];
		rig->v.fake.status = 0x0f;
		rig->v.fake.config[FAKE_BYPASS] = 1;
		rig->v.ops->close(rig->v.unit);
		assert_true(rig->v.unit->is_closed);
	}
	rig->v.fake.is_gone = true;
	rig->v.ops->close(rig->v.unit);
	assert_true(rig->v.unit->is_closed);
}

/* --- taking over --- */

static void takeover_of_a_closed_device_never_opens(void **state)
{
	struct rig *rig = *state;

	rig->v.ops->close(rig->v.unit);
	watch(rig, look_stays_shut);
	rig->was_shut = true;
	vrig_takeover(&rig->v, denied, 2);
	assert_in_range(rig->steps, 20, 100);
	assert_shut(rig);
	assert_false(rig->v.unit->is_closed);
	assert_int_equal(rig->v.fake.status, 0x0f);
	assert_int_equal(rig->v.ops->audit(rig->v.unit, &rig->v.err), 0);
}

static void takeover_from_power_on_closes_first(void **state)
{
	struct rig *rig = *state;

	watch(rig, look_stays_shut);
	vrig_takeover(&rig->v, denied, 2);
	assert_shut(rig);
}

/* The queue is there before the device may use it, and all buffers of events are given. */
static void takeover_gives_every_event_buffer(void **state)
{
	struct rig *rig = *state;
	const uint16_t *avail;

	vrig_takeover(&rig->v, denied, 2);
	assert_true(rig->v.fake.queues[1].is_enabled);
	assert_int_equal(rig->v.fake.queues[1].size, 256);
	avail = virtio_fake_memory(&rig->v.fake, rig->v.fake.queues[1].avail, 4);
	assert_int_equal(avail[1], 256);
	if (is_pci) /* its own bus mastering, and no legacy interrupt */
		assert_int_equal(rig->v.fake.pci[4] | rig->v.fake.pci[5] << 8, 0x406);
}

static void takeover_uses_the_queue_sizes_asked_for(void **state)
{
	struct rig *rig = *state;

	rig->v.ops->forget(rig->v.unit);
	rig->v.options = (struct drv_options){ .command_log2 = 1, .event_log2 = 2 };
	vrig_probe(&rig->v);
	vrig_takeover(&rig->v, denied, 2);
	assert_int_equal(rig->v.fake.queues[0].size, 2);
	assert_int_equal(rig->v.fake.queues[1].size, 4);
	assert_int_equal(rig->v.ops->audit(rig->v.unit, &rig->v.err), 0);
}

static void takeover_twice_starts_anew(void **state)
{
	struct rig *rig = *state;
	struct drv_space *space;

	vrig_takeover(&rig->v, denied, 2);
	space = vrig_space(&rig->v);
	vrig_map(&rig->v, space, AT, PAGE);
	vrig_set(&rig->v, VRIG_STREAM, DRV_BOUND, space);
	assert_true(vrig_reaches(&rig->v, VRIG_STREAM, AT));
	watch(rig, look_stays_shut);
	rig->was_shut = true;
	vrig_takeover(&rig->v, denied, 2);
	assert_shut(rig);
	assert_int_equal(rig->v.ops->audit(rig->v.unit, &rig->v.err), 0);
	/* The space is still there, and so is what it holds. */
	vrig_set(&rig->v, VRIG_STREAM, DRV_BOUND, space);
	assert_true(vrig_lands(&rig->v, VRIG_STREAM, AT, VRIG_MEMORY + AT));
}

/*
 * A reset that detaches nobody: everything that stands in the device's books is
 * taken away by request, whoever put it there.
 */
static void start_keeping(struct rig *rig)
{
	struct drv_space *space;

	rig->v.fake.mute = FAKE_KEEP_DOMAINS;
	vrig_takeover(&rig->v, denied, 2);
	space = vrig_space(&rig->v);
	vrig_map(&rig->v, space, AT, PAGE);
	vrig_set(&rig->v, VRIG_STREAM, DRV_BOUND, space);
}

static void close_detaches_whom_a_reset_does_not(void **state)
{
	struct rig *rig = *state;

	start_keeping(rig);
	rig->v.ops->close(rig->v.unit);
	assert_shut(rig);
	assert_int_equal(rig->v.fake.status, 0);
}

static void takeover_detaches_whom_a_reset_does_not(void **state)
{
	struct rig *rig = *state;
	struct drv_unit *first = rig->v.unit;

	start_keeping(rig);
	/* Another process, which knows nothing of what is attached. */
	vrig_probe(&rig->v);
	assert_true(rig->v.unit->found_enabled);
	rig->v.ops->close(rig->v.unit);
	assert_true(vrig_reaches(&rig->v, VRIG_STREAM, AT)); /* no memory for requests yet */
	assert_false(vrig_reaches(&rig->v, VRIG_STREAM, ELSEWHERE));
	vrig_takeover(&rig->v, denied, 2);
	assert_shut(rig);
	rig->v.ops->forget(first);
}

/* One that was never attached is not attached for that. */
static void takeover_attaches_nobody_who_was_not(void **state)
{
	struct rig *rig = *state;

	rig->v.ops->close(rig->v.unit);
	rig->v.fake.endpoint_count = 0; /* it says NOENT of everybody */
	virtio_fake_log(&rig->v.fake);
	vrig_takeover(&rig->v, denied, 2);
	assert_int_equal(rig->v.fake.by_type[FAKE_ATTACH], 0);
	assert_int_equal(rig->v.fake.by_type[FAKE_DETACH], 2);
}

/* --- what stays open for the host --- */

static struct drv_space *host_space(struct rig *rig)
{
	const struct extent ram = { PA(0), 0x10000000 };
	const struct drv_part part = { &ram, 1, 0, 0x10000000, -1, false };
	struct drv_space *space = vrig_space(&rig->v);

	assert_int_equal(rig->v.ops->map(space, IOVA(0), &part, RIGHT_ALL, &rig->v.err), 0);
	assert_int_equal(rig->v.ops->commit(space, &rig->v.err), 0);
	return space;
}

static void look_host_is_open(void *context, struct virtio_fake *fake)
{
	struct rig *rig = context;
	uint64_t pa;

	rig->steps++;
	/* Between ATTACH and MAP of one notification: no access gets between on the model. */
	if (fake->served && fake->log[fake->log_count - 1].bytes[0] == FAKE_ATTACH)
		return;
	assert_true(virtio_fake_reach(fake, HOST, AT, 3, &pa) && pa == AT);
}

static void takeover_keeps_the_hosts_stream_open(void **state)
{
	struct rig *rig = *state;
	const struct drv_stream_init init[] = {
		{ HOST, DRV_BOUND, host_space(rig) }, { VRIG_OTHER, DRV_DENY, NULL },
	};

	virtio_fake_log(&rig->v.fake);
	watch(rig, look_host_is_open);
	vrig_takeover(&rig->v, init, 2);
	assert_true(rig->steps > 20);
	assert_true(vrig_lands(&rig->v, HOST, AT, AT));
	assert_false(vrig_reaches(&rig->v, HOST, 0x10000000));
	assert_false(vrig_reaches(&rig->v, VRIG_OTHER, AT));
	assert_false(vrig_reaches(&rig->v, 99, AT));
	/* ATTACH and MAP went out together. */
	assert_int_equal(rig->v.fake.by_type[FAKE_ATTACH], 2); /* VRIG_OTHER once, to be shut */
	assert_int_equal(rig->v.fake.by_type[FAKE_MAP], 1);
}

/* Found in use: closed like everybody, and then given what the policy says. */
static void takeover_of_a_live_device_closes_the_hosts_stream_first(void **state)
{
	struct rig *rig = *state;
	const struct drv_stream_init init[] = {
		{ HOST, DRV_BOUND, host_space(rig) }, { VRIG_OTHER, DRV_DENY, NULL },
	};

	leave_attached(rig, rig->v.fake.offered);
	vrig_takeover(&rig->v, init, 2);
	assert_true(vrig_lands(&rig->v, HOST, AT, AT));
	assert_false(vrig_reaches(&rig->v, VRIG_OTHER, AT));
	assert_int_equal(rig->v.fake.config[FAKE_BYPASS], 0);
}

static void takeover_fails_when_the_hosts_stream_cannot_be_kept(void **state)
{
	struct rig *rig = *state;
	const struct drv_stream_init init[] = { { 99, DRV_BOUND, host_space(rig) } };

	assert_int_equal(rig->v.ops->takeover(rig->v.unit, init, 1, &rig->v.err), -ENODEV);
	assert_non_null(strstr(rig->v.err.text, "refused to attach stream 0x63"));
	assert_true(rig->v.unit->is_closed);
	assert_shut(rig);
}

/* --- failures --- */

static void expect_failure(struct rig *rig, int code, const char *words)
{
	int ret = rig->v.ops->takeover(rig->v.unit, denied, 2, &rig->v.err);

	if (ret != code || !strstr(rig->v.err.text, words))
		fail_msg("%d '%s' where %d '%s' is expected", ret, rig->v.err.text, code, words);
	assert_memory_equal(rig->v.err.text, "smmu0: ", 7);
	assert_true(rig->v.unit->is_closed);
}

static void takeover_of_a_device_that_does_not_obey_fails(void **state)
{
	struct rig *rig = *state;

	rig->v.fake.status = 0x0f;
	rig->v.fake.mute = FAKE_MUTE_RESET;
	expect_failure(rig, -ETIMEDOUT, "after 0 was written to it, for 100000 us");
	rig->v.fake.mute = FAKE_MUTE_FEATURES;
	expect_failure(rig, -EOPNOTSUPP, "does not take features");
	rig->v.fake.mute = FAKE_MUTE_BYPASS;
	expect_failure(rig, -EIO, "bypass reads 1 after 0 was written to it");
	rig->v.fake.mute = 0;
	rig->v.ops->close(rig->v.unit);
	rig->v.fake.mute = FAKE_MUTE_QUEUE;
	expect_failure(rig, -EIO, "the device does not take queue 0");
	assert_shut(rig);
	rig->v.fake.mute = 0;
	rig->v.fake.is_gone = true;
	expect_failure(rig, -ENODEV, "reads all ones: the device is gone");
	rig->v.fake.is_gone = false;
	vrig_takeover(&rig->v, denied, 2);
	assert_shut(rig);
}

static void takeover_without_an_answer_fails(void **state)
{
	struct rig *rig = *state;

	rig->v.fake.is_stopped = true;
	rig->v.fake.tick_ns = 100000000;
	expect_failure(rig, -ETIMEDOUT, "left a request unanswered");
	assert_shut(rig);
}

/* Each request of a take-over fails in its turn: the unit ends closed, or is whole. */
static void takeover_with_any_request_refused_ends_closed(void **state)
{
	unsigned k, failures = 0;

	for (k = 1; k < 12; k++) {
		struct rig *rig = *state;
		const struct drv_stream_init init[] = {
			{ HOST, DRV_BOUND, host_space(rig) }, { VRIG_OTHER, DRV_DENY, NULL },
		};

		virtio_fake_log(&rig->v.fake);
		rig->v.fake.sin = FAKE_SIN_STATUS;
		rig->v.fake.sin_value = 3;
		rig->v.fake.sin_at = k;
		if (rig->v.ops->takeover(rig->v.unit, init, 2, &rig->v.err)) {
			failures++;
			assert_true(rig->v.unit->is_closed);
			assert_shut(rig);
		} else {
			assert_false(vrig_reaches(&rig->v, VRIG_OTHER, AT));
			assert_int_equal(rig->v.fake.config[FAKE_BYPASS], 0);
		}
		teardown(state);
		setup(state);
	}
	assert_true(failures >= 4);
}

static void takeover_without_memory_fails(void **state)
{
	struct rig *rig = *state;

	while (pages_take(&rig->v.fake.pages))
		;
	expect_failure(rig, -ENOMEM, "no room for the queues in the arena");
	assert_shut(rig);
}

static void takeover_refuses_a_notification_outside_its_window(void **state)
{
	struct rig *rig = *state;

	if (!is_pci)
		return;
	rig->v.fake.notify_off = 0x3fe; /* the second queue's is the last one */
	vrig_takeover(&rig->v, denied, 0);
	rig->v.fake.notify_off = 0x3ff;
	expect_failure(rig, -EPROTO, "outside the capability's 0x1000 bytes");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(close_from_power_on_switches_bypass_off),
		TEST(close_with_bypass_off_already_is_a_reset),
		TEST(close_of_a_live_device_opens_nobody_by_its_reset),
		TEST(close_of_a_live_device_without_the_feature_ends_shut),
		TEST(close_of_a_device_whose_reset_forgets_bypass_stays_negotiated),
		TEST(close_without_bypass_in_the_device_is_a_reset),
		TEST(close_of_a_device_that_does_not_obey_returns),
		TEST(takeover_of_a_closed_device_never_opens),
		TEST(takeover_from_power_on_closes_first),
		TEST(takeover_gives_every_event_buffer),
		TEST(takeover_uses_the_queue_sizes_asked_for),
		TEST(takeover_twice_starts_anew),
		TEST(close_detaches_whom_a_reset_does_not),
		TEST(takeover_detaches_whom_a_reset_does_not),
		TEST(takeover_attaches_nobody_who_was_not),
		TEST(takeover_keeps_the_hosts_stream_open),
		TEST(takeover_of_a_live_device_closes_the_hosts_stream_first),
		TEST(takeover_fails_when_the_hosts_stream_cannot_be_kept),
		TEST(takeover_of_a_device_that_does_not_obey_fails),
		TEST(takeover_without_an_answer_fails),
		TEST(takeover_with_any_request_refused_ends_closed),
		TEST(takeover_without_memory_fails),
		TEST(takeover_refuses_a_notification_outside_its_window),
	};
	int failed;

	failed = cmocka_run_group_tests_name("virtio-mmio", tests, NULL, NULL);
	is_pci = true;
	return failed + cmocka_run_group_tests_name("virtio-pci", tests, NULL, NULL);
}
