/* SPDX-License-Identifier: BSD-2-Clause */
/* Waits for units to confirm that what was taken away is really gone. */
#ifndef SMMUMAN_SMMUMAN_PENDING_H
#define SMMUMAN_SMMUMAN_PENDING_H

#include "daemon.h"

/* Begins a wait; add tickets, then pending_wait(). */
void pending_begin(struct pending *pending,
		   void (*done)(struct daemon *, struct pending *, int status));
void pending_submit(struct pending *pending, struct unit *unit, struct drv_gather *gather);
/*
 * Calls done at once when everything completes within SPIN_NS; else later from
 * daemon_tick(). done may free what holds the pending.
 */
void pending_wait(struct daemon *d, struct pending *pending);
bool pendings_tick(struct daemon *d);

#endif
