// SPDX-License-Identifier: BSD-2-Clause
/* Every byte of every request, and what answers with nonsense in them become. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bits.h"
#include "request.h"

#define DOMAIN 0x04030201u
#define ENDPOINT 0x14131211u

static void assert_bytes(const struct request *request, uint8_t type, const uint8_t *bytes,
			 size_t count)
{
	assert_int_equal(request->type, type);
	assert_int_equal(request->length, count);
	assert_memory_equal(request->word, bytes, count);
}

static void request_attach_is_these_bytes(void **state)
{
	static const uint8_t bytes[] = { 1, 0, 0, 0, 1, 2, 3, 4, 0x11, 0x12, 0x13, 0x14,
					 0, 0, 0, 0, 0, 0, 0, 0 };
	struct request request = make_attach(DOMAIN, ENDPOINT);

	(void)state;
	assert_bytes(&request, 1, bytes, sizeof(bytes));
}

static void request_detach_is_these_bytes(void **state)
{
	static const uint8_t bytes[] = { 2, 0, 0, 0, 1, 2, 3, 4, 0x11, 0x12, 0x13, 0x14,
					 0, 0, 0, 0, 0, 0, 0, 0 };
	struct request request = make_detach(DOMAIN, ENDPOINT);

	(void)state;
	assert_bytes(&request, 2, bytes, sizeof(bytes));
}

static void request_map_is_these_bytes(void **state)
{
	uint8_t bytes[36] = { 3, 0, 0, 0, 1, 2, 3, 4, 0, 0x10, 0x22, 0x33, 0x44, 0x55, 0x66, 0,
			      0xff, 0x2f, 0x22, 0x33, 0x44, 0x55, 0x66, 0,
			      0, 0x90, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0, 0, 0, 0, 0 };
	static const struct { unsigned rights; bool is_mmio; uint8_t flags; } rows[] = {
		{ RIGHT_READ, false, 1 }, { RIGHT_WRITE, false, 2 },
		{ RIGHT_READ | RIGHT_WRITE, false, 3 }, { RIGHT_ALL, false, 3 },
		{ RIGHT_READ | RIGHT_EXEC, false, 1 }, { RIGHT_READ | RIGHT_WRITE, true, 7 },
	};
	struct request request;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		bytes[32] = rows[i].flags;
		request = make_map(DOMAIN, 0x66554433221000, 0x66554433222fff, 0xeeddccbbaa9000,
				   rows[i].rights, rows[i].is_mmio);
		assert_bytes(&request, 3, bytes, sizeof(bytes));
	}
}

static void request_unmap_is_these_bytes(void **state)
{
	static const uint8_t bytes[28] = { 4, 0, 0, 0, 1, 2, 3, 4,
					   0, 0x10, 0x22, 0x33, 0x44, 0x55, 0x66, 0,
					   0xff, 0x2f, 0x22, 0x33, 0x44, 0x55, 0x66, 0 };
	struct request request = make_unmap(DOMAIN, 0x66554433221000, 0x66554433222fff);

	(void)state;
	assert_bytes(&request, 4, bytes, sizeof(bytes));
}

static void request_probe_is_these_bytes(void **state)
{
	static const uint8_t bytes[72] = { 5, 0, 0, 0, 0x11, 0x12, 0x13, 0x14 };
	struct request request = make_probe(ENDPOINT);

	(void)state;
	assert_bytes(&request, 5, bytes, sizeof(bytes));
}

static void request_unmaps_that_touch_become_one(void **state)
{
	struct request low = make_unmap(7, 0x1000, 0x1fff), high = make_unmap(7, 0x2000, 0x4fff);
	struct request both = make_unmap(7, 0x1000, 0x4fff), one;

	(void)state;
	one = low;
	assert_true(request_join_unmap(&one, &high));
	assert_memory_equal(one.word, both.word, sizeof(both.word));
	one = high;
	assert_true(request_join_unmap(&one, &low));
	assert_memory_equal(one.word, both.word, sizeof(both.word));
}

static void request_unmaps_apart_or_of_two_domains_stay_two(void **state)
{
	const struct request low = make_unmap(7, 0x1000, 0x1fff);
	const struct request others[] = {
		make_unmap(7, 0x3000, 0x3fff),	  /* a page between */
		make_unmap(8, 0x2000, 0x2fff),	  /* another domain */
		make_unmap(7, 0x1000, 0x1fff),	  /* the same */
		make_map(7, 0x2000, 0x2fff, 0, RIGHT_READ, false),
		make_detach(7, 0x2000),
	};
	const struct request top = make_unmap(7, UINT64_MAX - 0xfff, UINT64_MAX);
	const struct request bottom = make_unmap(7, 0, 0xfff);
	struct request one;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(others); i++) {
		one = low;
		assert_false(request_join_unmap(&one, &others[i]));
		assert_memory_equal(one.word, low.word, sizeof(low.word));
		one = others[i];
		assert_false(request_join_unmap(&one, &low));
	}
	/* The last page and page 0 do not touch. */
	one = top;
	assert_false(request_join_unmap(&one, &bottom));
	one = bottom;
	assert_false(request_join_unmap(&one, &top));
}

