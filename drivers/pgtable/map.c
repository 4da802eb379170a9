// SPDX-License-Identifier: BSD-2-Clause
/*
 * Mapping. A map goes over its range twice: plan_level() refuses and counts,
 * changing nothing; write_level() writes and cannot fail. A table page is
 * filled while nothing points to it; what makes it reachable waits in a short
 * list of links, so that one barrier serves many of them.
 */
#include <errno.h>
#include <inttypes.h>

#include "log.h"
#include "source.h"
#include "walker.h"

#define LINKS_MAX 16

struct map {
	struct pgtable *table;
	struct source from;
	unsigned rights;
	uint64_t tables_needed;
	uint64_t conflict; /* what -EEXIST is about */
	uint32_t link_count;
	struct link {
		uint64_t *where, entry;
	} links[LINKS_MAX];
};

/* How many leaves of this level fit one after the other, from iova on? */
static uint64_t leaves_in_a_row(const struct map *map, unsigned level, uint64_t iova, uint64_t end)
{
	if (level < map->table->shape.block_level ||
	    !is_aligned(iova | map->from.pa, level_span(level)))
		return 0;
	return min_u64(map->from.run, end - iova) >> level_shift(level);
}

/* Notes what is mapped first at or below *at, the entry for iova. */
static int plan_conflict(struct map *map, const uint64_t *at, unsigned level, uint64_t iova)
{
	while (entry_is_table(map->table->format, *at, level)) {
		at = entry_table(map->table, *at);
		level++;
		for (; *at == 0; at++) /* a table that is linked is never empty */
			iova += level_span(level);
	}
	map->conflict = iova;
	return -EEXIST;
}

/* Are the entries which a row of leaves is to take all empty? */
static int plan_row(struct map *map, const uint64_t *entries, uint64_t count, unsigned level,
		    uint64_t iova)
{
	uint64_t used = 0;
	uint64_t i;

	if (!entries)
		return 0;
	for (i = 0; i < count; i++)
		used |= entries[i];
	if (!used)
		return 0;
	for (i = 0; !entries[i]; i++)
		;
	return plan_conflict(map, entries + i, level, iova + (i << level_shift(level)));
}

/* entries is NULL where the table has yet to be made. */
static int plan_level(struct map *map, const uint64_t *entries, unsigned level, uint64_t iova,
		      uint64_t end)
{
	const struct pgtable *table = map->table;
	const uint64_t *child, *at;
	uint64_t count, next;
	int error;

	for (; iova < end; iova = next) {
		at = entries ? entries + entry_index(table, level, iova) : NULL;
		count = leaves_in_a_row(map, level, iova, end);
		if (count) {
			next = iova + (count << level_shift(level));
			error = plan_row(map, at, count, level, iova);
			source_take(&map->from, next - iova);
		} else {
			next = level_next(level, iova, end);
			if (at && *at && !entry_is_table(table->format, *at, level))
				return plan_conflict(map, at, level, iova);
			child = at && *at ? entry_table(table, *at) : NULL;
			map->tables_needed += !child;
			error = plan_level(map, child, level + 1, iova, next);
		}
		if (error)
			return error;
	}
	return 0;
}

static int plan_reserve(const struct map *map, struct error *err)
{
	const struct pgtable *table = map->table;

	if (table->table_limit && map->tables_needed > table->table_limit - table->table_pages)
		return error_set(
			err, -EDQUOT,
			"the mapping needs %" PRIu64 " more table pages and %" PRIu64
			" of at most %" PRIu64
			" are in use: use larger contiguous memory, unmap something or raise the limit",
			map->tables_needed, table->table_pages, table->table_limit);
	if (map->tables_needed > pages_free_count(table->pages))
		return error_set(
			err, -ENOMEM,
			"the mapping needs %" PRIu64
			" more table pages and %u are left: unmap something or give the unit a larger arena",
			map->tables_needed, pages_free_count(table->pages));
	return 0;
}

/* Those side by side, which most are, together. */
static void links_write_back(const struct map *map)
{
	const struct link *links = map->links;
	uint32_t i, next;

	for (i = 0; i < map->link_count; i = next) {
		for (next = i + 1; next < map->link_count; next++)
			if (links[next].where != links[i].where + (next - i))
				break;
		walker_flush(map->table, links[i].where, next - i);
	}
}

static void links_flush(struct map *map)
{
	uint32_t i;

	if (map->link_count == 0)
		return;
	hw_barrier();
	for (i = 0; i < map->link_count; i++)
		hw_store64(map->links[i].where, map->links[i].entry);
	if (map->table->shape.is_noncoherent)
		links_write_back(map);
	map->link_count = 0;
}

/* Points *where at a table whose last word has been stored. */
static void link_table(struct map *map, uint64_t *where, const void *child, bool is_reachable)
{
	uint64_t entry = pages_pa(map->table->pages, child).v | map->table->format->table_bits;

	if (!is_reachable) {
		hw_store64(where, entry);
		return;
	}
	map->links[map->link_count++] = (struct link){ .where = where, .entry = entry };
	if (map->link_count == LINKS_MAX)
		links_flush(map);
}

