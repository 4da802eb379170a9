/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A domain's grants in address order: a randomised search tree threaded through
 * the books' records. All calls take expected logarithmic time, none allocates.
 */
#ifndef SMMUMAN_SMMUMAN_GRANTS_H
#define SMMUMAN_SMMUMAN_GRANTS_H

#include <stdint.h>

#include "books.h"

/* Adds a taken record (iova and length set); it must overlap no other. */
void grants_insert(struct books *books, uint32_t domain, uint32_t grant);
void grants_remove(struct books *books, uint32_t domain, uint32_t grant);

/* The grant that starts exactly there, or BOOK_NONE. */
uint32_t grants_find(const struct books *books, uint32_t domain, uint64_t iova);

/* Any grant that shares a byte with the (good) range, or BOOK_NONE. */
uint32_t grants_overlap(const struct books *books, uint32_t domain, uint64_t iova,
			uint64_t length);

uint32_t grants_first(const struct books *books, uint32_t domain);

/* The last grant that starts at or below iova; the first that starts above. */
uint32_t grants_at_or_below(const struct books *books, uint32_t domain, uint64_t iova);
uint32_t grants_above(const struct books *books, uint32_t domain, uint64_t iova);

#endif
