// SPDX-License-Identifier: BSD-2-Clause
/* F59: PCI functions that lie about themselves. Bridges: test_pci_bridges.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "scan_fixture.h"

static void scan_plain_functions_are_found_with_stream_and_window(void **state)
{
	static char text[4096];
	struct scan_rig *rig = *state;

	pci_fake_set_bar(scan_add(rig, 0, 2, 0), 0, 0x10000000, 1 << 20, 0);
	pci_fake_set_bar(scan_add(rig, 0, 31, 0), 2, UINT64_C(0x8000000000), UINT64_C(1) << 33, 0xc);
	scan_all(rig);
	topology_text(&rig->topology, text, sizeof(text));
	assert_non_null(strstr(text, "device pci:0000:00:02.0 1234:11e8\n"
				     "  on smmu0 stream 0x10\n"
				     "  window 0 0x10000000+0x100000\n"
				     "device pci:0000:00:1f.0 1234:11e8\n"
				     "  on smmu0 stream 0xf8\n"
				     "  window 2 0x8000000000+0x200000000\n"));
	assert_int_equal(rig->topology.device_count, 3);
	assert_int_equal(scan_find(rig, "00:02.0")->config, MACHINE_FAKE_ECAM + (2 << 15));
}

static void scan_leaves_bars_and_command_as_they_were(void **state)
{
	struct scan_rig *rig = *state;
	struct pci_fake_function *function = scan_add(rig, 0, 2, 0);
	uint8_t before[4096];

	pci_fake_set_bar(function, 0, 0x10000000, 1 << 20, 0);
	pci_fake_set_bar(function, 4, UINT64_C(0x123400000000), 1 << 16, 4);
	pci_fake_set(function, 4, 2, 0x407);
	memcpy(before, function->bytes, sizeof(before));
	scan_all(rig);
	assert_memory_equal(before, function->bytes, sizeof(before));
	assert_int_equal(rig->pci->decoded_bar_writes, 0);
	assert_true(rig->pci->writes > 0);
}

static void scan_function_outside_iommu_map_has_no_unit(void **state)
{
	struct scan_rig *rig = *state;

	rig->topology.maps[0].length = 0x10;
	scan_add(rig, 0, 2, 0);
	scan_all(rig);
	scan_expect_unusable(rig, "00:02.0", "no IOMMU covers it");
	assert_int_equal(scan_find(rig, "00:02.0")->unit, TOPOLOGY_NO_UNIT);
	assert_int_equal(scan_find(rig, "00:02.0")->stream_count, 0);
}

static void scan_map_with_offset_gives_that_stream(void **state)
{
	struct scan_rig *rig = *state;

	rig->topology.maps[0] = (struct topology_map){ .rid = 0x10, .stream = 0x500, .length = 8 };
	scan_add(rig, 0, 2, 0);
	scan_all(rig);
	assert_int_equal(scan_find(rig, "00:02.0")->stream, 0x500);
}

static void scan_mask_that_merges_streams_makes_a_group(void **state)
{
	struct scan_rig *rig = *state;

	rig->topology.bridges[0].map_mask = 0xff00;
	scan_add(rig, 0, 2, 0);
	scan_add(rig, 0, 3, 0);
	scan_all(rig);
	scan_expect_usable(rig, "00:02.0");
	scan_expect_usable(rig, "00:03.0");
	scan_expect_one_group(rig, "00:02.0", "00:03.0");
}

static void scan_stream_of_a_platform_device_makes_a_group(void **state)
{
	struct scan_rig *rig = *state;

	rig->topology.maps[0].stream = MACHINE_FAKE_PLATFORM_STREAM - 0x10;
	scan_add(rig, 0, 2, 0);
	scan_add(rig, 0, 3, 0);
	scan_all(rig);
	scan_expect_usable(rig, "00:02.0");
	scan_expect_usable(rig, "dt:/dma@a000000");
	scan_expect_one_group(rig, "00:02.0", "dt:/dma@a000000");
	assert_int_not_equal(scan_find(rig, "00:03.0")->group, scan_find(rig, "00:02.0")->group);
}

static void scan_absent_functions_are_not_found(void **state)
{
	struct scan_rig *rig = *state;

	pci_fake_set(scan_add(rig, 0, 2, 0), 0, 4, UINT32_MAX);
	pci_fake_set(scan_add(rig, 0, 3, 0), 0, 4, 0);
	scan_all(rig);
	assert_int_equal(rig->topology.device_count, 1);
}

static void scan_functions_of_a_single_function_device_are_not_asked(void **state)
{
	struct scan_rig *rig = *state;

	scan_add(rig, 0, 2, 0);
	scan_add(rig, 0, 2, 3);
	scan_all(rig);
	assert_int_equal(rig->topology.device_count, 2);
	scan_expect_usable(rig, "00:02.0");
}

static void scan_several_functions_without_acs_are_unusable(void **state)
{
	struct scan_rig *rig = *state;

	scan_add(rig, 0, 2, 0)->bytes[0x0e] = 0x80;
	scan_add(rig, 0, 2, 7);
	scan_all(rig);
	scan_expect_unusable(rig, "00:02.0", "several functions of a device without ACS");
	scan_expect_unusable(rig, "00:02.7", "several functions of a device without ACS");
}

static void scan_one_function_without_acs_spoils_its_neighbours(void **state)
{
	struct scan_rig *rig = *state;
	struct pci_fake_function *first = scan_add(rig, 0, 2, 0), *last;

	first->bytes[0x0e] = 0x80;
	pci_fake_make_express(first, 0, false);
	pci_fake_add_acs(first, ALL_ACS);
	scan_add(rig, 0, 2, 1);
	scan_add(rig, 0, 3, 0)->bytes[0x0e] = 0x80;
	last = scan_add(rig, 0, 3, 1);
	pci_fake_make_express(last, 0, false);
	pci_fake_add_acs(last, ALL_ACS);
	scan_all(rig);
	scan_expect_unusable(rig, "00:02.0", "several functions");
	scan_expect_unusable(rig, "00:03.1", "several functions");
}

static void scan_several_functions_with_acs_are_usable(void **state)
{
	struct scan_rig *rig = *state;
	struct pci_fake_function *functions[2] = { scan_add(rig, 0, 2, 0), scan_add(rig, 0, 2, 1) };
	int i;

	functions[0]->bytes[0x0e] = 0x80;
	for (i = 0; i < 2; i++) {
		pci_fake_make_express(functions[i], 0, false);
		pci_fake_add_acs(functions[i], ALL_ACS);
	}
	scan_all(rig);
	scan_expect_usable(rig, "00:02.0");
	scan_expect_usable(rig, "00:02.1");
	assert_int_equal(pci_fake_get(functions[1], 0x106, 2), ALL_ACS);
}

static void scan_lone_function_of_a_multi_function_device_is_usable(void **state)
{
	struct scan_rig *rig = *state;

	scan_add(rig, 0, 2, 0)->bytes[0x0e] = 0x80;
	scan_all(rig);
	scan_expect_usable(rig, "00:02.0");
}

static void make_unit(struct scan_rig *rig, uint32_t rid)
{
	rig->topology.units[1] = (struct topology_unit){ .name = "viommu0",
							 .path = "VIOT+0x30",
							 .compatible = "virtio,pci-iommu",
							 .is_pci = true, .rid = rid };
	rig->topology.unit_count = 2;
}

static void scan_function_that_is_an_iommu_is_the_units_and_unusable(void **state)
{
	struct scan_rig *rig = *state;
	struct pci_fake_function *function = scan_add(rig, 0, 3, 0);

	make_unit(rig, 0x18);
	pci_fake_set_bar(function, 1, 0x10000000, 0x1000, 0);
	pci_fake_set_bar(function, 4, 0x10004000, 0x4000, 0xc);
	scan_all(rig);
	scan_expect_unusable(rig, "00:03.0", "it is an IOMMU itself: viommu0");
	assert_int_equal(scan_find(rig, "00:03.0")->unit, TOPOLOGY_NO_UNIT);
	assert_int_equal(rig->topology.units[1].config, MACHINE_FAKE_ECAM + (3 << 15));
	assert_int_equal(rig->topology.units[1].base, 0x10004000);
	assert_int_equal(rig->topology.units[1].size, 0x4000);
}

static void scan_without_the_function_of_an_iommu_is_refused(void **state)
{
	struct scan_rig *rig = *state;

	make_unit(rig, 0x20);
	scan_add(rig, 0, 3, 0);
	scan_add(rig, 0, 4, 0);
	rig->topology.units[1].segment = 1;
	assert_int_equal(topology_scan_pci(rig->machine, &rig->topology, &rig->err), -EINVAL);
	assert_string_equal(rig->err.text, "viommu0 (VIOT+0x30) is to be the PCI function "
					   "0001:00:04.0, which is not there");
}

/* An IOMMU that is a PCI function would stop serving. */
static void scan_never_switches_bus_mastering_off(void **state)
{
	struct scan_rig *rig = *state;
	struct pci_fake_function *function = scan_add(rig, 0, 2, 0);

	pci_fake_set_bar(function, 0, 0x10000000, 1 << 20, 0);
	pci_fake_set(function, 4, 2, 0x7);
	scan_all(rig);
	assert_true(rig->pci->writes > 0);
	assert_int_equal(rig->pci->mastering_stops, 0);
	assert_int_equal(rig->pci->decoded_bar_writes, 0);
}

