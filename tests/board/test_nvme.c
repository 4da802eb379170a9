// SPDX-License-Identifier: BSD-2-Clause
/*
 * A real device's driver behind every IOMMU: clients/nvme against QEMU's NVMe
 * controller, through a daemon. Its insides are called here, so that a command
 * can also be made wrong; what is refused is seen in memory first.
 *
 * Quirks of the model. A page of data that is refused is not reported: it answers
 * success, and only memory and the fault record tell. A list or a queue that is
 * refused is reported, as real controllers do for all of them. What it will do with
 * data it has looked up when the command arrived, not when the data moves.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bits.h"
#include "nvme_rig.h"

static const struct variant *variant;

static int setup(void **state)
{
	*state = nvme_start(variant, (const char *const[]){ "--edu", "0", "--nvme", "1", NULL });
	return 0;
}

/* The newest refusal: whose it is, and in which page. */
static struct smmu_fault refusal(struct nvme *nvme, uint64_t page, unsigned access)
{
	struct smmu_fault faults[8], newest = { 0 };
	int count;

	while ((count = smmu_fault_read(nvme->context, faults, 8, NULL)) > 0)
		newest = faults[count - 1];
	assert_string_equal(newest.device, DISK);
	assert_string_equal(newest.owner, "nvme-driver");
	assert_int_equal(newest.pid, getpid());
	if (newest.access || !variant->hides_access)
		assert_int_equal(newest.access, access);
	assert_int_equal(newest.address & ~(RIG_PAGE - 1), page);
	return newest;
}

/* Blocks 0 to 31 hold byte. */
static void load(struct nvme *nvme, uint8_t byte)
{
	struct nvme_memory memory;

	nvme_make(nvme, 4 * RIG_PAGE, NVME_PER_COMMAND, &memory);
	nvme_set(&memory, 0, 4 * RIG_PAGE, byte);
	nvme_ok(nvme, nvme_move(nvme, true, 0, 32, &memory, 0));
	nvme_drop(nvme, &memory);
}

static void give(struct nvme *nvme, const struct nvme_memory *memory, uint64_t iova,
		  uint64_t length, unsigned rights)
{
	struct smmu_grant one = { memory->buffer.memory, rights, iova, length, 0 };

	assert_int_equal(smmu_map(nvme->context, nvme->domain, &one), 0);
}

static void take_back(struct nvme *nvme, uint64_t iova, uint64_t length)
{
	assert_int_equal(smmu_unmap(nvme->context, nvme->domain, iova, length), 0);
}

/* A read of blocks from block 0 on, with the PRPs as they are given. */
static int raw_read(struct nvme *nvme, uint32_t blocks, uint64_t prp1, uint64_t prp2)
{
	struct nvme_command command = { .opcode = IO_READ, .nsid = 1, .prp1 = prp1, .prp2 = prp2,
					.dword = { 0, 0, blocks - 1 } };

	return nvme_queue_run(nvme, &nvme->io, &command, "a read", NULL);
}

/* --- what it is for --------------------------------------------------------------------- */

static void nvme_identify_tells_what_the_board_has(void **state)
{
	struct nvme nvme;

	nvme_up(&nvme, *state);
	assert_string_equal(nvme.model, "QEMU NVMe Ctrl");
	assert_int_equal(nvme.blocks * nvme.block_bytes, DISK_MIB * MIB);
	assert_in_range(nvme.command_bytes, NVME_PAGE, NVME_COMMAND_BYTES_MAX);
	assert_int_equal(nvme.io.entries, NVME_IO_ENTRIES);
	assert_int_equal(nvme_fault_count(&nvme), 0);
	nvme_down(&nvme);
}

static void nvme_pool_mode_moves_megabytes_with_one_grant(void **state)
{
	struct nvme nvme;

	nvme_up(&nvme, *state);
	nvme_ok(&nvme, nvme_selftest(&nvme, NVME_POOL, 4 * MIB));
	assert_int_equal(nvme.counts.bytes, 8 * MIB);
	assert_int_equal(nvme.counts.grants, 1);
	assert_int_equal(nvme.counts.calls, 2);
	assert_in_range(nvme.io.wraps, 10, UINT32_MAX);
	assert_int_equal(nvme_fault_count(&nvme), 0);
	nvme_down(&nvme);
}

static void nvme_command_mode_moves_megabytes_with_a_grant_each(void **state)
{
	struct nvme nvme;

	nvme_up(&nvme, *state);
	nvme_ok(&nvme, nvme_selftest(&nvme, NVME_PER_COMMAND, 4 * MIB));
	assert_int_equal(nvme.counts.bytes, 8 * MIB);
	assert_int_equal(nvme.counts.grants, nvme.counts.commands);
	/* A call to grant and one to revoke for a whole run of commands. */
	assert_in_range(nvme.counts.calls, 2, nvme.counts.commands / 10);
	assert_in_range(nvme.io.wraps, 10, UINT32_MAX);
	assert_int_equal(nvme_fault_count(&nvme), 0);
	nvme_down(&nvme);
}

