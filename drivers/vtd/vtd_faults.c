// SPDX-License-Identifier: BSD-2-Clause
/* Fault records and reasons (VT-d 7.1.3, 11.4.14). */
#include "vtd_faults.h"

#include <string.h>

struct fault_row {
	uint8_t code;
	uint8_t kind;
	const char *name, *reason;
};

#define NOT_READ "the unit could not read "
#define RESERVED " has bits set that must be 0"

static const struct fault_row rows[] = {
	/* Legacy mode; QEMU gives some of these in scalable mode too. */
	{ 0x01, DRV_FAULT_STREAM, "LRT.2", "no device of this bus is known here" },
	{ 0x02, DRV_FAULT_STREAM, "LCT.2", "the device's entry is shut" },
	{ 0x03, DRV_FAULT_CONFIG, "LCT.4", "the device's context entry is unusable to the unit" },
	{ 0x04, DRV_FAULT_ADDRESS, "LGN.1", "the address is beyond what the unit can express" },
	{ 0x05, DRV_FAULT_TRANSLATION, "LGN.2", "nothing is granted for writing at this address" },
	{ 0x06, DRV_FAULT_TRANSLATION, "LGN.3", "nothing is granted for reading at this address" },
	{ 0x07, DRV_FAULT_TABLE, "LSL.1", NOT_READ "a second level page table" },
	{ 0x08, DRV_FAULT_TABLE, "LRT.1", NOT_READ "the root table" },
	{ 0x09, DRV_FAULT_TABLE, "LCT.1", NOT_READ "a context table" },
	{ 0x0a, DRV_FAULT_CONFIG, "LRT.3", "a root entry" RESERVED },
	{ 0x0b, DRV_FAULT_CONFIG, "LCT.3", "a context entry" RESERVED },
	{ 0x0c, DRV_FAULT_CONFIG, "LSL.2", "a second level page table entry" RESERVED },
	{ 0x0d, DRV_FAULT_REQUEST, "LCT.5",
	  "the device asked for or claimed an address translation (ATS), which is never allowed" },
	{ 0x0e, DRV_FAULT_REQUEST, "LGN.4",
	  "a request for an address of the interrupt range that is no interrupt" },
	/* Root table address. */
	{ 0x30, DRV_FAULT_CONFIG, "RTA.1", "the root table address is unusable to the unit" },
	{ 0x31, DRV_FAULT_REQUEST, "RTA.2", "the device used a PASID, and legacy mode knows none" },
	{ 0x32, DRV_FAULT_REQUEST, "RTA.3",
	  "the device asked for a page, and legacy mode knows no such request" },
	{ 0x33, DRV_FAULT_REQUEST, "RTA.4", "a kind of request that the unit blocks as a whole" },
	/* Scalable mode: root, context, PASID directory, PASID table. */
	{ 0x38, DRV_FAULT_TABLE, "SRT.1", NOT_READ "the root table" },
	{ 0x39, DRV_FAULT_STREAM, "SRT.2", "no device of this bus is known here" },
	{ 0x3a, DRV_FAULT_CONFIG, "SRT.3", "a root entry" RESERVED },
	{ 0x40, DRV_FAULT_TABLE, "SCT.1", NOT_READ "a context table" },
	{ 0x41, DRV_FAULT_STREAM, "SCT.2", "the device's entry is shut" },
	{ 0x42, DRV_FAULT_CONFIG, "SCT.3", "a context entry" RESERVED },
	{ 0x43, DRV_FAULT_CONFIG, "SCT.4", "the device's context entry is unusable to the unit" },
	{ 0x44, DRV_FAULT_REQUEST, "SCT.5",
	  "the device asked for or claimed an address translation (ATS), which is never allowed" },
	{ 0x45, DRV_FAULT_REQUEST, "SCT.6", "the device used a PASID, and none is allowed" },
	{ 0x46, DRV_FAULT_REQUEST, "SCT.7", "the device used a PASID beyond those it has" },
	{ 0x47, DRV_FAULT_REQUEST, "SCT.8", "the device asked for a page, which is never allowed" },
	{ 0x48, DRV_FAULT_CONFIG, "SCT.9",
	  "the context entry's PASID for requests without one is unusable" },
	{ 0x50, DRV_FAULT_TABLE, "SPD.1", NOT_READ "a PASID directory" },
	{ 0x51, DRV_FAULT_REQUEST, "SPD.2", "the device used a PASID, and none is allowed" },
	{ 0x52, DRV_FAULT_CONFIG, "SPD.3", "a PASID directory entry" RESERVED },
	{ 0x58, DRV_FAULT_TABLE, "SPT.1", NOT_READ "a PASID table" },
	{ 0x59, DRV_FAULT_REQUEST, "SPT.2", "the device used a PASID that has no entry" },
	{ 0x5a, DRV_FAULT_CONFIG, "SPT.3", "a PASID table entry" RESERVED },
	{ 0x5b, DRV_FAULT_CONFIG, "SPT.4",
	  "a PASID table entry is missing or unusable to the unit" },
	{ 0x5c, DRV_FAULT_REQUEST, "SPT.5", "the device asked to execute, which is never allowed" },
	{ 0x5d, DRV_FAULT_REQUEST, "SPT.6",
	  "the device claimed supervisor privilege, which is never allowed" },
	/* First level. */
	{ 0x70, DRV_FAULT_TABLE, "SFL.1", NOT_READ "a first level page table" },
	{ 0x71, DRV_FAULT_TRANSLATION, "SFL.2", "nothing is granted at this address" },
	{ 0x72, DRV_FAULT_CONFIG, "SFL.3", "a first level page table entry" RESERVED },
	{ 0x73, DRV_FAULT_TABLE, "SFL.4", NOT_READ "the root of a first level page table" },
	{ 0x74, DRV_FAULT_TABLE, "SFL.5", NOT_READ "a first level page table" },
	{ 0x75, DRV_FAULT_TABLE, "SFL.6", NOT_READ "a first level page table" },
	{ 0x76, DRV_FAULT_TABLE, "SFL.7", NOT_READ "a first level page table" },
	{ 0x77, DRV_FAULT_TABLE, "SFL.8", NOT_READ "a first level page table" },
	{ 0x90, DRV_FAULT_TABLE, "SFL.9", "the unit could not mark a first level entry as used" },
	{ 0x91, DRV_FAULT_TABLE, "SFL.10", "the unit could not mark a first level entry as used" },
	/* Second level in scalable mode. */
	{ 0x78, DRV_FAULT_TABLE, "SSL.1", NOT_READ "a second level page table" },
	{ 0x79, DRV_FAULT_CONFIG, "SSL.2", "a second level page table entry" RESERVED },
	{ 0x7a, DRV_FAULT_TABLE, "SSL.3", NOT_READ "a second level page table" },
	{ 0x7b, DRV_FAULT_TABLE, "SSL.4", NOT_READ "a second level page table" },
	{ 0x7c, DRV_FAULT_TABLE, "SSL.5", NOT_READ "a second level page table" },
	{ 0x7d, DRV_FAULT_TABLE, "SSL.6", NOT_READ "a second level page table" },
	/* Scalable mode, general. */
	{ 0x80, DRV_FAULT_ADDRESS, "SGN.1",
	  "the address is not canonical: beyond what first level tables can express" },
	{ 0x81, DRV_FAULT_PERMISSION, "SGN.2", "the page is not for a device's ordinary accesses" },
	{ 0x82, DRV_FAULT_PERMISSION, "SGN.3",
	  "the device asked to execute, which is not granted" },
	{ 0x83, DRV_FAULT_ADDRESS, "SGN.4", "the address is beyond what the unit can express" },
	{ 0x84, DRV_FAULT_TRANSLATION, "SGN.5", "nothing is granted for reading at this address" },
	{ 0x85, DRV_FAULT_TRANSLATION, "SGN.6", "nothing is granted for writing at this address" },
	{ 0x86, DRV_FAULT_PERMISSION, "SGN.7",
	  "the device asked to execute, which is not granted" },
	{ 0x87, DRV_FAULT_REQUEST, "SGN.8",
	  "a request for an address of the interrupt range that is no interrupt" },
	{ 0x88, DRV_FAULT_REQUEST, "SGN.9",
	  "the device sent an address it claims to have translated itself (ATS)" },
	{ 0x89, DRV_FAULT_REQUEST, "SGN.10", "a kind of request that the unit blocks" },
};

