/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event queue: records are copied out in order and numbered for ever. What
 * the hardware dropped is a loss episode, told once all records that came
 * before it have been handed out.
 */
#ifndef SMMUMAN_DRIVERS_SMMUV3_EVTQ_H
#define SMMUMAN_DRIVERS_SMMUV3_EVTQ_H

#include <stdbool.h>
#include <stdint.h>

#include "driver.h"
#include "hw.h"
#include "regs.h"

#define EVTQ_LOG2_MIN 1u
#define EVTQ_LOG2_DEFAULT 12u

struct evtq {
	const struct hw_regs *regs;
	struct pages *pages;
	struct drv_counts *counts;
	uint64_t *entries;
	unsigned log2;
	bool is_started;
	uint32_t cons;	   /* our index, wrap bit included */
	uint32_t overflow; /* OVACKFLG as it is to be */
	uint32_t written;  /* what EVENTQ_CONS holds */
	uint64_t sequence; /* records handed out, ever */
	uint64_t loss_at;  /* records before this one came before the loss */
	const char *loss_why; /* NULL: no episode waits to be told */
	bool loss_by_flag; /* the episode ends with OVACKFLG */
};

int evtq_init(struct evtq *queue, const struct hw_regs *regs, struct drv_counts *counts,
	      unsigned log2);
void evtq_fini(struct evtq *queue);

/* Writes base and indices; the queue must be disabled. */
void evtq_start(struct evtq *queue);
uint64_t evtq_base_word(const struct evtq *queue);

/*
 * Copies the oldest record out. False when there is none, before the start and
 * when the register reads all ones. *ret_words is numbered sequence - 1 after it.
 */
bool evtq_take(struct evtq *queue, uint32_t prod, uint64_t ret_words[EVENT_WORDS]);

/* EVENTQ_PROD with every record before it readable; notes an overflow. */
uint32_t evtq_look(struct evtq *queue);

/* Another register said that records were dropped. */
void evtq_note_loss(struct evtq *queue, uint32_t prod, const char *why);

/* Tells sink of a loss whose turn has come; gives the taken records back. */
void evtq_release(struct evtq *queue, const struct drv_fault_sink *sink);

uint32_t evtq_waiting(const struct evtq *queue, uint32_t prod);

#endif
