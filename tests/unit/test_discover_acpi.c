// SPDX-License-Identifier: BSD-2-Clause
/* F57: ACPI tables that lie, one data file a lie, and tables of a byte wrong. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "acpi_tables.h"
#include "acpi_text.h"
#include "golden.h"
#include "log.h"
#include "topology_text.h"

#define DATA "tests/data/acpi/"

static struct topology topology;
static struct acpi_text text;

static void open_data(const char *path)
{
	if (acpi_text_open(path, &text))
		fail_msg("%s cannot be read", path);
}

static int discover(struct error *err)
{
	int result = topology_from_acpi(&text.machine, &topology, err);

	if (result == 0 && text.wants_scan)
		result = topology_scan_pci(&text.machine, &topology, err);
	return result;
}

/* What discovery makes of the tables, as a golden file has it. */
static void describe(char *words, size_t size)
{
	struct error err = { 0 };
	int result = discover(&err);

	if (result) {
		assert_int_equal(result, err.code);
		assert_true(err.text[0]);
		snprintf(words, size, "refused: %s\n", err.text);
		return;
	}
	if (!topology_is_valid(&topology))
		fail_msg("an invalid topology was accepted");
	topology_text(&topology, words, size);
}

static void discover_every_data_file_as_expected(void **state)
{
	static char words[1 << 16];
	size_t i;
	glob_t files;

	(void)state;
	assert_int_equal(glob(DATA "*.acpi", 0, NULL, &files), 0);
	for (i = 0; i < files.gl_pathc; i++) {
		const char *path = files.gl_pathv[i];
		char name[256];

		open_data(path);
		describe(words, sizeof(words));
		acpi_text_close(&text);
		if ((strstr(path, "/good-") != NULL) == (strncmp(words, "refused", 7) == 0))
			fail_msg("%s: %s", path, words);
		snprintf(name, sizeof(name), "%.*s.expect", (int)strlen(path) - 5, path);
		golden_compare(name, words);
	}
	assert_true(files.gl_pathc > 100);
	globfree(&files);
}

/* --- every byte ------------------------------------------------------------------------- */

static const char *const tables[][2] = {
	{ DATA "good-workstation.acpi", "DMAR" },
	{ DATA "good-bridges.acpi", "DMAR" },
	{ DATA "good-viot-of-all-kinds.acpi", "VIOT" },
	{ DATA "good-q35.acpi", "MCFG" },
};

#define TABLES (sizeof(tables) / sizeof(tables[0]))

static struct machine_table *open_table(size_t index)
{
	log_setup("test", LOG_ERROR, false); /* not a word about each kind unknown */
	open_data(tables[index][0]);
	text.wants_scan = false;
	return (struct machine_table *)(uintptr_t)acpi_table_find(&text.machine, tables[index][1]);
}

static void discover_truncated_table_is_refused_or_shorter(void **state)
{
	static char words[1 << 16];
	struct machine_table *table;
	uint8_t *whole;
	uint32_t size;
	size_t i;

	(void)state;
	for (i = 0; i < TABLES; i++) {
		table = open_table(i);
		whole = table->bytes;
		for (size = table->size; size-- > ACPI_HEADER_BYTES;) {
			table->bytes = malloc(size); /* exact: a sanitizer sees a byte too far */
			assert_non_null(table->bytes);
			memcpy(table->bytes, whole, size);
			table->size = size;
			describe(words, sizeof(words));
			free(table->bytes);
		}
		table->bytes = whole;
		acpi_text_close(&text);
	}
}

static void discover_any_byte_changed_is_valid_or_refused(void **state)
{
	static const uint8_t masks[] = { 0x01, 0x80, 0xff };
	static char words[1 << 16];
	struct machine_table *table;
	size_t i, j, at;

	(void)state;
	for (i = 0; i < TABLES; i++) {
		table = open_table(i);
		for (at = ACPI_HEADER_BYTES; at < table->size; at++)
			for (j = 0; j < sizeof(masks); j++) {
				((uint8_t *)table->bytes)[at] ^= masks[j];
				describe(words, sizeof(words));
				((uint8_t *)table->bytes)[at] ^= masks[j];
			}
		acpi_text_close(&text);
	}
}

/* --- what is too big to be written down ---------------------------------------------------- */

static void put(struct machine_table *table, uint64_t value, unsigned width)
{
	for (; width > 0; width--, value >>= 8)
		((uint8_t *)table->bytes)[table->size++] = (uint8_t)value;
}

/* A unit with count endpoints, no two of them neighbours; flags are the DRHD's. */
static void make_crowd(uint32_t count, uint32_t flags)
{
	struct machine_table *table;
	uint32_t i;

	open_data(DATA "good-mcfg-alone.acpi");
	table = &text.machine.tables[text.machine.table_count++];
	memcpy(table->signature, "DMAR", 5);
	table->bytes = calloc(1, 64 + 16 + (size_t)count * 8);
	assert_non_null(table->bytes);
	table->size = ACPI_HEADER_BYTES;
	put(table, 0x2f, 12);
	put(table, (uint64_t)(16 + count * 8) << 16 | (uint64_t)flags << 32, 8);
	put(table, 0xfed90000, 8);
	for (i = 0; i < count; i++) {
		put(table, 0x0801, 5);
		put(table, 0x20 + i / 128, 1);
		put(table, i % 128 / 4, 1);
		put(table, i % 4 * 2, 1);
	}
}

