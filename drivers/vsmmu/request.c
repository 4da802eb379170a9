// SPDX-License-Identifier: BSD-2-Clause
/* Building requests, and reading answers that nobody vouches for. */
#include "request.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "bits.h"

_Static_assert(sizeof(struct virtio_iommu_req_probe) / 8 == REQUEST_WORDS, "the longest request");

/* All of a request but its tail, which is the device's to write. */
static struct request make(uint8_t type, const void *bytes, size_t size)
{
	struct request request = { .type = type, .length = (uint8_t)size };

	memcpy(request.word, bytes, size);
	return request;
}

struct request make_attach(uint32_t domain, uint32_t endpoint)
{
	const struct virtio_iommu_req_attach attach = {
		.head.type = VIRTIO_IOMMU_T_ATTACH,
		.domain = htole32(domain),
		.endpoint = htole32(endpoint),
	};

	return make(VIRTIO_IOMMU_T_ATTACH, &attach, offsetof(struct virtio_iommu_req_attach, tail));
}

struct request make_detach(uint32_t domain, uint32_t endpoint)
{
	const struct virtio_iommu_req_detach detach = {
		.head.type = VIRTIO_IOMMU_T_DETACH,
		.domain = htole32(domain),
		.endpoint = htole32(endpoint),
	};

	return make(VIRTIO_IOMMU_T_DETACH, &detach, offsetof(struct virtio_iommu_req_detach, tail));
}

static uint32_t map_flags(unsigned rights, bool is_mmio)
{
	return (rights & RIGHT_READ ? VIRTIO_IOMMU_MAP_F_READ : 0u) |
	       (rights & RIGHT_WRITE ? VIRTIO_IOMMU_MAP_F_WRITE : 0u) |
	       (is_mmio ? VIRTIO_IOMMU_MAP_F_MMIO : 0u);
}

struct request make_map(uint32_t domain, uint64_t iova, uint64_t last, uint64_t pa, unsigned rights,
			bool is_mmio)
{
	const struct virtio_iommu_req_map map = {
		.head.type = VIRTIO_IOMMU_T_MAP,
		.domain = htole32(domain),
		.virt_start = htole64(iova),
		.virt_end = htole64(last),
		.phys_start = htole64(pa),
		.flags = htole32(map_flags(rights, is_mmio)),
	};

	return make(VIRTIO_IOMMU_T_MAP, &map, offsetof(struct virtio_iommu_req_map, tail));
}

struct request make_unmap(uint32_t domain, uint64_t iova, uint64_t last)
{
	const struct virtio_iommu_req_unmap unmap = {
		.head.type = VIRTIO_IOMMU_T_UNMAP,
		.domain = htole32(domain),
		.virt_start = htole64(iova),
		.virt_end = htole64(last),
	};

	return make(VIRTIO_IOMMU_T_UNMAP, &unmap, offsetof(struct virtio_iommu_req_unmap, tail));
}

struct request make_probe(uint32_t endpoint)
{
	const struct virtio_iommu_req_probe probe = {
		.head.type = VIRTIO_IOMMU_T_PROBE,
		.endpoint = htole32(endpoint),
	};

	return make(VIRTIO_IOMMU_T_PROBE, &probe, sizeof(probe));
}

uint32_t request_domain(const struct request *unmap)
{
	struct virtio_iommu_req_unmap bytes = { 0 };

	memcpy(&bytes, unmap->word, unmap->length);
	return le32toh(bytes.domain);
}

bool request_join_unmap(struct request *earlier, const struct request *later)
{
	struct virtio_iommu_req_unmap first = { 0 }, second = { 0 };

	if (earlier->type != VIRTIO_IOMMU_T_UNMAP || later->type != VIRTIO_IOMMU_T_UNMAP)
		return false;
	memcpy(&first, earlier->word, earlier->length);
	memcpy(&second, later->word, later->length);
	if (first.domain != second.domain)
		return false;
	/* A sum that wraps to 0 touches nothing: page 0 may be the other's. */
	if (second.virt_start != 0 && le64toh(first.virt_end) + 1 == le64toh(second.virt_start))
		first.virt_end = second.virt_end;
	else if (first.virt_start != 0 && le64toh(second.virt_end) + 1 == le64toh(first.virt_start))
		first.virt_start = second.virt_start;
	else
		return false;
	memcpy(earlier->word, &first, earlier->length);
	return true;
}

