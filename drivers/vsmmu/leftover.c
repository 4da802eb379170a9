// SPDX-License-Identifier: BSD-2-Clause
/*
 * The event queue of whoever had the device before. Its registers were read before
 * the reset that closed the device; its memory is still there. An owner like us
 * gives every buffer back at once, so that all of them are always out: what the
 * device has used and the owner has not taken is what lies between the two indices.
 * Over virtio-mmio, whose registers do not tell where a queue is, nothing is found.
 */
#include "leftover.h"

#include <linux/virtio_ring.h>

#include "arith.h"
#include "pages.h"
#include "report.h"
#include "vsmmu.h"

/* Memory of the arena as 16-bit words, or NULL: not ours. */
static const uint16_t *memory_at(const struct pages *pages, pa_t pa, uint64_t bytes)
{
	if (!pages || !is_aligned(pa.v, 8) || !range_within(pa.v, bytes, pages->pa.v, pages->size))
		return NULL;
	return pages_cpu(pages, pa);
}

static uint16_t load(const uint16_t *half)
{
	return __atomic_load_n(half, __ATOMIC_RELAXED);
}

static uint32_t load32(const uint16_t *half)
{
	return load(half) | (uint32_t)load(half + 1) << 16;
}

struct leftover_ring {
	const uint16_t *desc, *avail, *used;
	uint32_t size;
};

static bool ring_find(const struct vsmmu *vsmmu, struct leftover_ring *ret_ring)
{
	const struct transport_place *place = &vsmmu->leftover.place;
	const struct pages *pages = vsmmu->base.hw->pages;

	if (!vsmmu->leftover.is_there || place->size == 0 || place->size > 32768 ||
	    (place->size & (place->size - 1)))
		return false;
	*ret_ring = (struct leftover_ring){
		.desc = memory_at(pages, place->desc, 16ull * place->size),
		.avail = memory_at(pages, place->avail, 4ull + 2ull * place->size),
		.used = memory_at(pages, place->used, 4ull + 8ull * place->size),
		.size = place->size,
	};
	return ret_ring->desc && ret_ring->avail && ret_ring->used;
}

/* The report in the buffer that a used element names; false: there is none. */
static bool report_load(const struct pages *pages, const struct leftover_ring *ring, uint16_t at,
			struct event *ret_event)
{
	const uint16_t *element = &ring->used[2 + 4 * (at & (ring->size - 1))];
	uint32_t id = load32(element), i;
	const uint16_t *buffer = NULL;
	uint64_t pa;

	*ret_event = (struct event){ .length = load32(element + 2) };
	if (id >= ring->size)
		return false;
	pa = load32(&ring->desc[8ull * id]) | (uint64_t)load32(&ring->desc[8ull * id + 2]) << 32;
	buffer = memory_at(pages, PA(pa), EVENT_BYTES);
	if (!buffer)
		return false;
	for (i = 0; i < EVENT_BYTES / 2; i++)
		ret_event->words[i / 4] |= (uint64_t)load(&buffer[i]) << (16 * (i % 4));
	return true;
}

void leftover_faults(struct drv_unit *unit, const struct drv_fault_sink *sink)
{
	/* Who was attached then, nobody remembers. */
	const struct report_context context = { .is_known = true };
	struct vsmmu *vsmmu = vsmmu_of(unit);
	struct leftover_ring ring;
	struct event event;
	struct drv_fault fault;
	uint16_t given, at, end;

	if (!ring_find(vsmmu, &ring))
		return;
	given = (uint16_t)(load(&ring.avail[1]) - ring.size);
	end = load(&ring.used[1]);
	/* A queue with more in it than it holds was never one of ours. */
	if ((uint16_t)(end - given) > ring.size)
		return;
	hw_acquire();
	for (at = given; at != end; at++) {
		if (!report_load(unit->hw->pages, &ring, at, &event))
			continue;
		report_decode(&event, 0, &context, &fault);
		unit->counts.events++;
		sink->fault(sink->context, &fault);
	}
	if ((uint16_t)(end - given) == ring.size)
		sink->loss(sink->context, 0, "every event buffer was in use while no daemon ran: "
			   "reports may have been dropped");
}
