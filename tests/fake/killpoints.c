// SPDX-License-Identifier: BSD-2-Clause
/*
 * Linked into smmuman-killpoints alone, in the recorder's place: the daemon dies
 * right before or right after the store with a chosen number that hardware sees.
 *
 *   SMMU_KILL_AT=N     SIGKILL instead of store N (from 1); 0 or unset: never
 *   SMMU_KILL_AT=N+    SIGKILL once store N is made
 *   SMMU_KILL_COUNT=F  the number of stores so far, as 8 bytes in that file
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hw.h"

static uint64_t own_count;
static uint64_t *count = &own_count;
static uint64_t kill_at;
static bool is_after;

__attribute__((constructor)) static void killpoints_setup(void)
{
	const char *at = getenv("SMMU_KILL_AT");
	const char *file = getenv("SMMU_KILL_COUNT");
	void *shared;
	char *end;
	int fd;

	if (at) {
		kill_at = strtoull(at, &end, 10);
		is_after = *end == '+';
	}
	if (!file)
		return;
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(*count)) < 0)
		abort();
	shared = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (shared == MAP_FAILED)
		abort();
	count = shared;
	*count = 0;
}

void hw_record_store(const volatile void *where, uint64_t value)
{
	if (++*count != kill_at)
		return;
	if (is_after)
		__atomic_store_n((uint64_t *)(uintptr_t)where, value, __ATOMIC_SEQ_CST);
	kill(getpid(), SIGKILL);
}

void hw_record_barrier(void)
{
}

void hw_record_flush(const void *at, uint64_t bytes)
{
	(void)at;
	(void)bytes;
}
