// SPDX-License-Identifier: BSD-2-Clause
#include "error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void error_set_keeps_code_sentence_and_errno(void **state)
{
	struct error err;

	(void)state;
	errno = EAGAIN;
	assert_int_equal(error_set(&err, -EINVAL, "%d is too %s", 7, "large"), -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_string_equal(err.text, "7 is too large");
	assert_int_equal(errno, EAGAIN);
}

static void error_set_without_a_place_returns_the_code(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, -EPERM, "nobody reads this"), -EPERM);
}

static void error_set_long_sentence_is_cut_and_ends(void **state)
{
	char text[2 * ERROR_TEXT_MAX];
	struct error err;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	error_set(&err, -EINVAL, "%s", text);
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
}

static void error_prefix_puts_the_context_first(void **state)
{
	struct error err;

	(void)state;
	error_set(&err, -ENOENT, "no such device");
	errno = EAGAIN;
	assert_int_equal(error_prefix(&err, "line %d", 3), -ENOENT);
	assert_string_equal(err.text, "line 3: no such device");
	assert_int_equal(errno, EAGAIN);
}

static void error_prefix_too_long_together_is_cut_and_ends(void **state)
{
	char text[2 * ERROR_TEXT_MAX];
	struct error err;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	error_set(&err, -EINVAL, "%s", text);
	error_prefix(&err, "here");
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
	assert_memory_equal(err.text, "here: xxx", 9);
	error_prefix(&err, "%s", text);
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
	assert_int_equal(err.text[ERROR_TEXT_MAX - 2], 'x');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(error_set_keeps_code_sentence_and_errno),
		cmocka_unit_test(error_set_without_a_place_returns_the_code),
		cmocka_unit_test(error_set_long_sentence_is_cut_and_ends),
		cmocka_unit_test(error_prefix_puts_the_context_first),
		cmocka_unit_test(error_prefix_too_long_together_is_cut_and_ends),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
