/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A service that does what a test says: it checks every request (aborting on a
 * malformed one), records it, and answers with what was queued for that
 * message, else with a plain good reply. One connection after the other, in a
 * thread of its own.
 */
#ifndef SMMUMAN_TESTS_FAKE_MOCK_SERVICE_H
#define SMMUMAN_TESTS_FAKE_MOCK_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

#define MOCK_FDS_MAX 32

enum mock_sin {
	MOCK_GOOD,
	MOCK_SHORT,	/* the last byte is missing */
	MOCK_LONG,	/* eight bytes too many, and the head admits it */
	MOCK_LENGTH,	/* the head tells another length */
	MOCK_COOKIE,	/* answers another request */
	MOCK_ID,	/* answers another message */
	MOCK_PAD,	/* the head's pad is set */
	MOCK_HUGE,	/* more than a message may have */
	MOCK_EMPTY,	/* a packet of no bytes */
	MOCK_HANG_UP, /* instead of an answer */
	MOCK_SILENT,	/* no answer at all */
	MOCK_SINS
};

/* body and fds are copied; size counts the reply struct and its entries. */
struct mock_answer {
	enum mock_sin sin;
	int status; /* 0, or a negative errno with text */
	const char *text;
	const void *body;
	size_t size;
	int fds[MOCK_FDS_MAX];
	unsigned fd_count;
};

struct mock_request {
	uint16_t id;
	size_t length; /* behind the head */
	int fd;	       /* the one that came along, the server's; -1 */
	_Alignas(8) uint8_t bytes[8 + WIRE_BATCH_MAX * sizeof(struct wire_map)];
};

struct mock_service;

/* Serves at mock_path(); SMMU_SOCKET names it. */
struct mock_service *mock_start(void);
/* Ends the thread, closes everything. */
void mock_stop(struct mock_service *server);
const char *mock_path(const struct mock_service *server);

/* What HELLO answers from now on. */
void mock_hello(struct mock_service *server, const struct wire_hello_reply *hello);

/* The answer to the next request of that id for which none is queued yet. */
void mock_answer(struct mock_service *server, enum wire_id id,
		   const struct mock_answer *answer);
/* The same for a refusal. */
void mock_refuse(struct mock_service *server, enum wire_id id, int status, const char *text);

/* Requests so far, and number n of them, of that id. */
unsigned mock_count(struct mock_service *server, enum wire_id id);
struct mock_request mock_request(struct mock_service *server, enum wire_id id, unsigned n);

/* The other end of the fault descriptor: one more fault was recorded. */
void mock_fault(struct mock_service *server);

/* Blocks until the client of the current connection is gone. */
void mock_wait_gone(struct mock_service *server);

#endif
