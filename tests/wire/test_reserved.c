// SPDX-License-Identifier: BSD-2-Clause
/* Addresses that no grant can be made at: who is told of them, and what is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "raw.h"
#include "smmu.h"
#include "twist.h"

#define DOORBELL UINT64_C(0xfee00000)
#define DOORBELL_BYTES UINT64_C(0x100000)
#define HOLE UINT64_C(0x8000)
#define FIRMWARE UINT64_C(0x70000000) /* of dma1 */

struct bench {
	struct service service;
	struct raw raw;
	struct twist *twist;
	uint32_t domain, memory;
};

static void reserve(struct twist *twist, unsigned device, uint64_t iova, uint64_t length,
		    enum drv_reserved_kind kind)
{
	assert_true(twist->reserved_count < TWIST_RESERVED_MAX);
	twist->reserved[twist->reserved_count].stream = SERVICE_STREAM(device);
	twist->reserved[twist->reserved_count].range =
		(struct drv_reserved){ iova, length, kind };
	twist->reserved_count++;
}

static struct twist *twist_make(void)
{
	struct twist *twist = mmap(NULL, sizeof(*twist), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(twist, MAP_FAILED);
	twist_use(twist);
	return twist;
}

static void twist_free(struct twist *twist)
{
	twist_use(NULL);
	munmap(twist, sizeof(*twist));
}

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	*state = bench;
	bench->twist = twist_make();
	reserve(bench->twist, 0, DOORBELL, DOORBELL_BYTES, DRV_RESERVED_INTERRUPT);
	reserve(bench->twist, 0, HOLE, PAGE_BYTES, DRV_RESERVED_UNUSABLE);
	bench->twist->firmware[0] = (struct topology_reserved){ 1, FIRMWARE, 2 * PAGE_BYTES };
	bench->twist->firmware_count = 1;
	service_start(&bench->service, NULL);
	raw_open(&bench->raw, &bench->service);
	bench->domain = raw_domain(&bench->raw);
	bench->memory = raw_memory(&bench->raw, 4);
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	raw_close(&bench->raw);
	service_stop(&bench->service);
	twist_free(bench->twist);
	free(bench);
	return 0;
}

static int map_at(struct bench *bench, uint64_t iova)
{
	struct wire_map map = raw_page(bench->memory, iova, 0);

	return raw_map(&bench->raw, bench->domain, &map, 1);
}

/* How many, and the first of them. */
static uint32_t ask(struct bench *bench, const char *name, uint32_t offset, uint32_t max,
		    struct wire_list *ret_list)
{
	struct wire_reserved_ask question = { .offset = offset, .max = max };

	strcpy(question.name, name);
	assert_int_equal(raw_call(&bench->raw, WIRE_RESERVED, &question, sizeof(question),
				  ret_list, sizeof(*ret_list)), 0);
	return ret_list->count;
}

static void reserved_told_in_order_and_in_pieces(void **state)
{
	struct bench *bench = *state;
	const struct wire_reserved *ranges = raw_entries(&bench->raw);
	struct wire_list list;

	assert_int_equal(ask(bench, DMA0, 0, 8, &list), 2);
	assert_int_equal(list.next, 0);
	assert_true(ranges[0].start == HOLE && ranges[0].length == PAGE_BYTES);
	assert_true(ranges[1].start == DOORBELL && ranges[1].length == DOORBELL_BYTES);
	assert_int_equal(ask(bench, "dma0", 0, 1, &list), 1);
	assert_int_equal(list.next, 1);
	assert_int_equal(ask(bench, "dma0", 1, 1, &list), 1);
	assert_true(ranges[0].start == DOORBELL);
	assert_int_equal(list.next, 0);
	assert_int_equal(ask(bench, DMA0, 0, 0, &list), 0);
	assert_int_equal(list.next, 2);
	assert_int_equal(ask(bench, DMA0, 2, 8, &list), 0);
	assert_int_equal(ask(bench, DMA0, UINT32_MAX, UINT32_MAX, &list), 0);
	assert_int_equal(ask(bench, DMA1, 0, 8, &list), 1);
	assert_true(ranges[0].start == FIRMWARE && ranges[0].length == 2 * PAGE_BYTES);
}

