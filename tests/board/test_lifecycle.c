// SPDX-License-Identifier: BSD-2-Clause
/*
 * Death and hand-over on the board: clients and daemons that are killed,
 * devices that change owners, devices nobody may have.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bits.h"
#include "rig.h"
#include "smmu-admin.h"

static const enum variant_id rows[] = {
	SMMU_S1_TWO_LEVEL, SMMU_S2_TWO_LEVEL, VTD_LEGACY_48,  VTD_SECOND_LEVEL,
	VTD_FIRST_LEVEL,   VIRTIO_ON_VIRT,    VIRTIO_ON_Q35,
};
static const struct variant *variant;

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	rig_start(rig, variant);
	*state = rig;
	return 0;
}

/* The daemon comes later, with a policy of the test's own. */
static int setup_bare(void **state)
{
	*state = calloc(1, sizeof(struct rig));
	return 0;
}

static int teardown(void **state)
{
	rig_stop(*state);
	free(*state);
	return 0;
}

/* A driver in a process of its own, which tells through a pipe how far it is. */
struct victim {
	pid_t pid;
	int pipe;
};

static void victim_start(struct victim *victim, struct rig *rig, bool start_transfer)
{
	struct driver a;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	victim->pid = fork();
	assert_true(victim->pid >= 0);
	if (victim->pid == 0) {
		driver_open(&a, rig, 2 * RIG_PAGE);
		driver_attach(&a, DMA0);
		driver_fill_device(&a, 0xd1, 64);
		driver_grant(&a, RIG_IOVA, RIG_PAGE, 0, SMMU_READ | SMMU_WRITE);
		if (start_transfer) {
			assert_int_equal(board_control(&rig->board, BOARD_CLOCK_STOP, 0, 0, 0), 0);
			driver_start_from_device(&a, RIG_IOVA, 64);
		}
		assert_int_equal(write(ends[1], "x", 1), 1);
		pause();
		_exit(0);
	}
	close(ends[1]);
	victim->pipe = ends[0];
}

static void victim_wait_ready(struct victim *victim)
{
	char byte;

	assert_int_equal(read(victim->pipe, &byte, 1), 1);
}

static void victim_kill(struct victim *victim)
{
	int status;

	assert_int_equal(kill(victim->pid, SIGKILL), 0);
	assert_int_equal(waitpid(victim->pid, &status, 0), victim->pid);
	close(victim->pipe);
}

static struct wire_device device_of(struct smmu *context, const char *name)
{
	struct wire_explain_reply reply;

	assert_int_equal(smmu_admin_explain(context, name, NULL, &reply), 0);
	return reply.device;
}

/* C9: what the dead driver had started must not land in the next one's buffer. */
static void killed_in_mid_transfer_next_owner_is_untouched(void **state)
{
	struct rig *rig = *state;
	struct victim victim;
	struct driver b;
	unsigned i;

	victim_start(&victim, rig, true);
	victim_wait_ready(&victim);
	victim_kill(&victim);
	driver_open(&b, rig, 2 * RIG_PAGE);
	driver_grant(&b, RIG_IOVA, RIG_PAGE, 0, SMMU_READ | SMMU_WRITE);
	/* The transfer is still in the device: nobody gets it. */
	for (i = 0; i < 20; i++)
		assert_int_equal(driver_try_attach(&b, DMA0), -EAGAIN);
	assert_int_equal(board_control(&rig->board, BOARD_CLOCK_RUN, 0, 0, 0), 0);
	driver_attach(&b, DMA0);
	assert_true(driver_holds(&b, 0, 2 * RIG_PAGE, 0));
	/* And the device still works, for its new owner. */
	driver_from_device(&b, RIG_IOVA, 64);
	assert_true(driver_holds(&b, 0, 64, 0xd1));
	driver_close(&b);
}

