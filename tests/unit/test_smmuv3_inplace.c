// SPDX-License-Identifier: BSD-2-Clause
/* A unit that ignores SMMU_GBPA: once enabled it is never disabled again. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "record.h"
#include "srig.h"

static void start(struct srig *rig)
{
	const struct drv_stream_init init = { SRIG_STREAM, DRV_DENY, NULL };

	srig_init(rig);
	hw_fake_set(&rig->fake, FAKE_IDR0, 4, HW_FAKE_IDR0_S1);
	hw_fake_set(&rig->fake, FAKE_GBPA, 4, 0);
	rig->fake.mute = FAKE_NO_GBPA;
	srig_probe(rig);
	srig_takeover(rig, &init, 1);
}

/* A new process: the arena's notes are gone, its contents and the unit are not. */
static void be_another_process(struct srig *rig)
{
	rig->ops->forget(rig->unit);
	pages_fini(&rig->fake.pages);
	assert_int_equal(pages_init(&rig->fake.pages, rig->fake.memory, PA(HW_FAKE_PA),
				    rig->fake.bytes), 0);
	srig_probe(rig);
}

static bool is_open(const struct hw_fake *fake, uint32_t stream)
{
	uint64_t pa;

	return oracle_access(fake, stream, 0x1000, true, &pa);
}

static void stays_closed(void *context, struct hw_fake *fake, uint32_t offset)
{
	(void)offset;
	assert_int_equal(hw_fake_get(fake, FAKE_CR0, 4) & 1, 1);
	if (*(const bool *)context)
		assert_false(is_open(fake, SRIG_STREAM));
}

static void before_store(void *context, uint64_t *where, uint64_t value)
{
	(void)where;
	(void)value;
	stays_closed(((struct hw_fake *)context)->context, context, 0);
}

static void inplace_unit_from_reset_is_taken_over(void **state)
{
	struct srig rig;

	(void)state;
	start(&rig);
	assert_int_equal(oracle_stream(&rig.fake, SRIG_STREAM).verdict, ORACLE_TABLE);
	assert_int_equal(oracle_stream(&rig.fake, 9).verdict, ORACLE_RECORDED);
	assert_int_equal(rig.ops->audit(rig.unit, &rig.err), 0);
	srig_fini(&rig);
}

static void inplace_close_shuts_every_entry_and_drops_caches(void **state)
{
	struct drv_space *space;
	struct srig rig;

	(void)state;
	start(&rig);
	space = srig_space(&rig);
	srig_map(&rig, space, 0x1000, 0x1000);
	srig_set(&rig, SRIG_STREAM, DRV_BOUND, space);
	assert_true(is_open(&rig.fake, SRIG_STREAM));
	hw_fake_log(&rig.fake);
	rig.ops->close(rig.unit);
	assert_false(is_open(&rig.fake, SRIG_STREAM));
	assert_int_equal(hw_fake_get(&rig.fake, FAKE_CR0, 4) & 1, 1);
	assert_int_equal(rig.fake.by_opcode[0x04], 1);
	assert_int_equal(rig.fake.by_opcode[0x30], 1);
	assert_int_equal(rig.fake.syncs, 1);
	assert_int_equal(hw_fake_find_write(&rig.fake, FAKE_CR0, 1, 0, 0), UINT64_MAX);
	srig_fini(&rig);
}

static void inplace_next_process_takes_over_without_opening(void **state)
{
	const struct drv_stream_init init = { SRIG_STREAM, DRV_DENY, NULL };
	struct drv_space *space;
	bool is_shut = false;
	struct srig rig;

	(void)state;
	start(&rig);
	space = srig_space(&rig);
	srig_map(&rig, space, 0x1000, 0x1000);
	srig_set(&rig, SRIG_STREAM, DRV_BOUND, space);
	be_another_process(&rig);
	assert_int_equal(rig.ops->space_create(rig.unit, 0, &space, &rig.err), -EBUSY);
	rig.fake.after_write = stays_closed;
	rig.fake.context = &is_shut;
	record_set_hook(before_store, &rig.fake);
	rig.ops->close(rig.unit);
	is_shut = true;
	srig_takeover(&rig, &init, 1);
	record_set_hook(NULL, NULL);
	rig.fake.after_write = NULL;
	assert_int_equal(oracle_stream(&rig.fake, SRIG_STREAM).verdict, ORACLE_TABLE);
	assert_false(is_open(&rig.fake, SRIG_STREAM));
	space = srig_space(&rig);
	srig_map(&rig, space, 0x1000, 0x1000);
	srig_set(&rig, SRIG_STREAM, DRV_BOUND, space);
	assert_true(is_open(&rig.fake, SRIG_STREAM));
	assert_int_equal(rig.ops->audit(rig.unit, &rig.err), 0);
	srig_fini(&rig);
}

