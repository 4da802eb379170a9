// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any bytes as a device tree: refused with words, or a topology that holds.
 * An input that begins with 'P' is patches of a good tree, six bytes each
 * (where, two bytes; what, four); any other is the tree itself.
 */
#include <stdlib.h>
#include <string.h>

#include <libfdt.h>

#include "topology_text.h"

#define TREE_BYTES 2048
#define PATCH_BYTES 6

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t good[TREE_BYTES];

static void require(bool promise)
{
	if (!promise)
		abort();
}

static void begin(const char *name)
{
	require(fdt_begin_node(good, name) == 0);
}

static void end(void)
{
	require(fdt_end_node(good) == 0);
}

static void add(const char *name, const uint32_t *cells, size_t count)
{
	fdt32_t value[8];
	size_t i;

	for (i = 0; i < count; i++)
		value[i] = cpu_to_fdt32(cells[i]);
	require(fdt_property(good, name, value, (int)(count * sizeof(*value))) == 0);
}

#define ADD(name, ...) \
	add(name, (const uint32_t[]){ __VA_ARGS__ }, \
	    sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

static void add_top(void)
{
	begin("smmu");
	require(fdt_property_string(good, "compatible", "arm,smmu-v3") == 0);
	ADD("reg", 0, 0x09050000, 0, 0x20000);
	ADD("#iommu-cells", 1);
	ADD("phandle", 1);
	end();
	begin("pcie");
	require(fdt_property_string(good, "compatible", "pci-host-ecam-generic") == 0);
	ADD("#address-cells", 3);
	ADD("reg", 0x40, 0x10000000, 0, 0x10000000);
	ADD("bus-range", 0, 255);
	ADD("linux,pci-domain", 0);
	ADD("iommu-map", 0, 1, 0, 0x20, 0x28, 1, 0x28, 0x100);
	ADD("iommu-map-mask", 0xffff);
	end();
}

static void add_nested(void)
{
	begin("soc");
	ADD("#address-cells", 1);
	ADD("#size-cells", 1);
	ADD("ranges", 0, 0, 0xb000000, 0x100000);
	begin("bus");
	ADD("#address-cells", 1);
	ADD("#size-cells", 1);
	require(fdt_property(good, "ranges", "", 0) == 0);
	begin("dma");
	ADD("reg", 0x10000, 0x1000, 0x20000, 0x1000);
	ADD("iommus", 1, 0x20, 1, 0x21);
	require(fdt_property_string(good, "status", "okay") == 0);
	end();
	end();
	end();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	require(fdt_create(good, sizeof(good)) == 0 && fdt_finish_reservemap(good) == 0);
	begin("");
	ADD("#address-cells", 2);
	ADD("#size-cells", 2);
	add_top();
	add_nested();
	end();
	require(fdt_finish(good) == 0);
	return 0;
}

static void discover(const void *tree, size_t size)
{
	static struct topology topology;
	struct error err = { 0 };
	int result = topology_from_fdt(tree, size, &topology, &err);

	require(result == err.code && (result == 0 || err.text[0]));
	if (result == 0)
		require(topology_is_valid(&topology));
}

static void discover_patched(const uint8_t *data, size_t size)
{
	static _Alignas(8) uint8_t tree[TREE_BYTES];
	size_t where, used = fdt_totalsize(good);

	memcpy(tree, good, sizeof(tree));
	for (; size >= PATCH_BYTES; data += PATCH_BYTES, size -= PATCH_BYTES) {
		where = ((size_t)data[0] << 8 | data[1]) % (used - 4);
		memcpy(tree + where, data + 2, 4);
	}
	discover(tree, used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *exact;

	if (size && data[0] == 'P') {
		discover_patched(data + 1, size - 1);
		return 0;
	}
	exact = malloc(size ? size : 1); /* a byte too far is seen */
	require(exact != NULL);
	memcpy(exact, data, size);
	discover(exact, size);
	free(exact);
	return 0;
}
