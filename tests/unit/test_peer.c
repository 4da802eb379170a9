// SPDX-License-Identifier: BSD-2-Clause
/* Who connected, as the kernel tells it: a number alone is never believed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "peer.h"

struct door {
	int listener;
	socklen_t size;
	struct sockaddr_un address;
};

/* A listening socket in the abstract namespace, with a name of the kernel's choice. */
static int setup(void **state)
{
	static struct door door;

	door.address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	door.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_true(door.listener >= 0);
	assert_int_equal(bind(door.listener, (void *)&door.address, sizeof(sa_family_t)), 0);
	door.size = sizeof(door.address);
	assert_int_equal(getsockname(door.listener, (void *)&door.address, &door.size), 0);
	assert_int_equal(listen(door.listener, 4), 0);
	*state = &door;
	return 0;
}

static int teardown(void **state)
{
	close(((struct door *)*state)->listener);
	return 0;
}

static int knock(const struct door *door)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const void *)&door->address, door->size), 0);
	return fd;
}

static void peer_that_lives_has_uid_pid_and_executable(void **state)
{
	const struct door *door = *state;
	char exe[sizeof(((struct peer *)0)->exe)] = "";
	struct error err = { 0 };
	struct peer peer;
	int client = knock(door);
	int fd = accept(door->listener, NULL, NULL);

	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	assert_int_equal(peer_identify(fd, &peer, &err), 0);
	assert_int_equal(peer.uid, geteuid());
	assert_int_equal(peer.gid, getegid());
	assert_int_equal(peer.pid, getpid());
	assert_string_equal(peer.exe, exe);
	assert_true(peer.pidfd >= 0);
	close(peer.pidfd);
	close(client);
	close(fd);
}

/* F20: its number may be somebody else's by now, so nothing is looked up by it. */
static void f20_peer_that_ended_before_accept_has_no_executable(void **state)
{
	const struct door *door = *state;
	struct error err = { 0 };
	struct peer peer;
	pid_t pid = fork();
	int fd, ret;

	assert_true(pid >= 0);
	if (pid == 0) {
		knock(door);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	fd = accept(door->listener, NULL, NULL);
	assert_true(fd >= 0);
	ret = peer_identify(fd, &peer, &err);
	if (ret < 0) {
		assert_int_equal(ret, -ESRCH);
		assert_non_null(strstr(err.text, "ended"));
		assert_int_equal(peer.pidfd, -1);
	} else {
		assert_string_equal(peer.exe, "");
		close(peer.pidfd);
	}
	assert_int_equal(peer.uid, geteuid());
	close(fd);
}

static void peer_of_no_socket_is_refused(void **state)
{
	struct error err = { 0 };
	struct peer peer;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(peer_identify(ends[0], &peer, &err), -ENOTSOCK);
	assert_int_equal(peer.pidfd, -1);
	close(ends[0]);
	close(ends[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(peer_that_lives_has_uid_pid_and_executable),
		TEST(f20_peer_that_ended_before_accept_has_no_executable),
		TEST(peer_of_no_socket_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
