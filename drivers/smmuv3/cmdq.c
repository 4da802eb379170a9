// SPDX-License-Identifier: BSD-2-Clause
/* The command queue (IHI 0070 3.5, 4, 7.1). */
#include "cmdq.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "arith.h"
#include "log.h"
#include "pages.h"
#include "regs.h"

/* How often one CMD_SYNC may fail on ATC timeouts before the unit is shut. */
#define REPEAT_MAX 16u

struct cmd cmd_cfgi_ste(uint32_t stream, bool leaf)
{
	return (struct cmd){ { field_put(CMD0_OPCODE, CMD_CFGI_STE) |
				       field_put(CMD0_CFGI_SID, stream),
			       leaf ? CMD1_CFGI_LEAF : 0 } };
}

struct cmd cmd_cfgi_all(void)
{
	return (struct cmd){ { field_put(CMD0_OPCODE, CMD_CFGI_STE_RANGE),
			       field_put(CMD1_CFGI_RANGE, CFGI_RANGE_ALL) } };
}

struct cmd cmd_tlbi_all(void)
{
	return (struct cmd){ { field_put(CMD0_OPCODE, CMD_TLBI_NSNH_ALL), 0 } };
}

struct cmd cmd_tlbi_el2_all(void)
{
	return (struct cmd){ { field_put(CMD0_OPCODE, CMD_TLBI_EL2_ALL), 0 } };
}

struct cmd cmd_sync(void)
{
	return (struct cmd){ { field_put(CMD0_OPCODE, CMD_SYNC), 0 } };
}

static uint32_t memory_pages(unsigned log2)
{
	return (uint32_t)(align_up((uint64_t)CMD_BYTES << log2, PAGE_BYTES) >> PAGE_SHIFT);
}

int cmdq_init(struct cmdq *queue, const struct hw_regs *regs, struct gerror *gerror,
	      struct drv_counts *counts, unsigned log2)
{
	*queue = (struct cmdq){
		.regs = regs,
		.gerror = gerror,
		.counts = counts,
		.pages = regs->hw->pages,
		.log2 = log2,
	};
	queue->syncs = calloc(cmdq_size(queue), sizeof(*queue->syncs));
	if (!queue->syncs)
		return -ENOMEM;
	queue->entries = pages_take_run(queue->pages, memory_pages(log2), (uint64_t)CMD_BYTES << log2);
	if (!queue->entries) {
		free(queue->syncs);
		queue->syncs = NULL;
		return -ENOMEM;
	}
	counts->table_pages += memory_pages(log2);
	return 0;
}

void cmdq_fini(struct cmdq *queue)
{
	if (!queue->entries)
		return;
	pages_give(queue->pages, queue->entries, memory_pages(queue->log2));
	queue->counts->table_pages -= memory_pages(queue->log2);
	free(queue->syncs);
	queue->entries = NULL;
	queue->syncs = NULL;
}

uint64_t cmdq_base_word(const struct cmdq *queue)
{
	return pages_pa(queue->pages, queue->entries).v | Q_BASE_HINT |
	       field_put(Q_BASE_LOG2SIZE, queue->log2);
}

void cmdq_start(struct cmdq *queue)
{
	queue->produced = queue->published = queue->consumed = 0;
	queue->sync_head = queue->sync_tail = 0;
	queue->is_indebted = false;
	queue->debt_step = 0;
	queue->stuck_since_ns = 0;
	queue->repeat_count = 0;
	hw_write64(queue->regs, SMMU_CMDQ_BASE, cmdq_base_word(queue));
	hw_write32(queue->regs, SMMU_CMDQ_PROD, 0);
	hw_write32(queue->regs, SMMU_CMDQ_CONS, 0);
}

/* --- producing --- */

static uint64_t index_mask(const struct cmdq *queue)
{
	return 2 * cmdq_size(queue) - 1; /* the wrap bit included */
}

static uint64_t *entry_at(const struct cmdq *queue, uint64_t position)
{
	return &queue->entries[2 * (position & (cmdq_size(queue) - 1))];
}

static bool is_full(const struct cmdq *queue)
{
	return queue->produced - queue->consumed == cmdq_size(queue);
}

static void store_command(struct cmdq *queue, uint64_t position, struct cmd cmd)
{
	uint64_t *entry = entry_at(queue, position);

	hw_store64(&entry[0], cmd.word[0]);
	hw_store64(&entry[1], cmd.word[1]);
}

