// SPDX-License-Identifier: BSD-2-Clause
/* Spaces over both transports: what the device has is what was granted, no more. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bits.h"
#include "vrig.h"
#include "vsmmu.h"

#define PAGE VRIG_PAGE
#define AT UINT64_C(0x100000)
#define BOTH (RIGHT_READ | RIGHT_WRITE)

static bool is_pci;

static int setup(void **state)
{
	struct vrig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	vrig_start(rig, is_pci);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	vrig_fini(*state);
	free(*state);
	return 0;
}

static struct drv_space *bound_space(struct vrig *rig)
{
	struct drv_space *space = vrig_space(rig);

	vrig_set(rig, VRIG_STREAM, DRV_BOUND, space);
	virtio_fake_log(&rig->fake);
	return space;
}

static void space_bound_reaches_its_grants_and_nothing_else(void **state)
{
	struct vrig *rig = *state;
	struct drv_space *space = vrig_space(rig);

	vrig_map(rig, space, AT, 2 * PAGE);
	assert_false(vrig_reaches(rig, VRIG_STREAM, AT));
	vrig_set(rig, VRIG_STREAM, DRV_BOUND, space);
	assert_true(vrig_lands(rig, VRIG_STREAM, AT, VRIG_MEMORY + AT));
	assert_true(vrig_lands(rig, VRIG_STREAM, AT + 2 * PAGE - 1, VRIG_MEMORY + AT + 2 * PAGE - 1));
	assert_false(vrig_reaches(rig, VRIG_STREAM, AT - 1));
	assert_false(vrig_reaches(rig, VRIG_STREAM, AT + 2 * PAGE));
	assert_false(vrig_reaches(rig, VRIG_OTHER, AT));
	vrig_map(rig, space, AT + 4 * PAGE, PAGE);
	assert_true(vrig_lands(rig, VRIG_STREAM, AT + 4 * PAGE, VRIG_MEMORY + AT + 4 * PAGE));
	vrig_unmap(rig, space, AT, 2 * PAGE);
	assert_false(vrig_reaches(rig, VRIG_STREAM, AT));
	assert_true(vrig_lands(rig, VRIG_STREAM, AT + 4 * PAGE, VRIG_MEMORY + AT + 4 * PAGE));
	vrig_set(rig, VRIG_STREAM, DRV_DENY, NULL);
	assert_false(vrig_reaches(rig, VRIG_STREAM, AT + 4 * PAGE));
	assert_int_equal(rig->ops->audit(rig->unit, &rig->err), 0);
}

static int map_part(struct vrig *rig, struct drv_space *space, uint64_t iova,
		    const struct drv_part *part, unsigned rights)
{
	return rig->ops->map(space, IOVA(iova), part, rights, &rig->err);
}

/* One grant, several runs of memory: neighbours are one request. */
static void space_extents_are_one_request_a_run(void **state)
{
	struct vrig *rig = *state;
	struct drv_space *space = bound_space(rig);
	const struct extent extents[] = {
		{ PA(0x80000000), 2 * PAGE }, { PA(0x90000000), PAGE }, { PA(0x90001000), 2 * PAGE },
		{ PA(0xa0000000), 4 * PAGE },
	};
	const struct drv_part part = { extents, 4, PAGE, 6 * PAGE, -1, false };

	assert_int_equal(map_part(rig, space, AT, &part, BOTH), 0);
	assert_int_equal(rig->ops->commit(space, &rig->err), 0);
	assert_int_equal(rig->fake.by_type[FAKE_MAP], 3);
	assert_int_equal(rig->fake.kicks, 1);
	assert_true(vrig_lands(rig, VRIG_STREAM, AT, 0x80001000));
	assert_true(vrig_lands(rig, VRIG_STREAM, AT + PAGE, 0x90000000));
	assert_true(vrig_lands(rig, VRIG_STREAM, AT + 3 * PAGE, 0x90002000));
	assert_true(vrig_lands(rig, VRIG_STREAM, AT + 5 * PAGE, 0xa0001000));
	assert_false(vrig_reaches(rig, VRIG_STREAM, AT + 6 * PAGE));
	vrig_unmap(rig, space, AT, 6 * PAGE);
	assert_int_equal(rig->fake.by_type[FAKE_UNMAP], 1);
	assert_int_equal(rig->fake.mapping_count, 0);
}

