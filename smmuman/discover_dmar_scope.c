// SPDX-License-Identifier: BSD-2-Clause
#include "discover_dmar.h"

#include <inttypes.h>

#include "pci_caps.h"

#define SCOPE_TYPE 0u
#define SCOPE_LENGTH 1u
#define SCOPE_ID 4u
#define SCOPE_BUS 5u
#define SCOPE_PATH 6u
#define STEP_BYTES 2u /* device, function */

#define DEVICES 32u
#define FUNCTIONS 8u

/* --- the entries ----------------------------------------------------------------------- */

static int check_path(struct acpi_discovery *found, const struct machine_table *table,
		      const struct dmar_scope *scope)
{
	uint32_t i, device, function;

	for (i = 0; i < scope->path_count; i++) {
		device = acpi_get8(table, scope->path + i * STEP_BYTES);
		function = acpi_get8(table, scope->path + i * STEP_BYTES + 1);
		if (device >= DEVICES || function >= FUNCTIONS)
			return acpi_refuse(found->err, table, scope->path + i * STEP_BYTES,
					   "the path names device 0x%02" PRIx32
					   ", function 0x%02" PRIx32 ", which no PCI bus has",
					   device, function);
	}
	return 0;
}

int dmar_scopes_visit(struct acpi_discovery *found, const struct machine_table *table,
		      uint32_t offset, uint32_t end, uint32_t segment, dmar_scope_fn *visit,
		      void *context)
{
	struct dmar_scope scope = { .segment = segment };
	uint32_t length;
	int result;

	for (; offset < end; offset += length) {
		if (end - offset < SCOPE_PATH)
			return acpi_refuse(found->err, table, offset,
					   "%" PRIu32 " bytes are too few for a device scope",
					   end - offset);
		length = acpi_get8(table, offset + SCOPE_LENGTH);
		if (length < SCOPE_PATH + STEP_BYTES || (length - SCOPE_PATH) % STEP_BYTES ||
		    length > end - offset)
			return acpi_refuse(found->err, table, offset + SCOPE_LENGTH,
					   "the device scope's length %" PRIu32
					   " is not that of a path, or leads out of its structure",
					   length);
		scope.offset = offset;
		scope.type = acpi_get8(table, offset + SCOPE_TYPE);
		scope.id = acpi_get8(table, offset + SCOPE_ID);
		scope.bus = acpi_get8(table, offset + SCOPE_BUS);
		scope.path = offset + SCOPE_PATH;
		scope.path_count = (length - SCOPE_PATH) / STEP_BYTES;
		result = check_path(found, table, &scope);
		if (!result)
			result = visit(context, &scope);
		if (result)
			return result;
	}
	return 0;
}

/* --- where they lead ------------------------------------------------------------------------ */

/* The function that a path has come to. */
struct place {
	const struct topology_bridge *host; /* NULL: no configuration space */
	uint64_t config;
	uint32_t bus, device, function;
	bool is_present;
};

static uint32_t read_config(const struct acpi_discovery *found, const struct place *place,
			    uint32_t offset, unsigned size)
{
	return found->machine->ops->config_read(found->machine, place->config + offset, size);
}

static uint32_t rid_of(const struct place *place)
{
	return place->bus << 8 | place->device << 3 | place->function;
}

static void go_to(struct acpi_discovery *found, const struct machine_table *table,
		  const struct dmar_scope *scope, uint32_t step, struct place *place)
{
	uint32_t vendor;

	place->device = acpi_get8(table, scope->path + step * STEP_BYTES);
	place->function = acpi_get8(table, scope->path + step * STEP_BYTES + 1);
	place->host = topology_bridge_of(found->topology, scope->segment, place->bus);
	place->config = topology_config(found->topology, scope->segment, rid_of(place));
	vendor = place->config ? read_config(found, place, PCI_VENDOR, 2) : 0xffff;
	place->is_present = vendor != 0xffff && vendor != 0;
}