static void inplace_same_process_takes_over_again(void **state)
{
	const struct drv_stream_init init = { SRIG_STREAM, DRV_SILENT, NULL };
	struct srig rig;

	(void)state;
	start(&rig);
	rig.ops->close(rig.unit);
	srig_takeover(&rig, &init, 1);
	assert_int_equal(oracle_stream(&rig.fake, SRIG_STREAM).verdict, ORACLE_SILENT);
	assert_int_equal(hw_fake_get(&rig.fake, FAKE_CR0, 4), 0xd);
	srig_fini(&rig);
}

static void refused(struct srig *rig, int code, const char *says)
{
	rig->ops->forget(rig->unit);
	srig_probe(rig);
	record_start();
	assert_int_equal(rig->ops->takeover(rig->unit, NULL, 0, &rig->err), code);
	record_stop();
	assert_non_null(strstr(rig->err.text, says));
	assert_true(rig->unit->is_closed);
	assert_int_equal(hw_fake_get(&rig->fake, FAKE_CR0, 4) & 1, 1);
	assert_false(is_open(&rig->fake, SRIG_STREAM));
}

static void inplace_other_layout_is_refused_closed(void **state)
{
	struct srig rig;

	(void)state;
	start(&rig);
	rig.options.table = DRV_TABLE_LINEAR;
	refused(&rig, -EBUSY, "other options");
	srig_fini(&rig);

	start(&rig);
	rig.options.event_log2 = 5;
	refused(&rig, -EBUSY, "other options");
	srig_fini(&rig);
}

/* Somebody else's table: we can neither close it in place nor disable it. */
static void inplace_foreign_table_is_refused_and_left_alone(void **state)
{
	struct srig rig;

	(void)state;
	start(&rig);
	hw_fake_set(&rig.fake, FAKE_STRTAB_BASE, 8, UINT64_C(0x90000000));
	refused(&rig, -EOPNOTSUPP, "reset the machine");
	assert_int_equal(record_store_count(), 0);
	srig_fini(&rig);
}

static void inplace_lying_sizes_are_refused(void **state)
{
	static const uint32_t cfgs[] = { 63, 16 | 20u << 6 | 1u << 16, 40 | 8u << 6 | 1u << 16 };
	struct srig rig;
	unsigned i;

	(void)state;
	for (i = 0; i < 3; i++) {
		start(&rig);
		hw_fake_set(&rig.fake, FAKE_STRTAB_CFG, 4, cfgs[i]);
		refused(&rig, -EOPNOTSUPP, "stream table");
		assert_int_equal(record_store_count(), 0);
		srig_fini(&rig);
	}
	start(&rig);
	hw_fake_set(&rig.fake, FAKE_CMDQ_BASE, 8, hw_fake_get(&rig.fake, FAKE_CMDQ_BASE, 8) | 31);
	refused(&rig, -EOPNOTSUPP, "command queue");
	srig_fini(&rig);
}

static void inplace_stopped_queue_names_the_register(void **state)
{
	struct srig rig;

	(void)state;
	start(&rig);
	rig.fake.is_stopped = true;
	refused(&rig, -ETIMEDOUT, "SMMU_CMDQ_CONS");
	srig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inplace_unit_from_reset_is_taken_over),
		cmocka_unit_test(inplace_close_shuts_every_entry_and_drops_caches),
		cmocka_unit_test(inplace_next_process_takes_over_without_opening),
		cmocka_unit_test(inplace_same_process_takes_over_again),
		cmocka_unit_test(inplace_other_layout_is_refused_closed),
		cmocka_unit_test(inplace_foreign_table_is_refused_and_left_alone),
		cmocka_unit_test(inplace_lying_sizes_are_refused),
		cmocka_unit_test(inplace_stopped_queue_names_the_register),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
