// SPDX-License-Identifier: BSD-2-Clause
/*
 * The back end for a virtual board (libsmmu/board.h): registers by one request
 * and one reply each, table memory in part 0 of the board's RAM, the other
 * parts lent to clients. The board is not trusted either: what it says is
 * checked, and one that hangs up or falls silent reads as all ones.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "acpi_tables.h"
#include "arith.h"
#include "bits.h"
#include "board_link.h"
#include "board_parts.h"
#include "list.h"
#include "log.h"
#include "machine.h"
#include "wire.h"

#define FIRMWARE_MAX (UINT64_C(4) << 20)
#define ARENA_MIN (UINT64_C(1) << 20)

struct board {
	struct machine machine;
	struct board_link link;
	uint8_t *mapped; /* all of part 0 */
	struct board_parts parts;
};

static struct board *board_of(struct machine *machine)
{
	return (struct board *)machine;
}

static struct board *board_of_hw(struct hw *hw)
{
	return board_of(list_entry(hw, struct machine, hw));
}

/* --- struct hw ------------------------------------------------------------- */

/* A refused access is logged: the daemon never means to make one. */
static uint64_t board_access(struct board *board, const struct board_request *request)
{
	uint64_t value;
	int result = board_link_ask(&board->link, request, &value);

	if (result && !board->link.is_lost)
		log_error("the board refuses %s of %" PRIu32 " bytes at 0x%" PRIx64 ": %s",
			  request->op == BOARD_READ ? "a read" : "a write", request->size,
			  request->address, strerror(-result));
	return value;
}

static uint64_t board_read(struct board *board, uint64_t address, unsigned size)
{
	const struct board_request request = { .op = BOARD_READ, .size = size,
					       .address = address };

	return board_access(board, &request) & BITS(size * 8 - 1, 0);
}

static void board_write(struct board *board, uint64_t address, unsigned size, uint64_t value)
{
	const struct board_request request = { .op = BOARD_WRITE, .size = size,
					       .address = address, .value = value };

	(void)board_access(board, &request);
}

static uint64_t register_read(struct hw *hw, uint64_t address, unsigned size)
{
	return board_read(board_of_hw(hw), address, size);
}

static void register_write(struct hw *hw, uint64_t address, unsigned size, uint64_t value)
{
	board_write(board_of_hw(hw), address, size, value);
}

