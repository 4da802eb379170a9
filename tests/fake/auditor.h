/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads the raw bytes of a translation table (4 KiB pages) the way a unit does,
 * from the manuals alone: it shares no header and no code with the tables'
 * writer, so that a mistake has to be made twice to go unseen.
 */
#ifndef SMMUMAN_TESTS_AUDITOR_H
#define SMMUMAN_TESTS_AUDITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum auditor_rights { AUDITOR_READ = 1, AUDITOR_WRITE = 2, AUDITOR_EXEC = 4 };

/* Whose tables, and which of its two. */
enum auditor_stage {
	AUDITOR_ARM_STAGE_1 = 1,
	AUDITOR_ARM_STAGE_2,
	AUDITOR_VTD_FIRST,
	AUDITOR_VTD_SECOND,
};

struct auditor_view {
	const void *memory; /* table memory, and only that: a table elsewhere is broken */
	uint64_t memory_pa, memory_bytes;
	uint64_t root_pa;
	unsigned stage; /* enum auditor_stage */
	unsigned input_bits, output_bits;
	unsigned start_level; /* 0: four levels, 1: three */
	unsigned block_level; /* the largest leaves: 1: 1 GiB (so is 0), 2: 2 MiB, 3: 4 KiB */
};

struct auditor_leaf {
	uint64_t iova, pa, bytes;
	unsigned rights;
};

/* A sentence about the first thing a unit would choke on, or NULL. */
typedef const char *auditor_leaf_fn(void *context, const struct auditor_leaf *leaf);

/*
 * Every leaf in address order; fn's sentence, where it returns one, ends the
 * reading. ret_tables (may be NULL) gets the table pages seen, root included.
 */
const char *auditor_read_all(const struct auditor_view *view, auditor_leaf_fn *fn, void *context,
			     uint64_t *ret_tables);

/*
 * One translation. *ret_leaf is the leaf over iova; bytes 0: nothing mapped.
 * Returns what is broken on the way, or NULL.
 */
const char *auditor_translate(const struct auditor_view *view, uint64_t iova,
			      struct auditor_leaf *ret_leaf);

#endif