/* The twin: the same transfer lands when nobody is killed. */
static void held_transfer_lands_when_its_driver_lives(void **state)
{
	struct rig *rig = *state;
	struct driver a;

	driver_open(&a, rig, 2 * RIG_PAGE);
	driver_attach(&a, DMA0);
	driver_fill_device(&a, 0xd1, 64);
	driver_grant(&a, RIG_IOVA, RIG_PAGE, 0, SMMU_READ | SMMU_WRITE);
	assert_int_equal(board_control(&rig->board, BOARD_CLOCK_STOP, 0, 0, 0), 0);
	driver_start_from_device(&a, RIG_IOVA, 64);
	assert_true(driver_holds(&a, 0, 64, 0));
	assert_int_equal(board_control(&rig->board, BOARD_CLOCK_RUN, 0, 0, 0), 0);
	while (!driver_holds(&a, 60, 4, 0xd1)) {
		uint32_t busy;

		assert_int_equal(smmu_reg_read32(a.device, 0, 0x98, &busy), 0);
	}
	assert_true(driver_holds(&a, 0, 64, 0xd1));
	driver_close(&a);
}

static void device_that_never_rests_is_quarantined_until_released(void **state)
{
	struct rig *rig = *state;
	struct wire_device view;
	struct victim victim;
	struct driver b;

	victim_start(&victim, rig, true);
	victim_wait_ready(&victim);
	victim_kill(&victim);
	driver_open(&b, rig, RIG_PAGE);
	do {
		view = device_of(b.context, DMA0);
		assert_in_range(view.state, WIRE_DEVICE_ATTACHED, WIRE_DEVICE_QUARANTINED);
	} while (view.state != WIRE_DEVICE_QUARANTINED);
	assert_non_null(strstr(view.note, "register 0x98 of BAR 0 reads 0x"));
	assert_int_equal(driver_try_attach(&b, DMA0), -EPERM);
	assert_int_equal(board_control(&rig->board, BOARD_CLOCK_RUN, 0, 0, 0), 0);
	assert_int_equal(driver_try_attach(&b, DMA0), -EPERM);
	assert_int_equal(smmu_admin_release(b.context, DMA0), 0);
	driver_attach(&b, DMA0);
	assert_int_equal(smmu_admin_release(b.context, DMA0), -EINVAL);
	driver_close(&b);
}

static void left_over_child_loses_the_registers(void **state)
{
	struct rig *rig = *state;
	struct driver a, b;
	uint32_t value;

	driver_open(&a, rig, RIG_PAGE);
	driver_attach(&a, DMA0);
	assert_int_equal(smmu_reg_read32(a.device, 0, 0, &value), 0);
	assert_int_equal(value, 0x010000ed);
	/* The connection ends, but the window's descriptor lives on, as in a child. */
	assert_int_equal(shutdown(smmu_fd(a.context), SHUT_RDWR), 0);
	driver_open(&b, rig, RIG_PAGE);
	driver_attach(&b, DMA0);
	assert_int_equal(smmu_reg_read32(a.device, 0, 0, &value), -ENODEV);
	assert_int_equal(smmu_reg_read32(b.device, 0, 0, &value), 0);
	driver_close(&a);
	driver_close(&b);
}

static void killed_daemon_closed_stays_closed_and_granted_goes_on(void **state)
{
	struct rig *rig = *state;
	struct driver a;

	driver_open(&a, rig, 3 * RIG_PAGE);
	driver_attach(&a, DMA0);
	driver_fill_device(&a, 0xa5, 64);
	driver_grant(&a, RIG_IOVA, RIG_PAGE, 0, SMMU_READ | SMMU_WRITE);
	assert_int_equal(process_stop(&rig->daemon, SIGKILL), 128 + SIGKILL);
	driver_from_device(&a, RIG_IOVA, 64);
	assert_true(driver_holds(&a, 0, 64, 0xa5));
	driver_from_device(&a, RIG_IOVA + RIG_PAGE, 64);
	driver_from_device(&a, RIG_IOVA + RIG_PAGE - 32, 64);
	assert_true(driver_holds(&a, RIG_PAGE - 32, 32, 0xa5));
	assert_true(driver_holds(&a, RIG_PAGE, 2 * RIG_PAGE, 0));
	driver_close(&a);
}

