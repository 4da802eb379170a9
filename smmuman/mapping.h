/* SPDX-License-Identifier: BSD-2-Clause */
/* Grants made and taken away, singly and in batches. */
#ifndef SMMUMAN_SMMUMAN_MAPPING_H
#define SMMUMAN_SMMUMAN_MAPPING_H

#include "daemon.h"

/*
 * One grant into a domain, on each of its units. On error nothing is granted; where
 * an earlier unit had been given it, undo has the tickets to wait for before the
 * memory may be let go.
 */
int grant_make(struct daemon *d, uint32_t domain, uint32_t memory, uint64_t iova,
	       uint64_t length, uint64_t offset, unsigned rights, struct pending *undo,
	       uint32_t *ret_grant, struct error *err);
/* Out of the index, remembered; the record stays REVOKING until grant_free(). */
void grant_forget(struct daemon *d, uint32_t grant);
void grant_free(struct daemon *d, uint32_t grant, int status);
int mapping_map(struct daemon *d, struct conn *conn, const struct wire_batch *batch,
		const struct wire_map *entries, struct error *err);
int mapping_unmap(struct daemon *d, struct conn *conn, const struct wire_batch *batch,
		  const struct wire_range *entries, struct error *err);

#endif
