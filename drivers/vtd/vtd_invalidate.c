// SPDX-License-Identifier: BSD-2-Clause
/* Invalidation (VT-d 6.5). */
#include "vtd_invalidate.h"

#include "arith.h"
#include "gcmd.h"
#include "log.h"
#include "vtd_space.h"
#include "vtd_writer.h"

/* One descriptor may cover this many times what is asked; more: two are better. */
#define COVER_MAX 4u

struct desc vtd_invalidate_make_space(const struct vtd *vtd, const struct vtd_space *space)
{
	if (vtd->features.is_first_level)
		return desc_first_domain(space->id);
	return desc_iotlb_domain(&vtd->features.queue, space->id);
}

/* log2 of the pages of the smallest aligned block that holds pages first to last. */
static unsigned cover(uint64_t first, uint64_t last)
{
	return first == last ? 0 : log2_floor(first ^ last) + 1;
}

static struct desc make_pages(const struct vtd *vtd, const struct vtd_space *space, uint64_t page,
			      unsigned mask, bool is_leaf)
{
	uint64_t iova = align_down(page, BIT(mask)) << PAGE_SHIFT;

	if (vtd->features.is_first_level)
		return desc_first_pages(space->id, iova, mask, is_leaf);
	return desc_iotlb_pages(&vtd->features.queue, space->id, iova, mask, is_leaf);
}

unsigned vtd_invalidate_make_range(const struct vtd *vtd, const struct vtd_space *space,
				   uint64_t iova, uint64_t length, bool is_leaf,
				   struct desc ret_descs[2])
{
	uint64_t first = iova >> PAGE_SHIFT;
	uint64_t last = (iova + length - 1) >> PAGE_SHIFT;
	unsigned whole = cover(first, last);
	unsigned max = vtd->features.mask_max;
	uint64_t middle;

	if (!vtd->features.has_ranges)
		return 0;
	if (whole <= max && BIT(whole) <= COVER_MAX * (last - first + 1)) {
		ret_descs[0] = make_pages(vtd, space, first, whole, is_leaf);
		return 1;
	}
	/* Where the two halves meet, each one is covered at most twice over. */
	middle = align_down(last, BIT(whole - 1));
	if (cover(first, middle - 1) > max || cover(middle, last) > max)
		return 0;
	ret_descs[0] = make_pages(vtd, space, first, cover(first, middle - 1), is_leaf);
	ret_descs[1] = make_pages(vtd, space, middle, cover(middle, last), is_leaf);
	return 2;
}

/* --- a batch --- */

#define DESCS_MAX (2 * DRV_GATHER_RANGES)

/* False when the space as a whole must be dropped. */
static bool make_ranges(const struct vtd *vtd, const struct vtd_space *space,
			const struct drv_range *ranges, uint32_t count, bool is_leaf,
			struct desc *ret_descs, unsigned *ret_count)
{
	unsigned made;
	uint32_t i;

	*ret_count = 0;
	for (i = 0; i < count; i++) {
		if (*ret_count + 2 > DESCS_MAX)
			return false;
		made = vtd_invalidate_make_range(vtd, space, ranges[i].iova, ranges[i].length,
						 is_leaf, &ret_descs[*ret_count]);
		if (made == 0)
			return false;
		*ret_count += made;
	}
	return true;
}

/*
 * The invalidations of first level tables cannot be told to drain. One that can
 * be follows them: before its wait, posted writes of the domain are in memory.
 */
static void push_drain(struct vtd *vtd, const struct vtd_space *space)
{
	const struct invq_shape *shape = &vtd->features.queue;

	if (vtd->features.is_first_level && (shape->drains_reads || shape->drains_writes))
		invq_push(&vtd->invq, desc_iotlb_domain(shape, space->id));
}

static void push_space(struct vtd *vtd, const struct vtd_space *space)
{
	invq_push(&vtd->invq, vtd_invalidate_make_space(vtd, space));
	push_drain(vtd, space);
}

static void push_ranges(struct vtd *vtd, const struct vtd_space *space,
			const struct drv_range *ranges, uint32_t count, bool is_leaf)
{
	struct desc descs[DESCS_MAX];
	unsigned made, i;

	if (space->must_drop)
		return; /* push_drops() takes all of it */
	if (count == 0 || !make_ranges(vtd, space, ranges, count, is_leaf, descs, &made)) {
		push_space(vtd, space);
		return;
	}
	for (i = 0; i < made; i++)
		invq_push(&vtd->invq, descs[i]);
	push_drain(vtd, space);
}

