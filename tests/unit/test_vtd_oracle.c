// SPDX-License-Identifier: BSD-2-Clause
/* The VT-d oracle itself, on tables made by hand: whoever judges is judged first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bits.h"
#include "vtd_oracle.h"

#define PA_BASE UINT64_C(0x2000000)
#define PAGE UINT64_C(4096)
#define PAGES 16
#define AT(page) (PA_BASE + (page) * PAGE)
#define TARGET UINT64_C(0x7abc000)
#define BLOCK UINT64_C(0x8200000)
#define SOURCE 0x0110u /* bus 1, device 2 */
#define UPPER_SOURCE 0x0190u /* bus 1, device 18: the upper half of a scalable root entry */

/* 16-bit domain ids, 3 and 4 levels, 48 bits, 2 MiB and 1 GiB; QI, both levels, scalable. */
#define CAP UINT64_C(0x01d2008c222f0606)
#define ECAP (UINT64_C(0xf42) | BIT(43) | BIT(46) | BIT(47))
#define CACHING_MODE BIT(7)

static uint64_t memory[PAGES * 512];
static struct vtd_oracle_view view;

static uint64_t *words(unsigned page, unsigned index)
{
	return &memory[page * 512 + index];
}

/* Pages 4 to 7: four levels; at 0x1000 a page rw, at 0x2000 r, at 0x3000 w, at 2 MiB a block. */
static void make_second_level(void)
{
	*words(4, 0) = AT(5) | 3;
	*words(5, 0) = AT(6) | 3;
	*words(6, 0) = AT(7) | 3;
	*words(6, 1) = BLOCK | 0x83;
	*words(7, 1) = TARGET | 3;
	*words(7, 2) = (TARGET + PAGE) | 1;
	*words(7, 3) = (TARGET + 2 * PAGE) | 2;
}

/* Pages 8 to 11: the same of the first level, which knows no write-only page. */
static void make_first_level(void)
{
	*words(8, 0) = AT(9) | 0x27;
	*words(9, 0) = AT(10) | 0x27;
	*words(10, 0) = AT(11) | 0x27;
	*words(11, 1) = TARGET | 0x67;
	*words(11, 2) = (TARGET + PAGE) | 0x25;
}

/* Root table in page 0, context table in page 1, translation on. */
static void make_legacy(unsigned root_page, unsigned width)
{
	view.rtaddr = AT(0);
	*words(0, 2) = AT(1) | 1;
	*words(1, 2 * (SOURCE & 0xff)) = AT(root_page) | 1;
	*words(1, 2 * (SOURCE & 0xff) + 1) = 7 << 8 | width;
}

/* Context tables in pages 1 and 12, PASID directory in page 2, PASID table in page 3. */
static void make_scalable(uint64_t q0, uint64_t q2)
{
	view.rtaddr = AT(0) | 1 << 10;
	*words(0, 2) = AT(1) | 1;
	*words(1, 4 * (SOURCE & 0x7f)) = AT(2) | 1;
	*words(2, 0) = AT(3) | 1;
	*words(3, 0) = q0;
	*words(3, 1) = 9;
	*words(3, 2) = q2;
}

#define SECOND_LEVEL (AT(4) | 2 << 6 | 2 << 2 | 1)
#define FIRST_LEVEL (UINT64_C(1) << 6 | 2 << 2 | 1)

static int setup(void **state)
{
	(void)state;
	memset(memory, 0, sizeof(memory));
	view = (struct vtd_oracle_view){ .memory = memory, .memory_pa = PA_BASE,
					 .memory_bytes = sizeof(memory), .cap = CAP, .ecap = ECAP,
					 .gsts = UINT32_C(0x80000000) };
	make_second_level();
	make_first_level();
	return 0;
}

static enum vtd_oracle_verdict verdict(unsigned source)
{
	return vtd_oracle_stream(&view, (uint16_t)source).verdict;
}

