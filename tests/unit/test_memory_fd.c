// SPDX-License-Identifier: BSD-2-Clause
/* F15, F16, F17: descriptors that are no memory, or not for the rights asked. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "memory_fd.h"
#include "scoped.h"
#include "types.h"

#define SIZE (8 * PAGE_BYTES)
#define READ_WRITE (RIGHT_READ | RIGHT_WRITE)

/* A filled memfd with these seals. */
static int make_memory(uint64_t size, int seals)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *at;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	memset(at, 1, size);
	munmap(at, size);
	if (seals)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void expect_refused(int fd, uint64_t offset, uint64_t length, unsigned rights, int code,
			   const char *words)
{
	struct error err = { 0 };

	assert_int_equal(memory_fd_check(fd, offset, length, rights, &err), code);
	assert_int_equal(err.code, code);
	if (!strstr(err.text, words))
		fail_msg("'%s' does not say '%s'", err.text, words);
}

static void memory_fd_sealed_and_filled_is_accepted(void **state)
{
	scoped_fd fd = make_memory(SIZE, F_SEAL_SHRINK);
	struct error err = { 0 };

	(void)state;
	assert_int_equal(memory_fd_check(fd, 0, SIZE, RIGHT_ALL, &err), 0);
	assert_int_equal(memory_fd_check(fd, PAGE_BYTES, PAGE_BYTES, RIGHT_READ, &err), 0);
	assert_int_equal(memory_fd_check(fd, SIZE - PAGE_BYTES, PAGE_BYTES, READ_WRITE, &err), 0);
}

static void memory_fd_grown_after_sealing_is_accepted(void **state)
{
	scoped_fd fd = make_memory(SIZE, F_SEAL_SHRINK);
	struct error err = { 0 };

	(void)state;
	assert_int_equal(ftruncate(fd, 2 * SIZE), 0);
	assert_int_equal(memory_fd_check(fd, 0, SIZE, READ_WRITE, &err), 0);
	expect_refused(fd, 0, 2 * SIZE, READ_WRITE, -EINVAL, "hole at 0x8000");
}

static void memory_fd_file_position_stays(void **state)
{
	scoped_fd fd = make_memory(SIZE, F_SEAL_SHRINK);

	(void)state;
	assert_int_equal(lseek(fd, 123, SEEK_SET), 123);
	assert_int_equal(memory_fd_check(fd, 0, SIZE, READ_WRITE, NULL), 0);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 123);
}

static void memory_fd_pipe_is_refused(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	expect_refused(ends[0], 0, SIZE, RIGHT_READ, -EINVAL, "is a pipe, not memory");
	expect_refused(ends[1], 0, SIZE, RIGHT_READ, -EACCES, "write-only");
	close(ends[0]);
	close(ends[1]);
}

static void memory_fd_directory_is_refused(void **state)
{
	scoped_fd fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	expect_refused(fd, 0, SIZE, RIGHT_READ, -EINVAL, "is a directory, not memory");
}

static void memory_fd_device_is_refused(void **state)
{
	scoped_fd fd = open("/dev/zero", O_RDWR | O_CLOEXEC);

	(void)state;
	expect_refused(fd, 0, SIZE, READ_WRITE, -EINVAL, "is a character device, not memory");
}

static void memory_fd_proc_file_is_refused(void **state)
{
	scoped_fd fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	(void)state;
	expect_refused(fd, 0, SIZE, READ_WRITE, -EINVAL, "not memory");
}

static void memory_fd_socket_is_refused(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	expect_refused(ends[0], 0, SIZE, READ_WRITE, -EINVAL, "is a socket, not memory");
	close(ends[0]);
	close(ends[1]);
}

static void memory_fd_regular_disk_file_is_refused(void **state)
{
	scoped_fd fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	(void)state;
	expect_refused(fd, 0, PAGE_BYTES, RIGHT_READ, -EINVAL,
		       "is a file of another filesystem, not memory");
}

