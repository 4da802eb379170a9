// SPDX-License-Identifier: BSD-2-Clause
/* What smmuctl shows of a scripted service, compared with tests/data/smmuctl. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "bits.h"
#include "golden.h"
#include "scripted_service.h"
#include "smmuctl.h"
#include "types.h"

#define NOON UINT64_C(1777636800000000000) /* 2026-05-01 12:00:00 UTC */
#define S UINT64_C(1000000000)

/* --- what the service says -------------------------------------------------------- */

static const struct wire_status quiet_status = {
	.program = "smmuman 0.1.0", .policy = "/etc/smmuman/policy.yaml",
	.board = "virtual board /run/board", .started_real_ns = NOON,
	.now_real_ns = NOON + 7380 * S, .faults = 17, .fault_records = 1, .requests = 1234,
	.refusals = 3, .table_bytes = 24576, .arena_free_bytes = 60 << 20, .units = 1,
	.devices = 3, .clients = 2, .domains = 1, .memories = 1, .grants = 4,
};

static const struct wire_status alarming_status = {
	.program = "smmuman 0.1.0", .policy = "policy.yaml", .board = "virtual board /run/board",
	.started_real_ns = NOON, .now_real_ns = NOON + 45 * S, .faults = 5, .fault_records = 2,
	.fault_losses = 1, .malformed = 2, .pinned_forever_bytes = 4096, .table_bytes = 100,
	.log_lost = 1, .units = 2, .units_closed = 1, .devices = 3, .devices_quarantined = 1,
};

static const struct wire_unit units[] = {
	{ .name = "smmu0", .module = "smmuv3", .words = "stage 1, 44 bits in, 44 bits out",
	  .base = 0x9050000, .commands = 120, .syncs = 40, .events = 17, .table_pages = 6,
	  .streams = 65536 },
	{ .name = "smmu1", .module = "smmuv3", .base = 0x9070000, .event_losses = 1,
	  .command_errors = 1, .global_errors = 2, .streams = 256, .is_closed = 1 },
};

static const struct wire_device devices[] = {
	{ .name = "pci:0000:00:02.0", .policy = "dma0", .unit = "smmu0", .owner = "edu-driver",
	  .faults = 17, .stream = 0x10, .state = WIRE_DEVICE_ATTACHED, .client = 3, .domain = 65537,
	  .vendor = 0x1234, .product = 0x11e8 },
	{ .name = "pci:0000:00:03.0", .policy = "dma1", .unit = "smmu0", .stream = 0x18,
	  .state = WIRE_DEVICE_QUARANTINED, .vendor = 0x1234, .product = 0x11e8,
	  .note = "register 0x98 of BAR 0 reads 0x1, not 0x0 under mask 0x1 as its quiesce step "
		  "wants" },
	{ .name = "dt:/dma@9100000", .alias = "mmio:0x9100000+0x1000", .unit = "smmu0",
	  .stream = 0x20, .state = WIRE_DEVICE_CLOSED },
	{ .name = "pci:0000:00:1f.2", .policy = "disk", .unit = "smmu0", .stream = 0xfa,
	  .state = WIRE_DEVICE_HOST },
};

static const struct wire_client clients[] = {
	{ .rule = "edu-driver", .exe = "/usr/bin/edu-driver", .connected_real_ns = NOON,
	  .requests = 12, .memory_bytes = 16 << 20, .table_bytes = 16384, .client = 3, .uid = 1000,
	  .gid = 1000, .pid = 4711, .devices = 1, .domains = 1, .memories = 1, .grants = 4 },
	{ .rule = "operator", .exe = "/tmp/evil\033[2J\xff", .connected_real_ns = NOON + S,
	  .requests = 2, .client = 4, .pid = 4712 },
};

static const struct wire_domain domains[] = {
	{ .domain = 65537, .client = 3, .devices = 1, .grants = 4, .bytes = 16384,
	  .owner = "edu-driver" },
	{ .domain = 65538, .client = 0, .devices = 1, .grants = 1, .bytes = 2 << 20,
	  .owner = "static" },
};

static const struct wire_grant grants[] = {
	{ .domain = 65537, .client = 3, .memory = 65537, .rights = RIGHT_READ | RIGHT_WRITE,
	  .iova = 0x100000, .length = 4096, .offset = 0x2000, .pa = 0x44002000,
	  .since_real_ns = NOON + 2 * S },
	{ .domain = 65538, .client = 0, .memory = 65538, .rights = RIGHT_READ, .iova = 0x2000000,
	  .length = 2 << 20, .pa = 0x2000000, .since_real_ns = NOON },
};

