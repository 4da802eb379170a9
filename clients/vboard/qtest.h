/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's qtest text protocol: one command line, one answer line. Each call
 * blocks until QEMU has answered, at most for the deadline; after a failure
 * the connection is of no more use.
 */
#ifndef SMMUMAN_VBOARD_QTEST_H
#define SMMUMAN_VBOARD_QTEST_H

#include <stdint.h>

#include "error.h"

struct qtest {
	int fd;
	unsigned deadline_s;
};

/* Takes no ownership of fd. 0 or -errno. */
int qtest_init(struct qtest *qtest, int fd, unsigned deadline_s);

/* size is 1, 2, 4 or 8. 0, or -EIO with a sentence: QEMU is lost. */
int qtest_read(struct qtest *qtest, uint64_t address, uint32_t size, uint64_t *ret_value,
	       struct error *err);
int qtest_write(struct qtest *qtest, uint64_t address, uint32_t size, uint64_t value,
		struct error *err);

/* To an x86 port; size is 1, 2 or 4. */
int qtest_out(struct qtest *qtest, uint16_t port, uint32_t size, uint32_t value,
	      struct error *err);

#endif
