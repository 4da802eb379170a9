// SPDX-License-Identifier: BSD-2-Clause
/* Device trees a machine might leave, good and broken, made here by hand. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#include "fdt_edit.h"

#define RAM_BYTES 0x10000
#define PHANDLE 7

static uint8_t *ram;

static void set_cells(const char *path, const char *name, const uint32_t *cells, unsigned count)
{
	fdt32_t swapped[32];
	unsigned i;

	for (i = 0; i < count; i++)
		swapped[i] = cpu_to_fdt32(cells[i]);
	assert_int_equal(fdt_setprop(ram, fdt_path_offset(ram, path), name, swapped,
				     (int)(count * 4)), 0);
}

#define SET(path, name, ...) \
	set_cells(path, name, (const uint32_t[]){ __VA_ARGS__ }, \
		  sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)

/* One unit, one host bridge with three windows, all streams through the unit. */
static int set_up(void **state)
{
	int node;

	(void)state;
	ram = calloc(1, RAM_BYTES);
	assert_int_equal(fdt_create_empty_tree(ram, 0x2000), 0);
	node = fdt_add_subnode(ram, 0, "smmuv3@9050000");
	fdt_setprop_string(ram, node, "compatible", "arm,smmu-v3");
	node = fdt_add_subnode(ram, 0, "pcie@10000000");
	fdt_setprop_string(ram, node, "compatible", "pci-host-ecam-generic");
	SET("/smmuv3@9050000", "reg", 0, 0x9050000, 0, 0x20000);
	SET("/smmuv3@9050000", "phandle", PHANDLE);
	SET("/pcie@10000000", "reg", 0x40, 0x10000000, 0, 0x10000000);
	SET("/pcie@10000000", "ranges", 0x1000000, 0, 0, 0, 0x3eff0000, 0, 0x10000, 0x2000000, 0,
	    0x10000000, 0, 0x10000000, 0, 0x2eff0000, 0x3000000, 0x80, 0, 0x80, 0, 0x80, 0);
	SET("/pcie@10000000", "iommu-map", 0, PHANDLE, 0, 0x10000);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(ram);
	return 0;
}

static void learn_good_tree_finds_everything(void **state)
{
	struct board_layout layout;
	struct error err;

	(void)state;
	assert_int_equal(fdt_edit_learn(ram, RAM_BYTES, &layout, &err), 0);
	assert_int_equal(layout.unit_count, 1);
	assert_int_equal(layout.units[0].base, 0x9050000);
	assert_int_equal(layout.units[0].length, 0x20000);
	assert_int_equal(layout.ecam.base, 0x4010000000);
	assert_int_equal(layout.mmio_count, 2);
	assert_int_equal(layout.low_mmio.base, 0x10000000);
	assert_int_equal(layout.mmio[1].base, 0x8000000000);
	assert_int_equal(layout.description_size, 0x2000);
}

static void check_refused(const char *why)
{
	struct board_layout layout;
	struct error err;

	assert_int_equal(fdt_edit_learn(ram, RAM_BYTES, &layout, &err), -EBADMSG);
	if (!strstr(err.text, why))
		fail_msg("\"%s\" does not say \"%s\"", err.text, why);
}

static void learn_memory_that_is_no_tree_is_refused(void **state)
{
	(void)state;
	memset(ram, 0, 64);
	check_refused("at the start of RAM");
	memset(ram, 0xff, RAM_BYTES);
	check_refused("at the start of RAM");
}

static void learn_tree_larger_than_ram_is_refused(void **state)
{
	(void)state;
	fdt_set_totalsize(ram, RAM_BYTES + 1);
	check_refused("at the start of RAM");
}

static void learn_lacking_parts_are_named(void **state)
{
	(void)state;
	fdt_delprop(ram, fdt_path_offset(ram, "/pcie@10000000"), "ranges");
	check_refused("PCI ranges");
	fdt_del_node(ram, fdt_path_offset(ram, "/pcie@10000000"));
	check_refused("no pci-host-ecam-generic");
	fdt_delprop(ram, fdt_path_offset(ram, "/smmuv3@9050000"), "reg");
	check_refused("a node without reg");
	fdt_del_node(ram, fdt_path_offset(ram, "/smmuv3@9050000"));
	check_refused("no arm,smmu-v3");
}

/* Its registers are BARs, which a device tree does not tell. */
static void learn_tree_with_a_virtio_iommu_alone_passes(void **state)
{
	struct board_layout layout;
	struct error err;
	int node;

	(void)state;
	fdt_del_node(ram, fdt_path_offset(ram, "/smmuv3@9050000"));
	check_refused("no arm,smmu-v3 and no virtio,pci-iommu");
	node = fdt_add_subnode(ram, fdt_path_offset(ram, "/pcie@10000000"), "virtio_iommu@1,0");
	fdt_setprop_string(ram, node, "compatible", "virtio,pci-iommu");
	assert_int_equal(fdt_edit_learn(ram, RAM_BYTES, &layout, &err), 0);
	assert_int_equal(layout.unit_count, 0);
	assert_int_equal(layout.ecam.base, 0x4010000000);
}

