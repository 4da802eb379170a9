// SPDX-License-Identifier: BSD-2-Clause
// Scalars: names, numbers, sizes, addresses, rights. Every number is bounded.
#include "load.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arith.h"
#include "suggest.h"
#include "types.h"

struct suffix {
	const char *name;
	uint64_t factor;
};

bool load_scalar(struct load *load, const struct load_node *node, const char *what)
{
	if (node->kind != LOAD_SCALAR)
		load_error(load, node->mark, "'%s' takes one value, not a %s", what,
			   node->kind == LOAD_LIST ? "list" : "mapping");
	else if (!*node->text)
		load_error(load, node->mark, "'%s' has no value", what);
	else
		return true;
	return false;
}

bool load_name(struct load *load, const struct load_node *node, const char *what, char *ret_name,
	       size_t size)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	char quoted[LOAD_QUOTE_MAX];
	const char *text = node->text;

	if (!load_scalar(load, node, what))
		return false;
	load_quote(quoted, text);
	if (!strchr(letters, text[0])) {
		load_error(load, node->mark, "'%s' is no name: the first is a letter or digit",
			   quoted);
		return false;
	}
	for (; *text; text++) {
		if (!strchr(letters, *text) && !strchr("._-", *text)) {
			load_error(load, node->mark,
				   "'%s' is no name: letters, digits, '.', '_' and '-' make one",
				   quoted);
			return false;
		}
	}
	if (strlen(node->text) >= size) {
		load_error(load, node->mark, "'%s' is too long; a name has at most %zu bytes",
			   quoted, size - 1);
		return false;
	}
	memcpy(ret_name, node->text, strlen(node->text) + 1);
	return true;
}

/* Decimal digits from *at, no leading zero; moves *at behind them. */
static bool take_decimal(const char **at, uint64_t *ret_value)
{
	const char *start = *at;
	uint64_t value = 0;

	for (; **at >= '0' && **at <= '9'; (*at)++) {
		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(**at - '0'), &value))
			return false;
	}
	*ret_value = value;
	return *at > start && (*start != '0' || *at == start + 1);
}

/* A number and one of the suffixes (or none, when "" is one of them). */
static bool take_scaled(const char *text, const struct suffix *suffixes, size_t count,
			uint64_t *ret_value)
{
	uint64_t value;
	size_t i;

	if (!take_decimal(&text, &value))
		return false;
	for (i = 0; i < count; i++)
		if (strcmp(text, suffixes[i].name) == 0)
			return !__builtin_mul_overflow(value, suffixes[i].factor, ret_value);
	return false;
}

static bool out_of_bounds(struct load *load, const struct load_node *node, const char *what,
			  uint64_t value, uint64_t min, uint64_t max)
{
	if (value >= min && value <= max)
		return false;
	load_error(load, node->mark, "'%s' is %" PRIu64 "; it must be from %" PRIu64 " to %" PRIu64,
		   what, value, min, max);
	return true;
}

bool load_count(struct load *load, const struct load_node *node, const char *what, uint64_t min,
		uint64_t max, uint64_t *ret_value)
{
	static const struct suffix none[] = { { "", 1 } };
	char quoted[LOAD_QUOTE_MAX];
	uint64_t value;

	if (!load_scalar(load, node, what))
		return false;
	if (!node->is_plain || !take_scaled(node->text, none, 1, &value)) {
		load_error(load, node->mark,
			   "'%s' takes a decimal number (no leading 0, no quotes), not '%s'", what,
			   load_quote(quoted, node->text));
		return false;
	}
	if (out_of_bounds(load, node, what, value, min, max))
		return false;
	*ret_value = value;
	return true;
}

