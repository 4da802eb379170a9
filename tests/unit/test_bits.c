// SPDX-License-Identifier: BSD-2-Clause
#include "bits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void bits_masks_cover_both_ends(void **state)
{
	(void)state;
	assert_int_equal(BIT(0), 1);
	assert_int_equal(BIT(63), UINT64_C(0x8000000000000000));
	assert_int_equal(BITS(0, 0), 1);
	assert_int_equal(BITS(63, 0), UINT64_MAX);
	assert_int_equal(BITS(63, 63), UINT64_C(0x8000000000000000));
	assert_int_equal(BITS(47, 12), UINT64_C(0x0000fffffffff000));
	assert_int_equal(BITS(9, 8), 0x300);
}

static void bits_field_get_undoes_field_put(void **state)
{
	static const uint64_t masks[] = { BITS(0, 0), BITS(63, 63), BITS(63, 0), BITS(47, 12),
					  BITS(5, 2) };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(masks); i++) {
		assert_int_equal(field_put(masks[i], UINT64_MAX), masks[i]);
		assert_int_equal(field_put(masks[i], 1), masks[i] & -masks[i]);
		assert_int_equal(field_get(masks[i], field_put(masks[i], 1)), 1);
		assert_int_equal(field_get(masks[i], ~masks[i]), 0);
	}
	assert_int_equal(field_get(BITS(15, 8), 0xabcdef), 0xcd);
}

static void bits_field_put_cuts_excess_off(void **state)
{
	(void)state;
	assert_int_equal(field_put(BITS(7, 4), 0x1f), 0xf0);
	assert_int_equal(field_put(BITS(7, 4), 0x10), 0);
}

static void bits_field_fits_knows_the_widest_value(void **state)
{
	(void)state;
	assert_true(field_fits(BITS(7, 4), 15));
	assert_false(field_fits(BITS(7, 4), 16));
	assert_true(field_fits(BITS(63, 0), UINT64_MAX));
	assert_true(field_fits(BITS(63, 63), 1));
	assert_false(field_fits(BITS(63, 63), 2));
}

static void bits_log2_floor_at_powers_and_beside_them(void **state)
{
	(void)state;
	assert_int_equal(log2_floor(1), 0);
	assert_int_equal(log2_floor(4095), 11);
	assert_int_equal(log2_floor(4096), 12);
	assert_int_equal(log2_floor(UINT64_MAX), 63);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bits_masks_cover_both_ends),
		cmocka_unit_test(bits_field_get_undoes_field_put),
		cmocka_unit_test(bits_field_put_cuts_excess_off),
		cmocka_unit_test(bits_field_fits_knows_the_widest_value),
		cmocka_unit_test(bits_log2_floor_at_powers_and_beside_them),
	};

	return cmocka_run_group_tests_name("bits", tests, NULL, NULL);
}
