// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "machine_fake.h"
#include "topology.h"

struct pair {
	struct machine *parts[2], *whole;
	struct topology topology;
	struct error err;
};

/* The fake's memory is always at one place; this one says that it has none. */
static bool has_no_memory(struct machine *machine, pa_t pa, uint64_t length)
{
	(void)machine;
	(void)pa;
	(void)length;
	return false;
}

static struct machine *open_fake(uint32_t edu_count, bool has_platform)
{
	struct machine_fake_options options = { .edu_count = edu_count,
						.has_platform = has_platform,
						.lend_parts = 1,
						.lend_size = edu_count * UINT64_C(0x100000) };
	struct machine *machine;

	assert_int_equal(machine_fake_open(&options, &machine), 0);
	return machine;
}

static int setup(void **state)
{
	static struct machine_ops ops;
	static struct pair pair;

	memset(&pair, 0, sizeof(pair));
	pair.parts[0] = open_fake(1, false);
	pair.parts[1] = open_fake(2, true);
	ops = *pair.parts[0]->ops;
	ops.is_memory = has_no_memory;
	pair.parts[0]->ops = &ops;
	pair.parts[1]->ops = &ops;
	assert_int_equal(machine_join(pair.parts, 2, &pair.whole, &pair.err), 0);
	*state = &pair;
	return 0;
}

static int teardown(void **state)
{
	struct pair *pair = *state;

	pair->whole->ops->close(pair->whole);
	return 0;
}

static void join_discovery_keeps_the_parts_apart(void **state)
{
	struct pair *pair = *state;
	const struct topology_device *device;
	struct devname name;

	assert_int_equal(topology_discover(pair->whole, &pair->topology, &pair->err), 0);
	assert_int_equal(pair->topology.unit_count, 2);
	assert_string_equal(pair->topology.units[0].name, "smmu0");
	assert_string_equal(pair->topology.units[1].name, "smmu1");
	assert_int_equal(machine_tag_part(pair->topology.units[1].base), 1);
	assert_int_equal(machine_untag(pair->topology.units[1].base), HW_FAKE_BASE);
	assert_int_equal(pair->topology.device_count, 4);

	assert_int_equal(devname_parse("pci:0001:00:03.0", &name), 0);
	device = topology_find(&pair->topology, &name);
	assert_non_null(device);
	assert_int_equal(device->unit, 1);
	assert_string_equal(device->unusable, "");
	assert_int_equal(machine_tag_part(device->config), 1);
	assert_int_equal(machine_tag_part(device->windows[0].base), 1);
	assert_int_equal(devname_parse("dt:/dma@a000000", &name), 0);
	device = topology_find(&pair->topology, &name);
	assert_non_null(device);
	assert_int_equal(device->unit, 1);
	assert_int_equal(device->windows[0].base, machine_tag(1, MACHINE_FAKE_PLATFORM));
	assert_int_equal(devname_parse("pci:0000:00:03.0", &name), 0);
	assert_null(topology_find(&pair->topology, &name));
}

static void join_configuration_space_is_the_parts_own(void **state)
{
	struct pair *pair = *state;
	uint64_t second = MACHINE_FAKE_ECAM + (3u << 15);

	assert_int_equal(pair->whole->ops->config_read(pair->whole, second, 4), UINT32_MAX);
	assert_int_equal(pair->whole->ops->config_read(pair->whole, machine_tag(1, second), 2),
			 0x1234);
	pair->whole->ops->config_write(pair->whole, machine_tag(1, second + 4), 2, 2);
	assert_int_equal(pair->parts[1]->ops->config_read(pair->parts[1], second + 4, 2), 2);
}

static void join_window_opens_and_closes_on_its_part(void **state)
{
	struct pair *pair = *state;
	const uint32_t there = 0x5a5a1234;
	struct machine_window window;
	uint32_t value;
	int registers = machine_fake_window_fd(pair->parts[1], MACHINE_FAKE_BARS);

	assert_int_equal(pair->whole->ops->window_open(pair->whole,
						       machine_tag(1, MACHINE_FAKE_BARS), 0x1000,
						       &window, &pair->err), 0);
	assert_int_equal(machine_fake_windows_open(pair->parts[0]), 0);
	assert_int_equal(machine_fake_windows_open(pair->parts[1]), 1);
	assert_int_equal(pair->whole->ops->window_read32(pair->whole, &window, 0, &value), 0);
	assert_int_equal(pwrite(registers, &there, sizeof(there), 0), sizeof(there));
	assert_int_equal(pair->whole->ops->window_read32(pair->whole, &window, 0, &value), 0);
	assert_int_equal(value, there);
	pair->whole->ops->window_close(pair->whole, &window);
	assert_int_equal(machine_fake_windows_open(pair->parts[1]), 0);
}

