// SPDX-License-Identifier: BSD-2-Clause
/* The firmware configuration device, against answers written beforehand. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fw_cfg.h"

#define ENTRY_BYTES 64u
#define SCRATCH_PA UINT64_C(0x200000)

static struct fw_cfg fw_cfg;
static struct error err;
static uint8_t directory[4 + (FW_CFG_FILES_MAX + 1) * ENTRY_BYTES];
static uint8_t scratch[0x2000];

static void set_count(uint32_t count)
{
	directory[0] = (uint8_t)(count >> 24);
	directory[1] = (uint8_t)(count >> 16);
	directory[2] = (uint8_t)(count >> 8);
	directory[3] = (uint8_t)count;
}

/* 0x1234 bytes each, by key 0x20 and following. */
static void set_entry(unsigned index, const char *name)
{
	uint8_t *entry = directory + 4 + (size_t)index * ENTRY_BYTES;

	memset(entry, 0, ENTRY_BYTES);
	entry[2] = 0x12;
	entry[3] = 0x34;
	entry[5] = (uint8_t)(0x20 + index);
	strcpy((char *)entry + 8, name);
}

static int set_up(void **state)
{
	(void)state;
	memset(directory, 0, sizeof(directory));
	memset(&fw_cfg, 0, sizeof(fw_cfg));
	set_count(2);
	set_entry(0, "etc/one");
	set_entry(1, "etc/two");
	return 0;
}

static void directory_is_read_and_its_files_are_found(void **state)
{
	uint32_t size = 0;

	(void)state;
	assert_int_equal(fw_cfg_parse(&fw_cfg, directory, sizeof(directory), &err), 0);
	assert_int_equal(fw_cfg.count, 2);
	assert_int_equal(fw_cfg.files[1].key, 0x21);
	assert_int_equal(fw_cfg_find(&fw_cfg, "etc/two", &size, &err), 0);
	assert_int_equal(size, 0x1234);
	assert_int_equal(fw_cfg_find(&fw_cfg, "etc/three", &size, &err), -ENOENT);
	assert_non_null(strstr(err.text, "QEMU has no etc/three"));
	assert_int_equal(fw_cfg_load(&fw_cfg, "etc/three", &size, 4, &err), -ENOENT);
}

static void directory_that_says_more_files_than_it_has_is_refused(void **state)
{
	static const uint32_t counts[] = { 3, FW_CFG_FILES_MAX + 1, UINT32_MAX };
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		set_count(counts[i]);
		assert_int_equal(fw_cfg_parse(&fw_cfg, directory, 4 + 2 * ENTRY_BYTES, &err),
				 -EBADMSG);
		assert_non_null(strstr(err.text, "is too long"));
		assert_int_equal(fw_cfg.count, 0);
	}
	set_count(FW_CFG_FILES_MAX + 1);
	assert_int_equal(fw_cfg_parse(&fw_cfg, directory, sizeof(directory), &err), -EBADMSG);
	assert_int_equal(fw_cfg_parse(&fw_cfg, directory, 3, &err), -EBADMSG);
}

static void directory_with_a_name_without_end_is_refused(void **state)
{
	(void)state;
	memset(directory + 4 + ENTRY_BYTES + 8, 'x', FW_CFG_NAME_BYTES);
	assert_int_equal(fw_cfg_parse(&fw_cfg, directory, sizeof(directory), &err), -EBADMSG);
	assert_non_null(strstr(err.text, "file 1 has a name without end"));
	assert_int_equal(fw_cfg.count, 0);
}

/* QEMU says OK to two port writes and does nothing else. */
static int init_on_a_silent_device(struct qtest *qtest)
{
	int pair[2], status;
	char asked[256] = { 0 };

	memset(scratch, 0, sizeof(scratch));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(send(pair[1], "OK\n", 3, 0), 3);
	assert_int_equal(send(pair[1], "OK\n", 3, 0), 3);
	assert_int_equal(qtest_init(qtest, pair[0], 5), 0);
	status = fw_cfg_init(&fw_cfg, qtest, scratch, SCRATCH_PA, sizeof(scratch), &err);
	assert_true(recv(pair[1], asked, sizeof(asked) - 1, 0) > 0);
	assert_string_equal(asked, "outl 0x514 0x0\n");
	memset(asked, 0, sizeof(asked));
	assert_true(recv(pair[1], asked, sizeof(asked) - 1, 0) > 0);
	assert_string_equal(asked, "outl 0x518 0x2000\n"); /* 0x200000, big-endian */
	close(pair[0]);
	close(pair[1]);
	return status;
}

static void device_that_does_no_dma_is_refused(void **state)
{
	struct qtest qtest;

	(void)state;
	assert_int_equal(init_on_a_silent_device(&qtest), -ENODEV);
	assert_non_null(strstr(err.text, "no fw_cfg by DMA"));
	assert_int_equal(scratch[3], 0x0a); /* the request: select and read ... */
	assert_int_equal(scratch[7], 4);    /* ... four bytes ... */
	assert_int_equal(scratch[13], 0x20); /* ... to 0x201000 */
	assert_int_equal(scratch[14], 0x10);
}

static void file_too_long_for_the_scratch_is_refused_unread(void **state)
{
	uint8_t bytes[0x1001];

	(void)state;
	assert_int_equal(fw_cfg_parse(&fw_cfg, directory, sizeof(directory), &err), 0);
	fw_cfg.scratch = scratch;
	fw_cfg.scratch_size = sizeof(scratch);
	assert_int_equal(fw_cfg_load(&fw_cfg, "etc/one", bytes, sizeof(bytes), &err), -ENOSPC);
	assert_non_null(strstr(err.text, "too long: 0x1001 bytes"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, set_up)
		TEST(directory_is_read_and_its_files_are_found),
		TEST(directory_that_says_more_files_than_it_has_is_refused),
		TEST(directory_with_a_name_without_end_is_refused),
		TEST(device_that_does_no_dma_is_refused),
		TEST(file_too_long_for_the_scratch_is_refused_unread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
