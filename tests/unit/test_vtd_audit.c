// SPDX-License-Identifier: BSD-2-Clause
/* Another agent's hand in registers and entries is found; words for people. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bits.h"
#include "roottab.h"
#include "vtdrig.h"

static struct vtdrig rig;
static struct drv_space *space;

static void start(const struct vtdrig_kind *kind)
{
	vtdrig_start(&rig, kind);
	space = vtdrig_space(&rig);
	vtdrig_map(&rig, space, 0x1000, 4096);
	vtdrig_set(&rig, VTDRIG_STREAM, DRV_BOUND, space);
}

static void assert_found(const char *what)
{
	assert_int_equal(rig.ops->audit(rig.unit, &rig.err), -EBADE);
	assert_non_null(strstr(rig.err.text, what));
	assert_non_null(strstr(rig.err.text, "another agent"));
}

static void assert_clean(void)
{
	if (rig.ops->audit(rig.unit, &rig.err))
		fail_msg("%s", rig.err.text);
}

static void audit_own_work_is_clean_on_every_kind(void **state)
{
	unsigned kind;

	(void)state;
	for (kind = 0; kind < vtdrig_kind_count; kind++) {
		start(&vtdrig_kinds[kind]);
		assert_clean();
		vtdrig_set(&rig, 0x4200, DRV_BOUND, space);
		vtdrig_set(&rig, VTDRIG_STREAM, DRV_SILENT, NULL);
		assert_clean();
		vtdrig_fini(&rig);
	}
}

static void audit_changed_register_is_named(void **state)
{
	static const struct {
		uint32_t offset;
		unsigned size;
		uint64_t flip;
		const char *name;
	} rows[] = {
		{ VTD_FAKE_GSTS, 4, VTD_FAKE_TE, "GSTS_REG" },
		{ VTD_FAKE_GSTS, 4, VTD_FAKE_IRE, "GSTS_REG" },
		{ VTD_FAKE_RTADDR, 8, 0x1000, "RTADDR_REG" },
		{ VTD_FAKE_RTADDR, 8, 0x400, "RTADDR_REG" },
		{ VTD_FAKE_IQA, 8, 0x2000, "IQA_REG" },
		{ VTD_FAKE_FECTL, 4, 0x80000000, "FECTL_REG" },
		{ VTD_FAKE_IECTL, 4, 0x80000000, "IECTL_REG" },
		{ VTD_FAKE_PMEN, 4, 0x80000000, "PMEN_REG" },
	};
	struct vtdrig_kind kind = vtdrig_kinds[VTDRIG_LEGACY];
	uint64_t value;
	unsigned i;

	(void)state;
	kind.cap |= VTD_FAKE_CAP_PMR;
	start(&kind);
	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		value = vtd_fake_get(&rig.fake, rows[i].offset, rows[i].size);
		vtd_fake_set(&rig.fake, rows[i].offset, rows[i].size, value ^ rows[i].flip);
		assert_found(rows[i].name);
		vtd_fake_set(&rig.fake, rows[i].offset, rows[i].size, value);
		assert_clean();
	}
	vtdrig_fini(&rig);
}

static void assert_word_is_watched(uint64_t *word, const char *what)
{
	uint64_t before = *word;

	*word ^= 1;
	assert_found(what);
	*word = before;
	assert_clean();
}

static void audit_changed_entry_is_named(void **state)
{
	static const unsigned kinds[] = { VTDRIG_LEGACY, VTDRIG_SECOND, VTDRIG_FIRST };
	unsigned i, w;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(kinds); i++) {
		struct vtd *vtd;

		start(&vtdrig_kinds[kinds[i]]);
		vtd = vtd_of(rig.unit);
		assert_word_is_watched(&roottab_entry(vtd, VTDRIG_STREAM)[0], "stream 0x10");
		assert_word_is_watched(&roottab_entry(vtd, VTDRIG_STREAM)[1], "stream 0x10");
		assert_word_is_watched(&roottab_entry(vtd, VTDRIG_STREAM + 1)[0], "stream 0x11");
		assert_word_is_watched(&vtd->roottab.root[0], "bus 0x0");
		assert_word_is_watched(&vtd->roottab.root[1], "bus 0x0");
		assert_word_is_watched(&vtd->roottab.root[2 * 255], "bus 0xff");
		if (kinds[i] != VTDRIG_LEGACY) {
			assert_word_is_watched(vtd_space_of(space)->pasid_directory, "PASID directory");
			for (w = 0; w < PASID_WORDS; w++)
				assert_word_is_watched(&vtd_space_of(space)->pasid_table[w], "PASID entry");
		}
		vtdrig_fini(&rig);
	}
}

/* An entry on its way is neither old nor new, and no sign of another agent. */
static void audit_entry_being_changed_is_no_difference(void **state)
{
	struct drv_gather gather = { 0 };
	struct drv_space *other;

	(void)state;
	start(&vtdrig_kinds[VTDRIG_LEGACY]);
	other = vtdrig_space(&rig);
	rig.fake.is_stopped = true;
	assert_int_equal(rig.ops->set_stream(rig.unit, VTDRIG_STREAM, DRV_BOUND, other, &gather,
					     &rig.err), 0);
	rig.ops->submit(rig.unit, &gather);
	assert_clean();
	vtdrig_fini(&rig);
}

