// SPDX-License-Identifier: BSD-2-Clause
#include "nvme_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bits.h"

static const enum variant_id rows[] = {
	SMMU_S1_TWO_LEVEL, SMMU_S2_TWO_LEVEL, VTD_LEGACY_48, VTD_LEGACY_39,
	VTD_SECOND_LEVEL, VTD_FIRST_LEVEL, VIRTIO_ON_VIRT, VIRTIO_ON_Q35,
};

static void write_policy(struct rig *rig, const struct variant *variant)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "devices:\n"
		 "  - {name: disk, match: \"" DISK "\"%s}\n"
		 "clients:\n"
		 "  - {name: nvme-driver, uid: self, rights: [attach, admin], attach: [disk]}\n",
		 variant_is_x86(variant) ? ", unsafe_interrupts: allow" : "");
	rig_write_policy(rig, text);
}

struct rig *nvme_start(const struct variant *variant, const char *const *board)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	rig_prepare_board(rig, variant, board);
	write_policy(rig, variant);
	rig_start_daemon(rig, "smmuman");
	return rig;
}

int nvme_stop(void **state)
{
	rig_stop(*state);
	free(*state);
	return 0;
}

void nvme_ok(struct nvme *nvme, int rc)
{
	if (rc)
		fail_msg("%d: %s", rc, nvme->why);
}

void nvme_up(struct nvme *nvme, struct rig *rig)
{
	nvme_ok(nvme, nvme_open(nvme, rig->socket));
	nvme_ok(nvme, nvme_attach(nvme, DISK));
}

void nvme_down(struct nvme *nvme)
{
	nvme_ok(nvme, nvme_detach(nvme));
	nvme_close(nvme);
}

unsigned nvme_fault_count(struct nvme *nvme)
{
	struct smmu_fault faults[8];
	unsigned total = 0;
	int count;

	while ((count = smmu_fault_read(nvme->context, faults, 8, NULL)) > 0)
		total += (unsigned)count;
	assert_int_equal(count, 0);
	return total;
}

void nvme_set(const struct nvme_memory *memory, uint64_t offset, uint64_t length, uint8_t byte)
{
	memset((uint8_t *)memory->buffer.cpu + offset, byte, length);
}

bool nvme_holds(const struct nvme_memory *memory, uint64_t offset, uint64_t length, uint8_t byte)
{
	const volatile uint8_t *at = (const uint8_t *)memory->buffer.cpu + offset;
	uint64_t i;

	for (i = 0; i < length && at[i] == byte; i++)
		;
	return i == length;
}

void nvme_make(struct nvme *nvme, size_t bytes, enum nvme_mode mode, struct nvme_memory *memory)
{
	nvme_ok(nvme, nvme_buffer_create(nvme, bytes, mode, memory));
}

void nvme_drop(struct nvme *nvme, struct nvme_memory *memory)
{
	nvme_ok(nvme, nvme_buffer_destroy(nvme, memory));
}

int nvme_run_tests(const struct variant **variant, int (*run)(const char *name))
{
	int failed = 0;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		*variant = &variants[rows[i]];
		if (variant_can(*variant))
			failed += run((*variant)->name);
	}
	return failed;
}
