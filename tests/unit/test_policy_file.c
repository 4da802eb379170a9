// SPDX-License-Identifier: BSD-2-Clause
// Which files are trusted: what the loader asks of the file itself.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy.h"

static struct policy_report report;

static char directory[] = "/tmp/test-policy-XXXXXX";
static char good_path[sizeof(directory) + 16];

static int directory_make(void **state)
{
	FILE *file;

	(void)state;
	strcpy(directory + sizeof(directory) - 7, "XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(good_path, sizeof(good_path), "%s/good", directory);
	file = fopen(good_path, "w");
	if (!file)
		return -1;
	fputs("version: 1\n", file);
	return fclose(file) || chmod(good_path, 0600);
}

static int directory_remove(void **state)
{
	(void)state;
	unlink(good_path);
	return rmdir(directory);
}

static void load_refused(const char *path, int code, const char *wanted)
{
	struct policy *policy = NULL;

	assert_int_equal(policy_load(path, true, &policy, &report), code);
	assert_null(policy);
	assert_int_equal(report.errors, 1);
	if (!strstr(report.text, wanted))
		fail_msg("wanted %s, got %s", wanted, report.text);
}

static void load_safe_file_accepted(void **state)
{
	struct policy *policy = NULL;

	(void)state;
	assert_int_equal(policy_load(good_path, true, &policy, &report), 0);
	policy_free(policy);
}

static void load_writable_by_others_refused(void **state)
{
	struct policy *policy = NULL;

	(void)state;
	chmod(good_path, 0666);
	load_refused(good_path, -EPERM, "is writable by others (mode 0666); chmod go-w it");
	chmod(good_path, 0620);
	load_refused(good_path, -EPERM, "is writable by others (mode 0620)");
	assert_int_equal(policy_load(good_path, false, &policy, &report), 0);
	policy_free(policy);
}

static void load_foreign_owner_refused(void **state)
{
	(void)state;
	if (chown(good_path, 12345, (gid_t)-1)) {
		print_message("skip: giving a file away takes root\n");
		skip();
	}
	load_refused(good_path, -EPERM, "belongs to uid 12345");
}

static void load_symbolic_link_refused(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/link", directory);
	assert_int_equal(symlink(good_path, path), 0);
	load_refused(path, -ELOOP, "is a symbolic link");
	unlink(path);
}

static void load_other_file_types_refused(void **state)
{
	char path[64];

	(void)state;
	load_refused(directory, -EINVAL, "is no regular file");
	snprintf(path, sizeof(path), "%s/fifo", directory);
	assert_int_equal(mkfifo(path, 0600), 0);
	load_refused(path, -EINVAL, "is no regular file");
	unlink(path);
	load_refused(path, -ENOENT, "cannot be opened: No such file");
}

static void load_huge_file_refused(void **state)
{
	(void)state;
	assert_int_equal(truncate(good_path, 100 << 20), 0);
	load_refused(good_path, -EINVAL, "104857600 bytes; a policy has at most 1048576");
}

#define in_directory(test) cmocka_unit_test_setup_teardown(test, directory_make, directory_remove)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		in_directory(load_safe_file_accepted),
		in_directory(load_writable_by_others_refused),
		in_directory(load_foreign_owner_refused),
		in_directory(load_symbolic_link_refused),
		in_directory(load_other_file_types_refused),
		in_directory(load_huge_file_refused),
	};

	return cmocka_run_group_tests_name("policy_file", tests, NULL, NULL);
}
