// SPDX-License-Identifier: BSD-2-Clause
/* static: grants of the policy: they hold with no client at all. */
#include "statics.h"

#include <errno.h>
#include <inttypes.h>

#include "arith.h"
#include "device.h"
#include "domain.h"
#include "group.h"
#include "log.h"
#include "mapping.h"
#include "reserved.h"
#include "spread.h"

/* A memory record of nobody's, for a region of the policy. */
static int static_memory(struct daemon *d, const struct policy_region *region,
			 uint32_t *ret_memory, struct error *err)
{
	uint32_t index;

	if (machine_overlaps_arena(d->machine, PA(region->address), region->length))
		return error_set(err, -EPERM, "region '%s' (line %" PRIu32
				 ") covers the daemon's own memory", region->name, region->line);
	index = books_take_memory(&d->books);
	if (index == BOOK_NONE)
		return error_set(err, -ENOSPC, "the books hold no more memories");
	d->books.memories[index].one = (struct extent){ PA(region->address), region->length };
	d->books.memories[index].extent_count = 1;
	d->books.memories[index].length = region->length;
	d->books.memories[index].rights = (uint8_t)region->rights;
	d->books.memories[index].flags |= BOOK_MEMORY_REGION;
	*ret_memory = index;
	return 0;
}

/* The device's static domain, made when its first grant comes along. */
static int static_domain(struct daemon *d, struct device *device, struct error *err)
{
	struct drv_space *space;
	uint32_t index;
	int ret;

	if (device->domain != BOOK_NONE)
		return 0;
	/* What cannot be told apart reaches the same memory. */
	index = group_domain(d, device);
	ret = index == BOOK_NONE ? 0 : reserved_refuse_device(d, device, index, err);
	if (ret < 0)
		return ret;
	if (index == BOOK_NONE)
		index = books_take_domain(&d->books);
	if (index == BOOK_NONE)
		return error_set(err, -ENOSPC, "the books hold no more domains");
	ret = domain_space(d, index, device->unit, 0, &space, err);
	if (ret < 0) {
		books_give_domain(&d->books, index);
		return ret;
	}
	device_join(d, device, index);
	return 0;
}

static int make_one(struct daemon *d, const struct policy_static *rule, struct error *err)
{
	const struct policy_region *region = &d->policy->regions[rule->region];
	char name[DEVNAME_MAX];
	struct device *device;
	struct wire_map ask = { .rights = rule->rights,
				.iova = rule->iova,
				.length = region->length };
	struct spread spread; /* a failure closes the units: nothing to revert */
	uint32_t memory = BOOK_NONE, grant;
	int ret;

	devname_format(&d->policy->devices[rule->device].match, name);
	device = device_by_name(d, name, err);
	if (!device) {
		log_warn("%s:%" PRIu32 ": static grant of %s: no such device here", d->policy->file,
			 rule->line, name);
		return 0;
	}
	if (device_state(d, device) != WIRE_DEVICE_CLOSED)
		return error_set(err, -ENODEV, "%s: %s", name, device->note);
	ret = device_refuse_unsafe(d, device, err);
	if (ret == 0)
		ret = static_domain(d, device, err);
	if (ret == 0)
		ret = static_memory(d, region, &memory, err);
	spread = spread_new(device->domain);
	if (ret == 0)
		ret = grant_make(d, &spread, memory, &ask, &grant, err);
	if (ret == 0)
		ret = spread_commit(d, &spread, err);
	if (ret == 0)
		grants_settle(d, &grant, 1);
	return ret;
}

static int bind_one(struct daemon *d, struct device *device, struct error *err)
{
	struct drv_unit *drv = device->unit->drv;
	struct drv_gather gather = { 0 };
	struct owner owner = { .domain = books_domain_handle(&d->books, device->domain),
			       .rule = "static" };
	int ret;

	device_mark_owner(device, &owner);
	ret = device_bind_streams(d, device,
				  d->domains[device->domain].spaces[unit_number(d, device->unit)],
				  &gather, err);
	if (ret < 0)
		return ret;
	drv->ops->submit(drv, &gather);
	d->domains[device->domain].devices++;
	device_set_state(d, device, WIRE_DEVICE_STATIC);
	return 0;
}

int statics_make(struct daemon *d, struct error *err)
{
	uint32_t i;
	int ret;

	for (i = 0; i < d->policy->static_count; i++) {
		ret = make_one(d, &d->policy->statics[i], err);
		if (ret < 0)
			return error_prefix(err, "%s:%" PRIu32 ": static grant", d->policy->file,
					    d->policy->statics[i].line);
	}
	for (i = 0; i < d->device_count; i++) {
		if (d->devices[i].domain == BOOK_NONE)
			continue;
		ret = bind_one(d, &d->devices[i], err);
		if (ret < 0)
			return error_prefix(err, "binding a device to its static grants");
	}
	return 0;
}
