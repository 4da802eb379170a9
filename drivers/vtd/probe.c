// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the unit says it can do (VT-d 11.4.1 to 11.4.3), and a sentence for
 * everything this module cannot work with. Reads registers, writes none.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arith.h"
#include "modules.h"
#include "vtd_space.h"
#include "vtd.h"

/* From this major version on there are no registers to invalidate with. */
#define VER_WITHOUT_REGISTERS 6u
#define WIDTH_MIN 31u
#define FIRST_LEVEL_WIDTH_MIN 40u
#define FIRST_LEVEL_WIDTH_MAX 47u /* the upper half of the space is not used */

struct id_registers {
	uint32_t ver, gsts;
	uint64_t cap, ecap, rtaddr;
};

bool vtd_match(const struct drv_found *found)
{
	return found->compatible && !strcmp(found->compatible, "intel,vt-d");
}

static int read_registers(const struct hw_regs *regs, struct id_registers *ret_ids,
			  const char *name, struct error *err)
{
	*ret_ids = (struct id_registers){
		.ver = hw_read32(regs, VTD_VER), .gsts = hw_read32(regs, VTD_GSTS),
		.cap = hw_read64(regs, VTD_CAP), .ecap = hw_read64(regs, VTD_ECAP),
		.rtaddr = hw_read64(regs, VTD_RTADDR),
	};
	if (ret_ids->ver == UINT32_MAX || ret_ids->cap == UINT64_MAX ||
	    ret_ids->ecap == UINT64_MAX || ret_ids->gsts == UINT32_MAX)
		return error_set(err, -ENODEV,
				 "%s: the registers at 0x%" PRIx64 " read all ones: no unit answers there, or it has no power or clock",
				 name, regs->base);
	if (field_get(VER_MAX, ret_ids->ver) == 0 || ret_ids->cap == 0)
		return error_set(err, -ENODEV,
				 "%s: VER_REG 0x%" PRIx32 ", CAP_REG 0x%" PRIx64 " at 0x%" PRIx64 ": that is no VT-d unit",
				 name, ret_ids->ver, ret_ids->cap, regs->base);
	return 0;
}

static int refuse(const char *name, const char *what, struct error *err)
{
	return error_set(err, -EOPNOTSUPP, "%s: %s", name, what);
}

static bool fits(const struct drv_found *found, uint64_t in_16_bytes, uint64_t bytes)
{
	return in_16_bytes != 0 && range_within(in_16_bytes * 16, bytes, 0, found->size);
}

static int check_usable(const struct id_registers *ids, const struct drv_found *found,
			struct error *err)
{
	uint64_t sagaw = field_get(CAP_SAGAW, ids->cap);
	bool has_queue = ids->ecap & ECAP_QI;

	if (field_get(CAP_ND, ids->cap) == ND_RESERVED)
		return refuse(found->name, "CAP_REG.ND is 7, which the specification reserves", err);
	if (!fits(found, field_get(CAP_FRO, ids->cap),
		  (field_get(CAP_NFR, ids->cap) + 1) * FRCD_BYTES))
		return refuse(found->name, "CAP_REG.FRO and NFR put fault records outside the register window", err);
	if (!has_queue && !fits(found, field_get(ECAP_IRO, ids->ecap), 16))
		return refuse(found->name, "ECAP_REG.IRO puts the invalidation registers outside the register window", err);
	if (!has_queue && field_get(VER_MAX, ids->ver) >= VER_WITHOUT_REGISTERS)
		return refuse(found->name, "ECAP_REG.QI is 0 and VER_REG says that there are no invalidation registers: the unit contradicts itself", err);
	if ((ids->ecap & ECAP_SMTS) && !has_queue)
		return refuse(found->name, "ECAP_REG offers scalable mode without an invalidation queue: the unit contradicts itself", err);
	if (!(sagaw & (SAGAW_39 | SAGAW_48)) && !(ids->ecap & ECAP_FSTS))
		return refuse(found->name, "CAP_REG.SAGAW offers neither 39-bit nor 48-bit tables, the only ones supported", err);
	if (field_get(CAP_MGAW, ids->cap) + 1 < WIDTH_MIN)
		return refuse(found->name, "CAP_REG.MGAW is less than 31 bits: the unit contradicts its SAGAW", err);
	if (!(ids->cap & CAP_DRD) || !(ids->cap & CAP_DWD))
		return refuse(found->name, "CAP_REG.DRD and DWD are not both 1: the unit cannot say when reads and writes on their way have arrived, so memory could never safely be taken back", err);
	if (!(ids->ecap & ECAP_C) && !HW_CAN_FLUSH)
		return refuse(found->name, "ECAP_REG.C is 0: the unit does not see the processor's caches, which cannot be written back here", err);
	if (ids->gsts & GCMD_IRE)
		return error_set(err, -EBUSY,
				 "%s: GSTS_REG.IRES: interrupt remapping is on, so the kernel owns this unit; boot with intremap=off (or nointremap) and intel_iommu=off",
				 found->name);
	return 0;
}

/* --- mode --- */

