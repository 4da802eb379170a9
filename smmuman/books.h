/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The books: who owns what. Fixed records, linked by index and never by
 * pointer, at the start of the arena, so that they outlive this process just
 * as the page tables do: tables alone do not say who owns what.
 *
 * A grant's state is written before the change it announces and moved on after
 * it, so whoever reads the books of a dead daemon knows of each grant whether
 * it was done, being made or being taken away.
 */
#ifndef SMMUMAN_SMMUMAN_BOOKS_H
#define SMMUMAN_SMMUMAN_BOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "pages.h"
#include "types.h"

#define BOOKS_MAGIC UINT64_C(0x314b4f4f42554d53) /* "SMUBOOK1" */
#define BOOKS_VERSION 1u
#define BOOK_NONE 0u /* index 0 of every array stays unused */

/* A handle is an index and a generation, so a stale one is never somebody else's. */
#define BOOK_INDEX_BITS 20u
#define BOOK_INDEX_MASK ((1u << BOOK_INDEX_BITS) - 1)

enum book_grant_state { GRANT_FREE, GRANT_MAPPING, GRANT_LIVE, GRANT_REVOKING };

struct book_grant {
	uint64_t iova, length, offset; /* offset: in the memory */
	uint64_t since_ns;	       /* CLOCK_REALTIME */
	uint32_t domain, memory;
	uint32_t left, right; /* the domain's index, ordered by iova; left: free list too */
	uint32_t order;	      /* heap order of the index */
	uint8_t state, rights;
	uint16_t zero;
};

struct book_memory {
	uint64_t length;
	uint64_t extents;  /* offset of struct extent[] in the arena; 0: one, inline */
	struct extent one; /* the only extent, when extents is 0 */
	uint32_t extent_count;
	uint32_t client;
	uint32_t grants; /* that are not free */
	uint32_t next_free;
	uint16_t generation;
	uint8_t rights;
	uint8_t flags; /* enum book_memory_flags */
	uint32_t part; /* lent board part + 1; 0: the client's own */
};

enum book_memory_flags {
	BOOK_MEMORY_USED = 1u << 0,
	BOOK_MEMORY_REGION = 1u << 1, /* a policy's named region, not RAM of a client */
	BOOK_MEMORY_STUCK = 1u << 2,  /* pinned for ever: release was not confirmed */
};

struct book_domain {
	uint32_t client; /* 0: static */
	uint32_t root;	 /* of the index of grants */
	uint32_t grants;
	uint32_t next_free;
	uint64_t bytes;
	uint16_t generation;
	uint16_t used;
	uint32_t zero;
};

struct book_client {
	uint64_t connected_ns;
	uint32_t id; /* counts up, never reused while the daemon lives */
	uint32_t uid, gid;
	int32_t pid;
	uint32_t used;
	uint32_t next_free;
	char rule[48];
};

/* Who a stream answers to; one per known device, in topology order. */
struct book_stream {
	uint32_t unit, stream;
	uint32_t state; /* enum wire_device_state */
	uint32_t domain;
};

/* A revoked grant, remembered for explanations. */
struct book_past {
	uint64_t iova, length, until_ns;
	uint32_t domain, client;
	uint8_t rights;
	uint8_t zero[7];
};

#define BOOK_PAST_MAX 1024u

/* At arena offset 0. Offsets are from here. */
struct books_header {
	uint64_t magic;
	uint32_t version;
	uint32_t past_next; /* ring position, counts up */
	uint64_t size;	    /* bytes the books take, whole pages */
	uint64_t clients, memories, domains, grants, streams, past, faults;
	uint32_t client_max, memory_max, domain_max, grant_max, stream_max, fault_max;
	uint32_t client_free, memory_free, domain_free, grant_free;
	uint32_t client_count, memory_count, domain_count, grant_count;
};

struct books {
	uint8_t *base;
	struct books_header *header;
	struct book_client *clients;
	struct book_memory *memories;
	struct book_domain *domains;
	struct book_grant *grants;
	struct book_stream *streams;
	struct book_past *past;
	void *faults; /* the fault log: smmuman/faults.c */
	uint32_t random;
};

/* Bytes of books an arena of that size carries (whole pages). */
uint64_t books_size(uint64_t arena_size);

/*
 * Lays out empty books at base. Only the fault log of an earlier daemon is
 * left as it is. seed: where the index's heap order starts, unguessable.
 */
void books_init(struct books *books, void *base, uint64_t arena_size, uint32_t seed);

/* Take and give back records; BOOK_NONE when all are used. Never allocate. */
uint32_t books_take_client(struct books *books);
void books_give_client(struct books *books, uint32_t index);
uint32_t books_take_memory(struct books *books);
void books_give_memory(struct books *books, uint32_t index);
uint32_t books_take_domain(struct books *books);
void books_give_domain(struct books *books, uint32_t index);
uint32_t books_take_grant(struct books *books);
void books_give_grant(struct books *books, uint32_t index);

/* Handles for the wire and back; BOOK_NONE when stale or out of range. */
uint32_t books_domain_handle(const struct books *books, uint32_t index);
uint32_t books_domain_index(const struct books *books, uint32_t handle);
uint32_t books_memory_handle(const struct books *books, uint32_t index);
uint32_t books_memory_index(const struct books *books, uint32_t handle);

/* The memory's extents, wherever they are kept. */
const struct extent *books_extents(const struct books *books, const struct book_memory *memory);

void books_note_past(struct books *books, const struct book_grant *grant, uint32_t client,
		     uint64_t now_ns);
/* The newest revoked grant of the domain that covered iova, or NULL. */
const struct book_past *books_find_past(const struct books *books, uint32_t domain, uint64_t iova);

#endif
