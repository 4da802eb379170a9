// SPDX-License-Identifier: BSD-2-Clause
/*
 * The PCI functions behind every host bridge. Buses are visited once each in
 * rising order: a bridge leads only to a bus above its own, so no lie about
 * bus numbers can make the scan go round. A function that the IOMMU cannot
 * keep apart from another is found, named and unusable.
 */
#include "topology.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "arith.h"
#include "pci_caps.h"
#include "pci_intent.h"

#define BUSES 256u
#define SLOTS 32u
#define FUNCTIONS 8u
#define WANTED_ACS (PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF)

/* PCI Express port types that forward requests (7.5.3.2). */
enum port_type { PORT_ROOT = 4, PORT_UPSTREAM = 5, PORT_DOWNSTREAM = 6 };

/* What the scan knows of a bus before it gets there. */
struct bus {
	bool is_reached;
	const char *blurred; /* why its devices cannot be kept apart, or NULL */
};

struct scan {
	struct machine *machine;
	struct topology *topology;
	const struct topology_bridge *bridge;
	struct error *err;
	struct bus buses[BUSES];
};

/* One function while it is looked at. */
struct function {
	struct topology_device *device;
	uint64_t config;
	uint32_t bus, kind; /* kind: header type */
	struct pci_caps caps;
	bool has_caps; /* the lists could be read */
};

static uint32_t get(const struct scan *scan, uint64_t config, uint32_t offset, uint32_t size)
{
	return scan->machine->ops->config_read(scan->machine, config + offset, size);
}

static void put(const struct scan *scan, uint64_t config, uint32_t offset, uint32_t size,
		uint32_t value)
{
	scan->machine->ops->config_write(scan->machine, config + offset, size, value);
}

static uint64_t config_of(const struct scan *scan, uint32_t bus, uint32_t slot, uint32_t function)
{
	return scan->bridge->ecam_base + ((uint64_t)(bus - scan->bridge->first_bus) << 20 |
					  (uint64_t)slot << 15 | (uint64_t)function << 12);
}

static bool is_present(const struct scan *scan, uint64_t config)
{
	uint32_t id = get(scan, config, PCI_VENDOR, 4);

	return (id & 0xffff) != 0xffff && (id & 0xffff) != 0;
}

/* --- streams --------------------------------------------------------------------- */

static void find_stream(const struct scan *scan, struct topology_device *device, uint32_t requester)
{
	const struct topology *topology = scan->topology;
	uint32_t masked = requester & scan->bridge->map_mask;
	uint32_t i;

	for (i = 0; i < scan->bridge->map_count; i++) {
		const struct topology_map *map = &topology->maps[scan->bridge->map_first + i];

		if (masked < map->rid || masked - map->rid >= map->length)
			continue;
		device->unit = map->unit;
		device->stream_count = 1;
		device->streams[0] = map->stream + (masked - map->rid);
		return;
	}
	topology_mark_unusable(device, "no IOMMU covers it");
}

/* --- base address registers --------------------------------------------------------- */

/* Which bits of a register can be written; what it held is put back. */
static uint32_t probe_bits(const struct scan *scan, uint64_t config, uint32_t offset)
{
	uint32_t old = get(scan, config, offset, 4), bits;

	pci_intent_bar(scan->machine, config + offset, old);
	put(scan, config, offset, 4, UINT32_MAX);
	bits = get(scan, config, offset, 4);
	put(scan, config, offset, 4, old);
	return bits;
}

/* Fills the window of BAR index; true when it takes the next register too. */
static bool probe_bar(const struct scan *scan, const struct function *function, uint32_t index)
{
	struct topology_device *device = function->device;
	uint32_t low = get(scan, function->config, PCI_BAR(index), 4);
	bool is_wide = (low & PCI_BAR_TYPE) == PCI_BAR_TYPE_64;
	uint64_t base = low & ~PCI_BAR_FLAGS, mask, size;

	if (low & PCI_BAR_IO)
		return false;
	if (is_wide && index + 1 == TOPOLOGY_BARS) {
		topology_mark_unusable(device, "its BAR %" PRIu32 " has no second half", index);
		return false;
	}
	mask = UINT64_C(0xffffffff00000000) | probe_bits(scan, function->config, PCI_BAR(index));
	mask &= ~(uint64_t)PCI_BAR_FLAGS;
	if (is_wide) {
		base |= (uint64_t)get(scan, function->config, PCI_BAR(index + 1), 4) << 32;
		mask &= UINT32_MAX | (uint64_t)probe_bits(scan, function->config,
							  PCI_BAR(index + 1)) << 32;
	}
	if (is_wide ? mask == 0 : (uint32_t)mask == 0)
		return is_wide;
	size = ~mask + 1;
	if (size & (size - 1) || !is_aligned(base, size) || range_is_bad(base, size)) {
		topology_mark_unusable(device,
				       "its BAR %" PRIu32 " at 0x%" PRIx64 " has a size of 0x%" PRIx64
				       ", which no BAR can have",
				       index, base, size);
		return is_wide;
	}
	if (base)
		device->windows[index] = (struct topology_window){ .base = base, .size = size };
	return is_wide;
}

