// SPDX-License-Identifier: BSD-2-Clause
/*
 * The device tree QEMU leaves at the start of RAM: read it, add to it.
 * Bindings: Devicetree Specification 0.4; "arm,smmu-v3"; PCI "iommu-map". An
 * IOMMU that is a PCI function has no registers here: its BARs are found later.
 */
#include "fdt_edit.h"

#include <errno.h>
#include <inttypes.h>
#include <libfdt.h>
#include <stdio.h>
#include <string.h>

#include "arith.h"
#include "types.h"

#define ROOT_CELLS 2u		/* of an address and of a size, on this machine */
#define RANGES_CELLS 7u		/* PCI address 3, parent address 2, size 2 */
#define MAP_CELLS 4u		/* iommu-map: requester, phandle, stream, count */
#define MAP_ROWS_MAX 64u
#define PCI_SPACE_MASK 0x03000000u
#define PCI_SPACE_MEM32 0x02000000u
#define PCI_SPACE_MEM64 0x03000000u
#define GROW_BYTES 4096 /* room for one more node */

static int fdt_fail(struct error *err, const char *what, int code)
{
	return error_set(err, -EBADMSG, "the machine's device tree: %s: %s", what,
			 fdt_strerror(code));
}

static uint32_t cell(const fdt32_t *cells, unsigned index)
{
	return fdt32_to_cpu(cells[index]);
}

static uint64_t two_cells(const fdt32_t *cells, unsigned index)
{
	return (uint64_t)cell(cells, index) << 32 | cell(cells, index + 1);
}

/* A property of at least count cells; *ret_count is how many there are. */
static const fdt32_t *get_cells(const void *fdt, int node, const char *name, unsigned count,
				unsigned *ret_count)
{
	int length = 0;
	const fdt32_t *cells = fdt_getprop(fdt, node, name, &length);

	if (!cells || length % 4 != 0 || (unsigned)length / 4 < count)
		return NULL;
	*ret_count = (unsigned)length / 4;
	return cells;
}

static int get_reg(const void *fdt, int node, struct range *ret_range, struct error *err)
{
	unsigned count;
	const fdt32_t *reg = get_cells(fdt, node, "reg", 2 * ROOT_CELLS, &count);

	if (!reg)
		return fdt_fail(err, "a node without reg", -FDT_ERR_NOTFOUND);
	ret_range->base = two_cells(reg, 0);
	ret_range->length = two_cells(reg, 2);
	if (range_is_bad(ret_range->base, ret_range->length))
		return fdt_fail(err, "reg is no range", -FDT_ERR_BADVALUE);
	return 0;
}

static int learn_units(const void *fdt, struct board_layout *layout, struct error *err)
{
	int node, status;

	node = fdt_node_offset_by_compatible(fdt, -1, "arm,smmu-v3");
	while (node >= 0 && layout->unit_count < LAYOUT_UNITS_MAX) {
		status = get_reg(fdt, node, &layout->units[layout->unit_count], err);
		if (status)
			return status;
		layout->unit_count++;
		node = fdt_node_offset_by_compatible(fdt, node, "arm,smmu-v3");
	}
	if (layout->unit_count == 0 &&
	    fdt_node_offset_by_compatible(fdt, -1, "virtio,pci-iommu") < 0)
		return fdt_fail(err, "no arm,smmu-v3 and no virtio,pci-iommu", -FDT_ERR_NOTFOUND);
	return 0;
}

static void add_mmio(struct board_layout *layout, uint32_t space, const struct range *range)
{
	if (layout->mmio_count == LAYOUT_MMIO_MAX)
		return;
	layout->mmio[layout->mmio_count++] = *range;
	if (space == PCI_SPACE_MEM32)
		layout->low_mmio = *range;
}

static int learn_pci(const void *fdt, struct board_layout *layout, struct error *err)
{
	int node = fdt_node_offset_by_compatible(fdt, -1, "pci-host-ecam-generic");
	const fdt32_t *ranges;
	unsigned count, i;
	int status;

	if (node < 0)
		return fdt_fail(err, "no pci-host-ecam-generic", node);
	status = get_reg(fdt, node, &layout->ecam, err);
	if (status)
		return status;
	ranges = get_cells(fdt, node, "ranges", RANGES_CELLS, &count);
	if (!ranges || count % RANGES_CELLS != 0)
		return fdt_fail(err, "PCI ranges", -FDT_ERR_BADVALUE);

	for (i = 0; i < count; i += RANGES_CELLS) {
		uint32_t space = cell(ranges, i) & PCI_SPACE_MASK;
		struct range range = { two_cells(ranges, i + 3), two_cells(ranges, i + 5) };

		if (space != PCI_SPACE_MEM32 && space != PCI_SPACE_MEM64)
			continue;
		if (range_is_bad(range.base, range.length))
			return fdt_fail(err, "a PCI range", -FDT_ERR_BADVALUE);
		add_mmio(layout, space, &range);
	}
	if (layout->low_mmio.length == 0)
		return fdt_fail(err, "no 32-bit PCI window", -FDT_ERR_NOTFOUND);
	return 0;
}

