// SPDX-License-Identifier: BSD-2-Clause
/*
 * Units and what they cover from the DMAR table. Intel Virtualization
 * Technology for Directed I/O, chapter 8 (revision 4.1). Kinds of structure are
 * read one after the other, whatever order they stand in: scopes name what an
 * ANDD declares, affinities name what a DRHD declares.
 */
#include "discover_dmar.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arith.h"
#include "bits.h"
#include "log.h"

/* 8.1: the table's own fields. Of its flags none concerns DMA remapping by tables. */
#define DMAR_WIDTH 36u
#define DMAR_FIRST 48u
#define WIDTH_MIN 32u /* bits of an address */
#define WIDTH_MAX 64u

/* 8.2: every structure. */
#define NODE_TYPE 0u
#define NODE_LENGTH 2u
#define NODE_HEAD 4u
#define NODE_SEGMENT 6u

/* 8.3: DRHD. */
#define DRHD_FLAGS 4u
#define   DRHD_INCLUDE_ALL 0x01u
#define DRHD_SIZE 5u
#define   DRHD_SIZE_LOG2 0x0fu
#define DRHD_BASE 8u

/* 8.4: RMRR. */
#define RMRR_BASE 8u
#define RMRR_LIMIT 16u

/* 8.6 and 8.7: RHSA, ANDD. */
#define RHSA_BASE 8u
#define ANDD_NUMBER 7u
#define ANDD_NAME 8u

struct dmar {
	struct acpi_discovery *found;
	const struct machine_table *table;
	unsigned address_bits;
	bool is_declared[256]; /* by an ANDD, by its number */
	uint32_t ioapic_unit[256], hpet_unit[256]; /* index + 1, by their number */
};

struct node {
	struct dmar *dmar;
	uint32_t offset, length;
	uint32_t unit;		  /* DRHD: its index */
	uint64_t base, limit;	  /* RMRR */
	uint32_t scope_count;
};

#define REFUSE(node, at, ...) \
	acpi_refuse((node)->dmar->found->err, (node)->dmar->table, (node)->offset + (at), __VA_ARGS__)

static uint64_t get64(const struct node *node, uint32_t at)
{
	return acpi_get64(node->dmar->table, node->offset + at);
}

static uint32_t get8(const struct node *node, uint32_t at)
{
	return acpi_get8(node->dmar->table, node->offset + at);
}

static uint32_t segment_of(const struct node *node)
{
	return acpi_get16(node->dmar->table, node->offset + NODE_SEGMENT);
}

static int visit_scopes(struct node *node, uint32_t first, dmar_scope_fn *visit)
{
	return dmar_scopes_visit(node->dmar->found, node->dmar->table, node->offset + first,
				 node->offset + node->length, segment_of(node), visit, node);
}

/* --- ANDD ------------------------------------------------------------------------------ */

static int read_andd(struct node *node)
{
	uint32_t number = get8(node, ANDD_NUMBER);
	const char *name = (const char *)node->dmar->table->bytes + node->offset + ANDD_NAME;

	if (!memchr(name, '\0', node->length - ANDD_NAME))
		return REFUSE(node, ANDD_NAME, "the name of the device does not end");
	if (node->dmar->is_declared[number])
		return REFUSE(node, ANDD_NUMBER, "declares device %" PRIu32 " a second time", number);
	node->dmar->is_declared[number] = true;
	return 0;
}

/* --- DRHD ------------------------------------------------------------------------------ */

static int claim_range(struct node *node, const struct dmar_scope *scope, uint32_t rid,
		       uint32_t count)
{
	const struct acpi_claim claim = { .segment = scope->segment, .rid = rid, .count = count,
					  .unit = node->unit, .stream = rid };

	return acpi_claim(node->dmar->found, node->dmar->table, scope->offset, &claim);
}

/* An interrupt source's own number must not be claimed twice either. */
static int claim_source(struct node *node, const struct dmar_scope *scope, const char *what,
			uint32_t *units)
{
	uint32_t other = units[scope->id];

	if (other && other != node->unit + 1)
		return acpi_refuse(node->dmar->found->err, node->dmar->table, scope->offset,
				   "covers %s %" PRIu32 ", which %s covers already", what, scope->id,
				   node->dmar->found->topology->units[other - 1].name);
	units[scope->id] = node->unit + 1;
	return 0;
}

static int claim_functions(struct node *node, const struct dmar_scope *scope)
{
	struct acpi_discovery *found = node->dmar->found;
	struct dmar_target target;
	int result;

	result = dmar_scope_resolve(found, node->dmar->table, scope, &target);
	if (!result)
		result = claim_range(node, scope, target.rid, 1);
	if (result)
		return result;
	if (scope->type != DMAR_NAMESPACE)
		acpi_note_root(found, scope->segment, scope->bus);
	if (target.last_bus)
		result = claim_range(node, scope, target.first_bus << 8,
				     (target.last_bus - target.first_bus + 1) << 8);
	return result;
}

