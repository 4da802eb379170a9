// SPDX-License-Identifier: BSD-2-Clause
/* Memory by descriptor: what is none is refused, what is cut short harms nobody. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "raw.h"

#define BASE UINT64_C(0x100000)

struct client {
	struct service service;
	struct raw raw;
	unsigned descriptors; /* of the daemon, before anything was tried */
};

static int setup(void **state)
{
	struct client *client = calloc(1, sizeof(*client));

	*state = client;
	service_start(&client->service, NULL);
	raw_open(&client->raw, &client->service);
	client->descriptors = service_descriptors(&client->service);
	return 0;
}

/* Whatever was handed over, the daemon has kept none of it. */
static int teardown(void **state)
{
	struct client *client = *state;
	unsigned now;

	service_settle(&client->service);
	now = service_descriptors(&client->service);
	raw_close(&client->raw);
	service_stop(&client->service);
	assert_int_equal(now, client->descriptors);
	free(client);
	return 0;
}

static void refuse(struct client *client, int fd, unsigned rights, int status, const char *words)
{
	uint32_t memory;

	assert_true(fd >= 0);
	assert_int_equal(raw_memory_add(&client->raw, fd, 0, PAGE_BYTES, rights, &memory), status);
	if (!strstr(client->raw.why, words))
		fail_msg("'%s' does not say '%s'", client->raw.why, words);
	close(fd);
}

static void f15_descriptor_that_is_no_memory_refused(void **state)
{
	struct client *client = *state;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	refuse(client, ends[0], RIGHT_READ, -EINVAL, "a pipe");
	refuse(client, ends[1], RW, -EACCES, "write-only");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	refuse(client, ends[0], RW, -EINVAL, "a socket");
	close(ends[1]);
	refuse(client, open("/tmp", O_RDONLY), RIGHT_READ, -EINVAL, "a directory");
	refuse(client, open("/dev/zero", O_RDWR), RW, -EINVAL, "a character device");
	refuse(client, open("/dev/null", O_RDWR), RW, -EINVAL, "a character device");
	refuse(client, open("/proc/self/maps", O_RDONLY), RIGHT_READ, -EINVAL, "not memory");
	refuse(client, open("/proc/self/exe", O_RDONLY), RIGHT_READ, -EINVAL, "");
	refuse(client, epoll_create1(0), RW, -EINVAL, "not memory");
	refuse(client, open("/tmp", O_RDWR | O_TMPFILE, 0600), RW, -EINVAL, "");
}

static void f15_path_descriptor_of_memory_refused(void **state)
{
	struct client *client = *state;
	int fd = raw_memfd(1, F_SEAL_SHRINK);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	refuse(client, open(path, O_PATH), RIGHT_READ, -EINVAL, "O_PATH");
	close(fd);
}

/* The daemon's own socket, handed to itself: closed like any other. */
static void f15_own_connection_as_memory_refused(void **state)
{
	struct client *client = *state;

	refuse(client, dup(client->raw.fd), RW, -EINVAL, "a socket");
	raw_domain(&client->raw);
}

static void f16_unsealed_memory_refused(void **state)
{
	struct client *client = *state;

	refuse(client, raw_memfd(1, 0), RW, -EINVAL, "F_SEAL_SHRINK");
	refuse(client, raw_memfd(1, F_SEAL_GROW | F_SEAL_SEAL), RW, -EINVAL, "F_SEAL_SHRINK");
	refuse(client, memfd_create("test", 0), RW, -EINVAL, "F_SEAL_SHRINK");
}

static void f17_memory_with_a_hole_refused(void **state)
{
	struct client *client = *state;
	int fd = raw_memfd(3, F_SEAL_SHRINK);
	uint32_t memory;

	assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE_BYTES,
				   PAGE_BYTES), 0);
	assert_int_equal(raw_memory_add(&client->raw, fd, 0, 3 * PAGE_BYTES, RW, &memory), -EINVAL);
	assert_non_null(strstr(client->raw.why, "hole at 0x1000"));
	assert_int_equal(raw_memory_add(&client->raw, fd, 2 * PAGE_BYTES, PAGE_BYTES, RW, &memory), 0);
	close(fd);
}

