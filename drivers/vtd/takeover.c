// SPDX-License-Identifier: BSD-2-Clause
/*
 * Taking a unit over (VT-d 6.6, 7.3, 11.4.4).
 *
 * Nothing to keep open, or found enabled: closed first (close.c), then the
 * tables are built and the root pointer moves to them while the unit stays on.
 * Something to keep open and found disabled: tables first, then the root
 * pointer, then one write switches translation on. At no moment is any stream
 * wider open than it was or is to be.
 */
#include <errno.h>
#include <inttypes.h>

#include "gcmd.h"
#include "vtd_invalidate.h"
#include "log.h"
#include "oldq.h"
#include "pages.h"
#include "roottab.h"
#include "vtd_space.h"
#include "vtd_writer.h"

/* --- what the registers will point to --- */

/* Before the unit looks at them, entries may be written in any order. */
static int entries_build(struct vtd *vtd, const struct drv_stream_init *init, uint32_t count,
			 struct error *err)
{
	struct vtd_stream *stream;
	uint32_t i;
	int ret;

	for (i = 0; i < count; i++) {
		ret = roottab_need(vtd, init[i].stream, &stream, err);
		if (ret)
			return ret;
		if (init[i].state == DRV_BOUND)
			check(init[i].space && init[i].space->unit == &vtd->base);
		stream->state = (uint8_t)init[i].state;
		stream->space = init[i].state == DRV_BOUND ? vtd_space_of(init[i].space) : NULL;
		vtd_writer_build(vtd, stream);
	}
	return 0;
}

/* Nothing walks the old tables any more, or there are none. */
static void streams_forget(struct vtd *vtd)
{
	struct list *node;

	list_init(&vtd->changes);
	list_for_each(node, &vtd->spaces)
		list_entry(node, struct vtd_space, in_unit)->bound_count = 0;
	roottab_fini(vtd);
}

static int memory_build(struct vtd *vtd, const struct drv_stream_init *init, uint32_t count,
			struct error *err)
{
	int ret = 0;

	if (!vtd->invq.entries)
		ret = invq_init(&vtd->invq, &vtd->regs, &vtd->base.counts, &vtd->features.queue);
	if (ret)
		return error_set(
			err, ret,
			"%s: no room for the invalidation queue in the arena; give it more memory",
			vtd->base.name);
	streams_forget(vtd);
	ret = roottab_init(vtd, err);
	if (!ret)
		ret = entries_build(vtd, init, count, err);
	hw_barrier();
	return ret;
}

/* --- programming --- */

static void expect(struct vtd *vtd, const char *name, uint32_t offset, uint32_t size, uint64_t mask,
		   uint64_t value)
{
	check(vtd->expect_count < EXPECT_MAX);
	vtd->expect[vtd->expect_count++] = (struct vtd_expect){ name, offset, size, mask, value };
}

/* Records are polled for; advanced logging would need memory and is obsolete. */
static int faults_start(struct vtd *vtd, struct error *err)
{
	uint32_t status;
	int ret = gcmd_status(vtd, &status, err);

	if (!ret && (status & GCMD_EAFL))
		ret = gcmd_switch(vtd, GCMD_EAFL, false, err);
	if (ret)
		return ret;
	hw_write32(&vtd->regs, VTD_FECTL, (uint32_t)EVENT_MASKED);
	expect(vtd, "FECTL_REG", VTD_FECTL, 4, EVENT_MASKED, EVENT_MASKED);
	frcd_start(&vtd->frcd);
	return 0;
}

static int queue_start(struct vtd *vtd, struct error *err)
{
	int ret;

	ret = invq_start(&vtd->invq, err);
	if (ret || vtd->features.queue.by_registers)
		return ret;
	hw_write32(&vtd->regs, VTD_IECTL, (uint32_t)EVENT_MASKED);
	expect(vtd, "IECTL_REG", VTD_IECTL, 4, EVENT_MASKED, EVENT_MASKED);
	ret = gcmd_switch(vtd, GCMD_QIE, true, err);
	expect(vtd, "IQA_REG", VTD_IQA, 8, IQA_ADDR | IQA_DW | IQA_QS, invq_base_word(&vtd->invq));
	return ret;
}

