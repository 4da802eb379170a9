/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a dead daemon left on a board, judged without a line of its code: the
 * unit's registers and tables by the oracles, against the books; and by data:
 * the devices are let loose at what nobody granted.
 */
#ifndef SMMUMAN_TESTS_AUDIT_H
#define SMMUMAN_TESTS_AUDIT_H

#include "rig.h"

/* Where a test's session makes grants: each is tried when no book says it is there. */
struct audit_addresses {
	const uint64_t *iovas;
	unsigned count;
};

/*
 * The daemon is gone. Only the edu of DMA0 may reach anything, and that no more
 * than the books say; memory comes from the first lent part. With was_taken_over the
 * unit must be on; else, as long as it is off, nothing is asked of it.
 */
void audit_board(struct rig *rig, const struct audit_addresses *granted, bool was_taken_over);

#endif