static void discover_as_many_requesters_as_fit_is_accepted(void **state)
{
	struct error err = { 0 };

	(void)state;
	make_crowd(TOPOLOGY_MAPS_MAX, 0);
	assert_int_equal(discover(&err), 0);
	assert_int_equal(topology.map_count, TOPOLOGY_MAPS_MAX);
	assert_true(topology_is_valid(&topology));
	acpi_text_close(&text);
}

static void discover_more_requesters_than_fit_is_refused(void **state)
{
	struct error err = { 0 };

	(void)state;
	make_crowd(TOPOLOGY_MAPS_MAX + 1, 0);
	assert_int_equal(discover(&err), -EINVAL);
	assert_string_equal(err.text, "DMAR+0x2040: is one range of requesters too many: this "
				      "smmuman knows 1024 at most");
	acpi_text_close(&text);
}

/* The rest of a segment takes a place too. */
static void discover_more_maps_than_fit_is_refused(void **state)
{
	struct error err = { 0 };

	(void)state;
	make_crowd(TOPOLOGY_MAPS_MAX - 1, 1);
	assert_int_equal(discover(&err), 0);
	acpi_text_close(&text);
	make_crowd(TOPOLOGY_MAPS_MAX, 1);
	assert_int_equal(discover(&err), -EINVAL);
	assert_string_equal(err.text, "the ACPI tables name too many ranges of requesters: this "
				      "smmuman knows 1024 at most");
	acpi_text_close(&text);
}

/* --- skipped, but not in silence ------------------------------------------------------------ */

static void read_stderr_of(const char *path, char *words, size_t size)
{
	int saved = dup(STDERR_FILENO), file = memfd_create("stderr", MFD_CLOEXEC);
	struct error err = { 0 };
	ssize_t got;

	log_setup("test", LOG_WARN, false);
	assert_true(saved >= 0 && file >= 0 && dup2(file, STDERR_FILENO) >= 0);
	open_data(path);
	assert_int_equal(discover(&err), 0);
	acpi_text_close(&text);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	got = pread(file, words, size - 1, 0);
	assert_true(got >= 0);
	words[got] = '\0';
	close(saved);
	close(file);
}

static void discover_unknown_kinds_are_skipped_with_a_word(void **state)
{
	static const char *const files[][2] = {
		{ DATA "good-unknown-structure.acpi",
		  "DMAR+0x48: the structure's type 6 is none smmuman knows; skipped\n" },
		{ DATA "good-unknown-scope.acpi",
		  "DMAR+0x40: the device scope's type 6 is none smmuman knows; skipped\n" },
		{ DATA "good-viot-unknown-node.acpi",
		  "VIOT+0x40: the node's type 9 is none smmuman knows; skipped\n" },
	};
	char words[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		read_stderr_of(files[i][0], words, sizeof(words));
		if (!strstr(words, files[i][1]) || strchr(words, '\n')[1])
			fail_msg("%s: '%s'", files[i][0], words);
	}
}

static void discover_machine_without_any_description_is_refused(void **state)
{
	struct error err = { 0 };

	(void)state;
	open_data(DATA "good-mcfg-alone.acpi");
	acpi_tables_free(&text.machine);
	snprintf(text.machine.words, sizeof(text.machine.words), "the machine");
	assert_int_equal(topology_discover(&text.machine, &topology, &err), -ENODEV);
	assert_string_equal(err.text,
			    "the machine: it has neither a device tree nor ACPI tables");
	acpi_text_close(&text);
}

/* Discovery asks configuration space where paths lead and changes nothing there. */
static void discover_writes_nothing(void **state)
{
	struct error err = { 0 };

	(void)state;
	open_data(DATA "good-bridges.acpi");
	text.wants_scan = false;
	assert_int_equal(discover(&err), 0);
	assert_true(text.pci.reads > 0);
	assert_int_equal(text.pci.writes, 0);
	acpi_text_close(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(discover_every_data_file_as_expected),
		cmocka_unit_test(discover_truncated_table_is_refused_or_shorter),
		cmocka_unit_test(discover_any_byte_changed_is_valid_or_refused),
		cmocka_unit_test(discover_as_many_requesters_as_fit_is_accepted),
		cmocka_unit_test(discover_more_requesters_than_fit_is_refused),
		cmocka_unit_test(discover_more_maps_than_fit_is_refused),
		cmocka_unit_test(discover_unknown_kinds_are_skipped_with_a_word),
		cmocka_unit_test(discover_machine_without_any_description_is_refused),
		cmocka_unit_test(discover_writes_nothing),
	};

	return cmocka_run_group_tests_name("discover_acpi", tests, NULL, NULL);
}
