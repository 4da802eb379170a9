// SPDX-License-Identifier: BSD-2-Clause
/*
 * Chains of table pages that nothing points to any more. A unit may still read
 * them until its invalidation is complete, so the words that thread a chain
 * have their low 12 bits clear: to every format they are empty entries.
 */
#include <string.h>

#include "log.h"
#include "walker.h"

enum chain_word {
	CHAIN_NEXT_PAGE,
	CHAIN_NEXT_CHAIN,
	CHAIN_NUMBER_LOW,
	CHAIN_NUMBER_HIGH,
	CHAIN_WORDS
};

#define NUMBER_LOW_BITS 32

/* Never 0, wherever the arena lies. */
static uint64_t link_make(const struct pages *pages, const void *page)
{
	return (uint64_t)((const uint8_t *)page - pages->cpu) + PAGE_BYTES;
}

static uint64_t *link_page(const struct pages *pages, uint64_t link)
{
	check(link >= PAGE_BYTES && link <= pages->size && is_aligned(link, PAGE_BYTES));
	return (uint64_t *)(void *)(pages->cpu + (link - PAGE_BYTES));
}

void chain_push(struct pages *pages, uint64_t *chain, void *page, bool is_clean)
{
	uint64_t *words = page;

	pages_note(pages, page)->clean = is_clean;
	hw_store64(&words[CHAIN_NEXT_PAGE], *chain);
	hw_fill64(&words[CHAIN_NEXT_CHAIN], 0, 0, CHAIN_WORDS - CHAIN_NEXT_CHAIN);
	*chain = link_make(pages, page);
}

static void reap_page(struct pages *pages, uint64_t *words)
{
	if (pages_note(pages, words)->clean)
		memset(words, 0, CHAIN_WORDS * sizeof(*words));
	else
		memset(words, 0, PAGE_BYTES);
	pages_give_clean(pages, words);
}

void pgtable_reap(struct pages *pages, uint64_t freed_chain)
{
	uint64_t *words;

	while (freed_chain) {
		words = link_page(pages, freed_chain);
		freed_chain = words[CHAIN_NEXT_PAGE];
		reap_page(pages, words);
	}
}

void pgtable_chain_mark(struct pages *pages, uint64_t freed_chain, uint64_t number)
{
	uint64_t *words = link_page(pages, freed_chain);

	hw_store64(&words[CHAIN_NUMBER_LOW], (number & UINT32_MAX) << PAGE_SHIFT);
	hw_store64(&words[CHAIN_NUMBER_HIGH], number >> NUMBER_LOW_BITS << PAGE_SHIFT);
}

uint64_t pgtable_chain_number(const struct pages *pages, uint64_t freed_chain)
{
	const uint64_t *words = link_page(pages, freed_chain);

	return words[CHAIN_NUMBER_HIGH] >> PAGE_SHIFT << NUMBER_LOW_BITS |
	       words[CHAIN_NUMBER_LOW] >> PAGE_SHIFT;
}

void pgtable_chain_link(struct pages *pages, uint64_t head, uint64_t next_chain)
{
	hw_store64(&link_page(pages, head)[CHAIN_NEXT_CHAIN], next_chain);
}

uint64_t pgtable_chain_next(const struct pages *pages, uint64_t head)
{
	return link_page(pages, head)[CHAIN_NEXT_CHAIN];
}
