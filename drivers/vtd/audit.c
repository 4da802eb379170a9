// SPDX-License-Identifier: BSD-2-Clause
/* Does hardware still see what we wrote? And how to say it to people. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "pages.h"
#include "roottab.h"
#include "vtd_space.h"
#include "vtd.h"
#include "vtd_writer.h"

static int audit_registers(struct vtd *vtd, struct error *err)
{
	uint32_t i;

	for (i = 0; i < vtd->expect_count; i++) {
		const struct vtd_expect *e = &vtd->expect[i];
		uint64_t value = e->size == 8 ? hw_read64(&vtd->regs, e->offset)
					      : hw_read32(&vtd->regs, e->offset);

		if ((value ^ e->value) & e->mask)
			return error_set(err, -EBADE,
					 "%s: %s holds 0x%" PRIx64 ", 0x%" PRIx64
					 " was written: another agent was here",
					 vtd->base.name, e->name, value, e->value);
	}
	return 0;
}

static int differs(const struct vtd *vtd, const char *what, uint32_t number, unsigned word,
		   uint64_t live, uint64_t written, struct error *err)
{
	return error_set(err, -EBADE,
			 "%s: word %u of the %s 0x%" PRIx32 " is 0x%016" PRIx64 ", 0x%016" PRIx64
			 " was written: another agent was here",
			 vtd->base.name, word, what, number, live, written);
}

/* Of an entry that is not present only the first word counts. */
static int audit_stream(struct vtd *vtd, const struct vtd_stream *stream, struct error *err)
{
	const uint64_t *live = roottab_entry(vtd, stream->number);
	struct vtd_context target = vtd_writer_target(stream);
	unsigned words = !context_is_present(&target) ? 1
			 : vtd->features.is_scalable  ? SM_CONTEXT_WORDS
						      : CONTEXT_WORDS;
	unsigned i;

	if (stream->is_changing && !stream->is_last_step)
		return 0;
	for (i = 0; i < words; i++)
		if (hw_load64(&live[i]) != target.word[i])
			return differs(vtd, "context entry of stream", stream->number, i,
				       hw_load64(&live[i]), target.word[i], err);
	return 0;
}

static int audit_bus(struct vtd *vtd, unsigned number, struct error *err)
{
	const struct vtd_bus *bus = &vtd->roottab.buses[number];
	unsigned i;
	int ret = 0;

	for (i = 0; i < ROOT_WORDS; i++) {
		uint64_t live = hw_load64(&vtd->roottab.root[number * ROOT_WORDS + i]);
		uint64_t written = roottab_root_word(vtd, number, i);

		if (live != written)
			return differs(vtd, "root entry of bus", number, i, live, written, err);
	}
	for (i = 0; bus->streams && !ret && i < BUS_STREAMS; i++)
		ret = audit_stream(vtd, &bus->streams[i], err);
	return ret;
}

static int audit_space(struct vtd *vtd, const struct vtd_space *space, struct error *err)
{
	uint64_t directory;
	struct vtd_pasid entry;
	unsigned i;

	if (!vtd->features.is_scalable)
		return 0;
	directory = make_pasid_directory(pages_pa(vtd->base.hw->pages, space->pasid_table));
	if (hw_load64(space->pasid_directory) != directory)
		return differs(vtd, "PASID directory of domain", space->id, 0,
			       hw_load64(space->pasid_directory), directory, err);
	entry = vtd_space_make_pasid(vtd, space);
	for (i = 0; i < PASID_WORDS; i++)
		if (hw_load64(&space->pasid_table[i]) != entry.word[i])
			return differs(vtd, "PASID entry of domain", space->id, i,
				       hw_load64(&space->pasid_table[i]), entry.word[i], err);
	return 0;
}

int vtd_audit(struct drv_unit *unit, struct error *err)
{
	struct vtd *vtd = vtd_of(unit);
	struct list *node;
	unsigned i;
	int ret;

	if (!vtd->is_running)
		return 0;
	ret = audit_registers(vtd, err);
	for (i = 0; !ret && i < BUS_COUNT; i++)
		ret = audit_bus(vtd, i, err);
	list_for_each(node, &vtd->spaces)
		if (!ret)
			ret = audit_space(vtd, list_entry(node, struct vtd_space, in_unit), err);
	return ret;
}

static int describe_entry(const struct vtd *vtd, const uint64_t *live, char *text, size_t size)
{
	if (!(live[0] & CONTEXT0_P))
		return snprintf(text, size,
				live[0] & CONTEXT0_FPD ? "refused without a record"
						       : "not present: refused and reported");
	if (vtd->features.is_scalable)
		return snprintf(text, size, "%s level, PASID directory at 0x%" PRIx64,
				vtd->features.is_first_level ? "first" : "second",
				live[0] & SM_CONTEXT0_PASIDDIR);
	return snprintf(text, size, "second level, domain %" PRIu64 ", table at 0x%" PRIx64,
			field_get(CONTEXT1_DID, live[1]), live[0] & CONTEXT0_SSPTPTR);
}

void vtd_describe_stream(struct drv_unit *unit, uint32_t number, char *text, size_t size)
{
	struct vtd *vtd = vtd_of(unit);
	const struct vtd_stream *stream = roottab_find(vtd, number);
	const uint64_t *live;
	int used;

	if (!vtd->is_running) {
		snprintf(text, size, "the unit is %s",
			 unit->is_closed ? "closed: every stream is refused" : "not taken over");
		return;
	}
	if (!stream) {
		snprintf(text, size, "no context table for its bus: refused and reported");
		return;
	}
	live = roottab_entry(vtd, number);
	used = describe_entry(vtd, live, text, size);
	if (used >= 0 && (size_t)used < size)
		snprintf(text + used, size - (size_t)used,
			 "%s; entry 0x%016" PRIx64 " 0x%016" PRIx64,
			 stream->is_changing && !stream->is_last_step ? " (being changed)" : "",
			 live[0], live[1]);
}
