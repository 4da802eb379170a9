// SPDX-License-Identifier: BSD-2-Clause
/* The socket, the connections, and turns: who is heard when. */
#include "server.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "request.h"
#include "scoped.h"

/* What an epoll event means: a connection's index, or one of these. */
#define TAG_LISTEN CONNECTIONS_MAX
#define TAG_STOP (CONNECTIONS_MAX + 1)
#define TURN_EVENTS 32

static int watch(struct server *server, int fd, uint32_t tag)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = tag };

	return epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

/* Nobody answers there any more: a leftover of a board that was killed. */
static bool is_left_over(const struct sockaddr_un *address)
{
	scoped_fd fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat found;

	if (fd < 0 || lstat(address->sun_path, &found) != 0 || !S_ISSOCK(found.st_mode))
		return false;
	return connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
	       errno == ECONNREFUSED;
}

static int bind_private(int fd, const struct sockaddr_un *address)
{
	mode_t old = umask(0177);
	int status = bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : -errno;

	umask(old);
	return status;
}

static int listen_at(const struct sockaddr_un *address, int *ret_fd)
{
	scoped_fd fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int status;

	if (fd < 0)
		return -errno;
	status = bind_private(fd, address);
	if (status == -EADDRINUSE && is_left_over(address)) {
		unlink(address->sun_path);
		status = bind_private(fd, address);
	}
	if (status)
		return status;
	if (listen(fd, 16) != 0) {
		status = -errno;
		unlink(address->sun_path);
		return status;
	}
	*ret_fd = take_fd(&fd);
	return 0;
}

int server_init(struct server *server, const char *path, struct error *err)
{
	int status;

	*server = (struct server){ .listen_fd = -1, .epoll_fd = -1 };
	if (strlen(path) >= sizeof(server->address.sun_path))
		return error_set(err, -ENAMETOOLONG, "socket path of %zu bytes; %zu is the limit: %s",
				 strlen(path), sizeof(server->address.sun_path) - 1, path);
	server->address.sun_family = AF_UNIX;
	memcpy(server->address.sun_path, path, strlen(path) + 1);

	status = listen_at(&server->address, &server->listen_fd);
	if (status == -EADDRINUSE)
		return error_set(err, status, "%s: in use; is another board being served there?",
				 path);
	if (status)
		return error_set(err, status, "socket %s: %s", path, strerror(-status));
	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	status = server->epoll_fd < 0 ? -errno : watch(server, server->listen_fd, TAG_LISTEN);
	if (status) {
		server_fini(server);
		return error_set(err, status, "epoll: %s", strerror(-status));
	}
	return 0;
}

void server_fini(struct server *server)
{
	unsigned i;

	for (i = 0; i < CONNECTIONS_MAX; i++)
		if (server->connections[i].role != CONNECTION_FREE)
			server_cut(&server->connections[i]);
	if (server->listen_fd >= 0)
		unlink(server->address.sun_path);
	scoped_fd_end(&server->listen_fd);
	scoped_fd_end(&server->epoll_fd);
	server->listen_fd = server->epoll_fd = -1;
}

struct connection *server_add(struct server *server, int fd, enum connection_role role)
{
	uint32_t i;

	for (i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *connection = &server->connections[i];

		if (connection->role != CONNECTION_FREE)
			continue;
		if (watch(server, fd, i) != 0)
			return NULL;
		*connection = (struct connection){ .fd = fd, .role = role, .id = ++server->last_id };
		return connection;
	}
	return NULL;
}

void server_cut(struct connection *connection)
{
	close(connection->fd);
	connection->role = CONNECTION_FREE;
	connection->fd = -1;
}

/* Only the board's own user and root have any business here. */
static bool is_welcome(int fd)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
		return false;
	return peer.uid == geteuid() || peer.uid == 0;
}

static void accept_one(struct server *server)
{
	scoped_fd fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (!is_welcome(fd)) {
		log_warn("a connection of another user was refused");
		return;
	}
	if (!server_add(server, fd, CONNECTION_NEW)) {
		log_warn("a connection was refused: %u are open already", CONNECTIONS_MAX);
		return;
	}
	take_fd(&fd);
}

/* One packet a turn: nobody keeps the others waiting. */
static void serve_one(struct server *server, struct connection *connection)
{
	struct board_request request;
	ssize_t got = recv(connection->fd, &request, sizeof(request), MSG_DONTWAIT | MSG_TRUNC);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got == sizeof(request)) {
		request_serve(server, connection, &request);
		return;
	}
	if (got > 0)
		log_warn("a packet of %zd bytes ended a connection", got);
	server_cut(connection);
}

int server_watch(struct server *server, int fd, struct error *err)
{
	int status = watch(server, fd, TAG_STOP);

	return status ? error_set(err, status, "epoll: %s", strerror(-status)) : 0;
}

int server_turn(struct server *server, struct error *err)
{
	struct epoll_event events[TURN_EVENTS];
	int count = epoll_wait(server->epoll_fd, events, TURN_EVENTS, -1);
	int i;

	if (count < 0)
		return errno == EINTR ? 0 : error_set(err, -errno, "epoll: %s", strerror(errno));
	for (i = 0; i < count && !server->status; i++) {
		uint32_t tag = events[i].data.u32;

		if (tag == TAG_STOP)
			return 1;
		if (tag == TAG_LISTEN)
			accept_one(server);
		else if (server->connections[tag].role != CONNECTION_FREE)
			serve_one(server, &server->connections[tag]);
	}
	if (server->status)
		return error_set(err, server->status, "%s", server->err.text);
	return 0;
}
