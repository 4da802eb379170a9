/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owners that end with their scope. Declare and initialise in one line;
 * hand over with take_fd() or take_ptr(). Scope exits keep errno.
 */
#ifndef SMMUMAN_COMMON_SCOPED_H
#define SMMUMAN_COMMON_SCOPED_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void scoped_fd_end(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

static inline void scoped_free_end(void *owner)
{
	void *memory = *(void **)owner;
	int saved = errno;

	free(memory);
	errno = saved;
}

static inline void scoped_file_end(FILE **file)
{
	int saved = errno;

	if (*file)
		fclose(*file);
	errno = saved;
}

#define scoped_fd __attribute__((cleanup(scoped_fd_end))) int
#define scoped_free __attribute__((cleanup(scoped_free_end)))
#define scoped_file __attribute__((cleanup(scoped_file_end))) FILE *

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define take_ptr(owner) \
	({ \
		__typeof__(owner) taken_ = (owner); \
		(owner) = NULL; \
		taken_; \
	})

#endif
