// SPDX-License-Identifier: BSD-2-Clause
#include "books.h"

#include <string.h>

#include "arith.h"
#include "bits.h"
#include "log.h"
#include "topology.h"
#include "wire.h"

#define FAULT_BYTES sizeof(struct wire_fault)
#define CLIENT_MAX 8193u
#define DOMAIN_MAX 8193u
#define MEMORY_MAX 16385u
#define FAULT_MAX 4096u

_Static_assert(sizeof(struct book_grant) == 56, "a grant's record grew");
_Static_assert(MEMORY_MAX <= BOOK_INDEX_MASK && DOMAIN_MAX <= BOOK_INDEX_MASK,
	       "an index no longer fits a handle");

/* One in eight bytes of the arena may be books of grants. */
static uint32_t grant_max(uint64_t arena_size)
{
	return (uint32_t)min_u64(arena_size / 8 / sizeof(struct book_grant), BOOK_INDEX_MASK);
}

/* Gives *offset the next place for count records and moves the end behind them. */
static uint64_t lay(uint64_t *end, uint64_t count, uint64_t bytes)
{
	uint64_t at = align_up(*end, 64);

	*end = at + count * bytes;
	return at;
}

static uint64_t lay_out(struct books_header *h, uint64_t arena_size)
{
	uint64_t end = sizeof(*h);

	h->client_max = CLIENT_MAX;
	h->memory_max = MEMORY_MAX;
	h->domain_max = DOMAIN_MAX;
	h->grant_max = grant_max(arena_size);
	h->stream_max = TOPOLOGY_DEVICES_MAX;
	h->fault_max = FAULT_MAX;
	/* The fault log first: its place must not move between daemons. */
	h->faults = lay(&end, FAULT_MAX + 1, FAULT_BYTES);
	h->clients = lay(&end, h->client_max, sizeof(struct book_client));
	h->memories = lay(&end, h->memory_max, sizeof(struct book_memory));
	h->domains = lay(&end, h->domain_max, sizeof(struct book_domain));
	h->streams = lay(&end, h->stream_max, sizeof(struct book_stream));
	h->past = lay(&end, BOOK_PAST_MAX, sizeof(struct book_past));
	h->grants = lay(&end, h->grant_max, sizeof(struct book_grant));
	h->size = align_up(end, PAGE_BYTES);
	return h->size;
}

uint64_t books_size(uint64_t arena_size)
{
	struct books_header h;

	return lay_out(&h, arena_size);
}

static void *area(const struct books *books, uint64_t offset)
{
	return books->base + offset;
}

static void clear_records(struct books *books)
{
	struct books_header *h = books->header;

	memset(books->clients, 0, h->client_max * sizeof(*books->clients));
	memset(books->memories, 0, h->memory_max * sizeof(*books->memories));
	memset(books->domains, 0, h->domain_max * sizeof(*books->domains));
	memset(books->streams, 0, h->stream_max * sizeof(*books->streams));
	memset(books->past, 0, BOOK_PAST_MAX * sizeof(*books->past));
	memset(books->grants, 0, h->grant_max * sizeof(*books->grants));
}

static void chain_free_records(struct books *books)
{
	struct books_header *h = books->header;
	uint32_t i;

	for (i = 1; i + 1 < h->client_max; i++)
		books->clients[i].next_free = i + 1;
	for (i = 1; i + 1 < h->memory_max; i++)
		books->memories[i].next_free = i + 1;
	for (i = 1; i + 1 < h->domain_max; i++)
		books->domains[i].next_free = i + 1;
	for (i = 1; i + 1 < h->grant_max; i++)
		books->grants[i].left = i + 1;
	h->client_free = h->memory_free = h->domain_free = h->grant_free = 1;
}

void books_init(struct books *books, void *base, uint64_t arena_size, uint32_t seed)
{
	struct books_header fresh = { .magic = 0, .version = BOOKS_VERSION };

	lay_out(&fresh, arena_size);
	*books = (struct books){ .base = base, .header = base, .random = seed | 1 };
	/* Not valid while it is being laid out. */
	books->header->magic = 0;
	*books->header = fresh;
	books->clients = area(books, fresh.clients);
	books->memories = area(books, fresh.memories);
	books->domains = area(books, fresh.domains);
	books->grants = area(books, fresh.grants);
	books->streams = area(books, fresh.streams);
	books->past = area(books, fresh.past);
	books->faults = area(books, fresh.faults);
	clear_records(books);
	chain_free_records(books);
	books->header->magic = BOOKS_MAGIC;
}

uint32_t books_take_client(struct books *books)
{
	uint32_t index = books->header->client_free;

	if (index == BOOK_NONE)
		return BOOK_NONE;
	books->header->client_free = books->clients[index].next_free;
	books->clients[index] = (struct book_client){ .used = 1 };
	books->header->client_count++;
	return index;
}

