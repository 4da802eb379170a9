// SPDX-License-Identifier: BSD-2-Clause
/*
 * The daemon is killed between any two stores that hardware sees and at any
 * system call of a session; each time the board's memory is audited with
 * decoders that share no code with the daemon, devices are let loose at what
 * nobody granted, and a new daemon takes the same board over.
 *
 * KILLPOINTS=N: how many points of each kind are tried, spread (32); half of them on
 * most boards.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "audit.h"
#include "bits.h"
#include "rig.h"
#include "smmu-admin.h"

#define BLOCK (UINT64_C(2) << 20)

/* A row more costs as much as all its points: the first of each kind of unit has them all. */
static const struct {
	enum variant_id id;
	unsigned share; /* of the points, in percent */
} rows[] = {
	{ SMMU_S1_TWO_LEVEL, 100 }, { SMMU_S2_TWO_LEVEL, 50 }, { VTD_LEGACY_48, 100 },
	{ VTD_SECOND_LEVEL, 50 },   { VTD_FIRST_LEVEL, 50 },   { VIRTIO_ON_VIRT, 50 },
};
static unsigned share;

static struct rig rig;

/* --- the session that is cut short ------------------------------------------- */

static bool grant(struct driver *a, uint64_t iova, uint64_t length, uint64_t offset,
		  unsigned rights)
{
	struct smmu_grant grant = { a->buffer.memory, rights, iova, length, offset };

	return smmu_map(a->context, a->domain, &grant) == 0;
}

/* Every kind of change there is; false as soon as the daemon is gone. */
static bool session(void)
{
	struct smmu_grant batch[3];
	struct smmu_range ranges[3];
	struct driver a = { 0 };
	bool done = false;
	unsigned i;
	int ret;

	if (smmu_open(&a.context, rig.socket) < 0)
		return false;
	if (smmu_domain_create(a.context, &a.domain) < 0 ||
	    smmu_dma_alloc(a.context, BLOCK + 8 * RIG_PAGE, &a.buffer) < 0)
		goto out;
	/* One of them stays read-only to the end, for the audit of rights. */
	if (!grant(&a, RIG_IOVA, RIG_PAGE, 0, SMMU_READ | SMMU_WRITE) ||
	    !grant(&a, UINT64_C(0x80000000), BLOCK, 0, SMMU_READ))
		goto out;
	do
		ret = driver_try_attach(&a, DMA0);
	while (ret == -EAGAIN);
	if (ret < 0)
		goto out;
	if (!grant(&a, UINT64_C(0x40000000), BLOCK, 4096, SMMU_READ | SMMU_WRITE))
		goto out;
	for (i = 0; i < 3; i++) {
		batch[i] = (struct smmu_grant){ a.buffer.memory, SMMU_READ,
						UINT64_C(0x200000) + i * 3 * RIG_PAGE, RIG_PAGE,
						i * RIG_PAGE };
		ranges[i] = (struct smmu_range){ batch[i].iova, RIG_PAGE };
	}
	if (smmu_map_batch(a.context, a.domain, batch, 3) < 0)
		goto out;
	batch[1].iova = RIG_IOVA;
	if (smmu_map_batch(a.context, a.domain, batch, 2) != -EEXIST)
		goto out;
	if (smmu_unmap_batch(a.context, a.domain, ranges, 3) < 0 ||
	    smmu_unmap(a.context, a.domain, UINT64_C(0x40000000), BLOCK) < 0 ||
	    smmu_detach(a.context, a.attached.device) < 0 ||
	    smmu_domain_destroy(a.context, a.domain) < 0)
		goto out;
	done = true;
out:
	smmu_close(a.context);
	return done;
}

/* What the session grants. */
static const uint64_t session_iovas[] = { RIG_IOVA, 0x200000, 0x203000, 0x206000,
					  UINT64_C(0x40000000), UINT64_C(0x80000000) };
