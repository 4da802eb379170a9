// SPDX-License-Identifier: BSD-2-Clause
#include "board_up.h"

#include <errno.h>
#include <string.h>

#include "pci_setup.h"

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
	const struct part *ram = &board->parts.list[0];
	unsigned i;
	int status;

	status = options->machine->learn(board->parts.owner, ram->size, &board->layout, err);
	if (status)
		return status;
	status = pci_setup_bus(&board->qtest, &board->layout, err);
	if (status)
		return status;
	for (i = 0; i < options->platform_edu; i++) {
		status = add_platform(board, options, QEMU_FIRST_SLOT + options->edu + i, err);
		if (status)
			return status;
	}
	return options->machine->learn(board->parts.owner, ram->size, &board->layout, err);
}

int board_up(struct board *board, const struct board_options *options, struct error *err)
{
	struct qemu_options qemu = {
		.program = options->qemu ? options->qemu : options->machine->qemu,
		.machine = options->machine,
		.edu_count = options->edu + options->platform_edu,
		.realtime = options->realtime,
		.extra = options->extra,
	};
	int status;

	memset(board, 0, sizeof(*board));
	status = parts_init(&board->parts, options->machine->ram_base, options->owner_size,
			    options->parts, options->part_size, err);
	if (status)
		return status;
	status = qemu_start(&board->qemu, &qemu, &board->parts, err);
	if (status)
		goto undo_parts;
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
undo_parts:
	parts_fini(&board->parts);
	return status;
}

void board_down(struct board *board)
{
	qemu_stop(&board->qemu);
	parts_fini(&board->parts);
}
