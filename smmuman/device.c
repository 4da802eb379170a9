// SPDX-License-Identifier: BSD-2-Clause
/* The known devices: names, streams, states, and who owned each of them when. */
#include "device.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bits.h"
#include "group.h"
#include "log.h"
#include "pci.h"

/* From each state, the states that may follow; any other pair is our bug. */
static const uint32_t may_follow[] = {
	[WIRE_DEVICE_CLOSED] = BIT(WIRE_DEVICE_ATTACHED) | BIT(WIRE_DEVICE_QUARANTINED) |
			       BIT(WIRE_DEVICE_RELEASING) | BIT(WIRE_DEVICE_STATIC) |
			       BIT(WIRE_DEVICE_HOST) | BIT(WIRE_DEVICE_UNUSABLE),
	[WIRE_DEVICE_ATTACHED] = BIT(WIRE_DEVICE_RELEASING) | BIT(WIRE_DEVICE_QUARANTINED),
	[WIRE_DEVICE_RELEASING] = BIT(WIRE_DEVICE_CLOSED) | BIT(WIRE_DEVICE_QUARANTINED),
	[WIRE_DEVICE_QUARANTINED] = BIT(WIRE_DEVICE_RELEASING),
	[WIRE_DEVICE_STATIC] = BIT(WIRE_DEVICE_QUARANTINED),
	[WIRE_DEVICE_HOST] = 0,
	[WIRE_DEVICE_UNUSABLE] = 0,
};

uint32_t device_state(const struct daemon *d, const struct device *device)
{
	return d->books.streams[device->number].state;
}

void device_set_state(struct daemon *d, struct device *device, uint32_t state)
{
	struct book_stream *book = &d->books.streams[device->number];

	check(state < ARRAY_COUNT(may_follow) && (may_follow[book->state] & BIT(state)));
	book->domain = state == WIRE_DEVICE_ATTACHED || state == WIRE_DEVICE_STATIC
			       ? device->domain
			       : BOOK_NONE;
	book->state = state;
}

static uint32_t stream_slot(const struct daemon *d, uint32_t unit, uint32_t stream)
{
	uint32_t mixed = (stream + unit * 0x10001u) * 0x9e3779b1u;

	return (mixed >> 16) % (uint32_t)ARRAY_COUNT(d->stream_hash);
}

static void hash_stream(struct daemon *d, const struct device *device, uint32_t stream)
{
	uint32_t slot = stream_slot(d, unit_number(d, device->unit), stream);

	while (d->stream_hash[slot])
		slot = (slot + 1) % (uint32_t)ARRAY_COUNT(d->stream_hash);
	d->stream_hash[slot] = (uint16_t)(device->number + 1);
}

struct device *device_by_stream(struct daemon *d, const struct unit *unit, uint32_t stream)
{
	uint32_t slot = stream_slot(d, unit_number(d, unit), stream);
	struct device *device;

	for (; d->stream_hash[slot]; slot = (slot + 1) % (uint32_t)ARRAY_COUNT(d->stream_hash)) {
		device = &d->devices[d->stream_hash[slot] - 1];
		if (device->unit == unit && device_has_stream(device, stream))
			return device;
	}
	return NULL;
}

struct device *device_by_name(struct daemon *d, const char *text, struct error *err)
{
	const struct policy_device *rule;
	struct devname name;
	uint32_t i;

	for (i = 0; i < d->policy->device_count; i++) {
		rule = &d->policy->devices[i];
		if (strcmp(rule->name, text) == 0)
			break;
	}
	if (i < d->policy->device_count)
		name = rule->match;
	else if (devname_parse(text, &name) < 0) {
		error_set(err, -EINVAL,
			  "'%.60s' is no device name; write pci:0000:00:02.0, dt:/path, "
			  "mmio:0xADDRESS+0xLENGTH or a name of the policy", text);
		return NULL;
	}
	for (i = 0; i < d->device_count; i++)
		if (devname_equal(&d->devices[i].found->name, &name) ||
		    devname_equal(&d->devices[i].found->alias, &name))
			return &d->devices[i];
	error_set(err, -ENOENT, "there is no device '%.80s' on this machine; 'smmuctl devices' lists them",
		  text);
	return NULL;
}

const struct policy_device *device_policy(const struct daemon *d,
					  const struct topology_device *found)
{
	const struct policy_device *policy = policy_find_device(d->policy, &found->name);

	if (!policy && found->alias.kind != DEVNAME_NONE)
		policy = policy_find_device(d->policy, &found->alias);
	return policy;
}

uint32_t device_unsafe(const struct device *device)
{
	if (!device->unit || !device->unit->drv->caps.unsafe_interrupts)
		return WIRE_UNSAFE_CHECKED;
	return device->policy && device->policy->unsafe_interrupts ? WIRE_UNSAFE_ALLOWED
								   : WIRE_UNSAFE_REFUSED;
}

int device_refuse_unsafe(const struct daemon *d, const struct device *device, struct error *err)
{
	char name[DEVNAME_MAX];

	if (device_unsafe(device) != WIRE_UNSAFE_REFUSED)
		return 0;
	devname_format(&device->found->name, name);
	return error_set(err, -EPERM, "%s could raise any interrupt of the machine: %s does not check "
			 "interrupt messages; if it may, write 'unsafe_interrupts: allow' at '%s' "
			 "(%s:%" PRIu32 ")", name, device->unit->drv->name, device->policy->name,
			 d->policy->file, device->policy->line);
}

