// SPDX-License-Identifier: BSD-2-Clause
/* F57: from the RSDP to private copies; every pointer, length and checksum may lie. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acpi_tables.h"

#define PLACE UINT64_C(0x7f000000)
#define BYTES 0x1000u
#define RSDP 0x10u
#define XSDT 0x100u
#define RSDT 0x180u
#define DMAR 0x200u
#define MCFG 0x300u

static uint8_t image[BYTES];
static struct machine machine;
static struct error err;

static void put(uint32_t offset, uint64_t value, unsigned width)
{
	for (; width > 0; width--, value >>= 8)
		image[offset++] = (uint8_t)value;
}

static void put_letters(uint32_t offset, const char *letters)
{
	while (*letters)
		image[offset++] = (uint8_t)*letters++;
}

/* The byte at where makes the run add up to zero. */
static void sum(uint32_t first, uint32_t count, uint32_t where)
{
	uint8_t total = 0;
	uint32_t i;

	image[where] = 0;
	for (i = 0; i < count; i++)
		total = (uint8_t)(total + image[first + i]);
	image[where] = (uint8_t)-total;
}

static void put_table(uint32_t offset, const char *signature, uint32_t size)
{
	put_letters(offset, signature);
	put(offset + 4, size, 4);
	sum(offset, size, offset + 9);
}

static void sum_rsdp(void)
{
	sum(RSDP, 20, RSDP + 8);
	if (image[RSDP + 15] >= 2)
		sum(RSDP, 36, RSDP + 32);
}

/* RSDP of revision 2, XSDT with two tables, and an RSDT with one of them. */
static int setup(void **state)
{
	(void)state;
	memset(image, 0, sizeof(image));
	memset(&machine, 0, sizeof(machine));
	err = (struct error){ 0 };
	put_table(DMAR, "DMAR", 48);
	put_table(MCFG, "MCFG", 60);
	put(XSDT + 36, PLACE + DMAR, 8);
	put(XSDT + 44, PLACE + MCFG, 8);
	put_table(XSDT, "XSDT", 52);
	put(RSDT + 36, PLACE + MCFG, 4);
	put_table(RSDT, "RSDT", 40);
	put_letters(RSDP, "RSD PTR ");
	image[RSDP + 15] = 2;
	put(RSDP + 16, PLACE + RSDT, 4);
	put(RSDP + 20, 36, 4);
	put(RSDP + 24, PLACE + XSDT, 8);
	sum_rsdp();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	acpi_tables_free(&machine);
	return 0;
}

static int collect(void)
{
	return acpi_tables_collect(image, PA(PLACE), sizeof(image), RSDP, &machine, &err);
}

static void expect_refused(const char *words)
{
	assert_int_equal(collect(), -EINVAL);
	assert_string_equal(err.text, words);
	assert_int_equal(machine.table_count, 0);
}

/* --- good ------------------------------------------------------------------------------ */

static void collect_follows_the_xsdt(void **state)
{
	(void)state;
	assert_int_equal(collect(), 0);
	assert_int_equal(machine.table_count, 2);
	assert_string_equal(machine.tables[0].signature, "DMAR");
	assert_int_equal(machine.tables[0].size, 48);
	assert_string_equal(machine.tables[1].signature, "MCFG");
	assert_memory_equal(machine.tables[1].bytes, image + MCFG, 60);
	assert_ptr_equal(acpi_table_find(&machine, "MCFG"), &machine.tables[1]);
	assert_null(acpi_table_find(&machine, "VIOT"));
}

static void collect_of_revision_0_follows_the_rsdt(void **state)
{
	(void)state;
	image[RSDP + 15] = 0;
	sum_rsdp();
	assert_int_equal(collect(), 0);
	assert_int_equal(machine.table_count, 1);
	assert_string_equal(machine.tables[0].signature, "MCFG");
}

