// SPDX-License-Identifier: BSD-2-Clause
/* The service at a glance; what needs a person is red. */
#include <inttypes.h>

#include "smmuctl.h"
#include "json.h"
#include "smmu-admin.h"
#include "text.h"
#include "times.h"

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/* ", N words" in red when N is not 0. */
static void alarm_words(const struct ctl *ctl, uint64_t count, const char *words)
{
	if (count)
		fprintf(ctl->out, ", %s%" PRIu64 " %s%s", ctl_red(ctl), count, words,
			ctl_plain(ctl));
}

static void print_head(const struct ctl *ctl, const struct wire_status *s)
{
	char span[TIMES_MAX], day[TIMES_MAX], time[TIMES_MAX], text[256];

	fprintf(ctl->out, "%s, running for %s (since %s %s)\n",
		text_clean(text, sizeof(text), s->program),
		times_span(span, s->now_real_ns - s->started_real_ns),
		times_day(day, s->started_real_ns), times_clock(time, s->started_real_ns));
	fprintf(ctl->out, "  policy    %s\n", text_clean(text, sizeof(text), s->policy));
	fprintf(ctl->out, "  machine   %s\n", text_clean(text, sizeof(text), s->board));
}

static void print_objects(const struct ctl *ctl, const struct wire_status *s)
{
	fprintf(ctl->out, "  units     %" PRIu32, s->units);
	alarm_words(ctl, s->units_closed, "closed after a failure");
	fprintf(ctl->out, "\n  devices   %" PRIu32, s->devices);
	alarm_words(ctl, s->devices_quarantined, "in quarantine");
	alarm_words(ctl, s->devices_host, "open for the host kernel");
	alarm_words(ctl, s->devices_uncovered, "that no IOMMU covers");
	alarm_words(ctl, s->devices_unsafe, "whose interrupt messages nobody checks");
	fprintf(ctl->out,
		"\n  clients   %" PRIu32 " with %" PRIu32 " domain%s, %" PRIu32 " memor%s, %" PRIu32
		" grant%s\n", s->clients, s->domains, plural(s->domains), s->memories,
		s->memories == 1 ? "y" : "ies", s->grants, plural(s->grants));
}

static void print_counts(const struct ctl *ctl, const struct wire_status *s)
{
	char tables[TEXT_SIZE_MAX], room[TEXT_SIZE_MAX], pinned[TEXT_SIZE_MAX];

	fprintf(ctl->out, "  faults    %" PRIu64 " in %" PRIu64 " record%s", s->faults,
		s->fault_records, plural(s->fault_records));
	alarm_words(ctl, s->fault_losses, s->fault_losses == 1 ? "loss by the hardware" :
							     "losses by the hardware");
	fprintf(ctl->out, "\n  requests  %" PRIu64 ", %" PRIu64 " refused, %" PRIu64 " malformed\n",
		s->requests, s->refusals, s->malformed);
	fprintf(ctl->out, "  tables    %s, room for %s more\n", text_size(tables, s->table_bytes),
		text_size(room, s->arena_free_bytes));
	if (s->pinned_forever_bytes)
		fprintf(ctl->out,
			"  %spinned    %s for ever: a unit did not confirm their release%s\n",
			ctl_red(ctl), text_size(pinned, s->pinned_forever_bytes), ctl_plain(ctl));
	if (s->log_lost)
		fprintf(ctl->out, "  %slog       %" PRIu64 " line%s could not be written%s\n",
			ctl_red(ctl), s->log_lost, plural(s->log_lost), ctl_plain(ctl));
}

int status_run(struct ctl *ctl)
{
	struct wire_status status;
	int rc = smmu_admin_status(ctl->service, &status);

	if (rc)
		return service_failed(ctl, rc);
	if (ctl->json)
		return json_print(ctl, json_of(json_status_fields, &status));
	print_head(ctl, &status);
	print_objects(ctl, &status);
	print_counts(ctl, &status);
	return CTL_DONE;
}
