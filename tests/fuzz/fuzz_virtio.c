// SPDX-License-Identifier: BSD-2-Clause
// A virtio-iommu made of any bytes: its capabilities and configuration, its
// answers, its used rings and its reports. The module refuses it in a sentence or
// drives it; while it drives it, the device holds nothing that the books do not;
// and once it is closed, a device that obeys lets nobody through.
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "virtio_fake.h"

#define ARENA (UINT64_C(512) << 10)
#define MEMORY UINT64_C(0x80000000)
#define PAGE UINT64_C(4096)
#define SPACES 2u
#define PLACES 16u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint32_t streams[] = { 8, 16, 24, 99 };

struct input {
	const uint8_t *data;
	size_t size;
};

struct world {
	struct virtio_fake fake;
	struct drv_unit *unit;
	const struct drv_ops *ops;
	struct drv_space *spaces[SPACES];
	bool is_mapped[SPACES][PLACES];
	bool is_tampered; /* the device's own books, or the rings, were written behind it */
	uint64_t faults;
	struct error err;
};

/* Aborts, which is how a fuzzer learns of a broken promise. */
static void require(bool promise)
{
	if (!promise)
		abort();
}

static uint8_t next(struct input *input)
{
	if (input->size == 0)
		return 0;
	input->size--;
	return *input->data++;
}

static uint32_t next32(struct input *input)
{
	uint32_t value = next(input);

	value |= (uint32_t)next(input) << 8;
	value |= (uint32_t)next(input) << 16;
	return value | (uint32_t)next(input) << 24;
}

/* Pairs of offset and byte, over an area of at most 256 bytes. */
static void overlay(struct input *input, uint8_t *area, size_t bytes)
{
	unsigned count = next(input) % 16;

	while (count-- > 0) {
		size_t at = next(input) % bytes;

		area[at] = next(input);
	}
}

static void device_shape(struct world *world, struct input *input)
{
	struct virtio_fake *fake = &world->fake;
	uint8_t what = next(input);

	fake->tick_ns = 20000000; /* a second is fifty looks */
	if (what & 1)
		overlay(input, fake->pci, sizeof(fake->pci));
	if (what & 2)
		overlay(input, fake->config, FAKE_DEVICE_BYTES);
	if (what & 4)
		fake->offered ^= (uint64_t)next(input) | (uint64_t)next(input) << 32;
	if (what & 8)
		fake->queues[0].max = next32(input);
	if (what & 16)
		fake->queues[1].max = next32(input);
	if (what & 32)
		overlay(input, fake->properties, 200);
	if (what & 64)
		fake->mute = next(input);
	if (what & 128)
		fake->status = next(input);
}

static void on_fault(void *context, const struct drv_fault *fault)
{
	struct world *world = context;

	require(fault->name && fault->reason);
	require(fault->kind <= DRV_FAULT_UNKNOWN);
	world->faults++;
}

static void on_loss(void *context, uint64_t sequence, const char *why)
{
	(void)context;
	(void)sequence;
	require(why != NULL);
}

/* --- what the daemon does --- */

static void do_map(struct world *world, struct input *input)
{
	unsigned s = next(input) % SPACES, place = next(input) % PLACES;
	const struct extent extent = { PA(MEMORY + place * PAGE), PAGE };
	const struct drv_part part = { &extent, 1, 0, PAGE, -1, false };
	uint64_t iova = (uint64_t)place << 13;

	if (world->is_mapped[s][place] ||
	    world->ops->map(world->spaces[s], IOVA(iova), &part, 1 + next(input) % 3, &world->err))
		return;
	world->is_mapped[s][place] = true;
}

static void do_commit(struct world *world, struct input *input)
{
	unsigned s = next(input) % SPACES, place;
	struct drv_walk walk;

	if (!world->ops->commit(world->spaces[s], &world->err))
		return;
	/* None of the batch holds: ask which that were. */
	for (place = 0; place < PLACES; place++) {
		world->ops->walk(world->spaces[s], IOVA((uint64_t)place << 13), &walk);
		world->is_mapped[s][place] = walk.is_mapped;
	}
}

static void do_unmap(struct world *world, struct input *input, struct drv_gather *gather)
{
	unsigned s = next(input) % SPACES, place = next(input) % PLACES;

	if (!world->is_mapped[s][place])
		return;
	world->is_mapped[s][place] = false;
	if (gather->space && gather->space != world->spaces[s])
		world->ops->submit(world->unit, gather);
	world->ops->unmap(world->spaces[s], IOVA((uint64_t)place << 13), PAGE, gather);
}

static void do_stream(struct world *world, struct input *input, struct drv_gather *gather)
{
	uint32_t stream = streams[next(input) % 4];
	enum drv_stream_state state = next(input) % 3;
	struct drv_space *space = state == DRV_BOUND ? world->spaces[next(input) % SPACES] : NULL;
	int ret = world->ops->set_stream(world->unit, stream, state, space, gather, &world->err);

	require(state == DRV_BOUND || ret == 0);
}

