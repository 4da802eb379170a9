// SPDX-License-Identifier: BSD-2-Clause
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

static struct tablerig rig;

/* 1 GiB: a page, then a 2 MiB block; 2 GiB: a 1 GiB block. */
static int setup(void **state)
{
	struct extent page = { PA(8 * GIB), PAGE_BYTES };
	struct extent block = { PA(9 * GIB), 2 * MIB };
	struct extent large = { PA(10 * GIB), GIB };
	struct drv_part part;

	(void)state;
	tablerig_open(&rig, &(struct tablerig_shape){ AUDITOR_ARM_STAGE_2, 39, 1, 1, 0, false }, 16,
		      0);
	oracle_add_window(&rig.oracle, GIB, 2 * GIB);
	part = tablerig_part(&page);
	assert_int_equal(tablerig_map(&rig, GIB, &part, RIGHT_READ), 0);
	part = tablerig_part(&block);
	assert_int_equal(tablerig_map(&rig, GIB + 2 * MIB, &part, RW), 0);
	part = tablerig_part(&large);
	assert_int_equal(tablerig_map(&rig, 2 * GIB, &part, RIGHT_WRITE), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return tablerig_close(&rig) != NULL;
}

static void inspect_walk_of_a_page_shows_each_level(void **state)
{
	struct drv_walk walk;

	(void)state;
	pgtable_walk(&rig.table, IOVA(GIB + 0x123), &walk);
	assert_true(walk.is_mapped);
	assert_int_equal(walk.step_count, 3);
	assert_int_equal(walk.steps[0].level, 1);
	assert_int_equal(walk.steps[0].index, 1);
	assert_int_equal(walk.steps[0].table_pa, pgtable_root(&rig.table).v);
	assert_true(walk.steps[0].is_valid && !walk.steps[0].is_leaf);
	assert_int_equal(walk.steps[0].entry & ~UINT64_C(3), walk.steps[1].table_pa);
	assert_true(walk.steps[2].is_leaf);
	assert_int_equal(walk.pa, 8 * GIB + 0x123);
	assert_int_equal(walk.rights, RIGHT_READ);
	assert_int_equal(walk.leaf_bytes, PAGE_BYTES);
}

static void inspect_walk_of_blocks_adds_the_offset(void **state)
{
	struct drv_walk walk;

	(void)state;
	pgtable_walk(&rig.table, IOVA(GIB + 2 * MIB + 0x54321), &walk);
	assert_int_equal(walk.pa, 9 * GIB + 0x54321);
	assert_int_equal(walk.leaf_bytes, 2 * MIB);
	assert_int_equal(walk.rights, RW);
	pgtable_walk(&rig.table, IOVA(2 * GIB + 0x7654321), &walk);
	assert_int_equal(walk.pa, 10 * GIB + 0x7654321);
	assert_int_equal(walk.leaf_bytes, GIB);
	assert_int_equal(walk.rights, RIGHT_WRITE);
	assert_int_equal(walk.step_count, 1);
}

static void inspect_walk_of_nothing_stops_where_it_ends(void **state)
{
	struct drv_walk walk;

	(void)state;
	pgtable_walk(&rig.table, IOVA(GIB + PAGE_BYTES), &walk);
	assert_false(walk.is_mapped);
	assert_int_equal(walk.step_count, 3);
	assert_false(walk.steps[2].is_valid);
	pgtable_walk(&rig.table, IOVA(UINT64_C(1) << 39), &walk);
	assert_false(walk.is_mapped);
	assert_int_equal(walk.step_count, 0);
}

struct seen {
	unsigned count, stop_after;
	uint64_t iova[4], pa[4], bytes[4];
	unsigned rights[4];
};

static int see(void *context, iova_t iova, pa_t pa, uint64_t bytes, unsigned rights)
{
	struct seen *seen = context;

	assert_true(seen->count < 4);
	seen->iova[seen->count] = iova.v;
	seen->pa[seen->count] = pa.v;
	seen->bytes[seen->count] = bytes;
	seen->rights[seen->count++] = rights;
	return seen->count == seen->stop_after ? -EINTR : 0;
}

static void inspect_for_each_leaf_goes_in_address_order(void **state)
{
	struct seen seen = { 0 };

	(void)state;
	assert_int_equal(pgtable_for_each_leaf(&rig.table, see, &seen), 0);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.iova[0], GIB);
	assert_int_equal(seen.iova[1], GIB + 2 * MIB);
	assert_int_equal(seen.iova[2], 2 * GIB);
	assert_int_equal(seen.pa[1], 9 * GIB);
	assert_int_equal(seen.bytes[2], GIB);
	assert_int_equal(seen.rights[0], RIGHT_READ);
}

