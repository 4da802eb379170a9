// SPDX-License-Identifier: BSD-2-Clause
/* A unit that stands still, errs or is gone: who waits, who goes on, what stays pinned. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "raw.h"

#define BASE UINT64_C(0x100000)
#define LENGTH (16 * PAGE_BYTES)
#define CERROR_ILL 1u
#define CERROR_ABT 2u
#define CERROR_ATC 3u
#define GERROR_SFM 0x100u

struct bench {
	struct service service;
	struct raw raw, other; /* other: nothing of its own yet */
	uint32_t domain, device, memory;
};

static void grant(struct raw *raw, uint32_t domain, uint32_t memory, uint32_t page)
{
	struct wire_map map = raw_page(memory, BASE + page * PAGE_BYTES, page);

	assert_int_equal(raw_map(raw, domain, &map, 1), 0);
}

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	*state = bench;
	service_start(&bench->service, NULL);
	raw_open(&bench->raw, &bench->service);
	raw_open(&bench->other, &bench->service);
	bench->domain = raw_domain(&bench->raw);
	assert_int_equal(raw_attach(&bench->raw, bench->domain, DMA0, &bench->device), 0);
	bench->memory = raw_memory(&bench->raw, 16);
	grant(&bench->raw, bench->domain, bench->memory, 0);
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	raw_close(&bench->raw);
	raw_close(&bench->other);
	service_stop(&bench->service);
	free(bench);
	return 0;
}

static void ask_unmap(struct bench *bench, uint32_t page)
{
	const struct wire_range range = { BASE + page * PAGE_BYTES, PAGE_BYTES };

	raw_ask_unmap(&bench->raw, bench->domain, &range, 1);
}

/* Is it closed by its registers? */
static bool is_shut(const struct service *service)
{
	return !(hw_fake_get(service->fake, FAKE_CR0, 4) & 1) &&
	       (hw_fake_get(service->fake, FAKE_GBPA, 4) & 1u << 20);
}

static void check_nothing_left(struct bench *bench)
{
	struct wire_status status = raw_status(&bench->other);

	assert_int_equal(status.grants, 0);
	assert_int_equal(status.memories, 0);
	assert_int_equal(status.domains, 0);
	assert_int_equal(status.pinned_forever_bytes, 0);
}

static void f31_unmap_answered_only_when_the_unit_confirmed(void **state)
{
	struct bench *bench = *state;
	struct service *service = &bench->service;

	service->fake->is_stopped = true;
	ask_unmap(bench, 0);
	service_turn(service);
	raw_status(&bench->other);
	assert_false(raw_has_answer(&bench->raw));
	/* The table no longer leads there; the grant counts until it is certain. */
	assert_false(service_reaches(service, 0, BASE, false));
	assert_int_equal(raw_grants(&bench->other), 1);
	/* One command is not enough: the sync behind it is what counts. */
	assert_int_equal(hw_fake_consume(service->fake, 1), 1);
	service_turn(service);
	assert_false(raw_has_answer(&bench->raw));
	hw_fake_consume(service->fake, UINT64_MAX);
	assert_int_equal(raw_answer(&bench->raw, WIRE_UNMAP, NULL, 0), 0);
	assert_int_equal(raw_grants(&bench->other), 0);
}

static void f31_others_go_on_while_one_waits(void **state)
{
	struct bench *bench = *state;
	uint32_t memory, domain;
	uint32_t i;

	bench->service.fake->is_stopped = true;
	ask_unmap(bench, 0);
	domain = raw_domain(&bench->other);
	memory = raw_memory(&bench->other, 16);
	for (i = 0; i < 16; i++)
		grant(&bench->other, domain, memory, i);
	assert_int_equal(raw_status(&bench->other).grants, 17);
	assert_false(raw_has_answer(&bench->raw));
	bench->service.fake->is_stopped = false;
	hw_fake_consume(bench->service.fake, UINT64_MAX);
	assert_int_equal(raw_answer(&bench->raw, WIRE_UNMAP, NULL, 0), 0);
}

