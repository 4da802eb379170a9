// SPDX-License-Identifier: BSD-2-Clause
/* Any bytes as a VIOT table, or patches of a good one: acpi_fuzz.h. */
#include "acpi_fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	acpi_fuzz_open("tests/data/acpi/good-viot-of-all-kinds.acpi", "VIOT");
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	acpi_fuzz_run(data, size);
	return 0;
}
