// SPDX-License-Identifier: BSD-2-Clause
/* The split virtqueue in memory: every byte where virtio 2.7 has it, every store in order. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pages.h"
#include "record.h"
#include "ring.h"

#define PAGE UINT64_C(4096)
#define ARENA (16 * PAGE)

struct rig {
	struct pages pages;
	struct ring ring;
	uint8_t *memory;
	struct error err;
};

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	rig->memory = aligned_alloc(PAGE, ARENA);
	assert_non_null(rig->memory);
	memset(rig->memory, 0xaa, ARENA);
	assert_int_equal(pages_init(&rig->pages, rig->memory, PA(0x40000000), ARENA), 0);
	assert_int_equal(ring_init(&rig->ring, &rig->pages, "test queue"), 0);
	ring_clear(&rig->ring, 3);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	record_stop();
	pages_fini(&rig->pages);
	free(rig->memory);
	free(rig);
	return 0;
}

static uint16_t half(const uint64_t *area, unsigned number)
{
	uint16_t value;

	memcpy(&value, (const uint8_t *)area + 2ull * number, 2);
	return value;
}

/* What the device does: one used element, and the index. */
static void use(struct rig *rig, uint16_t index, uint32_t id, uint32_t length)
{
	uint8_t *used = (uint8_t *)rig->ring.used;

	memcpy(used + 4 + 8ull * (index & 7), &id, 4);
	memcpy(used + 8 + 8ull * (index & 7), &length, 4);
	index++;
	memcpy(used + 2, &index, 2);
}

static void ring_cleared_wants_no_interrupts_and_is_empty(void **state)
{
	struct rig *rig = *state;
	uint32_t waiting;

	assert_int_equal(half(rig->ring.avail, 0), 1);
	assert_int_equal(half(rig->ring.avail, 1), 0);
	assert_int_equal(half(rig->ring.used, 1), 0);
	assert_int_equal(ring_waiting(&rig->ring, 0, &waiting, &rig->err), 0);
	assert_int_equal(waiting, 0);
	assert_false(ring_publish(&rig->ring));
}

static void ring_descriptor_is_these_bytes(void **state)
{
	static const uint8_t bytes[16] = { 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
					   0xdd, 0xcc, 0xbb, 0xaa, 3, 0, 7, 0 };
	struct rig *rig = *state;

	ring_describe(&rig->ring, 5, PA(0x1122334455667788), 0xaabbccdd, 3, 7);
	assert_memory_equal((uint8_t *)rig->ring.desc + 5 * 16, bytes, 16);
	assert_int_equal(half(rig->ring.desc, 4 * 8), 0); /* its neighbours are untouched */
	assert_int_equal(half(rig->ring.desc, 6 * 8), 0);
}

/* Entries, then the index, by one store each, with a barrier between and one behind. */
static void ring_entries_are_visible_before_the_index(void **state)
{
	struct rig *rig = *state;
	size_t entry, index;
	unsigned round, i;

	for (round = 0; round < 20; round++) {
		record_start();
		for (i = 0; i < 3; i++)
			ring_add(&rig->ring, (uint16_t)(round + i));
		assert_int_equal(half(rig->ring.avail, 1), (uint16_t)(3 * round));
		entry = record_count() - 1;
		assert_true(ring_publish(&rig->ring));
		index = record_find(rig->ring.avail, entry + 1);
		assert_true(index != SIZE_MAX);
		assert_true(record_has_barrier(entry, index));
		assert_true(record_has_barrier(index, record_count()));
		assert_int_equal(record_store_count(), 4);
		record_stop();
		assert_int_equal(half(rig->ring.avail, 1), 3 * (round + 1));
		assert_int_equal(half(rig->ring.avail, 0), 1);
		for (i = 0; i < 3; i++)
			assert_int_equal(half(rig->ring.avail, 2 + (3 * round + i) % 8), round + i);
	}
	assert_false(ring_publish(&rig->ring));
}

static void ring_indices_wrap_at_65536(void **state)
{
	struct rig *rig = *state;
	struct ring_used used;
	uint32_t i, waiting;

	for (i = 0; i < 65536 + 20; i++) {
		ring_add(&rig->ring, (uint16_t)(i & 7));
		assert_true(ring_publish(&rig->ring));
		use(rig, (uint16_t)i, i & 7, i);
		assert_int_equal(ring_waiting(&rig->ring, 1, &waiting, &rig->err), 0);
		assert_int_equal(waiting, 1);
		used = ring_take(&rig->ring);
		assert_int_equal(used.id, i & 7);
		assert_int_equal(used.length, i);
	}
	assert_int_equal(half(rig->ring.avail, 1), 20);
}

static void ring_index_that_jumps_is_refused(void **state)
{
	struct rig *rig = *state;
	uint32_t waiting;
	uint16_t index;

	for (index = 3; index != 0; index = (uint16_t)(index + 13)) {
		memcpy((uint8_t *)rig->ring.used + 2, &index, 2);
		assert_int_equal(ring_waiting(&rig->ring, 2, &waiting, &rig->err), -EIO);
		assert_int_equal(waiting, 0);
	}
	index = 3;
	memcpy((uint8_t *)rig->ring.used + 2, &index, 2);
	ring_waiting(&rig->ring, 2, &waiting, &rig->err);
	assert_string_equal(rig->err.text, "the used index of the test queue went from 0 to 3 with 2 "
			    "buffers outstanding: the device's word cannot be trusted");
	assert_int_equal(ring_waiting(&rig->ring, 3, &waiting, &rig->err), 0);
	assert_int_equal(waiting, 3);
}

static void ring_without_memory_is_refused(void **state)
{
	struct rig *rig = *state;
	struct ring others[8] = { { 0 } };
	unsigned i;
	int ret = 0;

	for (i = 0; i < 8 && ret == 0; i++)
		ret = ring_init(&others[i], &rig->pages, "another");
	assert_int_equal(ret, -ENOMEM);
	assert_null(others[i - 1].desc);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ring_cleared_wants_no_interrupts_and_is_empty),
		TEST(ring_descriptor_is_these_bytes),
		TEST(ring_entries_are_visible_before_the_index),
		TEST(ring_indices_wrap_at_65536),
		TEST(ring_index_that_jumps_is_refused),
		TEST(ring_without_memory_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
