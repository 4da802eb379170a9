/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the readers of the ACPI tables share while they read: who was claimed by
 * which unit. Private to discover_*.c.
 */
#ifndef SMMUMAN_SMMUMAN_DISCOVER_ACPI_H
#define SMMUMAN_SMMUMAN_DISCOVER_ACPI_H

#include "acpi_tables.h"
#include "topology.h"

#define ACPI_CLAIMS_MAX TOPOLOGY_MAPS_MAX
#define ACPI_RIDS 0x10000u /* requester ids of a segment */

/* Requester ids that one unit covers: [rid, rid + count) are its streams from stream on. */
struct acpi_claim {
	uint32_t segment, rid, count;
	uint32_t unit, stream;
};

struct acpi_discovery {
	struct machine *machine;
	struct topology *topology;
	struct error *err;
	struct acpi_claim claims[ACPI_CLAIMS_MAX];
	uint32_t claim_count;
	/* Units that cover whatever of their segment nobody claims. */
	struct acpi_rest { uint32_t segment, unit; } rests[TOPOLOGY_UNITS_MAX];
	uint32_t rest_count;
};

/*
 * Notes a claim that the table makes at offset. Refused when another unit has
 * one of these requesters, or the same unit has it under another stream.
 */
int acpi_claim(struct acpi_discovery *found, const struct machine_table *table, uint32_t offset,
	       const struct acpi_claim *claim);

/* Is there room for another unit, and are these registers (size 0: none) nobody else's? */
int acpi_check_unit(const struct acpi_discovery *found, const struct machine_table *table,
		    uint32_t offset, uint64_t base, uint64_t size);

/* Firmware says that a host bridge begins with this bus. */
void acpi_note_root(struct acpi_discovery *found, uint32_t segment, uint32_t bus);

/* Units and claims of the table; nothing to do when there is none. */
int discover_dmar(struct acpi_discovery *found);
int discover_viot(struct acpi_discovery *found);

#endif
