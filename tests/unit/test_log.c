// SPDX-License-Identifier: BSD-2-Clause
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int pipe_read_end = -1;
static int saved_stderr = -1;

/* stderr goes into a pipe until capture_end() has read it. */
static void capture_begin(void)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	saved_stderr = dup(STDERR_FILENO);
	assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	close(ends[1]);
	pipe_read_end = ends[0];
}

static void stderr_restore(void)
{
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
}

static void capture_end(char *text, size_t size)
{
	ssize_t n;

	stderr_restore();
	n = read(pipe_read_end, text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	close(pipe_read_end);
}

static void log_line_starts_with_program_or_level(void **state)
{
	char text[256];

	(void)state;
	capture_begin();
	log_setup("here", LOG_INFO, false);
	log_warn("disk %d", 7);
	log_setup("here", LOG_INFO, true);
	log_warn("disk %d", 7);
	capture_end(text, sizeof(text));
	assert_string_equal(text, "here: disk 7\n<4>disk 7\n");
}

static void log_line_above_the_level_is_dropped(void **state)
{
	char text[256];

	(void)state;
	capture_begin();
	log_setup("here", LOG_WARN, false);
	log_info("not this");
	log_error("but this");
	capture_end(text, sizeof(text));
	assert_string_equal(text, "here: but this\n");
}

/* A device's name may hold what a terminal or a log reader would obey. */
static void log_line_control_bytes_become_question_marks(void **state)
{
	char text[256];

	(void)state;
	capture_begin();
	log_setup("here", LOG_INFO, false);
	log_info("%s", "a\nb\x1b[31m\x7f");
	capture_end(text, sizeof(text));
	assert_string_equal(text, "here: a?b?[31m?\n");
}

static void log_line_too_long_is_cut_and_ends(void **state)
{
	char text[4096], words[3000];

	(void)state;
	memset(words, 'x', sizeof(words));
	words[sizeof(words) - 1] = '\0';
	capture_begin();
	log_setup("here", LOG_INFO, false);
	log_info("%s", words);
	log_info("next");
	capture_end(text, sizeof(text));
	assert_int_equal(strlen(text), 1023 + strlen("here: next\n"));
	assert_string_equal(strchr(text, '\n'), "\nhere: next\n");
}

static void log_line_keeps_errno(void **state)
{
	char text[64];

	(void)state;
	capture_begin();
	log_setup("here", LOG_INFO, false);
	errno = EXDEV;
	log_info("x");
	assert_int_equal(errno, EXDEV);
	capture_end(text, sizeof(text));
}

static void log_line_that_cannot_be_written_is_counted(void **state)
{
	uint64_t lost = log_lost_total();
	uint64_t now;

	(void)state;
	capture_begin();
	close(STDERR_FILENO);
	log_setup("here", LOG_INFO, false);
	log_info("into nothing");
	now = log_lost_total();
	stderr_restore();
	close(pipe_read_end);
	assert_int_equal(now, lost + 1);
}

static void log_check_that_fails_says_where_and_aborts(void **state)
{
	char text[512] = "";
	int status;
	pid_t child;

	(void)state;
	capture_begin();
	child = fork();
	if (child == 0) {
		signal(SIGABRT, SIG_DFL);
		log_setup("here", LOG_INFO, false);
		check(1 + 1 == 2);
		check(1 + 1 == 3);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	capture_end(text, sizeof(text));
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_non_null(strstr(text, "test_log.c:"));
	assert_non_null(strstr(text, "'1 + 1 == 3' does not hold"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(log_line_starts_with_program_or_level),
		cmocka_unit_test(log_line_above_the_level_is_dropped),
		cmocka_unit_test(log_line_control_bytes_become_question_marks),
		cmocka_unit_test(log_line_too_long_is_cut_and_ends),
		cmocka_unit_test(log_line_keeps_errno),
		cmocka_unit_test(log_line_that_cannot_be_written_is_counted),
		cmocka_unit_test(log_check_that_fails_says_where_and_aborts),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
