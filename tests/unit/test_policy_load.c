// SPDX-License-Identifier: BSD-2-Clause
// Policy files: every refused thing with its exact words, and the good ones.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load.h"
#include "policy.h"
#include "types.h"

#define DATA "tests/data/policy"

static struct policy_report report;

static char *file_read(const char *path, size_t *ret_length)
{
	FILE *file = fopen(path, "rb");
	char *bytes = calloc(1, POLICY_FILE_MAX);

	if (!file || !bytes)
		fail_msg("%s: %s (run from the top of the tree)", path, strerror(errno));
	*ret_length = fread(bytes, 1, POLICY_FILE_MAX - 1, file);
	fclose(file);
	return bytes;
}

static int parse(const char *bytes, size_t length, struct policy **ret_policy)
{
	*ret_policy = NULL;
	memset(&report, 'x', sizeof(report));
	return policy_parse("p.yaml", bytes, length, ret_policy, &report);
}

static struct policy *parse_good(const char *text)
{
	struct policy *policy;

	if (parse(text, strlen(text), &policy))
		fail_msg("refused:\n%s", report.text);
	return policy;
}

static void parse_refused(const char *bytes, size_t length, const char *wanted)
{
	struct policy *policy;

	assert_int_equal(parse(bytes, length, &policy), -EINVAL);
	assert_null(policy);
	assert_int_not_equal(report.errors, 0);
	if (strncmp(report.text, wanted, strlen(wanted)) != 0)
		fail_msg("wanted \"%s\", got \"%s\"", wanted, report.text);
}

/* One data file a sin; the words of the refusal are in the file beside it. */
static void sin_refused(void **state)
{
	char path[256], *bytes, *wanted;
	const char *sin = *state;
	size_t length, wanted_length;
	struct policy *policy;

	snprintf(path, sizeof(path), DATA "/%s.yaml", sin);
	bytes = file_read(path, &length);
	snprintf(path, sizeof(path), DATA "/%s.expect", sin);
	wanted = file_read(path, &wanted_length);
	assert_int_equal(parse(bytes, length, &policy), -EINVAL);
	assert_null(policy);
	assert_string_equal(report.text, wanted);
	free(bytes);
	free(wanted);
}

static void load_full_example_every_key_read(void **state)
{
	const struct policy_client *client;
	const struct policy_device *device;
	struct policy *policy = NULL;

	(void)state;
	if (policy_load("policy/example-full.yaml", false, &policy, &report))
		fail_msg("refused:\n%s", report.text);
	assert_string_equal(report.text, "");
	assert_string_equal(policy->file, "policy/example-full.yaml");
	assert_int_equal(policy->max_connections, 512);
	assert_int_equal(policy->unit_count, 4);
	assert_int_equal(policy->units[0].mode, POLICY_MODE_ANY);
	assert_string_equal(policy->units[0].module, "");
	assert_int_equal(policy->units[1].stage, POLICY_STAGE_2);
	assert_int_equal(policy->units[1].table, POLICY_TABLE_TWO_LEVEL);
	assert_int_equal(policy->units[2].mode, POLICY_MODE_LEGACY);
	assert_string_equal(policy->units[3].module, "acme");
	assert_int_equal(policy->device_count, 5);
	device = &policy->devices[0];
	assert_int_equal(device->quiesce.kind, QUIESCE_RESET);
	assert_false(device->unsafe_interrupts);
	assert_int_equal(device->storm.budget, 1000);
	assert_int_equal(device->storm.period_ms, 500);
	assert_true(device->storm.quarantine);
	assert_int_equal(policy->devices[1].quiesce.kind, QUIESCE_POLL);
	assert_int_equal(policy->devices[1].quiesce.offset, 0x98);
	assert_int_equal(policy->devices[1].quiesce.mask, 1);
	assert_int_equal(policy->devices[1].storm.period_ms, 0);
	assert_true(policy->devices[1].unsafe_interrupts);
	assert_int_equal(policy->devices[2].quiesce.value, 0x80);
	assert_int_equal(policy->devices[3].storm.budget, 10000);
	assert_false(policy->devices[3].storm.quarantine);
	assert_true(policy->devices[4].host_identity);
	assert_int_equal(policy->regions[1].length, 2 << 20);
	assert_int_equal(policy->regions[1].rights, RIGHT_READ);
	client = &policy->clients[0];
	assert_string_equal(client->exe, "/usr/libexec/nic-driver");
	assert_int_equal(client->uid, 1000);
	assert_int_equal(client->gid, POLICY_ANY);
	assert_int_equal(client->rights, POLICY_RIGHT_ATTACH | POLICY_RIGHT_TARGET);
	assert_true(client->round_compat);
	assert_int_equal(client->device_count, 2);
	assert_int_equal(client->window_count, 2);
	assert_int_equal(client->windows[1].iova, UINT64_C(1) << 32);
	assert_int_equal(policy->clients[2].uid, 0);
	assert_int_equal(policy->clients[4].uid, geteuid());
	assert_int_equal(policy->static_count, 1);
	assert_int_equal(policy->statics[0].device, 2);
	assert_int_equal(policy->statics[0].region, 1);
	policy_free(policy);
}

