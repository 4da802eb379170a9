// SPDX-License-Identifier: BSD-2-Clause
/* Whose is it? Handles of others, handles that are over, devices somebody has. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "raw.h"

#define BASE UINT64_C(0x100000)

struct pair {
	struct service service;
	struct raw mine, other;
	uint32_t domain, device, memory; /* mine */
};

static int setup(void **state)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	struct wire_map map;

	*state = pair;
	service_start(&pair->service, NULL);
	raw_open(&pair->mine, &pair->service);
	raw_open(&pair->other, &pair->service);
	pair->domain = raw_domain(&pair->mine);
	assert_int_equal(raw_attach(&pair->mine, pair->domain, DMA0, &pair->device), 0);
	pair->memory = raw_memory(&pair->mine, 4);
	map = raw_page(pair->memory, BASE, 0);
	assert_int_equal(raw_map(&pair->mine, pair->domain, &map, 1), 0);
	return 0;
}

static int teardown(void **state)
{
	struct pair *pair = *state;

	raw_close(&pair->mine);
	raw_close(&pair->other);
	service_stop(&pair->service);
	free(pair);
	return 0;
}

/* One call about a handle: each has the same answer for a foreign one as for none. */
struct about {
	const char *what;
	int (*call)(struct raw *raw, uint32_t handle);
};

static int domain_destroy(struct raw *raw, uint32_t handle)
{
	return raw_domain_destroy(raw, handle);
}

static int attach_to(struct raw *raw, uint32_t handle)
{
	return raw_attach(raw, handle, DMA1, NULL);
}

static int map_into(struct raw *raw, uint32_t handle)
{
	struct wire_map map = raw_page(1, BASE + MIB, 0);

	return raw_map(raw, handle, &map, 1);
}

static int unmap_from(struct raw *raw, uint32_t handle)
{
	const struct wire_range range = { BASE, PAGE_BYTES };

	return raw_unmap(raw, handle, &range, 1);
}

static int device_open(struct raw *raw, uint32_t handle)
{
	const struct wire_handle ask = { .handle = handle };

	return raw_call(raw, WIRE_DEVICE_OPEN, &ask, sizeof(ask), NULL, 0);
}

static int config_read(struct raw *raw, uint32_t handle)
{
	const struct wire_config ask = { .device = handle, .size = 4 };

	return raw_call(raw, WIRE_CONFIG_READ, &ask, sizeof(ask), NULL, 0);
}

static int config_write(struct raw *raw, uint32_t handle)
{
	const struct wire_config ask = { .device = handle, .offset = 4, .size = 2 };

	return raw_call(raw, WIRE_CONFIG_WRITE, &ask, sizeof(ask), NULL, 0);
}

static int map_of(struct raw *raw, uint32_t handle)
{
	struct wire_map map = raw_page(handle, BASE + MIB, 0);

	return raw_map(raw, raw_domain(raw), &map, 1);
}

static const struct about domains[] = {
	{ "domain_destroy", domain_destroy }, { "attach", attach_to }, { "map", map_into },
	{ "unmap", unmap_from }, { NULL, NULL },
};

static const struct about devices[] = {
	{ "detach", raw_detach }, { "device_open", device_open }, { "config_read", config_read },
	{ "config_write", config_write }, { NULL, NULL },
};

static const struct about memories[] = {
	{ "memory_remove", raw_memory_remove }, { "map", map_of }, { NULL, NULL },
};

/* The sentence without the number it names. */
static void blank(char *text, uint32_t handle)
{
	char number[16];
	char *at;

	snprintf(number, sizeof(number), "0x%x", handle);
	at = strstr(text, number);
	if (!at)
		fail_msg("'%s' does not name %s", text, number);
	memmove(at, at + strlen(number), strlen(at + strlen(number)) + 1);
}

static void check_same(struct raw *raw, const struct about *about, uint32_t foreign)
{
	/* An index nobody uses, one out of range, the unused one, every bit. */
	static const uint32_t nobodys[] = { 0x777, 0xfffff, 0, UINT32_MAX };
	char first[ERROR_TEXT_MAX];
	size_t i;

	for (; about->what; about++) {
		assert_int_equal(about->call(raw, foreign), -ENOENT);
		memcpy(first, raw->why, sizeof(first));
		blank(first, foreign);
		for (i = 0; i < 4; i++) {
			assert_int_equal(about->call(raw, nobodys[i]), -ENOENT);
			blank(raw->why, nobodys[i]);
			assert_string_equal(raw->why, first);
		}
	}
}

