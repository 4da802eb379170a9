// SPDX-License-Identifier: BSD-2-Clause
/* Every expected word below is written out by hand from the VT-d specification. */
#include "pgtable.h"

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

static const struct {
	unsigned rights, level;
	uint64_t first, second; /* 0: cannot be expressed */
} cases[] = {
	{ RIGHT_READ, 3, 0x0000001234567025, 0x0000001234567001 },
	{ RW, 3, 0x0000001234567067, 0x0000001234567003 },
	{ RIGHT_WRITE, 3, 0, 0x0000001234567002 },
	{ RIGHT_READ | RIGHT_EXEC, 3, 0x0000001234567025, 0x0000001234567001 },
	{ RIGHT_ALL, 3, 0x0000001234567067, 0x0000001234567003 },
	{ RIGHT_READ, 2, 0x00000012344000a5, 0x0000001234400081 },
	{ RW, 2, 0x00000012344000e7, 0x0000001234400083 },
	{ RW, 1, 0x00000012000000e7, 0x0000001200000083 },
};

/* The address a leaf of this level in the table above has. */
static pa_t case_pa(unsigned level)
{
	static const uint64_t addresses[] = { 0, 0x1200000000, 0x1234400000, 0x1234567000 };

	return PA(addresses[level]);
}

static void assert_word(const struct pgtable_format *format, size_t i, uint64_t want)
{
	uint64_t entry;

	assert_int_equal(format->can_express(cases[i].rights), want != 0);
	if (!want)
		return;
	entry = format->make_leaf(case_pa(cases[i].level), cases[i].rights, cases[i].level);
	assert_int_equal(entry, want);
	assert_int_equal(format->leaf_rights(entry), cases[i].rights & RW);
}

static void vtd_format_leaf_each_right_and_level_is_the_specifications_word(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_word(&pgtable_vtd_fs, i, cases[i].first);
		assert_word(&pgtable_vtd_ss, i, cases[i].second);
	}
}

static void vtd_format_rights_that_would_widen_cannot_be_expressed(void **state)
{
	unsigned rights;

	(void)state;
	for (rights = 0; rights < 16; rights++) {
		assert_int_equal(pgtable_vtd_fs.can_express(rights),
				 rights < 8 && rights & RIGHT_READ);
		assert_int_equal(pgtable_vtd_ss.can_express(rights),
				 rights < 8 && (rights & RIGHT_READ || rights == RIGHT_WRITE));
	}
}

/* What bulk filling relies on, up to the last address there is. */
static void vtd_format_neighbouring_leaves_differ_by_their_size(void **state)
{
	uint64_t last = UINT64_C(1) << 52;

	(void)state;
	assert_int_equal(pgtable_vtd_fs.make_leaf(PA(last - 0x2000), RW, 3) + 0x1000,
			 pgtable_vtd_fs.make_leaf(PA(last - 0x1000), RW, 3));
	assert_int_equal(pgtable_vtd_ss.make_leaf(PA(0x200000), RW, 2) + 0x200000,
			 pgtable_vtd_ss.make_leaf(PA(0x400000), RW, 2));
}

static struct tablerig rig;

static void rig_open(enum auditor_stage stage, unsigned block_level)
{
	struct tablerig_shape shape = { stage,	     stage == AUDITOR_VTD_FIRST ? 47 : 48,
					0,	     1,
					block_level, false };

	tablerig_open(&rig, &shape, 2000, 0);
	tablerig_add_windows(&rig);
}

static void rig_close(void)
{
	assert_null(tablerig_check_all(&rig));
	assert_null(tablerig_close(&rig));
}

/* The words a walk goes through: tables open everything, the leaf decides. */
static void assert_walk(enum auditor_stage stage, uint64_t table_bits, uint64_t leaf)
{
	struct drv_walk walk;
	unsigned i;

	rig_open(stage, 0);
	assert_int_equal(tablerig_map_at(&rig, GIB, 0x1234567000, PAGE_BYTES, RIGHT_READ), 0);
	pgtable_walk(&rig.table, IOVA(GIB), &walk);
	assert_int_equal(walk.step_count, 4);
	for (i = 0; i < 3; i++)
		assert_int_equal(walk.steps[i].entry, walk.steps[i + 1].table_pa | table_bits);
	assert_int_equal(walk.steps[3].entry, leaf);
	rig_close();
}

