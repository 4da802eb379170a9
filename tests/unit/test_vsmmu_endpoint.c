// SPDX-License-Identifier: BSD-2-Clause
/* Streams: what PROBE tells of them, and every way from one state to another. */
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

static bool is_pci;

static const struct drv_stream_init denied[] = {
	{ .stream = VRIG_STREAM, .state = DRV_DENY }, { .stream = VRIG_OTHER, .state = DRV_DENY },
};

static int setup(void **state)
{
	struct vrig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	vrig_init(rig, is_pci);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	vrig_fini(*state);
	free(*state);
	return 0;
}

static void start(struct vrig *rig)
{
	vrig_probe(rig);
	vrig_takeover(rig, denied, 2);
}

/* --- PROBE --- */

static void endpoint_regions_are_what_probe_told(void **state)
{
	struct vrig *rig = *state;
	struct drv_reserved list[4];
	uint32_t at;

	at = virtio_fake_region(&rig->fake, 0, 1, 0xfee00000, 0xfeefffff);
	virtio_fake_region(&rig->fake, at, 0, 0x1000, 0x8fff);
	start(rig);
	assert_int_equal(rig->ops->reserved(rig->unit, VRIG_STREAM, list, 4), 2);
	assert_int_equal(list[0].kind, DRV_RESERVED_INTERRUPT);
	assert_int_equal(list[0].iova, 0xfee00000);
	assert_int_equal(list[0].length, 0x100000);
	assert_int_equal(list[1].kind, DRV_RESERVED_UNUSABLE);
	assert_int_equal(list[1].iova, 0x1000);
	assert_int_equal(list[1].length, 0x8000);
	memset(list, 0, sizeof(list));
	assert_int_equal(rig->ops->reserved(rig->unit, VRIG_OTHER, list, 1), 2);
	assert_int_equal(list[0].iova, 0xfee00000);
	assert_int_equal(list[1].length, 0);
	assert_int_equal(rig->ops->reserved(rig->unit, 99, list, 4), 0);
}

static void endpoint_interrupts_are_unsafe_on_x86_alone(void **state)
{
	static const struct { uint8_t subtype; uint64_t start, end; bool is_unsafe; } rows[] = {
		{ 1, 0xfee00000, 0xfeefffff, true },
		{ 1, 0xfeeff000, 0xfeefffff, true },
		{ 1, 0, 0xffffffff, true },
		{ 0, 0xfee00000, 0xfeefffff, false }, /* reserved: nothing goes through */
		{ 1, 0x8090000, 0x809ffff, false },   /* a doorbell that tells devices apart */
		{ 1, 0xfef00000, 0xfef0ffff, false },
		{ 1, 0xfedff000, 0xfedfffff, false },
	};
	unsigned i;

	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		struct vrig *rig = *state;

		virtio_fake_region(&rig->fake, 0, rows[i].subtype, rows[i].start, rows[i].end);
		start(rig);
		assert_int_equal(rig->unit->caps.unsafe_interrupts, rows[i].is_unsafe);
		teardown(state);
		setup(state);
	}
}

static void endpoint_without_probe_has_no_regions(void **state)
{
	struct vrig *rig = *state;
	struct drv_reserved list[4];

	rig->fake.offered &= ~FAKE_F_PROBE;
	start(rig);
	assert_int_equal(rig->fake.by_type[FAKE_PROBE], 0);
	assert_int_equal(rig->ops->reserved(rig->unit, VRIG_STREAM, list, 4), 0);
}

/* An answer of any size, also one whose status is in the middle of a word. */
static void endpoint_probe_takes_odd_sizes(void **state)
{
	static const uint32_t sizes[] = { 24, 25, 28, 31, 511, 512, 1020 };
	unsigned i;

	for (i = 0; i < ARRAY_COUNT(sizes); i++) {
		struct vrig *rig = *state;
		struct drv_reserved list[4];

		virtio_fake_set(&rig->fake, FAKE_PROBE_SIZE, 4, sizes[i]);
		start(rig);
		assert_int_equal(rig->ops->reserved(rig->unit, VRIG_STREAM, list, 4), 1);
		teardown(state);
		setup(state);
	}
}