static const struct audit_addresses granted = { session_iovas, ARRAY_COUNT(session_iovas) };

/* --- the runs ---------------------------------------------------------------------- */

static uint64_t stores_so_far(const char *file)
{
	uint64_t count = 0;
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, &count, sizeof(count)), sizeof(count));
	close(fd);
	return count;
}

static unsigned points_wanted(void)
{
	const char *text = getenv("KILLPOINTS");

	return (text ? (unsigned)strtoul(text, NULL, 10) : 32) * share / 100;
}

/* Starts it, runs what is given, ends it; true when it was killed on the way. */
static bool run_until_killed(const char *const *argv, bool (*run)(void))
{
	char log[128];
	pid_t child;
	int status;

	snprintf(log, sizeof(log), "%s/daemon.log", rig.board.dir);
	unlink(log);
	process_start(&rig.daemon, log, argv);
	if (process_wait_line(&rig.daemon, "ready:") && (!run || run())) {
		/* Under strace the daemon is the child. */
		child = process_child(rig.daemon.pid);
		kill(child > 0 ? child : rig.daemon.pid, SIGTERM);
	}
	status = process_wait(&rig.daemon);
	if (status == 0)
		return false;
	if (status != 128 + SIGKILL)
		process_show_log(&rig.daemon);
	assert_int_equal(status, 128 + SIGKILL);
	return true;
}

static void survivors_take_over(void)
{
	rig_start_daemon(&rig, "smmuman");
	if (!session()) {
		process_show_log(&rig.daemon);
		fail_msg("the daemon that follows does not work");
	}
	assert_int_equal(process_stop(&rig.daemon, SIGKILL), 128 + SIGKILL);
	audit_board(&rig, &granted, true);
}

/*
 * Point number i of wanted: a quarter of them in the take-over, the others in the
 * session, where a store means more; each is tried before the store or after it.
 */
static uint64_t store_point(unsigned i, unsigned wanted, uint64_t ready, uint64_t total)
{
	unsigned early = wanted / 4;

	if (i < early)
		return 1 + (ready - 1) * i / early;
	return ready + 1 + (total - ready - 1) * (i - early) / (wanted - early);
}

static void killed_at_stores_containment_holds(void **state)
{
	uint64_t ready, total;
	unsigned wanted = points_wanted();
	char path[128], count[128], at[32];
	const char *argv[16];
	unsigned hit = 0, i;

	(void)state;
	snprintf(count, sizeof(count), "%s/count", rig.board.dir);
	setenv("SMMU_KILL_COUNT", count, 1);
	rig_daemon_argv(&rig, build_path("smmuman-killpoints", path, sizeof(path)), argv);
	/* Ended by SIGTERM as soon as it is ready: the stores of its take-over. */
	assert_false(run_until_killed(argv, NULL));
	ready = stores_so_far(count);
	assert_false(run_until_killed(argv, session));
	total = stores_so_far(count);
	for (i = 0; i < wanted; i++) {
		snprintf(at, sizeof(at), "%" PRIu64 "%s", store_point(i, wanted, ready, total),
			 i % 2 ? "+" : "");
		setenv("SMMU_KILL_AT", at, 1);
		hit += run_until_killed(argv, session);
		unsetenv("SMMU_KILL_AT");
		audit_board(&rig, &granted, true);
		survivors_take_over();
	}
	unsetenv("SMMU_KILL_COUNT");
	print_message("# %" PRIu64 " stores, %" PRIu64 " of them until ready, killed at %u\n", total,
		      ready, hit);
	assert_true(hit > 0);
}

#define CALL_NAME 32

