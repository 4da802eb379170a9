/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SMMUMAN_SMMUMAN_STATICS_H
#define SMMUMAN_SMMUMAN_STATICS_H

#include "daemon.h"

/*
 * Makes every static: grant of the policy and binds its devices. Called once,
 * after take-over, before the first client. -EINVAL and its like: the daemon
 * must not start.
 */
int statics_make(struct daemon *d, struct error *err);

#endif
