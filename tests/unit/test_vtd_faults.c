// SPDX-License-Identifier: BSD-2-Clause
/* Fault records: what they say, in which order they come, what is lost of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bits.h"
#include "vtd_faults.h"
#include "vtdrig.h"

#define FAULT BIT(63)
#define READ  BIT(62)
#define PASID BIT(31)

/* VT-d 7.1.3: reasons by code, with the specification's names. */
static const struct {
	uint8_t code;
	const char *name;
	enum drv_fault_kind kind;
} expected[] = {
	{ 0x01, "LRT.2", DRV_FAULT_STREAM }, { 0x02, "LCT.2", DRV_FAULT_STREAM },
	{ 0x03, "LCT.4", DRV_FAULT_CONFIG }, { 0x04, "LGN.1", DRV_FAULT_ADDRESS },
	{ 0x05, "LGN.2", DRV_FAULT_TRANSLATION }, { 0x06, "LGN.3", DRV_FAULT_TRANSLATION },
	{ 0x07, "LSL.1", DRV_FAULT_TABLE }, { 0x08, "LRT.1", DRV_FAULT_TABLE },
	{ 0x09, "LCT.1", DRV_FAULT_TABLE }, { 0x0a, "LRT.3", DRV_FAULT_CONFIG },
	{ 0x0b, "LCT.3", DRV_FAULT_CONFIG }, { 0x0c, "LSL.2", DRV_FAULT_CONFIG },
	{ 0x0d, "LCT.5", DRV_FAULT_REQUEST }, { 0x0e, "LGN.4", DRV_FAULT_REQUEST },
	{ 0x30, "RTA.1", DRV_FAULT_CONFIG }, { 0x31, "RTA.2", DRV_FAULT_REQUEST },
	{ 0x32, "RTA.3", DRV_FAULT_REQUEST }, { 0x33, "RTA.4", DRV_FAULT_REQUEST },
	{ 0x38, "SRT.1", DRV_FAULT_TABLE }, { 0x39, "SRT.2", DRV_FAULT_STREAM },
	{ 0x3a, "SRT.3", DRV_FAULT_CONFIG }, { 0x40, "SCT.1", DRV_FAULT_TABLE },
	{ 0x41, "SCT.2", DRV_FAULT_STREAM }, { 0x42, "SCT.3", DRV_FAULT_CONFIG },
	{ 0x43, "SCT.4", DRV_FAULT_CONFIG }, { 0x44, "SCT.5", DRV_FAULT_REQUEST },
	{ 0x45, "SCT.6", DRV_FAULT_REQUEST }, { 0x46, "SCT.7", DRV_FAULT_REQUEST },
	{ 0x47, "SCT.8", DRV_FAULT_REQUEST }, { 0x48, "SCT.9", DRV_FAULT_CONFIG },
	{ 0x50, "SPD.1", DRV_FAULT_TABLE }, { 0x51, "SPD.2", DRV_FAULT_REQUEST },
	{ 0x52, "SPD.3", DRV_FAULT_CONFIG }, { 0x58, "SPT.1", DRV_FAULT_TABLE },
	{ 0x59, "SPT.2", DRV_FAULT_REQUEST }, { 0x5a, "SPT.3", DRV_FAULT_CONFIG },
	{ 0x5b, "SPT.4", DRV_FAULT_CONFIG }, { 0x5c, "SPT.5", DRV_FAULT_REQUEST },
	{ 0x5d, "SPT.6", DRV_FAULT_REQUEST }, { 0x70, "SFL.1", DRV_FAULT_TABLE },
	{ 0x71, "SFL.2", DRV_FAULT_TRANSLATION }, { 0x72, "SFL.3", DRV_FAULT_CONFIG },
	{ 0x73, "SFL.4", DRV_FAULT_TABLE }, { 0x74, "SFL.5", DRV_FAULT_TABLE },
	{ 0x75, "SFL.6", DRV_FAULT_TABLE }, { 0x76, "SFL.7", DRV_FAULT_TABLE },
	{ 0x77, "SFL.8", DRV_FAULT_TABLE }, { 0x78, "SSL.1", DRV_FAULT_TABLE },
	{ 0x79, "SSL.2", DRV_FAULT_CONFIG }, { 0x7a, "SSL.3", DRV_FAULT_TABLE },
	{ 0x7b, "SSL.4", DRV_FAULT_TABLE }, { 0x7c, "SSL.5", DRV_FAULT_TABLE },
	{ 0x7d, "SSL.6", DRV_FAULT_TABLE }, { 0x80, "SGN.1", DRV_FAULT_ADDRESS },
	{ 0x81, "SGN.2", DRV_FAULT_PERMISSION }, { 0x82, "SGN.3", DRV_FAULT_PERMISSION },
	{ 0x83, "SGN.4", DRV_FAULT_ADDRESS }, { 0x84, "SGN.5", DRV_FAULT_TRANSLATION },
	{ 0x85, "SGN.6", DRV_FAULT_TRANSLATION }, { 0x86, "SGN.7", DRV_FAULT_PERMISSION },
	{ 0x87, "SGN.8", DRV_FAULT_REQUEST }, { 0x88, "SGN.9", DRV_FAULT_REQUEST },
	{ 0x89, "SGN.10", DRV_FAULT_REQUEST }, { 0x90, "SFL.9", DRV_FAULT_TABLE },
	{ 0x91, "SFL.10", DRV_FAULT_TABLE },
};

