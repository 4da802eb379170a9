// SPDX-License-Identifier: BSD-2-Clause
/* The daemon's life: taking the machine over, its periodic work, its end. */
#include "daemon.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "device.h"
#include "faults.h"
#include "group.h"
#include "log.h"
#include "pci.h"
#include "pending.h"
#include "release.h"
#include "reserved.h"
#include "statics.h"
#include "unit.h"

#define FAULT_BUDGET 256u /* records of a unit in one round */

/* Behind skip bytes, and before the page that stays blank. */
static int lay_out_pages(struct machine *machine, struct pages *pages, uint64_t skip)
{
	machine->hw.pages = pages;
	return pages_init(pages, machine->arena_cpu + skip, PA(machine->arena_pa.v + skip),
			  machine->arena_size - skip - PAGE_BYTES);
}

/* No unit reads the arena any more when this is called: everything is closed. */
static int lay_out_arena(struct daemon *d, struct error *err)
{
	struct machine *machine = d->machine;
	uint64_t size = books_size(machine->arena_size);
	uint32_t i, seed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return error_set(err, -EIO, "the kernel gave no random number");
	if (machine->arena_size < size * 2)
		return error_set(err, -ENOMEM, "the daemon's own memory (%" PRIu64
				 " bytes) is too small for its books (%" PRIu64 " bytes)",
				 machine->arena_size, size);
	books_init(&d->books, machine->arena_cpu, machine->arena_size, seed);
	for (i = 0; i < machine_part_count(machine); i++)
		if (lay_out_pages(machine_part(machine, i), &d->pages[i], i == 0 ? size : 0) < 0)
			return error_set(err, -ENOMEM,
					 "no memory for the notes of the arena's pages");
	d->domains = calloc(d->books.header->domain_max, sizeof(*d->domains));
	if (!d->domains || faults_init(d) < 0)
		return error_set(err, -ENOMEM, "no memory for the domains and the fault log");
	return 0;
}

/*
 * Nothing stands between this device and memory: all that can be done is to keep
 * it from asking.
 */
static void hold_uncovered(struct daemon *d, struct device *device)
{
	bool is_hosts = device->policy && device->policy->host_identity;
	struct error err = { 0 };
	char name[DEVNAME_MAX];

	if (!device->found->config || is_hosts)
		return;
	devname_format(&device->found->name, name);
	if (pci_stop_mastering(d->machine, device->found, &err) < 0)
		log_alarm("%s: no IOMMU covers it, and its bus mastering cannot be switched off: it "
			  "reaches all memory (%s)", name, err.text);
	else
		log_warn("%s: no IOMMU covers it; its bus mastering is off, and nobody may attach it",
			 name);
}

/* What a device did under an earlier owner ends now: no owner is assumed clean. */
static void bring_devices_to_rest(struct daemon *d)
{
	struct drv_gather nothing;
	struct error err = { 0 };
	struct device *device;
	uint32_t i;

	for (i = 0; i < d->device_count; i++) {
		device = &d->devices[i];
		if (device->is_uncovered)
			hold_uncovered(d, device);
		if (device_state(d, device) != WIRE_DEVICE_CLOSED)
			continue;
		if (device->found->config &&
		    pci_stop_mastering(d->machine, device->found, &err) < 0)
			log_warn("%s", err.text);
		nothing = (struct drv_gather){ 0 };
		release_begin(d, device, &nothing);
	}
}

/* Not a byte of the arena changes under a unit that an earlier owner left on. */
static int check_closed(const struct daemon *d, struct error *err)
{
	uint32_t i;

	for (i = 0; i < d->unit_count; i++)
		if (d->units[i].drv->found_enabled && d->units[i].drv->may_walk)
			return error_set(err, -EIO,
					 "%s was found enabled and could not be closed (see above): it "
					 "may go on using tables of an earlier owner, so nothing is "
					 "changed in memory; reset the machine",
					 d->units[i].drv->name);
	return 0;
}

static int take_over(struct daemon *d, struct error *err)
{
	uint32_t i;
	int ret;

	ret = check_closed(d, err);
	if (ret == 0)
		ret = lay_out_arena(d, err);
	if (ret < 0)
		return ret;
	devices_init(d);
	/* Refusals of the time without a daemon, before their queue is cleared. */
	for (i = 0; i < d->unit_count; i++)
		faults_salvage(d, &d->units[i]);
	ret = group_check_host(d, err);
	for (i = 0; i < d->unit_count && ret == 0; i++)
		ret = unit_takeover(d, &d->units[i], err);
	if (ret < 0)
		return ret;
	reserved_read(d);
	ret = reserved_check_host(d, err);
	if (ret == 0)
		ret = statics_make(d, err);
	if (ret == 0)
		bring_devices_to_rest(d);
	return ret;
}

static bool keeps_host(const struct policy *policy)
{
	uint32_t i;

	for (i = 0; i < policy->device_count; i++)
		if (policy->devices[i].host_identity)
			return true;
	return false;
}

/* Only addresses yet, so that a module finds what an earlier daemon left. */
static void point_at_arena(struct machine *machine, struct pages *pages)
{
	uint64_t last = machine->arena_size - PAGE_BYTES;

	*pages = (struct pages){ .cpu = machine->arena_cpu,
				 .pa = machine->arena_pa,
				 .size = machine->arena_size };
	machine->hw.pages = pages;
	machine->hw.blank_cpu = machine->arena_cpu + last;
	machine->hw.blank_pa = PA(machine->arena_pa.v + last);
}

/*
 * A unit that an earlier daemon left enabled still walks tables in the arena:
 * it is closed before the first byte there changes. One that does not translate
 * yet may have to stay open for the host until its take-over closes all others
 * in the same write.
 */
static void close_before_takeover(struct daemon *d)
{
	uint32_t i;

	for (i = 0; i < machine_part_count(d->machine); i++)
		point_at_arena(machine_part(d->machine, i), &d->pages[i]);
	for (i = 0; i < d->unit_count; i++)
		if (!keeps_host(d->policy) || d->units[i].drv->found_enabled)
			d->units[i].drv->ops->close(d->units[i].drv);
}

void daemon_init(struct daemon *d, struct machine *machine, const struct policy *policy)
{
	d->machine = machine;
	d->policy = policy;
	list_init(&d->conns);
	list_init(&d->users);
	list_init(&d->pendings);
	list_init(&d->releasing);
}

int daemon_start(struct daemon *d, struct error *err)
{
	int ret;

	d->started_real_ns = clock_real_ns();
	ret = topology_discover(d->machine, &d->topology, err);
	if (ret == 0)
		ret = units_probe(d, err);
	if (ret < 0) {
		units_forget(d);
		return ret;
	}
	close_before_takeover(d);
	ret = take_over(d, err);
	if (ret < 0) {
		units_close(d);
		daemon_forget(d);
	}
	return ret;
}

bool daemon_tick(struct daemon *d)
{
	bool busy = pendings_tick(d);

	busy |= releases_tick(d);
	busy |= faults_drain(d, FAULT_BUDGET);
	return busy;
}

void daemon_forget(struct daemon *d)
{
	uint32_t i;

	for (i = 0; i < d->device_count; i++)
		device_close_windows(d, &d->devices[i]);
	units_forget(d);
	faults_fini(d);
	free(d->domains);
	d->domains = NULL;
	for (i = 0; i < MACHINE_PARTS_MAX; i++)
		pages_fini(&d->pages[i]);
}

void daemon_close(struct daemon *d)
{
	units_close(d);
}
