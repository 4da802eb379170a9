// SPDX-License-Identifier: BSD-2-Clause
/* What a start leaves of the devices' bus mastering: on for nobody but the host and the bridges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon.h"
#include "device.h"
#include "hw_fake.h"
#include "log.h"
#include "machine_fake.h"

#define ARENA (UINT64_C(24) << 20)
#define COMMAND 4u
#define MASTER 4u

struct rig {
	struct hw_fake fake;
	struct machine *machine;
	struct daemon *d;
	struct policy *policy;
	struct policy_report report;
	struct error err;
};

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct machine_fake_options options = { .unit = &rig->fake, .has_fake_clock = true,
						.edu_count = 2, .bridged_count = 2,
						.has_uncovered = true };

	*state = rig;
	log_setup("test", LOG_ERROR, false);
	assert_int_equal(hw_fake_init(&rig->fake, ARENA), 0);
	assert_int_equal(machine_fake_open(&options, &rig->machine), 0);
	rig->d = calloc(1, sizeof(*rig->d));
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	daemon_forget(rig->d);
	rig->machine->ops->close(rig->machine);
	hw_fake_fini(&rig->fake);
	policy_free(rig->policy);
	free(rig->d);
	free(rig);
	return 0;
}

static struct pci_fake_function *function(const struct rig *rig, uint32_t bus, uint32_t slot)
{
	struct pci_fake_function *found = pci_fake_find(machine_fake_pci(rig->machine), bus, slot, 0);

	assert_non_null(found);
	return found;
}

static void set_mastering(const struct rig *rig, uint32_t bus, uint32_t slot)
{
	struct pci_fake_function *found = function(rig, bus, slot);

	pci_fake_set(found, COMMAND, 2, pci_fake_get(found, COMMAND, 2) | MASTER);
}

static bool has_mastering(const struct rig *rig, uint32_t bus, uint32_t slot)
{
	return pci_fake_get(function(rig, bus, slot), COMMAND, 2) & MASTER;
}

static void start(struct rig *rig, const char *policy)
{
	assert_int_equal(policy_parse("p.yaml", policy, strlen(policy), &rig->policy, &rig->report),
			 0);
	set_mastering(rig, 0, MACHINE_FAKE_EDU_SLOT);
	set_mastering(rig, 0, MACHINE_FAKE_EDU_SLOT + 1);
	set_mastering(rig, 0, MACHINE_FAKE_BRIDGE_SLOT);
	set_mastering(rig, 0, MACHINE_FAKE_UNCOVERED_SLOT);
	set_mastering(rig, 1, 1);
	set_mastering(rig, 1, 2);
	daemon_init(rig->d, rig->machine, rig->policy);
	if (daemon_start(rig->d, &rig->err) < 0)
		fail_msg("%s", rig->err.text);
}

static void start_switches_bus_mastering_of_every_device_off(void **state)
{
	struct rig *rig = *state;

	start(rig, "version: 1\n");
	assert_false(has_mastering(rig, 0, MACHINE_FAKE_EDU_SLOT));
	assert_false(has_mastering(rig, 0, MACHINE_FAKE_EDU_SLOT + 1));
	assert_false(has_mastering(rig, 1, 1));
	assert_false(has_mastering(rig, 1, 2));
	/* What others are reached through goes on. */
	assert_true(has_mastering(rig, 0, MACHINE_FAKE_BRIDGE_SLOT));
}

static struct device *device_named(struct rig *rig, const char *name)
{
	struct device *device = device_by_name(rig->d, name, &rig->err);

	assert_non_null(device);
	return device;
}

static void uncovered_device_is_held_and_can_never_be_attached(void **state)
{
	struct rig *rig = *state;
	const struct device *device;

	start(rig, "version: 1\ndevices:\n  - {name: loose, match: \"pci:0000:00:1e.0\"}\n");
	device = device_named(rig, "loose");
	assert_false(has_mastering(rig, 0, MACHINE_FAKE_UNCOVERED_SLOT));
	assert_true(device->is_uncovered);
	assert_int_equal(device_state(rig->d, device), WIRE_DEVICE_UNUSABLE);
	assert_string_equal(device->note, "no IOMMU covers it");
	/* A bridge whose number stands for others has no unit either, and is no such device. */
	assert_null(device_named(rig, "pci:0000:00:1c.0")->unit);
	assert_false(device_named(rig, "pci:0000:00:1c.0")->is_uncovered);
}

static void uncovered_device_that_stays_with_the_host_goes_on(void **state)
{
	struct rig *rig = *state;

	start(rig, "version: 1\ndevices:\n"
		   "  - {name: loose, match: \"pci:0000:00:1e.0\", host: identity}\n"
		   "  - {name: disk, match: \"pci:0000:00:02.0\", host: identity}\n");
	assert_true(has_mastering(rig, 0, MACHINE_FAKE_UNCOVERED_SLOT));
	assert_true(has_mastering(rig, 0, MACHINE_FAKE_EDU_SLOT));
	assert_false(has_mastering(rig, 0, MACHINE_FAKE_EDU_SLOT + 1));
	assert_int_equal(device_state(rig->d, device_named(rig, "disk")), WIRE_DEVICE_HOST);
	assert_true(device_named(rig, "loose")->is_uncovered);
}

#define ON_RIG(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_RIG(start_switches_bus_mastering_of_every_device_off),
		ON_RIG(uncovered_device_is_held_and_can_never_be_attached),
		ON_RIG(uncovered_device_that_stays_with_the_host_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
