// SPDX-License-Identifier: BSD-2-Clause
/* The event queue (IHI 0070 3.5, 7.2). */
#include "evtq.h"

#include <errno.h>

#include "arith.h"
#include "pages.h"

static uint32_t memory_pages(unsigned log2)
{
	return (uint32_t)(align_up((uint64_t)EVENT_BYTES << log2, PAGE_BYTES) >> PAGE_SHIFT);
}

int evtq_init(struct evtq *queue, const struct hw_regs *regs, struct drv_counts *counts,
	      unsigned log2)
{
	*queue = (struct evtq){
		.regs = regs, .pages = regs->hw->pages, .counts = counts, .log2 = log2,
	};
	queue->entries = pages_take_run(queue->pages, memory_pages(log2),
					(uint64_t)EVENT_BYTES << log2);
	if (!queue->entries)
		return -ENOMEM;
	counts->table_pages += memory_pages(log2);
	return 0;
}

void evtq_fini(struct evtq *queue)
{
	if (!queue->entries)
		return;
	pages_give(queue->pages, queue->entries, memory_pages(queue->log2));
	queue->counts->table_pages -= memory_pages(queue->log2);
	queue->entries = NULL;
	queue->is_started = false;
}

uint64_t evtq_base_word(const struct evtq *queue)
{
	return pages_pa(queue->pages, queue->entries).v | Q_BASE_HINT |
	       field_put(Q_BASE_LOG2SIZE, queue->log2);
}

void evtq_start(struct evtq *queue)
{
	queue->cons = 0;
	queue->overflow = queue->written = 0;
	queue->loss_by_flag = false;
	queue->loss_why = NULL;
	hw_write64(queue->regs, SMMU_EVENTQ_BASE, evtq_base_word(queue));
	hw_write32(queue->regs, SMMU_EVENTQ_PROD, 0);
	hw_write32(queue->regs, SMMU_EVENTQ_CONS, 0);
	queue->is_started = true;
}

static uint32_t index_mask(const struct evtq *queue)
{
	return (2u << queue->log2) - 1; /* the wrap bit included */
}

uint32_t evtq_waiting(const struct evtq *queue, uint32_t prod)
{
	uint32_t waiting = (prod - queue->cons) & index_mask(queue);

	return waiting > 1u << queue->log2 ? 0 : waiting;
}

void evtq_note_loss(struct evtq *queue, uint32_t prod, const char *why)
{
	if (queue->loss_why)
		return; /* the same episode */
	queue->loss_at = queue->sequence + evtq_waiting(queue, prod);
	queue->loss_why = why;
}

uint32_t evtq_look(struct evtq *queue)
{
	uint32_t prod = hw_read32(queue->regs, SMMU_EVENTQ_PROD);

	hw_acquire();
	if (prod == UINT32_MAX)
		return prod;
	if (((prod - queue->cons) & index_mask(queue)) > 1u << queue->log2) {
		/* An index nobody wrote: believe no record, start again from it. */
		queue->cons = prod & index_mask(queue);
		evtq_note_loss(queue, prod, "EVENTQ_PROD went out of range");
	}
	if ((prod ^ queue->overflow) & EVENTQ_OVERFLOW) {
		evtq_note_loss(queue, prod, "the event queue overflowed (EVENTQ_PROD.OVFLG)");
		queue->loss_by_flag = true;
	}
	return prod;
}

bool evtq_take(struct evtq *queue, uint32_t prod, uint64_t ret_words[EVENT_WORDS])
{
	const uint64_t *entry;
	unsigned i;

	if (prod == UINT32_MAX || evtq_waiting(queue, prod) == 0)
		return false;
	entry = &queue->entries[(uint64_t)(queue->cons & ((1u << queue->log2) - 1)) * EVENT_WORDS];
	for (i = 0; i < EVENT_WORDS; i++)
		ret_words[i] = hw_load64(&entry[i]);
	queue->cons = (queue->cons + 1) & index_mask(queue);
	queue->sequence++;
	return true;
}

void evtq_release(struct evtq *queue, const struct drv_fault_sink *sink)
{
	if (queue->loss_why && queue->sequence >= queue->loss_at) {
		queue->counts->event_losses++;
		sink->loss(sink->context, queue->sequence, queue->loss_why);
		queue->loss_why = NULL;
		if (queue->loss_by_flag)
			queue->overflow ^= (uint32_t)EVENTQ_OVERFLOW;
		queue->loss_by_flag = false;
	}
	if (queue->written == (queue->cons | queue->overflow))
		return;
	/* The copies are made before the unit may write there again. */
	hw_barrier();
	queue->written = queue->cons | queue->overflow;
	hw_write32(queue->regs, SMMU_EVENTQ_CONS, queue->written);
}
