// SPDX-License-Identifier: BSD-2-Clause
#include "acpi_tables.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arith.h"

/* ACPI 6.5, 5.2.5.3: the root pointer. */
#define RSDP_OLD_BYTES 20u /* all that revision 0 has */
#define RSDP_BYTES 36u
#define RSDP_REVISION 15u
#define RSDP_RSDT 16u
#define RSDP_LENGTH 20u
#define RSDP_XSDT 24u

/* 5.2.6: the header of every table. */
#define HEADER_LENGTH 4u

/* The memory that all of them lie in. */
struct firmware {
	const uint8_t *bytes;
	uint64_t pa, size;
	uint64_t copied; /* bytes of tables: they cannot be more than the memory is */
	struct machine *machine;
	struct error *err;
};

/* --- numbers ----------------------------------------------------------------------- */

static uint64_t number_at(const uint8_t *bytes, unsigned width)
{
	uint64_t value = 0;

	while (width-- > 0)
		value = value << 8 | bytes[width];
	return value;
}

static uint64_t get(const struct machine_table *table, uint32_t offset, unsigned width)
{
	return number_at((const uint8_t *)table->bytes + offset, width);
}

uint8_t acpi_get8(const struct machine_table *table, uint32_t offset)
{
	return (uint8_t)get(table, offset, 1);
}

uint16_t acpi_get16(const struct machine_table *table, uint32_t offset)
{
	return (uint16_t)get(table, offset, 2);
}

uint32_t acpi_get32(const struct machine_table *table, uint32_t offset)
{
	return (uint32_t)get(table, offset, 4);
}

uint64_t acpi_get64(const struct machine_table *table, uint32_t offset)
{
	return get(table, offset, 8);
}

/* Every ACPI checksum makes its bytes add up to zero. */
static bool adds_up(const uint8_t *bytes, uint64_t count)
{
	uint8_t sum = 0;

	while (count-- > 0)
		sum = (uint8_t)(sum + *bytes++);
	return sum == 0;
}