/* The name of system call number wanted of a trace, and how many of its name came. */
static uint64_t call_at(const char *trace, uint64_t wanted, char name[CALL_NAME])
{
	FILE *file = fopen(trace, "re");
	uint64_t line, same = 0;
	char text[4096];
	unsigned pass;

	assert_non_null(file);
	for (pass = 0; pass < 2; pass++) {
		rewind(file);
		for (line = 1; line <= wanted && fgets(text, sizeof(text), file); line++) {
			text[strcspn(text, "(")] = '\0';
			if (pass == 1)
				same += strcmp(text, name) == 0;
			else if (line == wanted)
				snprintf(name, CALL_NAME, "%.31s", text);
		}
	}
	fclose(file);
	return same;
}

static uint64_t count_calls(const char *trace)
{
	uint64_t lines = 0;
	FILE *file = fopen(trace, "re");
	int c;

	assert_non_null(file);
	while ((c = fgetc(file)) != EOF)
		lines += c == '\n';
	fclose(file);
	return lines;
}

#define INJECT 96

/* strace's words for point i of wanted; false for a signal's line, which is no call. */
static bool choose_call(const char *trace, uint64_t total, unsigned i, unsigned wanted,
			char inject[INJECT])
{
	char name[CALL_NAME] = "";
	/* strace counts each call by its name. */
	uint64_t same = call_at(trace, 1 + (total - 3) * (i + 1) / wanted, name);

	snprintf(inject, INJECT, "inject=%s:signal=SIGKILL:when=%" PRIu64, name, same);
	return name[0] != '-';
}

static void killed_at_system_calls_containment_holds(void **state)
{
	char path[128], trace[128], again[128], inject[INJECT];
	const char *daemon[16];
	const char *argv[24] = { "strace", "-qq", "-o", trace, "-e", "trace=all" };
	unsigned wanted = points_wanted();
	unsigned hit = 0, i;
	uint64_t total;

	(void)state;
	snprintf(trace, sizeof(trace), "%s/trace", rig.board.dir);
	snprintf(again, sizeof(again), "%s/trace-again", rig.board.dir);
	rig_daemon_argv(&rig, build_path("smmuman", path, sizeof(path)), daemon);
	for (i = 0; daemon[i]; i++)
		argv[6 + i] = daemon[i];
	/* A leak check cannot run under strace. */
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	assert_false(run_until_killed(argv, session));
	total = count_calls(trace);
	argv[3] = again;
	argv[5] = inject;
	for (i = 0; i < wanted; i++) {
		if (!choose_call(trace, total, i, wanted, inject))
			continue;
		hit += run_until_killed(argv, session);
		audit_board(&rig, &granted, false);
		survivors_take_over();
	}
	print_message("# %" PRIu64 " system calls, killed at %u\n", total, hit);
	assert_true(hit > 0);
}

/* --- the client is killed instead --------------------------------------------------- */

static const char script[] =
	"attach\n"
	"buffer a 16384\n"
	"fill a 0x5a\n"
	"grant a 0x100000 rw\n"
	"to-device 0x100000 256\n"
	"from-device 0x101000 256\n"
	"start-from-device 0x102000 256\n"
	"idle\n"
	"revoke 0x100000\n"
	"from-device 0x100000 64\n"
	"faults\n"
	"detach\n"
	"quit\n";

/* One run of the example driver under strace; true when it was killed. */
static bool run_client(const char *trace, const char *inject)
{
	struct process client = { .pid = -1, .pidfd = -1 };
	char path[128], log[128], file[128], command[1024];
	const char *argv[] = { "/bin/sh", "-c", command, NULL };
	FILE *input;
	int status;

	snprintf(log, sizeof(log), "%s/client.log", rig.board.dir);
	snprintf(file, sizeof(file), "%s/script", rig.board.dir);
	input = fopen(file, "we");
	assert_non_null(input);
	fputs(script, input);
	fclose(input);
	snprintf(command, sizeof(command),
		 "exec strace -qq -o %s -e %s %s --socket %s --device %s --interactive <%s", trace,
		 inject, build_path("edu-driver", path, sizeof(path)), rig.socket, DMA0, file);
	process_start(&client, log, argv);
	status = process_wait(&client);
	assert_true(status == 0 || status == 128 + SIGKILL);
	return status != 0;
}

