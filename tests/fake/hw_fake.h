/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A struct hw with nothing behind it but memory: the register front of an
 * SMMUv3 whose command queue is consumed at once (or when a test says so), a
 * clock that a test moves, faults on demand, and a log of what happened. The
 * daemon's tests and the benchmarks use it as an IOMMU that costs nothing.
 *
 * Numbers of registers and commands are written out here on purpose: the fake
 * shares no header with the module it judges.
 */
#ifndef SMMUMAN_TESTS_HW_FAKE_H
#define SMMUMAN_TESTS_HW_FAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "driver.h"
#include "hw.h"
#include "pages.h"

#define HW_FAKE_BASE UINT64_C(0x09050000)
#define HW_FAKE_SIZE UINT64_C(0x20000)
#define HW_FAKE_PA   UINT64_C(0x40000000)

/* IDR0 of QEMU 10: both stages; of QEMU 7.2: stage 1 alone. */
#define HW_FAKE_IDR0_BOTH 0x0d44101bu
#define HW_FAKE_IDR0_S1	  0x0d44101au
#define HW_FAKE_IDR0_S2	  0x0d441019u

enum hw_fake_register {
	FAKE_IDR0 = 0x0, FAKE_IDR1 = 0x4, FAKE_IDR3 = 0xc, FAKE_IDR5 = 0x14, FAKE_AIDR = 0x1c,
	FAKE_CR0 = 0x20, FAKE_CR0ACK = 0x24, FAKE_CR1 = 0x28, FAKE_CR2 = 0x2c, FAKE_GBPA = 0x44,
	FAKE_IRQ_CTRL = 0x50, FAKE_IRQ_CTRLACK = 0x54, FAKE_GERROR = 0x60, FAKE_GERRORN = 0x64,
	FAKE_STRTAB_BASE = 0x80, FAKE_STRTAB_CFG = 0x88, FAKE_CMDQ_BASE = 0x90,
	FAKE_CMDQ_PROD = 0x98, FAKE_CMDQ_CONS = 0x9c, FAKE_EVENTQ_BASE = 0xa0,
	FAKE_EVENTQ_PROD = 0x100a8, FAKE_EVENTQ_CONS = 0x100ac,
};

/* Handshakes that a test may leave unanswered. */
#define FAKE_MUTE_CR0  1u
#define FAKE_MUTE_GBPA 2u
#define FAKE_MUTE_IRQ  4u
#define FAKE_NO_GBPA   8u /* GBPA reads 0 and swallows writes, as in QEMU before 8.0 */

struct hw_fake_access {
	bool is_write;
	uint8_t size;
	uint32_t offset;
	uint64_t value;
	uint64_t stores; /* the recorder's position then (HW_RECORD builds) */
};

struct hw_fake_command {
	uint64_t word[2];
};

struct hw_fake {
	struct hw hw; /* first: what modules get */
	struct pages pages;
	uint8_t *memory;
	uint64_t bytes;
	uint8_t regs[0x20000];
	/* The set-up a test may change. */
	bool is_gone;	    /* every register reads all ones */
	bool is_stopped;    /* commands are consumed by hw_fake_consume() alone */
	bool loses_quietly; /* a full event queue raises GERROR as QEMU does, not OVFLG */
	unsigned mute;
	uint64_t clock_ns, tick_ns; /* each look at the clock takes a tick */
	uint64_t error_at; /* the command with this number (from 1) fails, once */
	uint32_t error_code;
	bool error_stays; /* not once: for ever */
	/* What happened. */
	uint64_t commands, syncs;
	uint64_t by_opcode[256];
	uint64_t reads, writes;
	/* Logs, only while is_logging. */
	bool is_logging;
	struct hw_fake_access *accesses;
	uint64_t access_count, access_room;
	struct hw_fake_command *log;
	uint64_t log_count, log_room;
	/* Runs after each register write has taken effect. */
	void (*after_write)(void *context, struct hw_fake *fake, uint32_t offset);
	void *context;
};

/* 0 or -ENOMEM. The unit is as after reset: disabled, bypass, QEMU 10's IDRs. */
int hw_fake_init(struct hw_fake *fake, uint64_t arena_bytes);
void hw_fake_fini(struct hw_fake *fake);

/* What discovery would say of this unit. */
struct drv_found hw_fake_found(void);

uint64_t hw_fake_get(const struct hw_fake *fake, uint32_t offset, unsigned size);
void hw_fake_set(struct hw_fake *fake, uint32_t offset, unsigned size, uint64_t value);

/* Forgets counts and logs, and logs from now on. */
void hw_fake_log(struct hw_fake *fake);

/* The position of the first such write at or after from, or UINT64_MAX. */
uint64_t hw_fake_find_write(const struct hw_fake *fake, uint32_t offset, uint64_t mask,
			    uint64_t want, uint64_t from);

/* Takes at most count commands from the queue; how many it took. */
uint64_t hw_fake_consume(struct hw_fake *fake, uint64_t count);

/* One event record; dropped when the queue is full, as hardware would. */
void hw_fake_event(struct hw_fake *fake, const uint64_t words[4]);

/* Makes global error bits active. */
void hw_fake_gerror(struct hw_fake *fake, uint32_t bits);

/* Memory the unit would see at pa, or NULL outside the arena. */
void *hw_fake_memory(const struct hw_fake *fake, uint64_t pa, uint64_t length);

#endif
