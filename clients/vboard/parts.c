// SPDX-License-Identifier: BSD-2-Clause
#include "parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "log.h"
#include "scoped.h"

static int make_part(unsigned index, uint64_t size)
{
	scoped_fd fd = -1;
	char name[32];

	snprintf(name, sizeof(name), "board-ram-%u", index);
	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) != 0)
		return -errno;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
		return -errno;
	return take_fd(&fd);
}

static int parts_add(struct parts *parts, uint64_t pa, uint64_t size)
{
	int fd = make_part(parts->count, size);

	if (fd < 0)
		return fd;
	parts->list[parts->count++] = (struct part){ .fd = fd, .pa = pa, .size = size };
	return 0;
}

int parts_init(struct parts *parts, uint64_t base, uint64_t owner_size, unsigned count,
	       uint64_t part_size, struct error *err)
{
	uint64_t pa = base;
	unsigned i;
	int status;

	*parts = (struct parts){ .count = 0 };
	check(count < BOARD_PARTS_MAX);
	for (i = 0; i <= count; i++) {
		uint64_t size = i == 0 ? owner_size : part_size;

		status = parts_add(parts, pa, size);
		if (status) {
			parts_fini(parts);
			return error_set(err, status, "memory for RAM part %u (%llu MiB): %s", i,
					 (unsigned long long)(size >> 20), strerror(-status));
		}
		pa += size;
	}

	parts->owner = mmap(NULL, owner_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			    parts->list[0].fd, 0);
	if (parts->owner == MAP_FAILED) {
		status = -errno;
		parts->owner = NULL;
		parts_fini(parts);
		return error_set(err, status, "mapping RAM part 0: %s", strerror(-status));
	}
	return 0;
}

void parts_fini(struct parts *parts)
{
	if (parts->owner)
		munmap(parts->owner, parts->list[0].size);
	parts->owner = NULL;
	while (parts->count > 0)
		close(parts->list[--parts->count].fd);
}

uint64_t parts_total_size(const struct parts *parts)
{
	uint64_t total = 0;
	unsigned i;

	for (i = 0; i < parts->count; i++)
		total += parts->list[i].size;
	return total;
}
