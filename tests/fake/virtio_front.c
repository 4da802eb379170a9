// SPDX-License-Identifier: BSD-2-Clause
/* The two fronts of the device: virtio-pci and virtio-mmio. */
#include "virtio_front.h"

#include <string.h>

enum { DRIVER_OK = 4, FEATURES_OK = 8 };

/* --- what both do --- */

static void reset(struct virtio_fake *fake)
{
	unsigned i;

	if (fake->mute & FAKE_MUTE_RESET)
		return;
	fake->status = 0;
	fake->accepted = 0;
	for (i = 0; i < 2; i++)
		fake->queues[i] = (struct virtio_fake_queue){ .max = fake->queues[i].max };
	if (!(fake->mute & FAKE_KEEP_DOMAINS))
		virtio_fake_reset_domains(fake);
	if (fake->mute & FAKE_FORGET_BYPASS)
		fake->config[FAKE_BYPASS] = fake->boot_bypass;
}

static void write_status(struct virtio_fake *fake, uint8_t status)
{
	if (status == 0) {
		reset(fake);
		return;
	}
	if ((fake->mute & FAKE_MUTE_FEATURES) || (fake->accepted & ~fake->offered))
		status &= (uint8_t)~FEATURES_OK;
	fake->status = status;
}

static void accept(struct virtio_fake *fake, uint32_t value)
{
	unsigned shift = 32 * (fake->accept_select & 1);

	if (fake->status & FEATURES_OK)
		return;
	fake->accepted = (fake->accepted & ~(UINT64_C(0xffffffff) << shift)) |
			 (uint64_t)value << shift;
}

static uint32_t half(uint64_t features, uint32_t select)
{
	return select > 1 ? 0 : (uint32_t)(features >> (32 * select));
}

/* A write that the specification forbids breaks the device, as QEMU's. */
static void write_bypass(struct virtio_fake *fake, uint8_t value)
{
	if (fake->mute & FAKE_MUTE_BYPASS)
		return;
	if (!(fake->status & FEATURES_OK) || !(fake->accepted & FAKE_F_BYPASS_CONFIG) || value > 1) {
		fake->status |= 0x40;
		return;
	}
	fake->config[FAKE_BYPASS] = value;
}

static uint64_t read_config(struct virtio_fake *fake, uint32_t offset, unsigned size)
{
	uint64_t value = 0;

	if (offset + size <= sizeof(fake->config))
		memcpy(&value, &fake->config[offset], size);
	if (fake->mute & FAKE_RESTLESS)
		fake->generation++;
	return value;
}

static struct virtio_fake_queue *selected(struct virtio_fake *fake)
{
	static struct virtio_fake_queue none;

	none = (struct virtio_fake_queue){ 0 };
	return fake->queue_select < fake->queue_count ? &fake->queues[fake->queue_select] : &none;
}

static void enable_queue(struct virtio_fake *fake, bool is_enabled)
{
	if (fake->mute & FAKE_MUTE_QUEUE)
		return;
	selected(fake)->is_enabled = is_enabled;
	selected(fake)->taken = selected(fake)->answered = 0;
}

static void kick(struct virtio_fake *fake, uint32_t queue)
{
	if (!(fake->status & DRIVER_OK))
		return;
	if (queue == 0)
		fake->kicks++;
	if (queue == 0 && !fake->is_stopped)
		virtio_fake_serve(fake, UINT64_MAX);
}

static void put_half(uint64_t *address, bool is_high, uint64_t value)
{
	*address = is_high ? (*address & UINT32_MAX) | value << 32 :
			     (*address & ~(uint64_t)UINT32_MAX) | (value & UINT32_MAX);
}

static uint32_t get_half(uint64_t address, bool is_high)
{
	return (uint32_t)(is_high ? address >> 32 : address);
}

/* --- virtio-pci --- */

