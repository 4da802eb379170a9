// SPDX-License-Identifier: BSD-2-Clause
/* Streams, tickets, faults, and the table of what this module offers. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "endpoint.h"
#include "leftover.h"
#include "log.h"
#include "modules.h"
#include "report.h"
#include "vmap.h"
#include "vsmmu.h"
#include "vspace.h"

/* --- streams --- */

static int closed_error(const struct vsmmu *vsmmu, struct error *err)
{
	return error_set(err, -EIO, "%s: the unit is %s; no stream can be opened", vsmmu->base.name,
			 vsmmu->base.is_closed ? "closed" : "not taken over");
}

/* Off its domain, and everything that ends access answered: what follows cannot overtake it. */
static int bind_steps(struct vsmmu *vsmmu, struct vsmmu_stream *stream, struct vsmmu_space *space,
		      bool *ret_refused, struct error *err)
{
	int ret = 0;

	*ret_refused = false;
	if (stream->state == DRV_BOUND)
		ret = endpoint_detach(vsmmu, stream, err);
	if (ret == 0)
		ret = reqq_wait(&vsmmu->reqq, vsmmu->reqq.issued, err);
	if (ret == 0)
		ret = endpoint_probe(vsmmu, stream, err);
	if (ret)
		return ret;
	if (stream->is_unreadable) {
		*ret_refused = true;
		error_set(err, -EIO, "PROBE told nothing usable of stream 0x%" PRIx32
			  "; see the log", stream->number);
		return 0;
	}
	return endpoint_attach(vsmmu, stream, space, ret_refused, err);
}

static int bind_stream(struct vsmmu *vsmmu, uint32_t number, struct vsmmu_space *space,
		       struct error *err)
{
	struct vsmmu_stream *stream;
	struct error why = { 0 };
	bool is_refused;
	int ret;

	if (!vsmmu->is_running)
		return closed_error(vsmmu, err);
	ret = endpoint_need(vsmmu, number, &stream, err);
	if (ret || (stream->state == DRV_BOUND && stream->space == space))
		return ret;
	ret = bind_steps(vsmmu, stream, space, &is_refused, &why);
	if (ret) {
		vsmmu_fail(vsmmu, why.text);
		return closed_error(vsmmu, err);
	}
	return is_refused ? error_set(err, why.code, "%s: %s", vsmmu->base.name, why.text) : 0;
}

/* Ends access: no answer of the device and no lack of memory can stop it. */
static void shut_stream(struct vsmmu *vsmmu, struct vsmmu_stream *stream,
			enum drv_stream_state state)
{
	struct error err;

	/* A unit that does not run refuses everybody: the books alone are behind. */
	if (stream->state == DRV_BOUND && !vsmmu->is_running)
		endpoint_leave(stream);
	else if (stream->state == DRV_BOUND && endpoint_detach(vsmmu, stream, &err))
		vsmmu_fail(vsmmu, err.text);
	stream->state = (uint8_t)state;
}

static int set_stream(struct drv_unit *unit, uint32_t number, enum drv_stream_state state,
		      struct drv_space *space, struct drv_gather *gather, struct error *err)
{
	struct vsmmu *vsmmu = vsmmu_of(unit);
	struct vsmmu_stream *stream;
	int ret;

	if (state == DRV_BOUND) {
		check(space && space->unit == unit);
		ret = bind_stream(vsmmu, number, vsmmu_space_of(space), err);
		if (ret)
			return ret;
	} else {
		stream = endpoint_find(vsmmu, number);
		/* Closed by registers, or never attached: nothing to close. */
		if (!stream)
			return 0;
		shut_stream(vsmmu, stream, state);
	}
	drv_gather_stream(gather, number);
	return 0;
}

/* --- tickets: the numbers of requests --- */

static uint64_t submit(struct drv_unit *unit, struct drv_gather *gather)
{
	struct vsmmu *vsmmu = vsmmu_of(unit);

	*gather = (struct drv_gather){ 0 };
	if (unit->is_closed)
		return UINT64_MAX;
	if (vsmmu->is_running)
		reqq_kick(&vsmmu->reqq);
	return vsmmu->reqq.issued;
}

static uint64_t completed(struct drv_unit *unit)
{
	struct vsmmu *vsmmu = vsmmu_of(unit);
	struct error err;

	if (unit->is_closed)
		return vsmmu->done_at_close;
	if (!vsmmu->is_running)
		return vsmmu->reqq.done;
	if (reqq_poll(&vsmmu->reqq, &err)) {
		vsmmu_fail(vsmmu, err.text);
		return vsmmu->done_at_close;
	}
	vspace_settle(vsmmu);
	return vsmmu->reqq.done;
}

