// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the IOMMU cannot keep apart, and bus numbers that lie: functions behind
 * bridges, their aliases and their groups.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "scan_fixture.h"

static void scan_behind_root_port_with_acs_is_usable_and_acs_is_on(void **state)
{
	struct scan_rig *rig = *state;
	struct pci_fake_function *port = scan_add_bridge(rig, 0, 1, ROOT_PORT, 1, 1);

	pci_fake_add_acs(port, ALL_ACS);
	scan_add(rig, 1, 0, 0);
	scan_all(rig);
	scan_expect_usable(rig, "01:00.0");
	assert_int_equal(scan_find(rig, "01:00.0")->stream, 0x100);
	scan_expect_unusable(rig, "00:01.0", "it is a bridge");
	assert_int_equal(pci_fake_get(port, 0x106, 2), ALL_ACS);
}

static void scan_behind_port_without_acs_is_unusable(void **state)
{
	struct scan_rig *rig = *state;

	scan_add_bridge(rig, 0, 1, ROOT_PORT, 1, 1);
	scan_add(rig, 1, 0, 0);
	scan_all(rig);
	scan_expect_unusable(rig, "01:00.0", "behind a port without ACS");
}

static void scan_behind_port_that_lacks_one_acs_bit_is_unusable(void **state)
{
	static const uint16_t bits[] = { 0x01, 0x04, 0x08, 0x10 };
	struct scan_rig *rig = *state;
	char name[16];
	uint32_t i;

	for (i = 0; i < 4; i++) {
		pci_fake_add_acs(scan_add_bridge(rig, 0, 1 + i, ROOT_PORT, 1 + i, 1 + i),
				 (uint16_t)(ALL_ACS & ~bits[i]));
		scan_add(rig, 1 + i, 0, 0);
	}
	scan_all(rig);
	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "0%u:00.0", 1 + i);
		scan_expect_unusable(rig, name, "behind a port without ACS");
	}
}

static void scan_behind_port_whose_acs_stays_off_is_unusable(void **state)
{
	struct scan_rig *rig = *state;
	struct pci_fake_function *port = scan_add_bridge(rig, 0, 1, ROOT_PORT, 1, 1);

	pci_fake_add_acs(port, ALL_ACS);
	memset(&port->writable[0x106], 0, 2);
	scan_add(rig, 1, 0, 0);
	scan_all(rig);
	scan_expect_unusable(rig, "01:00.0", "behind a port without ACS");
}

static void scan_behind_a_switch_with_acs_is_usable(void **state)
{
	struct scan_rig *rig = *state;

	pci_fake_add_acs(scan_add_bridge(rig, 0, 1, ROOT_PORT, 1, 4), ALL_ACS);
	scan_add_bridge(rig, 1, 0, UPSTREAM, 2, 4);
	pci_fake_add_acs(scan_add_bridge(rig, 2, 0, DOWNSTREAM, 3, 3), ALL_ACS);
	scan_add_bridge(rig, 2, 1, DOWNSTREAM, 4, 4);
	scan_add(rig, 3, 0, 0);
	scan_add(rig, 4, 0, 0);
	scan_all(rig);
	scan_expect_usable(rig, "03:00.0");
	scan_expect_unusable(rig, "04:00.0", "behind a port without ACS");
}

static void scan_blur_is_inherited_by_every_bus_below(void **state)
{
	struct scan_rig *rig = *state;

	scan_add_bridge(rig, 0, 1, ROOT_PORT, 1, 3);
	scan_add_bridge(rig, 1, 0, UPSTREAM, 2, 3);
	pci_fake_add_acs(scan_add_bridge(rig, 2, 0, DOWNSTREAM, 3, 3), ALL_ACS);
	scan_add(rig, 3, 0, 0);
	scan_all(rig);
	scan_expect_unusable(rig, "03:00.0", "behind a port without ACS");
}

