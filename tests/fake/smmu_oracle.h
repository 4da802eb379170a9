/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an SMMUv3 would do with an access, read from the fake's registers and
 * memory alone. Shares no code and no header with the module: bit positions
 * are written out from IHI 0070.
 */
#ifndef SMMUMAN_TESTS_SMMU_ORACLE_H
#define SMMUMAN_TESTS_SMMU_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "hw_fake.h"

enum oracle_verdict {
	ORACLE_BYPASS, /* wide open */
	ORACLE_SILENT, /* aborted, no record */
	ORACLE_RECORDED, /* aborted: the entry is bad, recorded without address */
	ORACLE_TABLE,  /* translated by a page table */
	ORACLE_ILLEGAL, /* an entry that must never be written */
};

struct oracle {
	enum oracle_verdict verdict;
	unsigned stage, input_bits, root_level, root_pages;
	uint64_t root;
	uint16_t id;
};

/* One entry alone, whatever the registers say. */
struct oracle oracle_entry(const struct hw_fake *fake, const uint64_t ste[8]);

/* A stream, from the registers down. */
struct oracle oracle_stream(const struct hw_fake *fake, uint32_t stream);

/* Does the access get through, and where to? */
bool oracle_access(const struct hw_fake *fake, uint32_t stream, uint64_t iova, bool is_write,
		   uint64_t *ret_pa);

bool oracle_same(const struct oracle *a, const struct oracle *b);

#endif
