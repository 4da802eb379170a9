// SPDX-License-Identifier: BSD-2-Clause
/*
 * Buffers for DMA: on a virtual board from a part of its RAM that the service
 * lends us, elsewhere from a sealed memfd each. Every buffer is a memory of
 * its own, so that what is registered is what is used.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arith.h"
#include "client.h"
#include "scoped.h"
#include "types.h"

#define BLOCK_BYTES (UINT64_C(2) << 20) /* a page table entry can cover as much */

/* A lent part of board RAM. */
struct arena {
	struct list node;
	int fd;
	uint64_t size;
};

/* A buffer. */
struct block {
	struct list node;
	struct arena *arena; /* NULL: a memfd of its own */
	uint64_t offset;     /* in the arena */
	uint64_t length;
	uint64_t iova;
	uint32_t memory;
	void *cpu;
};

static int fail_errno(struct smmu *context, const char *what)
{
	int code = -errno;

	return client_fail(context, code, "%s: %s", what, smmu_strerror(code));
}

/* --- where it fits ------------------------------------------------------------------ */

/* Buffers that large start where a page table entry of that size can. */
static uint64_t alignment_of(uint64_t length)
{
	return length >= BLOCK_BYTES ? BLOCK_BYTES : PAGE_BYTES;
}

/* A block in the way of [start, start + length) in the arena, or of IOVAs (arena NULL). */
static const struct block *find_obstacle(const struct smmu *context, const struct arena *arena,
					 uint64_t start, uint64_t length, uint64_t *ret_end)
{
	const struct list *pos;

	list_for_each(pos, &context->blocks) {
		const struct block *block = list_entry(pos, struct block, node);
		uint64_t at = arena ? block->offset : block->iova;
		/* One page stays free behind an IOVA: running past the end is a fault. */
		uint64_t size = block->length + (arena ? 0 : PAGE_BYTES);

		if (arena && block->arena != arena)
			continue;
		if (range_overlaps(start, length + (arena ? 0 : PAGE_BYTES), at, size)) {
			*ret_end = at + size;
			return block;
		}
	}
	return NULL;
}

/* The lowest free start in [base, base + size), or -ENOSPC. */
static int first_fit(const struct smmu *context, const struct arena *arena, uint64_t base,
		     uint64_t size, uint64_t length, uint64_t *ret_start)
{
	uint64_t alignment = alignment_of(length);
	uint64_t start = align_up(base, alignment), end;

	while (range_within(start, length, base, size)) {
		if (!find_obstacle(context, arena, start, length, &end)) {
			*ret_start = start;
			return 0;
		}
		start = align_up(end, alignment);
	}
	return -ENOSPC;
}

static int pick_iova(struct smmu *context, struct block *block)
{
	unsigned i;

	for (i = 0; i < context->window_count; i++)
		if (!first_fit(context, NULL, context->windows[i].iova, context->windows[i].length,
			       block->length, &block->iova))
			return 0;
	return client_fail(context, -ENOSPC,
			   "no window of addresses has 0x%llx bytes free; see smmu_dma_window()",
			   (unsigned long long)block->length);
}

/* --- where it comes from ------------------------------------------------------------ */

/* Asks the service for a part of the board's RAM; it becomes an arena. */
static int borrow(struct smmu *context, uint64_t length, struct arena **ret_arena)
{
	struct wire_size ask = { length };
	struct exchange x = { .id = WIRE_MEMORY_LEND, .request = &ask, .fd = -1 };
	struct arena *arena = malloc(sizeof(*arena));
	struct stat status;
	int rc;

	if (!arena)
		return client_fail(context, -ENOMEM, "out of memory");
	rc = client_exchange(context, &x);
	if (rc) {
		free(arena);
		return rc;
	}
	*arena = (struct arena){ .fd = x.fds[0], .size = ((const struct wire_size *)x.reply)->size };
	list_add_tail(&context->arenas, &arena->node);
	if (fstat(arena->fd, &status) || status.st_size < 0 ||
	    (uint64_t)status.st_size < arena->size || arena->size < length)
		return client_end(context, -EPROTO, "the service lent less memory than it said");
	*ret_arena = arena;
	return 0;
}

static int place_in_arena(struct smmu *context, struct block *block)
{
	struct list *pos;
	int rc;

	list_for_each(pos, &context->arenas) {
		block->arena = list_entry(pos, struct arena, node);
		if (!first_fit(context, block->arena, 0, block->arena->size, block->length,
			       &block->offset))
			return 0;
	}
	block->arena = NULL;
	rc = borrow(context, block->length, &block->arena);
	block->offset = 0;
	return rc;
}

