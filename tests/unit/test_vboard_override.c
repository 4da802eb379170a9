// SPDX-License-Identifier: BSD-2-Clause
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "override.h"

static struct override *table;

static int set_up(void **state)
{
	(void)state;
	table = calloc(1, sizeof(*table));
	return table ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	free(table);
	return 0;
}

static void override_empty_leaves_reads_alone(void **state)
{
	(void)state;
	assert_false(override_covers(table, 0x100, 4));
	assert_int_equal(override_apply(table, 0x100, 8, 0x1122334455667788), 0x1122334455667788);
	assert_false(override_note_write(table, 0x100, 4));
}

static void override_of_a_word_shows_in_every_size_of_read(void **state)
{
	(void)state;
	assert_int_equal(override_add(table, 0x104, 4, 0xaabbccdd, false), 0);
	assert_int_equal(override_apply(table, 0x100, 8, 0x1122334455667788), 0xaabbccdd55667788);
	assert_int_equal(override_apply(table, 0x104, 4, 0), 0xaabbccdd);
	assert_int_equal(override_apply(table, 0x106, 2, 0), 0xaabb);
	assert_int_equal(override_apply(table, 0x105, 1, 0), 0xcc);
	assert_int_equal(override_apply(table, 0x100, 4, 0x55667788), 0x55667788);
	assert_int_equal(override_apply(table, 0x108, 8, 1), 1);
	assert_true(override_covers(table, 0x104, 4));
	assert_false(override_covers(table, 0x100, 8));
}

static void override_of_same_address_is_replaced(void **state)
{
	(void)state;
	assert_int_equal(override_add(table, 0x100, 8, 1, false), 0);
	assert_int_equal(override_add(table, 0x100, 8, 2, false), 0);
	assert_int_equal(table->count, 1);
	assert_int_equal(override_apply(table, 0x100, 8, 0), 2);
}

static void override_drop_and_read_of_one_address_are_two(void **state)
{
	(void)state;
	assert_int_equal(override_add(table, 0x100, 4, 1, false), 0);
	assert_int_equal(override_add(table, 0x100, 4, 0, true), 0);
	assert_int_equal(table->count, 2);
	assert_int_equal(override_apply(table, 0x100, 4, 0), 1);
	assert_true(override_note_write(table, 0x100, 4));
}

static void override_drop_swallows_writes_that_touch_it(void **state)
{
	(void)state;
	assert_int_equal(override_add(table, 0x104, 4, 0, true), 0);
	assert_true(override_note_write(table, 0x100, 8));
	assert_true(override_note_write(table, 0x107, 1));
	assert_false(override_note_write(table, 0x100, 4));
	assert_false(override_note_write(table, 0x108, 4));
	override_clear(table);
	assert_false(override_note_write(table, 0x104, 4));
}

static void override_counts_survive_clear_and_fill_up_honestly(void **state)
{
	uint64_t count = 0;
	unsigned i;

	(void)state;
	for (i = 0; i < OVERRIDE_COUNTS + 10; i++)
		override_note_write(table, 4 * i, 4);
	override_note_write(table, 0, 4);
	override_clear(table);
	assert_int_equal(override_writes(table, 0, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(override_writes(table, 4 * (OVERRIDE_COUNTS - 2), &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(override_writes(table, 4 * (OVERRIDE_COUNTS - 1), &count), -ENOSPC);
}

static void override_of_odd_size_or_alignment_is_refused(void **state)
{
	(void)state;
	assert_int_equal(override_add(table, 0x100, 0, 1, false), -EINVAL);
	assert_int_equal(override_add(table, 0x100, 2, 1, false), -EINVAL);
	assert_int_equal(override_add(table, 0x102, 4, 1, false), -EINVAL);
	assert_int_equal(override_add(table, 0x104, 8, 1, true), -EINVAL);
	assert_int_equal(table->count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(override_empty_leaves_reads_alone),
		TEST(override_of_a_word_shows_in_every_size_of_read),
		TEST(override_of_same_address_is_replaced),
		TEST(override_drop_and_read_of_one_address_are_two),
		TEST(override_drop_swallows_writes_that_touch_it),
		TEST(override_counts_survive_clear_and_fill_up_honestly),
		TEST(override_of_odd_size_or_alignment_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
