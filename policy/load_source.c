// SPDX-License-Identifier: BSD-2-Clause
// The bytes of a policy file, before anybody parses them.
#include "load.h"

#include <string.h>

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

struct load_mark load_mark_of_byte(const struct load *load, size_t offset)
{
	struct load_mark mark = { 1, 1 };
	size_t i;

	for (i = 0; i < offset && i < load->length; i++) {
		if (load->bytes[i] == '\n') {
			mark.line++;
			mark.column = 1;
		} else if (!is_continuation(load->bytes[i])) {
			mark.column++;
		}
	}
	return mark;
}

char load_printable(const char **at, const char *end)
{
	char c = *(*at)++;

	if (c >= ' ' && c <= '~')
		return c;
	if (c == '\t')
		return ' ';
	while (*at < end && is_continuation(**at))
		(*at)++;
	return '?';
}

/* What is wrong with the byte at offset, given those before it, or NULL. */
static const char *byte_fault(const struct load *load, size_t offset, bool is_indent)
{
	const char *at = load->bytes + offset;
	unsigned char c = (unsigned char)*at;
	size_t left = load->length - offset;

	if (c == '\0')
		return "a NUL byte: this is no text file";
	if (c == '\t')
		return is_indent ? "a tab in the indentation; indent with spaces" : NULL;
	if (c == '\r' && left > 1 && at[1] == '\n')
		return NULL;
	if (c == '\r')
		return "a carriage return inside a line; end lines with a line feed";
	if ((c < ' ' && c != '\n') || c == 0x7f)
		return "a control character; remove it";
	if (left > 1 && c == 0xc2 && (unsigned char)at[1] < 0xa0)
		return "a control character; remove it";
	/* Line breaks to YAML, but to no editor: lines would be counted apart. */
	if (left > 2 && memcmp(at, "\xe2\x80", 2) == 0 && (at[2] == '\xa8' || at[2] == '\xa9'))
		return "an invisible line separator (U+2028 or U+2029); remove it";
	return NULL;
}

static bool has_byte_order_mark(const struct load *load)
{
	if (load->length >= 3 && memcmp(load->bytes, "\xef\xbb\xbf", 3) == 0)
		return true;
	return load->length >= 2 && (memcmp(load->bytes, "\xff\xfe", 2) == 0 ||
				     memcmp(load->bytes, "\xfe\xff", 2) == 0);
}

int load_screen(struct load *load)
{
	bool is_indent = true;
	size_t i;

	if (load->length > POLICY_FILE_MAX) {
		load_error(load, (struct load_mark){ 0, 0 },
			   "%zu bytes; a policy has at most %u (1 MiB)", load->length,
			   POLICY_FILE_MAX);
		return -1;
	}
	if (has_byte_order_mark(load)) {
		load_error(load, (struct load_mark){ 1, 1 },
			   "a byte order mark; save the file as plain UTF-8");
		return -1;
	}
	for (i = 0; i < load->length; i++) {
		const char *fault = byte_fault(load, i, is_indent);

		if (fault) {
			load_error(load, load_mark_of_byte(load, i), "%s", fault);
			return -1;
		}
		is_indent = load->bytes[i] == '\n' || (is_indent && load->bytes[i] == ' ');
	}
	return 0;
}
