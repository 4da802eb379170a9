// SPDX-License-Identifier: BSD-2-Clause
#include "nvme.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ATTACH_MS 5000u	  /* for the last owner's transfers to end */
#define SHUTDOWN_MS 5000u /* for the controller to empty its caches */
#define PAUSE_NS 500000L

#define PCI_COMMAND 4u
#define PCI_COMMAND_MEMORY 2u
#define PCI_COMMAND_MASTER 4u

/* --- failing --------------------------------------------------------------------------- */

int nvme_fail(struct nvme *nvme, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(nvme->why, sizeof(nvme->why), format, args);
	va_end(args);
	return code;
}

/* The service's sentence for a call that failed. */
int nvme_fail_smmu(struct nvme *nvme, int code)
{
	smmu_last_error(nvme->context, nvme->why, sizeof(nvme->why));
	return code;
}

uint64_t nvme_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void pause_briefly(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
}

/* --- registers ------------------------------------------------------------------------- */

static int fail_register(struct nvme *nvme, int rc, const char *verb)
{
	return nvme_fail(nvme, rc, "the controller's registers cannot be %s: %s", verb,
			 smmu_strerror(rc));
}

static int put32(struct nvme *nvme, uint32_t offset, uint32_t value)
{
	int rc = smmu_reg_write32(nvme->device, 0, offset, value);

	return rc ? fail_register(nvme, rc, "written") : 0;
}

static int put64(struct nvme *nvme, uint32_t offset, uint64_t value)
{
	int rc = smmu_reg_write64(nvme->device, 0, offset, value);

	return rc ? fail_register(nvme, rc, "written") : 0;
}

/* All ones is what a bus answers for a device that is gone. */
static int read_csts(struct nvme *nvme, uint32_t *ret_csts)
{
	int rc = smmu_reg_read32(nvme->device, 0, NVME_CSTS, ret_csts);

	if (rc)
		return fail_register(nvme, rc, "read");
	if (*ret_csts == UINT32_MAX)
		return nvme_fail(nvme, -ENODEV, "the controller's status reads all ones: it is gone");
	return 0;
}

int nvme_check_alive(struct nvme *nvme, uint32_t *ret_csts)
{
	int rc = read_csts(nvme, ret_csts);

	if (rc || !(*ret_csts & CSTS_FATAL))
		return rc;
	return nvme_fail(nvme, -EIO, "the controller reports a fatal error (CSTS.CFS): it could not "
			 "reach a queue, or is broken; attach it again to reset it");
}

static int wait_status(struct nvme *nvme, uint32_t mask, uint32_t want, uint32_t patience_ms,
		       const char *what)
{
	uint64_t deadline = nvme_now_ms() + patience_ms;
	uint32_t csts;
	int rc;

	for (;;) {
		rc = want ? nvme_check_alive(nvme, &csts) : read_csts(nvme, &csts);
		if (rc || (csts & mask) == want)
			return rc;
		if (nvme_now_ms() >= deadline)
			return nvme_fail(nvme, -ETIMEDOUT, "%s: CSTS stays 0x%x for %u ms", what,
					 csts, patience_ms);
		pause_briefly();
	}
}

/* --- bring-up ------------------------------------------------------------------------- */

/* What the controller can do, and whether that is enough. */
static int read_capabilities(struct nvme *nvme)
{
	uint64_t cap;
	int rc = smmu_reg_read64(nvme->device, 0, NVME_CAP, &cap);

	if (rc)
		return fail_register(nvme, rc, "read");
	if (cap == UINT64_MAX || cap == 0 || !CAP_CSS_NVM(cap))
		return nvme_fail(nvme, -ENODEV, "this is no NVMe controller: CAP reads 0x%llx",
				 (unsigned long long)cap);
	if (CAP_MPSMIN(cap) != 0)
		return nvme_fail(nvme, -EOPNOTSUPP, "the controller wants pages of %u KiB; this "
				 "driver grants pages of 4 KiB", 4u << CAP_MPSMIN(cap));
	nvme->stride = 4u << CAP_DSTRD(cap);
	nvme->ready_ms = CAP_TO(cap) ? CAP_TO(cap) * 500 : 500;
	nvme->entries_max = CAP_MQES(cap) + 1;
	/* Doorbells of queue 0 and 1, and the registers before them. */
	if (smmu_bar_size(nvme->device, 0) < NVME_DOORBELLS + 4ull * nvme->stride)
		return nvme_fail(nvme, -ENODEV, "BAR 0 is too small for the doorbells of two queues");
	if (nvme->entries_max < 2)
		return nvme_fail(nvme, -ENODEV, "the controller says that its queues have one entry");
	return 0;
}

