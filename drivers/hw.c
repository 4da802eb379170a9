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

static uint64_t regs_read(const struct hw_regs *regs, uint64_t offset, unsigned size)
{
	return regs->hw->ops->read(regs->hw, regs_address(regs, offset, size), size);
}

static void regs_write(const struct hw_regs *regs, uint64_t offset, unsigned size, uint64_t value)
{
	regs->hw->ops->write(regs->hw, regs_address(regs, offset, size), size, value);
}

uint8_t hw_read8(const struct hw_regs *regs, uint64_t offset)
{
	return (uint8_t)regs_read(regs, offset, 1);
}

uint16_t hw_read16(const struct hw_regs *regs, uint64_t offset)
{
	return (uint16_t)regs_read(regs, offset, 2);
}

uint32_t hw_read32(const struct hw_regs *regs, uint64_t offset)
{
	return (uint32_t)regs_read(regs, offset, 4);
}

uint64_t hw_read64(const struct hw_regs *regs, uint64_t offset)
{
	return regs_read(regs, offset, 8);
}

void hw_write8(const struct hw_regs *regs, uint64_t offset, uint8_t value)
{
	regs_write(regs, offset, 1, value);
}

void hw_write16(const struct hw_regs *regs, uint64_t offset, uint16_t value)
{
	regs_write(regs, offset, 2, value);
}

void hw_write32(const struct hw_regs *regs, uint64_t offset, uint32_t value)
{
	regs_write(regs, offset, 4, value);
}

void hw_write64(const struct hw_regs *regs, uint64_t offset, uint64_t value)
{
	regs_write(regs, offset, 8, value);
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
					 "%s at 0x%" PRIx64
					 " reads all ones: the unit is gone or has no clock",
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

#if defined(__x86_64__)
/* Every processor of this architecture that has such a unit has lines of 64 bytes. */
static uintptr_t line_bytes(void)
{
	return 64;
}

static void line_write_back(uintptr_t line)
{
	__asm__ volatile("clflush (%0)" : : "r"(line) : "memory");
}

static void line_wait(void)
{
	__asm__ volatile("mfence" : : : "memory");
}
#elif defined(__aarch64__)
/* CTR_EL0.DminLine: log2 of the words in the smallest line on the way to memory. */
static uintptr_t line_bytes(void)
{
	uint64_t cache_type;

	__asm__("mrs %0, ctr_el0" : "=r"(cache_type));
	return (uintptr_t)4 << (cache_type >> 16 & 0xf);
}

static void line_write_back(uintptr_t line)
{
	__asm__ volatile("dc cvac, %0" : : "r"(line) : "memory");
}

static void line_wait(void)
{
	__asm__ volatile("dsb sy" : : : "memory");
}
#else
static uintptr_t line_bytes(void)
{
	check(HW_CAN_FLUSH); /* a module that came here forgot to refuse its unit */
	return 1;
}

static void line_write_back(uintptr_t line)
{
	(void)line;
}

static void line_wait(void)
{
}
#endif

void hw_flush(const void *at, uint64_t bytes)
{
	uintptr_t size = line_bytes();
	uintptr_t line = (uintptr_t)at & ~(size - 1);
	uintptr_t end = (uintptr_t)at + (uintptr_t)bytes;

	hw_record_flush(at, bytes);
	for (; line < end; line += size)
		line_write_back(line);
	line_wait();
}
