// SPDX-License-Identifier: BSD-2-Clause
#include "topology_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "arith.h"

struct sink {
	char *text;
	size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void add(struct sink *sink, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(sink->text + sink->used, sink->size - sink->used, format, args);
	va_end(args);
	if (n > 0)
		sink->used = min_u64(sink->used + (size_t)n, sink->size - 1);
}

static void add_units(struct sink *sink, const struct topology *topology)
{
	uint32_t i;

	for (i = 0; i < topology->unit_count; i++) {
		const struct topology_unit *unit = &topology->units[i];

		add(sink, "unit %s %s %s 0x%" PRIx64 "+0x%" PRIx64, unit->name, unit->path,
		    unit->compatible, unit->base, unit->size);
		if (unit->address_bits)
			add(sink, " %u bits", unit->address_bits);
		if (unit->is_pci)
			add(sink, " segment %" PRIu32 " requester 0x%" PRIx32, unit->segment,
			    unit->rid);
		add(sink, "\n");
	}
}

static void add_roots(struct sink *sink, const struct topology_bridge *bridge)
{
	uint32_t bus;

	for (bus = 0; bus < 256; bus++)
		if (bridge->roots[bus / 32] >> bus % 32 & 1)
			add(sink, "  begins at bus %" PRIu32 "\n", bus);
}

static void add_bridges(struct sink *sink, const struct topology *topology)
{
	uint32_t i, j;

	for (i = 0; i < topology->bridge_count; i++) {
		const struct topology_bridge *bridge = &topology->bridges[i];

		add(sink, "bridge %s segment %" PRIu32 " buses %" PRIu32 "-%" PRIu32
			  " ecam 0x%" PRIx64 "+0x%" PRIx64 " mask 0x%" PRIx32 "\n",
		    bridge->path, bridge->segment, bridge->first_bus, bridge->last_bus,
		    bridge->ecam_base, bridge->ecam_size, bridge->map_mask);
		add_roots(sink, bridge);
		for (j = bridge->map_first; j < bridge->map_first + bridge->map_count; j++)
			add(sink, "  requester 0x%" PRIx32 "+0x%" PRIx32 " is %s stream 0x%" PRIx32
				  "\n",
			    topology->maps[j].rid, topology->maps[j].length,
			    topology->units[topology->maps[j].unit].name,
			    topology->maps[j].stream);
	}
}

static void add_device(struct sink *sink, const struct topology *topology,
		       const struct topology_device *device)
{
	char name[DEVNAME_MAX];
	uint32_t i;

	devname_format(&device->name, name);
	add(sink, "device %s", name);
	if (device->vendor)
		add(sink, " %04" PRIx32 ":%04" PRIx32, device->vendor, device->product);
	if (device->has_flr)
		add(sink, " flr");
	if (device->alias.kind != DEVNAME_NONE) {
		devname_format(&device->alias, name);
		add(sink, " alias %s", name);
	}
	add(sink, "\n");
	if (device->unit != TOPOLOGY_NO_UNIT)
		add(sink, "  on %s stream", topology->units[device->unit].name);
	for (i = 0; i < device->stream_count; i++)
		add(sink, " 0x%" PRIx32, device->streams[i]);
	add(sink, device->unit != TOPOLOGY_NO_UNIT ? "\n" : "");
	if (&topology->devices[device->group] != device) {
		devname_format(&topology->devices[device->group].name, name);
		add(sink, "  one group with %s\n", name);
	}
	for (i = 0; i < TOPOLOGY_BARS; i++)
		if (device->windows[i].size)
			add(sink, "  window %" PRIu32 " 0x%" PRIx64 "+0x%" PRIx64 "\n", i,
			    device->windows[i].base, device->windows[i].size);
	if (device->unusable[0])
		add(sink, "  unusable: %s\n", device->unusable);
}

static void add_memory(struct sink *sink, const struct topology *topology)
{
	char name[DEVNAME_MAX];
	uint32_t i;

	for (i = 0; i < topology->region_count; i++)
		add(sink, "region 0x%" PRIx64 "+0x%" PRIx64 " of segment %" PRIu32
			  " requesters 0x%" PRIx32 "+0x%" PRIx32 "\n",
		    topology->regions[i].base, topology->regions[i].length,
		    topology->regions[i].segment, topology->regions[i].rid,
		    topology->regions[i].rid_count);
	for (i = 0; i < topology->reserved_count; i++) {
		devname_format(&topology->devices[topology->reserved[i].device].name, name);
		add(sink, "reserved 0x%" PRIx64 "+0x%" PRIx64 " for %s\n",
		    topology->reserved[i].base, topology->reserved[i].length, name);
	}
}

void topology_text(const struct topology *topology, char *text, size_t size)
{
	struct sink sink = { .text = text, .size = size };
	uint32_t i;

	text[0] = '\0';
	add_units(&sink, topology);
	add_bridges(&sink, topology);
	for (i = 0; i < topology->device_count; i++)
		add_device(&sink, topology, &topology->devices[i]);
	add_memory(&sink, topology);
}

#define ENDS(text) (memchr(text, '\0', sizeof(text)) != NULL)

static bool unit_is_valid(const struct topology_unit *unit)
{
	return ENDS(unit->name) && ENDS(unit->path) && ENDS(unit->compatible) &&
	       unit->compatible[0] && unit->segment <= 0xffff && unit->rid <= 0xffff &&
	       (unit->size == 0 || !range_is_bad(unit->base, unit->size));
}

static bool bridge_is_valid(const struct topology *topology, const struct topology_bridge *bridge)
{
	return ENDS(bridge->path) && bridge->first_bus <= bridge->last_bus &&
	       bridge->last_bus <= 255 && bridge->segment <= 0xffff &&
	       !range_is_bad(bridge->ecam_base, bridge->ecam_size) &&
	       bridge->map_first + bridge->map_count <= topology->map_count;
}

static bool device_is_valid(const struct topology *topology, const struct topology_device *device)
{
	const struct topology_device *first = topology_find(topology, &device->name);
	struct devname again;
	char text[DEVNAME_MAX];
	uint32_t i;

	devname_format(&device->name, text);
	/* A group is named by its first. */
	if (device->group > (uint32_t)(device - topology->devices) ||
	    topology->devices[device->group].group != device->group)
		return false;
	if (first != device || devname_parse(text, &again) || !devname_equal(&again, &device->name))
		return false;
	for (i = 0; i < TOPOLOGY_BARS; i++)
		if (device->windows[i].size &&
		    range_is_bad(device->windows[i].base, device->windows[i].size))
			return false;
	if (device->unit == TOPOLOGY_NO_UNIT)
		return device->stream_count == 0 && device->unusable[0];
	return ENDS(device->unusable) && device->unit < topology->unit_count &&
	       device->stream_count > 0 && device->stream_count <= TOPOLOGY_STREAMS;
}

static bool memory_is_valid(const struct topology *topology)
{
	uint32_t i;

	if (topology->region_count > TOPOLOGY_RESERVED_MAX ||
	    topology->reserved_count > TOPOLOGY_RESERVED_MAX)
		return false;
	for (i = 0; i < topology->region_count; i++)
		if (topology->regions[i].rid + topology->regions[i].rid_count > 0x10000 ||
		    range_is_bad(topology->regions[i].base, topology->regions[i].length))
			return false;
	for (i = 0; i < topology->reserved_count; i++)
		if (topology->reserved[i].device >= topology->device_count)
			return false;
	return true;
}

bool topology_is_valid(const struct topology *topology)
{
	uint32_t i;

	if (topology->unit_count > TOPOLOGY_UNITS_MAX ||
	    topology->bridge_count > TOPOLOGY_BRIDGES_MAX ||
	    topology->map_count > TOPOLOGY_MAPS_MAX ||
	    topology->device_count > TOPOLOGY_DEVICES_MAX)
		return false;
	for (i = 0; i < topology->unit_count; i++)
		if (!unit_is_valid(&topology->units[i]))
			return false;
	for (i = 0; i < topology->bridge_count; i++)
		if (!bridge_is_valid(topology, &topology->bridges[i]))
			return false;
	for (i = 0; i < topology->map_count; i++)
		if (topology->maps[i].unit >= topology->unit_count)
			return false;
	for (i = 0; i < topology->device_count; i++)
		if (!device_is_valid(topology, &topology->devices[i]))
			return false;
	return memory_is_valid(topology);
}
