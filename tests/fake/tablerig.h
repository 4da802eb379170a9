/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A page table in an arena of its own, together with the two independent
 * judges of it: the oracle (what it must translate) and the auditor (what the
 * raw bytes do translate). Functions that compare return NULL or a sentence.
 */
#ifndef SMMUMAN_TESTS_TABLERIG_H
#define SMMUMAN_TESTS_TABLERIG_H

#include "auditor.h"
#include "oracle.h"
#include "pages.h"
#include "pgtable.h"

#define TABLERIG_PA UINT64_C(0x4000000000) /* where the arena lies: 256 GiB */

struct tablerig {
	void *memory;
	struct pages pages;
	struct pgtable table;
	struct auditor_view view;
	struct oracle oracle;
};

struct tablerig_shape {
	enum auditor_stage stage;
	unsigned input_bits, root_level;
	uint32_t root_pages;
	unsigned block_level; /* 0: all that the format has */
	bool is_noncoherent;
};

/* The walker's format for an auditor's. */
const struct pgtable_format *tablerig_format(enum auditor_stage stage);

/* The rights that its entries tell apart. */
unsigned tablerig_rights(enum auditor_stage stage);

/* Every kind of table and root worth a test; the last one is all 0. */
extern const struct tablerig_shape tablerig_shapes[];

/* Aborts when the machine has no memory: a test cannot go on. */
void tablerig_open(struct tablerig *rig, const struct tablerig_shape *shape, uint64_t arena_pages,
		   uint64_t table_limit);

/* Windows at both ends of the space and around its first GiB. */
void tablerig_add_windows(struct tablerig *rig);

/* Ends the table; NULL, or what was not given back. */
const char *tablerig_close(struct tablerig *rig);

/* Maps and, when that worked, tells the oracle. */
int tablerig_map(struct tablerig *rig, uint64_t iova, const struct drv_part *part, unsigned rights);

/* Unmaps, tells the oracle, and adds to *chain (NULL: reaps at once). */
void tablerig_unmap(struct tablerig *rig, uint64_t iova, uint64_t length, uint64_t *chain);

/* Walker, auditor and oracle agree on one page. */
const char *tablerig_check_page(const struct tablerig *rig, uint64_t iova);

/* Auditor and oracle agree on all pages, the walker's audit on itself. */
const char *tablerig_check_all(const struct tablerig *rig);

/* One contiguous extent of memory at pa, like tablerig_map(). */
int tablerig_map_at(struct tablerig *rig, uint64_t iova, uint64_t pa, uint64_t length,
		    unsigned rights);

/* The size of the leaf that covers iova; 0: nothing is mapped. */
uint64_t tablerig_leaf_bytes(const struct tablerig *rig, uint64_t iova);

/* A part that is one contiguous extent. */
struct drv_part tablerig_part(const struct extent *extent);

/* A generator of numbers that never change from run to run. */
static inline uint64_t tablerig_random(uint64_t *seed)
{
	uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

#endif
