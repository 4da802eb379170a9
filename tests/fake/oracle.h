/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an address space must translate to, page by page: one word a page in a
 * few windows of the address space, kept by the simplest code there is.
 */
#ifndef SMMUMAN_TESTS_ORACLE_H
#define SMMUMAN_TESTS_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "driver.h"

#define ORACLE_WINDOWS_MAX 8

struct oracle {
	struct oracle_window {
		uint64_t start, pages;
		uint64_t *words; /* one a page: its pa | rights; 0: not mapped */
	} windows[ORACLE_WINDOWS_MAX];
	unsigned window_count;
	uint64_t mapped; /* pages in all windows */
};

void oracle_init(struct oracle *oracle);
void oracle_fini(struct oracle *oracle);

/* start and bytes are multiples of 4096. */
void oracle_add_window(struct oracle *oracle, uint64_t start, uint64_t bytes);

/* The word for iova's page; 0 outside the windows too. */
uint64_t oracle_get(const struct oracle *oracle, uint64_t iova);

/* Is nothing mapped in a range inside one window? */
bool oracle_is_free(const struct oracle *oracle, uint64_t iova, uint64_t length);

/* The range lies inside one window and is free. */
void oracle_map(struct oracle *oracle, uint64_t iova, const struct drv_part *part, unsigned rights);
void oracle_unmap(struct oracle *oracle, uint64_t iova, uint64_t length);

/* The word a page of part is to have: pa | rights of the byte at offset in it. */
uint64_t oracle_part_word(const struct drv_part *part, uint64_t offset, unsigned rights);

#endif
