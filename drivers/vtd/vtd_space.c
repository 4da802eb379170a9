// SPDX-License-Identifier: BSD-2-Clause
/* Address spaces (VT-d 3.4.3, 3.6, 3.7, 9.6). */
#include "vtd_space.h"

#include <errno.h>
#include <stdlib.h>

#include "gcmd.h"
#include "vtd_invalidate.h"
#include "log.h"
#include "pages.h"
#include "vtd_writer.h"

#define PASID_PAGES 2u

/* --- identifiers --- */

static uint32_t id_count(const struct vtd *vtd)
{
	return 1u << vtd->features.domain_bits;
}

int vtd_space_ids_init(struct vtd *vtd)
{
	vtd->id_map = calloc((id_count(vtd) + 63) / 64, sizeof(*vtd->id_map));
	if (!vtd->id_map)
		return -ENOMEM;
	/* Caching mode and scalable mode tag with it what is not present. */
	vtd->id_map[0] = 1;
	vtd->id_next = 1;
	return 0;
}

void vtd_space_ids_fini(struct vtd *vtd)
{
	free(vtd->id_map);
	vtd->id_map = NULL;
}

/* The next one round the circle: the longest unused comes first. */
static int id_take(struct vtd *vtd, uint16_t *ret_id)
{
	uint32_t i, id;

	for (i = 0; i < id_count(vtd); i++) {
		id = (vtd->id_next + i) & (id_count(vtd) - 1);
		if (vtd->id_map[id / 64] & BIT(id % 64))
			continue;
		vtd->id_map[id / 64] |= BIT(id % 64);
		vtd->id_next = id + 1;
		*ret_id = (uint16_t)id;
		return 0;
	}
	return -ENOSPC;
}

static void id_give(struct vtd *vtd, uint16_t id)
{
	vtd->id_map[id / 64] &= ~BIT(id % 64);
}

/* --- making and ending --- */

static int pasid_pages_take(struct vtd *vtd, struct vtd_space *space)
{
	struct pages *pages = vtd->base.hw->pages;

	space->pasid_directory = pages_take(pages);
	space->pasid_table = pages_take(pages);
	if (space->pasid_directory && space->pasid_table)
		return 0;
	if (space->pasid_directory)
		pages_give(pages, space->pasid_directory, 1);
	return -ENOMEM;
}

struct vtd_pasid vtd_space_make_pasid(const struct vtd *vtd, const struct vtd_space *space)
{
	pa_t root = pgtable_root(&space->table);

	if (vtd->features.is_first_level)
		return make_pasid_first(root, space->id, vtd->features.is_coherent,
					vtd->features.has_snoop);
	return make_pasid_second(root, space->id, vtd->features.width, vtd->features.is_coherent);
}

/* What a bound stream's context entry says, and what that points to. */
static void entry_init(struct vtd *vtd, struct vtd_space *space)
{
	struct vtd_pasid entry;

	if (!vtd->features.is_scalable) {
		space->context =
			make_context(pgtable_root(&space->table), space->id, vtd->features.width);
		return;
	}
	entry = vtd_space_make_pasid(vtd, space);
	vtd_writer_store_pasid(vtd, space, &entry);
	space->context =
		make_context_scalable(pages_pa(vtd->base.hw->pages, space->pasid_directory));
}

static void count_tables(struct vtd_space *space)
{
	struct drv_counts *counts = &space->base.unit->counts;
	uint64_t pages = space->table.table_pages + (space->pasid_table ? PASID_PAGES : 0);

	counts->table_pages += pages - space->base.table_pages;
	space->base.table_pages = pages;
}

