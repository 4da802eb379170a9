// SPDX-License-Identifier: BSD-2-Clause
/* Identifiers and address spaces. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "record.h"
#include "srig.h"

/* 8-bit identifiers: 255 to give, one of them the unit's own. */
static void start_small(struct srig *rig, uint32_t idr0)
{
	srig_init(rig);
	hw_fake_set(&rig->fake, FAKE_IDR0, 4, idr0 & ~(1u << 12 | 1u << 18));
	srig_probe(rig);
	srig_takeover(rig, NULL, 0);
}

static uint16_t id_of(struct srig *rig, struct drv_space *space)
{
	srig_set(rig, SRIG_STREAM, DRV_BOUND, space);
	return oracle_stream(&rig->fake, SRIG_STREAM).id;
}

static void exhaustion(uint32_t idr0)
{
	struct drv_space *spaces[254], *extra = NULL;
	bool seen[256] = { true };
	struct srig rig;
	unsigned i;

	start_small(&rig, idr0);
	for (i = 0; i < 254; i++) {
		spaces[i] = srig_space(&rig);
		uint16_t id = id_of(&rig, spaces[i]);

		assert_true(id < 256);
		assert_false(seen[id]);
		seen[id] = true;
	}
	assert_int_equal(rig.ops->space_create(rig.unit, 0, &extra, &rig.err), -ENOSPC);
	assert_non_null(strstr(rig.err.text, "identifiers"));
	assert_null(extra);
	srig_set(&rig, SRIG_STREAM, DRV_SILENT, NULL);
	rig.ops->space_destroy(spaces[100]);
	rig.ops->completed(rig.unit);
	assert_int_equal(rig.ops->space_create(rig.unit, 0, &extra, &rig.err), 0);
	srig_fini(&rig);
}

static void space_identifiers_are_unique_and_run_out_politely(void **state)
{
	(void)state;
	exhaustion(HW_FAKE_IDR0_S1);
	exhaustion(HW_FAKE_IDR0_BOTH);
}

static void reuse(uint32_t idr0, uint8_t opcode)
{
	struct drv_space *spaces[254], *extra = NULL;
	struct srig rig;
	uint16_t id;
	unsigned i;

	start_small(&rig, idr0);
	for (i = 0; i < 254; i++)
		spaces[i] = srig_space(&rig);
	id = id_of(&rig, spaces[7]);
	srig_set(&rig, SRIG_STREAM, DRV_SILENT, NULL);
	hw_fake_log(&rig.fake);
	rig.fake.is_stopped = true;
	rig.ops->space_destroy(spaces[7]);
	/* The invalidation is asked for but not done: the number stays taken. */
	assert_int_equal(rig.ops->space_create(rig.unit, 0, &extra, &rig.err), -ENOSPC);
	rig.ops->completed(rig.unit);
	assert_int_equal(rig.ops->space_create(rig.unit, 0, &extra, &rig.err), -ENOSPC);
	rig.fake.is_stopped = false;
	hw_fake_consume(&rig.fake, UINT64_MAX);
	assert_int_equal(rig.fake.by_opcode[opcode], 1);
	rig.ops->completed(rig.unit);
	assert_int_equal(rig.ops->space_create(rig.unit, 0, &extra, &rig.err), 0);
	assert_int_equal(id_of(&rig, extra), id);
	srig_fini(&rig);
}

static void space_identifier_is_reused_only_after_its_invalidation(void **state)
{
	(void)state;
	reuse(HW_FAKE_IDR0_S1, 0x11);
	reuse(HW_FAKE_IDR0_BOTH, 0x28);
}

static void space_destroy_gives_every_page_back(void **state)
{
	struct drv_space *space;
	uint32_t before;
	struct srig rig;
	uint64_t pages;

	(void)state;
	srig_start(&rig, HW_FAKE_IDR0_BOTH);
	before = pages_free_count(&rig.fake.pages);
	pages = rig.unit->counts.table_pages;
	space = srig_space(&rig);
	srig_map(&rig, space, 0x1000, 0x1000);
	srig_map(&rig, space, UINT64_C(1) << 40, 0x5000);
	assert_int_equal(rig.unit->counts.table_pages, pages + space->table_pages);
	rig.ops->space_destroy(space);
	rig.ops->completed(rig.unit);
	assert_int_equal(pages_free_count(&rig.fake.pages), before);
	assert_int_equal(rig.unit->counts.table_pages, pages);
	srig_fini(&rig);
}

static void space_create_without_memory_gives_its_identifier_back(void **state)
{
	struct drv_space *space = NULL;
	struct srig rig;
	unsigned i;

	(void)state;
	start_small(&rig, HW_FAKE_IDR0_BOTH);
	while (pages_take(&rig.fake.pages))
		;
	for (i = 0; i < 1000; i++)
		assert_int_equal(rig.ops->space_create(rig.unit, 0, &space, &rig.err), -ENOMEM);
	assert_null(space);
	srig_fini(&rig);
}

