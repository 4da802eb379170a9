// SPDX-License-Identifier: BSD-2-Clause
#include "mock_service.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "list.h"
#include "log.h"

struct queued {
	struct list node;
	enum wire_id id;
	struct mock_answer answer; /* body and text are ours */
};

struct recorded {
	struct list node;
	struct mock_request request;
};

struct mock_service {
	char folder[64], path[80];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int listener, stop_fd, fault_fd;
	struct list answers, requests;
	struct wire_hello_reply hello;
	uint32_t next_handle;
	unsigned gone; /* connections that ended */
	_Alignas(8) uint8_t request[WIRE_MAX];
	_Alignas(8) uint8_t reply[2 * WIRE_MAX];
};

/* --- answers --------------------------------------------------------------------- */

static void queued_free(struct queued *queued)
{
	unsigned i;

	for (i = 0; i < queued->answer.fd_count; i++)
		close(queued->answer.fds[i]);
	free((void *)(uintptr_t)queued->answer.body);
	free((void *)(uintptr_t)queued->answer.text);
	free(queued);
}

void mock_answer(struct mock_service *server, enum wire_id id,
		   const struct mock_answer *answer)
{
	struct queued *queued = calloc(1, sizeof(*queued));
	unsigned i;

	check(queued && answer->fd_count <= MOCK_FDS_MAX);
	queued->id = id;
	queued->answer = *answer;
	if (answer->body) {
		void *copy = malloc(answer->size);

		check(copy);
		queued->answer.body = memcpy(copy, answer->body, answer->size);
	}
	if (answer->text)
		queued->answer.text = strdup(answer->text);
	for (i = 0; i < answer->fd_count; i++)
		queued->answer.fds[i] = fcntl(answer->fds[i], F_DUPFD_CLOEXEC, 3);
	pthread_mutex_lock(&server->lock);
	list_add_tail(&server->answers, &queued->node);
	pthread_mutex_unlock(&server->lock);
}

void mock_refuse(struct mock_service *server, enum wire_id id, int status, const char *text)
{
	mock_answer(server, id, &(struct mock_answer){ .status = status, .text = text });
}

static struct queued *take_answer(struct mock_service *server, enum wire_id id)
{
	struct queued *queued = NULL;
	struct list *pos;

	pthread_mutex_lock(&server->lock);
	list_for_each(pos, &server->answers) {
		queued = list_entry(pos, struct queued, node);
		if (queued->id == id)
			break;
		queued = NULL;
	}
	if (queued)
		list_remove(&queued->node);
	pthread_mutex_unlock(&server->lock);
	return queued;
}

/* What a good service says when the test has no wish. */
static void default_answer(struct mock_service *server, const struct wire_message *message,
			   struct mock_answer *answer, uint8_t *body)
{
	uint32_t handle = ++server->next_handle;

	answer->body = body;
	answer->size = message->reply_size;
	switch (message->id) {
	case WIRE_HELLO:
		memcpy(body, &server->hello, sizeof(server->hello));
		break;
	case WIRE_DOMAIN_CREATE:
	case WIRE_MEMORY_ADD:
	case WIRE_ATTACH: /* the handle comes first in all three */
		memcpy(body, &handle, sizeof(handle));
		break;
	case WIRE_MEMORY_LEND:
		answer->status = -EOPNOTSUPP;
		answer->text = "bring your own";
		break;
	case WIRE_FAULT_SUBSCRIBE:
		answer->fds[answer->fd_count++] = server->fault_fd;
		break;
	default:
		break;
	}
}

