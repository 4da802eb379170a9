// SPDX-License-Identifier: BSD-2-Clause
/* clients/nvme: PRPs, status words, and what is granted for how long. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bits.h"
#include "nvme_fake.h"

#define LIST 0x900000u

static struct nvme up(void)
{
	struct nvme nvme;

	assert_int_equal(nvme_open(&nvme, NULL), 0);
	if (nvme_attach(&nvme, "x"))
		fail_msg("%s", nvme.why);
	return nvme;
}

static void nvme_prps_follow_the_pages_a_transfer_touches(void **state)
{
	static const struct {
		uint64_t iova, length, prp1, prp2, listed;
	} rows[] = {
		{ 0x10000, 1, 0x10000, 0, 0 },
		{ 0x10000, 4096, 0x10000, 0, 0 },
		{ 0x10ffc, 4, 0x10ffc, 0, 0 },
		{ 0x10ffc, 5, 0x10ffc, 0x11000, 0 },
		{ 0x10000, 4097, 0x10000, 0x11000, 0 },
		{ 0x10000, 8192, 0x10000, 0x11000, 0 },
		{ 0x10000, 8193, 0x10000, LIST, 2 },
		{ 0x10004, 8192, 0x10004, LIST, 2 },
		{ 0x10004, 12288, 0x10004, LIST, 3 },
		{ 0x10000, 262144, 0x10000, LIST, 63 },
		{ 0x10ffc, 262144, 0x10ffc, LIST, 64 },
	};
	uint64_t list[512];
	size_t i, k;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		struct nvme_command command = { 0 };

		memset(list, 0xee, sizeof(list));
		nvme_set_prps(&command, rows[i].iova, rows[i].length, list, LIST);
		assert_int_equal(command.prp1, rows[i].prp1);
		assert_int_equal(command.prp2, rows[i].prp2);
		for (k = 0; k < rows[i].listed; k++)
			assert_int_equal(list[k], 0x11000 + k * 0x1000);
		assert_int_equal(list[k], UINT64_C(0xeeeeeeeeeeeeeeee));
	}
}

static void nvme_status_is_told_in_words(void **state)
{
	static const struct {
		uint16_t status;
		const char *words;
	} rows[] = {
		{ 0x0004, "data transfer error (generic, 0x04)" },
		{ 0x4013, "PRP offset invalid (generic, 0x13, do not retry)" },
		{ 0x0101, "invalid queue identifier (command specific, 0x01)" },
		{ 0x0281, "unrecovered read error (media and data integrity, 0x81)" },
		{ 0x07ff, "a status this driver does not know (vendor's own, 0xff)" },
	};
	char text[96];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		nvme_status_words(rows[i].status, text, sizeof(text));
		assert_string_equal(text, rows[i].words);
	}
}

/* What each call granted, when the fake controller reached for it. */
static void nvme_command_grants_its_pages_with_one_right_and_takes_them_back(void **state)
{
	static const struct {
		uint64_t offset, begin, length;
	} rows[] = { { 0x1e00, 0x1000, 0x2000 }, { 0x1000, 0x1000, 0x1000 } };
	unsigned k;

	(void)state;
	for (k = 0; k < 2 * ARRAY_COUNT(rows); k++) {
		unsigned i = k % 2, row = k / 2;
		unsigned kept, maps, unmaps, failures;
		struct nvme_memory data;
		struct nvme_transfer one;
		struct nvme nvme;

		nvme_fake_setup(NULL);
		fake.write_only = 1;
		nvme = up();
		assert_int_equal(nvme_buffer_create(&nvme, 0x4000, NVME_PER_COMMAND, &data), 0);
		kept = fake.grant_count;
		maps = fake.maps;
		unmaps = fake.unmaps;
		failures = fake.reach_failures;
		one = (struct nvme_transfer){ .is_write = i, .blocks = 8, .buffer = &data,
					      .offset = rows[row].offset };
		assert_int_equal(nvme_run(&nvme, &one, 1), 0);
		assert_int_equal(fake.reach_failures, failures);
		assert_int_equal(fake.maps, maps + 1);
		assert_int_equal(fake.unmaps, unmaps + 1);
		assert_int_equal(fake.grant_count, kept);
		/* The table still shows the last grant that was taken from it. */
		assert_int_equal(fake.grants[kept].iova, data.buffer.device_address + rows[row].begin);
		assert_int_equal(fake.grants[kept].offset, rows[row].begin);
		assert_int_equal(fake.grants[kept].length, rows[row].length);
		assert_int_equal(fake.grants[kept].rights, i ? SMMU_READ : SMMU_WRITE);
		assert_int_equal(nvme.counts.grants, 1);
		assert_int_equal(nvme.counts.calls, 2);
		assert_int_equal(nvme_buffer_destroy(&nvme, &data), 0);
		nvme_close(&nvme);
		assert_int_equal(fake.grant_count, 0);
	}
}

