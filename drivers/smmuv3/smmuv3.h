/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of this module share: one unit, its streams and its spaces.
 * Nothing outside the folder includes this.
 */
#ifndef SMMUMAN_DRIVERS_SMMUV3_SMMUV3_H
#define SMMUMAN_DRIVERS_SMMUV3_SMMUV3_H

#include <stdbool.h>
#include <stdint.h>

#include "cmdq.h"
#include "driver.h"
#include "entries.h"
#include "evtq.h"
#include "gerror.h"
#include "list.h"
#include "pgtable.h"

/* How long a register may take to acknowledge before the unit is given up. */
#define SMMU_ACK_NS UINT64_C(100000000)

/* What probe.c found, reduced to what the rest asks for. */
struct smmu_features {
	bool stage2;	    /* the stage in use */
	bool has_stall;	    /* entries must say that stalls are off */
	bool has_ril;	    /* range invalidation */
	bool has_hyp, has_ats, has_msi, has_pri, has_btm;
	bool two_level;
	unsigned sid_bits;  /* of the stream table we make */
	unsigned id_bits;   /* of an ASID or VMID */
	unsigned output_code, output_bits, input_bits;
	unsigned cmdq_log2, evtq_log2;
};

/*
 * One address space. Its identifier (ASID or VMID) and, for stage 1, the place
 * of its context descriptor are one number.
 */
struct smmu_space {
	struct drv_space base;
	struct pgtable table;
	uint16_t id;
	struct ste ste;	    /* what a stream bound to it has */
	uint32_t bound_count; /* streams */
	bool must_drop;	    /* a stream left it: invalidate with the next batch */
	uint64_t ticket;    /* limbo: when its identifier may be used again */
	struct list in_unit; /* spaces or limbo */
	struct list in_drops;
};

/* One stream of the table and, while its entry is being changed, how far it is. */
struct smmu_stream {
	uint8_t state; /* enum drv_stream_state, or STREAM_UNUSED */
	bool is_changing;	  /* the unit may remember an earlier form of the entry */
	bool is_last_step;	  /* the entry is what it is meant to be */
	bool is_new_table;	  /* its level 1 descriptor changed too */
	struct smmu_space *space; /* DRV_BOUND */
	uint64_t step_ticket;	  /* when the unit has forgotten; 0: CFGI_STE not sent */
	uint64_t hold_ticket;	  /* told to the caller; 0: nobody waits */
	uint32_t number;
	struct list in_changes;
};

/* A stream nobody named: its entry is not valid and reports whoever uses it. */
#define STREAM_UNUSED 0xffu

/* 256 entries side by side: a level 2 table, or that part of a linear one. */
#define CHUNK_BITS 8u
struct strtab_chunk {
	uint64_t *entries;
	struct smmu_stream *streams;
};

struct strtab {
	uint64_t *base; /* level 1 descriptors or entries */
	uint32_t base_pages;
	struct strtab_chunk *chunks;
	uint32_t chunk_count;
	uint32_t chunk_streams; /* in each chunk */
};

/* A register that must still hold what was written. */
struct smmu_expect {
	const char *name;
	uint32_t offset, size;
	uint64_t mask, value;
};
#define EXPECT_MAX 16u

struct smmu {
	struct drv_unit base;
	struct hw_regs regs;
	struct smmu_features features;
	struct gerror gerror;
	struct cmdq cmdq;
	struct evtq evtq;
	struct strtab strtab;
	bool ignores_gbpa; /* a unit that cannot abort while disabled: inplace.h */
	bool has_warned;   /* of that */
	bool is_quiet;	 /* seen not to walk any table: the arena may be written */
	bool is_running; /* taken over and not closed since */
	uint64_t cr0;	 /* as last written */
	struct smmu_expect expect[EXPECT_MAX];
	uint32_t expect_count;

	uint64_t *id_map; /* a set bit: taken */
	uint32_t id_next;
	uint64_t **cd_pages; /* stage 1: context descriptors by identifier */
	struct smmu_space *deny;
	struct list spaces, limbo, drops;
	struct list changes;		 /* streams */
	uint64_t freed_head, freed_tail; /* chains of table pages, by ticket */
};

static inline struct smmu *smmu_of(struct drv_unit *unit)
{
	return (struct smmu *)(void *)unit;
}

static inline struct smmu_space *smmu_space_of(struct drv_space *space)
{
	return (struct smmu_space *)(void *)space;
}

/* takeover.c: said loudly, then closed by registers. */
void smmu_fail(struct smmu *smmu, const char *why);
void takeover_close(struct drv_unit *unit);
int smmu_takeover(struct drv_unit *unit, const struct drv_stream_init *init, uint32_t count,
		  struct error *err);
/* Is the unit at rest? Asked once before the first store into the arena. */
int smmu_check_quiet(struct smmu *smmu, struct error *err);

/* probe.c */
bool smmu_match(const struct drv_found *found);
int smmu_probe(struct hw *hw, const struct drv_found *found, const struct drv_options *options,
	       struct drv_unit **ret_unit, struct error *err);

/* audit.c */
void smmu_describe_stream(struct drv_unit *unit, uint32_t stream, char *text, size_t size);
int smmu_audit(struct drv_unit *unit, struct error *err);

#endif
