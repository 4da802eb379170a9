// SPDX-License-Identifier: BSD-2-Clause
// Every message of the protocol, bent in every way: one oracle beside wire.c,
// the list of pads, counts and texts in wire_spots.h.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bits.h"
#include "wire.h"
#include "wire_spots.h"

#define COOKIE 0x1234u
#define HEAD sizeof(struct wire_head)

static uint8_t packet[2 * WIRE_MAX];

static void set_length(size_t length)
{
	uint32_t value = (uint32_t)length;

	memcpy(packet + offsetof(struct wire_head, length), &value, sizeof(value));
}

static void set_count(size_t offset, uint32_t count)
{
	memcpy(packet + HEAD + offset, &count, sizeof(count));
}

static size_t count_offset(enum side side)
{
	return side == REQUEST ? offsetof(struct wire_batch, count) :
				 offsetof(struct wire_list, count);
}

/* All zero but what must not be, with count entries if the row has any. */
static size_t make(const struct wire_message *message, enum side side, uint32_t count)
{
	bool is_reply = side == REPLY;
	uint32_t entry = is_reply ? message->reply_entry_size : message->request_entry_size;
	size_t length = HEAD + (is_reply ? message->reply_size : message->request_size);
	struct wire_head head = { .id = message->id, .cookie = COOKIE };

	memset(packet, 0, sizeof(packet));
	if (is_reply)
		head.id |= WIRE_REPLY;
	memcpy(packet, &head, sizeof(head));
	if (entry) {
		set_count(count_offset(side), count);
		length += (size_t)count * entry;
	}
	set_length(length);
	return length;
}

static int verdict(const struct wire_message *message, enum side side, size_t length,
		   struct error *err)
{
	const struct wire_message *found = NULL;
	int rc;

	*err = (struct error){ 0 };
	if (side == REPLY)
		return wire_check_reply(packet, length, message, COOKIE, err);
	rc = wire_check_request(packet, length, message->fds, &found, err);
	if (rc == 0)
		assert_ptr_equal(found, message);
	return rc;
}

static void expect(const struct wire_message *message, enum side side, size_t length, int code,
		   const char *word)
{
	struct error err;
	int rc = verdict(message, side, length, &err);

	if (rc != code || err.code != code)
		fail_msg("%s %s of %zu bytes: %d (%s), not %d", message->name,
			 side == REPLY ? "reply" : "request", length, rc, err.text, code);
	if (code && (!err.text[0] || !strstr(err.text, word)))
		fail_msg("%s: the sentence \"%s\" does not say \"%s\"", message->name, err.text,
			 word);
}

#define for_each_message(message) \
	for ((message) = wire_messages; (message) < wire_messages + wire_message_count; \
	     (message)++)
#define for_both(side) for ((side) = 0; (side) <= REPLY; (side)++)

/* --- the list itself --------------------------------------------------------------- */

static void find_every_row_by_id(void **state)
{
	const struct wire_message *message;

	(void)state;
	for_each_message(message) {
		assert_ptr_equal(wire_find(message->id), message);
		assert_true(message->name[0] && message->fds <= 1);
		assert_true(HEAD + message->request_size + message->reply_size <= WIRE_MAX);
	}
}

static void find_unknown_ids_nothing(void **state)
{
	unsigned id, known = 0;

	(void)state;
	for (id = 0; id <= UINT16_MAX; id++)
		known += wire_find((uint16_t)id) != NULL;
	assert_int_equal(known, wire_message_count);
	assert_null(wire_find(0));
	assert_null(wire_find(WIRE_HELLO | WIRE_REPLY));
}

static void state_name_every_state_and_beyond(void **state)
{
	(void)state;
	assert_string_equal(wire_device_state_name(WIRE_DEVICE_CLOSED), "closed");
	assert_string_equal(wire_device_state_name(WIRE_DEVICE_STATIC), "static");
	assert_string_equal(wire_device_state_name(WIRE_DEVICE_STATIC + 1), "unknown");
	assert_string_equal(wire_device_state_name(UINT32_MAX), "unknown");
}

/* --- well formed ---------------------------------------------------------------------- */

