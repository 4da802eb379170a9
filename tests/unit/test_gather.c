// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "driver.h"

static struct drv_space space;

static void gather_new_is_empty(void **state)
{
	struct drv_gather gather = { 0 };

	(void)state;
	assert_true(drv_gather_is_empty(&gather));
	drv_gather_range(&gather, &space, 0x1000, 0);
	assert_true(drv_gather_is_empty(&gather));
}

static void gather_adjacent_ranges_become_one(void **state)
{
	struct drv_gather gather = { 0 };
	uint64_t i;

	(void)state;
	for (i = 0; i < 262144; i++)
		drv_gather_range(&gather, &space, i << 12, 0x1000);
	assert_int_equal(gather.range_count, 1);
	assert_int_equal(gather.ranges[0].iova, 0);
	assert_int_equal(gather.ranges[0].length, UINT64_C(1) << 30);
	assert_false(gather.whole_space);
}

static void gather_descending_ranges_become_one(void **state)
{
	struct drv_gather gather = { 0 };
	uint64_t i;

	(void)state;
	for (i = 512; i-- > 0;)
		drv_gather_range(&gather, &space, i << 12, 0x1000);
	assert_int_equal(gather.range_count, 1);
	assert_int_equal(gather.ranges[0].iova, 0);
	assert_int_equal(gather.ranges[0].length, 512 << 12);
}

static void gather_range_that_fills_a_gap_joins_both(void **state)
{
	struct drv_gather gather = { 0 };

	(void)state;
	drv_gather_range(&gather, &space, 0x1000, 0x1000);
	drv_gather_range(&gather, &space, 0x3000, 0x1000);
	drv_gather_range(&gather, &space, 0x9000, 0x1000);
	assert_int_equal(gather.range_count, 3);
	drv_gather_range(&gather, &space, 0x2000, 0x1000);
	assert_int_equal(gather.range_count, 2);
	assert_int_equal(gather.ranges[0].length + gather.ranges[1].length, 0x4000);
}

static void gather_ranges_that_do_not_touch_stay_apart(void **state)
{
	struct drv_gather gather = { 0 };

	(void)state;
	drv_gather_range(&gather, &space, 0x1000, 0x1000);
	drv_gather_range(&gather, &space, 0x3000, 0x1000);
	assert_int_equal(gather.range_count, 2);
	assert_false(drv_gather_is_empty(&gather));
}

static void gather_one_range_too_many_means_whole_space(void **state)
{
	struct drv_gather gather = { 0 };
	unsigned i;

	(void)state;
	for (i = 0; i < DRV_GATHER_RANGES; i++)
		drv_gather_range(&gather, &space, i * UINT64_C(0x10000), 0x1000);
	assert_false(gather.whole_space);
	assert_int_equal(gather.range_count, DRV_GATHER_RANGES);
	drv_gather_range(&gather, &space, 0x999000, 0x1000);
	assert_true(gather.whole_space);
	assert_int_equal(gather.range_count, 0);
	assert_false(drv_gather_is_empty(&gather));
	drv_gather_range(&gather, &space, 0x1000, 0x1000);
	assert_int_equal(gather.range_count, 0);
}

static void gather_last_page_of_the_address_space_joins_nothing_at_zero(void **state)
{
	struct drv_gather gather = { 0 };

	(void)state;
	drv_gather_range(&gather, &space, 0, 0x1000);
	drv_gather_range(&gather, &space, UINT64_MAX - 0xfff, 0x1000);
	assert_int_equal(gather.range_count, 2);
}

static void gather_stream_is_kept_once(void **state)
{
	struct drv_gather gather = { 0 };

	(void)state;
	drv_gather_stream(&gather, 8);
	drv_gather_stream(&gather, 8);
	drv_gather_stream(&gather, 9);
	assert_int_equal(gather.stream_count, 2);
	assert_false(drv_gather_is_empty(&gather));
}

static void gather_one_stream_too_many_means_all(void **state)
{
	struct drv_gather gather = { 0 };
	uint32_t i;

	(void)state;
	for (i = 0; i <= DRV_GATHER_STREAMS; i++)
		drv_gather_stream(&gather, i);
	assert_true(gather.all_streams);
	assert_int_equal(gather.stream_count, 0);
	drv_gather_stream(&gather, 77);
	assert_int_equal(gather.stream_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gather_new_is_empty),
		cmocka_unit_test(gather_adjacent_ranges_become_one),
		cmocka_unit_test(gather_descending_ranges_become_one),
		cmocka_unit_test(gather_range_that_fills_a_gap_joins_both),
		cmocka_unit_test(gather_ranges_that_do_not_touch_stay_apart),
		cmocka_unit_test(gather_one_range_too_many_means_whole_space),
		cmocka_unit_test(gather_last_page_of_the_address_space_joins_nothing_at_zero),
		cmocka_unit_test(gather_stream_is_kept_once),
		cmocka_unit_test(gather_one_stream_too_many_means_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
