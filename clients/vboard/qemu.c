// SPDX-License-Identifier: BSD-2-Clause
#include "qemu.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
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
#include "qemu_args.h"
#include "scoped.h"

#define STOP_MS 2000
#define SAID_MAX 2000

/* QEMU gets its own descriptors and none that we were started with. */
static void keep_over_exec(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFD, 0);
}

/* In the child: from here to exec nothing may fail silently. */
static _Noreturn void become_qemu(char *const *args, const struct qemu_options *options,
				  const struct qemu_fds *fds, int said_fd, pid_t parent)
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
	for (i = 0; i < fds->parts->count; i++)
		keep_over_exec(fds->parts->list[i].fd);
	for (i = 0; i < options->disks->count; i++)
		keep_over_exec(options->disks->fds[i]);
	keep_over_exec(options->bios_fd);
	keep_over_exec(fds->qtest);
	keep_over_exec(fds->qmp);
	execvp(args[0], args);
	dprintf(STDERR_FILENO, "%s: %s", args[0], strerror(errno));
	_exit(127);
}

static int spawn(struct qemu *qemu, const struct qemu_options *options,
		 const struct qemu_fds *fds, int said_fd)
{
	struct qemu_args args;
	pid_t parent = getpid();
	int status = 0;

	status = qemu_args_init(&args, options, fds);
	if (status)
		return status;
	qemu->pid = fork();
	if (qemu->pid == 0)
		become_qemu(args.list, options, fds, said_fd, parent);
	if (qemu->pid < 0)
		status = -errno;
	qemu_args_fini(&args);
	return status;
}

int qemu_start(struct qemu *qemu, const struct qemu_options *options, const struct parts *parts,
	       struct error *err)
{
	int qtest[2] = { -1, -1 }, qmp[2] = { -1, -1 };
	struct qemu_fds fds;
	int status = 0;

	*qemu = (struct qemu){ .pid = -1, .pidfd = -1, .qtest_fd = -1, .qmp_fd = -1, .said_fd = -1 };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, qtest) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, qmp) != 0 ||
	    (qemu->said_fd = memfd_create("qemu-said", MFD_CLOEXEC)) < 0)
		status = -errno;
	fds = (struct qemu_fds){ .parts = parts, .qtest = qtest[1], .qmp = qmp[1] };
	if (!status)
		status = spawn(qemu, options, &fds, qemu->said_fd);
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