static void f31_detach_answered_only_when_the_unit_confirmed(void **state)
{
	const struct wire_handle ask = { .handle = 1 };
	struct bench *bench = *state;
	struct service *service = &bench->service;

	service->fake->is_stopped = true;
	raw_ask(&bench->raw, WIRE_DETACH, &ask, sizeof(ask), -1);
	service_turn(service);
	assert_false(raw_has_answer(&bench->raw));
	assert_int_equal(service_state(service, 0), WIRE_DEVICE_RELEASING);
	/* Not given to anybody before that. */
	assert_int_equal(raw_attach(&bench->other, raw_domain(&bench->other), DMA0, NULL), -EAGAIN);
	service->fake->is_stopped = false;
	hw_fake_consume(service->fake, UINT64_MAX);
	assert_int_equal(raw_answer(&bench->raw, WIRE_DETACH, NULL, 0), 0);
	assert_false(service_reaches(service, 0, BASE, false));
}

static void f31_unit_that_stands_still_is_closed_and_the_memory_stays(void **state)
{
	struct bench *bench = *state;
	struct service *service = &bench->service;
	struct wire_status status;

	service->fake->is_stopped = true;
	ask_unmap(bench, 0);
	raw_status(&bench->other);
	service_clock(service, SECOND * 11 / 10);
	assert_int_equal(raw_answer(&bench->raw, WIRE_UNMAP, NULL, 0), -EIO);
	assert_non_null(strstr(bench->raw.why, "stays pinned for ever"));
	assert_true(is_shut(service));
	assert_true(service_said(service, "CMDQ_CONS"));
	status = raw_status(&bench->other);
	assert_int_equal(status.units_closed, 1);
	assert_int_equal(status.pinned_forever_bytes, LENGTH);
	assert_int_equal(raw_memory_remove(&bench->raw, bench->memory), -EIO);
	/* Its owner's death frees what is its own, and not the memory. */
	raw_end(&bench->raw, service);
	status = raw_status(&bench->other);
	assert_int_equal(status.pinned_forever_bytes, LENGTH);
	assert_int_equal(status.memories, 1);
	assert_int_equal(status.grants, 0);
	assert_int_equal(status.domains, 0);
	assert_int_equal(raw_attach(&bench->other, raw_domain(&bench->other), DMA1, NULL), -EIO);
	assert_non_null(strstr(bench->other.why, "closed after a failure"));
}

static void f31_attach_that_was_not_confirmed_leaves_nothing_attached(void **state)
{
	struct bench *bench = *state;
	struct wire_attach ask = { .domain = raw_domain(&bench->other), .name = DMA1 };

	bench->service.fake->is_stopped = true;
	raw_ask(&bench->other, WIRE_ATTACH, &ask, sizeof(ask), -1);
	raw_status(&bench->raw);
	service_clock(&bench->service, SECOND * 11 / 10);
	assert_int_equal(raw_answer(&bench->other, WIRE_ATTACH, NULL, 0), -EIO);
	assert_int_not_equal(service_state(&bench->service, 1), WIRE_DEVICE_ATTACHED);
	assert_int_equal(raw_domain_destroy(&bench->other, ask.domain), -EIO);
	assert_int_equal(raw_domain_destroy(&bench->other, ask.domain), -ENOENT);
}

static void f31_client_killed_while_it_waits_leaves_nothing(void **state)
{
	struct bench *bench = *state;
	struct service *service = &bench->service;

	service->fake->is_stopped = true;
	ask_unmap(bench, 0);
	raw_status(&bench->other);
	raw_close(&bench->raw);
	service_turn(service);
	/* Closed at the stores already, but not forgotten by the unit. */
	assert_false(service_reaches(service, 0, BASE, false));
	assert_int_equal(service_books(service)->client_count, 2);
	service->fake->is_stopped = false;
	hw_fake_consume(service->fake, UINT64_MAX);
	service_wait_clients(service, 1);
	service_settle(service);
	check_nothing_left(bench);
}

