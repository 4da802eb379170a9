// SPDX-License-Identifier: BSD-2-Clause
#include "qnx_fixture.h"

struct qnx_fixture fixture;

int start_server(void **state)
{
	(void)state;
	fixture.server = mock_start();
	return 0;
}

static int start_with(void **state, uint32_t rights, uint32_t may_round)
{
	int rc;

	start_server(state);
	mock_hello(fixture.server, &(struct wire_hello_reply){
		.version = WIRE_VERSION, .batch_max = WIRE_BATCH_MAX, .page_bytes = PAGE,
		.rights = rights, .round_compat = may_round });
	rc = smmu_init(0);
	if (!rc)
		rc = smmu_dma_alloc(smmu_default(), 16 * PAGE, &fixture.buffer);
	fixture.base = fixture.buffer.device_address;
	return rc;
}

int start_strict(void **state)
{
	return start_with(state, 1, 0);
}

int start_rounding(void **state)
{
	return start_with(state, 1, 1);
}

int start_target(void **state)
{
	return start_with(state, 1 | 1u << 3, 1);
}

int stop_both(void **state)
{
	(void)state;
	while (smmu_fini() == 0)
		;
	mock_stop(fixture.server);
	return 0;
}
