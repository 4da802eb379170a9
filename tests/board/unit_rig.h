/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A unit driven by its module in this process, on QEMU's model of it, with no
 * daemon between: two edu devices that transfer, memory of our own to look
 * at, and the unit's fault records. The unit is found as the daemon finds it.
 * What goes wrong fails the test.
 */
#ifndef SMMUMAN_TESTS_UNIT_RIG_H
#define SMMUMAN_TESTS_UNIT_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "board_user.h"
#include "driver.h"
#include "harness.h"
#include "machine.h"
#include "pages.h"
#include "topology.h"
#include "variant.h"

#define UNIT_RIG_SLOT 2u /* of the first edu; the other is in the next */
#define UNIT_RIG_STREAM (UNIT_RIG_SLOT << 3) /* requester id of function 0 */
#define UNIT_RIG_OTHER_STREAM ((UNIT_RIG_SLOT + 1) << 3)
#define UNIT_RIG_PAGE UINT64_C(4096)
#define UNIT_RIG_FAULTS 4096u

struct unit_rig {
	const struct variant *variant;
	struct board_fixture board;
	struct machine *machine;
	struct topology topology;
	struct pages pages;
	struct drv_unit *unit;
	const struct drv_ops *ops;
	struct drv_space *space; /* what a stream is bound to and map() fills */
	struct error err;
	struct machine_window edu, other_edu;
	uint8_t *memory; /* a part of RAM that is nobody else's */
	uint64_t pa, bytes; /* of it */
	struct drv_fault faults[UNIT_RIG_FAULTS]; /* of the last drain */
	unsigned fault_count, loss_count;
};

/* Board, unit taken over with UNIT_RIG_STREAM denied, one space, nothing bound. */
void unit_rig_start(struct unit_rig *rig, const struct variant *variant);
void unit_rig_stop(struct unit_rig *rig);

/* The steps of unit_rig_start(), for tests that go their own way between them. */
void unit_rig_bring_up(struct unit_rig *rig, const struct variant *variant);
int unit_rig_probe(struct unit_rig *rig, const struct drv_options *options);
/* Commits nothing to pages in use: as a process that is new to the arena. */
void unit_rig_forget_pages(struct unit_rig *rig);
void unit_rig_take_over(struct unit_rig *rig, const struct drv_stream_init *init, uint32_t count);

/* The unit's registers, by offset. */
uint64_t unit_rig_read(struct unit_rig *rig, uint64_t offset, unsigned size);
void unit_rig_write(struct unit_rig *rig, uint64_t offset, unsigned size, uint64_t value);

/* Submits, and returns once the unit has completed it. */
void unit_rig_wait(struct unit_rig *rig, struct drv_gather *gather);
/* A change of a stream (DRV_BOUND: to rig->space), completed. */
void unit_rig_set_stream(struct unit_rig *rig, uint32_t stream, enum drv_stream_state to);
/* Offset is into the memory. Committed when it returns. */
void unit_rig_map(struct unit_rig *rig, uint64_t iova, uint64_t offset, uint64_t length,
		  unsigned rights);
/* Completed when it returns. */
void unit_rig_unmap(struct unit_rig *rig, uint64_t iova, uint64_t length);

/* The first edu copies into its own buffer, or out of it, and is idle again. */
void unit_rig_to_device(struct unit_rig *rig, uint64_t iova, uint32_t length);
void unit_rig_from_device(struct unit_rig *rig, uint64_t iova, uint32_t length);
/* So does the other one. */
void unit_rig_to_other(struct unit_rig *rig, uint64_t iova, uint32_t length);
void unit_rig_from_other(struct unit_rig *rig, uint64_t iova, uint32_t length);
/* Its buffer holds byte, through a mapping that is gone again; its stream is left bound. */
void unit_rig_fill_device(struct unit_rig *rig, uint8_t byte, uint32_t length);
/* Are all length bytes of the memory from offset equal to byte? */
bool unit_rig_holds(const struct unit_rig *rig, uint64_t offset, uint64_t length, uint8_t byte);

/* Reads the unit's records into rig->faults; losses add up. */
void unit_rig_drain_faults(struct unit_rig *rig);
/*
 * count faults in a row of one access of UNIT_RIG_STREAM, four bytes each, from
 * address on. A unit that merges faults has the first alone, and of it the page.
 */
void unit_rig_assert_faults(struct unit_rig *rig, unsigned count, enum drv_fault_kind kind,
			    unsigned access, uint64_t address);
/* None, no loss, and the unit's own audit finds nothing. */
void unit_rig_assert_no_faults(struct unit_rig *rig);

#endif
