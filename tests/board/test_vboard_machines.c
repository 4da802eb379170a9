// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every kind of board, its IOMMU as reset leaves it: what the owner is told,
 * what it reaches and what it does not, and that devices move bytes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bits.h"
#include "board_user.h"
#include "harness.h"
#include "variant.h"

#define EDU_BAR_BYTES 0x100000u
#define ECAM_BYTES 0x10000000u
#define Q35_VTD UINT64_C(0xfed90000)
#define VIRTIO_BAR 4u /* of the device's registers */
#define IOMMU_SLOT 1u /* where a virtio-iommu is */

static const enum variant_id kinds[] = { SMMU_S1_LINEAR, VTD_LEGACY_48, VIRTIO_ON_VIRT,
					 VIRTIO_ON_Q35 };

struct machines {
	const struct variant *variant;
	struct board_fixture board;
	struct board_owner owner;
	bool is_up;
};

static struct machines machines;

static int set_up(void **state)
{
	static const char *const none[] = { NULL };

	machines.variant = *state;
	machines.is_up = variant_can(machines.variant);
	if (!machines.is_up)
		return 0;
	variant_board_start(&machines.board, machines.variant, none);
	assert_int_equal(board_owner_init(&machines.owner, machines.board.socket), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (!machines.is_up)
		return 0;
	board_owner_fini(&machines.owner);
	board_stop(&machines.board);
	return 0;
}

static struct machines *need(void)
{
	if (!machines.is_up)
		skip();
	return &machines;
}

static bool is_virtio(const struct machines *m)
{
	return strcmp(m->variant->iommu, "virtio") == 0;
}

static uint64_t read_bar(const struct machines *m, unsigned slot, unsigned bar)
{
	uint64_t value = 0;

	assert_int_equal(board_read(m->owner.fd, pci_config(&m->owner, slot) + 0x10 + 4 * bar, 4,
				    &value), 0);
	return value & ~UINT64_C(15);
}

/* Where the IOMMU's registers are, and how many bytes of them. */
static uint64_t unit_base(const struct machines *m, uint64_t *ret_length)
{
	*ret_length = is_virtio(m) ? 0x4000 : variant_is_x86(m->variant) ? 0x1000 : 0x20000;
	if (is_virtio(m))
		return read_bar(m, IOMMU_SLOT, VIRTIO_BAR);
	return variant_is_x86(m->variant) ? Q35_VTD : VIRT_SMMU;
}

static void move_through(struct machines *m, unsigned slot, unsigned part, uint64_t offset)
{
	uint8_t *bytes = m->owner.parts[part] + offset;
	uint64_t pa = m->owner.hello.parts[part].pa + offset;
	int edu;
	unsigned i;

	assert_int_equal(board_window_open(m->owner.fd, pci_bar0(&m->owner, slot), EDU_BAR_BYTES,
					   &edu, NULL), 0);
	for (i = 0; i < 4096; i++)
		bytes[i] = (uint8_t)(i * 7 + slot + part);
	memset(bytes + 4096, 0, 2 * 4096);
	edu_start(edu, pa, EDU_BUFFER, EDU_BYTES, EDU_FROM_RAM);
	edu_wait(edu);
	edu_start(edu, EDU_BUFFER, pa + 4096, EDU_BYTES, EDU_TO_RAM);
	edu_wait(edu);
	close(edu);
}

static void board_at_reset_edu_moves_bytes_of_every_part(void **state)
{
	struct machines *m = need();
	unsigned slot, part;

	(void)state;
	for (slot = 2; slot < 4; slot++) {
		pci_set_master(&m->owner, slot, true);
		for (part = 0; part < m->owner.hello.part_count; part++) {
			uint64_t offset = part == 0 ? UINT64_C(8) << 20 : 0;
			uint8_t *bytes = m->owner.parts[part] + offset;

			move_through(m, slot, part, offset);
			assert_memory_equal(bytes, bytes + 4096, EDU_BYTES);
			assert_int_equal(bytes[4096 + EDU_BYTES], 0);
		}
	}
}

static void board_bus_mastering_off_edu_moves_nothing(void **state)
{
	static const uint8_t zeroes[4096];
	struct machines *m = need();

	(void)state;
	move_through(m, 2, 1, 0);
	assert_memory_equal(m->owner.parts[1] + 4096, zeroes, sizeof(zeroes));
}

static void board_devices_decode_memory_and_master_nothing(void **state)
{
	struct machines *m = need();
	unsigned slot;

	(void)state;
	for (slot = is_virtio(m) ? IOMMU_SLOT : 2; slot < 4; slot++) {
		uint64_t command = 0;

		assert_int_equal(board_read(m->owner.fd, pci_config(&m->owner, slot) + 4, 2,
					    &command), 0);
		assert_int_equal(command, 2);
	}
}

static void owner_reaches_the_unit_to_its_last_byte_and_no_further(void **state)
{
	struct machines *m = need();
	uint64_t length, base = unit_base(m, &length), value = 0;

	(void)state;
	assert_int_equal(board_read(m->owner.fd, base, 4, &value), 0);
	assert_int_equal(board_read(m->owner.fd, base + length - 4, 4, &value), 0);
	assert_int_equal(board_read(m->owner.fd, base + length - 4, 8, &value), -EPERM);
	assert_int_equal(board_read(m->owner.fd, base + length, 4, &value), -EPERM);
	assert_int_equal(board_write(m->owner.fd, base + length, 4, 0), -EPERM);
	if (base != m->owner.ecam + ECAM_BYTES) { /* else that is before it */
		assert_int_equal(board_read(m->owner.fd, base - 8, 8, &value), -EPERM);
		assert_int_equal(board_write(m->owner.fd, base - 1, 1, 0), -EPERM);
	}
	assert_int_equal(board_read(m->owner.fd, m->owner.hello.parts[0].pa, 4, &value), -EPERM);
	assert_int_equal(board_read(m->owner.fd, m->owner.hello.parts[1].pa, 4, &value), -EPERM);
	assert_int_equal(board_read(m->owner.fd, pci_bar0(&m->owner, 2), 4, &value), -EPERM);
	assert_int_equal(board_write(m->owner.fd, m->owner.ecam - 4, 4, 0), -EPERM);
}

static void window_over_unit_memory_or_configuration_is_refused(void **state)
{
	struct machines *m = need();
	uint64_t length, base = unit_base(m, &length);
	const struct { uint64_t base, length; } cases[] = {
		{ base, length }, { base, 1 }, { base + length - 1, 1 }, { base - 0x1000, 0x1001 },
		{ m->owner.hello.parts[1].pa, 0x1000 }, { m->owner.hello.parts[0].pa, 0x1000 },
		{ m->owner.ecam, 0x1000 }, { UINT64_C(0xfee00000), 0x1000 },
		{ UINT64_C(0xfec00000), 0x1000 }, { UINT64_C(0xb0000000), 0x1000 },
	};
	size_t i;
	int fd;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(cases); i++)
		assert_int_equal(board_window_open(m->owner.fd, cases[i].base, cases[i].length,
						   &fd, NULL), -EPERM);
	assert_int_equal(board_window_open(m->owner.fd, pci_bar0(&m->owner, 2), EDU_BAR_BYTES,
					   &fd, NULL), 0);
	close(fd);
}

