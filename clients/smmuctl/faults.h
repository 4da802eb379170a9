/* SPDX-License-Identifier: BSD-2-Clause */
/* Records of the fault log as lines for people. */
#ifndef SMMUMAN_CLIENTS_SMMUCTL_FAULTS_H
#define SMMUMAN_CLIENTS_SMMUCTL_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "smmuctl.h"
#include "wire.h"

/* What is kept of the log: the newest that pass, in order. */
struct faults_kept {
	const char *device; /* canonical name, or NULL: of every device */
	const struct wire_device *shared; /* the same one, when others share its stream: or NULL */
	uint64_t limit;
	struct wire_fault *records; /* a ring of the newest when there is a limit */
	size_t count, first, room;
};

/* An smmu_admin_each; argument is a struct faults_kept. -ENOMEM. */
int faults_keep(const void *entry, void *argument);
const struct wire_fault *faults_kept_at(const struct faults_kept *kept, size_t i);
void faults_kept_fini(struct faults_kept *kept);

/* "0x1000", or "0x1000 to 0x10f0, x16", or "-". Returns to. */
#define FAULTS_WHERE_MAX 72u
char *faults_where(char to[FAULTS_WHERE_MAX], const struct wire_fault *fault);

#endif