static void expect_reach(uint64_t address, bool is_write, uint64_t pa)
{
	uint64_t found;

	if (!vtd_oracle_access(&view, SOURCE, address, is_write, &found))
		fail_msg("0x%lx is not reached", (unsigned long)address);
	assert_int_equal(found, pa);
}

static void expect_refused(uint64_t address, bool is_write)
{
	uint64_t found;

	if (vtd_oracle_access(&view, SOURCE, address, is_write, &found))
		fail_msg("0x%lx is reached", (unsigned long)address);
}

static void oracle_translation_off_everything_is_open(void **state)
{
	(void)state;
	make_legacy(4, 2);
	view.gsts = 0;
	assert_int_equal(verdict(SOURCE), VTD_ORACLE_OPEN);
	expect_reach(TARGET, true, TARGET);
	expect_refused(0xfee00000, true);
	view.gsts = UINT32_C(0x80000000);
	expect_refused(TARGET, true);
}

static void oracle_legacy_table_reaches_what_it_maps(void **state)
{
	(void)state;
	make_legacy(4, 2);
	assert_int_equal(verdict(SOURCE), VTD_ORACLE_TABLE);
	assert_int_equal(vtd_oracle_stream(&view, SOURCE).domain, 7);
	expect_reach(0x1010, false, TARGET + 0x10);
	expect_reach(0x1ff8, true, TARGET + 0xff8);
	expect_reach(0x2000, false, TARGET + PAGE);
	expect_refused(0x2000, true);
	expect_reach(0x3000, true, TARGET + 2 * PAGE);
	expect_refused(0x3000, false);
	expect_refused(0x4000, true);
	expect_refused(TARGET, true);
	expect_reach(0x3ffffc, true, BLOCK + 0x1ffffc);
	expect_refused(0x400000, false);
	expect_refused(BIT(48) | 0x1000, true);
}

static void oracle_legacy_of_39_bits_begins_a_level_lower(void **state)
{
	(void)state;
	make_legacy(5, 1);
	assert_int_equal(vtd_oracle_stream(&view, SOURCE).levels, 3);
	expect_reach(0x1000, true, TARGET);
	expect_refused(BIT(39) | 0x1000, true);
	/* A unit of 39 bits has no other width. */
	view.cap = (CAP & ~UINT64_C(0x3f1f00)) | 38 << 16 | 2 << 8;
	expect_reach(0x1000, true, TARGET);
	make_legacy(4, 2);
	assert_int_equal(verdict(SOURCE), VTD_ORACLE_ILLEGAL);
}

static void oracle_legacy_absent_entries_refuse(void **state)
{
	(void)state;
	make_legacy(4, 2);
	assert_int_equal(verdict(SOURCE + 1), VTD_ORACLE_REFUSED);
	assert_int_equal(verdict(0x0210), VTD_ORACLE_REFUSED);
	*words(1, 2 * (SOURCE & 0xff)) &= ~UINT64_C(1);
	assert_int_equal(verdict(SOURCE), VTD_ORACLE_REFUSED);
	*words(1, 2 * (SOURCE & 0xff)) |= 2;
	assert_int_equal(verdict(SOURCE), VTD_ORACLE_SILENT);
	expect_refused(0x1000, true);
	*words(1, 2 * (SOURCE & 0xff)) |= 3;
	assert_int_equal(verdict(SOURCE), VTD_ORACLE_TABLE);
	assert_true(vtd_oracle_stream(&view, SOURCE).is_silent);
}

static void oracle_pass_through_is_open(void **state)
{
	(void)state;
	make_legacy(4, 2);
	*words(1, 2 * (SOURCE & 0xff)) |= 2 << 2;
	assert_int_equal(verdict(SOURCE), VTD_ORACLE_OPEN);
	expect_reach(TARGET, true, TARGET);
	make_scalable((SECOND_LEVEL & ~(UINT64_C(7) << 6)) | 4 << 6, 0);
	assert_int_equal(verdict(SOURCE), VTD_ORACLE_OPEN);
}

