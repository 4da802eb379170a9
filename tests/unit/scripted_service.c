// SPDX-License-Identifier: BSD-2-Clause
#include "scripted_service.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct wire_hello_reply hello = {
	.version = WIRE_VERSION, .client = 1, .batch_max = WIRE_BATCH_MAX, .page_bytes = 4096,
	.rights = 2, .program = "smmuman test", .rule = "operator",
};

static const struct script_line hello_line = {
	.id = WIRE_HELLO, .body = &hello, .body_size = sizeof(hello),
};

/* The next unused line of the id; the last one is used again. */
static const struct script_line *pick(const struct script_line *lines, size_t count, uint16_t id,
				      uint8_t used[SCRIPT_LINES_MAX])
{
	const struct script_line *last = id == WIRE_HELLO ? &hello_line : NULL;
	size_t i;

	for (i = 0; i < count; i++) {
		if (lines[i].id != id)
			continue;
		last = &lines[i];
		if (!used[i]) {
			used[i] = 1;
			break;
		}
	}
	return last;
}

static size_t append(uint8_t *packet, size_t at, const void *bytes, size_t size)
{
	if (bytes)
		memcpy(packet + at, bytes, size);
	else
		memset(packet + at, 0, size);
	return at + size;
}

static int answer(int fd, const struct wire_head *asked, const struct script_line *line)
{
	static uint8_t packet[WIRE_MAX];
	struct wire_head head = *asked;
	struct wire_error refusal = { 0 };
	size_t length = sizeof(head);

	if (!line || line->manner == SCRIPT_HANGS_UP)
		return -1;
	if (line->status < 0) {
		snprintf(refusal.text, sizeof(refusal.text), "%s", (const char *)line->body);
		length = append(packet, length, &refusal, sizeof(refusal));
	} else {
		length = append(packet, length, line->body, line->body_size);
		length = append(packet, length, line->entries, line->entries_size);
	}
	head.id |= WIRE_REPLY;
	head.status = line->status;
	head.length = (uint32_t)length;
	memcpy(packet, &head, sizeof(head));
	if (line->manner == SCRIPT_RAVES)
		memset(packet, 0xee, length);
	return send(fd, packet, length, MSG_NOSIGNAL) == (ssize_t)length ? 0 : -1;
}

static void remember(struct script_asked *asked, const uint8_t *packet, size_t length)
{
	struct script_request *request = &asked->requests[asked->count % SCRIPT_ASKED_MAX];
	const struct wire_head *head = (const void *)packet;
	size_t body = length - sizeof(*head);

	request->id = head->id;
	memcpy(request->body, packet + sizeof(*head),
	       body < sizeof(request->body) ? body : sizeof(request->body));
	asked->count++;
}

_Noreturn static void serve(const struct scripted_service *service, int listener,
			    const struct script_line *lines, size_t count)
{
	static _Alignas(8) uint8_t packet[WIRE_MAX];
	uint8_t used[SCRIPT_LINES_MAX] = { 0 };
	ssize_t length;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		while ((length = recv(fd, packet, sizeof(packet), 0)) >=
		       (ssize_t)sizeof(struct wire_head)) {
			const struct wire_head *head = (const void *)packet;

			remember(service->asked, packet, (size_t)length);
			if (answer(fd, head, pick(lines, count, head->id, used)))
				break;
		}
		close(fd);
	}
	_exit(0);
}

void script_start(struct scripted_service *service, const struct script_line *lines, size_t count)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	assert_true(listener >= 0 && count <= SCRIPT_LINES_MAX);
	strcpy(service->folder, "/tmp/smmu-script-XXXXXX");
	assert_non_null(mkdtemp(service->folder));
	snprintf(service->path, sizeof(service->path), "%s/socket", service->folder);
	strcpy(address.sun_path, service->path);
	assert_return_code(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_return_code(listen(listener, 8), 0);
	service->asked = mmap(NULL, sizeof(*service->asked), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(service->asked, MAP_FAILED);
	service->pid = fork();
	assert_true(service->pid >= 0);
	if (service->pid == 0)
		serve(service, listener, lines, count);
	close(listener);
}

void script_stop(struct scripted_service *service)
{
	kill(service->pid, SIGKILL);
	waitpid(service->pid, NULL, 0);
	munmap(service->asked, sizeof(*service->asked));
	unlink(service->path);
	rmdir(service->folder);
}

const void *script_last(const struct scripted_service *service, uint16_t id)
{
	uint32_t i = service->asked->count;

	while (i-- > 0)
		if (service->asked->requests[i % SCRIPT_ASKED_MAX].id == id)
			return service->asked->requests[i % SCRIPT_ASKED_MAX].body;
	return NULL;
}
