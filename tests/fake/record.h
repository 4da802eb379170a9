/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The recorder behind hw_store64(), hw_fill64(), hw_barrier() and hw_flush() in builds with
 * HW_RECORD: an ordered log of what hardware could see, and a hook that runs
 * before each store. Both are off until asked for and then cost next to nothing.
 */
#ifndef SMMUMAN_TESTS_RECORD_H
#define SMMUMAN_TESTS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct record {
	uint64_t *where; /* NULL: a barrier, or a flush of bytes from flushed on */
	uint64_t old;	 /* the word before the store */
	uint64_t value;
	const void *flushed;
	uint64_t bytes;
};

/* Empties the log and logs from now on. */
void record_start(void);

/* Stops logging; the log stays readable until the next start. */
void record_stop(void);

size_t record_count(void);
const struct record *record_at(size_t index);

/* How many stores (not barriers, not flushes) the log holds. */
size_t record_store_count(void);

/* The position of the first store to where at or after from, or SIZE_MAX. */
size_t record_find(const void *where, size_t from);

/* The position of the first flush of the word at where, at or after from, or SIZE_MAX. */
size_t record_find_flush(const void *where, size_t from);

/* Is there a barrier between the two positions? */
bool record_has_barrier(size_t after, size_t before);

/*
 * fn runs before each store: memory is as the store before it left it. fn must
 * not store through hw.h itself. NULL: no hook.
 */
void record_set_hook(void (*fn)(void *context, uint64_t *where, uint64_t value), void *context);

/*
 * fn runs at each hw_flush(), before the lines are written back; it must not store
 * through hw.h itself. NULL: no hook.
 */
void record_set_flush_hook(void (*fn)(void *context, const void *at, uint64_t bytes),
			   void *context);

/* Puts back the words as they were at record_start(), newest first. */
void record_rewind(void);

#endif
