// SPDX-License-Identifier: BSD-2-Clause
/*
 * What discovery makes of the device trees and ACPI tables that QEMU itself
 * writes, with the same functions on every machine: some on the root bus, some
 * behind bridges, some where a second host bridge begins.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "machine.h"
#include "topology_text.h"
#include "variant.h"

#define CONFIG_BYTES 256u

/* Bus 1 is behind a port, 2 behind a bridge to conventional PCI, 3 behind a bridge on that. */
#define EVERYWHERE \
	"--edu", "1", "--", "-device", "pcie-root-port,id=rp0,chassis=1,addr=0x8", \
	"-device", "edu,bus=rp0", "-device", "pcie-pci-bridge,id=pci0,addr=0x9", \
	"-device", "edu,bus=pci0,addr=1", "-device", \
	"pci-bridge,id=in0,bus=pci0,addr=3,chassis_nr=2", "-device", "edu,bus=in0,addr=4"

/* Besides, bus 4 behind a bridge with conventional PCI on both sides. */
#define ON_A_PC "-device", "i82801b11-bridge,id=old0,addr=0xa", "-device", "edu,bus=old0,addr=5"

static const char *const functions[] = { EVERYWHERE, NULL };
static const char *const functions_of_a_pc[] = { EVERYWHERE, ON_A_PC, NULL };

/*
 * And bus 64, which no bridge leads to. Not for VIOT: as long as nobody has set up the
 * port there, QEMU writes a range for it that begins at 0, which is refused.
 */
static const char *const functions_and_root[] = {
	EVERYWHERE, ON_A_PC, "-device", "pxb-pcie,id=px0,bus_nr=64,bus=pcie.0,addr=0xb",
	"-device", "pcie-root-port,id=rp1,bus=px0,chassis=2,addr=0", NULL,
};

static const struct row {
	enum variant_id id;
	const char *const *functions;
	const char *expected[8]; /* each is in the text, in this order */
} rows[] = {
	{ SMMU_S1_LINEAR, functions,
	  { "unit smmu0 /smmuv3@9050000 arm,smmu-v3 0x9050000+0x20000\n",
	    "mask 0xffff\n  requester 0x0+0x10000 is smmu0 stream 0x0\n" } },
	{ VTD_LEGACY_48, functions_and_root,
	  { "unit vtd0 DMAR+0x30 intel,vt-d 0xfed90000+0x1000 48 bits\n",
	    "bridge MCFG+0x2c segment 0 buses 0-255 ecam 0xb0000000+0x10000000 mask 0xffff\n",
	    "  begins at bus 64\n" } },
	{ VTD_LEGACY_39, functions_and_root,
	  { "unit vtd0 DMAR+0x30 intel,vt-d 0xfed90000+0x1000 39 bits\n" } },
	{ VTD_SECOND_LEVEL, functions_and_root,
	  { "unit vtd0 DMAR+0x30 intel,vt-d 0xfed90000+0x1000 48 bits\n" } },
	{ VIRTIO_ON_VIRT, functions,
	  { "unit viommu0 /pcie@10000000/virtio_iommu@1,0 virtio,pci-iommu 0x",
	    "+0x4000 segment 0 requester 0x8\n", "requester 0x9+0xfff7 is viommu0 stream 0x9\n",
	    "device pci:0000:00:01.0 1af4:1057\n", "unusable: it is an IOMMU itself: viommu0\n" } },
	{ VIRTIO_ON_Q35, functions_of_a_pc,
	  { "unit viommu0 VIOT+0x30 virtio,pci-iommu 0x", "+0x4000 segment 0 requester 0x8\n",
	    "is viommu0 stream 0x0\n", "device pci:0000:00:01.0 1af4:1057\n",
	    "unusable: it is an IOMMU itself: viommu0\n" } },
};

static const struct row *row;

struct rig {
	struct board_fixture board;
	struct machine *machine;
	struct topology topology;
	struct error err;
};

static int setup(void **state)
{
	static struct rig rig;

	memset(&rig, 0, sizeof(rig));
	variant_board_start(&rig.board, &variants[row->id], row->functions);
	if (machine_open_board(rig.board.socket, &rig.machine, &rig.err) ||
	    topology_discover(rig.machine, &rig.topology, &rig.err))
		fail_msg("%s", rig.err.text);
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	rig->machine->ops->close(rig->machine);
	board_stop(&rig->board);
	return 0;
}

