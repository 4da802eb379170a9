// SPDX-License-Identifier: BSD-2-Clause
/*
 * Mapping, committing and unmapping: first in the books, then at the device. What
 * the device holds is never more than what the books say.
 */
#include "vmap.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "arith.h"
#include "log.h"
#include "pages.h"
#include "vspace.h"

/*
 * What the device said of a run in this life of the domain. Whatever life it is
 * of, a run that is ANSWER_WAITING must not be freed: the answer goes there.
 */
static uint8_t run_answer(const struct vsmmu_space *space, const struct run *run)
{
	return run->life == space->life && space->bound_count > 0 ? run->answer : ANSWER_NONE;
}

static int check_place(const struct vsmmu_space *space, uint64_t iova, uint64_t length,
		       struct error *err)
{
	const struct vsmmu *vsmmu = vsmmu_of(space->base.unit);
	const struct run *other;

	if (range_is_bad(iova, length) || !is_aligned(iova | length, PAGE_BYTES))
		return error_set(err, -EINVAL, "0x%" PRIx64 " + 0x%" PRIx64
				 " is no range of whole 4 KiB pages", iova, length);
	if (iova < vsmmu->features.first || range_last(iova, length) > vsmmu->features.last)
		return error_set(err, -EINVAL, "0x%" PRIx64 " + 0x%" PRIx64
				 " is outside what the device translates (0x%" PRIx64 " to 0x%" PRIx64
				 ")", iova, length, vsmmu->features.first, vsmmu->features.last);
	other = runs_at_or_above(&space->runs, iova);
	if (other && other->iova <= range_last(iova, length))
		return error_set(err, -EEXIST, "0x%" PRIx64 " + 0x%" PRIx64
				 " overlaps what is mapped at 0x%" PRIx64, iova, length, other->iova);
	return 0;
}

/* The device tells reading from writing, and nothing else. */
static int check_rights(unsigned rights, struct error *err)
{
	if (rights & (RIGHT_READ | RIGHT_WRITE))
		return 0;
	return error_set(err, -EOPNOTSUPP, "virtio-iommu maps for reading or writing; rights 0x%x are neither",
			 rights);
}

static int check_bytes(const struct vsmmu_space *space, uint64_t pa, uint64_t length,
		       struct error *err)
{
	const struct drv_unit *unit = space->base.unit;

	if (range_is_bad(pa, length) || !is_aligned(pa | length, PAGE_BYTES) ||
	    (unit->caps.output_bits < 64 && range_last(pa, length) >> unit->caps.output_bits))
		return error_set(err, -EINVAL,
				 "memory at physical address 0x%" PRIx64 ", length 0x%" PRIx64
				 ", is not made of whole 4 KiB pages below %u bits",
				 pa, length, unit->caps.output_bits);
	if (unit->hw->pages && pages_overlap(unit->hw->pages, PA(pa), length))
		return error_set(err, -EPERM,
				 "memory at physical address 0x%" PRIx64 ", length 0x%" PRIx64
				 ", holds the unit's own queues; these are never granted", pa, length);
	return 0;
}

static int check_limit(const struct vsmmu_space *space, struct error *err)
{
	if (space->page_limit == 0 || vspace_pages_for(space->runs.count + 1) <= space->page_limit)
		return 0;
	return error_set(err, -EDQUOT, "the books of this address space would take more than its %" PRIu64
			 " pages", space->page_limit);
}

/* Adds a run to the books, or makes the last one longer where both sides touch. */
static int run_add(struct vsmmu_space *space, struct run **last, uint64_t iova, uint64_t pa,
		   uint64_t length, unsigned rights, bool is_registers, struct error *err)
{
	struct run *run = *last;
	int ret;

	if (run && run->pa + run->length == pa) {
		run->length += length;
		return 0;
	}
	ret = check_limit(space, err);
	if (ret)
		return ret;
	run = calloc(1, sizeof(*run));
	if (!run)
		return error_set(err, -ENOMEM, "%s: out of memory", space->base.unit->name);
	run->iova = iova;
	run->pa = pa;
	run->length = length;
	run->rights = (uint8_t)(rights & RIGHT_ALL);
	run->is_registers = is_registers;
	run->answer = ANSWER_NONE;
	runs_insert(&space->runs, run);
	list_add_tail(&space->fresh, &run->in_fresh);
	*last = run;
	return 0;
}

