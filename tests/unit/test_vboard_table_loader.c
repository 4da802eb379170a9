// SPDX-License-Identifier: BSD-2-Clause
/* Scripts of the table loader, right and wrong in every field, made by hand. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "table_loader.h"

#define FIRST "root"
#define MEMORY_PA UINT64_C(0x100000)
#define MEMORY_BYTES 0x1000u
#define COMMANDS_MAX 24u

/* Two files, of bytes that say where they are from, and zeroes from 16 to 23. */
#define ROOT_BYTES 36u
#define TABLES_BYTES 0x200u

static uint8_t script[COMMANDS_MAX * LOADER_COMMAND_BYTES];
static uint8_t bytes[MEMORY_BYTES];
static unsigned count;
static uint64_t used;
static uint32_t tables_size;
static uint8_t root_byte;
static struct error err;

static int find_file(struct loader_source *source, const char *name, uint32_t *ret_size,
		     struct error *find_err)
{
	(void)source;
	*ret_size = tables_size;
	if (strcmp(name, FIRST) == 0)
		*ret_size = ROOT_BYTES;
	else if (strcmp(name, "missing") == 0)
		return error_set(find_err, -ENOENT, "there is no %s", name);
	return 0;
}

static int load_file(struct loader_source *source, const char *name, void *to, uint32_t size,
		     struct error *load_err)
{
	(void)source;
	if (strcmp(name, "unreadable") == 0)
		return error_set(load_err, -EIO, "%s cannot be read", name);
	memset(to, strcmp(name, FIRST) == 0 ? root_byte : 0x22, size);
	if (size >= 24)
		memset((uint8_t *)to + 16, 0, 8);
	return 0;
}

static int run_at(uint64_t pa, uint32_t size)
{
	struct loader_source source = { find_file, load_file };
	struct loader_memory memory = { bytes, pa, size };

	return table_loader_run(script, count * LOADER_COMMAND_BYTES, FIRST, &source, &memory,
				&used, &err);
}

static int run(void)
{
	return run_at(MEMORY_PA, MEMORY_BYTES);
}

