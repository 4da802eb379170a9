// SPDX-License-Identifier: BSD-2-Clause
/* Event records (IHI 0070 7.3). */
#include "events.h"

#include <string.h>

enum event_detail {
	EVENT_STREAM = 1,  /* nothing but who */
	EVENT_ACCESS = 2,  /* input address and RnW */
	EVENT_CLASSED = 6, /* and CLASS: may be about our tables, not the device */
};

struct event_row {
	uint8_t code;
	uint8_t kind;
	uint8_t detail;
	const char *name, *reason;
};

static const struct event_row rows[] = {
	{ 0x01, DRV_FAULT_REQUEST, EVENT_ACCESS, "F_UUT",
	  "the bus delivered a kind of transaction the IOMMU does not support" },
	{ 0x02, DRV_FAULT_STREAM, EVENT_STREAM, "C_BAD_STREAMID",
	  "this stream has no entry in the stream table: the device is not known here" },
	{ 0x03, DRV_FAULT_TABLE, EVENT_STREAM, "F_STE_FETCH",
	  "the unit could not read the stream table" },
	{ 0x04, DRV_FAULT_STREAM, EVENT_STREAM, "C_BAD_STE",
	  "the stream's entry is shut: the device is not known here" },
	{ 0x05, DRV_FAULT_REQUEST, EVENT_ACCESS, "F_BAD_ATS_TREQ",
	  "the device asked for an address translation (ATS), which is never allowed" },
	{ 0x06, DRV_FAULT_REQUEST, EVENT_STREAM, "F_STREAM_DISABLED",
	  "the stream does not allow requests of this kind (substreams are off)" },
	{ 0x07, DRV_FAULT_REQUEST, EVENT_ACCESS, "F_TRANSL_FORBIDDEN",
	  "the device sent an address it claims to have translated itself (ATS)" },
	{ 0x08, DRV_FAULT_REQUEST, EVENT_STREAM, "C_BAD_SUBSTREAMID",
	  "the device used a substream (PASID), and none is allowed" },
	{ 0x09, DRV_FAULT_TABLE, EVENT_STREAM, "F_CD_FETCH",
	  "the unit could not read a context descriptor" },
	{ 0x0a, DRV_FAULT_CONFIG, EVENT_STREAM, "C_BAD_CD",
	  "the context descriptor is unusable to the unit" },
	{ 0x0b, DRV_FAULT_TABLE, EVENT_ACCESS, "F_WALK_EABT",
	  "the unit could not read a page table" },
	{ 0x10, DRV_FAULT_TRANSLATION, EVENT_CLASSED, "F_TRANSLATION",
	  "nothing is granted at this address" },
	{ 0x11, DRV_FAULT_ADDRESS, EVENT_CLASSED, "F_ADDR_SIZE",
	  "the address is beyond what the unit can express" },
	{ 0x12, DRV_FAULT_PERMISSION, EVENT_CLASSED, "F_ACCESS",
	  "the page is mapped but not marked as usable" },
	{ 0x13, DRV_FAULT_PERMISSION, EVENT_CLASSED, "F_PERMISSION",
	  "the address is granted, but not for this kind of access" },
	{ 0x20, DRV_FAULT_CONFIG, EVENT_ACCESS, "F_TLB_CONFLICT",
	  "the unit held two translations for one address" },
	{ 0x21, DRV_FAULT_CONFIG, EVENT_STREAM, "F_CFG_CONFLICT",
	  "the unit held two configurations for one stream" },
	{ 0x24, DRV_FAULT_REQUEST, EVENT_ACCESS, "E_PAGE_REQUEST",
	  "the unit suggests a page to be mapped; nobody asked for such hints" },
	{ 0x25, DRV_FAULT_TABLE, EVENT_STREAM, "F_VMS_FETCH",
	  "the unit could not read a virtual machine structure" },
};

static const struct event_row unknown_row = {
	.kind = DRV_FAULT_UNKNOWN,
	.name = "UNKNOWN",
	.reason = "an event that the specification does not describe; see the raw words",
};

static const struct event_row impdef_row = {
	.kind = DRV_FAULT_UNKNOWN,
	.name = "IMPDEF_EVENT",
	.reason = "an event that only the maker of this unit describes; see the raw words",
};

static const struct event_row *find_row(uint8_t code)
{
	unsigned i;

	for (i = 0; i < ARRAY_COUNT(rows); i++)
		if (rows[i].code == code)
			return &rows[i];
	return code >= 0xe0 && code <= 0xef ? &impdef_row : &unknown_row;
}

static uint8_t access_of(uint64_t word)
{
	if (!(word & EVENT1_RNW))
		return RIGHT_WRITE;
	return word & EVENT1_IND ? RIGHT_EXEC : RIGHT_READ;
}

void events_decode(const uint64_t words[EVENT_WORDS], uint64_t sequence,
		   struct drv_fault *ret_fault)
{
	uint8_t code = (uint8_t)field_get(EVENT0_TYPE, words[0]);
	const struct event_row *row = find_row(code);

	*ret_fault = (struct drv_fault){
		.sequence = sequence,
		.code = code,
		.kind = row->kind,
		.name = row->name,
		.reason = row->reason,
	};
	memcpy(ret_fault->words, words, sizeof(ret_fault->words));
	if (row->kind == DRV_FAULT_UNKNOWN)
		return; /* its fields may be anything */
	ret_fault->has_stream = true;
	ret_fault->stream = (uint32_t)field_get(EVENT0_SID, words[0]);
	ret_fault->has_substream = words[0] & EVENT0_SSV;
	if (ret_fault->has_substream)
		ret_fault->substream = (uint32_t)field_get(EVENT0_SSID, words[0]);
	if (!(row->detail & EVENT_ACCESS))
		return;
	ret_fault->has_address = true;
	ret_fault->address = words[2];
	ret_fault->access = access_of(words[1]);
	/* Only stage 2 can refuse a walk; a scar: QEMU 7.2 says CLASS 1 at stage 1 too. */
	if (row->detail == EVENT_CLASSED && (words[1] & EVENT1_S2) &&
	    field_get(EVENT1_CLASS, words[1]) != CLASS_IN) {
		ret_fault->kind = DRV_FAULT_TABLE;
		ret_fault->reason = "a walk of the unit's own tables was refused";
	}
}
