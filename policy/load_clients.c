// SPDX-License-Identifier: BSD-2-Clause
// clients: who may connect, as whom the kernel knows them, and to what.
#include "load.h"

#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "arith.h"

#define DATABASE_BYTES 16384

/* A rule being read: the policy's entry, and where its parts stand. */
struct rule {
	struct policy_client *client;
	const struct load_node *entry;
	uint32_t identities; /* of uid, user, gid and group */
};

static void read_name(struct load *load, const struct load_node *node, void *target)
{
	struct policy_client *client = ((struct rule *)target)->client, *other;

	if (!load_name(load, node, "name", client->name, sizeof(client->name)))
		return;
	for (other = load->policy->clients; other < client; other++) {
		if (strcmp(other->name, client->name) != 0)
			continue;
		load_error(load, node->mark, "a client is named '%s' already, in line %u",
			   client->name, other->line);
		return;
	}
}

static void read_uid(struct load *load, const struct load_node *node, void *target)
{
	struct rule *rule = target;

	rule->identities++;
	if (node->kind == LOAD_SCALAR && strcmp(node->text, "self") == 0)
		rule->client->uid = geteuid();
	else
		load_count32(load, node, "uid", 0, POLICY_ANY - 1, &rule->client->uid);
}

static void read_gid(struct load *load, const struct load_node *node, void *target)
{
	struct rule *rule = target;

	rule->identities++;
	load_count32(load, node, "gid", 0, POLICY_ANY - 1, &rule->client->gid);
}

static void read_user(struct load *load, const struct load_node *node, void *target)
{
	char buffer[DATABASE_BYTES], quoted[LOAD_QUOTE_MAX];
	struct passwd entry, *found = NULL;
	struct rule *rule = target;

	rule->identities++;
	if (!load_scalar(load, node, "user"))
		return;
	getpwnam_r(node->text, &entry, buffer, sizeof(buffer), &found);
	if (!found || found->pw_uid == POLICY_ANY)
		load_error(load, node->mark, "this system has no user '%s'",
			   load_quote(quoted, node->text));
	else
		rule->client->uid = found->pw_uid;
}

static void read_group(struct load *load, const struct load_node *node, void *target)
{
	char buffer[DATABASE_BYTES], quoted[LOAD_QUOTE_MAX];
	struct group entry, *found = NULL;
	struct rule *rule = target;

	rule->identities++;
	if (!load_scalar(load, node, "group"))
		return;
	getgrnam_r(node->text, &entry, buffer, sizeof(buffer), &found);
	if (!found || found->gr_gid == POLICY_ANY)
		load_error(load, node->mark, "this system has no group '%s'",
			   load_quote(quoted, node->text));
	else
		rule->client->gid = found->gr_gid;
}

/* As the kernel prints the path of a running program: absolute, no detours. */
static bool is_plain_path(const char *path)
{
	size_t length = strlen(path);

	return path[0] == '/' && length > 1 && length < PATH_MAX && path[length - 1] != '/' &&
	       !strstr(path, "//") && !strstr(path, "/./") && !strstr(path, "/../") &&
	       strcmp(path + length - 2, "/.") != 0 &&
	       (length < 3 || strcmp(path + length - 3, "/..") != 0);
}

static void read_exe(struct load *load, const struct load_node *node, void *target)
{
	struct rule *rule = target;
	char quoted[LOAD_QUOTE_MAX];

	if (!load_scalar(load, node, "exe"))
		return;
	if (!is_plain_path(node->text))
		load_error(load, node->mark,
			   "'exe' takes an absolute path without //, . or .., not '%s'",
			   load_quote(quoted, node->text));
	else
		rule->client->exe = load_copy(load, node->text);
}

