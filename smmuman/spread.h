/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one request maps, on every unit of its domain: all of it is there in the
 * end, or nothing. Units whose module has a commit() may refuse as late as then.
 */
#ifndef SMMUMAN_SMMUMAN_SPREAD_H
#define SMMUMAN_SMMUMAN_SPREAD_H

#include "daemon.h"

struct spread {
	uint32_t domain;
	uint32_t certain; /* a bit a unit: nothing of it is merely queued */
	uint32_t lost; /* a bit a unit: it refused to commit, so nothing of the request is there */
	uint32_t shut; /* a bit a unit: it had to be closed over a map */
	/* What a unit refused to map ... */
	struct spread_part { uint64_t iova, length; uint32_t memory; } partial;
	uint32_t partial_units; /* ... and how many units before that had mapped it */
};

/* To begin a request with; of grants that hold already nothing is queued anywhere. */
static inline struct spread spread_new(uint32_t domain)
{
	return (struct spread){ .domain = domain };
}

static inline struct spread spread_held(uint32_t domain)
{
	return (struct spread){ .domain = domain, .certain = UINT32_MAX };
}

/* May the unit have had anything of what was refused? */
static inline bool spread_is_on(const struct spread *spread, uint32_t unit)
{
	return unit < spread->partial_units || (spread->shut >> unit & 1);
}

/* The grant as a module is given it. */
struct drv_part grant_part(const struct daemon *d, const struct book_grant *grant);

/* One grant, on each unit. After an error: spread_revert(). */
int spread_map(struct daemon *d, struct spread *spread, const struct book_grant *grant,
	       struct error *err);
/* Everything mapped so far is certain; or, after an error: spread_revert(). */
int spread_commit(struct daemon *d, struct spread *spread, struct error *err);
/*
 * Takes those grants, and what was mapped of the refused one, off every unit.
 * pending has the tickets to wait for before the memory may be let go, that of the
 * refused one (partial.memory) too.
 */
void spread_revert(struct daemon *d, struct spread *spread, const uint32_t *grants,
		   uint32_t count, struct pending *pending);

#endif
