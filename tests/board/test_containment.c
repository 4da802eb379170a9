// SPDX-License-Identifier: BSD-2-Clause
/*
 * The promises, on a device and an IOMMU we did not write: every refusal is
 * seen in memory, next to the same transfer succeeding.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bits.h"
#include "rig.h"

static const enum variant_id rows[] = {
	SMMU_S1_LINEAR,	  SMMU_S1_TWO_LEVEL, SMMU_S2_LINEAR,   SMMU_S2_TWO_LEVEL, SMMU_S2_ALONE,
	VTD_LEGACY_48,	  VTD_LEGACY_39,     VTD_CACHING,      VTD_SECOND_LEVEL,
	VTD_FIRST_LEVEL,  VIRTIO_ON_VIRT,    VIRTIO_ON_Q35,
};
static const struct variant *variant;

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	rig_start(rig, variant);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	rig_stop(*state);
	free(*state);
	return 0;
}

static void dma_without_grant_is_refused_with_grant_it_moves(void **state)
{
	struct driver a;
	struct smmu_fault fault;

	driver_open(&a, *state, 2 * RIG_PAGE);
	driver_attach(&a, DMA0);
	driver_fill_device(&a, 0x5a, 64);
	driver_from_device(&a, RIG_IOVA, 64);
	assert_true(driver_holds(&a, 0, RIG_PAGE, 0));
	fault = driver_expect_refusal(&a, RIG_IOVA, 16, SMMU_WRITE);
	if (variant->tells_rights)
		assert_int_equal(fault.kind, SMMU_FAULT_TRANSLATION);
	assert_string_equal(fault.device, DMA0);
	assert_int_equal(fault.pid, getpid());
	driver_grant(&a, RIG_IOVA, RIG_PAGE, 0, SMMU_READ | SMMU_WRITE);
	driver_from_device(&a, RIG_IOVA, 64);
	assert_true(driver_holds(&a, 0, 64, 0x5a));
	assert_true(driver_holds(&a, 64, RIG_PAGE - 64, 0));
	driver_close(&a);
}


static void read_only_grant_refuses_the_write_and_allows_the_read(void **state)
{
	struct smmu_fault fault;
	struct driver a;

	driver_open(&a, *state, 2 * RIG_PAGE);
	driver_attach(&a, DMA0);
	driver_fill_device(&a, 0x11, 64);
	driver_set(&a, 0, 64, 0x22);
	driver_grant(&a, RIG_IOVA, RIG_PAGE, 0, SMMU_READ);
	driver_from_device(&a, RIG_IOVA, 64);
	assert_true(driver_holds(&a, 0, 64, 0x22));
	fault = driver_expect_refusal(&a, RIG_IOVA, 16, SMMU_WRITE);
	if (variant->tells_rights)
		assert_int_equal(fault.kind, SMMU_FAULT_PERMISSION);
	assert_non_null(strstr(fault.note, "allows r only"));
	driver_to_device(&a, RIG_IOVA, 64);
	driver_revoke(&a, RIG_IOVA, RIG_PAGE);
	driver_set(&a, 0, 64, 0);
	driver_grant(&a, RIG_IOVA, RIG_PAGE, 0, SMMU_READ | SMMU_WRITE);
	driver_from_device(&a, RIG_IOVA, 64);
	assert_true(driver_holds(&a, 0, 64, 0x22));
	driver_close(&a);
}

static void write_only_grant_is_exact_or_refused(void **state)
{
	struct smmu_grant grant = { .rights = SMMU_WRITE, .iova = RIG_IOVA, .length = RIG_PAGE };
	struct driver a;

	driver_open(&a, *state, 2 * RIG_PAGE);
	driver_attach(&a, DMA0);
	driver_fill_device(&a, 0x33, 64);
	grant.memory = a.buffer.memory;
	if (!a.attached.write_only) {
		assert_int_equal(smmu_map(a.context, a.domain, &grant), -EOPNOTSUPP);
		driver_from_device(&a, RIG_IOVA, 64);
		assert_true(driver_holds(&a, 0, 64, 0));
	} else {
		assert_int_equal(smmu_map(a.context, a.domain, &grant), 0);
		driver_set(&a, 0, 64, 0x44);
		/* First the read: the model records it only while nothing is cached. */
		driver_to_device(&a, RIG_IOVA, 64);
		assert_int_equal(driver_newest_fault(&a).access, SMMU_READ);
		/* What the device holds of a refused read is anything but the memory. */
		driver_from_device(&a, RIG_IOVA, 64);
		assert_true(driver_holds(&a, 0, 64, 0));
		driver_fill_device(&a, 0x33, 64);
		driver_from_device(&a, RIG_IOVA, 64);
		assert_true(driver_holds(&a, 0, 64, 0x33));
	}
	driver_close(&a);
}

