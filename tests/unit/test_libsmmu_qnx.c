// SPDX-License-Identifier: BSD-2-Clause
// The QNX-compatible calls: results and errno, objects, devices, faults.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bits.h"
#include "qnx_fixture.h"

/* --- the connection ----------------------------------------------------------------- */

static void init_counted_until_as_many_fini(void **state)
{
	(void)state;
	assert_null(smmu_default());
	assert_int_equal(smmu_init(0), 0);
	assert_int_equal(smmu_init(0), 0);
	assert_int_equal(mock_count(fixture.server, WIRE_HELLO), 1);
	assert_non_null(smmu_default());
	assert_int_equal(smmu_fini(), 0);
	assert_non_null(smmu_default());
	assert_int_equal(smmu_fini(), 0);
	assert_null(smmu_default());
	assert_fails(smmu_fini(), ENOTCONN);
}

static void init_with_flags_or_without_service_fails(void **state)
{
	(void)state;
	assert_fails(smmu_init(1), EINVAL);
	mock_refuse(fixture.server, WIRE_HELLO, -EACCES, "no rule");
	assert_fails(smmu_init(0), EACCES);
	assert_null(smmu_default());
}

static void safety_is_never_claimed(void **state)
{
	(void)state;
	errno = 0;
	assert_int_equal(smmu_safety(), SMMUMAN_SAFETY_ERROR);
	assert_int_equal(errno, ENOTCONN);
	assert_int_equal(smmu_init(0), 0);
	assert_int_equal(smmu_safety(), SMMUMAN_SAFETY_NO);
}

static void calls_before_init_fail(void **state)
{
	union smmu_devid devid = { .pci = { SDT_PCI, 0, 2, 0 } };
	struct sigevent none = { .sigev_notify = SIGEV_NONE };
	struct smmu_map_entry entry = { .phys = 0, .len = 1 };
	struct smmu_status status;

	(void)state;
	errno = 0;
	assert_null(smmu_obj_create(0));
	assert_int_equal(errno, ENOTCONN);
	assert_fails(smmu_obj_destroy(NULL), ENOTCONN);
	assert_fails(smmu_device_add_generic(NULL, &devid), ENOTCONN);
	assert_fails(smmu_mapping_add(NULL, RW, 0, 1, &entry, 0), ENOTCONN);
	assert_fails((int)smmu_device_report_reserved(&devid, 0, &entry, 1), ENOTCONN);
	assert_fails(smmu_xfer_notify(&none), ENOTCONN);
	assert_fails(smmu_xfer_fd(), ENOTCONN);
	assert_fails(smmu_xfer_status(&status), ENOTCONN);
}

static int child_starts_anew(void)
{
	/* The parent's objects are not ours; our own connection must wait its turn. */
	if (smmu_default() && smmu_obj_create(0))
		return 1;
	return errno == ENOTCONN ? 0 : 2;
}

static void init_in_a_forks_child_is_not_the_parents(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(child_starts_anew());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_non_null(smmu_obj_create(0));
}

/* --- objects and devices ------------------------------------------------------------ */

static const struct wire_attach *attach_sent(unsigned n)
{
	static struct mock_request request;

	request = mock_request(fixture.server, WIRE_ATTACH, n);
	return (const void *)request.bytes;
}

static void object_flags_known_accepted_others_refused(void **state)
{
	struct smmu_object *object;

	(void)state;
	object = smmu_obj_create(SOCF_RESERVED_MANUAL);
	assert_non_null(object);
	assert_int_equal(smmu_obj_destroy(object), 0);
	errno = 0;
	assert_null(smmu_obj_create(0x8000));
	assert_int_equal(errno, EINVAL);
	mock_refuse(fixture.server, WIRE_DOMAIN_CREATE, -EDQUOT, "4 domains, the limit");
	errno = 0;
	assert_null(smmu_obj_create(SOCF_NONE));
	assert_int_equal(errno, EDQUOT);
}

