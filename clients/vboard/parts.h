/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The board's RAM: part 0 for the owner alone, the others to be lent. Each is
 * a memfd that can neither shrink nor grow.
 */
#ifndef SMMUMAN_VBOARD_PARTS_H
#define SMMUMAN_VBOARD_PARTS_H

#include <stdint.h>

#include "board.h"
#include "error.h"

struct parts {
	struct part {
		int fd;
		uint64_t pa, size;
	} list[BOARD_PARTS_MAX];
	unsigned count;
	uint8_t *owner; /* part 0, mapped here */
};

/* count lendable parts behind the owner's. 0 or -errno with a sentence. */
int parts_init(struct parts *parts, uint64_t base, uint64_t owner_size, unsigned count,
	       uint64_t part_size, struct error *err);
void parts_fini(struct parts *parts);
uint64_t parts_total_size(const struct parts *parts);

#endif
