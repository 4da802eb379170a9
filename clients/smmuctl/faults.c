// SPDX-License-Identifier: BSD-2-Clause
/* What was refused: the log as it stands, then, if wanted, as it grows. */
#include "faults.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "devname.h"
#include "json.h"
#include "smmu-admin.h"
#include "text.h"
#include "times.h"

#define FOLLOW_MS 100
#define INDENT 7u

/* --- keeping ---------------------------------------------------------------------- */

static int keep_grow(struct faults_kept *kept)
{
	size_t room = kept->room ? 2 * kept->room : 64;
	struct wire_fault *records;

	if (room > kept->limit)
		room = kept->limit;
	records = reallocarray(kept->records, room, sizeof(*records));
	if (!records)
		return -ENOMEM;
	kept->records = records;
	kept->room = room;
	return 0;
}

/* A fault of a shared stream is told under the name of one of those who share it. */
static bool is_of(const struct faults_kept *kept, const struct wire_fault *fault)
{
	const struct wire_device *shared = kept->shared;

	if (strcmp(fault->device, kept->device) == 0)
		return true;
	return shared && (fault->flags & WIRE_FAULT_STREAM) && fault->stream == shared->stream &&
	       strcmp(fault->unit, shared->unit) == 0;
}

int faults_keep(const void *entry, void *argument)
{
	const struct wire_fault *fault = entry;
	struct faults_kept *kept = argument;
	int rc;

	/* A loss may have taken anybody's: it passes every filter. */
	if (kept->device && !(fault->flags & WIRE_FAULT_LOSS) && !is_of(kept, fault))
		return 0;
	if (kept->limit == 0)
		return 0;
	if (kept->count == kept->limit) {
		kept->records[kept->first] = *fault;
		kept->first = (kept->first + 1) % kept->count;
		return 0;
	}
	if (kept->count == kept->room) {
		rc = keep_grow(kept);
		if (rc)
			return rc;
	}
	kept->records[kept->count++] = *fault;
	return 0;
}

const struct wire_fault *faults_kept_at(const struct faults_kept *kept, size_t i)
{
	return &kept->records[(kept->first + i) % kept->count];
}

void faults_kept_fini(struct faults_kept *kept)
{
	free(kept->records);
	kept->records = NULL;
	kept->count = kept->first = kept->room = 0;
}

/* --- one record for people ---------------------------------------------------------- */

char *faults_where(char to[FAULTS_WHERE_MAX], const struct wire_fault *fault)
{
	int used = snprintf(to, FAULTS_WHERE_MAX, "-");

	if (fault->flags & WIRE_FAULT_ADDRESS)
		used = snprintf(to, FAULTS_WHERE_MAX, "0x%" PRIx64, fault->address);
	if ((fault->flags & WIRE_FAULT_ADDRESS) && fault->last_address != fault->address)
		used += snprintf(to + used, FAULTS_WHERE_MAX - (size_t)used, "..0x%" PRIx64,
				 fault->last_address);
	if (fault->count > 1)
		snprintf(to + used, FAULTS_WHERE_MAX - (size_t)used, " x%" PRIu64, fault->count);
	return to;
}

static void print_owner(const struct ctl *ctl, const struct wire_fault *fault)
{
	char words[96], shown[96];

	if (fault->client)
		snprintf(words, sizeof(words), "%s (pid %" PRId32 ")", fault->owner, fault->pid);
	else
		snprintf(words, sizeof(words), "%s", fault->domain ? "static" : "nobody");
	fprintf(ctl->out, "%-24s  ", text_clean(shown, sizeof(shown), words));
}

/* The clean sentence "reason; note" below the record's line. */
static void print_reason(const struct ctl *ctl, const struct wire_fault *fault)
{
	char words[320], shown[1300];

	snprintf(words, sizeof(words), "%s%s%s", fault->reason, fault->note[0] ? "; " : "",
		 fault->note);
	fprintf(ctl->out, "%*s", (int)INDENT, "");
	text_wrap(ctl->out, INDENT, INDENT, text_clean(shown, sizeof(shown), words));
}

static void print_loss(const struct ctl *ctl, const struct wire_fault *fault, const char *time)
{
	char words[420], shown[1700];

	snprintf(words, sizeof(words), "%s LOST RECORDS: %s; %s", fault->unit, fault->reason,
		 fault->note);
	fprintf(ctl->out, "%s%5" PRIu64 "  %s  ", ctl_red(ctl), fault->sequence, time);
	text_wrap(ctl->out, INDENT + 14, INDENT, text_clean(shown, sizeof(shown), words));
	fputs(ctl_plain(ctl), ctl->out);
}

struct printing {
	struct ctl *ctl;
	char day[TIMES_MAX]; /* of the last record printed */
};