static uint64_t common_read(struct virtio_fake *fake, uint32_t offset)
{
	const struct virtio_fake_queue *queue = selected(fake);

	switch (offset) {
	case 0x00: return fake->feature_select;
	case 0x04: return half(fake->offered, fake->feature_select);
	case 0x08: return fake->accept_select;
	case 0x0c: return half(fake->accepted, fake->accept_select);
	case 0x10: return 0xffff;
	case 0x12: return fake->queue_count;
	case 0x14: return fake->status;
	case 0x15: return fake->generation & 0xff;
	case 0x16: return fake->queue_select;
	case 0x18: return queue->size ? queue->size : queue->max;
	case 0x1a: return 0xffff;
	case 0x1c: return queue->is_enabled;
	case 0x1e: return fake->notify_off + fake->queue_select;
	case 0x20: case 0x24: return get_half(queue->desc, offset == 0x24);
	case 0x28: case 0x2c: return get_half(queue->avail, offset == 0x2c);
	case 0x30: case 0x34: return get_half(queue->used, offset == 0x34);
	default: return 0;
	}
}

static void common_write(struct virtio_fake *fake, uint32_t offset, uint64_t value)
{
	struct virtio_fake_queue *queue = selected(fake);

	switch (offset) {
	case 0x00: fake->feature_select = (uint32_t)value; break;
	case 0x08: fake->accept_select = (uint32_t)value; break;
	case 0x0c: accept(fake, (uint32_t)value); break;
	case 0x14: write_status(fake, (uint8_t)value); break;
	case 0x16: fake->queue_select = (uint32_t)value; break;
	case 0x18: queue->size = (uint32_t)value; break;
	case 0x1c: enable_queue(fake, value & 1); break;
	case 0x20: case 0x24: put_half(&queue->desc, offset == 0x24, value); break;
	case 0x28: case 0x2c: put_half(&queue->avail, offset == 0x2c, value); break;
	case 0x30: case 0x34: put_half(&queue->used, offset == 0x34, value); break;
	default: break;
	}
}

static uint64_t pci_read(struct virtio_fake *fake, uint64_t address, unsigned size)
{
	uint64_t value = 0;

	if (address >= VIRTIO_FAKE_CONFIG) {
		if (address - VIRTIO_FAKE_CONFIG + size <= sizeof(fake->pci))
			memcpy(&value, &fake->pci[address - VIRTIO_FAKE_CONFIG], size);
		return value;
	}
	/* With memory decoding off nobody answers. */
	if (!(fake->pci[4] & 2))
		return UINT64_MAX;
	address -= VIRTIO_FAKE_BAR;
	if (address >= VIRTIO_FAKE_DEVICE && address < VIRTIO_FAKE_NOTIFY)
		return read_config(fake, (uint32_t)(address - VIRTIO_FAKE_DEVICE), size);
	return address < 0x1000 ? common_read(fake, (uint32_t)address) : 0;
}

static void pci_write(struct virtio_fake *fake, uint64_t address, unsigned size, uint64_t value)
{
	if (address >= VIRTIO_FAKE_CONFIG) {
		if (address - VIRTIO_FAKE_CONFIG == 4)
			memcpy(&fake->pci[4], &value, size);
		return;
	}
	address -= VIRTIO_FAKE_BAR;
	if (address < 0x1000)
		common_write(fake, (uint32_t)address, value);
	else if (address == VIRTIO_FAKE_DEVICE + FAKE_BYPASS)
		write_bypass(fake, (uint8_t)value);
	/* Without bus mastering it could not read its queues. */
	else if (address >= VIRTIO_FAKE_NOTIFY && (fake->pci[4] & 4))
		kick(fake, (uint32_t)value);
}

/* --- virtio-mmio --- */

static uint64_t mmio_read(struct virtio_fake *fake, uint32_t offset, unsigned size)
{
	if (offset >= 0x100)
		return read_config(fake, offset - 0x100, size);
	switch (offset) {
	case 0x00: case 0x04: case 0x08: return fake->mmio_id[offset / 4];
	case 0x10: return half(fake->offered, fake->feature_select);
	case 0x34: return selected(fake)->max;
	case 0x44: return selected(fake)->is_enabled;
	case 0x70: return fake->status;
	case 0xfc: return fake->generation;
	default: return 0;
	}
}

