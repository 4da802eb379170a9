/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of this module share: one unit, its streams and its spaces.
 * Nothing outside the folder includes this. A stream is a PCI requester id.
 */
#ifndef SMMUMAN_DRIVERS_VTD_VTD_H
#define SMMUMAN_DRIVERS_VTD_VTD_H

#include <stdbool.h>
#include <stdint.h>

#include "driver.h"
#include "vtd_entries.h"
#include "frcd.h"
#include "invq.h"
#include "list.h"
#include "pgtable.h"

/* How long a register may take to acknowledge before the unit is given up. */
#define VTD_ACK_NS UINT64_C(100000000)

#define VTD_STREAMS 0x10000u

/* What probe.c found, reduced to what the rest asks for. */
struct vtd_features {
	bool is_scalable;    /* the mode in use */
	bool is_first_level; /* the tables in use; scalable mode alone has them */
	bool is_coherent;
	bool has_snoop;	     /* ECAP.SC: a No Snoop request can be made to look into the caches */
	bool caches_absence; /* CAP.CM: what is not present is remembered too */
	bool needs_write_flush; /* CAP.RWBF */
	bool has_registers;  /* to invalidate with, where there is no queue */
	bool sets_root_cleanly; /* CAP.ESRTPS: a new root makes it forget everything */
	bool has_protected;  /* protected memory regions */
	bool has_ranges;     /* page-selective invalidation */
	unsigned mask_max;   /* of a page-selective invalidation */
	unsigned domain_bits;
	unsigned width;	     /* AW of second level tables */
	struct invq_shape queue;
	struct pgtable_shape table;
};

/* One address space; its domain id tags all that the unit remembers of it. */
struct vtd_space {
	struct drv_space base;
	struct pgtable table;
	uint16_t id;
	uint64_t *pasid_directory, *pasid_table; /* scalable mode: a page each */
	struct vtd_context context; /* what a stream bound to it has */
	uint32_t bound_count;	/* streams */
	bool must_drop;		/* a stream left it: invalidate with the next batch */
	uint64_t ticket;	/* limbo: when its identifier may be used again */
	struct list in_unit;	/* spaces or limbo */
	struct list in_drops;
	struct drv_range *fresh; /* mapped and not committed: only where commit() is */
	uint32_t fresh_count, fresh_room;
};

/* One stream and, while its entry is being changed, how far it is. */
struct vtd_stream {
	uint8_t state; /* enum drv_stream_state, or STREAM_UNUSED */
	bool is_changing;	  /* the unit may remember an earlier form of the entry */
	bool is_last_step;	  /* the entry is what it is meant to be */
	uint16_t live_id, gone_id; /* domain of the entry, and of the one before it; 0: none */
	uint32_t number;
	struct vtd_space *space; /* DRV_BOUND */
	uint64_t step_ticket;	  /* when the unit has forgotten; 0: not yet asked to */
	uint64_t hold_ticket;	  /* told to the caller; 0: nobody waits */
	struct list in_changes;
};

/* A stream nobody named: refused and recorded, as one in DENY is. */
#define STREAM_UNUSED 0xffu

#define BUS_COUNT 256u
#define BUS_STREAMS 256u

/* Scalable mode has two tables a bus, legacy mode one. */
struct vtd_bus {
	uint64_t *tables[2];
	struct vtd_stream *streams;
};

struct roottab {
	uint64_t *root;
	struct vtd_bus *buses;
};

/* A register that must still hold what was written. */
struct vtd_expect {
	const char *name;
	uint32_t offset, size;
	uint64_t mask, value;
};
#define EXPECT_MAX 8u

struct vtd {
	struct drv_unit base;
	struct hw_regs regs;
	struct vtd_features features;
	struct invq invq;
	struct frcd frcd;
	struct roottab roottab;
	bool is_quiet;	 /* seen to use nothing of the arena that is not ours: it may be written */
	bool is_blank;	 /* closed by us, and no other root since: it remembers nothing */
	bool is_running; /* taken over and not closed since */
	struct vtd_expect expect[EXPECT_MAX];
	uint32_t expect_count;

	uint64_t *id_map; /* a set bit: taken */
	uint32_t id_next;
	struct list spaces, limbo, drops;
	struct list changes;		 /* streams */
	uint64_t freed_head, freed_tail; /* chains of table pages, by ticket */
};

static inline struct vtd *vtd_of(struct drv_unit *unit)
{
	return (struct vtd *)(void *)unit;
}

static inline struct vtd_space *vtd_space_of(struct drv_space *space)
{
	return (struct vtd_space *)(void *)space;
}

/* unit.c: with and without commit() (vtd_space.h says when). */
extern const struct drv_ops vtd_ops, vtd_commit_ops;

/* close.c: by registers and with what an earlier owner left. */
void close_unit(struct drv_unit *unit);
/* 0, or why it could not be done; says nothing. */
int close_registers(struct vtd *vtd, struct error *err);
/* Said loudly, then closed. */
void vtd_fail(struct vtd *vtd, const char *why);
/* Is the unit at rest? Asked once before the first store into the arena. */
int vtd_check_quiet(struct vtd *vtd, struct error *err);

/* takeover.c */
int vtd_takeover(struct drv_unit *unit, const struct drv_stream_init *init, uint32_t count,
		 struct error *err);

/* probe.c */
bool vtd_match(const struct drv_found *found);
int vtd_probe(struct hw *hw, const struct drv_found *found, const struct drv_options *options,
	      struct drv_unit **ret_unit, struct error *err);

/* audit.c */
void vtd_describe_stream(struct drv_unit *unit, uint32_t stream, char *text, size_t size);
int vtd_audit(struct drv_unit *unit, struct error *err);

#endif
