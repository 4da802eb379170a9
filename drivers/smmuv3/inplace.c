// SPDX-License-Identifier: BSD-2-Clause
/* See inplace.h; IHI 0070 3.21.3 (stream table entries made invalid), 4.1 (queue). */
#include "inplace.h"

#include <errno.h>
#include <inttypes.h>

#include "arith.h"
#include "bits.h"
#include "pages.h"
#include "regs.h"
#include "strtab.h"

/* Where a register says that length bytes lie, as we see them; NULL: not ours. */
static uint64_t *arena_words(struct smmu *smmu, uint64_t pa, uint64_t length)
{
	const struct pages *pages = smmu->base.hw->pages;

	if (!pages || !range_within(pa, length, pages->pa.v, pages->size))
		return NULL;
	return pages_cpu(pages, PA(pa));
}

static int not_ours(const struct smmu *smmu, const char *what, struct error *err)
{
	return error_set(err, -EOPNOTSUPP,
			 "%s: it is enabled, ignores SMMU_GBPA, and its %s is not in our memory: it "
			 "cannot be closed without opening it; reset the machine",
			 smmu->base.name, what);
}

/* Word 0 of each entry, or each level 1 descriptor: invalid as zero. */
static int shut_table(struct smmu *smmu, struct error *err)
{
	uint64_t base = hw_read64(&smmu->regs, SMMU_STRTAB_BASE) & STRTAB_BASE_ADDR;
	uint32_t cfg = hw_read32(&smmu->regs, SMMU_STRTAB_BASE_CFG);
	uint64_t log2 = field_get(STRTAB_CFG_LOG2SIZE, cfg);
	uint64_t split = field_get(STRTAB_CFG_SPLIT, cfg);
	bool two_level = field_get(STRTAB_CFG_FMT, cfg) == STRTAB_TWO_LEVEL;
	uint64_t step = two_level ? 1 : STE_WORDS;
	uint64_t count, i;
	uint64_t *words;

	if (log2 > 32 || (two_level && split > log2))
		return not_ours(smmu, "stream table", err);
	count = BIT(two_level ? log2 - split : log2);
	words = arena_words(smmu, base, count * step * sizeof(*words));
	if (!words)
		return not_ours(smmu, "stream table", err);
	for (i = 0; i < count; i++)
		hw_store64(&words[i * step], 0);
	hw_barrier();
	return 0;
}

static int write_cr0(struct smmu *smmu, uint64_t value, struct error *err)
{
	hw_write32(&smmu->regs, SMMU_CR0, (uint32_t)value);
	return hw_poll(&smmu->regs, SMMU_CR0ACK, "SMMU_CR0ACK", (uint32_t)(CR0_SMMUEN | CR0_CMDQEN),
		       (uint32_t)value, SMMU_ACK_NS, err);
}

/*
 * The queue from its beginning: its last user may have died between writing its
 * base and its indices, or left a command error behind.
 */
static int restart_queue(struct smmu *smmu, struct error *err)
{
	int ret = write_cr0(smmu, CR0_SMMUEN, err);

	if (ret)
		return ret;
	hw_write32(&smmu->regs, SMMU_GERRORN, hw_read32(&smmu->regs, SMMU_GERROR));
	hw_write32(&smmu->regs, SMMU_CMDQ_PROD, 0);
	hw_write32(&smmu->regs, SMMU_CMDQ_CONS, 0);
	return write_cr0(smmu, CR0_SMMUEN | CR0_CMDQEN, err);
}

/* Three commands in whatever queue there is; events stop being recorded. */
static int drop_caches(struct smmu *smmu, struct error *err)
{
	const struct cmd commands[] = { cmd_cfgi_all(), cmd_tlbi_all(), cmd_sync() };
	uint64_t base = hw_read64(&smmu->regs, SMMU_CMDQ_BASE);
	uint64_t log2 = field_get(Q_BASE_LOG2SIZE, base);
	uint64_t *words;
	unsigned i;
	int ret;

	words = log2 > 19 ? NULL
			  : arena_words(smmu, base & Q_BASE_ADDR, BIT(log2) * sizeof(struct cmd));
	if (!words || log2 < 2)
		return not_ours(smmu, "command queue", err);
	ret = restart_queue(smmu, err);
	if (ret)
		return ret;
	for (i = 0; i < ARRAY_COUNT(commands); i++) {
		hw_store64(&words[(uint64_t)2 * i], commands[i].word[0]);
		hw_store64(&words[(uint64_t)2 * i + 1], commands[i].word[1]);
	}
	hw_barrier();
	hw_write32(&smmu->regs, SMMU_CMDQ_PROD, ARRAY_COUNT(commands));
	return hw_poll(&smmu->regs, SMMU_CMDQ_CONS, "SMMU_CMDQ_CONS", (uint32_t)Q_INDEX,
		       ARRAY_COUNT(commands), SMMU_ACK_NS, err);
}

int inplace_close(struct smmu *smmu, struct error *err)
{
	int ret = shut_table(smmu, err);

	return ret ? ret : drop_caches(smmu, err);
}

static int other_layout(const struct smmu *smmu, struct error *err)
{
	return error_set(err, -EBUSY,
			 "%s: it ignores SMMU_GBPA, so it must stay enabled, but its stream table was "
			 "laid out by other options; start with the same units: as before, or reset the machine",
			 smmu->base.name);
}

int inplace_check_layout(struct smmu *smmu, struct error *err)
{
	const struct hw_regs *regs = &smmu->regs;
	uint64_t cmdq_log2 = field_get(Q_BASE_LOG2SIZE, hw_read64(regs, SMMU_CMDQ_BASE));
	uint64_t evtq_log2 = field_get(Q_BASE_LOG2SIZE, hw_read64(regs, SMMU_EVENTQ_BASE));

	if (hw_read32(regs, SMMU_STRTAB_BASE_CFG) == strtab_cfg_word(smmu) &&
	    cmdq_log2 == smmu->features.cmdq_log2 && evtq_log2 == smmu->features.evtq_log2)
		return 0;
	return other_layout(smmu, err);
}

int inplace_check_same(struct smmu *smmu, struct error *err)
{
	uint64_t base = hw_read64(&smmu->regs, SMMU_STRTAB_BASE) & STRTAB_BASE_ADDR;

	if (base == (strtab_base_word(smmu) & STRTAB_BASE_ADDR))
		return 0;
	return other_layout(smmu, err);
}
