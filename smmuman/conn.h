/* SPDX-License-Identifier: BSD-2-Clause */
/* A client from its first word to the end of everything it had. */
#ifndef SMMUMAN_SMMUMAN_CONN_H
#define SMMUMAN_SMMUMAN_CONN_H

#include "daemon.h"

/* A connection's life. identity fields are set by server.c from the kernel. */
int conn_begin(struct daemon *d, struct conn *conn);
/* Closes its devices, takes its grants away; *conn is freed by the drop callback. */
void conn_end(struct daemon *d, struct conn *conn);
struct user *user_get(struct daemon *d, uint32_t uid);
void user_put(struct daemon *d, struct user *user);

#endif
