// SPDX-License-Identifier: BSD-2-Clause
/* What the unit says of itself: refusals, each with its sentence, and choices. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bits.h"
#include "srig.h"

static int probe(struct srig *rig)
{
	struct drv_found found = hw_fake_found();

	return drv_find(&found)->probe(&rig->fake.hw, &found, &rig->options, &rig->unit, &rig->err);
}

/* One register of a good unit changed. */
static const struct {
	uint32_t offset, clear, set;
	const char *says;
} refusals[] = {
	{ FAKE_IDR0, 3, 0, "neither stage 1 nor stage 2" },
	{ FAKE_IDR0, 3u << 2, 1u << 2, "IDR0.TTF" },
	{ FAKE_IDR0, 1u << 4, 0, "IDR0.COHACC" },
	{ FAKE_IDR0, 3u << 21, 3u << 21, "IDR0.TTENDIAN" },
	{ FAKE_IDR0, 3u << 21, 1u << 21, "IDR0.TTENDIAN" },
	{ FAKE_IDR0, 3u << 24, 2u << 24, "IDR0.STALL_MODEL" },
	{ FAKE_IDR0, 3u << 24, 3u << 24, "IDR0.STALL_MODEL" },
	{ FAKE_IDR1, 0, 1u << 30, "IDR1.TABLES_PRESET" },
	{ FAKE_IDR1, 0, 1u << 29, "IDR1.QUEUES_PRESET" },
	{ FAKE_IDR1, 31u << 21, 0, "single entry" },
	{ FAKE_IDR1, 31u << 16, 0, "single entry" },
	{ FAKE_IDR5, 1u << 4, 0, "IDR5.GRAN4K" },
};

static void probe_unusable_unit_is_refused_with_its_reason(void **state)
{
	struct srig rig;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(refusals); i++) {
		uint32_t value;

		srig_init(&rig);
		value = (uint32_t)hw_fake_get(&rig.fake, refusals[i].offset, 4);
		hw_fake_set(&rig.fake, refusals[i].offset, 4, (value & ~refusals[i].clear) | refusals[i].set);
		assert_int_equal(probe(&rig), -EOPNOTSUPP);
		assert_non_null(strstr(rig.err.text, refusals[i].says));
		assert_non_null(strstr(rig.err.text, "smmu0"));
		assert_null(rig.unit);
		assert_int_equal(rig.fake.writes, 0);
		srig_fini(&rig);
	}
}

static void probe_all_ones_is_enodev(void **state)
{
	struct srig rig;

	(void)state;
	srig_init(&rig);
	rig.fake.is_gone = true;
	assert_int_equal(probe(&rig), -ENODEV);
	assert_non_null(strstr(rig.err.text, "all ones"));
	srig_fini(&rig);
}

/* A dead bus that answers zeros offers no stage. */
static void probe_all_zeros_is_refused(void **state)
{
	struct srig rig;

	(void)state;
	srig_init(&rig);
	memset(rig.fake.regs, 0, sizeof(rig.fake.regs));
	assert_int_equal(probe(&rig), -EOPNOTSUPP);
	srig_fini(&rig);
}

static void probe_small_window_is_refused(void **state)
{
	struct drv_found found = hw_fake_found();
	struct srig rig;

	(void)state;
	srig_init(&rig);
	found.size = 0x10000;
	assert_int_equal(drv_find(&found)->probe(&rig.fake.hw, &found, &rig.options, &rig.unit,
						 &rig.err), -EINVAL);
	assert_int_equal(rig.fake.reads, 0);
	srig_fini(&rig);
}

static void probe_changes_nothing(void **state)
{
	struct srig rig;

	(void)state;
	srig_init(&rig);
	srig_probe(&rig);
	assert_int_equal(rig.fake.writes, 0);
	assert_int_equal(pages_free_count(&rig.fake.pages), rig.fake.pages.page_count);
	srig_fini(&rig);
}

static void probe_match_wants_its_compatible(void **state)
{
	struct drv_found found = hw_fake_found();

	(void)state;
	assert_non_null(drv_find(&found));
	assert_string_equal(drv_find(&found)->name, "smmuv3");
	found.compatible = "arm,mmu-500";
	assert_null(drv_find(&found));
	found.compatible = NULL;
	assert_null(drv_find(&found));
}

static void stage_is(uint32_t idr0, enum drv_stage wanted, unsigned stage)
{
	struct srig rig;

	srig_init(&rig);
	hw_fake_set(&rig.fake, FAKE_IDR0, 4, idr0);
	rig.options.stage = wanted;
	if (stage == 0) {
		assert_int_equal(probe(&rig), -EOPNOTSUPP);
		assert_non_null(strstr(rig.err.text, wanted == DRV_STAGE_1 ? "IDR0.S1P" : "IDR0.S2P"));
	} else {
		srig_probe(&rig);
		assert_non_null(strstr(rig.unit->caps.words, stage == 1 ? "stage 1" : "stage 2"));
		assert_int_equal(rig.unit->caps.input_bits, stage == 1 ? 48 : 44);
		assert_int_equal(rig.unit->caps.output_bits, 44);
		assert_int_equal(rig.unit->caps.write_only, stage == 2);
	}
	srig_fini(&rig);
}

static void probe_stage_follows_unit_and_option(void **state)
{
	(void)state;
	stage_is(HW_FAKE_IDR0_BOTH, DRV_STAGE_ANY, 2);
	stage_is(HW_FAKE_IDR0_BOTH, DRV_STAGE_1, 1);
	stage_is(HW_FAKE_IDR0_BOTH, DRV_STAGE_2, 2);
	stage_is(HW_FAKE_IDR0_S1, DRV_STAGE_ANY, 1);
	stage_is(HW_FAKE_IDR0_S1, DRV_STAGE_2, 0);
	stage_is(HW_FAKE_IDR0_S2, DRV_STAGE_ANY, 2);
	stage_is(HW_FAKE_IDR0_S2, DRV_STAGE_1, 0);
}

