// SPDX-License-Identifier: BSD-2-Clause
// Any packet as a request and as a reply to any request: refused with a
// sentence, or well formed in every field a handler will read.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Aborts, which is how a fuzzer learns of a broken promise. */
static void require(bool promise)
{
	if (!promise)
		abort();
}

static void check_refusal(int rc, const struct error *err)
{
	require(rc == -EBADMSG || rc == -EPROTONOSUPPORT);
	require(err->code == rc && err->text[0] && memchr(err->text, '\0', sizeof(err->text)));
}

static size_t entries_size(const uint8_t *body, size_t count_at, uint32_t entry_size)
{
	uint32_t count;

	if (entry_size == 0)
		return 0;
	memcpy(&count, body + count_at, sizeof(count));
	return (size_t)count * entry_size;
}

/* What dispatch relies on when it hands the body to a handler. */
static void check_request(const uint8_t *data, size_t size, const struct wire_message *message)
{
	const uint8_t *body = data + sizeof(struct wire_head);
	struct wire_head head;

	memcpy(&head, data, sizeof(head));
	require(message == wire_find(head.id));
	require(size <= WIRE_MAX && head.length == size && head.zero == 0 && head.status == 0);
	require(size == sizeof(head) + message->request_size +
				entries_size(body, offsetof(struct wire_batch, count),
					     message->request_entry_size));
	if (message->id == WIRE_ATTACH)
		require(memchr(body + offsetof(struct wire_attach, name), 0, WIRE_NAME) != NULL);
}

static void check_reply(const uint8_t *data, size_t size, const struct wire_message *message)
{
	const uint8_t *body = data + sizeof(struct wire_head);
	struct wire_head head;

	memcpy(&head, data, sizeof(head));
	require(size <= WIRE_MAX && head.length == size && head.id == (message->id | WIRE_REPLY));
	if (head.status) {
		require(head.status < 0 && size == sizeof(head) + sizeof(struct wire_error));
		require(memchr(body, 0, sizeof(struct wire_error)) != NULL);
		return;
	}
	require(size == sizeof(head) + message->reply_size +
				entries_size(body, offsetof(struct wire_list, count),
					     message->reply_entry_size));
	if (message->id == WIRE_DEVICE_OPEN) {
		struct wire_bars bars;

		memcpy(&bars, body, sizeof(bars));
		require(bars.count <= WIRE_FDS_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct wire_message *message;
	uint32_t cookie = 0;
	struct error err;
	unsigned fds;
	size_t i;
	int rc;

	for (fds = 0; fds <= 2; fds++) {
		message = NULL;
		rc = wire_check_request(data, size, fds, &message, &err);
		if (rc) {
			check_refusal(rc, &err);
			continue;
		}
		require(message && message->fds == fds);
		check_request(data, size, message);
	}
	if (size >= sizeof(struct wire_head))
		memcpy(&cookie, data + offsetof(struct wire_head, cookie), sizeof(cookie));
	for (i = 0; i < wire_message_count; i++) {
		rc = wire_check_reply(data, size, &wire_messages[i], cookie, &err);
		if (rc)
			check_refusal(rc, &err);
		else
			check_reply(data, size, &wire_messages[i]);
	}
	return 0;
}
