// SPDX-License-Identifier: BSD-2-Clause
/*
 * Taking the device over and closing it (virtio 3.1.1, 5.13.4, 5.13.6).
 *
 * Who is open when. An endpoint attached to a domain reaches what is mapped
 * there. One that is not is refused while the configuration's bypass byte is 0,
 * and reaches all memory while it is 1: from power-on, if the device chose so,
 * until a driver has negotiated BYPASS_CONFIG and written 0. The byte keeps its value
 * over a reset of the device (5.13.4: "should not change"; what it does is read
 * back every time), and a reset detaches every endpoint.
 *
 * So close() is: 0 into bypass, and a reset. The order matters: bypass still 1 at
 * the reset would open every endpoint that was attached. Where the earlier driver
 * left BYPASS_CONFIG negotiated, the byte is written before the reset; else, by the
 * specification, it cannot be before a reset and a negotiation, and what was attached
 * by that driver is as open meanwhile as its neighbours were all along. From the end
 * of the first close() on nothing gets through.
 *
 * With one exception, which is no matter of registers: a device that keeps endpoints
 * attached over a reset (endpoint.c tells of one) lets those reach what an earlier
 * daemon had mapped for them, until the take-over detaches them; and so, as soon as
 * there is memory for requests, does every later close().
 *
 * Take-over from a closed device: queues, DRIVER_OK, PROBE for each stream, and a
 * DETACH of whoever may be attached. Where some streams stay open for the host and the
 * device was open: first all of that, ATTACH and MAP of the host's streams by one
 * notification, and then 0 into bypass, which shuts all others: no other is ever wider
 * open than it was. An access of a host's stream may be refused while the device takes
 * the requests, for no request replaces "bypass" by a domain that is not empty; QEMU's
 * model takes them all between two accesses.
 */
#include <errno.h>
#include <inttypes.h>

#include "bits.h"
#include "endpoint.h"
#include "log.h"
#include "pages.h"
#include "vsmmu.h"
#include "vspace.h"

#define BYPASS_OFFSET ((uint32_t)offsetof(struct virtio_iommu_config, bypass))

/* 1, 0, or -ENODEV. */
static int bypass_read(const struct vsmmu *vsmmu, struct error *err)
{
	uint32_t value;

	if (!vsmmu->features.has_bypass)
		return 0;
	value = vsmmu->transport.ops->config(&vsmmu->transport, BYPASS_OFFSET, 1);
	if (value == UINT8_MAX)
		return error_set(err, -ENODEV, "the configuration's bypass byte reads all ones: the device is gone");
	return (int)(value & 1);
}

/* BYPASS_CONFIG must be negotiated. 0 when it reads 0 afterwards. */
static int bypass_off(const struct vsmmu *vsmmu, struct error *err)
{
	int ret = bypass_read(vsmmu, err);

	if (ret <= 0)
		return ret;
	vsmmu->transport.ops->set_config8(&vsmmu->transport, BYPASS_OFFSET, 0);
	ret = bypass_read(vsmmu, err);
	if (ret <= 0)
		return ret;
	return error_set(err, -EIO, "bypass reads 1 after 0 was written to it: whoever is not attached is open");
}

static int negotiate(const struct vsmmu *vsmmu, struct error *err)
{
	return transport_negotiate(&vsmmu->transport, vsmmu->features.accepted, err);
}

/* --- the registers of closing --- */

/* What leftover_faults() will want to know; the reset forgets it. */
static void leftover_note(struct vsmmu *vsmmu)
{
	if (vsmmu->leftover.is_there || !vsmmu->base.found_enabled)
		return;
	vsmmu->leftover.is_there =
		vsmmu->transport.ops->queue_place(&vsmmu->transport, TRANSPORT_EVENTS,
						  &vsmmu->leftover.place);
}

/*
 * Was BYPASS_CONFIG negotiated by whoever drives the device now? Over virtio-mmio nobody
 * can tell: then it is tried, for a device that this breaks is reset next.
 */
static bool may_write_bypass(const struct vsmmu *vsmmu)
{
	const struct transport *transport = &vsmmu->transport;
	uint64_t accepted;

	if (!(transport_status(transport) & VIRTIO_CONFIG_S_FEATURES_OK))
		return false;
	accepted = transport->ops->accepted(transport);
	return accepted == 0 || (accepted & BIT(VIRTIO_IOMMU_F_BYPASS_CONFIG));
}

