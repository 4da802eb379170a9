// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fault reports (virtio 5.13.6.9). The device tells three reasons apart, and
 * whether it tells the address and the access is its own choice; the books say
 * the rest.
 */
#include "report.h"

#include <endian.h>
#include <string.h>

#include "bits.h"

struct event_row {
	uint8_t kind;
	const char *name, *reason;
};

static const struct event_row shut_row = {
	DRV_FAULT_STREAM, "FAULT_R_DOMAIN", "the device is not known here: it is attached to nothing",
};

static const struct event_row rows[] = {
	[VIRTIO_IOMMU_FAULT_R_UNKNOWN] = { DRV_FAULT_TRANSLATION, "FAULT_R_UNKNOWN",
		"the device's access was refused, for a reason that the IOMMU does not tell" },
	[VIRTIO_IOMMU_FAULT_R_DOMAIN] = { DRV_FAULT_TRANSLATION, "FAULT_R_DOMAIN",
		"nothing is granted: the device is not attached" },
	[VIRTIO_IOMMU_FAULT_R_MAPPING] = { DRV_FAULT_TRANSLATION, "FAULT_R_MAPPING",
		"nothing is granted at this address" },
};

static const struct event_row permission_row = {
	DRV_FAULT_PERMISSION, "FAULT_R_MAPPING",
	"the address is granted, but not for this kind of access",
};

static const struct event_row unknown_row = {
	DRV_FAULT_UNKNOWN, "UNKNOWN",
	"a report that the specification does not describe; see the raw words",
};

static struct virtio_iommu_fault report_of(const struct event *event)
{
	struct virtio_iommu_fault report;

	memcpy(&report, event->words, sizeof(report));
	return report;
}

/* With something in its reserved bytes a report must be ignored, and so must a short one. */
static bool is_usable(const struct event *event, const struct virtio_iommu_fault *report)
{
	return event->length == EVENT_BYTES && report->reserved[0] == 0 &&
	       report->reserved[1] == 0 && report->reserved[2] == 0;
}

bool report_endpoint(const struct event *event, uint32_t *ret_endpoint, uint64_t *ret_address)
{
	struct virtio_iommu_fault report = report_of(event);

	*ret_endpoint = le32toh(report.endpoint);
	*ret_address = le64toh(report.address);
	return is_usable(event, &report);
}

/* A reason that nobody knows counts as R_UNKNOWN. */
static const struct event_row *find_row(const struct virtio_iommu_fault *report,
					const struct report_context *context)
{
	uint8_t reason = report->reason < ARRAY_COUNT(rows) ? report->reason :
							      VIRTIO_IOMMU_FAULT_R_UNKNOWN;

	if (!context->is_known)
		return &shut_row;
	if (reason == VIRTIO_IOMMU_FAULT_R_MAPPING && context->is_mapped)
		return &permission_row;
	return &rows[reason];
}

static uint8_t access_of(uint32_t flags)
{
	return (uint8_t)((flags & VIRTIO_IOMMU_FAULT_F_READ ? RIGHT_READ : 0) |
			 (flags & VIRTIO_IOMMU_FAULT_F_WRITE ? RIGHT_WRITE : 0) |
			 (flags & VIRTIO_IOMMU_FAULT_F_EXEC ? RIGHT_EXEC : 0));
}

void report_decode(const struct event *event, uint64_t sequence,
		   const struct report_context *context, struct drv_fault *ret_fault)
{
	struct virtio_iommu_fault report = report_of(event);
	bool is_good = is_usable(event, &report);
	const struct event_row *row = is_good ? find_row(&report, context) : &unknown_row;

	*ret_fault = (struct drv_fault){
		.sequence = sequence,
		.code = report.reason,
		.kind = row->kind,
		.name = row->name,
		.reason = row->reason,
	};
	memcpy(ret_fault->words, event->words, sizeof(ret_fault->words));
	if (!is_good)
		return; /* its fields may be anything */
	ret_fault->has_stream = true;
	ret_fault->stream = le32toh(report.endpoint);
	ret_fault->access = access_of(le32toh(report.flags));
	ret_fault->has_address = le32toh(report.flags) & VIRTIO_IOMMU_FAULT_F_ADDRESS;
	if (ret_fault->has_address)
		ret_fault->address = le64toh(report.address);
}
