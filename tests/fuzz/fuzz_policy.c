// SPDX-License-Identifier: BSD-2-Clause
// Any bytes as a policy: a verdict with words, then a few decisions.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arith.h"
#include "bits.h"
#include "policy.h"
#include "types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Aborts, which is how a fuzzer learns of a broken promise. */
static void require(bool promise)
{
	if (!promise)
		abort();
}

static void decide(const struct policy *policy, const struct policy_who *who)
{
	struct policy_ask ask = { .iova = 0x1000, .length = 0x1000, .rights = RIGHT_READ };
	struct policy_answer answer;
	uint32_t i, verb;

	for (i = 0; i <= policy->device_count && i < 8; i++) {
		ask.device = i < policy->device_count ? &policy->devices[i].match : NULL;
		ask.region = i < policy->region_count ? policy->regions[i].name : NULL;
		for (verb = POLICY_CONNECT; verb <= POLICY_REGION; verb++) {
			ask.verb = (enum policy_verb)verb;
			policy_decide(policy, who, &ask, &answer);
			require(answer.text[0] && memchr(answer.text, '\0', sizeof(answer.text)));
			require(!answer.allowed || answer.rule);
			if (answer.allowed && verb == POLICY_ATTACH)
				require(answer.index == i && !policy->devices[i].host_identity);
			if (answer.allowed && verb == POLICY_MAP)
				require(policy_window_allows(answer.rule, ask.iova, ask.length));
		}
	}
}

/* What a loaded policy promises to those who read its fields. */
static void check_policy(const struct policy *policy)
{
	struct policy_who who = { .uid = 1000, .gid = 1000, .exe = "/usr/bin/edu" };
	uint32_t i, j;

	for (i = 0; i < policy->client_count; i++) {
		const struct policy_client *client = &policy->clients[i];

		require((client->uid == POLICY_ANY) != (client->gid == POLICY_ANY));
		require(client->rights && client->name[0]);
		for (j = 0; j < client->device_count; j++)
			require(client->devices[j] < policy->device_count);
		for (j = 0; j < client->region_count; j++)
			require(client->regions[j] < policy->region_count);
		who.uid = client->uid;
		who.gid = client->gid;
		who.exe = client->exe;
		if (i < 8)
			decide(policy, &who);
	}
	for (i = 0; i < policy->region_count; i++)
		require(!range_is_bad(policy->regions[i].address, policy->regions[i].length));
	for (i = 0; i < policy->static_count; i++) {
		require(policy->statics[i].device < policy->device_count);
		require(policy->statics[i].region < policy->region_count);
		require(!policy->devices[policy->statics[i].device].host_identity);
	}
	policy_unit_options(policy, "smmu0");
	decide(policy, &(struct policy_who){ .uid = 1000, .gid = 1000 });
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct policy_report report;
	struct policy *policy = NULL;
	int err = policy_parse("f.yaml", (const char *)data, size, &policy, &report);

	require(memchr(report.text, '\0', sizeof(report.text)));
	require(err == 0 || ((err == -EINVAL || err == -ENOMEM) && report.errors && !policy));
	if (err == 0)
		check_policy(policy);
	policy_free(policy);
	return 0;
}
