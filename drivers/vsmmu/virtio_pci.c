// SPDX-License-Identifier: BSD-2-Clause
/*
 * Virtio over PCI, the modern form (virtio 4.1): capabilities in configuration
 * space say where in the function's BARs the registers lie. Nothing of it is
 * believed before it was checked; BARs are read as firmware placed them.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <linux/pci_regs.h>
#define VIRTIO_PCI_NO_LEGACY
#include <linux/virtio_pci.h>

#include "arith.h"
#include "bits.h"
#include "transport.h"

#define CONFIG_BYTES 256u
#define VENDOR_VIRTIO 0x1af4u
#define DEVICE_VIRTIO 0x1040u /* and the virtio device type */
#define CAPABILITIES_FROM 0x40u
#define CAPABILITIES_MAX 48u
#define BAR_COUNT 6u
#define COMMON_BYTES 56u /* up to queue_device */

static uint64_t read_selected(const struct transport *transport, uint32_t select, uint32_t value)
{
	uint64_t low;

	hw_write32(&transport->common, select, 0);
	low = hw_read32(&transport->common, value);
	hw_write32(&transport->common, select, 1);
	return low | (uint64_t)hw_read32(&transport->common, value) << 32;
}

static uint64_t read_features(const struct transport *transport)
{
	return read_selected(transport, VIRTIO_PCI_COMMON_DFSELECT, VIRTIO_PCI_COMMON_DF);
}

static uint64_t accepted_features(const struct transport *transport)
{
	return read_selected(transport, VIRTIO_PCI_COMMON_GFSELECT, VIRTIO_PCI_COMMON_GF);
}

static void accept_features(const struct transport *transport, uint64_t features)
{
	hw_write32(&transport->common, VIRTIO_PCI_COMMON_GFSELECT, 0);
	hw_write32(&transport->common, VIRTIO_PCI_COMMON_GF, (uint32_t)features);
	hw_write32(&transport->common, VIRTIO_PCI_COMMON_GFSELECT, 1);
	hw_write32(&transport->common, VIRTIO_PCI_COMMON_GF, (uint32_t)(features >> 32));
}

static uint8_t read_status(const struct transport *transport)
{
	return hw_read8(&transport->common, VIRTIO_PCI_COMMON_STATUS);
}

static void write_status(const struct transport *transport, uint8_t status)
{
	hw_write8(&transport->common, VIRTIO_PCI_COMMON_STATUS, status);
}

static uint32_t read_generation(const struct transport *transport)
{
	return hw_read8(&transport->common, VIRTIO_PCI_COMMON_CFGGENERATION);
}

static uint32_t read_config(const struct transport *transport, uint32_t offset, unsigned size)
{
	return size == 1 ? hw_read8(&transport->device, offset) :
			   hw_read32(&transport->device, offset);
}

static void write_config8(const struct transport *transport, uint32_t offset, uint8_t value)
{
	hw_write8(&transport->device, offset, value);
}

static uint32_t queue_max(const struct transport *transport, enum transport_queue queue)
{
	if (hw_read16(&transport->common, VIRTIO_PCI_COMMON_NUMQ) <= queue)
		return 0;
	hw_write16(&transport->common, VIRTIO_PCI_COMMON_Q_SELECT, (uint16_t)queue);
	return hw_read16(&transport->common, VIRTIO_PCI_COMMON_Q_SIZE);
}

static void write_pa(const struct transport *transport, uint32_t low, pa_t pa)
{
	hw_write32(&transport->common, low, (uint32_t)pa.v);
	hw_write32(&transport->common, low + 4, (uint32_t)(pa.v >> 32));
}

static pa_t read_pa(const struct transport *transport, uint32_t low)
{
	uint64_t half = hw_read32(&transport->common, low);

	return PA(half | (uint64_t)hw_read32(&transport->common, low + 4) << 32);
}

/* Where to write that there is something in the queue. */
static int notify_find(struct transport *transport, enum transport_queue queue, struct error *err)
{
	uint64_t at = (uint64_t)hw_read16(&transport->common, VIRTIO_PCI_COMMON_Q_NOFF) *
		      transport->notify_multiplier;

	if (!range_within(at, 2, 0, transport->notify.size) || !is_aligned(at, 2))
		return error_set(err, -EPROTO, "queue_notify_off puts the notifications of queue %d at 0x%"
				 PRIx64 ", outside the capability's 0x%" PRIx64 " bytes", (int)queue,
				 at, transport->notify.size);
	transport->notify_at[queue] = (uint32_t)at;
	return 0;
}