/* The rule that spells the default limits out and the one that does not agree. */
static void load_full_example_defaults_as_written(void **state)
{
	struct policy *policy = NULL;

	(void)state;
	assert_int_equal(policy_load("policy/example-full.yaml", false, &policy, &report), 0);
	assert_memory_equal(&policy->clients[0].limits, &policy->clients[1].limits,
			    sizeof(policy->clients[0].limits));
	assert_int_equal(policy->clients[1].limits.memory_bytes, 256 << 20);
	policy_free(policy);
}

static void load_board_example_accepted(void **state)
{
	struct policy *policy = NULL;

	(void)state;
	assert_int_equal(policy_load("policy/example-board.yaml", false, &policy, &report), 0);
	assert_string_equal(report.text, "");
	assert_int_equal(policy->device_count, 2);
	assert_int_equal(policy->clients[0].rights, POLICY_RIGHT_ATTACH | POLICY_RIGHT_ADMIN);
	policy_free(policy);
}

/* The same for x86, where a device needs a word more. */
static void load_q35_example_accepted(void **state)
{
	struct policy *policy = NULL;

	(void)state;
	assert_int_equal(policy_load("policy/example-q35.yaml", false, &policy, &report), 0);
	assert_string_equal(report.text, "");
	assert_int_equal(policy->device_count, 2);
	assert_true(policy->devices[0].unsafe_interrupts && policy->devices[1].unsafe_interrupts);
	policy_free(policy);
}

static void load_version_alone_allows_nobody(void **state)
{
	struct policy *policy = parse_good("version: 1\n");

	(void)state;
	assert_int_equal(policy->device_count, 0);
	assert_int_equal(policy->client_count, 0);
	assert_int_equal(policy->max_connections, 1024);
	policy_free(policy);
}

static void load_windows_line_ends_accepted(void **state)
{
	(void)state;
	policy_free(parse_good("version: 1\r\ndevices: []\r\n"));
}

/* The permitted twins of the refused overlaps. */
static void load_neighbours_accepted(void **state)
{
	(void)state;
	policy_free(parse_good(
		"version: 1\n"
		"devices:\n"
		"  - {name: a, match: mmio:0x1000+0x100, host: identity}\n"
		"  - {name: b, match: mmio:0x1100+0x100, host: identity}\n"
		"  - {name: dma0, match: pci:00:02.0}\n"
		"  - {name: dma1, match: pci:00:02.1}\n"
		"regions: [{name: r, address: 0xffffffffff000, size: 4KiB, rights: r}]\n"
		"clients:\n"
		"  - {name: a, uid: 1, exe: /a}\n"
		"  - {name: b, uid: 1, exe: /b}\n"
		"  - {name: c, gid: 1, windows: [\n"
		"      {iova: 0x1000, size: 4KiB}, {iova: 0x0, size: 4KiB},\n"
		"      {iova: 0xfffffffffffff000, size: 4KiB}]}\n"
		"static:\n"
		"  - {device: dma0, region: r, iova: 0x1000, rights: r}\n"
		"  - {device: dma0, region: r, iova: 0x2000, rights: r}\n"
		"  - {device: dma1, region: r, iova: 0x1000, rights: r}\n"
		"  - {device: dma1, region: r, iova: 0xfffffffffffff000, rights: r}\n"));
}

