// SPDX-License-Identifier: BSD-2-Clause
/*
 * What can be promised depends on where a device sits: behind a bridge that speaks for
 * others too, before no unit at all, or on a machine whose units let interrupt messages pass.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bits.h"
#include "rig.h"
#include "smmu-admin.h"

#define EDU "edu,dma_mask=0xffffffffffffffff"

/* Bus 1 is behind the root port, bus 2 behind the bridge to conventional PCI. */
#define BEHIND_PORT "pci:0000:01:00.0"
#define BEHIND_BRIDGE0 "pci:0000:02:01.0"
#define BEHIND_BRIDGE1 "pci:0000:02:02.0"

static const struct variant *variant;

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct rig));
	assert_non_null(*state);
	return 0;
}

static int teardown(void **state)
{
	rig_stop(*state);
	free(*state);
	return 0;
}

static void start(struct rig *rig, const char *const *board, const char *policy)
{
	rig_prepare_board(rig, variant, board);
	rig_write_policy(rig, policy);
	rig_start_daemon(rig, "smmuman");
}

static struct wire_device device_of(struct driver *driver, const char *name)
{
	struct wire_explain_reply reply;

	assert_int_equal(smmu_admin_explain(driver->context, name, NULL, &reply), 0);
	return reply.device;
}

/* The sentence of the last refusal has these words in it. */
static void expect_words(struct driver *driver, const char *words)
{
	char text[240] = "";

	smmu_last_error(driver->context, text, sizeof(text));
	if (!strstr(text, words))
		fail_msg("'%s' is not in: %s", words, text);
}

/* "smmuctl devices" says it of that device. */
static void expect_shown(struct rig *rig, const char *name, const char *words)
{
	char program[128], command[512], text[8192] = "", flat[8192];
	size_t used = 0, i, length;
	const char *at;
	FILE *pipe;

	snprintf(command, sizeof(command), "%s --socket %s devices",
		 build_path("smmuctl", program, sizeof(program)), rig->socket);
	pipe = popen(command, "re");
	assert_non_null(pipe);
	length = fread(text, 1, sizeof(text) - 1, pipe);
	assert_int_equal(pclose(pipe), 0);
	/* As one line: it is broken where it would be too long. */
	for (i = 0; i < length; i++)
		if (text[i] > ' ' || (used > 0 && flat[used - 1] != ' '))
			flat[used++] = text[i] > ' ' ? text[i] : ' ';
	flat[used] = '\0';
	at = strstr(flat, name);
	if (!at || !strstr(at, words))
		fail_msg("smmuctl does not say '%s' of %s:\n%s", words, name, text);
}

/* --- bridges ------------------------------------------------------------------------- */

static const char *const bridges[] = {
	"--edu", "0", "--",
	"-device", "pcie-root-port,id=rp0,chassis=1,addr=0x5",
	"-device", EDU ",bus=rp0",
	"-device", "pcie-pci-bridge,id=pci0,addr=0x6",
	"-device", EDU ",bus=pci0,addr=1",
	"-device", EDU ",bus=pci0,addr=2",
	NULL,
};

static const char bridges_policy[] =
	"devices:\n"
	"  - {name: alone, match: \"" BEHIND_PORT "\", " RIG_WORDS "}\n"
	"  - {name: one, match: \"" BEHIND_BRIDGE0 "\", " RIG_WORDS "}\n"
	"  - {name: two, match: \"" BEHIND_BRIDGE1 "\", " RIG_WORDS "}\n"
	"clients:\n"
	"  - {name: driver, uid: self, rights: [attach, admin], attach: [alone, one, two]}\n";

static const char half_a_group_policy[] =
	"devices:\n"
	"  - {name: one, match: \"" BEHIND_BRIDGE0 "\", " RIG_WORDS "}\n"
	"  - {name: two, match: \"" BEHIND_BRIDGE1 "\", " RIG_WORDS "}\n"
	"clients:\n"
	"  - {name: driver, uid: self, rights: [attach, admin], attach: [one]}\n";

/* The same domain and buffer, by another device's registers. */
static struct driver second_device(struct driver *driver, const char *name)
{
	struct driver second = *driver;

	driver_attach(&second, name);
	return second;
}

