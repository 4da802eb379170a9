// SPDX-License-Identifier: BSD-2-Clause
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "board_user.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "scoped.h"

int board_connect(const char *socket_path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct timeval limit = { .tv_sec = WAIT_S };

	assert_true(fd >= 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

/* Sends a request and receives an answer with descriptors, if any come. */
static ssize_t exchange(int fd, const struct board_request *request, void *reply, size_t size,
			int *fds, unsigned fds_max, unsigned *ret_fd_count)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(BOARD_PARTS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = reply, .iov_len = size };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *header;
	ssize_t got;

	*ret_fd_count = 0;
	if (send(fd, request, sizeof(*request), MSG_NOSIGNAL) != sizeof(*request))
		return 0;
	got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	if (got < 0 && errno == EAGAIN)
		fail_msg("the board did not answer request %u within %d s", request->op, WAIT_S);
	header = CMSG_FIRSTHDR(&message);
	if (got > 0 && header) {
		*ret_fd_count = (unsigned)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		assert_true(*ret_fd_count <= fds_max);
		memcpy(fds, CMSG_DATA(header), *ret_fd_count * sizeof(int));
	}
	return got;
}

int board_ask(int fd, const struct board_request *request, uint64_t *ret_value)
{
	struct board_reply reply;
	unsigned fd_count;

	if (exchange(fd, request, &reply, sizeof(reply), NULL, 0, &fd_count) != sizeof(reply))
		return -ECONNRESET;
	assert_int_equal(reply.zero, 0);
	if (ret_value)
		*ret_value = reply.value;
	return reply.status;
}

int board_say_hello(int fd, enum board_role role)
{
	struct board_request request = { .op = BOARD_HELLO, .value = role };

	return board_ask(fd, &request, NULL);
}

/* An MCFG table: a header of 36 bytes, 8 reserved ones, then 64 bits of address. */
static uint64_t find_ecam(const struct board_owner *owner)
{
	const uint8_t *bytes = owner->parts[0] + owner->hello.firmware_offset;
	uint64_t i, base;

	if (owner->hello.description == BOARD_DEVICE_TREE)
		return VIRT_ECAM;
	for (i = 0; i + 52 <= owner->hello.firmware_size; i++) {
		if (memcmp(bytes + i, "MCFG", 4) != 0)
			continue;
		memcpy(&base, bytes + i + 44, sizeof(base));
		return base;
	}
	fail_msg("the board has no MCFG table");
	return 0;
}

int board_owner_init(struct board_owner *owner, const char *socket_path)
{
	struct board_request request = { .op = BOARD_HELLO, .value = BOARD_ROLE_OWNER };
	unsigned count, i;
	ssize_t got;

	memset(owner, 0, sizeof(*owner));
	owner->fd = board_connect(socket_path);
	got = exchange(owner->fd, &request, &owner->hello, sizeof(owner->hello), owner->part_fds,
		       BOARD_PARTS_MAX, &count);
	if (got != sizeof(owner->hello)) {
		int status = got >= (ssize_t)sizeof(struct board_reply) ? owner->hello.status :
									  -ECONNRESET;

		close(owner->fd);
		return status;
	}
	assert_int_equal(owner->hello.status, 0);
	assert_int_equal(owner->hello.version, BOARD_VERSION);
	assert_int_equal(count, owner->hello.part_count);
	for (i = 0; i < count; i++) {
		owner->parts[i] = mmap(NULL, owner->hello.parts[i].size, PROT_READ | PROT_WRITE,
				       MAP_SHARED, owner->part_fds[i], 0);
		assert_ptr_not_equal(owner->parts[i], MAP_FAILED);
	}
	owner->ecam = find_ecam(owner);
	return 0;
}

void board_owner_fini(struct board_owner *owner)
{
	unsigned i;

	for (i = 0; i < owner->hello.part_count; i++) {
		munmap(owner->parts[i], owner->hello.parts[i].size);
		close(owner->part_fds[i]);
	}
	close(owner->fd);
}

int board_read(int fd, uint64_t address, uint32_t size, uint64_t *ret_value)
{
	struct board_request request = { .op = BOARD_READ, .size = size, .address = address };

	return board_ask(fd, &request, ret_value);
}

int board_write(int fd, uint64_t address, uint32_t size, uint64_t value)
{
	struct board_request request = { .op = BOARD_WRITE, .size = size, .address = address,
					 .value = value };

	return board_ask(fd, &request, NULL);
}

int board_window_open(int fd, uint64_t address, uint64_t length, int *ret_fd, uint64_t *ret_id)
{
	struct board_request request = { .op = BOARD_WINDOW_OPEN, .address = address,
					 .length = length };
	struct timeval limit = { .tv_sec = WAIT_S };
	struct board_reply reply;
	unsigned count;

	*ret_fd = -1;
	assert_int_equal(exchange(fd, &request, &reply, sizeof(reply), ret_fd, 1, &count),
			 sizeof(reply));
	assert_int_equal(count, reply.status == 0 ? 1 : 0);
	if (ret_id)
		*ret_id = reply.value;
	if (*ret_fd >= 0)
		setsockopt(*ret_fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return reply.status;
}

int board_window_close(int fd, uint64_t id)
{
	struct board_request request = { .op = BOARD_WINDOW_CLOSE, .value = id };

	return board_ask(fd, &request, NULL);
}

uint64_t pci_config(const struct board_owner *owner, unsigned slot)
{
	return owner->ecam + ((uint64_t)slot << 15);
}

void pci_set_master(const struct board_owner *owner, unsigned slot, bool on)
{
	assert_int_equal(board_write(owner->fd, pci_config(owner, slot) + 4, 2, on ? 6 : 2), 0);
}

uint64_t pci_bar0(const struct board_owner *owner, unsigned slot)
{
	uint64_t bar = 0;

	assert_int_equal(board_read(owner->fd, pci_config(owner, slot) + 0x10, 4, &bar), 0);
	return bar & ~UINT64_C(0xf);
}

void edu_start(int window_fd, uint64_t source, uint64_t destination, uint32_t length,
	       uint32_t command)
{
	assert_int_equal(board_write(window_fd, 0x80, 8, source), 0);
	assert_int_equal(board_write(window_fd, 0x88, 8, destination), 0);
	assert_int_equal(board_write(window_fd, 0x90, 8, length), 0);
	assert_int_equal(board_write(window_fd, 0x98, 8, command), 0);
}

bool edu_is_busy(int window_fd)
{
	uint64_t command = 0;

	assert_int_equal(board_read(window_fd, 0x98, 8, &command), 0);
	return command & 1;
}

void edu_wait(int window_fd)
{
	time_t limit = time(NULL) + WAIT_S;

	while (edu_is_busy(window_fd))
		if (time(NULL) > limit)
			fail_msg("edu is still busy after %d s", WAIT_S);
}