/* virtio 1.2, 4.1.4.3: device_status is of 8 bits, queue_select of 16. */
static void unit_registers_of_8_and_16_bits_are_read_and_written_alone(void **state)
{
	struct machines *m = need();
	uint64_t length, base = unit_base(m, &length), value = 0;

	(void)state;
	if (!is_virtio(m)) {
		assert_int_equal(board_read(m->owner.fd, base, 1, &value), 0);
		assert_in_range(value, 0, UINT8_MAX);
		assert_int_equal(board_read(m->owner.fd, base + 2, 2, &value), 0);
		assert_in_range(value, 0, UINT16_MAX);
		return;
	}
	assert_int_equal(board_write(m->owner.fd, base + 0x14, 1, 1), 0);
	assert_int_equal(board_write(m->owner.fd, base + 0x16, 2, 1), 0);
	assert_int_equal(board_read(m->owner.fd, base + 0x14, 1, &value), 0);
	assert_int_equal(value, 1);
	assert_int_equal(board_read(m->owner.fd, base + 0x16, 2, &value), 0);
	assert_int_equal(value, 1);
	assert_int_equal(board_write(m->owner.fd, base + 0x14, 1, 0), 0);
	assert_int_equal(board_read(m->owner.fd, base + 0x14, 1, &value), 0);
	assert_int_equal(value, 0);
}