static void load_unused_names_warned(void **state)
{
	struct policy *policy = parse_good(
		"version: 1\n"
		"devices:\n"
		"  - {name: dma0, match: pci:00:02.0}\n"
		"regions:\n"
		"  - {name: doorbell, address: 0x1000, size: 4KiB, rights: r}\n");

	(void)state;
	assert_int_equal(report.errors, 0);
	assert_int_equal(report.warnings, 2);
	assert_string_equal(
		report.text,
		"p.yaml:3:5: warning: nobody may attach device 'dma0': it stays closed\n"
		"     3 |   - {name: dma0, match: pci:00:02.0}\n"
		"       |     ^\n"
		"p.yaml:5:5: warning: nobody may use region 'doorbell'\n"
		"     5 |   - {name: doorbell, address: 0x1000, size: 4KiB, rights: r}\n"
		"       |     ^\n");
	policy_free(policy);
}

static void load_unsafe_interrupts_of_the_hosts_device_warned(void **state)
{
	struct policy *policy = parse_good(
		"version: 1\n"
		"devices: [{name: a, match: pci:00:02.0, host: identity, unsafe_interrupts: allow}]\n");

	(void)state;
	assert_int_equal(report.warnings, 1);
	assert_non_null(strstr(report.text, "'unsafe_interrupts' changes nothing for 'a'"));
	policy_free(policy);
}

/* What may be part of a module's file name, and that it is optional. */
static void load_module_names_accepted(void **state)
{
	struct policy *policy = parse_good("version: 1\n"
					   "units:\n"
					   "  - {unit: a, module: Acme_2-x}\n"
					   "  - {unit: b, module: abcdefghijklmnopqrstuvwxyz01234}\n"
					   "  - {unit: c, mode: scalable}\n"
					   "  - {unit: d, mode: any}\n");

	(void)state;
	assert_string_equal(policy->units[0].module, "Acme_2-x");
	assert_string_equal(policy->units[1].module, "abcdefghijklmnopqrstuvwxyz01234");
	assert_string_equal(policy->units[2].module, "");
	assert_int_equal(policy->units[2].mode, POLICY_MODE_SCALABLE);
	assert_int_equal(policy->units[3].mode, POLICY_MODE_ANY);
	policy_free(policy);
}

static void load_platform_device_without_poll_warned(void **state)
{
	struct policy *policy = parse_good("version: 1\n"
					   "devices: [{name: a, match: dt:/dma}]\n"
					   "clients: [{name: c, uid: 1, attach: [a]}]\n");

	(void)state;
	assert_int_equal(report.warnings, 1);
	assert_non_null(strstr(report.text, "'a' is no PCI device and has no reset"));
	policy_free(policy);
}

static void load_nul_byte_refused(void **state)
{
	static const char bytes[] = "version: 1\ndev\0ices: []\n";

	(void)state;
	parse_refused(bytes, sizeof(bytes) - 1,
		      "p.yaml:2:4: a NUL byte: this is no text file\n"
		      "     2 | dev?ices: []\n       |    ^\n");
}

static void load_byte_order_mark_refused(void **state)
{
	static const char utf8[] = "\xef\xbb\xbfversion: 1\n", utf16[] = "\xff\xfev\0";

	(void)state;
	parse_refused(utf8, sizeof(utf8) - 1, "p.yaml:1:1: a byte order mark; ");
	parse_refused(utf16, sizeof(utf16) - 1, "p.yaml:1:1: a byte order mark; ");
}

static void load_empty_file_refused(void **state)
{
	(void)state;
	parse_refused("", 0, "p.yaml: the policy is empty; ");
}