static int claim_scope(void *context, const struct dmar_scope *scope)
{
	struct node *node = context;

	switch (scope->type) {
	case DMAR_NAMESPACE:
		if (!node->dmar->is_declared[scope->id])
			return acpi_refuse(node->dmar->found->err, node->dmar->table, scope->offset,
					   "covers the ACPI device %" PRIu32
					   ", which no ANDD structure declares",
					   scope->id);
		return claim_functions(node, scope);
	case DMAR_ENDPOINT:
	case DMAR_SUB_HIERARCHY:
		return claim_functions(node, scope);
	case DMAR_IOAPIC:
		return claim_source(node, scope, "IOAPIC", node->dmar->ioapic_unit);
	case DMAR_HPET:
		return claim_source(node, scope, "HPET", node->dmar->hpet_unit);
	default:
		log_warn("DMAR+0x%" PRIx32 ": the device scope's type %" PRIu32
			 " is none smmuman knows; skipped", scope->offset, scope->type);
		return 0;
	}
}

static int claim_rest(const struct node *node)
{
	struct acpi_discovery *found = node->dmar->found;
	uint32_t i;

	for (i = 0; i < found->rest_count; i++)
		if (found->rests[i].segment == segment_of(node))
			return REFUSE(node, DRHD_FLAGS,
				      "INCLUDE_PCI_ALL is set, as it is for %s of the same segment",
				      found->topology->units[found->rests[i].unit].name);
	found->rests[found->rest_count++] =
		(struct acpi_rest){ .segment = segment_of(node), .unit = node->unit };
	return 0;
}

static int read_drhd(struct node *node)
{
	struct topology *topology = node->dmar->found->topology;
	struct topology_unit unit = { .compatible = "intel,vt-d",
				      .segment = segment_of(node),
				      .address_bits = node->dmar->address_bits };
	int result;

	unit.base = get64(node, DRHD_BASE);
	unit.size = PAGE_BYTES << (get8(node, DRHD_SIZE) & DRHD_SIZE_LOG2);
	if (!is_aligned(unit.base, PAGE_BYTES))
		return REFUSE(node, DRHD_BASE, "registers at 0x%" PRIx64 " do not begin a page",
			      unit.base);
	result = acpi_check_unit(node->dmar->found, node->dmar->table, node->offset + DRHD_BASE,
				 unit.base, unit.size);
	if (result)
		return result;
	snprintf(unit.path, sizeof(unit.path), "DMAR+0x%" PRIx32, node->offset);
	node->unit = topology->unit_count;
	topology_add_unit(topology, "vtd", &unit);
	result = visit_scopes(node, 16, claim_scope);
	if (!result && get8(node, DRHD_FLAGS) & DRHD_INCLUDE_ALL)
		result = claim_rest(node);
	return result;
}

/* --- RMRR ------------------------------------------------------------------------------- */

static int add_region(struct node *node, const struct dmar_scope *scope, uint32_t rid,
		      uint32_t count)
{
	struct topology *topology = node->dmar->found->topology;

	if (topology->region_count == TOPOLOGY_RESERVED_MAX)
		return acpi_refuse(node->dmar->found->err, node->dmar->table, scope->offset,
				   "is one device with reserved memory too many: this smmuman knows "
				   "%u at most",
				   TOPOLOGY_RESERVED_MAX);
	topology->regions[topology->region_count++] = (struct topology_region){
		.segment = scope->segment, .rid = rid, .rid_count = count, .base = node->base,
		.length = node->limit - node->base + 1
	};
	return 0;
}

static int reserve_scope(void *context, const struct dmar_scope *scope)
{
	struct node *node = context;
	struct dmar_target target;
	int result;

	if (scope->type != DMAR_ENDPOINT && scope->type != DMAR_SUB_HIERARCHY)
		return acpi_refuse(node->dmar->found->err, node->dmar->table, scope->offset,
				   "reserves memory for a device scope of type %" PRIu32
				   ", which is no PCI function",
				   scope->type);
	node->scope_count++;
	result = dmar_scope_resolve(node->dmar->found, node->dmar->table, scope, &target);
	if (!result)
		result = add_region(node, scope, target.rid, 1);
	if (!result && target.last_bus)
		result = add_region(node, scope, target.first_bus << 8,
				    (target.last_bus - target.first_bus + 1) << 8);
	return result;
}

