// SPDX-License-Identifier: BSD-2-Clause
#include "session_check.h"

#include "arith.h"
#include "grants.h"
#include "group.h"
#include "smmu_oracle.h"

/*
 * How far the arrays are looked at. Records are taken from below and the clients'
 * quotas are far smaller; the counts in the header would tell of any beyond.
 */
#define LOOK 128u

struct sums {
	uint32_t domains, memories, grants, devices;
	uint64_t memory_bytes, table_bytes;
};

static void sum_domains(const struct daemon *d, uint32_t client, struct sums *sums)
{
	const struct books *books = &d->books;
	uint32_t i;

	for (i = 1; i < LOOK; i++) {
		if (!books->domains[i].used || books->domains[i].client != client)
			continue;
		sums->domains++;
		sums->grants += books->domains[i].grants;
		sums->table_bytes += domain_table_bytes(d, i);
		require(d->domains[i].table_bytes == domain_table_bytes(d, i));
	}
}

static void sum_memories(const struct daemon *d, uint32_t client, struct sums *sums)
{
	const struct books *books = &d->books;
	uint32_t i;

	for (i = 1; i < LOOK; i++) {
		const struct book_memory *memory = &books->memories[i];

		if (!(memory->flags & BOOK_MEMORY_USED) || memory->client != client)
			continue;
		sums->memories++;
		if (!(memory->flags & BOOK_MEMORY_REGION))
			sums->memory_bytes += memory->length;
	}
}

static struct sums sum_conn(const struct daemon *d, const struct conn *conn)
{
	struct sums sums = { 0 };
	uint32_t i;

	sum_domains(d, conn->self.client, &sums);
	sum_memories(d, conn->self.client, &sums);
	for (i = 0; i < d->device_count; i++)
		sums.devices += d->devices[i].conn == conn;
	require(sums.domains == conn->domains && sums.memories == conn->memories);
	require(sums.grants == conn->grants && sums.devices == conn->devices);
	require(sums.memory_bytes == conn->memory_bytes);
	return sums;
}

/* Grants in the arrays, in their domain's index, and in their memory's count. */
static void check_grants(const struct daemon *d)
{
	const struct books *books = &d->books;
	uint32_t count = 0, in_memories = 0;
	uint32_t i;

	for (i = 1; i < LOOK; i++) {
		const struct book_grant *grant = &books->grants[i];

		if (grant->state == GRANT_FREE)
			continue;
		count++;
		require(grant->state == GRANT_LIVE);
		require(books->domains[grant->domain].used);
		require(books->domains[grant->domain].client ==
			books->memories[grant->memory].client);
		require(grants_find(books, grant->domain, grant->iova) == i);
	}
	for (i = 1; i < LOOK; i++)
		in_memories += books->memories[i].grants;
	require(count == books->header->grant_count && count == in_memories);
}

void session_check_books(struct daemon *d)
{
	const struct user *user = NULL;
	struct sums all = { 0 }, one;
	struct list *pos;
	uint32_t conns = 0;

	list_for_each(pos, &d->conns) {
		const struct conn *conn = list_entry(pos, struct conn, node);

		one = sum_conn(d, conn);
		all.domains += one.domains;
		all.memories += one.memories;
		all.grants += one.grants;
		all.devices += one.devices;
		all.memory_bytes += one.memory_bytes;
		all.table_bytes += one.table_bytes;
		user = conn->user;
		conns++;
	}
	require(conns == d->conn_count && conns == d->books.header->client_count);
	check_grants(d);
	if (!user)
		return;
	require(user->connections == conns && user->domains == all.domains);
	require(user->memories == all.memories && user->grants == all.grants);
	require(user->devices == all.devices && user->memory_bytes == all.memory_bytes);
	require(user->table_bytes == all.table_bytes);
}

static pa_t pa_of(const struct books *books, const struct book_grant *grant, uint64_t at)
{
	const struct book_memory *memory = &books->memories[grant->memory];
	const struct extent *extent = books_extents(books, memory);
	uint64_t offset = grant->offset + at;

	for (; offset >= extent->length; extent++)
		offset -= extent->length;
	return PA(extent->pa.v + offset);
}

