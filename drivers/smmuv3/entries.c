// SPDX-License-Identifier: BSD-2-Clause
/* Stream table entries and context descriptors (IHI 0070 5.2, 5.4). */
#include "entries.h"

#include "log.h"

#define S1_INPUT_BITS 48u
#define ROOT_PAGES_MAX 16u

unsigned output_bits_of(unsigned output_code)
{
	static const uint8_t bits[] = { 32, 36, 40, 42, 44, 48 };

	/* Beyond 48 bits the 4 KiB granule needs a larger format. */
	return output_code < sizeof(bits) ? bits[output_code] : 48;
}

static unsigned code_for_granule(unsigned output_code)
{
	return output_code > OAS_48 ? OAS_48 : output_code;
}

static uint64_t s1_attributes(bool has_stall)
{
	return field_put(STE1_S1CIR, CACHE_WRITE_BACK) | field_put(STE1_S1COR, CACHE_WRITE_BACK) |
	       field_put(STE1_S1CSH, SHARE_INNER) | field_put(STE1_SHCFG, SHCFG_INCOMING) |
	       (has_stall ? STE1_S1STALLD : 0);
}

struct ste make_ste_unused(bool has_stall)
{
	return (struct ste){ { 0, s1_attributes(has_stall) } };
}

struct ste make_ste_abort(void)
{
	return (struct ste){ { STE0_V | field_put(STE0_CONFIG, CONFIG_ABORT) } };
}

struct ste make_ste_s1(pa_t cd, bool has_stall)
{
	return (struct ste){ { STE0_V | field_put(STE0_CONFIG, CONFIG_S1) | (cd.v & STE0_S1CTXPTR),
			       s1_attributes(has_stall) } };
}

struct s2_geometry make_s2_geometry(unsigned input_bits, unsigned output_code)
{
	struct s2_geometry geometry = {
		.input_bits = input_bits,
		.root_pages = 1,
		.output_code = code_for_granule(output_code),
	};

	/* A table of level 1 resolves 39 bits, 16 of them 43. */
	if (input_bits > 43) {
		geometry.root_level = 0;
	} else {
		geometry.root_level = 1;
		if (input_bits > 39)
			geometry.root_pages = 1u << (input_bits - 39);
	}
	check(geometry.root_pages <= ROOT_PAGES_MAX);
	return geometry;
}

struct ste make_ste_s2(pa_t root, uint16_t vmid, const struct s2_geometry *geometry)
{
	struct ste ste = make_ste_unused(false);

	ste.word[0] = STE0_V | field_put(STE0_CONFIG, CONFIG_S2);
	ste.word[2] = field_put(STE2_S2VMID, vmid) |
		      field_put(STE2_S2T0SZ, 64 - geometry->input_bits) |
		      field_put(STE2_S2SL0, 2 - geometry->root_level) |
		      field_put(STE2_S2IR0, CACHE_WRITE_BACK) |
		      field_put(STE2_S2OR0, CACHE_WRITE_BACK) |
		      field_put(STE2_S2SH0, SHARE_INNER) |
		      field_put(STE2_S2PS, geometry->output_code) | STE2_S2AA64 | STE2_S2R;
	ste.word[3] = root.v & STE3_S2TTB;
	return ste;
}

struct cd make_cd(pa_t root, uint16_t asid, unsigned output_code)
{
	return (struct cd){ { field_put(CD0_T0SZ, 64 - S1_INPUT_BITS) |
				      field_put(CD0_IR0, CACHE_WRITE_BACK) |
				      field_put(CD0_OR0, CACHE_WRITE_BACK) |
				      field_put(CD0_SH0, SHARE_INNER) | CD0_EPD1 | CD0_V |
				      field_put(CD0_IPS, code_for_granule(output_code)) | CD0_AA64 |
				      CD0_R | CD0_A | CD0_ASET | field_put(CD0_ASID, asid),
			      root.v & CD1_TTB0, 0, CD3_MAIR } };
}

struct ste ste_used_bits(const struct ste *ste)
{
	struct ste used = { { STE0_V } };

	if (!(ste->word[0] & STE0_V))
		return used;
	used.word[0] |= STE0_CONFIG;
	switch (field_get(STE0_CONFIG, ste->word[0])) {
	case CONFIG_ABORT:
		break;
	case CONFIG_S1:
		used.word[0] = ~UINT64_C(0);
		used.word[1] = ~UINT64_C(0);
		used.word[2] = STE2_S2VMID; /* tags stage 1 translations too */
		break;
	case CONFIG_S2:
		used.word[1] = ~UINT64_C(0);
		used.word[2] = ~UINT64_C(0);
		used.word[3] = ~UINT64_C(0);
		break;
	default: /* never written by us: assume the worst */
		used = (struct ste){ { ~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0),
				       ~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0) } };
	}
	return used;
}