static void memory_fd_path_only_is_refused(void **state)
{
	scoped_fd memory = make_memory(SIZE, F_SEAL_SHRINK), fd = -1;
	char link[64];

	(void)state;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", memory);
	fd = open(link, O_PATH | O_CLOEXEC);
	assert_true(fd >= 0);
	expect_refused(fd, 0, SIZE, RIGHT_READ, -EINVAL, "O_PATH");
}

static void memory_fd_closed_is_refused(void **state)
{
	(void)state;
	expect_refused(-1, 0, SIZE, RIGHT_READ, -EINVAL, "cannot be used");
}

static void memory_fd_unsealed_is_refused(void **state)
{
	scoped_fd fd = make_memory(SIZE, 0);

	(void)state;
	expect_refused(fd, 0, SIZE, RIGHT_READ, -EINVAL, "F_SEAL_SHRINK");
}

static void memory_fd_sealed_against_growing_only_is_refused(void **state)
{
	scoped_fd fd = make_memory(SIZE, F_SEAL_GROW);

	(void)state;
	expect_refused(fd, 0, SIZE, RIGHT_READ, -EINVAL, "F_SEAL_SHRINK");
}

/* A file in a tmpfs mount can never be sealed. */
static void memory_fd_tmpfs_file_is_refused(void **state)
{
	char name[] = "/dev/shm/test_memory_fd.XXXXXX";
	scoped_fd fd = mkstemp(name);

	(void)state;
	if (fd < 0)
		skip();
	unlink(name);
	assert_int_equal(ftruncate(fd, SIZE), 0);
	expect_refused(fd, 0, SIZE, READ_WRITE, -EINVAL, "");
}