static void scan_bar_above_what_an_address_may_be_is_unusable(void **state)
{
	struct scan_rig *rig = *state;

	pci_fake_set_bar(scan_add(rig, 0, 2, 0), 0, UINT64_C(1) << MACHINE_PART_SHIFT, 0x1000, 4);
	scan_all(rig);
	scan_expect_unusable(rig, "00:02.0", "which no BAR can have");
	assert_int_equal(scan_find(rig, "00:02.0")->windows[0].size, 0);
}

static void scan_header_type_unknown_is_unusable(void **state)
{
	struct scan_rig *rig = *state;

	scan_add(rig, 0, 2, 0)->bytes[0x0e] = 0x02;
	scan_add(rig, 0, 3, 0)->bytes[0x0e] = 0x7f;
	scan_all(rig);
	scan_expect_unusable(rig, "00:02.0", "header type 0x2 is none smmuman knows");
	scan_expect_unusable(rig, "00:03.0", "header type 0x7f is none smmuman knows");
}

static void scan_function_of_all_ones_but_its_id_is_unusable(void **state)
{
	struct scan_rig *rig = *state;
	struct pci_fake_function *function = scan_add(rig, 0, 2, 0);

	memset(function->bytes + 4, 0xff, sizeof(function->bytes) - 4);
	memset(function->writable, 0, sizeof(function->writable));
	scan_all(rig);
	scan_expect_unusable(rig, "00:02.0", "reads all ones");
}

