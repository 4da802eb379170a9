// SPDX-License-Identifier: BSD-2-Clause
/* F58: device trees that lie, one data file a lie, and every blob of a byte wrong. */
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

#include "scoped.h"
#include "topology_text.h"

#define DATA "tests/data/fdt/"
#define BLOB_MAX (2u << 20)

static struct topology topology;

/* Compiles a data file; the blob is 8-byte aligned and the caller's to free. */
static uint8_t *compile(const char *path, const char *options, size_t *ret_size)
{
	uint8_t *blob = malloc(BLOB_MAX + 1);
	char command[256];
	FILE *dtc;

	assert_non_null(blob);
	snprintf(command, sizeof(command), "dtc -q -q -f -I dts -O dtb %s %s", options, path);
	dtc = popen(command, "r");
	assert_non_null(dtc);
	*ret_size = fread(blob, 1, BLOB_MAX + 1, dtc);
	assert_int_equal(pclose(dtc), 0);
	assert_true(*ret_size > 0 && *ret_size <= BLOB_MAX);
	return blob;
}

/* What topology_from_fdt() makes of a blob, as a golden file has it. */
static void describe(const uint8_t *blob, size_t size, char *text, size_t text_size)
{
	struct error err = { 0 };
	int result = topology_from_fdt(blob, size, &topology, &err);

	if (result) {
		assert_int_equal(result, err.code);
		snprintf(text, text_size, "refused: %s\n", err.text);
		return;
	}
	if (!topology_is_valid(&topology))
		fail_msg("an invalid topology was accepted");
	topology_text(&topology, text, text_size);
}

static void read_text(const char *path, char *text, size_t size)
{
	scoped_file file = fopen(path, "r");
	size_t got = file ? fread(text, 1, size - 1, file) : 0;

	text[got] = '\0';
}

static void discover_every_data_file_as_expected(void **state)
{
	static char text[1 << 16], expected[1 << 16];
	size_t i, wrong = 0;
	glob_t files;

	(void)state;
	assert_int_equal(glob(DATA "*.dts", 0, NULL, &files), 0);
	for (i = 0; i < files.gl_pathc; i++) {
		const char *path = files.gl_pathv[i];
		uint8_t *blob;
		char name[256];
		size_t size;

		blob = compile(path, "", &size);
		describe(blob, size, text, sizeof(text));
		snprintf(name, sizeof(name), "%.*s.expect", (int)strlen(path) - 4, path);
		read_text(name, expected, sizeof(expected));
		if (strcmp(text, expected) != 0) {
			fprintf(stderr, "%s is\n%s# and not\n%s# end\n", path, text, expected);
			wrong++;
		}
		free(blob);
	}
	assert_true(files.gl_pathc > 40);
	globfree(&files);
	assert_int_equal(wrong, 0);
}

static void discover_truncated_blob_is_refused_at_every_length(void **state)
{
	struct error err;
	size_t size, cut;
	uint8_t *blob = compile(DATA "good-board.dts", "", &size);

	(void)state;
	for (cut = 0; cut < size; cut++) {
		uint8_t *part = malloc(cut ? cut : 1); /* exact: a sanitizer sees a byte too far */

		memcpy(part, blob, cut);
		err = (struct error){ 0 };
		assert_int_equal(topology_from_fdt(part, cut, &topology, &err), -EINVAL);
		assert_non_null(strstr(err.text, "the device tree is damaged"));
		free(part);
	}
	free(blob);
}

static void discover_any_byte_changed_is_valid_or_refused(void **state)
{
	static const uint8_t masks[] = { 0x01, 0x80, 0xff };
	static char text[1 << 16];
	size_t size, i, j;
	uint8_t *blob = compile(DATA "good-nested-buses.dts", "", &size);

	(void)state;
	for (i = 0; i < size; i++)
		for (j = 0; j < sizeof(masks); j++) {
			blob[i] ^= masks[j];
			describe(blob, size, text, sizeof(text));
			blob[i] ^= masks[j];
		}
	free(blob);
}

