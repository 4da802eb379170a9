// SPDX-License-Identifier: BSD-2-Clause
/* Registers and windows of a board that refuses, hangs up or talks nonsense. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "board_fake.h"
#include "log.h"
#include "machine.h"
#include "wire.h"

#define MIB (UINT64_C(1) << 20)

static struct board_fake board;
static struct error err;
static struct machine *machine;

static int setup(void **state)
{
	(void)state;
	board_fake_init(&board);
	err = (struct error){ 0 };
	machine = NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	board_fake_fini(&board);
	return 0;
}

static int open_board(void)
{
	board_fake_start(&board);
	return machine_open_board(board.path, &machine, &err);
}

static void open_honest(void)
{
	if (open_board())
		fail_msg("%s", err.text);
}

static void close_board(void)
{
	machine->ops->close(machine);
	board_fake_join(&board);
}

/* --- registers ------------------------------------------------------------------------ */

static void register_access_is_one_request_each(void **state)
{
	(void)state;
	open_honest();
	board.requests = 0;
	assert_int_equal(machine->hw.ops->read(&machine->hw, 0x9050000, 4), 0xf6faffff);
	assert_int_equal(board.last.op, BOARD_READ);
	assert_int_equal(board.last.size, 4);
	assert_true(machine->hw.ops->read(&machine->hw, 0x9050000, 8) == ~UINT64_C(0x9050000));
	machine->hw.ops->write(&machine->hw, 0x9050020, 8, UINT64_C(0x123456789abcdef0));
	assert_int_equal(board.last.op, BOARD_WRITE);
	assert_int_equal(board.last.size, 8);
	assert_int_equal(board.last.address, 0x9050020);
	assert_true(board.last.value == UINT64_C(0x123456789abcdef0));
	assert_int_equal(machine->ops->config_read(machine, 0x4010000001, 1), 0xfe);
	machine->ops->config_write(machine, 0x4010000004, 2, 6);
	assert_int_equal(board.last.size, 2);
	assert_int_equal(board.requests, 5);
	close_board();
}

static void register_clock_does_not_go_back(void **state)
{
	uint64_t before;

	(void)state;
	open_honest();
	before = machine->hw.ops->now_ns(&machine->hw);
	assert_true(before > 0 && machine->hw.ops->now_ns(&machine->hw) >= before);
	close_board();
}

static void register_refused_reads_all_ones_and_the_board_stays(void **state)
{
	(void)state;
	open_honest();
	board.manner = MANNER_REFUSES;
	assert_int_equal(machine->hw.ops->read(&machine->hw, 0x1000, 4), UINT32_MAX);
	machine->hw.ops->write(&machine->hw, 0x1000, 4, 0);
	board.manner = MANNER_HONEST;
	assert_int_equal(machine->hw.ops->read(&machine->hw, 0x1000, 4), 0xffffefff);
	close_board();
}

