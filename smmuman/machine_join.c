// SPDX-License-Identifier: BSD-2-Clause
/*
 * Several machines under one daemon: what belongs to one part goes to that
 * part, by the number in the top byte of an address; memory is asked of all.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "arith.h"
#include "list.h"
#include "log.h"
#include "machine.h"

#define LENT_STRIDE 4096u /* more than any machine has to lend */

uint32_t machine_part_count(const struct machine *machine)
{
	return machine->part_count ? machine->part_count : 1;
}

struct machine *machine_part(struct machine *machine, uint32_t index)
{
	check(index < machine_part_count(machine));
	return machine->part_count ? machine->parts[index] : machine;
}

bool machine_overlaps_arena(struct machine *machine, pa_t pa, uint64_t length)
{
	uint32_t i;

	for (i = 0; i < machine_part_count(machine); i++) {
		const struct machine *part = machine_part(machine, i);

		if (range_overlaps(pa.v, length, part->arena_pa.v, part->arena_size))
			return true;
	}
	return false;
}

/* --- one part's, by address ------------------------------------------------- */

static struct machine *part_at(struct machine *machine, uint64_t address)
{
	return machine_part(machine, machine_tag_part(address));
}

static uint64_t joined_read(struct hw *hw, uint64_t address, unsigned size)
{
	struct machine *machine = list_entry(hw, struct machine, hw);
	struct hw *part = &part_at(machine, address)->hw;

	return part->ops->read(part, machine_untag(address), size);
}

static void joined_write(struct hw *hw, uint64_t address, unsigned size, uint64_t value)
{
	struct machine *machine = list_entry(hw, struct machine, hw);
	struct hw *part = &part_at(machine, address)->hw;

	part->ops->write(part, machine_untag(address), size, value);
}

static uint64_t joined_now_ns(struct hw *hw)
{
	return hw_now_ns(&list_entry(hw, struct machine, hw)->parts[0]->hw);
}

static const struct hw_ops joined_hw_ops = {
	.read = joined_read,
	.write = joined_write,
	.now_ns = joined_now_ns,
};

static uint32_t config_read(struct machine *machine, uint64_t address, unsigned size)
{
	struct machine *part = part_at(machine, address);

	return part->ops->config_read(part, machine_untag(address), size);
}

static void config_write(struct machine *machine, uint64_t address, unsigned size, uint32_t value)
{
	struct machine *part = part_at(machine, address);

	part->ops->config_write(part, machine_untag(address), size, value);
}

/* A window's id says which part it is of, as an address does. */
static int window_open(struct machine *machine, uint64_t base, uint64_t length,
		       struct machine_window *ret_window, struct error *err)
{
	struct machine *part = part_at(machine, base);
	int ret = part->ops->window_open(part, machine_untag(base), length, ret_window, err);

	if (ret == 0)
		ret_window->id = machine_tag(machine_tag_part(base), ret_window->id);
	return ret;
}

static void window_close(struct machine *machine, struct machine_window *window)
{
	struct machine *part = part_at(machine, window->id);

	window->id = machine_untag(window->id);
	part->ops->window_close(part, window);
}

static int window_read32(struct machine *machine, const struct machine_window *window,
			 uint64_t offset, uint32_t *ret_value)
{
	struct machine_window own = *window;
	struct machine *part = part_at(machine, window->id);

	own.id = machine_untag(window->id);
	return part->ops->window_read32(part, &own, offset, ret_value);
}

/* --- memory: whoever has it --------------------------------------------------- */

static int memory_resolve(struct machine *machine, int fd, uint64_t offset, uint64_t length,
			  struct extent *extents, uint32_t max, uint32_t *ret_count,
			  struct error *err)
{
	int ret = -EINVAL;
	uint32_t i;

	for (i = 0; i < machine->part_count && ret == -EINVAL; i++)
		ret = machine->parts[i]->ops->memory_resolve(machine->parts[i], fd, offset, length,
							     extents, max, ret_count, err);
	return ret;
}

static int memory_lend(struct machine *machine, uid_t uid, uint64_t size, int *ret_fd,
		       uint64_t *ret_size, uint32_t *ret_part, struct error *err)
{
	int ret = -ENOSPC;
	uint32_t i;

	for (i = 0; i < machine->part_count; i++) {
		ret = machine->parts[i]->ops->memory_lend(machine->parts[i], uid, size, ret_fd,
							  ret_size, ret_part, err);
		if (ret == 0)
			*ret_part += i * LENT_STRIDE;
		if (ret != -ENOSPC && ret != -EOPNOTSUPP)
			break;
	}
	return ret;
}

