// SPDX-License-Identifier: BSD-2-Clause
/* Grants asked for wrongly: refused with words, and nothing has changed. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "raw.h"

#define BASE UINT64_C(0x100000)

/* A service and one client with dma0 attached and 16 pages of memory. */
struct bench {
	struct service service;
	struct raw raw;
	uint32_t domain, device, memory;
};

static int open_bench(void **state, const char *policy)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	*state = bench;
	service_start(&bench->service, policy);
	raw_open(&bench->raw, &bench->service);
	bench->domain = raw_domain(&bench->raw);
	assert_int_equal(raw_attach(&bench->raw, bench->domain, DMA0, &bench->device), 0);
	bench->memory = raw_memory(&bench->raw, 16);
	return 0;
}

static int setup(void **state)
{
	return open_bench(state, NULL);
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	raw_close(&bench->raw);
	service_stop(&bench->service);
	free(bench);
	return 0;
}

static int try_map(struct bench *bench, uint64_t iova, uint64_t length, uint64_t offset,
		   unsigned rights)
{
	const struct wire_map map = { bench->memory, rights, iova, length, offset };

	return raw_map(&bench->raw, bench->domain, &map, 1);
}

static int try_unmap(struct bench *bench, uint64_t iova, uint64_t length)
{
	const struct wire_range range = { iova, length };

	return raw_unmap(&bench->raw, bench->domain, &range, 1);
}

static void check_words(const struct bench *bench, const char *words)
{
	if (!strstr(bench->raw.why, words))
		fail_msg("'%s' does not say '%s'", bench->raw.why, words);
}

static void map_in_good_form_reaches_exactly_its_pages(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(try_map(bench, BASE, 2 * PAGE_BYTES, PAGE_BYTES, RW), 0);
	assert_true(service_reaches(&bench->service, 0, BASE, true));
	assert_true(service_reaches(&bench->service, 0, BASE + 2 * PAGE_BYTES - 1, true));
	assert_false(service_reaches(&bench->service, 0, BASE - 1, false));
	assert_false(service_reaches(&bench->service, 0, BASE + 2 * PAGE_BYTES, false));
	assert_false(service_reaches(&bench->service, 1, BASE, false));
	assert_int_equal(try_unmap(bench, BASE, 2 * PAGE_BYTES), 0);
	assert_false(service_reaches(&bench->service, 0, BASE, false));
}

/* Offset by offset, as the list of grants tells it too. */
static void map_leads_to_the_bytes_it_names(void **state)
{
	const struct wire_cursor ask = { 0 };
	const struct wire_grant *grants;
	struct bench *bench = *state;
	uint64_t first;

	assert_int_equal(try_map(bench, BASE, PAGE_BYTES, 0, RW), 0);
	assert_int_equal(try_map(bench, BASE + MIB, 3 * PAGE_BYTES, 5 * PAGE_BYTES, RW), 0);
	first = service_pa(&bench->service, 0, BASE);
	assert_int_equal(service_pa(&bench->service, 0, BASE + MIB), first + 5 * PAGE_BYTES);
	assert_int_equal(service_pa(&bench->service, 0, BASE + MIB + 2 * PAGE_BYTES + 8),
			 first + 7 * PAGE_BYTES + 8);
	assert_int_equal(raw_call(&bench->raw, WIRE_LIST_GRANTS, &ask, sizeof(ask), NULL, 0), 0);
	assert_int_equal(raw_count(&bench->raw), 2);
	grants = raw_entries(&bench->raw);
	assert_int_equal(grants[0].pa, first);
	assert_int_equal(grants[1].pa, first + 5 * PAGE_BYTES);
	assert_int_equal(grants[1].offset, 5 * PAGE_BYTES);
}

static void map_without_write_right_reaches_only_reading(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(try_map(bench, BASE, PAGE_BYTES, 0, RIGHT_READ), 0);
	assert_true(service_reaches(&bench->service, 0, BASE, false));
	assert_false(service_reaches(&bench->service, 0, BASE, true));
}

