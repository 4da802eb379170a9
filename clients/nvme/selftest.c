// SPDX-License-Identifier: BSD-2-Clause
/*
 * Megabytes out, back and compared, in commands of every shape: one page, two,
 * and lists; side by side, over many turns of the queue.
 */
#include "nvme.h"

#include <errno.h>
#include <string.h>

#define WINDOW ((size_t)1 << 20) /* bytes of the buffer, used again and again */

/* Bytes of one command; the sum is far below WINDOW. Not a divisor of it, so that shapes move. */
static const uint32_t shapes[] = { 4096, 8192, 12288, 4608, 65536, 512, 36864, 16896 };

#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

/* What block number lba is to hold: words that no other block and no other run has. */
static void fill(uint64_t *words, uint64_t bytes, uint64_t lba, uint32_t block_bytes, uint64_t salt)
{
	uint64_t i;

	for (i = 0; i < bytes / 8; i++)
		words[i] = (lba + i * 8 / block_bytes) * 0x9e3779b97f4a7c15u + i * 8 % block_bytes +
			   salt;
}

static bool holds(const uint64_t *words, uint64_t bytes, uint64_t lba, uint32_t block_bytes,
		  uint64_t salt)
{
	uint64_t i;

	for (i = 0; i < bytes / 8; i++)
		if (words[i] != (lba + i * 8 / block_bytes) * 0x9e3779b97f4a7c15u +
					i * 8 % block_bytes + salt)
			return false;
	return true;
}

struct run {
	struct nvme *nvme;
	const struct nvme_memory *buffer;
	uint64_t salt;
	unsigned shape; /* of the next command */
	struct nvme_transfer transfers[NVME_IO_ENTRIES];
	unsigned count;
	uint64_t bytes; /* of all of them */
};

/* As many transfers as there is room for, each beginning at a page of its own. */
static void plan(struct run *run, uint64_t lba, uint64_t left)
{
	struct nvme *nvme = run->nvme;
	uint64_t offset = 0;

	run->count = 0;
	run->bytes = 0;
	while (left > 0 && run->count < nvme_run_max(nvme)) {
		uint64_t bytes = shapes[run->shape++ % SHAPES];
		uint64_t pages;

		if (bytes > nvme->command_bytes)
			bytes = nvme->command_bytes;
		bytes -= bytes % nvme->block_bytes;
		bytes = bytes < nvme->block_bytes ? nvme->block_bytes : bytes;
		bytes = bytes < left ? bytes : left;
		pages = (bytes + NVME_PAGE - 1) / NVME_PAGE * NVME_PAGE;
		if (offset + pages > WINDOW)
			return;
		run->transfers[run->count++] = (struct nvme_transfer){
			.lba = lba, .blocks = (uint32_t)(bytes / nvme->block_bytes),
			.buffer = run->buffer, .offset = offset };
		offset += pages;
		lba += bytes / nvme->block_bytes;
		left -= bytes;
		run->bytes += bytes;
	}
}

static uint64_t *data_of(const struct run *run, const struct nvme_transfer *transfer)
{
	return (uint64_t *)((uint8_t *)run->buffer->buffer.cpu + transfer->offset);
}

static int write_and_check(struct run *run)
{
	uint32_t block = run->nvme->block_bytes;
	unsigned i;
	int rc;

	for (i = 0; i < run->count; i++) {
		struct nvme_transfer *t = &run->transfers[i];

		fill(data_of(run, t), (uint64_t)t->blocks * block, t->lba, block, run->salt);
		t->is_write = true;
	}
	rc = nvme_run(run->nvme, run->transfers, run->count);
	if (rc)
		return rc;
	memset(run->buffer->buffer.cpu, 0, WINDOW);
	for (i = 0; i < run->count; i++)
		run->transfers[i].is_write = false;
	rc = nvme_run(run->nvme, run->transfers, run->count);
	for (i = 0; !rc && i < run->count; i++) {
		const struct nvme_transfer *t = &run->transfers[i];

		if (!holds(data_of(run, t), (uint64_t)t->blocks * block, t->lba, block, run->salt))
			rc = nvme_fail(run->nvme, -EILSEQ, "block %llu + %u reads back differently",
				       (unsigned long long)t->lba, t->blocks);
	}
	return rc;
}

static int run_all(struct run *run, uint64_t bytes)
{
	uint64_t lba = 0;
	int rc = 0;

	while (!rc && bytes > 0) {
		plan(run, lba, bytes);
		rc = write_and_check(run);
		lba += run->bytes / run->nvme->block_bytes;
		bytes -= run->bytes;
	}
	return rc;
}

int nvme_selftest(struct nvme *nvme, enum nvme_mode mode, uint64_t bytes)
{
	struct nvme_memory buffer = { 0 };
	struct run run = { .nvme = nvme, .buffer = &buffer, .salt = (uint64_t)mode + 1 };
	int rc, other;

	if (bytes == 0 || bytes % NVME_PAGE || bytes / nvme->block_bytes > nvme->blocks)
		return nvme_fail(nvme, -ERANGE, "the namespace has %llu bytes",
				 (unsigned long long)nvme->blocks * nvme->block_bytes);
	rc = nvme_buffer_create(nvme, WINDOW, mode, &buffer);
	if (!rc)
		rc = run_all(&run, bytes);
	other = nvme_buffer_destroy(nvme, &buffer);
	return rc ? rc : other;
}