/* --- answers --- */

struct status_row {
	int code;
	const char *words;
};

static const struct status_row statuses[] = {
	[VIRTIO_IOMMU_S_OK] = { 0, "OK" },
	[VIRTIO_IOMMU_S_IOERR] = { -EIO, "IOERR: the request did not reach the device whole" },
	[VIRTIO_IOMMU_S_UNSUPP] = { -EOPNOTSUPP, "UNSUPP: the device does not do this" },
	[VIRTIO_IOMMU_S_DEVERR] = { -EIO, "DEVERR: an error inside the device" },
	[VIRTIO_IOMMU_S_INVAL] = { -EINVAL, "INVAL: the device finds the request wrong" },
	[VIRTIO_IOMMU_S_RANGE] = { -ERANGE, "RANGE: the device cannot express the range" },
	[VIRTIO_IOMMU_S_NOENT] = { -ENOENT, "NOENT: the device knows no such endpoint or domain" },
	[VIRTIO_IOMMU_S_FAULT] = { -EFAULT, "FAULT: the device cannot reach that memory" },
	[VIRTIO_IOMMU_S_NOMEM] = { -ENOMEM, "NOMEM: the device is out of memory" },
};

bool status_is_known(uint8_t status)
{
	return status < ARRAY_COUNT(statuses);
}

const char *status_words(uint8_t status)
{
	return status_is_known(status) ? statuses[status].words : "a status that no specification names";
}

int status_errno(uint8_t status)
{
	return status_is_known(status) ? statuses[status].code : -EPROTO;
}

/* --- properties of an endpoint --- */

static int region_refused(uint64_t start, uint64_t end, struct error *err)
{
	return error_set(err, -EPROTO, "a reserved region from 0x%" PRIx64 " to 0x%" PRIx64
			 " is none", start, end);
}

/* 1: a region was stored in *ret, 0: the property is of another kind. */
static int region_parse(const uint8_t *at, uint32_t length, struct drv_reserved *ret,
			struct error *err)
{
	struct virtio_iommu_probe_resv_mem region;
	uint64_t start, end;

	if (length < sizeof(region) - sizeof(region.head))
		return error_set(err, -EPROTO, "a RESV_MEM property of %" PRIu32 " bytes is too short",
				 length);
	memcpy(&region, at, sizeof(region));
	start = le64toh(region.start);
	end = le64toh(region.end);
	if (end < start || (start == 0 && end == UINT64_MAX))
		return region_refused(start, end, err);
	*ret = (struct drv_reserved){
		.iova = start,
		.length = end - start + 1,
		/* A kind we do not know is to be taken as "reserved". */
		.kind = region.subtype == VIRTIO_IOMMU_RESV_MEM_T_MSI ? DRV_RESERVED_INTERRUPT :
									DRV_RESERVED_UNUSABLE,
	};
	return 1;
}

int properties_parse(const uint8_t *properties, uint32_t size, struct drv_reserved *list,
		     uint32_t max, struct error *err)
{
	struct virtio_iommu_probe_property head;
	struct drv_reserved region;
	uint32_t at = 0, length;
	uint32_t count = 0;
	int ret;

	while (size - at >= sizeof(head)) {
		memcpy(&head, properties + at, sizeof(head));
		/* The four bits above the type are reserved: such a property is skipped. */
		if (le16toh(head.type) == VIRTIO_IOMMU_PROBE_T_NONE)
			break;
		length = le16toh(head.length);
		if (length > size - at - sizeof(head))
			return error_set(err, -EPROTO, "property %" PRIu32
					 " runs past the end of the answer", at);
		ret = 0;
		if (le16toh(head.type) == VIRTIO_IOMMU_PROBE_T_RESV_MEM)
			ret = region_parse(properties + at, length, &region, err);
		if (ret < 0)
			return ret;
		if (ret && count < max)
			list[count] = region;
		count += (uint32_t)ret;
		at += (uint32_t)sizeof(head) + length;
	}
	return (int)count;
}
