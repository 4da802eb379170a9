/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The RAM of a virtual board, in parts of one descriptor each. Part 0 is the
 * daemon's; each other part is lent to one client at a time, and one that has
 * had a borrower goes to the same user only: whoever else still holds its
 * descriptor sees no stranger's bytes.
 */
#ifndef SMMUMAN_SMMUMAN_BOARD_PARTS_H
#define SMMUMAN_SMMUMAN_BOARD_PARTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "board.h"
#include "error.h"
#include "types.h"

struct board_ram {
	uint64_t pa, size;
	int fd;
	dev_t dev;
	ino_t ino;
	bool is_lent, was_lent;
	bool is_spoilt; /* could not be cleaned: never lent again */
	uid_t uid;	/* the last borrower's */
};

struct board_parts {
	struct board_ram list[BOARD_PARTS_MAX];
	uint32_t count;
};

/* No parts: what board_parts_fini() may be called on. */
void board_parts_clear(struct board_parts *parts);

/*
 * Takes over the count descriptors (also when it fails) and checks what the
 * board told of them. -EPROTO with a sentence.
 */
int board_parts_init(struct board_parts *parts, const struct board_part *told, const int *fds,
		     uint32_t count, struct error *err);
void board_parts_fini(struct board_parts *parts);

/* The one extent behind a lent part's descriptor; -EINVAL with the reason. */
int board_parts_resolve(const struct board_parts *parts, int fd, uint64_t offset,
			uint64_t length, struct extent *ret_extent, struct error *err);

/*
 * See machine_ops.memory_lend. The part is filled with zeroes that are really
 * there, so it blocks for as long as the kernel needs to clear its pages.
 */
int board_parts_lend(struct board_parts *parts, uid_t uid, uint64_t size, int *ret_fd,
		     uint64_t *ret_size, uint32_t *ret_part, struct error *err);
void board_parts_return(struct board_parts *parts, uint32_t part);

/* Does the range share a byte with any part? */
bool board_parts_overlap(const struct board_parts *parts, pa_t pa, uint64_t length);

#endif
