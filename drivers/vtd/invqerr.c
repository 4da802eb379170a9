// SPDX-License-Identifier: BSD-2-Clause
/*
 * What stops an invalidation queue (VT-d 6.5.2.10): a descriptor the unit does
 * not take (IQE), an answer of a device's cache that went wrong or did not come
 * (ICE, ITE). Whatever it was, everything is invalidated before any ticket that
 * may have been touched by it completes.
 */
#include <errno.h>
#include <inttypes.h>

#include "invq.h"
#include "log.h"
#include "pages.h"
#include "regs.h"

/* How often the queue may stop without completing anything before the unit is shut. */
#define REPEAT_MAX 16u

/* No ticket behind a lost descriptor proves anything any more. */
static void distrust(struct invq *queue)
{
	queue->wait_head = queue->wait_tail;
	queue->is_indebted = true;
	queue->debt_step = 0;
}

/* A descriptor this unit does not know: our own mistake, or a flipped bit. */
static int recover_invalid(struct invq *queue, struct error *err)
{
	uint64_t *entry = invq_at(queue, queue->consumed);
	uint64_t first = hw_load64(&entry[0]);
	uint64_t type = field_get(DESC0_TYPE, first);

	if (queue->consumed == queue->published)
		return error_set(
			err, -EIO,
			"FSTS_REG.IQE with nothing in the invalidation queue: the unit cannot use it");
	if (type == DESC_WAIT ||
	    ((type == DESC_IOTLB || type == DESC_CONTEXT) && field_get(DESC0_G, first) == G_GLOBAL))
		return error_set(
			err, -EIO,
			"FSTS_REG.IQE at descriptor 0x%016" PRIx64
			", which every VT-d unit has: the invalidation queue cannot be used",
			first);
	log_alarm("FSTS_REG.IQE: the unit refused invalidation descriptor 0x%016" PRIx64
		  " 0x%016" PRIx64 "; replaced by a wait, everything is invalidated",
		  first, hw_load64(&entry[1]));
	invq_store(queue, queue->consumed,
		   desc_wait(PA(pages_pa(queue->pages, queue->status).v + 8), 0));
	hw_barrier();
	return 0;
}

static int check_repeats(struct invq *queue, uint32_t status, struct error *err)
{
	if (queue->repeat_done != queue->done)
		queue->repeat_count = 0;
	queue->repeat_done = queue->done;
	if (++queue->repeat_count > REPEAT_MAX)
		return error_set(err, -EIO,
				 "FSTS_REG 0x%" PRIx32
				 ": the invalidation queue stopped %u times and completed nothing",
				 status, REPEAT_MAX);
	return 0;
}

/*
 * ICE and ITE are about caches in devices, which nobody here asks to forget
 * anything; a unit that reports them may have dropped waits all the same.
 */
int invqerr_recover(struct invq *queue, uint32_t status, struct error *err)
{
	int ret = check_repeats(queue, status, err);

	queue->counts->command_errors++;
	if (!ret && (status & FSTS_IQE))
		ret = recover_invalid(queue, err);
	if (ret)
		return ret;
	if (status & (FSTS_ICE | FSTS_ITE))
		log_warn("FSTS_REG 0x%" PRIx32
			 ": an invalidation in a device %s; everything is invalidated",
			 status, status & FSTS_ITE ? "timed out" : "ended with an error");
	distrust(queue);
	hw_write32(queue->regs, VTD_FSTS, status & (uint32_t)FSTS_QUEUE);
	/* Clearing the bit alone does not make every unit read on (a scar: QEMU). */
	hw_write64(queue->regs, VTD_IQT, invq_offset(queue, queue->published));
	return 0;
}