static void message_all_zero_accepted(void **state)
{
	const struct wire_message *message;
	enum side side;

	(void)state;
	for_each_message(message)
		for_both(side)
			expect(message, side, make(message, side, 1), 0, "");
}

static void message_misaligned_in_memory_accepted(void **state)
{
	const struct wire_message *message, *found;
	static uint8_t shifted[WIRE_MAX + 1];

	(void)state;
	for_each_message(message) {
		size_t length = make(message, REQUEST, 1);

		memcpy(shifted + 1, packet, length);
		assert_int_equal(wire_check_request(shifted + 1, length, message->fds, &found,
						    NULL), 0);
	}
}

static void list_without_entries_accepted(void **state)
{
	const struct wire_message *message;

	(void)state;
	for_each_message(message)
		if (message->reply_entry_size)
			expect(message, REPLY, make(message, REPLY, 0), 0, "");
}

static void batch_at_its_bounds_accepted_and_beyond_refused(void **state)
{
	const struct wire_message *message;

	(void)state;
	for_each_message(message) {
		if (!message->request_entry_size)
			continue;
		expect(message, REQUEST, make(message, REQUEST, WIRE_BATCH_MAX), 0, "");
		expect(message, REQUEST, make(message, REQUEST, 0), -EBADMSG, "count");
		expect(message, REQUEST, make(message, REQUEST, WIRE_BATCH_MAX + 1), -EBADMSG,
		       "count");
	}
}

/* The product of count and entry size must not wrap into a good length. */
static void count_that_would_wrap_refused(void **state)
{
	static const uint32_t counts[] = { 0x08000001, 0x10000001, 0x80000001, UINT32_MAX };
	const struct wire_message *message;
	enum side side;
	size_t i, length;

	(void)state;
	for_each_message(message) {
		for_both(side) {
			if (!(side == REPLY ? message->reply_entry_size :
					      message->request_entry_size))
				continue;
			for (i = 0; i < ARRAY_COUNT(counts); i++) {
				length = make(message, side, 1);
				set_count(count_offset(side), counts[i]);
				expect(message, side, length, -EBADMSG, "count");
			}
		}
	}
}

/* --- lengths ---------------------------------------------------------------------------- */

static void message_of_every_shorter_length_refused(void **state)
{
	const struct wire_message *message;
	enum side side;
	size_t length, cut;

	(void)state;
	for_each_message(message) {
		for_both(side) {
			length = make(message, side, 1);
			for (cut = 0; cut < length; cut++) {
				set_length(cut);
				expect(message, side, cut, -EBADMSG, "bytes");
			}
		}
	}
}

static void message_with_trailing_bytes_refused(void **state)
{
	static const size_t extras[] = { 1, 7, 8, 16, 4096 };
	const struct wire_message *message;
	enum side side;
	size_t i, length;

	(void)state;
	for_each_message(message) {
		for_both(side) {
			for (i = 0; i < ARRAY_COUNT(extras); i++) {
				length = make(message, side, 1) + extras[i];
				set_length(length);
				expect(message, side, length, -EBADMSG, "bytes");
			}
		}
	}
}

static void head_with_another_length_than_the_packet_refused(void **state)
{
	const struct wire_message *message;
	enum side side;
	size_t length;

	(void)state;
	for_each_message(message) {
		for_both(side) {
			length = make(message, side, 1);
			set_length(length + 8);
			expect(message, side, length, -EBADMSG, "head says");
			set_length(0);
			expect(message, side, length, -EBADMSG, "head says");
		}
	}
}

static void message_longer_than_any_may_be_refused(void **state)
{
	size_t length = make(&wire_messages[0], REQUEST, 1);

	(void)state;
	(void)length;
	set_length(WIRE_MAX + 1);
	expect(&wire_messages[0], REQUEST, WIRE_MAX + 1, -EBADMSG, "more than a message");
}

/* --- single bytes ------------------------------------------------------------------------- */

static const struct spot *find_spot(uint16_t id, enum side side, size_t offset)
{
	const struct spot *spot;

	for (spot = spots; spot < spots + ARRAY_COUNT(spots); spot++)
		if (spot->id == id && spot->side == side && offset >= spot->offset &&
		    offset < spot->offset + spot->size)
			return spot;
	return NULL;
}

