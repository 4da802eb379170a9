// SPDX-License-Identifier: BSD-2-Clause
/* Every message of the protocol, well formed and not, against the real server. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "raw.h"

static void set_length(uint8_t *packet, size_t length)
{
	uint32_t value = (uint32_t)length;

	memcpy(packet + offsetof(struct wire_head, length), &value, sizeof(value));
}

/* Sends it on a fresh connection and gives the status; checks that it is well formed. */
static int status_of(struct service *service, const uint8_t *packet, size_t length, int *fds,
		     unsigned fd_count, const struct wire_message *message)
{
	struct wire_head head;
	struct error err = { 0 };
	struct raw raw;

	raw_open(&raw, service);
	assert_int_equal(raw_send(&raw, packet, length, fds, fd_count), 0);
	assert_int_equal(raw_receive(&raw), 1);
	memcpy(&head, raw.bytes, sizeof(head));
	if (message && wire_check_reply(raw.bytes, raw.length, message, RAW_COOKIE, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(head.status < 0 ? raw.bytes[sizeof(head)] != 0 : true);
	raw_end(&raw, service);
	return head.status;
}

static unsigned malformed(struct service *service)
{
	struct wire_status status;
	struct raw raw;

	raw_open(&raw, service);
	status = raw_status(&raw);
	raw_end(&raw, service);
	return (unsigned)status.malformed;
}

static void message_in_good_form_is_not_malformed(void **state)
{
	struct service *service = *state;
	const struct wire_message *message;
	uint8_t packet[WIRE_MAX];
	int fd = raw_memfd(1, F_SEAL_SHRINK);
	unsigned before = malformed(service);
	size_t length;

	for (EACH_MESSAGE(message)) {
		length = raw_make(message, packet);
		status_of(service, packet, length, &fd, message->fds, message);
	}
	assert_int_equal(malformed(service), before);
	close(fd);
}

static void f12_message_of_a_wrong_length_refused(void **state)
{
	static const int changes[] = { -1, 1, 8, -8, -16 };
	struct service *service = *state;
	const struct wire_message *message;
	uint8_t packet[WIRE_MAX] = { 0 };
	size_t length, wrong, i;
	int fd = raw_memfd(1, F_SEAL_SHRINK);

	for (EACH_MESSAGE(message))
		for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
			length = raw_make(message, packet);
			wrong = length + (size_t)changes[i];
			if (wrong < sizeof(struct wire_head))
				continue;
			/* The head lies, then it tells the truth. */
			assert_int_equal(status_of(service, packet, wrong, &fd, message->fds, message),
					 -EBADMSG);
			set_length(packet, wrong);
			assert_int_equal(status_of(service, packet, wrong, &fd, message->fds, message),
					 -EBADMSG);
		}
	close(fd);
}

static void f12_packet_shorter_than_a_head_refused(void **state)
{
	uint8_t packet[16] = { WIRE_STATUS };
	size_t length;

	for (length = 1; length < sizeof(packet); length++)
		assert_int_equal(status_of(*state, packet, length, NULL, 0, NULL), -EBADMSG);
}

static void f12_empty_packet_ends_the_connection(void **state)
{
	struct service *service = *state;
	int fd = raw_memfd(1, 0);
	unsigned before;
	struct raw raw;

	before = service_descriptors(service);
	raw_open(&raw, service);
	assert_int_equal(raw_send(&raw, "", 0, &fd, 1), 0);
	assert_true(raw_is_cut(&raw));
	service_wait_clients(service, 0);
	raw_close(&raw);
	service_turn(service);
	assert_int_equal(service_descriptors(service), before);
	close(fd);
}

static void f12_packet_longer_than_any_message_refused(void **state)
{
	uint8_t *packet = calloc(1, WIRE_MAX + 1);

	raw_make(wire_find(WIRE_STATUS), packet);
	set_length(packet, WIRE_MAX + 1);
	assert_int_equal(status_of(*state, packet, WIRE_MAX + 1, NULL, 0, NULL), -EBADMSG);
	free(packet);
}

static void f12_unknown_message_refused(void **state)
{
	static const uint16_t ids[] = { 0, 18, 31, 41, 255, WIRE_REPLY | WIRE_STATUS, UINT16_MAX };
	uint8_t packet[64] = { 0 };
	size_t i;

	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		size_t length = raw_make(wire_find(WIRE_STATUS), packet);

		memcpy(packet, &ids[i], sizeof(ids[i]));
		assert_int_equal(status_of(*state, packet, length, NULL, 0, NULL),
				 -EPROTONOSUPPORT);
	}
}

static void f12_nonzero_pad_of_the_head_refused(void **state)
{
	const struct wire_message *message;
	uint8_t packet[WIRE_MAX];
	int fd = raw_memfd(1, F_SEAL_SHRINK);
	size_t length;

	for (EACH_MESSAGE(message)) {
		length = raw_make(message, packet);
		packet[offsetof(struct wire_head, zero)] = 1;
		assert_int_equal(status_of(*state, packet, length, &fd, message->fds, message),
				 -EBADMSG);
		length = raw_make(message, packet);
		packet[offsetof(struct wire_head, status)] = 1;
		assert_int_equal(status_of(*state, packet, length, &fd, message->fds, message),
				 -EBADMSG);
	}
	close(fd);
}

#define PAD(NAME, type, member) { WIRE_##NAME, offsetof(struct type, member) }

