// SPDX-License-Identifier: BSD-2-Clause
/* Fault reports: in words, counted, and out of a queue that lies. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bits.h"
#include "report.h"
#include "vrig.h"
#include "vsmmu.h"

#define PAGE VRIG_PAGE
#define AT UINT64_C(0x100000)

enum { R_UNKNOWN, R_DOMAIN, R_MAPPING };
enum { F_READ = 1, F_WRITE = 2, F_EXEC = 4, F_ADDRESS = 256 };

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

/* --- decoding --- */

static struct event event_make(uint8_t reason, uint32_t flags, uint32_t endpoint, uint64_t address)
{
	return (struct event){ .length = 24,
			       .words = { reason | (uint64_t)flags << 32, endpoint, address } };
}

static void report_reasons_are_told_by_the_books(void **state)
{
	static const struct {
		uint8_t reason;
		struct report_context context;
		uint8_t kind;
		const char *name;
	} rows[] = {
		{ R_UNKNOWN, { true, false }, DRV_FAULT_TRANSLATION, "FAULT_R_UNKNOWN" },
		{ R_UNKNOWN, { true, true }, DRV_FAULT_TRANSLATION, "FAULT_R_UNKNOWN" },
		{ R_DOMAIN, { true, false }, DRV_FAULT_TRANSLATION, "FAULT_R_DOMAIN" },
		{ R_MAPPING, { true, false }, DRV_FAULT_TRANSLATION, "FAULT_R_MAPPING" },
		{ R_MAPPING, { true, true }, DRV_FAULT_PERMISSION, "FAULT_R_MAPPING" },
		{ 3, { true, false }, DRV_FAULT_TRANSLATION, "FAULT_R_UNKNOWN" },
		{ 255, { true, true }, DRV_FAULT_TRANSLATION, "FAULT_R_UNKNOWN" },
		{ R_UNKNOWN, { false, false }, DRV_FAULT_STREAM, "FAULT_R_DOMAIN" },
		{ R_MAPPING, { false, true }, DRV_FAULT_STREAM, "FAULT_R_DOMAIN" },
	};
	struct drv_fault fault;
	struct event event;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		event = event_make(rows[i].reason, F_ADDRESS, 0x12345678, 0xabcdef0123456789);
		report_decode(&event, 77, &rows[i].context, &fault);
		assert_int_equal(fault.kind, rows[i].kind);
		assert_string_equal(fault.name, rows[i].name);
		assert_true(strlen(fault.reason) > 10);
		assert_int_equal(fault.code, rows[i].reason);
		assert_int_equal(fault.sequence, 77);
		assert_true(fault.has_stream && fault.has_address && !fault.has_substream);
		assert_int_equal(fault.stream, 0x12345678);
		assert_int_equal(fault.address, 0xabcdef0123456789);
		assert_memory_equal(fault.words, event.words, sizeof(fault.words));
	}
}

static void report_flags_are_access_and_address(void **state)
{
	static const struct { uint32_t flags; uint8_t access; bool has_address; } rows[] = {
		{ 0, 0, false }, { F_READ, RIGHT_READ, false }, { F_WRITE, RIGHT_WRITE, false },
		{ F_EXEC, RIGHT_EXEC, false }, { F_READ | F_WRITE, RIGHT_READ | RIGHT_WRITE, false },
		{ F_WRITE | F_ADDRESS, RIGHT_WRITE, true },
		{ 0xfffffef8, 0, false }, /* flags nobody knows are ignored */
	};
	const struct report_context context = { true, false };
	struct drv_fault fault;
	struct event event;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		event = event_make(R_MAPPING, rows[i].flags, 8, AT);
		report_decode(&event, 0, &context, &fault);
		assert_int_equal(fault.access, rows[i].access);
		assert_int_equal(fault.has_address, rows[i].has_address);
		assert_int_equal(fault.address, rows[i].has_address ? AT : 0);
	}
}