static void request_status_has_words_and_a_code(void **state)
{
	static const int codes[] = { 0, -EIO, -EOPNOTSUPP, -EIO, -EINVAL, -ERANGE, -ENOENT,
				     -EFAULT, -ENOMEM };
	unsigned status;

	(void)state;
	for (status = 0; status < 256; status++) {
		assert_int_equal(status_is_known((uint8_t)status), status < ARRAY_COUNT(codes));
		assert_int_equal(status_errno((uint8_t)status),
				 status < ARRAY_COUNT(codes) ? codes[status] : -EPROTO);
		assert_true(strlen(status_words((uint8_t)status)) > 1);
	}
}

/* --- properties --- */

#define ROOM 96u

static uint8_t answer[ROOM];

static void put(unsigned at, uint16_t type, uint16_t length)
{
	memcpy(&answer[at], &type, 2);
	memcpy(&answer[at + 2], &length, 2);
}

static void put_region(unsigned at, uint8_t subtype, uint64_t start, uint64_t end)
{
	put(at, 1, 20);
	answer[at + 4] = subtype;
	memcpy(&answer[at + 8], &start, 8);
	memcpy(&answer[at + 16], &end, 8);
}

static int parse(struct drv_reserved *list, uint32_t max, struct error *err)
{
	*err = (struct error){ 0 };
	return properties_parse(answer, ROOM, list, max, err);
}

static void properties_regions_are_read_in_order(void **state)
{
	struct drv_reserved list[4];
	struct error err;

	(void)state;
	memset(answer, 0, ROOM);
	put_region(0, 1, 0xfee00000, 0xfeefffff);
	put(24, 0x7ff, 4); /* a kind nobody knows: skipped */
	put_region(32, 0, 0x1000, 0x1fff);
	put_region(56, 77, 0, 0xfff); /* a subtype nobody knows: reserved */
	assert_int_equal(parse(list, 4, &err), 3);
	assert_int_equal(list[0].kind, DRV_RESERVED_INTERRUPT);
	assert_int_equal(list[0].iova, 0xfee00000);
	assert_int_equal(list[0].length, 0x100000);
	assert_int_equal(list[1].kind, DRV_RESERVED_UNUSABLE);
	assert_int_equal(list[1].iova, 0x1000);
	assert_int_equal(list[2].kind, DRV_RESERVED_UNUSABLE);
	assert_int_equal(list[2].length, 0x1000);
	/* How many there are is told even where they do not fit. */
	assert_int_equal(parse(list, 1, &err), 3);
}

static void properties_end_at_an_empty_one(void **state)
{
	struct drv_reserved list[4];
	struct error err;

	(void)state;
	memset(answer, 0, ROOM);
	assert_int_equal(parse(list, 4, &err), 0);
	put_region(4, 1, 0, 0xfff);
	assert_int_equal(parse(list, 4, &err), 0);
}

static void properties_with_reserved_bits_are_skipped(void **state)
{
	struct drv_reserved list[4];
	struct error err;

	(void)state;
	memset(answer, 0, ROOM);
	put_region(0, 1, 0x1000, 0x1fff);
	put(0, 0x1001, 20);
	put_region(24, 1, 0x5000, 0x5fff);
	assert_int_equal(parse(list, 4, &err), 1);
	assert_int_equal(list[0].iova, 0x5000);
}

static void properties_that_lie_are_refused(void **state)
{
	struct drv_reserved list[4];
	struct error err;

	(void)state;
	memset(answer, 0, ROOM);
	put(0, 1, ROOM); /* past the end */
	assert_int_equal(parse(list, 4, &err), -EPROTO);
	assert_string_equal(err.text, "property 0 runs past the end of the answer");
	put(0, 9, UINT16_MAX);
	assert_int_equal(parse(list, 4, &err), -EPROTO);
	put(0, 1, 12); /* too short for what it says it is */
	assert_int_equal(parse(list, 4, &err), -EPROTO);
	assert_non_null(strstr(err.text, "a RESV_MEM property of 12 bytes is too short"));
	put_region(0, 1, 0x2000, 0x1fff); /* ends before it begins */
	assert_int_equal(parse(list, 4, &err), -EPROTO);
	assert_non_null(strstr(err.text, "from 0x2000 to 0x1fff is none"));
	put_region(0, 1, 0, UINT64_MAX); /* everything */
	assert_int_equal(parse(list, 4, &err), -EPROTO);
	put_region(0, 1, 1, UINT64_MAX);
	assert_int_equal(parse(list, 4, &err), 1);
	assert_int_equal(list[0].length, UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_attach_is_these_bytes),
		cmocka_unit_test(request_detach_is_these_bytes),
		cmocka_unit_test(request_map_is_these_bytes),
		cmocka_unit_test(request_unmap_is_these_bytes),
		cmocka_unit_test(request_probe_is_these_bytes),
		cmocka_unit_test(request_unmaps_that_touch_become_one),
		cmocka_unit_test(request_unmaps_apart_or_of_two_domains_stay_two),
		cmocka_unit_test(request_status_has_words_and_a_code),
		cmocka_unit_test(properties_regions_are_read_in_order),
		cmocka_unit_test(properties_end_at_an_empty_one),
		cmocka_unit_test(properties_with_reserved_bits_are_skipped),
		cmocka_unit_test(properties_that_lie_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
