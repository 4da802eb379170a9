/* SPDX-License-Identifier: BSD-2-Clause */
/* Spaces: the books of what is mapped, and the domain that the device has of them. */
#ifndef SMMUMAN_DRIVERS_VSMMU_VSPACE_H
#define SMMUMAN_DRIVERS_VSMMU_VSPACE_H

#include "vsmmu.h"

/* 0 or -ENOMEM. */
int vspace_domains_init(struct vsmmu *vsmmu);

int vspace_create(struct drv_unit *unit, uint64_t table_page_limit, struct drv_space **ret_space,
		 struct error *err);
void vspace_destroy(struct drv_space *base);
void vspace_walk(struct drv_space *base, iova_t iova, struct drv_walk *ret_walk);

/* Is the address mapped? NULL: no. */
const struct run *vspace_find(const struct vsmmu_space *space, uint64_t iova);

/*
 * The domain begins: every run must be sent (vspace_replay()) once more. Nothing
 * of an earlier life is outstanding.
 */
void vspace_begin(struct vsmmu_space *space);

/* Pushes a MAP for every run whose answer is from; an error of the request queue. */
int vspace_replay(struct vsmmu *vsmmu, struct vsmmu_space *space, uint8_t from, struct error *err);

/* The first run that the device refused, or NULL. Every run has been answered. */
const struct run *vspace_refused(const struct vsmmu_space *space);

/* Pushes the run's MAP; an error of the request queue. */
int vspace_run_send(struct vsmmu *vsmmu, struct vsmmu_space *space, struct run *run,
		   struct error *err);

/* Out of the books, and freed. */
void vspace_run_drop(struct vsmmu_space *space, struct run *run);

/* What books of that many runs take, in pages, as other modules count their tables. */
uint64_t vspace_pages_for(uint64_t runs);
void vspace_count_pages(struct vsmmu_space *space);

/* Frees what waited for a ticket that is done. */
void vspace_settle(struct vsmmu *vsmmu);

/* Frees the space with its runs, whatever state it is in. */
void vspace_free(struct vsmmu *vsmmu, struct vsmmu_space *space);

#endif
