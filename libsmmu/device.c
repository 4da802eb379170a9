// SPDX-License-Identifier: BSD-2-Clause
/* A device's registers: mapped on hardware, asked for on a virtual board. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "arith.h"
#include "board.h"
#include "client.h"
#include "types.h"

struct bar {
	uint64_t size; /* 0: none */
	int fd;	       /* a board window, or -1 */
	void *mapped;  /* else its registers */
};

struct smmu_device {
	struct list node;
	struct smmu *context;
	pthread_mutex_t lock; /* a board window takes one request at a time */
	uint32_t handle;
	struct bar bars[SMMU_BARS];
};

/* --- open and close ----------------------------------------------------------------- */

static void device_free(struct smmu_device *device)
{
	unsigned i;

	list_remove(&device->node);
	for (i = 0; i < SMMU_BARS; i++) {
		if (device->bars[i].mapped)
			munmap(device->bars[i].mapped, device->bars[i].size);
		if (device->bars[i].fd >= 0)
			close(device->bars[i].fd);
	}
	pthread_mutex_destroy(&device->lock);
	free(device);
}

void device_free_all(struct smmu *context)
{
	while (!list_is_empty(&context->devices))
		device_free(list_entry(context->devices.next, struct smmu_device, node));
}

static struct smmu_device *device_create(struct smmu *context, uint32_t handle)
{
	struct smmu_device *device = calloc(1, sizeof(*device));
	unsigned i;

	if (!device)
		return NULL;
	list_init(&device->node);
	device->context = context;
	device->handle = handle;
	pthread_mutex_init(&device->lock, NULL);
	for (i = 0; i < SMMU_BARS; i++)
		device->bars[i].fd = -1;
	return device;
}

int device_set_timeouts(struct smmu *context)
{
	struct list *pos;
	unsigned i;
	int rc = 0;

	list_for_each(pos, &context->devices) {
		const struct smmu_device *device = list_entry(pos, struct smmu_device, node);

		for (i = 0; i < SMMU_BARS && !rc; i++)
			if (device->bars[i].fd >= 0)
				rc = client_set_timeout(device->bars[i].fd, context->timeout_ms);
	}
	return rc;
}

/* Takes fd over, whatever comes of it. */
static int bar_open(struct smmu *context, struct bar *bar, uint64_t size, uint32_t kind, int fd)
{
	void *mapped;
	int rc;

	if (kind == WIRE_BAR_WINDOW) {
		bar->fd = fd;
		bar->size = size;
		rc = client_set_timeout(fd, context->timeout_ms);
		return rc ? client_fail(context, rc, "a register window is no socket") : 0;
	}
	mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (mapped == MAP_FAILED)
		return client_fail(context, -errno, "a register window cannot be mapped: %s",
				   smmu_strerror(errno));
	bar->mapped = mapped;
	bar->size = size;
	return 0;
}

/* The reply's windows into the device; every descriptor is taken over. */
static int take_bars(struct smmu *context, struct smmu_device *device, struct exchange *x)
{
	struct wire_bars bars = *(const struct wire_bars *)x->reply;
	int rc = 0;
	uint32_t i;

	if (bars.count > 0 && bars.kind != WIRE_BAR_MAP && bars.kind != WIRE_BAR_WINDOW)
		rc = client_end(context, -EPROTO, "register windows of an unknown kind");
	for (i = 0; i < bars.count; i++) {
		uint32_t index = bars.bars[i].index;

		if (!rc && (index >= SMMU_BARS || device->bars[index].size > 0 ||
			    bars.bars[i].size == 0 || bars.bars[i].size > SIZE_MAX))
			rc = client_end(context, -EPROTO, "register windows that make no sense");
		if (rc)
			close(x->fds[i]);
		else
			rc = bar_open(context, &device->bars[index], bars.bars[i].size, bars.kind,
				      x->fds[i]);
	}
	return rc;
}

/* Two holders of one board window would read each other's answers. */
static bool is_open(const struct smmu *context, uint32_t handle)
{
	const struct list *pos;

	list_for_each(pos, &context->devices)
		if (list_entry(pos, struct smmu_device, node)->handle == handle)
			return true;
	return false;
}

int smmu_device_open(struct smmu *context, uint32_t device, struct smmu_device **ret_device)
{
	struct wire_handle ask = { device, 0 };
	struct exchange x = { .id = WIRE_DEVICE_OPEN, .request = &ask, .fd = -1 };
	struct smmu_device *made;
	int rc = client_lock(context);

	*ret_device = NULL;
	if (rc)
		return rc;
	if (is_open(context, device))
		return client_unlock(context, client_fail(context, -EBUSY,
							  "the device is open already; close that "
							  "with smmu_device_close() first"));
	made = device_create(context, device);
	if (!made)
		return client_unlock(context, client_fail(context, -ENOMEM, "out of memory"));
	rc = client_exchange(context, &x);
	if (!rc)
		rc = take_bars(context, made, &x);
	if (rc) {
		device_free(made);
		return client_unlock(context, rc);
	}
	list_add_tail(&context->devices, &made->node);
	*ret_device = made;
	return client_unlock(context, 0);
}

void smmu_device_close(struct smmu_device *device)
{
	struct smmu *context;

	if (!device)
		return;
	context = device->context;
	/* Not client_lock(): a context that is over still owns the device. */
	if (client_is_ours(context))
		pthread_mutex_lock(&context->lock);
	device_free(device);
	if (client_is_ours(context))
		pthread_mutex_unlock(&context->lock);
}

