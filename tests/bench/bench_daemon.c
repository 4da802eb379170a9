// SPDX-License-Identifier: BSD-2-Clause
/*
 * Figures of the daemon and its library: P1 a single grant and its revocation
 * against a bare echo on the same kind of socket (P1-epoll: against an echo that
 * waits as a server of several clients has to), P14 what the policy adds to a
 * grant, P16 a request among 4000 clients against a request of one. The daemon is the real one,
 * on a unit whose command queue is consumed at once, so that it is we who are
 * measured. Everything on one processor, in turn, in one run. The exit status is 0
 * whatever the figures; BENCH_VERBOSE=1 adds the times on stderr.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <smmu.h>

#include "domain.h"
#include "figure.h"
#include "hw_fake.h"
#include "log.h"
#include "machine_fake.h"
#include "mapping.h"
#include "server.h"
#include "spread.h"

#define BLOCKS 41
#define BLOCK_REQUESTS 2000
#define MANY 4000u
#define ROUND_REQUESTS 8192
#define ARENA (UINT64_C(64) << 20)
#define ECHO_BYTES 64

static const char policy_text[] =
	"version: 1\n"
	"devices:\n"
	"  - {name: dma0, match: \"pci:0000:00:02.0\", quiesce: {poll: {bar: 0, offset: 0x98, mask: 0x1, value: 0x0}}}\n"
	"clients:\n"
	"  - name: bench\n"
	"    uid: self\n"
	"    attach: [dma0]\n"
	"    windows: [{iova: 0x0, size: 256GiB}]\n"
	"    limits: {connections: 4096, domains: 4096, memories: 4096, memory: 64GiB}\n"
	"limits: {connections: 4096}\n";

static char directory[] = "/tmp/smmu-bench-XXXXXX";
static char socket_path[64];

static void die(const char *why)
{
	fprintf(stderr, "bench_daemon: %s\n", why);
	exit(0);
}

static void pin(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

/* --- the two servers -------------------------------------------------------------- */

static struct policy *make_policy(void)
{
	static struct policy_report problems;
	struct policy *policy;

	if (policy_parse("bench", policy_text, sizeof(policy_text) - 1, &policy, &problems) < 0)
		die(problems.text);
	return policy;
}

static _Noreturn void serve(int ready_fd)
{
	static struct hw_fake fake;
	struct machine_fake_options options = { .unit = &fake, .edu_count = 1 };
	struct daemon *d = calloc(1, sizeof(*d));
	struct machine *machine;
	struct server *server;
	struct error err = { 0 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	log_setup("bench", LOG_ERROR, false);
	if (!d || hw_fake_init(&fake, ARENA) < 0 || machine_fake_open(&options, &machine) < 0)
		die("no fake machine");
	daemon_init(d, machine, make_policy());
	if (server_open(d, socket_path, &server, &err) < 0 || daemon_start(d, &err) < 0)
		die(err.text);
	if (write(ready_fd, "r", 1) != 1)
		die("nobody waits");
	server_run(server);
	_exit(0);
}

static pid_t start_daemon(void)
{
	char byte;
	int ends[2];
	pid_t pid;

	if (pipe(ends) < 0)
		die("no pipe");
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		serve(ends[1]);
	}
	close(ends[1]);
	if (read(ends[0], &byte, 1) != 1)
		die("the daemon did not start");
	close(ends[0]);
	return pid;
}

/* What any server with more than one client must do between two requests. */
static void wait_by_epoll(int epoll)
{
	struct epoll_event event;

	if (epoll >= 0 && epoll_wait(epoll, &event, 1, -1) != 1)
		_exit(0);
}

static _Noreturn void echo(int fd, bool with_epoll)
{
	struct epoll_event readable = { .events = EPOLLIN };
	int epoll = with_epoll ? epoll_create1(EPOLL_CLOEXEC) : -1;
	char bytes[ECHO_BYTES];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (epoll >= 0)
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &readable);
	do
		wait_by_epoll(epoll);
	while (recv(fd, bytes, sizeof(bytes), 0) == ECHO_BYTES &&
	       send(fd, bytes, sizeof(bytes), 0) == ECHO_BYTES);
	_exit(0);
}

static pid_t start_echo(bool with_epoll, int *ret_fd)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0)
		die("no socket pair");
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		echo(ends[1], with_epoll);
	}
	close(ends[1]);
	*ret_fd = ends[0];
	return pid;
}

/* --- one client ---------------------------------------------------------------------- */

struct client {
	struct smmu *context;
	uint32_t domain, memory;
};

