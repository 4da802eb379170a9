/* SPDX-License-Identifier: BSD-2-Clause */
/* Address spaces: domain ids, PASID structures, page tables. */
#ifndef SMMUMAN_DRIVERS_VTD_VTD_SPACE_H
#define SMMUMAN_DRIVERS_VTD_VTD_SPACE_H

#include "vtd.h"

/* Id 0 stays free: it tags what has no space. 0 or -ENOMEM. */
int vtd_space_ids_init(struct vtd *vtd);
void vtd_space_ids_fini(struct vtd *vtd);

int vtd_space_create(struct drv_unit *unit, uint64_t table_page_limit, struct drv_space **ret_space,
		     struct error *err);
void vtd_space_destroy(struct drv_space *space);
/* Frees what this process remembers of it; its tables stay as they are. */
void vtd_space_forget(struct vtd_space *space);

int vtd_space_map(struct drv_space *space, iova_t iova, const struct drv_part *part,
		  unsigned rights, struct error *err);

/*
 * The contract's commit(), for a unit in caching mode (CAP.CM), which remembers
 * what is not present and so must be told of each new mapping, and for one that
 * buffers our stores (CAP.RWBF). All others know a mapping when it is stored.
 */
int vtd_space_commit(struct drv_space *space, struct error *err);

void vtd_space_unmap(struct drv_space *space, iova_t iova, uint64_t length,
		     struct drv_gather *gather);
void vtd_space_walk(struct drv_space *space, iova_t iova, struct drv_walk *ret_walk);

/* A stream has left the space: what it cached goes with the next batch. */
void vtd_space_left(struct vtd *vtd, struct vtd_space *space);

/* Identifiers whose invalidation has completed are free again. */
void vtd_space_settle(struct vtd *vtd);

/* Scalable mode: what the space's PASID entry is meant to be. */
struct vtd_pasid vtd_space_make_pasid(const struct vtd *vtd, const struct vtd_space *space);

static inline bool vtd_space_needs_commit(const struct vtd_features *features)
{
	return features->caches_absence || features->needs_write_flush;
}

#endif
