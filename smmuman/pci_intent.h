/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a scan of configuration space changes for a moment: noted in the arena
 * before it is changed, so that a daemon killed in between leaves enough behind
 * for the next one to put the BAR and the command register back.
 */
#ifndef SMMUMAN_SMMUMAN_PCI_INTENT_H
#define SMMUMAN_SMMUMAN_PCI_INTENT_H

#include "machine.h"
#include "topology.h"

/* In the books' first page, behind their header. */
#define PCI_INTENT_OFFSET (PAGE_BYTES - 64)

/* The command register at that address is about to be cleared. */
void pci_intent_begin(struct machine *machine, uint64_t command_address, uint32_t command);

/* So is this BAR about to be overwritten; the one noted before is back in place. */
void pci_intent_bar(struct machine *machine, uint64_t address, uint32_t value);

/* Everything is back in place. */
void pci_intent_end(struct machine *machine);

/*
 * Puts back what a killed scan left changed. A note that does not point into
 * one of the host bridges' configuration spaces is nobody's and is ignored.
 */
void pci_intent_settle(struct machine *machine, const struct topology *topology);

#endif