/* Whatever the unit remembers of earlier owners, and of the closed root. */
static int caches_drop(struct vtd *vtd, struct error *err)
{
	struct desc desc;
	unsigned i;

	for (i = 0; invq_everything(&vtd->features.queue, i, &desc); i++)
		invq_push(&vtd->invq, desc);
	return invq_wait(&vtd->invq, invq_submit(&vtd->invq), VTD_ACK_NS, err);
}

/*
 * Protected memory regions guard memory while translation is off, and would go
 * on refusing what is granted now. Translation is on: they are no longer needed.
 */
static int protected_off(struct vtd *vtd, struct error *err)
{
	uint32_t value;
	int ret;

	if (!vtd->features.has_protected)
		return 0;
	value = hw_read32(&vtd->regs, VTD_PMEN);
	expect(vtd, "PMEN_REG", VTD_PMEN, 4, PMEN_EPM | PMEN_PRS, 0);
	if (!(value & (PMEN_EPM | PMEN_PRS)))
		return 0;
	hw_write32(&vtd->regs, VTD_PMEN, value & ~(uint32_t)PMEN_EPM);
	ret = hw_poll(&vtd->regs, VTD_PMEN, "PMEN_REG", (uint32_t)PMEN_PRS, 0, VTD_ACK_NS, err);
	if (!ret)
		log_note("%s: the firmware's protected memory regions are off, translation is on",
			 vtd->base.name);
	return ret;
}

static int translation_on(struct vtd *vtd, struct error *err)
{
	uint64_t lasting = GCMD_TE | (vtd->features.queue.by_registers ? 0 : GCMD_QIE);
	uint32_t status;
	int ret = gcmd_status(vtd, &status, err);

	if (!ret && !(status & GCMD_TE))
		ret = gcmd_switch(vtd, GCMD_TE, true, err);
	if (!ret)
		ret = gcmd_status(vtd, &status, err);
	if (ret)
		return ret;
	if ((status & GCMD_LASTING & ~GCMD_CFI) != lasting)
		return error_set(err, -EIO,
				 "%s: GSTS_REG is 0x%" PRIx32
				 ", which does not say what was written to GCMD_REG",
				 vtd->base.name, status);
	expect(vtd, "GSTS_REG", VTD_GSTS, 4, GCMD_LASTING & ~GCMD_CFI, lasting);
	return 0;
}

static int program(struct vtd *vtd, struct error *err)
{
	uint64_t root = roottab_word(vtd);
	int ret;

	vtd->expect_count = 0;
	ret = faults_start(vtd, err);
	if (!ret)
		ret = queue_start(vtd, err);
	if (!ret)
		ret = gcmd_flush_writes(vtd, err);
	if (ret)
		return ret;
	vtd->is_blank = false;
	ret = gcmd_set_root(vtd, root, err);
	if (ret)
		return ret;
	expect(vtd, "RTADDR_REG", VTD_RTADDR, 8, UINT64_MAX, root);
	ret = caches_drop(vtd, err);
	if (!ret)
		ret = translation_on(vtd, err);
	return ret ? ret : protected_off(vtd, err);
}

static bool keeps_any(const struct drv_stream_init *init, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		if (init[i].state == DRV_BOUND)
			return true;
	return false;
}

static int takeover_steps(struct vtd *vtd, const struct drv_stream_init *init, uint32_t count,
			  struct error *err)
{
	uint32_t status;
	int ret = gcmd_status(vtd, &status, err);

	if (!ret && ((status & GCMD_TE) || !keeps_any(init, count)))
		ret = close_registers(vtd, err);
	if (!ret)
		ret = oldq_stop(vtd, err);
	if (ret)
		return ret;
	vtd->is_quiet = true;
	ret = memory_build(vtd, init, count, err);
	return ret ? ret : program(vtd, err);
}

int vtd_takeover(struct drv_unit *unit, const struct drv_stream_init *init, uint32_t count,
		 struct error *err)
{
	struct vtd *vtd = vtd_of(unit);
	int ret;

	vtd->is_running = false;
	ret = takeover_steps(vtd, init, count, err);
	if (ret) {
		close_unit(unit);
		return ret;
	}
	vtd->is_running = true;
	unit->is_closed = false;
	/* Everything was forgotten, so whatever waited for that is free. */
	vtd_invalidate_all_done(vtd);
	return 0;
}