static void reserved_told_to_callers_of_the_library(void **state)
{
	const union smmu_devid devid = { .pci = { SDT_PCI, 0, 2, 0 } };
	struct bench *bench = *state;
	struct smmu_map_entry entries[4];
	struct smmu_range ranges[4];
	struct smmu *context;
	int more = -1;

	assert_int_equal(smmu_open(&context, bench->service.socket), 0);
	assert_int_equal(smmu_reserved(context, "dma0", 0, ranges, 4, &more), 2);
	assert_int_equal(more, 0);
	assert_true(ranges[1].iova == DOORBELL && ranges[1].length == DOORBELL_BYTES);
	assert_int_equal(smmu_reserved(context, "dma0", 0, ranges, 1, &more), 1);
	assert_int_not_equal(more, 0);
	smmu_close(context);
	setenv(WIRE_SOCKET_ENV, bench->service.socket, 1);
	assert_int_equal(smmu_init(0), 0);
	assert_int_equal(smmu_device_report_reserved(&devid, 0, entries, 4), 2);
	assert_true(entries[0].phys == HOLE && entries[0].len == PAGE_BYTES);
	assert_true(smmu_device_report_reserved(&devid, 0, entries, 1) > 1);
	assert_int_equal(smmu_device_report_reserved(&devid, 2, entries, 4), 0);
	smmu_fini();
	unsetenv(WIRE_SOCKET_ENV);
}

static void reserved_asked_of_the_unit_once_a_stream(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(bench->twist->reserved_asked, 2);
	assert_int_equal(raw_attach(&bench->raw, bench->domain, DMA0, NULL), 0);
	assert_int_equal(map_at(bench, 0x1000), 0);
	assert_int_equal(bench->twist->reserved_asked, 2);
}

static void grant_over_reserved_addresses_refused_naming_device_and_range(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(raw_attach(&bench->raw, bench->domain, DMA0, NULL), 0);
	assert_int_equal(map_at(bench, DOORBELL), -EINVAL);
	assert_string_equal(bench->raw.why, "0xfee00000 + 0x1000 lies over 0xfee00000 + 0x100000, "
					    "reserved for " DMA0
					    ": writes there are interrupt messages");
	assert_int_equal(map_at(bench, DOORBELL + DOORBELL_BYTES - PAGE_BYTES), -EINVAL);
	assert_int_equal(map_at(bench, HOLE), -EINVAL);
	assert_non_null(strstr(bench->raw.why, "accesses there never reach memory"));
	assert_false(service_reaches(&bench->service, 0, HOLE, false));
	/* The other device's are no matter while it is not in the domain. */
	assert_int_equal(map_at(bench, FIRMWARE), 0);
	assert_int_equal(raw_grants(&bench->raw), 1);
}

static void grant_beside_reserved_addresses_allowed(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(raw_attach(&bench->raw, bench->domain, DMA0, NULL), 0);
	assert_int_equal(map_at(bench, HOLE - PAGE_BYTES), 0);
	assert_int_equal(map_at(bench, HOLE + PAGE_BYTES), 0);
	assert_int_equal(map_at(bench, DOORBELL - PAGE_BYTES), 0);
	assert_int_equal(map_at(bench, DOORBELL + DOORBELL_BYTES), 0);
	assert_true(service_reaches(&bench->service, 0, HOLE + PAGE_BYTES, true));
	assert_false(service_reaches(&bench->service, 0, HOLE, true));
}

static void batch_with_a_reserved_address_grants_nothing(void **state)
{
	struct bench *bench = *state;
	struct wire_map maps[3];

	assert_int_equal(raw_attach(&bench->raw, bench->domain, DMA0, NULL), 0);
	maps[0] = raw_page(bench->memory, HOLE - PAGE_BYTES, 0);
	maps[1] = raw_page(bench->memory, HOLE, 1);
	maps[2] = raw_page(bench->memory, HOLE + PAGE_BYTES, 2);
	assert_int_equal(raw_map(&bench->raw, bench->domain, maps, 3), -EINVAL);
	assert_non_null(strstr(bench->raw.why, "entry 1 of 3"));
	assert_false(service_reaches(&bench->service, 0, HOLE - PAGE_BYTES, false));
	assert_int_equal(raw_grants(&bench->raw), 0);
}

