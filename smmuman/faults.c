// SPDX-License-Identifier: BSD-2-Clause
/*
 * The fault log. Every record hardware delivers is counted for its device and
 * either becomes a record here or adds to the newest one of that device; every
 * loss hardware reports is a record of its own. The ring lies in the arena: a
 * daemon that follows a killed one still has it.
 */
#include "faults.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "arith.h"
#include "device.h"
#include "group.h"
#include "log.h"
#include "release.h"

#define LOG_MAGIC UINT64_C(0x31544c554146534d) /* "MSFAULT1" */
#define NEIGHBOUR_BYTES 64u  /* accesses this close are one transfer */
#define LINES_A_SECOND 10u

struct log_header {
	uint64_t magic;
	uint64_t record_bytes, record_max;
	uint64_t next; /* sequence of the next record, from 1 */
	uint64_t faults, losses;
};

struct fault_log {
	struct log_header *header;
	struct wire_fault *ring;
	uint64_t seen; /* records up to here were handed out: they do not grow any more */
};

_Static_assert(sizeof(struct log_header) <= sizeof(struct wire_fault), "the header takes one slot");

static struct wire_fault *record_at(const struct fault_log *log, uint64_t sequence)
{
	return &log->ring[sequence % log->header->record_max];
}

/* A log another daemon left: believed only as far as it makes sense. */
static bool is_kept(const struct log_header *header, uint32_t max)
{
	return header->magic == LOG_MAGIC && header->record_bytes == sizeof(struct wire_fault) &&
	       header->record_max == max && header->next >= 1 && header->next < UINT64_C(1) << 62;
}

static void end_string(char *text, size_t size)
{
	text[size - 1] = '\0';
}

/* Returns the largest client id among them: it must not be given out again. */
static uint32_t mend_records(struct fault_log *log)
{
	uint32_t newest_client = 0;
	uint64_t i;

	for (i = 0; i < log->header->record_max; i++) {
		struct wire_fault *record = &log->ring[i];

		end_string(record->unit, sizeof(record->unit));
		end_string(record->device, sizeof(record->device));
		end_string(record->owner, sizeof(record->owner));
		end_string(record->event, sizeof(record->event));
		end_string(record->reason, sizeof(record->reason));
		end_string(record->note, sizeof(record->note));
		memset(record->zero, 0, sizeof(record->zero));
		if (record->client > newest_client)
			newest_client = record->client;
	}
	return newest_client;
}

int faults_init(struct daemon *d)
{
	struct fault_log *log = calloc(1, sizeof(*log));
	uint32_t max = d->books.header->fault_max;

	if (!log)
		return -ENOMEM;
	log->header = d->books.faults;
	log->ring = (struct wire_fault *)d->books.faults + 1;
	if (is_kept(log->header, max)) {
		d->next_client_id = mend_records(log);
		log->seen = log->header->next - 1;
	} else {
		memset(log->header, 0, (max + UINT64_C(1)) * sizeof(struct wire_fault));
		*log->header = (struct log_header){ .record_bytes = sizeof(struct wire_fault),
						    .record_max = max,
						    .next = 1 };
		log->header->magic = LOG_MAGIC;
	}
	d->faults = log;
	return 0;
}

