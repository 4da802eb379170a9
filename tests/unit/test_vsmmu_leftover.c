// SPDX-License-Identifier: BSD-2-Clause
/* The reports that a killed daemon never read, out of memory that anybody may have written. */
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

#define AT UINT64_C(0x100000)
#define R_MAPPING 2
#define F_ADDRESS 256u

struct rig {
	struct vrig v;
	struct drv_unit *first; /* of the daemon that was killed */
};

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	unsigned i;

	assert_non_null(rig);
	vrig_start(&rig->v, true);
	for (i = 0; i < 5; i++)
		virtio_fake_fault(&rig->v.fake, R_MAPPING, F_ADDRESS, VRIG_STREAM, AT + i);
	vrig_drain(&rig->v, 3);
	assert_int_equal(rig->v.fault_count, 3);
	rig->v.fault_count = 0;
	rig->first = rig->v.unit;
	vrig_probe(&rig->v);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	rig->v.ops->forget(rig->first);
	vrig_fini(&rig->v);
	free(rig);
	return 0;
}

static void on_fault(void *context, const struct drv_fault *fault)
{
	struct vrig *rig = context;

	if (rig->fault_count < VRIG_FAULTS)
		rig->faults[rig->fault_count] = *fault;
	rig->fault_count++;
}

static void on_loss(void *context, uint64_t sequence, const char *why)
{
	(void)sequence;
	(void)why;
	((struct vrig *)context)->loss_count++;
}

static uint64_t salvage(struct rig *rig)
{
	const struct drv_fault_sink sink = { &rig->v, on_fault, on_loss };

	rig->v.ops->close(rig->v.unit);
	rig->v.ops->salvage(rig->v.unit, &sink);
	return rig->v.fault_count;
}

static uint16_t *area(const struct rig *rig, uint64_t pa)
{
	return virtio_fake_memory(&rig->v.fake, pa, 4096);
}

static void leftover_reports_are_those_nobody_read(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(salvage(rig), 2);
	assert_int_equal(rig->v.faults[0].address, AT + 3);
	assert_int_equal(rig->v.faults[1].address, AT + 4);
	assert_int_equal(rig->v.faults[1].stream, VRIG_STREAM);
	assert_int_equal(rig->v.faults[1].sequence, 0);
	assert_int_equal(rig->v.loss_count, 0);
	assert_int_equal(rig->v.unit->counts.events, 2);
}

static void leftover_full_queue_is_a_loss(void **state)
{
	struct rig *rig = *state;
	unsigned i;

	for (i = 0; i < 400; i++)
		virtio_fake_fault(&rig->v.fake, R_MAPPING, F_ADDRESS, VRIG_STREAM, AT);
	assert_int_equal(salvage(rig), 256);
	assert_int_equal(rig->v.loss_count, 1);
}

static void leftover_of_a_device_that_ran_for_nobody_is_nothing(void **state)
{
	struct rig *rig = *state;

	rig->v.fake.queues[1].is_enabled = false;
	assert_int_equal(salvage(rig), 0);
}

static void leftover_queue_that_cannot_be_is_left_alone(void **state)
{
	static const uint32_t sizes[] = { 3, 255, 65536, UINT32_MAX };
	static const uint64_t places[] = { 0, 1, VIRTIO_FAKE_PA - 4096, VIRTIO_FAKE_PA + VRIG_ARENA - 8,
					   UINT64_MAX - 7, VIRTIO_FAKE_PA + 4 };
	unsigned i, k;

	for (i = 0; i < ARRAY_COUNT(sizes); i++) {
		struct rig *rig = *state;

		rig->v.fake.queues[1].size = sizes[i];
		assert_int_equal(salvage(rig), 0);
		teardown(state);
		setup(state);
	}
	for (i = 0; i < ARRAY_COUNT(places); i++) {
		for (k = 0; k < 3; k++) {
			struct rig *rig = *state;
			struct virtio_fake_queue *queue = &rig->v.fake.queues[1];

			*(k == 0 ? &queue->desc : k == 1 ? &queue->avail : &queue->used) = places[i];
			assert_int_equal(salvage(rig), 0);
			teardown(state);
			setup(state);
		}
	}
}

static void leftover_indices_that_cannot_be_are_left_alone(void **state)
{
	struct rig *rig = *state;

	area(rig, rig->v.fake.queues[1].used)[1] = 3000;
	assert_int_equal(salvage(rig), 0);
}

/* One bad element: its neighbours are still told. */
static void leftover_element_that_lies_is_skipped(void **state)
{
	struct rig *rig = *state;
	uint16_t *used = area(rig, rig->v.fake.queues[1].used);

	used[2 + 4 * 3] = 256; /* no such descriptor */
	assert_int_equal(salvage(rig), 1);
	assert_int_equal(rig->v.faults[0].address, AT + 4);
}

static void leftover_buffer_outside_the_arena_is_skipped(void **state)
{
	struct rig *rig = *state;
	uint16_t *desc = area(rig, rig->v.fake.queues[1].desc);

	desc[8 * 3 + 3] = 0x7fff;
	assert_int_equal(salvage(rig), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(leftover_reports_are_those_nobody_read),
		TEST(leftover_full_queue_is_a_loss),
		TEST(leftover_of_a_device_that_ran_for_nobody_is_nothing),
		TEST(leftover_queue_that_cannot_be_is_left_alone),
		TEST(leftover_indices_that_cannot_be_are_left_alone),
		TEST(leftover_element_that_lies_is_skipped),
		TEST(leftover_buffer_outside_the_arena_is_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
