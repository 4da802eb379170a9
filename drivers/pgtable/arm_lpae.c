// SPDX-License-Identifier: BSD-2-Clause
/*
 * VMSAv8-64 translation tables, 4 KiB granule, 48-bit addresses (Arm ARM
 * DDI 0487, chapter D8: descriptor formats, memory access control).
 */
#include "bits.h"
#include "pgtable.h"

#define DESC_VALID BIT(0)
#define DESC_NOT_BLOCK BIT(1) /* a table above the last level, a page at it */
#define DESC_AF BIT(10)	      /* clear: the first access would fault */
#define DESC_SH BITS(9, 8)
#define SH_INNER 3
#define DESC_ADDRESS BITS(47, 12)

#define S1_ATTR_INDEX BITS(4, 2) /* of the MAIR in the context descriptor */
#define ATTR_INDEX_NORMAL 0
#define S1_AP_UNPRIVILEGED BIT(6) /* without it only privileged accesses pass */
#define S1_AP_READ_ONLY BIT(7)
#define S1_NOT_GLOBAL BIT(11) /* the entry belongs to one ASID */
#define S1_PXN BIT(53)
#define S1_UXN BIT(54)

#define S2_MEM_ATTR BITS(5, 2)
#define MEM_ATTR_WRITE_BACK 0xf
#define S2_READ BIT(6)
#define S2_WRITE BIT(7)
#define S2_XN BIT(54) /* with FEAT_XNX, XN[1:0] = 0b10: no execution at any level */

#define DESC_TABLE (DESC_VALID | DESC_NOT_BLOCK)

static uint64_t make_common(pa_t pa, unsigned level)
{
	uint64_t kind = level == PGTABLE_LEAF_LEVEL ? DESC_NOT_BLOCK : 0;

	return pa.v | DESC_VALID | kind | DESC_AF | field_put(DESC_SH, SH_INNER);
}

static uint64_t s1_make_leaf(pa_t pa, unsigned rights, unsigned level)
{
	uint64_t entry = make_common(pa, level) | S1_AP_UNPRIVILEGED | S1_NOT_GLOBAL |
			 field_put(S1_ATTR_INDEX, ATTR_INDEX_NORMAL);

	if (!(rights & RIGHT_WRITE))
		entry |= S1_AP_READ_ONLY;
	if (!(rights & RIGHT_EXEC))
		entry |= S1_UXN | S1_PXN;
	return entry;
}

static unsigned s1_leaf_rights(uint64_t entry)
{
	unsigned rights = RIGHT_READ;

	if (!(entry & S1_AP_READ_ONLY))
		rights |= RIGHT_WRITE;
	if (!(entry & S1_UXN))
		rights |= RIGHT_EXEC;
	return rights;
}

/* Stage 1 knows no entry that can be written and not read. */
static bool s1_can_express(unsigned rights)
{
	return (rights & ~(unsigned)RIGHT_ALL) == 0 && (rights & RIGHT_READ);
}

static uint64_t s2_make_leaf(pa_t pa, unsigned rights, unsigned level)
{
	uint64_t entry = make_common(pa, level) | field_put(S2_MEM_ATTR, MEM_ATTR_WRITE_BACK);

	if (rights & RIGHT_READ)
		entry |= S2_READ;
	if (rights & RIGHT_WRITE)
		entry |= S2_WRITE;
	if (!(rights & RIGHT_EXEC))
		entry |= S2_XN;
	return entry;
}

static unsigned s2_leaf_rights(uint64_t entry)
{
	unsigned rights = RIGHT_NONE;

	if (entry & S2_READ)
		rights |= RIGHT_READ;
	if (entry & S2_WRITE)
		rights |= RIGHT_WRITE;
	if (!(entry & S2_XN))
		rights |= RIGHT_EXEC;
	return rights;
}

/* Fetching an instruction is a read: execution alone cannot be granted. */
static bool s2_can_express(unsigned rights)
{
	if (rights & ~(unsigned)RIGHT_ALL)
		return false;
	return rights & RIGHT_READ || rights == RIGHT_WRITE;
}

const struct pgtable_format pgtable_arm_s1 = {
	.name = "stage 1",
	.make_leaf = s1_make_leaf,
	.leaf_rights = s1_leaf_rights,
	.can_express = s1_can_express,
	.valid_mask = DESC_VALID,
	.kind_mask = DESC_TABLE,
	.table_bits = DESC_TABLE,
	.address_mask = DESC_ADDRESS,
	.first_block_level = 1,
	.input_bits_min = 25,
	.input_bits_max = 48,
	.output_bits_max = 48,
	.root_pages_max = 1,
};

const struct pgtable_format pgtable_arm_s2 = {
	.name = "stage 2",
	.make_leaf = s2_make_leaf,
	.leaf_rights = s2_leaf_rights,
	.can_express = s2_can_express,
	.valid_mask = DESC_VALID,
	.kind_mask = DESC_TABLE,
	.table_bits = DESC_TABLE,
	.address_mask = DESC_ADDRESS,
	.first_block_level = 1,
	.input_bits_min = 25,
	.input_bits_max = 48,
	.output_bits_max = 48,
	.root_pages_max = 16,
};
