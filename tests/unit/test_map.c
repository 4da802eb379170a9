// SPDX-License-Identifier: BSD-2-Clause
/* pgtable_map(): what it refuses, what it builds. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

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

/* Like map_at() for a map that must fail and change nothing: with the words. */
static void refuse_at(uint64_t iova, const struct drv_part *part, unsigned rights, int code,
		      const char *words)
{
	void *before = malloc(rig.pages.size);
	uint64_t free_before = pages_free_count(&rig.pages);
	struct error err = { 0 };

	memcpy(before, rig.memory, rig.pages.size);
	assert_int_equal(pgtable_map(&rig.table, IOVA(iova), part, rights, &err), code);
	assert_int_equal(err.code, code);
	if (!strstr(err.text, words))
		fail_msg("'%s' is not in '%s'", words, err.text);
	assert_memory_equal(before, rig.memory, rig.pages.size);
	assert_int_equal(pages_free_count(&rig.pages), free_before);
	assert_null(tablerig_check_all(&rig));
	free(before);
}

static void refuse_range(uint64_t iova, uint64_t offset, uint64_t length, const char *words)
{
	struct extent extent = { PA(GIB), 16 * PAGE_BYTES };
	struct drv_part part = tablerig_part(&extent);

	part.offset = offset;
	part.length = length;
	refuse_at(iova, &part, RW, -EINVAL, words);
}

static void pgtable_map_one_page_translates_that_page_only(void **state)
{
	(void)state;
	rig_open(&s1_48, 16, 0);
	assert_int_equal(map_at(GIB, 5 * GIB, PAGE_BYTES, RW), 0);
	assert_null(tablerig_check_page(&rig, GIB));
	assert_null(tablerig_check_page(&rig, GIB - PAGE_BYTES));
	assert_null(tablerig_check_page(&rig, GIB + PAGE_BYTES));
	assert_int_equal(rig.table.table_pages, 4);
	rig_close();
}

static void pgtable_map_each_right_is_exact_or_refused(void **state)
{
	static const struct {
		unsigned rights;
		bool readable, writable_only;
	} cases[] = {
		{ RIGHT_NONE, false, false },
		{ RIGHT_READ, true, false },
		{ RIGHT_WRITE, false, true },
		{ RW, true, false },
		{ RIGHT_EXEC, false, false },
		{ RIGHT_READ | RIGHT_EXEC, true, false },
		{ RIGHT_WRITE | RIGHT_EXEC, false, false },
		{ RIGHT_ALL, true, false },
		{ RIGHT_READ | 8, false, false },
		{ RIGHT_WRITE | 8, false, false },
	};
	struct extent extent = { PA(GIB), PAGE_BYTES };
	struct drv_part part = tablerig_part(&extent);
	const struct tablerig_shape *shape;
	bool has_write_only;
	size_t i;

	(void)state;
	for (shape = tablerig_shapes; shape->stage; shape++) {
		has_write_only =
			shape->stage == AUDITOR_ARM_STAGE_2 || shape->stage == AUDITOR_VTD_SECOND;
		rig_open(shape, 32, 0);
		for (i = 0; i < ARRAY_COUNT(cases); i++) {
			if (!cases[i].readable && !(cases[i].writable_only && has_write_only))
				refuse_at(i * PAGE_BYTES, &part, cases[i].rights, -EOPNOTSUPP,
					  "cannot express");
			else
				assert_int_equal(map_at(i * PAGE_BYTES, GIB, PAGE_BYTES,
							cases[i].rights),
						 0);
		}
		rig_close();
	}
}

static void pgtable_map_bad_range_is_refused_and_changes_nothing(void **state)
{
	uint64_t end = UINT64_C(1) << 40;

	(void)state;
	rig_open(&s2_40, 16, 0);
	refuse_range(1, 0, PAGE_BYTES, "multiple of 4096");
	refuse_range(0, 8, PAGE_BYTES, "multiple of 4096");
	refuse_range(0, 0, PAGE_BYTES - 1, "multiple of 4096");
	refuse_range(0, 0, 0, "empty or outside");
	refuse_range(end, 0, PAGE_BYTES, "empty or outside");
	refuse_range(end - PAGE_BYTES, 0, 2 * PAGE_BYTES, "empty or outside");
	refuse_range(-PAGE_BYTES, 0, 2 * PAGE_BYTES, "empty or outside");
	refuse_range(PAGE_BYTES, 0, -PAGE_BYTES, "empty or outside");
	refuse_range(0, 0, 17 * PAGE_BYTES, "past the end of the memory");
	refuse_range(0, 16 * PAGE_BYTES, PAGE_BYTES, "past the end of the memory");
	refuse_range(0, -PAGE_BYTES, 2 * PAGE_BYTES, "past the end of the memory");
	rig_close();
}

