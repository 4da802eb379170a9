// SPDX-License-Identifier: BSD-2-Clause
// The decision as a table: each permit stands beside its refused twin.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "policy.h"
#include "types.h"

static const char text[] =
	"version: 1\n"
	"units:\n"
	"  - {unit: smmu0, stage: 2}\n"
	"  - {unit: \"*\", stream_table: linear}\n"
	"devices:\n"
	"  - {name: dma0, match: pci:0000:00:02.0}\n"					/* 6 */
	"  - {name: dma1, match: pci:0000:00:03.0}\n"
	"  - {name: disk, match: pci:0000:00:1f.2, host: identity}\n"			/* 8 */
	"  - {name: plat, match: mmio:0x1000+0x100, quiesce: "
	"{poll: {bar: 0, offset: 0x0, mask: 0x1, value: 0x0}}}\n"
	"regions:\n"
	"  - {name: doorbell, address: 0x8090000, size: 4KiB, rights: rw}\n"		/* 11 */
	"  - {name: sram, address: 0x9000000, size: 4KiB, rights: r}\n"
	"clients:\n"
	"  - {name: driver, uid: 1000, attach: [dma0, plat], regions: [doorbell],\n"	/* 14 */
	"     windows: [{iova: 0x1000, size: 8KiB}, {iova: 0x3000, size: 4KiB}]}\n"
	"  - {name: admin, uid: 0, rights: [admin]}\n"					/* 16 */
	"  - {name: observer, gid: 50, rights: [observe]}\n"				/* 17 */
	"  - {name: narrow, uid: 1001, exe: /usr/bin/edu, attach: [dma1]}\n"		/* 18 */
	"  - {name: target, uid: 1002, rights: [target]}\n"				/* 19 */
	"  - {name: free, uid: 1003, attach: [dma1], regions: [sram]}\n";		/* 20 */

static struct policy *policy;

static int policy_make(void **state)
{
	static struct policy_report report;

	(void)state;
	return policy_parse("t.yaml", text, strlen(text), &policy, &report);
}

static int policy_drop(void **state)
{
	(void)state;
	policy_free(policy);
	return 0;
}

#define RW (RIGHT_READ | RIGHT_WRITE)

