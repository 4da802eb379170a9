// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "events.h"

/* IHI 0070 7.3: every event type, what kind of fault it is, what it carries. */
static const struct {
	uint8_t code;
	const char *name;
	enum drv_fault_kind kind;
	bool has_address;
} expected[] = {
	{ 0x01, "F_UUT", DRV_FAULT_REQUEST, true },
	{ 0x02, "C_BAD_STREAMID", DRV_FAULT_STREAM, false },
	{ 0x03, "F_STE_FETCH", DRV_FAULT_TABLE, false },
	{ 0x04, "C_BAD_STE", DRV_FAULT_STREAM, false },
	{ 0x05, "F_BAD_ATS_TREQ", DRV_FAULT_REQUEST, true },
	{ 0x06, "F_STREAM_DISABLED", DRV_FAULT_REQUEST, false },
	{ 0x07, "F_TRANSL_FORBIDDEN", DRV_FAULT_REQUEST, true },
	{ 0x08, "C_BAD_SUBSTREAMID", DRV_FAULT_REQUEST, false },
	{ 0x09, "F_CD_FETCH", DRV_FAULT_TABLE, false },
	{ 0x0a, "C_BAD_CD", DRV_FAULT_CONFIG, false },
	{ 0x0b, "F_WALK_EABT", DRV_FAULT_TABLE, true },
	{ 0x10, "F_TRANSLATION", DRV_FAULT_TRANSLATION, true },
	{ 0x11, "F_ADDR_SIZE", DRV_FAULT_ADDRESS, true },
	{ 0x12, "F_ACCESS", DRV_FAULT_PERMISSION, true },
	{ 0x13, "F_PERMISSION", DRV_FAULT_PERMISSION, true },
	{ 0x20, "F_TLB_CONFLICT", DRV_FAULT_CONFIG, true },
	{ 0x21, "F_CFG_CONFLICT", DRV_FAULT_CONFIG, false },
	{ 0x24, "E_PAGE_REQUEST", DRV_FAULT_REQUEST, true },
	{ 0x25, "F_VMS_FETCH", DRV_FAULT_TABLE, false },
};

static struct drv_fault decode(uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3)
{
	const uint64_t words[EVENT_WORDS] = { w0, w1, w2, w3 };
	struct drv_fault fault;

	events_decode(words, 42, &fault);
	assert_memory_equal(fault.words, words, sizeof(words));
	assert_int_equal(fault.sequence, 42);
	assert_non_null(fault.name);
	assert_non_null(fault.reason);
	return fault;
}

static void events_every_type_has_name_kind_and_reason(void **state)
{
	struct drv_fault fault;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(expected); i++) {
		fault = decode(UINT64_C(0x1234) << 32 | expected[i].code, UINT64_C(2) << 40, 0x5000, 0);
		assert_string_equal(fault.name, expected[i].name);
		assert_int_equal(fault.kind, expected[i].kind);
		assert_int_equal(fault.code, expected[i].code);
		assert_int_equal(fault.has_address, expected[i].has_address);
		assert_true(fault.has_stream);
		assert_int_equal(fault.stream, 0x1234);
		assert_false(fault.has_substream);
		assert_true(strlen(fault.reason) > 20);
	}
}

static void events_all_other_types_are_unknown(void **state)
{
	struct drv_fault fault;
	unsigned code, i;

	(void)state;
	for (code = 0; code < 256; code++) {
		for (i = 0; i < ARRAY_COUNT(expected) && expected[i].code != code; i++)
			;
		if (i < ARRAY_COUNT(expected))
			continue;
		fault = decode(UINT64_C(0xffff) << 32 | code, 0, 0, 0);
		assert_int_equal(fault.kind, DRV_FAULT_UNKNOWN);
		assert_string_equal(fault.name, code >= 0xe0 && code <= 0xef ? "IMPDEF_EVENT" : "UNKNOWN");
		assert_false(fault.has_stream);
		assert_false(fault.has_address);
	}
}

static void events_access_tells_read_write_execute(void **state)
{
	struct drv_fault fault;

	(void)state;
	fault = decode(UINT64_C(8) << 32 | 0x10, UINT64_C(2) << 40 | BIT(35), 0x1234567890, 0);
	assert_int_equal(fault.access, RIGHT_READ);
	assert_true(fault.address == UINT64_C(0x1234567890));
	assert_int_equal(decode(0x10, UINT64_C(2) << 40, 0, 0).access, RIGHT_WRITE);
	assert_int_equal(decode(0x10, UINT64_C(2) << 40 | BIT(35) | BIT(34), 0, 0).access, RIGHT_EXEC);
	assert_int_equal(decode(0x02, BIT(35), 0, 0).access, 0);
}

static void events_substream_is_told_when_valid(void **state)
{
	struct drv_fault fault = decode(0x10 | BIT(11) | UINT64_C(0xabcde) << 12, UINT64_C(2) << 40, 0, 0);

	(void)state;
	assert_true(fault.has_substream);
	assert_int_equal(fault.substream, 0xabcde);
}

/* A fault of the unit's own walk is not the device's; only stage 2 can refuse one. */
static void events_fault_on_table_walk_is_a_table_fault(void **state)
{
	(void)state;
	assert_int_equal(decode(0x10, UINT64_C(1) << 40 | BIT(39), 0, 0).kind, DRV_FAULT_TABLE);
	assert_int_equal(decode(0x13, UINT64_C(0) << 40 | BIT(39), 0, 0).kind, DRV_FAULT_TABLE);
	assert_int_equal(decode(0x13, UINT64_C(2) << 40 | BIT(39), 0, 0).kind, DRV_FAULT_PERMISSION);
}

/* QEMU 7.2 gives every stage 1 fault the class of a table walk. */
static void events_stage1_fault_of_any_class_is_the_devices(void **state)
{
	unsigned class;

	(void)state;
	for (class = 0; class < 4; class++)
		assert_int_equal(decode(0x10, (uint64_t)class << 40, 0, 0).kind, DRV_FAULT_TRANSLATION);
}

/* QEMU 10 on stage 2: IPA in word 3 with its low bits, which count for nothing. */
static void events_stage2_record_keeps_input_address(void **state)
{
	struct drv_fault fault = decode(UINT64_C(8) << 32 | 0x10, UINT64_C(2) << 40 | BIT(39) | BIT(35),
					0x40123004, 0x40123004);

	(void)state;
	assert_int_equal(fault.kind, DRV_FAULT_TRANSLATION);
	assert_int_equal(fault.address, 0x40123004);
}

static void events_all_zero_and_all_ones_are_unknown(void **state)
{
	(void)state;
	assert_int_equal(decode(0, 0, 0, 0).kind, DRV_FAULT_UNKNOWN);
	assert_int_equal(decode(~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0)).kind,
			 DRV_FAULT_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_every_type_has_name_kind_and_reason),
		cmocka_unit_test(events_all_other_types_are_unknown),
		cmocka_unit_test(events_access_tells_read_write_execute),
		cmocka_unit_test(events_substream_is_told_when_valid),
		cmocka_unit_test(events_fault_on_table_walk_is_a_table_fault),
		cmocka_unit_test(events_stage1_fault_of_any_class_is_the_devices),
		cmocka_unit_test(events_stage2_record_keeps_input_address),
		cmocka_unit_test(events_all_zero_and_all_ones_are_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