void faults_fini(struct daemon *d)
{
	free(d->faults);
	d->faults = NULL;
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

uint64_t clock_boot_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

uint64_t clock_real_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

static struct wire_fault *new_record(struct fault_log *log)
{
	struct wire_fault *record = record_at(log, log->header->next);

	memset(record, 0, sizeof(*record));
	record->sequence = log->header->next;
	record->boot_ns = clock_boot_ns();
	record->real_ns = clock_real_ns();
	record->count = 1;
	log->header->next++;
	return record;
}

/* Is this access the continuation of the device's newest record? */
static struct wire_fault *continued(struct fault_log *log, const struct device *device,
				    const struct owner *owner, const struct drv_fault *fault)
{
	struct wire_fault *last;

	if (!device || device->last_record <= log->seen ||
	    device->last_record + log->header->record_max <= log->header->next)
		return NULL;
	last = record_at(log, device->last_record);
	if (last->kind != fault->kind || last->code != fault->code ||
	    last->access != fault->access || last->client != owner->client ||
	    last->domain != owner->domain)
		return NULL;
	if (fault->has_address && fault->address - last->last_address > NEIGHBOUR_BYTES)
		return NULL;
	return last;
}

static void fill_record(struct wire_fault *record, const struct unit *unit,
			const struct device *device, const struct owner *owner,
			const struct drv_fault *fault)
{
	memcpy(record->words, fault->words, sizeof(record->words));
	record->address = record->last_address = fault->has_address ? fault->address : 0;
	record->stream = fault->stream;
	record->substream = fault->substream;
	record->code = fault->code;
	record->kind = fault->kind;
	record->access = fault->access;
	record->flags = (uint8_t)((fault->has_stream ? WIRE_FAULT_STREAM : 0) |
				  (fault->has_substream ? WIRE_FAULT_SUBSTREAM : 0) |
				  (fault->has_address ? WIRE_FAULT_ADDRESS : 0));
	record->client = owner->client;
	record->domain = owner->domain;
	record->uid = owner->uid;
	record->pid = owner->pid;
	snprintf(record->unit, sizeof(record->unit), "%s", unit->drv->name);
	snprintf(record->owner, sizeof(record->owner), "%s", owner->rule);
	snprintf(record->event, sizeof(record->event), "%s", fault->name);
	snprintf(record->reason, sizeof(record->reason), "%s", fault->reason);
	if (device)
		devname_format(&device->found->name, record->device);
}

static void talk(struct device *device, const struct wire_fault *record)
{
	uint64_t second = UINT64_C(1000000000);

	if (device && record->boot_ns - device->talk_start_ns >= second) {
		device->talk_start_ns = record->boot_ns;
		device->talk_count = 0;
	}
	if (device && ++device->talk_count > LINES_A_SECOND)
		return;
	log_warn("fault %" PRIu64 ": %s stream 0x%" PRIx32 " %s at 0x%" PRIx64 ": %s (%s); %s%s",
		 record->sequence, record->device[0] ? record->device : "unknown device",
		 record->stream,
		 record->access == RIGHT_WRITE  ? "write"
		 : record->access == RIGHT_READ ? "read"
						: "access",
		 record->address, record->reason, record->event, record->note,
		 device && device->talk_count == LINES_A_SECOND
			 ? " (more in this second are counted, not printed)"
			 : "");
}

static void count_storm(struct device *device, uint64_t now)
{
	const struct policy_storm *storm;

	if (!device->policy || device->policy->storm.period_ms == 0)
		return;
	storm = &device->policy->storm;
	if (now - device->storm_start_ns >= storm->period_ms * UINT64_C(1000000)) {
		device->storm_start_ns = now;
		device->storm_count = 0;
	}
	if (++device->storm_count > storm->budget && storm->quarantine)
		device->is_storming = true;
}

/* Whoever may have done it is under suspicion, each by the budget of its own. */
static void count_storms(struct daemon *d, const struct device *device, uint32_t stream)
{
	uint64_t now = clock_boot_ns();
	struct device *member;

	for (member = group_first(d, device); member; member = group_next(d, member))
		if (device_has_stream(member, stream))
			count_storm(member, now);
}

/* One notice that was not read yet says it all. */
static void wake(const struct conn *conn)
{
	uint64_t one = 1;
	int unread = 0;

	if (ioctl(conn->fault_fd, SIOCOUTQ, &unread) == 0 && unread > 0)
		return;
	if (send(conn->fault_fd, &one, sizeof(one), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_trace("client %" PRIu32 " does not read its fault descriptor", conn->self.client);
}

static void wake_owner(struct daemon *d, uint32_t client)
{
	struct conn *conn;
	struct list *pos;

	list_for_each(pos, &d->conns) {
		conn = list_entry(pos, struct conn, node);
		if (conn->self.client == client && conn->fault_fd >= 0)
			wake(conn);
	}
}

struct sink_context {
	struct daemon *d;
	struct unit *unit;
	bool is_salvage;
};

static void on_fault(void *opaque, const struct drv_fault *fault)
{
	static const struct owner nobody;
	struct sink_context *context = opaque;
	struct fault_log *log = context->d->faults;
	const struct owner *owner = &nobody;
	struct device *device = NULL;
	struct wire_fault *record;

	log->header->faults++;
	if (fault->has_stream)
		device = device_by_stream(context->d, context->unit, fault->stream);
	if (device) {
		owner = group_owner_at(context->d, device, fault->stream, fault->sequence);
		device->faults++;
		count_storms(context->d, device, fault->stream);
	}
	record = continued(log, device, owner, fault);
	if (record) {
		record->count++;
		record->last_address = fault->address;
		return;
	}
	record = new_record(log);
	fill_record(record, context->unit, device, owner, fault);
	if (context->is_salvage)
		snprintf(record->note, sizeof(record->note),
			 "recorded by the unit while no daemon was running");
	else if (fault->has_address)
		fault_note(context->d, device, owner, fault, record->note, sizeof(record->note));
	if (device)
		device->last_record = record->sequence;
	talk(device, record);
	if (owner->client)
		wake_owner(context->d, owner->client);
}

static void on_loss(void *opaque, uint64_t sequence, const char *why)
{
	struct sink_context *context = opaque;
	struct fault_log *log = context->d->faults;
	struct wire_fault *record = new_record(log);

	log->header->losses++;
	record->flags = WIRE_FAULT_LOSS;
	record->count = 0;
	snprintf(record->unit, sizeof(record->unit), "%s", context->unit->drv->name);
	snprintf(record->event, sizeof(record->event), "LOSS");
	snprintf(record->reason, sizeof(record->reason), "%s", why);
	snprintf(record->note, sizeof(record->note),
		 "the unit dropped records after its event %" PRIu64 "; how many, it does not tell",
		 sequence);
	log_error("%s: %s; faults after event %" PRIu64 " are lost", record->unit, why, sequence);
}

static void quarantine_storming(struct daemon *d)
{
	char why[160];
	uint32_t i;

	for (i = 0; i < d->device_count; i++) {
		struct device *device = &d->devices[i];

		if (!device->is_storming)
			continue;
		device->is_storming = false;
		device->storm_count = 0;
		if (device_state(d, device) == WIRE_DEVICE_QUARANTINED ||
		    device_state(d, device) == WIRE_DEVICE_HOST)
			continue;
		snprintf(why, sizeof(why), "more than %" PRIu32 " faults within %" PRIu32 " ms",
			 device->policy->storm.budget, device->policy->storm.period_ms);
		device_quarantine(d, device, why);
	}
}

void faults_salvage(struct daemon *d, struct unit *unit)
{
	struct sink_context context = { .d = d, .unit = unit, .is_salvage = true };
	struct drv_fault_sink sink = { .context = &context, .fault = on_fault, .loss = on_loss };

	unit->drv->ops->salvage(unit->drv, &sink);
}

bool faults_drain(struct daemon *d, unsigned budget)
{
	struct sink_context context = { .d = d };
	struct drv_fault_sink sink = { .context = &context, .fault = on_fault, .loss = on_loss };
	bool more = false;
	uint32_t i;

	for (i = 0; i < d->unit_count; i++) {
		context.unit = &d->units[i];
		if (!context.unit->drv || context.unit->drv->is_closed)
			continue;
		more |= context.unit->drv->ops->drain_faults(context.unit->drv, budget, &sink);
	}
	quarantine_storming(d);
	return more;
}

uint32_t faults_read(struct daemon *d, uint64_t after, uint32_t client, uint32_t max,
		     struct wire_fault *ret_records, uint64_t *ret_next, uint64_t *ret_lost)
{
	struct fault_log *log = d->faults;
	uint64_t next = log->header->next;
	uint64_t first = next > log->header->record_max ? next - log->header->record_max : 1;
	uint64_t sequence = min_u64(after, next - 1) + 1;
	const struct wire_fault *record;
	uint32_t count = 0;

	*ret_lost = 0;
	if (after < first - 1) {
		*ret_lost = first - 1 - after;
		sequence = first;
	}
	for (; sequence < next && count < max; sequence++) {
		record = record_at(log, sequence);
		if (client == 0 || record->client == client)
			ret_records[count++] = *record;
	}
	*ret_next = sequence - 1;
	if (count > 0)
		log->seen = max_u64(log->seen, ret_records[count - 1].sequence);
	return count;
}

void faults_totals(const struct daemon *d, uint64_t *ret_faults, uint64_t *ret_records,
		   uint64_t *ret_losses)
{
	*ret_faults = d->faults->header->faults;
	*ret_records = d->faults->header->next - 1;
	*ret_losses = d->faults->header->losses;
}
