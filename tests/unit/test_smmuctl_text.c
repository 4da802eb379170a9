// SPDX-License-Identifier: BSD-2-Clause
/* Sizes, spans, moments, wrapping and cleaning of words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "bits.h"
#include "text.h"
#include "times.h"

#define SECOND UINT64_C(1000000000)

static void text_size_is_exact_in_the_largest_unit(void **state)
{
	static const struct { uint64_t bytes; const char *words; } rows[] = {
		{ 0, "0 bytes" },	   { 1, "1 byte" },	      { 1023, "1023 bytes" },
		{ 1024, "1 KiB" },	   { 1025, "1025 bytes" },    { 4096, "4 KiB" },
		{ 1 << 20, "1 MiB" },	   { (1 << 20) + 4096, "1028 KiB" },
		{ UINT64_C(1) << 60, "1 EiB" }, { UINT64_C(1) << 63, "8 EiB" },
		{ UINT64_MAX, "18446744073709551615 bytes" },
	};
	char text[TEXT_SIZE_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(rows); i++)
		assert_string_equal(text_size(text, rows[i].bytes), rows[i].words);
}

static void text_rights_are_three_letters(void **state)
{
	char text[4];

	(void)state;
	assert_string_equal(text_rights(text, 0), "---");
	assert_string_equal(text_rights(text, 3), "rw-");
	assert_string_equal(text_rights(text, 7), "rwx");
}

static void text_clean_escapes_what_steers_a_terminal(void **state)
{
	char text[64];

	(void)state;
	assert_string_equal(text_clean(text, sizeof(text), "plain ~ text"), "plain ~ text");
	assert_string_equal(text_clean(text, sizeof(text), "\033[2J\n\x9b"), "\\x1b[2J\\x0a\\x9b");
}

static void text_clean_without_room_cuts_between_characters(void **state)
{
	char text[8];

	(void)state;
	assert_string_equal(text_clean(text, sizeof(text), "abcdefghijk"), "abcd");
	assert_string_equal(text_clean(text, sizeof(text), "\n\n\n"), "\\x0a");
}

static char *wrapped(unsigned start, unsigned indent, const char *words)
{
	size_t size;
	char *text;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	text_wrap(to, start, indent, words);
	fclose(to);
	return text;
}

static void text_wrap_breaks_between_words_at_the_last_column(void **state)
{
	char words[160], *text;

	(void)state;
	memset(words, 'a', 99);
	strcpy(words + 99, " b cc");
	text = wrapped(0, 2, words);
	/* 99 columns, and " b" would be the 101st. */
	assert_int_equal(strcspn(text, "\n"), 99);
	assert_string_equal(text + 99, "\n  b cc\n");
	free(text);
	words[98] = ' ';
	text = wrapped(0, 2, words);
	assert_int_equal(strcspn(text, "\n"), 100);
	free(text);
}

static void text_wrap_never_breaks_a_word(void **state)
{
	char words[160] = { 0 }, *text;

	(void)state;
	memset(words, 'a', 150);
	text = wrapped(10, 10, words);
	assert_int_equal(strcspn(text, "\n"), 150);
	assert_string_equal(text + 150, "\n");
	free(text);
}

static void times_span_names_two_units(void **state)
{
	static const struct { uint64_t seconds; const char *words; } rows[] = {
		{ 0, "0 s" }, { 59, "59 s" }, { 60, "1 min 0 s" }, { 3599, "59 min 59 s" },
		{ 3600, "1 h 0 min" }, { 86399, "23 h 59 min" }, { 90000, "1 d 1 h" },
	};
	char text[TIMES_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(rows); i++)
		assert_string_equal(times_span(text, rows[i].seconds * SECOND), rows[i].words);
}

static void times_iso_is_utc_with_nanoseconds(void **state)
{
	char text[TIMES_MAX];

	(void)state;
	setenv("TZ", "Pacific/Auckland", 1);
	tzset();
	assert_string_equal(times_iso(text, 1), "1970-01-01T00:00:00.000000001Z");
	assert_string_equal(times_iso(text, UINT64_C(1777636800123456789)),
			    "2026-05-01T12:00:00.123456789Z");
	/* The largest there is does not overflow the text. */
	assert_true(strlen(times_iso(text, UINT64_MAX)) < TIMES_MAX);
}

static void times_for_people_are_in_their_zone(void **state)
{
	char text[TIMES_MAX];

	(void)state;
	setenv("TZ", "ABC-2", 1);
	tzset();
	assert_string_equal(times_clock(text, UINT64_C(1777672799999999999)), "23:59:59.999");
	assert_string_equal(times_day(text, UINT64_C(1777672799999999999)), "2026-05-01");
	assert_string_equal(times_day(text, UINT64_C(1777672800000000000)), "2026-05-02");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_size_is_exact_in_the_largest_unit),
		cmocka_unit_test(text_rights_are_three_letters),
		cmocka_unit_test(text_clean_escapes_what_steers_a_terminal),
		cmocka_unit_test(text_clean_without_room_cuts_between_characters),
		cmocka_unit_test(text_wrap_breaks_between_words_at_the_last_column),
		cmocka_unit_test(text_wrap_never_breaks_a_word),
		cmocka_unit_test(times_span_names_two_units),
		cmocka_unit_test(times_iso_is_utc_with_nanoseconds),
		cmocka_unit_test(times_for_people_are_in_their_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
