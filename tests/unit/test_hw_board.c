// SPDX-License-Identifier: BSD-2-Clause
/* The board back end: a board that lies about itself is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "board_fake.h"
#include "log.h"
#include "machine.h"
#include "types.h"

#define MIB (UINT64_C(1) << 20)

static struct board_fake board;
static struct error err;
static struct machine *machine;

static int setup(void **state)
{
	(void)state;
	board_fake_init(&board);
	err = (struct error){ 0 };
	machine = NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	board_fake_fini(&board);
	return 0;
}

static int open_board(void)
{
	board_fake_start(&board);
	return machine_open_board(board.path, &machine, &err);
}

static void open_honest(void)
{
	if (open_board())
		fail_msg("%s", err.text);
}

static void close_board(void)
{
	machine->ops->close(machine);
	board_fake_join(&board);
}

/* The board as it is now must be refused, in these words, and leak nothing. */
static void expect_refused(int code, const char *words)
{
	unsigned before = board_fake_count_fds();

	assert_int_equal(open_board(), code);
	board_fake_join(&board);
	if (!strstr(err.text, words))
		fail_msg("'%s' does not say '%s'", err.text, words);
	assert_int_equal(board_fake_count_fds(), before);
}

static void open_honest_board_gives_arena_and_tree(void **state)
{
	unsigned before = board_fake_count_fds();
	uint8_t *tree;

	(void)state;
	open_honest();
	assert_int_equal(board.last.value, BOARD_ROLE_OWNER);
	assert_int_equal(machine->arena_pa.v, BOARD_FAKE_RAM + 0x3000);
	assert_int_equal(machine->arena_size, 4 * MIB - 0x3000);
	machine->arena_cpu[machine->arena_size - 1] = 1;
	assert_int_equal(machine->fdt_size, BOARD_FAKE_DTB_BYTES);
	tree = machine->fdt;
	assert_int_equal(tree[0], 0x5a);
	assert_int_equal(tree[BOARD_FAKE_DTB_BYTES - 1], 0x5a);
	assert_int_equal(machine->table_count, 0);
	assert_int_equal(machine->reserved_count, 1);
	assert_int_equal(machine->reserved[0].pa.v, BOARD_FAKE_RAM + BOARD_FAKE_DTB);
	assert_int_equal(machine->reserved[0].length, BOARD_FAKE_DTB_BYTES);
	assert_non_null(strstr(machine->words, "virtual board /tmp/"));
	close_board();
	assert_int_equal(board_fake_count_fds(), before);
}

static void open_tree_changed_afterwards_by_the_board_stays_ours(void **state)
{
	uint8_t byte = 0;

	(void)state;
	open_honest();
	assert_int_equal(pwrite(board.fds[0], &byte, 1, BOARD_FAKE_DTB), 1);
	assert_int_equal(((uint8_t *)machine->fdt)[0], 0x5a);
	close_board();
}

