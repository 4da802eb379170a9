// SPDX-License-Identifier: BSD-2-Clause
/* Invalidation (IHI 0070 4.3, 4.4). */
#include "invalidate.h"

#include "log.h"
#include "space.h"
#include "writer.h"

static uint64_t id_field(const struct smmu *smmu, const struct smmu_space *space)
{
	return field_put(smmu->features.stage2 ? CMD0_TLBI_VMID : CMD0_TLBI_ASID, space->id);
}

struct cmd invalidate_make_space(const struct smmu *smmu, const struct smmu_space *space)
{
	uint64_t opcode = smmu->features.stage2 ? CMD_TLBI_S12_VMALL : CMD_TLBI_NH_ASID;

	return (struct cmd){ { field_put(CMD0_OPCODE, opcode) | id_field(smmu, space), 0 } };
}

struct cmd invalidate_make_range(const struct smmu *smmu, const struct smmu_space *space,
				 uint64_t iova, uint64_t count, bool is_leaf)
{
	uint64_t opcode = smmu->features.stage2 ? CMD_TLBI_S2_IPA : CMD_TLBI_NH_VA;
	uint64_t units = field_get(CMD0_TLBI_NUM, ~UINT64_C(0)) + 1;
	unsigned scale = 0;
	struct cmd cmd = { { field_put(CMD0_OPCODE, opcode) | id_field(smmu, space),
			     (iova & CMD1_TLBI_ADDRESS) | (is_leaf ? CMD1_TLBI_LEAF : 0) } };

	/* One page with TG set, NUM and SCALE 0 is reserved: the plain form. */
	if (count == 1)
		return cmd;
	while ((count + BIT(scale) - 1) >> scale > units)
		scale++;
	cmd.word[0] |= field_put(CMD0_TLBI_SCALE, scale) |
		       field_put(CMD0_TLBI_NUM, ((count + BIT(scale) - 1) >> scale) - 1);
	cmd.word[1] |= field_put(CMD1_TLBI_TG, TLBI_TG_4K);
	return cmd;
}

static uint64_t gathered_pages(const struct drv_gather *gather)
{
	uint64_t pages = 0;
	uint32_t i;

	for (i = 0; i < gather->range_count; i++)
		pages += gather->ranges[i].length >> PAGE_SHIFT;
	return pages;
}

static void push_range(struct smmu *smmu, const struct smmu_space *space,
		       const struct drv_range *range, bool is_leaf)
{
	uint64_t iova;

	if (smmu->features.has_ril) {
		cmdq_push(&smmu->cmdq, invalidate_make_range(smmu, space, range->iova,
							     range->length >> PAGE_SHIFT, is_leaf));
		return;
	}
	for (iova = range->iova; iova - range->iova < range->length; iova += PAGE_BYTES)
		cmdq_push(&smmu->cmdq, invalidate_make_range(smmu, space, iova, 1, is_leaf));
}

static void push_ranges(struct smmu *smmu, const struct drv_gather *gather)
{
	struct smmu_space *space = smmu_space_of(gather->space);
	bool is_leaf = gather->freed_chain == 0;
	uint32_t i;

	if (space->must_drop)
		return; /* push_drops() takes all of it */
	if (gather->whole_space ||
	    (!smmu->features.has_ril && gathered_pages(gather) > INVALIDATE_PAGES_MAX)) {
		cmdq_push(&smmu->cmdq, invalidate_make_space(smmu, space));
		return;
	}
	for (i = 0; i < gather->range_count; i++)
		push_range(smmu, space, &gather->ranges[i], is_leaf);
}

/* Spaces that a stream has left. */
static void push_drops(struct smmu *smmu)
{
	struct list *node, *after;

	list_for_each_safe(node, after, &smmu->drops) {
		struct smmu_space *space = list_entry(node, struct smmu_space, in_drops);

		cmdq_push(&smmu->cmdq, invalidate_make_space(smmu, space));
		space->must_drop = false;
		list_remove(&space->in_drops);
	}
}

uint64_t invalidate_submit(struct smmu *smmu)
{
	uint64_t ticket;

	/* Entries first: what is looked up again must find the new ones. */
	writer_push(smmu);
	push_drops(smmu);
	ticket = cmdq_submit(&smmu->cmdq);
	writer_submitted(smmu, ticket);
	return ticket;
}

/* --- table pages that wait for their ticket --- */

static void chain_keep(struct smmu *smmu, uint64_t chain, uint64_t ticket)
{
	struct pages *pages = smmu->base.hw->pages;

	pgtable_chain_mark(pages, chain, ticket);
	if (smmu->freed_head == 0)
		smmu->freed_head = chain;
	else
		pgtable_chain_link(pages, smmu->freed_tail, chain);
	smmu->freed_tail = chain;
}

static void chains_reap(struct smmu *smmu, bool is_all)
{
	struct pages *pages = smmu->base.hw->pages;
	uint64_t chain;

	while (smmu->freed_head != 0 && (is_all || pgtable_chain_number(pages, smmu->freed_head) <=
							   smmu->cmdq.done)) {
		chain = smmu->freed_head;
		smmu->freed_head = chain == smmu->freed_tail ? 0 : pgtable_chain_next(pages, chain);
		pgtable_reap(pages, chain);
	}
}

void invalidate_all_done(struct smmu *smmu)
{
	struct list *node, *after;

	chains_reap(smmu, true);
	list_for_each_safe(node, after, &smmu->drops) {
		struct smmu_space *space = list_entry(node, struct smmu_space, in_drops);

		space->must_drop = false;
		list_remove(&space->in_drops);
	}
	list_for_each(node, &smmu->limbo)
		list_entry(node, struct smmu_space, in_unit)->ticket = smmu->cmdq.done;
	space_settle(smmu);
}

uint64_t invalidate_gathered(struct drv_unit *unit, struct drv_gather *gather)
{
	struct smmu *smmu = smmu_of(unit);
	uint64_t chain = gather->freed_chain;
	uint64_t ticket = UINT64_MAX;

	if (drv_gather_is_empty(gather))
		return unit->is_closed ? UINT64_MAX : smmu->cmdq.issued;
	if (smmu->is_running) {
		if (gather->all_streams)
			cmdq_push(&smmu->cmdq, cmd_cfgi_all());
		if (gather->space)
			push_ranges(smmu, gather);
		ticket = invalidate_submit(smmu);
	} else if (!unit->is_closed) {
		ticket = smmu->cmdq.done; /* a unit that never walked has nothing to forget */
	}
	if (chain != 0)
		chain_keep(smmu, chain, ticket < BIT(62) ? ticket : BIT(62) - 1);
	*gather = (struct drv_gather){ 0 };
	return ticket;
}

uint64_t invalidate_completed(struct drv_unit *unit)
{
	struct smmu *smmu = smmu_of(unit);
	struct error err;

	if (smmu->is_running) {
		if (cmdq_poll(&smmu->cmdq, &err)) {
			smmu_fail(smmu, err.text);
			return writer_hold(smmu, smmu->cmdq.done);
		}
		if (!list_is_empty(&smmu->changes))
			writer_settle(smmu);
		space_settle(smmu);
	}
	if (!unit->is_closed && smmu->freed_head != 0)
		chains_reap(smmu, false);
	return writer_hold(smmu, smmu->cmdq.done);
}
