// SPDX-License-Identifier: BSD-2-Clause
// The QNX-compatible mappings: what is sent, pages shared by rounding, all or nothing.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "bits.h"
#include "qnx_fixture.h"

/* --- mappings: what is sent --------------------------------------------------------- */

static struct wire_batch batch_of(enum wire_id id, unsigned n)
{
	struct mock_request request = mock_request(fixture.server, id, n);
	struct wire_batch batch;

	memcpy(&batch, request.bytes, sizeof(batch));
	return batch;
}

static struct wire_map mapped(unsigned n, unsigned entry)
{
	struct mock_request request = mock_request(fixture.server, WIRE_MAP, n);
	struct wire_map map;

	assert_true(entry < batch_of(WIRE_MAP, n).count);
	memcpy(&map, request.bytes + sizeof(struct wire_batch) + entry * sizeof(map), sizeof(map));
	return map;
}

static void assert_mapped(unsigned n, unsigned entry, uint64_t iova, uint64_t length,
			  uint64_t offset)
{
	struct wire_map map = mapped(n, entry);

	assert_int_equal(map.memory, fixture.buffer.memory);
	assert_int_equal(map.iova, iova);
	assert_int_equal(map.length, length);
	assert_int_equal(map.offset, offset);
}

static void assert_unmapped(unsigned n, unsigned entry, uint64_t iova, uint64_t length)
{
	struct mock_request request = mock_request(fixture.server, WIRE_UNMAP, n);
	struct wire_range range;

	assert_true(entry < batch_of(WIRE_UNMAP, n).count);
	memcpy(&range, request.bytes + sizeof(struct wire_batch) + entry * sizeof(range),
	       sizeof(range));
	assert_int_equal(range.iova, iova);
	assert_int_equal(range.length, length);
}

static int add(struct smmu_object *object, unsigned flags, uint64_t phys, uint64_t len)
{
	struct smmu_map_entry entry = { .phys = phys, .len = len };

	return smmu_mapping_add(object, flags, 0, 1, &entry, 0);
}

static void mapping_of_whole_pages_is_one_grant_and_goes_whole(void **state)
{
	struct smmu_object *object = smmu_obj_create(0);

	(void)state;
	assert_int_equal(add(object, RW, fixture.base + PAGE, 4 * PAGE), 0);
	assert_int_equal(batch_of(WIRE_MAP, 0).count, 1);
	assert_mapped(0, 0, fixture.base + PAGE, 4 * PAGE, PAGE);
	assert_int_equal(mapped(0, 0).rights, SMMU_READ | SMMU_WRITE);
	assert_int_equal(add(object, SMF_NONE, fixture.base + PAGE, 4 * PAGE), 0);
	assert_int_equal(batch_of(WIRE_UNMAP, 0).count, 1);
	assert_unmapped(0, 0, fixture.base + PAGE, 4 * PAGE);
}

static void mapping_of_several_entries_is_one_batch(void **state)
{
	struct smmu_object *object = smmu_obj_create(0);
	struct smmu_map_entry entries[3] = {
		{ .phys = fixture.base, .len = PAGE },
		{ .phys = fixture.base + 2 * PAGE, .len = PAGE },
		{ .phys = fixture.base + 4 * PAGE, .len = 2 * PAGE },
	};

	(void)state;
	assert_int_equal(smmu_mapping_add(object, SMF_READ, getpid(), 3, entries, 77), 0);
	assert_int_equal(mock_count(fixture.server, WIRE_MAP), 1);
	assert_int_equal(batch_of(WIRE_MAP, 0).count, 3);
	assert_mapped(0, 2, fixture.base + 4 * PAGE, 2 * PAGE, 4 * PAGE);
	assert_int_equal(smmu_mapping_add(object, SMF_NONE, 0, 3, entries, 0), 0);
	assert_int_equal(mock_count(fixture.server, WIRE_UNMAP), 1);
	assert_int_equal(batch_of(WIRE_UNMAP, 0).count, 3);
	assert_int_equal(smmu_mapping_add(object, RW, 0, 0, NULL, 0), 0);
	assert_int_equal(mock_count(fixture.server, WIRE_MAP), 1);
}

