// SPDX-License-Identifier: BSD-2-Clause
/* Which grant an access just missed, in one sentence a driver's author can use. */
#include "daemon.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arith.h"
#include "faults.h"
#include "grants.h"
#include "group.h"
#include "reserved.h"

static const char *rights_word(unsigned rights)
{
	static const char *const words[] = { "nothing", "r", "w", "rw", "x", "rx", "wx", "rwx" };

	return words[rights & RIGHT_ALL];
}

/* The address lies in a live grant: wrong right, or granted a moment too late. */
static void note_covered(const struct book_grant *grant, unsigned access, char *text, size_t size)
{
	if (access && !(grant->rights & access))
		snprintf(text, size, "the grant at 0x%" PRIx64 " + 0x%" PRIx64 " allows %s only",
			 grant->iova, grant->length, rights_word(grant->rights));
	else
		snprintf(text, size, "granted since: 0x%" PRIx64 " + 0x%" PRIx64 " %s was not there yet",
			 grant->iova, grant->length, rights_word(grant->rights));
}

static void note_past(const struct book_past *past, bool was_mapped, char *text, size_t size)
{
	uint64_t ago = (clock_real_ns() - past->until_ns) / 1000000;

	/* Refused for its kind: the grant was still there when it happened. */
	if (was_mapped) {
		snprintf(text, size, "the grant at 0x%" PRIx64 " + 0x%" PRIx64
			 " allowed %s only; it was revoked since", past->iova, past->length,
			 rights_word(past->rights));
		return;
	}
	snprintf(text, size, "use after unmap: 0x%" PRIx64 " + 0x%" PRIx64 " %s was revoked %" PRIu64
		 " ms before", past->iova, past->length, rights_word(past->rights), ago);
}

/* The live grants around the address: which is nearer, and by how much. */
static void note_nearest(const struct daemon *d, uint32_t domain, uint64_t address, char *text,
			 size_t size)
{
	uint32_t below = grants_at_or_below(&d->books, domain, address);
	uint32_t above = grants_above(&d->books, domain, address);
	const struct book_grant *low = &d->books.grants[below];
	const struct book_grant *high = &d->books.grants[above];
	uint64_t under = below ? address - range_last(low->iova, low->length) : UINT64_MAX;
	uint64_t over = above ? high->iova - address : UINT64_MAX;

	if (!below && !above)
		snprintf(text, size, "the domain has no grant at all");
	else if (under <= over)
		snprintf(text, size, "0x%" PRIx64 " past the end of the grant at 0x%" PRIx64 " + 0x%"
			 PRIx64 " %s", under, low->iova, low->length, rights_word(low->rights));
	else
		snprintf(text, size, "0x%" PRIx64 " before the grant at 0x%" PRIx64 " + 0x%" PRIx64
			 " %s", over, high->iova, high->length, rights_word(high->rights));
}

static const struct device_reserved *find_reserved(const struct device *device, uint64_t address)
{
	uint32_t i;

	for (i = 0; device && i < device->reserved_count; i++)
		if (range_within(address, 1, device->reserved[i].iova,
				 device->reserved[i].length))
			return &device->reserved[i];
	return NULL;
}

/* The last one to own it, or one of its group. */
static const struct owner *last_owner(struct daemon *d, const struct device *device)
{
	const struct device *member;

	for (member = group_first(d, device); member; member = group_next(d, member))
		if (member->owner.client)
			return &member->owner;
	return NULL;
}

static void note_grants(struct daemon *d, const struct device *device, const struct owner *owner,
			const struct drv_fault *fault, char *text, size_t size)
{
	const struct device_reserved *reserved = find_reserved(device, fault->address);
	uint64_t address = fault->address;
	unsigned access = fault->access;
	uint32_t domain = books_domain_index(&d->books, owner->domain);
	const struct book_past *past;
	uint32_t at;

	if (reserved) {
		snprintf(text, size, "0x%" PRIx64 " + 0x%" PRIx64 " cannot be granted: %s",
			 reserved->iova, reserved->length, reserved_reason(reserved->kind));
		return;
	}
	if (domain != BOOK_NONE) {
		at = grants_overlap(&d->books, domain, address, 1);
		if (at != BOOK_NONE) {
			note_covered(&d->books.grants[at], access, text, size);
			return;
		}
	}
	past = books_find_past(&d->books, owner->domain, address);
	if (past)
		note_past(past, fault->kind == DRV_FAULT_PERMISSION, text, size);
	else if (domain == BOOK_NONE)
		snprintf(text, size, "its domain is gone");
	else
		note_nearest(d, domain, address, text, size);
}

static void note_nobody(struct daemon *d, const struct device *device, char *text, size_t size)
{
	const struct owner *last = device ? last_owner(d, device) : NULL;

	if (last)
		snprintf(text, size, "nobody has it attached; '%s' (pid %" PRId32 ") had it last",
			 last->rule, last->pid);
	else
		snprintf(text, size, "nobody has it attached");
}

void fault_note(struct daemon *d, const struct device *device, const struct owner *owner,
		const struct drv_fault *fault, char *text, size_t size)
{
	size_t used;

	text[0] = '\0';
	if (device && fault->has_stream)
		group_words(d, device, fault->stream, text, size);
	used = strlen(text);
	if (used > 0 && used + 2 < size)
		used += (size_t)snprintf(text + used, size - used, "; ");
	if (!owner->client && owner->domain == 0)
		note_nobody(d, device, text + used, size - used);
	else
		note_grants(d, device, owner, fault, text + used, size - used);
}
