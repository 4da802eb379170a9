// SPDX-License-Identifier: BSD-2-Clause
/* F56: one device, one name; conflicts and groups of devices of all kinds. */
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

static struct topology topology;
static struct machine *machine;
static struct error err;

static int setup(void **state)
{
	(void)state;
	memset(&topology, 0, sizeof(topology));
	topology.unit_count = 2;
	err = (struct error){ 0 };
	return machine_fake_open(&(struct machine_fake_options){ 0 }, &machine);
}

static int teardown(void **state)
{
	(void)state;
	machine->ops->close(machine);
	return 0;
}

static struct topology_device *add(const char *text, uint32_t unit, uint32_t stream)
{
	struct topology_device *device;
	struct devname name;

	assert_int_equal(devname_parse(text, &name), 0);
	assert_int_equal(topology_add_device(&topology, &name, &device, &err), 0);
	device->unit = unit;
	device->stream_count = 1;
	device->streams[0] = stream;
	return device;
}

static void add_same_name_twice_is_refused(void **state)
{
	struct topology_device *device;
	struct devname name;

	(void)state;
	add("pci:0000:00:02.0", 0, 1);
	assert_int_equal(devname_parse("00:02.0", &name), 0);
	assert_int_equal(topology_add_device(&topology, &name, &device, &err), -EEXIST);
	assert_string_equal(err.text, "there are two devices pci:0000:00:02.0");
}

static void add_name_that_is_an_alias_is_refused(void **state)
{
	struct topology_device *device;
	struct devname name;

	(void)state;
	assert_int_equal(devname_parse("mmio:0x1000+0x100", &name), 0);
	add("dt:/dma", 0, 1)->alias = name;
	assert_int_equal(topology_add_device(&topology, &name, &device, &err), -EEXIST);
}

static void add_starts_without_a_unit(void **state)
{
	struct topology_device *device;
	struct devname name;

	(void)state;
	assert_int_equal(devname_parse("00:02.0", &name), 0);
	assert_int_equal(topology_add_device(&topology, &name, &device, &err), 0);
	assert_int_equal(device->unit, TOPOLOGY_NO_UNIT);
	assert_int_equal(device->stream_count, 0);
	assert_ptr_equal(topology_find(&topology, &name), device);
}

static void mark_unusable_keeps_the_first_reason(void **state)
{
	struct topology_device *device = add("00:02.0", 0, 1);

	(void)state;
	topology_mark_unusable(device, "reason %d", 1);
	topology_mark_unusable(device, "reason %d", 2);
	assert_string_equal(device->unusable, "reason 1");
}

static void conflicts_same_stream_on_two_units_is_none(void **state)
{
	struct topology_device *a = add("00:02.0", 0, 0x10), *b = add("00:03.0", 1, 0x10);

	(void)state;
	topology_mark_conflicts(machine, &topology);
	assert_string_equal(a->unusable, "");
	assert_string_equal(b->unusable, "");
}

static void conflicts_devices_that_share_any_stream_are_one_group(void **state)
{
	struct topology_device *a = add("00:02.0", 0, 0x10), *b = add("dt:/dma", 0, 0x20);

	(void)state;
	b->streams[b->stream_count++] = 0x21;
	b->streams[b->stream_count++] = 0x10;
	topology_mark_conflicts(machine, &topology);
	assert_string_equal(a->unusable, "");
	assert_string_equal(b->unusable, "");
	assert_int_equal(a->group, 0);
	assert_int_equal(b->group, 0);
}

/* 1 and 3 have nothing in common but 4, which comes last. */
static void conflicts_group_joined_by_a_third_is_one(void **state)
{
	struct topology_device *list[5];
	uint32_t i;

	(void)state;
	for (i = 0; i < 5; i++) {
		char name[] = "00:02.0";

		name[4] = (char)('2' + i);
		list[i] = add(name, 0, 0x10 + i);
	}
	list[4]->streams[list[4]->stream_count++] = list[3]->stream;
	list[4]->streams[list[4]->stream_count++] = list[1]->stream;
	topology_mark_conflicts(machine, &topology);
	assert_int_equal(list[0]->group, 0);
	assert_int_equal(list[1]->group, 1);
	assert_int_equal(list[2]->group, 2);
	assert_int_equal(list[3]->group, 1);
	assert_int_equal(list[4]->group, 1);
}