static bool can_be_scalable(const struct id_registers *ids)
{
	bool has_second = field_get(CAP_SAGAW, ids->cap) & (SAGAW_39 | SAGAW_48);

	return (ids->ecap & ECAP_SMTS) &&
	       ((ids->ecap & ECAP_FSTS) || ((ids->ecap & ECAP_SSTS) && has_second));
}

static bool can_be_legacy(const struct id_registers *ids)
{
	return field_get(CAP_SAGAW, ids->cap) & (SAGAW_39 | SAGAW_48);
}

/* A unit found enabled stays in its mode: it must not be switched off to change it. */
static int check_found_mode(const struct id_registers *ids, enum drv_mode wanted,
			    bool *ret_scalable, const char *name, struct error *err)
{
	uint64_t mode = field_get(RTADDR_TTM, ids->rtaddr);

	if (mode != TTM_LEGACY && mode != TTM_SCALABLE)
		return error_set(err, -EBUSY,
				 "%s: the unit is on in a mode (RTADDR_REG.TTM %" PRIu64
				 ") that it may not leave and that is not supported; reset the machine",
				 name, mode);
	*ret_scalable = mode == TTM_SCALABLE;
	if (wanted != DRV_MODE_ANY && *ret_scalable != (wanted == DRV_MODE_SCALABLE))
		return error_set(err, -EBUSY,
				 "%s: %s mode is asked for, but the unit is on in %s mode, which may not change while it is on; reset the machine or ask for that mode",
				 name, *ret_scalable ? "legacy" : "scalable",
				 *ret_scalable ? "scalable" : "legacy");
	return 0;
}

static int choose_mode(const struct id_registers *ids, enum drv_mode wanted,
		       struct vtd_features *features, const char *name, struct error *err)
{
	int ret;

	features->is_scalable = wanted == DRV_MODE_SCALABLE ||
				(wanted == DRV_MODE_ANY && can_be_scalable(ids));
	if (ids->gsts & GCMD_TE) {
		ret = check_found_mode(ids, wanted, &features->is_scalable, name, err);
		if (ret)
			return ret;
	}
	if (features->is_scalable && !can_be_scalable(ids))
		return refuse(name, "scalable mode is asked for or in use, but ECAP_REG (SMTS, SSTS, FSTS) does not offer it with tables that are supported", err);
	if (!features->is_scalable && !can_be_legacy(ids))
		return refuse(name, "legacy mode is asked for or all there is, but CAP_REG.SAGAW offers it neither 39-bit nor 48-bit tables", err);
	features->is_first_level = features->is_scalable &&
				   !((ids->ecap & ECAP_SSTS) && can_be_legacy(ids));
	return 0;
}

/* --- the rest --- */

static unsigned block_level(const struct id_registers *ids, bool is_first_level)
{
	uint64_t sizes = field_get(CAP_SLLPS, ids->cap);

	if (is_first_level)
		return ids->cap & CAP_FL1GP ? 1 : 2;
	if (!(sizes & SLLPS_2M))
		return 3;
	return sizes & SLLPS_1G ? 1 : 2;
}

static int choose_tables(const struct id_registers *ids, const struct drv_found *found,
			 struct vtd_features *features, struct error *err)
{
	unsigned bits = (unsigned)field_get(CAP_MGAW, ids->cap) + 1;
	bool has_four = features->is_first_level ||
			((field_get(CAP_SAGAW, ids->cap) & SAGAW_48) &&
			 (bits > 39 || !(field_get(CAP_SAGAW, ids->cap) & SAGAW_39)));

	if (features->is_first_level && bits < FIRST_LEVEL_WIDTH_MIN)
		return refuse(found->name, "first level tables need more than the address bits of CAP_REG.MGAW", err);
	if (!features->is_first_level && has_four && bits < FIRST_LEVEL_WIDTH_MIN)
		return refuse(found->name, "CAP_REG.SAGAW offers 48-bit tables alone for the few address bits of MGAW: the unit contradicts itself", err);
	features->width = has_four ? AW_48 : AW_39;
	features->table = (struct pgtable_shape){
		.input_bits = (unsigned)min_u64(bits, features->is_first_level ?
							      FIRST_LEVEL_WIDTH_MAX :
						has_four ? 48 : 39),
		.output_bits = (unsigned)min_u64(found->address_bits ? found->address_bits : bits, 52),
		.root_level = has_four ? 0 : 1,
		.root_pages = 1,
		.block_level = block_level(ids, features->is_first_level),
		/* Or a device reads what lies in memory beneath the caches: somebody's old data. */
		.leaf_bits = features->has_snoop && !features->is_first_level ? PGTABLE_VTD_SS_SNOOP : 0,
		.is_noncoherent = !features->is_coherent,
	};
	return 0;
}

static void choose_queue(const struct id_registers *ids, const struct drv_options *options,
			 struct vtd_features *features)
{
	unsigned log2 = (unsigned)max_u64(options->command_log2, INVQ_LOG2_MIN);