int fdt_edit_learn(const void *ram, uint64_t ram_size, struct board_layout *ret_layout,
		   struct error *err)
{
	int status = fdt_check_full(ram, ram_size);

	if (status)
		return fdt_fail(err, "at the start of RAM", status);
	memset(ret_layout, 0, sizeof(*ret_layout));
	ret_layout->description = BOARD_DEVICE_TREE;
	ret_layout->description_size = align_up(fdt_totalsize(ram), PAGE_BYTES);

	status = learn_units(ram, ret_layout, err);
	if (status)
		return status;
	return learn_pci(ram, ret_layout, err);
}

/* A map without one requester: at most one row becomes two. */
struct map {
	fdt32_t cells[MAP_ROWS_MAX * MAP_CELLS];
	unsigned count; /* cells */
	uint32_t phandle, stream; /* of the requester that was taken out */
	bool found;
};

static void map_add(struct map *map, uint32_t requester, uint32_t phandle, uint32_t stream,
		    uint32_t length)
{
	if (length == 0)
		return;
	map->cells[map->count++] = cpu_to_fdt32(requester);
	map->cells[map->count++] = cpu_to_fdt32(phandle);
	map->cells[map->count++] = cpu_to_fdt32(stream);
	map->cells[map->count++] = cpu_to_fdt32(length);
}

static void map_copy_without(struct map *map, const fdt32_t *row, uint32_t requester)
{
	uint32_t first = cell(row, 0), phandle = cell(row, 1);
	uint32_t stream = cell(row, 2), length = cell(row, 3);
	uint32_t before = requester - first;

	if (requester < first || before >= length) {
		map_add(map, first, phandle, stream, length);
		return;
	}
	map->found = true;
	map->phandle = phandle;
	map->stream = stream + before;
	map_add(map, first, phandle, stream, before);
	map_add(map, requester + 1, phandle, stream + before + 1, length - before - 1);
}

/* Takes requester out of the host bridge's iommu-map; fills *map. */
static int take_from_map(void *fdt, uint16_t requester, struct map *map, struct error *err)
{
	int node = fdt_node_offset_by_compatible(fdt, -1, "pci-host-ecam-generic");
	const fdt32_t *rows;
	unsigned count, i;
	int status;

	if (node < 0)
		return fdt_fail(err, "no pci-host-ecam-generic", node);
	rows = get_cells(fdt, node, "iommu-map", MAP_CELLS, &count);
	if (!rows || count % MAP_CELLS != 0 || count / MAP_CELLS >= MAP_ROWS_MAX)
		return fdt_fail(err, "iommu-map", -FDT_ERR_BADVALUE);

	for (i = 0; i < count; i += MAP_CELLS)
		map_copy_without(map, rows + i, requester);
	if (!map->found)
		return fdt_fail(err, "iommu-map lacks the device", -FDT_ERR_NOTFOUND);
	status = fdt_setprop(fdt, node, "iommu-map", map->cells,
			     (int)(map->count * sizeof(fdt32_t)));
	return status ? fdt_fail(err, "iommu-map", status) : 0;
}

static int add_node(void *fdt, const struct platform_device *device, const struct map *map)
{
	fdt64_t reg[2] = { cpu_to_fdt64(device->registers.base),
			   cpu_to_fdt64(device->registers.length) };
	fdt32_t iommus[2] = { cpu_to_fdt32(map->phandle), cpu_to_fdt32(map->stream) };
	char name[64];
	int node, status;

	snprintf(name, sizeof(name), "platform-%s@%" PRIx64, device->compatible,
		 device->registers.base);
	node = fdt_add_subnode(fdt, 0, name);
	if (node < 0)
		return node;
	status = fdt_setprop_string(fdt, node, "compatible", device->compatible);
	if (!status)
		status = fdt_setprop(fdt, node, "reg", reg, sizeof(reg));
	if (!status)
		status = fdt_setprop(fdt, node, "iommus", iommus, sizeof(iommus));
	return status;
}

int fdt_edit_add_platform(void *ram, uint64_t ram_size, const struct platform_device *device,
			  struct error *err)
{
	uint64_t room = (uint64_t)fdt_totalsize(ram) + GROW_BYTES;
	struct map map = { .count = 0 };
	int status;

	if (room > ram_size)
		return error_set(err, -ENOSPC, "no room in RAM for one more device tree node");
	status = fdt_open_into(ram, ram, (int)room);
	if (status)
		return fdt_fail(err, "making room", status);
	status = take_from_map(ram, device->requester, &map, err);
	if (status)
		return status;
	status = add_node(ram, device, &map);
	return status ? fdt_fail(err, "adding a node", status) : 0;
}
