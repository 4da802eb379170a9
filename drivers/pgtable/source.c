// SPDX-License-Identifier: BSD-2-Clause
#include "source.h"

#include <errno.h>
#include <inttypes.h>

#include "arith.h"

/* Is [pa, pa + length) memory that may be granted at all? */
static int bytes_check(const struct pgtable *table, uint64_t pa, uint64_t length, struct error *err)
{
	if (!is_aligned(pa | length, PAGE_BYTES))
		return error_set(err, -EINVAL,
				 "memory at physical address 0x%" PRIx64 ", length 0x%" PRIx64
				 ", is not made of whole 4 KiB pages",
				 pa, length);
	if (!range_within(pa, length, 0, UINT64_C(1) << table->shape.output_bits))
		return error_set(err, -EINVAL,
				 "memory at physical address 0x%" PRIx64 ", length 0x%" PRIx64
				 ", is empty or beyond the unit's %u address bits",
				 pa, length, table->shape.output_bits);
	if (pages_overlap(table->pages, PA(pa), length))
		return error_set(err, -EPERM,
				 "memory at physical address 0x%" PRIx64 ", length 0x%" PRIx64
				 ", holds the unit's own tables; these are never granted",
				 pa, length);
	return 0;
}

static void run_start(struct source *source, const struct extent *extent, uint64_t skip)
{
	source->pa = extent->pa.v + skip;
	source->run = min_u64(extent->length - skip, source->left);
	source->next = extent + 1;
	/* Neighbours in the list may be neighbours in memory: larger blocks. */
	while (source->run < source->left && source->next->pa.v == source->pa + source->run) {
		source->run += min_u64(source->next->length, source->left - source->run);
		source->next++;
	}
}

int source_open(struct source *source, const struct pgtable *table, const struct drv_part *part,
		struct error *err)
{
	const struct extent *extents = part->extents;
	uint64_t skip = part->offset;
	uint64_t left = part->length;
	uint32_t first = 0;
	uint64_t start, used;
	uint32_t i;
	int error;

	while (first < part->extent_count && skip && skip >= extents[first].length)
		skip -= extents[first++].length;
	start = skip;
	for (i = first; i < part->extent_count && left; i++, skip = 0, left -= used) {
		used = min_u64(extents[i].length - skip, left);
		error = bytes_check(table, extents[i].pa.v + skip, used, err);
		if (error)
			return error;
	}
	if (left)
		return error_set(err, -EINVAL,
				 "the part at offset 0x%" PRIx64 ", length 0x%" PRIx64
				 ", reaches past the end of the memory",
				 part->offset, part->length);
	source->left = part->length;
	run_start(source, &extents[first], start);
	return 0;
}

void source_next_run(struct source *source)
{
	run_start(source, source->next, 0);
}
