// SPDX-License-Identifier: BSD-2-Clause
/* From a packet to its handler and back: shape, greeting, right, then the call. */
#include "dispatch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bits.h"
#include "handlers.h"
#include "log.h"

#define MALFORMED_MAX 3u /* within a second: then the connection ends */
#define SECOND_NS UINT64_C(1000000000)

static int (*const handlers[])(struct call *call) = {
#define HANDLER_ROW(id, NAME, name, ...) [WIRE_##NAME] = handle_##name,
	WIRE_MESSAGES(HANDLER_ROW)
#undef HANDLER_ROW
};

static void make_head(struct answer *answer, uint16_t id, uint32_t cookie, int status,
		      uint32_t body)
{
	struct wire_head head = {
		.id = (uint16_t)(id | WIRE_REPLY),
		.length = (uint32_t)sizeof(head) + body,
		.cookie = cookie,
		.status = status,
	};

	memcpy(answer->bytes, &head, sizeof(head));
	answer->length = head.length;
}

static void make_error(struct answer *answer, uint16_t id, uint32_t cookie,
		       const struct error *err)
{
	struct wire_error body = { { 0 } };

	snprintf(body.text, sizeof(body.text), "%s", err->text);
	make_head(answer, id, cookie, err->code, sizeof(body));
	memcpy(wire_body(answer->bytes), &body, sizeof(body));
	answer->fd_count = 0;
}

static bool has_right(const struct conn *conn, enum wire_right right)
{
	switch (right) {
	case WIRE_ANYBODY:
		return true;
	case WIRE_CLIENT:
		return conn->rule->rights & POLICY_RIGHT_ATTACH;
	case WIRE_OBSERVER:
		return conn->rule->rights & (POLICY_RIGHT_OBSERVE | POLICY_RIGHT_ADMIN);
	case WIRE_ADMIN:
		return conn->rule->rights & POLICY_RIGHT_ADMIN;
	}
	return false;
}

static const char *right_word(enum wire_right right)
{
	return right == WIRE_ADMIN ? "admin" : right == WIRE_OBSERVER ? "observe" : "attach";
}

static int may_call(struct conn *conn, const struct wire_message *message, struct answer *answer,
		    struct error *err)
{
	if (!conn->rule) {
		*err = conn->refusal;
		answer->must_drop = true;
		return err->code;
	}
	if (!conn->said_hello && message->id != WIRE_HELLO)
		return error_set(err, -EPROTO, "the first message of a connection is hello");
	if (!has_right(conn, message->right))
		return error_set(err, -EACCES, "%s needs the right '%s', which '%s' (line %" PRIu32
				 " of the policy) does not have", message->name,
				 right_word(message->right), conn->rule->name, conn->rule->line);
	return 0;
}

static void count_malformed(struct conn *conn, struct answer *answer)
{
	uint64_t now = hw_now_ns(&conn->d->machine->hw);

	conn->d->counters.malformed++;
	if (conn->malformed == 0 || now - conn->malformed_since_ns >= SECOND_NS) {
		conn->malformed_since_ns = now;
		conn->malformed = 0;
	}
	if (++conn->malformed < MALFORMED_MAX)
		return;
	log_warn("client %" PRIu32 " (uid %" PRIu32 ", pid %" PRId32 ") sent %u malformed messages within "
		 "a second; its connection ends", conn->self.client, conn->uid, conn->pid, MALFORMED_MAX);
	answer->must_drop = true;
}

static int run(struct conn *conn, const struct wire_message *message, void *packet, int fd,
	       struct answer *answer, struct error *err)
{
	struct call call = { .d = conn->d,
			     .conn = conn,
			     .body = wire_body(packet),
			     .reply = wire_body(answer->bytes),
			     .fd = fd,
			     .answer = answer,
			     .err = err };
	size_t room = WIRE_MAX - sizeof(struct wire_head) - message->reply_size;
	int ret;

	if (message->reply_entry_size)
		call.entry_room = (uint32_t)(room / message->reply_entry_size);
	memset(call.reply, 0, message->reply_size);
	ret = handlers[message->id](&call);
	if (ret == 0)
		make_head(answer, message->id, conn->parked.cookie, 0,
			  message->reply_size + call.reply_entries * message->reply_entry_size);
	return ret;
}

static void begin(struct conn *conn, const void *packet, size_t length, struct answer *answer)
{
	answer->length = answer->fd_count = 0;
	answer->is_parked = answer->must_drop = false;
	memset(&conn->parked, 0, sizeof(conn->parked));
	memcpy(&conn->parked, packet, length < sizeof(conn->parked) ? length : sizeof(conn->parked));
	conn->d->counters.requests++;
	conn->requests++;
}

void dispatch_cut(struct conn *conn, const void *packet, size_t length, struct answer *answer)
{
	struct error err;

	begin(conn, packet, length, answer);
	conn->d->counters.refusals++;
	error_set(&err, -EMFILE, "the daemon has no descriptor left to take the one that came along; "
		  "try again when another client has ended");
	make_error(answer, conn->parked.id, conn->parked.cookie, &err);
}

void dispatch(struct daemon *d, struct conn *conn, void *packet, size_t length, int *fds,
	      unsigned fd_count, struct answer *answer)
{
	const struct wire_message *message;
	struct error err = { 0 };
	unsigned i;
	int ret;

	begin(conn, packet, length, answer);
	ret = wire_check_request(packet, length, fd_count, &message, &err);
	if (ret < 0)
		count_malformed(conn, answer);
	else
		ret = may_call(conn, message, answer, &err);
	if (ret == 0)
		ret = run(conn, message, packet, fd_count ? fds[0] : -1, answer, &err);
	for (i = 0; i < fd_count; i++)
		close(fds[i]);
	if (ret == -EINPROGRESS) {
		answer->is_parked = true;
	} else if (ret < 0) {
		d->counters.refusals++;
		make_error(answer, conn->parked.id, conn->parked.cookie, &err);
	}
}

void dispatch_parked(struct conn *conn, int status, struct answer *answer)
{
	const struct wire_message *message = wire_find(conn->parked.id);

	answer->fd_count = 0;
	answer->is_parked = answer->must_drop = false;
	if (status < 0) {
		conn->d->counters.refusals++;
		make_error(answer, conn->parked.id, conn->parked.cookie, &conn->outcome);
		return;
	}
	memset(wire_body(answer->bytes), 0, message->reply_size);
	memcpy(wire_body(answer->bytes), conn->parked_reply, conn->parked_reply_size);
	make_head(answer, conn->parked.id, conn->parked.cookie, 0, message->reply_size);
}
