/* SPDX-License-Identifier: BSD-2-Clause */
/* The operations map, commit and unmap of driver.h. */
#ifndef SMMUMAN_DRIVERS_VSMMU_VMAP_H
#define SMMUMAN_DRIVERS_VSMMU_VMAP_H

#include "vsmmu.h"

int vmap_map(struct drv_space *base, iova_t iova, const struct drv_part *part, unsigned rights,
		struct error *err);
int vmap_commit(struct drv_space *base, struct error *err);
void vmap_unmap(struct drv_space *base, iova_t iova, uint64_t length,
		   struct drv_gather *gather);

#endif