static void open_without_a_board_says_how_to_start_one(void **state)
{
	(void)state;
	assert_int_equal(machine_open_board("/nonexistent/board", &machine, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent/board"));
	assert_non_null(strstr(err.text, "start one with smmu-vboard"));
}

static void open_path_too_long_is_refused(void **state)
{
	char path[200];

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(machine_open_board(path, &machine, &err), -ENAMETOOLONG);
}

static void open_second_owner_is_told_so(void **state)
{
	(void)state;
	board.hello = (struct board_hello){ .status = -EBUSY };
	board.fd_count = 0;
	expect_refused(-EBUSY, "already has an owner");
}

static void open_refusal_as_short_as_a_reply_is_understood(void **state)
{
	(void)state;
	board.hello = (struct board_hello){ .status = -EPERM };
	board.hello_size = sizeof(struct board_reply);
	board.fd_count = 0;
	expect_refused(-EPERM, "refuses: Operation not permitted");
}

static void open_refusal_with_descriptors_is_refused(void **state)
{
	(void)state;
	board.hello.status = -EPERM;
	expect_refused(-EPROTO, "does not greet us as one should");
}

static void open_greeting_of_a_wrong_size_is_refused(void **state)
{
	(void)state;
	board.hello_size = sizeof(struct board_hello) - 8;
	expect_refused(-EPROTO, "does not greet us as one should (a malformed answer)");
}

static void open_empty_greeting_is_a_hang_up(void **state)
{
	(void)state;
	board.hello_size = 0;
	board.fd_count = 0;
	expect_refused(-EPROTO, "it hung up");
}

static void open_other_version_is_refused(void **state)
{
	(void)state;
	board.hello.version = BOARD_VERSION + 1;
	expect_refused(-EPROTO, "speaks version 3 of the protocol, not 2");
}

static void open_fewer_descriptors_than_parts_is_refused(void **state)
{
	(void)state;
	board.hello.part_count = 4;
	expect_refused(-EPROTO, "does not greet us");
}

static void open_more_descriptors_than_parts_is_refused(void **state)
{
	(void)state;
	board.hello.part_count = 2;
	expect_refused(-EPROTO, "does not greet us");
}

static void open_more_descriptors_than_any_board_has_is_refused(void **state)
{
	(void)state;
	while (board.fd_count < BOARD_PARTS_MAX + 1)
		board.fds[board.fd_count++] = board_fake_make_part(MIB, F_SEAL_SHRINK);
	board.hello.part_count = BOARD_PARTS_MAX + 1;
	expect_refused(-EPROTO, "does not greet us");
}

static void open_board_without_parts_is_refused(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < board.fd_count; i++)
		close(board.fds[i]);
	board.hello.part_count = board.fd_count = 0;
	expect_refused(-EPROTO, "no RAM");
}

static void open_part_that_is_no_range_of_pages_is_refused(void **state)
{
	static const struct board_part bad[] = {
		{ BOARD_FAKE_RAM + 8 * MIB, 0 },
		{ BOARD_FAKE_RAM + 8 * MIB + 1, MIB },
		{ BOARD_FAKE_RAM + 8 * MIB, MIB - 1 },
		{ UINT64_MAX - 0xfff, 2 * MIB },
		{ 0x1000, UINT64_MAX - 0xfff },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		board.hello.parts[2] = bad[i];
		expect_refused(-EPROTO, "part 2 is at");
	}
}

static void open_overlapping_parts_are_refused(void **state)
{
	(void)state;
	board.hello.parts[2].pa = BOARD_FAKE_RAM + 4 * MIB - 0x1000;
	expect_refused(-EPROTO, "parts 0 and 2 overlap");
}

static void open_part_bigger_than_its_memory_is_refused(void **state)
{
	(void)state;
	board.hello.parts[2].size = 2 * MIB;
	expect_refused(-EPROTO, "part 2 has 0x200000 bytes, but its descriptor has 0x100000");
}

static void open_part_not_sealed_is_refused(void **state)
{
	(void)state;
	close(board.fds[1]);
	board.fds[1] = board_fake_make_part(MIB, F_SEAL_GROW);
	expect_refused(-EPROTO, "part 1 is no writable memory sealed against shrinking");
}

static void open_part_that_is_no_memory_is_refused(void **state)
{
	(void)state;
	close(board.fds[1]);
	board.fds[1] = open("/dev/zero", O_RDWR | O_CLOEXEC);
	expect_refused(-EPROTO, "part 1 is no writable memory");
}

static void open_part_that_is_read_only_is_refused(void **state)
{
	char link[64];
	int writable = board.fds[1];

	(void)state;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", writable);
	board.fds[1] = open(link, O_RDONLY | O_CLOEXEC);
	close(writable);
	expect_refused(-EPROTO, "part 1 is no writable memory");
}

static void open_one_memory_twice_is_refused(void **state)
{
	(void)state;
	close(board.fds[2]);
	board.fds[2] = fcntl(board.fds[0], F_DUPFD_CLOEXEC, 0);
	expect_refused(-EPROTO, "parts 0 and 2 are the same memory");
}

static void open_tree_outside_part_zero_is_refused(void **state)
{
	static const uint64_t bad[][2] = { { 4 * MIB - 0x1000, 0x2000 }, { UINT64_MAX, 2 },
					   { 0, 0 }, { 0, UINT64_MAX }, { 0, 5 * MIB },
					   { 3 * MIB, 0x1000 }, { 4 * MIB - 1, 1 } };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		board.hello.firmware_offset = bad[i][0];
		board.hello.firmware_size = bad[i][1];
		expect_refused(-EPROTO, "the board says its firmware keeps");
	}
}

