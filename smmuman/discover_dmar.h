/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device scopes, by which the structures of a DMAR table name devices, and what
 * memory they may name. Private to discover_dmar*.c. Intel VT-d specification, 8.3.1.
 */
#ifndef SMMUMAN_SMMUMAN_DISCOVER_DMAR_H
#define SMMUMAN_SMMUMAN_DISCOVER_DMAR_H

#include "discover_acpi.h"

enum dmar_scope_type {
	DMAR_ENDPOINT = 1,
	DMAR_SUB_HIERARCHY, /* a bridge and all that is behind it */
	DMAR_IOAPIC,
	DMAR_HPET,
	DMAR_NAMESPACE, /* no PCI function: an object that an ANDD structure names */
};

struct dmar_scope {
	uint32_t offset; /* of the entry, in the table */
	uint32_t type;	 /* none of the above: skip it */
	uint32_t id;	 /* of an IOAPIC, HPET or namespace device */
	uint32_t segment, bus;
	uint32_t path, path_count; /* offset of its first (device, function) pair; at least 1 */
};

/* What a scope comes to: a requester, and the buses behind it when it is a bridge. */
struct dmar_target {
	uint32_t rid;
	uint32_t first_bus, last_bus; /* last_bus 0: none */
};

typedef int dmar_scope_fn(void *context, const struct dmar_scope *scope);

/* Visits the entries in [offset, end) of the table; ends with the first that is not 0. */
int dmar_scopes_visit(struct acpi_discovery *found, const struct machine_table *table,
		      uint32_t offset, uint32_t end, uint32_t segment, dmar_scope_fn *visit,
		      void *context);

/*
 * Follows a scope's path by the bus numbers that the bridges on it hold now. The
 * last function may be absent; a bridge on the way may not.
 */
int dmar_scope_resolve(struct acpi_discovery *found, const struct machine_table *table,
		       const struct dmar_scope *scope, struct dmar_target *ret_target);

/* Is all of a good range memory that firmware keeps, and none of it anybody else's? */
bool dmar_is_firmware_memory(const struct machine *machine, uint64_t base, uint64_t length);

#endif
