// SPDX-License-Identifier: BSD-2-Clause
/*
 * Units, PCI host bridges and platform masters from a flattened device tree
 * (Devicetree Specification 0.4; bindings arm,smmu-v3, pci-host-ecam-generic,
 * iommu-map). The tree is a stranger's: every length is checked before use.
 */
#include "topology.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arith.h"
#include "fdt_tree.h"

#define IOMMU_CELLS_MAX 8u
#define BUS_BYTES (UINT64_C(1) << 20) /* of ECAM */
#define MAP_ENTRY_CELLS 4u	      /* requester id, phandle, stream, length */

struct discovery {
	struct topology *topology;
	uint32_t unit_cells[TOPOLOGY_UNITS_MAX]; /* #iommu-cells */
};

/* --- units ------------------------------------------------------------------------- */

/* The string modules match by: the generic one if it is there, else the first. */
static int get_compatible(const struct fdt_tree *tree, char *text, size_t size)
{
	const char *chosen = fdt_tree_compatible(tree);

	if (!chosen || !chosen[0])
		return fdt_tree_refuse(tree, "compatible is missing or is no list of strings");
	if (fdt_tree_is_compatible(tree, "arm,smmu-v3"))
		chosen = "arm,smmu-v3";
	if (strlen(chosen) >= size)
		return fdt_tree_refuse(tree, "compatible is longer than %zu bytes", size - 1);
	memcpy(text, chosen, strlen(chosen) + 1);
	return 0;
}

static int check_unit_is_alone(const struct fdt_tree *tree, const struct topology *topology,
			       const struct topology_unit *unit)
{
	uint32_t i;

	for (i = 0; i < topology->unit_count; i++) {
		const struct topology_unit *other = &topology->units[i];

		if (unit->phandle && unit->phandle == other->phandle)
			return fdt_tree_refuse(tree, "has the phandle 0x%" PRIx32 " of %.60s too",
					       unit->phandle, other->path);
		if (unit->size && other->size &&
		    range_overlaps(unit->base, unit->size, other->base, other->size))
			return fdt_tree_refuse(
				tree, "its registers at 0x%" PRIx64 " are also those of %.60s",
				unit->base, other->path);
	}
	return 0;
}

static int visit_unit(struct fdt_tree *tree, void *context)
{
	struct discovery *found = context;
	struct topology *topology = found->topology;
	struct topology_unit unit = { .base = 0 };
	struct topology_window window;
	uint32_t cells;
	int result;

	result = fdt_tree_cell(tree, "#iommu-cells", UINT32_MAX, &cells);
	if (result || cells == UINT32_MAX)
		return result;
	if (topology->unit_count == TOPOLOGY_UNITS_MAX)
		return fdt_tree_refuse(tree, "is one IOMMU too many: this smmuman knows %u at most",
				       TOPOLOGY_UNITS_MAX);
	if (cells > IOMMU_CELLS_MAX)
		return fdt_tree_refuse(tree, "#iommu-cells is %" PRIu32 ", more than %u", cells,
				       IOMMU_CELLS_MAX);
	result = get_compatible(tree, unit.compatible, sizeof(unit.compatible));
	if (!result)
		result = fdt_tree_window(tree, 0, &window);
	if (result)
		return result;
	if (window.size == 0 && strncmp(unit.compatible, "arm,smmu", 8) == 0)
		return fdt_tree_refuse(
			tree, "has no registers the processor can reach; check reg and the "
			      "#address-cells and #size-cells of its bus");
	unit.base = window.base;
	unit.size = window.size;
	unit.phandle = fdt_tree_phandle(tree);
	fdt_tree_path(tree, unit.path);
	snprintf(unit.name, sizeof(unit.name), "smmu%" PRIu32, topology->unit_count);
	result = check_unit_is_alone(tree, topology, &unit);
	if (result)
		return result;
	found->unit_cells[topology->unit_count] = cells;
	topology->units[topology->unit_count++] = unit;
	return 0;
}

static int find_unit(const struct fdt_tree *tree, const struct topology *topology,
		     const char *property, uint32_t phandle, uint32_t *ret_unit)
{
	uint32_t i;

	for (i = 0; i < topology->unit_count; i++)
		if (phandle && topology->units[i].phandle == phandle) {
			*ret_unit = i;
			return 0;
		}
	return fdt_tree_refuse(tree,
			       "%s refers to phandle 0x%" PRIx32 ", which is no enabled IOMMU",
			       property, phandle);
}

/* --- PCI host bridges ---------------------------------------------------------------- */

