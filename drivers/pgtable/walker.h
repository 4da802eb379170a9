/* SPDX-License-Identifier: BSD-2-Clause */
/* What the walker's files share: how levels, indices and entries relate. */
#ifndef SMMUMAN_DRIVERS_PGTABLE_WALKER_H
#define SMMUMAN_DRIVERS_PGTABLE_WALKER_H

#include "arith.h"
#include "pgtable.h"

#define WALKER_ENTRIES (UINT64_C(1) << PGTABLE_INDEX_BITS)

static inline unsigned level_shift(unsigned level)
{
	return PAGE_SHIFT + (PGTABLE_LEAF_LEVEL - level) * PGTABLE_INDEX_BITS;
}

/* The bytes of address one entry stands for. */
static inline uint64_t level_span(unsigned level)
{
	return UINT64_C(1) << level_shift(level);
}

/* Where the entry that covers iova ends, or end when that comes first. */
static inline uint64_t level_next(unsigned level, uint64_t iova, uint64_t end)
{
	uint64_t span = level_span(level);

	return min_u64(align_down(iova, span) + span, end);
}

/* A concatenated root is one table with more entries. */
static inline uint64_t root_entries(const struct pgtable *table)
{
	return table->shape.root_pages * WALKER_ENTRIES;
}

static inline uint64_t entry_index(const struct pgtable *table, unsigned level, uint64_t iova)
{
	uint64_t count = level == table->shape.root_level ? root_entries(table) : WALKER_ENTRIES;

	return (iova >> level_shift(level)) & (count - 1);
}

static inline bool entry_is_table(const struct pgtable_format *format, uint64_t entry,
				  unsigned level)
{
	return level != PGTABLE_LEAF_LEVEL && (entry & format->kind_mask) == format->table_bits;
}

/* count entries were stored: a unit that is not coherent must find them in memory. */
static inline void walker_flush(const struct pgtable *table, const uint64_t *at, uint64_t count)
{
	if (table->shape.is_noncoherent)
		hw_flush(at, count * sizeof(*at));
}

static inline pa_t entry_pa(const struct pgtable_format *format, uint64_t entry)
{
	return PA(entry & format->address_mask);
}

/* The table that an entry for which entry_is_table() holds points to. */
static inline uint64_t *entry_table(const struct pgtable *table, uint64_t entry)
{
	return (uint64_t *)pages_cpu(table->pages, entry_pa(table->format, entry));
}

/* The deepest level where one table could hold all of [iova, end). */
static inline unsigned path_limit(const struct pgtable *table, uint64_t iova, uint64_t end)
{
	unsigned level = PGTABLE_LEAF_LEVEL;

	for (; level > table->shape.root_level; level--)
		if ((iova ^ (end - 1)) >> level_shift(level - 1) == 0 &&
		    end - iova != level_span(level - 1))
			break;
	return level;
}

/*
 * Goes down to the deepest table that holds all of [iova, end), which is more
 * than one entry of it or a part of one. path[level] is the table there.
 */
static inline unsigned path_find(const struct pgtable *table, uint64_t iova, uint64_t end,
				 uint64_t *path[PGTABLE_LEAF_LEVEL + 1])
{
	unsigned limit = path_limit(table, iova, end);
	unsigned level = table->shape.root_level;
	unsigned shift = level_shift(level);
	uint64_t *entries = table->root;
	uint64_t index = iova >> shift; /* a concatenated root needs no mask */

	for (path[level] = entries; level < limit; path[++level] = entries) {
		if (!entry_is_table(table->format, entries[index], level))
			break;
		entries = entry_table(table, entries[index]);
		shift -= PGTABLE_INDEX_BITS;
		index = (iova >> shift) & (WALKER_ENTRIES - 1);
	}
	return level;
}

/*
 * Pushes a page no table points to any more. is_clean: all its words are 0, so
 * that pgtable_reap() has only the chain's own words to clear.
 */
void chain_push(struct pages *pages, uint64_t *chain, void *page, bool is_clean);

#endif
