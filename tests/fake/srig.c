// SPDX-License-Identifier: BSD-2-Clause
#include "srig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

void srig_init(struct srig *rig)
{
	memset(rig, 0, sizeof(*rig));
	assert_int_equal(hw_fake_init(&rig->fake, SRIG_ARENA), 0);
}

void srig_probe(struct srig *rig)
{
	struct drv_found found = hw_fake_found();
	const struct drv_module *module = drv_find(&found);

	assert_non_null(module);
	assert_int_equal(module->probe(&rig->fake.hw, &found, &rig->options, &rig->unit, &rig->err), 0);
	rig->ops = rig->unit->ops;
}

void srig_fini(struct srig *rig)
{
	if (rig->unit)
		rig->ops->forget(rig->unit);
	hw_fake_fini(&rig->fake);
}

void srig_takeover(struct srig *rig, const struct drv_stream_init *init, uint32_t count)
{
	int ret = rig->ops->takeover(rig->unit, init, count, &rig->err);

	if (ret)
		print_error("%s\n", rig->err.text);
	assert_int_equal(ret, 0);
}

void srig_start(struct srig *rig, uint32_t idr0)
{
	const struct drv_stream_init init = { .stream = SRIG_STREAM, .state = DRV_DENY };

	srig_init(rig);
	hw_fake_set(&rig->fake, FAKE_IDR0, 4, idr0);
	srig_probe(rig);
	srig_takeover(rig, &init, 1);
}

struct drv_space *srig_space(struct srig *rig)
{
	struct drv_space *space = NULL;

	assert_int_equal(rig->ops->space_create(rig->unit, 0, &space, &rig->err), 0);
	return space;
}

void srig_map(struct srig *rig, struct drv_space *space, uint64_t iova, uint64_t length)
{
	const struct extent extent = { PA(SRIG_MEMORY), length };
	const struct drv_part part = { &extent, 1, 0, length, -1, false };

	assert_int_equal(rig->ops->map(space, IOVA(iova), &part, RIGHT_READ | RIGHT_WRITE, &rig->err), 0);
}

void srig_wait(struct srig *rig, uint64_t ticket)
{
	unsigned looks;

	for (looks = 0; looks < 100; looks++)
		if (rig->ops->completed(rig->unit) >= ticket)
			return;
	fail_msg("ticket %lu never completed", (unsigned long)ticket);
}

void srig_set(struct srig *rig, uint32_t stream, enum drv_stream_state state,
	     struct drv_space *space)
{
	struct drv_gather gather = { 0 };

	assert_int_equal(rig->ops->set_stream(rig->unit, stream, state, space, &gather, &rig->err), 0);
	srig_wait(rig, rig->ops->submit(rig->unit, &gather));
}

static void on_fault(void *context, const struct drv_fault *fault)
{
	struct srig *rig = context;

	if (rig->fault_count < SRIG_FAULTS)
		rig->faults[rig->fault_count] = *fault;
	rig->fault_count++;
}

static void on_loss(void *context, uint64_t sequence, const char *why)
{
	struct srig *rig = context;

	rig->loss_count++;
	rig->loss_sequence = sequence;
	rig->loss_why = why;
}

bool srig_drain(struct srig *rig, unsigned budget)
{
	const struct drv_fault_sink sink = { rig, on_fault, on_loss };

	return rig->ops->drain_faults(rig->unit, budget, &sink);
}
