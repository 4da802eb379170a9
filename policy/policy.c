// SPDX-License-Identifier: BSD-2-Clause
#include "policy.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arith.h"

/* The question being answered; rule is set once one rule alone matched. */
struct question {
	const struct policy *policy;
	const struct policy_who *who;
	const struct policy_ask *ask;
	const struct policy_client *rule;
	struct policy_answer *answer;
};

static uint32_t rule_index(const struct question *q)
{
	return (uint32_t)(q->rule - q->policy->clients);
}

static void __attribute__((format(printf, 2, 3)))
explain(struct policy_answer *answer, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(answer->text, sizeof(answer->text), format, args);
	va_end(args);
}

static bool has_identity(const struct policy_client *rule, const struct policy_who *who)
{
	if (rule->uid != POLICY_ANY)
		return rule->uid == who->uid && (rule->gid == POLICY_ANY || rule->gid == who->gid);
	return rule->gid != POLICY_ANY && rule->gid == who->gid;
}

/* A program narrows what an identity may do; it never stands for one. */
static bool rule_matches(const struct policy_client *rule, const struct policy_who *who)
{
	if (!has_identity(rule, who))
		return false;
	return !rule->exe || (who->exe && strcmp(rule->exe, who->exe) == 0);
}

/* Nobody: tells a peer that only its program keeps out from a stranger. */
static void explain_stranger(const struct question *q)
{
	const struct policy_client *rule = q->policy->clients;
	uint32_t i;

	for (i = 0; i < q->policy->client_count; i++, rule++) {
		if (!has_identity(rule, q->who))
			continue;
		explain(q->answer, "clients[%u] '%s' (line %u) is for %s alone, and this is %s", i,
			rule->name, rule->line, rule->exe,
			q->who->exe ? q->who->exe : "a program that could not be read");
		return;
	}
	explain(q->answer,
		"no rule is for uid %u, gid %u; add one with uid: %u to clients: of the policy",
		q->who->uid, q->who->gid, q->who->uid);
}

/* The one rule for this peer; none, or two of them, is a refusal. */
static bool find_rule(struct question *q)
{
	const struct policy_client *rule = q->policy->clients;
	uint32_t i;

	for (i = 0; i < q->policy->client_count; i++, rule++) {
		if (!rule_matches(rule, q->who))
			continue;
		if (q->rule) {
			explain(q->answer,
				"clients[%u] '%s' (line %u) and clients[%u] '%s' (line %u) both "
				"match uid %u, gid %u; change one: no rule wins silently",
				rule_index(q), q->rule->name, q->rule->line, i, rule->name,
				rule->line, q->who->uid, q->who->gid);
			q->answer->line = rule->line;
			return false;
		}
		q->rule = rule;
	}
	if (!q->rule)
		explain_stranger(q);
	return q->rule;
}

static const char *right_name(unsigned right)
{
	switch (right) {
	case POLICY_RIGHT_ATTACH:
		return "attach";
	case POLICY_RIGHT_ADMIN:
		return "admin";
	case POLICY_RIGHT_OBSERVE:
		return "observe";
	default:
		return "target";
	}
}

/* One of wanted is enough; the first is the one to ask for. */
static bool has_right(const struct question *q, unsigned first, unsigned second)
{
	if (q->rule->rights & (first | second))
		return true;
	explain(q->answer, "clients[%u] '%s' (line %u) has no right '%s'; add it to its rights:",
		rule_index(q), q->rule->name, q->rule->line, right_name(first));
	return false;
}

static bool may(const struct question *q, unsigned first, unsigned second, const char *what)
{
	if (!has_right(q, first, second))
		return false;
	explain(q->answer, "clients[%u] '%s' (line %u) may %s", rule_index(q), q->rule->name,
		q->rule->line, what);
	return true;
}

static bool is_listed(const uint32_t *indices, uint32_t count, uint32_t index)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		if (indices[i] == index)
			return true;
	return false;
}

static bool decide_attach(const struct question *q)
{
	const struct policy_device *device = policy_find_device(q->policy, q->ask->device);
	char name[DEVNAME_MAX];

	if (!has_right(q, POLICY_RIGHT_ATTACH, 0))
		return false;
	devname_format(q->ask->device, name);
	if (!device) {
		explain(q->answer,
			"no rule lets uid %u attach %s; add it to devices:, and its name to "
			"attach: of '%s' (line %u)",
			q->who->uid, name, q->rule->name, q->rule->line);
		return false;
	}
	q->answer->index = (uint32_t)(device - q->policy->devices);
	if (device->host_identity) {
		explain(q->answer,
			"'%s' (line %u) stays open for the host: no client can attach %s",
			device->name, device->line, name);
		return false;
	}
	if (!is_listed(q->rule->devices, q->rule->device_count, q->answer->index)) {
		explain(q->answer,
			"no rule lets uid %u attach %s; add '%s' to attach: of '%s' (line %u)",
			q->who->uid, name, device->name, q->rule->name, q->rule->line);
		return false;
	}
	explain(q->answer, "clients[%u] '%s' (line %u) may attach '%s' (line %u)", rule_index(q),
		q->rule->name, q->rule->line, device->name, device->line);
	return true;
}

static const struct policy_region *find_region(const struct policy *policy, const char *name)
{
	uint32_t i;

	for (i = 0; i < policy->region_count; i++)
		if (strcmp(policy->regions[i].name, name) == 0)
			return &policy->regions[i];
	return NULL;
}