/* While a BAR is sized it points anywhere: nothing must be decoded then. */
static void probe_bars(const struct scan *scan, const struct function *function)
{
	uint32_t command = get(scan, function->config, PCI_COMMAND, 2);
	uint32_t index;

	pci_intent_begin(scan->machine, function->config + PCI_COMMAND, command);
	put(scan, function->config, PCI_COMMAND, 2, 0);
	for (index = 0; index < TOPOLOGY_BARS; index++)
		if (probe_bar(scan, function, index))
			index++;
	put(scan, function->config, PCI_COMMAND, 2, command);
	pci_intent_end(scan->machine);
}

/* --- capabilities --------------------------------------------------------------------- */

static bool find_flr(const struct scan *scan, const struct function *function)
{
	const struct pci_cap *express = pci_caps_find(&function->caps, PCI_CAP_EXPRESS, false);
	const struct pci_cap *af = pci_caps_find(&function->caps, PCI_CAP_AF, false);

	if (express && get(scan, function->config, express->offset + PCI_EXPRESS_DEVCAP, 4) &
			       PCI_EXPRESS_DEVCAP_FLR)
		return true;
	return af && get(scan, function->config, af->offset + PCI_AF_CAP, 1) & PCI_AF_CAP_FLR;
}

/*
 * Switches on the wanted controls, as far as the function has them, and reads
 * them back. True when every one in must is on.
 */
static bool enable_acs(const struct scan *scan, const struct function *function, uint32_t must)
{
	const struct pci_cap *acs = pci_caps_find(&function->caps, PCI_EXT_ACS, true);
	uint32_t has, control;

	if (!acs)
		return false;
	has = get(scan, function->config, acs->offset + PCI_ACS_CAP, 2) & WANTED_ACS;
	control = get(scan, function->config, acs->offset + PCI_ACS_CTL, 2);
	put(scan, function->config, acs->offset + PCI_ACS_CTL, 2, control | has);
	control = get(scan, function->config, acs->offset + PCI_ACS_CTL, 2);
	return control != 0xffff && (control & must) == must;
}

/* --- bridges ---------------------------------------------------------------------------- */

/* Why what is behind this bridge cannot be kept apart, or NULL. */
static const char *blur_of(const struct scan *scan, const struct function *function)
{
	const struct pci_cap *express = pci_caps_find(&function->caps, PCI_CAP_EXPRESS, false);
	uint32_t flags;

	if (!function->has_caps)
		return "it is behind a bridge whose capabilities cannot be read";
	if (!express)
		return "it is behind a conventional PCI bridge, whose devices share a stream";
	flags = get(scan, function->config, express->offset + PCI_EXPRESS_FLAGS, 2);
	switch ((flags & PCI_EXPRESS_PORT) >> 4) {
	case PORT_UPSTREAM:
		return NULL;
	case PORT_ROOT:
	case PORT_DOWNSTREAM:
		if (enable_acs(scan, function, WANTED_ACS))
			return NULL;
		return "it is behind a port without ACS, which lets neighbours reach each other";
	default:
		return "it is behind a bridge to conventional PCI, whose devices share a stream";
	}
}

static void visit_bridge(struct scan *scan, const struct function *function)
{
	uint32_t buses = get(scan, function->config, PCI_BUSES, 4);
	uint32_t secondary = buses >> 8 & 0xff, subordinate = buses >> 16 & 0xff;
	struct bus *behind = &scan->buses[secondary];

	if (secondary && (secondary <= function->bus || secondary > scan->bridge->last_bus ||
			  subordinate < secondary)) {
		topology_mark_unusable(function->device,
				       "it is a bridge on bus %" PRIu32
				       " that claims to lead to buses %" PRIu32 " to %" PRIu32,
				       function->bus, secondary, subordinate);
		return;
	}
	topology_mark_unusable(function->device, "it is a bridge, no DMA master of its own");
	if (secondary == 0)
		return; /* no firmware has set it up: nothing behind it answers */
	if (behind->is_reached)
		behind->blurred = "two bridges claim to lead to its bus";
	else
		behind->blurred = scan->buses[function->bus].blurred ?
					  scan->buses[function->bus].blurred :
					  blur_of(scan, function);
	behind->is_reached = true;
}

