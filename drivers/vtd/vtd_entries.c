// SPDX-License-Identifier: BSD-2-Clause
/* Root, context and PASID entries (VT-d 9.1 to 9.6). */
#include "vtd_entries.h"

uint64_t make_root(pa_t context_table)
{
	return (context_table.v & ROOT_CTP) | ROOT_P;
}

struct vtd_context make_context_shut(bool is_silent)
{
	return (struct vtd_context){ { is_silent ? CONTEXT0_FPD : 0 } };
}

struct vtd_context make_context(pa_t root, uint16_t domain, unsigned width)
{
	return (struct vtd_context){ { (root.v & CONTEXT0_SSPTPTR) |
					       field_put(CONTEXT0_TT, TT_UNTRANSLATED) | CONTEXT0_P,
				       field_put(CONTEXT1_AW, width) |
					       field_put(CONTEXT1_DID, domain) } };
}

struct vtd_context make_context_scalable(pa_t directory)
{
	return (struct vtd_context){ { (directory.v & SM_CONTEXT0_PASIDDIR) |
					       field_put(SM_CONTEXT0_PDTS, 0) | CONTEXT0_P,
				       field_put(SM_CONTEXT1_RID_PASID, 0) } };
}

uint64_t make_pasid_directory(pa_t table)
{
	return (table.v & PASID_DIR_TABLE) | PASID_DIR_P;
}

static uint64_t make_pasid_tag(uint16_t domain, bool is_snooped)
{
	return field_put(PASID1_DID, domain) | (is_snooped ? PASID1_PWSNP : 0);
}

struct vtd_pasid make_pasid_second(pa_t root, uint16_t domain, unsigned width, bool is_snooped)
{
	return (struct vtd_pasid){ { (root.v & PASID0_SSPTPTR) | field_put(PASID0_AW, width) |
					     field_put(PASID0_PGTT, PGTT_SECOND) | PASID0_P,
				     make_pasid_tag(domain, is_snooped) } };
}

/*
 * AW describes the second level, which is not used here. A scar: QEMU 10 looks
 * at it all the same and finds addresses not canonical unless it says 48 bits.
 */
struct vtd_pasid make_pasid_first(pa_t root, uint16_t domain, bool is_snooped, bool has_snoop)
{
	return (struct vtd_pasid){ { field_put(PASID0_AW, AW_48) |
					     field_put(PASID0_PGTT, PGTT_FIRST) | PASID0_P,
				     make_pasid_tag(domain, is_snooped) |
					     (has_snoop ? PASID1_PGSNP : 0),
				     (root.v & PASID2_FSPTPTR) | field_put(PASID2_FSPM, 0) } };
}
