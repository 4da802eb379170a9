// SPDX-License-Identifier: BSD-2-Clause
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "bits.h"
#include "suggest.h"

static void distance_single_edits_counted(void **state)
{
	static const struct { const char *a, *b; unsigned distance; } pairs[] = {
		{ "", "", 0 },		     { "", "abc", 3 },	   { "abc", "", 3 },
		{ "attach", "attach", 0 },   { "atach", "attach", 1 }, { "attachh", "attach", 1 },
		{ "attbch", "attach", 1 },   { "atatch", "attach", 1 }, { "ATTACH", "attach", 0 },
		{ "kitten", "sitting", 3 },  { "ca", "abc", 3 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(pairs); i++) {
		assert_int_equal(suggest_distance(pairs[i].a, pairs[i].b), pairs[i].distance);
		assert_int_equal(suggest_distance(pairs[i].b, pairs[i].a), pairs[i].distance);
	}
}

static void distance_long_words_bounded(void **state)
{
	static char a[5000], b[5000];

	(void)state;
	memset(a, 'a', sizeof(a) - 1);
	memset(b, 'b', sizeof(b) - 1);
	assert_int_equal(suggest_distance(a, b), SUGGEST_WORD_MAX);
	assert_int_equal(suggest_distance(a, a), 0);
}

static const char *nearest(const char *word)
{
	static const char *const known[] = { "name", "match", "quiesce", "storm", "host", "uid",
					     "r" };
	struct suggest suggest;
	size_t i;

	suggest_init(&suggest, word);
	for (i = 0; i < ARRAY_COUNT(known); i++)
		suggest_offer(&suggest, known[i]);
	return suggest.best;
}

static void offer_misspelt_word_nearest_found(void **state)
{
	(void)state;
	assert_string_equal(nearest("mtach"), "match");
	assert_string_equal(nearest("quisce"), "quiesce");
	assert_string_equal(nearest("quiescence"), "quiesce");
	assert_string_equal(nearest("uuid"), "uid");
	assert_string_equal(nearest("hots"), "host");
}

static void offer_foreign_word_nothing_found(void **state)
{
	(void)state;
	assert_null(nearest("passthrough"));
	assert_null(nearest("x"));
	assert_null(nearest(""));
	assert_null(nearest("zq"));
}

static void offer_two_equally_near_first_wins(void **state)
{
	struct suggest suggest;

	(void)state;
	suggest_init(&suggest, "dma2");
	suggest_offer(&suggest, "dma0");
	suggest_offer(&suggest, "dma1");
	assert_string_equal(suggest.best, "dma0");
	suggest_offer(&suggest, "dma2");
	assert_string_equal(suggest.best, "dma2");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(distance_single_edits_counted),
		cmocka_unit_test(distance_long_words_bounded),
		cmocka_unit_test(offer_misspelt_word_nearest_found),
		cmocka_unit_test(offer_foreign_word_nothing_found),
		cmocka_unit_test(offer_two_equally_near_first_wins),
	};

	return cmocka_run_group_tests_name("suggest", tests, NULL, NULL);
}