static void scan_looped_capabilities_are_unusable(void **state)
{
	struct scan_rig *rig = *state;
	struct pci_fake_function *function = scan_add(rig, 0, 2, 0);

	pci_fake_add_cap(function, 0x40, 0x09);
	function->bytes[0x41] = 0x40;
	scan_all(rig);
	scan_expect_unusable(rig, "00:02.0", "its capability list comes back to 0x40");
}

static void scan_port_bars_and_empty_bars_are_skipped(void **state)
{
	struct scan_rig *rig = *state;
	struct pci_fake_function *function = scan_add(rig, 0, 2, 0);

	pci_fake_set(function, 0x10, 4, 0xc001);
	memset(&function->writable[0x10], 0xff, 4);
	pci_fake_set_bar(function, 1, 0x20000000, 4096, 0);
	pci_fake_set_bar(function, 2, 0, 4096, 0);
	scan_all(rig);
	assert_int_equal(scan_find(rig, "00:02.0")->windows[0].size, 0);
	assert_int_equal(scan_find(rig, "00:02.0")->windows[1].size, 4096);
	assert_int_equal(scan_find(rig, "00:02.0")->windows[2].size, 0);
	scan_expect_usable(rig, "00:02.0");
}

static void scan_bar_without_second_half_is_unusable(void **state)
{
	struct scan_rig *rig = *state;

	pci_fake_set(scan_add(rig, 0, 2, 0), 0x24, 4, 0x4);
	scan_all(rig);
	scan_expect_unusable(rig, "00:02.0", "its BAR 5 has no second half");
}

