/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A driver for QEMU's "edu" device, written as an example: its DMA engine
 * copies between RAM and a buffer inside the device. That has 4096 bytes, but
 * QEMU 7.2 ends itself when a transfer touches the last one.
 *
 * Every function returns 0 or a negative errno; edu.why has the sentence.
 */
#ifndef EDU_H
#define EDU_H

#include <stddef.h>
#include <stdint.h>

#include <smmu.h>

#define EDU_BUFFER 4095u /* bytes a transfer can move */

struct edu {
	struct smmu *context;
	uint32_t domain;
	struct smmu_device *device; /* NULL while detached */
	struct smmu_attached attached;
	char why[240];
};

/* Connects to the service and makes a domain. socket NULL: the usual one. */
int edu_open(struct edu *edu, const char *socket);

/* Gives everything back; the service closes the device. */
void edu_close(struct edu *edu);

/* Takes the device: attach, open its registers, allow it to start transfers. */
int edu_attach(struct edu *edu, const char *name);
int edu_detach(struct edu *edu);

/*
 * Copies length bytes (at most EDU_BUFFER) between the device's buffer and
 * the address iova as the device sees it. Whether the bytes arrived depends on
 * what was granted there: the device itself does not tell.
 */
int edu_copy_to_device(struct edu *edu, uint64_t iova, uint32_t length);
int edu_copy_from_device(struct edu *edu, uint64_t iova, uint32_t length);

/* Only starts it; edu_wait_idle() waits until the device is done. */
int edu_start_from_device(struct edu *edu, uint64_t iova, uint32_t length);
int edu_wait_idle(struct edu *edu);

/* The same driver, one command a line from stdin; interactive.c. */
int edu_interactive(struct edu *edu, const char *device);

#endif