static void put(struct cmdq *queue, struct cmd cmd)
{
	check(!is_full(queue));
	store_command(queue, queue->produced++, cmd);
	queue->counts->commands++;
}

/* The entries first, then the index that makes the unit read them. */
static void publish(struct cmdq *queue)
{
	if (queue->published == queue->produced)
		return;
	hw_barrier();
	hw_write32(queue->regs, SMMU_CMDQ_PROD, (uint32_t)(queue->produced & index_mask(queue)));
	queue->published = queue->produced;
}

static void put_sync(struct cmdq *queue, uint64_t ticket)
{
	uint64_t slot = queue->sync_tail++ & (cmdq_size(queue) - 1);

	queue->syncs[slot] = (struct cmdq_sync){ .position = queue->produced, .ticket = ticket };
	put(queue, cmd_sync());
	queue->counts->syncs++;
	publish(queue);
}

/*
 * Takes the unit's index over. False when it cannot be: all ones, ahead of
 * the producer or behind an earlier answer; the wrap bit tells full from empty.
 */
static bool take_index(struct cmdq *queue, uint32_t cons)
{
	uint64_t behind = (queue->published - cons) & index_mask(queue);

	if (cons == UINT32_MAX || behind > queue->published - queue->consumed)
		return false;
	queue->consumed = queue->published - behind;
	return true;
}

static bool make_room(struct cmdq *queue)
{
	uint64_t start = hw_now_ns(queue->regs->hw);
	bool is_last_look = false;

	publish(queue);
	for (;;) {
		if (!take_index(queue, hw_read32(queue->regs, SMMU_CMDQ_CONS)))
			return false;
		if (!is_full(queue))
			return true;
		if (is_last_look)
			return false;
		is_last_look = hw_now_ns(queue->regs->hw) - start >= CMDQ_SPIN_NS;
	}
}

void cmdq_push(struct cmdq *queue, struct cmd cmd)
{
	if (queue->is_indebted)
		return; /* everything will be invalidated: this too */
	if (is_full(queue) && !make_room(queue)) {
		queue->is_indebted = true;
		return;
	}
	put(queue, cmd);
}

uint64_t cmdq_submit(struct cmdq *queue)
{
	queue->issued++;
	if (!queue->is_indebted && is_full(queue) && !make_room(queue))
		queue->is_indebted = true;
	if (!queue->is_indebted)
		put_sync(queue, queue->issued);
	return queue->issued;
}

/* Drops everything, one command at a time as room allows, then the CMD_SYNC. */
static void pay_debt(struct cmdq *queue)
{
	while (queue->is_indebted && !is_full(queue)) {
		switch (queue->debt_step++) {
		case 0:
			queue->debt_ticket = queue->issued;
			put(queue, cmd_cfgi_all());
			break;
		case 1:
			put(queue, cmd_tlbi_all());
			break;
		default:
			put_sync(queue, queue->debt_ticket);
			queue->debt_step = 0;
			queue->is_indebted = queue->issued != queue->debt_ticket;
		}
	}
	publish(queue);
}

/* --- what the unit answers --- */

static void retire_syncs(struct cmdq *queue)
{
	while (queue->sync_head != queue->sync_tail) {
		const struct cmdq_sync *sync =
			&queue->syncs[queue->sync_head & (cmdq_size(queue) - 1)];

		if (sync->position >= queue->consumed)
			return;
		queue->done = sync->ticket;
		queue->sync_head++;
	}
}

/* A command this unit does not know: our own mistake, or a flipped bit. */
static int recover_illegal(struct cmdq *queue, struct error *err)
{
	uint64_t *entry = entry_at(queue, queue->consumed);
	uint64_t first = hw_load64(&entry[0]);
	uint64_t opcode = field_get(CMD0_OPCODE, first);

	if (opcode == CMD_SYNC || opcode == CMD_TLBI_NSNH_ALL || opcode == CMD_CFGI_STE_RANGE)
		return error_set(err, -EIO,
				 "CMDQ_CONS: CERROR_ILL on command 0x%" PRIx64
				 ", which every SMMUv3 has: the command queue cannot be used",
				 opcode);
	log_alarm("CMDQ_CONS: CERROR_ILL: the unit refused command 0x%016" PRIx64
		  " 0x%016" PRIx64 "; replaced by CMD_SYNC, everything is invalidated",
		  first, hw_load64(&entry[1]));
	store_command(queue, queue->consumed, cmd_sync());
	hw_barrier();
	/* The tickets behind it no longer prove anything. */
	queue->sync_head = queue->sync_tail;
	queue->is_indebted = true;
	queue->debt_step = 0;
	return 0;
}