static void *table_take(struct pgtable *table)
{
	void *page = pages_take(table->pages);

	check(page); /* plan_reserve() has counted */
	table->table_pages++;
	return page;
}

static void write_level(struct map *map, uint64_t *entries, unsigned level, uint64_t iova,
			uint64_t end, bool is_reachable)
{
	const struct pgtable_format *format = map->table->format;
	uint64_t *at, *child;
	uint64_t count, next;
	uint64_t added = 0;

	for (; iova < end; iova = next) {
		at = entries + entry_index(map->table, level, iova);
		count = leaves_in_a_row(map, level, iova, end);
		if (count) {
			next = iova + (count << level_shift(level));
			hw_fill64(at, format->make_leaf(PA(map->from.pa), map->rights, level) |
						  map->table->shape.leaf_bits,
				  level_span(level), count);
			if (is_reachable)
				walker_flush(map->table, at, count);
			source_take(&map->from, next - iova);
			added += count;
			continue;
		}
		next = level_next(level, iova, end);
		if (*at) {
			write_level(map, entry_table(map->table, *at), level + 1, iova, next,
				    is_reachable);
			continue;
		}
		child = table_take(map->table);
		write_level(map, child, level + 1, iova, next, false);
		walker_flush(map->table, child, WALKER_ENTRIES); /* its zeroes as well */
		link_table(map, at, child, is_reachable);
		added++;
	}
	pages_note(map->table->pages, entries)->live += (uint16_t)added;
}

static int request_check(const struct pgtable *table, uint64_t iova, const struct drv_part *part,
			 unsigned rights, struct error *err)
{
	if (!table->format->can_express(rights))
		return error_set(err, -EOPNOTSUPP,
				 "%s tables cannot express %s%s%s%s without granting more or less",
				 table->format->name, rights & RIGHT_READ ? "r" : "-",
				 rights & RIGHT_WRITE ? "w" : "-", rights & RIGHT_EXEC ? "x" : "-",
				 rights & ~(unsigned)RIGHT_ALL ? " and unknown rights" : "");
	if (!is_aligned(iova | part->offset | part->length, PAGE_BYTES))
		return error_set(err, -EINVAL,
				 "address 0x%" PRIx64 ", offset 0x%" PRIx64 ", length 0x%" PRIx64
				 ": each must be a multiple of 4096",
				 iova, part->offset, part->length);
	if (!range_within(iova, part->length, 0, UINT64_C(1) << table->shape.input_bits))
		return error_set(err, -EINVAL,
				 "address 0x%" PRIx64 ", length 0x%" PRIx64
				 ": empty or outside the %u bits of device address the unit has",
				 iova, part->length, table->shape.input_bits);
	return 0;
}

static int map_conflict(uint64_t iova, struct error *err)
{
	return error_set(err, -EEXIST, "address 0x%" PRIx64 " is mapped already: unmap it first",
			 iova);
}

/* The commonest map by far: one run of memory in a leaf table that exists. */
static int map_pages(struct pgtable *table, uint64_t *entries, uint64_t iova,
		     const struct source *from, unsigned rights, struct error *err)
{
	uint64_t *at = entries + entry_index(table, PGTABLE_LEAF_LEVEL, iova);
	uint64_t count = from->run >> PAGE_SHIFT;
	uint64_t i;

	for (i = 0; i < count; i++)
		if (at[i])
			return map_conflict(iova + (i << PAGE_SHIFT), err);
	hw_fill64(at, table->format->make_leaf(PA(from->pa), rights, PGTABLE_LEAF_LEVEL) |
			      table->shape.leaf_bits,
		  PAGE_BYTES, count);
	walker_flush(table, at, count);
	pages_note(table->pages, entries)->live += (uint16_t)count;
	return 0;
}

static int map_levels(struct map *map, uint64_t *entries, unsigned level, uint64_t iova,
		      uint64_t end, struct error *err)
{
	const struct source start = map->from;
	int error;

	map->tables_needed = 0;
	map->link_count = 0;
	if (plan_level(map, entries, level, iova, end))
		return map_conflict(map->conflict, err);
	error = plan_reserve(map, err);
	if (error)
		return error;
	map->from = start;
	write_level(map, entries, level, iova, end, true);
	links_flush(map);
	return 0;
}

int pgtable_map(struct pgtable *table, iova_t iova, const struct drv_part *part, unsigned rights,
		struct error *err)
{
	uint64_t *path[PGTABLE_LEAF_LEVEL + 1];
	struct map map;
	unsigned level;
	uint64_t end;
	int error;

	error = request_check(table, iova.v, part, rights, err);
	if (!error)
		error = source_open(&map.from, table, part, err);
	if (error)
		return error;
	end = iova.v + part->length;
	level = path_find(table, iova.v, end, path);
	if (level == PGTABLE_LEAF_LEVEL && map.from.run == part->length)
		return map_pages(table, path[level], iova.v, &map.from, rights, err);
	map.table = table;
	map.rights = rights;
	return map_levels(&map, path[level], level, iova.v, end, err);
}
