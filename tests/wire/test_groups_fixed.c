// SPDX-License-Identifier: BSD-2-Clause
/* A group with reserved addresses, with static grants, or that stays with the host. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "group_bench.h"

static void reserved_addresses_of_one_count_for_its_group(void **state)
{
	struct bench *bench = *state;
	struct wire_reserved_ask ask = { .max = 8, .name = BRIDGED0 };
	struct wire_map map;
	struct wire_list list;

	bench->twist->reserved[0].stream = SERVICE_OWN_STREAM(RIGHT);
	bench->twist->reserved[0].range =
		(struct drv_reserved){ 0xfee00000, MIB, DRV_RESERVED_INTERRUPT };
	bench->twist->reserved_count = 1;
	bench_start(bench, THREE(CALM) WHOLE);
	assert_int_equal(raw_call(&bench->raw, WIRE_RESERVED, &ask, sizeof(ask), &list,
				  sizeof(list)), 0);
	assert_int_equal(list.count, 1);
	bench_attach(bench, LEFT);
	map = raw_page(bench->memory, 0xfee00000, 0);
	assert_int_equal(raw_map(&bench->raw, bench->domain, &map, 1), -EINVAL);
}

#define STATICS(lines) \
	"regions:\n  - {name: sram, address: 0x2000000, size: 64KiB, rights: r}\n" WHOLE \
	"static:\n" lines
#define STATIC_LINE(device, iova) \
	"  - {device: " device ", region: sram, iova: " iova ", rights: r}\n"

static void static_grants_of_a_group_share_one_domain(void **state)
{
	struct bench *bench = *state;

	bench_start(bench, THREE(CALM) STATICS(STATIC_LINE("b0", "0x1000000")
					 STATIC_LINE("b1", "0x3000000")));
	assert_true(service_stream_reaches(&bench->service, ALIAS, 0x1000000, false));
	assert_true(service_stream_reaches(&bench->service, ALIAS, 0x3000000, false));
	assert_false(service_stream_reaches(&bench->service, ALIAS, 0x1000000, true));
	assert_true(service_stream_reaches(&bench->service, SERVICE_OWN_STREAM(MIDDLE), 0x1000000,
					   false));
	assert_false(service_stream_reaches(&bench->service, SERVICE_OWN_STREAM(RIGHT), 0x1000000,
					    false));
	assert_int_equal(raw_status(&bench->raw).domains, 3);
	assert_int_equal(raw_attach(&bench->raw, bench->domain, BRIDGED2, NULL), -EBUSY);
	assert_non_null(strstr(bench->raw.why, BRIDGED0 " belongs to its static: grants"));
}

static void static_grants_of_a_group_that_overlap_stop_the_start(void **state)
{
	struct bench *bench = *state;

	service_prepare_bridged(&bench->service, 3);
	assert_int_equal(service_run(&bench->service,
				     THREE(CALM) STATICS(STATIC_LINE("b0", "0x1000000")
							 STATIC_LINE("b1", "0x1000000"))),
			 EEXIST);
	assert_true(service_said(&bench->service, "static grant"));
	assert_false(service_stream_reaches(&bench->service, ALIAS, 0x1000000, false));
}

static void storm_of_a_static_group_closes_all_of_it(void **state)
{
	struct bench *bench = *state;
	unsigned i;

	bench_start(bench, THREE(STORMY) STATICS(STATIC_LINE("b0", "0x1000000")
					   STATIC_LINE("b1", "0x3000000")));
	for (i = 0; i < 21; i++)
		service_fault(&bench->service, SERVICE_OWN_STREAM(MIDDLE), 0x9000, true);
	raw_status(&bench->other);
	assert_int_equal(bench_state(bench, LEFT), WIRE_DEVICE_QUARANTINED);
	assert_int_equal(bench_state(bench, MIDDLE), WIRE_DEVICE_QUARANTINED);
	assert_false(service_stream_reaches(&bench->service, ALIAS, 0x1000000, false));
}

static int run_host(struct bench *bench, const char *policy)
{
	service_prepare_bridged(&bench->service, 3);
	bench->service.machine->ram[0] = (struct extent){ PA(0x80000000), 0x10000 };
	bench->service.machine->ram_count = 1;
	return service_run(&bench->service, policy);
}

static void group_that_stays_with_the_host_in_part_stops_the_start(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(run_host(bench, "version: 1\ndevices:\n"
				  BRIDGED_DEVICE("b0", BRIDGED0, CALM)
				  BRIDGED_DEVICE("b1", BRIDGED1, "host: identity")), EINVAL);
	assert_true(service_said(&bench->service, BRIDGED1 " (test.yaml:4, host: identity) cannot be "
				 "told apart from " BRIDGED0));
	assert_false(service_stream_reaches(&bench->service, ALIAS, 0x80000000, false));
}

static void group_that_stays_with_the_host_as_a_whole_is_open(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(run_host(bench, THREE("host: identity")), 0);
	assert_true(service_stream_reaches(&bench->service, ALIAS, 0x80000000, true));
	assert_true(service_stream_reaches(&bench->service, SERVICE_OWN_STREAM(RIGHT), 0x80000000,
					   true));
	assert_false(service_reaches(&bench->service, 0, 0x80000000, false));
}

#define IDLE(name) cmocka_unit_test_setup_teardown(name, bench_setup_idle, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IDLE(reserved_addresses_of_one_count_for_its_group),
		IDLE(static_grants_of_a_group_share_one_domain),
		IDLE(static_grants_of_a_group_that_overlap_stop_the_start),
		IDLE(storm_of_a_static_group_closes_all_of_it),
		IDLE(group_that_stays_with_the_host_in_part_stops_the_start),
		IDLE(group_that_stays_with_the_host_as_a_whole_is_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
