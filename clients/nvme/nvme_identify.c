// SPDX-License-Identifier: BSD-2-Clause
/* What the controller and its namespace say of themselves: nothing is believed unchecked. */
#include "nvme.h"

#include <errno.h>
#include <string.h>

/* Text of the controller: blank-padded, and anything may be in it. */
static void take_text(char *to, size_t size, const uint8_t *from)
{
	size_t length = size - 1, i;

	while (length > 0 && from[length - 1] == ' ')
		length--;
	for (i = 0; i < length; i++)
		to[i] = (char)(from[i] >= ' ' && from[i] <= '~' ? from[i] : '?');
	to[length] = '\0';
}

static uint32_t get32(const uint8_t *page, size_t offset)
{
	uint32_t value;

	memcpy(&value, page + offset, sizeof(value));
	return value;
}

static int take_controller(struct nvme *nvme, const uint8_t *page)
{
	unsigned mdts = page[CTRL_MDTS];

	take_text(nvme->serial, sizeof(nvme->serial), page + CTRL_SERIAL);
	take_text(nvme->model, sizeof(nvme->model), page + CTRL_MODEL);
	take_text(nvme->firmware, sizeof(nvme->firmware), page + CTRL_FIRMWARE);
	nvme->namespaces = get32(page, CTRL_NAMESPACES);
	nvme->command_bytes = NVME_COMMAND_BYTES_MAX;
	if (mdts > 0 && mdts < 16 && (NVME_PAGE << mdts) < NVME_COMMAND_BYTES_MAX)
		nvme->command_bytes = NVME_PAGE << mdts;
	if ((page[CTRL_SQES] & 0xf) > 6 || (page[CTRL_CQES] & 0xf) > 4)
		return nvme_fail(nvme, -EOPNOTSUPP, "the controller wants larger queue entries than "
				 "64 and 16 bytes");
	if (nvme->namespaces == 0)
		return nvme_fail(nvme, -ENODEV, "the controller has no namespace");
	return 0;
}

static int take_namespace(struct nvme *nvme, const uint8_t *page)
{
	unsigned index = (page[NS_FORMAT] & 0xfu) | (page[NS_FORMAT] >> 1 & 0x30u);
	uint32_t format;

	memcpy(&nvme->blocks, page + NS_SIZE, sizeof(nvme->blocks));
	if (nvme->blocks == 0)
		return nvme_fail(nvme, -ENODEV, "namespace 1 is not there, or has no blocks");
	if (index > page[NS_FORMATS] || index >= FORMATS_MAX)
		return nvme_fail(nvme, -EPROTO, "namespace 1 uses format %u of %u", index,
				 page[NS_FORMATS] + 1u);
	format = get32(page, NS_FORMAT_TABLE + 4 * index);
	if (FORMAT_METADATA(format) != 0 || (page[NS_PROTECTION] & NS_PROTECTION_MASK))
		return nvme_fail(nvme, -EOPNOTSUPP, "namespace 1 is formatted with metadata");
	if (FORMAT_SHIFT(format) < 9 || FORMAT_SHIFT(format) > 12)
		return nvme_fail(nvme, -EOPNOTSUPP, "namespace 1 has blocks of 2 to the %u bytes; "
				 "512 to 4096 are supported", FORMAT_SHIFT(format));
	nvme->block_bytes = 1u << FORMAT_SHIFT(format);
	if (nvme->blocks > INT64_MAX / nvme->block_bytes)
		return nvme_fail(nvme, -EPROTO, "namespace 1 says that it has %llu blocks",
				 (unsigned long long)nvme->blocks);
	return 0;
}

/* Into a page that is granted for this command; copied out before it is looked at. */
static int identify_into(struct nvme *nvme, const struct nvme_memory *memory, uint32_t kind,
			 uint32_t nsid, uint8_t *page)
{
	struct nvme_command command = { .opcode = ADMIN_IDENTIFY, .nsid = nsid,
					.prp1 = memory->buffer.device_address,
					.dword = { kind } };
	int rc = nvme_queue_run(nvme, &nvme->admin, &command, "Identify", NULL);

	if (!rc)
		memcpy(page, memory->buffer.cpu, IDENTIFY_BYTES);
	return rc;
}

static int identify(struct nvme *nvme, uint32_t kind, uint32_t nsid, uint8_t *page)
{
	struct nvme_memory memory = { 0 };
	int rc = nvme_memory_create(nvme, IDENTIFY_BYTES, nvme_write_rights(nvme), &memory);
	int other;

	if (!rc)
		rc = identify_into(nvme, &memory, kind, nsid, page);
	other = nvme_memory_destroy(nvme, &memory);
	return rc ? rc : other;
}

int nvme_identify(struct nvme *nvme)
{
	uint8_t page[IDENTIFY_BYTES];
	int rc = identify(nvme, IDENTIFY_CONTROLLER, 0, page);

	if (!rc)
		rc = take_controller(nvme, page);
	if (!rc)
		rc = identify(nvme, IDENTIFY_NAMESPACE, 1, page);
	return rc ? rc : take_namespace(nvme, page);
}