static void oracle_interrupt_range_is_no_memory_whatever_is_mapped(void **state)
{
	(void)state;
	make_legacy(4, 2);
	*words(5, 3) = AT(13) | 3;
	*words(13, 503) = BLOCK | 0x83; /* 0xfee00000 on */
	expect_refused(0xfee00000, true);
	expect_refused(0xfeefffff, false);
	expect_reach(0xfef00000, true, BLOCK + 0x100000);
}

static void oracle_scalable_second_level_reaches_what_it_maps(void **state)
{
	(void)state;
	make_scalable(SECOND_LEVEL, 0);
	assert_int_equal(verdict(SOURCE), VTD_ORACLE_TABLE);
	assert_int_equal(vtd_oracle_stream(&view, SOURCE).domain, 9);
	assert_false(vtd_oracle_stream(&view, SOURCE).is_first_level);
	expect_reach(0x1000, true, TARGET);
	expect_refused(0x2000, true);
	expect_refused(0x4000, false);
}

static void oracle_scalable_first_level_reaches_what_it_maps(void **state)
{
	(void)state;
	make_scalable(FIRST_LEVEL, AT(8));
	assert_true(vtd_oracle_stream(&view, SOURCE).is_first_level);
	expect_reach(0x1008, true, TARGET + 8);
	expect_reach(0x2000, false, TARGET + PAGE);
	expect_refused(0x2000, true);
	expect_refused(0x3000, false);
	/* Not canonical, and canonical in the upper half. */
	expect_refused(BIT(47) | 0x1000, false);
	expect_refused(UINT64_C(0xffff800000001000), false);
}

static void oracle_scalable_halves_are_two_tables(void **state)
{
	(void)state;
	make_scalable(SECOND_LEVEL, 0);
	assert_int_equal(verdict(UPPER_SOURCE), VTD_ORACLE_REFUSED);
	*words(0, 3) = AT(12) | 1;
	*words(12, 4 * (UPPER_SOURCE & 0x7f)) = AT(2) | 1;
	assert_int_equal(verdict(UPPER_SOURCE), VTD_ORACLE_TABLE);
	*words(0, 2) = 0;
	assert_int_equal(verdict(SOURCE), VTD_ORACLE_REFUSED);
	assert_int_equal(verdict(UPPER_SOURCE), VTD_ORACLE_TABLE);
}

static void oracle_scalable_absent_at_each_step_refuses(void **state)
{
	const struct { unsigned page, index; } steps[] = {
		{ 1, 4 * (SOURCE & 0x7f) }, { 2, 0 }, { 3, 0 }
	};
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(steps); i++) {
		setup(NULL);
		make_scalable(SECOND_LEVEL, 0);
		*words(steps[i].page, steps[i].index) &= ~UINT64_C(1);
		assert_int_equal(verdict(SOURCE), VTD_ORACLE_REFUSED);
		*words(steps[i].page, steps[i].index) |= 2;
		assert_int_equal(verdict(SOURCE), VTD_ORACLE_SILENT);
		expect_refused(0x1000, true);
		*words(steps[i].page, steps[i].index) |= 1;
		assert_true(vtd_oracle_stream(&view, SOURCE).is_silent);
	}
}

/* One bit of one word, and the tables are none that may be written. */
static void expect_illegal(unsigned page, unsigned index, unsigned low, unsigned high)
{
	uint64_t *word = words(page, index), before = *word;
	unsigned bit;

	for (bit = low; bit <= high; bit++) {
		*word = before | BIT(bit);
		if (verdict(SOURCE) != VTD_ORACLE_ILLEGAL)
			fail_msg("page %u, word %u, bit %u is no offence", page, index, bit);
	}
	*word = before;
}

static void oracle_legacy_reserved_bits_are_illegal(void **state)
{
	unsigned context = 2 * (SOURCE & 0xff);

	(void)state;
	make_legacy(4, 2);
	expect_illegal(0, 2, 1, 11);
	expect_illegal(0, 2, 52, 63);
	expect_illegal(0, 3, 0, 63);
	expect_illegal(1, context, 2, 2); /* ATS */
	expect_illegal(1, context, 4, 11);
	expect_illegal(1, context, 52, 63);
	expect_illegal(1, context + 1, 0, 0); /* width 3: 57 bits */
	expect_illegal(1, context + 1, 2, 2);
	expect_illegal(1, context + 1, 7, 7);
	expect_illegal(1, context + 1, 24, 63);
	assert_int_equal(verdict(SOURCE), VTD_ORACLE_TABLE);
}

