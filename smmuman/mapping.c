// SPDX-License-Identifier: BSD-2-Clause
/*
 * Grants made and taken away. A batch is all or nothing: it is checked and
 * mapped entry by entry, and the first refusal takes the earlier entries back.
 * Nothing here allocates: records come from the books, table pages from the
 * arena.
 */
#include "mapping.h"

#include <errno.h>
#include <inttypes.h>

#include "arith.h"
#include "domain.h"
#include "grants.h"
#include "log.h"
#include "pending.h"
#include "reserved.h"
#include "spread.h"

static int check_shape(uint64_t iova, uint64_t length, uint64_t offset, unsigned rights,
		       struct error *err)
{
	if (length == 0)
		return error_set(err, -EINVAL, "a grant of no bytes");
	if (range_is_bad(iova, length) || range_is_bad(offset, length))
		return error_set(err, -EINVAL, "0x%" PRIx64 " + 0x%" PRIx64
				 " runs past the end of the address space", iova, length);
	if (!is_aligned(iova | length | offset, PAGE_BYTES))
		return error_set(err, -EINVAL, "IOVA 0x%" PRIx64 ", length 0x%" PRIx64 " and offset 0x%"
				 PRIx64 " must be multiples of 4096: a grant is never wider than asked",
				 iova, length, offset);
	if (rights == 0 || rights & ~(unsigned)RIGHT_ALL)
		return error_set(err, -EINVAL, "rights 0x%x are none of read, write, exec", rights);
	return 0;
}

static int check_memory(const struct book_memory *memory, uint64_t length, uint64_t offset,
			unsigned rights, struct error *err)
{
	if (!range_within(offset, length, 0, memory->length))
		return error_set(err, -ERANGE, "offset 0x%" PRIx64 " + 0x%" PRIx64
				 " is outside the registered memory of 0x%" PRIx64 " bytes", offset,
				 length, memory->length);
	if (rights & ~(unsigned)memory->rights)
		return error_set(err, -EACCES, "the memory was registered with rights 0x%x, the grant asks 0x%x",
				 memory->rights, rights);
	return 0;
}

static int check_free(const struct daemon *d, uint32_t domain, uint64_t iova, uint64_t length,
		      struct error *err)
{
	const struct book_grant *other;
	uint32_t at = grants_overlap(&d->books, domain, iova, length);

	if (at == BOOK_NONE)
		return 0;
	other = &d->books.grants[at];
	return error_set(err, -EEXIST, "0x%" PRIx64 " + 0x%" PRIx64 " overlaps the grant at 0x%" PRIx64
			 " + 0x%" PRIx64 "; revoke that first", iova, length, other->iova,
			 other->length);
}

int grant_make(struct daemon *d, struct spread *spread, uint32_t memory,
	       const struct wire_map *ask, uint32_t *ret_grant, struct error *err)
{
	struct book_grant *grant;
	uint32_t index;
	int ret;

	ret = check_shape(ask->iova, ask->length, ask->offset, ask->rights, err);
	if (ret == 0)
		ret = check_memory(&d->books.memories[memory], ask->length, ask->offset,
				   ask->rights, err);
	if (ret == 0)
		ret = check_free(d, spread->domain, ask->iova, ask->length, err);
	if (ret == 0)
		ret = reserved_refuse_grant(d, spread->domain, ask->iova, ask->length, err);
	if (ret < 0)
		return ret;
	index = books_take_grant(&d->books);
	if (index == BOOK_NONE)
		return error_set(err, -ENOSPC, "the books hold no more grants (%" PRIu32 ")",
				 d->books.header->grant_max - 1);
	grant = &d->books.grants[index];
	grant->iova = ask->iova;
	grant->length = ask->length;
	grant->offset = ask->offset;
	grant->rights = (uint8_t)ask->rights;
	grant->domain = spread->domain;
	grant->memory = memory;
	/* Announced before the tables change, confirmed by grants_settle(). */
	__atomic_store_n(&grant->state, GRANT_MAPPING, __ATOMIC_RELEASE);
	ret = spread_map(d, spread, grant, err);
	if (ret < 0) {
		books_give_grant(&d->books, index);
		return ret;
	}
	grants_insert(&d->books, spread->domain, index);
	d->books.memories[memory].grants++;
	*ret_grant = index;
	return 0;
}

