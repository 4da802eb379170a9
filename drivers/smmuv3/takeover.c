// SPDX-License-Identifier: BSD-2-Clause
/*
 * Taking a unit over and closing it (IHI 0070 6.3.9, 6.3.14, 3.11).
 *
 * Nothing to keep open, or found enabled: abort first (GBPA.ABORT, which rules
 * while SMMUEN is 0), then disable, build and enable. Something to keep open
 * and found disabled: build first, enable with one write, then GBPA.ABORT. At
 * no moment is any stream wider open than it was or is to be.
 */
#include <errno.h>
#include <inttypes.h>

#include "inplace.h"
#include "invalidate.h"
#include "log.h"
#include "pages.h"
#include "smmuv3.h"
#include "space.h"
#include "strtab.h"
#include "writer.h"

/* --- registers with a handshake --- */

/* -EOPNOTSUPP: the unit swallows the write (a scar: QEMU's model before 8.0). */
static int gbpa_abort(struct smmu *smmu, struct error *err)
{
	const struct hw_regs *regs = &smmu->regs;
	uint32_t value;
	int ret;

	ret = hw_poll(regs, SMMU_GBPA, "SMMU_GBPA", (uint32_t)GBPA_UPDATE, 0, SMMU_ACK_NS, err);
	if (ret)
		return ret;
	value = hw_read32(regs, SMMU_GBPA);
	hw_write32(regs, SMMU_GBPA, value | (uint32_t)(GBPA_ABORT | GBPA_UPDATE));
	ret = hw_poll(regs, SMMU_GBPA, "SMMU_GBPA", (uint32_t)GBPA_UPDATE, 0, SMMU_ACK_NS, err);
	if (ret)
		return ret;
	value = hw_read32(regs, SMMU_GBPA);
	smmu->ignores_gbpa = value == 0;
	if (value & GBPA_ABORT)
		return 0;
	return error_set(err, smmu->ignores_gbpa ? -EOPNOTSUPP : -EIO,
			 "%s: SMMU_GBPA reads 0x%" PRIx32 " after ABORT was written to it",
			 smmu->base.name, value);
}

static int cr0_set(struct smmu *smmu, uint64_t value, struct error *err)
{
	uint64_t known = CR0_SMMUEN | CR0_PRIQEN | CR0_EVENTQEN | CR0_CMDQEN | CR0_ATSCHK;

	smmu->cr0 = value;
	hw_write32(&smmu->regs, SMMU_CR0, (uint32_t)value);
	return hw_poll(&smmu->regs, SMMU_CR0ACK, "SMMU_CR0ACK", (uint32_t)known, (uint32_t)value,
		       SMMU_ACK_NS, err);
}

static int interrupts_off(struct smmu *smmu, struct error *err)
{
	hw_write32(&smmu->regs, SMMU_IRQ_CTRL, 0);
	return hw_poll(&smmu->regs, SMMU_IRQ_CTRLACK, "SMMU_IRQ_CTRLACK", 7, 0, SMMU_ACK_NS, err);
}

/* 1 enabled, 0 disabled, or -ENODEV. */
static int read_enabled(struct smmu *smmu, struct error *err)
{
	uint32_t both[2] = { hw_read32(&smmu->regs, SMMU_CR0),
			     hw_read32(&smmu->regs, SMMU_CR0ACK) };

	if (both[0] == UINT32_MAX || both[1] == UINT32_MAX)
		return error_set(err, -ENODEV, "%s: SMMU_CR0 reads all ones: the unit is gone or has no clock",
				 smmu->base.name);
	return ((both[0] | both[1]) & CR0_SMMUEN) != 0;
}

int smmu_check_quiet(struct smmu *smmu, struct error *err)
{
	int ret;

	if (smmu->is_quiet)
		return 0;
	ret = read_enabled(smmu, err);
	if (ret > 0)
		return error_set(err, -EBUSY,
				 "%s: the unit is enabled and walks tables of an earlier owner; close it first",
				 smmu->base.name);
	smmu->is_quiet = ret == 0;
	return ret;
}

