// SPDX-License-Identifier: BSD-2-Clause
/*
 * Quotas: at the limit, one more, and after release, for each resource and for
 * all connections of a uid together. After a client's death everything is zero.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "raw.h"

#define BASE UINT64_C(0x100000)

static const char limited[] =
	SERVICE_DEVICES
	"clients:\n"
	"  - name: tester\n"
	"    uid: self\n"
	"    rights: [attach, admin]\n"
	"    attach: [dma0, dma1]\n"
	"    limits: {connections: 3, domains: 3, memories: 3, grants: 5, memory: 64KiB,\n"
	"             tables: 40KiB, devices: 1}\n";

struct pair {
	struct service service;
	struct raw a, b; /* of the same uid */
	struct wire_status idle;
	struct wire_unit idle_unit;
};

static int setup(void **state)
{
	struct pair *pair = calloc(1, sizeof(*pair));

	*state = pair;
	service_start(&pair->service, limited);
	raw_open(&pair->a, &pair->service);
	raw_open(&pair->b, &pair->service);
	pair->idle = raw_status(&pair->a);
	pair->idle_unit = raw_unit(&pair->a);
	return 0;
}

/* After everybody's end nothing is left: neither counted nor taken. */
static int teardown(void **state)
{
	struct pair *pair = *state;
	struct wire_status status;
	struct raw last;

	raw_close(&pair->a);
	raw_close(&pair->b);
	service_wait_clients(&pair->service, 0);
	service_settle(&pair->service);
	service_turn(&pair->service); /* tables wait for the invalidation behind them */
	raw_open(&last, &pair->service);
	status = raw_status(&last);
	raw_close(&last);
	service_stop(&pair->service);
	assert_int_equal(status.clients, 1);
	assert_int_equal(status.domains, 0);
	assert_int_equal(status.memories, 0);
	assert_int_equal(status.grants, 0);
	assert_int_equal(status.pinned_forever_bytes, 0);
	assert_int_equal(status.table_bytes, pair->idle.table_bytes);
	assert_int_equal(status.arena_free_bytes, pair->idle.arena_free_bytes);
	free(pair);
	return 0;
}

static void check_refused(const struct raw *raw, const char *limit)
{
	assert_int_equal(raw->status, -EDQUOT);
	if (!strstr(raw->why, limit))
		fail_msg("'%s' does not name '%s'", raw->why, limit);
}

static void f24_connections_over_the_limit_refused(void **state)
{
	struct pair *pair = *state;
	struct raw third, fourth;
	int i;

	raw_open(&third, &pair->service);
	for (i = 0; i < 5; i++) {
		raw_connect(&fourth, &pair->service);
		raw_hello(&fourth);
		check_refused(&fourth, "limits: connections");
		assert_true(raw_is_cut(&fourth));
		raw_close(&fourth);
	}
	raw_end(&third, &pair->service);
	raw_open(&third, &pair->service);
	raw_close(&third);
}

static void f24_domains_over_the_limit_refused(void **state)
{
	struct pair *pair = *state;
	uint32_t one = raw_domain(&pair->a), more;

	raw_domain(&pair->b);
	raw_domain(&pair->a);
	raw_domain_try(&pair->a, &more);
	check_refused(&pair->a, "limits: domains");
	raw_domain_try(&pair->b, &more);
	check_refused(&pair->b, "limits: domains");
	assert_int_equal(raw_domain_destroy(&pair->a, one), 0);
	raw_domain(&pair->b);
}

static int add_memory(struct raw *raw, uint64_t pages, uint32_t *ret_memory)
{
	int fd = raw_memfd(pages, F_SEAL_SHRINK);
	int status = raw_memory_add(raw, fd, 0, pages * PAGE_BYTES, RW, ret_memory);

	close(fd);
	return status;
}

static void f24_memories_over_the_limit_refused(void **state)
{
	struct pair *pair = *state;
	uint32_t one = raw_memory(&pair->a, 1);

	raw_memory(&pair->b, 1);
	raw_memory(&pair->b, 1);
	add_memory(&pair->a, 1, NULL);
	check_refused(&pair->a, "limits: memories");
	add_memory(&pair->b, 1, NULL);
	check_refused(&pair->b, "limits: memories");
	assert_int_equal(raw_memory_remove(&pair->a, one), 0);
	raw_memory(&pair->b, 1);
}

