// SPDX-License-Identifier: BSD-2-Clause
#include "vtd_fake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef HW_RECORD
#include "record.h"
#define STORES_SO_FAR() record_count()
#else
#define STORES_SO_FAR() 0
#endif

#define ACTION_BITS (VTD_FAKE_SRTP | VTD_FAKE_WBF | 0x20000000u | 0x01000000u)
#define QUEUE_ERRORS (VTD_FAKE_IQE | VTD_FAKE_ICE | VTD_FAKE_ITE)
#define FAULT_BIT UINT64_C(0x8000000000000000)

static struct vtd_fake *fake_of(struct hw *hw)
{
	return (struct vtd_fake *)(void *)hw;
}

uint64_t vtd_fake_get(const struct vtd_fake *fake, uint32_t offset, unsigned size)
{
	uint32_t half;
	uint64_t whole;

	if (size == 4) {
		memcpy(&half, &fake->regs[offset], 4);
		return half;
	}
	memcpy(&whole, &fake->regs[offset], 8);
	return whole;
}

void vtd_fake_set(struct vtd_fake *fake, uint32_t offset, unsigned size, uint64_t value)
{
	memcpy(&fake->regs[offset], &value, size); /* little-endian hosts only, as x86 and arm64 */
}

static uint32_t reg(const struct vtd_fake *fake, uint32_t offset)
{
	return (uint32_t)vtd_fake_get(fake, offset, 4);
}

void *vtd_fake_memory(const struct vtd_fake *fake, uint64_t pa, uint64_t length)
{
	if (pa < VTD_FAKE_PA || pa - VTD_FAKE_PA > fake->bytes ||
	    length > fake->bytes - (pa - VTD_FAKE_PA))
		return NULL;
	return fake->memory + (pa - VTD_FAKE_PA);
}

struct vtd_oracle_view vtd_fake_view(const struct vtd_fake *fake)
{
	return (struct vtd_oracle_view){
		.memory = fake->memory,
		.memory_pa = VTD_FAKE_PA,
		.memory_bytes = fake->bytes,
		.cap = vtd_fake_get(fake, VTD_FAKE_CAP_REG, 8),
		.ecap = vtd_fake_get(fake, VTD_FAKE_ECAP_REG, 8),
		.rtaddr = fake->root,
		.gsts = reg(fake, VTD_FAKE_GSTS),
	};
}

static void *grow(void *items, uint64_t count, uint64_t *room, size_t item)
{
	if (count < *room)
		return items;
	*room = *room ? *room * 2 : 256;
	items = realloc(items, *room * item);
	if (!items)
		abort();
	return items;
}

static void log_access(struct vtd_fake *fake, bool is_write, uint32_t offset, unsigned size,
		       uint64_t value)
{
	fake->accesses = grow(fake->accesses, fake->access_count, &fake->access_room,
			      sizeof(*fake->accesses));
	fake->accesses[fake->access_count++] = (struct vtd_fake_access){
		.is_write = is_write,
		.size = (uint8_t)size,
		.offset = offset,
		.value = value,
		.stores = STORES_SO_FAR(),
	};
}

/* --- invalidation --- */

static void desc_happened(struct vtd_fake *fake, const uint64_t *desc)
{
	fake->descs++;
	fake->by_type[desc[0] & 15]++;
	fake->waits += (desc[0] & 15) == VTD_FAKE_WAIT;
	if (fake->on_desc)
		fake->on_desc(fake->context, desc);
	if (!fake->is_logging)
		return;
	fake->log = grow(fake->log, fake->log_count, &fake->log_room, sizeof(*fake->log));
	fake->log[fake->log_count++] =
		(struct vtd_fake_desc){ { desc[0], desc[1] }, STORES_SO_FAR() };
}