/* --- closing --- */

/* It must stay enabled; a disabled one is closed by the take-over that enables it. */
static int close_without_gbpa(struct smmu *smmu, struct error *err)
{
	int ret = read_enabled(smmu, err);

	if (ret > 0)
		ret = inplace_close(smmu, err);
	else if (ret == 0 && !smmu->has_warned)
		log_warn("%s: ignores SMMU_GBPA (as QEMU before 8.0 does): while it is disabled, "
			 "everything passes it", smmu->base.name);
	smmu->has_warned = true;
	smmu->is_quiet = ret == 0;
	return ret;
}

static int close_registers(struct smmu *smmu, struct error *err)
{
	int ret = gbpa_abort(smmu, err);

	if (ret == -EOPNOTSUPP)
		return close_without_gbpa(smmu, err);
	/* Without ABORT a disabled unit lets everything pass: better leave it on. */
	if (ret)
		return ret;
	ret = cr0_set(smmu, 0, err);
	smmu->is_quiet = ret == 0;
	return ret;
}

/* What is left when registers do not answer: entries that are ours. */
static void shut_entries(struct smmu *smmu)
{
	struct strtab *table = &smmu->strtab;
	uint32_t i, k;

	for (i = 0; table->chunks && i < table->chunk_count; i++)
		for (k = 0; table->chunks[i].entries && k < table->chunk_streams; k++)
			if (table->chunks[i].streams[k].state != STREAM_UNUSED)
				writer_shut(&table->chunks[i].entries[(uint64_t)k * STE_WORDS]);
	hw_barrier();
}

void takeover_close(struct drv_unit *unit)
{
	struct smmu *smmu = smmu_of(unit);
	struct error err;

	smmu->is_running = false;
	unit->is_closed = true;
	unit->may_walk = close_registers(smmu, &err) != 0;
	if (!unit->may_walk)
		return;
	shut_entries(smmu);
	log_alarm("%s: could not be closed by its registers: %s", unit->name, err.text);
}

void smmu_fail(struct smmu *smmu, const char *why)
{
	log_alarm("%s: %s; closing the unit: every device behind it is refused", smmu->base.name,
		  why);
	takeover_close(&smmu->base);
}

/* --- what the registers will point to --- */

/* Before the unit looks at them, entries may be written in any order. */
static int entries_build(struct smmu *smmu, const struct drv_stream_init *init, uint32_t count,
			 struct error *err)
{
	struct smmu_stream *stream;
	uint32_t i;
	bool is_new;
	int ret;

	for (i = 0; i < count; i++) {
		ret = strtab_need(smmu, init[i].stream, &stream, &is_new, err);
		if (ret)
			return ret;
		if (init[i].state == DRV_BOUND)
			check(init[i].space && init[i].space->unit == &smmu->base);
		stream->state = (uint8_t)init[i].state;
		stream->space = init[i].state == DRV_BOUND ? smmu_space_of(init[i].space) : NULL;
		writer_build(smmu, stream);
	}
	return 0;
}

/* Nothing walks the old stream table any more, or there is none. */
static void streams_forget(struct smmu *smmu)
{
	struct list *node;

	list_init(&smmu->changes);
	list_for_each(node, &smmu->spaces)
		list_entry(node, struct smmu_space, in_unit)->bound_count = 0;
	strtab_fini(smmu);
}

static int memory_build(struct smmu *smmu, const struct drv_stream_init *init, uint32_t count,
			struct error *err)
{
	struct drv_counts *counts = &smmu->base.counts;
	struct drv_space *deny;
	int ret = 0;

