/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mappings of one space, by address: a search tree of runs, each of them
 * contiguous on both sides and one MAP request to the device.
 */
#ifndef SMMUMAN_DRIVERS_VSMMU_RUNS_H
#define SMMUMAN_DRIVERS_VSMMU_RUNS_H

#include <stdbool.h>
#include <stdint.h>

#include "list.h"

/* What the device answered; besides the specification's status, a byte. */
#define ANSWER_NONE 0xfeu    /* not sent in this life of the domain */
#define ANSWER_WAITING 0xffu /* sent or about to be */

struct run {
	struct run *left, *right;
	uint32_t weight; /* a parent has more than its children */
	uint8_t rights;
	uint8_t answer;
	bool is_registers; /* not memory */
	uint32_t life; /* of the domain, which answer is about */
	uint64_t iova, length, pa;
	struct list in_fresh; /* maps that nobody has committed */
};

struct runs {
	struct run *root;
	uint64_t count;
	uint32_t seed;
};

/* The run must overlap no other. */
void runs_insert(struct runs *runs, struct run *run);

/* The run is in the tree; its memory stays the caller's. */
void runs_remove(struct runs *runs, struct run *run);

/* The run that holds the address, or the first one above it, or NULL. */
struct run *runs_at_or_above(const struct runs *runs, uint64_t iova);

static inline uint64_t run_last(const struct run *run)
{
	return run->iova + (run->length - 1);
}

/* In order, from runs_at_or_above(runs, 0) on. */
static inline struct run *runs_next(const struct runs *runs, const struct run *run)
{
	uint64_t last = run_last(run);

	return last == UINT64_MAX ? NULL : runs_at_or_above(runs, last + 1);
}

#endif