_Static_assert(sizeof(((struct device *)0)->note) >=
		       sizeof(((struct topology_device *)0)->unusable),
	       "a device's note holds why it is unusable");

/* A bridge, or an IOMMU that is itself a PCI function. */
static bool is_part_of_the_machine(struct daemon *d, const struct topology_device *found)
{
	uint32_t i;

	for (i = 0; i < d->topology.unit_count; i++)
		if (d->topology.units[i].is_pci && d->topology.units[i].config == found->config)
			return true;
	return found->config && pci_is_bridge(d->machine, found);
}

/*
 * The registers of a platform device: the same hardware under another name, whose
 * stream the unit knows. Nobody attaches it by this one.
 */
static bool is_described_twice(const struct daemon *d, const struct topology_device *found)
{
	const struct topology_device *other;
	uint32_t i;

	for (i = 0; i < d->topology.device_count; i++) {
		other = &d->topology.devices[i];
		if (found->windows[0].size && other->config == 0 &&
		    other->unit != TOPOLOGY_NO_UNIT &&
		    other->windows[0].base == found->windows[0].base &&
		    other->windows[0].size == found->windows[0].size)
			return true;
	}
	return false;
}

static void device_init(struct daemon *d, uint32_t number)
{
	const struct topology_device *found = &d->topology.devices[number];
	struct device *device = &d->devices[number];
	uint32_t i;

	device->found = found;
	device->number = number;
	device->policy = device_policy(d, found);
	list_init(&device->releasing);
	if (found->unit != TOPOLOGY_NO_UNIT && d->units[found->unit].drv) {
		device->unit = &d->units[found->unit];
		for (i = 0; i < found->stream_count; i++)
			hash_stream(d, device, found->streams[i]);
		d->books.streams[number].unit = found->unit;
	}
	d->books.streams[number].stream = found->stream;
	device->is_uncovered = !device->unit && !is_part_of_the_machine(d, found) &&
			       !is_described_twice(d, found);
	if (found->unusable[0] || !device->unit) {
		snprintf(device->note, sizeof(device->note), "%s",
			 found->unusable[0] ? found->unusable : "no IOMMU covers it");
		device_set_state(d, device, WIRE_DEVICE_UNUSABLE);
	} else if (device->policy && device->policy->host_identity) {
		device_set_state(d, device, WIRE_DEVICE_HOST);
	}
}

void devices_init(struct daemon *d)
{
	uint32_t i;

	d->device_count = d->topology.device_count;
	for (i = 0; i < d->device_count; i++)
		device_init(d, i);
	for (i = 0; i < d->device_count; i++)
		d->devices[d->topology.devices[i].group].group_size++;
	for (i = 0; i < d->device_count; i++)
		d->devices[i].group_size = d->devices[d->topology.devices[i].group].group_size;
}

void device_shut_streams(struct daemon *d, struct device *device, enum drv_stream_state state,
			 struct drv_gather *gather)
{
	struct drv_unit *drv = device->unit->drv;
	uint32_t i;

	device->is_bound = false;
	for (i = 0; i < device->found->stream_count; i++)
		if (!group_holds(d, device, device->found->streams[i]))
			drv->ops->set_stream(drv, device->found->streams[i], state, NULL, gather,
					     NULL);
}

int device_bind_streams(struct daemon *d, struct device *device, struct drv_space *space,
			struct drv_gather *gather, struct error *err)
{
	struct drv_unit *drv = device->unit->drv;
	uint32_t i;
	int ret;

	for (i = 0; i < device->found->stream_count; i++) {
		if (group_holds(d, device, device->found->streams[i]))
			continue;
		ret = drv->ops->set_stream(drv, device->found->streams[i], DRV_BOUND, space, gather,
					   err);
		if (ret < 0) {
			device_shut_streams(d, device, DRV_DENY, gather);
			return ret;
		}
	}
	device->is_bound = true;
	return 0;
}

void device_join(struct daemon *d, struct device *device, uint32_t domain)
{
	device->domain = domain;
	device->next_in_domain = d->domains[domain].first_device;
	d->domains[domain].first_device = device->number + 1;
}

void device_leave(struct daemon *d, struct device *device)
{
	uint32_t *link = &d->domains[device->domain].first_device;

	while (*link != device->number + 1) {
		check(*link != 0);
		link = &d->devices[*link - 1].next_in_domain;
	}
	*link = device->next_in_domain;
	device->next_in_domain = 0;
	device->domain = BOOK_NONE;
}

void device_mark_owner(struct device *device, const struct owner *owner)
{
	struct drv_unit *drv = device->unit->drv;
	struct owner_mark *mark = &device->marks[device->mark_count++ % OWNER_MARKS];

	mark->sequence = drv->ops->fault_mark(drv);
	mark->owner = *owner;
	if (owner->client)
		device->owner = *owner;
}

const struct owner *device_owner_at(const struct device *device, uint64_t sequence)
{
	static const struct owner nobody;
	const struct owner_mark *mark;
	uint32_t back;

	for (back = 1; back <= OWNER_MARKS && back <= device->mark_count; back++) {
		mark = &device->marks[(device->mark_count - back) % OWNER_MARKS];
		if (mark->sequence <= sequence)
			return &mark->owner;
	}
	return &nobody;
}
