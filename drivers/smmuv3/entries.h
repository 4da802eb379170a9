/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The values of stream table entries and context descriptors. Pure: nothing
 * here stores where hardware looks; writer.c does.
 */
#ifndef SMMUMAN_DRIVERS_SMMUV3_ENTRIES_H
#define SMMUMAN_DRIVERS_SMMUV3_ENTRIES_H

#include <stdbool.h>
#include <stdint.h>

#include "regs.h"
#include "types.h"

struct ste {
	uint64_t word[STE_WORDS];
};

struct cd {
	uint64_t word[CD_WORDS];
};

/* Not valid; what a valid entry will need besides its own is already there. */
struct ste make_ste_unused(bool has_stall);

/* Aborts without a record. */
struct ste make_ste_abort(void);

/* Stage 1 alone, by the context descriptor; stalls and ATS off. */
struct ste make_ste_s1(pa_t cd, bool has_stall);

struct s2_geometry {
	unsigned input_bits; /* 25 to 48 */
	unsigned root_level;
	uint32_t root_pages;
	unsigned output_code; /* as in IDR5.OAS */
};

/* Stage 2 alone; faults recorded, stalls off. */
struct ste make_ste_s2(pa_t root, uint16_t vmid, const struct s2_geometry *geometry);

/*
 * The geometry of a stage 2 table whose input is input_bits wide: the highest
 * start level for which no more than 16 root tables need to lie side by side.
 */
struct s2_geometry make_s2_geometry(unsigned input_bits, unsigned output_code);

/* Lower half only, 48 bits, aborts refused accesses, records them. */
struct cd make_cd(pa_t root, uint16_t asid, unsigned output_code);

/* Which bits of the entry a unit looks at. */
struct ste ste_used_bits(const struct ste *ste);

/* Bytes of address for an IDR5.OAS code with the 4 KiB granule: at most 48. */
unsigned output_bits_of(unsigned output_code);

#endif
