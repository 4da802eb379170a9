// SPDX-License-Identifier: BSD-2-Clause
/* Bus mastering, reset, and what a client may do to configuration space. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "machine_fake.h"
#include "pci.h"
#include "pci_caps.h"

#define BAR_BASE UINT64_C(0x10000000)
#define WIDE_BASE UINT64_C(0x8040000000)

struct rig {
	struct machine *machine;
	struct pci_fake_function *function;
	struct topology_device device, platform;
	struct error err;
};

static int setup(void **state)
{
	static struct rig rig;

	memset(&rig, 0, sizeof(rig));
	assert_int_equal(machine_fake_open(&(struct machine_fake_options){ .edu_count = 1 },
					   &rig.machine), 0);
	rig.function = pci_fake_find(machine_fake_pci(rig.machine), 0, MACHINE_FAKE_EDU_SLOT, 0);
	pci_fake_set_bar(rig.function, 2, WIDE_BASE, 1 << 16, 4);
	rig.device.config = MACHINE_FAKE_ECAM + (MACHINE_FAKE_EDU_SLOT << 15);
	rig.device.windows[0] = (struct topology_window){ BAR_BASE, 1 << 20 };
	rig.device.windows[2] = (struct topology_window){ WIDE_BASE, 1 << 16 };
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	rig->machine->ops->close(rig->machine);
	return 0;
}

static uint32_t command(const struct rig *rig)
{
	return pci_fake_get(rig->function, PCI_COMMAND, 2);
}

static int client_write(struct rig *rig, uint32_t offset, uint32_t size, uint32_t value)
{
	rig->err = (struct error){ 0 };
	return pci_client_write(rig->machine, &rig->device, offset, size, value, &rig->err);
}

/* Refused, in these words, and not a byte of the function changed. */
static void expect_refused(struct rig *rig, uint32_t offset, uint32_t size, uint32_t value,
			   const char *words)
{
	uint8_t before[PCI_CONFIG_BYTES];

	memcpy(before, rig->function->bytes, sizeof(before));
	memset(rig->function->writable, 0xff, sizeof(rig->function->writable));
	assert_int_equal(client_write(rig, offset, size, value), -EPERM);
	if (!strstr(rig->err.text, words))
		fail_msg("'%s' does not say '%s'", rig->err.text, words);
	assert_memory_equal(before, rig->function->bytes, sizeof(before));
}

/* --- bus mastering ------------------------------------------------------------ */

static void stop_mastering_keeps_the_other_bits(void **state)
{
	struct rig *rig = *state;

	pci_fake_set(rig->function, PCI_COMMAND, 2, 0x0407);
	assert_int_equal(pci_stop_mastering(rig->machine, &rig->device, &rig->err), 0);
	assert_int_equal(command(rig), 0x0403);
}

static void stop_mastering_that_does_not_stick_is_an_error(void **state)
{
	struct rig *rig = *state;

	pci_fake_set(rig->function, PCI_COMMAND, 2, 0x0006);
	rig->function->writable[PCI_COMMAND] = 0;
	assert_int_equal(pci_stop_mastering(rig->machine, &rig->device, &rig->err), -EIO);
	assert_string_equal(rig->err.text, "it keeps bus mastering on in its command register");
}

static void stop_mastering_of_a_function_that_is_gone_is_an_error(void **state)
{
	struct rig *rig = *state;

	rig->function->absent_reads = 100;
	assert_int_equal(pci_stop_mastering(rig->machine, &rig->device, &rig->err), -EIO);
	assert_non_null(strstr(rig->err.text, "it is gone"));
}

static void start_memory_sets_one_bit(void **state)
{
	struct rig *rig = *state;

	pci_fake_set(rig->function, PCI_COMMAND, 2, 0x0400);
	pci_start_memory(rig->machine, &rig->device);
	assert_int_equal(command(rig), 0x0402);
}

/* --- reset ---------------------------------------------------------------------- */

static void reset_without_flr_is_not_supported(void **state)
{
	struct rig *rig = *state;

	pci_fake_make_express(rig->function, 0, true);
	assert_int_equal(pci_start_reset(rig->machine, &rig->device, &rig->err), -EOPNOTSUPP);
	assert_int_equal(rig->function->resets, 0);
}

static void reset_offered_at_the_scan_but_gone_is_not_supported(void **state)
{
	struct rig *rig = *state;

	rig->device.has_flr = true;
	assert_int_equal(pci_start_reset(rig->machine, &rig->device, &rig->err), -EOPNOTSUPP);
}

