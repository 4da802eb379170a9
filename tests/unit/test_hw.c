// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hw_fake.h"
#include "record.h"

#define REG 0x120u

struct bench {
	struct hw_fake fake;
	struct hw_regs regs;
	struct error err;
};

static int setup(void **state)
{
	static struct bench bench;

	memset(&bench, 0, sizeof(bench));
	assert_int_equal(hw_fake_init(&bench.fake, 1 << 16), 0);
	bench.regs = (struct hw_regs){ &bench.fake.hw, HW_FAKE_BASE, HW_FAKE_SIZE };
	*state = &bench;
	return 0;
}

static int teardown(void **state)
{
	hw_fake_fini(&((struct bench *)*state)->fake);
	return 0;
}

static void hw_register_access_has_its_size_and_place(void **state)
{
	struct bench *bench = *state;

	hw_fake_log(&bench->fake);
	hw_write64(&bench->regs, REG, UINT64_C(0x1122334455667788));
	assert_int_equal(hw_read32(&bench->regs, REG), 0x55667788);
	assert_int_equal(hw_read32(&bench->regs, REG + 4), 0x11223344);
	hw_write32(&bench->regs, REG + 4, 1);
	assert_true(hw_read64(&bench->regs, REG) == UINT64_C(0x155667788));
	assert_int_equal(bench->fake.access_count, 5);
	assert_int_equal(bench->fake.accesses[0].size, 8);
	assert_int_equal(bench->fake.accesses[1].size, 4);
}

static void hw_small_register_access_is_one_of_its_own_size(void **state)
{
	struct bench *bench = *state;

	hw_fake_set(&bench->fake, REG, 4, 0x11223344);
	hw_fake_log(&bench->fake);
	assert_int_equal(hw_read8(&bench->regs, REG + 1), 0x33);
	assert_int_equal(hw_read16(&bench->regs, REG + 2), 0x1122);
	hw_write8(&bench->regs, REG, 0x55);
	hw_write16(&bench->regs, REG + 2, 0x6677);
	assert_int_equal(hw_read32(&bench->regs, REG), 0x66773355);
	assert_int_equal(bench->fake.access_count, 5);
	assert_int_equal(bench->fake.accesses[0].size, 1);
	assert_int_equal(bench->fake.accesses[1].size, 2);
	assert_int_equal(bench->fake.accesses[2].size, 1);
	assert_int_equal(bench->fake.accesses[3].size, 2);
}

static void hw_poll_value_there_returns_at_once(void **state)
{
	struct bench *bench = *state;

	hw_fake_set(&bench->fake, REG, 4, 0xf5);
	assert_int_equal(hw_poll(&bench->regs, REG, "REG", 0xf, 5, 1000, &bench->err), 0);
	assert_int_equal(bench->fake.reads, 1);
}

static void hw_poll_never_there_ends_and_names_the_register(void **state)
{
	struct bench *bench = *state;
	uint64_t before = bench->fake.clock_ns;

	assert_int_equal(hw_poll(&bench->regs, REG, "SMMU_X", 1, 1, 50000, &bench->err), -ETIMEDOUT);
	assert_non_null(strstr(bench->err.text, "SMMU_X at 0x9050120"));
	assert_non_null(strstr(bench->err.text, "50 us"));
	assert_true(bench->fake.clock_ns - before <= 50000 + 3 * bench->fake.tick_ns);
}

/* A budget that is used up by one look still gets a second one. */
static void hw_poll_slow_clock_looks_once_more(void **state)
{
	struct bench *bench = *state;

	bench->fake.tick_ns = 1000000000;
	assert_int_equal(hw_poll(&bench->regs, REG, "REG", 1, 1, 10, &bench->err), -ETIMEDOUT);
	assert_int_equal(bench->fake.reads, 2);
}

static void hw_poll_all_ones_is_gone(void **state)
{
	struct bench *bench = *state;

	bench->fake.is_gone = true;
	assert_int_equal(hw_poll(&bench->regs, REG, "REG", 1, 1, 1000, &bench->err), -ENODEV);
	assert_non_null(strstr(bench->err.text, "all ones"));
	assert_int_equal(bench->fake.reads, 1);
}

static void hw_store_is_recorded_before_memory_changes(void **state)
{
	uint64_t word = 7;

	(void)state;
	record_start();
	hw_store64(&word, 9);
	hw_barrier();
	record_stop();
	assert_int_equal(record_count(), 2);
	assert_int_equal(record_at(0)->old, 7);
	assert_int_equal(record_at(0)->value, 9);
	assert_null(record_at(1)->where);
	assert_int_equal(hw_load64(&word), 9);
}

static void hw_flush_is_recorded_and_changes_nothing(void **state)
{
	_Alignas(64) uint8_t bytes[256];
	size_t offset;

	(void)state;
	if (!HW_CAN_FLUSH)
		return;
	memset(bytes, 0x5a, sizeof(bytes));
	record_start();
	hw_store64((uint64_t *)(void *)bytes, 9);
	for (offset = 0; offset < 128; offset += 8)
		hw_flush(bytes + offset, 72);
	record_stop();
	assert_int_equal(record_count(), 17);
	assert_int_equal(record_store_count(), 1);
	assert_null(record_at(1)->where);
	assert_ptr_equal(record_at(1)->flushed, bytes);
	assert_int_equal(record_at(1)->bytes, 72);
	assert_false(record_has_barrier(0, 17));
	assert_int_equal(record_find_flush(bytes + 64, 0), 1);
	assert_int_equal(record_find_flush(bytes + 184, 0), 16);
	assert_int_equal(record_find_flush(bytes + 192, 0), SIZE_MAX);
	assert_int_equal(bytes[0], 9);
	assert_int_equal(bytes[255], 0x5a);
}

static void hw_fill_stores_every_word_of_the_series(void **state)
{
	uint64_t words[21] = { 0 };
	unsigned count, i;

	(void)state;
	for (count = 0; count <= 20; count++) {
		memset(words, 0, sizeof(words));
		hw_fill64(words, 100, 3, count);
		for (i = 0; i < count; i++)
			assert_int_equal(words[i], 100 + 3 * i);
		assert_int_equal(words[count], 0);
	}
}

static void hw_fake_clock_never_goes_back(void **state)
{
	struct bench *bench = *state;
	uint64_t first = hw_now_ns(&bench->fake.hw);

	assert_true(hw_now_ns(&bench->fake.hw) > first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(hw_register_access_has_its_size_and_place, setup, teardown),
		cmocka_unit_test_setup_teardown(hw_small_register_access_is_one_of_its_own_size, setup,
						teardown),
		cmocka_unit_test_setup_teardown(hw_poll_value_there_returns_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(hw_poll_never_there_ends_and_names_the_register, setup, teardown),
		cmocka_unit_test_setup_teardown(hw_poll_slow_clock_looks_once_more, setup, teardown),
		cmocka_unit_test_setup_teardown(hw_poll_all_ones_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(hw_store_is_recorded_before_memory_changes, setup, teardown),
		cmocka_unit_test(hw_flush_is_recorded_and_changes_nothing),
		cmocka_unit_test_setup_teardown(hw_fill_stores_every_word_of_the_series, setup, teardown),
		cmocka_unit_test_setup_teardown(hw_fake_clock_never_goes_back, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