static void collect_without_xsdt_follows_the_rsdt(void **state)
{
	(void)state;
	put(RSDP + 24, 0, 8);
	sum_rsdp();
	assert_int_equal(collect(), 0);
	assert_int_equal(machine.table_count, 1);
}

/* What is decided by cannot be changed by whoever has the firmware's memory. */
static void collect_copies_are_private(void **state)
{
	(void)state;
	assert_int_equal(collect(), 0);
	memset(image, 0xff, sizeof(image));
	assert_memory_equal(machine.tables[0].bytes, "DMAR", 4);
	assert_int_equal(acpi_get32(&machine.tables[0], 4), 48);
}

static void collect_again_begins_anew(void **state)
{
	(void)state;
	assert_int_equal(collect(), 0);
	acpi_tables_free(&machine);
	assert_int_equal(machine.table_count, 0);
	acpi_tables_free(&machine);
	assert_int_equal(collect(), 0);
	assert_int_equal(machine.table_count, 2);
}

static void numbers_are_little_endian(void **state)
{
	uint8_t bytes[] = { 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88 };
	const struct machine_table table = { .bytes = bytes, .size = sizeof(bytes) };

	(void)state;
	assert_int_equal(acpi_get8(&table, 1), 0x11);
	assert_int_equal(acpi_get16(&table, 1), 0x2211);
	assert_int_equal(acpi_get32(&table, 1), 0x44332211);
	assert_int_equal(acpi_get64(&table, 1), UINT64_C(0x8877665544332211));
}

/* --- the RSDP ---------------------------------------------------------------------------- */

static void rsdp_with_another_name_is_refused(void **state)
{
	(void)state;
	image[RSDP] = 'r';
	expect_refused("RSDP: it does not begin with 'RSD PTR '");
}

static void rsdp_checksum_wrong_is_refused(void **state)
{
	(void)state;
	image[RSDP + 8]++;
	expect_refused("RSDP+0x8: the checksum of its first 20 bytes is wrong");
}

static void rsdp_extended_checksum_wrong_is_refused(void **state)
{
	(void)state;
	image[RSDP + 32]++;
	expect_refused("RSDP+0x20: its extended checksum is wrong");
}

static void rsdp_length_wrong_is_refused(void **state)
{
	static const uint32_t lengths[] = { 0, 35, BYTES - RSDP + 1, UINT32_MAX };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		put(RSDP + 20, lengths[i], 4);
		assert_int_equal(collect(), -EINVAL);
		assert_non_null(strstr(err.text, "RSDP+0x14: its length 0x"));
	}
}

static void rsdp_outside_is_refused(void **state)
{
	static const uint64_t offsets[] = { BYTES - 19, BYTES, BYTES + 1, UINT64_MAX };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		assert_int_equal(acpi_tables_collect(image, PA(PLACE), BYTES, offsets[i], &machine,
						     &err), -EINVAL);
		assert_non_null(strstr(err.text, "outside the firmware's memory of 0x1000 bytes"));
	}
}

/* Its first half is there, the rest would be read past the end. */
static void rsdp_cut_off_is_refused(void **state)
{
	uint8_t *end;

	(void)state;
	end = malloc(35);
	assert_non_null(end);
	memcpy(end, image + RSDP, 35);
	assert_int_equal(acpi_tables_collect(end, PA(PLACE), 35, 0, &machine, &err), -EINVAL);
	assert_string_equal(err.text, "RSDP: it leads out of the firmware's memory");
	free(end);
}

static void firmware_that_is_no_range_is_refused(void **state)
{
	(void)state;
	assert_int_equal(acpi_tables_collect(image, PA(PLACE), 0, 0, &machine, &err), -EINVAL);
	assert_string_equal(err.text, "the firmware's memory 0x7f000000+0x0 is empty or wraps around");
	assert_int_equal(acpi_tables_collect(image, PA(UINT64_MAX), BYTES, RSDP, &machine, &err),
			 -EINVAL);
}

