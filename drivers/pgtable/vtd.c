// SPDX-License-Identifier: BSD-2-Clause
/*
 * Intel VT-d tables, 4 KiB pages, 3 or 4 levels (Intel Virtualization
 * Technology for Directed I/O, architecture specification: first-stage and
 * second-stage translation, and the paging-entry formats in chapter 9).
 *
 * Neither format can tell an instruction fetch from a read here: the bits that
 * could count only for requests that ask for execution, which a unit refuses
 * unless it was told to take them. RIGHT_EXEC is accepted and changes nothing.
 */
#include "bits.h"
#include "pgtable.h"

#define ENTRY_PAGE_SIZE BIT(7) /* above the last level: a 2 MiB or 1 GiB page */
#define ENTRY_ADDRESS BITS(51, 12)

/* Second level: an entry that can be neither read nor written is not present. */
#define SS_READ BIT(0)
#define SS_WRITE BIT(1)
/* A table's own bits limit all that is below it: they allow everything. */
#define SS_TABLE (SS_READ | SS_WRITE)

#define FS_PRESENT BIT(0)
#define FS_WRITE BIT(1)
#define FS_USER BIT(2) /* devices' accesses are a user's, at every level */
#define FS_ACCESSED BIT(5)
#define FS_DIRTY BIT(6)
/*
 * Hardware sets ACCESSED in every entry it goes through and DIRTY in a leaf it
 * writes through, unless it finds them set. Nothing here reads them, so they
 * are set from the start and a unit never stores to a table of ours.
 */
#define FS_TABLE (FS_PRESENT | FS_WRITE | FS_USER | FS_ACCESSED)

static uint64_t size_bit(unsigned level)
{
	return level == PGTABLE_LEAF_LEVEL ? 0 : ENTRY_PAGE_SIZE;
}

static uint64_t ss_make_leaf(pa_t pa, unsigned rights, unsigned level)
{
	uint64_t entry = pa.v | size_bit(level);

	if (rights & RIGHT_READ)
		entry |= SS_READ;
	if (rights & RIGHT_WRITE)
		entry |= SS_WRITE;
	return entry;
}

static unsigned ss_leaf_rights(uint64_t entry)
{
	unsigned rights = RIGHT_NONE;

	if (entry & SS_READ)
		rights |= RIGHT_READ;
	if (entry & SS_WRITE)
		rights |= RIGHT_WRITE;
	return rights;
}

/* Fetching an instruction is a read: execution alone cannot be granted. */
static bool ss_can_express(unsigned rights)
{
	if (rights & ~(unsigned)RIGHT_ALL)
		return false;
	return rights & RIGHT_READ || rights == RIGHT_WRITE;
}

static uint64_t fs_make_leaf(pa_t pa, unsigned rights, unsigned level)
{
	uint64_t entry = pa.v | size_bit(level) | FS_PRESENT | FS_USER | FS_ACCESSED;

	if (rights & RIGHT_WRITE)
		entry |= FS_WRITE | FS_DIRTY;
	return entry;
}

static unsigned fs_leaf_rights(uint64_t entry)
{
	return RIGHT_READ | (entry & FS_WRITE ? RIGHT_WRITE : 0);
}

/* What is present can be read. */
static bool fs_can_express(unsigned rights)
{
	return (rights & ~(unsigned)RIGHT_ALL) == 0 && (rights & RIGHT_READ);
}

/* Addresses from bit 47 up would have to repeat it: half of the space is used. */
const struct pgtable_format pgtable_vtd_fs = {
	.name = "first level",
	.make_leaf = fs_make_leaf,
	.leaf_rights = fs_leaf_rights,
	.can_express = fs_can_express,
	.valid_mask = FS_PRESENT,
	.kind_mask = FS_TABLE | ENTRY_PAGE_SIZE,
	.table_bits = FS_TABLE,
	.address_mask = ENTRY_ADDRESS,
	.first_block_level = 1,
	.input_bits_min = 40,
	.input_bits_max = 47,
	.output_bits_max = 52,
	.root_pages_max = 1,
};

const struct pgtable_format pgtable_vtd_ss = {
	.name = "second level",
	.make_leaf = ss_make_leaf,
	.leaf_rights = ss_leaf_rights,
	.can_express = ss_can_express,
	.valid_mask = SS_READ | SS_WRITE,
	.kind_mask = SS_TABLE | ENTRY_PAGE_SIZE,
	.table_bits = SS_TABLE,
	.address_mask = ENTRY_ADDRESS,
	.first_block_level = 1,
	.input_bits_min = 31,
	.input_bits_max = 48,
	.output_bits_max = 52,
	.root_pages_max = 1,
};
