/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The global error register: a bit is active while GERROR and GERRORN differ,
 * and is acknowledged by toggling it in GERRORN. Every bit has a handler.
 */
#ifndef SMMUMAN_DRIVERS_SMMUV3_GERROR_H
#define SMMUMAN_DRIVERS_SMMUV3_GERROR_H

#include <stdint.h>

#include "error.h"
#include "hw.h"

struct gerror {
	const struct hw_regs *regs;
	uint32_t acknowledged; /* what GERRORN holds */
};

/* Acknowledges whatever an earlier owner left behind. */
void gerror_start(struct gerror *gerror);

/* The active bits; UINT32_MAX when the unit is gone. */
uint32_t gerror_active(const struct gerror *gerror);

void gerror_acknowledge(struct gerror *gerror, uint32_t bits);

/* "SFM_ERR: ..." for the lowest bit of bits; unknown bits get a sentence too. */
const char *gerror_words(uint32_t bits);

#endif
