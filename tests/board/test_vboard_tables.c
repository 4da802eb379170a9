// SPDX-License-Identifier: BSD-2-Clause
/* The ACPI tables of the board q35: well-formed, and true. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arith.h"
#include "board_user.h"
#include "harness.h"

#define TABLES_MAX 32u
#define HEADER_BYTES 36u

struct table {
	char signature[5];
	const uint8_t *bytes;
	uint32_t size;
};

static struct board_fixture board;
static struct board_owner owner;
static struct table tables[TABLES_MAX];
static unsigned table_count;

static uint64_t number(const uint8_t *bytes, unsigned size)
{
	uint64_t value = 0;

	while (size-- > 0)
		value = value << 8 | bytes[size];
	return value;
}

static uint8_t sum(const uint8_t *bytes, uint32_t size)
{
	uint8_t total = 0;

	while (size-- > 0)
		total = (uint8_t)(total + *bytes++);
	return total;
}

/* A table at a physical address: inside what the firmware keeps, and right. */
static struct table table_at(uint64_t pa)
{
	const struct board_hello *hello = &owner.hello;
	struct table table = { .size = 0 };

	assert_int_equal(hello->parts[0].pa, 0);
	assert_true(range_within(pa, HEADER_BYTES, hello->firmware_offset, hello->firmware_size));
	table.bytes = owner.parts[0] + pa;
	table.size = (uint32_t)number(table.bytes + 4, 4);
	memcpy(table.signature, table.bytes, 4);
	assert_true(table.size >= HEADER_BYTES);
	assert_true(range_within(pa, table.size, hello->firmware_offset, hello->firmware_size));
	if (sum(table.bytes, table.size) != 0)
		fail_msg("the checksum of %s is wrong", table.signature);
	return table;
}

static const struct table *find(const char *signature)
{
	unsigned i;

	for (i = 0; i < table_count; i++)
		if (strcmp(tables[i].signature, signature) == 0)
			return &tables[i];
	return NULL;
}

/* From the RSDP, whose ACPI 1.0 form QEMU writes. */
static void collect(void)
{
	const uint8_t *rsdp = owner.parts[0] + owner.hello.firmware_offset;
	struct table rsdt;
	uint32_t i;

	assert_int_equal(owner.hello.description, BOARD_ACPI);
	assert_true(owner.hello.firmware_offset >= 0x100000);
	assert_memory_equal(rsdp, "RSD PTR ", 8);
	assert_int_equal(sum(rsdp, 20), 0);
	rsdt = table_at(number(rsdp + 16, 4));
	assert_string_equal(rsdt.signature, "RSDT");
	table_count = 0;
	for (i = HEADER_BYTES; i + 4 <= rsdt.size; i += 4) {
		assert_true(table_count < TABLES_MAX);
		tables[table_count++] = table_at(number(rsdt.bytes + i, 4));
	}
}

static void start(const char *const *arguments)
{
	const char *argv[HARNESS_ARGS_MAX] = { "--machine", "q35" };
	unsigned count = 2;

	if (!getenv("QEMU_X86")) {
		print_message("skip: no QEMU for this machine is given\n");
		skip();
	}
	while (*arguments)
		argv[count++] = *arguments++;
	board_start_argv(&board, argv);
	assert_int_equal(board_owner_init(&owner, board.socket), 0);
	collect();
}

#define START(...) start((const char *const[]){ __VA_ARGS__, NULL })

static void stop(void)
{
	board_owner_fini(&owner);
	board_stop(&board);
}

static void check_mcfg(void)
{
	const struct table *mcfg = find("MCFG");
	uint64_t id = 0;

	assert_non_null(mcfg);
	assert_int_equal(mcfg->size, 60);
	assert_int_equal(number(mcfg->bytes + 52, 2), 0); /* segment */
	assert_int_equal(mcfg->bytes[54], 0);
	assert_int_equal(mcfg->bytes[55], 255);
	assert_int_equal(board_read(owner.fd, number(mcfg->bytes + 44, 8), 4, &id), 0);
	assert_int_equal(id, 0x29c08086); /* the host bridge is there */
	assert_int_equal(board_read(owner.fd, number(mcfg->bytes + 44, 8) + (256 << 20) - 4, 4,
				    &id), 0);
	assert_int_equal(id, UINT32_MAX); /* nobody there, but configuration space */
}

/* VT-d 5.1, 8.3: is this (type, bus, slot, function) in the unit's scope? */
static bool is_in_scope(const struct table *dmar, uint8_t type, uint8_t bus, uint8_t slot,
			uint8_t function)
{
	const uint8_t *unit = dmar->bytes + 48;
	uint32_t at, size = (uint32_t)number(unit + 2, 2);

	for (at = 16; at + 8 <= size; at += unit[at + 1]) {
		assert_true(unit[at + 1] >= 8);
		if (unit[at] == type && unit[at + 5] == bus && unit[at + 6] == slot &&
		    unit[at + 7] == function)
			return true;
	}
	return false;
}