/* Ladder of vtd_space_create(): identifier, table, PASID structures. */
static int space_build(struct vtd *vtd, struct vtd_space *space, uint64_t limit, struct error *err)
{
	const struct pgtable_format *format =
		vtd->features.is_first_level ? &pgtable_vtd_fs : &pgtable_vtd_ss;
	int ret = id_take(vtd, &space->id);

	if (ret)
		return error_set(err, ret, "%s: all %u domain ids are in use; end a domain first",
				 vtd->base.name, id_count(vtd) - 1);
	ret = pgtable_init(&space->table, format, vtd->base.hw->pages, &vtd->features.table, limit);
	if (!ret && vtd->features.is_scalable) {
		ret = pasid_pages_take(vtd, space);
		if (ret)
			pgtable_fini(&space->table);
	}
	if (!ret)
		return 0;
	id_give(vtd, space->id);
	return error_set(err, ret, "%s: no memory left in the arena for another address space",
			 vtd->base.name);
}

int vtd_space_create(struct drv_unit *unit, uint64_t table_page_limit, struct drv_space **ret_space,
		     struct error *err)
{
	struct vtd *vtd = vtd_of(unit);
	struct vtd_space *space;
	int ret;

	ret = vtd_check_quiet(vtd, err);
	if (ret)
		return ret;
	space = calloc(1, sizeof(*space));
	if (!space)
		return error_set(err, -ENOMEM, "%s: out of memory", unit->name);
	ret = space_build(vtd, space, table_page_limit, err);
	if (ret) {
		free(space);
		return ret;
	}
	space->base.unit = unit;
	entry_init(vtd, space);
	count_tables(space);
	list_init(&space->in_drops);
	list_add_tail(&vtd->spaces, &space->in_unit);
	*ret_space = &space->base;
	return 0;
}

void vtd_space_forget(struct vtd_space *space)
{
	free(space->fresh);
	free(space);
}

static void space_free(struct vtd *vtd, struct vtd_space *space)
{
	list_remove(&space->in_unit);
	list_remove(&space->in_drops);
	vtd->base.counts.table_pages -= space->base.table_pages;
	pgtable_fini(&space->table);
	if (space->pasid_table) {
		pages_give(vtd->base.hw->pages, space->pasid_table, 1);
		pages_give(vtd->base.hw->pages, space->pasid_directory, 1);
	}
	id_give(vtd, space->id);
	vtd_space_forget(space);
}

/*
 * Its tables and its identifier wait in limbo until an invalidation of the
 * identifier has completed; on a closed unit that is for ever.
 */
void vtd_space_destroy(struct drv_space *base)
{
	struct vtd_space *space = vtd_space_of(base);
	struct vtd *vtd = vtd_of(base->unit);

	check(space->bound_count == 0);
	if (!vtd->is_running && !vtd->base.is_closed) {
		space_free(vtd, space); /* the unit has never seen it */
		return;
	}
	list_remove(&space->in_unit);
	list_add_tail(&vtd->limbo, &space->in_unit);
	space->ticket = UINT64_MAX;
	if (!vtd->is_running)
		return;
	list_remove(&space->in_drops);
	if (vtd->features.is_scalable)
		invq_push(&vtd->invq, desc_pasid_domain(space->id));
	space->must_drop = false;
	space->ticket = vtd_invalidate_submit(vtd, space, NULL, 0, false);
}

void vtd_space_settle(struct vtd *vtd)
{
	struct list *node, *after;

	list_for_each_safe(node, after, &vtd->limbo) {
		struct vtd_space *space = list_entry(node, struct vtd_space, in_unit);

		if (space->ticket > vtd->invq.done)
			return;
		space_free(vtd, space);
	}
}

void vtd_space_left(struct vtd *vtd, struct vtd_space *space)
{
	if (space->must_drop)
		return;
	space->must_drop = true;
	list_add_tail(&vtd->drops, &space->in_drops);
}

/* --- mapping: the walker's work --- */

