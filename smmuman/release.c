// SPDX-License-Identifier: BSD-2-Clause
/*
 * Between two owners (promise C9): a device is closed, its bus mastering is off,
 * and it is brought to rest by the step the policy names. Blocking alone is not
 * enough: a transfer that was started for one owner would land at the same
 * address in the next one's buffer. What cannot be brought to rest is quarantined.
 */
#include "release.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "device.h"
#include "group.h"
#include "log.h"
#include "pci.h"
#include "pending.h"

#define RESET_NS UINT64_C(100000000)	  /* PCIe 6.6.2: untouched after an FLR */
#define RESET_LIMIT_NS UINT64_C(2000000000)
#define POLL_LIMIT_NS UINT64_C(4000000000)
#define POLL_STEP_NS UINT64_C(2000000)

static uint64_t now_ns(struct daemon *d)
{
	return hw_now_ns(&d->machine->hw);
}

void device_close_windows(struct daemon *d, struct device *device)
{
	uint32_t i;

	for (i = 0; i < TOPOLOGY_BARS; i++) {
		if (!device->has_window[i])
			continue;
		d->machine->ops->window_close(d->machine, &device->windows[i]);
		device->has_window[i] = false;
	}
}

int device_open_window(struct daemon *d, struct device *device, uint32_t bar, struct error *err)
{
	const struct topology_window *found;
	int ret;

	if (bar >= TOPOLOGY_BARS || device->found->windows[bar].size == 0)
		return error_set(err, -ENOENT, "it has no memory BAR %" PRIu32, bar);
	if (device->has_window[bar])
		return 0;
	found = &device->found->windows[bar];
	ret = d->machine->ops->window_open(d->machine, found->base, found->size,
					   &device->windows[bar], err);
	if (ret == 0)
		device->has_window[bar] = true;
	return ret;
}

/* Refused without a record from now on, until somebody says release. */
static void silence(struct daemon *d, struct device *device)
{
	struct drv_unit *drv = device->unit->drv;
	struct drv_gather gather = { 0 };

	device_shut_streams(d, device, DRV_SILENT, &gather);
	drv->ops->submit(drv, &gather);
}

static void release_stop(struct daemon *d, struct device *device)
{
	if (device->step == RELEASE_IDLE)
		return;
	device->step = RELEASE_IDLE;
	list_remove(&device->releasing);
	device_close_windows(d, device);
}

static void quarantine_one(struct daemon *d, struct device *device, const char *why)
{
	struct drv_gather gather = { 0 };
	char name[DEVNAME_MAX];

	devname_format(&device->found->name, name);
	snprintf(device->note, sizeof(device->note), "%s", why);
	release_stop(d, device);
	if (device_state(d, device) == WIRE_DEVICE_ATTACHED ||
	    device_state(d, device) == WIRE_DEVICE_STATIC)
		device_unbind(d, device, &gather);
	silence(d, device);
	device_set_state(d, device, WIRE_DEVICE_QUARANTINED);
	log_error("%s is in quarantine: %s ('smmuctl release %s' when it is mended)", name, why, name);
}

/* The streams of a group are shut for all: who has one of the others loses it too. */
void device_quarantine(struct daemon *d, struct device *device, const char *why)
{
	char name[DEVNAME_MAX], whole[sizeof(device->note)];
	struct device *member;

	devname_format(&device->found->name, name);
	snprintf(whole, sizeof(whole), "it cannot be told apart from %s, which is in quarantine",
		 name);
	for (member = group_first(d, device); member; member = group_next(d, member))
		if (member != device && member->domain != BOOK_NONE)
			quarantine_one(d, member, whole);
	quarantine_one(d, device, why);
}

__attribute__((format(printf, 3, 4))) static void give_up(struct daemon *d,
							  struct device *device,
							  const char *format, ...)
{
	char why[160];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	device_quarantine(d, device, why);
}

