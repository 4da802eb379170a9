// SPDX-License-Identifier: BSD-2-Clause
#include "suggest.h"

#include <stddef.h>
#include <string.h>

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	if (b < a)
		a = b;
	return c < a ? c : a;
}

/* No locale: the words are ours, and the answer must not depend on the user. */
static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Optimal string alignment; three rows of the table are enough. */
unsigned suggest_distance(const char *a, const char *b)
{
	unsigned rows[3][SUGGEST_WORD_MAX + 1];
	unsigned *before = rows[0], *above = rows[1], *row = rows[2], *spare;
	size_t a_length = strnlen(a, SUGGEST_WORD_MAX), b_length = strnlen(b, SUGGEST_WORD_MAX);
	size_t i, j;

	for (j = 0; j <= b_length; j++)
		row[j] = (unsigned)j;
	for (i = 1; i <= a_length; i++) {
		spare = before;
		before = above;
		above = row;
		row = spare;
		row[0] = (unsigned)i;
		for (j = 1; j <= b_length; j++) {
			unsigned cost = lower(a[i - 1]) != lower(b[j - 1]);

			row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + cost);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]) && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
	}
	return row[b_length];
}

void suggest_init(struct suggest *suggest, const char *word)
{
	suggest->word = word;
	suggest->best = NULL;
	/* A third of the word may be wrong; of a short one, one letter. */
	suggest->distance = (unsigned)strnlen(word, SUGGEST_WORD_MAX) / 3 + 1;
	if (suggest->distance < 2)
		suggest->distance = 2;
}

void suggest_offer(struct suggest *suggest, const char *known)
{
	unsigned distance = suggest_distance(suggest->word, known);

	/* Nothing in common with a one-letter word is not near, it is chance. */
	if (distance >= suggest->distance || distance >= strlen(known))
		return;
	suggest->distance = distance;
	suggest->best = known;
}
