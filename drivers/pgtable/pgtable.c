// SPDX-License-Identifier: BSD-2-Clause
/* Making a table, unmapping and ending it; map.c maps, inspect.c reads. */
#include "pgtable.h"

#include <errno.h>

#include "log.h"
#include "walker.h"

static bool shape_is_valid(const struct pgtable_format *format, const struct pgtable_shape *shape)
{
	uint64_t entries;

	if (shape->input_bits < format->input_bits_min ||
	    shape->input_bits > format->input_bits_max || shape->output_bits <= PAGE_SHIFT ||
	    shape->output_bits > format->output_bits_max ||
	    shape->root_level > PGTABLE_LEAF_LEVEL ||
	    shape->input_bits <= level_shift(shape->root_level))
		return false;
	if (shape->block_level && (shape->block_level < format->first_block_level ||
				   shape->block_level > PGTABLE_LEAF_LEVEL))
		return false;
	entries = UINT64_C(1) << (shape->input_bits - level_shift(shape->root_level));
	return shape->root_pages <= format->root_pages_max &&
	       shape->root_pages == max_u64(entries / WALKER_ENTRIES, 1);
}

int pgtable_init(struct pgtable *table, const struct pgtable_format *format, struct pages *pages,
		 const struct pgtable_shape *shape, uint64_t table_limit)
{
	uint32_t count = shape->root_pages;
	void *root;

	if (!shape_is_valid(format, shape))
		return -EINVAL;
	if (shape->is_noncoherent && !HW_CAN_FLUSH)
		return -ENOTSUP;
	if (table_limit && table_limit < count)
		return -EDQUOT;
	root = count == 1 ? pages_take(pages) : pages_take_run(pages, count, count * PAGE_BYTES);
	if (!root)
		return -ENOMEM;
	*table = (struct pgtable){
		.format = format,
		.pages = pages,
		.shape = *shape,
		.root = root,
		.table_pages = count,
		.table_limit = table_limit,
	};
	if (!shape->block_level)
		table->shape.block_level = format->first_block_level;
	walker_flush(table, root, root_entries(table));
	return 0;
}

/* Pushes a table nothing points to any more, and those only it pointed to. */
static void discard_table(struct pgtable *table, uint64_t *entries, unsigned level,
			  uint64_t *freed_chain)
{
	uint64_t i;

	for (i = 0; level < PGTABLE_LEAF_LEVEL && i < WALKER_ENTRIES; i++)
		if (entry_is_table(table->format, entries[i], level))
			discard_table(table, entry_table(table, entries[i]), level + 1,
				      freed_chain);
	chain_push(table->pages, freed_chain, entries, false);
	table->table_pages--;
}

static uint64_t clear_row(uint64_t *entries, uint64_t count)
{
	uint64_t cleared = 0;
	uint64_t i;

	for (i = 0; i < count; i++)
		cleared += entries[i] != 0;
	hw_fill64(entries, 0, 0, count);
	return cleared;
}

/* Takes away a table of which every word is 0. */
static void unlink_empty(struct pgtable *table, uint64_t *at, uint64_t *child,
			 uint64_t *freed_chain)
{
	hw_store64(at, 0);
	chain_push(table->pages, freed_chain, child, true);
	table->table_pages--;
}

static void clear_level(struct pgtable *table, uint64_t *entries, unsigned level, uint64_t iova,
			uint64_t end, uint64_t *freed_chain);

/* Clears [iova, next) of the table *at points to. True: so it is unlinked. */
static bool clear_child(struct pgtable *table, uint64_t *at, unsigned level, uint64_t iova,
			uint64_t next, uint64_t *freed_chain)
{
	uint64_t *child = entry_table(table, *at);

	if (next - iova == level_span(level)) {
		hw_store64(at, 0);
		discard_table(table, child, level + 1, freed_chain);
		return true;
	}
	clear_level(table, child, level + 1, iova, next, freed_chain);
	if (pages_note(table->pages, child)->live)
		return false;
	unlink_empty(table, at, child, freed_chain);
	return true;
}

static void clear_level(struct pgtable *table, uint64_t *entries, unsigned level, uint64_t iova,
			uint64_t end, uint64_t *freed_chain)
{
	uint64_t *first = entries + entry_index(table, level, iova);
	uint64_t *at = first;
	uint64_t cleared = 0;
	uint64_t next;

	for (; iova < end; iova = next) {
		at = entries + entry_index(table, level, iova);
		next = level_next(level, iova, end);
		if (level == PGTABLE_LEAF_LEVEL) {
			next = end;
			cleared += clear_row(at, (end - iova) >> PAGE_SHIFT);
			at += ((end - iova) >> PAGE_SHIFT) - 1;
		} else if (entry_is_table(table->format, *at, level)) {
			cleared += clear_child(table, at, level, iova, next, freed_chain);
		} else if (*at) {
			check(next - iova == level_span(level)); /* no grant ends in a block */
			hw_store64(at, 0);
			cleared++;
		}
	}
	if (cleared)
		walker_flush(table, first, (uint64_t)(at - first) + 1);
	pages_note(table->pages, entries)->live -= (uint16_t)cleared;
}

void pgtable_unmap(struct pgtable *table, iova_t iova, uint64_t length, uint64_t *freed_chain)
{
	uint64_t *path[PGTABLE_LEAF_LEVEL + 1] = { 0 };
	uint64_t *at;
	unsigned level;

	check(is_aligned(iova.v | length, PAGE_BYTES) &&
	      range_within(iova.v, length, 0, UINT64_C(1) << table->shape.input_bits));
	level = path_find(table, iova.v, iova.v + length, path);
	clear_level(table, path[level], level, iova.v, iova.v + length, freed_chain);
	for (; level > table->shape.root_level; level--) {
		if (pages_note(table->pages, path[level])->live)
			return;
		at = path[level - 1] + entry_index(table, level - 1, iova.v);
		unlink_empty(table, at, path[level], freed_chain);
		walker_flush(table, at, 1);
		pages_note(table->pages, path[level - 1])->live--;
	}
}

void pgtable_fini(struct pgtable *table)
{
	uint64_t *entries = table->root;
	uint64_t chain = 0;
	uint64_t i;

	for (i = 0; i < root_entries(table); i++)
		if (entry_is_table(table->format, entries[i], table->shape.root_level))
			discard_table(table, entry_table(table, entries[i]),
				      table->shape.root_level + 1, &chain);
	pgtable_reap(table->pages, chain);
	pages_give(table->pages, table->root, table->shape.root_pages);
	table->root = NULL;
	table->table_pages = 0;
}
