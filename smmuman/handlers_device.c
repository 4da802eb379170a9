// SPDX-License-Identifier: BSD-2-Clause
/* Messages about a device: attach, detach, its registers and configuration. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "device.h"
#include "domain.h"
#include "group.h"
#include "handlers.h"
#include "log.h"
#include "pci.h"
#include "pending.h"
#include "release.h"

/* A parked request that has nothing left to do but answer. */
static void answer_done(struct daemon *d, struct pending *pending, int status)
{
	struct conn *conn = list_entry(pending, struct conn, pending);

	if (status < 0)
		error_set(&conn->outcome, status, "the unit did not confirm the change and was closed; "
			  "see the daemon's log");
	d->answer(conn, status);
}

/* An attach that fails has changed nothing: the device is nobody's again. */
static void attach_done(struct daemon *d, struct pending *pending, int status)
{
	struct conn *conn = list_entry(pending, struct conn, pending);
	struct device *device = &d->devices[conn->parked_object];
	struct drv_gather gather = { 0 };

	if (status < 0 && device->conn == conn) {
		device_unbind(d, device, &gather);
		release_begin(d, device, &gather);
	}
	answer_done(d, pending, status);
}

static int own_device(struct call *call, uint32_t handle, struct device **ret_device)
{
	struct daemon *d = call->d;

	if (handle == 0 || handle > d->device_count ||
	    d->devices[handle - 1].conn != call->conn)
		return error_set(call->err, -ENOENT, "you have no device with handle 0x%" PRIx32,
				 handle);
	*ret_device = &d->devices[handle - 1];
	return 0;
}

static void park(struct call *call, struct unit *unit, struct drv_gather *gather,
		 void (*done)(struct daemon *, struct pending *, int))
{
	struct conn *conn = call->conn;

	conn->outcome = (struct error){ 0 };
	pending_begin(&conn->pending, done);
	pending_submit(&conn->pending, unit, gather);
}

int handle_attach(struct call *call)
{
	const struct wire_attach *ask = call->body;
	struct wire_attach_reply reply = { 0 };
	struct drv_gather gather = { 0 };
	struct device *device = NULL;
	uint32_t domain;
	int ret;

	if (ask->flags)
		return error_set(call->err, -EINVAL, "unknown attach flags 0x%" PRIx32, ask->flags);
	ret = domain_of_client(call->d, call->conn, ask->domain, &domain, call->err);
	if (ret < 0)
		return ret;
	device = device_by_name(call->d, ask->name, call->err);
	if (!device)
		return call->err->code;
	ret = device_attach(call->d, device, call->conn, domain, &gather, call->err);
	if (ret < 0)
		return ret;
	reply.device = device->number + 1;
	reply.input_bits = device->unit->drv->caps.input_bits;
	reply.write_only = device->unit->drv->caps.write_only;
	devname_format(&device->found->name, reply.name);
	memcpy(call->conn->parked_reply, &reply, sizeof(reply));
	call->conn->parked_reply_size = sizeof(reply);
	call->conn->parked_object = device->number;
	park(call, device->unit, &gather, attach_done);
	pending_wait(call->d, &call->conn->pending);
	return -EINPROGRESS;
}

int handle_detach(struct call *call)
{
	const struct wire_handle *ask = call->body;
	struct drv_gather gather = { 0 };
	struct device *device = NULL;
	int ret;

	ret = own_device(call, ask->handle, &device);
	if (ret < 0)
		return ret;
	device_unbind(call->d, device, &gather);
	call->conn->parked_reply_size = 0;
	park(call, device->unit, &gather, answer_done);
	release_begin(call->d, device, &gather);
	pending_wait(call->d, &call->conn->pending);
	return -EINPROGRESS;
}

