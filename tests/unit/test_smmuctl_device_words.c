// SPDX-License-Identifier: BSD-2-Clause
/*
 * A machine whose units do not check interrupt messages, with a group and with a
 * device that no unit covers, as smmuctl shows it.
 */
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "bits.h"
#include "device_words.h"
#include "golden.h"
#include "scripted_service.h"
#include "smmuctl.h"
#include "types.h"

#define NOON UINT64_C(1777636800000000000) /* 2026-05-01 12:00:00 UTC */

static const struct wire_status status = {
	.program = "smmuman 0.1.0", .policy = "policy.yaml", .board = "virtual board /run/board",
	.started_real_ns = NOON, .now_real_ns = NOON + 5000000000, .units = 1, .devices = 7,
	.devices_host = 1, .devices_uncovered = 1, .devices_unsafe = 2,
};

static const struct wire_unit units[] = {
	{ .name = "vtd0", .module = "vtd", .words = "VT-d 1.0, legacy mode, 48 bits",
	  .base = 0xfed90000, .streams = 65536, .unsafe_interrupts = 1 },
	{ .name = "vtd1", .module = "vtd", .base = 0xfed91000, .unsafe_interrupts = 1 },
};

static const struct wire_device devices[] = {
	{ .name = "pci:0000:00:02.0", .policy = "dma0", .unit = "vtd0", .owner = "edu-driver",
	  .stream = 0x10, .state = WIRE_DEVICE_ATTACHED, .client = 3, .domain = 65537,
	  .unsafe_interrupts = WIRE_UNSAFE_ALLOWED, .group_size = 1 },
	{ .name = "pci:0000:00:03.0", .policy = "nic", .unit = "vtd0", .stream = 0x18,
	  .state = WIRE_DEVICE_CLOSED, .unsafe_interrupts = WIRE_UNSAFE_REFUSED,
	  .group_size = 1 },
	{ .name = "pci:0000:00:1c.0", .unit = "vtd0", .stream = 0xe0,
	  .state = WIRE_DEVICE_CLOSED, .unsafe_interrupts = WIRE_UNSAFE_REFUSED,
	  .group_size = 1 },
	{ .name = "pci:0000:02:01.0", .policy = "left", .unit = "vtd0", .stream = 0x200,
	  .state = WIRE_DEVICE_CLOSED, .unsafe_interrupts = WIRE_UNSAFE_CHECKED,
	  .group = "pci:0000:02:01.0", .group_size = 2, .faults = 3 },
	{ .name = "pci:0000:02:02.0", .policy = "right", .unit = "vtd0", .stream = 0x200,
	  .state = WIRE_DEVICE_QUARANTINED, .note = "it does not answer after its reset",
	  .unsafe_interrupts = WIRE_UNSAFE_ALLOWED, .group = "pci:0000:02:01.0",
	  .group_size = 2, .faults = 3 },
	{ .name = "pci:0000:00:05.0", .state = WIRE_DEVICE_UNUSABLE, .stream = 0,
	  .note = "no IOMMU covers it", .is_uncovered = 1, .group_size = 1 },
	{ .name = "pci:0000:00:1e.0", .state = WIRE_DEVICE_UNUSABLE,
	  .note = "it is a bridge, no DMA master of its own", .group_size = 1 },
};

static const struct wire_fault faults[] = {
	{ .sequence = 1, .boot_ns = 1, .real_ns = NOON + 3123456789, .address = 0x101000,
	  .last_address = 0x101000, .count = 3, .stream = 0x200, .code = 5,
	  .access = RIGHT_WRITE, .flags = WIRE_FAULT_STREAM | WIRE_FAULT_ADDRESS,
	  .unit = "vtd0", .device = "pci:0000:02:01.0", .event = "FR_PTE_WRITE",
	  .reason = "nothing may be written at this address",
	  .note = "one of pci:0000:02:01.0, pci:0000:02:02.0; nobody has it attached" },
	{ .sequence = 2, .boot_ns = 2, .real_ns = NOON + 4000000000, .address = 0x5000,
	  .last_address = 0x5000, .count = 1, .stream = 0x200, .code = 5,
	  .access = RIGHT_READ, .flags = WIRE_FAULT_STREAM | WIRE_FAULT_ADDRESS,
	  .unit = "vtd1", .device = "pci:0001:02:00.0", .event = "FR_PTE_READ",
	  .reason = "nothing may be read at this address", .note = "nobody has it attached" },
};

static const struct wire_explain_reply story = {
	.device = { .name = "pci:0000:02:02.0", .policy = "right", .unit = "vtd0", .stream = 0x200,
		    .state = WIRE_DEVICE_CLOSED, .unsafe_interrupts = WIRE_UNSAFE_ALLOWED,
		    .group = "pci:0000:02:01.0", .group_size = 2 },
	.stream_entry = "not present: every access is refused and recorded",
	.rule = "'right' (line 9), may be attached by: 'edu-driver' (line 24)",
	.verdict = "every access is refused and recorded: nobody has it attached",
	.advice = "start its driver: it attaches the device and asks for grants",
	.reserved_count = 3,
	.reserved = { { 0xfee00000, 0x100000, WIRE_RESERVED_INTERRUPT, 0 },
		      { 0xbf000000, 0x2000, WIRE_RESERVED_FIRMWARE, 1 },
		      { 0x1000, 0x1000, WIRE_RESERVED_UNUSABLE, 0 } },
};

