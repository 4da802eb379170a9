// SPDX-License-Identifier: BSD-2-Clause
/* Two functions of the programs here are linked with --wrap: they come by. */
#include "twist.h"

#include <errno.h>
#include <stddef.h>

#include "log.h"

#define QUEUE_MAX 1024u

static struct twist *twist;
static const struct drv_ops *real;
static struct drv_ops twisted_ops;
static struct drv_module twisted_module;
static const struct drv_module *real_module;

static struct queued {
	struct drv_space *space;
	iova_t iova;
	struct drv_part part;
	unsigned rights;
} queue[QUEUE_MAX];
static uint32_t queue_count;

void twist_use(struct twist *shared)
{
	twist = shared;
}

static void drop_queued(struct drv_space *space)
{
	uint32_t i, kept = 0;

	for (i = 0; i < queue_count; i++)
		if (queue[i].space != space)
			queue[kept++] = queue[i];
	queue_count = twist->queued = kept;
}

static int refuse(const struct drv_space *space, struct error *err)
{
	if (twist->fail_closes)
		real->close(space->unit);
	return error_set(err, -ENOSPC, TWIST_SENTENCE);
}

static int map(struct drv_space *space, iova_t iova, const struct drv_part *part, unsigned rights,
	       struct error *err)
{
	if (++twist->maps == twist->fail_map)
		return refuse(space, err);
	if (!twist->has_commit)
		return real->map(space, iova, part, rights, err);
	check(queue_count < QUEUE_MAX);
	queue[queue_count++] = (struct queued){ space, iova, *part, rights };
	twist->queued = queue_count;
	return 0;
}

static void unmap_done(struct drv_space *space, uint32_t end)
{
	struct drv_gather gather = { 0 };
	uint32_t i;

	for (i = 0; i < end; i++)
		if (queue[i].space == space)
			real->unmap(space, queue[i].iova, queue[i].part.length, &gather);
	real->submit(space->unit, &gather);
}

static int commit(struct drv_space *space, struct error *err)
{
	uint32_t i;
	int ret = 0;

	if (++twist->commits == twist->fail_commit) {
		drop_queued(space);
		return refuse(space, err);
	}
	for (i = 0; i < queue_count && ret == 0; i++)
		if (queue[i].space == space)
			ret = real->map(space, queue[i].iova, &queue[i].part, queue[i].rights, err);
	if (ret < 0)
		unmap_done(space, i - 1);
	drop_queued(space);
	return ret;
}

/* Whoever takes something away, or opens a stream, has committed before. */
static void check_nothing_queued(const struct drv_space *space)
{
	uint32_t i;

	for (i = 0; i < queue_count; i++)
		check(queue[i].space != space);
}

static void unmap(struct drv_space *space, iova_t iova, uint64_t length, struct drv_gather *gather)
{
	check_nothing_queued(space);
	real->unmap(space, iova, length, gather);
}

static int set_stream(struct drv_unit *unit, uint32_t stream, enum drv_stream_state state,
		      struct drv_space *space, struct drv_gather *gather, struct error *err)
{
	if (state == DRV_BOUND) {
		check_nothing_queued(space);
		if (++twist->binds == twist->fail_bind)
			return error_set(err, -EIO, TWIST_SENTENCE);
	}
	return real->set_stream(unit, stream, state, space, gather, err);
}

/* Each stream has one state from the first instant. */
static int takeover(struct drv_unit *unit, const struct drv_stream_init *init, uint32_t count,
		    struct error *err)
{
	uint32_t i, k;

	for (i = 0; i < count; i++)
		for (k = 0; k < i; k++)
			check(init[i].stream != init[k].stream);
	return real->takeover(unit, init, count, err);
}

static void space_destroy(struct drv_space *space)
{
	drop_queued(space);
	real->space_destroy(space);
}

static uint32_t reserved(struct drv_unit *unit, uint32_t stream, struct drv_reserved *list,
			 uint32_t max)
{
	uint32_t i, count = 0;

	(void)unit;
	twist->reserved_asked++;
	for (i = 0; i < twist->reserved_count; i++) {
		if (twist->reserved[i].stream != stream)
			continue;
		if (count < max)
			list[count] = twist->reserved[i].range;
		count++;
	}
	return count;
}

static int probe(struct hw *hw, const struct drv_found *found, const struct drv_options *options,
		 struct drv_unit **ret_unit, struct error *err)
{
	int ret = real_module->probe(hw, found, options, ret_unit, err);

	if (ret < 0)
		return ret;
	real = (*ret_unit)->ops;
	twisted_ops = *real;
	twisted_ops.takeover = takeover;
	twisted_ops.map = map;
	twisted_ops.commit = twist->has_commit ? commit : NULL;
	twisted_ops.unmap = unmap;
	twisted_ops.set_stream = set_stream;
	twisted_ops.space_destroy = space_destroy;
	twisted_ops.reserved = twist->reserved_count ? reserved : NULL;
	(*ret_unit)->ops = &twisted_ops;
	(*ret_unit)->caps.unsafe_interrupts = twist->unsafe_interrupts;
	queue_count = 0;
	return 0;
}

const struct drv_module *__real_drv_find(const struct drv_found *found);
const struct drv_module *__wrap_drv_find(const struct drv_found *found);

const struct drv_module *__wrap_drv_find(const struct drv_found *found)
{
	const struct drv_module *module = __real_drv_find(found);

	if (!twist || !module)
		return module;
	real_module = module;
	twisted_module = *module;
	twisted_module.probe = probe;
	return &twisted_module;
}

int __real_topology_scan_pci(struct machine *machine, struct topology *topology,
			     struct error *err);
int __wrap_topology_scan_pci(struct machine *machine, struct topology *topology,
			     struct error *err);

int __wrap_topology_scan_pci(struct machine *machine, struct topology *topology,
			     struct error *err)
{
	int ret = __real_topology_scan_pci(machine, topology, err);
	uint32_t i;

	for (i = 0; ret == 0 && twist && i < twist->firmware_count; i++)
		topology->reserved[topology->reserved_count++] = twist->firmware[i];
	return ret;
}
