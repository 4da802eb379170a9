// SPDX-License-Identifier: BSD-2-Clause
/* What a virtio-iommu must be able to do, and how each thing missing is said. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bits.h"
#include "vrig.h"
#include "vsmmu.h"

static bool is_pci;

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

static void expect_refusal(struct vrig *rig, int code, const char *words)
{
	int ret = vrig_try_probe(rig);

	if (ret == 0)
		rig->ops->forget(rig->unit);
	rig->unit = NULL;
	if (ret != code || !strstr(rig->err.text, words))
		fail_msg("%d '%s' where %d '%s' is expected", ret, rig->err.text, code, words);
	assert_memory_equal(rig->err.text, "smmu0: ", 7);
}

static void probe_of_a_good_device_tells_what_it_can(void **state)
{
	struct vrig *rig = *state;

	vrig_probe(rig);
	assert_int_equal(rig->unit->caps.input_bits, 48);
	assert_int_equal(rig->unit->caps.output_bits, 64);
	assert_int_equal(rig->unit->caps.stream_count, UINT32_MAX);
	assert_true(rig->unit->caps.write_only);
	assert_false(rig->unit->caps.exec_control);
	assert_false(rig->unit->caps.unsafe_interrupts);
	assert_false(rig->unit->found_enabled);
	assert_string_equal(rig->unit->caps.words,
			    is_pci ? "virtio-iommu over PCI, 48-bit, 128 requests, reserved regions by PROBE" :
				     "virtio-iommu over mmio, 48-bit, 128 requests, reserved regions by PROBE");
	assert_string_equal(rig->unit->module->name, "vsmmu");
}

/* Nothing but selectors of what is to be read: status, features, bypass and queues stay. */
static void probe_changes_nothing(void **state)
{
	struct vrig *rig = *state;
	struct virtio_fake before;

	rig->fake.status = 0x0f;
	rig->fake.accepted = rig->fake.offered;
	rig->fake.queues[0].size = rig->fake.queues[1].size = 64;
	rig->fake.queues[1].is_enabled = true;
	rig->fake.queues[1].used = 0x1234000;
	before = rig->fake;
	vrig_probe(rig);
	assert_true(rig->unit->found_enabled);
	assert_int_equal(rig->fake.status, before.status);
	assert_int_equal(rig->fake.accepted, before.accepted);
	assert_memory_equal(rig->fake.config, before.config, sizeof(before.config));
	assert_memory_equal(rig->fake.pci, before.pci, sizeof(before.pci));
	assert_memory_equal(rig->fake.queues, before.queues, sizeof(before.queues));
	assert_int_equal(rig->fake.kicks, 0);
}

static void probe_refuses_features_it_cannot_work_with(void **state)
{
	struct vrig *rig = *state;
	uint64_t good = rig->fake.offered;

	rig->fake.offered = good & ~FAKE_F_VERSION_1;
	expect_refusal(rig, -EOPNOTSUPP, "no VIRTIO_F_VERSION_1: legacy virtio is not spoken");
	rig->fake.offered = good & ~FAKE_F_MAP_UNMAP;
	expect_refusal(rig, -EOPNOTSUPP, "no VIRTIO_IOMMU_F_MAP_UNMAP");
	rig->fake.offered = (good & ~FAKE_F_BYPASS_CONFIG) | FAKE_F_BYPASS;
	expect_refusal(rig, -EOPNOTSUPP, "BYPASS without BYPASS_CONFIG");
	rig->fake.offered = UINT64_MAX;
	expect_refusal(rig, -ENODEV, "features read all ones");
}

/* Each of these may be there or not. */
static void probe_accepts_what_it_knows_and_nothing_else(void **state)
{
	struct vrig *rig = *state;
	const uint64_t known = FAKE_F_VERSION_1 | FAKE_F_MAP_UNMAP | FAKE_F_INPUT_RANGE |
			       FAKE_F_DOMAIN_RANGE | FAKE_F_PROBE | FAKE_F_BYPASS_CONFIG |
			       FAKE_F_ACCESS_PLATFORM | FAKE_F_MMIO;
	static const uint64_t optional[] = { FAKE_F_INPUT_RANGE, FAKE_F_DOMAIN_RANGE, FAKE_F_PROBE,
					     FAKE_F_BYPASS_CONFIG, FAKE_F_ACCESS_PLATFORM,
					     FAKE_F_MMIO };
	unsigned i;

	rig->fake.offered = known | FAKE_F_BYPASS | FAKE_F_INDIRECT |
			    FAKE_F_EVENT_IDX | UINT64_C(0xff) << 34;
	vrig_probe(rig);
	assert_int_equal(vsmmu_of(rig->unit)->features.accepted, known);
	rig->ops->forget(rig->unit);
	for (i = 0; i < ARRAY_COUNT(optional); i++) {
		rig->fake.offered = known & ~optional[i];
		vrig_probe(rig);
		assert_int_equal(vsmmu_of(rig->unit)->features.accepted, known & ~optional[i]);
		rig->ops->forget(rig->unit);
	}
	rig->unit = NULL;
}