static void nvme_data_that_begins_inside_a_page_arrives_whole(void **state)
{
	static const uint32_t counts[] = { 1, 8, 9, 40 };
	struct nvme_memory out, in;
	struct nvme nvme;
	size_t i, k;

	nvme_up(&nvme, *state);
	nvme_make(&nvme, 8 * RIG_PAGE, NVME_PER_COMMAND, &out);
	nvme_make(&nvme, 8 * RIG_PAGE, NVME_PER_COMMAND, &in);
	for (k = 0; k < out.buffer.length / 2; k++)
		((uint16_t *)out.buffer.cpu)[k] = (uint16_t)k;
	for (i = 0; i < ARRAY_COUNT(counts); i++) {
		struct nvme_transfer write = { true, 64, counts[i], &out, 0xe04, 0 };
		struct nvme_transfer read = { false, 64, counts[i], &in, 0xe04, 0 };
		uint64_t bytes = counts[i] * 512u;

		nvme_set(&in, 0, 8 * RIG_PAGE, 0xee);
		nvme_ok(&nvme, nvme_run(&nvme, &write, 1));
		nvme_ok(&nvme, nvme_run(&nvme, &read, 1));
		assert_true(nvme_holds(&in, 0, 0xe04, 0xee));
		assert_memory_equal((uint8_t *)in.buffer.cpu + 0xe04,
				    (uint8_t *)out.buffer.cpu + 0xe04, bytes);
		assert_true(nvme_holds(&in, 0xe04 + bytes, 8 * RIG_PAGE - 0xe04 - bytes, 0xee));
	}
	nvme_drop(&nvme, &out);
	nvme_drop(&nvme, &in);
	assert_int_equal(nvme_fault_count(&nvme), 0);
	nvme_down(&nvme);
}

/* --- what it is not for ------------------------------------------------------------------ */

static void nvme_list_one_page_off_is_refused_reported_and_the_queue_goes_on(void **state)
{
	struct nvme_memory data;
	struct smmu_fault fault;
	struct nvme nvme;
	uint64_t *list, iova, end;

	nvme_up(&nvme, *state);
	load(&nvme, 0x5a);
	nvme_make(&nvme, 4 * RIG_PAGE, NVME_POOL, &data);
	list = nvme.lists.buffer.cpu;
	iova = data.buffer.device_address;
	end = nvme.lists.buffer.device_address + nvme.lists.buffer.length;
	list[0] = iova + RIG_PAGE;
	list[1] = iova + 2 * RIG_PAGE;
	assert_int_equal(raw_read(&nvme, 24, iova, end), -EIO);
	assert_true(nvme_holds(&data, 0, 4 * RIG_PAGE, 0));
	assert_non_null(strstr(nvme.why, "data transfer error (generic, 0x04"));
	fault = refusal(&nvme, end, SMMU_READ);
	assert_non_null(strstr(fault.note, "0x1 past the end of the grant at"));
	assert_int_equal(raw_read(&nvme, 24, iova, nvme.lists.buffer.device_address), 0);
	assert_true(nvme_holds(&data, 0, 3 * RIG_PAGE, 0x5a));
	assert_true(nvme_holds(&data, 3 * RIG_PAGE, RIG_PAGE, 0));
	nvme_drop(&nvme, &data);
	nvme_ok(&nvme, nvme_selftest(&nvme, NVME_PER_COMMAND, MIB));
	assert_int_equal(nvme_fault_count(&nvme), 0);
	nvme_down(&nvme);
}

static void nvme_prp_one_page_past_the_grant_leaves_the_neighbour_unchanged(void **state)
{
	struct nvme_memory data, neighbour;
	struct smmu_fault fault;
	uint64_t iova, beyond;
	struct nvme nvme;

	nvme_up(&nvme, *state);
	nvme_make(&nvme, 2 * RIG_PAGE, NVME_PER_COMMAND, &data);
	nvme_make(&nvme, RIG_PAGE, NVME_PER_COMMAND, &neighbour);
	load(&nvme, 0x5a); /* after them: what it had granted lies elsewhere */
	nvme_set(&neighbour, 0, RIG_PAGE, 0x11);
	iova = data.buffer.device_address;
	beyond = iova + data.buffer.length;
	give(&nvme, &data, iova, 2 * RIG_PAGE, SMMU_READ | SMMU_WRITE);
	raw_read(&nvme, 16, iova + RIG_PAGE, beyond);
	assert_true(nvme_holds(&neighbour, 0, RIG_PAGE, 0x11));
	assert_true(nvme_holds(&data, 0, RIG_PAGE, 0));
	fault = refusal(&nvme, beyond, SMMU_WRITE);
	assert_non_null(strstr(fault.note, "past the end of the grant at"));
	/* Its twin: with the neighbour granted, the same command reaches it. */
	give(&nvme, &neighbour, beyond, RIG_PAGE, SMMU_READ | SMMU_WRITE);
	assert_int_equal(raw_read(&nvme, 16, iova + RIG_PAGE, beyond), 0);
	assert_true(nvme_holds(&neighbour, 0, RIG_PAGE, 0x5a));
	assert_true(nvme_holds(&data, RIG_PAGE, RIG_PAGE, 0x5a));
	take_back(&nvme, beyond, RIG_PAGE);
	take_back(&nvme, iova, 2 * RIG_PAGE);
	nvme_drop(&nvme, &data);
	nvme_drop(&nvme, &neighbour);
	nvme_ok(&nvme, nvme_selftest(&nvme, NVME_PER_COMMAND, MIB));
	nvme_down(&nvme);
}

