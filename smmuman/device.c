// SPDX-License-Identifier: BSD-2-Clause
/* The known devices: names, streams, states, and who owned each of them when. */
#include "device.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bits.h"
#include "log.h"

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

static bool has_stream(const struct device *device, uint32_t stream)
{
	uint32_t i;

	for (i = 0; i < device->found->stream_count; i++)
		if (device->found->streams[i] == stream)
			return true;
	return false;
}

struct device *device_by_stream(struct daemon *d, const struct unit *unit, uint32_t stream)
{
	uint32_t slot = stream_slot(d, unit_number(d, unit), stream);
	struct device *device;

	for (; d->stream_hash[slot]; slot = (slot + 1) % (uint32_t)ARRAY_COUNT(d->stream_hash)) {
		device = &d->devices[d->stream_hash[slot] - 1];
		if (device->unit == unit && has_stream(device, stream))
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

_Static_assert(sizeof(((struct device *)0)->note) >=
		       sizeof(((struct topology_device *)0)->unusable),
	       "a device's note holds why it is unusable");

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
	if (found->unusable[0]) {
		memcpy(device->note, found->unusable, sizeof(found->unusable));
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
}

void device_shut_streams(struct device *device, enum drv_stream_state state,
			 struct drv_gather *gather)
{
	struct drv_unit *drv = device->unit->drv;
	uint32_t i;

	for (i = 0; i < device->found->stream_count; i++)
		drv->ops->set_stream(drv, device->found->streams[i], state, NULL, gather, NULL);
}

int device_bind_streams(struct device *device, struct drv_space *space,
			struct drv_gather *gather, struct error *err)
{
	struct drv_unit *drv = device->unit->drv;
	uint32_t i;
	int ret;

	for (i = 0; i < device->found->stream_count; i++) {
		ret = drv->ops->set_stream(drv, device->found->streams[i], DRV_BOUND, space, gather,
					   err);
		if (ret < 0) {
			device_shut_streams(device, DRV_DENY, gather);
			return ret;
		}
	}
	return 0;
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