static int recover_atc_timeout(struct cmdq *queue, struct error *err)
{
	if (queue->repeat_position != queue->consumed)
		queue->repeat_count = 0;
	queue->repeat_position = queue->consumed;
	if (++queue->repeat_count > REPEAT_MAX)
		return error_set(err, -EIO, "CMDQ_CONS: CERROR_ATC_INV_SYNC %u times at one CMD_SYNC",
				 REPEAT_MAX);
	return 0;
}

static int recover(struct cmdq *queue, uint32_t cons, struct error *err)
{
	uint64_t cerror = field_get(CMDQ_CONS_ERR, cons);
	int ret = 0;

	/* The field keeps its last value after an error was acknowledged. */
	if (!(gerror_active(queue->gerror) & GERROR_CMDQ))
		return 0;
	queue->counts->command_errors++;
	if (cerror == CERROR_ILL)
		ret = recover_illegal(queue, err);
	else if (cerror == CERROR_ATC_INV_SYNC)
		ret = recover_atc_timeout(queue, err);
	else if (cerror == CERROR_ABT)
		ret = error_set(err, -EIO, "CMDQ_CONS: CERROR_ABT: the unit cannot read its command queue at 0x%" PRIx64,
				pages_pa(queue->pages, queue->entries).v);
	else
		ret = error_set(err, -EIO, "CMDQ_CONS: error code 0x%" PRIx64 " that no specification we follow names",
				cerror);
	gerror_acknowledge(queue->gerror, GERROR_CMDQ);
	return ret;
}

static int check_progress(struct cmdq *queue, uint64_t consumed_before, struct error *err)
{
	uint64_t now;

	if (queue->consumed == queue->published || queue->consumed != consumed_before) {
		queue->stuck_since_ns = 0;
		return 0;
	}
	now = hw_now_ns(queue->regs->hw);
	if (queue->stuck_since_ns == 0)
		queue->stuck_since_ns = now;
	if (now - queue->stuck_since_ns < CMDQ_DEADLINE_NS)
		return 0;
	return error_set(err, -ETIMEDOUT,
			 "CMDQ_CONS stood still at 0x%" PRIx64 " for %" PRIu64
			 " ms with CMDQ_PROD at 0x%" PRIx64 ": the unit takes no commands",
			 queue->consumed & index_mask(queue), CMDQ_DEADLINE_NS / 1000000,
			 queue->published & index_mask(queue));
}

int cmdq_poll(struct cmdq *queue, struct error *err)
{
	uint64_t before = queue->consumed;
	uint32_t cons = hw_read32(queue->regs, SMMU_CMDQ_CONS);
	int ret;

	if (cons == UINT32_MAX)
		return error_set(err, -ENODEV, "CMDQ_CONS reads all ones: the unit is gone or has no clock");
	if (!take_index(queue, cons & (uint32_t)Q_INDEX))
		return error_set(err, -EIO,
				 "CMDQ_CONS 0x%" PRIx32 " lies outside what was written (0x%" PRIx64
				 " to 0x%" PRIx64 "): another agent uses this queue",
				 cons, before & index_mask(queue),
				 queue->published & index_mask(queue));
	retire_syncs(queue);
	if (field_get(CMDQ_CONS_ERR, cons) != CERROR_NONE && queue->consumed != queue->published) {
		ret = recover(queue, cons, err);
		if (ret)
			return ret;
	}
	if (queue->is_indebted)
		pay_debt(queue);
	return check_progress(queue, before, err);
}

int cmdq_wait(struct cmdq *queue, uint64_t ticket, uint64_t budget_ns, struct error *err)
{
	uint64_t start = hw_now_ns(queue->regs->hw);
	bool is_last_look = false;
	int ret;

	for (;;) {
		ret = cmdq_poll(queue, err);
		if (ret || queue->done >= ticket)
			return ret;
		if (is_last_look)
			return error_set(err, -ETIMEDOUT,
					 "CMDQ_CONS did not pass CMD_SYNC within %" PRIu64 " us",
					 budget_ns / 1000);
		is_last_look = hw_now_ns(queue->regs->hw) - start >= budget_ns;
	}
}