static struct drv_fault decode(uint64_t low, uint64_t high)
{
	const uint64_t words[FRCD_WORDS] = { low, high };
	struct drv_fault fault;

	vtd_faults_decode(words, 42, &fault);
	assert_int_equal(fault.words[0], low);
	assert_int_equal(fault.words[1], high);
	assert_int_equal(fault.sequence, 42);
	assert_non_null(fault.name);
	assert_true(strlen(fault.reason) > 20);
	return fault;
}

static void faults_every_reason_has_name_kind_and_words(void **state)
{
	struct drv_fault fault;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(expected); i++) {
		fault = decode(0x12345000, FAULT | (uint64_t)expected[i].code << 32 | 0x1234);
		assert_string_equal(fault.name, expected[i].name);
		assert_int_equal(fault.kind, expected[i].kind);
		assert_int_equal(fault.code, expected[i].code);
		assert_true(fault.has_stream && fault.has_address);
		assert_int_equal(fault.stream, 0x1234);
		assert_int_equal(fault.address, 0x12345000);
		assert_false(fault.has_substream);
	}
}

static void faults_all_other_reasons_are_unknown_or_about_interrupts(void **state)
{
	struct drv_fault fault;
	unsigned code, i;

	(void)state;
	for (code = 0; code < 256; code++) {
		for (i = 0; i < ARRAY_COUNT(expected) && expected[i].code != code; i++)
			;
		if (i < ARRAY_COUNT(expected))
			continue;
		fault = decode(~UINT64_C(0), FAULT | PASID | (uint64_t)code << 32);
		assert_false(fault.has_address || fault.has_substream);
		assert_int_equal(fault.kind, code >= 0x20 && code < 0x30 ? DRV_FAULT_REQUEST :
									 DRV_FAULT_UNKNOWN);
	}
}

/* A scar: QEMU leaves ones in the field when there is no PASID. */
static void faults_pasid_counts_only_where_it_is_present(void **state)
{
	struct drv_fault fault = decode(0, UINT64_C(0xffff) << 40 | UINT64_C(5) << 32);

	(void)state;
	assert_false(fault.has_substream);
	assert_int_equal(fault.substream, 0);
	fault = decode(0, UINT64_C(0xabcde) << 40 | UINT64_C(0x71) << 32 | PASID);
	assert_true(fault.has_substream);
	assert_int_equal(fault.substream, 0xabcde);
}

