// SPDX-License-Identifier: BSD-2-Clause
// Mappings by a table of their keys, and lists of bounded length.
#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "suggest.h"

static const struct load_key *find_key(const char *text, const struct load_key *keys, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(keys[i].name, text) == 0)
			return &keys[i];
	return NULL;
}

/* The first place where the key of this node stands in its mapping. */
static const struct load_node *first_of_key(const struct load_node *map,
					    const struct load_node *key)
{
	const struct load_node *node = map->first;

	while (strcmp(node->text, key->text) != 0)
		node = node->next->next;
	return node;
}

static void unknown_key(struct load *load, const struct load_node *key, const char *what,
			const struct load_key *keys, size_t count)
{
	char quoted[LOAD_QUOTE_MAX];
	struct suggest nearest;
	size_t i;

	suggest_init(&nearest, key->text);
	for (i = 0; i < count && load->errors < LOAD_SHOWN_MAX; i++)
		suggest_offer(&nearest, keys[i].name);
	load_quote(quoted, key->text);
	if (nearest.best)
		load_error(load, key->mark, "unknown key '%s' in %s; did you mean '%s'?", quoted,
			   what, nearest.best);
	else
		load_error(load, key->mark, "unknown key '%s' in %s", quoted, what);
}

static void read_pairs(struct load *load, const struct load_node *map, const char *what,
		       const struct load_key *keys, size_t count, void *target)
{
	const struct load_node *node, *first;
	const struct load_key *key;

	for (node = map->first; node; node = node->next->next) {
		first = first_of_key(map, node);
		key = find_key(node->text, keys, count);
		if (!key)
			unknown_key(load, node, what, keys, count);
		else if (first != node)
			load_error(load, node->mark, "duplicate key '%s'; the first is in line %u",
				   key->name, first->mark.line);
		else
			key->read(load, node->next, target);
	}
}

const struct load_node *load_map_value(const struct load_node *map, const char *key)
{
	const struct load_node *node;

	for (node = map->first; node; node = node->next->next)
		if (strcmp(node->text, key) == 0)
			return node->next;
	return NULL;
}

bool load_map(struct load *load, const struct load_node *node, const char *what,
	      const struct load_key *keys, size_t key_count, void *target)
{
	size_t i;

	if (node->kind != LOAD_MAP) {
		load_error(load, node->mark, "%s is written as keys and values", what);
		return false;
	}
	read_pairs(load, node, what, keys, key_count, target);
	for (i = 0; i < key_count; i++)
		if (keys[i].is_required && !load_map_value(node, keys[i].name))
			load_error(load, node->mark, "%s needs the key '%s'", what, keys[i].name);
	return true;
}

bool load_is_list(struct load *load, const struct load_node *node, const char *what, uint32_t max)
{
	if (node->kind != LOAD_LIST) {
		load_error(load, node->mark, "'%s' takes a list: [...] or lines that begin with -",
			   what);
		return false;
	}
	if (node->count > max) {
		load_error(load, node->mark, "%u entries in '%s'; at most %u are possible",
			   node->count, what, max);
		return false;
	}
	return true;
}

void *load_zeroed(struct load *load, size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory)
		load->status = -ENOMEM;
	return memory;
}

char *load_copy(struct load *load, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = load_zeroed(load, size, 1);

	return copy ? memcpy(copy, text, size) : NULL;
}

void *load_array(struct load *load, const struct load_node *node, const char *what, uint32_t max,
		 size_t entry_size, uint32_t *ret_count)
{
	void *entries;

	*ret_count = 0;
	if (!load_is_list(load, node, what, max) || node->count == 0)
		return NULL;
	entries = load_zeroed(load, node->count, entry_size);
	if (entries)
		*ret_count = node->count;
	return entries;
}
