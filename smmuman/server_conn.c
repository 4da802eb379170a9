// SPDX-License-Identifier: BSD-2-Clause
/*
 * One connection: a packet in, a packet out. A wake-up takes one receive and one
 * send; nobody's second request comes before everybody's first.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "dispatch.h"
#include "log.h"
#include "peer.h"
#include "server_loop.h"

#define FDS_RECEIVED_MAX 253 /* SCM_MAX_FD: what the kernel passes at most */
#define RETRY_NS UINT64_C(1000000000)

struct link {
	uv_poll_t poll;
	struct conn *conn; /* NULL once the connection is forgotten */
	struct server *server;
	int fd;
	bool is_answering; /* dispatch is on the stack: the end must wait for it */
	bool must_end;
};

static struct answer answer; /* one thread, one packet at a time */

static void on_packet(uv_poll_t *poll, int status, int events);

static void watch(struct link *link, bool readable)
{
	uv_poll_start(&link->poll, readable ? UV_READABLE | UV_DISCONNECT : UV_DISCONNECT,
		      on_packet);
}

static void link_closed(uv_handle_t *handle)
{
	struct link *link = handle->data;

	close(link->fd);
	free(link);
}

static void free_conn(struct conn *conn)
{
	if (conn->pidfd >= 0)
		close(conn->pidfd);
	if (conn->fault_fd >= 0)
		close(conn->fault_fd);
	free(conn);
}

void server_resume_accepting(struct server *server)
{
	if (!server->is_paused)
		return;
	server->is_paused = false;
	server->retry_ns = 0;
	if (server->reserve_fd < 0)
		server->reserve_fd = dup(server->listen_fd);
	uv_poll_start(&server->listener, UV_READABLE, server_on_connect);
}

void server_drop(struct conn *conn)
{
	struct link *link = conn->poll;
	struct server *server = link->server;

	link->conn = NULL;
	if (!uv_is_closing((uv_handle_t *)&link->poll))
		uv_close((uv_handle_t *)&link->poll, link_closed);
	free_conn(conn);
	server_resume_accepting(server);
}

void server_forget_conn(struct conn *conn)
{
	struct daemon *d = conn->d;

	list_remove(&conn->node);
	user_put(d, conn->user);
	server_drop(conn);
}

void server_end_conn(struct conn *conn)
{
	struct link *link = conn->poll;

	if (link->is_answering) {
		link->must_end = true;
		return;
	}
	if (conn->is_gone)
		return;
	uv_poll_stop(&link->poll);
	/* Its peer is told at once; what it owned is closed before it is let go. */
	shutdown(link->fd, SHUT_RDWR);
	conn_end(conn->d, conn);
	server_hurry(link->server);
}

