/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as one ACPI table of a machine whose other tables and functions are
 * good: refused with words, or a topology that holds, also after the scan.
 */
#ifndef SMMUMAN_TESTS_ACPI_FUZZ_H
#define SMMUMAN_TESTS_ACPI_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void acpi_fuzz_require(bool promise);

/* The machine of that data file, and which of its tables is fuzzed. */
void acpi_fuzz_open(const char *path, const char *signature);

/*
 * An input that begins with 'P' is patches of the good table, four bytes each
 * (where, two bytes; what, a little-endian word); any other is all of the table
 * behind its header.
 */
void acpi_fuzz_run(const uint8_t *data, size_t size);

#endif