static void f13_map_of_a_bad_range_refused(void **state)
{
	static const uint64_t top = ~UINT64_C(0) - PAGE_BYTES + 1;
	static const struct { uint64_t iova, length, offset; const char *words; } bad[] = {
		{ BASE, 0, 0, "no bytes" },
		{ BASE + 1, PAGE_BYTES, 0, "multiples of 4096" },
		{ BASE + 0x800, PAGE_BYTES, 0, "multiples of 4096" },
		{ BASE, PAGE_BYTES + 1, 0, "multiples of 4096" },
		{ BASE, 1, 0, "multiples of 4096" },
		{ BASE, PAGE_BYTES, 1, "multiples of 4096" },
		{ top, 2 * PAGE_BYTES, 0, "end of the address space" },
		{ BASE, ~UINT64_C(0), 0, "end of the address space" },
		{ BASE, top, 0, "" },
		{ BASE, PAGE_BYTES, top, "" },
		{ BASE, 2 * PAGE_BYTES, top, "end of the address space" },
		{ top, PAGE_BYTES, 0, "" },
		{ UINT64_C(1) << 48, PAGE_BYTES, 0, "" },
		{ UINT64_C(1) << 63, PAGE_BYTES, 0, "" },
	};
	struct bench *bench = *state;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(try_map(bench, bad[i].iova, bad[i].length, bad[i].offset, RW) < 0);
		assert_true(bench->raw.why[0]);
		check_words(bench, bad[i].words);
	}
	assert_int_equal(raw_grants(&bench->raw), 0);
}

static void f13_map_at_the_last_page_of_the_input_range_reaches_it(void **state)
{
	struct bench *bench = *state;
	struct wire_attach_reply reply = { 0 };
	uint64_t end;

	assert_int_equal(raw_detach(&bench->raw, bench->device), 0);
	service_settle(&bench->service);
	assert_int_equal(raw_attach(&bench->raw, bench->domain, DMA0, NULL), 0);
	memcpy(&reply, wire_body(bench->raw.bytes), sizeof(reply));
	end = UINT64_C(1) << reply.input_bits;
	assert_int_equal(try_map(bench, end - PAGE_BYTES, PAGE_BYTES, 0, RW), 0);
	assert_true(service_reaches(&bench->service, 0, end - 1, true));
	assert_true(try_map(bench, end, PAGE_BYTES, PAGE_BYTES, RW) < 0);
	assert_true(try_map(bench, end - 2 * PAGE_BYTES, 3 * PAGE_BYTES, 0, RW) < 0);
	assert_int_equal(raw_grants(&bench->raw), 1);
}

static void f13_map_beyond_the_memory_refused(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(try_map(bench, BASE, 17 * PAGE_BYTES, 0, RW), -ERANGE);
	assert_int_equal(try_map(bench, BASE, PAGE_BYTES, 16 * PAGE_BYTES, RW), -ERANGE);
	assert_int_equal(try_map(bench, BASE, 2 * PAGE_BYTES, 15 * PAGE_BYTES, RW), -ERANGE);
	assert_int_equal(try_map(bench, BASE, PAGE_BYTES, 15 * PAGE_BYTES, RW), 0);
}

static void map_with_unknown_or_no_rights_refused(void **state)
{
	static const unsigned rights[] = { 0, 8, 0x80000001, UINT32_MAX };
	struct bench *bench = *state;
	size_t i;

	for (i = 0; i < sizeof(rights) / sizeof(rights[0]); i++)
		assert_int_equal(try_map(bench, BASE, PAGE_BYTES, 0, rights[i]), -EINVAL);
}

static void map_with_more_rights_than_the_memory_refused(void **state)
{
	struct bench *bench = *state;
	int fd = raw_memfd(1, F_SEAL_SHRINK);

	assert_int_equal(raw_memory_add(&bench->raw, fd, 0, PAGE_BYTES, RIGHT_READ,
					&bench->memory), 0);
	assert_int_equal(try_map(bench, BASE, PAGE_BYTES, 0, RW), -EACCES);
	assert_int_equal(try_map(bench, BASE, PAGE_BYTES, 0, RIGHT_READ | RIGHT_EXEC), -EACCES);
	assert_int_equal(try_map(bench, BASE, PAGE_BYTES, 0, RIGHT_READ), 0);
	close(fd);
}

static void f27_map_over_a_grant_refused(void **state)
{
	static const struct { uint64_t from, pages; } over[] = {
		{ 2, 4 }, { 2, 1 }, { 5, 1 }, { 1, 2 }, { 5, 2 }, { 0, 16 }, { 3, 2 },
	};
	struct bench *bench = *state;
	size_t i;

	assert_int_equal(try_map(bench, BASE + 2 * PAGE_BYTES, 4 * PAGE_BYTES, 0, RW), 0);
	for (i = 0; i < sizeof(over) / sizeof(over[0]); i++) {
		assert_int_equal(try_map(bench, BASE + over[i].from * PAGE_BYTES,
					 over[i].pages * PAGE_BYTES, 0, RW), -EEXIST);
		check_words(bench, "overlaps the grant at 0x102000");
	}
	/* Touching is not overlapping; other rights are no reason to replace. */
	assert_int_equal(try_map(bench, BASE + 2 * PAGE_BYTES, 4 * PAGE_BYTES, 0, RIGHT_READ),
			 -EEXIST);
	assert_int_equal(try_map(bench, BASE, 2 * PAGE_BYTES, 0, RW), 0);
	assert_int_equal(try_map(bench, BASE + 6 * PAGE_BYTES, PAGE_BYTES, 0, RW), 0);
}

