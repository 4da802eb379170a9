// SPDX-License-Identifier: BSD-2-Clause
#include "acpi_fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "acpi_tables.h"
#include "acpi_text.h"
#include "log.h"
#include "topology_text.h"

#define PATCH_BYTES 4u

static struct acpi_text text;
static struct machine_table *table; /* the fuzzed one */
static uint8_t *good;
static uint32_t good_size;

void acpi_fuzz_require(bool promise)
{
	if (!promise)
		abort();
}

void acpi_fuzz_open(const char *path, const char *signature)
{
	log_setup("fuzz", LOG_ALARM, false);
	acpi_fuzz_require(acpi_text_open(path, &text) == 0);
	table = (struct machine_table *)(uintptr_t)acpi_table_find(&text.machine, signature);
	acpi_fuzz_require(table != NULL);
	good = table->bytes;
	good_size = table->size;
}

static void discover(void)
{
	static struct topology topology;
	struct error err = { 0 };
	int result = topology_from_acpi(&text.machine, &topology, &err);

	acpi_fuzz_require(result == err.code && (result == 0 || err.text[0]));
	if (result)
		return;
	acpi_fuzz_require(topology_is_valid(&topology));
	result = topology_scan_pci(&text.machine, &topology, &err);
	acpi_fuzz_require(result == err.code && (result == 0 || err.text[0]));
	if (result == 0)
		acpi_fuzz_require(topology_is_valid(&topology));
}

static void patch(uint8_t *bytes, const uint8_t *data, size_t size)
{
	size_t where;

	for (; size >= PATCH_BYTES; data += PATCH_BYTES, size -= PATCH_BYTES) {
		where = ((size_t)data[0] | (size_t)data[1] << 8) % (good_size - 37);
		memcpy(bytes + ACPI_HEADER_BYTES + where, data + 2, 2);
	}
}

void acpi_fuzz_run(const uint8_t *data, size_t size)
{
	bool is_patch = size && data[0] == 'P';
	uint8_t *bytes;

	table->size = is_patch ? good_size : (uint32_t)(ACPI_HEADER_BYTES + size);
	bytes = malloc(table->size); /* exact: a byte too far is seen */
	acpi_fuzz_require(bytes != NULL);
	memcpy(bytes, good, is_patch ? good_size : ACPI_HEADER_BYTES);
	if (is_patch)
		patch(bytes, data + 1, size - 1);
	else if (size)
		memcpy(bytes + ACPI_HEADER_BYTES, data, size);
	table->bytes = bytes;
	discover();
	free(bytes);
	table->bytes = good;
	table->size = good_size;
}
