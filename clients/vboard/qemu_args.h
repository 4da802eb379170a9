/* SPDX-License-Identifier: BSD-2-Clause */
/* A board's options as QEMU's command line. */
#ifndef SMMUMAN_VBOARD_QEMU_ARGS_H
#define SMMUMAN_VBOARD_QEMU_ARGS_H

#include "parts.h"
#include "qemu.h"

#define QEMU_ARGS_MAX 320

struct qemu_args {
	char *list[QEMU_ARGS_MAX]; /* up to NULL */
	unsigned count;
	bool failed;
};

/* QEMU's ends of what it shares with us. */
struct qemu_fds {
	const struct parts *parts;
	int qtest, qmp;
};

/* 0, or -E2BIG and nothing to be freed. */
int qemu_args_init(struct qemu_args *args, const struct qemu_options *options,
		   const struct qemu_fds *fds);
void qemu_args_fini(struct qemu_args *args);

#endif
