/* SPDX-License-Identifier: BSD-2-Clause */
/* What must hold of a daemon after whatever its clients have said. */
#ifndef SMMUMAN_TESTS_SESSION_CHECK_H
#define SMMUMAN_TESTS_SESSION_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "conn.h"
#include "daemon.h"
#include "device.h"
#include "dispatch.h"
#include "domain.h"
#include "hw_fake.h"

/* Aborts, which is how a fuzzer learns of a broken promise. */
#define require(promise) \
	do { \
		if (!(promise)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #promise); \
			abort(); \
		} \
	} while (0)

/* Counters of users, clients, domains, memories and books add up to the records. */
void session_check_books(struct daemon *d);

/* Each device reaches the grants of its domain, page by page, and nothing beside them. */
void session_check_reach(struct daemon *d, const struct hw_fake *unit);

/* No client: nothing counted, nothing kept but what stays pinned for ever. */
void session_check_empty(struct daemon *d);

/* Neither a closed unit nor a device in quarantine: good for another session. */
bool session_is_fresh(const struct daemon *d);

#endif
