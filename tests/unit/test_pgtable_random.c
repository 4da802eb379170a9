// SPDX-License-Identifier: BSD-2-Clause
/*
 * Random maps and unmaps on every shape of table, compared with the oracle and
 * the auditor. STRESS=n does n times as many, SEED=n others.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tablerig.h"

#define OPERATIONS 100000 /* over all shapes */
#define GRANTS_MAX 160
#define EXTENTS_MAX 64
#define FULL_CHECK_EVERY 1500
#define ARENA_PAGES 3000
#define GIB (UINT64_C(1) << 30)
#define MIB (UINT64_C(1) << 20)

struct run {
	struct tablerig rig;
	uint64_t seed;
	enum auditor_stage stage;
	struct grant {
		uint64_t iova, length;
	} grants[GRANTS_MAX];
	unsigned grant_count;
	uint64_t chain; /* unmapped, not reaped yet */
	struct extent extents[EXTENTS_MAX];
	unsigned refused;
};

static uint64_t random_below(struct run *run, uint64_t limit)
{
	return limit ? tablerig_random(&run->seed) % limit : 0;
}

static uint64_t environment(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : fallback;
}

static void verdict(const struct run *run, const char *wrong, uint64_t iova)
{
	if (wrong)
		fail_msg("address 0x%llx, seed 0x%llx: %s", (unsigned long long)iova,
			 (unsigned long long)run->seed, wrong);
}

static void windows_add(struct run *run)
{
	uint64_t end = UINT64_C(1) << run->rig.view.input_bits;

	oracle_add_window(&run->rig.oracle, 0, 8 * MIB);
	oracle_add_window(&run->rig.oracle, GIB - 4 * MIB, 8 * MIB);
	oracle_add_window(&run->rig.oracle, 3 * GIB, 2 * GIB);
	oracle_add_window(&run->rig.oracle, end - 8 * MIB, 8 * MIB);
	if (end > 512 * GIB)
		oracle_add_window(&run->rig.oracle, 512 * GIB - 4 * MIB, 8 * MIB);
}

static uint64_t random_length(struct run *run, uint64_t room)
{
	uint64_t dice = random_below(run, 100);
	uint64_t length;

	if (dice < 55)
		length = (1 + random_below(run, 8)) * PAGE_BYTES;
	else if (dice < 85)
		length = (1 + random_below(run, 1100)) * PAGE_BYTES;
	else if (dice < 98)
		length = (1 + random_below(run, 4)) * 2 * MIB;
	else
		length = GIB + random_below(run, 2) * 2 * MIB;
	return length < room ? length : room;
}

/* Both ends as often as not where tables and blocks begin. */
static void random_range(struct run *run, uint64_t *ret_iova, uint64_t *ret_length)
{
	const struct oracle *oracle = &run->rig.oracle;
	const struct oracle_window *window =
		&oracle->windows[random_below(run, oracle->window_count)];
	uint64_t offset = random_below(run, window->pages) * PAGE_BYTES;

	switch (random_below(run, 4)) {
	case 0: offset &= -(2 * MIB); break;
	case 1: offset &= -GIB; break;
	}
	*ret_iova = window->start + offset;
	*ret_length = random_length(run, window->pages * PAGE_BYTES - offset);
}

/* Anywhere in 44 bits but in the arena, which is at 256 GiB. */
static uint64_t random_pa(struct run *run, uint64_t alignment)
{
	uint64_t pa = random_below(run, UINT64_C(1) << 43) & -alignment;

	return pa >= 250 * GIB && pa < 260 * GIB ? GIB : pa;
}

/* Memory of at least length bytes after part->offset, in one piece or many. */
static void random_part(struct run *run, uint64_t length, struct drv_part *part)
{
	static const uint64_t alignments[] = { 4096, 4096, 2 * MIB, 2 * MIB, GIB };
	uint64_t offset = random_below(run, 3) ? 0 : random_below(run, 1024) * PAGE_BYTES;
	uint64_t left = offset + length;
	uint32_t count = (uint32_t)(random_below(run, 2) ? 1 : 1 + random_below(run, EXTENTS_MAX));
	uint64_t piece, next = 0;
	uint32_t i;

	for (i = 0; i < count && left; i++, left -= piece, next += piece) {
		if (i == 0 || random_below(run, 3))
			next = random_pa(run, alignments[random_below(run, 5)]);
		piece = i + 1 == count ? left
				       : (1 + random_below(run, left / PAGE_BYTES)) * PAGE_BYTES;
		if (random_below(run, 2) && piece > 16 * PAGE_BYTES && i + 1 < count)
			piece = (1 + random_below(run, 16)) * PAGE_BYTES;
		run->extents[i] = (struct extent){ .pa = PA(next), .length = piece };
	}
	*part = (struct drv_part){ .extents = run->extents,
				   .extent_count = i,
				   .offset = offset,
				   .length = length,
				   .fd = -1 };
}

