// SPDX-License-Identifier: BSD-2-Clause
/*
 * virtio-iommu units and what they cover from the VIOT table. ACPI specification
 * 6.5, 5.2.34. Units are read first, because endpoints refer to them by offset.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "arith.h"
#include "bits.h"
#include "discover_acpi.h"
#include "log.h"

#define VIOT_BYTES 48u
#define VIOT_COUNT 36u
#define VIOT_FIRST 38u

/* Every node. */
#define NODE_TYPE 0u
#define NODE_LENGTH 2u
#define NODE_HEAD 4u

/* An endpoint, of either kind. */
#define NODE_ENDPOINT 4u
#define NODE_OUTPUT 16u

#define RANGE_FIRST_SEGMENT 8u
#define RANGE_LAST_SEGMENT 10u
#define RANGE_FIRST_RID 12u
#define RANGE_LAST_RID 14u

#define MMIO_BASE 8u

#define UNIT_SEGMENT 4u
#define UNIT_RID 6u
#define UNIT_BASE 8u
#define UNIT_MMIO_BYTES UINT64_C(0x200) /* of virtio over MMIO; the table does not say */

struct viot {
	struct acpi_discovery *found;
	const struct machine_table *table;
	uint32_t unit_offsets[TOPOLOGY_UNITS_MAX]; /* by index; 0: no unit of this table */
};

struct node {
	struct viot *viot;
	uint32_t offset, length;
};

#define REFUSE(node, at, ...) \
	acpi_refuse((node)->viot->found->err, (node)->viot->table, (node)->offset + (at), __VA_ARGS__)

static uint32_t get16(const struct node *node, uint32_t at)
{
	return acpi_get16(node->viot->table, node->offset + at);
}

static uint64_t get64(const struct node *node, uint32_t at)
{
	return acpi_get64(node->viot->table, node->offset + at);
}

/* --- units ------------------------------------------------------------------------------- */

static void add_unit(const struct node *node, struct topology_unit *unit)
{
	struct topology *topology = node->viot->found->topology;

	snprintf(unit->path, sizeof(unit->path), "VIOT+0x%" PRIx32, node->offset);
	node->viot->unit_offsets[topology->unit_count] = node->offset;
	topology_add_unit(topology, "viommu", unit);
}

static int read_pci_unit(struct node *node)
{
	const struct topology *topology = node->viot->found->topology;
	struct topology_unit unit = { .compatible = "virtio,pci-iommu",
				      .is_pci = true,
				      .segment = get16(node, UNIT_SEGMENT),
				      .rid = get16(node, UNIT_RID) };
	uint32_t i;
	int result;

	result = acpi_check_unit(node->viot->found, node->viot->table, node->offset, 0, 0);
	if (result)
		return result;
	for (i = 0; i < topology->unit_count; i++)
		if (topology->units[i].is_pci && topology->units[i].segment == unit.segment &&
		    topology->units[i].rid == unit.rid)
			return REFUSE(node, UNIT_SEGMENT, "is the PCI function of %s (%s) too",
				      topology->units[i].name, topology->units[i].path);
	add_unit(node, &unit);
	return 0;
}

static int read_mmio_unit(struct node *node)
{
	struct topology_unit unit = { .compatible = "virtio,mmio-iommu",
				      .base = get64(node, UNIT_BASE),
				      .size = UNIT_MMIO_BYTES };
	int result;

	if (!is_aligned(unit.base, 4))
		return REFUSE(node, UNIT_BASE, "registers at 0x%" PRIx64 " are not aligned",
			      unit.base);
	result = acpi_check_unit(node->viot->found, node->viot->table, node->offset + UNIT_BASE,
				 unit.base, unit.size);
	if (result)
		return result;
	add_unit(node, &unit);
	return 0;
}

/* --- endpoints ------------------------------------------------------------------------------ */

static int find_unit(const struct node *node, uint32_t *ret_unit)
{
	uint32_t output = get16(node, NODE_OUTPUT), i;

	for (i = 0; i < node->viot->found->topology->unit_count; i++)
		if (output && node->viot->unit_offsets[i] == output) {
			*ret_unit = i;
			return 0;
		}
	return REFUSE(node, NODE_OUTPUT, "refers to 0x%" PRIx32 ", where there is no virtio-iommu node",
		      output);
}

/* No endpoint of a unit has two sources. */
static int check_endpoints(const struct node *node, const struct acpi_claim *claim)
{
	const struct acpi_discovery *found = node->viot->found;
	uint32_t i;

	for (i = 0; i < found->claim_count; i++) {
		const struct acpi_claim *other = &found->claims[i];

		if (other->unit == claim->unit &&
		    range_overlaps(other->stream, other->count, claim->stream, claim->count))
			return REFUSE(node, NODE_ENDPOINT,
				      "names endpoint 0x%" PRIx64 " of %s, which another node names "
				      "already",
				      max_u64(other->stream, claim->stream),
				      found->topology->units[claim->unit].name);
	}
	return 0;
}

/* The requesters of each segment follow those of the one before. */
static int claim_segment(const struct node *node, uint32_t unit, uint32_t segment)
{
	uint64_t step = segment - get16(node, RANGE_FIRST_SEGMENT);
	uint64_t stream = acpi_get32(node->viot->table, node->offset + NODE_ENDPOINT) +
			  (step << 16);
	struct acpi_claim claim = { .segment = segment, .rid = get16(node, RANGE_FIRST_RID),
				    .unit = unit, .stream = (uint32_t)stream };
	int result;

	claim.count = get16(node, RANGE_LAST_RID) - claim.rid + 1;
	if (!range_within(stream, claim.count, 0, UINT64_C(1) << 32))
		return REFUSE(node, NODE_ENDPOINT,
			      "endpoints from 0x%" PRIx64 " on wrap around", stream);
	result = check_endpoints(node, &claim);
	if (result)
		return result;
	acpi_note_root(node->viot->found, segment, claim.rid >> 8);
	return acpi_claim(node->viot->found, node->viot->table, node->offset + RANGE_FIRST_RID,
			  &claim);
}