void grants_settle(struct daemon *d, const uint32_t *grants, uint32_t count)
{
	uint64_t now = clock_real_ns();
	uint32_t i;

	for (i = 0; i < count; i++) {
		d->books.grants[grants[i]].since_ns = now;
		__atomic_store_n(&d->books.grants[grants[i]].state, GRANT_LIVE, __ATOMIC_RELEASE);
	}
}

void grant_forget(struct daemon *d, uint32_t index)
{
	struct book_grant *grant = &d->books.grants[index];

	books_note_past(&d->books, grant, d->books.domains[grant->domain].client, clock_real_ns());
	grants_remove(&d->books, grant->domain, index);
}

static void pin_forever(struct daemon *d, struct book_memory *memory)
{
	if (memory->flags & BOOK_MEMORY_STUCK)
		return;
	memory->flags |= BOOK_MEMORY_STUCK;
	d->counters.pinned_forever += memory->length;
}

void grant_free(struct daemon *d, uint32_t index, int status)
{
	struct book_memory *memory = &d->books.memories[d->books.grants[index].memory];

	if (status < 0)
		pin_forever(d, memory);
	memory->grants--;
	books_give_grant(&d->books, index);
}

/*
 * The batch's grants are announced as going, taken off every unit with one submit a
 * unit, and out of the index.
 */
static void revoke_batch(struct daemon *d, struct conn *conn, struct spread *spread)
{
	uint32_t k;

	for (k = 0; k < conn->batch_count; k++)
		__atomic_store_n(&d->books.grants[conn->batch[k]].state, GRANT_REVOKING,
				 __ATOMIC_RELEASE);
	conn->partial = spread->partial.memory;
	spread_revert(d, spread, conn->batch, conn->batch_count, &conn->pending);
	for (k = 0; k < conn->batch_count; k++)
		grant_forget(d, conn->batch[k]);
	domain_account(d, spread->domain);
}

/* Hardware has forgotten the batch's grants (or its unit is closed). */
static void revoke_done(struct daemon *d, struct pending *pending, int status)
{
	struct conn *conn = list_entry(pending, struct conn, pending);
	uint32_t k;

	for (k = 0; k < conn->batch_count; k++)
		grant_free(d, conn->batch[k], status);
	if (status < 0 && conn->partial != BOOK_NONE)
		pin_forever(d, &d->books.memories[conn->partial]);
	conn->grants -= conn->batch_count;
	conn->user->grants -= conn->batch_count;
	conn->batch_count = 0;
	if (status < 0 && conn->outcome.code == 0)
		error_set(&conn->outcome, status, "the unit did not confirm the invalidation and was "
			  "closed; the memory stays pinned for ever");
	d->answer(conn, conn->outcome.code);
}

static int check_quota(const struct conn *conn, uint32_t count, struct error *err)
{
	const struct policy_limits *limits = &conn->rule->limits;
	const struct user *user = conn->user;

	if (user->grants + count > limits->grants)
		return error_set(err, -EDQUOT, "uid %" PRIu32 " has %" PRIu32 " grants, its limit is %"
				 PRIu32 " (limits: grants of '%s')", conn->uid, user->grants,
				 limits->grants, conn->rule->name);
	return 0;
}

static int check_tables(const struct conn *conn, struct error *err)
{
	const struct policy_limits *limits = &conn->rule->limits;

	if (conn->user->table_bytes > limits->table_bytes)
		return error_set(err, -EDQUOT, "the page tables of uid %" PRIu32 " would take %" PRIu64
				 " bytes, its limit is %" PRIu64 " (limits: tables of '%s')", conn->uid,
				 conn->user->table_bytes, limits->table_bytes, conn->rule->name);
	return 0;
}

