// SPDX-License-Identifier: BSD-2-Clause
/* Entry values, bit by bit as the specification's figures have them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bits.h"
#include "vtd_entries.h"

static void root_names_its_table_and_is_present(void **state)
{
	(void)state;
	assert_int_equal(make_root(PA(0x40003000)), 0x40003001);
}

static void context_shut_is_all_zero_but_for_silence(void **state)
{
	struct vtd_context denied = make_context_shut(false), silent = make_context_shut(true);
	unsigned i;

	(void)state;
	assert_int_equal(denied.word[0], 0);
	assert_int_equal(silent.word[0], 2); /* FPD */
	for (i = 1; i < SM_CONTEXT_WORDS; i++)
		assert_int_equal(denied.word[i] | silent.word[i], 0);
	assert_false(context_is_present(&denied));
	assert_false(context_is_present(&silent));
}

/* TT 0: the table for requests that are not translated yet, and nothing for ATS. */
static void context_of_legacy_mode_refuses_translation_requests(void **state)
{
	struct vtd_context entry = make_context(PA(0x12345000), 0xabcd, AW_48);

	(void)state;
	assert_int_equal(entry.word[0], 0x12345001);
	assert_int_equal(entry.word[1], 0xabcd02);
	entry = make_context(PA(0x12345000), 1, AW_39);
	assert_int_equal(entry.word[1], 0x101);
	assert_true(context_is_present(&entry));
}

/* PDTS 0, and neither device TLB, PASID nor page requests. */
static void context_of_scalable_mode_names_the_directory_alone(void **state)
{
	struct vtd_context entry = make_context_scalable(PA(0x12345000));
	unsigned i;

	(void)state;
	assert_int_equal(entry.word[0], 0x12345001);
	for (i = 1; i < SM_CONTEXT_WORDS; i++)
		assert_int_equal(entry.word[i], 0);
}

static void pasid_second_level_entry_has_its_type_width_and_domain(void **state)
{
	struct vtd_pasid entry = make_pasid_second(PA(0x12345000), 0xabcd, AW_39, true);
	unsigned i;

	(void)state;
	assert_int_equal(make_pasid_directory(PA(0x777000)), 0x777001);
	assert_int_equal(entry.word[0], 0x12345000 | 2 << 6 | 1 << 2 | 1);
	assert_int_equal(entry.word[1], 0xabcd | BIT(23));
	for (i = 2; i < PASID_WORDS; i++)
		assert_int_equal(entry.word[i], 0);
	entry = make_pasid_second(PA(0x12345000), 1, AW_48, false);
	assert_int_equal(entry.word[0], 0x12345000 | 2 << 6 | 2 << 2 | 1);
	assert_int_equal(entry.word[1], 1);
}

/* No supervisor requests, four levels, no second table; AW 2 for QEMU's sake. */
static void pasid_first_level_entry_has_its_table_in_word_2(void **state)
{
	struct vtd_pasid entry = make_pasid_first(PA(0x12345000), 0xabcd, false, false);
	unsigned i;

	(void)state;
	assert_int_equal(entry.word[0], 1 << 6 | 2 << 2 | 1);
	assert_int_equal(entry.word[1], 0xabcd);
	assert_int_equal(entry.word[2], 0x12345000);
	for (i = 3; i < PASID_WORDS; i++)
		assert_int_equal(entry.word[i], 0);
	entry = make_pasid_first(PA(0x12345000), 0xabcd, true, true);
	assert_int_equal(entry.word[1], 0xabcd | BIT(23) | BIT(24));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_names_its_table_and_is_present),
		cmocka_unit_test(context_shut_is_all_zero_but_for_silence),
		cmocka_unit_test(context_of_legacy_mode_refuses_translation_requests),
		cmocka_unit_test(context_of_scalable_mode_names_the_directory_alone),
		cmocka_unit_test(pasid_second_level_entry_has_its_type_width_and_domain),
		cmocka_unit_test(pasid_first_level_entry_has_its_table_in_word_2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
