// SPDX-License-Identifier: BSD-2-Clause
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>

#include "windows.h"

static const struct board_layout layout = {
	.units = { { 0x9000, 0x1000 }, { UINT64_MAX - 0xfff, 0x1000 } },
	.unit_count = 2,
	.ecam = { 0x100000, 0x10000 },
	.mmio = { { 0x200000, 0x1000 }, { 0x300000, 0x1000 } },
	.mmio_count = 2,
};

static void access_only_natural_sizes_and_alignment_pass(void **state)
{
	uint32_t size;

	(void)state;
	for (size = 0; size < 20; size++)
		assert_int_equal(windows_check_access(16, size),
				 size == 1 || size == 2 || size == 4 || size == 8 ? 0 : -EINVAL);
	assert_int_equal(windows_check_access(12, 8), -EINVAL);
	assert_int_equal(windows_check_access(12, 4), 0);
	assert_int_equal(windows_check_access(1, 2), -EINVAL);
}

static void owner_reaches_units_and_configuration_to_their_last_byte(void **state)
{
	(void)state;
	assert_int_equal(windows_check_owner(&layout, 0x9000, 8), 0);
	assert_int_equal(windows_check_owner(&layout, 0x9ff8, 8), 0);
	assert_int_equal(windows_check_owner(&layout, 0x10fffc, 4), 0);
	assert_int_equal(windows_check_owner(&layout, UINT64_MAX - 7, 8), 0);
	assert_int_equal(windows_check_owner(&layout, 0x8ff8, 8), -EPERM);
	assert_int_equal(windows_check_owner(&layout, 0x9ffc, 8), -EPERM);
	assert_int_equal(windows_check_owner(&layout, UINT64_MAX - 3, 8), -EPERM);
	assert_int_equal(windows_check_owner(&layout, 0x200000, 4), -EPERM);
}

static void window_spanning_two_ranges_or_none_is_refused(void **state)
{
	(void)state;
	assert_int_equal(windows_check_open(&layout, 0x200000, 0x1000), 0);
	assert_int_equal(windows_check_open(&layout, 0x300ff0, 0x10), 0);
	assert_int_equal(windows_check_open(&layout, 0x200000, 0x101000), -EPERM);
	assert_int_equal(windows_check_open(&layout, 0x200800, 0x1000), -EPERM);
	assert_int_equal(windows_check_open(&layout, 0x200000, 0), -EPERM);
	assert_int_equal(windows_check_open(&layout, 0x200000, UINT64_MAX), -EPERM);
	assert_int_equal(windows_check_open(&layout, 0x9000, 0x1000), -EPERM);
}

/* A unit whose registers are BARs among all the others. */
static void window_over_a_unit_is_refused(void **state)
{
	struct board_layout with = layout;

	(void)state;
	with.units[1] = (struct range){ 0x200400, 0x100 };
	assert_int_equal(windows_check_open(&with, 0x200000, 0x400), 0);
	assert_int_equal(windows_check_open(&with, 0x200500, 0x100), 0);
	assert_int_equal(windows_check_open(&with, 0x200000, 0x401), -EPERM);
	assert_int_equal(windows_check_open(&with, 0x2004ff, 0x100), -EPERM);
	assert_int_equal(windows_check_open(&with, 0x200440, 0x10), -EPERM);
	assert_int_equal(windows_check_open(&with, 0x200000, 0x1000), -EPERM);
	assert_int_equal(windows_check_owner(&with, 0x200401, 1), 0);
	assert_int_equal(windows_check_owner(&with, 0x2004fe, 2), 0);
	assert_int_equal(windows_check_owner(&with, 0x2004ff, 2), -EPERM);
}

static void offset_past_the_window_is_refused_however_it_wraps(void **state)
{
	const struct range window = { 0x200000, 0x100 };

	(void)state;
	assert_int_equal(windows_check_offset(&window, 0xf8, 8), 0);
	assert_int_equal(windows_check_offset(&window, 0xfc, 8), -EPERM);
	assert_int_equal(windows_check_offset(&window, 0x100, 1), -EPERM);
	assert_int_equal(windows_check_offset(&window, UINT64_MAX, 1), -EPERM);
	assert_int_equal(windows_check_offset(&window, UINT64_MAX - 3, 8), -EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(access_only_natural_sizes_and_alignment_pass),
		cmocka_unit_test(owner_reaches_units_and_configuration_to_their_last_byte),
		cmocka_unit_test(window_spanning_two_ranges_or_none_is_refused),
		cmocka_unit_test(window_over_a_unit_is_refused),
		cmocka_unit_test(offset_past_the_window_is_refused_however_it_wraps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