static void restarted_daemon_closes_first_and_keeps_the_fault_log(void **state)
{
	struct rig *rig = *state;
	struct smmu_fault fault;
	struct wire_status status;
	struct driver a, b;

	driver_open(&a, rig, 2 * RIG_PAGE);
	driver_attach(&a, DMA0);
	driver_fill_device(&a, 0xb6, 64);
	driver_grant(&a, RIG_IOVA, RIG_PAGE, 0, SMMU_READ | SMMU_WRITE);
	driver_from_device(&a, RIG_IOVA + RIG_PAGE, 64);
	fault = driver_newest_fault(&a);
	assert_int_equal(process_stop(&rig->daemon, SIGKILL), 128 + SIGKILL);
	driver_from_device(&a, RIG_IOVA, 64);
	assert_true(driver_holds(&a, 0, 64, 0xb6));
	driver_set(&a, 0, 64, 0);
	/* Refused while nobody looks: the unit remembers it for the next daemon. */
	driver_from_device(&a, RIG_IOVA + 8 * RIG_PAGE, 64);
	rig_start_daemon(rig, "smmuman");
	/* The old owner's windows are cut and its grant is gone. */
	assert_int_equal(smmu_reg_write64(a.device, 0, 0x98, EDU_TO_RAM), -ENODEV);
	driver_open(&b, rig, 2 * RIG_PAGE);
	driver_attach(&b, DMA0);
	driver_from_device(&b, RIG_IOVA, 64);
	assert_true(driver_holds(&a, 0, 64, 0));
	assert_true(driver_holds(&b, 0, 64, 0));
	assert_int_equal(smmu_admin_status(b.context, &status), 0);
	/* Two refused transfers of 64 bytes since. */
	assert_int_equal(status.faults, fault.count + (variant->merges_faults ? 2 : 32));
	assert_int_equal(status.fault_records, fault.sequence + 2);
	driver_close(&a);
	driver_close(&b);
}

static void sigterm_closes_what_was_granted(void **state)
{
	struct rig *rig = *state;
	struct driver a;

	driver_open(&a, rig, 2 * RIG_PAGE);
	driver_attach(&a, DMA0);
	driver_fill_device(&a, 0xc7, 64);
	driver_grant(&a, RIG_IOVA, RIG_PAGE, 0, SMMU_READ | SMMU_WRITE);
	driver_from_device(&a, RIG_IOVA, 64);
	assert_true(driver_holds(&a, 0, 64, 0xc7));
	driver_set(&a, 0, 64, 0);
	assert_int_equal(process_stop(&rig->daemon, SIGTERM), 0);
	/* Its windows are cut as well, or the transfer is refused: nothing arrives. */
	if (smmu_reg_write64(a.device, 0, 0x98, EDU_TO_RAM) == 0) {
		uint32_t busy = 1;

		while (busy & 1)
			assert_int_equal(smmu_reg_read32(a.device, 0, 0x98, &busy), 0);
	}
	assert_true(driver_holds(&a, 0, 64, 0));
	driver_close(&a);
}

static void second_daemon_is_turned_away_and_changes_nothing(void **state)
{
	struct rig *rig = *state;
	struct process second = { .pid = -1, .pidfd = -1 };
	const char *argv[16];
	char path[128], log[128];
	struct driver a;

	driver_open(&a, rig, 2 * RIG_PAGE);
	driver_attach(&a, DMA0);
	driver_fill_device(&a, 0xe8, 64);
	driver_grant(&a, RIG_IOVA, RIG_PAGE, 0, SMMU_READ | SMMU_WRITE);
	snprintf(log, sizeof(log), "%s/second.log", rig->board.dir);
	rig_daemon_argv(rig, build_path("smmuman", path, sizeof(path)), argv);
	process_start(&second, log, argv);
	assert_int_equal(process_wait(&second), 75);
	/* The same socket given another name: the board itself is taken. */
	argv[7] = "/dev/null/nowhere";
	process_start(&second, log, argv);
	assert_int_equal(process_wait(&second), 75);
	driver_from_device(&a, RIG_IOVA, 64);
	assert_true(driver_holds(&a, 0, 64, 0xe8));
	driver_close(&a);
}

static const char storm_policy[] =
	"devices:\n"
	"  - {name: stormy, match: \"" DMA0 "\", " RIG_WORDS ","
	" storm: {budget: 100, per: 60s, then: quarantine}}\n"
	"clients:\n"
	"  - {name: edu-driver, uid: self, rights: [attach, admin], attach: [stormy]}\n";

