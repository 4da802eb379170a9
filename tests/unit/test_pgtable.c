// SPDX-License-Identifier: BSD-2-Clause
#include "pgtable.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bits.h"
#include "tablerig.h"

#define GIB (UINT64_C(1) << 30)
#define MIB (UINT64_C(1) << 20)
#define RW (RIGHT_READ | RIGHT_WRITE)

static const struct tablerig_shape s1_48 = { AUDITOR_ARM_STAGE_1, 48, 0, 1, 0, false };
static const struct tablerig_shape s2_40 = { AUDITOR_ARM_STAGE_2, 40, 1, 2, 0, false };

static struct tablerig rig;

static void rig_open(const struct tablerig_shape *shape, uint64_t arena_pages, uint64_t limit)
{
	tablerig_open(&rig, shape, arena_pages, limit);
	tablerig_add_windows(&rig);
}

static void rig_close(void)
{
	assert_null(tablerig_check_all(&rig));
	assert_null(tablerig_close(&rig));
}

static int map_at(uint64_t iova, uint64_t pa, uint64_t length, unsigned rights)
{
	return tablerig_map_at(&rig, iova, pa, length, rights);
}

static void pgtable_init_wrong_geometry_is_refused(void **state)
{
	static const struct {
		const struct pgtable_format *format;
		struct pgtable_shape shape;
		int result;
	} cases[] = {
		{ &pgtable_arm_s1, { 48, 48, 0, 1, 0, false, 0 }, 0 },
		{ &pgtable_arm_s1, { 40, 44, 0, 1, 0, false, 0 }, 0 },
		{ &pgtable_arm_s1, { 39, 44, 1, 1, 0, false, 0 }, 0 },
		{ &pgtable_arm_s1, { 25, 44, 2, 1, 0, false, 0 }, 0 },
		{ &pgtable_arm_s2, { 40, 44, 1, 2, 0, false, 0 }, 0 },
		{ &pgtable_arm_s2, { 43, 44, 1, 16, 0, false, 0 }, 0 },
		{ &pgtable_arm_s2, { 34, 44, 2, 16, 0, false, 0 }, 0 },
		{ &pgtable_arm_s1, { 49, 48, 0, 1, 0, false, 0 }, -EINVAL }, /* beyond 48 bits */
		{ &pgtable_arm_s1, { 48, 49, 0, 1, 0, false, 0 }, -EINVAL },
		{ &pgtable_arm_s1, { 24, 44, 2, 1, 0, false, 0 }, -EINVAL },
		{ &pgtable_arm_s1,
		  { 40, 44, 1, 2, 0, false, 0 },
		  -EINVAL }, /* stage 1 does not concatenate */
		{ &pgtable_arm_s1, { 48, 44, 1, 1, 0, false, 0 }, -EINVAL },
		{ &pgtable_arm_s1, { 39, 44, 0, 1, 0, false, 0 }, -EINVAL },  /* a root of one entry */
		{ &pgtable_arm_s2, { 40, 44, 1, 1, 0, false, 0 }, -EINVAL },  /* half a root */
		{ &pgtable_arm_s2, { 44, 44, 1, 32, 0, false, 0 }, -EINVAL }, /* more than 16 pages */
		{ &pgtable_arm_s2, { 40, 44, 4, 1, 0, false, 0 }, -EINVAL },
		{ &pgtable_arm_s2, { 40, 12, 1, 2, 0, false, 0 }, -EINVAL },
		{ &pgtable_arm_s2, { 40, 44, 1, 0, 0, false, 0 }, -EINVAL },
		{ &pgtable_arm_s1, { 48, 48, 0, 1, 1, false, 0 }, 0 },
		{ &pgtable_arm_s1, { 48, 48, 0, 1, 3, true, 0 }, 0 },
		{ &pgtable_arm_s1, { 48, 48, 0, 1, 4, false, 0 }, -EINVAL }, /* no such leaves */
		{ &pgtable_vtd_ss, { 48, 52, 0, 1, 2, true, 0 }, 0 },
		{ &pgtable_vtd_ss, { 39, 46, 1, 1, 3, false, 0 }, 0 },
		{ &pgtable_vtd_ss, { 31, 46, 1, 1, 0, false, 0 }, 0 },
		{ &pgtable_vtd_ss,
		  { 30, 46, 2, 1, 0, false, 0 },
		  -EINVAL }, /* two levels are none of VT-d's */
		{ &pgtable_vtd_ss, { 49, 52, 0, 1, 0, false, 0 }, -EINVAL },
		{ &pgtable_vtd_ss, { 48, 53, 0, 1, 0, false, 0 }, -EINVAL },
		{ &pgtable_vtd_ss, { 40, 46, 1, 2, 0, false, 0 }, -EINVAL }, /* roots are one page */
		{ &pgtable_vtd_fs, { 47, 52, 0, 1, 2, true, 0 }, 0 },
		{ &pgtable_vtd_fs,
		  { 48, 52, 0, 1, 0, false, 0 },
		  -EINVAL }, /* bit 47 would have to be repeated */
		{ &pgtable_vtd_fs, { 39, 52, 1, 1, 0, false, 0 }, -EINVAL }, /* always four levels */
	};
	struct pgtable table;
	size_t i;

	(void)state;
	rig_open(&s1_48, 64, 0);
	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_int_equal(pgtable_init(&table, cases[i].format, &rig.pages, &cases[i].shape,
					      0),
				 cases[i].result);
		if (cases[i].result == 0)
			pgtable_fini(&table);
	}
	rig_close();
}