static const struct row {
	const char *name;
	struct policy_who who;
	enum policy_verb verb;
	const char *device; /* or the region, for POLICY_MAP and POLICY_REGION */
	uint64_t iova, length;
	unsigned rights;
	bool allowed;
	uint32_t line;
	const char *text;
} rows[] = {
	{ "connect_known_uid_allowed", { 1000, 1, NULL }, POLICY_CONNECT, NULL, 0, 0, 0, true, 14,
	  "clients[0] 'driver' (line 14) may connect" },
	{ "connect_unknown_uid_refused", { 1009, 1, NULL }, POLICY_CONNECT, NULL, 0, 0, 0, false,
	  0,
	  "no rule is for uid 1009, gid 1; add one with uid: 1009 to clients: of the policy" },
	{ "connect_known_gid_allowed", { 1009, 50, NULL }, POLICY_CONNECT, NULL, 0, 0, 0, true, 17,
	  "clients[2] 'observer' (line 17) may connect" },
	{ "connect_gid_given_as_uid_refused", { 50, 1, NULL }, POLICY_CONNECT, NULL, 0, 0, 0, false,
	  0, NULL },
	{ "connect_target_only_allowed", { 1002, 1, NULL }, POLICY_CONNECT, NULL, 0, 0, 0, true, 19,
	  NULL },
	{ "connect_right_program_allowed", { 1001, 1, "/usr/bin/edu" }, POLICY_CONNECT, NULL, 0, 0,
	  0, true, 18, NULL },
	{ "connect_other_program_refused", { 1001, 1, "/bin/sh" }, POLICY_CONNECT, NULL, 0, 0, 0,
	  false, 0,
	  "clients[3] 'narrow' (line 18) is for /usr/bin/edu alone, and this is /bin/sh" },
	{ "connect_unreadable_program_refused", { 1001, 1, NULL }, POLICY_CONNECT, NULL, 0, 0, 0,
	  false, 0,
	  "clients[3] 'narrow' (line 18) is for /usr/bin/edu alone, and this is a program that "
	  "could not be read" },
	{ "connect_program_of_other_uid_refused", { 1009, 1, "/usr/bin/edu" }, POLICY_CONNECT, NULL,
	  0, 0, 0, false, 0, NULL },
	{ "connect_two_rules_refused", { 1000, 50, NULL }, POLICY_CONNECT, NULL, 0, 0, 0, false, 17,
	  "clients[0] 'driver' (line 14) and clients[2] 'observer' (line 17) both match uid 1000, "
	  "gid 50; change one: no rule wins silently" },
	{ "connect_no_uid_refused", { POLICY_ANY, POLICY_ANY, NULL }, POLICY_CONNECT, NULL, 0, 0, 0,
	  false, 0, NULL },
	{ "observe_observer_allowed", { 1009, 50, NULL }, POLICY_OBSERVE, NULL, 0, 0, 0, true, 17,
	  "clients[2] 'observer' (line 17) may see everybody's objects" },
	{ "observe_admin_allowed", { 0, 0, NULL }, POLICY_OBSERVE, NULL, 0, 0, 0, true, 16, NULL },
	{ "observe_driver_refused", { 1000, 1, NULL }, POLICY_OBSERVE, NULL, 0, 0, 0, false, 14,
	  "clients[0] 'driver' (line 14) has no right 'observe'; add it to its rights:" },
	{ "admin_admin_allowed", { 0, 0, NULL }, POLICY_ADMIN, NULL, 0, 0, 0, true, 16,
	  "clients[1] 'admin' (line 16) may release devices" },
	{ "admin_observer_refused", { 1009, 50, NULL }, POLICY_ADMIN, NULL, 0, 0, 0, false, 17,
	  "clients[2] 'observer' (line 17) has no right 'admin'; add it to its rights:" },
	{ "attach_listed_device_allowed", { 1000, 1, NULL }, POLICY_ATTACH, "pci:0000:00:02.0", 0,
	  0, 0, true, 14, "clients[0] 'driver' (line 14) may attach 'dma0' (line 6)" },
	{ "attach_platform_device_allowed", { 1000, 1, NULL }, POLICY_ATTACH, "mmio:0x1000+0x100",
	  0, 0, 0, true, 14, NULL },
	{ "attach_other_device_refused", { 1000, 1, NULL }, POLICY_ATTACH, "00:03.0", 0, 0, 0,
	  false, 14,
	  "no rule lets uid 1000 attach pci:0000:00:03.0; add 'dma1' to attach: of 'driver' (line "
	  "14)" },
	{ "attach_unknown_device_refused", { 1000, 1, NULL }, POLICY_ATTACH, "00:04.0", 0, 0, 0,
	  false, 14,
	  "no rule lets uid 1000 attach pci:0000:00:04.0; add it to devices:, and its name to "
	  "attach: of 'driver' (line 14)" },
	{ "attach_host_device_refused", { 1000, 1, NULL }, POLICY_ATTACH, "00:1f.2", 0, 0, 0, false,
	  14,
	  "'disk' (line 8) stays open for the host: no client can attach pci:0000:00:1f.2" },
	{ "attach_admin_alone_refused", { 0, 0, NULL }, POLICY_ATTACH, "00:02.0", 0, 0, 0, false,
	  16, "clients[1] 'admin' (line 16) has no right 'attach'; add it to its rights:" },
	{ "attach_stranger_refused", { 1009, 1, NULL }, POLICY_ATTACH, "00:02.0", 0, 0, 0, false, 0,
	  NULL },
	{ "attach_no_device_refused", { 1000, 1, NULL }, POLICY_ATTACH, NULL, 0, 0, 0, false, 14,
	  "the question names nothing the policy knows" },
	{ "map_inside_window_allowed", { 1000, 1, NULL }, POLICY_MAP, NULL, 0x1000, 0x2000, RW,
	  true, 14, "clients[0] 'driver' (line 14) may map 0x1000..0x2fff" },
	{ "map_below_window_refused", { 1000, 1, NULL }, POLICY_MAP, NULL, 0xfff, 0x1000, RW, false,
	  14,
	  "no window of 'driver' (line 14) holds 0xfff..0x1ffe; widen its windows: or map "
	  "elsewhere" },
	{ "map_across_two_windows_refused", { 1000, 1, NULL }, POLICY_MAP, NULL, 0x2000, 0x2000, RW,
	  false, 14, NULL },
	{ "map_without_windows_allowed", { 1003, 1, NULL }, POLICY_MAP, NULL, 0, 0x1000, RW, true,
	  20, NULL },
	{ "map_wrapping_refused", { 1003, 1, NULL }, POLICY_MAP, NULL, ~UINT64_C(0xfff), 0x2000, RW,
	  false, 20,
	  "a mapping at 0xfffffffffffff000 of 0x2000 bytes is empty or runs past the last "
	  "address" },
	{ "map_last_page_allowed", { 1003, 1, NULL }, POLICY_MAP, NULL, ~UINT64_C(0xfff), 0x1000,
	  RW, true, 20, NULL },
	{ "map_empty_refused", { 1003, 1, NULL }, POLICY_MAP, NULL, 0, 0, RW, false, 20, NULL },
	{ "map_without_rights_refused", { 1003, 1, NULL }, POLICY_MAP, NULL, 0, 0x1000, 0, false,
	  20, "a mapping needs rights of read, write and execute" },
	{ "map_unknown_right_refused", { 1003, 1, NULL }, POLICY_MAP, NULL, 0, 0x1000, 8, false, 20,
	  NULL },
	{ "map_observer_refused", { 1009, 50, NULL }, POLICY_MAP, NULL, 0, 0x1000, RW, false, 17,
	  NULL },
	{ "map_region_allowed", { 1000, 1, NULL }, POLICY_MAP, "doorbell", 0x1000, 0x1000, RW, true,
	  14, "clients[0] 'driver' (line 14) may map 0x1000..0x1fff to region doorbell" },
	{ "map_region_beyond_its_end_refused", { 1000, 1, NULL }, POLICY_MAP, "doorbell", 0x1000,
	  0x2000, RW, false, 14, "region 'doorbell' (line 11) is shorter than the mapping" },
	{ "map_region_beyond_its_rights_refused", { 1003, 1, NULL }, POLICY_MAP, "sram", 0, 0x1000,
	  RW, false, 20, "the rights asked for go beyond those of region 'sram' (line 12)" },
	{ "map_region_within_its_rights_allowed", { 1003, 1, NULL }, POLICY_MAP, "sram", 0, 0x1000,
	  RIGHT_READ, true, 20, NULL },
	{ "map_region_outside_window_refused", { 1000, 1, NULL }, POLICY_MAP, "doorbell", 0x8000,
	  0x1000, RW, false, 14, NULL },
	{ "region_listed_allowed", { 1000, 1, NULL }, POLICY_REGION, "doorbell", 0, 0, 0, true, 14,
	  "clients[0] 'driver' (line 14) may use region 'doorbell' (line 11)" },
	{ "region_not_listed_refused", { 1000, 1, NULL }, POLICY_REGION, "sram", 0, 0, 0, false, 14,
	  "no rule lets uid 1000 use region 'sram'; add it to regions: of 'driver' (line 14)" },
	{ "region_unknown_refused", { 1000, 1, NULL }, POLICY_REGION, "rom", 0, 0, 0, false, 14,
	  "the policy has no region 'rom'" },
	{ "region_unnamed_refused", { 1000, 1, NULL }, POLICY_REGION, NULL, 0, 0, 0, false, 14,
	  NULL },
	{ "region_admin_alone_refused", { 0, 0, NULL }, POLICY_REGION, "doorbell", 0, 0, 0, false,
	  16, NULL },
	{ "unknown_verb_refused", { 0, 0, NULL }, (enum policy_verb)99, NULL, 0, 0, 0, false, 16,
	  "the question names nothing the policy knows" },
};

