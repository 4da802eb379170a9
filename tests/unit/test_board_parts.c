// SPDX-License-Identifier: BSD-2-Clause
/* Who gets which part of a board's RAM, and what it finds there. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "board_parts.h"
#include "memory_fd.h"
#include "scoped.h"

#define RAM UINT64_C(0x40000000)
#define SIZE (16 * PAGE_BYTES)
#define PARTS 4u /* the daemon's, two of SIZE, one twice as big */
#define ALICE 1000u
#define BOB 1001u

static struct board_parts parts;
static struct error err;

static int setup(void **state)
{
	struct board_part told[PARTS];
	int fds[PARTS];
	uint64_t pa = RAM;
	uint32_t i;

	(void)state;
	err = (struct error){ 0 };
	for (i = 0; i < PARTS; i++) {
		told[i] = (struct board_part){ pa, i == 3 ? 2 * SIZE : SIZE };
		pa += told[i].size;
		fds[i] = memfd_create("part", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		assert_int_equal(ftruncate(fds[i], (off_t)told[i].size), 0);
		assert_int_equal(fcntl(fds[i], F_ADD_SEALS, F_SEAL_SHRINK), 0);
	}
	assert_int_equal(board_parts_init(&parts, told, fds, PARTS, &err), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	board_parts_fini(&parts);
	return 0;
}

/* Which part uid gets, or a negative errno; *ret_fd is closed when not wanted. */
static int lend(uid_t uid, uint64_t size, int *ret_fd)
{
	uint64_t got = 0;
	uint32_t part;
	int result, fd;

	result = board_parts_lend(&parts, uid, size, &fd, &got, &part, &err);
	if (result)
		return result;
	assert_true(got >= size);
	if (ret_fd)
		*ret_fd = fd;
	else
		close(fd);
	return (int)part;
}

static void lend_gives_zeroed_memory_without_holes(void **state)
{
	scoped_fd fd = -1;
	uint8_t *at;

	(void)state;
	assert_int_equal(lend(ALICE, SIZE, &fd), 1);
	assert_int_equal(memory_fd_check(fd, 0, SIZE, RIGHT_ALL, &err), 0);
	at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	assert_int_equal(at[0] | at[SIZE - 1], 0);
	munmap(at, SIZE);
}

static void lend_again_finds_nothing_of_last_time(void **state)
{
	scoped_fd first = -1, second = -1;
	char secret[] = "secret", seen[sizeof(secret)];

	(void)state;
	assert_int_equal(lend(ALICE, SIZE, &first), 1);
	assert_int_equal(pwrite(first, secret, sizeof(secret), 0x1000), sizeof(secret));
	board_parts_return(&parts, 1);
	assert_int_equal(lend(ALICE, SIZE, &second), 1);
	assert_int_equal(pread(second, seen, sizeof(seen), 0x1000), sizeof(seen));
	assert_memory_equal(seen, "\0\0\0\0\0\0\0", sizeof(seen));
	assert_int_equal(memory_fd_check(second, 0, SIZE, RIGHT_ALL, &err), 0);
}

static void lend_each_part_to_one_client_only(void **state)
{
	(void)state;
	assert_int_equal(lend(ALICE, SIZE, NULL), 1);
	assert_int_equal(lend(BOB, SIZE, NULL), 2);
	assert_int_equal(lend(ALICE, SIZE, NULL), 3);
	assert_int_equal(lend(ALICE, SIZE, NULL), -ENOSPC);
	assert_non_null(strstr(err.text, "start the board with more parts"));
}

static void lend_chooses_the_smallest_that_fits(void **state)
{
	(void)state;
	assert_int_equal(lend(ALICE, SIZE + 1, NULL), 3);
	assert_int_equal(lend(ALICE, 0, NULL), 1);
	assert_int_equal(lend(ALICE, 2 * SIZE + 1, NULL), -ENOSPC);
	assert_int_equal(lend(ALICE, UINT64_MAX, NULL), -ENOSPC);
}

static void lend_never_gives_the_daemons_own_part(void **state)
{
	uint32_t i;

	(void)state;
	for (i = 1; i < PARTS; i++)
		assert_true(lend(ALICE, 0, NULL) > 0);
	assert_int_equal(lend(ALICE, 0, NULL), -ENOSPC);
}

static void lend_returned_part_goes_to_the_same_user_only(void **state)
{
	(void)state;
	assert_int_equal(lend(ALICE, SIZE, NULL), 1);
	board_parts_return(&parts, 1);
	assert_int_equal(lend(BOB, SIZE, NULL), 2);
	assert_int_equal(lend(BOB, SIZE, NULL), 3);
	assert_int_equal(lend(BOB, SIZE, NULL), -ENOSPC);
	assert_int_equal(lend(ALICE, SIZE, NULL), 1);
}

static void lend_prefers_a_part_the_user_had(void **state)
{
	(void)state;
	assert_int_equal(lend(BOB, SIZE, NULL), 1);
	assert_int_equal(lend(ALICE, SIZE, NULL), 2);
	board_parts_return(&parts, 1);
	board_parts_return(&parts, 2);
	assert_int_equal(lend(ALICE, SIZE, NULL), 2);
}

/* A borrower sealed its part against writing: it can never be cleaned again. */
static void lend_part_that_cannot_be_cleaned_is_given_up(void **state)
{
	scoped_fd fd = -1;

	(void)state;
	assert_int_equal(lend(ALICE, SIZE, &fd), 1);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	board_parts_return(&parts, 1);
	assert_true(lend(ALICE, SIZE, NULL) < 0);
	assert_non_null(strstr(err.text, "cannot clean the part of the board's memory at 0x40010000"));
	assert_int_equal(lend(ALICE, SIZE, NULL), 2);
}

static void resolve_lent_part_gives_its_address(void **state)
{
	struct extent extent;
	scoped_fd fd = -1;

	(void)state;
	assert_int_equal(lend(ALICE, SIZE, &fd), 1);
	assert_int_equal(board_parts_resolve(&parts, fd, 0x2000, 0x3000, &extent, &err), 0);
	assert_int_equal(extent.pa.v, RAM + SIZE + 0x2000);
	assert_int_equal(extent.length, 0x3000);
}

static void resolve_range_beyond_the_part_is_refused(void **state)
{
	static const uint64_t bad[][2] = { { 0, SIZE + 1 }, { SIZE, 1 }, { 0, 0 },
					   { UINT64_MAX, 2 }, { 0x1000, UINT64_MAX } };
	struct extent extent;
	scoped_fd fd = -1;
	size_t i;

	(void)state;
	assert_int_equal(lend(ALICE, SIZE, &fd), 1);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(board_parts_resolve(&parts, fd, bad[i][0], bad[i][1], &extent,
						     &err), -EINVAL);
		assert_non_null(strstr(err.text, "ends behind the part"));
	}
}

static void resolve_the_daemons_part_is_refused(void **state)
{
	struct extent extent;

	(void)state;
	assert_int_equal(board_parts_resolve(&parts, parts.list[0].fd, 0, SIZE, &extent, &err),
			 -EINVAL);
	assert_non_null(strstr(err.text, "belongs to the daemon"));
}

static void resolve_returned_part_is_refused(void **state)
{
	struct extent extent;
	scoped_fd fd = -1;

	(void)state;
	assert_int_equal(lend(ALICE, SIZE, &fd), 1);
	board_parts_return(&parts, 1);
	assert_int_equal(board_parts_resolve(&parts, fd, 0, SIZE, &extent, &err), -EINVAL);
	assert_non_null(strstr(err.text, "lent to nobody"));
}

static void resolve_foreign_memory_is_refused(void **state)
{
	scoped_fd fd = memfd_create("own", MFD_CLOEXEC);
	struct extent extent;

	(void)state;
	assert_int_equal(board_parts_resolve(&parts, fd, 0, SIZE, &extent, &err), -EINVAL);
	assert_non_null(strstr(err.text, "smmu_dma_alloc()"));
	assert_int_equal(board_parts_resolve(&parts, -1, 0, SIZE, &extent, &err), -EINVAL);
}

static void overlap_is_exact_at_both_edges(void **state)
{
	const uint64_t end = RAM + 5 * SIZE;

	(void)state;
	assert_true(board_parts_overlap(&parts, PA(RAM), 1));
	assert_true(board_parts_overlap(&parts, PA(end - 1), 1));
	assert_true(board_parts_overlap(&parts, PA(RAM - 1), 2));
	assert_false(board_parts_overlap(&parts, PA(RAM - 1), 1));
	assert_false(board_parts_overlap(&parts, PA(end), 1));
	assert_false(board_parts_overlap(&parts, PA(RAM), 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lend_gives_zeroed_memory_without_holes),
		TEST(lend_again_finds_nothing_of_last_time),
		TEST(lend_each_part_to_one_client_only),
		TEST(lend_chooses_the_smallest_that_fits),
		TEST(lend_never_gives_the_daemons_own_part),
		TEST(lend_returned_part_goes_to_the_same_user_only),
		TEST(lend_prefers_a_part_the_user_had),
		TEST(lend_part_that_cannot_be_cleaned_is_given_up),
		TEST(resolve_lent_part_gives_its_address),
		TEST(resolve_range_beyond_the_part_is_refused),
		TEST(resolve_the_daemons_part_is_refused),
		TEST(resolve_returned_part_is_refused),
		TEST(resolve_foreign_memory_is_refused),
		TEST(overlap_is_exact_at_both_edges),
	};

	return cmocka_run_group_tests_name("board_parts", tests, NULL, NULL);
}