#define ADDRESSED (WIRE_FAULT_STREAM | WIRE_FAULT_ADDRESS)
static const struct wire_fault faults[] = {
	{ .sequence = 1, .boot_ns = 5 * S, .real_ns = NOON + 3123456789, .address = 0x101000,
	  .last_address = 0x1013f0, .count = 64, .words = { 0x10, 0x2 }, .stream = 0x10,
	  .client = 3, .domain = 65537, .uid = 1000, .pid = 4711, .code = 0x10,
	  .access = RIGHT_WRITE, .flags = ADDRESSED, .unit = "smmu0", .device = "pci:0000:00:02.0",
	  .owner = "edu-driver", .event = "F_TRANSLATION",
	  .reason = "nothing is granted at this address",
	  .note = "0x1 past the end of the grant at 0x100000 + 0x1000 rw" },
	{ .sequence = 2, .boot_ns = 6 * S, .real_ns = NOON + 4 * S, .address = 0x100000,
	  .last_address = 0x100000, .count = 1, .stream = 0x18, .code = 0x10,
	  .access = RIGHT_READ, .flags = ADDRESSED, .unit = "smmu0", .device = "pci:0000:00:03.0",
	  .event = "F_TRANSLATION", .reason = "nothing is granted at this address",
	  .note = "nobody has it attached" },
	{ .sequence = 3, .boot_ns = 7 * S, .real_ns = NOON + 86400 * S, .unit = "smmu0",
	  .flags = WIRE_FAULT_LOSS, .event = "LOSS", .reason = "the event queue was full",
	  .note = "the unit dropped records after its event 9; how many, it does not tell" },
	{ .sequence = 4, .boot_ns = 8 * S, .real_ns = NOON + 86401 * S, .count = 1, .stream = 0x77,
	  .code = 0x02, .kind = 3, .flags = WIRE_FAULT_STREAM, .unit = "smmu0",
	  .event = "C_BAD_STREAMID", .reason = "this stream has no entry in the stream table" },
};

static const struct wire_explain_reply explained_device = {
	.device = { .name = "pci:0000:00:02.0", .policy = "dma0", .unit = "smmu0",
		    .owner = "edu-driver", .stream = 0x10, .state = WIRE_DEVICE_ATTACHED,
		    .client = 3, .domain = 65537 },
	.stream_entry = "translated by stage 1, ASID 1", .rule = "'dma0' (line 14)",
	.verdict = "it reaches the 4 grants of its domain", .advice = "give an address",
};

static const struct wire_explain_reply explained_hole = {
	.device = { .name = "pci:0000:00:02.0", .policy = "dma0", .unit = "smmu0",
		    .owner = "edu-driver", .stream = 0x10, .state = WIRE_DEVICE_ATTACHED,
		    .client = 3, .domain = 65537 },
	.stream_entry = "translated by stage 1, ASID 1",
	.rule = "'dma0' (line 14), may be attached by: 'edu-driver' (line 24)",
	.grant = "0x1 past the end of the grant at 0x100000 + 0x1000 rw",
	.past = "0x101000 + 0x1000 was revoked 12 ms ago",
	.verdict = "refused and recorded: nothing is granted at that address",
	.advice = "the driver lets the device use memory it has already unmapped: stop the device "
		  "before smmu_unmap()",
	.step_count = 3,
	.steps = { { 0x40001000, 0, 0x40002003, 1, 1 }, { 0x40002000, 0, 0x40003003, 2, 1 },
		   { 0x40003000, 257, 0, 3, 0 } },
};

static const struct wire_explain_reply explained_grant = {
	.device = { .name = "dt:/dma@9100000", .alias = "mmio:0x9100000+0x1000", .unit = "smmu0",
		    .stream = 0x20, .state = WIRE_DEVICE_STATIC },
	.stream_entry = "translated by stage 2, VMID 1", .rule = "'engine' (line 9)",
	.grant = "0x2000000 + 0x200000 r",
	.verdict = "an access of kind r there reaches 0x2001000; any other is refused",
	.advice = "nothing", .step_count = 2, .is_mapped = 1, .pa = 0x2001000, .rights = RIGHT_READ,
	.steps = { { 0x40001000, 0, 0x40002003, 1, 1 }, { 0x40002000, 16, 0x2000441, 2, 1 } },
};

static const struct wire_list no_entries, two_entries = { .count = 2 },
			     two_entries_more = { .count = 2, .next = 2 },
			     four_entries = { .count = 4 },
			     four_entries_lost = { .count = 4, .next = 0, .lost = 12 };

/* list says how many; so does number. */
#define REPLY(NAME, list, number, array) \
	{ .id = WIRE_##NAME, .body = &(list), .body_size = sizeof(list), .entries = (array), \
	  .entries_size = (number) * sizeof(*(array)) }
#define SAYS(NAME, reply) { .id = WIRE_##NAME, .body = &(reply), .body_size = sizeof(reply) }

