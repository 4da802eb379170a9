// SPDX-License-Identifier: BSD-2-Clause
/* The exchange: one packet out, one packet back, everything that came back checked. */
#include "client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "types.h"

bool client_is_ours(const struct smmu *context)
{
	return *(const volatile uint32_t *)(const void *)context->pages != 0;
}

static uint8_t *reply_bytes(struct smmu *context)
{
	return context->pages + PAGE_BYTES;
}

/* --- the lock ----------------------------------------------------------------------- */

int client_lock(struct smmu *context)
{
	if (!context)
		return -EINVAL;
	if (!client_is_ours(context))
		return -ENOTCONN;
	pthread_mutex_lock(&context->lock);
	if (context->over.code == 0)
		return 0;
	return client_unlock(context, client_fail(context, -ENOTCONN,
						  "this context is over, open another: %s",
						  context->over.text));
}

int client_unlock(struct smmu *context, int rc)
{
	pthread_mutex_unlock(&context->lock);
	return rc;
}

void client_cut(struct smmu *context, int code, const char *why)
{
	shutdown(context->fd, SHUT_RDWR);
	error_set(&context->over, code, "%s", why);
	error_set(&context->error, code, "%s", why);
}

/* --- one exchange ------------------------------------------------------------------- */

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(WIRE_FDS_MAX * sizeof(int))];
};

static void attach_fd(struct msghdr *msg, union control *control, int fd)
{
	struct cmsghdr *cmsg;

	memset(control, 0, sizeof(*control));
	msg->msg_control = control->bytes;
	msg->msg_controllen = CMSG_SPACE(sizeof(int));
	cmsg = CMSG_FIRSTHDR(msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
}

static int send_request(struct smmu *context, const struct wire_message *message,
			const struct exchange *x)
{
	size_t entries_size = (size_t)x->count * message->request_entry_size;
	struct wire_head head = {
		.id = message->id,
		.length = (uint32_t)(sizeof(head) + message->request_size + entries_size),
		.cookie = ++context->cookie,
	};
	struct iovec iov[] = {
		{ &head, sizeof(head) },
		{ (void *)(uintptr_t)x->request, message->request_size },
		{ (void *)(uintptr_t)x->entries, entries_size },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = x->entries ? 3 : 2 };
	union control control;
	ssize_t sent;

	if (message->fds)
		attach_fd(&msg, &control, x->fd);
	do
		sent = sendmsg(context->fd, &msg, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return 0;
	/* The kernel refused the descriptor: nothing left, the context lives on. */
	if (errno == EBADF || errno == ETOOMANYREFS)
		return client_fail(context, -errno, "the descriptor %d cannot be sent: %s", x->fd,
				   smmu_strerror(errno));
	if (errno == EAGAIN)
		return client_end(context, -ETIMEDOUT, "the service took no request in time");
	return client_end(context, -ECONNRESET, "the service hung up");
}

/* At most WIRE_FDS_MAX fit into the control buffer; the kernel keeps what does not. */
static void take_fds(struct msghdr *msg, struct exchange *x)
{
	struct cmsghdr *cmsg;
	size_t size;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		size = cmsg->cmsg_len - CMSG_LEN(0);
		memcpy(x->fds + x->fd_count, CMSG_DATA(cmsg), size);
		x->fd_count += (unsigned)(size / sizeof(int));
	}
}

static void drop_fds(struct exchange *x)
{
	while (x->fd_count > 0)
		close(x->fds[--x->fd_count]);
}

/* How many descriptors a good reply brings. */
static unsigned fds_due(const struct wire_message *message, const void *body)
{
	switch (message->id) {
	case WIRE_DEVICE_OPEN:
		return ((const struct wire_bars *)body)->count;
	case WIRE_MEMORY_LEND:
	case WIRE_FAULT_SUBSCRIBE:
		return 1;
	default:
		return 0;
	}
}

static int receive_reply(struct smmu *context, struct exchange *x, size_t *ret_length)
{
	struct iovec iov = { reply_bytes(context), WIRE_MAX };
	union control control;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	ssize_t length;

	do
		length = recvmsg(context->fd, &msg, MSG_CMSG_CLOEXEC);
	while (length < 0 && errno == EINTR);
	if (length < 0 && errno == EAGAIN)
		return client_end(context, -ETIMEDOUT, "the service did not answer in time");
	if (length < 0)
		return client_end(context, -ECONNRESET, "the service hung up");
	take_fds(&msg, x);
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return client_end(context, -EPROTO,
				  "the service's reply brings more than a reply may");
	if (length == 0)
		return client_end(context, -ECONNRESET, "the service hung up");
	*ret_length = (size_t)length;
	return 0;
}

/* Well formed, ours, with the right descriptors; status may be an error. */
static int check_reply(struct smmu *context, const struct wire_message *message,
		       struct exchange *x, size_t length)
{
	uint8_t *bytes = reply_bytes(context);
	const struct wire_head *head = (const void *)bytes;
	unsigned due = 0;
	struct error err;

	if (wire_check_reply(bytes, length, message, context->cookie, &err))
		return client_end(context, -EPROTO, err.text);
	x->reply = wire_body(bytes);
	if (head->status == 0)
		due = fds_due(message, x->reply);
	if (x->fd_count != due)
		return client_end(context, -EPROTO,
				  "the service's reply came with the wrong number of descriptors");
	if (head->status == 0)
		return 0;
	return client_fail(context, head->status, "%s",
			   ((const struct wire_error *)x->reply)->text);
}

int client_exchange(struct smmu *context, struct exchange *x)
{
	const struct wire_message *message = wire_find((uint16_t)x->id);
	size_t length = 0;
	int rc;

	x->fd_count = 0;
	rc = send_request(context, message, x);
	if (rc)
		return rc;
	rc = receive_reply(context, x, &length);
	if (!rc)
		rc = check_reply(context, message, x, length);
	if (rc)
		drop_fds(x);
	return rc;
}

int client_call(struct smmu *context, enum wire_id id, const void *request, void *ret_reply)
{
	struct exchange x = { .id = id, .request = request, .fd = -1 };
	int rc = client_lock(context);

	if (rc)
		return rc;
	rc = client_exchange(context, &x);
	if (!rc && ret_reply)
		memcpy(ret_reply, x.reply, wire_find((uint16_t)id)->reply_size);
	return client_unlock(context, rc);
}

int client_name(struct smmu *context, char *field, size_t size, const char *name)
{
	size_t length = name ? strlen(name) : 0;

	if (length == 0)
		return client_fail(context, -EINVAL, "an empty name names nothing");
	if (length >= size)
		return client_fail(context, -ENAMETOOLONG,
				   "the name \"%.40s...\" is longer than %zu bytes", name, size - 1);
	memset(field + length, 0, size - length);
	memcpy(field, name, length); /* NOLINT(bugprone-not-null-terminated-result): it is, above */
	return 0;
}