static void faults_access_is_what_the_type_says(void **state)
{
	const uint64_t t2 = BIT(28), execute = BIT(30), code = UINT64_C(6) << 32;

	(void)state;
	assert_int_equal(decode(0, code).access, RIGHT_WRITE);
	assert_int_equal(decode(0, code | READ).access, RIGHT_READ);
	assert_int_equal(decode(0, code | READ | t2).access, RIGHT_READ | RIGHT_WRITE);
	assert_int_equal(decode(0, code | t2).access, 0); /* a page request */
	assert_int_equal(decode(0, code | READ | execute | PASID).access, RIGHT_EXEC);
	assert_int_equal(decode(0, code | READ | execute).access, RIGHT_READ);
}

/* ATS, whatever the reason: the device asked for what it never gets. */
static void faults_translation_request_is_said_as_such(void **state)
{
	struct drv_fault fault = decode(0, UINT64_C(1) << 60 | UINT64_C(2) << 32);

	(void)state;
	assert_int_equal(fault.kind, DRV_FAULT_REQUEST);
	assert_non_null(strstr(fault.reason, "ATS"));
	assert_int_equal(decode(0, UINT64_C(2) << 32).kind, DRV_FAULT_STREAM);
}

static void faults_refined_by_the_rights_that_are_there(void **state)
{
	struct drv_fault fault = decode(0, UINT64_C(5) << 32);

	(void)state;
	vtd_faults_refine(&fault, RIGHT_NONE);
	assert_int_equal(fault.kind, DRV_FAULT_TRANSLATION);
	/* Mapped for this very access by now: then it was not. */
	vtd_faults_refine(&fault, RIGHT_READ | RIGHT_WRITE);
	assert_int_equal(fault.kind, DRV_FAULT_TRANSLATION);
	vtd_faults_refine(&fault, RIGHT_READ);
	assert_int_equal(fault.kind, DRV_FAULT_PERMISSION);
	fault = decode(0, UINT64_C(2) << 32);
	vtd_faults_refine(&fault, RIGHT_READ);
	assert_int_equal(fault.kind, DRV_FAULT_STREAM);
}

/* --- the registers --- */

#define RECORDS 4u

static struct vtdrig *rig;

static int setup(void **state)
{
	static struct vtdrig storage;
	struct vtdrig_kind kind = vtdrig_kinds[VTDRIG_LEGACY];

	(void)state;
	kind.cap |= (uint64_t)(RECORDS - 1) << 40;
	rig = &storage;
	vtdrig_start(rig, &kind);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vtdrig_fini(rig);
	return 0;
}

static void faults_come_in_order_are_numbered_and_cleared(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < RECORDS; i++)
		vtd_fake_fault_of(&rig->fake, VTDRIG_STREAM, 5, 0x1000 * (i + 1), true);
	assert_int_equal(rig->ops->fault_mark(rig->unit), RECORDS);
	assert_false(vtdrig_drain(rig, 64));
	assert_int_equal(rig->fault_count, RECORDS);
	for (i = 0; i < RECORDS; i++) {
		assert_int_equal(rig->faults[i].address, 0x1000 * (i + 1));
		assert_int_equal(rig->faults[i].sequence, i);
	}
	assert_int_equal(vtd_fake_get(&rig->fake, VTD_FAKE_FSTS, 4), 0x100 * 0);
	assert_int_equal(rig->ops->fault_mark(rig->unit), RECORDS);
	assert_int_equal(rig->unit->counts.events, RECORDS);
	assert_int_equal(rig->loss_count, 0);
}