static void probe_refuses_pages_larger_than_ours(void **state)
{
	struct vrig *rig = *state;

	virtio_fake_set(&rig->fake, FAKE_PAGE_SIZES, 8, 0);
	expect_refusal(rig, -EOPNOTSUPP, "page_size_mask is 0");
	virtio_fake_set(&rig->fake, FAKE_PAGE_SIZES, 8, 0x40010000);
	expect_refusal(rig, -EOPNOTSUPP, "has no 4 KiB pages: its granularity is 65536 bytes");
	/* Finer is good: whole pages of ours are whole pages of its. */
	virtio_fake_set(&rig->fake, FAKE_PAGE_SIZES, 8, 0x200400);
	vrig_probe(rig);
}

static void expect_input(struct vrig *rig, uint64_t start, uint64_t end, uint64_t first,
			 uint64_t last, unsigned bits)
{
	virtio_fake_set(&rig->fake, FAKE_INPUT_START, 8, start);
	virtio_fake_set(&rig->fake, FAKE_INPUT_END, 8, end);
	vrig_probe(rig);
	assert_int_equal(vsmmu_of(rig->unit)->features.first, first);
	assert_int_equal(vsmmu_of(rig->unit)->features.last, last);
	assert_int_equal(rig->unit->caps.input_bits, bits);
	rig->ops->forget(rig->unit);
	rig->unit = NULL;
}

static void probe_takes_whole_pages_of_the_input_range(void **state)
{
	struct vrig *rig = *state;

	expect_input(rig, 0, UINT64_MAX, 0, INT64_MAX, 63);
	expect_input(rig, 0, 0xffffffff, 0, 0xffffffff, 32);
	expect_input(rig, 0x10000, 0x7fffffffff, 0x10000, 0x7fffffffff, 39);
	expect_input(rig, 0x10001, 0x17ffffffff, 0x11000, 0x17ffffffff, 36);
	expect_input(rig, 0xfff, 0x5000, 0x1000, 0x4fff, 14);
	expect_input(rig, 0, 0xfff, 0, 0xfff, 12);
}

static void probe_refuses_an_input_range_without_a_page(void **state)
{
	static const uint64_t rows[][2] = {
		{ 0x2000, 0x1fff }, { 0, 0 }, { 0, 0xffe }, { 1, 0x1ffe }, { 0x1000, 0x1ffe },
		{ UINT64_MAX - 0xffe, UINT64_MAX }, { UINT64_MAX, UINT64_MAX },
	};
	struct vrig *rig = *state;
	unsigned i;

	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		virtio_fake_set(&rig->fake, FAKE_INPUT_START, 8, rows[i][0]);
		virtio_fake_set(&rig->fake, FAKE_INPUT_END, 8, rows[i][1]);
		expect_refusal(rig, -EPROTO, "holds no page");
	}
	virtio_fake_set(&rig->fake, FAKE_INPUT_START, 8, UINT64_C(1) << 63);
	virtio_fake_set(&rig->fake, FAKE_INPUT_END, 8, UINT64_MAX);
	expect_refusal(rig, -EOPNOTSUPP, "beyond 63 bits");
	/* Without the feature the fields mean nothing. */
	rig->fake.offered &= ~FAKE_F_INPUT_RANGE;
	vrig_probe(rig);
	assert_int_equal(rig->unit->caps.input_bits, 63);
}

static void probe_refuses_a_domain_range_without_two(void **state)
{
	struct vrig *rig = *state;

	virtio_fake_set(&rig->fake, FAKE_DOMAIN_START, 4, 5);
	virtio_fake_set(&rig->fake, FAKE_DOMAIN_END, 4, 4);
	expect_refusal(rig, -EPROTO, "domain_range 5 to 4 is empty");
	virtio_fake_set(&rig->fake, FAKE_DOMAIN_END, 4, 5);
	expect_refusal(rig, -EPROTO, "domain_range 5 to 5 is a single domain");
	virtio_fake_set(&rig->fake, FAKE_DOMAIN_END, 4, 6);
	vrig_probe(rig);
	rig->ops->forget(rig->unit);
	rig->fake.offered &= ~FAKE_F_DOMAIN_RANGE;
	virtio_fake_set(&rig->fake, FAKE_DOMAIN_END, 4, 0);
	vrig_probe(rig);
	assert_int_equal(vsmmu_of(rig->unit)->features.domain_count, 65536);
}

