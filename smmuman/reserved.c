// SPDX-License-Identifier: BSD-2-Clause
#include "reserved.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "arith.h"
#include "bits.h"
#include "device.h"
#include "grants.h"
#include "group.h"
#include "log.h"

const char *reserved_reason(uint32_t kind)
{
	switch ((enum wire_reserved_kind)kind) {
	case WIRE_RESERVED_INTERRUPT:
		return "writes there are interrupt messages";
	case WIRE_RESERVED_FIRMWARE:
		return "firmware has the device use its own memory there";
	case WIRE_RESERVED_UNUSABLE:
		break;
	}
	return "accesses there never reach memory";
}

/* --- what there is ------------------------------------------------------------------ */

/* A device whose reserved addresses cannot all be kept is given to nobody. */
static void cannot_keep(struct daemon *d, struct device *device, const char *why)
{
	char name[DEVNAME_MAX];

	devname_format(&device->found->name, name);
	log_warn("%s: %s", name, why);
	if (device_state(d, device) != WIRE_DEVICE_CLOSED)
		return;
	snprintf(device->note, sizeof(device->note), "%s", why);
	device_set_state(d, device, WIRE_DEVICE_UNUSABLE);
}

static bool is_known(const struct device *device, const struct device_reserved *range)
{
	uint32_t i;

	for (i = 0; i < device->reserved_count; i++)
		if (device->reserved[i].iova == range->iova &&
		    device->reserved[i].length == range->length &&
		    device->reserved[i].kind == range->kind)
			return true;
	return false;
}

static void add(struct daemon *d, struct device *device, const struct device_reserved *range)
{
	uint32_t at = device->reserved_count;

	if (range->length == 0 || is_known(device, range))
		return;
	if (range_is_bad(range->iova, range->length)) {
		cannot_keep(d, device, "it has a reserved range that runs past the last address");
		return;
	}
	if (at == RESERVED_MAX) {
		cannot_keep(d, device, "it has more reserved ranges than can be kept");
		return;
	}
	for (; at > 0 && device->reserved[at - 1].iova > range->iova; at--)
		device->reserved[at] = device->reserved[at - 1];
	device->reserved[at] = *range;
	device->reserved_count++;
}

static void refuse_group(struct daemon *d, const struct device *device, const char *why)
{
	struct device *member;

	for (member = group_first(d, device); member; member = group_next(d, member))
		cannot_keep(d, member, why);
}

static void add_to_group(struct daemon *d, const struct device *device,
			 const struct device_reserved *range)
{
	struct device *member;

	for (member = group_first(d, device); member; member = group_next(d, member))
		add(d, member, range);
}

static uint32_t wire_kind(enum drv_reserved_kind kind)
{
	return kind == DRV_RESERVED_INTERRUPT ? WIRE_RESERVED_INTERRUPT : WIRE_RESERVED_UNUSABLE;
}

static void ask_unit(struct daemon *d, struct device *device, uint32_t stream)
{
	struct drv_reserved list[RESERVED_MAX + 1] = { { 0 } };
	struct drv_unit *drv = device->unit->drv;
	struct device_reserved range = { .device = device->number };
	uint32_t i, count;

	count = drv->ops->reserved(drv, stream, list, ARRAY_COUNT(list));
	/* Even where some of these are the same: the others nobody has seen. */
	if (count > ARRAY_COUNT(list))
		refuse_group(d, device, "it has more reserved ranges than can be kept");
	for (i = 0; i < count && i < ARRAY_COUNT(list); i++) {
		range.iova = list[i].iova;
		range.length = list[i].length;
		range.kind = wire_kind(list[i].kind);
		add_to_group(d, device, &range);
	}
}

static void ask_units(struct daemon *d)
{
	struct device *device;
	uint32_t i, k;

	for (i = 0; i < d->device_count; i++) {
		device = &d->devices[i];
		if (!device->unit || !device->unit->drv->ops->reserved)
			continue;
		for (k = 0; k < device->found->stream_count; k++)
			ask_unit(d, device, device->found->streams[k]);
	}
}

