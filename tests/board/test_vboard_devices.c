// SPDX-License-Identifier: BSD-2-Clause
/* What else can be on a board: devices behind bridges, and NVMe with disks. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "arith.h"
#include "bits.h"
#include "board_user.h"
#include "harness.h"
#include "variant.h"

#define EDU_ID 0x11e81234u
#define EDU_BAR_BYTES 0x100000u

/* NVMe 1.4, 3.1: controller registers; 5: admin commands. */
#define NVME_CLASS 0x010802u
#define NVME_BAR_BYTES 0x4000u
#define NVME_CC 0x14u
#define NVME_CSTS 0x1cu
#define NVME_AQA 0x24u
#define NVME_ASQ 0x28u
#define NVME_ACQ 0x30u
#define NVME_SQ0_TAIL 0x1000u
#define NVME_IDENTIFY 0x06u

static const enum variant_id kinds[] = { SMMU_S1_LINEAR, VTD_LEGACY_48, VIRTIO_ON_VIRT,
					 VIRTIO_ON_Q35 };

static struct board_fixture board;
static struct board_owner owner;

static void start(const struct variant *variant, const char *const *arguments)
{
	if (!variant_can(variant))
		skip();
	variant_board_start(&board, variant, arguments);
	assert_int_equal(board_owner_init(&owner, board.socket), 0);
}

#define START(variant, ...) start(variant, (const char *const[]){ __VA_ARGS__, NULL })

static void stop(void)
{
	board_owner_fini(&owner);
	board_stop(&board);
}

static uint64_t read_config(uint64_t config, uint32_t offset, uint32_t size)
{
	uint64_t value = 0;

	assert_int_equal(board_read(owner.fd, config + offset, size, &value), 0);
	return value;
}

static uint64_t config_of(uint64_t bus, unsigned slot)
{
	return owner.ecam + (bus << 20) + ((uint64_t)slot << 15);
}

/* --- behind bridges --------------------------------------------------------------- */

/* The edu moves bytes, and moves none when it does not master its bus. */
static void check_edu(uint64_t config)
{
	uint8_t *bytes = owner.parts[1];
	uint64_t pa = owner.hello.parts[1].pa;
	unsigned i;
	int edu;

	assert_int_equal(read_config(config, 0, 4), EDU_ID);
	assert_int_equal(read_config(config, 4, 2), 2);
	assert_int_equal(board_window_open(owner.fd, read_config(config, 0x10, 4), EDU_BAR_BYTES,
					   &edu, NULL), 0);
	for (i = 0; i < 4096; i++)
		bytes[i] = (uint8_t)(i * 3 + config / 0x8000);
	memset(bytes + 4096, 0, 2 * 4096);
	board_write(owner.fd, config + 4, 2, 6);
	edu_start(edu, pa, EDU_BUFFER, EDU_BYTES, EDU_FROM_RAM);
	edu_wait(edu);
	board_write(owner.fd, config + 4, 2, 2);
	edu_start(edu, EDU_BUFFER, pa + 4096, EDU_BYTES, EDU_TO_RAM);
	edu_wait(edu);
	assert_int_equal(bytes[4097], 0);
	board_write(owner.fd, config + 4, 2, 6);
	edu_start(edu, EDU_BUFFER, pa + 4096, EDU_BYTES, EDU_TO_RAM);
	edu_wait(edu);
	assert_memory_equal(bytes, bytes + 4096, EDU_BYTES);
	board_write(owner.fd, config + 4, 2, 2);
	close(edu);
}

/* The bridge's numbers, and that its window holds the BAR of what is behind. */
static uint64_t check_bridge(uint64_t config, uint64_t parent, uint64_t behind_slot)
{
	uint64_t buses = read_config(config, 0x18, 4), window = read_config(config, 0x20, 4);
	uint64_t base = (window & 0xfff0) << 16, limit = (window >> 16 & 0xfff0) << 16 | 0xfffff;
	uint64_t secondary = buses >> 8 & 0xff, bar;

	assert_int_equal(read_config(config, 0x0e, 1) & 0x7f, 1);
	assert_int_equal(buses & 0xff, parent);
	assert_true(secondary > parent && (buses >> 16 & 0xff) >= secondary);
	bar = read_config(config_of(secondary, (unsigned)behind_slot), 0x10, 4) & ~UINT64_C(15);
	assert_true(range_within(bar, EDU_BAR_BYTES, base, limit - base + 1));
	assert_int_equal(read_config(config, 4, 2), 6);
	return secondary;
}

