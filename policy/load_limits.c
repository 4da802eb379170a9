// SPDX-License-Identifier: BSD-2-Clause
// limits: how much one uid may hold at a time, and how many clients there are.
#include "load.h"

#include <stddef.h>

#include "types.h"

#define MEMORY_MOST (UINT64_C(1) << 50)
#define TABLES_MOST (UINT64_C(1) << 40)

#define COUNT_LIMIT(field, most) \
	static void read_##field(struct load *load, const struct load_node *node, void *target) \
	{ \
		load_count32(load, node, #field, 1, most, \
			     &((struct policy_limits *)target)->field); \
	}

COUNT_LIMIT(connections, 4096)
COUNT_LIMIT(domains, 65536)
COUNT_LIMIT(memories, 65536)
COUNT_LIMIT(grants, 16777216)
COUNT_LIMIT(devices, 1024)

static void read_memory(struct load *load, const struct load_node *node, void *target)
{
	struct policy_limits *limits = target;

	load_size(load, node, "memory", PAGE_BYTES, MEMORY_MOST, &limits->memory_bytes);
}

static void read_tables(struct load *load, const struct load_node *node, void *target)
{
	struct policy_limits *limits = target;

	load_size(load, node, "tables", PAGE_BYTES, TABLES_MOST, &limits->table_bytes);
}

void load_limits(struct load *load, const struct load_node *node, struct policy_limits *limits)
{
	static const struct load_key keys[] = {
		{ "connections", false, read_connections }, { "domains", false, read_domains },
		{ "memories", false, read_memories },	    { "grants", false, read_grants },
		{ "memory", false, read_memory },	    { "tables", false, read_tables },
		{ "devices", false, read_devices },
	};

	load_map(load, node, "limits", keys, ARRAY_COUNT(keys), limits);
}

void load_limits_default(struct policy_limits *limits)
{
	*limits = (struct policy_limits){
		.connections = 32,
		.domains = 64,
		.memories = 256,
		.grants = 65536,
		.memory_bytes = UINT64_C(256) << 20,
		.table_bytes = UINT64_C(64) << 20,
		.devices = 64,
	};
}

static void read_all_connections(struct load *load, const struct load_node *node, void *target)
{
	struct policy *policy = target;

	load_count32(load, node, "connections", 1, 65536, &policy->max_connections);
}

void load_global_limits(struct load *load, const struct load_node *node)
{
	static const struct load_key keys[] = { { "connections", false, read_all_connections } };

	load_map(load, node, "limits", keys, ARRAY_COUNT(keys), load->policy);
}