static void storm_puts_one_device_into_quarantine(void **state)
{
	struct rig *rig = *state;
	struct wire_device view;
	struct driver a;

	rig_prepare(rig, variant);
	rig_write_policy(rig, storm_policy);
	rig_start_daemon(rig, "smmuman");
	driver_open(&a, rig, 2 * RIG_PAGE);
	driver_attach(&a, DMA0);
	/* A unit that merges faults has one record of each transfer at most. */
	do {
		driver_from_device(&a, RIG_IOVA, rig->variant->merges_faults ? 4 : 400);
		view = device_of(a.context, DMA0);
		assert_in_range(view.faults, 1, 100);
		assert_int_equal(view.state, WIRE_DEVICE_ATTACHED);
	} while (view.faults < 100);
	driver_from_device(&a, RIG_IOVA, 4);
	view = device_of(a.context, DMA0);
	assert_int_equal(view.state, WIRE_DEVICE_QUARANTINED);
	assert_int_equal(view.faults, 101);
	assert_int_equal(smmu_detach(a.context, a.attached.device), -ENOENT);
	assert_int_equal(smmu_admin_release(a.context, "stormy"), 0);
	smmu_device_close(a.device);
	driver_attach(&a, DMA0);
	driver_close(&a);
}

/* Who reads the daemon's log may go away at any time: the next line must not kill it. */
static void lost_log_reader_does_not_end_the_daemon(void **state)
{
	struct rig *rig = *state;
	const char *argv[16];
	char path[128], byte;
	struct driver a;
	int log[2], ready[2];
	pid_t pid;
	int status;

	rig_prepare(rig, variant);
	rig_daemon_argv(rig, build_path("smmuman", path, sizeof(path)), argv);
	argv[8] = "--ready-fd";
	argv[9] = "1";
	argv[10] = NULL;
	assert_int_equal(pipe(log), 0);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(ready[1], STDOUT_FILENO);
		dup2(log[1], STDERR_FILENO);
		close(log[0]);
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(log[0]);
	close(log[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	/* Attaching and a fault are lines of the log. */
	driver_open(&a, rig, RIG_PAGE);
	driver_attach(&a, DMA0);
	driver_from_device(&a, RIG_IOVA, 64);
	driver_expect_refusal(&a, RIG_IOVA, 16, SMMU_WRITE);
	driver_close(&a);
	close(ready[0]);
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void client_after_a_restart_reads_no_strangers_faults(void **state)
{
	struct rig *rig = *state;
	struct smmu_fault fault;
	struct smmu_info before, after;
	struct driver a, b;

	driver_open(&a, rig, 2 * RIG_PAGE);
	driver_attach(&a, DMA0);
	driver_from_device(&a, RIG_IOVA, 64);
	assert_int_equal(smmu_info(a.context, &before), 0);
	assert_int_equal(driver_newest_fault(&a).client, before.client);
	assert_int_equal(process_stop(&rig->daemon, SIGKILL), 128 + SIGKILL);
	rig_start_daemon(rig, "smmuman");
	driver_open(&b, rig, 2 * RIG_PAGE);
	assert_int_equal(smmu_info(b.context, &after), 0);
	assert_true(after.client > before.client);
	assert_int_equal(smmu_fault_read(b.context, &fault, 1, NULL), 0);
	driver_close(&a);
	driver_close(&b);
}

/* dma1 may write one page of board RAM at its own address, with no client at all. */
static const char static_policy[] =
	"devices:\n"
	"  - {name: old, match: \"" DMA1 "\", " RIG_WORDS "}\n"
	"  - {name: host, match: \"" DMA0 "\", host: identity}\n"
	"regions:\n"
	"  - {name: frame, address: 0x%" PRIx64 ", size: 4KiB, rights: rw}\n"
	"clients:\n"
	"  - {name: looker, uid: self, rights: [observe]}\n"
	"static:\n"
	"  - {device: old, region: frame, iova: 0x200000, rights: rw}\n";

/* Where the board lends its first part of RAM. */
static uint64_t lent_ram(struct rig *rig)
{
	struct board_owner owner;
	uint64_t pa;

	assert_int_equal(board_owner_init(&owner, rig->board.socket), 0);
	pa = owner.hello.parts[1].pa;
	board_owner_fini(&owner);
	return pa;
}

/* The devices of this test have no driver under smmuman: the board moves them. */
static void move(struct board_owner *owner, unsigned slot, uint64_t address, uint32_t command)
{
	uint64_t id;
	int window;

	pci_set_master(owner, slot, true);
	assert_int_equal(board_window_open(owner->fd, pci_bar0(owner, slot), 1 << 20, &window,
					   &id),
			 0);
	if (command == EDU_FROM_RAM)
		edu_start(window, address, EDU_BUFFER, 64, command);
	else
		edu_start(window, EDU_BUFFER, address, 64, command);
	edu_wait(window);
	close(window);
}

static void static_grant_holds_without_client_and_host_device_sees_all_but_the_daemon(void **state)
{
	struct rig *rig = *state;
	char policy[sizeof(static_policy) + 32];
	struct board_owner owner;
	uint8_t expected[64];
	uint8_t *part1;
	uint64_t ram;

	rig_prepare(rig, variant);
	ram = lent_ram(rig);
	snprintf(policy, sizeof(policy), static_policy, ram + RIG_PAGE);
	rig_write_policy(rig, policy);
	rig_start_daemon(rig, "smmuman");
	/* The daemon leaves its place at the board, the hardware stays as programmed. */
	assert_int_equal(process_stop(&rig->daemon, SIGKILL), 128 + SIGKILL);
	assert_int_equal(board_owner_init(&owner, rig->board.socket), 0);
	assert_int_equal(owner.hello.parts[1].pa, ram);
	part1 = owner.parts[1];
	memset(part1, 0, 3 * RIG_PAGE);
	memset(part1 + RIG_PAGE, 0x3d, 64);
	memset(expected, 0x3d, sizeof(expected));
	/* The static grant, and one page past it. */
	move(&owner, 3, 0x200000, EDU_FROM_RAM);
	move(&owner, 3, 0x200000 + 128, EDU_TO_RAM);
	assert_memory_equal(part1 + RIG_PAGE + 128, expected, sizeof(expected));
	move(&owner, 3, 0x201000, EDU_TO_RAM);
	move(&owner, 3, ram, EDU_TO_RAM);
	memset(expected, 0, sizeof(expected));
	assert_memory_equal(part1 + 2 * RIG_PAGE, expected, sizeof(expected));
	assert_memory_equal(part1, expected, sizeof(expected));
	/* The host's device reaches RAM at its own addresses, but not the daemon's part. */
	memset(expected, 0x3d, sizeof(expected));
	move(&owner, 2, ram + RIG_PAGE, EDU_FROM_RAM);
	move(&owner, 2, ram, EDU_TO_RAM);
	assert_memory_equal(part1, expected, sizeof(expected));
	memcpy(expected, owner.parts[0] + (8 << 20), sizeof(expected));
	move(&owner, 2, owner.hello.parts[0].pa + (8 << 20), EDU_TO_RAM);
	assert_memory_equal(owner.parts[0] + (8 << 20), expected, sizeof(expected));
	board_owner_fini(&owner);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define BARE(name) cmocka_unit_test_setup_teardown(name, setup_bare, teardown)

static const struct CMUnitTest tests[] = {
	TEST(killed_in_mid_transfer_next_owner_is_untouched),
	TEST(held_transfer_lands_when_its_driver_lives),
	TEST(left_over_child_loses_the_registers),
	TEST(killed_daemon_closed_stays_closed_and_granted_goes_on),
	TEST(restarted_daemon_closes_first_and_keeps_the_fault_log),
	TEST(sigterm_closes_what_was_granted),
	BARE(storm_puts_one_device_into_quarantine),
	TEST(client_after_a_restart_reads_no_strangers_faults),
	BARE(static_grant_holds_without_client_and_host_device_sees_all_but_the_daemon),
};

/* Where the unit has no part in it, or the wait is a long one. */
static const struct CMUnitTest first_row_tests[] = {
	TEST(device_that_never_rests_is_quarantined_until_released),
	TEST(second_daemon_is_turned_away_and_changes_nothing),
	BARE(lost_log_reader_does_not_end_the_daemon),
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
		if (i == 0)
			failed += cmocka_run_group_tests_name(variant->name, first_row_tests, NULL,
							      NULL);
	}
	return failed;
}
