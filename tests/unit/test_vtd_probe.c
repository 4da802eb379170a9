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
#include "vtd.h"
#include "vtdrig.h"

static int probe_found(struct vtdrig *rig, const struct drv_found *found)
{
	return drv_find(found)->probe(&rig->fake.hw, found, &rig->options, &rig->unit, &rig->err);
}

static int probe(struct vtdrig *rig)
{
	const struct drv_found found = vtd_fake_found();

	return probe_found(rig, &found);
}

/* One register of a good unit changed. */
static const struct {
	uint32_t offset;
	uint64_t clear, set;
	const char *says;
	int error;
} refusals[] = {
	{ VTD_FAKE_CAP_REG, 7, 7, "CAP_REG.ND", -EOPNOTSUPP },
	{ VTD_FAKE_CAP_REG, BITS(33, 24), BITS(33, 24), "CAP_REG.FRO", -EOPNOTSUPP },
	{ VTD_FAKE_CAP_REG, BITS(33, 24), 0, "CAP_REG.FRO", -EOPNOTSUPP },
	{ VTD_FAKE_CAP_REG, 0, BITS(47, 40), "NFR", -EOPNOTSUPP },
	{ VTD_FAKE_CAP_REG, BITS(12, 8), 0, "CAP_REG.SAGAW", -EOPNOTSUPP },
	{ VTD_FAKE_CAP_REG, BITS(12, 8), BIT(11), "CAP_REG.SAGAW", -EOPNOTSUPP }, /* 57 bits alone */
	{ VTD_FAKE_CAP_REG, BITS(21, 16), UINT64_C(20) << 16, "MGAW", -EOPNOTSUPP },
	{ VTD_FAKE_CAP_REG, BITS(21, 16) | BIT(9), UINT64_C(35) << 16, "contradicts", -EOPNOTSUPP },
	{ VTD_FAKE_ECAP_REG, BIT(1) | BITS(17, 8), BITS(17, 8), "ECAP_REG.IRO", -EOPNOTSUPP },
	{ VTD_FAKE_ECAP_REG, BIT(1), BIT(43), "scalable mode without", -EOPNOTSUPP },
	{ VTD_FAKE_CAP_REG, BIT(54), 0, "CAP_REG.DRD and DWD", -EOPNOTSUPP }, /* posted writes */
	{ VTD_FAKE_CAP_REG, BIT(55), 0, "CAP_REG.DRD and DWD", -EOPNOTSUPP }, /* reads */
	{ VTD_FAKE_GSTS, 0, BIT(25), "intremap=off", -EBUSY },
};

static void vtd_probe_unusable_unit_is_refused_with_its_reason(void **state)
{
	struct vtdrig rig;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(refusals); i++) {
		unsigned size = refusals[i].offset == VTD_FAKE_GSTS ? 4 : 8;
		uint64_t value;

		vtdrig_init(&rig);
		value = vtd_fake_get(&rig.fake, refusals[i].offset, size);
		vtd_fake_set(&rig.fake, refusals[i].offset, size,
			     (value & ~refusals[i].clear) | refusals[i].set);
		assert_int_equal(probe(&rig), refusals[i].error);
		assert_non_null(strstr(rig.err.text, refusals[i].says));
		assert_non_null(strstr(rig.err.text, "vtd0"));
		assert_null(rig.unit);
		assert_int_equal(rig.fake.writes, 0);
		vtdrig_fini(&rig);
	}
}

static void vtd_probe_interrupt_remapping_names_both_boot_arguments(void **state)
{
	struct vtdrig rig;

	(void)state;
	vtdrig_init(&rig);
	vtd_fake_set(&rig.fake, VTD_FAKE_GSTS, 4, VTD_FAKE_IRE);
	assert_int_equal(probe(&rig), -EBUSY);
	assert_non_null(strstr(rig.err.text, "nointremap"));
	assert_non_null(strstr(rig.err.text, "intel_iommu=off"));
	vtdrig_fini(&rig);
}

