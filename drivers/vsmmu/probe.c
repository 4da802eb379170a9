// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the device says it can do (virtio 5.13.3, 5.13.4), and a sentence for
 * everything this module cannot work with. Writes nothing but the selectors of
 * what it reads.
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arith.h"
#include "bits.h"
#include "modules.h"
#include "vsmmu.h"
#include "vspace.h"

/* Of the numbers a device offers for domains, at most so many are used. */
#define DOMAINS_MAX 65536u
#define PROBE_BYTES_MAX 65536u
/* 1 << input_bits must be a number. */
#define INPUT_BITS_MAX 63u

#define NEEDED (BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_IOMMU_F_MAP_UNMAP))
/*
 * Not among them: VIRTIO_IOMMU_F_BYPASS, which would open every unattached
 * endpoint; and the rings' options, which need a driver for each.
 */
#define WELCOME (BIT(VIRTIO_F_ACCESS_PLATFORM) | BIT(VIRTIO_IOMMU_F_INPUT_RANGE) | \
		 BIT(VIRTIO_IOMMU_F_DOMAIN_RANGE) | BIT(VIRTIO_IOMMU_F_PROBE) | \
		 BIT(VIRTIO_IOMMU_F_BYPASS_CONFIG) | BIT(VIRTIO_IOMMU_F_MMIO))

static const char pci_compatible[] = "virtio,pci-iommu";
static const char mmio_compatible[] = "virtio,mmio-iommu";

bool vsmmu_match(const struct drv_found *found)
{
	return found->compatible && (!strcmp(found->compatible, pci_compatible) ||
				     !strcmp(found->compatible, mmio_compatible));
}

static int transport_open(struct transport *transport, struct hw *hw, const struct drv_found *found,
			  struct error *err)
{
	if (!strcmp(found->compatible, pci_compatible))
		return virtio_pci_open(transport, hw, found, err);
	return virtio_mmio_open(transport, hw, found, err);
}

static int refuse(const char *name, const char *what, struct error *err)
{
	return error_set(err, -EOPNOTSUPP, "%s: %s", name, what);
}

static int check_features(uint64_t offered, const char *name, struct error *err)
{
	if (offered == UINT64_MAX)
		return error_set(err, -ENODEV, "%s: the device's features read all ones: the device is gone",
				 name);
	if (!(offered & BIT(VIRTIO_F_VERSION_1)))
		return refuse(name, "the device offers no VIRTIO_F_VERSION_1: legacy virtio is not spoken", err);
	if (!(offered & BIT(VIRTIO_IOMMU_F_MAP_UNMAP)))
		return refuse(name, "the device offers no VIRTIO_IOMMU_F_MAP_UNMAP: nothing could be mapped", err);
	/* Only the former kind of bypass: open until a driver has refused it, and again after a reset. */
	if ((offered & BIT(VIRTIO_IOMMU_F_BYPASS)) &&
	    !(offered & BIT(VIRTIO_IOMMU_F_BYPASS_CONFIG)))
		return refuse(name, "the device offers VIRTIO_IOMMU_F_BYPASS without BYPASS_CONFIG: bypass "
			      "cannot be switched off for good, and endpoints that nobody knows "
			      "would be open", err);
	return 0;
}

static int check_pages(uint64_t mask, const char *name, struct error *err)
{
	/* The lowest bit is the granularity; larger sizes are hints. */
	if (mask == 0)
		return refuse(name, "page_size_mask is 0: the device has no page size at all", err);
	if ((mask & -mask) > PAGE_BYTES)
		return error_set(err, -EOPNOTSUPP, "%s: page_size_mask 0x%" PRIx64
				 " has no 4 KiB pages: its granularity is %" PRIu64 " bytes", name, mask,
				 mask & -mask);
	return 0;
}

