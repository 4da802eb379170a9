// SPDX-License-Identifier: BSD-2-Clause
/* The request queue (virtio 5.13.6). */
#include "reqq.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/virtio_ring.h>

#include "arith.h"
#include "bits.h"
#include "log.h"
#include "pages.h"
#include "runs.h"

/* A request's two buffers: what the device reads, and its answer. */
#define SLOT_WORDS 16u
#define SLOT_ANSWER 12u /* word */
#define TAIL_BYTES ((uint32_t)sizeof(struct virtio_iommu_req_tail))

_Static_assert(REQUEST_WORDS <= SLOT_ANSWER, "the answer lies behind the request");

static const char *request_name(uint8_t type)
{
	static const char *const names[] = {
		[VIRTIO_IOMMU_T_ATTACH] = "ATTACH", [VIRTIO_IOMMU_T_DETACH] = "DETACH",
		[VIRTIO_IOMMU_T_MAP] = "MAP",	    [VIRTIO_IOMMU_T_UNMAP] = "UNMAP",
		[VIRTIO_IOMMU_T_PROBE] = "PROBE",
	};

	return names[type];
}

static uint32_t buffer_pages(void)
{
	return (uint32_t)(REQQ_SLOTS_MAX * (uint64_t)SLOT_WORDS * 8 / PAGE_BYTES);
}

static uint32_t property_pages(uint32_t bytes)
{
	return (uint32_t)(align_up((uint64_t)bytes + TAIL_BYTES, PAGE_BYTES) >> PAGE_SHIFT);
}

int reqq_init(struct reqq *queue, const struct transport *transport, struct pages *pages,
	      struct drv_counts *counts, uint32_t property_bytes)
{
	uint32_t count = RING_PAGES + buffer_pages() + property_pages(property_bytes);

	if (queue->properties)
		return 0;
	queue->transport = transport;
	queue->counts = counts;
	queue->pages = pages;
	queue->property_bytes = property_bytes;
	if (ring_init(&queue->ring, pages, "request queue"))
		return -ENOMEM;
	if (!queue->buffers)
		queue->buffers = pages_take_run(pages, buffer_pages(), PAGE_BYTES);
	if (!queue->buffers)
		return -ENOMEM;
	queue->properties = pages_take_run(pages, property_pages(property_bytes), PAGE_BYTES);
	if (!queue->properties)
		return -ENOMEM;
	counts->table_pages += count;
	return 0;
}

void reqq_stop(struct reqq *queue)
{
	uint32_t i;

	for (i = 0; i < REQQ_SLOTS_MAX; i++)
		queue->slots[i].is_busy = false;
	queue->held_count = 0;
	queue->is_started = false;
	queue->newest = -1;
	queue->stuck_since_ns = 0;
	queue->full_at = 0;
}

void reqq_start(struct reqq *queue, unsigned log2)
{
	uint32_t i;

	reqq_stop(queue);
	ring_clear(&queue->ring, log2);
	queue->slot_count = ring_size(&queue->ring) / 2;
	queue->free_count = queue->slot_count;
	for (i = 0; i < queue->slot_count; i++)
		queue->free_slots[i] = (uint8_t)(queue->slot_count - 1 - i);
	queue->done = queue->known = queue->issued;
	queue->is_started = true;
}

static uint32_t outstanding(const struct reqq *queue)
{
	return queue->slot_count - queue->free_count - queue->held_count;
}

/* --- producing --- */

static uint64_t *slot_words(const struct reqq *queue, uint32_t slot)
{
	return &queue->buffers[(uint64_t)slot * SLOT_WORDS];
}

/* The word that holds the status byte, and where in it. */
static uint64_t *slot_tail(const struct reqq *queue, uint32_t slot, unsigned *ret_shift)
{
	*ret_shift = 0;
	if (queue->slots[slot].request.type != VIRTIO_IOMMU_T_PROBE)
		return slot_words(queue, slot) + SLOT_ANSWER;
	*ret_shift = 8 * (queue->property_bytes % 8);
	return queue->properties + queue->property_bytes / 8;
}

static void words_store(const struct reqq *queue, uint32_t slot)
{
	const struct request *request = &queue->slots[slot].request;
	uint64_t *words = slot_words(queue, slot);
	unsigned i;

	for (i = 0; i < (request->length + 7u) / 8; i++)
		hw_store64(&words[i], request->word[i]);
}

