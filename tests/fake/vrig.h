/* SPDX-License-Identifier: BSD-2-Clause */
/* A probed virtio-iommu on the fake, for tests: build it, take it over, ask it. */
#ifndef SMMUMAN_TESTS_VRIG_H
#define SMMUMAN_TESTS_VRIG_H

#include "virtio_fake.h"

#define VRIG_ARENA (UINT64_C(1) << 20)
#define VRIG_FAULTS 64u
/* A client's memory: outside the arena, never touched. */
#define VRIG_MEMORY UINT64_C(0x80000000)
#define VRIG_STREAM 8u
#define VRIG_OTHER 16u
#define VRIG_PAGE UINT64_C(4096)

struct vrig {
	struct virtio_fake fake;
	struct drv_unit *unit;
	const struct drv_ops *ops;
	struct drv_options options;
	struct error err;
	struct drv_fault faults[VRIG_FAULTS]; /* the first ones */
	uint64_t fault_count, loss_count, loss_sequence;
	const char *loss_why;
};

/* The fake alone; change it or the options, then vrig_probe(). */
void vrig_init(struct vrig *rig, bool is_pci);
/* 0, or what probe() said, with rig->err. */
int vrig_try_probe(struct vrig *rig);
void vrig_probe(struct vrig *rig);
void vrig_fini(struct vrig *rig);

/* vrig_init(), vrig_probe(), take-over with VRIG_STREAM and VRIG_OTHER in DENY. */
void vrig_start(struct vrig *rig, bool is_pci);

/* Takes over with these streams; must succeed. */
void vrig_takeover(struct vrig *rig, const struct drv_stream_init *init, uint32_t count);

struct drv_space *vrig_space(struct vrig *rig);

/* map() of length bytes of one run of memory, read-write; not committed. */
int vrig_try_map(struct vrig *rig, struct drv_space *space, uint64_t iova, uint64_t length);
/* The same and commit(); both must succeed. */
void vrig_map(struct vrig *rig, struct drv_space *space, uint64_t iova, uint64_t length);
/* unmap(), submit(), and completed() until it is. */
void vrig_unmap(struct vrig *rig, struct drv_space *space, uint64_t iova, uint64_t length);

/* set_stream(), submit() and completed() until it is; must succeed. */
void vrig_set(struct vrig *rig, uint32_t stream, enum drv_stream_state state,
	      struct drv_space *space);

/* completed() until ticket is reached; fails the test after 100 looks. */
void vrig_wait(struct vrig *rig, uint64_t ticket);

/* drain_faults() once, into faults. */
bool vrig_drain(struct vrig *rig, unsigned budget);

/* Does an access to read and write land at pa? */
bool vrig_lands(struct vrig *rig, uint32_t stream, uint64_t iova, uint64_t pa);
/* Does any access land anywhere? */
bool vrig_reaches(struct vrig *rig, uint32_t stream, uint64_t iova);

#endif
