// SPDX-License-Identifier: BSD-2-Clause
// libsmmu's contexts: opening, what a lying or vanishing service does to one,
// threads, forks, descriptors, and how many system calls a request costs.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bits.h"
#include "mock_service.h"
#include "smmu.h"

static struct mock_service *server;
static struct smmu *context;

static int start_server(void **state)
{
	(void)state;
	server = mock_start();
	return 0;
}

static int start_both(void **state)
{
	start_server(state);
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

static unsigned open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static void assert_says(int code, const char *word)
{
	char text[256];

	assert_int_equal(smmu_last_error(context, text, sizeof(text)), code);
	if (!strstr(text, word))
		fail_msg("\"%s\" does not say \"%s\"", text, word);
}

/* --- opening ------------------------------------------------------------------------ */

static void open_where_nobody_serves_fails_with_the_path(void **state)
{
	char why[256] = "";

	(void)state;
	assert_int_equal(smmu_open_why(&context, "/nowhere/smmuman.sock", why, sizeof(why)),
			 -ENOENT);
	assert_null(context);
	assert_non_null(strstr(why, "/nowhere/smmuman.sock"));
	assert_non_null(strstr(why, "is smmuman running"));
}

static void open_with_impossible_path_refused(void **state)
{
	char path[200], why[20] = "";

	(void)state;
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(smmu_open_why(&context, path, why, sizeof(why)), -ENAMETOOLONG);
	assert_int_equal(strlen(why), sizeof(why) - 1);
	assert_int_equal(smmu_open(&context, ""), -ENAMETOOLONG);
	assert_int_equal(smmu_open_why(&context, "", NULL, 0), -ENAMETOOLONG);
}

static void open_by_environment_greets_with_version(void **state)
{
	struct mock_request hello;
	struct smmu_info info;

	(void)state;
	assert_int_equal(smmu_open(&context, NULL), 0);
	hello = mock_request(server, WIRE_HELLO, 0);
	assert_int_equal(((struct wire_hello *)(void *)hello.bytes)->version, WIRE_VERSION);
	assert_int_equal(smmu_info(context, &info), 0);
	assert_string_equal(info.service, "script 1");
	assert_string_equal(info.rule, "tester");
	assert_int_equal(info.client, 7);
	assert_int_equal(info.batch_max, WIRE_BATCH_MAX);
	assert_int_equal(info.page_bytes, 4096);
	assert_int_equal(info.may_round, 0);
	assert_int_equal(info.may_target, 0);
	assert_int_equal(smmu_batch_max(context), WIRE_BATCH_MAX);
}

static void open_by_path_connects(void **state)
{
	char path[100];

	(void)state;
	snprintf(path, sizeof(path), "%s", mock_path(server));
	setenv(WIRE_SOCKET_ENV, "/nowhere", 1);
	assert_int_equal(smmu_open(&context, path), 0);
	assert_true(smmu_fd(context) >= 0);
	assert_true(fcntl(smmu_fd(context), F_GETFD) & FD_CLOEXEC);
}

static void open_refused_by_policy_keeps_the_services_sentence(void **state)
{
	char why[256] = "";

	(void)state;
	mock_refuse(server, WIRE_HELLO, -EACCES, "no rule is about uid 1000");
	assert_int_equal(smmu_open_why(&context, NULL, why, sizeof(why)), -EACCES);
	assert_null(context);
	assert_string_equal(why, "no rule is about uid 1000");
}

static void open_of_service_with_nonsense_greeting_refused(void **state)
{
	static const struct { uint32_t version, batch, page; int code; } bad[] = {
		{ WIRE_VERSION + 1, 256, 4096, -EPROTONOSUPPORT },
		{ WIRE_VERSION, 0, 4096, -EPROTO },
		{ WIRE_VERSION, 7, 4096, -EPROTO },
		{ WIRE_VERSION, 257, 4096, -EPROTO },
		{ WIRE_VERSION, 256, 0, -EPROTO },
		{ WIRE_VERSION, 256, 65536, -EPROTO },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(bad); i++) {
		struct wire_hello_reply hello = { .version = bad[i].version,
						  .batch_max = bad[i].batch,
						  .page_bytes = bad[i].page };

		mock_answer(server, WIRE_HELLO, &(struct mock_answer){
			.body = &hello, .size = sizeof(hello) });
		assert_int_equal(smmu_open(&context, NULL), bad[i].code);
		assert_null(context);
	}
}

static void open_with_every_sin_in_the_greeting_fails_without_leak(void **state)
{
	unsigned before = 0, sin, round;

	(void)state;
	for (round = 0; round < 2; round++) {
		before = open_fds();
		for (sin = MOCK_SHORT; sin < MOCK_SILENT; sin++) {
			mock_answer(server, WIRE_HELLO, &(struct mock_answer){ .sin = sin });
			assert_true(smmu_open(&context, NULL) < 0);
			assert_null(context);
			mock_wait_gone(server);
		}
	}
	assert_int_equal(open_fds(), before);
}

/* --- a service that goes wrong ------------------------------------------------------ */

/* The context is over: later calls say so, its socket is cut, closing is clean. */
static void assert_over(const char *word)
{
	struct pollfd watch = { .fd = smmu_fd(context), .events = POLLIN };
	uint32_t domain;

	assert_int_equal(smmu_domain_create(context, &domain), -ENOTCONN);
	assert_says(-ENOTCONN, word);
	assert_says(-ENOTCONN, "context is over");
	assert_int_equal(poll(&watch, 1, -1), 1);
	assert_true(watch.revents & POLLHUP);
	mock_wait_gone(server);
}

static void reply_with_any_sin_ends_the_context(void **state)
{
	static const struct { enum mock_sin sin; int code; const char *word; } sins[] = {
		{ MOCK_SHORT, -EPROTO, "bytes" },
		{ MOCK_LONG, -EPROTO, "bytes" },
		{ MOCK_LENGTH, -EPROTO, "head says" },
		{ MOCK_COOKIE, -EPROTO, "answers request" },
		{ MOCK_ID, -EPROTO, "number" },
		{ MOCK_PAD, -EPROTO, "pad" },
		{ MOCK_HUGE, -EPROTO, "more than a reply may" },
		{ MOCK_EMPTY, -ECONNRESET, "hung up" },
		{ MOCK_HANG_UP, -ECONNRESET, "hung up" },
	};
	uint32_t domain;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(sins); i++) {
		assert_int_equal(smmu_open(&context, NULL), 0);
		mock_answer(server, WIRE_DOMAIN_CREATE,
			      &(struct mock_answer){ .sin = sins[i].sin });
		assert_int_equal(smmu_domain_create(context, &domain), sins[i].code);
		assert_says(sins[i].code, sins[i].word);
		assert_over(sins[i].word);
		smmu_close(context);
	}
	context = NULL;
}

