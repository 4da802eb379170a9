/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The firmware configuration device of QEMU's x86 machines, by its DMA
 * interface: what QEMU would tell a firmware, as files with names.
 */
#ifndef SMMUMAN_VBOARD_FW_CFG_H
#define SMMUMAN_VBOARD_FW_CFG_H

#include <stdint.h>

#include "error.h"
#include "qtest.h"
#include "table_loader.h"

#define FW_CFG_FILES_MAX 128u
#define FW_CFG_NAME_BYTES LOADER_NAME_BYTES

struct fw_cfg {
	struct loader_source source; /* its files, for the table loader */
	struct qtest *qtest;
	/* RAM that the device writes to, used between calls by nobody. */
	uint8_t *scratch;
	uint64_t scratch_pa, scratch_size;
	struct fw_cfg_file {
		char name[FW_CFG_NAME_BYTES];
		uint16_t key;
		uint32_t size;
	} files[FW_CFG_FILES_MAX];
	unsigned count;
};

/*
 * Reads the directory. scratch, at physical address scratch_pa, is of more than
 * 4 KiB. 0 or -errno with a sentence: -ENODEV when there is no such device.
 */
int fw_cfg_init(struct fw_cfg *fw_cfg, struct qtest *qtest, uint8_t *scratch,
		uint64_t scratch_pa, uint64_t scratch_size, struct error *err);

/* The directory's bytes, which nobody vouches for: fills files and count. */
int fw_cfg_parse(struct fw_cfg *fw_cfg, const uint8_t *bytes, uint32_t size, struct error *err);

/* -ENOENT with a sentence when there is no such file. */
int fw_cfg_find(struct fw_cfg *fw_cfg, const char *name, uint32_t *ret_size, struct error *err);

/* The first size bytes of the file. */
int fw_cfg_load(struct fw_cfg *fw_cfg, const char *name, void *bytes, uint32_t size,
		struct error *err);

#endif
