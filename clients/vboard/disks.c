// SPDX-License-Identifier: BSD-2-Clause
#include "disks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "log.h"
#include "scoped.h"

static int make_disk(unsigned index, uint64_t size)
{
	scoped_fd fd = -1;
	char name[32];

	snprintf(name, sizeof(name), "board-disk-%u", index);
	fd = memfd_create(name, MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)size) != 0)
		return -errno;
	return take_fd(&fd);
}

int disks_init(struct disks *disks, unsigned count, uint64_t size, struct error *err)
{
	*disks = (struct disks){ .count = 0 };
	check(count <= DISKS_MAX);
	while (disks->count < count) {
		int fd = make_disk(disks->count, size);

		if (fd < 0) {
			disks_fini(disks);
			return error_set(err, fd, "memory for a disk: %s", strerror(-fd));
		}
		disks->fds[disks->count++] = fd;
	}
	return 0;
}

void disks_fini(struct disks *disks)
{
	while (disks->count > 0)
		close(disks->fds[--disks->count]);
}
