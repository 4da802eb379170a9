/* SPDX-License-Identifier: BSD-2-Clause */
/* From a packet to its handler and back. */
#ifndef SMMUMAN_SMMUMAN_DISPATCH_H
#define SMMUMAN_SMMUMAN_DISPATCH_H

#include "daemon.h"

/* A reply being made; the packet is answer.bytes[0 .. length). */
struct answer {
	uint32_t length;
	uint32_t fd_count;
	int fds[WIRE_FDS_MAX];
	bool close_fds; /* after sending */
	bool is_parked; /* no reply yet: server.c waits for daemon.answer() */
	bool must_drop; /* after the reply the connection ends */
	_Alignas(8) uint8_t bytes[WIRE_MAX];
};

/* Handles one packet. Takes the descriptors in fds: closes what is not kept. */
void dispatch(struct daemon *d, struct conn *conn, void *packet, size_t length, int *fds,
	      unsigned fd_count, struct answer *answer);
/* The reply to a packet whose descriptors could not be taken: we have too many open. */
void dispatch_cut(struct conn *conn, const void *packet, size_t length, struct answer *answer);
/* The reply to the request that was parked. */
void dispatch_parked(struct conn *conn, int status, struct answer *answer);

#endif