uint64_t smmu_bar_size(const struct smmu_device *device, unsigned bar)
{
	return bar < SMMU_BARS ? device->bars[bar].size : 0;
}

/* --- registers ---------------------------------------------------------------------- */

static int window_failed(ssize_t length)
{
	if (length < 0 && errno == EAGAIN)
		return -ETIMEDOUT;
	return -ENODEV; /* cut, or not speaking board.h */
}

/* One access on a board window; *value both ways. Under the device's lock. */
static int window_access(int fd, uint32_t op, uint32_t size, uint64_t offset, uint64_t *value)
{
	struct board_request ask = { .op = op, .size = size, .address = offset,
				     .value = op == BOARD_WRITE ? *value : 0 };
	struct board_reply reply;
	ssize_t length;

	do
		length = send(fd, &ask, sizeof(ask), MSG_NOSIGNAL);
	while (length < 0 && errno == EINTR);
	if (length != (ssize_t)sizeof(ask))
		return window_failed(length);
	do
		length = recv(fd, &reply, sizeof(reply), MSG_TRUNC);
	while (length < 0 && errno == EINTR);
	if (length != (ssize_t)sizeof(reply) || reply.status > 0)
		return window_failed(length);
	*value = reply.value;
	return reply.status;
}

/* Orders memory against registers: buffers are written before the doorbell. */
static void mapped_barrier(void)
{
#ifdef __aarch64__
	__asm__ volatile("dmb osh" ::: "memory");
#else
	__sync_synchronize();
#endif
}

static void mapped_read(const volatile void *at, uint32_t size, uint64_t *value)
{
	switch (size) {
	case 1:
		*value = *(const volatile uint8_t *)at;
		break;
	case 2:
		*value = *(const volatile uint16_t *)at;
		break;
	case 4:
		*value = *(const volatile uint32_t *)at;
		break;
	default:
		*value = *(const volatile uint64_t *)at;
	}
	mapped_barrier();
}

static void mapped_write(volatile void *at, uint32_t size, uint64_t value)
{
	mapped_barrier();
	switch (size) {
	case 1:
		*(volatile uint8_t *)at = (uint8_t)value;
		break;
	case 2:
		*(volatile uint16_t *)at = (uint16_t)value;
		break;
	case 4:
		*(volatile uint32_t *)at = (uint32_t)value;
		break;
	default:
		*(volatile uint64_t *)at = value;
	}
}

/* A window that broke in mid-access answers the wrong request next: cut it. */
static int window_locked(struct smmu_device *device, struct bar *bar, uint32_t op, uint32_t size,
			 uint64_t offset, uint64_t *value)
{
	int rc;

	pthread_mutex_lock(&device->lock);
	rc = window_access(bar->fd, op, size, offset, value);
	if (rc == -ETIMEDOUT || rc == -ENODEV)
		shutdown(bar->fd, SHUT_RDWR);
	pthread_mutex_unlock(&device->lock);
	return rc;
}

static int reg_access(struct smmu_device *device, unsigned number, uint32_t op, uint32_t size,
		      uint64_t offset, uint64_t *value)
{
	struct bar *bar;

	if (!device || number >= SMMU_BARS || device->bars[number].size == 0)
		return -ENXIO;
	bar = &device->bars[number];
	if (!is_aligned(offset, size))
		return -EINVAL;
	if (!range_within(offset, size, 0, bar->size))
		return -ERANGE;
	if (!client_is_ours(device->context))
		return -ENOTCONN;
	if (!bar->mapped)
		return window_locked(device, bar, op, size, offset, value);
	if (op == BOARD_READ)
		mapped_read((char *)bar->mapped + offset, size, value);
	else
		mapped_write((char *)bar->mapped + offset, size, *value);
	return 0;
}

#define REG_CALLS(bits) \
	int smmu_reg_read##bits(struct smmu_device *device, unsigned bar, uint64_t offset, \
				uint##bits##_t *ret_value) \
	{ \
		uint64_t value = 0; \
		int rc = reg_access(device, bar, BOARD_READ, (bits) / 8, offset, &value); \
 \
		if (!rc) \
			*ret_value = (uint##bits##_t)value; \
		return rc; \
	} \
	int smmu_reg_write##bits(struct smmu_device *device, unsigned bar, uint64_t offset, \
				 uint##bits##_t value) \
	{ \
		uint64_t wide = value; \
 \
		return reg_access(device, bar, BOARD_WRITE, (bits) / 8, offset, &wide); \
	}

REG_CALLS(8)
REG_CALLS(16)
REG_CALLS(32)
REG_CALLS(64)

/* --- configuration space ------------------------------------------------------------ */

int smmu_config_read(struct smmu_device *device, unsigned offset, unsigned size,
		     uint32_t *ret_value)
{
	struct wire_config ask = { .offset = offset, .size = size };
	struct wire_value reply;
	int rc;

	if (!device)
		return -EINVAL;
	ask.device = device->handle;
	rc = client_call(device->context, WIRE_CONFIG_READ, &ask, &reply);
	if (!rc)
		*ret_value = (uint32_t)reply.value;
	return rc;
}

int smmu_config_write(struct smmu_device *device, unsigned offset, unsigned size, uint32_t value)
{
	struct wire_config ask = { .offset = offset, .size = size, .value = value };

	if (!device)
		return -EINVAL;
	ask.device = device->handle;
	return client_call(device->context, WIRE_CONFIG_WRITE, &ask, NULL);
}
