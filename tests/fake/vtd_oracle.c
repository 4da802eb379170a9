// SPDX-License-Identifier: BSD-2-Clause
#include "vtd_oracle.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS UINT64_C(0x000ffffffffff000)
#define INTERRUPTS UINT64_C(0xfee00000)
#define SOURCES 65536u

static uint64_t bits(uint64_t word, unsigned high, unsigned low)
{
	return (word >> low) & (~UINT64_C(0) >> (63 - (high - low)));
}

static struct vtd_oracle illegal(const char *why)
{
	return (struct vtd_oracle){ .verdict = VTD_ORACLE_ILLEGAL, .why = why };
}

static struct vtd_oracle absent(bool is_silent)
{
	return (struct vtd_oracle){ .verdict = is_silent ? VTD_ORACLE_SILENT : VTD_ORACLE_REFUSED };
}

/* Count words from pa on; false when they are not all table memory. */
static bool load(const struct vtd_oracle_view *view, uint64_t pa, uint64_t *words, unsigned count)
{
	uint64_t offset = pa - view->memory_pa;

	if (pa < view->memory_pa || offset > view->memory_bytes ||
	    view->memory_bytes - offset < 8 * count)
		return false;
	memcpy(words, (const char *)view->memory + offset, 8 * count);
	return true;
}

static bool reserves_domain_0(const struct vtd_oracle_view *view)
{
	return bits(view->cap, 7, 7); /* CM */
}

static const char *check_domain(const struct vtd_oracle_view *view, uint64_t domain)
{
	if (domain >> (4 + 2 * bits(view->cap, 2, 0)))
		return "a domain id that the unit has not";
	if (domain == 0 && reserves_domain_0(view))
		return "domain id 0, which caching mode reserves";
	return NULL;
}

/* Address width field 1 is 39 bits and three levels, 2 is 48 and four, by SAGAW. */
static bool set_levels(const struct vtd_oracle_view *view, uint64_t width, struct vtd_oracle *found)
{
	if (width < 1 || width > 2 || !bits(view->cap, 8 + (unsigned)width, 8 + (unsigned)width))
		return false;
	found->levels = 2 + (unsigned)width;
	found->input_bits = width == 1 ? 39 : 48;
	return true;
}

/* --- legacy entries: 16 bytes -------------------------------------------------- */

static struct vtd_oracle legacy_context(const struct vtd_oracle_view *view, const uint64_t entry[2])
{
	struct vtd_oracle found = { .verdict = VTD_ORACLE_TABLE,
				    .is_silent = bits(entry[0], 1, 1),
				    .root = entry[0] & ADDRESS,
				    .domain = (uint16_t)bits(entry[1], 23, 8) };

	if (!bits(entry[0], 0, 0))
		return absent(found.is_silent);
	if (bits(entry[0], 11, 4) || bits(entry[0], 63, 52) || bits(entry[1], 7, 7) ||
	    bits(entry[1], 63, 24))
		return illegal("a context entry has reserved bits");
	if (bits(entry[0], 3, 2) == 2)
		return (struct vtd_oracle){ .verdict = VTD_ORACLE_OPEN };
	if (bits(entry[0], 3, 2) != 0)
		return illegal("a context entry lets translation requests in");
	if (!set_levels(view, bits(entry[1], 2, 0), &found))
		return illegal("a context entry of an address width that the unit has not");
	found.why = check_domain(view, found.domain);
	return found.why ? illegal(found.why) : found;
}

static struct vtd_oracle legacy_stream(const struct vtd_oracle_view *view, uint16_t source)
{
	uint64_t root[2], context[2];

	if (!load(view, (view->rtaddr & ADDRESS) + 16u * (source >> 8), root, 2))
		return illegal("the root table lies outside the table memory");
	if (!bits(root[0], 0, 0))
		return absent(false);
	if (bits(root[0], 11, 1) || bits(root[0], 63, 52) || root[1])
		return illegal("a root entry has reserved bits");
	if (!load(view, (root[0] & ADDRESS) + 16u * (source & 0xff), context, 2))
		return illegal("a context table lies outside the table memory");
	return legacy_context(view, context);
}

/* --- scalable entries: 32 bytes of context, 64 of PASID --------------------------- */