static void row_decided(void **state)
{
	const struct row *row = *state;
	struct policy_ask ask = { row->verb, NULL, row->iova, row->length, row->rights, NULL };
	struct policy_answer answer, again;
	struct devname device;

	if (row->verb == POLICY_MAP || row->verb == POLICY_REGION) {
		ask.region = row->device;
	} else if (row->device) {
		assert_int_equal(devname_parse(row->device, &device), 0);
		ask.device = &device;
	}
	policy_decide(policy, &row->who, &ask, &answer);
	if (row->text)
		assert_string_equal(answer.text, row->text);
	assert_int_equal(answer.allowed, row->allowed);
	assert_int_equal(answer.line, row->line);
	assert_int_not_equal(answer.text[0], '\0');
	policy_decide(policy, &row->who, &ask, &again);
	assert_string_equal(answer.text, again.text);
}

static void decide_attach_index_is_of_the_device(void **state)
{
	const struct policy_who who = { 1000, 1, NULL };
	struct policy_ask ask = { .verb = POLICY_ATTACH };
	struct policy_answer answer;
	struct devname device;

	(void)state;
	devname_parse("mmio:0x1000+0x100", &device);
	ask.device = &device;
	policy_decide(policy, &who, &ask, &answer);
	assert_int_equal(answer.index, 3);
	assert_ptr_equal(answer.rule, &policy->clients[0]);
	ask = (struct policy_ask){ .verb = POLICY_CONNECT };
	policy_decide(policy, &who, &ask, &answer);
	assert_int_equal(answer.index, POLICY_ANY);
}

static void decide_empty_policy_refuses_everything(void **state)
{
	static const struct policy nothing;
	const struct policy_who root = { 0, 0, "/sbin/init" };
	struct policy_answer answer;
	struct devname device;
	unsigned verb;

	(void)state;
	devname_parse("00:02.0", &device);
	for (verb = 0; verb < 8; verb++) {
		struct policy_ask ask = { (enum policy_verb)verb, &device, 0, 4096, RW,
					  "doorbell" };

		policy_decide(&nothing, &root, &ask, &answer);
		assert_false(answer.allowed);
		assert_null(answer.rule);
		assert_int_equal(answer.line, 0);
	}
}

