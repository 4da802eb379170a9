/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Invalidation: descriptors are pushed, invq_submit() ends the batch with one
 * wait descriptor and hands out a ticket, invq_poll() says how far the unit is.
 * A unit without a queue (invreg.c) gets the same descriptors one by one
 * through its registers.
 *
 * A wait descriptor writes its number to memory when all before it is done: that
 * word, not the head register, which only says what was read, completes tickets.
 *
 * Nothing here waits longer than INVQ_SPIN_NS. A batch that finds no room is
 * replaced by a debt: "invalidate everything", paid as room appears; its ticket
 * completes only then. A descriptor that the unit refuses, and waits that it may
 * have dropped, are treated alike.
 */
#ifndef SMMUMAN_DRIVERS_VTD_INVQ_H
#define SMMUMAN_DRIVERS_VTD_INVQ_H

#include <stdbool.h>
#include <stdint.h>

#include "driver.h"
#include "error.h"
#include "hw.h"

#define INVQ_SPIN_NS UINT64_C(100000)
#define INVQ_DEADLINE_NS UINT64_C(1000000000)
/* A page of descriptors of 128 bits; as many of 256 take two. */
#define INVQ_LOG2_MIN 8u
#define INVQ_LOG2_MAX 15u

struct desc {
	uint64_t word[2];
};

/* A wait descriptor in the queue and the newest ticket it completes. */
struct invq_wait {
	uint64_t position, ticket;
	uint32_t number;
};

/* What the unit offers and wants; constant. */
struct invq_shape {
	bool by_registers;
	bool is_wide;	   /* descriptors of 256 bits, as scalable mode wants them */
	bool has_pasids;   /* and a PASID cache to forget */
	bool must_be_wide; /* first level tables: their invalidations exist in that form alone */
	bool drains_reads, drains_writes;
	unsigned log2;	       /* descriptors */
	uint32_t iotlb_offset; /* the registers at ECAP.IRO */
};

struct invq {
	const struct hw_regs *regs;
	struct drv_counts *counts;
	struct pages *pages;
	struct invq_shape shape;
	uint64_t *entries;
	uint32_t entry_pages;
	uint64_t *status; /* [0] as the last wait descriptor left it, [1] written in vain */
	/* Descriptors ever; modulo the size they are the hardware's index. */
	uint64_t produced, published, consumed;
	struct invq_wait *waits; /* a ring as long as the queue */
	uint64_t wait_head, wait_tail;
	uint32_t wait_number;
	uint64_t issued, done; /* tickets */
	bool is_indebted;
	unsigned debt_step;
	uint64_t debt_ticket;
	uint64_t stuck_since_ns; /* 0: moving */
	uint64_t repeat_done;	 /* what was done when the queue stopped last */
	unsigned repeat_count;
	uint32_t busy_register; /* by registers: what the descriptor at consumed runs in; 0: none */
};

/* Each IOTLB invalidation drains what the unit can drain. */
struct desc desc_context_all(void);
struct desc desc_context_device(uint32_t stream, uint16_t domain);
struct desc desc_pasid_all(void);
struct desc desc_pasid_domain(uint16_t domain);
struct desc desc_iotlb_all(const struct invq_shape *shape);
struct desc desc_iotlb_domain(const struct invq_shape *shape, uint16_t domain);
/* 1 << mask pages, aligned as much; is_leaf: no table page was freed. */
struct desc desc_iotlb_pages(const struct invq_shape *shape, uint16_t domain, uint64_t iova,
			     unsigned mask, bool is_leaf);
/* First level tables of requests without PASID, which use PASID 0. */
struct desc desc_first_domain(uint16_t domain);
struct desc desc_first_pages(uint16_t domain, uint64_t iova, unsigned mask, bool is_leaf);
/* Writes number to the memory at status. */
struct desc desc_wait(pa_t status, uint32_t number);

/* The steps of "forget everything", from 0 on; false past the last. */
bool invq_everything(const struct invq_shape *shape, unsigned step, struct desc *ret_desc);

/* Takes the memory. 0 or -ENOMEM; registers untouched. */
int invq_init(struct invq *queue, const struct hw_regs *regs, struct drv_counts *counts,
	      const struct invq_shape *shape);
void invq_fini(struct invq *queue);

/*
 * Writes base and tail; the queue must be off. Tickets go on counting: what was
 * outstanding counts as done once the batch that follows is. 0, or -EOPNOTSUPP
 * when the unit takes no descriptors as wide as they must be.
 */
int invq_start(struct invq *queue, struct error *err);
uint64_t invq_base_word(const struct invq *queue);

/* Adds a descriptor to the batch. */
void invq_push(struct invq *queue, struct desc desc);

/* Ends the batch (an empty one too) with a wait descriptor; its ticket. */
uint64_t invq_submit(struct invq *queue);

/*
 * Looks at the status word; when that leaves tickets open, recovers from queue
 * errors and pays debts. 0, or why the unit must be closed: -ENODEV (reads all
 * ones), -EIO (the queue cannot be used), -ETIMEDOUT (stood still for a second).
 */
int invq_poll(struct invq *queue, struct error *err);

/* Polls until ticket is done, at most budget_ns. For bounded waits only. */
int invq_wait(struct invq *queue, uint64_t ticket, uint64_t budget_ns, struct error *err);

static inline uint64_t invq_size(const struct invq *queue)
{
	return UINT64_C(1) << queue->shape.log2;
}

static inline uint64_t *invq_at(const struct invq *queue, uint64_t position)
{
	return &queue->entries[(position & (invq_size(queue) - 1)) *
			       (queue->shape.is_wide ? 4 : 2)];
}

/* The same in the head and tail registers. */
static inline uint64_t invq_offset(const struct invq *queue, uint64_t position)
{
	return (position & (invq_size(queue) - 1)) * (queue->shape.is_wide ? 32 : 16);
}

/* Where the descriptor at a position is stored, over whatever was there. */
void invq_store(struct invq *queue, uint64_t position, struct desc desc);

/*
 * invqerr.c: gets a stopped queue going again; status is FSTS_REG. 0, or -EIO when
 * it cannot be used any more.
 */
int invqerr_recover(struct invq *queue, uint32_t status, struct error *err);

/*
 * invreg.c: carries out the descriptors between consumed and published through
 * CCMD_REG and IOTLB_REG, as far as the unit keeps up. 0 or -EIO / -ENODEV.
 */
int invreg_run(struct invq *queue, struct error *err);

#endif