static struct vtd_oracle first_level(const struct vtd_oracle_view *view, const uint64_t entry[8],
				     struct vtd_oracle found)
{
	if (!bits(view->ecap, 47, 47))
		return illegal("a PASID entry of the first level, which the unit has not");
	if (bits(entry[2], 11, 0))
		return illegal("a PASID entry has first-level bits set: 4 levels, for users' requests");
	if (entry[0] & ADDRESS)
		return illegal("a PASID entry of the first level names a second-level table");
	found.is_first_level = true;
	found.levels = 4;
	found.input_bits = 48;
	found.root = entry[2] & ADDRESS;
	return found;
}

static struct vtd_oracle second_level(const struct vtd_oracle_view *view, const uint64_t entry[8],
				      struct vtd_oracle found)
{
	if (!bits(view->ecap, 46, 46))
		return illegal("a PASID entry of the second level, which the unit has not");
	if (entry[2])
		return illegal("a PASID entry of the second level has first-level words");
	if (!set_levels(view, bits(entry[0], 4, 2), &found))
		return illegal("a PASID entry of an address width that the unit has not");
	found.root = entry[0] & ADDRESS;
	return found;
}

static struct vtd_oracle pasid_entry(const struct vtd_oracle_view *view, const uint64_t entry[8],
				     bool is_silent)
{
	struct vtd_oracle found = { .verdict = VTD_ORACLE_TABLE,
				    .is_silent = is_silent || bits(entry[0], 1, 1),
				    .domain = (uint16_t)bits(entry[1], 15, 0) };

	if (!bits(entry[0], 0, 0))
		return absent(found.is_silent);
	if (bits(entry[0], 5, 5) || bits(entry[0], 11, 9) || bits(entry[0], 63, 52) ||
	    (entry[1] & ~UINT64_C(0x180ffff)) || bits(entry[2], 63, 52) || entry[3] || entry[4] ||
	    entry[5] || entry[6] || entry[7])
		return illegal("a PASID entry has bits set that nobody here means");
	found.why = check_domain(view, found.domain);
	if (found.why)
		return illegal(found.why);
	switch (bits(entry[0], 8, 6)) {
	case 1:
		return first_level(view, entry, found);
	case 2:
		return second_level(view, entry, found);
	case 4:
		return (struct vtd_oracle){ .verdict = VTD_ORACLE_OPEN };
	default:
		return illegal("a PASID entry is nested or of no type");
	}
}

/* PASID 0, which a request without one gets. */
static struct vtd_oracle scalable_context(const struct vtd_oracle_view *view,
					  const uint64_t context[4])
{
	bool is_silent = bits(context[0], 1, 1);
	uint64_t directory, entry[8];

	if (!bits(context[0], 0, 0))
		return absent(is_silent);
	if (bits(context[0], 4, 2))
		return illegal("a context entry lets ATS, PASID or page requests in");
	if (bits(context[0], 8, 5) || bits(context[0], 63, 52) || context[1] || context[2] ||
	    context[3])
		return illegal("a scalable context entry has reserved bits, or a PASID for RIDs");
	if (!load(view, context[0] & ADDRESS, &directory, 1))
		return illegal("a PASID directory lies outside the table memory");
	is_silent |= bits(directory, 1, 1);
	if (!bits(directory, 0, 0))
		return absent(is_silent);
	if (bits(directory, 11, 2) || bits(directory, 63, 52))
		return illegal("a PASID directory entry has reserved bits");
	if (!load(view, directory & ADDRESS, entry, 8))
		return illegal("a PASID table lies outside the table memory");
	return pasid_entry(view, entry, is_silent);
}

static struct vtd_oracle scalable_stream(const struct vtd_oracle_view *view, uint16_t source)
{
	unsigned half = source >> 7 & 1;
	uint64_t root[2], context[4];

	if (!load(view, (view->rtaddr & ADDRESS) + 16u * (source >> 8), root, 2))
		return illegal("the root table lies outside the table memory");
	if (!bits(root[half], 0, 0))
		return absent(false);
	if (bits(root[half], 11, 1) || bits(root[half], 63, 52))
		return illegal("a scalable root entry has reserved bits");
	if (!load(view, (root[half] & ADDRESS) + 32u * (source & 0x7f), context, 4))
		return illegal("a context table lies outside the table memory");
	return scalable_context(view, context);
}

/* --- the whole ------------------------------------------------------------------- */

struct vtd_oracle vtd_oracle_stream(const struct vtd_oracle_view *view, uint16_t source)
{
	if (!bits(view->gsts, 31, 31)) /* TES */
		return (struct vtd_oracle){ .verdict = VTD_ORACLE_OPEN };
	switch (bits(view->rtaddr, 11, 10)) { /* TTM */
	case 0:
		return legacy_stream(view, source);
	case 1:
		if (bits(view->ecap, 43, 43)) /* SMTS */
			return scalable_stream(view, source);
		return illegal("scalable mode on a unit without it");
	default:
		return illegal("a translation table mode that nobody here means");
	}
}

