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
	if (!ret)
		ret = oldq_stop(vtd, err); /* an earlier owner never came to switch translation on */
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

/* CCMD_REG or IOTLB_REG; the bit that says that a request is pending, the field what was done. */
struct request {
	const char *name;
	uint64_t offset, pending, done;
};

static int wait_idle(struct vtd *vtd, const struct request *request, struct error *err)
{
	return hw_poll(&vtd->regs, request->offset + 4, request->name,
		       (uint32_t)(request->pending >> 32), 0, VTD_ACK_NS, err);
}

/* A unit that ignores a request says that it is no longer pending, and did nothing. */
static int carry_out(struct vtd *vtd, const struct request *request, uint64_t value,
		     struct error *err)
{
	int ret;

	hw_write64(&vtd->regs, request->offset, request->pending | value);
	ret = wait_idle(vtd, request, err);
	if (ret)
		return ret;
	value = hw_read64(&vtd->regs, request->offset);
	if (field_get(request->done, value) == G_GLOBAL)
		return 0;
	return error_set(err, -EIO, "%s: %s 0x%" PRIx64 ": the unit refused to invalidate",
			 vtd->base.name, request->name, value);
}

/* A narrower request of an earlier owner may be pending: neither is written before it is over. */
static int forget_by_registers(struct vtd *vtd, struct error *err)
{
	const struct request context = { "CCMD_REG", VTD_CCMD, CCMD_ICC, CCMD_CAIG };
	const struct request iotlb = {
		"IOTLB_REG", vtd->features.queue.iotlb_offset + VTD_IOTLB_AT_IRO, IOTLB_IVT,
		IOTLB_IAIG
	};
	struct desc all = desc_iotlb_all(&vtd->features.queue);
	int ret;

	ret = wait_idle(vtd, &context, err);
	if (!ret)
		ret = wait_idle(vtd, &iotlb, err);
	if (!ret)
		ret = carry_out(vtd, &context, field_put(CCMD_CIRG, G_GLOBAL), err);
	if (ret)
		return ret;
	return carry_out(vtd, &iotlb,
			 field_put(IOTLB_IIRG, G_GLOBAL) |
				 (all.word[0] & DESC0_DR ? IOTLB_DR : 0) |
				 (all.word[0] & DESC0_DW ? IOTLB_DW : 0),
			 err);
}

/*
 * A unit without its queue on has no PASID cache to drop: in scalable mode the
 * queue goes on before the first entry is present, and off only once all was
 * forgotten under the blank root.
 */
static int forget_everything(struct vtd *vtd, uint32_t status, struct error *err)
{
	int ret;

	if (vtd->is_blank)
		return 0;
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
	if (!ret)
		ret = oldq_retire(vtd, err);
	vtd->is_quiet = vtd->is_blank = ret == 0;
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
	unit->may_walk = close_registers(vtd, &err) != 0;
	if (!unit->may_walk)
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
