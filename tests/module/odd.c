// SPDX-License-Identifier: BSD-2-Clause
/*
 * A module for the loader's tests: good, or with the one thing wrong that ODD
 * names when it is loaded: "abi", "name", "no-name", or an operation that is to
 * be missing. ODD_UNLOADED is set when it is unloaded. Built with NO_SYMBOL it
 * has no smmu_module; with NO_HOST it wants what smmuman does not have.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Ours is to be written at load time, the contract's is constant. */
#define smmu_module contract_smmu_module
#include "driver.h"
#undef smmu_module
#ifdef NO_SYMBOL
#define smmu_module somebody_elses_module
#endif

void odd_host(void);

/* Nothing here is ever called. */
static void function(void)
{
#ifdef NO_HOST
	odd_host();
#endif
	abort();
}

static struct drv_ops ops;

extern struct drv_module smmu_module;
struct drv_module smmu_module = { .name = "odd", .abi = DRV_ABI, .ops = &ops };

static const struct {
	const char *name;
	size_t offset;
} operations[] = {
#define OPERATION(name) { #name, offsetof(struct drv_ops, name) }
	OPERATION(takeover),	 OPERATION(close),	   OPERATION(forget),
	OPERATION(space_create), OPERATION(space_destroy), OPERATION(set_stream),
	OPERATION(map),		 OPERATION(unmap),	   OPERATION(submit),
	OPERATION(completed),	 OPERATION(drain_faults),  OPERATION(salvage),
	OPERATION(fault_mark),	 OPERATION(walk),	   OPERATION(describe_stream),
	OPERATION(audit),
};

static bool is_wrong(const char *what)
{
	const char *odd = getenv("ODD");

	return odd && strcmp(odd, what) == 0;
}

static void set(void *where)
{
	void (*const to)(void) = function;

	memcpy(where, &to, sizeof(to));
}

__attribute__((constructor)) static void odd_make(void)
{
	size_t i;

	for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (!is_wrong(operations[i].name))
			set((char *)&ops + operations[i].offset);
	if (!is_wrong("match"))
		set(&smmu_module.match);
	if (!is_wrong("probe"))
		set(&smmu_module.probe);
	if (is_wrong("ops"))
		smmu_module.ops = NULL;
	if (is_wrong("abi"))
		smmu_module.abi = DRV_ABI + 1;
	if (is_wrong("name"))
		smmu_module.name = "even";
	if (is_wrong("no-name"))
		smmu_module.name = NULL;
}

__attribute__((destructor)) static void odd_gone(void)
{
	setenv("ODD_UNLOADED", "1", 1);
}