static void mapping_unaligned_refused_without_the_right_to_round(void **state)
{
	struct smmu_object *object = smmu_obj_create(0);

	(void)state;
	assert_fails(add(object, RW, fixture.base + 1, PAGE), EINVAL);
	assert_fails(add(object, RW, fixture.base, PAGE - 1), EINVAL);
	assert_fails(add(object, RW, fixture.base, 1), EINVAL);
	assert_int_equal(mock_count(fixture.server, WIRE_MAP), 0);
}

static void mapping_that_makes_no_sense_refused(void **state)
{
	struct smmu_object *object = smmu_obj_create(0);

	(void)state;
	assert_fails(add(object, RW, fixture.base, 0), EINVAL);
	assert_fails(add(object, RW, UINT64_MAX - 10, 100), EINVAL);
	assert_fails(add(object, RW, UINT64_MAX, 1), EINVAL);
	assert_fails(add(object, RW | SMF_VIRT, fixture.base, PAGE), EINVAL);
	assert_fails(add(object, RW | 0x100, fixture.base, PAGE), EINVAL);
	assert_fails(smmu_mapping_add(object, RW, 0, 1, NULL, 0), EINVAL);
	assert_int_equal(mock_count(fixture.server, WIRE_MAP), 0);
}

static void mapping_of_addresses_nobody_gave_us_refused(void **state)
{
	struct smmu_object *object = smmu_obj_create(0);

	(void)state;
	assert_fails(add(object, RW, 0x40000000, PAGE), EPERM);
	assert_fails(add(object, RW, fixture.base - PAGE, PAGE), EPERM);
	assert_fails(add(object, RW, fixture.base + 16 * PAGE, 1), EPERM);
	assert_fails(add(object, RW, fixture.base + 15 * PAGE, 2 * PAGE), EPERM);
	assert_int_equal(mock_count(fixture.server, WIRE_MAP), 0);
}

static void mapping_in_an_opened_region_uses_its_memory(void **state)
{
	struct wire_region_reply reply = { 99, SMMU_WRITE, 0x09000000, 2 * PAGE };
	struct smmu_object *object = smmu_obj_create(0);
	struct smmu_region region;

	(void)state;
	assert_fails(add(object, SMF_WRITE, 0x09001040, 1), EPERM);
	mock_answer(fixture.server, WIRE_REGION_OPEN, &(struct mock_answer){
		.body = &reply, .size = sizeof(reply) });
	assert_int_equal(smmu_region_open(smmu_default(), "uart", &region), 0);
	assert_int_equal(add(object, SMF_WRITE, 0x09001040, 1), 0);
	assert_int_equal(mapped(0, 0).memory, 99);
	assert_int_equal(mapped(0, 0).iova, 0x09001000);
	assert_int_equal(mapped(0, 0).offset, PAGE);
	assert_int_equal(mapped(0, 0).length, PAGE);
}

/* --- mappings: rounding and shared pages -------------------------------------------- */

static void mapping_unaligned_rounded_out_in_three_pieces(void **state)
{
	struct smmu_object *object = smmu_obj_create(0);

	(void)state;
	assert_int_equal(add(object, RW, fixture.base + 0x800, 4 * PAGE), 0);
	assert_int_equal(batch_of(WIRE_MAP, 0).count, 3);
	assert_mapped(0, 0, fixture.base, PAGE, 0);
	assert_mapped(0, 1, fixture.base + PAGE, 3 * PAGE, PAGE);
	assert_mapped(0, 2, fixture.base + 4 * PAGE, PAGE, 4 * PAGE);
	assert_int_equal(add(object, SMF_NONE, fixture.base + 0x800, 4 * PAGE), 0);
	assert_int_equal(batch_of(WIRE_UNMAP, 0).count, 3);
}

