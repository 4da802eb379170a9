// SPDX-License-Identifier: BSD-2-Clause
/*
 * Registered memory: a client proves which memory is its own by the descriptor
 * it holds. Where the bytes lie is asked for once, kept in the books, and never
 * derived again.
 */
#include "memory.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "arith.h"
#include "lent.h"
#include "log.h"
#include "memory_fd.h"

#define EXTENTS_MAX (1u << 18) /* 1 GiB of scattered 4 KiB pages */

static int check_quota(const struct conn *conn, uint64_t length, struct error *err)
{
	const struct policy_limits *limits = &conn->rule->limits;

	if (conn->user->memories >= limits->memories)
		return error_set(err, -EDQUOT, "uid %" PRIu32 " has %" PRIu32
				 " memories registered, its limit (limits: memories of '%s')",
				 conn->uid, conn->user->memories, conn->rule->name);
	if (length > limits->memory_bytes - min_u64(limits->memory_bytes, conn->user->memory_bytes))
		return error_set(err, -EDQUOT, "uid %" PRIu32 " has %" PRIu64 " bytes registered; 0x%"
				 PRIx64 " more pass its limit of %" PRIu64 " (limits: memory of '%s')",
				 conn->uid, conn->user->memory_bytes, length, limits->memory_bytes,
				 conn->rule->name);
	return 0;
}

static uint32_t extents_pages(uint32_t count)
{
	return (uint32_t)(align_up(count * sizeof(struct extent), PAGE_BYTES) >> PAGE_SHIFT);
}

/* Puts the extents into the record: inline when there is one. */
static int keep_extents(struct daemon *d, struct book_memory *memory,
			const struct extent *extents, uint32_t count, struct error *err)
{
	void *place;

	memory->extent_count = count;
	memory->one = extents[0];
	if (count == 1)
		return 0;
	place = pages_take_run(&d->pages[0], extents_pages(count), PAGE_BYTES);
	if (!place)
		return error_set(err, -ENOMEM, "the arena has no room for %" PRIu32 " extents", count);
	memcpy(place, extents, count * sizeof(*extents));
	memory->extents = (uint64_t)((uint8_t *)place - d->books.base);
	return 0;
}

static void drop_extents(struct daemon *d, struct book_memory *memory)
{
	if (memory->extents)
		pages_give(&d->pages[0], d->books.base + memory->extents,
			   extents_pages(memory->extent_count));
	memory->extents = 0;
}

/* No byte of it may be the daemon's own, nor lie outside what units can address. */
static int check_extents(const struct daemon *d, const struct extent *extents, uint32_t count,
			 uint64_t length, struct error *err)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (range_is_bad(extents[i].pa.v, extents[i].length) ||
		    !is_aligned(extents[i].pa.v | extents[i].length, PAGE_BYTES))
			return error_set(err, -EIO, "the machine answered with a broken extent");
		if (machine_overlaps_arena(d->machine, extents[i].pa, extents[i].length))
			return error_set(err, -EPERM, "that memory belongs to the daemon itself");
		sum += extents[i].length;
	}
	if (sum != length)
		return error_set(err, -EIO, "the machine accounts for 0x%" PRIx64 " of 0x%" PRIx64
				 " bytes", sum, length);
	return 0;
}

static int take_record(struct daemon *d, struct conn *conn, const struct extent *extents,
		       uint32_t count, uint64_t length, uint32_t *ret_index, struct error *err)
{
	uint32_t index = books_take_memory(&d->books);
	struct book_memory *memory;
	int ret;

	if (index == BOOK_NONE)
		return error_set(err, -ENOSPC, "the books hold no more memories (%" PRIu32 ")",
				 d->books.header->memory_max - 1);
	memory = &d->books.memories[index];
	ret = keep_extents(d, memory, extents, count, err);
	if (ret < 0) {
		books_give_memory(&d->books, index);
		return ret;
	}
	memory->length = length;
	memory->client = conn->self.client;
	conn->memories++;
	conn->user->memories++;
	*ret_index = index;
	return 0;
}