static void scan_behind_a_conventional_bridge_is_a_group_under_its_number(void **state)
{
	struct scan_rig *rig = *state;

	pci_fake_make_bridge(scan_add(rig, 0, 1, 0), 1, 1);
	scan_add(rig, 1, 5, 0);
	scan_add(rig, 1, 6, 0);
	scan_add(rig, 0, 2, 0);
	scan_all(rig);
	scan_expect_usable(rig, "01:05.0");
	scan_expect_usable(rig, "01:06.0");
	scan_expect_streams(rig, "01:05.0", 1, 0x8, 0);
	scan_expect_streams(rig, "01:06.0", 1, 0x8, 0);
	scan_expect_one_group(rig, "01:05.0", "01:06.0");
	assert_int_not_equal(scan_find(rig, "00:02.0")->group, scan_find(rig, "01:05.0")->group);
}

/* A fault under its number is one of those behind it. */
static void scan_conventional_bridge_has_no_stream_of_its_own(void **state)
{
	struct scan_rig *rig = *state;

	pci_fake_make_bridge(scan_add(rig, 0, 1, 0), 1, 1);
	pci_fake_make_bridge(scan_add(rig, 0, 2, 0), 0, 0);
	pci_fake_add_acs(scan_add_bridge(rig, 0, 3, ROOT_PORT, 2, 2), ALL_ACS);
	scan_all(rig);
	scan_expect_unusable(rig, "00:01.0", "it is a bridge, no DMA master of its own");
	assert_int_equal(scan_find(rig, "00:01.0")->unit, TOPOLOGY_NO_UNIT);
	assert_int_equal(scan_find(rig, "00:01.0")->stream_count, 0);
	scan_expect_streams(rig, "00:02.0", 1, 0x10, 0);
	scan_expect_streams(rig, "00:03.0", 1, 0x18, 0);
}

static void scan_behind_a_bridge_from_express_to_pci_is_function_0_behind_it(void **state)
{
	struct scan_rig *rig = *state;

	scan_add_bridge(rig, 0, 2, TO_PCI, 2, 2);
	scan_add(rig, 2, 5, 0);
	scan_add(rig, 2, 0, 0);
	scan_all(rig);
	scan_expect_usable(rig, "02:05.0");
	scan_expect_streams(rig, "02:05.0", 1, 0x200, 0);
	scan_expect_streams(rig, "02:00.0", 1, 0x200, 0);
	scan_expect_one_group(rig, "02:05.0", "02:00.0");
	assert_int_equal(scan_find(rig, "00:02.0")->stream_count, 0);
}

/* A bridge from PCI Express with PCI-X behind it, at that clock. */
static void add_pcix_bridge(struct scan_rig *rig, uint32_t bus, uint32_t secondary, uint32_t last,
			    uint32_t clock)
{
	struct pci_fake_function *bridge = scan_add_bridge(rig, bus, 1, TO_PCI, secondary, last);

	pci_fake_add_cap(bridge, 0x40, 0x07);
	pci_fake_set(bridge, 0x42, 2, clock << 6);
}

static void scan_behind_a_bridge_to_pcix_may_keep_its_number(void **state)
{
	struct scan_rig *rig = *state;

	add_pcix_bridge(rig, 0, 2, 2, 3);
	scan_add(rig, 2, 5, 0);
	scan_add(rig, 2, 0, 0);
	scan_all(rig);
	scan_expect_usable(rig, "02:05.0");
	scan_expect_streams(rig, "02:05.0", 2, 0x200, 0x228);
	scan_expect_streams(rig, "02:00.0", 1, 0x200, 0);
	scan_expect_one_group(rig, "02:05.0", "02:00.0");
}

static void scan_behind_a_bridge_to_pcix_run_as_pci_keeps_no_number(void **state)
{
	struct scan_rig *rig = *state;

	add_pcix_bridge(rig, 0, 2, 2, 0);
	scan_add(rig, 2, 5, 0);
	scan_all(rig);
	scan_expect_streams(rig, "02:05.0", 1, 0x200, 0);
}

