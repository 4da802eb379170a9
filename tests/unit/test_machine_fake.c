// SPDX-License-Identifier: BSD-2-Clause
/* The machine without hardware is one the daemon's parts can work on. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "driver.h"
#include "machine_fake.h"
#include "scoped.h"
#include "topology_text.h"

#define SIZE (8 * PAGE_BYTES)

static struct error err;

static int make_memory(void)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint64_t i;

	for (i = 0; i < SIZE; i += PAGE_BYTES)
		assert_int_equal(pwrite(fd, "x", 1, (off_t)i), 1);
	assert_int_equal(ftruncate(fd, SIZE), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	return fd;
}

static struct machine *open_fake(const struct machine_fake_options *options)
{
	struct machine *machine;

	assert_int_equal(machine_fake_open(options, &machine), 0);
	return machine;
}

static void fake_tree_and_pci_are_discovered(void **state)
{
	static struct topology topology;
	static char text[4096];
	struct machine *machine = open_fake(&(struct machine_fake_options){ .edu_count = 24,
									    .has_platform = true });

	(void)state;
	assert_int_equal(topology_from_fdt(machine->fdt, machine->fdt_size, &topology, &err), 0);
	assert_int_equal(topology_scan_pci(machine, &topology, &err), 0);
	assert_int_equal(topology.device_count, 25);
	topology_text(&topology, text, sizeof(text));
	assert_null(strstr(text, "unusable"));
	assert_non_null(strstr(text, "device dt:/dma@a000000 alias mmio:0xa000000+0x1000\n"
				     "  on smmu0 stream 0x2000\n"));
	assert_non_null(strstr(text, "device pci:0000:00:19.0 1234:11e8\n"
				     "  on smmu0 stream 0xc8\n"
				     "  window 0 0x11700000+0x100000\n"));
	machine->ops->close(machine);
}

static void fake_unit_is_taken_over_through_the_machine(void **state)
{
	struct hw_fake unit;
	struct drv_found found = hw_fake_found();
	struct drv_options options = { .stage = DRV_STAGE_ANY };
	struct machine *machine;
	struct drv_unit *drv;
	struct pages pages;

	(void)state;
	assert_int_equal(hw_fake_init(&unit, 16 << 20), 0);
	machine = open_fake(&(struct machine_fake_options){ .unit = &unit, .edu_count = 2 });
	assert_int_equal(pages_init(&pages, machine->arena_cpu, machine->arena_pa,
				    machine->arena_size), 0);
	machine->hw.pages = &pages;
	assert_int_equal(drv_find(&found)->probe(&machine->hw, &found, &options, &drv, &err), 0);
	if (drv->ops->takeover(drv, NULL, 0, &err))
		fail_msg("%s", err.text);
	assert_true(unit.syncs > 0);
	assert_int_equal(drv->ops->audit(drv, &err), 0);
	drv->ops->close(drv);
	drv->ops->forget(drv);
	pages_fini(&pages);
	machine->ops->close(machine);
	hw_fake_fini(&unit);
}

static void fake_memory_in_one_run_is_one_extent(void **state)
{
	struct machine *machine = open_fake(&(struct machine_fake_options){ 0 });
	scoped_fd first = make_memory(), second = make_memory();
	struct extent a, b;
	uint32_t count;

	(void)state;
	assert_int_equal(machine->ops->memory_resolve(machine, first, 0, SIZE, &a, 1, &count,
						      &err), 0);
	assert_int_equal(count, 1);
	assert_int_equal(a.length, SIZE);
	assert_int_equal(machine->ops->memory_resolve(machine, second, 0, SIZE, &b, 1, &count,
						      &err), 0);
	assert_true(b.pa.v >= a.pa.v + SIZE);
	assert_true(machine->ops->is_memory(machine, b.pa, b.length));
	assert_int_equal(machine->ops->memory_resolve(machine, first, 0x1000, 0x1000, &b, 1, &count,
						      &err), 0);
	assert_int_equal(b.pa.v, a.pa.v + 0x1000);
	machine->ops->close(machine);
}

static void fake_memory_in_runs_never_touches(void **state)
{
	struct machine *machine = open_fake(&(struct machine_fake_options){ .run_pages = 3 });
	struct extent extents[8];
	scoped_fd fd = make_memory();
	uint32_t count, i;

	(void)state;
	assert_int_equal(machine->ops->memory_resolve(machine, fd, 0x1000, SIZE - 0x1000, extents,
						      8, &count, &err), 0);
	assert_int_equal(count, 3);
	assert_int_equal(extents[0].length, 0x2000);
	assert_int_equal(extents[1].length, 0x3000);
	assert_int_equal(extents[2].length, 0x2000);
	for (i = 1; i < count; i++)
		assert_true(extents[i].pa.v > extents[i - 1].pa.v + extents[i - 1].length);
	assert_int_equal(machine->ops->memory_resolve(machine, fd, 0, SIZE, extents, 2, &count,
						      &err), -E2BIG);
	machine->ops->close(machine);
}

static void fake_memory_unsealed_is_refused(void **state)
{
	struct machine *machine = open_fake(&(struct machine_fake_options){ 0 });
	scoped_fd fd = memfd_create("loose", MFD_CLOEXEC);
	struct extent extent;
	uint32_t count;

	(void)state;
	assert_int_equal(machine->ops->memory_resolve(machine, fd, 0, SIZE, &extent, 1, &count,
						      &err), -EINVAL);
	machine->ops->close(machine);
}

static void fake_memory_is_lent_when_there_are_parts(void **state)
{
	struct machine *machine = open_fake(&(struct machine_fake_options){
		.lend_parts = 1, .lend_size = SIZE });
	struct extent extent;
	uint32_t part, count;
	uint64_t size;
	int fd;

	(void)state;
	assert_int_equal(machine->ops->memory_lend(machine, 0, SIZE, &fd, &size, &part, &err), 0);
	assert_int_equal(machine->ops->memory_resolve(machine, fd, 0, size, &extent, 1, &count,
						      &err), 0);
	close(fd);
	assert_int_equal(machine->ops->memory_lend(machine, 0, SIZE, &fd, &size, &part, &err),
			 -ENOSPC);
	machine->ops->memory_return(machine, part);
	assert_int_equal(machine->ops->memory_lend(machine, 0, SIZE, &fd, &size, &part, &err), 0);
	close(fd);
	machine->ops->close(machine);
	machine = open_fake(&(struct machine_fake_options){ 0 });
	assert_int_equal(machine->ops->memory_lend(machine, 0, SIZE, &fd, &size, &part, &err),
			 -EOPNOTSUPP);
	machine->ops->close(machine);
}

static void fake_window_shows_what_the_test_wrote(void **state)
{
	struct machine *machine = open_fake(&(struct machine_fake_options){ .edu_count = 1 });
	struct machine_window window;
	uint32_t value = 0x12345678, seen = 0;

	(void)state;
	assert_int_equal(pwrite(machine_fake_window_fd(machine, MACHINE_FAKE_BARS), &value,
				sizeof(value), 0x98), sizeof(value));
	assert_int_equal(machine->ops->window_open(machine, MACHINE_FAKE_BARS, 1 << 20, &window,
						   &err), 0);
	assert_int_equal(machine_fake_windows_open(machine), 1);
	assert_int_equal(machine->ops->window_read32(machine, &window, 0x98, &seen), 0);
	assert_int_equal(seen, value);
	machine->ops->window_close(machine, &window);
	assert_int_equal(machine_fake_windows_open(machine), 0);
	machine->ops->close(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fake_tree_and_pci_are_discovered),
		cmocka_unit_test(fake_unit_is_taken_over_through_the_machine),
		cmocka_unit_test(fake_memory_in_one_run_is_one_extent),
		cmocka_unit_test(fake_memory_in_runs_never_touches),
		cmocka_unit_test(fake_memory_unsealed_is_refused),
		cmocka_unit_test(fake_memory_is_lent_when_there_are_parts),
		cmocka_unit_test(fake_window_shows_what_the_test_wrote),
	};

	return cmocka_run_group_tests_name("machine_fake", tests, NULL, NULL);
}
