// SPDX-License-Identifier: BSD-2-Clause
// static: grants that hold with no client at all.
#include "load.h"

#include "arith.h"

static void read_device(struct load *load, const struct load_node *node, void *target)
{
	const struct policy_device *devices = load->policy->devices;
	struct policy_static *grant = target;

	grant->device = load_find_device(load, node);
	if (grant->device != POLICY_ANY && devices[grant->device].host_identity)
		load_error(load, node->mark,
			   "'%s' stays open for the host (host: identity, line %u): it takes no "
			   "static grant",
			   devices[grant->device].name, devices[grant->device].line);
}

static void read_region(struct load *load, const struct load_node *node, void *target)
{
	struct policy_static *grant = target;

	grant->region = load_find_region(load, node);
}

static void read_iova(struct load *load, const struct load_node *node, void *target)
{
	struct policy_static *grant = target;

	load_address(load, node, "iova", UINT64_MAX, &grant->iova);
}

static void read_rights(struct load *load, const struct load_node *node, void *target)
{
	struct policy_static *grant = target;

	load_rights(load, node, &grant->rights);
}

static const struct load_key static_keys[] = {
	{ "device", true, read_device },
	{ "region", true, read_region },
	{ "iova", true, read_iova },
	{ "rights", true, read_rights },
};

static void check_static(struct load *load, const struct load_node *entry,
			 const struct policy_static *grant)
{
	const struct policy_region *regions = load->policy->regions, *region;
	const struct policy_static *other;

	region = &regions[grant->region];
	if (grant->rights & ~region->rights)
		load_error(load, load_map_value(entry, "rights")->mark,
			   "'rights' go beyond those of region '%s' in line %u", region->name,
			   region->line);
	if (!load_range(load, load_map_value(entry, "iova"), "a static grant", grant->iova,
			region->length))
		return;
	for (other = load->policy->statics; other < grant; other++) {
		if (other->device != grant->device || other->region == POLICY_ANY ||
		    range_is_bad(other->iova, regions[other->region].length))
			continue;
		if (!range_overlaps(grant->iova, region->length, other->iova,
				    regions[other->region].length))
			continue;
		load_error(load, load_map_value(entry, "iova")->mark,
			   "overlaps the static grant of line %u on the same device", other->line);
		return;
	}
}

void load_statics(struct load *load, const struct load_node *node)
{
	struct policy *policy = load->policy;
	const struct load_node *entry;
	struct policy_static *grant;
	uint32_t errors;

	policy->statics = load_array(load, node, "static", LOAD_STATICS_MAX,
				     sizeof(*policy->statics), &policy->static_count);
	if (!policy->statics)
		return;
	grant = policy->statics;
	for (entry = node->first; entry; entry = entry->next, grant++) {
		grant->device = grant->region = POLICY_ANY;
		grant->line = entry->mark.line;
		errors = load->errors;
		load_map(load, entry, "a static grant", static_keys, ARRAY_COUNT(static_keys),
			 grant);
		if (load->errors == errors)
			check_static(load, entry, grant);
	}
}
