// SPDX-License-Identifier: BSD-2-Clause
/*
 * A unit that takes mappings in batches and answers for all of them at once: one
 * commit a request, and a refusal undoes the whole request everywhere. That nothing
 * is taken away or opened while something is queued, the twist itself sees to.
 */
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

#define BASE UINT64_C(0x100000)

struct bench {
	struct service service;
	struct raw raw, other;
	struct twist *twist;
	uint32_t domain, memory;
};

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	*state = bench;
	bench->twist = mmap(NULL, sizeof(*bench->twist), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(bench->twist, MAP_FAILED);
	bench->twist->has_commit = true;
	twist_use(bench->twist);
	service_start(&bench->service, NULL);
	raw_open(&bench->raw, &bench->service);
	raw_open(&bench->other, &bench->service);
	bench->domain = raw_domain(&bench->raw);
	bench->memory = raw_memory(&bench->raw, 16);
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	raw_close(&bench->raw);
	raw_close(&bench->other);
	service_stop(&bench->service);
	twist_use(NULL);
	munmap(bench->twist, sizeof(*bench->twist));
	free(bench);
	return 0;
}

static void attach(struct bench *bench)
{
	assert_int_equal(raw_attach(&bench->raw, bench->domain, DMA0, NULL), 0);
}

/* Pages first to first + count - 1 of the memory at BASE + page, in one request. */
static int map_pages(struct bench *bench, uint32_t first, uint32_t count)
{
	struct wire_map maps[16];
	uint32_t i;

	for (i = 0; i < count; i++)
		maps[i] = raw_page(bench->memory, BASE + (first + i) * PAGE_BYTES, first + i);
	return raw_map(&bench->raw, bench->domain, maps, count);
}

static int unmap_page(struct bench *bench, uint32_t page)
{
	const struct wire_range range = { BASE + page * PAGE_BYTES, PAGE_BYTES };

	return raw_unmap(&bench->raw, bench->domain, &range, 1);
}

static bool reaches(const struct bench *bench, uint32_t page)
{
	return service_reaches(&bench->service, 0, BASE + page * PAGE_BYTES, true);
}

static void commit_once_for_a_whole_batch(void **state)
{
	struct bench *bench = *state;
	uint32_t commits, i;

	attach(bench);
	commits = bench->twist->commits;
	assert_int_equal(map_pages(bench, 0, 16), 0);
	for (i = 0; i < 16; i++)
		assert_true(reaches(bench, i));
	assert_int_equal(bench->twist->commits, commits + 1);
	assert_int_equal(bench->twist->queued, 0);
	assert_int_equal(raw_grants(&bench->other), 16);
	assert_int_equal(unmap_page(bench, 3), 0);
	assert_false(reaches(bench, 3));
	assert_true(reaches(bench, 4));
	assert_int_equal(bench->twist->commits, commits + 1);
}

static void commit_refused_undoes_the_batch_and_tells_the_client_why(void **state)
{
	struct bench *bench = *state;
	uint32_t i;

	attach(bench);
	assert_int_equal(map_pages(bench, 0, 2), 0);
	bench->twist->fail_commit = bench->twist->commits + 1;
	assert_int_equal(map_pages(bench, 2, 14), -ENOSPC);
	assert_non_null(strstr(bench->raw.why, TWIST_SENTENCE));
	for (i = 0; i < 16; i++)
		assert_int_equal(reaches(bench, i), i < 2);
	assert_int_equal(raw_grants(&bench->other), 2);
	assert_int_equal(raw_status(&bench->other).pinned_forever_bytes, 0);
	/* Nothing of it is left in the way: the same again, then all of it goes. */
	assert_int_equal(map_pages(bench, 2, 14), 0);
	assert_true(reaches(bench, 15));
	raw_end(&bench->raw, &bench->service);
	assert_false(reaches(bench, 0));
	assert_int_equal(raw_status(&bench->other).memories, 0);
}

static void batch_refused_for_another_reason_leaves_nothing_queued(void **state)
{
	struct bench *bench = *state;
	struct wire_map maps[3];

	attach(bench);
	assert_int_equal(map_pages(bench, 5, 1), 0);
	maps[0] = raw_page(bench->memory, BASE, 0);
	maps[1] = raw_page(bench->memory, BASE + PAGE_BYTES, 1);
	maps[2] = raw_page(bench->memory, BASE + 5 * PAGE_BYTES, 2); /* taken */
	assert_int_equal(raw_map(&bench->raw, bench->domain, maps, 3), -EEXIST);
	assert_non_null(strstr(bench->raw.why, "entry 2 of 3"));
	assert_false(reaches(bench, 0));
	assert_false(reaches(bench, 1));
	assert_true(reaches(bench, 5));
	assert_int_equal(bench->twist->queued, 0);
	assert_int_equal(raw_grants(&bench->other), 1);
}

