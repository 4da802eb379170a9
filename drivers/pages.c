// SPDX-License-Identifier: BSD-2-Clause
#include "pages.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "arith.h"
#include "log.h"

int pages_init(struct pages *pages, void *cpu, pa_t pa, uint64_t size)
{
	uint32_t i;

	if (size == 0 || !is_aligned((uintptr_t)cpu | pa.v | size, PAGE_BYTES) ||
	    range_is_bad(pa.v, size) || size >> PAGE_SHIFT > UINT32_MAX)
		return -EINVAL;
	*pages = (struct pages){ .cpu = cpu, .pa = pa, .size = size };
	pages->page_count = (uint32_t)(size >> PAGE_SHIFT);
	pages->notes = calloc(pages->page_count, sizeof(*pages->notes));
	pages->free_stack = calloc(pages->page_count, sizeof(*pages->free_stack));
	if (!pages->notes || !pages->free_stack) {
		pages_fini(pages);
		return -ENOMEM;
	}
	/* Low pages on top of the stack: runs find room at the far end. */
	for (i = 0; i < pages->page_count; i++)
		pages->free_stack[i] = pages->page_count - 1 - i;
	pages->free_count = pages->page_count;
	return 0;
}

void pages_fini(struct pages *pages)
{
	free(pages->notes);
	free(pages->free_stack);
	pages->notes = NULL;
	pages->free_stack = NULL;
}

static void *page_at(const struct pages *pages, uint32_t index)
{
	return pages->cpu + ((uint64_t)index << PAGE_SHIFT);
}

static uint32_t page_index(const struct pages *pages, const void *cpu)
{
	uint64_t offset = (uintptr_t)cpu - (uintptr_t)pages->cpu;

	check(offset < pages->size && is_aligned(offset, PAGE_BYTES));
	return (uint32_t)(offset >> PAGE_SHIFT);
}

/* The page becomes the caller's, all zero. */
static void *page_hand_out(struct pages *pages, uint32_t index)
{
	struct page_note *note = &pages->notes[index];
	bool was_clean = note->clean;
	void *page = page_at(pages, index);

	*note = (struct page_note){ .taken = 1 };
	return was_clean ? page : memset(page, 0, PAGE_BYTES);
}

static void page_take_back(struct pages *pages, uint32_t index, bool is_clean)
{
	check(pages->notes[index].taken);
	pages->notes[index] = (struct page_note){ .clean = is_clean };
	pages->free_stack[pages->free_count++] = index;
}

void *pages_take(struct pages *pages)
{
	if (pages->free_count == 0)
		return NULL;
	return page_hand_out(pages, pages->free_stack[--pages->free_count]);
}

/* Drops from the stack every page that a run has just taken. */
static void stack_forget_taken(struct pages *pages)
{
	uint32_t kept = 0;
	uint32_t i;

	for (i = 0; i < pages->free_count; i++)
		if (!pages->notes[pages->free_stack[i]].taken)
			pages->free_stack[kept++] = pages->free_stack[i];
	pages->free_count = kept;
}

static bool run_is_free(const struct pages *pages, uint64_t first, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		if (pages->notes[first + i].taken)
			return false;
	return true;
}

/* The highest free run on a multiple of step pages of physical address. */
static bool run_find(const struct pages *pages, uint32_t count, uint64_t step, uint64_t *ret_first)
{
	uint64_t base = pages->pa.v >> PAGE_SHIFT;
	uint64_t first = align_down(base + pages->page_count - count, step);

	for (; first >= base; first -= step) {
		*ret_first = first - base;
		if (run_is_free(pages, *ret_first, count))
			return true;
		if (first < step)
			break;
	}
	return false;
}

void *pages_take_run(struct pages *pages, uint32_t count, uint64_t alignment)
{
	uint64_t step = max_u64(alignment, PAGE_BYTES) >> PAGE_SHIFT;
	uint64_t first;
	uint32_t i;

	if (count == 0 || count > pages->page_count)
		return NULL;
	if (!run_find(pages, count, step, &first))
		return NULL;
	for (i = 0; i < count; i++)
		page_hand_out(pages, (uint32_t)first + i);
	stack_forget_taken(pages);
	return page_at(pages, (uint32_t)first);
}

void pages_give(struct pages *pages, void *cpu, uint32_t count)
{
	uint32_t index = page_index(pages, cpu);
	uint32_t i;

	check(count <= pages->page_count - index);
	for (i = count; i-- > 0;)
		page_take_back(pages, index + i, false);
}

void pages_give_clean(struct pages *pages, void *cpu)
{
	page_take_back(pages, page_index(pages, cpu), true);
}
