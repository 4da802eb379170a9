// SPDX-License-Identifier: BSD-2-Clause
/* Everything about one device, and about one address it might use, on one screen. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "smmuctl.h"
#include "device_words.h"
#include "faults.h"
#include "json.h"
#include "smmu-admin.h"
#include "text.h"
#include "times.h"

#define FAULTS_SHOWN 5u
#define INDENT 12u

struct story {
	const struct wire_explain_reply *reply;
	const struct faults_kept *faults;
	bool has_iova;
	uint64_t iova;
};

/* Hexadecimal with 0x, as addresses are written everywhere here. */
static int parse_iova(const char *text, uint64_t *ret_iova)
{
	char *end;

	if (strncmp(text, "0x", 2) != 0 || strspn(text + 2, "0123456789abcdefABCDEF") == 0)
		return -EINVAL;
	errno = 0;
	*ret_iova = strtoull(text, &end, 16);
	return *end || errno ? -EINVAL : 0;
}

/* --- for people --------------------------------------------------------------------- */

static void print_words(const struct ctl *ctl, const char *title, const char *words)
{
	char shown[1100];

	if (!*words)
		return;
	fprintf(ctl->out, "  %-9s ", title);
	text_wrap(ctl->out, INDENT, INDENT, text_clean(shown, sizeof(shown), words));
}

static void print_device(const struct ctl *ctl, const struct wire_device *device)
{
	bool is_red = device->state == WIRE_DEVICE_QUARANTINED ||
		      device->state == WIRE_DEVICE_HOST || device->is_uncovered;
	char words[DEVICE_WORDS_MAX];

	snprintf(words, sizeof(words), "%s%s%s", device->name, device->alias[0] ? ", " : "",
		 device->alias);
	print_words(ctl, "device", words);
	if (device->unit[0])
		snprintf(words, sizeof(words), "%s, stream 0x%" PRIx32, device->unit,
			 device->stream);
	else
		snprintf(words, sizeof(words), "none");
	print_words(ctl, "unit", words);
	fputs(is_red ? ctl_red(ctl) : "", ctl->out);
	if (device->client)
		snprintf(words, sizeof(words),
			 "%s, to '%s' (client %" PRIu32 ", domain %" PRIu32 ")",
			 smmu_admin_state_name(device->state), device->owner, device->client,
			 device->domain);
	else
		snprintf(words, sizeof(words), "%s%s%s", smmu_admin_state_name(device->state),
			 device->note[0] ? ": " : "", device->note);
	print_words(ctl, "state", words);
	fputs(is_red ? ctl_plain(ctl) : "", ctl->out);
	print_words(ctl, "group", device_words_group(words, device));
	is_red = device->unsafe_interrupts == WIRE_UNSAFE_ALLOWED;
	fputs(is_red ? ctl_red(ctl) : "", ctl->out);
	print_words(ctl, "interrupt", device_words_interrupts(words, device));
	fputs(is_red ? ctl_plain(ctl) : "", ctl->out);
}

static void print_reserved(const struct ctl *ctl, const struct wire_explain_reply *reply)
{
	const struct wire_explain_reserved *range = reply->reserved;
	char words[200];
	uint32_t i;

	for (i = 0; i < reply->reserved_count && i < WIRE_EXPLAIN_RESERVED_MAX; i++, range++) {
		snprintf(words, sizeof(words), "0x%" PRIx64 " + 0x%" PRIx64 ": %s%s", range->start,
			 range->length, device_words_reserved(range->kind),
			 range->of_group ? " (another of the group)" : "");
		print_words(ctl, i == 0 ? "reserved" : "", words);
	}
}

static void print_walk(const struct ctl *ctl, const struct wire_explain_reply *reply)
{
	char rights[4];
	uint32_t i;

	for (i = 0; i < reply->step_count && i < WIRE_WALK_MAX; i++) {
		const struct wire_step *step = &reply->steps[i];

		fprintf(ctl->out,
			"  %-9s level %" PRIu32 "  table 0x%010" PRIx64 "  entry %3" PRIu64
			"  0x%016" PRIx64 "  %s\n",
			i == 0 ? "walk" : "", step->level, step->table_pa, step->index, step->entry,
			!step->is_valid			? "nothing there" :
			i + 1 < reply->step_count	? "next table" :
			reply->is_mapped		? "memory" : "");
	}
	if (reply->step_count && reply->is_mapped)
		fprintf(ctl->out, "  %-9s reaches 0x%" PRIx64 " with %s\n", "", reply->pa,
			text_rights(rights, reply->rights));
}

