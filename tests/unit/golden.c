// SPDX-License-Identifier: BSD-2-Clause
#include "golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FILE_MAX 32768u

void golden_run(struct golden *golden, golden_program *program, const char *name,
		char *const *words)
{
	char *argv[GOLDEN_WORDS_MAX + 2] = { (char *)(uintptr_t)name };
	size_t out_size, err_size;
	FILE *out = open_memstream(&golden->out, &out_size);
	FILE *err = open_memstream(&golden->err, &err_size);
	int argc = 1;

	assert_true(out && err);
	for (; *words; words++) {
		assert_true(argc <= (int)GOLDEN_WORDS_MAX);
		argv[argc++] = *words;
	}
	golden->code = program(argc, argv, out, err);
	fclose(out);
	fclose(err);
}

void golden_free(struct golden *golden)
{
	free(golden->out);
	free(golden->err);
}

char *golden_render(const struct golden *golden, const char *name, char *const *words)
{
	size_t size;
	char *text;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	fprintf(to, "$ %s", name);
	for (; *words; words++)
		fprintf(to, " %s", *words);
	fprintf(to, "\n%s", golden->out);
	if (*golden->err)
		fprintf(to, "--- stderr\n%s", golden->err);
	fprintf(to, "--- exit %d\n", golden->code);
	fclose(to);
	return text;
}

static void write_anew(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

void golden_compare(const char *path, const char *text)
{
	static char expected[FILE_MAX];
	size_t length;
	FILE *file;

	if (getenv("UPDATE"))
		write_anew(path, text);
	file = fopen(path, "r");
	if (!file)
		fail_msg("%s is missing; UPDATE=1 writes it", path);
	length = fread(expected, 1, sizeof(expected) - 1, file);
	fclose(file);
	expected[length] = '\0';
	if (strcmp(text, expected) != 0)
		print_message("%s differs\n", path);
	assert_string_equal(text, expected);
}