static void scan_behind_a_bridge_on_pcix_is_unusable(void **state)
{
	struct scan_rig *rig = *state;

	add_pcix_bridge(rig, 0, 2, 3, 3);
	pci_fake_make_bridge(scan_add(rig, 2, 1, 0), 3, 3);
	scan_add(rig, 3, 5, 0);
	scan_all(rig);
	scan_expect_unusable(rig, "03:05.0", "behind a bridge on a PCI-X bus, which may change");
}

static void scan_behind_a_bridge_to_express_is_a_group_under_its_number(void **state)
{
	struct scan_rig *rig = *state;

	scan_add_bridge(rig, 0, 1, FROM_PCI, 1, 1);
	scan_add(rig, 1, 5, 0);
	scan_add(rig, 1, 6, 0);
	scan_all(rig);
	scan_expect_streams(rig, "01:05.0", 1, 0x8, 0);
	scan_expect_one_group(rig, "01:05.0", "01:06.0");
}

static void scan_bridge_nearest_to_the_root_has_the_last_word(void **state)
{
	struct scan_rig *rig = *state;

	pci_fake_add_acs(scan_add_bridge(rig, 0, 1, ROOT_PORT, 1, 6), ALL_ACS);
	scan_add_bridge(rig, 1, 0, TO_PCI, 2, 4);
	pci_fake_make_bridge(scan_add(rig, 2, 1, 0), 3, 4);
	scan_add_bridge(rig, 3, 0, TO_PCI, 4, 4);
	scan_add(rig, 2, 7, 0);
	scan_add(rig, 3, 7, 0);
	scan_add(rig, 4, 7, 0);
	pci_fake_make_bridge(scan_add(rig, 1, 1, 0), 5, 6);
	scan_add_bridge(rig, 5, 0, TO_PCI, 6, 6);
	scan_add(rig, 6, 7, 0);
	scan_all(rig);
	scan_expect_streams(rig, "02:07.0", 1, 0x200, 0);
	scan_expect_streams(rig, "03:07.0", 1, 0x200, 0);
	scan_expect_streams(rig, "04:07.0", 1, 0x200, 0);
	scan_expect_one_group(rig, "02:07.0", "03:07.0");
	scan_expect_one_group(rig, "02:07.0", "04:07.0");
	scan_expect_usable(rig, "04:07.0");
	scan_expect_streams(rig, "06:07.0", 1, 0x108, 0);
	assert_int_not_equal(scan_find(rig, "06:07.0")->group, scan_find(rig, "02:07.0")->group);
}

/* Ports below such a bridge change nothing: its number stays on what comes from there. */
static void scan_alias_is_inherited_through_ports(void **state)
{
	struct scan_rig *rig = *state;

	scan_add_bridge(rig, 0, 1, TO_PCI, 1, 4);
	scan_add_bridge(rig, 1, 0, FROM_PCI, 2, 4);
	scan_add_bridge(rig, 2, 0, UPSTREAM, 3, 4);
	pci_fake_add_acs(scan_add_bridge(rig, 3, 0, DOWNSTREAM, 4, 4), ALL_ACS);
	scan_add(rig, 4, 0, 0);
	scan_add(rig, 1, 5, 0);
	scan_all(rig);
	scan_expect_streams(rig, "04:00.0", 1, 0x100, 0);
	scan_expect_one_group(rig, "04:00.0", "01:05.0");
}

static void scan_several_functions_behind_an_alias_are_one_group(void **state)
{
	struct scan_rig *rig = *state;

	pci_fake_make_bridge(scan_add(rig, 0, 1, 0), 1, 1);
	scan_add(rig, 1, 5, 0)->bytes[0x0e] = 0x80;
	scan_add(rig, 1, 5, 1);
	scan_all(rig);
	scan_expect_usable(rig, "01:05.0");
	scan_expect_usable(rig, "01:05.1");
	scan_expect_one_group(rig, "01:05.0", "01:05.1");
}

