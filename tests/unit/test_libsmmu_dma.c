// SPDX-License-Identifier: BSD-2-Clause
// libsmmu's DMA buffers: where they come from, where they lie, what is sealed.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mock_service.h"
#include "smmu.h"

#define PAGE ((size_t)4096)
#define MIB ((size_t)1 << 20)

static struct mock_service *server;
static struct smmu *context;
static int part = -1; /* a part of board RAM, when a test lends one */

static int start_both(void **state)
{
	(void)state;
	server = mock_start();
	return smmu_open(&context, NULL);
}

static int stop_both(void **state)
{
	(void)state;
	smmu_close(context);
	context = NULL;
	mock_stop(server);
	if (part >= 0)
		close(part);
	part = -1;
	return 0;
}

static void lend_claiming(uint64_t size, uint64_t claimed)
{
	struct wire_size reply = { claimed };

	if (part >= 0)
		close(part);
	part = memfd_create("part", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(part, (off_t)size), 0);
	assert_int_equal(fcntl(part, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
	mock_answer(server, WIRE_MEMORY_LEND, &(struct mock_answer){
		.body = &reply, .size = sizeof(reply), .fds = { part }, .fd_count = 1 });
}

static void lend(uint64_t size)
{
	lend_claiming(size, size);
}

static struct mock_request added(unsigned n)
{
	return mock_request(server, WIRE_MEMORY_ADD, n);
}

static struct wire_memory added_memory(unsigned n)
{
	struct mock_request request = added(n);
	struct wire_memory memory;

	memcpy(&memory, request.bytes, sizeof(memory));
	return memory;
}

static struct smmu_dma_buffer alloc(size_t size)
{
	struct smmu_dma_buffer buffer;

	assert_int_equal(smmu_dma_alloc(context, size, &buffer), 0);
	return buffer;
}

/* --- memfds of our own -------------------------------------------------------------- */

static void buffer_where_nothing_is_lent_is_a_sealed_memfd_without_holes(void **state)
{
	struct smmu_dma_buffer buffer = alloc(5000);
	struct mock_request request = added(0);
	struct wire_memory memory = added_memory(0);
	struct stat status;

	(void)state;
	assert_int_equal(buffer.length, 2 * PAGE);
	assert_int_equal(memory.offset, 0);
	assert_int_equal(memory.length, 2 * PAGE);
	assert_int_equal(memory.rights, SMMU_READ | SMMU_WRITE);
	assert_int_equal(fcntl(request.fd, F_GET_SEALS),
			 F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	assert_int_equal(fstat(request.fd, &status), 0);
	assert_int_equal(status.st_size, 2 * PAGE);
	assert_int_equal(lseek(request.fd, 0, SEEK_HOLE), 2 * PAGE);
}

static void buffer_is_zeroed_shared_and_writable(void **state)
{
	struct smmu_dma_buffer buffer = alloc(PAGE);
	static const uint8_t zero[PAGE];
	int fd = added(0).fd;
	char word[5] = "";

	(void)state;
	assert_memory_equal(buffer.cpu, zero, PAGE);
	memcpy(buffer.cpu, "data", 4);
	assert_int_equal(pread(fd, word, 4, 0), 4);
	assert_string_equal(word, "data");
}

static void buffers_on_memfds_ask_for_a_loan_only_once(void **state)
{
	(void)state;
	alloc(PAGE);
	alloc(PAGE);
	assert_int_equal(mock_count(server, WIRE_MEMORY_LEND), 1);
	assert_int_equal(mock_count(server, WIRE_MEMORY_ADD), 2);
}

static void buffer_of_impossible_size_refused(void **state)
{
	struct smmu_dma_buffer buffer;

	(void)state;
	assert_int_equal(smmu_dma_alloc(context, 0, &buffer), -EINVAL);
	assert_int_equal(smmu_dma_alloc(context, SIZE_MAX, &buffer), -EINVAL);
	assert_int_equal(smmu_dma_alloc(context, SIZE_MAX - PAGE + 1, &buffer), -EINVAL);
	assert_int_equal(smmu_dma_alloc(context, (size_t)1 << 62, &buffer), -ENOSPC);
	assert_int_equal(mock_count(server, WIRE_MEMORY_LEND), 0);
}

static void buffer_the_service_refuses_leaves_nothing(void **state)
{
	struct smmu_dma_buffer buffer, next;

	(void)state;
	mock_refuse(server, WIRE_MEMORY_ADD, -EDQUOT, "your limit is 1 MiB");
	assert_int_equal(smmu_dma_alloc(context, PAGE, &buffer), -EDQUOT);
	next = alloc(PAGE);
	assert_int_equal(next.device_address, MIB);
}

/* --- freeing ------------------------------------------------------------------------ */

static void buffer_freed_is_forgotten_and_its_address_reused(void **state)
{
	struct smmu_dma_buffer buffer = alloc(PAGE), copy = buffer;

	(void)state;
	assert_int_equal(smmu_dma_free(context, &buffer), 0);
	assert_null(buffer.cpu);
	assert_int_equal(mock_count(server, WIRE_MEMORY_REMOVE), 1);
	assert_int_equal(smmu_dma_free(context, &copy), -EINVAL);
	assert_int_equal(mock_count(server, WIRE_MEMORY_REMOVE), 1);
	assert_int_equal(alloc(PAGE).device_address, copy.device_address);
}

static void buffer_still_granted_stays(void **state)
{
	struct smmu_dma_buffer buffer = alloc(PAGE);

	(void)state;
	mock_refuse(server, WIRE_MEMORY_REMOVE, -EBUSY, "1 grants still use it");
	assert_int_equal(smmu_dma_free(context, &buffer), -EBUSY);
	memset(buffer.cpu, 1, PAGE);
	assert_int_equal(smmu_dma_free(context, &buffer), 0);
}

/* --- addresses ---------------------------------------------------------------------- */

static void addresses_are_apart_by_a_page_and_the_same_every_time(void **state)
{
	struct smmu_dma_buffer a, b;

	(void)state;
	a = alloc(2 * PAGE);
	b = alloc(PAGE);
	assert_int_equal(a.device_address, MIB);
	assert_int_equal(b.device_address, MIB + 3 * PAGE);
	smmu_dma_free(context, &a);
	/* One page does not fit before b with a free page on either side... it does here: */
	a = alloc(PAGE);
	assert_int_equal(a.device_address, MIB);
	/* ...and three pages do not fit into the gap of one that is left. */
	assert_int_equal(alloc(3 * PAGE).device_address, MIB + 5 * PAGE);
}

static void address_of_large_buffer_lets_large_entries_be_used(void **state)
{
	(void)state;
	alloc(PAGE);
	assert_int_equal(alloc(2 * MIB).device_address, 2 * MIB);
}

static void addresses_beyond_the_first_window_go_to_the_next(void **state)
{
	(void)state;
	alloc(100 * MIB);
	assert_int_equal(alloc(100 * MIB).device_address, 0x10000000);
	assert_int_equal(alloc(PAGE).device_address, MIB);
}

static void addresses_stay_inside_the_callers_window(void **state)
{
	struct smmu_dma_buffer buffer;
	char text[128];

	(void)state;
	assert_int_equal(smmu_dma_window(context, 0x50000000, 3 * PAGE), 0);
	assert_int_equal(alloc(PAGE).device_address, 0x50000000);
	assert_int_equal(alloc(PAGE).device_address, 0x50002000);
	assert_int_equal(smmu_dma_alloc(context, PAGE, &buffer), -ENOSPC);
	smmu_last_error(context, text, sizeof(text));
	assert_non_null(strstr(text, "smmu_dma_window"));
}

static void window_that_makes_no_sense_refused(void **state)
{
	(void)state;
	assert_int_equal(smmu_dma_window(context, 0x1000, 0), -EINVAL);
	assert_int_equal(smmu_dma_window(context, 0x1001, 0x1000), -EINVAL);
	assert_int_equal(smmu_dma_window(context, 0x1000, 0x1001), -EINVAL);
	assert_int_equal(smmu_dma_window(context, UINT64_MAX - 0xfff, 0x2000), -EINVAL);
	assert_int_equal(smmu_dma_window(context, (uint64_t)1 << 63, 0x1000), -EINVAL);
	assert_int_equal(alloc(PAGE).device_address, MIB);
}

/* --- lent parts of board RAM -------------------------------------------------------- */

static void buffer_from_a_loan_lies_in_the_part(void **state)
{
	struct smmu_dma_buffer a, b;
	char word[5] = "";

	(void)state;
	lend(16 * PAGE);
	a = alloc(2 * PAGE);
	b = alloc(PAGE);
	assert_int_equal(mock_count(server, WIRE_MEMORY_LEND), 1);
	assert_int_equal(added_memory(0).offset, 0);
	assert_int_equal(added_memory(0).length, 2 * PAGE);
	assert_int_equal(added_memory(1).offset, 2 * PAGE);
	assert_int_equal(added_memory(1).length, PAGE);
	memcpy(b.cpu, "here", 4);
	assert_int_equal(pread(part, word, 4, 2 * PAGE), 4);
	assert_string_equal(word, "here");
	/* Present, and only what is used. */
	assert_int_equal(lseek(part, 0, SEEK_HOLE), 3 * PAGE);
	assert_int_equal(smmu_dma_free(context, &a), 0);
}

static void buffer_from_a_loan_reuses_freed_pages_zeroed(void **state)
{
	static const uint8_t zero[2 * PAGE];
	struct smmu_dma_buffer a, b;

	(void)state;
	lend(4 * PAGE);
	a = alloc(2 * PAGE);
	alloc(2 * PAGE);
	memset(a.cpu, 0xff, 2 * PAGE);
	assert_int_equal(smmu_dma_free(context, &a), 0);
	b = alloc(2 * PAGE);
	assert_int_equal(added_memory(2).offset, 0);
	assert_memory_equal(b.cpu, zero, 2 * PAGE);
}

static void loan_that_is_full_followed_by_another(void **state)
{
	struct smmu_dma_buffer second;
	struct mock_request request;
	struct wire_size asked;

	(void)state;
	lend(2 * PAGE);
	alloc(2 * PAGE);
	lend(8 * PAGE);
	second = alloc(3 * PAGE);
	assert_int_equal(mock_count(server, WIRE_MEMORY_LEND), 2);
	request = mock_request(server, WIRE_MEMORY_LEND, 1);
	memcpy(&asked, request.bytes, sizeof(asked));
	assert_int_equal(asked.size, 3 * PAGE);
	assert_int_equal(added_memory(1).offset, 0);
	alloc(PAGE);
	assert_int_equal(mock_count(server, WIRE_MEMORY_LEND), 2);
	assert_int_equal(added_memory(2).offset, 3 * PAGE);
	/* What is taken in one loan is free in the other. */
	assert_int_equal(smmu_dma_free(context, &second), 0);
	alloc(2 * PAGE);
	assert_int_equal(added_memory(3).offset, 0);
}

static void loan_refused_when_all_is_lent_fails_and_asks_again_later(void **state)
{
	struct smmu_dma_buffer buffer;

	(void)state;
	mock_refuse(server, WIRE_MEMORY_LEND, -ENOSPC, "every part of the board is lent");
	assert_int_equal(smmu_dma_alloc(context, PAGE, &buffer), -ENOSPC);
	lend(PAGE);
	alloc(PAGE);
	assert_int_equal(mock_count(server, WIRE_MEMORY_LEND), 2);
}

static void loan_shorter_than_said_or_needed_ends_the_context(void **state)
{
	struct smmu_dma_buffer buffer;
	uint32_t domain;

	(void)state;
	lend_claiming(2 * PAGE, 4 * PAGE);
	assert_int_equal(smmu_dma_alloc(context, PAGE, &buffer), -EPROTO);
	assert_int_equal(smmu_domain_create(context, &domain), -ENOTCONN);
	smmu_close(context);
	assert_int_equal(smmu_open(&context, NULL), 0);
	lend(PAGE);
	assert_int_equal(smmu_dma_alloc(context, 2 * PAGE, &buffer), -EPROTO);
}

#define OPENED(test) cmocka_unit_test_setup_teardown(test, start_both, stop_both)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPENED(buffer_where_nothing_is_lent_is_a_sealed_memfd_without_holes),
		OPENED(buffer_is_zeroed_shared_and_writable),
		OPENED(buffers_on_memfds_ask_for_a_loan_only_once),
		OPENED(buffer_of_impossible_size_refused),
		OPENED(buffer_the_service_refuses_leaves_nothing),
		OPENED(buffer_freed_is_forgotten_and_its_address_reused),
		OPENED(buffer_still_granted_stays),
		OPENED(addresses_are_apart_by_a_page_and_the_same_every_time),
		OPENED(address_of_large_buffer_lets_large_entries_be_used),
		OPENED(addresses_beyond_the_first_window_go_to_the_next),
		OPENED(addresses_stay_inside_the_callers_window),
		OPENED(window_that_makes_no_sense_refused),
		OPENED(buffer_from_a_loan_lies_in_the_part),
		OPENED(buffer_from_a_loan_reuses_freed_pages_zeroed),
		OPENED(loan_that_is_full_followed_by_another),
		OPENED(loan_refused_when_all_is_lent_fails_and_asks_again_later),
		OPENED(loan_shorter_than_said_or_needed_ends_the_context),
	};

	return cmocka_run_group_tests_name("libsmmu_dma", tests, NULL, NULL);
}
