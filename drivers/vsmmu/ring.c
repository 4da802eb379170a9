// SPDX-License-Identifier: BSD-2-Clause
/* The split virtqueue (virtio 2.7.5 to 2.7.8). Little-endian hosts only. */
#include "ring.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/virtio_ring.h>

#include "bits.h"
#include "log.h"
#include "pages.h"

_Static_assert(sizeof(struct vring_desc) == 16, "a descriptor is two words");

#define DESC1_LENGTH BITS(31, 0)
#define DESC1_FLAGS BITS(47, 32)
#define DESC1_NEXT BITS(63, 48)

/* The rings are 16-bit words: flags, index, then the entries. */
#define HALVES_BEFORE_ENTRIES 2u
#define HALF_FLAGS 0u
#define HALF_INDEX 1u

int ring_init(struct ring *ring, struct pages *pages, const char *name)
{
	uint64_t words = PAGE_BYTES / 8;
	uint64_t *memory;

	if (ring->desc)
		return 0;
	memory = pages_take_run(pages, RING_PAGES, PAGE_BYTES);
	if (!memory)
		return -ENOMEM;
	*ring = (struct ring){ .pages = pages, .desc = memory, .avail = memory + words,
			       .used = memory + 2 * words, .name = name };
	return 0;
}

void ring_clear(struct ring *ring, unsigned log2)
{
	uint64_t i;

	check(log2 <= RING_LOG2_MAX);
	ring->log2 = log2;
	ring->added = ring->published = ring->seen = 0;
	hw_fill64(ring->desc, 0, 0, RING_PAGES * PAGE_BYTES / 8);
	/* Polled: the device need not interrupt anybody. */
	hw_store64(ring->avail, VRING_AVAIL_F_NO_INTERRUPT);
	/* An answer that stands there before the device gave it is none. */
	for (i = 1; i < PAGE_BYTES / 8; i++)
		hw_store64(&ring->used[i], UINT64_MAX);
}

void ring_describe(struct ring *ring, uint16_t number, pa_t pa, uint32_t length, uint16_t flags,
		   uint16_t next)
{
	uint64_t *desc = &ring->desc[2 * (uint64_t)number];

	check(number < ring_size(ring));
	hw_store64(&desc[0], pa.v);
	hw_store64(&desc[1], field_put(DESC1_LENGTH, length) | field_put(DESC1_FLAGS, flags) |
				     field_put(DESC1_NEXT, next));
}

/* Changes 16 of a word's 64 bits, by one store; the device sees the others unchanged. */
static void half_store(uint64_t *words, unsigned half, uint16_t value)
{
	uint64_t mask = BITS(15, 0) << (16 * (half % 4));

	hw_store64(&words[half / 4],
		   (hw_load64(&words[half / 4]) & ~mask) | field_put(mask, value));
}

static uint16_t half_load(const uint64_t *words, unsigned half)
{
	return (uint16_t)(hw_load64(&words[half / 4]) >> (16 * (half % 4)));
}

void ring_add(struct ring *ring, uint16_t head)
{
	unsigned slot = ring->added & (ring_size(ring) - 1);

	half_store(ring->avail, HALVES_BEFORE_ENTRIES + slot, head);
	ring->added++;
}

bool ring_publish(struct ring *ring)
{
	if (ring->added == ring->published)
		return false;
	/* Buffers, descriptors and entries before the index that makes them count. */
	hw_barrier();
	half_store(ring->avail, HALF_INDEX, ring->added);
	/* The index before the notification. */
	hw_barrier();
	ring->published = ring->added;
	return true;
}

int ring_waiting(const struct ring *ring, uint32_t outstanding, uint32_t *ret_count,
		 struct error *err)
{
	uint16_t index = half_load(ring->used, HALF_INDEX);
	uint16_t waiting = (uint16_t)(index - ring->seen);

	hw_acquire();
	*ret_count = 0;
	if (waiting > outstanding)
		return error_set(err, -EIO,
				 "the used index of the %s went from %" PRIu16 " to %" PRIu16
				 " with %" PRIu32 " buffers outstanding: the device's word cannot be trusted",
				 ring->name, ring->seen, index, outstanding);
	*ret_count = waiting;
	return 0;
}

/* Two halves of flags and index, then elements of two 32-bit words, not 8-aligned. */
static uint32_t used_word(const struct ring *ring, unsigned number)
{
	unsigned half = HALVES_BEFORE_ENTRIES + 2 * number;
	uint32_t low = half_load(ring->used, half);

	return low | (uint32_t)half_load(ring->used, half + 1) << 16;
}

struct ring_used ring_take(struct ring *ring)
{
	unsigned slot = ring->seen & (ring_size(ring) - 1);

	ring->seen++;
	return (struct ring_used){ .id = used_word(ring, 2 * slot),
				   .length = used_word(ring, 2 * slot + 1) };
}
