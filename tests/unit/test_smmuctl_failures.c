// SPDX-License-Identifier: BSD-2-Clause
/* smmuctl when something is wrong, or somebody asks for help; and its colours. */
#include <errno.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bits.h"
#include "golden.h"
#include "scripted_service.h"
#include "smmuctl.h"

static const struct wire_device devices[] = {
	{ .name = "pci:0000:00:02.0", .state = WIRE_DEVICE_ATTACHED },
	{ .name = "pci:0000:00:03.0", .state = WIRE_DEVICE_QUARANTINED },
	{ .name = "pci:0000:00:1f.2", .state = WIRE_DEVICE_HOST },
};

static const struct wire_list three_entries = { .count = 3 };

static const struct script_line lists_devices_line = {
	.id = WIRE_LIST_DEVICES, .body = &three_entries, .body_size = sizeof(three_entries),
	.entries = devices, .entries_size = sizeof(devices),
};

/* Against a service of one line, and gone afterwards. */
static void run_against(struct golden *golden, const struct script_line *line, char *const *words)
{
	struct scripted_service service;

	script_start(&service, line, 1);
	setenv(WIRE_SOCKET_ENV, service.path, 1);
	golden_run(golden, smmuctl_run, "smmuctl", words);
	script_stop(&service);
}

/* What it prints when nobody serves. */
static void expect_alone(const char *name, char *const *words)
{
	struct golden golden;
	char path[128], *text;

	setenv(WIRE_SOCKET_ENV, "/nonexistent/socket", 1);
	golden_run(&golden, smmuctl_run, "smmuctl", words);
	text = golden_render(&golden, "smmuctl", words);
	snprintf(path, sizeof(path), "tests/data/smmuctl/%s.expect", name);
	golden_compare(path, text);
	free(text);
	golden_free(&golden);
}

#define ALONE(name, ...) expect_alone(name, WORDS(__VA_ARGS__))

/* --- help and usage -------------------------------------------------------------------- */

static void smmuctl_help_lists_every_verb(void **state)
{
	(void)state;
	ALONE("help", "help");
	ALONE("help-faults", "help", "faults");
	ALONE("help-policy-check", "help", "policy", "check");
	ALONE("verb-help", "explain", "--help");
}

static void smmuctl_wrong_words_are_usage_errors(void **state)
{
	(void)state;
	ALONE("unknown-verb", "statsu");
	ALONE("unknown-verb-far", "zzzzzzzz");
	ALONE("unknown-option", "--sokcet", "x", "status");
	ALONE("option-without-value", "faults", "--limit");
	ALONE("argument-missing", "explain");
	ALONE("argument-too-many", "status", "now");
	ALONE("half-a-verb", "policy");
	ALONE("fault-option-elsewhere", "units", "--follow");
	ALONE("limit-no-number", "faults", "--limit", "-3");
}

static void smmuctl_no_verb_prints_usage_on_stderr(void **state)
{
	struct golden golden;

	(void)state;
	golden_run(&golden, smmuctl_run, "smmuctl", WORDS(NULL));
	assert_int_equal(golden.code, CTL_USAGE);
	assert_string_equal(golden.out, "");
	assert_non_null(strstr(golden.err, "usage: smmuctl"));
	golden_free(&golden);
}

static void smmuctl_version_is_told(void **state)
{
	struct golden golden;

	(void)state;
	golden_run(&golden, smmuctl_run, "smmuctl", WORDS("--version"));
	assert_int_equal(golden.code, CTL_DONE);
	assert_string_equal(golden.out, "smmuctl " SMMUMAN_VERSION "\n");
	golden_free(&golden);
}

static void smmuctl_policy_check_needs_no_service(void **state)
{
	(void)state;
	ALONE("policy-good", "policy", "check", "tests/data/smmuctl/good.yaml");
	ALONE("policy-bad", "policy", "check", "tests/data/smmuctl/bad.yaml");
	ALONE("policy-good-json", "policy", "check", "tests/data/smmuctl/good.yaml", "--json");
	ALONE("policy-bad-json", "policy", "check", "tests/data/smmuctl/bad.yaml", "--json");
	ALONE("policy-missing", "policy", "check", "/nonexistent.yaml");
}

/* --- failures ---------------------------------------------------------------------- */

static void smmuctl_no_service_exits_3(void **state)
{
	struct golden golden;

	(void)state;
	golden_run(&golden, smmuctl_run, "smmuctl",
		   WORDS("--socket", "/nonexistent/socket", "status"));
	assert_int_equal(golden.code, CTL_NO_DAEMON);
	assert_string_equal(golden.out, "");
	assert_non_null(strstr(golden.err, "/nonexistent/socket"));
	golden_free(&golden);
}

static void smmuctl_stranger_is_denied_with_4(void **state)
{
	static const struct script_line line = {
		.id = WIRE_HELLO, .status = -EACCES, .body = "no rule is about uid 1000",
	};
	struct golden golden;

	(void)state;
	run_against(&golden, &line, WORDS("devices"));
	assert_int_equal(golden.code, CTL_DENIED);
	assert_string_equal(golden.out, "");
	assert_string_equal(golden.err, "smmuctl: no rule is about uid 1000\n");
	golden_free(&golden);
}

