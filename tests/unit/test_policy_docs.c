// SPDX-License-Identifier: BSD-2-Clause
/*
 * The full example, the editors' schema and the manual page know the same
 * keys. The loader reads the example, so they are the loader's. (JSON is YAML:
 * the loader's own tree reads the schema.)
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

#define KEYS_MAX 256

struct keys {
	char names[KEYS_MAX][32];
	size_t count;
};

static char *file_read(const char *path)
{
	FILE *file = fopen(path, "rb");
	char *bytes = calloc(1, POLICY_FILE_MAX);

	if (!file || !bytes)
		fail_msg("%s cannot be read (run from the top of the tree)", path);
	if (!fread(bytes, 1, POLICY_FILE_MAX - 1, file))
		fail_msg("%s is empty", path);
	fclose(file);
	return bytes;
}

static bool has_key(const struct keys *keys, const char *name)
{
	size_t i;

	for (i = 0; i < keys->count; i++)
		if (strcmp(keys->names[i], name) == 0)
			return true;
	return false;
}

static void add_key(struct keys *keys, const char *name)
{
	if (has_key(keys, name))
		return;
	assert_in_range(keys->count, 0, KEYS_MAX - 1);
	snprintf(keys->names[keys->count++], sizeof(keys->names[0]), "%s", name);
}

/* Keys of all mappings, or of those alone that a "properties" key holds. */
static void collect(struct keys *keys, const struct load_node *node, bool is_schema,
		    bool are_properties)
{
	const struct load_node *child = node->first;

	for (; child; child = child->next) {
		if (node->kind == LOAD_LIST) {
			collect(keys, child, is_schema, false);
			continue;
		}
		if (!is_schema || are_properties)
			add_key(keys, child->text);
		collect(keys, child->next, is_schema,
			!are_properties && strcmp(child->text, "properties") == 0);
		child = child->next;
	}
}

static void keys_of(const char *path, bool is_schema, struct keys *ret_keys)
{
	char *bytes = file_read(path);
	struct load load = { .file = path, .bytes = bytes, .length = strlen(bytes) };
	const struct load_node *root = load_tree(&load);

	if (!root)
		fail_msg("%s: %s", path, load.problems[0].text);
	collect(ret_keys, root, is_schema, false);
	load_tree_free(&load);
	free(bytes);
}

static void schema_and_example_same_keys(void **state)
{
	static struct keys example, schema;
	size_t i;

	(void)state;
	keys_of("policy/example-full.yaml", false, &example);
	keys_of("policy/policy.schema.json", true, &schema);
	assert_in_range(schema.count, 40, KEYS_MAX);
	for (i = 0; i < example.count; i++)
		if (!has_key(&schema, example.names[i]))
			fail_msg("the schema lacks '%s'", example.names[i]);
	for (i = 0; i < schema.count; i++)
		if (!has_key(&example, schema.names[i]))
			fail_msg("the full example lacks '%s'", schema.names[i]);
}

/* ".Ic key" or ".It Ic key", and not the beginning of a longer word. */
static bool manual_has(const char *manual, const char *key)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
	char item[64];
	const char *at;

	snprintf(item, sizeof(item), "Ic %s", key);
	for (at = strstr(manual, item); at; at = strstr(at + 1, item))
		if (!strchr(letters, at[strlen(item)]))
			return true;
	return false;
}

static void manual_every_key_described(void **state)
{
	char *manual = file_read("man/smmuman.policy.5");
	static struct keys example;
	size_t i;

	(void)state;
	keys_of("policy/example-full.yaml", false, &example);
	for (i = 0; i < example.count; i++)
		if (!manual_has(manual, example.names[i]))
			fail_msg("smmuman.policy(5) does not describe '%s'", example.names[i]);
	free(manual);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema_and_example_same_keys),
		cmocka_unit_test(manual_every_key_described),
	};

	return cmocka_run_group_tests_name("policy_docs", tests, NULL, NULL);
}
