// SPDX-License-Identifier: BSD-2-Clause
/*
 * The invalidation queue (VT-d 6.5.2). The unit keeps the order that matters: the
 * context cache before the PASID cache before the IOTLB, and a wait after all
 * that is ahead of it (6.5.2.11). Queue and status are always coherent.
 */
#include "invq.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "arith.h"
#include "log.h"
#include "pages.h"
#include "regs.h"

static uint32_t memory_pages(const struct invq_shape *shape)
{
	uint64_t bytes = (shape->is_wide ? UINT64_C(32) : 16) << shape->log2;

	return (uint32_t)(align_up(bytes, PAGE_BYTES) >> PAGE_SHIFT);
}

int invq_init(struct invq *queue, const struct hw_regs *regs, struct drv_counts *counts,
	      const struct invq_shape *shape)
{
	*queue = (struct invq){
		.regs = regs,
		.counts = counts,
		.pages = regs->hw->pages,
		.shape = *shape,
	};
	queue->waits = calloc(invq_size(queue), sizeof(*queue->waits));
	if (!queue->waits)
		return -ENOMEM;
	queue->entry_pages = memory_pages(shape);
	queue->entries = pages_take_run(queue->pages, queue->entry_pages,
					(uint64_t)queue->entry_pages << PAGE_SHIFT);
	queue->status = pages_take(queue->pages);
	if (!queue->entries || !queue->status) {
		invq_fini(queue);
		return -ENOMEM;
	}
	counts->table_pages += queue->entry_pages + 1;
	return 0;
}

void invq_fini(struct invq *queue)
{
	if (queue->entries && queue->status)
		queue->counts->table_pages -= queue->entry_pages + 1;
	if (queue->entries)
		pages_give(queue->pages, queue->entries, queue->entry_pages);
	if (queue->status)
		pages_give(queue->pages, queue->status, 1);
	free(queue->waits);
	queue->entries = NULL;
	queue->status = NULL;
	queue->waits = NULL;
}

uint64_t invq_base_word(const struct invq *queue)
{
	return pages_pa(queue->pages, queue->entries).v | (queue->shape.is_wide ? IQA_DW : 0) |
	       field_put(IQA_QS, log2_floor(memory_pages(&queue->shape)));
}

/*
 * A scar: QEMU before 8.0 offers scalable mode and does not keep IQA_REG.DW. It
 * takes the narrow descriptors, of which there is one for all but first level tables.
 */
static int write_base(struct invq *queue, struct error *err)
{
	hw_write64(queue->regs, VTD_IQA, invq_base_word(queue));
	if (!queue->shape.is_wide || (hw_read64(queue->regs, VTD_IQA) & IQA_DW))
		return 0;
	if (queue->shape.must_be_wide)
		return error_set(
			err, -EOPNOTSUPP,
			"IQA_REG.DW is not kept: the unit takes no descriptors of 256 bits, which its tables need");
	queue->shape.is_wide = false;
	hw_write64(queue->regs, VTD_IQA, invq_base_word(queue));
	return 0;
}

int invq_start(struct invq *queue, struct error *err)
{
	int ret;

	queue->produced = queue->published = queue->consumed = 0;
	queue->wait_head = queue->wait_tail = 0;
	queue->wait_number = 0;
	queue->is_indebted = false;
	queue->debt_step = 0;
	queue->stuck_since_ns = 0;
	queue->repeat_count = 0;
	queue->busy_register = 0;
	hw_store64(&queue->status[0], 0);
	hw_barrier();
	if (queue->shape.by_registers)
		return 0;
	ret = write_base(queue, err);
	if (!ret)
		hw_write64(queue->regs, VTD_IQT, 0);
	return ret;
}

/* --- producing --- */

/* One place stays empty: head and tail alike mean that nothing waits. */
static bool is_full(const struct invq *queue)
{
	return queue->produced - queue->consumed == invq_size(queue) - 1;
}

