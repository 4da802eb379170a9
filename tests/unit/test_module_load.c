// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which files are taken as modules and which are refused, with what words. The
 * modules are tests/module/odd.c, built next to the programs ($SMMU_BUILD).
 */
#include "module_load.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bits.h"
#include "scoped.h"

#define STRANGER 12345
#define OTHER_STRANGER 12346

struct place {
	char root[64], directory[80], file[96];
	struct error err;
	const struct drv_module *module;
};

static void copy(const char *module, const char *to)
{
	const char *build = getenv("SMMU_BUILD");
	char from[512], bytes[4096];
	scoped_fd in = -1;
	scoped_fd out = -1;
	ssize_t count;

	snprintf(from, sizeof(from), "%s/module/%s", build ? build : "build", module);
	in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		fail_msg("%s: %s", from, strerror(errno));
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	assert_true(out >= 0);
	while ((count = read(in, bytes, sizeof(bytes))) > 0)
		assert_int_equal(write(out, bytes, (size_t)count), count);
	assert_int_equal(count, 0);
}

/* A directory of modules that holds a good one. */
static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	strcpy(place->root, "/tmp/smmu-modules-XXXXXX");
	assert_non_null(mkdtemp(place->root));
	snprintf(place->directory, sizeof(place->directory), "%s/modules", place->root);
	snprintf(place->file, sizeof(place->file), "%s/smmu-odd.so", place->directory);
	assert_int_equal(mkdir(place->directory, 0755), 0);
	assert_int_equal(chmod(place->root, 0755), 0);
	copy("odd.so", place->file);
	unsetenv("ODD");
	unsetenv("ODD_UNLOADED");
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", place->root);
	assert_int_equal(system(command), 0);
	free(place);
	return 0;
}

static int load(struct place *place, const char *name)
{
	memset(&place->err, 0, sizeof(place->err));
	place->module = NULL;
	return module_load(place->directory, name, &place->module, &place->err);
}

static void assert_refused(struct place *place, const char *name, int code, const char *words)
{
	int ret = load(place, name);

	if (ret != code || !strstr(place->err.text, words))
		fail_msg("%d, '%s' instead of %d, '%s'", ret, place->err.text, code, words);
	assert_int_equal(place->err.code, code);
	assert_null(place->module);
}

static void module_load_good_file_gives_the_module(void **state)
{
	struct place *place = *state;

	assert_int_equal(load(place, "odd"), 0);
	assert_string_equal(place->module->name, "odd");
	assert_int_equal(place->module->abi, DRV_ABI);
	assert_non_null(place->module->ops->close);
	assert_null(getenv("ODD_UNLOADED"));
}

static void module_load_same_file_for_two_units_is_one_module(void **state)
{
	struct place *place = *state;
	const struct drv_module *first;

	assert_int_equal(load(place, "odd"), 0);
	first = place->module;
	assert_int_equal(load(place, "odd"), 0);
	assert_ptr_equal(place->module, first);
}

/* The loader would take one for the other if they were opened under one number. */
static void module_load_two_files_are_two_modules(void **state)
{
	struct place *place = *state;
	const struct drv_module *first;
	char other[160];

	assert_int_equal(load(place, "odd"), 0);
	first = place->module;
	snprintf(other, sizeof(other), "%s/other", place->directory);
	assert_int_equal(rename(place->file, other), 0);
	copy("odd.so", place->file);
	assert_int_equal(load(place, "odd"), 0);
	assert_ptr_not_equal(place->module, first);
}

static void module_load_name_that_is_no_plain_word_is_refused(void **state)
{
	static const char *const names[] = {
		"",	  "../modules/smmu-odd",
		"odd.so", ".",
		"a/b",	  "/odd",
		"odd\n",  "o d",
		"odd%",	  "abcdefghijklmnopqrstuvwxyz012345",
	};
	unsigned i;

	for (i = 0; i < ARRAY_COUNT(names); i++)
		assert_refused(*state, names[i], -EINVAL, "is no module name");
}

static void module_load_absent_file_says_what_to_do(void **state)
{
	struct place *place = *state;

	assert_refused(place, "none", -ENOENT, "/smmu-none.so: No such file");
	assert_non_null(strstr(place->err.text, "install the module there"));
}