/* --- what the device does --- */

static void device_sins(struct world *world, struct input *input)
{
	struct virtio_fake *fake = &world->fake;

	virtio_fake_log(fake);
	fake->sin = next(input) % 8;
	fake->sin_at = next(input) % 8;
	fake->sin_value = next32(input);
	fake->sin_stays = next(input) & 1;
	/* A device that says OK and does nothing cannot be found out. */
	world->is_tampered |= fake->sin == FAKE_SIN_STATUS && (uint8_t)fake->sin_value == 0;
}

/* Bytes straight into a used ring or into the event buffers. */
static void device_scribbles(struct world *world, struct input *input)
{
	struct virtio_fake_queue *queue = &world->fake.queues[next(input) & 1];
	uint8_t *used = virtio_fake_memory(&world->fake, queue->used, 64);

	world->is_tampered = true;
	if (used)
		overlay(input, used, 64);
}

static void device_reports(struct world *world, struct input *input)
{
	uint8_t bytes[24];
	unsigned i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = next(input);
	if (next(input) & 1)
		virtio_fake_report(&world->fake, bytes, next(input) & 1 ? 24 : next32(input));
	else
		virtio_fake_report_as(&world->fake, bytes, 24, next32(input));
}

/* Nothing is outstanding and the unit runs: what the device maps, some space maps. */
static void check_books(struct world *world)
{
	struct drv_gather none = { 0 };
	struct drv_walk walk;
	uint64_t i;
	unsigned s;
	bool is_held;

	if (world->is_tampered || world->unit->is_closed ||
	    world->ops->completed(world->unit) != world->ops->submit(world->unit, &none))
		return;
	for (i = 0; i < world->fake.mapping_count; i++) {
		is_held = false;
		for (s = 0; s < SPACES; s++) {
			world->ops->walk(world->spaces[s], IOVA(world->fake.mappings[i].start), &walk);
			is_held |= walk.is_mapped && walk.pa == world->fake.mappings[i].pa;
		}
		require(is_held);
	}
}

static void step(struct world *world, struct input *input, struct drv_gather *gather)
{
	const struct drv_fault_sink sink = { world, on_fault, on_loss };
	uint64_t events = world->unit->counts.events;

	switch (next(input) % 12) {
	case 0: case 1: do_map(world, input); break;
	case 2: do_commit(world, input); break;
	case 3: do_unmap(world, input, gather); break;
	case 4: do_stream(world, input, gather); break;
	case 5: world->ops->submit(world->unit, gather); break;
	case 6: world->ops->completed(world->unit); break;
	case 7:
		world->faults = 0;
		world->ops->drain_faults(world->unit, 1 + next(input), &sink);
		require(world->faults <= world->unit->counts.events - events);
		break;
	case 8: device_sins(world, input); break;
	case 9: device_scribbles(world, input); break;
	case 10: device_reports(world, input); break;
	default: check_books(world); break;
	}
}

static void check_shut(const struct world *world)
{
	uint64_t pa;
	unsigned i;

	for (i = 0; i < 4; i++) {
		require(!virtio_fake_reach(&world->fake, streams[i], 0x1000, 1, &pa));
		require(!virtio_fake_reach(&world->fake, streams[i], 0, 2, &pa));
	}
}

static void drive(struct world *world, struct input *input)
{
	const struct drv_stream_init init[] = { { 8, DRV_DENY, NULL }, { 16, DRV_SILENT, NULL } };
	struct drv_gather gather = { 0 };
	unsigned s, steps;

	require(world->unit->caps.input_bits >= 12 && world->unit->caps.input_bits <= 63);
	world->ops->close(world->unit);
	if (world->fake.mute == 0)
		check_shut(world);
	for (s = 0; s < SPACES; s++)
		if (world->ops->space_create(world->unit, 0, &world->spaces[s], &world->err))
			return; /* too few domains */
	if (world->ops->takeover(world->unit, init, 2, &world->err)) {
		require(world->unit->is_closed && world->err.text[0]);
		return;
	}
	for (steps = 0; input->size > 0 && steps < 400; steps++)
		step(world, input, &gather);
	world->ops->close(world->unit);
	if (world->fake.mute == 0)
		check_shut(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world world;
	struct input input = { data, size };
	struct drv_options options = { 0 };
	struct drv_found found;

	log_setup("fuzz", 0, false);
	memset(&world, 0, sizeof(world));
	require(virtio_fake_init(&world.fake, ARENA, next(&input) & 1) == 0);
	device_shape(&world, &input);
	found = virtio_fake_found(&world.fake);
	if (drv_find(&found)->probe(&world.fake.hw, &found, &options, &world.unit, &world.err)) {
		require(memcmp(world.err.text, "smmu0", 5) == 0);
	} else {
		world.ops = world.unit->ops;
		drive(&world, &input);
		world.ops->forget(world.unit);
	}
	virtio_fake_fini(&world.fake);
	return 0;
}
