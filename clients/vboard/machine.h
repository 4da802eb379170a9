/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine QEMU can be, as far as the board must know it. One row a machine
 * in machine_table; the rest of the program knows no machine by name.
 */
#ifndef SMMUMAN_VBOARD_MACHINE_H
#define SMMUMAN_VBOARD_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct range {
	uint64_t base, length;
};

#define LAYOUT_MMIO_MAX 4
#define LAYOUT_UNITS_MAX 4

/* Where things are, as the machine's own description tells. */
struct board_layout {
	struct range units[LAYOUT_UNITS_MAX]; /* register windows of the IOMMUs */
	unsigned unit_count;
	struct range ecam;
	struct range mmio[LAYOUT_MMIO_MAX]; /* what BARs may be placed in */
	unsigned mmio_count;
	struct range low_mmio; /* the one below 4 GiB */
	uint64_t description_size; /* of the device tree in part 0, in whole pages */
};

/* A DMA device that is to look like a platform device. */
struct platform_device {
	const char *compatible;
	struct range registers;
	uint16_t requester; /* its PCI requester id, which is its stream id */
};

struct board_machine {
	const char *name;
	const char *qemu;	 /* the program, found by PATH */
	uint64_t ram_base;
	const char *const *args; /* QEMU's, up to NULL */
	/* Reads the description QEMU left at ram; every word of it is checked. */
	int (*learn)(const void *ram, uint64_t ram_size, struct board_layout *ret_layout,
		     struct error *err);
	/* Adds the device to the description and takes it out of PCI's streams. */
	int (*add_platform)(void *ram, uint64_t ram_size, const struct platform_device *device,
			    struct error *err);
};

extern const struct board_machine machine_virt;

/* NULL when there is no such machine; names gets the known ones. */
const struct board_machine *machine_find(const char *name);

#endif