static void conflicts_group_with_an_unusable_device_is_unusable(void **state)
{
	struct topology_device *a = add("00:02.0", 0, 0x10), *b = add("00:03.0", 0, 0x10);
	struct topology_device *c = add("00:04.0", 0, 0x11);

	(void)state;
	topology_mark_unusable(b, "it is broken");
	topology_mark_conflicts(machine, &topology);
	assert_string_equal(a->unusable,
			    "it shares a stream with pci:0000:00:03.0, which cannot be attached");
	assert_string_equal(b->unusable, "it is broken");
	assert_string_equal(c->unusable, "");
}

/* Registers that two of a group share spoil it too: they are still two devices. */
static void conflicts_of_windows_inside_a_group_mark_all_of_it(void **state)
{
	struct topology_device *a = add("00:02.0", 0, 0x10), *b = add("00:03.0", 0, 0x10);
	struct topology_device *c = add("00:04.0", 0, 0x10);

	(void)state;
	a->windows[0] = (struct topology_window){ 0x10000000, 0x1000 };
	b->windows[0] = (struct topology_window){ 0x10000000, 0x1000 };
	topology_mark_conflicts(machine, &topology);
	assert_string_equal(a->unusable, "it shares the registers at 0x10000000 with pci:0000:00:03.0");
	assert_string_equal(b->unusable, "it shares the registers at 0x10000000 with pci:0000:00:02.0");
	assert_string_equal(c->unusable,
			    "it shares a stream with pci:0000:00:02.0, which cannot be attached");
}

static void unit_names_count_a_kind_at_a_time(void **state)
{
	const struct topology_unit unit = { .compatible = "x" };

	(void)state;
	topology.unit_count = 0;
	topology_add_unit(&topology, "vtd", &unit);
	topology_add_unit(&topology, "viommu", &unit);
	topology_add_unit(&topology, "vtd", &unit);
	assert_int_equal(topology.unit_count, 3);
	assert_string_equal(topology.units[0].name, "vtd0");
	assert_string_equal(topology.units[1].name, "viommu0");
	assert_string_equal(topology.units[2].name, "vtd1");
}

static void config_of_a_bus_is_counted_from_its_host_bridge(void **state)
{
	(void)state;
	topology.bridges[topology.bridge_count++] = (struct topology_bridge){
		.segment = 1, .first_bus = 0x10, .last_bus = 0x1f, .ecam_base = 0x80000000
	};
	assert_int_equal(topology_config(&topology, 1, 0x1208), 0x80208000);
	assert_int_equal(topology_config(&topology, 1, 0x2000), 0);
	assert_int_equal(topology_config(&topology, 0, 0x1208), 0);
}

/* --- what only the scan could tell ------------------------------------------------- */

static struct topology_unit *add_pci_unit(void)
{
	struct topology_unit *unit = &topology.units[0];
	struct topology_device *function = add("00:05.0", TOPOLOGY_NO_UNIT, 0);

	*unit = (struct topology_unit){ .name = "viommu0", .path = "VIOT+0x30", .is_pci = true,
					.rid = 0x28, .config = 0x4000028000 };
	function->stream_count = 0;
	function->config = unit->config;
	function->windows[1] = (struct topology_window){ 0x10001000, 0x1000 };
	function->windows[4] = (struct topology_window){ 0x10004000, 0x4000 };
	function->windows[5] = (struct topology_window){ 0x10003000, 0x1000 };
	topology_mark_unusable(function, "it is an IOMMU itself");
	return unit;
}

