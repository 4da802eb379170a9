/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine without hardware whose ACPI tables are written as text, so that a
 * table which lies can be read. A line is one of:
 *
 *   include FILE               beside this one
 *   reserved BASE LENGTH       memory that firmware keeps
 *   ram BASE LENGTH            memory that is lent
 *   arena BASE LENGTH
 *   function BB:DD.F           a plain PCI function (numbers here are hexadecimal)
 *   bridge BB:DD.F SEC SUB     one with header type 1
 *   port BB:DD.F TYPE          it is PCI Express, of that port type, with ACS
 *   class BB:DD.F NUMBER       its base class
 *   bar BB:DD.F INDEX BASE SIZE
 *   scan                       the functions are to be looked for too
 *   table NAME                 the bytes of the following lines are its, behind a
 *                              header that is made up
 *   db | dw | dd | dq N, ...   numbers of 1, 2, 4, 8 bytes, little-endian
 *   text WORD                  its letters and a NUL
 *   fill COUNT                 zeroes
 *   cut COUNT                  that many bytes of the table are not there
 *
 * and what follows a # is for people.
 */
#ifndef SMMUMAN_TESTS_ACPI_TEXT_H
#define SMMUMAN_TESTS_ACPI_TEXT_H

#include <stdbool.h>

#include "machine.h"
#include "pci_fake.h"

#define ACPI_TEXT_ECAM UINT64_C(0xb0000000) /* of the functions, from bus 0 on */

struct acpi_text {
	struct machine machine; /* without a device tree; only what discovery calls */
	struct pci_fake pci;
	bool wants_scan;
};

/* 0, or -1 after a word on stderr. The caller calls acpi_text_close() in any case. */
int acpi_text_open(const char *path, struct acpi_text *text);
void acpi_text_close(struct acpi_text *text);

#endif
