// SPDX-License-Identifier: BSD-2-Clause
/*
 * clients/nvme from the outside: killed with transfers on the way, and as a program
 * by its command line.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bits.h"
#include "nvme_rig.h"

static const struct variant *variant;

static int setup(void **state)
{
	*state = nvme_start(variant, (const char *const[]){ "--edu", "0", "--nvme", "1", NULL });
	return 0;
}

/*
 * A disk that takes its time, so that reads are on the way when a driver dies: zeroes,
 * some of them at once, then a hundred reads a second.
 */
static int setup_slow(void **state)
{
	*state = nvme_start(variant, (const char *const[]){
		"--edu", "0", "--", "-object", "throttle-group,id=slowly,x-iops-total=100",
		"-blockdev", "driver=null-co,node-name=zeroes,size=67108864,read-zeroes=on",
		"-blockdev", "driver=throttle,node-name=slow,throttle-group=slowly,file=zeroes",
		"-device", "nvme,serial=slow,drive=slow,addr=2", NULL });
	return 0;
}

/* --- hand-over ----------------------------------------------------------------------------- */

/* A read of a page into every slot, told to the controller but not waited for. */
static int start_reads(struct nvme *nvme, const struct nvme_memory *data)
{
	unsigned i;
	int rc = 0;

	for (i = 0; !rc && i < nvme_run_max(nvme); i++) {
		struct nvme_command read = { .opcode = IO_READ, .nsid = 1,
					     .prp1 = data->buffer.device_address + i * RIG_PAGE,
					     .dword = { i * 8, 0, 7 } };
		uint16_t slot;

		rc = nvme_queue_put(nvme, &nvme->io, &read, &slot);
	}
	return rc ? rc : nvme_queue_ring(nvme, &nvme->io);
}