	if (!smmu->deny) {
		ret = space_create(&smmu->base, 0, &deny, err);
		if (ret)
			return ret;
		smmu->deny = smmu_space_of(deny);
	}
	if (!smmu->cmdq.entries)
		ret = cmdq_init(&smmu->cmdq, &smmu->regs, &smmu->gerror, counts,
				smmu->features.cmdq_log2);
	if (!ret && !smmu->evtq.entries)
		ret = evtq_init(&smmu->evtq, &smmu->regs, counts, smmu->features.evtq_log2);
	if (ret)
		return error_set(err, ret, "%s: no room for the queues in the arena; give it more memory",
				 smmu->base.name);
	streams_forget(smmu);
	ret = strtab_init(smmu, err);
	if (!ret)
		ret = entries_build(smmu, init, count, err);
	hw_barrier();
	return ret;
}

/* --- programming --- */

static void expect(struct smmu *smmu, const char *name, uint32_t offset, uint32_t size,
		   uint64_t mask, uint64_t value)
{
	check(smmu->expect_count < EXPECT_MAX);
	smmu->expect[smmu->expect_count++] = (struct smmu_expect){ name, offset, size, mask, value };
}

static void write32(struct smmu *smmu, const char *name, uint32_t offset, uint64_t value)
{
	hw_write32(&smmu->regs, offset, (uint32_t)value);
	expect(smmu, name, offset, 4, UINT32_MAX, value);
}

static void attributes_write(struct smmu *smmu)
{
	uint64_t cr1 = field_put(CR1_QUEUE_IC, CACHE_WRITE_BACK) |
		       field_put(CR1_QUEUE_OC, CACHE_WRITE_BACK) |
		       field_put(CR1_QUEUE_SH, SHARE_INNER) |
		       field_put(CR1_TABLE_IC, CACHE_WRITE_BACK) |
		       field_put(CR1_TABLE_OC, CACHE_WRITE_BACK) |
		       field_put(CR1_TABLE_SH, SHARE_INNER);

	write32(smmu, "SMMU_CR1", SMMU_CR1, cr1);
	/* Unknown streams are recorded; the processor's TLB broadcasts are not ours. */
	write32(smmu, "SMMU_CR2", SMMU_CR2,
		CR2_RECINVSID | (smmu->features.has_btm ? CR2_PTM : 0));
	if (!smmu->features.has_msi)
		return;
	hw_write64(&smmu->regs, SMMU_GERROR_IRQ_CFG0, 0);
	hw_write64(&smmu->regs, SMMU_EVENTQ_IRQ_CFG0, 0);
	if (smmu->features.has_pri)
		hw_write64(&smmu->regs, SMMU_PRIQ_IRQ_CFG0, 0);
}

static void bases_write(struct smmu *smmu)
{
	hw_write64(&smmu->regs, SMMU_STRTAB_BASE, strtab_base_word(smmu));
	expect(smmu, "SMMU_STRTAB_BASE", SMMU_STRTAB_BASE, 8, STRTAB_BASE_ADDR,
	       strtab_base_word(smmu));
	write32(smmu, "SMMU_STRTAB_BASE_CFG", SMMU_STRTAB_BASE_CFG, strtab_cfg_word(smmu));
	cmdq_start(&smmu->cmdq);
	expect(smmu, "SMMU_CMDQ_BASE", SMMU_CMDQ_BASE, 8, Q_BASE_ADDR | Q_BASE_LOG2SIZE,
	       cmdq_base_word(&smmu->cmdq));
	evtq_start(&smmu->evtq);
	expect(smmu, "SMMU_EVENTQ_BASE", SMMU_EVENTQ_BASE, 8, Q_BASE_ADDR | Q_BASE_LOG2SIZE,
	       evtq_base_word(&smmu->evtq));
}