/* --- faults --- */

static void tell(struct vsmmu *vsmmu, const struct event *event, const struct drv_fault_sink *sink)
{
	struct report_context context = { 0 };
	struct vsmmu_stream *stream = NULL;
	struct drv_fault fault;
	uint32_t endpoint;
	uint64_t address;

	if (report_endpoint(event, &endpoint, &address))
		stream = endpoint_find(vsmmu, endpoint);
	if (stream) {
		context.is_known = true;
		context.is_mapped = stream->state == DRV_BOUND && vspace_find(stream->space, address);
	}
	report_decode(event, vsmmu->eventq.sequence - 1, &context, &fault);
	vsmmu->base.counts.events++;
	if (fault.kind == DRV_FAULT_UNKNOWN)
		vsmmu->base.counts.unknown_events++;
	/* Quarantine: refused, and no record. */
	if (stream && stream->state == DRV_SILENT)
		return;
	sink->fault(sink->context, &fault);
}

static bool take_reports(struct vsmmu *vsmmu, unsigned budget, const struct drv_fault_sink *sink,
			 struct error *err)
{
	struct eventq *queue = &vsmmu->eventq;
	struct event event;
	uint32_t waiting;
	int ret;

	ret = eventq_look(queue, &waiting, err);
	for (; ret == 0 && waiting > 0 && budget > 0; waiting--, budget--) {
		ret = eventq_take(queue, &event, err);
		if (ret)
			break;
		tell(vsmmu, &event, sink);
		eventq_tell_loss(queue, sink);
	}
	if (ret) {
		queue->is_started = false;
		vsmmu_fail(vsmmu, err->text);
		return false;
	}
	if (vsmmu->is_running)
		eventq_kick(queue);
	return waiting > 0;
}

static bool drain_faults(struct drv_unit *unit, unsigned budget, const struct drv_fault_sink *sink)
{
	struct vsmmu *vsmmu = vsmmu_of(unit);
	struct error err;

	/* What waits for a ticket nobody else asks for is settled here. */
	if (vsmmu->is_running && !list_is_empty(&vsmmu->limbo))
		completed(unit);
	/* After close() too: what was reported until then still stands there. */
	return vsmmu->eventq.is_started && take_reports(vsmmu, budget, sink, &err);
}

static uint64_t fault_mark(struct drv_unit *unit)
{
	struct vsmmu *vsmmu = vsmmu_of(unit);
	uint32_t waiting = 0;
	struct error err;

	/* An index that cannot be is found again, and dealt with, by drain_faults(). */
	if (vsmmu->eventq.is_started)
		(void)eventq_look(&vsmmu->eventq, &waiting, &err);
	return vsmmu->eventq.sequence + waiting;
}

/* --- end --- */

static void free_all(struct vsmmu *vsmmu, struct list *head)
{
	while (!list_is_empty(head))
		vspace_free(vsmmu, list_entry(head->next, struct vsmmu_space, in_unit));
}

/* The arena's pages stay as they are: the device may be using them. */
static void forget(struct drv_unit *unit)
{
	struct vsmmu *vsmmu = vsmmu_of(unit);

	free_all(vsmmu, &vsmmu->spaces);
	free_all(vsmmu, &vsmmu->limbo);
	endpoint_free_all(vsmmu);
	free(vsmmu->domain_map);
	free(vsmmu->properties);
	free(vsmmu);
}

static const struct drv_ops vsmmu_ops = {
	.takeover = vsmmu_takeover,
	.close = vsmmu_close,
	.forget = forget,
	.space_create = vspace_create,
	.space_destroy = vspace_destroy,
	.set_stream = set_stream,
	.map = vmap_map,
	.commit = vmap_commit,
	.unmap = vmap_unmap,
	.submit = submit,
	.completed = completed,
	.drain_faults = drain_faults,
	.salvage = leftover_faults,
	.fault_mark = fault_mark,
	.reserved = endpoint_reserved,
	.walk = vspace_walk,
	.describe_stream = vsmmu_describe_stream,
	.audit = vsmmu_audit,
};

const struct drv_module vsmmu_module = {
	.name = "vsmmu",
	.abi = DRV_ABI,
	.match = vsmmu_match,
	.probe = vsmmu_probe,
	.ops = &vsmmu_ops,
};
