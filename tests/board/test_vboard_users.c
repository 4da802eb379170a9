// SPDX-License-Identifier: BSD-2-Clause
/* Who may do what on a board, and that nobody harms anybody else. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bits.h"
#include "board_user.h"
#include "harness.h"

#define EDU_BAR_BYTES 0x100000u

struct users {
	struct board_fixture board;
	struct board_owner owner;
	int window;
	uint64_t window_id;
};

static int set_up(void **state)
{
	static struct users users;

	board_start(&users.board, "--parts", "2", NULL);
	assert_int_equal(board_owner_init(&users.owner, users.board.socket), 0);
	assert_int_equal(board_window_open(users.owner.fd, pci_bar0(&users.owner, 2),
					   EDU_BAR_BYTES, &users.window, &users.window_id), 0);
	*state = &users;
	return 0;
}

static int tear_down(void **state)
{
	struct users *users = *state;

	close(users->window);
	board_owner_fini(&users->owner);
	board_stop(&users->board);
	return 0;
}

/* The board serves on: the owner reads a register, the window another. */
static void check_all_well(struct users *users)
{
	uint64_t value = 0;

	assert_int_equal(board_read(users->owner.fd, VIRT_SMMU + 0x1c, 4, &value), 0);
	assert_int_equal(board_read(users->window, 0, 4, &value), 0);
	assert_int_equal(value, 0x010000ed);
}

/* The other end has closed this connection. */
static void check_cut(int fd)
{
	char byte;
	ssize_t got = recv(fd, &byte, 1, 0);

	assert_true(got == 0 || (got < 0 && errno == ECONNRESET));
}

static void owner_outside_iommu_and_configuration_is_refused(void **state)
{
	struct users *users = *state;
	static const uint64_t addresses[] = {
		0, VIRT_RAM, VIRT_SMMU - 4, VIRT_SMMU + 0x20000, 0x10000000, 0x09000000,
		VIRT_ECAM - 4, VIRT_ECAM + 0x10000000, UINT64_MAX - 3,
	};
	uint64_t value;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(addresses); i++) {
		assert_int_equal(board_read(users->owner.fd, addresses[i], 4, &value), -EPERM);
		assert_int_equal(board_write(users->owner.fd, addresses[i], 4, 0), -EPERM);
	}
	assert_int_equal(board_read(users->owner.fd, VIRT_SMMU + 0x1fffc, 4, &value), 0);
	assert_int_equal(board_read(users->owner.fd, VIRT_SMMU + 0x1fffc, 8, &value), -EPERM);
	check_all_well(users);
}

static void access_of_odd_size_or_alignment_is_refused(void **state)
{
	struct users *users = *state;
	static const uint32_t sizes[] = { 0, 3, 5, 16, UINT32_MAX };
	uint64_t value;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(sizes); i++) {
		assert_int_equal(board_read(users->owner.fd, VIRT_SMMU, sizes[i], &value), -EINVAL);
		assert_int_equal(board_write(users->window, 0, sizes[i], 0), -EINVAL);
	}
	assert_int_equal(board_read(users->owner.fd, VIRT_SMMU + 2, 4, &value), -EINVAL);
	assert_int_equal(board_write(users->window, 0x84, 8, 0), -EINVAL);
	check_all_well(users);
}

static void window_open_outside_pci_windows_is_refused(void **state)
{
	struct users *users = *state;
	static const struct { uint64_t address, length; } cases[] = {
		{ VIRT_SMMU, 0x1000 }, { VIRT_RAM, 0x1000 }, { VIRT_ECAM, 0x1000 },
		{ 0x10000000, 0 }, { 0x10000000, UINT64_MAX }, { 0x0ffff000, 0x2000 },
		{ 0x3eff0000 - 0x1000, 0x2000 }, { UINT64_MAX, 2 },
	};
	int fd;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cases); i++)
		assert_int_equal(board_window_open(users->owner.fd, cases[i].address,
						   cases[i].length, &fd, NULL), -EPERM);
	check_all_well(users);
}

