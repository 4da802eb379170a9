/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Serves the board's protocol (board.h) to several processes over the one
 * qtest channel. A user that crashes, floods or falls silent loses its own
 * connection at most: requests are taken one a turn, answers never block.
 */
#ifndef SMMUMAN_VBOARD_SERVER_H
#define SMMUMAN_VBOARD_SERVER_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#include "board.h"
#include "error.h"
#include "machine.h"
#include "override.h"
#include "parts.h"
#include "qmp.h"
#include "qtest.h"

#define CONNECTIONS_MAX 128u

enum connection_role {
	CONNECTION_FREE,
	CONNECTION_NEW, /* has not said HELLO */
	CONNECTION_OWNER,
	CONNECTION_CONTROL,
	CONNECTION_WINDOW,
};

struct server {
	struct qtest *qtest;
	struct qmp *qmp;
	const struct parts *parts;
	const struct board_layout *layout;
	struct override override;
	struct sockaddr_un address;
	int listen_fd, epoll_fd;
	struct connection {
		int fd;
		enum connection_role role;
		struct range window; /* CONNECTION_WINDOW: absolute */
		uint64_t id;	     /* never used twice */
	} connections[CONNECTIONS_MAX];
	uint64_t last_id;
	int status;	  /* not 0: the board is lost, server_turn() says why */
	struct error err;
};

/*
 * Listens at path, for the caller's uid (and root) only. A socket nobody
 * serves any more is replaced; -EADDRINUSE with a sentence when one is served.
 */
int server_init(struct server *server, const char *path, struct error *err);

/* Cuts everybody and unlinks the socket. */
void server_fini(struct server *server);

/* From now on server_turn() returns 1 when fd is readable. 0 or -errno. */
int server_watch(struct server *server, int fd, struct error *err);

/*
 * Waits for work and does one round of it. 0 to go on, 1 when a watched
 * descriptor is readable, -errno with a sentence when the board is lost.
 */
int server_turn(struct server *server, struct error *err);

#endif
