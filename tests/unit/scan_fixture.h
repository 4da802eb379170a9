/* SPDX-License-Identifier: BSD-2-Clause */
/* A machine without hardware whose PCI functions a test makes up, and its scan. */
#ifndef SMMUMAN_TESTS_SCAN_FIXTURE_H
#define SMMUMAN_TESTS_SCAN_FIXTURE_H

#include "machine_fake.h"
#include "topology_text.h"

#define ALL_ACS 0x1d

/* PCI Express port types. */
#define ROOT_PORT 4
#define UPSTREAM 5
#define DOWNSTREAM 6
#define TO_PCI 7
#define FROM_PCI 8

struct scan_rig {
	struct machine *machine;
	struct pci_fake *pci;
	struct topology topology;
	struct error err;
};

/* A host bridge of 16 buses on one SMMU, and a platform master; no function yet. */
int scan_setup(void **state);
int scan_teardown(void **state);

/* A plain function; a bridge with PCI Express of that port type. */
struct pci_fake_function *scan_add(struct scan_rig *rig, uint32_t bus, uint32_t slot,
				   uint32_t number);
struct pci_fake_function *scan_add_bridge(struct scan_rig *rig, uint32_t bus, uint32_t slot,
					  uint32_t port, uint32_t secondary, uint32_t last);

/* Fails the test when the scan is refused or what it found does not hold. */
void scan_all(struct scan_rig *rig);

const struct topology_device *scan_find(const struct scan_rig *rig, const char *name);
void scan_expect_usable(const struct scan_rig *rig, const char *name);
void scan_expect_unusable(const struct scan_rig *rig, const char *name, const char *why);
void scan_expect_streams(const struct scan_rig *rig, const char *name, uint32_t count,
			 uint32_t first, uint32_t second);
void scan_expect_one_group(const struct scan_rig *rig, const char *a, const char *b);

#endif
