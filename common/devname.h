/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device's name in its one canonical form:
 *   pci:0000:00:02.0      segment:bus:device.function, hexadecimal
 *   dt:/soc/dma@1000      path of a device tree node
 *   mmio:0x1000+0x100     first register and length
 * Accepted besides: lspci's short forms 00:02.0 and 0000:00:02.0.
 */
#ifndef SMMUMAN_COMMON_DEVNAME_H
#define SMMUMAN_COMMON_DEVNAME_H

#include <stdbool.h>
#include <stdint.h>

#define DEVNAME_MAX 96 /* bytes, the terminating NUL included */

struct devname {
	enum devname_kind { DEVNAME_NONE, DEVNAME_PCI, DEVNAME_DT, DEVNAME_MMIO } kind;
	uint32_t segment, bus, device, function; /* DEVNAME_PCI */
	uint64_t base, length;			 /* DEVNAME_MMIO */
	char path[DEVNAME_MAX - 4];		 /* DEVNAME_DT, absolute */
};

/* 0, or -EINVAL: text is no device name. Every number is bounded. */
int devname_parse(const char *text, struct devname *ret_name);

/* Writes the canonical form, always NUL terminated. */
void devname_format(const struct devname *name, char text[DEVNAME_MAX]);

bool devname_equal(const struct devname *a, const struct devname *b);

#endif
