/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a back end is to the daemon: a struct hw for the modules, the arena,
 * the firmware's description of the machine, PCI configuration space, and the
 * memory and register windows that are handed to clients. hw_board.c makes
 * one from a virtual board; tests make one from a fake.
 */
#ifndef SMMUMAN_SMMUMAN_MACHINE_H
#define SMMUMAN_SMMUMAN_MACHINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "hw.h"
#include "types.h"

struct machine;

#define MACHINE_RAM_MAX 32u
#define MACHINE_TABLES_MAX 64u
#define MACHINE_PARTS_MAX 4u
#define MACHINE_PART_SHIFT 56u

/* A register window as a client gets it: one descriptor. */
struct machine_window {
	uint64_t id; /* for window_close() */
	int fd;	     /* ours to close; the client's copy dies by window_close() */
	uint32_t kind; /* enum wire_bar_kind */
};

struct machine_ops {
	/*
	 * Whose physical bytes are [offset, offset + length) of this descriptor?
	 * Fills at most max extents in order. -EINVAL (not memory this machine's
	 * devices can reach, with the sentence), -E2BIG (more extents than max).
	 * The descriptor was already checked to be sealed and without holes.
	 */
	int (*memory_resolve)(struct machine *machine, int fd, uint64_t offset, uint64_t length,
			      struct extent *extents, uint32_t max, uint32_t *ret_count,
			      struct error *err);

	/*
	 * Lends a part of the machine's own memory to the client uid: a
	 * descriptor for the client, zeroed. -EOPNOTSUPP where clients bring their own
	 * memory, -ENOSPC when every part is lent. *ret_part for memory_return().
	 */
	int (*memory_lend)(struct machine *machine, uid_t uid, uint64_t size, int *ret_fd,
			   uint64_t *ret_size, uint32_t *ret_part, struct error *err);

	/* The borrower is gone and no device reaches the part any more. */
	void (*memory_return)(struct machine *machine, uint32_t part);

	/* Is this physical range ordinary memory (as opposed to registers)? */
	bool (*is_memory)(struct machine *machine, pa_t pa, uint64_t length);

	/* A window over device registers; closing it ends every holder's access. */
	int (*window_open)(struct machine *machine, uint64_t base, uint64_t length,
			   struct machine_window *ret_window, struct error *err);
	void (*window_close)(struct machine *machine, struct machine_window *window);

	/*
	 * The daemon's own look at a register (quiesce), through a window that it
	 * opened for itself: on one that a client holds too, answers could get mixed up.
	 */
	int (*window_read32)(struct machine *machine, const struct machine_window *window,
			     uint64_t offset, uint32_t *ret_value);

	/*
	 * PCI configuration space, size 1, 2 or 4. A function that is not there
	 * reads all ones. Address: the ECAM window that discovery found.
	 */
	uint32_t (*config_read)(struct machine *machine, uint64_t address, unsigned size);
	void (*config_write)(struct machine *machine, uint64_t address, unsigned size,
			     uint32_t value);

	void (*close)(struct machine *machine);
};

struct machine {
	const struct machine_ops *ops;
	struct hw hw;
	char words[64]; /* for people: "virtual board /run/board.sock" */
	/* The arena: mapped, not yet written by us. */
	uint8_t *arena_cpu;
	pa_t arena_pa;
	uint64_t arena_size;
	/* The rest of RAM, the arena left out: what a host: identity device reaches. */
	struct extent ram[MACHINE_RAM_MAX];
	uint32_t ram_count;
	/* A private copy of the flattened device tree, or NULL: then there are ACPI tables. */
	void *fdt;
	uint64_t fdt_size;
	/*
	 * Private copies of the ACPI tables: whole, of the length their header says and
	 * with a right checksum, in the order of the XSDT. Nothing else in them is checked yet.
	 */
	struct machine_table {
		char signature[5]; /* "DMAR" */
		void *bytes;
		uint32_t size;
	} tables[MACHINE_TABLES_MAX];
	uint32_t table_count;
	/* Memory that firmware keeps for itself and its devices: what an RMRR may name. */
	struct extent reserved[MACHINE_RAM_MAX];
	uint32_t reserved_count;
	int lost_fd; /* readable or hung up when the machine is gone; -1: none */
	/*
	 * Several machines may be joined into one, each with an arena, firmware and
	 * struct hw of its own. Then an address of registers or configuration space has the
	 * number of its part in the top byte; memory has one address everywhere. The
	 * arena above is the first one's. 0: the machine is its only part.
	 */
	struct machine *parts[MACHINE_PARTS_MAX];
	uint32_t part_count;
};

/* How many, and which: never NULL for index below the count. */
uint32_t machine_part_count(const struct machine *machine);
struct machine *machine_part(struct machine *machine, uint32_t index);

/* Where part index's registers at address are seen in the whole, and back. */
static inline uint64_t machine_tag(uint32_t index, uint64_t address)
{
	return (uint64_t)index << MACHINE_PART_SHIFT | address;
}

static inline uint32_t machine_tag_part(uint64_t address)
{
	return (uint32_t)(address >> MACHINE_PART_SHIFT);
}

static inline uint64_t machine_untag(uint64_t address)
{
	return address & ((UINT64_C(1) << MACHINE_PART_SHIFT) - 1);
}

/* Does the range share a byte with any arena? */
bool machine_overlaps_arena(struct machine *machine, pa_t pa, uint64_t length);

/*
 * One machine of count, which are the new one's from then on, also on error.
 * -EINVAL when their memories overlap: a grant must mean the same bytes to all.
 */
int machine_join(struct machine *const *parts, uint32_t count, struct machine **ret_machine,
		 struct error *err);

/* hw_board.c: connects as owner to the board served at socket. */
int machine_open_board(const char *socket, struct machine **ret_machine, struct error *err);

#endif