static void scan_alias_below_a_port_without_acs_is_unusable(void **state)
{
	struct scan_rig *rig = *state;

	scan_add_bridge(rig, 0, 1, ROOT_PORT, 1, 2);
	scan_add_bridge(rig, 1, 0, TO_PCI, 2, 2);
	scan_add(rig, 2, 5, 0);
	scan_all(rig);
	scan_expect_unusable(rig, "02:05.0", "behind a port without ACS");
}

static void scan_alias_outside_iommu_map_has_no_unit(void **state)
{
	struct scan_rig *rig = *state;

	rig->topology.maps[0].rid = 0x10;
	pci_fake_make_bridge(scan_add(rig, 0, 1, 0), 1, 1);
	scan_add(rig, 1, 5, 0);
	scan_all(rig);
	scan_expect_unusable(rig, "01:05.0", "no IOMMU covers it");
	assert_int_equal(scan_find(rig, "01:05.0")->stream_count, 0);
}

static void scan_alias_and_own_number_on_two_units_is_unusable(void **state)
{
	struct scan_rig *rig = *state;

	rig->topology.units[1] = (struct topology_unit){ .name = "smmu1", .compatible = "x" };
	rig->topology.unit_count = 2;
	rig->topology.maps[1] = (struct topology_map){ .rid = 0x228, .length = 1, .unit = 1 };
	rig->topology.maps[0].length = 0x201;
	rig->topology.bridges[0].map_count = 2;
	rig->topology.map_count = 2;
	add_pcix_bridge(rig, 0, 2, 2, 3);
	scan_add(rig, 2, 5, 0);
	scan_all(rig);
	scan_expect_unusable(rig, "02:05.0", "it has streams on both smmu0 and smmu1");
}

static void scan_group_of_a_broken_neighbour_is_unusable(void **state)
{
	struct scan_rig *rig = *state;
	struct pci_fake_function *broken;

	pci_fake_make_bridge(scan_add(rig, 0, 1, 0), 1, 1);
	scan_add(rig, 1, 5, 0);
	broken = scan_add(rig, 1, 6, 0);
	pci_fake_add_cap(broken, 0x40, 0x09);
	broken->bytes[0x41] = 0x40;
	scan_all(rig);
	scan_expect_unusable(rig, "01:06.0", "comes back to 0x40");
	scan_expect_unusable(rig, "01:05.0", "with pci:0000:01:06.0, which cannot be attached");
}

static void scan_bridges_of_the_machine_itself_are_unusable(void **state)
{
	struct scan_rig *rig = *state;

	scan_add(rig, 0, 0, 0)->bytes[0x0b] = 0x06;
	scan_add(rig, 0, 2, 0)->bytes[0x0b] = 0x01;
	scan_all(rig);
	scan_expect_unusable(rig, "00:00.0", "it is a bridge that the machine itself is made of");
	scan_expect_usable(rig, "00:02.0");
}

static void scan_behind_bridge_with_a_looped_list_is_unusable(void **state)
{
	struct scan_rig *rig = *state;
	struct pci_fake_function *bridge = scan_add_bridge(rig, 0, 1, ROOT_PORT, 1, 1);

	bridge->bytes[0x61] = 0x60;
	scan_add(rig, 1, 0, 0);
	scan_all(rig);
	scan_expect_unusable(rig, "00:01.0", "comes back to 0x60");
	scan_expect_unusable(rig, "01:00.0", "behind a bridge whose capabilities cannot be read");
}

static void scan_bridge_nobody_set_up_leads_nowhere(void **state)
{
	struct scan_rig *rig = *state;

	scan_add_bridge(rig, 0, 1, ROOT_PORT, 0, 0);
	scan_all(rig);
	assert_int_equal(rig->topology.device_count, 2);
	scan_expect_unusable(rig, "00:01.0", "it is a bridge, no DMA master");
}

