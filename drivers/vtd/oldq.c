// SPDX-License-Identifier: BSD-2-Clause
/* See oldq.h; VT-d 6.5.2. */
#include "oldq.h"

#include <errno.h>
#include <inttypes.h>

#include "arith.h"
#include "gcmd.h"
#include "pages.h"

struct oldq {
	uint64_t *words; /* NULL: not in our memory */
	bool is_own;	 /* this process's */
	uint64_t pa;
	uint64_t count, stride; /* descriptors, bytes of one */
	bool is_wide;
};

static struct oldq find_queue(const struct vtd *vtd)
{
	const struct pages *pages = vtd->base.hw->pages;
	uint64_t base = hw_read64(&vtd->regs, VTD_IQA);
	uint64_t bytes = PAGE_BYTES << field_get(IQA_QS, base);
	struct oldq queue = { .pa = base & IQA_ADDR, .is_wide = base & IQA_DW };

	queue.stride = queue.is_wide ? 32 : 16;
	queue.count = bytes / queue.stride;
	if (pages && range_within(queue.pa, bytes, pages->pa.v, pages->size))
		queue.words = pages_cpu(pages, PA(queue.pa));
	queue.is_own = queue.words && queue.words == vtd->invq.entries;
	return queue;
}

/* Before the arena is laid out there are no notes: then nothing is taken. */
static bool is_taken(const struct vtd *vtd, const struct oldq *queue)
{
	const struct pages *pages = vtd->base.hw->pages;
	const struct page_note *note;
	uint64_t i;

	if (!pages->notes)
		return false;
	note = pages_note(pages, queue->words);
	for (i = 0; i < queue->count * queue->stride >> PAGE_SHIFT; i++)
		if (note[i].taken)
			return true;
	return false;
}

/* May descriptors be stored into it? */
static int check_ours(const struct vtd *vtd, const struct oldq *queue, struct error *err)
{
	if (!queue->words)
		return error_set(
			err, -EOPNOTSUPP,
			"%s: its invalidation queue at 0x%" PRIx64
			" is on and not in our memory: another owner, perhaps the kernel, uses the unit; "
			"boot with intel_iommu=off intremap=off",
			vtd->base.name, queue->pa);
	if (!queue->is_own && is_taken(vtd, queue))
		return error_set(err, -EBUSY,
				 "%s: an earlier owner's invalidation queue at 0x%" PRIx64
				 " is on, and its memory is in use again; reset the machine",
				 vtd->base.name, queue->pa);
	return 0;
}

static uint64_t *desc_at(const struct oldq *queue, uint64_t index)
{
	return &queue->words[index % queue->count * (queue->stride / 8)];
}

static uint64_t pa_of(const struct oldq *queue, const uint64_t *word)
{
	return queue->pa + (uint64_t)(word - queue->words) * 8;
}

static void store(const struct oldq *queue, uint64_t index, struct desc desc)
{
	uint64_t *at = desc_at(queue, index);

	hw_store64(&at[0], desc.word[0]);
	hw_store64(&at[1], desc.word[1]);
	if (!queue->is_wide)
		return;
	hw_store64(&at[2], 0);
	hw_store64(&at[3], 0);
}

/* --- bringing it to rest --- */

/*
 * What stopped it goes: a descriptor the unit refused becomes a wait whose
 * status nobody reads, written over the descriptor itself once it was read.
 */
static void clear_errors(const struct vtd *vtd, const struct oldq *queue)
{
	uint32_t status = hw_read32(&vtd->regs, VTD_FSTS);
	uint64_t head = hw_read64(&vtd->regs, VTD_IQH) / queue->stride;

	if (status == UINT32_MAX || !(status & FSTS_QUEUE))
		return;
	if (status & FSTS_IQE) {
		store(queue, head, desc_wait(PA(pa_of(queue, desc_at(queue, head))), 0));
		hw_barrier();
	}
	hw_write32(&vtd->regs, VTD_FSTS, status & (uint32_t)FSTS_QUEUE);
	hw_write64(&vtd->regs, VTD_IQT, hw_read64(&vtd->regs, VTD_IQT));
}

static int bring_to_rest(const struct vtd *vtd, const struct oldq *queue, struct error *err)
{
	uint64_t tail = hw_read64(&vtd->regs, VTD_IQT);

	clear_errors(vtd, queue);
	return hw_poll(&vtd->regs, VTD_IQH, "IQH_REG", (uint32_t)IQ_OFFSET, (uint32_t)tail,
		       VTD_ACK_NS, err);
}

/* --- using it --- */

static int wait_status(const struct vtd *vtd, const uint64_t *status, uint32_t want,
		       struct error *err)
{
	uint64_t start = hw_now_ns(vtd->base.hw);
	bool is_last_look = false;

	for (;;) {
		if ((uint32_t)hw_load64(status) == want)
			return 0;
		if (is_last_look)
			return error_set(err, -ETIMEDOUT,
					 "%s: IQH_REG: no wait descriptor was done within %" PRIu64
					 " us",
					 vtd->base.name, VTD_ACK_NS / 1000);
		is_last_look = hw_now_ns(vtd->base.hw) - start >= VTD_ACK_NS;
	}
}

/* From the tail of an idle queue on; a place already read holds the wait's status. */
static int run(const struct vtd *vtd, const struct oldq *queue, bool is_wait_alone,
	       struct error *err)
{
	uint64_t tail = hw_read64(&vtd->regs, VTD_IQT) / queue->stride;
	uint64_t *status = desc_at(queue, tail + queue->count - 1);
	uint32_t number = (uint32_t)hw_load64(status) + 1;
	struct desc desc;
	unsigned i;

	for (i = 0; !is_wait_alone && invq_everything(&vtd->features.queue, i, &desc); i++)
		store(queue, tail++, desc);
	store(queue, tail++, desc_wait(PA(pa_of(queue, status)), number));
	hw_barrier();
	hw_write64(&vtd->regs, VTD_IQT, tail % queue->count * queue->stride);
	return wait_status(vtd, status, number, err);
}

int oldq_forget(struct vtd *vtd, struct error *err)
{
	struct oldq queue = find_queue(vtd);
	int ret = check_ours(vtd, &queue, err);

	if (!ret)
		ret = bring_to_rest(vtd, &queue, err);
	return ret ? ret : run(vtd, &queue, false, err);
}

int oldq_stop(struct vtd *vtd, struct error *err)
{
	struct oldq queue = find_queue(vtd);
	uint32_t status;
	int ret = gcmd_status(vtd, &status, err);

	if (ret || !(status & GCMD_QIE))
		return ret;
	ret = check_ours(vtd, &queue, err);
	if (!ret)
		ret = bring_to_rest(vtd, &queue, err);
	if (!ret)
		ret = run(vtd, &queue, true, err);
	return ret ? ret : gcmd_switch(vtd, GCMD_QIE, false, err);
}

int oldq_retire(struct vtd *vtd, struct error *err)
{
	struct oldq queue = find_queue(vtd);

	return !queue.words || queue.is_own ? 0 : oldq_stop(vtd, err);
}
