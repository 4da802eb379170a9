// SPDX-License-Identifier: BSD-2-Clause
/* Who may say what, and when: greetings, rights, and how much nonsense is heard. */
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

static void f12_three_malformed_within_a_second_end_the_connection(void **state)
{
	struct service *service = *state;
	struct raw bad, good;
	int i;

	raw_open(&bad, service);
	raw_open(&good, service);
	for (i = 0; i < 3; i++) {
		assert_int_equal(raw_send(&bad, "xxx", 3, NULL, 0), 0);
		assert_int_equal(raw_receive(&bad), 1); /* told what was wrong each time */
	}
	assert_true(raw_is_cut(&bad));
	raw_close(&bad);
	service_wait_clients(service, 1);
	assert_true(service_said(service, "3 malformed messages"));
	raw_domain(&good);
	raw_end(&good, service);
}

static void f12_malformed_far_apart_keep_the_connection(void **state)
{
	struct service *service = *state;
	struct raw raw;
	int i;

	raw_open(&raw, service);
	for (i = 0; i < 9; i++) {
		assert_int_equal(raw_send(&raw, "xxx", 3, NULL, 0), 0);
		assert_int_equal(raw_receive(&raw), 1);
		service_clock(service, i % 2 ? SECOND : 0);
	}
	raw_domain(&raw);
	raw_end(&raw, service);
}

static void f12_anything_before_hello_refused(void **state)
{
	struct service *service = *state;
	const struct wire_message *message;
	uint8_t packet[WIRE_MAX];
	int fd = raw_memfd(1, F_SEAL_SHRINK);
	struct wire_head head;
	struct raw raw;
	size_t length;

	for (EACH_MESSAGE(message)) {
		if (message->id == WIRE_HELLO)
			continue;
		raw_connect(&raw, service);
		length = raw_make(message, packet);
		assert_int_equal(raw_send(&raw, packet, length, &fd, message->fds), 0);
		assert_int_equal(raw_receive(&raw), 1);
		memcpy(&head, raw.bytes, sizeof(head));
		assert_int_equal(head.status, -EPROTO);
		/* And then it may still be polite. */
		assert_int_equal(raw_hello(&raw), 0);
		raw_end(&raw, service);
	}
	close(fd);
}

static void f12_hello_of_another_version_or_twice_refused(void **state)
{
	struct wire_hello ask = { .version = WIRE_VERSION + 1 };
	struct service *service = *state;
	struct raw raw;

	raw_connect(&raw, service);
	assert_int_equal(raw_call(&raw, WIRE_HELLO, &ask, sizeof(ask), NULL, 0), -EPROTONOSUPPORT);
	ask = (struct wire_hello){ .version = WIRE_VERSION, .features = UINT64_C(1) << 63 };
	assert_int_equal(raw_call(&raw, WIRE_HELLO, &ask, sizeof(ask), NULL, 0), -EPROTONOSUPPORT);
	assert_int_equal(raw_hello(&raw), 0);
	assert_int_equal(raw_hello(&raw), -EPROTO);
	raw_end(&raw, service);
}

static void check_rights(const char *rights, enum wire_right may)
{
	const struct wire_message *message;
	uint8_t packet[WIRE_MAX];
	char policy[1024];
	struct service service;
	struct raw raw;
	int fd = raw_memfd(1, F_SEAL_SHRINK);

	snprintf(policy, sizeof(policy), SERVICE_DEVICES
		 "clients:\n  - {name: tester, uid: self, rights: [%s]}\n", rights);
	service_start(&service, policy);
	for (EACH_MESSAGE(message)) {
		size_t length = raw_make(message, packet);
		struct wire_head head;

		raw_open(&raw, &service);
		assert_int_equal(raw_send(&raw, packet, length, &fd, message->fds), 0);
		assert_int_equal(raw_receive(&raw), 1);
		memcpy(&head, raw.bytes, sizeof(head));
		raw_end(&raw, &service);
		if (message->right == WIRE_ANYBODY || message->right == may)
			assert_int_not_equal(head.status, -EACCES);
		else
			assert_int_equal(head.status, -EACCES);
	}
	close(fd);
	service_stop(&service);
}

static void message_without_its_right_refused(void **state)
{
	(void)state;
	check_rights("observe", WIRE_OBSERVER);
}

static void stranger_told_why_and_cut(void **state)
{
	struct service service;
	struct raw raw;

	(void)state;
	service_start(&service, SERVICE_DEVICES "clients:\n  - {name: other, uid: 12345}\n");
	raw_connect(&raw, &service);
	assert_int_equal(raw_hello(&raw), -EACCES);
	assert_non_null(strstr(raw.why, "polic"));
	assert_true(raw_is_cut(&raw));
	raw_close(&raw);
	service_stop(&service);
}

#define SERVED(name) cmocka_unit_test_setup_teardown(name, service_setup, service_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(f12_three_malformed_within_a_second_end_the_connection),
		SERVED(f12_malformed_far_apart_keep_the_connection),
		SERVED(f12_anything_before_hello_refused),
		SERVED(f12_hello_of_another_version_or_twice_refused),
		cmocka_unit_test(message_without_its_right_refused),
		cmocka_unit_test(stranger_told_why_and_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
