// SPDX-License-Identifier: BSD-2-Clause
// Any bytes as VT-d fault records and as what the registers of the queue say:
// every record that was not dropped is told once, in order, and none is believed.
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "log.h"
#include "vtd_fake.h"

#define ARENA (UINT64_C(1) << 20)
#define STREAM 0x10u
#define QUEUE_ERRORS ((uint64_t)(VTD_FAKE_IQE | VTD_FAKE_ICE | VTD_FAKE_ITE))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One step of an input: what happens, and 16 bytes for it. */
struct step {
	uint8_t op, budget;
	uint64_t words[2];
};
enum { STEP_BYTES = 18 };

/* One with a single fault record, one with several. */
static struct side {
	struct vtd_fake fake;
	struct drv_unit *unit;
	struct drv_space *space;
	uint64_t told, losses, next;
} sides[2], *side;
static const uint64_t record_counts[2] = { 1, 7 };

/* Aborts, which is how a fuzzer learns of a broken promise. */
static void require(bool promise)
{
	if (!promise)
		abort();
}

static void on_fault(void *context, const struct drv_fault *fault)
{
	(void)context;
	require(fault->sequence == side->next);
	require(fault->name && fault->name[0] && fault->reason && fault->reason[0]);
	require(fault->kind <= DRV_FAULT_UNKNOWN);
	require(fault->kind != DRV_FAULT_UNKNOWN || (!fault->has_stream && !fault->has_address));
	require(!fault->has_stream || fault->stream <= 0xffff);
	require(!fault->has_substream || fault->substream <= 0xfffff);
	require(!fault->has_address || (fault->address & 0xfff) == 0);
	side->next++;
	side->told++;
}

static void on_loss(void *context, uint64_t sequence, const char *why)
{
	(void)context;
	require(sequence == side->next && why && why[0]);
	side->losses++;
}

static const struct drv_fault_sink sink = { NULL, on_fault, on_loss };

static void take_over(void)
{
	const struct drv_stream_init init = { STREAM, DRV_DENY, NULL };
	struct error err;

	require(side->unit->ops->takeover(side->unit, &init, 1, &err) == 0);
}

static void start(uint64_t records)
{
	const struct extent extent = { PA(UINT64_C(0x80000000)), 4096 };
	const struct drv_part part = { &extent, 1, 0, 4096, -1, false };
	struct drv_found found = vtd_fake_found();
	const struct drv_options options = { .mode = DRV_MODE_LEGACY };
	struct drv_gather gather = { 0 };
	struct error err;

	log_setup("fuzz", (enum log_level)1, false); /* of a unit that lies there is much to say */
	require(vtd_fake_init(&side->fake, ARENA) == 0);
	side->fake.tick_ns = 1000000; /* nobody waits long here */
	vtd_fake_set(&side->fake, VTD_FAKE_CAP_REG, 8, VTD_FAKE_CAP | (records - 1) << 40);
	require(drv_find(&found)->probe(&side->fake.hw, &found, &options, &side->unit, &err) == 0);
	take_over();
	require(side->unit->ops->space_create(side->unit, 0, &side->space, &err) == 0);
	require(side->unit->ops->map(side->space, IOVA(0x1000), &part, RIGHT_READ, &err) == 0);
	require(side->unit->ops->set_stream(side->unit, STREAM, DRV_BOUND, side->space, &gather,
					    &err) == 0);
	side->unit->ops->submit(side->unit, &gather);
	side->unit->ops->completed(side->unit);
}

static void drain(unsigned budget)
{
	uint64_t mark = side->unit->ops->fault_mark(side->unit);

	require(mark >= side->next);
	side->unit->ops->drain_faults(side->unit, budget, &sink);
	require(side->next <= mark);
}

static void set_queue_errors(uint64_t bits)
{
	uint64_t others = vtd_fake_get(&side->fake, VTD_FAKE_FSTS, 4) & ~QUEUE_ERRORS;

	vtd_fake_set(&side->fake, VTD_FAKE_FSTS, 4, others | (bits & QUEUE_ERRORS));
}

/* The registers lie; whatever they say, the unit is usable again after a take-over. */
static void lie(const struct step *step)
{
	struct drv_gather gather = { 0 };
	unsigned i;

	side->fake.is_stopped = true;
	drv_gather_range(&gather, side->space, 0x1000, 4096);
	side->unit->ops->submit(side->unit, &gather);
	vtd_fake_set(&side->fake, VTD_FAKE_IQH, 8, step->words[0]);
	set_queue_errors(step->words[1]);
	for (i = 0; i < 3 && !side->unit->is_closed; i++)
		side->unit->ops->completed(side->unit);
	vtd_fake_set(&side->fake, VTD_FAKE_IQH, 8, vtd_fake_get(&side->fake, VTD_FAKE_IQT, 8));
	set_queue_errors(0);
	side->fake.last_was_wait = true;
	side->fake.is_stopped = false;
	side->unit->ops->close(side->unit);
	take_over();
}

static void take_step(const struct step *step)
{
	switch (step->op & 3) {
	case 0:
	case 1:
		vtd_fake_fault(&side->fake, step->words);
		break;
	case 2:
		drain(step->budget);
		break;
	default:
		lie(step);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct step step;
	size_t at;

	if (size == 0)
		return 0;
	side = &sides[data[0] & 1];
	if (!side->unit)
		start(record_counts[data[0] & 1]);
	for (at = 1; at + STEP_BYTES <= size; at += STEP_BYTES) {
		step.op = data[at];
		step.budget = data[at + 1];
		memcpy(step.words, data + at + 2, sizeof(step.words));
		take_step(&step);
	}
	while (side->unit->ops->drain_faults(side->unit, 7, &sink))
		;
	require(side->told == side->fake.faults);
	require(side->unit->counts.events == side->told);
	require(side->unit->counts.event_losses == side->losses);
	return 0;
}