static void reply_that_refuses_keeps_the_context(void **state)
{
	uint32_t domain = 99;

	(void)state;
	mock_refuse(server, WIRE_DOMAIN_CREATE, -EDQUOT, "you have 4 domains, the limit");
	assert_int_equal(smmu_domain_create(context, &domain), -EDQUOT);
	assert_int_equal(domain, 99);
	assert_says(-EDQUOT, "you have 4 domains, the limit");
	assert_int_equal(smmu_domain_create(context, &domain), 0);
	assert_int_not_equal(domain, 99);
}

static void reply_with_surplus_descriptors_ends_the_context_without_leak(void **state)
{
	static const unsigned counts[] = { 1, 2, 6, 7, 32 };
	struct mock_answer answer = { .sin = MOCK_GOOD };
	unsigned before, i, k;
	uint32_t domain;

	(void)state;
	for (k = 0; k < MOCK_FDS_MAX; k++)
		answer.fds[k] = STDERR_FILENO;
	for (i = 0; i < ARRAY_COUNT(counts); i++) {
		before = open_fds();
		assert_int_equal(smmu_open(&context, NULL), 0);
		answer.fd_count = counts[i];
		mock_answer(server, WIRE_DOMAIN_CREATE, &answer);
		assert_int_equal(smmu_domain_create(context, &domain), -EPROTO);
		assert_over(counts[i] > WIRE_FDS_MAX ? "more than a reply may" : "descriptors");
		smmu_close(context);
		assert_int_equal(open_fds(), before);
	}
	context = NULL;
}

static void refusal_with_descriptors_ends_the_context_without_leak(void **state)
{
	unsigned before = open_fds();
	uint32_t domain;

	(void)state;
	mock_answer(server, WIRE_DOMAIN_CREATE, &(struct mock_answer){
		.status = -EPERM, .text = "no", .fds = { STDERR_FILENO }, .fd_count = 1 });
	assert_int_equal(smmu_domain_create(context, &domain), -EPROTO);
	assert_over("descriptors");
	smmu_close(context);
	context = NULL;
	assert_true(open_fds() < before);
}

static void reply_without_the_due_descriptor_ends_the_context(void **state)
{
	struct wire_none none = { 0 };

	(void)state;
	mock_answer(server, WIRE_FAULT_SUBSCRIBE, &(struct mock_answer){
		.body = &none, .size = sizeof(none) });
	assert_int_equal(smmu_fault_fd(context), -EPROTO);
	assert_over("descriptors");
}

static void silence_with_timeout_ends_the_context(void **state)
{
	uint32_t domain;

	(void)state;
	assert_int_equal(smmu_set_timeout(context, 20), 0);
	mock_answer(server, WIRE_DOMAIN_CREATE, &(struct mock_answer){ .sin = MOCK_SILENT });
	assert_int_equal(smmu_domain_create(context, &domain), -ETIMEDOUT);
	assert_over("in time");
}

