/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that an IOMMU module may touch of the machine: registers, pages that
 * hardware reads, barriers and the clock. A back end (a virtual board, a
 * Linux host, a test's fake) fills in struct hw_ops.
 *
 * Pages that hardware reads come from arenas: a few runs of memory that
 * outlive this process, so that a unit which goes on walking its tables after
 * the daemon was killed never walks memory that belongs to somebody else.
 */
#ifndef SMMUMAN_DRIVERS_HW_H
#define SMMUMAN_DRIVERS_HW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "types.h"

struct hw;
struct pages;

struct hw_ops {
	/*
	 * One register access of 1, 2, 4 or 8 bytes at an absolute address, which
	 * may lie in PCI configuration space as the firmware's tables place it (then
	 * 8 bytes are not one access). A back end that lost its hardware answers all ones.
	 */
	uint64_t (*read)(struct hw *hw, uint64_t address, unsigned size);
	void (*write)(struct hw *hw, uint64_t address, unsigned size, uint64_t value);
	/* Nanoseconds of a clock that never goes back. */
	uint64_t (*now_ns)(struct hw *hw);
};

struct hw {
	const struct hw_ops *ops;
	struct pages *pages; /* drivers/pages.h: the arena */
	/*
	 * One page beside the arena that is all zero and stays so: what a closed
	 * unit's root points at. There before the arena is laid out; whoever needs it
	 * may store zeroes there, and nothing else.
	 */
	void *blank_cpu;
	pa_t blank_pa;
};

/* A window of registers; offsets past size are our own bug. */
struct hw_regs {
	struct hw *hw;
	uint64_t base;
	uint64_t size;
};

uint8_t hw_read8(const struct hw_regs *regs, uint64_t offset);
uint16_t hw_read16(const struct hw_regs *regs, uint64_t offset);
uint32_t hw_read32(const struct hw_regs *regs, uint64_t offset);
uint64_t hw_read64(const struct hw_regs *regs, uint64_t offset);
void hw_write8(const struct hw_regs *regs, uint64_t offset, uint8_t value);
void hw_write16(const struct hw_regs *regs, uint64_t offset, uint16_t value);
void hw_write32(const struct hw_regs *regs, uint64_t offset, uint32_t value);
void hw_write64(const struct hw_regs *regs, uint64_t offset, uint64_t value);

static inline uint64_t hw_now_ns(struct hw *hw)
{
	return hw->ops->now_ns(hw);
}

/*
 * Reads the 32-bit register until (value & mask) == want, at most budget_ns.
 * 0, or -ETIMEDOUT with a sentence that names the register, or -ENODEV when it
 * reads all ones (the unit is gone). Blocks up to budget_ns.
 */
int hw_poll(const struct hw_regs *regs, uint64_t offset, const char *name, uint32_t mask,
	    uint32_t want, uint64_t budget_ns, struct error *err);

/*
 * The stores hardware can see. Test builds (HW_RECORD) report each one, in
 * order, to a recorder which may also stop the process right there.
 */
#ifdef HW_RECORD
void hw_record_store(const volatile void *where, uint64_t value);
void hw_record_barrier(void);
void hw_record_flush(const void *at, uint64_t bytes);
#else
static inline void hw_record_store(const volatile void *where, uint64_t value)
{
	(void)where;
	(void)value;
}

static inline void hw_record_barrier(void)
{
}

static inline void hw_record_flush(const void *at, uint64_t bytes)
{
	(void)at;
	(void)bytes;
}
#endif

/* One aligned 64-bit store: hardware sees the old word or the new one. */
static inline void hw_store64(uint64_t *where, uint64_t value)
{
	hw_record_store(where, value);
	__atomic_store_n(where, value, __ATOMIC_RELAXED);
}

/* Two words side by side, which most machines store at once. */
typedef uint64_t hw_pair __attribute__((vector_size(16), aligned(8), may_alias));

/*
 * count aligned words from where on: first, first + step, first + 2 * step ...
 * Each word is stored once and whole, in no promised order among them.
 */
static inline void hw_fill64(uint64_t *where, uint64_t first, uint64_t step, uint64_t count)
{
#ifndef HW_RECORD
	hw_pair *pairs = (hw_pair *)(void *)where;
	hw_pair words = { first, first + step };

	for (; count >= 8; count -= 8, where += 8, pairs += 4, words += 8 * step) {
		pairs[0] = words;
		pairs[1] = words + 2 * step;
		pairs[2] = words + 4 * step;
		pairs[3] = words + 6 * step;
		/* Or a compiler makes memset() of it, which may store bytes. */
		atomic_signal_fence(memory_order_seq_cst);
	}
	first = words[0];
#endif
	for (; count > 0; count--, where++, first += step)
		hw_store64(where, first);
}

static inline uint64_t hw_load64(const uint64_t *where)
{
	return __atomic_load_n(where, __ATOMIC_RELAXED);
}

/* Stores before it are visible to hardware before those after it. */
static inline void hw_barrier(void)
{
	hw_record_barrier();
	atomic_thread_fence(memory_order_seq_cst);
}

/*
 * For a unit that does not look into the processor's caches: what was stored in
 * [at, at + bytes), and whatever shares a cache line with it, is in memory when
 * this returns. Stores after it are later ones to the unit, as after hw_barrier().
 * Only where HW_CAN_FLUSH: elsewhere such a unit must be refused.
 */
#if defined(__x86_64__) || defined(__aarch64__)
#define HW_CAN_FLUSH true
#else
#define HW_CAN_FLUSH false
#endif
void hw_flush(const void *at, uint64_t bytes);

/* A load of a producer index before it precedes the loads of the entries. */
static inline void hw_acquire(void)
{
	atomic_thread_fence(memory_order_acquire);
}

#endif
