// SPDX-License-Identifier: BSD-2-Clause
#include "unit_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static void check(struct unit_rig *rig, int ret, const char *what)
{
	if (ret)
		fail_msg("%s: %d: %s", what, ret, rig->err.text);
}

int unit_rig_probe(struct unit_rig *rig, const struct drv_options *options)
{
	const struct topology_unit *unit = &rig->topology.units[0];
	const struct drv_found found = { .name = unit->name,
					 .compatible = unit->compatible,
					 .base = unit->base,
					 .size = unit->size,
					 .config = unit->config,
					 .address_bits = unit->address_bits };
	const struct drv_module *module = drv_find(&found);

	if (!module)
		fail_msg("no module drives %s", unit->compatible);
	return module->probe(&rig->machine->hw, &found, options, &rig->unit, &rig->err);
}

/* The first page is where the scan of PCI keeps its notes, the last one stays blank. */
void unit_rig_forget_pages(struct unit_rig *rig)
{
	struct machine *machine = rig->machine;
	uint64_t size = machine->arena_size - 2 * UNIT_RIG_PAGE;

	pages_fini(&rig->pages);
	assert_int_equal(pages_init(&rig->pages, machine->arena_cpu + UNIT_RIG_PAGE,
				    PA(machine->arena_pa.v + UNIT_RIG_PAGE), size), 0);
	machine->hw.pages = &rig->pages;
	machine->hw.blank_cpu = machine->arena_cpu + machine->arena_size - UNIT_RIG_PAGE;
	machine->hw.blank_pa = PA(machine->arena_pa.v + machine->arena_size - UNIT_RIG_PAGE);
}

static void discover(struct unit_rig *rig)
{
	struct machine *machine = rig->machine;

	check(rig, topology_discover(machine, &rig->topology, &rig->err), "discovery");
	assert_int_equal(rig->topology.unit_count, 1);
	assert_string_equal(rig->topology.units[0].compatible, rig->variant->compatible);
}

static void open_edu(struct unit_rig *rig, const char *name, uint32_t stream,
		     struct machine_window *ret_window)
{
	struct machine *machine = rig->machine;
	const struct topology_device *device;
	struct devname devname;

	assert_int_equal(devname_parse(name, &devname), 0);
	device = topology_find(&rig->topology, &devname);
	assert_non_null(device);
	assert_int_equal(device->unit, 0);
	assert_int_equal(device->stream, stream);
	check(rig, machine->ops->window_open(machine, device->windows[0].base, 0x100000,
					     ret_window, &rig->err), name);
	machine->ops->config_write(machine, device->config + 4, 2, 6);
}