struct auditor_view vtd_oracle_table(const struct vtd_oracle_view *view,
				     const struct vtd_oracle *found)
{
	uint64_t large = bits(view->cap, 37, 34); /* SLLPS: 2 MiB, 1 GiB */
	unsigned block_level = large & 2 ? 1 : large & 1 ? 2 : 3;

	if (found->is_first_level)
		block_level = bits(view->cap, 56, 56) ? 1 : 2; /* FL1GP; 2 MiB always */
	return (struct auditor_view){ .memory = view->memory,
				      .memory_pa = view->memory_pa,
				      .memory_bytes = view->memory_bytes,
				      .root_pa = found->root,
				      .stage = found->is_first_level ? AUDITOR_VTD_FIRST :
								       AUDITOR_VTD_SECOND,
				      .input_bits = found->input_bits,
				      .output_bits = 52,
				      .start_level = 4 - found->levels,
				      .block_level = block_level };
}

/* What the unit lets through to its tables at all. */
static bool takes_address(const struct vtd_oracle_view *view, const struct vtd_oracle *by,
			  uint64_t address)
{
	uint64_t upper = address >> (by->input_bits - 1);

	if ((address & ~UINT64_C(0xfffff)) == INTERRUPTS)
		return false;
	if (by->is_first_level) /* canonical */
		return upper == 0 || upper == UINT64_MAX >> (by->input_bits - 1);
	return !(address >> by->input_bits) && !(address >> (bits(view->cap, 21, 16) + 1));
}

bool vtd_oracle_access(const struct vtd_oracle_view *view, uint16_t source, uint64_t address,
		       bool is_write, uint64_t *ret_pa)
{
	struct vtd_oracle by = vtd_oracle_stream(view, source);
	struct auditor_leaf leaf;
	struct auditor_view table;

	*ret_pa = address;
	if (by.verdict != VTD_ORACLE_TABLE)
		return by.verdict == VTD_ORACLE_OPEN &&
		       (address & ~UINT64_C(0xfffff)) != INTERRUPTS;
	if (!takes_address(view, &by, address))
		return false;
	table = vtd_oracle_table(view, &by);
	address &= (UINT64_C(1) << by.input_bits) - 1;
	if (auditor_translate(&table, address, &leaf) || leaf.bytes == 0)
		return false;
	*ret_pa = leaf.pa + (address - leaf.iova);
	return leaf.rights & (is_write ? AUDITOR_WRITE : AUDITOR_READ);
}

struct reading {
	vtd_oracle_fn *fn;
	void *context;
	uint16_t source;
};

static const char *on_leaf(void *context, const struct auditor_leaf *leaf)
{
	const struct reading *reading = context;

	return reading->fn(reading->context, reading->source, leaf);
}

/* roots: by domain id, the table that has it, or 0. */
static const char *read_source(const struct vtd_oracle_view *view, struct reading *reading,
			       uint64_t *roots)
{
	struct vtd_oracle found = vtd_oracle_stream(view, reading->source);
	struct auditor_view table;

	switch (found.verdict) {
	case VTD_ORACLE_OPEN:
		return "a stream is open";
	case VTD_ORACLE_ILLEGAL:
		return found.why;
	case VTD_ORACLE_TABLE:
		break;
	default:
		return NULL;
	}
	if (roots[found.domain] && roots[found.domain] != found.root)
		return "two tables share a domain id: one's cached translations serve the other";
	roots[found.domain] = found.root;
	table = vtd_oracle_table(view, &found);
	return auditor_read_all(&table, on_leaf, reading, NULL);
}

const char *vtd_oracle_read_all(const struct vtd_oracle_view *view, vtd_oracle_fn *fn,
				void *context, uint32_t *ret_source)
{
	struct reading reading = { .fn = fn, .context = context };
	uint64_t *roots = calloc(SOURCES, sizeof(*roots));
	const char *wrong = roots ? NULL : "no memory";
	uint32_t source;

	for (source = 0; source < SOURCES && !wrong; source++) {
		reading.source = (uint16_t)source;
		wrong = read_source(view, &reading, roots);
		if (wrong && ret_source)
			*ret_source = source;
	}
	free(roots);
	return wrong;
}
