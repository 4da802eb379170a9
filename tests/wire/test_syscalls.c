// SPDX-License-Identifier: BSD-2-Clause
/* What a request costs in calls of the kernel and in allocations, and calls that fail. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "raw.h"
#include "smmu.h"
#include "trace.h"

#define BASE UINT64_C(0x100000)
#define ROUNDS 50u

static void skip_without_strace(void)
{
	if (trace_is_possible())
		return;
	print_message("skip: no strace that may trace here\n");
	skip();
}

static void map_and_unmap(struct raw *raw, uint32_t domain, uint32_t memory)
{
	const struct wire_range range = { BASE, PAGE_BYTES };
	struct wire_map map = raw_page(memory, BASE, 0);

	assert_int_equal(raw_map(raw, domain, &map, 1), 0);
	assert_int_equal(raw_unmap(raw, domain, &range, 1), 0);
}

static void request_costs_the_daemon_one_receive_and_one_send(void **state)
{
	struct service *service = *state;
	uint32_t domain, memory, i;
	struct trace trace;
	struct raw raw;

	skip_without_strace();
	raw_open(&raw, service);
	domain = raw_domain(&raw);
	assert_int_equal(raw_attach(&raw, domain, DMA0, NULL), 0);
	memory = raw_memory(&raw, 1);
	trace_start(&trace, service->pid, service->dir, NULL);
	for (i = 0; i < ROUNDS; i++)
		map_and_unmap(&raw, domain, memory);
	trace_stop(&trace);
	assert_int_equal(trace_count(&trace, "recvmsg", NULL, NULL), 2 * ROUNDS);
	assert_int_equal(trace_count(&trace, "sendmsg", NULL, NULL) +
				 trace_count(&trace, "sendto", NULL, NULL), 2 * ROUNDS);
	/* Those that a packet ended; the others are the timer's. */
	assert_true(trace_count(&trace, "epoll_pwait", NULL, "1") <= 2 * ROUNDS);
	/* And nothing else at all. */
	assert_int_equal(trace_count(&trace, NULL, NULL, NULL),
			 4 * ROUNDS + trace_count(&trace, "epoll_pwait", NULL, NULL) +
				 trace_count(&trace, "restart_syscall", NULL, NULL));
	raw_end(&raw, service);
}

/* The library's user: between two getppid() only its requests. */
static _Noreturn void be_a_client(const struct service *service)
{
	struct smmu_attached attached;
	struct smmu_dma_buffer buffer;
	struct smmu *context;
	uint32_t domain, i;
	int bad;

	bad = smmu_open(&context, service->socket) || smmu_domain_create(context, &domain) ||
	      smmu_attach(context, domain, DMA0, &attached) ||
	      smmu_dma_alloc(context, PAGE_BYTES, &buffer);
	raise(SIGSTOP);
	if (bad)
		_exit(1);
	getppid();
	for (i = 0; i < ROUNDS; i++) {
		const struct smmu_grant grant = { buffer.memory, SMMU_READ, BASE, PAGE_BYTES, 0 };

		bad |= smmu_map(context, domain, &grant);
		bad |= smmu_unmap(context, domain, BASE, PAGE_BYTES);
	}
	getppid();
	_exit(bad ? 2 : 0);
}

static void request_costs_the_client_two_calls(void **state)
{
	struct service *service = *state;
	struct trace trace;
	int status;
	pid_t pid;

	skip_without_strace();
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		be_a_client(service);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	trace_start(&trace, pid, service->dir, NULL);
	kill(pid, SIGCONT);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	trace_stop(&trace);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(trace_count(&trace, NULL, "getppid", NULL), 2 * 2 * ROUNDS);
	service_wait_clients(service, 0);
}

static void map_and_unmap_allocate_nothing(void **state)
{
	struct service *service = *state;
	uint32_t domain, memory, i;
	uint64_t before;
	struct raw raw;

	raw_open(&raw, service);
	domain = raw_domain(&raw);
	assert_int_equal(raw_attach(&raw, domain, DMA0, NULL), 0);
	memory = raw_memory(&raw, 1);
	map_and_unmap(&raw, domain, memory);
	service_turn(service);
	before = service->watch->allocations;
	assert_true(before > 0);
	for (i = 0; i < 500; i++)
		map_and_unmap(&raw, domain, memory);
	assert_int_equal(service->watch->allocations, before);
	raw_end(&raw, service);
}

