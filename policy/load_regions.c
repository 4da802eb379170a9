// SPDX-License-Identifier: BSD-2-Clause
// regions: physical addresses that have a name.
#include "load.h"

#include <string.h>

#include "arith.h"
#include "types.h"

#define PHYSICAL_LAST ((UINT64_C(1) << 52) - 1) /* no IOMMU reaches further */

static void read_name(struct load *load, const struct load_node *node, void *target)
{
	struct policy_region *region = target, *other;

	if (!load_name(load, node, "name", region->name, sizeof(region->name)))
		return;
	for (other = load->policy->regions; other < region; other++) {
		if (strcmp(other->name, region->name) != 0)
			continue;
		load_error(load, node->mark, "a region is named '%s' already, in line %u",
			   region->name, other->line);
		return;
	}
}

static void read_address(struct load *load, const struct load_node *node, void *target)
{
	struct policy_region *region = target;

	load_address(load, node, "address", PHYSICAL_LAST, &region->address);
}

static void read_size(struct load *load, const struct load_node *node, void *target)
{
	struct policy_region *region = target;

	load_size(load, node, "size", PAGE_BYTES, PHYSICAL_LAST + 1, &region->length);
}

static void read_rights(struct load *load, const struct load_node *node, void *target)
{
	struct policy_region *region = target;

	load_rights(load, node, &region->rights);
}

static const struct load_key region_keys[] = {
	{ "name", true, read_name },
	{ "address", true, read_address },
	{ "size", true, read_size },
	{ "rights", true, read_rights },
};

static void check_region(struct load *load, const struct load_node *entry,
			 const struct policy_region *region)
{
	if (!load_range(load, entry, "a region", region->address, region->length))
		return;
	if (range_last(region->address, region->length) > PHYSICAL_LAST)
		load_error(load, entry->mark,
			   "a region is empty or runs past the last address (52 bits)");
}

void load_regions(struct load *load, const struct load_node *node)
{
	struct policy *policy = load->policy;
	const struct load_node *entry;
	struct policy_region *region;
	uint32_t errors;

	load->regions = node;
	policy->regions = load_array(load, node, "regions", LOAD_REGIONS_MAX,
				     sizeof(*policy->regions), &policy->region_count);
	if (!policy->regions)
		return;
	region = policy->regions;
	for (entry = node->first; entry; entry = entry->next, region++) {
		region->line = entry->mark.line;
		errors = load->errors;
		load_map(load, entry, "a region", region_keys, ARRAY_COUNT(region_keys), region);
		if (load->errors == errors)
			check_region(load, entry, region);
	}
}
