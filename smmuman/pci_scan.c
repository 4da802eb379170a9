// SPDX-License-Identifier: BSD-2-Clause
/*
 * The PCI functions behind every host bridge. Buses are visited once each in
 * rising order: a bridge leads only to a bus above its own, so no lie about
 * bus numbers can make the scan go round. A function that the IOMMU cannot
 * keep apart from another is found and named; if it at least shares its stream
 * openly, it is granted together with the other.
 */
#include "topology.h"

#include <inttypes.h>
#include <string.h>

#include "pci_bars.h"
#include "pci_caps.h"
#include "pci_intent.h"

#define BUSES 256u
#define SLOTS 32u
#define FUNCTIONS 8u
#define WANTED_ACS (PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF)

/* PCI Express port types that forward requests (7.5.3.2). */
enum port_type { PORT_ROOT = 4, PORT_UPSTREAM = 5, PORT_DOWNSTREAM = 6, PORT_TO_PCI = 7 };

/* What the scan knows of a bus before it gets there. */
struct bus {
	bool is_reached;
	bool is_contested;   /* two bridges claim to lead here */
	uint32_t last_bus;   /* the bridge that leads here leads up to that bus */
	uint32_t via;	     /* requester id of that bridge + 1; 0: none leads here */
	const char *blurred; /* why its devices cannot be kept apart, or NULL */
	/* A bridge on the way puts its own number on what comes from here. */
	bool has_alias, keeps_own; /* keeps_own: not always */
	uint32_t alias;
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
	uint32_t bus, rid, kind; /* kind: header type */
	struct pci_caps caps;
	bool has_caps; /* the lists could be read */
};

static uint32_t get(const struct scan *scan, uint64_t config, uint32_t offset, uint32_t size)
{
	return scan->machine->ops->config_read(scan->machine, config + offset, size);
}

static bool is_present(const struct scan *scan, uint64_t config)
{
	uint32_t id = get(scan, config, PCI_VENDOR, 4);

	return (id & 0xffff) != 0xffff && (id & 0xffff) != 0;
}

/* --- streams --------------------------------------------------------------------- */

static void add_stream(const struct scan *scan, struct topology_device *device, uint32_t requester)
{
	uint32_t unit, stream;

	if (!topology_find_stream(scan->topology, scan->bridge, requester, &unit, &stream)) {
		topology_mark_unusable(device, "no IOMMU covers it");
		return;
	}
	if (device->stream_count && device->unit != unit) {
		topology_mark_unusable(device, "it has streams on both %s and %s",
				       scan->topology->units[device->unit].name,
				       scan->topology->units[unit].name);
		return;
	}
	if (device->stream_count && device->streams[0] == stream)
		return;
	device->unit = unit;
	device->streams[device->stream_count++] = stream;
}

/* First the number that its requests usually arrive with. */
static void find_streams(const struct scan *scan, const struct function *function)
{
	const struct bus *bus = &scan->buses[function->bus];

	if (bus->has_alias)
		add_stream(scan, function->device, bus->alias);
	if (!bus->has_alias || bus->keeps_own)
		add_stream(scan, function->device, function->rid);
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
	scan->machine->ops->config_write(scan->machine, function->config + acs->offset + PCI_ACS_CTL,
					 2, control | has);
	control = get(scan, function->config, acs->offset + PCI_ACS_CTL, 2);
	return control != 0xffff && (control & must) == must;
}

/* --- bridges ---------------------------------------------------------------------------- */

/* Does the bus behind it run as PCI-X, whose requesters have numbers of their own? */
static bool leads_to_pcix(const struct scan *scan, const struct function *bridge)
{
	const struct pci_cap *pcix = pci_caps_find(&bridge->caps, PCI_CAP_PCIX, false);

	return pcix && get(scan, bridge->config, pcix->offset + PCI_PCIX_SECONDARY, 2) &
			       PCI_PCIX_CLOCK;
}

/*
 * A bridge to conventional PCI speaks for those behind it: as function 0 of
 * its secondary bus when it comes from PCI Express (PCI Express to PCI/PCI-X
 * Bridge 1.0, 2.3), which may let PCI-X requesters keep their own number; as
 * itself when there is conventional PCI on both sides. The bridge nearest to
 * the root has the last word.
 */
static void set_alias(const struct scan *scan, const struct function *bridge, bool is_express,
		      uint32_t secondary, struct bus *behind)
{
	if (behind->keeps_own && !behind->blurred)
		behind->blurred = "it is behind a bridge on a PCI-X bus, which may change its number";
	behind->keeps_own = is_express && !behind->has_alias && leads_to_pcix(scan, bridge);
	if (!behind->has_alias)
		behind->alias = is_express ? secondary << 8 : bridge->rid;
	behind->has_alias = true;
}

/* Fills in what is behind this bridge: cannot be kept apart at all, or only together. */
static void judge_bridge(const struct scan *scan, const struct function *function,
			 uint32_t secondary, struct bus *behind)
{
	const struct pci_cap *express = pci_caps_find(&function->caps, PCI_CAP_EXPRESS, false);
	const struct bus *above = &scan->buses[function->bus];
	uint32_t flags, type = PORT_TO_PCI;

	behind->blurred = above->blurred;
	behind->has_alias = above->has_alias;
	behind->keeps_own = above->keeps_own;
	behind->alias = above->alias;
	if (!function->has_caps) {
		behind->blurred = "it is behind a bridge whose capabilities cannot be read";
		return;
	}
	if (express) {
		flags = get(scan, function->config, express->offset + PCI_EXPRESS_FLAGS, 2);
		type = (flags & PCI_EXPRESS_PORT) >> 4;
	}
	if (type == PORT_UPSTREAM)
		return;
	if (type != PORT_ROOT && type != PORT_DOWNSTREAM)
		set_alias(scan, function, express && type == PORT_TO_PCI, secondary, behind);
	else if (!enable_acs(scan, function, WANTED_ACS) && !behind->blurred)
		behind->blurred = "it is behind a port without ACS, which lets neighbours reach "
				  "each other";
}

