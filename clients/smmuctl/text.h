/* SPDX-License-Identifier: BSD-2-Clause */
/* Words for people: clean, wrapped, with sizes and times one can read. */
#ifndef SMMUMAN_CLIENTS_SMMUCTL_TEXT_H
#define SMMUMAN_CLIENTS_SMMUCTL_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TEXT_COLUMNS 100u
#define TEXT_SIZE_MAX 32u

/*
 * A stranger's text must not steer the reader's terminal: what is not printable
 * ASCII becomes \xNN. Cut to size bytes, NUL included. Returns to.
 */
char *text_clean(char *to, size_t size, const char *from);

/* "16 MiB", "4 KiB", "100 bytes": exact, in the largest unit that is. Returns to. */
char *text_size(char to[TEXT_SIZE_MAX], uint64_t bytes);

/* "r-x", as ls would write it; to has 4 bytes. Returns to. */
char *text_rights(char to[4], uint32_t rights);

/*
 * Words from column start on, later lines from column indent on, ended by a
 * newline; nothing is broken inside a word.
 */
void text_wrap(FILE *out, unsigned start, unsigned indent, const char *words);

#endif
