// SPDX-License-Identifier: BSD-2-Clause
#include "grants.h"

#include "arith.h"
#include "log.h"

/*
 * The shape is a treap: ordered by iova from left to right and by the random
 * order word from top to bottom, so its depth does not depend on what clients
 * ask for. The paths below are walked with a pointer to the link to change.
 */

/* Splits the tree under root at iova into *ret_low and *ret_high. */
static void split(struct books *books, uint32_t root, uint64_t iova, uint32_t *ret_low,
		  uint32_t *ret_high)
{
	while (root != BOOK_NONE) {
		struct book_grant *grant = &books->grants[root];

		if (grant->iova < iova) {
			*ret_low = root;
			ret_low = &grant->right;
			root = grant->right;
		} else {
			*ret_high = root;
			ret_high = &grant->left;
			root = grant->left;
		}
	}
	*ret_low = *ret_high = BOOK_NONE;
}

/* Joins two trees, every iova of low below every one of high, at *link. */
static void join(struct books *books, uint32_t low, uint32_t high, uint32_t *link)
{
	while (low != BOOK_NONE && high != BOOK_NONE) {
		if (books->grants[low].order > books->grants[high].order) {
			*link = low;
			link = &books->grants[low].right;
			low = *link;
		} else {
			*link = high;
			link = &books->grants[high].left;
			high = *link;
		}
	}
	*link = low != BOOK_NONE ? low : high;
}

void grants_insert(struct books *books, uint32_t domain, uint32_t index)
{
	struct book_grant *grant = &books->grants[index];
	uint32_t *link = &books->domains[domain].root;

	while (*link != BOOK_NONE && books->grants[*link].order >= grant->order)
		link = books->grants[*link].iova < grant->iova ? &books->grants[*link].right
								: &books->grants[*link].left;
	split(books, *link, grant->iova, &grant->left, &grant->right);
	*link = index;
	books->domains[domain].grants++;
	books->domains[domain].bytes += grant->length;
}

void grants_remove(struct books *books, uint32_t domain, uint32_t index)
{
	struct book_grant *grant = &books->grants[index];
	uint32_t *link = &books->domains[domain].root;

	while (*link != index) {
		check(*link != BOOK_NONE);
		link = books->grants[*link].iova < grant->iova ? &books->grants[*link].right
								: &books->grants[*link].left;
	}
	join(books, grant->left, grant->right, link);
	grant->left = grant->right = BOOK_NONE;
	books->domains[domain].grants--;
	books->domains[domain].bytes -= grant->length;
}

uint32_t grants_at_or_below(const struct books *books, uint32_t domain, uint64_t iova)
{
	uint32_t at = books->domains[domain].root;
	uint32_t best = BOOK_NONE;

	while (at != BOOK_NONE) {
		if (books->grants[at].iova <= iova) {
			best = at;
			at = books->grants[at].right;
		} else {
			at = books->grants[at].left;
		}
	}
	return best;
}

uint32_t grants_above(const struct books *books, uint32_t domain, uint64_t iova)
{
	uint32_t at = books->domains[domain].root;
	uint32_t best = BOOK_NONE;

	while (at != BOOK_NONE) {
		if (books->grants[at].iova > iova) {
			best = at;
			at = books->grants[at].left;
		} else {
			at = books->grants[at].right;
		}
	}
	return best;
}

uint32_t grants_first(const struct books *books, uint32_t domain)
{
	uint32_t at = books->domains[domain].root;

	while (at != BOOK_NONE && books->grants[at].left != BOOK_NONE)
		at = books->grants[at].left;
	return at;
}

uint32_t grants_find(const struct books *books, uint32_t domain, uint64_t iova)
{
	uint32_t at = grants_at_or_below(books, domain, iova);

	return at != BOOK_NONE && books->grants[at].iova == iova ? at : BOOK_NONE;
}

uint32_t grants_overlap(const struct books *books, uint32_t domain, uint64_t iova, uint64_t length)
{
	uint32_t at = grants_at_or_below(books, domain, range_last(iova, length));

	if (at == BOOK_NONE || range_last(books->grants[at].iova, books->grants[at].length) < iova)
		return BOOK_NONE;
	return at;
}
