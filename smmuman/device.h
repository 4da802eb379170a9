/* SPDX-License-Identifier: BSD-2-Clause */
/* The known devices: state, streams, owners; attach and unbind. */
#ifndef SMMUMAN_SMMUMAN_DEVICE_H
#define SMMUMAN_SMMUMAN_DEVICE_H

#include "daemon.h"

void devices_init(struct daemon *d);
struct device *device_by_stream(struct daemon *d, const struct unit *unit, uint32_t stream);
struct device *device_by_name(struct daemon *d, const char *text, struct error *err);
/* What the policy says of a device by its name or its alias; NULL: nothing. */
const struct policy_device *device_policy(const struct daemon *d,
					  const struct topology_device *found);
uint32_t device_state(const struct daemon *d, const struct device *device);
void device_set_state(struct daemon *d, struct device *device, uint32_t state);
/* Every stream of the device: all bound, or all denied and the error. */
int device_bind_streams(struct device *device, struct drv_space *space,
			struct drv_gather *gather, struct error *err);
/* Every stream to DRV_DENY or DRV_SILENT: cannot fail. */
void device_shut_streams(struct device *device, enum drv_stream_state state,
			 struct drv_gather *gather);
/* The stream's events from now on belong to owner. */
void device_mark_owner(struct device *device, const struct owner *owner);
const struct owner *device_owner_at(const struct device *device, uint64_t sequence);
/* device_attach.c: -EBUSY with the holder, -EACCES with the rule, ... */
int device_attach(struct daemon *d, struct device *device, struct conn *conn, uint32_t domain,
		  struct drv_gather *gather, struct error *err);
/* Bound to DENY in hardware and unlinked; gathers what must complete. */
void device_unbind(struct daemon *d, struct device *device, struct drv_gather *gather);

#endif
