// SPDX-License-Identifier: BSD-2-Clause
/* What each request of the board's protocol does, and for whom. */
#include "request.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bits.h"
#include "log.h"
#include "scoped.h"
#include "windows.h"

/* One answer packet with descriptors. A user who does not read is cut. */
static void answer(struct connection *connection, const void *bytes, size_t length, const int *fds,
		   unsigned fd_count)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(BOARD_PARTS_MAX * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = length };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd_count) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, fd_count * sizeof(int));
	}
	if (sendmsg(connection->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length)
		return;
	if (errno == EAGAIN)
		log_warn("a user that does not read its answers was cut off");
	server_cut(connection);
}

static void answer_plain(struct connection *connection, int status, uint64_t value)
{
	struct board_reply reply = { .status = status, .value = status ? 0 : value };

	answer(connection, &reply, sizeof(reply), NULL, 0);
}

static void board_is_lost(struct server *server, int status)
{
	if (status)
		server->status = status;
}

/* The absolute address this connection may reach, or -EPERM, -EINVAL. */
static int find_address(const struct server *server, const struct connection *connection,
			const struct board_request *request, uint64_t *ret_address)
{
	uint64_t address = request->address;
	int status = -EPERM;

	if (windows_check_access(0, request->size) != 0)
		return -EINVAL;
	if (connection->role == CONNECTION_OWNER)
		status = windows_check_owner(server->layout, address, request->size);
	else if (connection->role == CONNECTION_WINDOW)
		status = windows_check_offset(&connection->window, address, request->size);
	if (status)
		return status;
	*ret_address = connection->window.base + address;
	return windows_check_access(*ret_address, request->size);
}

static int do_read(struct server *server, struct connection *connection,
		   const struct board_request *request, uint64_t *ret_value)
{
	uint64_t address, value = 0;
	int status = find_address(server, connection, request, &address);

	if (status)
		return status;
	if (!override_covers(&server->override, address, request->size))
		board_is_lost(server, qtest_read(server->qtest, address, request->size, &value,
						 &server->err));
	*ret_value = override_apply(&server->override, address, request->size, value);
	return server->status;
}

static int do_write(struct server *server, struct connection *connection,
		    const struct board_request *request, uint64_t *ret_value)
{
	uint64_t address;
	int status = find_address(server, connection, request, &address);

	*ret_value = 0;
	if (status)
		return status;
	if (!override_note_write(&server->override, address, request->size))
		board_is_lost(server, qtest_write(server->qtest, address, request->size,
						  request->value, &server->err));
	return server->status;
}

static struct connection *find_role(struct server *server, enum connection_role role, uint64_t id)
{
	unsigned i;

	for (i = 0; i < CONNECTIONS_MAX; i++)
		if (server->connections[i].role == role &&
		    (id == 0 || server->connections[i].id == id))
			return &server->connections[i];
	return NULL;
}

static bool is_dead(const struct connection *connection)
{
	struct pollfd peer = { .fd = connection->fd };

	return poll(&peer, 1, 0) == 1 && (peer.revents & (POLLHUP | POLLERR));
}

/* The only or first owner: nobody keeps a window of an owner before. */
static int become_owner(struct server *server, struct connection *connection)
{
	struct connection *old = find_role(server, CONNECTION_OWNER, 0), *window;

	if (old && !is_dead(old))
		return -EBUSY;
	if (old)
		server_cut(old);
	while ((window = find_role(server, CONNECTION_WINDOW, 0)))
		server_cut(window);
	connection->role = CONNECTION_OWNER;
	return 0;
}

static void answer_owner(struct server *server, struct connection *connection)
{
	const struct parts *parts = server->parts;
	struct board_hello hello = { .version = BOARD_VERSION, .part_count = parts->count };
	int fds[BOARD_PARTS_MAX];
	unsigned i;

	hello.description = server->layout->description;
	hello.firmware_offset = server->layout->description_offset;
	hello.firmware_size = server->layout->description_size;
	for (i = 0; i < parts->count; i++) {
		hello.parts[i].pa = parts->list[i].pa;
		hello.parts[i].size = parts->list[i].size;
		fds[i] = parts->list[i].fd;
	}
	answer(connection, &hello, sizeof(hello), fds, parts->count);
}

static void do_hello(struct server *server, struct connection *connection,
		     const struct board_request *request)
{
	int status = -EINVAL;

	if (request->value == BOARD_ROLE_CONTROL) {
		connection->role = CONNECTION_CONTROL;
		status = 0;
	} else if (request->value == BOARD_ROLE_OWNER) {
		status = become_owner(server, connection);
	}
	if (connection->role == CONNECTION_OWNER)
		answer_owner(server, connection);
	else
		answer_plain(connection, status, BOARD_VERSION);
}

