// SPDX-License-Identifier: BSD-2-Clause
/* What a batch of unmaps costs in commands, and that it covers what was unmapped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bits.h"
#include "srig.h"

#define IDR3_WITHOUT_RIL 0x1014u

static void start(struct srig *rig, uint32_t idr0, bool has_ril)
{
	srig_init(rig);
	hw_fake_set(&rig->fake, FAKE_IDR0, 4, idr0);
	if (!has_ril)
		hw_fake_set(&rig->fake, FAKE_IDR3, 4, IDR3_WITHOUT_RIL);
	srig_probe(rig);
	srig_takeover(rig, NULL, 0);
	hw_fake_log(&rig->fake);
}

/* The first page past what one command covers. */
static uint64_t covered_end(const struct hw_fake_command *command)
{
	uint64_t start = command->word[1] & ~UINT64_C(0xfff);
	uint64_t pages = 1;

	if (command->word[1] >> 10 & 3)
		pages = ((command->word[0] >> 12 & 31) + 1) << (command->word[0] >> 20 & 31);
	return start + (pages << 12);
}

/* One range of count pages gathered by hand: maps of any size look alike. */
static void gather_pages(struct srig *rig, struct drv_space *space, uint64_t iova, uint64_t count)
{
	struct drv_gather gather = { 0 };

	drv_gather_range(&gather, space, iova, count << 12);
	hw_fake_log(&rig->fake);
	srig_wait(rig, rig->ops->submit(rig->unit, &gather));
	assert_true(drv_gather_is_empty(&gather));
}

static void ranges(uint32_t idr0, uint8_t opcode, unsigned id_low)
{
	static const uint64_t counts[] = { 1, 2, 3, 31, 32, 33, 64, 65, 511, 512, 513, 1023, 4097,
					   262143, 262144, 262145, UINT64_C(1) << 30 };
	struct drv_space *space;
	struct srig rig;
	unsigned i;

	start(&rig, idr0, true);
	space = srig_space(&rig);
	for (i = 0; i < ARRAY_COUNT(counts); i++) {
		const struct hw_fake_command *command;
		uint64_t end = 0x7000 + (counts[i] << 12);

		gather_pages(&rig, space, 0x7000, counts[i]);
		/* P9: exactly one range command and one sync. */
		assert_int_equal(rig.fake.commands, 2);
		assert_int_equal(rig.fake.by_opcode[opcode], 1);
		assert_int_equal(rig.fake.syncs, 1);
		command = &rig.fake.log[0];
		assert_int_equal(command->word[1] & ~UINT64_C(0xfff), 0x7000);
		assert_int_equal(command->word[1] & 1, 1); /* leaf: no table was freed */
		assert_int_equal(command->word[1] >> 8 & 3, 0);
		assert_int_equal((command->word[1] >> 10 & 3) != 0, counts[i] != 1);
		assert_int_not_equal(command->word[0] >> id_low & 0xffff, 0);
		assert_true(covered_end(command) >= end);
		/* Over-covers by less than one part in 32. */
		assert_true(covered_end(command) - end <= (counts[i] << 12) / 16);
	}
	srig_fini(&rig);
}

static void invalidate_adjacent_pages_take_one_range_and_one_sync(void **state)
{
	(void)state;
	ranges(HW_FAKE_IDR0_S1, 0x12, 48);
	ranges(HW_FAKE_IDR0_BOTH, 0x2a, 32);
}

/* P9 through map and unmap, page by page. */
static void invalidate_batch_of_512_unmaps_takes_one_range_and_one_sync(void **state)
{
	struct drv_gather gather = { 0 };
	struct drv_space *space;
	struct srig rig;
	uint64_t i;

	(void)state;
	start(&rig, HW_FAKE_IDR0_BOTH, true);
	space = srig_space(&rig);
	for (i = 0; i < 512; i++)
		srig_map(&rig, space, 0x200000 + (i << 12), 0x1000);
	hw_fake_log(&rig.fake);
	for (i = 0; i < 512; i++)
		rig.ops->unmap(space, IOVA(0x200000 + (i << 12)), 0x1000, &gather);
	srig_wait(&rig, rig.ops->submit(rig.unit, &gather));
	assert_int_equal(rig.fake.by_opcode[0x2a], 1);
	assert_int_equal(rig.fake.commands, 2);
	/* A table page was freed: cached table entries must go as well. */
	assert_int_equal(rig.fake.log[0].word[1] & 1, 0);
	srig_fini(&rig);
}

