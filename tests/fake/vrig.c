// SPDX-License-Identifier: BSD-2-Clause
#include "vrig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

void vrig_init(struct vrig *rig, bool is_pci)
{
	memset(rig, 0, sizeof(*rig));
	assert_int_equal(virtio_fake_init(&rig->fake, VRIG_ARENA, is_pci), 0);
}

int vrig_try_probe(struct vrig *rig)
{
	struct drv_found found = virtio_fake_found(&rig->fake);
	const struct drv_module *module = drv_find(&found);
	int ret;

	assert_non_null(module);
	ret = module->probe(&rig->fake.hw, &found, &rig->options, &rig->unit, &rig->err);
	if (ret == 0)
		rig->ops = rig->unit->ops;
	return ret;
}

void vrig_probe(struct vrig *rig)
{
	int ret = vrig_try_probe(rig);

	if (ret)
		print_error("%s\n", rig->err.text);
	assert_int_equal(ret, 0);
}

void vrig_fini(struct vrig *rig)
{
	if (rig->unit)
		rig->ops->forget(rig->unit);
	virtio_fake_fini(&rig->fake);
}

void vrig_takeover(struct vrig *rig, const struct drv_stream_init *init, uint32_t count)
{
	int ret = rig->ops->takeover(rig->unit, init, count, &rig->err);

	if (ret)
		print_error("%s\n", rig->err.text);
	assert_int_equal(ret, 0);
}

void vrig_start(struct vrig *rig, bool is_pci)
{
	const struct drv_stream_init init[] = {
		{ .stream = VRIG_STREAM, .state = DRV_DENY },
		{ .stream = VRIG_OTHER, .state = DRV_DENY },
	};

	vrig_init(rig, is_pci);
	vrig_probe(rig);
	vrig_takeover(rig, init, 2);
}

struct drv_space *vrig_space(struct vrig *rig)
{
	struct drv_space *space = NULL;

	assert_int_equal(rig->ops->space_create(rig->unit, 0, &space, &rig->err), 0);
	return space;
}

int vrig_try_map(struct vrig *rig, struct drv_space *space, uint64_t iova, uint64_t length)
{
	const struct extent extent = { PA(VRIG_MEMORY + iova), length };
	const struct drv_part part = { &extent, 1, 0, length, -1, false };

	return rig->ops->map(space, IOVA(iova), &part, RIGHT_READ | RIGHT_WRITE, &rig->err);
}

void vrig_map(struct vrig *rig, struct drv_space *space, uint64_t iova, uint64_t length)
{
	int ret = vrig_try_map(rig, space, iova, length);

	if (ret == 0)
		ret = rig->ops->commit(space, &rig->err);
	if (ret)
		print_error("%s\n", rig->err.text);
	assert_int_equal(ret, 0);
}

void vrig_unmap(struct vrig *rig, struct drv_space *space, uint64_t iova, uint64_t length)
{
	struct drv_gather gather = { 0 };

	rig->ops->unmap(space, IOVA(iova), length, &gather);
	vrig_wait(rig, rig->ops->submit(rig->unit, &gather));
}

void vrig_set(struct vrig *rig, uint32_t stream, enum drv_stream_state state,
	      struct drv_space *space)
{
	struct drv_gather gather = { 0 };
	int ret = rig->ops->set_stream(rig->unit, stream, state, space, &gather, &rig->err);

	if (ret)
		print_error("%s\n", rig->err.text);
	assert_int_equal(ret, 0);
	vrig_wait(rig, rig->ops->submit(rig->unit, &gather));
}

void vrig_wait(struct vrig *rig, uint64_t ticket)
{
	unsigned looks;

	for (looks = 0; looks < 100; looks++)
		if (rig->ops->completed(rig->unit) >= ticket)
			return;
	fail_msg("ticket %lu was not completed", (unsigned long)ticket);
}

static void on_fault(void *context, const struct drv_fault *fault)
{
	struct vrig *rig = context;

	if (rig->fault_count < VRIG_FAULTS)
		rig->faults[rig->fault_count] = *fault;
	rig->fault_count++;
}

static void on_loss(void *context, uint64_t sequence, const char *why)
{
	struct vrig *rig = context;

	rig->loss_count++;
	rig->loss_sequence = sequence;
	rig->loss_why = why;
}

bool vrig_drain(struct vrig *rig, unsigned budget)
{
	const struct drv_fault_sink sink = { rig, on_fault, on_loss };

	return rig->ops->drain_faults(rig->unit, budget, &sink);
}

bool vrig_lands(struct vrig *rig, uint32_t stream, uint64_t iova, uint64_t pa)
{
	uint64_t at;

	return virtio_fake_reach(&rig->fake, stream, iova, 3, &at) && at == pa;
}

bool vrig_reaches(struct vrig *rig, uint32_t stream, uint64_t iova)
{
	uint64_t at;

	return virtio_fake_reach(&rig->fake, stream, iova, 1, &at) ||
	       virtio_fake_reach(&rig->fake, stream, iova, 2, &at);
}