static int read_input(const struct virtio_iommu_config *config, struct vsmmu_features *features,
		      const char *name, struct error *err)
{
	uint64_t start = le64toh(config->input_range.start), end = le64toh(config->input_range.end);

	if (!(features->accepted & BIT(VIRTIO_IOMMU_F_INPUT_RANGE))) {
		start = 0;
		end = UINT64_MAX;
	}
	/* In whole pages, never rounded outwards. */
	features->first = align_up(start, PAGE_BYTES);
	features->last = align_down(end + 1, PAGE_BYTES) - 1;
	if (start > end || features->first < start || features->first > features->last ||
	    end < PAGE_BYTES - 1)
		return error_set(err, -EPROTO, "%s: input_range 0x%" PRIx64 " to 0x%" PRIx64
				 " holds no page", name, start, end);
	if (features->last >= BIT(INPUT_BITS_MAX))
		features->last = BIT(INPUT_BITS_MAX) - 1;
	if (features->first > features->last)
		return error_set(err, -EOPNOTSUPP, "%s: input_range begins at 0x%" PRIx64
				 ", beyond %u bits", name, start, INPUT_BITS_MAX);
	return 0;
}

static int read_domains(const struct virtio_iommu_config *config, struct vsmmu_features *features,
			const char *name, struct error *err)
{
	uint32_t start = le32toh(config->domain_range.start), end = le32toh(config->domain_range.end);

	if (!(features->accepted & BIT(VIRTIO_IOMMU_F_DOMAIN_RANGE))) {
		start = 0;
		end = UINT32_MAX;
	}
	if (start >= end)
		return error_set(err, -EPROTO, "%s: domain_range %" PRIu32 " to %" PRIu32
				 " is %s: two domains are the least, one of them stays empty", name,
				 start, end, start > end ? "empty" : "a single domain");
	features->domain_first = start;
	features->domain_count = (uint32_t)min_u64(end - start, DOMAINS_MAX);
	features->domain_shut = end;
	return 0;
}

static int read_probing(const struct virtio_iommu_config *config, struct vsmmu_features *features,
			const char *name, struct error *err)
{
	uint32_t bytes = le32toh(config->probe_size);

	features->probe_bytes = 0;
	if (!(features->accepted & BIT(VIRTIO_IOMMU_F_PROBE)))
		return 0;
	if (bytes < sizeof(struct virtio_iommu_probe_property) || bytes > PROBE_BYTES_MAX)
		return error_set(err, -EPROTO, "%s: the device offers PROBE with a probe_size of %" PRIu32
				 " bytes; 4 to %u can be true", name, bytes, PROBE_BYTES_MAX);
	features->probe_bytes = bytes;
	return 0;
}

static int check_bypass(const struct virtio_iommu_config *config,
			const struct vsmmu_features *features, const char *name, struct error *err)
{
	if (!features->has_bypass || (config->bypass & 1) == config->bypass)
		return 0;
	return error_set(err, -EPROTO, "%s: bypass reads 0x%02x; 0 and 1 are what it may be", name,
			 config->bypass);
}

/* log2 of the descriptors to use of those there are. */
static int read_queue(const struct transport *transport, enum transport_queue queue,
		      unsigned wanted, uint32_t least, unsigned *ret_log2, const char *name,
		      struct error *err)
{
	uint32_t max = transport->ops->queue_max(transport, queue);

	if (max == 0)
		return error_set(err, -EPROTO, "%s: the device has no %s queue: its size is 0", name,
				 queue == TRANSPORT_REQUESTS ? "request" : "event");
	if (max > 32768 || max < least || (max & (max - 1)))
		return error_set(err, -EPROTO, "%s: the %s queue has %" PRIu32
				 " descriptors; a power of two from %" PRIu32 " to 32768 is expected",
				 name, queue == TRANSPORT_REQUESTS ? "request" : "event", max, least);
	*ret_log2 = (unsigned)min_u64(log2_floor(max), RING_LOG2_MAX);
	if (wanted)
		*ret_log2 = (unsigned)max_u64(min_u64(*ret_log2, wanted), log2_floor(least));
	return 0;
}

static int read_queues(const struct transport *transport, const struct drv_options *options,
		       struct vsmmu_features *features, const char *name, struct error *err)
{
	int ret = read_queue(transport, TRANSPORT_REQUESTS, options->command_log2, 2,
			     &features->request_log2, name, err);

	return ret ? ret : read_queue(transport, TRANSPORT_EVENTS, options->event_log2, 1,
				      &features->event_log2, name, err);
}

static int read_features(const struct transport *transport, const struct drv_options *options,
			 struct vsmmu_features *features, const char *name, struct error *err)
{
	uint64_t offered = transport->ops->features(transport);
	struct virtio_iommu_config config;
	int ret;

