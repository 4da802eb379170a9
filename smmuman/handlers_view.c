// SPDX-License-Identifier: BSD-2-Clause
/* Messages that look and change nothing: status, lists, explain. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "device.h"
#include "domain.h"
#include "faults.h"
#include "handlers.h"
#include "log.h"

static void count_devices(const struct daemon *d, struct wire_status *reply)
{
	const struct device *device;
	uint32_t state, i;

	reply->devices = d->device_count;
	for (i = 0; i < d->device_count; i++) {
		device = &d->devices[i];
		state = device_state(d, device);
		reply->devices_quarantined += state == WIRE_DEVICE_QUARANTINED;
		reply->devices_host += state == WIRE_DEVICE_HOST;
		reply->devices_uncovered += device->is_uncovered;
		reply->devices_unsafe += device_unsafe(device) == WIRE_UNSAFE_ALLOWED &&
					 (state == WIRE_DEVICE_ATTACHED ||
					  state == WIRE_DEVICE_STATIC);
	}
}

static void count_units(const struct daemon *d, struct wire_status *reply)
{
	uint32_t i;

	reply->units = d->unit_count;
	for (i = 0; i < d->unit_count; i++) {
		reply->units_closed += d->units[i].drv->is_closed;
		reply->table_bytes += d->units[i].drv->counts.table_pages * PAGE_BYTES;
	}
}

/* What the fullest arena still has: the one that runs out first. */
static uint64_t arena_free(const struct daemon *d)
{
	uint64_t least = UINT64_MAX;
	uint32_t i;

	for (i = 0; i < machine_part_count(d->machine); i++)
		least = min_u64(least, pages_free_count(&d->pages[i]) * PAGE_BYTES);
	return least;
}

int handle_status(struct call *call)
{
	struct wire_status *reply = call->reply;
	const struct books_header *books = call->d->books.header;
	struct daemon *d = call->d;

	faults_drain(d, 1024);
	snprintf(reply->program, sizeof(reply->program), "smmuman %s", SMMUMAN_VERSION);
	snprintf(reply->policy, sizeof(reply->policy), "%s", d->policy->file);
	snprintf(reply->board, sizeof(reply->board), "%s", d->machine->words);
	reply->started_real_ns = d->started_real_ns;
	reply->now_real_ns = clock_real_ns();
	faults_totals(d, &reply->faults, &reply->fault_records, &reply->fault_losses);
	reply->requests = d->counters.requests;
	reply->refusals = d->counters.refusals;
	reply->malformed = d->counters.malformed;
	reply->pinned_forever_bytes = d->counters.pinned_forever;
	reply->arena_free_bytes = arena_free(d);
	reply->log_lost = log_lost_total();
	count_units(d, reply);
	count_devices(d, reply);
	reply->clients = books->client_count;
	reply->domains = books->domain_count;
	reply->memories = books->memory_count;
	reply->grants = books->grant_count;
	return 0;
}

static void view_unit(const struct unit *unit, struct wire_unit *view)
{
	const struct drv_unit *drv = unit->drv;

	snprintf(view->name, sizeof(view->name), "%s", drv->name);
	snprintf(view->module, sizeof(view->module), "%s", drv->module->name);
	snprintf(view->words, sizeof(view->words), "%s", drv->caps.words);
	view->base = machine_untag(unit->found->base);
	view->commands = drv->counts.commands;
	view->syncs = drv->counts.syncs;
	view->events = drv->counts.events;
	view->unknown_events = drv->counts.unknown_events;
	view->event_losses = drv->counts.event_losses;
	view->command_errors = drv->counts.command_errors;
	view->global_errors = drv->counts.global_errors;
	view->table_pages = drv->counts.table_pages;
	view->streams = drv->caps.stream_count;
	view->is_closed = drv->is_closed;
	view->unsafe_interrupts = drv->caps.unsafe_interrupts;
}

/* Where a list stands: the cursor is the index to look at next. */
struct listing {
	struct call *call;
	uint32_t at, end, count;
};

static struct listing list_begin(struct call *call, uint32_t first, uint32_t end)
{
	const struct wire_cursor *ask = call->body;
	struct listing listing = { .call = call, .at = first, .end = end };

	if (ask->cursor > first)
		listing.at = ask->cursor < end ? (uint32_t)ask->cursor : end;
	return listing;
}

static bool list_has_room(const struct listing *listing)
{
	return listing->at < listing->end && listing->count < listing->call->entry_room;
}

static int list_finish(const struct listing *listing)
{
	struct wire_list *reply = listing->call->reply;

	reply->count = listing->count;
	reply->next = listing->at < listing->end ? listing->at : 0;
	listing->call->reply_entries = listing->count;
	return 0;
}

int handle_list_units(struct call *call)
{
	struct listing listing = list_begin(call, 0, call->d->unit_count);
	struct wire_unit *views = call_reply_entries(call);

	for (; list_has_room(&listing); listing.at++) {
		memset(&views[listing.count], 0, sizeof(*views));
		view_unit(&call->d->units[listing.at], &views[listing.count++]);
	}
	return list_finish(&listing);
}

