/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The values of root, context and PASID entries. Pure: nothing here stores
 * where hardware looks; vtd_writer.c does.
 */
#ifndef SMMUMAN_DRIVERS_VTD_VTD_ENTRIES_H
#define SMMUMAN_DRIVERS_VTD_VTD_ENTRIES_H

#include <stdbool.h>
#include <stdint.h>

#include "regs.h"
#include "types.h"

/* A context entry of either mode; legacy mode has the first two words. */
struct vtd_context {
	uint64_t word[SM_CONTEXT_WORDS];
};

struct vtd_pasid {
	uint64_t word[PASID_WORDS];
};

/* One word of a root entry. */
uint64_t make_root(pa_t context_table);

/* Not present: whoever uses it is refused and, unless it is silent, recorded. */
struct vtd_context make_context_shut(bool is_silent);

/* Legacy mode: the second level table at root; translation requests are refused. */
struct vtd_context make_context(pa_t root, uint16_t domain, unsigned width);

/* Scalable mode: the PASID directory; requests without PASID use entry 0 of it. */
struct vtd_context make_context_scalable(pa_t directory);

uint64_t make_pasid_directory(pa_t table);
struct vtd_pasid make_pasid_second(pa_t root, uint16_t domain, unsigned width, bool is_snooped);
/* has_snoop: ECAP.SC; what a device would read past the caches is snooped all the same. */
struct vtd_pasid make_pasid_first(pa_t root, uint16_t domain, bool is_snooped, bool has_snoop);

static inline bool context_is_present(const struct vtd_context *entry)
{
	return entry->word[0] & CONTEXT0_P;
}

#endif