static void owner_finds_memory_behind_the_firmware_untouched(void **state)
{
	struct machines *m = need();
	uint64_t i = m->owner.hello.firmware_offset + m->owner.hello.firmware_size;

	(void)state;
	assert_int_equal(i % 4096, 0);
	for (; i < m->owner.hello.parts[0].size; i++)
		if (m->owner.parts[0][i])
			fail_msg("byte 0x%llx of part 0 is not zero", (unsigned long long)i);
}

/* The node's requester is not in the map: it is an IOMMU, not behind one. */
static void check_virtio_node(const void *fdt)
{
	int bridge = fdt_node_offset_by_compatible(fdt, -1, "pci-host-ecam-generic");
	int node = fdt_node_offset_by_compatible(fdt, -1, "virtio,pci-iommu"), length = 0, i;
	const fdt32_t *map = fdt_getprop(fdt, bridge, "iommu-map", &length);
	const fdt32_t *reg = fdt_getprop(fdt, node, "reg", NULL);

	assert_non_null(map);
	assert_non_null(reg);
	assert_int_equal(fdt_parent_offset(fdt, node), bridge);
	assert_int_equal(fdt32_to_cpu(reg[0]), IOMMU_SLOT << 11);
	assert_true(length >= 16);
	for (i = 0; i + 4 <= length / 4; i += 4) {
		assert_int_equal(fdt32_to_cpu(map[i + 1]), fdt_get_phandle(fdt, node));
		assert_true((IOMMU_SLOT << 3) - fdt32_to_cpu(map[i]) >= fdt32_to_cpu(map[i + 3]));
	}
}

static void virt_device_tree_names_the_iommu_it_has(void **state)
{
	struct machines *m = need();
	const void *fdt = m->owner.parts[0] + m->owner.hello.firmware_offset;

	(void)state;
	if (variant_is_x86(m->variant))
		return;
	assert_int_equal(m->owner.hello.description, BOARD_DEVICE_TREE);
	assert_int_equal(fdt_check_full(fdt, m->owner.hello.firmware_size), 0);
	assert_int_equal(fdt_node_offset_by_compatible(fdt, -1, "arm,smmu-v3") >= 0, !is_virtio(m));
	assert_int_equal(fdt_node_offset_by_compatible(fdt, -1, "virtio,pci-iommu") >= 0,
			 is_virtio(m));
	if (is_virtio(m))
		check_virtio_node(fdt);
}

int main(void)
{
#define TEST(name) { #name, name, set_up, tear_down, NULL }
	static const struct CMUnitTest cases[] = {
		TEST(board_at_reset_edu_moves_bytes_of_every_part),
		TEST(board_bus_mastering_off_edu_moves_nothing),
		TEST(board_devices_decode_memory_and_master_nothing),
		TEST(owner_reaches_the_unit_to_its_last_byte_and_no_further),
		TEST(window_over_unit_memory_or_configuration_is_refused),
		TEST(unit_registers_of_8_and_16_bits_are_read_and_written_alone),
		TEST(owner_finds_memory_behind_the_firmware_untouched),
		TEST(virt_device_tree_names_the_iommu_it_has),
	};
	static struct CMUnitTest tests[ARRAY_COUNT(kinds) * ARRAY_COUNT(cases)];
	static char names[ARRAY_COUNT(tests)][128];
	size_t i;

	for (i = 0; i < ARRAY_COUNT(tests); i++) {
		const struct variant *variant = &variants[kinds[i / ARRAY_COUNT(cases)]];

		tests[i] = cases[i % ARRAY_COUNT(cases)];
		snprintf(names[i], sizeof(names[i]), "%s (%s)", tests[i].name, variant->name);
		tests[i].name = names[i];
		tests[i].initial_state = (void *)(uintptr_t)variant;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
