// SPDX-License-Identifier: BSD-2-Clause
#include "board_link.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "scoped.h"

#define ANSWER_SECONDS 5

/* Says it once; the hang-up makes the descriptor readable for the main loop. */
static void link_lose(struct board_link *link, const char *why)
{
	if (link->is_lost)
		return;
	link->is_lost = true;
	(void)shutdown(link->fd, SHUT_RDWR);
	log_alarm("the virtual board is gone (%s); its registers read as all ones from now on",
		  why);
}

static ssize_t send_request(int fd, const struct board_request *request)
{
	ssize_t sent;

	do
		sent = send(fd, request, sizeof(*request), MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent;
}

/* What a packet of a wrong size, or none, means; errno is recvmsg's. */
static const char *silence_reason(ssize_t got)
{
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return "no answer in 5 s";
	if (got < 0)
		return strerror(errno);
	return got == 0 ? "it hung up" : "a malformed answer";
}

static void close_all(const int *fds, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		close(fds[i]);
}

/* Keeps the first max descriptors of a message; false when there were more. */
static bool keep_descriptors(struct msghdr *message, int *fds, uint32_t max, uint32_t *ret_count)
{
	struct cmsghdr *control;
	uint32_t count = 0, surplus = 0;
	size_t i, n;
	int fd;

	for (control = CMSG_FIRSTHDR(message); control; control = CMSG_NXTHDR(message, control)) {
		if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
			continue;
		n = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof(fd));
			if (count < max) {
				fds[count++] = fd;
			} else {
				close(fd);
				surplus++;
			}
		}
	}
	*ret_count = count;
	return surplus == 0 && !(message->msg_flags & MSG_CTRUNC);
}

/* One packet and up to max descriptors. Negative: none are left open. */
static ssize_t receive_with_fds(int socket, void *packet, size_t size, int *fds, uint32_t max,
				uint32_t *ret_count)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * (BOARD_PARTS_MAX + 1))];
		struct cmsghdr align;
	} control;
	struct iovec part = { .iov_base = packet, .iov_len = size };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	ssize_t got;

	*ret_count = 0;
	do
		got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_TRUNC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return got;
	if (!keep_descriptors(&message, fds, max, ret_count)) {
		close_all(fds, *ret_count);
		*ret_count = 0;
		errno = EPROTO;
		return -1;
	}
	return got;
}

int board_link_ask(struct board_link *link, const struct board_request *request,
		   uint64_t *ret_value)
{
	struct board_reply reply;
	ssize_t got;

	*ret_value = UINT64_MAX;
	if (link->is_lost)
		return -ENODEV;
	if (send_request(link->fd, request) != (ssize_t)sizeof(*request)) {
		link_lose(link, strerror(errno));
		return -ENODEV;
	}
	do
		got = recv(link->fd, &reply, sizeof(reply), MSG_TRUNC);
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t)sizeof(reply) || reply.status > 0) {
		link_lose(link, silence_reason(got));
		return -ENODEV;
	}
	if (reply.status == 0)
		*ret_value = reply.value;
	return reply.status;
}

int board_link_ask_fd(struct board_link *link, const struct board_request *request,
		      uint64_t *ret_value, int *ret_fd)
{
	struct board_reply reply;
	uint32_t fd_count;
	ssize_t got;
	int fd;

	if (link->is_lost)
		return -ENODEV;
	if (send_request(link->fd, request) != (ssize_t)sizeof(*request)) {
		link_lose(link, strerror(errno));
		return -ENODEV;
	}
	got = receive_with_fds(link->fd, &reply, sizeof(reply), &fd, 1, &fd_count);
	if (got != (ssize_t)sizeof(reply) || reply.status > 0 ||
	    fd_count != (reply.status == 0 ? 1 : 0)) {
		close_all(&fd, fd_count);
		link_lose(link, silence_reason(got));
		return -ENODEV;
	}
	if (reply.status)
		return reply.status;
	*ret_value = reply.value;
	*ret_fd = fd;
	return 0;
}

int board_window_ask(int fd, const struct board_request *request, uint64_t *ret_value)
{
	struct pollfd answer = { .fd = fd, .events = POLLIN };
	struct board_reply reply;
	int ready;

	if (send_request(fd, request) != (ssize_t)sizeof(*request))
		return -ENODEV;
	do
		ready = poll(&answer, 1, ANSWER_SECONDS * 1000);
	while (ready < 0 && errno == EINTR);
	if (ready != 1 || recv(fd, &reply, sizeof(reply), MSG_DONTWAIT | MSG_TRUNC) !=
				  (ssize_t)sizeof(reply))
		return -ENODEV;
	if (reply.status)
		return reply.status < 0 ? reply.status : -EPROTO;
	*ret_value = reply.value;
	return 0;
}

/* --- the first words --------------------------------------------------------- */

static int link_connect(const char *path, int *ret_fd, struct error *err)
{
	const struct timeval patience = { .tv_sec = ANSWER_SECONDS };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	scoped_fd fd = -1;

	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(err, -ENAMETOOLONG,
				 "the board's socket path is longer than %zu bytes: %.60s...",
				 sizeof(address.sun_path) - 1, path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)))
		return error_set(err, -errno, "cannot make a socket: %s", strerror(errno));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		return error_set(err, -errno,
				 "cannot connect to the virtual board at %s: %s; start one with "
				 "smmu-vboard",
				 path, strerror(errno));
	*ret_fd = take_fd(&fd);
	return 0;
}

static int hello_refused(const char *path, int status, struct error *err)
{
	if (status == -EBUSY)
		return error_set(err, -EBUSY,
				 "the virtual board at %s already has an owner; stop the other "
				 "smmuman first",
				 path);
	return error_set(err, status, "the virtual board at %s refuses: %s", path,
			 strerror(-status));
}

/* A refusal may be as short as a board_reply: both begin with the status. */
static int hello_say(struct board_link *link, const char *path, struct board_hello *hello,
		     int *fds, struct error *err)
{
	const struct board_request request = { .op = BOARD_HELLO, .value = BOARD_ROLE_OWNER };
	uint32_t fd_count = 0;
	ssize_t got = -1;

	memset(hello, 0, sizeof(*hello));
	if (send_request(link->fd, &request) == (ssize_t)sizeof(request))
		got = receive_with_fds(link->fd, hello, sizeof(*hello), fds, BOARD_PARTS_MAX,
				       &fd_count);
	if (got >= (ssize_t)sizeof(struct board_reply) && hello->status < 0 && fd_count == 0)
		return hello_refused(path, hello->status, err);
	if (got == (ssize_t)sizeof(*hello) && hello->status == 0 &&
	    fd_count == hello->part_count)
		return 0;
	close_all(fds, fd_count);
	return error_set(err, -EPROTO, "the virtual board at %s does not greet us as one should (%s)",
			 path, silence_reason(got));
}

int board_link_open(const char *path, struct board_link *link, struct board_hello *ret_hello,
		    int fds[BOARD_PARTS_MAX], struct error *err)
{
	int result;

	*link = (struct board_link){ .fd = -1 };
	result = link_connect(path, &link->fd, err);
	if (result)
		return result;
	result = hello_say(link, path, ret_hello, fds, err);
	if (result)
		board_link_close(link);
	return result;
}

void board_link_close(struct board_link *link)
{
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
	link->is_lost = true;
}
