// SPDX-License-Identifier: BSD-2-Clause
/* Address spaces (IHI 0070 3.3.2, 3.17, 5.4). */
#include "space.h"

#include <errno.h>
#include <stdlib.h>

#include "invalidate.h"
#include "log.h"
#include "pages.h"
#include "writer.h"

#define CDS_PER_PAGE ((uint32_t)(PAGE_BYTES / CD_BYTES))
#define S1_ROOT_LEVEL 0u

/* --- identifiers --- */

static uint32_t id_count(const struct smmu *smmu)
{
	return 1u << smmu->features.id_bits;
}

int space_ids_init(struct smmu *smmu)
{
	smmu->id_map = calloc(id_count(smmu) / 64, sizeof(*smmu->id_map));
	smmu->cd_pages = calloc(id_count(smmu) / CDS_PER_PAGE, sizeof(*smmu->cd_pages));
	if (!smmu->id_map || !smmu->cd_pages) {
		space_ids_fini(smmu);
		return -ENOMEM;
	}
	smmu->id_map[0] = 1;
	smmu->id_next = 1;
	return 0;
}

void space_ids_fini(struct smmu *smmu)
{
	uint32_t i;

	for (i = 0; smmu->cd_pages && i < id_count(smmu) / CDS_PER_PAGE; i++)
		if (smmu->cd_pages[i])
			pages_give(smmu->base.hw->pages, smmu->cd_pages[i], 1);
	free(smmu->id_map);
	free(smmu->cd_pages);
	smmu->id_map = NULL;
	smmu->cd_pages = NULL;
}

/* The next one round the circle: the longest unused comes first. */
static int id_take(struct smmu *smmu, uint16_t *ret_id)
{
	uint32_t i, id;

	for (i = 0; i < id_count(smmu); i++) {
		id = (smmu->id_next + i) & (id_count(smmu) - 1);
		if (smmu->id_map[id / 64] & BIT(id % 64))
			continue;
		smmu->id_map[id / 64] |= BIT(id % 64);
		smmu->id_next = id + 1;
		*ret_id = (uint16_t)id;
		return 0;
	}
	return -ENOSPC;
}

static void id_give(struct smmu *smmu, uint16_t id)
{
	smmu->id_map[id / 64] &= ~BIT(id % 64);
}

/* --- context descriptors: one place for each identifier --- */

uint64_t *space_cd(const struct smmu *smmu, const struct smmu_space *space)
{
	uint64_t slot = space->id % CDS_PER_PAGE;

	return &smmu->cd_pages[space->id / CDS_PER_PAGE][slot * CD_WORDS];
}

struct cd space_make_cd(const struct smmu *smmu, const struct smmu_space *space)
{
	return make_cd(pgtable_root(&space->table), space->id, smmu->features.output_code);
}

static int cd_page_need(struct smmu *smmu, uint16_t id)
{
	uint64_t **page = &smmu->cd_pages[id / CDS_PER_PAGE];

	if (*page)
		return 0;
	*page = pages_take(smmu->base.hw->pages);
	if (!*page)
		return -ENOMEM;
	smmu->base.counts.table_pages++;
	return 0;
}

/* --- making and ending --- */

static int table_init(struct smmu *smmu, struct smmu_space *space, uint64_t limit)
{
	const struct smmu_features *features = &smmu->features;
	struct pgtable_shape shape = {
		.input_bits = features->input_bits,
		.output_bits = features->output_bits,
		.root_level = S1_ROOT_LEVEL,
		.root_pages = 1,
	};
	struct s2_geometry geometry;

	if (features->stage2) {
		geometry = make_s2_geometry(features->input_bits, features->output_code);
		shape.input_bits = geometry.input_bits;
		shape.root_level = geometry.root_level;
		shape.root_pages = geometry.root_pages;
	}
	return pgtable_init(&space->table, features->stage2 ? &pgtable_arm_s2 : &pgtable_arm_s1,
			    smmu->base.hw->pages, &shape, limit);
}

static void entry_init(struct smmu *smmu, struct smmu_space *space)
{
	struct s2_geometry geometry;
	struct cd cd;

	if (smmu->features.stage2) {
		geometry = make_s2_geometry(smmu->features.input_bits, smmu->features.output_code);
		space->ste = make_ste_s2(pgtable_root(&space->table), space->id, &geometry);
		return;
	}
	cd = space_make_cd(smmu, space);
	writer_store_cd(space_cd(smmu, space), &cd);
	space->ste = make_ste_s1(pages_pa(smmu->base.hw->pages, space_cd(smmu, space)),
				 smmu->features.has_stall);
}