static void f26_foreign_domain_is_as_good_as_none(void **state)
{
	struct pair *pair = *state;

	check_same(&pair->other, domains, pair->domain);
	assert_true(service_reaches(&pair->service, 0, BASE, true));
}

static void f26_foreign_device_is_as_good_as_none(void **state)
{
	struct pair *pair = *state;

	check_same(&pair->other, devices, pair->device);
	assert_int_equal(service_state(&pair->service, 0), WIRE_DEVICE_ATTACHED);
}

static void f26_foreign_memory_is_as_good_as_none(void **state)
{
	struct pair *pair = *state;

	check_same(&pair->other, memories, pair->memory);
}

static void f26_stale_domain_is_no_new_one(void **state)
{
	struct pair *pair = *state;
	uint32_t first = raw_domain(&pair->other), i, handle;

	assert_int_equal(raw_domain_destroy(&pair->other, first), 0);
	assert_int_equal(raw_domain_destroy(&pair->other, first), -ENOENT);
	/* The place is used again; the handle is not. */
	for (i = 0; i < 1000; i++) {
		handle = raw_domain(&pair->other);
		assert_int_not_equal(handle, first);
		assert_int_equal(map_into(&pair->other, first), -ENOENT);
		assert_int_equal(raw_domain_destroy(&pair->other, handle), 0);
	}
}

static void f26_stale_memory_is_no_new_one(void **state)
{
	struct pair *pair = *state;
	uint32_t first = raw_memory(&pair->other, 1);

	assert_int_equal(raw_memory_remove(&pair->other, first), 0);
	assert_int_not_equal(raw_memory(&pair->other, 1), first);
	assert_int_equal(raw_memory_remove(&pair->other, first), -ENOENT);
	assert_int_equal(map_of(&pair->other, first), -ENOENT);
}

static void f26_detached_device_is_no_longer_ours(void **state)
{
	struct pair *pair = *state;

	assert_int_equal(raw_detach(&pair->mine, pair->device), 0);
	assert_false(service_reaches(&pair->service, 0, BASE, false));
	assert_int_equal(raw_detach(&pair->mine, pair->device), -ENOENT);
	assert_int_equal(config_read(&pair->mine, pair->device), -ENOENT);
}

static void f25_attached_device_refused_naming_its_holder(void **state)
{
	struct pair *pair = *state;
	char who[64];

	snprintf(who, sizeof(who), "'tester' (client %u, uid %u, pid %d)", 1u, getuid(), getpid());
	assert_int_equal(raw_attach(&pair->other, raw_domain(&pair->other), DMA0, NULL), -EBUSY);
	if (!strstr(pair->other.why, who))
		fail_msg("'%s' does not name %s", pair->other.why, who);
	assert_true(service_reaches(&pair->service, 0, BASE, true));
}

static void f25_device_attached_twice_by_one_client_refused(void **state)
{
	struct pair *pair = *state;

	assert_int_equal(raw_attach(&pair->mine, pair->domain, DMA0, NULL), -EBUSY);
	assert_int_equal(raw_attach(&pair->mine, raw_domain(&pair->mine), DMA0, NULL), -EBUSY);
	assert_int_equal(raw_detach(&pair->mine, pair->device), 0);
}

static void f25_device_given_back_goes_to_the_next(void **state)
{
	struct pair *pair = *state;
	uint32_t domain = raw_domain(&pair->other);

	assert_int_equal(raw_detach(&pair->mine, pair->device), 0);
	service_settle(&pair->service);
	assert_int_equal(raw_attach(&pair->other, domain, DMA0, NULL), 0);
	/* The next owner's space, without the last one's grants. */
	assert_false(service_reaches(&pair->service, 0, BASE, false));
}