static void mapping_cut_at_any_edges_covers_exactly_its_pages(void **state)
{
	static const uint64_t starts[] = { 0, 1, 0xfff, 0x1000, 0x1800 };
	static const uint64_t lengths[] = { 1, 2, 0xfff, 0x1000, 0x1001, 0x1800, 0x2000, 0x2001,
					    0x3000, 0x3fff };
	struct smmu_object *object = smmu_obj_create(0);
	unsigned i, k, n = 0, entry;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(starts); i++) {
		for (k = 0; k < ARRAY_COUNT(lengths); k++, n++) {
			uint64_t at = (fixture.base + starts[i]) & ~(uint64_t)(PAGE - 1);
			uint64_t end = (fixture.base + starts[i] + lengths[k] + PAGE - 1) &
				       ~(uint64_t)(PAGE - 1);

			assert_int_equal(add(object, RW, fixture.base + starts[i], lengths[k]), 0);
			assert_in_range(batch_of(WIRE_MAP, n).count, 1, 3);
			for (entry = 0; entry < batch_of(WIRE_MAP, n).count; entry++) {
				assert_mapped(n, entry, at, mapped(n, entry).length, at - fixture.base);
				at += mapped(n, entry).length;
			}
			assert_int_equal(at, end);
			assert_int_equal(add(object, SMF_NONE, fixture.base + starts[i], lengths[k]), 0);
			assert_int_equal(batch_of(WIRE_UNMAP, n).count,
					 batch_of(WIRE_MAP, n).count);
		}
	}
}

static void mapping_sharing_a_page_by_rounding_is_counted(void **state)
{
	struct smmu_object *object = smmu_obj_create(0);

	(void)state;
	/* Both need page 1. */
	assert_int_equal(add(object, RW, fixture.base, PAGE + 0x400), 0);
	assert_int_equal(add(object, RW, fixture.base + PAGE + 0x800, PAGE), 0);
	assert_int_equal(batch_of(WIRE_MAP, 1).count, 1);
	assert_mapped(1, 0, fixture.base + 2 * PAGE, PAGE, 2 * PAGE);
	/* The first goes: page 1 stays. */
	assert_int_equal(add(object, SMF_NONE, fixture.base, PAGE + 0x400), 0);
	assert_int_equal(batch_of(WIRE_UNMAP, 0).count, 1);
	assert_unmapped(0, 0, fixture.base, PAGE);
	assert_int_equal(add(object, SMF_NONE, fixture.base + PAGE + 0x800, PAGE), 0);
	assert_int_equal(batch_of(WIRE_UNMAP, 1).count, 2);
}

static void mapping_of_registers_in_one_page_is_one_grant(void **state)
{
	struct smmu_object *object = smmu_obj_create(0);

	(void)state;
	assert_int_equal(add(object, RW, fixture.base + 0x10, 1), 0);
	assert_int_equal(add(object, RW, fixture.base + 0x20, 1), 0);
	assert_int_equal(add(object, RW, fixture.base + 0x30, 1), 0);
	assert_int_equal(mock_count(fixture.server, WIRE_MAP), 1);
	assert_int_equal(add(object, SMF_NONE, fixture.base + 0x20, 1), 0);
	assert_int_equal(add(object, SMF_NONE, fixture.base + 0x10, 1), 0);
	assert_int_equal(mock_count(fixture.server, WIRE_UNMAP), 0);
	assert_int_equal(add(object, SMF_NONE, fixture.base + 0x30, 1), 0);
	assert_int_equal(mock_count(fixture.server, WIRE_UNMAP), 1);
}

static void mapping_added_twice_is_removed_twice(void **state)
{
	struct smmu_object *object = smmu_obj_create(0);

	(void)state;
	assert_int_equal(add(object, RW, fixture.base, 3 * PAGE), 0);
	assert_int_equal(add(object, RW, fixture.base, 3 * PAGE), 0);
	assert_int_equal(mock_count(fixture.server, WIRE_MAP), 1);
	assert_int_equal(add(object, SMF_NONE, fixture.base, 3 * PAGE), 0);
	assert_int_equal(mock_count(fixture.server, WIRE_UNMAP), 0);
	assert_int_equal(add(object, SMF_NONE, fixture.base, 3 * PAGE), 0);
	assert_int_equal(mock_count(fixture.server, WIRE_UNMAP), 1);
	assert_fails(add(object, SMF_NONE, fixture.base, 3 * PAGE), ENOENT);
}

static void mapping_overlapping_or_with_other_rights_refused(void **state)
{
	struct smmu_object *object = smmu_obj_create(0);

	(void)state;
	assert_int_equal(add(object, RW, fixture.base, 2 * PAGE + 0x10), 0);
	assert_fails(add(object, RW, fixture.base + PAGE, PAGE), EEXIST);
	assert_fails(add(object, RW, fixture.base, PAGE), EEXIST);
	assert_fails(add(object, SMF_READ, fixture.base, 2 * PAGE + 0x10), EEXIST);
	/* The page they would share has one set of rights. */
	assert_fails(add(object, SMF_READ, fixture.base + 2 * PAGE + 0x20, 2 * PAGE), EEXIST);
	assert_int_equal(mock_count(fixture.server, WIRE_MAP), 1);
	/* What was refused left nothing behind: the same pages can be had otherwise. */
	assert_int_equal(add(object, RW, fixture.base + 2 * PAGE + 0x20, 2 * PAGE), 0);
	assert_int_equal(batch_of(WIRE_MAP, 1).count, 2);
}

