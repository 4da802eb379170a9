// SPDX-License-Identifier: BSD-2-Clause
#include "board_up.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pci_setup.h"
#include "scoped.h"

#define VIRTIO_IOMMU_IDENTITY 0x10571af4u /* device 23 of virtio 1.2 as a PCI function */

static int connect_qemu(struct board *board, const struct board_options *options,
			struct error *err)
{
	int status = qtest_init(&board->qtest, board->qemu.qtest_fd, options->deadline_s);

	if (status)
		return error_set(err, status, "a deadline for QEMU: %s", strerror(-status));
	return qmp_init(&board->qmp, board->qemu.qmp_fd, options->deadline_s, err);
}

static int add_platform(struct board *board, const struct board_options *options, unsigned slot,
			struct error *err)
{
	const struct part *ram = &board->parts.list[0];
	struct platform_device device = { .compatible = "edu", .requester = (uint16_t)(slot << 3) };
	int status;

	status = pci_setup_find_bar(&board->qtest, &board->layout, slot, &device.registers, err);
	if (status)
		return status;
	status = options->machine->add_platform(board->parts.owner, ram->size, &device, err);
	if (status)
		return status;
	return pci_setup_enable_master(&board->qtest, &board->layout, slot, err);
}

/* The part of a machine's firmware, as far as DMA needs it. */
static int firmware(struct board *board, const struct board_options *options, struct error *err)
{
	const struct board_machine *machine = options->machine;
	uint8_t *ram = board->parts.owner;
	uint64_t size = board->parts.list[0].size;
	unsigned i;
	int status;

	status = machine->learn(&board->qtest, ram, size, options->iommu, &board->layout, err);
	if (!status)
		status = pci_setup_all(&board->qtest, &board->layout, err);
	if (!status && options->iommu == MACHINE_IOMMU_VIRTIO)
		status = pci_setup_add_unit(&board->qtest, &board->layout, QEMU_IOMMU_SLOT,
					    VIRTIO_IOMMU_IDENTITY, err);
	for (i = 0; !status && i < options->platform_edu; i++)
		status = add_platform(board, options, QEMU_FIRST_SLOT + options->edu + i, err);
	return status ? status :
			machine->describe(&board->qtest, ram, size, &board->layout, err);
}

/* Which QEMU: what the command line says, what the environment says, what is there. */
static const char *program_of(const struct board_options *options)
{
	const char *named = getenv(options->machine->qemu_env);

	if (options->qemu)
		return options->qemu;
	return named ? named : options->machine->qemu;
}

static int start_qemu(struct board *board, const struct board_options *options, struct error *err)
{
	struct qemu_options qemu = {
		.program = program_of(options),
		.machine = options->machine,
		.iommu = options->iommu,
		.iommu_options = options->iommu_options,
		.edu_count = options->edu + options->platform_edu,
		.disks = &board->disks,
		.realtime = options->realtime,
		.extra = options->extra,
	};
	scoped_fd bios = options->machine->open_bios ? options->machine->open_bios() : -1;

	if (options->machine->open_bios && bios < 0)
		return error_set(err, bios, "memory for a ROM image: %s", strerror(-bios));
	qemu.bios_fd = bios;
	return qemu_start(&board->qemu, &qemu, &board->parts, err);
}

int board_up(struct board *board, const struct board_options *options, struct error *err)
{
	int status;

	memset(board, 0, sizeof(*board));
	status = parts_init(&board->parts, options->machine->ram_base, options->owner_size,
			    options->parts, options->part_size, err);
	if (status)
		return status;
	status = disks_init(&board->disks, options->nvme, options->nvme_size, err);
	if (status)
		goto undo_parts;
	status = start_qemu(board, options, err);
	if (status)
		goto undo_disks;
	status = connect_qemu(board, options, err);
	if (status)
		goto undo_qemu;
	status = firmware(board, options, err);
	if (status)
		goto undo_qemu;
	return 0;

undo_qemu:
	qemu_say_last_words(&board->qemu);
	qemu_stop(&board->qemu);
undo_disks:
	disks_fini(&board->disks);
undo_parts:
	parts_fini(&board->parts);
	return status;
}

void board_down(struct board *board)
{
	qemu_stop(&board->qemu);
	disks_fini(&board->disks);
	parts_fini(&board->parts);
}
