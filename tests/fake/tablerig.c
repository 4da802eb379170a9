// SPDX-License-Identifier: BSD-2-Clause
#include "tablerig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GIB (UINT64_C(1) << 30)
#define MIB (UINT64_C(1) << 20)

const struct tablerig_shape tablerig_shapes[] = {
	{ AUDITOR_ARM_STAGE_1, 48, 0, 1, 0, false }, { AUDITOR_ARM_STAGE_1, 39, 1, 1, 0, false },
	{ AUDITOR_ARM_STAGE_1, 36, 1, 1, 0, false }, { AUDITOR_ARM_STAGE_2, 48, 0, 1, 0, false },
	{ AUDITOR_ARM_STAGE_2, 40, 1, 2, 0, false }, { AUDITOR_ARM_STAGE_2, 43, 1, 16, 0, false },
	{ AUDITOR_ARM_STAGE_2, 44, 0, 1, 0, false }, { AUDITOR_VTD_FIRST, 47, 0, 1, 0, false },
	{ AUDITOR_VTD_FIRST, 47, 0, 1, 2, true },    { AUDITOR_VTD_SECOND, 48, 0, 1, 0, false },
	{ AUDITOR_VTD_SECOND, 48, 0, 1, 2, true },   { AUDITOR_VTD_SECOND, 39, 1, 1, 1, true },
	{ AUDITOR_VTD_SECOND, 39, 1, 1, 3, false },  { 0 },
};

const struct pgtable_format *tablerig_format(enum auditor_stage stage)
{
	switch (stage) {
	case AUDITOR_ARM_STAGE_1: return &pgtable_arm_s1;
	case AUDITOR_ARM_STAGE_2: return &pgtable_arm_s2;
	case AUDITOR_VTD_FIRST: return &pgtable_vtd_fs;
	default: return &pgtable_vtd_ss;
	}
}

unsigned tablerig_rights(enum auditor_stage stage)
{
	bool is_arm = stage == AUDITOR_ARM_STAGE_1 || stage == AUDITOR_ARM_STAGE_2;

	return RIGHT_READ | RIGHT_WRITE | (is_arm ? RIGHT_EXEC : 0);
}

void tablerig_open(struct tablerig *rig, const struct tablerig_shape *shape, uint64_t arena_pages,
		   uint64_t table_limit)
{
	struct pgtable_shape table_shape = {
		.input_bits = shape->input_bits,
		.output_bits = 44,
		.root_level = shape->root_level,
		.root_pages = shape->root_pages,
		.block_level = shape->block_level,
		.is_noncoherent = shape->is_noncoherent,
	};
	uint64_t bytes = arena_pages * PAGE_BYTES;

	rig->memory = aligned_alloc(PAGE_BYTES, bytes);
	if (!rig->memory)
		abort();
	memset(rig->memory, 0xa5, bytes); /* whoever relies on zeroes must make them */
	if (pages_init(&rig->pages, rig->memory, PA(TABLERIG_PA), bytes))
		abort();
	if (pgtable_init(&rig->table, tablerig_format(shape->stage), &rig->pages, &table_shape,
			 table_limit))
		abort();
	rig->view = (struct auditor_view){
		.memory = rig->memory,
		.memory_pa = TABLERIG_PA,
		.memory_bytes = bytes,
		.root_pa = pgtable_root(&rig->table).v,
		.stage = shape->stage,
		.input_bits = shape->input_bits,
		.output_bits = 44,
		.start_level = shape->root_level,
		.block_level = shape->block_level,
	};
	oracle_init(&rig->oracle);
}

void tablerig_add_windows(struct tablerig *rig)
{
	uint64_t end = UINT64_C(1) << rig->view.input_bits;

	oracle_add_window(&rig->oracle, 0, 8 * MIB);
	oracle_add_window(&rig->oracle, GIB - 8 * MIB, GIB + 16 * MIB);
	oracle_add_window(&rig->oracle, end - 8 * MIB, 8 * MIB);
}

