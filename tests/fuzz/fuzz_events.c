// SPDX-License-Identifier: BSD-2-Clause
// Any bytes as event records of the unit (32 each): every one is counted, none
// is believed, and what the fault log hands out is always well formed.
#include <stdlib.h>
#include <string.h>

#include "daemon.h"
#include "faults.h"
#include "hw_fake.h"
#include "log.h"
#include "machine_fake.h"

#define ARENA (UINT64_C(16) << 20)
#define RECORD 32u
#define RECORDS_MAX 256u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char policy_text[] =
	"version: 1\n"
	"devices:\n"
	"  - {name: dma0, match: \"pci:0000:00:02.0\", storm: {budget: 100, per: 1s, then: quarantine}}\n";

static struct hw_fake fake;
static struct daemon *d;

/* Aborts, which is how a fuzzer learns of a broken promise. */
static void require(bool promise)
{
	if (!promise)
		abort();
}

static void start(void)
{
	struct machine_fake_options options = { .unit = &fake, .edu_count = 2 };
	static struct policy_report report;
	struct policy *policy;
	struct machine *machine;
	struct error err;

	log_setup("fuzz", LOG_ALARM, false);
	require(hw_fake_init(&fake, ARENA) == 0);
	require(machine_fake_open(&options, &machine) == 0);
	require(policy_parse("fuzz", policy_text, sizeof(policy_text) - 1, &policy, &report) == 0);
	d = calloc(1, sizeof(*d));
	require(d != NULL);
	daemon_init(d, machine, policy);
	require(daemon_start(d, &err) == 0);
}

static void require_terminated(const char *text, size_t size)
{
	require(memchr(text, '\0', size) != NULL);
}

static void check_record(const struct wire_fault *record)
{
	require_terminated(record->unit, sizeof(record->unit));
	require_terminated(record->device, sizeof(record->device));
	require_terminated(record->owner, sizeof(record->owner));
	require_terminated(record->event, sizeof(record->event));
	require_terminated(record->reason, sizeof(record->reason));
	require_terminated(record->note, sizeof(record->note));
	require(record->event[0] && record->reason[0]);
	require(record->client == 0);
	require((record->flags & WIRE_FAULT_LOSS) ? record->count == 0 : record->count > 0);
}

/* Reads everything after a cursor; the sum of the counts. */
static uint64_t read_all(uint64_t after)
{
	static struct wire_fault records[64];
	uint64_t sum = 0, next = after, lost;
	uint32_t count, i;

	do {
		count = faults_read(d, next, 0, 64, records, &next, &lost);
		require(lost == 0);
		for (i = 0; i < count; i++) {
			check_record(&records[i]);
			sum += records[i].count;
		}
	} while (count == 64);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t faults, records, losses, after, now;
	uint64_t words[4];
	size_t at, given = 0;

	if (!d)
		start();
	faults_totals(d, &faults, &records, &losses);
	after = records;
	for (at = 0; at + RECORD <= size && given < RECORDS_MAX; at += RECORD, given++) {
		memcpy(words, data + at, sizeof(words));
		hw_fake_event(&fake, words);
	}
	while (faults_drain(d, 16))
		;
	faults_totals(d, &now, &records, &losses);
	require(now == faults + given);
	require(read_all(after) == given);
	return 0;
}