static void devices_behind_a_bridge_are_shown_and_granted_as_one(void **state)
{
	struct driver a, b, other;

	start(*state, bridges, bridges_policy);
	driver_open(&a, *state, 2 * RIG_PAGE);
	driver_open(&b, *state, 2 * RIG_PAGE);
	assert_int_equal(device_of(&a, BEHIND_BRIDGE0).group_size, 2);
	assert_int_equal(device_of(&a, BEHIND_BRIDGE1).group_size, 2);
	assert_string_equal(device_of(&a, BEHIND_BRIDGE1).group, BEHIND_BRIDGE0);
	expect_shown(*state, BEHIND_BRIDGE1, "one of 2 devices that cannot be told apart: the group "
					     "of " BEHIND_BRIDGE0);
	driver_attach(&a, BEHIND_BRIDGE0);
	/* To the unit the other one is this one: nobody else may have it. */
	assert_int_equal(driver_try_attach(&b, BEHIND_BRIDGE1), -EBUSY);
	expect_words(&b, "cannot be told apart");
	driver_fill_device(&a, 0x6a, 64);
	driver_from_device(&a, RIG_IOVA, 64);
	assert_true(driver_holds(&a, 0, 2 * RIG_PAGE, 0));
	driver_grant(&a, RIG_IOVA, RIG_PAGE, 0, SMMU_READ | SMMU_WRITE);
	driver_from_device(&a, RIG_IOVA, 64);
	assert_true(driver_holds(&a, 0, 64, 0x6a));
	/* The whole group is this client's: the other member reaches the same grants. */
	other = second_device(&a, BEHIND_BRIDGE1);
	driver_to_device(&other, RIG_IOVA, 64);
	driver_from_device(&other, RIG_IOVA + 1024, 64);
	assert_true(driver_holds(&a, 1024, 64, 0x6a));
	driver_revoke(&a, RIG_IOVA, RIG_PAGE);
	driver_set(&a, 0, RIG_PAGE, 0);
	driver_from_device(&other, RIG_IOVA, 64);
	assert_true(driver_holds(&a, 0, RIG_PAGE, 0));
	driver_close(&a);
	driver_close(&b);
}

static void device_behind_a_root_port_is_on_its_own(void **state)
{
	struct driver a, b;

	start(*state, bridges, bridges_policy);
	driver_open(&a, *state, 2 * RIG_PAGE);
	driver_open(&b, *state, 2 * RIG_PAGE);
	assert_int_equal(device_of(&a, BEHIND_PORT).group_size, 1);
	driver_attach(&a, BEHIND_BRIDGE0);
	driver_attach(&b, BEHIND_PORT);
	driver_fill_device(&a, 0x1a, 64);
	driver_fill_device(&b, 0x2b, 64);
	driver_grant(&a, RIG_IOVA, RIG_PAGE, 0, SMMU_READ | SMMU_WRITE);
	driver_from_device(&b, RIG_IOVA, 64);
	assert_true(driver_holds(&a, 0, RIG_PAGE, 0));
	assert_string_equal(driver_newest_fault(&b).device, BEHIND_PORT);
	driver_grant(&b, RIG_IOVA, RIG_PAGE, 0, SMMU_READ | SMMU_WRITE);
	driver_from_device(&b, RIG_IOVA, 64);
	driver_from_device(&a, RIG_IOVA, 64);
	assert_true(driver_holds(&a, 0, 64, 0x1a));
	assert_true(driver_holds(&b, 0, 64, 0x2b));
	driver_close(&a);
	driver_close(&b);
}

static void half_a_group_is_not_granted(void **state)
{
	struct driver a;

	start(*state, bridges, half_a_group_policy);
	driver_open(&a, *state, RIG_PAGE);
	assert_int_equal(driver_try_attach(&a, BEHIND_BRIDGE0), -EACCES);
	expect_words(&a, BEHIND_BRIDGE0 " cannot be told apart from " BEHIND_BRIDGE1);
	driver_close(&a);
}

/* --- no unit --------------------------------------------------------------------------- */

/* Bus 0 is past the unit. */
static const char *const bypass[] = { "--", "-machine", "default_bus_bypass_iommu=on", NULL };

static const char uncovered_policy[] =
	"devices:\n"
	"  - {name: dma0, match: \"" DMA0 "\", " RIG_WORDS "}\n"
	"clients:\n"
	"  - {name: driver, uid: self, rights: [attach, admin], attach: [dma0]}\n";