int handle_list_devices(struct call *call)
{
	struct listing listing = list_begin(call, 0, call->d->device_count);
	struct wire_device *views = call_reply_entries(call);

	for (; list_has_room(&listing); listing.at++)
		view_device(call->d, &call->d->devices[listing.at], &views[listing.count++]);
	return list_finish(&listing);
}

static void view_client(const struct daemon *d, const struct conn *conn, struct wire_client *view)
{
	uint32_t i;

	memset(view, 0, sizeof(*view));
	snprintf(view->rule, sizeof(view->rule), "%s", conn->self.rule);
	snprintf(view->exe, sizeof(view->exe), "%s", conn->exe);
	view->connected_real_ns = d->books.clients[conn->book].connected_ns;
	view->requests = conn->requests;
	view->memory_bytes = conn->memory_bytes;
	view->client = conn->self.client;
	view->uid = conn->uid;
	view->gid = conn->gid;
	view->pid = conn->pid;
	view->devices = conn->devices;
	view->domains = conn->domains;
	view->memories = conn->memories;
	view->grants = conn->grants;
	for (i = 1; i < d->books.header->domain_max; i++)
		if (d->books.domains[i].used &&
		    d->books.domains[i].client == conn->self.client)
			view->table_bytes += domain_table_bytes(d, i);
}

static struct conn *conn_of_book(struct daemon *d, uint32_t book)
{
	struct conn *conn;
	struct list *pos;

	list_for_each(pos, &d->conns) {
		conn = list_entry(pos, struct conn, node);
		if (conn->book == book)
			return conn;
	}
	return NULL;
}

int handle_list_clients(struct call *call)
{
	struct daemon *d = call->d;
	struct listing listing = list_begin(call, 1, d->books.header->client_max);
	struct wire_client *views = call_reply_entries(call);
	struct conn *conn;

	for (; list_has_room(&listing); listing.at++) {
		conn = d->books.clients[listing.at].used ? conn_of_book(d, listing.at) : NULL;
		if (conn)
			view_client(d, conn, &views[listing.count++]);
	}
	return list_finish(&listing);
}

static const char *client_rule(const struct daemon *d, uint32_t client)
{
	uint32_t i;

	for (i = 1; client && i < d->books.header->client_max; i++)
		if (d->books.clients[i].used && d->books.clients[i].id == client)
			return d->books.clients[i].rule;
	return client ? "" : "static";
}

int handle_list_domains(struct call *call)
{
	struct daemon *d = call->d;
	struct listing listing = list_begin(call, 1, d->books.header->domain_max);
	struct wire_domain *views = call_reply_entries(call);

	for (; list_has_room(&listing); listing.at++) {
		const struct book_domain *domain = &d->books.domains[listing.at];
		struct wire_domain *view = &views[listing.count];

		if (!domain->used)
			continue;
		memset(view, 0, sizeof(*view));
		view->domain = books_domain_handle(&d->books, listing.at);
		view->client = domain->client;
		view->devices = d->domains[listing.at].devices;
		view->grants = domain->grants;
		view->bytes = domain->bytes;
		snprintf(view->owner, sizeof(view->owner), "%s", client_rule(d, domain->client));
		listing.count++;
	}
	return list_finish(&listing);
}

static uint64_t grant_pa(const struct daemon *d, const struct book_grant *grant)
{
	const struct book_memory *memory = &d->books.memories[grant->memory];
	const struct extent *extent = books_extents(&d->books, memory);
	uint64_t offset = grant->offset;

	for (; offset >= extent->length; extent++)
		offset -= extent->length;
	return extent->pa.v + offset;
}

int handle_list_grants(struct call *call)
{
	struct daemon *d = call->d;
	struct listing listing = list_begin(call, 1, d->books.header->grant_max);
	struct wire_grant *views = call_reply_entries(call);

	for (; list_has_room(&listing); listing.at++) {
		const struct book_grant *grant = &d->books.grants[listing.at];
		struct wire_grant *view = &views[listing.count];

		if (grant->state != GRANT_LIVE)
			continue;
		*view = (struct wire_grant){
			.domain = books_domain_handle(&d->books, grant->domain),
			.client = d->books.domains[grant->domain].client,
			.memory = books_memory_handle(&d->books, grant->memory),
			.rights = grant->rights,
			.iova = grant->iova,
			.length = grant->length,
			.offset = grant->offset,
			.pa = grant_pa(d, grant),
			.since_real_ns = grant->since_ns,
		};
		listing.count++;
	}
	return list_finish(&listing);
}

int handle_explain(struct call *call)
{
	const struct wire_explain *ask = call->body;
	struct device *device = device_by_name(call->d, ask->name, call->err);

	if (!device)
		return call->err->code;
	if (ask->has_iova > 1)
		return error_set(call->err, -EINVAL, "has_iova is 0 or 1");
	faults_drain(call->d, 1024);
	explain_device(call->d, device, ask->has_iova, ask->iova, call->reply);
	return 0;
}
