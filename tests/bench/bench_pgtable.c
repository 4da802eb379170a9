// SPDX-License-Identifier: BSD-2-Clause
/*
 * Page table figures P3 to P7 for each format, each a ratio of two things
 * measured in turn in one run, on a pool of table pages that is mapped and was
 * used before; then VT-d's second level against Arm's stage 1, and what a unit
 * that does not look into caches costs. One line a figure; the exit status is 0
 * whatever the figures. BENCH_VERBOSE=1 adds the times behind them on stderr.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bits.h"
#include "figure.h"
#include "pgtable.h"

#define ROUNDS 9
#define ARENA_BYTES (UINT64_C(48) << 20)
#define ARENA_PA (UINT64_C(1) << 40)
#define GIB (UINT64_C(1) << 30)
#define MIB (UINT64_C(1) << 20)
#define LEAF_ENTRIES 512
#define TABLES_MAX 512
#define HOT_REPEATS 20000
#define WALK_BYTES (4 * GIB)

static const struct kind {
	const char *name;
	const struct pgtable_format *format;
	struct pgtable_shape shape;
} kinds[] = {
	{ "stage-1", &pgtable_arm_s1, { 48, 48, 0, 1, 0, false } },
	{ "stage-2", &pgtable_arm_s2, { 48, 48, 0, 1, 0, false } },
	{ "vtd-first", &pgtable_vtd_fs, { 47, 52, 0, 1, 0, false } },
	{ "vtd-second", &pgtable_vtd_ss, { 48, 52, 0, 1, 0, false } },
};
static const struct kind flushing = { "vtd-second-flushed",
				      &pgtable_vtd_ss,
				      { 48, 52, 0, 1, 0, true } };

static struct pages pages;
static struct pgtable table;

static void die(const char *why)
{
	fprintf(stderr, "bench_pgtable: %s\n", why);
	exit(0);
}

static void table_open(const struct kind *kind)
{
	if (pgtable_init(&table, kind->format, &pages, &kind->shape, 0))
		die("no table");
}

/* "P3 stage-1 1.07 target ...". */
static void report(const char *figure, const struct kind *kind, double *ratios, double target,
		   bool higher_is_better)
{
	char name[64];

	snprintf(name, sizeof(name), "%s %s", figure, kind->name);
	figure_report(name, figure_median(ratios, ROUNDS), target, higher_is_better);
}

static void map_or_die(uint64_t iova, uint64_t pa, uint64_t length)
{
	struct extent extent = { .pa = PA(pa), .length = length };
	struct drv_part part = {
		.extents = &extent, .extent_count = 1, .length = length, .fd = -1
	};
	struct error err;

	if (pgtable_map(&table, IOVA(iova), &part, RIGHT_READ | RIGHT_WRITE, &err))
		die(err.text);
}

static void unmap_and_reap(uint64_t iova, uint64_t length)
{
	uint64_t chain = 0;

	pgtable_unmap(&table, IOVA(iova), length, &chain);
	pgtable_reap(&pages, chain);
}

/* The leaf table page of every 2 MiB from iova on. */
static void leaf_tables_find(uint64_t iova, uint64_t **tables, uint32_t count)
{
	struct drv_walk walk;
	uint64_t i;

	for (i = 0; i < count; i++) {
		pgtable_walk(&table, IOVA(iova + i * 2 * MIB), &walk);
		if (!walk.is_mapped || walk.leaf_bytes != PAGE_BYTES)
			die("the large mapping is not made of 4 KiB pages");
		tables[i] = pages_cpu(&pages, PA(walk.steps[walk.step_count - 1].table_pa));
	}
}

static double raw_store(uint64_t **tables, uint32_t count)
{
	uint64_t first = tables[0][0];
	double start = figure_now_ns();
	uint32_t i;

	for (i = 0; i < count; i++, first += 2 * MIB)
		hw_fill64(tables[i], first, PAGE_BYTES, LEAF_ENTRIES);
	return figure_now_ns() - start;
}

static double raw_clear(uint64_t **tables, uint32_t count)
{
	double start = figure_now_ns();
	uint32_t i;

	for (i = 0; i < count; i++) {
		memset(tables[i], 0, PAGE_BYTES);
		__asm__ volatile("" : : "r"(tables[i]) : "memory");
	}
	return figure_now_ns() - start;
}

