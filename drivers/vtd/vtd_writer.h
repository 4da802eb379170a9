/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one place that stores root, context and PASID entries.
 *
 * Hardware reads an entry in words, at any time, so between two stores it must
 * be seen as the old entry, as the new one, or as not present. Only the first
 * word says "present", and nothing else of an entry that is not counts but FPD:
 *  - an entry that is not present gets its other words first, then the first one;
 *  - one that is present and must become another present one is shut first, and
 *    filled anew when the unit has forgotten it (a context-cache invalidation
 *    and a completed wait);
 *  - shutting is one store.
 * For a unit that does not look into caches each entry is written back to
 * memory before the word that makes it count is stored, and again after it.
 */
#ifndef SMMUMAN_DRIVERS_VTD_VTD_WRITER_H
#define SMMUMAN_DRIVERS_VTD_VTD_WRITER_H

#include "vtd.h"

/*
 * One step of a context entry towards target. True when it was the last: the
 * entry is target's. is_settled: the unit has forgotten every earlier form of it.
 */
bool vtd_writer_step(struct vtd *vtd, uint64_t *live, const struct vtd_context *target,
		     bool is_settled);

/* Stores a word of a root entry; the table it points to is there. */
void vtd_writer_store_root(struct vtd *vtd, uint64_t *live, uint64_t value);

/* A page of a new table, which is all zero, in memory for any unit. */
void vtd_writer_clean_page(struct vtd *vtd, const void *page);

/* Fills the PASID structures of a space nobody reaches yet. */
void vtd_writer_store_pasid(struct vtd *vtd, struct vtd_space *space,
			    const struct vtd_pasid *entry);

/* Shuts an entry with one store, for a unit that answers no more. */
void vtd_writer_shut(struct vtd *vtd, uint64_t *live);

/* What the stream's entry is meant to be. */
struct vtd_context vtd_writer_target(const struct vtd_stream *stream);

/*
 * Starts the change of a stream to a state. It stays on the unit's list of
 * changes until an invalidation after its last store has completed.
 */
void vtd_writer_set(struct vtd *vtd, struct vtd_stream *stream, enum drv_stream_state state,
		    struct vtd_space *space);

/* Stores the entry of a stream in a table no unit walks. */
void vtd_writer_build(struct vtd *vtd, struct vtd_stream *stream);

/* Pushes what makes the unit forget the entries changed since the last push. */
void vtd_writer_push(struct vtd *vtd);

/* The batch they are in was submitted with this ticket. */
void vtd_writer_submitted(struct vtd *vtd, uint64_t ticket);

/* Takes every step whose turn has come; true when there is something to submit. */
bool vtd_writer_settle(struct vtd *vtd);

/* The newest ticket that may be told, though done has completed. */
uint64_t vtd_writer_hold(const struct vtd *vtd, uint64_t done);

#endif
