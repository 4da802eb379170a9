// SPDX-License-Identifier: BSD-2-Clause
/* Each refusal counted once, told to whom it concerns, and never too late to be read. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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
#define RING 4096u /* records of the log */
#define FAR_APART 256u /* no two accesses this far apart are one transfer */

struct bench {
	struct service service;
	struct raw raw, other;
	uint32_t domain, device;
};

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	*state = bench;
	service_start(&bench->service, NULL);
	raw_open(&bench->raw, &bench->service);
	raw_open(&bench->other, &bench->service);
	bench->domain = raw_domain(&bench->raw);
	assert_int_equal(raw_attach(&bench->raw, bench->domain, DMA0, &bench->device), 0);
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

static uint32_t queue_size(const struct service *service)
{
	return 1u << (hw_fake_get(service->fake, FAKE_EVENTQ_BASE, 8) & 31);
}

/* The records behind after; of everybody, or the connection's own. */
static uint32_t read_faults(struct raw *raw, uint16_t id, uint64_t after,
			    struct wire_list *ret_list)
{
	const struct wire_fault_read ask = { .after = after };

	if (raw_call(raw, id, &ask, sizeof(ask), ret_list, sizeof(*ret_list)) < 0)
		fail_msg("%s", raw->why);
	return ret_list->count;
}

static struct wire_fault record(const struct raw *raw, uint32_t index)
{
	struct wire_fault fault;

	memcpy(&fault, (const struct wire_fault *)raw_entries(raw) + index, sizeof(fault));
	return fault;
}

struct sums {
	uint64_t faults, records, losses, last;
};

static struct sums sum_all(struct raw *raw)
{
	struct wire_list list = { 0 };
	struct sums sums = { 0 };
	uint32_t i;

	do {
		read_faults(raw, WIRE_LIST_FAULTS, sums.last, &list);
		for (i = 0; i < list.count; i++) {
			struct wire_fault fault = record(raw, i);

			assert_int_equal(fault.sequence, sums.last + 1);
			sums.last = fault.sequence;
			sums.faults += fault.count;
			sums.losses += (fault.flags & WIRE_FAULT_LOSS) != 0;
			sums.records++;
		}
	} while (list.next);
	return sums;
}

static void f49_late_subscriber_reads_earlier_faults(void **state)
{
	const struct wire_none none = { 0 };
	struct bench *bench = *state;
	struct wire_fault fault;
	struct wire_list list;

	service_fault(&bench->service, SERVICE_STREAM(0), BASE, true);
	service_fault(&bench->service, SERVICE_STREAM(1), BASE, true);
	raw_status(&bench->other);
	assert_int_equal(raw_call(&bench->raw, WIRE_FAULT_SUBSCRIBE, &none, sizeof(none), NULL, 0),
			 0);
	assert_int_equal(read_faults(&bench->raw, WIRE_FAULT_READ, 0, &list), 1);
	assert_int_equal(list.lost, 0);
	fault = record(&bench->raw, 0);
	assert_string_equal(fault.device, DMA0);
	assert_string_equal(fault.owner, "tester");
	assert_string_equal(fault.event, "F_TRANSLATION");
	assert_int_equal(fault.address, BASE);
	assert_int_equal(fault.access, RIGHT_WRITE);
	assert_int_equal(fault.client, 1);
	assert_int_equal(fault.pid, getpid());
	/* Another's are not shown to it, and its own not to others. */
	assert_int_equal(read_faults(&bench->other, WIRE_FAULT_READ, 0, &list), 0);
	assert_int_equal(read_faults(&bench->other, WIRE_LIST_FAULTS, 0, &list), 2);
}

static void f49_overrun_log_tells_how_many_are_lost(void **state)
{
	struct bench *bench = *state;
	struct wire_list list;
	struct sums sums;
	uint64_t i;

	for (i = 0; i < RING + 904; i++) {
		service_fault(&bench->service, SERVICE_STREAM(0), BASE + i * FAR_APART, false);
		if (i % 64 == 63)
			raw_status(&bench->other);
	}
	read_faults(&bench->raw, WIRE_FAULT_READ, 0, &list);
	assert_int_equal(list.lost, 904);
	assert_int_equal(record(&bench->raw, 0).sequence, 905);
	/* Who had read some has lost less. */
	read_faults(&bench->raw, WIRE_FAULT_READ, 900, &list);
	assert_int_equal(list.lost, 4);
	read_faults(&bench->raw, WIRE_FAULT_READ, 904, &list);
	assert_int_equal(list.lost, 0);
	assert_int_equal(read_faults(&bench->raw, WIRE_FAULT_READ, UINT64_MAX, &list), 0);
	assert_int_equal(read_faults(&bench->raw, WIRE_FAULT_READ, UINT64_MAX - 1, &list), 0);
	sums.records = raw_status(&bench->other).faults;
	assert_int_equal(sums.records, RING + 904);
}