static void mapping_in_another_object_is_apart(void **state)
{
	struct smmu_object *object = smmu_obj_create(0), *other = smmu_obj_create(0);

	(void)state;
	assert_int_equal(add(object, RW, fixture.base, PAGE), 0);
	assert_int_equal(add(other, SMF_READ, fixture.base, PAGE), 0);
	assert_int_equal(mock_count(fixture.server, WIRE_MAP), 2);
	assert_int_not_equal(batch_of(WIRE_MAP, 0).domain, batch_of(WIRE_MAP, 1).domain);
	assert_int_equal(smmu_obj_destroy(object), 0);
	assert_int_equal(add(other, SMF_NONE, fixture.base, PAGE), 0);
}

/* --- mappings: all or nothing ------------------------------------------------------- */

static void mapping_the_service_refuses_leaves_nothing(void **state)
{
	struct smmu_object *object = smmu_obj_create(0);

	(void)state;
	mock_refuse(fixture.server, WIRE_MAP, -EDQUOT, "no grant left");
	assert_fails(add(object, RW, fixture.base + 0x800, 2 * PAGE), EDQUOT);
	assert_int_equal(mock_count(fixture.server, WIRE_UNMAP), 0);
	assert_fails(add(object, SMF_NONE, fixture.base + 0x800, 2 * PAGE), ENOENT);
	assert_int_equal(add(object, RW, fixture.base + 0x800, 2 * PAGE), 0);
	assert_int_equal(batch_of(WIRE_MAP, 1).count, 3);
}

static void mapping_with_one_bad_entry_adds_none(void **state)
{
	struct smmu_object *object = smmu_obj_create(0);
	struct smmu_map_entry entries[2] = { { .phys = fixture.base, .len = PAGE },
					     { .phys = 0x40000000, .len = PAGE } };

	(void)state;
	assert_fails(smmu_mapping_add(object, RW, 0, 2, entries, 0), EPERM);
	assert_int_equal(mock_count(fixture.server, WIRE_MAP), 0);
	assert_fails(add(object, SMF_NONE, fixture.base, PAGE), ENOENT);
	assert_int_equal(add(object, SMF_READ, fixture.base, PAGE), 0);
}

#define MANY 300

/* More than one batch: the first is taken back when the second is refused. */
static void mapping_refused_in_its_second_batch_takes_the_first_back(void **state)
{
	static struct smmu_map_entry entries[MANY];
	struct smmu_object *object = smmu_obj_create(0);
	struct wire_none none = { 0 };
	struct smmu_dma_buffer large;
	unsigned i;

	(void)state;
	assert_int_equal(smmu_dma_alloc(smmu_default(), 2 * MANY * PAGE, &large), 0);
	for (i = 0; i < MANY; i++)
		entries[i] = (struct smmu_map_entry){
			.phys = large.device_address + 2 * i * PAGE, .len = PAGE };
	mock_answer(fixture.server, WIRE_MAP, &(struct mock_answer){
		.body = &none, .size = sizeof(none) });
	mock_refuse(fixture.server, WIRE_MAP, -EDQUOT, "no grant left");
	assert_fails(smmu_mapping_add(object, RW, 0, MANY, entries, 0), EDQUOT);
	assert_int_equal(mock_count(fixture.server, WIRE_MAP), 2);
	assert_int_equal(mock_count(fixture.server, WIRE_UNMAP), 1);
	assert_int_equal(batch_of(WIRE_UNMAP, 0).count, batch_of(WIRE_MAP, 0).count);
	assert_int_equal(smmu_mapping_add(object, RW, 0, MANY, entries, 0), 0);
	assert_int_equal(batch_of(WIRE_MAP, 2).count + batch_of(WIRE_MAP, 3).count, MANY);
	assert_int_equal(smmu_mapping_add(object, SMF_NONE, 0, MANY, entries, 0), 0);
}

