// SPDX-License-Identifier: BSD-2-Clause
#include "windows.h"

#include <errno.h>

#include "arith.h"

int windows_check_access(uint64_t address, uint32_t size)
{
	if (size != 1 && size != 2 && size != 4 && size != 8)
		return -EINVAL;
	return is_aligned(address, size) ? 0 : -EINVAL;
}

int windows_check_owner(const struct board_layout *layout, uint64_t address, uint32_t size)
{
	unsigned i;

	for (i = 0; i < layout->unit_count; i++)
		if (range_within(address, size, layout->units[i].base, layout->units[i].length))
			return 0;
	if (range_within(address, size, layout->ecam.base, layout->ecam.length))
		return 0;
	return -EPERM;
}

int windows_check_open(const struct board_layout *layout, uint64_t address, uint64_t length)
{
	unsigned i;

	if (range_is_bad(address, length))
		return -EPERM;
	for (i = 0; i < layout->unit_count; i++)
		if (range_overlaps(address, length, layout->units[i].base, layout->units[i].length))
			return -EPERM;
	for (i = 0; i < layout->mmio_count; i++)
		if (range_within(address, length, layout->mmio[i].base, layout->mmio[i].length))
			return 0;
	return -EPERM;
}

int windows_check_offset(const struct range *window, uint64_t offset, uint32_t size)
{
	return range_within(offset, size, 0, window->length) ? 0 : -EPERM;
}