static void f31_client_killed_before_the_unit_is_closed_pins_once(void **state)
{
	struct bench *bench = *state;
	struct service *service = &bench->service;

	grant(&bench->raw, bench->domain, bench->memory, 1);
	service->fake->is_stopped = true;
	ask_unmap(bench, 0);
	raw_status(&bench->other);
	raw_close(&bench->raw);
	service_turn(service);
	service_clock(service, SECOND * 11 / 10);
	service_wait_clients(service, 1);
	assert_int_equal(raw_status(&bench->other).pinned_forever_bytes, LENGTH);
	assert_int_equal(raw_status(&bench->other).memories, 1);
	assert_true(is_shut(service));
}

static void f34_more_waits_than_the_queue_has_room_for_all_end(void **state)
{
	enum { CLIENTS = 200 };
	static struct raw raw[CLIENTS];
	static uint32_t domain[CLIENTS];
	const struct wire_range range = { BASE, PAGE_BYTES };
	struct service service;
	uint32_t i, device;

	(void)state;
	service_start(&service, SERVICE_DEVICES
		      "clients:\n  - {name: tester, uid: self, rights: [attach, admin], attach: [dma0],\n"
		      "     limits: {connections: 300, domains: 300}}\n");
	for (i = 0; i < CLIENTS; i++) {
		raw_open(&raw[i], &service);
		domain[i] = raw_domain(&raw[i]);
		assert_int_equal(raw_attach(&raw[i], domain[i], DMA0, &device), 0);
		assert_int_equal(raw_detach(&raw[i], device), 0);
		grant(&raw[i], domain[i], raw_memory(&raw[i], 1), 0);
		service_settle(&service);
	}
	service.fake->is_stopped = true;
	for (i = 0; i < CLIENTS; i++)
		raw_ask_unmap(&raw[i], domain[i], &range, 1);
	/* More commands than the 256 of the queue: none is lost, none is believed. */
	service_turn(&service);
	for (i = 0; i < CLIENTS; i++)
		assert_false(raw_has_answer(&raw[i]));
	service.fake->is_stopped = false;
	hw_fake_consume(service.fake, UINT64_MAX);
	for (i = 0; i < CLIENTS; i++)
		assert_int_equal(raw_answer(&raw[i], WIRE_UNMAP, NULL, 0), 0);
	for (i = 0; i < CLIENTS; i++)
		raw_close(&raw[i]);
	service_stop(&service);
}

static void inject(struct bench *bench, uint32_t code)
{
	bench->service.fake->error_code = code;
	bench->service.fake->error_at = bench->service.fake->commands + 1;
}

static void f32_illegal_command_is_replaced_and_everything_invalidated(void **state)
{
	struct bench *bench = *state;
	struct hw_fake *fake = bench->service.fake;
	uint64_t all = fake->by_opcode[0x30], entries = fake->by_opcode[0x04];

	inject(bench, CERROR_ILL);
	ask_unmap(bench, 0);
	assert_int_equal(raw_answer(&bench->raw, WIRE_UNMAP, NULL, 0), 0);
	assert_true(fake->by_opcode[0x30] > all && fake->by_opcode[0x04] > entries);
	assert_int_equal(raw_unit(&bench->other).command_errors, 1);
	assert_int_equal(raw_unit(&bench->other).is_closed, 0);
	assert_true(service_said(&bench->service, "CERROR_ILL"));
	grant(&bench->raw, bench->domain, bench->memory, 0);
}

static void f32_unreadable_queue_closes_the_unit(void **state)
{
	struct bench *bench = *state;

	inject(bench, CERROR_ABT);
	ask_unmap(bench, 0);
	assert_int_equal(raw_answer(&bench->raw, WIRE_UNMAP, NULL, 0), -EIO);
	assert_true(is_shut(&bench->service));
	assert_true(service_said(&bench->service, "CERROR_ABT"));
}

static void f32_timed_out_sync_is_repeated(void **state)
{
	struct bench *bench = *state;

	inject(bench, CERROR_ATC);
	ask_unmap(bench, 0);
	assert_int_equal(raw_answer(&bench->raw, WIRE_UNMAP, NULL, 0), 0);
	assert_int_equal(raw_unit(&bench->other).is_closed, 0);
}

