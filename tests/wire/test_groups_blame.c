// SPDX-License-Identifier: BSD-2-Clause
/* Faults of a stream that several devices share: told of all of them, and a storm closes all. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "group_bench.h"

static uint32_t read_faults(struct raw *raw, uint16_t id)
{
	const struct wire_fault_read ask = { 0 };

	assert_int_equal(raw_call(raw, id, &ask, sizeof(ask), NULL, 0), 0);
	return raw_count(raw);
}

static struct wire_fault record(const struct raw *raw, uint32_t index)
{
	struct wire_fault fault;

	memcpy(&fault, (const struct wire_fault *)raw_entries(raw) + index, sizeof(fault));
	return fault;
}

#define ONE_OF "one of " BRIDGED0 ", " BRIDGED1 ", " BRIDGED2 "; "

static void fault_of_a_shared_stream_is_blamed_on_the_group(void **state)
{
	struct bench *bench = *state;
	struct wire_fault fault;

	bench_attach(bench, MIDDLE);
	service_fault(&bench->service, ALIAS, 0x9000, true);
	assert_int_equal(read_faults(&bench->raw, WIRE_FAULT_READ), 1);
	fault = record(&bench->raw, 0);
	assert_string_equal(fault.device, BRIDGED0);
	assert_int_equal(fault.client, 1);
	assert_int_equal(fault.domain, bench->domain);
	assert_string_equal(fault.note, ONE_OF "the domain has no grant at all");
	assert_int_equal(bench_view(bench, LEFT).faults, 1);
	assert_int_equal(bench_view(bench, MIDDLE).faults, 1);
	assert_int_equal(bench_view(bench, RIGHT).faults, 1);
}

/* Under a number of its own it is known. */
static void fault_of_an_own_stream_is_blamed_on_its_device(void **state)
{
	struct bench *bench = *state;
	struct wire_fault fault;

	bench_attach(bench, MIDDLE);
	service_fault(&bench->service, SERVICE_OWN_STREAM(MIDDLE), 0x9000, true);
	assert_int_equal(read_faults(&bench->raw, WIRE_FAULT_READ), 1);
	fault = record(&bench->raw, 0);
	assert_string_equal(fault.device, BRIDGED1);
	assert_string_equal(fault.note, "the domain has no grant at all");
}

static void fault_of_a_shared_stream_belongs_to_whoever_had_any_member(void **state)
{
	struct bench *bench = *state;
	uint32_t first = bench_attach(bench, LEFT), second = bench_attach(bench, MIDDLE);

	/* All stay in the unit's queue until the owners have changed. */
	service_freeze(&bench->service);
	service_fault(&bench->service, ALIAS, 0x1000, true);
	raw_ask(&bench->raw, WIRE_DETACH, &(struct wire_handle){ .handle = first }, 8, -1);
	service_thaw(&bench->service);
	assert_int_equal(raw_answer(&bench->raw, WIRE_DETACH, NULL, 0), 0);
	service_fault(&bench->service, ALIAS, 0x2000, true);
	assert_int_equal(raw_detach(&bench->raw, second), 0);
	service_fault(&bench->service, ALIAS, 0x3000, true);
	service_settle(&bench->service);
	assert_int_equal(bench_others_attach(bench, LEFT), 0);
	service_fault(&bench->service, ALIAS, 0x4000, true);
	assert_int_equal(read_faults(&bench->other, WIRE_LIST_FAULTS), 4);
	assert_int_equal(record(&bench->other, 0).client, 1);
	assert_int_equal(record(&bench->other, 1).client, 1);
	assert_int_equal(record(&bench->other, 2).client, 0);
	assert_non_null(strstr(record(&bench->other, 2).note, ONE_OF "nobody has it attached; "
			       "'tester'"));
	assert_int_equal(record(&bench->other, 3).client, 2);
}

static void storm_of_a_shared_stream_closes_the_group(void **state)
{
	struct bench *bench = *state;
	unsigned i;

	bench_grant(bench);
	bench_attach(bench, LEFT);
	bench_attach(bench, MIDDLE);
	for (i = 0; i < 20; i++)
		service_fault(&bench->service, ALIAS, 0x9000, true);
	assert_int_equal(raw_status(&bench->other).devices_quarantined, 0);
	service_fault(&bench->service, ALIAS, 0x9000, true);
	assert_int_equal(raw_status(&bench->other).faults, 21);
	assert_false(bench_alias_reaches(bench));
	assert_false(bench_own_reaches(bench, LEFT));
	assert_false(bench_own_reaches(bench, MIDDLE));
	for (i = 0; i < 3; i++)
		assert_int_equal(bench_state(bench, i), WIRE_DEVICE_QUARANTINED);
	assert_int_equal(bench_release(bench, BRIDGED2), 0);
	service_settle(&bench->service);
	assert_int_equal(raw_status(&bench->other).devices_quarantined, 0);
	assert_int_equal(bench_others_attach(bench, MIDDLE), 0);
}

/* One knows who it was; the others of its group lose what they have, and no more. */
static void storm_of_an_own_stream_closes_the_group_too(void **state)
{
	struct bench *bench = *state;
	unsigned i;

	bench_grant(bench);
	bench_attach(bench, LEFT);
	for (i = 0; i < 21; i++)
		service_fault(&bench->service, SERVICE_OWN_STREAM(RIGHT), 0x9000, true);
	raw_status(&bench->other);
	assert_int_equal(bench_state(bench, RIGHT), WIRE_DEVICE_QUARANTINED);
	assert_int_equal(bench_state(bench, LEFT), WIRE_DEVICE_QUARANTINED);
	assert_int_equal(bench_state(bench, MIDDLE), WIRE_DEVICE_CLOSED);
	assert_false(bench_alias_reaches(bench));
}

#define CALMLY(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
#define STORMILY(name) cmocka_unit_test_setup_teardown(name, bench_setup_stormy, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CALMLY(fault_of_a_shared_stream_is_blamed_on_the_group),
		CALMLY(fault_of_an_own_stream_is_blamed_on_its_device),
		CALMLY(fault_of_a_shared_stream_belongs_to_whoever_had_any_member),
		STORMILY(storm_of_a_shared_stream_closes_the_group),
		STORMILY(storm_of_an_own_stream_closes_the_group_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