static void count_tables(struct smmu_space *space)
{
	struct drv_counts *counts = &space->base.unit->counts;

	counts->table_pages += space->table.table_pages - space->base.table_pages;
	space->base.table_pages = space->table.table_pages;
}

/* Ladder of space_create(): identifier, context descriptor, table. */
static int space_build(struct smmu *smmu, struct smmu_space *space, uint64_t limit,
		       struct error *err)
{
	int ret;

	ret = id_take(smmu, &space->id);
	if (ret) {
		error_set(err, ret,
			  "%s: all %u address space identifiers are in use; end a domain first",
			  smmu->base.name, id_count(smmu) - 1);
		return ret;
	}
	ret = smmu->features.stage2 ? 0 : cd_page_need(smmu, space->id);
	if (!ret)
		ret = table_init(smmu, space, limit);
	if (ret) {
		id_give(smmu, space->id);
		error_set(err, ret, "%s: no memory left in the arena for another address space",
			  smmu->base.name);
	}
	return ret;
}

int space_create(struct drv_unit *unit, uint64_t table_page_limit, struct drv_space **ret_space,
		 struct error *err)
{
	struct smmu *smmu = smmu_of(unit);
	struct smmu_space *space;
	int ret;

	ret = smmu_check_quiet(smmu, err);
	if (ret)
		return ret;
	space = calloc(1, sizeof(*space));
	if (!space)
		return error_set(err, -ENOMEM, "%s: out of memory", unit->name);
	ret = space_build(smmu, space, table_page_limit, err);
	if (ret) {
		free(space);
		return ret;
	}
	space->base.unit = unit;
	entry_init(smmu, space);
	count_tables(space);
	list_init(&space->in_drops);
	list_add_tail(&smmu->spaces, &space->in_unit);
	*ret_space = &space->base;
	return 0;
}

static void space_free(struct smmu *smmu, struct smmu_space *space)
{
	list_remove(&space->in_unit);
	list_remove(&space->in_drops);
	smmu->base.counts.table_pages -= space->base.table_pages;
	pgtable_fini(&space->table);
	id_give(smmu, space->id);
	free(space);
}

/*
 * Its tables and its identifier wait in limbo until an invalidation of the
 * identifier has completed; on a closed unit that is for ever.
 */
void space_destroy(struct drv_space *base)
{
	struct smmu_space *space = smmu_space_of(base);
	struct smmu *smmu = smmu_of(base->unit);

	check(space->bound_count == 0);
	if (!smmu->is_running && !smmu->base.is_closed) {
		space_free(smmu, space); /* the unit has never seen it */
		return;
	}
	list_remove(&space->in_unit);
	list_add_tail(&smmu->limbo, &space->in_unit);
	space->ticket = UINT64_MAX;
	if (!smmu->is_running)
		return;
	list_remove(&space->in_drops);
	cmdq_push(&smmu->cmdq, invalidate_make_space(smmu, space));
	space->ticket = invalidate_submit(smmu);
}

void space_settle(struct smmu *smmu)
{
	struct list *node, *after;

	list_for_each_safe (node, after, &smmu->limbo) {
		struct smmu_space *space = list_entry(node, struct smmu_space, in_unit);

		if (space->ticket > smmu->cmdq.done)
			return;
		space_free(smmu, space);
	}
}

void space_left(struct smmu *smmu, struct smmu_space *space)
{
	if (space->must_drop)
		return;
	space->must_drop = true;
	list_add_tail(&smmu->drops, &space->in_drops);
}

/* --- mapping: the walker's work --- */

int space_map(struct drv_space *base, iova_t iova, const struct drv_part *part, unsigned rights,
	      struct error *err)
{
	struct smmu_space *space = smmu_space_of(base);
	int ret = pgtable_map(&space->table, iova, part, rights, err);

	count_tables(space);
	return ret;
}

void space_unmap(struct drv_space *base, iova_t iova, uint64_t length, struct drv_gather *gather)
{
	struct smmu_space *space = smmu_space_of(base);

	pgtable_unmap(&space->table, iova, length, &gather->freed_chain);
	drv_gather_range(gather, base, iova.v, length);
	count_tables(space);
}

void space_walk(struct drv_space *base, iova_t iova, struct drv_walk *ret_walk)
{
	pgtable_walk(&smmu_space_of(base)->table, iova, ret_walk);
}
