/* SPDX-License-Identifier: BSD-2-Clause */
/* The global command register: one command at a time, each one acknowledged. */
#ifndef SMMUMAN_DRIVERS_VTD_GCMD_H
#define SMMUMAN_DRIVERS_VTD_GCMD_H

#include "vtd.h"

/* GSTS_REG. 0, or -ENODEV with a sentence when it reads all ones. */
int gcmd_status(struct vtd *vtd, uint32_t *ret_status, struct error *err);

/* Switches one lasting bit (GCMD_TE, GCMD_QIE, GCMD_EAFL) on or off and waits for it. */
int gcmd_switch(struct vtd *vtd, uint64_t bit, bool on, struct error *err);

/*
 * Points the unit at a root table (its mode's bits or'ed in) and waits until it
 * uses it. What it remembers of the old one is the caller's to invalidate.
 */
int gcmd_set_root(struct vtd *vtd, uint64_t rtaddr, struct error *err);

/* What a unit with CAP.RWBF has buffered goes to memory. Waits at most INVQ_SPIN_NS. */
int gcmd_flush_writes(struct vtd *vtd, struct error *err);

#endif
