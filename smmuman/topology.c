// SPDX-License-Identifier: BSD-2-Clause
#include "topology.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "arith.h"

static bool is_named(const struct topology_device *device, const struct devname *name)
{
	return devname_equal(&device->name, name) || devname_equal(&device->alias, name);
}

const struct topology_device *topology_find(const struct topology *topology,
					    const struct devname *name)
{
	uint32_t i;

	for (i = 0; i < topology->device_count; i++)
		if (is_named(&topology->devices[i], name))
			return &topology->devices[i];
	return NULL;
}

void topology_add_unit(struct topology *topology, const char *kind,
		       const struct topology_unit *unit)
{
	struct topology_unit *added = &topology->units[topology->unit_count];
	uint32_t i, number = 0;

	for (i = 0; i < topology->unit_count; i++)
		if (strncmp(topology->units[i].name, kind, strlen(kind)) == 0)
			number++;
	*added = *unit;
	snprintf(added->name, sizeof(added->name), "%s%" PRIu32, kind, number);
	topology->unit_count++;
}

struct topology_bridge *topology_bridge_of(struct topology *topology, uint32_t segment,
					   uint32_t bus)
{
	uint32_t i;

	for (i = 0; i < topology->bridge_count; i++)
		if (topology->bridges[i].segment == segment &&
		    bus >= topology->bridges[i].first_bus && bus <= topology->bridges[i].last_bus)
			return &topology->bridges[i];
	return NULL;
}

uint64_t topology_config(struct topology *topology, uint32_t segment, uint32_t rid)
{
	const struct topology_bridge *bridge = topology_bridge_of(topology, segment, rid >> 8);

	if (!bridge)
		return 0;
	return bridge->ecam_base + ((uint64_t)rid << 12) - ((uint64_t)bridge->first_bus << 20);
}

bool topology_find_stream(const struct topology *topology, const struct topology_bridge *bridge,
			  uint32_t rid, uint32_t *ret_unit, uint32_t *ret_stream)
{
	uint32_t masked = rid & bridge->map_mask, i;

	for (i = 0; i < bridge->map_count; i++) {
		const struct topology_map *map = &topology->maps[bridge->map_first + i];

		if (masked < map->rid || masked - map->rid >= map->length)
			continue;
		*ret_unit = map->unit;
		*ret_stream = map->stream + (masked - map->rid);
		return true;
	}
	return false;
}

int topology_add_device(struct topology *topology, const struct devname *name,
			struct topology_device **ret_device, struct error *err)
{
	struct topology_device *device;
	char text[DEVNAME_MAX];

	devname_format(name, text);
	if (topology->device_count == TOPOLOGY_DEVICES_MAX)
		return error_set(err, -ENOSPC,
				 "%s is one device too many: this smmuman knows %u at most", text,
				 TOPOLOGY_DEVICES_MAX);
	if (topology_find(topology, name))
		return error_set(err, -EEXIST, "there are two devices %s", text);
	device = &topology->devices[topology->device_count++];
	*device = (struct topology_device){ .name = *name, .unit = TOPOLOGY_NO_UNIT,
					    .group = topology->device_count - 1 };
	*ret_device = device;
	return 0;
}

void topology_mark_unusable(struct topology_device *device, const char *format, ...)
{
	va_list args;

	if (device->unusable[0])
		return;
	va_start(args, format);
	vsnprintf(device->unusable, sizeof(device->unusable), format, args);
	va_end(args);
}

/* --- conflicts --------------------------------------------------------------- */

static bool shares_stream(const struct topology_device *a, const struct topology_device *b)
{
	uint32_t i, j;

	if (a->unit != b->unit)
		return false;
	for (i = 0; i < a->stream_count; i++)
		for (j = 0; j < b->stream_count; j++)
			if (a->streams[i] == b->streams[j])
				return true;
	return false;
}

static bool shares_window(const struct topology_device *a, const struct topology_device *b,
			  uint64_t *ret_where)
{
	uint32_t i, j;

	for (i = 0; i < TOPOLOGY_BARS; i++)
		for (j = 0; j < TOPOLOGY_BARS; j++)
			if (a->windows[i].size && b->windows[j].size &&
			    range_overlaps(a->windows[i].base, a->windows[i].size,
					   b->windows[j].base, b->windows[j].size)) {
				*ret_where = max_u64(a->windows[i].base, b->windows[j].base);
				return true;
			}
	return false;
}

