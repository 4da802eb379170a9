/* SPDX-License-Identifier: BSD-2-Clause */
/* What the readers of a device tree share while they read. Private to discover_fdt*.c. */
#ifndef SMMUMAN_SMMUMAN_DISCOVER_FDT_H
#define SMMUMAN_SMMUMAN_DISCOVER_FDT_H

#include "fdt_tree.h"
#include "topology.h"

struct fdt_discovery {
	struct topology *topology;
	uint32_t unit_cells[TOPOLOGY_UNITS_MAX]; /* #iommu-cells */
	int unit_nodes[TOPOLOGY_UNITS_MAX], bridge_nodes[TOPOLOGY_BRIDGES_MAX];
};

/* The unit of that phandle, which the property of the node being visited names. */
int discover_fdt_unit(const struct fdt_tree *tree, const struct topology *topology,
		      const char *property, uint32_t phandle, uint32_t *ret_unit);

/* The node being visited, if it is a DMA master; units are all known by then. */
int discover_fdt_master(const struct fdt_tree *tree, struct fdt_discovery *found);

#endif
