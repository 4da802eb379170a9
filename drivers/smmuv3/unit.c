// SPDX-License-Identifier: BSD-2-Clause
/* Streams, faults, and the table of what this module offers. */
#include <errno.h>
#include <stdlib.h>

#include "events.h"
#include "invalidate.h"
#include "log.h"
#include "modules.h"
#include "salvage.h"
#include "smmuv3.h"
#include "space.h"
#include "strtab.h"
#include "writer.h"

static int bind_refused(const struct smmu *smmu, struct error *err)
{
	return error_set(err, -EIO, "%s: the unit is %s; no stream can be opened", smmu->base.name,
			 smmu->base.is_closed ? "closed" : "not taken over");
}

static void stream_change(struct smmu *smmu, struct smmu_stream *stream,
			  enum drv_stream_state state, struct smmu_space *space)
{
	struct smmu_space *left = stream->state == DRV_BOUND ? stream->space : NULL;

	writer_set(smmu, stream, state, space);
	if (stream->space)
		stream->space->bound_count++;
	if (!left)
		return;
	left->bound_count--;
	if (left != space)
		space_left(smmu, left);
}

static int set_stream(struct drv_unit *unit, uint32_t number, enum drv_stream_state state,
		      struct drv_space *space, struct drv_gather *gather, struct error *err)
{
	struct smmu *smmu = smmu_of(unit);
	struct smmu_stream *stream;
	bool is_new = false;
	int ret;

	if (state == DRV_BOUND) {
		check(space && space->unit == unit);
		if (!smmu->is_running)
			return bind_refused(smmu, err);
		ret = strtab_need(smmu, number, &stream, &is_new, err);
		if (ret)
			return ret;
	} else {
		stream = strtab_find(smmu, number);
		/* Closed by registers, or no table reaches it: nothing to close. */
		if (!smmu->is_running || !stream)
			return 0;
	}
	stream_change(smmu, stream, state, space ? smmu_space_of(space) : NULL);
	stream->is_new_table |= is_new;
	drv_gather_stream(gather, number);
	return 0;
}

/* --- faults --- */

/* Every bit has a handler; CMDQ_ERR's is in the command queue. */
static void handle_gerror(struct smmu *smmu, uint32_t prod)
{
	uint32_t active = gerror_active(&smmu->gerror);
	uint32_t others = active & ~(uint32_t)GERROR_CMDQ;

	if (active == 0)
		return;
	if (active == UINT32_MAX) {
		smmu_fail(smmu, "SMMU_GERROR reads all ones: the unit is gone or has no clock");
		return;
	}
	if (active & GERROR_EVENTQ_ABT)
		evtq_note_loss(&smmu->evtq, prod, gerror_words((uint32_t)GERROR_EVENTQ_ABT));
	if (others) {
		gerror_acknowledge(&smmu->gerror, others);
		others &= ~(uint32_t)GERROR_EVENTQ_ABT;
		smmu->base.counts.global_errors += (unsigned)__builtin_popcount(others);
		if (others)
			log_warn("%s: SMMU_GERROR: %s", smmu->base.name, gerror_words(others));
	}
	if (active & GERROR_SFM) {
		smmu_fail(smmu, gerror_words((uint32_t)GERROR_SFM));
		return;
	}
	if (active & GERROR_CMDQ)
		invalidate_completed(&smmu->base);
	if (smmu->is_running && (gerror_active(&smmu->gerror) & GERROR_CMDQ)) {
		/* Active with no reason in CMDQ_CONS: nothing to repair. */
		gerror_acknowledge(&smmu->gerror, (uint32_t)GERROR_CMDQ);
		smmu->base.counts.command_errors++;
	}
}

static void tell(struct smmu *smmu, const uint64_t words[EVENT_WORDS],
		 const struct drv_fault_sink *sink)
{
	struct drv_fault fault;

	events_decode(words, smmu->evtq.sequence - 1, &fault);
	smmu->base.counts.events++;
	if (fault.kind == DRV_FAULT_UNKNOWN)
		smmu->base.counts.unknown_events++;
	sink->fault(sink->context, &fault);
}

static bool drain_faults(struct drv_unit *unit, unsigned budget, const struct drv_fault_sink *sink)
{
	struct smmu *smmu = smmu_of(unit);
	uint64_t words[EVENT_WORDS];
	uint32_t prod;

	if (!smmu->evtq.is_started)
		return false;
	prod = evtq_look(&smmu->evtq);
	if (smmu->is_running)
		handle_gerror(smmu, prod);
	/* What waits for a ticket nobody else asks for is settled here. */
	if (smmu->is_running && (!list_is_empty(&smmu->changes) || !list_is_empty(&smmu->limbo) ||
				 smmu->freed_head != 0))
		invalidate_completed(unit);
	if (prod == UINT32_MAX)
		return false;
	while (budget-- > 0 && evtq_take(&smmu->evtq, prod, words))
		tell(smmu, words, sink);
	evtq_release(&smmu->evtq, sink);
	return evtq_waiting(&smmu->evtq, prod) != 0;
}

static uint64_t fault_mark(struct drv_unit *unit)
{
	struct evtq *queue = &smmu_of(unit)->evtq;
	uint32_t prod;

	if (!queue->is_started)
		return queue->sequence;
	prod = hw_read32(queue->regs, SMMU_EVENTQ_PROD);
	return queue->sequence + (prod == UINT32_MAX ? 0 : evtq_waiting(queue, prod));
}

/* --- end --- */

static void free_all(struct list *head)
{
	struct list *node, *after;

	list_for_each_safe(node, after, head)
		free(list_entry(node, struct smmu_space, in_unit));
}

/* The arena's pages stay as they are: the unit may be walking them. */
static void forget(struct drv_unit *unit)
{
	struct smmu *smmu = smmu_of(unit);
	uint32_t i;

	for (i = 0; smmu->strtab.chunks && i < smmu->strtab.chunk_count; i++)
		free(smmu->strtab.chunks[i].streams);
	free(smmu->strtab.chunks);
	free(smmu->cmdq.syncs);
	free(smmu->id_map);
	free(smmu->cd_pages);
	free_all(&smmu->spaces);
	free_all(&smmu->limbo);
	free(smmu);
}

static const struct drv_ops smmuv3_ops = {
	.takeover = smmu_takeover,
	.close = takeover_close,
	.forget = forget,
	.space_create = space_create,
	.space_destroy = space_destroy,
	.set_stream = set_stream,
	.map = space_map,
	.unmap = space_unmap,
	.submit = invalidate_gathered,
	.completed = invalidate_completed,
	.drain_faults = drain_faults,
	.salvage = salvage_faults,
	.fault_mark = fault_mark,
	.walk = space_walk,
	.describe_stream = smmu_describe_stream,
	.audit = smmu_audit,
};

const struct drv_module smmuv3_module = {
	.name = "smmuv3",
	.abi = DRV_ABI,
	.match = smmu_match,
	.probe = smmu_probe,
	.ops = &smmuv3_ops,
};