static void inspect_for_each_leaf_stops_when_told(void **state)
{
	struct seen seen = { .stop_after = 2 };

	(void)state;
	assert_int_equal(pgtable_for_each_leaf(&rig.table, see, &seen), -EINTR);
	assert_int_equal(seen.count, 2);
}

/* One word of the table is another's; the audit has to say so. */
static void assert_audit_finds(uint64_t *where, uint64_t value, const char *words)
{
	uint64_t saved = *where;
	struct error err = { 0 };

	assert_int_equal(pgtable_audit(&rig.table, &err), 0);
	*where = value;
	assert_int_equal(pgtable_audit(&rig.table, &err), -EBADE);
	if (!strstr(err.text, words))
		fail_msg("'%s' is not in '%s'", words, err.text);
	*where = saved;
	assert_int_equal(pgtable_audit(&rig.table, &err), 0);
}

static void inspect_audit_finds_each_foreign_word(void **state)
{
	uint64_t *root = rig.table.root;
	struct drv_walk walk;
	uint64_t *leaves, *middle;

	(void)state;
	pgtable_walk(&rig.table, IOVA(GIB), &walk);
	middle = pages_cpu(&rig.pages, PA(walk.steps[1].table_pa));
	leaves = pages_cpu(&rig.pages, PA(walk.steps[2].table_pa));
	assert_audit_finds(&leaves[1], leaves[0] + PAGE_BYTES, "2 entries, 1 were written");
	assert_audit_finds(&leaves[0], 0, "0 entries, 1 were written");
	assert_audit_finds(&leaves[0], leaves[0] ^ BIT(10), "none that was ever written");
	assert_audit_finds(&leaves[0], leaves[0] & ~BIT(0), "none that was ever written");
	assert_audit_finds(&leaves[0], (leaves[0] & ~BITS(47, 12)) | TABLERIG_PA, "never granted");
	assert_audit_finds(&leaves[0], leaves[0] | BIT(46), "never granted");
	assert_audit_finds(&middle[1], middle[1] | BIT(13), "none that was ever written");
	assert_audit_finds(&root[1], root[1] | BIT(45), "no table of ours");
	assert_audit_finds(&root[1], root[1] | BIT(59), "no table of ours");
	assert_audit_finds(&root[1], (TABLERIG_PA + 15 * PAGE_BYTES) | 3, "no table of ours");
	/* a table of ours in a place where it does not belong */
	assert_audit_finds(&root[1], pages_pa(&rig.pages, leaves).v | 3, "no table of ours");
	assert_audit_finds(&root[3], root[1], "3 entries, 2 were written");
}

static void inspect_audit_finds_a_table_linked_twice(void **state)
{
	uint64_t *root = rig.table.root;
	struct error err;

	(void)state;
	root[3] = root[1];
	pages_note(&rig.pages, root)->live++;
	assert_int_equal(pgtable_audit(&rig.table, &err), -EBADE);
	assert_non_null(strstr(err.text, "5 table pages are linked, 3 were counted"));
	root[3] = 0;
	pages_note(&rig.pages, root)->live--;
}

static void inspect_audit_finds_an_empty_table(void **state)
{
	uint64_t *root = rig.table.root;
	uint64_t *page = pages_take(&rig.pages);
	struct error err;

	(void)state;
	root[3] = pages_pa(&rig.pages, page).v | 3;
	assert_int_equal(pgtable_audit(&rig.table, &err), -EBADE);
	assert_non_null(strstr(err.text, "is empty and linked"));
	root[3] = 0;
	pages_give(&rig.pages, page, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(inspect_walk_of_a_page_shows_each_level, setup,
						teardown),
		cmocka_unit_test_setup_teardown(inspect_walk_of_blocks_adds_the_offset, setup,
						teardown),
		cmocka_unit_test_setup_teardown(inspect_walk_of_nothing_stops_where_it_ends, setup,
						teardown),
		cmocka_unit_test_setup_teardown(inspect_for_each_leaf_goes_in_address_order, setup,
						teardown),
		cmocka_unit_test_setup_teardown(inspect_for_each_leaf_stops_when_told, setup,
						teardown),
		cmocka_unit_test_setup_teardown(inspect_audit_finds_each_foreign_word, setup,
						teardown),
		cmocka_unit_test_setup_teardown(inspect_audit_finds_a_table_linked_twice, setup,
						teardown),
		cmocka_unit_test_setup_teardown(inspect_audit_finds_an_empty_table, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("inspect", tests, NULL, NULL);
}
