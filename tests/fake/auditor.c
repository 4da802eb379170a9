// SPDX-License-Identifier: BSD-2-Clause
/*
 * From the Arm Architecture Reference Manual (DDI 0487), chapter D8.3: table,
 * block and page descriptors; D8.4: access permissions; and IHI 0070, 3.4:
 * how the unit picks the first table.
 */
#include "auditor.h"

#include <string.h>

/* One descriptor's address bits at each level, 4 KiB granule. */
static const struct level {
	unsigned shift;
	uint64_t output_mask;
	bool has_blocks;
} levels[4] = {
	{ 39, 0, false },
	{ 30, 0x0000ffffc0000000, true },
	{ 21, 0x0000ffffffe00000, true },
	{ 12, 0x0000fffffffff000, true },
};

#define TABLE_ADDRESS 0x0000fffffffff000

static const char *descriptor_load(const struct auditor_view *view, uint64_t pa, uint64_t *ret)
{
	if (pa < view->memory_pa || pa + 8 > view->memory_pa + view->memory_bytes)
		return "a table lies outside the table memory";
	memcpy(ret, (const char *)view->memory + (pa - view->memory_pa), 8);
	return NULL;
}

static const char *stage1_attributes(uint64_t descriptor, unsigned *ret_rights)
{
	if ((descriptor >> 2 & 7) != 0)
		return "stage 1 leaf: AttrIndx is not 0";
	if (!(descriptor & 1ULL << 6))
		return "stage 1 leaf: AP[1] clear, devices' accesses are unprivileged";
	if (!(descriptor & 1ULL << 11))
		return "stage 1 leaf: nG clear, the entry would serve every ASID";
	if ((descriptor >> 53 & 1) != (descriptor >> 54 & 1))
		return "stage 1 leaf: PXN and UXN differ";
	if (descriptor & ~0x0060fffffffffffcULL & ~3ULL)
		return "stage 1 leaf: unexpected upper bits";
	if (descriptor & 1ULL << 5)
		return "stage 1 leaf: NS set";
	*ret_rights = AUDITOR_READ;
	if (!(descriptor & 1ULL << 7))
		*ret_rights |= AUDITOR_WRITE;
	if (!(descriptor & 1ULL << 54))
		*ret_rights |= AUDITOR_EXEC;
	return NULL;
}

static const char *stage2_attributes(uint64_t descriptor, unsigned *ret_rights)
{
	if ((descriptor >> 2 & 0xf) != 0xf)
		return "stage 2 leaf: MemAttr is not normal write-back";
	if (descriptor & 1ULL << 11)
		return "stage 2 leaf: bit 11 set";
	if (descriptor & 1ULL << 53)
		return "stage 2 leaf: XN[0] set";
	if (descriptor & ~0x0040fffffffffffcULL & ~3ULL)
		return "stage 2 leaf: unexpected upper bits";
	*ret_rights = 0;
	if (descriptor & 1ULL << 6)
		*ret_rights |= AUDITOR_READ;
	if (descriptor & 1ULL << 7)
		*ret_rights |= AUDITOR_WRITE;
	if (!(descriptor & 1ULL << 54))
		*ret_rights |= AUDITOR_EXEC;
	if (!(*ret_rights & 3))
		return "stage 2 leaf: neither readable nor writable";
	return NULL;
}

static const char *leaf_decode(const struct auditor_view *view, uint64_t descriptor, unsigned level,
			       struct auditor_leaf *leaf)
{
	uint64_t low_address = TABLE_ADDRESS & ~levels[level].output_mask;

	leaf->bytes = 1ULL << levels[level].shift;
	leaf->pa = descriptor & levels[level].output_mask;
	if (descriptor & low_address)
		return "a block's address has bits below the block's size";
	if (leaf->pa >> view->output_bits)
		return "a leaf's address is beyond the output size";
	if (leaf->pa < view->memory_pa + view->memory_bytes &&
	    leaf->pa + leaf->bytes > view->memory_pa)
		return "a leaf opens the table memory";
	if (!(descriptor & 1ULL << 10))
		return "a leaf's AF is clear";
	if ((descriptor >> 8 & 3) != 3)
		return "a leaf is not inner shareable";
	return view->stage == 1 ? stage1_attributes(descriptor, &leaf->rights)
				: stage2_attributes(descriptor, &leaf->rights);
}

enum kind { KIND_EMPTY, KIND_TABLE, KIND_LEAF };

/* What a unit takes the descriptor for. */
static const char *kind_decode(uint64_t descriptor, unsigned level, enum kind *ret_kind)
{
	*ret_kind = KIND_EMPTY;
	switch (descriptor & 3) {
	case 0:
	case 2: return NULL;
	case 1:
		*ret_kind = KIND_LEAF;
		if (level == 3)
			return "reserved descriptor at level 3";
		return levels[level].has_blocks ? NULL : "a block at level 0";
	default:
		*ret_kind = level == 3 ? KIND_LEAF : KIND_TABLE;
		if (*ret_kind == KIND_TABLE && descriptor & ~(TABLE_ADDRESS | 3))
			return "a table descriptor has attribute bits";
		return NULL;
	}
}

const char *auditor_translate(const struct auditor_view *view, uint64_t iova,
			      struct auditor_leaf *ret_leaf)
{
	uint64_t table = view->root_pa;
	unsigned level = view->start_level;
	uint64_t index, descriptor;
	const char *broken;
	enum kind kind;

	memset(ret_leaf, 0, sizeof(*ret_leaf));
	if (iova >> view->input_bits)
		return NULL;
	for (;; level++) {
		index = iova >> levels[level].shift;
		if (level != view->start_level)
			index %= 512;
		broken = descriptor_load(view, table + 8 * index, &descriptor);
		if (!broken)
			broken = kind_decode(descriptor, level, &kind);
		if (broken || kind == KIND_EMPTY)
			return broken;
		if (kind == KIND_LEAF)
			break;
		table = descriptor & TABLE_ADDRESS;
	}
	ret_leaf->iova = iova & ~((1ULL << levels[level].shift) - 1);
	return leaf_decode(view, descriptor, level, ret_leaf);
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
	uint64_t descriptor;
	const char *broken;
	enum kind kind;

	broken = descriptor_load(reading->view, pa, &descriptor);
	if (!broken)
		broken = kind_decode(descriptor, level, &kind);
	if (broken || kind == KIND_EMPTY)
		return broken;
	if (kind == KIND_TABLE)
		return read_table(reading, descriptor & TABLE_ADDRESS, 512, level + 1, iova);
	broken = leaf_decode(reading->view, descriptor, level, &leaf);
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
	for (i = 0; i < entries; i++, iova += 1ULL << levels[level].shift) {
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
	uint64_t entries = 1ULL << (view->input_bits - levels[view->start_level].shift);
	const char *broken;

	if (entries * 8 > 4096 && view->root_pa % (entries * 8))
		return "a concatenated root is not aligned to its size";
	broken = read_table(&reading, view->root_pa, entries, view->start_level, 0);
	if (ret_tables)
		*ret_tables = reading.tables;
	return broken;
}