static void window_user_reaches_its_window_only(void **state)
{
	struct users *users = *state;
	uint64_t value;
	int fd;

	assert_int_equal(board_read(users->window, EDU_BAR_BYTES - 4, 4, &value), 0);
	assert_int_equal(board_read(users->window, EDU_BAR_BYTES, 4, &value), -EPERM);
	assert_int_equal(board_read(users->window, EDU_BAR_BYTES - 4, 8, &value), -EPERM);
	assert_int_equal(board_read(users->window, VIRT_SMMU, 4, &value), -EPERM);
	assert_int_equal(board_write(users->window, UINT64_MAX - 7, 8, 0), -EPERM);
	assert_int_equal(board_write(users->window, 0 - pci_bar0(&users->owner, 2), 4, 0),
			 -EPERM);
	assert_int_equal(board_window_open(users->window, 0x10000000, 0x1000, &fd, NULL), -EPERM);
	assert_int_equal(board_window_close(users->window, users->window_id), -EPERM);
	assert_int_equal(board_say_hello(users->window, BOARD_ROLE_CONTROL), -EPERM);
	check_all_well(users);
}

static void control_user_reaches_no_register(void **state)
{
	struct users *users = *state;
	int control = board_connect(users->board.socket), fd;
	uint64_t value;

	assert_int_equal(board_say_hello(control, BOARD_ROLE_CONTROL), 0);
	assert_int_equal(board_read(control, VIRT_SMMU, 4, &value), -EPERM);
	assert_int_equal(board_write(control, VIRT_SMMU, 4, 0), -EPERM);
	assert_int_equal(board_window_open(control, 0x10000000, 0x1000, &fd, NULL), -EPERM);
	assert_int_equal(board_say_hello(control, BOARD_ROLE_OWNER), -EPERM);
	close(control);
	check_all_well(users);
}

static void owner_and_window_control_nothing(void **state)
{
	struct users *users = *state;
	struct board_request request = { .address = VIRT_SMMU, .size = 4 };

	for (request.op = BOARD_CLOCK_STOP; request.op <= BOARD_COUNT_WRITES; request.op++) {
		assert_int_equal(board_ask(users->owner.fd, &request, NULL), -EPERM);
		assert_int_equal(board_ask(users->window, &request, NULL), -EPERM);
	}
	check_all_well(users);
}

static void stranger_before_hello_is_refused(void **state)
{
	struct users *users = *state;
	int stranger = board_connect(users->board.socket);
	struct board_request request = { .op = BOARD_READ, .address = VIRT_SMMU, .size = 4 };

	for (request.op = BOARD_READ; request.op <= BOARD_COUNT_WRITES; request.op++)
		assert_int_equal(board_ask(stranger, &request, NULL), -EPERM);
	assert_int_equal(board_say_hello(stranger, 0), -EINVAL);
	assert_int_equal(board_say_hello(stranger, 3), -EINVAL);
	assert_int_equal(board_say_hello(stranger, BOARD_ROLE_CONTROL), 0);
	close(stranger);
	check_all_well(users);
}

static void second_owner_waits_until_the_first_is_gone(void **state)
{
	struct users *users = *state;
	struct board_owner second;

	assert_int_equal(board_owner_init(&second, users->board.socket), -EBUSY);
	check_all_well(users);
	board_owner_fini(&users->owner);
	assert_int_equal(board_owner_init(&users->owner, users->board.socket), 0);
}

static void owner_gone_windows_live_until_the_next_owner(void **state)
{
	struct users *users = *state;
	uint64_t value = 0;

	board_owner_fini(&users->owner);
	assert_int_equal(board_read(users->window, 0, 4, &value), 0);
	assert_int_equal(value, 0x010000ed);
	assert_int_equal(board_owner_init(&users->owner, users->board.socket), 0);
	check_cut(users->window);
}

static void owner_gone_its_last_request_was_done(void **state)
{
	struct users *users = *state;
	struct board_request write = { .op = BOARD_WRITE, .address = VIRT_SMMU + 0x80, .size = 8,
				       .value = 0x41000000 };
	uint64_t value = 0;

	assert_int_equal(send(users->owner.fd, &write, sizeof(write), 0), sizeof(write));
	board_owner_fini(&users->owner);
	assert_int_equal(board_owner_init(&users->owner, users->board.socket), 0);
	assert_int_equal(board_read(users->owner.fd, VIRT_SMMU + 0x80, 8, &value), 0);
	assert_int_equal(value, 0x41000000);
}