static void mmio_write(struct virtio_fake *fake, uint32_t offset, uint64_t value)
{
	struct virtio_fake_queue *queue = selected(fake);

	switch (offset) {
	case 0x14: fake->feature_select = (uint32_t)value; break;
	case 0x20: accept(fake, (uint32_t)value); break;
	case 0x24: fake->accept_select = (uint32_t)value; break;
	case 0x30: fake->queue_select = (uint32_t)value; break;
	case 0x38: queue->size = (uint32_t)value; break;
	case 0x44: enable_queue(fake, value & 1); break;
	case 0x50: kick(fake, (uint32_t)value); break;
	case 0x70: write_status(fake, (uint8_t)value); break;
	case 0x80: case 0x84: put_half(&queue->desc, offset == 0x84, value); break;
	case 0x90: case 0x94: put_half(&queue->avail, offset == 0x94, value); break;
	case 0xa0: case 0xa4: put_half(&queue->used, offset == 0xa4, value); break;
	case 0x100 + FAKE_BYPASS: write_bypass(fake, (uint8_t)value); break;
	default: break;
	}
}

/* --- struct hw --- */

static struct virtio_fake *fake_of(struct hw *hw)
{
	return (struct virtio_fake *)(void *)hw;
}

static uint64_t front_read(struct hw *hw, uint64_t address, unsigned size)
{
	struct virtio_fake *fake = fake_of(hw);
	uint64_t mask = ~UINT64_C(0) >> (64 - 8 * size);

	fake->reads++;
	if (fake->is_gone)
		return mask;
	if (fake->is_pci)
		return pci_read(fake, address, size) & mask;
	return mmio_read(fake, (uint32_t)(address - VIRTIO_FAKE_MMIO), size) & mask;
}

static void front_write(struct hw *hw, uint64_t address, unsigned size, uint64_t value)
{
	struct virtio_fake *fake = fake_of(hw);

	fake->writes++;
	if (fake->is_gone)
		return;
	if (fake->is_pci)
		pci_write(fake, address, size, value);
	else
		mmio_write(fake, (uint32_t)(address - VIRTIO_FAKE_MMIO), value);
	if (fake->after_step)
		fake->after_step(fake->context, fake);
}

static uint64_t front_now_ns(struct hw *hw)
{
	struct virtio_fake *fake = fake_of(hw);

	fake->clock_ns += fake->tick_ns;
	if (fake->slow_ns && fake->clock_ns >= fake->slow_at + fake->slow_ns) {
		fake->slow_at = fake->clock_ns;
		virtio_fake_serve(fake, 1);
	}
	return fake->clock_ns;
}

const struct hw_ops virtio_front_ops = {
	.read = front_read,
	.write = front_write,
	.now_ns = front_now_ns,
};

/* A vendor capability of virtio: where in BAR 4 something lies. */
static void capability(struct virtio_fake *fake, unsigned at, unsigned next, uint8_t type,
		       uint32_t offset, uint32_t length)
{
	const uint8_t head[5] = { 0x09, (uint8_t)next, type == 2 ? 20 : 16, type, 4 };

	memcpy(&fake->pci[at], head, sizeof(head));
	memcpy(&fake->pci[at + 8], &offset, 4);
	memcpy(&fake->pci[at + 12], &length, 4);
}

void virtio_front_init(struct virtio_fake *fake)
{
	const uint32_t id = 0x10571af4, bar = (uint32_t)VIRTIO_FAKE_BAR | 0xc, multiplier = 4;

	fake->mmio_id[0] = 0x74726976;
	fake->mmio_id[1] = 2;
	fake->mmio_id[2] = 23;
	memcpy(&fake->pci[0], &id, 4);
	fake->pci[4] = 2;    /* memory decoding */
	fake->pci[6] = 0x10; /* capabilities */
	memcpy(&fake->pci[0x20], &bar, 4);
	fake->pci[0x34] = 0x98;
	fake->pci[0x98] = 0x11; /* MSI-X, none of virtio's */
	fake->pci[0x99] = 0x40;
	capability(fake, 0x40, 0x50, 3, 0x1000, 0x1000);
	capability(fake, 0x50, 0x60, 4, VIRTIO_FAKE_DEVICE, 0x1000);
	capability(fake, 0x60, 0x74, 2, VIRTIO_FAKE_NOTIFY, 0x1000);
	memcpy(&fake->pci[0x70], &multiplier, 4);
	capability(fake, 0x74, 0, 1, VIRTIO_FAKE_COMMON, 0x1000);
}