static void object_that_is_none_of_ours_refused(void **state)
{
	struct smmu_object *object = smmu_obj_create(0);
	struct smmu_map_entry entry = { .phys = fixture.base, .len = PAGE };
	int not_an_object = 0;
	struct smmu_object *stranger = (void *)&not_an_object;

	(void)state;
	assert_fails(smmu_obj_destroy(NULL), EINVAL);
	assert_fails(smmu_obj_destroy(stranger), EINVAL);
	assert_fails(smmu_device_add_pci(stranger, 0, 2, 0), EINVAL);
	assert_fails(smmu_mapping_add(stranger, RW, 0, 1, &entry, 0), EINVAL);
	assert_int_equal(smmu_obj_destroy(object), 0);
	assert_fails(smmu_obj_destroy(object), EINVAL);
}

static void device_added_by_pci_or_mmio_named_canonically(void **state)
{
	struct smmu_object *object = smmu_obj_create(0);
	union smmu_devid generic = { .pci = { SDT_PCI, 0xff, 0x1f, 7 } };

	(void)state;
	assert_int_equal(smmu_device_add_pci(object, 0, 2, 0), 0);
	assert_string_equal(attach_sent(0)->name, "pci:0000:00:02.0");
	assert_int_equal(smmu_device_add_mmio(object, 0xe6ef0000, 0x100), 0);
	assert_string_equal(attach_sent(1)->name, "mmio:0xe6ef0000+0x100");
	assert_int_equal(smmu_device_add_generic(object, &generic), 0);
	assert_string_equal(attach_sent(2)->name, "pci:0000:ff:1f.7");
}

static void device_that_cannot_exist_refused_here(void **state)
{
	struct smmu_object *object = smmu_obj_create(0);
	union smmu_devid unknown = { .type = SDT_NUM_TYPES };

	(void)state;
	assert_fails(smmu_device_add_pci(object, 256, 0, 0), EINVAL);
	assert_fails(smmu_device_add_pci(object, 0, 32, 0), EINVAL);
	assert_fails(smmu_device_add_pci(object, 0, 0, 8), EINVAL);
	assert_fails(smmu_device_add_mmio(object, 0x1000, 0), EINVAL);
	assert_fails(smmu_device_add_generic(object, &unknown), EINVAL);
	assert_fails(smmu_device_add_generic(object, NULL), EINVAL);
	assert_int_equal(mock_count(fixture.server, WIRE_ATTACH), 0);
}

static void device_added_twice_is_one_and_elsewhere_busy(void **state)
{
	struct smmu_object *object = smmu_obj_create(0), *other = smmu_obj_create(0);

	(void)state;
	assert_int_equal(smmu_device_add_pci(object, 0, 2, 0), 0);
	assert_int_equal(smmu_device_add_pci(object, 0, 2, 0), 0);
	assert_int_equal(mock_count(fixture.server, WIRE_ATTACH), 1);
	assert_fails(smmu_device_add_pci(other, 0, 2, 0), EBUSY);
}

static void device_errors_are_the_documented_ones(void **state)
{
	static const struct { int service, documented; } codes[] = {
		{ -EBUSY, EBUSY }, { -ENOENT, ENOENT }, { -ENODEV, ENOENT }, { -EACCES, EACCES },
		{ -EPERM, EPERM }, { -EDQUOT, EDQUOT },
	};
	struct smmu_object *object = smmu_obj_create(0);
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(codes); i++) {
		mock_refuse(fixture.server, WIRE_ATTACH, codes[i].service, "no");
		assert_fails(smmu_device_add_pci(object, 0, 2, 0), codes[i].documented);
	}
	assert_int_equal(smmu_device_add_pci(object, 0, 2, 0), 0);
}

static void device_coming_to_rest_is_waited_for(void **state)
{
	struct smmu_object *object = smmu_obj_create(0);

	(void)state;
	mock_refuse(fixture.server, WIRE_ATTACH, -EAGAIN, "being brought to rest");
	mock_refuse(fixture.server, WIRE_ATTACH, -EAGAIN, "being brought to rest");
	assert_int_equal(smmu_device_add_pci(object, 0, 2, 0), 0);
	assert_int_equal(mock_count(fixture.server, WIRE_ATTACH), 3);
}