	ret = check_features(offered, name, err);
	if (ret)
		return ret;
	ret = transport_read_config(transport, &config, err);
	if (ret)
		return error_prefix(err, "%s", name);
	features->accepted = offered & (NEEDED | WELCOME);
	features->has_mmio = offered & BIT(VIRTIO_IOMMU_F_MMIO);
	features->has_bypass = offered & BIT(VIRTIO_IOMMU_F_BYPASS_CONFIG);
	ret = check_pages(le64toh(config.page_size_mask), name, err);
	if (!ret)
		ret = read_input(&config, features, name, err);
	if (!ret)
		ret = read_domains(&config, features, name, err);
	if (!ret)
		ret = read_probing(&config, features, name, err);
	if (!ret)
		ret = check_bypass(&config, features, name, err);
	return ret ? ret : read_queues(transport, options, features, name, err);
}

/* A policy's words for tables that this unit does not have. */
static int check_options(const struct drv_options *options, const char *name, struct error *err)
{
	if (options->stage == DRV_STAGE_ANY && options->table == DRV_TABLE_ANY &&
	    options->mode == DRV_MODE_ANY)
		return 0;
	return refuse(name, "a stage, table or mode is asked for; a virtio-iommu has no tables of ours", err);
}

static void fill_caps(const struct vsmmu_features *features, const struct drv_found *found,
		      struct drv_caps *caps)
{
	bool is_pci = !strcmp(found->compatible, pci_compatible);

	*caps = (struct drv_caps){
		.input_bits = log2_floor(features->last + 1),
		.output_bits = found->address_bits ? found->address_bits : 64,
		.stream_count = UINT32_MAX, /* any 32-bit number may be an endpoint */
		.write_only = true,
		.exec_control = false,
		/* unsafe_interrupts: PROBE tells, at take-over. */
	};
	snprintf(caps->words, sizeof(caps->words), "virtio-iommu over %s, %u-bit, %u requests%s",
		 is_pci ? "PCI" : "mmio", caps->input_bits, (1u << features->request_log2) / 2,
		 features->probe_bytes ? ", reserved regions by PROBE" : "");
}

/* NULL when there is no memory. */
static struct vsmmu *unit_make(struct hw *hw, const struct drv_found *found,
			       const struct transport *transport,
			       const struct vsmmu_features *features)
{
	struct vsmmu *vsmmu = calloc(1, sizeof(*vsmmu));

	if (!vsmmu)
		return NULL;
	vsmmu->features = *features;
	vsmmu->transport = *transport;
	vsmmu->properties = calloc(1, features->probe_bytes + 1u);
	if (!vsmmu->properties || vspace_domains_init(vsmmu)) {
		free(vsmmu->properties);
		free(vsmmu);
		return NULL;
	}
	vsmmu->base.module = &vsmmu_module;
	vsmmu->base.ops = vsmmu_module.ops;
	vsmmu->base.hw = hw;
	snprintf(vsmmu->base.name, sizeof(vsmmu->base.name), "%s", found->name);
	vsmmu->base.wait_register = "the used index of the request queue";
	vsmmu->base.found_enabled = transport_status(transport) & VIRTIO_CONFIG_S_DRIVER_OK;
	vsmmu->reqq.newest = -1;
	list_init(&vsmmu->spaces);
	list_init(&vsmmu->limbo);
	return vsmmu;
}

int vsmmu_probe(struct hw *hw, const struct drv_found *found, const struct drv_options *options,
		struct drv_unit **ret_unit, struct error *err)
{
	struct vsmmu_features features = { 0 };
	struct transport transport;
	struct vsmmu *vsmmu;
	int ret;

	ret = check_options(options, found->name, err);
	if (!ret)
		ret = transport_open(&transport, hw, found, err);
	if (!ret)
		ret = read_features(&transport, options, &features, found->name, err);
	if (ret)
		return ret;
	vsmmu = unit_make(hw, found, &transport, &features);
	if (!vsmmu)
		return error_set(err, -ENOMEM, "%s: out of memory", found->name);
	fill_caps(&features, found, &vsmmu->base.caps);
	*ret_unit = &vsmmu->base;
	return 0;
}
