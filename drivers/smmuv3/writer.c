// SPDX-License-Identifier: BSD-2-Clause
/* Changing entries under the unit's eyes (IHI 0070 3.21.3). */
#include "writer.h"

#include "log.h"
#include "strtab.h"

/* More changed streams than this in a batch: forget all entries at once. */
#define CFGI_MAX 32u

/* Words 1 to 7: what must change, and whether the unit looks at it now. */
struct difference {
	bool is_any, is_in_use;
};

static struct difference compare(const struct ste *now, const struct ste *target,
				 const struct ste *used_now, const struct ste *used_then)
{
	struct difference found = { false, false };
	unsigned i;

	for (i = 1; i < STE_WORDS; i++) {
		uint64_t bits = (now->word[i] ^ target->word[i]) & used_then->word[i];

		found.is_any |= bits != 0;
		found.is_in_use |= (bits & used_now->word[i]) != 0;
	}
	return found;
}

/* Bits in use keep their value, which compare() found to be the target's. */
static void fill_unused(uint64_t *live, const struct ste *now, const struct ste *target,
			const struct ste *used_now, const struct ste *used_then)
{
	unsigned i;

	for (i = 1; i < STE_WORDS; i++)
		if ((now->word[i] ^ target->word[i]) & used_then->word[i])
			hw_store64(&live[i], (target->word[i] & ~used_now->word[i]) |
						     (now->word[i] & used_now->word[i]));
}

bool writer_step(uint64_t *live, const struct ste *target, bool is_settled)
{
	struct ste now, used_now, used_then = ste_used_bits(target);
	struct difference found;
	unsigned i;

	for (i = 0; i < STE_WORDS; i++)
		now.word[i] = hw_load64(&live[i]);
	used_now = ste_used_bits(&now);
	found = compare(&now, target, &used_now, &used_then);
	hw_barrier(); /* whatever target points to is there */
	if (found.is_in_use || (found.is_any && !is_settled)) {
		writer_shut(live);
		return false;
	}
	if (found.is_any) {
		fill_unused(live, &now, target, &used_now, &used_then);
		return false;
	}
	if (now.word[0] != target->word[0])
		hw_store64(&live[0], target->word[0]);
	return true;
}

void writer_shut(uint64_t *live)
{
	hw_store64(&live[0], make_ste_abort().word[0]);
}

void writer_store_cd(uint64_t *live, const struct cd *cd)
{
	unsigned i;

	for (i = 1; i < CD_WORDS; i++)
		hw_store64(&live[i], cd->word[i]);
	hw_barrier();
	hw_store64(&live[0], cd->word[0]);
}

struct ste writer_target(struct smmu *smmu, const struct smmu_stream *stream)
{
	switch (stream->state) {
	case DRV_BOUND:
		return stream->space->ste;
	case DRV_DENY:
		return smmu->deny->ste;
	case DRV_SILENT:
		return make_ste_abort();
	default:
		return make_ste_unused(smmu->features.has_stall);
	}
}

static void step(struct smmu *smmu, struct smmu_stream *stream, bool is_settled)
{
	struct ste target = writer_target(smmu, stream);

	stream->is_last_step = writer_step(strtab_entry(smmu, stream), &target, is_settled);
	stream->step_ticket = 0;
}

static struct smmu_stream *change_of(struct list *node)
{
	return list_entry(node, struct smmu_stream, in_changes);
}

void writer_set(struct smmu *smmu, struct smmu_stream *stream, enum drv_stream_state state,
		struct smmu_space *space)
{
	bool was_changing = stream->is_changing;

	stream->state = (uint8_t)state;
	stream->space = state == DRV_BOUND ? space : NULL;
	stream->hold_ticket = 0;
	step(smmu, stream, !was_changing);
	if (!was_changing)
		list_add_tail(&smmu->changes, &stream->in_changes);
	stream->is_changing = true;
}

void writer_build(struct smmu *smmu, struct smmu_stream *stream)
{
	struct ste target = writer_target(smmu, stream);
	uint64_t *live = strtab_entry(smmu, stream);
	unsigned i;

	for (i = STE_WORDS; i-- > 0;)
		hw_store64(&live[i], target.word[i]);
	if (stream->space)
		stream->space->bound_count++;
}

void writer_push(struct smmu *smmu)
{
	struct list *node;
	unsigned count = 0;

	list_for_each(node, &smmu->changes)
		count += change_of(node)->step_ticket == 0;
	if (count > CFGI_MAX)
		cmdq_push(&smmu->cmdq, cmd_cfgi_all());
	list_for_each(node, &smmu->changes) {
		const struct smmu_stream *stream = change_of(node);

		if (stream->step_ticket == 0 && count <= CFGI_MAX)
			cmdq_push(&smmu->cmdq,
				  cmd_cfgi_ste(stream->number, !stream->is_new_table));
	}
}

void writer_submitted(struct smmu *smmu, uint64_t ticket)
{
	struct list *node;

	list_for_each(node, &smmu->changes) {
		struct smmu_stream *stream = change_of(node);

		if (stream->step_ticket != 0)
			continue;
		stream->step_ticket = ticket;
		/* Whoever asked waits for the last step, not for this one. */
		if (stream->hold_ticket == 0)
			stream->hold_ticket = ticket;
	}
}

static void change_end(struct smmu_stream *stream)
{
	list_remove(&stream->in_changes);
	stream->is_changing = false;
	stream->is_new_table = false;
	stream->hold_ticket = 0;
}

void writer_settle(struct smmu *smmu)
{
	struct list *node, *after;
	bool has_stepped = false;

	list_for_each_safe(node, after, &smmu->changes) {
		struct smmu_stream *stream = change_of(node);

		if (stream->step_ticket == 0 || stream->step_ticket > smmu->cmdq.done)
			continue;
		if (stream->is_last_step) {
			change_end(stream);
			continue;
		}
		step(smmu, stream, true);
		has_stepped = true;
	}
	if (!has_stepped)
		return;
	writer_push(smmu);
	writer_submitted(smmu, cmdq_submit(&smmu->cmdq));
}

uint64_t writer_hold(const struct smmu *smmu, uint64_t done)
{
	struct list *node;

	list_for_each(node, &smmu->changes) {
		const struct smmu_stream *stream = change_of(node);

		if (stream->hold_ticket != 0 && stream->hold_ticket <= done)
			done = stream->hold_ticket - 1;
	}
	return done;
}
