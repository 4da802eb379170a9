// SPDX-License-Identifier: BSD-2-Clause
/*
 * The whole story of a device, and of one address it might use: how the unit
 * treats its stream, who may have it and who has, what the tables say level by
 * level, which grant is there or nearest, what would happen and what to do.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "device.h"
#include "faults.h"
#include "grants.h"
#include "group.h"
#include "handlers.h"

/* The device that the faults of its stream are told and counted under. */
static const struct device *fault_face(struct daemon *d, const struct device *device)
{
	if (device->group_size == 1 || !device->unit)
		return device;
	return device_by_stream(d, device->unit, device->found->stream);
}

void view_device(struct daemon *d, const struct device *device, struct wire_device *view)
{
	memset(view, 0, sizeof(*view));
	devname_format(&device->found->name, view->name);
	if (device->found->alias.kind != DEVNAME_NONE)
		devname_format(&device->found->alias, view->alias);
	if (device->policy)
		snprintf(view->policy, sizeof(view->policy), "%s", device->policy->name);
	if (device->unit)
		snprintf(view->unit, sizeof(view->unit), "%s", device->unit->drv->name);
	snprintf(view->note, sizeof(view->note), "%s", device->note);
	view->faults = fault_face(d, device)->faults;
	view->is_uncovered = device->is_uncovered;
	view->group_size = device->group_size;
	if (device->group_size > 1)
		devname_format(&group_first(d, device)->found->name, view->group);
	view->stream = device->found->stream;
	view->state = device_state(d, device);
	view->vendor = device->found->vendor;
	view->product = device->found->product;
	view->unsafe_interrupts = device_unsafe(device);
	if (view->state == WIRE_DEVICE_ATTACHED) {
		view->client = device->owner.client;
		view->domain = device->owner.domain;
		snprintf(view->owner, sizeof(view->owner), "%s", device->owner.rule);
	}
}

/* Who the policy lets attach it. */
static void tell_rule(const struct daemon *d, const struct device *device, char *text, size_t size)
{
	const struct policy_client *client;
	size_t used = 0;
	uint32_t i, k;

	if (!device->policy) {
		snprintf(text, size, "the policy does not mention it: nobody may attach it");
		return;
	}
	used = (size_t)snprintf(text, size, "'%s' (line %" PRIu32 "), may be attached by:",
				device->policy->name, device->policy->line);
	for (i = 0; i < d->policy->client_count; i++) {
		client = &d->policy->clients[i];
		for (k = 0; k < client->device_count && used < size; k++)
			if (&d->policy->devices[client->devices[k]] == device->policy)
				used += (size_t)snprintf(text + used, size - used,
							 " '%s' (line %" PRIu32 ")", client->name,
							 client->line);
	}
}

static void tell_walk(const struct drv_walk *walk, struct wire_explain_reply *reply)
{
	unsigned i;

	for (i = 0; i < walk->step_count && i < WIRE_WALK_MAX; i++) {
		reply->steps[i] = (struct wire_step){ .table_pa = walk->steps[i].table_pa,
						      .index = walk->steps[i].index,
						      .entry = walk->steps[i].entry,
						      .level = walk->steps[i].level,
						      .is_valid = walk->steps[i].is_valid };
	}
	reply->step_count = i;
	reply->is_mapped = walk->is_mapped;
	reply->pa = walk->pa;
	reply->rights = walk->rights;
}

static void tell_grant(struct daemon *d, const struct device *device, uint64_t iova,
		       struct wire_explain_reply *reply)
{
	uint32_t at = grants_overlap(&d->books, device->domain, iova, 1);
	const struct drv_fault question = { .address = iova, .has_address = true };
	const struct book_past *past;
	const struct book_grant *grant;

	if (at != BOOK_NONE) {
		grant = &d->books.grants[at];
		snprintf(reply->grant, sizeof(reply->grant),
			 "0x%" PRIx64 " + 0x%" PRIx64 " %s%s%s", grant->iova, grant->length,
			 grant->rights & RIGHT_READ ? "r" : "", grant->rights & RIGHT_WRITE ? "w" : "",
			 grant->rights & RIGHT_EXEC ? "x" : "");
	} else {
		fault_note(d, device, &device->owner, &question, reply->grant,
			   sizeof(reply->grant));
	}
	past = books_find_past(&d->books, device->owner.domain, iova);
	/* Without a live grant the sentence above has already told of it. */
	if (past && at != BOOK_NONE)
		snprintf(reply->past, sizeof(reply->past),
			 "0x%" PRIx64 " + 0x%" PRIx64 " was revoked %" PRIu64 " ms ago", past->iova,
			 past->length, (clock_real_ns() - past->until_ns) / 1000000);
}

static const char *address_advice(const struct daemon *d, const struct device *device,
				  uint64_t iova, bool is_mapped)
{
	if (is_mapped)
		return "nothing: if the device misbehaves there, look at the rights";
	if (books_find_past(&d->books, device->owner.domain, iova))
		return "the driver lets the device use memory it has already unmapped: stop the "
		       "device before smmu_unmap()";
	return "let its driver call smmu_map() for that range before it starts the transfer";
}

