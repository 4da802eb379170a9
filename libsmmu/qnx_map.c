// SPDX-License-Identifier: BSD-2-Clause
/*
 * The QNX-compatible calls: mappings. Drivers name byte ranges, grants are
 * whole pages that come and go whole. So a range becomes at most three
 * segments: its first page and its last page where it fills them only in part, and
 * what lies between. Ranges that do not overlap can only meet in such an edge
 * page, which is counted, so no grant ever has to be split.
 */
#include <errno.h>
#include <stdlib.h>

#include "arith.h"
#include "qnx.h"
#include "types.h"

#define SEGMENTS_MAX 3u
#define RIGHTS_MASK (SMF_READ | SMF_WRITE | SMF_EXEC)

/* A range as the driver gave it. */
struct add {
	struct list node;
	uint64_t iova, length, landing;
	unsigned rights;
	unsigned count;	  /* how often it was added */
	unsigned leaving; /* how often a removal in progress names it */
};

/* One grant. */
struct segment {
	struct list node;
	struct smmu_grant grant;
	unsigned refs; /* adds that need it */
	bool is_mapped;
};

/* What one call wants of the service, sent when it is full and at the end. */
struct batch {
	struct smmu_object *object;
	unsigned count;
	struct segment *segments[WIRE_BATCH_MAX];
};

/* --- bookkeeping -------------------------------------------------------------------- */

static struct add *find_add(struct smmu_object *object, uint64_t iova, uint64_t length)
{
	struct list *pos;

	list_for_each(pos, &object->adds) {
		struct add *add = list_entry(pos, struct add, node);

		if (add->iova == iova && add->length == length)
			return add;
	}
	return NULL;
}

static bool overlaps_add(const struct smmu_object *object, uint64_t iova, uint64_t length)
{
	const struct list *pos;

	list_for_each(pos, &object->adds) {
		const struct add *add = list_entry(pos, struct add, node);

		if (range_overlaps(add->iova, add->length, iova, length))
			return true;
	}
	return false;
}

static struct segment *find_segment(struct smmu_object *object, uint64_t iova)
{
	struct list *pos;

	list_for_each(pos, &object->segments) {
		struct segment *segment = list_entry(pos, struct segment, node);

		if (segment->grant.iova == iova)
			return segment;
	}
	return NULL;
}

static void segment_free(struct segment *segment)
{
	list_remove(&segment->node);
	free(segment);
}

void qnx_map_forget(struct smmu_object *object)
{
	struct list *pos, *after;

	list_for_each_safe(pos, after, &object->adds)
		free(list_entry(pos, struct add, node));
	list_for_each_safe(pos, after, &object->segments)
		free(list_entry(pos, struct segment, node));
	list_init(&object->adds);
	list_init(&object->segments);
}

/* The pages of a range, cut as the head of this file says. Returns how many pieces. */
static unsigned cut(uint64_t iova, uint64_t length, struct smmu_range pieces[SEGMENTS_MAX])
{
	uint64_t start = align_down(iova, PAGE_BYTES);
	uint64_t last_page = align_down(range_last(iova, length), PAGE_BYTES);
	uint64_t end = last_page + PAGE_BYTES;
	unsigned count = 0;

	if (iova != start) {
		pieces[count++] = (struct smmu_range){ start, PAGE_BYTES };
		start += PAGE_BYTES;
	}
	if (iova + length != end && start <= last_page) {
		if (start < last_page)
			pieces[count++] = (struct smmu_range){ start, last_page - start };
		pieces[count++] = (struct smmu_range){ last_page, PAGE_BYTES };
	} else if (start < end) {
		pieces[count++] = (struct smmu_range){ start, end - start };
	}
	return count;
}

/* --- batches ------------------------------------------------------------------------ */

static int flush_map(struct batch *batch)
{
	struct smmu_grant grants[WIRE_BATCH_MAX];
	unsigned i;
	int rc;

	if (batch->count == 0)
		return 0;
	for (i = 0; i < batch->count; i++)
		grants[i] = batch->segments[i]->grant;
	rc = smmu_map_batch(qnx.context, batch->object->domain, grants, batch->count);
	for (i = 0; i < batch->count && !rc; i++)
		batch->segments[i]->is_mapped = true;
	batch->count = 0;
	return rc;
}

