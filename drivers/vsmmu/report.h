/* SPDX-License-Identifier: BSD-2-Clause */
/* Fault reports in words. */
#ifndef SMMUMAN_DRIVERS_VSMMU_REPORT_H
#define SMMUMAN_DRIVERS_VSMMU_REPORT_H

#include "driver.h"
#include "eventq.h"

/* What the books say of the report's endpoint and address. */
struct report_context {
	bool is_known;	/* the stream was named at take-over, or bound since */
	bool is_mapped; /* it is bound, and the address is mapped for it */
};

/* Whose report it is: false when it says nothing that can be believed. */
bool report_endpoint(const struct event *event, uint32_t *ret_endpoint, uint64_t *ret_address);

/* Any bytes decode to something. */
void report_decode(const struct event *event, uint64_t sequence,
		   const struct report_context *context, struct drv_fault *ret_fault);

#endif
