// SPDX-License-Identifier: BSD-2-Clause
/*
 * Figures of a whole driver: nvme-driver's self test on a virtual board, in both of
 * its modes. Grants for each command and calls to the service for each are ours;
 * commands a second are mostly QEMU's, and tell the modes apart. $SMMU_BUILD has the
 * programs, $QEMU (or $QEMU7) is the board's.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "figure.h"

#define RUNS 5u
#define WORDS_MAX 16
#define READY_FD 9

static char directory[] = "/tmp/smmu-bench-XXXXXX";
static char board[64], service[64], lock[64], policy[64];

static const char policy_text[] =
	"version: 1\n"
	"devices:\n"
	"  - {name: disk, match: \"pci:0000:00:02.0\"}\n"
	"clients:\n"
	"  - {name: nvme-driver, uid: self, attach: [disk]}\n";

static _Noreturn void give_up(const char *why)
{
	fprintf(stderr, "bench_nvme: %s\n", why);
	exit(0);
}

static void path_of(char *path, size_t size, const char *program)
{
	const char *build = getenv("SMMU_BUILD");

	if (!build)
		give_up("SMMU_BUILD is not set: run this through make bench");
	snprintf(path, size, "%s/%s", build, program);
}

/* Standard output is for figures: what a server says goes nowhere, except on its pipe. */
static _Noreturn void become(const char *program, const char *const *words, int fd, int as)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	const char *argv[WORDS_MAX] = { program };
	char path[256];
	unsigned i;

	for (i = 0; words[i] && i < WORDS_MAX - 2; i++)
		argv[i + 1] = words[i];
	path_of(path, sizeof(path), program);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	dup2(fd, as);
	execv(path, (char *const *)(unsigned long)argv);
	_exit(127);
}

/* With a pipe at the child's descriptor as; *ret_file reads it. */
static pid_t start(const char *program, const char *const *words, int as, FILE **ret_file)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		give_up("no pipe");
	pid = fork();
	if (pid == 0)
		become(program, words, ends[1], as);
	close(ends[1]);
	*ret_file = fdopen(ends[0], "r");
	if (pid < 0 || !*ret_file)
		give_up("no process");
	return pid;
}

static pid_t start_server(const char *program, const char *const *words)
{
	char line[16] = "";
	FILE *ready;
	pid_t pid = start(program, words, READY_FD, &ready);

	if (!fgets(line, sizeof(line), ready) || strncmp(line, "ready", 5) != 0)
		give_up("a program did not start");
	fclose(ready);
	return pid;
}

static void stop(pid_t pid)
{
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

/* The number that stands in front of the word. */
static double number_before(const char *line, const char *word)
{
	const char *at = strstr(line, word);

	while (at && at > line && strchr("0123456789", at[-1]))
		at--;
	if (!at || at == strstr(line, word))
		give_up("nvme-driver says something else than it should");
	return strtod(at, NULL);
}

struct result {
	double commands, grants, calls, ms;
};

static struct result measure(const char *mode)
{
	const char *const words[] = { "--socket", service, "--device", "pci:0000:00:02.0", "--mode",
				      mode, "selftest", "--megabytes", "16", NULL };
	struct result result = { 0 };
	char line[256] = "";
	FILE *said;
	pid_t pid = start("nvme-driver", words, STDOUT_FILENO, &said);
	int status;

	if (!fgets(line, sizeof(line), said))
		give_up("nvme-driver says nothing");
	result.commands = number_before(line, " commands");
	result.grants = number_before(line, " grants");
	result.calls = number_before(line, " calls");
	result.ms = number_before(line, " ms");
	fclose(said);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		give_up("nvme-driver failed");
	return result;
}

static void report(const char *mode)
{
	double per_second[RUNS];
	struct result result = { 0 };
	char name[64];
	unsigned i;

	for (i = 0; i < RUNS; i++) {
		result = measure(mode);
		per_second[i] = result.commands * 1000 / (result.ms > 0 ? result.ms : 1);
	}
	snprintf(name, sizeof(name), "nvme-%s-commands-a-second", mode);
	figure_tell(name, figure_median(per_second, RUNS));
	snprintf(name, sizeof(name), "nvme-%s-grants-per-command", mode);
	figure_tell(name, result.grants / result.commands);
	snprintf(name, sizeof(name), "nvme-%s-calls-per-command", mode);
	figure_tell(name, result.calls / result.commands);
}

static void write_policy(void)
{
	FILE *file = fopen(policy, "we");

	if (!file || fputs(policy_text, file) < 0 || fclose(file))
		give_up("the policy cannot be written");
}

int main(void)
{
	const char *qemu = getenv("QEMU") ? getenv("QEMU") : getenv("QEMU7");
	const char *const board_words[] = { "--socket", board, "--edu", "0", "--nvme", "1", "--qemu",
					    qemu, "--ready-fd", "9", NULL };
	const char *const daemon_words[] = { "--board", board, "--socket", service, "--policy",
					     policy, "--ready-fd", "9", NULL };
	pid_t vboard, daemon;

	if (!qemu)
		give_up("neither QEMU nor QEMU7 is set");
	if (!mkdtemp(directory))
		give_up("no directory");
	snprintf(board, sizeof(board), "%s/board", directory);
	snprintf(service, sizeof(service), "%s/smmu", directory);
	snprintf(lock, sizeof(lock), "%s/smmu.lock", directory);
	snprintf(policy, sizeof(policy), "%s/policy.yaml", directory);
	write_policy();
	vboard = start_server("smmu-vboard", board_words);
	daemon = start_server("smmuman", daemon_words);
	report("pool");
	report("per-command");
	stop(daemon);
	stop(vboard);
	unlink(policy);
	unlink(service);
	unlink(lock);
	unlink(board);
	rmdir(directory);
	return 0;
}