static struct timeval timeout_of(int option)
{
	struct timeval time = { -1, -1 };
	socklen_t size = sizeof(time);

	assert_int_equal(getsockopt(smmu_fd(context), SOL_SOCKET, option, &time, &size), 0);
	return time;
}

static void timeout_none_after_open_and_then_as_set(void **state)
{
	(void)state;
	assert_int_equal(timeout_of(SO_RCVTIMEO).tv_sec, 0);
	assert_int_equal(timeout_of(SO_RCVTIMEO).tv_usec, 0);
	assert_int_equal(smmu_set_timeout(context, 7500), 0);
	assert_int_equal(timeout_of(SO_RCVTIMEO).tv_sec, 7);
	assert_in_range(timeout_of(SO_RCVTIMEO).tv_usec, 490000, 510000);
	assert_int_equal(timeout_of(SO_SNDTIMEO).tv_sec, 7);
	assert_int_equal(smmu_set_timeout(context, 0), 0);
	assert_int_equal(timeout_of(SO_SNDTIMEO).tv_sec, 0);
}

static void service_gone_before_the_call_ends_the_context(void **state)
{
	uint32_t domain;
	int rc;

	(void)state;
	mock_answer(server, WIRE_DOMAIN_CREATE, &(struct mock_answer){ .sin = MOCK_HANG_UP });
	assert_int_equal(smmu_domain_create(context, &domain), -ECONNRESET);
	rc = smmu_domain_create(context, &domain);
	assert_int_equal(rc, -ENOTCONN);
	assert_int_equal(smmu_set_timeout(context, 5), -ENOTCONN);
}

/* --- descriptors we send ------------------------------------------------------------ */

static void memory_with_bad_descriptor_refused_and_context_lives(void **state)
{
	uint32_t memory, domain;

	(void)state;
	assert_int_equal(smmu_memory_add(context, -1, 0, 4096, SMMU_READ, &memory), -EBADF);
	assert_says(-EBADF, "descriptor -1");
	assert_int_equal(mock_count(server, WIRE_MEMORY_ADD), 0);
	assert_int_equal(smmu_domain_create(context, &domain), 0);
}

/* --- forks and threads -------------------------------------------------------------- */

static int child_uses_context(void)
{
	uint32_t domain;
	char text[64];

	if (smmu_domain_create(context, &domain) != -ENOTCONN)
		return 1;
	if (smmu_last_error(context, text, sizeof(text)) != -ENOTCONN)
		return 2;
	smmu_close(context);
	return 0;
}

static void context_in_a_forks_child_refused_and_parents_lives(void **state)
{
	uint32_t domain;
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(child_uses_context());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(smmu_domain_create(context, &domain), 0);
	assert_int_equal(mock_count(server, WIRE_DOMAIN_CREATE), 1);
}

#define THREADS 4
#define CALLS 200

static void *map_many(void *argument)
{
	struct smmu_grant grant = { .memory = 1, .rights = SMMU_READ, .length = 4096 };
	uintptr_t number = (uintptr_t)argument, i;

	for (i = 0; i < CALLS; i++) {
		grant.iova = (number << 32) + i * 4096;
		if (smmu_map(context, 5, &grant))
			return NULL;
	}
	return argument;
}

static void context_shared_by_threads_keeps_requests_apart(void **state)
{
	pthread_t threads[THREADS];
	uintptr_t i;
	void *result;

	(void)state;
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, map_many, (void *)(i + 1)), 0);
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &result);
		assert_int_equal((uintptr_t)result, i + 1);
	}
	assert_int_equal(mock_count(server, WIRE_MAP), THREADS * CALLS);
}

static void contexts_two_at_once_are_apart(void **state)
{
	struct mock_service *other_server = mock_start();
	struct smmu *other;
	uint32_t domain;

	(void)state;
	assert_int_equal(smmu_open(&other, mock_path(other_server)), 0);
	mock_answer(server, WIRE_DOMAIN_CREATE, &(struct mock_answer){ .sin = MOCK_COOKIE });
	assert_int_equal(smmu_domain_create(context, &domain), -EPROTO);
	assert_int_equal(smmu_domain_create(other, &domain), 0);
	assert_int_equal(smmu_domain_create(context, &domain), -ENOTCONN);
	smmu_close(other);
	mock_stop(other_server);
}

/* --- system calls ------------------------------------------------------------------- */

#define ROUNDS 50

static void traced_child(void)
{
	struct smmu_grant grant = { .memory = 1, .rights = SMMU_READ, .length = 4096 };
	int i;

	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	if (smmu_open(&context, NULL))
		_exit(1);
	smmu_map(context, 5, &grant);
	raise(SIGSTOP);
	for (i = 0; i < ROUNDS; i++)
		if (smmu_map(context, 5, &grant) || smmu_unmap(context, 5, 0, 4096))
			_exit(2);
	syscall(SYS_exit_group, 0);
}