/* P10: any number of scattered pages, one sync. */
static void invalidate_scattered_unmaps_take_one_sync(void **state)
{
	struct drv_gather gather = { 0 };
	struct drv_space *space;
	struct srig rig;
	uint64_t i;

	(void)state;
	start(&rig, HW_FAKE_IDR0_BOTH, true);
	space = srig_space(&rig);
	for (i = 0; i < 256; i++)
		srig_map(&rig, space, i << 16, 0x1000);
	hw_fake_log(&rig.fake);
	for (i = 0; i < 256; i++)
		rig.ops->unmap(space, IOVA(i << 16), 0x1000, &gather);
	srig_wait(&rig, rig.ops->submit(rig.unit, &gather));
	assert_int_equal(rig.fake.syncs, 1);
	assert_int_equal(rig.fake.by_opcode[0x28], 1);
	assert_int_equal(rig.fake.commands, 2);
	srig_fini(&rig);
}

static void invalidate_without_ranges_goes_page_by_page_up_to_a_limit(void **state)
{
	struct drv_space *space;
	struct srig rig;

	(void)state;
	start(&rig, HW_FAKE_IDR0_S1, false);
	space = srig_space(&rig);
	gather_pages(&rig, space, 0x1000, 32);
	assert_int_equal(rig.fake.by_opcode[0x12], 32);
	assert_int_equal(rig.fake.log[31].word[1] & ~UINT64_C(0xfff), 0x1000 + (31 << 12));
	gather_pages(&rig, space, 0x1000, 33);
	assert_int_equal(rig.fake.by_opcode[0x12], 0);
	assert_int_equal(rig.fake.by_opcode[0x11], 1);
	assert_int_equal(rig.fake.syncs, 1);
	gather_pages(&rig, space, 0, 262144);
	assert_int_equal(rig.fake.commands, 2);
	srig_fini(&rig);
}

static void invalidate_empty_gather_gets_newest_ticket(void **state)
{
	struct drv_gather gather = { 0 };
	struct drv_space *space;
	struct srig rig;
	uint64_t ticket;

	(void)state;
	start(&rig, HW_FAKE_IDR0_BOTH, true);
	space = srig_space(&rig);
	drv_gather_range(&gather, space, 0, 0x1000);
	ticket = rig.ops->submit(rig.unit, &gather);
	hw_fake_log(&rig.fake);
	assert_int_equal(rig.ops->submit(rig.unit, &gather), ticket);
	assert_int_equal(rig.fake.writes, 0);
	drv_gather_range(&gather, space, 0, 0x1000);
	assert_int_equal(rig.ops->submit(rig.unit, &gather), ticket + 1);
	srig_fini(&rig);
}

static void invalidate_completed_reads_one_register(void **state)
{
	struct drv_gather gather = { 0 };
	struct srig rig;

	(void)state;
	start(&rig, HW_FAKE_IDR0_BOTH, true);
	drv_gather_range(&gather, srig_space(&rig), 0, 0x1000);
	rig.ops->submit(rig.unit, &gather);
	hw_fake_log(&rig.fake);
	rig.ops->completed(rig.unit);
	assert_int_equal(rig.fake.reads, 1);
	assert_int_equal(rig.fake.writes, 0);
	srig_fini(&rig);
}

/* Table pages come back only after the ticket, not at the unmap. */
static void invalidate_freed_tables_wait_for_their_ticket(void **state)
{
	struct drv_gather gather = { 0 };
	struct drv_space *space;
	uint32_t before, mapped;
	struct srig rig;
	uint64_t ticket;

	(void)state;
	start(&rig, HW_FAKE_IDR0_BOTH, true);
	space = srig_space(&rig);
	before = pages_free_count(&rig.fake.pages);
	srig_map(&rig, space, 0x40000000, 0x1000);
	mapped = pages_free_count(&rig.fake.pages);
	assert_true(mapped < before);
	rig.fake.is_stopped = true;
	rig.ops->unmap(space, IOVA(0x40000000), 0x1000, &gather);
	assert_int_not_equal(gather.freed_chain, 0);
	ticket = rig.ops->submit(rig.unit, &gather);
	assert_true(rig.ops->completed(rig.unit) < ticket);
	assert_int_equal(pages_free_count(&rig.fake.pages), mapped);
	hw_fake_consume(&rig.fake, UINT64_MAX);
	assert_int_equal(rig.ops->completed(rig.unit), ticket);
	assert_int_equal(pages_free_count(&rig.fake.pages), before);
	srig_fini(&rig);
}

static void invalidate_many_chains_are_reaped_in_order(void **state)
{
	struct drv_space *space;
	uint32_t before;
	struct srig rig;
	unsigned i;

	(void)state;
	start(&rig, HW_FAKE_IDR0_BOTH, true);
	space = srig_space(&rig);
	before = pages_free_count(&rig.fake.pages);
	for (i = 0; i < 20; i++)
		srig_map(&rig, space, (uint64_t)i << 30, 0x1000);
	rig.fake.is_stopped = true;
	for (i = 0; i < 20; i++) {
		struct drv_gather gather = { 0 };

		rig.ops->unmap(space, IOVA((uint64_t)i << 30), 0x1000, &gather);
		rig.ops->submit(rig.unit, &gather);
	}
	for (i = 0; i < 20; i++) {
		uint32_t now = pages_free_count(&rig.fake.pages);

		hw_fake_consume(&rig.fake, 2);
		rig.ops->completed(rig.unit);
		assert_true(pages_free_count(&rig.fake.pages) > now);
	}
	assert_int_equal(pages_free_count(&rig.fake.pages), before);
	srig_fini(&rig);
}

