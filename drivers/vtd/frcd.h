/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fault recording registers: records are copied out in order, cleared at
 * once, since there are few and a full set drops what comes, and numbered for
 * ever. What the hardware dropped is a loss episode, told once all records that
 * came before it have been handed out.
 */
#ifndef SMMUMAN_DRIVERS_VTD_FRCD_H
#define SMMUMAN_DRIVERS_VTD_FRCD_H

#include <stdbool.h>
#include <stdint.h>

#include "driver.h"
#include "hw.h"
#include "regs.h"

#define FRCD_MAX 256u

struct frcd {
	const struct hw_regs *regs;
	struct drv_counts *counts;
	uint32_t offset; /* of the first register */
	unsigned count;
	bool is_started;
	bool is_behind;	   /* the last look left records */
	unsigned next;	   /* where to look first then */
	uint64_t sequence; /* records handed out, ever */
	uint64_t loss_at;  /* records before this one came before the loss */
	bool has_loss;	   /* an episode waits to be told */
	/* What salvage told of and take-over is to clear, by number. */
	uint64_t salvaged[FRCD_MAX / 64];
	bool salvaged_loss;
};

/* Clears what salvage has told of; what came since stays and is ours. */
void frcd_start(struct frcd *frcd);

/* Notes an overflow that FSTS_REG, as just read, tells of. */
void frcd_look(struct frcd *frcd, uint32_t status);

/* Copies the oldest record out and clears it. False when there is none. */
bool frcd_take(struct frcd *frcd, uint32_t status, uint64_t ret_words[FRCD_WORDS]);

/* Tells sink of a loss whose turn has come, and lets the unit record again. */
void frcd_release(struct frcd *frcd, const struct drv_fault_sink *sink);

/* How many records wait. */
unsigned frcd_waiting(const struct frcd *frcd, uint32_t status);

/* The contract's salvage(): remembers what was told, changes nothing. */
void frcd_salvage(struct frcd *frcd, const struct drv_fault_sink *sink);

#endif
