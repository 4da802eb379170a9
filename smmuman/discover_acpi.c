// SPDX-License-Identifier: BSD-2-Clause
/*
 * The topology of a machine that is described by ACPI tables: host bridges from
 * MCFG (PCI Firmware Specification 3.2, 4.1.2), units from DMAR and VIOT. The
 * tables are a stranger's: what contradicts itself is refused with its offset.
 */
#include "discover_acpi.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arith.h"

#define BUS_BYTES (UINT64_C(1) << 20) /* of configuration space */

#define MCFG_FIRST 44u /* behind the header and eight reserved bytes */
#define MCFG_BYTES 16u
#define MCFG_SEGMENT 8u
#define MCFG_FIRST_BUS 10u
#define MCFG_LAST_BUS 11u

/* --- host bridges --------------------------------------------------------------------- */

static int check_bridge_is_alone(const struct acpi_discovery *found,
				 const struct machine_table *table, uint32_t offset,
				 const struct topology_bridge *bridge)
{
	uint32_t i;

	for (i = 0; i < found->topology->bridge_count; i++) {
		const struct topology_bridge *other = &found->topology->bridges[i];

		if (range_overlaps(bridge->ecam_base, bridge->ecam_size, other->ecam_base,
				   other->ecam_size))
			return acpi_refuse(found->err, table, offset,
					   "its configuration space overlaps that of %s",
					   other->path);
		if (bridge->segment == other->segment && bridge->first_bus <= other->last_bus &&
		    other->first_bus <= bridge->last_bus)
			return acpi_refuse(found->err, table, offset,
					   "its buses are also those of %s", other->path);
	}
	return 0;
}

static int read_bridge(struct acpi_discovery *found, const struct machine_table *table,
		       uint32_t offset)
{
	struct topology_bridge bridge = { .map_mask = ACPI_RIDS - 1 };
	struct topology *topology = found->topology;
	uint64_t base = acpi_get64(table, offset);
	int result;

	if (topology->bridge_count == TOPOLOGY_BRIDGES_MAX)
		return acpi_refuse(found->err, table, offset,
				   "is one PCI host bridge too many: this smmuman knows %u at most",
				   TOPOLOGY_BRIDGES_MAX);
	bridge.segment = acpi_get16(table, offset + MCFG_SEGMENT);
	bridge.first_bus = acpi_get8(table, offset + MCFG_FIRST_BUS);
	bridge.last_bus = acpi_get8(table, offset + MCFG_LAST_BUS);
	if (bridge.first_bus > bridge.last_bus)
		return acpi_refuse(found->err, table, offset + MCFG_FIRST_BUS,
				   "buses %" PRIu32 " to %" PRIu32 " are no range of buses",
				   bridge.first_bus, bridge.last_bus);
	/* The address is that of bus 0, be it among them or not. */
	bridge.ecam_base = base + bridge.first_bus * BUS_BYTES;
	bridge.ecam_size = (bridge.last_bus - bridge.first_bus + 1) * BUS_BYTES;
	if (base == 0 || !is_aligned(base, BUS_BYTES) ||
	    range_is_bad(base, (bridge.last_bus + 1) * BUS_BYTES))
		return acpi_refuse(found->err, table, offset,
				   "configuration space at 0x%" PRIx64
				   " is nowhere, not on a MiB or wraps around",
				   base);
	result = check_bridge_is_alone(found, table, offset, &bridge);
	if (result)
		return result;
	snprintf(bridge.path, sizeof(bridge.path), "MCFG+0x%" PRIx32, offset);
	topology->bridges[topology->bridge_count++] = bridge;
	return 0;
}

static int read_bridges(struct acpi_discovery *found)
{
	const struct machine_table *table = acpi_table_find(found->machine, "MCFG");
	uint32_t offset;
	int result;

	if (!table)
		return error_set(found->err, -EINVAL,
				 "there is no MCFG table: where PCI configuration space lies is "
				 "unknown");
	if (table->size < MCFG_FIRST || (table->size - MCFG_FIRST) % MCFG_BYTES)
		return acpi_refuse(found->err, table, 4,
				   "its length %" PRIu32 " holds no whole number of entries",
				   table->size);
	for (offset = MCFG_FIRST; offset < table->size; offset += MCFG_BYTES) {
		result = read_bridge(found, table, offset);
		if (result)
			return result;
	}
	return 0;
}

void acpi_note_root(struct acpi_discovery *found, uint32_t segment, uint32_t bus)
{
	struct topology_bridge *bridge = topology_bridge_of(found->topology, segment, bus);

	if (bridge && bus != bridge->first_bus)
		bridge->roots[bus / 32] |= 1u << bus % 32;
}

/* --- claims ----------------------------------------------------------------------------- */

