/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A probed VT-d unit on the fake, for tests: build it, take it over, ask it; and
 * what such a unit may remember (contexts and translations, as legacy and
 * scalable mode tag them), so that a missing invalidation shows in the data.
 */
#ifndef SMMUMAN_TESTS_VTDRIG_H
#define SMMUMAN_TESTS_VTDRIG_H

#include "vtd_fake.h"

#define VTDRIG_ARENA (UINT64_C(16) << 20)
#define VTDRIG_FAULTS 64u
/* A client's memory: outside the arena, never touched. */
#define VTDRIG_MEMORY UINT64_C(0x80000000)
#define VTDRIG_STREAM 0x10u
#define VTDRIG_CACHED 64u

struct vtdrig {
	struct vtd_fake fake;
	struct drv_unit *unit;
	const struct drv_ops *ops;
	struct drv_options options;
	struct error err;
	struct drv_fault faults[VTDRIG_FAULTS]; /* the first ones */
	uint64_t fault_count, loss_count, loss_sequence;
	const char *loss_why;
	/* What the unit remembers, once vtdrig_access() has been used. */
	struct vtdrig_context {
		bool is_valid;
		uint16_t stream;
		struct vtd_oracle entry; /* of any verdict: caching mode keeps absence */
	} contexts[VTDRIG_CACHED];
	struct vtdrig_translation {
		bool is_valid, is_first_level;
		uint16_t domain;
		uint64_t page, pa;
		unsigned rights; /* 0: nothing is mapped there (caching mode) */
	} translations[VTDRIG_CACHED];
};

/* The kinds of unit that tests run on, and what each one's registers say. */
struct vtdrig_kind {
	const char *name;
	uint64_t cap, ecap;
	enum drv_mode mode;
};
extern const struct vtdrig_kind vtdrig_kinds[];
extern const unsigned vtdrig_kind_count;
#define VTDRIG_LEGACY 0u
#define VTDRIG_CACHING 2u
#define VTDRIG_REGISTERS 3u
#define VTDRIG_SECOND 4u
#define VTDRIG_FIRST 5u

/* The fake alone; change its identity or the options, then vtdrig_probe(). */
void vtdrig_init(struct vtdrig *rig);
void vtdrig_init_kind(struct vtdrig *rig, const struct vtdrig_kind *kind);
void vtdrig_probe(struct vtdrig *rig);
void vtdrig_fini(struct vtdrig *rig);

/* Another process probes the unit: it knows nothing of which pages are in use. */
void vtdrig_new_process(struct vtdrig *rig);

/* vtdrig_init_kind(), vtdrig_probe(), close, take-over with VTDRIG_STREAM in DENY. */
void vtdrig_start(struct vtdrig *rig, const struct vtdrig_kind *kind);

/* Takes over with these streams; must succeed. */
void vtdrig_takeover(struct vtdrig *rig, const struct drv_stream_init *init, uint32_t count);

struct drv_space *vtdrig_space(struct vtdrig *rig);

/* Maps length bytes of one run of memory read-write, and commits; must succeed. */
void vtdrig_map(struct vtdrig *rig, struct drv_space *space, uint64_t iova, uint64_t length);

/* set_stream(), submit() and completed() until it is; must succeed. */
void vtdrig_set(struct vtdrig *rig, uint32_t stream, enum drv_stream_state state,
		struct drv_space *space);

/* completed() until ticket is reached; fails the test after 100 looks. */
void vtdrig_wait(struct vtdrig *rig, uint64_t ticket);

/* drain_faults() once, into faults. */
bool vtdrig_drain(struct vtdrig *rig, unsigned budget);

/* What a device of the stream gets, from what the unit remembers or else from the tables. */
bool vtdrig_access(struct vtdrig *rig, uint16_t stream, uint64_t address, bool is_write);

/* The tables alone: verdict of a stream right now. */
struct vtd_oracle vtdrig_look(const struct vtdrig *rig, uint16_t stream);

#endif
