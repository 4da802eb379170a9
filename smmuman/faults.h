/* SPDX-License-Identifier: BSD-2-Clause */
/* The fault log, and the sentence that explains a refusal. */
#ifndef SMMUMAN_SMMUMAN_FAULTS_H
#define SMMUMAN_SMMUMAN_FAULTS_H

#include "daemon.h"

int faults_init(struct daemon *d);
void faults_fini(struct daemon *d);
/* At most budget records of every unit; true while more wait. */
bool faults_drain(struct daemon *d, unsigned budget);
/* What a unit recorded while no daemon ran; once, before its take-over. */
void faults_salvage(struct daemon *d, struct unit *unit);
/* Records after a cursor, of one client or (0) of everybody. */
uint32_t faults_read(struct daemon *d, uint64_t after, uint32_t client, uint32_t max,
		     struct wire_fault *ret_records, uint64_t *ret_next, uint64_t *ret_lost);
void faults_totals(const struct daemon *d, uint64_t *ret_faults, uint64_t *ret_records,
		   uint64_t *ret_losses);
/* fault_note.c: which grant the access just missed, in a sentence. */
void fault_note(struct daemon *d, const struct device *device, const struct owner *owner,
		const struct drv_fault *fault, char *text, size_t size);

#endif