static void transfer_past_the_grant_moves_only_the_granted_part(void **state)
{
	struct smmu_fault fault;
	struct driver a;

	driver_open(&a, *state, 3 * RIG_PAGE);
	driver_attach(&a, DMA0);
	driver_fill_device(&a, 0x66, 256);
	driver_grant(&a, RIG_IOVA, RIG_PAGE, 0, SMMU_READ | SMMU_WRITE);
	driver_from_device(&a, RIG_IOVA + RIG_PAGE - 128, 256);
	assert_true(driver_holds(&a, 0, RIG_PAGE - 128, 0));
	assert_true(driver_holds(&a, RIG_PAGE - 128, 128, 0x66));
	assert_true(driver_holds(&a, RIG_PAGE, 2 * RIG_PAGE, 0));
	fault = driver_expect_refusal(&a, RIG_IOVA + RIG_PAGE, 32, SMMU_WRITE);
	assert_non_null(strstr(fault.note, "0x1 past the end of the grant at 0x100000"));
	driver_grant(&a, RIG_IOVA + RIG_PAGE, RIG_PAGE, RIG_PAGE, SMMU_READ | SMMU_WRITE);
	driver_from_device(&a, RIG_IOVA + RIG_PAGE - 128, 256);
	assert_true(driver_holds(&a, RIG_PAGE, 128, 0x66));
	driver_close(&a);
}

/* The model keeps translations: without the invalidation the write would land. */
static void unmap_answered_is_refused_at_once(void **state)
{
	struct driver a;
	unsigned i;

	driver_open(&a, *state, 2 * RIG_PAGE);
	driver_attach(&a, DMA0);
	driver_fill_device(&a, 0x77, 64);
	for (i = 0; i < 3; i++) {
		driver_set(&a, 0, 64, 0);
		driver_grant(&a, RIG_IOVA, RIG_PAGE, 0, SMMU_READ | SMMU_WRITE);
		driver_from_device(&a, RIG_IOVA, 64);
		assert_true(driver_holds(&a, 0, 64, 0x77));
		driver_revoke(&a, RIG_IOVA, RIG_PAGE);
		driver_set(&a, 0, 64, 0);
		driver_from_device(&a, RIG_IOVA, 64);
		assert_true(driver_holds(&a, 0, 64, 0));
		assert_non_null(strstr(driver_newest_fault(&a).note, "use after unmap"));
	}
	driver_close(&a);
}

static void unmap_of_a_batch_is_refused_page_by_page(void **state)
{
	struct smmu_grant grants[256];
	struct smmu_range ranges[256];
	struct driver a;
	unsigned i;

	driver_open(&a, *state, 257 * RIG_PAGE);
	driver_attach(&a, DMA0);
	driver_fill_device(&a, 0x3c, 4);
	for (i = 0; i < 256; i++) {
		grants[i] = (struct smmu_grant){ a.buffer.memory, SMMU_READ | SMMU_WRITE,
						 RIG_IOVA + 2 * i * RIG_PAGE, RIG_PAGE,
						 i * RIG_PAGE };
		ranges[i] = (struct smmu_range){ grants[i].iova, RIG_PAGE };
	}
	assert_int_equal(smmu_map_batch(a.context, a.domain, grants, 256), 0);
	for (i = 0; i < 256; i += 51)
		driver_from_device(&a, grants[i].iova, 4);
	for (i = 0; i < 256; i += 51)
		assert_true(driver_holds(&a, i * RIG_PAGE, 4, 0x3c));
	assert_int_equal(smmu_unmap_batch(a.context, a.domain, ranges, 256), 0);
	driver_set(&a, 0, 256 * RIG_PAGE, 0);
	for (i = 0; i < 256; i += 51)
		driver_from_device(&a, grants[i].iova, 4);
	assert_true(driver_holds(&a, 0, 256 * RIG_PAGE, 0));
	driver_close(&a);
}