static int fresh_reserve(struct vtd_space *space, struct error *err)
{
	uint32_t room = space->fresh_room ? 2 * space->fresh_room : DRV_GATHER_RANGES;
	struct drv_range *fresh;

	if (space->fresh_count < space->fresh_room)
		return 0;
	fresh = realloc(space->fresh, room * sizeof(*fresh));
	if (!fresh)
		return error_set(err, -ENOMEM, "%s: out of memory", space->base.unit->name);
	space->fresh = fresh;
	space->fresh_room = room;
	return 0;
}

int vtd_space_map(struct drv_space *base, iova_t iova, const struct drv_part *part, unsigned rights,
		  struct error *err)
{
	struct vtd_space *space = vtd_space_of(base);
	bool must_commit = vtd_space_needs_commit(&vtd_of(base->unit)->features);
	int ret = must_commit ? fresh_reserve(space, err) : 0;

	if (!ret)
		ret = pgtable_map(&space->table, iova, part, rights, err);
	if (!ret && must_commit)
		space->fresh[space->fresh_count++] = (struct drv_range){ iova.v, part->length };
	count_tables(space);
	return ret;
}

/* As few ranges as drv_gather makes of them. */
static int fresh_invalidate(struct vtd *vtd, struct vtd_space *space, struct error *err)
{
	struct drv_gather gather = { 0 };
	uint64_t ticket;
	uint32_t i;

	for (i = 0; i < space->fresh_count; i++)
		drv_gather_range(&gather, &space->base, space->fresh[i].iova,
				 space->fresh[i].length);
	ticket = vtd_invalidate_submit(vtd, space, gather.ranges,
				       gather.whole_space ? 0 : gather.range_count, false);
	if (ticket == UINT64_MAX)
		return error_set(err, -EIO, "%s: the unit is closed", vtd->base.name);
	return invq_wait(&vtd->invq, ticket, VTD_ACK_NS, err);
}

/* The unit is closed: nothing of them was ever certain, and no ticket comes. */
static void fresh_undo(struct vtd *vtd, struct vtd_space *space)
{
	uint64_t chain = 0;
	uint32_t i;

	for (i = 0; i < space->fresh_count; i++)
		pgtable_unmap(&space->table, IOVA(space->fresh[i].iova), space->fresh[i].length,
			      &chain);
	vtd_invalidate_keep_chain(vtd, chain, UINT64_MAX);
	count_tables(space);
}

int vtd_space_commit(struct drv_space *base, struct error *err)
{
	struct vtd_space *space = vtd_space_of(base);
	struct vtd *vtd = vtd_of(base->unit);
	int ret = 0;

	if (space->fresh_count == 0)
		return 0;
	/* What does not walk yet, or no more, is told everything by take-over. */
	if (vtd->is_running && vtd->features.caches_absence)
		ret = fresh_invalidate(vtd, space, err);
	else if (vtd->is_running)
		ret = gcmd_flush_writes(vtd, err);
	if (ret && vtd->is_running)
		vtd_fail(vtd, err ? err->text : "a new mapping could not be made certain");
	if (ret)
		fresh_undo(vtd, space);
	space->fresh_count = 0;
	return ret;
}

/* A mapping that goes before it was committed needs no commit any more. */
static void fresh_drop(struct vtd_space *space, uint64_t iova, uint64_t length)
{
	uint32_t i;

	for (i = 0; i < space->fresh_count; i++) {
		if (space->fresh[i].iova != iova || space->fresh[i].length != length)
			continue;
		space->fresh[i] = space->fresh[--space->fresh_count];
		return;
	}
}

void vtd_space_unmap(struct drv_space *base, iova_t iova, uint64_t length,
		     struct drv_gather *gather)
{
	struct vtd_space *space = vtd_space_of(base);

	fresh_drop(space, iova.v, length);
	pgtable_unmap(&space->table, iova, length, &gather->freed_chain);
	drv_gather_range(gather, base, iova.v, length);
	count_tables(space);
}

void vtd_space_walk(struct drv_space *base, iova_t iova, struct drv_walk *ret_walk)
{
	pgtable_walk(&vtd_space_of(base)->table, iova, ret_walk);
}
