// SPDX-License-Identifier: BSD-2-Clause
/* The QNX-compatible calls: devices of objects, and their reserved addresses. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "devname.h"
#include "qnx.h"
#include "smmu-admin.h"

#define REST_TRIES 200u /* for a device between two owners, REST_PAUSE_NS apart */
#define REST_PAUSE_NS 5000000L

void qnx_device_forget(struct qnx_device *device)
{
	list_remove(&device->node);
	free(device);
}

int qnx_device_remove(struct qnx_device *device)
{
	int rc = smmu_detach(qnx.context, device->attached.device);

	if (!rc)
		qnx_device_forget(device);
	return rc;
}

/* The name of a devid without wildcards. */
static int name_of(const union smmu_devid *devid, char name[SMMU_DEVICE_NAME])
{
	struct devname parsed = { .kind = DEVNAME_NONE };

	if (devid->type == SDT_PCI) {
		if (devid->pci.bus > 255 || devid->pci.dev > 31 || devid->pci.func > 7)
			return -EINVAL;
		parsed.kind = DEVNAME_PCI;
		parsed.bus = devid->pci.bus;
		parsed.device = devid->pci.dev;
		parsed.function = devid->pci.func;
	} else if (devid->type == SDT_MMIO) {
		if (devid->mmio.length == 0)
			return -EINVAL;
		parsed.kind = DEVNAME_MMIO;
		parsed.base = devid->mmio.phys;
		parsed.length = devid->mmio.length;
	} else {
		return -EINVAL;
	}
	devname_format(&parsed, name);
	return 0;
}

static bool field_matches(unsigned wanted, unsigned value)
{
	return wanted == SMMU_PCI_FIELD_ANY || wanted == value;
}

static bool is_wild(const union smmu_devid *devid)
{
	return devid->type == SDT_PCI && (devid->pci.bus == SMMU_PCI_FIELD_ANY ||
					  devid->pci.dev == SMMU_PCI_FIELD_ANY ||
					  devid->pci.func == SMMU_PCI_FIELD_ANY);
}

static bool matches(const union smmu_devid *wanted, const union smmu_devid *devid)
{
	if (wanted->type != devid->type)
		return false;
	if (wanted->type == SDT_MMIO)
		return wanted->mmio.phys == devid->mmio.phys &&
		       wanted->mmio.length == devid->mmio.length;
	return field_matches(wanted->pci.bus, devid->pci.bus) &&
	       field_matches(wanted->pci.dev, devid->pci.dev) &&
	       field_matches(wanted->pci.func, devid->pci.func);
}

static struct qnx_device *find_device(const union smmu_devid *devid)
{
	struct list *pos;

	list_for_each(pos, &qnx.devices) {
		struct qnx_device *device = list_entry(pos, struct qnx_device, node);

		if (matches(devid, &device->devid))
			return device;
	}
	return NULL;
}

/* A device that its last owner just left comes to rest by itself: wait for it. */
static int attach_patiently(struct smmu_object *object, struct qnx_device *device)
{
	const struct timespec pause = { .tv_nsec = REST_PAUSE_NS };
	unsigned tries;
	int rc = -EAGAIN;

	for (tries = 0; rc == -EAGAIN && tries < REST_TRIES; tries++) {
		if (tries > 0)
			nanosleep(&pause, NULL);
		rc = smmu_attach(qnx.context, object->domain, device->asked, &device->attached);
	}
	if (rc == -EAGAIN)
		return -EBUSY;
	return rc == -ENODEV ? -ENOENT : rc;
}

/* *ret_is_new: it was not in this object before. */
static int add_device(struct smmu_object *object, const union smmu_devid *devid, bool *ret_is_new)
{
	struct qnx_device *device = find_device(devid);
	int rc;

	*ret_is_new = false;
	if (device)
		return device->object == object ? 0 : -EBUSY;
	device = calloc(1, sizeof(*device));
	if (!device)
		return -ENOMEM;
	device->object = object;
	device->devid = *devid;
	rc = name_of(devid, device->asked);
	if (!rc)
		rc = attach_patiently(object, device);
	if (rc) {
		free(device);
		return rc;
	}
	list_add_tail(&qnx.devices, &device->node);
	*ret_is_new = true;
	return 0;
}

/* The devices a wildcard means, as the service lists them. */
struct expansion {
	union smmu_devid wanted;
	union smmu_devid *found;
	size_t count;
};