static size_t build(uint8_t *packet, const struct wire_message *message, uint32_t cookie,
		    const struct mock_answer *answer)
{
	struct wire_head head = { .id = message->id | WIRE_REPLY, .cookie = cookie,
				  .status = answer->status };
	size_t length = sizeof(head);

	if (answer->status) {
		if (answer->text)
			snprintf((char *)packet + length, sizeof(struct wire_error), "%s",
				 answer->text);
		length += sizeof(struct wire_error);
	} else {
		if (answer->body)
			memcpy(packet + length, answer->body, answer->size);
		length += answer->body ? answer->size : message->reply_size;
	}
	length += answer->sin == MOCK_LONG ? 8 : 0;
	length -= answer->sin == MOCK_SHORT ? 1 : 0;
	length = answer->sin == MOCK_HUGE ? WIRE_MAX + 8 : length;
	head.length = (uint32_t)length + (answer->sin == MOCK_LENGTH ? 8 : 0);
	head.cookie += answer->sin == MOCK_COOKIE ? 1 : 0;
	head.id ^= answer->sin == MOCK_ID ? 1 : 0;
	head.zero = answer->sin == MOCK_PAD ? 1 : 0;
	memcpy(packet, &head, sizeof(head));
	return answer->sin == MOCK_EMPTY ? 0 : length;
}

static void send_answer(struct mock_service *server, int fd, const struct wire_message *message,
			uint32_t cookie, const struct mock_answer *answer)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(MOCK_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { server->reply, 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	memset(server->reply, 0, sizeof(server->reply));
	memset(&control, 0, sizeof(control));
	iov.iov_len = build(server->reply, message, cookie, answer);
	if (answer->fd_count) {
		struct cmsghdr *cmsg;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(answer->fd_count * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(answer->fd_count * sizeof(int));
		memcpy(CMSG_DATA(cmsg), answer->fds, answer->fd_count * sizeof(int));
	}
	(void)!sendmsg(fd, &msg, MSG_NOSIGNAL);
}

/* --- requests -------------------------------------------------------------------- */

static void record(struct mock_service *server, size_t length, int fd)
{
	struct recorded *recorded = calloc(1, sizeof(*recorded));
	const struct wire_head *head = (const void *)server->request;

	check(recorded && length - sizeof(*head) <= sizeof(recorded->request.bytes));
	recorded->request.id = head->id;
	recorded->request.fd = fd;
	recorded->request.length = length - sizeof(*head);
	memcpy(recorded->request.bytes, head + 1, recorded->request.length);
	pthread_mutex_lock(&server->lock);
	list_add_tail(&server->requests, &recorded->node);
	pthread_mutex_unlock(&server->lock);
}

/* The packet's length, 0 when the client is gone or the test is over. */
static size_t receive(int connection, uint8_t *packet, int *ret_fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec iov = { packet, WIRE_MAX };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *cmsg;
	ssize_t length;

	length = recvmsg(connection, &msg, MSG_CMSG_CLOEXEC);
	*ret_fd = -1;
	if (length <= 0)
		return 0;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_type == SCM_RIGHTS) {
		check(cmsg->cmsg_len == CMSG_LEN(sizeof(int)));
		memcpy(ret_fd, CMSG_DATA(cmsg), sizeof(int));
	}
	return (size_t)length;
}

/* False: the connection ends. */
static bool serve_one(struct mock_service *server, int connection)
{
	const struct wire_head *head = (const void *)server->request;
	uint8_t body[sizeof(struct wire_explain_reply)] = { 0 };
	struct mock_answer answer = { 0 };
	const struct wire_message *message;
	struct queued *queued;
	struct error err;
	bool goes_on;
	size_t length;
	int fd;

	length = receive(connection, server->request, &fd);
	if (length == 0)
		return false;
	if (wire_check_request(server->request, length, fd >= 0, &message, &err)) {
		fprintf(stderr, "malformed request: %s\n", err.text);
		abort();
	}
	record(server, length, fd);
	queued = take_answer(server, message->id);
	if (queued)
		answer = queued->answer;
	else
		default_answer(server, message, &answer, body);
	goes_on = answer.sin != MOCK_HANG_UP;
	if (goes_on && answer.sin != MOCK_SILENT)
		send_answer(server, connection, message, head->cookie, &answer);
	if (queued)
		queued_free(queued);
	return goes_on;
}

static void *serve(void *argument)
{
	struct mock_service *server = argument;
	int connection;

	while ((connection = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		while (serve_one(server, connection))
			;
		close(connection);
		pthread_mutex_lock(&server->lock);
		server->gone++;
		pthread_cond_broadcast(&server->changed);
		pthread_mutex_unlock(&server->lock);
	}
	return NULL;
}

/* --- for the test ------------------------------------------------------------------ */

static void listen_at(struct mock_service *server)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	strcpy(server->folder, "/tmp/smmu-mock.XXXXXX");
	check(mkdtemp(server->folder));
	snprintf(server->path, sizeof(server->path), "%s/s", server->folder);
	memcpy(address.sun_path, server->path, strlen(server->path));
	server->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	check(!bind(server->listener, (struct sockaddr *)&address, sizeof(address)));
	check(!listen(server->listener, 8));
	setenv(WIRE_SOCKET_ENV, server->path, 1);
}

struct mock_service *mock_start(void)
{
	struct mock_service *server = calloc(1, sizeof(*server));

	check(server);
	list_init(&server->answers);
	list_init(&server->requests);
	pthread_mutex_init(&server->lock, NULL);
	pthread_cond_init(&server->changed, NULL);
	server->hello = (struct wire_hello_reply){ .version = WIRE_VERSION, .client = 7,
						   .batch_max = WIRE_BATCH_MAX,
						   .page_bytes = 4096, .rights = 1,
						   .program = "script 1", .rule = "tester" };
	server->fault_fd = eventfd(0, EFD_CLOEXEC);
	listen_at(server);
	check(!pthread_create(&server->thread, NULL, serve, server));
	return server;
}

void mock_stop(struct mock_service *server)
{
	struct list *pos, *after;

	/* A thread in accept() wakes up with an error. */
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->listener);
	close(server->fault_fd);
	list_for_each_safe(pos, after, &server->answers)
		queued_free(list_entry(pos, struct queued, node));
	list_for_each_safe(pos, after, &server->requests) {
		struct recorded *recorded = list_entry(pos, struct recorded, node);

		if (recorded->request.fd >= 0)
			close(recorded->request.fd);
		free(recorded);
	}
	unlink(server->path);
	rmdir(server->folder);
	unsetenv(WIRE_SOCKET_ENV);
	free(server);
}