static void decide_longest_names_cut_not_overrun(void **state)
{
	static char name[48], path[92];
	struct policy_device device = { .match = { .kind = DEVNAME_DT }, .line = UINT32_MAX };
	struct policy_client client = { .uid = UINT32_MAX - 1, .gid = POLICY_ANY,
					.rights = POLICY_RIGHT_ATTACH, .line = UINT32_MAX };
	struct policy longest = { .devices = &device, .device_count = 1, .clients = &client,
				  .client_count = 1 };
	const struct policy_who who = { UINT32_MAX - 1, 0, NULL };
	const struct policy_ask ask = { .verb = POLICY_ATTACH, .device = &device.match };
	struct policy_answer answer;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	memset(path, 'p', sizeof(path) - 1);
	path[0] = '/';
	memcpy(device.name, name, sizeof(name));
	memcpy(client.name, name, sizeof(name));
	memcpy(device.match.path, path, sizeof(path));
	policy_decide(&longest, &who, &ask, &answer);
	assert_false(answer.allowed);
	assert_int_equal(strlen(answer.text), sizeof(answer.text) - 1);
}

static void window_edges_exact(void **state)
{
	const struct policy_client *driver = &policy->clients[0], *unbound = &policy->clients[5];

	(void)state;
	assert_true(policy_window_allows(driver, 0x1000, 0x2000));
	assert_true(policy_window_allows(driver, 0x2fff, 1));
	assert_false(policy_window_allows(driver, 0x2fff, 2));
	assert_false(policy_window_allows(driver, 0xfff, 2));
	assert_false(policy_window_allows(driver, 0x1000, 0));
	assert_false(policy_window_allows(driver, 0x1000, UINT64_MAX));
	assert_true(policy_window_allows(unbound, 0, UINT64_MAX));
	assert_true(policy_window_allows(unbound, 1, UINT64_MAX));
	assert_false(policy_window_allows(unbound, 2, UINT64_MAX));
	assert_false(policy_window_allows(unbound, 1, 0));
}

static void find_device_other_name_of_it_not_found(void **state)
{
	struct devname name;

	(void)state;
	devname_parse("0000:00:02.0", &name);
	assert_ptr_equal(policy_find_device(policy, &name), &policy->devices[0]);
	devname_parse("0001:00:02.0", &name);
	assert_null(policy_find_device(policy, &name));
	devname_parse("mmio:0x1000+0x101", &name);
	assert_null(policy_find_device(policy, &name));
}

static void unit_options_own_entry_before_star(void **state)
{
	static const struct policy nothing;

	(void)state;
	assert_int_equal(policy_unit_options(policy, "smmu0").stage, POLICY_STAGE_2);
	assert_int_equal(policy_unit_options(policy, "smmu0").table, POLICY_TABLE_ANY);
	assert_int_equal(policy_unit_options(policy, "smmu1").stage, POLICY_STAGE_ANY);
	assert_int_equal(policy_unit_options(policy, "smmu1").table, POLICY_TABLE_LINEAR);
	assert_int_equal(policy_unit_options(&nothing, "smmu0").table, POLICY_TABLE_ANY);
}

static void free_nothing_harmless(void **state)
{
	(void)state;
	policy_free(NULL);
}

int main(void)
{
	static const struct CMUnitTest fixed[] = {
		cmocka_unit_test(decide_attach_index_is_of_the_device),
		cmocka_unit_test(decide_empty_policy_refuses_everything),
		cmocka_unit_test(decide_longest_names_cut_not_overrun),
		cmocka_unit_test(window_edges_exact),
		cmocka_unit_test(find_device_other_name_of_it_not_found),
		cmocka_unit_test(unit_options_own_entry_before_star),
		cmocka_unit_test(free_nothing_harmless),
	};
	static struct CMUnitTest tests[ARRAY_COUNT(rows) + ARRAY_COUNT(fixed)];
	static char names[ARRAY_COUNT(rows)][80];
	size_t i;

	memcpy(tests, fixed, sizeof(fixed));
	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		strcpy(names[i], "decide_");
		strcat(names[i], rows[i].name);
		tests[ARRAY_COUNT(fixed) + i] = (struct CMUnitTest){
			.name = names[i],
			.test_func = row_decided,
			.initial_state = (void *)(uintptr_t)&rows[i],
		};
	}
	return _cmocka_run_group_tests("policy", tests, ARRAY_COUNT(tests), policy_make,
				       policy_drop);
}