/* The table must hold what was asked for, or the time says nothing. */
static void mapping_check(uint64_t iova, uint64_t pa, uint64_t length)
{
	struct drv_walk walk;
	struct error err;
	uint64_t at;

	for (at = 0; at < length; at += 61 * PAGE_BYTES) {
		pgtable_walk(&table, IOVA(iova + at), &walk);
		if (!walk.is_mapped || walk.pa != pa + at)
			die("the large mapping is wrong");
	}
	if (pgtable_audit(&table, &err))
		die(err.text);
}

/* P3, P4: 1 GiB as 4 KiB pages; P7: what its tables take. */
static void bench_bulk(const struct kind *kind)
{
	uint64_t *tables[TABLES_MAX];
	double map_ratio[ROUNDS], unmap_ratio[ROUNDS];
	double memory_ratio[ROUNDS];
	double map_ns, store_ns, unmap_ns, clear_ns, table_bytes;
	int round;

	for (round = -1; round < ROUNDS; round++) {
		map_ns = figure_now_ns();
		map_or_die(GIB, 8 * GIB + PAGE_BYTES, GIB);
		map_ns = figure_now_ns() - map_ns;
		leaf_tables_find(GIB, tables, TABLES_MAX);
		store_ns = raw_store(tables, TABLES_MAX);
		if (round < 0)
			mapping_check(GIB, 8 * GIB + PAGE_BYTES, GIB);
		table_bytes = (double)(table.table_pages * PAGE_BYTES);
		unmap_ns = figure_now_ns();
		unmap_and_reap(GIB, GIB);
		unmap_ns = figure_now_ns() - unmap_ns;
		clear_ns = raw_clear(tables, TABLES_MAX);
		if (round < 0)
			continue;
		memory_ratio[round] = table_bytes / (8.0 * (double)(GIB >> PAGE_SHIFT));
		map_ratio[round] = map_ns / store_ns;
		unmap_ratio[round] = unmap_ns / clear_ns;
	}
	figure_remark("map 1 GiB as 4 KiB pages", map_ns);
	figure_remark("store the same entries", store_ns);
	figure_remark("unmap 1 GiB of 4 KiB pages, table pages given back", unmap_ns);
	figure_remark("clear the same leaf tables", clear_ns);
	report("P3", kind, map_ratio, 1.6, false);
	report("P4", kind, unmap_ratio, 2.0, false);
	report("P7", kind, memory_ratio, 1.05, false);
}

static double map_16_gib(uint64_t misalignment)
{
	double start = figure_now_ns();
	double took;

	map_or_die(16 * GIB, 64 * GIB + misalignment, 16 * GIB);
	took = figure_now_ns() - start;
	unmap_and_reap(16 * GIB, 16 * GIB);
	return took;
}

/* P5: what blocks save on 16 GiB of contiguous memory. */
static void bench_blocks(const struct kind *kind)
{
	double ratio[ROUNDS];
	double pages_ns, blocks_ns;
	int round;

	for (round = -1; round < ROUNDS; round++) {
		pages_ns = map_16_gib(PAGE_BYTES);
		map_16_gib(2 * MIB); /* warm, as the larger one warms itself */
		blocks_ns = map_16_gib(2 * MIB);
		if (round >= 0)
			ratio[round] = pages_ns / blocks_ns;
	}
	figure_remark("map 16 GiB as 4 KiB pages", pages_ns);
	figure_remark("map 16 GiB as 2 MiB blocks", blocks_ns);
	figure_remark("map 16 GiB as 1 GiB blocks", map_16_gib(0));
	report("P5", kind, ratio, 250, true);
}

static double hot_pair(uint64_t iova)
{
	double start = figure_now_ns();
	int i;

	for (i = 0; i < HOT_REPEATS; i++) {
		map_or_die(iova, 2 * GIB, PAGE_BYTES);
		unmap_and_reap(iova, PAGE_BYTES);
	}
	return (figure_now_ns() - start) / HOT_REPEATS;
}

/* Four dependent loads, as a unit's own walk does them. */
static uint64_t bare_walk(uint64_t iova)
{
	const uint64_t *entries = table.root;
	uint64_t entry;
	unsigned shift;

	for (shift = 39;; shift -= 9) {
		entry = entries[iova >> shift & (LEAF_ENTRIES - 1)];
		if (shift == PAGE_SHIFT)
			return entry;
		entries = pages_cpu(&pages, PA(entry & BITS(47, 12)));
	}
}