static int queue_start(struct transport *transport, enum transport_queue queue,
		       const struct transport_place *place, struct error *err)
{
	const struct hw_regs *common = &transport->common;
	int ret;

	hw_write16(common, VIRTIO_PCI_COMMON_Q_SELECT, (uint16_t)queue);
	if (hw_read16(common, VIRTIO_PCI_COMMON_Q_ENABLE) != 0)
		return error_set(err, -EIO, "queue %d is in use right after a reset", (int)queue);
	ret = notify_find(transport, queue, err);
	if (ret)
		return ret;
	hw_write16(common, VIRTIO_PCI_COMMON_Q_SIZE, (uint16_t)place->size);
	hw_write16(common, VIRTIO_PCI_COMMON_Q_MSIX, VIRTIO_MSI_NO_VECTOR);
	write_pa(transport, VIRTIO_PCI_COMMON_Q_DESCLO, place->desc);
	write_pa(transport, VIRTIO_PCI_COMMON_Q_AVAILLO, place->avail);
	write_pa(transport, VIRTIO_PCI_COMMON_Q_USEDLO, place->used);
	if (hw_read16(common, VIRTIO_PCI_COMMON_Q_SIZE) != place->size)
		return error_set(err, -EIO, "the device does not take queue %d with %" PRIu32
				 " descriptors", (int)queue, place->size);
	hw_write16(common, VIRTIO_PCI_COMMON_Q_ENABLE, 1);
	if (hw_read16(common, VIRTIO_PCI_COMMON_Q_ENABLE) != 1)
		return error_set(err, -EIO, "the device does not take queue %d", (int)queue);
	return 0;
}

static bool queue_place(const struct transport *transport, enum transport_queue queue,
			struct transport_place *ret_place)
{
	hw_write16(&transport->common, VIRTIO_PCI_COMMON_Q_SELECT, (uint16_t)queue);
	if (hw_read16(&transport->common, VIRTIO_PCI_COMMON_Q_ENABLE) != 1)
		return false;
	*ret_place = (struct transport_place){
		.size = hw_read16(&transport->common, VIRTIO_PCI_COMMON_Q_SIZE),
		.desc = read_pa(transport, VIRTIO_PCI_COMMON_Q_DESCLO),
		.avail = read_pa(transport, VIRTIO_PCI_COMMON_Q_AVAILLO),
		.used = read_pa(transport, VIRTIO_PCI_COMMON_Q_USEDLO),
	};
	return true;
}

static void notify(const struct transport *transport, enum transport_queue queue)
{
	hw_write16(&transport->notify, transport->notify_at[queue], (uint16_t)queue);
}

/* The function's own bus mastering: without it the device cannot read its queues. */
static void enable(const struct transport *transport)
{
	uint16_t command = hw_read16(&transport->own, PCI_COMMAND);
	uint16_t wanted = command | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
			  PCI_COMMAND_INTX_DISABLE;

	if (command != wanted)
		hw_write16(&transport->own, PCI_COMMAND, wanted);
}