static void put32(uint8_t *to, uint32_t value)
{
	unsigned i;

	for (i = 0; i < 4; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get(const uint8_t *from, unsigned size)
{
	uint64_t value = 0;

	while (size-- > 0)
		value = value << 8 | from[size];
	return value;
}

static uint8_t *add_command(uint32_t command, const char *name)
{
	uint8_t *row = script + (size_t)count++ * LOADER_COMMAND_BYTES;

	assert_true(count <= COMMANDS_MAX);
	put32(row, command);
	memcpy(row + 4, name, strlen(name) + 1);
	return row;
}

static uint8_t *allocate(const char *name, uint32_t align, uint8_t zone)
{
	uint8_t *row = add_command(1, name);

	put32(row + 60, align);
	row[64] = zone;
	return row;
}

static uint8_t *point(const char *name, const char *to, uint32_t offset, uint8_t size)
{
	uint8_t *row = add_command(2, name);

	memcpy(row + 60, to, strlen(to) + 1);
	put32(row + 116, offset);
	row[120] = size;
	return row;
}

static uint8_t *sum_up(const char *name, uint32_t offset, uint32_t start, uint32_t length)
{
	uint8_t *row = add_command(3, name);

	put32(row + 60, offset);
	put32(row + 64, start);
	put32(row + 68, length);
	return row;
}

static int set_up(void **state)
{
	(void)state;
	memset(script, 0, sizeof(script));
	memset(bytes, 0xee, sizeof(bytes));
	count = 0;
	tables_size = TABLES_BYTES;
	root_byte = 0x11;
	used = 0;
	return 0;
}

static int set_up_two_files(void **state)
{
	set_up(state);
	allocate("tables", 64, 1);
	allocate(FIRST, 16, 2);
	return 0;
}

/* Refused with this code, the number of the last command and these words. */
static void check_refused(int code, const char *words)
{
	assert_int_equal(run(), code);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" does not say \"%s\"", err.text, words);
}

static void loader_good_script_places_points_and_sums(void **state)
{
	uint8_t sum = 0;
	unsigned i;

	(void)state;
	point(FIRST, "tables", 16, 4);
	sum_up(FIRST, 8, 0, 20);
	assert_int_equal(run(), 0);
	assert_int_equal(bytes[0], 0x11);
	assert_int_equal(bytes[ROOT_BYTES - 1], 0x11);
	assert_int_equal(bytes[64], 0x22);
	assert_int_equal(used, 64 + TABLES_BYTES);
	assert_int_equal(bytes[used], 0xee);
	assert_int_equal(get(bytes + 16, 4), MEMORY_PA + 64);
	for (i = 0; i < 20; i++)
		sum = (uint8_t)(sum + bytes[i]);
	assert_int_equal(sum, 0);
}

static void loader_pointer_adds_to_the_offset_it_held(void **state)
{
	(void)state;
	point("tables", FIRST, 16, 4);
	assert_int_equal(run(), 0);
	assert_int_equal(get(bytes + 64 + 16, 4), MEMORY_PA);
	set_up_two_files(state);
	point(FIRST, "tables", 17, 2); /* two of the zeroes: an offset of 0 */
	assert_int_equal(run_at(0, MEMORY_BYTES), 0);
	assert_int_equal(get(bytes + 17, 2), 64);
	set_up_two_files(state);
	point(FIRST, "tables", 15, 1); /* holds 0x11 */
	assert_int_equal(run_at(0, MEMORY_BYTES), 0);
	assert_int_equal(bytes[15], 64 + 0x11);
}

/* The second finds an address where an offset was. */
static void loader_pointer_made_twice_is_refused(void **state)
{
	(void)state;
	point("tables", "tables", 16, 8);
	assert_int_equal(run(), 0);
	point("tables", "tables", 16, 8);
	check_refused(-EBADMSG, "command 3: it points outside tables, to 0x100040");
}

static void loader_padding_is_passed_over(void **state)
{
	(void)state;
	add_command(0, "");
	point(FIRST, "tables", 16, 4);
	add_command(0, "");
	assert_int_equal(run(), 0);
	assert_int_equal(get(bytes + 16, 4), MEMORY_PA + 64);
}

static void loader_script_of_half_a_command_is_refused(void **state)
{
	struct loader_source source = { find_file, load_file };
	struct loader_memory memory = { bytes, MEMORY_PA, MEMORY_BYTES };

	(void)state;
	assert_int_equal(table_loader_run(script, LOADER_COMMAND_BYTES + 64, FIRST, &source,
					  &memory, &used, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "no whole commands"));
}

static void loader_without_the_first_file_is_refused(void **state)
{
	(void)state;
	check_refused(-EBADMSG, "allocates no root");
	allocate("tables", 64, 1);
	check_refused(-EBADMSG, "allocates no root");
}

static void loader_unknown_command_is_refused(void **state)
{
	(void)state;
	add_command(5, "tables");
	check_refused(-EBADMSG, "command 2: no such command: 5");
}

static void loader_pointer_to_be_told_to_a_device_is_refused(void **state)
{
	(void)state;
	add_command(4, "tables");
	check_refused(-EBADMSG, "command 2: a device that wants to be told");
}

static void loader_names_empty_or_endless_are_refused(void **state)
{
	(void)state;
	add_command(3, "");
	check_refused(-EBADMSG, "command 2: the name of a file is empty");
	set_up_two_files(state);
	memset(add_command(3, "x") + 4, 'x', LOADER_NAME_BYTES);
	check_refused(-EBADMSG, "command 2: the name of a file is empty or does not end");
	set_up_two_files(state);
	memset(allocate("x", 1, 1) + 4, 'x', LOADER_NAME_BYTES);
	check_refused(-EBADMSG, "command 2: the name");
	set_up_two_files(state);
	memset(point("tables", "x", 0, 4) + 60, 'x', LOADER_NAME_BYTES);
	check_refused(-EBADMSG, "command 2: the name");
}

static void loader_allocation_of_odd_alignment_or_zone_is_refused(void **state)
{
	(void)state;
	allocate("more", 0, 1);
	check_refused(-EBADMSG, "command 2: an alignment of 0x0 for more");
	set_up_two_files(state);
	allocate("more", 48, 1);
	check_refused(-EBADMSG, "an alignment of 0x30");
	set_up_two_files(state);
	allocate("more", 1, 0);
	check_refused(-EBADMSG, "no such zone: 0");
	set_up_two_files(state);
	allocate("more", 1, 3);
	check_refused(-EBADMSG, "no such zone: 3");
}

static void loader_file_allocated_twice_is_refused(void **state)
{
	(void)state;
	allocate("tables", 64, 1);
	check_refused(-EBADMSG, "command 2: tables is allocated twice");
	set_up_two_files(state);
	allocate(FIRST, 64, 1);
	check_refused(-EBADMSG, "command 2: root is allocated twice");
}

static void loader_more_files_than_it_knows_are_refused(void **state)
{
	char name[] = "a";
	unsigned i;

	(void)state;
	tables_size = 1;
	for (i = 2; i < LOADER_FILES_MAX; i++, name[0]++)
		allocate(name, 1, 1);
	assert_int_equal(run(), 0);
	allocate("z", 1, 1);
	check_refused(-EBADMSG, "more than 16 files");
}

static void loader_file_absent_empty_or_unreadable_is_refused(void **state)
{
	(void)state;
	allocate("missing", 1, 1);
	check_refused(-ENOENT, "there is no missing");
	set_up_two_files(state);
	allocate("unreadable", 1, 1);
	check_refused(-EIO, "unreadable cannot be read");
	set_up_two_files(state);
	tables_size = 0;
	check_refused(-EBADMSG, "tables, 0x0 bytes, is empty");
}

static void loader_files_beyond_the_memory_are_refused(void **state)
{
	(void)state;
	tables_size = MEMORY_BYTES - 64;
	assert_int_equal(run(), 0);
	assert_int_equal(used, MEMORY_BYTES);
	tables_size++;
	check_refused(-ENOSPC, "does not fit");
	tables_size = UINT32_MAX;
	check_refused(-ENOSPC, "does not fit");
	set_up_two_files(state);
	allocate("high", 0x80000000, 1);
	check_refused(-ENOSPC, "high, 0x200 bytes");
}

static void loader_first_file_that_must_lie_elsewhere_is_refused(void **state)
{
	(void)state;
	set_up(state);
	allocate(FIRST, 0x200, 2);
	assert_int_equal(run_at(MEMORY_PA + 0x100, MEMORY_BYTES), -EBADMSG);
	assert_non_null(strstr(err.text, "wants root elsewhere"));
}

static void loader_use_before_allocation_is_refused(void **state)
{
	(void)state;
	set_up(state);
	allocate(FIRST, 16, 2);
	point(FIRST, "tables", 16, 4);
	allocate("tables", 64, 1);
	check_refused(-EBADMSG, "command 1: tables has not been allocated");
	set_up_two_files(state);
	sum_up("other", 0, 0, 1);
	check_refused(-EBADMSG, "command 2: other has not been allocated");
	set_up_two_files(state);
	point("other", "tables", 0, 4);
	check_refused(-EBADMSG, "command 2: other has not been allocated");
}

static void loader_pointer_of_odd_size_is_refused(void **state)
{
	static const uint8_t sizes[] = { 0, 3, 5, 16, 255 };
	size_t i;

	for (i = 0; i < sizeof(sizes); i++) {
		set_up_two_files(state);
		point(FIRST, "tables", 16, sizes[i]);
		check_refused(-EBADMSG, "command 2: a pointer of ");
	}
}

static void loader_pointer_outside_its_file_is_refused(void **state)
{
	static const uint32_t offsets[] = { ROOT_BYTES - 3, ROOT_BYTES, UINT32_MAX, UINT32_MAX - 3 };
	size_t i;

	for (i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		set_up_two_files(state);
		point(FIRST, "tables", offsets[i], 4);
		check_refused(-EBADMSG, "is outside root");
	}
	set_up_two_files(state);
	point(FIRST, "tables", 18, 8); /* 8 bytes, of which two are zero */
	check_refused(-EBADMSG, "it points outside tables");
}

static void loader_pointer_to_the_last_byte_passes_and_past_it_is_refused(void **state)
{
	(void)state;
	tables_size = 0x20;
	point(FIRST, "tables", 0, 1);
	root_byte = 0x1f;
	assert_int_equal(run_at(0, MEMORY_BYTES), 0);
	assert_int_equal(bytes[0], 64 + 0x1f);
	root_byte = 0x20;
	assert_int_equal(run_at(0, MEMORY_BYTES), -EBADMSG);
	assert_non_null(strstr(err.text, "it points outside tables, to 0x20"));
}

static void loader_pointer_too_narrow_for_its_address_is_refused(void **state)
{
	(void)state;
	point(FIRST, "tables", 16, 2);
	check_refused(-EBADMSG, "tables lies too high for a pointer of 2 bytes");
	set_up_two_files(state);
	point(FIRST, "tables", 16, 4);
	assert_int_equal(run_at(UINT64_C(0x100000000), MEMORY_BYTES), -EBADMSG);
	set_up_two_files(state);
	point(FIRST, "tables", 16, 8);
	assert_int_equal(run_at(UINT64_C(0x100000000), MEMORY_BYTES), 0);
	assert_int_equal(get(bytes + 16, 8), UINT64_C(0x100000040));
}

static void loader_checksum_of_what_is_no_part_of_the_file_is_refused(void **state)
{
	static const uint32_t cases[][2] = { { 0, 0 }, { 0, ROOT_BYTES + 1 }, { ROOT_BYTES, 1 },
					     { 1, UINT32_MAX }, { UINT32_MAX, 2 } };
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		set_up_two_files(state);
		sum_up(FIRST, 8, cases[i][0], cases[i][1]);
		check_refused(-EBADMSG, "is no part of root");
	}
}

