// SPDX-License-Identifier: BSD-2-Clause
/* What both transports have in common (virtio 2.1, 2.5, 3.1.1). */
#include "transport.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "bits.h"

/* A configuration that changes this often under a reader is never read. */
#define GENERATIONS_MAX 16u

static int gone(const struct transport *transport, struct error *err)
{
	return error_set(err, -ENODEV, "%s reads all ones: the device is gone",
			 transport_status_name(transport));
}

int transport_reset(const struct transport *transport, struct error *err)
{
	uint64_t start = hw_now_ns(transport->hw);
	bool is_last_look = false;
	uint8_t status;

	transport->ops->set_status(transport, 0);
	for (;;) {
		status = transport_status(transport);
		if (status == 0)
			return 0;
		if (status == TRANSPORT_GONE)
			return gone(transport, err);
		if (is_last_look)
			return error_set(err, -ETIMEDOUT, "%s stayed 0x%02x after 0 was written to it, "
					 "for %" PRIu64 " us", transport_status_name(transport),
					 status, TRANSPORT_ACK_NS / 1000);
		is_last_look = hw_now_ns(transport->hw) - start >= TRANSPORT_ACK_NS;
	}
}

int transport_negotiate(const struct transport *transport, uint64_t features, struct error *err)
{
	uint8_t status;

	transport_add_status(transport, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	transport_add_status(transport, VIRTIO_CONFIG_S_DRIVER);
	transport->ops->accept(transport, features);
	transport_add_status(transport, VIRTIO_CONFIG_S_FEATURES_OK);
	status = transport_status(transport);
	if (status == TRANSPORT_GONE)
		return gone(transport, err);
	if (status & VIRTIO_CONFIG_S_FEATURES_OK)
		return 0;
	return error_set(err, -EOPNOTSUPP, "the device does not take features 0x%" PRIx64
			 " of the 0x%" PRIx64 " that it offers", features,
			 transport->ops->features(transport));
}

static void config_copy(const struct transport *transport, struct virtio_iommu_config *ret_config)
{
	uint32_t offset, value;
	uint8_t bytes[sizeof(*ret_config)];

	/* The last four bytes are single ones: bypass and what is reserved. */
	for (offset = 0; offset < offsetof(struct virtio_iommu_config, bypass); offset += 4) {
		value = htole32(transport->ops->config(transport, offset, 4));
		memcpy(&bytes[offset], &value, sizeof(value));
	}
	memset(&bytes[offset], 0, sizeof(bytes) - offset);
	bytes[offset] = (uint8_t)transport->ops->config(transport, offset, 1);
	memcpy(ret_config, bytes, sizeof(bytes));
}

int transport_read_config(const struct transport *transport, struct virtio_iommu_config *ret_config,
			  struct error *err)
{
	uint32_t before = transport->ops->generation(transport), after;
	unsigned i;

	for (i = 0; i < GENERATIONS_MAX; i++) {
		config_copy(transport, ret_config);
		after = transport->ops->generation(transport);
		if (after == before)
			return 0;
		before = after;
	}
	return error_set(err, -EAGAIN, "the device's configuration changed %u times while it was read",
			 GENERATIONS_MAX);
}
