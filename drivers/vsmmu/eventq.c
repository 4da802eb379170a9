// SPDX-License-Identifier: BSD-2-Clause
/* The event queue (virtio 5.13.6.9). */
#include "eventq.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/virtio_ring.h>

#include "bits.h"
#include "pages.h"

_Static_assert(sizeof(struct virtio_iommu_fault) == EVENT_BYTES, "a report is three words");

#define BUFFER_PAGES ((uint32_t)((EVENT_WORDS * 8u << RING_LOG2_MAX) / PAGE_BYTES))

int eventq_init(struct eventq *queue, const struct transport *transport, struct pages *pages,
		struct drv_counts *counts)
{
	if (queue->buffers)
		return 0;
	queue->transport = transport;
	queue->pages = pages;
	queue->counts = counts;
	if (ring_init(&queue->ring, pages, "event queue"))
		return -ENOMEM;
	queue->buffers = pages_take_run(pages, BUFFER_PAGES, PAGE_BYTES);
	if (!queue->buffers)
		return -ENOMEM;
	counts->table_pages += RING_PAGES + BUFFER_PAGES;
	return 0;
}

static uint64_t *buffer_at(const struct eventq *queue, uint32_t id)
{
	return &queue->buffers[(uint64_t)id * EVENT_WORDS];
}

/* A report of exactly the size we know: a device that knows a longer one falls back. */
static void give(struct eventq *queue, uint32_t id)
{
	ring_describe(&queue->ring, (uint16_t)id, pages_pa(queue->pages, buffer_at(queue, id)),
		      EVENT_BYTES, VRING_DESC_F_WRITE, 0);
	ring_add(&queue->ring, (uint16_t)id);
}

void eventq_start(struct eventq *queue, unsigned log2)
{
	uint32_t id;

	ring_clear(&queue->ring, log2);
	hw_fill64(queue->buffers, 0, 0, (uint64_t)EVENT_WORDS << RING_LOG2_MAX);
	for (id = 0; id < ring_size(&queue->ring); id++)
		give(queue, id);
	queue->is_full = false;
	queue->is_started = true;
}

void eventq_kick(struct eventq *queue)
{
	if (ring_publish(&queue->ring))
		transport_notify(queue->transport, TRANSPORT_EVENTS);
}

int eventq_look(struct eventq *queue, uint32_t *ret_count, struct error *err)
{
	int ret = ring_waiting(&queue->ring, ring_size(&queue->ring), ret_count, err);

	if (ret == 0 && *ret_count == ring_size(&queue->ring) && !queue->is_full) {
		queue->is_full = true;
		queue->loss_at = queue->sequence + *ret_count;
	}
	return ret;
}

int eventq_take(struct eventq *queue, struct event *ret_event, struct error *err)
{
	struct ring_used used = ring_take(&queue->ring);
	const uint64_t *words;
	unsigned i;

	if (used.id >= ring_size(&queue->ring))
		return error_set(err, -EIO, "the device reported an event in buffer %" PRIu32
				 ", which it was not given", used.id);
	words = buffer_at(queue, used.id);
	*ret_event = (struct event){ .length = used.length };
	for (i = 0; i < EVENT_BYTES / 8; i++)
		ret_event->words[i] = hw_load64(&words[i]);
	queue->sequence++;
	give(queue, used.id);
	return 0;
}

void eventq_tell_loss(struct eventq *queue, const struct drv_fault_sink *sink)
{
	if (!queue->is_full || queue->sequence < queue->loss_at)
		return;
	queue->is_full = false;
	queue->counts->event_losses++;
	sink->loss(sink->context, queue->sequence,
		   "every event buffer was in use: the device may have dropped reports, and has no "
		   "way to say so");
}