static void window_closed_is_cut_for_every_holder(void **state)
{
	struct users *users = *state;
	int copy = dup(users->window);
	uint64_t value;

	assert_int_equal(board_window_close(users->owner.fd, users->window_id), 0);
	check_cut(users->window);
	assert_int_equal(board_read(copy, 0, 4, &value), -ECONNRESET);
	assert_int_equal(board_window_close(users->owner.fd, users->window_id), -ENOENT);
	assert_int_equal(board_window_close(users->owner.fd, 0), -ENOENT);
	assert_int_equal(board_read(users->owner.fd, VIRT_SMMU, 4, &value), 0);
	close(copy);
}

static void packet_of_wrong_size_ends_that_connection_alone(void **state)
{
	struct users *users = *state;
	static const size_t sizes[] = { 0, 1, sizeof(struct board_request) - 1,
					sizeof(struct board_request) + 1, 4096 };
	union {
		struct board_request request; /* a good one, were it not for its size */
		char bytes[4096];
	} packet = { .request = { .op = BOARD_HELLO, .value = BOARD_ROLE_CONTROL } };
	size_t i;

	for (i = 0; i < ARRAY_COUNT(sizes); i++) {
		int stranger = board_connect(users->board.socket);

		assert_int_equal(send(stranger, &packet, sizes[i], 0), sizes[i]);
		check_cut(stranger);
		close(stranger);
		check_all_well(users);
	}
}

static void unknown_operation_ends_that_connection_alone(void **state)
{
	struct users *users = *state;
	static const uint32_t operations[] = { 0, BOARD_COUNT_WRITES + 1, UINT32_MAX };
	size_t i;

	for (i = 0; i < ARRAY_COUNT(operations); i++) {
		struct board_request request = { .op = operations[i] };
		int stranger = board_connect(users->board.socket);

		assert_int_equal(board_ask(stranger, &request, NULL), -ECONNRESET);
		close(stranger);
		check_all_well(users);
	}
}

/* Descriptors sent along are dropped, not collected. */
static void descriptors_with_a_request_are_ignored(void **state)
{
	struct users *users = *state;
	struct board_request request = { .op = BOARD_READ, .size = 4, .address = VIRT_SMMU };
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .header = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
				  .cmsg_len = CMSG_LEN(sizeof(int)) } };
	struct iovec iov = { &request, sizeof(request) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	struct board_reply reply;
	int pair[2];
	char byte;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	memcpy(CMSG_DATA(&control.header), &pair[1], sizeof(int));
	assert_int_equal(sendmsg(users->owner.fd, &message, 0), sizeof(request));
	assert_int_equal(recv(users->owner.fd, &reply, sizeof(reply), 0), sizeof(reply));
	assert_int_equal(reply.status, 0);
	close(pair[1]);
	assert_int_equal(recv(pair[0], &byte, 1, 0), 0);
	close(pair[0]);
}

static void user_who_never_reads_is_cut_and_others_are_served(void **state)
{
	struct users *users = *state;
	struct board_request request = { .op = BOARD_READ, .size = 4 };
	ssize_t sent;

	do
		sent = send(users->window, &request, sizeof(request), MSG_NOSIGNAL);
	while (sent == sizeof(request));
	assert_true(errno == EPIPE || errno == ECONNRESET);
	assert_int_equal(board_window_open(users->owner.fd, pci_bar0(&users->owner, 2),
					   EDU_BAR_BYTES, &users->window, NULL), 0);
	check_all_well(users);
}

static void user_killed_amid_requests_harms_nobody(void **state)
{
	struct users *users = *state;
	struct board_request request = { .op = BOARD_READ, .size = 4 };
	unsigned round, i;

	for (round = 0; round < 20; round++) {
		pid_t child = fork();

		assert_true(child >= 0);
		for (i = 0; child == 0 && i <= round; i++)
			send(users->window, &request, sizeof(request), MSG_NOSIGNAL);
		if (child == 0)
			raise(SIGKILL);
		assert_int_equal(waitpid(child, NULL, 0), child);
	}
	close(users->window);
	assert_int_equal(board_window_open(users->owner.fd, pci_bar0(&users->owner, 2),
					   EDU_BAR_BYTES, &users->window, NULL), 0);
	check_all_well(users);
}

static void silent_user_hangs_nobody(void **state)
{
	struct users *users = *state;
	int silent = board_connect(users->board.socket);

	check_all_well(users);
	close(silent);
	check_all_well(users);
}