static int add_map(const struct fdt_tree *tree, struct discovery *found,
		   const struct topology_bridge *bridge, const struct fdt_cells *cells,
		   uint32_t first)
{
	struct topology *topology = found->topology;
	struct topology_map map = { .rid = fdt_cell(cells, first),
				    .stream = fdt_cell(cells, first + 2),
				    .length = fdt_cell(cells, first + 3) };
	uint32_t i;
	int result;

	if (topology->map_count == TOPOLOGY_MAPS_MAX)
		return fdt_tree_refuse(
			tree, "iommu-map has too many entries: this smmuman knows %u at most",
			TOPOLOGY_MAPS_MAX);
	result = find_unit(tree, topology, "iommu-map", fdt_cell(cells, first + 1), &map.unit);
	if (result)
		return result;
	if (found->unit_cells[map.unit] != 1)
		return fdt_tree_refuse(
			tree, "iommu-map refers to an IOMMU with %" PRIu32 " cells a stream, not 1",
			found->unit_cells[map.unit]);
	if (!range_within(map.rid, map.length, 0, UINT64_C(1) << 16) ||
	    !range_within(map.stream, map.length, 0, UINT64_C(1) << 32))
		return fdt_tree_refuse(tree,
				       "iommu-map entry of 0x%" PRIx32 " requesters from 0x%" PRIx32
				       ", streams from 0x%" PRIx32 ", is empty or wraps around",
				       map.length, map.rid, map.stream);
	if (map.rid & ~bridge->map_mask)
		return fdt_tree_refuse(tree,
				       "iommu-map entry 0x%" PRIx32
				       " has bits that iommu-map-mask takes away",
				       map.rid);
	for (i = bridge->map_first; i < topology->map_count; i++)
		if (range_overlaps(map.rid, map.length, topology->maps[i].rid,
				   topology->maps[i].length))
			return fdt_tree_refuse(tree,
					       "iommu-map has two entries for requester 0x%" PRIx64,
					       max_u64(map.rid, topology->maps[i].rid));
	topology->maps[topology->map_count++] = map;
	return 0;
}

static int get_maps(const struct fdt_tree *tree, struct discovery *found,
		    struct topology_bridge *bridge)
{
	struct fdt_cells cells;
	uint32_t i;
	int result;

	bridge->map_first = found->topology->map_count;
	result = fdt_tree_cell(tree, "iommu-map-mask", 0xffff, &bridge->map_mask);
	if (!result)
		result = fdt_tree_cells(tree, "iommu-map", &cells);
	if (result)
		return result;
	if (cells.count % MAP_ENTRY_CELLS)
		return fdt_tree_refuse(tree,
				       "iommu-map has %" PRIu32 " cells, not a multiple of %u",
				       cells.count, MAP_ENTRY_CELLS);
	for (i = 0; i < cells.count; i += MAP_ENTRY_CELLS) {
		result = add_map(tree, found, bridge, &cells, i);
		if (result)
			return result;
	}
	bridge->map_count = found->topology->map_count - bridge->map_first;
	return 0;
}

static int get_buses(const struct fdt_tree *tree, uint32_t index, struct topology_bridge *bridge)
{
	struct fdt_cells cells;
	int result;

	result = fdt_tree_cells(tree, "bus-range", &cells);
	if (result)
		return result;
	if (cells.exists && cells.count != 2)
		return fdt_tree_refuse(tree, "bus-range has %" PRIu32 " cells, not 2", cells.count);
	bridge->first_bus = cells.exists ? fdt_cell(&cells, 0) : 0;
	bridge->last_bus = cells.exists ? fdt_cell(&cells, 1) : 255;
	if (bridge->first_bus > bridge->last_bus || bridge->last_bus > 255)
		return fdt_tree_refuse(tree,
				       "bus-range %" PRIu32 " to %" PRIu32 " is no range of buses",
				       bridge->first_bus, bridge->last_bus);
	result = fdt_tree_cell(tree, "linux,pci-domain", index, &bridge->segment);
	if (!result && bridge->segment > 0xffff)
		return fdt_tree_refuse(tree, "linux,pci-domain 0x%" PRIx32 " is above 0xffff",
				       bridge->segment);
	return result;
}

static int check_bridge_is_alone(const struct fdt_tree *tree, const struct topology *topology,
				 const struct topology_bridge *bridge)
{
	uint32_t i;

	for (i = 0; i < topology->bridge_count; i++) {
		const struct topology_bridge *other = &topology->bridges[i];

		if (range_overlaps(bridge->ecam_base, bridge->ecam_size, other->ecam_base,
				   other->ecam_size))
			return fdt_tree_refuse(tree,
					       "its configuration space overlaps that of %.60s",
					       other->path);
		if (bridge->segment == other->segment && bridge->first_bus <= other->last_bus &&
		    other->first_bus <= bridge->last_bus)
			return fdt_tree_refuse(tree, "its buses are also those of %.60s",
					       other->path);
	}
	return 0;
}

static int visit_bridge(const struct fdt_tree *tree, struct discovery *found)
{
	struct topology *topology = found->topology;
	struct topology_bridge bridge = { .segment = 0 };
	struct topology_window ecam;
	int result;

	if (topology->bridge_count == TOPOLOGY_BRIDGES_MAX)
		return fdt_tree_refuse(
			tree, "is one PCI host bridge too many: this smmuman knows %u at most",
			TOPOLOGY_BRIDGES_MAX);
	fdt_tree_path(tree, bridge.path);
	result = get_buses(tree, topology->bridge_count, &bridge);
	if (!result)
		result = fdt_tree_window(tree, 0, &ecam);
	if (result)
		return result;
	if (ecam.size < (bridge.last_bus - bridge.first_bus + 1) * BUS_BYTES)
		return fdt_tree_refuse(tree,
				       "its configuration space of 0x%" PRIx64
				       " bytes is too small for buses %" PRIu32 " to %" PRIu32,
				       ecam.size, bridge.first_bus, bridge.last_bus);
	bridge.ecam_base = ecam.base;
	bridge.ecam_size = ecam.size;
	result = check_bridge_is_alone(tree, topology, &bridge);
	if (!result)
		result = get_maps(tree, found, &bridge);
	if (result)
		return result;
	topology->bridges[topology->bridge_count++] = bridge;
	return 0;
}