static void scan_bar_with_holes_in_its_size_is_unusable(void **state)
{
	struct scan_rig *rig = *state;
	struct pci_fake_function *function = scan_add(rig, 0, 2, 0);

	pci_fake_set_bar(function, 0, 0x10000000, 1 << 20, 0);
	function->writable[0x12] = 0x50;
	scan_all(rig);
	scan_expect_unusable(rig, "00:02.0", "which no BAR can have");
}

static void scan_window_over_what_is_not_its_own_is_unusable(void **state)
{
	struct scan_rig *rig = *state;

	pci_fake_set_bar(scan_add(rig, 0, 2, 0), 0, HW_FAKE_BASE & ~0xfffffu, 1 << 20, 0);
	pci_fake_set_bar(scan_add(rig, 0, 3, 0), 0, MACHINE_FAKE_ECAM, 1 << 20, 4);
	pci_fake_set_bar(scan_add(rig, 0, 4, 0), 0, HW_FAKE_PA, 4096, 0);
	pci_fake_set_bar(scan_add(rig, 0, 5, 0), 0, MACHINE_FAKE_PLATFORM, 4096, 0);
	scan_all(rig);
	scan_expect_unusable(rig, "00:02.0", "at 0x9000000 lies over an IOMMU's registers");
	scan_expect_unusable(rig, "00:03.0", "lies over PCI configuration space");
	scan_expect_unusable(rig, "00:04.0", "lies over memory");
	scan_expect_unusable(rig, "00:05.0", "shares the registers at 0xa000000 with dt:/dma@a000000");
	scan_expect_unusable(rig, "dt:/dma@a000000", "with pci:0000:00:05.0");
}

/* A device no IOMMU covers may be the same thing as a platform device. */
static void scan_window_shared_with_an_unusable_device_is_usable(void **state)
{
	struct scan_rig *rig = *state;

	rig->topology.maps[0].length = 0x10;
	pci_fake_set_bar(scan_add(rig, 0, 2, 0), 0, MACHINE_FAKE_PLATFORM, 4096, 0);
	scan_all(rig);
	scan_expect_unusable(rig, "00:02.0", "no IOMMU covers it");
	scan_expect_usable(rig, "dt:/dma@a000000");
}

static void scan_function_level_reset_is_seen_both_ways(void **state)
{
	struct scan_rig *rig = *state;
	struct pci_fake_function *af = scan_add(rig, 0, 3, 0);

	pci_fake_make_express(scan_add(rig, 0, 2, 0), 0, true);
	pci_fake_add_cap(af, 0x40, 0x13);
	af->bytes[0x43] = 0x02;
	pci_fake_make_express(scan_add(rig, 0, 4, 0), 0, false);
	scan_all(rig);
	assert_true(scan_find(rig, "00:02.0")->has_flr);
	assert_true(scan_find(rig, "00:03.0")->has_flr);
	assert_false(scan_find(rig, "00:04.0")->has_flr);
}