static void slot_fill(struct reqq *queue, uint32_t slot)
{
	const struct request *request = &queue->slots[slot].request;
	bool is_probe = request->type == VIRTIO_IOMMU_T_PROBE;
	uint64_t *words = slot_words(queue, slot);
	uint64_t *answer = is_probe ? queue->properties : words + SLOT_ANSWER;
	uint16_t head = (uint16_t)(2 * slot);
	unsigned shift;
	uint64_t *tail = slot_tail(queue, slot, &shift);

	words_store(queue, slot);
	if (is_probe)
		hw_fill64(queue->properties, 0, 0, queue->property_bytes / 8);
	/* No status at all, should the device use the buffer without writing it. */
	hw_store64(tail, (uint64_t)ANSWER_WAITING << shift);
	ring_describe(&queue->ring, head, pages_pa(queue->pages, words), request->length,
		      VRING_DESC_F_NEXT, (uint16_t)(head + 1));
	ring_describe(&queue->ring, (uint16_t)(head + 1), pages_pa(queue->pages, answer),
		      queue->slots[slot].answer_bytes, VRING_DESC_F_WRITE, 0);
}

/* An UNMAP beside one that the device does not know of yet is the same request. */
static bool join_newest(struct reqq *queue, const struct request *request)
{
	if (queue->newest < 0 ||
	    !request_join_unmap(&queue->slots[queue->newest].request, request))
		return false;
	words_store(queue, (uint32_t)queue->newest);
	return true;
}

static int make_room(struct reqq *queue, struct error *err)
{
	uint64_t start = hw_now_ns(queue->transport->hw), waited;
	bool is_last_look = false;
	int ret;

	if (queue->done >= queue->full_at) {
		queue->full_at = queue->issued;
		queue->full_ns = 0;
	}
	waited = queue->full_ns;
	reqq_kick(queue);
	for (;;) {
		ret = reqq_poll(queue, err);
		if (ret || queue->free_count > 0)
			return ret;
		if (is_last_look)
			return error_set(err, -ETIMEDOUT,
					 "the request queue stayed full for %" PRIu64 " ms",
					 REQQ_DEADLINE_NS / 1000000);
		queue->full_ns = waited + (hw_now_ns(queue->transport->hw) - start);
		is_last_look = queue->full_ns >= REQQ_DEADLINE_NS;
	}
}

int reqq_push(struct reqq *queue, const struct request *request, uint8_t *answer, struct error *err)
{
	uint32_t slot;
	int ret;

	if (answer)
		*answer = ANSWER_WAITING;
	if (join_newest(queue, request))
		return 0;
	if (queue->free_count == 0) {
		ret = make_room(queue, err);
		if (ret)
			return ret;
	}
	slot = queue->free_slots[--queue->free_count];
	queue->slots[slot] = (struct reqq_slot){
		.is_busy = true,
		.answer = answer,
		.number = ++queue->issued,
		.answer_bytes = TAIL_BYTES + (request->type == VIRTIO_IOMMU_T_PROBE ?
					      queue->property_bytes : 0),
		.request = *request,
	};
	slot_fill(queue, slot);
	ring_add(&queue->ring, (uint16_t)(2 * slot));
	queue->newest = (int)slot;
	queue->counts->commands++;
	return 0;
}

void reqq_domain_ends(struct reqq *queue, uint32_t domain)
{
	struct reqq_slot *slot;

	for (slot = queue->slots; slot < queue->slots + queue->slot_count; slot++)
		if (slot->is_busy && !slot->answer && slot->request.type == VIRTIO_IOMMU_T_UNMAP &&
		    request_domain(&slot->request) == domain)
			slot->end = queue->issued;
}

void reqq_kick(struct reqq *queue)
{
	if (!ring_publish(&queue->ring))
		return;
	queue->newest = -1;
	queue->known = queue->issued;
	queue->counts->syncs++;
	transport_notify(queue->transport, TRANSPORT_REQUESTS);
}

/* --- what the device answers --- */

static void slot_free(struct reqq *queue, uint32_t slot)
{
	uint64_t lowest = queue->issued + 1;
	uint64_t number = queue->slots[slot].number;
	uint32_t i;

	queue->slots[slot].is_busy = false;
	queue->free_slots[queue->free_count++] = (uint8_t)slot;
	if (number != queue->done + 1)
		return; /* an older one is still out */
	for (i = 0; i < queue->slot_count; i++)
		if (queue->slots[i].is_busy)
			lowest = min_u64(lowest, queue->slots[i].number);
	queue->done = lowest - 1;
}

/* Is everything up to number answered, but for those that wait for just that? */
static bool is_answered(const struct reqq *queue, uint64_t number)
{
	const struct reqq_slot *slot;

	for (slot = queue->slots; slot < queue->slots + queue->slot_count; slot++)
		if (slot->is_busy && !slot->is_held && slot->number <= number)
			return false;
	return true;
}

static void free_held(struct reqq *queue)
{
	uint32_t i;

	for (i = 0; i < queue->slot_count && queue->held_count > 0; i++)
		if (queue->slots[i].is_busy && queue->slots[i].is_held &&
		    is_answered(queue, queue->slots[i].end)) {
			queue->held_count--;
			slot_free(queue, i);
		}
}

