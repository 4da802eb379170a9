/* SPDX-License-Identifier: BSD-2-Clause */
/* Arithmetic on numbers a stranger chose: every sum says when it wraps. */
#ifndef SMMUMAN_COMMON_ARITH_H
#define SMMUMAN_COMMON_ARITH_H

#include <stdbool.h>
#include <stdint.h>

/* True when start + length wraps or length is 0: not a range at all. */
static inline bool range_is_bad(uint64_t start, uint64_t length)
{
	return length == 0 || start + (length - 1) < start;
}

/* The last byte of a range that range_is_bad() let pass. */
static inline uint64_t range_last(uint64_t start, uint64_t length)
{
	return start + (length - 1);
}

/* Is [start, start + length) inside [outer, outer + outer_length)? */
static inline bool range_within(uint64_t start, uint64_t length,
				uint64_t outer, uint64_t outer_length)
{
	if (range_is_bad(start, length) || range_is_bad(outer, outer_length))
		return false;
	return start >= outer && range_last(start, length) <=
				 range_last(outer, outer_length);
}

/* Do two good ranges share a byte? */
static inline bool range_overlaps(uint64_t a, uint64_t a_length, uint64_t b,
				  uint64_t b_length)
{
	return a <= range_last(b, b_length) && b <= range_last(a, a_length);
}

/* alignment is a power of two. */
static inline bool is_aligned(uint64_t value, uint64_t alignment)
{
	return (value & (alignment - 1)) == 0;
}

static inline uint64_t align_down(uint64_t value, uint64_t alignment)
{
	return value & ~(alignment - 1);
}

/* Wraps to 0 when there is no such value: check with range_is_bad() first. */
static inline uint64_t align_up(uint64_t value, uint64_t alignment)
{
	return align_down(value + (alignment - 1), alignment);
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

#endif
