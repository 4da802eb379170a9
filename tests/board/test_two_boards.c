// SPDX-License-Identifier: BSD-2-Clause
/*
 * One daemon that serves two boards as one machine: an Arm one with its SMMUv3
 * and an x86 one with its VT-d unit. A domain that spans both has a space on
 * each, and every promise holds on each.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"

#define ARM_DMA DMA0
#define X86_DMA "pci:0001:00:02.0"
/* Only the x86 board has parts of memory as large as that. */
#define X86_BYTES (UINT64_C(17) << 20)
#define ARM_BYTES (8 * RIG_PAGE)
#define X86_IOVA UINT64_C(0x40000000)
#define LENGTH 256u

struct two {
	struct rig arm;
	struct board_fixture x86;
};

static const char policy[] =
	"devices:\n"
	"  - {name: arm, match: \"" ARM_DMA "\", quiesce: {poll: {bar: 0, offset: 0x98, mask: 0x1, "
	"value: 0x0}}}\n"
	"  - {name: x86, match: \"" X86_DMA "\", quiesce: {poll: {bar: 0, offset: 0x98, mask: 0x1, "
	"value: 0x0}}, unsafe_interrupts: allow}\n"
	"clients:\n"
	"  - {name: driver, uid: self, rights: [attach, admin], attach: [arm, x86]}\n";

static void start_daemon(struct two *two)
{
	char program[128], log[128];
	const char *const argv[] = { build_path("smmuman", program, sizeof(program)), "-v",
				     "--board", two->arm.board.socket, "--board", two->x86.socket,
				     "--policy", two->arm.policy, "--socket", two->arm.socket, NULL };

	snprintf(log, sizeof(log), "%s/daemon.log", two->arm.board.dir);
	remove(log);
	process_start(&two->arm.daemon, log, argv);
	if (process_wait_line(&two->arm.daemon, "ready:"))
		return;
	process_show_log(&two->arm.daemon);
	fail_msg("the daemon did not come up");
}

static const char *const arm_edus[] = { "--edu", "1", NULL };
/* Small enough to lie below the Arm board's memory. */
static const char *const x86_size[] = { "--owner-size", "16", "--parts", "2", "--part-size", "20",
					NULL };

static int setup(void **state)
{
	static struct two two;

	memset(&two, 0, sizeof(two));
	rig_prepare_board(&two.arm, &variants[SMMU_S1_LINEAR], arm_edus);
	rig_write_policy(&two.arm, policy);
	variant_board_start(&two.x86, &variants[VTD_LEGACY_48], x86_size);
	start_daemon(&two);
	*state = &two;
	return 0;
}

static int teardown(void **state)
{
	struct two *two = *state;

	rig_stop(&two->arm);
	board_stop(&two->x86);
	return 0;
}

/* One domain, both devices; each with memory of its own board. */
static void open_both(struct two *two, struct driver *arm, struct driver *x86)
{
	driver_open(arm, &two->arm, ARM_BYTES);
	*x86 = *arm;
	assert_int_equal(smmu_dma_alloc(x86->context, X86_BYTES, &x86->buffer), 0);
	driver_attach(arm, ARM_DMA);
	driver_attach(x86, X86_DMA);
}

static void assert_moves(struct driver *driver, uint64_t iova, uint8_t byte)
{
	driver_fill_device(driver, byte, LENGTH);
	driver_set(driver, 0, RIG_PAGE, 0x11);
	driver_from_device(driver, iova, LENGTH);
	assert_true(driver_holds(driver, 0, LENGTH, byte));
	assert_true(driver_holds(driver, LENGTH, RIG_PAGE - LENGTH, 0x11));
}

static void assert_refused(struct driver *driver, uint64_t iova)
{
	driver_set(driver, 0, RIG_PAGE, 0x11);
	driver_from_device(driver, iova, LENGTH);
	assert_true(driver_holds(driver, 0, RIG_PAGE, 0x11));
}

static void two_boards_domain_over_both_contains_each(void **state)
{
	struct driver arm, x86;

	open_both(*state, &arm, &x86);
	assert_refused(&arm, RIG_IOVA);
	assert_refused(&x86, X86_IOVA);
	driver_grant(&arm, RIG_IOVA, RIG_PAGE, 0, SMMU_READ | SMMU_WRITE);
	driver_grant(&x86, X86_IOVA, RIG_PAGE, 0, SMMU_READ | SMMU_WRITE);
	assert_moves(&arm, RIG_IOVA, 0x5a);
	assert_moves(&x86, X86_IOVA, 0xa5);
	driver_revoke(&arm, RIG_IOVA, RIG_PAGE);
	assert_refused(&arm, RIG_IOVA);
	assert_moves(&x86, X86_IOVA, 0x3c);
	driver_revoke(&x86, X86_IOVA, RIG_PAGE);
	assert_refused(&x86, X86_IOVA);
	driver_close(&arm);
}

