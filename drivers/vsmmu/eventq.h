/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event queue: every descriptor is a buffer for one fault report, and each
 * is given back as soon as its report was copied out.
 *
 * Virtio-iommu has no way to say that it dropped a report: with no buffer it may
 * wait or drop (virtio 5.13.6.9). What shows is that every buffer was used at
 * once; that is reported as a loss, because nothing can be said against one.
 */
#ifndef SMMUMAN_DRIVERS_VSMMU_EVENTQ_H
#define SMMUMAN_DRIVERS_VSMMU_EVENTQ_H

#include <stdbool.h>
#include <stdint.h>

#include "driver.h"
#include "ring.h"
#include "transport.h"

#define EVENT_WORDS 4u /* a buffer; the report is three of them */
#define EVENT_BYTES 24u

struct event {
	uint64_t words[EVENT_WORDS];
	uint32_t length; /* as the device says */
};

struct eventq {
	const struct transport *transport;
	struct drv_counts *counts;
	struct pages *pages;
	struct ring ring;
	uint64_t *buffers;
	uint64_t sequence; /* reports ever taken */
	uint64_t loss_at;  /* the sequence after which some may be missing */
	bool is_full;	   /* that is still to be told */
	bool is_started;
};

/* Takes the memory, once. 0 or -ENOMEM. */
int eventq_init(struct eventq *queue, const struct transport *transport, struct pages *pages,
		struct drv_counts *counts);

/* Every buffer available, after a reset of the device; sequence goes on counting. */
void eventq_start(struct eventq *queue, unsigned log2);

/* Tells the device of buffers that were given back. */
void eventq_kick(struct eventq *queue);

/* How many reports wait; notes a loss. -EIO as ring_waiting(). */
int eventq_look(struct eventq *queue, uint32_t *ret_count, struct error *err);

/*
 * The oldest waiting report, copied; its buffer is the device's again. -EIO: none of
 * ours. A device that names one buffer twice harms nobody but its own reports.
 */
int eventq_take(struct eventq *queue, struct event *ret_event, struct error *err);

/* Tells of a loss once all reports before it were taken. */
void eventq_tell_loss(struct eventq *queue, const struct drv_fault_sink *sink);

#endif
