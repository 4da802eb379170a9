/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SMMUMAN_SMMUMAN_OPTIONS_H
#define SMMUMAN_SMMUMAN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "machine.h"

#define OPTIONS_POLICY "/etc/smmuman/policy.yaml"
#ifndef OPTIONS_MODULES
#define OPTIONS_MODULES "/usr/local/lib/smmuman" /* the Makefile's libdir */
#endif

/* What the command line and the environment say; strings are theirs. */
struct options {
	const char *modules; /* -m */
	const char *policy; /* -p */
	const char *socket; /* -s */
	const char *boards[MACHINE_PARTS_MAX]; /* -b, or $SMMU_BOARD */
	uint32_t board_count;
	int ready_fd;	    /* -r: "ready\n" is written there; -1: none */
	unsigned verbosity; /* -v: 0, 1, 2 */
	bool is_check;	    /* -n */
	bool is_help, is_version;
};

/* 0, or -EINVAL after a line on stderr. */
int options_parse(int argc, char **argv, struct options *ret_options);

/* The help text, on stdout. */
void options_help(void);

#endif
