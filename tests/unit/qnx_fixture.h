/* SPDX-License-Identifier: BSD-2-Clause */
/* A scripted service and the process-wide context, for the QNX-compatible calls. */
#ifndef SMMUMAN_TESTS_QNX_FIXTURE_H
#define SMMUMAN_TESTS_QNX_FIXTURE_H

#include <errno.h>
#include <stdint.h>

#include "mock_service.h"
#include "smmu.h"

#define PAGE ((size_t)4096)
#define RW (SMF_READ | SMF_WRITE)

/* Include cmocka before this file. */
#define assert_fails(call, code) \
	do { \
		errno = 0; \
		assert_int_equal(call, -1); \
		assert_int_equal(errno, code); \
	} while (0)

struct qnx_fixture {
	struct mock_service *server;
	struct smmu_dma_buffer buffer; /* 16 pages, but after start_server() */
	uint64_t base;		       /* its device address */
};

extern struct qnx_fixture fixture;

/*
 * cmocka's setup functions: the service alone; with a context whose rule may
 * not round, may round, may round and use SMF_TARGET.
 */
int start_server(void **state);
int start_strict(void **state);
int start_rounding(void **state);
int start_target(void **state);
int stop_both(void **state);

#define SERVED(test) cmocka_unit_test_setup_teardown(test, start_server, stop_both)
#define STRICT(test) cmocka_unit_test_setup_teardown(test, start_strict, stop_both)
#define ROUNDING(test) cmocka_unit_test_setup_teardown(test, start_rounding, stop_both)
#define TARGET(test) cmocka_unit_test_setup_teardown(test, start_target, stop_both)

#endif
