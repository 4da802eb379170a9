/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a PCI function's registers are: its BARs sized and put back. */
#ifndef SMMUMAN_SMMUMAN_PCI_BARS_H
#define SMMUMAN_SMMUMAN_PCI_BARS_H

#include "machine.h"
#include "topology.h"

/*
 * Fills the windows of a device with an ordinary header; one whose BARs no
 * function can have becomes unusable. Its decoding of memory and I/O is off
 * meanwhile; everything is as it was afterwards.
 */
void pci_bars_probe(struct machine *machine, struct topology_device *device);

#endif