static void attach_to_a_domain_with_grants_at_reserved_addresses_refused(void **state)
{
	struct bench *bench = *state;
	const struct wire_range range = { DOORBELL, PAGE_BYTES };

	assert_int_equal(map_at(bench, DOORBELL), 0);
	assert_int_equal(raw_attach(&bench->raw, bench->domain, DMA0, NULL), -EINVAL);
	assert_string_equal(bench->raw.why, "the domain's grant at 0xfee00000 + 0x1000 lies over "
					    "0xfee00000 + 0x100000, reserved for " DMA0
					    ": writes there are interrupt messages");
	assert_int_equal(service_state(&bench->service, 0), WIRE_DEVICE_CLOSED);
	assert_false(service_reaches(&bench->service, 0, DOORBELL, true));
	/* The twins: the other device may; and this one without that grant. */
	assert_int_equal(raw_attach(&bench->raw, bench->domain, DMA1, NULL), 0);
	assert_true(service_reaches(&bench->service, 1, DOORBELL, true));
	assert_int_equal(raw_unmap(&bench->raw, bench->domain, &range, 1), 0);
	assert_int_equal(raw_attach(&bench->raw, bench->domain, DMA0, NULL), 0);
	/* From now on both count. */
	assert_int_equal(map_at(bench, DOORBELL), -EINVAL);
	assert_int_equal(map_at(bench, FIRMWARE + PAGE_BYTES), -EINVAL);
	assert_non_null(strstr(bench->raw.why, "reserved for " DMA1 ": firmware has the device"));
}

static void reserved_addresses_of_a_device_that_left_are_free(void **state)
{
	struct bench *bench = *state;
	uint32_t first, second;

	assert_int_equal(raw_attach(&bench->raw, bench->domain, DMA0, &first), 0);
	assert_int_equal(raw_attach(&bench->raw, bench->domain, DMA1, &second), 0);
	assert_int_equal(raw_detach(&bench->raw, first), 0);
	assert_int_equal(map_at(bench, DOORBELL), 0);
	assert_int_equal(map_at(bench, FIRMWARE), -EINVAL);
	assert_int_equal(raw_detach(&bench->raw, second), 0);
	assert_int_equal(map_at(bench, FIRMWARE), 0);
}

/* What firmware wants a device to reach is closed like all else. */
static void firmware_memory_of_an_attached_device_is_not_reached(void **state)
{
	struct bench *bench = *state;

	assert_false(service_reaches(&bench->service, 1, FIRMWARE, true));
	assert_int_equal(raw_attach(&bench->raw, bench->domain, DMA1, NULL), 0);
	assert_false(service_reaches(&bench->service, 1, FIRMWARE, true));
}

static void explain_shows_reserved_addresses_and_why(void **state)
{
	struct bench *bench = *state;
	struct wire_explain question = { .name = DMA0 };
	struct wire_explain_reply reply;

	assert_int_equal(raw_call(&bench->raw, WIRE_EXPLAIN, &question, sizeof(question), &reply,
				  sizeof(reply)), 0);
	assert_int_equal(reply.reserved_count, 2);
	assert_int_equal(reply.reserved[0].kind, WIRE_RESERVED_UNUSABLE);
	assert_int_equal(reply.reserved[1].kind, WIRE_RESERVED_INTERRUPT);
	assert_true(reply.reserved[1].start == DOORBELL);
	assert_int_equal(reply.reserved[1].of_group, 0);
	strcpy(question.name, DMA1);
	assert_int_equal(raw_call(&bench->raw, WIRE_EXPLAIN, &question, sizeof(question), &reply,
				  sizeof(reply)), 0);
	assert_int_equal(reply.reserved_count, 1);
	assert_int_equal(reply.reserved[0].kind, WIRE_RESERVED_FIRMWARE);
}

static void fault_at_a_reserved_address_says_so(void **state)
{
	struct bench *bench = *state;
	const struct wire_fault_read question = { 0 };
	struct wire_fault fault;

	assert_int_equal(raw_attach(&bench->raw, bench->domain, DMA0, NULL), 0);
	service_fault(&bench->service, SERVICE_STREAM(0), DOORBELL + 8, false);
	assert_int_equal(raw_call(&bench->raw, WIRE_FAULT_READ, &question, sizeof(question), NULL,
				  0), 0);
	assert_int_equal(raw_count(&bench->raw), 1);
	memcpy(&fault, raw_entries(&bench->raw), sizeof(fault));
	assert_non_null(strstr(fault.note, "0xfee00000 + 0x100000 cannot be granted: writes there "
					   "are interrupt messages"));
}

/* --- what cannot be lived with ------------------------------------------------------------ */

