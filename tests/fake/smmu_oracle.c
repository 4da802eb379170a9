// SPDX-License-Identifier: BSD-2-Clause
#include "smmu_oracle.h"

static uint64_t bits(uint64_t word, unsigned high, unsigned low)
{
	return (word >> low) & (~UINT64_C(0) >> (63 - (high - low)));
}

static const struct oracle illegal = { .verdict = ORACLE_ILLEGAL };
static const struct oracle recorded = { .verdict = ORACLE_RECORDED };

static struct oracle stage1(const struct hw_fake *fake, const uint64_t ste[8])
{
	const uint64_t *cd = hw_fake_memory(fake, ste[0] & 0xfffffffffffc0, 64);
	struct oracle found = { .verdict = ORACLE_TABLE, .stage = 1, .root_pages = 1 };
	bool can_stall = bits(hw_fake_get(fake, 0, 4), 25, 24) == 0;

	if (!cd || bits(ste[0], 63, 59) != 0 || bits(ste[1], 27, 27) != can_stall ||
	    bits(ste[1], 29, 28) != 0 || bits(ste[1], 31, 30) != 0 || bits(ste[2], 15, 0) != 0)
		return illegal;
	/* Valid, AArch64, aborting, recording, upper half off, no stall, no hardware flags. */
	if (!bits(cd[0], 31, 31) || !bits(cd[0], 41, 41) || !bits(cd[0], 46, 46) ||
	    !bits(cd[0], 45, 45) || !bits(cd[0], 30, 30) || bits(cd[0], 44, 42) != 0 ||
	    bits(cd[0], 15, 14) != 0 || bits(cd[0], 7, 6) != 0)
		return illegal;
	found.input_bits = 64 - (unsigned)bits(cd[0], 5, 0);
	found.id = (uint16_t)(cd[0] >> 48);
	found.root = cd[1] & 0xffffffffffff0;
	return found.input_bits == 48 && found.id != 0 ? found : illegal;
}

static struct oracle stage2(const uint64_t ste[8])
{
	struct oracle found = { .verdict = ORACLE_TABLE, .stage = 2, .root_pages = 1 };

	/* AArch64, recording, no stall, 4 KiB, no ATS. */
	if (!bits(ste[2], 51, 51) || !bits(ste[2], 58, 58) || bits(ste[2], 57, 55) != 0 ||
	    bits(ste[2], 47, 46) != 0 || bits(ste[1], 29, 28) != 0 || bits(ste[2], 52, 52) != 0)
		return illegal;
	found.input_bits = 64 - (unsigned)bits(ste[2], 37, 32);
	found.root_level = 2 - (unsigned)bits(ste[2], 39, 38);
	found.id = (uint16_t)ste[2];
	found.root = ste[3] & 0xffffffffffff0;
	if (found.root_level == 1 && found.input_bits > 39)
		found.root_pages = 1u << (found.input_bits - 39);
	if (found.root_level > 1 || found.root_pages > 16 || found.id == 0 ||
	    (found.root & (found.root_pages * 4096ull - 1)) != 0 ||
	    (found.root_level == 0 && found.input_bits < 44))
		return illegal;
	return found;
}

struct oracle oracle_entry(const struct hw_fake *fake, const uint64_t ste[8])
{
	if (!bits(ste[0], 0, 0))
		return recorded;
	switch (bits(ste[0], 3, 1)) {
	case 0:
		return (struct oracle){ .verdict = ORACLE_SILENT };
	case 4:
		return (struct oracle){ .verdict = ORACLE_BYPASS };
	case 5:
		return stage1(fake, ste);
	case 6:
		return stage2(ste);
	default:
		return illegal;
	}
}

static const uint64_t *find_ste(const struct hw_fake *fake, uint32_t stream)
{
	uint64_t base = hw_fake_get(fake, FAKE_STRTAB_BASE, 8) & 0xfffffffffffc0;
	uint64_t cfg = hw_fake_get(fake, FAKE_STRTAB_CFG, 4);
	unsigned log2 = (unsigned)bits(cfg, 5, 0), split = (unsigned)bits(cfg, 10, 6);
	const uint64_t *l1;
	unsigned span;

	if (log2 < 32 && stream >> log2)
		return NULL;
	if (bits(cfg, 17, 16) == 0)
		return hw_fake_memory(fake, base + 64ull * stream, 64);
	l1 = hw_fake_memory(fake, base + 8ull * (stream >> split), 8);
	span = l1 ? (unsigned)bits(*l1, 4, 0) : 0;
	stream &= (1u << split) - 1;
	if (span == 0 || stream >> (span - 1))
		return NULL;
	return hw_fake_memory(fake, (*l1 & 0xfffffffffffc0) + 64ull * stream, 64);
}

struct oracle oracle_stream(const struct hw_fake *fake, uint32_t stream)
{
	const uint64_t *ste;

	if (!(hw_fake_get(fake, FAKE_CR0, 4) & 1))
		return (struct oracle){ .verdict = hw_fake_get(fake, FAKE_GBPA, 4) & 1u << 20 ?
							   ORACLE_SILENT : ORACLE_BYPASS };
	ste = find_ste(fake, stream);
	return ste ? oracle_entry(fake, ste) : recorded;
}

static bool may(unsigned stage, uint64_t leaf, bool is_write)
{
	if (!(leaf & 1u << 10))
		return false;
	if (stage == 1)
		return is_write ? !(leaf & 1u << 7) : true;
	return leaf & (is_write ? 1u << 7 : 1u << 6);
}

bool oracle_access(const struct hw_fake *fake, uint32_t stream, uint64_t iova, bool is_write,
		   uint64_t *ret_pa)
{
	struct oracle by = oracle_stream(fake, stream);
	uint64_t table = by.root, index, mask;
	unsigned level, shift;
	const uint64_t *entry;

	*ret_pa = iova;
	if (by.verdict != ORACLE_TABLE)
		return by.verdict == ORACLE_BYPASS;
	if (by.input_bits < 64 && iova >> by.input_bits)
		return false;
	for (level = by.root_level; level <= 3; level++) {
		shift = 12 + 9 * (3 - level);
		index = iova >> shift;
		if (level != by.root_level)
			index &= 511;
		entry = hw_fake_memory(fake, table + 8 * index, 8);
		if (!entry || !(*entry & 1))
			return false;
		if (level == 3 || !(*entry & 2)) {
			mask = (UINT64_C(1) << shift) - 1;
			*ret_pa = (*entry & 0xfffffffff000 & ~mask) | (iova & mask);
			return (level < 3) == !(*entry & 2) && may(by.stage, *entry, is_write);
		}
		table = *entry & 0xfffffffff000;
	}
	return false;
}

bool oracle_same(const struct oracle *a, const struct oracle *b)
{
	return a->verdict == b->verdict && a->root == b->root && a->id == b->id &&
	       a->stage == b->stage;
}
