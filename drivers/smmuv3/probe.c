// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the unit says it can do (IHI 0070 6.3.1 to 6.3.6), and a sentence for
 * everything this module cannot work with. Reads registers, writes none.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arith.h"
#include "modules.h"
#include "smmuv3.h"
#include "space.h"
#include "strtab.h"

/* A linear table of more would be larger than anybody has memory for. */
#define LINEAR_BITS_MAX 16u
/* 512 KiB of level 1 descriptors. */
#define TWO_LEVEL_BITS_MAX 24u
#define S1_INPUT_BITS 48u

struct id_registers {
	uint32_t idr0, idr1, idr3, idr5, aidr;
};

bool smmu_match(const struct drv_found *found)
{
	return found->compatible && !strcmp(found->compatible, "arm,smmu-v3");
}

static int read_registers(const struct hw_regs *regs, struct id_registers *ret_ids,
			  const char *name, struct error *err)
{
	*ret_ids = (struct id_registers){
		.idr0 = hw_read32(regs, SMMU_IDR0), .idr1 = hw_read32(regs, SMMU_IDR1),
		.idr3 = hw_read32(regs, SMMU_IDR3), .idr5 = hw_read32(regs, SMMU_IDR5),
		.aidr = hw_read32(regs, SMMU_AIDR),
	};
	if (ret_ids->idr0 == UINT32_MAX || ret_ids->idr1 == UINT32_MAX ||
	    ret_ids->idr5 == UINT32_MAX)
		return error_set(err, -ENODEV,
				 "%s: SMMU_IDR0 at 0x%" PRIx64 " reads all ones: no unit answers there, or it has no power or clock",
				 name, regs->base);
	return 0;
}

static int refuse(const char *name, const char *what, struct error *err)
{
	return error_set(err, -EOPNOTSUPP, "%s: %s", name, what);
}

static int check_usable(const struct id_registers *ids, const char *name, struct error *err)
{
	uint64_t endian = field_get(IDR0_TTENDIAN, ids->idr0);

	if (!(ids->idr0 & (IDR0_S1P | IDR0_S2P)))
		return refuse(name, "IDR0 offers neither stage 1 nor stage 2: the unit cannot translate", err);
	if (!(field_get(IDR0_TTF, ids->idr0) & TTF_AARCH64))
		return refuse(name, "IDR0.TTF lacks AArch64 page tables, the only ones supported", err);
	if (!(ids->idr0 & IDR0_COHACC))
		return refuse(name, "IDR0.COHACC is 0: the unit does not see the processor's caches, and cache maintenance is not supported", err);
	if (endian != TTENDIAN_MIXED && endian != TTENDIAN_LITTLE)
		return refuse(name, "IDR0.TTENDIAN lacks little-endian page tables", err);
	if (field_get(IDR0_STALL_MODEL, ids->idr0) >= STALL_MODEL_FORCED)
		return refuse(name, "IDR0.STALL_MODEL forces stalls: a refused device would wait for ever", err);
	if (!(ids->idr5 & IDR5_GRAN4K))
		return refuse(name, "IDR5.GRAN4K is 0: 4 KiB pages are the only ones supported", err);
	if (ids->idr1 & IDR1_TABLES_PRESET)
		return refuse(name, "IDR1.TABLES_PRESET: the stream table's place is fixed, which is not supported", err);
	if (ids->idr1 & IDR1_QUEUES_PRESET)
		return refuse(name, "IDR1.QUEUES_PRESET: the queues' place is fixed, which is not supported", err);
	if (field_get(IDR1_CMDQS, ids->idr1) < CMDQ_LOG2_MIN ||
	    field_get(IDR1_EVENTQS, ids->idr1) < EVTQ_LOG2_MIN)
		return refuse(name, "IDR1 offers queues of a single entry, which is too few", err);
	return 0;
}

static int choose_stage(const struct id_registers *ids, enum drv_stage wanted,
			struct smmu_features *features, const char *name, struct error *err)
{
	features->stage2 = (ids->idr0 & IDR0_S2P) && wanted != DRV_STAGE_1;
	if (wanted == DRV_STAGE_2 && !(ids->idr0 & IDR0_S2P))
		return refuse(name, "stage 2 is asked for, but IDR0.S2P is 0; use stage 1", err);
	if (!features->stage2 && !(ids->idr0 & IDR0_S1P))
		return refuse(name, "stage 1 is asked for, but IDR0.S1P is 0; use stage 2", err);
	features->id_bits = ids->idr0 & (features->stage2 ? IDR0_VMID16 : IDR0_ASID16) ? 16 : 8;
	features->output_code = (unsigned)field_get(IDR5_OAS, ids->idr5);
	features->output_bits = output_bits_of(features->output_code);
	features->input_bits = features->stage2 ? features->output_bits : S1_INPUT_BITS;
	features->has_stall = !features->stage2 &&
			      field_get(IDR0_STALL_MODEL, ids->idr0) == STALL_MODEL_BOTH;
	return 0;
}

