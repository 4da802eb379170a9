// SPDX-License-Identifier: BSD-2-Clause
#include "raw.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define HANG_MS 30000 /* a bound for tests that fail, no time that matters */

/* --- packets --------------------------------------------------------------------------- */

void raw_connect(struct raw *raw, const struct service *service)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	memset(raw, 0, offsetof(struct raw, bytes));
	raw->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_true(raw->fd >= 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", service->socket);
	assert_int_equal(connect(raw->fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

void raw_open(struct raw *raw, const struct service *service)
{
	raw_connect(raw, service);
	if (raw_hello(raw) < 0)
		fail_msg("hello: %s", raw->why);
}

static void drop_fds(struct raw *raw)
{
	while (raw->fd_count > 0)
		close(raw->fds[--raw->fd_count]);
}

void raw_close(struct raw *raw)
{
	drop_fds(raw);
	if (raw->fd >= 0)
		close(raw->fd);
	raw->fd = -1;
}

void raw_end(struct raw *raw, struct service *service)
{
	uint32_t before = service_books(service)->client_count;

	raw_close(raw);
	service_wait_clients(service, before - 1);
}

/* The kernel tells the daemon who connects; a process that changed hands is not readable. */
void raw_open_as(struct raw *raw, const struct service *service, unsigned uid)
{
	assert_int_equal(seteuid(uid), 0);
	prctl(PR_SET_DUMPABLE, 1);
	raw_connect(raw, service);
	raw_hello(raw);
	assert_int_equal(seteuid(0), 0);
	prctl(PR_SET_DUMPABLE, 1);
}

int raw_send(struct raw *raw, const void *bytes, size_t length, const int *fds, unsigned fd_count)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = length };
	_Alignas(struct cmsghdr) static char control[CMSG_SPACE(256 * sizeof(int))];
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	if (fd_count) {
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&message);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, fd_count * sizeof(int));
	}
	return sendmsg(raw->fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void take_fds(struct raw *raw, struct msghdr *message)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(message);

	drop_fds(raw);
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS)
		return;
	raw->fd_count = (unsigned)((cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(raw->fds, CMSG_DATA(cmsg), raw->fd_count * sizeof(int));
}

int raw_receive(struct raw *raw)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(RAW_FDS * sizeof(int))];
	struct iovec iov = { .iov_base = raw->bytes, .iov_len = sizeof(raw->bytes) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct pollfd look = { .fd = raw->fd, .events = POLLIN };
	ssize_t length;

	if (poll(&look, 1, HANG_MS) != 1)
		fail_msg("no answer");
	length = recvmsg(raw->fd, &message, MSG_CMSG_CLOEXEC);
	if (length < 0 && errno == ECONNRESET)
		length = 0;
	assert_true(length >= 0);
	raw->length = (size_t)length;
	take_fds(raw, &message);
	return length > 0;
}

bool raw_has_answer(const struct raw *raw)
{
	struct pollfd look = { .fd = raw->fd, .events = POLLIN };

	return poll(&look, 1, 0) == 1;
}

bool raw_is_cut(struct raw *raw)
{
	while (raw_receive(raw))
		;
	return true;
}

/* --- requests ---------------------------------------------------------------------------- */

void raw_ask(struct raw *raw, uint16_t id, const void *body, size_t size, int fd)
{
	static _Alignas(8) uint8_t packet[WIRE_MAX];
	struct wire_head head = { .id = id, .length = (uint32_t)(sizeof(head) + size),
				  .cookie = ++raw->cookie };
	int ret;

	memcpy(packet, &head, sizeof(head));
	memcpy(packet + sizeof(head), body, size);
	ret = raw_send(raw, packet, head.length, &fd, fd >= 0);
	/* A connection that was cut is found out by who waits for the answer. */
	if (ret != -EPIPE && ret != -ECONNRESET)
		assert_int_equal(ret, 0);
}

