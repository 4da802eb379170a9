// SPDX-License-Identifier: BSD-2-Clause
/* Platform masters: nodes with the property iommus. */
#include "discover_fdt.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

static bool has_stream(const struct topology_device *device, uint32_t stream)
{
	uint32_t i;

	for (i = 0; i < device->stream_count; i++)
		if (device->streams[i] == stream)
			return true;
	return false;
}

/* What cannot be expressed makes the device unusable, not the tree. */
static void add_stream(const struct fdt_discovery *found, struct topology_device *device,
		       uint32_t unit, uint32_t stream)
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

static int get_streams(const struct fdt_tree *tree, const struct fdt_discovery *found,
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
		result = discover_fdt_unit(tree, found->topology, "iommus", fdt_cell(&cells, i), &unit);
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

int discover_fdt_master(const struct fdt_tree *tree, struct fdt_discovery *found)
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
