// SPDX-License-Identifier: BSD-2-Clause
/* Virtio over memory-mapped registers, version 2 (virtio 4.2). */
#include <errno.h>
#include <inttypes.h>
#include <linux/virtio_mmio.h>

#include "bits.h"
#include "transport.h"

#define MMIO_MAGIC 0x74726976u /* "virt" */
#define MMIO_VERSION 2u
#define MMIO_BYTES (VIRTIO_MMIO_CONFIG + sizeof(struct virtio_iommu_config))

static uint64_t read_features(const struct transport *transport)
{
	uint64_t low;

	hw_write32(&transport->own, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	low = hw_read32(&transport->own, VIRTIO_MMIO_DEVICE_FEATURES);
	hw_write32(&transport->own, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	return low | (uint64_t)hw_read32(&transport->own, VIRTIO_MMIO_DEVICE_FEATURES) << 32;
}

static void accept_features(const struct transport *transport, uint64_t features)
{
	hw_write32(&transport->own, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	hw_write32(&transport->own, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)features);
	hw_write32(&transport->own, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	hw_write32(&transport->own, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32));
}

/* The register is for writing alone. */
static uint64_t accepted_features(const struct transport *transport)
{
	(void)transport;
	return 0;
}

static uint8_t read_status(const struct transport *transport)
{
	uint32_t status = hw_read32(&transport->own, VIRTIO_MMIO_STATUS);

	return status == UINT32_MAX ? TRANSPORT_GONE : (uint8_t)status;
}

static void write_status(const struct transport *transport, uint8_t status)
{
	hw_write32(&transport->own, VIRTIO_MMIO_STATUS, status);
}

static uint32_t read_generation(const struct transport *transport)
{
	return hw_read32(&transport->own, VIRTIO_MMIO_CONFIG_GENERATION);
}

static uint32_t read_config(const struct transport *transport, uint32_t offset, unsigned size)
{
	return size == 1 ? hw_read8(&transport->own, VIRTIO_MMIO_CONFIG + offset) :
			   hw_read32(&transport->own, VIRTIO_MMIO_CONFIG + offset);
}

static void write_config8(const struct transport *transport, uint32_t offset, uint8_t value)
{
	hw_write8(&transport->own, VIRTIO_MMIO_CONFIG + offset, value);
}

static uint32_t queue_max(const struct transport *transport, enum transport_queue queue)
{
	hw_write32(&transport->own, VIRTIO_MMIO_QUEUE_SEL, queue);
	return hw_read32(&transport->own, VIRTIO_MMIO_QUEUE_NUM_MAX);
}

static void write_pa(const struct transport *transport, uint32_t low, uint32_t high, pa_t pa)
{
	hw_write32(&transport->own, low, (uint32_t)pa.v);
	hw_write32(&transport->own, high, (uint32_t)(pa.v >> 32));
}

static int queue_start(struct transport *transport, enum transport_queue queue,
		       const struct transport_place *place, struct error *err)
{
	hw_write32(&transport->own, VIRTIO_MMIO_QUEUE_SEL, queue);
	if (hw_read32(&transport->own, VIRTIO_MMIO_QUEUE_READY) != 0)
		return error_set(err, -EIO, "queue %d is in use right after a reset", (int)queue);
	hw_write32(&transport->own, VIRTIO_MMIO_QUEUE_NUM, place->size);
	write_pa(transport, VIRTIO_MMIO_QUEUE_DESC_LOW, VIRTIO_MMIO_QUEUE_DESC_HIGH, place->desc);
	write_pa(transport, VIRTIO_MMIO_QUEUE_AVAIL_LOW, VIRTIO_MMIO_QUEUE_AVAIL_HIGH, place->avail);
	write_pa(transport, VIRTIO_MMIO_QUEUE_USED_LOW, VIRTIO_MMIO_QUEUE_USED_HIGH, place->used);
	hw_write32(&transport->own, VIRTIO_MMIO_QUEUE_READY, 1);
	if (hw_read32(&transport->own, VIRTIO_MMIO_QUEUE_READY) != 1)
		return error_set(err, -EIO, "the device does not take queue %d", (int)queue);
	return 0;
}

/* Addresses of queues are for writing alone, too. */
static bool queue_place(const struct transport *transport, enum transport_queue queue,
			struct transport_place *ret_place)
{
	(void)transport;
	(void)queue;
	(void)ret_place;
	return false;
}

static void notify(const struct transport *transport, enum transport_queue queue)
{
	hw_write32(&transport->own, VIRTIO_MMIO_QUEUE_NOTIFY, queue);
}

static void enable(const struct transport *transport)
{
	(void)transport; /* always is */
}

static const struct transport_ops mmio_ops = {
	.status_name = "Status of virtio-mmio",
	.features = read_features,
	.accept = accept_features,
	.accepted = accepted_features,
	.status = read_status,
	.set_status = write_status,
	.generation = read_generation,
	.config = read_config,
	.set_config8 = write_config8,
	.queue_max = queue_max,
	.queue_start = queue_start,
	.queue_place = queue_place,
	.notify = notify,
	.enable = enable,
};

int virtio_mmio_open(struct transport *transport, struct hw *hw, const struct drv_found *found,
		     struct error *err)
{
	struct hw_regs regs = { hw, found->base, found->size };
	uint32_t magic, version, id;

	if (found->size < MMIO_BYTES)
		return error_set(err, -EINVAL, "%s: a register window of 0x%" PRIx64
				 " bytes; a virtio-iommu has at least 0x%zx", found->name, found->size,
				 MMIO_BYTES);
	magic = hw_read32(&regs, VIRTIO_MMIO_MAGIC_VALUE);
	if (magic != MMIO_MAGIC)
		return error_set(err, -ENODEV, "%s: no virtio device at 0x%" PRIx64
				 ": MagicValue reads 0x%" PRIx32, found->name, found->base, magic);
	version = hw_read32(&regs, VIRTIO_MMIO_VERSION);
	if (version != MMIO_VERSION)
		return error_set(err, -EOPNOTSUPP, "%s: Version reads %" PRIu32
				 ": only virtio-mmio version %u is spoken (version 1 is the legacy one)",
				 found->name, version, MMIO_VERSION);
	id = hw_read32(&regs, VIRTIO_MMIO_DEVICE_ID);
	if (id != TRANSPORT_ID_IOMMU)
		return error_set(err, -ENODEV, "%s: the virtio device at 0x%" PRIx64 " is of type %" PRIu32
				 ", an IOMMU is of type %u", found->name, found->base, id,
				 TRANSPORT_ID_IOMMU);
	*transport = (struct transport){ .ops = &mmio_ops, .hw = hw, .own = regs };
	return 0;
}