static void loader_checksum_kept_outside_its_bytes_is_refused(void **state)
{
	(void)state;
	sum_up(FIRST, 20, 0, 20);
	check_refused(-EBADMSG, "command 2: the checksum is not among");
	set_up_two_files(state);
	sum_up(FIRST, 7, 8, 20);
	check_refused(-EBADMSG, "the checksum is not among");
	set_up_two_files(state);
	sum_up(FIRST, UINT32_MAX, 0, ROOT_BYTES);
	check_refused(-EBADMSG, "the checksum is not among");
	set_up_two_files(state);
	sum_up(FIRST, ROOT_BYTES - 1, 0, ROOT_BYTES);
	assert_int_equal(run(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, set_up_two_files)
		TEST(loader_good_script_places_points_and_sums),
		TEST(loader_pointer_adds_to_the_offset_it_held),
		TEST(loader_pointer_made_twice_is_refused),
		TEST(loader_padding_is_passed_over),
		TEST(loader_script_of_half_a_command_is_refused),
		cmocka_unit_test_setup(loader_without_the_first_file_is_refused, set_up),
		TEST(loader_unknown_command_is_refused),
		TEST(loader_pointer_to_be_told_to_a_device_is_refused),
		TEST(loader_names_empty_or_endless_are_refused),
		TEST(loader_allocation_of_odd_alignment_or_zone_is_refused),
		TEST(loader_file_allocated_twice_is_refused),
		TEST(loader_more_files_than_it_knows_are_refused),
		TEST(loader_file_absent_empty_or_unreadable_is_refused),
		TEST(loader_files_beyond_the_memory_are_refused),
		TEST(loader_first_file_that_must_lie_elsewhere_is_refused),
		TEST(loader_use_before_allocation_is_refused),
		TEST(loader_pointer_of_odd_size_is_refused),
		TEST(loader_pointer_outside_its_file_is_refused),
		TEST(loader_pointer_to_the_last_byte_passes_and_past_it_is_refused),
		TEST(loader_pointer_too_narrow_for_its_address_is_refused),
		TEST(loader_checksum_of_what_is_no_part_of_the_file_is_refused),
		TEST(loader_checksum_kept_outside_its_bytes_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