/* Each byte behind the head set alone: pads and counts are refused, all else goes. */
static void message_with_one_byte_set_refused_only_in_pads_and_counts(void **state)
{
	const struct wire_message *message;
	const struct spot *spot;
	enum side side;
	size_t at, length;

	(void)state;
	for_each_message(message) {
		for_both(side) {
			length = make(message, side, 1);
			for (at = 0; at < length - HEAD; at++) {
				uint8_t old = packet[HEAD + at];

				packet[HEAD + at] = 0xff;
				spot = find_spot(message->id, side, at);
				if (spot && spot->kind != TEXT)
					expect(message, side, length, -EBADMSG,
					       spot->kind == PAD ? spot->name : "");
				else
					expect(message, side, length, 0, "");
				packet[HEAD + at] = old;
			}
		}
	}
}

static void text_without_nul_refused_and_full_one_accepted(void **state)
{
	const struct wire_message *message;
	const struct spot *spot;
	size_t length;

	(void)state;
	for (spot = spots; spot < spots + ARRAY_COUNT(spots); spot++) {
		if (spot->kind != TEXT)
			continue;
		message = wire_find(spot->id);
		length = make(message, spot->side, 1);
		memset(packet + HEAD + spot->offset, 'x', spot->size);
		expect(message, spot->side, length, -EBADMSG, spot->name);
		packet[HEAD + spot->offset + spot->size - 1] = 0;
		expect(message, spot->side, length, 0, "");
	}
}

/* The checks of an entry hold for the last of many as for the first. */
static void entry_with_a_pad_set_refused_by_number(void **state)
{
	const struct wire_message *message = wire_find(WIRE_FAULT_READ);
	size_t length = make(message, REPLY, 5);

	(void)state;
	packet[HEAD + sizeof(struct wire_list) + 4 * sizeof(struct wire_fault) +
	       offsetof(struct wire_fault, zero)] = 1;
	expect(message, REPLY, length, -EBADMSG, "entry 4");
}

/* --- the head ---------------------------------------------------------------------------- */

static void request_with_unknown_id_not_supported(void **state)
{
	static const uint16_t ids[] = { 0, 18, 31, 41, WIRE_REPLY, WIRE_HELLO | WIRE_REPLY, 0xffff };
	const struct wire_message *found;
	struct error err;
	size_t i, length = make(&wire_messages[0], REQUEST, 1);

	(void)state;
	for (i = 0; i < ARRAY_COUNT(ids); i++) {
		memcpy(packet, &ids[i], sizeof(ids[i]));
		assert_int_equal(wire_check_request(packet, length, 0, &found, &err),
				 -EPROTONOSUPPORT);
		assert_non_null(strstr(err.text, "number"));
	}
}

static void head_with_pad_set_refused(void **state)
{
	const struct wire_message *message;
	enum side side;
	size_t length;

	(void)state;
	for_each_message(message) {
		for_both(side) {
			length = make(message, side, 1);
			packet[offsetof(struct wire_head, zero) + 1] = 1;
			expect(message, side, length, -EBADMSG, "pad");
		}
	}
}

static void request_with_status_refused(void **state)
{
	const struct wire_message *message;
	size_t length;

	(void)state;
	for_each_message(message) {
		length = make(message, REQUEST, 1);
		packet[offsetof(struct wire_head, status)] = 1;
		expect(message, REQUEST, length, -EBADMSG, "status");
	}
}

static void request_with_wrong_fd_count_refused(void **state)
{
	const struct wire_message *message, *found;
	struct error err;
	unsigned fds;
	size_t length;

	(void)state;
	for_each_message(message) {
		length = make(message, REQUEST, 1);
		for (fds = 0; fds < 254; fds++) {
			if (fds == message->fds)
				continue;
			assert_int_equal(wire_check_request(packet, length, fds, &found, &err),
					 -EBADMSG);
			assert_non_null(strstr(err.text, "descriptors"));
		}
	}
}

static void reply_to_another_message_refused(void **state)
{
	size_t length = make(wire_find(WIRE_MAP), REPLY, 1);

	(void)state;
	expect(wire_find(WIRE_UNMAP), REPLY, length, -EBADMSG, "number");
}