/* Interrupt remapping (0x20 to 0x2f), which is off: no memory address in them. */
static const struct fault_row interrupt_row = {
	.kind = DRV_FAULT_REQUEST,
	.name = "INTERRUPT",
	.reason = "an interrupt message was refused by interrupt remapping, which should be off",
};

static const struct fault_row unknown_row = {
	.kind = DRV_FAULT_UNKNOWN,
	.name = "UNKNOWN",
	.reason = "a reason that the specification does not describe; see the raw words",
};

static const struct fault_row *find_row(uint8_t code)
{
	unsigned i;

	for (i = 0; i < ARRAY_COUNT(rows); i++)
		if (rows[i].code == code)
			return &rows[i];
	return code >= 0x20 && code <= 0x2f ? &interrupt_row : &unknown_row;
}

/* The type of two bits: write, page request, read, atomic operation. */
static uint8_t access_of(uint64_t word)
{
	if (!(word & FRCD1_T1))
		return word & FRCD1_T2 ? 0 : RIGHT_WRITE;
	if (word & FRCD1_T2)
		return RIGHT_READ | RIGHT_WRITE;
	return (word & FRCD1_PP) && (word & FRCD1_EXE) ? RIGHT_EXEC : RIGHT_READ;
}

/* A translation request is refused as such, whatever the tables made of it. */
static void note_request(struct drv_fault *fault, uint64_t word)
{
	if (field_get(FRCD1_AT, word) != AT_TRANSLATION)
		return;
	fault->kind = DRV_FAULT_REQUEST;
	fault->reason = "the device asked for an address translation (ATS), which is never allowed";
}

