// SPDX-License-Identifier: BSD-2-Clause
#include "hw_board_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

/* Behind the device tree. */
#define ARENA_OFFSET (UINT64_C(8) << 20)

static struct hw_board_test *board_of(struct hw *hw)
{
	return (struct hw_board_test *)(void *)hw;
}

static uint64_t test_read(struct hw *hw, uint64_t address, unsigned size)
{
	uint64_t value = 0;

	assert_int_equal(board_read(board_of(hw)->fd, address, size, &value), 0);
	return value;
}

static void test_write(struct hw *hw, uint64_t address, unsigned size, uint64_t value)
{
	assert_int_equal(board_write(board_of(hw)->fd, address, size, value), 0);
}

static uint64_t test_now_ns(struct hw *hw)
{
	struct timespec now;

	(void)hw;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static const struct hw_ops test_ops = {
	.read = test_read,
	.write = test_write,
	.now_ns = test_now_ns,
};

void hw_board_test_init(struct hw_board_test *board, const struct board_owner *owner)
{
	const struct board_part *part = &owner->hello.parts[0];

	assert_true(part->size > 2 * ARENA_OFFSET);
	*board = (struct hw_board_test){ .fd = owner->fd };
	assert_int_equal(pages_init(&board->pages, owner->parts[0] + ARENA_OFFSET,
				    PA(part->pa + ARENA_OFFSET), part->size - ARENA_OFFSET), 0);
	board->hw = (struct hw){ .ops = &test_ops, .pages = &board->pages };
}

void hw_board_test_fini(struct hw_board_test *board)
{
	pages_fini(&board->pages);
}