/* Nothing of the dead client is left, and its device is closed and at rest. */
static void door_is_closed(struct smmu *observer)
{
	struct wire_explain_reply reply;
	struct wire_status status;

	do {
		assert_int_equal(smmu_admin_status(observer, &status), 0);
		assert_int_equal(smmu_admin_explain(observer, DMA0, NULL, &reply), 0);
	} while (status.clients > 1 || reply.device.state == WIRE_DEVICE_RELEASING);
	assert_int_equal(reply.device.state, WIRE_DEVICE_CLOSED);
	assert_int_equal(status.grants, 0);
	assert_int_equal(status.domains, 0);
	assert_int_equal(status.memories, 0);
	assert_int_equal(status.pinned_forever_bytes, 0);
	assert_int_equal(status.units_closed, 0);
}

/* The next owner's buffer is its own, whatever the last one was doing. */
static void next_owner_is_untouched(void)
{
	struct driver b;

	driver_open(&b, &rig, 4 * RIG_PAGE);
	driver_grant(&b, RIG_IOVA, 4 * RIG_PAGE, 0, SMMU_READ | SMMU_WRITE);
	driver_attach(&b, DMA0);
	assert_true(driver_holds(&b, 0, 4 * RIG_PAGE, 0));
	driver_close(&b);
}

static void client_killed_at_system_calls_leaves_a_closed_door(void **state)
{
	char trace[128], again[128], inject[INJECT];
	unsigned wanted = points_wanted();
	unsigned hit = 0, i;
	struct smmu *observer;
	uint64_t total;

	(void)state;
	snprintf(trace, sizeof(trace), "%s/trace", rig.board.dir);
	snprintf(again, sizeof(again), "%s/trace-again", rig.board.dir);
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	rig_start_daemon(&rig, "smmuman");
	assert_int_equal(smmu_open(&observer, rig.socket), 0);
	assert_false(run_client(trace, "trace=all"));
	total = count_calls(trace);
	for (i = 0; i < wanted; i++) {
		if (!choose_call(trace, total, i, wanted, inject))
			continue;
		hit += run_client(again, inject);
		door_is_closed(observer);
		next_owner_is_untouched();
		door_is_closed(observer);
	}
	smmu_close(observer);
	print_message("# %" PRIu64 " system calls of a client, killed at %u\n", total, hit);
	assert_true(hit > 0);
}

/* What the sanitizers were told before a test ran the daemon under strace. */
static char sanitizer_options[256];

static int setup_board(void **state)
{
	const char *options = getenv("ASAN_OPTIONS");

	snprintf(sanitizer_options, sizeof(sanitizer_options), "%s", options ? options : "");
	rig_prepare(&rig, *state);
	return 0;
}

static int teardown_board(void **state)
{
	(void)state;
	setenv("ASAN_OPTIONS", sanitizer_options, 1);
	rig_stop(&rig);
	return 0;
}

int main(void)
{
	int failed = 0;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		void *variant = (void *)(uintptr_t)&variants[rows[i].id];
		const struct CMUnitTest tests[] = {
			{ "killed_at_stores_containment_holds", killed_at_stores_containment_holds,
			  setup_board, teardown_board, variant },
			{ "killed_at_system_calls_containment_holds",
			  killed_at_system_calls_containment_holds, setup_board, teardown_board,
			  variant },
			{ "client_killed_at_system_calls_leaves_a_closed_door",
			  client_killed_at_system_calls_leaves_a_closed_door, setup_board,
			  teardown_board, variant },
		};

		if (!variant_can(&variants[rows[i].id]))
			continue;
		share = rows[i].share;
		failed += cmocka_run_group_tests_name(variants[rows[i].id].name, tests, NULL, NULL);
	}
	return failed;
}
