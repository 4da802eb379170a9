// SPDX-License-Identifier: BSD-2-Clause
/* Streams, faults, and the table of what this module offers. */
#include <errno.h>
#include <stdlib.h>

#include "vtd_faults.h"
#include "vtd_invalidate.h"
#include "log.h"
#include "modules.h"
#include "roottab.h"
#include "vtd_space.h"
#include "vtd.h"
#include "vtd_writer.h"

static int bind_refused(const struct vtd *vtd, struct error *err)
{
	return error_set(err, -EIO, "%s: the unit is %s; no stream can be opened", vtd->base.name,
			 vtd->base.is_closed ? "closed" : "not taken over");
}

static void stream_change(struct vtd *vtd, struct vtd_stream *stream, enum drv_stream_state state,
			  struct vtd_space *space)
{
	struct vtd_space *left = stream->state == DRV_BOUND ? stream->space : NULL;

	vtd_writer_set(vtd, stream, state, space);
	if (stream->space)
		stream->space->bound_count++;
	if (!left)
		return;
	left->bound_count--;
	if (left != space)
		vtd_space_left(vtd, left);
}

static int set_stream(struct drv_unit *unit, uint32_t number, enum drv_stream_state state,
		      struct drv_space *space, struct drv_gather *gather, struct error *err)
{
	struct vtd *vtd = vtd_of(unit);
	struct vtd_stream *stream;
	int ret;

	if (state == DRV_BOUND) {
		check(space && space->unit == unit);
		if (!vtd->is_running)
			return bind_refused(vtd, err);
		ret = roottab_need(vtd, number, &stream, err);
		if (ret)
			return ret;
	} else {
		stream = roottab_find(vtd, number);
		/* Closed by registers, or no table reaches it: nothing to close. */
		if (!vtd->is_running || !stream)
			return 0;
	}
	stream_change(vtd, stream, state, space ? vtd_space_of(space) : NULL);
	drv_gather_stream(gather, number);
	return 0;
}

/* --- faults --- */

/* A fault that was not about the tables' content needs no look at them. */
static void refine(struct vtd *vtd, struct drv_fault *fault)
{
	const struct vtd_stream *stream;
	struct drv_walk walk;

	if (fault->kind != DRV_FAULT_TRANSLATION)
		return;
	stream = roottab_find(vtd, fault->stream);
	if (!stream || stream->state != DRV_BOUND || !stream->space ||
	    fault->address >> vtd->features.table.input_bits != 0)
		return;
	pgtable_walk(&stream->space->table, IOVA(fault->address), &walk);
	vtd_faults_refine(fault, walk.is_mapped ? walk.rights : RIGHT_NONE);
}

static void tell(struct vtd *vtd, const uint64_t words[FRCD_WORDS],
		 const struct drv_fault_sink *sink)
{
	struct drv_fault fault;

	vtd_faults_decode(words, vtd->frcd.sequence - 1, &fault);
	refine(vtd, &fault);
	vtd->base.counts.events++;
	if (fault.kind == DRV_FAULT_UNKNOWN)
		vtd->base.counts.unknown_events++;
	sink->fault(sink->context, &fault);
}

/* The queue's errors are repaired by whoever asks it; the others are counted. */
static void handle_status(struct vtd *vtd, uint32_t status)
{
	uint32_t others = status & (uint32_t)(FSTS_AFO | FSTS_APF);

	if (status == UINT32_MAX) {
		vtd_fail(vtd, "FSTS_REG reads all ones: the unit is gone or has no clock");
		return;
	}
	if (others) {
		hw_write32(&vtd->regs, VTD_FSTS, others);
		vtd->base.counts.global_errors += (unsigned)__builtin_popcount(others);
		log_warn("%s: FSTS_REG: advanced fault logging, which is off, reports 0x%x",
			 vtd->base.name, others);
	}
	/* What waits for a ticket nobody else asks for is settled here. */
	if ((status & FSTS_QUEUE) || !list_is_empty(&vtd->changes) ||
	    !list_is_empty(&vtd->limbo) || vtd->freed_head != 0)
		vtd_invalidate_completed(&vtd->base);
	if (!vtd->is_running || !(status & FSTS_QUEUE) ||
	    !(hw_read32(&vtd->regs, VTD_FSTS) & FSTS_QUEUE))
		return;
	/* An error with nothing in the queue: nothing was lost by it. */
	hw_write32(&vtd->regs, VTD_FSTS, status & (uint32_t)FSTS_QUEUE);
	vtd->base.counts.command_errors++;
}