static void space_page_limit_is_kept(void **state)
{
	const struct extent extent = { PA(SRIG_MEMORY), 0x1000 };
	const struct drv_part part = { &extent, 1, 0, 0x1000, -1, false };
	struct drv_space *space;
	struct srig rig;

	(void)state;
	srig_start(&rig, HW_FAKE_IDR0_BOTH);
	assert_int_equal(rig.ops->space_create(rig.unit, 4, &space, &rig.err), 0);
	assert_int_equal(rig.ops->map(space, IOVA(0), &part, RIGHT_READ, &rig.err), 0);
	assert_int_equal(rig.ops->map(space, IOVA(UINT64_C(1) << 39), &part, RIGHT_READ, &rig.err),
			 -EDQUOT);
	assert_int_equal(space->table_pages, 4);
	srig_fini(&rig);
}

static void space_rights_reach_the_table(uint32_t idr0)
{
	const struct extent extent = { PA(SRIG_MEMORY), 0x1000 };
	const struct drv_part part = { &extent, 1, 0, 0x1000, -1, false };
	struct drv_gather gather = { 0 };
	struct drv_space *space;
	struct drv_walk walk;
	struct srig rig;
	uint64_t pa;
	int ret;

	srig_start(&rig, idr0);
	space = srig_space(&rig);
	assert_int_equal(rig.ops->map(space, IOVA(0x1000), &part, RIGHT_READ, &rig.err), 0);
	srig_map(&rig, space, 0x2000, 0x1000);
	ret = rig.ops->map(space, IOVA(0x3000), &part, RIGHT_WRITE, &rig.err);
	assert_int_equal(ret, rig.unit->caps.write_only ? 0 : -EOPNOTSUPP);
	srig_set(&rig, SRIG_STREAM, DRV_BOUND, space);
	assert_true(oracle_access(&rig.fake, SRIG_STREAM, 0x1008, false, &pa));
	assert_int_equal(pa, SRIG_MEMORY + 8);
	assert_false(oracle_access(&rig.fake, SRIG_STREAM, 0x1008, true, &pa));
	assert_true(oracle_access(&rig.fake, SRIG_STREAM, 0x2008, true, &pa));
	if (rig.unit->caps.write_only) {
		assert_true(oracle_access(&rig.fake, SRIG_STREAM, 0x3000, true, &pa));
		assert_false(oracle_access(&rig.fake, SRIG_STREAM, 0x3000, false, &pa));
	}
	rig.ops->walk(space, IOVA(0x2010), &walk);
	assert_true(walk.is_mapped);
	assert_int_equal(walk.pa, SRIG_MEMORY + 0x10);
	rig.ops->unmap(space, IOVA(0x2000), 0x1000, &gather);
	assert_false(oracle_access(&rig.fake, SRIG_STREAM, 0x2008, true, &pa));
	srig_wait(&rig, rig.ops->submit(rig.unit, &gather));
	srig_fini(&rig);
}

static void space_rights_reach_the_table_on_both_stages(void **state)
{
	(void)state;
	space_rights_reach_the_table(HW_FAKE_IDR0_S1);
	space_rights_reach_the_table(HW_FAKE_IDR0_BOTH);
}

/* A stream that leaves takes the space's translations with it, posted writes too. */
static void space_left_is_invalidated_with_the_same_sync(void **state)
{
	struct drv_gather gather = { 0 };
	struct drv_space *space;
	struct srig rig;

	(void)state;
	srig_start(&rig, HW_FAKE_IDR0_S1);
	space = srig_space(&rig);
	srig_set(&rig, SRIG_STREAM, DRV_BOUND, space);
	hw_fake_log(&rig.fake);
	rig.ops->set_stream(rig.unit, SRIG_STREAM, DRV_DENY, NULL, &gather, &rig.err);
	rig.ops->submit(rig.unit, &gather);
	assert_int_equal(rig.fake.commands, 3);
	assert_int_equal(rig.fake.log[0].word[0] & 0xff, 0x03);
	assert_int_equal(rig.fake.log[1].word[0] & 0xff, 0x11);
	assert_int_equal(rig.fake.log[2].word[0] & 0xff, 0x46);
	srig_fini(&rig);
}

static void space_destroyed_on_closed_unit_keeps_its_tables(void **state)
{
	struct drv_space *space;
	uint32_t before;
	struct srig rig;

	(void)state;
	srig_start(&rig, HW_FAKE_IDR0_BOTH);
	space = srig_space(&rig);
	before = pages_free_count(&rig.fake.pages);
	rig.ops->close(rig.unit);
	rig.ops->space_destroy(space);
	rig.ops->completed(rig.unit);
	assert_int_equal(pages_free_count(&rig.fake.pages), before);
	srig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(space_identifiers_are_unique_and_run_out_politely),
		cmocka_unit_test(space_identifier_is_reused_only_after_its_invalidation),
		cmocka_unit_test(space_destroy_gives_every_page_back),
		cmocka_unit_test(space_create_without_memory_gives_its_identifier_back),
		cmocka_unit_test(space_page_limit_is_kept),
		cmocka_unit_test(space_rights_reach_the_table_on_both_stages),
		cmocka_unit_test(space_left_is_invalidated_with_the_same_sync),
		cmocka_unit_test(space_destroyed_on_closed_unit_keeps_its_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
