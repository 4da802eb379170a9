// SPDX-License-Identifier: BSD-2-Clause
/* Changing entries under the unit's eyes (VT-d 6.2.4, 6.8, 9.3). */
#include "vtd_writer.h"

#include "log.h"
#include "pages.h"
#include "roottab.h"

/* More changed streams than this in a batch: forget all entries at once. */
#define DEVICES_MAX 32u

static unsigned context_words(const struct vtd *vtd)
{
	return vtd->features.is_scalable ? SM_CONTEXT_WORDS : CONTEXT_WORDS;
}

/* Stored words reach memory; what is stored next comes after them. */
static void settle_words(struct vtd *vtd, const uint64_t *at, uint64_t words)
{
	hw_barrier();
	if (!vtd->features.is_coherent)
		hw_flush(at, words * sizeof(*at));
}

static void store_first(struct vtd *vtd, uint64_t *live, uint64_t value)
{
	hw_store64(live, value);
	settle_words(vtd, live, 1);
}

bool vtd_writer_step(struct vtd *vtd, uint64_t *live, const struct vtd_context *target,
		     bool is_settled)
{
	unsigned words = context_words(vtd);
	uint64_t first = hw_load64(&live[0]);
	bool differs = false;
	unsigned i;

	for (i = 0; i < words; i++)
		differs |= hw_load64(&live[i]) != target->word[i];
	if (!context_is_present(target)) {
		if (first != target->word[0])
			store_first(vtd, live, target->word[0]);
		return true;
	}
	if (!differs)
		return true;
	if (first & CONTEXT0_P) {
		vtd_writer_shut(vtd, live);
		return false;
	}
	if (!is_settled)
		return false;
	for (i = words; i-- > 1;)
		hw_store64(&live[i], target->word[i]);
	settle_words(vtd, live, words); /* and whatever it points to is there */
	store_first(vtd, live, target->word[0]);
	return true;
}

void vtd_writer_shut(struct vtd *vtd, uint64_t *live)
{
	store_first(vtd, live, make_context_shut(false).word[0]);
}

void vtd_writer_store_root(struct vtd *vtd, uint64_t *live, uint64_t value)
{
	hw_barrier();
	store_first(vtd, live, value);
}

void vtd_writer_clean_page(struct vtd *vtd, const void *page)
{
	if (!vtd->features.is_coherent)
		hw_flush(page, PAGE_BYTES);
}

void vtd_writer_store_pasid(struct vtd *vtd, struct vtd_space *space, const struct vtd_pasid *entry)
{
	const struct pages *pages = vtd->base.hw->pages;
	unsigned i;

	vtd_writer_clean_page(vtd, space->pasid_table);
	vtd_writer_clean_page(vtd, space->pasid_directory);
	for (i = PASID_WORDS; i-- > 1;)
		hw_store64(&space->pasid_table[i], entry->word[i]);
	settle_words(vtd, space->pasid_table, PASID_WORDS);
	store_first(vtd, space->pasid_table, entry->word[0]);
	store_first(vtd, space->pasid_directory,
		    make_pasid_directory(pages_pa(pages, space->pasid_table)));
}

struct vtd_context vtd_writer_target(const struct vtd_stream *stream)
{
	if (stream->state == DRV_BOUND)
		return stream->space->context;
	return make_context_shut(stream->state == DRV_SILENT);
}

/* --- changes --- */

static void step(struct vtd *vtd, struct vtd_stream *stream, bool is_settled)
{
	struct vtd_context target = vtd_writer_target(stream);
	uint64_t *live = roottab_entry(vtd, stream->number);
	bool was_present = hw_load64(live) & CONTEXT0_P;

	stream->is_last_step = vtd_writer_step(vtd, live, &target, is_settled);
	/*
	 * An invalidation names the domain that the entry had; what was not present
	 * a unit in caching mode remembers under domain 0.
	 */
	if (was_present)
		stream->gone_id = stream->live_id;
	else if (is_settled)
		stream->gone_id = 0;
	stream->live_id = stream->space && stream->is_last_step ? stream->space->id : 0;
	stream->step_ticket = 0;
}

