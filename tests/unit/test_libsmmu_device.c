// SPDX-License-Identifier: BSD-2-Clause
// libsmmu's registers: a board's window and mapped memory behave alike.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bits.h"
#include "board.h"
#include "mock_service.h"
#include "smmu.h"

#define BAR_BYTES 4096u

static struct mock_service *server;
static struct smmu *context;
static struct smmu_device *device;

/* A board's window: answers from memory, or as the next access is told to. */
static struct window {
	pthread_t thread;
	int fd;	    /* its end */
	int client; /* the end that goes to the library */
	uint8_t bytes[BAR_BYTES];
	_Atomic unsigned requests;
	_Atomic int next; /* enum window_answer */
} window;

enum window_answer {
	WINDOW_GOOD, WINDOW_REFUSE, WINDOW_SHORT, WINDOW_LONG, WINDOW_CUT, WINDOW_POSITIVE,
	WINDOW_SILENT
};

static void *serve_window(void *unused)
{
	struct board_request ask;
	struct board_reply reply[2];

	(void)unused;
	while (recv(window.fd, &ask, sizeof(ask), 0) == sizeof(ask)) {
		window.requests++;
		memset(reply, 0, sizeof(reply));
		if (window.next == WINDOW_CUT)
			break;
		if (window.next == WINDOW_SILENT)
			continue;
		if (window.next == WINDOW_REFUSE)
			reply[0].status = -EPERM;
		else if (window.next == WINDOW_POSITIVE)
			reply[0].status = 1;
		else if (ask.op == BOARD_READ)
			memcpy(&reply[0].value, window.bytes + ask.address, ask.size);
		else
			memcpy(window.bytes + ask.address, &ask.value, ask.size);
		send(window.fd, reply, sizeof(reply[0]) - (window.next == WINDOW_SHORT) +
		     (window.next == WINDOW_LONG), MSG_NOSIGNAL);
	}
	shutdown(window.fd, SHUT_RDWR);
	return NULL;
}

static void open_window(void)
{
	int ends[2];

	memset(&window, 0, sizeof(window));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	window.fd = ends[0];
	window.client = ends[1];
	assert_int_equal(pthread_create(&window.thread, NULL, serve_window, NULL), 0);
}

static void close_window(void)
{
	if (window.fd <= 0)
		return;
	shutdown(window.fd, SHUT_RDWR);
	pthread_join(window.thread, NULL);
	close(window.fd);
	close(window.client);
	window.fd = 0;
}

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
	device = NULL;
	close_window();
	mock_stop(server);
	return 0;
}

static void answer_bars(struct wire_bars bars, unsigned fd_count, int fd)
{
	struct mock_answer answer = { .body = &bars, .size = sizeof(bars),
					.fd_count = fd_count };
	unsigned i;

	for (i = 0; i < fd_count; i++)
		answer.fds[i] = fd;
	mock_answer(server, WIRE_DEVICE_OPEN, &answer);
}

static void open_on_board(void)
{
	open_window();
	answer_bars((struct wire_bars){ 1, WIRE_BAR_WINDOW, { { 2, 0, BAR_BYTES } } }, 1,
		    window.client);
	assert_int_equal(smmu_device_open(context, 3, &device), 0);
}

