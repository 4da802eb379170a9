// SPDX-License-Identifier: BSD-2-Clause
#include "board_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arith.h"
#include "log.h"

static const struct board_ram *part_of_fd(const struct board_parts *parts, int fd)
{
	struct stat status;
	uint32_t i;

	if (fstat(fd, &status))
		return NULL;
	for (i = 0; i < parts->count; i++)
		if (parts->list[i].dev == status.st_dev && parts->list[i].ino == status.st_ino)
			return &parts->list[i];
	return NULL;
}

static int part_check_place(const struct board_parts *parts, const struct board_part *told,
			    uint32_t index, struct error *err)
{
	uint32_t i;

	if (range_is_bad(told->pa, told->size) || told->size > INT64_MAX ||
	    !is_aligned(told->pa | told->size, PAGE_BYTES))
		return error_set(err, -EPROTO,
				 "the board says RAM part %" PRIu32 " is at 0x%" PRIx64
				 "+0x%" PRIx64 ", which is no range of whole pages",
				 index, told->pa, told->size);
	for (i = 0; i < index; i++)
		if (range_overlaps(told->pa, told->size, parts->list[i].pa,
				   parts->list[i].size))
			return error_set(err, -EPROTO,
					 "the board's RAM parts %" PRIu32 " and %" PRIu32
					 " overlap at 0x%" PRIx64,
					 i, index, told->pa);
	return 0;
}

/* The descriptor must be what lending it will need: sealed, whole, its own. */
static int part_take(struct board_parts *parts, const struct board_part *told, uint32_t index,
		     struct error *err)
{
	struct board_ram *part = &parts->list[index];
	const struct board_ram *other = part_of_fd(parts, part->fd);
	struct stat status;
	int seals = fcntl(part->fd, F_GET_SEALS);

	if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(part->fd, &status) ||
	    (fcntl(part->fd, F_GETFL) & O_ACCMODE) != O_RDWR)
		return error_set(err, -EPROTO,
				 "the descriptor of the board's RAM part %" PRIu32
				 " is no writable memory sealed against shrinking",
				 index);
	if (status.st_size < 0 || (uint64_t)status.st_size < told->size)
		return error_set(err, -EPROTO,
				 "the board says RAM part %" PRIu32 " has 0x%" PRIx64
				 " bytes, but its descriptor has 0x%" PRIx64,
				 index, told->size, (uint64_t)status.st_size);
	if (other)
		return error_set(err, -EPROTO,
				 "the board's RAM parts %" PRIu32 " and %" PRIu32
				 " are the same memory",
				 (uint32_t)(other - parts->list), index);
	part->pa = told->pa;
	part->size = told->size;
	part->dev = status.st_dev;
	part->ino = status.st_ino;
	return 0;
}

void board_parts_clear(struct board_parts *parts)
{
	uint32_t i;

	*parts = (struct board_parts){ .count = 0 };
	for (i = 0; i < BOARD_PARTS_MAX; i++)
		parts->list[i].fd = -1;
}

int board_parts_init(struct board_parts *parts, const struct board_part *told, const int *fds,
		     uint32_t count, struct error *err)
{
	uint32_t i;
	int result;

	board_parts_clear(parts);
	for (i = 0; i < count; i++)
		parts->list[i].fd = fds[i];
	if (count == 0)
		return error_set(err, -EPROTO, "the board has no RAM, not even for tables");
	for (i = 0; i < count; i++) {
		result = part_check_place(parts, &told[i], i, err);
		if (!result)
			result = part_take(parts, &told[i], i, err);
		if (result)
			return result;
		parts->count = i + 1;
	}
	return 0;
}

void board_parts_fini(struct board_parts *parts)
{
	uint32_t i;

	for (i = 0; i < BOARD_PARTS_MAX; i++)
		if (parts->list[i].fd >= 0)
			close(parts->list[i].fd);
	board_parts_clear(parts);
}

