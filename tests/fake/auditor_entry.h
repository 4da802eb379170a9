/* SPDX-License-Identifier: BSD-2-Clause */
/* How the auditor tells one kind of tables' entries; one const struct a kind. */
#ifndef SMMUMAN_TESTS_AUDITOR_ENTRY_H
#define SMMUMAN_TESTS_AUDITOR_ENTRY_H

#include "auditor.h"

enum auditor_kind { AUDITOR_EMPTY, AUDITOR_TABLE, AUDITOR_LEAF };

/* Both return a sentence about what is broken, or NULL. */
struct auditor_entries {
	uint64_t address; /* the address bits of any entry */
	const char *(*kind)(uint64_t entry, unsigned level, enum auditor_kind *ret_kind);
	const char *(*leaf)(uint64_t entry, unsigned level, unsigned *ret_rights);
};

extern const struct auditor_entries auditor_arm_stage_1, auditor_arm_stage_2;
extern const struct auditor_entries auditor_vtd_first, auditor_vtd_second;

#endif