static void probe_refuses_a_probe_size_that_cannot_be(void **state)
{
	static const uint32_t bad[] = { 0, 3, 65537, UINT32_MAX };
	static const uint32_t good[] = { 4, 24, 77, 65536 };
	struct vrig *rig = *state;
	unsigned i;

	for (i = 0; i < ARRAY_COUNT(bad); i++) {
		virtio_fake_set(&rig->fake, FAKE_PROBE_SIZE, 4, bad[i]);
		expect_refusal(rig, -EPROTO, "with a probe_size of");
	}
	for (i = 0; i < ARRAY_COUNT(good); i++) {
		virtio_fake_set(&rig->fake, FAKE_PROBE_SIZE, 4, good[i]);
		vrig_probe(rig);
		assert_int_equal(vsmmu_of(rig->unit)->features.probe_bytes, good[i]);
		rig->ops->forget(rig->unit);
	}
	rig->fake.offered &= ~FAKE_F_PROBE;
	virtio_fake_set(&rig->fake, FAKE_PROBE_SIZE, 4, 0);
	vrig_probe(rig);
	assert_int_equal(vsmmu_of(rig->unit)->features.probe_bytes, 0);
}

static void probe_refuses_a_bypass_that_is_neither(void **state)
{
	struct vrig *rig = *state;

	rig->fake.config[FAKE_BYPASS] = 2;
	expect_refusal(rig, -EPROTO, "bypass reads 0x02; 0 and 1 are what it may be");
	rig->fake.config[FAKE_BYPASS] = 0;
	vrig_probe(rig);
}

static void probe_refuses_queues_that_cannot_be(void **state)
{
	struct vrig *rig = *state;

	rig->fake.queues[0].max = 0;
	expect_refusal(rig, -EPROTO, "no request queue: its size is 0");
	rig->fake.queues[0].max = 1;
	expect_refusal(rig, -EPROTO, "the request queue has 1 descriptors");
	rig->fake.queues[0].max = 96;
	expect_refusal(rig, -EPROTO, "a power of two from 2 to 32768");
	rig->fake.queues[0].max = 256;
	rig->fake.queues[1].max = 0;
	expect_refusal(rig, -EPROTO, "no event queue: its size is 0");
	rig->fake.queues[1].max = 3;
	expect_refusal(rig, -EPROTO, "the event queue has 3 descriptors");
	rig->fake.queue_count = 1;
	expect_refusal(rig, -EPROTO, "no event queue");
	rig->fake.queue_count = 2;
	rig->fake.queues[1].max = 32768;
	vrig_probe(rig);
	assert_int_equal(vsmmu_of(rig->unit)->features.event_log2, 8);
}

static void probe_uses_smaller_queues_when_asked(void **state)
{
	struct vrig *rig = *state;

	rig->options = (struct drv_options){ .command_log2 = 3, .event_log2 = 4 };
	vrig_probe(rig);
	assert_int_equal(vsmmu_of(rig->unit)->features.request_log2, 3);
	assert_int_equal(vsmmu_of(rig->unit)->features.event_log2, 4);
}

static void probe_refuses_options_of_other_units(void **state)
{
	static const struct drv_options rows[] = {
		{ .stage = DRV_STAGE_1 }, { .table = DRV_TABLE_LINEAR }, { .mode = DRV_MODE_SCALABLE },
	};
	struct vrig *rig = *state;
	unsigned i;

	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		rig->options = rows[i];
		expect_refusal(rig, -EOPNOTSUPP, "a virtio-iommu has no tables of ours");
	}
}

static void probe_refuses_a_configuration_that_never_holds_still(void **state)
{
	struct vrig *rig = *state;

	rig->fake.mute = FAKE_RESTLESS;
	expect_refusal(rig, -EAGAIN, "changed 16 times while it was read");
}

static void probe_refuses_a_device_that_is_gone(void **state)
{
	struct vrig *rig = *state;

	rig->fake.is_gone = true;
	expect_refusal(rig, -ENODEV, is_pci ? "no PCI function answers" : "no virtio device at");
}

