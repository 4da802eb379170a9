// SPDX-License-Identifier: BSD-2-Clause
#include "hw.h"

#include <errno.h>
#include <inttypes.h>

#include "arith.h"
#include "log.h"

static uint64_t regs_address(const struct hw_regs *regs, uint64_t offset, unsigned size)
{
	check(range_within(offset, size, 0, regs->size) && is_aligned(offset, size));
	return regs->base + offset;
}

uint32_t hw_read32(const struct hw_regs *regs, uint64_t offset)
{
	return (uint32_t)regs->hw->ops->read(regs->hw, regs_address(regs, offset, 4), 4);
}

uint64_t hw_read64(const struct hw_regs *regs, uint64_t offset)
{
	return regs->hw->ops->read(regs->hw, regs_address(regs, offset, 8), 8);
}

void hw_write32(const struct hw_regs *regs, uint64_t offset, uint32_t value)
{
	regs->hw->ops->write(regs->hw, regs_address(regs, offset, 4), 4, value);
}

void hw_write64(const struct hw_regs *regs, uint64_t offset, uint64_t value)
{
	regs->hw->ops->write(regs->hw, regs_address(regs, offset, 8), 8, value);
}

int hw_poll(const struct hw_regs *regs, uint64_t offset, const char *name, uint32_t mask,
	    uint32_t want, uint64_t budget_ns, struct error *err)
{
	uint64_t start = hw_now_ns(regs->hw);
	bool last_look = false;
	uint32_t value;

	for (;;) {
		value = hw_read32(regs, offset);
		if (value == UINT32_MAX)
			return error_set(err, -ENODEV,
					 "%s at 0x%" PRIx64 " reads all ones: the unit is gone or has no clock",
					 name, regs->base + offset);
		if ((value & mask) == want)
			return 0;
		if (last_look)
			return error_set(err, -ETIMEDOUT,
					 "%s at 0x%" PRIx64 " stayed 0x%" PRIx32
					 ", expected 0x%" PRIx32 " under mask 0x%" PRIx32
					 ", within %" PRIu64 " us",
					 name, regs->base + offset, value, want, mask,
					 budget_ns / 1000);
		last_look = hw_now_ns(regs->hw) - start >= budget_ns;
	}
}