static uint64_t clock_now_ns(struct hw *hw)
{
	struct timespec now;

	(void)hw;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static const struct hw_ops board_hw_ops = {
	.read = register_read,
	.write = register_write,
	.now_ns = clock_now_ns,
};

/* --- memory ---------------------------------------------------------------- */

static int memory_resolve(struct machine *machine, int fd, uint64_t offset, uint64_t length,
			  struct extent *extents, uint32_t max, uint32_t *ret_count,
			  struct error *err)
{
	int result;

	if (max == 0)
		return error_set(err, -E2BIG, "no room for an extent");
	result = board_parts_resolve(&board_of(machine)->parts, fd, offset, length, extents, err);
	if (result)
		return result;
	*ret_count = 1;
	return 0;
}

static int memory_lend(struct machine *machine, uid_t uid, uint64_t size, int *ret_fd,
		       uint64_t *ret_size, uint32_t *ret_part, struct error *err)
{
	return board_parts_lend(&board_of(machine)->parts, uid, size, ret_fd, ret_size, ret_part,
				err);
}

static void memory_return(struct machine *machine, uint32_t part)
{
	board_parts_return(&board_of(machine)->parts, part);
}

static bool is_memory(struct machine *machine, pa_t pa, uint64_t length)
{
	return board_parts_overlap(&board_of(machine)->parts, pa, length);
}

/* --- windows and configuration space ---------------------------------------- */

static int window_open(struct machine *machine, uint64_t base, uint64_t length,
		       struct machine_window *ret_window, struct error *err)
{
	const struct board_request request = { .op = BOARD_WINDOW_OPEN, .address = base,
					       .length = length };
	struct board *board = board_of(machine);
	uint64_t id;
	int result, fd;

	result = board_link_ask_fd(&board->link, &request, &id, &fd);
	if (board->link.is_lost)
		return error_set(err, -ENODEV, "the virtual board is gone");
	if (result)
		return error_set(err, result,
				 "the board opens no window at 0x%" PRIx64 "+0x%" PRIx64 ": %s",
				 base, length, strerror(-result));
	*ret_window = (struct machine_window){ .id = id, .fd = fd, .kind = WIRE_BAR_WINDOW };
	return 0;
}

static void window_close(struct machine *machine, struct machine_window *window)
{
	const struct board_request request = { .op = BOARD_WINDOW_CLOSE, .value = window->id };

	(void)board_access(board_of(machine), &request);
	if (window->fd >= 0)
		close(window->fd);
	window->fd = -1;
}

static int window_read32(struct machine *machine, const struct machine_window *window,
			 uint64_t offset, uint32_t *ret_value)
{
	const struct board_request request = { .op = BOARD_READ, .size = 4, .address = offset };
	uint64_t value = UINT64_MAX;
	int result = board_window_ask(window->fd, &request, &value);

	(void)machine;
	*ret_value = (uint32_t)value;
	return result;
}

static uint32_t config_read(struct machine *machine, uint64_t address, unsigned size)
{
	return (uint32_t)board_read(board_of(machine), address, size);
}

static void config_write(struct machine *machine, uint64_t address, unsigned size, uint32_t value)
{
	board_write(board_of(machine), address, size, value);
}

/* --- opening --------------------------------------------------------------- */

static int hello_check(const struct board_hello *hello, struct error *err)
{
	uint64_t size = hello->parts[0].size;

	if (hello->version != BOARD_VERSION)
		return error_set(err, -EPROTO,
				 "the board speaks version %" PRIu32 " of the protocol, not %u; "
				 "use the smmu-vboard this smmuman came with",
				 hello->version, BOARD_VERSION);
	if (hello->description != BOARD_DEVICE_TREE && hello->description != BOARD_ACPI)
		return error_set(err, -EPROTO,
				 "the board describes itself in a way (%" PRIu32
				 ") this smmuman does not know",
				 hello->description);
	if (hello->firmware_size > FIRMWARE_MAX ||
	    !range_within(hello->firmware_offset, hello->firmware_size, 0, size) ||
	    !range_within(align_up(hello->firmware_offset + hello->firmware_size, PAGE_BYTES),
			  ARENA_MIN, 0, size))
		return error_set(err, -EPROTO,
				 "the board says its firmware keeps 0x%" PRIx64 "+0x%" PRIx64
				 " in part 0 of 0x%" PRIx64
				 " bytes: too big, outside, or without 1 MiB for tables behind it",
				 hello->firmware_offset, hello->firmware_size, size);
	return 0;
}

/* The board goes on seeing what its firmware left; we decide by a copy it cannot change. */
static int board_describe(struct board *board, const struct board_hello *hello, struct error *err)
{
	struct machine *machine = &board->machine;
	pa_t pa = PA(board->parts.list[0].pa + hello->firmware_offset);
	void *firmware = malloc(hello->firmware_size);
	int result;

	if (!firmware)
		return error_set(err, -ENOMEM, "no memory for the machine's description");
	memcpy(firmware, board->mapped + hello->firmware_offset, hello->firmware_size);
	machine->reserved[machine->reserved_count++] = (struct extent){ pa, hello->firmware_size };
	if (hello->description == BOARD_DEVICE_TREE) {
		machine->fdt = firmware;
		machine->fdt_size = hello->firmware_size;
		return 0;
	}
	result = acpi_tables_collect(firmware, pa, hello->firmware_size, 0, machine, err);
	free(firmware);
	return result;
}

static int board_map(struct board *board, const struct board_hello *hello, struct error *err)
{
	struct machine *machine = &board->machine;
	uint64_t arena = align_up(hello->firmware_offset + hello->firmware_size, PAGE_BYTES);
	void *mapped;

	mapped = mmap(NULL, board->parts.list[0].size, PROT_READ | PROT_WRITE, MAP_SHARED,
		      board->parts.list[0].fd, 0);
	if (mapped == MAP_FAILED)
		return error_set(err, -errno, "cannot map the board's memory: %s",
				 strerror(errno));
	board->mapped = mapped;
	machine->arena_cpu = board->mapped + arena;
	machine->arena_pa = PA(board->parts.list[0].pa + arena);
	machine->arena_size = board->parts.list[0].size - arena;
	return board_describe(board, hello, err);
}

static void board_close(struct machine *machine)
{
	struct board *board = board_of(machine);

	free(machine->fdt);
	acpi_tables_free(machine);
	if (board->mapped)
		munmap(board->mapped, board->parts.list[0].size);
	board_parts_fini(&board->parts);
	board_link_close(&board->link);
	free(board);
}

static const struct machine_ops board_ops = {
	.memory_resolve = memory_resolve,
	.memory_lend = memory_lend,
	.memory_return = memory_return,
	.is_memory = is_memory,
	.window_open = window_open,
	.window_close = window_close,
	.window_read32 = window_read32,
	.config_read = config_read,
	.config_write = config_write,
	.close = board_close,
};

/* Every part but the daemon's own. */
static void list_ram(struct board *board)
{
	struct machine *machine = &board->machine;
	uint32_t i;

	for (i = 1; i < board->parts.count && machine->ram_count < MACHINE_RAM_MAX; i++)
		machine->ram[machine->ram_count++] = (struct extent){
			PA(board->parts.list[i].pa), board->parts.list[i].size
		};
}

static int board_greet(struct board *board, const char *socket, struct error *err)
{
	int fds[BOARD_PARTS_MAX];
	struct board_hello hello;
	int result;

	result = board_link_open(socket, &board->link, &hello, fds, err);
	if (result)
		return result;
	result = board_parts_init(&board->parts, hello.parts, fds, hello.part_count, err);
	if (!result)
		result = hello_check(&hello, err);
	if (result)
		return result;
	list_ram(board);
	return board_map(board, &hello, err);
}

int machine_open_board(const char *socket, struct machine **ret_machine, struct error *err)
{
	struct board *board = calloc(1, sizeof(*board));
	int result;

	if (!board)
		return error_set(err, -ENOMEM, "no memory for the board");
	board->link.fd = -1;
	board_parts_clear(&board->parts);
	board->machine.ops = &board_ops;
	board->machine.hw.ops = &board_hw_ops;
	result = board_greet(board, socket, err);
	if (result) {
		board_close(&board->machine);
		return result;
	}
	board->machine.lost_fd = board->link.fd;
	snprintf(board->machine.words, sizeof(board->machine.words), "virtual board %s", socket);
	*ret_machine = &board->machine;
	return 0;
}
