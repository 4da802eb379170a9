// SPDX-License-Identifier: BSD-2-Clause
/* F59 and what the IOMMU cannot keep apart: PCI functions that lie or are blurred. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "machine_fake.h"
#include "topology_text.h"

#define ALL_ACS 0x1d
#define ROOT_PORT 4
#define UPSTREAM 5
#define DOWNSTREAM 6
#define TO_PCI 7

struct rig {
	struct machine *machine;
	struct pci_fake *pci;
	struct topology topology;
	struct error err;
};

static int setup(void **state)
{
	static struct rig rig;

	memset(&rig, 0, sizeof(rig));
	assert_int_equal(machine_fake_open(&(struct machine_fake_options){ .has_platform = true },
					   &rig.machine), 0);
	rig.pci = machine_fake_pci(rig.machine);
	assert_int_equal(topology_from_fdt(rig.machine->fdt, rig.machine->fdt_size, &rig.topology,
					   &rig.err), 0);
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	rig->machine->ops->close(rig->machine);
	return 0;
}

static void scan(struct rig *rig)
{
	if (topology_scan_pci(rig->machine, &rig->topology, &rig->err))
		fail_msg("%s", rig->err.text);
	assert_true(topology_is_valid(&rig->topology));
}

static const struct topology_device *find(const struct rig *rig, const char *text)
{
	const struct topology_device *device;
	struct devname name;

	assert_int_equal(devname_parse(text, &name), 0);
	device = topology_find(&rig->topology, &name);
	if (!device)
		fail_msg("%s was not found", text);
	return device;
}

static void expect_unusable(const struct rig *rig, const char *name, const char *why)
{
	const struct topology_device *device = find(rig, name);

	if (!strstr(device->unusable, why) || (!*why && device->unusable[0]))
		fail_msg("%s is '%s', not '%s'", name, device->unusable, why);
}

static void expect_usable(const struct rig *rig, const char *name)
{
	expect_unusable(rig, name, "");
}

static struct pci_fake_function *add(struct rig *rig, uint32_t bus, uint32_t slot, uint32_t number)
{
	return pci_fake_add(rig->pci, bus, slot, number);
}

static struct pci_fake_function *add_bridge(struct rig *rig, uint32_t bus, uint32_t slot,
					    uint32_t port, uint32_t secondary, uint32_t last)
{
	struct pci_fake_function *bridge = add(rig, bus, slot, 0);

	pci_fake_make_bridge(bridge, secondary, last);
	pci_fake_make_express(bridge, port, false);
	return bridge;
}

static void scan_plain_functions_are_found_with_stream_and_window(void **state)
{
	static char text[4096];
	struct rig *rig = *state;

	pci_fake_set_bar(add(rig, 0, 2, 0), 0, 0x10000000, 1 << 20, 0);
	pci_fake_set_bar(add(rig, 0, 31, 0), 2, UINT64_C(0x8000000000), UINT64_C(1) << 33, 0xc);
	scan(rig);
	topology_text(&rig->topology, text, sizeof(text));
	assert_non_null(strstr(text, "device pci:0000:00:02.0 1234:11e8\n"
				     "  on smmu0 stream 0x10\n"
				     "  window 0 0x10000000+0x100000\n"
				     "device pci:0000:00:1f.0 1234:11e8\n"
				     "  on smmu0 stream 0xf8\n"
				     "  window 2 0x8000000000+0x200000000\n"));
	assert_int_equal(rig->topology.device_count, 3);
	assert_int_equal(find(rig, "00:02.0")->config, MACHINE_FAKE_ECAM + (2 << 15));
}

static void scan_leaves_bars_and_command_as_they_were(void **state)
{
	struct rig *rig = *state;
	struct pci_fake_function *function = add(rig, 0, 2, 0);
	uint8_t before[4096];

	pci_fake_set_bar(function, 0, 0x10000000, 1 << 20, 0);
	pci_fake_set_bar(function, 4, UINT64_C(0x123400000000), 1 << 16, 4);
	pci_fake_set(function, 4, 2, 0x407);
	memcpy(before, function->bytes, sizeof(before));
	scan(rig);
	assert_memory_equal(before, function->bytes, sizeof(before));
	assert_int_equal(rig->pci->decoded_bar_writes, 0);
	assert_true(rig->pci->writes > 0);
}

static void scan_function_outside_iommu_map_has_no_unit(void **state)
{
	struct rig *rig = *state;

	rig->topology.maps[0].length = 0x10;
	add(rig, 0, 2, 0);
	scan(rig);
	expect_unusable(rig, "00:02.0", "no IOMMU covers it");
	assert_int_equal(find(rig, "00:02.0")->unit, TOPOLOGY_NO_UNIT);
	assert_int_equal(find(rig, "00:02.0")->stream_count, 0);
}

static void scan_map_with_offset_gives_that_stream(void **state)
{
	struct rig *rig = *state;

	rig->topology.maps[0] = (struct topology_map){ .rid = 0x10, .stream = 0x500, .length = 8 };
	add(rig, 0, 2, 0);
	scan(rig);
	assert_int_equal(find(rig, "00:02.0")->stream, 0x500);
}

static void scan_mask_that_merges_streams_makes_both_unusable(void **state)
{
	struct rig *rig = *state;

	rig->topology.bridges[0].map_mask = 0xff00;
	add(rig, 0, 2, 0);
	add(rig, 0, 3, 0);
	scan(rig);
	expect_unusable(rig, "00:02.0", "it shares stream 0x0 with pci:0000:00:03.0");
	expect_unusable(rig, "00:03.0", "it shares stream 0x0 with pci:0000:00:02.0");
}

static void scan_stream_of_a_platform_device_makes_both_unusable(void **state)
{
	struct rig *rig = *state;

	rig->topology.maps[0].stream = MACHINE_FAKE_PLATFORM_STREAM - 0x10;
	add(rig, 0, 2, 0);
	scan(rig);
	expect_unusable(rig, "00:02.0", "it shares stream 0x2000 with dt:/dma@a000000");
	expect_unusable(rig, "dt:/dma@a000000", "it shares stream 0x2000 with pci:0000:00:02.0");
}

static void scan_absent_functions_are_not_found(void **state)
{
	struct rig *rig = *state;

	pci_fake_set(add(rig, 0, 2, 0), 0, 4, UINT32_MAX);
	pci_fake_set(add(rig, 0, 3, 0), 0, 4, 0);
	scan(rig);
	assert_int_equal(rig->topology.device_count, 1);
}

static void scan_functions_of_a_single_function_device_are_not_asked(void **state)
{
	struct rig *rig = *state;

	add(rig, 0, 2, 0);
	add(rig, 0, 2, 3);
	scan(rig);
	assert_int_equal(rig->topology.device_count, 2);
	expect_usable(rig, "00:02.0");
}

static void scan_several_functions_without_acs_are_unusable(void **state)
{
	struct rig *rig = *state;

	add(rig, 0, 2, 0)->bytes[0x0e] = 0x80;
	add(rig, 0, 2, 7);
	scan(rig);
	expect_unusable(rig, "00:02.0", "several functions of a device without ACS");
	expect_unusable(rig, "00:02.7", "several functions of a device without ACS");
}

static void scan_one_function_without_acs_spoils_its_neighbours(void **state)
{
	struct rig *rig = *state;
	struct pci_fake_function *first = add(rig, 0, 2, 0), *last;

	first->bytes[0x0e] = 0x80;
	pci_fake_make_express(first, 0, false);
	pci_fake_add_acs(first, ALL_ACS);
	add(rig, 0, 2, 1);
	add(rig, 0, 3, 0)->bytes[0x0e] = 0x80;
	last = add(rig, 0, 3, 1);
	pci_fake_make_express(last, 0, false);
	pci_fake_add_acs(last, ALL_ACS);
	scan(rig);
	expect_unusable(rig, "00:02.0", "several functions");
	expect_unusable(rig, "00:03.1", "several functions");
}

static void scan_several_functions_with_acs_are_usable(void **state)
{
	struct rig *rig = *state;
	struct pci_fake_function *functions[2] = { add(rig, 0, 2, 0), add(rig, 0, 2, 1) };
	int i;

	functions[0]->bytes[0x0e] = 0x80;
	for (i = 0; i < 2; i++) {
		pci_fake_make_express(functions[i], 0, false);
		pci_fake_add_acs(functions[i], ALL_ACS);
	}
	scan(rig);
	expect_usable(rig, "00:02.0");
	expect_usable(rig, "00:02.1");
	assert_int_equal(pci_fake_get(functions[1], 0x106, 2), ALL_ACS);
}

static void scan_lone_function_of_a_multi_function_device_is_usable(void **state)
{
	struct rig *rig = *state;

	add(rig, 0, 2, 0)->bytes[0x0e] = 0x80;
	scan(rig);
	expect_usable(rig, "00:02.0");
}

static void scan_behind_root_port_with_acs_is_usable_and_acs_is_on(void **state)
{
	struct rig *rig = *state;
	struct pci_fake_function *port = add_bridge(rig, 0, 1, ROOT_PORT, 1, 1);

	pci_fake_add_acs(port, ALL_ACS);
	add(rig, 1, 0, 0);
	scan(rig);
	expect_usable(rig, "01:00.0");
	assert_int_equal(find(rig, "01:00.0")->stream, 0x100);
	expect_unusable(rig, "00:01.0", "it is a bridge");
	assert_int_equal(pci_fake_get(port, 0x106, 2), ALL_ACS);
}

static void scan_behind_port_without_acs_is_unusable(void **state)
{
	struct rig *rig = *state;

	add_bridge(rig, 0, 1, ROOT_PORT, 1, 1);
	add(rig, 1, 0, 0);
	scan(rig);
	expect_unusable(rig, "01:00.0", "behind a port without ACS");
}

static void scan_behind_port_that_lacks_one_acs_bit_is_unusable(void **state)
{
	static const uint16_t bits[] = { 0x01, 0x04, 0x08, 0x10 };
	struct rig *rig = *state;
	char name[16];
	uint32_t i;

	for (i = 0; i < 4; i++) {
		pci_fake_add_acs(add_bridge(rig, 0, 1 + i, ROOT_PORT, 1 + i, 1 + i),
				 (uint16_t)(ALL_ACS & ~bits[i]));
		add(rig, 1 + i, 0, 0);
	}
	scan(rig);
	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "0%u:00.0", 1 + i);
		expect_unusable(rig, name, "behind a port without ACS");
	}
}

static void scan_behind_port_whose_acs_stays_off_is_unusable(void **state)
{
	struct rig *rig = *state;
	struct pci_fake_function *port = add_bridge(rig, 0, 1, ROOT_PORT, 1, 1);

	pci_fake_add_acs(port, ALL_ACS);
	memset(&port->writable[0x106], 0, 2);
	add(rig, 1, 0, 0);
	scan(rig);
	expect_unusable(rig, "01:00.0", "behind a port without ACS");
}

static void scan_behind_a_switch_with_acs_is_usable(void **state)
{
	struct rig *rig = *state;

	pci_fake_add_acs(add_bridge(rig, 0, 1, ROOT_PORT, 1, 4), ALL_ACS);
	add_bridge(rig, 1, 0, UPSTREAM, 2, 4);
	pci_fake_add_acs(add_bridge(rig, 2, 0, DOWNSTREAM, 3, 3), ALL_ACS);
	add_bridge(rig, 2, 1, DOWNSTREAM, 4, 4);
	add(rig, 3, 0, 0);
	add(rig, 4, 0, 0);
	scan(rig);
	expect_usable(rig, "03:00.0");
	expect_unusable(rig, "04:00.0", "behind a port without ACS");
}

static void scan_blur_is_inherited_by_every_bus_below(void **state)
{
	struct rig *rig = *state;

	add_bridge(rig, 0, 1, ROOT_PORT, 1, 3);
	add_bridge(rig, 1, 0, UPSTREAM, 2, 3);
	pci_fake_add_acs(add_bridge(rig, 2, 0, DOWNSTREAM, 3, 3), ALL_ACS);
	add(rig, 3, 0, 0);
	scan(rig);
	expect_unusable(rig, "03:00.0", "behind a port without ACS");
}

static void scan_behind_conventional_bridges_is_unusable(void **state)
{
	struct rig *rig = *state;

	pci_fake_make_bridge(add(rig, 0, 1, 0), 1, 1);
	add(rig, 1, 5, 0);
	pci_fake_add_acs(add_bridge(rig, 0, 2, TO_PCI, 2, 2), ALL_ACS);
	add(rig, 2, 5, 0);
	scan(rig);
	expect_unusable(rig, "01:05.0", "behind a conventional PCI bridge");
	expect_unusable(rig, "02:05.0", "behind a bridge to conventional PCI");
}

static void scan_behind_bridge_with_a_looped_list_is_unusable(void **state)
{
	struct rig *rig = *state;
	struct pci_fake_function *bridge = add_bridge(rig, 0, 1, ROOT_PORT, 1, 1);

	bridge->bytes[0x61] = 0x60;
	add(rig, 1, 0, 0);
	scan(rig);
	expect_unusable(rig, "00:01.0", "comes back to 0x60");
	expect_unusable(rig, "01:00.0", "behind a bridge whose capabilities cannot be read");
}

static void scan_bridge_nobody_set_up_leads_nowhere(void **state)
{
	struct rig *rig = *state;

	add_bridge(rig, 0, 1, ROOT_PORT, 0, 0);
	scan(rig);
	assert_int_equal(rig->topology.device_count, 2);
	expect_unusable(rig, "00:01.0", "it is a bridge, no DMA master");
}

static void scan_bridge_to_its_own_bus_or_above_is_not_followed(void **state)
{
	struct rig *rig = *state;

	pci_fake_add_acs(add_bridge(rig, 0, 1, ROOT_PORT, 3, 3), ALL_ACS);
	add_bridge(rig, 3, 0, UPSTREAM, 3, 5);
	add_bridge(rig, 3, 1, UPSTREAM, 1, 5);
	add_bridge(rig, 3, 2, UPSTREAM, 16, 16);
	add_bridge(rig, 3, 3, UPSTREAM, 5, 4);
	scan(rig);
	expect_unusable(rig, "03:00.0", "on bus 3 that claims to lead to buses 3 to 5");
	expect_unusable(rig, "03:01.0", "claims to lead to buses 1 to 5");
	expect_unusable(rig, "03:02.0", "claims to lead to buses 16 to 16");
	expect_unusable(rig, "03:03.0", "claims to lead to buses 5 to 4");
	assert_int_equal(rig->topology.device_count, 6);
}

static void scan_bus_claimed_by_two_bridges_is_unusable(void **state)
{
	struct rig *rig = *state;

	pci_fake_add_acs(add_bridge(rig, 0, 1, ROOT_PORT, 1, 1), ALL_ACS);
	pci_fake_add_acs(add_bridge(rig, 0, 2, ROOT_PORT, 1, 1), ALL_ACS);
	add(rig, 1, 0, 0);
	scan(rig);
	expect_unusable(rig, "01:00.0", "two bridges claim to lead to its bus");
}

static void scan_header_type_unknown_is_unusable(void **state)
{
	struct rig *rig = *state;

	add(rig, 0, 2, 0)->bytes[0x0e] = 0x02;
	add(rig, 0, 3, 0)->bytes[0x0e] = 0x7f;
	scan(rig);
	expect_unusable(rig, "00:02.0", "header type 0x2 is none smmuman knows");
	expect_unusable(rig, "00:03.0", "header type 0x7f is none smmuman knows");
}

static void scan_function_of_all_ones_but_its_id_is_unusable(void **state)
{
	struct rig *rig = *state;
	struct pci_fake_function *function = add(rig, 0, 2, 0);

	memset(function->bytes + 4, 0xff, sizeof(function->bytes) - 4);
	memset(function->writable, 0, sizeof(function->writable));
	scan(rig);
	expect_unusable(rig, "00:02.0", "reads all ones");
}

static void scan_looped_capabilities_are_unusable(void **state)
{
	struct rig *rig = *state;
	struct pci_fake_function *function = add(rig, 0, 2, 0);

	pci_fake_add_cap(function, 0x40, 0x09);
	function->bytes[0x41] = 0x40;
	scan(rig);
	expect_unusable(rig, "00:02.0", "its capability list comes back to 0x40");
}

static void scan_port_bars_and_empty_bars_are_skipped(void **state)
{
	struct rig *rig = *state;
	struct pci_fake_function *function = add(rig, 0, 2, 0);

	pci_fake_set(function, 0x10, 4, 0xc001);
	memset(&function->writable[0x10], 0xff, 4);
	pci_fake_set_bar(function, 1, 0x20000000, 4096, 0);
	pci_fake_set_bar(function, 2, 0, 4096, 0);
	scan(rig);
	assert_int_equal(find(rig, "00:02.0")->windows[0].size, 0);
	assert_int_equal(find(rig, "00:02.0")->windows[1].size, 4096);
	assert_int_equal(find(rig, "00:02.0")->windows[2].size, 0);
	expect_usable(rig, "00:02.0");
}

static void scan_bar_without_second_half_is_unusable(void **state)
{
	struct rig *rig = *state;

	pci_fake_set(add(rig, 0, 2, 0), 0x24, 4, 0x4);
	scan(rig);
	expect_unusable(rig, "00:02.0", "its BAR 5 has no second half");
}

static void scan_bar_with_holes_in_its_size_is_unusable(void **state)
{
	struct rig *rig = *state;
	struct pci_fake_function *function = add(rig, 0, 2, 0);

	pci_fake_set_bar(function, 0, 0x10000000, 1 << 20, 0);
	function->writable[0x12] = 0x50;
	scan(rig);
	expect_unusable(rig, "00:02.0", "which no BAR can have");
}

static void scan_window_over_what_is_not_its_own_is_unusable(void **state)
{
	struct rig *rig = *state;

	pci_fake_set_bar(add(rig, 0, 2, 0), 0, HW_FAKE_BASE & ~0xfffffu, 1 << 20, 0);
	pci_fake_set_bar(add(rig, 0, 3, 0), 0, MACHINE_FAKE_ECAM, 1 << 20, 4);
	pci_fake_set_bar(add(rig, 0, 4, 0), 0, HW_FAKE_PA, 4096, 0);
	pci_fake_set_bar(add(rig, 0, 5, 0), 0, MACHINE_FAKE_PLATFORM, 4096, 0);
	scan(rig);
	expect_unusable(rig, "00:02.0", "at 0x9000000 lies over an IOMMU's registers");
	expect_unusable(rig, "00:03.0", "lies over PCI configuration space");
	expect_unusable(rig, "00:04.0", "lies over memory");
	expect_unusable(rig, "00:05.0", "shares the registers at 0xa000000 with dt:/dma@a000000");
	expect_unusable(rig, "dt:/dma@a000000", "with pci:0000:00:05.0");
}

/* A device no IOMMU covers may be the same thing as a platform device. */
static void scan_window_shared_with_an_unusable_device_is_usable(void **state)
{
	struct rig *rig = *state;

	rig->topology.maps[0].length = 0x10;
	pci_fake_set_bar(add(rig, 0, 2, 0), 0, MACHINE_FAKE_PLATFORM, 4096, 0);
	scan(rig);
	expect_unusable(rig, "00:02.0", "no IOMMU covers it");
	expect_usable(rig, "dt:/dma@a000000");
}

