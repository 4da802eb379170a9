// SPDX-License-Identifier: BSD-2-Clause
/* QEMU's Arm `virt`, and the table of all machines. */
#include "machine.h"

#include <string.h>

#include "bits.h"
#include "fdt_edit.h"

/* The processor never starts: the machine is all devices. */
static const char *const virt_args[] = {
	"-M", "virt,gic-version=3",
	"-cpu", "cortex-a57,start-powered-off=on",
	NULL,
};

static int virt_learn(struct qtest *qtest, void *ram, uint64_t ram_size,
		      enum machine_iommu iommu, struct board_layout *ret_layout,
		      struct error *err)
{
	(void)qtest;
	(void)iommu;
	return fdt_edit_learn(ram, ram_size, ret_layout, err);
}

/* It has been there all the time; platform devices made it grow. */
static int virt_describe(struct qtest *qtest, void *ram, uint64_t ram_size,
			 struct board_layout *layout, struct error *err)
{
	struct board_layout now;
	int status;

	(void)qtest;
	status = fdt_edit_learn(ram, ram_size, &now, err);
	if (status)
		return status;
	layout->description = BOARD_DEVICE_TREE;
	layout->description_offset = 0;
	layout->description_size = now.description_size;
	return 0;
}

const struct board_machine machine_virt = {
	.name = "virt",
	.qemu = "qemu-system-aarch64",
	.qemu_env = "QEMU",
	.ram_base = UINT64_C(0x40000000),
	.args = virt_args,
	.native_option = "iommu=smmuv3",
	.learn = virt_learn,
	.add_platform = fdt_edit_add_platform,
	.describe = virt_describe,
};

static const struct board_machine *const machine_table[] = { &machine_virt, &machine_q35 };

const struct board_machine *machine_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(machine_table); i++)
		if (strcmp(machine_table[i]->name, name) == 0)
			return machine_table[i];
	return NULL;
}