static void print_faults(const struct ctl *ctl, const struct faults_kept *faults)
{
	char day[TIMES_MAX], time[TIMES_MAX], where[FAULTS_WHERE_MAX], words[400];
	size_t i;

	for (i = 0; i < faults->count; i++) {
		const struct wire_fault *fault = faults_kept_at(faults, i);

		snprintf(words, sizeof(words), "%s %s  %s %s: %s", times_day(day, fault->real_ns),
			 times_clock(time, fault->real_ns),
			 fault->flags & WIRE_FAULT_LOSS ? "LOST" : json_access_word(fault->access),
			 faults_where(where, fault), fault->reason);
		print_words(ctl, i == 0 ? "faults" : "", words);
	}
}

static int print_story(const struct ctl *ctl, const struct story *story)
{
	const struct wire_explain_reply *reply = story->reply;
	char words[100];

	print_device(ctl, &reply->device);
	print_words(ctl, "stream", reply->stream_entry);
	print_words(ctl, "policy", reply->rule);
	print_reserved(ctl, reply);
	if (story->has_iova) {
		snprintf(words, sizeof(words), "0x%" PRIx64, story->iova);
		print_words(ctl, "address", words);
	}
	print_walk(ctl, reply);
	print_words(ctl, "grant", reply->grant);
	print_words(ctl, "before", reply->past);
	print_faults(ctl, story->faults);
	print_words(ctl, "verdict", reply->verdict);
	print_words(ctl, "advice", reply->advice);
	return CTL_DONE;
}

/* --- for programs -------------------------------------------------------------------- */

static json_t *walk_json(const struct wire_explain_reply *reply)
{
	json_t *array = json_array();
	uint32_t i;

	for (i = 0; i < reply->step_count && i < WIRE_WALK_MAX; i++) {
		const struct wire_step *step = &reply->steps[i];

		json_array_append_new(array, json_pack("{s:i, s:o, s:I, s:o, s:b}",
						       "level", (int)step->level,
						       "table", json_hex(step->table_pa),
						       "index", (json_int_t)step->index,
						       "entry", json_hex(step->entry),
						       "valid", (int)step->is_valid));
	}
	return array;
}

static json_t *reserved_json(const struct wire_explain_reply *reply)
{
	json_t *array = json_array();
	uint32_t i;

	for (i = 0; i < reply->reserved_count && i < WIRE_EXPLAIN_RESERVED_MAX; i++) {
		const struct wire_explain_reserved *range = &reply->reserved[i];

		json_array_append_new(array, json_pack("{s:o, s:I, s:s, s:b}",
						       "start", json_hex(range->start),
						       "length", (json_int_t)range->length,
						       "kind", device_words_reserved_kind(range->kind),
						       "of_group", (int)range->of_group));
	}
	return array;
}

static json_t *faults_json(const struct faults_kept *faults)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < faults->count; i++)
		json_array_append_new(array, json_fault(faults_kept_at(faults, i)));
	return array;
}

static int story_json(const struct ctl *ctl, const struct story *story)
{
	const struct wire_explain_reply *reply = story->reply;
	bool is_mapped = reply->is_mapped;

	return json_print(ctl, json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"device", json_of(json_device_fields, &reply->device),
		"stream_entry", json_text(reply->stream_entry),
		"rule", json_text(reply->rule),
		"reserved", reserved_json(reply),
		"iova", story->has_iova ? json_hex(story->iova) : json_null(),
		"walk", walk_json(reply),
		"mapped", reply->step_count ? json_boolean(is_mapped) : json_null(),
		"physical", is_mapped ? json_hex(reply->pa) : json_null(),
		"rights", is_mapped ? json_rights(reply->rights) : json_null(),
		"grant", json_text(reply->grant),
		"past_grant", json_text(reply->past),
		"faults", faults_json(story->faults),
		"verdict", json_text(reply->verdict),
		"advice", json_text(reply->advice)));
}

int explain_run(struct ctl *ctl)
{
	struct wire_explain_reply reply = { 0 };
	struct faults_kept faults = { .limit = FAULTS_SHOWN };
	struct story story = { .reply = &reply, .faults = &faults,
			       .has_iova = ctl->argument_count == 2 };
	uint64_t after = 0;
	int rc, code;

	if (story.has_iova && parse_iova(ctl->arguments[1], &story.iova)) {
		ctl_say(ctl, "'%s' is no address: write it in hexadecimal, as 0x1000",
			ctl->arguments[1]);
		return CTL_USAGE;
	}
	rc = smmu_admin_explain(ctl->service, ctl->arguments[0],
				story.has_iova ? &story.iova : NULL, &reply);
	faults.device = reply.device.name;
	faults.shared = reply.device.group_size > 1 ? &reply.device : NULL;
	if (!rc)
		rc = smmu_admin_faults(ctl->service, &after, NULL, faults_keep, &faults);
	if (rc)
		code = service_failed(ctl, rc);
	else
		code = ctl->json ? story_json(ctl, &story) : print_story(ctl, &story);
	faults_kept_fini(&faults);
	return code;
}
