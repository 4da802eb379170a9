// SPDX-License-Identifier: BSD-2-Clause
#include "group.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "device.h"

#define NAMED_MAX 3u /* of a group, in one sentence */

static struct device *member_from(struct daemon *d, const struct device *device, uint32_t number)
{
	for (; number < d->device_count; number++)
		if (d->devices[number].found->group == device->found->group)
			return &d->devices[number];
	return NULL;
}

struct device *group_first(struct daemon *d, const struct device *device)
{
	return member_from(d, device, device->found->group);
}

struct device *group_next(struct daemon *d, const struct device *member)
{
	return member_from(d, member, member->number + 1);
}

bool device_has_stream(const struct device *device, uint32_t stream)
{
	uint32_t i;

	for (i = 0; i < device->found->stream_count; i++)
		if (device->found->streams[i] == stream)
			return true;
	return false;
}

bool group_holds(struct daemon *d, const struct device *device, uint32_t stream)
{
	const struct device *member;

	if (device->group_size == 1)
		return false;
	for (member = group_first(d, device); member; member = group_next(d, member))
		if (member != device && member->is_bound && device_has_stream(member, stream))
			return true;
	return false;
}

uint32_t group_domain(struct daemon *d, const struct device *device)
{
	const struct device *member;

	for (member = group_first(d, device); member; member = group_next(d, member))
		if (member->domain != BOOK_NONE)
			return member->domain;
	return BOOK_NONE;
}

/* --- may one client have them all? ---------------------------------------------------- */

/* Names the members that the client's rule does not let it attach. */
static int refuse_by_policy(struct daemon *d, struct device *device, const struct conn *conn,
			    struct error *err)
{
	char name[DEVNAME_MAX], missing[160] = "";
	struct device *member;
	uint32_t count = 0;
	size_t used = 0;

	for (member = group_first(d, device); member; member = group_next(d, member)) {
		if (member == device || device_may_attach(d, member, conn, NULL) == 0)
			continue;
		devname_format(&member->found->name, name);
		if (count++ < NAMED_MAX && used < sizeof(missing))
			used += (size_t)snprintf(missing + used, sizeof(missing) - used, "%s%s",
						 used ? ", " : "", name);
	}
	if (count == 0)
		return 0;
	if (count > NAMED_MAX && used < sizeof(missing))
		snprintf(missing + used, sizeof(missing) - used, " and %" PRIu32 " more",
			 count - NAMED_MAX);
	devname_format(&device->found->name, name);
	return error_set(err, -EACCES, "%s cannot be told apart from %s: add %s to devices: and to "
			 "attach: of '%s' (line %" PRIu32 " of the policy)", name, missing,
			 count == 1 ? "it" : "them", conn->rule->name, conn->rule->line);
}

static int refuse_by_state(struct daemon *d, const struct device *device,
			   const struct device *member, const struct conn *conn,
			   struct error *err)
{
	char name[DEVNAME_MAX], other[DEVNAME_MAX];

	devname_format(&device->found->name, name);
	devname_format(&member->found->name, other);
	if (member->conn == conn)
		return error_set(err, -EBUSY, "%s cannot be told apart from %s: attach it to the same "
				 "domain (0x%" PRIx32 ")", name, other,
				 books_domain_handle(&d->books, member->domain));
	device_refuse_state(d, member, other, err);
	return error_prefix(err, "%s cannot be told apart from another", name);
}

int group_refuse(struct daemon *d, struct device *device, const struct conn *conn,
		 uint32_t domain, struct error *err)
{
	uint32_t owner = group_domain(d, device);
	const struct device *member;
	uint32_t state;
	int ret;

	if (device->group_size == 1)
		return 0;
	ret = refuse_by_policy(d, device, conn, err);
	if (ret < 0)
		return ret;
	for (member = group_first(d, device); member; member = group_next(d, member)) {
		state = device_state(d, member);
		/* What leaves the domain that it would enter disturbs nobody else. */
		if (member == device || state == WIRE_DEVICE_CLOSED || member->domain == domain ||
		    (state == WIRE_DEVICE_RELEASING && owner == domain))
			continue;
		return refuse_by_state(d, device, member, conn, err);
	}
	return 0;
}

static bool stays_with_host(const struct device *device)
{
	return device->policy && device->policy->host_identity;
}

int group_check_host(struct daemon *d, struct error *err)
{
	char name[DEVNAME_MAX], other[DEVNAME_MAX];
	const struct device *member;
	struct device *device;
	uint32_t i;

	for (i = 0; i < d->device_count; i++) {
		device = &d->devices[i];
		if (device->group_size == 1 || !stays_with_host(device))
			continue;
		for (member = group_first(d, device); member; member = group_next(d, member)) {
			if (stays_with_host(member))
				continue;
			devname_format(&device->found->name, name);
			devname_format(&member->found->name, other);
			return error_set(err, -EINVAL, "%s (%s:%" PRIu32 ", host: identity) cannot be "
					 "told apart from %s: say host: identity of both, or of none",
					 name, d->policy->file, device->policy->line, other);
		}
	}
	return 0;
}

/* --- whose fault was it? ---------------------------------------------------------------- */

const struct owner *group_owner_at(struct daemon *d, const struct device *device,
				   uint32_t stream, uint64_t sequence)
{
	const struct owner *owner = device_owner_at(device, sequence);
	const struct device *member;

	if (device->group_size == 1)
		return owner;
	for (member = group_first(d, device); member; member = group_next(d, member)) {
		if (owner->client || owner->domain)
			break;
		if (device_has_stream(member, stream))
			owner = device_owner_at(member, sequence);
	}
	return owner;
}

void group_words(struct daemon *d, const struct device *device, uint32_t stream, char *text,
		 size_t size)
{
	const struct device *member;
	char name[DEVNAME_MAX];
	uint32_t count = 0;
	size_t used = 0;

	text[0] = '\0';
	if (device->group_size == 1)
		return;
	for (member = group_first(d, device); member; member = group_next(d, member)) {
		if (!device_has_stream(member, stream))
			continue;
		devname_format(&member->found->name, name);
		if (count++ < NAMED_MAX && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s",
						 used ? ", " : "one of ", name);
	}
	if (count == 1)
		text[0] = '\0';
	else if (count > NAMED_MAX && used < size)
		snprintf(text + used, size - used, " and %" PRIu32 " more", count - NAMED_MAX);
}
