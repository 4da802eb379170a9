// SPDX-License-Identifier: BSD-2-Clause
/* clients/nvme against a controller that lies. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bits.h"
#include "nvme_fake.h"

/* Whatever happened: nothing stays granted, nothing stays allocated. */
static void end(struct nvme *nvme)
{
	unsigned i;

	nvme_close(nvme);
	assert_int_equal(fake.grant_count, 0);
	for (i = 0; i < fake.memories; i++)
		assert_null(fake.memory[i]);
}

static struct nvme up(void)
{
	struct nvme nvme;

	assert_int_equal(nvme_open(&nvme, NULL), 0);
	if (nvme_attach(&nvme, "x"))
		fail_msg("%s", nvme.why);
	return nvme;
}

/* Attaching fails with code and a sentence that has these words. */
static void refused(int code, const char *words)
{
	struct nvme nvme;

	assert_int_equal(nvme_open(&nvme, NULL), 0);
	assert_int_equal(nvme_attach(&nvme, "x"), code);
	if (!strstr(nvme.why, words))
		fail_msg("'%s' does not say '%s'", nvme.why, words);
	assert_null(nvme.device);
	end(&nvme);
}

static void nvme_attach_to_a_good_controller_takes_what_it_says(void **state)
{
	struct nvme nvme = up();

	(void)state;
	assert_string_equal(nvme.model, "MODEL?");
	assert_string_equal(nvme.serial, "");
	assert_int_equal(nvme.blocks, 1000);
	assert_int_equal(nvme.block_bytes, 512);
	assert_int_equal(nvme.command_bytes, 32768);
	assert_int_equal(nvme.io.entries, 32);
	assert_int_equal(fake.reach_failures, 0);
	end(&nvme);
}

static unsigned rights_at(uint64_t iova)
{
	unsigned i;

	for (i = 0; i < fake.grant_count; i++)
		if (fake.grants[i].iova == iova)
			return fake.grants[i].rights;
	return 0;
}

static void nvme_queues_are_granted_with_just_the_rights_they_need(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 2; i++) {
		unsigned write = i ? SMMU_WRITE : SMMU_READ | SMMU_WRITE;
		struct nvme nvme;

		nvme_fake_setup(NULL);
		fake.write_only = i;
		nvme = up();
		assert_int_equal(rights_at(fake.sq[0]), SMMU_READ);
		assert_int_equal(rights_at(fake.cq[0]), write);
		assert_int_equal(rights_at(fake.sq[1]), SMMU_READ);
		assert_int_equal(rights_at(fake.cq[1]), write);
		assert_int_equal(rights_at(nvme.lists.buffer.device_address), SMMU_READ);
		assert_int_equal(fake.grant_count, 5); /* the pages of Identify are gone */
		end(&nvme);
	}
}

static void nvme_capabilities_it_cannot_work_with_are_refused(void **state)
{
	static const struct {
		uint64_t cap, bar_bytes;
		int code;
		const char *words;
	} bad[] = {
		{ UINT64_MAX, 0x4000, -ENODEV, "no NVMe controller" },
		{ 0, 0x4000, -ENODEV, "no NVMe controller" },
		{ 63, 0x4000, -ENODEV, "no NVMe controller" },
		{ NVME_FAKE_CAP | 2ull << 48, 0x4000, -EOPNOTSUPP, "pages of 16 KiB" },
		{ NVME_FAKE_CAP & ~0xffffull, 0x4000, -ENODEV, "one entry" },
		{ NVME_FAKE_CAP | 15ull << 32, 0x4000, -ENODEV, "too small for the doorbells" },
		{ NVME_FAKE_CAP, 0x1000, -ENODEV, "too small for the doorbells" },
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(bad); i++) {
		nvme_fake_setup(state);
		fake.cap = bad[i].cap;
		fake.bar_bytes = bad[i].bar_bytes;
		refused(bad[i].code, bad[i].words);
	}
}

static void nvme_controller_with_short_queues_gets_short_queues(void **state)
{
	struct nvme nvme;

	(void)state;
	fake.cap = (NVME_FAKE_CAP & ~0xffffull) | 1;
	nvme = up();
	assert_int_equal(nvme.admin.entries, 2);
	assert_int_equal(nvme.io.entries, 2);
	assert_int_equal(nvme_run_max(&nvme), 1);
	end(&nvme);
}

static void nvme_status_register_that_means_trouble_is_told(void **state)
{
	fake.csts = UINT32_MAX;
	refused(-ENODEV, "reads all ones");
	nvme_fake_setup(state);
	fake.csts_enabled = CSTS_FATAL;
	refused(-EIO, "CSTS.CFS");
	nvme_fake_setup(state);
	fake.csts_enabled = 0; /* for the 500 ms that its CAP.TO allows */
	refused(-ETIMEDOUT, "does not become ready: CSTS stays 0x0 for 500 ms");
}

static void nvme_transfer_limit_is_bounded_whatever_is_said(void **state)
{
	static const struct {
		uint8_t mdts;
		uint32_t bytes;
	} rows[] = { { 0, NVME_COMMAND_BYTES_MAX }, { 1, 8192 }, { 6, 262144 },
		     { 7, NVME_COMMAND_BYTES_MAX }, { 20, NVME_COMMAND_BYTES_MAX },
		     { 255, NVME_COMMAND_BYTES_MAX } };
	size_t i;

	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		struct nvme nvme;

		nvme_fake_setup(state);
		fake.controller[CTRL_MDTS] = rows[i].mdts;
		nvme = up();
		assert_int_equal(nvme.command_bytes, rows[i].bytes);
		end(&nvme);
	}
}