static void start_and_attach(int first, const char *words, int second)
{
	struct service service;
	struct raw raw;
	uint32_t domain;

	service_start(&service, NULL);
	raw_open(&raw, &service);
	domain = raw_domain(&raw);
	assert_int_equal(raw_attach(&raw, domain, DMA0, NULL), first);
	if (words)
		assert_non_null(strstr(raw.why, words));
	assert_int_equal(raw_attach(&raw, domain, DMA1, NULL), second);
	raw_close(&raw);
	service_stop(&service);
}

static void device_with_more_reserved_ranges_than_are_kept_is_unusable(void **state)
{
	struct twist *twist = twist_make();
	unsigned i;

	(void)state;
	for (i = 0; i < WIRE_EXPLAIN_RESERVED_MAX; i++)
		reserve(twist, 0, 2 * i * PAGE_BYTES, PAGE_BYTES, DRV_RESERVED_UNUSABLE);
	start_and_attach(0, NULL, 0);
	reserve(twist, 0, 2 * i * PAGE_BYTES, PAGE_BYTES, DRV_RESERVED_UNUSABLE);
	start_and_attach(-ENODEV, "more reserved ranges", 0);
	twist_free(twist);
}

/* Told twice is kept once, but what no longer fitted behind it is not taken for told. */
static void device_whose_reserved_ranges_do_not_fit_one_answer_is_unusable(void **state)
{
	struct twist *twist = twist_make();
	unsigned i;

	(void)state;
	for (i = 0; i <= WIRE_EXPLAIN_RESERVED_MAX; i++)
		reserve(twist, 0, HOLE, PAGE_BYTES, DRV_RESERVED_UNUSABLE);
	start_and_attach(0, NULL, 0);
	reserve(twist, 0, DOORBELL, DOORBELL_BYTES, DRV_RESERVED_INTERRUPT);
	start_and_attach(-ENODEV, "more reserved ranges", 0);
	twist_free(twist);
}

static void device_with_a_reserved_range_past_the_last_address_is_unusable(void **state)
{
	struct twist *twist = twist_make();

	(void)state;
	reserve(twist, 0, UINT64_MAX - 0xfff, 0x1000, DRV_RESERVED_UNUSABLE);
	reserve(twist, 0, 0x5000, 0, DRV_RESERVED_UNUSABLE); /* nothing */
	start_and_attach(0, NULL, 0);
	reserve(twist, 0, UINT64_MAX - 0xfff, 0x2000, DRV_RESERVED_UNUSABLE);
	start_and_attach(-ENODEV, "past the last address", 0);
	twist_free(twist);
}

/* --- static grants, and what stays with the host -------------------------------------------- */

static void expect_start(const char *policy, int status, const char *words)
{
	struct service service;

	service_prepare(&service);
	service.machine->ram[0] = (struct extent){ PA(0x80000000), 0x10000 };
	service.machine->ram_count = 1;
	assert_int_equal(service_run(&service, policy), status);
	if (words && !service_said(&service, words))
		fail_msg("nothing was said of '%s'", words);
	if (status) {
		assert_false(service_reaches(&service, 0, 0x80000000, false));
		assert_false(service_reaches(&service, 0, 0x1000000, false));
	}
	service_stop(&service);
}

static void static_grant_over_reserved_addresses_stops_the_start(void **state)
{
	static const char policy[] =
		SERVICE_DEVICES
		"regions:\n  - {name: sram, address: 0x2000000, size: 64KiB, rights: r}\n"
		"static:\n  - {device: dma0, region: sram, iova: 0x1000000, rights: r}\n";
	struct twist *twist = twist_make();

	(void)state;
	reserve(twist, 0, 0x1010000, PAGE_BYTES, DRV_RESERVED_UNUSABLE);
	expect_start(policy, 0, NULL);
	reserve(twist, 0, 0x100f000, PAGE_BYTES, DRV_RESERVED_UNUSABLE);
	expect_start(policy, EINVAL, "static grant: 0x1000000 + 0x10000 lies over 0x100f000");
	twist_free(twist);
}

static const char host_policy[] =
	"version: 1\n"
	"devices:\n"
	"  - {name: dma0, match: \"" DMA0 "\", host: identity}\n"
	"  - {name: dma1, match: \"" DMA1 "\", " SERVICE_QUIESCE "}\n";