static void removal_with_one_stranger_removes_none(void **state)
{
	struct smmu_object *object = smmu_obj_create(0);
	struct smmu_map_entry entries[2] = { { .phys = fixture.base, .len = PAGE },
					     { .phys = fixture.base + PAGE, .len = PAGE } };
	struct smmu_map_entry twice[2] = { entries[0], entries[0] };

	(void)state;
	assert_int_equal(add(object, RW, fixture.base, PAGE), 0);
	assert_fails(smmu_mapping_add(object, SMF_NONE, 0, 2, entries, 0), ENOENT);
	assert_fails(smmu_mapping_add(object, SMF_NONE, 0, 2, twice, 0), ENOENT);
	assert_fails(add(object, SMF_NONE, fixture.base, 2 * PAGE), ENOENT);
	assert_int_equal(mock_count(fixture.server, WIRE_UNMAP), 0);
	assert_int_equal(add(object, RW, fixture.base, PAGE), 0);
	assert_int_equal(smmu_mapping_add(object, SMF_NONE, 0, 2, twice, 0), 0);
}

/* --- SMF_TARGET --------------------------------------------------------------------- */

static void target_needs_its_right(void **state)
{
	struct smmu_object *object = smmu_obj_create(0);
	struct smmu_map_entry entry = { .phys = 0x80000000, .len = PAGE };

	(void)state;
	assert_fails(smmu_mapping_add(object, RW | SMF_TARGET, 0, 1, &entry, fixture.base), EPERM);
	assert_int_equal(mock_count(fixture.server, WIRE_MAP), 0);
}

static void target_places_memory_elsewhere(void **state)
{
	struct smmu_object *object = smmu_obj_create(0);
	struct smmu_map_entry entries[2] = { { .phys = 0x80000000, .len = PAGE },
					     { .phys = 0x90000000, .len = 2 * PAGE } };
	struct smmu_info info;

	(void)state;
	assert_int_equal(smmu_info(smmu_default(), &info), 0);
	assert_int_equal(info.may_target, 1);
	assert_int_equal(info.may_round, 1);
	assert_int_equal(smmu_mapping_add(object, RW | SMF_TARGET, 0, 2, entries,
					  fixture.base + PAGE), 0);
	assert_mapped(0, 0, 0x80000000, PAGE, PAGE);
	assert_mapped(0, 1, 0x90000000, 2 * PAGE, 2 * PAGE);
	assert_fails(smmu_mapping_add(object, RW | SMF_TARGET, 0, 1, entries, fixture.base + 1),
		     EINVAL);
	assert_fails(smmu_mapping_add(object, RW | SMF_TARGET, 0, 1, entries, 0x1000), EEXIST);
	assert_int_equal(smmu_mapping_add(object, SMF_TARGET, 0, 2, entries, 0), 0);
	assert_fails(smmu_mapping_add(object, RW | SMF_TARGET, 0, 1, entries, 0x1000), EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STRICT(mapping_of_whole_pages_is_one_grant_and_goes_whole),
		STRICT(mapping_of_several_entries_is_one_batch),
		STRICT(mapping_unaligned_refused_without_the_right_to_round),
		ROUNDING(mapping_that_makes_no_sense_refused),
		ROUNDING(mapping_of_addresses_nobody_gave_us_refused),
		ROUNDING(mapping_in_an_opened_region_uses_its_memory),
		ROUNDING(mapping_unaligned_rounded_out_in_three_pieces),
		ROUNDING(mapping_cut_at_any_edges_covers_exactly_its_pages),
		ROUNDING(mapping_sharing_a_page_by_rounding_is_counted),
		ROUNDING(mapping_of_registers_in_one_page_is_one_grant),
		ROUNDING(mapping_added_twice_is_removed_twice),
		ROUNDING(mapping_overlapping_or_with_other_rights_refused),
		ROUNDING(mapping_in_another_object_is_apart),
		ROUNDING(mapping_the_service_refuses_leaves_nothing),
		ROUNDING(mapping_with_one_bad_entry_adds_none),
		ROUNDING(mapping_refused_in_its_second_batch_takes_the_first_back),
		ROUNDING(removal_with_one_stranger_removes_none),
		STRICT(target_needs_its_right),
		TARGET(target_places_memory_elsewhere),
	};

	return cmocka_run_group_tests_name("libsmmu_qnx_map", tests, NULL, NULL);
}