static void mark_pair(struct topology_device *a, struct topology_device *b, uint64_t where)
{
	char a_name[DEVNAME_MAX], b_name[DEVNAME_MAX];

	devname_format(&a->name, a_name);
	devname_format(&b->name, b_name);
	topology_mark_unusable(a, "it shares the registers at 0x%" PRIx64 " with %s", where, b_name);
	topology_mark_unusable(b, "it shares the registers at 0x%" PRIx64 " with %s", where, a_name);
}

/* Everybody in b's group, and therefore b, is from now on in a's. */
static void join_groups(struct topology *topology, uint32_t a, uint32_t b)
{
	uint32_t to = topology->devices[a].group, from = topology->devices[b].group, i;

	for (i = 0; i < topology->device_count; i++)
		if (topology->devices[i].group == (to > from ? to : from))
			topology->devices[i].group = (to < from ? to : from);
}

static void make_groups(struct topology *topology)
{
	uint32_t i, j;

	for (i = 0; i < topology->device_count; i++)
		for (j = i + 1; j < topology->device_count; j++)
			if (shares_stream(&topology->devices[i], &topology->devices[j]))
				join_groups(topology, i, j);
}

/* A group is attached whole or not at all. */
static void mark_groups(struct topology *topology)
{
	const struct topology_device *spoilers[TOPOLOGY_DEVICES_MAX] = { NULL };
	struct topology_device *device;
	char name[DEVNAME_MAX];
	uint32_t i;

	for (i = 0; i < topology->device_count; i++) {
		device = &topology->devices[i];
		if (device->unusable[0] && !spoilers[device->group])
			spoilers[device->group] = device;
	}
	for (i = 0; i < topology->device_count; i++) {
		device = &topology->devices[i];
		if (!spoilers[device->group])
			continue;
		devname_format(&spoilers[device->group]->name, name);
		topology_mark_unusable(device, "it shares a stream with %s, which cannot be attached",
				       name);
	}
}

/* Registers of a device nobody can attach are given to nobody. */
static void mark_windows(struct topology *topology, const bool *was_usable)
{
	uint64_t where;
	uint32_t i, j;

	for (i = 0; i < topology->device_count; i++)
		for (j = i + 1; j < topology->device_count; j++)
			if (was_usable[i] && was_usable[j] &&
			    shares_window(&topology->devices[i], &topology->devices[j], &where))
				mark_pair(&topology->devices[i], &topology->devices[j], where);
}

/* Of which unit is the device the PCI function? NULL: of none. */
static const struct topology_unit *unit_at(const struct topology *topology, uint64_t config)
{
	uint32_t i;

	for (i = 0; i < topology->unit_count; i++)
		if (config && topology->units[i].config == config)
			return &topology->units[i];
	return NULL;
}

/* Is it among the registers of a unit other than itself? */
static bool is_of_a_unit(const struct topology *topology, uint64_t config,
			 const struct topology_window *window)
{
	uint32_t i, k;

	for (i = 0; i < topology->unit_count; i++)
		if (topology->units[i].size && (!config || topology->units[i].config != config) &&
		    range_overlaps(window->base, window->size, topology->units[i].base,
				   topology->units[i].size))
			return true;
	/* One that is a PCI function has more registers than those. */
	for (i = 0; i < topology->device_count; i++)
		for (k = 0; k < TOPOLOGY_BARS && topology->devices[i].config != config; k++)
			if (topology->devices[i].windows[k].size &&
			    unit_at(topology, topology->devices[i].config) &&
			    range_overlaps(window->base, window->size,
					   topology->devices[i].windows[k].base,
					   topology->devices[i].windows[k].size))
				return true;
	return false;
}

/* Who owns what no client may ever map, nor an IOMMU have its registers in? */
static const char *owner_of(struct machine *machine, const struct topology *topology,
			    uint64_t config, const struct topology_window *window)
{
	uint32_t i;

	if (is_of_a_unit(topology, config, window))
		return "an IOMMU's registers";
	for (i = 0; i < topology->bridge_count; i++)
		if (range_overlaps(window->base, window->size, topology->bridges[i].ecam_base,
				   topology->bridges[i].ecam_size))
			return "PCI configuration space";
	if (machine->ops->is_memory(machine, PA(window->base), window->size))
		return "memory";
	return NULL;
}