static void scan_bridge_to_its_own_bus_or_above_is_not_followed(void **state)
{
	struct scan_rig *rig = *state;

	pci_fake_add_acs(scan_add_bridge(rig, 0, 1, ROOT_PORT, 3, 3), ALL_ACS);
	scan_add_bridge(rig, 3, 0, UPSTREAM, 3, 5);
	scan_add_bridge(rig, 3, 1, UPSTREAM, 1, 5);
	scan_add_bridge(rig, 3, 2, UPSTREAM, 16, 16);
	scan_add_bridge(rig, 3, 3, UPSTREAM, 5, 4);
	scan_all(rig);
	scan_expect_unusable(rig, "03:00.0", "on bus 3 that claims to lead to buses 3 to 5");
	scan_expect_unusable(rig, "03:01.0", "claims to lead to buses 1 to 5");
	scan_expect_unusable(rig, "03:02.0", "claims to lead to buses 16 to 16");
	scan_expect_unusable(rig, "03:03.0", "claims to lead to buses 5 to 4");
	assert_int_equal(rig->topology.device_count, 6);
}

static void scan_bus_claimed_by_two_bridges_is_unusable(void **state)
{
	struct scan_rig *rig = *state;

	pci_fake_add_acs(scan_add_bridge(rig, 0, 1, ROOT_PORT, 1, 1), ALL_ACS);
	pci_fake_add_acs(scan_add_bridge(rig, 0, 2, ROOT_PORT, 1, 1), ALL_ACS);
	scan_add(rig, 1, 0, 0);
	scan_all(rig);
	scan_expect_unusable(rig, "01:00.0", "two bridges claim to lead to its bus");
}

static void scan_bridge_beyond_the_one_above_it_is_not_followed(void **state)
{
	struct scan_rig *rig = *state;

	pci_fake_add_acs(scan_add_bridge(rig, 0, 1, ROOT_PORT, 1, 3), ALL_ACS);
	scan_add_bridge(rig, 1, 0, UPSTREAM, 2, 4);
	scan_add_bridge(rig, 1, 1, UPSTREAM, 4, 4);
	scan_add_bridge(rig, 1, 2, UPSTREAM, 3, 3);
	scan_add(rig, 2, 0, 0);
	scan_add(rig, 3, 0, 0);
	scan_add(rig, 4, 0, 0);
	scan_all(rig);
	scan_expect_unusable(rig, "01:00.0", "on bus 1 that claims to lead to buses 2 to 4");
	scan_expect_unusable(rig, "01:01.0", "on bus 1 that claims to lead to buses 4 to 4");
	scan_expect_usable(rig, "03:00.0");
	assert_int_equal(rig->topology.device_count, 6);
}

/* Both answer for bus 2: what comes from there may be either's. */
static void scan_buses_claimed_by_two_neighbours_are_unusable(void **state)
{
	struct scan_rig *rig = *state;
	uint32_t bus;

	pci_fake_add_acs(scan_add_bridge(rig, 0, 1, ROOT_PORT, 1, 3), ALL_ACS);
	pci_fake_add_acs(scan_add_bridge(rig, 0, 2, ROOT_PORT, 2, 2), ALL_ACS);
	pci_fake_add_acs(scan_add_bridge(rig, 1, 1, DOWNSTREAM, 3, 3), ALL_ACS);
	for (bus = 1; bus <= 3; bus++)
		scan_add(rig, bus, 0, 0);
	scan_all(rig);
	scan_expect_usable(rig, "01:00.0");
	scan_expect_unusable(rig, "02:00.0", "two bridges claim to lead to its bus");
	scan_expect_usable(rig, "03:00.0");
}