static void audit_of_a_closed_unit_finds_nothing_to_compare(void **state)
{
	(void)state;
	start(&vtdrig_kinds[VTDRIG_LEGACY]);
	rig.ops->close(rig.unit);
	assert_int_equal(rig.ops->audit(rig.unit, &rig.err), 0);
	vtdrig_fini(&rig);
}

/* --- words --- */

static void assert_described(uint32_t stream, const char *want)
{
	char text[200], small[12];

	rig.ops->describe_stream(rig.unit, stream, text, sizeof(text));
	if (!strstr(text, want))
		fail_msg("'%s' does not say '%s'", text, want);
	rig.ops->describe_stream(rig.unit, stream, small, sizeof(small)); /* cut, not overrun */
	assert_true(strlen(small) < sizeof(small));
}

static void describe_says_what_the_unit_would_do(void **state)
{
	struct drv_gather gather = { 0 };

	(void)state;
	start(&vtdrig_kinds[VTDRIG_LEGACY]);
	assert_described(VTDRIG_STREAM, "second level, domain 1, table at 0x40");
	assert_described(VTDRIG_STREAM, "entry 0x");
	assert_described(VTDRIG_STREAM + 1, "refused and reported");
	assert_described(0x4200, "no context table for its bus: refused and reported");
	assert_described(0x10000, "refused and reported");
	vtdrig_set(&rig, VTDRIG_STREAM, DRV_SILENT, NULL);
	assert_described(VTDRIG_STREAM, "without a record");
	rig.fake.is_stopped = true;
	rig.ops->set_stream(rig.unit, VTDRIG_STREAM, DRV_BOUND, space, &gather, &rig.err);
	rig.ops->submit(rig.unit, &gather);
	rig.ops->set_stream(rig.unit, VTDRIG_STREAM, DRV_DENY, NULL, &gather, &rig.err);
	rig.ops->set_stream(rig.unit, VTDRIG_STREAM, DRV_BOUND, space, &gather, &rig.err);
	assert_described(VTDRIG_STREAM, "(being changed)");
	rig.ops->close(rig.unit);
	assert_described(VTDRIG_STREAM, "the unit is closed");
	vtdrig_fini(&rig);
	start(&vtdrig_kinds[VTDRIG_FIRST]);
	assert_described(VTDRIG_STREAM, "first level, PASID directory at 0x40");
	vtdrig_fini(&rig);
	start(&vtdrig_kinds[VTDRIG_SECOND]);
	assert_described(VTDRIG_STREAM, "second level, PASID directory at 0x40");
	vtdrig_fini(&rig);
	vtdrig_init_kind(&rig, &vtdrig_kinds[VTDRIG_LEGACY]);
	vtdrig_probe(&rig);
	assert_described(VTDRIG_STREAM, "not taken over");
	vtdrig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(audit_own_work_is_clean_on_every_kind),
		cmocka_unit_test(audit_changed_register_is_named),
		cmocka_unit_test(audit_changed_entry_is_named),
		cmocka_unit_test(audit_entry_being_changed_is_no_difference),
		cmocka_unit_test(audit_of_a_closed_unit_finds_nothing_to_compare),
		cmocka_unit_test(describe_says_what_the_unit_would_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
