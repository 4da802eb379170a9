/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fake unit's module with what its hardware does not have: interrupt messages
 * that pass unchecked, reserved addresses, and mappings that are only queued until
 * commit(); and devices whose memory firmware has already chosen. Kept in memory that
 * is shared with the daemon's process; without a twist the module is as it is. What the
 * contract forbids the daemon ends the daemon.
 */
#ifndef SMMUMAN_TESTS_TWIST_H
#define SMMUMAN_TESTS_TWIST_H

#include <stdbool.h>
#include <stdint.h>

#include "driver.h"
#include "topology.h"

#define TWIST_RESERVED_MAX 64u

struct twist {
	bool has_commit, unsafe_interrupts;
	struct { uint32_t stream; struct drv_reserved range; } reserved[TWIST_RESERVED_MAX];
	uint32_t reserved_count;
	uint32_t fail_commit; /* this one fails, counted from 1; 0: none */
	uint32_t fail_map;    /* likewise */
	bool fail_closes;     /* and closes the unit */
	uint32_t fail_bind;   /* this binding of a stream fails */
	uint32_t commits, maps, binds, queued; /* queued: of all spaces, right now */
	uint32_t reserved_asked;	       /* how often reserved() was called */
	/* What firmware has devices use, which the fake's description cannot say. */
	struct topology_reserved firmware[4];
	uint32_t firmware_count;
};

#define TWIST_SENTENCE "the host has no room for another mapping"

/* In this process and those forked from it; NULL: none. */
void twist_use(struct twist *twist);

#endif
