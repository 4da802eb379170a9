// SPDX-License-Identifier: BSD-2-Clause
#include "service.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"
#include "policy.h"
#include "server.h"

#define PATIENCE UINT64_C(20000000)

static const char everything[] =
	SERVICE_DEVICES
	"clients:\n"
	"  - {name: tester, uid: self, rights: [attach, admin], attach: [dma0, dma1]}\n";

static void *make_shared(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	return at;
}

void service_prepare(struct service *service)
{
	service_prepare_bridged(service, 0);
}

void service_prepare_bridged(struct service *service, uint32_t count)
{
	uint32_t i;

	memset(service, 0, sizeof(*service));
	service->ready_fd = -1;
	snprintf(service->dir, sizeof(service->dir), "/tmp/smmu-wire-XXXXXX");
	assert_non_null(mkdtemp(service->dir));
	snprintf(service->socket, sizeof(service->socket), "%s/s", service->dir);
	snprintf(service->log, sizeof(service->log), "%s/log", service->dir);
	service->watch = make_shared(sizeof(*service->watch));
	service->fake = make_shared(sizeof(*service->fake));
	assert_int_equal(hw_fake_init(service->fake, SERVICE_ARENA), 0);
	service->own_memory = service->fake->memory;
	service->own_pages = service->fake->pages;
	service->fake->memory = make_shared(SERVICE_ARENA);
	service->options = (struct machine_fake_options){ .unit = service->fake,
							  .has_fake_clock = true,
							  .edu_count = 2,
							  .bridged_count = count,
							  .has_uncovered = count > 0 };
	assert_int_equal(machine_fake_open(&service->options, &service->machine), 0);
	/* Registers of the devices: made here, so that both processes have them. */
	machine_fake_window_fd(service->machine, MACHINE_FAKE_BARS);
	machine_fake_window_fd(service->machine, MACHINE_FAKE_BARS + (1 << 20));
	for (i = 0; i < count; i++)
		machine_fake_window_fd(service->machine, MACHINE_FAKE_BARS +
				       ((uint64_t)(MACHINE_FAKE_BRIDGED + i) << 20));
}

/* --- the daemon's process ------------------------------------------------------------- */

static int serve(struct service *service, struct daemon *d, const struct policy *policy)
{
	struct server *server = NULL;
	struct error err = { 0 };
	int ret;

	daemon_init(d, service->machine, policy);
	ret = server_open(d, service->socket, &server, &err);
	if (ret == 0) {
		ret = daemon_start(d, &err);
		if (ret == 0 && write(service->ready_fd, "r", 1) == 1) {
			ret = server_run(server);
			daemon_close(d);
			server_free(server);
			daemon_forget(d);
		} else {
			server_free(server);
		}
	}
	if (ret < 0)
		log_error("%s", err.text);
	return ret < 0 ? -ret : 0;
}