static void read_rights(struct load *load, const struct load_node *node, void *target)
{
	static const struct load_word words[] = {
		{ "attach", POLICY_RIGHT_ATTACH },
		{ "admin", POLICY_RIGHT_ADMIN },
		{ "observe", POLICY_RIGHT_OBSERVE },
		{ "target", POLICY_RIGHT_TARGET },
	};
	struct rule *rule = target;
	const struct load_node *entry;
	unsigned rights = 0, right;

	if (!load_is_list(load, node, "rights", ARRAY_COUNT(words)))
		return;
	for (entry = node->first; entry; entry = entry->next) {
		if (!load_word(load, entry, "rights", words, ARRAY_COUNT(words), &right))
			continue;
		if (rights & right)
			load_error(load, entry->mark, "the right '%s' stands here twice",
				   entry->text);
		rights |= right;
	}
	if (!node->count)
		load_error(load, node->mark, "a client without any right: remove the whole rule");
	rule->client->rights = rights;
}

static void read_round(struct load *load, const struct load_node *node, void *target)
{
	static const struct load_word words[] = { { "true", true }, { "false", false } };
	struct rule *rule = target;
	unsigned value;

	if (load_word(load, node, "round", words, ARRAY_COUNT(words), &value))
		rule->client->round_compat = value;
}

/* Appends an index to a list of references, in which it may stand once. */
static void add_reference(struct load *load, const struct load_node *node, uint32_t index,
			  uint32_t *indices, uint32_t *count)
{
	uint32_t i;

	for (i = 0; i < *count; i++) {
		if (indices[i] != index)
			continue;
		load_error(load, node->mark, "'%s' stands here twice", node->text);
		return;
	}
	indices[(*count)++] = index;
}

static void read_attach(struct load *load, const struct load_node *node, void *target)
{
	struct policy_client *client = ((struct rule *)target)->client;
	const struct policy_device *devices = load->policy->devices;
	const struct load_node *entry;
	uint32_t index, room;

	client->devices = load_array(load, node, "attach", LOAD_DEVICES_MAX,
				     sizeof(*client->devices), &room);
	for (entry = client->devices ? node->first : NULL; entry; entry = entry->next) {
		index = load_find_device(load, entry);
		if (index == POLICY_ANY)
			continue;
		if (devices[index].host_identity)
			load_error(load, entry->mark,
				   "'%s' stays open for the host (host: identity, line %u): no "
				   "client can attach it",
				   devices[index].name, devices[index].line);
		add_reference(load, entry, index, client->devices, &client->device_count);
	}
}

static void read_regions(struct load *load, const struct load_node *node, void *target)
{
	struct policy_client *client = ((struct rule *)target)->client;
	const struct load_node *entry;
	uint32_t index, room;

	client->regions = load_array(load, node, "regions", LOAD_REGIONS_MAX,
				     sizeof(*client->regions), &room);
	for (entry = client->regions ? node->first : NULL; entry; entry = entry->next) {
		index = load_find_region(load, entry);
		if (index != POLICY_ANY)
			add_reference(load, entry, index, client->regions, &client->region_count);
	}
}

static void read_iova(struct load *load, const struct load_node *node, void *target)
{
	struct policy_window *window = target;

	load_address(load, node, "iova", UINT64_MAX, &window->iova);
}

static void read_size(struct load *load, const struct load_node *node, void *target)
{
	struct policy_window *window = target;

	load_size(load, node, "size", 1, UINT64_MAX, &window->length);
}

static void check_window(struct load *load, const struct load_node *entry,
			 const struct policy_client *client, const struct policy_window *window)
{
	const struct policy_window *other;

	if (!load_range(load, entry, "a window", window->iova, window->length))
		return;
	for (other = client->windows; other < window; other++) {
		if (range_is_bad(other->iova, other->length) ||
		    !range_overlaps(window->iova, window->length, other->iova, other->length))
			continue;
		load_error(load, entry->mark, "overlaps windows[%zu] of the same client",
			   (size_t)(other - client->windows));
		return;
	}
}

