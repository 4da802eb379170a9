// SPDX-License-Identifier: BSD-2-Clause
/*
 * What an RMRR may name. Firmware that is wrong about this, or lies, would have
 * its device reach memory of somebody else's when the host keeps it.
 */
#include "arith.h"
#include "discover_dmar.h"

/* Reserved pieces may lie side by side; each step gets past at least one of them. */
static bool is_reserved(const struct machine *machine, uint64_t base, uint64_t length)
{
	uint64_t last = range_last(base, length);
	uint32_t i = 0;

	while (i < machine->reserved_count) {
		const struct extent *piece = &machine->reserved[i++];

		if (range_is_bad(piece->pa.v, piece->length) ||
		    !range_within(base, 1, piece->pa.v, piece->length))
			continue;
		if (range_last(piece->pa.v, piece->length) >= last)
			return true;
		base = range_last(piece->pa.v, piece->length) + 1;
		i = 0;
	}
	return false;
}

/* Memory that clients are given, or that the daemon's own tables lie in. */
static bool is_lent(const struct machine *machine, uint64_t base, uint64_t length)
{
	uint32_t i;

	for (i = 0; i < machine->ram_count; i++)
		if (range_overlaps(base, length, machine->ram[i].pa.v, machine->ram[i].length))
			return true;
	return machine->arena_size &&
	       range_overlaps(base, length, machine->arena_pa.v, machine->arena_size);
}

bool dmar_is_firmware_memory(const struct machine *machine, uint64_t base, uint64_t length)
{
	return is_reserved(machine, base, length) && !is_lent(machine, base, length);
}