static void module_load_directory_that_is_none_is_refused(void **state)
{
	struct place *place = *state;
	char link[160];

	snprintf(link, sizeof(link), "%s/link", place->root);
	assert_int_equal(symlink(place->directory, link), 0);
	strcpy(place->directory, link);
	assert_refused(place, "odd", -EPERM, "is no directory, or a symbolic link");
	strcpy(place->directory, place->file);
	assert_refused(place, "odd", -EPERM, "is no directory, or a symbolic link");
	strcpy(place->directory, "/nonexistent/modules");
	assert_refused(place, "odd", -ENOENT, "name another with --modules");
}

static void module_load_what_others_may_write_is_refused(void **state)
{
	static const mode_t modes[] = { 0775, 0757, 0777, 0720, 0702 };
	struct place *place = *state;
	unsigned i;

	for (i = 0; i < ARRAY_COUNT(modes); i++) {
		assert_int_equal(chmod(place->directory, modes[i]), 0);
		assert_refused(place, "odd", -EPERM, "/modules has mode 0");
		assert_int_equal(chmod(place->directory, 0755), 0);
		assert_int_equal(chmod(place->file, modes[i]), 0);
		assert_refused(place, "odd", -EPERM, "/smmu-odd.so has mode 0");
		assert_int_equal(chmod(place->file, 0644), 0);
	}
	assert_int_equal(chmod(place->directory, 01700), 0);
	assert_int_equal(chmod(place->file, 0555), 0);
	assert_int_equal(load(place, "odd"), 0);
}

static void module_load_what_is_no_regular_file_is_refused(void **state)
{
	struct place *place = *state;
	char other[160];

	snprintf(other, sizeof(other), "%s/other", place->directory);
	assert_int_equal(rename(place->file, other), 0);
	assert_int_equal(symlink("other", place->file), 0);
	assert_refused(place, "odd", -EPERM, "is a symbolic link");
	assert_int_equal(unlink(place->file), 0);
	assert_int_equal(mkfifo(place->file, 0644), 0);
	assert_refused(place, "odd", -EPERM, "is no regular file");
	assert_int_equal(unlink(place->file), 0);
	assert_int_equal(mkdir(place->file, 0755), 0);
	assert_refused(place, "odd", -EPERM, "is no regular file");
}

static void module_load_strangers_file_or_directory_is_refused(void **state)
{
	struct place *place = *state;

	if (geteuid() != 0)
		skip(); /* only root can give a file away */
	assert_int_equal(chown(place->file, STRANGER, 0), 0);
	assert_refused(place, "odd", -EPERM, "belongs to user 12345: it has to be root's; chown");
	assert_int_equal(chown(place->file, 0, 0), 0);
	assert_int_equal(chown(place->directory, STRANGER, 0), 0);
	assert_refused(place, "odd", -EPERM, "/modules belongs to user 12345");
	assert_int_equal(chown(place->directory, 0, 0), 0);
	assert_int_equal(load(place, "odd"), 0);
}

static int unprivileged(struct place *place)
{
	/* What it may open of itself under /proc is root's else. */
	if (setresuid(STRANGER, STRANGER, STRANGER) || prctl(PR_SET_DUMPABLE, 1))
		return -ENOSYS;
	return load(place, "odd");
}