/* Reserved bytes that are not zero, and any other length: counted, and not believed. */
static void report_that_must_be_ignored_is_unknown(void **state)
{
	static const uint32_t lengths[] = { 0, 1, 23, 25, UINT32_MAX };
	const struct report_context context = { true, true };
	struct drv_fault fault;
	struct event event;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(lengths) + 3; i++) {
		event = event_make(R_MAPPING, F_ADDRESS, 8, AT);
		if (i < ARRAY_COUNT(lengths))
			event.length = lengths[i];
		else
			event.words[0] |= UINT64_C(1) << (8 * (i - ARRAY_COUNT(lengths) + 1));
		report_decode(&event, 0, &context, &fault);
		assert_int_equal(fault.kind, DRV_FAULT_UNKNOWN);
		assert_false(fault.has_stream || fault.has_address);
		assert_int_equal(fault.access, 0);
	}
}

/* --- the queue --- */

static void report_of_the_device_is_handed_on(void **state)
{
	struct vrig *rig = *state;
	struct drv_space *space = vrig_space(rig);

	vrig_map(rig, space, AT, PAGE);
	vrig_set(rig, VRIG_STREAM, DRV_BOUND, space);
	assert_int_equal(rig->ops->fault_mark(rig->unit), 0);
	virtio_fake_fault(&rig->fake, R_MAPPING, F_ADDRESS | F_WRITE, VRIG_STREAM, AT + 8);
	virtio_fake_fault(&rig->fake, R_MAPPING, F_ADDRESS, VRIG_STREAM, AT + PAGE);
	virtio_fake_fault(&rig->fake, R_UNKNOWN, F_ADDRESS, VRIG_OTHER, AT);
	virtio_fake_fault(&rig->fake, R_UNKNOWN, F_ADDRESS, 99, AT);
	assert_int_equal(rig->ops->fault_mark(rig->unit), 4);
	assert_true(vrig_drain(rig, 3));
	assert_int_equal(rig->fault_count, 3);
	assert_false(vrig_drain(rig, 3));
	assert_int_equal(rig->fault_count, 4);
	assert_int_equal(rig->faults[0].kind, DRV_FAULT_PERMISSION);
	assert_int_equal(rig->faults[0].sequence, 0);
	assert_int_equal(rig->faults[1].kind, DRV_FAULT_TRANSLATION);
	assert_int_equal(rig->faults[2].stream, VRIG_OTHER);
	assert_int_equal(rig->faults[3].kind, DRV_FAULT_STREAM);
	assert_int_equal(rig->faults[3].sequence, 3);
	assert_int_equal(rig->unit->counts.events, 4);
	assert_int_equal(rig->ops->fault_mark(rig->unit), 4);
}

static void report_of_a_silent_stream_is_only_counted(void **state)
{
	struct vrig *rig = *state;

	vrig_set(rig, VRIG_STREAM, DRV_SILENT, NULL);
	virtio_fake_fault(&rig->fake, R_DOMAIN, F_ADDRESS, VRIG_STREAM, AT);
	virtio_fake_fault(&rig->fake, R_DOMAIN, F_ADDRESS, VRIG_OTHER, AT);
	assert_false(vrig_drain(rig, 8));
	assert_int_equal(rig->fault_count, 1);
	assert_int_equal(rig->faults[0].stream, VRIG_OTHER);
	assert_int_equal(rig->unit->counts.events, 2);
	vrig_set(rig, VRIG_STREAM, DRV_DENY, NULL);
	virtio_fake_fault(&rig->fake, R_DOMAIN, F_ADDRESS, VRIG_STREAM, AT);
	vrig_drain(rig, 8);
	assert_int_equal(rig->fault_count, 2);
}

/* Buffers go back at once, for ever: many times round the ring nothing is lost. */
static void report_buffers_are_given_back(void **state)
{
	struct vrig *rig = *state;
	unsigned i, k;

	for (i = 0; i < 300; i++) {
		for (k = 0; k < 255; k++)
			virtio_fake_fault(&rig->fake, R_MAPPING, F_ADDRESS, VRIG_STREAM, AT);
		assert_false(vrig_drain(rig, 1000));
	}
	assert_int_equal(rig->fault_count, 300 * 255);
	assert_int_equal(rig->loss_count, 0);
}

