/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a machine's firmware does to PCI: buses get their numbers, memory BARs
 * their places in the 32-bit window, bridges pass both on. Bus mastering of
 * devices stays off: that is for whoever owns the device.
 */
#ifndef SMMUMAN_VBOARD_PCI_SETUP_H
#define SMMUMAN_VBOARD_PCI_SETUP_H

#include <stdint.h>

#include "error.h"
#include "machine.h"
#include "qtest.h"

/* Every function, and behind every bridge, from bus 0 on. 0 or -errno with a sentence. */
int pci_setup_all(struct qtest *qtest, const struct board_layout *layout, struct error *err);

/* Where BAR 0 of a slot of bus 0 was placed. -ENODEV when nothing is there. */
int pci_setup_find_bar(struct qtest *qtest, const struct board_layout *layout, unsigned slot,
		       struct range *ret_bar, struct error *err);

/*
 * The slot's device is an IOMMU: its memory BARs join the units. -ENODEV when it
 * has another identity (vendor in bits 15:0, device in bits 31:16).
 */
int pci_setup_add_unit(struct qtest *qtest, struct board_layout *layout, unsigned slot,
		       uint32_t identity, struct error *err);

int pci_setup_enable_master(struct qtest *qtest, const struct board_layout *layout, unsigned slot,
			    struct error *err);

#endif
