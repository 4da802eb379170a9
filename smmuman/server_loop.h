/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by server.c (the loop) and server_conn.c (one connection) alone. */
#ifndef SMMUMAN_SMMUMAN_SERVER_LOOP_H
#define SMMUMAN_SMMUMAN_SERVER_LOOP_H

#include <uv.h>

#include "daemon.h"

struct server {
	struct daemon *d;
	uv_loop_t loop;
	uv_timer_t tick;
	uv_signal_t term, interrupt;
	uv_poll_t listener, machine;
	int listen_fd, lock_fd, lost_epoll;
	int reserve_fd; /* given up to accept and refuse when descriptors run out */
	int result;
	bool is_ending; /* nobody is let in any more */
	bool is_paused; /* no more connections until one ends */
	uint64_t retry_ns; /* or until then; 0: for as long as it takes */
	char path[108];
};

/* The next look at waits and faults comes in a millisecond. */
void server_hurry(struct server *server);

/* server_conn.c */
void server_on_connect(uv_poll_t *listener, int status, int events);
/* Accepting goes on when a descriptor or a place may have become free. */
void server_resume_accepting(struct server *server);
void server_answer(struct conn *conn, int status);
void server_drop(struct conn *conn);
/* Hang-up, malformed input, a peer that does not read: its end begins. */
void server_end_conn(struct conn *conn);
/* At the daemon's own end: no tear-down, just the descriptors and memory. */
void server_forget_conn(struct conn *conn);

#endif
