/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between this process and its C library: calls are counted, and made to fail
 * when a test says so. The counters lie in memory shared with the daemon's
 * process, which is where they count. Without a watch everything passes through.
 */
#ifndef SMMUMAN_TESTS_INTERPOSE_H
#define SMMUMAN_TESTS_INTERPOSE_H

#include <stdbool.h>
#include <stdint.h>

enum watched_call {
	WATCH_EPOLL,
	WATCH_RECVMSG,
	WATCH_SEND, /* send() and sendmsg() */
	WATCH_ACCEPT,
	WATCH_SOCKETPAIR,
	WATCH_CALLS
};

struct watch {
	uint64_t calls[WATCH_CALLS];
	/* The next so many calls fail with that errno, before the kernel sees them. */
	uint64_t fail[WATCH_CALLS];
	int error[WATCH_CALLS];
	uint64_t allocations;
	uint64_t fail_allocation; /* the one with this number fails; 0: none */
	bool fails_on;		  /* and all that follow it */
	/* Where the last packets came from: the daemon's descriptor of the connection. */
	int served[4096];
	uint64_t served_count;
};

/* In this process, from now on; NULL: nothing is watched any more. */
void interpose_watch(struct watch *watch);

/* Is this a build with an address sanitizer? */
bool interpose_is_sanitized(void);

#endif