static bool is_bridge(const struct acpi_discovery *found, const struct place *place)
{
	return place->is_present &&
	       (read_config(found, place, PCI_HEADER_TYPE, 1) & PCI_HEADER_KIND) == 1;
}

/* The buses behind a bridge; *ret_first 0 when nobody has set it up. Numbers only rise. */
static int read_buses(struct acpi_discovery *found, const struct machine_table *table,
		      uint32_t offset, const struct place *place, uint32_t *ret_first,
		      uint32_t *ret_last)
{
	uint32_t buses = read_config(found, place, PCI_BUSES, 4);

	*ret_first = buses >> 8 & 0xff;
	*ret_last = buses >> 16 & 0xff;
	if (*ret_first == 0)
		return 0;
	if (*ret_first <= place->bus || *ret_last < *ret_first || *ret_last > place->host->last_bus)
		return acpi_refuse(found->err, table, offset,
				   "the bridge %02" PRIx32 ":%02" PRIx32 ".%" PRIx32
				   " claims to lead to buses %" PRIu32 " to %" PRIu32,
				   place->bus, place->device, place->function, *ret_first,
				   *ret_last);
	return 0;
}

static int go_through(struct acpi_discovery *found, const struct machine_table *table,
		      uint32_t offset, struct place *place)
{
	uint32_t first, last;
	int result;

	if (!is_bridge(found, place))
		return acpi_refuse(found->err, table, offset,
				   "the path leads through %02" PRIx32 ":%02" PRIx32 ".%" PRIx32
				   ", where there is no bridge",
				   place->bus, place->device, place->function);
	result = read_buses(found, table, offset, place, &first, &last);
	if (result)
		return result;
	if (first == 0)
		return acpi_refuse(found->err, table, offset,
				   "the path leads through the bridge %02" PRIx32 ":%02" PRIx32
				   ".%" PRIx32 ", which has no bus behind it",
				   place->bus, place->device, place->function);
	place->bus = first;
	return 0;
}

/* Some chipsets' bridges have an ordinary header; they lead to no bus of their own. */
static bool is_bridge_by_class(const struct acpi_discovery *found, const struct place *place)
{
	return read_config(found, place, PCI_CLASS, 1) == PCI_CLASS_BRIDGE;
}

static int check_end(struct acpi_discovery *found, const struct machine_table *table,
		     const struct dmar_scope *scope, const struct place *place,
		     struct dmar_target *target)
{
	bool has_bridge = is_bridge(found, place);

	if (!place->is_present)
		return 0;
	if (scope->type == DMAR_ENDPOINT && has_bridge)
		return acpi_refuse(found->err, table, scope->offset,
				   "calls the bridge %02" PRIx32 ":%02" PRIx32 ".%" PRIx32
				   " an endpoint",
				   place->bus, place->device, place->function);
	if (scope->type != DMAR_SUB_HIERARCHY)
		return 0;
	if (!has_bridge && !is_bridge_by_class(found, place))
		return acpi_refuse(found->err, table, scope->offset,
				   "calls %02" PRIx32 ":%02" PRIx32 ".%" PRIx32
				   ", which is none, a bridge",
				   place->bus, place->device, place->function);
	if (!has_bridge)
		return 0;
	return read_buses(found, table, scope->offset, place, &target->first_bus,
			  &target->last_bus);
}

int dmar_scope_resolve(struct acpi_discovery *found, const struct machine_table *table,
		       const struct dmar_scope *scope, struct dmar_target *ret_target)
{
	struct place place = { .bus = scope->bus };
	uint32_t step;
	int result;

	*ret_target = (struct dmar_target){ .rid = 0 };
	go_to(found, table, scope, 0, &place);
	for (step = 1; step < scope->path_count; step++) {
		result = go_through(found, table, scope->path + (step - 1) * STEP_BYTES, &place);
		if (result)
			return result;
		go_to(found, table, scope, step, &place);
	}
	ret_target->rid = rid_of(&place);
	result = check_end(found, table, scope, &place, ret_target);
	if (ret_target->first_bus == 0)
		ret_target->last_bus = 0;
	return result;
}
