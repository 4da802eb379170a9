/* SPDX-License-Identifier: BSD-2-Clause */
/* Bits and fields of the words hardware reads: one mask names a field. */
#ifndef SMMUMAN_COMMON_BITS_H
#define SMMUMAN_COMMON_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BIT(n) (UINT64_C(1) << (n))

/* The mask of bits hi..lo, both included; 63 >= hi >= lo. */
#define BITS(hi, lo) \
	((~UINT64_C(0) >> (63 - (hi))) & ~((UINT64_C(1) << (lo)) - 1))

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The value of the field named by mask in word. */
static inline uint64_t field_get(uint64_t mask, uint64_t word)
{
	return (word & mask) / (mask & -mask);
}

/* value placed in the field named by mask; excess bits are cut off. */
static inline uint64_t field_put(uint64_t mask, uint64_t value)
{
	return (value * (mask & -mask)) & mask;
}

static inline bool field_fits(uint64_t mask, uint64_t value)
{
	return value <= mask / (mask & -mask);
}

/* The number of the highest set bit; x must not be 0. */
static inline unsigned log2_floor(uint64_t x)
{
	return 63u - (unsigned)__builtin_clzll(x);
}

#endif
