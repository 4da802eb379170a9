// SPDX-License-Identifier: BSD-2-Clause
// What was wrong with a policy file, in the order of its lines.
#include "load.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_COLUMNS 96u

/* Keeps the problems sorted by place; equal places keep their order. */
static void problem_add(struct load *load, struct load_mark mark, bool is_warning,
			const char *format, va_list args)
{
	uint32_t *count = is_warning ? &load->warnings : &load->errors;
	struct load_problem *at;

	if ((*count)++ >= LOAD_SHOWN_MAX)
		return;
	at = &load->problems[load->problem_count++];
	for (; at > load->problems; at--) {
		if (at[-1].mark.line < mark.line ||
		    (at[-1].mark.line == mark.line && at[-1].mark.column <= mark.column))
			break;
		*at = at[-1];
	}
	at->mark = mark;
	at->is_warning = is_warning;
	vsnprintf(at->text, sizeof(at->text), format, args);
}

void load_error(struct load *load, struct load_mark mark, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	problem_add(load, mark, false, format, args);
	va_end(args);
}

void load_warning(struct load *load, struct load_mark mark, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	problem_add(load, mark, true, format, args);
	va_end(args);
}

const char *load_quote(char buffer[LOAD_QUOTE_MAX], const char *text)
{
	const char *end = text + strlen(text);
	size_t used = 0;

	while (text < end && used < LOAD_QUOTE_MAX - 4)
		buffer[used++] = load_printable(&text, end);
	snprintf(buffer + used, LOAD_QUOTE_MAX - used, "%s", text < end ? "..." : "");
	return buffer;
}

/* The start of a line counted from 1; the end of the file when there is none. */
static const char *line_start(const struct load *load, uint32_t line)
{
	const char *at = load->bytes, *end = load->bytes + load->length;

	while (--line > 0 && at < end) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : end;
	}
	return at;
}

/*
 * The line and a caret under the column, as ASCII: what a stranger wrote must
 * not steer the reader's terminal. A long line is cut around the column.
 */
static void excerpt(const struct load *load, struct load_mark mark, char *text, size_t size)
{
	char shown[SHOWN_COLUMNS + 1];
	const char *at = line_start(load, mark.line), *end = load->bytes + load->length;
	uint32_t column = 1, skip = 0, used = 0;

	if (mark.column > SHOWN_COLUMNS - 16)
		skip = mark.column - SHOWN_COLUMNS / 2;
	for (; at < end && *at != '\n' && *at != '\r' && used < SHOWN_COLUMNS; column++) {
		char c = load_printable(&at, end);

		if (column > skip)
			shown[used++] = c;
	}
	shown[used] = '\0';
	snprintf(text, size, "%6u | %s\n       | %*s\n", mark.line, shown,
		 (int)(mark.column - skip), "^");
}

/* One problem as text; its length, or 0 when it does not fit. */
static size_t problem_print(const struct load *load, const struct load_problem *problem,
			    char *text, size_t room)
{
	const char *kind = problem->is_warning ? "warning: " : "";
	char lines[2 * SHOWN_COLUMNS + 40] = "";
	int length;

	if (problem->mark.line == 0) {
		length = snprintf(text, room, "%s: %s%s\n", load->file, kind, problem->text);
	} else {
		excerpt(load, problem->mark, lines, sizeof(lines));
		length = snprintf(text, room, "%s:%u:%u: %s%s\n%s", load->file, problem->mark.line,
				  problem->mark.column, kind, problem->text, lines);
	}
	if (length < 0 || (size_t)length >= room) {
		text[0] = '\0';
		return 0;
	}
	return (size_t)length;
}

void load_report(const struct load *load, struct policy_report *report)
{
	const size_t reserve = 80; /* for the last line */
	size_t used = 0, length;
	uint32_t i, all = load->errors + load->warnings;

	report->errors = load->errors;
	report->warnings = load->warnings;
	report->text[0] = '\0';
	for (i = 0; i < load->problem_count; i++) {
		length = problem_print(load, &load->problems[i], report->text + used,
				       sizeof(report->text) - reserve - used);
		if (length == 0)
			break;
		used += length;
	}
	if (all > i)
		snprintf(report->text + used, reserve, "(%u more: mend these first)\n", all - i);
}
