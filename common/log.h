/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line a message on stderr. Under systemd (or with log_use_prefix) a line
 * starts with its <level>, which the journal understands. Never blocks for
 * long and never fails the caller: a line that cannot be written is counted.
 */
#ifndef SMMUMAN_COMMON_LOG_H
#define SMMUMAN_COMMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

/* syslog numbers */
enum log_level {
	LOG_ALARM = 2, LOG_ERROR = 3, LOG_WARN = 4, LOG_NOTE = 5, LOG_INFO = 6, LOG_TRACE = 7,
};

/* program must live as long as the process; lines above level are dropped. */
void log_setup(const char *program, enum log_level level, bool use_prefix);

void log_line(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* How many lines the sink refused (full pipe, closed descriptor) so far. */
uint64_t log_lost_total(void);

#define log_alarm(...) log_line(LOG_ALARM, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_note(...) log_line(LOG_NOTE, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_trace(...) log_line(LOG_TRACE, __VA_ARGS__)

/* Our own mistake: says where and aborts. Never for a stranger's bytes. */
#define check(condition) \
	do { \
		if (!(condition)) \
			check_failed(#condition, __FILE__, __LINE__); \
	} while (0)

_Noreturn void check_failed(const char *condition, const char *file, int line);

#endif