/* Sealed, so that nobody can cut it short under the device. */
static int make_memfd(struct smmu *context, uint64_t length, int *ret_fd)
{
	scoped_fd fd = memfd_create("smmu-dma", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return fail_errno(context, "no memfd to be had");
	if (ftruncate(fd, (off_t)length))
		return fail_errno(context, "a memfd cannot be made that long");
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return fail_errno(context, "a memfd cannot be sealed");
	*ret_fd = take_fd(&fd);
	return 0;
}

/* Every page present (on our account), mapped, zeroed and registered. */
static int block_fill(struct smmu *context, struct block *block, int fd)
{
	struct wire_memory ask = { .offset = block->offset, .length = block->length,
				   .rights = SMMU_READ | SMMU_WRITE };
	struct exchange x = { .id = WIRE_MEMORY_ADD, .request = &ask, .fd = fd };
	void *cpu;
	int rc;

	/* First the room, so that writing cannot fail with a signal. */
	if (fallocate(fd, 0, (off_t)block->offset, (off_t)block->length))
		return fail_errno(context, "memory cannot be filled with pages");
	cpu = mmap(NULL, block->length, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   (off_t)block->offset);
	if (cpu == MAP_FAILED)
		return fail_errno(context, "memory cannot be mapped");
	block->cpu = cpu;
	/* Zero, and present: the kernel calls a page a hole until it was written. */
	memset(cpu, 0, block->length);
	rc = client_exchange(context, &x);
	if (!rc)
		block->memory = ((const struct wire_handle *)x.reply)->handle;
	return rc;
}

static int block_place(struct smmu *context, struct block *block)
{
	scoped_fd own = -1;
	int rc = pick_iova(context, block);

	if (rc)
		return rc;
	if (!context->owns_memory) {
		rc = place_in_arena(context, block);
		if (!rc)
			return block_fill(context, block, block->arena->fd);
		if (rc != -EOPNOTSUPP)
			return rc;
		context->owns_memory = true;
	}
	rc = make_memfd(context, block->length, &own);
	return rc ? rc : block_fill(context, block, own);
}

/* --- blocks ------------------------------------------------------------------------- */

/* One that is in no list, or whose list goes with it. */
static void block_free(struct block *block)
{
	if (block->cpu)
		munmap(block->cpu, block->length);
	free(block);
}

void dma_free_all(struct smmu *context)
{
	struct list *pos, *after;
	struct arena *arena;

	list_for_each_safe(pos, after, &context->blocks)
		block_free(list_entry(pos, struct block, node));
	list_for_each_safe(pos, after, &context->arenas) {
		arena = list_entry(pos, struct arena, node);
		close(arena->fd);
		free(arena);
	}
	list_init(&context->blocks);
	list_init(&context->arenas);
}

static int block_create(struct smmu *context, uint64_t length, struct block **ret_block)
{
	struct block *block = calloc(1, sizeof(*block));
	int rc;

	if (!block)
		return client_fail(context, -ENOMEM, "out of memory");
	block->length = length;
	rc = block_place(context, block);
	if (rc) {
		block_free(block);
		return rc;
	}
	list_add_tail(&context->blocks, &block->node);
	*ret_block = block;
	return 0;
}

static struct block *find_block(struct smmu *context, const struct smmu_dma_buffer *buffer)
{
	struct list *pos;

	list_for_each(pos, &context->blocks) {
		struct block *block = list_entry(pos, struct block, node);

		if (block->cpu == buffer->cpu && block->memory == buffer->memory)
			return block;
	}
	return NULL;
}

/* --- the calls ---------------------------------------------------------------------- */

int smmu_dma_alloc(struct smmu *context, size_t size, struct smmu_dma_buffer *ret_buffer)
{
	uint64_t length = align_up(size, PAGE_BYTES);
	struct block *block = NULL;
	int rc = client_lock(context);

	if (rc)
		return rc;
	if (size == 0 || length < size || length > INT64_MAX)
		return client_unlock(context, client_fail(context, -EINVAL,
							  "%zu bytes are no size for a buffer", size));
	rc = block_create(context, length, &block);
	if (!rc)
		*ret_buffer = (struct smmu_dma_buffer){ .cpu = block->cpu, .length = length,
							.memory = block->memory,
							.device_address = block->iova };
	return client_unlock(context, rc);
}

int smmu_dma_free(struct smmu *context, struct smmu_dma_buffer *buffer)
{
	struct wire_handle ask = { 0 };
	struct exchange x = { .id = WIRE_MEMORY_REMOVE, .request = &ask, .fd = -1 };
	struct block *block;
	int rc = client_lock(context);

	if (rc)
		return rc;
	block = find_block(context, buffer);
	if (!block)
		return client_unlock(context, client_fail(context, -EINVAL,
							  "no such buffer; was it freed twice?"));
	ask.handle = block->memory;
	rc = client_exchange(context, &x);
	if (rc)
		return client_unlock(context, rc);
	list_remove(&block->node);
	block_free(block);
	memset(buffer, 0, sizeof(*buffer));
	return client_unlock(context, 0);
}

int smmu_dma_window(struct smmu *context, uint64_t iova, uint64_t length)
{
	int rc = client_lock(context);

	if (rc)
		return rc;
	if (range_is_bad(iova, length) || !is_aligned(iova | length, PAGE_BYTES) ||
	    range_last(iova, length) > INT64_MAX)
		return client_unlock(context, client_fail(context, -EINVAL,
							  "a window is whole pages below 1 << 63"));
	context->windows[0] = (struct smmu_range){ iova, length };
	context->window_count = 1;
	return client_unlock(context, 0);
}

int dma_find_backing(struct smmu *context, uint64_t address, uint64_t length,
		     struct backing *ret_backing)
{
	struct list *pos;

	list_for_each(pos, &context->blocks) {
		const struct block *block = list_entry(pos, struct block, node);

		if (range_within(address, length, block->iova, block->length)) {
			*ret_backing = (struct backing){ block->memory, address - block->iova };
			return 0;
		}
	}
	list_for_each(pos, &context->regions) {
		const struct smmu_region *region = &list_entry(pos, struct region, node)->found;

		if (range_within(address, length, region->address, region->length)) {
			*ret_backing = (struct backing){ region->memory,
							 address - region->address };
			return 0;
		}
	}
	return client_fail(context, -EPERM,
			   "0x%llx is neither in a buffer of smmu_dma_alloc() nor in a region opened "
			   "with smmu_region_open()", (unsigned long long)address);
}
