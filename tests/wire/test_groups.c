// SPDX-License-Identifier: BSD-2-Clause
/* Devices that cannot be told apart: granted as one, closed as one. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "group_bench.h"

/* --- shown and granted as one ---------------------------------------------------------- */

static void group_shown_with_each_of_its_devices(void **state)
{
	const struct wire_cursor none = { 0 };
	struct bench *bench = *state;
	const struct wire_device *devices = raw_entries(&bench->raw);
	unsigned i;

	assert_int_equal(raw_call(&bench->raw, WIRE_LIST_DEVICES, &none, sizeof(none), NULL, 0), 0);
	for (i = 0; i < 3; i++) {
		assert_string_equal(devices[SERVICE_BRIDGED + i].name, bench_names[i]);
		assert_int_equal(devices[SERVICE_BRIDGED + i].group_size, 3);
		assert_string_equal(devices[SERVICE_BRIDGED + i].group, BRIDGED0);
		assert_int_equal(devices[SERVICE_BRIDGED + i].stream, ALIAS);
	}
	assert_int_equal(devices[0].group_size, 1);
	assert_string_equal(devices[0].group, "");
	/* The bridge is no device that is open to all: what is behind it is covered. */
	assert_string_equal(devices[2].name, "pci:0000:00:1c.0");
	assert_int_equal(devices[2].is_uncovered, 0);
}

static void uncovered_device_refused_with_the_reason_and_shown(void **state)
{
	const struct wire_explain ask = { .name = UNCOVERED };
	struct bench *bench = *state;
	struct wire_explain_reply reply;

	bench_start(bench, THREE(CALM) "  - {name: loose, match: \"" UNCOVERED "\"}\n"
		    "clients:\n  - {name: tester, uid: self, rights: [attach, admin], attach: [loose]}\n");
	assert_int_equal(raw_attach(&bench->raw, bench->domain, "loose", NULL), -ENODEV);
	assert_string_equal(bench->raw.why, UNCOVERED " cannot be attached: no IOMMU covers it");
	assert_int_equal(raw_status(&bench->raw).devices_uncovered, 1);
	assert_true(service_said(&bench->service, UNCOVERED ": no IOMMU covers it; its bus mastering "
				 "is off"));
	assert_int_equal(raw_call(&bench->raw, WIRE_EXPLAIN, &ask, sizeof(ask), &reply,
				  sizeof(reply)), 0);
	assert_int_equal(reply.device.is_uncovered, 1);
	assert_string_equal(reply.device.unit, "");
	assert_string_equal(reply.device.note, "no IOMMU covers it");
	assert_non_null(strstr(reply.verdict, "nothing stands between it and memory"));
}

static void group_attached_only_by_who_may_have_all_of_it(void **state)
{
	struct bench *bench = *state;

	bench_start(bench, THREE(CALM)
	      "clients:\n"
	      "  - {name: tester, uid: self, rights: [attach, admin], attach: [b0, b1]}\n");
	assert_int_equal(raw_attach(&bench->raw, bench->domain, BRIDGED0, NULL), -EACCES);
	assert_string_equal(bench->raw.why, BRIDGED0 " cannot be told apart from " BRIDGED2
			    ": add it to devices: and to attach: of 'tester' (line 7 of the policy)");
	assert_int_equal(bench_state(bench, LEFT), WIRE_DEVICE_CLOSED);
	assert_int_equal(raw_attach(&bench->raw, bench->domain, BRIDGED2, NULL), -EACCES);
	assert_null(strstr(bench->raw.why, "told apart"));
	bench_grant(bench);
	assert_false(bench_alias_reaches(bench));
}

static void group_member_the_policy_does_not_mention_is_named_too(void **state)
{
	struct bench *bench = *state;

	bench_start(bench, "version: 1\ndevices:\n" BRIDGED_DEVICE("b0", BRIDGED0, CALM)
	      "clients:\n  - {name: tester, uid: self, rights: [attach, admin], attach: [b0]}\n");
	assert_int_equal(raw_attach(&bench->raw, bench->domain, BRIDGED0, NULL), -EACCES);
	assert_non_null(strstr(bench->raw.why, "told apart from " BRIDGED1 ", " BRIDGED2
			       ": add them to devices:"));
}

