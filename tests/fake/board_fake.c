// SPDX-License-Identifier: BSD-2-Clause
#include "board_fake.h"

#include <dirent.h>
#include <fcntl.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"

#define MIB (UINT64_C(1) << 20)

static void reply(int fd, const void *bytes, size_t size, const int *fds, unsigned count)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * BOARD_FAKE_FDS)];
		struct cmsghdr align;
	} control = { .bytes = { 0 } };
	struct iovec part = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	struct cmsghdr *head;

	if (count) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(head), fds, sizeof(int) * count);
	}
	(void)!sendmsg(fd, &message, MSG_NOSIGNAL);
}

static void answer_window_open(struct board_fake *board, int fd, struct board_reply *answer)
{
	int ends[2], pair[2];

	check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	board->window = ends[0];
	answer->value = 7;
	pair[0] = pair[1] = ends[1];
	reply(fd, answer, sizeof(*answer), pair,
	      board->manner == MANNER_NO_FD	 ? 0
	      : board->manner == MANNER_TWO_FDS ? 2
					 : 1);
	close(ends[1]);
}

/* False: the connection is to end. */
static bool serve(struct board_fake *board, int fd)
{
	struct board_request request;
	struct board_reply answer = { 0 };
	char longer[64] = { 0 };

	if (recv(fd, &request, sizeof(request), 0) != sizeof(request))
		return false;
	board->last = request;
	board->requests++;
	if (request.op == BOARD_HELLO) {
		reply(fd, &board->hello, board->hello_size, board->fds, board->fd_count);
		return true;
	}
	answer.status = board->manner == MANNER_REFUSES ? -EPERM : board->manner == MANNER_SAYS_POSITIVE;
	answer.value = request.op == BOARD_READ ? ~request.address : 0;
	if (board->manner == MANNER_HANGS_UP)
		return false;
	if (board->manner == MANNER_SHORT || board->manner == MANNER_LONG)
		reply(fd, longer, board->manner == MANNER_SHORT ? 8 : 64, NULL, 0);
	else if (request.op == BOARD_WINDOW_OPEN && board->manner != MANNER_REFUSES)
		answer_window_open(board, fd, &answer);
	else if (board->manner != MANNER_SILENT)
		reply(fd, &answer, sizeof(answer), NULL, 0);
	return true;
}

static void *run(void *context)
{
	struct board_fake *board = context;
	struct pollfd fds[2] = { { .fd = accept(board->listener, NULL, NULL), .events = POLLIN },
				 { .events = POLLIN } };

	for (;;) {
		fds[1].fd = board->window;
		if (poll(fds, 2, -1) < 0)
			break;
		if (fds[0].revents && !serve(board, fds[0].fd))
			break;
		if (board->window >= 0 && fds[1].revents && !serve(board, board->window)) {
			close(board->window);
			board->window = -1;
		}
	}
	close(fds[0].fd);
	if (board->window >= 0)
		close(board->window);
	board->window = -1;
	return NULL;
}

int board_fake_make_part(uint64_t size, int seals)
{
	int fd = memfd_create("part", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	check(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
	check(fcntl(fd, F_ADD_SEALS, seals) == 0);
	return fd;
}

static void add_part(struct board_fake *board, uint64_t pa, uint64_t size)
{
	board->hello.parts[board->hello.part_count++] = (struct board_part){ pa, size };
	board->fds[board->fd_count++] =
		board_fake_make_part(size, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
}

static void listen_at(struct board_fake *board)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(board->path, sizeof(board->path), "/tmp/board_fake.%d", getpid());
	unlink(board->path);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", board->path);
	board->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	check(bind(board->listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	check(listen(board->listener, 1) == 0);
}

void board_fake_init(struct board_fake *board)
{
	char *tree;

	*board = (struct board_fake){ .hello = { .version = BOARD_VERSION },
				      .window = -1,
				      .hello_size = sizeof(struct board_hello) };
	board->hello.description = BOARD_DEVICE_TREE;
	board->hello.firmware_offset = BOARD_FAKE_DTB;
	board->hello.firmware_size = BOARD_FAKE_DTB_BYTES;
	add_part(board, BOARD_FAKE_RAM, 4 * MIB);
	add_part(board, BOARD_FAKE_RAM + 4 * MIB, MIB);
	add_part(board, BOARD_FAKE_RAM + 5 * MIB, MIB);
	tree = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, board->fds[0], 0);
	check(tree != MAP_FAILED);
	memset(tree + BOARD_FAKE_DTB, 0x5a, BOARD_FAKE_DTB_BYTES);
	munmap(tree, 4 * MIB);
	listen_at(board);
}

void board_fake_fini(struct board_fake *board)
{
	unsigned i;

	for (i = 0; i < board->fd_count; i++)
		close(board->fds[i]);
	close(board->listener);
	unlink(board->path);
}

void board_fake_start(struct board_fake *board)
{
	check(pthread_create(&board->thread, NULL, run, board) == 0);
}

void board_fake_join(struct board_fake *board)
{
	pthread_join(board->thread, NULL);
}

unsigned board_fake_count_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned count = 0;

	check(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}
