/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a machine's firmware does to PCI: memory BARs get their places in the
 * 32-bit window and memory decode is on. Bus mastering stays off: that is for
 * whoever owns the device.
 */
#ifndef SMMUMAN_VBOARD_PCI_SETUP_H
#define SMMUMAN_VBOARD_PCI_SETUP_H

#include <stdint.h>

#include "error.h"
#include "machine.h"
#include "qtest.h"

/* Every function 0 on bus 0. 0 or -errno with a sentence. */
int pci_setup_bus(struct qtest *qtest, const struct board_layout *layout, struct error *err);

/* Where BAR 0 of a slot was placed. -ENODEV when nothing is there. */
int pci_setup_find_bar(struct qtest *qtest, const struct board_layout *layout, unsigned slot,
		       struct range *ret_bar, struct error *err);

int pci_setup_enable_master(struct qtest *qtest, const struct board_layout *layout, unsigned slot,
			    struct error *err);

#endif