static void expect_never_attached(struct vrig *rig)
{
	struct drv_space *space = vrig_space(rig);
	struct drv_gather gather = { 0 };
	char text[200];

	virtio_fake_log(&rig->fake);
	assert_int_equal(rig->ops->set_stream(rig->unit, VRIG_STREAM, DRV_BOUND, space, &gather,
					      &rig->err), -EIO);
	assert_non_null(strstr(rig->err.text, "PROBE told nothing usable of stream 0x8"));
	assert_int_equal(rig->fake.by_type[FAKE_ATTACH], 0);
	assert_false(rig->unit->is_closed);
	rig->ops->describe_stream(rig->unit, VRIG_STREAM, text, sizeof(text));
	assert_non_null(strstr(text, "so it is never attached"));
	/* Its neighbour is as good as ever. */
	rig->ops->space_destroy(space);
}

static void endpoint_with_nonsense_for_properties_is_never_attached(void **state)
{
	const uint16_t too_long[2] = { 1, 600 };
	struct vrig *rig = *state;

	memcpy(rig->fake.properties, too_long, 4);
	start(rig);
	expect_never_attached(rig);
}

static void endpoint_with_too_many_regions_is_never_attached(void **state)
{
	struct vrig *rig = *state;
	uint32_t at = 0;
	unsigned i;

	for (i = 0; i < STREAM_RESERVED_MAX + 1; i++)
		at = virtio_fake_region(&rig->fake, at, 0, i * 0x10000, i * 0x10000 + 0xfff);
	start(rig);
	expect_never_attached(rig);
}

static void endpoint_whose_probe_is_refused_is_never_attached(void **state)
{
	struct vrig *rig = *state;

	vrig_probe(rig);
	rig->fake.sin = FAKE_SIN_STATUS;
	rig->fake.sin_value = 3;
	rig->fake.sin_at = 1;
	rig->ops->close(rig->unit);
	virtio_fake_log(&rig->fake);
	vrig_takeover(rig, denied, 2);
	rig->fake.sin = FAKE_SIN_NONE;
	expect_never_attached(rig);
	vrig_set(rig, VRIG_OTHER, DRV_BOUND, vrig_space(rig));
}

static void endpoint_that_the_device_does_not_know_is_refused_at_attach(void **state)
{
	const struct drv_stream_init init = { .stream = 99, .state = DRV_DENY };
	struct vrig *rig = *state;
	struct drv_gather gather = { 0 };

	vrig_probe(rig);
	vrig_takeover(rig, &init, 1);
	assert_int_equal(rig->ops->set_stream(rig->unit, 99, DRV_BOUND, vrig_space(rig), &gather,
					      &rig->err), -ENODEV);
	assert_string_equal(rig->err.text, "smmu0: the device refused to attach stream 0x63 (NOENT: "
			    "the device knows no such endpoint or domain)");
	assert_false(rig->unit->is_closed);
}

/* --- states --- */

static bool is_attached(const struct vrig *rig)
{
	return rig->fake.endpoints[0].is_attached;
}

static void endpoint_goes_from_any_state_to_any_other(void **state)
{
	static const enum drv_stream_state states[] = { DRV_SILENT, DRV_DENY, DRV_BOUND };
	struct vrig *rig = *state;
	struct drv_space *first, *second, *space;
	unsigned from, to;

	start(rig);
	first = vrig_space(rig);
	second = vrig_space(rig);
	vrig_map(rig, first, AT, PAGE);
	vrig_map(rig, second, AT + 2 * PAGE, PAGE);
	for (from = 0; from < 3; from++) {
		for (to = 0; to < 3; to++) {
			vrig_set(rig, VRIG_STREAM, states[from], states[from] == DRV_BOUND ? first : NULL);
			assert_int_equal(is_attached(rig), states[from] == DRV_BOUND);
			space = states[to] == DRV_BOUND ? second : NULL;
			vrig_set(rig, VRIG_STREAM, states[to], space);
			assert_int_equal(is_attached(rig), states[to] == DRV_BOUND);
			assert_false(vrig_reaches(rig, VRIG_STREAM, AT));
			assert_int_equal(vrig_reaches(rig, VRIG_STREAM, AT + 2 * PAGE), space != NULL);
			assert_int_equal(rig->ops->audit(rig->unit, &rig->err), 0);
		}
	}
}

