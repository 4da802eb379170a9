// SPDX-License-Identifier: BSD-2-Clause
/* The checks of wire.h: a stranger's packet against the one list of messages. */
#include "wire.h"

#include <errno.h>
#include <string.h>

#include "bits.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "the wire is little-endian; this machine would have to swap");

/* A size that moves is a new WIRE_VERSION. */
#define SIZE(type, bytes) \
	_Static_assert(sizeof(struct type) == (bytes), "struct " #type " changed its size")
SIZE(wire_head, 16);
SIZE(wire_error, 240);
SIZE(wire_none, 8);
SIZE(wire_hello, 16);
SIZE(wire_hello_reply, 128);
SIZE(wire_flags, 8);
SIZE(wire_handle, 8);
SIZE(wire_attach, 104);
SIZE(wire_attach_reply, 112);
SIZE(wire_name, 96);
SIZE(wire_bars, 104);
SIZE(wire_config, 16);
SIZE(wire_value, 8);
SIZE(wire_memory, 24);
SIZE(wire_size, 8);
SIZE(wire_region_open, 48);
SIZE(wire_region_reply, 24);
SIZE(wire_batch, 8);
SIZE(wire_map, 32);
SIZE(wire_range, 16);
SIZE(wire_fault_read, 16);
SIZE(wire_list, 24);
SIZE(wire_cursor, 8);
SIZE(wire_fault, 608);
SIZE(wire_reserved_ask, 104);
SIZE(wire_reserved, 16);
SIZE(wire_status, 416);
SIZE(wire_unit, 296);
SIZE(wire_device, 624);
SIZE(wire_client, 272);
SIZE(wire_domain, 72);
SIZE(wire_grant, 56);
SIZE(wire_explain, 112);
SIZE(wire_explain_reply, 2840);

_Static_assert(sizeof(struct wire_head) + sizeof(struct wire_batch) +
		       WIRE_BATCH_MAX * sizeof(struct wire_map) <= WIRE_MAX,
	       "a full batch fits in a message");

/* A packet that is not well formed, with the sentence. */
#define refuse(err, ...) (error_set(err, -EBADMSG, __VA_ARGS__), -EBADMSG)

/* What a field must satisfy beyond being there. */
struct field {
	enum field_kind { FIELD_END, FIELD_ZERO, FIELD_TEXT, FIELD_COUNT } kind;
	uint32_t offset, size;
	uint32_t min, max; /* FIELD_COUNT */
	const char *name;
};

#define FIELD(type, member, what, low, high) \
	{ what, offsetof(struct type, member), sizeof(((struct type *)0)->member), low, high, \
	  #member }
#define ZERO(type, member) FIELD(type, member, FIELD_ZERO, 0, 0)
#define TEXT(type, member) FIELD(type, member, FIELD_TEXT, 0, 0)
#define COUNT(type, member, low, high) FIELD(type, member, FIELD_COUNT, low, high)
#define END { FIELD_END, 0, 0, 0, 0, NULL }

/* One array a struct, named after it: the rows below find theirs by name. */
#define FIELDS(type, ...) \
	static const struct field fields_##type[] = { __VA_ARGS__ __VA_OPT__(,) END }

FIELDS(wire_error, TEXT(wire_error, text));
FIELDS(wire_none, ZERO(wire_none, zero));
FIELDS(wire_hello, ZERO(wire_hello, zero));
FIELDS(wire_hello_reply, TEXT(wire_hello_reply, program), TEXT(wire_hello_reply, rule));
FIELDS(wire_flags, ZERO(wire_flags, zero));
FIELDS(wire_handle, ZERO(wire_handle, zero));
FIELDS(wire_attach, TEXT(wire_attach, name));
FIELDS(wire_attach_reply, ZERO(wire_attach_reply, zero), TEXT(wire_attach_reply, name));
FIELDS(wire_name, TEXT(wire_name, name));
FIELDS(wire_bars, COUNT(wire_bars, count, 0, WIRE_FDS_MAX), ZERO(wire_bars, bars[0].zero),
       ZERO(wire_bars, bars[1].zero), ZERO(wire_bars, bars[2].zero),
       ZERO(wire_bars, bars[3].zero), ZERO(wire_bars, bars[4].zero),
       ZERO(wire_bars, bars[5].zero));
FIELDS(wire_config);
FIELDS(wire_value);
FIELDS(wire_memory, ZERO(wire_memory, zero));
FIELDS(wire_size);
FIELDS(wire_region_open, TEXT(wire_region_open, name));
FIELDS(wire_region_reply);
FIELDS(wire_batch, COUNT(wire_batch, count, 1, WIRE_BATCH_MAX));
FIELDS(wire_map);
FIELDS(wire_range);
FIELDS(wire_fault_read, ZERO(wire_fault_read, zero));
FIELDS(wire_list, ZERO(wire_list, zero), COUNT(wire_list, count, 0, WIRE_MAX));
FIELDS(wire_cursor);
FIELDS(wire_fault, ZERO(wire_fault, zero), TEXT(wire_fault, unit), TEXT(wire_fault, device),
       TEXT(wire_fault, owner), TEXT(wire_fault, event), TEXT(wire_fault, reason),
       TEXT(wire_fault, note));
FIELDS(wire_reserved_ask, TEXT(wire_reserved_ask, name));
FIELDS(wire_reserved);
FIELDS(wire_status, TEXT(wire_status, program), TEXT(wire_status, policy),
       TEXT(wire_status, board), ZERO(wire_status, zero));
FIELDS(wire_unit, ZERO(wire_unit, zero), TEXT(wire_unit, name), TEXT(wire_unit, module),
       TEXT(wire_unit, words));
FIELDS(wire_device, TEXT(wire_device, name), TEXT(wire_device, alias),
       TEXT(wire_device, policy), TEXT(wire_device, unit), TEXT(wire_device, owner),
       TEXT(wire_device, note), TEXT(wire_device, group), ZERO(wire_device, zero));
FIELDS(wire_client, TEXT(wire_client, rule), TEXT(wire_client, exe));
FIELDS(wire_domain, TEXT(wire_domain, owner));
FIELDS(wire_grant);
FIELDS(wire_explain, ZERO(wire_explain, zero), TEXT(wire_explain, name));
FIELDS(wire_explain_reply, ZERO(wire_explain_reply, zero),
       TEXT(wire_explain_reply, device.name), TEXT(wire_explain_reply, device.alias),
       TEXT(wire_explain_reply, device.policy), TEXT(wire_explain_reply, device.unit),
       TEXT(wire_explain_reply, device.owner), TEXT(wire_explain_reply, device.note),
       TEXT(wire_explain_reply, device.group), ZERO(wire_explain_reply, device.zero),
       ZERO(wire_explain_reply, zero2),
       TEXT(wire_explain_reply, stream_entry), TEXT(wire_explain_reply, rule),
       TEXT(wire_explain_reply, grant), TEXT(wire_explain_reply, past),
       TEXT(wire_explain_reply, verdict), TEXT(wire_explain_reply, advice),
       COUNT(wire_explain_reply, step_count, 0, WIRE_WALK_MAX),
       COUNT(wire_explain_reply, reserved_count, 0, WIRE_EXPLAIN_RESERVED_MAX));

enum row {
#define ROW(id, NAME, ...) ROW_##NAME,
	WIRE_MESSAGES(ROW)
#undef ROW
	ROW_COUNT
};

#define ENTRY_SIZE(type) \
	(__builtin_types_compatible_p(struct type, struct wire_none) ? 0 : sizeof(struct type))

const struct wire_message wire_messages[] = {
#define ROW(id, NAME, name, request, request_entry, reply, reply_entry, fds, right) \
	{ id, #name, sizeof(struct request), ENTRY_SIZE(request_entry), sizeof(struct reply), \
	  ENTRY_SIZE(reply_entry), fds, WIRE_##right },
	WIRE_MESSAGES(ROW)
#undef ROW
};

const size_t wire_message_count = ROW_COUNT;

static const struct shape {
	const struct field *request, *request_entry, *reply, *reply_entry;
} shapes[] = {
#define ROW(id, NAME, name, request, request_entry, reply, reply_entry, fds, right) \
	{ fields_##request, fields_##request_entry, fields_##reply, fields_##reply_entry },
	WIRE_MESSAGES(ROW)
#undef ROW
};

/* Row number + 1 by id; 0: nobody defined it. */
static const uint8_t row_by_id[] = {
#define ROW(id, NAME, ...) [id] = ROW_##NAME + 1,
	WIRE_MESSAGES(ROW)
#undef ROW
};

const struct wire_message *wire_find(uint16_t id)
{
	if (id >= ARRAY_COUNT(row_by_id) || row_by_id[id] == 0)
		return NULL;
	return &wire_messages[row_by_id[id] - 1];
}

/* One side of one message: what is being checked, for sizes and sentences. */
struct side {
	const char *name, *kind; /* "map", "request" */
	const struct field *body, *entry;
	size_t body_size, entry_size;
};

static int check_field(const struct side *side, const struct field *field, const uint8_t *bytes,
		       struct error *err)
{
	const uint8_t *at = bytes + field->offset;
	uint32_t i, number = 0;

	switch (field->kind) {
	case FIELD_ZERO:
		for (i = 0; i < field->size; i++)
			if (at[i])
				return refuse(err, "%s %s: the pad \"%s\" must be 0",
						 side->name, side->kind, field->name);
		return 0;
	case FIELD_TEXT:
		if (!memchr(at, 0, field->size))
			return error_set(err, -EBADMSG,
					 "%s %s: the text \"%s\" has no NUL in its %u bytes",
					 side->name, side->kind, field->name, field->size);
		return 0;
	case FIELD_COUNT:
		memcpy(&number, at, sizeof(number));
		if (number < field->min || number > field->max)
			return refuse(err, "%s %s: \"%s\" is %u, must be %u to %u",
					 side->name, side->kind, field->name, number, field->min,
					 field->max);
		return 0;
	case FIELD_END:
		break;
	}
	return 0;
}

static int check_struct(const struct side *side, const struct field *fields, const uint8_t *bytes,
			struct error *err)
{
	int rc = 0;

	for (; fields->kind != FIELD_END && !rc; fields++)
		rc = check_field(side, fields, bytes, err);
	return rc;
}

/* The count of a batch or list body; 0 for a message without entries. */
static uint32_t entry_count(const struct side *side, const uint8_t *body)
{
	const struct field *field = side->body;
	uint32_t count = 0;

	if (side->entry_size == 0)
		return 0;
	while (field->kind != FIELD_COUNT)
		field++;
	memcpy(&count, body + field->offset, sizeof(count));
	return count;
}

static int check_length(const struct side *side, size_t length, size_t want, struct error *err)
{
	if (length == want)
		return 0;
	return refuse(err, "%s %s: %zu bytes where %zu belong", side->name, side->kind,
			 length, want);
}

/* Everything behind the head. length is the packet's, at least a head. */
static int check_side(const struct side *side, const uint8_t *packet, size_t length,
		      struct error *err)
{
	const uint8_t *body = packet + sizeof(struct wire_head);
	size_t want = sizeof(struct wire_head) + side->body_size;
	uint32_t i, count;
	int rc;

	if (length < want || side->entry_size == 0) {
		rc = check_length(side, length, want, err);
		if (rc)
			return rc;
	}
	rc = check_struct(side, side->body, body, err);
	if (rc)
		return rc;
	count = entry_count(side, body);
	rc = check_length(side, length, want + count * side->entry_size, err);
	for (i = 0; i < count && !rc; i++) {
		rc = check_struct(side, side->entry, packet + want + i * side->entry_size, err);
		if (rc)
			error_prefix(err, "entry %u", i);
	}
	return rc;
}

/* Copies the head out and checks what every head must satisfy. */
static int check_head(const void *packet, size_t length, struct wire_head *ret_head,
		      struct error *err)
{
	if (length < sizeof(*ret_head))
		return refuse(err, "%zu bytes are no message: a head alone has %zu",
				 length, sizeof(*ret_head));
	memcpy(ret_head, packet, sizeof(*ret_head));
	if (length > WIRE_MAX)
		return refuse(err, "%zu bytes are more than a message may have (%u)",
				 length, WIRE_MAX);
	if (ret_head->length != length)
		return refuse(err, "the head says %u bytes, the packet has %zu",
				 ret_head->length, length);
	if (ret_head->zero != 0)
		return refuse(err, "the pad \"zero\" of the head must be 0");
	return 0;
}

int wire_check_request(const void *packet, size_t length, unsigned fd_count,
		       const struct wire_message **ret_message, struct error *err)
{
	const struct wire_message *message;
	const struct shape *shape;
	struct wire_head head;
	int rc;

	rc = check_head(packet, length, &head, err);
	if (rc)
		return rc;
	message = wire_find(head.id);
	if (!message) {
		error_set(err, -EPROTONOSUPPORT,
			  "no message has the number %u; is the client newer than the service?",
			  head.id);
		return -EPROTONOSUPPORT;
	}
	if (head.status != 0)
		return refuse(err, "%s request: the head's status must be 0",
				 message->name);
	shape = &shapes[message - wire_messages];
	rc = check_side(&(struct side){ message->name, "request", shape->request,
					shape->request_entry, message->request_size,
					message->request_entry_size }, packet, length, err);
	if (rc)
		return rc;
	if (fd_count != message->fds)
		return refuse(err, "%s request: %u descriptors came along, %u belong",
				 message->name, fd_count, message->fds);
	*ret_message = message;
	return 0;
}

int wire_check_reply(const void *packet, size_t length, const struct wire_message *message,
		     uint32_t cookie, struct error *err)
{
	const struct shape *shape = &shapes[message - wire_messages];
	struct side side = { message->name, "reply", shape->reply, shape->reply_entry,
			     message->reply_size, message->reply_entry_size };
	struct wire_head head;
	int rc;

	rc = check_head(packet, length, &head, err);
	if (rc)
		return rc;
	if (head.id != (message->id | WIRE_REPLY))
		return refuse(err, "%s: the reply has the number 0x%x, not 0x%x",
				 message->name, head.id, message->id | WIRE_REPLY);
	if (head.cookie != cookie)
		return refuse(err, "%s: the reply answers request %u, not %u",
				 message->name, head.cookie, cookie);
	if (head.status > 0 || head.status < -4095)
		return refuse(err, "%s: the reply's status %d is no error number",
				 message->name, head.status);
	if (head.status < 0)
		side = (struct side){ message->name, "error reply", fields_wire_error,
				      fields_wire_none, sizeof(struct wire_error), 0 };
	return check_side(&side, packet, length, err);
}

const char *wire_device_state_name(uint32_t state)
{
	static const char *const names[] = {
		[WIRE_DEVICE_CLOSED] = "closed",
		[WIRE_DEVICE_ATTACHED] = "attached",
		[WIRE_DEVICE_RELEASING] = "releasing",
		[WIRE_DEVICE_QUARANTINED] = "quarantined",
		[WIRE_DEVICE_HOST] = "host",
		[WIRE_DEVICE_UNUSABLE] = "unusable",
		[WIRE_DEVICE_STATIC] = "static",
	};

	return state < ARRAY_COUNT(names) ? names[state] : "unknown";
}