static void print_record(struct printing *printing, const struct wire_fault *fault)
{
	const struct ctl *ctl = printing->ctl;
	char day[TIMES_MAX], time[TIMES_MAX], where[FAULTS_WHERE_MAX], name[4 * WIRE_NAME];

	times_day(day, fault->real_ns);
	if (!printing->day[0])
		fprintf(ctl->out, "%5s  %-12s  %-17s  %-24s  %-7s  %s\n", "SEQ", "TIME", "DEVICE",
			"CLIENT", "ACCESS", "ADDRESS");
	if (strcmp(day, printing->day) != 0)
		fprintf(ctl->out, "%s\n", day);
	memcpy(printing->day, day, sizeof(day));
	times_clock(time, fault->real_ns);
	if (fault->flags & WIRE_FAULT_LOSS) {
		print_loss(ctl, fault, time);
		return;
	}
	fprintf(ctl->out, "%5" PRIu64 "  %s  %-17s  ", fault->sequence, time,
		fault->device[0] ? text_clean(name, sizeof(name), fault->device) : "unknown");
	print_owner(ctl, fault);
	fprintf(ctl->out, "%-7s  %s\n", json_access_word(fault->access),
		faults_where(where, fault));
	print_reason(ctl, fault);
}

/* --- the verb ------------------------------------------------------------------------ */

struct device_asked {
	const char *name;
	char canonical[WIRE_NAME];
	struct wire_device found; /* its group_size is 0 when there is none */
};

/* The device's name, the policy's word for it, or its other name. */
static int find_device(const void *entry, void *argument)
{
	const struct wire_device *device = entry;
	struct device_asked *asked = argument;

	if (strcmp(asked->name, device->policy) == 0 ||
	    strcmp(asked->canonical, device->name) == 0 ||
	    (device->alias[0] && strcmp(asked->canonical, device->alias) == 0)) {
		memcpy(asked->canonical, device->name, WIRE_NAME);
		asked->found = *device;
	}
	return 0;
}

/* Which name the log uses. A device that is gone may still be in the log. */
static int resolve_device(struct ctl *ctl, struct device_asked *asked)
{
	struct devname name;
	int rc;

	asked->name = ctl->device;
	if (devname_parse(ctl->device, &name) == 0)
		devname_format(&name, asked->canonical);
	rc = smmu_admin_list(ctl->service, WIRE_LIST_DEVICES, find_device, asked);
	if (rc)
		return service_failed(ctl, rc);
	if (asked->canonical[0])
		return CTL_DONE;
	ctl_say(ctl, "'%s' is neither a device name nor one of the policy's; 'smmuctl devices' "
		     "lists them", ctl->device);
	return CTL_NO_OBJECT;
}

static int print_lines(struct printing *printing, const struct faults_kept *kept, uint64_t lost)
{
	struct ctl *ctl = printing->ctl;
	int code = CTL_DONE;
	size_t i;

	if (lost && ctl->json)
		code = json_print_line(ctl, json_pack("{s:I}", "lost", (json_int_t)lost));
	else if (lost)
		fprintf(ctl->out, "%*s(%" PRIu64 " older records are no longer in the log)\n",
			(int)INDENT, "", lost);
	for (i = 0; i < kept->count && code == CTL_DONE; i++) {
		if (ctl->json)
			code = json_print_line(ctl, json_fault(faults_kept_at(kept, i)));
		else
			print_record(printing, faults_kept_at(kept, i));
	}
	fflush(ctl->out);
	return ferror(ctl->out) ? CTL_FAILED : code;
}

static int print_document(const struct ctl *ctl, const struct faults_kept *kept, uint64_t lost)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < kept->count; i++)
		if (json_array_append_new(array, json_fault(faults_kept_at(kept, i))))
			break;
	if (i < kept->count) {
		json_decref(array);
		return json_print(ctl, NULL);
	}
	return json_print(ctl, json_pack("{s:o, s:I}", "faults", array, "lost", (json_int_t)lost));
}

/* Until the service hangs up, or we are ended. */
static int follow(struct printing *printing, struct faults_kept *kept, uint64_t after)
{
	struct ctl *ctl = printing->ctl;
	struct pollfd fd = { .fd = smmu_fd(ctl->service) };
	uint64_t lost;
	int rc, code;

	kept->limit = UINT64_MAX;
	do {
		faults_kept_fini(kept);
		if (poll(&fd, 1, FOLLOW_MS) < 0 && errno != EINTR)
			return service_failed(ctl, -errno);
		rc = smmu_admin_faults(ctl->service, &after, &lost, faults_keep, kept);
		if (rc)
			return service_failed(ctl, rc);
		code = print_lines(printing, kept, lost);
	} while (code == CTL_DONE);
	return code;
}

int faults_run(struct ctl *ctl)
{
	struct printing printing = { .ctl = ctl };
	struct faults_kept kept = { .limit = ctl->limit };
	struct device_asked asked = { 0 };
	uint64_t after = ctl->since, lost = 0;
	int rc, code = ctl->device ? resolve_device(ctl, &asked) : CTL_DONE;

	if (code != CTL_DONE)
		return code;
	kept.device = ctl->device ? asked.canonical : NULL;
	kept.shared = asked.found.group_size > 1 ? &asked.found : NULL;
	rc = smmu_admin_faults(ctl->service, &after, &lost, faults_keep, &kept);
	if (rc)
		code = service_failed(ctl, rc);
	else if (ctl->json && !ctl->follow)
		code = print_document(ctl, &kept, lost);
	else
		code = print_lines(&printing, &kept, lost);
	if (code == CTL_DONE && ctl->follow)
		code = follow(&printing, &kept, after);
	else if (code == CTL_DONE && kept.count == 0 && !ctl->json)
		ctl_say(ctl, "no faults%s",
			ctl->device || ctl->since ? " of that kind" : " so far");
	faults_kept_fini(&kept);
	return code;
}