/* From a reset device whose bypass reads 1: negotiate, switch it off, and see what a reset does. */
static int close_bypassing(const struct vsmmu *vsmmu, struct error *err)
{
	int ret, attempt;

	for (attempt = 0; attempt < 2; attempt++) {
		ret = negotiate(vsmmu, err);
		if (ret == 0)
			ret = bypass_off(vsmmu, err);
		if (ret || attempt == 1)
			return ret; /* a device that forgets the byte stays negotiated, and shut */
		ret = transport_reset(&vsmmu->transport, err);
		if (ret == 0)
			ret = bypass_read(vsmmu, err);
		if (ret <= 0)
			return ret;
	}
	return 0;
}

static int close_registers(struct vsmmu *vsmmu, struct error *err)
{
	int ret;

	leftover_note(vsmmu);
	/* Not certain yet, and no harm if it fails: it is looked at again below. */
	if (may_write_bypass(vsmmu))
		bypass_off(vsmmu, err);
	ret = transport_reset(&vsmmu->transport, err);
	if (ret)
		return ret;
	ret = bypass_read(vsmmu, err);
	return ret > 0 ? close_bypassing(vsmmu, err) : ret;
}

/* --- bringing it up --- */

static int memory_take(struct vsmmu *vsmmu, struct error *err)
{
	struct drv_counts *counts = &vsmmu->base.counts;
	struct pages *pages = vsmmu->base.hw->pages;
	int ret;

	ret = reqq_init(&vsmmu->reqq, &vsmmu->transport, pages, counts,
			vsmmu->features.probe_bytes);
	if (ret == 0)
		ret = eventq_init(&vsmmu->eventq, &vsmmu->transport, pages, counts);
	if (ret)
		return error_set(err, ret, "no room for the queues in the arena; give it more memory");
	return 0;
}

static int queue_start(struct vsmmu *vsmmu, enum transport_queue queue, const struct ring *ring,
		       struct error *err)
{
	const struct pages *pages = vsmmu->base.hw->pages;

	vsmmu->places[queue] = (struct transport_place){
		.size = ring_size(ring),
		.desc = pages_pa(pages, ring->desc),
		.avail = pages_pa(pages, ring->avail),
		.used = pages_pa(pages, ring->used),
	};
	return vsmmu->transport.ops->queue_start(&vsmmu->transport, queue, &vsmmu->places[queue],
						 err);
}

/* The device is reset and the memory is taken. Ends with DRIVER_OK. */
static int queues_start(struct vsmmu *vsmmu, bool with_events, struct error *err)
{
	int ret;

	reqq_start(&vsmmu->reqq, vsmmu->features.request_log2);
	if (with_events)
		eventq_start(&vsmmu->eventq, vsmmu->features.event_log2);
	hw_barrier();
	vsmmu->transport.ops->enable(&vsmmu->transport);
	ret = negotiate(vsmmu, err);
	if (ret == 0)
		ret = queue_start(vsmmu, TRANSPORT_REQUESTS, &vsmmu->reqq.ring, err);
	if (ret == 0 && with_events)
		ret = queue_start(vsmmu, TRANSPORT_EVENTS, &vsmmu->eventq.ring, err);
	if (ret == 0)
		transport_add_status(&vsmmu->transport, VIRTIO_CONFIG_S_DRIVER_OK);
	return ret;
}

/* --- closing --- */

/*
 * For a device that forgets nothing at its reset: each stream is detached by request.
 * The event queue stays as it is: what stands there is still to be read.
 */
static int shut_streams(struct vsmmu *vsmmu, struct error *err)
{
	uint32_t i;
	int ret;

	for (i = 0; i < vsmmu->stream_count; i++)
		vsmmu->streams[i]->is_kept = false;
	ret = queues_start(vsmmu, false, err);
	if (ret == 0)
		ret = endpoint_shut_all(vsmmu, err);
	reqq_stop(&vsmmu->reqq);
	return ret;
}

/* Before the first take-over there is no memory for requests, and the reset is all. */
static int close_all(struct vsmmu *vsmmu, struct error *err)
{
	int ret = close_registers(vsmmu, err);

	reqq_stop(&vsmmu->reqq);
	if (ret || vsmmu->stream_count == 0 || !vsmmu->reqq.properties)
		return ret;
	if (shut_streams(vsmmu, err))
		log_warn("%s: reset and closed, but no stream could be detached by request (%s): a "
			 "device that keeps them over a reset goes on with what was mapped",
			 vsmmu->base.name, err->text);
	return close_registers(vsmmu, err);
}