static void learn_numbers_that_are_no_ranges_are_refused(void **state)
{
	(void)state;
	SET("/pcie@10000000", "ranges", 0x2000000, 0, 0, 0, 0x10000000, 0, 0);
	check_refused("a PCI range");
	SET("/pcie@10000000", "ranges", 0x2000000, 0, 0, 0, 0x10000000, 0, 1, 2);
	check_refused("PCI ranges");
	SET("/pcie@10000000", "ranges", 0x3000000, 0, 0, 0, 0x10000000, 0, 1);
	check_refused("no 32-bit PCI window");
	SET("/pcie@10000000", "reg", 0xffffffff, 0xffffffff, 0, 2);
	check_refused("reg is no range");
	SET("/pcie@10000000", "reg", 0, 1, 0);
	check_refused("a node without reg");
}

static struct platform_device device_at(uint16_t requester)
{
	return (struct platform_device){ .compatible = "edu", .registers = { 0x10200000, 0x100000 },
					 .requester = requester };
}

static void check_map(const uint32_t *wanted, unsigned count)
{
	int length;
	const fdt32_t *map = fdt_getprop(ram, fdt_path_offset(ram, "/pcie@10000000"), "iommu-map",
					 &length);
	unsigned i;

	assert_int_equal(length, count * 4);
	for (i = 0; i < count; i++)
		assert_int_equal(fdt32_to_cpu(map[i]), wanted[i]);
}

#define MAP_IS(...) \
	check_map((const uint32_t[]){ __VA_ARGS__ }, sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)

static void add_platform_splits_the_map_and_adds_a_node(void **state)
{
	struct platform_device device = device_at(0x20);
	struct error err;
	const fdt32_t *iommus;
	int node, length;

	(void)state;
	assert_int_equal(fdt_edit_add_platform(ram, RAM_BYTES, &device, &err), 0);
	MAP_IS(0, PHANDLE, 0, 0x20, 0x21, PHANDLE, 0x21, 0xffdf);
	node = fdt_path_offset(ram, "/platform-edu@10200000");
	assert_true(node > 0);
	iommus = fdt_getprop(ram, node, "iommus", &length);
	assert_int_equal(length, 8);
	assert_int_equal(fdt32_to_cpu(iommus[0]), PHANDLE);
	assert_int_equal(fdt32_to_cpu(iommus[1]), 0x20);
	assert_int_equal(fdt_check_full(ram, RAM_BYTES), 0);
}

static void add_platform_at_an_edge_makes_no_empty_row(void **state)
{
	struct platform_device first = device_at(0), last = device_at(0xffff);
	struct error err;

	(void)state;
	assert_int_equal(fdt_edit_add_platform(ram, RAM_BYTES, &first, &err), 0);
	MAP_IS(1, PHANDLE, 1, 0xffff);
	last.registers.base += 0x100000;
	assert_int_equal(fdt_edit_add_platform(ram, RAM_BYTES, &last, &err), 0);
	MAP_IS(1, PHANDLE, 1, 0xfffe);
}

static void add_platform_stream_follows_a_shifted_map(void **state)
{
	struct platform_device device = device_at(0x110);
	struct error err;
	const fdt32_t *iommus;

	(void)state;
	SET("/pcie@10000000", "iommu-map", 0x100, PHANDLE, 0x1000, 0x100);
	assert_int_equal(fdt_edit_add_platform(ram, RAM_BYTES, &device, &err), 0);
	MAP_IS(0x100, PHANDLE, 0x1000, 0x10, 0x111, PHANDLE, 0x1011, 0xef);
	iommus = fdt_getprop(ram, fdt_path_offset(ram, "/platform-edu@10200000"), "iommus", NULL);
	assert_int_equal(fdt32_to_cpu(iommus[1]), 0x1010);
}

static void add_platform_without_a_stream_or_room_is_refused(void **state)
{
	struct platform_device device = device_at(0x20);
	struct error err;

	(void)state;
	assert_int_equal(fdt_edit_add_platform(ram, 0x2fff, &device, &err), -ENOSPC);
	SET("/pcie@10000000", "iommu-map", 0x100, PHANDLE, 0x1000, 0x100);
	assert_int_equal(fdt_edit_add_platform(ram, RAM_BYTES, &device, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "lacks the device"));
	SET("/pcie@10000000", "iommu-map", 0, PHANDLE, 0);
	assert_int_equal(fdt_edit_add_platform(ram, RAM_BYTES, &device, &err), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(learn_good_tree_finds_everything),
		TEST(learn_memory_that_is_no_tree_is_refused),
		TEST(learn_tree_larger_than_ram_is_refused),
		TEST(learn_lacking_parts_are_named),
		TEST(learn_tree_with_a_virtio_iommu_alone_passes),
		TEST(learn_numbers_that_are_no_ranges_are_refused),
		TEST(add_platform_splits_the_map_and_adds_a_node),
		TEST(add_platform_at_an_edge_makes_no_empty_row),
		TEST(add_platform_stream_follows_a_shifted_map),
		TEST(add_platform_without_a_stream_or_room_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