/* Notes who leads to these buses: only the bridge that leads to its own bus may have been. */
static void claim_buses(struct scan *scan, const struct function *function, uint32_t secondary,
			uint32_t subordinate)
{
	uint32_t before = scan->buses[function->bus].via, bus;

	for (bus = secondary; bus <= subordinate; bus++) {
		if (scan->buses[bus].via != before)
			scan->buses[bus].is_contested = true;
		scan->buses[bus].via = function->rid + 1;
	}
}

static void visit_bridge(struct scan *scan, const struct function *function)
{
	uint32_t buses = get(scan, function->config, PCI_BUSES, 4);
	uint32_t secondary = buses >> 8 & 0xff, subordinate = buses >> 16 & 0xff;

	if (secondary && (secondary <= function->bus || subordinate < secondary ||
			  subordinate > scan->buses[function->bus].last_bus)) {
		topology_mark_unusable(function->device,
				       "it is a bridge on bus %" PRIu32
				       " that claims to lead to buses %" PRIu32 " to %" PRIu32,
				       function->bus, secondary, subordinate);
		return;
	}
	topology_mark_unusable(function->device, "it is a bridge, no DMA master of its own");
	if (secondary == 0)
		return; /* no firmware has set it up: nothing behind it answers */
	claim_buses(scan, function, secondary, subordinate);
	scan->buses[secondary].last_bus = subordinate;
	judge_bridge(scan, function, secondary, &scan->buses[secondary]);
	scan->buses[secondary].is_reached = true;
	/* Its number stands for others: faults under it are theirs. */
	if (scan->buses[secondary].has_alias) {
		function->device->unit = TOPOLOGY_NO_UNIT;
		function->device->stream_count = 0;
	}
}

/* --- functions ---------------------------------------------------------------------------- */

/* The function may be what firmware calls an IOMMU: no unit covers itself. */
static bool check_for_unit(const struct scan *scan, const struct function *function)
{
	uint32_t i;

	for (i = 0; i < scan->topology->unit_count; i++) {
		struct topology_unit *unit = &scan->topology->units[i];

		if (!unit->is_pci || unit->segment != scan->bridge->segment ||
		    unit->rid != function->rid)
			continue;
		unit->config = function->config;
		topology_mark_unusable(function->device, "it is an IOMMU itself: %s", unit->name);
		return true;
	}
	return false;
}

static const char *blur_of_bus(const struct bus *bus)
{
	return bus->is_contested ? "two bridges claim to lead to its bus" : bus->blurred;
}

static int add_function(struct scan *scan, struct function *function, uint32_t slot,
			uint32_t number)
{
	struct devname name = { .kind = DEVNAME_PCI, .segment = scan->bridge->segment,
				.bus = function->bus, .device = slot, .function = number };
	const char *blurred = blur_of_bus(&scan->buses[function->bus]);
	uint32_t id = get(scan, function->config, PCI_VENDOR, 4);
	int result;

	result = topology_add_device(scan->topology, &name, &function->device, scan->err);
	if (result)
		return result;
	function->rid = function->bus << 8 | slot << 3 | number;
	function->device->config = function->config;
	function->device->vendor = id & 0xffff;
	function->device->product = id >> 16;
	if (!check_for_unit(scan, function))
		find_streams(scan, function);
	if (blurred)
		topology_mark_unusable(function->device, "%s", blurred);
	return 0;
}

/* Its registers are the machine's own: where configuration space lies, what is RAM. */
static bool is_of_the_machine(const struct scan *scan, const struct function *function)
{
	return get(scan, function->config, PCI_CLASS, 1) == PCI_CLASS_BRIDGE;
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
	if (function->kind == 0) {
		if (is_of_the_machine(scan, function))
			topology_mark_unusable(function->device,
					       "it is a bridge that the machine itself is made of");
		pci_bars_probe(scan->machine, function->device);
	} else if (function->kind == 1) {
		visit_bridge(scan, function);
	} else {
		topology_mark_unusable(function->device,
				       "its header type 0x%" PRIx32 " is none smmuman knows",
				       function->kind);
	}
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
		struct function function = { .bus = bus };

		function.config = topology_config(scan->topology, scan->bridge->segment,
						  bus << 8 | slot << 3 | number);
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
	/* Behind an alias they are one group anyway. */
	if (!scan->buses[bus].has_alias)
		blur_functions(scan, first, have_acs);
	return 0;
}

/* Where firmware says that a host bridge begins, and no bridge on the way leads. */
static bool is_root(const struct scan *scan, uint32_t bus)
{
	return bus == scan->bridge->first_bus || scan->bridge->roots[bus / 32] >> bus % 32 & 1;
}

static int scan_bridge(struct scan *scan)
{
	uint32_t bus, slot;
	int result;

	memset(scan->buses, 0, sizeof(scan->buses));
	for (bus = scan->bridge->first_bus; bus <= scan->bridge->last_bus; bus++) {
		if (!scan->buses[bus].is_reached) {
			if (!is_root(scan, bus))
				continue;
			scan->buses[bus].last_bus = scan->bridge->last_bus;
		}
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
	result = topology_settle(machine, topology, err);
	if (!result)
		topology_mark_conflicts(machine, topology);
	return result;
}
