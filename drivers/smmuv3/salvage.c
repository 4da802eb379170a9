// SPDX-License-Identifier: BSD-2-Clause
/*
 * The event queue of whoever had the unit before: what it recorded while nobody
 * looked (IHI 0070 3.5.1, 7.2). Its registers and its memory are still there.
 */
#include "salvage.h"

#include "arith.h"
#include "bits.h"
#include "events.h"
#include "pages.h"
#include "smmuv3.h"

/* The queue its registers name, if it lies in the arena; NULL: not ours. */
static const uint64_t *queue_words(const struct smmu *smmu, uint64_t base, uint64_t log2)
{
	const struct pages *pages = smmu->base.hw->pages;
	uint64_t pa = base & Q_BASE_ADDR;

	if (!pages || log2 > 19 ||
	    !range_within(pa, BIT(log2) * EVENT_WORDS * sizeof(uint64_t), pages->pa.v, pages->size))
		return NULL;
	return pages_cpu(pages, PA(pa));
}

void salvage_faults(struct drv_unit *unit, const struct drv_fault_sink *sink)
{
	struct smmu *smmu = smmu_of(unit);
	uint64_t base = hw_read64(&smmu->regs, SMMU_EVENTQ_BASE);
	uint64_t log2 = field_get(Q_BASE_LOG2SIZE, base);
	uint32_t prod = hw_read32(&smmu->regs, SMMU_EVENTQ_PROD);
	uint32_t cons = hw_read32(&smmu->regs, SMMU_EVENTQ_CONS);
	const uint64_t *words = queue_words(smmu, base, log2);
	uint32_t mask = (uint32_t)BIT(log2 + 1) - 1;
	uint64_t record[EVENT_WORDS];
	struct drv_fault fault;
	unsigned i;

	/* A queue that is fuller than it can be was never one. */
	if (!words || prod == UINT32_MAX || ((prod - cons) & mask) > BIT(log2))
		return;
	hw_acquire();
	if ((prod ^ cons) & EVENTQ_OVERFLOW)
		sink->loss(sink->context, 0, "the event queue overflowed while no daemon ran");
	for (; (cons & mask) != (prod & mask); cons++) {
		for (i = 0; i < EVENT_WORDS; i++)
			record[i] = hw_load64(&words[(cons & (BIT(log2) - 1)) * EVENT_WORDS + i]);
		events_decode(record, 0, &fault);
		unit->counts.events++;
		sink->fault(sink->context, &fault);
	}
}