static void f43_a_hundred_thousand_faults_are_all_counted(void **state)
{
	enum { EVENTS = 100000, CHUNK = 64 };
	struct bench *bench = *state;
	struct wire_status status;
	struct wire_fault fault;
	struct wire_list list;
	struct sums sums;
	uint64_t i;

	for (i = 0; i < EVENTS; i++) {
		/* Two devices in turn: one in one run, one all over the place. */
		if (i % 2)
			service_fault(&bench->service, SERVICE_STREAM(0), BASE + i * 4, true);
		else
			service_fault(&bench->service, SERVICE_STREAM(1),
				      i % 1000 ? BASE : i * FAR_APART, false);
		if (i % CHUNK == CHUNK - 1)
			raw_status(&bench->other);
	}
	status = raw_status(&bench->other);
	assert_int_equal(status.faults, EVENTS);
	assert_int_equal(status.fault_losses, 0);
	sums = sum_all(&bench->other);
	assert_int_equal(sums.faults, EVENTS);
	assert_int_equal(sums.losses, 0);
	assert_int_equal(sums.records, status.fault_records);
	assert_true(sums.records < RING);
	assert_int_equal(read_faults(&bench->raw, WIRE_FAULT_READ, 0, &list), 1);
	fault = record(&bench->raw, 0);
	assert_int_equal(fault.count, EVENTS / 2);
	assert_int_equal(fault.address, BASE + 4);
	assert_int_equal(fault.last_address, BASE + (EVENTS - 1) * 4);
	/* The log's lines are bounded, the counts are not. */
	assert_true(service_said_count(&bench->service, "fault ") <= 100);
}

static void f43_one_devices_storm_hides_no_others_fault(void **state)
{
	struct bench *bench = *state;
	struct sums sums;
	unsigned i;

	for (i = 0; i < 50; i++)
		service_fault(&bench->service, SERVICE_STREAM(0), BASE + i * FAR_APART, true);
	service_fault(&bench->service, SERVICE_STREAM(1), 0x7000, true);
	sums = sum_all(&bench->other);
	assert_int_equal(sums.faults, 51);
	assert_true(service_said(&bench->service, "at 0x7000"));
	assert_true(service_said_count(&bench->service, DMA0 " stream") <= 10);
}

static void f44_overflow_of_the_event_queue_is_one_loss(void **state)
{
	struct bench *bench = *state;
	uint32_t size = queue_size(&bench->service), i;
	struct wire_status status;
	struct sums sums;

	service_freeze(&bench->service);
	for (i = 0; i < size + 100; i++)
		service_fault(&bench->service, SERVICE_STREAM(0), BASE + i, true);
	service_thaw(&bench->service);
	sums = sum_all(&bench->other);
	assert_int_equal(sums.faults, size);
	assert_int_equal(sums.losses, 1);
	status = raw_status(&bench->other);
	assert_int_equal(status.fault_losses, 1);
	assert_int_equal(raw_unit(&bench->other).event_losses, 1);
	/* Acknowledged: what comes after is recorded again, and no loss. */
	service_fault(&bench->service, SERVICE_STREAM(0), BASE, true);
	assert_int_equal(sum_all(&bench->other).faults, size + 1);
	assert_int_equal(raw_status(&bench->other).fault_losses, 1);
}

static void f44_quiet_loss_is_told_by_the_global_error(void **state)
{
	struct bench *bench = *state;
	uint32_t size = queue_size(&bench->service), i;

	bench->service.fake->loses_quietly = true;
	service_freeze(&bench->service);
	for (i = 0; i < size + 1; i++)
		service_fault(&bench->service, SERVICE_STREAM(0), BASE + i, true);
	service_thaw(&bench->service);
	assert_int_equal(sum_all(&bench->other).faults, size);
	assert_int_equal(raw_status(&bench->other).fault_losses, 1);
}

static void f45_records_nobody_understands_are_counted_with_their_words(void **state)
{
	static const uint64_t odd[][4] = {
		{ 0, 0, 0, 0 },
		{ ~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0) },
		{ 0x7f, 0, 0, 0 },
		{ 0xe3, 1, 2, 3 },
		{ 0x10 | UINT64_C(0xffffffff) << 32, 0, 0x1000, 0 },	/* no such stream */
		{ 0x10 | UINT64_C(0x10) << 32 | 0xfffff800, 0, ~UINT64_C(0), 0 },
		{ 0x02 | UINT64_C(0x80000000) << 32, 0, 0, 0 },
	};
	struct bench *bench = *state;
	struct wire_list list;
	size_t i, k;

	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		hw_fake_event(bench->service.fake, odd[i]);
	assert_int_equal(read_faults(&bench->other, WIRE_LIST_FAULTS, 0, &list), i);
	for (k = 0; k < i; k++)
		assert_memory_equal(record(&bench->other, (uint32_t)k).words, odd[k],
				    sizeof(odd[k]));
	assert_int_equal(raw_unit(&bench->other).unknown_events, 4);
	assert_int_equal(raw_status(&bench->other).faults, i);
}