static void pgtable_map_last_page_of_the_space_works(void **state)
{
	uint64_t last = (UINT64_C(1) << 40) - PAGE_BYTES;

	(void)state;
	rig_open(&s2_40, 16, 0);
	assert_int_equal(map_at(last, GIB, PAGE_BYTES, RW), 0);
	assert_int_equal(map_at(0, GIB, PAGE_BYTES, RW), 0);
	assert_null(tablerig_check_page(&rig, last));
	tablerig_unmap(&rig, last, PAGE_BYTES, NULL);
	rig_close();
}

static void pgtable_map_whole_concatenated_root_boundary_works(void **state)
{
	(void)state;
	tablerig_open(&rig, &s2_40, 16, 0);
	oracle_add_window(&rig.oracle, 512 * GIB - 8 * MIB, 16 * MIB);
	assert_int_equal(map_at(512 * GIB - 2 * MIB, 2 * GIB, 4 * MIB, RW), 0);
	assert_int_equal(tablerig_leaf_bytes(&rig, 512 * GIB - 1), 2 * MIB);
	assert_int_equal(tablerig_leaf_bytes(&rig, 512 * GIB), 2 * MIB);
	rig_close();
}

static void pgtable_map_uses_largest_blocks_that_fit(void **state)
{
	(void)state;
	rig_open(&s1_48, 2000, 0);
	assert_int_equal(map_at(GIB, 4 * GIB, GIB, RW), 0);
	assert_int_equal(tablerig_leaf_bytes(&rig, GIB), GIB);
	assert_int_equal(rig.table.table_pages, 2);
	assert_int_equal(map_at(2 * MIB, 4 * GIB, 2 * MIB, RW), 0);
	assert_int_equal(tablerig_leaf_bytes(&rig, 2 * MIB), 2 * MIB);
	/* one page on either side of a block */
	assert_int_equal(map_at(GIB - 2 * MIB - PAGE_BYTES, 6 * GIB - PAGE_BYTES,
				2 * MIB + PAGE_BYTES, RW),
			 0);
	assert_int_equal(tablerig_leaf_bytes(&rig, GIB - 2 * MIB - PAGE_BYTES), PAGE_BYTES);
	assert_int_equal(tablerig_leaf_bytes(&rig, GIB - 2 * MIB), 2 * MIB);
	rig_close();
}

static void pgtable_map_misaligned_memory_uses_pages(void **state)
{
	(void)state;
	rig_open(&s1_48, 2000, 0);
	assert_int_equal(map_at(GIB, 4 * GIB + 2 * MIB, GIB, RW), 0);
	assert_int_equal(tablerig_leaf_bytes(&rig, GIB), 2 * MIB);
	assert_int_equal(map_at(0, 4 * GIB + PAGE_BYTES, 2 * MIB, RW), 0);
	assert_int_equal(tablerig_leaf_bytes(&rig, 0), PAGE_BYTES);
	rig_close();
}

static void pgtable_map_scattered_extents_joins_neighbours_only(void **state)
{
	struct extent extents[] = {
		{ PA(8 * GIB - PAGE_BYTES), PAGE_BYTES }, /* not in the part */
		{ PA(8 * GIB), MIB },
		{ PA(8 * GIB + MIB), 3 * MIB }, /* goes on where the one before ends */
		{ PA(9 * GIB + PAGE_BYTES), 5 * PAGE_BYTES },
	};
	struct drv_part part = { .extents = extents,
				 .extent_count = 4,
				 .offset = PAGE_BYTES,
				 .length = 4 * MIB + 4 * PAGE_BYTES };

	(void)state;
	rig_open(&s2_40, 16, 0);
	assert_int_equal(tablerig_map(&rig, 0, &part, RW), 0);
	assert_int_equal(tablerig_leaf_bytes(&rig, 0), 2 * MIB);
	assert_int_equal(tablerig_leaf_bytes(&rig, 2 * MIB), 2 * MIB);
	assert_int_equal(tablerig_leaf_bytes(&rig, 4 * MIB), PAGE_BYTES);
	assert_null(tablerig_check_page(&rig, 4 * MIB + 3 * PAGE_BYTES));
	assert_null(tablerig_check_page(&rig, 4 * MIB + 4 * PAGE_BYTES));
	rig_close();
}

static void pgtable_map_over_anything_mapped_is_refused(void **state)
{
	struct extent extent = { PA(16 * GIB), 4 * MIB };
	struct drv_part part = tablerig_part(&extent);
	struct extent large = { PA(16 * GIB), GIB };
	struct drv_part large_part = tablerig_part(&large);

	(void)state;
	rig_open(&s1_48, 64, 0);
	assert_int_equal(map_at(5 * PAGE_BYTES, GIB, PAGE_BYTES, RW), 0);
	assert_int_equal(map_at(GIB + 2 * MIB, 2 * GIB, 2 * MIB, RW), 0);
	refuse_at(0, &part, RW, -EEXIST, "0x5000 is mapped already");
	refuse_at(GIB, &part, RW, -EEXIST, "0x40200000 is mapped already");
	refuse_at(GIB, &large_part, RW, -EEXIST, "is mapped already");
	part.length = PAGE_BYTES;
	refuse_at(5 * PAGE_BYTES, &part, RW, -EEXIST, "0x5000");
	refuse_at(GIB + 3 * MIB, &part, RW, -EEXIST, "0x40300000");
	rig_close();
}

