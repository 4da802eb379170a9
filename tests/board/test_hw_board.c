// SPDX-License-Identifier: BSD-2-Clause
/* The daemon's board back end and discovery, on a real virtual board. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "board_user.h"
#include "harness.h"
#include "log.h"
#include "machine.h"
#include "memory_fd.h"
#include "pci.h"
#include "pci_caps.h"
#include "topology_text.h"

#define EDU_ID 0x010000edu
#define BYTES 4000u

struct rig {
	struct board_fixture board;
	struct machine *machine;
	struct topology topology;
	struct error err;
};

static int setup(void **state)
{
	static struct rig rig;

	memset(&rig, 0, sizeof(rig));
	board_start(&rig.board, "--platform-edu", "1", NULL);
	if (machine_open_board(rig.board.socket, &rig.machine, &rig.err) ||
	    topology_from_fdt(rig.machine->fdt, rig.machine->fdt_size, &rig.topology, &rig.err) ||
	    topology_scan_pci(rig.machine, &rig.topology, &rig.err))
		fail_msg("%s", rig.err.text);
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	rig->machine->ops->close(rig->machine);
	board_stop(&rig->board);
	return 0;
}

static const struct topology_device *find(const struct rig *rig, const char *text)
{
	const struct topology_device *device;
	struct devname name;

	assert_int_equal(devname_parse(text, &name), 0);
	device = topology_find(&rig->topology, &name);
	assert_non_null(device);
	return device;
}

static void board_is_discovered_whole(void **state)
{
	static const char *const expected =
		"unit smmu0 /smmuv3@9050000 arm,smmu-v3 0x9050000+0x20000\n"
		"bridge /pcie@10000000 segment 0 buses 0-255 ecam 0x4010000000+0x10000000 "
		"mask 0xffff\n"
		"  requester 0x0+0x20 is smmu0 stream 0x0\n"
		"  requester 0x21+0xffdf is smmu0 stream 0x21\n"
		"device dt:/platform-edu@10200000 alias mmio:0x10200000+0x100000\n"
		"  on smmu0 stream 0x20\n"
		"  window 0 0x10200000+0x100000\n"
		"device pci:0000:00:00.0 1b36:0008\n"
		"  on smmu0 stream 0x0\n"
		"  unusable: it is a bridge that the machine itself is made of\n"
		"device pci:0000:00:02.0 1234:11e8\n"
		"  on smmu0 stream 0x10\n"
		"  window 0 0x10000000+0x100000\n"
		"device pci:0000:00:03.0 1234:11e8\n"
		"  on smmu0 stream 0x18\n"
		"  window 0 0x10100000+0x100000\n"
		"device pci:0000:00:04.0 1234:11e8\n"
		"  window 0 0x10200000+0x100000\n"
		"  unusable: no IOMMU covers it\n";
	static char text[1 << 14];
	struct rig *rig = *state;

	assert_true(topology_is_valid(&rig->topology));
	topology_text(&rig->topology, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void board_registers_answer(void **state)
{
	struct rig *rig = *state;
	struct hw *hw = &rig->machine->hw;
	uint64_t idr0 = hw->ops->read(hw, VIRT_SMMU, 4);

	assert_true(idr0 != UINT32_MAX && idr0 != 0);
	hw->ops->write(hw, VIRT_SMMU + 0x80, 8, UINT64_C(0x40002000)); /* STRTAB_BASE */
	assert_true(hw->ops->read(hw, VIRT_SMMU + 0x80, 8) == UINT64_C(0x40002000));
}

/* What is not the owner's reads as all ones, and the board goes on. */
static void board_foreign_registers_are_refused(void **state)
{
	struct rig *rig = *state;
	struct hw *hw = &rig->machine->hw;

	assert_int_equal(hw->ops->read(hw, find(rig, "00:02.0")->windows[0].base, 4), UINT32_MAX);
	assert_int_equal(hw->ops->read(hw, VIRT_RAM, 4), UINT32_MAX);
	assert_int_equal(hw->ops->read(hw, VIRT_SMMU + 0x20000, 4), UINT32_MAX);
	assert_true(hw->ops->read(hw, VIRT_SMMU, 4) != UINT32_MAX);
}