static void batch_that_fails_leaves_nothing_behind(void **state)
{
	struct smmu_grant grants[3];
	struct driver a;

	driver_open(&a, *state, 3 * RIG_PAGE);
	driver_attach(&a, DMA0);
	driver_fill_device(&a, 0x5c, 64);
	grants[0] = (struct smmu_grant){ a.buffer.memory, 3, RIG_IOVA, RIG_PAGE, 0 };
	grants[1] = (struct smmu_grant){ a.buffer.memory, 3, RIG_IOVA + RIG_PAGE, RIG_PAGE, 0 };
	grants[2] = grants[0];
	assert_int_equal(smmu_map_batch(a.context, a.domain, grants, 3), -EEXIST);
	driver_from_device(&a, RIG_IOVA, 64);
	driver_from_device(&a, RIG_IOVA + RIG_PAGE, 64);
	assert_true(driver_holds(&a, 0, 3 * RIG_PAGE, 0));
	assert_int_equal(smmu_map_batch(a.context, a.domain, grants, 2), 0);
	driver_from_device(&a, RIG_IOVA, 64);
	assert_true(driver_holds(&a, 0, 64, 0x5c));
	driver_close(&a);
}

static void device_b_cannot_use_what_was_granted_to_a(void **state)
{
	struct driver a, b;

	driver_open(&a, *state, 2 * RIG_PAGE);
	driver_open(&b, *state, 2 * RIG_PAGE);
	driver_attach(&a, DMA0);
	driver_attach(&b, DMA1);
	driver_fill_device(&b, 0x88, 64);
	driver_fill_device(&a, 0x99, 64);
	driver_grant(&a, RIG_IOVA, RIG_PAGE, 0, SMMU_READ | SMMU_WRITE);
	driver_from_device(&b, RIG_IOVA, 64);
	assert_true(driver_holds(&a, 0, RIG_PAGE, 0));
	assert_string_equal(driver_newest_fault(&b).device, DMA1);
	driver_from_device(&a, RIG_IOVA, 64);
	assert_true(driver_holds(&a, 0, 64, 0x99));
	/* The same address, granted to B as well: each reaches its own memory. */
	driver_grant(&b, RIG_IOVA, RIG_PAGE, 0, SMMU_READ | SMMU_WRITE);
	driver_from_device(&b, RIG_IOVA, 64);
	assert_true(driver_holds(&a, 0, 64, 0x99));
	assert_true(driver_holds(&b, 0, 64, 0x88));
	driver_close(&a);
	driver_close(&b);
}

static void two_devices_of_one_domain_share_its_grants(void **state)
{
	struct smmu_attached second;
	struct driver a;

	driver_open(&a, *state, 2 * RIG_PAGE);
	driver_grant(&a, RIG_IOVA, RIG_PAGE, 0, SMMU_READ | SMMU_WRITE);
	/* Granted before any device: the attach brings the grants along. */
	driver_attach(&a, DMA0);
	driver_fill_device(&a, 0x12, 64);
	driver_from_device(&a, RIG_IOVA, 64);
	assert_true(driver_holds(&a, 0, 64, 0x12));
	assert_int_equal(smmu_attach(a.context, a.domain, DMA1, &second), 0);
	assert_int_equal(smmu_domain_destroy(a.context, a.domain), -EBUSY);
	assert_int_equal(smmu_detach(a.context, second.device), 0);
	driver_close(&a);
}

static void detached_device_reaches_nothing(void **state)
{
	struct driver a, b;

	driver_open(&a, *state, 2 * RIG_PAGE);
	driver_open(&b, *state, 2 * RIG_PAGE);
	driver_attach(&a, DMA0);
	driver_grant(&a, RIG_IOVA, RIG_PAGE, 0, SMMU_READ | SMMU_WRITE);
	driver_fill_device(&a, 0x21, 64);
	driver_from_device(&a, RIG_IOVA, 64);
	assert_true(driver_holds(&a, 0, 64, 0x21));
	driver_set(&a, 0, 64, 0);
	assert_int_equal(driver_try_attach(&b, DMA0), -EBUSY);
	assert_int_equal(smmu_detach(a.context, a.attached.device), 0);
	/* Its window is cut: the old owner cannot even start a transfer. */
	assert_int_equal(smmu_reg_write64(a.device, 0, 0x98, EDU_TO_RAM), -ENODEV);
	driver_attach(&b, DMA0);
	driver_from_device(&b, RIG_IOVA, 64);
	assert_true(driver_holds(&a, 0, 64, 0));
	assert_true(driver_holds(&b, 0, 64, 0));
	driver_close(&a);
	driver_close(&b);
}

