/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command queue: commands are pushed, cmdq_submit() ends the batch with
 * one CMD_SYNC and hands out a ticket, cmdq_poll() says how far the unit is.
 *
 * Nothing here waits longer than CMDQ_SPIN_NS. A batch that finds no room is
 * replaced by a debt: "invalidate everything", paid as room appears; its ticket
 * completes only then. An illegal command is treated alike: it is lost, so
 * everything is invalidated before any ticket it may have carried completes.
 */
#ifndef SMMUMAN_DRIVERS_SMMUV3_CMDQ_H
#define SMMUMAN_DRIVERS_SMMUV3_CMDQ_H

#include <stdbool.h>
#include <stdint.h>

#include "driver.h"
#include "error.h"
#include "gerror.h"
#include "hw.h"

#define CMDQ_SPIN_NS UINT64_C(100000)
#define CMDQ_DEADLINE_NS UINT64_C(1000000000)
#define CMDQ_LOG2_MIN 1u
#define CMDQ_LOG2_DEFAULT 8u

struct cmd {
	uint64_t word[2];
};

/* A CMD_SYNC in the queue and the newest ticket it completes. */
struct cmdq_sync {
	uint64_t position, ticket;
};

struct cmdq {
	const struct hw_regs *regs;
	struct gerror *gerror;
	struct drv_counts *counts;
	struct pages *pages;
	uint64_t *entries;
	unsigned log2;
	/* Commands ever; the low log2 + 1 bits are the hardware's index. */
	uint64_t produced, published, consumed;
	struct cmdq_sync *syncs; /* a ring as long as the queue */
	uint64_t sync_head, sync_tail;
	uint64_t issued, done; /* tickets */
	bool is_indebted;
	unsigned debt_step;
	uint64_t debt_ticket;
	uint64_t stuck_since_ns; /* 0: moving */
	uint64_t repeat_position;
	unsigned repeat_count;
};

struct cmd cmd_cfgi_ste(uint32_t stream, bool leaf);
struct cmd cmd_cfgi_all(void);
struct cmd cmd_tlbi_all(void);
struct cmd cmd_tlbi_el2_all(void);
struct cmd cmd_sync(void);

/* Takes the memory of 1 << log2 entries. 0 or -ENOMEM; registers untouched. */
int cmdq_init(struct cmdq *queue, const struct hw_regs *regs, struct gerror *gerror,
	      struct drv_counts *counts, unsigned log2);
void cmdq_fini(struct cmdq *queue);

/*
 * Writes base and indices; the queue must be disabled. Tickets go on counting:
 * what was outstanding counts as done once the batch that follows is.
 */
void cmdq_start(struct cmdq *queue);
uint64_t cmdq_base_word(const struct cmdq *queue);

/* Adds a command to the batch. */
void cmdq_push(struct cmdq *queue, struct cmd cmd);

/* Ends the batch (an empty one too) with a CMD_SYNC; its ticket. */
uint64_t cmdq_submit(struct cmdq *queue);

/*
 * Reads CMDQ_CONS once, recovers from command errors, pays debts, updates done.
 * 0, or why the unit must be closed: -ENODEV (reads all ones), -EIO (the queue
 * cannot be read, or runs backwards), -ETIMEDOUT (stood still for a second).
 */
int cmdq_poll(struct cmdq *queue, struct error *err);

/* Polls until ticket is done, at most budget_ns. For take-over only. */
int cmdq_wait(struct cmdq *queue, uint64_t ticket, uint64_t budget_ns, struct error *err);

static inline uint64_t cmdq_size(const struct cmdq *queue)
{
	return UINT64_C(1) << queue->log2;
}

#endif
