/* SPDX-License-Identifier: BSD-2-Clause */
/* Grants made and taken away, singly and in batches. */
#ifndef SMMUMAN_SMMUMAN_MAPPING_H
#define SMMUMAN_SMMUMAN_MAPPING_H

#include "daemon.h"

struct spread;

/*
 * One grant into a domain, on each of its units; ask's memory handle does not count.
 * On error nothing is in the books, and spread_revert() takes it off the units that
 * had it. On success it is announced: spread_commit() and grants_settle() make it live.
 */
int grant_make(struct daemon *d, struct spread *spread, uint32_t memory,
	       const struct wire_map *ask, uint32_t *ret_grant, struct error *err);
void grants_settle(struct daemon *d, const uint32_t *grants, uint32_t count);
/* Out of the index, remembered; the record stays REVOKING until grant_free(). */
void grant_forget(struct daemon *d, uint32_t grant);
void grant_free(struct daemon *d, uint32_t grant, int status);
int mapping_map(struct daemon *d, struct conn *conn, const struct wire_batch *batch,
		const struct wire_map *entries, struct error *err);
int mapping_unmap(struct daemon *d, struct conn *conn, const struct wire_batch *batch,
		  const struct wire_range *entries, struct error *err);

#endif