static void oracle_scalable_reserved_bits_are_illegal(void **state)
{
	unsigned context = 4 * (SOURCE & 0x7f);

	(void)state;
	make_scalable(SECOND_LEVEL, 0);
	expect_illegal(0, 2, 1, 11);
	expect_illegal(1, context, 2, 8); /* device TLB, PASID, page requests */
	expect_illegal(1, context + 1, 0, 63);
	expect_illegal(1, context + 2, 0, 63);
	expect_illegal(2, 0, 2, 11);
	expect_illegal(3, 0, 5, 6); /* second-level flags; nested */
	expect_illegal(3, 0, 9, 11);
	expect_illegal(3, 1, 16, 22);
	expect_illegal(3, 2, 0, 63);
	expect_illegal(3, 3, 0, 63);
	expect_illegal(3, 7, 0, 63);
	assert_int_equal(verdict(SOURCE), VTD_ORACLE_TABLE);
	make_scalable(FIRST_LEVEL, AT(8));
	expect_illegal(3, 2, 0, 11); /* supervisor requests, 5 levels, ... */
	expect_illegal(3, 0, 12, 51);
	assert_int_equal(verdict(SOURCE), VTD_ORACLE_TABLE);
}

static void oracle_mode_that_the_unit_lacks_is_illegal(void **state)
{
	(void)state;
	make_scalable(SECOND_LEVEL, 0);
	view.ecap = ECAP & ~BIT(46);
	assert_int_equal(verdict(SOURCE), VTD_ORACLE_ILLEGAL);
	view.ecap = ECAP & ~BIT(43);
	assert_int_equal(verdict(SOURCE), VTD_ORACLE_ILLEGAL);
	make_scalable(FIRST_LEVEL, AT(8));
	view.ecap = ECAP & ~BIT(47);
	assert_int_equal(verdict(SOURCE), VTD_ORACLE_ILLEGAL);
	view.ecap = ECAP;
	view.rtaddr = AT(0) | 3 << 10;
	assert_int_equal(verdict(SOURCE), VTD_ORACLE_ILLEGAL);
}

static void oracle_domain_id_out_of_range_is_illegal(void **state)
{
	unsigned context = 2 * (SOURCE & 0xff);

	(void)state;
	make_legacy(4, 2);
	*words(1, context + 1) = 0 << 8 | 2;
	assert_int_equal(verdict(SOURCE), VTD_ORACLE_TABLE);
	view.cap = CAP | CACHING_MODE;
	assert_int_equal(verdict(SOURCE), VTD_ORACLE_ILLEGAL);
	view.cap = CAP & ~UINT64_C(7); /* 4 bits of domain id */
	*words(1, context + 1) = 15 << 8 | 2;
	assert_int_equal(verdict(SOURCE), VTD_ORACLE_TABLE);
	*words(1, context + 1) = 16 << 8 | 2;
	assert_int_equal(verdict(SOURCE), VTD_ORACLE_ILLEGAL);
}

static void oracle_table_outside_its_memory_is_illegal_or_refuses(void **state)
{
	(void)state;
	make_legacy(4, 2);
	view.rtaddr = AT(PAGES);
	assert_int_equal(verdict(SOURCE), VTD_ORACLE_ILLEGAL);
	view.rtaddr = AT(0) - PAGE;
	assert_int_equal(verdict(SOURCE), VTD_ORACLE_ILLEGAL);
	view.rtaddr = AT(0);
	*words(0, 2) = (AT(0) - PAGE) | 1;
	assert_int_equal(verdict(SOURCE), VTD_ORACLE_ILLEGAL);
	make_legacy(PAGES, 2);
	expect_refused(0x1000, true);
	make_scalable(SECOND_LEVEL, 0);
	*words(2, 0) = AT(PAGES) | 1;
	assert_int_equal(verdict(SOURCE), VTD_ORACLE_ILLEGAL);
}

