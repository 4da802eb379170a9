// SPDX-License-Identifier: BSD-2-Clause
#include "group_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

void bench_start(struct bench *bench, const char *policy)
{
	service_prepare_bridged(&bench->service, 3);
	assert_int_equal(service_run(&bench->service, policy), 0);
	service_settle(&bench->service);
	raw_open(&bench->raw, &bench->service);
	raw_open(&bench->other, &bench->service);
	bench->domain = raw_domain(&bench->raw);
	bench->others_domain = raw_domain(&bench->other);
	bench->memory = raw_memory(&bench->raw, 2);
}

static struct bench *bench_make(void)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	bench->twist = mmap(NULL, sizeof(*bench->twist), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(bench->twist, MAP_FAILED);
	twist_use(bench->twist);
	return bench;
}

static int setup_words(void **state, const char *policy)
{
	struct bench *bench = bench_make();

	*state = bench;
	bench_start(bench, policy);
	return 0;
}

int bench_setup(void **state)
{
	return setup_words(state, THREE(CALM) WHOLE);
}

int bench_setup_stormy(void **state)
{
	return setup_words(state, THREE(STORMY) WHOLE);
}

int bench_setup_idle(void **state)
{
	*state = bench_make();
	return 0;
}

int bench_teardown(void **state)
{
	struct bench *bench = *state;

	if (bench->raw.fd > 0)
		raw_close(&bench->raw);
	if (bench->other.fd > 0)
		raw_close(&bench->other);
	if (bench->service.dir[0])
		service_stop(&bench->service);
	twist_use(NULL);
	munmap(bench->twist, sizeof(*bench->twist));
	free(bench);
	return 0;
}

const char *const bench_names[] = { BRIDGED0, BRIDGED1, BRIDGED2 };

uint32_t bench_attach(struct bench *bench, unsigned member)
{
	uint32_t device;

	assert_int_equal(raw_attach(&bench->raw, bench->domain, bench_names[member], &device), 0);
	return device;
}

int bench_others_attach(struct bench *bench, unsigned member)
{
	return raw_attach(&bench->other, bench->others_domain, bench_names[member], NULL);
}

void bench_grant(struct bench *bench)
{
	struct wire_map map = raw_page(bench->memory, BASE, 0);

	assert_int_equal(raw_map(&bench->raw, bench->domain, &map, 1), 0);
}

bool bench_alias_reaches(const struct bench *bench)
{
	return service_stream_reaches(&bench->service, ALIAS, BASE, true);
}

bool bench_own_reaches(const struct bench *bench, unsigned member)
{
	return service_stream_reaches(&bench->service, SERVICE_OWN_STREAM(member), BASE, true);
}

uint32_t bench_state(const struct bench *bench, unsigned member)
{
	return service_state_of(&bench->service, SERVICE_BRIDGED + member);
}

/* The bit of its registers that keeps it from coming to rest. */
void bench_set_busy(struct bench *bench, unsigned member, uint32_t value)
{
	int fd = machine_fake_window_fd(bench->service.machine,
					MACHINE_FAKE_BARS +
						((uint64_t)(MACHINE_FAKE_BRIDGED + member) << 20));

	assert_int_equal(pwrite(fd, &value, sizeof(value), 0x98), sizeof(value));
}

int bench_release(struct bench *bench, const char *name)
{
	struct wire_name ask = { "" };

	strcpy(ask.name, name);
	return raw_call(&bench->other, WIRE_RELEASE, &ask, sizeof(ask), NULL, 0);
}

struct wire_device bench_view(struct bench *bench, unsigned member)
{
	const struct wire_cursor none = { 0 };
	const struct wire_device *devices;

	assert_int_equal(raw_call(&bench->other, WIRE_LIST_DEVICES, &none, sizeof(none), NULL, 0),
			 0);
	devices = raw_entries(&bench->other);
	return devices[SERVICE_BRIDGED + member];
}
