// SPDX-License-Identifier: BSD-2-Clause
#include "unit_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

int unit_rig_probe(struct unit_rig *rig, const struct drv_options *options)
{
	const struct drv_found found = { "smmu0", "arm,smmu-v3", VIRT_SMMU, 0x20000 };

	return drv_find(&found)->probe(&rig->hw.hw, &found, options, &rig->unit, &rig->err);
}

static int open_edu(const struct unit_rig *rig, unsigned slot)
{
	uint64_t bar = pci_bar0(rig->owner.fd, slot);
	int edu;

	assert_int_equal(board_window_open(rig->owner.fd, bar, 0x100000, &edu, NULL), 0);
	pci_set_master(rig->owner.fd, slot, true);
	return edu;
}

static void bring_up(struct unit_rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	board_start(&rig->board, NULL);
	assert_int_equal(board_owner_init(&rig->owner, rig->board.socket), 0);
	hw_board_test_init(&rig->hw, &rig->owner);
	rig->edu = open_edu(rig, UNIT_RIG_SLOT);
	rig->other_edu = open_edu(rig, UNIT_RIG_SLOT + 1);
	rig->memory = rig->owner.parts[1];
	rig->pa = rig->owner.hello.parts[1].pa;
	rig->bytes = rig->owner.hello.parts[1].size;
}

void unit_rig_take_over(struct unit_rig *rig, const struct drv_stream_init *init, uint32_t count)
{
	int ret = rig->ops->takeover(rig->unit, init, count, &rig->err);

	if (ret)
		print_error("%s\n", rig->err.text);
	assert_int_equal(ret, 0);
}

void unit_rig_start(struct unit_rig *rig, const struct drv_options *options)
{
	const struct drv_stream_init init = { UNIT_RIG_STREAM, DRV_DENY, NULL };

	bring_up(rig);
	assert_int_equal(unit_rig_probe(rig, options), 0);
	rig->ops = rig->unit->ops;
	unit_rig_take_over(rig, &init, 1);
	assert_int_equal(rig->ops->space_create(rig->unit, 0, &rig->space, &rig->err), 0);
}

void unit_rig_stop(struct unit_rig *rig)
{
	if (rig->unit)
		rig->unit->ops->forget(rig->unit);
	close(rig->edu);
	close(rig->other_edu);
	hw_board_test_fini(&rig->hw);
	board_owner_fini(&rig->owner);
	board_stop(&rig->board);
}

bool unit_rig_can(const struct drv_options *options, const char *name)
{
	struct unit_rig *rig = calloc(1, sizeof(*rig));
	bool is_able;

	assert_non_null(rig);
	bring_up(rig);
	is_able = unit_rig_probe(rig, options) == 0;
	if (!is_able)
		print_message("skip: %s: %s\n", name, rig->err.text);
	unit_rig_stop(rig);
	free(rig);
	return is_able;
}

void unit_rig_wait(struct unit_rig *rig, struct drv_gather *gather)
{
	uint64_t ticket = rig->ops->submit(rig->unit, gather);
	unsigned looks;

	for (looks = 0; looks < 100; looks++)
		if (rig->ops->completed(rig->unit) >= ticket)
			return;
	fail_msg("the unit did not complete ticket %lu", (unsigned long)ticket);
}

void unit_rig_set_stream(struct unit_rig *rig, uint32_t stream, enum drv_stream_state to)
{
	struct drv_gather gather = { 0 };

	assert_int_equal(rig->ops->set_stream(rig->unit, stream, to,
					      to == DRV_BOUND ? rig->space : NULL, &gather,
					      &rig->err), 0);
	unit_rig_wait(rig, &gather);
}

void unit_rig_map(struct unit_rig *rig, uint64_t iova, uint64_t offset, uint64_t length,
		  unsigned rights)
{
	const struct extent extent = { PA(rig->pa), rig->bytes };
	const struct drv_part part = { &extent, 1, offset, length, -1 };

	assert_int_equal(rig->ops->map(rig->space, IOVA(iova), &part, rights, &rig->err), 0);
}

void unit_rig_unmap(struct unit_rig *rig, uint64_t iova, uint64_t length)
{
	struct drv_gather gather = { 0 };

	rig->ops->unmap(rig->space, IOVA(iova), length, &gather);
	unit_rig_wait(rig, &gather);
}

void unit_rig_to_device(struct unit_rig *rig, uint64_t iova, uint32_t length)
{
	edu_start(rig->edu, iova, EDU_BUFFER, length, EDU_FROM_RAM);
	edu_wait(rig->edu);
}

void unit_rig_from_device(struct unit_rig *rig, uint64_t iova, uint32_t length)
{
	edu_start(rig->edu, EDU_BUFFER, iova, length, EDU_TO_RAM);
	edu_wait(rig->edu);
}

void unit_rig_fill_device(struct unit_rig *rig, uint8_t byte, uint32_t length)
{
	uint64_t iova = UINT64_C(0x8000000);

	memset(rig->memory + rig->bytes - UNIT_RIG_PAGE, byte, length);
	unit_rig_map(rig, iova, rig->bytes - UNIT_RIG_PAGE, UNIT_RIG_PAGE, RIGHT_READ);
	unit_rig_set_stream(rig, UNIT_RIG_STREAM, DRV_BOUND);
	unit_rig_to_device(rig, iova, length);
	unit_rig_unmap(rig, iova, UNIT_RIG_PAGE);
}

bool unit_rig_holds(const struct unit_rig *rig, uint64_t offset, uint64_t length, uint8_t byte)
{
	uint64_t i;

	for (i = 0; i < length; i++)
		if (rig->memory[offset + i] != byte)
			return false;
	return true;
}

static void on_fault(void *context, const struct drv_fault *fault)
{
	struct unit_rig *rig = context;

	if (rig->fault_count < UNIT_RIG_FAULTS)
		rig->faults[rig->fault_count] = *fault;
	rig->fault_count++;
}

static void on_loss(void *context, uint64_t sequence, const char *why)
{
	struct unit_rig *rig = context;

	(void)sequence;
	(void)why;
	rig->loss_count++;
}

void unit_rig_drain_faults(struct unit_rig *rig)
{
	const struct drv_fault_sink sink = { rig, on_fault, on_loss };

	rig->fault_count = 0;
	while (rig->ops->drain_faults(rig->unit, 64, &sink))
		;
}

void unit_rig_assert_faults(struct unit_rig *rig, unsigned count, enum drv_fault_kind kind,
			    unsigned access, uint64_t address)
{
	unsigned i;

	unit_rig_drain_faults(rig);
	assert_int_equal(rig->fault_count, count);
	for (i = 0; i < count; i++) {
		assert_int_equal(rig->faults[i].kind, kind);
		assert_int_equal(rig->faults[i].stream, UNIT_RIG_STREAM);
		assert_true(rig->faults[i].has_address);
		assert_int_equal(rig->faults[i].access, access);
		assert_int_equal(rig->faults[i].address, address + 4 * i);
	}
}

void unit_rig_assert_no_faults(struct unit_rig *rig)
{
	unit_rig_drain_faults(rig);
	assert_int_equal(rig->fault_count, 0);
	assert_int_equal(rig->loss_count, 0);
	assert_int_equal(rig->ops->audit(rig->unit, &rig->err), 0);
}
