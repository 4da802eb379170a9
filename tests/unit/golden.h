/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program's whole answer to a command line, compared with a file. With UPDATE
 * in the environment the files are written anew: then read them.
 */
#ifndef SMMUMAN_TESTS_GOLDEN_H
#define SMMUMAN_TESTS_GOLDEN_H

#include <stddef.h>
#include <stdio.h>

#define GOLDEN_WORDS_MAX 8u

/* A main() that prints to what it is given. */
typedef int golden_program(int argc, char **argv, FILE *out, FILE *err);

struct golden {
	char *out, *err;
	int code;
};

/* words: what stands behind the program's name, ended by NULL. */
#define WORDS(...) ((char *[]){ __VA_ARGS__, NULL })

void golden_run(struct golden *golden, golden_program *program, const char *name,
		char *const *words);
void golden_free(struct golden *golden);

/* "$ words", standard output, standard error, the exit code. The caller frees it. */
char *golden_render(const struct golden *golden, const char *name, char *const *words);

/* Fails the test where text is not what the file holds. */
void golden_compare(const char *path, const char *text);

#endif