static struct vtd_stream *change_of(struct list *node)
{
	return list_entry(node, struct vtd_stream, in_changes);
}

void vtd_writer_set(struct vtd *vtd, struct vtd_stream *stream, enum drv_stream_state state,
		    struct vtd_space *space)
{
	bool was_changing = stream->is_changing;

	stream->state = (uint8_t)state;
	stream->space = state == DRV_BOUND ? space : NULL;
	stream->hold_ticket = 0;
	step(vtd, stream, !was_changing);
	if (!was_changing)
		list_add_tail(&vtd->changes, &stream->in_changes);
	stream->is_changing = true;
}

void vtd_writer_build(struct vtd *vtd, struct vtd_stream *stream)
{
	struct vtd_context target = vtd_writer_target(stream);

	/* The table is new: nothing of it is present. */
	check(vtd_writer_step(vtd, roottab_entry(vtd, stream->number), &target, true));
	if (!stream->space)
		return;
	stream->live_id = stream->space->id;
	stream->space->bound_count++;
}

static void push_one(struct vtd *vtd, const struct vtd_stream *stream)
{
	invq_push(&vtd->invq, desc_context_device(stream->number,
						  vtd->features.is_scalable ? 0 : stream->gone_id));
}

/*
 * A scar: a PASID-cache invalidation alone does not make QEMU forget which
 * directory a device has, so the context cache is always invalidated with it.
 */
void vtd_writer_push(struct vtd *vtd)
{
	struct list *node;
	unsigned count = 0;

	list_for_each(node, &vtd->changes)
		count += change_of(node)->step_ticket == 0;
	if (count == 0)
		return;
	if (count > DEVICES_MAX) {
		invq_push(&vtd->invq, desc_context_all());
		if (vtd->features.is_scalable)
			invq_push(&vtd->invq, desc_pasid_all());
		return;
	}
	list_for_each(node, &vtd->changes)
		if (change_of(node)->step_ticket == 0)
			push_one(vtd, change_of(node));
	list_for_each(node, &vtd->changes)
		if (vtd->features.is_scalable && change_of(node)->step_ticket == 0)
			invq_push(&vtd->invq, desc_pasid_domain(change_of(node)->gone_id));
}

void vtd_writer_submitted(struct vtd *vtd, uint64_t ticket)
{
	struct list *node;

	list_for_each(node, &vtd->changes) {
		struct vtd_stream *stream = change_of(node);

		if (stream->step_ticket != 0)
			continue;
		stream->step_ticket = ticket;
		/* Whoever asked waits for the last step, not for this one. */
		if (stream->hold_ticket == 0)
			stream->hold_ticket = ticket;
	}
}

static void change_end(struct vtd_stream *stream)
{
	list_remove(&stream->in_changes);
	stream->is_changing = false;
	stream->hold_ticket = 0;
}

bool vtd_writer_settle(struct vtd *vtd)
{
	struct list *node, *after;
	bool has_stepped = false;

	list_for_each_safe(node, after, &vtd->changes) {
		struct vtd_stream *stream = change_of(node);

		if (stream->step_ticket == 0 || stream->step_ticket > vtd->invq.done)
			continue;
		if (stream->is_last_step) {
			change_end(stream);
			continue;
		}
		step(vtd, stream, true);
		has_stepped = true;
	}
	return has_stepped;
}

uint64_t vtd_writer_hold(const struct vtd *vtd, uint64_t done)
{
	struct list *node;

	list_for_each(node, &vtd->changes) {
		const struct vtd_stream *stream = change_of(node);

		if (stream->hold_ticket != 0 && stream->hold_ticket <= done)
			done = stream->hold_ticket - 1;
	}
	return done;
}
