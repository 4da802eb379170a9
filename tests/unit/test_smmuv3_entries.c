// SPDX-License-Identifier: BSD-2-Clause
/* Entry values against words written out by hand from IHI 0070. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "entries.h"

static void entries_abort_and_unused_let_nothing_pass(void **state)
{
	struct ste abort_ste = make_ste_abort(), unused = make_ste_unused(false);

	(void)state;
	assert_int_equal(abort_ste.word[0], 1);
	assert_int_equal(unused.word[0], 0);
}

static void entries_s1_has_every_field(void **state)
{
	struct ste ste = make_ste_s1(PA(0x40001040), false);

	(void)state;
	assert_true(ste.word[0] == (UINT64_C(0x40001040) | 5 << 1 | 1));
	assert_true(ste.word[1] == (1u << 2 | 1u << 4 | 3u << 6 | UINT64_C(1) << 44));
	assert_int_equal(ste.word[2], 0);
	assert_true(make_ste_s1(PA(0x40001040), true).word[1] == (ste.word[1] | 1u << 27));
}

static void entries_s2_has_every_field(void **state)
{
	struct s2_geometry geometry = make_s2_geometry(44, 4);
	struct ste ste = make_ste_s2(PA(0x40002000), 9, &geometry);

	(void)state;
	assert_int_equal(ste.word[0], 6 << 1 | 1);
	assert_true(ste.word[2] == (9 | UINT64_C(20) << 32 | UINT64_C(2) << 38 | UINT64_C(1) << 40 |
				    UINT64_C(1) << 42 | UINT64_C(3) << 44 | UINT64_C(4) << 48 |
				    UINT64_C(1) << 51 | UINT64_C(1) << 58));
	assert_int_equal(ste.word[3], 0x40002000);
}

/* A unit that reads stage 2 with 32-bit tables must never be told to. */
static void entries_s2_always_says_aarch64(void **state)
{
	static const unsigned bits[] = { 32, 36, 40, 42, 44, 48 };
	unsigned code;

	(void)state;
	for (code = 0; code < 6; code++) {
		struct s2_geometry geometry = make_s2_geometry(bits[code], code);
		struct ste ste = make_ste_s2(PA(0x40000000), 1, &geometry);

		assert_true(ste.word[2] & STE2_S2AA64);
		assert_true(ste.word[2] & STE2_S2R);
		assert_false(ste.word[2] & (STE2_S2S | STE2_S2HA | STE2_S2HD | STE2_S2ENDI));
	}
}

static void entries_geometry_starts_and_concatenates_as_specified(void **state)
{
	static const struct { unsigned bits, level, pages; } expected[] = {
		{ 32, 1, 1 }, { 36, 1, 1 }, { 39, 1, 1 }, { 40, 1, 2 }, { 42, 1, 8 }, { 43, 1, 16 },
		{ 44, 0, 1 }, { 48, 0, 1 },
	};
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(expected); i++) {
		struct s2_geometry geometry = make_s2_geometry(expected[i].bits, 5);

		assert_int_equal(geometry.root_level, expected[i].level);
		assert_int_equal(geometry.root_pages, expected[i].pages);
	}
}

static void entries_cd_has_every_field(void **state)
{
	struct cd cd = make_cd(PA(0x40003000), 0xbeef, 4);

	(void)state;
	assert_true(cd.word[0] == (16 | 1u << 8 | 1u << 10 | 3u << 12 | 1u << 30 | UINT64_C(1) << 31 |
				   UINT64_C(4) << 32 | UINT64_C(1) << 41 | UINT64_C(1) << 45 |
				   UINT64_C(1) << 46 | UINT64_C(1) << 47 | UINT64_C(0xbeef) << 48));
	assert_int_equal(cd.word[1], 0x40003000);
	assert_int_equal(cd.word[2], 0);
	assert_int_equal(cd.word[3], 0xff);
}

static void entries_output_size_is_capped_at_48_bits(void **state)
{
	(void)state;
	assert_int_equal(output_bits_of(6), 48);
	assert_int_equal(field_get(CD0_IPS, make_cd(PA(0), 1, 6).word[0]), 5);
	assert_int_equal(make_s2_geometry(48, 6).output_code, 5);
}

static void entries_used_bits_follow_the_configuration(void **state)
{
	struct s2_geometry geometry = make_s2_geometry(44, 4);
	struct ste s1 = make_ste_s1(PA(0x1000), false), s2 = make_ste_s2(PA(0x1000), 1, &geometry);
	struct ste silent = make_ste_abort(), unused = make_ste_unused(false);
	struct ste strange = { { 1 | 7 << 1 } };

	(void)state;
	assert_int_equal(ste_used_bits(&unused).word[0], 1);
	assert_int_equal(ste_used_bits(&unused).word[1], 0);
	assert_int_equal(ste_used_bits(&silent).word[0], 0xf);
	assert_int_equal(ste_used_bits(&silent).word[1], 0);
	assert_true(ste_used_bits(&s1).word[1] == UINT64_MAX);
	assert_int_equal(ste_used_bits(&s1).word[3], 0);
	assert_true(ste_used_bits(&s2).word[3] == UINT64_MAX);
	assert_true(ste_used_bits(&strange).word[7] == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_abort_and_unused_let_nothing_pass),
		cmocka_unit_test(entries_s1_has_every_field),
		cmocka_unit_test(entries_s2_has_every_field),
		cmocka_unit_test(entries_s2_always_says_aarch64),
		cmocka_unit_test(entries_geometry_starts_and_concatenates_as_specified),
		cmocka_unit_test(entries_cd_has_every_field),
		cmocka_unit_test(entries_output_size_is_capped_at_48_bits),
		cmocka_unit_test(entries_used_bits_follow_the_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