/* head, then unit again and again up to length bytes. */
static char *repeated(const char *head, const char *unit, size_t length)
{
	char *bytes = malloc(length + 1);
	size_t used = strlen(head);

	assert_non_null(bytes);
	memcpy(bytes, head, used);
	for (; used + strlen(unit) <= length; used += strlen(unit))
		memcpy(bytes + used, unit, strlen(unit));
	memset(bytes + used, ' ', length - used);
	bytes[length] = '\0';
	return bytes;
}

static void repeated_refused(const char *head, const char *unit, size_t length,
			     const char *wanted)
{
	char *bytes = repeated(head, unit, length);

	parse_refused(bytes, length, wanted);
	free(bytes);
}

static void load_largest_file_accepted_one_more_byte_refused(void **state)
{
	char *bytes = repeated("version: 1\n", "# comment\n", POLICY_FILE_MAX + 1);
	struct policy *policy;

	(void)state;
	assert_int_equal(parse(bytes, POLICY_FILE_MAX, &policy), 0);
	policy_free(policy);
	parse_refused(bytes, POLICY_FILE_MAX + 1,
		      "p.yaml: 1048577 bytes; a policy has at most 1048576 (1 MiB)\n");
	free(bytes);
}

static void load_jumbo_nesting_refused(void **state)
{
	(void)state;
	repeated_refused("version: 1\nx: ", "[", POLICY_FILE_MAX, "p.yaml:2:19: lists and mapp");
	repeated_refused("version: 1\nx: ", "{a: ", POLICY_FILE_MAX, "p.yaml:2:64: lists and mapp");
	repeated_refused("", "- ", POLICY_FILE_MAX, "p.yaml:1:33: lists and mapp");
	repeated_refused("", "? ", POLICY_FILE_MAX, "p.yaml:1:3: a list or mapping where a key");
}

static void load_too_many_entries_refused(void **state)
{
	(void)state;
	repeated_refused("version: 1\nx:\n", "- a\n", POLICY_FILE_MAX,
			 "p.yaml:32766:3: too many entries in this file\n");
	repeated_refused("", "? a\n", 4 * 65, "p.yaml:65:3: too many keys in one mapping\n");
}

static void load_caps_refused(void **state)
{
	static const struct { const char *head, *unit, *wanted; uint32_t cap; } caps[] = {
		{ "version: 1\ndevices:\n", "- a\n", "1025 entries in 'devices'", 1024 },
		{ "version: 1\nregions:\n", "- a\n", "1025 entries in 'regions'", 1024 },
		{ "version: 1\nclients:\n", "- a\n", "1025 entries in 'clients'", 1024 },
		{ "version: 1\nstatic:\n", "- a\n", "4097 entries in 'static'", 4096 },
		{ "version: 1\nunits:\n", "- a\n", "65 entries in 'units'", 64 },
		{ "version: 1\nclients:\n- name: a\n  uid: 1\n  windows:\n", "  - a\n",
		  "65 entries in 'windows'", 64 },
		{ "version: 1\nclients:\n- name: a\n  uid: 1\n  attach:\n", "  - a\n",
		  "1025 entries in 'attach'", 1024 },
		{ "version: 1\nclients:\n- name: a\n  uid: 1\n  rights:\n", "  - admin\n",
		  "5 entries in 'rights'", 4 },
	};
	struct policy *policy;
	char *bytes;
	size_t i, length;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(caps); i++) {
		length = strlen(caps[i].head) + (caps[i].cap + 1) * strlen(caps[i].unit);
		bytes = repeated(caps[i].head, caps[i].unit, length);
		assert_int_equal(parse(bytes, length, &policy), -EINVAL);
		if (!strstr(report.text, caps[i].wanted))
			fail_msg("wanted %s, got %s", caps[i].wanted, report.text);
		free(bytes);
	}
}

/* More words than a report holds: whole problems are left out, and counted. */
static void load_report_full_says_how_many_more(void **state)
{
	char name[3000];
	struct policy *policy;
	size_t length;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(policy_parse(name, "a: 1\nb: 1\nc: 1\nd: 1\n", 20, &policy, &report),
			 -EINVAL);
	length = strlen(report.text);
	assert_in_range(length, 6000, sizeof(report.text) - 1);
	assert_int_equal(report.errors, 5);
	assert_non_null(strstr(report.text, "\n(3 more: mend these first)\n"));
}

