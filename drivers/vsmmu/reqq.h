/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The request queue: requests are pushed, reqq_kick() makes all of them known
 * by one notification, reqq_poll() takes the answers, in whatever order. Each
 * request has a number; a number is done when it and all below it are answered,
 * which makes numbers tickets.
 *
 * DETACH and UNMAP end access, so an answer that is not OK is never taken for
 * done: it is an error of the queue, and the unit must be closed. One exception:
 * see reqq_domain_ends().
 */
#ifndef SMMUMAN_DRIVERS_VSMMU_REQQ_H
#define SMMUMAN_DRIVERS_VSMMU_REQQ_H

#include <stdbool.h>
#include <stdint.h>

#include "driver.h"
#include "request.h"
#include "ring.h"
#include "transport.h"

#define REQQ_DEADLINE_NS UINT64_C(1000000000)
#define REQQ_SLOTS_MAX 128u /* two descriptors a request */

struct reqq_slot {
	bool is_busy;
	bool is_held;	 /* an UNMAP answered NOENT: done when the domain's end is certain */
	uint8_t *answer; /* where the status goes; NULL: it must be OK */
	uint64_t number;
	uint64_t end; /* of an UNMAP: number of the domain's last DETACH behind it, or 0 */
	uint32_t answer_bytes; /* of the part the device writes */
	struct request request;
};

struct reqq {
	const struct transport *transport;
	struct drv_counts *counts;
	struct pages *pages;
	struct ring ring;
	uint64_t *buffers;    /* SLOT_WORDS each */
	uint64_t *properties; /* of the one PROBE there is at a time */
	uint32_t property_bytes;
	struct reqq_slot slots[REQQ_SLOTS_MAX];
	uint8_t free_slots[REQQ_SLOTS_MAX];
	uint32_t slot_count, free_count, held_count;
	uint64_t issued, known, done; /* numbers: pushed, notified, answered */
	uint64_t stuck_since_ns; /* 0: moving */
	uint64_t full_at;	 /* the newest number when the ring was found full */
	uint64_t full_ns;	 /* waited for room since, until that number is done */
	int newest;		 /* slot of a request not made known yet, or -1 */
	bool is_started;
};

/* Takes the memory, once; property_bytes: of a PROBE answer. 0 or -ENOMEM. */
int reqq_init(struct reqq *queue, const struct transport *transport, struct pages *pages,
	      struct drv_counts *counts, uint32_t property_bytes);

/* Empty, after a reset of the device: what was outstanding counts as done. */
void reqq_start(struct reqq *queue, unsigned log2);

/* The device was reset or given up: nothing of the queue will be answered. */
void reqq_stop(struct reqq *queue);

/*
 * Adds a request. answer (or NULL) gets ANSWER_WAITING now and the status with
 * the answer; it must live until then, or until reqq_stop(). A full queue is kicked
 * and waited for: a second in all, over all calls, until what filled it is answered.
 * An error is one of reqq_poll().
 */
int reqq_push(struct reqq *queue, const struct request *request, uint8_t *answer,
	      struct error *err);

/*
 * The newest request is the domain's last DETACH. A device may take it before an
 * UNMAP that was pushed earlier, which then finds no domain: its NOENT counts as
 * done once everything up to the DETACH was answered, and what ends access with OK.
 */
void reqq_domain_ends(struct reqq *queue, uint32_t domain);

/* One notification for all that was pushed; none if nothing was. */
void reqq_kick(struct reqq *queue);

/*
 * Takes the answers there are. 0, or why the unit must be closed: -EIO (an answer
 * that makes no sense, or an UNMAP or DETACH refused), -ENODEV (the device is gone),
 * -ETIMEDOUT (nothing moved for a second).
 */
int reqq_poll(struct reqq *queue, struct error *err);

/* Kicks, and polls until number is done, at most a second. Errors as reqq_poll(). */
int reqq_wait(struct reqq *queue, uint64_t number, struct error *err);

#endif
