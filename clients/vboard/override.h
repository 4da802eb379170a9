/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults no model gives on demand: registers that read wrong, writes that do
 * not arrive; and how often each address was written.
 */
#ifndef SMMUMAN_VBOARD_OVERRIDE_H
#define SMMUMAN_VBOARD_OVERRIDE_H

#include <stdbool.h>
#include <stdint.h>

#define OVERRIDE_MAX 16u
#define OVERRIDE_COUNTS 1024u /* a power of two */

struct override {
	struct override_entry {
		uint64_t address, value;
		uint32_t size; /* 4 or 8 */
		bool is_drop;
	} entries[OVERRIDE_MAX];
	unsigned count;
	struct override_count {
		uint64_t address, writes; /* writes 0: free */
	} counts[OVERRIDE_COUNTS];
	unsigned counted;
};

/*
 * Adds or replaces. -EINVAL unless size is 4 or 8 and address a multiple of
 * it, -ENOSPC when the table is full.
 */
int override_add(struct override *table, uint64_t address, uint32_t size, uint64_t value,
		 bool is_drop);
void override_clear(struct override *table);

/* Does a read of these bytes have to ask the device at all? */
bool override_covers(const struct override *table, uint64_t address, uint32_t size);

/* value with the overridden bytes in place of the device's. */
uint64_t override_apply(const struct override *table, uint64_t address, uint32_t size,
			uint64_t value);

/* Counts a write; true when it is to be swallowed. */
bool override_note_write(struct override *table, uint64_t address, uint32_t size);

/* 0, or -ENOSPC: so many addresses were written that this one may be missing. */
int override_writes(const struct override *table, uint64_t address, uint64_t *ret_count);

#endif