static void f27_unmap_of_a_part_or_of_nothing_refused(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(try_map(bench, BASE, 4 * PAGE_BYTES, 0, RW), 0);
	assert_int_equal(try_map(bench, BASE + 4 * PAGE_BYTES, PAGE_BYTES, 0, RW), 0);
	assert_int_equal(try_unmap(bench, BASE, PAGE_BYTES), -EINVAL);
	check_words(bench, "revoked whole");
	assert_int_equal(try_unmap(bench, BASE, 5 * PAGE_BYTES), -EINVAL);
	assert_int_equal(try_unmap(bench, BASE + PAGE_BYTES, PAGE_BYTES), -ENOENT);
	assert_int_equal(try_unmap(bench, BASE + PAGE_BYTES, 3 * PAGE_BYTES), -ENOENT);
	assert_int_equal(try_unmap(bench, BASE, 0), -EINVAL);
	assert_int_equal(try_unmap(bench, BASE, ~UINT64_C(0)), -EINVAL);
	assert_int_equal(try_unmap(bench, 0, PAGE_BYTES), -ENOENT);
	assert_int_equal(try_unmap(bench, ~UINT64_C(0), ~UINT64_C(0)), -ENOENT);
	assert_int_equal(raw_grants(&bench->raw), 2);
	assert_true(service_reaches(&bench->service, 0, BASE, true));
	assert_int_equal(try_unmap(bench, BASE, 4 * PAGE_BYTES), 0);
	assert_int_equal(try_unmap(bench, BASE, 4 * PAGE_BYTES), -ENOENT);
	assert_true(service_reaches(&bench->service, 0, BASE + 4 * PAGE_BYTES, true));
}

static void f27_unmap_twice_in_one_batch_takes_nothing(void **state)
{
	struct bench *bench = *state;
	const struct wire_range ranges[] = { { BASE, PAGE_BYTES },
					     { BASE + PAGE_BYTES, PAGE_BYTES },
					     { BASE, PAGE_BYTES } };

	assert_int_equal(try_map(bench, BASE, PAGE_BYTES, 0, RW), 0);
	assert_int_equal(try_map(bench, BASE + PAGE_BYTES, PAGE_BYTES, 0, RW), 0);
	assert_int_equal(raw_unmap(&bench->raw, bench->domain, ranges, 3), -EINVAL);
	check_words(bench, "twice");
	assert_int_equal(raw_grants(&bench->raw), 2);
	assert_true(service_reaches(&bench->service, 0, BASE, true));
	assert_int_equal(raw_unmap(&bench->raw, bench->domain, ranges, 2), 0);
}

static void f27_batch_with_one_bad_entry_leaves_nothing(void **state)
{
	struct bench *bench = *state;
	struct wire_map maps[8];
	struct wire_unit before = raw_unit(&bench->raw), after;
	uint32_t bad, i;

	for (bad = 0; bad < 8; bad++) {
		for (i = 0; i < 8; i++)
			maps[i] = raw_page(bench->memory, BASE + i * 2 * MIB, i);
		maps[bad].offset = UINT64_C(1) << 40;
		assert_int_equal(raw_map(&bench->raw, bench->domain, maps, 8), -ERANGE);
		check_words(bench, "of 8");
		for (i = 0; i < 8; i++)
			assert_false(service_reaches(&bench->service, 0, BASE + i * 2 * MIB, false));
	}
	/* One that overlaps an earlier entry of its own batch. */
	maps[bad - 1] = maps[0];
	assert_int_equal(raw_map(&bench->raw, bench->domain, maps, 8), -EEXIST);
	assert_int_equal(raw_grants(&bench->raw), 0);
	after = raw_unit(&bench->raw);
	assert_int_equal(after.table_pages, before.table_pages);
}