/* A budget smaller than what waits: the rest comes next time, in order. */
static void faults_budget_stops_and_the_next_drain_goes_on(void **state)
{
	unsigned i;

	(void)state;
	vtd_fake_fault_of(&rig->fake, VTDRIG_STREAM, 5, 0x9000, true);
	assert_false(vtdrig_drain(rig, 64)); /* the next record is not the first */
	for (i = 0; i < RECORDS; i++)
		vtd_fake_fault_of(&rig->fake, VTDRIG_STREAM, 5, 0x1000 * (i + 1), true);
	assert_true(vtdrig_drain(rig, 1));
	assert_true(vtdrig_drain(rig, 2));
	/* One more comes in while some still wait, round the end of the registers. */
	vtd_fake_fault_of(&rig->fake, VTDRIG_STREAM, 5, 0x5000, true);
	assert_false(vtdrig_drain(rig, 64));
	assert_int_equal(rig->fault_count, 1 + RECORDS + 1);
	for (i = 0; i < RECORDS + 1; i++)
		assert_int_equal(rig->faults[1 + i].address, 0x1000 * (i + 1));
}

static void faults_overflow_is_one_episode_told_after_what_came_before(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < RECORDS + 3; i++)
		vtd_fake_fault_of(&rig->fake, VTDRIG_STREAM, 5, 0x1000 * (i + 1), true);
	assert_true(vtdrig_drain(rig, 2));
	assert_int_equal(rig->loss_count, 0); /* not before its turn */
	assert_false(vtdrig_drain(rig, 64));
	assert_int_equal(rig->fault_count, RECORDS);
	assert_int_equal(rig->loss_count, 1);
	assert_int_equal(rig->loss_sequence, RECORDS);
	assert_non_null(strstr(rig->loss_why, "PFO"));
	assert_int_equal(rig->unit->counts.event_losses, 1);
	/* And it records again. */
	vtd_fake_fault_of(&rig->fake, VTDRIG_STREAM, 5, 0x7000, true);
	assert_false(vtdrig_drain(rig, 64));
	assert_int_equal(rig->fault_count, RECORDS + 1);
	assert_int_equal(rig->loss_count, 1);
}

/* A device can make every bit of a record but F a one; F alone says that it is there. */
static void faults_record_of_all_ones_is_told_and_cleared(void **state)
{
	const uint64_t ones[2] = { ~UINT64_C(0), ~UINT64_C(0) };

	(void)state;
	vtd_fake_fault(&rig->fake, ones);
	assert_int_equal(rig->ops->fault_mark(rig->unit), 1);
	assert_false(vtdrig_drain(rig, 64));
	assert_int_equal(rig->fault_count, 1);
	assert_int_equal(rig->faults[0].kind, DRV_FAULT_UNKNOWN);
	assert_int_equal(vtd_fake_get(&rig->fake, VTD_FAKE_FSTS, 4) & VTD_FAKE_PPF, 0);
}

/* An uninitialised flag once told of losses that never were. */
static void museum_lost_flag_no_loss_is_told_without_an_overflow(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 10; i++) {
		vtd_fake_fault_of(&rig->fake, VTDRIG_STREAM, 5, 0x1000, true);
		assert_false(vtdrig_drain(rig, 64));
	}
	assert_int_equal(rig->fault_count, 10);
	assert_int_equal(rig->loss_count, 0);
	assert_int_equal(rig->unit->counts.event_losses, 0);
}

static void museum_poll_before_init_drains_nothing(void **state)
{
	(void)state;
	vtdrig_fini(rig);
	vtdrig_init_kind(rig, &vtdrig_kinds[VTDRIG_LEGACY]);
	vtdrig_probe(rig);
	vtd_fake_fault_of(&rig->fake, 8, 5, 0x1000, true);
	assert_false(vtdrig_drain(rig, 64));
	assert_int_equal(rig->fault_count, 0);
	assert_int_equal(rig->ops->fault_mark(rig->unit), 0);
}

