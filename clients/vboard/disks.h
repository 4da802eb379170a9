/* SPDX-License-Identifier: BSD-2-Clause */
/* Disks for devices to keep their data on: memory, gone with the board. */
#ifndef SMMUMAN_VBOARD_DISKS_H
#define SMMUMAN_VBOARD_DISKS_H

#include <stdint.h>

#include "error.h"

#define DISKS_MAX 24u

struct disks {
	int fds[DISKS_MAX];
	unsigned count;
};

/* count disks of size bytes, all zeroes. 0 or -errno with a sentence. */
int disks_init(struct disks *disks, unsigned count, uint64_t size, struct error *err);
void disks_fini(struct disks *disks);

#endif