/* --- the table of tables -------------------------------------------------------------------- */

static void xsdt_outside_is_refused(void **state)
{
	static const uint64_t places[] = { PLACE - 1, PLACE + BYTES, PLACE + BYTES - 35,
					   UINT64_MAX - 35 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		put(RSDP + 24, places[i], 8);
		sum_rsdp();
		assert_int_equal(collect(), -EINVAL);
		assert_non_null(strstr(err.text, "which is outside the firmware's memory "
						 "0x7f000000+0x1000"));
	}
}

static void xsdt_that_is_another_table_is_refused(void **state)
{
	(void)state;
	put(RSDP + 24, PLACE + DMAR, 8);
	sum_rsdp();
	expect_refused("RSDP: points to 0x7f000200, where there is no XSDT");
}

static void xsdt_with_half_a_pointer_is_refused(void **state)
{
	(void)state;
	put_table(XSDT, "XSDT", 56);
	expect_refused("XSDT+0x4: its length 56 holds no whole number of pointers");
}

static void xsdt_checksum_wrong_is_refused(void **state)
{
	(void)state;
	image[XSDT + 9]++;
	expect_refused("XSDT+0x9: its checksum is wrong");
}

static void rsdt_that_is_an_xsdt_is_refused(void **state)
{
	(void)state;
	image[RSDP + 15] = 0;
	put(RSDP + 16, PLACE + XSDT, 4);
	sum_rsdp();
	expect_refused("RSDP: points to 0x7f000100, where there is no RSDT");
}

/* --- the tables ------------------------------------------------------------------------------ */

static void table_pointer_outside_is_refused(void **state)
{
	(void)state;
	put(XSDT + 44, 0, 8);
	put_table(XSDT, "XSDT", 52);
	expect_refused("XSDT+0x2c: points to 0x0, which is outside the firmware's memory "
		       "0x7f000000+0x1000");
}

static void table_shorter_than_its_header_is_refused(void **state)
{
	(void)state;
	put(MCFG + 4, 35, 4);
	expect_refused("MCFG+0x4: its length 35 is less than a header's 36 bytes");
}

static void table_longer_than_the_memory_is_refused(void **state)
{
	(void)state;
	put(MCFG + 4, BYTES - MCFG + 1, 4);
	expect_refused("MCFG+0x4: its length 0xd01 leads out of the firmware's memory");
}

static void table_checksum_wrong_is_refused(void **state)
{
	(void)state;
	image[MCFG + 50]++;
	expect_refused("MCFG+0x9: its checksum is wrong");
}

static void table_whose_name_is_unprintable_is_named_with_marks(void **state)
{
	(void)state;
	put_letters(MCFG, "\x1b[\n ");
	expect_refused("?[??+0x9: its checksum is wrong");
}

static void second_table_of_a_kind_that_decides_is_refused(void **state)
{
	static const char *const kinds[] = { "DMAR", "MCFG", "VIOT" };
	static const char *const words[] = { "XSDT+0x2c: leads to a second DMAR",
					     "XSDT+0x2c: leads to a second MCFG",
					     "XSDT+0x2c: leads to a second VIOT" };
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		put_table(DMAR, kinds[i], 48);
		put_table(MCFG, kinds[i], 60);
		expect_refused(words[i]);
	}
}

static void second_table_of_another_kind_is_kept(void **state)
{
	(void)state;
	put_table(DMAR, "SSDT", 48);
	put_table(MCFG, "SSDT", 60);
	assert_int_equal(collect(), 0);
	assert_int_equal(machine.table_count, 2);
	assert_int_equal(acpi_table_find(&machine, "SSDT")->size, 48);
}

