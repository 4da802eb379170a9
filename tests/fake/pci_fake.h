/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI configuration space of functions that need not tell the truth: bytes, a
 * mask of the bits a write changes, and a function level reset.
 */
#ifndef SMMUMAN_TESTS_PCI_FAKE_H
#define SMMUMAN_TESTS_PCI_FAKE_H

#include <stdbool.h>
#include <stdint.h>

struct pci_fake_function {
	struct pci_fake_function *next;
	uint32_t bus, slot, number;
	uint8_t bytes[4096];
	uint8_t writable[4096];
	uint32_t reset_offset; /* a write of reset_bit to this byte resets; 0: none */
	uint8_t reset_bit;
	uint32_t resets;
	uint32_t absent_reads; /* this many reads are answered with all ones */
};

struct pci_fake {
	uint64_t ecam; /* of first_bus */
	uint32_t first_bus;
	struct pci_fake_function *functions;
	uint32_t reads, writes;
	uint32_t decoded_bar_writes; /* BARs written while memory decoding was on */
	uint32_t mastering_stops;    /* command registers in which bus mastering went off */
};

void pci_fake_init(struct pci_fake *pci, uint64_t ecam, uint32_t first_bus);
void pci_fake_fini(struct pci_fake *pci);

/* A plain function 1234:11e8 with a writable command register and no BAR. */
struct pci_fake_function *pci_fake_add(struct pci_fake *pci, uint32_t bus, uint32_t slot,
				       uint32_t number);
struct pci_fake_function *pci_fake_find(const struct pci_fake *pci, uint32_t bus, uint32_t slot,
					uint32_t number);

void pci_fake_set(struct pci_fake_function *function, uint32_t offset, uint32_t size,
		  uint32_t value);
uint32_t pci_fake_get(const struct pci_fake_function *function, uint32_t offset, uint32_t size);

/* A memory BAR; flags are its low four bits (0x4: 64 bits wide). */
void pci_fake_set_bar(struct pci_fake_function *function, uint32_t index, uint64_t base,
		      uint64_t size, uint32_t flags);

/* Links a capability in front of those there are. */
void pci_fake_add_cap(struct pci_fake_function *function, uint32_t offset, uint8_t id);
void pci_fake_set_ext_cap(struct pci_fake_function *function, uint32_t offset, uint16_t id,
			  uint32_t next);

/* PCI Express at 0x60, of this port type, with or without function level reset. */
void pci_fake_make_express(struct pci_fake_function *function, uint32_t port_type, bool has_flr);

/* ACS at 0x100 with these capabilities, which can be switched on. */
void pci_fake_add_acs(struct pci_fake_function *function, uint16_t bits);

/* Header type 1. */
void pci_fake_make_bridge(struct pci_fake_function *function, uint32_t secondary,
			  uint32_t subordinate);

uint32_t pci_fake_read(struct pci_fake *pci, uint64_t address, unsigned size);
void pci_fake_write(struct pci_fake *pci, uint64_t address, unsigned size, uint32_t value);

#endif
