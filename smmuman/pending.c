// SPDX-License-Identifier: BSD-2-Clause
/*
 * Waits for units to confirm that what was taken away is really gone. What is
 * not confirmed in time closes the unit: then nothing moves through it at all.
 */
#include <errno.h>

#include "log.h"
#include "pending.h"

void pending_begin(struct pending *pending,
		   void (*done)(struct daemon *, struct pending *, int status))
{
	check(!pending->is_waiting);
	pending->count = 0;
	pending->done = done;
}

void pending_submit(struct pending *pending, struct unit *unit, struct drv_gather *gather)
{
	uint64_t ticket = unit->drv->ops->submit(unit->drv, gather);
	uint32_t i;

	for (i = 0; i < pending->count; i++) {
		if (pending->tickets[i].unit != unit)
			continue;
		pending->tickets[i].ticket = ticket;
		return;
	}
	check(pending->count < TOPOLOGY_UNITS_MAX);
	pending->tickets[pending->count++] = (struct pending_ticket){ unit, ticket };
}

/* 1 done, 0 not yet, -EIO never: a unit of it is closed. */
static int look(const struct pending *pending)
{
	int result = 1;
	uint32_t i;

	for (i = 0; i < pending->count; i++) {
		struct drv_unit *drv = pending->tickets[i].unit->drv;

		if (!drv->is_closed && drv->ops->completed(drv) < pending->tickets[i].ticket)
			result = 0;
		if (drv->is_closed)
			return -EIO;
	}
	return result;
}

static void close_late_units(const struct pending *pending)
{
	uint32_t i;

	for (i = 0; i < pending->count; i++) {
		struct drv_unit *drv = pending->tickets[i].unit->drv;

		if (drv->is_closed || drv->ops->completed(drv) >= pending->tickets[i].ticket)
			continue;
		log_alarm("%s: an invalidation did not complete within %u ms (%s stands still); "
			  "closing the unit: every device behind it is cut off",
			  drv->name, (unsigned)(RELEASE_DEADLINE_NS / 1000000),
			  drv->wait_register);
		drv->ops->close(drv);
	}
}

static void finish(struct daemon *d, struct pending *pending, int status)
{
	if (pending->is_waiting) {
		list_remove(&pending->node);
		pending->is_waiting = false;
	}
	pending->done(d, pending, status < 0 ? status : 0);
}

void pending_wait(struct daemon *d, struct pending *pending)
{
	int result = look(pending);
	uint64_t start;

	if (result != 0) {
		finish(d, pending, result);
		return;
	}
	start = hw_now_ns(&d->machine->hw);
	do {
		result = look(pending);
		if (result != 0) {
			finish(d, pending, result);
			return;
		}
	} while (hw_now_ns(&d->machine->hw) - start < SPIN_NS);
	pending->deadline_ns = start + RELEASE_DEADLINE_NS;
	pending->is_waiting = true;
	list_add_tail(&d->pendings, &pending->node);
}

bool pendings_tick(struct daemon *d)
{
	uint64_t now = hw_now_ns(&d->machine->hw);
	struct list round, *pos;
	struct pending *pending;
	int result;

	/* done() may end other waits: take one at a time from a list of this round. */
	list_init(&round);
	while (!list_is_empty(&d->pendings)) {
		pos = d->pendings.next;
		list_remove(pos);
		list_add_tail(&round, pos);
	}
	while (!list_is_empty(&round)) {
		pos = round.next;
		list_remove(pos);
		list_add_tail(&d->pendings, pos);
		pending = list_entry(pos, struct pending, node);
		result = look(pending);
		if (result == 0 && now >= pending->deadline_ns) {
			close_late_units(pending);
			result = look(pending);
		}
		if (result != 0)
			finish(d, pending, result);
	}
	return !list_is_empty(&d->pendings);
}