static void borrow_memory(struct unit_rig *rig)
{
	struct machine *machine = rig->machine;
	struct extent extent;
	uint32_t part, count;
	int fd;

	check(rig, machine->ops->memory_lend(machine, getuid(), UNIT_RIG_PAGE, &fd, &rig->bytes,
					     &part, &rig->err), "memory");
	check(rig, machine->ops->memory_resolve(machine, fd, 0, rig->bytes, &extent, 1, &count,
						&rig->err), "memory");
	rig->pa = extent.pa.v;
	rig->memory = mmap(NULL, rig->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(rig->memory, MAP_FAILED);
	close(fd);
}

void unit_rig_bring_up(struct unit_rig *rig, const struct variant *variant)
{
	memset(rig, 0, sizeof(*rig));
	rig->variant = variant;
	variant_board_start(&rig->board, variant, (const char *const[]){ NULL });
	check(rig, machine_open_board(rig->board.socket, &rig->machine, &rig->err), "the board");
	discover(rig);
	unit_rig_forget_pages(rig);
	open_edu(rig, "pci:0000:00:02.0", UNIT_RIG_STREAM, &rig->edu);
	open_edu(rig, "pci:0000:00:03.0", UNIT_RIG_OTHER_STREAM, &rig->other_edu);
	borrow_memory(rig);
}

void unit_rig_take_over(struct unit_rig *rig, const struct drv_stream_init *init, uint32_t count)
{
	check(rig, rig->ops->takeover(rig->unit, init, count, &rig->err), "takeover");
}

void unit_rig_start(struct unit_rig *rig, const struct variant *variant)
{
	const struct drv_stream_init init = { UNIT_RIG_STREAM, DRV_DENY, NULL };
	const struct drv_options options = variant_options(variant);

	unit_rig_bring_up(rig, variant);
	check(rig, unit_rig_probe(rig, &options), "probe");
	rig->ops = rig->unit->ops;
	unit_rig_take_over(rig, &init, 1);
	check(rig, rig->ops->space_create(rig->unit, 0, &rig->space, &rig->err), "space_create");
}

void unit_rig_stop(struct unit_rig *rig)
{
	struct machine *machine = rig->machine;

	if (rig->unit)
		rig->unit->ops->forget(rig->unit);
	machine->ops->window_close(machine, &rig->edu);
	machine->ops->window_close(machine, &rig->other_edu);
	munmap(rig->memory, rig->bytes);
	pages_fini(&rig->pages);
	machine->ops->close(machine);
	board_stop(&rig->board);
}

uint64_t unit_rig_read(struct unit_rig *rig, uint64_t offset, unsigned size)
{
	return rig->machine->hw.ops->read(&rig->machine->hw,
					  rig->topology.units[0].base + offset, size);
}

void unit_rig_write(struct unit_rig *rig, uint64_t offset, unsigned size, uint64_t value)
{
	rig->machine->hw.ops->write(&rig->machine->hw, rig->topology.units[0].base + offset, size,
				    value);
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

	check(rig, rig->ops->set_stream(rig->unit, stream, to,
					to == DRV_BOUND ? rig->space : NULL, &gather, &rig->err),
	      "set_stream");
	unit_rig_wait(rig, &gather);
}

void unit_rig_map(struct unit_rig *rig, uint64_t iova, uint64_t offset, uint64_t length,
		  unsigned rights)
{
	const struct extent extent = { PA(rig->pa), rig->bytes };
	const struct drv_part part = { &extent, 1, offset, length, -1, false };

	check(rig, rig->ops->map(rig->space, IOVA(iova), &part, rights, &rig->err), "map");
	if (rig->ops->commit)
		check(rig, rig->ops->commit(rig->space, &rig->err), "commit");
}

void unit_rig_unmap(struct unit_rig *rig, uint64_t iova, uint64_t length)
{
	struct drv_gather gather = { 0 };

	rig->ops->unmap(rig->space, IOVA(iova), length, &gather);
	unit_rig_wait(rig, &gather);
}

static void move(const struct machine_window *edu, uint64_t from, uint64_t to, uint32_t length,
		 uint32_t command)
{
	edu_start(edu->fd, from, to, length, command);
	edu_wait(edu->fd);
}

void unit_rig_to_device(struct unit_rig *rig, uint64_t iova, uint32_t length)
{
	move(&rig->edu, iova, EDU_BUFFER, length, EDU_FROM_RAM);
}

void unit_rig_from_device(struct unit_rig *rig, uint64_t iova, uint32_t length)
{
	move(&rig->edu, EDU_BUFFER, iova, length, EDU_TO_RAM);
}

void unit_rig_to_other(struct unit_rig *rig, uint64_t iova, uint32_t length)
{
	move(&rig->other_edu, iova, EDU_BUFFER, length, EDU_FROM_RAM);
}

void unit_rig_from_other(struct unit_rig *rig, uint64_t iova, uint32_t length)
{
	move(&rig->other_edu, EDU_BUFFER, iova, length, EDU_TO_RAM);
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

	if (rig->variant->merges_faults) {
		address &= ~(UNIT_RIG_PAGE - 1);
		count = count ? 1 : 0;
	}
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
