// SPDX-License-Identifier: BSD-2-Clause
/* Going through the levels; what an entry means: auditor_arm.c, auditor_vtd.c. */
#include "auditor.h"

#include <string.h>

#include "auditor_entry.h"

static const unsigned shifts[4] = { 39, 30, 21, 12 };

static const struct auditor_entries *entries_of(const struct auditor_view *view)
{
	switch (view->stage) {
	case AUDITOR_ARM_STAGE_1: return &auditor_arm_stage_1;
	case AUDITOR_ARM_STAGE_2: return &auditor_arm_stage_2;
	case AUDITOR_VTD_FIRST: return &auditor_vtd_first;
	default: return &auditor_vtd_second;
	}
}

static const char *entry_load(const struct auditor_view *view, uint64_t pa, uint64_t *ret)
{
	if (pa < view->memory_pa || pa + 8 > view->memory_pa + view->memory_bytes)
		return "a table lies outside the table memory";
	memcpy(ret, (const char *)view->memory + (pa - view->memory_pa), 8);
	return NULL;
}

/* What a unit takes the entry at pa for. */
static const char *entry_read(const struct auditor_view *view, uint64_t pa, unsigned level,
			      enum auditor_kind *ret_kind, uint64_t *ret_entry)
{
	const char *broken = entry_load(view, pa, ret_entry);

	*ret_kind = AUDITOR_EMPTY;
	if (!broken)
		broken = entries_of(view)->kind(*ret_entry, level, ret_kind);
	if (!broken && *ret_kind == AUDITOR_LEAF && level == 0)
		broken = "a block at level 0";
	if (!broken && *ret_kind == AUDITOR_LEAF && level < view->block_level)
		broken = "a block larger than the unit has";
	return broken;
}

static const char *leaf_read(const struct auditor_view *view, uint64_t entry, unsigned level,
			     struct auditor_leaf *leaf)
{
	leaf->bytes = 1ULL << shifts[level];
	leaf->pa = entry & entries_of(view)->address;
	if (leaf->pa % leaf->bytes)
		return "a block's address has bits below the block's size";
	if (leaf->pa >> view->output_bits)
		return "a leaf's address is beyond the output size";
	if (leaf->pa < view->memory_pa + view->memory_bytes &&
	    leaf->pa + leaf->bytes > view->memory_pa)
		return "a leaf opens the table memory";
	return entries_of(view)->leaf(entry, level, &leaf->rights);
}

const char *auditor_translate(const struct auditor_view *view, uint64_t iova,
			      struct auditor_leaf *ret_leaf)
{
	uint64_t table = view->root_pa;
	unsigned level = view->start_level;
	uint64_t index, entry;
	const char *broken;
	enum auditor_kind kind;

	memset(ret_leaf, 0, sizeof(*ret_leaf));
	if (iova >> view->input_bits)
		return NULL;
	for (;; level++) {
		index = iova >> shifts[level];
		if (level != view->start_level)
			index %= 512;
		broken = entry_read(view, table + 8 * index, level, &kind, &entry);
		if (broken || kind == AUDITOR_EMPTY)
			return broken;
		if (kind == AUDITOR_LEAF)
			break;
		table = entry & entries_of(view)->address;
	}
	ret_leaf->iova = iova & ~((1ULL << shifts[level]) - 1);
	return leaf_read(view, entry, level, ret_leaf);
}

struct reading {
	const struct auditor_view *view;
	auditor_leaf_fn *fn;
	void *context;
	uint64_t tables;
};

static const char *read_table(struct reading *reading, uint64_t table, uint64_t entries,
			      unsigned level, uint64_t iova);

static const char *read_entry(struct reading *reading, uint64_t pa, unsigned level, uint64_t iova)
{
	struct auditor_leaf leaf = { .iova = iova };
	enum auditor_kind kind;
	const char *broken;
	uint64_t entry;

	broken = entry_read(reading->view, pa, level, &kind, &entry);
	if (broken || kind == AUDITOR_EMPTY)
		return broken;
	if (kind == AUDITOR_TABLE)
		return read_table(reading, entry & entries_of(reading->view)->address, 512,
				  level + 1, iova);
	broken = leaf_read(reading->view, entry, level, &leaf);
	return broken ? broken : reading->fn(reading->context, &leaf);
}

static const char *read_table(struct reading *reading, uint64_t table, uint64_t entries,
			      unsigned level, uint64_t iova)
{
	const char *broken;
	uint64_t i;

	/* A page may be reached once: more tables than pages are a loop. */
	reading->tables += entries > 512 ? entries / 512 : 1;
	if (reading->tables > reading->view->memory_bytes / 4096)
		return "a table is reached twice";
	for (i = 0; i < entries; i++, iova += 1ULL << shifts[level]) {
		broken = read_entry(reading, table + 8 * i, level, iova);
		if (broken)
			return broken;
	}
	return NULL;
}

const char *auditor_read_all(const struct auditor_view *view, auditor_leaf_fn *fn, void *context,
			     uint64_t *ret_tables)
{
	struct reading reading = { .view = view, .fn = fn, .context = context };
	uint64_t entries = 1ULL << (view->input_bits - shifts[view->start_level]);
	const char *broken;

	if (entries * 8 > 4096 && view->root_pa % (entries * 8))
		return "a concatenated root is not aligned to its size";
	broken = read_table(&reading, view->root_pa, entries, view->start_level, 0);
	if (ret_tables)
		*ret_tables = reading.tables;
	return broken;
}