static void f17_memory_that_cannot_be_written_refused_for_writing(void **state)
{
	struct client *client = *state;
	int fd = raw_memfd(1, F_SEAL_SHRINK | F_SEAL_WRITE);
	char path[64];
	int other;

	refuse(client, dup(fd), RW, -EACCES, "sealed against writing");
	assert_int_equal(raw_memory_add(&client->raw, fd, 0, PAGE_BYTES, RIGHT_READ, NULL), 0);
	close(fd);
	fd = raw_memfd(1, F_SEAL_SHRINK);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	other = open(path, O_RDONLY);
	refuse(client, dup(other), RW, -EACCES, "read-only");
	assert_int_equal(raw_memory_add(&client->raw, other, 0, PAGE_BYTES, RIGHT_READ, NULL), 0);
	close(other);
	close(fd);
}

static void f13_memory_of_a_bad_range_refused(void **state)
{
	static const struct { uint64_t offset, length; } bad[] = {
		{ 0, 0 }, { 0, 1 }, { 1, PAGE_BYTES }, { 0, PAGE_BYTES + 1 },
		{ 4 * PAGE_BYTES, PAGE_BYTES }, { 3 * PAGE_BYTES, 2 * PAGE_BYTES },
		{ 0, ~UINT64_C(0) }, { 0, ~UINT64_C(0xfff) }, { PAGE_BYTES, ~UINT64_C(0xfff) },
		{ ~UINT64_C(0xfff), 2 * PAGE_BYTES }, { UINT64_C(1) << 63, PAGE_BYTES },
		{ 0, UINT64_C(1) << 63 },
	};
	struct client *client = *state;
	int fd = raw_memfd(4, F_SEAL_SHRINK);
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(raw_memory_add(&client->raw, fd, bad[i].offset, bad[i].length, RW,
						NULL), -EINVAL);
	assert_int_equal(raw_memory_add(&client->raw, fd, 0, PAGE_BYTES, 0, NULL), -EINVAL);
	assert_int_equal(raw_memory_add(&client->raw, fd, 0, PAGE_BYTES, 8, NULL), -EINVAL);
	assert_int_equal(raw_memory_add(&client->raw, fd, 3 * PAGE_BYTES, PAGE_BYTES, RW, NULL), 0);
	assert_int_equal(raw_status(&client->raw).memories, 1);
	close(fd);
}

/* The frames were read once: what the client does to its file moves nothing. */
static void f16_memory_changed_after_registration_harms_nobody(void **state)
{
	struct client *client = *state;
	int fd = raw_memfd(8, F_SEAL_SHRINK);
	uint32_t memory, domain = raw_domain(&client->raw);
	struct wire_map map;

	assert_int_equal(raw_attach(&client->raw, domain, DMA0, NULL), 0);
	assert_int_equal(raw_memory_add(&client->raw, fd, 0, 8 * PAGE_BYTES, RW, &memory), 0);
	assert_int_equal(ftruncate(fd, 0), -1); /* the seal holds */
	assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				   8 * PAGE_BYTES), 0);
	assert_int_equal(ftruncate(fd, 64 * PAGE_BYTES), 0);
	close(fd);
	map = raw_page(memory, BASE, 7);
	assert_int_equal(raw_map(&client->raw, domain, &map, 1), 0);
	assert_true(service_reaches(&client->service, 0, BASE, true));
	map = raw_page(memory, BASE + PAGE_BYTES, 8);
	assert_int_equal(raw_map(&client->raw, domain, &map, 1), -ERANGE);
	raw_end(&client->raw, &client->service);
	raw_open(&client->raw, &client->service);
}

static void memory_lend_where_clients_bring_their_own_refused(void **state)
{
	const struct wire_size ask = { .size = PAGE_BYTES };
	struct client *client = *state;

	assert_int_equal(raw_call(&client->raw, WIRE_MEMORY_LEND, &ask, sizeof(ask), NULL, 0),
			 -EOPNOTSUPP);
}

#define OPENED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPENED(f15_descriptor_that_is_no_memory_refused),
		OPENED(f15_path_descriptor_of_memory_refused),
		OPENED(f15_own_connection_as_memory_refused),
		OPENED(f16_unsealed_memory_refused),
		OPENED(f17_memory_with_a_hole_refused),
		OPENED(f17_memory_that_cannot_be_written_refused_for_writing),
		OPENED(f13_memory_of_a_bad_range_refused),
		OPENED(f16_memory_changed_after_registration_harms_nobody),
		OPENED(memory_lend_where_clients_bring_their_own_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