static bool drain_faults(struct drv_unit *unit, unsigned budget, const struct drv_fault_sink *sink)
{
	struct vtd *vtd = vtd_of(unit);
	uint64_t words[FRCD_WORDS];
	uint32_t status;

	if (!vtd->frcd.is_started)
		return false;
	status = hw_read32(&vtd->regs, VTD_FSTS);
	frcd_look(&vtd->frcd, status);
	if (vtd->is_running)
		handle_status(vtd, status);
	if (status == UINT32_MAX)
		return false;
	while (budget-- > 0 && frcd_take(&vtd->frcd, status, words))
		tell(vtd, words, sink);
	frcd_release(&vtd->frcd, sink);
	return frcd_waiting(&vtd->frcd, hw_read32(&vtd->regs, VTD_FSTS)) != 0;
}

static void salvage(struct drv_unit *unit, const struct drv_fault_sink *sink)
{
	frcd_salvage(&vtd_of(unit)->frcd, sink);
}

static uint64_t fault_mark(struct drv_unit *unit)
{
	struct frcd *frcd = &vtd_of(unit)->frcd;

	if (!frcd->is_started)
		return frcd->sequence;
	return frcd->sequence + frcd_waiting(frcd, hw_read32(frcd->regs, VTD_FSTS));
}

/* --- addresses that no grant can be made at --- */

static uint32_t reserved(struct drv_unit *unit, uint32_t stream, struct drv_reserved *list,
			 uint32_t max)
{
	(void)unit;
	(void)stream;
	if (max > 0)
		list[0] = (struct drv_reserved){ INTERRUPT_BASE, INTERRUPT_BYTES,
						 DRV_RESERVED_INTERRUPT };
	return 1;
}

/* --- end --- */

static void forget_all(struct list *head)
{
	struct list *node, *after;

	list_for_each_safe(node, after, head)
		vtd_space_forget(list_entry(node, struct vtd_space, in_unit));
}

/* The arena's pages stay as they are: the unit may be walking them. */
static void forget(struct drv_unit *unit)
{
	struct vtd *vtd = vtd_of(unit);

	roottab_forget(vtd);
	free(vtd->invq.waits);
	vtd_space_ids_fini(vtd);
	forget_all(&vtd->spaces);
	forget_all(&vtd->limbo);
	free(vtd);
}

#define OPS_OF_EVERY_UNIT \
	.takeover = vtd_takeover, \
	.close = close_unit, \
	.forget = forget, \
	.space_create = vtd_space_create, \
	.space_destroy = vtd_space_destroy, \
	.set_stream = set_stream, \
	.map = vtd_space_map, \
	.unmap = vtd_space_unmap, \
	.submit = vtd_invalidate_gathered, \
	.completed = vtd_invalidate_completed, \
	.drain_faults = drain_faults, \
	.salvage = salvage, \
	.fault_mark = fault_mark, \
	.reserved = reserved, \
	.walk = vtd_space_walk, \
	.describe_stream = vtd_describe_stream, \
	.audit = vtd_audit

const struct drv_ops vtd_ops = { OPS_OF_EVERY_UNIT };
const struct drv_ops vtd_commit_ops = { OPS_OF_EVERY_UNIT, .commit = vtd_space_commit };

const struct drv_module vtd_module = {
	.name = "vtd",
	.abi = DRV_ABI,
	.match = vtd_match,
	.probe = vtd_probe,
	.ops = &vtd_ops,
};
