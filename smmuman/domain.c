// SPDX-License-Identifier: BSD-2-Clause
/* Domains: one I/O address space each, with one page table on every unit it spans. */
#include "domain.h"

#include <errno.h>
#include <inttypes.h>

#include "grants.h"
#include "log.h"
#include "mapping.h"
#include "pending.h"
#include "spread.h"

int domain_create(struct daemon *d, struct conn *conn, uint32_t *ret_domain, struct error *err)
{
	uint32_t limit = conn->rule->limits.domains;
	uint32_t index;

	if (conn->user->domains >= limit)
		return error_set(err, -EDQUOT, "uid %" PRIu32 " has %" PRIu32
				 " domains, its limit (limits: domains of '%s')", conn->uid, limit,
				 conn->rule->name);
	index = books_take_domain(&d->books);
	if (index == BOOK_NONE)
		return error_set(err, -ENOSPC, "the books hold no more domains (%" PRIu32 ")",
				 d->books.header->domain_max - 1);
	d->books.domains[index].client = conn->self.client;
	d->domains[index] = (struct domain){ .user = conn->user };
	conn->domains++;
	conn->user->domains++;
	*ret_domain = index;
	return 0;
}

int domain_of_client(const struct daemon *d, const struct conn *conn, uint32_t handle,
		     uint32_t *ret_domain, struct error *err)
{
	*ret_domain = books_domain_index(&d->books, handle);
	if (*ret_domain == BOOK_NONE || d->books.domains[*ret_domain].client != conn->self.client)
		return error_set(err, -ENOENT, "you have no domain with handle 0x%" PRIx32, handle);
	return 0;
}

/* Maps every grant of the domain into a new space: all of them or none. */
static int replay(struct daemon *d, uint32_t domain, struct drv_space *space, struct error *err)
{
	const struct drv_ops *ops = space->unit->ops;
	const struct book_grant *grant;
	struct drv_part part;
	uint32_t at = grants_first(&d->books, domain);
	int ret;

	for (; at != BOOK_NONE; at = grants_above(&d->books, domain, grant->iova)) {
		grant = &d->books.grants[at];
		part = grant_part(d, grant);
		ret = ops->map(space, IOVA(grant->iova), &part, grant->rights, err);
		if (ret < 0)
			return ret;
	}
	return ops->commit ? ops->commit(space, err) : 0;
}

/* A space holds at most limit pages by itself; the uid's spaces do so together. */
static int check_tables(const struct daemon *d, uint32_t domain, uint64_t limit, struct error *err)
{
	const struct user *user = d->domains[domain].user;

	if (limit == 0 || !user || user->table_bytes <= limit * PAGE_BYTES)
		return 0;
	return error_set(err, -EDQUOT, "the page tables of uid %" PRIu32 " would take %" PRIu64
			 " bytes, its limit is %" PRIu64 " (limits: tables)", user->uid,
			 user->table_bytes, limit * PAGE_BYTES);
}

/* No stream was ever bound to it: nothing to invalidate. */
static void space_undo(struct daemon *d, uint32_t domain, struct drv_space **slot)
{
	(*slot)->unit->ops->space_destroy(*slot);
	*slot = NULL;
	domain_account(d, domain);
}

int domain_space(struct daemon *d, uint32_t domain, struct unit *unit, uint64_t table_page_limit,
		 struct drv_space **ret_space, struct error *err)
{
	struct drv_space **slot = &d->domains[domain].spaces[unit_number(d, unit)];
	int ret;

	if (!*slot) {
		ret = unit->drv->ops->space_create(unit->drv, table_page_limit, slot, err);
		if (ret < 0) {
			*slot = NULL;
			return ret;
		}
		ret = replay(d, domain, *slot, err);
		domain_account(d, domain);
		if (ret == 0)
			ret = check_tables(d, domain, table_page_limit, err);
		if (ret < 0) {
			space_undo(d, domain, slot);
			return error_prefix(err, "putting the domain's grants on %s",
					    unit->drv->name);
		}
	}
	*ret_space = *slot;
	return 0;
}

void domain_revoke_all(struct daemon *d, uint32_t domain, struct pending *pending)
{
	struct drv_gather gather;
	uint32_t at, i;

	check(d->domains[domain].devices == 0);
	for (at = grants_first(&d->books, domain); at != BOOK_NONE;
	     at = grants_above(&d->books, domain, d->books.grants[at].iova))
		d->books.grants[at].state = GRANT_REVOKING;
	/* No stream leads to these tables any more: one invalidation a unit is enough. */
	for (i = 0; i < d->unit_count; i++) {
		if (!d->domains[domain].spaces[i])
			continue;
		gather = (struct drv_gather){ .space = d->domains[domain].spaces[i],
					      .whole_space = true };
		pending_submit(pending, &d->units[i], &gather);
	}
}

static uint32_t free_grants(struct daemon *d, uint32_t domain, int status)
{
	uint32_t count = 0;
	uint32_t at;

	while ((at = d->books.domains[domain].root) != BOOK_NONE) {
		grant_forget(d, at);
		grant_free(d, at, status);
		count++;
	}
	return count;
}

uint32_t domain_free(struct daemon *d, uint32_t domain, int status)
{
	struct user *user = d->domains[domain].user;
	uint32_t grants, i;

	check(d->domains[domain].devices == 0);
	grants = free_grants(d, domain, status);
	if (user)
		user->table_bytes -= d->domains[domain].table_bytes;
	/* On a unit that did not answer the tables stay where they are, for ever. */
	for (i = 0; i < d->unit_count; i++)
		if (d->domains[domain].spaces[i] && !d->units[i].drv->is_closed)
			d->units[i].drv->ops->space_destroy(d->domains[domain].spaces[i]);
	d->domains[domain] = (struct domain){ 0 };
	books_give_domain(&d->books, domain);
	return grants;
}

uint64_t domain_table_bytes(const struct daemon *d, uint32_t domain)
{
	uint64_t pages = 0;
	uint32_t i;

	for (i = 0; i < d->unit_count; i++)
		if (d->domains[domain].spaces[i])
			pages += d->domains[domain].spaces[i]->table_pages;
	return pages * PAGE_BYTES;
}

void domain_account(struct daemon *d, uint32_t domain)
{
	struct domain *mine = &d->domains[domain];
	uint64_t bytes = domain_table_bytes(d, domain);

	if (mine->user)
		mine->user->table_bytes += bytes - mine->table_bytes;
	mine->table_bytes = bytes;
}
