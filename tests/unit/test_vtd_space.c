// SPDX-License-Identifier: BSD-2-Clause
/* Address spaces: identifiers, shortages one by one, mapping, and commit(). */
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

#define PAGE UINT64_C(4096)
#define IOVA_BASE UINT64_C(0x100000)

static struct vtdrig rig;

static uint16_t id_of(struct drv_space *space)
{
	return vtd_space_of(space)->id;
}

static void space_ids_are_limited_never_0_and_come_back(void **state)
{
	struct vtdrig_kind kind = vtdrig_kinds[VTDRIG_LEGACY];
	struct drv_space *spaces[15], *one_more = NULL;
	unsigned i;

	(void)state;
	kind.cap &= ~UINT64_C(7); /* ND 0: sixteen domains */
	vtdrig_start(&rig, &kind);
	for (i = 0; i < 15; i++) {
		spaces[i] = vtdrig_space(&rig);
		assert_in_range(id_of(spaces[i]), 1, 15);
	}
	assert_int_equal(rig.ops->space_create(rig.unit, 0, &one_more, &rig.err), -ENOSPC);
	assert_non_null(strstr(rig.err.text, "all 15 domain ids"));
	assert_null(one_more);
	rig.ops->space_destroy(spaces[3]);
	rig.ops->completed(rig.unit);
	one_more = vtdrig_space(&rig);
	assert_int_equal(id_of(one_more), 4);
	vtdrig_fini(&rig);
}

/* An identifier is used again only when nothing is remembered under it. */
static void space_destroyed_waits_for_its_invalidation(void **state)
{
	struct drv_space *space;
	uint32_t before;
	unsigned kind;

	(void)state;
	for (kind = 0; kind < vtdrig_kind_count; kind++) {
		vtdrig_start(&rig, &vtdrig_kinds[kind]);
		before = pages_free_count(&rig.fake.pages);
		space = vtdrig_space(&rig);
		vtdrig_map(&rig, space, IOVA_BASE, PAGE);
		vtdrig_set(&rig, VTDRIG_STREAM, DRV_BOUND, space);
		assert_true(vtdrig_access(&rig, VTDRIG_STREAM, IOVA_BASE, true));
		vtdrig_set(&rig, VTDRIG_STREAM, DRV_DENY, NULL);
		rig.fake.is_stopped = true;
		rig.ops->space_destroy(space);
		rig.ops->completed(rig.unit);
		assert_true(pages_free_count(&rig.fake.pages) < before);
		rig.fake.is_stopped = false;
		vtd_fake_consume(&rig.fake, UINT64_MAX);
		rig.ops->completed(rig.unit);
		vtd_fake_consume(&rig.fake, UINT64_MAX); /* by registers: one after the other */
		rig.ops->completed(rig.unit);
		assert_int_equal(pages_free_count(&rig.fake.pages), before);
		vtdrig_fini(&rig);
	}
}

static void space_of_a_closed_unit_waits_for_ever(void **state)
{
	struct drv_space *space;
	uint32_t free_pages;

	(void)state;
	vtdrig_start(&rig, &vtdrig_kinds[VTDRIG_LEGACY]);
	space = vtdrig_space(&rig);
	rig.ops->close(rig.unit);
	free_pages = pages_free_count(&rig.fake.pages);
	rig.ops->space_destroy(space);
	rig.ops->completed(rig.unit);
	assert_int_equal(pages_free_count(&rig.fake.pages), free_pages);
	/* Until a take-over made the unit forget everything. */
	vtdrig_takeover(&rig, NULL, 0);
	assert_true(pages_free_count(&rig.fake.pages) > free_pages);
	vtdrig_fini(&rig);
}

/* Each page that is missing is said, and nothing of the attempt stays. */
static void space_without_memory_is_refused_and_leaves_nothing(void **state)
{
	static const unsigned kinds[] = { VTDRIG_LEGACY, VTDRIG_SECOND, VTDRIG_FIRST };
	struct drv_space *space = NULL;
	uint32_t left, need;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(kinds); i++) {
		need = kinds[i] == VTDRIG_LEGACY ? 1 : 3;
		for (left = 0; left <= need; left++) {
			vtdrig_start(&rig, &vtdrig_kinds[kinds[i]]);
			while (pages_free_count(&rig.fake.pages) > left)
				pages_take(&rig.fake.pages);
			assert_int_equal(rig.ops->space_create(rig.unit, 0, &space, &rig.err),
					 left < need ? -ENOMEM : 0);
			assert_int_equal(pages_free_count(&rig.fake.pages), left < need ? left : 0);
			if (left < need)
				assert_non_null(strstr(rig.err.text, "arena"));
			vtdrig_fini(&rig);
		}
	}
}

