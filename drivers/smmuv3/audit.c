// SPDX-License-Identifier: BSD-2-Clause
/* Does hardware still see what we wrote? And how to say it to people. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "smmuv3.h"
#include "space.h"
#include "strtab.h"
#include "writer.h"

static int audit_registers(struct smmu *smmu, struct error *err)
{
	uint32_t i;

	for (i = 0; i < smmu->expect_count; i++) {
		const struct smmu_expect *e = &smmu->expect[i];
		uint64_t value = e->size == 8 ? hw_read64(&smmu->regs, e->offset) :
						hw_read32(&smmu->regs, e->offset);

		if ((value ^ e->value) & e->mask)
			return error_set(err, -EBADE,
					 "%s: %s holds 0x%" PRIx64 ", 0x%" PRIx64
					 " was written: another agent was here",
					 smmu->base.name, e->name, value, e->value);
	}
	return 0;
}

static int audit_stream(struct smmu *smmu, const struct smmu_stream *stream, struct error *err)
{
	const uint64_t *live = strtab_entry(smmu, stream);
	struct ste target = writer_target(smmu, stream);
	struct ste used = ste_used_bits(&target);
	unsigned i;

	if (stream->is_changing && !stream->is_last_step)
		return 0;
	for (i = 0; i < STE_WORDS; i++)
		if ((hw_load64(&live[i]) ^ target.word[i]) & used.word[i])
			return error_set(err, -EBADE,
					 "%s: stream 0x%" PRIx32 ": word %u of its entry is 0x%016" PRIx64
					 ", 0x%016" PRIx64 " was written: another agent was here",
					 smmu->base.name, stream->number, i, hw_load64(&live[i]),
					 target.word[i]);
	return 0;
}

static int audit_chunk(struct smmu *smmu, uint32_t index, struct error *err)
{
	const struct strtab_chunk *chunk = &smmu->strtab.chunks[index];
	uint32_t i;
	int ret = 0;

	if (smmu->features.two_level &&
	    hw_load64(&smmu->strtab.base[index]) != strtab_l1_word(smmu, index))
		return error_set(err, -EBADE,
				 "%s: level 1 stream table descriptor %" PRIu32 " is 0x%016" PRIx64
				 ", 0x%016" PRIx64 " was written: another agent was here",
				 smmu->base.name, index, hw_load64(&smmu->strtab.base[index]),
				 strtab_l1_word(smmu, index));
	for (i = 0; chunk->streams && !ret && i < smmu->strtab.chunk_streams; i++)
		ret = audit_stream(smmu, &chunk->streams[i], err);
	return ret;
}

static int audit_space(struct smmu *smmu, const struct smmu_space *space, struct error *err)
{
	const uint64_t *live;
	struct cd cd;
	unsigned i;

	if (smmu->features.stage2)
		return 0;
	live = space_cd(smmu, space);
	cd = space_make_cd(smmu, space);
	for (i = 0; i < CD_WORDS; i++)
		if (hw_load64(&live[i]) != cd.word[i])
			return error_set(err, -EBADE,
					 "%s: word %u of the context descriptor of ASID %u is 0x%016" PRIx64
					 ", 0x%016" PRIx64 " was written: another agent was here",
					 smmu->base.name, i, space->id, hw_load64(&live[i]),
					 cd.word[i]);
	return 0;
}

int smmu_audit(struct drv_unit *unit, struct error *err)
{
	struct smmu *smmu = smmu_of(unit);
	struct list *node;
	uint32_t i;
	int ret;

	if (!smmu->is_running)
		return 0;
	ret = audit_registers(smmu, err);
	for (i = 0; !ret && i < smmu->strtab.chunk_count; i++)
		ret = audit_chunk(smmu, i, err);
	list_for_each(node, &smmu->spaces)
		if (!ret)
			ret = audit_space(smmu, list_entry(node, struct smmu_space, in_unit), err);
	return ret;
}

static int describe_entry(struct smmu *smmu, const uint64_t *live, char *text, size_t size)
{
	if (!(live[0] & STE0_V))
		return snprintf(text, size, "not valid: refused and reported");
	switch (field_get(STE0_CONFIG, live[0])) {
	case CONFIG_ABORT:
		return snprintf(text, size, "refused without a record");
	case CONFIG_S1:
		return snprintf(text, size, "stage 1%s, context descriptor at 0x%" PRIx64,
				live[0] == smmu->deny->ste.word[0] ? " with an empty table: refused and reported" : "",
				live[0] & STE0_S1CTXPTR);
	case CONFIG_S2:
		return snprintf(text, size, "stage 2%s, VMID %" PRIu64 ", table at 0x%" PRIx64,
				live[3] == smmu->deny->ste.word[3] ? " with an empty table: refused and reported" : "",
				field_get(STE2_S2VMID, live[2]), live[3] & STE3_S2TTB);
	default:
		return snprintf(text, size, "an entry this program never writes");
	}
}

void smmu_describe_stream(struct drv_unit *unit, uint32_t number, char *text, size_t size)
{
	struct smmu *smmu = smmu_of(unit);
	const struct smmu_stream *stream = strtab_find(smmu, number);
	const uint64_t *live;
	int used;

	if (!smmu->is_running) {
		snprintf(text, size, "the unit is %s",
			 unit->is_closed ? "closed: every stream is refused" : "not taken over");
		return;
	}
	if (!stream) {
		snprintf(text, size, "outside the stream table: refused and reported");
		return;
	}
	live = strtab_entry(smmu, stream);
	used = describe_entry(smmu, live, text, size);
	if (used >= 0 && (size_t)used < size)
		snprintf(text + used, size - (size_t)used,
			 "%s; entry 0x%016" PRIx64 " 0x%016" PRIx64 " 0x%016" PRIx64 " 0x%016" PRIx64,
			 stream->is_changing && !stream->is_last_step ? " (being changed)" : "",
			 live[0], live[1], live[2], live[3]);
}