static void two_boards_fault_names_the_device_of_its_board(void **state)
{
	struct driver arm, x86;

	open_both(*state, &arm, &x86);
	driver_from_device(&x86, 0x123000, LENGTH);
	assert_string_equal(driver_newest_fault(&x86).device, X86_DMA);
	driver_from_device(&arm, 0x456000, LENGTH);
	assert_string_equal(driver_newest_fault(&arm).device, ARM_DMA);
	driver_close(&arm);
}

static void two_boards_attached_later_gets_the_grants_there_are(void **state)
{
	struct two *two = *state;
	struct driver arm, x86;

	driver_open(&arm, &two->arm, ARM_BYTES);
	x86 = arm;
	assert_int_equal(smmu_dma_alloc(x86.context, X86_BYTES, &x86.buffer), 0);
	driver_attach(&arm, ARM_DMA);
	driver_grant(&x86, X86_IOVA, RIG_PAGE, 0, SMMU_READ | SMMU_WRITE);
	driver_attach(&x86, X86_DMA);
	assert_moves(&x86, X86_IOVA, 0x77);
	driver_close(&arm);
}

static void two_boards_killed_daemon_leaves_both_as_they_were(void **state)
{
	struct two *two = *state;
	struct driver arm, x86;

	open_both(two, &arm, &x86);
	driver_grant(&arm, RIG_IOVA, RIG_PAGE, 0, SMMU_READ | SMMU_WRITE);
	driver_grant(&x86, X86_IOVA, RIG_PAGE, 0, SMMU_READ | SMMU_WRITE);
	assert_moves(&arm, RIG_IOVA, 0x21);
	assert_moves(&x86, X86_IOVA, 0x42);
	process_stop(&two->arm.daemon, SIGKILL);
	driver_set(&arm, 0, RIG_PAGE, 0x11);
	driver_set(&x86, 0, RIG_PAGE, 0x11);
	driver_from_device(&arm, RIG_IOVA, LENGTH);
	driver_from_device(&x86, X86_IOVA, LENGTH);
	assert_true(driver_holds(&arm, 0, LENGTH, 0x21));
	assert_true(driver_holds(&x86, 0, LENGTH, 0x42));
	assert_refused(&arm, RIG_IOVA + RIG_PAGE);
	assert_refused(&x86, X86_IOVA + RIG_PAGE);
	driver_close(&arm);

	start_daemon(two);
	open_both(two, &arm, &x86);
	assert_refused(&arm, RIG_IOVA);
	assert_refused(&x86, X86_IOVA);
	driver_close(&arm);
}

/* Two Arm boards have their memory at the same place. */
static void two_boards_memory_at_one_address_is_refused(void **state)
{
	struct two *two = *state;
	struct board_fixture other;
	struct process daemon;
	char program[128], log[128];
	const char *argv[] = { build_path("smmuman", program, sizeof(program)), "--board", NULL,
			       "--board", NULL, "--policy", two->arm.policy, "--socket", NULL, NULL };
	char socket[128];

	process_stop(&two->arm.daemon, SIGKILL);
	variant_board_start(&other, &variants[SMMU_S1_LINEAR], arm_edus);
	snprintf(log, sizeof(log), "%s/refused.log", other.dir);
	snprintf(socket, sizeof(socket), "%s/smmu", other.dir);
	argv[2] = two->arm.board.socket;
	argv[4] = other.socket;
	argv[8] = socket;
	process_start(&daemon, log, argv);
	assert_false(process_wait_line(&daemon, "ready:"));
	assert_int_equal(process_wait(&daemon), 1);
	assert_true(process_said(&daemon, "memory at the same addresses"));
	board_stop(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(two_boards_domain_over_both_contains_each, setup,
						teardown),
		cmocka_unit_test_setup_teardown(two_boards_fault_names_the_device_of_its_board,
						setup, teardown),
		cmocka_unit_test_setup_teardown(two_boards_attached_later_gets_the_grants_there_are,
						setup, teardown),
		cmocka_unit_test_setup_teardown(two_boards_killed_daemon_leaves_both_as_they_were,
						setup, teardown),
		cmocka_unit_test_setup_teardown(two_boards_memory_at_one_address_is_refused, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("two boards", tests, NULL, NULL);
}