static void f12_nonzero_pad_of_a_body_refused(void **state)
{
	static const struct { uint16_t id; size_t offset; } pads[] = {
		PAD(HELLO, wire_hello, zero), PAD(DOMAIN_CREATE, wire_flags, zero),
		PAD(DOMAIN_DESTROY, wire_handle, zero), PAD(DETACH, wire_handle, zero),
		PAD(DEVICE_OPEN, wire_handle, zero), PAD(MEMORY_ADD, wire_memory, zero),
		PAD(MEMORY_REMOVE, wire_handle, zero), PAD(FAULT_SUBSCRIBE, wire_none, zero),
		PAD(FAULT_READ, wire_fault_read, zero), PAD(STATUS, wire_none, zero),
		PAD(LIST_FAULTS, wire_fault_read, zero), PAD(EXPLAIN, wire_explain, zero),
	};
	uint8_t packet[WIRE_MAX];
	int fd = raw_memfd(1, F_SEAL_SHRINK);
	size_t i, length;

	for (i = 0; i < sizeof(pads) / sizeof(pads[0]); i++) {
		const struct wire_message *message = wire_find(pads[i].id);

		length = raw_make(message, packet);
		packet[sizeof(struct wire_head) + pads[i].offset] = 0x80;
		assert_int_equal(status_of(*state, packet, length, &fd, message->fds, message),
				 -EBADMSG);
	}
	close(fd);
}

static void f12_text_without_an_end_refused(void **state)
{
	static const struct { uint16_t id; size_t offset, size; } texts[] = {
		{ WIRE_ATTACH, offsetof(struct wire_attach, name), WIRE_NAME },
		{ WIRE_REGION_OPEN, offsetof(struct wire_region_open, name), WIRE_WORD },
		{ WIRE_RESERVED, offsetof(struct wire_reserved_ask, name), WIRE_NAME },
		{ WIRE_EXPLAIN, offsetof(struct wire_explain, name), WIRE_NAME },
		{ WIRE_RELEASE, offsetof(struct wire_name, name), WIRE_NAME },
	};
	uint8_t packet[WIRE_MAX];
	size_t i, length;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const struct wire_message *message = wire_find(texts[i].id);

		length = raw_make(message, packet);
		memset(packet + sizeof(struct wire_head) + texts[i].offset, 'a', texts[i].size);
		assert_int_equal(status_of(*state, packet, length, NULL, 0, message), -EBADMSG);
	}
}

/* 0, one too many, and counts whose bytes would wrap. */
static void f13_batch_with_a_wrong_count_refused(void **state)
{
	static const uint32_t counts[] = { 0, 2, WIRE_BATCH_MAX, WIRE_BATCH_MAX + 1, 0x08000001,
					   0x10000001, UINT32_MAX };
	static const uint16_t ids[] = { WIRE_MAP, WIRE_UNMAP };
	uint8_t packet[WIRE_MAX];
	size_t i, k, length;

	for (k = 0; k < 2; k++)
		for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
			length = raw_make(wire_find(ids[k]), packet);
			memcpy((uint8_t *)wire_body(packet) + offsetof(struct wire_batch, count),
			       &counts[i], sizeof(counts[i]));
			assert_int_equal(status_of(*state, packet, length, NULL, 0,
						   wire_find(ids[k])), -EBADMSG);
		}
}

static void f14_wrong_number_of_descriptors_refused_and_none_kept(void **state)
{
	struct service *service = *state;
	const struct wire_message *message;
	uint8_t packet[WIRE_MAX];
	unsigned before, count, i;
	int fds[253];
	size_t length;

	for (i = 0; i < 253; i++)
		fds[i] = STDIN_FILENO;
	before = service_descriptors(service);
	for (EACH_MESSAGE(message))
		for (count = 0; count <= 2; count++) {
			if (count == message->fds)
				continue;
			length = raw_make(message, packet);
			assert_int_equal(status_of(service, packet, length, fds, count, message),
					 -EBADMSG);
		}
	/* As many as the kernel carries. */
	for (EACH_MESSAGE(message)) {
		length = raw_make(message, packet);
		assert_int_equal(status_of(service, packet, length, fds, 253, message), -EBADMSG);
	}
	service_turn(service);
	assert_int_equal(service_descriptors(service), before);
}

static void f14_descriptors_of_a_good_request_not_kept(void **state)
{
	struct service *service = *state;
	unsigned before;
	struct raw raw;
	int i;

	raw_open(&raw, service);
	before = service_descriptors(service);
	for (i = 0; i < 20; i++)
		assert_int_equal(raw_memory_remove(&raw, raw_memory(&raw, 1)), 0);
	assert_int_equal(service_descriptors(service), before);
	raw_end(&raw, service);
}

#define SERVED(name) cmocka_unit_test_setup_teardown(name, service_setup, service_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(message_in_good_form_is_not_malformed),
		SERVED(f12_message_of_a_wrong_length_refused),
		SERVED(f12_packet_shorter_than_a_head_refused),
		SERVED(f12_empty_packet_ends_the_connection),
		SERVED(f12_packet_longer_than_any_message_refused),
		SERVED(f12_unknown_message_refused),
		SERVED(f12_nonzero_pad_of_the_head_refused),
		SERVED(f12_nonzero_pad_of_a_body_refused),
		SERVED(f12_text_without_an_end_refused),
		SERVED(f13_batch_with_a_wrong_count_refused),
		SERVED(f14_wrong_number_of_descriptors_refused_and_none_kept),
		SERVED(f14_descriptors_of_a_good_request_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
