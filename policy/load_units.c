// SPDX-License-Identifier: BSD-2-Clause
// units: choices for one IOMMU, or for all that have no entry of their own.
#include "load.h"

#include <string.h>

static void read_unit(struct load *load, const struct load_node *node, void *target)
{
	struct policy_unit *unit = target, *other;

	if (node->kind == LOAD_SCALAR && strcmp(node->text, "*") == 0)
		strcpy(unit->name, "*");
	else if (!load_name(load, node, "unit", unit->name, sizeof(unit->name)))
		return;
	for (other = load->policy->units; other < unit; other++) {
		if (strcmp(other->name, unit->name) != 0)
			continue;
		load_error(load, node->mark, "unit '%s' has an entry already, in line %u",
			   unit->name, other->line);
		return;
	}
}

static void read_stage(struct load *load, const struct load_node *node, void *target)
{
	static const struct load_word words[] = {
		{ "any", POLICY_STAGE_ANY },
		{ "1", POLICY_STAGE_1 },
		{ "2", POLICY_STAGE_2 },
	};
	struct policy_unit *unit = target;
	unsigned value;

	if (load_word(load, node, "stage", words, ARRAY_COUNT(words), &value))
		unit->stage = (enum policy_stage)value;
}

static void read_table(struct load *load, const struct load_node *node, void *target)
{
	static const struct load_word words[] = {
		{ "any", POLICY_TABLE_ANY },
		{ "linear", POLICY_TABLE_LINEAR },
		{ "two-level", POLICY_TABLE_TWO_LEVEL },
	};
	struct policy_unit *unit = target;
	unsigned value;

	if (load_word(load, node, "stream_table", words, ARRAY_COUNT(words), &value))
		unit->table = (enum policy_table)value;
}

static void read_mode(struct load *load, const struct load_node *node, void *target)
{
	static const struct load_word words[] = {
		{ "any", POLICY_MODE_ANY },
		{ "legacy", POLICY_MODE_LEGACY },
		{ "scalable", POLICY_MODE_SCALABLE },
	};
	struct policy_unit *unit = target;
	unsigned value;

	if (load_word(load, node, "mode", words, ARRAY_COUNT(words), &value))
		unit->mode = (enum policy_mode)value;
}

/* A part of a file's name: nothing that could lead out of its directory. */
static void read_module(struct load *load, const struct load_node *node, void *target)
{
	struct policy_unit *unit = target;
	char quoted[LOAD_QUOTE_MAX];

	if (!load_name(load, node, "module", unit->module, sizeof(unit->module)))
		return;
	if (strchr(unit->module, '.'))
		load_error(load, node->mark,
			   "'module' takes NAME of smmu-NAME.so alone: letters, digits, '-' and "
			   "'_', not '%s'",
			   load_quote(quoted, node->text));
}

static const struct load_key unit_keys[] = {
	{ "unit", true, read_unit },	{ "stage", false, read_stage },
	{ "stream_table", false, read_table }, { "mode", false, read_mode },
	{ "module", false, read_module },
};

void load_units(struct load *load, const struct load_node *node)
{
	struct policy *policy = load->policy;
	const struct load_node *entry;
	struct policy_unit *unit;

	policy->units = load_array(load, node, "units", LOAD_UNITS_MAX, sizeof(*policy->units),
				   &policy->unit_count);
	if (!policy->units)
		return;
	unit = policy->units;
	for (entry = node->first; entry; entry = entry->next, unit++) {
		unit->line = entry->mark.line;
		load_map(load, entry, "a unit", unit_keys, ARRAY_COUNT(unit_keys), unit);
	}
}