static void device_removed_with_null_object(void **state)
{
	struct smmu_object *object = smmu_obj_create(0);

	(void)state;
	assert_fails(smmu_device_add_pci(NULL, 0, 2, 0), ENOENT);
	assert_int_equal(smmu_device_add_pci(object, 0, 2, 0), 0);
	assert_fails(smmu_device_add_pci(NULL, 0, 2, 1), ENOENT);
	assert_int_equal(smmu_device_add_pci(NULL, 0, 2, 0), 0);
	assert_int_equal(mock_count(fixture.server, WIRE_DETACH), 1);
	assert_fails(smmu_device_add_pci(NULL, 0, 2, 0), ENOENT);
	assert_int_equal(smmu_device_add_mmio(object, 0x1000, 0x100), 0);
	assert_fails(smmu_device_add_mmio(NULL, 0x1000, 0x80), ENOENT);
	assert_int_equal(smmu_device_add_mmio(NULL, 0x1000, 0x100), 0);
}

static void object_destroyed_with_its_devices_first(void **state)
{
	struct smmu_object *object = smmu_obj_create(0), *other = smmu_obj_create(0);

	(void)state;
	assert_int_equal(smmu_device_add_pci(object, 0, 2, 0), 0);
	assert_int_equal(smmu_device_add_pci(object, 0, 3, 0), 0);
	assert_int_equal(smmu_device_add_pci(other, 0, 4, 0), 0);
	assert_int_equal(smmu_obj_destroy(object), 0);
	assert_int_equal(mock_count(fixture.server, WIRE_DETACH), 2);
	assert_int_equal(mock_count(fixture.server, WIRE_DOMAIN_DESTROY), 1);
	assert_fails(smmu_device_add_pci(NULL, 0, 2, 0), ENOENT);
	assert_int_equal(smmu_device_add_pci(NULL, 0, 4, 0), 0);
}

/* --- wildcards ---------------------------------------------------------------------- */

static void answer_devices(void)
{
	static const char *const names[] = {
		"pci:0000:00:02.0", "dt:/soc/dma@1000", "pci:0000:00:02.1", "pci:0000:01:02.0",
		"pci:0001:00:02.0",
	};
	static struct {
		struct wire_list list;
		struct wire_device devices[ARRAY_COUNT(names)];
	} body;
	size_t i;

	memset(&body, 0, sizeof(body));
	body.list.count = ARRAY_COUNT(names);
	for (i = 0; i < ARRAY_COUNT(names); i++)
		strcpy(body.devices[i].name, names[i]);
	mock_answer(fixture.server, WIRE_LIST_DEVICES, &(struct mock_answer){
		.body = &body, .size = sizeof(body) });
}

static void wildcard_adds_and_removes_each_device_it_means(void **state)
{
	struct smmu_object *object = smmu_obj_create(0);

	(void)state;
	answer_devices();
	assert_int_equal(smmu_device_add_pci(object, 0, 2, SMMU_PCI_FIELD_ANY), 0);
	assert_int_equal(mock_count(fixture.server, WIRE_ATTACH), 2);
	assert_string_equal(attach_sent(0)->name, "pci:0000:00:02.0");
	assert_string_equal(attach_sent(1)->name, "pci:0000:00:02.1");
	answer_devices();
	assert_int_equal(smmu_device_add_pci(object, SMMU_PCI_FIELD_ANY, SMMU_PCI_FIELD_ANY,
					     SMMU_PCI_FIELD_ANY), 0);
	assert_int_equal(mock_count(fixture.server, WIRE_ATTACH), 3);
	assert_string_equal(attach_sent(2)->name, "pci:0000:01:02.0");
	assert_int_equal(smmu_device_add_pci(NULL, SMMU_PCI_FIELD_ANY, 2, 0), 0);
	assert_int_equal(mock_count(fixture.server, WIRE_DETACH), 2);
	assert_int_equal(smmu_device_add_pci(NULL, 0, 2, 1), 0);
}

static void wildcard_needs_an_observer_and_a_match(void **state)
{
	struct smmu_object *object = smmu_obj_create(0);

	(void)state;
	mock_refuse(fixture.server, WIRE_LIST_DEVICES, -EACCES, "observers only");
	assert_fails(smmu_device_add_pci(object, SMMU_PCI_FIELD_ANY, 2, 0), EPERM);
	answer_devices();
	assert_fails(smmu_device_add_pci(object, 0, 9, SMMU_PCI_FIELD_ANY), ENOENT);
	assert_fails(smmu_device_add_pci(NULL, SMMU_PCI_FIELD_ANY, 2, 0), ENOENT);
	assert_int_equal(mock_count(fixture.server, WIRE_ATTACH), 0);
}