static void pgtable_init_without_room_is_refused(void **state)
{
	static const struct pgtable_shape eight_pages = { 42, 44, 1, 8, 0, false, 0 };
	static const struct pgtable_shape two_pages = { 40, 44, 1, 2, 0, false, 0 };
	struct pgtable table;

	(void)state;
	rig_open(&s1_48, 4, 0);
	assert_int_equal(pgtable_init(&table, &pgtable_arm_s2, &rig.pages, &eight_pages, 0),
			 -ENOMEM);
	assert_int_equal(pgtable_init(&table, &pgtable_arm_s2, &rig.pages, &two_pages, 1), -EDQUOT);
	rig_close();
}

static void pgtable_unmap_leaves_the_neighbours(void **state)
{
	(void)state;
	rig_open(&s2_40, 16, 0);
	assert_int_equal(map_at(0, GIB, PAGE_BYTES, RW), 0);
	assert_int_equal(map_at(PAGE_BYTES, 2 * GIB, PAGE_BYTES, RIGHT_READ), 0);
	assert_int_equal(map_at(2 * PAGE_BYTES, 3 * GIB, 2 * MIB, RW), 0);
	tablerig_unmap(&rig, PAGE_BYTES, PAGE_BYTES, NULL);
	assert_null(tablerig_check_all(&rig));
	assert_int_equal(oracle_get(&rig.oracle, 0), GIB | RW);
	tablerig_unmap(&rig, 2 * PAGE_BYTES, 2 * MIB, NULL);
	tablerig_unmap(&rig, 0, PAGE_BYTES, NULL);
	assert_int_equal(rig.table.table_pages, 2);
	rig_close();
}

/* Nobody asks for it, but it must not upset what is counted. */
static void pgtable_unmap_over_holes_keeps_the_counts(void **state)
{
	uint64_t chain = 0;

	(void)state;
	rig_open(&s1_48, 16, 0);
	assert_int_equal(map_at(0, GIB, PAGE_BYTES, RW), 0);
	assert_int_equal(map_at(4 * PAGE_BYTES, GIB, PAGE_BYTES, RW), 0);
	tablerig_unmap(&rig, 0, 3 * PAGE_BYTES, &chain);
	assert_int_equal(chain, 0);
	assert_null(tablerig_check_all(&rig));
	pgtable_unmap(&rig.table, IOVA(4 * MIB), MIB, &chain);
	assert_int_equal(chain, 0);
	rig_close();
}