/* Version 6 has no registers to invalidate with: then a queue there must be. */
static void vtd_probe_version_6_needs_its_queue(void **state)
{
	struct vtdrig rig;

	(void)state;
	vtdrig_init(&rig);
	vtd_fake_set(&rig.fake, VTD_FAKE_VER, 4, 0x60);
	vtd_fake_set(&rig.fake, VTD_FAKE_ECAP_REG, 8, VTD_FAKE_ECAP_NO_QI);
	assert_int_equal(probe(&rig), -EOPNOTSUPP);
	assert_non_null(strstr(rig.err.text, "contradicts itself"));
	vtd_fake_set(&rig.fake, VTD_FAKE_ECAP_REG, 8, VTD_FAKE_ECAP);
	assert_int_equal(probe(&rig), 0);
	vtdrig_fini(&rig);
}

static void vtd_probe_all_ones_and_all_zeros_are_no_unit(void **state)
{
	struct vtdrig rig;

	(void)state;
	vtdrig_init(&rig);
	rig.fake.is_gone = true;
	assert_int_equal(probe(&rig), -ENODEV);
	assert_non_null(strstr(rig.err.text, "all ones"));
	rig.fake.is_gone = false;
	memset(rig.fake.regs, 0, sizeof(rig.fake.regs));
	assert_int_equal(probe(&rig), -ENODEV);
	assert_non_null(strstr(rig.err.text, "no VT-d unit"));
	vtdrig_fini(&rig);
}

static void vtd_probe_small_window_is_refused(void **state)
{
	struct drv_found found = vtd_fake_found();
	struct vtdrig rig;

	(void)state;
	vtdrig_init(&rig);
	found.size = 0x800;
	assert_int_equal(probe_found(&rig, &found), -EINVAL);
	assert_non_null(strstr(rig.err.text, "0x800"));
	assert_int_equal(rig.fake.reads, 0);
	vtdrig_fini(&rig);
}

/* --- modes --- */

static void vtd_probe_chooses_what_the_unit_offers(void **state)
{
	static const struct {
		uint64_t cap, ecap;
		enum drv_mode mode;
		const char *says;
		unsigned input_bits;
		bool write_only, commits;
	} rows[] = {
		{ VTD_FAKE_CAP, VTD_FAKE_ECAP, DRV_MODE_ANY, "legacy mode, second level", 48, true, false },
		{ VTD_FAKE_CAP_39, VTD_FAKE_ECAP, DRV_MODE_ANY, "legacy mode, second level", 39, true, false },
		{ VTD_FAKE_CAP_CM, VTD_FAKE_ECAP, DRV_MODE_ANY, "caching mode", 48, true, true },
		{ VTD_FAKE_CAP | VTD_FAKE_CAP_RWBF, VTD_FAKE_ECAP, DRV_MODE_ANY, "write buffers", 48, true, true },
		{ VTD_FAKE_CAP, VTD_FAKE_ECAP_NO_QI, DRV_MODE_ANY, "register-based", 48, true, false },
		{ VTD_FAKE_CAP, VTD_FAKE_ECAP_SECOND, DRV_MODE_ANY, "scalable mode, second level", 48, true, false },
		{ VTD_FAKE_CAP, VTD_FAKE_ECAP_SECOND, DRV_MODE_LEGACY, "legacy mode, second level", 48, true, false },
		{ VTD_FAKE_CAP_FIRST, VTD_FAKE_ECAP_FIRST, DRV_MODE_ANY, "scalable mode, first level", 47, false, false },
		{ VTD_FAKE_CAP_FIRST, VTD_FAKE_ECAP_FIRST, DRV_MODE_LEGACY, "legacy mode, second level", 48, true, false },
		{ VTD_FAKE_CAP & ~(UINT64_C(1) << 10), VTD_FAKE_ECAP, DRV_MODE_ANY, "legacy", 39, true, false },
		{ VTD_FAKE_CAP, VTD_FAKE_ECAP | VTD_FAKE_ECAP_COHERENT, DRV_MODE_ANY, "queued invalidation", 48, true, false },
	};
	struct vtdrig rig;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		vtdrig_init(&rig);
		vtd_fake_set(&rig.fake, VTD_FAKE_CAP_REG, 8, rows[i].cap);
		vtd_fake_set(&rig.fake, VTD_FAKE_ECAP_REG, 8, rows[i].ecap);
		rig.options.mode = rows[i].mode;
		vtdrig_probe(&rig);
		assert_non_null(strstr(rig.unit->caps.words, rows[i].says));
		assert_int_equal(rig.unit->caps.input_bits, rows[i].input_bits);
		assert_int_equal(rig.unit->caps.write_only, rows[i].write_only);
		assert_int_equal(rig.ops->commit != NULL, rows[i].commits);
		assert_int_equal(!strstr(rig.unit->caps.words, "not coherent"),
				 rows[i].ecap & VTD_FAKE_ECAP_COHERENT);
		assert_true(rig.unit->caps.unsafe_interrupts);
		assert_int_equal(rig.unit->caps.stream_count, 0x10000);
		assert_false(rig.unit->found_enabled);
		assert_int_equal(rig.fake.writes, 0);
		vtdrig_fini(&rig);
	}
}