static void wildcard_that_fails_half_way_adds_none(void **state)
{
	struct smmu_object *object = smmu_obj_create(0);
	static const struct wire_attach_reply good = { .device = 12 };

	(void)state;
	answer_devices();
	mock_answer(fixture.server, WIRE_ATTACH, &(struct mock_answer){
		.body = &good, .size = sizeof(good) });
	mock_refuse(fixture.server, WIRE_ATTACH, -EBUSY, "somebody has it");
	assert_fails(smmu_device_add_pci(object, 0, 2, SMMU_PCI_FIELD_ANY), EBUSY);
	assert_int_equal(mock_count(fixture.server, WIRE_DETACH), 1);
	assert_fails(smmu_device_add_pci(NULL, 0, 2, 0), ENOENT);
}

/* --- reserved regions --------------------------------------------------------------- */

static void answer_reserved(uint32_t count, uint64_t next)
{
	static struct { struct wire_list list; struct wire_reserved entries[64]; } body;
	uint32_t i;

	memset(&body, 0, sizeof(body));
	body.list.count = count;
	body.list.next = next;
	for (i = 0; i < count; i++)
		body.entries[i] = (struct wire_reserved){ i * PAGE, PAGE };
	mock_answer(fixture.server, WIRE_RESERVED, &(struct mock_answer){
		.body = &body, .size = sizeof(body.list) + count * sizeof(body.entries[0]) });
}

static void reserved_reports_how_many_and_more_than_room_when_others_follow(void **state)
{
	union smmu_devid devid = { .pci = { SDT_PCI, 0, 2, 0 } };
	struct smmu_map_entry entries[64];

	(void)state;
	assert_int_equal(smmu_device_report_reserved(&devid, 0, entries, 4), 0);
	answer_reserved(2, 0);
	assert_int_equal(smmu_device_report_reserved(&devid, 0, entries, 4), 2);
	assert_int_equal(entries[1].phys, PAGE);
	assert_int_equal(entries[1].len, PAGE);
	answer_reserved(4, 9);
	assert_true(smmu_device_report_reserved(&devid, 0, entries, 4) > 4);
	answer_reserved(32, 32);
	answer_reserved(8, 0);
	assert_int_equal(smmu_device_report_reserved(&devid, 0, entries, 64), 40);
	devid.pci.bus = SMMU_PCI_FIELD_ANY;
	assert_fails((int)smmu_device_report_reserved(&devid, 0, entries, 4), EINVAL);
}

/* --- faults ------------------------------------------------------------------------- */

static const struct sigevent silent = { .sigev_notify = SIGEV_NONE };

static bool is_ready(void)
{
	struct pollfd watch = { .fd = smmu_xfer_fd(), .events = POLLIN };

	return poll(&watch, 1, 0) == 1;
}

static void answer_faults(uint32_t count, const struct wire_fault *faults, uint64_t lost)
{
	static struct { struct wire_list list; struct wire_fault faults[8]; } body;

	memset(&body, 0, sizeof(body));
	body.list.count = count;
	body.list.lost = lost;
	memcpy(body.faults, faults, count * sizeof(*faults));
	mock_answer(fixture.server, WIRE_FAULT_READ, &(struct mock_answer){
		.body = &body, .size = sizeof(body.list) + count * sizeof(*faults) });
}

static void notify_is_one_shot(void **state)
{
	struct wire_fault fault = { .sequence = 1, .count = 1 };
	struct smmu_status status;

	(void)state;
	assert_fails(smmu_xfer_fd(), EINVAL);
	assert_int_equal(smmu_xfer_notify(&silent), 0);
	assert_false(is_ready());
	mock_fault(fixture.server);
	assert_true(is_ready());
	answer_faults(1, &fault, 0);
	assert_int_equal(smmu_xfer_status(&status), 1);
	assert_int_equal(smmu_xfer_status(&status), 0);
	assert_false(is_ready());
	/* Not registered any more: the next fault is silent until notify. */
	mock_fault(fixture.server);
	assert_false(is_ready());
	assert_int_equal(smmu_xfer_notify(&silent), 0);
	assert_true(is_ready());
}

