// SPDX-License-Identifier: BSD-2-Clause
#include "override.h"

#include <errno.h>
#include <stddef.h>

#include "arith.h"

static bool touches(const struct override_entry *entry, uint64_t address, uint32_t size)
{
	return range_overlaps(entry->address, entry->size, address, size);
}

int override_add(struct override *table, uint64_t address, uint32_t size, uint64_t value,
		 bool is_drop)
{
	struct override_entry entry = { address, value, size, is_drop };
	unsigned i;

	if ((size != 4 && size != 8) || !is_aligned(address, size))
		return -EINVAL;
	for (i = 0; i < table->count; i++)
		if (table->entries[i].address == address && table->entries[i].is_drop == is_drop)
			break;
	if (i == OVERRIDE_MAX)
		return -ENOSPC;
	table->entries[i] = entry;
	if (i == table->count)
		table->count++;
	return 0;
}

void override_clear(struct override *table)
{
	table->count = 0;
}

static const struct override_entry *find_byte(const struct override *table, uint64_t address)
{
	unsigned i;

	for (i = table->count; i > 0; i--)
		if (!table->entries[i - 1].is_drop && touches(&table->entries[i - 1], address, 1))
			return &table->entries[i - 1];
	return NULL;
}

bool override_covers(const struct override *table, uint64_t address, uint32_t size)
{
	uint32_t i;

	for (i = 0; i < size; i++)
		if (!find_byte(table, address + i))
			return false;
	return true;
}

uint64_t override_apply(const struct override *table, uint64_t address, uint32_t size,
			uint64_t value)
{
	uint32_t i;

	for (i = 0; i < size; i++) {
		const struct override_entry *entry = find_byte(table, address + i);
		uint64_t byte;

		if (!entry)
			continue;
		byte = entry->value >> (8 * (address + i - entry->address)) & 0xff;
		value = (value & ~(UINT64_C(0xff) << (8 * i))) | byte << (8 * i);
	}
	return value;
}

/* The slot of address, or a free one; the table is never quite full. */
static unsigned count_slot(const struct override *table, uint64_t address)
{
	unsigned slot = (unsigned)(address / 4 * UINT64_C(0x9e3779b97f4a7c15) >> 40);

	slot &= OVERRIDE_COUNTS - 1;
	while (table->counts[slot].writes && table->counts[slot].address != address)
		slot = (slot + 1) & (OVERRIDE_COUNTS - 1);
	return slot;
}

static void count_write(struct override *table, uint64_t address)
{
	struct override_count *count = &table->counts[count_slot(table, address)];

	if (count->writes == 0) {
		if (table->counted == OVERRIDE_COUNTS - 1)
			return;
		table->counted++;
		count->address = address;
	}
	count->writes++;
}

bool override_note_write(struct override *table, uint64_t address, uint32_t size)
{
	unsigned i;

	count_write(table, address);
	for (i = 0; i < table->count; i++)
		if (table->entries[i].is_drop && touches(&table->entries[i], address, size))
			return true;
	return false;
}

int override_writes(const struct override *table, uint64_t address, uint64_t *ret_count)
{
	*ret_count = table->counts[count_slot(table, address)].writes;
	if (*ret_count == 0 && table->counted == OVERRIDE_COUNTS - 1)
		return -ENOSPC;
	return 0;
}
