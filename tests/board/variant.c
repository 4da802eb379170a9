// SPDX-License-Identifier: BSD-2-Clause
#include "variant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scoped.h"

#define SMMU .machine = "virt", .iommu = "native", .compatible = "arm,smmu-v3", \
	.has_platform = true, .tells_rights = true
#define STAGE_2 .stage = "2", .since = 801, .lacks = "its SMMUv3 has no stage 2"
#define VTD .machine = "q35", .iommu = "native", .compatible = "intel,vt-d", \
	.merges_faults = true
#define VIRTIO .iommu = "virtio", .compatible = "virtio,pci-iommu", .hides_access = true

const struct variant variants[VARIANT_COUNT] = {
	[SMMU_S1_LINEAR] = { "SMMUv3 stage 1, linear", SMMU, .stage = "1", .table = "linear" },
	[SMMU_S1_TWO_LEVEL] = { "SMMUv3 stage 1, two-level", SMMU, .stage = "1",
				.table = "two-level" },
	[SMMU_S2_LINEAR] = { "SMMUv3 stage 2, linear", SMMU, STAGE_2, .table = "linear" },
	[SMMU_S2_TWO_LEVEL] = { "SMMUv3 stage 2, two-level", SMMU, STAGE_2, .table = "two-level" },
	[SMMU_S2_ALONE] = { "SMMUv3 that has stage 2 alone", SMMU, .stage = "2", .table = "linear",
			    .global = "arm-smmuv3.stage=2", .since = 1000,
			    .lacks = "its SMMUv3 is of one kind" },
	[VTD_LEGACY_48] = { "VT-d legacy, 48 bit", VTD, .mode = "legacy" },
	[VTD_LEGACY_39] = { "VT-d legacy, 39 bit", VTD, .mode = "legacy", .options = "aw-bits=39" },
	[VTD_CACHING] = { "VT-d legacy, caching mode, snoop control", VTD, .mode = "legacy",
			  .options = "caching-mode=on,snoop-control=on" },
	[VTD_SECOND_LEVEL] = { "VT-d scalable, second level", VTD, .mode = "scalable",
			       .options = "x-scalable-mode=on" },
	[VTD_FIRST_LEVEL] = { "VT-d scalable, first level", VTD, .mode = "scalable",
			      .tells_rights = true,
			      .options = "x-scalable-mode=on,x-flts=on", .since = 1000,
			      .lacks = "its VT-d has no first level" },
	[VIRTIO_ON_VIRT] = { "virtio-iommu on virt", VIRTIO, .machine = "virt" },
	[VIRTIO_ON_Q35] = { "virtio-iommu on q35", VIRTIO, .machine = "q35" },
};

bool variant_is_x86(const struct variant *variant)
{
	return strcmp(variant->machine, "q35") == 0;
}

const char *variant_qemu(const struct variant *variant)
{
	return getenv(variant_is_x86(variant) ? "QEMU_X86" : "QEMU");
}

unsigned variant_qemu_version(const struct variant *variant)
{
	static unsigned known[2];
	unsigned *version = &known[variant_is_x86(variant)];
	const char *program = variant_qemu(variant);
	static const char said[] = "QEMU emulator version ";
	char command[512], line[128] = "", *end = line;
	unsigned long major;
	FILE *pipe;

	if (*version || !program)
		return *version;
	snprintf(command, sizeof(command), "'%s' --version", program);
	pipe = popen(command, "re");
	assert_non_null(pipe);
	if (!fgets(line, sizeof(line), pipe) || strncmp(line, said, strlen(said)) != 0)
		fail_msg("%s does not tell its version: %s", program, line);
	pclose(pipe);
	major = strtoul(line + strlen(said), &end, 10);
	assert_int_equal(*end, '.');
	*version = (unsigned)(major * 100 + strtoul(end + 1, &end, 10));
	return *version;
}

bool variant_can(const struct variant *variant)
{
	unsigned version = variant_qemu_version(variant);
	const char *only = getenv("VARIANT");

	if (only && !strstr(variant->name, only)) {
		print_message("skip: %s: VARIANT=%s\n", variant->name, only);
		return false;
	}
	if (!version)
		print_message("skip: %s: no QEMU for this machine is given\n", variant->name);
	else if (version < variant->since)
		print_message("skip: %s: QEMU %u.%u cannot do it, %s\n", variant->name, version / 100,
			      version % 100, variant->lacks);
	return version && version >= variant->since;
}

static bool is_word(const char *word, const char *wanted)
{
	return word && strcmp(word, wanted) == 0;
}

struct drv_options variant_options(const struct variant *variant)
{
	struct drv_options options = { 0 };

	if (is_word(variant->stage, "1"))
		options.stage = DRV_STAGE_1;
	else if (is_word(variant->stage, "2"))
		options.stage = DRV_STAGE_2;
	if (is_word(variant->table, "linear"))
		options.table = DRV_TABLE_LINEAR;
	else if (is_word(variant->table, "two-level"))
		options.table = DRV_TABLE_TWO_LEVEL;
	if (is_word(variant->mode, "legacy"))
		options.mode = DRV_MODE_LEGACY;
	else if (is_word(variant->mode, "scalable"))
		options.mode = DRV_MODE_SCALABLE;
	return options;
}

void variant_board_start(struct board_fixture *board, const struct variant *variant,
			 const char *const *extra)
{
	const char *argv[HARNESS_ARGS_MAX] = { "--machine", variant->machine };
	bool has_qemu_words = false;
	unsigned count = 2;

	argv[count++] = "--qemu";
	argv[count++] = variant_qemu(variant);
	assert_non_null(argv[count - 1]);
	if (strcmp(variant->iommu, "native") != 0) {
		argv[count++] = "--iommu";
		argv[count++] = variant->iommu;
	}
	if (variant->options) {
		argv[count++] = "--iommu-options";
		argv[count++] = variant->options;
	}
	while (*extra && count < HARNESS_ARGS_MAX - 4) {
		has_qemu_words |= strcmp(*extra, "--") == 0;
		argv[count++] = *extra++;
	}
	if (variant->global) {
		if (!has_qemu_words)
			argv[count++] = "--";
		argv[count++] = "-global";
		argv[count++] = variant->global;
	}
	argv[count] = NULL;
	board_start_argv(board, argv);
}
