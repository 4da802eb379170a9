/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A board of a few memfds and no machine: it greets and answers one owner on a
 * thread of its own, and tells whatever lies a test puts into it before.
 */
#ifndef SMMUMAN_TESTS_BOARD_FAKE_H
#define SMMUMAN_TESTS_BOARD_FAKE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "board.h"

#define BOARD_FAKE_RAM UINT64_C(0x40000000)
#define BOARD_FAKE_DTB UINT64_C(0x100)
#define BOARD_FAKE_DTB_BYTES UINT64_C(0x2000)
#define BOARD_FAKE_FDS 20

/* What it does with a request behind the greeting. */
enum board_fake_manner {
	MANNER_HONEST, MANNER_REFUSES, MANNER_HANGS_UP, MANNER_SHORT, MANNER_LONG,
	MANNER_SAYS_POSITIVE, MANNER_SILENT, MANNER_NO_FD, MANNER_TWO_FDS,
};

struct board_fake {
	char path[64];
	struct board_hello hello;
	size_t hello_size;
	int fds[BOARD_FAKE_FDS];
	unsigned fd_count;
	enum board_fake_manner manner;
	/* What it saw. Reads are answered with the complement of the address. */
	struct board_request last;
	unsigned requests;
	/* Its own. */
	int listener, window;
	pthread_t thread;
};

/* Honest: 4 MiB for the owner, a tree of 0x5a bytes, two parts of 1 MiB. */
void board_fake_init(struct board_fake *board);
void board_fake_fini(struct board_fake *board);

/* A memfd of size bytes with these seals. */
int board_fake_make_part(uint64_t size, int seals);

/* Serves one connection; board_fake_join() returns when that has ended. */
void board_fake_start(struct board_fake *board);
void board_fake_join(struct board_fake *board);

/* How many descriptors this process has: leaks show. */
unsigned board_fake_count_fds(void);

#endif