static int open_window(struct server *server, const struct range *window, int *ret_fd,
		       uint64_t *ret_id)
{
	struct connection *connection;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	connection = server_add(server, pair[0], CONNECTION_WINDOW);
	if (!connection) {
		close(pair[0]);
		close(pair[1]);
		return -ENOSPC;
	}
	connection->window = *window;
	*ret_id = connection->id;
	*ret_fd = pair[1];
	return 0;
}

static void do_window_open(struct server *server, struct connection *connection,
			   const struct board_request *request)
{
	struct range window = { request->address, request->length };
	struct board_reply reply = { .status = 0 };
	scoped_fd fd = -1;

	reply.status = windows_check_open(server->layout, window.base, window.length);
	if (reply.status == 0)
		reply.status = open_window(server, &window, &fd, &reply.value);
	answer(connection, &reply, sizeof(reply), &fd, fd >= 0 ? 1 : 0);
}

static int do_window_close(struct server *server, struct connection *connection,
			   const struct board_request *request, uint64_t *ret_value)
{
	struct connection *window = find_role(server, CONNECTION_WINDOW, request->value);

	(void)connection;
	*ret_value = 0;
	if (request->value == 0 || !window)
		return -ENOENT;
	server_cut(window);
	return 0;
}

static int do_clock(struct server *server, struct connection *connection,
		    const struct board_request *request, uint64_t *ret_value)
{
	(void)connection;
	*ret_value = 0;
	board_is_lost(server, qmp_command(server->qmp,
					  request->op == BOARD_CLOCK_STOP ? "stop" : "cont",
					  &server->err));
	return server->status;
}

static int do_override(struct server *server, struct connection *connection,
		       const struct board_request *request, uint64_t *ret_value)
{
	(void)connection;
	*ret_value = 0;
	if (request->op == BOARD_OVERRIDE_CLEAR) {
		override_clear(&server->override);
		return 0;
	}
	return override_add(&server->override, request->address, request->size, request->value,
			    request->op == BOARD_OVERRIDE_DROP);
}

static int do_count_writes(struct server *server, struct connection *connection,
			   const struct board_request *request, uint64_t *ret_value)
{
	(void)connection;
	return override_writes(&server->override, request->address, ret_value);
}

/* Who may ask for what; an operation that is not here ends its connection. */
#define BY(role) (1u << CONNECTION_##role)
static const struct operation {
	unsigned roles;
	int (*plain)(struct server *, struct connection *, const struct board_request *,
		     uint64_t *ret_value);
	void (*special)(struct server *, struct connection *, const struct board_request *);
} operations[] = {
	[BOARD_HELLO] = { BY(NEW), NULL, do_hello },
	[BOARD_READ] = { BY(OWNER) | BY(WINDOW), do_read, NULL },
	[BOARD_WRITE] = { BY(OWNER) | BY(WINDOW), do_write, NULL },
	[BOARD_WINDOW_OPEN] = { BY(OWNER), NULL, do_window_open },
	[BOARD_WINDOW_CLOSE] = { BY(OWNER), do_window_close, NULL },
	[BOARD_CLOCK_STOP] = { BY(CONTROL), do_clock, NULL },
	[BOARD_CLOCK_RUN] = { BY(CONTROL), do_clock, NULL },
	[BOARD_OVERRIDE_READ] = { BY(CONTROL), do_override, NULL },
	[BOARD_OVERRIDE_DROP] = { BY(CONTROL), do_override, NULL },
	[BOARD_OVERRIDE_CLEAR] = { BY(CONTROL), do_override, NULL },
	[BOARD_COUNT_WRITES] = { BY(CONTROL), do_count_writes, NULL },
};

void request_serve(struct server *server, struct connection *connection,
		   const struct board_request *request)
{
	const struct operation *operation;
	uint64_t value = 0;
	int status;

	if (request->op >= ARRAY_COUNT(operations) || operations[request->op].roles == 0) {
		log_warn("unknown request %u ended a connection", request->op);
		server_cut(connection);
		return;
	}
	operation = &operations[request->op];
	if (!(operation->roles & BIT(connection->role))) {
		answer_plain(connection, -EPERM, 0);
		return;
	}
	if (operation->special) {
		operation->special(server, connection, request);
		return;
	}
	status = operation->plain(server, connection, request, &value);
	if (server->status)
		return;
	answer_plain(connection, status, value);
}