static void reset_with_a_looped_list_is_refused(void **state)
{
	struct rig *rig = *state;

	rig->device.has_flr = true;
	pci_fake_make_express(rig->function, 0, true);
	rig->function->bytes[0x61] = 0x60;
	assert_int_equal(pci_start_reset(rig->machine, &rig->device, &rig->err), -ELOOP);
	assert_int_equal(rig->function->resets, 0);
}

static void reset_by_express_puts_bars_back_when_it_answers(void **state)
{
	struct rig *rig = *state;

	rig->device.has_flr = true;
	pci_fake_make_express(rig->function, 0, true);
	pci_fake_set(rig->function, PCI_COMMAND, 2, 0x0406);
	assert_int_equal(pci_start_reset(rig->machine, &rig->device, &rig->err), 0);
	assert_int_equal(rig->function->resets, 1);
	assert_int_equal(pci_fake_get(rig->function, PCI_BAR(0), 4), 0);
	rig->function->absent_reads = 2;
	assert_false(pci_reset_is_done(rig->machine, &rig->device));
	assert_false(pci_reset_is_done(rig->machine, &rig->device));
	assert_true(pci_reset_is_done(rig->machine, &rig->device));
	assert_int_equal(pci_fake_get(rig->function, PCI_BAR(0), 4), BAR_BASE);
	assert_int_equal(pci_fake_get(rig->function, PCI_BAR(2), 4), (uint32_t)WIDE_BASE | 4);
	assert_int_equal(pci_fake_get(rig->function, PCI_BAR(3), 4), WIDE_BASE >> 32);
	assert_int_equal(command(rig), 0);
}

static void reset_by_advanced_features_is_started(void **state)
{
	struct rig *rig = *state;

	rig->device.has_flr = true;
	pci_fake_add_cap(rig->function, 0x50, PCI_CAP_AF);
	rig->function->bytes[0x53] = PCI_AF_CAP_FLR;
	rig->function->reset_offset = 0x54;
	rig->function->reset_bit = 1;
	assert_int_equal(pci_start_reset(rig->machine, &rig->device, &rig->err), 0);
	assert_int_equal(rig->function->resets, 1);
}

/* --- a client's reads -------------------------------------------------------------- */

static void client_read_of_every_size_is_passed_on(void **state)
{
	struct rig *rig = *state;
	uint32_t value;

	assert_int_equal(pci_client_read(rig->machine, &rig->device, 0, 4, &value, &rig->err), 0);
	assert_int_equal(value, 0x11e81234);
	assert_int_equal(pci_client_read(rig->machine, &rig->device, 2, 2, &value, &rig->err), 0);
	assert_int_equal(value, 0x11e8);
	assert_int_equal(pci_client_read(rig->machine, &rig->device, 3, 1, &value, &rig->err), 0);
	assert_int_equal(value, 0x11);
	assert_int_equal(pci_client_read(rig->machine, &rig->device, 4092, 4, &value, &rig->err),
			 0);
}

static void client_access_that_is_none_is_refused_without_hardware(void **state)
{
	static const uint32_t bad[][2] = { { 0, 0 }, { 0, 3 }, { 0, 8 }, { 1, 2 }, { 2, 4 },
					   { 4096, 1 }, { 4096, 4 }, { UINT32_MAX, 1 },
					   { UINT32_MAX - 3, 4 }, { 0, UINT32_MAX } };
	struct rig *rig = *state;
	uint32_t before, value;
	size_t i;

	before = machine_fake_pci(rig->machine)->reads + machine_fake_pci(rig->machine)->writes;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(pci_client_read(rig->machine, &rig->device, bad[i][0], bad[i][1],
						 &value, &rig->err), -EINVAL);
		assert_int_equal(client_write(rig, bad[i][0], bad[i][1], 0), -EINVAL);
	}
	assert_int_equal(client_write(rig, 0x40, 1, 0x100), -EINVAL);
	assert_int_equal(client_write(rig, 0x40, 2, 0x10000), -EINVAL);
	assert_int_equal(before, machine_fake_pci(rig->machine)->reads +
					 machine_fake_pci(rig->machine)->writes);
}

