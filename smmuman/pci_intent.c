// SPDX-License-Identifier: BSD-2-Clause
#include "pci_intent.h"

#include "arith.h"
#include "books.h"
#include "log.h"

#define INTENT_MAGIC UINT64_C(0x31544e4549434d53) /* "SMCIENT1" */

struct pci_intent {
	uint64_t magic; /* written last, cleared first */
	uint64_t command_address, bar_address; /* bar_address 0: none changed yet */
	uint32_t command, bar;
};

_Static_assert(sizeof(struct pci_intent) <= 64, "it has 64 bytes of the page");
_Static_assert(sizeof(struct books_header) <= PCI_INTENT_OFFSET, "the books' header is in its way");

/* NULL on a machine without an arena. */
static struct pci_intent *intent_of(const struct machine *machine)
{
	if (!machine->arena_cpu)
		return NULL;
	return (struct pci_intent *)(void *)(machine->arena_cpu + PCI_INTENT_OFFSET);
}

static void set_magic(struct pci_intent *intent, uint64_t magic)
{
	__atomic_store_n(&intent->magic, magic, __ATOMIC_SEQ_CST);
}

void pci_intent_begin(struct machine *machine, uint64_t command_address, uint32_t command)
{
	struct pci_intent *intent = intent_of(machine);

	if (!intent)
		return;
	set_magic(intent, 0);
	intent->command_address = command_address;
	intent->command = command;
	intent->bar_address = 0;
	set_magic(intent, INTENT_MAGIC);
}

void pci_intent_bar(struct machine *machine, uint64_t address, uint32_t value)
{
	struct pci_intent *intent = intent_of(machine);

	if (!intent)
		return;
	/* Address 0 in between: no old value ever goes to the new address. */
	__atomic_store_n(&intent->bar_address, 0, __ATOMIC_SEQ_CST);
	intent->bar = value;
	__atomic_store_n(&intent->bar_address, address, __ATOMIC_SEQ_CST);
}

void pci_intent_end(struct machine *machine)
{
	struct pci_intent *intent = intent_of(machine);

	if (intent)
		set_magic(intent, 0);
}

static bool is_config(const struct topology *topology, uint64_t address, unsigned size)
{
	uint32_t i;

	for (i = 0; i < topology->bridge_count; i++)
		if (range_within(address, size, topology->bridges[i].ecam_base,
				 topology->bridges[i].ecam_size))
			return is_aligned(address, size);
	return false;
}

void pci_intent_settle(struct machine *machine, const struct topology *topology)
{
	struct pci_intent *intent = intent_of(machine);

	if (!intent || intent->magic != INTENT_MAGIC)
		return;
	if (is_config(topology, intent->command_address, 2)) {
		log_note("an earlier daemon was ended while it looked at a PCI function; putting its "
			 "registers back");
		if (is_config(topology, intent->bar_address, 4))
			machine->ops->config_write(machine, intent->bar_address, 4, intent->bar);
		machine->ops->config_write(machine, intent->command_address, 2, intent->command);
	}
	set_magic(intent, 0);
}
