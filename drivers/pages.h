/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The arena: page frames hardware reads (tables, queues, the books). One run
 * of memory, mapped once, that outlives the process. Single pages come and go
 * in constant time; larger runs are rare (queues, stream tables).
 */
#ifndef SMMUMAN_DRIVERS_PAGES_H
#define SMMUMAN_DRIVERS_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "arith.h"
#include "types.h"

/* What this process remembers of a page; lost with it and rebuilt by a walk. */
struct page_note {
	uint16_t live; /* page tables: entries that are not empty */
	uint8_t taken; /* not free */
	uint8_t clean; /* free and all zero: the next pages_take() need not clear it */
};

struct pages {
	uint8_t *cpu; /* where the arena is mapped here, page aligned */
	pa_t pa;      /* where hardware sees it */
	uint64_t size;
	struct page_note *notes; /* one a page */
	uint32_t *free_stack;	 /* indices of free single pages */
	uint32_t free_count;
	uint32_t page_count;
};

/*
 * The arena takes size bytes at cpu / pa, all multiples of PAGE_BYTES. The
 * memory stays the caller's; the notes are ours. 0, -EINVAL or -ENOMEM.
 * Nothing in the arena is written: a unit may still be walking it.
 */
int pages_init(struct pages *pages, void *cpu, pa_t pa, uint64_t size);
void pages_fini(struct pages *pages);

/* One zeroed page, or NULL when the arena is used up. Constant time. */
void *pages_take(struct pages *pages);

/* count zeroed pages in one run, aligned to alignment bytes; NULL if none. */
void *pages_take_run(struct pages *pages, uint32_t count, uint64_t alignment);

/* Gives back what pages_take() or pages_take_run() gave (same count). */
void pages_give(struct pages *pages, void *cpu, uint32_t count);

/* Gives back one page which the caller knows to be all zero. */
void pages_give_clean(struct pages *pages, void *cpu);

static inline pa_t pages_pa(const struct pages *pages, const void *cpu)
{
	return PA(pages->pa.v + (uint64_t)((const uint8_t *)cpu - pages->cpu));
}

/* The address must lie in the arena: tables hold nothing else. */
static inline void *pages_cpu(const struct pages *pages, pa_t pa)
{
	return pages->cpu + (pa.v - pages->pa.v);
}

static inline struct page_note *pages_note(const struct pages *pages, const void *cpu)
{
	return &pages->notes[(uint64_t)((const uint8_t *)cpu - pages->cpu) >> PAGE_SHIFT];
}

/* Does any byte of [pa, pa + length) belong to the arena? The range is a good one. */
static inline bool pages_overlap(const struct pages *pages, pa_t pa, uint64_t length)
{
	return range_overlaps(pa.v, length, pages->pa.v, pages->size);
}

static inline uint32_t pages_free_count(const struct pages *pages)
{
	return pages->free_count;
}

#endif
