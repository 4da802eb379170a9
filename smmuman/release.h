/* SPDX-License-Identifier: BSD-2-Clause */
/* Between two owners: a device is brought to rest or quarantined (C9). */
#ifndef SMMUMAN_SMMUMAN_RELEASE_H
#define SMMUMAN_SMMUMAN_RELEASE_H

#include "daemon.h"

/* Begins to bring a closed device to rest (C9); the caller has unbound it. */
void release_begin(struct daemon *d, struct device *device, struct drv_gather *gather);
void device_quarantine(struct daemon *d, struct device *device, const char *why);
bool releases_tick(struct daemon *d);
void device_close_windows(struct daemon *d, struct device *device);
int device_open_window(struct daemon *d, struct device *device, uint32_t bar, struct error *err);

#endif
