// SPDX-License-Identifier: BSD-2-Clause
#include "scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int new_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void scoped_fd_ends_with_its_scope(void **state)
{
	int seen;

	(void)state;
	{
		scoped_fd fd = new_fd();

		seen = fd;
		assert_true(is_open(seen));
	}
	assert_false(is_open(seen));
}

static int make_and_hand_over(void)
{
	scoped_fd fd = new_fd();

	return take_fd(&fd);
}

static void scoped_fd_taken_outlives_its_scope(void **state)
{
	int fd = make_and_hand_over();

	(void)state;
	assert_true(is_open(fd));
	close(fd);
}

static void scoped_exit_keeps_errno(void **state)
{
	(void)state;
	{
		scoped_fd fd = 1 << 20; /* not open: close() would say EBADF */
		scoped_fd none = -1;
		scoped_free void *memory = malloc(16);
		scoped_file file = NULL;

		(void)fd;
		(void)none;
		(void)file;
		assert_non_null(memory);
		errno = EXDEV; /* NOLINT(clang-analyzer-unix.Malloc): knows no cleanup */
	}
	assert_int_equal(errno, EXDEV);
}

static char *text_make(void)
{
	scoped_free char *text = strdup("kept");

	return take_ptr(text);
}

static void scoped_free_taken_outlives_its_scope(void **state)
{
	char *text = text_make();

	(void)state;
	assert_string_equal(text, "kept");
	free(text);
}

static void scoped_file_ends_with_its_scope(void **state)
{
	int fd = new_fd();

	(void)state;
	{
		scoped_file file = fdopen(fd, "r");

		assert_non_null(file);
	}
	assert_false(is_open(fd));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scoped_fd_ends_with_its_scope),
		cmocka_unit_test(scoped_fd_taken_outlives_its_scope),
		cmocka_unit_test(scoped_exit_keeps_errno),
		cmocka_unit_test(scoped_free_taken_outlives_its_scope),
		cmocka_unit_test(scoped_file_ends_with_its_scope),
	};

	return cmocka_run_group_tests_name("scoped", tests, NULL, NULL);
}
