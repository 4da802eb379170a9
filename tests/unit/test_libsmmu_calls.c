// SPDX-License-Identifier: BSD-2-Clause
// libsmmu's calls: what goes out for each, what is made of the answer.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mock_service.h"
#include "smmu-admin.h"
#include "smmu.h"

static struct mock_service *server;
static struct smmu *context;

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
	mock_stop(server);
	return 0;
}

static void assert_says(int code, const char *word)
{
	char text[256];

	assert_int_equal(smmu_last_error(context, text, sizeof(text)), code);
	if (!strstr(text, word))
		fail_msg("\"%s\" does not say \"%s\"", text, word);
}

/* The body of the newest request with that id. */
static const void *sent(enum wire_id id)
{
	static struct mock_request request;
	unsigned count = mock_count(server, id);

	assert_true(count > 0);
	request = mock_request(server, id, count - 1);
	return request.bytes;
}

/* A list reply with its entries, queued for id. */
static void answer_list(enum wire_id id, uint32_t count, uint64_t next, uint64_t lost,
			const void *entries, size_t entry_size)
{
	static uint8_t body[WIRE_MAX];
	struct wire_list list = { .next = next, .lost = lost, .count = count };

	memcpy(body, &list, sizeof(list));
	memcpy(body + sizeof(list), entries, count * entry_size);
	mock_answer(server, id, &(struct mock_answer){
		.body = body, .size = sizeof(list) + count * entry_size });
}

/* --- domains and devices ------------------------------------------------------------ */

static void domain_created_and_destroyed_by_handle(void **state)
{
	struct wire_handle reply = { 0x77, 0 };
	uint32_t domain;

	(void)state;
	mock_answer(server, WIRE_DOMAIN_CREATE, &(struct mock_answer){
		.body = &reply, .size = sizeof(reply) });
	assert_int_equal(smmu_domain_create(context, &domain), 0);
	assert_int_equal(domain, 0x77);
	assert_int_equal(smmu_domain_destroy(context, domain), 0);
	assert_int_equal(((const struct wire_handle *)sent(WIRE_DOMAIN_DESTROY))->handle, 0x77);
}

static void attach_sends_the_name_and_returns_what_the_service_says(void **state)
{
	struct wire_attach_reply reply = { .device = 3, .input_bits = 44, .write_only = 1,
					   .name = "pci:0000:00:02.0" };
	const struct wire_attach *ask;
	struct smmu_attached attached;

	(void)state;
	mock_answer(server, WIRE_ATTACH, &(struct mock_answer){
		.body = &reply, .size = sizeof(reply) });
	assert_int_equal(smmu_attach(context, 5, "00:02.0", &attached), 0);
	ask = sent(WIRE_ATTACH);
	assert_int_equal(ask->domain, 5);
	assert_string_equal(ask->name, "00:02.0");
	assert_int_equal(attached.device, 3);
	assert_int_equal(attached.input_bits, 44);
	assert_int_equal(attached.write_only, 1);
	assert_string_equal(attached.name, "pci:0000:00:02.0");
	assert_int_equal(smmu_detach(context, attached.device), 0);
	assert_int_equal(((const struct wire_handle *)sent(WIRE_DETACH))->handle, 3);
}

static void attach_with_impossible_name_refused_here(void **state)
{
	struct smmu_attached attached;
	char name[200];

	(void)state;
	memset(name, 'x', sizeof(name));
	name[WIRE_NAME] = '\0';
	assert_int_equal(smmu_attach(context, 5, name, &attached), -ENAMETOOLONG);
	assert_says(-ENAMETOOLONG, "longer than 95");
	assert_int_equal(smmu_attach(context, 5, "", &attached), -EINVAL);
	assert_int_equal(smmu_attach(context, 5, NULL, &attached), -EINVAL);
	assert_int_equal(mock_count(server, WIRE_ATTACH), 0);
	name[WIRE_NAME - 1] = '\0';
	assert_int_equal(smmu_attach(context, 5, name, &attached), 0);
	assert_string_equal(((const struct wire_attach *)sent(WIRE_ATTACH))->name, name);
}

/* --- memory ------------------------------------------------------------------------- */