static void faults_of_a_read_only_grant_are_permission(void **state)
{
	const struct extent extent = { PA(VTDRIG_MEMORY), 4096 };
	const struct drv_part part = { &extent, 1, 0, 4096, -1, false };
	struct drv_space *space = vtdrig_space(rig);

	(void)state;
	assert_int_equal(rig->ops->map(space, IOVA(0x1000), &part, RIGHT_READ, &rig->err), 0);
	vtdrig_set(rig, VTDRIG_STREAM, DRV_BOUND, space);
	vtd_fake_fault_of(&rig->fake, VTDRIG_STREAM, 5, 0x1000, true);
	vtd_fake_fault_of(&rig->fake, VTDRIG_STREAM, 5, 0x2000, true);
	vtd_fake_fault_of(&rig->fake, 0x777, 5, 0x1000, true); /* nobody's stream */
	vtdrig_drain(rig, 64);
	assert_int_equal(rig->faults[0].kind, DRV_FAULT_PERMISSION);
	assert_int_equal(rig->faults[1].kind, DRV_FAULT_TRANSLATION);
	assert_int_equal(rig->faults[2].kind, DRV_FAULT_TRANSLATION);
}

static void set_status(uint32_t bits)
{
	vtd_fake_set(&rig->fake, VTD_FAKE_FSTS, 4, vtd_fake_get(&rig->fake, VTD_FAKE_FSTS, 4) | bits);
}

/* An error bit with no way to acknowledge it once came back for ever. */
static void museum_gerror_unhandled_every_status_bit_is_acknowledged(void **state)
{
	static const uint32_t queue[] = { VTD_FAKE_IQE, VTD_FAKE_ICE, VTD_FAKE_ITE };
	unsigned i;

	(void)state;
	set_status(0xc); /* AFO, APF: advanced logging, which is off */
	vtdrig_drain(rig, 64);
	assert_int_equal(vtd_fake_get(&rig->fake, VTD_FAKE_FSTS, 4), 0);
	assert_int_equal(rig->unit->counts.global_errors, 2);
	/* Errors of a queue in which nothing waits: nothing was lost by them. */
	for (i = 0; i < ARRAY_COUNT(queue); i++) {
		set_status(queue[i]);
		vtdrig_drain(rig, 64);
		assert_int_equal(vtd_fake_get(&rig->fake, VTD_FAKE_FSTS, 4), 0);
		assert_int_equal(rig->unit->counts.command_errors, i + 1);
		assert_false(rig->unit->is_closed);
	}
	assert_int_equal(rig->fault_count + rig->loss_count, 0);
}

/* A queue error that nobody asks about is repaired by whoever looks for faults. */
static void faults_drain_repairs_a_stopped_queue(void **state)
{
	struct drv_gather gather = { 0 };
	uint64_t ticket;

	(void)state;
	rig->fake.error_at = rig->fake.descs + 1;
	rig->fake.error_bits = VTD_FAKE_IQE;
	assert_int_equal(rig->ops->set_stream(rig->unit, VTDRIG_STREAM, DRV_SILENT, NULL, &gather,
					      &rig->err), 0);
	ticket = rig->ops->submit(rig->unit, &gather);
	assert_int_equal(vtd_fake_get(&rig->fake, VTD_FAKE_FSTS, 4), VTD_FAKE_IQE);
	vtdrig_drain(rig, 64);
	vtdrig_drain(rig, 64);
	assert_int_equal(vtd_fake_get(&rig->fake, VTD_FAKE_FSTS, 4), 0);
	assert_true(rig->ops->completed(rig->unit) >= ticket);
	assert_int_equal(rig->unit->counts.command_errors, 1);
}

static void faults_registers_that_read_all_ones_close_the_unit(void **state)
{
	(void)state;
	rig->fake.is_gone = true;
	assert_false(vtdrig_drain(rig, 64));
	assert_true(rig->unit->is_closed);
	assert_int_equal(rig->fault_count, 0);
	assert_int_equal(rig->ops->fault_mark(rig->unit), 0);
}

/* --- what an earlier owner left --- */

static void on_fault(void *context, const struct drv_fault *fault)
{
	uint64_t *count = context;

	assert_int_equal(fault->sequence, 0);
	count[0]++;
}