static void f27_unmap_batch_with_one_bad_entry_takes_nothing(void **state)
{
	struct bench *bench = *state;
	struct wire_range ranges[4];
	struct wire_map maps[4];
	uint32_t i;

	for (i = 0; i < 4; i++) {
		maps[i] = raw_page(bench->memory, BASE + i * MIB, i);
		ranges[i] = (struct wire_range){ maps[i].iova, PAGE_BYTES };
	}
	assert_int_equal(raw_map(&bench->raw, bench->domain, maps, 4), 0);
	ranges[3].iova += PAGE_BYTES;
	assert_int_equal(raw_unmap(&bench->raw, bench->domain, ranges, 4), -ENOENT);
	assert_int_equal(raw_grants(&bench->raw), 4);
	for (i = 0; i < 4; i++)
		assert_true(service_reaches(&bench->service, 0, BASE + i * MIB, true));
}

static const char windows[] =
	SERVICE_DEVICES
	"regions:\n"
	"  - {name: arena, address: 0x40000000, size: 4KiB, rights: rw}\n"
	"  - {name: sram, address: 0x2000000, size: 64KiB, rights: r}\n"
	"  - {name: other, address: 0x3000000, size: 64KiB, rights: rw}\n"
	"clients:\n"
	"  - name: tester\n"
	"    uid: self\n"
	"    rights: [attach, admin]\n"
	"    attach: [dma0]\n"
	"    regions: [arena, sram]\n"
	"    windows:\n"
	"      - {iova: 0x100000, size: 64KiB}\n"
	"      - {iova: 0x200000, size: 64KiB}\n";

static int setup_windows(void **state)
{
	return open_bench(state, windows);
}

static void f13_map_outside_the_windows_refused(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(try_map(bench, 0x100000, 16 * PAGE_BYTES, 0, RW), 0);
	assert_int_equal(try_map(bench, 0x20f000, PAGE_BYTES, 0, RW), 0);
	assert_int_equal(try_map(bench, 0x110000, PAGE_BYTES, 0, RW), -EACCES);
	check_words(bench, "outside the windows of 'tester'");
	assert_int_equal(try_map(bench, 0xff000, PAGE_BYTES, 0, RW), -EACCES);
	assert_int_equal(try_map(bench, 0x20f000, 2 * PAGE_BYTES, 0, RW), -EACCES);
	assert_int_equal(try_map(bench, 0x10f000, 0x200000 - 0x10f000, 0, RW), -EACCES);
	assert_int_equal(raw_grants(&bench->raw), 2);
}

static int open_region(struct bench *bench, const char *name, struct wire_region_reply *reply)
{
	struct wire_region_open ask = { { 0 } };

	strncpy(ask.name, name, sizeof(ask.name) - 1);
	return raw_call(&bench->raw, WIRE_REGION_OPEN, &ask, sizeof(ask), reply, sizeof(*reply));
}

static void f29_region_over_the_daemons_own_memory_refused(void **state)
{
	struct wire_region_reply region;
	struct bench *bench = *state;

	assert_int_equal(open_region(bench, "arena", &region), -EPERM);
	check_words(bench, "the daemon itself");
	assert_int_equal(open_region(bench, "other", &region), -EACCES);
	assert_int_equal(open_region(bench, "nonsense", &region), -EACCES);
	assert_int_equal(open_region(bench, "sram", &region), 0);
	bench->memory = region.memory;
	assert_int_equal(try_map(bench, BASE, PAGE_BYTES, 0, RW), -EACCES);
	assert_int_equal(try_map(bench, BASE, PAGE_BYTES, PAGE_BYTES, RIGHT_READ), 0);
	assert_true(service_reaches(&bench->service, 0, BASE, false));
}

#define WITH(setup, name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(setup, map_in_good_form_reaches_exactly_its_pages),
		WITH(setup, map_leads_to_the_bytes_it_names),
		WITH(setup, map_without_write_right_reaches_only_reading),
		WITH(setup, f13_map_of_a_bad_range_refused),
		WITH(setup, f13_map_at_the_last_page_of_the_input_range_reaches_it),
		WITH(setup, f13_map_beyond_the_memory_refused),
		WITH(setup, map_with_unknown_or_no_rights_refused),
		WITH(setup, map_with_more_rights_than_the_memory_refused),
		WITH(setup, f27_map_over_a_grant_refused),
		WITH(setup, f27_unmap_of_a_part_or_of_nothing_refused),
		WITH(setup, f27_unmap_twice_in_one_batch_takes_nothing),
		WITH(setup, f27_batch_with_one_bad_entry_leaves_nothing),
		WITH(setup, f27_unmap_batch_with_one_bad_entry_takes_nothing),
		WITH(setup_windows, f13_map_outside_the_windows_refused),
		WITH(setup_windows, f29_region_over_the_daemons_own_memory_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
