/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An invalidation queue that is on, whoever switched it on: used where it lies,
 * as long as that is in the arena (ours, or an earlier smmuman's whose memory
 * nobody has taken since), or brought to rest and switched off. Its registers
 * alone say where it is. Nothing is ever stored into one of any other kind.
 */
#ifndef SMMUMAN_DRIVERS_VTD_OLDQ_H
#define SMMUMAN_DRIVERS_VTD_OLDQ_H

#include "vtd.h"

/*
 * The unit forgets everything. Waits at most VTD_ACK_NS a step. 0; -EOPNOTSUPP
 * when the queue is not in our memory; -EBUSY when that memory has been handed
 * out again; -ETIMEDOUT.
 */
int oldq_forget(struct vtd *vtd, struct error *err);

/*
 * Switches the queue off, which a unit allows only when it is empty and ended
 * with a wait descriptor. 0 also when it is off already; else as oldq_forget().
 */
int oldq_stop(struct vtd *vtd, struct error *err);

/*
 * Switches an earlier smmuman's queue off, so that its memory may be handed out.
 * Leaves this process's own on, and one that is not in our memory: 0.
 */
int oldq_retire(struct vtd *vtd, struct error *err);

#endif
