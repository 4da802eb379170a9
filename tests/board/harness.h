/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs under test as child processes, and a virtual board among them.
 * Nothing here sleeps: every wait is for an event, with a bound of WAIT_S that
 * fails the test. $SMMU_BUILD is where the programs are, $QEMU which QEMU.
 */
#ifndef SMMUMAN_TESTS_HARNESS_H
#define SMMUMAN_TESTS_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "board.h"

#define WAIT_S 60
#define HARNESS_ARGS_MAX 64

/* A child whose standard output and error go to one file. */
struct process {
	pid_t pid;
	int pidfd; /* readable when it has ended; -1: reaped */
	char log[128];
};

/* "BUILD/program", in a static buffer of its own for each call site's use. */
const char *build_path(const char *program, char *text, size_t size);

/* Starts argv (up to NULL; argv[0] may be a path) with its log at path. */
void process_start(struct process *process, const char *log, const char *const *argv);

/* Until the log has a line that contains text. False: the process ended before. */
bool process_wait_line(struct process *process, const char *text);

/* Prints what it said so far, for the reader of a failure. */
void process_show_log(const struct process *process);

/* Does the log contain text now? */
bool process_said(const struct process *process, const char *text);

/* Until the process has ended; its exit code, or 128 + signal. */
int process_wait(struct process *process);

/* Signals, then waits. */
int process_stop(struct process *process, int signal);

/* The first child of a process, or -1. */
pid_t process_child(pid_t pid);

/* Until pid is no more (a process that is not our child). */
void wait_gone(pid_t pid);

struct board_fixture {
	char dir[64];	   /* a temporary directory, removed by board_stop() */
	char socket[96];   /* the board's */
	struct process vboard;
	int control_fd;
};

/* Fresh temporary directory and socket path; no board yet. */
void board_prepare(struct board_fixture *board);

/*
 * Prepares, starts smmu-vboard with the extra arguments (up to NULL) and waits
 * until it is ready. Fails the test when it does not come up.
 */
void board_start(struct board_fixture *board, ...) __attribute__((sentinel));
void board_start_argv(struct board_fixture *board, const char *const *extra);

/* Ends the board if it still runs and removes the directory. */
void board_stop(struct board_fixture *board);

/* One request as control; length is the size of an override. 0 or -errno. */
int board_control(struct board_fixture *board, enum board_op op, uint64_t address,
		  uint32_t length, uint64_t value);
uint64_t board_count_writes(struct board_fixture *board, uint64_t address);

#endif