static void nvme_failed_command_is_taken_back_like_any(void **state)
{
	struct nvme_memory data;
	struct nvme nvme = up();
	unsigned kept;

	(void)state;
	assert_int_equal(nvme_buffer_create(&nvme, 0x1000, NVME_PER_COMMAND, &data), 0);
	kept = fake.grant_count;
	fake.lie = WRONG_QUEUE;
	fake.lie_at = fake.completions;
	assert_int_equal(nvme_move(&nvme, true, 0, 1, &data, 0), -EPROTO);
	assert_int_equal(fake.grant_count, kept);
	assert_int_equal(nvme_buffer_destroy(&nvme, &data), 0);
	nvme_close(&nvme);
	assert_int_equal(fake.grant_count, 0);
}

static void nvme_transfer_that_does_not_fit_is_refused_before_anything_is_granted(void **state)
{
	struct nvme_memory data;
	struct nvme nvme = up();
	const struct {
		struct nvme_transfer transfer;
		int code;
		const char *words;
	} bad[] = {
		{ { .blocks = 0 }, -EINVAL, "1 to 64 blocks, not 0" },
		{ { .blocks = 65 }, -EINVAL, "1 to 64 blocks, not 65" },
		{ { .blocks = UINT32_MAX }, -EINVAL, "1 to 64 blocks" },
		{ { .blocks = 1, .lba = 1000 }, -ERANGE, "beyond the last of the 1000" },
		{ { .blocks = 2, .lba = 999 }, -ERANGE, "beyond the last of the 1000" },
		{ { .blocks = 1, .lba = UINT64_MAX }, -ERANGE, "beyond the last of the 1000" },
		{ { .blocks = 1, .offset = 2 }, -EINVAL, "inside its buffer" },
		{ { .blocks = 9, .offset = 0 }, -EINVAL, "inside its buffer" },
		{ { .blocks = 1, .offset = 0xe04 }, -EINVAL, "inside its buffer" },
		{ { .blocks = 1, .offset = UINT64_MAX - 3 }, -EINVAL, "inside its buffer" },
	};
	unsigned maps;
	size_t i;

	(void)state;
	assert_int_equal(nvme_buffer_create(&nvme, 0x1000, NVME_PER_COMMAND, &data), 0);
	maps = fake.maps;
	for (i = 0; i < ARRAY_COUNT(bad); i++) {
		struct nvme_transfer transfer = bad[i].transfer;

		transfer.buffer = &data;
		assert_int_equal(nvme_run(&nvme, &transfer, 1), bad[i].code);
		assert_non_null(strstr(nvme.why, bad[i].words));
	}
	assert_int_equal(nvme_move(&nvme, true, 0, 1, &data, 512), -EINVAL);
	assert_int_equal(nvme_run(&nvme, NULL, 0), -EINVAL);
	assert_int_equal(fake.maps, maps);
	assert_int_equal(nvme_buffer_destroy(&nvme, &data), 0);
	nvme_close(&nvme);
}

static const struct CMUnitTest tests[] = {
#define T(test) cmocka_unit_test_setup(test, nvme_fake_setup)
	T(nvme_prps_follow_the_pages_a_transfer_touches),
	T(nvme_status_is_told_in_words),
	T(nvme_command_grants_its_pages_with_one_right_and_takes_them_back),
	T(nvme_failed_command_is_taken_back_like_any),
	T(nvme_transfer_that_does_not_fit_is_refused_before_anything_is_granted),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