static bool lost_fd_tells(void)
{
	struct pollfd fd = { .fd = machine->lost_fd, .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

/* From the first bad answer on, nothing is asked any more. */
static void board_lost_reads_all_ones(void **state)
{
	static const enum board_fake_manner manners[] = {
		MANNER_HANGS_UP, MANNER_SHORT, MANNER_LONG, MANNER_SAYS_POSITIVE,
	};
	size_t i;

	for (i = 0; i < sizeof(manners) / sizeof(manners[0]); i++) {
		open_honest();
		assert_false(lost_fd_tells());
		board.manner = manners[i];
		assert_int_equal(machine->hw.ops->read(&machine->hw, 0x1000, 4), UINT32_MAX);
		assert_true(lost_fd_tells());
		board_fake_join(&board);
		board.manner = MANNER_HONEST;
		assert_true(machine->hw.ops->read(&machine->hw, 0x1000, 8) == UINT64_MAX);
		assert_int_equal(machine->ops->config_read(machine, 0x1000, 2), 0xffff);
		machine->hw.ops->write(&machine->hw, 0x1000, 4, 1);
		machine->ops->close(machine);
		teardown(state);
		setup(state);
	}
}

static void board_silent_reads_all_ones(void **state)
{
	const struct timeval soon = { .tv_usec = 1000 };

	(void)state;
	open_honest();
	assert_int_equal(setsockopt(machine->lost_fd, SOL_SOCKET, SO_RCVTIMEO, &soon,
				    sizeof(soon)), 0);
	board.manner = MANNER_SILENT;
	assert_int_equal(machine->hw.ops->read(&machine->hw, 0x1000, 4), UINT32_MAX);
	assert_true(lost_fd_tells());
	close_board();
}

static void board_gone_between_requests_makes_lost_fd_readable(void **state)
{
	struct pollfd fd = { .events = POLLIN };

	(void)state;
	open_honest();
	board.manner = MANNER_HANGS_UP;
	machine->hw.ops->write(&machine->hw, 0, 4, 0);
	fd.fd = machine->lost_fd;
	assert_int_equal(poll(&fd, 1, 10000), 1);
	close_board();
}

/* --- windows ---------------------------------------------------------------------------- */

static void window_opens_reads_and_closes(void **state)
{
	unsigned before = board_fake_count_fds();
	struct machine_window window;
	uint32_t value;

	(void)state;
	open_honest();
	assert_int_equal(machine->ops->window_open(machine, 0x10000000, MIB, &window, &err), 0);
	assert_int_equal(board.last.address, 0x10000000);
	assert_int_equal(board.last.length, MIB);
	assert_int_equal(window.id, 7);
	assert_int_equal(window.kind, WIRE_BAR_WINDOW);
	assert_int_equal(machine->ops->window_read32(machine, &window, 0x98, &value), 0);
	assert_int_equal(value, 0xffffff67);
	machine->ops->window_close(machine, &window);
	assert_int_equal(board.last.op, BOARD_WINDOW_CLOSE);
	assert_int_equal(board.last.value, 7);
	assert_int_equal(window.fd, -1);
	close_board();
	assert_int_equal(board_fake_count_fds(), before);
}

static void window_refused_is_an_error_and_the_board_stays(void **state)
{
	struct machine_window window;

	(void)state;
	open_honest();
	board.manner = MANNER_REFUSES;
	assert_int_equal(machine->ops->window_open(machine, 0, MIB, &window, &err), -EPERM);
	assert_string_equal(err.text, "the board opens no window at 0x0+0x100000: Operation not "
				      "permitted");
	assert_false(lost_fd_tells());
	close_board();
}

static void window_with_no_or_two_descriptors_loses_the_board(void **state)
{
	static const enum board_fake_manner manners[] = { MANNER_NO_FD, MANNER_TWO_FDS };
	struct machine_window window;
	unsigned before = board_fake_count_fds();
	size_t i;

	for (i = 0; i < 2; i++) {
		open_honest();
		board.manner = manners[i];
		assert_int_equal(machine->ops->window_open(machine, 0, MIB, &window, &err),
				 -ENODEV);
		assert_string_equal(err.text, "the virtual board is gone");
		assert_true(lost_fd_tells());
		close_board();
		assert_int_equal(board_fake_count_fds(), before);
		teardown(state);
		setup(state);
	}
}

static void window_cut_reads_all_ones(void **state)
{
	struct machine_window window;
	uint32_t value = 0;

	(void)state;
	open_honest();
	assert_int_equal(machine->ops->window_open(machine, 0x10000000, MIB, &window, &err), 0);
	board.manner = MANNER_HANGS_UP;
	assert_int_equal(machine->ops->window_read32(machine, &window, 0, &value), -ENODEV);
	assert_int_equal(value, UINT32_MAX);
	board.manner = MANNER_HONEST;
	machine->ops->window_close(machine, &window);
	close_board();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(register_access_is_one_request_each),
		TEST(register_clock_does_not_go_back),
		TEST(register_refused_reads_all_ones_and_the_board_stays),
		TEST(board_lost_reads_all_ones),
		TEST(board_silent_reads_all_ones),
		TEST(board_gone_between_requests_makes_lost_fd_readable),
		TEST(window_opens_reads_and_closes),
		TEST(window_refused_is_an_error_and_the_board_stays),
		TEST(window_with_no_or_two_descriptors_loses_the_board),
		TEST(window_cut_reads_all_ones),
	};

	log_setup("test", LOG_ALARM, false);
	return cmocka_run_group_tests_name("board_link", tests, NULL, NULL);
}
