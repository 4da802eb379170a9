/* SPDX-License-Identifier: BSD-2-Clause */
/* One request of one connection; and what it needs of the server. */
#ifndef SMMUMAN_VBOARD_REQUEST_H
#define SMMUMAN_VBOARD_REQUEST_H

#include "board.h"
#include "server.h"

/*
 * Does the request and sends the answer. May cut any connection, this one
 * included; sets server->status when the board is lost.
 */
void request_serve(struct server *server, struct connection *connection,
		   const struct board_request *request);

/* server.c. NULL when there are too many; takes fd over otherwise. */
struct connection *server_add(struct server *server, int fd, enum connection_role role);

/* Ours is the only copy of this end: whoever holds the other is cut off at once. */
void server_cut(struct connection *connection);

#endif
