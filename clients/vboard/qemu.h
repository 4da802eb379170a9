/* SPDX-License-Identifier: BSD-2-Clause */
/* QEMU as a child: started with its RAM and sockets by descriptor, ended with us. */
#ifndef SMMUMAN_VBOARD_QEMU_H
#define SMMUMAN_VBOARD_QEMU_H

#include <stdbool.h>
#include <sys/types.h>

#include "disks.h"
#include "error.h"
#include "machine.h"
#include "parts.h"

struct qemu_options {
	const char *program;
	const struct board_machine *machine;
	enum machine_iommu iommu;
	const char *iommu_options; /* for its -device; or NULL */
	int bios_fd;		   /* or -1 */
	unsigned edu_count;	   /* DMA devices in slots 2, 3, ... */
	const struct disks *disks; /* an NVMe device each, in the slots behind */
	bool realtime;		   /* timers take the time they say */
	char *const *extra;	   /* further arguments, up to NULL */
};

/* Of bus 0. What is the machine's own is in slot 0 or in the last ones. */
#define QEMU_IOMMU_SLOT 1u /* where a virtio-iommu is */
#define QEMU_FIRST_SLOT 2u

struct qemu {
	pid_t pid;
	int pidfd;    /* readable when QEMU has ended */
	int qtest_fd, qmp_fd;
	int said_fd;  /* what QEMU wrote to its standard error, from the start */
};

/* 0 or -errno with a sentence. Does not wait for QEMU to answer. */
int qemu_start(struct qemu *qemu, const struct qemu_options *options, const struct parts *parts,
	       struct error *err);

/* Logs what QEMU wrote to its standard error last. Never blocks. */
void qemu_say_last_words(struct qemu *qemu);

/* Ends QEMU, by force after two seconds, and everything of it. */
void qemu_stop(struct qemu *qemu);

#endif