static void attach_of_a_wrong_name_refused(void **state)
{
	static const struct { const char *name; int status; } names[] = {
		{ "", -EINVAL }, { "nonsense", -EINVAL }, { "pci:0000:00:09.0", -ENOENT },
		{ "pci:ffff:ff:1f.7", -ENOENT }, { "pci:0000:00:02.8", -EINVAL },
		{ "dt:/nothing", -ENOENT }, { "mmio:0x0+0x0", -EINVAL },
		{ "pci:0000:00:02.0 ", -EINVAL }, { "\x1b[2J", -EINVAL },
	};
	struct pair *pair = *state;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(raw_attach(&pair->other, raw_domain(&pair->other), names[i].name,
					    NULL), names[i].status);
	assert_int_equal(raw_attach(&pair->other, raw_domain(&pair->other), "dma1", NULL), 0);
}

static void attach_against_the_policy_refused(void **state)
{
	struct service service;
	struct raw raw;

	(void)state;
	service_start(&service, SERVICE_DEVICES
		      "clients:\n  - {name: tester, uid: self, attach: [dma0]}\n");
	raw_open(&raw, &service);
	assert_int_equal(raw_attach(&raw, raw_domain(&raw), DMA1, NULL), -EACCES);
	assert_int_equal(raw_attach(&raw, raw_domain(&raw), DMA0, NULL), 0);
	raw_close(&raw);
	service_stop(&service);
}

static void domain_with_a_device_destroyed_refused(void **state)
{
	struct pair *pair = *state;

	assert_int_equal(raw_domain_destroy(&pair->mine, pair->domain), -EBUSY);
	assert_true(service_reaches(&pair->service, 0, BASE, true));
	assert_int_equal(raw_detach(&pair->mine, pair->device), 0);
	assert_int_equal(raw_domain_destroy(&pair->mine, pair->domain), 0);
	assert_int_equal(raw_grants(&pair->mine), 0);
}

static void memory_with_grants_removed_refused(void **state)
{
	const struct wire_range range = { BASE, PAGE_BYTES };
	struct pair *pair = *state;

	assert_int_equal(raw_memory_remove(&pair->mine, pair->memory), -EBUSY);
	assert_non_null(strstr(pair->mine.why, "1 grants still use it"));
	assert_int_equal(raw_unmap(&pair->mine, pair->domain, &range, 1), 0);
	assert_int_equal(raw_memory_remove(&pair->mine, pair->memory), 0);
}

/* Ownership is the connection, not the process: whoever holds its end has it all. */
static void f19_connection_kept_by_another_holder_stays(void **state)
{
	struct pair *pair = *state;
	int kept = dup(pair->mine.fd);

	close(pair->mine.fd);
	pair->mine.fd = kept;
	service_turn(&pair->service);
	assert_true(service_reaches(&pair->service, 0, BASE, true));
	assert_int_equal(raw_grants(&pair->mine), 1);
	raw_end(&pair->mine, &pair->service);
	assert_false(service_reaches(&pair->service, 0, BASE, true));
}

static void release_of_a_device_not_in_quarantine_refused(void **state)
{
	struct wire_name ask = { DMA0 };
	struct pair *pair = *state;

	assert_int_equal(raw_call(&pair->other, WIRE_RELEASE, &ask, sizeof(ask), NULL, 0),
			 -EINVAL);
	assert_non_null(strstr(pair->other.why, "attached, not in quarantine"));
}

#define OPENED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPENED(f26_foreign_domain_is_as_good_as_none),
		OPENED(f26_foreign_device_is_as_good_as_none),
		OPENED(f26_foreign_memory_is_as_good_as_none),
		OPENED(f26_stale_domain_is_no_new_one),
		OPENED(f26_stale_memory_is_no_new_one),
		OPENED(f26_detached_device_is_no_longer_ours),
		OPENED(f25_attached_device_refused_naming_its_holder),
		OPENED(f25_device_attached_twice_by_one_client_refused),
		OPENED(f25_device_given_back_goes_to_the_next),
		OPENED(attach_of_a_wrong_name_refused),
		cmocka_unit_test(attach_against_the_policy_refused),
		OPENED(domain_with_a_device_destroyed_refused),
		OPENED(memory_with_grants_removed_refused),
		OPENED(f19_connection_kept_by_another_holder_stays),
		OPENED(release_of_a_device_not_in_quarantine_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
