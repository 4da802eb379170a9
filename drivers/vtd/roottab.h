/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The root table and the context tables: a page of root entries, and for each
 * bus that somebody named one page of context entries (legacy mode) or two
 * (scalable mode). Here live their memory and their shape; vtd_writer.c alone stores.
 */
#ifndef SMMUMAN_DRIVERS_VTD_ROOTTAB_H
#define SMMUMAN_DRIVERS_VTD_ROOTTAB_H

#include "vtd.h"

/*
 * An empty table: nothing in it is present. Nothing may be walking it yet.
 * 0 or -ENOMEM with a sentence.
 */
int roottab_init(struct vtd *vtd, struct error *err);
void roottab_fini(struct vtd *vtd);
/* Frees what this process remembers; the tables stay as they are. */
void roottab_forget(struct vtd *vtd);

/* RTADDR_REG for this table, and for any table in the unit's mode. */
uint64_t roottab_word(const struct vtd *vtd);
uint64_t roottab_word_at(const struct vtd *vtd, pa_t root);

/* NULL when the stream is outside the table or its bus was never needed. */
struct vtd_stream *roottab_find(struct vtd *vtd, uint32_t stream);

/* The same, but makes the bus's context tables. -ENODEV (no requester id) or -ENOMEM. */
int roottab_need(struct vtd *vtd, uint32_t stream, struct vtd_stream **ret_stream,
		 struct error *err);

/* The stream's context entry where hardware sees it; its bus has tables. */
uint64_t *roottab_entry(struct vtd *vtd, uint32_t stream);

/* What word 0 or 1 of a bus's root entry is. */
uint64_t roottab_root_word(const struct vtd *vtd, unsigned bus, unsigned word);

#endif
