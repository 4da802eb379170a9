/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One walker for every page table format whose tables live in memory. A format
 * is one const struct in one file. The walker never splits a block: a grant is
 * mapped once and unmapped whole, and no block spans two grants.
 *
 * Order: a new table is filled before the entry that makes it reachable is
 * stored; a map reserves every table page it needs before its first visible
 * store, so it is all or nothing; an unmap clears or unlinks, and the emptied
 * table pages wait in the gather's chain until the unit has forgotten them. To a
 * unit that is not coherent a new table is whole in memory, zeroes and all, before
 * its link is stored, and what a map or an unmap stored is there when it returns.
 *
 * Break before make: a map may link a new table where an unmap has just taken
 * one away, up to 512 GiB around either. A unit that still remembers the old
 * one may refuse what the new one allows (never the reverse: the old one opens
 * nothing but the grants that were unmapped). Who cannot bear that maps into a
 * table only when the invalidations of its unmaps have completed.
 */
#ifndef SMMUMAN_DRIVERS_PGTABLE_PGTABLE_H
#define SMMUMAN_DRIVERS_PGTABLE_PGTABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "driver.h"
#include "hw.h"
#include "pages.h"
#include "types.h"

/* Levels count as the Arm manual does: level 3 holds 4 KiB pages. */
#define PGTABLE_LEAF_LEVEL 3u
#define PGTABLE_INDEX_BITS 9u

/*
 * What a walk needs is data; what a leaf means is code. An empty entry is 0.
 * Leaves of one size whose addresses follow each other differ by that size.
 */
struct pgtable_format {
	const char *name; /* for people: "stage 1", "second level" */
	/* The entry for a page or block; rights were checked with can_express. */
	uint64_t (*make_leaf)(pa_t pa, unsigned rights, unsigned level);
	unsigned (*leaf_rights)(uint64_t entry);
	/* May a grant with exactly these rights be expressed, no wider? */
	bool (*can_express)(unsigned rights);
	uint64_t valid_mask;	    /* hardware ignores an entry with none of these bits */
	uint64_t kind_mask;	    /* above the last level, entry & kind_mask == */
	uint64_t table_bits;	    /* table_bits: the next table's address, or'ed with them */
	uint64_t address_mask;	    /* the address in an entry of any kind */
	unsigned first_block_level; /* 1: 1 GiB blocks and smaller, where the unit has them */
	unsigned input_bits_min, input_bits_max, output_bits_max;
	uint32_t root_pages_max; /* power of two; more than 1: roots may be concatenated */
};

extern const struct pgtable_format pgtable_arm_s1; /* VMSAv8-64 stage 1, 4 KiB */
extern const struct pgtable_format pgtable_arm_s2; /* VMSAv8-64 stage 2, 4 KiB */
extern const struct pgtable_format pgtable_vtd_fs; /* VT-d first level: IA-32e paging */
extern const struct pgtable_format pgtable_vtd_ss; /* VT-d second level */

/* A bit of the second level's leaves: also a No Snoop request looks into the caches. */
#define PGTABLE_VTD_SS_SNOOP (UINT64_C(1) << 11)

/* What one unit wants of its tables. */
struct pgtable_shape {
	unsigned input_bits;  /* IOVAs are below 1 << input_bits */
	unsigned output_bits; /* so are physical addresses */
	unsigned root_level;  /* 0: four levels, 1: three */
	uint32_t root_pages;  /* more than 1: a concatenated stage 2 root */
	unsigned
		block_level; /* the largest leaves: 1: 1 GiB, 2: 2 MiB, 3: 4 KiB; 0: the format's */
	bool is_noncoherent; /* the unit does not see what is only in the processor's caches */
	uint64_t leaf_bits;  /* what this unit is to find in every leaf besides the format's */
};

struct pgtable {
	const struct pgtable_format *format;
	struct pages *pages;
	struct pgtable_shape shape;
	void *root;
	uint64_t table_pages; /* root included */
	uint64_t table_limit; /* 0: none */
};

/*
 * An empty table. -ENOMEM when the arena has no such run of pages, -EDQUOT when
 * the root alone passes table_limit, -EINVAL for a shape the format has not,
 * -ENOTSUP when the unit is not coherent and this processor offers no way to
 * write a cache line back (HW_CAN_FLUSH).
 */
int pgtable_init(struct pgtable *table, const struct pgtable_format *format, struct pages *pages,
		 const struct pgtable_shape *shape, uint64_t table_limit);

/* Gives every table page back. No unit walks this table any more. */
void pgtable_fini(struct pgtable *table);

static inline pa_t pgtable_root(const struct pgtable *table)
{
	return pages_pa(table->pages, table->root);
}

/*
 * Maps part at iova. -EINVAL (unaligned, outside), -EEXIST (something is
 * mapped there), -EOPNOTSUPP (rights the format cannot express without
 * widening them), -EPERM (the part holds pages of the arena: tables are never
 * granted), -ENOMEM / -EDQUOT: then nothing changed. Uses the largest blocks
 * that iova, the extents and the part's own edges allow. The time to find
 * part->offset grows with the extents before it: pass the ones it begins in.
 */
int pgtable_map(struct pgtable *table, iova_t iova, const struct drv_part *part, unsigned rights,
		struct error *err);

/*
 * Unmaps what one pgtable_map() mapped. Never fails, never allocates; a range
 * that cuts a block or is not page aligned is our own bug. Emptied table pages
 * are pushed on *freed_chain (0: empty), threaded through the pages themselves
 * with words whose low 12 bits are 0; a page on the chain is still readable by
 * hardware and must stay so until the invalidation is complete.
 */
void pgtable_unmap(struct pgtable *table, iova_t iova, uint64_t length, uint64_t *freed_chain);

/* Gives a chain's pages back, once the unit has forgotten them. */
void pgtable_reap(struct pages *pages, uint64_t freed_chain);

/*
 * A chain may carry one number (a ticket < 2^62) until it is reaped, and be one
 * in a queue of chains. Both are 0 until set and are lost when the chain grows.
 */
void pgtable_chain_mark(struct pages *pages, uint64_t freed_chain, uint64_t number);
uint64_t pgtable_chain_number(const struct pages *pages, uint64_t freed_chain);
/* Links chain b behind chain a's head (queues of chains); next of a head. */
void pgtable_chain_link(struct pages *pages, uint64_t head, uint64_t next_chain);
uint64_t pgtable_chain_next(const struct pages *pages, uint64_t head);

/* How the table translates iova, level by level. */
void pgtable_walk(const struct pgtable *table, iova_t iova, struct drv_walk *ret_walk);

/* Calls fn for each leaf in address order; stops when fn returns non-zero. */
int pgtable_for_each_leaf(const struct pgtable *table,
			  int (*fn)(void *context, iova_t iova, pa_t pa, uint64_t bytes,
				    unsigned rights),
			  void *context);

/*
 * Is the live table one that this walker can have written? Table pointers stay
 * in the arena, empty entries are 0, leaves express what they say, the notes
 * count right. 0, or -EBADE with the first difference.
 */
int pgtable_audit(const struct pgtable *table, struct error *err);

#endif
