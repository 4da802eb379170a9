/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine without hardware: a device tree with one arm,smmu-v3 and edu-like
 * PCI functions, the SMMU of hw_fake.h if a test brings one, and memory of made-up
 * physical addresses. For the daemon's own tests and benchmarks.
 */
#ifndef SMMUMAN_TESTS_MACHINE_FAKE_H
#define SMMUMAN_TESTS_MACHINE_FAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "hw_fake.h"
#include "machine.h"
#include "pci_fake.h"

#define MACHINE_FAKE_ECAM UINT64_C(0x4010000000)
#define MACHINE_FAKE_BARS UINT64_C(0x10000000) /* edu n has BAR 0 at + n MiB */
#define MACHINE_FAKE_EDU_SLOT 2u	       /* of the first edu, on bus 0 */
#define MACHINE_FAKE_BRIDGE_SLOT 28u   /* to bus 1 */
#define MACHINE_FAKE_BRIDGED 24u       /* edus there have BAR 0 from this number on */
#define MACHINE_FAKE_ALIAS 0x100u      /* what the bridge puts on their requests */
#define MACHINE_FAKE_UNCOVERED_SLOT 30u
#define MACHINE_FAKE_MEMORY UINT64_C(0x100000000) /* made-up pages begin here */
#define MACHINE_FAKE_PLATFORM UINT64_C(0x0a000000)
#define MACHINE_FAKE_PLATFORM_STREAM 0x2000u

struct machine_fake_options {
	struct hw_fake *unit; /* the SMMU and the arena; NULL: registers read all ones */
	bool has_fake_clock;  /* the unit's clock instead of the real one */
	uint32_t edu_count;   /* at most 24 */
	uint32_t bridged_count; /* more edus, behind a bridge to PCI-X: 01:01.0 ... */
	bool has_uncovered;   /* and one at 00:1e.0 that no IOMMU covers */
	bool has_platform;    /* a master dt:/dma@a000000 too */
	uint32_t run_pages;   /* memory comes in runs of so many pages; 0: in one */
	uint32_t lend_parts;  /* memory_lend() has so many; 0: -EOPNOTSUPP */
	uint64_t lend_size;
};

/* 0 or -ENOMEM. Closed by its own ops; the unit must live longer. */
int machine_fake_open(const struct machine_fake_options *options, struct machine **ret_machine);

/* The configuration space behind it, to be lied with. */
struct pci_fake *machine_fake_pci(struct machine *machine);

/* The registers behind a window at base as a memfd, made when first asked for. */
int machine_fake_window_fd(struct machine *machine, uint64_t base);

/* How many windows have been opened and not closed. */
uint32_t machine_fake_windows_open(const struct machine *machine);

#endif
