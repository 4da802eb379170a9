// SPDX-License-Identifier: BSD-2-Clause
#include "spread.h"

#include <errno.h>

#include "bits.h"
#include "pending.h"

_Static_assert(TOPOLOGY_UNITS_MAX <= 32, "a unit is a bit of spread.lost");

static struct drv_space *space_on(const struct daemon *d, const struct spread *spread,
				  uint32_t unit)
{
	return d->domains[spread->domain].spaces[unit];
}

/* A region of the policy may be registers; what a client registers is memory. */
struct drv_part grant_part(const struct daemon *d, const struct book_grant *grant)
{
	const struct book_memory *memory = &d->books.memories[grant->memory];
	bool is_region = memory->flags & BOOK_MEMORY_REGION;

	return (struct drv_part){
		.extents = books_extents(&d->books, memory),
		.extent_count = memory->extent_count,
		.offset = grant->offset,
		.length = grant->length,
		.fd = -1,
		.is_registers = is_region && !d->machine->ops->is_memory(d->machine, memory->one.pa,
									 memory->length),
	};
}

/* A unit that has to be closed over it may have let the device at some of it before. */
static int map_on(struct spread *spread, uint32_t unit, struct drv_space *space,
		  const struct book_grant *grant, const struct drv_part *part, struct error *err)
{
	int ret;

	if (space->unit->is_closed)
		return error_set(err, -EIO, "unit %s is closed after a failure; see the log",
				 space->unit->name);
	ret = space->unit->ops->map(space, IOVA(grant->iova), part, grant->rights, err);
	if (ret < 0 && space->unit->is_closed)
		spread->shut |= (uint32_t)BIT(unit);
	return ret;
}

int spread_map(struct daemon *d, struct spread *spread, const struct book_grant *grant,
	       struct error *err)
{
	struct drv_part part = grant_part(d, grant);
	struct drv_space *space;
	uint32_t i;
	int ret;

	for (i = 0; i < d->unit_count; i++) {
		space = space_on(d, spread, i);
		if (!space)
			continue;
		ret = map_on(spread, i, space, grant, &part, err);
		if (ret < 0) {
			spread->partial = (struct spread_part){ grant->iova, grant->length,
								grant->memory };
			spread->partial_units = i;
			return ret;
		}
	}
	return 0;
}

/* What map() only queued is there afterwards, or none of it is. */
static int commit_on(const struct daemon *d, struct spread *spread, uint32_t unit,
		     struct error *err)
{
	struct drv_space *space = space_on(d, spread, unit);
	int ret = 0;

	if ((spread->certain | spread->lost) & BIT(unit))
		return 0;
	if (space && space->unit->ops->commit)
		ret = space->unit->ops->commit(space, err);
	if (ret < 0)
		spread->lost |= (uint32_t)BIT(unit);
	else
		spread->certain |= (uint32_t)BIT(unit);
	return ret;
}

int spread_commit(struct daemon *d, struct spread *spread, struct error *err)
{
	uint32_t i;
	int ret = 0;

	for (i = 0; i < d->unit_count && ret == 0; i++)
		ret = commit_on(d, spread, i, err);
	return ret;
}

/* The whole request off one unit; nothing queued is left behind. */
static void revert_on(struct daemon *d, struct spread *spread, uint32_t unit,
		      const uint32_t *grants, uint32_t count, struct pending *pending)
{
	struct drv_space *space = space_on(d, spread, unit);
	struct drv_gather gather = { 0 };
	struct error ignored;
	uint32_t i;

	if (!space || (count == 0 && !spread_is_on(spread, unit)))
		return;
	commit_on(d, spread, unit, &ignored);
	if (!(spread->lost & BIT(unit))) {
		for (i = 0; i < count; i++)
			space->unit->ops->unmap(space, IOVA(d->books.grants[grants[i]].iova),
						d->books.grants[grants[i]].length, &gather);
		if (unit < spread->partial_units)
			space->unit->ops->unmap(space, IOVA(spread->partial.iova),
						spread->partial.length, &gather);
	}
	/* Of one that refused there is nothing to wait for, unless it had to be closed. */
	if (!(spread->lost & BIT(unit)) || space->unit->is_closed)
		pending_submit(pending, &d->units[unit], &gather);
}

void spread_revert(struct daemon *d, struct spread *spread, const uint32_t *grants,
		   uint32_t count, struct pending *pending)
{
	uint32_t i;

	for (i = 0; i < d->unit_count; i++)
		revert_on(d, spread, i, grants, count, pending);
}
