/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The module contract: what an IOMMU module (one folder under drivers/) is to
 * the rest of the program. A module is a name, a match, a probe and one
 * static const table of operations; nothing else of it is known outside.
 *
 * Rules every module keeps:
 * - A stream is in one of three states: bound to a space, DENY (refused and
 *   recorded, with the address wherever the hardware can tell it) or SILENT
 *   (refused, no record). Nothing is ever "off".
 * - Going to DENY or SILENT, close() and unmap() cannot fail and never
 *   allocate: they are the paths that end access.
 * - Hardware reads pointees before the word that makes them reachable: pointee
 *   first, valid word last, barrier, invalidate, wait.
 * - Nothing waits for hardware but takeover() and close(), whose waits are
 *   bounded. The rest is submitted and asked for with completed(). A paravirtual
 *   module may besides wait in unmap(), DENY and SILENT for the host to answer what
 *   is under way or to make room in a full queue: at most a second in all until the
 *   host has answered what filled it; then the unit is closed.
 * - One thread; no call is reentrant.
 */
#ifndef SMMUMAN_DRIVERS_DRIVER_H
#define SMMUMAN_DRIVERS_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "hw.h"
#include "types.h"

/* Grows by one when anything below changes its meaning. */
#define DRV_ABI 2u

struct drv_unit;  /* one IOMMU instance; the module embeds it */
struct drv_space; /* one address space on one unit; the module embeds it */

/* What discovery knows of a unit before anybody has touched it. */
struct drv_found {
	const char *name;	/* "smmu0" */
	const char *compatible; /* device tree string, e.g. "arm,smmu-v3"; "intel,vt-d" of a DMAR */
	uint64_t base, size;	/* register window */
	uint64_t config; /* address of its PCI configuration space; 0: it is no PCI function */
	unsigned address_bits; /* of physical addresses, as firmware says; 0: it does not */
};

/* Choices a policy may make for a unit; zero means "the module decides". */
struct drv_options {
	enum drv_stage { DRV_STAGE_ANY, DRV_STAGE_1, DRV_STAGE_2 } stage;
	enum drv_table { DRV_TABLE_ANY, DRV_TABLE_LINEAR, DRV_TABLE_TWO_LEVEL } table;
	enum drv_mode { DRV_MODE_ANY, DRV_MODE_LEGACY, DRV_MODE_SCALABLE } mode; /* VT-d */
	unsigned command_log2; /* entries of the command queue, log2 */
	unsigned event_log2;   /* entries of the event queue, log2 */
};

/* What the unit turned out to be able to do; constant after probe(). */
struct drv_caps {
	unsigned input_bits;  /* IOVAs are below 1 << input_bits */
	unsigned output_bits; /* so are physical addresses */
	uint32_t stream_count;
	bool write_only;   /* a grant without RIGHT_READ can be enforced */
	bool exec_control; /* RIGHT_EXEC makes a difference */
	/*
	 * A device's writes to the processor's interrupt range pass whatever the
	 * tables say: who is attached can raise any interrupt of the machine.
	 */
	bool unsafe_interrupts;
	char words[160];   /* for people: "SMMUv3.1, stage 2, 44-bit, range invalidation" */
};

enum drv_stream_state { DRV_SILENT, DRV_DENY, DRV_BOUND };

/* The state a stream has from the first instant of takeover(). */
struct drv_stream_init {
	uint32_t stream;
	enum drv_stream_state state;
	struct drv_space *space; /* DRV_BOUND only: a host: identity stream */
};

/* The part of a registered memory that a grant covers. */
struct drv_part {
	const struct extent *extents; /* the whole memory, in order */
	uint32_t extent_count;
	uint64_t offset; /* of the part in the memory */
	uint64_t length;
	int fd; /* the same memory for kernel-backed modules, or -1 */
	bool is_registers; /* another device's registers, or a doorbell: no memory */
};

/*
 * What must be invalidated before memory may be let go. Filled by unmap() and
 * set_stream(), emptied by submit(). Holds work of one space at a time.
 */
#define DRV_GATHER_RANGES 16
#define DRV_GATHER_STREAMS 16
struct drv_gather {
	struct drv_space *space; /* whose ranges these are; NULL: none yet */
	struct drv_range { uint64_t iova, length; } ranges[DRV_GATHER_RANGES];
	uint32_t range_count;
	bool whole_space; /* more ranges than fit: drop all of the space */
	uint32_t streams[DRV_GATHER_STREAMS];
	uint32_t stream_count;
	bool all_streams;     /* more streams than fit */
	uint64_t freed_chain; /* table pages to give back afterwards; module's own */
};