/* What a unit of these capabilities takes; reserved bits are 0. */
static bool is_known(const struct vtd_fake *fake, const uint64_t *desc, bool is_wide)
{
	uint64_t cap = vtd_fake_get(fake, VTD_FAKE_CAP_REG, 8);
	bool is_scalable = vtd_fake_get(fake, VTD_FAKE_ECAP_REG, 8) >> 43 & 1;
	uint64_t granularity = desc[0] >> 4 & 3;
	uint64_t mask = desc[1] & 63;
	bool is_aligned = (desc[1] & ((UINT64_C(0x1000) << mask) - 1) & ~UINT64_C(0xfff)) == 0;

	if (is_wide && (desc[2] || desc[3]))
		return false;
	switch (desc[0] & 15) {
	case VTD_FAKE_CONTEXT:
		return granularity != 0 && desc[1] == 0 && !(desc[0] & 0xfffc00000000ffc0);
	case VTD_FAKE_IOTLB_INV:
		if (granularity != 3)
			return granularity != 0 && desc[1] == 0;
		return (cap >> 39 & 1) && mask <= (cap >> 48 & 63) && is_aligned &&
		       !(desc[1] & 0xf80);
	case VTD_FAKE_WAIT:
		return (desc[0] & 0x20) && !(desc[1] & 3) && !(desc[0] & 0xffffff00);
	case VTD_FAKE_PIOTLB:
		return is_scalable && is_wide && granularity >= 2 && !(desc[0] & 0xfff000000000f1c0) &&
		       (granularity == 2 ? desc[1] == 0 :
					   mask <= (cap >> 48 & 63) && is_aligned);
	case VTD_FAKE_PASID:
		return is_scalable && granularity != 2 && desc[1] == 0;
	default:
		return false;
	}
}

static bool is_injected(struct vtd_fake *fake)
{
	if (fake->error_at == 0 || fake->descs + 1 < fake->error_at)
		return false;
	if (!fake->error_stays)
		fake->error_at = 0;
	return true;
}

static void raise_status(struct vtd_fake *fake, uint32_t bits)
{
	vtd_fake_set(fake, VTD_FAKE_FSTS, 4, reg(fake, VTD_FAKE_FSTS) | bits);
}

static void write_status(struct vtd_fake *fake, const uint64_t *desc)
{
	uint32_t data = (uint32_t)(desc[0] >> 32);
	void *where = vtd_fake_memory(fake, desc[1] & ~UINT64_C(3), 4);

	if (where && !fake->loses_status)
		memcpy(where, &data, 4);
}

/* True when the descriptor was passed. A timeout loses a wait, but passes it. */
static bool queue_step(struct vtd_fake *fake, const uint64_t *desc, bool is_wide)
{
	uint32_t error = is_injected(fake) ? fake->error_bits : 0;

	if (!desc || !is_known(fake, desc, is_wide))
		error = VTD_FAKE_IQE;
	if (error)
		raise_status(fake, error);
	if (error & VTD_FAKE_IQE)
		return false;
	desc_happened(fake, desc);
	fake->last_was_wait = (desc[0] & 15) == VTD_FAKE_WAIT;
	if (fake->last_was_wait && !error)
		write_status(fake, desc);
	return true;
}

static uint64_t consume_queue(struct vtd_fake *fake, uint64_t count)
{
	uint64_t base = vtd_fake_get(fake, VTD_FAKE_IQA, 8);
	bool is_wide = base >> 11 & 1;
	uint64_t stride = is_wide ? 32 : 16, size = UINT64_C(4096) << (base & 7);
	uint64_t head = vtd_fake_get(fake, VTD_FAKE_IQH, 8), tail = vtd_fake_get(fake, VTD_FAKE_IQT, 8);
	uint64_t taken = 0;

	for (; head != tail && taken < count && !(reg(fake, VTD_FAKE_FSTS) & QUEUE_ERRORS); taken++) {
		if (!queue_step(fake, vtd_fake_memory(fake, (base & ~UINT64_C(0xfff)) + head, stride),
				is_wide))
			break;
		head = (head + stride) % size;
		vtd_fake_set(fake, VTD_FAKE_IQH, 8, head);
	}
	return taken;
}

