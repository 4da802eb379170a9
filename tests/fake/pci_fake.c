// SPDX-License-Identifier: BSD-2-Clause
#include "pci_fake.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"

#define COMMAND 0x04u
#define COMMAND_MEMORY 0x2u
#define COMMAND_MASTER 0x4u
#define STATUS 0x06u
#define STATUS_CAPS 0x10u
#define HEADER_TYPE 0x0eu
#define BARS 0x10u
#define BARS_END 0x28u
#define CAPS 0x34u
#define EXPRESS 0x60u
#define ACS 0x100u

void pci_fake_init(struct pci_fake *pci, uint64_t ecam, uint32_t first_bus)
{
	*pci = (struct pci_fake){ .ecam = ecam, .first_bus = first_bus };
}

void pci_fake_fini(struct pci_fake *pci)
{
	struct pci_fake_function *function;

	while ((function = pci->functions)) {
		pci->functions = function->next;
		free(function);
	}
}

struct pci_fake_function *pci_fake_find(const struct pci_fake *pci, uint32_t bus, uint32_t slot,
					uint32_t number)
{
	struct pci_fake_function *function;

	for (function = pci->functions; function; function = function->next)
		if (function->bus == bus && function->slot == slot && function->number == number)
			return function;
	return NULL;
}

void pci_fake_set(struct pci_fake_function *function, uint32_t offset, uint32_t size,
		  uint32_t value)
{
	memcpy(&function->bytes[offset], &value, size);
}

uint32_t pci_fake_get(const struct pci_fake_function *function, uint32_t offset, uint32_t size)
{
	uint32_t value = 0;

	memcpy(&value, &function->bytes[offset], size);
	return value;
}

struct pci_fake_function *pci_fake_add(struct pci_fake *pci, uint32_t bus, uint32_t slot,
				       uint32_t number)
{
	struct pci_fake_function *function = calloc(1, sizeof(*function));

	check(function);
	function->bus = bus;
	function->slot = slot;
	function->number = number;
	function->next = pci->functions;
	pci->functions = function;
	pci_fake_set(function, 0, 4, 0x11e81234);
	pci_fake_set(function, COMMAND, 2, COMMAND_MEMORY);
	function->writable[COMMAND] = 0xff;
	function->writable[COMMAND + 1] = 0x07;
	return function;
}

void pci_fake_set_bar(struct pci_fake_function *function, uint32_t index, uint64_t base,
		      uint64_t size, uint32_t flags)
{
	uint32_t offset = BARS + index * 4, width = flags & 0x4 ? 8 : 4;
	uint64_t value = base | flags, mask = ~(size - 1) & ~UINT64_C(0xf);

	memcpy(&function->bytes[offset], &value, width);
	memcpy(&function->writable[offset], &mask, width);
}

void pci_fake_add_cap(struct pci_fake_function *function, uint32_t offset, uint8_t id)
{
	function->bytes[offset] = id;
	function->bytes[offset + 1] = function->bytes[CAPS];
	function->bytes[CAPS] = (uint8_t)offset;
	function->bytes[STATUS] |= STATUS_CAPS;
}

void pci_fake_set_ext_cap(struct pci_fake_function *function, uint32_t offset, uint16_t id,
			  uint32_t next)
{
	pci_fake_set(function, offset, 4, id | 1u << 16 | next << 20);
}

void pci_fake_make_express(struct pci_fake_function *function, uint32_t port_type, bool has_flr)
{
	pci_fake_add_cap(function, EXPRESS, 0x10);
	pci_fake_set(function, EXPRESS + 2, 2, 2 | port_type << 4);
	if (!has_flr)
		return;
	pci_fake_set(function, EXPRESS + 4, 4, 1u << 28);
	function->reset_offset = EXPRESS + 9;
	function->reset_bit = 0x80;
}

void pci_fake_add_acs(struct pci_fake_function *function, uint16_t bits)
{
	pci_fake_set_ext_cap(function, ACS, 0x000d, 0);
	pci_fake_set(function, ACS + 4, 2, bits);
	memcpy(&function->writable[ACS + 6], &bits, sizeof(bits));
}

void pci_fake_make_bridge(struct pci_fake_function *function, uint32_t secondary,
			  uint32_t subordinate)
{
	function->bytes[HEADER_TYPE] = 1;
	pci_fake_set(function, 0x18, 4, function->bus | secondary << 8 | subordinate << 16);
}

static struct pci_fake_function *function_at(const struct pci_fake *pci, uint64_t address)
{
	uint64_t at = address - pci->ecam;

	if (address < pci->ecam || at >> 28)
		return NULL;
	return pci_fake_find(pci, (uint32_t)(at >> 20) + pci->first_bus,
			     (uint32_t)(at >> 15) & 31, (uint32_t)(at >> 12) & 7);
}

uint32_t pci_fake_read(struct pci_fake *pci, uint64_t address, unsigned size)
{
	struct pci_fake_function *function = function_at(pci, address);
	uint32_t ones = size == 4 ? UINT32_MAX : (1u << size * 8) - 1;

	pci->reads++;
	if (!function)
		return ones;
	if (function->absent_reads) {
		function->absent_reads--;
		return ones;
	}
	return pci_fake_get(function, (uint32_t)address & 0xfff, size);
}

/* What a reset forgets: command register and BAR addresses, not their types. */
static void reset(struct pci_fake_function *function)
{
	uint32_t i;

	function->resets++;
	function->bytes[COMMAND] = function->bytes[COMMAND + 1] = 0;
	for (i = BARS; i < BARS_END; i++)
		function->bytes[i] &= (uint8_t)~function->writable[i];
}

void pci_fake_write(struct pci_fake *pci, uint64_t address, unsigned size, uint32_t value)
{
	struct pci_fake_function *function = function_at(pci, address);
	uint32_t offset = (uint32_t)address & 0xfff, i;
	uint8_t byte, mask;

	pci->writes++;
	if (!function)
		return;
	if (offset >= BARS && offset < BARS_END && function->bytes[COMMAND] & COMMAND_MEMORY)
		pci->decoded_bar_writes++;
	if (offset == COMMAND && function->bytes[COMMAND] & COMMAND_MASTER & ~value)
		pci->mastering_stops++;
	for (i = 0; i < size; i++) {
		byte = (uint8_t)(value >> i * 8);
		mask = function->writable[offset + i];
		function->bytes[offset + i] =
			(uint8_t)((function->bytes[offset + i] & ~mask) | (byte & mask));
		if (function->reset_offset == offset + i && function->reset_offset &&
		    byte & function->reset_bit)
			reset(function);
	}
}