static void board_second_owner_is_refused(void **state)
{
	struct rig *rig = *state;
	struct machine *second;

	assert_int_equal(machine_open_board(rig->board.socket, &second, &rig->err), -EBUSY);
	assert_non_null(strstr(rig->err.text, "already has an owner"));
}

static void window_of_a_device_reaches_that_device(void **state)
{
	struct rig *rig = *state;
	const struct topology_device *edu = find(rig, "00:02.0");
	struct machine_window window;
	uint32_t value;
	uint64_t wide;

	assert_int_equal(rig->machine->ops->window_open(rig->machine, edu->windows[0].base,
							edu->windows[0].size, &window, &rig->err),
			 0);
	assert_int_equal(rig->machine->ops->window_read32(rig->machine, &window, 0, &value), 0);
	assert_int_equal(value, EDU_ID);
	assert_int_equal(board_read(window.fd, edu->windows[0].size, 4, &wide), -EPERM);
	assert_int_equal(rig->machine->ops->window_read32(rig->machine, &window,
							  edu->windows[0].size, &value), -EPERM);
	rig->machine->ops->window_close(rig->machine, &window);
}

/* Whoever still holds a copy of the descriptor reaches nothing any more. */
static void window_closed_is_cut_for_every_holder(void **state)
{
	struct rig *rig = *state;
	const struct topology_device *edu = find(rig, "00:02.0");
	struct machine_window window;
	uint64_t value;
	int copy;

	assert_int_equal(rig->machine->ops->window_open(rig->machine, edu->windows[0].base,
							edu->windows[0].size, &window, &rig->err),
			 0);
	copy = dup(window.fd);
	assert_int_equal(board_read(copy, 0, 4, &value), 0);
	rig->machine->ops->window_close(rig->machine, &window);
	assert_int_equal(board_read(copy, 0, 4, &value), -ECONNRESET);
	close(copy);
}

static void window_over_iommu_registers_or_memory_is_refused(void **state)
{
	static const uint64_t bad[][2] = { { VIRT_SMMU, 0x1000 }, { VIRT_RAM, 0x1000 },
					   { VIRT_ECAM, 0x1000 }, { 0x10000000, UINT64_MAX } };
	struct rig *rig = *state;
	struct machine_window window;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(rig->machine->ops->window_open(rig->machine, bad[i][0], bad[i][1],
								&window, &rig->err), -EPERM);
}

static void client_config_write_enables_its_own_device_only(void **state)
{
	struct rig *rig = *state;
	const struct topology_device *edu = find(rig, "00:02.0");
	uint32_t value;

	assert_int_equal(pci_client_write(rig->machine, edu, PCI_COMMAND, 2, 6, &rig->err), 0);
	assert_int_equal(pci_client_read(rig->machine, edu, PCI_COMMAND, 2, &value, &rig->err), 0);
	assert_int_equal(value, 6);
	assert_int_equal(pci_client_write(rig->machine, edu, PCI_BAR(0), 4, 0x40000000, &rig->err),
			 -EPERM);
	assert_int_equal(pci_client_write(rig->machine, edu, 0x44, 4, 0x08090000, &rig->err),
			 -EPERM); /* its MSI address */
	assert_int_equal(pci_stop_mastering(rig->machine, edu, &rig->err), 0);
	assert_int_equal(pci_client_read(rig->machine, edu, PCI_COMMAND, 2, &value, &rig->err), 0);
	assert_int_equal(value, 2);
	assert_int_equal(pci_start_reset(rig->machine, edu, &rig->err), -EOPNOTSUPP);
}