static void notify_cancelled_stays_silent(void **state)
{
	(void)state;
	assert_int_equal(smmu_xfer_notify(&silent), 0);
	assert_int_equal(smmu_xfer_notify(NULL), 0);
	mock_fault(fixture.server);
	assert_false(is_ready());
}

static void notify_by_signal_or_thread_refused(void **state)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };

	(void)state;
	assert_fails(smmu_xfer_notify(&event), ENOTSUP);
	event.sigev_notify = SIGEV_THREAD;
	assert_fails(smmu_xfer_notify(&event), ENOTSUP);
}

static void status_tells_device_address_and_what_was_lost(void **state)
{
	struct wire_attach_reply attached = { .device = 1, .name = "dt:/soc/dma@1000" };
	struct smmu_object *object = smmu_obj_create(0);
	struct wire_fault faults[] = {
		{ .sequence = 1, .address = 0x1234, .words = { 0x10 }, .device = "pci:0000:03:1f.7" },
		{ .sequence = 2, .device = "dt:/soc/dma@1000" },
		{ .sequence = 3, .flags = WIRE_FAULT_LOSS },
		{ .sequence = 4, .device = "dt:/other" },
	};
	struct smmu_status status;

	(void)state;
	mock_answer(fixture.server, WIRE_ATTACH, &(struct mock_answer){
		.body = &attached, .size = sizeof(attached) });
	assert_int_equal(smmu_device_add_mmio(object, 0x1000, 0x100), 0);
	answer_faults(4, faults, 5);
	assert_int_equal(smmu_xfer_status(&status), 1);
	assert_int_equal(status.flags, SSF_DROPPED_FAULTS);
	assert_int_equal(status.fault_addr, 0x1234);
	assert_int_equal(status.hw_specific, 0x10);
	assert_int_equal(status.devid.type, SDT_PCI);
	assert_int_equal(status.devid.pci.bus, 3);
	assert_int_equal(status.devid.pci.dev, 0x1f);
	assert_int_equal(status.devid.pci.func, 7);
	assert_int_equal(smmu_xfer_status(&status), 1);
	assert_int_equal(status.flags, 0);
	assert_int_equal(status.devid.type, SDT_MMIO);
	assert_int_equal(status.devid.mmio.phys, 0x1000);
	assert_int_equal(status.devid.mmio.length, 0x100);
	assert_int_equal(smmu_xfer_status(&status), 1);
	assert_int_equal(status.flags, SSF_DROPPED_FAULTS);
	assert_int_equal(status.devid.type, SDT_NUM_TYPES);
	assert_int_equal(smmu_xfer_status(&status), 0);
	assert_fails(smmu_xfer_status(NULL), EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(init_counted_until_as_many_fini),
		SERVED(init_with_flags_or_without_service_fails),
		SERVED(safety_is_never_claimed),
		SERVED(calls_before_init_fail),
		STRICT(init_in_a_forks_child_is_not_the_parents),
		STRICT(object_flags_known_accepted_others_refused),
		STRICT(object_that_is_none_of_ours_refused),
		STRICT(device_added_by_pci_or_mmio_named_canonically),
		STRICT(device_that_cannot_exist_refused_here),
		STRICT(device_added_twice_is_one_and_elsewhere_busy),
		STRICT(device_errors_are_the_documented_ones),
		STRICT(device_coming_to_rest_is_waited_for),
		STRICT(device_removed_with_null_object),
		STRICT(object_destroyed_with_its_devices_first),
		STRICT(wildcard_adds_and_removes_each_device_it_means),
		STRICT(wildcard_needs_an_observer_and_a_match),
		STRICT(wildcard_that_fails_half_way_adds_none),
		STRICT(reserved_reports_how_many_and_more_than_room_when_others_follow),
		STRICT(notify_is_one_shot),
		STRICT(notify_cancelled_stays_silent),
		STRICT(notify_by_signal_or_thread_refused),
		STRICT(status_tells_device_address_and_what_was_lost),
	};

	return cmocka_run_group_tests_name("libsmmu_qnx", tests, NULL, NULL);
}
