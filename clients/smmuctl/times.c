// SPDX-License-Identifier: BSD-2-Clause
#include "times.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND_NS UINT64_C(1000000000)

static struct tm broken_down(uint64_t real_ns, struct tm *(*convert)(const time_t *, struct tm *))
{
	time_t seconds = (time_t)(real_ns / SECOND_NS);
	struct tm tm = { 0 };

	convert(&seconds, &tm);
	return tm;
}

char *times_iso(char to[TIMES_MAX], uint64_t real_ns)
{
	struct tm tm = broken_down(real_ns, gmtime_r);
	size_t used = strftime(to, TIMES_MAX, "%Y-%m-%dT%H:%M:%S", &tm);

	snprintf(to + used, TIMES_MAX - used, ".%09" PRIu64 "Z", real_ns % SECOND_NS);
	return to;
}

char *times_day(char to[TIMES_MAX], uint64_t real_ns)
{
	struct tm tm = broken_down(real_ns, localtime_r);

	strftime(to, TIMES_MAX, "%Y-%m-%d", &tm);
	return to;
}

char *times_clock(char to[TIMES_MAX], uint64_t real_ns)
{
	struct tm tm = broken_down(real_ns, localtime_r);
	size_t used = strftime(to, TIMES_MAX, "%H:%M:%S", &tm);

	snprintf(to + used, TIMES_MAX - used, ".%03" PRIu64, real_ns % SECOND_NS / 1000000);
	return to;
}

char *times_span(char to[TIMES_MAX], uint64_t ns)
{
	uint64_t s = ns / SECOND_NS;

	if (s < 60)
		snprintf(to, TIMES_MAX, "%" PRIu64 " s", s);
	else if (s < 3600)
		snprintf(to, TIMES_MAX, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(to, TIMES_MAX, "%" PRIu64 " h %" PRIu64 " min", s / 3600, s / 60 % 60);
	else
		snprintf(to, TIMES_MAX, "%" PRIu64 " d %" PRIu64 " h", s / 86400, s / 3600 % 24);
	return to;
}