static const struct topology_device *find(const struct rig *rig, const char *text)
{
	const struct topology_device *device;
	struct devname name;

	assert_int_equal(devname_parse(text, &name), 0);
	device = topology_find(&rig->topology, &name);
	if (!device)
		fail_msg("%s was not found", text);
	return device;
}

static void board_firmware_is_understood(void **state)
{
	static char text[1 << 16];
	struct rig *rig = *state;
	const char *at = text;
	size_t i;

	assert_true(topology_is_valid(&rig->topology));
	topology_text(&rig->topology, text, sizeof(text));
	for (i = 0; i < ARRAY_COUNT(row->expected) && row->expected[i]; i++) {
		at = strstr(at, row->expected[i]);
		if (!at)
			fail_msg("'%s' is not in\n%s", row->expected[i], text);
		at += strlen(row->expected[i]);
	}
}

static void expect_stream(const struct rig *rig, const char *name, uint32_t stream)
{
	const struct topology_device *device = find(rig, name);

	assert_string_equal(device->unusable, "");
	assert_int_equal(device->unit, 0);
	assert_int_equal(device->stream_count, 1);
	assert_int_equal(device->streams[0], stream);
	assert_int_equal(device->windows[0].size, 1 << 20);
}

static void board_functions_have_the_streams_they_arrive_with(void **state)
{
	struct rig *rig = *state;

	expect_stream(rig, "00:02.0", 0x10);
	expect_stream(rig, "01:00.0", 0x100);
	expect_stream(rig, "02:01.0", 0x200);
	expect_stream(rig, "03:04.0", 0x200);
	assert_ptr_equal(&rig->topology.devices[find(rig, "03:04.0")->group], find(rig, "02:01.0"));
	assert_ptr_equal(&rig->topology.devices[find(rig, "01:00.0")->group], find(rig, "01:00.0"));
	assert_string_equal(find(rig, "00:08.0")->unusable,
			    "it is a bridge, no DMA master of its own");
	if (row->functions != functions)
		expect_stream(rig, "04:05.0", 0x50);
	if (row->functions == functions_and_root)
		assert_int_equal(find(rig, "40:00.0")->config - find(rig, "00:02.0")->config,
				 (0x40 << 20) - (2 << 15));
}

/* A second look finds the same, because the first left everything as it was. */
static void board_is_as_it_was_after_discovery(void **state)
{
	static uint32_t before[TOPOLOGY_DEVICES_MAX][CONFIG_BYTES / 4];
	static char first[1 << 16], second[1 << 16];
	struct rig *rig = *state;
	uint32_t i, at;

	topology_text(&rig->topology, first, sizeof(first));
	for (i = 0; i < rig->topology.device_count; i++)
		for (at = 0; at < CONFIG_BYTES && rig->topology.devices[i].config; at += 4)
			before[i][at / 4] = rig->machine->ops->config_read(
				rig->machine, rig->topology.devices[i].config + at, 4);
	memset(&rig->topology, 0, sizeof(rig->topology));
	assert_int_equal(topology_discover(rig->machine, &rig->topology, &rig->err), 0);
	topology_text(&rig->topology, second, sizeof(second));
	assert_string_equal(first, second);
	for (i = 0; i < rig->topology.device_count; i++)
		for (at = 0; at < CONFIG_BYTES && rig->topology.devices[i].config; at += 4)
			assert_int_equal(before[i][at / 4],
					 rig->machine->ops->config_read(
						 rig->machine,
						 rig->topology.devices[i].config + at, 4));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(board_firmware_is_understood),
		TEST(board_functions_have_the_streams_they_arrive_with),
		TEST(board_is_as_it_was_after_discovery),
	};
	int failed = 0;

	for (row = rows; row < rows + ARRAY_COUNT(rows); row++)
		if (variant_can(&variants[row->id]))
			failed += cmocka_run_group_tests_name(variants[row->id].name, tests, NULL,
							      NULL);
	return failed;
}