/* The window, the unit's reach and the bookkeeping of one entry of a batch. */
static int map_entry(struct daemon *d, struct conn *conn, struct spread *spread,
		     const struct wire_map *entry, struct error *err)
{
	uint32_t memory = books_memory_index(&d->books, entry->memory);
	uint32_t grant;
	int ret;

	if (memory == BOOK_NONE || d->books.memories[memory].client != conn->self.client)
		return error_set(err, -ENOENT, "you have no memory with handle 0x%" PRIx32,
				 entry->memory);
	if (!range_is_bad(entry->iova, entry->length) &&
	    !policy_window_allows(conn->rule, entry->iova, entry->length))
		return error_set(err, -EACCES, "0x%" PRIx64 " + 0x%" PRIx64
				 " is outside the windows of '%s' (line %" PRIu32 " of the policy)",
				 entry->iova, entry->length, conn->rule->name, conn->rule->line);
	ret = grant_make(d, spread, memory, entry, &grant, err);
	if (ret < 0)
		return ret;
	conn->batch[conn->batch_count++] = grant;
	conn->grants++;
	conn->user->grants++;
	return 0;
}

int mapping_map(struct daemon *d, struct conn *conn, const struct wire_batch *batch,
		const struct wire_map *entries, struct error *err)
{
	struct spread spread;
	uint32_t domain, i;
	int ret;

	ret = domain_of_client(d, conn, batch->domain, &domain, err);
	if (ret == 0)
		ret = check_quota(conn, batch->count, err);
	if (ret < 0)
		return ret;
	spread = spread_new(domain);
	conn->batch_count = 0;
	pending_begin(&conn->pending, revoke_done);
	for (i = 0; i < batch->count && ret == 0; i++)
		ret = map_entry(d, conn, &spread, &entries[i], err);
	domain_account(d, domain);
	if (ret < 0 && batch->count > 1)
		error_prefix(err, "entry %" PRIu32 " of %" PRIu32, i - 1, batch->count);
	if (ret == 0)
		ret = check_tables(conn, err);
	if (ret == 0)
		ret = spread_commit(d, &spread, err);
	if (ret == 0) {
		grants_settle(d, conn->batch, conn->batch_count);
		conn->batch_count = 0;
		return 0;
	}
	if (conn->batch_count == 0 && spread.partial_units == 0 && spread.shut == 0)
		return ret;
	/* Take the earlier entries back; the refusal is the answer, once they are gone. */
	conn->outcome = *err;
	revoke_batch(d, conn, &spread);
	pending_wait(d, &conn->pending);
	return -EINPROGRESS;
}

static int collect(struct daemon *d, struct conn *conn, uint32_t domain,
		   const struct wire_range *range, struct error *err)
{
	uint32_t at = grants_find(&d->books, domain, range->iova);

	if (at == BOOK_NONE)
		return error_set(err, -ENOENT, "no grant starts at 0x%" PRIx64, range->iova);
	if (d->books.grants[at].length != range->length)
		return error_set(err, -EINVAL, "the grant at 0x%" PRIx64 " is 0x%" PRIx64
				 " bytes long, not 0x%" PRIx64 ": a grant is revoked whole", range->iova,
				 d->books.grants[at].length, range->length);
	if (d->books.grants[at].state != GRANT_LIVE)
		return error_set(err, -EINVAL, "0x%" PRIx64 " stands twice in one request", range->iova);
	/* Remembered by its state, so that the same entry twice is noticed. */
	d->books.grants[at].state = GRANT_REVOKING;
	conn->batch[conn->batch_count++] = at;
	return 0;
}

int mapping_unmap(struct daemon *d, struct conn *conn, const struct wire_batch *batch,
		  const struct wire_range *entries, struct error *err)
{
	struct spread spread;
	uint32_t domain, i;
	int ret;

	ret = domain_of_client(d, conn, batch->domain, &domain, err);
	if (ret < 0)
		return ret;
	spread = spread_held(domain);
	conn->batch_count = 0;
	for (i = 0; i < batch->count && ret == 0; i++)
		ret = collect(d, conn, domain, &entries[i], err);
	if (ret < 0) {
		while (conn->batch_count > 0)
			d->books.grants[conn->batch[--conn->batch_count]].state = GRANT_LIVE;
		return ret;
	}
	conn->outcome = (struct error){ 0 };
	pending_begin(&conn->pending, revoke_done);
	revoke_batch(d, conn, &spread);
	pending_wait(d, &conn->pending);
	return -EINPROGRESS;
}