static void scan_bus_that_firmware_calls_a_root_is_scanned(void **state)
{
	struct scan_rig *rig = *state;

	scan_add(rig, 8, 1, 0);
	scan_add(rig, 9, 1, 0);
	pci_fake_add_acs(scan_add_bridge(rig, 8, 2, ROOT_PORT, 10, 10), ALL_ACS);
	scan_add(rig, 10, 0, 0);
	rig->topology.bridges[0].roots[0] = 1u << 8;
	scan_all(rig);
	scan_expect_usable(rig, "08:01.0");
	scan_expect_usable(rig, "0a:00.0");
	assert_int_equal(rig->topology.device_count, 4);
}

/* What the bridge says of its bus counts, not that firmware calls it a root. */
static void scan_bus_called_a_root_behind_a_port_without_acs_is_unusable(void **state)
{
	struct scan_rig *rig = *state;

	scan_add_bridge(rig, 0, 1, ROOT_PORT, 8, 8);
	scan_add(rig, 8, 1, 0);
	rig->topology.bridges[0].roots[0] = 1u << 8;
	scan_all(rig);
	scan_expect_unusable(rig, "08:01.0", "behind a port without ACS");
}

static void scan_bus_called_a_root_leads_no_further_than_its_bridge(void **state)
{
	struct scan_rig *rig = *state;

	pci_fake_add_acs(scan_add_bridge(rig, 0, 1, ROOT_PORT, 8, 8), ALL_ACS);
	scan_add_bridge(rig, 8, 2, UPSTREAM, 9, 9);
	rig->topology.bridges[0].roots[0] = 1u << 8;
	scan_all(rig);
	scan_expect_unusable(rig, "08:02.0", "claims to lead to buses 9 to 9");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scan_setup, scan_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(scan_behind_root_port_with_acs_is_usable_and_acs_is_on),
		TEST(scan_behind_port_without_acs_is_unusable),
		TEST(scan_behind_port_that_lacks_one_acs_bit_is_unusable),
		TEST(scan_behind_port_whose_acs_stays_off_is_unusable),
		TEST(scan_behind_a_switch_with_acs_is_usable),
		TEST(scan_blur_is_inherited_by_every_bus_below),
		TEST(scan_behind_a_conventional_bridge_is_a_group_under_its_number),
		TEST(scan_conventional_bridge_has_no_stream_of_its_own),
		TEST(scan_behind_a_bridge_from_express_to_pci_is_function_0_behind_it),
		TEST(scan_behind_a_bridge_to_pcix_may_keep_its_number),
		TEST(scan_behind_a_bridge_to_pcix_run_as_pci_keeps_no_number),
		TEST(scan_behind_a_bridge_on_pcix_is_unusable),
		TEST(scan_behind_a_bridge_to_express_is_a_group_under_its_number),
		TEST(scan_bridge_nearest_to_the_root_has_the_last_word),
		TEST(scan_alias_is_inherited_through_ports),
		TEST(scan_several_functions_behind_an_alias_are_one_group),
		TEST(scan_alias_below_a_port_without_acs_is_unusable),
		TEST(scan_alias_outside_iommu_map_has_no_unit),
		TEST(scan_alias_and_own_number_on_two_units_is_unusable),
		TEST(scan_group_of_a_broken_neighbour_is_unusable),
		TEST(scan_bridges_of_the_machine_itself_are_unusable),
		TEST(scan_behind_bridge_with_a_looped_list_is_unusable),
		TEST(scan_bridge_nobody_set_up_leads_nowhere),
		TEST(scan_bridge_to_its_own_bus_or_above_is_not_followed),
		TEST(scan_bus_claimed_by_two_bridges_is_unusable),
		TEST(scan_bridge_beyond_the_one_above_it_is_not_followed),
		TEST(scan_buses_claimed_by_two_neighbours_are_unusable),
		TEST(scan_bus_that_firmware_calls_a_root_is_scanned),
		TEST(scan_bus_called_a_root_leads_no_further_than_its_bridge),
		TEST(scan_bus_called_a_root_behind_a_port_without_acs_is_unusable),
	};

	return cmocka_run_group_tests_name("pci_bridges", tests, NULL, NULL);
}
