// SPDX-License-Identifier: BSD-2-Clause
#include "nvme_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define IOVA(memory) (0x100000u + (uint64_t)(memory) * 0x100000u)

struct nvme_fake fake;

/* --- memory and grants ---------------------------------------------------------------- */

/* What the controller sees at iova, NULL where that is not granted. */
static void *reach(uint64_t iova, uint64_t length, unsigned rights)
{
	unsigned i;

	for (i = 0; i < fake.grant_count; i++) {
		const struct smmu_grant *g = &fake.grants[i];

		if (iova >= g->iova && iova + length <= g->iova + g->length &&
		    (g->rights & rights) == rights)
			return (uint8_t *)fake.memory[g->memory] + g->offset + (iova - g->iova);
	}
	fake.reach_failures++;
	return NULL;
}

int smmu_dma_alloc(struct smmu *context, size_t size, struct smmu_dma_buffer *ret_buffer)
{
	uint64_t length = (size + NVME_PAGE - 1) / NVME_PAGE * NVME_PAGE;
	unsigned i = fake.memories++;

	(void)context;
	assert_true(i < NVME_FAKE_MEMORIES);
	fake.memory[i] = aligned_alloc(NVME_PAGE, length);
	fake.length[i] = length;
	memset(fake.memory[i], 0, length);
	*ret_buffer = (struct smmu_dma_buffer){ fake.memory[i], length, i, 0, IOVA(i) };
	return 0;
}

int smmu_dma_free(struct smmu *context, struct smmu_dma_buffer *buffer)
{
	unsigned i;

	(void)context;
	for (i = 0; i < fake.grant_count; i++)
		assert_int_not_equal(fake.grants[i].memory, buffer->memory);
	free(fake.memory[buffer->memory]);
	fake.memory[buffer->memory] = NULL;
	return 0;
}

int smmu_map_batch(struct smmu *context, uint32_t domain, const struct smmu_grant *grants,
		   unsigned count)
{
	(void)context, (void)domain;
	assert_true(fake.grant_count + count <= NVME_FAKE_MEMORIES);
	memcpy(&fake.grants[fake.grant_count], grants, count * sizeof(*grants));
	fake.grant_count += count;
	fake.maps++;
	return 0;
}

int smmu_map(struct smmu *context, uint32_t domain, const struct smmu_grant *grant)
{
	return smmu_map_batch(context, domain, grant, 1);
}

int smmu_unmap(struct smmu *context, uint32_t domain, uint64_t iova, uint64_t length)
{
	struct smmu_range range = { iova, length };

	return smmu_unmap_batch(context, domain, &range, 1);
}

int smmu_unmap_batch(struct smmu *context, uint32_t domain, const struct smmu_range *ranges,
		     unsigned count)
{
	unsigned i, k;

	(void)context, (void)domain;
	for (i = 0; i < count; i++) {
		for (k = 0; fake.grants[k].iova != ranges[i].iova; k++)
			assert_true(k < fake.grant_count);
		assert_int_equal(fake.grants[k].length, ranges[i].length);
		fake.grants[k] = fake.grants[--fake.grant_count];
	}
	fake.unmaps++;
	return 0;
}

unsigned smmu_batch_max(const struct smmu *context)
{
	(void)context;
	return 256;
}

/* --- the controller ----------------------------------------------------------------------- */

static void complete(unsigned queue, uint16_t id, uint32_t status)
{
	bool is_lie = fake.completions++ >= fake.lie_at;
	uint32_t *entry = reach(fake.cq[queue] + fake.tail[queue] * 16, 16, SMMU_WRITE);
	enum nvme_lie lie = is_lie ? fake.lie : TRUE;
	uint32_t head = fake.head[queue], q = queue;

	assert_non_null(entry);
	id = lie == WRONG_ID ? 999 : lie == IDLE_ID ? (uint16_t)(id + 1) : id;
	head = lie == WRONG_HEAD ? fake.entries[queue] : head;
	q = lie == WRONG_QUEUE ? 7 : q;
	status = lie == STATUS ? 0x4004 : status;
	entry[0] = 0;
	entry[2] = q << 16 | head;
	entry[3] = id | fake.phase[queue] << 16 | status << 17;
	if (++fake.tail[queue] == fake.entries[queue]) {
		fake.tail[queue] = 0;
		fake.phase[queue] ^= 1;
	}
	if (lie == TWICE) {
		fake.lie = TRUE;
		complete(queue, id, status);
	}
}

static uint32_t identify(const struct nvme_command *command)
{
	bool is_controller = command->dword[0] == IDENTIFY_CONTROLLER;
	void *page = reach(command->prp1, IDENTIFY_BYTES, SMMU_WRITE);

	if (!page)
		return 4;
	memcpy(page, is_controller ? fake.controller : fake.name_space, IDENTIFY_BYTES);
	return 0;
}

static uint32_t execute(unsigned queue, const struct nvme_command *command)
{
	if (queue == 1) /* a page at most: reads and writes of these tests are no larger */
		return reach(command->prp1, 512, command->opcode == IO_WRITE ? SMMU_READ :
									      SMMU_WRITE) ? 0 : 4;
	if (command->opcode == ADMIN_IDENTIFY)
		return identify(command);
	if (command->opcode == ADMIN_CREATE_CQ)
		fake.cq[1] = command->prp1;
	if (command->opcode == ADMIN_CREATE_SQ)
		fake.sq[1] = command->prp1;
	fake.entries[1] = command->dword[0] >> 16 ? (command->dword[0] >> 16) + 1 : fake.entries[1];
	return 0;
}

