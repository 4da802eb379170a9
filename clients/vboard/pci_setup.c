// SPDX-License-Identifier: BSD-2-Clause
/* PCI Local Bus Specification 3.0, 6.2.5 (base addresses) and 6.2.2 (command). */
#include "pci_setup.h"

#include <errno.h>
#include <stdbool.h>

#include "arith.h"

#define PCI_SLOTS 32u
#define PCI_ID 0x00u
#define PCI_COMMAND 0x04u
#define   COMMAND_MEMORY 0x0002u
#define   COMMAND_MASTER 0x0004u
#define PCI_HEADER_TYPE 0x0eu
#define   HEADER_TYPE_MASK 0x7fu
#define PCI_BAR(n) (0x10u + 4u * (n))
#define   BAR_IO 0x1u
#define   BAR_64 0x4u
#define   BAR_ADDRESS 0xfffffff0u
#define PCI_BARS 6u

/* Configuration space of one function; the first failure sticks. */
struct config {
	struct qtest *qtest;
	uint64_t base;
	struct error *err;
	int status;
};

static struct config config_of(struct qtest *qtest, const struct board_layout *layout,
			       unsigned slot, struct error *err)
{
	return (struct config){ .qtest = qtest, .base = layout->ecam.base + (slot << 15),
				.err = err };
}

static uint32_t get(struct config *config, unsigned offset, uint32_t size)
{
	uint64_t value = 0;

	if (!config->status)
		config->status = qtest_read(config->qtest, config->base + offset, size, &value,
					    config->err);
	return (uint32_t)value;
}

static void put(struct config *config, unsigned offset, uint32_t size, uint32_t value)
{
	if (!config->status)
		config->status = qtest_write(config->qtest, config->base + offset, size, value,
					     config->err);
}

static bool is_present(struct config *config)
{
	return (get(config, PCI_ID, 4) & 0xffff) != 0xffff && !config->status;
}

/* The size of a memory BAR, 0 for one that is not there or is for ports. */
static uint64_t probe_bar(struct config *config, unsigned bar, uint32_t *ret_flags)
{
	uint32_t old = get(config, PCI_BAR(bar), 4), mask;

	put(config, PCI_BAR(bar), 4, UINT32_MAX);
	mask = get(config, PCI_BAR(bar), 4);
	put(config, PCI_BAR(bar), 4, old);
	*ret_flags = mask & ~BAR_ADDRESS;
	if (mask == 0 || (mask & BAR_IO) || config->status)
		return 0;
	return (uint64_t)(uint32_t)~(mask & BAR_ADDRESS) + 1;
}

static int place_function(struct config *config, const struct range *window, uint64_t *next)
{
	uint32_t flags;
	unsigned bar;

	for (bar = 0; bar < PCI_BARS; bar++) {
		uint64_t size = probe_bar(config, bar, &flags);
		uint64_t place = size ? align_up(*next, size) : 0;

		if (size == 0)
			continue;
		if (!range_within(place, size, window->base, window->length))
			return error_set(config->err, -ENOSPC,
					 "the devices' BARs do not fit the 32-bit PCI window");
		put(config, PCI_BAR(bar), 4, (uint32_t)place);
		if (flags & BAR_64)
			put(config, PCI_BAR(++bar), 4, 0);
		*next = place + size;
	}
	put(config, PCI_COMMAND, 2, COMMAND_MEMORY);
	return config->status;
}

int pci_setup_bus(struct qtest *qtest, const struct board_layout *layout, struct error *err)
{
	uint64_t next = layout->low_mmio.base;
	unsigned slot;
	int status;

	for (slot = 0; slot < PCI_SLOTS; slot++) {
		struct config config = config_of(qtest, layout, slot, err);

		if (is_present(&config) &&
		    (get(&config, PCI_HEADER_TYPE, 1) & HEADER_TYPE_MASK) == 0) {
			status = place_function(&config, &layout->low_mmio, &next);
			if (status)
				return status;
		}
		if (config.status)
			return config.status;
	}
	return 0;
}

int pci_setup_find_bar(struct qtest *qtest, const struct board_layout *layout, unsigned slot,
		       struct range *ret_bar, struct error *err)
{
	struct config config = config_of(qtest, layout, slot, err);
	uint32_t flags;

	if (!is_present(&config))
		return config.status ? config.status :
				       error_set(err, -ENODEV, "no device in PCI slot %u", slot);
	ret_bar->length = probe_bar(&config, 0, &flags);
	ret_bar->base = get(&config, PCI_BAR(0), 4) & BAR_ADDRESS;
	return config.status;
}

int pci_setup_enable_master(struct qtest *qtest, const struct board_layout *layout, unsigned slot,
			    struct error *err)
{
	struct config config = config_of(qtest, layout, slot, err);

	put(&config, PCI_COMMAND, 2, COMMAND_MEMORY | COMMAND_MASTER);
	return config.status;
}
