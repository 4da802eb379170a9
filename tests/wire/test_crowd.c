// SPDX-License-Identifier: BSD-2-Clause
/* Too many, too slow, too fast: one client's manners are no other's problem. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "raw.h"

#define CROWD 64

static uint64_t epolls(const struct service *service)
{
	return __atomic_load_n(&service->watch->calls[WATCH_EPOLL], __ATOMIC_RELAXED);
}

/* Requests until the socket takes no more; how many went in. */
static unsigned pipeline(struct raw *raw, uint16_t id, const void *body, size_t size)
{
	struct wire_head head = { .id = id, .length = (uint32_t)(sizeof(head) + size) };
	uint8_t packet[256];
	unsigned count = 0;

	memcpy(packet, &head, sizeof(head));
	memcpy(packet + sizeof(head), body, size);
	while (send(raw->fd, packet, head.length, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		count++;
	return count;
}

static void f21_client_that_never_reads_is_cut(void **state)
{
	struct service *service = *state;
	const struct wire_cursor ask = { 0 };
	struct raw slow, other;
	uint64_t before;

	raw_open(&other, service);
	raw_status(&other);
	before = service_resident(service);
	raw_open(&slow, service);
	/* Its answers do not fit what the kernel keeps for it. */
	while (service_books(service)->client_count == 2) {
		pipeline(&slow, WIRE_LIST_DEVICES, &ask, sizeof(ask));
		raw_status(&other);
	}
	assert_true(service_said(service, "does not read its replies"));
	assert_true(service_resident(service) < before + 1024);
	raw_domain(&other);
	raw_close(&slow);
	raw_end(&other, service);
}

static void f22_connection_without_hello_is_dropped_after_two_seconds(void **state)
{
	struct service *service = *state;
	struct raw silent, chatty, good;

	raw_open(&good, service);
	raw_connect(&silent, service);
	raw_connect(&chatty, service);
	/* Talking is not greeting. */
	assert_int_equal(raw_call(&chatty, WIRE_STATUS, &(struct wire_none){ 0 }, 8, NULL, 0),
			 -EPROTO);
	service_clock(service, 2 * SECOND - SECOND / 2);
	service_turn(service);
	assert_false(raw_has_answer(&silent));
	service_clock(service, SECOND);
	assert_true(raw_is_cut(&silent));
	assert_true(raw_is_cut(&chatty));
	service_clock(service, 100 * SECOND);
	service_turn(service);
	raw_domain(&good);
	raw_close(&silent);
	raw_close(&chatty);
	raw_end(&good, service);
}

static void f23_connections_that_come_and_go_leave_nothing(void **state)
{
	struct service *service = *state;
	unsigned before, i;
	uint64_t resident;
	struct raw good, raw;

	raw_open(&good, service);
	before = service_descriptors(service);
	resident = service_resident(service);
	for (i = 0; i < 2000; i++) {
		raw_connect(&raw, service);
		if (i % 2)
			raw_hello(&raw);
		raw_close(&raw);
	}
	service_wait_clients(service, 1);
	while (service_descriptors(service) != before)
		raw_status(&good);
	assert_true(service_resident(service) < resident + 2048);
	raw_end(&good, service);
}

/* The loop turns by its timer alone: a ready listener it cannot serve is not watched. */
static void check_no_spin(struct service *service, struct raw *good)
{
	uint64_t before, turns, ticks = service->fake->reads;

	service_turn(service);
	before = epolls(service);
	turns = service->fake->reads;
	while (__atomic_load_n(&service->fake->reads, __ATOMIC_RELAXED) < turns + 40)
		sched_yield();
	/* Each tick of an idle daemon reads two registers or more. */
	assert_true(epolls(service) - before <= 42);
	assert_true(service->fake->reads > ticks);
	raw_domain(good);
}

static void f23_connection_cap_pauses_accepting_without_a_spin(void **state)
{
	struct service service;
	static struct raw raw[4], waiting[8];
	int i;

	(void)state;
	service_start(&service, "limits: {connections: 4}\n" SERVICE_DEVICES
		      "clients:\n  - {name: tester, uid: self, rights: [attach, admin]}\n");
	for (i = 0; i < 4; i++)
		raw_open(&raw[i], &service);
	for (i = 0; i < 8; i++)
		raw_connect(&waiting[i], &service);
	check_no_spin(&service, &raw[0]);
	assert_int_equal(service_said_count(&service, "the limit of the policy"), 1);
	/* One ends: the first that waits is heard. */
	raw_close(&raw[3]);
	assert_int_equal(raw_hello(&waiting[0]), 0);
	for (i = 0; i < 8; i++)
		raw_close(&waiting[i]);
	for (i = 0; i < 3; i++)
		raw_close(&raw[i]);
	service_stop(&service);
}

static void start_poor(struct service *service, unsigned descriptors)
{
	service_prepare(service);
	service->descriptors = descriptors;
	assert_int_equal(service_run(service, NULL), 0);
	service_settle(service);
}

/*
 * Connects until one is turned away. A connection takes two descriptors: which of
 * them is the one too many depends on how many there are.
 */
static unsigned fill(struct service *service, struct raw *good, struct raw *raw)
{
	unsigned count = 0;

	raw_open(good, service);
	while (!service_said(service, "out of descriptors") &&
	       !service_said(service, "Too many open files")) {
		assert_true(count < CROWD);
		raw_connect(&raw[count++], service);
		raw_status(good);
	}
	assert_true(count >= 5);
	return count;
}

static void empty(struct service *service, struct raw *good, struct raw *raw, unsigned count)
{
	while (count > 0)
		raw_close(&raw[--count]);
	while (service_books(service)->client_count > 1)
		raw_status(good);
}

static void f23_no_descriptor_at_accept_refuses_and_serves_on(void **state)
{
	static struct raw raw[CROWD];
	struct raw good;
	struct service service;
	unsigned count, descriptors, turned_away = 0;

	(void)state;
	for (descriptors = 40; descriptors < 42; descriptors++) {
		start_poor(&service, descriptors);
		count = fill(&service, &good, raw);
		turned_away += service_said(&service, "out of descriptors");
		check_no_spin(&service, &good);
		empty(&service, &good, raw, count);
		raw_open(&raw[0], &service);
		raw_close(&raw[0]);
		raw_close(&good);
		service_stop(&service);
	}
	assert_int_equal(turned_away, 1);
}

/* With nobody connected, no end of a connection can wake the listener. */
static void f64_accept_that_failed_is_tried_again(void **state)
{
	struct service *service = *state;
	struct raw raw;

	service->watch->error[WATCH_ACCEPT] = ENFILE;
	service->watch->fail[WATCH_ACCEPT] = 2; /* the second one is of the reserve's */
	raw_connect(&raw, service);
	while (!service_said(service, "no more connections until"))
		sched_yield();
	service_turn(service); /* from when it counts the second is settled */
	service_clock(service, SECOND * 3 / 2);
	assert_int_equal(raw_hello(&raw), 0);
	raw_end(&raw, service);
}

static void memory_without_a_descriptor_left_refused_in_words(void **state)
{
	static struct raw raw[CROWD];
	struct raw good;
	int fd = raw_memfd(1, F_SEAL_SHRINK);
	unsigned count, descriptors = 40;
	struct service service;

	(void)state;
	start_poor(&service, descriptors);
	count = fill(&service, &good, raw);
	/* The last one, if it is still there. */
	if (!service_said(&service, "out of descriptors")) {
		empty(&service, &good, raw, count);
		raw_close(&good);
		service_stop(&service);
		start_poor(&service, descriptors + 1);
		count = fill(&service, &good, raw);
	}
	/* The kernel could not hand the descriptor over: not the client's mistake. */
	assert_int_equal(raw_memory_add(&good, fd, 0, PAGE_BYTES, RW, NULL), -EMFILE);
	assert_non_null(strstr(good.why, "descriptor"));
	assert_int_equal(raw_status(&good).malformed, 0);
	empty(&service, &good, raw, count);
	while (raw_memory_add(&good, fd, 0, PAGE_BYTES, RW, NULL) == -EMFILE)
		;
	assert_int_equal(good.status, 0);
	close(fd);
	raw_close(&good);
	service_stop(&service);
}

/* By count: between two of the polite one's, at most one of the flooder is served. */
static void f28_flood_of_one_client_leaves_others_their_turn(void **state)
{
	struct service *service = *state;
	const struct wire_none ask = { 0 };
	struct watch *watch = service->watch;
	struct raw flood, polite;
	unsigned i, streak = 0;
	uint64_t from, at;
	int mine;

	raw_open(&polite, service);
	mine = watch->served[(watch->served_count - 1) % 4096];
	raw_open(&flood, service);
	/* Both have a full queue at the same time, and both read. */
	service_freeze(service);
	from = watch->served_count;
	assert_true(pipeline(&flood, WIRE_STATUS, &ask, sizeof(ask)) > 50);
	for (i = 0; i < 50; i++)
		raw_ask(&polite, WIRE_STATUS, &ask, sizeof(ask), -1);
	service_thaw(service);
	for (i = 0; i < 50; i++)
		assert_int_equal(raw_receive(&polite), 1);
	for (at = from, i = 0; i < 50; at++) {
		assert_true(at < watch->served_count);
		if (watch->served[at % 4096] == mine) {
			streak = 0;
			i++;
		} else {
			assert_true(++streak <= 1);
		}
	}
	raw_close(&flood);
	raw_end(&polite, service);
}

static void f24_one_uid_cannot_take_every_connection(void **state)
{
	static struct raw mine[40];
	struct raw other;
	struct service service;
	int i;

	(void)state;
	if (geteuid() != 0) {
		print_message("skip: only root can connect as somebody else\n");
		skip();
	}
	service_start(&service, "limits: {connections: 16}\n" SERVICE_DEVICES
		      "clients:\n"
		      "  - {name: one, uid: self, rights: [attach, admin], limits: {connections: 4}}\n"
		      "  - {name: two, uid: 4711}\n");
	assert_int_equal(chmod(service.dir, 0755) | chmod(service.socket, 0777), 0);
	/* None of them says a word, so each could stay for two seconds. */
	for (i = 0; i < 40; i++)
		raw_connect(&mine[i], &service);
	raw_open_as(&other, &service, 4711);
	assert_int_equal(other.status, 0);
	for (i = 0; i < 40; i++)
		raw_close(&mine[i]);
	raw_close(&other);
	service_stop(&service);
}

#define SERVED(name) cmocka_unit_test_setup_teardown(name, service_setup, service_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(f21_client_that_never_reads_is_cut),
		SERVED(f22_connection_without_hello_is_dropped_after_two_seconds),
		SERVED(f23_connections_that_come_and_go_leave_nothing),
		cmocka_unit_test(f23_connection_cap_pauses_accepting_without_a_spin),
		cmocka_unit_test(f23_no_descriptor_at_accept_refuses_and_serves_on),
		SERVED(f64_accept_that_failed_is_tried_again),
		cmocka_unit_test(memory_without_a_descriptor_left_refused_in_words),
		SERVED(f28_flood_of_one_client_leaves_others_their_turn),
		cmocka_unit_test(f24_one_uid_cannot_take_every_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
