// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reads and writes. The one place where a driver's choice shows: data that is
 * granted as long as its buffer lives, or as long as a command runs.
 */
#include "nvme.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define RUN_MAX (NVME_IO_ENTRIES - 1u)

int nvme_buffer_create(struct nvme *nvme, size_t bytes, enum nvme_mode mode,
		       struct nvme_memory *ret_buffer)
{
	unsigned rights = mode == NVME_POOL ? SMMU_READ | SMMU_WRITE : 0;
	int rc = nvme_memory_create(nvme, bytes, rights, ret_buffer);

	if (!rc && rights) {
		nvme->counts.grants++;
		nvme->counts.calls++;
	}
	return rc;
}

int nvme_buffer_destroy(struct nvme *nvme, struct nvme_memory *buffer)
{
	if (buffer->is_granted)
		nvme->counts.calls++;
	return nvme_memory_destroy(nvme, buffer);
}

unsigned nvme_run_max(const struct nvme *nvme)
{
	unsigned entries = nvme->io.entries - 1u, batch = smmu_batch_max(nvme->context);

	return entries < batch ? entries : batch;
}

/* --- PRPs ------------------------------------------------------------------------------ */

static uint64_t page_of(uint64_t address)
{
	return address & ~(uint64_t)(NVME_PAGE - 1);
}

void nvme_set_prps(struct nvme_command *command, uint64_t iova, uint64_t length, uint64_t *list,
		   uint64_t list_iova)
{
	uint64_t page = page_of(iova) + NVME_PAGE, end = iova + length;
	unsigned count = 0;

	command->prp1 = iova; /* the only one that may begin inside a page */
	command->prp2 = 0;
	if (page >= end)
		return;
	if (page + NVME_PAGE >= end) {
		command->prp2 = page;
		return;
	}
	for (; page < end; page += NVME_PAGE)
		list[count++] = page;
	command->prp2 = list_iova;
}

/* --- grants per command -------------------------------------------------------------------- */

static uint64_t iova_of(const struct nvme_transfer *transfer)
{
	return transfer->buffer->buffer.device_address + transfer->offset;
}

static uint64_t bytes_of(const struct nvme *nvme, const struct nvme_transfer *transfer)
{
	return (uint64_t)transfer->blocks * nvme->block_bytes;
}

/* Grants are whole pages: those that the transfer touches, all of them the buffer's. */
static struct smmu_grant grant_of(const struct nvme *nvme, const struct nvme_transfer *transfer)
{
	uint64_t begin = page_of(transfer->offset);
	uint64_t end = page_of(transfer->offset + bytes_of(nvme, transfer) + NVME_PAGE - 1);

	return (struct smmu_grant){
		.memory = transfer->buffer->buffer.memory,
		.rights = transfer->is_write ? SMMU_READ : nvme_write_rights(nvme),
		.iova = transfer->buffer->buffer.device_address + begin,
		.length = end - begin,
		.offset = begin,
	};
}

static int grant_data(struct nvme *nvme, const struct nvme_transfer *transfers, unsigned count)
{
	struct smmu_grant grants[RUN_MAX];
	unsigned i, wanted = 0;
	int rc;

	for (i = 0; i < count; i++)
		if (!transfers[i].buffer->is_granted)
			grants[wanted++] = grant_of(nvme, &transfers[i]);
	if (wanted == 0)
		return 0;
	rc = smmu_map_batch(nvme->context, nvme->domain, grants, wanted);
	nvme->counts.calls++;
	if (rc)
		return nvme_fail_smmu(nvme, rc);
	nvme->counts.grants += wanted;
	return 0;
}

/* When it returns 0 the controller reaches none of the data any more. */
static int revoke_data(struct nvme *nvme, const struct nvme_transfer *transfers, unsigned count)
{
	struct smmu_range ranges[RUN_MAX];
	unsigned i, wanted = 0;
	int rc;

	for (i = 0; i < count; i++) {
		struct smmu_grant grant = grant_of(nvme, &transfers[i]);

		if (!transfers[i].buffer->is_granted)
			ranges[wanted++] = (struct smmu_range){ grant.iova, grant.length };
	}
	if (wanted == 0)
		return 0;
	rc = smmu_unmap_batch(nvme->context, nvme->domain, ranges, wanted);
	nvme->counts.calls++;
	return rc ? nvme_fail_smmu(nvme, rc) : 0;
}

/* --- transfers ----------------------------------------------------------------------------- */

