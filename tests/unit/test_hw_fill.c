// SPDX-License-Identifier: BSD-2-Clause
/* hw_fill64() as programs have it: several words a store, and no recorder. */
#undef HW_RECORD
#include "hw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define WORDS 80u
#define GUARD UINT64_C(0x5a5a5a5a5a5a5a5a)

static void assert_fill(size_t offset, size_t count, uint64_t first, uint64_t step)
{
	uint64_t words[WORDS];
	size_t i;

	for (i = 0; i < WORDS; i++)
		words[i] = GUARD;
	hw_fill64(words + offset, first, step, count);
	for (i = 0; i < WORDS; i++)
		if (i >= offset && i < offset + count)
			assert_int_equal(words[i], first + (i - offset) * step);
		else
			assert_int_equal(words[i], GUARD);
}

static void hw_fill_every_count_and_offset_stores_those_words_only(void **state)
{
	size_t offset, count;

	(void)state;
	for (offset = 0; offset < 10; offset++)
		for (count = 0; count + offset <= WORDS - 1; count++) {
			assert_fill(offset, count, 0x0060000040000f43, 0x1000);
			assert_fill(offset, count, 0, 0);
		}
}

static void hw_fill_large_steps_carry_into_the_high_half(void **state)
{
	(void)state;
	assert_fill(1, 70, 0xfffff000, 0x1000);
	assert_fill(0, 33, UINT64_MAX - 5, UINT64_C(1) << 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hw_fill_every_count_and_offset_stores_those_words_only),
		cmocka_unit_test(hw_fill_large_steps_carry_into_the_high_half),
	};

	return cmocka_run_group_tests_name("hw_fill", tests, NULL, NULL);
}
