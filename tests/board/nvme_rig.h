/* SPDX-License-Identifier: BSD-2-Clause */
/* clients/nvme in this process, on a board whose slot 2 has an NVMe controller. */
#ifndef SMMUMAN_TESTS_NVME_RIG_H
#define SMMUMAN_TESTS_NVME_RIG_H

#include "nvme.h"
#include "rig.h"

#define DISK "pci:0000:00:02.0"
#define DISK_MIB 64u
#define MIB (1024u * 1024u)

/* Board, daemon and a policy for DISK. board: what smmu-vboard is told, up to NULL. */
struct rig *nvme_start(const struct variant *variant, const char *const *board);
int nvme_stop(void **state);

/* run() on each kind of board, whose row is in *variant meanwhile; how many failed. */
int nvme_run_tests(const struct variant **variant, int (*run)(const char *name));

/* Asserts success, else fails with the driver's sentence. */
void nvme_ok(struct nvme *nvme, int rc);

void nvme_up(struct nvme *nvme, struct rig *rig);
void nvme_down(struct nvme *nvme);

/* Records of refused accesses since it was last asked. */
unsigned nvme_fault_count(struct nvme *nvme);

void nvme_make(struct nvme *nvme, size_t bytes, enum nvme_mode mode, struct nvme_memory *memory);
void nvme_drop(struct nvme *nvme, struct nvme_memory *memory);
void nvme_set(const struct nvme_memory *memory, uint64_t offset, uint64_t length, uint8_t byte);
bool nvme_holds(const struct nvme_memory *memory, uint64_t offset, uint64_t length, uint8_t byte);

#endif