bool load_count32(struct load *load, const struct load_node *node, const char *what, uint32_t min,
		  uint32_t max, uint32_t *ret_value)
{
	uint64_t value;

	if (!load_count(load, node, what, min, max, &value))
		return false;
	*ret_value = (uint32_t)value;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool take_address(const char *text, uint64_t *ret_value)
{
	unsigned digits;

	if (text[0] != '0' || text[1] != 'x')
		return false;
	*ret_value = 0;
	for (text += 2, digits = 0; digits < 17 && hex_digit(text[digits]) >= 0; digits++)
		*ret_value = *ret_value << 4 | (uint64_t)hex_digit(text[digits]);
	return digits > 0 && digits <= 16 && !text[digits];
}

bool load_address(struct load *load, const struct load_node *node, const char *what, uint64_t max,
		  uint64_t *ret_value)
{
	char quoted[LOAD_QUOTE_MAX];
	uint64_t value;

	if (!load_scalar(load, node, what))
		return false;
	if (!node->is_plain || !take_address(node->text, &value)) {
		load_error(load, node->mark,
			   "'%s' takes a hexadecimal number with 0x, up to 16 digits, not '%s'",
			   what, load_quote(quoted, node->text));
		return false;
	}
	if (value > max) {
		load_error(load, node->mark, "'%s' is 0x%" PRIx64 "; at most 0x%" PRIx64
			   " is possible", what, value, max);
		return false;
	}
	*ret_value = value;
	return true;
}

bool load_size(struct load *load, const struct load_node *node, const char *what, uint64_t min,
	       uint64_t max, uint64_t *ret_value)
{
	static const struct suffix suffixes[] = {
		{ "", 1 },
		{ "KiB", UINT64_C(1) << 10 },
		{ "MiB", UINT64_C(1) << 20 },
		{ "GiB", UINT64_C(1) << 30 },
		{ "TiB", UINT64_C(1) << 40 },
	};
	char quoted[LOAD_QUOTE_MAX];
	uint64_t value;

	if (!load_scalar(load, node, what))
		return false;
	if (!node->is_plain || !take_scaled(node->text, suffixes, ARRAY_COUNT(suffixes), &value)) {
		load_error(load, node->mark,
			   "'%s' takes a size: decimal bytes or KiB, MiB, GiB, TiB as in 64KiB, "
			   "not '%s'",
			   what, load_quote(quoted, node->text));
		return false;
	}
	if (out_of_bounds(load, node, what, value, min, max))
		return false;
	*ret_value = value;
	return true;
}

bool load_period(struct load *load, const struct load_node *node, uint32_t *ret_ms)
{
	static const struct suffix suffixes[] = { { "ms", 1 }, { "s", 1000 }, { "min", 60000 } };
	char quoted[LOAD_QUOTE_MAX];
	uint64_t value;

	if (!load_scalar(load, node, "per"))
		return false;
	if (!take_scaled(node->text, suffixes, ARRAY_COUNT(suffixes), &value) || value < 10 ||
	    value > 3600000) {
		load_error(load, node->mark,
			   "'per' takes a time from 10ms to 60min, as in 500ms, 1s or 5min, "
			   "not '%s'",
			   load_quote(quoted, node->text));
		return false;
	}
	*ret_ms = (uint32_t)value;
	return true;
}

bool load_rights(struct load *load, const struct load_node *node, unsigned *ret_rights)
{
	static const char letters[] = "rwx"; /* in the order of enum rights */
	char quoted[LOAD_QUOTE_MAX];
	const char *text = node->text;
	unsigned rights = RIGHT_NONE;

	if (!load_scalar(load, node, "rights"))
		return false;
	for (; *text; text++) {
		const char *letter = strchr(letters, *text);
		unsigned right = letter ? 1u << (letter - letters) : RIGHT_NONE;

		if (!letter || (rights & right)) {
			load_error(load, node->mark,
				   "'rights' takes letters of rwx, each once, as in rw, not '%s'",
				   load_quote(quoted, node->text));
			return false;
		}
		rights |= right;
	}
	*ret_rights = rights;
	return true;
}

bool load_word(struct load *load, const struct load_node *node, const char *what,
	       const struct load_word *words, size_t word_count, unsigned *ret_value)
{
	char quoted[LOAD_QUOTE_MAX], known[96] = "";
	struct suggest nearest;
	size_t i, used = 0;

	if (!load_scalar(load, node, what))
		return false;
	suggest_init(&nearest, node->text);
	for (i = 0; i < word_count; i++) {
		if (strcmp(words[i].name, node->text) == 0) {
			*ret_value = words[i].value;
			return true;
		}
		if (load->errors < LOAD_SHOWN_MAX)
			suggest_offer(&nearest, words[i].name);
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
					 i == 0 ? "" : i + 1 < word_count ? ", " : " or ",
					 words[i].name);
	}
	load_quote(quoted, node->text);
	if (nearest.best)
		load_error(load, node->mark, "'%s' takes %s, not '%s'; did you mean '%s'?", what,
			   known, quoted, nearest.best);
	else
		load_error(load, node->mark, "'%s' takes %s, not '%s'", what, known, quoted);
	return false;
}

bool load_range(struct load *load, const struct load_node *node, const char *what, uint64_t start,
		uint64_t length)
{
	if (!is_aligned(start, PAGE_BYTES) || !is_aligned(length, PAGE_BYTES)) {
		load_error(load, node->mark, "%s must begin and end at a page: multiples of 4KiB "
			   "(0x1000)", what);
		return false;
	}
	if (range_is_bad(start, length)) {
		load_error(load, node->mark, "%s is empty or runs past the last address", what);
		return false;
	}
	return true;
}