/* Events carry no time: the mark at the change of owner decides. */
static void fault_before_a_detach_is_the_old_owners_after_it_nobodys(void **state)
{
	struct bench *bench = *state;
	struct wire_fault fault;
	struct wire_list list;
	uint32_t domain = raw_domain(&bench->other);

	service_freeze(&bench->service);
	service_fault(&bench->service, SERVICE_STREAM(0), 0x1000, true);
	raw_ask(&bench->raw, WIRE_DETACH, &(struct wire_handle){ .handle = bench->device }, 8, -1);
	service_thaw(&bench->service);
	assert_int_equal(raw_answer(&bench->raw, WIRE_DETACH, NULL, 0), 0);
	service_fault(&bench->service, SERVICE_STREAM(0), 0x2000, true);
	service_settle(&bench->service);
	assert_int_equal(raw_attach(&bench->other, domain, DMA0, NULL), 0);
	service_fault(&bench->service, SERVICE_STREAM(0), 0x3000, true);
	assert_int_equal(read_faults(&bench->other, WIRE_LIST_FAULTS, 0, &list), 3);
	fault = record(&bench->other, 0);
	assert_int_equal(fault.client, 1);
	assert_int_equal(fault.domain, bench->domain);
	fault = record(&bench->other, 1);
	assert_int_equal(fault.client, 0);
	assert_int_equal(fault.domain, 0);
	fault = record(&bench->other, 2);
	assert_int_equal(fault.client, 2);
	assert_int_equal(fault.domain, domain);
	assert_int_equal(read_faults(&bench->raw, WIRE_FAULT_READ, 0, &list), 1);
	assert_int_equal(read_faults(&bench->other, WIRE_FAULT_READ, 0, &list), 1);
}

static int subscribe(struct raw *raw)
{
	const struct wire_none none = { 0 };
	int fd;

	assert_int_equal(raw_call(raw, WIRE_FAULT_SUBSCRIBE, &none, sizeof(none), NULL, 0), 0);
	assert_int_equal(raw->fd_count, 1);
	fd = raw->fds[0];
	raw->fd_count = 0;
	return fd;
}

static bool is_readable(int fd)
{
	struct pollfd look = { .fd = fd, .events = POLLIN };

	return poll(&look, 1, 0) == 1 && (look.revents & POLLIN);
}

static void subscriber_is_woken_once_until_it_reads(void **state)
{
	struct bench *bench = *state;
	int fd = subscribe(&bench->raw);
	uint64_t count;
	unsigned i;

	assert_false(is_readable(fd));
	for (i = 0; i < 20; i++)
		service_fault(&bench->service, SERVICE_STREAM(0), BASE + i * FAR_APART, true);
	raw_status(&bench->other);
	assert_true(is_readable(fd));
	assert_int_equal(read(fd, &count, sizeof(count)), sizeof(count));
	assert_false(is_readable(fd));
	service_fault(&bench->service, SERVICE_STREAM(1), BASE, true);
	raw_status(&bench->other);
	assert_false(is_readable(fd)); /* not its device */
	service_fault(&bench->service, SERVICE_STREAM(0), BASE, true);
	raw_status(&bench->other);
	assert_true(is_readable(fd));
	close(fd);
	service_fault(&bench->service, SERVICE_STREAM(0), 0, true);
	raw_status(&bench->other); /* nobody holds the other end: no signal, no end */
}

/* Whatever the client does to its descriptor, the daemon never waits for it. */
static void f21_subscriber_that_abuses_its_descriptor_blocks_nobody(void **state)
{
	struct bench *bench = *state;
	unsigned descriptors, i;
	uint64_t most = UINT64_MAX - 1;
	int fd = subscribe(&bench->raw);

	assert_int_equal(fcntl(fd, F_SETFL, 0), 0); /* may block from now on */
	(void)!send(fd, &most, sizeof(most), MSG_DONTWAIT | MSG_NOSIGNAL);
	raw_status(&bench->raw);
	descriptors = service_descriptors(&bench->service);
	for (i = 0; i < 3000; i++) {
		service_fault(&bench->service, SERVICE_STREAM(0), BASE + i * FAR_APART, true);
		if (i % 64 == 63)
			raw_status(&bench->other);
	}
	for (i = 0; i < 50; i++)
		close(subscribe(&bench->raw));
	raw_status(&bench->raw);
	assert_int_equal(service_descriptors(&bench->service), descriptors);
	close(fd);
}

#define OPENED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPENED(f49_late_subscriber_reads_earlier_faults),
		OPENED(f49_overrun_log_tells_how_many_are_lost),
		OPENED(f43_a_hundred_thousand_faults_are_all_counted),
		OPENED(f43_one_devices_storm_hides_no_others_fault),
		OPENED(f44_overflow_of_the_event_queue_is_one_loss),
		OPENED(f44_quiet_loss_is_told_by_the_global_error),
		OPENED(f45_records_nobody_understands_are_counted_with_their_words),
		OPENED(fault_before_a_detach_is_the_old_owners_after_it_nobodys),
		OPENED(subscriber_is_woken_once_until_it_reads),
		OPENED(f21_subscriber_that_abuses_its_descriptor_blocks_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
