/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A split virtqueue (virtio 2.7): descriptors, the ring of what is available
 * to the device, the ring of what it has used. Every store is one aligned word
 * of 64 bits; what the device wrote is read once and checked before it is used.
 */
#ifndef SMMUMAN_DRIVERS_VSMMU_RING_H
#define SMMUMAN_DRIVERS_VSMMU_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "hw.h"

#define RING_LOG2_MAX 8u /* each of the three areas is one page */
#define RING_PAGES 3u

struct ring {
	struct pages *pages;
	uint64_t *desc, *avail, *used; /* NULL: no memory was taken yet */
	const char *name;	       /* "request queue" */
	unsigned log2;
	uint16_t added, published; /* heads ever made available */
	uint16_t seen;		   /* used elements taken */
};

struct ring_used {
	uint32_t id, length;
};

/* Takes the memory, once. 0 or -ENOMEM. */
int ring_init(struct ring *ring, struct pages *pages, const char *name);

/* Empty again, with 1 << log2 descriptors; the device must not know the ring. */
void ring_clear(struct ring *ring, unsigned log2);

/* One descriptor; next is the number of the one behind it, flags VRING_DESC_F_*. */
void ring_describe(struct ring *ring, uint16_t number, pa_t pa, uint32_t length, uint16_t flags,
		   uint16_t next);

/* The chain that starts there is available, once published. There is always room. */
void ring_add(struct ring *ring, uint16_t head);

/* True when there is something to notify the device of. */
bool ring_publish(struct ring *ring);

/*
 * How many used elements wait. -EIO when the device's index jumped further than
 * there are chains that it can have used.
 */
int ring_waiting(const struct ring *ring, uint32_t outstanding, uint32_t *ret_count,
		 struct error *err);

/* The oldest one that waits. Its id is the device's word, to be checked. */
struct ring_used ring_take(struct ring *ring);

static inline uint32_t ring_size(const struct ring *ring)
{
	return 1u << ring->log2;
}

#endif