/* Whatever the unit remembers of earlier owners. */
static int caches_drop(struct smmu *smmu, struct error *err)
{
	cmdq_push(&smmu->cmdq, cmd_cfgi_all());
	if (smmu->features.has_hyp)
		cmdq_push(&smmu->cmdq, cmd_tlbi_el2_all());
	cmdq_push(&smmu->cmdq, cmd_tlbi_all());
	return cmdq_wait(&smmu->cmdq, cmdq_submit(&smmu->cmdq), SMMU_ACK_NS, err);
}

/*
 * The unit is disabled and acknowledged so (always: 0), or enabled for ever with
 * a table that is closed (always: CR0_SMMUEN). Ends with the write that enables it.
 */
static int program(struct smmu *smmu, uint64_t always, struct error *err)
{
	uint64_t last = CR0_CMDQEN | CR0_EVENTQEN | CR0_SMMUEN |
			(smmu->features.has_ats ? CR0_ATSCHK : 0);
	int ret;

	smmu->expect_count = 0;
	ret = interrupts_off(smmu, err);
	if (ret)
		return ret;
	gerror_start(&smmu->gerror);
	attributes_write(smmu);
	bases_write(smmu);
	ret = cr0_set(smmu, always | CR0_CMDQEN, err);
	if (!ret)
		ret = caches_drop(smmu, err);
	if (!ret)
		ret = cr0_set(smmu, always | CR0_CMDQEN | CR0_EVENTQEN, err);
	if (!ret)
		ret = cr0_set(smmu, last, err);
	if (ret)
		return ret;
	if (hw_read32(&smmu->regs, SMMU_CR0) != last)
		return error_set(err, -EIO, "%s: SMMU_CR0 does not hold what was written (0x%" PRIx64 ")",
				 smmu->base.name, last);
	expect(smmu, "SMMU_CR0", SMMU_CR0, 4, UINT32_MAX, last);
	expect(smmu, "SMMU_IRQ_CTRL", SMMU_IRQ_CTRL, 4, 7, 0);
	return 0;
}

static bool keeps_any(const struct drv_stream_init *init, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		if (init[i].state == DRV_BOUND)
			return true;
	return false;
}

/* For the day somebody disables the unit behind us. */
static int gbpa_guard(struct smmu *smmu, struct error *err)
{
	int ret = gbpa_abort(smmu, err);

	if (ret == -EOPNOTSUPP)
		return 0;
	if (!ret)
		expect(smmu, "SMMU_GBPA", SMMU_GBPA, 4, GBPA_ABORT, GBPA_ABORT);
	return ret;
}

static int takeover_steps(struct smmu *smmu, const struct drv_stream_init *init, uint32_t count,
			  struct error *err)
{
	int is_enabled = read_enabled(smmu, err);
	uint64_t always = 0;
	int ret = 0;

	if (is_enabled < 0)
		return is_enabled;
	if (is_enabled || !keeps_any(init, count))
		ret = close_registers(smmu, err);
	if (!ret && is_enabled && smmu->ignores_gbpa)
		always = CR0_SMMUEN;
	if (always)
		ret = inplace_check_layout(smmu, err);
	if (!ret)
		ret = cr0_set(smmu, always, err); /* stops the queues */
	if (ret)
		return ret;
	smmu->is_quiet = true;
	ret = memory_build(smmu, init, count, err);
	if (!ret && always)
		ret = inplace_check_same(smmu, err);
	if (!ret)
		ret = program(smmu, always, err);
	return ret ? ret : gbpa_guard(smmu, err);
}

int smmu_takeover(struct drv_unit *unit, const struct drv_stream_init *init, uint32_t count,
		  struct error *err)
{
	struct smmu *smmu = smmu_of(unit);
	int ret;

	smmu->is_running = false;
	ret = takeover_steps(smmu, init, count, err);
	if (ret) {
		takeover_close(unit);
		return ret;
	}
	smmu->is_running = true;
	unit->is_closed = false;
	/* Everything was forgotten, so whatever waited for that is free. */
	invalidate_all_done(smmu);
	return 0;
}
