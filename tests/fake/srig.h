/* SPDX-License-Identifier: BSD-2-Clause */
/* A probed SMMUv3 on the fake, for tests: build it, take it over, ask it. */
#ifndef SMMUMAN_TESTS_SRIG_H
#define SMMUMAN_TESTS_SRIG_H

#include "hw_fake.h"
#include "smmu_oracle.h"

#define SRIG_ARENA (UINT64_C(16) << 20)
#define SRIG_FAULTS 64u
/* A client's memory: outside the arena, never touched. */
#define SRIG_MEMORY UINT64_C(0x80000000)

struct srig {
	struct hw_fake fake;
	struct drv_unit *unit;
	const struct drv_ops *ops;
	struct drv_options options;
	struct error err;
	struct drv_fault faults[SRIG_FAULTS]; /* the first ones */
	uint64_t fault_count, loss_count, loss_sequence;
	const char *loss_why;
};

/* The fake alone; change its identity or the options, then srig_probe(). */
void srig_init(struct srig *rig);
void srig_probe(struct srig *rig);
void srig_fini(struct srig *rig);

/* srig_init(), IDR0, srig_probe(), take-over with one stream in DENY (8). */
#define SRIG_STREAM 8u
void srig_start(struct srig *rig, uint32_t idr0);

/* Takes over with these streams; must succeed. */
void srig_takeover(struct srig *rig, const struct drv_stream_init *init, uint32_t count);

struct drv_space *srig_space(struct srig *rig);

/* Maps length bytes of one run of memory read-write; must succeed. */
void srig_map(struct srig *rig, struct drv_space *space, uint64_t iova, uint64_t length);

/* set_stream(), submit() and completed() until it is; must succeed. */
void srig_set(struct srig *rig, uint32_t stream, enum drv_stream_state state,
	     struct drv_space *space);

/* completed() until ticket is reached; fails the test after 100 looks. */
void srig_wait(struct srig *rig, uint64_t ticket);

/* drain_faults() once, into faults. */
bool srig_drain(struct srig *rig, unsigned budget);

#endif
