/* SPDX-License-Identifier: BSD-2-Clause */
/* Registered memory and the books of where it lies. */
#ifndef SMMUMAN_SMMUMAN_MEMORY_H
#define SMMUMAN_SMMUMAN_MEMORY_H

#include "daemon.h"

int memory_add(struct daemon *d, struct conn *conn, int fd, const struct wire_memory *ask,
	       uint32_t *ret_memory, struct error *err);
int memory_add_region(struct daemon *d, struct conn *conn, const struct policy_region *region,
		      uint32_t *ret_memory, struct error *err);
int memory_remove(struct daemon *d, struct conn *conn, uint32_t memory, struct error *err);
/* Everything the client registered, once no device can reach it any more. */
void memory_release_client(struct daemon *d, struct conn *conn, int status);

#endif