static uint8_t *open_mapped(void)
{
	int fd = memfd_create("bar", MFD_CLOEXEC);
	uint8_t *bytes;

	assert_int_equal(ftruncate(fd, BAR_BYTES), 0);
	bytes = mmap(NULL, BAR_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(bytes, MAP_FAILED);
	answer_bars((struct wire_bars){ 1, WIRE_BAR_MAP, { { 2, 0, BAR_BYTES } } }, 1, fd);
	assert_int_equal(smmu_device_open(context, 3, &device), 0);
	close(fd);
	return bytes;
}

/* --- good accesses: the same checks on both ----------------------------------------- */

static void check_all_widths(const uint8_t *bytes)
{
	static const uint8_t expected[16] = { 0x11, 0, 0x33, 0x22, 0x77, 0x66, 0x55, 0x44,
					      0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99, 0x88 };
	uint64_t v64;
	uint32_t v32;
	uint16_t v16;
	uint8_t v8;

	assert_int_equal(smmu_bar_size(device, 2), BAR_BYTES);
	assert_int_equal(smmu_reg_write8(device, 2, 0, 0x11), 0);
	assert_int_equal(smmu_reg_write16(device, 2, 2, 0x2233), 0);
	assert_int_equal(smmu_reg_write32(device, 2, 4, 0x44556677), 0);
	assert_int_equal(smmu_reg_write64(device, 2, 8, 0x8899aabbccddeeff), 0);
	assert_memory_equal(bytes, expected, sizeof(expected));
	assert_int_equal(smmu_reg_read8(device, 2, 0, &v8), 0);
	assert_int_equal(v8, 0x11);
	assert_int_equal(smmu_reg_read16(device, 2, 2, &v16), 0);
	assert_int_equal(v16, 0x2233);
	assert_int_equal(smmu_reg_read32(device, 2, 4, &v32), 0);
	assert_int_equal(v32, 0x44556677);
	assert_int_equal(smmu_reg_read64(device, 2, 8, &v64), 0);
	assert_true(v64 == 0x8899aabbccddeeff);
	assert_int_equal(smmu_reg_write8(device, 2, BAR_BYTES - 1, 1), 0);
	assert_int_equal(smmu_reg_write64(device, 2, BAR_BYTES - 8, 1), 0);
}

static void check_refusals(void)
{
	uint64_t v64 = 42;
	uint16_t v16;

	assert_int_equal(smmu_reg_read64(device, 0, 0, &v64), -ENXIO);
	assert_int_equal(smmu_reg_read64(device, SMMU_BARS, 0, &v64), -ENXIO);
	assert_int_equal(smmu_reg_read64(device, UINT32_MAX, 0, &v64), -ENXIO);
	assert_int_equal(smmu_reg_read64(NULL, 2, 0, &v64), -ENXIO);
	assert_int_equal(smmu_reg_read64(device, 2, 4, &v64), -EINVAL);
	assert_int_equal(smmu_reg_read16(device, 2, 1, &v16), -EINVAL);
	assert_int_equal(smmu_reg_write32(device, 2, 6, 0), -EINVAL);
	assert_int_equal(smmu_reg_read64(device, 2, BAR_BYTES, &v64), -ERANGE);
	assert_int_equal(smmu_reg_write64(device, 2, UINT64_MAX - 7, 1), -ERANGE);
	assert_int_equal(smmu_reg_write8(device, 2, UINT64_MAX, 1), -ERANGE);
	assert_int_equal(v64, 42);
	assert_int_equal(smmu_bar_size(device, 0), 0);
	assert_int_equal(smmu_bar_size(device, SMMU_BARS), 0);
}

static void registers_on_a_board_read_and_write_every_width(void **state)
{
	(void)state;
	open_on_board();
	check_all_widths(window.bytes);
	assert_int_equal(window.requests, 10);
}

static void registers_mapped_read_and_write_every_width(void **state)
{
	uint8_t *bytes = open_mapped();

	(void)state;
	check_all_widths(bytes);
	munmap(bytes, BAR_BYTES);
}

static void registers_on_a_board_outside_refused_without_asking(void **state)
{
	(void)state;
	open_on_board();
	check_refusals();
	assert_int_equal(window.requests, 0);
}

static void registers_mapped_outside_refused(void **state)
{
	uint8_t *bytes = open_mapped();

	(void)state;
	check_refusals();
	munmap(bytes, BAR_BYTES);
}

/* --- a window that goes wrong ------------------------------------------------------- */

static void window_refusing_an_access_stays_usable(void **state)
{
	uint32_t value = 42;

	(void)state;
	open_on_board();
	window.next = WINDOW_REFUSE;
	assert_int_equal(smmu_reg_read32(device, 2, 0, &value), -EPERM);
	assert_int_equal(value, 42);
	window.next = WINDOW_GOOD;
	assert_int_equal(smmu_reg_read32(device, 2, 0, &value), 0);
}

static void window_that_breaks_the_protocol_is_gone_for_good(void **state)
{
	static const int sins[] = { WINDOW_SHORT, WINDOW_LONG, WINDOW_CUT, WINDOW_POSITIVE };
	uint32_t value = 42;
	uint32_t domain;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(sins); i++) {
		open_on_board();
		window.next = sins[i];
		assert_int_equal(smmu_reg_read32(device, 2, 0, &value), -ENODEV);
		assert_int_equal(smmu_reg_read32(device, 2, 0, &value), -ENODEV);
		assert_int_equal(smmu_reg_write32(device, 2, 0, 1), -ENODEV);
		assert_int_equal(value, 42);
		smmu_device_close(device);
		close_window();
	}
	assert_int_equal(smmu_domain_create(context, &domain), 0);
}

static void window_that_is_silent_times_out(void **state)
{
	uint32_t value;

	(void)state;
	open_on_board();
	assert_int_equal(smmu_set_timeout(context, 20), 0);
	window.next = WINDOW_SILENT;
	assert_int_equal(smmu_reg_read32(device, 2, 0, &value), -ETIMEDOUT);
	assert_int_equal(smmu_reg_read32(device, 2, 0, &value), -ENODEV);
}

/* --- opening ------------------------------------------------------------------------ */

static void device_without_registers_opens(void **state)
{
	(void)state;
	assert_int_equal(smmu_device_open(context, 3, &device), 0);
	assert_int_equal(smmu_bar_size(device, 0), 0);
	smmu_device_close(device);
	smmu_device_close(NULL);
}

static void device_opened_twice_refused_until_closed(void **state)
{
	struct smmu_device *second;

	(void)state;
	open_on_board();
	assert_int_equal(smmu_device_open(context, 3, &second), -EBUSY);
	assert_null(second);
	assert_int_equal(smmu_device_open(context, 4, &second), 0);
	smmu_device_close(device);
	assert_int_equal(smmu_device_open(context, 3, &device), 0);
}

