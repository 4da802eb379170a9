/* SPDX-License-Identifier: BSD-2-Clause */
/* From what was gathered to commands: as few as say it, and one CMD_SYNC. */
#ifndef SMMUMAN_DRIVERS_SMMUV3_INVALIDATE_H
#define SMMUMAN_DRIVERS_SMMUV3_INVALIDATE_H

#include "smmuv3.h"

/* Without range commands: up to this many pages one by one, else the space. */
#define INVALIDATE_PAGES_MAX 32u

/* Everything of one space. */
struct cmd invalidate_make_space(const struct smmu *smmu, const struct smmu_space *space);

/*
 * One command for count pages from iova on; where the format cannot say it
 * exactly it covers more, never less. is_leaf: no table page was freed.
 */
struct cmd invalidate_make_range(const struct smmu *smmu, const struct smmu_space *space,
				 uint64_t iova, uint64_t count, bool is_leaf);

/* Ends the batch together with every stream change not yet sent. */
uint64_t invalidate_submit(struct smmu *smmu);

/* Take-over made the unit forget everything: whatever waited for that is free. */
void invalidate_all_done(struct smmu *smmu);

/* The contract's submit() and completed(). */
uint64_t invalidate_gathered(struct drv_unit *unit, struct drv_gather *gather);
uint64_t invalidate_completed(struct drv_unit *unit);

#endif