/* --- a machine described by ACPI ---------------------------------------------------------- */

#define ACPI_OFFSET MIB
#define ACPI_BYTES 0x1000u

static void put32(uint8_t *to, uint32_t value)
{
	memcpy(to, &value, sizeof(value));
}

static void make_right(uint8_t *bytes, uint32_t size, uint32_t checksum)
{
	uint32_t i;

	for (i = 0; i < size; i++)
		if (i != checksum)
			bytes[checksum] = (uint8_t)(bytes[checksum] - bytes[i]);
}

static void put_table(uint8_t *at, const char *signature, uint32_t size)
{
	memcpy(at, signature, 4);
	put32(at + 4, size);
	make_right(at, size, 9);
}

/* RSDP, an RSDT with one row, and a table of 40 bytes; all a MiB into part 0. */
static void describe_by_acpi(uint8_t spoilt_bit)
{
	uint8_t bytes[ACPI_BYTES] = { 0 };

	memcpy(bytes, (const char[8]){ 'R', 'S', 'D', ' ', 'P', 'T', 'R', ' ' }, 8);
	put32(bytes + 16, BOARD_FAKE_RAM + ACPI_OFFSET + 0x100);
	make_right(bytes, 20, 8);
	put32(bytes + 0x100 + 36, BOARD_FAKE_RAM + ACPI_OFFSET + 0x200);
	put_table(bytes + 0x100, "RSDT", 40);
	bytes[0x200 + 38] = 0x77;
	put_table(bytes + 0x200, "WAET", 40);
	bytes[0x200 + 38] ^= spoilt_bit;
	assert_int_equal(pwrite(board.fds[0], bytes, sizeof(bytes), ACPI_OFFSET), sizeof(bytes));
	board.hello.description = BOARD_ACPI;
	board.hello.firmware_offset = ACPI_OFFSET;
	board.hello.firmware_size = ACPI_BYTES;
}

static void open_board_with_acpi_gives_tables_and_what_firmware_keeps(void **state)
{
	unsigned before = board_fake_count_fds();
	uint8_t zero = 0;

	(void)state;
	describe_by_acpi(0);
	open_honest();
	assert_null(machine->fdt);
	assert_int_equal(machine->table_count, 1);
	assert_string_equal(machine->tables[0].signature, "WAET");
	assert_int_equal(machine->tables[0].size, 40);
	assert_int_equal(machine->reserved_count, 1);
	assert_int_equal(machine->reserved[0].pa.v, BOARD_FAKE_RAM + ACPI_OFFSET);
	assert_int_equal(machine->reserved[0].length, ACPI_BYTES);
	assert_int_equal(machine->arena_pa.v, BOARD_FAKE_RAM + ACPI_OFFSET + ACPI_BYTES);
	assert_int_equal(machine->arena_size, 3 * MIB - ACPI_BYTES);
	assert_int_equal(pwrite(board.fds[0], &zero, 1, ACPI_OFFSET + 0x200 + 38), 1);
	assert_int_equal(((uint8_t *)machine->tables[0].bytes)[38], 0x77);
	close_board();
	assert_int_equal(board_fake_count_fds(), before);
}

static void open_board_with_a_spoilt_table_is_refused(void **state)
{
	(void)state;
	describe_by_acpi(1);
	expect_refused(-EINVAL, "WAET+0x9: its checksum is wrong");
}

static void open_tables_outside_what_firmware_keeps_are_refused(void **state)
{
	(void)state;
	describe_by_acpi(0);
	board.hello.firmware_size = 0x200;
	expect_refused(-EINVAL, "RSDT+0x24");
}

static void open_description_of_an_unknown_kind_is_refused(void **state)
{
	(void)state;
	board.hello.description = BOARD_ACPI + 1;
	expect_refused(-EPROTO, "describes itself in a way (3) this smmuman does not know");
	board.hello.description = 0;
	expect_refused(-EPROTO, "in a way (0)");
}

