/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stream table: linear, or two levels with 256 entries a level 2 table.
 * Here live its memory and its shape; writer.c alone stores entries.
 */
#ifndef SMMUMAN_DRIVERS_SMMUV3_STRTAB_H
#define SMMUMAN_DRIVERS_SMMUV3_STRTAB_H

#include "smmuv3.h"

/*
 * An empty table: nothing in it is valid. Nothing may be walking it yet.
 * 0 or -ENOMEM with a sentence.
 */
int strtab_init(struct smmu *smmu, struct error *err);
void strtab_fini(struct smmu *smmu);

uint64_t strtab_base_word(const struct smmu *smmu);
uint32_t strtab_cfg_word(const struct smmu *smmu);

/* NULL when the stream is outside the table or its chunk was never needed. */
struct smmu_stream *strtab_find(struct smmu *smmu, uint32_t stream);

/*
 * The same, but makes the level 2 table. *ret_is_new tells that the level 1
 * descriptor was stored: the stream needs a CFGI_STE that is not leaf-only.
 * -ENODEV (outside the table) or -ENOMEM.
 */
int strtab_need(struct smmu *smmu, uint32_t stream, struct smmu_stream **ret_stream,
		bool *ret_is_new, struct error *err);

/* The stream's entry where hardware sees it; the stream came from this table. */
uint64_t *strtab_entry(struct smmu *smmu, const struct smmu_stream *stream);

/* The level 1 descriptor that belongs to a chunk; 0 when it has no table. */
uint64_t strtab_l1_word(const struct smmu *smmu, uint32_t chunk);

#endif
