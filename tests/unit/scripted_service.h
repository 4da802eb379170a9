/* SPDX-License-Identifier: BSD-2-Clause */
/* A service that answers what it was told to: for tests of those who ask. */
#ifndef SMMUMAN_TESTS_SCRIPTED_SERVICE_H
#define SMMUMAN_TESTS_SCRIPTED_SERVICE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire.h"

#define SCRIPT_LINES_MAX 32u
#define SCRIPT_ASKED_MAX 64u

/* The answer to the next request of that id; its last line serves all later ones. */
struct script_line {
	uint16_t id;
	int32_t status;	  /* negative: body is the sentence */
	const void *body; /* NULL: zeroes */
	size_t body_size;
	const void *entries;
	size_t entries_size;
	enum script_manner { SCRIPT_ANSWERS, SCRIPT_HANGS_UP, SCRIPT_RAVES } manner;
};

struct scripted_service {
	char folder[32], path[48]; /* of the socket */
	pid_t pid;
	struct script_asked { /* shared with the service's process */
		uint32_t count;
		struct script_request {
			uint16_t id;
			uint8_t body[256];
		} requests[SCRIPT_ASKED_MAX];
	} *asked;
};

/* Serves until stopped. A HELLO that no line is about is answered well. */
void script_start(struct scripted_service *service, const struct script_line *lines, size_t count);
void script_stop(struct scripted_service *service);

/* The body of the last request of that id, or NULL. */
const void *script_last(const struct scripted_service *service, uint16_t id);

#endif