static bool decide_region(const struct question *q)
{
	const struct policy_region *region = find_region(q->policy, q->ask->region);

	if (!has_right(q, POLICY_RIGHT_ATTACH, 0))
		return false;
	if (!region) {
		explain(q->answer, "the policy has no region '%.*s'", POLICY_NAME_MAX,
			q->ask->region);
		return false;
	}
	q->answer->index = (uint32_t)(region - q->policy->regions);
	if (!is_listed(q->rule->regions, q->rule->region_count, q->answer->index)) {
		explain(q->answer,
			"no rule lets uid %u use region '%s'; add it to regions: of '%s' (line %u)",
			q->who->uid, region->name, q->rule->name, q->rule->line);
		return false;
	}
	if (q->ask->rights & ~region->rights) {
		explain(q->answer, "the rights asked for go beyond those of region '%s' (line %u)",
			region->name, region->line);
		return false;
	}
	explain(q->answer, "clients[%u] '%s' (line %u) may use region '%s' (line %u)",
		rule_index(q), q->rule->name, q->rule->line, region->name, region->line);
	return true;
}

/* A mapping that makes no sense is refused whatever the rules say. */
static bool is_mapping(const struct question *q)
{
	const struct policy_ask *ask = q->ask;

	if (ask->rights == RIGHT_NONE || (ask->rights & ~(unsigned)RIGHT_ALL))
		explain(q->answer, "a mapping needs rights of read, write and execute");
	else if (range_is_bad(ask->iova, ask->length))
		explain(q->answer, "a mapping at 0x%" PRIx64 " of 0x%" PRIx64
			" bytes is empty or runs past the last address", ask->iova, ask->length);
	else
		return true;
	return false;
}

static bool decide_map(const struct question *q)
{
	const struct policy_ask *ask = q->ask;

	if (!has_right(q, POLICY_RIGHT_ATTACH, 0) || !is_mapping(q))
		return false;
	if (!policy_window_allows(q->rule, ask->iova, ask->length)) {
		explain(q->answer,
			"no window of '%s' (line %u) holds 0x%" PRIx64 "..0x%" PRIx64
			"; widen its windows: or map elsewhere",
			q->rule->name, q->rule->line, ask->iova,
			range_last(ask->iova, ask->length));
		return false;
	}
	if (ask->region) {
		if (!decide_region(q))
			return false;
		if (ask->length > q->policy->regions[q->answer->index].length) {
			explain(q->answer, "region '%s' (line %u) is shorter than the mapping",
				q->policy->regions[q->answer->index].name,
				q->policy->regions[q->answer->index].line);
			return false;
		}
	}
	explain(q->answer, "clients[%u] '%s' (line %u) may map 0x%" PRIx64 "..0x%" PRIx64 "%s%s",
		rule_index(q), q->rule->name, q->rule->line, ask->iova,
		range_last(ask->iova, ask->length), ask->region ? " to region " : "",
		ask->region ? q->policy->regions[q->answer->index].name : "");
	return true;
}

static bool decide(const struct question *q)
{
	switch (q->ask->verb) {
	case POLICY_CONNECT:
		return may(q, POLICY_RIGHT_ATTACH | POLICY_RIGHT_ADMIN,
			   POLICY_RIGHT_OBSERVE | POLICY_RIGHT_TARGET, "connect");
	case POLICY_OBSERVE:
		return may(q, POLICY_RIGHT_OBSERVE, POLICY_RIGHT_ADMIN, "see everybody's objects");
	case POLICY_ADMIN:
		return may(q, POLICY_RIGHT_ADMIN, 0, "release devices");
	case POLICY_ATTACH:
		return q->ask->device && decide_attach(q);
	case POLICY_MAP:
		return decide_map(q);
	case POLICY_REGION:
		return q->ask->region && decide_region(q);
	default:
		return false;
	}
}

void policy_decide(const struct policy *policy, const struct policy_who *who,
		   const struct policy_ask *ask, struct policy_answer *answer)
{
	struct question q = { .policy = policy, .who = who, .ask = ask, .answer = answer };

	*answer = (struct policy_answer){ .index = POLICY_ANY };
	explain(answer, "the question names nothing the policy knows");
	if (!find_rule(&q))
		return;
	answer->rule = q.rule;
	answer->line = q.rule->line;
	answer->allowed = decide(&q);
}

bool policy_window_allows(const struct policy_client *rule, uint64_t iova, uint64_t length)
{
	uint32_t i;

	if (range_is_bad(iova, length))
		return false;
	for (i = 0; i < rule->window_count; i++)
		if (range_within(iova, length, rule->windows[i].iova, rule->windows[i].length))
			return true;
	return rule->window_count == 0;
}

const struct policy_device *policy_find_device(const struct policy *policy,
					       const struct devname *name)
{
	uint32_t i;

	for (i = 0; i < policy->device_count; i++)
		if (devname_equal(&policy->devices[i].match, name))
			return &policy->devices[i];
	return NULL;
}

struct policy_unit policy_unit_options(const struct policy *policy, const char *unit)
{
	struct policy_unit options = { .stage = POLICY_STAGE_ANY, .table = POLICY_TABLE_ANY };
	uint32_t i;

	for (i = 0; i < policy->unit_count; i++) {
		if (strcmp(policy->units[i].name, unit) == 0)
			return policy->units[i];
		if (strcmp(policy->units[i].name, "*") == 0)
			options = policy->units[i];
	}
	return options;
}

void policy_free(struct policy *policy)
{
	uint32_t i;

	if (!policy)
		return;
	for (i = 0; i < policy->client_count; i++) {
		free(policy->clients[i].exe);
		free(policy->clients[i].devices);
		free(policy->clients[i].regions);
		free(policy->clients[i].windows);
	}
	free(policy->file);
	free(policy->devices);
	free(policy->regions);
	free(policy->clients);
	free(policy->statics);
	free(policy->units);
	free(policy);
}
