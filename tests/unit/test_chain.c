// SPDX-License-Identifier: BSD-2-Clause
#include "walker.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_PAGES 8
#define ARENA_PA UINT64_C(0x80000000)
#define WORDS (PAGE_BYTES / 8)

static _Alignas(4096) uint64_t memory[ARENA_PAGES][WORDS];
static struct pages pages;

static int setup(void **state)
{
	(void)state;
	memset(memory, 0xff, sizeof(memory));
	return pages_init(&pages, memory, PA(ARENA_PA), sizeof(memory));
}

static int teardown(void **state)
{
	(void)state;
	pages_fini(&pages);
	return 0;
}

/* A chain of count pages full of valid entries. */
static uint64_t chain_of(unsigned count)
{
	uint64_t chain = 0;
	uint64_t *page;

	while (count--) {
		page = pages_take(&pages);
		assert_non_null(page);
		memset(page, 0xff, PAGE_BYTES);
		chain_push(&pages, &chain, page, false);
	}
	return chain;
}

static void chain_pages_on_it_are_not_free_until_reaped(void **state)
{
	uint64_t chain = chain_of(3);

	(void)state;
	assert_int_equal(pages_free_count(&pages), ARENA_PAGES - 3);
	pgtable_reap(&pages, chain);
	assert_int_equal(pages_free_count(&pages), ARENA_PAGES);
	pgtable_reap(&pages, 0);
	assert_int_equal(pages_free_count(&pages), ARENA_PAGES);
}

static void chain_reaped_pages_come_back_zeroed(void **state)
{
	static const uint64_t zero[WORDS];
	unsigned i;

	(void)state;
	pgtable_reap(&pages, chain_of(ARENA_PAGES));
	for (i = 0; i < ARENA_PAGES; i++)
		assert_memory_equal(pages_take(&pages), zero, PAGE_BYTES);
}

static void chain_clean_page_comes_back_zeroed(void **state)
{
	static const uint64_t zero[WORDS];
	uint64_t *page = pages_take(&pages);
	uint64_t chain = 0;

	(void)state;
	chain_push(&pages, &chain, page, true);
	pgtable_chain_mark(&pages, chain, UINT64_MAX >> 2);
	pgtable_chain_link(&pages, chain, chain);
	pgtable_reap(&pages, chain);
	assert_ptr_equal(pages_take(&pages), page);
	assert_memory_equal(page, zero, PAGE_BYTES);
}

static void chain_word_with_low_bits_clear_is_empty_to_every_format(void **state)
{
	static const struct pgtable_format *const formats[] = {
		&pgtable_arm_s1,
		&pgtable_arm_s2,
		&pgtable_vtd_fs,
		&pgtable_vtd_ss,
	};
	unsigned i;

	(void)state;
	for (i = 0; i < 4; i++) {
		assert_int_not_equal(formats[i]->valid_mask, 0);
		assert_int_equal(formats[i]->valid_mask & -PAGE_BYTES, 0);
	}
}

static void chain_its_words_are_empty_entries_and_the_rest_is_kept(void **state)
{
	uint64_t chain = chain_of(2);
	uint64_t second = chain_of(1);
	unsigned page, word, kept = 0;

	(void)state;
	pgtable_chain_mark(&pages, chain, UINT64_MAX >> 2);
	pgtable_chain_link(&pages, chain, second);
	for (page = 0; page < 3; page++)
		for (word = 0; word < WORDS; word++)
			if (memory[page][word] == UINT64_MAX)
				kept++;
			else
				assert_int_equal(memory[page][word] & (PAGE_BYTES - 1), 0);
	assert_int_equal(kept, 3 * (WORDS - 4));
	pgtable_reap(&pages, chain);
	pgtable_reap(&pages, second);
}

static void chain_number_and_next_are_kept_apart(void **state)
{
	static const uint64_t numbers[] = { 1, 0xffffffff, 0x100000000, (UINT64_C(1) << 62) - 1,
					    0 };
	uint64_t a = chain_of(2);
	uint64_t b = chain_of(1);
	unsigned i;

	(void)state;
	assert_int_equal(pgtable_chain_number(&pages, a), 0);
	assert_int_equal(pgtable_chain_next(&pages, a), 0);
	pgtable_chain_link(&pages, a, b);
	for (i = 0; i < 5; i++) {
		pgtable_chain_mark(&pages, a, numbers[i]);
		assert_int_equal(pgtable_chain_number(&pages, a), numbers[i]);
		assert_int_equal(pgtable_chain_next(&pages, a), b);
		assert_int_equal(pgtable_chain_next(&pages, b), 0);
	}
	pgtable_reap(&pages, a);
	assert_int_equal(pages_free_count(&pages), ARENA_PAGES - 1);
	pgtable_reap(&pages, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(chain_pages_on_it_are_not_free_until_reaped, setup,
						teardown),
		cmocka_unit_test_setup_teardown(chain_reaped_pages_come_back_zeroed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(chain_clean_page_comes_back_zeroed, setup,
						teardown),
		cmocka_unit_test(chain_word_with_low_bits_clear_is_empty_to_every_format),
		cmocka_unit_test_setup_teardown(
			chain_its_words_are_empty_entries_and_the_rest_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(chain_number_and_next_are_kept_apart, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}