int board_parts_resolve(const struct board_parts *parts, int fd, uint64_t offset,
			uint64_t length, struct extent *ret_extent, struct error *err)
{
	const struct board_ram *part = part_of_fd(parts, fd);

	if (!part)
		return error_set(err, -EINVAL,
				 "devices of a virtual board reach only the board's own memory; "
				 "borrow some with smmu_dma_alloc()");
	if (part == &parts->list[0])
		return error_set(err, -EINVAL, "this part of the board's memory belongs to the "
					       "daemon; borrow one with smmu_dma_alloc()");
	if (!part->is_lent)
		return error_set(err, -EINVAL, "this part of the board's memory is lent to nobody; "
					       "borrow one with smmu_dma_alloc()");
	if (!range_within(offset, length, 0, part->size))
		return error_set(err, -EINVAL,
				 "the range ends behind the part of the board's memory, which is "
				 "0x%" PRIx64 " bytes long",
				 part->size);
	*ret_extent = (struct extent){ .pa = PA(part->pa + offset), .length = length };
	return 0;
}

/* All of the part becomes zeroes that are really there: no holes. */
static int part_clean(const struct board_ram *part)
{
	void *at;
	int result = 0;

	if (part->was_lent && fallocate(part->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
					(off_t)part->size))
		return -errno;
	at = mmap(NULL, part->size, PROT_READ | PROT_WRITE, MAP_SHARED, part->fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	if (madvise(at, part->size, MADV_POPULATE_WRITE))
		result = -errno;
	munmap(at, part->size);
	return result;
}

static bool part_may_go_to(const struct board_ram *part, uid_t uid, uint64_t size)
{
	return !part->is_lent && !part->is_spoilt && part->size >= size &&
	       (!part->was_lent || part->uid == uid);
}

/* The smallest that fits; among equals one this user has had before. */
static struct board_ram *part_choose(struct board_parts *parts, uid_t uid, uint64_t size)
{
	struct board_ram *best = NULL;
	uint32_t i;

	for (i = 1; i < parts->count; i++) {
		struct board_ram *part = &parts->list[i];

		if (!part_may_go_to(part, uid, size))
			continue;
		if (!best || part->size < best->size ||
		    (part->size == best->size && part->was_lent && !best->was_lent))
			best = part;
	}
	return best;
}

int board_parts_lend(struct board_parts *parts, uid_t uid, uint64_t size, int *ret_fd,
		     uint64_t *ret_size, uint32_t *ret_part, struct error *err)
{
	struct board_ram *part = part_choose(parts, uid, size);
	int result, fd;

	if (!part)
		return error_set(err, -ENOSPC,
				 "no part of the board's memory with 0x%" PRIx64
				 " bytes is free for user %u: each is too small, lent, or was lent "
				 "to another user; start the board with more parts",
				 size, (unsigned)uid);
	fd = fcntl(part->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, -errno, "cannot duplicate the part's descriptor: %s",
				 strerror(errno));
	result = part_clean(part);
	if (result) {
		close(fd);
		part->is_spoilt = true;
		return error_set(err, result,
				 "cannot clean the part of the board's memory at 0x%" PRIx64
				 " (%s); it is not lent any more",
				 part->pa, strerror(-result));
	}
	part->is_lent = part->was_lent = true;
	part->uid = uid;
	*ret_fd = fd;
	*ret_size = part->size;
	*ret_part = (uint32_t)(part - parts->list);
	return 0;
}

void board_parts_return(struct board_parts *parts, uint32_t part)
{
	check(part > 0 && part < parts->count && parts->list[part].is_lent);
	parts->list[part].is_lent = false;
}

bool board_parts_overlap(const struct board_parts *parts, pa_t pa, uint64_t length)
{
	uint32_t i;

	if (range_is_bad(pa.v, length))
		return false;
	for (i = 0; i < parts->count; i++)
		if (range_overlaps(pa.v, length, parts->list[i].pa, parts->list[i].size))
			return true;
	return false;
}