/* The segments are gone from the books whatever the service says. */
static int flush_unmap(struct batch *batch)
{
	struct smmu_range ranges[WIRE_BATCH_MAX];
	unsigned i, count = 0;

	for (i = 0; i < batch->count; i++) {
		const struct smmu_grant *grant = &batch->segments[i]->grant;

		if (batch->segments[i]->is_mapped)
			ranges[count++] = (struct smmu_range){ grant->iova, grant->length };
		segment_free(batch->segments[i]);
	}
	batch->count = 0;
	if (count == 0)
		return 0;
	return smmu_unmap_batch(qnx.context, batch->object->domain, ranges, count);
}

static bool is_nearly_full(const struct batch *batch)
{
	return batch->count + SEGMENTS_MAX > smmu_batch_max(qnx.context) ||
	       batch->count + SEGMENTS_MAX > WIRE_BATCH_MAX;
}

/* --- removing ----------------------------------------------------------------------- */

/* One use of the range less; segments nobody needs any more join the batch. */
static void drop_add(struct batch *batch, struct add *add)
{
	struct smmu_range pieces[SEGMENTS_MAX];
	unsigned i, count = cut(add->iova, add->length, pieces);

	if (--add->count > 0)
		return;
	for (i = 0; i < count; i++) {
		struct segment *segment = find_segment(batch->object, pieces[i].iova);

		if (segment && --segment->refs == 0)
			batch->segments[batch->count++] = segment;
	}
	list_remove(&add->node);
	free(add);
}

static int remove_entries(struct smmu_object *object, const struct smmu_map_entry *entries,
			  unsigned count)
{
	struct batch batch = { .object = object };
	struct add *add;
	unsigned i;
	int rc = 0, last;

	for (i = 0; i < count; i++) {
		add = find_add(object, entries[i].phys, entries[i].len);
		if (!add)
			continue;
		add->leaving = 0;
		drop_add(&batch, add);
		if (is_nearly_full(&batch)) {
			last = flush_unmap(&batch);
			rc = rc ? rc : last;
		}
	}
	last = flush_unmap(&batch);
	return rc ? rc : last;
}

/* Was each of them added, as often as it is named here? */
static int check_removal(struct smmu_object *object, const struct smmu_map_entry *entries,
			 unsigned count)
{
	struct add *add;
	unsigned i;
	int rc = 0;

	for (i = 0; i < count && !rc; i++) {
		add = find_add(object, entries[i].phys, entries[i].len);
		if (!add || ++add->leaving > add->count)
			rc = -ENOENT;
	}
	while (i-- > 0) {
		add = find_add(object, entries[i].phys, entries[i].len);
		if (add)
			add->leaving = 0;
	}
	return rc;
}

/* --- adding ------------------------------------------------------------------------- */

/* What the pages of an entry are to become. */
struct plan {
	uint64_t iova, length;
	uint64_t landing; /* the address the first byte stands for */
	unsigned rights;
};

static int check_entry(const struct plan *plan)
{
	if (range_is_bad(plan->iova, plan->length) || range_is_bad(plan->landing, plan->length))
		return -EINVAL;
	/* Room to round up. */
	if (range_last(plan->iova, plan->length) > INT64_MAX ||
	    range_last(plan->landing, plan->length) > INT64_MAX)
		return -EINVAL;
	if (!is_aligned(plan->iova ^ plan->landing, PAGE_BYTES))
		return -EINVAL;
	if (!is_aligned(plan->iova | plan->length, PAGE_BYTES) &&
	    !qnx.context->hello.round_compat)
		return -EINVAL;
	return 0;
}

static int find_memory(const struct plan *plan, struct backing *ret_backing)
{
	uint64_t start = align_down(plan->landing, PAGE_BYTES);
	uint64_t end = align_up(plan->landing + plan->length, PAGE_BYTES);
	int rc = client_lock(qnx.context);

	if (rc)
		return rc;
	return client_unlock(qnx.context,
			     dma_find_backing(qnx.context, start, end - start, ret_backing));
}

static bool is_same(const struct smmu_grant *a, const struct smmu_grant *b)
{
	return a->iova == b->iova && a->length == b->length && a->rights == b->rights &&
	       a->memory == b->memory && a->offset == b->offset;
}

/* The grants a range comes to. */
static int make_grants(const struct plan *plan, struct smmu_grant grants[SEGMENTS_MAX],
		       unsigned *ret_count)
{
	struct smmu_range pieces[SEGMENTS_MAX];
	uint64_t start = align_down(plan->iova, PAGE_BYTES);
	struct backing backing;
	unsigned i;
	int rc = find_memory(plan, &backing);

	if (rc)
		return rc;
	*ret_count = cut(plan->iova, plan->length, pieces);
	for (i = 0; i < *ret_count; i++)
		grants[i] = (struct smmu_grant){ backing.memory, plan->rights, pieces[i].iova,
						 pieces[i].length,
						 backing.offset + (pieces[i].iova - start) };
	return 0;
}