/* What is no memory is said to be none, where the device wants to hear it. */
static void space_registers_are_mapped_as_such(void **state)
{
	struct vrig *rig = *state;
	struct drv_space *space = bound_space(rig);
	const struct extent extent = { PA(0x10000000), PAGE };
	struct drv_part part = { &extent, 1, 0, PAGE, -1, true };

	assert_int_equal(map_part(rig, space, AT, &part, BOTH), 0);
	assert_int_equal(rig->ops->commit(space, &rig->err), 0);
	assert_int_equal(rig->fake.mappings[0].flags, 7);
	part.is_registers = false;
	assert_int_equal(map_part(rig, space, AT + PAGE, &part, BOTH), 0);
	assert_int_equal(rig->ops->commit(space, &rig->err), 0);
	assert_int_equal(rig->fake.mappings[1].flags, 3);
}

static void space_registers_are_memory_to_a_device_that_does_not_ask(void **state)
{
	struct vrig *rig = *state;
	const struct extent extent = { PA(0x10000000), PAGE };
	const struct drv_part part = { &extent, 1, 0, PAGE, -1, true };
	struct drv_space *space;

	vrig_fini(rig);
	vrig_init(rig, is_pci);
	rig->fake.offered &= ~FAKE_F_MMIO;
	vrig_probe(rig);
	vrig_takeover(rig, NULL, 0);
	space = bound_space(rig);
	assert_int_equal(map_part(rig, space, AT, &part, BOTH), 0);
	assert_int_equal(rig->ops->commit(space, &rig->err), 0);
	assert_int_equal(rig->fake.mappings[0].flags, 3);
}

static void space_rights_are_what_was_asked(void **state)
{
	struct vrig *rig = *state;
	struct drv_space *space = bound_space(rig);
	const struct extent extent = { PA(VRIG_MEMORY), PAGE };
	const struct drv_part part = { &extent, 1, 0, PAGE, -1, false };
	uint64_t pa;

	assert_int_equal(map_part(rig, space, AT, &part, RIGHT_READ), 0);
	assert_int_equal(map_part(rig, space, AT + PAGE, &part, RIGHT_WRITE), 0);
	assert_int_equal(map_part(rig, space, AT + 2 * PAGE, &part, RIGHT_ALL), 0);
	assert_int_equal(rig->ops->commit(space, &rig->err), 0);
	assert_true(virtio_fake_reach(&rig->fake, VRIG_STREAM, AT, 1, &pa));
	assert_false(virtio_fake_reach(&rig->fake, VRIG_STREAM, AT, 2, &pa));
	assert_false(virtio_fake_reach(&rig->fake, VRIG_STREAM, AT + PAGE, 1, &pa));
	assert_true(virtio_fake_reach(&rig->fake, VRIG_STREAM, AT + PAGE, 2, &pa));
	assert_true(virtio_fake_reach(&rig->fake, VRIG_STREAM, AT + 2 * PAGE, 3, &pa));
	assert_int_equal(map_part(rig, space, AT + 3 * PAGE, &part, RIGHT_EXEC), -EOPNOTSUPP);
	assert_int_equal(map_part(rig, space, AT + 3 * PAGE, &part, 0), -EOPNOTSUPP);
}

