/* SPDX-License-Identifier: BSD-2-Clause */
/* Is a descriptor that a client handed over memory we may pin and map? */
#ifndef SMMUMAN_SMMUMAN_MEMORY_FD_H
#define SMMUMAN_SMMUMAN_MEMORY_FD_H

#include <stdint.h>

#include "error.h"

/*
 * Bytes [offset, offset + length) of fd must be whole pages of a memfd (or a
 * hugetlbfs file), sealed against shrinking, without holes, opened so that rights
 * (enum rights) can be had. 0, -EINVAL, or -EACCES when the descriptor is too
 * weak for the rights; each with a sentence that says what to do.
 *
 * Never waits for a foreign filesystem: what the kernel's memory filesystems
 * do not own is refused before anything asks its owner. The shared file
 * position is put back where it was.
 */
int memory_fd_check(int fd, uint64_t offset, uint64_t length, unsigned rights, struct error *err);

#endif
