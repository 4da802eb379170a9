// SPDX-License-Identifier: BSD-2-Clause
/* Endpoints (virtio 5.13.6.3 to 5.13.6.7). */
#include "endpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "arith.h"
#include "log.h"
#include "vspace.h"

/* Where x86 processors take writes for interrupts. */
#define X86_INTERRUPTS UINT64_C(0xfee00000)
#define X86_INTERRUPTS_BYTES UINT64_C(0x100000)
#define ROOM_STEP 64u

/* The place of the first one not below number. */
static uint32_t place_of(const struct vsmmu *vsmmu, uint32_t number)
{
	uint32_t low = 0, high = vsmmu->stream_count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (vsmmu->streams[middle]->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct vsmmu_stream *endpoint_find(const struct vsmmu *vsmmu, uint32_t number)
{
	uint32_t place = place_of(vsmmu, number);

	if (place == vsmmu->stream_count || vsmmu->streams[place]->number != number)
		return NULL;
	return vsmmu->streams[place];
}

static int room_make(struct vsmmu *vsmmu)
{
	struct vsmmu_stream **larger;

	if (vsmmu->stream_count < vsmmu->stream_room)
		return 0;
	larger = realloc(vsmmu->streams,
			 (vsmmu->stream_room + ROOM_STEP) * sizeof(struct vsmmu_stream *));
	if (!larger)
		return -ENOMEM;
	vsmmu->streams = larger;
	vsmmu->stream_room += ROOM_STEP;
	return 0;
}

int endpoint_need(struct vsmmu *vsmmu, uint32_t number, struct vsmmu_stream **ret_stream,
		struct error *err)
{
	uint32_t place = place_of(vsmmu, number);
	struct vsmmu_stream *stream;

	*ret_stream = endpoint_find(vsmmu, number);
	if (*ret_stream)
		return 0;
	stream = calloc(1, sizeof(*stream));
	if (!stream || room_make(vsmmu)) {
		free(stream);
		return error_set(err, -ENOMEM, "%s: out of memory", vsmmu->base.name);
	}
	stream->number = number;
	stream->state = DRV_DENY;
	memmove(&vsmmu->streams[place + 1], &vsmmu->streams[place],
		(vsmmu->stream_count - place) * sizeof(struct vsmmu_stream *));
	vsmmu->streams[place] = stream;
	vsmmu->stream_count++;
	*ret_stream = stream;
	return 0;
}

void endpoint_free_all(struct vsmmu *vsmmu)
{
	while (vsmmu->stream_count > 0)
		free(vsmmu->streams[--vsmmu->stream_count]);
	free(vsmmu->streams);
	vsmmu->streams = NULL;
	vsmmu->stream_room = 0;
}

void endpoint_forget_all(struct vsmmu *vsmmu)
{
	struct list *node;

	endpoint_free_all(vsmmu);
	list_for_each(node, &vsmmu->spaces) {
		struct vsmmu_space *space = list_entry(node, struct vsmmu_space, in_unit);

		space->bound_count = 0;
		space->last_end = 0;
	}
}

/* --- PROBE --- */

static void note_interrupts(struct vsmmu *vsmmu, const struct vsmmu_stream *stream)
{
	const struct drv_reserved *region;
	uint32_t i;

	for (i = 0; i < stream->reserved_count; i++) {
		region = &stream->reserved[i];
		if (region->kind == DRV_RESERVED_INTERRUPT &&
		    range_overlaps(region->iova, region->length, X86_INTERRUPTS,
				   X86_INTERRUPTS_BYTES))
			vsmmu->base.caps.unsafe_interrupts = true;
	}
}

static void unreadable(const struct vsmmu *vsmmu, struct vsmmu_stream *stream, const char *why)
{
	stream->is_unreadable = true;
	log_warn("%s: stream 0x%" PRIx32 " cannot be attached: PROBE tells nothing usable of it: %s",
		 vsmmu->base.name, stream->number, why);
}

/* What the device wrote is copied once, and the copy is read. */
static void properties_take(struct vsmmu *vsmmu, struct vsmmu_stream *stream)
{
	struct error why;
	int count;

	memcpy(vsmmu->properties, vsmmu->reqq.properties, vsmmu->features.probe_bytes);
	count = properties_parse(vsmmu->properties, vsmmu->features.probe_bytes, stream->reserved,
				 STREAM_RESERVED_MAX, &why);
	if (count > (int)STREAM_RESERVED_MAX)
		count = error_set(&why, -E2BIG, "%d reserved regions; at most %u are expected", count,
				  STREAM_RESERVED_MAX);
	if (count < 0) {
		unreadable(vsmmu, stream, why.text);
		return;
	}
	stream->reserved_count = (uint32_t)count;
	note_interrupts(vsmmu, stream);
}

int endpoint_probe(struct vsmmu *vsmmu, struct vsmmu_stream *stream, struct error *err)
{
	struct request probe = make_probe(stream->number);
	uint8_t status;
	int ret;

	if (stream->is_probed || vsmmu->features.probe_bytes == 0)
		return 0;
	ret = reqq_push(&vsmmu->reqq, &probe, &status, err);
	if (ret == 0)
		ret = reqq_wait(&vsmmu->reqq, vsmmu->reqq.issued, err);
	if (ret)
		return ret;
	stream->is_probed = true;
	if (status == VIRTIO_IOMMU_S_OK)
		properties_take(vsmmu, stream);
	else if (status != VIRTIO_IOMMU_S_NOENT) /* ATTACH will say that in its turn */
		unreadable(vsmmu, stream, status_words(status));
	return 0;
}

uint32_t endpoint_reserved(struct drv_unit *unit, uint32_t number, struct drv_reserved *list,
			 uint32_t max)
{
	const struct vsmmu *vsmmu = vsmmu_of(unit);
	const struct vsmmu_stream *stream = endpoint_find(vsmmu, number);
	uint32_t count = 0, i;

	/* Addresses below the first one that the device translates. */
	if (vsmmu->features.first > 0 && count++ < max)
		list[0] = (struct drv_reserved){ 0, vsmmu->features.first, DRV_RESERVED_UNUSABLE };
	for (i = 0; stream && i < stream->reserved_count; i++)
		if (count++ < max)
			list[count - 1] = stream->reserved[i];
	return count;
}

/* --- ATTACH and DETACH --- */

void endpoint_leave(struct vsmmu_stream *stream)
{
	stream->space->bound_count--;
	stream->space = NULL;
	stream->state = DRV_DENY;
}

int endpoint_detach(struct vsmmu *vsmmu, struct vsmmu_stream *stream, struct error *err)
{
	struct vsmmu_space *space = stream->space;
	struct request detach = make_detach(space->domain, stream->number);
	int ret;

	endpoint_leave(stream);
	ret = reqq_push(&vsmmu->reqq, &detach, NULL, err);
	if (ret == 0 && space->bound_count == 0)
		reqq_domain_ends(&vsmmu->reqq, space->domain);
	return ret;
}

static int shut_refused(const struct vsmmu_stream *stream, struct error *err)
{
	return error_set(err, -EIO, "stream 0x%" PRIx32
			 " cannot be taken off whatever it is attached to (%s)", stream->number,
			 status_words(stream->answer));
}

/*
 * One request for each stream whose last answer lets it be tried: 0 asks by a DETACH
 * from a domain it is not in, 1 attaches it there, 2 detaches it.
 */
static int shut_round(struct vsmmu *vsmmu, unsigned round, struct error *err)
{
	uint32_t domain = vsmmu->features.domain_shut, i;
	struct request request;
	int ret = 0;

	for (i = 0; i < vsmmu->stream_count && ret == 0; i++) {
		struct vsmmu_stream *stream = vsmmu->streams[i];

		if (round == 0)
			stream->answer = stream->is_kept ? VIRTIO_IOMMU_S_NOENT : VIRTIO_IOMMU_S_OK;
		if (stream->answer == VIRTIO_IOMMU_S_NOENT)
			continue;
		request = round == 1 ? make_attach(domain, stream->number) :
				       make_detach(domain, stream->number);
		ret = reqq_push(&vsmmu->reqq, &request, &stream->answer, err);
	}
	return ret ? ret : reqq_wait(&vsmmu->reqq, vsmmu->reqq.issued, err);
}

/*
 * A reset is to detach everybody (virtio 5.13.5). A scar: QEMU's model since 10.0 does
 * not, and keeps domains with all their mappings for whoever was attached. A DETACH
 * must name the domain, which nobody may remember; an ATTACH to another one takes
 * an endpoint off any. NOENT says that there is nothing to take off, and spares those:
 * another scar: QEMU 7.2 passes interrupt messages of whoever was attached once.
 */
int endpoint_shut_all(struct vsmmu *vsmmu, struct error *err)
{
	unsigned round;
	uint32_t i;
	int ret = 0;

	for (round = 0; round < 3 && ret == 0; round++) {
		ret = shut_round(vsmmu, round, err);
		for (i = 0; round > 0 && i < vsmmu->stream_count && ret == 0; i++)
			if (vsmmu->streams[i]->answer != VIRTIO_IOMMU_S_OK &&
			    vsmmu->streams[i]->answer != VIRTIO_IOMMU_S_NOENT)
				ret = shut_refused(vsmmu->streams[i], err);
	}
	return ret;
}

static int refuse(const struct vsmmu_stream *stream, uint8_t status, struct error *err)
{
	return error_set(err, status == VIRTIO_IOMMU_S_NOENT ? -ENODEV : status_errno(status),
			 "the device refused to attach stream 0x%" PRIx32 " (%s)", stream->number,
			 status_words(status));
}

/*
 * All in one notification, so that a device which was open until now is not shut
 * for longer than the device takes. One that takes MAP before ATTACH says NOENT
 * to it: then once more.
 */
static int attach_send(struct vsmmu *vsmmu, struct vsmmu_stream *stream, struct vsmmu_space *space,
		       bool is_first, uint8_t *status, struct error *err)
{
	struct request attach = make_attach(space->domain, stream->number);
	int ret;

	ret = reqq_push(&vsmmu->reqq, &attach, status, err);
	if (ret == 0 && is_first)
		ret = vspace_replay(vsmmu, space, ANSWER_NONE, err);
	if (ret == 0)
		ret = reqq_wait(&vsmmu->reqq, vsmmu->reqq.issued, err);
	if (ret == 0 && is_first && *status == VIRTIO_IOMMU_S_OK)
		ret = vspace_replay(vsmmu, space, VIRTIO_IOMMU_S_NOENT, err);
	return ret ? ret : reqq_wait(&vsmmu->reqq, vsmmu->reqq.issued, err);
}

static int replay_refused(struct vsmmu *vsmmu, struct vsmmu_stream *stream, const struct run *run,
			  struct error *err)
{
	struct error why;
	int ret;

	error_set(&why, status_errno(run->answer), "the device refused to map 0x%" PRIx64 " (%s)",
		  run->iova, status_words(run->answer));
	ret = endpoint_detach(vsmmu, stream, err);
	if (ret == 0)
		ret = reqq_wait(&vsmmu->reqq, vsmmu->reqq.issued, err);
	if (ret == 0)
		*err = why;
	return ret;
}

int endpoint_attach(struct vsmmu *vsmmu, struct vsmmu_stream *stream, struct vsmmu_space *space,
		  bool *ret_refused, struct error *err)
{
	bool is_first = space->bound_count == 0;
	const struct run *refused;
	uint8_t status;
	int ret;

	*ret_refused = false;
	if (is_first)
		vspace_begin(space);
	ret = attach_send(vsmmu, stream, space, is_first, &status, err);
	if (ret)
		return ret;
	if (status != VIRTIO_IOMMU_S_OK) {
		*ret_refused = true;
		refuse(stream, status, err);
		return 0;
	}
	stream->space = space;
	stream->state = DRV_BOUND;
	space->bound_count++;
	refused = is_first ? vspace_refused(space) : NULL;
	*ret_refused = refused != NULL;
	return refused ? replay_refused(vsmmu, stream, refused, err) : 0;
}