static void space_bind_needs_memory_for_its_bus_and_changes_nothing_without(void **state)
{
	struct drv_gather gather = { 0 };
	struct drv_space *space;

	(void)state;
	vtdrig_start(&rig, &vtdrig_kinds[VTDRIG_SECOND]);
	space = vtdrig_space(&rig);
	while (pages_free_count(&rig.fake.pages) > 1) /* two are needed */
		pages_take(&rig.fake.pages);
	assert_int_equal(rig.ops->set_stream(rig.unit, 0x4200, DRV_BOUND, space, &gather, &rig.err),
			 -ENOMEM);
	assert_non_null(strstr(rig.err.text, "0x4200"));
	assert_int_equal(pages_free_count(&rig.fake.pages), 1);
	assert_true(drv_gather_is_empty(&gather));
	assert_int_equal(vtdrig_look(&rig, 0x4200).verdict, VTD_ORACLE_REFUSED);
	/* Denying or silencing a bus that nobody named needs none. */
	assert_int_equal(rig.ops->set_stream(rig.unit, 0x4200, DRV_DENY, NULL, &gather, NULL), 0);
	assert_int_equal(rig.ops->set_stream(rig.unit, 0x4200, DRV_SILENT, NULL, &gather, NULL), 0);
	assert_int_equal(pages_free_count(&rig.fake.pages), 1);
	vtdrig_fini(&rig);
}

static void space_bind_is_refused_before_takeover_and_when_closed(void **state)
{
	struct drv_gather gather = { 0 };
	struct drv_space *space;

	(void)state;
	vtdrig_init_kind(&rig, &vtdrig_kinds[VTDRIG_LEGACY]);
	vtdrig_probe(&rig);
	space = vtdrig_space(&rig);
	assert_int_equal(rig.ops->set_stream(rig.unit, 8, DRV_BOUND, space, &gather, &rig.err), -EIO);
	assert_non_null(strstr(rig.err.text, "not taken over"));
	vtdrig_takeover(&rig, NULL, 0);
	assert_int_equal(rig.ops->set_stream(rig.unit, 0x10000, DRV_BOUND, space, &gather, &rig.err),
			 -ENODEV);
	assert_int_equal(rig.ops->set_stream(rig.unit, 8, DRV_BOUND, space, &gather, &rig.err), 0);
	rig.ops->close(rig.unit);
	assert_int_equal(rig.ops->set_stream(rig.unit, 8, DRV_BOUND, space, &gather, &rig.err), -EIO);
	assert_non_null(strstr(rig.err.text, "closed"));
	vtdrig_fini(&rig);
}

static void space_rights_are_exact_or_refused(void **state)
{
	const struct extent extent = { PA(VTDRIG_MEMORY), 4 * PAGE };
	struct drv_part part = { &extent, 1, 0, PAGE, -1, false };
	struct drv_space *space;
	unsigned kind;

	(void)state;
	for (kind = 0; kind < vtdrig_kind_count; kind++) {
		bool is_first = kind == VTDRIG_FIRST;

		vtdrig_start(&rig, &vtdrig_kinds[kind]);
		space = vtdrig_space(&rig);
		assert_int_equal(rig.ops->map(space, IOVA(0x1000), &part, RIGHT_READ, &rig.err), 0);
		assert_int_equal(rig.ops->map(space, IOVA(0x2000), &part, RIGHT_WRITE, &rig.err),
				 is_first ? -EOPNOTSUPP : 0);
		assert_int_equal(rig.ops->map(space, IOVA(0x3000), &part, RIGHT_ALL, &rig.err), 0);
		if (rig.ops->commit)
			assert_int_equal(rig.ops->commit(space, &rig.err), 0);
		vtdrig_set(&rig, VTDRIG_STREAM, DRV_BOUND, space);
		assert_true(vtdrig_access(&rig, VTDRIG_STREAM, 0x1000, false));
		assert_false(vtdrig_access(&rig, VTDRIG_STREAM, 0x1000, true));
		assert_int_equal(vtdrig_access(&rig, VTDRIG_STREAM, 0x2000, true), !is_first);
		assert_false(vtdrig_access(&rig, VTDRIG_STREAM, 0x2000, false));
		assert_true(vtdrig_access(&rig, VTDRIG_STREAM, 0x3000, true));
		assert_int_equal(rig.ops->map(space, IOVA(0x1000), &part, RIGHT_READ, &rig.err), -EEXIST);
		assert_int_equal(rig.ops->map(space, IOVA(UINT64_C(1) << rig.unit->caps.input_bits), &part,
					      RIGHT_READ, &rig.err), -EINVAL);
		vtdrig_fini(&rig);
	}
}