static int make_memory(void)
{
	int fd = memfd_create("bench", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *at;

	if (fd < 0 || ftruncate(fd, 4096) < 0)
		die("no memfd");
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		die("no mapping");
	memset(at, 1, 4096);
	munmap(at, 4096);
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		die("no seals");
	return fd;
}

static void client_open(struct client *client, int memory_fd)
{
	char why[240];

	if (smmu_open_why(&client->context, socket_path, why, sizeof(why)) < 0)
		die(why);
	if (smmu_domain_create(client->context, &client->domain) < 0 ||
	    smmu_memory_add(client->context, memory_fd, 0, 4096, SMMU_READ | SMMU_WRITE,
			    &client->memory) < 0) {
		smmu_last_error(client->context, why, sizeof(why));
		die(why);
	}
}

static void grant_and_revoke(struct client *client)
{
	struct smmu_grant grant = { client->memory, SMMU_READ | SMMU_WRITE, 0x100000, 4096, 0 };

	if (smmu_map(client->context, client->domain, &grant) < 0 ||
	    smmu_unmap(client->context, client->domain, 0x100000, 4096) < 0)
		die("a grant was refused");
}

/* --- the figures ------------------------------------------------------------------------ */

static double echo_block(int fd)
{
	char bytes[ECHO_BYTES] = { 0 };
	double start = figure_now_ns();
	unsigned i;

	for (i = 0; i < BLOCK_REQUESTS; i++)
		if (send(fd, bytes, sizeof(bytes), 0) != ECHO_BYTES ||
		    recv(fd, bytes, sizeof(bytes), 0) != ECHO_BYTES)
			die("the echo ended");
	return (figure_now_ns() - start) / BLOCK_REQUESTS;
}

static double grant_block(struct client *client)
{
	double start = figure_now_ns();
	unsigned i;

	for (i = 0; i < BLOCK_REQUESTS / 2; i++)
		grant_and_revoke(client);
	return (figure_now_ns() - start) / BLOCK_REQUESTS;
}

static void figure_p1(int memory_fd)
{
	double bare[BLOCKS], served[BLOCKS], grant = 0, plain = 0;
	struct smmu_attached attached;
	struct client client;
	int plain_fd, epoll_fd, ret;
	unsigned i;
	pid_t pids[2];

	pids[0] = start_echo(false, &plain_fd);
	pids[1] = start_echo(true, &epoll_fd);
	client_open(&client, memory_fd);
	do
		ret = smmu_attach(client.context, client.domain, "dma0", &attached);
	while (ret == -EAGAIN);
	if (ret < 0)
		die("dma0 cannot be attached");
	grant_block(&client);
	for (i = 0; i < BLOCKS; i++) {
		plain = echo_block(plain_fd);
		grant = grant_block(&client);
		bare[i] = grant / plain;
		served[i] = grant / echo_block(epoll_fd);
	}
	figure_report("P1", figure_median(bare, BLOCKS), 1.25, false);
	figure_report("P1-epoll", figure_median(served, BLOCKS), 1.25, false);
	figure_remark("P1 one request (grant or revocation), last block", grant);
	figure_remark("P1 one echo, last block", plain);
	smmu_close(client.context);
	close(plain_fd);
	close(epoll_fd);
	waitpid(pids[0], NULL, 0);
	waitpid(pids[1], NULL, 0);
}

/* --- P14: in process, the daemon's own grant and revocation work ------------------ */

struct bare {
	struct hw_fake fake;
	struct daemon *d;
	uint32_t domain, memory;
};

static struct bare *bare_start(void)
{
	struct bare *bare = calloc(1, sizeof(*bare));
	struct machine_fake_options options = { .unit = &bare->fake, .edu_count = 1 };
	struct drv_space *space;
	struct machine *machine;
	struct error err = { 0 };

	if (!bare || hw_fake_init(&bare->fake, ARENA) < 0 ||
	    machine_fake_open(&options, &machine) < 0)
		die("no fake machine");
	log_setup("bench", LOG_ERROR, false);
	bare->d = calloc(1, sizeof(*bare->d));
	daemon_init(bare->d, machine, make_policy());
	if (daemon_start(bare->d, &err) < 0)
		die(err.text);
	bare->domain = books_take_domain(&bare->d->books);
	bare->memory = books_take_memory(&bare->d->books);
	bare->d->books.memories[bare->memory].one =
		(struct extent){ PA(UINT64_C(0x100000000)), PAGE_BYTES };
	bare->d->books.memories[bare->memory].extent_count = 1;
	bare->d->books.memories[bare->memory].length = PAGE_BYTES;
	bare->d->books.memories[bare->memory].rights = RIGHT_READ | RIGHT_WRITE;
	if (domain_space(bare->d, bare->domain, &bare->d->units[0], 0, &space, &err) < 0)
		die(err.text);
	return bare;
}

/* One grant and its revocation, invalidated and waited for. */
static void bare_grant(struct bare *bare)
{
	struct drv_space *space = bare->d->domains[bare->domain].spaces[0];
	struct drv_unit *drv = space->unit;
	struct drv_gather gather = { 0 };
	const struct wire_map ask = { .rights = RIGHT_READ | RIGHT_WRITE,
				      .iova = 0x100000,
				      .length = PAGE_BYTES };
	struct spread spread = spread_new(bare->domain);
	struct error err;
	uint64_t ticket;
	uint32_t grant;

	if (grant_make(bare->d, &spread, bare->memory, &ask, &grant, &err) < 0 ||
	    spread_commit(bare->d, &spread, &err) < 0)
		die(err.text);
	grants_settle(bare->d, &grant, 1);
	bare->d->books.grants[grant].state = GRANT_REVOKING;
	drv->ops->unmap(space, IOVA(0x100000), PAGE_BYTES, &gather);
	ticket = drv->ops->submit(drv, &gather);
	while (drv->ops->completed(drv) < ticket)
		;
	grant_forget(bare->d, grant);
	grant_free(bare->d, grant, 0);
}

/* What policy_window_allows() adds to a grant: 64 windows, the last one matches. */
static void figure_p14(void)
{
	struct policy_window windows[64];
	struct policy_client rule = { .windows = windows, .window_count = 64 };
	struct bare *bare = bare_start();
	double ratios[BLOCKS], with = 0, grant = 0, start;
	volatile bool allowed;
	unsigned i, k;

	for (i = 0; i < 64; i++)
		windows[i] = (struct policy_window){ UINT64_C(0x100000000) * (i + 1), 0x1000 };
	for (k = 0; k < BLOCKS; k++) {
		start = figure_now_ns();
		for (i = 0; i < BLOCK_REQUESTS; i++)
			bare_grant(bare);
		grant = (figure_now_ns() - start) / BLOCK_REQUESTS;
		start = figure_now_ns();
		for (i = 0; i < BLOCK_REQUESTS; i++)
			allowed = policy_window_allows(&rule, UINT64_C(0x100000000) * 64, 0x1000);
		with = (figure_now_ns() - start) / BLOCK_REQUESTS;
		ratios[k] = with / grant;
	}
	(void)allowed;
	figure_report("P14", figure_median(ratios, BLOCKS), 0.5, false);
	figure_remark("P14 grant and revocation in process", grant);
	figure_remark("P14 policy, 64 windows", with);
}

static double many_round(struct client *clients, unsigned count)
{
	double start = figure_now_ns();
	unsigned i;

	for (i = 0; i < ROUND_REQUESTS / 2; i++)
		grant_and_revoke(&clients[i % count]);
	return (figure_now_ns() - start) / ROUND_REQUESTS;
}

static void figure_p16(int memory_fd)
{
	struct client *clients = calloc(MANY, sizeof(*clients));
	double ratios[9], one = 0, many = 0;
	unsigned i;

	if (!clients)
		die("no memory");
	client_open(&clients[0], memory_fd);
	for (i = 0; i < 9; i++)
		ratios[i] = many_round(clients, 1);
	one = figure_median(ratios, 9);
	for (i = 1; i < MANY; i++)
		client_open(&clients[i], memory_fd);
	for (i = 0; i < 9; i++) {
		many = many_round(clients, MANY);
		one = many_round(clients, 1);
		ratios[i] = many / one;
	}
	figure_report("P16", figure_median(ratios, 9), 2.0, false);
	figure_remark("P16 one request among many", many);
	figure_remark("P16 one request of one client", one);
	for (i = 0; i < MANY; i++)
		smmu_close(clients[i].context);
	free(clients);
}

static void allow_descriptors(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < MANY + 64)
		die("fewer than 4064 descriptors are allowed: P16 cannot be measured");
}

int main(void)
{
	int memory_fd;
	pid_t pid;

	pin();
	allow_descriptors();
	if (!mkdtemp(directory))
		die("no temporary directory");
	snprintf(socket_path, sizeof(socket_path), "%s/s", directory);
	memory_fd = make_memory();
	pid = start_daemon();
	figure_p1(memory_fd);
	figure_p14();
	figure_p16(memory_fd);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	unlink(socket_path);
	snprintf(socket_path, sizeof(socket_path), "%s/s.lock", directory);
	unlink(socket_path);
	rmdir(directory);
	return 0;
}