/* --- registers ------------------------------------------------------------------------------ */

static void registers_of_every_size_are_asked_for_and_cut_to_it(void **state)
{
	static const unsigned sizes[] = { 1, 2, 4, 8 };
	unsigned i;

	(void)state;
	open_honest();
	for (i = 0; i < 4; i++) {
		uint64_t mask = sizes[i] == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * sizes[i]) - 1;

		assert_int_equal(machine->hw.ops->read(&machine->hw, 0x1230, sizes[i]),
				 ~UINT64_C(0x1230) & mask);
		assert_int_equal(board.last.op, BOARD_READ);
		assert_int_equal(board.last.size, sizes[i]);
		assert_int_equal(board.last.address, 0x1230);
		machine->hw.ops->write(&machine->hw, 0x4560, sizes[i], 0x89);
		assert_int_equal(board.last.op, BOARD_WRITE);
		assert_int_equal(board.last.size, sizes[i]);
		assert_int_equal(board.last.address, 0x4560);
		assert_int_equal(board.last.value, 0x89);
	}
	close_board();
}

/* --- memory, by way of the ops table --------------------------------------------------- */

static void memory_of_the_board_is_lent_and_resolved(void **state)
{
	struct extent extent;
	uint32_t count, part;
	uint64_t size;
	int fd;

	(void)state;
	open_honest();
	assert_int_equal(machine->ops->memory_lend(machine, 1000, MIB, &fd, &size, &part, &err), 0);
	assert_int_equal(machine->ops->memory_resolve(machine, fd, 0x1000, 0x2000, &extent, 0,
						      &count, &err), -E2BIG);
	assert_int_equal(machine->ops->memory_resolve(machine, fd, 0x1000, 0x2000, &extent, 1,
						      &count, &err), 0);
	assert_int_equal(count, 1);
	assert_int_equal(extent.pa.v, BOARD_FAKE_RAM + 4 * MIB + 0x1000);
	assert_int_equal(extent.length, 0x2000);
	machine->ops->memory_return(machine, part);
	close(fd);
	assert_true(machine->ops->is_memory(machine, PA(BOARD_FAKE_RAM - 1), 2));
	assert_false(machine->ops->is_memory(machine, PA(BOARD_FAKE_RAM - 2), 2));
	close_board();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(open_honest_board_gives_arena_and_tree),
		TEST(open_tree_changed_afterwards_by_the_board_stays_ours),
		TEST(open_without_a_board_says_how_to_start_one),
		TEST(open_path_too_long_is_refused),
		TEST(open_second_owner_is_told_so),
		TEST(open_refusal_as_short_as_a_reply_is_understood),
		TEST(open_refusal_with_descriptors_is_refused),
		TEST(open_greeting_of_a_wrong_size_is_refused),
		TEST(open_empty_greeting_is_a_hang_up),
		TEST(open_other_version_is_refused),
		TEST(open_fewer_descriptors_than_parts_is_refused),
		TEST(open_more_descriptors_than_parts_is_refused),
		TEST(open_more_descriptors_than_any_board_has_is_refused),
		TEST(open_board_without_parts_is_refused),
		TEST(open_part_that_is_no_range_of_pages_is_refused),
		TEST(open_overlapping_parts_are_refused),
		TEST(open_part_bigger_than_its_memory_is_refused),
		TEST(open_part_not_sealed_is_refused),
		TEST(open_part_that_is_no_memory_is_refused),
		TEST(open_part_that_is_read_only_is_refused),
		TEST(open_one_memory_twice_is_refused),
		TEST(open_tree_outside_part_zero_is_refused),
		TEST(open_board_with_acpi_gives_tables_and_what_firmware_keeps),
		TEST(open_board_with_a_spoilt_table_is_refused),
		TEST(open_tables_outside_what_firmware_keeps_are_refused),
		TEST(open_description_of_an_unknown_kind_is_refused),
		TEST(registers_of_every_size_are_asked_for_and_cut_to_it),
		TEST(memory_of_the_board_is_lent_and_resolved),
	};

	log_setup("test", LOG_ALARM, false);
	return cmocka_run_group_tests_name("hw_board", tests, NULL, NULL);
}