static int check_transfer(struct nvme *nvme, const struct nvme_transfer *transfer)
{
	uint64_t bytes = bytes_of(nvme, transfer);

	if (transfer->blocks == 0 || bytes > nvme->command_bytes)
		return nvme_fail(nvme, -EINVAL, "a command moves 1 to %u blocks, not %u",
				 nvme->command_bytes / nvme->block_bytes, transfer->blocks);
	if (transfer->lba >= nvme->blocks || transfer->blocks > nvme->blocks - transfer->lba)
		return nvme_fail(nvme, -ERANGE, "block %llu + %u is beyond the last of the %llu "
				 "blocks", (unsigned long long)transfer->lba, transfer->blocks,
				 (unsigned long long)nvme->blocks);
	if (transfer->offset % 4 || transfer->offset > transfer->buffer->buffer.length ||
	    bytes > transfer->buffer->buffer.length - transfer->offset)
		return nvme_fail(nvme, -EINVAL, "the data does not lie inside its buffer");
	return 0;
}

static int put_transfer(struct nvme *nvme, const struct nvme_transfer *transfer, uint16_t *ret_slot)
{
	struct nvme_command command = {
		.opcode = transfer->is_write ? IO_WRITE : IO_READ,
		.nsid = 1,
		.dword = { (uint32_t)transfer->lba, (uint32_t)(transfer->lba >> 32),
			   transfer->blocks - 1 },
	};
	uint16_t slot;
	int rc = nvme_queue_slot(nvme, &nvme->io, &slot);
	uint64_t list = (uint64_t)slot * NVME_PAGE;

	if (rc)
		return rc;
	nvme_set_prps(&command, iova_of(transfer), bytes_of(nvme, transfer),
		      (uint64_t *)((uint8_t *)nvme->lists.buffer.cpu + list),
		      nvme->lists.buffer.device_address + list);
	nvme->counts.commands++;
	nvme->counts.bytes += bytes_of(nvme, transfer);
	return nvme_queue_put(nvme, &nvme->io, &command, ret_slot);
}

/* With the data granted: in, one doorbell, and out. */
static int run_granted(struct nvme *nvme, struct nvme_transfer *transfers, unsigned count)
{
	uint16_t slots[RUN_MAX];
	unsigned i;
	int rc = 0, failed = 0;

	for (i = 0; !rc && i < count; i++)
		rc = put_transfer(nvme, &transfers[i], &slots[i]);
	if (!rc)
		rc = nvme_queue_ring(nvme, &nvme->io);
	if (!rc)
		rc = nvme_queue_wait(nvme, &nvme->io);
	for (i = 0; !rc && i < count; i++) {
		char what[64];
		int one;

		snprintf(what, sizeof(what), "%s block %llu + %u",
			 transfers[i].is_write ? "writing" : "reading",
			 (unsigned long long)transfers[i].lba, transfers[i].blocks);
		one = nvme_queue_result(nvme, &nvme->io, slots[i], what, NULL,
					&transfers[i].status);
		failed = failed ? failed : one;
	}
	return rc ? rc : failed;
}

int nvme_run(struct nvme *nvme, struct nvme_transfer *transfers, unsigned count)
{
	unsigned i;
	int rc, revoked;

	if (!nvme->device)
		return nvme_fail(nvme, -ENODEV, "no controller is attached");
	if (count == 0 || count > nvme_run_max(nvme))
		return nvme_fail(nvme, -EINVAL, "1 to %u transfers at a time", nvme_run_max(nvme));
	for (i = 0; i < count; i++) {
		transfers[i].status = 0;
		rc = check_transfer(nvme, &transfers[i]);
		if (rc)
			return rc;
	}
	rc = grant_data(nvme, transfers, count);
	if (rc)
		return rc;
	rc = run_granted(nvme, transfers, count);
	revoked = revoke_data(nvme, transfers, count);
	return rc ? rc : revoked;
}

int nvme_move(struct nvme *nvme, bool is_write, uint64_t lba, uint64_t blocks,
	      const struct nvme_memory *buffer, uint64_t offset)
{
	uint32_t most = nvme->device ? nvme->command_bytes / nvme->block_bytes : 1;
	int rc = 0;

	if (offset % NVME_PAGE)
		return nvme_fail(nvme, -EINVAL, "the data is to begin at a page of its buffer");
	while (!rc && blocks > 0) {
		struct nvme_transfer transfers[RUN_MAX];
		unsigned count = 0;

		for (; blocks > 0 && count < nvme_run_max(nvme); count++) {
			uint32_t some = blocks < most ? (uint32_t)blocks : most;

			transfers[count] = (struct nvme_transfer){ is_write, lba, some, buffer,
								   offset, 0 };
			lba += some;
			blocks -= some;
			offset += (uint64_t)some * nvme->block_bytes;
		}
		rc = nvme_run(nvme, transfers, count);
	}
	return rc;
}
