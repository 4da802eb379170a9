// SPDX-License-Identifier: BSD-2-Clause
#include "pci.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

#include "arith.h"
#include "bits.h"
#include "pci_caps.h"

/* What a client may change in the command register. */
#define CLIENT_COMMAND (PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY | PCI_COMMAND_NO_INTX)

static uint32_t get(struct machine *machine, const struct topology_device *device,
		    uint32_t offset, uint32_t size)
{
	return machine->ops->config_read(machine, device->config + offset, size);
}

static void put(struct machine *machine, const struct topology_device *device, uint32_t offset,
		uint32_t size, uint32_t value)
{
	machine->ops->config_write(machine, device->config + offset, size, value);
}

static bool is_present(struct machine *machine, const struct topology_device *device)
{
	return get(machine, device, PCI_VENDOR, 2) != 0xffff;
}

bool pci_is_bridge(struct machine *machine, const struct topology_device *device)
{
	return (get(machine, device, PCI_HEADER_TYPE, 1) & 0x7f) != 0 ||
	       get(machine, device, PCI_CLASS, 1) == PCI_CLASS_BRIDGE;
}

int pci_stop_mastering(struct machine *machine, const struct topology_device *device,
		       struct error *err)
{
	uint32_t command = get(machine, device, PCI_COMMAND, 2);

	put(machine, device, PCI_COMMAND, 2, command & ~PCI_COMMAND_MASTER);
	if (!(get(machine, device, PCI_COMMAND, 2) & PCI_COMMAND_MASTER))
		return 0;
	if (!is_present(machine, device))
		return error_set(err, -EIO, "its configuration space reads all ones: it is gone");
	return error_set(err, -EIO, "it keeps bus mastering on in its command register");
}

void pci_start_memory(struct machine *machine, const struct topology_device *device)
{
	uint32_t command = get(machine, device, PCI_COMMAND, 2);

	put(machine, device, PCI_COMMAND, 2, command | PCI_COMMAND_MEMORY);
}

/* --- reset ------------------------------------------------------------------------ */

static bool start_express_reset(struct machine *machine, const struct topology_device *device,
				const struct pci_cap *express)
{
	uint32_t control;

	if (!express || !(get(machine, device, express->offset + PCI_EXPRESS_DEVCAP, 4) &
			  PCI_EXPRESS_DEVCAP_FLR))
		return false;
	control = get(machine, device, express->offset + PCI_EXPRESS_DEVCTL, 2);
	put(machine, device, express->offset + PCI_EXPRESS_DEVCTL, 2,
	    control | PCI_EXPRESS_DEVCTL_FLR);
	return true;
}

static bool start_af_reset(struct machine *machine, const struct topology_device *device,
			   const struct pci_cap *af)
{
	if (!af || !(get(machine, device, af->offset + PCI_AF_CAP, 1) & PCI_AF_CAP_FLR))
		return false;
	put(machine, device, af->offset + PCI_AF_CTL, 1, PCI_AF_CTL_FLR);
	return true;
}

int pci_start_reset(struct machine *machine, const struct topology_device *device,
		    struct error *err)
{
	struct pci_caps caps;
	int result;

	if (!device->has_flr)
		return error_set(err, -EOPNOTSUPP, "it has no function level reset");
	result = pci_caps_read(machine, device->config, &caps, err);
	if (result)
		return result;
	if (start_express_reset(machine, device, pci_caps_find(&caps, PCI_CAP_EXPRESS, false)) ||
	    start_af_reset(machine, device, pci_caps_find(&caps, PCI_CAP_AF, false)))
		return 0;
	return error_set(err, -EOPNOTSUPP, "it offers no function level reset any more");
}

/* A reset forgets where the registers were; their type bits are wired. */
static void put_bars_back(struct machine *machine, const struct topology_device *device)
{
	uint32_t i;

	for (i = 0; i < TOPOLOGY_BARS; i++) {
		uint64_t base = machine_untag(device->windows[i].base);

		if (device->windows[i].size == 0)
			continue;
		put(machine, device, PCI_BAR(i), 4, (uint32_t)base);
		if ((get(machine, device, PCI_BAR(i), 4) & PCI_BAR_TYPE) == PCI_BAR_TYPE_64)
			put(machine, device, PCI_BAR(i + 1), 4, (uint32_t)(base >> 32));
	}
}

bool pci_reset_is_done(struct machine *machine, const struct topology_device *device)
{
	if (!is_present(machine, device))
		return false;
	put_bars_back(machine, device);
	return true;
}

/* --- a client's view ---------------------------------------------------------------- */

