// SPDX-License-Identifier: BSD-2-Clause
/* Reading a live table: for people, for the audit, for whoever adopts it. */
#include <errno.h>
#include <inttypes.h>

#include "walker.h"

static void step_fill(const struct pgtable *table, const uint64_t *entries, unsigned level,
		      uint64_t iova, struct drv_walk_step *step)
{
	uint64_t index = entry_index(table, level, iova);
	uint64_t entry = hw_load64(&entries[index]);
	bool is_valid = entry & table->format->valid_mask;

	*step = (struct drv_walk_step){
		.level = level,
		.table_pa = pages_pa(table->pages, entries).v,
		.index = index,
		.entry = entry,
		.is_valid = is_valid,
		.is_leaf = is_valid && !entry_is_table(table->format, entry, level),
	};
}

void pgtable_walk(const struct pgtable *table, iova_t iova, struct drv_walk *ret_walk)
{
	const uint64_t *entries = table->root;
	unsigned level = table->shape.root_level;
	struct drv_walk_step *step;

	*ret_walk = (struct drv_walk){ 0 };
	if (iova.v >> table->shape.input_bits)
		return;
	for (;;) {
		step = &ret_walk->steps[ret_walk->step_count++];
		step_fill(table, entries, level++, iova.v, step);
		if (!step->is_valid)
			return;
		if (step->is_leaf)
			break;
		entries = entry_table(table, step->entry);
	}
	ret_walk->is_mapped = true;
	ret_walk->leaf_bytes = level_span(step->level);
	ret_walk->pa =
		entry_pa(table->format, step->entry).v + (iova.v & (ret_walk->leaf_bytes - 1));
	ret_walk->rights = (uint8_t)table->format->leaf_rights(step->entry);
}

struct visit {
	const struct pgtable *table;
	int (*fn)(void *context, iova_t iova, pa_t pa, uint64_t bytes, unsigned rights);
	void *context;
};

static int visit_table(const struct visit *visit, const uint64_t *entries, uint64_t count,
		       unsigned level, uint64_t iova)
{
	const struct pgtable_format *format = visit->table->format;
	uint64_t entry, i;
	int error = 0;

	for (i = 0; i < count && !error; i++, iova += level_span(level)) {
		entry = hw_load64(&entries[i]);
		if (!(entry & format->valid_mask))
			continue;
		if (entry_is_table(format, entry, level))
			error = visit_table(visit, entry_table(visit->table, entry), WALKER_ENTRIES,
					    level + 1, iova);
		else
			error = visit->fn(visit->context, IOVA(iova), entry_pa(format, entry),
					  level_span(level), format->leaf_rights(entry));
	}
	return error;
}

int pgtable_for_each_leaf(const struct pgtable *table,
			  int (*fn)(void *context, iova_t iova, pa_t pa, uint64_t bytes,
				    unsigned rights),
			  void *context)
{
	struct visit visit = { .table = table, .fn = fn, .context = context };

	return visit_table(&visit, table->root, root_entries(table), table->shape.root_level, 0);
}

struct audit {
	const struct pgtable *table;
	uint64_t pages; /* seen so far, root included */
	struct error *err;
};

static int audit_leaf(const struct audit *audit, uint64_t entry, unsigned level, uint64_t iova)
{
	const struct pgtable_format *format = audit->table->format;
	pa_t pa = entry_pa(format, entry);
	unsigned rights = format->leaf_rights(entry);

	if (level < audit->table->shape.block_level || !is_aligned(pa.v, level_span(level)) ||
	    !format->can_express(rights) ||
	    (format->make_leaf(pa, rights, level) | audit->table->shape.leaf_bits) != entry)
		return error_set(audit->err, -EBADE,
				 "%s entry 0x%" PRIx64 " at level %u for address 0x%" PRIx64
				 " is none that was ever written",
				 format->name, entry, level, iova);
	if (pa.v >> audit->table->shape.output_bits ||
	    pages_overlap(audit->table->pages, pa, level_span(level)))
		return error_set(audit->err, -EBADE,
				 "%s entry 0x%" PRIx64
				 " at level %u opens physical address 0x%" PRIx64
				 ", which is never granted",
				 format->name, entry, level, pa.v);
	return 0;
}

/* Is entry a pointer to a page of the arena which is in use? */
static int audit_pointer(const struct audit *audit, uint64_t entry, unsigned level, uint64_t iova)
{
	const struct pgtable *table = audit->table;
	pa_t pa = entry_pa(table->format, entry);

	if (entry != (pa.v | table->format->table_bits) ||
	    !range_within(pa.v, PAGE_BYTES, table->pages->pa.v, table->pages->size) ||
	    !pages_note(table->pages, entry_table(table, entry))->taken)
		return error_set(audit->err, -EBADE,
				 "%s entry 0x%" PRIx64 " at level %u for address 0x%" PRIx64
				 " points to no table of ours",
				 table->format->name, entry, level, iova);
	return 0;
}

static int audit_table(struct audit *audit, const uint64_t *entries, uint64_t count, unsigned level,
		       uint64_t iova)
{
	const struct pgtable *table = audit->table;
	uint64_t start = iova;
	uint64_t live = 0;
	uint64_t entry, i;
	int error;

	for (i = 0; i < count; i++, iova += level_span(level)) {
		entry = hw_load64(&entries[i]);
		if (entry == 0)
			continue;
		live++;
		if (!entry_is_table(table->format, entry, level))
			error = audit_leaf(audit, entry, level, iova);
		else if ((error = audit_pointer(audit, entry, level, iova)) == 0)
			error = audit_table(audit, entry_table(table, entry), WALKER_ENTRIES,
					    level + 1, iova);
		if (error)
			return error;
	}
	audit->pages += count / WALKER_ENTRIES;
	if (live != pages_note(table->pages, entries)->live)
		return error_set(audit->err, -EBADE,
				 "the level %u table for address 0x%" PRIx64 " has %" PRIu64
				 " entries, %u were written",
				 level, start, live, pages_note(table->pages, entries)->live);
	if (live == 0 && level != table->shape.root_level)
		return error_set(audit->err, -EBADE,
				 "the level %u table for address 0x%" PRIx64 " is empty and linked",
				 level, start);
	return 0;
}

int pgtable_audit(const struct pgtable *table, struct error *err)
{
	struct audit audit = { .table = table, .err = err };
	int error =
		audit_table(&audit, table->root, root_entries(table), table->shape.root_level, 0);

	if (error)
		return error;
	if (audit.pages != table->table_pages)
		return error_set(err, -EBADE,
				 "%" PRIu64 " table pages are linked, %" PRIu64 " were counted",
				 audit.pages, table->table_pages);
	return 0;
}