static void client_access_of_a_platform_device_is_no_such_thing(void **state)
{
	struct rig *rig = *state;
	uint32_t value;

	assert_int_equal(pci_client_read(rig->machine, &rig->platform, 0, 4, &value, &rig->err),
			 -ENOTTY);
	assert_int_equal(pci_client_write(rig->machine, &rig->platform, 4, 2, 4, &rig->err),
			 -ENOTTY);
	assert_string_equal(rig->err.text, "a platform device has no PCI configuration space");
}

/* --- a client's writes ---------------------------------------------------------------- */

static void client_write_of_its_three_command_bits_arrives(void **state)
{
	struct rig *rig = *state;

	pci_fake_set(rig->function, PCI_COMMAND, 2, 0x0100);
	assert_int_equal(client_write(rig, PCI_COMMAND, 2, 0x0106), 0);
	assert_int_equal(command(rig), 0x0106);
	assert_int_equal(client_write(rig, PCI_COMMAND, 1, 0x04), 0);
	assert_int_equal(command(rig), 0x0104);
	assert_int_equal(client_write(rig, PCI_COMMAND + 1, 1, 0x05), 0);
	assert_int_equal(command(rig), 0x0504);
	assert_int_equal(client_write(rig, PCI_COMMAND, 4, 0x0102), 0);
	assert_int_equal(command(rig), 0x0102);
}

static void client_write_of_other_command_bits_is_refused(void **state)
{
	struct rig *rig = *state;
	uint32_t bit;

	for (bit = 0; bit < 16; bit++)
		if (bit != 1 && bit != 2 && bit != 10)
			expect_refused(rig, PCI_COMMAND, 2, command(rig) ^ 1u << bit,
				       "of the command register");
	expect_refused(rig, PCI_COMMAND, 1, 0x01, "of the command register");
	expect_refused(rig, PCI_COMMAND + 1, 1, 0x01, "bits 0x406, not 0x100");
}

static void client_write_of_the_status_register_is_refused(void **state)
{
	struct rig *rig = *state;

	expect_refused(rig, PCI_COMMAND, 4, 0xf9000002, "the status register is not the client's");
	expect_refused(rig, PCI_STATUS, 2, 0xf900, "the status register at 0x6");
}

static void client_write_of_the_header_is_refused_by_name(void **state)
{
	static const struct { uint32_t offset; const char *words; } parts[] = {
		{ 0x00, "vendor and device id" }, { 0x08, "class code" },
		{ 0x0c, "cache line size" }, { 0x10, "BAR 0" }, { 0x14, "BAR 1" },
		{ 0x18, "BAR 2" }, { 0x1c, "BAR 3" }, { 0x20, "BAR 4" }, { 0x24, "BAR 5" },
		{ 0x28, "subsystem id" }, { 0x2c, "subsystem id" }, { 0x30, "expansion ROM" },
		{ 0x34, "capability pointer" }, { 0x3c, "interrupt line" },
	};
	struct rig *rig = *state;
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		expect_refused(rig, parts[i].offset, 4, 0xffffffff, parts[i].words);
	expect_refused(rig, 0x11, 1, 0xff, "BAR 0");
}

static void client_write_of_every_capability_is_refused_by_name(void **state)
{
	static const struct { uint8_t id; uint32_t last; const char *name; } kinds[] = {
		{ 0x01, 7, "power management" }, { 0x03, 7, "vital product data" },
		{ 0x05, 23, "MSI" }, { 0x11, 11, "MSI-X" }, { 0x10, 59, "PCI Express" },
		{ 0x13, 5, "advanced features" }, { 0x14, 0xaf, "enhanced allocation" },
		{ 0x77, 0xaf, "an unknown" },
	};
	struct rig *rig = *state;
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		rig->function->bytes[PCI_CAPS] = 0;
		memset(rig->function->bytes + 0x40, 0, 0xfc0);
		pci_fake_add_cap(rig->function, 0x50, kinds[i].id);
		expect_refused(rig, 0x50, 1, 0xff, kinds[i].name);
		expect_refused(rig, 0x50 + kinds[i].last, 1, 0xff, kinds[i].name);
		if (0x50 + kinds[i].last + 1 < 0x100)
			assert_int_equal(client_write(rig, 0x50 + kinds[i].last + 1, 1, 0x5a), 0);
	}
}