/* Bytes changed, dropped and doubled at random: a verdict, never a crash. */
static void load_mutated_example_never_crashes(void **state)
{
	static const char spice[] = "[]{}&*!|>'\"%@`#,:-? \n\t\0xr0";
	size_t length, mutated, i, at;
	char *bytes = file_read("policy/example-full.yaml", &length), *copy = malloc(length + 64);
	uint64_t seed = 88172645463325252;
	struct policy *policy;
	int round, err;

	(void)state;
	for (round = 0; round < 4000; round++) {
		memcpy(copy, bytes, length);
		mutated = length;
		for (i = 0; i < 1 + (unsigned)round % 8; i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			at = (size_t)(seed >> 8) % (mutated - 1);
			if (seed & 1)
				copy[at] = spice[(seed >> 32) % (sizeof(spice) - 1)];
			else if (seed & 2)
				memmove(copy + at, copy + at + 1, --mutated - at);
			else
				copy[at] = copy[(seed >> 40) % mutated];
		}
		err = parse(copy, mutated, &policy);
		assert_true(err == 0 || err == -EINVAL);
		assert_int_equal(err != 0, report.errors != 0);
		assert_non_null(memchr(report.text, '\0', sizeof(report.text)));
		policy_free(policy);
	}
	free(copy);
	free(bytes);
}

#define SINS_MAX 256

static const struct CMUnitTest fixed[] = {
	cmocka_unit_test(load_full_example_every_key_read),
	cmocka_unit_test(load_full_example_defaults_as_written),
	cmocka_unit_test(load_board_example_accepted),
		cmocka_unit_test(load_q35_example_accepted),
	cmocka_unit_test(load_version_alone_allows_nobody),
	cmocka_unit_test(load_windows_line_ends_accepted),
	cmocka_unit_test(load_neighbours_accepted),
	cmocka_unit_test(load_unused_names_warned),
	cmocka_unit_test(load_unsafe_interrupts_of_the_hosts_device_warned),
	cmocka_unit_test(load_module_names_accepted),
	cmocka_unit_test(load_platform_device_without_poll_warned),
	cmocka_unit_test(load_nul_byte_refused),
	cmocka_unit_test(load_byte_order_mark_refused),
	cmocka_unit_test(load_empty_file_refused),
	cmocka_unit_test(load_largest_file_accepted_one_more_byte_refused),
	cmocka_unit_test(load_jumbo_nesting_refused),
	cmocka_unit_test(load_too_many_entries_refused),
	cmocka_unit_test(load_caps_refused),
	cmocka_unit_test(load_report_full_says_how_many_more),
	cmocka_unit_test(load_mutated_example_never_crashes),
};

static int is_sin(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && strcmp(dot, ".yaml") == 0;
}

/* The sins are the data files: a new file needs no line here. */
int main(void)
{
	static struct CMUnitTest tests[SINS_MAX + ARRAY_COUNT(fixed)];
	static char names[SINS_MAX][64];
	struct dirent **entries;
	size_t count = ARRAY_COUNT(fixed);
	int i, found = scandir(DATA, &entries, is_sin, alphasort);

	if (found < 100 || found > SINS_MAX) {
		fprintf(stderr, "%d files in " DATA " (run from the top of the tree)\n", found);
		return 1;
	}
	memcpy(tests, fixed, sizeof(fixed));
	for (i = 0; i < found; i++) {
		*strrchr(entries[i]->d_name, '.') = '\0';
		snprintf(names[i], sizeof(names[i]), "load_%.48s_refused", entries[i]->d_name);
		tests[count++] = (struct CMUnitTest){
			.name = names[i],
			.test_func = sin_refused,
			.initial_state = strdup(entries[i]->d_name),
		};
		free(entries[i]);
	}
	free(entries);
	return _cmocka_run_group_tests("policy_load", tests, count, NULL, NULL) ? 1 : 0;
}
