// SPDX-License-Identifier: BSD-2-Clause
#include "topology.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "arith.h"

static bool is_named(const struct topology_device *device, const struct devname *name)
{
	return devname_equal(&device->name, name) || devname_equal(&device->alias, name);
}

const struct topology_device *topology_find(const struct topology *topology,
					    const struct devname *name)
{
	uint32_t i;

	for (i = 0; i < topology->device_count; i++)
		if (is_named(&topology->devices[i], name))
			return &topology->devices[i];
	return NULL;
}

int topology_add_device(struct topology *topology, const struct devname *name,
			struct topology_device **ret_device, struct error *err)
{
	struct topology_device *device;
	char text[DEVNAME_MAX];

	devname_format(name, text);
	if (topology->device_count == TOPOLOGY_DEVICES_MAX)
		return error_set(err, -ENOSPC,
				 "%s is one device too many: this smmuman knows %u at most", text,
				 TOPOLOGY_DEVICES_MAX);
	if (topology_find(topology, name))
		return error_set(err, -EEXIST, "there are two devices %s", text);
	device = &topology->devices[topology->device_count++];
	*device = (struct topology_device){ .name = *name, .unit = TOPOLOGY_NO_UNIT,
					    .group = topology->device_count - 1 };
	*ret_device = device;
	return 0;
}

void topology_mark_unusable(struct topology_device *device, const char *format, ...)
{
	va_list args;

	if (device->unusable[0])
		return;
	va_start(args, format);
	vsnprintf(device->unusable, sizeof(device->unusable), format, args);
	va_end(args);
}

/* --- conflicts --------------------------------------------------------------- */

static bool shares_stream(const struct topology_device *a, const struct topology_device *b,
			  uint64_t *ret_where)
{
	uint32_t i, j;

	if (a->unit != b->unit)
		return false;
	for (i = 0; i < a->stream_count; i++)
		for (j = 0; j < b->stream_count; j++)
			if (a->streams[i] == b->streams[j]) {
				*ret_where = a->streams[i];
				return true;
			}
	return false;
}

static bool shares_window(const struct topology_device *a, const struct topology_device *b,
			  uint64_t *ret_where)
{
	uint32_t i, j;

	for (i = 0; i < TOPOLOGY_BARS; i++)
		for (j = 0; j < TOPOLOGY_BARS; j++)
			if (a->windows[i].size && b->windows[j].size &&
			    range_overlaps(a->windows[i].base, a->windows[i].size,
					   b->windows[j].base, b->windows[j].size)) {
				*ret_where = max_u64(a->windows[i].base, b->windows[j].base);
				return true;
			}
	return false;
}

static void mark_pair(struct topology_device *a, struct topology_device *b, const char *what,
		      uint64_t where)
{
	char a_name[DEVNAME_MAX], b_name[DEVNAME_MAX];

	devname_format(&a->name, a_name);
	devname_format(&b->name, b_name);
	topology_mark_unusable(a, "it shares %s 0x%" PRIx64 " with %s", what, where, b_name);
	topology_mark_unusable(b, "it shares %s 0x%" PRIx64 " with %s", what, where, a_name);
}

static void mark_streams(struct topology *topology)
{
	uint64_t where;
	uint32_t i, j;

	for (i = 0; i < topology->device_count; i++)
		for (j = i + 1; j < topology->device_count; j++)
			if (shares_stream(&topology->devices[i], &topology->devices[j], &where))
				mark_pair(&topology->devices[i], &topology->devices[j], "stream",
					  where);
}

/* Registers of a device nobody can attach are given to nobody. */
static void mark_windows(struct topology *topology, const bool *was_usable)
{
	uint64_t where;
	uint32_t i, j;

	for (i = 0; i < topology->device_count; i++)
		for (j = i + 1; j < topology->device_count; j++)
			if (was_usable[i] && was_usable[j] &&
			    shares_window(&topology->devices[i], &topology->devices[j], &where))
				mark_pair(&topology->devices[i], &topology->devices[j],
					  "the registers at", where);
}

/* What no client may ever map: who owns [base, base + size)? */
static const char *owner_of(struct machine *machine, const struct topology *topology,
			    const struct topology_window *window)
{
	uint32_t i;

	for (i = 0; i < topology->unit_count; i++)
		if (topology->units[i].size &&
		    range_overlaps(window->base, window->size, topology->units[i].base,
				   topology->units[i].size))
			return "an IOMMU's registers";
	for (i = 0; i < topology->bridge_count; i++)
		if (range_overlaps(window->base, window->size, topology->bridges[i].ecam_base,
				   topology->bridges[i].ecam_size))
			return "PCI configuration space";
	if (machine->ops->is_memory(machine, PA(window->base), window->size))
		return "memory";
	return NULL;
}

static void mark_forbidden_windows(struct machine *machine, const struct topology *topology,
				   struct topology_device *device)
{
	const char *owner;
	uint32_t i;

	for (i = 0; i < TOPOLOGY_BARS; i++) {
		if (device->windows[i].size == 0)
			continue;
		owner = owner_of(machine, topology, &device->windows[i]);
		if (owner)
			topology_mark_unusable(device,
					       "its register window %" PRIu32 " at 0x%" PRIx64
					       " lies over %s",
					       i, device->windows[i].base, owner);
	}
}

void topology_mark_conflicts(struct machine *machine, struct topology *topology)
{
	bool was_usable[TOPOLOGY_DEVICES_MAX];
	uint32_t i;

	mark_streams(topology);
	for (i = 0; i < topology->device_count; i++) {
		mark_forbidden_windows(machine, topology, &topology->devices[i]);
		was_usable[i] = topology->devices[i].unusable[0] == '\0';
	}
	mark_windows(topology, was_usable);
}