/* A segment a grant: new ones join the batch, an edge page that is there gets one use more. */
static int take_segments(struct batch *batch, const struct plan *plan)
{
	struct segment *old[SEGMENTS_MAX] = { NULL }, *fresh[SEGMENTS_MAX] = { NULL };
	struct smmu_grant grants[SEGMENTS_MAX];
	unsigned i, count = 0;
	int rc = make_grants(plan, grants, &count);

	for (i = 0; !rc && i < count; i++) {
		old[i] = find_segment(batch->object, grants[i].iova);
		if (old[i] && !is_same(&old[i]->grant, &grants[i]))
			rc = -EEXIST;
	}
	for (i = 0; !rc && i < count; i++) {
		fresh[i] = old[i] ? NULL : calloc(1, sizeof(*fresh[i]));
		if (!old[i] && !fresh[i])
			rc = -ENOMEM;
	}
	for (i = 0; rc && i < SEGMENTS_MAX; i++)
		free(fresh[i]);
	for (i = 0; !rc && i < count; i++) {
		struct segment *segment = old[i] ? old[i] : fresh[i];

		segment->refs++;
		if (old[i])
			continue;
		segment->grant = grants[i];
		list_add_tail(&batch->object->segments, &segment->node);
		batch->segments[batch->count++] = segment;
	}
	return rc;
}

static int add_entry(struct batch *batch, const struct plan *plan)
{
	struct add *add = find_add(batch->object, plan->iova, plan->length);
	int rc = check_entry(plan);

	if (rc)
		return rc;
	if (add) {
		if (add->rights != plan->rights || add->landing != plan->landing)
			return -EEXIST;
		add->count++;
		return 0;
	}
	if (overlaps_add(batch->object, plan->iova, plan->length))
		return -EEXIST;
	add = calloc(1, sizeof(*add));
	if (!add)
		return -ENOMEM;
	rc = take_segments(batch, plan);
	if (rc) {
		free(add);
		return rc;
	}
	*add = (struct add){ .iova = plan->iova, .length = plan->length,
			     .landing = plan->landing, .rights = plan->rights, .count = 1 };
	list_add_tail(&batch->object->adds, &add->node);
	return 0;
}

static int add_entries(struct smmu_object *object, unsigned flags,
		       const struct smmu_map_entry *entries, unsigned count, uint64_t target)
{
	struct batch batch = { .object = object };
	unsigned done = 0;
	int rc = 0;

	while (!rc && done < count) {
		const struct smmu_map_entry *entry = &entries[done];
		struct plan plan = { entry->phys, entry->len, entry->phys, flags & RIGHTS_MASK };

		if (flags & SMF_TARGET)
			plan.landing = target;
		target += plan.length;
		rc = add_entry(&batch, &plan);
		if (rc)
			break;
		done++;
		if (is_nearly_full(&batch))
			rc = flush_map(&batch);
	}
	if (!rc)
		rc = flush_map(&batch);
	if (rc)
		remove_entries(object, entries, done);
	return rc;
}

static int mapping_add(struct smmu_object *object, unsigned flags,
		       const struct smmu_map_entry *entries, unsigned count, uint64_t target)
{
	int rc = qnx_check_object(object);

	if (rc)
		return rc;
	if ((flags & ~(RIGHTS_MASK | SMF_TARGET)) || (count > 0 && !entries))
		return -EINVAL;
	if (flags & RIGHTS_MASK) {
		if ((flags & SMF_TARGET) && !(qnx.context->hello.rights & CLIENT_RIGHT_TARGET))
			return -EPERM;
		return add_entries(object, flags, entries, count, target);
	}
	rc = check_removal(object, entries, count);
	return rc ? rc : remove_entries(object, entries, count);
}

int smmu_mapping_add(struct smmu_object *sop, unsigned flags, pid_t pid, unsigned num_entries,
		     const struct smmu_map_entry *entries, uint64_t target)
{
	int rc = qnx_lock();

	(void)pid;
	if (rc)
		return qnx_result(rc);
	return qnx_unlock(mapping_add(sop, flags, entries, num_entries, target));
}