struct list {
	unsigned leaves;
	uint64_t bytes;
	uint16_t source;
};

static const char *note(void *context, uint16_t source, const struct auditor_leaf *leaf)
{
	struct list *list = context;

	list->leaves++;
	list->bytes += leaf->bytes;
	list->source = source;
	return leaf->pa == BLOCK + PAGE ? "this one is not to be there" : NULL;
}

static void oracle_read_all_lists_every_leaf_and_its_source(void **state)
{
	struct list list = { 0 };
	uint32_t source = 0;

	(void)state;
	view.rtaddr = AT(0);
	assert_null(vtd_oracle_read_all(&view, note, &list, &source));
	assert_int_equal(list.leaves, 0);
	make_legacy(4, 2);
	assert_null(vtd_oracle_read_all(&view, note, &list, &source));
	assert_int_equal(list.leaves, 4);
	assert_int_equal(list.bytes, 3 * PAGE + (UINT64_C(2) << 20));
	assert_int_equal(list.source, SOURCE);
	*words(7, 9) = (BLOCK + PAGE) | 3;
	assert_string_equal(vtd_oracle_read_all(&view, note, &list, &source),
			    "this one is not to be there");
	assert_int_equal(source, SOURCE);
}

static void oracle_read_all_tells_what_must_not_be(void **state)
{
	unsigned other = 2 * ((SOURCE & 0xff) + 8);
	struct list list = { 0 };
	uint32_t source = 0;

	(void)state;
	make_legacy(4, 2);
	/* A table of its own under the same domain id; then the same table, which may be. */
	*words(1, other) = AT(14) | 1;
	*words(1, other + 1) = 7 << 8 | 2;
	assert_non_null(strstr(vtd_oracle_read_all(&view, note, &list, &source), "domain id"));
	assert_int_equal(source, SOURCE + 8);
	*words(1, other) = AT(4) | 1;
	assert_null(vtd_oracle_read_all(&view, note, &list, &source));
	*words(1, other) = AT(4) | 2 << 2 | 1;
	assert_non_null(strstr(vtd_oracle_read_all(&view, note, &list, &source), "open"));
	*words(1, other) = AT(4) | 1 << 4 | 1;
	assert_non_null(strstr(vtd_oracle_read_all(&view, note, &list, &source), "reserved"));
	*words(1, other) = 0;
	*words(7, 5) = AT(4) | 3;
	assert_non_null(strstr(vtd_oracle_read_all(&view, note, &list, &source), "table memory"));
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(oracle_translation_off_everything_is_open),
		TEST(oracle_legacy_table_reaches_what_it_maps),
		TEST(oracle_legacy_of_39_bits_begins_a_level_lower),
		TEST(oracle_legacy_absent_entries_refuse),
		TEST(oracle_pass_through_is_open),
		TEST(oracle_interrupt_range_is_no_memory_whatever_is_mapped),
		TEST(oracle_scalable_second_level_reaches_what_it_maps),
		TEST(oracle_scalable_first_level_reaches_what_it_maps),
		TEST(oracle_scalable_halves_are_two_tables),
		TEST(oracle_scalable_absent_at_each_step_refuses),
		TEST(oracle_legacy_reserved_bits_are_illegal),
		TEST(oracle_scalable_reserved_bits_are_illegal),
		TEST(oracle_mode_that_the_unit_lacks_is_illegal),
		TEST(oracle_domain_id_out_of_range_is_illegal),
		TEST(oracle_table_outside_its_memory_is_illegal_or_refuses),
		TEST(oracle_read_all_lists_every_leaf_and_its_source),
		TEST(oracle_read_all_tells_what_must_not_be),
	};

	return cmocka_run_group_tests_name("vtd_oracle", tests, NULL, NULL);
}