void books_give_client(struct books *books, uint32_t index)
{
	check(books->clients[index].used);
	books->clients[index] = (struct book_client){ .next_free = books->header->client_free };
	books->header->client_free = index;
	books->header->client_count--;
}

uint32_t books_take_memory(struct books *books)
{
	uint32_t index = books->header->memory_free;
	struct book_memory *memory;

	if (index == BOOK_NONE)
		return BOOK_NONE;
	memory = &books->memories[index];
	books->header->memory_free = memory->next_free;
	*memory = (struct book_memory){ .flags = BOOK_MEMORY_USED,
					.generation = memory->generation };
	books->header->memory_count++;
	return index;
}

void books_give_memory(struct books *books, uint32_t index)
{
	struct book_memory *memory = &books->memories[index];

	check((memory->flags & BOOK_MEMORY_USED) && memory->grants == 0);
	*memory = (struct book_memory){ .next_free = books->header->memory_free,
					.generation = (uint16_t)(memory->generation + 1) };
	books->header->memory_free = index;
	books->header->memory_count--;
}

uint32_t books_take_domain(struct books *books)
{
	uint32_t index = books->header->domain_free;
	struct book_domain *domain;

	if (index == BOOK_NONE)
		return BOOK_NONE;
	domain = &books->domains[index];
	books->header->domain_free = domain->next_free;
	*domain = (struct book_domain){ .used = 1, .generation = domain->generation };
	books->header->domain_count++;
	return index;
}

void books_give_domain(struct books *books, uint32_t index)
{
	struct book_domain *domain = &books->domains[index];

	check(domain->used && domain->grants == 0);
	*domain = (struct book_domain){ .next_free = books->header->domain_free,
					.generation = (uint16_t)(domain->generation + 1) };
	books->header->domain_free = index;
	books->header->domain_count--;
}

/* xorshift32: heap order of the index; the seed comes from the kernel. */
static uint32_t next_random(struct books *books)
{
	uint32_t x = books->random;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return books->random = x;
}

uint32_t books_take_grant(struct books *books)
{
	uint32_t index = books->header->grant_free;

	if (index == BOOK_NONE)
		return BOOK_NONE;
	books->header->grant_free = books->grants[index].left;
	books->grants[index] = (struct book_grant){ .order = next_random(books) };
	books->header->grant_count++;
	return index;
}

void books_give_grant(struct books *books, uint32_t index)
{
	books->grants[index] = (struct book_grant){ .left = books->header->grant_free };
	books->header->grant_free = index;
	books->header->grant_count--;
}

static uint32_t make_handle(uint32_t index, uint32_t generation)
{
	return index | generation << BOOK_INDEX_BITS;
}

uint32_t books_domain_handle(const struct books *books, uint32_t index)
{
	return make_handle(index, books->domains[index].generation);
}

uint32_t books_domain_index(const struct books *books, uint32_t handle)
{
	uint32_t index = handle & BOOK_INDEX_MASK;

	if (index >= books->header->domain_max || !books->domains[index].used ||
	    books_domain_handle(books, index) != handle)
		return BOOK_NONE;
	return index;
}

uint32_t books_memory_handle(const struct books *books, uint32_t index)
{
	return make_handle(index, books->memories[index].generation);
}

uint32_t books_memory_index(const struct books *books, uint32_t handle)
{
	uint32_t index = handle & BOOK_INDEX_MASK;

	if (index >= books->header->memory_max ||
	    !(books->memories[index].flags & BOOK_MEMORY_USED) ||
	    books_memory_handle(books, index) != handle)
		return BOOK_NONE;
	return index;
}

const struct extent *books_extents(const struct books *books, const struct book_memory *memory)
{
	if (memory->extents == 0)
		return &memory->one;
	return area(books, memory->extents);
}

void books_note_past(struct books *books, const struct book_grant *grant, uint32_t client,
		     uint64_t now_ns)
{
	uint32_t at = books->header->past_next++ % BOOK_PAST_MAX;

	books->past[at] = (struct book_past){
		.iova = grant->iova,
		.length = grant->length,
		.until_ns = now_ns,
		.domain = books_domain_handle(books, grant->domain),
		.client = client,
		.rights = grant->rights,
	};
}

const struct book_past *books_find_past(const struct books *books, uint32_t domain, uint64_t iova)
{
	uint32_t next = books->header->past_next;
	const struct book_past *past;
	uint32_t back;

	for (back = 1; back <= BOOK_PAST_MAX; back++) {
		past = &books->past[(next - back) % BOOK_PAST_MAX];
		if (past->length == 0)
			return NULL;
		if (past->domain == domain && iova - past->iova < past->length)
			return past;
	}
	return NULL;
}
