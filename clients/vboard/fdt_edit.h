/* SPDX-License-Identifier: BSD-2-Clause */
/* The device tree QEMU leaves at the start of RAM: read it, add to it. */
#ifndef SMMUMAN_VBOARD_FDT_EDIT_H
#define SMMUMAN_VBOARD_FDT_EDIT_H

#include <stdint.h>

#include "error.h"
#include "machine.h"

int fdt_edit_learn(const void *ram, uint64_t ram_size, struct board_layout *ret_layout,
		   struct error *err);
int fdt_edit_add_platform(void *ram, uint64_t ram_size, const struct platform_device *device,
			  struct error *err);

#endif