/* A machine on which everything is shown once. */
static const struct script_line usual[] = {
	SAYS(STATUS, quiet_status),
	REPLY(LIST_UNITS, two_entries, 2, units),
	REPLY(LIST_DEVICES, four_entries, 4, devices),
	REPLY(LIST_CLIENTS, two_entries, 2, clients),
	REPLY(LIST_DOMAINS, two_entries, 2, domains),
	REPLY(LIST_GRANTS, two_entries, 2, grants),
	REPLY(LIST_FAULTS, four_entries, 4, faults),
	SAYS(EXPLAIN, explained_hole),
	{ .id = WIRE_RELEASE, .body_size = sizeof(struct wire_none) },
};

/* --- running it --------------------------------------------------------------------- */

/* Against a service of these lines, which goes on until script_stop(). */
static void run_served(struct golden *golden, const struct script_line *lines, size_t count,
		       char *const *words, struct scripted_service *service)
{
	script_start(service, lines, count);
	setenv(WIRE_SOCKET_ENV, service->path, 1);
	golden_run(golden, smmuctl_run, "smmuctl", words);
}

static void golden_served(const char *name, const struct script_line *lines, size_t count,
			  char *const *words)
{
	struct scripted_service service;
	struct golden golden;
	char path[128], *text;

	run_served(&golden, lines, count, words, &service);
	script_stop(&service);
	text = golden_render(&golden, "smmuctl", words);
	snprintf(path, sizeof(path), "tests/data/smmuctl/%s.expect", name);
	golden_compare(path, text);
	free(text);
	golden_free(&golden);
}

#define GOLDEN(name, ...) golden_served(name, usual, ARRAY_COUNT(usual), WORDS(__VA_ARGS__))
#define GOLDEN_ON(name, lines, ...) \
	golden_served(name, lines, ARRAY_COUNT(lines), WORDS(__VA_ARGS__))

/* --- tests -------------------------------------------------------------------------- */

static void smmuctl_status_shows_the_service(void **state)
{
	static const struct script_line alarm[] = { SAYS(STATUS, alarming_status) };

	(void)state;
	GOLDEN("status", "status");
	GOLDEN("status-json", "--json", "status");
	GOLDEN_ON("status-alarm", alarm, "status");
}

static void smmuctl_lists_are_tables(void **state)
{
	(void)state;
	GOLDEN("units", "units");
	GOLDEN("devices", "devices");
	GOLDEN("clients", "clients");
	GOLDEN("domains", "domains");
	GOLDEN("grants", "grants");
}

static void smmuctl_lists_with_json_are_one_document(void **state)
{
	(void)state;
	GOLDEN("units-json", "units", "--json");
	GOLDEN("devices-json", "devices", "--json");
	GOLDEN("clients-json", "clients", "--json");
	GOLDEN("domains-json", "domains", "--json");
	GOLDEN("grants-json", "grants", "--json");
}

static void smmuctl_list_of_several_pages_is_one_table(void **state)
{
	static const struct script_line lines[] = {
		REPLY(LIST_DEVICES, two_entries_more, 2, devices),
		REPLY(LIST_DEVICES, two_entries, 2, devices + 2),
	};

	(void)state;
	GOLDEN_ON("devices", lines, "devices");
}

static void smmuctl_empty_lists_say_so(void **state)
{
	static const struct script_line lines[] = {
		REPLY(LIST_GRANTS, no_entries, 0, grants),
		REPLY(LIST_FAULTS, no_entries, 0, faults),
	};

	(void)state;
	GOLDEN_ON("grants-none", lines, "grants");
	GOLDEN_ON("grants-none-json", lines, "--json", "grants");
	GOLDEN_ON("faults-none", lines, "faults");
	GOLDEN_ON("faults-none-json", lines, "--json", "faults");
}

static void smmuctl_faults_show_each_with_reason_and_note(void **state)
{
	static const struct script_line lines[] = {
		REPLY(LIST_FAULTS, four_entries_lost, 4, faults),
	};

	(void)state;
	GOLDEN("faults", "faults");
	GOLDEN("faults-json", "faults", "--json");
	GOLDEN_ON("faults-lost", lines, "faults", "--limit", "1");
	GOLDEN_ON("faults-lost-json", lines, "faults", "--limit", "1", "--json");
}

static void smmuctl_faults_are_filtered(void **state)
{
	(void)state;
	GOLDEN("faults-device", "faults", "--device", "00:03.0");
	GOLDEN("faults-device-policy-name", "faults", "--device", "dma1");
	GOLDEN("faults-device-unknown", "faults", "--device", "dma9");
	GOLDEN("faults-limit", "faults", "--limit", "2");
	GOLDEN("faults-limit-zero", "faults", "--limit", "0");
}

