/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parts of the machine's memory that are lent to clients. A borrower may hand
 * its descriptor on, and whoever registers it may grant it: so a part goes back
 * only when its borrower is gone and no registered memory lies in it any more.
 */
#ifndef SMMUMAN_SMMUMAN_LENT_H
#define SMMUMAN_SMMUMAN_LENT_H

#include "daemon.h"

/* Lends a part; *ret_fd is for the client. */
int lent_take(struct daemon *d, struct conn *conn, uint64_t size, int *ret_fd,
	      uint64_t *ret_size, struct error *err);

/* The lent part behind a descriptor, counted from 1; 0: none. */
uint32_t lent_part_of(const struct daemon *d, int fd);

/* The borrower is gone: its parts go back, now or when nothing lies in them. */
void lent_leave(struct daemon *d, struct conn *conn);

/* A memory in that part (as lent_part_of() counted) was let go. */
void lent_settle(struct daemon *d, uint32_t part);

#endif
