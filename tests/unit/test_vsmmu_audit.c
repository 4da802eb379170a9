// SPDX-License-Identifier: BSD-2-Clause
/* Another agent at the device's registers; and the words for a stream. */
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

static bool is_pci;

static int setup(void **state)
{
	struct vrig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	vrig_start(rig, is_pci);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	vrig_fini(*state);
	free(*state);
	return 0;
}

static void expect_difference(struct vrig *rig, const char *what)
{
	assert_int_equal(rig->ops->audit(rig->unit, &rig->err), -EBADE);
	if (!strstr(rig->err.text, what) || !strstr(rig->err.text, "another agent was here"))
		fail_msg("'%s' says nothing of %s", rig->err.text, what);
}

static void audit_of_an_untouched_device_finds_nothing(void **state)
{
	struct vrig *rig = *state;

	assert_int_equal(rig->ops->audit(rig->unit, &rig->err), 0);
	rig->ops->close(rig->unit);
	assert_int_equal(rig->ops->audit(rig->unit, &rig->err), 0);
}

static void audit_finds_bypass_switched_on(void **state)
{
	struct vrig *rig = *state;

	rig->fake.config[FAKE_BYPASS] = 1;
	expect_difference(rig, "bypass holds 0x1, 0x0 was written");
	rig->fake.config[FAKE_BYPASS] = 0;
	assert_int_equal(rig->ops->audit(rig->unit, &rig->err), 0);
}

static void audit_finds_a_reset_behind_its_back(void **state)
{
	struct vrig *rig = *state;

	rig->fake.status = 0;
	expect_difference(rig, is_pci ? "device_status" : "Status");
	rig->fake.status = 0x4f;
	expect_difference(rig, "holds 0x4f, 0xf was written");
	rig->fake.status = 0x0f;
	rig->fake.is_gone = true;
	expect_difference(rig, "0xff");
}

/* Only virtio-pci tells where a queue is. */
static void audit_finds_queues_moved(void **state)
{
	struct vrig *rig = *state;
	struct virtio_fake_queue good;
	unsigned i;

	for (i = 0; i < 2; i++) {
		struct virtio_fake_queue *queue = &rig->fake.queues[i];

		good = *queue;
		queue->desc += 4096;
		expect_difference(rig, "queue_desc");
		*queue = good;
		queue->avail += UINT64_C(1) << 32;
		expect_difference(rig, "queue_driver");
		*queue = good;
		queue->used ^= 8;
		expect_difference(rig, "queue_device");
		*queue = good;
		queue->size = 128;
		expect_difference(rig, "queue_size");
		*queue = good;
		queue->is_enabled = false;
		expect_difference(rig, "queue_enable");
		*queue = good;
		assert_int_equal(rig->ops->audit(rig->unit, &rig->err), 0);
	}
}

static void audit_describes_streams_in_words(void **state)
{
	struct vrig *rig = *state;
	struct drv_space *space = vrig_space(rig);
	char text[120], small[8];

	vrig_map(rig, space, 0x1000, 0x1000);
	rig->ops->describe_stream(rig->unit, VRIG_STREAM, text, sizeof(text));
	assert_string_equal(text, "attached to nothing, bypass is off: refused and reported");
	vrig_set(rig, VRIG_STREAM, DRV_BOUND, space);
	rig->ops->describe_stream(rig->unit, VRIG_STREAM, text, sizeof(text));
	assert_string_equal(text, "attached to domain 0 of the device, which holds 1 mappings");
	vrig_set(rig, VRIG_STREAM, DRV_SILENT, NULL);
	rig->ops->describe_stream(rig->unit, VRIG_STREAM, text, sizeof(text));
	assert_string_equal(text, "attached to nothing, bypass is off: refused, its reports are only counted");
	rig->ops->describe_stream(rig->unit, VRIG_STREAM, small, sizeof(small));
	assert_string_equal(small, "attache");
	rig->ops->close(rig->unit);
	rig->ops->describe_stream(rig->unit, VRIG_STREAM, text, sizeof(text));
	assert_string_equal(text, "the unit is closed: every stream is refused");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(audit_of_an_untouched_device_finds_nothing),
		TEST(audit_finds_bypass_switched_on),
		TEST(audit_finds_a_reset_behind_its_back),
		TEST(audit_describes_streams_in_words),
	};
	const struct CMUnitTest pci[] = {
		TEST(audit_finds_queues_moved),
	};
	int failed;

	failed = cmocka_run_group_tests_name("virtio-mmio", tests, NULL, NULL);
	is_pci = true;
	failed += cmocka_run_group_tests_name("virtio-pci", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("virtio-pci alone", pci, NULL, NULL);
}