static _Noreturn void start_reads_and_hang(struct rig *rig, int ready_fd)
{
	struct nvme_memory data;
	struct nvme nvme;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (nvme_open(&nvme, rig->socket) || nvme_attach(&nvme, DISK) ||
	    nvme_buffer_create(&nvme, NVME_IO_ENTRIES * RIG_PAGE, NVME_POOL, &data) ||
	    start_reads(&nvme, &data) || write(ready_fd, "r", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

/* A driver is killed with its reads on the way. */
static void kill_in_mid_transfer(struct rig *rig)
{
	int ends[2], status;
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		start_reads_and_hang(rig, ends[1]);
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

/* Its successor's memory is there, and filled, before the device changes hands. */
static void take_over(struct nvme *nvme, struct rig *rig, struct nvme_memory *data)
{
	nvme_ok(nvme, nvme_open(nvme, rig->socket));
	nvme_make(nvme, NVME_IO_ENTRIES * RIG_PAGE, NVME_POOL, data);
	nvme_set(data, 0, data->buffer.length, 0x11);
	nvme_ok(nvme, nvme_attach(nvme, DISK));
}

static void nvme_reads_of_a_killed_driver_do_not_land_in_its_successors_memory(void **state)
{
	struct nvme_memory data;
	struct nvme nvme;

	kill_in_mid_transfer(*state);
	take_over(&nvme, *state, &data);
	assert_true(nvme_holds(&data, 0, data.buffer.length, 0x11));
	/* The twin: the same reads, by somebody who lives to see them. */
	nvme_ok(&nvme, start_reads(&nvme, &data));
	nvme_ok(&nvme, nvme_queue_wait(&nvme, &nvme.io));
	assert_true(nvme_holds(&data, 0, nvme_run_max(&nvme) * RIG_PAGE, 0));
	assert_true(nvme_holds(&data, nvme_run_max(&nvme) * RIG_PAGE, RIG_PAGE, 0x11));
	nvme_drop(&nvme, &data);
	assert_int_equal(nvme_fault_count(&nvme), 0);
	nvme_down(&nvme);
}

static void nvme_successor_of_a_killed_driver_works_with_clean_data(void **state)
{
	struct nvme_memory data;
	struct nvme nvme;

	kill_in_mid_transfer(*state);
	take_over(&nvme, *state, &data);
	nvme_ok(&nvme, nvme_selftest(&nvme, NVME_PER_COMMAND, MIB));
	assert_true(nvme_holds(&data, 0, data.buffer.length, 0x11));
	nvme_drop(&nvme, &data);
	assert_int_equal(nvme_fault_count(&nvme), 0);
	nvme_down(&nvme);
}

/* --- the program ---------------------------------------------------------------------------- */

/* Exit status of nvme-driver with these words; what it prints goes to files. */
static int program(struct rig *rig, const char *words, const char *redirect)
{
	char path[128], command[768];
	int status;

	snprintf(command, sizeof(command), "cd %s && %s --socket %s --device " DISK " %s %s 2>said",
		 rig->board.dir, build_path("nvme-driver", path, sizeof(path)), rig->socket, words,
		 redirect);
	status = system(command);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Does a file of the board's directory hold text? */
static bool says(struct rig *rig, const char *name, const char *text)
{
	char path[128], content[2048] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", rig->board.dir, name);
	file = fopen(path, "re");
	assert_non_null(file);
	content[fread(content, 1, sizeof(content) - 1, file)] = '\0';
	fclose(file);
	return strstr(content, text) != NULL;
}

static void program_writes_blocks_that_another_run_reads_back(void **state)
{
	struct rig *rig = *state;
	char command[256];

	snprintf(command, sizeof(command), "head -c 1572864 /dev/urandom >%s/in", rig->board.dir);
	assert_int_equal(system(command), 0);
	assert_int_equal(program(rig, "--mode per-command write 7 3072", "<in"), 0);
	assert_int_equal(program(rig, "--mode pool read 7 3072", ">out"), 0);
	snprintf(command, sizeof(command), "cmp %s/in %s/out", rig->board.dir, rig->board.dir);
	assert_int_equal(system(command), 0);
	assert_int_equal(program(rig, "read 131071 2", ">out"), 1);
	assert_true(says(rig, "said", "the namespace has 131072 blocks"));
	assert_int_equal(program(rig, "write 0 1", "</dev/null"), 1);
	assert_true(says(rig, "said", "standard input ended"));
}

static void program_selftest_counts_in_both_modes(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(program(rig, "identify", ">out"), 0);
	assert_true(says(rig, "out", "131072 blocks of 512 bytes"));
	assert_int_equal(program(rig, "selftest --megabytes 2", ">out"), 0);
	assert_true(says(rig, "out", "pool: 2097152 bytes written, read back and the same"));
	assert_true(says(rig, "out", "per-command: 2097152 bytes written"));
	assert_int_equal(program(rig, "selftest --megabytes 65", ">out"), 1);
	assert_true(says(rig, "said", "the namespace has 67108864 bytes"));
}

static void program_mistakes_exit_2_and_help_exits_0(void **state)
{
	static const char *const wrong[] = {
		"", "format", "read 1", "read 1 x", "read 1 -2", "identify 3", "--mode both selftest",
		"--megabytes 0 selftest", "--megabytes 1m selftest", "--nonsense identify",
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(wrong); i++) {
		assert_int_equal(program(*state, wrong[i], ""), 2);
		assert_true(says(*state, "said", "usage: nvme-driver"));
	}
	assert_int_equal(program(*state, "--help", ">out"), 0);
	assert_true(says(*state, "out", "OVERWRITES"));
}

static const struct CMUnitTest tests[] = {
#define T(test) cmocka_unit_test_setup_teardown(test, setup, nvme_stop)
	T(nvme_successor_of_a_killed_driver_works_with_clean_data),
	cmocka_unit_test_setup_teardown(
		nvme_reads_of_a_killed_driver_do_not_land_in_its_successors_memory, setup_slow,
		nvme_stop),
	T(program_writes_blocks_that_another_run_reads_back),
	T(program_selftest_counts_in_both_modes),
	T(program_mistakes_exit_2_and_help_exits_0),
};

static int run(const char *name)
{
	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
	return nvme_run_tests(&variant, run);
}
