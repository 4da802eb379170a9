/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Closing a unit that ignores SMMU_GBPA, as QEMU's model did before 8.0: to
 * disable it would open it. It is closed where it stands instead: every entry
 * of the stream table it is walking is made invalid and the caches are dropped.
 */
#ifndef SMMUMAN_DRIVERS_SMMUV3_INPLACE_H
#define SMMUMAN_DRIVERS_SMMUV3_INPLACE_H

#include "smmuv3.h"

/*
 * The unit is enabled. Uses the stream table and the command queue its
 * registers name, which must lie in the arena (an earlier smmuman's). Waits at
 * most SMMU_ACK_NS. 0; -EOPNOTSUPP when they are somebody else's; -ETIMEDOUT.
 */
int inplace_close(struct smmu *smmu, struct error *err);

/*
 * Before anything is written: will our table and queues be laid out as those
 * the registers name? Then they come to lie in the same place. 0 or -EBUSY.
 */
int inplace_check_layout(struct smmu *smmu, struct error *err);

/*
 * After: do the registers name the very table that strtab holds? Only then may
 * the unit stay enabled while it is programmed anew. 0 or -EBUSY.
 */
int inplace_check_same(struct smmu *smmu, struct error *err);

#endif