static void memory_added_with_its_descriptor(void **state)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	struct mock_request request;
	const struct wire_memory *ask;
	struct stat ours, theirs;
	uint32_t memory;

	(void)state;
	assert_int_equal(smmu_memory_add(context, fd, 0x1000, 0x3000, SMMU_READ | SMMU_EXEC,
					 &memory), 0);
	request = mock_request(server, WIRE_MEMORY_ADD, 0);
	ask = (const void *)request.bytes;
	assert_int_equal(ask->offset, 0x1000);
	assert_int_equal(ask->length, 0x3000);
	assert_int_equal(ask->rights, 5);
	assert_int_equal(fstat(fd, &ours) || fstat(request.fd, &theirs), 0);
	assert_int_equal(ours.st_ino, theirs.st_ino);
	close(fd);
	assert_int_equal(smmu_memory_remove(context, memory), 0);
	assert_int_equal(((const struct wire_handle *)sent(WIRE_MEMORY_REMOVE))->handle, memory);
}

static void region_opened_by_name(void **state)
{
	struct wire_region_reply reply = { 9, SMMU_WRITE, 0x09000000, 0x1000 };
	struct smmu_region region;

	(void)state;
	mock_answer(server, WIRE_REGION_OPEN, &(struct mock_answer){
		.body = &reply, .size = sizeof(reply) });
	assert_int_equal(smmu_region_open(context, "uart", &region), 0);
	assert_string_equal(((const struct wire_region_open *)sent(WIRE_REGION_OPEN))->name,
			    "uart");
	assert_int_equal(region.memory, 9);
	assert_int_equal(region.rights, SMMU_WRITE);
	assert_int_equal(region.address, 0x09000000);
	assert_int_equal(region.length, 0x1000);
}

static void region_refused_leaves_nothing(void **state)
{
	struct smmu_region region = { 0 };

	(void)state;
	mock_refuse(server, WIRE_REGION_OPEN, -EACCES, "no region 'uart' for you");
	assert_int_equal(smmu_region_open(context, "uart", &region), -EACCES);
	assert_says(-EACCES, "no region 'uart'");
	assert_int_equal(region.memory, 0);
}

/* --- grants ------------------------------------------------------------------------- */

static void map_single_sends_one_exact_entry(void **state)
{
	struct smmu_grant grant = { 4, SMMU_READ | SMMU_WRITE, 0x40001000, 0x2000, 0x5000 };
	const struct wire_batch *batch;
	const struct wire_map *entry;

	(void)state;
	assert_int_equal(smmu_map(context, 6, &grant), 0);
	batch = sent(WIRE_MAP);
	entry = (const void *)(batch + 1);
	assert_int_equal(batch->domain, 6);
	assert_int_equal(batch->count, 1);
	assert_int_equal(entry->memory, 4);
	assert_int_equal(entry->rights, 3);
	assert_int_equal(entry->iova, 0x40001000);
	assert_int_equal(entry->length, 0x2000);
	assert_int_equal(entry->offset, 0x5000);
	assert_int_equal(smmu_unmap(context, 6, 0x40001000, 0x2000), 0);
	batch = sent(WIRE_UNMAP);
	assert_int_equal(batch->count, 1);
	assert_int_equal(((const struct wire_range *)(const void *)(batch + 1))->iova, 0x40001000);
	assert_int_equal(((const struct wire_range *)(const void *)(batch + 1))->length, 0x2000);
}

static void batch_sends_all_entries_up_to_the_limit(void **state)
{
	struct smmu_grant grants[WIRE_BATCH_MAX + 1] = { 0 };
	struct smmu_range ranges[WIRE_BATCH_MAX + 1] = { 0 };
	const struct wire_batch *batch;
	unsigned i;

	(void)state;
	for (i = 0; i <= WIRE_BATCH_MAX; i++)
		grants[i].iova = ranges[i].iova = i * UINT64_C(4096);
	assert_int_equal(smmu_map_batch(context, 6, grants, WIRE_BATCH_MAX), 0);
	batch = sent(WIRE_MAP);
	assert_int_equal(batch->count, WIRE_BATCH_MAX);
	assert_memory_equal(batch + 1, grants, WIRE_BATCH_MAX * sizeof(grants[0]));
	assert_int_equal(smmu_unmap_batch(context, 6, ranges, WIRE_BATCH_MAX), 0);
	batch = sent(WIRE_UNMAP);
	assert_memory_equal(batch + 1, ranges, WIRE_BATCH_MAX * sizeof(ranges[0]));
}

