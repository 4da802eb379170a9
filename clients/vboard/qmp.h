/* SPDX-License-Identifier: BSD-2-Clause */
/* QEMU's machine protocol, as far as the board needs it: stop and cont. */
#ifndef SMMUMAN_VBOARD_QMP_H
#define SMMUMAN_VBOARD_QMP_H

#include "error.h"

struct qmp {
	int fd;
	unsigned deadline_s;
};

/*
 * Takes no ownership of fd. Blocks until QEMU has greeted, at most for the
 * deadline. 0, or -EIO with a sentence.
 */
int qmp_init(struct qmp *qmp, int fd, unsigned deadline_s, struct error *err);

/* A command without arguments, until its answer. 0, or -EIO with a sentence. */
int qmp_command(struct qmp *qmp, const char *name, struct error *err);

#endif