/* What one part cannot lend, another may; each gets its own back. */
static void join_memory_is_lent_by_whom_has_it_and_goes_back_there(void **state)
{
	struct pair *pair = *state;
	uint32_t lent[2], again;
	uint64_t size;
	int fds[2], fd;
	unsigned i;

	for (i = 0; i < 2; i++)
		assert_int_equal(pair->whole->ops->memory_lend(pair->whole, 0, 0x100000, &fds[i],
							       &size, &lent[i], &pair->err), 0);
	assert_int_equal(size, 0x200000);
	assert_int_not_equal(lent[0], lent[1]);
	assert_int_equal(pair->whole->ops->memory_lend(pair->whole, 0, 0x100000, &fd, &size, &again,
						       &pair->err), -ENOSPC);
	pair->whole->ops->memory_return(pair->whole, lent[1]);
	assert_int_equal(pair->whole->ops->memory_lend(pair->whole, 0, 0x100000, &fd, &size, &again,
						       &pair->err), 0);
	assert_int_equal(again, lent[1]);
	assert_int_equal(size, 0x200000);
	close(fd);
	close(fds[0]);
	close(fds[1]);
}

static void join_arena_of_any_part_is_known(void **state)
{
	struct pair *pair = *state;

	pair->parts[1]->arena_pa = PA(0x90000000);
	pair->parts[1]->arena_size = 0x2000;
	assert_true(machine_overlaps_arena(pair->whole, PA(0x90001000), 0x1000));
	assert_true(machine_overlaps_arena(pair->whole, pair->parts[0]->arena_pa, 0x1000));
	assert_false(machine_overlaps_arena(pair->whole, PA(0x90002000), 0x1000));
}

static void join_parts_with_memory_at_one_address_are_refused(void **state)
{
	struct machine *parts[2] = { open_fake(1, false), open_fake(1, false) };
	struct error err = { 0 };
	struct machine *whole;

	(void)state;
	assert_int_equal(machine_join(parts, 2, &whole, &err), -EINVAL);
	assert_non_null(strstr(err.text, "memory at the same addresses"));
}

static void join_of_one_machine_is_itself(void **state)
{
	struct machine *machine = open_fake(1, false);

	(void)state;
	assert_int_equal(machine_part_count(machine), 1);
	assert_ptr_equal(machine_part(machine, 0), machine);
	machine->ops->close(machine);
}

static void join_registers_at_an_address_with_a_top_byte_are_refused(void **state)
{
	struct machine *machine = open_fake(0, false);
	static struct topology topology;
	struct error err = { 0 };
	uint8_t *at = memmem(machine->fdt, machine->fdt_size, "\0\0\0\0\x09\x05\0\0", 8);

	(void)state;
	assert_non_null(at);
	at[0] = 1;
	assert_int_equal(topology_discover(machine, &topology, &err), -EINVAL);
	assert_non_null(strstr(err.text, "2^56"));
	machine->ops->close(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(join_discovery_keeps_the_parts_apart, setup,
						teardown),
		cmocka_unit_test_setup_teardown(join_configuration_space_is_the_parts_own, setup,
						teardown),
		cmocka_unit_test_setup_teardown(join_window_opens_and_closes_on_its_part, setup,
						teardown),
		cmocka_unit_test_setup_teardown(join_memory_is_lent_by_whom_has_it_and_goes_back_there,
						setup, teardown),
		cmocka_unit_test_setup_teardown(join_arena_of_any_part_is_known, setup, teardown),
		cmocka_unit_test(join_parts_with_memory_at_one_address_are_refused),
		cmocka_unit_test(join_of_one_machine_is_itself),
		cmocka_unit_test(join_registers_at_an_address_with_a_top_byte_are_refused),
	};

	return cmocka_run_group_tests_name("machine_join", tests, NULL, NULL);
}