static void client_write_of_extended_space_is_refused_by_name(void **state)
{
	static const struct { uint16_t id; const char *name; } kinds[] = {
		{ 0x0001, "error reporting" }, { 0x000d, "ACS" }, { 0x000f, "ATS" },
		{ 0x0010, "SR-IOV" }, { 0x0013, "page request (PRI)" },
		{ 0x0015, "resizable BAR" }, { 0x001b, "PASID" },
		{ 0x000b, "vendor-specific extended" }, { 0x1234, "an unknown" },
	};
	struct rig *rig = *state;
	size_t i;

	expect_refused(rig, 0x100, 4, 1, "extended configuration space");
	pci_fake_make_express(rig->function, 0, false);
	expect_refused(rig, 0x100, 4, 1, "extended configuration space");
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		pci_fake_set_ext_cap(rig->function, 0x100, kinds[i].id, 0);
		expect_refused(rig, 0x106, 2, 0x8000, kinds[i].name);
		expect_refused(rig, 0xffc, 4, 1, kinds[i].name);
	}
}

static void client_write_across_a_capability_edge_is_refused(void **state)
{
	struct rig *rig = *state;

	pci_fake_add_cap(rig->function, 0x52, 0x77);
	rig->function->bytes[PCI_CAPS] = 0x54;
	pci_fake_set(rig->function, 0x54, 2, 0x0077);
	expect_refused(rig, 0x54, 4, 1, "an unknown capability at 0x54");
	assert_int_equal(client_write(rig, 0x50, 4, 1), 0);
}

static void client_write_of_private_space_arrives(void **state)
{
	struct rig *rig = *state;

	memset(rig->function->writable + 0x40, 0xff, 0xc0);
	pci_fake_add_cap(rig->function, 0x80, 0x05);
	assert_int_equal(client_write(rig, 0x40, 4, 0x12345678), 0);
	assert_int_equal(pci_fake_get(rig->function, 0x40, 4), 0x12345678);
	assert_int_equal(client_write(rig, 0x7c, 4, 1), 0);
	assert_int_equal(client_write(rig, 0x98, 1, 0xee), 0);
	assert_int_equal(pci_fake_get(rig->function, 0x98, 1), 0xee);
}

static void client_write_of_a_vendor_capability_reaches_its_body_only(void **state)
{
	struct rig *rig = *state;

	memset(rig->function->writable + 0x40, 0xff, 0xc0);
	pci_fake_add_cap(rig->function, 0x80, PCI_CAP_VENDOR);
	assert_int_equal(client_write(rig, 0x84, 4, 0x55), 0);
	assert_int_equal(pci_fake_get(rig->function, 0x84, 4), 0x55);
	expect_refused(rig, 0x81, 1, 0xff, "vendor-specific");
	expect_refused(rig, 0x80, 4, 0xff, "vendor-specific");
}

static void client_write_with_a_looped_list_is_refused(void **state)
{
	struct rig *rig = *state;

	pci_fake_add_cap(rig->function, 0x80, 0x09);
	rig->function->bytes[0x81] = 0x80;
	assert_int_equal(client_write(rig, 0x40, 4, 1), -ELOOP);
	assert_string_equal(rig->err.text, "no write behind the header is let through: its "
					   "capability list comes back to 0x80");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(stop_mastering_keeps_the_other_bits),
		TEST(stop_mastering_that_does_not_stick_is_an_error),
		TEST(stop_mastering_of_a_function_that_is_gone_is_an_error),
		TEST(start_memory_sets_one_bit),
		TEST(reset_without_flr_is_not_supported),
		TEST(reset_offered_at_the_scan_but_gone_is_not_supported),
		TEST(reset_with_a_looped_list_is_refused),
		TEST(reset_by_express_puts_bars_back_when_it_answers),
		TEST(reset_by_advanced_features_is_started),
		TEST(client_read_of_every_size_is_passed_on),
		TEST(client_access_that_is_none_is_refused_without_hardware),
		TEST(client_access_of_a_platform_device_is_no_such_thing),
		TEST(client_write_of_its_three_command_bits_arrives),
		TEST(client_write_of_other_command_bits_is_refused),
		TEST(client_write_of_the_status_register_is_refused),
		TEST(client_write_of_the_header_is_refused_by_name),
		TEST(client_write_of_every_capability_is_refused_by_name),
		TEST(client_write_of_extended_space_is_refused_by_name),
		TEST(client_write_across_a_capability_edge_is_refused),
		TEST(client_write_of_private_space_arrives),
		TEST(client_write_of_a_vendor_capability_reaches_its_body_only),
		TEST(client_write_with_a_looped_list_is_refused),
	};

	return cmocka_run_group_tests_name("pci", tests, NULL, NULL);
}
