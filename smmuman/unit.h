/* SPDX-License-Identifier: BSD-2-Clause */
/* The units' way from "somebody left it like that" to "closed by us". */
#ifndef SMMUMAN_SMMUMAN_UNIT_H
#define SMMUMAN_SMMUMAN_UNIT_H

#include "daemon.h"

/* Finds a module for each unit and asks it whether it can use it. Changes nothing. */
int units_probe(struct daemon *d, struct error *err);

/* Everything aborts, by registers alone. */
void units_close(struct daemon *d);

/* Frees what probing made. */
void units_forget(struct daemon *d);

/*
 * Programs one unit: the policy's host: identity streams open, all others
 * closed, from the first instant. On error the unit is closed.
 */
int unit_takeover(struct daemon *d, struct unit *unit, struct error *err);

#endif