	features->has_registers = field_get(VER_MAX, ids->ver) < VER_WITHOUT_REGISTERS;
	features->queue = (struct invq_shape){
		.by_registers = !(ids->ecap & ECAP_QI),
		.is_wide = features->is_scalable,
		.has_pasids = features->is_scalable,
		.must_be_wide = features->is_first_level,
		.drains_reads = ids->cap & CAP_DRD,
		.drains_writes = ids->cap & CAP_DWD,
		.log2 = (unsigned)min_u64(log2, INVQ_LOG2_MAX),
		.iotlb_offset = (uint32_t)field_get(ECAP_IRO, ids->ecap) * 16,
	};
}

static void choose_rest(const struct id_registers *ids, struct vtd_features *features)
{
	features->is_coherent = (ids->ecap & ECAP_C) &&
				(!features->is_scalable || (ids->ecap & ECAP_SMPWC));
	features->has_snoop = ids->ecap & ECAP_SC;
	features->caches_absence = ids->cap & CAP_CM;
	features->needs_write_flush = ids->cap & CAP_RWBF;
	features->sets_root_cleanly = ids->cap & CAP_ESRTPS;
	features->has_protected = ids->cap & (CAP_PLMR | CAP_PHMR);
	features->has_ranges = ids->cap & CAP_PSI;
	features->mask_max = (unsigned)field_get(CAP_MAMV, ids->cap);
	features->domain_bits = 4 + 2 * (unsigned)field_get(CAP_ND, ids->cap);
}

static void fill_caps(const struct id_registers *ids, const struct vtd_features *features,
		      struct drv_caps *caps)
{
	*caps = (struct drv_caps){
		.input_bits = features->table.input_bits,
		.output_bits = features->table.output_bits,
		.stream_count = VTD_STREAMS,
		.write_only = !features->is_first_level,
		.unsafe_interrupts = true,
	};
	snprintf(caps->words, sizeof(caps->words), "VT-d %" PRIu64 ".%" PRIu64 ", %s mode, %s level, %u-bit, %s invalidation%s%s%s",
		 field_get(VER_MAX, ids->ver), field_get(VER_MIN, ids->ver),
		 features->is_scalable ? "scalable" : "legacy",
		 features->is_first_level ? "first" : "second", features->table.input_bits,
		 features->queue.by_registers ? "register-based" : "queued",
		 features->caches_absence ? ", caching mode" : "",
		 features->needs_write_flush ? ", write buffers" : "",
		 features->is_coherent ? "" : ", not coherent");
}

/* NULL when there is no memory. */
static struct vtd *unit_make(struct hw *hw, const struct drv_found *found,
			     const struct id_registers *ids, const struct vtd_features *features)
{
	struct vtd *vtd = calloc(1, sizeof(*vtd));

	if (!vtd)
		return NULL;
	vtd->features = *features;
	if (vtd_space_ids_init(vtd)) {
		free(vtd);
		return NULL;
	}
	vtd->base.module = &vtd_module;
	vtd->base.ops = vtd_space_needs_commit(features) ? &vtd_commit_ops : &vtd_ops;
	vtd->base.hw = hw;
	snprintf(vtd->base.name, sizeof(vtd->base.name), "%s", found->name);
	vtd->regs = (struct hw_regs){ hw, found->base, found->size };
	vtd->base.wait_register = features->queue.by_registers ? "IOTLB_REG" : "IQH_REG";
	vtd->base.found_enabled = ids->gsts & GCMD_TE;
	vtd->frcd.regs = &vtd->regs;
	vtd->frcd.counts = &vtd->base.counts;
	vtd->frcd.offset = (uint32_t)field_get(CAP_FRO, ids->cap) * 16;
	vtd->frcd.count = (unsigned)field_get(CAP_NFR, ids->cap) + 1;
	list_init(&vtd->spaces);
	list_init(&vtd->limbo);
	list_init(&vtd->drops);
	list_init(&vtd->changes);
	return vtd;
}

int vtd_probe(struct hw *hw, const struct drv_found *found, const struct drv_options *options,
	      struct drv_unit **ret_unit, struct error *err)
{
	struct hw_regs regs = { hw, found->base, found->size };
	struct vtd_features features = { 0 };
	struct id_registers ids;
	struct vtd *vtd;
	int ret;

	if (found->size < VTD_WINDOW_BYTES)
		return error_set(err, -EINVAL,
				 "%s: a register window of 0x%" PRIx64 " bytes; a VT-d unit has at least 0x%x",
				 found->name, found->size, VTD_WINDOW_BYTES);
	ret = read_registers(&regs, &ids, found->name, err);
	if (!ret)
		ret = check_usable(&ids, found, err);
	if (!ret)
		ret = choose_mode(&ids, options->mode, &features, found->name, err);
	if (ret)
		return ret;
	choose_rest(&ids, &features);
	ret = choose_tables(&ids, found, &features, err);
	if (ret)
		return ret;
	choose_queue(&ids, options, &features);
	vtd = unit_make(hw, found, &ids, &features);
	if (!vtd)
		return error_set(err, -ENOMEM, "%s: out of memory", found->name);
	fill_caps(&ids, &features, &vtd->base.caps);
	*ret_unit = &vtd->base;
	return 0;
}