static void table_is(unsigned st_level, unsigned sid_bits, enum drv_table wanted, const char *words)
{
	struct srig rig;

	srig_init(&rig);
	hw_fake_set(&rig.fake, FAKE_IDR0, 4, (HW_FAKE_IDR0_BOTH & ~(3u << 27)) | st_level << 27);
	hw_fake_set(&rig.fake, FAKE_IDR1, 4, 0x02730000 | sid_bits);
	rig.options.table = wanted;
	if (!words) {
		assert_int_equal(probe(&rig), -EOPNOTSUPP);
		assert_non_null(strstr(rig.err.text, "two-level"));
	} else {
		srig_probe(&rig);
		assert_non_null(strstr(rig.unit->caps.words, words));
	}
	srig_fini(&rig);
}

static void probe_table_follows_unit_and_option(void **state)
{
	(void)state;
	table_is(1, 16, DRV_TABLE_ANY, "two-level");
	table_is(1, 16, DRV_TABLE_LINEAR, "linear");
	table_is(1, 8, DRV_TABLE_ANY, "linear");
	table_is(1, 9, DRV_TABLE_ANY, "two-level");
	table_is(0, 16, DRV_TABLE_ANY, "linear");
	table_is(0, 16, DRV_TABLE_TWO_LEVEL, NULL);
	table_is(1, 4, DRV_TABLE_TWO_LEVEL, NULL);
}

static void probe_stream_count_is_bounded(void **state)
{
	static const struct { uint32_t st_level, sid_bits, count; } cases[] = {
		{ 1, 16, 1u << 16 }, { 1, 32, 1u << 24 }, { 0, 32, 1u << 16 }, { 1, 5, 32 }, { 0, 0, 1 },
	};
	struct srig rig;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		srig_init(&rig);
		hw_fake_set(&rig.fake, FAKE_IDR0, 4,
			    (HW_FAKE_IDR0_BOTH & ~(3u << 27)) | cases[i].st_level << 27);
		hw_fake_set(&rig.fake, FAKE_IDR1, 4, 0x02730000 | cases[i].sid_bits);
		srig_probe(&rig);
		assert_int_equal(rig.unit->caps.stream_count, cases[i].count);
		srig_takeover(&rig, NULL, 0);
		srig_fini(&rig);
	}
}

static void probe_queue_sizes_follow_unit_and_option(void **state)
{
	static const struct { unsigned wanted, offered, got; } cases[] = {
		{ 0, 19, 8 }, { 0, 5, 5 }, { 3, 19, 3 }, { 12, 7, 7 }, { 1, 19, 1 },
	};
	struct srig rig;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		srig_init(&rig);
		hw_fake_set(&rig.fake, FAKE_IDR1, 4, 16 | 12u << 16 | cases[i].offered << 21);
		rig.options.command_log2 = cases[i].wanted;
		srig_probe(&rig);
		srig_takeover(&rig, NULL, 0);
		assert_int_equal(hw_fake_get(&rig.fake, FAKE_CMDQ_BASE, 8) & 31, cases[i].got);
		assert_int_equal(hw_fake_get(&rig.fake, FAKE_EVENTQ_BASE, 8) & 31, 12);
		srig_fini(&rig);
	}
}

static void probe_every_output_size_makes_a_unit(void **state)
{
	static const unsigned bits[] = { 32, 36, 40, 42, 44, 48, 48, 48 };
	struct drv_space *space;
	struct srig rig;
	unsigned oas;
	uint64_t pa;

	(void)state;
	for (oas = 0; oas < 8; oas++) {
		srig_init(&rig);
		hw_fake_set(&rig.fake, FAKE_IDR5, 4, 0x70 | oas);
		srig_probe(&rig);
		assert_int_equal(rig.unit->caps.output_bits, bits[oas]);
		assert_int_equal(rig.unit->caps.input_bits, bits[oas]);
		srig_takeover(&rig, NULL, 0);
		space = srig_space(&rig);
		srig_map(&rig, space, 0, 0x1000);
		srig_map(&rig, space, (UINT64_C(1) << bits[oas]) - 0x1000, 0x1000);
		srig_set(&rig, SRIG_STREAM, DRV_BOUND, space);
		assert_int_equal(oracle_stream(&rig.fake, SRIG_STREAM).verdict, ORACLE_TABLE);
		assert_true(oracle_access(&rig.fake, SRIG_STREAM, 0x10, true, &pa));
		assert_int_equal(pa, SRIG_MEMORY + 0x10);
		assert_true(oracle_access(&rig.fake, SRIG_STREAM, (UINT64_C(1) << bits[oas]) - 1, true, &pa));
		assert_int_equal(pa, SRIG_MEMORY + 0xfff);
		srig_fini(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probe_unusable_unit_is_refused_with_its_reason),
		cmocka_unit_test(probe_all_ones_is_enodev),
		cmocka_unit_test(probe_all_zeros_is_refused),
		cmocka_unit_test(probe_small_window_is_refused),
		cmocka_unit_test(probe_changes_nothing),
		cmocka_unit_test(probe_match_wants_its_compatible),
		cmocka_unit_test(probe_stage_follows_unit_and_option),
		cmocka_unit_test(probe_table_follows_unit_and_option),
		cmocka_unit_test(probe_stream_count_is_bounded),
		cmocka_unit_test(probe_queue_sizes_follow_unit_and_option),
		cmocka_unit_test(probe_every_output_size_makes_a_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
