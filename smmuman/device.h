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
/*
 * May its interrupt messages pass unchecked, and does the policy let it be
 * attached in spite of that? enum wire_unsafe.
 */
uint32_t device_unsafe(const struct device *device);
/* -EPERM with the sentence when they may and the policy does not allow it. */
int device_refuse_unsafe(const struct daemon *d, const struct device *device, struct error *err);
uint32_t device_state(const struct daemon *d, const struct device *device);
void device_set_state(struct daemon *d, struct device *device, uint32_t state);
/* Every stream of the device: all bound, or all denied and the error. */
int device_bind_streams(struct daemon *d, struct device *device, struct drv_space *space,
			struct drv_gather *gather, struct error *err);
/*
 * Every stream to DRV_DENY or DRV_SILENT, but those that another device of its
 * group is attached with: cannot fail.
 */
void device_shut_streams(struct daemon *d, struct device *device, enum drv_stream_state state,
			 struct drv_gather *gather);
/* The domain's list of its devices. */
void device_join(struct daemon *d, struct device *device, uint32_t domain);
void device_leave(struct daemon *d, struct device *device);
/* The stream's events from now on belong to owner. */
void device_mark_owner(struct device *device, const struct owner *owner);
const struct owner *device_owner_at(const struct device *device, uint64_t sequence);
/* device_attach.c: does the policy let the client attach it? -EACCES with the rule. */
int device_may_attach(const struct daemon *d, const struct device *device,
		      const struct conn *conn, struct error *err);
/* Why a device that is not closed cannot be attached now. */
int device_refuse_state(const struct daemon *d, const struct device *device, const char *name,
			struct error *err);
/* -EBUSY with the holder, -EACCES with the rule, ... */
int device_attach(struct daemon *d, struct device *device, struct conn *conn, uint32_t domain,
		  struct drv_gather *gather, struct error *err);
/* Bound to DENY in hardware and unlinked; gathers what must complete. */
void device_unbind(struct daemon *d, struct device *device, struct drv_gather *gather);

#endif
