/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The few things the daemon does to a PCI function: bus mastering off and on,
 * reset, and a client's filtered view of configuration space.
 */
#ifndef SMMUMAN_SMMUMAN_PCI_H
#define SMMUMAN_SMMUMAN_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "machine.h"
#include "topology.h"

/* Is it one of those that others are reached through? They pass on what others ask for. */
bool pci_is_bridge(struct machine *machine, const struct topology_device *device);

/* Bus mastering off, read back. 0, or -EIO when the function keeps it on. */
int pci_stop_mastering(struct machine *machine, const struct topology_device *device,
		       struct error *err);

/* Memory decoding on, so that the daemon's own look at a BAR is answered. */
void pci_start_memory(struct machine *machine, const struct topology_device *device);

/*
 * Starts a function level reset. 0, or -EOPNOTSUPP when it has none. The function
 * must be left alone for 100 ms; pci_reset_is_done() then tells that it answers
 * again, and puts its BARs back where they were.
 */
int pci_start_reset(struct machine *machine, const struct topology_device *device,
		    struct error *err);
bool pci_reset_is_done(struct machine *machine, const struct topology_device *device);

/*
 * A client's access: size 1, 2, 4, aligned, below 4096. Reads are passed on.
 * Writes reach the command register's bus mastering, memory and interrupt-disable
 * bits and the device-specific space behind the standard header that no
 * capability protects; BARs, the expansion ROM, MSI and MSI-X tables, ATS, PRI,
 * PASID, SR-IOV, resizable BARs, link and power control are refused with -EPERM and the
 * register's name. Platform devices: -ENOTTY.
 */
int pci_client_read(struct machine *machine, const struct topology_device *device,
		    uint32_t offset, uint32_t size, uint32_t *ret_value, struct error *err);
int pci_client_write(struct machine *machine, const struct topology_device *device,
		     uint32_t offset, uint32_t size, uint32_t value, struct error *err);

#endif