/* Refused for another reason, and then the unit does not even take what was queued. */
static void commit_refused_while_undoing_leaves_nothing(void **state)
{
	struct bench *bench = *state;
	struct wire_map maps[2];

	attach(bench);
	assert_int_equal(map_pages(bench, 5, 1), 0);
	maps[0] = raw_page(bench->memory, BASE, 0);
	maps[1] = raw_page(bench->memory, BASE + 5 * PAGE_BYTES, 1); /* taken */
	bench->twist->fail_commit = bench->twist->commits + 1;
	assert_int_equal(raw_map(&bench->raw, bench->domain, maps, 2), -EEXIST);
	assert_false(reaches(bench, 0));
	assert_true(reaches(bench, 5));
	assert_int_equal(raw_grants(&bench->other), 1);
	assert_int_equal(map_pages(bench, 0, 1), 0);
}

static void commit_that_closes_the_unit_pins_the_memory_for_ever(void **state)
{
	struct bench *bench = *state;

	attach(bench);
	bench->twist->fail_commit = bench->twist->commits + 1;
	bench->twist->fail_closes = true;
	assert_int_equal(map_pages(bench, 0, 2), -ENOSPC);
	assert_non_null(strstr(bench->raw.why, TWIST_SENTENCE));
	assert_false(reaches(bench, 0));
	assert_int_equal(raw_grants(&bench->other), 0);
	assert_int_equal(raw_status(&bench->other).units_closed, 1);
	assert_int_equal(raw_status(&bench->other).pinned_forever_bytes, 16 * PAGE_BYTES);
	assert_int_equal(raw_memory_remove(&bench->raw, bench->memory), -EIO);
}

/* What was sent before the unit had to be closed, the device may have used. */
static void map_that_closes_the_unit_pins_its_memory_for_ever(void **state)
{
	struct bench *bench = *state;

	attach(bench);
	bench->twist->fail_map = bench->twist->maps + 1;
	bench->twist->fail_closes = true;
	assert_int_equal(map_pages(bench, 0, 1), -ENOSPC);
	assert_non_null(strstr(bench->raw.why, TWIST_SENTENCE));
	assert_false(reaches(bench, 0));
	assert_int_equal(raw_status(&bench->other).units_closed, 1);
	assert_int_equal(raw_status(&bench->other).pinned_forever_bytes, 16 * PAGE_BYTES);
	assert_int_equal(raw_memory_remove(&bench->raw, bench->memory), -EIO);
	/* A unit that was closed before has none of what is asked for now. */
	bench->memory = raw_memory(&bench->raw, 16);
	assert_int_equal(map_pages(bench, 0, 1), -EIO);
	assert_int_equal(raw_memory_remove(&bench->raw, bench->memory), 0);
	assert_int_equal(raw_status(&bench->other).pinned_forever_bytes, 16 * PAGE_BYTES);
}

static void map_refused_by_a_healthy_unit_lets_its_memory_go(void **state)
{
	struct bench *bench = *state;

	attach(bench);
	bench->twist->fail_map = bench->twist->maps + 1;
	assert_int_equal(map_pages(bench, 0, 1), -ENOSPC);
	assert_false(reaches(bench, 0));
	assert_int_equal(raw_status(&bench->other).pinned_forever_bytes, 0);
	assert_int_equal(raw_memory_remove(&bench->raw, bench->memory), 0);
}

static void commit_of_replayed_grants_comes_before_the_stream_is_bound(void **state)
{
	struct bench *bench = *state;
	uint32_t commits;

	/* No unit yet: only the books know. */
	assert_int_equal(map_pages(bench, 0, 8), 0);
	commits = bench->twist->commits;
	assert_int_equal(commits, 0);
	attach(bench);
	assert_int_equal(bench->twist->commits, commits + 1);
	assert_true(reaches(bench, 0));
	assert_true(reaches(bench, 7));
	assert_false(reaches(bench, 8));
}

static void commit_refused_at_attach_leaves_the_device_closed(void **state)
{
	struct bench *bench = *state;
	uint32_t domain = raw_domain(&bench->other);

	assert_int_equal(map_pages(bench, 0, 8), 0);
	bench->twist->fail_commit = 1;
	assert_int_equal(raw_attach(&bench->raw, bench->domain, DMA0, NULL), -ENOSPC);
	assert_non_null(strstr(bench->raw.why, TWIST_SENTENCE));
	assert_int_equal(service_state(&bench->service, 0), WIRE_DEVICE_CLOSED);
	assert_false(reaches(bench, 0));
	assert_int_equal(raw_grants(&bench->other), 8);
	/* Anybody may have it, he who was refused too. */
	assert_int_equal(raw_attach(&bench->other, domain, DMA0, NULL), 0);
	assert_int_equal(raw_attach(&bench->raw, bench->domain, DMA1, NULL), 0);
	assert_true(service_reaches(&bench->service, 1, BASE, false));
	assert_false(reaches(bench, 0));
}