/* The same request as a descriptor, so that logs read alike. */
static bool consume_register(struct vtd_fake *fake, uint32_t offset, bool is_context)
{
	uint64_t value = vtd_fake_get(fake, offset, 8);
	uint64_t desc[2] = { 0 };
	unsigned asked = is_context ? 61 : 60, done = is_context ? 59 : 57;

	if (!(value >> 63))
		return false;
	if (is_context)
		desc[0] = VTD_FAKE_CONTEXT | (value >> 61 & 3) << 4 | (value & 0xffff) << 16 |
			  (value >> 16 & 0xffff) << 32;
	else
		desc[0] = VTD_FAKE_IOTLB_INV | (value >> 60 & 3) << 4 | (value >> 48 & 1) << 6 |
			  (value >> 49 & 1) << 7 | (value >> 32 & 0xffff) << 16;
	if (!is_context && (value >> 60 & 3) == 3)
		desc[1] = vtd_fake_get(fake, VTD_FAKE_IVA, 8);
	value &= ~(UINT64_C(1) << 63 | UINT64_C(3) << done);
	if (!fake->refuses && is_known(fake, desc, false)) {
		value |= (value >> asked & 3) << done;
		desc_happened(fake, desc);
	}
	vtd_fake_set(fake, offset, 8, value);
	return true;
}

uint64_t vtd_fake_consume(struct vtd_fake *fake, uint64_t count)
{
	if (reg(fake, VTD_FAKE_GSTS) & VTD_FAKE_QIE)
		return consume_queue(fake, count);
	return count == 0 ? 0 : consume_register(fake, VTD_FAKE_CCMD, true) +
					consume_register(fake, VTD_FAKE_IOTLB, false);
}

/* --- the register front --- */

/* The queue goes off only when it is empty and ended with a wait. */
static bool can_stop_queue(const struct vtd_fake *fake)
{
	return vtd_fake_get(fake, VTD_FAKE_IQH, 8) == vtd_fake_get(fake, VTD_FAKE_IQT, 8) &&
	       fake->last_was_wait;
}

static void command(struct vtd_fake *fake, uint32_t value)
{
	uint32_t before = reg(fake, VTD_FAKE_GSTS), status;

	status = (before & fake->mute) | (value & ~ACTION_BITS & ~fake->mute);
	if (!(value & VTD_FAKE_SRTP) || !(fake->mute & VTD_FAKE_SRTP))
		status |= (before | value) & VTD_FAKE_SRTP;
	else
		status &= ~VTD_FAKE_SRTP;
	if (value & ~fake->mute & VTD_FAKE_SRTP)
		fake->root = vtd_fake_get(fake, VTD_FAKE_RTADDR, 8);
	if (value & VTD_FAKE_WBF & fake->mute)
		status |= VTD_FAKE_WBF;
	if ((before & ~status & VTD_FAKE_QIE) && !can_stop_queue(fake))
		status |= VTD_FAKE_QIE;
	if ((before ^ status) & VTD_FAKE_QIE) {
		vtd_fake_set(fake, VTD_FAKE_IQH, 8, 0);
		fake->last_was_wait = false;
	}
	vtd_fake_set(fake, VTD_FAKE_GSTS, 4, status);
}

static unsigned fault_records(const struct vtd_fake *fake)
{
	return 1 + (vtd_fake_get(fake, VTD_FAKE_CAP_REG, 8) >> 40 & 0xff);
}

static uint32_t fault_offset(const struct vtd_fake *fake)
{
	return (uint32_t)(vtd_fake_get(fake, VTD_FAKE_CAP_REG, 8) >> 24 & 0x3ff) * 16;
}

static void update_pending(struct vtd_fake *fake)
{
	uint32_t status = reg(fake, VTD_FAKE_FSTS) & ~VTD_FAKE_PPF;
	unsigned i;

	for (i = 0; i < fault_records(fake); i++)
		if (vtd_fake_get(fake, fault_offset(fake) + 16 * i + 8, 8) & FAULT_BIT)
			status |= VTD_FAKE_PPF;
	vtd_fake_set(fake, VTD_FAKE_FSTS, 4, status);
}