static void report_queue_that_was_full_is_one_loss(void **state)
{
	struct vrig *rig = *state;
	unsigned i;

	for (i = 0; i < 300; i++)
		virtio_fake_fault(&rig->fake, R_MAPPING, F_ADDRESS, VRIG_STREAM, AT);
	assert_true(vrig_drain(rig, 100));
	assert_int_equal(rig->loss_count, 0); /* told in its place: after the last one before it */
	virtio_fake_fault(&rig->fake, R_MAPPING, F_ADDRESS, VRIG_STREAM, AT);
	while (vrig_drain(rig, 100))
		;
	assert_int_equal(rig->fault_count, 257);
	assert_int_equal(rig->loss_count, 1);
	assert_int_equal(rig->loss_sequence, 256);
	assert_non_null(strstr(rig->loss_why, "every event buffer was in use"));
	assert_int_equal(rig->unit->counts.event_losses, 1);
	for (i = 0; i < 256; i++)
		virtio_fake_fault(&rig->fake, R_MAPPING, F_ADDRESS, VRIG_STREAM, AT);
	while (vrig_drain(rig, 100))
		;
	assert_int_equal(rig->loss_count, 2);
}

static void report_in_a_buffer_that_was_not_given_closes_the_unit(void **state)
{
	static const uint32_t ids[] = { 256, 0x10000, UINT32_MAX - 1 };
	const uint8_t bytes[24] = { R_MAPPING };
	unsigned i;

	for (i = 0; i < ARRAY_COUNT(ids); i++) {
		struct vrig *rig = *state;

		virtio_fake_report_as(&rig->fake, bytes, sizeof(bytes), ids[i]);
		assert_false(vrig_drain(rig, 8));
		assert_true(rig->unit->is_closed);
		assert_int_equal(rig->fault_count, 0);
		assert_false(vrig_drain(rig, 8));
		teardown(state);
		setup(state);
	}
}

static void report_queue_whose_index_jumps_closes_the_unit(void **state)
{
	struct vrig *rig = *state;
	uint16_t *used = virtio_fake_memory(&rig->fake, rig->fake.queues[1].used, 4);

	used[1] = 257;
	assert_false(vrig_drain(rig, 8));
	assert_true(rig->unit->is_closed);
	assert_int_equal(rig->fault_count, 0);
}

/* A lie about events is no way to keep access that was to end. */
static void report_lies_leave_nobody_open(void **state)
{
	struct vrig *rig = *state;
	struct drv_space *space = vrig_space(rig);
	uint16_t *used = virtio_fake_memory(&rig->fake, rig->fake.queues[1].used, 4);

	vrig_map(rig, space, AT, PAGE);
	vrig_set(rig, VRIG_STREAM, DRV_BOUND, space);
	used[1] = 40000;
	vrig_drain(rig, 8);
	assert_false(vrig_reaches(rig, VRIG_STREAM, AT));
}

/* What stood there when the unit was closed is still told. */
static void report_before_a_close_is_read_after_it(void **state)
{
	struct vrig *rig = *state;

	virtio_fake_fault(&rig->fake, R_MAPPING, F_ADDRESS, VRIG_STREAM, AT);
	rig->ops->close(rig->unit);
	assert_int_equal(rig->ops->fault_mark(rig->unit), 1);
	assert_false(vrig_drain(rig, 8));
	assert_int_equal(rig->fault_count, 1);
	assert_int_equal(rig->faults[0].address, AT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest words[] = {
		cmocka_unit_test(report_reasons_are_told_by_the_books),
		cmocka_unit_test(report_flags_are_access_and_address),
		cmocka_unit_test(report_that_must_be_ignored_is_unknown),
	};
	const struct CMUnitTest tests[] = {
		TEST(report_of_the_device_is_handed_on),
		TEST(report_of_a_silent_stream_is_only_counted),
		TEST(report_buffers_are_given_back),
		TEST(report_queue_that_was_full_is_one_loss),
		TEST(report_in_a_buffer_that_was_not_given_closes_the_unit),
		TEST(report_queue_whose_index_jumps_closes_the_unit),
		TEST(report_lies_leave_nobody_open),
		TEST(report_before_a_close_is_read_after_it),
	};
	int failed;

	failed = cmocka_run_group_tests_name("words", words, NULL, NULL);
	failed += cmocka_run_group_tests_name("virtio-mmio", tests, NULL, NULL);
	is_pci = true;
	return failed + cmocka_run_group_tests_name("virtio-pci", tests, NULL, NULL);
}