static void vtd_probe_mode_the_unit_lacks_is_refused(void **state)
{
	static const struct {
		uint64_t cap, ecap;
		enum drv_mode mode;
	} rows[] = {
		{ VTD_FAKE_CAP, VTD_FAKE_ECAP, DRV_MODE_SCALABLE },
		{ VTD_FAKE_CAP_FIRST & ~BITS(12, 8), VTD_FAKE_ECAP_FIRST, DRV_MODE_LEGACY },
		/* Scalable mode with neither level, or with a second level of no width. */
		{ VTD_FAKE_CAP, VTD_FAKE_ECAP_SECOND & ~BIT(46), DRV_MODE_SCALABLE },
		/* First level needs more bits than 39. */
		{ (VTD_FAKE_CAP_FIRST & ~BITS(21, 16)) | 38u << 16, VTD_FAKE_ECAP_FIRST, DRV_MODE_SCALABLE },
	};
	struct vtdrig rig;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		vtdrig_init(&rig);
		vtd_fake_set(&rig.fake, VTD_FAKE_CAP_REG, 8, rows[i].cap);
		vtd_fake_set(&rig.fake, VTD_FAKE_ECAP_REG, 8, rows[i].ecap);
		rig.options.mode = rows[i].mode;
		assert_int_equal(probe(&rig), -EOPNOTSUPP);
		assert_non_null(strstr(rig.err.text, i == 3 ? "MGAW" : "mode is asked for"));
		assert_null(rig.unit);
		vtdrig_fini(&rig);
	}
}

/* A unit that is on stays in its mode: switching it off would open it. */
static void vtd_probe_enabled_unit_keeps_its_mode(void **state)
{
	static const struct {
		uint64_t ttm;
		enum drv_mode mode;
		int error;
		const char *says;
	} rows[] = {
		{ 0, DRV_MODE_ANY, 0, "legacy" },
		{ 0, DRV_MODE_LEGACY, 0, "legacy" },
		{ 0, DRV_MODE_SCALABLE, -EBUSY, "on in legacy mode" },
		{ 1, DRV_MODE_ANY, 0, "scalable" },
		{ 1, DRV_MODE_LEGACY, -EBUSY, "on in scalable mode" },
		{ 3, DRV_MODE_ANY, -EBUSY, "reset the machine" },
	};
	struct vtdrig rig;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		vtdrig_init_kind(&rig, &vtdrig_kinds[VTDRIG_SECOND]);
		vtd_fake_set(&rig.fake, VTD_FAKE_GSTS, 4, VTD_FAKE_TE | VTD_FAKE_SRTP);
		vtd_fake_set(&rig.fake, VTD_FAKE_RTADDR, 8, 0x1000 | rows[i].ttm << 10);
		rig.options.mode = rows[i].mode;
		assert_int_equal(probe(&rig), rows[i].error);
		assert_non_null(strstr(rows[i].error ? rig.err.text : rig.unit->caps.words, rows[i].says));
		assert_true(rows[i].error || rig.unit->found_enabled);
		vtdrig_fini(&rig);
	}
}

/* The firmware's host address width rules; without it the unit's own. */
static void vtd_probe_physical_addresses_end_where_firmware_says(void **state)
{
	struct drv_found found = vtd_fake_found();
	struct vtdrig rig;

	(void)state;
	found.address_bits = 42;
	vtdrig_init(&rig);
	assert_int_equal(probe_found(&rig, &found), 0);
	assert_int_equal(rig.unit->caps.output_bits, 42);
	vtdrig_fini(&rig);
	vtdrig_init(&rig);
	assert_int_equal(probe(&rig), 0);
	assert_int_equal(rig.unit->caps.output_bits, 48);
	vtdrig_fini(&rig);
}

