// SPDX-License-Identifier: BSD-2-Clause
/*
 * PCI Local Bus Specification 3.0, 6.2.5 (base addresses) and 6.2.2 (command);
 * PCI-to-PCI Bridge Architecture Specification 1.2, 3.2.5 (bridges).
 */
#include "pci_setup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>

#include "arith.h"

#define PCI_SLOTS 32u
#define PCI_FUNCTIONS 8u
#define PCI_ID 0x00u
#define PCI_COMMAND 0x04u
#define   COMMAND_MEMORY 0x0002u
#define   COMMAND_MASTER 0x0004u
#define PCI_HEADER_TYPE 0x0eu
#define   HEADER_TYPE_MASK 0x7fu
#define   HEADER_DEVICE 0u
#define   HEADER_BRIDGE 1u
#define   HEADER_MULTIFUNCTION 0x80u
#define PCI_BAR(n) (0x10u + 4u * (n))
#define   BAR_IO 0x1u
#define   BAR_64 0x4u
#define   BAR_ADDRESS 0xfffffff0u
#define DEVICE_BARS 6u
#define BRIDGE_BARS 2u
#define BRIDGE_BUSES 0x18u /* primary, secondary, subordinate, latency */
#define BRIDGE_IO 0x1cu
#define   IO_CLOSED 0x00f0u /* base 0xf000, limit 0 */
#define BRIDGE_MEMORY 0x20u /* base and limit, in MiB, in bits 15:4 and 31:20 */
#define BRIDGE_PREFETCH 0x24u
#define   MEMORY_CLOSED 0x0000fff0u
#define BRIDGE_GRAIN UINT64_C(0x100000)
#define BUS_MAX 0xffu

/* Configuration space of one function; the first failure sticks. */
struct config {
	struct qtest *qtest;
	uint64_t base;
	struct error *err;
	int status;
};

/* The way through all buses. */
struct walk {
	struct qtest *qtest;
	const struct board_layout *layout;
	uint64_t next;	   /* free of BARs from here to the window's end */
	unsigned last_bus; /* that has a number */
	struct error *err;
};

