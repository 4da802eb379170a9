// SPDX-License-Identifier: BSD-2-Clause
/*
 * A module that is no part of smmuman drives the board's unit: the example that
 * blocks everything. What counts is what the device could move.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "rig.h"

#define SLOT 2u
#define GBPA_SINCE 800 /* QEMU's version times 100; before, its SMMUv3 has no GBPA */
#define skip_because(why) \
	do { \
		print_message("because: %s\n", why); \
		skip(); \
	} while (0)

static const struct variant *const variant = &variants[SMMU_S1_TWO_LEVEL];

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	rig_prepare(rig, variant);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	board_stop(&rig->board);
	free(rig);
	return 0;
}

static void write_policy(struct rig *rig, const char *module)
{
	FILE *file = fopen(rig->policy, "we");

	assert_non_null(file);
	fprintf(file,
		"version: 1\n"
		"units: [{unit: \"*\", module: %s}]\n"
		"devices:\n"
		"  - {name: dma0, match: \"" DMA0 "\", quiesce: {poll: {bar: 0, offset: 0x98, "
		"mask: 0x1, value: 0x0}}}\n"
		"clients:\n"
		"  - {name: edu-driver, uid: self, rights: [attach], attach: [dma0]}\n",
		module);
	assert_int_equal(fclose(file), 0);
}

/* Does it say text before it ends? */
static bool start_daemon(struct rig *rig, const char *directory, const char *text)
{
	const char *argv[HARNESS_ARGS_MAX] = { 0 };
	char path[128], log[128];
	unsigned i;

	snprintf(log, sizeof(log), "%s/daemon.log", rig->board.dir);
	rig_daemon_argv(rig, build_path("smmuman", path, sizeof(path)), argv);
	for (i = 0; argv[i]; i++)
		;
	argv[i++] = "--modules";
	argv[i] = directory;
	process_start(&rig->daemon, log, argv);
	return process_wait_line(&rig->daemon, text);
}

/* A directory as it should be, whatever the builder's umask, with the example in it. */
static const char *modules(struct rig *rig)
{
	static char directory[128];
	char command[512];

	snprintf(directory, sizeof(directory), "%s/modules", rig->board.dir);
	snprintf(command, sizeof(command),
		 "install -d -m 755 '%s' && install -m 644 '%s/module/smmu-blockall.so' '%s'",
		 directory, getenv("SMMU_BUILD"), directory);
	assert_int_equal(system(command), 0);
	return directory;
}

/* The device copies from memory to memory, through itself, with nobody in charge. */
static bool device_moves_bytes(struct rig *rig)
{
	struct board_owner owner;
	uint8_t *bytes;
	bool has_moved;
	uint64_t pa;
	int edu;

	assert_int_equal(board_owner_init(&owner, rig->board.socket), 0);
	pci_set_master(&owner, SLOT, true);
	assert_int_equal(board_window_open(owner.fd, pci_bar0(&owner, SLOT), 0x100000, &edu, NULL),
			 0);
	bytes = owner.parts[1];
	pa = owner.hello.parts[1].pa;
	memset(bytes, 0x5a, RIG_PAGE);
	memset(bytes + RIG_PAGE, 0, RIG_PAGE);
	edu_start(edu, pa, EDU_BUFFER, 64, EDU_FROM_RAM);
	edu_wait(edu);
	edu_start(edu, EDU_BUFFER, pa + RIG_PAGE, 64, EDU_TO_RAM);
	edu_wait(edu);
	has_moved = memcmp(bytes, bytes + RIG_PAGE, 64) == 0;
	if (!has_moved)
		assert_int_equal(bytes[RIG_PAGE] | bytes[RIG_PAGE + 63], 0);
	memset(bytes, 0, 2 * RIG_PAGE);
	close(edu);
	board_owner_fini(&owner);
	return has_moved;
}

static void assert_attach_refused(struct rig *rig)
{
	struct driver driver;
	char text[240] = "";
	int ret;

	driver_open(&driver, rig, RIG_PAGE);
	do
		ret = driver_try_attach(&driver, DMA0);
	while (ret == -EAGAIN);
	smmu_last_error(driver.context, text, sizeof(text));
	if (ret != -EACCES || !strstr(text, "blockall lets no device reach memory"))
		fail_msg("%d: %s", ret, text);
	driver_close(&driver);
}

