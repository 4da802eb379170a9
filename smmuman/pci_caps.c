// SPDX-License-Identifier: BSD-2-Clause
#include "pci_caps.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "bits.h"

/* What is known of a capability; bytes 0: it may reach up to the next one. */
static const struct cap_kind {
	uint16_t id;
	bool is_extended;
	uint16_t bytes;
	const char *name;
} cap_kinds[] = {
	{ 0x01, false, 8, "power management" },
	{ 0x03, false, 8, "vital product data" },
	{ 0x05, false, 24, "MSI" },
	{ PCI_CAP_PCIX, false, 0, "PCI-X" },
	{ PCI_CAP_VENDOR, false, 0, "vendor-specific" },
	{ 0x0d, false, 8, "bridge subsystem" },
	{ PCI_CAP_EXPRESS, false, 60, "PCI Express (link and device control)" },
	{ 0x11, false, 12, "MSI-X" },
	{ PCI_CAP_AF, false, 6, "advanced features (reset)" },
	{ 0x14, false, 0, "enhanced allocation" },
	{ 0x0001, true, 0, "error reporting" },
	{ 0x000b, true, 0, "vendor-specific extended" },
	{ PCI_EXT_ACS, true, 0, "ACS" },
	{ 0x000f, true, 0, "ATS" },
	{ 0x0010, true, 0, "SR-IOV" },
	{ 0x0013, true, 0, "page request (PRI)" },
	{ 0x0015, true, 0, "resizable BAR" },
	{ 0x001b, true, 0, "PASID" },
	{ 0x001f, true, 0, "precision time" },
};

static const struct cap_kind *kind_of(const struct pci_cap *cap)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cap_kinds); i++)
		if (cap_kinds[i].id == cap->id && cap_kinds[i].is_extended == cap->is_extended)
			return &cap_kinds[i];
	return NULL;
}

const char *pci_cap_name(const struct pci_cap *cap)
{
	const struct cap_kind *kind = kind_of(cap);

	return kind ? kind->name : "an unknown";
}

/* Adds a capability; a dword that was already taken as one closes a loop. */
static int add_cap(struct pci_caps *caps, uint32_t offset, uint16_t id, bool is_extended,
		   struct error *err)
{
	uint32_t i;

	for (i = 0; i < caps->count; i++)
		if (caps->list[i].offset == offset)
			return error_set(err, -ELOOP,
					 "its capability list comes back to 0x%" PRIx32, offset);
	if (caps->count == PCI_CAPS_MAX)
		return error_set(err, -ELOOP, "its capability list does not end");
	caps->list[caps->count++] = (struct pci_cap){ .offset = (uint16_t)offset, .id = id,
						      .is_extended = is_extended };
	return 0;
}

static int read_legacy(struct machine *machine, uint64_t config, struct pci_caps *caps,
		       struct error *err)
{
	uint32_t offset, head, visits;
	int result;

	if (!(machine->ops->config_read(machine, config + PCI_STATUS, 2) & PCI_STATUS_CAPS))
		return 0;
	offset = machine->ops->config_read(machine, config + PCI_CAPS, 1) & 0xfc;
	for (visits = 0; offset; visits++) {
		if (offset < PCI_HEADER_BYTES)
			return error_set(err, -EINVAL,
					 "its capability list leads into the header, to 0x%" PRIx32,
					 offset);
		head = machine->ops->config_read(machine, config + offset, 2);
		if (head == 0xffff)
			return error_set(err, -EINVAL,
					 "its capability at 0x%" PRIx32 " reads all ones", offset);
		result = visits < PCI_CAPS_LEGACY_MAX ?
				 add_cap(caps, offset, head & 0xff, false, err) :
				 error_set(err, -ELOOP, "its capability list does not end");
		if (result)
			return result;
		offset = head >> 8 & 0xfc;
	}
	return 0;
}

static int read_extended(struct machine *machine, uint64_t config, struct pci_caps *caps,
			 struct error *err)
{
	uint32_t offset = PCI_CONFIG_LEGACY, head, visits;
	int result;

	for (visits = 0; offset; visits++) {
		if (offset < PCI_CONFIG_LEGACY)
			return error_set(err, -EINVAL,
					 "its extended capability list leads to 0x%" PRIx32, offset);
		head = machine->ops->config_read(machine, config + offset, 4);
		if (visits == 0 && (head == 0 || head == UINT32_MAX))
			return 0;
		if (head == UINT32_MAX)
			return error_set(err, -EINVAL,
					 "its extended capability at 0x%" PRIx32 " reads all ones",
					 offset);
		result = visits < PCI_CAPS_EXTENDED_MAX ?
				 add_cap(caps, offset, head & 0xffff, true, err) :
				 error_set(err, -ELOOP, "its extended capability list does not end");
		if (result)
			return result;
		offset = head >> 20 & 0xffc;
	}
	return 0;
}

/* Up to the next capability or the end of its space, or what its kind has. */
static void set_end(const struct pci_caps *caps, struct pci_cap *cap)
{
	uint32_t end = cap->is_extended ? PCI_CONFIG_BYTES : PCI_CONFIG_LEGACY;
	const struct cap_kind *kind = kind_of(cap);
	uint32_t i;

	for (i = 0; i < caps->count; i++)
		if (caps->list[i].offset > cap->offset && caps->list[i].offset < end)
			end = caps->list[i].offset;
	if (kind && kind->bytes && cap->offset + kind->bytes < end)
		end = cap->offset + (uint32_t)kind->bytes;
	cap->end = (uint16_t)end;
}

int pci_caps_read(struct machine *machine, uint64_t config, struct pci_caps *ret_caps,
		  struct error *err)
{
	uint32_t i;
	int result;

	ret_caps->count = 0;
	result = read_legacy(machine, config, ret_caps, err);
	if (!result && pci_caps_find(ret_caps, PCI_CAP_EXPRESS, false))
		result = read_extended(machine, config, ret_caps, err);
	if (result)
		return result;
	for (i = 0; i < ret_caps->count; i++)
		set_end(ret_caps, &ret_caps->list[i]);
	return 0;
}

const struct pci_cap *pci_caps_find(const struct pci_caps *caps, uint16_t id, bool is_extended)
{
	uint32_t i;

	for (i = 0; i < caps->count; i++)
		if (caps->list[i].id == id && caps->list[i].is_extended == is_extended)
			return &caps->list[i];
	return NULL;
}

const struct pci_cap *pci_caps_at(const struct pci_caps *caps, uint32_t offset, uint32_t size)
{
	uint32_t i;

	for (i = 0; i < caps->count; i++)
		if (offset < caps->list[i].end && offset + size > caps->list[i].offset)
			return &caps->list[i];
	return NULL;
}
