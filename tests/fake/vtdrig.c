// SPDX-License-Identifier: BSD-2-Clause
#include "vtdrig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

const struct vtdrig_kind vtdrig_kinds[] = {
	[VTDRIG_LEGACY] = { "legacy, 48 bit", VTD_FAKE_CAP, VTD_FAKE_ECAP, DRV_MODE_ANY },
	{ "legacy, 39 bit", VTD_FAKE_CAP_39, VTD_FAKE_ECAP, DRV_MODE_ANY },
	[VTDRIG_CACHING] = { "legacy, caching mode", VTD_FAKE_CAP_CM, VTD_FAKE_ECAP, DRV_MODE_ANY },
	[VTDRIG_REGISTERS] = { "legacy, by registers", VTD_FAKE_CAP, VTD_FAKE_ECAP_NO_QI,
			       DRV_MODE_ANY },
	[VTDRIG_SECOND] = { "scalable, second level", VTD_FAKE_CAP, VTD_FAKE_ECAP_SECOND,
			    DRV_MODE_SCALABLE },
	[VTDRIG_FIRST] = { "scalable, first level", VTD_FAKE_CAP_FIRST, VTD_FAKE_ECAP_FIRST,
			   DRV_MODE_SCALABLE },
	{ "scalable, caching mode", VTD_FAKE_CAP_CM, VTD_FAKE_ECAP_SECOND, DRV_MODE_SCALABLE },
	{ "legacy, write buffers, coherent", VTD_FAKE_CAP | VTD_FAKE_CAP_RWBF,
	  VTD_FAKE_ECAP | VTD_FAKE_ECAP_COHERENT, DRV_MODE_LEGACY },
};
const unsigned vtdrig_kind_count = sizeof(vtdrig_kinds) / sizeof(vtdrig_kinds[0]);

void vtdrig_init(struct vtdrig *rig)
{
	memset(rig, 0, sizeof(*rig));
	assert_int_equal(vtd_fake_init(&rig->fake, VTDRIG_ARENA), 0);
}

void vtdrig_init_kind(struct vtdrig *rig, const struct vtdrig_kind *kind)
{
	vtdrig_init(rig);
	vtd_fake_set(&rig->fake, VTD_FAKE_CAP_REG, 8, kind->cap);
	vtd_fake_set(&rig->fake, VTD_FAKE_ECAP_REG, 8, kind->ecap);
	rig->options.mode = kind->mode;
}

void vtdrig_probe(struct vtdrig *rig)
{
	struct drv_found found = vtd_fake_found();
	const struct drv_module *module = drv_find(&found);
	int ret;

	assert_non_null(module);
	ret = module->probe(&rig->fake.hw, &found, &rig->options, &rig->unit, &rig->err);
	if (ret)
		print_error("%s\n", rig->err.text);
	assert_int_equal(ret, 0);
	rig->ops = rig->unit->ops;
}

void vtdrig_fini(struct vtdrig *rig)
{
	if (rig->unit)
		rig->unit->ops->forget(rig->unit);
	vtd_fake_fini(&rig->fake);
}

void vtdrig_new_process(struct vtdrig *rig)
{
	rig->ops->forget(rig->unit);
	rig->unit = NULL;
	pages_fini(&rig->fake.pages);
	assert_int_equal(pages_init(&rig->fake.pages, rig->fake.memory, PA(VTD_FAKE_PA), VTDRIG_ARENA), 0);
	vtdrig_probe(rig);
}

void vtdrig_takeover(struct vtdrig *rig, const struct drv_stream_init *init, uint32_t count)
{
	int ret = rig->ops->takeover(rig->unit, init, count, &rig->err);

	if (ret)
		print_error("%s\n", rig->err.text);
	assert_int_equal(ret, 0);
}

void vtdrig_start(struct vtdrig *rig, const struct vtdrig_kind *kind)
{
	const struct drv_stream_init init = { .stream = VTDRIG_STREAM, .state = DRV_DENY };

	vtdrig_init_kind(rig, kind);
	vtdrig_probe(rig);
	rig->ops->close(rig->unit);
	vtdrig_takeover(rig, &init, 1);
}

struct drv_space *vtdrig_space(struct vtdrig *rig)
{
	struct drv_space *space = NULL;

	assert_int_equal(rig->ops->space_create(rig->unit, 0, &space, &rig->err), 0);
	return space;
}

void vtdrig_map(struct vtdrig *rig, struct drv_space *space, uint64_t iova, uint64_t length)
{
	const struct extent extent = { PA(VTDRIG_MEMORY), length };
	const struct drv_part part = { &extent, 1, 0, length, -1, false };

	assert_int_equal(rig->ops->map(space, IOVA(iova), &part, RIGHT_READ | RIGHT_WRITE,
				       &rig->err), 0);
	if (rig->ops->commit)
		assert_int_equal(rig->ops->commit(space, &rig->err), 0);
}

void vtdrig_wait(struct vtdrig *rig, uint64_t ticket)
{
	unsigned looks;

	for (looks = 0; looks < 100; looks++)
		if (rig->ops->completed(rig->unit) >= ticket)
			return;
	fail_msg("ticket %lu never completed", (unsigned long)ticket);
}

void vtdrig_set(struct vtdrig *rig, uint32_t stream, enum drv_stream_state state,
		struct drv_space *space)
{
	struct drv_gather gather = { 0 };

	assert_int_equal(rig->ops->set_stream(rig->unit, stream, state, space, &gather, &rig->err), 0);
	vtdrig_wait(rig, rig->ops->submit(rig->unit, &gather));
}