static void batch_of_none_or_too_many_refused_here(void **state)
{
	static struct smmu_grant grants[WIRE_BATCH_MAX + 1];
	static struct smmu_range ranges[WIRE_BATCH_MAX + 1];

	(void)state;
	assert_int_equal(smmu_map_batch(context, 6, grants, WIRE_BATCH_MAX + 1), -E2BIG);
	assert_says(-E2BIG, "257");
	assert_int_equal(smmu_map_batch(context, 6, grants, UINT32_MAX), -E2BIG);
	assert_int_equal(smmu_map_batch(context, 6, grants, 0), -EINVAL);
	assert_int_equal(smmu_unmap_batch(context, 6, ranges, WIRE_BATCH_MAX + 1), -E2BIG);
	assert_int_equal(smmu_unmap_batch(context, 6, ranges, 0), -EINVAL);
	assert_int_equal(mock_count(server, WIRE_MAP) + mock_count(server, WIRE_UNMAP), 0);
}

/* --- reserved addresses ------------------------------------------------------------- */

static void reserved_returns_entries_and_whether_more_follow(void **state)
{
	struct wire_reserved entries[2] = { { 0x8000000, 0x100000 }, { 0xfee00000, 0x100000 } };
	struct smmu_range ranges[2];
	const struct wire_reserved_ask *ask;
	int more = -1;

	(void)state;
	answer_list(WIRE_RESERVED, 2, 5, 0, entries, sizeof(entries[0]));
	assert_int_equal(smmu_reserved(context, "00:02.0", 3, ranges, 2, &more), 2);
	assert_int_equal(more, 1);
	assert_int_equal(ranges[1].iova, 0xfee00000);
	assert_int_equal(ranges[1].length, 0x100000);
	ask = sent(WIRE_RESERVED);
	assert_int_equal(ask->offset, 3);
	assert_int_equal(ask->max, 2);
	assert_string_equal(ask->name, "00:02.0");
	assert_int_equal(smmu_reserved(context, "00:02.0", 5, ranges, 2, &more), 0);
	assert_int_equal(more, 0);
	assert_int_equal(smmu_reserved(context, "00:02.0", 5, ranges, 2, NULL), 0);
}

static void reserved_with_more_entries_than_asked_for_ends_the_context(void **state)
{
	struct wire_reserved entries[3] = { { 0, 1 }, { 2, 1 }, { 4, 1 } };
	struct smmu_range ranges[3] = { 0 };
	uint32_t domain;

	(void)state;
	answer_list(WIRE_RESERVED, 3, 0, 0, entries, sizeof(entries[0]));
	assert_int_equal(smmu_reserved(context, "00:02.0", 0, ranges, 2, NULL), -EPROTO);
	assert_int_equal(ranges[0].length, 0);
	assert_int_equal(smmu_domain_create(context, &domain), -ENOTCONN);
}

/* --- faults ------------------------------------------------------------------------- */

static bool is_readable(int fd)
{
	struct pollfd watch = { .fd = fd, .events = POLLIN };

	return poll(&watch, 1, 0) == 1;
}

static void fault_fd_asked_for_once_and_kept(void **state)
{
	int fd = smmu_fault_fd(context);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(smmu_fault_fd(context), fd);
	assert_int_equal(mock_count(server, WIRE_FAULT_SUBSCRIBE), 1);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_false(is_readable(fd));
	mock_fault(server);
	assert_true(is_readable(fd));
}

static void fault_read_empties_the_descriptor_and_moves_on(void **state)
{
	struct wire_fault entries[2] = {
		{ .sequence = 11, .address = 0x1000, .count = 4, .device = "pci:0000:00:02.0",
		  .flags = WIRE_FAULT_ADDRESS, .kind = SMMU_FAULT_PERMISSION, .access = SMMU_WRITE,
		  .reason = "granted, but not for writing" },
		{ .sequence = 17 },
	};
	struct smmu_fault faults[4];
	uint64_t lost = 99;
	int fd = smmu_fault_fd(context);

	(void)state;
	mock_fault(server);
	answer_list(WIRE_FAULT_READ, 2, 0, 3, entries, sizeof(entries[0]));
	assert_int_equal(smmu_fault_read(context, faults, 4, &lost), 2);
	assert_false(is_readable(fd));
	assert_int_equal(lost, 3);
	assert_int_equal(((const struct wire_fault_read *)sent(WIRE_FAULT_READ))->after, 0);
	assert_int_equal(((const struct wire_fault_read *)sent(WIRE_FAULT_READ))->max, 4);
	assert_int_equal(faults[0].address, 0x1000);
	assert_int_equal(faults[0].kind, SMMU_FAULT_PERMISSION);
	assert_int_equal(faults[0].access, SMMU_WRITE);
	assert_int_equal(faults[0].flags, SMMU_FAULT_HAS_ADDRESS);
	assert_string_equal(faults[0].device, "pci:0000:00:02.0");
	assert_string_equal(faults[0].reason, "granted, but not for writing");
	assert_int_equal(smmu_fault_read(context, faults, 4, NULL), 0);
	assert_int_equal(((const struct wire_fault_read *)sent(WIRE_FAULT_READ))->after, 17);
}