void invq_store(struct invq *queue, uint64_t position, struct desc desc)
{
	uint64_t *entry = invq_at(queue, position);

	hw_store64(&entry[0], desc.word[0]);
	hw_store64(&entry[1], desc.word[1]);
	if (queue->shape.is_wide) {
		hw_store64(&entry[2], 0);
		hw_store64(&entry[3], 0);
	}
}

static void put(struct invq *queue, struct desc desc)
{
	check(!is_full(queue));
	invq_store(queue, queue->produced++, desc);
	queue->counts->commands++;
}

/* The descriptors first, then the tail that makes the unit read them. */
static void publish(struct invq *queue)
{
	if (queue->published == queue->produced)
		return;
	hw_barrier();
	queue->published = queue->produced;
	if (!queue->shape.by_registers)
		hw_write64(queue->regs, VTD_IQT, invq_offset(queue, queue->produced));
}

static void put_wait(struct invq *queue, uint64_t ticket)
{
	uint64_t slot = queue->wait_tail++ & (invq_size(queue) - 1);

	queue->waits[slot] = (struct invq_wait){
		.position = queue->produced,
		.ticket = ticket,
		.number = ++queue->wait_number,
	};
	put(queue, desc_wait(pages_pa(queue->pages, queue->status), queue->wait_number));
	queue->counts->syncs++;
	publish(queue);
}

/* How far the unit has read. False when its head is nowhere it can be. */
static bool take_head(struct invq *queue, uint64_t head)
{
	uint64_t unit = queue->shape.is_wide ? 32 : 16;
	uint64_t behind;

	if (head % unit != 0 || head / unit >= invq_size(queue))
		return false;
	behind = (queue->published - head / unit) & (invq_size(queue) - 1);
	if (behind > queue->published - queue->consumed)
		return false;
	queue->consumed = queue->published - behind;
	return true;
}

/* One look at what was read; an error shows again when the queue is polled. */
static bool look(struct invq *queue)
{
	if (queue->shape.by_registers)
		return invreg_run(queue, NULL) == 0;
	return take_head(queue, hw_read64(queue->regs, VTD_IQH));
}

static bool make_room(struct invq *queue)
{
	uint64_t start = hw_now_ns(queue->regs->hw);
	bool is_last_look = false;

	publish(queue);
	for (;;) {
		if (!look(queue))
			return false;
		if (!is_full(queue))
			return true;
		if (is_last_look)
			return false;
		is_last_look = hw_now_ns(queue->regs->hw) - start >= INVQ_SPIN_NS;
	}
}

void invq_push(struct invq *queue, struct desc desc)
{
	if (queue->is_indebted)
		return; /* everything will be invalidated: this too */
	if (is_full(queue) && !make_room(queue)) {
		queue->is_indebted = true;
		return;
	}
	put(queue, desc);
}

uint64_t invq_submit(struct invq *queue)
{
	queue->issued++;
	if (!queue->is_indebted && is_full(queue) && !make_room(queue))
		queue->is_indebted = true;
	if (queue->is_indebted)
		return queue->issued;
	put_wait(queue, queue->issued);
	if (queue->shape.by_registers)
		look(queue);
	return queue->issued;
}

/* Drops everything, one descriptor at a time as room allows, then the wait. */
static void pay_debt(struct invq *queue)
{
	struct desc desc;

	while (queue->is_indebted && !is_full(queue)) {
		if (queue->debt_step == 0)
			queue->debt_ticket = queue->issued;
		if (invq_everything(&queue->shape, queue->debt_step++, &desc)) {
			put(queue, desc);
			continue;
		}
		put_wait(queue, queue->debt_ticket);
		queue->debt_step = 0;
		queue->is_indebted = queue->issued != queue->debt_ticket;
	}
	publish(queue);
}

/* --- what the unit answers --- */