static void tables_that_lie_over_each_other_are_refused(void **state)
{
	(void)state;
	put_table(DMAR, "SSDT", BYTES - DMAR);
	put(XSDT + 44, PLACE + DMAR, 8);
	put_table(XSDT, "XSDT", 52);
	sum(DMAR, BYTES - DMAR, DMAR + 9);
	expect_refused("XSDT+0x2c: tables lie over each other: they have more bytes than the "
		       "firmware's memory");
}

static void more_tables_than_fit_are_refused(void **state)
{
	uint32_t i;

	(void)state;
	put_table(DMAR + 0x400, "SSDT", 36);
	for (i = 0; i <= MACHINE_TABLES_MAX; i++)
		put(0x800 + 36 + i * 8, PLACE + DMAR + 0x400, 8);
	put_table(0x800, "XSDT", 36 + (MACHINE_TABLES_MAX + 1) * 8);
	put(RSDP + 24, PLACE + 0x800, 8);
	sum_rsdp();
	expect_refused("XSDT+0x224: leads to one table too many: this smmuman knows 64 at most");
}

/* --- every byte ------------------------------------------------------------------------------- */

static void any_byte_changed_is_refused_or_changes_no_bound(void **state)
{
	static const uint8_t masks[] = { 0x01, 0x80, 0xff };
	uint32_t i, j, k;

	(void)state;
	for (i = 0; i < 0x400; i++)
		for (j = 0; j < sizeof(masks); j++) {
			image[i] ^= masks[j];
			if (collect() == 0)
				for (k = 0; k < machine.table_count; k++)
					assert_true(machine.tables[k].size >= ACPI_HEADER_BYTES &&
						    machine.tables[k].size <= BYTES);
			acpi_tables_free(&machine);
			image[i] ^= masks[j];
		}
}

static void memory_cut_off_is_refused_at_every_length(void **state)
{
	uint32_t size;

	(void)state;
	for (size = 0; size < MCFG + 60; size++) {
		uint8_t *part = malloc(size ? size : 1); /* exact: a sanitizer sees a byte too far */

		assert_non_null(part);
		memcpy(part, image, size);
		assert_int_equal(acpi_tables_collect(part, PA(PLACE), size, RSDP, &machine, &err),
				 -EINVAL);
		assert_int_equal(machine.table_count, 0);
		free(part);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(collect_follows_the_xsdt),
		TEST(collect_of_revision_0_follows_the_rsdt),
		TEST(collect_without_xsdt_follows_the_rsdt),
		TEST(collect_copies_are_private),
		TEST(collect_again_begins_anew),
		TEST(numbers_are_little_endian),
		TEST(rsdp_with_another_name_is_refused),
		TEST(rsdp_checksum_wrong_is_refused),
		TEST(rsdp_extended_checksum_wrong_is_refused),
		TEST(rsdp_length_wrong_is_refused),
		TEST(rsdp_outside_is_refused),
		TEST(rsdp_cut_off_is_refused),
		TEST(firmware_that_is_no_range_is_refused),
		TEST(xsdt_outside_is_refused),
		TEST(xsdt_that_is_another_table_is_refused),
		TEST(xsdt_with_half_a_pointer_is_refused),
		TEST(xsdt_checksum_wrong_is_refused),
		TEST(rsdt_that_is_an_xsdt_is_refused),
		TEST(table_pointer_outside_is_refused),
		TEST(table_shorter_than_its_header_is_refused),
		TEST(table_longer_than_the_memory_is_refused),
		TEST(table_checksum_wrong_is_refused),
		TEST(table_whose_name_is_unprintable_is_named_with_marks),
		TEST(second_table_of_a_kind_that_decides_is_refused),
		TEST(second_table_of_another_kind_is_kept),
		TEST(tables_that_lie_over_each_other_are_refused),
		TEST(more_tables_than_fit_are_refused),
		TEST(any_byte_changed_is_refused_or_changes_no_bound),
		TEST(memory_cut_off_is_refused_at_every_length),
	};

	return cmocka_run_group_tests_name("acpi_tables", tests, NULL, NULL);
}