static void settle_unit_on_pci_has_its_largest_window(void **state)
{
	struct topology_unit *unit = add_pci_unit();

	(void)state;
	assert_int_equal(topology_settle(machine, &topology, &err), 0);
	assert_int_equal(unit->base, 0x10004000);
	assert_int_equal(unit->size, 0x4000);
}

static void settle_unit_that_is_not_there_is_refused(void **state)
{
	struct topology_unit *unit = add_pci_unit();

	(void)state;
	unit->config = 0;
	assert_int_equal(topology_settle(machine, &topology, &err), -EINVAL);
	assert_string_equal(err.text, "viommu0 (VIOT+0x30) is to be the PCI function 0000:00:05.0, "
				      "which is not there");
}

static void settle_unit_without_address_is_refused(void **state)
{
	(void)state;
	add_pci_unit();
	memset(topology.devices[0].windows, 0, sizeof(topology.devices[0].windows));
	assert_int_equal(topology_settle(machine, &topology, &err), -EINVAL);
	assert_string_equal(err.text, "viommu0 (VIOT+0x30): none of its BARs has an address");
}

static void settle_unit_over_what_is_not_its_own_is_refused(void **state)
{
	static const struct { uint64_t base; const char *owner; } places[] = {
		{ HW_FAKE_PA, "memory" },
		{ 0x20000000, "an IOMMU's registers" },
		{ MACHINE_FAKE_ECAM, "PCI configuration space" },
	};
	char text[128];
	size_t i;

	(void)state;
	add_pci_unit();
	topology.units[1].base = 0x20001000;
	topology.units[1].size = 0x1000;
	topology.bridges[topology.bridge_count++] = (struct topology_bridge){
		.ecam_base = MACHINE_FAKE_ECAM, .ecam_size = 1 << 20
	};
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		topology.devices[0].windows[4].base = places[i].base;
		assert_int_equal(topology_settle(machine, &topology, &err), -EINVAL);
		snprintf(text, sizeof(text), "viommu0 (VIOT+0x30): its registers at 0x%llx lie over %s",
			 (unsigned long long)places[i].base, places[i].owner);
		assert_string_equal(err.text, text);
	}
}

/* Not only the window that the module talks to: its interrupts too are nobody's. */
static void conflicts_windows_over_any_of_an_iommus_are_unusable(void **state)
{
	struct topology_device *a, *b, *c;

	(void)state;
	add_pci_unit();
	assert_int_equal(topology_settle(machine, &topology, &err), 0);
	a = add("00:02.0", 0, 1);
	b = add("00:03.0", 0, 2);
	c = add("00:04.0", 0, 3);
	a->windows[0] = (struct topology_window){ 0x10001800, 0x10 };
	b->windows[0] = (struct topology_window){ 0x10007000, 0x10 };
	c->windows[0] = (struct topology_window){ 0x10002000, 0x1000 };
	topology_mark_conflicts(machine, &topology);
	assert_string_equal(a->unusable,
			    "its register window 0 at 0x10001800 lies over an IOMMU's registers");
	assert_string_equal(b->unusable,
			    "its register window 0 at 0x10007000 lies over an IOMMU's registers");
	assert_string_equal(c->unusable, "");
	assert_string_equal(topology.devices[0].unusable, "it is an IOMMU itself");
}

static void settle_regions_become_those_of_the_devices_there_are(void **state)
{
	(void)state;
	add("00:02.0", 0, 0x10);
	add("00:02.1", 0, 0x11);
	add("0001:00:02.1", 0, 0x12);
	add("dt:/dma", 0, 0x13);
	topology.regions[0] = (struct topology_region){ .rid = 0x11, .rid_count = 1,
							.base = 0x1000, .length = 0x2000 };
	topology.regions[1] = (struct topology_region){ .rid = 0x100, .rid_count = 0x100,
							.base = 0x5000, .length = 0x1000 };
	topology.regions[2] = (struct topology_region){ .segment = 1, .rid_count = 0x100,
							.base = 0x9000, .length = 0x1000 };
	topology.region_count = 3;
	assert_int_equal(topology_settle(machine, &topology, &err), 0);
	assert_int_equal(topology.reserved_count, 2);
	assert_int_equal(topology.reserved[0].device, 1);
	assert_int_equal(topology.reserved[0].base, 0x1000);
	assert_int_equal(topology.reserved[0].length, 0x2000);
	assert_int_equal(topology.reserved[1].device, 2);
	assert_int_equal(topology.reserved[1].base, 0x9000);
}