static void space_map_refuses_what_it_cannot_do_and_changes_nothing(void **state)
{
	struct vrig *rig = *state;
	struct drv_space *space = bound_space(rig);
	const struct extent good[] = { { PA(VRIG_MEMORY), PAGE }, { PA(VRIG_MEMORY + 0x10000), PAGE } };
	const struct extent odd[] = { { PA(VRIG_MEMORY), PAGE }, { PA(VRIG_MEMORY + 0x10001), PAGE } };
	const struct extent own[] = { { PA(VRIG_MEMORY), PAGE }, { PA(VIRTIO_FAKE_PA + PAGE), PAGE } };
	const struct { uint64_t iova; struct drv_part part; int code; const char *words; } rows[] = {
		{ AT, { odd, 2, 0, 2 * PAGE, -1, false }, -EINVAL, "not made of whole 4 KiB pages" },
		{ AT, { own, 2, 0, 2 * PAGE, -1, false }, -EPERM, "never granted" },
		{ AT, { good, 2, 0, 3 * PAGE, -1, false }, -EINVAL, "past the end of the memory" },
		{ AT, { good, 2, 2 * PAGE, PAGE, -1, false }, -EINVAL, "past the end of the memory" },
		{ AT, { good, 2, 0, 0, -1, false }, -EINVAL, "is no range of whole 4 KiB pages" },
		{ AT + 1, { good, 2, 0, PAGE, -1, false }, -EINVAL, "is no range" },
		{ AT, { good, 2, 0, PAGE + 1, -1, false }, -EINVAL, "is no range" },
		{ UINT64_MAX - PAGE + 1, { good, 2, 0, 2 * PAGE, -1, false }, -EINVAL, "is no range" },
		{ UINT64_C(1) << 48, { good, 2, 0, PAGE, -1, false }, -EINVAL, "outside what the device translates" },
		{ (UINT64_C(1) << 48) - PAGE, { good, 2, 0, 2 * PAGE, -1, false }, -EINVAL, "outside" },
		{ AT - PAGE, { good, 2, 0, 2 * PAGE, -1, false }, -EEXIST, "overlaps what is mapped at 0x100000" },
		{ AT + PAGE, { good, 2, 0, PAGE, -1, false }, -EEXIST, "overlaps" },
		{ AT, { good, 2, 0, 2 * PAGE, -1, false }, -EEXIST, "overlaps" },
	};
	unsigned i;

	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		if (rows[i].code == -EEXIST && rig->fake.mapping_count == 0)
			vrig_map(rig, space, AT, 2 * PAGE);
		virtio_fake_log(&rig->fake);
		assert_int_equal(map_part(rig, space, rows[i].iova, &rows[i].part, BOTH), rows[i].code);
		assert_non_null(strstr(rig->err.text, rows[i].words));
		assert_int_equal(rig->ops->commit(space, &rig->err), 0);
		assert_int_equal(rig->fake.served, 0);
	}
	/* What had been begun left nothing: the same place takes a good one. */
	assert_int_equal(rig->fake.mapping_count, 1);
	vrig_map(rig, space, AT + 2 * PAGE, PAGE);
	vrig_map(rig, space, (UINT64_C(1) << 48) - PAGE, PAGE);
}

static void space_input_range_has_a_beginning_too(void **state)
{
	struct vrig *rig = *state;
	struct drv_reserved list[4];
	struct drv_space *space;

	teardown(state);
	rig = calloc(1, sizeof(*rig));
	*state = rig;
	vrig_init(rig, is_pci);
	virtio_fake_set(&rig->fake, FAKE_INPUT_START, 8, 0x10000);
	vrig_probe(rig);
	vrig_takeover(rig, NULL, 0);
	space = vrig_space(rig);
	assert_int_equal(vrig_try_map(rig, space, 0xf000, PAGE), -EINVAL);
	assert_int_equal(vrig_try_map(rig, space, 0xf000, 2 * PAGE), -EINVAL);
	assert_int_equal(vrig_try_map(rig, space, 0x10000, PAGE), 0);
	assert_int_equal(rig->ops->reserved(rig->unit, 99, list, 4), 1);
	assert_int_equal(list[0].kind, DRV_RESERVED_UNUSABLE);
	assert_int_equal(list[0].iova, 0);
	assert_int_equal(list[0].length, 0x10000);
}