/* The extents are where the device's DMA really lands. */
static void memory_lent_is_what_the_device_reaches(void **state)
{
	struct rig *rig = *state;
	const struct topology_device *edu = find(rig, "00:03.0");
	uint8_t sent[BYTES], got[BYTES];
	struct machine_window window;
	struct extent extent;
	uint32_t part, count, i;
	uint64_t size;
	int fd;

	assert_int_equal(rig->machine->ops->memory_lend(rig->machine, getuid(), 0, &fd, &size,
							&part, &rig->err), 0);
	assert_int_equal(memory_fd_check(fd, 0, size, RIGHT_ALL, &rig->err), 0);
	assert_int_equal(rig->machine->ops->memory_resolve(rig->machine, fd, 0, size, &extent, 1,
							   &count, &rig->err), 0);
	assert_true(rig->machine->ops->is_memory(rig->machine, extent.pa, extent.length));
	for (i = 0; i < BYTES; i++)
		sent[i] = (uint8_t)(i * 7 + 1);
	assert_int_equal(pwrite(fd, sent, BYTES, 0x3000), BYTES);
	assert_int_equal(rig->machine->ops->window_open(rig->machine, edu->windows[0].base,
							edu->windows[0].size, &window, &rig->err),
			 0);
	assert_int_equal(pci_client_write(rig->machine, edu, PCI_COMMAND, 2, 6, &rig->err), 0);
	edu_start(window.fd, extent.pa.v + 0x3000, EDU_BUFFER, BYTES, EDU_FROM_RAM);
	edu_wait(window.fd);
	edu_start(window.fd, EDU_BUFFER, extent.pa.v + 0x7000, BYTES, EDU_TO_RAM);
	edu_wait(window.fd);
	assert_int_equal(pread(fd, got, BYTES, 0x7000), BYTES);
	assert_memory_equal(sent, got, BYTES);
	rig->machine->ops->window_close(rig->machine, &window);
	rig->machine->ops->memory_return(rig->machine, part);
	close(fd);
	assert_int_equal(rig->machine->ops->memory_lend(rig->machine, getuid(), 0, &fd, &size,
							&part, &rig->err), 0);
	assert_int_equal(pread(fd, got, BYTES, 0x7000), BYTES);
	for (i = 0; i < BYTES; i++)
		assert_int_equal(got[i], 0);
	close(fd);
}

static void arena_is_memory_of_useful_size(void **state)
{
	struct rig *rig = *state;

	assert_true(rig->machine->ops->is_memory(rig->machine, rig->machine->arena_pa,
						 rig->machine->arena_size));
	assert_true(rig->machine->arena_size >= 16u << 20);
}

static void board_killed_reads_all_ones(void **state)
{
	struct rig *rig = *state;
	struct pollfd lost = { .fd = rig->machine->lost_fd, .events = POLLIN };
	struct machine_window window;

	assert_int_equal(poll(&lost, 1, 0), 0);
	process_stop(&rig->board.vboard, SIGKILL);
	assert_int_equal(poll(&lost, 1, WAIT_S * 1000), 1);
	assert_int_equal(rig->machine->hw.ops->read(&rig->machine->hw, VIRT_SMMU, 4), UINT32_MAX);
	assert_int_equal(rig->machine->ops->config_read(rig->machine, VIRT_ECAM, 2), 0xffff);
	rig->machine->hw.ops->write(&rig->machine->hw, VIRT_SMMU, 4, 0);
	assert_int_equal(rig->machine->ops->window_open(rig->machine, 0x10000000, 0x1000, &window,
							&rig->err), -ENODEV);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(board_is_discovered_whole),
		TEST(board_registers_answer),
		TEST(board_foreign_registers_are_refused),
		TEST(board_second_owner_is_refused),
		TEST(window_of_a_device_reaches_that_device),
		TEST(window_closed_is_cut_for_every_holder),
		TEST(window_over_iommu_registers_or_memory_is_refused),
		TEST(client_config_write_enables_its_own_device_only),
		TEST(memory_lent_is_what_the_device_reaches),
		TEST(arena_is_memory_of_useful_size),
		TEST(board_killed_reads_all_ones),
	};

	log_setup("test", LOG_ALARM, false);
	return cmocka_run_group_tests_name("hw_board", tests, NULL, NULL);
}