size_t raw_make(const struct wire_message *message, uint8_t *packet)
{
	struct wire_head head = { .id = message->id,
				  .length = (uint32_t)(sizeof(head) + message->request_size +
						       message->request_entry_size),
				  .cookie = RAW_COOKIE };
	struct wire_batch batch = { .count = 1 };
	struct wire_hello hello = { .version = WIRE_VERSION };

	memset(packet, 0, head.length);
	memcpy(packet, &head, sizeof(head));
	if (message->request_entry_size)
		memcpy(wire_body(packet), &batch, sizeof(batch));
	if (message->id == WIRE_HELLO)
		memcpy(wire_body(packet), &hello, sizeof(hello));
	return head.length;
}

int raw_answer(struct raw *raw, uint16_t id, void *ret_reply, size_t size)
{
	const struct wire_message *message = wire_find(id);
	struct error err = { 0 };
	struct wire_head head;

	if (!raw_receive(raw)) {
		raw->status = -EPIPE;
		snprintf(raw->why, sizeof(raw->why), "the connection was cut");
		return raw->status;
	}
	if (wire_check_reply(raw->bytes, raw->length, message, raw->cookie, &err) < 0)
		fail_msg("%s", err.text);
	memcpy(&head, raw->bytes, sizeof(head));
	raw->status = head.status;
	raw->why[0] = '\0';
	if (head.status < 0)
		memcpy(raw->why, wire_body(raw->bytes), sizeof(struct wire_error));
	else if (ret_reply)
		memcpy(ret_reply, wire_body(raw->bytes), size);
	return head.status;
}

int raw_call(struct raw *raw, uint16_t id, const void *body, size_t size, void *ret_reply,
	     size_t reply_size)
{
	raw_ask(raw, id, body, size, -1);
	return raw_answer(raw, id, ret_reply, reply_size);
}

const void *raw_entries(const struct raw *raw)
{
	return raw->bytes + sizeof(struct wire_head) + sizeof(struct wire_list);
}

uint32_t raw_count(const struct raw *raw)
{
	struct wire_list list;

	memcpy(&list, raw->bytes + sizeof(struct wire_head), sizeof(list));
	return list.count;
}

/* --- the messages -------------------------------------------------------------------------- */

int raw_hello(struct raw *raw)
{
	const struct wire_hello ask = { .version = WIRE_VERSION };

	return raw_call(raw, WIRE_HELLO, &ask, sizeof(ask), NULL, 0);
}

int raw_domain_try(struct raw *raw, uint32_t *ret_domain)
{
	const struct wire_flags ask = { 0 };
	struct wire_handle reply = { 0 };

	raw_call(raw, WIRE_DOMAIN_CREATE, &ask, sizeof(ask), &reply, sizeof(reply));
	*ret_domain = reply.handle;
	return raw->status;
}

uint32_t raw_domain(struct raw *raw)
{
	uint32_t domain;

	if (raw_domain_try(raw, &domain) < 0)
		fail_msg("domain_create: %s", raw->why);
	return domain;
}

static int call_handle(struct raw *raw, uint16_t id, uint32_t handle)
{
	const struct wire_handle ask = { .handle = handle };

	return raw_call(raw, id, &ask, sizeof(ask), NULL, 0);
}

int raw_domain_destroy(struct raw *raw, uint32_t domain)
{
	return call_handle(raw, WIRE_DOMAIN_DESTROY, domain);
}

int raw_detach(struct raw *raw, uint32_t device)
{
	return call_handle(raw, WIRE_DETACH, device);
}

int raw_memory_remove(struct raw *raw, uint32_t memory)
{
	return call_handle(raw, WIRE_MEMORY_REMOVE, memory);
}

int raw_attach(struct raw *raw, uint32_t domain, const char *name, uint32_t *ret_device)
{
	struct wire_attach ask = { .domain = domain };
	struct wire_attach_reply reply = { 0 };

	snprintf(ask.name, sizeof(ask.name), "%s", name);
	raw_call(raw, WIRE_ATTACH, &ask, sizeof(ask), &reply, sizeof(reply));
	if (ret_device)
		*ret_device = reply.device;
	return raw->status;
}