/* One refused access (or one broken configuration), as hardware told it. */
enum drv_fault_kind {
	DRV_FAULT_TRANSLATION, /* nothing is mapped there */
	DRV_FAULT_PERMISSION,  /* mapped, but not for this access */
	DRV_FAULT_ADDRESS,     /* beyond what the unit can express */
	DRV_FAULT_STREAM,      /* a stream nobody knows or that is shut */
	DRV_FAULT_CONFIG,      /* our table entry is unusable to the unit */
	DRV_FAULT_TABLE,       /* the unit could not read its tables */
	DRV_FAULT_REQUEST,     /* a kind of request that is never allowed (ATS, PRI) */
	DRV_FAULT_UNKNOWN,     /* a record no specification we follow describes */
};

struct drv_fault {
	uint64_t sequence;    /* position in the unit's event stream, from 0 */
	uint32_t stream;      /* valid when has_stream */
	uint32_t substream;   /* PASID, valid when has_substream */
	uint64_t address;     /* valid when has_address: the IOVA */
	uint64_t words[4];    /* raw record */
	uint16_t code;	      /* the specification's event number */
	uint8_t kind;	      /* enum drv_fault_kind */
	uint8_t access;	      /* RIGHT_READ, RIGHT_WRITE or RIGHT_EXEC; 0 unknown */
	bool has_stream, has_substream, has_address;
	const char *name;     /* specification name, "F_TRANSLATION" */
	const char *reason;   /* in plain words; static string */
};

/* One level of a table walk, for people and for the audit. */
struct drv_walk_step {
	unsigned level;
	uint64_t table_pa, index, entry;
	bool is_valid, is_leaf;
};
#define DRV_WALK_MAX 5
struct drv_walk {
	struct drv_walk_step steps[DRV_WALK_MAX];
	unsigned step_count;
	bool is_mapped;
	uint64_t pa; /* of the address asked for */
	uint8_t rights;
	uint64_t leaf_bytes;
};

/* Addresses of a stream that no grant can be made at. */
struct drv_reserved {
	uint64_t iova, length;
	enum drv_reserved_kind {
		DRV_RESERVED_UNUSABLE,	/* never reaches memory by the tables */
		DRV_RESERVED_INTERRUPT, /* writes there are interrupt messages */
	} kind;
};

/* Exact counts since takeover. */
struct drv_counts {
	uint64_t commands, syncs, events, unknown_events;
	uint64_t event_losses;	 /* episodes the hardware reported */
	uint64_t command_errors; /* CMDQ_ERR and its like, recovered */
	uint64_t global_errors;	 /* every other error bit, acknowledged */
	uint64_t table_pages;
};

typedef void drv_fault_fn(void *context, const struct drv_fault *fault);

/*
 * The loss fn is told when hardware reports that records were dropped:
 * sequence is the position after which records are missing.
 */
struct drv_fault_sink {
	void *context;
	drv_fault_fn *fault;
	void (*loss)(void *context, uint64_t sequence, const char *why);
};

struct drv_ops {
	/*
	 * Takes the unit over from whatever state it is in; no stream in init is
	 * ever wider open than it was or than it is to be, and all others are
	 * closed. May block for the bounded time registers need. On error the unit is closed.
	 */
	int (*takeover)(struct drv_unit *unit, const struct drv_stream_init *init,
			uint32_t count, struct error *err);

	/*
	 * Everything aborts, by registers alone; needs no takeover() first. Cannot
	 * fail: what does not answer within its bound is logged as an alarm.
	 */
	void (*close)(struct drv_unit *unit);

	/* Frees what probe() made. The unit keeps its last programming. */
	void (*forget)(struct drv_unit *unit);

	/*
	 * An empty space. table_page_limit bounds its table pages (0: none).
	 * -ENOMEM, or -ENOSPC when the unit has no address space identifier left.
	 */
	int (*space_create)(struct drv_unit *unit, uint64_t table_page_limit,
			    struct drv_space **ret_space, struct error *err);

	/*
	 * No stream is bound to it and everything it gathered was completed:
	 * its identifier is used again only after an invalidation of its own.
	 */
	void (*space_destroy)(struct drv_space *space);

	/*
	 * Binds, denies or silences a stream. Adds to gather what must complete
	 * before the change is certain. DRV_DENY and DRV_SILENT cannot fail;
	 * DRV_BOUND may with -ENODEV (stream out of range), -EIO (unit closed).
	 * DRV_BOUND on a paravirtual unit waits, bounded, for the host's answer.
	 */
	int (*set_stream)(struct drv_unit *unit, uint32_t stream, enum drv_stream_state state,
			  struct drv_space *space, struct drv_gather *gather, struct error *err);

