// SPDX-License-Identifier: BSD-2-Clause
/* The board by itself, its IOMMU as reset leaves it: devices move bytes. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <libfdt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "board_user.h"
#include "harness.h"

struct smoke {
	struct board_fixture board;
	struct board_owner owner;
	int edu; /* a window to the first edu */
};

static int set_up(void **state)
{
	static struct smoke smoke;

	board_start(&smoke.board, "--platform-edu", "2", NULL);
	assert_int_equal(board_owner_init(&smoke.owner, smoke.board.socket), 0);
	assert_int_equal(board_window_open(smoke.owner.fd, pci_bar0(&smoke.owner, 2), 0x100000,
					   &smoke.edu, NULL), 0);
	*state = &smoke;
	return 0;
}

static int tear_down(void **state)
{
	struct smoke *smoke = *state;

	close(smoke->edu);
	board_owner_fini(&smoke->owner);
	board_stop(&smoke->board);
	return 0;
}

static void fill(uint8_t *bytes, size_t length, uint8_t seed)
{
	size_t i;

	for (i = 0; i < length; i++)
		bytes[i] = (uint8_t)(i * 7 + seed);
}

/* From offset 0 of a part, through the device's buffer, to its offset 8192. */
static void move_through(struct smoke *smoke, int edu, unsigned part, uint8_t seed)
{
	uint8_t *bytes = smoke->owner.parts[part];
	uint64_t pa = smoke->owner.hello.parts[part].pa;

	fill(bytes, 4096, seed);
	memset(bytes + 4096, 0, 3 * 4096);
	edu_start(edu, pa, EDU_BUFFER, EDU_BYTES, EDU_FROM_RAM);
	edu_wait(edu);
	edu_start(edu, EDU_BUFFER, pa + 8192, EDU_BYTES, EDU_TO_RAM);
	edu_wait(edu);
	assert_memory_equal(bytes, bytes + 8192, EDU_BYTES);
	assert_int_equal(bytes[4096], 0);
	assert_int_equal(bytes[8192 + EDU_BYTES], 0);
}

static void board_at_reset_edu_moves_bytes_both_ways(void **state)
{
	struct smoke *smoke = *state;
	unsigned part;

	pci_set_master(&smoke->owner, 2, true);
	for (part = 1; part < smoke->owner.hello.part_count; part++)
		move_through(smoke, smoke->edu, part, (uint8_t)part);
}

static void board_bus_mastering_off_edu_moves_nothing(void **state)
{
	struct smoke *smoke = *state;
	uint8_t *bytes = smoke->owner.parts[1];

	memset(bytes, 0xaa, 4096);
	edu_start(smoke->edu, EDU_BUFFER, smoke->owner.hello.parts[1].pa, EDU_BYTES, EDU_TO_RAM);
	edu_wait(smoke->edu);
	assert_int_equal(bytes[0], 0xaa);
	assert_int_equal(bytes[4095], 0xaa);
}

static void board_each_edu_is_its_own_device(void **state)
{
	struct smoke *smoke = *state;
	int second;

	assert_int_not_equal(pci_bar0(&smoke->owner, 2), pci_bar0(&smoke->owner, 3));
	assert_int_equal(board_window_open(smoke->owner.fd, pci_bar0(&smoke->owner, 3), 0x100000,
					   &second, NULL), 0);
	pci_set_master(&smoke->owner, 2, true);
	pci_set_master(&smoke->owner, 3, true);
	move_through(smoke, smoke->edu, 1, 1);
	move_through(smoke, second, 2, 2);
	close(second);
}

static void board_firmware_places_bars_and_leaves_mastering_off(void **state)
{
	struct smoke *smoke = *state;
	uint64_t command = 0, id = 0;
	unsigned slot;

	for (slot = 2; slot < 4; slot++) {
		assert_int_equal(board_read(smoke->owner.fd, VIRT_ECAM_OF(slot), 4, &id), 0);
		assert_int_equal(id, 0x11e81234);
		assert_int_equal(board_read(smoke->owner.fd, VIRT_ECAM_OF(slot) + 4, 2, &command), 0);
		assert_int_equal(command, 2);
		assert_in_range(pci_bar0(&smoke->owner, slot), 0x10000000, 0x3effffff);
	}
}

static void board_clock_stopped_transfer_lands_only_when_it_runs(void **state)
{
	struct smoke *smoke = *state;
	uint8_t *bytes = smoke->owner.parts[1];
	uint64_t pa = smoke->owner.hello.parts[1].pa;
	unsigned i;

	pci_set_master(&smoke->owner, 2, true);
	fill(bytes, 4096, 3);
	edu_start(smoke->edu, pa, EDU_BUFFER, EDU_BYTES, EDU_FROM_RAM);
	edu_wait(smoke->edu);
	memset(bytes, 0, 4096);
	assert_int_equal(board_control(&smoke->board, BOARD_CLOCK_STOP, 0, 0, 0), 0);
	edu_start(smoke->edu, EDU_BUFFER, pa, EDU_BYTES, EDU_TO_RAM);
	for (i = 0; i < 200; i++)
		assert_true(edu_is_busy(smoke->edu));
	assert_int_equal(bytes[1], 0);

	assert_int_equal(board_control(&smoke->board, BOARD_CLOCK_RUN, 0, 0, 0), 0);
	edu_wait(smoke->edu);
	assert_int_equal(bytes[1], 10);
}