static void device_that_no_unit_covers_is_refused_and_shown(void **state)
{
	struct wire_status status;
	struct wire_device view;
	struct driver a;

	start(*state, bypass, uncovered_policy);
	driver_open(&a, *state, RIG_PAGE);
	assert_int_equal(driver_try_attach(&a, DMA0), -ENODEV);
	expect_words(&a, "no IOMMU covers it");
	view = device_of(&a, DMA0);
	assert_int_equal(view.state, WIRE_DEVICE_UNUSABLE);
	assert_string_equal(view.unit, "");
	assert_non_null(strstr(view.note, "no IOMMU covers it"));
	expect_shown(*state, DMA0, "no IOMMU covers it");
	assert_int_equal(smmu_admin_status(a.context, &status), 0);
	assert_true(status.devices_uncovered > 0);
	driver_close(&a);
}

/* The device fetches 0x77 from RAM and writes it back over zeroes; did it arrive? */
static bool moves_bytes(struct board_owner *owner, int window)
{
	uint64_t ram = owner->hello.parts[1].pa;

	memset(owner->parts[1], 0x77, 64);
	edu_start(window, ram, EDU_BUFFER, 64, EDU_FROM_RAM);
	edu_wait(window);
	memset(owner->parts[1], 0, 64);
	edu_start(window, EDU_BUFFER, ram, 64, EDU_TO_RAM);
	edu_wait(window);
	return owner->parts[1][0] == 0x77;
}

/*
 * All that holds such a device is its bus mastering, which the daemon switched off. What
 * happens with it on shows that nothing else does.
 */
static void device_that_no_unit_covers_is_held_by_its_bus_mastering(void **state)
{
	struct rig *rig = *state;
	struct board_owner owner;
	int window;

	rig_prepare_board(rig, variant, bypass);
	rig_write_policy(rig, uncovered_policy);
	/* As firmware may leave it. */
	assert_int_equal(board_owner_init(&owner, rig->board.socket), 0);
	pci_set_master(&owner, 2, true);
	board_owner_fini(&owner);
	rig_start_daemon(rig, "smmuman");
	assert_int_equal(process_stop(&rig->daemon, SIGKILL), 128 + SIGKILL);
	assert_int_equal(board_owner_init(&owner, rig->board.socket), 0);
	assert_int_equal(board_window_open(owner.fd, pci_bar0(&owner, 2), 1 << 20, &window, NULL), 0);
	assert_false(moves_bytes(&owner, window));
	pci_set_master(&owner, 2, true);
	assert_true(moves_bytes(&owner, window));
	close(window);
	board_owner_fini(&owner);
}

/* --- interrupt messages ------------------------------------------------------------------ */

static const char careful_policy[] =
	"devices:\n"
	"  - name: dma0\n"
	"    match: \"" DMA0 "\"\n"
	"    quiesce: {poll: {bar: 0, offset: 0x98, mask: 0x1, value: 0x0}}\n"
	"clients:\n"
	"  - {name: driver, uid: self, rights: [attach, admin], attach: [dma0]}\n";

static const char *const plain[] = { NULL };

static void attach_without_unsafe_interrupts_is_refused_with_the_word(void **state)
{
	struct driver a;

	start(*state, plain, careful_policy);
	driver_open(&a, *state, RIG_PAGE);
	assert_int_equal(driver_try_attach(&a, DMA0), -EPERM);
	expect_words(&a, "unsafe_interrupts: allow");
	assert_int_equal(device_of(&a, DMA0).unsafe_interrupts, WIRE_UNSAFE_REFUSED);
	expect_shown(*state, DMA0, "cannot be attached: its unit does not check interrupt messages");
	driver_close(&a);
}

/* Where the tables check interrupt messages like all else, no word is needed. */
static void attach_where_interrupts_are_checked_needs_no_word(void **state)
{
	struct driver a;

	start(*state, plain, careful_policy);
	driver_open(&a, *state, RIG_PAGE);
	driver_attach(&a, DMA0);
	assert_int_equal(device_of(&a, DMA0).unsafe_interrupts, WIRE_UNSAFE_CHECKED);
	driver_from_device(&a, 0xfee00000, 4);
	driver_expect_refusal(&a, 0xfee00000, 1, SMMU_WRITE);
	driver_close(&a);
}

static unsigned fault_count(struct driver *driver)
{
	return (unsigned)device_of(driver, DMA0).faults;
}