static void pgtable_unmap_keeps_table_pages_until_reaped(void **state)
{
	uint64_t chain = 0;
	uint64_t free_before;

	(void)state;
	rig_open(&s1_48, 600, 0);
	free_before = pages_free_count(&rig.pages);
	assert_int_equal(map_at(GIB, 4 * GIB + PAGE_BYTES, GIB, RW), 0);
	assert_int_equal(pages_free_count(&rig.pages), free_before - 514);
	tablerig_unmap(&rig, GIB, GIB, &chain);
	assert_int_equal(pages_free_count(&rig.pages), free_before - 514);
	assert_int_equal(rig.table.table_pages, 1);
	pgtable_reap(&rig.pages, chain);
	assert_int_equal(pages_free_count(&rig.pages), free_before);
	rig_close();
}

/* 2 MiB and a page, not aligned: two leaf tables and what is above them. */
static int map_three_levels(void)
{
	return map_at(GIB - PAGE_BYTES, 3 * GIB + PAGE_BYTES, 2 * MIB, RW);
}

static void pgtable_unmap_with_nothing_left_to_allocate_works(void **state)
{
	(void)state;
	rig_open(&s1_48, 6, 0);
	assert_int_equal(map_three_levels(), 0);
	assert_int_equal(pages_free_count(&rig.pages), 0);
	tablerig_unmap(&rig, GIB - PAGE_BYTES, 2 * MIB, NULL);
	assert_int_equal(pages_free_count(&rig.pages), 5);
	rig_close();
}

static void pgtable_reaped_pages_are_used_again_empty(void **state)
{
	int round;

	(void)state;
	rig_open(&s1_48, 6, 0);
	for (round = 0; round < 4; round++) {
		assert_int_equal(map_three_levels(), 0);
		tablerig_unmap(&rig, GIB - PAGE_BYTES, 2 * MIB, NULL);
		assert_int_equal(map_at(0, 3 * GIB + PAGE_BYTES, 2 * MIB, RIGHT_READ), 0);
		assert_null(tablerig_check_all(&rig));
		tablerig_unmap(&rig, 0, 2 * MIB, NULL);
	}
	rig_close();
}

/* Does the call end in check()'s abort? */
static bool unmap_aborts(uint64_t iova, uint64_t length)
{
	uint64_t chain = 0;
	pid_t child = fork();
	int status;

	if (child == 0) {
		close(STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		pgtable_unmap(&rig.table, IOVA(iova), length, &chain);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void pgtable_unmap_our_own_bugs_abort(void **state)
{
	(void)state;
	rig_open(&s1_48, 16, 0);
	assert_int_equal(map_at(GIB, 4 * GIB, 2 * MIB, RW), 0);
	assert_true(unmap_aborts(GIB, PAGE_BYTES)); /* would cut a block */
	assert_true(unmap_aborts(GIB + 1, PAGE_BYTES));
	assert_true(unmap_aborts(GIB, 0));
	assert_true(unmap_aborts(UINT64_C(1) << 48, PAGE_BYTES));
	assert_false(unmap_aborts(GIB, 2 * MIB));
	rig_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pgtable_init_wrong_geometry_is_refused),
		cmocka_unit_test(pgtable_init_without_room_is_refused),
		cmocka_unit_test(pgtable_unmap_leaves_the_neighbours),
		cmocka_unit_test(pgtable_unmap_over_holes_keeps_the_counts),
		cmocka_unit_test(pgtable_unmap_keeps_table_pages_until_reaped),
		cmocka_unit_test(pgtable_unmap_with_nothing_left_to_allocate_works),
		cmocka_unit_test(pgtable_reaped_pages_are_used_again_empty),
		cmocka_unit_test(pgtable_unmap_our_own_bugs_abort),
	};

	return cmocka_run_group_tests_name("pgtable", tests, NULL, NULL);
}