static void discover_any_word_extreme_is_valid_or_refused(void **state)
{
	static const uint8_t words[][4] = { { 0 }, { 0xff, 0xff, 0xff, 0xff }, { 0x80 },
					    { 0x7f, 0xff, 0xff, 0xff }, { 0, 0, 0, 1 },
					    { 0, 0, 0, 9 } };
	static char text[1 << 16];
	size_t size, i, j;
	uint8_t *blob = compile(DATA "good-two-units.dts", "", &size), old[4];

	(void)state;
	for (i = 0; i + 4 <= size; i += 4)
		for (j = 0; j < sizeof(words) / sizeof(words[0]); j++) {
			memcpy(old, blob + i, 4);
			memcpy(blob + i, words[j], 4);
			describe(blob, size, text, sizeof(text));
			memcpy(blob + i, old, 4);
		}
	free(blob);
}

static void discover_blob_of_two_megabytes_is_accepted(void **state)
{
	struct error err = { 0 };
	size_t size;
	uint8_t *blob = compile(DATA "good-board.dts", "-S 2097152", &size);

	(void)state;
	assert_int_equal(size, BLOB_MAX);
	assert_int_equal(topology_from_fdt(blob, size, &topology, &err), 0);
	assert_int_equal(topology.unit_count, 1);
	assert_int_equal(topology_from_fdt(blob, size - 1, &topology, &err), -EINVAL);
	free(blob);
}

static void discover_blob_bigger_than_any_is_refused(void **state)
{
	struct error err = { 0 };
	size_t size;
	uint8_t *blob = compile(DATA "good-board.dts", "", &size);

	(void)state;
	assert_int_equal(topology_from_fdt(blob, UINT64_MAX, &topology, &err), -EINVAL);
	assert_int_equal(topology_from_fdt(blob, (uint64_t)1 << 31, &topology, &err), -EINVAL);
	free(blob);
}

static void discover_hostile_names_are_printable_in_the_refusal(void **state)
{
	static const char name[] = "dma-engine@a000000";
	struct error err = { 0 };
	uint8_t *blob, *at;
	size_t size;

	(void)state;
	blob = compile(DATA "good-board.dts", "", &size);
	at = memmem(blob, size, name, strlen(name));
	assert_non_null(at);
	memcpy(at, "\x1b[31m\n\r\xff", 8);
	assert_int_equal(topology_from_fdt(blob, size, &topology, &err), -EINVAL);
	assert_non_null(strstr(err.text, "/?[31m???ne@a000000: is a DMA master whose path is no"));
	free(blob);
}

static void find_by_name_and_by_alias_is_one_device(void **state)
{
	struct devname name;
	size_t size;
	uint8_t *blob = compile(DATA "good-board.dts", "", &size);

	(void)state;
	assert_int_equal(topology_from_fdt(blob, size, &topology, NULL), 0);
	assert_int_equal(devname_parse("dt:/dma-engine@a000000", &name), 0);
	assert_ptr_equal(topology_find(&topology, &name), &topology.devices[0]);
	assert_int_equal(devname_parse("mmio:0xa000000+0x1000", &name), 0);
	assert_ptr_equal(topology_find(&topology, &name), &topology.devices[0]);
	assert_int_equal(devname_parse("mmio:0xa000000+0x2000", &name), 0);
	assert_null(topology_find(&topology, &name));
	free(blob);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(discover_every_data_file_as_expected),
		cmocka_unit_test(discover_truncated_blob_is_refused_at_every_length),
		cmocka_unit_test(discover_any_byte_changed_is_valid_or_refused),
		cmocka_unit_test(discover_any_word_extreme_is_valid_or_refused),
		cmocka_unit_test(discover_blob_of_two_megabytes_is_accepted),
		cmocka_unit_test(discover_blob_bigger_than_any_is_refused),
		cmocka_unit_test(discover_hostile_names_are_printable_in_the_refusal),
		cmocka_unit_test(find_by_name_and_by_alias_is_one_device),
	};

	return cmocka_run_group_tests_name("discover_fdt", tests, NULL, NULL);
}
