// SPDX-License-Identifier: BSD-2-Clause
#include "pages.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT 16
#define ARENA_PA UINT64_C(0x40003000) /* three pages past a large boundary */

static _Alignas(4096) uint8_t memory[COUNT][PAGE_BYTES];
static struct pages pages;

static int setup(void **state)
{
	(void)state;
	memset(memory, 0xa5, sizeof(memory));
	return pages_init(&pages, memory, PA(ARENA_PA), sizeof(memory));
}

static int teardown(void **state)
{
	(void)state;
	pages_fini(&pages);
	return 0;
}

static void assert_zeroed(const void *page, uint64_t bytes)
{
	const uint8_t *byte = page;
	uint64_t i;

	for (i = 0; i < bytes; i++)
		assert_int_equal(byte[i], 0);
}

static void pages_init_odd_arena_is_refused(void **state)
{
	struct pages odd;

	(void)state;
	assert_int_equal(pages_init(&odd, memory, PA(ARENA_PA), 0), -EINVAL);
	assert_int_equal(pages_init(&odd, memory, PA(ARENA_PA), PAGE_BYTES + 8), -EINVAL);
	assert_int_equal(pages_init(&odd, memory, PA(ARENA_PA + 8), PAGE_BYTES), -EINVAL);
	assert_int_equal(pages_init(&odd, memory[0] + 8, PA(ARENA_PA), PAGE_BYTES), -EINVAL);
	assert_int_equal(pages_init(&odd, memory, PA(-PAGE_BYTES), 2 * PAGE_BYTES), -EINVAL);
	assert_int_equal(pages_init(&odd, memory, PA(0), UINT64_C(1) << 50), -EINVAL);
}

static void pages_init_leaves_the_memory_as_it_was(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(memory); i++)
		assert_int_equal(((uint8_t *)memory)[i], 0xa5);
}

static void pages_take_gives_each_page_once_and_zeroed(void **state)
{
	bool seen[COUNT] = { false };
	size_t index;
	void *page;
	int i;

	(void)state;
	for (i = 0; i < COUNT; i++) {
		page = pages_take(&pages);
		assert_non_null(page);
		index = (size_t)((uint8_t *)page - memory[0]) / PAGE_BYTES;
		assert_false(seen[index]);
		seen[index] = true;
		assert_zeroed(page, PAGE_BYTES);
		assert_int_equal(pages_free_count(&pages), COUNT - 1 - i);
	}
	assert_null(pages_take(&pages));
}

static void pages_give_dirty_page_comes_back_zeroed(void **state)
{
	void *page = pages_take(&pages);

	(void)state;
	memset(page, 0xff, PAGE_BYTES);
	pages_give(&pages, page, 1);
	assert_ptr_equal(pages_take(&pages), page);
	assert_zeroed(page, PAGE_BYTES);
}

static void pages_give_clean_saves_the_second_clearing(void **state)
{
	uint8_t *page = pages_take(&pages);

	(void)state;
	pages_give_clean(&pages, page);
	page[100] = 1; /* a lie, to see that nobody clears it again */
	assert_ptr_equal(pages_take(&pages), page);
	assert_int_equal(page[100], 1);
	pages_give(&pages, page, 1);
	assert_ptr_equal(pages_take(&pages), page);
	assert_int_equal(page[100], 0);
}

static void pages_take_run_is_aligned_where_hardware_sees_it(void **state)
{
	void *run = pages_take_run(&pages, 4, 4 * PAGE_BYTES);

	(void)state;
	assert_non_null(run);
	assert_int_equal(pages_pa(&pages, run).v % (4 * PAGE_BYTES), 0);
	assert_zeroed(run, 4 * PAGE_BYTES);
	assert_int_equal(pages_free_count(&pages), COUNT - 4);
	assert_ptr_equal(pages_cpu(&pages, pages_pa(&pages, run)), run);
}

static void pages_take_run_shares_no_page_with_singles(void **state)
{
	uint8_t *run, *page;
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_non_null(pages_take(&pages));
	run = pages_take_run(&pages, 8, 0);
	assert_non_null(run);
	for (i = 0; i < COUNT - 11; i++) {
		page = pages_take(&pages);
		assert_non_null(page);
		assert_true(page < run || page >= run + 8 * PAGE_BYTES);
	}
	assert_null(pages_take(&pages));
	pages_give(&pages, run, 8);
	assert_int_equal(pages_free_count(&pages), 8);
	assert_ptr_equal(pages_take_run(&pages, 8, 0), run);
}

static void pages_take_run_without_room_is_refused(void **state)
{
	void *middle;

	(void)state;
	assert_null(pages_take_run(&pages, 0, 0));
	assert_null(pages_take_run(&pages, COUNT + 1, 0));
	assert_null(pages_take_run(&pages, 1, UINT64_C(1) << 32));
	assert_null(pages_take_run(&pages, 16, 16 * PAGE_BYTES));
	middle = pages_take_run(&pages, 8, 8 * PAGE_BYTES);
	assert_non_null(middle);
	assert_null(pages_take_run(&pages, 8, 0));
	assert_int_equal(pages_free_count(&pages), 8);
}

static void pages_overlap_sees_a_single_shared_byte(void **state)
{
	(void)state;
	assert_true(pages_overlap(&pages, PA(ARENA_PA), 1));
	assert_true(pages_overlap(&pages, PA(ARENA_PA + sizeof(memory) - 1), 1));
	assert_true(pages_overlap(&pages, PA(ARENA_PA - 1), 2));
	assert_true(pages_overlap(&pages, PA(0), UINT64_C(1) << 40));
	assert_false(pages_overlap(&pages, PA(ARENA_PA - 1), 1));
	assert_false(pages_overlap(&pages, PA(ARENA_PA + sizeof(memory)), PAGE_BYTES));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pages_init_odd_arena_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(pages_init_leaves_the_memory_as_it_was, setup,
						teardown),
		cmocka_unit_test_setup_teardown(pages_take_gives_each_page_once_and_zeroed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(pages_give_dirty_page_comes_back_zeroed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(pages_give_clean_saves_the_second_clearing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(pages_take_run_is_aligned_where_hardware_sees_it,
						setup, teardown),
		cmocka_unit_test_setup_teardown(pages_take_run_shares_no_page_with_singles, setup,
						teardown),
		cmocka_unit_test_setup_teardown(pages_take_run_without_room_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(pages_overlap_sees_a_single_shared_byte, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}