static void shared_stream_open_from_the_first_attach_to_the_last_detach(void **state)
{
	struct bench *bench = *state;
	uint32_t first, second;

	bench_grant(bench);
	assert_false(bench_alias_reaches(bench));
	first = bench_attach(bench, LEFT);
	assert_int_equal(bench->twist->binds, 2);
	assert_true(bench_alias_reaches(bench));
	assert_true(bench_own_reaches(bench, LEFT));
	assert_false(bench_own_reaches(bench, MIDDLE));
	assert_false(bench_own_reaches(bench, RIGHT));
	second = bench_attach(bench, MIDDLE);
	assert_true(bench_own_reaches(bench, MIDDLE));
	/* What leads there already is not touched. */
	assert_int_equal(bench->twist->binds, 3);
	assert_int_equal(raw_detach(&bench->raw, first), 0);
	assert_true(bench_alias_reaches(bench));
	assert_false(bench_own_reaches(bench, LEFT));
	assert_true(bench_own_reaches(bench, MIDDLE));
	assert_int_equal(raw_detach(&bench->raw, second), 0);
	assert_false(bench_alias_reaches(bench));
	assert_false(bench_own_reaches(bench, MIDDLE));
}

static void group_of_another_client_refused_naming_who_has_which(void **state)
{
	struct bench *bench = *state;

	bench_attach(bench, MIDDLE);
	assert_int_equal(bench_others_attach(bench, LEFT), -EBUSY);
	assert_non_null(strstr(bench->other.why, BRIDGED0 " cannot be told apart from another: "
			       BRIDGED1 " is attached by 'tester' (client 1"));
	assert_int_equal(bench_others_attach(bench, MIDDLE), -EBUSY);
	/* Alone it is nobody's: the owner of the other may have it. */
	bench_attach(bench, LEFT);
	bench_attach(bench, RIGHT);
}

static void group_in_another_domain_of_the_same_client_refused(void **state)
{
	struct bench *bench = *state;
	uint32_t domain = raw_domain(&bench->raw);

	bench_attach(bench, MIDDLE);
	assert_int_equal(raw_attach(&bench->raw, domain, BRIDGED0, NULL), -EBUSY);
	assert_non_null(strstr(bench->raw.why, "attach it to the same domain"));
	bench_attach(bench, LEFT);
	bench_grant(bench);
	assert_true(bench_own_reaches(bench, LEFT));
}

/* --- between two owners -------------------------------------------------------------------- */

static void group_is_free_when_every_member_is_at_rest(void **state)
{
	struct bench *bench = *state;
	uint32_t first = bench_attach(bench, LEFT), second = bench_attach(bench, MIDDLE);

	bench_set_busy(bench, MIDDLE, 1);
	assert_int_equal(raw_detach(&bench->raw, second), 0);
	/* Its owner still has the other; nobody else may have any. */
	assert_int_equal(bench_state(bench, MIDDLE), WIRE_DEVICE_RELEASING);
	assert_int_equal(bench_others_attach(bench, RIGHT), -EBUSY);
	bench_attach(bench, RIGHT);
	assert_int_equal(raw_detach(&bench->raw, first), 0);
	while (bench_state(bench, LEFT) == WIRE_DEVICE_RELEASING)
		service_turn(&bench->service);
	raw_end(&bench->raw, &bench->service);
	while (bench_state(bench, RIGHT) == WIRE_DEVICE_RELEASING)
		service_turn(&bench->service);
	/* At rest itself, but not the second, which left the same domain. */
	assert_int_equal(bench_others_attach(bench, LEFT), -EAGAIN);
	assert_non_null(strstr(bench->other.why, BRIDGED1 " is still being brought to rest"));
	bench_set_busy(bench, MIDDLE, 0);
	service_settle(&bench->service);
	assert_int_equal(bench_others_attach(bench, LEFT), 0);
}

static void member_that_does_not_come_to_rest_closes_its_group(void **state)
{
	struct bench *bench = *state;
	uint32_t second;

	bench_grant(bench);
	bench_attach(bench, LEFT);
	second = bench_attach(bench, MIDDLE);
	bench_set_busy(bench, MIDDLE, 1);
	assert_int_equal(raw_detach(&bench->raw, second), 0);
	assert_true(bench_alias_reaches(bench));
	while (bench_state(bench, MIDDLE) == WIRE_DEVICE_RELEASING) {
		service_clock(&bench->service, UINT64_C(100000000));
		service_turn(&bench->service);
	}
	assert_int_equal(bench_state(bench, MIDDLE), WIRE_DEVICE_QUARANTINED);
	assert_int_equal(bench_state(bench, LEFT), WIRE_DEVICE_QUARANTINED);
	assert_false(bench_alias_reaches(bench));
	assert_false(bench_own_reaches(bench, LEFT));
	assert_string_equal(bench_view(bench, LEFT).note, "it cannot be told apart from " BRIDGED1
						     ", which is in quarantine");
	/* Nor may anybody have the one that nobody had. */
	assert_int_equal(bench_state(bench, RIGHT), WIRE_DEVICE_CLOSED);
	assert_int_equal(bench_others_attach(bench, RIGHT), -EPERM);
	assert_non_null(strstr(bench->other.why, "is in quarantine"));
	bench_set_busy(bench, MIDDLE, 0);
	assert_int_equal(bench_release(bench, BRIDGED0), 0);
	service_settle(&bench->service);
	assert_int_equal(bench_state(bench, MIDDLE), WIRE_DEVICE_CLOSED);
	assert_int_equal(bench_others_attach(bench, RIGHT), 0);
	assert_int_equal(bench_release(bench, BRIDGED0), -EINVAL);
}