void reserved_read(struct daemon *d)
{
	const struct topology_reserved *found;
	struct device_reserved range;
	uint32_t i;

	ask_units(d);
	for (i = 0; i < d->topology.reserved_count; i++) {
		found = &d->topology.reserved[i];
		range = (struct device_reserved){ .iova = found->base,
						  .length = found->length,
						  .kind = WIRE_RESERVED_FIRMWARE,
						  .device = found->device };
		add_to_group(d, &d->devices[found->device], &range);
	}
}

/* --- what follows from it ------------------------------------------------------------ */

static int check_host_run(const struct device *device, uint64_t base, uint64_t length,
			  struct error *err)
{
	const struct device_reserved *range;
	char name[DEVNAME_MAX];
	uint32_t i;

	for (i = 0; i < device->reserved_count; i++) {
		range = &device->reserved[i];
		if (range->kind == WIRE_RESERVED_FIRMWARE ||
		    !range_overlaps(base, length, range->iova, range->length))
			continue;
		devname_format(&device->found->name, name);
		return error_set(err, -EINVAL, "%s cannot stay with the host: memory at 0x%" PRIx64
				 " + 0x%" PRIx64 " lies over 0x%" PRIx64 " + 0x%" PRIx64 ", and %s",
				 name, base, length, range->iova, range->length,
				 reserved_reason(range->kind));
	}
	return 0;
}

static int check_host_device(const struct daemon *d, const struct device *device,
			     struct error *err)
{
	const struct topology_reserved *found = d->topology.reserved;
	uint32_t i;
	int ret = 0;

	for (i = 0; i < d->machine->ram_count && ret == 0; i++)
		ret = check_host_run(device, d->machine->ram[i].pa.v, d->machine->ram[i].length,
				     err);
	for (i = 0; i < d->topology.reserved_count && ret == 0; i++, found++)
		if (found->device == device->number)
			ret = check_host_run(device, found->base, found->length, err);
	return ret;
}

int reserved_check_host(const struct daemon *d, struct error *err)
{
	uint32_t i;
	int ret = 0;

	for (i = 0; i < d->device_count && ret == 0; i++)
		if (device_state(d, &d->devices[i]) == WIRE_DEVICE_HOST)
			ret = check_host_device(d, &d->devices[i], err);
	return ret;
}

int reserved_refuse_grant(const struct daemon *d, uint32_t domain, uint64_t iova,
			  uint64_t length, struct error *err)
{
	const struct device_reserved *range;
	const struct device *device;
	char name[DEVNAME_MAX];
	uint32_t at, i;

	for (at = d->domains[domain].first_device; at; at = device->next_in_domain) {
		device = &d->devices[at - 1];
		for (i = 0; i < device->reserved_count; i++) {
			range = &device->reserved[i];
			if (!range_overlaps(iova, length, range->iova, range->length))
				continue;
			devname_format(&device->found->name, name);
			return error_set(err, -EINVAL, "0x%" PRIx64 " + 0x%" PRIx64
					 " lies over 0x%" PRIx64 " + 0x%" PRIx64 ", reserved for %s: %s",
					 iova, length, range->iova, range->length, name,
					 reserved_reason(range->kind));
		}
	}
	return 0;
}

int reserved_refuse_device(const struct daemon *d, const struct device *device, uint32_t domain,
			   struct error *err)
{
	const struct device_reserved *range = device->reserved;
	const struct book_grant *grant;
	char name[DEVNAME_MAX];
	uint32_t at, i;

	for (i = 0; i < device->reserved_count; i++, range++) {
		at = grants_overlap(&d->books, domain, range->iova, range->length);
		if (at == BOOK_NONE)
			continue;
		grant = &d->books.grants[at];
		devname_format(&device->found->name, name);
		return error_set(err, -EINVAL, "the domain's grant at 0x%" PRIx64 " + 0x%" PRIx64
				 " lies over 0x%" PRIx64 " + 0x%" PRIx64 ", reserved for %s: %s",
				 grant->iova, grant->length, range->iova, range->length, name,
				 reserved_reason(range->kind));
	}
	return 0;
}
