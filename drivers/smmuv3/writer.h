/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one place that stores stream table entries and context descriptors.
 *
 * Hardware reads an entry in words, in any order and at any time, so between
 * two stores it must be seen as the old entry, as the new one, or as shut. An
 * entry is therefore changed in steps; after each, the unit must forget what
 * it may have cached (CFGI_STE and a completed CMD_SYNC) before the next:
 *  - words the present entry does not use are filled in for the next one;
 *  - one word makes the switch, where all others are in place;
 *  - where another word in use must change, the entry is shut first.
 * All stage 1 entries and shut ones differ in word 0 alone: one step.
 */
#ifndef SMMUMAN_DRIVERS_SMMUV3_WRITER_H
#define SMMUMAN_DRIVERS_SMMUV3_WRITER_H

#include "smmuv3.h"

/*
 * One step towards target. True when it was the last: the entry is target's.
 * is_settled: the unit has forgotten every earlier form of this entry.
 */
bool writer_step(uint64_t *live, const struct ste *target, bool is_settled);

/* Stores a descriptor nobody reaches yet. */
void writer_store_cd(uint64_t *live, const struct cd *cd);

/* Shuts an entry with one store, for a unit that answers no more. */
void writer_shut(uint64_t *live);

/* What the stream's entry is meant to be. */
struct ste writer_target(struct smmu *smmu, const struct smmu_stream *stream);

/*
 * Starts the change of a stream to a state. It stays on the unit's list of
 * changes until a CFGI_STE after its last store has completed.
 */
void writer_set(struct smmu *smmu, struct smmu_stream *stream, enum drv_stream_state state,
		struct smmu_space *space);

/* Stores the entry of a stream in a table no unit walks. */
void writer_build(struct smmu *smmu, struct smmu_stream *stream);

/* Pushes the CFGI_STE of every change that had none since its last store. */
void writer_push(struct smmu *smmu);

/* The batch they are in was submitted with this ticket. */
void writer_submitted(struct smmu *smmu, uint64_t ticket);

/* Takes every step whose turn has come; submits what the steps need. */
void writer_settle(struct smmu *smmu);

/* The newest ticket that may be told, though done has completed. */
uint64_t writer_hold(const struct smmu *smmu, uint64_t done);

#endif