static double random_walks(void)
{
	double start = figure_now_ns();
	uint64_t seed = 1;
	uint64_t seen = 0;
	int i;

	for (i = 0; i < HOT_REPEATS; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		seen += bare_walk((seed >> 20) % WALK_BYTES);
		__asm__ volatile("" : : "r"(seen));
	}
	return (figure_now_ns() - start) / HOT_REPEATS;
}

/* P6: one page mapped and unmapped again, against a walk of the table. */
static void bench_hot(const struct kind *kind)
{
	double ratio[ROUNDS];
	double pair_ns, walk_ns;
	int round;

	map_or_die(0, 8 * GIB + PAGE_BYTES, WALK_BYTES - PAGE_BYTES);
	map_or_die(WALK_BYTES - PAGE_BYTES, 8 * GIB, PAGE_BYTES);
	map_or_die(8 * GIB, GIB, PAGE_BYTES); /* keeps the tables of the hot page */
	for (round = -1; round < ROUNDS; round++) {
		pair_ns = hot_pair(8 * GIB + PAGE_BYTES);
		walk_ns = random_walks();
		if (round >= 0)
			ratio[round] = pair_ns / walk_ns;
	}
	figure_remark("map and unmap one 4 KiB page", pair_ns);
	figure_remark("the same with a leaf table of its own", hot_pair(8 * GIB + 2 * MIB));
	figure_remark("walk to a random page of 4 GiB", walk_ns);
	report("P6", kind, ratio, 6, false);
}

/* What one kind of table takes: 1 GiB of pages mapped, unmapped; one page's pair. */
struct cost {
	double map, unmap, pair;
};

static struct cost cost_measure(const struct kind *kind)
{
	struct cost cost;

	table_open(kind);
	map_or_die(8 * GIB, GIB, PAGE_BYTES); /* keeps the tables of the hot page */
	cost.map = figure_now_ns();
	map_or_die(GIB, 8 * GIB + PAGE_BYTES, GIB);
	cost.unmap = figure_now_ns();
	cost.map = cost.unmap - cost.map;
	unmap_and_reap(GIB, GIB);
	cost.unmap = figure_now_ns() - cost.unmap;
	cost.pair = hot_pair(8 * GIB + PAGE_BYTES);
	pgtable_fini(&table);
	return cost;
}

/* target 0: the figure is for information. */
static void report_against(const char *name, const char *what, double *ratios, double target)
{
	double ratio = figure_median(ratios, ROUNDS);
	char words[64];

	snprintf(words, sizeof(words), "%s %s", name, what);
	if (target != 0)
		figure_report(words, ratio, target, false);
	else
		figure_tell(words, ratio);
}

/* a's cost in that of b, by turns. */
static void bench_against(const char *name, const struct kind *a, const struct kind *b,
			  double target)
{
	double map[ROUNDS], unmap[ROUNDS], pair[ROUNDS];
	struct cost of_a, of_b;
	int round;

	for (round = -1; round < ROUNDS; round++) {
		of_b = cost_measure(b);
		of_a = cost_measure(a);
		if (round < 0)
			continue;
		map[round] = of_a.map / of_b.map;
		unmap[round] = of_a.unmap / of_b.unmap;
		pair[round] = of_a.pair / of_b.pair;
	}
	report_against(name, "map", map, target);
	report_against(name, "unmap", unmap, target);
	report_against(name, "one-page", pair, target);
}

int main(void)
{
	void *memory = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	const struct kind *kind;

	if (memory == MAP_FAILED || pages_init(&pages, memory, PA(ARENA_PA), ARENA_BYTES))
		die("no memory for the table pages");
	for (kind = kinds; kind < kinds + ARRAY_COUNT(kinds); kind++) {
		table_open(kind);
		bench_bulk(kind);
		bench_blocks(kind);
		bench_hot(kind);
		pgtable_fini(&table);
	}
	bench_against("vtd-second/stage-1", &kinds[3], &kinds[0], 1.1);
	if (HW_CAN_FLUSH)
		bench_against("flushed/coherent", &flushing, &kinds[3], 0);
	pages_fini(&pages);
	munmap(memory, ARENA_BYTES);
	return 0;
}