static void scan_more_functions_than_fit_is_refused(void **state)
{
	struct scan_rig *rig = *state;
	uint32_t bus, slot, number;

	for (bus = 0; bus < 3; bus++)
		for (slot = 0; slot < 32; slot++)
			for (number = 0; number < 8; number++)
				scan_add(rig, bus, slot, number)->bytes[0x0e] = 0x80;
	pci_fake_make_bridge(pci_fake_find(rig->pci, 0, 0, 0), 1, 1);
	pci_fake_make_bridge(pci_fake_find(rig->pci, 0, 1, 0), 2, 2);
	assert_int_equal(topology_scan_pci(rig->machine, &rig->topology, &rig->err), -ENOSPC);
	assert_string_equal(rig->err.text,
			    "/pcie@4010000000: pci:0000:02:01.5 is one device too many: this "
			    "smmuman knows 512 at most");
}

/* Random bytes for functions on three buses: whatever comes is in bounds. */
static void scan_random_functions_are_valid_or_refused(void **state)
{
	struct scan_rig *rig = *state;
	struct topology clean = rig->topology;
	struct pci_fake_function *function;
	uint64_t seed = 1;
	uint32_t round, i;

	for (i = 0; i < 12; i++)
		scan_add(rig, i % 3, i / 3, 0);
	for (round = 0; round < 200; round++) {
		for (function = rig->pci->functions; function; function = function->next)
			for (i = 4; i < sizeof(function->bytes); i++) {
				seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
				function->bytes[i] = (uint8_t)(seed >> 56);
				function->writable[i] = (uint8_t)(seed >> 48);
				if (i == 0x0e && round % 2)
					function->bytes[i] &= 0x81;
				if (i == 0x19)
					function->bytes[i] &= 0x03;
			}
		rig->topology = clean;
		if (topology_scan_pci(rig->machine, &rig->topology, &rig->err) == 0)
			assert_true(topology_is_valid(&rig->topology));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scan_setup, scan_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(scan_plain_functions_are_found_with_stream_and_window),
		TEST(scan_leaves_bars_and_command_as_they_were),
		TEST(scan_function_outside_iommu_map_has_no_unit),
		TEST(scan_map_with_offset_gives_that_stream),
		TEST(scan_mask_that_merges_streams_makes_a_group),
		TEST(scan_stream_of_a_platform_device_makes_a_group),
		TEST(scan_absent_functions_are_not_found),
		TEST(scan_functions_of_a_single_function_device_are_not_asked),
		TEST(scan_several_functions_without_acs_are_unusable),
		TEST(scan_one_function_without_acs_spoils_its_neighbours),
		TEST(scan_several_functions_with_acs_are_usable),
		TEST(scan_lone_function_of_a_multi_function_device_is_usable),
		TEST(scan_function_that_is_an_iommu_is_the_units_and_unusable),
		TEST(scan_without_the_function_of_an_iommu_is_refused),
		TEST(scan_never_switches_bus_mastering_off),
		TEST(scan_bar_above_what_an_address_may_be_is_unusable),
		TEST(scan_header_type_unknown_is_unusable),
		TEST(scan_function_of_all_ones_but_its_id_is_unusable),
		TEST(scan_looped_capabilities_are_unusable),
		TEST(scan_port_bars_and_empty_bars_are_skipped),
		TEST(scan_bar_without_second_half_is_unusable),
		TEST(scan_bar_with_holes_in_its_size_is_unusable),
		TEST(scan_window_over_what_is_not_its_own_is_unusable),
		TEST(scan_window_shared_with_an_unusable_device_is_usable),
		TEST(scan_function_level_reset_is_seen_both_ways),
		TEST(scan_more_functions_than_fit_is_refused),
		TEST(scan_random_functions_are_valid_or_refused),
	};

	return cmocka_run_group_tests_name("pci_scan", tests, NULL, NULL);
}