int handle_device_open(struct call *call)
{
	const struct wire_handle *ask = call->body;
	struct wire_bars *reply = call->reply;
	struct device *device = NULL;
	uint32_t i, n = 0;
	int ret;

	ret = own_device(call, ask->handle, &device);
	for (i = 0; i < TOPOLOGY_BARS && ret == 0; i++) {
		if (device->found->windows[i].size == 0)
			continue;
		ret = device_open_window(call->d, device, i, call->err);
		if (ret < 0)
			break;
		reply->bars[n].index = i;
		reply->bars[n].size = device->found->windows[i].size;
		reply->kind = device->windows[i].kind;
		call->answer->fds[n++] = device->windows[i].fd;
	}
	if (ret < 0)
		return ret;
	reply->count = n;
	call->answer->fd_count = n;
	call->answer->close_fds = false;
	return 0;
}

static int config_device(struct call *call, const struct wire_config *ask,
			 struct device **ret_device)
{
	int ret = own_device(call, ask->device, ret_device);

	if (ret == 0 && !(*ret_device)->found->config)
		return error_set(call->err, -ENOTTY,
				 "a platform device has no PCI configuration space");
	return ret;
}

int handle_config_read(struct call *call)
{
	const struct wire_config *ask = call->body;
	struct wire_value *reply = call->reply;
	struct device *device = NULL;
	uint32_t value;
	int ret;

	ret = config_device(call, ask, &device);
	if (ret == 0)
		ret = pci_client_read(call->d->machine, device->found, ask->offset, ask->size,
				      &value, call->err);
	if (ret == 0)
		reply->value = value;
	return ret;
}

int handle_config_write(struct call *call)
{
	const struct wire_config *ask = call->body;
	struct device *device = NULL;
	int ret;

	ret = config_device(call, ask, &device);
	if (ret == 0)
		ret = pci_client_write(call->d->machine, device->found, ask->offset, ask->size,
				       ask->value, call->err);
	return ret;
}

int handle_reserved(struct call *call)
{
	const struct wire_reserved_ask *ask = call->body;
	const struct device *device = device_by_name(call->d, ask->name, call->err);
	struct wire_reserved *views = call_reply_entries(call);
	struct wire_list *reply = call->reply;
	uint32_t max = ask->max < call->entry_room ? ask->max : call->entry_room;
	uint32_t at;

	if (!device)
		return call->err->code;
	for (at = ask->offset; at < device->reserved_count && reply->count < max; at++)
		views[reply->count++] = (struct wire_reserved){ device->reserved[at].iova,
								device->reserved[at].length };
	reply->next = at < device->reserved_count ? device->reserved_count - at : 0;
	call->reply_entries = reply->count;
	return 0;
}

static int may_release(const struct daemon *d, const struct device *device, struct error *err)
{
	char name[DEVNAME_MAX];

	devname_format(&device->found->name, name);
	if (device_state(d, device) != WIRE_DEVICE_QUARANTINED)
		return error_set(err, -EINVAL, "%s is %s, not in quarantine", name,
				 wire_device_state_name(device_state(d, device)));
	if (device->release.is_waiting || device->unit->drv->is_closed)
		return error_set(err, -EIO, "its unit %s is closed or does not answer; restart "
				 "the daemon", device->unit->drv->name);
	return 0;
}

static void release_one(struct daemon *d, struct device *device, uint32_t uid)
{
	struct drv_gather gather = { 0 };
	char name[DEVNAME_MAX];

	devname_format(&device->found->name, name);
	log_note("%s is released from quarantine by uid %" PRIu32, name, uid);
	device->storm_count = 0;
	/* Refusals are recorded again while it is brought to rest. */
	device_shut_streams(d, device, DRV_DENY, &gather);
	release_begin(d, device, &gather);
}

int handle_release(struct call *call)
{
	const struct wire_name *ask = call->body;
	struct device *device = device_by_name(call->d, ask->name, call->err);
	struct error none;
	struct device *member;
	int ret;

	if (!device)
		return call->err->code;
	ret = may_release(call->d, device, call->err);
	if (ret < 0)
		return ret;
	/* What went into quarantine as one comes out as one. */
	for (member = group_first(call->d, device); member; member = group_next(call->d, member))
		if (may_release(call->d, member, &none) == 0)
			release_one(call->d, member, call->conn->uid);
	return 0;
}
