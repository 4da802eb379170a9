// SPDX-License-Identifier: BSD-2-Clause
/* F56: one device, one name; conflicts between devices of all kinds. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
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

static void conflicts_any_of_several_streams_counts(void **state)
{
	struct topology_device *a = add("00:02.0", 0, 0x10), *b = add("dt:/dma", 0, 0x20);

	(void)state;
	b->streams[b->stream_count++] = 0x21;
	b->streams[b->stream_count++] = 0x10;
	topology_mark_conflicts(machine, &topology);
	assert_string_equal(a->unusable, "it shares stream 0x10 with dt:/dma");
	assert_string_equal(b->unusable, "it shares stream 0x10 with pci:0000:00:02.0");
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
		TEST(conflicts_any_of_several_streams_counts),
		TEST(conflicts_of_devices_without_unit_are_none),
		TEST(conflicts_of_three_windows_mark_all_three),
	};

	return cmocka_run_group_tests_name("topology", tests, NULL, NULL);
}