static void tell_attached(struct daemon *d, struct device *device, bool has_iova, uint64_t iova,
			  struct wire_explain_reply *reply)
{
	struct drv_space *space = d->domains[device->domain].spaces[unit_number(d, device->unit)];
	struct drv_walk walk = { 0 };

	if (!has_iova) {
		snprintf(reply->verdict, sizeof(reply->verdict),
			 "it reaches the %" PRIu32 " grants of its domain (%" PRIu64 " bytes) and nothing else",
			 d->books.domains[device->domain].grants,
			 d->books.domains[device->domain].bytes);
		snprintf(reply->advice, sizeof(reply->advice),
			 "give an address (smmuctl explain %s 0xIOVA) to see its table walk",
			 reply->device.name);
		return;
	}
	space->unit->ops->walk(space, IOVA(iova), &walk);
	tell_walk(&walk, reply);
	tell_grant(d, device, iova, reply);
	if (walk.is_mapped)
		snprintf(reply->verdict, sizeof(reply->verdict),
			 "an access of kind %s%s%s there reaches 0x%" PRIx64 "; any other is refused",
			 walk.rights & RIGHT_READ ? "r" : "", walk.rights & RIGHT_WRITE ? "w" : "",
			 walk.rights & RIGHT_EXEC ? "x" : "", walk.pa);
	else
		snprintf(reply->verdict, sizeof(reply->verdict),
			 "refused and recorded: nothing is granted at that address");
	snprintf(reply->advice, sizeof(reply->advice), "%s",
		 address_advice(d, device, iova, walk.is_mapped));
}

static void tell_reserved(const struct device *device, struct wire_explain_reply *reply)
{
	uint32_t i;

	for (i = 0; i < device->reserved_count; i++)
		reply->reserved[i] = (struct wire_explain_reserved){
			.start = device->reserved[i].iova,
			.length = device->reserved[i].length,
			.kind = device->reserved[i].kind,
			.of_group = device->reserved[i].device != device->number,
		};
	reply->reserved_count = i;
}

static const char *state_verdict(const struct device *device, uint32_t state)
{
	if (device->is_uncovered)
		return "nothing stands between it and memory: no IOMMU covers it, and all that keeps "
		       "it off is that its bus mastering was switched off";
	switch ((enum wire_device_state)state) {
	case WIRE_DEVICE_CLOSED:
		return "every access is refused and recorded: nobody has it attached";
	case WIRE_DEVICE_RELEASING:
		return "every access is refused and recorded: it is being brought to rest";
	case WIRE_DEVICE_QUARANTINED:
		return "every access is refused, without a record: it is in quarantine";
	case WIRE_DEVICE_HOST:
		return "it reaches all of the machine's memory but the daemon's own: it stays with "
		       "the host";
	case WIRE_DEVICE_UNUSABLE:
		return "every access is refused: it can never be attached";
	case WIRE_DEVICE_ATTACHED:
	case WIRE_DEVICE_STATIC:
		break;
	}
	return "";
}

static const char *state_advice(const struct device *device, uint32_t state)
{
	if (state == WIRE_DEVICE_QUARANTINED)
		return "mend what the note says, then: smmuctl release DEVICE";
	if (device->is_uncovered)
		return "let no driver have it, or put it behind an IOMMU";
	if (state == WIRE_DEVICE_CLOSED && device_unsafe(device) == WIRE_UNSAFE_REFUSED &&
	    device->policy)
		return "to let it be attached although it could then raise any interrupt of the "
		       "machine, write 'unsafe_interrupts: allow' at its entry of the policy";
	if (state == WIRE_DEVICE_CLOSED && !device->policy)
		return "to let somebody have it, add it to devices: and to an attach: list of the policy";
	if (state == WIRE_DEVICE_CLOSED)
		return "start its driver: it attaches the device and asks for grants";
	if (state == WIRE_DEVICE_RELEASING)
		return "wait; if it never comes to rest it goes into quarantine";
	return "nothing";
}

void explain_device(struct daemon *d, struct device *device, bool has_iova, uint64_t iova,
		    struct wire_explain_reply *reply)
{
	struct drv_unit *drv = device->unit ? device->unit->drv : NULL;
	uint32_t state = device_state(d, device);

	view_device(d, device, &reply->device);
	tell_rule(d, device, reply->rule, sizeof(reply->rule));
	tell_reserved(device, reply);
	if (drv)
		drv->ops->describe_stream(drv, device->found->stream, reply->stream_entry,
					  sizeof(reply->stream_entry));
	if (drv && drv->is_closed) {
		snprintf(reply->verdict, sizeof(reply->verdict),
			 "every access is refused: unit %s was closed after a failure", drv->name);
		snprintf(reply->advice, sizeof(reply->advice), "see the daemon's log, then restart it");
	} else if (state == WIRE_DEVICE_ATTACHED || state == WIRE_DEVICE_STATIC) {
		tell_attached(d, device, has_iova, iova, reply);
	} else {
		snprintf(reply->verdict, sizeof(reply->verdict), "%s", state_verdict(device, state));
		snprintf(reply->advice, sizeof(reply->advice), "%s", state_advice(device, state));
	}
}
