// SPDX-License-Identifier: BSD-2-Clause
/* Memory of the machine that is lent to clients, and handed on by them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "raw.h"

#define PART (64 * PAGE_BYTES)

static int setup(void **state)
{
	struct service *service = calloc(1, sizeof(*service));

	service_prepare(service);
	service->machine->ops->close(service->machine);
	service->options.lend_parts = 2;
	service->options.lend_size = PART;
	assert_int_equal(machine_fake_open(&service->options, &service->machine), 0);
	machine_fake_window_fd(service->machine, MACHINE_FAKE_BARS);
	machine_fake_window_fd(service->machine, MACHINE_FAKE_BARS + (1 << 20));
	assert_int_equal(service_run(service, NULL), 0);
	service_settle(service);
	*state = service;
	return 0;
}

static int teardown(void **state)
{
	service_stop(*state);
	free(*state);
	return 0;
}

/* Borrows a part; its descriptor, or a negative errno. */
static int borrow(struct raw *raw)
{
	struct wire_size size = { PART };
	int ret = raw_call(raw, WIRE_MEMORY_LEND, &size, sizeof(size), &size, sizeof(size));

	if (ret < 0)
		return ret;
	assert_int_equal(raw->fd_count, 1);
	return dup(raw->fds[0]);
}

static void lent_part_goes_back_with_its_borrower(void **state)
{
	struct service *service = *state;
	struct raw a, b;
	int first, second;

	raw_open(&a, service);
	raw_open(&b, service);
	first = borrow(&a);
	second = borrow(&a);
	assert_true(first >= 0 && second >= 0);
	assert_int_equal(borrow(&b), -ENOSPC);
	raw_end(&a, service);
	close(first);
	close(second);
	first = borrow(&b);
	assert_true(first >= 0);
	close(first);
	raw_close(&b);
}

/* The borrower hands it on and dies: a device of the other still reaches it. */
static void lent_part_registered_by_another_is_not_lent_again(void **state)
{
	struct service *service = *state;
	struct raw a, b, c;
	uint32_t memory;
	int first, second, third;

	raw_open(&a, service);
	raw_open(&b, service);
	raw_open(&c, service);
	first = borrow(&a);
	second = borrow(&a);
	assert_int_equal(raw_memory_add(&b, first, 0, PAGE_BYTES, RW, &memory), 0);
	raw_end(&a, service);
	/* Only the other part came back. */
	third = borrow(&c);
	assert_true(third >= 0);
	assert_int_equal(borrow(&c), -ENOSPC);
	assert_int_equal(raw_memory_remove(&b, memory), 0);
	close(second);
	second = borrow(&c);
	assert_true(second >= 0);
	close(first);
	close(second);
	close(third);
	raw_close(&b);
	raw_close(&c);
}

static void lent_part_of_a_holder_that_dies_comes_back(void **state)
{
	struct service *service = *state;
	struct raw a, b, c;
	uint32_t memory;
	int first, second;

	raw_open(&a, service);
	raw_open(&b, service);
	raw_open(&c, service);
	first = borrow(&a);
	assert_int_equal(raw_memory_add(&b, first, 0, PAGE_BYTES, RW, &memory), 0);
	raw_end(&a, service);
	raw_end(&b, service);
	close(first);
	first = borrow(&c);
	second = borrow(&c);
	assert_true(first >= 0 && second >= 0);
	close(first);
	close(second);
	raw_close(&c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lent_part_goes_back_with_its_borrower),
		TEST(lent_part_registered_by_another_is_not_lent_again),
		TEST(lent_part_of_a_holder_that_dies_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