/* Takes the runs of [iova, iova + length) out of the books. */
static void books_drop(struct vsmmu_space *space, uint64_t iova, uint64_t length)
{
	uint64_t last = range_last(iova, length);
	struct run *run;

	while ((run = runs_at_or_above(&space->runs, iova)) && run->iova <= last) {
		check(run->iova >= iova && run_last(run) <= last);
		vspace_run_drop(space, run);
	}
	vspace_count_pages(space);
}

static int books_add(struct vsmmu_space *space, uint64_t iova, const struct drv_part *part,
		     unsigned rights, struct error *err)
{
	uint64_t skip = part->offset, done = 0, used;
	struct run *last = NULL;
	uint32_t i;
	int ret = 0;

	for (i = 0; i < part->extent_count && done < part->length && ret == 0; i++) {
		const struct extent *extent = &part->extents[i];

		if (skip >= extent->length) {
			skip -= extent->length;
			continue;
		}
		used = min_u64(extent->length - skip, part->length - done);
		ret = check_bytes(space, extent->pa.v + skip, used, err);
		if (ret == 0)
			ret = run_add(space, &last, iova + done, extent->pa.v + skip, used, rights,
				      part->is_registers, err);
		done += ret == 0 ? used : 0;
		skip = 0;
	}
	if (ret == 0 && done < part->length)
		ret = error_set(err, -EINVAL, "the part at offset 0x%" PRIx64 ", length 0x%" PRIx64
				", reaches past the end of the memory", part->offset, part->length);
	if (ret && done > 0)
		books_drop(space, iova, done);
	return ret;
}

/*
 * A MAP where an UNMAP is still under way might be answered before it: the device
 * may take requests in any order. Rare, so it waits here.
 */
static int ends_wait(struct vsmmu *vsmmu, const struct vsmmu_space *space, struct error *err)
{
	if (space->last_end <= vsmmu->reqq.done)
		return 0;
	return reqq_wait(&vsmmu->reqq, space->last_end, err);
}

static int runs_send(struct vsmmu *vsmmu, struct vsmmu_space *space, uint64_t iova, uint64_t last,
		     struct error *err)
{
	struct run *run = runs_at_or_above(&space->runs, iova);
	int ret = ends_wait(vsmmu, space, err);

	for (; ret == 0 && run && run->iova <= last; run = runs_next(&space->runs, run))
		ret = vspace_run_send(vsmmu, space, run, err);
	return ret;
}

int vmap_map(struct drv_space *base, iova_t iova, const struct drv_part *part, unsigned rights,
		struct error *err)
{
	struct vsmmu_space *space = vsmmu_space_of(base);
	struct vsmmu *vsmmu = vsmmu_of(base->unit);
	struct error why;
	int ret;

	ret = check_place(space, iova.v, part->length, err);
	if (ret == 0)
		ret = check_rights(rights, err);
	if (ret == 0)
		ret = books_add(space, iova.v, part, rights, err);
	if (ret)
		return ret;
	vspace_count_pages(space);
	if (!vsmmu->is_running || space->bound_count == 0)
		return 0; /* sent with the first ATTACH */
	ret = runs_send(vsmmu, space, iova.v, range_last(iova.v, part->length), &why);
	if (ret == 0)
		return 0;
	/* The device did not keep up: everything behind it is refused from here on. */
	vsmmu_fail(vsmmu, why.text);
	books_drop(space, iova.v, part->length);
	return error_set(err, -EIO, "%s was closed after a failure; see the log", base->unit->name);
}

/* --- commit --- */

static const struct run *first_refused(const struct vsmmu_space *space)
{
	const struct list *node;

	list_for_each(node, &space->fresh) {
		const struct run *run = list_entry(node, struct run, in_fresh);

		if (run_answer(space, run) != VIRTIO_IOMMU_S_OK)
			return run;
	}
	return NULL;
}

