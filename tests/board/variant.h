/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The matrix: every kind of board and every way to use its IOMMU that the
 * suites run on, one row each. A suite names the rows it runs on.
 *
 * $QEMU is the Arm program and $QEMU_X86 the x86 one. A row that this QEMU
 * cannot do is left out, and said so; another QEMU or another row does it.
 * VARIANT=TEXT leaves out all whose name has no such text.
 */
#ifndef SMMUMAN_TESTS_VARIANT_H
#define SMMUMAN_TESTS_VARIANT_H

#include <stdbool.h>

#include "driver.h"
#include "harness.h"

struct variant {
	const char *name;    /* for people */
	const char *machine; /* "virt" or "q35" */
	const char *iommu;   /* "native" or "virtio" */
	const char *options; /* QEMU's properties of the IOMMU, or NULL: its own defaults */
	const char *global; /* a property of every device of a kind, or NULL */
	const char *compatible; /* what discovery calls the unit */
	/* Words of units: in a policy; NULL: nothing is said. */
	const char *stage, *table, *mode;
	bool has_platform; /* devices that are no PCI functions */
	/*
	 * The unit has one fault record, and of refusals in a row it keeps the first
	 * and drops the others: how many there were nobody can tell, and of an address
	 * only its page.
	 */
	bool merges_faults;
	/* A record tells a right that is missing from a mapping that is missing. */
	bool tells_rights;
	/* Of an address where nothing is mapped, a record tells no access. */
	bool hides_access;
	unsigned since;	 /* QEMU's version times 100: 1000 for 10.0; 0: any */
	const char *lacks; /* what an older one has not */
};

enum variant_id {
	SMMU_S1_LINEAR,
	SMMU_S1_TWO_LEVEL,
	SMMU_S2_LINEAR,
	SMMU_S2_TWO_LEVEL,
	SMMU_S2_ALONE,
	VTD_LEGACY_48,
	VTD_LEGACY_39,
	VTD_CACHING,
	VTD_SECOND_LEVEL,
	VTD_FIRST_LEVEL,
	VIRTIO_ON_VIRT,
	VIRTIO_ON_Q35,
	VARIANT_COUNT
};

extern const struct variant variants[VARIANT_COUNT];

/* Can this QEMU do it? If not, says why. Starts no board. */
bool variant_can(const struct variant *variant);

/* The QEMU program for its machine. */
const char *variant_qemu(const struct variant *variant);
/* Its version times 100. */
unsigned variant_qemu_version(const struct variant *variant);

/* The words as a module takes them. */
struct drv_options variant_options(const struct variant *variant);

bool variant_is_x86(const struct variant *variant);

/* board_start() on it; extra: further arguments of smmu-vboard, up to NULL. */
void variant_board_start(struct board_fixture *board, const struct variant *variant,
			 const char *const *extra);

#endif