static void pgtable_map_memory_nobody_may_grant_is_refused(void **state)
{
	struct extent cases[] = {
		{ PA(TABLERIG_PA + PAGE_BYTES), PAGE_BYTES },
		{ PA(TABLERIG_PA - PAGE_BYTES), 2 * PAGE_BYTES },
		{ PA(TABLERIG_PA + 15 * PAGE_BYTES), 4 * PAGE_BYTES },
		{ PA(GIB + 8), PAGE_BYTES },
		{ PA(GIB), PAGE_BYTES + 8 },
		{ PA(UINT64_C(1) << 44), PAGE_BYTES },
		{ PA((UINT64_C(1) << 44) - PAGE_BYTES), 2 * PAGE_BYTES },
		{ PA(-PAGE_BYTES), 2 * PAGE_BYTES },
	};
	static const int codes[] = { -EPERM,  -EPERM,  -EPERM,	-EINVAL,
				     -EINVAL, -EINVAL, -EINVAL, -EINVAL };
	static const char *const words[] = { "own tables",   "own tables",  "own tables",
					     "whole 4 KiB",  "whole 4 KiB", "address bits",
					     "address bits", "address bits" };
	struct drv_part part;
	size_t i;

	(void)state;
	rig_open(&s2_40, 16, 0);
	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		part = tablerig_part(&cases[i]);
		part.length = 2 * PAGE_BYTES;
		refuse_at(0, &part, RW, codes[i], words[i]);
	}
	rig_close();
}

/* 2 MiB and a page, not aligned: two leaf tables and what is above them. */
static int map_three_levels(void)
{
	return map_at(GIB - PAGE_BYTES, 3 * GIB + PAGE_BYTES, 2 * MIB, RW);
}

static void pgtable_map_quota_is_exact_at_every_n(void **state)
{
	struct extent extent = { PA(3 * GIB + PAGE_BYTES), 2 * MIB };
	struct drv_part part = tablerig_part(&extent);
	uint64_t needed, limit;

	(void)state;
	rig_open(&s1_48, 32, 0);
	assert_int_equal(map_three_levels(), 0);
	needed = rig.table.table_pages;
	assert_int_equal(needed, 1 + 1 + 2 + 2);
	rig_close();
	for (limit = 1; limit <= needed; limit++) {
		rig_open(&s1_48, 32, limit);
		if (limit < needed)
			refuse_at(GIB - PAGE_BYTES, &part, RW, -EDQUOT, "raise the limit");
		else
			assert_int_equal(map_three_levels(), 0);
		assert_null(tablerig_check_all(&rig));
		rig_close();
	}
}

static void pgtable_map_arena_used_up_unwinds_at_every_n(void **state)
{
	struct extent extent = { PA(3 * GIB + PAGE_BYTES), 2 * MIB };
	struct drv_part part = tablerig_part(&extent);
	uint64_t pages;

	(void)state;
	for (pages = 1; pages <= 6; pages++) {
		rig_open(&s1_48, pages, 0);
		if (pages < 6)
			refuse_at(GIB - PAGE_BYTES, &part, RW, -ENOMEM, "larger arena");
		else
			assert_int_equal(map_three_levels(), 0);
		rig_close();
	}
}

static void pgtable_map_after_quota_refusal_fits_when_freed(void **state)
{
	struct extent extent = { PA(GIB), PAGE_BYTES };
	struct drv_part part = tablerig_part(&extent);

	(void)state;
	rig_open(&s1_48, 32, 4);
	assert_int_equal(map_at(0, GIB, PAGE_BYTES, RW), 0);
	refuse_at(2 * MIB, &part, RW, -EDQUOT, "4 of at most 4");
	tablerig_unmap(&rig, 0, PAGE_BYTES, NULL);
	assert_int_equal(map_at(2 * MIB, GIB, PAGE_BYTES, RW), 0);
	rig_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pgtable_map_one_page_translates_that_page_only),
		cmocka_unit_test(pgtable_map_each_right_is_exact_or_refused),
		cmocka_unit_test(pgtable_map_bad_range_is_refused_and_changes_nothing),
		cmocka_unit_test(pgtable_map_last_page_of_the_space_works),
		cmocka_unit_test(pgtable_map_whole_concatenated_root_boundary_works),
		cmocka_unit_test(pgtable_map_uses_largest_blocks_that_fit),
		cmocka_unit_test(pgtable_map_misaligned_memory_uses_pages),
		cmocka_unit_test(pgtable_map_scattered_extents_joins_neighbours_only),
		cmocka_unit_test(pgtable_map_over_anything_mapped_is_refused),
		cmocka_unit_test(pgtable_map_memory_nobody_may_grant_is_refused),
		cmocka_unit_test(pgtable_map_quota_is_exact_at_every_n),
		cmocka_unit_test(pgtable_map_arena_used_up_unwinds_at_every_n),
		cmocka_unit_test(pgtable_map_after_quota_refusal_fits_when_freed),
	};

	return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
