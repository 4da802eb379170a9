/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's end of a connection to a virtual board (libsmmu/board.h). */
#ifndef SMMUMAN_SMMUMAN_BOARD_LINK_H
#define SMMUMAN_SMMUMAN_BOARD_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "board.h"
#include "error.h"

struct board_link {
	int fd;
	bool is_lost; /* hung up, silent or talking nonsense: for good */
};

/*
 * Connects and says HELLO as owner. The reply is only known to be of the right
 * size, with part_count descriptors in fds, which are the caller's now; its
 * numbers are still to be checked. Waits at most 5 s. -EBUSY: another owner.
 */
int board_link_open(const char *socket, struct board_link *link, struct board_hello *ret_hello,
		    int fds[BOARD_PARTS_MAX], struct error *err);
void board_link_close(struct board_link *link);

/*
 * One request, one reply: two system calls. Waits at most 5 s. -ENODEV when
 * the board is lost (*ret_value is then all ones), or the board's own errno.
 */
int board_link_ask(struct board_link *link, const struct board_request *request,
		   uint64_t *ret_value);

/* The same for the one request that is answered with a descriptor. */
int board_link_ask_fd(struct board_link *link, const struct board_request *request,
		      uint64_t *ret_value, int *ret_fd);

/* A request on a window's descriptor that nobody else uses. -ENODEV: it is cut. */
int board_window_ask(int fd, const struct board_request *request, uint64_t *ret_value);

#endif