static void retire_waits(struct invq *queue)
{
	uint32_t status = (uint32_t)hw_load64(&queue->status[0]);

	hw_acquire();
	while (queue->wait_head != queue->wait_tail) {
		const struct invq_wait *wait =
			&queue->waits[queue->wait_head & (invq_size(queue) - 1)];

		if ((int32_t)(status - wait->number) < 0)
			return;
		queue->done = wait->ticket;
		if (queue->consumed <= wait->position)
			queue->consumed = wait->position + 1;
		queue->wait_head++;
	}
}

static int poll_queue(struct invq *queue, struct error *err)
{
	uint32_t status = hw_read32(queue->regs, VTD_FSTS);
	uint64_t head = hw_read64(queue->regs, VTD_IQH);

	if (status == UINT32_MAX || head == UINT64_MAX)
		return error_set(err, -ENODEV,
				 "%s reads all ones: the unit is gone or has no clock",
				 status == UINT32_MAX ? "FSTS_REG" : "IQH_REG");
	if (!take_head(queue, head))
		return error_set(err, -EIO,
				 "IQH_REG 0x%" PRIx64 " lies outside what was written (0x%" PRIx64
				 " to 0x%" PRIx64 "): another agent uses this queue",
				 head, invq_offset(queue, queue->consumed),
				 invq_offset(queue, queue->published));
	return status & FSTS_QUEUE ? invqerr_recover(queue, status, err) : 0;
}

static int check_progress(struct invq *queue, uint64_t before, struct error *err)
{
	uint64_t now;

	if ((queue->wait_head == queue->wait_tail && !queue->is_indebted) ||
	    queue->consumed != before) {
		queue->stuck_since_ns = 0;
		return 0;
	}
	now = hw_now_ns(queue->regs->hw);
	if (queue->stuck_since_ns == 0)
		queue->stuck_since_ns = now;
	if (now - queue->stuck_since_ns < INVQ_DEADLINE_NS)
		return 0;
	if (queue->shape.by_registers)
		return error_set(err, -ETIMEDOUT,
				 "%s kept its request for %" PRIu64
				 " ms: the unit invalidates nothing",
				 queue->busy_register == VTD_CCMD ? "CCMD_REG" : "IOTLB_REG",
				 INVQ_DEADLINE_NS / 1000000);
	return error_set(err, -ETIMEDOUT,
			 "IQH_REG stood still at 0x%" PRIx64 " for %" PRIu64
			 " ms with IQT_REG at 0x%" PRIx64
			 " and no wait descriptor done: the unit invalidates nothing",
			 invq_offset(queue, queue->consumed), INVQ_DEADLINE_NS / 1000000,
			 invq_offset(queue, queue->published));
}

int invq_poll(struct invq *queue, struct error *err)
{
	uint64_t before = queue->consumed;
	int ret;

	retire_waits(queue);
	if (queue->wait_head == queue->wait_tail && !queue->is_indebted) {
		queue->stuck_since_ns = 0;
		return 0;
	}
	ret = queue->shape.by_registers ? invreg_run(queue, err) : poll_queue(queue, err);
	if (ret)
		return ret;
	retire_waits(queue);
	if (queue->is_indebted)
		pay_debt(queue);
	return check_progress(queue, before, err);
}

int invq_wait(struct invq *queue, uint64_t ticket, uint64_t budget_ns, struct error *err)
{
	uint64_t start = hw_now_ns(queue->regs->hw);
	bool is_last_look = false;
	int ret;

	for (;;) {
		ret = invq_poll(queue, err);
		if (ret || queue->done >= ticket)
			return ret;
		if (is_last_look)
			return error_set(err, -ETIMEDOUT,
					 "no wait descriptor was done within %" PRIu64 " us (%s)",
					 budget_ns / 1000,
					 queue->shape.by_registers ? "CCMD_REG, IOTLB_REG"
								   : "IQH_REG, IQT_REG");
		is_last_look = hw_now_ns(queue->regs->hw) - start >= budget_ns;
	}
}