/* The host refuses as late as when the device enters its domain. */
static void binding_refused_at_attach_leaves_the_device_at_rest(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(map_pages(bench, 0, 1), 0);
	bench->twist->fail_bind = bench->twist->binds + 1;
	assert_int_equal(raw_attach(&bench->raw, bench->domain, DMA0, NULL), -EIO);
	assert_non_null(strstr(bench->raw.why, DMA0 ": " TWIST_SENTENCE));
	assert_false(reaches(bench, 0));
	service_settle(&bench->service);
	assert_int_equal(service_state(&bench->service, 0), WIRE_DEVICE_CLOSED);
	attach(bench);
	assert_true(reaches(bench, 0));
}

#define STATIC_POLICY \
	SERVICE_DEVICES \
	"regions:\n  - {name: sram, address: 0x2000000, size: 64KiB, rights: r}\n" \
	"clients:\n  - {name: tester, uid: self, rights: [attach, admin], attach: [dma1]}\n" \
	"static:\n" \
	"  - {device: dma0, region: sram, iova: 0x1000000, rights: r}\n" \
	"  - {device: dma0, region: sram, iova: 0x2000000, rights: r}\n"

static void commit_of_static_grants_makes_them_hold(void **state)
{
	struct twist twist = { .has_commit = true };
	struct service service;
	struct raw raw;

	(void)state;
	twist_use(&twist);
	service_start(&service, STATIC_POLICY);
	twist_use(NULL);
	assert_true(service_reaches(&service, 0, 0x1000000, false));
	assert_true(service_reaches(&service, 0, 0x200ffff, false));
	assert_false(service_reaches(&service, 0, 0x2010000, false));
	raw_open(&raw, &service);
	assert_int_equal(raw_grants(&raw), 2);
	raw_close(&raw);
	service_stop(&service);
}

static void commit_refused_for_a_static_grant_stops_the_start(void **state)
{
	struct twist twist = { .has_commit = true, .fail_commit = 3 };
	struct service service;

	(void)state;
	twist_use(&twist);
	service_prepare(&service);
	assert_int_equal(service_run(&service, STATIC_POLICY), ENOSPC);
	twist_use(NULL);
	assert_true(service_said(&service, "static grant: " TWIST_SENTENCE));
	assert_false(service_reaches(&service, 0, 0x1000000, false));
	service_stop(&service);
}

#define HOST_POLICY \
	"version: 1\n" \
	"devices:\n" \
	"  - {name: dma0, match: \"" DMA0 "\", host: identity}\n" \
	"  - {name: dma1, match: \"" DMA1 "\", " SERVICE_QUIESCE "}\n"

static void commit_of_the_hosts_memory_makes_it_reachable(void **state)
{
	struct twist twist = { .has_commit = true };
	struct service service;

	(void)state;
	twist_use(&twist);
	service_prepare(&service);
	service.machine->ram[0] = (struct extent){ PA(0x80000000), 0x10000 };
	service.machine->ram_count = 1;
	assert_int_equal(service_run(&service, HOST_POLICY), 0);
	twist_use(NULL);
	assert_true(service_reaches(&service, 0, 0x8000f000, true));
	assert_false(service_reaches(&service, 0, 0x80010000, true));
	assert_false(service_reaches(&service, 1, 0x8000f000, false));
	service_stop(&service);
}

static void commit_refused_for_the_hosts_memory_stops_the_start(void **state)
{
	struct twist twist = { .has_commit = true, .fail_commit = 1 };
	struct service service;

	(void)state;
	twist_use(&twist);
	service_prepare(&service);
	service.machine->ram[0] = (struct extent){ PA(0x80000000), 0x10000 };
	service.machine->ram_count = 1;
	assert_int_equal(service_run(&service, HOST_POLICY), ENOSPC);
	twist_use(NULL);
	assert_true(service_said(&service, TWIST_SENTENCE));
	assert_false(service_reaches(&service, 0, 0x80000000, false));
	service_stop(&service);
}

#define OPENED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPENED(commit_once_for_a_whole_batch),
		OPENED(commit_refused_undoes_the_batch_and_tells_the_client_why),
		OPENED(batch_refused_for_another_reason_leaves_nothing_queued),
		OPENED(commit_refused_while_undoing_leaves_nothing),
		OPENED(commit_that_closes_the_unit_pins_the_memory_for_ever),
		OPENED(map_that_closes_the_unit_pins_its_memory_for_ever),
		OPENED(map_refused_by_a_healthy_unit_lets_its_memory_go),
		OPENED(commit_of_replayed_grants_comes_before_the_stream_is_bound),
		OPENED(commit_refused_at_attach_leaves_the_device_closed),
		OPENED(binding_refused_at_attach_leaves_the_device_at_rest),
		cmocka_unit_test(commit_of_static_grants_makes_them_hold),
		cmocka_unit_test(commit_refused_for_a_static_grant_stops_the_start),
		cmocka_unit_test(commit_of_the_hosts_memory_makes_it_reachable),
		cmocka_unit_test(commit_refused_for_the_hosts_memory_stops_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