static void large_grant_is_mapped_with_blocks_and_exact(void **state)
{
	uint64_t big = UINT64_C(4) << 20;
	struct driver a;

	driver_open(&a, *state, big + 2 * RIG_PAGE);
	driver_attach(&a, DMA0);
	driver_fill_device(&a, 0x65, 128);
	driver_grant(&a, UINT64_C(0x40000000), big, 0, SMMU_READ | SMMU_WRITE);
	driver_from_device(&a, UINT64_C(0x40000000) + (UINT64_C(2) << 20) - 64, 128);
	assert_true(driver_holds(&a, (UINT64_C(2) << 20) - 64, 128, 0x65));
	driver_from_device(&a, UINT64_C(0x40000000) + big - 64, 128);
	assert_true(driver_holds(&a, big - 64, 64, 0x65));
	assert_true(driver_holds(&a, big, RIG_PAGE, 0));
	driver_revoke(&a, UINT64_C(0x40000000), big);
	driver_set(&a, 0, big, 0);
	driver_from_device(&a, UINT64_C(0x40000000) + (UINT64_C(2) << 20) - 64, 128);
	assert_true(driver_holds(&a, 0, big, 0));
	driver_close(&a);
}

static void platform_device_is_attached_by_path_and_by_registers(void **state)
{
	static const char *const names[] = { "dt:/platform-edu@10200000",
					     "mmio:0x10200000+0x100000" };
	struct driver a;
	unsigned i;

	for (i = 0; i < 2; i++) {
		driver_open(&a, *state, 2 * RIG_PAGE);
		driver_attach(&a, names[i]);
		driver_fill_device(&a, 0x19, 64);
		driver_from_device(&a, RIG_IOVA, 64);
		assert_true(driver_holds(&a, 0, 64, 0));
		driver_grant(&a, RIG_IOVA, RIG_PAGE, 0, SMMU_READ | SMMU_WRITE);
		driver_from_device(&a, RIG_IOVA, 64);
		assert_true(driver_holds(&a, 0, 64, 0x19));
		driver_close(&a);
	}
}

static void address_beyond_the_unit_is_refused(void **state)
{
	struct smmu_grant grant = { .rights = SMMU_READ, .length = RIG_PAGE };
	struct driver a;

	driver_open(&a, *state, 2 * RIG_PAGE);
	driver_attach(&a, DMA0);
	grant.memory = a.buffer.memory;
	grant.iova = UINT64_C(1) << a.attached.input_bits;
	assert_int_equal(smmu_map(a.context, a.domain, &grant), -EINVAL);
	grant.iova -= RIG_PAGE;
	assert_int_equal(smmu_map(a.context, a.domain, &grant), 0);
	driver_set(&a, 0, 64, 0x2f);
	driver_to_device(&a, grant.iova, 64);
	driver_grant(&a, RIG_IOVA, RIG_PAGE, RIG_PAGE, SMMU_WRITE | SMMU_READ);
	driver_from_device(&a, RIG_IOVA, 64);
	assert_true(driver_holds(&a, RIG_PAGE, 64, 0x2f));
	driver_close(&a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static const struct CMUnitTest tests[] = {
	TEST(dma_without_grant_is_refused_with_grant_it_moves),
	TEST(read_only_grant_refuses_the_write_and_allows_the_read),
	TEST(write_only_grant_is_exact_or_refused),
	TEST(transfer_past_the_grant_moves_only_the_granted_part),
	TEST(unmap_answered_is_refused_at_once),
	TEST(unmap_of_a_batch_is_refused_page_by_page),
	TEST(batch_that_fails_leaves_nothing_behind),
	TEST(device_b_cannot_use_what_was_granted_to_a),
	TEST(two_devices_of_one_domain_share_its_grants),
	TEST(detached_device_reaches_nothing),
	TEST(large_grant_is_mapped_with_blocks_and_exact),
	TEST(address_beyond_the_unit_is_refused),
};

static const struct CMUnitTest platform_tests[] = {
	TEST(platform_device_is_attached_by_path_and_by_registers),
};

int main(void)
{
	int failed = 0;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		variant = &variants[rows[i]];
		if (!variant_can(variant))
			continue;
		failed += cmocka_run_group_tests_name(variant->name, tests, NULL, NULL);
		if (variant->has_platform)
			failed += cmocka_run_group_tests_name(variant->name, platform_tests, NULL,
							      NULL);
	}
	return failed;
}