/* From any state: off, its queues forgotten. */
static int disable(struct nvme *nvme)
{
	uint32_t cc;
	int rc = smmu_reg_read32(nvme->device, 0, NVME_CC, &cc);

	if (rc)
		return fail_register(nvme, rc, "read");
	rc = put32(nvme, NVME_CC, cc & ~CC_ENABLE);
	return rc ? rc : wait_status(nvme, CSTS_READY, 0, nvme->ready_ms,
				     "the controller does not stop");
}

static uint16_t entries_of(const struct nvme *nvme, uint32_t wanted)
{
	return (uint16_t)(nvme->entries_max < wanted ? nvme->entries_max : wanted);
}

static int enable(struct nvme *nvme)
{
	const struct nvme_queue *admin = &nvme->admin;
	int rc = put32(nvme, NVME_AQA, AQA((uint32_t)admin->entries));

	if (!rc)
		rc = put64(nvme, NVME_ASQ, admin->submissions.buffer.device_address);
	if (!rc)
		rc = put64(nvme, NVME_ACQ, admin->completions.buffer.device_address);
	if (!rc)
		rc = put32(nvme, NVME_CC, CC_ENTRY_SIZES | CC_ENABLE);
	return rc ? rc : wait_status(nvme, CSTS_READY, CSTS_READY, nvme->ready_ms,
				     "the controller does not become ready");
}

/* --- the I/O queues ---------------------------------------------------------------------- */

/* The completions first: a submission queue names the other. */
static int announce_io_queues(struct nvme *nvme)
{
	const struct nvme_queue *io = &nvme->io;
	uint32_t shape = (io->entries - 1u) << 16 | io->id;
	struct nvme_command completions = {
		.opcode = ADMIN_CREATE_CQ,
		.prp1 = io->completions.buffer.device_address,
		.dword = { shape, QUEUE_CONTIGUOUS },
	};
	struct nvme_command submissions = {
		.opcode = ADMIN_CREATE_SQ,
		.prp1 = io->submissions.buffer.device_address,
		.dword = { shape, (uint32_t)io->id << 16 | QUEUE_CONTIGUOUS },
	};
	int rc = nvme_queue_run(nvme, &nvme->admin, &completions, "Create I/O Completion Queue",
				NULL);

	return rc ? rc : nvme_queue_run(nvme, &nvme->admin, &submissions,
					"Create I/O Submission Queue", NULL);
}

static int create_io_queues(struct nvme *nvme)
{
	struct nvme_command one_pair = { .opcode = ADMIN_SET_FEATURES, .dword = { FEATURE_QUEUES } };
	int rc = nvme_queue_run(nvme, &nvme->admin, &one_pair, "Set Features (number of queues)",
				NULL);

	if (!rc)
		rc = nvme_queue_create(nvme, &nvme->io, 1, entries_of(nvme, NVME_IO_ENTRIES));
	if (!rc)
		rc = nvme_memory_create(nvme, (size_t)nvme->io.entries * NVME_PAGE, SMMU_READ,
					&nvme->lists);
	return rc ? rc : announce_io_queues(nvme);
}

/* --- attach and detach -------------------------------------------------------------------- */

