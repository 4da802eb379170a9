// SPDX-License-Identifier: BSD-2-Clause
/*
 * Memory that runs out, at each allocation in turn: a refusal or a cut connection,
 * never a crash, and never a grant left behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "raw.h"

#define BASE UINT64_C(0x100000)

static void list_all(struct raw *raw)
{
	static const uint16_t lists[] = { WIRE_LIST_UNITS, WIRE_LIST_DEVICES, WIRE_LIST_CLIENTS,
					  WIRE_LIST_DOMAINS, WIRE_LIST_GRANTS };
	const struct wire_explain explain = { .name = DMA0, .iova = BASE, .has_iova = 1 };
	const struct wire_fault_read faults = { 0 };
	const struct wire_cursor cursor = { 0 };
	const struct wire_none none = { 0 };
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		raw_call(raw, lists[i], &cursor, sizeof(cursor), NULL, 0);
	raw_call(raw, WIRE_LIST_FAULTS, &faults, sizeof(faults), NULL, 0);
	raw_call(raw, WIRE_FAULT_READ, &faults, sizeof(faults), NULL, 0);
	raw_call(raw, WIRE_EXPLAIN, &explain, sizeof(explain), NULL, 0);
	raw_call(raw, WIRE_STATUS, &none, sizeof(none), NULL, 0);
	raw_call(raw, WIRE_FAULT_SUBSCRIBE, &none, sizeof(none), NULL, 0);
}

/* Everything a client does, as far as it is let. Any answer will do, but an answer. */
static bool session(struct service *service, struct raw *raw)
{
	const struct wire_range range = { BASE, PAGE_BYTES };
	uint32_t domain = 0, device = 0, memory = 0;
	int fd = raw_memfd(4, F_SEAL_SHRINK);
	const struct wire_handle open = { .handle = 1 };
	struct wire_map maps[2];
	bool went_well;

	raw_connect(raw, service);
	if (raw_hello(raw) == -EPIPE) {
		close(fd);
		return false;
	}
	raw_domain_try(raw, &domain);
	went_well = raw_attach(raw, domain, DMA0, &device) == 0;
	raw_call(raw, WIRE_DEVICE_OPEN, &open, sizeof(open), NULL, 0);
	raw_memory_add(raw, fd, 0, 4 * PAGE_BYTES, RW, &memory);
	maps[0] = raw_page(memory, BASE, 0);
	maps[1] = raw_page(memory, UINT64_C(1) << 33, 1);
	went_well &= raw_map(raw, domain, maps, 2) == 0;
	service_fault(service, SERVICE_STREAM(0), BASE + MIB, true);
	list_all(raw);
	went_well &= raw_unmap(raw, domain, &range, 1) == 0;
	if (device)
		went_well &= raw_detach(raw, device) == 0;
	close(fd);
	return went_well;
}

static void check_idle(struct service *service, const struct wire_status *idle)
{
	struct wire_status status;
	struct raw raw;

	service_wait_clients(service, 0);
	service_settle(service);
	service_turn(service);
	raw_open(&raw, service);
	status = raw_status(&raw);
	raw_end(&raw, service);
	assert_int_equal(status.clients, 1);
	assert_int_equal(status.domains, 0);
	assert_int_equal(status.memories, 0);
	assert_int_equal(status.grants, 0);
	assert_int_equal(status.pinned_forever_bytes, 0);
	assert_int_equal(status.table_bytes, idle->table_bytes);
	assert_false(service_reaches(service, 0, BASE, false));
}

static struct wire_status idle_status(struct service *service)
{
	struct wire_status status;
	struct raw raw;

	/* What is made once and kept. */
	assert_true(session(service, &raw));
	raw_end(&raw, service);
	service_settle(service);
	service_turn(service);
	raw_open(&raw, service);
	status = raw_status(&raw);
	raw_end(&raw, service);
	return status;
}

static void run_out(struct service *service, bool fails_on)
{
	struct wire_status idle = idle_status(service);
	struct watch *watch = service->watch;
	unsigned descriptors = service_descriptors(service);
	struct raw raw;
	uint64_t n;

	for (n = 1; n < 200; n++) {
		watch->fails_on = fails_on;
		watch->allocations = 0;
		watch->fail_allocation = n;
		session(service, &raw);
		raw_close(&raw);
		watch->fail_allocation = 0;
		check_idle(service, &idle);
		if (watch->allocations < n)
			break;
	}
	/* Every allocation was refused once, and there were some. */
	assert_in_range(n, 4, 199);
	service_turn(service);
	assert_int_equal(service_descriptors(service), descriptors);
	assert_true(session(service, &raw));
	raw_end(&raw, service);
}