static void fault_read_bounds_what_it_asks_for(void **state)
{
	static struct smmu_fault faults[1000];

	(void)state;
	assert_int_equal(smmu_fault_read(context, faults, 0, NULL), -EINVAL);
	assert_int_equal(smmu_fault_read(context, faults, 1000, NULL), 0);
	assert_int_equal(((const struct wire_fault_read *)sent(WIRE_FAULT_READ))->max, 107);
}

static void fault_read_with_more_than_asked_for_ends_the_context(void **state)
{
	struct wire_fault entries[2] = { { .sequence = 1 }, { .sequence = 2 } };
	struct smmu_fault fault = { 0 };

	(void)state;
	answer_list(WIRE_FAULT_READ, 2, 0, 0, entries, sizeof(entries[0]));
	assert_int_equal(smmu_fault_read(context, &fault, 1, NULL), -EPROTO);
	assert_int_equal(fault.sequence, 0);
}

/* --- the verbs of smmuctl ----------------------------------------------------------- */

struct seen {
	unsigned count;
	int stop_at; /* the entry whose callback says 42 */
	uint64_t last;
};

static int see_fault(const void *entry, void *argument)
{
	const struct wire_fault *fault = entry;
	struct seen *seen = argument;

	seen->last = fault->sequence;
	return (int)seen->count++ == seen->stop_at ? 42 : 0;
}

static int see_unit(const void *entry, void *argument)
{
	const struct wire_unit *unit = entry;
	struct seen *seen = argument;
	struct wire_status status;

	assert_int_equal(unit->base, 100 + seen->count);
	/* The callback may use the context. */
	assert_int_equal(smmu_admin_status(context, &status), 0);
	return (int)seen->count++ == seen->stop_at ? 42 : 0;
}

static void list_of_several_pages_seen_in_order(void **state)
{
	struct wire_unit units[3] = { { .base = 100 }, { .base = 101 }, { .base = 102 } };
	struct seen seen = { .stop_at = -1 };

	(void)state;
	answer_list(WIRE_LIST_UNITS, 2, 2, 0, units, sizeof(units[0]));
	answer_list(WIRE_LIST_UNITS, 1, 0, 0, units + 2, sizeof(units[0]));
	assert_int_equal(smmu_admin_list(context, WIRE_LIST_UNITS, see_unit, &seen), 0);
	assert_int_equal(seen.count, 3);
	assert_int_equal(((const struct wire_cursor *)sent(WIRE_LIST_UNITS))->cursor, 2);
}

static void list_stopped_by_the_callback_returns_its_word(void **state)
{
	struct wire_unit units[2] = { { .base = 100 }, { .base = 101 } };
	struct seen seen = { .stop_at = 0 };

	(void)state;
	answer_list(WIRE_LIST_UNITS, 2, 2, 0, units, sizeof(units[0]));
	assert_int_equal(smmu_admin_list(context, WIRE_LIST_UNITS, see_unit, &seen), 42);
	assert_int_equal(seen.count, 1);
	assert_int_equal(mock_count(server, WIRE_LIST_UNITS), 1);
}

static void list_that_never_ends_ends_the_context(void **state)
{
	struct seen seen = { .stop_at = -1 };

	(void)state;
	answer_list(WIRE_LIST_UNITS, 0, 7, 0, "", 0);
	assert_int_equal(smmu_admin_list(context, WIRE_LIST_UNITS, see_unit, &seen), -EPROTO);
	assert_says(-EPROTO, "does not end");
}

