// SPDX-License-Identifier: BSD-2-Clause
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

static struct {
	const char *program;
	enum log_level level;
	bool use_prefix;
	uint64_t lost;
} sink = { .program = "smmuman", .level = LOG_INFO };

void log_setup(const char *program, enum log_level level, bool use_prefix)
{
	sink.program = program;
	sink.level = level;
	sink.use_prefix = use_prefix;
}

uint64_t log_lost_total(void)
{
	return sink.lost;
}

static size_t line_start(char *line, size_t size, enum log_level level)
{
	int n;

	if (sink.use_prefix)
		n = snprintf(line, size, "<%d>", (int)level);
	else
		n = snprintf(line, size, "%s: ", sink.program);
	return n < 0 ? 0 : (size_t)n;
}

/* A device or a client may have chosen some of these bytes. */
static void line_make_printable(char *line, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
}

void log_line(enum log_level level, const char *format, ...)
{
	char line[LINE_MAX_BYTES];
	int saved = errno;
	va_list args;
	size_t used;
	int n;

	if (level > sink.level)
		return;
	used = line_start(line, sizeof(line), level);
	va_start(args, format);
	n = vsnprintf(line + used, sizeof(line) - used - 1, format, args);
	va_end(args);
	if (n < 0)
		n = 0;
	used += (size_t)n;
	if (used > sizeof(line) - 2)
		used = sizeof(line) - 2;
	line_make_printable(line, used);
	line[used++] = '\n';
	if (write(STDERR_FILENO, line, used) != (ssize_t)used)
		sink.lost++;
	errno = saved;
}

_Noreturn void check_failed(const char *condition, const char *file, int line)
{
	log_alarm("BUG: %s:%d: '%s' does not hold; stopping. What was closed stays closed.", file,
		  line, condition);
	abort();
}