static void probe_match_takes_both_transports_alone(void **state)
{
	static const char *const others[] = { "virtio,mmio", "arm,smmu-v3", "virtio,pci", "" };
	struct drv_found found = { .name = "x" };
	unsigned i;

	(void)state;
	assert_false(vsmmu_match(&found));
	for (i = 0; i < ARRAY_COUNT(others); i++) {
		found.compatible = others[i];
		assert_false(vsmmu_match(&found));
	}
	found.compatible = "virtio,pci-iommu";
	assert_true(vsmmu_match(&found));
	found.compatible = "virtio,mmio-iommu";
	assert_true(vsmmu_match(&found));
}

/* --- virtio-mmio alone --- */

static void probe_mmio_refuses_other_devices(void **state)
{
	struct vrig *rig = *state;

	rig->fake.mmio_id[0] = 0x12345678;
	expect_refusal(rig, -ENODEV, "MagicValue reads 0x12345678");
	rig->fake.mmio_id[0] = 0x74726976;
	rig->fake.mmio_id[1] = 1;
	expect_refusal(rig, -EOPNOTSUPP, "Version reads 1");
	rig->fake.mmio_id[1] = 2;
	rig->fake.mmio_id[2] = 2;
	expect_refusal(rig, -ENODEV, "is of type 2, an IOMMU is of type 23");
	rig->fake.mmio_id[2] = 0; /* a place with no device */
	expect_refusal(rig, -ENODEV, "is of type 0");
}

static void probe_mmio_refuses_a_small_window(void **state)
{
	struct drv_found found = virtio_fake_found(&((struct vrig *)*state)->fake);
	struct drv_options options = { 0 };
	struct vrig *rig = *state;

	found.size = 0x127;
	assert_int_equal(drv_find(&found)->probe(&rig->fake.hw, &found, &options, &rig->unit,
						 &rig->err), -EINVAL);
	assert_non_null(strstr(rig->err.text, "has at least 0x128"));
	found.size = 0x128;
	assert_int_equal(drv_find(&found)->probe(&rig->fake.hw, &found, &options, &rig->unit,
						 &rig->err), 0);
	rig->ops = rig->unit->ops;
}

/* --- virtio-pci alone --- */

static void probe_pci_refuses_other_functions(void **state)
{
	struct vrig *rig = *state;

	rig->fake.pci[2] = 0x41;
	expect_refusal(rig, -ENODEV, "is 1af4:1041, a virtio-iommu is 1af4:1057");
	rig->fake.pci[2] = 0x57;
	rig->fake.pci[0] = 0xf5;
	expect_refusal(rig, -ENODEV, "is 1af5:1057");
}

static void probe_pci_refuses_a_function_that_is_not_placed(void **state)
{
	struct drv_found found = virtio_fake_found(&((struct vrig *)*state)->fake);
	struct drv_options options = { 0 };
	struct vrig *rig = *state;

	rig->fake.pci[4] = 0;
	expect_refusal(rig, -ENXIO, "memory decoding of the PCI function is off");
	rig->fake.pci[4] = 2;
	memset(&rig->fake.pci[0x20], 0, 8);
	expect_refusal(rig, -EPROTO, "gives COMMON_CFG a usable place");
	found.config = 0;
	assert_int_equal(drv_find(&found)->probe(&rig->fake.hw, &found, &options, &rig->unit,
						 &rig->err), -EINVAL);
	assert_non_null(strstr(rig->err.text, "nothing says where"));
}

static void probe_pci_refuses_capabilities_without_an_end(void **state)
{
	struct vrig *rig = *state;

	rig->fake.pci[0x75] = 0x40; /* the last one points to the first */
	expect_refusal(rig, -EPROTO, "runs in a circle");
	rig->fake.pci[0x75] = 0x74; /* to itself */
	expect_refusal(rig, -EPROTO, "runs in a circle");
	rig->fake.pci[0x75] = 0x10; /* into the header */
	expect_refusal(rig, -EPROTO, "leaves its place (at 0x10)");
	rig->fake.pci[6] = 0; /* none at all */
	expect_refusal(rig, -EPROTO, "gives COMMON_CFG a usable place");
}

struct cap_row {
	unsigned at; /* byte of configuration space */
	uint32_t value;
	unsigned size;
	const char *missing;
};

