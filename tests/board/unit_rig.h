/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A unit driven by its module in this process, on QEMU's model of it, with no
 * daemon between: two edu devices that transfer, memory of our own to look
 * at, and the unit's fault records. What goes wrong fails the test.
 */
#ifndef SMMUMAN_TESTS_UNIT_RIG_H
#define SMMUMAN_TESTS_UNIT_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "driver.h"
#include "harness.h"
#include "hw_board_test.h"

#define UNIT_RIG_SLOT 2u /* of the first edu; the other is in the next */
#define UNIT_RIG_STREAM (UNIT_RIG_SLOT << 3) /* requester id of function 0 */
#define UNIT_RIG_OTHER_STREAM ((UNIT_RIG_SLOT + 1) << 3)
#define UNIT_RIG_PAGE UINT64_C(4096)
#define UNIT_RIG_FAULTS 4096u

struct unit_rig {
	struct board_fixture board;
	struct board_owner owner;
	struct hw_board_test hw;
	struct drv_unit *unit;
	const struct drv_ops *ops;
	struct drv_space *space; /* what a stream is bound to and map() fills */
	struct error err;
	int edu, other_edu;
	uint8_t *memory; /* part 1 */
	uint64_t pa, bytes; /* of it */
	struct drv_fault faults[UNIT_RIG_FAULTS]; /* of the last drain */
	unsigned fault_count, loss_count;
};

/* Board, unit taken over with UNIT_RIG_STREAM denied, one space, nothing bound. */
void unit_rig_start(struct unit_rig *rig, const struct drv_options *options);
void unit_rig_stop(struct unit_rig *rig);

/* Does this QEMU's unit take the options? If not, says so with name. Starts a board to see. */
bool unit_rig_can(const struct drv_options *options, const char *name);

/* The steps of unit_rig_start(), for a second owner. */
int unit_rig_probe(struct unit_rig *rig, const struct drv_options *options);
void unit_rig_take_over(struct unit_rig *rig, const struct drv_stream_init *init, uint32_t count);

/* Submits, and returns once the unit has completed it. */
void unit_rig_wait(struct unit_rig *rig, struct drv_gather *gather);
/* A change of a stream (DRV_BOUND: to rig->space), completed. */
void unit_rig_set_stream(struct unit_rig *rig, uint32_t stream, enum drv_stream_state to);
/* Offset is into the memory. */
void unit_rig_map(struct unit_rig *rig, uint64_t iova, uint64_t offset, uint64_t length,
		  unsigned rights);
/* Completed when it returns. */
void unit_rig_unmap(struct unit_rig *rig, uint64_t iova, uint64_t length);

/* The first edu copies into its own buffer, or out of it, and is idle again. */
void unit_rig_to_device(struct unit_rig *rig, uint64_t iova, uint32_t length);
void unit_rig_from_device(struct unit_rig *rig, uint64_t iova, uint32_t length);
/* Its buffer holds byte, through a mapping that is gone again; its stream is left bound. */
void unit_rig_fill_device(struct unit_rig *rig, uint8_t byte, uint32_t length);
/* Are all length bytes of the memory from offset equal to byte? */
bool unit_rig_holds(const struct unit_rig *rig, uint64_t offset, uint64_t length, uint8_t byte);

/* Reads the unit's records into rig->faults; losses add up. */
void unit_rig_drain_faults(struct unit_rig *rig);
/* count faults in a row of one access of UNIT_RIG_STREAM, four bytes each, from address on. */
void unit_rig_assert_faults(struct unit_rig *rig, unsigned count, enum drv_fault_kind kind,
			    unsigned access, uint64_t address);
/* None, no loss, and the unit's own audit finds nothing. */
void unit_rig_assert_no_faults(struct unit_rig *rig);

#endif
