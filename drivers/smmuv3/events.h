/* SPDX-License-Identifier: BSD-2-Clause */
/* Every event record of the specification, in words. Pure. */
#ifndef SMMUMAN_DRIVERS_SMMUV3_EVENTS_H
#define SMMUMAN_DRIVERS_SMMUV3_EVENTS_H

#include "driver.h"
#include "regs.h"

/* Any 32 bytes are a record: what no row describes comes out as unknown. */
void events_decode(const uint64_t words[EVENT_WORDS], uint64_t sequence,
		   struct drv_fault *ret_fault);

#endif