static const struct wire_explain_reply uncovered = {
	.device = { .name = "pci:0000:00:05.0", .state = WIRE_DEVICE_UNUSABLE,
		    .note = "no IOMMU covers it", .is_uncovered = 1, .group_size = 1 },
	.rule = "the policy does not mention it: nobody may attach it",
	.verdict = "nothing stands between it and memory", .advice = "let no driver have it",
};

static const struct wire_list two_entries = { .count = 2 }, seven_entries = { .count = 7 };

#define REPLY(NAME, list, number, array) \
	{ .id = WIRE_##NAME, .body = &(list), .body_size = sizeof(list), .entries = (array), \
	  .entries_size = (number) * sizeof(*(array)) }
#define SAYS(NAME, reply) { .id = WIRE_##NAME, .body = &(reply), .body_size = sizeof(reply) }

static const struct script_line machine[] = {
	SAYS(STATUS, status),
	REPLY(LIST_UNITS, two_entries, 2, units),
	REPLY(LIST_DEVICES, seven_entries, 7, devices),
	REPLY(LIST_FAULTS, two_entries, 2, faults),
	SAYS(EXPLAIN, story),
};

static void golden_served(const char *name, const struct script_line *lines, size_t count,
			  char *const *words)
{
	struct scripted_service service;
	struct golden golden;
	char path[128], *text;

	script_start(&service, lines, count);
	setenv(WIRE_SOCKET_ENV, service.path, 1);
	golden_run(&golden, smmuctl_run, "smmuctl", words);
	script_stop(&service);
	text = golden_render(&golden, "smmuctl", words);
	snprintf(path, sizeof(path), "tests/data/smmuctl/%s.expect", name);
	golden_compare(path, text);
	free(text);
	golden_free(&golden);
}

#define GOLDEN(name, ...) golden_served(name, machine, ARRAY_COUNT(machine), WORDS(__VA_ARGS__))

static void smmuctl_unchecked_interrupts_groups_and_uncovered_devices_shown(void **state)
{
	static const struct script_line bare[] = { SAYS(EXPLAIN, uncovered),
						   REPLY(LIST_FAULTS, two_entries, 2, faults) };

	(void)state;
	GOLDEN("x86-status", "status");
	GOLDEN("x86-units", "units");
	GOLDEN("x86-units-json", "units", "--json");
	GOLDEN("x86-devices", "devices");
	GOLDEN("x86-devices-json", "devices", "--json");
	GOLDEN("x86-explain", "explain", "right");
	GOLDEN("x86-explain-json", "explain", "right", "--json");
	golden_served("x86-explain-uncovered", bare, ARRAY_COUNT(bare),
		      WORDS("explain", "00:05.0"));
}

/* Told under the name of the first of them, found by the name of each; not on another unit. */
static void smmuctl_faults_of_a_shared_stream_found_by_each_name(void **state)
{
	(void)state;
	GOLDEN("x86-faults-shared", "faults", "--device", "02:02.0");
	GOLDEN("x86-faults-alone", "faults", "--device", "00:02.0");
}

static void device_words_alarm_for_what_reaches_more_than_its_grants(void **state)
{
	static const bool expected[] = { true, false, false, false, true, true, false };
	struct wire_device device = devices[1];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(devices); i++)
		assert_int_equal(device_words_alarm(&devices[i]), expected[i]);
	device.state = WIRE_DEVICE_HOST;
	assert_true(device_words_alarm(&device));
}

/* --- on a terminal ------------------------------------------------------------------ */

static void show_on_terminal(char *verb, char *word, char *shown, size_t size)
{
	char *argv[] = { "smmuctl", verb, word, NULL };
	struct scripted_service service;
	FILE *terminal;
	int master, slave;
	ssize_t length;

	assert_return_code(openpty(&master, &slave, NULL, NULL, NULL), 0);
	terminal = fdopen(slave, "w");
	script_start(&service, machine, ARRAY_COUNT(machine));
	setenv(WIRE_SOCKET_ENV, service.path, 1);
	assert_int_equal(smmuctl_run(word ? 3 : 2, argv, terminal, stderr), CTL_DONE);
	script_stop(&service);
	length = read(master, shown, size - 1);
	assert_true(length > 0);
	shown[length] = '\0';
	fclose(terminal);
	close(master);
}

static void smmuctl_unchecked_interrupts_and_uncovered_devices_are_red(void **state)
{
	char shown[8192];

	(void)state;
	show_on_terminal("devices", NULL, shown, sizeof(shown));
	assert_non_null(strstr(shown, "\033[31mpci:0000:00:02.0"));
	assert_null(strstr(shown, "\033[31mpci:0000:00:03.0"));
	assert_null(strstr(shown, "\033[31mpci:0000:02:01.0"));
	assert_non_null(strstr(shown, "\033[31mpci:0000:00:05.0"));
	show_on_terminal("status", NULL, shown, sizeof(shown));
	assert_non_null(strstr(shown, "\033[31m1 that no IOMMU covers"));
	assert_non_null(strstr(shown, "\033[31m2 whose interrupt messages nobody checks"));
	show_on_terminal("explain", "right", shown, sizeof(shown));
	assert_non_null(strstr(shown, "\033[31m  interrupt who has it can raise any interrupt"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(smmuctl_unchecked_interrupts_groups_and_uncovered_devices_shown),
		cmocka_unit_test(smmuctl_faults_of_a_shared_stream_found_by_each_name),
		cmocka_unit_test(device_words_alarm_for_what_reaches_more_than_its_grants),
		cmocka_unit_test(smmuctl_unchecked_interrupts_and_uncovered_devices_are_red),
	};

	setenv("TZ", "UTC", 1);
	unsetenv("NO_COLOR");
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
