/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's IOMMUs and DMA masters as firmware describes them and PCI
 * answers, checked: a description that lies is refused with its node, never
 * half believed. Constant once found.
 */
#ifndef SMMUMAN_SMMUMAN_TOPOLOGY_H
#define SMMUMAN_SMMUMAN_TOPOLOGY_H

#include <stdbool.h>
#include <stdint.h>

#include "devname.h"
#include "driver.h"
#include "error.h"
#include "machine.h"

#define TOPOLOGY_UNITS_MAX 16u
#define TOPOLOGY_DEVICES_MAX 512u
#define TOPOLOGY_BRIDGES_MAX 16u
#define TOPOLOGY_MAPS_MAX 1024u
#define TOPOLOGY_NO_UNIT UINT32_MAX
#define TOPOLOGY_BARS 6u
#define TOPOLOGY_STREAMS 4u
#define TOPOLOGY_RESERVED_MAX 64u

struct topology_unit {
	char name[32];	/* "smmu0", "vtd0", "viommu0": a number a kind, in firmware's order */
	char path[DEVNAME_MAX];
	char compatible[48];
	uint64_t base, size; /* of a PCI function: filled in by topology_scan_pci() */
	uint32_t phandle;
	bool is_pci;	  /* its registers are BARs of the function below */
	uint32_t segment, rid;
	uint64_t config;  /* address of that function's configuration space, else 0 */
	unsigned address_bits; /* of physical addresses, as firmware says; 0: it does not */
};

/* A register window of a device: a BAR, or a platform device's reg entry. */
struct topology_window {
	uint64_t base, size; /* size 0: there is none */
};

struct topology_device {
	struct devname name;  /* canonical: pci: or dt: */
	struct devname alias; /* a platform device by its first registers, else NONE */
	uint32_t unit;	      /* index, or TOPOLOGY_NO_UNIT: no IOMMU covers it */
	uint32_t stream_count; /* 0 when no unit covers it */
	union {
		uint32_t stream; /* the first: a PCI function's only one */
		uint32_t streams[TOPOLOGY_STREAMS]; /* all on that unit */
	};
	uint64_t config; /* address of its PCI configuration space; 0: platform */
	uint32_t vendor, product; /* PCI ids, 0 for platform */
	bool has_flr;
	/*
	 * Index of the first device it cannot be told apart from (a shared stream, or
	 * one shared with a third): its own index when it is alone, or first.
	 */
	uint32_t group;
	struct topology_window windows[TOPOLOGY_BARS];
	char unusable[128]; /* why it can never be attached, else "" */
};

/* One PCI host bridge: its ECAM and how requester ids become streams. */
struct topology_bridge {
	char path[DEVNAME_MAX];
	uint64_t ecam_base, ecam_size;
	uint32_t segment, first_bus, last_bus;
	uint32_t map_first, map_count; /* into maps */
	uint32_t map_mask;	       /* a requester id is masked before it is looked up */
	uint32_t roots[8]; /* a bit a bus: where else, as firmware says, a host bridge begins */
};

struct topology_map {
	uint32_t rid, unit, stream, length; /* unit: index */
};

/* Memory firmware says a device goes on using (RMRR): closed like all else, but shown. */
struct topology_reserved {
	uint32_t device;
	uint64_t base, length;
};

/* The same before the scan: for the functions of these requester ids that it will find. */
struct topology_region {
	uint32_t segment, rid, rid_count;
	uint64_t base, length;
};

struct topology {
	struct topology_unit units[TOPOLOGY_UNITS_MAX];
	uint32_t unit_count;
	struct topology_bridge bridges[TOPOLOGY_BRIDGES_MAX];
	uint32_t bridge_count;
	struct topology_map maps[TOPOLOGY_MAPS_MAX];
	uint32_t map_count;
	struct topology_device devices[TOPOLOGY_DEVICES_MAX];
	uint32_t device_count;
	struct topology_region regions[TOPOLOGY_RESERVED_MAX];
	uint32_t region_count;
	struct topology_reserved reserved[TOPOLOGY_RESERVED_MAX]; /* by topology_scan_pci() */
	uint32_t reserved_count;
};

/*
 * Units, host bridges and platform masters from a flattened device tree of at
 * most size bytes. Pure: touches no hardware. -EINVAL with the node and what
 * is wrong with it; then *topology is not to be used.
 */
int topology_from_fdt(const void *fdt, uint64_t size, struct topology *topology,
		      struct error *err);

/*
 * The same from the machine's ACPI tables: host bridges from MCFG, units and
 * what they cover from DMAR and VIOT. Reads configuration space where a path
 * leads through bridges; writes nothing. -EINVAL with table and offset.
 */
int topology_from_acpi(struct machine *machine, struct topology *topology, struct error *err);

/*
 * Whichever of the two the machine has, then the scan; of a joined machine, all
 * parts: the segments of a later one follow those of the earlier ones.
 */
int topology_discover(struct machine *machine, struct topology *topology, struct error *err);

/*
 * Adds the PCI functions behind every host bridge by reading their
 * configuration space. Bounded by the bus ranges and TOPOLOGY_DEVICES_MAX.
 */
int topology_scan_pci(struct machine *machine, struct topology *topology, struct error *err);

/*
 * What only the scan could tell: where the registers of units that are PCI
 * functions are, and whose the regions are. -EINVAL when such a unit is not there, or
 * its registers are somebody else's.
 */
int topology_settle(struct machine *machine, struct topology *topology, struct error *err);

/*
 * Joins devices that share a stream into groups. Marks as unusable, each naming
 * the other, devices that share a register window, and any whose windows lie
 * over memory, a unit or a host bridge's configuration space; and all of a
 * group of which one is unusable. topology_scan_pci() ends with it.
 */
void topology_mark_conflicts(struct machine *machine, struct topology *topology);

/*
 * Takes the next name of its kind ("vtd": vtd0, vtd1 ...) and appends the unit.
 * There must be room: unit_count below TOPOLOGY_UNITS_MAX.
 */
void topology_add_unit(struct topology *topology, const char *kind,
		       const struct topology_unit *unit);

/* Address of a function's configuration space; 0 when no host bridge has that bus. */
uint64_t topology_config(struct topology *topology, uint32_t segment, uint32_t rid);

/* The host bridge of a bus, or NULL. */
struct topology_bridge *topology_bridge_of(struct topology *topology, uint32_t segment,
					   uint32_t bus);

/* Under which stream of which unit does a requester appear? False: no unit covers it. */
bool topology_find_stream(const struct topology *topology, const struct topology_bridge *bridge,
			  uint32_t rid, uint32_t *ret_unit, uint32_t *ret_stream);

/* Appends a zeroed device with its name. -ENOSPC when full, -EEXIST when named already. */
int topology_add_device(struct topology *topology, const struct devname *name,
			struct topology_device **ret_device, struct error *err);

/* Why a device can never be attached; the first reason given stays. */
void topology_mark_unusable(struct topology_device *device, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The device of that name or alias, or NULL. */
const struct topology_device *topology_find(const struct topology *topology,
					    const struct devname *name);

#endif