/* --- commit --- */

/* A unit in caching mode remembers absence: without commit() the map is not there. */
static void commit_makes_a_mapping_certain_in_caching_mode(void **state)
{
	const struct extent extent = { PA(VTDRIG_MEMORY), 64 * PAGE };
	struct drv_part part = { &extent, 1, 0, PAGE, -1, false };
	struct drv_space *space;
	unsigned i;

	(void)state;
	vtdrig_start(&rig, &vtdrig_kinds[VTDRIG_CACHING]);
	space = vtdrig_space(&rig);
	vtdrig_set(&rig, VTDRIG_STREAM, DRV_BOUND, space);
	for (i = 0; i < 32; i++)
		assert_false(vtdrig_access(&rig, VTDRIG_STREAM, IOVA_BASE + i * PAGE, true));
	vtd_fake_log(&rig.fake);
	for (i = 0; i < 32; i++)
		assert_int_equal(rig.ops->map(space, IOVA(IOVA_BASE + i * PAGE), &part,
					      RIGHT_READ | RIGHT_WRITE, &rig.err), 0);
	assert_false(vtdrig_access(&rig, VTDRIG_STREAM, IOVA_BASE, true)); /* the model bites */
	assert_int_equal(rig.fake.descs, 0);
	assert_int_equal(rig.ops->commit(space, &rig.err), 0);
	for (i = 0; i < 32; i++)
		assert_true(vtdrig_access(&rig, VTDRIG_STREAM, IOVA_BASE + i * PAGE, true));
	/* One range and one wait for all of them; a second commit has nothing to say. */
	assert_int_equal(rig.fake.descs, 2);
	assert_int_equal(rig.ops->commit(space, &rig.err), 0);
	assert_int_equal(rig.fake.descs, 2);
	vtdrig_fini(&rig);
}

static void commit_of_scattered_maps_covers_every_one(void **state)
{
	struct drv_space *space;
	unsigned i;

	(void)state;
	vtdrig_start(&rig, &vtdrig_kinds[VTDRIG_CACHING]);
	space = vtdrig_space(&rig);
	vtdrig_set(&rig, VTDRIG_STREAM, DRV_BOUND, space);
	for (i = 0; i < 40; i++)
		assert_false(vtdrig_access(&rig, VTDRIG_STREAM, IOVA_BASE + 3 * i * PAGE, true));
	for (i = 0; i < 40; i++) {
		const struct extent extent = { PA(VTDRIG_MEMORY), PAGE };
		const struct drv_part part = { &extent, 1, 0, PAGE, -1, false };

		assert_int_equal(rig.ops->map(space, IOVA(IOVA_BASE + 3 * i * PAGE), &part,
					      RIGHT_WRITE, &rig.err), 0);
	}
	assert_int_equal(rig.ops->commit(space, &rig.err), 0);
	for (i = 0; i < 40; i++)
		assert_true(vtdrig_access(&rig, VTDRIG_STREAM, IOVA_BASE + 3 * i * PAGE, true));
	vtdrig_fini(&rig);
}