static void board_devices_behind_bridges_move_bytes(void **state)
{
	static const char edu_at_port[] = "edu,dma_mask=0xffffffffffffffff,bus=rp";
	static const char edu_at_bridge[] = "edu,dma_mask=0xffffffffffffffff,bus=bridge,addr=1";
	static const char edu_at_inner[] = "edu,dma_mask=0xffffffffffffffff,bus=inner,addr=4";
	uint64_t port, bridge, inner;

	START(*state, "--edu", "1", "--", "-device", "pcie-root-port,id=rp,chassis=1,addr=8",
	      "-device", edu_at_port, "-device", "pcie-pci-bridge,id=bridge,addr=9",
	      "-device", edu_at_bridge, "-device",
	      "pci-bridge,id=inner,bus=bridge,addr=3,chassis_nr=2", "-device",
	      edu_at_inner);
	port = check_bridge(config_of(0, 8), 0, 0);
	bridge = check_bridge(config_of(0, 9), 0, 1);
	inner = check_bridge(config_of(bridge, 3), bridge, 4);
	assert_true(port != bridge);
	check_edu(config_of(0, 2));
	check_edu(config_of(port, 0));
	check_edu(config_of(bridge, 1));
	check_edu(config_of(inner, 4));
	stop();
}

static void board_bridge_with_nobody_behind_passes_nothing(void **state)
{
	uint64_t window;

	START(*state, "--", "-device", "pcie-root-port,id=rp,chassis=1,addr=8");
	window = read_config(config_of(0, 8), 0x20, 4);
	assert_true((window & 0xfff0) > (window >> 16 & 0xfff0));
	assert_int_equal(read_config(config_of(0, 8), 0x18, 3 + 1) & 0xffffff, 0x010100);
	stop();
}

/* --- NVMe --------------------------------------------------------------------------- */

static uint64_t read_register(int window, uint64_t offset)
{
	uint64_t value = 0;

	assert_int_equal(board_read(window, offset, 4, &value), 0);
	return value;
}

/* Queues at pages 0 and 1 of part 1; the answer comes to page 2. */
static void nvme_enable(int nvme)
{
	uint64_t pa = owner.hello.parts[1].pa;
	time_t limit = time(NULL) + WAIT_S;

	memset(owner.parts[1], 0, 3 * 4096);
	assert_int_equal(board_write(nvme, NVME_AQA, 4, 7 << 16 | 7), 0);
	assert_int_equal(board_write(nvme, NVME_ASQ, 8, pa), 0);
	assert_int_equal(board_write(nvme, NVME_ACQ, 8, pa + 4096), 0);
	assert_int_equal(board_write(nvme, NVME_CC, 4, 4 << 20 | 6 << 16 | 1), 0);
	while (!(read_register(nvme, NVME_CSTS) & 1))
		if (time(NULL) > limit)
			fail_msg("the NVMe controller does not become ready");
}

/* The index'th command since then: identify (what) is of namespace id. */
static void nvme_identify(int nvme, unsigned index, uint32_t id, uint32_t what)
{
	uint64_t answer = owner.hello.parts[1].pa + 2 * 4096;
	uint32_t command[16] = { NVME_IDENTIFY | index << 16, id, 0, 0, 0, 0,
				 (uint32_t)answer, (uint32_t)(answer >> 32), 0, 0, what };
	const volatile uint16_t *status =
		(const volatile uint16_t *)(owner.parts[1] + 4096 + 16 * index + 14);
	time_t limit = time(NULL) + WAIT_S;

	memcpy(owner.parts[1] + 64 * index, command, sizeof(command));
	assert_int_equal(board_write(nvme, NVME_SQ0_TAIL, 4, index + 1), 0);
	while (!(*status & 1))
		if (time(NULL) > limit)
			fail_msg("the NVMe controller does not answer");
	assert_int_equal(*status >> 1, 0);
}

static void board_nvme_tells_of_its_disk_by_dma(void **state)
{
	const uint8_t *answer;
	uint64_t blocks, config;
	unsigned slot;
	int nvme;

	START(*state, "--edu", "1", "--nvme", "2", "--nvme-size", "8");
	for (slot = 3; slot < 5; slot++) {
		config = config_of(0, slot);
		assert_int_equal(read_config(config, 8, 4) >> 8, NVME_CLASS);
		assert_int_equal(read_config(config, 4, 2), 2);
		assert_int_equal(board_window_open(owner.fd, pci_bar0(&owner, slot),
						   NVME_BAR_BYTES, &nvme, NULL), 0);
		pci_set_master(&owner, slot, true);
		nvme_enable(nvme);
		answer = owner.parts[1] + 2 * 4096;
		nvme_identify(nvme, 0, 0, 1);
		assert_memory_equal(answer + 4, slot == 3 ? "vboard-0 " : "vboard-1 ", 9);
		nvme_identify(nvme, 1, 1, 0);
		memcpy(&blocks, answer, sizeof(blocks));
		assert_int_equal(blocks * 512, 8 << 20);
		close(nvme);
	}
	assert_int_equal(read_config(config_of(0, 5), 0, 2), 0xffff);
	stop();
}

int main(void)
{
#define TEST(name) { #name, name, NULL, NULL, NULL }
	static const struct CMUnitTest cases[] = {
		TEST(board_devices_behind_bridges_move_bytes),
		TEST(board_bridge_with_nobody_behind_passes_nothing),
		TEST(board_nvme_tells_of_its_disk_by_dma),
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
