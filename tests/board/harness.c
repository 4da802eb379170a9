// SPDX-License-Identifier: BSD-2-Clause
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "board_user.h"
#include "scoped.h"

const char *build_path(const char *program, char *text, size_t size)
{
	const char *build = getenv("SMMU_BUILD");

	if (!build)
		fail_msg("SMMU_BUILD is not set: run this through make check-board");
	snprintf(text, size, "%s/%s", build, program);
	return text;
}

static _Noreturn void become(const char *log, const char *const *argv, pid_t parent)
{
	int null = open("/dev/null", O_RDONLY);
	int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

void process_start(struct process *process, const char *log, const char *const *argv)
{
	pid_t parent = getpid();

	snprintf(process->log, sizeof(process->log), "%s", log);
	process->pid = fork();
	if (process->pid == 0)
		become(log, argv, parent);
	assert_true(process->pid > 0);
	process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
	assert_true(process->pidfd >= 0);
}

static bool said_whole_line(const char *text, const char *wanted)
{
	const char *found = strstr(text, wanted);

	return found && strchr(found, '\n');
}

static bool log_has(const struct process *process, const char *wanted, bool whole_line)
{
	scoped_fd fd = open(process->log, O_RDONLY | O_CLOEXEC);
	scoped_free char *text = NULL;
	struct stat stat;
	ssize_t got;

	if (fd < 0 || fstat(fd, &stat) != 0)
		return false;
	text = malloc((size_t)stat.st_size + 1);
	assert_non_null(text);
	got = read(fd, text, (size_t)stat.st_size);
	text[got > 0 ? got : 0] = '\0';
	return whole_line ? said_whole_line(text, wanted) : strstr(text, wanted) != NULL;
}

bool process_said(const struct process *process, const char *text)
{
	return log_has(process, text, false);
}

void process_show_log(const struct process *process)
{
	char line[512];
	scoped_file file = fopen(process->log, "re");

	while (file && fgets(line, sizeof(line), file))
		print_message("  %s", line);
}

bool process_wait_line(struct process *process, const char *text)
{
	scoped_fd changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	scoped_fd log = open(process->log, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	struct pollfd waits[2] = { { .fd = changes, .events = POLLIN },
				   { .fd = process->pidfd, .events = POLLIN } };
	char events[4096];

	assert_true(log >= 0 && changes >= 0);
	assert_true(inotify_add_watch(changes, process->log, IN_MODIFY) >= 0);
	while (!log_has(process, text, true)) {
		if (waits[1].revents)
			return false;
		if (poll(waits, 2, WAIT_S * 1000) <= 0) {
			process_show_log(process);
			fail_msg("\"%s\" did not come within %d s", text, WAIT_S);
		}
		while (read(changes, events, sizeof(events)) > 0)
			;
	}
	return true;
}

int process_wait(struct process *process)
{
	struct pollfd ended = { .fd = process->pidfd, .events = POLLIN };
	int status = 0;

	if (poll(&ended, 1, WAIT_S * 1000) != 1) {
		process_show_log(process);
		fail_msg("process %d did not end within %d s", (int)process->pid, WAIT_S);
	}
	assert_int_equal(waitpid(process->pid, &status, 0), process->pid);
	close(process->pidfd);
	process->pidfd = -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int process_stop(struct process *process, int signal)
{
	kill(process->pid, signal);
	return process_wait(process);
}

pid_t process_child(pid_t pid)
{
	char path[64], line[64], *end = line;
	scoped_file file = NULL;
	long child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	file = fopen(path, "re");
	if (!file || !fgets(line, sizeof(line), file))
		return -1;
	child = strtol(line, &end, 10);
	return end == line ? -1 : (pid_t)child;
}

void wait_gone(pid_t pid)
{
	scoped_fd fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd ended = { .fd = fd, .events = POLLIN };

	if (fd < 0 && errno == ESRCH)
		return;
	assert_true(fd >= 0);
	if (poll(&ended, 1, WAIT_S * 1000) != 1)
		fail_msg("process %d is still there after %d s", (int)pid, WAIT_S);
}

void board_prepare(struct board_fixture *board)
{
	memset(board, 0, sizeof(*board));
	board->control_fd = -1;
	board->vboard.pidfd = -1;
	snprintf(board->dir, sizeof(board->dir), "/tmp/smmu-test-XXXXXX");
	assert_non_null(mkdtemp(board->dir));
	snprintf(board->socket, sizeof(board->socket), "%s/board", board->dir);
}

void board_start_argv(struct board_fixture *board, const char *const *extra)
{
	/* A machine with much to do is slow, and no failure. */
	const char *argv[HARNESS_ARGS_MAX] = { NULL, "--socket", board->socket, "--deadline",
					       "60" };
	char program[256], log[128];
	unsigned count = 5;

	board_prepare(board);
	argv[0] = build_path("smmu-vboard", program, sizeof(program));
	while (*extra && count < HARNESS_ARGS_MAX - 1)
		argv[count++] = *extra++;
	snprintf(log, sizeof(log), "%s/vboard.log", board->dir);
	process_start(&board->vboard, log, argv);
	if (!process_wait_line(&board->vboard, "ready ")) {
		process_show_log(&board->vboard);
		fail_msg("smmu-vboard did not come up");
	}
}

void board_start(struct board_fixture *board, ...)
{
	const char *extra[HARNESS_ARGS_MAX];
	unsigned count = 0;
	va_list list;

	va_start(list, board);
	do
		extra[count] = va_arg(list, const char *);
	while (extra[count++] && count < HARNESS_ARGS_MAX);
	va_end(list);
	board_start_argv(board, extra);
}

static void remove_directory(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(path);
}

void board_stop(struct board_fixture *board)
{
	if (board->control_fd > 0)
		close(board->control_fd);
	board->control_fd = -1;
	if (board->vboard.pid > 0 && board->vboard.pidfd >= 0)
		process_stop(&board->vboard, SIGTERM);
	if (board->dir[0])
		remove_directory(board->dir);
}

static int control(struct board_fixture *board, const struct board_request *request,
		   uint64_t *ret_value)
{
	if (board->control_fd < 0) {
		board->control_fd = board_connect(board->socket);
		assert_int_equal(board_say_hello(board->control_fd, BOARD_ROLE_CONTROL), 0);
	}
	return board_ask(board->control_fd, request, ret_value);
}

int board_control(struct board_fixture *board, enum board_op op, uint64_t address,
		  uint32_t length, uint64_t value)
{
	struct board_request request = { .op = op, .address = address, .size = length,
					 .value = value };

	return control(board, &request, NULL);
}

uint64_t board_count_writes(struct board_fixture *board, uint64_t address)
{
	struct board_request request = { .op = BOARD_COUNT_WRITES, .address = address };
	uint64_t count = 0;

	assert_int_equal(control(board, &request, &count), 0);
	return count;
}