/* Takes back what the device accepted of the fresh runs; all of them leave the books. */
static int fresh_undo(struct vsmmu *vsmmu, struct vsmmu_space *space, struct error *err)
{
	struct request unmap;
	struct run *run;
	int ret = 0;

	while (!list_is_empty(&space->fresh)) {
		run = list_entry(space->fresh.next, struct run, in_fresh);
		if (ret == 0 && vsmmu->is_running &&
		    run_answer(space, run) == VIRTIO_IOMMU_S_OK) {
			unmap = make_unmap(space->domain, run->iova, run_last(run));
			ret = reqq_push(&vsmmu->reqq, &unmap, NULL, err);
		}
		vspace_run_drop(space, run);
	}
	vspace_count_pages(space);
	if (ret == 0 && vsmmu->is_running)
		ret = reqq_wait(&vsmmu->reqq, vsmmu->reqq.issued, err);
	return ret;
}

static void fresh_settle(struct vsmmu_space *space)
{
	while (!list_is_empty(&space->fresh))
		list_remove(space->fresh.next);
}

/* The unit is gone: what was not certain never will be. */
static int commit_failed(struct vsmmu *vsmmu, struct vsmmu_space *space, const char *why,
			 struct error *err)
{
	vsmmu_fail(vsmmu, why);
	fresh_undo(vsmmu, space, NULL);
	return error_set(err, -EIO, "%s was closed after a failure; see the log", vsmmu->base.name);
}

int vmap_commit(struct drv_space *base, struct error *err)
{
	struct vsmmu_space *space = vsmmu_space_of(base);
	struct vsmmu *vsmmu = vsmmu_of(base->unit);
	const struct run *refused;
	struct error why;
	uint8_t status;
	uint64_t iova;

	if (list_is_empty(&space->fresh))
		return 0;
	if (base->unit->is_closed) {
		fresh_undo(vsmmu, space, NULL);
		return error_set(err, -EIO, "%s is closed; nothing can be mapped", base->unit->name);
	}
	if (!vsmmu->is_running || space->bound_count == 0) {
		fresh_settle(space);
		return 0;
	}
	if (reqq_wait(&vsmmu->reqq, vsmmu->reqq.issued, &why))
		return commit_failed(vsmmu, space, why.text, err);
	refused = first_refused(space);
	if (!refused) {
		fresh_settle(space);
		return 0;
	}
	status = refused->answer;
	iova = refused->iova;
	if (fresh_undo(vsmmu, space, &why))
		return commit_failed(vsmmu, space, why.text, err);
	return error_set(err, status_errno(status), "%s refused to map 0x%" PRIx64 " (%s)",
			 base->unit->name, iova, status_words(status));
}

/* --- unmapping --- */

/*
 * Does the device hold any run of the range? One whose MAP has not been answered
 * is waited for: its UNMAP must not overtake it.
 */
static int held_by_device(struct vsmmu *vsmmu, const struct vsmmu_space *space, uint64_t iova,
			  uint64_t last, struct error *err)
{
	const struct run *run = runs_at_or_above(&space->runs, iova);
	bool is_held = false;
	int ret;

	for (; run && run->iova <= last; run = runs_next(&space->runs, run)) {
		if (run->answer == ANSWER_WAITING) {
			ret = reqq_wait(&vsmmu->reqq, vsmmu->reqq.issued, err);
			if (ret)
				return ret;
		}
		is_held |= run_answer(space, run) == VIRTIO_IOMMU_S_OK;
	}
	return is_held;
}

void vmap_unmap(struct drv_space *base, iova_t iova, uint64_t length, struct drv_gather *gather)
{
	struct vsmmu_space *space = vsmmu_space_of(base);
	struct vsmmu *vsmmu = vsmmu_of(base->unit);
	uint64_t last = range_last(iova.v, length);
	struct request unmap = make_unmap(space->domain, iova.v, last);
	struct error err;
	int ret = 0;

	drv_gather_range(gather, base, iova.v, length);
	if (vsmmu->is_running)
		ret = held_by_device(vsmmu, space, iova.v, last, &err);
	if (ret > 0)
		ret = reqq_push(&vsmmu->reqq, &unmap, NULL, &err);
	if (ret < 0)
		vsmmu_fail(vsmmu, err.text);
	space->last_end = vsmmu->reqq.issued;
	books_drop(space, iova.v, length);
}