/* Spaces that a stream has left. */
static void push_drops(struct vtd *vtd)
{
	struct list *node, *after;

	list_for_each_safe(node, after, &vtd->drops) {
		struct vtd_space *space = list_entry(node, struct vtd_space, in_drops);

		push_space(vtd, space);
		space->must_drop = false;
		list_remove(&space->in_drops);
	}
}

uint64_t vtd_invalidate_submit(struct vtd *vtd, const struct vtd_space *space,
			       const struct drv_range *ranges, uint32_t count, bool is_leaf)
{
	struct error err;
	uint64_t ticket;

	/* Buffered stores first: what is looked up again must find them. */
	if (gcmd_flush_writes(vtd, &err)) {
		vtd_fail(vtd, err.text);
		return UINT64_MAX;
	}
	vtd_writer_push(vtd);
	if (space)
		push_ranges(vtd, space, ranges, count, is_leaf);
	push_drops(vtd);
	ticket = invq_submit(&vtd->invq);
	vtd_writer_submitted(vtd, ticket);
	return ticket;
}

/* --- table pages that wait for their ticket --- */

void vtd_invalidate_keep_chain(struct vtd *vtd, uint64_t chain, uint64_t ticket)
{
	struct pages *pages = vtd->base.hw->pages;

	if (chain == 0)
		return;
	pgtable_chain_mark(pages, chain, ticket < BIT(62) ? ticket : BIT(62) - 1);
	if (vtd->freed_head == 0)
		vtd->freed_head = chain;
	else
		pgtable_chain_link(pages, vtd->freed_tail, chain);
	vtd->freed_tail = chain;
}

static void chains_reap(struct vtd *vtd, bool is_all)
{
	struct pages *pages = vtd->base.hw->pages;
	uint64_t chain;

	while (vtd->freed_head != 0 &&
	       (is_all || pgtable_chain_number(pages, vtd->freed_head) <= vtd->invq.done)) {
		chain = vtd->freed_head;
		vtd->freed_head = chain == vtd->freed_tail ? 0 : pgtable_chain_next(pages, chain);
		pgtable_reap(pages, chain);
	}
}

void vtd_invalidate_all_done(struct vtd *vtd)
{
	struct list *node, *after;

	chains_reap(vtd, true);
	list_for_each_safe(node, after, &vtd->drops) {
		struct vtd_space *space = list_entry(node, struct vtd_space, in_drops);

		space->must_drop = false;
		list_remove(&space->in_drops);
	}
	list_for_each(node, &vtd->limbo)
		list_entry(node, struct vtd_space, in_unit)->ticket = vtd->invq.done;
	vtd_space_settle(vtd);
}

uint64_t vtd_invalidate_gathered(struct drv_unit *unit, struct drv_gather *gather)
{
	struct vtd *vtd = vtd_of(unit);
	uint64_t chain = gather->freed_chain;
	uint64_t ticket = UINT64_MAX;

	if (drv_gather_is_empty(gather))
		return unit->is_closed ? UINT64_MAX : vtd->invq.issued;
	if (vtd->is_running)
		ticket = vtd_invalidate_submit(
			vtd, gather->space ? vtd_space_of(gather->space) : NULL, gather->ranges,
			gather->whole_space ? 0 : gather->range_count, chain == 0);
	else if (!unit->is_closed)
		ticket = vtd->invq.done; /* a unit that never walked has nothing to forget */
	vtd_invalidate_keep_chain(vtd, chain, ticket);
	*gather = (struct drv_gather){ 0 };
	return ticket;
}

/* Settles what the newest completed ticket allows; may have to submit more. */
static void settle(struct vtd *vtd)
{
	if (!list_is_empty(&vtd->changes) && vtd_writer_settle(vtd))
		vtd_invalidate_submit(vtd, NULL, NULL, 0, false);
	if (vtd->is_running)
		vtd_space_settle(vtd);
}

uint64_t vtd_invalidate_completed(struct drv_unit *unit)
{
	struct vtd *vtd = vtd_of(unit);
	struct error err;

	if (vtd->is_running) {
		if (invq_poll(&vtd->invq, &err)) {
			vtd_fail(vtd, err.text);
			return vtd_writer_hold(vtd, vtd->invq.done);
		}
		settle(vtd);
	}
	if (!unit->is_closed && vtd->freed_head != 0)
		chains_reap(vtd, false);
	return vtd_writer_hold(vtd, vtd->invq.done);
}
