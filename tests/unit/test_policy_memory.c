// SPDX-License-Identifier: BSD-2-Clause
/*
 * The n-th allocation fails, for every n, libyaml's own included: a policy is
 * loaded whole or refused with -ENOMEM, and nothing leaks. The allocator is
 * this program's, in front of the C library's or the sanitizer's.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *memory);
void *__interceptor_malloc(size_t size) __attribute__((weak));
void *__interceptor_calloc(size_t count, size_t size) __attribute__((weak));
void *__interceptor_realloc(void *old, size_t size) __attribute__((weak));
void __interceptor_free(void *memory) __attribute__((weak));

static bool is_counting;
static long made, fail_at, live;

static bool fails(void)
{
	return is_counting && made++ == fail_at;
}

static void *counted(void *memory)
{
	if (is_counting && memory)
		live++;
	return memory;
}

void *malloc(size_t size)
{
	if (fails())
		return NULL;
	return counted(__interceptor_malloc ? __interceptor_malloc(size) : __libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
	if (fails())
		return NULL;
	return counted(__interceptor_calloc ? __interceptor_calloc(count, size) :
					      __libc_calloc(count, size));
}

void *realloc(void *old, size_t size)
{
	void *memory;

	if (fails())
		return NULL;
	memory = __interceptor_realloc ? __interceptor_realloc(old, size) :
					 __libc_realloc(old, size);
	return old ? memory : counted(memory);
}

void free(void *memory)
{
	if (is_counting && memory)
		live--;
	if (__interceptor_free)
		__interceptor_free(memory);
	else
		__libc_free(memory);
}

/* No user: or group:, whose lookup keeps memory of its own. */
/* The program's path is long: the tree needs fresh memory for a text alone. */
static char good[8192];
static const char good_format[] =
	"version: 1\n"
	"units: [{unit: smmu0, stage: 1}]\n"
	"devices:\n"
	"  - {name: dma0, match: pci:0000:00:02.0, storm: {budget: 5}}\n"
	"  - {name: dma1, match: pci:0000:00:03.0}\n"
	"regions: [{name: doorbell, address: 0x8090000, size: 4KiB, rights: rw}]\n"
	"static: [{device: dma0, region: doorbell, iova: 0x1000, rights: r}]\n"
	"clients:\n"
	"  - name: \"edu\\x2ddriver\"\n"
	"    uid: 1000\n"
	"    attach: [dma0, dma1]\n"
	"    regions: [doorbell]\n"
	"    windows: [{iova: 0x0, size: 4GiB}]\n"
	"    limits: {grants: 5}\n"
	"    exe: /%s\n";
static const char bad[] = "version: 1\ndevices:\n  - {name: dma0, mtach: x}\n";

static struct policy_report report;

/* Under a sanitizer strdup() passes us by, and its own leak check counts. */
static void assert_no_leak(void)
{
	if (!__interceptor_malloc)
		assert_int_equal(live, 0);
}

/* The verdict when allocation n fails; leaks are counted in live. */
static int parse_failing(const char *text, long n)
{
	struct policy *policy = NULL;
	int err;

	made = live = 0;
	fail_at = n;
	is_counting = true;
	err = policy_parse("p.yaml", text, strlen(text), &policy, &report);
	policy_free(policy);
	is_counting = false;
	return err;
}

static void every_allocation_failing(const char *text, int verdict)
{
	long n, count;

	assert_int_equal(parse_failing(text, -1), verdict);
	assert_no_leak();
	count = made;
	assert_in_range(count, 20, 1000);
	for (n = 0; n < count; n++) {
		assert_int_equal(parse_failing(text, n), -ENOMEM);
		assert_no_leak();
		assert_int_equal(report.errors > 0, 1);
		assert_non_null(strstr(report.text, "p.yaml: out of memory\n"));
	}
	assert_int_equal(parse_failing(text, count), verdict);
	print_message("%ld allocations, each made to fail once\n", count);
}

static void parse_good_policy_no_memory_refused_without_leak(void **state)
{
	char path[4000];

	(void)state;
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	snprintf(good, sizeof(good), good_format, path);
	every_allocation_failing(good, 0);
}

static void parse_bad_policy_no_memory_refused_without_leak(void **state)
{
	(void)state;
	every_allocation_failing(bad, -EINVAL);
}

static void load_no_memory_refused_without_leak(void **state)
{
	struct policy *policy = NULL;

	(void)state;
	made = live = fail_at = 0;
	is_counting = true;
	assert_int_equal(policy_load("policy/example-board.yaml", false, &policy, &report),
			 -ENOMEM);
	is_counting = false;
	assert_null(policy);
	assert_no_leak();
	assert_non_null(strstr(report.text, "example-board.yaml: out of memory\n"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_good_policy_no_memory_refused_without_leak),
		cmocka_unit_test(parse_bad_policy_no_memory_refused_without_leak),
		cmocka_unit_test(load_no_memory_refused_without_leak),
	};

	return cmocka_run_group_tests_name("policy_memory", tests, NULL, NULL);
}