static void device_refused_by_the_service_says_why(void **state)
{
	char text[64];

	(void)state;
	mock_refuse(server, WIRE_DEVICE_OPEN, -ENOENT, "you have no such device");
	assert_int_equal(smmu_device_open(context, 3, &device), -ENOENT);
	assert_null(device);
	smmu_last_error(context, text, sizeof(text));
	assert_string_equal(text, "you have no such device");
}

static void device_with_bars_that_make_no_sense_ends_the_context(void **state)
{
	static const struct wire_bars bad[] = {
		{ 1, 0, { { 0, 0, BAR_BYTES } } },				/* kind */
		{ 1, 3, { { 0, 0, BAR_BYTES } } },
		{ 1, WIRE_BAR_WINDOW, { { SMMU_BARS, 0, BAR_BYTES } } },	/* index */
		{ 1, WIRE_BAR_WINDOW, { { UINT32_MAX, 0, BAR_BYTES } } },
		{ 1, WIRE_BAR_WINDOW, { { 0, 0, 0 } } },			/* size */
		{ 2, WIRE_BAR_WINDOW, { { 1, 0, 64 }, { 1, 0, 64 } } },		/* twice */
	};
	size_t i;

	(void)state;
	open_window();
	for (i = 0; i < ARRAY_COUNT(bad); i++) {
		answer_bars(bad[i], bad[i].count, window.client);
		assert_int_equal(smmu_device_open(context, 3, &device), -EPROTO);
		assert_null(device);
		smmu_close(context);
		assert_int_equal(smmu_open(&context, NULL), 0);
	}
}

/* A socket cannot be mapped; what can be is no socket. */
static void device_whose_bar_is_of_the_wrong_kind_refused(void **state)
{
	int fd = memfd_create("bar", MFD_CLOEXEC);
	uint32_t domain;

	(void)state;
	open_window();
	answer_bars((struct wire_bars){ 1, WIRE_BAR_MAP, { { 0, 0, BAR_BYTES } } }, 1,
		    window.client);
	assert_int_equal(smmu_device_open(context, 3, &device), -ENODEV);
	assert_null(device);
	answer_bars((struct wire_bars){ 1, WIRE_BAR_WINDOW, { { 0, 0, BAR_BYTES } } }, 1, fd);
	assert_int_equal(smmu_device_open(context, 3, &device), -ENOTSOCK);
	assert_null(device);
	assert_int_equal(smmu_domain_create(context, &domain), 0);
	close(fd);
}

static void device_with_fewer_descriptors_than_bars_ends_the_context(void **state)
{
	(void)state;
	answer_bars((struct wire_bars){ 2, WIRE_BAR_WINDOW, { { 0, 0, 64 }, { 1, 0, 64 } } }, 1,
		    STDERR_FILENO);
	assert_int_equal(smmu_device_open(context, 3, &device), -EPROTO);
}

/* --- configuration space ------------------------------------------------------------ */

static void config_goes_through_the_service(void **state)
{
	struct wire_value reply = { 0x11e81234 };
	struct mock_request request;
	const struct wire_config *ask;
	uint32_t value;

	(void)state;
	assert_int_equal(smmu_device_open(context, 3, &device), 0);
	mock_answer(server, WIRE_CONFIG_READ, &(struct mock_answer){
		.body = &reply, .size = sizeof(reply) });
	assert_int_equal(smmu_config_read(device, 0, 4, &value), 0);
	assert_int_equal(value, 0x11e81234);
	assert_int_equal(smmu_config_write(device, 4, 2, 6), 0);
	request = mock_request(server, WIRE_CONFIG_WRITE, 0);
	ask = (const void *)request.bytes;
	assert_int_equal(ask->device, 3);
	assert_int_equal(ask->offset, 4);
	assert_int_equal(ask->size, 2);
	assert_int_equal(ask->value, 6);
	mock_refuse(server, WIRE_CONFIG_WRITE, -EPERM, "a BAR does not move");
	assert_int_equal(smmu_config_write(device, 0x10, 4, 0), -EPERM);
	assert_int_equal(smmu_config_read(NULL, 0, 4, &value), -EINVAL);
	assert_int_equal(smmu_config_write(NULL, 0, 4, 0), -EINVAL);
}

#define OPENED(test) cmocka_unit_test_setup_teardown(test, start_both, stop_both)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPENED(registers_on_a_board_read_and_write_every_width),
		OPENED(registers_mapped_read_and_write_every_width),
		OPENED(registers_on_a_board_outside_refused_without_asking),
		OPENED(registers_mapped_outside_refused),
		OPENED(window_refusing_an_access_stays_usable),
		OPENED(window_that_breaks_the_protocol_is_gone_for_good),
		OPENED(window_that_is_silent_times_out),
		OPENED(device_without_registers_opens),
		OPENED(device_opened_twice_refused_until_closed),
		OPENED(device_refused_by_the_service_says_why),
		OPENED(device_with_bars_that_make_no_sense_ends_the_context),
		OPENED(device_whose_bar_is_of_the_wrong_kind_refused),
		OPENED(device_with_fewer_descriptors_than_bars_ends_the_context),
		OPENED(config_goes_through_the_service),
	};

	return cmocka_run_group_tests_name("libsmmu_device", tests, NULL, NULL);
}