void vsmmu_close(struct drv_unit *unit)
{
	struct vsmmu *vsmmu = vsmmu_of(unit);
	struct error err;

	if (!unit->is_closed)
		vsmmu->done_at_close = vsmmu->reqq.done;
	vsmmu->is_running = false;
	unit->is_closed = true;
	unit->may_walk = close_all(vsmmu, &err) != 0;
	if (unit->may_walk)
		log_alarm("%s: could not be closed: %s", unit->name, err.text);
}

void vsmmu_fail(struct vsmmu *vsmmu, const char *why)
{
	log_alarm("%s: %s; closing the unit: every device behind it is refused", vsmmu->base.name,
		  why);
	vsmmu_close(&vsmmu->base);
}

/* --- taking over --- */

static bool keeps_any(const struct drv_stream_init *init, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		if (init[i].state == DRV_BOUND)
			return true;
	return false;
}

static int streams_name(struct vsmmu *vsmmu, const struct drv_stream_init *init, uint32_t count,
			bool keeps, struct error *err)
{
	struct vsmmu_stream *stream;
	uint32_t i;
	int ret = 0;

	for (i = 0; i < count && ret == 0; i++) {
		ret = endpoint_need(vsmmu, init[i].stream, &stream, err);
		if (ret)
			break;
		stream->state = (uint8_t)(init[i].state == DRV_SILENT ? DRV_SILENT : DRV_DENY);
		stream->is_kept = keeps && init[i].state == DRV_BOUND;
		ret = endpoint_probe(vsmmu, stream, err);
	}
	return ret;
}

static int streams_attach(struct vsmmu *vsmmu, const struct drv_stream_init *init, uint32_t count,
			  struct error *err)
{
	bool is_refused;
	uint32_t i;
	int ret = 0;

	for (i = 0; i < count && ret == 0; i++) {
		if (init[i].state != DRV_BOUND)
			continue;
		check(init[i].space && init[i].space->unit == &vsmmu->base);
		ret = endpoint_attach(vsmmu, endpoint_find(vsmmu, init[i].stream),
				      vsmmu_space_of(init[i].space), &is_refused, err);
		if (ret == 0 && is_refused)
			ret = err->code;
	}
	return ret;
}

/* Everything was forgotten, so whatever waited for that is free. */
static void limbo_end(struct vsmmu *vsmmu)
{
	struct list *node;

	list_for_each(node, &vsmmu->limbo)
		list_entry(node, struct vsmmu_space, in_unit)->ticket = vsmmu->reqq.done;
	vspace_settle(vsmmu);
}

static int takeover_steps(struct vsmmu *vsmmu, const struct drv_stream_init *init, uint32_t count,
			  struct error *err)
{
	uint8_t status = transport_status(&vsmmu->transport);
	bool is_live = status & VIRTIO_CONFIG_S_DRIVER_OK; /* or all ones */
	bool keeps = !is_live && keeps_any(init, count);
	int ret;

	ret = keeps ? transport_reset(&vsmmu->transport, err) : close_registers(vsmmu, err);
	if (ret)
		return ret;
	endpoint_forget_all(vsmmu);
	ret = memory_take(vsmmu, err);
	if (ret == 0)
		ret = queues_start(vsmmu, true, err);
	if (ret)
		return ret;
	eventq_kick(&vsmmu->eventq);
	ret = streams_name(vsmmu, init, count, keeps, err);
	if (ret == 0)
		ret = endpoint_shut_all(vsmmu, err);
	if (ret == 0)
		ret = streams_attach(vsmmu, init, count, err);
	return ret ? ret : bypass_off(vsmmu, err);
}

int vsmmu_takeover(struct drv_unit *unit, const struct drv_stream_init *init, uint32_t count,
		   struct error *err)
{
	struct vsmmu *vsmmu = vsmmu_of(unit);
	struct error why;
	int ret;

	vsmmu->is_running = false;
	ret = takeover_steps(vsmmu, init, count, &why);
	if (ret) {
		vsmmu_close(unit);
		return error_set(err, ret, "%s: %s", unit->name, why.text);
	}
	vsmmu->is_running = true;
	unit->is_closed = false;
	limbo_end(vsmmu);
	return 0;
}