static void space_books_have_a_limit(void **state)
{
	struct vrig *rig = *state;
	struct drv_space *space;
	uint64_t i, per_page = PAGE / sizeof(struct run);

	assert_int_equal(rig->ops->space_create(rig->unit, 1, &space, &rig->err), 0);
	assert_int_equal(space->table_pages, 0);
	for (i = 0; i < per_page; i++)
		vrig_map(rig, space, AT + 2 * i * PAGE, PAGE);
	assert_int_equal(space->table_pages, 1);
	assert_int_equal(vrig_try_map(rig, space, AT + 2 * i * PAGE, PAGE), -EDQUOT);
	vrig_unmap(rig, space, AT, PAGE);
	vrig_map(rig, space, AT + 2 * i * PAGE, PAGE);
	assert_int_equal(space->table_pages, 1);
}

/* --- all or nothing --- */

/* A batch of five, of which the k-th is refused: none of them holds, and none is forgotten. */
static void space_batch_is_taken_back_whichever_map_fails(void **state)
{
	static const uint32_t statuses[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	static const int codes[] = { -EIO, -EOPNOTSUPP, -EIO, -EINVAL, -ERANGE, -ENOENT, -EFAULT,
				     -ENOMEM };
	struct vrig *rig = *state;
	struct drv_space *space = bound_space(rig);
	unsigned k, i, s;

	vrig_map(rig, space, AT - 4 * PAGE, PAGE);
	for (s = 0; s < ARRAY_COUNT(statuses); s++) {
		for (k = 1; k <= 5; k++) {
			virtio_fake_log(&rig->fake);
			rig->fake.sin = FAKE_SIN_STATUS;
			rig->fake.sin_value = statuses[s];
			rig->fake.sin_at = k;
			for (i = 0; i < 5; i++)
				assert_int_equal(vrig_try_map(rig, space, AT + 2 * i * PAGE, PAGE), 0);
			assert_int_equal(rig->ops->commit(space, &rig->err), codes[s]);
			assert_non_null(strstr(rig->err.text, "smmu0 refused to map 0x10"));
			assert_int_equal(rig->fake.by_type[FAKE_MAP], 5);
			assert_int_equal(rig->fake.by_type[FAKE_UNMAP], 4);
			assert_int_equal(rig->fake.kicks, 2);
			for (i = 0; i < 5; i++)
				assert_false(vrig_reaches(rig, VRIG_STREAM, AT + 2 * i * PAGE));
			assert_int_equal(rig->fake.mapping_count, 1);
			assert_false(rig->unit->is_closed);
		}
	}
	rig->fake.sin = FAKE_SIN_NONE;
	for (i = 0; i < 5; i++)
		vrig_map(rig, space, AT + 2 * i * PAGE, PAGE);
	assert_true(vrig_reaches(rig, VRIG_STREAM, AT - 4 * PAGE));
}

static void space_map_used_without_an_answer_is_refused(void **state)
{
	struct vrig *rig = *state;
	struct drv_space *space = bound_space(rig);

	rig->fake.sin = FAKE_SIN_UNWRITTEN;
	rig->fake.sin_at = 1;
	assert_int_equal(vrig_try_map(rig, space, AT, PAGE), 0);
	assert_int_equal(rig->ops->commit(space, &rig->err), -EOPNOTSUPP);
	assert_false(rig->unit->is_closed);
}

/* What is taken back is refused to be taken back: then everything is shut. */
static void space_batch_that_cannot_be_taken_back_closes_the_unit(void **state)
{
	struct vrig *rig = *state;
	struct drv_space *space = bound_space(rig);

	rig->fake.sin = FAKE_SIN_STATUS;
	rig->fake.sin_value = 3;
	rig->fake.sin_at = 2;
	rig->fake.sin_stays = true;
	assert_int_equal(vrig_try_map(rig, space, AT, PAGE), 0);
	assert_int_equal(vrig_try_map(rig, space, AT + 2 * PAGE, PAGE), 0);
	assert_int_equal(rig->ops->commit(space, &rig->err), -EIO);
	assert_true(rig->unit->is_closed);
	assert_false(vrig_reaches(rig, VRIG_STREAM, AT));
}

static void space_commit_of_nothing_says_nothing(void **state)
{
	struct vrig *rig = *state;
	struct drv_space *space = bound_space(rig);

	assert_int_equal(rig->ops->commit(space, &rig->err), 0);
	assert_int_equal(rig->fake.kicks, 0);
	vrig_set(rig, VRIG_STREAM, DRV_DENY, NULL);
	virtio_fake_log(&rig->fake);
	vrig_map(rig, space, AT, PAGE); /* nobody is attached: the books alone */
	assert_int_equal(rig->fake.kicks, 0);
}

static void space_of_a_closed_unit_commits_nothing(void **state)
{
	struct vrig *rig = *state;
	struct drv_space *space = bound_space(rig);
	struct drv_walk walk;

	rig->ops->close(rig->unit);
	assert_int_equal(vrig_try_map(rig, space, AT, PAGE), 0);
	assert_int_equal(rig->ops->commit(space, &rig->err), -EIO);
	rig->ops->walk(space, IOVA(AT), &walk);
	assert_false(walk.is_mapped);
}

/* Taken away before it was committed: an UNMAP never overtakes its MAP. */
static void space_unmap_of_an_uncommitted_map_leaves_nothing(void **state)
{
	struct vrig *rig = *state;
	struct drv_space *space = bound_space(rig);

	rig->fake.is_reversed = true;
	assert_int_equal(vrig_try_map(rig, space, AT, PAGE), 0);
	assert_int_equal(vrig_try_map(rig, space, AT + 2 * PAGE, PAGE), 0);
	vrig_unmap(rig, space, AT, PAGE);
	assert_false(vrig_reaches(rig, VRIG_STREAM, AT));
	assert_int_equal(rig->ops->commit(space, &rig->err), 0);
	assert_true(vrig_reaches(rig, VRIG_STREAM, AT + 2 * PAGE));
	assert_int_equal(rig->fake.mapping_count, 1);
}

/* The same for a MAP that follows an UNMAP of the same address. */
static void space_map_after_unmap_waits_for_it(void **state)
{
	struct vrig *rig = *state;
	struct drv_space *space = bound_space(rig);
	struct drv_gather gather = { 0 };

	vrig_map(rig, space, AT, PAGE);
	rig->fake.is_reversed = true;
	rig->ops->unmap(space, IOVA(AT), PAGE, &gather);
	vrig_map(rig, space, AT, PAGE);
	vrig_wait(rig, rig->ops->submit(rig->unit, &gather));
	assert_true(vrig_lands(rig, VRIG_STREAM, AT, VRIG_MEMORY + AT));
}

/* A map that was never answered must not be freed under the answer. */
static void space_unmap_while_the_domain_ends_waits_for_the_map(void **state)
{
	struct vrig *rig = *state;
	struct drv_space *space = bound_space(rig);
	struct drv_gather gather = { 0 };

	assert_int_equal(vrig_try_map(rig, space, AT, PAGE), 0);
	assert_int_equal(rig->ops->set_stream(rig->unit, VRIG_STREAM, DRV_DENY, NULL, &gather,
					      &rig->err), 0);
	rig->ops->unmap(space, IOVA(AT), PAGE, &gather);
	vrig_wait(rig, rig->ops->submit(rig->unit, &gather));
	assert_false(rig->unit->is_closed);
	assert_int_equal(rig->fake.mapping_count, 0);
	rig->ops->space_destroy(space);
}

/* --- the life of a domain --- */

static void space_is_replayed_at_the_first_attach(void **state)
{
	struct vrig *rig = *state;
	struct drv_space *space = vrig_space(rig);
	unsigned round, i;

	for (i = 0; i < 40; i++)
		vrig_map(rig, space, AT + 2 * i * PAGE, PAGE);
	assert_int_equal(rig->fake.by_type[FAKE_MAP], 0);
	for (round = 0; round < 3; round++) {
		virtio_fake_log(&rig->fake);
		vrig_set(rig, VRIG_STREAM, DRV_BOUND, space);
		assert_int_equal(rig->fake.by_type[FAKE_MAP], 40);
		assert_int_equal(rig->fake.kicks, 1);
		/* The second one joins a domain that is there. */
		vrig_set(rig, VRIG_OTHER, DRV_BOUND, space);
		assert_int_equal(rig->fake.by_type[FAKE_MAP], 40);
		for (i = 0; i < 40; i++) {
			assert_true(vrig_reaches(rig, VRIG_STREAM, AT + 2 * i * PAGE));
			assert_true(vrig_reaches(rig, VRIG_OTHER, AT + 2 * i * PAGE));
		}
		vrig_set(rig, VRIG_STREAM, DRV_DENY, NULL);
		assert_int_equal(rig->fake.mapping_count, 40);
		vrig_set(rig, VRIG_OTHER, DRV_SILENT, NULL);
		assert_int_equal(rig->fake.mapping_count, 0);
	}
}

static void space_replay_on_a_device_without_order_works(void **state)
{
	struct vrig *rig = *state;
	struct drv_space *space = vrig_space(rig);
	unsigned i;

	rig->fake.is_reversed = true; /* MAP before ATTACH: NOENT, and once more */
	for (i = 0; i < 10; i++)
		vrig_map(rig, space, AT + 2 * i * PAGE, PAGE);
	vrig_set(rig, VRIG_STREAM, DRV_BOUND, space);
	for (i = 0; i < 10; i++)
		assert_true(vrig_lands(rig, VRIG_STREAM, AT + 2 * i * PAGE,
				       VRIG_MEMORY + AT + 2 * i * PAGE));
}

/* Whatever request of a bind is refused, the stream ends shut and the space as it was. */
static void space_replay_that_fails_leaves_the_stream_shut(void **state)
{
	unsigned k;

	for (k = 1; k <= 4; k++) {
		struct vrig *rig = *state;
		struct drv_space *space = vrig_space(rig);
		struct drv_gather gather = { 0 };

		vrig_map(rig, space, AT, PAGE);
		vrig_map(rig, space, AT + 2 * PAGE, PAGE);
		vrig_map(rig, space, AT + 4 * PAGE, PAGE);
		virtio_fake_log(&rig->fake);
		rig->fake.sin = FAKE_SIN_STATUS;
		rig->fake.sin_value = 8;
		rig->fake.sin_at = k;
		assert_int_equal(rig->ops->set_stream(rig->unit, VRIG_STREAM, DRV_BOUND, space,
						      &gather, &rig->err), -ENOMEM);
		assert_non_null(strstr(rig->err.text, k == 1 ? "refused to attach stream 0x8" :
							       "refused to map 0x10"));
		assert_false(rig->unit->is_closed);
		assert_false(vrig_reaches(rig, VRIG_STREAM, AT));
		assert_int_equal(rig->fake.mapping_count, 0);
		rig->fake.sin = FAKE_SIN_NONE;
		vrig_set(rig, VRIG_STREAM, DRV_BOUND, space);
		assert_true(vrig_reaches(rig, VRIG_STREAM, AT + 4 * PAGE));
		teardown(state);
		setup(state);
	}
}

static void space_destroyed_gives_its_domain_when_the_detach_is_answered(void **state)
{
	struct vrig *rig = *state;
	struct drv_space *space = bound_space(rig);
	struct vsmmu *vsmmu = vsmmu_of(rig->unit);
	struct drv_gather gather = { 0 };
	uint32_t domain = vsmmu_space_of(space)->domain;
	uint64_t bit;

	bit = BIT(domain % 64);
	vrig_map(rig, space, AT, PAGE);
	rig->fake.is_stopped = true;
	assert_int_equal(rig->ops->set_stream(rig->unit, VRIG_STREAM, DRV_DENY, NULL, &gather,
					      &rig->err), 0);
	rig->ops->space_destroy(space);
	assert_true(vsmmu->domain_map[0] & bit);
	rig->ops->completed(rig->unit);
	assert_true(vsmmu->domain_map[0] & bit);
	virtio_fake_serve(&rig->fake, 10);
	rig->ops->completed(rig->unit);
	assert_false(vsmmu->domain_map[0] & bit);
	assert_int_equal(rig->unit->counts.table_pages, 3 + 4 + 1 + 3 + 2);
}

static void space_create_runs_out_of_domains(void **state)
{
	struct vrig *rig = *state;
	struct drv_space *spaces[3];

	teardown(state);
	rig = calloc(1, sizeof(*rig));
	*state = rig;
	vrig_init(rig, is_pci);
	virtio_fake_set(&rig->fake, FAKE_DOMAIN_START, 4, 40);
	virtio_fake_set(&rig->fake, FAKE_DOMAIN_END, 4, 42);
	vrig_probe(rig);
	vrig_takeover(rig, NULL, 0);
	spaces[0] = vrig_space(rig);
	spaces[1] = vrig_space(rig);
	assert_int_equal(rig->ops->space_create(rig->unit, 0, &spaces[2], &rig->err), -ENOSPC);
	assert_non_null(strstr(rig->err.text, "all 2 domains of the device are in use"));
	vrig_map(rig, spaces[1], AT, PAGE);
	vrig_set(rig, VRIG_STREAM, DRV_BOUND, spaces[1]);
	assert_int_equal(rig->fake.endpoints[0].domain, 41);
	rig->ops->space_destroy(spaces[0]);
	spaces[2] = vrig_space(rig);
	assert_int_equal(vsmmu_space_of(spaces[2])->domain, 40);
}

/* --- looking --- */

static void space_walk_tells_what_the_books_hold(void **state)
{
	struct vrig *rig = *state;
	struct drv_space *space = bound_space(rig);
	struct drv_walk walk;

	vrig_map(rig, space, AT, 2 * PAGE);
	rig->ops->walk(space, IOVA(AT + PAGE + 5), &walk);
	assert_true(walk.is_mapped);
	assert_int_equal(walk.pa, VRIG_MEMORY + AT + PAGE + 5);
	assert_int_equal(walk.rights, BOTH);
	assert_int_equal(walk.leaf_bytes, 2 * PAGE);
	assert_int_equal(walk.step_count, 1);
	rig->ops->walk(space, IOVA(AT + 2 * PAGE), &walk);
	assert_false(walk.is_mapped);
	assert_int_equal(walk.step_count, 1);
	assert_false(walk.steps[0].is_valid);
	rig->ops->walk(space, IOVA(AT - 1), &walk);
	assert_false(walk.is_mapped);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(space_bound_reaches_its_grants_and_nothing_else),
		TEST(space_extents_are_one_request_a_run),
		TEST(space_rights_are_what_was_asked),
		TEST(space_registers_are_mapped_as_such),
		TEST(space_registers_are_memory_to_a_device_that_does_not_ask),
		TEST(space_map_refuses_what_it_cannot_do_and_changes_nothing),
		TEST(space_input_range_has_a_beginning_too),
		TEST(space_books_have_a_limit),
		TEST(space_batch_is_taken_back_whichever_map_fails),
		TEST(space_map_used_without_an_answer_is_refused),
		TEST(space_batch_that_cannot_be_taken_back_closes_the_unit),
		TEST(space_commit_of_nothing_says_nothing),
		TEST(space_of_a_closed_unit_commits_nothing),
		TEST(space_unmap_of_an_uncommitted_map_leaves_nothing),
		TEST(space_map_after_unmap_waits_for_it),
		TEST(space_unmap_while_the_domain_ends_waits_for_the_map),
		TEST(space_is_replayed_at_the_first_attach),
		TEST(space_replay_on_a_device_without_order_works),
		TEST(space_replay_that_fails_leaves_the_stream_shut),
		TEST(space_destroyed_gives_its_domain_when_the_detach_is_answered),
		TEST(space_create_runs_out_of_domains),
		TEST(space_walk_tells_what_the_books_hold),
	};
	int failed;

	failed = cmocka_run_group_tests_name("virtio-mmio", tests, NULL, NULL);
	is_pci = true;
	return failed + cmocka_run_group_tests_name("virtio-pci", tests, NULL, NULL);
}
