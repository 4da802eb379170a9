// SPDX-License-Identifier: BSD-2-Clause
#include "nvme.h"

#include <string.h>

/*
 * Some units cannot forbid reading what may be written. A grant that says write
 * only is refused there, so that nobody believes in it: then ask for both.
 */
unsigned nvme_write_rights(const struct nvme *nvme)
{
	return nvme->attached.write_only ? SMMU_WRITE : SMMU_READ | SMMU_WRITE;
}

int nvme_memory_create(struct nvme *nvme, size_t bytes, unsigned rights,
		       struct nvme_memory *ret_memory)
{
	struct nvme_memory memory = { .is_granted = rights != 0 };
	struct smmu_grant grant;
	int rc = smmu_dma_alloc(nvme->context, bytes, &memory.buffer);

	if (rc)
		return nvme_fail_smmu(nvme, rc);
	grant = (struct smmu_grant){ .memory = memory.buffer.memory,
				     .rights = rights,
				     .iova = memory.buffer.device_address,
				     .length = memory.buffer.length };
	if (memory.is_granted)
		rc = smmu_map(nvme->context, nvme->domain, &grant);
	if (rc) {
		nvme_fail_smmu(nvme, rc);
		smmu_dma_free(nvme->context, &memory.buffer);
		return rc;
	}
	*ret_memory = memory;
	return 0;
}

int nvme_memory_destroy(struct nvme *nvme, struct nvme_memory *memory)
{
	struct smmu_dma_buffer *buffer = &memory->buffer;
	int rc = 0;

	if (!buffer->cpu)
		return 0;
	if (memory->is_granted)
		rc = smmu_unmap(nvme->context, nvme->domain, buffer->device_address,
				buffer->length);
	/* What may still be granted is not freed: it stays until the context ends. */
	if (!rc)
		rc = smmu_dma_free(nvme->context, buffer);
	if (rc)
		nvme_fail_smmu(nvme, rc);
	memset(memory, 0, sizeof(*memory));
	return rc;
}