static const struct header_part {
	uint32_t end; /* first byte behind it */
	const char *name;
} header_parts[] = {
	{ 0x04, "vendor and device id" },
	{ 0x06, "command register" },
	{ 0x08, "status register" },
	{ 0x0c, "class code" },
	{ 0x10, "cache line size, header type and BIST" },
	{ 0x14, "base address register BAR 0" },
	{ 0x18, "base address register BAR 1" },
	{ 0x1c, "base address register BAR 2" },
	{ 0x20, "base address register BAR 3" },
	{ 0x24, "base address register BAR 4" },
	{ 0x28, "base address register BAR 5" },
	{ 0x30, "subsystem id" },
	{ 0x34, "expansion ROM base" },
	{ 0x3c, "capability pointer" },
	{ PCI_HEADER_BYTES, "interrupt line" },
};

static const char *header_part_name(uint32_t offset)
{
	size_t i = 0;

	while (offset >= header_parts[i].end)
		i++;
	return header_parts[i].name;
}

static int check_access(const struct topology_device *device, uint32_t offset, uint32_t size,
			struct error *err)
{
	if (device->config == 0)
		return error_set(err, -ENOTTY,
				 "a platform device has no PCI configuration space");
	if ((size != 1 && size != 2 && size != 4) || !is_aligned(offset, size) ||
	    !range_within(offset, size, 0, PCI_CONFIG_BYTES))
		return error_set(err, -EINVAL,
				 "configuration space has no %" PRIu32 " bytes at 0x%" PRIx32
				 ": 1, 2 or 4, aligned, below 0x%x",
				 size, offset, PCI_CONFIG_BYTES);
	return 0;
}

int pci_client_read(struct machine *machine, const struct topology_device *device,
		    uint32_t offset, uint32_t size, uint32_t *ret_value, struct error *err)
{
	int result = check_access(device, offset, size, err);

	if (result)
		return result;
	*ret_value = get(machine, device, offset, size);
	return 0;
}

/* The status register's upper half clears bits by writing ones: it stays out. */
static int write_command(struct machine *machine, const struct topology_device *device,
			 uint32_t offset, uint32_t size, uint32_t value, struct error *err)
{
	uint32_t old = get(machine, device, PCI_COMMAND, 2), wanted = value;

	if (size == 4 && value >> 16)
		return error_set(err, -EPERM,
				 "the status register is not the client's: write 2 bytes at 0x4");
	if (size == 1)
		wanted = offset == PCI_COMMAND ? (old & 0xff00) | (value & 0xff) :
						 (old & 0x00ff) | (value & 0xff) << 8;
	if ((old ^ wanted) & ~CLIENT_COMMAND & 0xffff)
		return error_set(err, -EPERM,
				 "of the command register a client may change bus mastering, memory "
				 "decoding and interrupt disable only: bits 0x%x, not 0x%" PRIx32,
				 CLIENT_COMMAND, (old ^ wanted) & ~CLIENT_COMMAND & 0xffff);
	put(machine, device, PCI_COMMAND, 2, wanted & 0xffff);
	return 0;
}

/* A vendor's own bytes behind the id, next pointer and length. */
static bool is_vendor_body(const struct pci_cap *cap, uint32_t offset, uint32_t size)
{
	return !cap->is_extended && cap->id == PCI_CAP_VENDOR && offset >= cap->offset + 4u &&
	       offset + size <= cap->end;
}

static int check_private(struct machine *machine, const struct topology_device *device,
			 uint32_t offset, uint32_t size, struct error *err)
{
	const struct pci_cap *cap;
	struct pci_caps caps;
	int result;

	result = pci_caps_read(machine, device->config, &caps, err);
	if (result)
		return error_prefix(err, "no write behind the header is let through");
	cap = pci_caps_at(&caps, offset, size);
	if (cap && !is_vendor_body(cap, offset, size))
		return error_set(err, -EPERM,
				 "0x%" PRIx32 " belongs to its %s capability at 0x%x, which a client "
				 "may not write",
				 offset, pci_cap_name(cap), cap->offset);
	if (offset >= PCI_CONFIG_LEGACY && !cap)
		return error_set(err, -EPERM,
				 "0x%" PRIx32 " is extended configuration space, which a client may "
				 "not write",
				 offset);
	return 0;
}

int pci_client_write(struct machine *machine, const struct topology_device *device,
		     uint32_t offset, uint32_t size, uint32_t value, struct error *err)
{
	int result = check_access(device, offset, size, err);

	if (result)
		return result;
	if (size < 4 && value >> (size * 8))
		return error_set(err, -EINVAL, "0x%" PRIx32 " does not fit %" PRIu32 " bytes", value,
				 size);
	if (offset >= PCI_COMMAND && offset < PCI_STATUS)
		return write_command(machine, device, offset, size, value, err);
	if (offset < PCI_HEADER_BYTES)
		return error_set(err, -EPERM, "the %s at 0x%" PRIx32 " is not the client's to write",
				 header_part_name(offset), offset);
	result = check_private(machine, device, offset, size, err);
	if (result)
		return result;
	put(machine, device, offset, size, value);
	return 0;
}
