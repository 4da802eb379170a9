// SPDX-License-Identifier: BSD-2-Clause
#include "qemu.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "scoped.h"

#define ARGS_MAX 256
#define STOP_MS 2000
#define SAID_MAX 2000

struct args {
	char *list[ARGS_MAX];
	unsigned count;
	bool failed;
};

static void add(struct args *args, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct args *args, const char *format, ...)
{
	char *text = NULL;
	va_list list;

	va_start(list, format);
	if (vasprintf(&text, format, list) < 0)
		text = NULL;
	va_end(list);
	if (!text || args->count == ARGS_MAX - 1) {
		args->failed = true;
		free(text);
		return;
	}
	args->list[args->count++] = text;
}

static void args_fini(struct args *args)
{
	while (args->count > 0)
		free(args->list[--args->count]);
}

/* The parts lie one after the other in the machine, a NUMA node each. */
static void add_memory(struct args *args, const struct parts *parts)
{
	unsigned i;

	add(args, "-m");
	add(args, "%lluM", (unsigned long long)(parts_total_size(parts) >> 20));
	for (i = 0; i < parts->count; i++) {
		const struct part *part = &parts->list[i];

		add(args, "-object");
		add(args, "memory-backend-file,id=m%u,size=%lluM,share=on,mem-path=/proc/self/fd/%d",
		    i, (unsigned long long)(part->size >> 20), part->fd);
		add(args, "-numa");
		add(args, "node,memdev=m%u", i);
	}
}

/* QEMU 7.2 finds the qtest channel only by this very id. */
static void add_channels(struct args *args, int qtest_fd, int qmp_fd)
{
	add(args, "-chardev");
	add(args, "socket,id=qtest,fd=%d", qtest_fd);
	add(args, "-qtest");
	add(args, "chardev:qtest");
	add(args, "-qtest-log");
	add(args, "/dev/null");
	add(args, "-chardev");
	add(args, "socket,id=qmp,fd=%d", qmp_fd);
	add(args, "-mon");
	add(args, "chardev=qmp,mode=control");
}

static void add_devices(struct args *args, unsigned edu_count)
{
	unsigned i;

	for (i = 0; i < edu_count; i++) {
		add(args, "-device");
		add(args, "edu,addr=0x%x,dma_mask=0xffffffffffffffff", QEMU_FIRST_SLOT + i);
	}
}

static void make_args(struct args *args, const struct qemu_options *options,
		      const struct parts *parts, int qtest_fd, int qmp_fd)
{
	const char *const *arg;
	char *const *extra;

	add(args, "%s", options->program);
	for (arg = options->machine->args; *arg; arg++)
		add(args, "%s", *arg);
	add(args, "-nodefaults");
	add(args, "-display");
	add(args, "none");
	add(args, "-serial");
	add(args, "none");
	if (!options->realtime) {
		add(args, "-icount");
		add(args, "shift=0,sleep=off");
	}
	add_memory(args, parts);
	add_channels(args, qtest_fd, qmp_fd);
	add_devices(args, options->edu_count);
	for (extra = options->extra; extra && *extra; extra++)
		add(args, "%s", *extra);
}

/* QEMU gets its own descriptors and none that we were started with. */
static void keep_over_exec(int fd)
{
	fcntl(fd, F_SETFD, 0);
}

/* In the child: from here to exec nothing may fail silently. */
static _Noreturn void become_qemu(char *const *args, const struct parts *parts, int qtest_fd,
				  int qmp_fd, int said_fd, pid_t parent)
{
	sigset_t none;
	unsigned i;
	int null = open("/dev/null", O_RDWR);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);

	dup2(null, STDIN_FILENO);
	dup2(said_fd, STDOUT_FILENO);
	dup2(said_fd, STDERR_FILENO);
	close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC);
	for (i = 0; i < parts->count; i++)
		keep_over_exec(parts->list[i].fd);
	keep_over_exec(qtest_fd);
	keep_over_exec(qmp_fd);
	execvp(args[0], args);
	dprintf(STDERR_FILENO, "%s: %s", args[0], strerror(errno));
	_exit(127);
}

static int spawn(struct qemu *qemu, const struct qemu_options *options, const struct parts *parts,
		 int qtest_fd, int qmp_fd, int said_fd)
{
	struct args args = { .count = 0 };
	pid_t parent = getpid();
	int status = 0;

	make_args(&args, options, parts, qtest_fd, qmp_fd);
	if (args.failed) {
		args_fini(&args);
		return -E2BIG;
	}
	qemu->pid = fork();
	if (qemu->pid == 0)
		become_qemu(args.list, parts, qtest_fd, qmp_fd, said_fd, parent);
	if (qemu->pid < 0)
		status = -errno;
	args_fini(&args);
	return status;
}

int qemu_start(struct qemu *qemu, const struct qemu_options *options, const struct parts *parts,
	       struct error *err)
{
	int qtest[2] = { -1, -1 }, qmp[2] = { -1, -1 };
	int status = 0;

	*qemu = (struct qemu){ .pid = -1, .pidfd = -1, .qtest_fd = -1, .qmp_fd = -1, .said_fd = -1 };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, qtest) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, qmp) != 0 ||
	    (qemu->said_fd = memfd_create("qemu-said", MFD_CLOEXEC)) < 0)
		status = -errno;
	if (!status)
		status = spawn(qemu, options, parts, qtest[1], qmp[1], qemu->said_fd);
	if (!status) {
		qemu->pidfd = (int)syscall(SYS_pidfd_open, qemu->pid, 0);
		if (qemu->pidfd < 0)
			status = -errno;
	}

	scoped_fd_end(&qtest[1]);
	scoped_fd_end(&qmp[1]);
	qemu->qtest_fd = qtest[0];
	qemu->qmp_fd = qmp[0];
	if (status) {
		qemu_stop(qemu);
		return error_set(err, status, "starting %s: %s", options->program,
				 strerror(-status));
	}
	return 0;
}

/* Not the warning every start makes, nor the registers of the idle processor. */
static bool is_worth_saying(const char *line)
{
	return *line && !strstr(line, "icount sleep disabled");
}

void qemu_say_last_words(struct qemu *qemu)
{
	char said[SAID_MAX + 1], *line, *rest = said;
	off_t end = lseek(qemu->said_fd, 0, SEEK_END);
	ssize_t got = pread(qemu->said_fd, said, SAID_MAX, end > SAID_MAX ? end - SAID_MAX : 0);

	said[got > 0 ? got : 0] = '\0';
	while ((line = strsep(&rest, "\n")) && strncmp(line, "CPU #", 5) != 0)
		if (is_worth_saying(line))
			log_error("QEMU said: %s", line);
}

void qemu_stop(struct qemu *qemu)
{
	struct pollfd ended = { .fd = qemu->pidfd, .events = POLLIN };

	if (qemu->pid > 0) {
		kill(qemu->pid, SIGTERM);
		if (qemu->pidfd < 0 || poll(&ended, 1, STOP_MS) != 1)
			kill(qemu->pid, SIGKILL);
		while (waitpid(qemu->pid, NULL, 0) < 0 && errno == EINTR)
			;
		qemu->pid = -1;
	}
	scoped_fd_end(&qemu->pidfd);
	scoped_fd_end(&qemu->qtest_fd);
	scoped_fd_end(&qemu->qmp_fd);
	scoped_fd_end(&qemu->said_fd);
	qemu->pidfd = qemu->qtest_fd = qemu->qmp_fd = qemu->said_fd = -1;
}