static void full_batch_costs_one_command_and_one_sync(void **state)
{
	struct wire_map maps[WIRE_BATCH_MAX];
	struct wire_range ranges[WIRE_BATCH_MAX];
	struct service *service = *state;
	struct wire_unit before, after;
	uint32_t domain, memory, i;
	struct raw raw;

	raw_open(&raw, service);
	domain = raw_domain(&raw);
	assert_int_equal(raw_attach(&raw, domain, DMA0, NULL), 0);
	memory = raw_memory(&raw, 16);
	for (i = 0; i < WIRE_BATCH_MAX; i++) {
		maps[i] = raw_page(memory, BASE + i * PAGE_BYTES, i % 16);
		ranges[i] = (struct wire_range){ maps[i].iova, PAGE_BYTES };
	}
	assert_int_equal(raw_map(&raw, domain, maps, WIRE_BATCH_MAX), 0);
	before = raw_unit(&raw);
	assert_int_equal(raw_unmap(&raw, domain, ranges, WIRE_BATCH_MAX), 0);
	after = raw_unit(&raw);
	assert_int_equal(after.syncs - before.syncs, 1);
	assert_int_equal(after.commands - before.commands, 2);
	assert_int_equal(raw_grants(&raw), 0);
	raw_end(&raw, service);
}

static void fail_next(struct service *service, enum watched_call call, int code, uint64_t count)
{
	service->watch->error[call] = code;
	__atomic_store_n(&service->watch->fail[call], count, __ATOMIC_SEQ_CST);
}

static void f64_interrupted_calls_are_made_again(void **state)
{
	struct service *service = *state;
	uint32_t domain, memory, i;
	struct raw raw, fresh;

	raw_open(&raw, service);
	domain = raw_domain(&raw);
	memory = raw_memory(&raw, 1);
	for (i = 0; i < 10; i++) {
		fail_next(service, WATCH_RECVMSG, EINTR, 3);
		fail_next(service, WATCH_SEND, EINTR, 3);
		fail_next(service, WATCH_EPOLL, EINTR, 3);
		fail_next(service, WATCH_ACCEPT, EINTR, 3);
		map_and_unmap(&raw, domain, memory);
		raw_open(&fresh, service);
		raw_end(&fresh, service);
	}
	raw_end(&raw, service);
}

static void f64_receive_that_has_nothing_after_all_ends_nothing(void **state)
{
	struct service *service = *state;
	uint32_t domain, memory;
	struct raw raw;

	raw_open(&raw, service);
	domain = raw_domain(&raw);
	memory = raw_memory(&raw, 1);
	fail_next(service, WATCH_RECVMSG, EAGAIN, 5);
	map_and_unmap(&raw, domain, memory);
	assert_int_equal(service->watch->fail[WATCH_RECVMSG], 0);
	raw_end(&raw, service);
}

/* The one it happens to is cut, with all it had; nobody else hears of it. */
static void f64_call_that_fails_for_one_connection_ends_that_one(void **state)
{
	static const struct { enum watched_call call; int code; } failures[] = {
		{ WATCH_RECVMSG, ENOMEM }, { WATCH_RECVMSG, EIO }, { WATCH_RECVMSG, ECONNRESET },
		{ WATCH_SEND, EAGAIN }, { WATCH_SEND, EPIPE }, { WATCH_SEND, ENOBUFS },
		{ WATCH_SEND, EPERM }, { WATCH_SEND, ETOOMANYREFS },
	};
	struct service *service = *state;
	struct wire_status status;
	struct raw raw, other;
	struct wire_map map;
	uint32_t domain;
	size_t i;

	raw_open(&other, service);
	for (i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		raw_open(&raw, service);
		domain = raw_domain(&raw);
		assert_int_equal(raw_attach(&raw, domain, DMA0, NULL), 0);
		map = raw_page(raw_memory(&raw, 1), BASE, 0);
		fail_next(service, failures[i].call, failures[i].code, 1);
		assert_int_equal(raw_map(&raw, domain, &map, 1), -EPIPE);
		raw_close(&raw);
		service_wait_clients(service, 1);
		service_settle(service);
		assert_false(service_reaches(service, 0, BASE, false));
		status = raw_status(&other);
		assert_int_equal(status.domains + status.memories + status.grants, 0);
	}
	raw_end(&other, service);
}

