// SPDX-License-Identifier: BSD-2-Clause
/* The fault recording registers (VT-d 7.2.1, 11.4.7, 11.4.14). */
#include "frcd.h"

#include "vtd_faults.h"

static uint64_t register_of(const struct frcd *frcd, unsigned index)
{
	return frcd->offset + (uint64_t)index * FRCD_BYTES;
}

/* All ones is a record too: that the unit answers, FSTS_REG has shown. */
static bool is_set(const struct frcd *frcd, unsigned index)
{
	return hw_read32(frcd->regs, register_of(frcd, index) + FRCD_F_OFFSET) & FRCD_F_BIT;
}

static void read_record(const struct frcd *frcd, unsigned index, uint64_t ret_words[FRCD_WORDS])
{
	ret_words[0] = hw_read64(frcd->regs, register_of(frcd, index));
	ret_words[1] = hw_read64(frcd->regs, register_of(frcd, index) + 8);
}

static void clear(const struct frcd *frcd, unsigned index)
{
	hw_write32(frcd->regs, register_of(frcd, index) + FRCD_F_OFFSET, (uint32_t)FRCD_F_BIT);
}

/* FRI is set with the first record that waits and stays until none does. */
static unsigned first_index(const struct frcd *frcd, uint32_t status)
{
	if (frcd->is_behind)
		return frcd->next;
	return (unsigned)field_get(FSTS_FRI, status) % frcd->count;
}

static bool has_any(uint32_t status)
{
	return status != UINT32_MAX && (status & FSTS_PPF);
}

/* The first one from start on, round the circle; count when there is none. */
static unsigned find(const struct frcd *frcd, unsigned start)
{
	unsigned i, index;

	for (i = 0; i < frcd->count; i++) {
		index = (start + i) % frcd->count;
		if (is_set(frcd, index))
			return index;
	}
	return frcd->count;
}

unsigned frcd_waiting(const struct frcd *frcd, uint32_t status)
{
	unsigned waiting = 0;
	unsigned i;

	for (i = 0; has_any(status) && i < frcd->count; i++)
		waiting += is_set(frcd, i);
	return waiting;
}

void frcd_look(struct frcd *frcd, uint32_t status)
{
	if (status == UINT32_MAX || !(status & FSTS_PFO) || frcd->has_loss)
		return;
	frcd->has_loss = true;
	frcd->loss_at = frcd->sequence + frcd_waiting(frcd, status);
}

bool frcd_take(struct frcd *frcd, uint32_t status, uint64_t ret_words[FRCD_WORDS])
{
	unsigned index = frcd->count;

	if (frcd->is_started && has_any(status))
		index = find(frcd, first_index(frcd, status));
	frcd->is_behind = index != frcd->count;
	if (index == frcd->count)
		return false;
	read_record(frcd, index, ret_words);
	clear(frcd, index);
	frcd->next = (index + 1) % frcd->count;
	frcd->sequence++;
	return true;
}

void frcd_release(struct frcd *frcd, const struct drv_fault_sink *sink)
{
	if (!frcd->has_loss || frcd->sequence < frcd->loss_at)
		return;
	frcd->has_loss = false;
	frcd->counts->event_losses++;
	sink->loss(sink->context, frcd->sequence,
		   "the fault recording registers overflowed (FSTS_REG.PFO)");
	hw_write32(frcd->regs, VTD_FSTS, (uint32_t)FSTS_PFO);
}

void frcd_start(struct frcd *frcd)
{
	unsigned i;

	for (i = 0; i < frcd->count; i++) {
		if (frcd->salvaged[i / 64] & BIT(i % 64))
			clear(frcd, i);
		frcd->salvaged[i / 64] &= ~BIT(i % 64);
	}
	if (frcd->salvaged_loss)
		hw_write32(frcd->regs, VTD_FSTS, (uint32_t)FSTS_PFO);
	frcd->salvaged_loss = false;
	frcd->has_loss = false;
	frcd->is_behind = false;
	frcd->is_started = true;
}

void frcd_salvage(struct frcd *frcd, const struct drv_fault_sink *sink)
{
	uint32_t status = hw_read32(frcd->regs, VTD_FSTS);
	uint64_t words[FRCD_WORDS];
	struct drv_fault fault;
	unsigned i, index;

	if (status == UINT32_MAX)
		return;
	for (i = 0; has_any(status) && i < frcd->count; i++) {
		index = ((unsigned)field_get(FSTS_FRI, status) + i) % frcd->count;
		if (!is_set(frcd, index))
			continue;
		read_record(frcd, index, words);
		frcd->salvaged[index / 64] |= BIT(index % 64);
		vtd_faults_decode(words, 0, &fault);
		frcd->counts->events++;
		sink->fault(sink->context, &fault);
	}
	if (!(status & FSTS_PFO))
		return;
	frcd->salvaged_loss = true;
	sink->loss(sink->context, 0,
		   "the fault recording registers overflowed while no daemon ran");
}
