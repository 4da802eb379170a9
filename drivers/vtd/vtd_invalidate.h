/* SPDX-License-Identifier: BSD-2-Clause */
/* From what was gathered to descriptors: as few as say it, and one wait. */
#ifndef SMMUMAN_DRIVERS_VTD_VTD_INVALIDATE_H
#define SMMUMAN_DRIVERS_VTD_VTD_INVALIDATE_H

#include "vtd.h"

/* Everything that the unit may remember of one space's tables. */
struct desc vtd_invalidate_make_space(const struct vtd *vtd, const struct vtd_space *space);

/*
 * At most two descriptors for [iova, iova + length), which cover more where no
 * aligned power of two says it exactly, never less. How many, or 0 when the unit
 * has none large enough: then all of the space. is_leaf: no table page was freed.
 */
unsigned vtd_invalidate_make_range(const struct vtd *vtd, const struct vtd_space *space,
				   uint64_t iova, uint64_t length, bool is_leaf,
				   struct desc ret_descs[2]);

/*
 * Ends the batch: every stream change not yet sent, ranges of space, every space
 * that a stream has left. A unit that cannot be asked is closed: UINT64_MAX.
 */
uint64_t vtd_invalidate_submit(struct vtd *vtd, const struct vtd_space *space,
			       const struct drv_range *ranges, uint32_t count, bool is_leaf);

/* Keeps table pages until the ticket is done. */
void vtd_invalidate_keep_chain(struct vtd *vtd, uint64_t chain, uint64_t ticket);

/* Take-over made the unit forget everything: whatever waited for that is free. */
void vtd_invalidate_all_done(struct vtd *vtd);

/* The contract's submit() and completed(). */
uint64_t vtd_invalidate_gathered(struct drv_unit *unit, struct drv_gather *gather);
uint64_t vtd_invalidate_completed(struct drv_unit *unit);

#endif