/* Out of the one, confirmed, and only then into the other. */
static void endpoint_moves_by_a_detach_and_an_attach(void **state)
{
	struct vrig *rig = *state;
	struct drv_space *first, *second;

	start(rig);
	first = vrig_space(rig);
	second = vrig_space(rig);
	vrig_set(rig, VRIG_STREAM, DRV_BOUND, first);
	rig->fake.is_reversed = true;
	virtio_fake_log(&rig->fake);
	vrig_set(rig, VRIG_STREAM, DRV_BOUND, second);
	assert_int_equal(rig->fake.log_count, 2);
	assert_int_equal(rig->fake.log[0].bytes[0], FAKE_DETACH);
	assert_int_equal(rig->fake.log[1].bytes[0], FAKE_ATTACH);
	assert_true(is_attached(rig));
	/* To where it is already is nothing. */
	virtio_fake_log(&rig->fake);
	vrig_set(rig, VRIG_STREAM, DRV_BOUND, second);
	assert_int_equal(rig->fake.served, 0);
}

static void endpoint_nobody_named_is_probed_before_it_is_attached(void **state)
{
	struct vrig *rig = *state;
	struct drv_reserved list[1];

	start(rig);
	virtio_fake_log(&rig->fake);
	vrig_set(rig, 24, DRV_BOUND, vrig_space(rig));
	assert_int_equal(rig->fake.log[0].bytes[0], FAKE_PROBE);
	assert_int_equal(rig->fake.log[1].bytes[0], FAKE_ATTACH);
	assert_int_equal(rig->ops->reserved(rig->unit, 24, list, 1), 1);
	/* Shutting one that nobody ever named is nothing. */
	virtio_fake_log(&rig->fake);
	vrig_set(rig, 77, DRV_DENY, NULL);
	vrig_set(rig, 77, DRV_SILENT, NULL);
	assert_int_equal(rig->fake.served, 0);
}

/* It cannot fail, and it takes no memory: neither the heap nor the arena is asked. */
static void endpoint_is_shut_with_no_memory_left(void **state)
{
	struct vrig *rig = *state;

	start(rig);
	vrig_set(rig, VRIG_STREAM, DRV_BOUND, vrig_space(rig));
	while (pages_take(&rig->fake.pages))
		;
	vrig_set(rig, VRIG_STREAM, DRV_DENY, NULL);
	assert_false(is_attached(rig));
}

static void endpoint_of_a_closed_unit_is_refused(void **state)
{
	struct vrig *rig = *state;
	struct drv_gather gather = { 0 };
	struct drv_space *space;

	vrig_probe(rig);
	space = vrig_space(rig);
	assert_int_equal(rig->ops->set_stream(rig->unit, VRIG_STREAM, DRV_BOUND, space, &gather,
					      &rig->err), -EIO);
	assert_string_equal(rig->err.text, "smmu0: the unit is not taken over; no stream can be opened");
	vrig_takeover(rig, denied, 2);
	rig->ops->close(rig->unit);
	assert_int_equal(rig->ops->set_stream(rig->unit, VRIG_STREAM, DRV_BOUND, space, &gather,
					      &rig->err), -EIO);
	assert_string_equal(rig->err.text, "smmu0: the unit is closed; no stream can be opened");
	assert_int_equal(rig->ops->set_stream(rig->unit, VRIG_STREAM, DRV_DENY, NULL, &gather,
					      &rig->err), 0);
}

