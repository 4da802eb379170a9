// SPDX-License-Identifier: BSD-2-Clause
/* The daemon's start: what it finds, what it refuses to use, who was here first. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "raw.h"

#define ABORT (1u << 20)
#define PATTERN 0xa5

static void f08_second_instance_refused_before_it_touches_anything(void **state)
{
	struct service first, second;
	struct raw raw;

	(void)state;
	service_start(&first, NULL);
	service_prepare(&second);
	strcpy(second.socket, first.socket);
	assert_int_equal(service_run(&second, NULL), EADDRINUSE);
	assert_true(service_said(&second, "another smmuman serves"));
	assert_int_equal(second.fake->reads + second.fake->writes, 0);
	/* The first one is still there, and so is its socket. */
	raw_open(&raw, &first);
	raw_close(&raw);
	service_stop(&second);
	service_stop(&first);
}

static void f08_socket_of_a_dead_instance_replaced(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct service service;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	struct raw raw;

	(void)state;
	service_prepare(&service);
	strcpy(address.sun_path, service.socket);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_int_equal(service_run(&service, NULL), 0);
	raw_open(&raw, &service);
	raw_close(&raw);
	service_stop(&service);
}

static void socket_path_that_cannot_be_used_refused(void **state)
{
	struct service service;

	(void)state;
	service_prepare(&service);
	snprintf(service.socket, sizeof(service.socket), "/nowhere/at/all/s");
	assert_int_equal(service_run(&service, NULL), ENOENT);
	assert_int_equal(service.fake->writes, 0);
	service_stop(&service);
}

/* --- a unit somebody left enabled ------------------------------------------------------ */

static struct seen {
	bool was_closed, was_aborting, was_unchanged, was_open_again;
} *seen;

/* In the daemon, after each register write: when translation ends, what is in memory? */
static void look_at_write(void *context, struct hw_fake *fake, uint32_t offset)
{
	uint64_t i;

	(void)context;
	if (offset != FAKE_CR0 || seen->was_closed || (hw_fake_get(fake, FAKE_CR0, 4) & 1))
		return;
	seen->was_closed = true;
	seen->was_aborting = hw_fake_get(fake, FAKE_GBPA, 4) & ABORT;
	/* The first page is the books' own: no unit ever walked it. */
	for (i = PAGE_BYTES; i < fake->bytes && fake->memory[i] == PATTERN; i++)
		;
	seen->was_unchanged = i == fake->bytes;
}

static void f09_enabled_unit_closed_before_the_arena_changes(void **state)
{
	struct service service;
	struct raw raw;

	(void)state;
	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(seen, MAP_FAILED);
	service_prepare(&service);
	memset(service.fake->memory, PATTERN, service.fake->bytes);
	hw_fake_set(service.fake, FAKE_CR0, 4, 1);
	hw_fake_set(service.fake, FAKE_CR0ACK, 4, 1);
	hw_fake_set(service.fake, FAKE_STRTAB_BASE, 8, HW_FAKE_PA + 0x10000);
	service.fake->after_write = look_at_write;
	assert_int_equal(service_run(&service, NULL), 0);
	service_settle(&service);
	assert_true(seen->was_closed);
	assert_true(seen->was_aborting);
	assert_true(seen->was_unchanged);
	/* Taken over in the end: enabled again, and nothing reaches anything. */
	assert_true(hw_fake_get(service.fake, FAKE_CR0, 4) & 1);
	assert_false(service_reaches(&service, 0, 0x1000, false));
	assert_false(service_reaches(&service, 1, 0x1000, false));
	raw_open(&raw, &service);
	raw_close(&raw);
	service_stop(&service);
	munmap(seen, sizeof(*seen));
}

static void f09_enabled_unit_that_cannot_be_closed_leaves_the_arena_alone(void **state)
{
	struct service service;
	uint64_t i;

	(void)state;
	service_prepare(&service);
	memset(service.fake->memory, PATTERN, service.fake->bytes);
	hw_fake_set(service.fake, FAKE_CR0, 4, 1);
	hw_fake_set(service.fake, FAKE_CR0ACK, 4, 1);
	hw_fake_set(service.fake, FAKE_STRTAB_BASE, 8, HW_FAKE_PA + 0x10000);
	service.fake->tick_ns = 1000000;
	service.fake->mute = FAKE_MUTE_CR0;
	assert_int_not_equal(service_run(&service, NULL), 0);
	assert_true(service_said(&service, "could not be closed"));
	assert_true(service_said(&service, "reset the machine"));
	/* The first page is the books' own: no unit ever walked it. */
	for (i = PAGE_BYTES; i < service.fake->bytes && service.fake->memory[i] == PATTERN; i++)
		;
	assert_int_equal(i, service.fake->bytes);
	service_stop(&service);
}

