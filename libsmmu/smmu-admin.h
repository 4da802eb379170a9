/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The verbs of smmuctl: what an observer may see and an administrator may do,
 * over the same contexts as <smmu.h>. Not installed: it hands out the wire's
 * own structs, which move with the protocol.
 *
 * 0 or a negative errno, with the sentence in smmu_last_error().
 */
#ifndef SMMUMAN_LIBSMMU_SMMU_ADMIN_H
#define SMMUMAN_LIBSMMU_SMMU_ADMIN_H

#include <stdint.h>

#include "smmu.h"
#include "wire.h"

int smmu_admin_status(struct smmu *context, struct wire_status *ret_status);

/*
 * Called once an entry, in the service's order; entry is the struct of the
 * list's row in wire.h. Not 0: stop, and that is what the list call returns.
 * It may use the context.
 */
typedef int smmu_admin_each(const void *entry, void *argument);

/*
 * WIRE_LIST_UNITS (struct wire_unit), WIRE_LIST_DEVICES (struct wire_device),
 * WIRE_LIST_CLIENTS (struct wire_client), WIRE_LIST_DOMAINS (struct wire_domain)
 * or WIRE_LIST_GRANTS (struct wire_grant).
 */
int smmu_admin_list(struct smmu *context, enum wire_id list, smmu_admin_each *each,
		    void *argument);

/*
 * Every struct wire_fault with a sequence greater than *after, oldest first;
 * *after is then the newest one's, for the next call. *ret_lost (may be NULL):
 * how many could no longer be had.
 */
int smmu_admin_faults(struct smmu *context, uint64_t *after, uint64_t *ret_lost,
		      smmu_admin_each *each, void *argument);

/* iova NULL: the device alone. The reply is about 2 KB. */
int smmu_admin_explain(struct smmu *context, const char *device, const uint64_t *iova,
		       struct wire_explain_reply *ret_reply);

/* Ends a quarantine. */
int smmu_admin_release(struct smmu *context, const char *device);

/* "closed", "attached", ...: a wire_device's state in a word. Static. */
const char *smmu_admin_state_name(uint32_t state);

#endif
