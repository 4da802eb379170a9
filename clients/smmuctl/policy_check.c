// SPDX-License-Identifier: BSD-2-Clause
/* Is a policy file good? Asks neither the service nor for rights. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "smmuctl.h"
#include "json.h"
#include "policy.h"

/* ":NUMBER" at *at; moves behind it. 0 and stays when there is none. */
static long take_number(const char **at)
{
	char *end;
	long number;

	if (**at != ':' || (*at)[1] < '0' || (*at)[1] > '9')
		return 0;
	number = strtol(*at + 1, &end, 10);
	*at = end;
	return number;
}

/*
 * One problem of the report, if this is its first line: "file:line:column: words",
 * or "file: words" for the file as a whole.
 */
static json_t *problem_json(const char *file, const char *start, size_t length)
{
	static const char warning[] = "warning: ";
	const char *at = start + strlen(file), *end = start + length;
	long line, column;
	bool is_warning;

	if (length <= strlen(file) || strncmp(start, file, strlen(file)) != 0)
		return NULL;
	line = take_number(&at);
	column = take_number(&at);
	if (end - at < 2 || strncmp(at, ": ", 2) != 0)
		return NULL;
	at += 2;
	is_warning = strncmp(at, warning, strlen(warning)) == 0;
	if (is_warning)
		at += strlen(warning);
	return json_pack("{s:o, s:o, s:s, s:s%}", "line", line ? json_integer(line) : json_null(),
			 "column", line ? json_integer(column) : json_null(), "severity",
			 is_warning ? "warning" : "error", "message", at, (size_t)(end - at));
}

static json_t *problems_json(const char *file, const char *report)
{
	json_t *array = json_array(), *problem;
	size_t length;

	for (; *report; report += length + (report[length] == '\n')) {
		length = strcspn(report, "\n");
		problem = problem_json(file, report, length);
		if (problem && json_array_append_new(array, problem))
			break;
	}
	return array;
}

static json_t *report_json(const char *file, const struct policy_report *report, bool is_good)
{
	return json_pack("{s:o, s:b, s:i, s:i, s:o, s:o}", "file", json_text(file), "good",
			 (int)is_good, "errors", (int)report->errors, "warnings",
			 (int)report->warnings, "problems", problems_json(file, report->text),
			 "report", json_text(report->text));
}

static void print_summary(const struct ctl *ctl, const struct policy *policy)
{
	fprintf(ctl->out,
		"%s: good; %" PRIu32 " device%s, %" PRIu32 " client rule%s, %" PRIu32
		" region%s, %" PRIu32 " static grant%s\n",
		policy->file, policy->device_count, policy->device_count == 1 ? "" : "s",
		policy->client_count, policy->client_count == 1 ? "" : "s", policy->region_count,
		policy->region_count == 1 ? "" : "s", policy->static_count,
		policy->static_count == 1 ? "" : "s");
}

int policy_check_run(struct ctl *ctl)
{
	const char *file = ctl->arguments[0];
	struct policy_report report = { 0 };
	struct policy *policy = NULL;
	int code, rc = policy_load(file, false, &policy, &report);

	if (ctl->json) {
		code = json_print(ctl, report_json(file, &report, rc == 0));
	} else {
		fputs(report.text, ctl->out);
		if (policy)
			print_summary(ctl, policy);
		code = CTL_DONE;
	}
	policy_free(policy);
	return rc ? CTL_PROBLEMS : code;
}
