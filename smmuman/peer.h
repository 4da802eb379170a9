/* SPDX-License-Identifier: BSD-2-Clause */
/* Who is at the other end of a socket, as the kernel says it (promise C7). */
#ifndef SMMUMAN_SMMUMAN_PEER_H
#define SMMUMAN_SMMUMAN_PEER_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct peer {
	uint32_t uid, gid;
	int32_t pid;
	int pidfd; /* the caller closes it; -1 only when peer_identify() failed */
	char exe[160]; /* "" when it cannot be read: then no exe: rule matches */
};

/*
 * Credentials of connect() time and a pidfd of that very process: SO_PEERPIDFD
 * where the kernel has it, else pidfd_open() with a look whether the process
 * that connected is still the one the pidfd names. The executable is read while the
 * pidfd shows the process alive, so a reused pid is never believed. 0 or -errno.
 */
int peer_identify(int socket, struct peer *ret_peer, struct error *err);

#endif