static void board_parts_cannot_change_their_size(void **state)
{
	struct smoke *smoke = *state;
	unsigned i;

	assert_int_equal(smoke->owner.hello.part_count, 9);
	for (i = 0; i < smoke->owner.hello.part_count; i++) {
		int seals = fcntl(smoke->owner.part_fds[i], F_GET_SEALS);

		assert_int_equal(seals, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	}
}

/* Streams of the PCI host bridge that iommu-map covers; 0: not covered. */
static bool map_covers(const void *fdt, uint32_t requester)
{
	int node = fdt_node_offset_by_compatible(fdt, -1, "pci-host-ecam-generic"), length = 0, i;
	const fdt32_t *map = fdt_getprop(fdt, node, "iommu-map", &length);

	assert_non_null(map);
	for (i = 0; i + 4 <= length / 4; i += 4) {
		uint32_t first = fdt32_to_cpu(map[i]), count = fdt32_to_cpu(map[i + 3]);

		assert_int_equal(first, fdt32_to_cpu(map[i + 2]));
		if (requester - first < count)
			return true;
	}
	return false;
}

static void check_platform_node(struct smoke *smoke, const void *fdt, int node, unsigned slot)
{
	int length;
	const fdt64_t *reg = fdt_getprop(fdt, node, "reg", &length);
	const fdt32_t *iommus;
	int edu;

	assert_int_equal(length, 16);
	assert_int_equal(fdt64_ld(&reg[0]), pci_bar0(&smoke->owner, slot));
	iommus = fdt_getprop(fdt, node, "iommus", &length);
	assert_int_equal(length, 8);
	assert_int_equal(fdt32_to_cpu(iommus[1]), slot << 3);
	assert_true(fdt_node_offset_by_phandle(fdt, fdt32_to_cpu(iommus[0])) ==
		    fdt_node_offset_by_compatible(fdt, -1, "arm,smmu-v3"));

	assert_int_equal(board_window_open(smoke->owner.fd, fdt64_ld(&reg[0]),
					   fdt64_ld(&reg[1]), &edu, NULL), 0);
	move_through(smoke, edu, 1, 9);
	close(edu);
}

static void board_platform_edu_is_in_the_device_tree_and_moves_bytes(void **state)
{
	struct smoke *smoke = *state;
	const void *fdt = smoke->owner.parts[0] + smoke->owner.hello.firmware_offset;
	int node;

	assert_int_equal(fdt_check_full(fdt, smoke->owner.hello.firmware_size), 0);
	assert_true(map_covers(fdt, 0) && map_covers(fdt, 3 << 3) && map_covers(fdt, 0xffff));
	assert_false(map_covers(fdt, 4 << 3));
	assert_false(map_covers(fdt, 5 << 3));
	assert_true(map_covers(fdt, (4 << 3) + 1));

	node = fdt_node_offset_by_compatible(fdt, -1, "edu");
	check_platform_node(smoke, fdt, node, 5);
	node = fdt_node_offset_by_compatible(fdt, node, "edu");
	check_platform_node(smoke, fdt, node, 4);
	assert_true(fdt_node_offset_by_compatible(fdt, node, "edu") < 0);
}

static void override_read_answers_until_it_is_cleared(void **state)
{
	struct smoke *smoke = *state;
	uint64_t real = 0, value = 0;

	assert_int_equal(board_read(smoke->owner.fd, VIRT_SMMU, 4, &real), 0);
	assert_int_equal(board_control(&smoke->board, BOARD_OVERRIDE_READ, VIRT_SMMU, 4, 0xabcd), 0);
	assert_int_equal(board_read(smoke->owner.fd, VIRT_SMMU, 4, &value), 0);
	assert_int_equal(value, 0xabcd);
	assert_int_equal(board_control(&smoke->board, BOARD_OVERRIDE_CLEAR, 0, 0, 0), 0);
	assert_int_equal(board_read(smoke->owner.fd, VIRT_SMMU, 4, &value), 0);
	assert_int_equal(value, real);
}

static void override_drop_swallows_writes_and_counts_them(void **state)
{
	struct smoke *smoke = *state;
	uint64_t before = 0, after = 0, base = VIRT_SMMU + 0x80;

	assert_int_equal(board_read(smoke->owner.fd, base, 8, &before), 0);
	assert_int_equal(board_control(&smoke->board, BOARD_OVERRIDE_DROP, base, 8, 0), 0);
	assert_int_equal(board_write(smoke->owner.fd, base, 8, 0x41000000), 0);
	assert_int_equal(board_read(smoke->owner.fd, base, 8, &after), 0);
	assert_int_equal(after, before);
	assert_int_equal(board_control(&smoke->board, BOARD_OVERRIDE_CLEAR, 0, 0, 0), 0);
	assert_int_equal(board_write(smoke->owner.fd, base, 8, 0x41000000), 0);
	assert_int_equal(board_read(smoke->owner.fd, base, 8, &after), 0);
	assert_int_equal(after, 0x41000000);
	assert_int_equal(board_count_writes(&smoke->board, base), 2);
	assert_int_equal(board_count_writes(&smoke->board, base + 8), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(board_at_reset_edu_moves_bytes_both_ways),
		TEST(board_bus_mastering_off_edu_moves_nothing),
		TEST(board_each_edu_is_its_own_device),
		TEST(board_firmware_places_bars_and_leaves_mastering_off),
		TEST(board_clock_stopped_transfer_lands_only_when_it_runs),
		TEST(board_parts_cannot_change_their_size),
		TEST(board_platform_edu_is_in_the_device_tree_and_moves_bytes),
		TEST(override_read_answers_until_it_is_cleared),
		TEST(override_drop_swallows_writes_and_counts_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
