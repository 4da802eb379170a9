// SPDX-License-Identifier: BSD-2-Clause
#include "scan_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

int scan_setup(void **state)
{
	static struct scan_rig rig;

	memset(&rig, 0, sizeof(rig));
	assert_int_equal(machine_fake_open(&(struct machine_fake_options){ .has_platform = true },
					   &rig.machine),
			 0);
	rig.pci = machine_fake_pci(rig.machine);
	assert_int_equal(topology_from_fdt(rig.machine->fdt, rig.machine->fdt_size, &rig.topology,
					   &rig.err),
			 0);
	*state = &rig;
	return 0;
}

int scan_teardown(void **state)
{
	struct scan_rig *rig = *state;

	rig->machine->ops->close(rig->machine);
	return 0;
}

void scan_all(struct scan_rig *rig)
{
	if (topology_scan_pci(rig->machine, &rig->topology, &rig->err))
		fail_msg("%s", rig->err.text);
	assert_true(topology_is_valid(&rig->topology));
}

const struct topology_device *scan_find(const struct scan_rig *rig, const char *text)
{
	const struct topology_device *device;
	struct devname name;

	assert_int_equal(devname_parse(text, &name), 0);
	device = topology_find(&rig->topology, &name);
	if (!device)
		fail_msg("%s was not found", text);
	return device;
}

void scan_expect_unusable(const struct scan_rig *rig, const char *name, const char *why)
{
	const struct topology_device *device = scan_find(rig, name);

	if (!strstr(device->unusable, why) || (!*why && device->unusable[0]))
		fail_msg("%s is '%s', not '%s'", name, device->unusable, why);
}

void scan_expect_usable(const struct scan_rig *rig, const char *name)
{
	scan_expect_unusable(rig, name, "");
}

struct pci_fake_function *scan_add(struct scan_rig *rig, uint32_t bus, uint32_t slot,
				   uint32_t number)
{
	return pci_fake_add(rig->pci, bus, slot, number);
}

struct pci_fake_function *scan_add_bridge(struct scan_rig *rig, uint32_t bus, uint32_t slot,
					  uint32_t port, uint32_t secondary, uint32_t last)
{
	struct pci_fake_function *bridge = scan_add(rig, bus, slot, 0);

	pci_fake_make_bridge(bridge, secondary, last);
	pci_fake_make_express(bridge, port, false);
	return bridge;
}

void scan_expect_one_group(const struct scan_rig *rig, const char *a, const char *b)
{
	if (scan_find(rig, a)->group != scan_find(rig, b)->group)
		fail_msg("%s and %s are two groups", a, b);
}

void scan_expect_streams(const struct scan_rig *rig, const char *name, uint32_t count,
			 uint32_t first, uint32_t second)
{
	const struct topology_device *device = scan_find(rig, name);

	assert_int_equal(device->stream_count, count);
	assert_int_equal(device->streams[0], first);
	if (count > 1)
		assert_int_equal(device->streams[1], second);
}
