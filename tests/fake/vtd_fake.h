/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A struct hw with nothing behind it but memory: the register front of a VT-d
 * unit whose invalidation queue is consumed at once (or when a test says so), a
 * clock that a test moves, faults on demand, and a log of what happened.
 *
 * Numbers of registers and descriptors are written out here on purpose: the
 * fake shares no header with the module it judges.
 */
#ifndef SMMUMAN_TESTS_VTD_FAKE_H
#define SMMUMAN_TESTS_VTD_FAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "driver.h"
#include "hw.h"
#include "pages.h"
#include "vtd_oracle.h"

#define VTD_FAKE_BASE UINT64_C(0xfed90000)
#define VTD_FAKE_SIZE UINT64_C(0x1000)
#define VTD_FAKE_PA   UINT64_C(0x40000000)

/* What QEMU says: plain, 39 bits wide, caching mode; scalable with second or first level. */
#define VTD_FAKE_CAP	      UINT64_C(0x00d2008c222f0606)
#define VTD_FAKE_CAP_39	      UINT64_C(0x00d2008c22260206)
#define VTD_FAKE_CAP_CM	      UINT64_C(0x00d2008c222f0686)
#define VTD_FAKE_CAP_FIRST    UINT64_C(0x01d2008c222f0606)
#define VTD_FAKE_ECAP	      UINT64_C(0x000f42)
#define VTD_FAKE_ECAP_NO_QI   UINT64_C(0x000f40)
#define VTD_FAKE_ECAP_SECOND  UINT64_C(0x480080000f42)
#define VTD_FAKE_ECAP_FIRST   UINT64_C(0x880000000f42)
#define VTD_FAKE_CAP_RWBF     (UINT64_C(1) << 4)
#define VTD_FAKE_CAP_PMR      (UINT64_C(3) << 5)
#define VTD_FAKE_ECAP_COHERENT UINT64_C(1)

enum vtd_fake_register {
	VTD_FAKE_VER = 0x0, VTD_FAKE_CAP_REG = 0x8, VTD_FAKE_ECAP_REG = 0x10, VTD_FAKE_GCMD = 0x18,
	VTD_FAKE_GSTS = 0x1c, VTD_FAKE_RTADDR = 0x20, VTD_FAKE_CCMD = 0x28, VTD_FAKE_FSTS = 0x34,
	VTD_FAKE_FECTL = 0x38, VTD_FAKE_PMEN = 0x64, VTD_FAKE_IQH = 0x80, VTD_FAKE_IQT = 0x88,
	VTD_FAKE_IQA = 0x90, VTD_FAKE_IECTL = 0xa0, VTD_FAKE_IVA = 0xf0, VTD_FAKE_IOTLB = 0xf8,
	VTD_FAKE_FRCD = 0x220,
};

#define VTD_FAKE_TE   0x80000000u
#define VTD_FAKE_SRTP 0x40000000u
#define VTD_FAKE_EAFL 0x10000000u
#define VTD_FAKE_WBF  0x08000000u
#define VTD_FAKE_QIE  0x04000000u
#define VTD_FAKE_IRE  0x02000000u

#define VTD_FAKE_PFO 0x1u
#define VTD_FAKE_PPF 0x2u
#define VTD_FAKE_IQE 0x10u
#define VTD_FAKE_ICE 0x20u
#define VTD_FAKE_ITE 0x40u

enum vtd_fake_desc_type {
	VTD_FAKE_CONTEXT = 1, VTD_FAKE_IOTLB_INV = 2, VTD_FAKE_WAIT = 5, VTD_FAKE_PIOTLB = 6,
	VTD_FAKE_PASID = 7,
};

struct vtd_fake_access {
	bool is_write;
	uint8_t size;
	uint32_t offset;
	uint64_t value;
	uint64_t stores; /* the recorder's position then */
};

struct vtd_fake_desc {
	uint64_t word[2];
	uint64_t stores;
};

struct vtd_fake {
	struct hw hw; /* first: what modules get */
	struct pages pages;
	uint8_t *memory; /* the arena, and the blank page after it */
	uint64_t bytes;
	uint8_t regs[VTD_FAKE_SIZE];
	/* The set-up a test may change. */
	bool is_gone;	 /* every register reads all ones */
	bool is_stopped; /* invalidations happen by vtd_fake_consume() alone */
	bool refuses;	 /* register-based: done, but nothing was invalidated */
	bool loses_status; /* wait descriptors are passed, their status is not written */
	bool drops_wide; /* IQA.DW reads 0 whatever is written, as in QEMU before 8.0 */
	bool drops_root; /* RTADDR does not keep what is written */
	bool keeps_protected; /* PMEN never says that the regions are off */
	uint32_t mute;	 /* bits of GCMD that nothing acknowledges */
	uint64_t clock_ns, tick_ns; /* each look at the clock takes a tick */
	uint64_t error_at; /* the descriptor with this number (from 1) fails, once */
	uint32_t error_bits;
	bool error_stays; /* not once: for ever */
	uint64_t root; /* RTADDR as it was at the last acknowledged SRTP: what is walked */
	uint32_t next_fault; /* the record that the next fault goes to */
	bool last_was_wait;
	/* What happened. */
	uint64_t descs, waits;
	uint64_t by_type[16];
	uint64_t reads, writes;
	uint64_t faults; /* recorded, not dropped */
	/* Logs, only while is_logging. */
	bool is_logging;
	struct vtd_fake_access *accesses;
	uint64_t access_count, access_room;
	struct vtd_fake_desc *log;
	uint64_t log_count, log_room;
	/* Runs for each descriptor or request by register, before it is acknowledged. */
	void (*on_desc)(void *context, const uint64_t desc[2]);
	/* Runs after each register write has taken effect. */
	void (*after_write)(void *context, struct vtd_fake *fake, uint32_t offset);
	void *context;
};

/* 0 or -ENOMEM. The unit is as after reset, off, with QEMU's plain capabilities. */
int vtd_fake_init(struct vtd_fake *fake, uint64_t arena_bytes);
void vtd_fake_fini(struct vtd_fake *fake);

/* What discovery would say of this unit. */
struct drv_found vtd_fake_found(void);

uint64_t vtd_fake_get(const struct vtd_fake *fake, uint32_t offset, unsigned size);
void vtd_fake_set(struct vtd_fake *fake, uint32_t offset, unsigned size, uint64_t value);

/* Forgets counts and logs, and logs from now on. */
void vtd_fake_log(struct vtd_fake *fake);

/* The position of the first such write at or after from, or UINT64_MAX. */
uint64_t vtd_fake_find_write(const struct vtd_fake *fake, uint32_t offset, uint64_t mask,
			     uint64_t want, uint64_t from);

/* Carries out at most count descriptors, or the requests in the registers; how many. */
uint64_t vtd_fake_consume(struct vtd_fake *fake, uint64_t count);

/* One fault record; dropped when all are in use, as hardware would. */
void vtd_fake_fault(struct vtd_fake *fake, const uint64_t words[2]);

/* words of a legacy mode record: an untranslated request without PASID. */
void vtd_fake_fault_of(struct vtd_fake *fake, uint16_t stream, uint8_t reason, uint64_t address,
		       bool is_write);

/* Memory the unit would see at pa, or NULL outside the arena and the blank page. */
void *vtd_fake_memory(const struct vtd_fake *fake, uint64_t pa, uint64_t length);

/* For the oracle. */
struct vtd_oracle_view vtd_fake_view(const struct vtd_fake *fake);

#endif
