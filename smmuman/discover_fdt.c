// SPDX-License-Identifier: BSD-2-Clause
/*
 * Units, PCI host bridges and platform masters from a flattened device tree
 * (Devicetree Specification 0.4; bindings arm,smmu-v3, virtio-iommu, virtio,mmio,
 * pci-host-ecam-generic, iommu-map). The tree is a stranger's: every length is
 * checked before use.
 */
#include "discover_fdt.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arith.h"

#define IOMMU_CELLS_MAX 8u
#define BUS_BYTES (UINT64_C(1) << 20) /* of ECAM */
#define MAP_ENTRY_CELLS 4u	      /* requester id, phandle, stream, length */
#define MAPS_MAX 64u		      /* of all host bridges of a tree */

/* --- units ------------------------------------------------------------------------- */

/*
 * The string modules match by: the generic one if it is there, else the first. A
 * virtio device on MMIO is an IOMMU by its cells; its own string says only virtio.
 */
static int get_compatible(const struct fdt_tree *tree, char *text, size_t size)
{
	const char *chosen = fdt_tree_compatible(tree);

	if (!chosen || !chosen[0])
		return fdt_tree_refuse(tree, "compatible is missing or is no list of strings");
	if (fdt_tree_is_compatible(tree, "arm,smmu-v3"))
		chosen = "arm,smmu-v3";
	if (fdt_tree_is_compatible(tree, "virtio,pci-iommu"))
		chosen = "virtio,pci-iommu";
	if (fdt_tree_is_compatible(tree, "virtio,mmio"))
		chosen = "virtio,mmio-iommu";
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
	struct fdt_discovery *found = context;
	struct topology *topology = found->topology;
	struct topology_unit unit = { .base = 0 };
	struct topology_window window;
	uint32_t cells;
	bool is_virtio;
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
	unit.is_pci = fdt_tree_is_on_pci(tree);
	is_virtio = strncmp(unit.compatible, "virtio,", 7) == 0;
	if (window.size == 0 && !unit.is_pci &&
	    (is_virtio || strncmp(unit.compatible, "arm,smmu", 8) == 0))
		return fdt_tree_refuse(
			tree, "has no registers the processor can reach; check reg and the "
			      "#address-cells and #size-cells of its bus");
	unit.base = window.base;
	unit.size = window.size;
	unit.phandle = fdt_tree_phandle(tree);
	fdt_tree_path(tree, unit.path);
	result = check_unit_is_alone(tree, topology, &unit);
	if (result)
		return result;
	found->unit_cells[topology->unit_count] = cells;
	found->unit_nodes[topology->unit_count] = fdt_tree_node(tree);
	topology_add_unit(topology, is_virtio ? "viommu" : "smmu", &unit);
	return 0;
}

int discover_fdt_unit(const struct fdt_tree *tree, const struct topology *topology,
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

static int add_map(const struct fdt_tree *tree, struct fdt_discovery *found,
		   const struct topology_bridge *bridge, const struct fdt_cells *cells,
		   uint32_t first)
{
	struct topology *topology = found->topology;
	struct topology_map map = { .rid = fdt_cell(cells, first),
				    .stream = fdt_cell(cells, first + 2),
				    .length = fdt_cell(cells, first + 3) };
	uint32_t i;
	int result;

	if (topology->map_count == MAPS_MAX)
		return fdt_tree_refuse(
			tree, "iommu-map has too many entries: this smmuman knows %u at most",
			MAPS_MAX);
	result = discover_fdt_unit(tree, topology, "iommu-map", fdt_cell(cells, first + 1), &map.unit);
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

static int get_maps(const struct fdt_tree *tree, struct fdt_discovery *found,
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

static int visit_bridge(const struct fdt_tree *tree, struct fdt_discovery *found)
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
	found->bridge_nodes[topology->bridge_count] = fdt_tree_node(tree);
	topology->bridges[topology->bridge_count++] = bridge;
	return 0;
}

/* --- units on PCI ----------------------------------------------------------------------- */

/* Its host bridge was visited before it: only now is its segment known. */
static int visit_pci_unit(const struct fdt_tree *tree, struct fdt_discovery *found,
			  struct topology_unit *unit)
{
	const struct topology *topology = found->topology;
	const struct topology_bridge *bridge = NULL;
	struct fdt_cells cells;
	uint32_t address, i;
	int result;

	for (i = 0; i < topology->bridge_count; i++)
		if (found->bridge_nodes[i] == fdt_tree_parent(tree))
			bridge = &topology->bridges[i];
	if (!bridge)
		return fdt_tree_refuse(tree, "is an IOMMU on a PCI bus that is no host bridge's");
	result = fdt_tree_cells(tree, "reg", &cells);
	if (result)
		return result;
	address = cells.count ? fdt_cell(&cells, 0) : 0;
	unit->segment = bridge->segment;
	unit->rid = address >> 8 & 0xffff;
	if (cells.count == 0 || unit->rid >> 8 < bridge->first_bus ||
	    unit->rid >> 8 > bridge->last_bus)
		return fdt_tree_refuse(tree,
				       "reg 0x%" PRIx32 " names no PCI function of its host bridge",
				       address);
	for (i = 0; i < topology->unit_count; i++)
		if (&topology->units[i] != unit && topology->units[i].is_pci &&
		    topology->units[i].segment == unit->segment &&
		    topology->units[i].rid == unit->rid)
			return fdt_tree_refuse(tree, "is the PCI function of %.60s too",
					       topology->units[i].path);
	return 0;
}

/* --- the tree ------------------------------------------------------------------------------- */

/* PCI functions are found by asking PCI: only of IOMMUs does the tree say more. */
static int visit_bridge_or_master(struct fdt_tree *tree, void *context)
{
	struct fdt_discovery *found = context;
	uint32_t i;

	if (fdt_tree_is_compatible(tree, "pci-host-ecam-generic"))
		return visit_bridge(tree, context);
	if (!fdt_tree_is_on_pci(tree))
		return discover_fdt_master(tree, found);
	for (i = 0; i < found->topology->unit_count; i++)
		if (found->unit_nodes[i] == fdt_tree_node(tree))
			return visit_pci_unit(tree, found, &found->topology->units[i]);
	return 0;
}

int topology_from_fdt(const void *fdt, uint64_t size, struct topology *topology, struct error *err)
{
	struct fdt_discovery found = { .topology = topology };
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
