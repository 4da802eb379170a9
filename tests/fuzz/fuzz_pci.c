// SPDX-License-Identifier: BSD-2-Clause
/*
 * Configuration space that says anything: bridges, capabilities and BARs of a
 * dozen functions. An input is patches, six bytes each: whose and what (one byte:
 * the function in bits 3:0; bit 7: what a write changes, instead of what it reads),
 * where (two bytes, little-endian), and three bytes from there on. The scan ends,
 * and what it finds holds.
 */
#include <stdlib.h>
#include <string.h>

#include "acpi_fuzz.h"
#include "acpi_text.h"
#include "log.h"
#include "topology_text.h"

#define FUNCTIONS 16u
#define LAST_BUS 15u
#define PATCH_BYTES 6u
#define WRITABLE 0x80u

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first of them lead to buses; there is a function for each of these to find. */
static const struct { uint8_t bus, slot, number, port, secondary, last; } places[FUNCTIONS] = {
	{ 0, 1, 0, 4, 1, 3 }, { 1, 0, 0, 5, 2, 3 },   { 2, 0, 0, 6, 3, 3 }, { 0, 2, 0, 7, 4, 6 },
	{ 4, 1, 0, 0, 5, 6 }, { 5, 1, 0, 8, 6, 6 },   { 0, 3, 0, 0, 0, 0 }, { 0, 3, 1, 0, 0, 0 },
	{ 0, 4, 0, 0, 0, 0 }, { 1, 1, 0, 0, 0, 0 },   { 2, 5, 0, 0, 0, 0 }, { 3, 0, 0, 0, 0, 0 },
	{ 4, 0, 0, 0, 0, 0 }, { 4, 31, 7, 0, 0, 0 }, { 5, 2, 0, 0, 0, 0 }, { 6, 0, 0, 0, 0, 0 },
};

static struct acpi_text text;
static struct pci_fake_function *functions[FUNCTIONS], clean[FUNCTIONS];
static bool is_rewired[FUNCTIONS]; /* what it lets be written was changed */

static void add_function(uint32_t i)
{
	functions[i] = pci_fake_add(&text.pci, places[i].bus, places[i].slot, places[i].number);
	if (places[i].secondary)
		pci_fake_make_bridge(functions[i], places[i].secondary, places[i].last);
	else
		pci_fake_set_bar(functions[i], 0, 0xc0000000 + (i << 20), 1 << 20, 0);
	if (places[i].port) {
		pci_fake_make_express(functions[i], places[i].port, true);
		pci_fake_add_acs(functions[i], 0x1d);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	uint32_t i;

	(void)argc;
	(void)argv;
	log_setup("fuzz", LOG_ALARM, false);
	acpi_fuzz_require(acpi_text_open("tests/data/acpi/good-mcfg-alone.acpi", &text) == 0);
	pci_fake_fini(&text.pci);
	for (i = 0; i < FUNCTIONS; i++) {
		add_function(i);
		clean[i] = *functions[i];
	}
	return 0;
}

static void make_topology(struct topology *topology)
{
	*topology = (struct topology){ .unit_count = 2, .bridge_count = 1, .map_count = 2 };
	strcpy(topology->units[0].compatible, "x");
	topology->units[1] = (struct topology_unit){ .name = "viommu0",
						     .compatible = "virtio,pci-iommu",
						     .is_pci = true, .rid = 4 << 3 };
	topology->bridges[0] = (struct topology_bridge){ .ecam_base = ACPI_TEXT_ECAM,
							 .ecam_size = (LAST_BUS + 1) << 20,
							 .last_bus = LAST_BUS, .map_count = 2,
							 .map_mask = 0xffff, .roots = { 1u << 6 } };
	topology->maps[0] = (struct topology_map){ .rid = 0x300, .length = 0x200, .unit = 1 };
	topology->maps[1] = (struct topology_map){ .length = 0x600 };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct topology topology;
	struct error err = { 0 };
	uint32_t i, where;
	uint8_t *bytes;
	int result;

	for (i = 0; i < FUNCTIONS; i++) {
		memcpy(functions[i]->bytes, clean[i].bytes, sizeof(clean[i].bytes));
		if (!is_rewired[i])
			continue;
		memcpy(functions[i]->writable, clean[i].writable, sizeof(clean[i].writable));
		is_rewired[i] = false;
	}
	for (; size >= PATCH_BYTES; data += PATCH_BYTES, size -= PATCH_BYTES) {
		i = data[0] % FUNCTIONS;
		is_rewired[i] |= (data[0] & WRITABLE) != 0;
		bytes = data[0] & WRITABLE ? functions[i]->writable : functions[i]->bytes;
		where = (data[1] | (uint32_t)data[2] << 8) % (sizeof(clean[0].bytes) - 2);
		memcpy(bytes + where, data + 3, 3);
	}
	make_topology(&topology);
	result = topology_scan_pci(&text.machine, &topology, &err);
	acpi_fuzz_require(result == err.code && (result == 0 || err.text[0]));
	if (result == 0)
		acpi_fuzz_require(topology_is_valid(&topology));
	return 0;
}
