/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may reach which registers: the one place that says so. */
#ifndef SMMUMAN_VBOARD_WINDOWS_H
#define SMMUMAN_VBOARD_WINDOWS_H

#include <stdint.h>

#include "machine.h"

/* 0; -EINVAL: no access a register knows (size, alignment). */
int windows_check_access(uint64_t address, uint32_t size);

/* 0; -EPERM: neither IOMMU registers nor PCI configuration space. */
int windows_check_owner(const struct board_layout *layout, uint64_t address, uint32_t size);

/*
 * 0; -EPERM: not wholly inside one of the ranges where BARs are placed, or a
 * byte of it is an IOMMU's.
 */
int windows_check_open(const struct board_layout *layout, uint64_t address, uint64_t length);

/* 0; -EPERM: offset is not inside a window of this length. */
int windows_check_offset(const struct range *window, uint64_t offset, uint32_t size);

#endif