static void f24_memory_bytes_over_the_limit_refused(void **state)
{
	struct pair *pair = *state;
	uint32_t one = raw_memory(&pair->a, 15);

	add_memory(&pair->b, 2, NULL);
	check_refused(&pair->b, "limits: memory");
	raw_memory(&pair->b, 1);
	add_memory(&pair->b, 1, NULL);
	check_refused(&pair->b, "limits: memory");
	assert_int_equal(raw_memory_remove(&pair->a, one), 0);
	raw_memory(&pair->b, 15);
}

static void f24_grants_over_the_limit_refused(void **state)
{
	struct pair *pair = *state;
	uint32_t domain = raw_domain(&pair->a), memory = raw_memory(&pair->a, 8);
	uint32_t other = raw_domain(&pair->b), theirs = raw_memory(&pair->b, 1);
	struct wire_range range = { BASE, PAGE_BYTES };
	struct wire_map maps[6], one = raw_page(theirs, BASE, 0);
	uint32_t i;

	for (i = 0; i < 6; i++)
		maps[i] = raw_page(memory, BASE + i * PAGE_BYTES, i);
	raw_map(&pair->a, domain, maps, 6);
	check_refused(&pair->a, "limits: grants");
	assert_int_equal(raw_map(&pair->a, domain, maps, 4), 0);
	assert_int_equal(raw_map(&pair->b, other, &one, 1), 0);
	raw_map(&pair->a, domain, &maps[4], 1);
	check_refused(&pair->a, "limits: grants");
	assert_int_equal(raw_unmap(&pair->b, other, &range, 1), 0);
	assert_int_equal(raw_map(&pair->a, domain, &maps[4], 1), 0);
	assert_int_equal(raw_grants(&pair->a), 5);
}

static void f24_devices_over_the_limit_refused(void **state)
{
	struct pair *pair = *state;
	uint32_t device;

	assert_int_equal(raw_attach(&pair->a, raw_domain(&pair->a), DMA0, &device), 0);
	raw_attach(&pair->a, raw_domain(&pair->a), DMA1, NULL);
	check_refused(&pair->a, "limits: devices");
	raw_attach(&pair->b, raw_domain(&pair->b), DMA1, NULL);
	check_refused(&pair->b, "limits: devices");
	assert_int_equal(raw_detach(&pair->a, device), 0);
	service_settle(&pair->service);
	raw_close(&pair->a); /* its two domains go too */
	assert_int_equal(raw_attach(&pair->b, raw_domain(&pair->b), DMA1, NULL), 0);
}

static uint64_t table_bytes(struct pair *pair)
{
	return raw_status(&pair->a).table_bytes - pair->idle.table_bytes;
}

/* Ten pages of tables for the uid: no mapping goes beyond, however it is spread. */
static void f41_tables_over_the_limit_refused_and_unwound(void **state)
{
	struct pair *pair = *state;
	uint32_t domain = raw_domain(&pair->a), memory = raw_memory(&pair->a, 1);
	struct wire_range range;
	struct wire_map map;
	uint64_t before, i;

	assert_int_equal(raw_attach(&pair->a, domain, DMA0, NULL), 0);
	for (i = 1; i < 100; i++) {
		before = table_bytes(pair);
		map = raw_page(memory, i << 30, 0); /* two tables more, each time */
		if (raw_map(&pair->a, domain, &map, 1) < 0)
			break;
	}
	check_refused(&pair->a, "table");
	assert_in_range(i, 2, 6);
	assert_int_equal(table_bytes(pair), before);
	assert_in_range(before, 1, 10 * PAGE_BYTES);
	assert_int_equal(raw_grants(&pair->a), i - 1);
	assert_false(service_reaches(&pair->service, 0, i << 30, false));
	range = (struct wire_range){ UINT64_C(1) << 30, PAGE_BYTES };
	assert_int_equal(raw_unmap(&pair->a, domain, &range, 1), 0);
	assert_int_equal(raw_map(&pair->a, domain, &map, 1), 0);
	assert_true(service_reaches(&pair->service, 0, i << 30, false));
}

