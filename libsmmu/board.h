/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual board's protocol, defined once: smmu-vboard serves it, the
 * daemon's board back end and libsmmu's register access speak it.
 *
 * Unix SOCK_SEQPACKET, one struct board_request a packet, one struct
 * board_reply an answer, strictly in turn; host byte order (both ends are on
 * one machine). A packet of any other size, an unknown op or a non-zero pad
 * ends that connection and no other.
 *
 * Three kinds of connection:
 * - owner: connected to the board's socket, said HELLO as owner. One at a time.
 *   Reaches the IOMMU registers and PCI configuration space by absolute
 *   address, gets every part of RAM by descriptor, opens device windows.
 * - control: connected to the board's socket, said HELLO as control. For tests
 *   and people: stops the clock, injects register faults.
 * - window: made by the owner's WINDOW_OPEN, handed on to a driver. Reaches one
 *   window of device registers, by offset from 0, and nothing else. The owner
 *   can cut it: then nobody who still holds the descriptor reaches anything.
 */
#ifndef SMMUMAN_LIBSMMU_BOARD_H
#define SMMUMAN_LIBSMMU_BOARD_H

#include <stdint.h>

#define BOARD_VERSION 2u
#define BOARD_PARTS_MAX 16u
#define BOARD_ENV "SMMU_BOARD" /* where smmuman looks for a board's socket */

enum board_op {
	BOARD_HELLO = 1,     /* value: enum board_role. Owner: reply struct board_hello */
	BOARD_READ,	     /* address, size 1 2 4 8 -> value */
	BOARD_WRITE,	     /* address, size, value */
	BOARD_WINDOW_OPEN,   /* owner: address, length -> value: window id, 1 fd */
	BOARD_WINDOW_CLOSE,  /* owner: value: window id; the connection is cut */
	BOARD_CLOCK_STOP,    /* control: devices' virtual time stands still */
	BOARD_CLOCK_RUN,     /* control */
	BOARD_OVERRIDE_READ, /* control: reads of address (size 4 or 8) answer value */
	BOARD_OVERRIDE_DROP, /* control: writes to address (size 4 or 8) are swallowed */
	BOARD_OVERRIDE_CLEAR, /* control: all overrides and drops are gone */
	BOARD_COUNT_WRITES,  /* control: how often address was written -> value */
};

enum board_role { BOARD_ROLE_OWNER = 1, BOARD_ROLE_CONTROL = 2 };

struct board_request {
	uint32_t op;
	uint32_t size;
	uint64_t address;
	uint64_t length;
	uint64_t value;
};

struct board_reply {
	int32_t status; /* 0 or a negative errno: -EPERM outside the window, -EBUSY second owner */
	uint32_t zero;
	uint64_t value;
};

enum board_description { BOARD_DEVICE_TREE = 1, BOARD_ACPI = 2 };

/* The owner's HELLO is answered with this instead, and part_count descriptors. */
struct board_hello {
	int32_t status;
	uint32_t version;
	uint32_t part_count;
	uint32_t description; /* enum board_description */
	/*
	 * The part of part 0 which the machine's firmware keeps: the arena begins
	 * behind it. A device tree begins at its offset; of ACPI tables, all of which
	 * it holds, the RSDP does.
	 */
	uint64_t firmware_offset, firmware_size;
	struct board_part {
		uint64_t pa, size; /* part 0 is the owner's own; the others are to be lent */
	} parts[BOARD_PARTS_MAX];
};

#endif
