/* SPDX-License-Identifier: BSD-2-Clause */
/* Address spaces: identifiers, context descriptors, page tables. */
#ifndef SMMUMAN_DRIVERS_SMMUV3_SPACE_H
#define SMMUMAN_DRIVERS_SMMUV3_SPACE_H

#include "smmuv3.h"

/* Identifier 0 stays free: it tags what has no space. 0 or -ENOMEM. */
int space_ids_init(struct smmu *smmu);
void space_ids_fini(struct smmu *smmu);

int space_create(struct drv_unit *unit, uint64_t table_page_limit, struct drv_space **ret_space,
		 struct error *err);
void space_destroy(struct drv_space *space);

int space_map(struct drv_space *space, iova_t iova, const struct drv_part *part, unsigned rights,
	      struct error *err);
void space_unmap(struct drv_space *space, iova_t iova, uint64_t length, struct drv_gather *gather);
void space_walk(struct drv_space *space, iova_t iova, struct drv_walk *ret_walk);

/* A stream has left the space: what it cached goes with the next batch. */
void space_left(struct smmu *smmu, struct smmu_space *space);

/* Identifiers whose invalidation has completed are free again. */
void space_settle(struct smmu *smmu);

/* Stage 1: the space's context descriptor where hardware sees it. */
uint64_t *space_cd(const struct smmu *smmu, const struct smmu_space *space);
struct cd space_make_cd(const struct smmu *smmu, const struct smmu_space *space);

#endif
