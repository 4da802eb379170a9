// SPDX-License-Identifier: BSD-2-Clause
/* The demo is a test as well: it checks every promise it shows. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bits.h"

struct shown {
	char text[32768];
	int code;
};

/* Runs the demo with its temporary files below folder; before: shell words in front. */
static void run_demo(const char *before, const char *folder, struct shown *shown)
{
	const char *build = getenv("SMMU_BUILD");
	char command[512];
	size_t length;
	FILE *pipe;

	snprintf(command, sizeof(command), "%s O='%s' TMPDIR='%s' scripts/demo 2>&1", before,
		 build ? build : "build", folder);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	length = fread(shown->text, 1, sizeof(shown->text) - 1, pipe);
	shown->text[length] = '\0';
	shown->code = WEXITSTATUS(pclose(pipe));
}

static void make_folder(char folder[32])
{
	strcpy(folder, "/tmp/smmu-test-demo-XXXXXX");
	assert_non_null(mkdtemp(folder));
}

/* Fails the test when something was left in it. */
static void remove_folder(const char *folder)
{
	assert_return_code(rmdir(folder), 0);
}

/* The same steps on every board, and a heading that tells which. */
static void demo_keeps_every_promise(const char *board, const char *heading)
{
	const char *const words[] = {
		heading, "1. ", "2. ", "3. ", "4. ", "5. ", "6. ", "7. ", "8. ", "REFUSED",
		"arrived", "unchanged", "smmuctl faults", "every one as promised",
	};
	static struct shown shown;
	char folder[32], before[32];
	size_t i;

	make_folder(folder);
	snprintf(before, sizeof(before), "BOARD=%s", board);
	run_demo(before, folder, &shown);
	if (shown.code != 0)
		print_message("%s", shown.text);
	assert_int_equal(shown.code, 0);
	for (i = 0; i < ARRAY_COUNT(words); i++)
		if (!strstr(shown.text, words[i]))
			fail_msg("the demo does not show '%s'", words[i]);
	assert_non_null(strstr(shown.text, "21 looks at memory"));
	remove_folder(folder);
}

static void demo_on_virt_keeps_every_promise(void **state)
{
	(void)state;
	demo_keeps_every_promise("virt", "its SMMUv3 owned by smmuman");
}

static void demo_on_q35_keeps_every_promise(void **state)
{
	(void)state;
	demo_keeps_every_promise("q35", "its VT-d owned by smmuman");
}

static void demo_on_virtio_keeps_every_promise(void **state)
{
	(void)state;
	demo_keeps_every_promise("virtio", "its virtio-iommu owned by smmuman");
}

static void demo_on_an_unknown_board_is_refused(void **state)
{
	static struct shown shown;
	char folder[32];

	(void)state;
	make_folder(folder);
	run_demo("BOARD=vax", folder, &shown);
	assert_int_equal(shown.code, 2);
	assert_non_null(strstr(shown.text, "give virt, q35, virtio or q35-virtio"));
	remove_folder(folder);
}

static void demo_without_a_board_fails_and_leaves_nothing(void **state)
{
	static struct shown shown;
	char folder[32];

	(void)state;
	make_folder(folder);
	run_demo("QEMU=/bin/false", folder, &shown);
	assert_int_equal(shown.code, 1);
	assert_non_null(strstr(shown.text, "demo: FAILED: board did not start"));
	remove_folder(folder);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(demo_on_virt_keeps_every_promise),
		cmocka_unit_test(demo_on_q35_keeps_every_promise),
		cmocka_unit_test(demo_on_virtio_keeps_every_promise),
		cmocka_unit_test(demo_on_an_unknown_board_is_refused),
		cmocka_unit_test(demo_without_a_board_fails_and_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
