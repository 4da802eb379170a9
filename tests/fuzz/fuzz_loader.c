// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any bytes as what QEMU tells its firmware. An input that begins with 'D' is
 * the directory of fw_cfg; with 'S', commands of the table loader, 16 bytes
 * each (command, file, source, byte, three words); any other is a script of
 * the table loader as it is.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fw_cfg.h"
#include "table_loader.h"

#define COMMANDS_MAX 64u
#define SHORT_BYTES 16u
#define FIRST "etc/acpi/rsdp"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A name without end among them, and two without a file. */
static const char names[8][LOADER_NAME_BYTES] = {
	FIRST, "etc/acpi/tables", "etc/short", "etc/empty", "etc/huge", "etc/missing", "",
	{ [0 ... LOADER_NAME_BYTES - 1] = 'x' },
};
static const uint32_t sizes[5] = { 36, 4096, 1, 0, UINT32_MAX };

static void require(bool promise)
{
	if (!promise)
		abort();
}

static int find(struct loader_source *source, const char *name, uint32_t *ret_size,
		struct error *err)
{
	size_t i;

	(void)source;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (strcmp(names[i], name) == 0) {
			*ret_size = sizes[i];
			return 0;
		}
	return error_set(err, -1, "no such file");
}

static int load(struct loader_source *source, const char *name, void *bytes, uint32_t size,
		struct error *err)
{
	(void)source;
	(void)name;
	(void)err;
	memset(bytes, 0, size);
	return 0;
}

static void run(const uint8_t *script, size_t size, uint64_t pa, size_t memory_size)
{
	struct loader_source source = { find, load };
	struct loader_memory memory = { malloc(memory_size), pa, memory_size };
	struct error err = { .code = 0 };
	uint64_t used = UINT64_MAX;
	int status;

	require(memory.bytes != NULL);
	status = table_loader_run(script, (uint32_t)size, FIRST, &source, &memory, &used, &err);
	if (status)
		require(err.code == status && err.text[0] != '\0');
	else
		require(used <= memory_size);
	free(memory.bytes);
}

/* Of a short command all fields that any command has. */
static void expand(uint8_t *row, const uint8_t *from)
{
	row[0] = from[0];
	memcpy(row + 4, names[from[1] % 8], LOADER_NAME_BYTES);
	memcpy(row + 60, from + 4, 12);
	if (from[0] == 1)
		row[64] = from[3];
	if (from[0] != 2 && from[0] != 4)
		return;
	memcpy(row + 60, names[from[2] % 8], LOADER_NAME_BYTES);
	memcpy(row + 116, from + 4, 4);
	row[120] = from[3];
}

static void run_short(const uint8_t *data, size_t size)
{
	uint8_t script[COMMANDS_MAX * LOADER_COMMAND_BYTES] = { 0 };
	size_t count = size / SHORT_BYTES, i;

	if (count > COMMANDS_MAX)
		count = COMMANDS_MAX;
	for (i = 0; i < count; i++)
		expand(script + i * LOADER_COMMAND_BYTES, data + i * SHORT_BYTES);
	run(script, count * LOADER_COMMAND_BYTES, 0x100000, 0x2000);
	run(script, count * LOADER_COMMAND_BYTES, UINT64_C(0xfffff000), 0x1800);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fw_cfg fw_cfg;
	struct error err = { .code = 0 };

	if (size > 0 && data[0] == 'D') {
		if (fw_cfg_parse(&fw_cfg, data + 1, (uint32_t)size - 1, &err))
			require(err.text[0] != '\0' && fw_cfg.count == 0);
		else
			require(fw_cfg.count <= FW_CFG_FILES_MAX);
	} else if (size > 0 && data[0] == 'S') {
		run_short(data + 1, size - 1);
	} else {
		run(data, size, 0x100000, 0x2000);
	}
	return 0;
}