/* --- platform masters ------------------------------------------------------------------- */

static bool has_stream(const struct topology_device *device, uint32_t stream)
{
	uint32_t i;

	for (i = 0; i < device->stream_count; i++)
		if (device->streams[i] == stream)
			return true;
	return false;
}

/* What cannot be expressed makes the device unusable, not the tree. */
static void add_stream(const struct discovery *found, struct topology_device *device, uint32_t unit,
		       uint32_t stream)
{
	const struct topology_unit *units = found->topology->units;

	if (device->unit != TOPOLOGY_NO_UNIT && device->unit != unit) {
		topology_mark_unusable(device, "it has streams on both %s and %s",
				       units[device->unit].name, units[unit].name);
		return;
	}
	device->unit = unit;
	if (has_stream(device, stream))
		return;
	if (device->stream_count == TOPOLOGY_STREAMS) {
		topology_mark_unusable(device, "it has more than %u streams", TOPOLOGY_STREAMS);
		return;
	}
	device->streams[device->stream_count++] = stream;
}

static int get_streams(const struct fdt_tree *tree, const struct discovery *found,
		       struct topology_device *device)
{
	struct fdt_cells cells;
	uint32_t unit = 0, i, width;
	int result;

	result = fdt_tree_cells(tree, "iommus", &cells);
	if (result)
		return result;
	if (cells.count == 0)
		return fdt_tree_refuse(tree, "iommus is empty");
	for (i = 0; i < cells.count; i += 1 + width) {
		result = find_unit(tree, found->topology, "iommus", fdt_cell(&cells, i), &unit);
		if (result)
			return result;
		width = found->unit_cells[unit];
		if (cells.count - i - 1 < width)
			return fdt_tree_refuse(tree,
					       "iommus ends before the %" PRIu32
					       " cells that follow phandle 0x%" PRIx32,
					       width, fdt_cell(&cells, i));
		if (width == 1)
			add_stream(found, device, unit, fdt_cell(&cells, i + 1));
		else
			topology_mark_unusable(
				device, "its IOMMU %s takes %" PRIu32 " cells a stream, not 1",
				found->topology->units[unit].name, width);
	}
	return 0;
}

static int get_windows(const struct fdt_tree *tree, struct topology_device *device)
{
	uint32_t i;
	int result;

	for (i = 0; i < TOPOLOGY_BARS; i++) {
		result = fdt_tree_window(tree, i, &device->windows[i]);
		if (result)
			return result;
	}
	if (device->windows[0].size)
		device->alias = (struct devname){ .kind = DEVNAME_MMIO,
						  .base = device->windows[0].base,
						  .length = device->windows[0].size };
	return 0;
}

static int visit_master(const struct fdt_tree *tree, struct discovery *found)
{
	char path[DEVNAME_MAX], text[DEVNAME_MAX + sizeof("dt:")];
	struct topology_device *device;
	struct fdt_cells iommus;
	struct devname name;
	int result;

	result = fdt_tree_cells(tree, "iommus", &iommus);
	if (result || !iommus.exists)
		return result;
	result = fdt_tree_path(tree, path) ? 0 : -EINVAL;
	snprintf(text, sizeof(text), "dt:%s", path);
	if (result || devname_parse(text, &name))
		return fdt_tree_refuse(tree, "is a DMA master whose path is no device name: too "
					     "long, or with characters no node name has");
	result = topology_add_device(found->topology, &name, &device, tree->err);
	if (!result)
		result = get_streams(tree, found, device);
	if (!result)
		result = get_windows(tree, device);
	return result;
}

/* PCI functions are found by asking PCI: what the tree says of them is skipped. */
static int visit_bridge_or_master(struct fdt_tree *tree, void *context)
{
	if (fdt_tree_is_compatible(tree, "pci-host-ecam-generic"))
		return visit_bridge(tree, context);
	if (fdt_tree_is_on_pci(tree))
		return 0;
	return visit_master(tree, context);
}

int topology_from_fdt(const void *fdt, uint64_t size, struct topology *topology, struct error *err)
{
	struct discovery found = { .topology = topology };
	struct fdt_tree tree;
	int result;

	memset(topology, 0, sizeof(*topology));
	result = fdt_tree_open(&tree, fdt, size, err);
	if (result)
		return result;
	result = fdt_tree_walk(&tree, visit_unit, &found);
	if (result)
		return result;
	return fdt_tree_walk(&tree, visit_bridge_or_master, &found);
}
