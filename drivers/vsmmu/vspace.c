// SPDX-License-Identifier: BSD-2-Clause
/*
 * Address spaces. The device keeps the mappings of a domain only while an
 * endpoint is attached (virtio 5.13.6.2), so the books here are what counts.
 */
#include "vspace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "arith.h"
#include "bits.h"
#include "log.h"

/* --- domain numbers --- */

int vspace_domains_init(struct vsmmu *vsmmu)
{
	vsmmu->domain_map = calloc((vsmmu->features.domain_count + 63) / 64,
				   sizeof(*vsmmu->domain_map));
	return vsmmu->domain_map ? 0 : -ENOMEM;
}

/* The next one round the circle: the longest unused comes first. */
static int domain_take(struct vsmmu *vsmmu, uint32_t *ret_domain)
{
	uint32_t count = vsmmu->features.domain_count;
	uint32_t i, slot;

	for (i = 0; i < count; i++) {
		slot = (vsmmu->domain_next + i) % count;
		if (vsmmu->domain_map[slot / 64] & BIT(slot % 64))
			continue;
		vsmmu->domain_map[slot / 64] |= BIT(slot % 64);
		vsmmu->domain_next = slot + 1;
		*ret_domain = vsmmu->features.domain_first + slot;
		return 0;
	}
	return -ENOSPC;
}

static void domain_give(struct vsmmu *vsmmu, uint32_t domain)
{
	uint32_t slot = domain - vsmmu->features.domain_first;

	vsmmu->domain_map[slot / 64] &= ~BIT(slot % 64);
}

/* --- making and ending --- */

int vspace_create(struct drv_unit *unit, uint64_t table_page_limit, struct drv_space **ret_space,
		 struct error *err)
{
	struct vsmmu *vsmmu = vsmmu_of(unit);
	struct vsmmu_space *space = calloc(1, sizeof(*space));
	int ret;

	if (!space)
		return error_set(err, -ENOMEM, "%s: out of memory", unit->name);
	ret = domain_take(vsmmu, &space->domain);
	if (ret) {
		free(space);
		return error_set(err, ret, "%s: all %" PRIu32 " domains of the device are in use; end one first",
				 unit->name, vsmmu->features.domain_count);
	}
	space->base.unit = unit;
	space->page_limit = table_page_limit;
	space->runs.seed = (uint32_t)hw_now_ns(unit->hw);
	list_init(&space->fresh);
	list_add_tail(&vsmmu->spaces, &space->in_unit);
	*ret_space = &space->base;
	return 0;
}

void vspace_run_drop(struct vsmmu_space *space, struct run *run)
{
	list_remove(&run->in_fresh);
	runs_remove(&space->runs, run);
	free(run);
}

uint64_t vspace_pages_for(uint64_t runs)
{
	return align_up(runs * sizeof(struct run), PAGE_BYTES) >> PAGE_SHIFT;
}

void vspace_count_pages(struct vsmmu_space *space)
{
	struct drv_counts *counts = &space->base.unit->counts;
	uint64_t pages = vspace_pages_for(space->runs.count);

	counts->table_pages += pages - space->base.table_pages;
	space->base.table_pages = pages;
}

void vspace_free(struct vsmmu *vsmmu, struct vsmmu_space *space)
{
	while (space->runs.root)
		vspace_run_drop(space, space->runs.root);
	vspace_count_pages(space);
	list_remove(&space->in_unit);
	domain_give(vsmmu, space->domain);
	free(space);
}

/*
 * Its number waits in limbo until the last DETACH and every UNMAP of it has been
 * answered; on a closed unit that is until the next take-over.
 */
void vspace_destroy(struct drv_space *base)
{
	struct vsmmu_space *space = vsmmu_space_of(base);
	struct vsmmu *vsmmu = vsmmu_of(base->unit);

	check(space->bound_count == 0);
	if (vsmmu->is_running ? vsmmu->reqq.done == vsmmu->reqq.issued : !base->unit->is_closed) {
		vspace_free(vsmmu, space);
		return;
	}
	list_remove(&space->in_unit);
	list_add_tail(&vsmmu->limbo, &space->in_unit);
	space->ticket = vsmmu->is_running ? vsmmu->reqq.issued : UINT64_MAX;
	if (vsmmu->is_running)
		reqq_kick(&vsmmu->reqq);
}

void vspace_settle(struct vsmmu *vsmmu)
{
	struct list *node, *after;

	list_for_each_safe(node, after, &vsmmu->limbo) {
		struct vsmmu_space *space = list_entry(node, struct vsmmu_space, in_unit);

		if (space->ticket > vsmmu->reqq.done)
			return;
		vspace_free(vsmmu, space);
	}
}

/* --- sending --- */

int vspace_run_send(struct vsmmu *vsmmu, struct vsmmu_space *space, struct run *run,
		   struct error *err)
{
	struct request map = make_map(space->domain, run->iova, run_last(run), run->pa,
				      run->rights, run->is_registers && vsmmu->features.has_mmio);

	run->life = space->life;
	return reqq_push(&vsmmu->reqq, &map, &run->answer, err);
}

void vspace_begin(struct vsmmu_space *space)
{
	space->life++;
}

int vspace_replay(struct vsmmu *vsmmu, struct vsmmu_space *space, uint8_t from, struct error *err)
{
	struct run *run;
	int ret;

	for (run = runs_at_or_above(&space->runs, 0); run; run = runs_next(&space->runs, run)) {
		if ((run->life == space->life ? run->answer : ANSWER_NONE) != from)
			continue;
		ret = vspace_run_send(vsmmu, space, run, err);
		if (ret)
			return ret;
	}
	return 0;
}

const struct run *vspace_refused(const struct vsmmu_space *space)
{
	const struct run *run;

	for (run = runs_at_or_above(&space->runs, 0); run; run = runs_next(&space->runs, run))
		if (run->answer != VIRTIO_IOMMU_S_OK)
			return run;
	return NULL;
}

/* --- looking --- */

const struct run *vspace_find(const struct vsmmu_space *space, uint64_t iova)
{
	const struct run *run = runs_at_or_above(&space->runs, iova);

	return run && run->iova <= iova ? run : NULL;
}

/* No table is walked: the one step is the device's mapping. */
void vspace_walk(struct drv_space *base, iova_t iova, struct drv_walk *ret_walk)
{
	const struct vsmmu_space *space = vsmmu_space_of(base);
	const struct run *run = vspace_find(space, iova.v);

	*ret_walk = (struct drv_walk){ .step_count = 1 };
	ret_walk->steps[0].index = space->domain;
	if (!run)
		return;
	ret_walk->steps[0] = (struct drv_walk_step){
		.index = space->domain, .entry = run->pa | run->rights,
		.is_valid = true, .is_leaf = true,
	};
	ret_walk->is_mapped = true;
	ret_walk->pa = run->pa + (iova.v - run->iova);
	ret_walk->rights = run->rights;
	ret_walk->leaf_bytes = run->length;
}