int acpi_check_unit(const struct acpi_discovery *found, const struct machine_table *table,
		    uint32_t offset, uint64_t base, uint64_t size)
{
	const struct topology *topology = found->topology;
	struct machine *machine = found->machine;
	uint32_t i;

	if (topology->unit_count == TOPOLOGY_UNITS_MAX)
		return acpi_refuse(found->err, table, offset,
				   "is one IOMMU too many: this smmuman knows %u at most",
				   TOPOLOGY_UNITS_MAX);
	if (size == 0)
		return 0;
	if (base == 0 || range_is_bad(base, size))
		return acpi_refuse(found->err, table, offset,
				   "registers at 0x%" PRIx64 "+0x%" PRIx64
				   " are nowhere or wrap around",
				   base, size);
	for (i = 0; i < topology->unit_count; i++)
		if (topology->units[i].size &&
		    range_overlaps(base, size, topology->units[i].base, topology->units[i].size))
			return acpi_refuse(found->err, table, offset,
					   "registers at 0x%" PRIx64 " are also those of %s (%s)",
					   base, topology->units[i].name, topology->units[i].path);
	for (i = 0; i < topology->bridge_count; i++)
		if (range_overlaps(base, size, topology->bridges[i].ecam_base,
				   topology->bridges[i].ecam_size))
			return acpi_refuse(found->err, table, offset,
					   "registers at 0x%" PRIx64
					   " lie over the configuration space of %s",
					   base, topology->bridges[i].path);
	if (machine->ops->is_memory(machine, PA(base), size))
		return acpi_refuse(found->err, table, offset,
				   "registers at 0x%" PRIx64 " lie over memory", base);
	return 0;
}

int acpi_claim(struct acpi_discovery *found, const struct machine_table *table, uint32_t offset,
	       const struct acpi_claim *claim)
{
	uint32_t i;

	for (i = 0; i < found->claim_count; i++) {
		const struct acpi_claim *other = &found->claims[i];

		if (other->segment != claim->segment ||
		    !range_overlaps(claim->rid, claim->count, other->rid, other->count))
			continue;
		if (other->unit != claim->unit ||
		    other->stream - other->rid != claim->stream - claim->rid)
			return acpi_refuse(found->err, table, offset,
					   "covers requester 0x%04" PRIx64 " of segment %" PRIu32
					   ", which %s covers already",
					   max_u64(claim->rid, other->rid), claim->segment,
					   found->topology->units[other->unit].name);
		if (range_within(claim->rid, claim->count, other->rid, other->count))
			return 0;
	}
	if (found->claim_count == ACPI_CLAIMS_MAX)
		return acpi_refuse(found->err, table, offset,
				   "is one range of requesters too many: this smmuman knows %u at "
				   "most",
				   ACPI_CLAIMS_MAX);
	found->claims[found->claim_count++] = *claim;
	return 0;
}

static int add_map(struct acpi_discovery *found, const struct topology_map *map)
{
	struct topology *topology = found->topology;

	if (topology->map_count == TOPOLOGY_MAPS_MAX)
		return error_set(found->err, -EINVAL,
				 "the ACPI tables name too many ranges of requesters: this smmuman "
				 "knows %u at most",
				 TOPOLOGY_MAPS_MAX);
	topology->maps[topology->map_count++] = *map;
	return 0;
}

/* A host bridge's claims, and behind them, because the first that fits counts, the rest. */
static int make_maps(struct acpi_discovery *found, struct topology_bridge *bridge)
{
	uint32_t first = bridge->first_bus << 8, count, i;
	int result = 0;

	count = (bridge->last_bus - bridge->first_bus + 1) << 8;
	bridge->map_first = found->topology->map_count;
	for (i = 0; i < found->claim_count && !result; i++) {
		const struct acpi_claim *claim = &found->claims[i];

		if (claim->segment == bridge->segment &&
		    range_overlaps(claim->rid, claim->count, first, count))
			result = add_map(found, &(struct topology_map){ .rid = claim->rid,
									.length = claim->count,
									.unit = claim->unit,
									.stream = claim->stream });
	}
	for (i = 0; i < found->rest_count && !result; i++)
		if (found->rests[i].segment == bridge->segment)
			result = add_map(found, &(struct topology_map){ .length = ACPI_RIDS,
									.unit = found->rests[i].unit });
	bridge->map_count = found->topology->map_count - bridge->map_first;
	return result;
}

static int read_tables(struct acpi_discovery *found)
{
	struct topology *topology = found->topology;
	uint32_t i;
	int result;

	result = read_bridges(found);
	if (!result)
		result = discover_dmar(found);
	if (!result)
		result = discover_viot(found);
	for (i = 0; i < topology->bridge_count && !result; i++)
		result = make_maps(found, &topology->bridges[i]);
	return result;
}

int topology_from_acpi(struct machine *machine, struct topology *topology, struct error *err)
{
	struct acpi_discovery *found = calloc(1, sizeof(*found));
	int result;

	if (!found)
		return error_set(err, -ENOMEM, "no memory to read the ACPI tables");
	found->machine = machine;
	found->topology = topology;
	found->err = err;
	memset(topology, 0, sizeof(*topology));
	result = read_tables(found);
	free(found);
	return result;
}
