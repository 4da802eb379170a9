// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any bytes as the memory in which firmware left its tables: refused with
 * words, or copies that lay inside. An input that begins with 'P' is patches of
 * a good memory, three bytes each (where, two bytes; what), whose checksums are
 * made right again as far as they can be found.
 */
#include <stdlib.h>
#include <string.h>

#include "acpi_fuzz.h"
#include "acpi_tables.h"

#define PLACE UINT64_C(0x7f000000)
#define BYTES 0x300u
#define XSDT 0x40u
#define TABLES 0x100u /* and 0x100 bytes between two */
#define TABLE_COUNT 2u
#define PATCH_BYTES 3u

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t good[BYTES];

static void put(uint8_t *bytes, uint64_t value, unsigned width)
{
	for (; width > 0; width--, value >>= 8)
		*bytes++ = (uint8_t)value;
}

static void put_letters(uint8_t *bytes, const char *letters)
{
	while (*letters)
		*bytes++ = (uint8_t)*letters++;
}

static void sum(uint8_t *bytes, uint32_t count, uint32_t where)
{
	uint8_t total = 0;
	uint32_t i;

	bytes[where] = 0;
	for (i = 0; i < count; i++)
		total = (uint8_t)(total + bytes[i]);
	bytes[where] = (uint8_t)-total;
}

static void sum_table(uint8_t *memory, uint32_t offset)
{
	uint32_t size = memory[offset + 4] | (uint32_t)memory[offset + 5] << 8;

	if (size <= BYTES - offset)
		sum(memory + offset, size, 9);
}

static void sum_all(uint8_t *memory)
{
	uint32_t i;

	for (i = 0; i < TABLE_COUNT; i++)
		sum_table(memory, TABLES + i * 0x100);
	sum_table(memory, XSDT);
	sum(memory, 20, 8);
	sum(memory, 36, 32);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	uint32_t i;

	(void)argc;
	(void)argv;
	put_letters(good, "RSD PTR ");
	good[15] = 2;
	put(good + 16, PLACE + XSDT, 4);
	put(good + 20, 36, 4);
	put(good + 24, PLACE + XSDT, 8);
	put_letters(good + XSDT, "XSDT");
	put(good + XSDT + 4, ACPI_HEADER_BYTES + TABLE_COUNT * 8, 4);
	for (i = 0; i < TABLE_COUNT; i++) {
		put(good + XSDT + ACPI_HEADER_BYTES + i * 8, PLACE + TABLES + i * 0x100, 8);
		put_letters(good + TABLES + i * 0x100, i ? "MCFG" : "DMAR");
		put(good + TABLES + i * 0x100 + 4, 60, 4);
	}
	sum_all(good);
	return 0;
}

static void collect(const uint8_t *memory, size_t size)
{
	struct machine machine = { .table_count = 0 };
	struct error err = { 0 };
	int result = acpi_tables_collect(memory, PA(PLACE), size, 0, &machine, &err);
	uint32_t i;

	acpi_fuzz_require(result == err.code && (result == 0 || err.text[0]));
	acpi_fuzz_require(result == 0 || machine.table_count == 0);
	for (i = 0; i < machine.table_count; i++)
		acpi_fuzz_require(machine.tables[i].size >= ACPI_HEADER_BYTES &&
				  machine.tables[i].size <= size &&
				  memmem(memory, size, machine.tables[i].bytes,
					 machine.tables[i].size));
	acpi_tables_free(&machine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool is_patch = size && data[0] == 'P';
	size_t used = is_patch ? BYTES : size;
	uint8_t *memory = malloc(used ? used : 1); /* exact: a byte too far is seen */

	acpi_fuzz_require(memory != NULL);
	memcpy(memory, is_patch ? good : data, used);
	for (data++, size--; is_patch && size >= PATCH_BYTES;
	     data += PATCH_BYTES, size -= PATCH_BYTES)
		memory[((size_t)data[0] | (size_t)data[1] << 8) % BYTES] = data[2];
	if (is_patch)
		sum_all(memory);
	collect(memory, used);
	free(memory);
	return 0;
}
