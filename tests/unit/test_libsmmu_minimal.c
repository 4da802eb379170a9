// SPDX-License-Identifier: BSD-2-Clause
// The manual's example, run: it asks for what it says and gives it back.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "mock_service.h"

int minimal_main(int argc, char **argv);

#define main minimal_main
#include "minimal.c" /* NOLINT(bugprone-suspicious-include) */
#undef main

static struct mock_service *server;

static int start_server(void **state)
{
	(void)state;
	server = mock_start();
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	mock_stop(server);
	return 0;
}

static int run(const char *device)
{
	char *argv[] = { (char *)"driver", (char *)device, NULL };

	return minimal_main(device ? 2 : 1, argv);
}

static void minimal_grants_one_page_and_takes_it_back(void **state)
{
	struct mock_request map, unmap;
	const struct wire_map *granted;
	const struct wire_range *revoked;

	(void)state;
	assert_int_equal(run(NULL), 0);
	assert_int_equal(mock_count(server, WIRE_ATTACH), 1);
	map = mock_request(server, WIRE_MAP, 0);
	unmap = mock_request(server, WIRE_UNMAP, 0);
	granted = (const void *)(map.bytes + sizeof(struct wire_batch));
	revoked = (const void *)(unmap.bytes + sizeof(struct wire_batch));
	assert_int_equal(granted->length, 4096);
	assert_int_equal(granted->rights, 3);
	assert_int_equal(revoked->iova, granted->iova);
	assert_int_equal(revoked->length, 4096);
}

static void minimal_refused_at_any_step_fails(void **state)
{
	static const enum wire_id steps[] = { WIRE_HELLO, WIRE_DOMAIN_CREATE, WIRE_ATTACH,
					      WIRE_MEMORY_ADD, WIRE_MAP, WIRE_UNMAP };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		mock_refuse(server, steps[i], -EACCES, "refused by the test");
		assert_int_equal(run("pci:0000:00:03.0"), 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(minimal_grants_one_page_and_takes_it_back,
						start_server, stop_server),
		cmocka_unit_test_setup_teardown(minimal_refused_at_any_step_fails, start_server,
						stop_server),
	};

	return cmocka_run_group_tests_name("libsmmu_minimal", tests, NULL, NULL);
}