/* What a daemon of another user finds when file and directory are whose they are. */
static int load_unprivileged(struct place *place, uid_t directory, uid_t file)
{
	int status;
	pid_t pid;

	assert_int_equal(chown(place->directory, directory, 0), 0);
	assert_int_equal(chown(place->file, file, 0), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(-unprivileged(place));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

static void module_load_unprivileged_daemon_takes_its_own_and_roots(void **state)
{
	struct place *place = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(load_unprivileged(place, STRANGER, STRANGER), 0);
	assert_int_equal(load_unprivileged(place, 0, 0), 0);
	assert_int_equal(load_unprivileged(place, 0, STRANGER), 0);
	assert_int_equal(load_unprivileged(place, 0, OTHER_STRANGER), -EPERM);
	assert_int_equal(load_unprivileged(place, OTHER_STRANGER, STRANGER), -EPERM);
}

static void module_load_file_that_is_no_module_is_refused(void **state)
{
	struct place *place = *state;
	FILE *file = fopen(place->file, "we");

	assert_non_null(file);
	fputs("#!/bin/sh\n", file);
	fclose(file);
	assert_refused(place, "odd", -EINVAL, "cannot be loaded");
	assert_null(strstr(place->err.text, "/proc/"));
	assert_int_equal(truncate(place->file, 0), 0);
	assert_refused(place, "odd", -EINVAL, "file too short");
	assert_int_equal(unlink(place->file), 0);
	copy("odd-NO_SYMBOL.so", place->file);
	assert_refused(place, "odd", -EINVAL, "defines no 'smmu_module'");
	assert_int_equal(unlink(place->file), 0);
	copy("odd-NO_HOST.so", place->file);
	assert_refused(place, "odd", -EINVAL, "undefined symbol: odd_host");
}

static void assert_odd_refused(struct place *place, const char *odd, int code, const char *words)
{
	setenv("ODD", odd, 1);
	unsetenv("ODD_UNLOADED");
	assert_refused(place, "odd", code, words);
	assert_non_null(getenv("ODD_UNLOADED"));
}

static void module_load_other_abi_is_refused(void **state)
{
	char words[80];

	snprintf(words, sizeof(words), "for version %u of the module contract, this smmuman has",
		 DRV_ABI + 1);
	assert_odd_refused(*state, "abi", -EPROTO, words);
}

static void module_load_name_unlike_the_files_is_refused(void **state)
{
	assert_odd_refused(*state, "name", -EINVAL, "calls itself 'even'");
	assert_odd_refused(*state, "no-name", -EINVAL, "calls itself ''");
}

static void module_load_each_operation_missing_is_refused(void **state)
{
	static const char *const names[] = {
		"match",	"probe",	 "ops",
		"takeover",	"close",	 "forget",
		"space_create", "space_destroy", "set_stream",
		"map",		"unmap",	 "submit",
		"completed",	"drain_faults",	 "salvage",
		"fault_mark",	"walk",		 "describe_stream",
		"audit",
	};
	char words[64];
	unsigned i;

	for (i = 0; i < ARRAY_COUNT(names); i++) {
		snprintf(words, sizeof(words), "has no '%s'", names[i]);
		assert_odd_refused(*state, names[i], -EINVAL, words);
	}
}

/* Runs between the checks and the loading: somebody puts another file in place. */
static struct {
	const char *file, *other;
} swap;

void *dlopen(const char *file, int mode)
{
	void *(*real)(const char *, int);
	void *symbol = dlsym(RTLD_NEXT, "dlopen");

	memcpy(&real, &symbol, sizeof(real));
	if (swap.file && rename(swap.other, swap.file) < 0)
		abort();
	return real(file, mode);
}

static void module_load_file_swapped_after_the_checks_is_not_loaded(void **state)
{
	struct place *place = *state;
	char other[160];

	snprintf(other, sizeof(other), "%s/other", place->directory);
	copy("odd-NO_SYMBOL.so", other);
	swap.file = place->file;
	swap.other = other;
	assert_int_equal(load(place, "odd"), 0);
	swap.file = NULL;
	assert_refused(place, "odd", -EINVAL, "defines no 'smmu_module'"); /* it was swapped */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(module_load_good_file_gives_the_module),
		TEST(module_load_same_file_for_two_units_is_one_module),
		TEST(module_load_two_files_are_two_modules),
		TEST(module_load_name_that_is_no_plain_word_is_refused),
		TEST(module_load_absent_file_says_what_to_do),
		TEST(module_load_directory_that_is_none_is_refused),
		TEST(module_load_what_others_may_write_is_refused),
		TEST(module_load_what_is_no_regular_file_is_refused),
		TEST(module_load_strangers_file_or_directory_is_refused),
		TEST(module_load_unprivileged_daemon_takes_its_own_and_roots),
		TEST(module_load_file_that_is_no_module_is_refused),
		TEST(module_load_other_abi_is_refused),
		TEST(module_load_name_unlike_the_files_is_refused),
		TEST(module_load_each_operation_missing_is_refused),
		TEST(module_load_file_swapped_after_the_checks_is_not_loaded),
	};

	return cmocka_run_group_tests_name("module_load", tests, NULL, NULL);
}
