/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A struct hw over the board's protocol, for tests that put a module straight
 * on QEMU's IOMMU with no daemon between: registers by request, the arena in
 * the owner's part of the RAM.
 */
#ifndef SMMUMAN_TESTS_HW_BOARD_TEST_H
#define SMMUMAN_TESTS_HW_BOARD_TEST_H

#include "board_user.h"
#include "hw.h"
#include "pages.h"

struct hw_board_test {
	struct hw hw; /* first */
	struct pages pages;
	int fd;
};

void hw_board_test_init(struct hw_board_test *board, const struct board_owner *owner);
void hw_board_test_fini(struct hw_board_test *board);

#endif
