// SPDX-License-Identifier: BSD-2-Clause
#include "arith.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define TOP UINT64_MAX

static void arith_range_is_bad_only_when_empty_or_wrapping(void **state)
{
	(void)state;
	assert_true(range_is_bad(0, 0));
	assert_true(range_is_bad(TOP, 0));
	assert_false(range_is_bad(0, 1));
	assert_false(range_is_bad(TOP, 1));
	assert_true(range_is_bad(TOP, 2));
	assert_false(range_is_bad(0, TOP));
	assert_false(range_is_bad(1, TOP - 1));
	assert_true(range_is_bad(2, TOP));
	assert_false(range_is_bad(1, TOP)); /* 1 .. 2^64 - 1 */
}

static void arith_range_last_is_the_last_byte(void **state)
{
	(void)state;
	assert_int_equal(range_last(0, 1), 0);
	assert_int_equal(range_last(TOP, 1), TOP);
	assert_int_equal(range_last(0x1000, 0x1000), 0x1fff);
}

static void arith_range_within_refuses_every_byte_outside(void **state)
{
	(void)state;
	assert_true(range_within(10, 5, 10, 5));
	assert_true(range_within(10, 1, 10, 5));
	assert_true(range_within(14, 1, 10, 5));
	assert_false(range_within(9, 5, 10, 5));
	assert_false(range_within(10, 6, 10, 5));
	assert_false(range_within(15, 1, 10, 5));
	assert_false(range_within(10, 0, 10, 5));
	assert_false(range_within(10, 1, 10, 0));
	assert_false(range_within(TOP, 2, 0, TOP));
	assert_false(range_within(12, TOP, 10, 5));
	assert_true(range_within(TOP, 1, TOP - 1, 2));
}

static void arith_range_overlaps_at_a_single_byte(void **state)
{
	(void)state;
	assert_true(range_overlaps(0, 11, 10, 5));
	assert_false(range_overlaps(0, 10, 10, 5));
	assert_true(range_overlaps(14, 1, 10, 5));
	assert_false(range_overlaps(15, 1, 10, 5));
	assert_true(range_overlaps(0, TOP, 10, 5));
	assert_true(range_overlaps(12, 1, 0, TOP));
	assert_true(range_overlaps(TOP, 1, TOP - 3, 4));
}

static void arith_alignment_at_and_beside_the_boundary(void **state)
{
	(void)state;
	assert_true(is_aligned(0, 4096));
	assert_true(is_aligned(8192, 4096));
	assert_false(is_aligned(8193, 4096));
	assert_int_equal(align_down(8191, 4096), 4096);
	assert_int_equal(align_up(8191, 4096), 8192);
	assert_int_equal(align_up(8192, 4096), 8192);
	assert_int_equal(align_up(TOP, 4096), 0);
	assert_int_equal(align_down(TOP, 4096), TOP - 4095);
}

static void arith_min_and_max_at_the_ends(void **state)
{
	(void)state;
	assert_int_equal(min_u64(0, TOP), 0);
	assert_int_equal(max_u64(0, TOP), TOP);
	assert_int_equal(min_u64(7, 7), 7);
	assert_int_equal(max_u64(8, 7), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arith_range_is_bad_only_when_empty_or_wrapping),
		cmocka_unit_test(arith_range_last_is_the_last_byte),
		cmocka_unit_test(arith_range_within_refuses_every_byte_outside),
		cmocka_unit_test(arith_range_overlaps_at_a_single_byte),
		cmocka_unit_test(arith_alignment_at_and_beside_the_boundary),
		cmocka_unit_test(arith_min_and_max_at_the_ends),
	};

	return cmocka_run_group_tests_name("arith", tests, NULL, NULL);
}