static void release_done(struct daemon *d, struct device *device)
{
	release_stop(d, device);
	device_set_state(d, device, WIRE_DEVICE_CLOSED);
}

static void start_reset(struct daemon *d, struct device *device)
{
	struct error err = { 0 };

	if (!device->found->config || pci_start_reset(d->machine, device->found, &err) < 0) {
		give_up(d, device, "it has no reset of its own and the policy names no quiesce step "
			"for it%s%s", err.text[0] ? ": " : "", err.text);
		return;
	}
	device->step = RELEASE_RESET;
	device->step_next_ns = now_ns(d) + RESET_NS;
	device->step_until_ns = now_ns(d) + RESET_LIMIT_NS;
}

static void start_poll(struct daemon *d, struct device *device)
{
	struct error err = { 0 };

	if (device->found->config)
		pci_start_memory(d->machine, device->found);
	if (device_open_window(d, device, device->policy->quiesce.bar, &err) < 0) {
		give_up(d, device, "its quiesce step cannot be carried out: %s", err.text);
		return;
	}
	device->step = RELEASE_POLL;
	device->step_next_ns = 0;
	device->step_until_ns = now_ns(d) + POLL_LIMIT_NS;
}

/* The unit has forgotten the last owner's translations: now the device itself. */
static void closing_done(struct daemon *d, struct pending *pending, int status)
{
	struct device *device = list_entry(pending, struct device, release);

	if (device->step != RELEASE_CLOSING)
		return;
	if (status < 0)
		give_up(d, device, "its unit %s did not confirm that it is closed",
			device->unit->drv->name);
	else if (!device->policy)
		release_done(d, device); /* nobody can ever attach it */
	else if (device->policy->quiesce.kind == QUIESCE_RESET)
		start_reset(d, device);
	else
		start_poll(d, device);
}

void release_begin(struct daemon *d, struct device *device, struct drv_gather *gather)
{
	device_set_state(d, device, WIRE_DEVICE_RELEASING);
	device->note[0] = '\0';
	device->step = RELEASE_CLOSING;
	list_add_tail(&d->releasing, &device->releasing);
	pending_begin(&device->release, closing_done);
	pending_submit(&device->release, device->unit, gather);
	pending_wait(d, &device->release);
}

static void poll_tick(struct daemon *d, struct device *device, uint64_t now)
{
	const struct policy_quiesce *quiesce = &device->policy->quiesce;
	uint32_t value = UINT32_MAX;
	int ret;

	ret = d->machine->ops->window_read32(d->machine, &device->windows[quiesce->bar],
					     quiesce->offset, &value);
	if (ret == 0 && value != UINT32_MAX && (value & quiesce->mask) == quiesce->value) {
		release_done(d, device);
		return;
	}
	device->step_next_ns = now + POLL_STEP_NS;
	if (now >= device->step_until_ns)
		give_up(d, device, "register 0x%" PRIx32 " of BAR %" PRIu32 " reads 0x%" PRIx32
			", not 0x%" PRIx32 " under mask 0x%" PRIx32 " as its quiesce step wants",
			quiesce->offset, quiesce->bar, value, quiesce->value, quiesce->mask);
}

static void reset_tick(struct daemon *d, struct device *device, uint64_t now)
{
	if (pci_reset_is_done(d->machine, device->found))
		release_done(d, device);
	else if (now >= device->step_until_ns)
		give_up(d, device, "it does not answer after its reset");
	else
		device->step_next_ns = now + POLL_STEP_NS;
}

bool releases_tick(struct daemon *d)
{
	uint64_t now = now_ns(d);
	struct list *pos, *after;
	struct device *device;

	list_for_each_safe(pos, after, &d->releasing) {
		device = list_entry(pos, struct device, releasing);
		if (now < device->step_next_ns)
			continue;
		if (device->step == RELEASE_POLL)
			poll_tick(d, device, now);
		else if (device->step == RELEASE_RESET)
			reset_tick(d, device, now);
	}
	return !list_is_empty(&d->releasing);
}