static void settle_more_regions_than_fit_is_refused(void **state)
{
	uint32_t i;

	(void)state;
	add("00:02.0", 0, 0x10);
	add("00:02.1", 0, 0x11);
	for (i = 0; i < TOPOLOGY_RESERVED_MAX; i++)
		topology.regions[i] = (struct topology_region){ .rid = 0x10, .rid_count = 2,
								.base = 0x1000, .length = 0x1000 };
	topology.region_count = TOPOLOGY_RESERVED_MAX;
	assert_int_equal(topology_settle(machine, &topology, &err), -EINVAL);
	assert_string_equal(err.text, "firmware reserves memory for too many devices: this smmuman "
				      "knows 64 at most");
}

static void conflicts_of_devices_without_unit_are_none(void **state)
{
	struct topology_device *a = add("00:02.0", TOPOLOGY_NO_UNIT, 0);
	struct topology_device *b = add("00:03.0", TOPOLOGY_NO_UNIT, 0);

	(void)state;
	a->stream_count = b->stream_count = 0;
	topology_mark_conflicts(machine, &topology);
	assert_string_equal(a->unusable, "");
}

static void conflicts_of_three_windows_mark_all_three(void **state)
{
	struct topology_device *a = add("00:02.0", 0, 1), *b = add("00:03.0", 0, 2);
	struct topology_device *c = add("00:04.0", 0, 3), *d = add("00:05.0", 0, 4);

	(void)state;
	a->windows[0] = (struct topology_window){ 0x10000000, 0x1000 };
	b->windows[5] = (struct topology_window){ 0x10000fff, 0x1000 };
	c->windows[2] = (struct topology_window){ 0x10000000, 0x10 };
	d->windows[2] = (struct topology_window){ 0x10002000, 0x10 };
	topology_mark_conflicts(machine, &topology);
	assert_string_equal(a->unusable, "it shares the registers at 0x10000fff with pci:0000:00:03.0");
	assert_string_equal(b->unusable, "it shares the registers at 0x10000fff with pci:0000:00:02.0");
	assert_string_equal(c->unusable, "it shares the registers at 0x10000000 with pci:0000:00:02.0");
	assert_string_equal(d->unusable, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(add_same_name_twice_is_refused),
		TEST(add_name_that_is_an_alias_is_refused),
		TEST(add_starts_without_a_unit),
		TEST(mark_unusable_keeps_the_first_reason),
		TEST(conflicts_same_stream_on_two_units_is_none),
		TEST(conflicts_devices_that_share_any_stream_are_one_group),
		TEST(conflicts_group_joined_by_a_third_is_one),
		TEST(conflicts_group_with_an_unusable_device_is_unusable),
		TEST(conflicts_of_windows_inside_a_group_mark_all_of_it),
		TEST(unit_names_count_a_kind_at_a_time),
		TEST(config_of_a_bus_is_counted_from_its_host_bridge),
		TEST(settle_unit_on_pci_has_its_largest_window),
		TEST(settle_unit_that_is_not_there_is_refused),
		TEST(settle_unit_without_address_is_refused),
		TEST(settle_unit_over_what_is_not_its_own_is_refused),
		TEST(conflicts_windows_over_any_of_an_iommus_are_unusable),
		TEST(settle_regions_become_those_of_the_devices_there_are),
		TEST(settle_more_regions_than_fit_is_refused),
		TEST(conflicts_of_devices_without_unit_are_none),
		TEST(conflicts_of_three_windows_mark_all_three),
	};

	return cmocka_run_group_tests_name("topology", tests, NULL, NULL);
}
