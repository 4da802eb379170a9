// SPDX-License-Identifier: BSD-2-Clause
/*
 * An example of a module that is no part of smmuman: it takes an Arm SMMUv3 and
 * blocks every device behind it, for good. Build, install, use:
 *
 *   cc -shared -fPIC $(pkg-config --cflags smmu-module) -o smmu-blockall.so smmu-blockall.c
 *   install smmu-blockall.so $(pkg-config --variable=moduledir smmu-module)
 *   units: [{unit: "*", module: blockall}]      in the policy
 *
 * driver.h is the contract, smmu-module(7) walks through this file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "log.h"

/* Operations have the arguments that they have. */
#pragma GCC diagnostic ignored "-Wunused-parameter"
// NOLINTBEGIN(misc-unused-parameters)

/* IHI 0070, 6.3: the few registers that closing needs. */
#define IDR1 0x04
#define IDR1_SIDSIZE 0x3fu
#define CR0 0x20
#define CR0ACK 0x24
#define CR0_SMMUEN 1u
#define GBPA 0x44 /* what becomes of transactions while SMMUEN is 0 */
#define GBPA_ABORT (1u << 20)
#define GBPA_UPDATE (1u << 31)
#define ACK_NS 100000000 /* 100 ms */

struct blockall {
	struct drv_unit base; /* first: what the daemon sees */
	struct hw_regs regs;
};

/* First abort what passes a disabled unit, then disable it: at no moment is it open. */
static int block(struct blockall *unit, struct error *err)
{
	int ret = hw_poll(&unit->regs, GBPA, "SMMU_GBPA", GBPA_UPDATE, 0, ACK_NS, err);

	if (ret)
		return ret;
	hw_write32(&unit->regs, GBPA, GBPA_ABORT | GBPA_UPDATE);
	ret = hw_poll(&unit->regs, GBPA, "SMMU_GBPA", GBPA_UPDATE | GBPA_ABORT, GBPA_ABORT, ACK_NS,
		      err);
	if (ret)
		return ret;
	hw_write32(&unit->regs, CR0, 0);
	return hw_poll(&unit->regs, CR0ACK, "SMMU_CR0ACK", CR0_SMMUEN, 0, ACK_NS, err);
}

static int takeover(struct drv_unit *unit, const struct drv_stream_init *init, uint32_t count,
		    struct error *err)
{
	int ret = block((struct blockall *)unit, err);

	unit->is_closed = ret != 0;
	for (; count > 0 && ret == 0; count--, init++)
		if (init->state == DRV_BOUND)
			ret = error_set(err, -ENOTSUP, "%s: blockall keeps no stream open",
					unit->name);
	return ret;
}

static void close_unit(struct drv_unit *unit)
{
	struct error err;

	unit->is_closed = true;
	if (block((struct blockall *)unit, &err))
		log_alarm("%s: could not be closed: %s", unit->name, err.text);
}

static void forget(struct drv_unit *unit)
{
	free(unit);
}

/* Nobody gets an address space, so what takes one (never_...) is never called. */
static int space_create(struct drv_unit *unit, uint64_t limit, struct drv_space **ret_space,
			struct error *err)
{
	return error_set(err, -EACCES, "%s: blockall lets no device reach memory", unit->name);
}

static void never_destroy(struct drv_space *space)
{
	abort();
}

static int never_map(struct drv_space *space, iova_t iova, const struct drv_part *part,
		     unsigned rights, struct error *err)
{
	abort();
}

static void never_unmap(struct drv_space *space, iova_t iova, uint64_t length,
			struct drv_gather *gather)
{
	abort();
}

static void never_walk(struct drv_space *space, iova_t iova, struct drv_walk *ret_walk)
{
	abort();
}

static int set_stream(struct drv_unit *unit, uint32_t stream, enum drv_stream_state state,
		      struct drv_space *space, struct drv_gather *gather, struct error *err)
{
	/* Closed is what every stream is: gather gets nothing to wait for. */
	return state == DRV_BOUND ? error_set(err, -EIO, "%s: blocks everything", unit->name) : 0;
}

static uint64_t submit(struct drv_unit *unit, struct drv_gather *gather)
{
	*gather = (struct drv_gather){ 0 };
	return unit->is_closed ? UINT64_MAX : 0;
}

/* Tickets and fault numbers: there is only the first. */
static uint64_t zero(struct drv_unit *unit)
{
	return 0;
}

/* A unit that aborts by GBPA makes no records. */
static bool drain_faults(struct drv_unit *unit, unsigned budget, const struct drv_fault_sink *sink)
{
	return false;
}

static void salvage(struct drv_unit *unit, const struct drv_fault_sink *sink)
{
}

static void describe_stream(struct drv_unit *unit, uint32_t stream, char *text, size_t size)
{
	snprintf(text, size, "stream 0x%x: aborted like all others", stream);
}

static int audit(struct drv_unit *unit, struct error *err)
{
	const struct hw_regs *regs = &((struct blockall *)unit)->regs;

	if (hw_read32(regs, GBPA) & GBPA_ABORT && !(hw_read32(regs, CR0ACK) & CR0_SMMUEN))
		return 0;
	return error_set(err, -EBADE, "%s: somebody opened it", unit->name);
}

static const struct drv_ops ops = {
	.takeover = takeover,
	.close = close_unit,
	.forget = forget,
	.space_create = space_create,
	.space_destroy = never_destroy,
	.set_stream = set_stream,
	.map = never_map,
	.unmap = never_unmap,
	.submit = submit,
	.completed = zero,
	.drain_faults = drain_faults,
	.salvage = salvage,
	.fault_mark = zero,
	.walk = never_walk,
	.describe_stream = describe_stream,
	.audit = audit,
};

static bool match(const struct drv_found *found)
{
	return strcmp(found->compatible, "arm,smmu-v3") == 0;
}

/* Looks, and changes nothing. */
static int probe(struct hw *hw, const struct drv_found *found, const struct drv_options *options,
		 struct drv_unit **ret_unit, struct error *err)
{
	struct blockall *unit = calloc(1, sizeof(*unit));
	uint32_t idr1;

	if (!unit)
		return error_set(err, -ENOMEM, "%s: out of memory", found->name);
	unit->base = (struct drv_unit){ .module = &smmu_module,
					.ops = &ops,
					.hw = hw,
					.wait_register = "none",
					.caps = { .input_bits = 32,
						  .output_bits = 32,
						  .words = "SMMUv3 that blocks everything" } };
	snprintf(unit->base.name, sizeof(unit->base.name), "%s", found->name);
	unit->regs = (struct hw_regs){ hw, found->base, found->size };
	idr1 = hw_read32(&unit->regs, IDR1);
	if (idr1 == UINT32_MAX) {
		free(unit);
		return error_set(err, -ENODEV, "%s: SMMU_IDR1 reads all ones: no unit there",
				 found->name);
	}
	idr1 &= IDR1_SIDSIZE;
	unit->base.caps.stream_count = idr1 < 32 ? 1u << idr1 : UINT32_MAX;
	unit->base.found_enabled = hw_read32(&unit->regs, CR0ACK) & CR0_SMMUEN;
	*ret_unit = &unit->base;
	return 0;
}

const struct drv_module smmu_module = {
	.name = "blockall",
	.abi = DRV_ABI,
	.match = match,
	.probe = probe,
	.ops = &ops,
};
// NOLINTEND(misc-unused-parameters)