static int read_range(struct node *node)
{
	const struct topology *topology = node->viot->found->topology;
	uint32_t first = get16(node, RANGE_FIRST_SEGMENT), last = get16(node, RANGE_LAST_SEGMENT);
	uint32_t unit = 0, segment, i;
	int result;

	if (first > last)
		return REFUSE(node, RANGE_FIRST_SEGMENT,
			      "segments %" PRIu32 " to %" PRIu32 " are no range", first, last);
	if (get16(node, RANGE_FIRST_RID) > get16(node, RANGE_LAST_RID))
		return REFUSE(node, RANGE_FIRST_RID,
			      "requesters 0x%04" PRIx32 " to 0x%04" PRIx32 " are no range",
			      get16(node, RANGE_FIRST_RID), get16(node, RANGE_LAST_RID));
	result = find_unit(node, &unit);
	for (segment = first; segment <= last && !result; segment++) {
		for (i = 0; i < topology->bridge_count; i++)
			if (topology->bridges[i].segment == segment)
				break;
		if (i < topology->bridge_count)
			result = claim_segment(node, unit, segment);
	}
	return result;
}

/* A platform device, named by its first page: how many registers it has is not said. */
static int read_mmio_endpoint(struct node *node)
{
	const struct devname name = { .kind = DEVNAME_MMIO, .base = get64(node, MMIO_BASE),
				      .length = PAGE_BYTES };
	struct topology_device *device;
	uint32_t unit = 0;
	int result;

	result = find_unit(node, &unit);
	if (result)
		return result;
	if (name.base == 0 || range_is_bad(name.base, name.length))
		return REFUSE(node, MMIO_BASE, "registers at 0x%" PRIx64 " are nowhere or wrap around",
			      name.base);
	result = topology_add_device(node->viot->found->topology, &name, &device,
				     node->viot->found->err);
	if (result) {
		error_prefix(node->viot->found->err, "VIOT+0x%" PRIx32, node->offset);
		return result;
	}
	device->unit = unit;
	device->stream_count = 1;
	device->stream = acpi_get32(node->viot->table, node->offset + NODE_ENDPOINT);
	return 0;
}

/* --- the table ------------------------------------------------------------------------ */

static const struct kind {
	uint32_t type, bytes;
	bool is_unit;
	int (*read)(struct node *node);
} kinds[] = {
	{ 1, 24, false, read_range },
	{ 2, 24, false, read_mmio_endpoint },
	{ 3, 16, true, read_pci_unit },
	{ 4, 16, true, read_mmio_unit },
};

static const struct kind *kind_of(uint32_t type)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(kinds); i++)
		if (kinds[i].type == type)
			return &kinds[i];
	return NULL;
}

static int check_node(struct node *node)
{
	const struct machine_table *table = node->viot->table;
	const struct kind *kind;
	uint32_t type;

	if (node->offset > table->size || table->size - node->offset < NODE_HEAD)
		return REFUSE(node, 0, "the node lies outside the table of %" PRIu32 " bytes",
			      table->size);
	type = acpi_get8(table, node->offset + NODE_TYPE);
	node->length = get16(node, NODE_LENGTH);
	kind = kind_of(type);
	if (node->length < NODE_HEAD || (kind && node->length != kind->bytes) ||
	    node->length > table->size - node->offset)
		return REFUSE(node, NODE_LENGTH,
			      "the length %" PRIu32 " of a node of type %" PRIu32
			      " is not its kind's or leads out of the table",
			      node->length, type);
	return 0;
}

static int read_nodes(struct viot *viot, bool is_unit, bool is_first)
{
	struct node node = { .viot = viot, .offset = acpi_get16(viot->table, VIOT_FIRST) };
	uint32_t count = acpi_get16(viot->table, VIOT_COUNT), i;
	const struct kind *kind;
	int result;

	for (i = 0; i < count; i++, node.offset += node.length) {
		result = check_node(&node);
		if (result)
			return result;
		kind = kind_of(acpi_get8(viot->table, node.offset + NODE_TYPE));
		if (!kind && is_first)
			log_warn("VIOT+0x%" PRIx32 ": the node's type %u is none smmuman knows; skipped",
				 node.offset, acpi_get8(viot->table, node.offset + NODE_TYPE));
		result = kind && kind->is_unit == is_unit ? kind->read(&node) : 0;
		if (result)
			return result;
	}
	if (node.offset != viot->table->size)
		return REFUSE(&node, 0, "bytes at the end belong to no node");
	return 0;
}

int discover_viot(struct acpi_discovery *found)
{
	struct viot viot = { .found = found, .table = acpi_table_find(found->machine, "VIOT") };
	int result;

	if (!viot.table)
		return 0;
	if (viot.table->size < VIOT_BYTES)
		return acpi_refuse(found->err, viot.table, 4, "its length %" PRIu32
				   " is less than the %u bytes it begins with", viot.table->size,
				   VIOT_BYTES);
	if (acpi_get16(viot.table, VIOT_FIRST) < VIOT_BYTES)
		return acpi_refuse(found->err, viot.table, VIOT_FIRST,
				   "its nodes begin at 0x%x, inside the table's own fields",
				   acpi_get16(viot.table, VIOT_FIRST));
	result = read_nodes(&viot, true, true);
	if (!result)
		result = read_nodes(&viot, false, false);
	return result;
}