/* Attaching fills tables too: spreading grants over domains gains nothing. */
static void f41_tables_of_several_domains_count_together(void **state)
{
	struct pair *pair = *state;
	uint32_t memory = raw_memory(&pair->a, 1), domain, device, k;
	struct wire_map map;

	for (k = 0; k < 3; k++) {
		domain = raw_domain(&pair->a);
		map = raw_page(memory, UINT64_C(1) << 30, 0);
		assert_int_equal(raw_map(&pair->a, domain, &map, 1), 0);
		if (raw_attach(&pair->a, domain, DMA0, &device) == 0) {
			assert_int_equal(raw_detach(&pair->a, device), 0);
			service_settle(&pair->service);
		}
	}
	check_refused(&pair->a, "table");
	assert_in_range(table_bytes(pair), 1, 10 * PAGE_BYTES);
	assert_int_equal(service_state(&pair->service, 0), WIRE_DEVICE_CLOSED);
}

/* The first domain leaves room for a part of what the second one asks. */
static void f41_tables_grow_to_the_limit_of_the_uid_and_no_further(void **state)
{
	struct pair *pair = *state;
	uint32_t memory = raw_memory(&pair->a, 1), domain, device, k, i;
	struct wire_map map;

	for (k = 0; k < 2; k++) {
		domain = raw_domain(&pair->a);
		assert_int_equal(raw_attach(&pair->a, domain, DMA0, &device), 0);
		for (i = 0; i < 2; i++) {
			map = raw_page(memory, (UINT64_C(1) + i) << 30, 0);
			raw_map(&pair->a, domain, &map, 1);
		}
		if (k == 0)
			assert_int_equal(pair->a.status, 0);
		else
			check_refused(&pair->a, "limits: tables");
		assert_int_equal(raw_detach(&pair->a, device), 0);
		service_settle(&pair->service);
	}
	assert_int_equal(table_bytes(pair), 10 * PAGE_BYTES);
	assert_int_equal(raw_grants(&pair->a), 3);
}

static void f42_address_space_ids_are_used_again(void **state)
{
	struct pair *pair = *state;
	uint32_t domain, device, i;

	for (i = 0; i < 300; i++) {
		domain = raw_domain(&pair->a);
		assert_int_equal(raw_attach(&pair->a, domain, DMA0, &device), 0);
		assert_int_equal(raw_detach(&pair->a, device), 0);
		assert_int_equal(raw_domain_destroy(&pair->a, domain), 0);
		service_settle(&pair->service);
	}
}

static void f24_another_uid_has_quotas_of_its_own(void **state)
{
	struct service service;
	struct raw mine, other;
	uint32_t domain, i;

	(void)state;
	if (geteuid() != 0) {
		print_message("skip: only root can connect as somebody else\n");
		skip();
	}
	service_start(&service, SERVICE_DEVICES
		      "clients:\n"
		      "  - {name: one, uid: self, rights: [attach, admin], limits: {domains: 2}}\n"
		      "  - {name: two, uid: 4711, rights: [attach], limits: {domains: 1}}\n");
	chmod(service.dir, 0755);
	chmod(service.socket, 0777);
	raw_open(&mine, &service);
	raw_open_as(&other, &service, 4711);
	for (i = 0; i < 2; i++)
		raw_domain(&mine);
	raw_domain(&other);
	assert_int_equal(raw_domain_try(&other, &domain), -EDQUOT);
	assert_non_null(strstr(other.why, "uid 4711 has 1 domains"));
	/* Identity from the kernel: the rule and the right are those of 4711. */
	assert_int_equal(raw_call(&other, WIRE_STATUS, &(struct wire_none){ 0 }, 8, NULL, 0),
			 -EACCES);
	raw_close(&mine);
	raw_close(&other);
	service_stop(&service);
}

#define LIMITED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIMITED(f24_connections_over_the_limit_refused),
		LIMITED(f24_domains_over_the_limit_refused),
		LIMITED(f24_memories_over_the_limit_refused),
		LIMITED(f24_memory_bytes_over_the_limit_refused),
		LIMITED(f24_grants_over_the_limit_refused),
		LIMITED(f24_devices_over_the_limit_refused),
		LIMITED(f41_tables_over_the_limit_refused_and_unwound),
		LIMITED(f41_tables_of_several_domains_count_together),
		LIMITED(f41_tables_grow_to_the_limit_of_the_uid_and_no_further),
		LIMITED(f42_address_space_ids_are_used_again),
		cmocka_unit_test(f24_another_uid_has_quotas_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
