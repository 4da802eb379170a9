/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table loader of QEMU: a list of commands by which firmware puts ACPI
 * tables into memory, tells them where each other lies and mends their
 * checksums. Each command is checked against the files it names; one that is
 * wrong ends the run.
 */
#ifndef SMMUMAN_VBOARD_TABLE_LOADER_H
#define SMMUMAN_VBOARD_TABLE_LOADER_H

#include <stdint.h>

#include "error.h"

#define LOADER_NAME_BYTES 56u /* of a file, its NUL included */
#define LOADER_COMMAND_BYTES 128u
#define LOADER_FILES_MAX 16u

/* Where the files come from. Both 0 or -errno with a sentence. */
struct loader_source {
	int (*find)(struct loader_source *source, const char *name, uint32_t *ret_size,
		    struct error *err);
	int (*load)(struct loader_source *source, const char *name, void *bytes, uint32_t size,
		    struct error *err);
};

/* Where they go: memory that is at physical address pa. */
struct loader_memory {
	uint8_t *bytes;
	uint64_t pa, size;
};

/*
 * Runs the script. The file called first begins at the memory's first byte,
 * the others follow; *ret_used is how much they take. -EBADMSG with the number
 * of the command and what is wrong with it, -ENOSPC; then the memory holds
 * nothing of use.
 */
int table_loader_run(const void *script, uint32_t script_size, const char *first,
		     struct loader_source *source, const struct loader_memory *memory,
		     uint64_t *ret_used, struct error *err);

#endif