/* Stops of PTRACE_SYSCALL from the child's SIGSTOP to its end; two a call. */
static unsigned count_stops(pid_t pid)
{
	unsigned stops = 0;
	int status;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) || waitpid(pid, &status, 0) != pid)
			return 0;
		if (WIFEXITED(status))
			return WEXITSTATUS(status) ? 0 : stops;
		if (WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80))
			stops++;
	}
}

static void request_costs_two_system_calls(void **state)
{
	unsigned stops;
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		traced_child();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	if (ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		print_message("skip: this machine does not let us trace a child\n");
		skip();
	}
	stops = count_stops(pid);
	/* The return from raise(), 2 * ROUNDS requests of 2 calls of 2 stops, the entry of exit. */
	assert_in_range(stops, 2 * ROUNDS * 4 + 1, 2 * ROUNDS * 4 + 4);
	assert_int_equal(mock_count(server, WIRE_UNMAP), ROUNDS);
}

/* --- words -------------------------------------------------------------------------- */

static void strerror_for_any_code_a_sentence(void **state)
{
	(void)state;
	assert_string_equal(smmu_strerror(-EACCES), "the policy does not allow it");
	assert_string_equal(smmu_strerror(EACCES), smmu_strerror(-EACCES));
	assert_string_equal(smmu_strerror(0), "no error");
	assert_true(strlen(smmu_strerror(-EXDEV)) > 0);
	assert_string_equal(smmu_strerror(100000), "an error without a name");
	assert_string_equal(smmu_strerror(INT32_MIN), "an error without a name");
}

static void last_error_is_cut_to_size_and_zero_at_first(void **state)
{
	char text[8] = "zzzzzzz";
	uint32_t domain;

	(void)state;
	assert_int_equal(smmu_last_error(context, text, sizeof(text)), 0);
	assert_string_equal(text, "");
	mock_refuse(server, WIRE_DOMAIN_CREATE, -EPERM, "a longer sentence");
	smmu_domain_create(context, &domain);
	assert_int_equal(smmu_last_error(context, text, sizeof(text)), -EPERM);
	assert_string_equal(text, "a longe");
	assert_int_equal(smmu_last_error(context, NULL, 0), -EPERM);
}

static void calls_without_context_refused(void **state)
{
	struct smmu_info info;
	uint32_t domain;
	char text[64];

	(void)state;
	assert_int_equal(smmu_domain_create(NULL, &domain), -EINVAL);
	assert_int_equal(smmu_last_error(NULL, text, sizeof(text)), -EINVAL);
	assert_int_equal(smmu_info(NULL, &info), -EINVAL);
	assert_int_equal(smmu_fd(NULL), -EINVAL);
	assert_int_equal(smmu_batch_max(NULL), 0);
	smmu_close(NULL);
}

#define ALONE(test) cmocka_unit_test(test)
#define SERVED(test) cmocka_unit_test_setup_teardown(test, start_server, stop_both)
#define OPENED(test) cmocka_unit_test_setup_teardown(test, start_both, stop_both)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALONE(open_where_nobody_serves_fails_with_the_path),
		ALONE(open_with_impossible_path_refused),
		SERVED(open_by_environment_greets_with_version),
		SERVED(open_by_path_connects),
		SERVED(open_refused_by_policy_keeps_the_services_sentence),
		SERVED(open_of_service_with_nonsense_greeting_refused),
		SERVED(open_with_every_sin_in_the_greeting_fails_without_leak),
		SERVED(reply_with_any_sin_ends_the_context),
		OPENED(reply_that_refuses_keeps_the_context),
		SERVED(reply_with_surplus_descriptors_ends_the_context_without_leak),
		OPENED(refusal_with_descriptors_ends_the_context_without_leak),
		OPENED(reply_without_the_due_descriptor_ends_the_context),
		OPENED(silence_with_timeout_ends_the_context),
		OPENED(timeout_none_after_open_and_then_as_set),
		OPENED(service_gone_before_the_call_ends_the_context),
		OPENED(memory_with_bad_descriptor_refused_and_context_lives),
		OPENED(context_in_a_forks_child_refused_and_parents_lives),
		OPENED(context_shared_by_threads_keeps_requests_apart),
		OPENED(contexts_two_at_once_are_apart),
		SERVED(request_costs_two_system_calls),
		ALONE(strerror_for_any_code_a_sentence),
		OPENED(last_error_is_cut_to_size_and_zero_at_first),
		ALONE(calls_without_context_refused),
	};

	return cmocka_run_group_tests_name("libsmmu_context", tests, NULL, NULL);
}