static struct config config_of(struct qtest *qtest, const struct board_layout *layout,
			       unsigned bus, unsigned slot, unsigned function, struct error *err)
{
	uint64_t offset = (uint64_t)bus << 20 | slot << 15 | function << 12;

	return (struct config){ .qtest = qtest, .base = layout->ecam.base + offset, .err = err };
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

/* The next free place of size bytes, a multiple of grain. */
static int take_place(struct walk *walk, uint64_t size, uint64_t grain, uint64_t *ret_place)
{
	const struct range *window = &walk->layout->low_mmio;
	uint64_t place = align_up(walk->next, grain);

	if (size && !range_within(place, size, window->base, window->length))
		return error_set(walk->err, -ENOSPC,
				 "the devices' BARs do not fit the 32-bit PCI window");
	walk->next = place + size;
	*ret_place = place;
	return 0;
}

static int place_bars(struct walk *walk, struct config *config, unsigned count)
{
	unsigned bar;

	for (bar = 0; bar < count; bar++) {
		uint32_t flags;
		uint64_t size = probe_bar(config, bar, &flags), place;
		int status;

		if (size == 0)
			continue;
		status = take_place(walk, size, size, &place);
		if (status)
			return status;
		put(config, PCI_BAR(bar), 4, (uint32_t)place);
		if (flags & BAR_64)
			put(config, PCI_BAR(++bar), 4, 0);
	}
	return config->status;
}

static int set_up_bus(struct walk *walk, unsigned bus);

/* The window of what lies behind; nothing there, nothing passes. */
static void open_bridge(struct config *config, uint64_t base, uint64_t end)
{
	uint32_t window = MEMORY_CLOSED;

	if (base < end)
		window = ((uint32_t)((end - 1) >> 16) & 0xfff0) << 16 |
			 ((uint32_t)(base >> 16) & 0xfff0);
	put(config, BRIDGE_MEMORY, 4, window);
	put(config, BRIDGE_PREFETCH, 4, MEMORY_CLOSED);
	put(config, BRIDGE_IO, 2, IO_CLOSED);
	put(config, PCI_COMMAND, 2, COMMAND_MEMORY | COMMAND_MASTER);
}

/* A bridge masters the bus for those behind it, and only passes on what they do. */
static int set_up_bridge(struct walk *walk, struct config *config, unsigned bus)
{
	unsigned secondary = walk->last_bus + 1;
	uint64_t base, end;
	int status;

	if (secondary > BUS_MAX || (uint64_t)(secondary + 1) << 20 > walk->layout->ecam.length)
		return error_set(walk->err, -ENOSPC, "more bridges than there are bus numbers");
	walk->last_bus = secondary;
	put(config, BRIDGE_BUSES, 4, BUS_MAX << 16 | secondary << 8 | bus);
	status = config->status ? config->status : take_place(walk, 0, BRIDGE_GRAIN, &base);
	if (!status)
		status = set_up_bus(walk, secondary);
	if (!status)
		status = take_place(walk, 0, BRIDGE_GRAIN, &end);
	if (status)
		return status;
	put(config, BRIDGE_BUSES, 4, walk->last_bus << 16 | secondary << 8 | bus);
	open_bridge(config, base, end);
	return config->status;
}

static int set_up_function(struct walk *walk, struct config *config, unsigned bus)
{
	unsigned type = get(config, PCI_HEADER_TYPE, 1) & HEADER_TYPE_MASK;
	int status = config->status;

	if (!status && type == HEADER_DEVICE) {
		status = place_bars(walk, config, DEVICE_BARS);
		put(config, PCI_COMMAND, 2, COMMAND_MEMORY);
	} else if (!status && type == HEADER_BRIDGE) {
		status = place_bars(walk, config, BRIDGE_BARS);
		if (!status)
			status = set_up_bridge(walk, config, bus);
	}
	return status ? status : config->status;
}

static int set_up_slot(struct walk *walk, unsigned bus, unsigned slot)
{
	unsigned count = 1, function;

	for (function = 0; function < count; function++) {
		struct config config = config_of(walk->qtest, walk->layout, bus, slot, function,
						 walk->err);
		int status;

		if (is_present(&config)) {
			if (get(&config, PCI_HEADER_TYPE, 1) & HEADER_MULTIFUNCTION)
				count = PCI_FUNCTIONS;
			status = set_up_function(walk, &config, bus);
			if (status)
				return status;
		}
		if (config.status)
			return config.status;
	}
	return 0;
}

/* As deep as there are bridges behind bridges; bus numbers end before the stack does. */
static int set_up_bus(struct walk *walk, unsigned bus)
{
	unsigned slot;

	for (slot = 0; slot < PCI_SLOTS; slot++) {
		int status = set_up_slot(walk, bus, slot);

		if (status)
			return status;
	}
	return 0;
}

int pci_setup_all(struct qtest *qtest, const struct board_layout *layout, struct error *err)
{
	struct walk walk = { .qtest = qtest, .layout = layout, .next = layout->low_mmio.base,
			     .err = err };

	return set_up_bus(&walk, 0);
}

int pci_setup_find_bar(struct qtest *qtest, const struct board_layout *layout, unsigned slot,
		       struct range *ret_bar, struct error *err)
{
	struct config config = config_of(qtest, layout, 0, slot, 0, err);
	uint32_t flags;

	if (!is_present(&config))
		return config.status ? config.status :
				       error_set(err, -ENODEV, "no device in PCI slot %u", slot);
	ret_bar->length = probe_bar(&config, 0, &flags);
	ret_bar->base = get(&config, PCI_BAR(0), 4) & BAR_ADDRESS;
	return config.status;
}

int pci_setup_add_unit(struct qtest *qtest, struct board_layout *layout, unsigned slot,
		       uint32_t identity, struct error *err)
{
	struct config config = config_of(qtest, layout, 0, slot, 0, err);
	uint32_t found = get(&config, PCI_ID, 4), flags;
	unsigned bar;

	if (!config.status && found != identity)
		return error_set(err, -ENODEV,
				 "no IOMMU %08" PRIx32 " in PCI slot %u, but %08" PRIx32, identity,
				 slot, found);
	for (bar = 0; bar < DEVICE_BARS && layout->unit_count < LAYOUT_UNITS_MAX; bar++) {
		uint64_t size = probe_bar(&config, bar, &flags);

		if (size == 0)
			continue;
		layout->units[layout->unit_count++] =
			(struct range){ get(&config, PCI_BAR(bar), 4) & BAR_ADDRESS, size };
		bar += (flags & BAR_64) ? 1 : 0;
	}
	return config.status;
}

int pci_setup_enable_master(struct qtest *qtest, const struct board_layout *layout, unsigned slot,
			    struct error *err)
{
	struct config config = config_of(qtest, layout, 0, slot, 0, err);

	put(&config, PCI_COMMAND, 2, COMMAND_MEMORY | COMMAND_MASTER);
	return config.status;
}