int nvme_open(struct nvme *nvme, const char *socket)
{
	int rc;

	memset(nvme, 0, sizeof(*nvme));
	rc = smmu_open_why(&nvme->context, socket, nvme->why, sizeof(nvme->why));
	if (rc)
		return rc;
	rc = smmu_domain_create(nvme->context, &nvme->domain);
	return rc ? nvme_fail_smmu(nvme, rc) : 0;
}

void nvme_close(struct nvme *nvme)
{
	if (nvme->device)
		nvme_detach(nvme);
	smmu_close(nvme->context);
	nvme->context = NULL;
}

/* The device's last owner may have just gone: it is ours when it has come to rest. */
static int attach_patiently(struct nvme *nvme, const char *name)
{
	uint64_t deadline = nvme_now_ms() + ATTACH_MS;
	int rc;

	while ((rc = smmu_attach(nvme->context, nvme->domain, name, &nvme->attached)) == -EAGAIN &&
	       nvme_now_ms() < deadline)
		pause_briefly();
	return rc ? nvme_fail_smmu(nvme, rc) : 0;
}

static int become_master(struct nvme *nvme)
{
	uint32_t command;
	int rc = smmu_config_read(nvme->device, PCI_COMMAND, 2, &command);

	if (!rc)
		rc = smmu_config_write(nvme->device, PCI_COMMAND, 2,
				       command | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	return rc ? nvme_fail_smmu(nvme, rc) : 0;
}

/* The queues are granted before the controller is told of them. */
static int bring_up(struct nvme *nvme)
{
	int rc = become_master(nvme);

	if (!rc)
		rc = read_capabilities(nvme);
	if (!rc)
		rc = disable(nvme);
	if (!rc)
		rc = nvme_queue_create(nvme, &nvme->admin, 0,
				       entries_of(nvme, NVME_ADMIN_ENTRIES));
	if (!rc)
		rc = enable(nvme);
	if (!rc)
		rc = nvme_identify(nvme);
	return rc ? rc : create_io_queues(nvme);
}

int nvme_attach(struct nvme *nvme, const char *name)
{
	char why[sizeof(nvme->why)];
	int rc;

	if (nvme->device)
		return nvme_fail(nvme, -EBUSY, "a controller is attached already");
	nvme->is_broken = false;
	rc = attach_patiently(nvme, name);
	if (rc)
		return rc;
	rc = smmu_device_open(nvme->context, nvme->attached.device, &nvme->device);
	if (rc) {
		nvme_fail_smmu(nvme, rc);
		smmu_detach(nvme->context, nvme->attached.device);
		return rc;
	}
	rc = bring_up(nvme);
	if (!rc)
		return 0;
	memcpy(why, nvme->why, sizeof(why));
	nvme_detach(nvme); /* says why it failed itself, which matters less */
	memcpy(nvme->why, why, sizeof(why));
	return rc;
}

/* Its caches are written and its queues forgotten. */
static int shut_down(struct nvme *nvme)
{
	int rc = put32(nvme, NVME_CC, CC_ENTRY_SIZES | CC_SHUTDOWN_NORMAL | CC_ENABLE);

	if (!rc)
		rc = wait_status(nvme, CSTS_SHUTDOWN_MASK, CSTS_SHUTDOWN_DONE, SHUTDOWN_MS,
				 "the controller does not shut down");
	return rc ? rc : disable(nvme);
}

static int first(int rc, int other)
{
	return rc ? rc : other;
}

/* A controller that does not listen is closed by the service all the same. */
int nvme_detach(struct nvme *nvme)
{
	int rc = nvme->is_broken || !nvme->admin.entries ? 0 : shut_down(nvme), detached;

	smmu_device_close(nvme->device);
	nvme->device = NULL;
	detached = smmu_detach(nvme->context, nvme->attached.device);
	if (detached)
		return first(rc, nvme_fail_smmu(nvme, detached));
	rc = first(rc, nvme_memory_destroy(nvme, &nvme->lists));
	rc = first(rc, nvme_queue_destroy(nvme, &nvme->io));
	rc = first(rc, nvme_queue_destroy(nvme, &nvme->admin));
	nvme->admin.entries = nvme->io.entries = 0;
	return rc;
}