static int choose_table(const struct id_registers *ids, enum drv_table wanted,
			struct smmu_features *features, const char *name, struct error *err)
{
	unsigned sid_bits = (unsigned)field_get(IDR1_SIDSIZE, ids->idr1);
	bool can_two_level = field_get(IDR0_ST_LEVEL, ids->idr0) == 1 && sid_bits > CHUNK_BITS;

	if (wanted == DRV_TABLE_TWO_LEVEL && !can_two_level)
		return refuse(name, "a two-level stream table is asked for, but the unit has none (IDR0.ST_LEVEL, IDR1.SIDSIZE)", err);
	features->two_level = can_two_level && wanted != DRV_TABLE_LINEAR;
	features->sid_bits = (unsigned)min_u64(sid_bits, features->two_level ? TWO_LEVEL_BITS_MAX :
									       LINEAR_BITS_MAX);
	return 0;
}

static unsigned queue_log2(unsigned wanted, unsigned usual, uint64_t mask, uint32_t idr1)
{
	return (unsigned)min_u64(wanted ? wanted : usual, field_get(mask, idr1));
}

static void choose_rest(const struct id_registers *ids, const struct drv_options *options,
			struct smmu_features *features)
{
	features->cmdq_log2 = queue_log2(options->command_log2, CMDQ_LOG2_DEFAULT, IDR1_CMDQS,
					 ids->idr1);
	features->evtq_log2 = queue_log2(options->event_log2, EVTQ_LOG2_DEFAULT, IDR1_EVENTQS,
					 ids->idr1);
	features->has_ril = ids->idr3 & IDR3_RIL;
	features->has_hyp = ids->idr0 & IDR0_HYP;
	features->has_ats = ids->idr0 & IDR0_ATS;
	features->has_msi = ids->idr0 & IDR0_MSI;
	features->has_pri = ids->idr0 & IDR0_PRI;
	features->has_btm = ids->idr0 & IDR0_BTM;
}

static void fill_caps(const struct id_registers *ids, const struct smmu_features *features,
		      struct drv_caps *caps)
{
	*caps = (struct drv_caps){
		.input_bits = features->input_bits,
		.output_bits = features->output_bits,
		.stream_count = UINT32_C(1) << features->sid_bits,
		.write_only = features->stage2,
		.exec_control = true,
	};
	snprintf(caps->words, sizeof(caps->words), "SMMUv%" PRIu64 ".%" PRIu64 ", stage %d, %u-bit, %s stream table%s",
		 field_get(AIDR_MAJOR, ids->aidr) + 3, field_get(AIDR_MINOR, ids->aidr),
		 features->stage2 ? 2 : 1, features->output_bits,
		 features->two_level ? "two-level" : "linear",
		 features->has_ril ? ", range invalidation" : "");
}

/* NULL when there is no memory. */
static struct smmu *unit_make(struct hw *hw, const struct drv_found *found,
			      const struct smmu_features *features)
{
	struct smmu *smmu = calloc(1, sizeof(*smmu));

	if (!smmu)
		return NULL;
	smmu->features = *features;
	if (space_ids_init(smmu)) {
		free(smmu);
		return NULL;
	}
	smmu->base.module = &smmuv3_module;
	smmu->base.ops = smmuv3_module.ops;
	smmu->base.hw = hw;
	snprintf(smmu->base.name, sizeof(smmu->base.name), "%s", found->name);
	smmu->regs = (struct hw_regs){ hw, found->base, found->size };
	smmu->base.wait_register = "SMMU_CMDQ_CONS";
	smmu->base.found_enabled = hw_read32(&smmu->regs, SMMU_CR0) & CR0_SMMUEN;
	smmu->gerror.regs = &smmu->regs;
	list_init(&smmu->spaces);
	list_init(&smmu->limbo);
	list_init(&smmu->drops);
	list_init(&smmu->changes);
	return smmu;
}

int smmu_probe(struct hw *hw, const struct drv_found *found, const struct drv_options *options,
	       struct drv_unit **ret_unit, struct error *err)
{
	struct hw_regs regs = { hw, found->base, found->size };
	struct smmu_features features = { 0 };
	struct id_registers ids;
	struct smmu *smmu;
	int ret;

	if (found->size < SMMU_WINDOW_BYTES)
		return error_set(err, -EINVAL,
				 "%s: a register window of 0x%" PRIx64 " bytes; an SMMUv3 has 0x%x",
				 found->name, found->size, SMMU_WINDOW_BYTES);
	ret = read_registers(&regs, &ids, found->name, err);
	if (!ret)
		ret = check_usable(&ids, found->name, err);
	if (!ret)
		ret = choose_stage(&ids, options->stage, &features, found->name, err);
	if (!ret)
		ret = choose_table(&ids, options->table, &features, found->name, err);
	if (ret)
		return ret;
	choose_rest(&ids, options, &features);
	smmu = unit_make(hw, found, &features);
	if (!smmu)
		return error_set(err, -ENOMEM, "%s: out of memory", found->name);
	fill_caps(&ids, &features, &smmu->base.caps);
	*ret_unit = &smmu->base;
	return 0;
}