static const struct transport_ops pci_ops = {
	.status_name = "device_status of virtio-pci",
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

/* --- finding the registers --- */

/* The base of a memory BAR as firmware placed it; 0: none, not placed, or for ports. */
static uint64_t bar_base(const struct hw_regs *config, unsigned bar)
{
	uint32_t low = hw_read32(config, PCI_BASE_ADDRESS_0 + 4 * bar);
	uint64_t base = low & ~UINT64_C(0xf);

	if (low & PCI_BASE_ADDRESS_SPACE_IO)
		return 0;
	if ((low & PCI_BASE_ADDRESS_MEM_TYPE_MASK) != PCI_BASE_ADDRESS_MEM_TYPE_64)
		return base & UINT32_MAX;
	if (bar + 1 >= BAR_COUNT)
		return 0;
	return (base & UINT32_MAX) |
	       (uint64_t)hw_read32(config, PCI_BASE_ADDRESS_0 + 4 * (bar + 1)) << 32;
}

/* The window a capability describes; size 0 when it describes none. */
static struct hw_regs window_of(const struct hw_regs *config, uint32_t at, uint32_t alignment)
{
	struct hw_regs window = { config->hw, 0, 0 };
	unsigned bar = hw_read8(config, at + VIRTIO_PCI_CAP_BAR);
	uint64_t offset = hw_read32(config, at + VIRTIO_PCI_CAP_OFFSET);
	uint64_t length = hw_read32(config, at + VIRTIO_PCI_CAP_LENGTH);
	uint64_t base = bar < BAR_COUNT ? bar_base(config, bar) : 0;

	/* A BAR at the top of the address space must not wrap. */
	if (base == 0 || length == 0 || range_is_bad(base, offset + length) ||
	    !is_aligned(base + offset, alignment))
		return window;
	window.base = base + offset;
	window.size = length;
	return window;
}

/* The first usable capability of a kind is the one to use. */
static void take_window(struct hw_regs *window, const struct hw_regs *config, uint32_t at,
			uint32_t alignment)
{
	if (window->size == 0)
		*window = window_of(config, at, alignment);
}

static void take_capability(struct transport *transport, uint32_t at)
{
	const struct hw_regs *config = &transport->own;
	uint8_t length = hw_read8(config, at + VIRTIO_PCI_CAP_LEN);

	if (length < sizeof(struct virtio_pci_cap) || at + length > CONFIG_BYTES)
		return;
	switch (hw_read8(config, at + VIRTIO_PCI_CAP_CFG_TYPE)) {
	case VIRTIO_PCI_CAP_COMMON_CFG:
		take_window(&transport->common, config, at, 4);
		break;
	case VIRTIO_PCI_CAP_DEVICE_CFG:
		take_window(&transport->device, config, at, 4);
		break;
	case VIRTIO_PCI_CAP_NOTIFY_CFG:
		if (length < sizeof(struct virtio_pci_notify_cap) || transport->notify.size != 0)
			break;
		take_window(&transport->notify, config, at, 2);
		transport->notify_multiplier = hw_read32(config, at + VIRTIO_PCI_NOTIFY_CAP_MULT);
		break;
	default:
		break;
	}
}

static int walk_capabilities(struct transport *transport, const char *name, struct error *err)
{
	const struct hw_regs *config = &transport->own;
	uint32_t at = 0;
	unsigned count;

	if (hw_read16(config, PCI_STATUS) & PCI_STATUS_CAP_LIST)
		at = hw_read8(config, PCI_CAPABILITY_LIST) & ~3u;
	for (count = 0; at != 0; count++) {
		if (count == CAPABILITIES_MAX || at < CAPABILITIES_FROM)
			return error_set(err, -EPROTO,
					 "%s: the list of PCI capabilities runs in a circle or leaves its place (at 0x%"
					 PRIx32 ")", name, at);
		if (hw_read8(config, at) == PCI_CAP_ID_VNDR)
			take_capability(transport, at);
		at = hw_read8(config, at + PCI_CAP_LIST_NEXT) & ~3u;
	}
	return 0;
}

static int check_windows(const struct transport *transport, const char *name, struct error *err)
{
	const char *missing = NULL;

	if (transport->common.size < COMMON_BYTES)
		missing = "COMMON_CFG";
	else if (transport->notify.size < 2)
		missing = "NOTIFY_CFG";
	else if (transport->device.size < sizeof(struct virtio_iommu_config))
		missing = "DEVICE_CFG";
	if (!missing)
		return 0;
	return error_set(err, -EPROTO, "%s: no PCI capability gives %s a usable place: each needs a memory "
			 "BAR that firmware has placed, and its full length", name, missing);
}

static int check_identity(const struct hw_regs *config, const struct drv_found *found,
			  struct error *err)
{
	uint16_t vendor = hw_read16(config, PCI_VENDOR_ID);
	uint16_t device = hw_read16(config, PCI_DEVICE_ID);

	if (vendor == UINT16_MAX)
		return error_set(err, -ENODEV, "%s: no PCI function answers at 0x%" PRIx64, found->name,
				 found->config);
	if (vendor != VENDOR_VIRTIO || device != DEVICE_VIRTIO + TRANSPORT_ID_IOMMU)
		return error_set(err, -ENODEV, "%s: the PCI function is %04x:%04x, a virtio-iommu is %04x:%04x",
				 found->name, vendor, device, VENDOR_VIRTIO,
				 DEVICE_VIRTIO + TRANSPORT_ID_IOMMU);
	if (!(hw_read16(config, PCI_COMMAND) & PCI_COMMAND_MEMORY))
		return error_set(err, -ENXIO, "%s: memory decoding of the PCI function is off: no firmware has "
				 "placed its registers", found->name);
	return 0;
}

int virtio_pci_open(struct transport *transport, struct hw *hw, const struct drv_found *found,
		    struct error *err)
{
	int ret;

	*transport = (struct transport){ .ops = &pci_ops, .hw = hw,
					 .own = { hw, found->config, CONFIG_BYTES } };
	if (found->config == 0)
		return error_set(err, -EINVAL, "%s: nothing says where its PCI configuration space is",
				 found->name);
	ret = check_identity(&transport->own, found, err);
	if (!ret)
		ret = walk_capabilities(transport, found->name, err);
	return ret ? ret : check_windows(transport, found->name, err);
}
