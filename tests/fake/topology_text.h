/* SPDX-License-Identifier: BSD-2-Clause */
/* A topology as text, for golden files, and what must hold of every topology. */
#ifndef SMMUMAN_TESTS_TOPOLOGY_TEXT_H
#define SMMUMAN_TESTS_TOPOLOGY_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "topology.h"

/* Always NUL terminated, cut at size - 1. */
void topology_text(const struct topology *topology, char *text, size_t size);

/* Counts, indices and strings in bounds; ranges good; names unique and parsable. */
bool topology_is_valid(const struct topology *topology);

#endif
