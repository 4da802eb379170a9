// SPDX-License-Identifier: BSD-2-Clause
/* A device gets an owner, and loses it: the two moments its stream changes. */
#include "daemon.h"

#include <errno.h>
#include <inttypes.h>

#include "device.h"
#include "domain.h"
#include "group.h"
#include "log.h"
#include "pci.h"
#include "release.h"
#include "reserved.h"

int device_refuse_state(const struct daemon *d, const struct device *device, const char *name,
			struct error *err)
{
	switch ((enum wire_device_state)device_state(d, device)) {
	case WIRE_DEVICE_CLOSED:
		return 0;
	case WIRE_DEVICE_ATTACHED:
		return error_set(err, -EBUSY, "%s is attached by '%s' (client %" PRIu32 ", uid %" PRIu32
				 ", pid %" PRId32 ")", name, device->owner.rule,
				 device->owner.client, device->owner.uid, device->owner.pid);
	case WIRE_DEVICE_RELEASING:
		return error_set(err, -EAGAIN,
				 "%s is still being brought to rest after '%s' left it; try again", name,
				 device->owner.rule);
	case WIRE_DEVICE_QUARANTINED:
		return error_set(err, -EPERM, "%s is in quarantine: %s; 'smmuctl release %s' by hand",
				 name, device->note, name);
	case WIRE_DEVICE_HOST:
		return error_set(err, -EPERM, "%s stays with the host kernel (host: identity, line %" PRIu32
				 " of the policy)", name, device->policy->line);
	case WIRE_DEVICE_STATIC:
		return error_set(err, -EBUSY, "%s belongs to its static: grants", name);
	case WIRE_DEVICE_UNUSABLE:
		break;
	}
	return error_set(err, -ENODEV, "%s cannot be attached: %s", name, device->note);
}

int device_may_attach(const struct daemon *d, const struct device *device,
		      const struct conn *conn, struct error *err)
{
	struct policy_who who = { conn->uid, conn->gid, conn->exe[0] ? conn->exe : NULL };
	struct policy_ask ask = { .verb = POLICY_ATTACH, .device = &device->found->name };
	struct policy_answer answer;

	if (device->policy)
		ask.device = &device->policy->match;
	policy_decide(d->policy, &who, &ask, &answer);
	return answer.allowed ? 0 : error_set(err, -EACCES, "%s", answer.text);
}

static int refuse_by_limit(const struct conn *conn, struct error *err)
{
	if (conn->user->devices >= conn->rule->limits.devices)
		return error_set(err, -EDQUOT, "uid %" PRIu32 " has %" PRIu32
				 " devices attached, its limit (limits: devices of '%s')",
				 conn->uid, conn->user->devices, conn->rule->name);
	return 0;
}

static int refuse_by_unit(const struct device *device, const char *name, struct error *err)
{
	if (!device->unit)
		return error_set(err, -ENODEV, "%s: no IOMMU covers it", name);
	if (device->unit->drv->is_closed)
		return error_set(err, -EIO, "%s: its unit %s is closed after a failure; see the log",
				 name, device->unit->drv->name);
	return 0;
}

static int refuse(struct daemon *d, struct device *device, const char *name,
		  const struct conn *conn, uint32_t domain, struct error *err)
{
	int ret;

	ret = device_may_attach(d, device, conn, err);
	if (ret == 0)
		ret = refuse_by_limit(conn, err);
	if (ret == 0)
		ret = device_refuse_state(d, device, name, err);
	if (ret == 0)
		ret = group_refuse(d, device, conn, domain, err);
	if (ret == 0)
		ret = device_refuse_unsafe(d, device, err);
	if (ret == 0)
		ret = refuse_by_unit(device, name, err);
	if (ret == 0)
		ret = reserved_refuse_device(d, device, domain, err);
	return ret;
}

static void bind_bookkeeping(struct daemon *d, struct device *device, struct conn *conn,
			     uint32_t domain)
{
	struct owner owner = conn->self;

	owner.domain = books_domain_handle(&d->books, domain);
	device_mark_owner(device, &owner);
	device_join(d, device, domain);
	device->conn = conn;
	device_set_state(d, device, WIRE_DEVICE_ATTACHED);
	d->domains[domain].devices++;
	conn->devices++;
	conn->user->devices++;
}

static void tell_attached(const struct device *device, const char *name)
{
	const struct owner *owner = &device->owner;

	log_info("%s attached by '%s' (client %" PRIu32 ", uid %" PRIu32 ", pid %" PRId32 ")", name,
		 owner->rule, owner->client, owner->uid, owner->pid);
	if (device_unsafe(device) == WIRE_UNSAFE_ALLOWED)
		log_warn("%s may raise any interrupt of the machine: %s does not check interrupt "
			 "messages, and the policy says unsafe_interrupts: allow", name,
			 device->unit->drv->name);
}

int device_attach(struct daemon *d, struct device *device, struct conn *conn, uint32_t domain,
		  struct drv_gather *gather, struct error *err)
{
	uint64_t limit = conn->rule->limits.table_bytes / PAGE_BYTES;
	struct drv_space *space = NULL;
	char name[DEVNAME_MAX];
	int ret;

	devname_format(&device->found->name, name);
	ret = refuse(d, device, name, conn, domain, err);
	if (ret == 0)
		ret = domain_space(d, domain, device->unit, limit, &space, err);
	if (ret < 0)
		return ret;
	/* What this stream did before belongs to whoever owned it before. */
	bind_bookkeeping(d, device, conn, domain);
	ret = device_bind_streams(d, device, space, gather, err);
	if (ret < 0) {
		device_unbind(d, device, gather);
		release_begin(d, device, gather);
		return error_prefix(err, "%s", name);
	}
	tell_attached(device, name);
	return 0;
}

void device_unbind(struct daemon *d, struct device *device, struct drv_gather *gather)
{
	static const struct owner nobody;
	struct error err = { 0 };

	device_shut_streams(d, device, DRV_DENY, gather);
	/* Requests that are still under way are refused; later ones never leave. */
	if (device->found->config && pci_stop_mastering(d->machine, device->found, &err) < 0)
		log_warn("%s", err.text);
	device_close_windows(d, device);
	device_mark_owner(device, &nobody);
	d->domains[device->domain].devices--;
	if (device->conn) {
		device->conn->devices--;
		device->conn->user->devices--;
	}
	device_leave(d, device);
	device->conn = NULL;
}
