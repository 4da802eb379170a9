/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loop: the listening socket, the connections, the timers and the signals.
 * The only daemon files that know libuv are server*.c and main.c.
 */
#ifndef SMMUMAN_SMMUMAN_SERVER_H
#define SMMUMAN_SMMUMAN_SERVER_H

#include "daemon.h"

struct server;

/*
 * Binds path (mode 0660; a stale socket is replaced, a live one refused with
 * -EADDRINUSE) and serves d on it. *ret_server is freed by server_free().
 */
int server_open(struct daemon *d, const char *path, struct server **ret_server,
		struct error *err);

/* Runs until SIGTERM, SIGINT or the loss of the machine. 0, or -ENODEV for the latter. */
int server_run(struct server *server);

/* Ends every connection and removes the socket. */
void server_free(struct server *server);

#endif