static void scan_function_level_reset_is_seen_both_ways(void **state)
{
	struct rig *rig = *state;
	struct pci_fake_function *af = add(rig, 0, 3, 0);

	pci_fake_make_express(add(rig, 0, 2, 0), 0, true);
	pci_fake_add_cap(af, 0x40, 0x13);
	af->bytes[0x43] = 0x02;
	pci_fake_make_express(add(rig, 0, 4, 0), 0, false);
	scan(rig);
	assert_true(find(rig, "00:02.0")->has_flr);
	assert_true(find(rig, "00:03.0")->has_flr);
	assert_false(find(rig, "00:04.0")->has_flr);
}

static void scan_more_functions_than_fit_is_refused(void **state)
{
	struct rig *rig = *state;
	uint32_t bus, slot, number;

	for (bus = 0; bus < 3; bus++)
		for (slot = 0; slot < 32; slot++)
			for (number = 0; number < 8; number++)
				add(rig, bus, slot, number)->bytes[0x0e] = 0x80;
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
	struct rig *rig = *state;
	struct topology clean = rig->topology;
	struct pci_fake_function *function;
	uint64_t seed = 1;
	uint32_t round, i;

	for (i = 0; i < 12; i++)
		add(rig, i % 3, i / 3, 0);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(scan_plain_functions_are_found_with_stream_and_window),
		TEST(scan_leaves_bars_and_command_as_they_were),
		TEST(scan_function_outside_iommu_map_has_no_unit),
		TEST(scan_map_with_offset_gives_that_stream),
		TEST(scan_mask_that_merges_streams_makes_both_unusable),
		TEST(scan_stream_of_a_platform_device_makes_both_unusable),
		TEST(scan_absent_functions_are_not_found),
		TEST(scan_functions_of_a_single_function_device_are_not_asked),
		TEST(scan_several_functions_without_acs_are_unusable),
		TEST(scan_one_function_without_acs_spoils_its_neighbours),
		TEST(scan_several_functions_with_acs_are_usable),
		TEST(scan_lone_function_of_a_multi_function_device_is_usable),
		TEST(scan_behind_root_port_with_acs_is_usable_and_acs_is_on),
		TEST(scan_behind_port_without_acs_is_unusable),
		TEST(scan_behind_port_that_lacks_one_acs_bit_is_unusable),
		TEST(scan_behind_port_whose_acs_stays_off_is_unusable),
		TEST(scan_behind_a_switch_with_acs_is_usable),
		TEST(scan_blur_is_inherited_by_every_bus_below),
		TEST(scan_behind_conventional_bridges_is_unusable),
		TEST(scan_behind_bridge_with_a_looped_list_is_unusable),
		TEST(scan_bridge_nobody_set_up_leads_nowhere),
		TEST(scan_bridge_to_its_own_bus_or_above_is_not_followed),
		TEST(scan_bus_claimed_by_two_bridges_is_unusable),
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
