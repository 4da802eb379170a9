/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a VT-d unit would do with a request without PASID, read from three
 * registers and raw memory alone. Shares no code and no header with the module:
 * bit positions are written out from the VT-d specification (order number
 * D51397), chapters 3.4 (tables of requesters), 9 (their entries) and 10.4 (registers).
 * Stricter than a unit: what the module must never write is illegal, not just refused.
 */
#ifndef SMMUMAN_TESTS_VTD_ORACLE_H
#define SMMUMAN_TESTS_VTD_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "auditor.h"

/* Offsets of the registers that a view needs, for whoever reads them. */
enum vtd_oracle_register {
	VTD_ORACLE_CAP = 0x08, VTD_ORACLE_ECAP = 0x10, VTD_ORACLE_GSTS = 0x1c,
	VTD_ORACLE_RTADDR = 0x20,
};

struct vtd_oracle_view {
	const void *memory; /* table memory, and only that: a table elsewhere is illegal */
	uint64_t memory_pa, memory_bytes;
	uint64_t cap, ecap, rtaddr;
	uint32_t gsts;
};

enum vtd_oracle_verdict {
	VTD_ORACLE_OPEN,    /* reaches all memory: translation is off, or passed through */
	VTD_ORACLE_REFUSED, /* an entry on the way is not present: recorded */
	VTD_ORACLE_SILENT,  /* the same, but no record */
	VTD_ORACLE_TABLE,   /* translated by a page table */
	VTD_ORACLE_ILLEGAL, /* an entry that must never be written */
};

struct vtd_oracle {
	enum vtd_oracle_verdict verdict;
	const char *why; /* what is illegal, else NULL */
	bool is_first_level, is_silent;	/* VTD_ORACLE_TABLE: faults make no record */
	unsigned levels, input_bits;
	uint64_t root;
	uint16_t domain;
};

/* A source id, from the registers down. */
struct vtd_oracle vtd_oracle_stream(const struct vtd_oracle_view *view, uint16_t source);

/* Its table, for the auditor. Only with VTD_ORACLE_TABLE. */
struct auditor_view vtd_oracle_table(const struct vtd_oracle_view *view,
				     const struct vtd_oracle *found);

/*
 * Does a read or a write of the source reach memory, and where? Never at the
 * interrupt range: what is written there is a message, no matter what the tables say.
 */
bool vtd_oracle_access(const struct vtd_oracle_view *view, uint16_t source, uint64_t address,
		       bool is_write, uint64_t *ret_pa);

/*
 * Every leaf that any source id reaches, table by table. NULL, or a sentence: fn's own, or
 * that a stream is open or illegal, or that two tables share a domain id. *ret_source is whose.
 */
typedef const char *vtd_oracle_fn(void *context, uint16_t source, const struct auditor_leaf *leaf);
const char *vtd_oracle_read_all(const struct vtd_oracle_view *view, vtd_oracle_fn *fn,
				void *context, uint32_t *ret_source);

#endif