static void list_refused_to_a_stranger_says_so(void **state)
{
	struct seen seen = { .stop_at = -1 };

	(void)state;
	mock_refuse(server, WIRE_LIST_GRANTS, -EACCES, "observers only");
	assert_int_equal(smmu_admin_list(context, WIRE_LIST_GRANTS, see_unit, &seen), -EACCES);
	assert_says(-EACCES, "observers only");
	assert_int_equal(smmu_admin_list(context, WIRE_MAP, see_unit, &seen), -EINVAL);
	assert_int_equal(smmu_admin_list(context, WIRE_LIST_FAULTS, see_unit, &seen), -EINVAL);
}

static void faults_of_everybody_seen_once_and_resumed(void **state)
{
	struct wire_fault faults[3] = { { .sequence = 4 }, { .sequence = 6 }, { .sequence = 9 } };
	struct seen seen = { .stop_at = -1 };
	uint64_t after = 3, lost;

	(void)state;
	answer_list(WIRE_LIST_FAULTS, 2, 6, 5, faults, sizeof(faults[0]));
	answer_list(WIRE_LIST_FAULTS, 1, 0, 1, faults + 2, sizeof(faults[0]));
	assert_int_equal(smmu_admin_faults(context, &after, &lost, see_fault, &seen), 0);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.last, 9);
	assert_int_equal(after, 9);
	assert_int_equal(lost, 6);
	assert_int_equal(((const struct wire_fault_read *)sent(WIRE_LIST_FAULTS))->after, 6);
	assert_int_equal(smmu_admin_faults(context, &after, NULL, see_fault, &seen), 0);
	assert_int_equal(((const struct wire_fault_read *)sent(WIRE_LIST_FAULTS))->after, 9);
	assert_int_equal(after, 9);
}

static void explain_and_release_send_the_device(void **state)
{
	static struct wire_explain_reply reply = { .verdict = "refused", .step_count = 3 };
	static struct wire_explain_reply got;
	const struct wire_explain *ask;
	uint64_t iova = 0x1234;

	(void)state;
	mock_answer(server, WIRE_EXPLAIN, &(struct mock_answer){
		.body = &reply, .size = sizeof(reply) });
	assert_int_equal(smmu_admin_explain(context, "00:02.0", &iova, &got), 0);
	ask = sent(WIRE_EXPLAIN);
	assert_string_equal(ask->name, "00:02.0");
	assert_int_equal(ask->has_iova, 1);
	assert_int_equal(ask->iova, 0x1234);
	assert_string_equal(got.verdict, "refused");
	assert_int_equal(got.step_count, 3);
	assert_int_equal(smmu_admin_explain(context, "00:02.0", NULL, &got), 0);
	assert_int_equal(((const struct wire_explain *)sent(WIRE_EXPLAIN))->has_iova, 0);
	assert_int_equal(smmu_admin_release(context, "00:02.0"), 0);
	assert_string_equal(((const struct wire_name *)sent(WIRE_RELEASE))->name, "00:02.0");
	assert_int_equal(smmu_admin_release(context, ""), -EINVAL);
	assert_string_equal(smmu_admin_state_name(WIRE_DEVICE_QUARANTINED), "quarantined");
}

#define OPENED(test) cmocka_unit_test_setup_teardown(test, start_both, stop_both)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPENED(domain_created_and_destroyed_by_handle),
		OPENED(attach_sends_the_name_and_returns_what_the_service_says),
		OPENED(attach_with_impossible_name_refused_here),
		OPENED(memory_added_with_its_descriptor),
		OPENED(region_opened_by_name),
		OPENED(region_refused_leaves_nothing),
		OPENED(map_single_sends_one_exact_entry),
		OPENED(batch_sends_all_entries_up_to_the_limit),
		OPENED(batch_of_none_or_too_many_refused_here),
		OPENED(reserved_returns_entries_and_whether_more_follow),
		OPENED(reserved_with_more_entries_than_asked_for_ends_the_context),
		OPENED(fault_fd_asked_for_once_and_kept),
		OPENED(fault_read_empties_the_descriptor_and_moves_on),
		OPENED(fault_read_bounds_what_it_asks_for),
		OPENED(fault_read_with_more_than_asked_for_ends_the_context),
		OPENED(list_of_several_pages_seen_in_order),
		OPENED(list_stopped_by_the_callback_returns_its_word),
		OPENED(list_that_never_ends_ends_the_context),
		OPENED(list_refused_to_a_stranger_says_so),
		OPENED(faults_of_everybody_seen_once_and_resumed),
		OPENED(explain_and_release_send_the_device),
	};

	return cmocka_run_group_tests_name("libsmmu_calls", tests, NULL, NULL);
}
