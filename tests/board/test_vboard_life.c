// SPDX-License-Identifier: BSD-2-Clause
/* How a board starts, refuses to start, and ends. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "board_user.h"
#include "harness.h"

/* smmu-vboard with these arguments ends by itself with this code and sentence. */
static void check_refusal(struct board_fixture *board, int code, const char *sentence,
			  const char *const *arguments)
{
	const char *argv[HARNESS_ARGS_MAX] = { NULL };
	char program[256], log[128];
	struct process process;
	unsigned count = 1;

	argv[0] = build_path("smmu-vboard", program, sizeof(program));
	while (*arguments)
		argv[count++] = *arguments++;
	snprintf(log, sizeof(log), "%s/refusal.log", board->dir);
	unlink(log);
	process_start(&process, log, argv);
	assert_int_equal(process_wait(&process), code);
	if (!process_said(&process, sentence))
		fail_msg("it did not say \"%s\"", sentence);
}

#define REFUSED(board, code, sentence, ...) \
	check_refusal(board, code, sentence, (const char *const[]){ __VA_ARGS__, NULL })

static void vboard_asked_to_end_leaves_nothing(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	struct board_fixture board;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		pid_t qemu;

		board_start(&board, NULL);
		qemu = process_child(board.vboard.pid);
		assert_true(qemu > 0);
		assert_int_equal(process_stop(&board.vboard, signals[i]), 0);
		assert_int_equal(access(board.socket, F_OK), -1);
		assert_int_equal(kill(qemu, 0), -1);
		board_stop(&board);
	}
}

static void vboard_killed_takes_qemu_with_it(void **state)
{
	struct board_fixture board;
	pid_t qemu;

	(void)state;
	board_start(&board, NULL);
	qemu = process_child(board.vboard.pid);
	assert_int_equal(process_stop(&board.vboard, SIGKILL), 128 + SIGKILL);
	wait_gone(qemu);
	board_stop(&board);
}

static void vboard_killed_its_socket_is_replaced_by_the_next(void **state)
{
	struct board_fixture board;
	struct process next;
	char program[256], log[128];
	const char *argv[] = { build_path("smmu-vboard", program, sizeof(program)), "--socket",
			       board.socket, NULL };

	(void)state;
	board_start(&board, NULL);
	process_stop(&board.vboard, SIGKILL);
	assert_int_equal(access(board.socket, F_OK), 0);
	snprintf(log, sizeof(log), "%s/next.log", board.dir);
	process_start(&next, log, argv);
	assert_true(process_wait_line(&next, "ready "));
	assert_int_equal(board_control(&board, BOARD_OVERRIDE_CLEAR, 0, 0, 0), 0);
	assert_int_equal(process_stop(&next, SIGTERM), 0);
	board_stop(&board);
}

static void qemu_killed_board_ends_and_says_so(void **state)
{
	struct board_fixture board;

	(void)state;
	board_start(&board, NULL);
	kill(process_child(board.vboard.pid), SIGKILL);
	assert_int_equal(process_wait(&board.vboard), EXIT_FAILURE);
	assert_true(process_said(&board.vboard, "QEMU has ended"));
	assert_int_equal(access(board.socket, F_OK), -1);
	board_stop(&board);
}

static void qemu_stuck_board_ends_and_says_so(void **state)
{
	struct board_fixture board;
	struct board_owner owner;
	uint64_t value;
	pid_t qemu;

	(void)state;
	board_start(&board, "--deadline", "5", NULL);
	assert_int_equal(board_owner_init(&owner, board.socket), 0);
	qemu = process_child(board.vboard.pid);
	kill(qemu, SIGSTOP);
	assert_int_equal(board_read(owner.fd, VIRT_SMMU, 4, &value), -ECONNRESET);
	assert_int_equal(process_wait(&board.vboard), EXIT_FAILURE);
	assert_true(process_said(&board.vboard, "QEMU did not answer within 5 s"));
	wait_gone(qemu);
	board_owner_fini(&owner);
	board_stop(&board);
}

static void vboard_socket_already_served_is_refused(void **state)
{
	struct board_fixture board;

	(void)state;
	board_start(&board, NULL);
	REFUSED(&board, EXIT_FAILURE, "is another board being served there?", "--socket",
		board.socket);
	assert_int_equal(board_control(&board, BOARD_OVERRIDE_CLEAR, 0, 0, 0), 0);
	board_stop(&board);
}