static int expand_one(const void *entry, void *argument)
{
	const struct wire_device *listed = entry;
	struct expansion *expansion = argument;
	union smmu_devid devid = { .pci = { .type = SDT_PCI } };
	union smmu_devid *grown;
	struct devname name;

	if (devname_parse(listed->name, &name) || name.kind != DEVNAME_PCI || name.segment != 0)
		return 0;
	devid.pci.bus = name.bus;
	devid.pci.dev = name.device;
	devid.pci.func = name.function;
	if (!matches(&expansion->wanted, &devid))
		return 0;
	grown = reallocarray(expansion->found, expansion->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	grown[expansion->count++] = devid;
	expansion->found = grown;
	return 0;
}

/* All of them, or none that was not here before. */
static int add_each(struct smmu_object *object, const struct expansion *expansion, bool *is_new)
{
	size_t i = 0;
	int rc = 0;

	for (; !rc && i < expansion->count; i++)
		rc = add_device(object, &expansion->found[i], &is_new[i]);
	while (rc && i-- > 0)
		if (is_new[i])
			qnx_device_remove(find_device(&expansion->found[i]));
	return rc;
}

static int add_wild(struct smmu_object *object, const union smmu_devid *devid)
{
	struct expansion expansion = { .wanted = *devid };
	bool *is_new = NULL;
	int rc;

	rc = smmu_admin_list(qnx.context, WIRE_LIST_DEVICES, expand_one, &expansion);
	if (rc == -EACCES)
		rc = -EPERM;
	if (!rc && expansion.count == 0)
		rc = -ENOENT;
	if (!rc)
		is_new = calloc(expansion.count, sizeof(*is_new));
	if (!rc && !is_new)
		rc = -ENOMEM;
	if (!rc)
		rc = add_each(object, &expansion, is_new);
	free(is_new);
	free(expansion.found);
	return rc;
}

static int remove_devices(const union smmu_devid *devid)
{
	struct qnx_device *device = find_device(devid);
	int rc = device ? 0 : -ENOENT;

	while (!rc && device) {
		rc = qnx_device_remove(device);
		device = find_device(devid);
	}
	return rc;
}

static int add_or_remove(struct smmu_object *sop, const union smmu_devid *devid)
{
	bool is_new;
	int rc;

	if (devid->type != SDT_PCI && devid->type != SDT_MMIO)
		return -EINVAL;
	if (!sop)
		return remove_devices(devid);
	rc = qnx_check_object(sop);
	if (rc)
		return rc;
	return is_wild(devid) ? add_wild(sop, devid) : add_device(sop, devid, &is_new);
}

int smmu_device_add_generic(struct smmu_object *sop, const union smmu_devid *devid)
{
	int rc = devid ? qnx_lock() : -EINVAL;

	return rc ? qnx_result(rc) : qnx_unlock(add_or_remove(sop, devid));
}

int smmu_device_add_mmio(struct smmu_object *sop, uint64_t phys, unsigned len)
{
	union smmu_devid devid = { .mmio = { .type = SDT_MMIO, .length = len, .phys = phys } };

	return smmu_device_add_generic(sop, &devid);
}

int smmu_device_add_pci(struct smmu_object *sop, unsigned pbus, unsigned pdev, unsigned pfunc)
{
	union smmu_devid devid = { .pci = { SDT_PCI, pbus, pdev, pfunc } };

	return smmu_device_add_generic(sop, &devid);
}

/* --- reserved addresses ------------------------------------------------------------- */

/* How many were stored; *ret_more: others follow. */
static int fill_reserved(const char *name, unsigned offset, struct smmu_map_entry *resv,
			 unsigned nresv, int *ret_more)
{
	struct smmu_range ranges[32];
	unsigned filled = 0;
	int i, got;

	do {
		unsigned room = nresv - filled < 32 ? nresv - filled : 32;

		got = smmu_reserved(qnx.context, name, offset + filled, ranges, room, ret_more);
		for (i = 0; i < got; i++, filled++)
			resv[filled] = (struct smmu_map_entry){ .phys = ranges[i].iova,
								.len = ranges[i].length };
	} while (got > 0 && *ret_more && filled < nresv);
	return got < 0 ? got : (int)filled;
}

unsigned smmu_device_report_reserved(const union smmu_devid *devid, unsigned offset,
				     struct smmu_map_entry *resv, unsigned nresv)
{
	char name[SMMU_DEVICE_NAME];
	int rc = devid ? name_of(devid, name) : -EINVAL;
	int more = 0;

	if (!rc)
		rc = qnx_lock();
	if (rc)
		return (unsigned)qnx_result(rc);
	rc = fill_reserved(name, offset, resv, nresv, &more);
	if (rc >= 0 && more)
		rc++;
	return (unsigned)qnx_unlock(rc);
}
