/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ACPI tables that firmware left in memory: found from the RSDP, checked
 * as tables (length, checksum, place) and copied, so that what is decided by
 * them cannot change afterwards. ACPI specification 6.5, chapter 5.2.
 */
#ifndef SMMUMAN_SMMUMAN_ACPI_TABLES_H
#define SMMUMAN_SMMUMAN_ACPI_TABLES_H

#include <stdint.h>

#include "error.h"
#include "machine.h"
#include "types.h"

#define ACPI_HEADER_BYTES 36u /* of every table */

/*
 * Fills machine->tables with private copies of every table that the RSDP leads
 * to, in the order of the XSDT (or RSDT). firmware is size bytes of memory that
 * begins at physical address pa; the RSDP is at rsdp_offset into it, and every
 * pointer must lead inside. -EINVAL with the table, the offset and what is wrong,
 * -ENOMEM; then there are no tables.
 */
int acpi_tables_collect(const void *firmware, pa_t pa, uint64_t size, uint64_t rsdp_offset,
			struct machine *machine, struct error *err);

/* Frees the copies; also when there are none. */
void acpi_tables_free(struct machine *machine);

/* The first table of that signature ("DMAR"), or NULL. */
const struct machine_table *acpi_table_find(const struct machine *machine, const char *signature);

/* Sets "DMAR+0x30: ..." and returns -EINVAL. */
int acpi_refuse(struct error *err, const struct machine_table *table, uint32_t offset,
		const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Little-endian numbers; the caller has checked that offset and width lie inside. */
uint8_t acpi_get8(const struct machine_table *table, uint32_t offset);
uint16_t acpi_get16(const struct machine_table *table, uint32_t offset);
uint32_t acpi_get32(const struct machine_table *table, uint32_t offset);
uint64_t acpi_get64(const struct machine_table *table, uint32_t offset);

#endif