static void on_fault(void *context, const struct drv_fault *fault)
{
	struct vtdrig *rig = context;

	if (rig->fault_count < VTDRIG_FAULTS)
		rig->faults[rig->fault_count] = *fault;
	rig->fault_count++;
}

static void on_loss(void *context, uint64_t sequence, const char *why)
{
	struct vtdrig *rig = context;

	rig->loss_count++;
	rig->loss_sequence = sequence;
	rig->loss_why = why;
}

bool vtdrig_drain(struct vtdrig *rig, unsigned budget)
{
	const struct drv_fault_sink sink = { rig, on_fault, on_loss };

	return rig->ops->drain_faults(rig->unit, budget, &sink);
}

struct vtd_oracle vtdrig_look(const struct vtdrig *rig, uint16_t stream)
{
	const struct vtd_oracle_view view = vtd_fake_view(&rig->fake);

	return vtd_oracle_stream(&view, stream);
}

/* --- what the unit remembers --- */

static bool caches_absence(const struct vtdrig *rig)
{
	return vtd_fake_get(&rig->fake, VTD_FAKE_CAP_REG, 8) >> 7 & 1;
}

/* What is not present is remembered under domain 0. */
static uint16_t tag_of(const struct vtd_oracle *entry)
{
	return entry->verdict == VTD_ORACLE_TABLE ? entry->domain : 0;
}

/* In scalable mode a context entry has no domain: a device-selective one names none. */
static void forget_contexts(struct vtdrig *rig, const uint64_t desc[2])
{
	bool has_domain = !(rig->fake.root & 0x400);
	uint64_t granularity = desc[0] >> 4 & 3;
	unsigned i;

	for (i = 0; i < VTDRIG_CACHED; i++) {
		struct vtdrig_context *context = &rig->contexts[i];

		if (granularity > 1 && has_domain &&
		    tag_of(&context->entry) != (uint16_t)(desc[0] >> 16))
			continue;
		if (granularity == 3 && context->stream != (uint16_t)(desc[0] >> 32))
			continue;
		context->is_valid = false;
	}
}

static void forget_translations(struct vtdrig *rig, const uint64_t desc[2])
{
	bool is_first_level = (desc[0] & 15) == VTD_FAKE_PIOTLB;
	uint64_t granularity = desc[0] >> 4 & 3;
	uint64_t pages = UINT64_C(1) << (desc[1] & 63);
	unsigned i;

	for (i = 0; i < VTDRIG_CACHED; i++) {
		struct vtdrig_translation *found = &rig->translations[i];

		if (granularity > 1 && (found->domain != (uint16_t)(desc[0] >> 16) ||
					found->is_first_level != is_first_level))
			continue;
		if (granularity == 3 && (found->page ^ desc[1] >> 12) & ~(pages - 1))
			continue;
		found->is_valid = false;
	}
}

static void on_desc(void *context, const uint64_t desc[2])
{
	if ((desc[0] & 15) == VTD_FAKE_CONTEXT)
		forget_contexts(context, desc);
	else if ((desc[0] & 15) == VTD_FAKE_IOTLB_INV || (desc[0] & 15) == VTD_FAKE_PIOTLB)
		forget_translations(context, desc);
}

static struct vtd_oracle context_of(struct vtdrig *rig, uint16_t stream)
{
	struct vtdrig_context *free_one = NULL;
	struct vtd_oracle entry;
	unsigned i;

	for (i = 0; i < VTDRIG_CACHED; i++) {
		if (rig->contexts[i].is_valid && rig->contexts[i].stream == stream)
			return rig->contexts[i].entry;
		if (!rig->contexts[i].is_valid)
			free_one = &rig->contexts[i];
	}
	entry = vtdrig_look(rig, stream);
	if (free_one && (entry.verdict == VTD_ORACLE_TABLE || caches_absence(rig)))
		*free_one = (struct vtdrig_context){ true, stream, entry };
	return entry;
}

static struct vtdrig_translation translation_of(struct vtdrig *rig, const struct vtd_oracle *by,
						uint64_t address)
{
	const struct vtd_oracle_view view = vtd_fake_view(&rig->fake);
	struct auditor_view table = vtd_oracle_table(&view, by);
	struct vtdrig_translation *free_one = NULL;
	struct vtdrig_translation found;
	struct auditor_leaf leaf;
	unsigned i;

	for (i = 0; i < VTDRIG_CACHED; i++) {
		const struct vtdrig_translation *at = &rig->translations[i];

		if (at->is_valid && at->domain == by->domain && at->page == address >> 12)
			return *at;
		if (!at->is_valid)
			free_one = &rig->translations[i];
	}
	if (auditor_translate(&table, address, &leaf))
		fail_msg("a broken page table");
	found = (struct vtdrig_translation){ true, by->is_first_level, by->domain, address >> 12,
					     leaf.pa, leaf.bytes ? leaf.rights : 0 };
	if (free_one && (leaf.bytes || caches_absence(rig)))
		*free_one = found;
	return found;
}

bool vtdrig_access(struct vtdrig *rig, uint16_t stream, uint64_t address, bool is_write)
{
	struct vtd_oracle by;

	rig->fake.on_desc = on_desc;
	rig->fake.context = rig;
	by = context_of(rig, stream);
	if (by.verdict == VTD_ORACLE_ILLEGAL)
		fail_msg("%s", by.why);
	if (by.verdict != VTD_ORACLE_TABLE)
		return by.verdict == VTD_ORACLE_OPEN;
	return translation_of(rig, &by, address).rights & (is_write ? AUDITOR_WRITE : AUDITOR_READ);
}
