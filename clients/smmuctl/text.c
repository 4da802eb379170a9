// SPDX-License-Identifier: BSD-2-Clause
#include "text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "types.h"

char *text_clean(char *to, size_t size, const char *from)
{
	size_t used = 0;

	for (; *from && used + 5 <= size; from++) {
		if (*from >= ' ' && *from <= '~')
			to[used++] = *from;
		else
			used += (size_t)snprintf(to + used, size - used, "\\x%02x",
						 (unsigned char)*from);
	}
	to[used] = '\0';
	return to;
}

char *text_size(char to[TEXT_SIZE_MAX], uint64_t bytes)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	size_t i = 0;

	while (bytes >= 1024 && bytes % 1024 == 0 && i < 6) {
		bytes /= 1024;
		i++;
	}
	snprintf(to, TEXT_SIZE_MAX, "%" PRIu64 " %s", bytes,
		 bytes == 1 && i == 0 ? "byte" : units[i]);
	return to;
}

char *text_rights(char to[4], uint32_t rights)
{
	to[0] = rights & RIGHT_READ ? 'r' : '-';
	to[1] = rights & RIGHT_WRITE ? 'w' : '-';
	to[2] = rights & RIGHT_EXEC ? 'x' : '-';
	to[3] = '\0';
	return to;
}

void text_wrap(FILE *out, unsigned start, unsigned indent, const char *words)
{
	size_t column = start, length;
	bool is_first = true;

	for (words += strspn(words, " "); *words; words += strspn(words, " ")) {
		length = strcspn(words, " ");
		if (!is_first && column + 1 + length > TEXT_COLUMNS) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!is_first) {
			fputc(' ', out);
			column++;
		}
		fwrite(words, 1, length, out);
		column += length;
		words += length;
		is_first = false;
	}
	fputc('\n', out);
}