static void module_blockall_nothing_gets_through(void **state)
{
	struct rig *rig = *state;

	assert_true(device_moves_bytes(rig));
	write_policy(rig, "blockall");
	if (variant_qemu_version(variant) < GBPA_SINCE) {
		assert_true(start_daemon(rig, modules(rig), "SMMU_GBPA"));
		assert_int_equal(process_wait(&rig->daemon), 1);
		return;
	}
	if (!start_daemon(rig, modules(rig), "ready:")) {
		process_show_log(&rig->daemon);
		fail_msg("the daemon did not come up");
	}
	assert_true(process_said(&rig->daemon, "driven by module 'blockall' of "));
	assert_true(process_said(&rig->daemon, "SMMUv3 that blocks everything"));
	assert_attach_refused(rig);
	assert_int_equal(process_stop(&rig->daemon, SIGKILL), 128 + SIGKILL);
	assert_false(device_moves_bytes(rig));
}

static void module_blockall_ended_daemon_leaves_it_closed(void **state)
{
	struct rig *rig = *state;

	if (variant_qemu_version(variant) < GBPA_SINCE)
		skip_because("this QEMU's SMMUv3 has no SMMU_GBPA, blockall refuses it");
	write_policy(rig, "blockall");
	assert_true(start_daemon(rig, modules(rig), "ready:"));
	assert_int_equal(process_stop(&rig->daemon, SIGTERM), 0);
	assert_false(device_moves_bytes(rig));
}

/* The policy's word is not taken for the unit's kind. */
static void module_for_another_kind_of_unit_is_refused(void **state)
{
	struct rig rig;

	(void)state;
	if (!variant_can(&variants[VTD_LEGACY_48]))
		skip_because("no x86 QEMU");
	rig_prepare(&rig, &variants[VTD_LEGACY_48]);
	write_policy(&rig, "blockall");
	assert_true(start_daemon(&rig, modules(&rig), "does not drive this kind of IOMMU"));
	assert_int_equal(process_wait(&rig.daemon), 1);
	board_stop(&rig.board);
}

/* Nothing is touched: what the unit did at reset it does still. */
static void module_that_is_refused_daemon_does_not_start(void **state)
{
	struct rig *rig = *state;
	char directory[128];

	write_policy(rig, "none");
	assert_true(start_daemon(rig, modules(rig), "smmu-none.so: No such file"));
	assert_int_equal(process_wait(&rig->daemon), 1);
	snprintf(directory, sizeof(directory), "%s/open", rig->board.dir);
	assert_int_equal(mkdir(directory, 0755), 0);
	assert_int_equal(chmod(directory, 0777), 0);
	assert_true(start_daemon(rig, directory, "others than its owner may write it"));
	assert_int_equal(process_wait(&rig->daemon), 1);
	assert_true(device_moves_bytes(rig));
}

#ifdef __SANITIZE_ADDRESS__
#define IS_SANITIZED true
#elif defined(__has_feature)
#define IS_SANITIZED __has_feature(address_sanitizer)
#else
#define IS_SANITIZED false
#endif

/* "name;" in the linker's list, as a word of its own. */
static bool is_listed(const char *list, const char *name)
{
	char word[208];
	const char *at;

	snprintf(word, sizeof(word), "%s;", name);
	for (at = strstr(list, word); at; at = strstr(at + 1, word))
		if (at > list && strchr(" \t\n", at[-1]))
			return true;
	return false;
}

/* What is not in drivers/module.syms is none of a module's business. */
static void module_program_shows_what_is_listed_and_nothing_else(void **state)
{
	char list[4096] = "", path[128], command[256], line[256], name[200];
	unsigned found = 0, listed = 0;
	const char *at;
	FILE *file;

	(void)state;
	if (IS_SANITIZED)
		skip_because("a sanitizer shows symbols of its own");
	file = fopen("drivers/module.syms", "re");
	assert_non_null(file);
	assert_true(fread(list, 1, sizeof(list) - 1, file) > 0);
	fclose(file);
	for (at = strchr(list, '{'); at; at = strchr(at + 1, ';'))
		listed++;
	snprintf(command, sizeof(command), "nm -D --defined-only '%s'",
		 build_path("smmuman", path, sizeof(path)));
	file = popen(command, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		assert_int_equal(sscanf(line, "%*x %*c %199s", name), 1);
		if (strchr(name, '@'))
			continue; /* the C library's own, copied */
		if (!is_listed(list, name))
			fail_msg("%s is shown to modules and is not in drivers/module.syms", name);
		found++;
	}
	assert_int_equal(pclose(file), 0);
	assert_int_equal(found, listed - 2); /* the brace, and the semicolon behind the other */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(module_blockall_nothing_gets_through),
		TEST(module_blockall_ended_daemon_leaves_it_closed),
		TEST(module_that_is_refused_daemon_does_not_start),
		cmocka_unit_test(module_for_another_kind_of_unit_is_refused),
		cmocka_unit_test(module_program_shows_what_is_listed_and_nothing_else),
	};

	if (!variant_can(variant))
		return 0;
	return cmocka_run_group_tests_name("module", tests, NULL, NULL);
}