/*
 * Used without being written: a refusal, as the specification has it. Any other
 * length but the exact one, and any status it does not name: not an answer.
 */
static int read_status(const struct reqq *queue, uint32_t slot, uint32_t length,
		       uint8_t *ret_status, struct error *err)
{
	const struct reqq_slot *entry = &queue->slots[slot];
	const char *name = request_name(entry->request.type);
	unsigned shift;
	const uint64_t *tail = slot_tail(queue, slot, &shift);

	*ret_status = (uint8_t)(length == 0 ? VIRTIO_IOMMU_S_UNSUPP : hw_load64(tail) >> shift);
	if (length != 0 && length != entry->answer_bytes)
		return error_set(err, -EIO, "the device answered %s with %" PRIu32
				 " bytes where %" PRIu32 " are due", name, length,
				 entry->answer_bytes);
	if (!status_is_known(*ret_status))
		return error_set(err, -EIO, "the device answered %s with status 0x%02x, which no "
				 "specification names", name, *ret_status);
	return 0;
}

static int take_answer(struct reqq *queue, const struct ring_used *used, struct error *err)
{
	uint32_t slot = used->id / 2;
	struct reqq_slot *entry;
	uint8_t status;
	int ret;

	if (used->id >= 2 * queue->slot_count || used->id % 2 || !queue->slots[slot].is_busy ||
	    queue->slots[slot].is_held)
		return error_set(err, -EIO, "the device answered descriptor %" PRIu32
				 " of the request queue, which it was not given", used->id);
	entry = &queue->slots[slot];
	ret = read_status(queue, slot, used->length, &status, err);
	if (ret)
		return ret;
	if (entry->end && status == VIRTIO_IOMMU_S_NOENT) {
		entry->is_held = true;
		queue->held_count++;
		return 0;
	}
	if (entry->answer)
		*entry->answer = status;
	else if (status != VIRTIO_IOMMU_S_OK)
		return error_set(err, -EIO, "the device refused %s (%s): what was to end may go on",
				 request_name(entry->request.type), status_words(status));
	slot_free(queue, slot);
	return 0;
}

static int check_device(const struct reqq *queue, struct error *err)
{
	uint8_t status = transport_status(queue->transport);

	if (status == TRANSPORT_GONE)
		return error_set(err, -ENODEV, "%s reads all ones: the device is gone",
				 transport_status_name(queue->transport));
	if (status & VIRTIO_CONFIG_S_NEEDS_RESET)
		return error_set(err, -EIO, "%s says DEVICE_NEEDS_RESET (0x%02x): the device gave up",
				 transport_status_name(queue->transport), status);
	if (!(status & VIRTIO_CONFIG_S_DRIVER_OK))
		return error_set(err, -EIO, "%s reads 0x%02x: another agent has reset the device",
				 transport_status_name(queue->transport), status);
	return 0;
}

/* Nothing new: is the device still there, and how long has it been silent? */
static int check_silence(struct reqq *queue, struct error *err)
{
	uint64_t now;
	int ret;

	if (queue->done >= queue->known) {
		queue->stuck_since_ns = 0;
		return 0;
	}
	ret = check_device(queue, err);
	if (ret)
		return ret;
	now = hw_now_ns(queue->transport->hw);
	if (queue->stuck_since_ns == 0)
		queue->stuck_since_ns = now;
	if (now - queue->stuck_since_ns < REQQ_DEADLINE_NS)
		return 0;
	return error_set(err, -ETIMEDOUT, "the device left a request unanswered for %" PRIu64
			 " ms (%" PRIu32 " outstanding)", REQQ_DEADLINE_NS / 1000000,
			 outstanding(queue));
}

int reqq_poll(struct reqq *queue, struct error *err)
{
	uint64_t before = queue->done;
	struct ring_used used;
	uint32_t waiting;
	int ret;

	ret = ring_waiting(&queue->ring, outstanding(queue), &waiting, err);
	for (; ret == 0 && waiting > 0; waiting--) {
		used = ring_take(&queue->ring);
		ret = take_answer(queue, &used, err);
	}
	if (ret)
		return ret;
	free_held(queue);
	if (queue->done != before)
		queue->stuck_since_ns = 0;
	return queue->done != before ? 0 : check_silence(queue, err);
}

int reqq_wait(struct reqq *queue, uint64_t number, struct error *err)
{
	uint64_t start = hw_now_ns(queue->transport->hw);
	bool is_last_look = false;
	int ret;

	reqq_kick(queue);
	for (;;) {
		ret = reqq_poll(queue, err);
		if (ret || queue->done >= number)
			return ret;
		if (is_last_look)
			return error_set(err, -ETIMEDOUT, "the device left a request unanswered for %"
					 PRIu64 " ms", REQQ_DEADLINE_NS / 1000000);
		is_last_look = hw_now_ns(queue->transport->hw) - start >= REQQ_DEADLINE_NS;
	}
}