static void mark_forbidden_windows(struct machine *machine, const struct topology *topology,
				   struct topology_device *device)
{
	const char *owner;
	uint32_t i;

	for (i = 0; i < TOPOLOGY_BARS; i++) {
		if (device->windows[i].size == 0)
			continue;
		owner = owner_of(machine, topology, device->config, &device->windows[i]);
		if (owner)
			topology_mark_unusable(device,
					       "its register window %" PRIu32 " at 0x%" PRIx64
					       " lies over %s",
					       i, device->windows[i].base, owner);
	}
}

void topology_mark_conflicts(struct machine *machine, struct topology *topology)
{
	bool was_usable[TOPOLOGY_DEVICES_MAX] = { false };
	uint32_t i;

	make_groups(topology);
	for (i = 0; i < topology->device_count; i++) {
		mark_forbidden_windows(machine, topology, &topology->devices[i]);
		was_usable[i] = topology->devices[i].unusable[0] == '\0';
	}
	mark_windows(topology, was_usable);
	mark_groups(topology);
}

/* --- what the scan found out -------------------------------------------------- */

/* Its registers are in the largest window; a module finds the others by itself. */
static int settle_unit(struct machine *machine, struct topology *topology,
		       struct topology_unit *unit, struct error *err)
{
	const struct topology_device *device = NULL;
	struct topology_window largest = { 0 };
	const char *owner;
	uint32_t i;

	for (i = 0; i < topology->device_count; i++)
		if (unit->config && topology->devices[i].config == unit->config)
			device = &topology->devices[i];
	if (!device)
		return error_set(err, -EINVAL,
				 "%s (%s) is to be the PCI function %04" PRIx32 ":%02" PRIx32
				 ":%02" PRIx32 ".%" PRIx32 ", which is not there",
				 unit->name, unit->path, unit->segment, unit->rid >> 8,
				 unit->rid >> 3 & 31, unit->rid & 7);
	for (i = 0; i < TOPOLOGY_BARS; i++)
		if (device->windows[i].size > largest.size)
			largest = device->windows[i];
	if (largest.size == 0)
		return error_set(err, -EINVAL, "%s (%s): none of its BARs has an address",
				 unit->name, unit->path);
	owner = owner_of(machine, topology, unit->config, &largest);
	if (owner)
		return error_set(err, -EINVAL,
				 "%s (%s): its registers at 0x%" PRIx64 " lie over %s", unit->name,
				 unit->path, largest.base, owner);
	unit->base = largest.base;
	unit->size = largest.size;
	return 0;
}

static bool is_in_region(const struct topology_device *device, const struct topology_region *region)
{
	uint32_t rid = device->name.bus << 8 | device->name.device << 3 | device->name.function;

	return device->name.kind == DEVNAME_PCI && device->name.segment == region->segment &&
	       rid >= region->rid && rid - region->rid < region->rid_count;
}

static int settle_region(struct topology *topology, const struct topology_region *region,
			 struct error *err)
{
	uint32_t i;

	for (i = 0; i < topology->device_count; i++) {
		if (!is_in_region(&topology->devices[i], region))
			continue;
		if (topology->reserved_count == TOPOLOGY_RESERVED_MAX)
			return error_set(err, -EINVAL,
					 "firmware reserves memory for too many devices: this "
					 "smmuman knows %u at most",
					 TOPOLOGY_RESERVED_MAX);
		topology->reserved[topology->reserved_count++] = (struct topology_reserved){
			.device = i, .base = region->base, .length = region->length
		};
	}
	return 0;
}

int topology_settle(struct machine *machine, struct topology *topology, struct error *err)
{
	uint32_t i;
	int result = 0;

	for (i = 0; i < topology->unit_count && !result; i++)
		if (topology->units[i].is_pci)
			result = settle_unit(machine, topology, &topology->units[i], err);
	for (i = 0; i < topology->region_count && !result; i++)
		result = settle_region(topology, &topology->regions[i], err);
	return result;
}