/* A unit that does not answer is closed, and none of the maps holds. */
static void commit_without_an_answer_closes_and_takes_the_maps_back(void **state)
{
	const struct extent extent = { PA(VTDRIG_MEMORY), 4 * PAGE };
	const struct drv_part part = { &extent, 1, 0, PAGE, -1, false };
	struct drv_space *space;
	struct drv_walk walk;

	(void)state;
	vtdrig_start(&rig, &vtdrig_kinds[VTDRIG_CACHING]);
	space = vtdrig_space(&rig);
	vtdrig_map(&rig, space, 0x8000, PAGE);
	rig.fake.is_stopped = true;
	assert_int_equal(rig.ops->map(space, IOVA(0x1000), &part, RIGHT_READ, &rig.err), 0);
	assert_int_equal(rig.ops->map(space, IOVA(0x2000), &part, RIGHT_READ, &rig.err), 0);
	assert_int_equal(rig.ops->commit(space, &rig.err), -ETIMEDOUT);
	assert_true(rig.unit->is_closed);
	rig.ops->walk(space, IOVA(0x1000), &walk);
	assert_false(walk.is_mapped);
	rig.ops->walk(space, IOVA(0x2000), &walk);
	assert_false(walk.is_mapped);
	rig.ops->walk(space, IOVA(0x8000), &walk);
	assert_true(walk.is_mapped);
	vtdrig_fini(&rig);
}

/* What was unmapped before it was committed is no business of commit() any more. */
static void commit_forgets_what_was_unmapped_before_it(void **state)
{
	const struct extent extent = { PA(VTDRIG_MEMORY), 4 * PAGE };
	const struct drv_part part = { &extent, 1, 0, PAGE, -1, false };
	struct drv_gather gather = { 0 };
	struct drv_space *space;

	(void)state;
	vtdrig_start(&rig, &vtdrig_kinds[VTDRIG_CACHING]);
	space = vtdrig_space(&rig);
	assert_int_equal(rig.ops->map(space, IOVA(0x1000), &part, RIGHT_READ, &rig.err), 0);
	rig.ops->unmap(space, IOVA(0x1000), PAGE, &gather);
	vtdrig_wait(&rig, rig.ops->submit(rig.unit, &gather));
	vtd_fake_log(&rig.fake);
	assert_int_equal(rig.ops->commit(space, &rig.err), 0);
	assert_int_equal(rig.fake.descs, 0);
	vtdrig_fini(&rig);
}

static void commit_flushes_write_buffers(void **state)
{
	struct drv_space *space;

	(void)state;
	vtdrig_start(&rig, &vtdrig_kinds[vtdrig_kind_count - 1]);
	space = vtdrig_space(&rig);
	vtd_fake_log(&rig.fake);
	vtdrig_map(&rig, space, IOVA_BASE, PAGE);
	assert_true(vtd_fake_find_write(&rig.fake, VTD_FAKE_GCMD, VTD_FAKE_WBF, VTD_FAKE_WBF, 0) !=
		    UINT64_MAX);
	assert_int_equal(rig.fake.descs, 0);
	vtdrig_fini(&rig);
}

/* A bad request is refused before anything is noted for commit(). */
static void commit_knows_nothing_of_refused_maps(void **state)
{
	const struct extent extent = { PA(VTDRIG_MEMORY), PAGE };
	const struct drv_part part = { &extent, 1, 0, PAGE, -1, false };
	struct drv_space *space;

	(void)state;
	vtdrig_start(&rig, &vtdrig_kinds[VTDRIG_CACHING]);
	space = vtdrig_space(&rig);
	assert_int_equal(rig.ops->map(space, IOVA(0x1001), &part, RIGHT_READ, &rig.err), -EINVAL);
	vtd_fake_log(&rig.fake);
	assert_int_equal(rig.ops->commit(space, &rig.err), 0);
	assert_int_equal(rig.fake.descs, 0);
	vtdrig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(space_ids_are_limited_never_0_and_come_back),
		cmocka_unit_test(space_destroyed_waits_for_its_invalidation),
		cmocka_unit_test(space_of_a_closed_unit_waits_for_ever),
		cmocka_unit_test(space_without_memory_is_refused_and_leaves_nothing),
		cmocka_unit_test(space_bind_needs_memory_for_its_bus_and_changes_nothing_without),
		cmocka_unit_test(space_bind_is_refused_before_takeover_and_when_closed),
		cmocka_unit_test(space_rights_are_exact_or_refused),
		cmocka_unit_test(commit_makes_a_mapping_certain_in_caching_mode),
		cmocka_unit_test(commit_of_scattered_maps_covers_every_one),
		cmocka_unit_test(commit_without_an_answer_closes_and_takes_the_maps_back),
		cmocka_unit_test(commit_forgets_what_was_unmapped_before_it),
		cmocka_unit_test(commit_flushes_write_buffers),
		cmocka_unit_test(commit_knows_nothing_of_refused_maps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