static void smmuctl_refusal_decides_the_exit_code(void **state)
{
	static const struct { int error, code; } rows[] = {
		{ EINVAL, CTL_FAILED },	   { EACCES, CTL_DENIED },    { EPERM, CTL_DENIED },
		{ ENOENT, CTL_NO_OBJECT }, { ENODEV, CTL_NO_OBJECT }, { EBUSY, CTL_BUSY },
		{ EDQUOT, CTL_BUSY },	   { EAGAIN, CTL_BUSY },      { EIO, CTL_FAILED },
	};
	struct golden golden;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		struct script_line line = { .id = WIRE_RELEASE, .status = -rows[i].error,
					    .body = "because of this" };

		run_against(&golden, &line, WORDS("release", "dma1"));
		assert_int_equal(golden.code, rows[i].code);
		assert_string_equal(golden.out, "");
		assert_string_equal(golden.err, "smmuctl: because of this\n");
		golden_free(&golden);
	}
}

static void smmuctl_hostile_sentence_does_not_reach_the_terminal(void **state)
{
	static const struct script_line line = {
		.id = WIRE_RELEASE, .status = -EINVAL,
		.body = "\033]0;title\007\nsmmuctl: all is well",
	};
	struct golden golden;

	(void)state;
	run_against(&golden, &line, WORDS("release", "dma1"));
	assert_string_equal(golden.err,
			    "smmuctl: \\x1b]0;title\\x07\\x0asmmuctl: all is well\n");
	golden_free(&golden);
}

static void smmuctl_service_that_hangs_up_exits_3(void **state)
{
	static const struct script_line line = { .id = WIRE_STATUS, .manner = SCRIPT_HANGS_UP };
	struct golden golden;

	(void)state;
	run_against(&golden, &line, WORDS("status"));
	assert_int_equal(golden.code, CTL_NO_DAEMON);
	assert_string_equal(golden.out, "");
	assert_string_equal(golden.err, "smmuctl: the service hung up\n");
	golden_free(&golden);
}

static void smmuctl_service_that_raves_exits_1(void **state)
{
	static const struct script_line line = {
		.id = WIRE_STATUS, .body_size = sizeof(struct wire_status), .manner = SCRIPT_RAVES,
	};
	struct golden golden;

	(void)state;
	run_against(&golden, &line, WORDS("status"));
	assert_int_equal(golden.code, CTL_FAILED);
	assert_string_equal(golden.out, "");
	assert_string_not_equal(golden.err, "");
	golden_free(&golden);
}

/* Runs "smmuctl devices" with that output, which stays open. */
static int run_to(FILE *out, char **words)
{
	struct scripted_service service;
	char *argv[4] = { (char *)(uintptr_t)"smmuctl" };
	FILE *null = fopen("/dev/null", "w");
	int argc, code;

	assert_true(out && null);
	for (argc = 1; words[argc - 1]; argc++)
		argv[argc] = words[argc - 1];
	script_start(&service, &lists_devices_line, 1);
	setenv(WIRE_SOCKET_ENV, service.path, 1);
	code = smmuctl_run(argc, argv, out, null);
	script_stop(&service);
	fclose(null);
	return code;
}

static void smmuctl_full_disk_exits_1(void **state)
{
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_int_equal(run_to(full, WORDS("devices")), CTL_FAILED);
	fclose(full);
}

/* --- colour ------------------------------------------------------------------------ */

/* What a terminal gets to see, NUL-terminated. */
static void show_on_terminal(char **words, char *shown, size_t size)
{
	FILE *terminal;
	int master, slave;
	ssize_t length;

	assert_return_code(openpty(&master, &slave, NULL, NULL, NULL), 0);
	terminal = fdopen(slave, "w");
	assert_int_equal(run_to(terminal, words), CTL_DONE);
	length = read(master, shown, size - 1);
	assert_true(length > 0);
	shown[length] = '\0';
	fclose(terminal);
	close(master);
}

static void smmuctl_devices_on_terminal_shows_quarantined_and_host_in_red(void **state)
{
	char shown[4096];

	(void)state;
	show_on_terminal(WORDS("devices"), shown, sizeof(shown));
	assert_null(strstr(shown, "\033[31mpci:0000:00:02.0"));
	assert_non_null(strstr(shown, "\033[31mpci:0000:00:03.0"));
	assert_non_null(strstr(shown, "\033[31mpci:0000:00:1f.2"));
}

static void smmuctl_colour_on_terminal_is_switched_off(void **state)
{
	char shown[4096];

	(void)state;
	show_on_terminal(WORDS("--no-color", "devices"), shown, sizeof(shown));
	assert_null(strchr(shown, '\033'));
	setenv("NO_COLOR", "1", 1);
	show_on_terminal(WORDS("devices"), shown, sizeof(shown));
	unsetenv("NO_COLOR");
	assert_null(strchr(shown, '\033'));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(smmuctl_help_lists_every_verb),
		cmocka_unit_test(smmuctl_wrong_words_are_usage_errors),
		cmocka_unit_test(smmuctl_no_verb_prints_usage_on_stderr),
		cmocka_unit_test(smmuctl_version_is_told),
		cmocka_unit_test(smmuctl_policy_check_needs_no_service),
		cmocka_unit_test(smmuctl_no_service_exits_3),
		cmocka_unit_test(smmuctl_stranger_is_denied_with_4),
		cmocka_unit_test(smmuctl_refusal_decides_the_exit_code),
		cmocka_unit_test(smmuctl_hostile_sentence_does_not_reach_the_terminal),
		cmocka_unit_test(smmuctl_service_that_hangs_up_exits_3),
		cmocka_unit_test(smmuctl_service_that_raves_exits_1),
		cmocka_unit_test(smmuctl_full_disk_exits_1),
		cmocka_unit_test(smmuctl_devices_on_terminal_shows_quarantined_and_host_in_red),
		cmocka_unit_test(smmuctl_colour_on_terminal_is_switched_off),
	};

	unsetenv("NO_COLOR");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
