/* SPDX-License-Identifier: BSD-2-Clause */
/* strace around a running process: what it asked the kernel for, and failures for it. */
#ifndef SMMUMAN_TESTS_TRACE_H
#define SMMUMAN_TESTS_TRACE_H

#include <stdbool.h>
#include <sys/types.h>

struct trace {
	pid_t pid;
	char file[96];
};

/* Is there an strace that may do this here? */
bool trace_is_possible(void);

/* From when this returns on; inject: an argument of strace's -e inject=, or NULL. */
void trace_start(struct trace *trace, pid_t process, const char *dir, const char *inject);
void trace_stop(struct trace *trace);

/*
 * Lines of system calls, of that name if given, between the first and the last
 * line that holds mark, if given; result: only those that returned this.
 */
unsigned trace_count(const struct trace *trace, const char *name, const char *mark,
		     const char *result);

#endif
