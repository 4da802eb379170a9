// SPDX-License-Identifier: BSD-2-Clause
/* QEMU's Arm `virt` with its SMMUv3, and the table of all machines. */
#include "machine.h"

#include <string.h>

#include "bits.h"
#include "fdt_edit.h"

/* The processor never starts: the machine is all devices. */
static const char *const virt_args[] = {
	"-M", "virt,iommu=smmuv3,gic-version=3",
	"-cpu", "cortex-a57,start-powered-off=on",
	NULL,
};

const struct board_machine machine_virt = {
	.name = "virt",
	.qemu = "qemu-system-aarch64",
	.ram_base = UINT64_C(0x40000000),
	.args = virt_args,
	.learn = fdt_edit_learn,
	.add_platform = fdt_edit_add_platform,
};

static const struct board_machine *const machine_table[] = { &machine_virt };

const struct board_machine *machine_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(machine_table); i++)
		if (strcmp(machine_table[i]->name, name) == 0)
			return machine_table[i];
	return NULL;
}