static void vtd_format_tables_allow_all_and_their_leaf_decides(void **state)
{
	(void)state;
	assert_walk(AUDITOR_VTD_FIRST, 0x27, 0x1234567025);
	assert_walk(AUDITOR_VTD_SECOND, 0x3, 0x1234567001);
}

/* CAP.SLLPS and FL1GP: a unit may lack 1 GiB pages, or 2 MiB ones as well. */
static void vtd_format_blocks_a_unit_lacks_are_made_of_smaller_ones(void **state)
{
	static const uint64_t largest[] = { GIB, GIB, 2 * MIB, PAGE_BYTES };
	enum auditor_stage stage;
	unsigned level;

	(void)state;
	for (stage = AUDITOR_ARM_STAGE_1; stage <= AUDITOR_VTD_SECOND; stage++)
		for (level = 0; level <= 3; level++) {
			rig_open(stage, level);
			assert_int_equal(tablerig_map_at(&rig, GIB, 4 * GIB, GIB, RW), 0);
			assert_int_equal(tablerig_leaf_bytes(&rig, GIB), largest[level]);
			assert_int_equal(tablerig_map_at(&rig, 4 * MIB, 4 * GIB, 2 * MIB, RW), 0);
			assert_int_equal(tablerig_leaf_bytes(&rig, 4 * MIB),
					 level == 3 ? PAGE_BYTES : 2 * MIB);
			rig_close();
		}
}

static void vtd_format_audit_refuses_a_block_the_unit_lacks(void **state)
{
	struct error err = { 0 };
	uint64_t *root, saved;

	(void)state;
	rig_open(AUDITOR_VTD_SECOND, 3);
	assert_int_equal(tablerig_map_at(&rig, 0, 4 * GIB, PAGE_BYTES, RW), 0);
	root = pages_cpu(&rig.pages, PA(*(uint64_t *)rig.table.root & -PAGE_BYTES));
	saved = *root;
	*root = pgtable_vtd_ss.make_leaf(PA(4 * GIB), RW, 1);
	assert_int_equal(pgtable_audit(&rig.table, &err), -EBADE);
	assert_non_null(strstr(err.text, "none that was ever written"));
	*root = saved;
	rig_close();
}

static int set_seen(void *context, iova_t iova, pa_t pa, uint64_t bytes, unsigned rights)
{
	struct drv_walk walk;
	unsigned i;

	(void)context;
	(void)pa;
	(void)bytes;
	pgtable_walk(&rig.table, iova, &walk);
	for (i = 0; i < walk.step_count; i++)
		assert_true(walk.steps[i].entry & BIT(5));
	if (rights & RIGHT_WRITE)
		assert_true(walk.steps[walk.step_count - 1].entry & BIT(6));
	return 0;
}

/*
 * First level: a unit stores ACCESSED into each entry of a walk and DIRTY into
 * the leaf of a write that may pass, where it does not find them.
 */
static void vtd_format_a_unit_finds_accessed_and_dirty_set(void **state)
{
	(void)state;
	rig_open(AUDITOR_VTD_FIRST, 0);
	assert_int_equal(tablerig_map_at(&rig, 0, GIB, PAGE_BYTES, RW), 0);
	assert_int_equal(tablerig_map_at(&rig, PAGE_BYTES, GIB, PAGE_BYTES, RIGHT_READ), 0);
	assert_int_equal(tablerig_map_at(&rig, 4 * MIB, 4 * GIB, 2 * MIB, RW), 0);
	assert_int_equal(tablerig_map_at(&rig, GIB, 4 * GIB, GIB, RW), 0);
	assert_int_equal(pgtable_for_each_leaf(&rig.table, set_seen, NULL), 0);
	rig_close();
}