/* Ones clear the errors and the overflow, nothing else. */
static void status_write(struct vtd_fake *fake, uint32_t value)
{
	vtd_fake_set(fake, VTD_FAKE_FSTS, 4,
		     reg(fake, VTD_FAKE_FSTS) & ~(value & (QUEUE_ERRORS | VTD_FAKE_PFO | 0xc)));
}

static bool is_fault_register(const struct vtd_fake *fake, uint32_t offset)
{
	return offset >= fault_offset(fake) && offset < fault_offset(fake) + 16 * fault_records(fake);
}

static void fault_write(struct vtd_fake *fake, uint32_t offset, unsigned size, uint64_t value)
{
	uint32_t at = offset & ~UINT32_C(15);
	uint64_t high = vtd_fake_get(fake, at + 8, 8);

	if (size == 8 ? value & FAULT_BIT : (offset & 15) == 12 && (value & 0x80000000))
		vtd_fake_set(fake, at + 8, 8, high & ~FAULT_BIT);
	update_pending(fake);
}

static bool is_read_only(uint32_t offset)
{
	return offset < VTD_FAKE_GCMD || offset == VTD_FAKE_GSTS || offset == VTD_FAKE_IQH;
}

static void write_effect(struct vtd_fake *fake, uint32_t offset, unsigned size, uint64_t value)
{
	if (is_fault_register(fake, offset)) {
		fault_write(fake, offset, size, value);
		return;
	}
	switch (offset) {
	case VTD_FAKE_GCMD:
		command(fake, (uint32_t)value);
		break;
	case VTD_FAKE_FSTS:
		status_write(fake, (uint32_t)value);
		break;
	case VTD_FAKE_PMEN:
		vtd_fake_set(fake, offset, 4, (value & 0x80000000) |
			     ((value & 0x80000000) || fake->keeps_protected));
		break;
	case VTD_FAKE_RTADDR:
		vtd_fake_set(fake, offset, 8, fake->drops_root ? 0 : value);
		break;
	case VTD_FAKE_IQA:
		vtd_fake_set(fake, offset, 8, fake->drops_wide ? value & ~UINT64_C(0x800) : value);
		break;
	default:
		vtd_fake_set(fake, offset, size, value);
	}
	if (!fake->is_stopped && (offset == VTD_FAKE_IQT || offset == VTD_FAKE_CCMD ||
				  offset == VTD_FAKE_IOTLB))
		vtd_fake_consume(fake, UINT64_MAX);
}

static uint64_t fake_read(struct hw *hw, uint64_t address, unsigned size)
{
	struct vtd_fake *fake = fake_of(hw);
	uint32_t offset = (uint32_t)(address - VTD_FAKE_BASE);
	uint64_t value = size == 8 ? UINT64_MAX : UINT32_MAX;

	fake->reads++;
	if (!fake->is_gone)
		value = vtd_fake_get(fake, offset, size);
	if (fake->is_logging)
		log_access(fake, false, offset, size, value);
	return value;
}

static void fake_write(struct hw *hw, uint64_t address, unsigned size, uint64_t value)
{
	struct vtd_fake *fake = fake_of(hw);
	uint32_t offset = (uint32_t)(address - VTD_FAKE_BASE);

	fake->writes++;
	if (fake->is_logging)
		log_access(fake, true, offset, size, value);
	if (fake->is_gone || is_read_only(offset))
		return;
	write_effect(fake, offset, size, value);
	if (fake->after_write)
		fake->after_write(fake->context, fake, offset);
}

static uint64_t fake_now_ns(struct hw *hw)
{
	struct vtd_fake *fake = fake_of(hw);

	return fake->clock_ns += fake->tick_ns;
}