static void nvme_identity_it_cannot_work_with_is_refused(void **state)
{
	static const struct {
		bool is_controller;
		size_t offset;
		uint32_t value;
		int code;
		const char *words;
	} bad[] = {
		{ true, CTRL_SQES, 0x4477, -EOPNOTSUPP, "larger queue entries" },
		{ true, CTRL_SQES, 0x5566, -EOPNOTSUPP, "larger queue entries" },
		{ true, CTRL_NAMESPACES, 0, -ENODEV, "no namespace" },
		{ false, NS_SIZE, 0, -ENODEV, "has no blocks" },
		{ false, NS_SIZE + 4, 0xffffffff, -EPROTO, "blocks" },
		{ false, NS_FORMATS, 0x0500, -EPROTO, "format 5 of 1" },
		{ false, NS_FORMAT_TABLE, 9u << 16 | 8, -EOPNOTSUPP, "metadata" },
		{ false, NS_PROTECTION, 1, -EOPNOTSUPP, "metadata" },
		{ false, NS_FORMAT_TABLE, 0, -EOPNOTSUPP, "2 to the 0 bytes" },
		{ false, NS_FORMAT_TABLE, 8u << 16, -EOPNOTSUPP, "2 to the 8 bytes" },
		{ false, NS_FORMAT_TABLE, 13u << 16, -EOPNOTSUPP, "2 to the 13 bytes" },
		{ false, NS_FORMAT_TABLE, 255u << 16, -EOPNOTSUPP, "2 to the 255 bytes" },
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(bad); i++) {
		nvme_fake_setup(state);
		nvme_fake_put32(bad[i].is_controller ? fake.controller : fake.name_space, bad[i].offset,
		      bad[i].value);
		refused(bad[i].code, bad[i].words);
	}
	/* The upper bits of the index count too. */
	nvme_fake_setup(state);
	fake.name_space[NS_FORMATS] = 255;
	fake.name_space[NS_FORMAT] = 0x6f;
	refused(-EOPNOTSUPP, "2 to the 0 bytes");
}

static int one_read(struct nvme *nvme)
{
	struct nvme_memory data;
	int rc, other;

	assert_int_equal(nvme_buffer_create(nvme, NVME_PAGE, NVME_PER_COMMAND, &data), 0);
	rc = nvme_move(nvme, false, 0, 1, &data, 0);
	other = nvme_buffer_destroy(nvme, &data);
	assert_int_equal(other, 0);
	return rc;
}

static void nvme_completion_that_makes_no_sense_ends_all_commands(void **state)
{
	static const struct {
		enum nvme_lie lie;
		const char *words;
	} bad[] = {
		{ WRONG_QUEUE, "a completion for queue 7" },
		{ WRONG_HEAD, "it has read up to entry 32" },
		{ WRONG_ID, "of command 999" },
		{ IDLE_ID, "of command 2" },
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(bad); i++) {
		struct nvme nvme;

		nvme_fake_setup(state);
		nvme = up();
		assert_int_equal(one_read(&nvme), 0);
		fake.lie = bad[i].lie;
		fake.lie_at = fake.completions;
		assert_int_equal(one_read(&nvme), -EPROTO);
		assert_non_null(strstr(nvme.why, bad[i].words));
		assert_int_equal(one_read(&nvme), -EIO);
		assert_non_null(strstr(nvme.why, "not to be trusted"));
		end(&nvme);
	}
}

static void nvme_completion_told_twice_is_not_believed_the_second_time(void **state)
{
	struct nvme nvme = up();

	(void)state;
	fake.lie = TWICE;
	fake.lie_at = fake.completions;
	assert_int_equal(one_read(&nvme), 0);
	assert_int_equal(one_read(&nvme), -EPROTO);
	end(&nvme);
}

static void nvme_error_status_is_told_in_words_and_the_queue_goes_on(void **state)
{
	struct nvme nvme = up();

	(void)state;
	fake.lie = STATUS;
	fake.lie_at = fake.completions;
	assert_int_equal(one_read(&nvme), -EIO);
	assert_string_equal(nvme.why, "reading block 0 + 1 failed: data transfer error (generic, "
				      "0x04, do not retry)");
	fake.lie = TRUE;
	assert_int_equal(one_read(&nvme), 0);
	end(&nvme);
}

static void nvme_fatal_controller_is_noticed_while_waiting(void **state)
{
	struct nvme nvme = up();

	(void)state;
	fake.lie = FATAL;
	fake.lie_at = fake.completions;
	assert_int_equal(one_read(&nvme), -EIO);
	assert_non_null(strstr(nvme.why, "CSTS.CFS"));
	end(&nvme);
}

static const struct CMUnitTest tests[] = {
#define T(test) cmocka_unit_test_setup(test, nvme_fake_setup)
	T(nvme_attach_to_a_good_controller_takes_what_it_says),
	T(nvme_queues_are_granted_with_just_the_rights_they_need),
	T(nvme_capabilities_it_cannot_work_with_are_refused),
	T(nvme_controller_with_short_queues_gets_short_queues),
	T(nvme_status_register_that_means_trouble_is_told),
	T(nvme_transfer_limit_is_bounded_whatever_is_said),
	T(nvme_identity_it_cannot_work_with_is_refused),
	T(nvme_completion_that_makes_no_sense_ends_all_commands),
	T(nvme_completion_told_twice_is_not_believed_the_second_time),
	T(nvme_error_status_is_told_in_words_and_the_queue_goes_on),
	T(nvme_fatal_controller_is_noticed_while_waiting),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