void vtd_faults_decode(const uint64_t words[FRCD_WORDS], uint64_t sequence,
		       struct drv_fault *ret_fault)
{
	uint8_t code = (uint8_t)field_get(FRCD1_FR, words[1]);
	const struct fault_row *row = find_row(code);

	*ret_fault = (struct drv_fault){
		.sequence = sequence,
		.code = code,
		.kind = row->kind,
		.name = row->name,
		.reason = row->reason,
		.words = { words[0], words[1] },
	};
	if (row->kind == DRV_FAULT_UNKNOWN)
		return; /* its fields may be anything */
	ret_fault->has_stream = true;
	ret_fault->stream = (uint32_t)field_get(FRCD1_SID, words[1]);
	if (row == &interrupt_row)
		return;
	/* Without PP the field holds anything (a scar: QEMU leaves ones there). */
	ret_fault->has_substream = words[1] & FRCD1_PP;
	if (ret_fault->has_substream)
		ret_fault->substream = (uint32_t)field_get(FRCD1_PV, words[1]);
	ret_fault->has_address = true;
	ret_fault->address = words[0] & FRCD0_FI;
	ret_fault->access = access_of(words[1]);
	note_request(ret_fault, words[1]);
}

void vtd_faults_refine(struct drv_fault *fault, unsigned rights)
{
	/* All of the access allowed by now: it was mapped since, and not then. */
	if (fault->kind != DRV_FAULT_TRANSLATION || rights == RIGHT_NONE ||
	    (fault->access & ~rights) == 0)
		return;
	fault->kind = DRV_FAULT_PERMISSION;
	fault->reason = "the address is granted, but not for this kind of access";
}
