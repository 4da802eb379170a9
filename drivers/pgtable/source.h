/* SPDX-License-Identifier: BSD-2-Clause */
/* The bytes of a drv_part in order, one physically contiguous run at a time. */
#ifndef SMMUMAN_DRIVERS_PGTABLE_SOURCE_H
#define SMMUMAN_DRIVERS_PGTABLE_SOURCE_H

#include "pgtable.h"

struct source {
	const struct extent *next; /* the first one that is not part of the run */
	uint64_t pa;		   /* of the next byte */
	uint64_t run;		   /* bytes from there on that are contiguous */
	uint64_t left;		   /* bytes of the part, the run included */
};

/*
 * At the part's first byte. -EINVAL when the extents hold no such part or are
 * no whole pages below output_bits, -EPERM when it shares a page with the arena.
 */
int source_open(struct source *source, const struct pgtable *table, const struct drv_part *part,
		struct error *err);

/* The run is used up and the part is not: on to the next run. */
void source_next_run(struct source *source);

/* Takes bytes, not more than the run holds. */
static inline void source_take(struct source *source, uint64_t bytes)
{
	source->pa += bytes;
	source->run -= bytes;
	source->left -= bytes;
	if (source->run == 0 && source->left)
		source_next_run(source);
}

#endif
