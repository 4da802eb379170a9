// SPDX-License-Identifier: BSD-2-Clause
#include "oracle.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 4096u

void oracle_init(struct oracle *oracle)
{
	memset(oracle, 0, sizeof(*oracle));
}

void oracle_fini(struct oracle *oracle)
{
	unsigned i;

	for (i = 0; i < oracle->window_count; i++)
		free(oracle->windows[i].words);
	oracle_init(oracle);
}

void oracle_add_window(struct oracle *oracle, uint64_t start, uint64_t bytes)
{
	struct oracle_window *window = &oracle->windows[oracle->window_count++];

	window->start = start;
	window->pages = bytes / PAGE;
	window->words = calloc(window->pages, sizeof(*window->words));
	if (!window->words)
		abort();
}

/* NULL when no window holds the page. */
static uint64_t *word_at(const struct oracle *oracle, uint64_t iova)
{
	const struct oracle_window *window;
	unsigned i;

	for (i = 0; i < oracle->window_count; i++) {
		window = &oracle->windows[i];
		if (iova >= window->start && (iova - window->start) / PAGE < window->pages)
			return &window->words[(iova - window->start) / PAGE];
	}
	return NULL;
}

uint64_t oracle_get(const struct oracle *oracle, uint64_t iova)
{
	const uint64_t *word = word_at(oracle, iova);

	return word ? *word : 0;
}

bool oracle_is_free(const struct oracle *oracle, uint64_t iova, uint64_t length)
{
	uint64_t done;

	for (done = 0; done < length; done += PAGE)
		if (oracle_get(oracle, iova + done))
			return false;
	return true;
}

uint64_t oracle_part_word(const struct drv_part *part, uint64_t offset, unsigned rights)
{
	uint64_t at = part->offset + offset;
	uint32_t i;

	for (i = 0; at >= part->extents[i].length; i++)
		at -= part->extents[i].length;
	return (part->extents[i].pa.v + at) | rights;
}

void oracle_map(struct oracle *oracle, uint64_t iova, const struct drv_part *part, unsigned rights)
{
	uint64_t done;

	for (done = 0; done < part->length; done += PAGE)
		*word_at(oracle, iova + done) = oracle_part_word(part, done, rights);
	oracle->mapped += part->length / PAGE;
}

void oracle_unmap(struct oracle *oracle, uint64_t iova, uint64_t length)
{
	uint64_t *word;
	uint64_t done;

	for (done = 0; done < length; done += PAGE) {
		word = word_at(oracle, iova + done);
		oracle->mapped -= *word != 0;
		*word = 0;
	}
}