static void read_windows(struct load *load, const struct load_node *node, void *target)
{
	static const struct load_key keys[] = { { "iova", true, read_iova },
						{ "size", true, read_size } };
	struct policy_client *client = ((struct rule *)target)->client;
	const struct load_node *entry;
	struct policy_window *window;
	uint32_t errors;

	client->windows = load_array(load, node, "windows", LOAD_WINDOWS_MAX,
				     sizeof(*client->windows), &client->window_count);
	if (!client->windows)
		return;
	window = client->windows;
	for (entry = node->first; entry; entry = entry->next, window++) {
		errors = load->errors;
		load_map(load, entry, "a window", keys, ARRAY_COUNT(keys), window);
		if (load->errors == errors)
			check_window(load, entry, client, window);
	}
}

static void read_limits(struct load *load, const struct load_node *node, void *target)
{
	load_limits(load, node, &((struct rule *)target)->client->limits);
}

static const struct load_key client_keys[] = {
	{ "name", true, read_name },	   { "uid", false, read_uid },
	{ "user", false, read_user },	   { "gid", false, read_gid },
	{ "group", false, read_group },	   { "exe", false, read_exe },
	{ "rights", false, read_rights },  { "round", false, read_round },
	{ "attach", false, read_attach },  { "regions", false, read_regions },
	{ "windows", false, read_windows }, { "limits", false, read_limits },
};

static void check_identity(struct load *load, const struct rule *rule)
{
	const struct policy_client *client = rule->client;

	if (rule->identities == 0 && client->exe)
		load_error(load, rule->entry->mark,
			   "'exe' alone identifies nobody: a process can become any program; add "
			   "uid, user, gid or group");
	else if (rule->identities == 0)
		load_error(load, rule->entry->mark,
			   "a client needs one of uid, user, gid or group");
	else if (rule->identities > 1)
		load_error(load, rule->entry->mark,
			   "a client has one of uid, user, gid or group, not %u", rule->identities);
}

/* Could both rules be for one peer, as far as this file can tell? */
static bool rules_collide(const struct policy_client *a, const struct policy_client *b)
{
	if (a->uid != b->uid || a->gid != b->gid || (a->uid == POLICY_ANY && a->gid == POLICY_ANY))
		return false;
	return !a->exe || !b->exe || strcmp(a->exe, b->exe) == 0;
}

static void check_collision(struct load *load, const struct rule *rule)
{
	const struct policy_client *other;

	for (other = load->policy->clients; other < rule->client; other++) {
		if (!rules_collide(other, rule->client))
			continue;
		load_error(load, rule->entry->mark,
			   "this rule and '%s' in line %u are for the same peer; no rule wins "
			   "silently: tell them apart by exe, or join them",
			   other->name, other->line);
		return;
	}
}

static void check_rule(struct load *load, const struct rule *rule)
{
	const struct policy_client *client = rule->client;

	check_identity(load, rule);
	check_collision(load, rule);
	if (client->rights & POLICY_RIGHT_ATTACH)
		return;
	if (client->device_count || client->region_count || client->window_count)
		load_error(load, rule->entry->mark,
			   "attach, regions and windows need the right 'attach' in rights:");
}

void load_clients(struct load *load, const struct load_node *node)
{
	struct policy *policy = load->policy;
	const struct load_node *entry;
	struct policy_client *client;

	policy->clients = load_array(load, node, "clients", LOAD_CLIENTS_MAX,
				     sizeof(*policy->clients), &policy->client_count);
	if (!policy->clients)
		return;
	client = policy->clients;
	for (entry = node->first; entry; entry = entry->next, client++) {
		struct rule rule = { .client = client, .entry = entry };

		client->uid = client->gid = POLICY_ANY;
		client->rights = POLICY_RIGHT_ATTACH;
		client->line = entry->mark.line;
		load_limits_default(&client->limits);
		if (load_map(load, entry, "a client", client_keys, ARRAY_COUNT(client_keys), &rule))
			check_rule(load, &rule);
	}
}
