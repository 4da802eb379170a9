// SPDX-License-Identifier: BSD-2-Clause
/* Does the device still stand where we put it? And how to say that to people. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "bits.h"
#include "endpoint.h"
#include "vsmmu.h"
#include "vspace.h"

#define STATUS_RUNNING (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | \
			VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)

static int differs(const struct vsmmu *vsmmu, const char *what, uint64_t value, uint64_t written,
		   struct error *err)
{
	return error_set(err, -EBADE, "%s: %s holds 0x%" PRIx64 ", 0x%" PRIx64
			 " was written: another agent was here", vsmmu->base.name, what, value, written);
}

static int audit_registers(const struct vsmmu *vsmmu, struct error *err)
{
	const struct transport *transport = &vsmmu->transport;
	uint8_t status = transport_status(transport);
	uint32_t bypass = 0;

	if (status != STATUS_RUNNING)
		return differs(vsmmu, transport_status_name(transport), status, STATUS_RUNNING, err);
	if (vsmmu->features.has_bypass)
		bypass = transport->ops->config(transport,
						(uint32_t)offsetof(struct virtio_iommu_config, bypass), 1);
	return bypass == 0 ? 0 : differs(vsmmu, "bypass", bypass, 0, err);
}

static int audit_queue(const struct vsmmu *vsmmu, enum transport_queue queue, struct error *err)
{
	const struct transport_place *put = &vsmmu->places[queue];
	struct transport_place place;

	if (!vsmmu->transport.ops->queue_place(&vsmmu->transport, queue, &place))
		return vsmmu->transport.common.size == 0 ? 0 : /* virtio-mmio cannot tell */
			differs(vsmmu, "queue_enable", 0, 1, err);
	if (place.size != put->size)
		return differs(vsmmu, "queue_size", place.size, put->size, err);
	if (place.desc.v != put->desc.v)
		return differs(vsmmu, "queue_desc", place.desc.v, put->desc.v, err);
	if (place.avail.v != put->avail.v)
		return differs(vsmmu, "queue_driver", place.avail.v, put->avail.v, err);
	if (place.used.v != put->used.v)
		return differs(vsmmu, "queue_device", place.used.v, put->used.v, err);
	return 0;
}

/* The books against themselves: each bound stream counts for its space. */
static int audit_books(const struct vsmmu *vsmmu, struct error *err)
{
	const struct list *node;
	uint32_t bound = 0, i;

	list_for_each(node, &vsmmu->spaces)
		bound += list_entry(node, struct vsmmu_space, in_unit)->bound_count;
	for (i = 0; i < vsmmu->stream_count; i++)
		bound -= vsmmu->streams[i]->state == DRV_BOUND;
	return bound == 0 ? 0 : differs(vsmmu, "the count of bound streams", bound, 0, err);
}

int vsmmu_audit(struct drv_unit *unit, struct error *err)
{
	const struct vsmmu *vsmmu = vsmmu_of(unit);
	int ret;

	if (!vsmmu->is_running)
		return 0;
	ret = audit_registers(vsmmu, err);
	if (!ret)
		ret = audit_queue(vsmmu, TRANSPORT_REQUESTS, err);
	if (!ret)
		ret = audit_queue(vsmmu, TRANSPORT_EVENTS, err);
	return ret ? ret : audit_books(vsmmu, err);
}

void vsmmu_describe_stream(struct drv_unit *unit, uint32_t number, char *text, size_t size)
{
	const struct vsmmu *vsmmu = vsmmu_of(unit);
	const struct vsmmu_stream *stream = endpoint_find(vsmmu, number);

	if (!vsmmu->is_running)
		snprintf(text, size, "the unit is %s",
			 unit->is_closed ? "closed: every stream is refused" : "not taken over");
	else if (!stream)
		snprintf(text, size, "attached to nothing, bypass is off: refused and reported");
	else if (stream->state == DRV_BOUND)
		snprintf(text, size, "attached to domain %" PRIu32 " of the device, which holds %" PRIu64
			 " mappings", stream->space->domain, stream->space->runs.count);
	else
		snprintf(text, size, "attached to nothing, bypass is off: refused%s%s",
			 stream->state == DRV_SILENT ? ", its reports are only counted" : " and reported",
			 stream->is_unreadable ? "; PROBE told nothing usable, so it is never attached" : "");
}