static void endpoint_bind_without_an_answer_closes_the_unit(void **state)
{
	struct vrig *rig = *state;
	struct drv_gather gather = { 0 };

	start(rig);
	rig->fake.is_stopped = true;
	rig->fake.tick_ns = 100000000;
	assert_int_equal(rig->ops->set_stream(rig->unit, VRIG_STREAM, DRV_BOUND, vrig_space(rig),
					      &gather, &rig->err), -EIO);
	assert_true(rig->unit->is_closed);
	assert_false(vrig_reaches(rig, VRIG_STREAM, AT));
}

static void endpoint_many_streams_are_found_again(void **state)
{
	static struct drv_stream_init init[500];
	struct vrig *rig = *state;
	char text[200];
	unsigned i;

	for (i = 0; i < ARRAY_COUNT(init); i++)
		init[i] = (struct drv_stream_init){ .stream = (i * 7919u) % 65536,
						    .state = i % 2 ? DRV_DENY : DRV_SILENT };
	vrig_probe(rig);
	vrig_takeover(rig, init, ARRAY_COUNT(init));
	for (i = 0; i < ARRAY_COUNT(init); i++) {
		rig->ops->describe_stream(rig->unit, init[i].stream, text, sizeof(text));
		assert_non_null(strstr(text, i % 2 ? "refused and reported" : "only counted"));
	}
	rig->ops->describe_stream(rig->unit, 65537, text, sizeof(text));
	assert_string_equal(text, "attached to nothing, bypass is off: refused and reported");
}

static void endpoint_of_a_closed_unit_leaves_its_space(void **state)
{
	static const enum drv_stream_state states[] = { DRV_DENY, DRV_SILENT };
	char text[200];
	unsigned i;

	for (i = 0; i < ARRAY_COUNT(states); i++) {
		struct vrig *rig = *state;
		struct drv_gather gather = { 0 };
		struct drv_space *space;

		start(rig);
		space = vrig_space(rig);
		vrig_map(rig, space, AT, PAGE);
		vrig_set(rig, VRIG_STREAM, DRV_BOUND, space);
		rig->ops->close(rig->unit);
		virtio_fake_log(&rig->fake);
		assert_int_equal(rig->ops->set_stream(rig->unit, VRIG_STREAM, states[i], NULL, &gather,
						      &rig->err), 0);
		assert_int_equal(rig->fake.served, 0);
		assert_int_equal(rig->fake.kicks, 0);
		rig->ops->describe_stream(rig->unit, VRIG_STREAM, text, sizeof(text));
		assert_null(strstr(text, "attached to domain"));
		assert_int_equal(vsmmu_space_of(space)->bound_count, 0);
		rig->ops->space_destroy(space);
		assert_false(vrig_reaches(rig, VRIG_STREAM, AT));
		teardown(state);
		setup(state);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(endpoint_regions_are_what_probe_told),
		TEST(endpoint_interrupts_are_unsafe_on_x86_alone),
		TEST(endpoint_without_probe_has_no_regions),
		TEST(endpoint_probe_takes_odd_sizes),
		TEST(endpoint_with_nonsense_for_properties_is_never_attached),
		TEST(endpoint_with_too_many_regions_is_never_attached),
		TEST(endpoint_whose_probe_is_refused_is_never_attached),
		TEST(endpoint_that_the_device_does_not_know_is_refused_at_attach),
		TEST(endpoint_goes_from_any_state_to_any_other),
		TEST(endpoint_moves_by_a_detach_and_an_attach),
		TEST(endpoint_nobody_named_is_probed_before_it_is_attached),
		TEST(endpoint_is_shut_with_no_memory_left),
		TEST(endpoint_of_a_closed_unit_is_refused),
		TEST(endpoint_of_a_closed_unit_leaves_its_space),
		TEST(endpoint_bind_without_an_answer_closes_the_unit),
		TEST(endpoint_many_streams_are_found_again),
	};
	int failed;

	failed = cmocka_run_group_tests_name("virtio-mmio", tests, NULL, NULL);
	is_pci = true;
	return failed + cmocka_run_group_tests_name("virtio-pci", tests, NULL, NULL);
}