static void f06_end_by_sigterm_leaves_everything_aborting(void **state)
{
	struct service service;
	struct wire_map map;
	struct raw raw;
	uint32_t domain;
	int status;

	(void)state;
	service_start(&service, NULL);
	raw_open(&raw, &service);
	domain = raw_domain(&raw);
	assert_int_equal(raw_attach(&raw, domain, DMA0, NULL), 0);
	map = raw_page(raw_memory(&raw, 1), 0x1000, 0);
	assert_int_equal(raw_map(&raw, domain, &map, 1), 0);
	assert_true(service_reaches(&service, 0, 0x1000, true));
	kill(service.pid, SIGTERM);
	status = service_wait(&service);
	assert_int_equal(status, 0);
	assert_false(service_reaches(&service, 0, 0x1000, true));
	assert_true(hw_fake_get(service.fake, FAKE_GBPA, 4) & ABORT);
	assert_false(hw_fake_get(service.fake, FAKE_CR0, 4) & 1);
	assert_true(raw_is_cut(&raw));
	raw_close(&raw);
	service_stop(&service);
}

/* --- a unit that cannot be used ---------------------------------------------------------- */

static void refuse(uint32_t offset, uint32_t value, const char *words)
{
	struct service service;

	service_prepare(&service);
	hw_fake_set(service.fake, offset, 4, value);
	assert_int_not_equal(service_run(&service, NULL), 0);
	if (!service_said(&service, words))
		fail_msg("nothing was said of '%s'", words);
	assert_int_equal(service.fake->writes, 0);
	service_stop(&service);
}

static void f38_unit_that_can_too_little_refused_in_words(void **state)
{
	(void)state;
	refuse(FAKE_IDR0, 0x0d441018, "stage"); /* neither of them */
	refuse(FAKE_IDR5, 0x04, "4 KiB");	/* no 4 KiB pages */
}

static void f37_unit_of_all_ones_refused(void **state)
{
	struct service service;

	(void)state;
	service_prepare(&service);
	service.fake->is_gone = true;
	assert_int_not_equal(service_run(&service, NULL), 0);
	assert_true(service_said(&service, "all ones"));
	service_stop(&service);
}

static void f39_unit_that_never_acknowledges_refused_in_time(void **state)
{
	static const struct { unsigned mute; const char *name; } mutes[] = {
		{ FAKE_MUTE_CR0, "CR0" }, { FAKE_MUTE_GBPA, "GBPA" }, { FAKE_MUTE_IRQ, "IRQ" },
	};
	struct service service;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(mutes) / sizeof(mutes[0]); i++) {
		service_prepare(&service);
		service.fake->tick_ns = 1000000;
		service.fake->mute = mutes[i].mute;
		hw_fake_set(service.fake, FAKE_IRQ_CTRL, 4, 7);
		hw_fake_set(service.fake, FAKE_IRQ_CTRLACK, 4, 7);
		assert_int_not_equal(service_run(&service, NULL), 0);
		assert_true(service_said(&service, mutes[i].name));
		/* What could be closed is. */
		assert_true(hw_fake_get(service.fake, FAKE_GBPA, 4) & ABORT);
		service_stop(&service);
	}
}

/* --- what the policy says of clients and devices ------------------------------------------- */

static void f55_peer_under_two_rules_refused_naming_both(void **state)
{
	struct service service;
	char policy[1024];
	struct raw raw;

	(void)state;
	snprintf(policy, sizeof(policy), SERVICE_DEVICES "clients:\n"
		 "  - {name: by-uid, uid: self, rights: [attach]}\n"
		 "  - {name: by-gid, gid: %u, rights: [admin]}\n", getgid());
	service_start(&service, policy);
	raw_connect(&raw, &service);
	assert_int_equal(raw_hello(&raw), -EACCES);
	assert_non_null(strstr(raw.why, "by-uid"));
	assert_non_null(strstr(raw.why, "by-gid"));
	raw_close(&raw);
	service_stop(&service);
}