static void invalidate_closed_unit_keeps_freed_tables(void **state)
{
	struct drv_gather gather = { 0 };
	struct drv_space *space;
	struct srig rig;
	uint32_t mapped;

	(void)state;
	start(&rig, HW_FAKE_IDR0_BOTH, true);
	space = srig_space(&rig);
	srig_map(&rig, space, 0x40000000, 0x1000);
	mapped = pages_free_count(&rig.fake.pages);
	rig.ops->close(rig.unit);
	rig.ops->unmap(space, IOVA(0x40000000), 0x1000, &gather);
	assert_true(rig.ops->submit(rig.unit, &gather) == UINT64_MAX);
	assert_true(rig.ops->completed(rig.unit) < UINT64_MAX);
	assert_int_equal(pages_free_count(&rig.fake.pages), mapped);
	/* An empty one is not complete either. */
	assert_true(rig.ops->submit(rig.unit, &gather) == UINT64_MAX);
	srig_fini(&rig);
}

static void invalidate_stopped_queue_closes_the_unit_after_its_deadline(void **state)
{
	struct drv_gather gather = { 0 };
	struct srig rig;
	uint64_t ticket;

	(void)state;
	start(&rig, HW_FAKE_IDR0_BOTH, true);
	rig.fake.is_stopped = true;
	drv_gather_range(&gather, srig_space(&rig), 0, 0x1000);
	ticket = rig.ops->submit(rig.unit, &gather);
	assert_true(rig.ops->completed(rig.unit) < ticket);
	rig.fake.clock_ns += UINT64_C(1100000000);
	assert_true(rig.ops->completed(rig.unit) < ticket);
	assert_true(rig.unit->is_closed);
	assert_int_equal(oracle_stream(&rig.fake, SRIG_STREAM).verdict, ORACLE_SILENT);
	/* Never completed, whatever the queue does later. */
	rig.fake.is_stopped = false;
	hw_fake_consume(&rig.fake, UINT64_MAX);
	assert_true(rig.ops->completed(rig.unit) < ticket);
	srig_fini(&rig);
}

static void invalidate_queue_abort_closes_the_unit(void **state)
{
	struct drv_gather gather = { 0 };
	struct srig rig;
	uint64_t ticket;

	(void)state;
	start(&rig, HW_FAKE_IDR0_BOTH, true);
	rig.fake.error_at = 1;
	rig.fake.error_code = 2;
	drv_gather_range(&gather, srig_space(&rig), 0, 0x1000);
	ticket = rig.ops->submit(rig.unit, &gather);
	assert_true(rig.ops->completed(rig.unit) < ticket);
	assert_true(rig.unit->is_closed);
	assert_int_equal(hw_fake_get(&rig.fake, FAKE_CR0, 4) & 1, 0);
	srig_fini(&rig);
}

static void invalidate_gone_unit_never_completes(void **state)
{
	struct drv_gather gather = { 0 };
	struct drv_space *space;
	struct srig rig;
	uint64_t ticket;

	(void)state;
	start(&rig, HW_FAKE_IDR0_BOTH, true);
	space = srig_space(&rig);
	drv_gather_range(&gather, space, 0, 0x1000);
	ticket = rig.ops->submit(rig.unit, &gather);
	rig.fake.is_gone = true;
	assert_true(rig.ops->completed(rig.unit) < ticket);
	assert_true(rig.unit->is_closed);
	assert_true(rig.ops->set_stream(rig.unit, 1, DRV_BOUND, space, &gather, &rig.err) < 0);
	srig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(invalidate_adjacent_pages_take_one_range_and_one_sync),
		cmocka_unit_test(invalidate_batch_of_512_unmaps_takes_one_range_and_one_sync),
		cmocka_unit_test(invalidate_scattered_unmaps_take_one_sync),
		cmocka_unit_test(invalidate_without_ranges_goes_page_by_page_up_to_a_limit),
		cmocka_unit_test(invalidate_empty_gather_gets_newest_ticket),
		cmocka_unit_test(invalidate_completed_reads_one_register),
		cmocka_unit_test(invalidate_freed_tables_wait_for_their_ticket),
		cmocka_unit_test(invalidate_many_chains_are_reaped_in_order),
		cmocka_unit_test(invalidate_closed_unit_keeps_freed_tables),
		cmocka_unit_test(invalidate_stopped_queue_closes_the_unit_after_its_deadline),
		cmocka_unit_test(invalidate_queue_abort_closes_the_unit),
		cmocka_unit_test(invalidate_gone_unit_never_completes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