static void f64_accept_that_fails_neither_spins_nor_deafens(void **state)
{
	static const int codes[] = { EAGAIN, ECONNABORTED, EPROTO, EPERM, ENOMEM, ENOBUFS, EMFILE,
				     ENFILE };
	const struct wire_hello hello = { .version = WIRE_VERSION };
	struct service *service = *state;
	uint64_t before;
	struct raw raw;
	size_t i;

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		before = service->watch->calls[WATCH_ACCEPT];
		fail_next(service, WATCH_ACCEPT, codes[i], 2);
		raw_connect(&raw, service);
		while (service->watch->calls[WATCH_ACCEPT] == before)
			sched_yield();
		service_turn(service);
		/* At most once for its try and once for its reserve, or again at once. */
		assert_true(service->watch->calls[WATCH_ACCEPT] - before <= 3);
		raw_ask(&raw, WIRE_HELLO, &hello, sizeof(hello), -1);
		while (!raw_has_answer(&raw)) {
			service_clock(service, SECOND * 3 / 2);
			service_turn(service);
		}
		assert_int_equal(raw_answer(&raw, WIRE_HELLO, NULL, 0), 0);
		raw_end(&raw, service);
	}
}

static void f64_no_descriptor_for_notices_refused_in_words(void **state)
{
	const struct wire_none none = { 0 };
	struct service *service = *state;
	struct raw raw;

	raw_open(&raw, service);
	fail_next(service, WATCH_SOCKETPAIR, EMFILE, 1);
	assert_int_equal(raw_call(&raw, WIRE_FAULT_SUBSCRIBE, &none, sizeof(none), NULL, 0),
			 -EMFILE);
	assert_non_null(strstr(raw.why, "descriptor"));
	assert_int_equal(raw_call(&raw, WIRE_FAULT_SUBSCRIBE, &none, sizeof(none), NULL, 0), 0);
	raw_end(&raw, service);
}

/* The kernel itself refuses, as far down as strace can make it. */
static void f64_kernel_refusals_of_every_second_call_are_survived(void **state)
{
	static const char *const injections[] = {
		"recvmsg:error=EINTR:when=1+2", "sendmsg,sendto:error=EINTR:when=1+2",
		"recvmsg:error=EAGAIN:when=1+2", "accept4:error=EINTR:when=1+2",
		"epoll_pwait:error=EINTR:when=1+2", "mmap,brk:error=ENOMEM",
		"statx,fstatfs:error=EIO:when=1+2", "readlink:error=ENOENT",
	};
	struct service *service = *state;
	uint32_t domain, memory, k;
	struct trace trace;
	struct raw raw;
	size_t i;

	skip_without_strace();
	for (i = 0; i < sizeof(injections) / sizeof(injections[0]); i++) {
		trace_start(&trace, service->pid, service->dir, injections[i]);
		raw_open(&raw, service);
		domain = raw_domain(&raw);
		assert_int_equal(raw_attach(&raw, domain, DMA0, NULL), 0);
		for (k = 0; k < 5; k++) {
			int fd = raw_memfd(1, F_SEAL_SHRINK);

			if (raw_memory_add(&raw, fd, 0, PAGE_BYTES, RW, &memory) == 0)
				map_and_unmap(&raw, domain, memory);
			close(fd);
		}
		raw_end(&raw, service);
		trace_stop(&trace);
		service_settle(service);
	}
}

#define SERVED(name) cmocka_unit_test_setup_teardown(name, service_setup, service_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(request_costs_the_daemon_one_receive_and_one_send),
		SERVED(request_costs_the_client_two_calls),
		SERVED(map_and_unmap_allocate_nothing),
		SERVED(full_batch_costs_one_command_and_one_sync),
		SERVED(f64_interrupted_calls_are_made_again),
		SERVED(f64_receive_that_has_nothing_after_all_ends_nothing),
		SERVED(f64_call_that_fails_for_one_connection_ends_that_one),
		SERVED(f64_accept_that_fails_neither_spins_nor_deafens),
		SERVED(f64_no_descriptor_for_notices_refused_in_words),
		SERVED(f64_kernel_refusals_of_every_second_call_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
