// SPDX-License-Identifier: BSD-2-Clause
/*
 * libuv aborts when its table of descriptors cannot grow. A client must not be
 * able to bring that about by connecting while memory is short, so the growth of that
 * table, which doubles and never shrinks, has a reserve that is never given back.
 */
#include "server_memory.h"

#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "arith.h"

#define RESERVE_BYTES (UINT64_C(256) << 10) /* every doubling up to 16384 descriptors */

struct block {
	_Alignas(16) size_t size;
	_Alignas(16) uint8_t bytes[];
};

static _Alignas(16) uint8_t reserve[RESERVE_BYTES];
static uint64_t used;

static bool is_reserved(const void *at)
{
	return (const uint8_t *)at >= reserve && (const uint8_t *)at < reserve + RESERVE_BYTES;
}

static void *take_reserved(size_t size)
{
	struct block *block = (void *)(reserve + used);
	uint64_t need = align_up(sizeof(*block) + (uint64_t)size, 16);

	if (size > RESERVE_BYTES || need > RESERVE_BYTES - used)
		return NULL;
	used += need;
	block->size = size;
	return block->bytes;
}

static void *loop_malloc(size_t size)
{
	void *at = malloc(size);

	if (!at)
		at = take_reserved(size);
	return at;
}

static void *loop_calloc(size_t count, size_t size)
{
	void *at = calloc(count, size);

	if (at || (size != 0 && count > RESERVE_BYTES / size))
		return at;
	return take_reserved(count * size); /* zero: never used before */
}

static size_t size_of(void *at)
{
	if (!is_reserved(at))
		return malloc_usable_size(at);
	return ((struct block *)((uint8_t *)at - offsetof(struct block, bytes)))->size;
}

static void loop_free(void *at)
{
	if (!is_reserved(at))
		free(at);
}

static void *loop_realloc(void *old, size_t size)
{
	void *at = is_reserved(old) ? NULL : realloc(old, size);

	if (at || size == 0)
		return at;
	at = loop_malloc(size);
	if (at && old) {
		memcpy(at, old, min_u64(size, size_of(old)));
		loop_free(old);
	}
	return at;
}

void server_memory_init(void)
{
	uv_replace_allocator(loop_malloc, loop_realloc, loop_calloc, loop_free);
}