static void connections_beyond_the_limit_are_refused_until_some_end(void **state)
{
	struct users *users = *state;
	int fds[200];
	unsigned open = 0, cut = 0, i;

	for (i = 0; i < ARRAY_COUNT(fds); i++) {
		fds[i] = board_connect(users->board.socket);
		if (board_say_hello(fds[i], BOARD_ROLE_CONTROL) == 0)
			open++;
		else
			cut++;
	}
	assert_int_equal(open, 128 - 2);
	assert_int_equal(cut, ARRAY_COUNT(fds) - open);
	check_all_well(users);
	for (i = 0; i < ARRAY_COUNT(fds); i++)
		close(fds[i]);
	assert_int_equal(board_control(&users->board, BOARD_OVERRIDE_CLEAR, 0, 0, 0), 0);
	check_all_well(users);
}

static void socket_is_for_its_user_alone(void **state)
{
	struct users *users = *state;
	struct stat found;

	assert_int_equal(stat(users->board.socket, &found), 0);
	assert_int_equal(found.st_mode & 07777, 0600);
}

/* Exit code of a stranger: 0 when it was cut, 1 when it was served. */
static int visit_as(const char *socket_path, uid_t uid)
{
	struct board_request hello = { .op = BOARD_HELLO, .value = BOARD_ROLE_CONTROL };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct board_reply reply;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	strncpy(address.sun_path, socket_path, sizeof(address.sun_path) - 1);
	if (setresuid(uid, uid, uid) != 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return 2;
	if (send(fd, &hello, sizeof(hello), MSG_NOSIGNAL) != sizeof(hello))
		return 0;
	return recv(fd, &reply, sizeof(reply), 0) > 0 ? 1 : 0;
}

static void other_user_is_cut_even_where_the_file_mode_lets_it_in(void **state)
{
	struct users *users = *state;
	int status;
	pid_t child;

	if (geteuid() != 0) {
		print_message("skip: becoming another user needs root\n");
		skip();
	}
	assert_int_equal(chmod(users->board.dir, 0755), 0);
	assert_int_equal(chmod(users->board.socket, 0666), 0);
	child = fork();
	if (child == 0)
		_exit(visit_as(users->board.socket, 65534));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	check_all_well(users);
}

static void override_of_odd_size_or_too_many_is_refused(void **state)
{
	struct users *users = *state;
	unsigned i;

	assert_int_equal(board_control(&users->board, BOARD_OVERRIDE_READ, VIRT_SMMU, 2, 0), -EINVAL);
	assert_int_equal(board_control(&users->board, BOARD_OVERRIDE_DROP, VIRT_SMMU + 4, 8, 0),
			 -EINVAL);
	for (i = 0; i < 16; i++)
		assert_int_equal(board_control(&users->board, BOARD_OVERRIDE_READ,
					       VIRT_SMMU + 0x100 + 4 * i, 4, i), 0);
	assert_int_equal(board_control(&users->board, BOARD_OVERRIDE_READ, VIRT_SMMU, 4, 0), -ENOSPC);
	assert_int_equal(board_control(&users->board, BOARD_OVERRIDE_CLEAR, 0, 0, 0), 0);
	assert_int_equal(board_control(&users->board, BOARD_OVERRIDE_READ, VIRT_SMMU, 4, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(owner_outside_iommu_and_configuration_is_refused),
		TEST(access_of_odd_size_or_alignment_is_refused),
		TEST(window_open_outside_pci_windows_is_refused),
		TEST(window_user_reaches_its_window_only),
		TEST(control_user_reaches_no_register),
		TEST(owner_and_window_control_nothing),
		TEST(stranger_before_hello_is_refused),
		TEST(second_owner_waits_until_the_first_is_gone),
		TEST(owner_gone_windows_live_until_the_next_owner),
		TEST(owner_gone_its_last_request_was_done),
		TEST(window_closed_is_cut_for_every_holder),
		TEST(packet_of_wrong_size_ends_that_connection_alone),
		TEST(unknown_operation_ends_that_connection_alone),
		TEST(descriptors_with_a_request_are_ignored),
		TEST(user_who_never_reads_is_cut_and_others_are_served),
		TEST(user_killed_amid_requests_harms_nobody),
		TEST(silent_user_hangs_nobody),
		TEST(connections_beyond_the_limit_are_refused_until_some_end),
		TEST(socket_is_for_its_user_alone),
		TEST(other_user_is_cut_even_where_the_file_mode_lets_it_in),
		TEST(override_of_odd_size_or_too_many_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
