// SPDX-License-Identifier: BSD-2-Clause
/* Every expected word below is written out by hand from the Arm ARM, D8.3. */
#include "pgtable.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bits.h"

#define RW (RIGHT_READ | RIGHT_WRITE)

static const struct {
	unsigned rights, level;
	uint64_t stage_1, stage_2; /* 0: cannot be expressed */
} cases[] = {
	{ RIGHT_READ, 3, 0x0060001234567fc3, 0x004000123456777f },
	{ RW, 3, 0x0060001234567f43, 0x00400012345677ff },
	{ RIGHT_WRITE, 3, 0, 0x00400012345677bf },
	{ RIGHT_READ | RIGHT_EXEC, 3, 0x0000001234567fc3, 0x000000123456777f },
	{ RIGHT_ALL, 3, 0x0000001234567f43, 0x00000012345677ff },
	{ RW, 2, 0x0060001234400f41, 0x00400012344007fd },
	{ RW, 1, 0x0060001200000f41, 0x00400012000007fd },
};

/* The address a leaf of this level in the table above has. */
static pa_t case_pa(unsigned level)
{
	static const uint64_t addresses[] = { 0, 0x1200000000, 0x1234400000, 0x1234567000 };

	return PA(addresses[level]);
}

static void arm_lpae_leaf_each_right_and_level_is_the_manuals_word(void **state)
{
	uint64_t entry;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_int_equal(pgtable_arm_s1.can_express(cases[i].rights),
				 cases[i].stage_1 != 0);
		assert_true(pgtable_arm_s2.can_express(cases[i].rights));
		entry = pgtable_arm_s2.make_leaf(case_pa(cases[i].level), cases[i].rights,
						 cases[i].level);
		assert_int_equal(entry, cases[i].stage_2);
		assert_int_equal(pgtable_arm_s2.leaf_rights(entry), cases[i].rights);
		if (!cases[i].stage_1)
			continue;
		entry = pgtable_arm_s1.make_leaf(case_pa(cases[i].level), cases[i].rights,
						 cases[i].level);
		assert_int_equal(entry, cases[i].stage_1);
		assert_int_equal(pgtable_arm_s1.leaf_rights(entry), cases[i].rights);
	}
}

/* What bulk filling relies on. */
static void arm_lpae_neighbouring_leaves_differ_by_their_size(void **state)
{
	(void)state;
	assert_int_equal(pgtable_arm_s1.make_leaf(PA(0x200000), RW, 3) + 0x1000,
			 pgtable_arm_s1.make_leaf(PA(0x201000), RW, 3));
	assert_int_equal(pgtable_arm_s2.make_leaf(PA(0x200000), RW, 2) + 0x200000,
			 pgtable_arm_s2.make_leaf(PA(0x400000), RW, 2));
}

static void arm_lpae_rights_that_would_widen_cannot_be_expressed(void **state)
{
	unsigned rights;

	(void)state;
	for (rights = 0; rights < 16; rights++) {
		assert_int_equal(pgtable_arm_s1.can_express(rights),
				 rights < 8 && rights & RIGHT_READ);
		assert_int_equal(pgtable_arm_s2.can_express(rights),
				 rights < 8 && (rights & RIGHT_READ || rights == RIGHT_WRITE));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arm_lpae_leaf_each_right_and_level_is_the_manuals_word),
		cmocka_unit_test(arm_lpae_neighbouring_leaves_differ_by_their_size),
		cmocka_unit_test(arm_lpae_rights_that_would_widen_cannot_be_expressed),
	};

	return cmocka_run_group_tests_name("arm_lpae", tests, NULL, NULL);
}