/* Somebody listens there and is too busy to answer. */
static void vboard_socket_of_a_busy_server_is_left_alone(void **state)
{
	struct board_fixture board;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int server = socket(AF_UNIX, SOCK_SEQPACKET, 0), visitors[8], i;

	(void)state;
	board_prepare(&board);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", board.socket);
	assert_int_equal(bind(server, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(server, 0), 0);
	for (i = 0; i < 8; i++) {
		visitors[i] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
		if (connect(visitors[i], (struct sockaddr *)&address, sizeof(address)) != 0)
			assert_int_equal(errno, EAGAIN);
	}
	REFUSED(&board, EXIT_FAILURE, "is another board being served there?", "--socket",
		board.socket);
	assert_int_equal(access(board.socket, F_OK), 0);
	while (i > 0)
		close(visitors[--i]);
	close(server);
	board_stop(&board);
}

static void vboard_path_that_is_no_socket_is_left_alone(void **state)
{
	struct board_fixture board;
	FILE *file;

	(void)state;
	board_prepare(&board);
	file = fopen(board.socket, "w");
	assert_non_null(file);
	fputs("mine", file);
	fclose(file);
	REFUSED(&board, EXIT_FAILURE, "in use", "--socket", board.socket);
	assert_int_equal(access(board.socket, F_OK), 0);
	board_stop(&board);
}

static void vboard_bad_options_are_refused_with_the_reason(void **state)
{
	static const char long_path[200] = { [0 ... 198] = 'x' };
	struct board_fixture board;

	(void)state;
	board_prepare(&board);
	REFUSED(&board, 2, "--socket PATH is missing", "--edu", "1");
	REFUSED(&board, 2, "from 0 to 15", "--socket", board.socket, "--parts", "16");
	REFUSED(&board, 2, "from 1 to 4096", "--socket", board.socket, "--part-size", "0");
	REFUSED(&board, 2, "--edu -1: give a number", "--socket", board.socket, "--edu", "-1");
	REFUSED(&board, 2, "--edu 2x: give a number", "--socket", board.socket, "--edu", "2x");
	REFUSED(&board, 2, "at most 24 together", "--socket", board.socket, "--edu", "20",
		"--platform-edu", "5");
	REFUSED(&board, 2, "at most 24 together", "--socket", board.socket, "--edu", "20",
		"--nvme", "5");
	REFUSED(&board, 2, "--nvme-size 0: give a number from 1 to 4096", "--socket", board.socket,
		"--nvme-size", "0");
	REFUSED(&board, 2, "--machine pc: give virt or q35", "--socket", board.socket, "--machine",
		"pc");
	REFUSED(&board, 2, "--iommu smmu: give native or virtio", "--socket", board.socket,
		"--iommu", "smmu");
	REFUSED(&board, 2, "come after --", "--socket", board.socket, "nvme");
	REFUSED(&board, 2, "--help", "--socket", board.socket, "--colour");
	REFUSED(&board, EXIT_FAILURE, "is the limit", "--socket", long_path);
	REFUSED(&board, EXIT_FAILURE, "No such file", "--socket", "/nonexistent/dir/board");
	assert_int_equal(access(board.socket, F_OK), -1);
	board_stop(&board);
}

static void vboard_what_its_machine_cannot_do_is_refused(void **state)
{
	struct board_fixture board;

	(void)state;
	board_prepare(&board);
	REFUSED(&board, 2, "the IOMMU of virt is no -device", "--socket", board.socket,
		"--iommu-options", "aw-bits=39");
	REFUSED(&board, 2, "q35 describes no platform devices", "--socket", board.socket,
		"--machine", "q35", "--platform-edu", "1");
	REFUSED(&board, 2, "2816 MiB of memory: q35 has 2815 MiB at most", "--socket", board.socket,
		"--machine", "q35", "--parts", "1", "--part-size", "2752");
	REFUSED(&board, EXIT_FAILURE, "do not fit the 32-bit PCI window", "--socket", board.socket,
		"--", "-object", "memory-backend-ram,id=big,size=1G,share=on", "-device",
		"ivshmem-plain,memdev=big");
	assert_int_equal(access(board.socket, F_OK), -1);
	board_stop(&board);
}

static void vboard_q35_refused_by_qemu_or_by_its_tables_is_explained(void **state)
{
	struct board_fixture board;

	(void)state;
	if (!getenv("QEMU_X86")) {
		print_message("skip: no QEMU for this machine is given\n");
		skip();
	}
	board_prepare(&board);
	REFUSED(&board, EXIT_FAILURE, "Property 'intel-iommu.colour' not found", "--socket",
		board.socket, "--machine", "q35", "--iommu-options", "colour=blue");
	REFUSED(&board, EXIT_FAILURE, "a device that wants to be told where its tables are",
		"--socket", board.socket, "--machine", "q35", "--", "-device", "vmgenid");
	assert_int_equal(access(board.socket, F_OK), -1);
	board_stop(&board);
}

/* The largest it says it can: all of it is there for devices. */
static void vboard_q35_as_much_memory_as_it_has_is_served(void **state)
{
	struct board_fixture board;
	struct board_owner owner;
	uint64_t pa;
	int edu;

	(void)state;
	if (!getenv("QEMU_X86")) {
		print_message("skip: no QEMU for this machine is given\n");
		skip();
	}
	board_start(&board, "--machine", "q35", "--parts", "1", "--part-size", "2751", NULL);
	assert_int_equal(board_owner_init(&owner, board.socket), 0);
	assert_int_equal(board_window_open(owner.fd, pci_bar0(&owner, 2), 0x100000, &edu, NULL), 0);
	pci_set_master(&owner, 2, true);
	pa = owner.hello.parts[1].pa + owner.hello.parts[1].size - 0x2000;
	owner.parts[1][owner.hello.parts[1].size - 0x2000] = 0x77;
	edu_start(edu, pa, EDU_BUFFER, 16, EDU_FROM_RAM);
	edu_wait(edu);
	edu_start(edu, EDU_BUFFER, pa + 0x1ff0, 16, EDU_TO_RAM);
	edu_wait(edu);
	assert_int_equal(owner.parts[1][owner.hello.parts[1].size - 16], 0x77);
	close(edu);
	board_owner_fini(&owner);
	board_stop(&board);
}

static void vboard_qemu_that_does_not_start_is_explained(void **state)
{
	struct board_fixture board;

	(void)state;
	board_prepare(&board);
	REFUSED(&board, EXIT_FAILURE, "No such file or directory", "--socket", board.socket,
		"--qemu", "/nonexistent/qemu");
	REFUSED(&board, EXIT_FAILURE, "QEMU has ended", "--socket", board.socket, "--qemu",
		"/bin/false");
	REFUSED(&board, EXIT_FAILURE, "no-such-device", "--socket", board.socket, "--", "-device",
		"no-such-device");
	assert_int_equal(access(board.socket, F_OK), -1);
	board_stop(&board);
}

static void vboard_extra_arguments_reach_qemu_and_bars_are_placed(void **state)
{
	struct board_fixture board;
	struct board_owner owner;
	uint64_t id = 0, command = 0;

	(void)state;
	board_start(&board, "--edu", "1", "--", "-device", "nec-usb-xhci,addr=1", NULL);
	assert_int_equal(board_owner_init(&owner, board.socket), 0);
	assert_int_equal(board_read(owner.fd, VIRT_ECAM_OF(1), 4, &id), 0);
	assert_int_equal(id, 0x01941033);
	assert_int_equal(board_read(owner.fd, VIRT_ECAM_OF(1) + 4, 2, &command), 0);
	assert_int_equal(command, 2);
	assert_true(pci_bar0(&owner, 2) > pci_bar0(&owner, 1));
	assert_int_equal(pci_bar0(&owner, 2) % 0x100000, 0);
	board_owner_fini(&owner);
	board_stop(&board);
}

static void vboard_realtime_transfer_takes_its_time(void **state)
{
	struct board_fixture board;
	struct board_owner owner;
	int edu;

	(void)state;
	board_start(&board, "--realtime", NULL);
	assert_int_equal(board_owner_init(&owner, board.socket), 0);
	assert_int_equal(board_window_open(owner.fd, pci_bar0(&owner, 2), 0x100000, &edu, NULL), 0);
	pci_set_master(&owner, 2, true);
	owner.parts[1][0] = 0x77;
	edu_start(edu, owner.hello.parts[1].pa, EDU_BUFFER, 16, EDU_FROM_RAM);
	edu_wait(edu);
	edu_start(edu, EDU_BUFFER, owner.hello.parts[1].pa + 4096, 16, EDU_TO_RAM);
	edu_wait(edu);
	assert_int_equal(owner.parts[1][4096], 0x77);
	close(edu);
	board_owner_fini(&owner);
	board_stop(&board);
}

static void vboard_ready_descriptor_is_written_and_closed(void **state)
{
	struct board_fixture board;
	char number[16], text[16] = { 0 };
	int ready[2];

	(void)state;
	assert_int_equal(pipe(ready), 0);
	snprintf(number, sizeof(number), "%d", ready[1]);
	board_start(&board, "--ready-fd", number, NULL);
	close(ready[1]);
	assert_int_equal(read(ready[0], text, sizeof(text)), 6);
	assert_string_equal(text, "ready\n");
	assert_int_equal(read(ready[0], text, sizeof(text)), 0);
	close(ready[0]);
	board_stop(&board);
}

static void ctl_for_people_does_what_it_says(void **state)
{
	struct board_fixture board;
	struct board_owner owner;
	uint64_t value = 0;

	(void)state;
	board_start(&board, NULL);
	assert_int_equal(board_owner_init(&owner, board.socket), 0);
	REFUSED(&board, 0, "", "ctl", board.socket, "override", "0x9050000", "0x1234");
	assert_int_equal(board_read(owner.fd, VIRT_SMMU, 4, &value), 0);
	assert_int_equal(value, 0x1234);
	REFUSED(&board, 0, "", "ctl", board.socket, "drop", "0x9050080", "8");
	assert_int_equal(board_write(owner.fd, VIRT_SMMU + 0x80, 8, 0x1000), 0);
	assert_int_equal(board_read(owner.fd, VIRT_SMMU + 0x80, 8, &value), 0);
	assert_int_equal(value, 0);
	REFUSED(&board, 0, "1\n", "ctl", board.socket, "count", "0x9050080");
	REFUSED(&board, 0, "", "ctl", board.socket, "clear");
	REFUSED(&board, 0, "", "ctl", board.socket, "clock-stop");
	REFUSED(&board, 0, "", "ctl", board.socket, "clock-run");
	REFUSED(&board, 1, "see smmu-vboard --help", "ctl", board.socket, "explode");
	REFUSED(&board, 1, "wrong number of arguments", "ctl", board.socket, "override", "1");
	REFUSED(&board, 1, "not a number", "ctl", board.socket, "drop", "here");
	REFUSED(&board, 1, "no board at", "ctl", "/nonexistent", "clear");
	board_owner_fini(&owner);
	board_stop(&board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vboard_asked_to_end_leaves_nothing),
		cmocka_unit_test(vboard_killed_takes_qemu_with_it),
		cmocka_unit_test(vboard_killed_its_socket_is_replaced_by_the_next),
		cmocka_unit_test(qemu_killed_board_ends_and_says_so),
		cmocka_unit_test(qemu_stuck_board_ends_and_says_so),
		cmocka_unit_test(vboard_socket_already_served_is_refused),
		cmocka_unit_test(vboard_socket_of_a_busy_server_is_left_alone),
		cmocka_unit_test(vboard_path_that_is_no_socket_is_left_alone),
		cmocka_unit_test(vboard_bad_options_are_refused_with_the_reason),
		cmocka_unit_test(vboard_what_its_machine_cannot_do_is_refused),
		cmocka_unit_test(vboard_q35_refused_by_qemu_or_by_its_tables_is_explained),
		cmocka_unit_test(vboard_q35_as_much_memory_as_it_has_is_served),
		cmocka_unit_test(vboard_qemu_that_does_not_start_is_explained),
		cmocka_unit_test(vboard_extra_arguments_reach_qemu_and_bars_are_placed),
		cmocka_unit_test(vboard_realtime_transfer_takes_its_time),
		cmocka_unit_test(vboard_ready_descriptor_is_written_and_closed),
		cmocka_unit_test(ctl_for_people_does_what_it_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
