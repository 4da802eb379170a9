/* SPDX-License-Identifier: BSD-2-Clause */
/* Every fault reason of the specification, in words. Pure. */
#ifndef SMMUMAN_DRIVERS_VTD_VTD_FAULTS_H
#define SMMUMAN_DRIVERS_VTD_VTD_FAULTS_H

#include "driver.h"
#include "regs.h"

/* Any 16 bytes are a record: what no row describes comes out as unknown. */
void vtd_faults_decode(const uint64_t words[FRCD_WORDS], uint64_t sequence,
		       struct drv_fault *ret_fault);

/*
 * VT-d has one reason for "nothing is mapped" and "not for this access".
 * With the rights that the tables hold at the address now, it is said better.
 */
void vtd_faults_refine(struct drv_fault *fault, unsigned rights);

#endif
