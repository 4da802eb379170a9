// SPDX-License-Identifier: BSD-2-Clause
/* F59: capability lists that loop, leave their space or read all ones. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "machine_fake.h"
#include "pci_caps.h"

struct rig {
	struct machine *machine;
	struct pci_fake_function *edu;
	uint64_t config;
	struct pci_caps caps;
	struct error err;
};

static int setup(void **state)
{
	static struct rig rig;

	memset(&rig, 0, sizeof(rig));
	assert_int_equal(machine_fake_open(&(struct machine_fake_options){ .edu_count = 1 },
					   &rig.machine), 0);
	rig.edu = pci_fake_find(machine_fake_pci(rig.machine), 0, MACHINE_FAKE_EDU_SLOT, 0);
	rig.config = MACHINE_FAKE_ECAM + (MACHINE_FAKE_EDU_SLOT << 15);
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	rig->machine->ops->close(rig->machine);
	return 0;
}

static int read_caps(struct rig *rig)
{
	return pci_caps_read(rig->machine, rig->config, &rig->caps, &rig->err);
}

static void caps_without_status_bit_are_none(void **state)
{
	struct rig *rig = *state;

	rig->edu->bytes[PCI_CAPS] = 0x40;
	assert_int_equal(read_caps(rig), 0);
	assert_int_equal(rig->caps.count, 0);
}

static void caps_of_both_spaces_are_listed_with_their_ends(void **state)
{
	struct rig *rig = *state;
	const struct pci_cap *cap;

	pci_fake_add_cap(rig->edu, 0x40, 0x05);
	pci_fake_make_express(rig->edu, 0, false);
	pci_fake_add_cap(rig->edu, 0xa0, 0x42);
	pci_fake_set_ext_cap(rig->edu, 0x100, 0x000f, 0x200);
	pci_fake_set_ext_cap(rig->edu, 0x200, PCI_EXT_ACS, 0);
	assert_int_equal(read_caps(rig), 0);
	assert_int_equal(rig->caps.count, 5);
	cap = pci_caps_find(&rig->caps, 0x05, false);
	assert_int_equal(cap->offset, 0x40);
	assert_int_equal(cap->end, 0x58);
	cap = pci_caps_find(&rig->caps, PCI_CAP_EXPRESS, false);
	assert_int_equal(cap->end, 0x9c);
	cap = pci_caps_find(&rig->caps, 0x42, false);
	assert_int_equal(cap->end, 0x100);
	assert_string_equal(pci_cap_name(cap), "an unknown");
	cap = pci_caps_find(&rig->caps, 0x000f, true);
	assert_int_equal(cap->end, 0x200);
	assert_string_equal(pci_cap_name(cap), "ATS");
	assert_null(pci_caps_find(&rig->caps, 0x000f, false));
	assert_ptr_equal(pci_caps_at(&rig->caps, 0x1fc, 4), cap);
	assert_int_equal(pci_caps_at(&rig->caps, 0x3e, 4)->offset, 0x40);
	assert_null(pci_caps_at(&rig->caps, 0x3c, 4));
	assert_null(pci_caps_at(&rig->caps, 0x58, 4));
}

static void caps_loop_is_refused(void **state)
{
	struct rig *rig = *state;

	pci_fake_add_cap(rig->edu, 0x40, 0x01);
	pci_fake_add_cap(rig->edu, 0x48, 0x05);
	rig->edu->bytes[0x41] = 0x48;
	assert_int_equal(read_caps(rig), -ELOOP);
	assert_string_equal(rig->err.text, "its capability list comes back to 0x48");
}

static void caps_loop_to_itself_is_refused(void **state)
{
	struct rig *rig = *state;

	pci_fake_add_cap(rig->edu, 0xfc, 0x09);
	rig->edu->bytes[0xfd] = 0xff;
	assert_int_equal(read_caps(rig), -ELOOP);
}

static void caps_in_every_dword_are_all_listed(void **state)
{
	struct rig *rig = *state;
	uint32_t offset;

	for (offset = 0x40; offset < 0x100; offset += 4)
		pci_fake_add_cap(rig->edu, offset, 0x09);
	assert_int_equal(read_caps(rig), 0);
	assert_int_equal(rig->caps.count, 48);
}

static void caps_into_the_header_are_refused(void **state)
{
	struct rig *rig = *state;

	pci_fake_add_cap(rig->edu, 0x40, 0x09);
	rig->edu->bytes[0x41] = 0x10;
	assert_int_equal(read_caps(rig), -EINVAL);
	assert_string_equal(rig->err.text,
			    "its capability list leads into the header, to 0x10");
}

static void caps_of_all_ones_are_refused(void **state)
{
	struct rig *rig = *state;

	pci_fake_add_cap(rig->edu, 0x40, 0xff);
	rig->edu->bytes[0x41] = 0xff;
	assert_int_equal(read_caps(rig), -EINVAL);
	memset(rig->edu->bytes, 0xff, sizeof(rig->edu->bytes));
	assert_int_equal(read_caps(rig), -EINVAL);
}

static void caps_extended_loop_is_refused(void **state)
{
	struct rig *rig = *state;

	pci_fake_make_express(rig->edu, 0, false);
	pci_fake_set_ext_cap(rig->edu, 0x100, 0x0001, 0x200);
	pci_fake_set_ext_cap(rig->edu, 0x200, 0x000b, 0x100);
	assert_int_equal(read_caps(rig), -ELOOP);
	assert_string_equal(rig->err.text, "its capability list comes back to 0x100");
}

static void caps_extended_into_the_header_are_refused(void **state)
{
	struct rig *rig = *state;

	pci_fake_make_express(rig->edu, 0, false);
	pci_fake_set_ext_cap(rig->edu, 0x100, 0x0001, 0x60);
	assert_int_equal(read_caps(rig), -EINVAL);
	assert_string_equal(rig->err.text, "its extended capability list leads to 0x60");
}

static void caps_extended_in_every_dword_are_all_listed(void **state)
{
	struct rig *rig = *state;
	uint32_t offset;

	pci_fake_make_express(rig->edu, 0, false);
	for (offset = 0x100; offset < 0x880; offset += 4)
		pci_fake_set_ext_cap(rig->edu, offset, 0x000b, offset + 4);
	pci_fake_set_ext_cap(rig->edu, 0x87c, 0x000b, 0);
	assert_int_equal(read_caps(rig), 0);
	assert_int_equal(rig->caps.count, 1 + 480);
}

static void caps_extended_beyond_the_limit_are_refused(void **state)
{
	struct rig *rig = *state;
	uint32_t offset;

	pci_fake_make_express(rig->edu, 0, false);
	for (offset = 0x100; offset < 0x1000; offset += 4)
		pci_fake_set_ext_cap(rig->edu, offset, 0x000b, (offset + 4) & 0xfff);
	assert_int_equal(read_caps(rig), -ELOOP);
	assert_string_equal(rig->err.text, "its extended capability list does not end");
}

static void caps_extended_gone_midway_are_refused(void **state)
{
	struct rig *rig = *state;

	pci_fake_make_express(rig->edu, 0, false);
	pci_fake_set_ext_cap(rig->edu, 0x100, 0x0001, 0x200);
	pci_fake_set(rig->edu, 0x200, 4, UINT32_MAX);
	assert_int_equal(read_caps(rig), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(caps_without_status_bit_are_none),
		TEST(caps_of_both_spaces_are_listed_with_their_ends),
		TEST(caps_loop_is_refused),
		TEST(caps_loop_to_itself_is_refused),
		TEST(caps_in_every_dword_are_all_listed),
		TEST(caps_into_the_header_are_refused),
		TEST(caps_of_all_ones_are_refused),
		TEST(caps_extended_loop_is_refused),
		TEST(caps_extended_into_the_header_are_refused),
		TEST(caps_extended_in_every_dword_are_all_listed),
		TEST(caps_extended_beyond_the_limit_are_refused),
		TEST(caps_extended_gone_midway_are_refused),
	};

	return cmocka_run_group_tests_name("pci_caps", tests, NULL, NULL);
}