static void on_loss(void *context, uint64_t sequence, const char *why)
{
	uint64_t *count = context;

	assert_int_equal(sequence, 0);
	assert_non_null(strstr(why, "no daemon ran"));
	count[1]++;
}

static void salvage_tells_what_is_left_once_and_changes_nothing(void **state)
{
	uint64_t count[2] = { 0 };
	const struct drv_fault_sink sink = { count, on_fault, on_loss };
	uint8_t before[sizeof(rig->fake.regs)];
	unsigned i;

	(void)state;
	for (i = 0; i < RECORDS + 1; i++)
		vtd_fake_fault_of(&rig->fake, VTDRIG_STREAM, 5, 0x1000 * (i + 1), true);
	vtdrig_new_process(rig);
	rig->ops->close(rig->unit);
	memcpy(before, rig->fake.regs, sizeof(before));
	rig->ops->salvage(rig->unit, &sink);
	assert_memory_equal(before, rig->fake.regs, sizeof(before));
	assert_int_equal(count[0], RECORDS);
	assert_int_equal(count[1], 1);
	/* None of them is told again, and the overflow is over. */
	vtdrig_takeover(rig, NULL, 0);
	assert_int_equal(rig->ops->fault_mark(rig->unit), 0);
	vtd_fake_fault_of(&rig->fake, VTDRIG_STREAM, 5, 0xa000, true);
	vtdrig_drain(rig, 64);
	assert_int_equal(rig->fault_count, 1);
	assert_int_equal(rig->faults[0].address, 0xa000);
	assert_int_equal(rig->faults[0].sequence, 0);
	assert_int_equal(rig->loss_count, 0);
}

/* What comes between salvage and take-over is ours: told, not dropped. */
static void salvage_leaves_later_records_to_the_first_drain(void **state)
{
	uint64_t count[2] = { 0 };
	const struct drv_fault_sink sink = { count, on_fault, on_loss };

	(void)state;
	vtd_fake_fault_of(&rig->fake, VTDRIG_STREAM, 5, 0x1000, true);
	vtdrig_new_process(rig);
	rig->ops->close(rig->unit);
	rig->ops->salvage(rig->unit, &sink);
	vtd_fake_fault_of(&rig->fake, VTDRIG_STREAM, 5, 0x2000, true);
	vtdrig_takeover(rig, NULL, 0);
	vtdrig_drain(rig, 64);
	assert_int_equal(count[0], 1);
	assert_int_equal(rig->fault_count, 1);
	assert_int_equal(rig->faults[0].address, 0x2000);
}

#define ON_RIG(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_every_reason_has_name_kind_and_words),
		cmocka_unit_test(faults_all_other_reasons_are_unknown_or_about_interrupts),
		cmocka_unit_test(faults_pasid_counts_only_where_it_is_present),
		cmocka_unit_test(faults_access_is_what_the_type_says),
		cmocka_unit_test(faults_translation_request_is_said_as_such),
		cmocka_unit_test(faults_refined_by_the_rights_that_are_there),
		ON_RIG(faults_come_in_order_are_numbered_and_cleared),
		ON_RIG(faults_budget_stops_and_the_next_drain_goes_on),
		ON_RIG(faults_overflow_is_one_episode_told_after_what_came_before),
		ON_RIG(faults_record_of_all_ones_is_told_and_cleared),
		ON_RIG(museum_lost_flag_no_loss_is_told_without_an_overflow),
		ON_RIG(museum_poll_before_init_drains_nothing),
		ON_RIG(faults_of_a_read_only_grant_are_permission),
		ON_RIG(museum_gerror_unhandled_every_status_bit_is_acknowledged),
		ON_RIG(faults_drain_repairs_a_stopped_queue),
		ON_RIG(faults_registers_that_read_all_ones_close_the_unit),
		ON_RIG(salvage_tells_what_is_left_once_and_changes_nothing),
		ON_RIG(salvage_leaves_later_records_to_the_first_drain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