static void q35_tables_tell_where_vtd_and_configuration_space_are(void **state)
{
	const struct table *dmar;
	uint64_t version = 0;

	(void)state;
	START("--edu", "2");
	check_mcfg();
	assert_null(find("VIOT"));
	dmar = find("DMAR");
	assert_non_null(dmar);
	assert_int_equal(number(dmar->bytes + 48, 2), 0); /* DRHD */
	assert_int_equal(number(dmar->bytes + 56, 8), UINT64_C(0xfed90000));
	assert_int_equal(board_read(owner.fd, number(dmar->bytes + 56, 8), 4, &version), 0);
	assert_int_equal(version, 0x10);
	assert_true(is_in_scope(dmar, 1, 0, 2, 0));
	assert_true(is_in_scope(dmar, 1, 0, 3, 0));
	assert_false(is_in_scope(dmar, 1, 0, 4, 0));
	stop();
}

/* ACPI 6.5, 5.2.34: the unit's node comes first, then that of the functions behind it. */
static const uint8_t *viot_unit(void)
{
	const struct table *viot = find("VIOT");

	assert_non_null(viot);
	return viot->bytes + number(viot->bytes + 38, 2);
}

static const uint8_t *viot_range(void)
{
	return viot_unit() + number(viot_unit() + 2, 2);
}

/* Numbers of buses are in the tables: they were there first. */
static void q35_tables_know_the_bridges(void **state)
{
	(void)state;
	START("--", "-device", "pcie-root-port,id=rp,chassis=1,addr=8", "-device",
	      "pcie-pci-bridge,id=bridge,bus=rp");
	assert_true(is_in_scope(find("DMAR"), 2, 0, 8, 0));
	assert_false(is_in_scope(find("DMAR"), 1, 0, 8, 0));
	stop();
	START("--iommu", "virtio", "--", "-device", "pcie-root-port,id=rp,chassis=1,addr=8");
	assert_int_equal(number(viot_range() + 12, 2), 0);
	assert_int_equal(number(viot_range() + 14, 2), 0x01ff); /* up to bus 1 */
	stop();
}

static void q35_tables_tell_where_the_virtio_iommu_is(void **state)
{
	(void)state;
	START("--iommu", "virtio");
	check_mcfg();
	assert_null(find("DMAR"));
	assert_int_equal(viot_unit()[0], 3); /* a virtio-iommu that is a PCI function */
	assert_int_equal(number(viot_unit() + 4, 2), 0);
	assert_int_equal(number(viot_unit() + 6, 2), 1 << 3);
	assert_int_equal(viot_range()[0], 1); /* PCI functions */
	assert_int_equal(number(viot_range() + 14, 2), 0x00ff);
	assert_int_equal(number(viot_range() + 16, 2), viot_unit() - find("VIOT")->bytes);
	stop();
}

/* How to have devices that no unit covers. */
static void q35_bus_that_bypasses_the_unit_is_in_no_scope(void **state)
{
	(void)state;
	START("--", "-machine", "default_bus_bypass_iommu=on");
	assert_non_null(find("DMAR"));
	assert_false(is_in_scope(find("DMAR"), 1, 0, 2, 0));
	assert_false(is_in_scope(find("DMAR"), 1, 0, 3, 0));
	stop();
}

static uint64_t capabilities(void)
{
	uint64_t value = 0;

	assert_int_equal(board_read(owner.fd, UINT64_C(0xfed90008), 8, &value), 0);
	return value;
}

/* VT-d 5.1, 11.4.2: MGAW in bits 21:16, CM in bit 7. */
static void q35_iommu_options_reach_the_unit(void **state)
{
	(void)state;
	START("--edu", "0");
	assert_int_equal(capabilities() >> 16 & 0x3f, 47);
	assert_int_equal(capabilities() >> 7 & 1, 0);
	stop();
	START("--iommu-options", "aw-bits=39,caching-mode=on");
	assert_int_equal(capabilities() >> 16 & 0x3f, 38);
	assert_int_equal(capabilities() >> 7 & 1, 1);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(q35_tables_tell_where_vtd_and_configuration_space_are),
		cmocka_unit_test(q35_tables_know_the_bridges),
		cmocka_unit_test(q35_tables_tell_where_the_virtio_iommu_is),
		cmocka_unit_test(q35_bus_that_bypasses_the_unit_is_in_no_scope),
		cmocka_unit_test(q35_iommu_options_reach_the_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