static void f63_allocation_that_fails_leaves_nothing_behind(void **state)
{
	run_out(*state, false);
}

static void f63_memory_that_is_short_from_then_on_leaves_nothing_behind(void **state)
{
	run_out(*state, true);
}

/* Shortage is not for ever, and who is in stays in. */
static void f63_clients_from_before_a_shortage_go_on(void **state)
{
	struct service *service = *state;
	uint32_t domain, memory, i;
	struct wire_range range;
	struct raw raw, fresh;
	struct wire_map map;

	raw_open(&raw, service);
	domain = raw_domain(&raw);
	assert_int_equal(raw_attach(&raw, domain, DMA0, NULL), 0);
	memory = raw_memory(&raw, 4);
	service->watch->fails_on = true;
	service->watch->fail_allocation = 1;
	/* Nobody new: not even a table of descriptors can grow. */
	for (i = 0; i < 40; i++) {
		raw_connect(&fresh, service);
		assert_true(raw_is_cut(&fresh));
		raw_close(&fresh);
	}
	for (i = 0; i < 500; i++) {
		map = raw_page(memory, BASE + i * MIB, i % 4);
		assert_int_equal(raw_map(&raw, domain, &map, 1), 0);
	}
	for (i = 0; i < 500; i++) {
		range = (struct wire_range){ BASE + i * MIB, PAGE_BYTES };
		assert_int_equal(raw_unmap(&raw, domain, &range, 1), 0);
	}
	service->watch->fail_allocation = 0;
	raw_open(&fresh, service);
	raw_end(&fresh, service);
	raw_close(&raw);
}

/* The loop's own table grows while there is no memory, as when many connect. */
static void f63_descriptors_that_grow_in_number_during_a_shortage_crash_nothing(void **state)
{
	static struct raw raw[120];
	struct service service;
	unsigned i, k;

	(void)state;
	service_start(&service, SERVICE_DEVICES "clients:\n"
		      "  - {name: tester, uid: self, rights: [attach, admin], limits: {connections: 200}}\n");
	for (i = 0; i < 120; i++) {
		/* A connection of a known uid is two allocations; what comes behind them fails. */
		service.watch->fails_on = true;
		service.watch->allocations = 0;
		service.watch->fail_allocation = i > 0 ? 3 : 0;
		raw_connect(&raw[i], &service);
		assert_int_equal(raw_hello(&raw[i]), 0);
	}
	service.watch->fail_allocation = 0;
	for (k = 0; k < i; k++)
		raw_close(&raw[k]);
	service_wait_clients(&service, 0);
	service_stop(&service);
}

/* Not taken over, or closed: never half of it. */
static void f63_start_without_memory_touches_nothing_or_closes(void **state)
{
	struct service service;
	bool is_shut;
	uint64_t n;
	int status;

	(void)state;
	for (n = 1; n < 500; n++) {
		service_prepare(&service);
		service.fake->tick_ns = 1000000; /* waits for registers end sooner */
		service.watch->fail_allocation = n;
		status = service_run(&service, NULL);
		if (service.watch->allocations < n) {
			assert_int_equal(status, 0);
			break;
		}
		if (status != 0) {
			is_shut = !(hw_fake_get(service.fake, FAKE_CR0, 4) & 1) &&
				  (hw_fake_get(service.fake, FAKE_GBPA, 4) & 1u << 20);
			assert_true(is_shut || service.fake->writes == 0);
			assert_true(service_said(&service, "memory") ||
				    service_said(&service, "event loop"));
		}
		service_stop(&service);
	}
	assert_in_range(n, 10, 499);
	service_stop(&service);
}

#define SERVED(name) cmocka_unit_test_setup_teardown(name, service_setup, service_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(f63_allocation_that_fails_leaves_nothing_behind),
		SERVED(f63_memory_that_is_short_from_then_on_leaves_nothing_behind),
		SERVED(f63_clients_from_before_a_shortage_go_on),
		cmocka_unit_test(f63_descriptors_that_grow_in_number_during_a_shortage_crash_nothing),
		cmocka_unit_test(f63_start_without_memory_touches_nothing_or_closes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