/* The common case needs no struct msghdr. */
static int send_plain(const struct link *link)
{
	ssize_t sent;

	do
		sent = send(link->fd, answer.bytes, answer.length, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

static int send_with_fds(const struct link *link)
{
	struct iovec iov = { .iov_base = answer.bytes, .iov_len = answer.length };
	union {
		char bytes[CMSG_SPACE(WIRE_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;
	ssize_t sent;
	uint32_t i;

	memset(&control, 0, sizeof(control));
	message.msg_control = control.bytes;
	message.msg_controllen = CMSG_SPACE(answer.fd_count * sizeof(int));
	cmsg = CMSG_FIRSTHDR(&message);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(answer.fd_count * sizeof(int));
	memcpy(CMSG_DATA(cmsg), answer.fds, answer.fd_count * sizeof(int));
	do
		sent = sendmsg(link->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	for (i = 0; answer.close_fds && i < answer.fd_count; i++)
		close(answer.fds[i]);
	return sent < 0 ? -errno : 0;
}

static void reply(struct link *link)
{
	struct conn *conn = link->conn;
	int ret = answer.fd_count ? send_with_fds(link) : send_plain(link);

	if (ret == -EAGAIN)
		log_warn("client %" PRIu32 " (uid %" PRIu32 ", pid %" PRId32 ") does not read its replies; "
			 "its connection ends", conn->self.client, conn->uid, conn->pid);
	if (ret < 0 || answer.must_drop)
		server_end_conn(conn);
}

void server_answer(struct conn *conn, int status)
{
	struct link *link = conn->poll;

	if (conn->is_gone) {
		/* Its last request is finished: now its end. */
		conn_end(conn->d, conn);
		return;
	}
	dispatch_parked(conn, status, &answer);
	reply(link);
	/* reply() may have ended the connection. */
	if (!link->is_answering && link->conn && !link->conn->is_gone)
		watch(link, true);
}

/* Every descriptor that came along, whatever the sender meant by it. */
static unsigned take_fds(struct msghdr *message, int *fds)
{
	struct cmsghdr *cmsg;
	unsigned count = 0;
	size_t bytes, n;

	for (cmsg = CMSG_FIRSTHDR(message); cmsg; cmsg = CMSG_NXTHDR(message, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		bytes = cmsg->cmsg_len - CMSG_LEN(0);
		n = bytes / sizeof(int);
		if (n > FDS_RECEIVED_MAX - count)
			n = FDS_RECEIVED_MAX - count;
		memcpy(fds + count, CMSG_DATA(cmsg), n * sizeof(int));
		count += (unsigned)n;
	}
	return count;
}

/* *ret_cut: the kernel could not give us all of the packet's descriptors. */
static ssize_t receive(struct link *link, void *packet, int *fds, unsigned *ret_count,
		       bool *ret_cut)
{
	static union {
		char bytes[CMSG_SPACE(FDS_RECEIVED_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { .iov_base = packet, .iov_len = WIRE_MAX };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	ssize_t length;

	do
		length = recvmsg(link->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (length < 0 && errno == EINTR);
	if (length < 0)
		return -errno;
	*ret_count = take_fds(&message, fds);
	*ret_cut = message.msg_flags & MSG_CTRUNC;
	/* Longer than any message: never a good length for the check. */
	return message.msg_flags & MSG_TRUNC ? WIRE_MAX + 1 : length;
}

static void handle_packet(struct link *link)
{
	static _Alignas(8) uint8_t packet[WIRE_MAX];
	int fds[FDS_RECEIVED_MAX];
	struct conn *conn = link->conn;
	unsigned fd_count = 0;
	bool is_cut = false;
	ssize_t length;

	length = receive(link, packet, fds, &fd_count, &is_cut);
	if (length == -EAGAIN)
		return;
	while ((length <= 0 || is_cut) && fd_count > 0)
		close(fds[--fd_count]);
	if (length <= 0) {
		server_end_conn(conn);
		return;
	}
	link->is_answering = true;
	if (is_cut)
		dispatch_cut(conn, packet, (size_t)length, &answer);
	else
		dispatch(conn->d, conn, packet, (size_t)length, fds, fd_count, &answer);
	if (!answer.is_parked)
		reply(link);
	link->is_answering = false;
	if (link->must_end) {
		server_end_conn(conn);
	} else if (conn->pending.is_waiting) {
		watch(link, false);
		server_hurry(link->server);
	} else if (!list_is_empty(&conn->d->releasing)) {
		server_hurry(link->server);
	}
}

static void on_packet(uv_poll_t *poll, int status, int events)
{
	struct link *link = poll->data;

	if (!link->conn || link->conn->is_gone)
		return;
	/* A hang-up may follow a last good packet: that one first. */
	if (status < 0 || (events & (UV_READABLE | UV_DISCONNECT)) == UV_DISCONNECT)
		server_end_conn(link->conn);
	else
		handle_packet(link);
}

static struct link *make_link(struct server *server, int fd)
{
	struct link *link = calloc(1, sizeof(*link));
	struct conn *conn = calloc(1, sizeof(*conn));

	if (!link || !conn || uv_poll_init(&server->loop, &link->poll, fd) != 0) {
		free(link);
		free(conn);
		return NULL;
	}
	link->poll.data = link;
	link->conn = conn;
	link->server = server;
	link->fd = fd;
	conn->poll = link;
	conn->fd = fd;
	conn->pidfd = conn->fault_fd = -1;
	return link;
}

static void welcome(struct server *server, int fd)
{
	struct error err = { 0 };
	struct link *link;
	struct peer peer;
	int ret;

	if (peer_identify(fd, &peer, &err) < 0 || !(link = make_link(server, fd))) {
		log_warn("a connection is refused: %s", err.text[0] ? err.text : "no memory");
		if (peer.pidfd >= 0)
			close(peer.pidfd);
		close(fd);
		return;
	}
	link->conn->uid = peer.uid;
	link->conn->gid = peer.gid;
	link->conn->pid = peer.pid;
	link->conn->pidfd = peer.pidfd;
	memcpy(link->conn->exe, peer.exe, sizeof(peer.exe));
	ret = conn_begin(server->d, link->conn);
	if (ret == -ENOMEM && !link->conn->user) {
		server_drop(link->conn);
		return;
	}
	if (ret < 0)
		log_note("uid %" PRIu32 ", pid %" PRId32 " is refused: %s", peer.uid, peer.pid,
			 link->conn->refusal.text);
	if (link->conn->user->refused > REFUSED_MAX) {
		conn_end(server->d, link->conn);
		return;
	}
	watch(link, true);
}

/* No descriptor is left: one is freed to take the caller in and show it out. */
static void refuse_one(struct server *server)
{
	int fd;

	if (server->reserve_fd >= 0)
		close(server->reserve_fd);
	fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	server->reserve_fd = dup(server->listen_fd);
}

/* A listener that stays readable would have the loop spin: it is left alone a while. */
static void accept_failed(struct server *server, int code)
{
	if (code == EAGAIN || code == EINTR || code == ECONNABORTED)
		return;
	if (code == EMFILE || code == ENFILE)
		refuse_one(server);
	log_error("%s: no more connections until one ends or a second has passed",
		  code == EMFILE || code == ENFILE ? "out of descriptors, a connection was refused"
						   : strerror(code));
	uv_poll_stop(&server->listener);
	server->is_paused = true;
	server->retry_ns = hw_now_ns(&server->d->machine->hw) + RETRY_NS;
}

void server_on_connect(uv_poll_t *listener, int status, int events)
{
	struct server *server = listener->data;
	int fd;

	(void)status;
	(void)events;
	if (server->is_ending)
		return;
	if (server->d->conn_count >= server->d->policy->max_connections) {
		uv_poll_stop(listener);
		server->is_paused = true;
		log_warn("%" PRIu32 " connections, the limit of the policy; no more until one ends",
			 server->d->conn_count);
		return;
	}
	fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		welcome(server, fd);
	else
		accept_failed(server, errno);
}