static void memory_return(struct machine *machine, uint32_t lent)
{
	struct machine *part = machine_part(machine, lent / LENT_STRIDE);

	part->ops->memory_return(part, lent % LENT_STRIDE);
}

static bool is_memory(struct machine *machine, pa_t pa, uint64_t length)
{
	uint32_t i;

	for (i = 0; i < machine->part_count; i++)
		if (machine->parts[i]->ops->is_memory(machine->parts[i],
						      PA(machine_untag(pa.v)), length))
			return true;
	return false;
}

/* --- joining -------------------------------------------------------------------- */

static void joined_close(struct machine *machine)
{
	while (machine->part_count > 0) {
		struct machine *part = machine->parts[--machine->part_count];

		part->ops->close(part);
	}
	if (machine->lost_fd >= 0)
		close(machine->lost_fd);
	free(machine);
}

static const struct machine_ops joined_ops = {
	.memory_resolve = memory_resolve,
	.memory_lend = memory_lend,
	.memory_return = memory_return,
	.is_memory = is_memory,
	.window_open = window_open,
	.window_close = window_close,
	.window_read32 = window_read32,
	.config_read = config_read,
	.config_write = config_write,
	.close = joined_close,
};

static int check_memory(struct machine *a, struct machine *b, struct error *err)
{
	bool overlaps = b->ops->is_memory(b, a->arena_pa, a->arena_size) ||
			a->ops->is_memory(a, b->arena_pa, b->arena_size);
	uint32_t i;

	for (i = 0; i < a->ram_count && !overlaps; i++)
		overlaps = b->ops->is_memory(b, a->ram[i].pa, a->ram[i].length);
	if (!overlaps)
		return 0;
	return error_set(err, -EINVAL,
			 "%s and %s have memory at the same addresses and cannot be joined: a grant "
			 "would mean different bytes to the devices of each",
			 a->words, b->words);
}

static int take_ram(struct machine *machine, const struct machine *part, struct error *err)
{
	if (part->ram_count > MACHINE_RAM_MAX - machine->ram_count)
		return error_set(err, -E2BIG, "the joined machines have more than %u runs of memory",
				 MACHINE_RAM_MAX);
	memcpy(&machine->ram[machine->ram_count], part->ram, part->ram_count * sizeof(*part->ram));
	machine->ram_count += part->ram_count;
	return 0;
}

/* One descriptor that becomes readable when any of theirs does. */
static int watch_parts(struct machine *machine, struct error *err)
{
	struct epoll_event event = { .events = EPOLLIN };
	uint32_t i;

	machine->lost_fd = epoll_create1(EPOLL_CLOEXEC);
	if (machine->lost_fd < 0)
		return error_set(err, -errno, "cannot watch the machines: %s", strerror(errno));
	for (i = 0; i < machine->part_count; i++)
		if (machine->parts[i]->lost_fd >= 0 &&
		    epoll_ctl(machine->lost_fd, EPOLL_CTL_ADD, machine->parts[i]->lost_fd, &event))
			return error_set(err, -errno, "cannot watch %s: %s",
					 machine->parts[i]->words, strerror(errno));
	return 0;
}

static int join(struct machine *machine, struct error *err)
{
	uint32_t i, k;
	int ret = 0;

	for (i = 0; i < machine->part_count && ret == 0; i++) {
		for (k = 0; k < i && ret == 0; k++)
			ret = check_memory(machine->parts[k], machine->parts[i], err);
		if (ret == 0)
			ret = take_ram(machine, machine->parts[i], err);
	}
	return ret ? ret : watch_parts(machine, err);
}

int machine_join(struct machine *const *parts, uint32_t count, struct machine **ret_machine,
		 struct error *err)
{
	struct machine *machine = calloc(1, sizeof(*machine));
	uint32_t i;
	int ret;

	check(count > 0 && count <= MACHINE_PARTS_MAX);
	if (!machine) {
		for (i = 0; i < count; i++)
			parts[i]->ops->close(parts[i]);
		return error_set(err, -ENOMEM, "no memory to join %" PRIu32 " machines", count);
	}
	machine->ops = &joined_ops;
	machine->hw.ops = &joined_hw_ops;
	machine->lost_fd = -1;
	for (i = 0; i < count; i++)
		machine->parts[i] = parts[i];
	machine->part_count = count;
	machine->arena_cpu = parts[0]->arena_cpu;
	machine->arena_pa = parts[0]->arena_pa;
	machine->arena_size = parts[0]->arena_size;
	snprintf(machine->words, sizeof(machine->words), "%" PRIu32 " boards joined", count);
	ret = join(machine, err);
	if (ret) {
		joined_close(machine);
		return ret;
	}
	*ret_machine = machine;
	return 0;
}
