// SPDX-License-Identifier: BSD-2-Clause
#include "trace.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

bool trace_is_possible(void)
{
	return system("strace -o /dev/null true >/dev/null 2>&1") == 0;
}

static void run_strace(const char *file, pid_t process, const char *inject, int talk)
{
	char pid[16], expression[128];
	const char *argv[] = { "strace", "-o", file, "-p", pid, inject ? "-e" : NULL, expression,
			       NULL };

	snprintf(pid, sizeof(pid), "%d", process);
	snprintf(expression, sizeof(expression), "inject=%s", inject ? inject : "");
	dup2(talk, STDERR_FILENO);
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

/* It says so when it has attached; the end of its words means that it could not. */
void trace_start(struct trace *trace, pid_t process, const char *dir, const char *inject)
{
	char text[256] = "";
	size_t used = 0;
	int ends[2];
	ssize_t got;

	snprintf(trace->file, sizeof(trace->file), "%s/trace", dir);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	fflush(NULL);
	trace->pid = fork();
	assert_true(trace->pid >= 0);
	if (trace->pid == 0)
		run_strace(trace->file, process, inject, ends[1]);
	close(ends[1]);
	while (!strstr(text, "attached")) {
		got = read(ends[0], text + used, sizeof(text) - 1 - used);
		if (got <= 0)
			fail_msg("strace did not attach: %s", text);
		used += (size_t)got;
		text[used] = '\0';
	}
	close(ends[0]);
}

void trace_stop(struct trace *trace)
{
	int status;

	/* It may be over already, with the process it watched. */
	kill(trace->pid, SIGINT);
	assert_int_equal(waitpid(trace->pid, &status, 0), trace->pid);
}

static bool is_call(const char *line, const char *name)
{
	size_t length = name ? strlen(name) : 0;

	if (line[0] < 'a' || line[0] > 'z')
		return false; /* a signal, an exit */
	return !name || (strncmp(line, name, length) == 0 && line[length] == '(');
}

static bool has_result(const char *line, const char *result)
{
	const char *at = strrchr(line, '=');

	return !result || (at && strncmp(at + 2, result, strlen(result)) == 0);
}

unsigned trace_count(const struct trace *trace, const char *name, const char *mark,
		     const char *result)
{
	FILE *file = fopen(trace->file, "re");
	unsigned count = 0, marks = 0;
	char line[4096];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (mark && strstr(line, mark))
			marks++;
		else if ((!mark || marks == 1) && is_call(line, name) && has_result(line, result))
			count++;
	}
	fclose(file);
	return count;
}
