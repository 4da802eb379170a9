// SPDX-License-Identifier: BSD-2-Clause
/* Both of QEMU's channels, against answers written beforehand. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qmp.h"
#include "qtest.h"

/* A channel at whose other end text waits to be read. */
static int answered_with(int pair[2], const char *text)
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(write(pair[1], text, strlen(text)), strlen(text));
	return pair[0];
}

static void check_asked(int pair[2], const char *wanted)
{
	char asked[256] = { 0 };

	assert_true(read(pair[1], asked, sizeof(asked) - 1) > 0);
	assert_string_equal(asked, wanted);
	close(pair[0]);
	close(pair[1]);
}

static void qtest_read_asks_by_size_and_takes_the_value(void **state)
{
	static const struct { uint32_t size; const char *asked; } cases[] = {
		{ 1, "readb 0x10\n" }, { 2, "readw 0x10\n" },
		{ 4, "readl 0x10\n" }, { 8, "readq 0x10\n" },
	};
	struct error err;
	struct qtest qtest;
	uint64_t value;
	int pair[2];
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		value = 0;
		assert_int_equal(qtest_init(&qtest, answered_with(pair, "OK 0xfedcba9876543210\n"),
					    5), 0);
		assert_int_equal(qtest_read(&qtest, 0x10, cases[i].size, &value, &err), 0);
		assert_int_equal(value, 0xfedcba9876543210);
		check_asked(pair, cases[i].asked);
	}
}

static void qtest_port_is_written_by_size(void **state)
{
	struct qtest qtest;
	struct error err;
	int pair[2];

	(void)state;
	assert_int_equal(qtest_init(&qtest, answered_with(pair, "OK\n"), 5), 0);
	assert_int_equal(qtest_out(&qtest, 0xcf8, 4, 0x80000060, &err), 0);
	check_asked(pair, "outl 0xcf8 0x80000060\n");
}

static void qtest_write_asks_and_waits_for_its_answer(void **state)
{
	struct error err;
	struct qtest qtest;
	int pair[2];

	(void)state;
	assert_int_equal(qtest_init(&qtest, answered_with(pair, "OK\n"), 5), 0);
	assert_int_equal(qtest_write(&qtest, 0x9050020, 4, 0xd, &err), 0);
	check_asked(pair, "writel 0x9050020 0xd\n");
}

static void qtest_refusal_or_nonsense_is_an_error(void **state)
{
	static const char *const answers[] = { "FAIL Unknown command\n", "\n", "0x12\n", "ok\n" };
	char endless[1000];
	struct error err;
	struct qtest qtest;
	uint64_t value;
	int pair[2];
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		qtest_init(&qtest, answered_with(pair, answers[i]), 5);
		assert_int_equal(qtest_read(&qtest, 0, 4, &value, &err), -EIO);
		close(pair[0]);
		close(pair[1]);
	}
	memset(endless, 'x', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	qtest_init(&qtest, answered_with(pair, endless), 5);
	assert_int_equal(qtest_read(&qtest, 0, 4, &value, &err), -EIO);
	assert_non_null(strstr(err.text, "makes no sense"));
	close(pair[0]);
	close(pair[1]);
}

static void qtest_peer_gone_or_silent_is_told_apart(void **state)
{
	struct error err;
	struct qtest qtest;
	uint64_t value;
	int pair[2];

	(void)state;
	qtest_init(&qtest, answered_with(pair, ""), 1);
	assert_int_equal(qtest_read(&qtest, 0, 4, &value, &err), -EIO);
	assert_string_equal(err.text, "QEMU did not answer within 1 s");
	close(pair[1]);
	assert_int_equal(qtest_read(&qtest, 0, 4, &value, &err), -EIO);
	assert_string_equal(err.text, "QEMU has ended");
	close(pair[0]);
}

#define GREETING "{\"QMP\": {\"version\": {}}}\r\n{\"return\": {}}\r\n"

static void qmp_events_between_are_passed_over(void **state)
{
	struct error err;
	struct qmp qmp;
	int pair[2];

	(void)state;
	assert_int_equal(qmp_init(&qmp, answered_with(pair, GREETING "{\"timestamp\": {}, \"event\": "
				  "\"STOP\"}\r\n{\"return\": {}}\r\n"), 5, &err), 0);
	assert_int_equal(qmp_command(&qmp, "stop", &err), 0);
	check_asked(pair, "{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"stop\"}\n");
}

static void qmp_refusal_silence_and_flood_are_errors(void **state)
{
	static const char filler[5000] = { [0 ... 4998] = 'x' };
	struct error err;
	struct qmp qmp;
	int pair[2];

	(void)state;
	qmp_init(&qmp, answered_with(pair, GREETING "{\"error\": {\"class\": \"X\"}}\n"), 5, &err);
	assert_int_equal(qmp_command(&qmp, "stop", &err), -EIO);
	assert_non_null(strstr(err.text, "refused"));
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(qmp_init(&qmp, answered_with(pair, "{\"QM"), 1, &err), -EIO);
	assert_non_null(strstr(err.text, "within 1 s"));
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(qmp_init(&qmp, answered_with(pair, filler), 5, &err), -EIO);
	assert_non_null(strstr(err.text, "too long"));
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(qtest_read_asks_by_size_and_takes_the_value),
		cmocka_unit_test(qtest_port_is_written_by_size),
		cmocka_unit_test(qtest_write_asks_and_waits_for_its_answer),
		cmocka_unit_test(qtest_refusal_or_nonsense_is_an_error),
		cmocka_unit_test(qtest_peer_gone_or_silent_is_told_apart),
		cmocka_unit_test(qmp_events_between_are_passed_over),
		cmocka_unit_test(qmp_refusal_silence_and_flood_are_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