	/*
	 * Maps the part at iova with rights; page aligned, inside input_bits,
	 * nothing mapped there yet (-EEXIST). All or nothing: -ENOMEM or -EDQUOT
	 * leaves the space as it was. Needs no invalidation, but is only certain
	 * when commit() has said so, where the module has one.
	 */
	int (*map)(struct drv_space *space, iova_t iova, const struct drv_part *part,
		   unsigned rights, struct error *err);

	/*
	 * May be NULL: then every map() is certain at once. Else sends what map()
	 * only queued since the last commit() of this space, all of it by one
	 * notification, and waits, bounded, for the answers. Not 0: none of those maps
	 * holds any more; the caller forgets them and does not unmap() them. While
	 * something of a space is queued the caller neither unmaps nor binds in it.
	 */
	int (*commit)(struct drv_space *space, struct error *err);

	/* Takes exactly one earlier map() away. Cannot fail, never allocates. */
	void (*unmap)(struct drv_space *space, iova_t iova, uint64_t length,
		      struct drv_gather *gather);

	/*
	 * Sends the invalidations of gather, one wait for all of them, and empties
	 * it. The ticket grows; an empty gather gets the newest one.
	 * A closed unit answers UINT64_MAX: never completed.
	 */
	uint64_t (*submit)(struct drv_unit *unit, struct drv_gather *gather);

	/* The newest ticket that has completed. Reads one register. */
	uint64_t (*completed)(struct drv_unit *unit);

	/*
	 * Hands at most budget records to sink, counts losses and acknowledges
	 * error bits. True while more records wait.
	 */
	bool (*drain_faults)(struct drv_unit *unit, unsigned budget,
			     const struct drv_fault_sink *sink);

	/*
	 * Hands over what the event queue of an earlier owner still holds, all with
	 * sequence 0. Called once, after close() and before takeover(), when the arena is
	 * laid out but nothing was taken from it yet. Changes nothing.
	 */
	void (*salvage)(struct drv_unit *unit, const struct drv_fault_sink *sink);

	/* The sequence number the next recorded event will get: an epoch mark. */
	uint64_t (*fault_mark)(struct drv_unit *unit);

	/*
	 * Fills at most max and returns how many there are in all. May be NULL: none.
	 * Read once a stream, after takeover(); constant from then on.
	 */
	uint32_t (*reserved)(struct drv_unit *unit, uint32_t stream, struct drv_reserved *list,
			     uint32_t max);

	/* How the tables translate iova right now. Read only. */
	void (*walk)(struct drv_space *space, iova_t iova, struct drv_walk *ret_walk);

	/* How the unit would treat this stream, in words (raw entry included). */
	void (*describe_stream)(struct drv_unit *unit, uint32_t stream, char *text, size_t size);

	/*
	 * Compares live registers and entries with what was written.
	 * 0, or -EBADE with the first difference: another agent was here.
	 */
	int (*audit)(struct drv_unit *unit, struct error *err);
};

/* name and abi keep their places in every version. */
struct drv_module {
	const char *name; /* "smmuv3" */
	uint32_t abi;	  /* DRV_ABI */
	bool (*match)(const struct drv_found *found);
	/*
	 * Reads the unit's identity and refuses, in a sentence, what it cannot
	 * use. Changes nothing. *ret_unit is freed with ops->forget().
	 */
	int (*probe)(struct hw *hw, const struct drv_found *found,
		     const struct drv_options *options, struct drv_unit **ret_unit,
		     struct error *err);
	const struct drv_ops *ops;
};

/* First member of every module's unit. */
struct drv_unit {
	const struct drv_module *module;
	const struct drv_ops *ops;
	struct hw *hw;
	char name[32];
	struct drv_caps caps;
	struct drv_counts counts;
	bool is_closed; /* close() was called: nothing opens it again but takeover() */
	bool may_walk; /* the last close() was not confirmed: it may go on using old memory */
	bool found_enabled; /* probe() found it translating: somebody was here before */
	const char *wait_register; /* what completed() reads, for messages */
};

/* First member of every module's space. */
struct drv_space {
	struct drv_unit *unit;
	uint64_t table_pages;
};

static inline bool drv_gather_is_empty(const struct drv_gather *gather)
{
	return gather->range_count == 0 && !gather->whole_space && gather->stream_count == 0 &&
	       !gather->all_streams && gather->freed_chain == 0;
}

/* Adds a range, joined to its neighbour when they touch. */
void drv_gather_range(struct drv_gather *gather, struct drv_space *space, uint64_t iova,
		      uint64_t length);
void drv_gather_stream(struct drv_gather *gather, uint32_t stream);

/* What a module that is a file of its own, smmu-NAME.so, is found by: smmu-module(7). */
extern const struct drv_module smmu_module;

/* drivers.c: the list of modules that are built in; NULL when none matches. */
const struct drv_module *drv_find(const struct drv_found *found);

#endif
