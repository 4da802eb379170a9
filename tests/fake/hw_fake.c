// SPDX-License-Identifier: BSD-2-Clause
#include "hw_fake.h"

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

#define CERROR_ILL 1u
#define CERROR_ABT 2u
#define GERROR_CMDQ 1u
#define GERROR_EVENTQ 4u
#define CMDQEN 8u

static struct hw_fake *fake_of(struct hw *hw)
{
	return (struct hw_fake *)(void *)hw;
}

uint64_t hw_fake_get(const struct hw_fake *fake, uint32_t offset, unsigned size)
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

void hw_fake_set(struct hw_fake *fake, uint32_t offset, unsigned size, uint64_t value)
{
	memcpy(&fake->regs[offset], &value, size); /* little-endian hosts only, as x86 and arm64 */
}

void *hw_fake_memory(const struct hw_fake *fake, uint64_t pa, uint64_t length)
{
	if (pa < HW_FAKE_PA || pa - HW_FAKE_PA > fake->bytes ||
	    length > fake->bytes - (pa - HW_FAKE_PA))
		return NULL;
	return fake->memory + (pa - HW_FAKE_PA);
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

static void log_access(struct hw_fake *fake, bool is_write, uint32_t offset, unsigned size,
		       uint64_t value)
{
	fake->accesses = grow(fake->accesses, fake->access_count, &fake->access_room,
			      sizeof(*fake->accesses));
	fake->accesses[fake->access_count++] = (struct hw_fake_access){
		.is_write = is_write,
		.size = (uint8_t)size,
		.offset = offset,
		.value = value,
		.stores = STORES_SO_FAR(),
	};
}

/* --- the command queue --- */

static uint32_t reg(const struct hw_fake *fake, uint32_t offset)
{
	return (uint32_t)hw_fake_get(fake, offset, 4);
}

/* The commands a unit with these IDRs has; 0: fine. */
static uint32_t command_error(struct hw_fake *fake, const uint64_t *command)
{
	bool has_ril = reg(fake, FAKE_IDR3) & 1u << 10;
	bool has_hyp = reg(fake, FAKE_IDR0) & 1u << 9;
	bool is_ranged = (command[1] >> 10 & 3) != 0;
	uint64_t count = (command[0] >> 12 & 31) | (command[0] >> 20 & 31);

	switch (command[0] & 0xff) {
	case 0x03: case 0x04: case 0x05: case 0x30: case 0x46:
	case 0x11: case 0x28:
		return 0;
	case 0x12: case 0x2a:
		if (is_ranged ? !has_ril || (count == 0 && (command[1] >> 8 & 3) == 0) : count != 0)
			return CERROR_ILL;
		return 0;
	case 0x20:
		return has_hyp ? 0 : CERROR_ILL;
	default:
		return CERROR_ILL;
	}
}

static void stop_queue(struct hw_fake *fake, uint32_t cons, uint32_t code)
{
	hw_fake_set(fake, FAKE_CMDQ_CONS, 4, cons | code << 24);
	hw_fake_gerror(fake, GERROR_CMDQ);
}

static bool is_injected(struct hw_fake *fake)
{
	if (fake->error_at == 0 || fake->commands + 1 < fake->error_at)
		return false;
	if (!fake->error_stays)
		fake->error_at = 0;
	return true;
}

static void command_count(struct hw_fake *fake, const uint64_t *command)
{
	fake->commands++;
	fake->by_opcode[command[0] & 0xff]++;
	fake->syncs += (command[0] & 0xff) == 0x46;
	if (!fake->is_logging)
		return;
	fake->log = grow(fake->log, fake->log_count, &fake->log_room, sizeof(*fake->log));
	fake->log[fake->log_count++] = (struct hw_fake_command){ { command[0], command[1] } };
}

uint64_t hw_fake_consume(struct hw_fake *fake, uint64_t count)
{
	uint64_t base = hw_fake_get(fake, FAKE_CMDQ_BASE, 8);
	uint32_t log2 = base & 31, mask = (2u << log2) - 1;
	uint32_t cons = reg(fake, FAKE_CMDQ_CONS) & mask, prod = reg(fake, FAKE_CMDQ_PROD) & mask;
	uint64_t taken = 0;
	const uint64_t *command;
	uint32_t error;

	if (!(reg(fake, FAKE_CR0) & CMDQEN) ||
	    ((reg(fake, FAKE_GERROR) ^ reg(fake, FAKE_GERRORN)) & GERROR_CMDQ))
		return 0;
	for (; cons != prod && taken < count; taken++) {
		command = hw_fake_memory(fake, (base & 0xfffffffffffe0) +
					       16ull * (cons & (mask >> 1)), 16);
		error = command ? command_error(fake, command) : CERROR_ABT;
		if (!error && is_injected(fake))
			error = fake->error_code;
		if (error) {
			stop_queue(fake, cons, error);
			return taken;
		}
		command_count(fake, command);
		cons = (cons + 1) & mask;
	}
	/* The error field keeps its last value, as QEMU's does. */
	hw_fake_set(fake, FAKE_CMDQ_CONS, 4, cons | (reg(fake, FAKE_CMDQ_CONS) & 0x7f000000));
	return taken;
}

/* --- the register front --- */

static void write_effect(struct hw_fake *fake, uint32_t offset, uint32_t value)
{
	switch (offset) {
	case FAKE_CR0:
		if (!(fake->mute & FAKE_MUTE_CR0))
			hw_fake_set(fake, FAKE_CR0ACK, 4, value);
		break;
	case FAKE_GBPA:
		/* Without Update the write is ignored; with it, it ends cleared. */
		if (!(fake->mute & FAKE_MUTE_GBPA))
			hw_fake_set(fake, FAKE_GBPA, 4, value & 0x7fffffff);
		break;
	case FAKE_IRQ_CTRL:
		if (!(fake->mute & FAKE_MUTE_IRQ))
			hw_fake_set(fake, FAKE_IRQ_CTRLACK, 4, value);
		break;
	default:
		break;
	}
	if (!fake->is_stopped &&
	    (offset == FAKE_CMDQ_PROD || offset == FAKE_CR0 || offset == FAKE_GERRORN))
		hw_fake_consume(fake, UINT64_MAX);
}

static bool is_read_only(uint32_t offset)
{
	return offset < FAKE_CR0 || offset == FAKE_CR0ACK || offset == FAKE_IRQ_CTRLACK ||
	       offset == FAKE_GERROR;
}

static uint64_t fake_read(struct hw *hw, uint64_t address, unsigned size)
{
	struct hw_fake *fake = fake_of(hw);
	uint32_t offset = (uint32_t)(address - HW_FAKE_BASE);
	uint64_t value = size == 8 ? UINT64_MAX : UINT32_MAX;

	fake->reads++;
	if (!fake->is_gone)
		value = hw_fake_get(fake, offset, size);
	if (fake->is_logging)
		log_access(fake, false, offset, size, value);
	return value;
}

static void fake_write(struct hw *hw, uint64_t address, unsigned size, uint64_t value)
{
	struct hw_fake *fake = fake_of(hw);
	uint32_t offset = (uint32_t)(address - HW_FAKE_BASE);

	fake->writes++;
	if (fake->is_logging)
		log_access(fake, true, offset, size, value);
	if (fake->is_gone || is_read_only(offset) ||
	    (offset == FAKE_GBPA && (!(value & 0x80000000) || fake->mute & FAKE_NO_GBPA)))
		return;
	hw_fake_set(fake, offset, size, value);
	write_effect(fake, offset, (uint32_t)value);
	if (fake->after_write)
		fake->after_write(fake->context, fake, offset);
}

static uint64_t fake_now_ns(struct hw *hw)
{
	struct hw_fake *fake = fake_of(hw);

	return __atomic_add_fetch(&fake->clock_ns, fake->tick_ns, __ATOMIC_RELAXED);
}

static const struct hw_ops fake_ops = {
	.read = fake_read,
	.write = fake_write,
	.now_ns = fake_now_ns,
};

/* --- what a test makes happen --- */

void hw_fake_gerror(struct hw_fake *fake, uint32_t bits)
{
	uint32_t active = reg(fake, FAKE_GERROR) ^ reg(fake, FAKE_GERRORN);

	hw_fake_set(fake, FAKE_GERROR, 4, reg(fake, FAKE_GERROR) ^ (bits & ~active));
}

static void event_lost(struct hw_fake *fake, uint32_t prod)
{
	uint32_t acknowledged = reg(fake, FAKE_EVENTQ_CONS) & 0x80000000;

	if (fake->loses_quietly)
		hw_fake_gerror(fake, GERROR_EVENTQ);
	else if ((prod & 0x80000000) == acknowledged)
		hw_fake_set(fake, FAKE_EVENTQ_PROD, 4, prod ^ 0x80000000);
}

void hw_fake_event(struct hw_fake *fake, const uint64_t words[4])
{
	uint64_t base = hw_fake_get(fake, FAKE_EVENTQ_BASE, 8);
	uint32_t size = 1u << (base & 31), mask = 2 * size - 1;
	uint32_t prod = reg(fake, FAKE_EVENTQ_PROD), cons = reg(fake, FAKE_EVENTQ_CONS);
	void *entry = hw_fake_memory(fake, (base & 0xfffffffffffe0) + 32ull * (prod & (size - 1)), 32);

	if (!(reg(fake, FAKE_CR0) & 4) || !entry)
		return;
	if (((prod - cons) & mask) == size) {
		event_lost(fake, prod);
		return;
	}
	memcpy(entry, words, 32);
	hw_fake_set(fake, FAKE_EVENTQ_PROD, 4, (prod & 0x80000000) | ((prod + 1) & mask));
}

void hw_fake_log(struct hw_fake *fake)
{
	fake->is_logging = true;
	fake->access_count = fake->log_count = 0;
	fake->commands = fake->syncs = fake->reads = fake->writes = 0;
	memset(fake->by_opcode, 0, sizeof(fake->by_opcode));
}

uint64_t hw_fake_find_write(const struct hw_fake *fake, uint32_t offset, uint64_t mask,
			    uint64_t want, uint64_t from)
{
	uint64_t i;

	for (i = from; i < fake->access_count; i++)
		if (fake->accesses[i].is_write && fake->accesses[i].offset == offset &&
		    (fake->accesses[i].value & mask) == want)
			return i;
	return UINT64_MAX;
}

struct drv_found hw_fake_found(void)
{
	return (struct drv_found){
		.name = "smmu0",
		.compatible = "arm,smmu-v3",
		.base = HW_FAKE_BASE,
		.size = HW_FAKE_SIZE,
	};
}

int hw_fake_init(struct hw_fake *fake, uint64_t arena_bytes)
{
	memset(fake, 0, sizeof(*fake));
	fake->memory = mmap(NULL, arena_bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fake->memory == MAP_FAILED)
		return -ENOMEM;
	fake->bytes = arena_bytes;
	if (pages_init(&fake->pages, fake->memory, PA(HW_FAKE_PA), arena_bytes)) {
		munmap(fake->memory, arena_bytes);
		return -ENOMEM;
	}
	fake->hw = (struct hw){ .ops = &fake_ops, .pages = &fake->pages };
	fake->tick_ns = 1000;
	hw_fake_set(fake, FAKE_IDR0, 4, HW_FAKE_IDR0_BOTH);
	hw_fake_set(fake, FAKE_IDR1, 4, 0x02730010);
	hw_fake_set(fake, FAKE_IDR3, 4, 0x1414);
	hw_fake_set(fake, FAKE_IDR5, 4, 0x74);
	hw_fake_set(fake, FAKE_AIDR, 4, 1);
	hw_fake_set(fake, FAKE_GBPA, 4, 0x1000);
	return 0;
}

void hw_fake_fini(struct hw_fake *fake)
{
	pages_fini(&fake->pages);
	munmap(fake->memory, fake->bytes);
	free(fake->accesses);
	free(fake->log);
}