/* --- functions ---------------------------------------------------------------------------- */

static int add_function(struct scan *scan, struct function *function, uint32_t slot,
			uint32_t number)
{
	struct devname name = { .kind = DEVNAME_PCI, .segment = scan->bridge->segment,
				.bus = function->bus, .device = slot, .function = number };
	uint32_t id = get(scan, function->config, PCI_VENDOR, 4);
	int result;

	result = topology_add_device(scan->topology, &name, &function->device, scan->err);
	if (result)
		return result;
	function->device->config = function->config;
	function->device->vendor = id & 0xffff;
	function->device->product = id >> 16;
	find_stream(scan, function->device, function->bus << 8 | slot << 3 | number);
	if (scan->buses[function->bus].blurred)
		topology_mark_unusable(function->device, "%s", scan->buses[function->bus].blurred);
	return 0;
}

static void examine_function(struct scan *scan, struct function *function)
{
	struct error err = { 0 };

	function->has_caps =
		pci_caps_read(scan->machine, function->config, &function->caps, &err) == 0;
	if (!function->has_caps) {
		function->caps.count = 0;
		topology_mark_unusable(function->device, "%s", err.text);
	}
	function->device->has_flr = find_flr(scan, function);
	function->kind = get(scan, function->config, PCI_HEADER_TYPE, 1) & PCI_HEADER_KIND;
	if (function->kind == 0)
		probe_bars(scan, function);
	else if (function->kind == 1)
		visit_bridge(scan, function);
	else
		topology_mark_unusable(function->device,
				       "its header type 0x%" PRIx32 " is none smmuman knows",
				       function->kind);
}

/* Functions of one device may reach each other unless all of them have ACS. */
static void blur_functions(struct scan *scan, uint32_t first, bool have_acs)
{
	uint32_t i;

	if (have_acs || scan->topology->device_count - first < 2)
		return;
	for (i = first; i < scan->topology->device_count; i++)
		topology_mark_unusable(&scan->topology->devices[i],
				       "it is one of several functions of a device without ACS, "
				       "which can reach each other");
}

static int scan_slot(struct scan *scan, uint32_t bus, uint32_t slot)
{
	uint32_t first = scan->topology->device_count, number, count = 1;
	bool have_acs = true;
	int result;

	for (number = 0; number < count; number++) {
		struct function function = { .bus = bus,
					     .config = config_of(scan, bus, slot, number) };

		if (!is_present(scan, function.config)) {
			if (number == 0)
				return 0;
			continue;
		}
		if (number == 0 &&
		    get(scan, function.config, PCI_HEADER_TYPE, 1) & PCI_HEADER_MULTI)
			count = FUNCTIONS;
		result = add_function(scan, &function, slot, number);
		if (result)
			return result;
		examine_function(scan, &function);
		have_acs = enable_acs(scan, &function, 0) && have_acs;
	}
	blur_functions(scan, first, have_acs);
	return 0;
}

static int scan_bridge(struct scan *scan)
{
	uint32_t bus, slot;
	int result;

	memset(scan->buses, 0, sizeof(scan->buses));
	scan->buses[scan->bridge->first_bus].is_reached = true;
	for (bus = scan->bridge->first_bus; bus <= scan->bridge->last_bus; bus++) {
		if (!scan->buses[bus].is_reached)
			continue;
		for (slot = 0; slot < SLOTS; slot++) {
			result = scan_slot(scan, bus, slot);
			if (result)
				return result;
		}
	}
	return 0;
}

int topology_scan_pci(struct machine *machine, struct topology *topology, struct error *err)
{
	struct scan scan = { .machine = machine, .topology = topology, .err = err };
	uint32_t i;
	int result;

	pci_intent_settle(machine, topology);
	for (i = 0; i < topology->bridge_count; i++) {
		scan.bridge = &topology->bridges[i];
		result = scan_bridge(&scan);
		if (result)
			return error_prefix(err, "%s", scan.bridge->path);
	}
	topology_mark_conflicts(machine, topology);
	return 0;
}