int memory_add(struct daemon *d, struct conn *conn, int fd, const struct wire_memory *ask,
	       uint32_t *ret_memory, struct error *err)
{
	static struct extent extents[EXTENTS_MAX]; /* one thread; too large for the stack */
	uint32_t count;
	int ret;

	if (ask->rights == 0 || ask->rights & ~(uint32_t)RIGHT_ALL)
		return error_set(err, -EINVAL, "rights 0x%" PRIx32 " are none of read, write, exec",
				 ask->rights);
	ret = memory_fd_check(fd, ask->offset, ask->length, ask->rights, err);
	if (ret == 0)
		ret = check_quota(conn, ask->length, err);
	if (ret == 0)
		ret = d->machine->ops->memory_resolve(d->machine, fd, ask->offset, ask->length,
						      extents, EXTENTS_MAX, &count, err);
	if (ret == 0)
		ret = check_extents(d, extents, count, ask->length, err);
	if (ret == 0)
		ret = take_record(d, conn, extents, count, ask->length, ret_memory, err);
	if (ret < 0)
		return ret;
	d->books.memories[*ret_memory].rights = (uint8_t)ask->rights;
	d->books.memories[*ret_memory].part = lent_part_of(d, fd);
	conn->memory_bytes += ask->length;
	conn->user->memory_bytes += ask->length;
	return 0;
}

int memory_add_region(struct daemon *d, struct conn *conn, const struct policy_region *region,
		      uint32_t *ret_memory, struct error *err)
{
	struct extent extent = { PA(region->address), region->length };
	int ret;

	ret = check_extents(d, &extent, 1, region->length, err);
	if (ret == 0)
		ret = check_quota(conn, 0, err);
	if (ret == 0)
		ret = take_record(d, conn, &extent, 1, region->length, ret_memory, err);
	if (ret < 0)
		return ret;
	d->books.memories[*ret_memory].rights = (uint8_t)region->rights;
	d->books.memories[*ret_memory].flags |= BOOK_MEMORY_REGION;
	return 0;
}

static void account_gone(struct conn *conn, const struct book_memory *memory)
{
	conn->memories--;
	conn->user->memories--;
	if (memory->flags & BOOK_MEMORY_REGION)
		return;
	conn->memory_bytes -= memory->length;
	conn->user->memory_bytes -= memory->length;
}

/* No device reaches it any more. */
static void let_go(struct daemon *d, uint32_t index)
{
	struct book_memory *memory = &d->books.memories[index];
	uint32_t part = memory->part;

	drop_extents(d, memory);
	books_give_memory(&d->books, index);
	lent_settle(d, part);
}

int memory_remove(struct daemon *d, struct conn *conn, uint32_t handle, struct error *err)
{
	uint32_t index = books_memory_index(&d->books, handle);
	struct book_memory *memory = &d->books.memories[index];

	if (index == BOOK_NONE || memory->client != conn->self.client)
		return error_set(err, -ENOENT, "you have no memory with handle 0x%" PRIx32, handle);
	if (memory->grants)
		return error_set(err, -EBUSY, "%" PRIu32 " grants still use it; revoke them first",
				 memory->grants);
	if (memory->flags & BOOK_MEMORY_STUCK)
		return error_set(err, -EIO, "its release was never confirmed by the unit; it stays "
				 "pinned for ever");
	account_gone(conn, memory);
	let_go(d, index);
	return 0;
}

void memory_release_client(struct daemon *d, struct conn *conn, int status)
{
	struct book_memory *memory;
	uint32_t i;

	for (i = 1; i < d->books.header->memory_max && conn->memories; i++) {
		memory = &d->books.memories[i];
		if (!(memory->flags & BOOK_MEMORY_USED) || memory->client != conn->self.client)
			continue;
		account_gone(conn, memory);
		if (status < 0 || (memory->flags & BOOK_MEMORY_STUCK)) {
			if (!(memory->flags & BOOK_MEMORY_STUCK))
				d->counters.pinned_forever += memory->length;
			memory->flags |= BOOK_MEMORY_STUCK;
			continue;
		}
		let_go(d, i);
	}
	lent_leave(d, conn);
}
