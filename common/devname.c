// SPDX-License-Identifier: BSD-2-Clause
#include "devname.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arith.h"

/* lowest..highest hexadecimal digits from *at; moves *at behind them. */
static bool take_hex(const char **at, unsigned lowest, unsigned highest, uint64_t *ret_value)
{
	static const char digits[] = "0123456789abcdef";
	unsigned taken = 0;
	uint64_t value = 0;

	while (taken < highest) {
		char c = (*at)[taken];
		const char *digit;

		if (c >= 'A' && c <= 'F')
			c = (char)(c - 'A' + 'a');
		digit = c ? strchr(digits, c) : NULL;
		if (!digit)
			break;
		value = value << 4 | (uint64_t)(digit - digits);
		taken++;
	}
	*at += taken;
	*ret_value = value;
	return taken >= lowest;
}

static bool take_char(const char **at, char wanted)
{
	if (**at != wanted)
		return false;
	(*at)++;
	return true;
}

/* "BB:DD.F" and nothing after it. */
static int parse_bdf(const char *at, struct devname *name)
{
	uint64_t bus, device, function;

	if (!take_hex(&at, 2, 2, &bus) || !take_char(&at, ':') || !take_hex(&at, 2, 2, &device) ||
	    !take_char(&at, '.') || !take_hex(&at, 1, 1, &function) || *at)
		return -EINVAL;
	if (device > 31 || function > 7)
		return -EINVAL;
	name->kind = DEVNAME_PCI;
	name->bus = (uint32_t)bus;
	name->device = (uint32_t)device;
	name->function = (uint32_t)function;
	return 0;
}

static int parse_pci(const char *text, struct devname *name)
{
	const char *at = text;
	uint64_t segment;

	if (take_hex(&at, 4, 8, &segment) && take_char(&at, ':')) {
		name->segment = (uint32_t)segment;
		return parse_bdf(at, name);
	}
	return parse_bdf(text, name);
}

static bool is_node_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr(",._+-@", c));
}

/* An absolute path of non-empty node names; "." and ".." are none. */
static int parse_dt(const char *path, struct devname *name)
{
	size_t length = strlen(path), start, end;

	if (length >= sizeof(name->path) || path[0] != '/')
		return -EINVAL;
	for (start = 1; start <= length; start = end + 1) {
		for (end = start; is_node_char(path[end]); end++)
			;
		if (path[end] && path[end] != '/')
			return -EINVAL;
		if (strspn(path + start, ".") == end - start)
			return -EINVAL;
	}
	name->kind = DEVNAME_DT;
	memcpy(name->path, path, length + 1);
	return 0;
}

static int parse_mmio(const char *at, struct devname *name)
{
	uint64_t base, length;

	if (!take_char(&at, '0') || !take_char(&at, 'x') || !take_hex(&at, 1, 16, &base) ||
	    !take_char(&at, '+') || !take_char(&at, '0') || !take_char(&at, 'x') ||
	    !take_hex(&at, 1, 16, &length) || *at)
		return -EINVAL;
	if (range_is_bad(base, length))
		return -EINVAL;
	name->kind = DEVNAME_MMIO;
	name->base = base;
	name->length = length;
	return 0;
}

int devname_parse(const char *text, struct devname *ret_name)
{
	struct devname name = { .kind = DEVNAME_NONE };
	int err;

	if (strncmp(text, "dt:", 3) == 0)
		err = parse_dt(text + 3, &name);
	else if (strncmp(text, "mmio:", 5) == 0)
		err = parse_mmio(text + 5, &name);
	else if (strncmp(text, "pci:", 4) == 0)
		err = parse_pci(text + 4, &name);
	else
		err = parse_pci(text, &name);
	if (err)
		return err;
	*ret_name = name;
	return 0;
}

void devname_format(const struct devname *name, char text[DEVNAME_MAX])
{
	switch (name->kind) {
	case DEVNAME_PCI:
		snprintf(text, DEVNAME_MAX, "pci:%04x:%02x:%02x.%x", name->segment,
			 name->bus & 0xffu, name->device & 0x1fu, name->function & 7u);
		return;
	case DEVNAME_DT:
		snprintf(text, DEVNAME_MAX, "dt:%.*s", (int)sizeof(name->path) - 1, name->path);
		return;
	case DEVNAME_MMIO:
		snprintf(text, DEVNAME_MAX, "mmio:0x%" PRIx64 "+0x%" PRIx64, name->base,
			 name->length);
		return;
	case DEVNAME_NONE:
	default:
		snprintf(text, DEVNAME_MAX, "(no device)");
		return;
	}
}

bool devname_equal(const struct devname *a, const struct devname *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case DEVNAME_PCI:
		return a->segment == b->segment && a->bus == b->bus && a->device == b->device &&
		       a->function == b->function;
	case DEVNAME_DT:
		return strcmp(a->path, b->path) == 0;
	case DEVNAME_MMIO:
		return a->base == b->base && a->length == b->length;
	case DEVNAME_NONE:
	default:
		return false;
	}
}