static void begin_child(struct service *service)
{
	static const int caught[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS };
	struct rlimit limit = { service->descriptors, service->descriptors };
	int log = open(service->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	unsigned i;

	/* The test program would go on testing after a crash. */
	for (i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		signal(caught[i], SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	dup2(log, STDERR_FILENO);
	dup2(log, STDOUT_FILENO);
	if (service->descriptors)
		setrlimit(RLIMIT_NOFILE, &limit);
	log_setup("smmuman", LOG_INFO, false);
}

static int run_child(struct service *service, const char *text)
{
	static struct policy_report report;
	struct policy *policy = NULL;
	struct daemon *d;
	int ret;

	begin_child(service);
	ret = policy_parse("test.yaml", text, strlen(text), &policy, &report);
	if (ret < 0) {
		log_error("%s", report.text);
		return 200;
	}
	d = calloc(1, sizeof(*d));
	interpose_watch(service->watch);
	ret = serve(service, d, policy);
	interpose_watch(NULL);
	service->machine->ops->close(service->machine);
	free(d);
	policy_free(policy);
	return ret;
}

/* --- its life, from outside ------------------------------------------------------------ */

int service_run(struct service *service, const char *policy)
{
	int pair[2];
	char byte;

	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	fflush(NULL);
	service->pid = fork();
	assert_true(service->pid >= 0);
	if (service->pid == 0) {
		close(pair[0]);
		service->ready_fd = pair[1];
		exit(run_child(service, policy ? policy : everything));
	}
	close(pair[1]);
	if (read(pair[0], &byte, 1) == 1) {
		close(pair[0]);
		return 0;
	}
	close(pair[0]);
	return service_wait(service);
}

static void show_log(const struct service *service)
{
	char line[512];
	FILE *file = fopen(service->log, "re");

	while (file && fgets(line, sizeof(line), file))
		print_error("    %s", line);
	if (file)
		fclose(file);
}

void service_start(struct service *service, const char *policy)
{
	service_prepare(service);
	if (service_run(service, policy) != 0) {
		show_log(service);
		fail_msg("the daemon did not come up");
	}
	service_settle(service);
}

int service_wait(struct service *service)
{
	int status;

	assert_int_equal(waitpid(service->pid, &status, 0), service->pid);
	service->pid = 0;
	if (!WIFEXITED(status)) {
		show_log(service);
		fail_msg("the daemon was ended by signal %d", WTERMSIG(status));
	}
	return WEXITSTATUS(status);
}

static void clean_up(struct service *service)
{
	struct dirent *entry;
	char path[400];
	DIR *dir = opendir(service->dir);

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", service->dir, entry->d_name);
		unlink(path);
	}
	if (dir)
		closedir(dir);
	rmdir(service->dir);
	service->machine->ops->close(service->machine);
	munmap(service->fake->memory, SERVICE_ARENA);
	service->fake->memory = service->own_memory;
	hw_fake_fini(service->fake);
	munmap(service->fake, sizeof(*service->fake));
	munmap(service->watch, sizeof(*service->watch));
}

void service_stop(struct service *service)
{
	int status = 0;

	if (service->has_stopped)
		return;
	service->has_stopped = true;
	if (service->pid > 0) {
		kill(service->pid, SIGTERM);
		waitpid(service->pid, &status, 0);
	}
	if (status)
		show_log(service);
	clean_up(service);
	if (status)
		fail_msg("the daemon ended with %s %d", WIFEXITED(status) ? "status" : "signal",
			 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

int service_setup(void **state)
{
	struct service *service = malloc(sizeof(*service));

	*state = service;
	service_start(service, NULL);
	return 0;
}

int service_teardown(void **state)
{
	service_stop(*state);
	free(*state);
	return 0;
}

/* A daemon that never gets there fails the test; no time is measured. */
static void be_patient(uint64_t *turns)
{
	if (++*turns > PATIENCE)
		fail_msg("the daemon does not get there");
	sched_yield();
}

/* --- its time --------------------------------------------------------------------------- */

void service_clock(struct service *service, uint64_t nanoseconds)
{
	__atomic_add_fetch(&service->fake->clock_ns, nanoseconds, __ATOMIC_RELAXED);
}

void service_turn(struct service *service)
{
	/* Each look takes at least one of them; a quiet loop turns by its timer. */
	uint64_t turns = 0, until = service->watch->calls[WATCH_EPOLL] + 4;

	while (__atomic_load_n(&service->watch->calls[WATCH_EPOLL], __ATOMIC_RELAXED) < until)
		be_patient(&turns);
}

void service_freeze(struct service *service)
{
	int status;

	kill(service->pid, SIGSTOP);
	assert_int_equal(waitpid(service->pid, &status, WUNTRACED), service->pid);
	assert_true(WIFSTOPPED(status));
}

void service_thaw(struct service *service)
{
	kill(service->pid, SIGCONT);
}

void service_settle(struct service *service)
{
	uint64_t turns = 0;
	unsigned n;

	for (n = 0; n < service_books(service)->stream_max; n++)
		while (service_state_of(service, n) == WIRE_DEVICE_RELEASING) {
			service_clock(service, SECOND / 1000);
			be_patient(&turns);
		}
}

void service_wait_clients(const struct service *service, uint32_t count)
{
	const struct books_header *header = service_books(service);
	uint64_t turns = 0;

	while (__atomic_load_n(&header->client_count, __ATOMIC_RELAXED) > count)
		be_patient(&turns);
}

/* --- what it has and says ------------------------------------------------------------------ */

unsigned service_descriptors(const struct service *service)
{
	struct dirent *entry;
	unsigned count = 0;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", service->pid);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

uint64_t service_resident(const struct service *service)
{
	unsigned long kib = 0;
	char path[64], line[128];
	FILE *file;

	if (interpose_is_sanitized())
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/status", service->pid);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, "VmRSS:", 6) == 0) {
			kib = strtoul(line + 6, NULL, 10);
			break;
		}
	}
	fclose(file);
	return kib;
}

unsigned service_said_count(const struct service *service, const char *text)
{
	FILE *file = fopen(service->log, "re");
	unsigned count = 0;
	char line[1100];

	while (file && fgets(line, sizeof(line), file))
		count += strstr(line, text) != NULL;
	if (file)
		fclose(file);
	return count;
}

bool service_said(const struct service *service, const char *text)
{
	return service_said_count(service, text) > 0;
}