static void dead_client_closes_its_group_and_the_next_one_gets_it(void **state)
{
	struct bench *bench = *state;

	bench_grant(bench);
	bench_attach(bench, LEFT);
	bench_attach(bench, MIDDLE);
	assert_true(bench_alias_reaches(bench));
	raw_end(&bench->raw, &bench->service);
	assert_false(bench_alias_reaches(bench));
	assert_false(bench_own_reaches(bench, LEFT));
	assert_false(bench_own_reaches(bench, MIDDLE));
	service_settle(&bench->service);
	assert_int_equal(raw_status(&bench->other).grants, 0);
	assert_int_equal(bench_others_attach(bench, MIDDLE), 0);
	assert_false(bench_alias_reaches(bench));
}

static void client_that_dies_between_two_detaches_closes_its_group(void **state)
{
	struct bench *bench = *state;
	uint32_t first;

	bench_grant(bench);
	first = bench_attach(bench, LEFT);
	bench_attach(bench, MIDDLE);
	bench_set_busy(bench, LEFT, 1);
	assert_int_equal(raw_detach(&bench->raw, first), 0);
	assert_true(bench_alias_reaches(bench));
	raw_end(&bench->raw, &bench->service);
	assert_false(bench_alias_reaches(bench));
	bench_set_busy(bench, LEFT, 0);
	service_settle(&bench->service);
	assert_int_equal(bench_others_attach(bench, LEFT), 0);
}

/* The unit has not confirmed yet when the client goes. */
static void client_that_dies_while_it_attaches_closes_its_group(void **state)
{
	struct bench *bench = *state;
	struct wire_attach ask = { .domain = bench->domain, .name = BRIDGED1 };

	bench_grant(bench);
	bench_attach(bench, LEFT);
	bench->service.fake->is_stopped = true;
	raw_ask(&bench->raw, WIRE_ATTACH, &ask, sizeof(ask), -1);
	raw_status(&bench->other);
	raw_close(&bench->raw);
	bench->raw.fd = -1;
	service_turn(&bench->service);
	bench->service.fake->is_stopped = false;
	hw_fake_consume(bench->service.fake, UINT64_MAX);
	service_wait_clients(&bench->service, 1);
	service_settle(&bench->service);
	assert_false(bench_alias_reaches(bench));
	assert_false(bench_own_reaches(bench, MIDDLE));
	assert_int_equal(bench_others_attach(bench, MIDDLE), 0);
}

/* The second one's own stream is refused: the first one's stays as it is. */
static void member_that_cannot_be_bound_leaves_the_others_open(void **state)
{
	struct bench *bench = *state;

	bench_grant(bench);
	bench_attach(bench, LEFT);
	bench->twist->fail_bind = bench->twist->binds + 1;
	assert_int_equal(raw_attach(&bench->raw, bench->domain, BRIDGED1, NULL), -EIO);
	assert_true(bench_alias_reaches(bench));
	assert_true(bench_own_reaches(bench, LEFT));
	assert_false(bench_own_reaches(bench, MIDDLE));
	service_settle(&bench->service);
	bench_attach(bench, MIDDLE);
	assert_true(bench_own_reaches(bench, MIDDLE));
}

#define CALMLY(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
#define IDLE(name) cmocka_unit_test_setup_teardown(name, bench_setup_idle, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CALMLY(group_shown_with_each_of_its_devices),
		IDLE(uncovered_device_refused_with_the_reason_and_shown),
		IDLE(group_attached_only_by_who_may_have_all_of_it),
		IDLE(group_member_the_policy_does_not_mention_is_named_too),
		CALMLY(shared_stream_open_from_the_first_attach_to_the_last_detach),
		CALMLY(group_of_another_client_refused_naming_who_has_which),
		CALMLY(group_in_another_domain_of_the_same_client_refused),
		CALMLY(group_is_free_when_every_member_is_at_rest),
		CALMLY(member_that_does_not_come_to_rest_closes_its_group),
		CALMLY(dead_client_closes_its_group_and_the_next_one_gets_it),
		CALMLY(client_that_dies_between_two_detaches_closes_its_group),
		CALMLY(client_that_dies_while_it_attaches_closes_its_group),
		CALMLY(member_that_cannot_be_bound_leaves_the_others_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