static void f37_unit_that_is_gone_refuses_everything(void **state)
{
	struct bench *bench = *state;
	struct wire_map map = raw_page(bench->memory, BASE + MIB, 1);

	bench->service.fake->is_gone = true;
	service_turn(&bench->service);
	assert_int_equal(raw_unit(&bench->other).is_closed, 1);
	assert_true(service_said(&bench->service, "reads all ones"));
	assert_int_equal(raw_map(&bench->raw, bench->domain, &map, 1), -EIO);
	ask_unmap(bench, 0);
	assert_int_equal(raw_answer(&bench->raw, WIRE_UNMAP, NULL, 0), -EIO);
	/* Its registers cannot be written; the entries in memory are shut. */
	assert_false(service_reaches(&bench->service, 0, BASE, false));
	assert_int_equal(raw_attach(&bench->other, raw_domain(&bench->other), DMA1, NULL), -EIO);
}

static void f36_service_failure_closes_the_unit(void **state)
{
	struct bench *bench = *state;

	hw_fake_gerror(bench->service.fake, GERROR_SFM);
	service_turn(&bench->service);
	assert_int_equal(raw_unit(&bench->other).is_closed, 1);
	assert_true(is_shut(&bench->service));
	assert_true(service_said(&bench->service, "SFM_ERR"));
}

static void f36_other_global_errors_are_acknowledged_and_counted(void **state)
{
	static const uint32_t bits[] = { 1u << 3, 1u << 4, 1u << 5, 1u << 6, 1u << 7, 1u << 9 };
	struct bench *bench = *state;
	struct hw_fake *fake = bench->service.fake;
	size_t i;

	for (i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		hw_fake_gerror(fake, bits[i]);
		while (hw_fake_get(fake, FAKE_GERROR, 4) != hw_fake_get(fake, FAKE_GERRORN, 4))
			service_turn(&bench->service);
		assert_int_equal(raw_unit(&bench->other).global_errors, i + 1);
	}
	assert_int_equal(raw_unit(&bench->other).is_closed, 0);
	grant(&bench->raw, bench->domain, bench->memory, 1);
}

static void f18_death_with_ten_thousand_grants_takes_a_few_commands(void **state)
{
	struct wire_map maps[WIRE_BATCH_MAX];
	struct bench *bench = *state;
	struct hw_fake *fake = bench->service.fake;
	uint64_t commands, at = 16;
	uint32_t i;

	for (; at < 10100; at += WIRE_BATCH_MAX) {
		for (i = 0; i < WIRE_BATCH_MAX; i++)
			maps[i] = raw_page(bench->memory, BASE + (at + i) * 2 * PAGE_BYTES, i % 16);
		assert_int_equal(raw_map(&bench->raw, bench->domain, maps, WIRE_BATCH_MAX), 0);
	}
	assert_true(raw_grants(&bench->other) > 10000);
	commands = fake->commands;
	raw_end(&bench->raw, &bench->service);
	assert_true(fake->commands - commands <= 12);
	service_settle(&bench->service);
	check_nothing_left(bench);
}

#define OPENED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPENED(f31_unmap_answered_only_when_the_unit_confirmed),
		OPENED(f31_others_go_on_while_one_waits),
		OPENED(f31_detach_answered_only_when_the_unit_confirmed),
		OPENED(f31_unit_that_stands_still_is_closed_and_the_memory_stays),
		OPENED(f31_attach_that_was_not_confirmed_leaves_nothing_attached),
		OPENED(f31_client_killed_while_it_waits_leaves_nothing),
		OPENED(f31_client_killed_before_the_unit_is_closed_pins_once),
		cmocka_unit_test(f34_more_waits_than_the_queue_has_room_for_all_end),
		OPENED(f32_illegal_command_is_replaced_and_everything_invalidated),
		OPENED(f32_unreadable_queue_closes_the_unit),
		OPENED(f32_timed_out_sync_is_repeated),
		OPENED(f37_unit_that_is_gone_refuses_everything),
		OPENED(f36_service_failure_closes_the_unit),
		OPENED(f36_other_global_errors_are_acknowledged_and_counted),
		OPENED(f18_death_with_ten_thousand_grants_takes_a_few_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
