/* SPDX-License-Identifier: BSD-2-Clause */
/* "Did you mean ...?": the known word nearest to one that somebody misspelt. */
#ifndef SMMUMAN_COMMON_SUGGEST_H
#define SMMUMAN_COMMON_SUGGEST_H

#define SUGGEST_WORD_MAX 64 /* longer words are compared by this many bytes */

struct suggest {
	const char *word; /* as it was written */
	const char *best; /* the nearest word offered so far; NULL: none is near */
	unsigned distance;
};

/* word and every word offered must outlive the struct. */
void suggest_init(struct suggest *suggest, const char *word);

/* The first of several words equally near wins. Far words are ignored. */
void suggest_offer(struct suggest *suggest, const char *known);

/*
 * How many single edits (insert, delete, replace, swap of neighbours) lead
 * from a to b. Letter case counts for nothing.
 */
unsigned suggest_distance(const char *a, const char *b);

#endif
