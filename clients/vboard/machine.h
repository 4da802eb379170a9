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

#include "board.h"
#include "error.h"
#include "qtest.h"

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
	/* What the firmware keeps of part 0, in whole pages; see struct board_hello. */
	enum board_description description;
	uint64_t description_offset, description_size;
};

enum machine_iommu { MACHINE_IOMMU_NATIVE, MACHINE_IOMMU_VIRTIO };

/* A DMA device that is to look like a platform device. */
struct platform_device {
	const char *compatible;
	struct range registers;
	uint16_t requester; /* its PCI requester id, which is its stream id */
};

struct board_machine {
	const char *name;
	const char *qemu;	 /* the program, found by PATH */
	const char *qemu_env;	 /* the variable that may name another */
	uint64_t ram_base;
	uint64_t ram_max;	 /* of all parts; 0: no matter */
	const char *const *args; /* QEMU's, up to NULL */
	/* Its own IOMMU, as a word of -M and as a -device; NULL: not that way. */
	const char *native_option, *native_device;

	/* A descriptor of the ROM image that parks the processor, or -errno. NULL: none needed. */
	int (*open_bios)(void);
	/*
	 * Finds IOMMUs, configuration space and windows, or puts them in place; every
	 * word that QEMU left in memory is checked.
	 */
	int (*learn)(struct qtest *qtest, void *ram, uint64_t ram_size,
		     enum machine_iommu iommu, struct board_layout *ret_layout,
		     struct error *err);
	/* Adds the device to the description and takes it out of PCI's streams. NULL: cannot. */
	int (*add_platform)(void *ram, uint64_t ram_size, const struct platform_device *device,
			    struct error *err);
	/* PCI is set up: makes the description what the owner is told, and places it. */
	int (*describe)(struct qtest *qtest, void *ram, uint64_t ram_size,
			struct board_layout *layout, struct error *err);
};

extern const struct board_machine machine_virt, machine_q35;

/* NULL when there is no such machine. */
const struct board_machine *machine_find(const char *name);

#endif
