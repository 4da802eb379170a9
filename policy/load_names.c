// SPDX-License-Identifier: BSD-2-Clause
// Names that refer to devices and regions, and those nobody refers to.
#include "load.h"

#include <string.h>

#include "suggest.h"

static void unknown_name(struct load *load, const struct load_node *node, const char *what,
			 const char *nearest)
{
	char quoted[LOAD_QUOTE_MAX];

	load_quote(quoted, node->text);
	if (nearest)
		load_error(load, node->mark, "no %s is named '%s'; did you mean '%s'?", what,
			   quoted, nearest);
	else
		load_error(load, node->mark, "no %s is named '%s'", what, quoted);
}

uint32_t load_find_device(struct load *load, const struct load_node *node)
{
	const struct policy *policy = load->policy;
	struct suggest nearest;
	uint32_t i;

	if (!load_scalar(load, node, "device"))
		return POLICY_ANY;
	for (i = 0; i < policy->device_count; i++)
		if (strcmp(policy->devices[i].name, node->text) == 0)
			return i;
	suggest_init(&nearest, node->text);
	for (i = 0; i < policy->device_count && load->errors < LOAD_SHOWN_MAX; i++)
		suggest_offer(&nearest, policy->devices[i].name);
	unknown_name(load, node, "device", nearest.best);
	return POLICY_ANY;
}

uint32_t load_find_region(struct load *load, const struct load_node *node)
{
	const struct policy *policy = load->policy;
	struct suggest nearest;
	uint32_t i;

	if (!load_scalar(load, node, "region"))
		return POLICY_ANY;
	for (i = 0; i < policy->region_count; i++)
		if (strcmp(policy->regions[i].name, node->text) == 0)
			return i;
	suggest_init(&nearest, node->text);
	for (i = 0; i < policy->region_count && load->errors < LOAD_SHOWN_MAX; i++)
		suggest_offer(&nearest, policy->regions[i].name);
	unknown_name(load, node, "region", nearest.best);
	return POLICY_ANY;
}

static void mark_used(const struct policy *policy, bool *device_used, bool *region_used)
{
	uint32_t i, j;

	for (i = 0; i < policy->client_count; i++) {
		const struct policy_client *client = &policy->clients[i];

		for (j = 0; j < client->device_count; j++)
			device_used[client->devices[j]] = true;
		for (j = 0; j < client->region_count; j++)
			region_used[client->regions[j]] = true;
	}
	for (i = 0; i < policy->static_count; i++) {
		device_used[policy->statics[i].device] = true;
		region_used[policy->statics[i].region] = true;
	}
}

void load_unused(struct load *load)
{
	bool device_used[LOAD_DEVICES_MAX] = { false }, region_used[LOAD_REGIONS_MAX] = { false };
	const struct policy *policy = load->policy;
	const struct load_node *entry;
	uint32_t i;

	mark_used(policy, device_used, region_used);
	entry = load->devices ? load->devices->first : NULL;
	for (i = 0; entry && i < policy->device_count; i++, entry = entry->next)
		if (!device_used[i] && !policy->devices[i].host_identity)
			load_warning(load, entry->mark,
				     "nobody may attach device '%s': it stays closed",
				     policy->devices[i].name);
	entry = load->regions ? load->regions->first : NULL;
	for (i = 0; entry && i < policy->region_count; i++, entry = entry->next)
		if (!region_used[i])
			load_warning(load, entry->mark, "nobody may use region '%s'",
				     policy->regions[i].name);
}