static void f55_device_that_is_absent_is_only_a_warning(void **state)
{
	struct service service;
	struct raw raw;

	(void)state;
	service_start(&service, SERVICE_DEVICES
		      "  - {name: gone, match: \"pci:0000:00:1e.0\"}\n"
		      "regions:\n  - {name: sram, address: 0x2000000, size: 64KiB, rights: r}\n"
		      "clients:\n  - {name: tester, uid: self, attach: [gone, dma0]}\n"
		      "static:\n  - {device: gone, region: sram, iova: 0x1000000, rights: r}\n");
	assert_true(service_said(&service, "no such device here"));
	raw_open(&raw, &service);
	assert_int_equal(raw_attach(&raw, raw_domain(&raw), "gone", NULL), -ENOENT);
	assert_int_equal(raw_attach(&raw, raw_domain(&raw), "dma0", NULL), 0);
	raw_close(&raw);
	service_stop(&service);
}

static void static_grant_holds_without_any_client(void **state)
{
	struct service service;
	struct raw raw;

	(void)state;
	service_start(&service, SERVICE_DEVICES
		      "regions:\n  - {name: sram, address: 0x2000000, size: 64KiB, rights: r}\n"
		      "clients:\n  - {name: tester, uid: self, rights: [attach, admin], attach: [dma0]}\n"
		      "static:\n  - {device: dma0, region: sram, iova: 0x1000000, rights: r}\n");
	assert_true(service_reaches(&service, 0, 0x100ffff, false));
	assert_false(service_reaches(&service, 0, 0x1010000, false));
	assert_false(service_reaches(&service, 0, 0x1000000, true));
	assert_false(service_reaches(&service, 1, 0x1000000, false));
	raw_open(&raw, &service);
	assert_int_equal(raw_attach(&raw, raw_domain(&raw), DMA0, NULL), -EBUSY);
	assert_non_null(strstr(raw.why, "static"));
	raw_close(&raw);
	service_stop(&service);
}

static void set_busy(struct service *service, uint32_t value)
{
	int fd = machine_fake_window_fd(service->machine, MACHINE_FAKE_BARS);

	assert_int_equal(pwrite(fd, &value, sizeof(value), 0x98), sizeof(value));
}

/* Blocking alone is not enough: what is still at work is given to nobody. */
static void device_that_does_not_come_to_rest_is_quarantined(void **state)
{
	const struct wire_name ask = { DMA0 };
	struct service service;
	struct raw raw, next;
	uint32_t domain;

	(void)state;
	service_start(&service, NULL);
	raw_open(&raw, &service);
	raw_open(&next, &service);
	domain = raw_domain(&next);
	assert_int_equal(raw_attach(&raw, raw_domain(&raw), DMA0, NULL), 0);
	set_busy(&service, 1);
	raw_end(&raw, &service);
	assert_int_equal(raw_attach(&next, domain, DMA0, NULL), -EAGAIN);
	service_clock(&service, 3 * SECOND);
	service_turn(&service);
	assert_int_equal(raw_attach(&next, domain, DMA0, NULL), -EAGAIN);
	service_clock(&service, 2 * SECOND);
	while (service_state(&service, 0) == WIRE_DEVICE_RELEASING)
		service_turn(&service);
	assert_int_equal(raw_attach(&next, domain, DMA0, NULL), -EPERM);
	assert_non_null(strstr(next.why, "quarantine"));
	assert_int_equal(raw_status(&next).devices_quarantined, 1);
	set_busy(&service, 0);
	assert_int_equal(raw_call(&next, WIRE_RELEASE, &ask, sizeof(ask), NULL, 0), 0);
	service_settle(&service);
	assert_int_equal(raw_attach(&next, domain, DMA0, NULL), 0);
	raw_close(&next);
	service_stop(&service);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(f08_second_instance_refused_before_it_touches_anything),
		cmocka_unit_test(f08_socket_of_a_dead_instance_replaced),
		cmocka_unit_test(socket_path_that_cannot_be_used_refused),
		cmocka_unit_test(f09_enabled_unit_closed_before_the_arena_changes),
		cmocka_unit_test(f09_enabled_unit_that_cannot_be_closed_leaves_the_arena_alone),
		cmocka_unit_test(f06_end_by_sigterm_leaves_everything_aborting),
		cmocka_unit_test(f38_unit_that_can_too_little_refused_in_words),
		cmocka_unit_test(f37_unit_of_all_ones_refused),
		cmocka_unit_test(f39_unit_that_never_acknowledges_refused_in_time),
		cmocka_unit_test(f55_peer_under_two_rules_refused_naming_both),
		cmocka_unit_test(f55_device_that_is_absent_is_only_a_warning),
		cmocka_unit_test(static_grant_holds_without_any_client),
		cmocka_unit_test(device_that_does_not_come_to_rest_is_quarantined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
