/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a virtio device is reached (virtio 4): its status, its features, its
 * configuration and its queues, over PCI (virtio_pci.c) or memory-mapped
 * registers (virtio_mmio.c). Only the modern form (VERSION_1) is spoken.
 */
#ifndef SMMUMAN_DRIVERS_VSMMU_TRANSPORT_H
#define SMMUMAN_DRIVERS_VSMMU_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/virtio_config.h>
#include <linux/virtio_iommu.h>

#include "driver.h"

#define TRANSPORT_ID_IOMMU 23u /* virtio's device type */
#define TRANSPORT_GONE 0xffu   /* a status that no device has */
#define TRANSPORT_ACK_NS UINT64_C(100000000)

enum transport_queue { TRANSPORT_REQUESTS, TRANSPORT_EVENTS, TRANSPORT_QUEUES };

/* Where a queue's three areas are. */
struct transport_place {
	uint32_t size;
	pa_t desc, avail, used;
};

struct transport {
	const struct transport_ops *ops;
	struct hw *hw;
	struct hw_regs own; /* PCI configuration space, or all registers of virtio-mmio */
	/* PCI: what the capabilities point to. */
	struct hw_regs common, notify, device;
	uint32_t notify_multiplier;
	uint32_t notify_at[TRANSPORT_QUEUES]; /* offsets in notify */
};

struct transport_ops {
	const char *status_name; /* of the status register, for messages */
	uint64_t (*features)(const struct transport *transport);
	void (*accept)(const struct transport *transport, uint64_t features);
	/* What a driver accepted before; 0 where the register cannot be read. */
	uint64_t (*accepted)(const struct transport *transport);
	uint8_t (*status)(const struct transport *transport);
	void (*set_status)(const struct transport *transport, uint8_t status);
	uint32_t (*generation)(const struct transport *transport);
	/* Offsets into the device's configuration; bytes of it where size is 1. */
	uint32_t (*config)(const struct transport *transport, uint32_t offset, unsigned size);
	void (*set_config8)(const struct transport *transport, uint32_t offset, uint8_t value);
	/* The most descriptors, 0: there is no such queue. After a reset only. */
	uint32_t (*queue_max)(const struct transport *transport, enum transport_queue queue);
	/* The device may use the queue once the status says DRIVER_OK. */
	int (*queue_start)(struct transport *transport, enum transport_queue queue,
			   const struct transport_place *place, struct error *err);
	/* Where it was put. False where the registers cannot be read, or it is off. */
	bool (*queue_place)(const struct transport *transport, enum transport_queue queue,
			    struct transport_place *ret_place);
	void (*notify)(const struct transport *transport, enum transport_queue queue);
	/* Registers answer and the device may use memory. */
	void (*enable)(const struct transport *transport);
};

/* Finds the device's registers. Writes none but selectors of what to read. */
int virtio_pci_open(struct transport *transport, struct hw *hw, const struct drv_found *found,
		    struct error *err);
int virtio_mmio_open(struct transport *transport, struct hw *hw, const struct drv_found *found,
		     struct error *err);

/* Status 0, and the device says so within TRANSPORT_ACK_NS. -ETIMEDOUT, -ENODEV. */
int transport_reset(const struct transport *transport, struct error *err);

/*
 * From a reset device up to FEATURES_OK. -ENODEV, or -EOPNOTSUPP when it takes not
 * exactly these features.
 */
int transport_negotiate(const struct transport *transport, uint64_t features, struct error *err);

/* A copy of one generation. -EAGAIN when it never holds still, -ENODEV. */
int transport_read_config(const struct transport *transport, struct virtio_iommu_config *ret_config,
			  struct error *err);

static inline uint8_t transport_status(const struct transport *transport)
{
	return transport->ops->status(transport);
}

static inline const char *transport_status_name(const struct transport *transport)
{
	return transport->ops->status_name;
}

static inline void transport_add_status(const struct transport *transport, uint8_t bits)
{
	transport->ops->set_status(transport, transport_status(transport) | bits);
}

static inline void transport_notify(const struct transport *transport, enum transport_queue queue)
{
	transport->ops->notify(transport, queue);
}

#endif