static int each_has_snoop(void *context, iova_t iova, pa_t pa, uint64_t bytes, unsigned rights)
{
	const struct pgtable *table = context;
	struct drv_walk walk;

	(void)pa;
	(void)bytes;
	(void)rights;
	pgtable_walk(table, iova, &walk);
	assert_true(walk.steps[walk.step_count - 1].entry & PGTABLE_VTD_SS_SNOOP);
	return 0;
}

/* Pages and blocks alike; a leaf without it is not one of ours. */
static void vtd_format_leaf_bits_of_the_unit_are_in_every_leaf(void **state)
{
	static const struct pgtable_shape shape = { 48, 48, 0, 1, 0, false, PGTABLE_VTD_SS_SNOOP };
	struct extent extent = { PA(4 * GIB), 4 * MIB };
	struct drv_part part = tablerig_part(&extent);
	struct drv_walk walk;
	struct pgtable table;
	struct error err;

	(void)state;
	rig_open(AUDITOR_VTD_SECOND, 0);
	assert_int_equal(pgtable_init(&table, &pgtable_vtd_ss, &rig.pages, &shape, 0), 0);
	part.length = 2 * MIB + PAGE_BYTES;
	assert_int_equal(pgtable_map(&table, IOVA(4 * MIB), &part, RW, &err), 0);
	part.length = PAGE_BYTES;
	assert_int_equal(pgtable_map(&table, IOVA(GIB), &part, RIGHT_READ, &err), 0);
	assert_int_equal(pgtable_for_each_leaf(&table, each_has_snoop, &table), 0);
	assert_int_equal(pgtable_audit(&table, &err), 0);
	pgtable_walk(&table, IOVA(GIB), &walk);
	assert_int_equal(walk.rights, RIGHT_READ);
	table.shape.leaf_bits = 0;
	assert_int_equal(pgtable_audit(&table, &err), -EBADE);
	pgtable_fini(&table);
	rig_close();
}

/* The upper half of 52 bits reaches the entry, and nothing beyond does. */
static void vtd_format_memory_above_48_bits_is_mapped_where_the_unit_has_it(void **state)
{
	static const struct pgtable_shape shape = { 48, 52, 0, 1, 0, false, 0 };
	struct extent extent = { PA((UINT64_C(1) << 52) - PAGE_BYTES), PAGE_BYTES };
	struct drv_part part = tablerig_part(&extent);
	struct drv_walk walk;
	struct pgtable table;
	struct error err;

	(void)state;
	rig_open(AUDITOR_VTD_SECOND, 0);
	assert_int_equal(pgtable_init(&table, &pgtable_vtd_ss, &rig.pages, &shape, 0), 0);
	assert_int_equal(pgtable_map(&table, IOVA(0), &part, RW, &err), 0);
	pgtable_walk(&table, IOVA(0), &walk);
	assert_int_equal(walk.pa, extent.pa.v);
	assert_int_equal(pgtable_audit(&table, &err), 0);
	assert_int_equal(tablerig_map(&rig, 0, &part, RW), -EINVAL);
	pgtable_fini(&table);
	rig_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vtd_format_leaf_each_right_and_level_is_the_specifications_word),
		cmocka_unit_test(vtd_format_rights_that_would_widen_cannot_be_expressed),
		cmocka_unit_test(vtd_format_neighbouring_leaves_differ_by_their_size),
		cmocka_unit_test(vtd_format_tables_allow_all_and_their_leaf_decides),
		cmocka_unit_test(vtd_format_blocks_a_unit_lacks_are_made_of_smaller_ones),
		cmocka_unit_test(vtd_format_audit_refuses_a_block_the_unit_lacks),
		cmocka_unit_test(vtd_format_a_unit_finds_accessed_and_dirty_set),
		cmocka_unit_test(vtd_format_leaf_bits_of_the_unit_are_in_every_leaf),
		cmocka_unit_test(vtd_format_memory_above_48_bits_is_mapped_where_the_unit_has_it),
	};

	return cmocka_run_group_tests_name("vtd_format", tests, NULL, NULL);
}
