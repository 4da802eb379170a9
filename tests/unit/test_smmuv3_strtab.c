// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "record.h"
#include "srig.h"

static void start(struct srig *rig, enum drv_table table, uint32_t sid_bits)
{
	srig_init(rig);
	hw_fake_set(&rig->fake, FAKE_IDR1, 4, 0x02730000 | sid_bits);
	rig->options.table = table;
	srig_probe(rig);
}

static void strtab_linear_has_an_entry_for_every_stream(void **state)
{
	static const uint32_t bits[] = { 0, 3, 8, 9, 12 };
	struct drv_space *space;
	uint64_t base, pa;
	struct srig rig;
	uint32_t last;
	unsigned i;

	(void)state;
	for (i = 0; i < 5; i++) {
		start(&rig, DRV_TABLE_LINEAR, bits[i]);
		srig_takeover(&rig, NULL, 0);
		last = (1u << bits[i]) - 1;
		assert_int_equal(hw_fake_get(&rig.fake, FAKE_STRTAB_CFG, 4), bits[i]);
		base = hw_fake_get(&rig.fake, FAKE_STRTAB_BASE, 8) & 0xfffffffffffc0;
		assert_int_equal(base & ((64ull << bits[i]) - 1), 0);
		space = srig_space(&rig);
		srig_map(&rig, space, 0, 0x1000);
		srig_set(&rig, last, DRV_BOUND, space);
		assert_true(oracle_access(&rig.fake, last, 0, true, &pa));
		if (last)
			assert_int_equal(oracle_stream(&rig.fake, 0).verdict, ORACLE_RECORDED);
		assert_int_equal(rig.ops->audit(rig.unit, &rig.err), 0);
		srig_fini(&rig);
	}
}

static void strtab_two_level_makes_tables_as_needed(void **state)
{
	const struct drv_stream_init init = { 0x108, DRV_DENY, NULL };
	struct drv_space *space;
	struct srig rig;
	uint64_t pages;

	(void)state;
	start(&rig, DRV_TABLE_TWO_LEVEL, 16);
	srig_takeover(&rig, &init, 1);
	assert_int_equal(oracle_stream(&rig.fake, 0x108).verdict, ORACLE_TABLE);
	assert_int_equal(oracle_stream(&rig.fake, 0x109).verdict, ORACLE_RECORDED);
	assert_int_equal(oracle_stream(&rig.fake, 0x208).verdict, ORACLE_RECORDED);
	pages = rig.unit->counts.table_pages;
	space = srig_space(&rig);
	srig_set(&rig, 0x208, DRV_BOUND, space);
	assert_int_equal(oracle_stream(&rig.fake, 0x208).verdict, ORACLE_TABLE);
	assert_int_equal(rig.unit->counts.table_pages, pages + space->table_pages + 4);
	assert_int_equal(rig.ops->audit(rig.unit, &rig.err), 0);
	srig_fini(&rig);
}

/* Filled before it is reachable; its first CFGI_STE reaches level 1 too. */
static void strtab_level_two_is_filled_before_its_descriptor(void **state)
{
	struct drv_gather gather = { 0 };
	struct drv_space *space;
	uint64_t *l1, *entries, table;
	struct srig rig;
	size_t at, i;

	(void)state;
	start(&rig, DRV_TABLE_TWO_LEVEL, 16);
	srig_takeover(&rig, NULL, 0);
	space = srig_space(&rig);
	table = hw_fake_get(&rig.fake, FAKE_STRTAB_BASE, 8) & 0xfffffffffffc0;
	l1 = hw_fake_memory(&rig.fake, table + 8 * 3, 8);
	hw_fake_log(&rig.fake);
	record_start();
	rig.ops->set_stream(rig.unit, 0x310, DRV_BOUND, space, &gather, &rig.err);
	record_stop();
	at = record_find(l1, 0);
	assert_true(at != SIZE_MAX);
	entries = hw_fake_memory(&rig.fake, record_at(at)->value & 0xfffffffffffc0, 64 * 256);
	assert_int_equal(record_at(at)->value & 31, 9);
	for (i = 0; i < at; i++) /* only words that mean nothing by themselves */
		if (record_at(i)->where)
			assert_int_not_equal((record_at(i)->where - entries) % 8, 0);
	assert_true(record_has_barrier(0, at));
	srig_wait(&rig, rig.ops->submit(rig.unit, &gather));
	assert_int_equal(rig.fake.log[0].word[0] & 0xff, 0x03);
	assert_int_equal(rig.fake.log[0].word[1] & 1, 0);
	srig_fini(&rig);
}

static void strtab_stream_out_of_range_is_enodev(void **state)
{
	struct drv_gather gather = { 0 };
	struct drv_space *space;
	struct srig rig;

	(void)state;
	start(&rig, DRV_TABLE_TWO_LEVEL, 16);
	srig_takeover(&rig, NULL, 0);
	space = srig_space(&rig);
	assert_int_equal(rig.ops->set_stream(rig.unit, 0x10000, DRV_BOUND, space, &gather, &rig.err),
			 -ENODEV);
	assert_non_null(strstr(rig.err.text, "0x10000"));
	assert_int_equal(rig.ops->set_stream(rig.unit, UINT32_MAX, DRV_BOUND, space, &gather,
					     &rig.err), -ENODEV);
	/* Closing what cannot be open cannot fail. */
	assert_int_equal(rig.ops->set_stream(rig.unit, UINT32_MAX, DRV_DENY, NULL, &gather, &rig.err), 0);
	assert_int_equal(rig.ops->set_stream(rig.unit, 0x4321, DRV_SILENT, NULL, &gather, &rig.err), 0);
	assert_true(drv_gather_is_empty(&gather));
	srig_fini(&rig);
}

static void strtab_without_memory_refuses_bind_and_changes_nothing(void **state)
{
	struct drv_gather gather = { 0 };
	struct drv_space *space;
	struct srig rig;

	(void)state;
	start(&rig, DRV_TABLE_TWO_LEVEL, 16);
	srig_takeover(&rig, NULL, 0);
	space = srig_space(&rig);
	while (pages_take(&rig.fake.pages))
		;
	assert_int_equal(rig.ops->set_stream(rig.unit, 0x310, DRV_BOUND, space, &gather, &rig.err),
			 -ENOMEM);
	assert_int_equal(oracle_stream(&rig.fake, 0x310).verdict, ORACLE_RECORDED);
	assert_true(drv_gather_is_empty(&gather));
	/* Closing takes no memory. */
	assert_int_equal(rig.ops->set_stream(rig.unit, 0x310, DRV_DENY, NULL, &gather, &rig.err), 0);
	srig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strtab_linear_has_an_entry_for_every_stream),
		cmocka_unit_test(strtab_two_level_makes_tables_as_needed),
		cmocka_unit_test(strtab_level_two_is_filled_before_its_descriptor),
		cmocka_unit_test(strtab_stream_out_of_range_is_enodev),
		cmocka_unit_test(strtab_without_memory_refuses_bind_and_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