/* SLLPS and FL1GP: a leaf is no larger than the unit can read. */
static void vtd_probe_page_sizes_follow_the_capabilities(void **state)
{
	static const struct {
		uint64_t cap, ecap, leaf;
	} rows[] = {
		{ VTD_FAKE_CAP, VTD_FAKE_ECAP, UINT64_C(1) << 30 },
		{ VTD_FAKE_CAP & ~BIT(35), VTD_FAKE_ECAP, UINT64_C(2) << 20 },
		{ VTD_FAKE_CAP & ~BITS(37, 34), VTD_FAKE_ECAP, 4096 },
		{ VTD_FAKE_CAP_FIRST, VTD_FAKE_ECAP_FIRST, UINT64_C(1) << 30 },
		{ VTD_FAKE_CAP_FIRST & ~BIT(56), VTD_FAKE_ECAP_FIRST, UINT64_C(2) << 20 },
	};
	const struct extent extent = { PA(UINT64_C(1) << 32), UINT64_C(1) << 30 };
	const struct drv_part part = { &extent, 1, 0, UINT64_C(1) << 30, -1, false };
	struct drv_space *space;
	struct drv_walk walk;
	struct vtdrig rig;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		vtdrig_init(&rig);
		vtd_fake_set(&rig.fake, VTD_FAKE_CAP_REG, 8, rows[i].cap);
		vtd_fake_set(&rig.fake, VTD_FAKE_ECAP_REG, 8, rows[i].ecap);
		vtdrig_probe(&rig);
		space = vtdrig_space(&rig);
		assert_int_equal(rig.ops->map(space, IOVA(UINT64_C(1) << 30), &part, RIGHT_READ,
					      &rig.err), 0);
		rig.ops->walk(space, IOVA(UINT64_C(1) << 30), &walk);
		assert_int_equal(walk.leaf_bytes, rows[i].leaf);
		vtdrig_fini(&rig);
	}
}

static void vtd_reserved_is_the_interrupt_range_of_every_stream(void **state)
{
	struct drv_reserved list[2] = { 0 };
	struct vtdrig rig;

	(void)state;
	vtdrig_init(&rig);
	vtdrig_probe(&rig);
	assert_int_equal(rig.ops->reserved(rig.unit, 0, NULL, 0), 1);
	assert_int_equal(rig.ops->reserved(rig.unit, 0xffff, list, 2), 1);
	assert_int_equal(list[0].iova, 0xfee00000);
	assert_int_equal(list[0].length, 0x100000);
	assert_int_equal(list[0].kind, DRV_RESERVED_INTERRUPT);
	assert_int_equal(list[1].length, 0);
	vtdrig_fini(&rig);
}

/* Where No Snoop requests can be made to look into the caches, they are. */
static void vtd_probe_snoop_control_is_used_where_it_is_offered(void **state)
{
	uint64_t offered;
	struct vtdrig rig;

	(void)state;
	for (offered = 0; offered <= BIT(7); offered += BIT(7)) {
		vtdrig_init(&rig);
		vtd_fake_set(&rig.fake, VTD_FAKE_ECAP_REG, 8,
			     (vtd_fake_get(&rig.fake, VTD_FAKE_ECAP_REG, 8) & ~BIT(7)) | offered);
		vtdrig_probe(&rig);
		assert_int_equal(vtd_of(rig.unit)->features.table.leaf_bits,
				 offered ? PGTABLE_VTD_SS_SNOOP : 0);
		vtdrig_fini(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vtd_probe_unusable_unit_is_refused_with_its_reason),
		cmocka_unit_test(vtd_probe_interrupt_remapping_names_both_boot_arguments),
		cmocka_unit_test(vtd_probe_version_6_needs_its_queue),
		cmocka_unit_test(vtd_probe_all_ones_and_all_zeros_are_no_unit),
		cmocka_unit_test(vtd_probe_small_window_is_refused),
		cmocka_unit_test(vtd_probe_chooses_what_the_unit_offers),
		cmocka_unit_test(vtd_probe_mode_the_unit_lacks_is_refused),
		cmocka_unit_test(vtd_probe_enabled_unit_keeps_its_mode),
		cmocka_unit_test(vtd_probe_physical_addresses_end_where_firmware_says),
		cmocka_unit_test(vtd_probe_page_sizes_follow_the_capabilities),
		cmocka_unit_test(vtd_probe_snoop_control_is_used_where_it_is_offered),
		cmocka_unit_test(vtd_reserved_is_the_interrupt_range_of_every_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