/* The last request of that id, while the service still runs. */
static const void *asked(const struct scripted_service *service, uint16_t id)
{
	const void *body = script_last(service, id);

	assert_non_null(body);
	return body;
}

static void smmuctl_faults_since_asks_after_that_record(void **state)
{
	struct scripted_service service;
	const struct wire_fault_read *ask;
	struct golden golden;

	(void)state;
	run_served(&golden, usual, ARRAY_COUNT(usual), WORDS("faults", "--since", "3"), &service);
	ask = asked(&service, WIRE_LIST_FAULTS);
	assert_int_equal(golden.code, CTL_DONE);
	assert_int_equal(ask->after, 3);
	script_stop(&service);
	golden_free(&golden);
}

static void smmuctl_faults_follow_until_the_service_ends(void **state)
{
	static const struct wire_list one = { .count = 1 };
	static const struct script_line lines[] = {
		REPLY(LIST_FAULTS, one, 1, faults),
		REPLY(LIST_FAULTS, no_entries, 0, faults),
		REPLY(LIST_FAULTS, one, 1, faults + 1),
		{ .id = WIRE_LIST_FAULTS, .manner = SCRIPT_HANGS_UP },
	};

	(void)state;
	GOLDEN_ON("faults-follow", lines, "faults", "--follow");
	GOLDEN_ON("faults-follow-json", lines, "faults", "--follow", "--json");
}

static void smmuctl_explain_tells_the_whole_story(void **state)
{
	static const struct script_line device[] = {
		SAYS(EXPLAIN, explained_device),
		REPLY(LIST_FAULTS, no_entries, 0, faults),
	};
	static const struct script_line mapped[] = {
		SAYS(EXPLAIN, explained_grant),
		REPLY(LIST_FAULTS, no_entries, 0, faults),
	};

	(void)state;
	GOLDEN("explain-hole", "explain", "dma0", "0x101000");
	GOLDEN("explain-hole-json", "explain", "dma0", "0x101000", "--json");
	GOLDEN_ON("explain-device", device, "explain", "dma0");
	GOLDEN_ON("explain-grant", mapped, "explain", "engine", "0x2001000");
	GOLDEN_ON("explain-grant-json", mapped, "--json", "explain", "engine", "0x2001000");
}

static void smmuctl_explain_of_no_address_is_a_usage_error(void **state)
{
	(void)state;
	GOLDEN("iova-decimal", "explain", "dma0", "4096");
	GOLDEN("iova-long", "explain", "dma0", "0x10000000000000000");
	GOLDEN("iova-empty", "explain", "dma0", "0x");
}

static void smmuctl_explain_asks_for_that_address(void **state)
{
	struct scripted_service service;
	const struct wire_explain *ask;
	struct golden golden;

	(void)state;
	run_served(&golden, usual, ARRAY_COUNT(usual),
		   WORDS("explain", "dma0", "0xffffffffffffffff"), &service);
	ask = asked(&service, WIRE_EXPLAIN);
	assert_int_equal(golden.code, CTL_DONE);
	assert_string_equal(ask->name, "dma0");
	assert_int_equal(ask->has_iova, 1);
	assert_true(ask->iova == UINT64_MAX);
	script_stop(&service);
	golden_free(&golden);
}

static void smmuctl_release_names_the_device(void **state)
{
	struct scripted_service service;
	const struct wire_name *ask;
	struct golden golden;

	(void)state;
	run_served(&golden, usual, ARRAY_COUNT(usual), WORDS("release", "dma1"), &service);
	ask = asked(&service, WIRE_RELEASE);
	assert_int_equal(golden.code, CTL_DONE);
	assert_string_equal(golden.out, "");
	assert_string_equal(ask->name, "dma1");
	script_stop(&service);
	golden_free(&golden);
	GOLDEN("release-json", "release", "dma1", "--json");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(smmuctl_status_shows_the_service),
		cmocka_unit_test(smmuctl_lists_are_tables),
		cmocka_unit_test(smmuctl_lists_with_json_are_one_document),
		cmocka_unit_test(smmuctl_list_of_several_pages_is_one_table),
		cmocka_unit_test(smmuctl_empty_lists_say_so),
		cmocka_unit_test(smmuctl_faults_show_each_with_reason_and_note),
		cmocka_unit_test(smmuctl_faults_are_filtered),
		cmocka_unit_test(smmuctl_faults_since_asks_after_that_record),
		cmocka_unit_test(smmuctl_faults_follow_until_the_service_ends),
		cmocka_unit_test(smmuctl_explain_tells_the_whole_story),
		cmocka_unit_test(smmuctl_explain_of_no_address_is_a_usage_error),
		cmocka_unit_test(smmuctl_explain_asks_for_that_address),
		cmocka_unit_test(smmuctl_release_names_the_device),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
