// SPDX-License-Identifier: BSD-2-Clause
#include "edu.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Registers of BAR 0. */
#define EDU_ID 0x00 /* 0x010000ed: version 1.0 */
#define EDU_ID_VALUE 0x010000edu
#define EDU_DMA_SOURCE 0x80
#define EDU_DMA_DESTINATION 0x88
#define EDU_DMA_COUNT 0x90
#define EDU_DMA_COMMAND 0x98
#define EDU_DMA_START 1u     /* write: begin; read: still busy */
#define EDU_DMA_FROM_DEVICE 2u /* else from RAM to the device */
#define EDU_INSIDE 0x40000u  /* where the device's own buffer is for its DMA engine */

#define PCI_COMMAND 4u
#define PCI_COMMAND_MEMORY 2u
#define PCI_COMMAND_MASTER 4u

#define PAUSE_NS 1000000L
#define PATIENCE 5000 /* pauses until we give a device up */

static int fail(struct edu *edu, int code, const char *why)
{
	snprintf(edu->why, sizeof(edu->why), "%s", why);
	return code;
}

/* The service's sentence for a call that failed. */
static int fail_smmu(struct edu *edu, int code)
{
	smmu_last_error(edu->context, edu->why, sizeof(edu->why));
	return code;
}

static void pause_briefly(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
}

int edu_open(struct edu *edu, const char *socket)
{
	int rc;

	memset(edu, 0, sizeof(*edu));
	rc = smmu_open_why(&edu->context, socket, edu->why, sizeof(edu->why));
	if (rc)
		return rc;
	rc = smmu_domain_create(edu->context, &edu->domain);
	return rc ? fail_smmu(edu, rc) : 0;
}

void edu_close(struct edu *edu)
{
	smmu_close(edu->context);
	edu->context = NULL;
	edu->device = NULL;
}

/* The device's last owner may have just gone: it is ours when it has come to rest. */
static int attach_patiently(struct edu *edu, const char *name)
{
	int tries, rc = -EAGAIN;

	for (tries = 0; rc == -EAGAIN && tries < PATIENCE; tries++) {
		if (tries > 0)
			pause_briefly();
		rc = smmu_attach(edu->context, edu->domain, name, &edu->attached);
	}
	return rc ? fail_smmu(edu, rc) : 0;
}

/* A PCI device does no DMA before it is made a bus master. A platform device just does. */
static int become_master(struct edu *edu)
{
	uint32_t command;
	int rc;

	if (strncmp(edu->attached.name, "pci:", 4) != 0)
		return 0;
	rc = smmu_config_read(edu->device, PCI_COMMAND, 2, &command);
	if (!rc)
		rc = smmu_config_write(edu->device, PCI_COMMAND, 2,
				       command | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	return rc ? fail_smmu(edu, rc) : 0;
}

static int check_identity(struct edu *edu)
{
	uint32_t id;
	int rc = smmu_reg_read32(edu->device, 0, EDU_ID, &id);

	if (rc)
		return fail(edu, rc, "the device's registers cannot be read");
	if (id != EDU_ID_VALUE)
		return fail(edu, -ENODEV, "this is not an edu device");
	return 0;
}

int edu_attach(struct edu *edu, const char *name)
{
	int rc;

	if (edu->device)
		return fail(edu, -EBUSY, "a device is attached already");
	rc = attach_patiently(edu, name);
	if (rc)
		return rc;
	rc = smmu_device_open(edu->context, edu->attached.device, &edu->device);
	if (rc)
		fail_smmu(edu, rc);
	if (!rc)
		rc = become_master(edu);
	if (!rc)
		rc = check_identity(edu);
	if (!rc)
		return 0;
	smmu_device_close(edu->device);
	edu->device = NULL;
	smmu_detach(edu->context, edu->attached.device);
	return rc;
}

int edu_detach(struct edu *edu)
{
	int rc;

	if (!edu->device)
		return fail(edu, -ENODEV, "no device is attached");
	smmu_device_close(edu->device);
	edu->device = NULL;
	rc = smmu_detach(edu->context, edu->attached.device);
	return rc ? fail_smmu(edu, rc) : 0;
}

int edu_wait_idle(struct edu *edu)
{
	uint64_t command = EDU_DMA_START;
	int tries, rc = 0;

	if (!edu->device)
		return fail(edu, -ENODEV, "no device is attached");
	for (tries = 0; !rc && (command & EDU_DMA_START) && tries < PATIENCE; tries++) {
		if (tries > 0)
			pause_briefly();
		rc = smmu_reg_read64(edu->device, 0, EDU_DMA_COMMAND, &command);
	}
	if (rc)
		return fail(edu, rc, "the device's registers cannot be read");
	if (command & EDU_DMA_START)
		return fail(edu, -ETIMEDOUT, "register 0x98 stays busy");
	return 0;
}

static int start(struct edu *edu, uint64_t source, uint64_t destination, uint32_t length,
		 uint64_t command)
{
	int rc;

	if (length == 0 || length > EDU_BUFFER)
		return fail(edu, -EINVAL, "the device moves 1 to 4095 bytes at a time");
	rc = edu_wait_idle(edu);
	if (rc)
		return rc;
	rc = smmu_reg_write64(edu->device, 0, EDU_DMA_SOURCE, source);
	if (!rc)
		rc = smmu_reg_write64(edu->device, 0, EDU_DMA_DESTINATION, destination);
	if (!rc)
		rc = smmu_reg_write64(edu->device, 0, EDU_DMA_COUNT, length);
	if (!rc)
		rc = smmu_reg_write64(edu->device, 0, EDU_DMA_COMMAND, command | EDU_DMA_START);
	return rc ? fail(edu, rc, "the device's registers cannot be written") : 0;
}

int edu_start_from_device(struct edu *edu, uint64_t iova, uint32_t length)
{
	return start(edu, EDU_INSIDE, iova, length, EDU_DMA_FROM_DEVICE);
}

int edu_copy_from_device(struct edu *edu, uint64_t iova, uint32_t length)
{
	int rc = edu_start_from_device(edu, iova, length);

	return rc ? rc : edu_wait_idle(edu);
}

int edu_copy_to_device(struct edu *edu, uint64_t iova, uint32_t length)
{
	int rc = start(edu, iova, EDU_INSIDE, length, 0);

	return rc ? rc : edu_wait_idle(edu);
}
