/* SPDX-License-Identifier: BSD-2-Clause */
/* Streams: the endpoints that were named, what they are bound to, what PROBE said. */
#ifndef SMMUMAN_DRIVERS_VSMMU_ENDPOINT_H
#define SMMUMAN_DRIVERS_VSMMU_ENDPOINT_H

#include "vsmmu.h"

/* NULL: nobody named it. */
struct vsmmu_stream *endpoint_find(const struct vsmmu *vsmmu, uint32_t number);

/* Finds it or makes it, denied. -ENOMEM. */
int endpoint_need(struct vsmmu *vsmmu, uint32_t number, struct vsmmu_stream **ret_stream,
		struct error *err);

/* The device was reset: nothing is attached, no domain exists. */
void endpoint_forget_all(struct vsmmu *vsmmu);
void endpoint_free_all(struct vsmmu *vsmmu);

/*
 * Asks the device for its reserved regions, once. An answer without use is kept as
 * that: the stream is never bound. An error is one of the request queue.
 */
int endpoint_probe(struct vsmmu *vsmmu, struct vsmmu_stream *stream, struct error *err);

/*
 * Attaches it, and sends the space's runs where the domain begins with it; by one
 * notification, and waits. Any refusal leaves it denied: ret_refused says so in *err,
 * and the unit is well. An error is one of the request queue: the unit is not.
 */
int endpoint_attach(struct vsmmu *vsmmu, struct vsmmu_stream *stream, struct vsmmu_space *space,
		  bool *ret_refused, struct error *err);

/*
 * Whatever they were attached to by somebody else: every known stream but those that
 * are kept is attached to nothing afterwards. An error is one of the request queue.
 */
int endpoint_shut_all(struct vsmmu *vsmmu, struct error *err);

/* Off its space in the books alone: nothing is pushed. */
void endpoint_leave(struct vsmmu_stream *stream);

/* Pushes the DETACH of a bound one; an error of the request queue. */
int endpoint_detach(struct vsmmu *vsmmu, struct vsmmu_stream *stream, struct error *err);

uint32_t endpoint_reserved(struct drv_unit *unit, uint32_t number, struct drv_reserved *list,
			 uint32_t max);

#endif