static const struct hw_ops fake_ops = {
	.read = fake_read,
	.write = fake_write,
	.now_ns = fake_now_ns,
};

/* --- what a test makes happen --- */

void vtd_fake_fault(struct vtd_fake *fake, const uint64_t words[2])
{
	uint32_t status = reg(fake, VTD_FAKE_FSTS);
	uint32_t at = fault_offset(fake) + 16 * fake->next_fault;

	if (status & VTD_FAKE_PFO)
		return;
	if (vtd_fake_get(fake, at + 8, 8) & FAULT_BIT) {
		raise_status(fake, VTD_FAKE_PFO);
		return;
	}
	if (!(status & VTD_FAKE_PPF))
		vtd_fake_set(fake, VTD_FAKE_FSTS, 4,
			     (status & ~0xff00u) | fake->next_fault << 8);
	vtd_fake_set(fake, at, 8, words[0]);
	vtd_fake_set(fake, at + 8, 8, words[1] | FAULT_BIT);
	fake->faults++;
	fake->next_fault = (fake->next_fault + 1) % fault_records(fake);
	update_pending(fake);
}

void vtd_fake_fault_of(struct vtd_fake *fake, uint16_t stream, uint8_t reason, uint64_t address,
		       bool is_write)
{
	const uint64_t words[2] = { address & ~UINT64_C(0xfff),
				    stream | (uint64_t)reason << 32 |
					    (is_write ? 0 : UINT64_C(1) << 62) };

	vtd_fake_fault(fake, words);
}

void vtd_fake_log(struct vtd_fake *fake)
{
	fake->is_logging = true;
	fake->access_count = fake->log_count = 0;
	fake->descs = fake->waits = fake->reads = fake->writes = 0;
	memset(fake->by_type, 0, sizeof(fake->by_type));
}

uint64_t vtd_fake_find_write(const struct vtd_fake *fake, uint32_t offset, uint64_t mask,
			     uint64_t want, uint64_t from)
{
	uint64_t i;

	for (i = from; i < fake->access_count; i++)
		if (fake->accesses[i].is_write && fake->accesses[i].offset == offset &&
		    (fake->accesses[i].value & mask) == want)
			return i;
	return UINT64_MAX;
}

struct drv_found vtd_fake_found(void)
{
	return (struct drv_found){
		.name = "vtd0",
		.compatible = "intel,vt-d",
		.base = VTD_FAKE_BASE,
		.size = VTD_FAKE_SIZE,
	};
}

int vtd_fake_init(struct vtd_fake *fake, uint64_t arena_bytes)
{
	memset(fake, 0, sizeof(*fake));
	fake->bytes = arena_bytes + PAGE_BYTES;
	fake->memory = mmap(NULL, fake->bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fake->memory == MAP_FAILED)
		return -ENOMEM;
	if (pages_init(&fake->pages, fake->memory, PA(VTD_FAKE_PA), arena_bytes)) {
		munmap(fake->memory, fake->bytes);
		return -ENOMEM;
	}
	fake->hw = (struct hw){ .ops = &fake_ops, .pages = &fake->pages,
				.blank_cpu = fake->memory + arena_bytes,
				.blank_pa = PA(VTD_FAKE_PA + arena_bytes) };
	fake->tick_ns = 1000;
	vtd_fake_set(fake, VTD_FAKE_VER, 4, 0x10);
	vtd_fake_set(fake, VTD_FAKE_CAP_REG, 8, VTD_FAKE_CAP);
	vtd_fake_set(fake, VTD_FAKE_ECAP_REG, 8, VTD_FAKE_ECAP);
	vtd_fake_set(fake, VTD_FAKE_FECTL, 4, 0x80000000);
	vtd_fake_set(fake, VTD_FAKE_IECTL, 4, 0x80000000);
	return 0;
}

void vtd_fake_fini(struct vtd_fake *fake)
{
	pages_fini(&fake->pages);
	munmap(fake->memory, fake->bytes);
	free(fake->accesses);
	free(fake->log);
}