const char *mock_path(const struct mock_service *server)
{
	return server->path;
}

void mock_hello(struct mock_service *server, const struct wire_hello_reply *hello)
{
	server->hello = *hello;
}

unsigned mock_count(struct mock_service *server, enum wire_id id)
{
	unsigned count = 0;
	struct list *pos;

	pthread_mutex_lock(&server->lock);
	list_for_each(pos, &server->requests)
		count += list_entry(pos, struct recorded, node)->request.id == id;
	pthread_mutex_unlock(&server->lock);
	return count;
}

struct mock_request mock_request(struct mock_service *server, enum wire_id id, unsigned n)
{
	struct mock_request found = { .id = 0, .fd = -1 };
	struct list *pos;

	pthread_mutex_lock(&server->lock);
	list_for_each(pos, &server->requests) {
		const struct mock_request *request =
			&list_entry(pos, struct recorded, node)->request;

		if (request->id == id && n-- == 0) {
			found = *request;
			break;
		}
	}
	pthread_mutex_unlock(&server->lock);
	check(found.id != 0);
	return found;
}

void mock_fault(struct mock_service *server)
{
	uint64_t one = 1;

	check(write(server->fault_fd, &one, sizeof(one)) == sizeof(one));
}

void mock_wait_gone(struct mock_service *server)
{
	pthread_mutex_lock(&server->lock);
	while (server->gone == 0)
		pthread_cond_wait(&server->changed, &server->lock);
	server->gone = 0;
	pthread_mutex_unlock(&server->lock);
}
