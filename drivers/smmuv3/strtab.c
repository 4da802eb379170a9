// SPDX-License-Identifier: BSD-2-Clause
/* The stream table (IHI 0070 3.3.1, 5.1). */
#include "strtab.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "arith.h"
#include "log.h"
#include "pages.h"

#define CHUNK_BYTES ((uint64_t)STE_BYTES << CHUNK_BITS)
#define CHUNK_PAGES ((uint32_t)(CHUNK_BYTES >> PAGE_SHIFT))

static uint64_t base_bytes(const struct smmu_features *features)
{
	if (features->two_level)
		return UINT64_C(8) << (features->sid_bits - CHUNK_BITS);
	return (uint64_t)STE_BYTES << features->sid_bits;
}

static unsigned chunk_bits(const struct smmu_features *features)
{
	return features->sid_bits < CHUNK_BITS ? features->sid_bits : CHUNK_BITS;
}

static void entries_prepare(struct smmu *smmu, uint64_t *entries, uint32_t count)
{
	struct ste unused = make_ste_unused(smmu->features.has_stall);
	uint32_t i, w;

	for (i = 0; i < count; i++)
		for (w = 1; w < STE_WORDS; w++)
			if (unused.word[w])
				hw_store64(&entries[i * STE_WORDS + w], unused.word[w]);
}

static struct smmu_stream *streams_make(uint32_t first, uint32_t count)
{
	struct smmu_stream *streams = calloc(count, sizeof(*streams));
	uint32_t i;

	for (i = 0; streams && i < count; i++) {
		streams[i].state = STREAM_UNUSED;
		streams[i].number = first + i;
		list_init(&streams[i].in_changes);
	}
	return streams;
}

static int linear_fill(struct smmu *smmu)
{
	struct strtab *table = &smmu->strtab;
	uint32_t per = table->chunk_streams;
	uint32_t i;

	for (i = 0; i < table->chunk_count; i++) {
		table->chunks[i].entries = &table->base[(uint64_t)i * per * STE_WORDS];
		table->chunks[i].streams = streams_make(i * per, per);
		if (!table->chunks[i].streams)
			return -ENOMEM;
		entries_prepare(smmu, table->chunks[i].entries, per);
	}
	return 0;
}

int strtab_init(struct smmu *smmu, struct error *err)
{
	const struct smmu_features *features = &smmu->features;
	struct strtab *table = &smmu->strtab;
	uint64_t bytes = base_bytes(features);

	*table = (struct strtab){
		.base_pages = (uint32_t)(align_up(bytes, PAGE_BYTES) >> PAGE_SHIFT),
		.chunk_streams = 1u << chunk_bits(features),
		.chunk_count = 1u << (features->sid_bits - chunk_bits(features)),
	};
	table->chunks = calloc(table->chunk_count, sizeof(*table->chunks));
	table->base = pages_take_run(smmu->base.hw->pages, table->base_pages, bytes);
	if (table->base)
		smmu->base.counts.table_pages += table->base_pages;
	if (!table->chunks || !table->base || (!features->two_level && linear_fill(smmu))) {
		strtab_fini(smmu);
		return error_set(err, -ENOMEM,
				 "%s: no %" PRIu64 " contiguous bytes for the stream table in the arena; give it more memory or choose a two-level table",
				 smmu->base.name, bytes);
	}
	return 0;
}

void strtab_fini(struct smmu *smmu)
{
	struct strtab *table = &smmu->strtab;
	struct pages *pages = smmu->base.hw->pages;
	uint32_t i;

	for (i = 0; table->chunks && i < table->chunk_count; i++) {
		free(table->chunks[i].streams);
		if (!smmu->features.two_level || !table->chunks[i].entries)
			continue;
		pages_give(pages, table->chunks[i].entries, CHUNK_PAGES);
		smmu->base.counts.table_pages -= CHUNK_PAGES;
	}
	if (table->base) {
		pages_give(pages, table->base, table->base_pages);
		smmu->base.counts.table_pages -= table->base_pages;
	}
	free(table->chunks);
	*table = (struct strtab){ 0 };
}

uint64_t strtab_base_word(const struct smmu *smmu)
{
	return pages_pa(smmu->base.hw->pages, smmu->strtab.base).v | STRTAB_BASE_RA;
}

uint32_t strtab_cfg_word(const struct smmu *smmu)
{
	uint64_t word = field_put(STRTAB_CFG_LOG2SIZE, smmu->features.sid_bits);

	if (smmu->features.two_level)
		word |= field_put(STRTAB_CFG_FMT, STRTAB_TWO_LEVEL) |
			field_put(STRTAB_CFG_SPLIT, CHUNK_BITS);
	return (uint32_t)word;
}

uint64_t strtab_l1_word(const struct smmu *smmu, uint32_t chunk)
{
	const uint64_t *entries = smmu->strtab.chunks[chunk].entries;

	if (!entries)
		return 0;
	return (pages_pa(smmu->base.hw->pages, entries).v & L1STD_L2PTR) |
	       field_put(L1STD_SPAN, CHUNK_BITS + 1);
}

struct smmu_stream *strtab_find(struct smmu *smmu, uint32_t stream)
{
	const struct strtab *table = &smmu->strtab;
	const struct strtab_chunk *chunk;

	if (!table->base || stream >= table->chunk_count * table->chunk_streams)
		return NULL;
	chunk = &table->chunks[stream / table->chunk_streams];
	return chunk->streams ? &chunk->streams[stream % table->chunk_streams] : NULL;
}

/* Filled and visible before the descriptor that makes it reachable. */
static int chunk_make(struct smmu *smmu, uint32_t index)
{
	struct strtab_chunk *chunk = &smmu->strtab.chunks[index];
	struct smmu_stream *streams = streams_make(index << CHUNK_BITS, 1u << CHUNK_BITS);
	uint64_t *entries;

	if (!streams)
		return -ENOMEM;
	entries = pages_take_run(smmu->base.hw->pages, CHUNK_PAGES, CHUNK_BYTES);
	if (!entries) {
		free(streams);
		return -ENOMEM;
	}
	smmu->base.counts.table_pages += CHUNK_PAGES;
	entries_prepare(smmu, entries, 1u << CHUNK_BITS);
	*chunk = (struct strtab_chunk){ .entries = entries, .streams = streams };
	hw_barrier();
	hw_store64(&smmu->strtab.base[index], strtab_l1_word(smmu, index));
	return 0;
}

int strtab_need(struct smmu *smmu, uint32_t stream, struct smmu_stream **ret_stream,
		bool *ret_is_new, struct error *err)
{
	*ret_is_new = false;
	if (stream >= smmu->base.caps.stream_count)
		return error_set(err, -ENODEV, "%s: stream 0x%" PRIx32 " is beyond the unit's %" PRIu32 " streams",
				 smmu->base.name, stream, smmu->base.caps.stream_count);
	*ret_stream = strtab_find(smmu, stream);
	if (*ret_stream)
		return 0;
	if (chunk_make(smmu, stream >> CHUNK_BITS))
		return error_set(err, -ENOMEM,
				 "%s: no memory for the stream table around stream 0x%" PRIx32
				 "; give the arena more",
				 smmu->base.name, stream);
	*ret_is_new = true;
	*ret_stream = strtab_find(smmu, stream);
	return 0;
}

uint64_t *strtab_entry(struct smmu *smmu, const struct smmu_stream *stream)
{
	uint32_t per = smmu->strtab.chunk_streams;

	return &smmu->strtab.chunks[stream->number / per]
			.entries[(uint64_t)(stream->number % per) * STE_WORDS];
}
