/* SPDX-License-Identifier: BSD-2-Clause */
/* A whole board: RAM, QEMU, and what firmware would have done. */
#ifndef SMMUMAN_VBOARD_BOARD_UP_H
#define SMMUMAN_VBOARD_BOARD_UP_H

#include "disks.h"
#include "error.h"
#include "machine.h"
#include "parts.h"
#include "qemu.h"
#include "qmp.h"
#include "qtest.h"

struct board_options {
	const char *socket;
	const struct board_machine *machine;
	const char *qemu;	    /* NULL: the machine's */
	enum machine_iommu iommu;
	const char *iommu_options;  /* of QEMU's -device; or NULL */
	unsigned edu, platform_edu, nvme; /* how many of each */
	uint64_t nvme_size;
	unsigned parts;		    /* lendable */
	uint64_t part_size, owner_size;
	bool realtime;
	int ready_fd; /* or -1 */
	unsigned deadline_s;
	char *const *extra; /* for QEMU */
};

struct board {
	struct parts parts;
	struct disks disks;
	struct qemu qemu;
	struct qtest qtest;
	struct qmp qmp;
	struct board_layout layout;
};

/* 0, or -errno with a sentence and nothing left behind. */
int board_up(struct board *board, const struct board_options *options, struct error *err);
void board_down(struct board *board);

#endif