const char *tablerig_close(struct tablerig *rig)
{
	const char *wrong = NULL;

	pgtable_fini(&rig->table);
	if (pages_free_count(&rig->pages) != rig->pages.page_count)
		wrong = "table pages were not given back";
	pages_fini(&rig->pages);
	free(rig->memory);
	oracle_fini(&rig->oracle);
	return wrong;
}

int tablerig_map(struct tablerig *rig, uint64_t iova, const struct drv_part *part, unsigned rights)
{
	struct error err;
	int error = pgtable_map(&rig->table, IOVA(iova), part, rights, &err);

	if (!error)
		oracle_map(&rig->oracle, iova, part, rights & tablerig_rights(rig->view.stage));
	return error;
}

void tablerig_unmap(struct tablerig *rig, uint64_t iova, uint64_t length, uint64_t *chain)
{
	uint64_t own_chain = 0;

	oracle_unmap(&rig->oracle, iova, length);
	pgtable_unmap(&rig->table, IOVA(iova), length, chain ? chain : &own_chain);
	pgtable_reap(&rig->pages, own_chain);
}

int tablerig_map_at(struct tablerig *rig, uint64_t iova, uint64_t pa, uint64_t length,
		    unsigned rights)
{
	struct extent extent = { PA(pa), length };
	struct drv_part part = tablerig_part(&extent);

	return tablerig_map(rig, iova, &part, rights);
}

uint64_t tablerig_leaf_bytes(const struct tablerig *rig, uint64_t iova)
{
	struct drv_walk walk;

	pgtable_walk(&rig->table, IOVA(iova), &walk);
	return walk.leaf_bytes;
}

const char *tablerig_check_page(const struct tablerig *rig, uint64_t iova)
{
	uint64_t want = oracle_get(&rig->oracle, iova);
	struct auditor_leaf leaf;
	struct drv_walk walk;
	const char *wrong;

	wrong = auditor_translate(&rig->view, iova, &leaf);
	if (wrong)
		return wrong;
	if (!want != !leaf.bytes)
		return want ? "the table lacks a page" : "the table has a page too much";
	if (want && ((leaf.pa + (iova & (leaf.bytes - 1) & -PAGE_BYTES)) | leaf.rights) != want)
		return "the table has the wrong page or rights";
	pgtable_walk(&rig->table, IOVA(iova), &walk);
	if (walk.is_mapped != !!want)
		return "the walk disagrees on what is mapped";
	if (want && ((walk.pa & -PAGE_BYTES) | walk.rights) != want)
		return "the walk disagrees on page or rights";
	if (want && walk.leaf_bytes != leaf.bytes)
		return "the walk disagrees on the leaf's size";
	return NULL;
}

struct comparison {
	const struct tablerig *rig;
	uint64_t pages;
};

static const char *compare_leaf(void *context, const struct auditor_leaf *leaf)
{
	struct comparison *comparison = context;
	uint64_t done;

	for (done = 0; done < leaf->bytes; done += PAGE_BYTES)
		if (oracle_get(&comparison->rig->oracle, leaf->iova + done) !=
		    ((leaf->pa + done) | leaf->rights))
			return "a leaf is not what was mapped";
	comparison->pages += leaf->bytes / PAGE_BYTES;
	return NULL;
}

const char *tablerig_check_all(const struct tablerig *rig)
{
	struct comparison comparison = { .rig = rig };
	static struct error err;
	const char *wrong;
	uint64_t tables;

	wrong = auditor_read_all(&rig->view, compare_leaf, &comparison, &tables);
	if (wrong)
		return wrong;
	if (comparison.pages != rig->oracle.mapped)
		return "pages are missing";
	if (tables != rig->table.table_pages)
		return "table pages are counted wrongly";
	return pgtable_audit(&rig->table, &err) ? err.text : NULL;
}

struct drv_part tablerig_part(const struct extent *extent)
{
	return (struct drv_part){
		.extents = extent, .extent_count = 1, .length = extent->length, .fd = -1
	};
}
