// SPDX-License-Identifier: BSD-2-Clause
/* What a test sees of the daemon's memory and unit from outside. */
#include "service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "smmu_oracle.h"

#define EVENT_TRANSLATION 0x10u
#define EVENT_READ (UINT64_C(1) << 35)

const struct books_header *service_books(const struct service *service)
{
	return (const void *)service->machine->arena_cpu;
}

static const struct book_stream *streams_of(const struct service *service)
{
	return (const void *)(service->machine->arena_cpu + service_books(service)->streams);
}

uint32_t service_state_of(const struct service *service, uint32_t number)
{
	return __atomic_load_n(&streams_of(service)[number].state, __ATOMIC_RELAXED);
}

uint32_t service_state(const struct service *service, unsigned n)
{
	uint32_t i;

	for (i = 0; i < service_books(service)->stream_max; i++)
		if (streams_of(service)[i].stream == SERVICE_STREAM(n))
			return service_state_of(service, i);
	fail_msg("the books have no stream 0x%x", SERVICE_STREAM(n));
	return 0;
}

void service_fault(struct service *service, uint32_t stream, uint64_t address, bool is_write)
{
	const uint64_t words[4] = { EVENT_TRANSLATION | (uint64_t)stream << 32,
				    is_write ? 0 : EVENT_READ, address, 0 };

	hw_fake_event(service->fake, words);
}

bool service_stream_reaches(const struct service *service, uint32_t stream, uint64_t iova,
			    bool is_write)
{
	uint64_t pa;

	return oracle_access(service->fake, stream, iova, is_write, &pa);
}

bool service_reaches(const struct service *service, unsigned n, uint64_t iova, bool is_write)
{
	return service_stream_reaches(service, SERVICE_STREAM(n), iova, is_write);
}

uint64_t service_pa(const struct service *service, unsigned n, uint64_t iova)
{
	uint64_t pa;

	if (!oracle_access(service->fake, SERVICE_STREAM(n), iova, false, &pa))
		fail_msg("device %u does not reach 0x%llx", n, (unsigned long long)iova);
	return pa;
}
