/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The three kinds of address this project must never mix up, as three types
 * the compiler keeps apart, and the rights a grant carries.
 */
#ifndef SMMUMAN_COMMON_TYPES_H
#define SMMUMAN_COMMON_TYPES_H

#include <stddef.h>
#include <stdint.h>

/* The address a device puts on the bus. */
typedef struct { uint64_t v; } iova_t;

/* The address of a byte in the machine (or of the virtual board). */
typedef struct { uint64_t v; } pa_t;

#define IOVA(x) ((iova_t){ (x) })
#define PA(x) ((pa_t){ (x) })

/* Every IOMMU format here uses the 4 KiB granule; grants are whole pages. */
#define PAGE_SHIFT 12u
#define PAGE_BYTES (UINT64_C(1) << PAGE_SHIFT)

/* Rights, the same bits on the wire, in the policy and in the drivers. */
enum rights {
	RIGHT_NONE = 0,
	RIGHT_READ = 1u << 0,
	RIGHT_WRITE = 1u << 1,
	RIGHT_EXEC = 1u << 2,
	RIGHT_ALL = RIGHT_READ | RIGHT_WRITE | RIGHT_EXEC,
};

/* A run of bytes that is contiguous in the machine's memory. */
struct extent {
	pa_t pa;
	uint64_t length;
};

#endif
