// SPDX-License-Identifier: BSD-2-Clause
/*
 * From the VT-d architecture specification: the formats of first-stage and
 * second-stage paging entries, and which bits a unit takes as reserved. What it
 * would ignore has to be 0 as well: nobody here writes it.
 */
#include "auditor_entry.h"

#define ADDRESS 0x000ffffffffff000

static const char *second_kind(uint64_t entry, unsigned level, enum auditor_kind *ret_kind)
{
	*ret_kind = AUDITOR_EMPTY;
	if (!(entry & 7)) /* R, W, X: without them it is not present */
		return NULL;
	*ret_kind = level == 3 || entry & 0x80 ? AUDITOR_LEAF : AUDITOR_TABLE;
	if (entry & ~ADDRESS & ~(*ret_kind == AUDITOR_LEAF ? 0x883ULL : 0x83ULL)) /* SNP */
		return "second level: a bit is set that is reserved or ignored";
	if (*ret_kind == AUDITOR_TABLE && (entry & 3) != 3)
		return "second level: a table narrows what is below it";
	return NULL;
}

static const char *second_leaf(uint64_t entry, unsigned level, unsigned *ret_rights)
{
	if (level == 3 && entry & 0x80)
		return "second level: PS set in a 4 KiB entry";
	*ret_rights = (entry & 1 ? AUDITOR_READ : 0) | (entry & 2 ? AUDITOR_WRITE : 0);
	return NULL;
}

static const char *first_kind(uint64_t entry, unsigned level, enum auditor_kind *ret_kind)
{
	*ret_kind = AUDITOR_EMPTY;
	if (!(entry & 1))
		return NULL;
	*ret_kind = level == 3 || entry & 0x80 ? AUDITOR_LEAF : AUDITOR_TABLE;
	if (!(entry & 4))
		return "first level: U/S clear, devices' accesses are a user's";
	if (!(entry & 0x20))
		return "first level: A clear, the unit would have to store to the table";
	if (entry & ~ADDRESS & ~0xe7ULL)
		return "first level: a bit is set that is reserved or ignored";
	if (*ret_kind == AUDITOR_TABLE && entry & 0x40)
		return "first level: D set in an entry that is no leaf";
	if (*ret_kind == AUDITOR_TABLE && !(entry & 2))
		return "first level: a table narrows what is below it";
	return NULL;
}

static const char *first_leaf(uint64_t entry, unsigned level, unsigned *ret_rights)
{
	if (level == 3 && entry & 0x80)
		return "first level: the PAT bit is set in a 4 KiB entry";
	if (!(entry & 2) != !(entry & 0x40))
		return "first level: D is not what R/W is, the unit would have to store";
	*ret_rights = AUDITOR_READ | (entry & 2 ? AUDITOR_WRITE : 0);
	return NULL;
}

const struct auditor_entries auditor_vtd_first = { ADDRESS, first_kind, first_leaf };
const struct auditor_entries auditor_vtd_second = { ADDRESS, second_kind, second_leaf };
