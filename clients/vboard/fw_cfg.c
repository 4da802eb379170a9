// SPDX-License-Identifier: BSD-2-Clause
/* QEMU's docs/specs/fw_cfg: the x86 ports, the DMA interface, the directory. */
#include "fw_cfg.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "list.h"
#include "scoped.h"

#define PORT_DMA_HIGH 0x514u
#define PORT_DMA_LOW 0x518u
#define KEY_SIGNATURE 0x00u
#define KEY_DIRECTORY 0x19u
#define DMA_READ 0x02u
#define DMA_SELECT 0x08u
#define DATA_OFFSET 4096u /* of the scratch: the request is before it */
#define ENTRY_BYTES 64u   /* size 4, key 2, pad 2, name 56 */

/* All numbers are big-endian. */
struct dma_request {
	uint32_t control, length;
	uint64_t address;
};

/* Writing the lower half of the request's address runs it; QEMU answers in place. */
static int run_request(struct fw_cfg *fw_cfg, struct dma_request *request, struct error *err)
{
	int status;

	memcpy(fw_cfg->scratch, request, sizeof(*request));
	status = qtest_out(fw_cfg->qtest, PORT_DMA_HIGH, 4,
			   htobe32((uint32_t)(fw_cfg->scratch_pa >> 32)), err);
	if (!status)
		status = qtest_out(fw_cfg->qtest, PORT_DMA_LOW, 4,
				   htobe32((uint32_t)fw_cfg->scratch_pa), err);
	memcpy(request, fw_cfg->scratch, sizeof(*request));
	return status;
}

static int read_key(struct fw_cfg *fw_cfg, uint16_t key, void *bytes, uint32_t size,
		    struct error *err)
{
	struct dma_request request = {
		.control = htobe32((uint32_t)key << 16 | DMA_SELECT | DMA_READ),
		.length = htobe32(size),
		.address = htobe64(fw_cfg->scratch_pa + DATA_OFFSET),
	};
	int status;

	if (size > fw_cfg->scratch_size - DATA_OFFSET)
		return error_set(err, -ENOSPC, "what QEMU tells its firmware is too long: 0x%"
				 PRIx32 " bytes", size);
	status = run_request(fw_cfg, &request, err);
	if (status)
		return status;
	if (request.control != 0)
		return error_set(err, -ENODEV, "QEMU tells its firmware nothing (no fw_cfg by DMA)");
	memcpy(bytes, fw_cfg->scratch + DATA_OFFSET, size);
	return 0;
}

static uint32_t be32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

int fw_cfg_parse(struct fw_cfg *fw_cfg, const uint8_t *bytes, uint32_t size, struct error *err)
{
	uint32_t count = size < 4 ? 0 : be32(bytes), i;

	fw_cfg->count = 0;
	if (size < 4 || count > FW_CFG_FILES_MAX || count > (size - 4) / ENTRY_BYTES)
		return error_set(err, -EBADMSG, "fw_cfg's directory of %" PRIu32 " files is too long",
				 count);
	for (i = 0; i < count; i++) {
		const uint8_t *entry = bytes + 4 + (size_t)i * ENTRY_BYTES;
		struct fw_cfg_file *file = &fw_cfg->files[i];

		memcpy(file->name, entry + 8, FW_CFG_NAME_BYTES);
		if (!memchr(file->name, '\0', FW_CFG_NAME_BYTES))
			return error_set(err, -EBADMSG, "fw_cfg's file %" PRIu32
					 " has a name without end", i);
		file->size = be32(entry);
		file->key = (uint16_t)(entry[4] << 8 | entry[5]);
	}
	fw_cfg->count = count;
	return 0;
}

static const struct fw_cfg_file *find(const struct fw_cfg *fw_cfg, const char *name,
				      struct error *err)
{
	unsigned i;

	for (i = 0; i < fw_cfg->count; i++)
		if (strcmp(fw_cfg->files[i].name, name) == 0)
			return &fw_cfg->files[i];
	error_write(err, -ENOENT, "QEMU has no %.*s for its firmware", (int)FW_CFG_NAME_BYTES, name);
	return NULL;
}

int fw_cfg_find(struct fw_cfg *fw_cfg, const char *name, uint32_t *ret_size, struct error *err)
{
	const struct fw_cfg_file *file = find(fw_cfg, name, err);

	if (!file)
		return -ENOENT;
	*ret_size = file->size;
	return 0;
}

int fw_cfg_load(struct fw_cfg *fw_cfg, const char *name, void *bytes, uint32_t size,
		struct error *err)
{
	const struct fw_cfg_file *file = find(fw_cfg, name, err);

	return file ? read_key(fw_cfg, file->key, bytes, size, err) : -ENOENT;
}

static int source_find(struct loader_source *source, const char *name, uint32_t *ret_size,
		       struct error *err)
{
	return fw_cfg_find(list_entry(source, struct fw_cfg, source), name, ret_size, err);
}

static int source_load(struct loader_source *source, const char *name, void *bytes,
		       uint32_t size, struct error *err)
{
	return fw_cfg_load(list_entry(source, struct fw_cfg, source), name, bytes, size, err);
}

int fw_cfg_init(struct fw_cfg *fw_cfg, struct qtest *qtest, uint8_t *scratch,
		uint64_t scratch_pa, uint64_t scratch_size, struct error *err)
{
	enum { DIRECTORY_BYTES = 4 + FW_CFG_FILES_MAX * ENTRY_BYTES };
	uint8_t signature[4], directory[DIRECTORY_BYTES];
	int status;

	*fw_cfg = (struct fw_cfg){ .source = { source_find, source_load }, .qtest = qtest,
				   .scratch = scratch, .scratch_pa = scratch_pa,
				   .scratch_size = scratch_size };
	status = read_key(fw_cfg, KEY_SIGNATURE, signature, sizeof(signature), err);
	if (status)
		return status;
	if (memcmp(signature, "QEMU", sizeof(signature)) != 0)
		return error_set(err, -ENODEV, "this machine's fw_cfg is not QEMU's");
	status = read_key(fw_cfg, KEY_DIRECTORY, directory, sizeof(directory), err);
	if (status)
		return status;
	return fw_cfg_parse(fw_cfg, directory, sizeof(directory), err);
}
