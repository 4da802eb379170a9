// SPDX-License-Identifier: BSD-2-Clause
/*
 * Closing a unit. VT-d has no bit that says "abort": off is wide open, so closed
 * is on, with a root table in which nothing is present (hw.h: the blank page), and
 * nothing remembered of the tables before it. It is never switched off, and its
 * translation table mode stays what it is, which may not change while it is on.
 */
#include <errno.h>
#include <inttypes.h>

#include "gcmd.h"
#include "log.h"
#include "oldq.h"
#include "pages.h"
#include "roottab.h"
#include "vtd_writer.h"

int vtd_check_quiet(struct vtd *vtd, struct error *err)
{
	uint32_t status;
	int ret;

	if (vtd->is_quiet)
		return 0;
	ret = gcmd_status(vtd, &status, err);
	if (!ret && (status & GCMD_TE))
		return error_set(
			err, -EBUSY,
			"%s: the unit is enabled and walks tables of an earlier owner; close it first",
			vtd->base.name);
	vtd->is_quiet = ret == 0;
	return ret;
}

/* What it holds by contract; whoever was here before us may not have known. */
static pa_t prepare_blank(const struct vtd *vtd)
{
	struct hw *hw = vtd->base.hw;
	uint64_t *words = hw->blank_cpu;
	unsigned i;

	check(words);
	for (i = 0; i < PAGE_BYTES / sizeof(*words); i++)
		if (hw_load64(&words[i]) != 0)
			hw_store64(&words[i], 0);
	hw_barrier();
	if (!vtd->features.is_coherent)
		hw_flush(words, PAGE_BYTES);
	return hw->blank_pa;
}

static int forget_by_registers(struct vtd *vtd, struct error *err)
{
	struct desc all = desc_iotlb_all(&vtd->features.queue);
	uint64_t iotlb = vtd->features.queue.iotlb_offset + VTD_IOTLB_AT_IRO;
	int ret;

	hw_write64(&vtd->regs, VTD_CCMD, CCMD_ICC | field_put(CCMD_CIRG, G_GLOBAL));
	ret = hw_poll(&vtd->regs, VTD_CCMD + 4, "CCMD_REG", (uint32_t)(CCMD_ICC >> 32), 0,
		      VTD_ACK_NS, err);
	if (ret)
		return ret;
	hw_write64(&vtd->regs, iotlb,
		   IOTLB_IVT | field_put(IOTLB_IIRG, G_GLOBAL) |
			   (all.word[0] & DESC0_DR ? IOTLB_DR : 0) |
			   (all.word[0] & DESC0_DW ? IOTLB_DW : 0));
	return hw_poll(&vtd->regs, iotlb + 4, "IOTLB_REG", (uint32_t)(IOTLB_IVT >> 32), 0,
		       VTD_ACK_NS, err);
}

/*
 * A unit without its queue on has no PASID cache to drop: in scalable mode the
 * queue goes on before the first entry is present and stays so.
 */
static int forget_everything(struct vtd *vtd, uint32_t status, struct error *err)
{
	int ret;

	if (status & GCMD_QIE)
		ret = oldq_forget(vtd, err);
	else if (vtd->features.has_registers)
		ret = forget_by_registers(vtd, err);
	else
		ret = error_set(err, -EOPNOTSUPP,
				"%s: no invalidation queue is on, and the unit has no other way",
				vtd->base.name);
	return vtd->features.sets_root_cleanly ? 0 : ret;
}

int close_registers(struct vtd *vtd, struct error *err)
{
	struct error ignored;
	uint32_t status;
	int ret;

	ret = gcmd_status(vtd, &status, err);
	if (!ret)
		ret = gcmd_set_root(vtd, roottab_word_at(vtd, prepare_blank(vtd)), err);
	if (ret)
		return ret;
	ret = forget_everything(vtd, status, err);
	if (!(status & GCMD_TE)) {
		int on = gcmd_switch(vtd, GCMD_TE, true, ret ? &ignored : err);

		ret = ret ? ret : on;
	}
	vtd->is_quiet = ret == 0;
	return ret;
}

/* What is left when registers do not answer: entries that are ours. */
static void shut_entries(struct vtd *vtd)
{
	struct vtd_bus *buses = vtd->roottab.buses;
	unsigned i, k;

	for (i = 0; buses && i < BUS_COUNT; i++)
		for (k = 0; buses[i].streams && k < BUS_STREAMS; k++)
			if (buses[i].streams[k].live_id != 0)
				vtd_writer_shut(vtd,
						roottab_entry(vtd, buses[i].streams[k].number));
}

void close_unit(struct drv_unit *unit)
{
	struct vtd *vtd = vtd_of(unit);
	struct error err;

	vtd->is_running = false;
	unit->is_closed = true;
	if (!close_registers(vtd, &err))
		return;
	shut_entries(vtd);
	log_alarm("%s: could not be closed by its registers: %s", unit->name, err.text);
}

void vtd_fail(struct vtd *vtd, const char *why)
{
	log_alarm("%s: %s; closing the unit: every device behind it is refused", vtd->base.name,
		  why);
	close_unit(&vtd->base);
}