static void probe_pci_refuses_capabilities_that_lie(void **state)
{
	static const struct cap_row rows[] = {
		{ 0x74 + 2, 15, 1, "COMMON_CFG" },	     /* shorter than a capability */
		{ 0x74 + 2, 255, 1, "COMMON_CFG" },	     /* past the end of the space */
		{ 0x74 + 4, 6, 1, "COMMON_CFG" },	     /* BAR 6 */
		{ 0x74 + 4, 1, 1, "COMMON_CFG" },	     /* a BAR that is not there */
		{ 0x74 + 4, 5, 1, "COMMON_CFG" },	     /* the upper half of one */
		{ 0x74 + 8, 2, 4, "COMMON_CFG" },	     /* not aligned */
		{ 0x74 + 12, 55, 4, "COMMON_CFG" },	     /* shorter than the registers */
		{ 0x74 + 12, 0, 4, "COMMON_CFG" },
		{ 0x50 + 12, 39, 4, "DEVICE_CFG" },
		{ 0x50 + 8, 1, 4, "DEVICE_CFG" },
		{ 0x60 + 2, 16, 1, "NOTIFY_CFG" },	     /* without its multiplier */
		{ 0x60 + 12, 1, 4, "NOTIFY_CFG" },
		{ 0x60 + 3, 9, 1, "NOTIFY_CFG" },	     /* of another kind */
		{ 0x74 + 0, 0x11, 1, "COMMON_CFG" },	     /* not virtio's */
	};
	uint8_t good[256];
	struct vrig *rig = *state;
	unsigned i;

	memcpy(good, rig->fake.pci, sizeof(good));
	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		char words[64];

		memcpy(&rig->fake.pci[rows[i].at], &rows[i].value, rows[i].size);
		snprintf(words, sizeof(words), "gives %s a usable place", rows[i].missing);
		expect_refusal(rig, -EPROTO, words);
		memcpy(rig->fake.pci, good, sizeof(good));
	}
	vrig_probe(rig);
}

/* A BAR at the very top, with a capability that would wrap. */
static void probe_pci_refuses_windows_that_wrap(void **state)
{
	const uint32_t bar[2] = { 0xfffff00c, 0xffffffff };
	struct vrig *rig = *state;

	memcpy(&rig->fake.pci[0x20], bar, sizeof(bar));
	expect_refusal(rig, -EPROTO, "gives NOTIFY_CFG a usable place");
}

/* The first of a kind that can be used is the one to use. */
static void probe_pci_takes_the_first_usable_capability(void **state)
{
	struct vrig *rig = *state;

	memcpy(&rig->fake.pci[0xb0], &rig->fake.pci[0x74], 16);
	rig->fake.pci[0xb0 + 4] = 2; /* BAR 2 is not there */
	rig->fake.pci[0xb1] = 0x98;
	rig->fake.pci[0x34] = 0xb0;
	vrig_probe(rig);
	assert_int_equal(vsmmu_of(rig->unit)->transport.common.base, VIRTIO_FAKE_BAR);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(probe_of_a_good_device_tells_what_it_can),
		TEST(probe_changes_nothing),
		TEST(probe_refuses_features_it_cannot_work_with),
		TEST(probe_accepts_what_it_knows_and_nothing_else),
		TEST(probe_refuses_pages_larger_than_ours),
		TEST(probe_takes_whole_pages_of_the_input_range),
		TEST(probe_refuses_an_input_range_without_a_page),
		TEST(probe_refuses_a_domain_range_without_two),
		TEST(probe_refuses_a_probe_size_that_cannot_be),
		TEST(probe_refuses_a_bypass_that_is_neither),
		TEST(probe_refuses_queues_that_cannot_be),
		TEST(probe_uses_smaller_queues_when_asked),
		TEST(probe_refuses_options_of_other_units),
		TEST(probe_refuses_a_configuration_that_never_holds_still),
		TEST(probe_refuses_a_device_that_is_gone),
		TEST(probe_match_takes_both_transports_alone),
	};
	const struct CMUnitTest mmio[] = {
		TEST(probe_mmio_refuses_other_devices),
		TEST(probe_mmio_refuses_a_small_window),
	};
	const struct CMUnitTest pci[] = {
		TEST(probe_pci_refuses_other_functions),
		TEST(probe_pci_refuses_a_function_that_is_not_placed),
		TEST(probe_pci_refuses_capabilities_without_an_end),
		TEST(probe_pci_refuses_capabilities_that_lie),
		TEST(probe_pci_refuses_windows_that_wrap),
		TEST(probe_pci_takes_the_first_usable_capability),
	};
	int failed;

	failed = cmocka_run_group_tests_name("virtio-mmio", tests, NULL, NULL);
	failed += cmocka_run_group_tests_name("virtio-mmio alone", mmio, NULL, NULL);
	is_pci = true;
	failed += cmocka_run_group_tests_name("virtio-pci", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("virtio-pci alone", pci, NULL, NULL);
}