static unsigned random_rights(struct run *run)
{
	unsigned rights = (unsigned)random_below(run, 8);

	if (rights & RIGHT_READ)
		return rights;
	if (rights == RIGHT_WRITE &&
	    (run->stage == AUDITOR_ARM_STAGE_2 || run->stage == AUDITOR_VTD_SECOND))
		return rights;
	return RIGHT_READ | RIGHT_WRITE;
}

/* The pages where a mistake would show: both ends, their neighbours, inside. */
static void check_range(struct run *run, uint64_t iova, uint64_t length)
{
	uint64_t last = iova + length - PAGE_BYTES;
	uint64_t at[6] = { iova,
			   last,
			   iova + random_below(run, length),
			   iova + random_below(run, length),
			   iova >= PAGE_BYTES ? iova - PAGE_BYTES : 0,
			   last + PAGE_BYTES };
	unsigned i;

	for (i = 0; i < 6; i++)
		if (!(at[i] >> run->rig.view.input_bits))
			verdict(run, tablerig_check_page(&run->rig, at[i]), at[i]);
}

static void step_map(struct run *run)
{
	struct drv_part part;
	uint64_t iova, length;
	bool is_free;
	int error;

	random_range(run, &iova, &length);
	random_part(run, length, &part);
	is_free = oracle_is_free(&run->rig.oracle, iova, length);
	error = tablerig_map(&run->rig, iova, &part, random_rights(run));
	assert_int_equal(error, is_free ? 0 : -EEXIST);
	check_range(run, iova, length);
	if (is_free)
		run->grants[run->grant_count++] = (struct grant){ iova, length };
	else
		run->refused++;
}

static void step_unmap(struct run *run)
{
	unsigned i = (unsigned)random_below(run, run->grant_count);
	struct grant grant = run->grants[i];

	run->grants[i] = run->grants[--run->grant_count];
	tablerig_unmap(&run->rig, grant.iova, grant.length, &run->chain);
	check_range(run, grant.iova, grant.length);
	if (random_below(run, 4) == 0) {
		pgtable_reap(&run->rig.pages, run->chain);
		run->chain = 0;
	}
}

static void run_shape(const struct tablerig_shape *shape, uint64_t operations)
{
	static struct run run;
	uint64_t i;

	run = (struct run){ .seed = environment("SEED", 1), .stage = shape->stage };
	tablerig_open(&run.rig, shape, ARENA_PAGES, 0);
	windows_add(&run);
	for (i = 0; i < operations; i++) {
		if (run.grant_count == 0 ||
		    (run.grant_count < GRANTS_MAX && random_below(&run, 100) < 55))
			step_map(&run);
		else
			step_unmap(&run);
		if (i % FULL_CHECK_EVERY == 0)
			verdict(&run, tablerig_check_all(&run.rig), 0);
	}
	verdict(&run, tablerig_check_all(&run.rig), 0);
	assert_true(run.refused > operations / 100);
	while (run.grant_count)
		step_unmap(&run);
	verdict(&run, tablerig_check_all(&run.rig), 0);
	pgtable_reap(&run.rig.pages, run.chain);
	assert_int_equal(run.rig.table.table_pages, shape->root_pages);
	assert_null(tablerig_close(&run.rig));
}

static void pgtable_random_operations_match_oracle_and_auditor(void **state)
{
	uint64_t operations = OPERATIONS * environment("STRESS", 1);
	const struct tablerig_shape *shape;
	unsigned shapes = 0;

	(void)state;
	for (shape = tablerig_shapes; shape->stage; shape++)
		shapes++;
	for (shape = tablerig_shapes; shape->stage; shape++)
		run_shape(shape, operations / shapes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pgtable_random_operations_match_oracle_and_auditor),
	};

	return cmocka_run_group_tests_name("pgtable_random", tests, NULL, NULL);
}
