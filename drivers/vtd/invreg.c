// SPDX-License-Identifier: BSD-2-Clause
/*
 * Invalidation for a unit without a queue (VT-d 6.5.1, before version 6): the
 * same descriptors, in memory only this file reads, one at a time through
 * CCMD_REG and IOTLB_REG. A wait is done when its turn comes.
 */
#include <errno.h>
#include <inttypes.h>

#include "invq.h"
#include "log.h"
#include "regs.h"

/* The bit that both registers clear when a request has been carried out: ICC, IVT. */
#define REQUEST BIT(63)

static uint64_t ccmd_of(const uint64_t *desc)
{
	return REQUEST | field_put(CCMD_CIRG, field_get(DESC0_G, desc[0])) |
	       field_put(CCMD_SID, field_get(DESC0_SID, desc[0])) |
	       field_put(CCMD_DID, field_get(DESC0_DID, desc[0]));
}

static uint64_t iotlb_of(const uint64_t *desc)
{
	return REQUEST | field_put(IOTLB_IIRG, field_get(DESC0_G, desc[0])) |
	       (desc[0] & DESC0_DR ? IOTLB_DR : 0) | (desc[0] & DESC0_DW ? IOTLB_DW : 0) |
	       field_put(IOTLB_DID, field_get(DESC0_DID, desc[0]));
}

/* Begins what the descriptor asks for; a wait is over at once. */
static void begin(struct invq *queue, const uint64_t *desc)
{
	switch (field_get(DESC0_TYPE, desc[0])) {
	case DESC_CONTEXT:
		queue->busy_register = VTD_CCMD;
		hw_write64(queue->regs, VTD_CCMD, ccmd_of(desc));
		break;
	case DESC_IOTLB:
		queue->busy_register = queue->shape.iotlb_offset + VTD_IOTLB_AT_IRO;
		hw_write64(queue->regs, queue->shape.iotlb_offset + VTD_IVA_AT_IRO, desc[1]);
		hw_write64(queue->regs, queue->busy_register, iotlb_of(desc));
		break;
	default:
		check(field_get(DESC0_TYPE, desc[0]) == DESC_WAIT);
		hw_store64(&queue->status[0], field_get(DESC0_STATUS, desc[0]));
		queue->consumed++;
	}
}

/* 1 when the register is free again, 0 when not, or an error. */
static int finished(struct invq *queue, struct error *err)
{
	bool is_context = queue->busy_register == VTD_CCMD;
	uint64_t value = hw_read64(queue->regs, queue->busy_register);
	const char *name = is_context ? "CCMD_REG" : "IOTLB_REG";

	if (value == UINT64_MAX)
		return error_set(err, -ENODEV,
				 "%s reads all ones: the unit is gone or has no clock", name);
	if (value & REQUEST)
		return 0;
	if (field_get(is_context ? CCMD_CAIG : IOTLB_IAIG, value) == 0)
		return error_set(err, -EIO, "%s 0x%" PRIx64 ": the unit refused to invalidate",
				 name, value);
	return 1;
}

int invreg_run(struct invq *queue, struct error *err)
{
	int ret;

	while (queue->consumed != queue->published) {
		if (queue->busy_register == 0) {
			begin(queue, invq_at(queue, queue->consumed));
			continue;
		}
		ret = finished(queue, err);
		if (ret <= 0)
			return ret;
		queue->busy_register = 0;
		queue->consumed++;
	}
	return 0;
}
