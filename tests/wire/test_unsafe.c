// SPDX-License-Identifier: BSD-2-Clause
/* A unit that does not check interrupt messages: who may be attached behind it, and who sees it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "raw.h"
#include "twist.h"

#define ALLOWING \
	"version: 1\n" \
	"devices:\n" \
	"  - {name: dma0, match: \"" DMA0 "\", " SERVICE_QUIESCE ", unsafe_interrupts: allow}\n" \
	"  - {name: dma1, match: \"" DMA1 "\", " SERVICE_QUIESCE "}\n"
#define EVERYBODY \
	"clients:\n" \
	"  - {name: tester, uid: self, rights: [attach, admin], attach: [dma0, dma1]}\n"

static struct twist *twist;

static int setup(void **state)
{
	(void)state;
	twist = mmap(NULL, sizeof(*twist), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	assert_ptr_not_equal(twist, MAP_FAILED);
	twist_use(twist);
	twist->unsafe_interrupts = true;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	twist_use(NULL);
	munmap(twist, sizeof(*twist));
	return 0;
}

static const struct wire_device *list_devices(struct raw *raw)
{
	const struct wire_cursor none = { 0 };

	assert_int_equal(raw_call(raw, WIRE_LIST_DEVICES, &none, sizeof(none), NULL, 0), 0);
	return raw_entries(raw);
}

static void f62_unchecked_interrupts_refused_unless_the_policy_allows_them(void **state)
{
	struct service service;
	struct raw raw;
	uint32_t domain;

	(void)state;
	service_start(&service, ALLOWING EVERYBODY);
	raw_open(&raw, &service);
	domain = raw_domain(&raw);
	assert_int_equal(raw_attach(&raw, domain, DMA1, NULL), -EPERM);
	assert_non_null(strstr(raw.why, DMA1 " could raise any interrupt of the machine"));
	assert_non_null(strstr(raw.why, "smmu0 does not check interrupt messages"));
	assert_non_null(strstr(raw.why, "write 'unsafe_interrupts: allow' at 'dma1' (test.yaml:4)"));
	assert_int_equal(service_state(&service, 1), WIRE_DEVICE_CLOSED);
	assert_false(service_said(&service, DMA1 " may raise"));
	assert_int_equal(raw_attach(&raw, domain, DMA0, NULL), 0);
	assert_true(service_said(&service, DMA0 " may raise any interrupt of the machine"));
	raw_close(&raw);
	service_stop(&service);
}

/* The twin: the word changes nothing where the unit checks them. */
static void f62_checked_interrupts_need_no_word_of_the_policy(void **state)
{
	struct service service;
	struct raw raw;
	uint32_t domain;

	(void)state;
	twist->unsafe_interrupts = false;
	service_start(&service, ALLOWING EVERYBODY);
	raw_open(&raw, &service);
	domain = raw_domain(&raw);
	assert_int_equal(raw_attach(&raw, domain, DMA0, NULL), 0);
	assert_int_equal(raw_attach(&raw, domain, DMA1, NULL), 0);
	assert_int_equal(list_devices(&raw)[0].unsafe_interrupts, WIRE_UNSAFE_CHECKED);
	assert_int_equal(raw_status(&raw).devices_unsafe, 0);
	assert_int_equal(raw_unit(&raw).unsafe_interrupts, 0);
	assert_false(service_said(&service, "may raise any interrupt"));
	raw_close(&raw);
	service_stop(&service);
}

static void f62_unchecked_interrupts_shown_for_device_unit_and_service(void **state)
{
	struct service service;
	const struct wire_device *devices;
	struct raw raw;
	uint32_t device;

	(void)state;
	service_start(&service, ALLOWING EVERYBODY);
	raw_open(&raw, &service);
	devices = list_devices(&raw);
	assert_int_equal(devices[0].unsafe_interrupts, WIRE_UNSAFE_ALLOWED);
	assert_int_equal(devices[1].unsafe_interrupts, WIRE_UNSAFE_REFUSED);
	assert_int_equal(raw_unit(&raw).unsafe_interrupts, 1);
	/* Counted while somebody has it. */
	assert_int_equal(raw_status(&raw).devices_unsafe, 0);
	assert_int_equal(raw_attach(&raw, raw_domain(&raw), DMA0, &device), 0);
	assert_int_equal(raw_status(&raw).devices_unsafe, 1);
	assert_int_equal(raw_detach(&raw, device), 0);
	assert_int_equal(raw_status(&raw).devices_unsafe, 0);
	raw_close(&raw);
	service_stop(&service);
}

static void f62_explain_of_a_refused_device_says_what_to_write(void **state)
{
	const struct wire_explain ask = { .name = DMA1 };
	struct wire_explain_reply reply;
	struct service service;
	struct raw raw;

	(void)state;
	service_start(&service, ALLOWING EVERYBODY);
	raw_open(&raw, &service);
	assert_int_equal(raw_call(&raw, WIRE_EXPLAIN, &ask, sizeof(ask), &reply, sizeof(reply)),
			 0);
	assert_int_equal(reply.device.unsafe_interrupts, WIRE_UNSAFE_REFUSED);
	assert_non_null(strstr(reply.advice, "unsafe_interrupts: allow"));
	raw_close(&raw);
	service_stop(&service);
}

#define STATIC_OF(device) \
	"regions:\n  - {name: sram, address: 0x2000000, size: 64KiB, rights: r}\n" EVERYBODY \
	"static:\n  - {device: " device ", region: sram, iova: 0x1000000, rights: r}\n"

static void f62_static_grant_behind_unchecked_interrupts_stops_the_start(void **state)
{
	struct service service;

	(void)state;
	service_prepare(&service);
	assert_int_equal(service_run(&service, ALLOWING STATIC_OF("dma1")), EPERM);
	assert_true(service_said(&service, "test.yaml:10: static grant: " DMA1 " could raise"));
	assert_false(service_reaches(&service, 1, 0x1000000, false));
	service_stop(&service);
}

static void f62_static_grant_with_the_word_holds_and_is_counted(void **state)
{
	struct service service;
	struct raw raw;

	(void)state;
	service_start(&service, ALLOWING STATIC_OF("dma0"));
	assert_true(service_reaches(&service, 0, 0x1000000, false));
	raw_open(&raw, &service);
	assert_int_equal(raw_status(&raw).devices_unsafe, 1);
	raw_close(&raw);
	service_stop(&service);
}

#define TWISTED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TWISTED(f62_unchecked_interrupts_refused_unless_the_policy_allows_them),
		TWISTED(f62_checked_interrupts_need_no_word_of_the_policy),
		TWISTED(f62_unchecked_interrupts_shown_for_device_unit_and_service),
		TWISTED(f62_explain_of_a_refused_device_says_what_to_write),
		TWISTED(f62_static_grant_behind_unchecked_interrupts_stops_the_start),
		TWISTED(f62_static_grant_with_the_word_holds_and_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
