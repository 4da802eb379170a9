// SPDX-License-Identifier: BSD-2-Clause
/* PCI Local Bus 3.0, 6.2.5.1: a BAR's size is the bits of it that cannot be written. */
#include "pci_bars.h"

#include <inttypes.h>

#include "arith.h"
#include "pci_caps.h"
#include "pci_intent.h"

struct probe {
	struct machine *machine;
	struct topology_device *device;
};

static uint32_t get(const struct probe *probe, uint32_t offset, uint32_t size)
{
	return probe->machine->ops->config_read(probe->machine, probe->device->config + offset,
						size);
}

static void put(const struct probe *probe, uint32_t offset, uint32_t size, uint32_t value)
{
	probe->machine->ops->config_write(probe->machine, probe->device->config + offset, size,
					  value);
}

/* Which bits of a register can be written; what it held is put back. */
static uint32_t probe_bits(const struct probe *probe, uint32_t offset)
{
	uint32_t old = get(probe, offset, 4), bits;

	pci_intent_bar(probe->machine, probe->device->config + offset, old);
	put(probe, offset, 4, UINT32_MAX);
	bits = get(probe, offset, 4);
	put(probe, offset, 4, old);
	return bits;
}

/* Fills the window of BAR index; true when it takes the next register too. */
static bool probe_bar(const struct probe *probe, uint32_t index)
{
	struct topology_device *device = probe->device;
	uint32_t low = get(probe, PCI_BAR(index), 4);
	bool is_wide = (low & PCI_BAR_TYPE) == PCI_BAR_TYPE_64;
	uint64_t base = low & ~PCI_BAR_FLAGS, mask, size;

	if (low & PCI_BAR_IO)
		return false;
	if (is_wide && index + 1 == TOPOLOGY_BARS) {
		topology_mark_unusable(device, "its BAR %" PRIu32 " has no second half", index);
		return false;
	}
	mask = UINT64_C(0xffffffff00000000) | probe_bits(probe, PCI_BAR(index));
	mask &= ~(uint64_t)PCI_BAR_FLAGS;
	if (is_wide) {
		base |= (uint64_t)get(probe, PCI_BAR(index + 1), 4) << 32;
		mask &= UINT32_MAX | (uint64_t)probe_bits(probe, PCI_BAR(index + 1)) << 32;
	}
	if (is_wide ? mask == 0 : (uint32_t)mask == 0)
		return is_wide;
	size = ~mask + 1;
	if (size & (size - 1) || !is_aligned(base, size) || range_is_bad(base, size) ||
	    machine_untag(range_last(base, size)) != range_last(base, size)) {
		topology_mark_unusable(device,
				       "its BAR %" PRIu32 " at 0x%" PRIx64 " has a size of 0x%" PRIx64
				       ", which no BAR can have",
				       index, base, size);
		return is_wide;
	}
	if (base) {
		base = machine_tag(machine_tag_part(device->config), base);
		device->windows[index] = (struct topology_window){ .base = base, .size = size };
	}
	return is_wide;
}

/*
 * While a BAR is sized it points anywhere: nothing must be decoded then. Bus
 * mastering stays: an IOMMU that is a PCI function would stop serving.
 */
void pci_bars_probe(struct machine *machine, struct topology_device *device)
{
	const struct probe probe = { .machine = machine, .device = device };
	uint32_t command = get(&probe, PCI_COMMAND, 2);
	uint32_t index;

	pci_intent_begin(machine, device->config + PCI_COMMAND, command);
	put(&probe, PCI_COMMAND, 2, command & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
	for (index = 0; index < TOPOLOGY_BARS; index++)
		if (probe_bar(&probe, index))
			index++;
	put(&probe, PCI_COMMAND, 2, command);
	pci_intent_end(machine);
}