/*
 * The hole: a device writes to 0xfee00000 with nothing granted, and the unit refuses
 * nothing, for it is an interrupt message and no tables are asked. No promise of ours holds
 * there, which is what unsafe_interrupts: allow admits. The same write one megabyte lower
 * and higher is refused and recorded.
 */
static void interrupt_writes_pass_whatever_the_tables_say(void **state)
{
	struct smmu_grant grant = { .rights = SMMU_READ | SMMU_WRITE, .iova = 0xfee00000,
				    .length = RIG_PAGE };
	struct rig *rig = *state;
	struct driver a;

	rig_start(rig, variant);
	driver_open(&a, rig, RIG_PAGE);
	driver_attach(&a, DMA0);
	assert_int_equal(device_of(&a, DMA0).unsafe_interrupts, WIRE_UNSAFE_ALLOWED);
	expect_shown(rig, DMA0, "any interrupt of the machine (unsafe_interrupts: allow)");
	driver_from_device(&a, 0xfee00000, 4);
	driver_from_device(&a, 0xfeeffffc, 4);
	assert_int_equal(fault_count(&a), 0);
	driver_from_device(&a, 0xfedff000, 4);
	driver_expect_refusal(&a, 0xfedff000, 1, SMMU_WRITE);
	driver_from_device(&a, 0xfef00000, 4);
	driver_expect_refusal(&a, 0xfef00000, 1, SMMU_WRITE);
	assert_int_equal(fault_count(&a), 2);
	/* And no memory can be put there: a device would never reach it. */
	grant.memory = a.buffer.memory;
	assert_int_equal(smmu_map(a.context, a.domain, &grant), -EINVAL);
	expect_words(&a, "interrupt");
	driver_close(&a);
}

/* --- the runs -------------------------------------------------------------------------- */

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static const struct CMUnitTest bridge_tests[] = {
	TEST(devices_behind_a_bridge_are_shown_and_granted_as_one),
	TEST(device_behind_a_root_port_is_on_its_own),
	TEST(half_a_group_is_not_granted),
};
static const struct CMUnitTest uncovered_tests[] = {
	TEST(device_that_no_unit_covers_is_refused_and_shown),
	TEST(device_that_no_unit_covers_is_held_by_its_bus_mastering),
};
static const struct CMUnitTest unsafe_tests[] = {
	TEST(attach_without_unsafe_interrupts_is_refused_with_the_word),
	TEST(interrupt_writes_pass_whatever_the_tables_say),
};
static const struct CMUnitTest checked_tests[] = {
	TEST(attach_where_interrupts_are_checked_needs_no_word),
};

static int run(enum variant_id id, const struct CMUnitTest *tests, size_t count)
{
	variant = &variants[id];
	if (!variant_can(variant))
		return 0;
	return _cmocka_run_group_tests(variant->name, tests, count, NULL, NULL);
}

#define RUN(ids, tests) \
	for (i = 0; i < ARRAY_COUNT(ids); i++) \
		failed += run((ids)[i], (tests), ARRAY_COUNT(tests))

int main(void)
{
	static const enum variant_id bridged[] = { SMMU_S1_TWO_LEVEL, VTD_LEGACY_48,
						   VTD_SECOND_LEVEL, VIRTIO_ON_VIRT, VIRTIO_ON_Q35 };
	static const enum variant_id uncovered[] = { VTD_LEGACY_48, VIRTIO_ON_Q35 };
	static const enum variant_id told_by_old_trees[] = { SMMU_S1_LINEAR };
	static const enum variant_id unsafe[] = { VTD_LEGACY_48, VTD_SECOND_LEVEL,
						  VTD_FIRST_LEVEL, VIRTIO_ON_Q35 };
	static const enum variant_id checked[] = { SMMU_S1_LINEAR, VIRTIO_ON_VIRT };
	int failed = 0;
	size_t i;

	RUN(bridged, bridge_tests);
	RUN(uncovered, uncovered_tests);
	/* QEMU 10's device tree names the SMMUv3 even where it is passed by: nobody can tell. */
	if (variant_qemu_version(&variants[SMMU_S1_LINEAR]) < 800)
		RUN(told_by_old_trees, uncovered_tests);
	RUN(unsafe, unsafe_tests);
	RUN(checked, checked_tests);
	return failed;
}