static void host_memory_over_reserved_addresses_stops_the_start(void **state)
{
	struct twist *twist = twist_make();

	(void)state;
	reserve(twist, 0, 0x80010000, PAGE_BYTES, DRV_RESERVED_INTERRUPT);
	expect_start(host_policy, 0, NULL);
	reserve(twist, 0, 0x8000f000, PAGE_BYTES, DRV_RESERVED_INTERRUPT);
	expect_start(host_policy, EINVAL, DMA0 " cannot stay with the host: memory at 0x80000000");
	twist_free(twist);
}

static void firmware_memory_of_the_hosts_device_stays_reachable(void **state)
{
	struct twist *twist = twist_make();
	struct service service;

	(void)state;
	twist->firmware[0] = (struct topology_reserved){ 0, FIRMWARE, 2 * PAGE_BYTES };
	twist->firmware[1] = (struct topology_reserved){ 0, 0x80001000, PAGE_BYTES }; /* RAM */
	twist->firmware[2] = (struct topology_reserved){ 1, 0x60000000, PAGE_BYTES };
	twist->firmware_count = 3;
	service_prepare(&service);
	service.machine->ram[0] = (struct extent){ PA(0x80000000), 0x10000 };
	service.machine->ram_count = 1;
	assert_int_equal(service_run(&service, host_policy), 0);
	assert_true(service_reaches(&service, 0, FIRMWARE + PAGE_BYTES, true));
	assert_int_equal(service_pa(&service, 0, FIRMWARE), FIRMWARE);
	assert_false(service_reaches(&service, 0, FIRMWARE + 2 * PAGE_BYTES, true));
	assert_true(service_reaches(&service, 0, 0x80001000, true));
	/* Another's is not its own, nor its own another's. */
	assert_false(service_reaches(&service, 0, 0x60000000, false));
	assert_false(service_reaches(&service, 1, 0x60000000, false));
	assert_false(service_reaches(&service, 1, FIRMWARE, false));
	service_stop(&service);
	twist_free(twist);
}

static void firmware_memory_over_the_daemons_own_stops_the_start(void **state)
{
	struct twist *twist = twist_make();

	(void)state;
	twist->firmware[0] = (struct topology_reserved){ 0, HW_FAKE_PA + MIB, PAGE_BYTES };
	twist->firmware_count = 1;
	expect_start(host_policy, EPERM, "which is the daemon's own memory");
	twist_free(twist);
}

static void firmware_memory_over_reserved_addresses_stops_the_start(void **state)
{
	struct twist *twist = twist_make();

	(void)state;
	reserve(twist, 0, DOORBELL, DOORBELL_BYTES, DRV_RESERVED_INTERRUPT);
	twist->firmware[0] = (struct topology_reserved){ 0, DOORBELL, PAGE_BYTES };
	twist->firmware_count = 1;
	expect_start(host_policy, EINVAL, "writes there are interrupt messages");
	twist_free(twist);
}

#define OPENED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPENED(reserved_told_in_order_and_in_pieces),
		OPENED(reserved_told_to_callers_of_the_library),
		OPENED(reserved_asked_of_the_unit_once_a_stream),
		OPENED(grant_over_reserved_addresses_refused_naming_device_and_range),
		OPENED(grant_beside_reserved_addresses_allowed),
		OPENED(batch_with_a_reserved_address_grants_nothing),
		OPENED(attach_to_a_domain_with_grants_at_reserved_addresses_refused),
		OPENED(reserved_addresses_of_a_device_that_left_are_free),
		OPENED(firmware_memory_of_an_attached_device_is_not_reached),
		OPENED(explain_shows_reserved_addresses_and_why),
		OPENED(fault_at_a_reserved_address_says_so),
		cmocka_unit_test(device_whose_reserved_ranges_do_not_fit_one_answer_is_unusable),
		cmocka_unit_test(device_with_more_reserved_ranges_than_are_kept_is_unusable),
		cmocka_unit_test(device_with_a_reserved_range_past_the_last_address_is_unusable),
		cmocka_unit_test(static_grant_over_reserved_addresses_stops_the_start),
		cmocka_unit_test(host_memory_over_reserved_addresses_stops_the_start),
		cmocka_unit_test(firmware_memory_of_the_hosts_device_stays_reachable),
		cmocka_unit_test(firmware_memory_over_the_daemons_own_stops_the_start),
		cmocka_unit_test(firmware_memory_over_reserved_addresses_stops_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