static void ring(unsigned queue, uint32_t tail)
{
	while (fake.head[queue] != tail) {
		const struct nvme_command *entry =
			reach(fake.sq[queue] + fake.head[queue] * 64, 64, SMMU_READ);

		assert_non_null(entry);
		fake.head[queue] = (fake.head[queue] + 1) % fake.entries[queue];
		if (fake.lie == FATAL && fake.completions >= fake.lie_at)
			fake.csts |= CSTS_FATAL;
		else
			complete(queue, entry->id, execute(queue, entry));
	}
}

static void set_cc(uint32_t value)
{
	fake.cc = value;
	if (!(value & CC_ENABLE)) {
		if (fake.csts == UINT32_MAX)
			return;
		fake.csts &= ~(CSTS_READY | CSTS_FATAL);
		return;
	}
	fake.csts = value & CC_SHUTDOWN_NORMAL ? CSTS_SHUTDOWN_DONE | CSTS_READY : fake.csts_enabled;
	fake.sq[0] = fake.asq;
	fake.cq[0] = fake.acq;
}

int smmu_reg_write32(struct smmu_device *device, unsigned bar, uint64_t offset, uint32_t value)
{
	(void)device, (void)bar;
	if (offset == NVME_CC)
		set_cc(value);
	else if (offset == NVME_AQA)
		fake.entries[0] = (value & 0xfff) + 1;
	else if (offset >= NVME_DOORBELLS && (offset - NVME_DOORBELLS) % 8 == 0)
		ring((unsigned)(offset - NVME_DOORBELLS) / 8, value);
	return 0;
}

int smmu_reg_write64(struct smmu_device *device, unsigned bar, uint64_t offset, uint64_t value)
{
	(void)device, (void)bar;
	*(offset == NVME_ASQ ? &fake.asq : &fake.acq) = value;
	return 0;
}

int smmu_reg_read32(struct smmu_device *device, unsigned bar, uint64_t offset, uint32_t *ret_value)
{
	(void)device, (void)bar;
	*ret_value = offset == NVME_CC ? fake.cc : fake.csts;
	return 0;
}

int smmu_reg_read64(struct smmu_device *device, unsigned bar, uint64_t offset, uint64_t *ret_value)
{
	(void)device, (void)bar, (void)offset;
	*ret_value = fake.cap;
	return 0;
}

uint64_t smmu_bar_size(const struct smmu_device *device, unsigned bar)
{
	(void)device, (void)bar;
	return fake.bar_bytes;
}

/* --- the rest of the service ----------------------------------------------------------------- */

int smmu_open_why(struct smmu **ret_context, const char *path, char *why, size_t size)
{
	(void)path, (void)why, (void)size;
	*ret_context = (struct smmu *)&fake;
	return 0;
}

void smmu_close(struct smmu *context)
{
	(void)context;
}

int smmu_domain_create(struct smmu *context, uint32_t *ret_domain)
{
	(void)context;
	*ret_domain = 1;
	return 0;
}

int smmu_attach(struct smmu *context, uint32_t domain, const char *name,
		struct smmu_attached *ret_attached)
{
	(void)context, (void)domain, (void)name;
	*ret_attached = (struct smmu_attached){ .write_only = fake.write_only };
	return 0;
}

int smmu_detach(struct smmu *context, uint32_t device)
{
	(void)context, (void)device;
	return 0;
}

int smmu_device_open(struct smmu *context, uint32_t device, struct smmu_device **ret_device)
{
	(void)context, (void)device;
	*ret_device = (struct smmu_device *)&fake;
	return 0;
}

void smmu_device_close(struct smmu_device *device)
{
	(void)device;
}

int smmu_config_read(struct smmu_device *device, unsigned offset, unsigned size,
		     uint32_t *ret_value)
{
	(void)device, (void)offset, (void)size;
	*ret_value = 0;
	return 0;
}

int smmu_config_write(struct smmu_device *device, unsigned offset, unsigned size, uint32_t value)
{
	(void)device, (void)offset, (void)size, (void)value;
	return 0;
}

int smmu_last_error(struct smmu *context, char *text, size_t size)
{
	(void)context, (void)text, (void)size;
	return 0;
}

const char *smmu_strerror(int code)
{
	(void)code;
	return "error";
}

/* --- a good one ------------------------------------------------------------------------- */

void nvme_fake_put32(uint8_t *page, size_t offset, uint32_t value)
{
	memcpy(page + offset, &value, sizeof(value));
}

int nvme_fake_setup(void **state)
{
	(void)state;
	fake = (struct nvme_fake){ .cap = NVME_FAKE_CAP, .bar_bytes = 0x4000, .csts_enabled = CSTS_READY,
			      .phase = { 1, 1 }, .entries = { 2, 2 }, .lie_at = UINT32_MAX };
	memset(fake.controller + CTRL_SERIAL, ' ', 68);
	memcpy(fake.controller + CTRL_MODEL, "MODEL\x1b", 6);
	fake.controller[CTRL_MDTS] = 3;
	fake.controller[CTRL_SQES] = 0x66;
	fake.controller[CTRL_CQES] = 0x44;
	nvme_fake_put32(fake.controller, CTRL_NAMESPACES, 1);
	nvme_fake_put32(fake.name_space, NS_SIZE, 1000);
	nvme_fake_put32(fake.name_space, NS_FORMAT_TABLE, 9u << 16);
	return 0;
}
