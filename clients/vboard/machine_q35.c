// SPDX-License-Identifier: BSD-2-Clause
/*
 * QEMU's PC with the Q35 chipset. No firmware runs: what one would have done
 * for DMA is done here. Q35 datasheet (316966), 5.1: PCIEXBAR.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arith.h"
#include "fw_cfg.h"
#include "machine.h"
#include "scoped.h"
#include "table_loader.h"
#include "types.h"

#define MIB (UINT64_C(1) << 20)
#define BIOS_BYTES 0x10000u
#define RESET_VECTOR 0xfff0u /* of the image: its last 16 bytes */

/* QEMU has RAM below this, all of it when there is less than so much. */
#define HOLE_BASE UINT64_C(0xb0000000)
#define ECAM_BYTES UINT64_C(0x10000000) /* 256 buses */
#define BAR_BASE (HOLE_BASE + ECAM_BYTES)
#define BAR_END UINT64_C(0xfec00000) /* the I/O APIC is the first of what never moves */
#define VTD_BASE UINT64_C(0xfed90000)
#define VTD_BYTES UINT64_C(0x1000)

#define PORT_CONFIG_ADDRESS 0xcf8u
#define PORT_CONFIG_DATA 0xcfcu
#define   CONFIG_ENABLE 0x80000000u /* bus 0, device 0, function 0 */
#define PCIEXBAR 0x60u
#define   PCIEXBAR_ENABLE 0x1u /* bits 2:1 zero: 256 MiB */

/* Below 1 MiB not all is memory to a device. */
#define TABLES_OFFSET MIB
#define TABLES_BYTES MIB
#define SCRATCH_OFFSET (2 * MIB)
#define SCRATCH_BYTES MIB

/* The processor never runs: nothing of a firmware for its APIC is wanted. */
static const char *const q35_args[] = {
	/* Time jumps to the next timer: with a chip that ticks for ever it would never rest. */
	"-M", "q35,pit=off",
	"-global", "apic-common.vapic=off",
	NULL,
};

static int q35_open_bios(void)
{
	static const uint8_t park[] = { 0xfa /* cli */, 0xf4 /* hlt */, 0xeb, 0xfd /* jmp hlt */ };
	scoped_fd fd = memfd_create("halt-bios", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, BIOS_BYTES) != 0)
		return -errno;
	if (pwrite(fd, park, sizeof(park), RESET_VECTOR) != sizeof(park))
		return -EIO;
	return take_fd(&fd);
}

/* Register of the host bridge. */
static int write_host_bridge(struct qtest *qtest, uint32_t offset, uint32_t value,
			     struct error *err)
{
	int status = qtest_out(qtest, PORT_CONFIG_ADDRESS, 4, CONFIG_ENABLE | offset, err);

	return status ? status : qtest_out(qtest, PORT_CONFIG_DATA, 4, value, err);
}

static int q35_learn(struct qtest *qtest, void *ram, uint64_t ram_size,
		     enum machine_iommu iommu, struct board_layout *ret_layout,
		     struct error *err)
{
	int status;

	(void)ram;
	(void)ram_size;
	*ret_layout = (struct board_layout){
		.ecam = { HOLE_BASE, ECAM_BYTES },
		.low_mmio = { BAR_BASE, BAR_END - BAR_BASE },
		.mmio = { { BAR_BASE, BAR_END - BAR_BASE } },
		.mmio_count = 1,
	};
	if (iommu == MACHINE_IOMMU_NATIVE)
		ret_layout->units[ret_layout->unit_count++] = (struct range){ VTD_BASE, VTD_BYTES };
	status = write_host_bridge(qtest, PCIEXBAR + 4, (uint32_t)(HOLE_BASE >> 32), err);
	if (status)
		return status;
	return write_host_bridge(qtest, PCIEXBAR, (uint32_t)HOLE_BASE | PCIEXBAR_ENABLE, err);
}

static int load_tables(struct fw_cfg *fw_cfg, const struct loader_memory *memory,
		       uint64_t *ret_used, struct error *err)
{
	scoped_free uint8_t *script = NULL;
	uint32_t size;
	int status = fw_cfg_find(fw_cfg, "etc/table-loader", &size, err);

	if (status)
		return status;
	if (size > SCRATCH_BYTES)
		return error_set(err, -ENOSPC, "QEMU's table loader is too long");
	script = malloc(size);
	if (!script)
		return error_set(err, -ENOMEM, "no memory for QEMU's table loader");
	status = fw_cfg_load(fw_cfg, "etc/table-loader", script, size, err);
	if (status)
		return status;
	return table_loader_run(script, size, "etc/acpi/rsdp", &fw_cfg->source, memory, ret_used,
				err);
}

/* QEMU writes bus numbers and the place of ECAM into the tables when first read. */
static int q35_describe(struct qtest *qtest, void *ram, uint64_t ram_size,
			struct board_layout *layout, struct error *err)
{
	struct loader_memory memory = { .bytes = (uint8_t *)ram + TABLES_OFFSET,
					.pa = TABLES_OFFSET, .size = TABLES_BYTES };
	uint8_t *scratch = (uint8_t *)ram + SCRATCH_OFFSET;
	struct fw_cfg fw_cfg;
	uint64_t used = 0;
	int status;

	if (!range_within(SCRATCH_OFFSET, SCRATCH_BYTES, 0, ram_size))
		return error_set(err, -ENOSPC, "RAM part 0 is too small for the machine's tables");
	status = fw_cfg_init(&fw_cfg, qtest, scratch, SCRATCH_OFFSET, SCRATCH_BYTES, err);
	if (!status)
		status = load_tables(&fw_cfg, &memory, &used, err);
	memset(scratch, 0, SCRATCH_BYTES);
	layout->description = BOARD_ACPI;
	layout->description_offset = TABLES_OFFSET;
	layout->description_size = align_up(used, PAGE_BYTES);
	return status;
}

const struct board_machine machine_q35 = {
	.name = "q35",
	.qemu = "qemu-system-x86_64",
	.qemu_env = "QEMU_X86",
	.ram_base = 0,
	.ram_max = HOLE_BASE - MIB,
	.args = q35_args,
	.native_device = "intel-iommu,intremap=off,aw-bits=48",
	.open_bios = q35_open_bios,
	.learn = q35_learn,
	.describe = q35_describe,
};
