// SPDX-License-Identifier: BSD-2-Clause
#include "memory_fd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "arith.h"
#include "types.h"

#define SEALS_AGAINST_WRITING (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

/*
 * What a descriptor is, in a word. AT_STATX_DONT_SYNC: answers from what the
 * kernel has, so a FUSE or network server that sleeps cannot stop us.
 */
static const char *kind_name(int fd)
{
	struct statx status;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &status) ||
	    !(status.stx_mask & STATX_TYPE))
		return "an unknown object";
	switch (status.stx_mode & S_IFMT) {
	case S_IFREG:
		return "a file of another filesystem";
	case S_IFDIR:
		return "a directory";
	case S_IFIFO:
		return "a pipe";
	case S_IFSOCK:
		return "a socket";
	case S_IFCHR:
		return "a character device";
	case S_IFBLK:
		return "a block device";
	default:
		return "an unknown object";
	}
}

static int check_access(int fd, unsigned rights, struct error *err)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return error_set(err, -EINVAL, "the descriptor cannot be used: %s",
				 strerror(errno));
	if (flags & O_PATH)
		return error_set(err, -EINVAL,
				 "the descriptor was opened with O_PATH, which proves no access; "
				 "open the memory itself");
	if ((flags & O_ACCMODE) == O_WRONLY)
		return error_set(err, -EACCES,
				 "the descriptor was opened write-only; open it O_RDWR");
	if ((rights & RIGHT_WRITE) && (flags & O_ACCMODE) != O_RDWR)
		return error_set(err, -EACCES,
				 "the descriptor was opened read-only, so it cannot be granted for "
				 "writing; open it O_RDWR or ask for reading only");
	return 0;
}

/*
 * F_GET_SEALS is answered by the kernel alone and only for its memory
 * filesystems: the one question that is safe to ask of any descriptor.
 */
static int check_seals(int fd, unsigned rights, struct error *err)
{
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0)
		return error_set(err, -EINVAL,
				 "this descriptor is %s, not memory; hand over a memfd made with "
				 "memfd_create(MFD_ALLOW_SEALING)",
				 kind_name(fd));
	if (!(seals & F_SEAL_SHRINK))
		return error_set(err, -EINVAL,
				 "the memory can still be cut short; seal it first with "
				 "fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK)");
	if ((rights & RIGHT_WRITE) && (seals & SEALS_AGAINST_WRITING))
		return error_set(err, -EACCES,
				 "the memory is sealed against writing, so it cannot be granted for "
				 "writing; ask for reading only");
	return 0;
}

static int check_range(const struct stat *status, uint64_t offset, uint64_t length,
		       struct error *err)
{
	uint64_t size = (uint64_t)status->st_size;

	if (range_is_bad(offset, length))
		return error_set(err, -EINVAL,
				 "0x%" PRIx64 " bytes from offset 0x%" PRIx64
				 " are no range: the length is 0 or the end wraps around",
				 length, offset);
	if (!is_aligned(offset | length, PAGE_BYTES))
		return error_set(err, -EINVAL,
				 "offset 0x%" PRIx64 " and length 0x%" PRIx64
				 " must be multiples of the page size, 0x%" PRIx64,
				 offset, length, PAGE_BYTES);
	if (!range_within(offset, length, 0, size))
		return error_set(err, -EINVAL,
				 "the range ends at 0x%" PRIx64
				 " but the memory is only 0x%" PRIx64 " bytes long",
				 range_last(offset, length), size);
	return 0;
}

/* The first hole at or behind offset; the file position is left as it was. */
static off_t find_hole(int fd, uint64_t offset)
{
	off_t before = lseek(fd, 0, SEEK_CUR);
	off_t hole = lseek(fd, (off_t)offset, SEEK_HOLE);
	int saved = errno;

	if (before >= 0)
		(void)lseek(fd, before, SEEK_SET);
	errno = saved;
	return hole;
}

/*
 * Pinning would fill a hole with memory charged to us. hugetlbfs does not tell
 * where its holes are, only how much it holds.
 */
static int check_filled(int fd, const struct stat *status, bool is_huge, uint64_t offset,
			uint64_t length, struct error *err)
{
	uint64_t filled = (uint64_t)status->st_blocks * 512;
	off_t hole;

	if (is_huge) {
		if (filled >= (uint64_t)status->st_size)
			return 0;
		return error_set(err, -EINVAL,
				 "only 0x%" PRIx64 " of the memory's 0x%" PRIx64
				 " bytes are there; fill it first, for instance with "
				 "madvise(MADV_POPULATE_WRITE)",
				 filled, (uint64_t)status->st_size);
	}
	hole = find_hole(fd, offset);
	if (hole < 0)
		return error_set(err, -EINVAL, "cannot look for holes in the memory: %s",
				 strerror(errno));
	if ((uint64_t)hole <= range_last(offset, length))
		return error_set(err, -EINVAL,
				 "the memory has a hole at 0x%" PRIx64
				 "; fill it first, for instance with madvise(MADV_POPULATE_WRITE)",
				 (uint64_t)hole);
	return 0;
}

int memory_fd_check(int fd, uint64_t offset, uint64_t length, unsigned rights, struct error *err)
{
	struct statfs filesystem;
	struct stat status;
	int result;

	result = check_access(fd, rights, err);
	if (result)
		return result;
	result = check_seals(fd, rights, err);
	if (result)
		return result;
	if (fstatfs(fd, &filesystem) || fstat(fd, &status))
		return error_set(err, -EINVAL, "the descriptor cannot be examined: %s",
				 strerror(errno));
	if ((filesystem.f_type != TMPFS_MAGIC && filesystem.f_type != HUGETLBFS_MAGIC) ||
	    !S_ISREG(status.st_mode))
		return error_set(err, -EINVAL, "this descriptor is %s, not memory; hand over a memfd",
				 kind_name(fd));
	result = check_range(&status, offset, length, err);
	if (result)
		return result;
	return check_filled(fd, &status, filesystem.f_type == HUGETLBFS_MAGIC, offset, length,
			    err);
}
