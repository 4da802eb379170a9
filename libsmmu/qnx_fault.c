// SPDX-License-Identifier: BSD-2-Clause
/* The QNX-compatible calls: one-shot notification and the faults themselves. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "devname.h"
#include "qnx.h"

void qnx_fault_forget(void)
{
	if (qnx.epoll >= 0)
		close(qnx.epoll);
	qnx.epoll = -1;
	qnx.record_next = qnx.record_count = 0;
	qnx.has_dropped = false;
}

/* An epoll descriptor around the fault descriptor is readable once a registration. */
static int make_epoll(int fault_fd)
{
	struct epoll_event none = { .events = 0 };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int rc;

	if (epoll < 0)
		return -errno;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fault_fd, &none)) {
		rc = -errno;
		close(epoll);
		return rc;
	}
	return epoll;
}

static int set_registration(bool is_wanted)
{
	struct epoll_event event = { .events = is_wanted ? EPOLLIN | EPOLLONESHOT : 0 };
	int fault_fd = smmu_fault_fd(qnx.context);

	if (fault_fd < 0)
		return fault_fd;
	if (qnx.epoll < 0) {
		int epoll = make_epoll(fault_fd);

		if (epoll < 0)
			return epoll;
		qnx.epoll = epoll;
	}
	return epoll_ctl(qnx.epoll, EPOLL_CTL_MOD, fault_fd, &event) ? -errno : 0;
}

int smmu_xfer_notify(const struct sigevent *evp)
{
	int rc;

	if (evp && evp->sigev_notify != SIGEV_NONE)
		return qnx_result(-ENOTSUP);
	rc = qnx_lock();
	return rc ? qnx_result(rc) : qnx_unlock(set_registration(evp != NULL));
}

int smmu_xfer_fd(void)
{
	int rc = qnx_lock();

	return rc ? qnx_result(rc) : qnx_unlock(qnx.epoll >= 0 ? qnx.epoll : -EINVAL);
}

/* Under the name the driver knows it by, if it is one of ours. */
static void devid_of(const char *name, union smmu_devid *ret_devid)
{
	struct devname parsed;
	struct list *pos;

	list_for_each(pos, &qnx.devices) {
		const struct qnx_device *device = list_entry(pos, struct qnx_device, node);

		if (!strcmp(device->attached.name, name)) {
			*ret_devid = device->devid;
			return;
		}
	}
	memset(ret_devid, 0, sizeof(*ret_devid));
	ret_devid->type = SDT_NUM_TYPES;
	if (devname_parse(name, &parsed))
		return;
	if (parsed.kind == DEVNAME_PCI)
		ret_devid->pci = (struct smmu_devid_pci){ SDT_PCI, parsed.bus, parsed.device,
							  parsed.function };
	else if (parsed.kind == DEVNAME_MMIO)
		ret_devid->mmio = (struct smmu_devid_mmio){ SDT_MMIO, (unsigned)parsed.length,
							    parsed.base };
}

static void fill_status(const struct smmu_fault *fault, struct smmu_status *status)
{
	memset(status, 0, sizeof(*status));
	status->hw_specific = fault->words[0];
	status->fault_addr = fault->address;
	devid_of(fault->device, &status->devid);
	if (qnx.has_dropped)
		status->flags = SSF_DROPPED_FAULTS;
	qnx.has_dropped = false;
}

static int fetch_records(void)
{
	uint64_t lost = 0;
	int rc = smmu_fault_read(qnx.context, qnx.records, QNX_RECORDS, &lost);

	if (rc < 0)
		return rc;
	if (lost > 0)
		qnx.has_dropped = true;
	qnx.record_next = 0;
	qnx.record_count = (unsigned)rc;
	return rc;
}

static int next_status(struct smmu_status *status)
{
	const struct smmu_fault *fault;
	struct epoll_event event;
	int rc;

	/* Taking the event ends the registration. */
	if (qnx.epoll >= 0 && epoll_wait(qnx.epoll, &event, 1, 0) < 0 && errno != EINTR)
		return -errno;
	for (;;) {
		if (qnx.record_next == qnx.record_count) {
			rc = fetch_records();
			if (rc <= 0)
				return rc;
		}
		fault = &qnx.records[qnx.record_next++];
		if (!(fault->flags & SMMU_FAULT_IS_LOSS))
			break;
		qnx.has_dropped = true;
	}
	fill_status(fault, status);
	return 1;
}

int smmu_xfer_status(struct smmu_status *ssp)
{
	int rc = ssp ? qnx_lock() : -EINVAL;

	return rc ? qnx_result(rc) : qnx_unlock(next_status(ssp));
}