int raw_memory_add(struct raw *raw, int fd, uint64_t offset, uint64_t length, unsigned rights,
		   uint32_t *ret_memory)
{
	const struct wire_memory ask = { .offset = offset, .length = length, .rights = rights };
	struct wire_handle reply = { 0 };

	raw_ask(raw, WIRE_MEMORY_ADD, &ask, sizeof(ask), fd);
	raw_answer(raw, WIRE_MEMORY_ADD, &reply, sizeof(reply));
	if (ret_memory)
		*ret_memory = reply.handle;
	return raw->status;
}

static void ask_batch(struct raw *raw, uint16_t id, uint32_t domain, const void *entries,
		      uint32_t count, size_t size)
{
	static _Alignas(8) uint8_t body[WIRE_MAX];
	const struct wire_batch batch = { .domain = domain, .count = count };

	memcpy(body, &batch, sizeof(batch));
	memcpy(body + sizeof(batch), entries, count * size);
	raw_ask(raw, id, body, sizeof(batch) + count * size, -1);
}

void raw_ask_map(struct raw *raw, uint32_t domain, const struct wire_map *maps, uint32_t count)
{
	ask_batch(raw, WIRE_MAP, domain, maps, count, sizeof(*maps));
}

void raw_ask_unmap(struct raw *raw, uint32_t domain, const struct wire_range *ranges,
		   uint32_t count)
{
	ask_batch(raw, WIRE_UNMAP, domain, ranges, count, sizeof(*ranges));
}

int raw_map(struct raw *raw, uint32_t domain, const struct wire_map *maps, uint32_t count)
{
	raw_ask_map(raw, domain, maps, count);
	return raw_answer(raw, WIRE_MAP, NULL, 0);
}

int raw_unmap(struct raw *raw, uint32_t domain, const struct wire_range *ranges, uint32_t count)
{
	raw_ask_unmap(raw, domain, ranges, count);
	return raw_answer(raw, WIRE_UNMAP, NULL, 0);
}

struct wire_map raw_page(uint32_t memory, uint64_t iova, uint64_t page)
{
	return (struct wire_map){ .memory = memory, .rights = RW, .iova = iova,
				  .length = PAGE_BYTES, .offset = page * PAGE_BYTES };
}

uint32_t raw_grants(struct raw *raw)
{
	return raw_status(raw).grants;
}

struct wire_status raw_status(struct raw *raw)
{
	const struct wire_none ask = { 0 };
	struct wire_status status;

	if (raw_call(raw, WIRE_STATUS, &ask, sizeof(ask), &status, sizeof(status)) < 0)
		fail_msg("status: %s", raw->why);
	return status;
}

struct wire_unit raw_unit(struct raw *raw)
{
	const struct wire_cursor ask = { 0 };
	struct wire_unit unit;

	if (raw_call(raw, WIRE_LIST_UNITS, &ask, sizeof(ask), NULL, 0) < 0 || raw_count(raw) != 1)
		fail_msg("list_units: %s", raw->why);
	memcpy(&unit, raw_entries(raw), sizeof(unit));
	return unit;
}

int raw_memfd(uint64_t pages, int seals)
{
	static const uint8_t page[PAGE_BYTES];
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint64_t i;

	assert_true(fd >= 0);
	/* Written, not only allocated: pages nobody wrote are a hole. */
	for (i = 0; i < pages; i++)
		assert_int_equal(write(fd, page, sizeof(page)), sizeof(page));
	if (seals)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

uint32_t raw_memory(struct raw *raw, uint64_t pages)
{
	int fd = raw_memfd(pages, F_SEAL_SHRINK);
	uint32_t memory;

	if (raw_memory_add(raw, fd, 0, pages * PAGE_BYTES, RW, &memory) < 0)
		fail_msg("memory_add: %s", raw->why);
	close(fd);
	return memory;
}
