// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a machine has, from whichever description its firmware left. Of a
 * machine joined of several, each part is discovered by itself and then takes its
 * place in the whole: addresses tagged, segments and indices moved along.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "topology.h"

/* The top byte of an address is ours: machine.h. */
static int check_addresses(const struct topology *topology, struct error *err)
{
	uint64_t all = 0;
	uint32_t i;

	for (i = 0; i < topology->unit_count; i++)
		all |= topology->units[i].base;
	for (i = 0; i < topology->bridge_count; i++)
		all |= topology->bridges[i].ecam_base;
	for (i = 0; i < topology->device_count * TOPOLOGY_BARS; i++)
		all |= topology->devices[i / TOPOLOGY_BARS].windows[i % TOPOLOGY_BARS].base;
	if (all == machine_untag(all))
		return 0;
	return error_set(err, -EINVAL,
			 "its firmware names registers at an address of 2^%u or more, which no "
			 "machine has", MACHINE_PART_SHIFT);
}

static int discover_firmware(struct machine *machine, struct topology *topology,
			     struct error *err)
{
	int ret;

	if (machine->fdt)
		ret = topology_from_fdt(machine->fdt, machine->fdt_size, topology, err);
	else if (machine->table_count > 0)
		ret = topology_from_acpi(machine, topology, err);
	else
		ret = error_set(err, -ENODEV, "it has neither a device tree nor ACPI tables");
	if (ret == 0)
		ret = check_addresses(topology, err);
	return ret < 0 ? error_prefix(err, "%s", machine->words) : 0;
}

/* --- one part's place in the whole ------------------------------------------ */

struct place {
	struct topology *whole;
	uint32_t part, first_unit, first_map, first_segment;
};

static uint32_t segments_used(const struct topology *topology)
{
	uint32_t i, used = 0;

	for (i = 0; i < topology->bridge_count; i++)
		if (topology->bridges[i].segment >= used)
			used = topology->bridges[i].segment + 1;
	return used;
}

static uint64_t tag(const struct place *place, uint64_t address)
{
	return machine_tag(place->part, address);
}

static void place_unit(const struct place *place, struct topology_unit unit)
{
	char kind[sizeof(unit.name)];
	size_t length = strlen(unit.name);

	memcpy(kind, unit.name, sizeof(kind));
	while (length > 0 && isdigit((unsigned char)kind[length - 1]))
		kind[--length] = '\0';
	unit.base = tag(place, unit.base);
	unit.segment += place->first_segment;
	topology_add_unit(place->whole, kind, &unit);
}

static void place_bridge(const struct place *place, struct topology_bridge bridge)
{
	bridge.ecam_base = tag(place, bridge.ecam_base);
	bridge.segment += place->first_segment;
	bridge.map_first += place->first_map;
	place->whole->bridges[place->whole->bridge_count++] = bridge;
}

/* Its name by address would name a place of the first part. */
static int place_device(const struct place *place, const struct topology_device *device,
			struct error *err)
{
	struct topology_device *added;
	uint32_t group, i;
	int ret = topology_add_device(place->whole, &device->name, &added, err);

	if (ret < 0)
		return ret;
	group = added->group;
	*added = *device;
	added->group = group;
	added->alias = (struct devname){ .kind = DEVNAME_NONE };
	if (added->unit != TOPOLOGY_NO_UNIT)
		added->unit += place->first_unit;
	for (i = 0; i < TOPOLOGY_BARS; i++)
		if (added->windows[i].size)
			added->windows[i].base = tag(place, added->windows[i].base);
	return 0;
}

static int check_room(const struct topology *whole, const struct topology *part,
		      struct error *err)
{
	if (part->unit_count > TOPOLOGY_UNITS_MAX - whole->unit_count ||
	    part->bridge_count > TOPOLOGY_BRIDGES_MAX - whole->bridge_count ||
	    part->map_count > TOPOLOGY_MAPS_MAX - whole->map_count ||
	    part->region_count > TOPOLOGY_RESERVED_MAX - whole->region_count)
		return error_set(err, -E2BIG,
				 "the joined machines have more IOMMUs, host bridges or mappings "
				 "than this smmuman knows (%u, %u, %u)",
				 TOPOLOGY_UNITS_MAX, TOPOLOGY_BRIDGES_MAX, TOPOLOGY_MAPS_MAX);
	return 0;
}

static int place_part(struct place *place, const struct topology *part, struct error *err)
{
	struct topology *whole = place->whole;
	uint32_t i;
	int ret = check_room(whole, part, err);

	for (i = 0; i < part->device_count && ret == 0; i++)
		ret = place_device(place, &part->devices[i], err);
	if (ret < 0)
		return ret;
	for (i = 0; i < part->unit_count; i++)
		place_unit(place, part->units[i]);
	for (i = 0; i < part->bridge_count; i++)
		place_bridge(place, part->bridges[i]);
	for (i = 0; i < part->map_count; i++) {
		whole->maps[whole->map_count] = part->maps[i];
		whole->maps[whole->map_count++].unit += place->first_unit;
	}
	for (i = 0; i < part->region_count; i++) {
		whole->regions[whole->region_count] = part->regions[i];
		whole->regions[whole->region_count++].segment += place->first_segment;
	}
	return 0;
}

static int discover_part(struct machine *machine, uint32_t index, struct topology *topology,
			 struct error *err)
{
	struct place place = { .whole = topology, .part = index,
			       .first_unit = topology->unit_count,
			       .first_map = topology->map_count,
			       .first_segment = segments_used(topology) };
	struct topology *part = calloc(1, sizeof(*part));
	int ret;

	if (!part)
		return error_set(err, -ENOMEM, "no memory for what the machine has");
	ret = discover_firmware(machine_part(machine, index), part, err);
	if (ret == 0)
		ret = place_part(&place, part, err);
	free(part);
	return ret;
}

int topology_discover(struct machine *machine, struct topology *topology, struct error *err)
{
	uint32_t i;
	int ret = 0;

	if (machine->part_count == 0)
		ret = discover_firmware(machine, topology, err);
	for (i = 0; i < machine->part_count && ret == 0; i++)
		ret = discover_part(machine, i, topology, err);
	return ret ? ret : topology_scan_pci(machine, topology, err);
}