static void check_page(const struct daemon *d, const struct hw_fake *unit, uint32_t stream,
		       uint32_t domain, uint64_t iova)
{
	uint32_t at = domain ? grants_overlap(&d->books, domain, iova, PAGE_BYTES) : BOOK_NONE;
	const struct book_grant *grant = &d->books.grants[at];
	bool may_read, may_write;
	uint64_t pa = 0;

	may_read = oracle_access(unit, stream, iova, false, &pa);
	may_write = oracle_access(unit, stream, iova, true, &pa);
	if (at == BOOK_NONE) {
		require(!may_read && !may_write);
		return;
	}
	/* Stage 1 tables cannot forbid reading what may be written: never more than that. */
	require(!may_write || (grant->rights & RIGHT_WRITE));
	require(may_read || !(grant->rights & RIGHT_READ));
	require(may_write || !(grant->rights & RIGHT_WRITE));
	if (may_read || may_write)
		require(pa == pa_of(&d->books, grant, iova - grant->iova).v);
}

static void check_around(const struct daemon *d, const struct hw_fake *unit, uint32_t stream,
			 uint32_t domain)
{
	const struct book_grant *grant;
	uint32_t at;
	uint64_t iova;

	check_page(d, unit, stream, domain, 0);
	if (!domain)
		return;
	for (at = grants_first(&d->books, domain); at != BOOK_NONE;
	     at = grants_above(&d->books, domain, grant->iova)) {
		grant = &d->books.grants[at];
		for (iova = grant->iova; iova - grant->iova < grant->length; iova += PAGE_BYTES)
			check_page(d, unit, stream, domain, iova);
		check_page(d, unit, stream, domain, iova);
		if (grant->iova > 0)
			check_page(d, unit, stream, domain, grant->iova - PAGE_BYTES);
	}
}

/* The domain that a stream leads into: one, however many are attached that share it. */
static uint32_t domain_of(const struct daemon *d, uint32_t stream)
{
	uint32_t domain = BOOK_NONE, i;

	for (i = 0; i < d->device_count; i++) {
		if (device_state(d, &d->devices[i]) != WIRE_DEVICE_ATTACHED ||
		    !device_has_stream(&d->devices[i], stream))
			continue;
		require(domain == BOOK_NONE || domain == d->devices[i].domain);
		domain = d->devices[i].domain;
	}
	return domain;
}

void session_check_reach(struct daemon *d, const struct hw_fake *unit)
{
	uint32_t i, k;

	for (i = 0; i < d->device_count; i++) {
		const struct device *device = &d->devices[i];
		bool is_attached = device_state(d, device) == WIRE_DEVICE_ATTACHED;

		require(is_attached == (device->conn != NULL));
		require(is_attached == device->is_bound);
		for (k = 0; k < device->found->stream_count; k++) {
			uint32_t stream = device->found->streams[k];

			if (device->unit->drv->is_closed)
				check_page(d, unit, stream, BOOK_NONE, 0);
			else
				check_around(d, unit, stream, domain_of(d, stream));
		}
	}
}

void session_check_empty(struct daemon *d)
{
	const struct books_header *header = d->books.header;
	uint64_t stuck = 0;
	uint32_t i, kept = 0;

	require(list_is_empty(&d->conns) && list_is_empty(&d->users));
	require(list_is_empty(&d->pendings) && list_is_empty(&d->releasing));
	require(d->conn_count == 0 && header->client_count == 0);
	require(header->domain_count == 0 && header->grant_count == 0);
	for (i = 1; i < LOOK; i++) {
		const struct book_memory *memory = &d->books.memories[i];

		if (!(memory->flags & BOOK_MEMORY_USED))
			continue;
		require(memory->flags & BOOK_MEMORY_STUCK);
		kept++;
		stuck += memory->length;
	}
	require(header->memory_count == kept && d->counters.pinned_forever == stuck);
	for (i = 0; i < d->device_count; i++)
		require(device_state(d, &d->devices[i]) != WIRE_DEVICE_ATTACHED &&
			device_state(d, &d->devices[i]) != WIRE_DEVICE_RELEASING);
}

bool session_is_fresh(const struct daemon *d)
{
	uint32_t i;

	for (i = 0; i < d->device_count; i++)
		if (device_state(d, &d->devices[i]) == WIRE_DEVICE_QUARANTINED)
			return false;
	return !d->units[0].drv->is_closed && d->counters.pinned_forever == 0;
}