static void reply_without_reply_bit_refused(void **state)
{
	size_t length = make(wire_find(WIRE_MAP), REPLY, 1);
	uint16_t id = WIRE_MAP;

	(void)state;
	memcpy(packet, &id, sizeof(id));
	expect(wire_find(WIRE_MAP), REPLY, length, -EBADMSG, "number");
}

static void reply_with_another_cookie_refused(void **state)
{
	const struct wire_message *message;
	size_t length;

	(void)state;
	for_each_message(message) {
		length = make(message, REPLY, 1);
		packet[offsetof(struct wire_head, cookie)] ^= 1;
		expect(message, REPLY, length, -EBADMSG, "answers request");
	}
}

/* --- error replies ------------------------------------------------------------------------- */

static size_t make_error(const struct wire_message *message, int32_t status)
{
	size_t length = HEAD + sizeof(struct wire_error);

	make(message, REPLY, 0);
	memset(packet + HEAD, 0, sizeof(struct wire_error));
	memcpy(packet + offsetof(struct wire_head, status), &status, sizeof(status));
	set_length(length);
	return length;
}

static void reply_with_error_and_sentence_accepted(void **state)
{
	const struct wire_message *message;

	(void)state;
	for_each_message(message) {
		expect(message, REPLY, make_error(message, -EPERM), 0, "");
		expect(message, REPLY, make_error(message, -4095), 0, "");
	}
}

static void reply_with_status_that_is_no_errno_refused(void **state)
{
	static const int32_t statuses[] = { 1, INT32_MAX, -4096, INT32_MIN };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(statuses); i++)
		expect(wire_find(WIRE_MAP), REPLY, make_error(wire_find(WIRE_MAP), statuses[i]),
		       -EBADMSG, "status");
}

static void reply_with_error_and_a_good_body_refused(void **state)
{
	const struct wire_message *message;
	int32_t status = -EPERM;
	size_t length;

	(void)state;
	for_each_message(message) {
		length = make(message, REPLY, 1);
		memcpy(packet + offsetof(struct wire_head, status), &status, sizeof(status));
		expect(message, REPLY, length, -EBADMSG, "bytes");
	}
}

static void reply_with_endless_sentence_refused(void **state)
{
	size_t length = make_error(wire_find(WIRE_MAP), -EPERM);

	(void)state;
	memset(packet + HEAD, 'x', sizeof(struct wire_error));
	expect(wire_find(WIRE_MAP), REPLY, length, -EBADMSG, "text");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(find_every_row_by_id),
		cmocka_unit_test(find_unknown_ids_nothing),
		cmocka_unit_test(state_name_every_state_and_beyond),
		cmocka_unit_test(message_all_zero_accepted),
		cmocka_unit_test(message_misaligned_in_memory_accepted),
		cmocka_unit_test(list_without_entries_accepted),
		cmocka_unit_test(batch_at_its_bounds_accepted_and_beyond_refused),
		cmocka_unit_test(count_that_would_wrap_refused),
		cmocka_unit_test(message_of_every_shorter_length_refused),
		cmocka_unit_test(message_with_trailing_bytes_refused),
		cmocka_unit_test(head_with_another_length_than_the_packet_refused),
		cmocka_unit_test(message_longer_than_any_may_be_refused),
		cmocka_unit_test(message_with_one_byte_set_refused_only_in_pads_and_counts),
		cmocka_unit_test(text_without_nul_refused_and_full_one_accepted),
		cmocka_unit_test(entry_with_a_pad_set_refused_by_number),
		cmocka_unit_test(request_with_unknown_id_not_supported),
		cmocka_unit_test(head_with_pad_set_refused),
		cmocka_unit_test(request_with_status_refused),
		cmocka_unit_test(request_with_wrong_fd_count_refused),
		cmocka_unit_test(reply_to_another_message_refused),
		cmocka_unit_test(reply_without_reply_bit_refused),
		cmocka_unit_test(reply_with_another_cookie_refused),
		cmocka_unit_test(reply_with_error_and_sentence_accepted),
		cmocka_unit_test(reply_with_status_that_is_no_errno_refused),
		cmocka_unit_test(reply_with_error_and_a_good_body_refused),
		cmocka_unit_test(reply_with_endless_sentence_refused),
	};

	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