static int read_rmrr(struct node *node)
{
	int result;

	node->base = get64(node, RMRR_BASE);
	node->limit = get64(node, RMRR_LIMIT);
	node->scope_count = 0;
	if (node->base >= node->limit || !is_aligned(node->base, PAGE_BYTES) ||
	    !is_aligned(node->limit + 1, PAGE_BYTES) || node->limit == UINT64_MAX)
		return REFUSE(node, RMRR_BASE,
			      "reserved memory 0x%" PRIx64 " to 0x%" PRIx64 " is no run of pages",
			      node->base, node->limit);
	if (!dmar_is_firmware_memory(node->dmar->found->machine, node->base,
				     node->limit - node->base + 1))
		return REFUSE(node, RMRR_BASE,
			      "reserved memory 0x%" PRIx64 " to 0x%" PRIx64
			      " is not memory that firmware keeps for itself",
			      node->base, node->limit);
	result = visit_scopes(node, 24, reserve_scope);
	if (!result && node->scope_count == 0)
		return REFUSE(node, 24, "reserves memory for no device");
	return result;
}

/* --- ATSR, RHSA, SATC: nothing in them changes what we do, but they must hold ------------- */

static int ignore_scope(void *context, const struct dmar_scope *scope)
{
	(void)context;
	(void)scope;
	return 0;
}

/* Who may translate for itself (ATS): nobody may. */
static int read_translators(struct node *node)
{
	return visit_scopes(node, 8, ignore_scope);
}

static int read_rhsa(struct node *node)
{
	const struct topology *topology = node->dmar->found->topology;
	uint64_t base = get64(node, RHSA_BASE);
	uint32_t i;

	for (i = 0; i < topology->unit_count; i++)
		if (topology->units[i].base == base)
			return 0;
	return REFUSE(node, RHSA_BASE, "no DRHD structure has registers at 0x%" PRIx64, base);
}

/* --- the table ------------------------------------------------------------------------ */

/* In the order in which they are read. */
static const struct kind {
	uint32_t type;
	uint32_t bytes; /* without device scopes */
	int (*read)(struct node *node);
} kinds[] = {
	{ 4, 9, read_andd },	     { 0, 16, read_drhd }, { 1, 24, read_rmrr },
	{ 2, 8, read_translators }, { 3, 20, read_rhsa }, { 5, 8, read_translators },
};

static const struct kind *kind_of(uint32_t type)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(kinds); i++)
		if (kinds[i].type == type)
			return &kinds[i];
	return NULL;
}

/* Every structure's place, and a word about those of a kind unknown. */
static int check_nodes(struct node *node)
{
	const struct machine_table *table = node->dmar->table;
	const struct kind *kind;
	uint32_t type;

	for (node->offset = DMAR_FIRST; node->offset < table->size; node->offset += node->length) {
		if (table->size - node->offset < NODE_HEAD)
			return REFUSE(node, 0, "%" PRIu32 " bytes at the end belong to nothing",
				      table->size - node->offset);
		type = acpi_get16(table, node->offset + NODE_TYPE);
		node->length = acpi_get16(table, node->offset + NODE_LENGTH);
		kind = kind_of(type);
		if (node->length < (kind ? kind->bytes : NODE_HEAD) ||
		    node->length > table->size - node->offset)
			return REFUSE(node, NODE_LENGTH,
				      "the length %" PRIu32 " of a structure of type %" PRIu32
				      " is too small or leads out of the table",
				      node->length, type);
		if (!kind)
			log_warn("DMAR+0x%" PRIx32 ": the structure's type %" PRIu32
				 " is none smmuman knows; skipped", node->offset, type);
	}
	return 0;
}

static int read_kind(struct node *node, const struct kind *kind)
{
	const struct machine_table *table = node->dmar->table;
	int result = 0;

	for (node->offset = DMAR_FIRST; node->offset < table->size && !result;
	     node->offset += node->length) {
		node->length = acpi_get16(table, node->offset + NODE_LENGTH);
		if (acpi_get16(table, node->offset + NODE_TYPE) == kind->type)
			result = kind->read(node);
	}
	return result;
}

int discover_dmar(struct acpi_discovery *found)
{
	struct dmar dmar = { .found = found, .table = acpi_table_find(found->machine, "DMAR") };
	struct node node = { .dmar = &dmar };
	size_t i;
	int result;

	if (!dmar.table)
		return 0;
	if (dmar.table->size < DMAR_FIRST)
		return acpi_refuse(found->err, dmar.table, 4, "its length %" PRIu32
				   " is less than the %u bytes it begins with", dmar.table->size,
				   DMAR_FIRST);
	dmar.address_bits = acpi_get8(dmar.table, DMAR_WIDTH) + 1u;
	if (dmar.address_bits < WIDTH_MIN || dmar.address_bits > WIDTH_MAX)
		return acpi_refuse(found->err, dmar.table, DMAR_WIDTH,
				   "host addresses of %u bits are none a machine has",
				   dmar.address_bits);
	result = check_nodes(&node);
	for (i = 0; i < ARRAY_COUNT(kinds) && !result; i++)
		result = read_kind(&node, &kinds[i]);
	return result;
}
