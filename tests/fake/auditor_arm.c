// SPDX-License-Identifier: BSD-2-Clause
/*
 * From the Arm Architecture Reference Manual (DDI 0487), chapter D8.3: table,
 * block and page descriptors; D8.4: access permissions; and IHI 0070, 3.4:
 * how the unit picks the first table.
 */
#include "auditor_entry.h"

#define ADDRESS 0x0000fffffffff000

/* What both stages have. */
static const char *common_attributes(uint64_t descriptor)
{
	if (!(descriptor & 1ULL << 10))
		return "a leaf's AF is clear";
	if ((descriptor >> 8 & 3) != 3)
		return "a leaf is not inner shareable";
	return NULL;
}

static const char *stage1_leaf(uint64_t descriptor, unsigned level, unsigned *ret_rights)
{
	(void)level;
	if (common_attributes(descriptor))
		return common_attributes(descriptor);
	if ((descriptor >> 2 & 7) != 0)
		return "stage 1 leaf: AttrIndx is not 0";
	if (!(descriptor & 1ULL << 6))
		return "stage 1 leaf: AP[1] clear, devices' accesses are unprivileged";
	if (!(descriptor & 1ULL << 11))
		return "stage 1 leaf: nG clear, the entry would serve every ASID";
	if ((descriptor >> 53 & 1) != (descriptor >> 54 & 1))
		return "stage 1 leaf: PXN and UXN differ";
	if (descriptor & ~0x0060fffffffffffcULL & ~3ULL)
		return "stage 1 leaf: unexpected upper bits";
	if (descriptor & 1ULL << 5)
		return "stage 1 leaf: NS set";
	*ret_rights = AUDITOR_READ;
	if (!(descriptor & 1ULL << 7))
		*ret_rights |= AUDITOR_WRITE;
	if (!(descriptor & 1ULL << 54))
		*ret_rights |= AUDITOR_EXEC;
	return NULL;
}

static const char *stage2_leaf(uint64_t descriptor, unsigned level, unsigned *ret_rights)
{
	(void)level;
	if (common_attributes(descriptor))
		return common_attributes(descriptor);
	if ((descriptor >> 2 & 0xf) != 0xf)
		return "stage 2 leaf: MemAttr is not normal write-back";
	if (descriptor & 1ULL << 11)
		return "stage 2 leaf: bit 11 set";
	if (descriptor & 1ULL << 53)
		return "stage 2 leaf: XN[0] set";
	if (descriptor & ~0x0040fffffffffffcULL & ~3ULL)
		return "stage 2 leaf: unexpected upper bits";
	*ret_rights = 0;
	if (descriptor & 1ULL << 6)
		*ret_rights |= AUDITOR_READ;
	if (descriptor & 1ULL << 7)
		*ret_rights |= AUDITOR_WRITE;
	if (!(descriptor & 1ULL << 54))
		*ret_rights |= AUDITOR_EXEC;
	if (!(*ret_rights & 3))
		return "stage 2 leaf: neither readable nor writable";
	return NULL;
}

static const char *kind(uint64_t descriptor, unsigned level, enum auditor_kind *ret_kind)
{
	*ret_kind = AUDITOR_EMPTY;
	switch (descriptor & 3) {
	case 0:
	case 2: return NULL;
	case 1:
		*ret_kind = AUDITOR_LEAF;
		return level == 3 ? "reserved descriptor at level 3" : NULL;
	default:
		*ret_kind = level == 3 ? AUDITOR_LEAF : AUDITOR_TABLE;
		if (*ret_kind == AUDITOR_TABLE && descriptor & ~(ADDRESS | 3))
			return "a table descriptor has attribute bits";
		return NULL;
	}
}

const struct auditor_entries auditor_arm_stage_1 = { ADDRESS, kind, stage1_leaf };
const struct auditor_entries auditor_arm_stage_2 = { ADDRESS, kind, stage2_leaf };