static void nvme_read_into_a_buffer_granted_for_writing_out_is_refused(void **state)
{
	struct nvme_memory data;
	struct nvme nvme;
	uint64_t iova;

	nvme_up(&nvme, *state);
	load(&nvme, 0x5a);
	nvme_make(&nvme, RIG_PAGE, NVME_PER_COMMAND, &data);
	nvme_set(&data, 0, RIG_PAGE, 0x11);
	iova = data.buffer.device_address;
	give(&nvme, &data, iova, RIG_PAGE, SMMU_READ);
	raw_read(&nvme, 8, iova, 0);
	assert_true(nvme_holds(&data, 0, RIG_PAGE, 0x11));
	refusal(&nvme, iova, SMMU_WRITE);
	take_back(&nvme, iova, RIG_PAGE);
	nvme_ok(&nvme, nvme_move(&nvme, false, 0, 8, &data, 0));
	assert_true(nvme_holds(&data, 0, RIG_PAGE, 0x5a));
	nvme_drop(&nvme, &data);
	nvme_down(&nvme);
}

static void nvme_buffer_is_refused_once_its_command_is_over(void **state)
{
	struct smmu_fault fault;
	struct nvme_memory data;
	struct nvme nvme;
	uint64_t iova;

	nvme_up(&nvme, *state);
	load(&nvme, 0x5a);
	nvme_make(&nvme, RIG_PAGE, NVME_PER_COMMAND, &data);
	iova = data.buffer.device_address;
	nvme_ok(&nvme, nvme_move(&nvme, false, 0, 8, &data, 0));
	assert_true(nvme_holds(&data, 0, RIG_PAGE, 0x5a));
	nvme_set(&data, 0, RIG_PAGE, 0x11);
	raw_read(&nvme, 8, iova, 0);
	assert_true(nvme_holds(&data, 0, RIG_PAGE, 0x11));
	fault = refusal(&nvme, iova, SMMU_WRITE);
	assert_non_null(strstr(fault.note, "use after unmap"));
	nvme_drop(&nvme, &data);
	nvme_down(&nvme);
}

static void nvme_queue_that_is_revoked_is_fatal_and_a_reset_mends_it(void **state)
{
	struct smmu_dma_buffer *ring;
	struct nvme_memory data;
	struct nvme nvme;

	nvme_up(&nvme, *state);
	nvme_make(&nvme, RIG_PAGE, NVME_PER_COMMAND, &data);
	ring = &nvme.io.completions.buffer;
	take_back(&nvme, ring->device_address, ring->length);
	memset(ring->cpu, 0, ring->length);
	assert_int_equal(nvme_move(&nvme, false, 0, 8, &data, 0), -EIO);
	assert_non_null(strstr(nvme.why, "CSTS.CFS"));
	refusal(&nvme, ring->device_address, SMMU_WRITE);
	assert_int_equal(nvme_move(&nvme, false, 0, 8, &data, 0), -EIO);
	give(&nvme, &nvme.io.completions, ring->device_address, ring->length,
	      SMMU_READ | SMMU_WRITE);
	nvme_ok(&nvme, nvme_detach(&nvme));
	nvme_ok(&nvme, nvme_attach(&nvme, DISK));
	nvme_drop(&nvme, &data);
	nvme_ok(&nvme, nvme_selftest(&nvme, NVME_PER_COMMAND, MIB));
	nvme_down(&nvme);
}

static const struct CMUnitTest tests[] = {
#define T(test) cmocka_unit_test_setup_teardown(test, setup, nvme_stop)
	T(nvme_identify_tells_what_the_board_has),
	T(nvme_pool_mode_moves_megabytes_with_one_grant),
	T(nvme_command_mode_moves_megabytes_with_a_grant_each),
	T(nvme_data_that_begins_inside_a_page_arrives_whole),
	T(nvme_list_one_page_off_is_refused_reported_and_the_queue_goes_on),
	T(nvme_prp_one_page_past_the_grant_leaves_the_neighbour_unchanged),
	T(nvme_read_into_a_buffer_granted_for_writing_out_is_refused),
	T(nvme_buffer_is_refused_once_its_command_is_over),
	T(nvme_queue_that_is_revoked_is_fatal_and_a_reset_mends_it),
};

static int run(const char *name)
{
	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
	return nvme_run_tests(&variant, run);
}