static void memory_fd_shrunk_before_sealing_is_beyond_the_end(void **state)
{
	scoped_fd fd = make_memory(SIZE, 0);

	(void)state;
	assert_int_equal(ftruncate(fd, PAGE_BYTES), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	assert_int_equal(memory_fd_check(fd, 0, PAGE_BYTES, READ_WRITE, NULL), 0);
	expect_refused(fd, 0, SIZE, READ_WRITE, -EINVAL, "only 0x1000 bytes long");
}

static void memory_fd_read_only_descriptor_is_refused_for_writing(void **state)
{
	scoped_fd memory = make_memory(SIZE, F_SEAL_SHRINK), fd = -1;
	char link[64];

	(void)state;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", memory);
	fd = open(link, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(memory_fd_check(fd, 0, SIZE, RIGHT_READ, NULL), 0);
	expect_refused(fd, 0, SIZE, READ_WRITE, -EACCES, "opened read-only");
}

static void memory_fd_sealed_against_writing_is_refused_for_writing(void **state)
{
	static const int seals[] = { F_SEAL_WRITE, F_SEAL_FUTURE_WRITE };
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		scoped_fd fd = make_memory(SIZE, F_SEAL_SHRINK | seals[i]);

		assert_int_equal(memory_fd_check(fd, 0, SIZE, RIGHT_READ, NULL), 0);
		expect_refused(fd, 0, SIZE, READ_WRITE, -EACCES, "sealed against writing");
	}
}

static void memory_fd_sparse_is_refused(void **state)
{
	scoped_fd fd = memfd_create("sparse", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	(void)state;
	assert_int_equal(ftruncate(fd, SIZE), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	expect_refused(fd, 0, SIZE, READ_WRITE, -EINVAL, "hole at 0x0");
}

static void memory_fd_punched_hole_is_refused_with_its_place(void **state)
{
	scoped_fd fd = make_memory(SIZE, F_SEAL_SHRINK);

	(void)state;
	assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 3 * PAGE_BYTES,
				   PAGE_BYTES), 0);
	expect_refused(fd, 0, SIZE, READ_WRITE, -EINVAL, "hole at 0x3000");
	expect_refused(fd, 3 * PAGE_BYTES, PAGE_BYTES, READ_WRITE, -EINVAL, "hole at 0x3000");
	assert_int_equal(memory_fd_check(fd, 0, 3 * PAGE_BYTES, READ_WRITE, NULL), 0);
	assert_int_equal(memory_fd_check(fd, 4 * PAGE_BYTES, SIZE - 4 * PAGE_BYTES, READ_WRITE,
					 NULL), 0);
}

static void memory_fd_wrapping_range_is_refused(void **state)
{
	scoped_fd fd = make_memory(SIZE, F_SEAL_SHRINK);

	(void)state;
	expect_refused(fd, 0, 0, RIGHT_READ, -EINVAL, "no range");
	expect_refused(fd, UINT64_MAX - PAGE_BYTES + 1, 2 * PAGE_BYTES, RIGHT_READ, -EINVAL,
		       "no range");
	expect_refused(fd, PAGE_BYTES, UINT64_MAX - PAGE_BYTES + 1, RIGHT_READ, -EINVAL,
		       "the memory is only");
}

static void memory_fd_unaligned_range_is_refused(void **state)
{
	scoped_fd fd = make_memory(SIZE, F_SEAL_SHRINK);

	(void)state;
	expect_refused(fd, 1, PAGE_BYTES, RIGHT_READ, -EINVAL, "multiples of the page size");
	expect_refused(fd, 0, PAGE_BYTES - 1, RIGHT_READ, -EINVAL, "multiples of the page size");
}

static void memory_fd_range_beyond_the_end_is_refused(void **state)
{
	scoped_fd fd = make_memory(SIZE, F_SEAL_SHRINK);

	(void)state;
	expect_refused(fd, 0, SIZE + PAGE_BYTES, RIGHT_READ, -EINVAL, "only 0x8000 bytes long");
	expect_refused(fd, SIZE, PAGE_BYTES, RIGHT_READ, -EINVAL, "only 0x8000 bytes long");
	expect_refused(fd, UINT64_C(1) << 63, PAGE_BYTES, RIGHT_READ, -EINVAL, "only 0x8000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_fd_sealed_and_filled_is_accepted),
		cmocka_unit_test(memory_fd_grown_after_sealing_is_accepted),
		cmocka_unit_test(memory_fd_file_position_stays),
		cmocka_unit_test(memory_fd_pipe_is_refused),
		cmocka_unit_test(memory_fd_directory_is_refused),
		cmocka_unit_test(memory_fd_device_is_refused),
		cmocka_unit_test(memory_fd_proc_file_is_refused),
		cmocka_unit_test(memory_fd_socket_is_refused),
		cmocka_unit_test(memory_fd_regular_disk_file_is_refused),
		cmocka_unit_test(memory_fd_path_only_is_refused),
		cmocka_unit_test(memory_fd_closed_is_refused),
		cmocka_unit_test(memory_fd_unsealed_is_refused),
		cmocka_unit_test(memory_fd_sealed_against_growing_only_is_refused),
		cmocka_unit_test(memory_fd_tmpfs_file_is_refused),
		cmocka_unit_test(memory_fd_shrunk_before_sealing_is_beyond_the_end),
		cmocka_unit_test(memory_fd_read_only_descriptor_is_refused_for_writing),
		cmocka_unit_test(memory_fd_sealed_against_writing_is_refused_for_writing),
		cmocka_unit_test(memory_fd_sparse_is_refused),
		cmocka_unit_test(memory_fd_punched_hole_is_refused_with_its_place),
		cmocka_unit_test(memory_fd_wrapping_range_is_refused),
		cmocka_unit_test(memory_fd_unaligned_range_is_refused),
		cmocka_unit_test(memory_fd_range_beyond_the_end_is_refused),
	};

	return cmocka_run_group_tests_name("memory_fd", tests, NULL, NULL);
}