int acpi_refuse(struct error *err, const struct machine_table *table, uint32_t offset,
		const char *format, ...)
{
	char reason[ERROR_TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	return error_set(err, -EINVAL, "%s+0x%" PRIx32 ": %s", table->signature, offset, reason);
}

/* --- the copies --------------------------------------------------------------------- */

const struct machine_table *acpi_table_find(const struct machine *machine, const char *signature)
{
	uint32_t i;

	for (i = 0; i < machine->table_count; i++)
		if (strcmp(machine->tables[i].signature, signature) == 0)
			return &machine->tables[i];
	return NULL;
}

void acpi_tables_free(struct machine *machine)
{
	while (machine->table_count > 0) {
		struct machine_table *table = &machine->tables[--machine->table_count];

		free(table->bytes);
		*table = (struct machine_table){ .size = 0 };
	}
}

/* What a table calls itself, made printable. */
static void copy_signature(const uint8_t *bytes, char signature[5])
{
	uint32_t i;

	for (i = 0; i < 4; i++)
		signature[i] = bytes[i] > 0x20 && bytes[i] < 0x7f ? (char)bytes[i] : '?';
	signature[4] = '\0';
}

/*
 * A whole table at a physical address, checked as far as its header goes.
 * where says who points there: "XSDT+0x24".
 */
static int check_table(const struct firmware *firmware, const char *where, uint64_t address,
		       const uint8_t **ret_bytes, uint32_t *ret_size)
{
	const uint8_t *bytes;
	char signature[5];
	uint32_t size;

	if (!range_within(address, ACPI_HEADER_BYTES, firmware->pa, firmware->size))
		return error_set(firmware->err, -EINVAL,
				 "%s: points to 0x%" PRIx64
				 ", which is outside the firmware's memory 0x%" PRIx64 "+0x%" PRIx64,
				 where, address, firmware->pa, firmware->size);
	bytes = firmware->bytes + (address - firmware->pa);
	size = (uint32_t)number_at(bytes + HEADER_LENGTH, 4);
	copy_signature(bytes, signature);
	if (size < ACPI_HEADER_BYTES)
		return error_set(firmware->err, -EINVAL,
				 "%s+0x4: its length %" PRIu32 " is less than a header's %u bytes",
				 signature, size, ACPI_HEADER_BYTES);
	if (!range_within(address, size, firmware->pa, firmware->size))
		return error_set(firmware->err, -EINVAL,
				 "%s+0x4: its length 0x%" PRIx32 " leads out of the firmware's memory",
				 signature, size);
	if (!adds_up(bytes, size))
		return error_set(firmware->err, -EINVAL, "%s+0x9: its checksum is wrong", signature);
	*ret_bytes = bytes;
	*ret_size = size;
	return 0;
}

/* What is decided by must be there once: two of them would contradict each other. */
static bool is_single(const char *signature)
{
	return strcmp(signature, "DMAR") == 0 || strcmp(signature, "MCFG") == 0 ||
	       strcmp(signature, "VIOT") == 0;
}

static int copy_table(struct firmware *firmware, const char *where, uint64_t address)
{
	struct machine *machine = firmware->machine;
	struct machine_table table = { .size = 0 };
	const uint8_t *bytes;
	int result;

	result = check_table(firmware, where, address, &bytes, &table.size);
	if (result)
		return result;
	copy_signature(bytes, table.signature);
	if (is_single(table.signature) && acpi_table_find(machine, table.signature))
		return error_set(firmware->err, -EINVAL, "%s: leads to a second %s", where,
				 table.signature);
	if (machine->table_count == MACHINE_TABLES_MAX)
		return error_set(firmware->err, -EINVAL,
				 "%s: leads to one table too many: this smmuman knows %u at most",
				 where, MACHINE_TABLES_MAX);
	firmware->copied += table.size;
	if (firmware->copied > firmware->size)
		return error_set(firmware->err, -EINVAL,
				 "%s: tables lie over each other: they have more bytes than the "
				 "firmware's memory",
				 where);
	table.bytes = malloc(table.size);
	if (!table.bytes)
		return error_set(firmware->err, -ENOMEM, "no memory for the ACPI table %s",
				 table.signature);
	memcpy(table.bytes, bytes, table.size);
	machine->tables[machine->table_count++] = table;
	return 0;
}

/* --- RSDP and the table of tables ------------------------------------------------------ */

/* 5.2.7 and 5.2.8: width is that of a pointer, 4 or 8. */
static int copy_all(struct firmware *firmware, const char *signature, uint64_t address,
		    unsigned width)
{
	const uint8_t *bytes;
	uint32_t size, offset;
	char where[24];
	int result;

	result = check_table(firmware, "RSDP", address, &bytes, &size);
	if (result)
		return result;
	if (memcmp(bytes, signature, 4) != 0)
		return error_set(firmware->err, -EINVAL, "RSDP: points to 0x%" PRIx64
				 ", where there is no %s", address, signature);
	if ((size - ACPI_HEADER_BYTES) % width)
		return error_set(firmware->err, -EINVAL,
				 "%s+0x4: its length %" PRIu32 " holds no whole number of pointers",
				 signature, size);
	for (offset = ACPI_HEADER_BYTES; offset < size; offset += width) {
		snprintf(where, sizeof(where), "%s+0x%" PRIx32, signature, offset);
		result = copy_table(firmware, where, number_at(bytes + offset, width));
		if (result)
			return result;
	}
	return 0;
}

static int follow_rsdp(struct firmware *firmware, uint64_t offset)
{
	uint64_t length, xsdt = 0;
	const uint8_t *rsdp;

	if (!range_within(offset, RSDP_OLD_BYTES, 0, firmware->size))
		return error_set(firmware->err, -EINVAL,
				 "RSDP: it is to be at 0x%" PRIx64
				 ", outside the firmware's memory of 0x%" PRIx64 " bytes",
				 offset, firmware->size);
	rsdp = firmware->bytes + offset;
	if (memcmp(rsdp, "RSD PTR ", 8) != 0)
		return error_set(firmware->err, -EINVAL, "RSDP: it does not begin with 'RSD PTR '");
	if (!adds_up(rsdp, RSDP_OLD_BYTES))
		return error_set(firmware->err, -EINVAL,
				 "RSDP+0x8: the checksum of its first %u bytes is wrong",
				 RSDP_OLD_BYTES);
	if (rsdp[RSDP_REVISION] >= 2) {
		if (!range_within(offset, RSDP_BYTES, 0, firmware->size))
			return error_set(firmware->err, -EINVAL,
					 "RSDP: it leads out of the firmware's memory");
		length = number_at(rsdp + RSDP_LENGTH, 4);
		if (length < RSDP_BYTES || !range_within(offset, length, 0, firmware->size))
			return error_set(firmware->err, -EINVAL,
					 "RSDP+0x14: its length 0x%" PRIx64
					 " is less than %u or leads out of the firmware's memory",
					 length, RSDP_BYTES);
		if (!adds_up(rsdp, length))
			return error_set(firmware->err, -EINVAL,
					 "RSDP+0x20: its extended checksum is wrong");
		xsdt = number_at(rsdp + RSDP_XSDT, 8);
	}
	if (xsdt)
		return copy_all(firmware, "XSDT", xsdt, 8);
	return copy_all(firmware, "RSDT", number_at(rsdp + RSDP_RSDT, 4), 4);
}

int acpi_tables_collect(const void *firmware, pa_t pa, uint64_t size, uint64_t rsdp_offset,
			struct machine *machine, struct error *err)
{
	struct firmware from = {
		.bytes = firmware, .pa = pa.v, .size = size, .machine = machine, .err = err
	};
	int result;

	machine->table_count = 0;
	if (range_is_bad(pa.v, size))
		return error_set(err, -EINVAL,
				 "the firmware's memory 0x%" PRIx64 "+0x%" PRIx64
				 " is empty or wraps around",
				 pa.v, size);
	result = follow_rsdp(&from, rsdp_offset);
	if (result)
		acpi_tables_free(machine);
	return result;
}
