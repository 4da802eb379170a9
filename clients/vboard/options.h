/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line. */
#ifndef SMMUMAN_VBOARD_OPTIONS_H
#define SMMUMAN_VBOARD_OPTIONS_H

#include "board_up.h"

extern const char options_usage[];

/* 0; 1: help or version was printed; -EINVAL with a sentence. */
int options_parse(int argc, char **argv, struct board_options *ret_options, struct error *err);

#endif
