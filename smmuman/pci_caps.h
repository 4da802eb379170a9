/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI configuration space: the registers smmuman touches, and a bounded walk
 * over a function's capabilities. PCI Local Bus 3.0, chapter 6; PCI Express
 * Base 5.0, chapter 7.
 */
#ifndef SMMUMAN_SMMUMAN_PCI_CAPS_H
#define SMMUMAN_SMMUMAN_PCI_CAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "machine.h"

#define PCI_CONFIG_BYTES 4096u
#define PCI_CONFIG_LEGACY 256u
#define PCI_HEADER_BYTES 64u

#define PCI_VENDOR 0x00u
#define PCI_PRODUCT 0x02u
#define PCI_COMMAND 0x04u
#define   PCI_COMMAND_IO 0x0001u
#define   PCI_COMMAND_MEMORY 0x0002u
#define   PCI_COMMAND_MASTER 0x0004u
#define   PCI_COMMAND_NO_INTX 0x0400u
#define PCI_STATUS 0x06u
#define   PCI_STATUS_CAPS 0x0010u
#define PCI_CLASS 0x0bu /* the base class */
#define   PCI_CLASS_BRIDGE 0x06u
#define PCI_HEADER_TYPE 0x0eu
#define   PCI_HEADER_KIND 0x7fu
#define   PCI_HEADER_MULTI 0x80u
#define PCI_BAR(n) (0x10u + 4u * (n))
#define   PCI_BAR_IO 0x1u
#define   PCI_BAR_TYPE 0x6u
#define   PCI_BAR_TYPE_64 0x4u
#define   PCI_BAR_FLAGS 0xfu
#define PCI_BUSES 0x18u /* header type 1: primary, secondary, subordinate bus */
#define PCI_CAPS 0x34u

#define PCI_CAP_PCIX 0x07u
#define   PCI_PCIX_SECONDARY 0x02u /* of a bridge: status of the bus behind it */
#define     PCI_PCIX_CLOCK 0x01c0u /* 0: it runs as conventional PCI */
#define PCI_CAP_VENDOR 0x09u
#define PCI_CAP_EXPRESS 0x10u
#define   PCI_EXPRESS_FLAGS 0x02u
#define     PCI_EXPRESS_PORT 0x00f0u
#define   PCI_EXPRESS_DEVCAP 0x04u
#define     PCI_EXPRESS_DEVCAP_FLR 0x10000000u
#define   PCI_EXPRESS_DEVCTL 0x08u
#define     PCI_EXPRESS_DEVCTL_FLR 0x8000u
#define PCI_CAP_AF 0x13u
#define   PCI_AF_CAP 0x03u
#define     PCI_AF_CAP_FLR 0x02u
#define   PCI_AF_CTL 0x04u
#define     PCI_AF_CTL_FLR 0x01u

#define PCI_EXT_ACS 0x000du
#define   PCI_ACS_CAP 0x04u
#define   PCI_ACS_CTL 0x06u
#define     PCI_ACS_SV 0x01u
#define     PCI_ACS_RR 0x04u
#define     PCI_ACS_CR 0x08u
#define     PCI_ACS_UF 0x10u

#define PCI_CAPS_LEGACY_MAX 48u
#define PCI_CAPS_EXTENDED_MAX 480u
#define PCI_CAPS_MAX (PCI_CAPS_LEGACY_MAX + PCI_CAPS_EXTENDED_MAX)

struct pci_cap {
	uint16_t offset, end; /* end: the first byte that is certainly not its own */
	uint16_t id;
	bool is_extended;
};

struct pci_caps {
	struct pci_cap list[PCI_CAPS_MAX];
	uint32_t count;
};

/*
 * Every capability of the function whose configuration space is at config.
 * -ELOOP when a list comes back to itself, -EINVAL when one leaves its space.
 */
int pci_caps_read(struct machine *machine, uint64_t config, struct pci_caps *ret_caps,
		  struct error *err);

/* The first of that kind, or NULL. */
const struct pci_cap *pci_caps_find(const struct pci_caps *caps, uint16_t id, bool is_extended);

/* The one whose bytes [offset, offset + size) touch, or NULL. */
const struct pci_cap *pci_caps_at(const struct pci_caps *caps, uint32_t offset, uint32_t size);

/* For people: "MSI-X", "SR-IOV"; "capability" when it is none we know. */
const char *pci_cap_name(const struct pci_cap *cap);

#endif
