/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calls of <smmu.h>, played: grants are kept in a table, and an NVMe controller
 * reaches memory through that table alone. A test bends what it answers.
 */
#ifndef SMMUMAN_TESTS_NVME_FAKE_H
#define SMMUMAN_TESTS_NVME_FAKE_H

#include <stdint.h>

#include "nvme.h"

#define NVME_FAKE_MEMORIES 64u
#define NVME_FAKE_CAP (63ull | 1ull << 24 | 1ull << 37) /* 64 entries, 500 ms, NVM commands */

/* What the controller is asked to do wrong, at the completion number lie_at. */
enum nvme_lie { TRUE, WRONG_QUEUE, WRONG_HEAD, WRONG_ID, IDLE_ID, TWICE, FATAL, STATUS };

struct nvme_fake {
	void *memory[NVME_FAKE_MEMORIES];
	uint64_t length[NVME_FAKE_MEMORIES];
	struct smmu_grant grants[NVME_FAKE_MEMORIES];
	unsigned memories, grant_count, maps, unmaps;
	uint32_t write_only;

	uint64_t cap, bar_bytes;
	uint32_t cc, csts, csts_enabled; /* what CSTS becomes when it is enabled */
	uint64_t asq, acq, sq[2], cq[2];
	uint32_t entries[2], head[2], tail[2], phase[2];
	uint8_t controller[IDENTIFY_BYTES], name_space[IDENTIFY_BYTES];
	enum nvme_lie lie;
	uint32_t lie_at, completions;
	unsigned reach_failures; /* accesses outside the grants */
};

extern struct nvme_fake fake;

/* A good one: 1000 blocks of 512 bytes, 32 KiB a command. For cmocka's setup. */
int nvme_fake_setup(void **state);

void nvme_fake_put32(uint8_t *page, size_t offset, uint32_t value);

#endif
