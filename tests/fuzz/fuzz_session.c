// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two clients in any order say anything to the daemon, whose unit stands still,
 * errs and goes on as the input wants. After each input: the books agree with
 * themselves and with the tables, and when both clients are gone nothing is left.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "log.h"
#include "machine_fake.h"
#include "session_check.h"
#include "session_input.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA_BYTES (UINT64_C(16) << 20)
#define CLIENTS 2u
#define FILES 3u

static const char policy_text[] =
	"version: 1\n"
	"devices:\n"
	"  - {name: dma0, match: \"pci:0000:00:02.0\", quiesce: {poll: {bar: 0, offset: 0x98, mask: 0x1, value: 0x0}}}\n"
	"  - {name: dma1, match: \"pci:0000:00:03.0\", quiesce: {poll: {bar: 0, offset: 0x98, mask: 0x1, value: 0x0}},\n"
	"     storm: {budget: 20, per: 1s, then: quarantine}}\n"
	"  - {name: b0, match: \"pci:0000:01:01.0\", quiesce: {poll: {bar: 0, offset: 0x98, mask: 0x1, value: 0x0}}}\n"
	"  - {name: b1, match: \"pci:0000:01:02.0\", quiesce: {poll: {bar: 0, offset: 0x98, mask: 0x1, value: 0x0}}}\n"
	"regions:\n"
	"  - {name: sram, address: 0x2000000, size: 64KiB, rights: r}\n"
	"clients:\n"
	"  - {name: tester, uid: 4711, rights: [attach, admin], attach: [dma0, dma1, b0, b1],\n"
	"     regions: [sram],\n"
	"     limits: {domains: 6, memories: 6, grants: 40, memory: 1MiB, tables: 128KiB}}\n";

static struct hw_fake unit;
static struct machine *machine;
static struct policy *policy;
static struct daemon *d;
static struct conn *conns[CLIENTS];
static struct answer answer;
static int files[FILES];
static uint64_t free_pages;

/* --- the server's part -------------------------------------------------------------------- */

static void drop(struct conn *conn)
{
	uint32_t i;

	for (i = 0; i < CLIENTS; i++)
		if (conns[i] == conn)
			conns[i] = NULL;
	if (conn->fault_fd >= 0)
		close(conn->fault_fd);
	free(conn);
}

static uint32_t first_word(const uint8_t *bytes)
{
	uint32_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

static void take_answer(const struct conn *conn)
{
	const struct wire_message *message = wire_find(conn->parked.id);
	struct error err = { 0 };
	struct wire_head head;
	uint32_t i;

	memcpy(&head, answer.bytes, sizeof(head));
	require(answer.length == head.length && head.cookie == conn->parked.cookie);
	if (message)
		require(wire_check_reply(answer.bytes, answer.length, message, head.cookie, &err) == 0);
	else
		require(head.status == -EPROTONOSUPPORT || head.status == -EBADMSG ||
			head.status == -EPROTO);
	for (i = 0; answer.close_fds && i < answer.fd_count; i++)
		close(answer.fds[i]);
	if (head.status == 0 && (head.id == (WIRE_DOMAIN_CREATE | WIRE_REPLY) ||
				 head.id == (WIRE_MEMORY_ADD | WIRE_REPLY) ||
				 head.id == (WIRE_REGION_OPEN | WIRE_REPLY) ||
				 head.id == (WIRE_ATTACH | WIRE_REPLY)))
		input_keep_handle(first_word(wire_body(answer.bytes)));
}

static void on_answer(struct conn *conn, int status)
{
	if (conn->is_gone) {
		conn_end(d, conn);
		return;
	}
	dispatch_parked(conn, status, &answer);
	take_answer(conn);
}

static struct conn *client(uint32_t i)
{
	struct conn *conn = conns[i];

	if (conn)
		return conn;
	conn = calloc(1, sizeof(*conn));
	require(conn != NULL);
	conn->uid = conn->gid = 4711;
	conn->pidfd = conn->fault_fd = -1;
	conns[i] = conn;
	require(conn_begin(d, conn) == 0);
	return conn;
}

static void say(struct conn *conn, void *packet, size_t length, bool with_fd, uint8_t which)
{
	int fd = -1;

	if (conn->is_gone || conn->pending.is_waiting || length == 0)
		return;
	if (with_fd)
		fd = fcntl(files[which % FILES], F_DUPFD_CLOEXEC, 0);
	dispatch(d, conn, packet, length, &fd, with_fd, &answer);
	/* What was answered already has been looked at. */
	if (!answer.is_parked)
		take_answer(conn);
}

/* --- the steps ------------------------------------------------------------------------------- */

static void say_message(struct conn *conn)
{
	static _Alignas(8) uint8_t packet[WIRE_MAX];
	const struct wire_message *message = &wire_messages[input_next() % wire_message_count];
	uint8_t how = input_next();
	struct wire_head head = { .id = message->id, .cookie = how };
	uint8_t *body = wire_body(packet);
	uint32_t size = message->request_size;

	memset(packet, 0, sizeof(head) + size);
	if (how & 0x80)
		input_fill(body, size);
	else
		size = input_body(message, body);
	head.length = (uint32_t)sizeof(head) + size;
	memcpy(packet, &head, sizeof(head));
	say(conn, packet, head.length, message->fds, how);
}

static void say_anything(struct conn *conn)
{
	_Alignas(8) uint8_t packet[255];
	uint8_t length = input_next();

	input_fill(packet, length);
	say(conn, packet, length, length & 1, length >> 1);
}

static void make_event(void)
{
	uint64_t words[4] = { 0x10 | (uint64_t)(input_next() % 4 + 1) << 35, 0, input_iova(), 0 };

	if (input_next() == 0)
		input_fill(words, sizeof(words));
	hw_fake_event(&unit, words);
}

static void step(void)
{
	uint8_t what = input_next();
	uint32_t i = what & 1;

	switch (what >> 1 & 15) {
	case 8:
		say_anything(client(i));
		break;
	case 9:
		daemon_tick(d);
		break;
	case 10:
		unit.clock_ns += UINT64_C(1) << (input_next() & 31);
		break;
	case 11:
		unit.is_stopped = !unit.is_stopped;
		break;
	case 12:
		hw_fake_consume(&unit, input_next() % 4);
		break;
	case 13:
		make_event();
		break;
	case 14:
		if (conns[i] && !conns[i]->is_gone)
			conn_end(d, conns[i]);
		break;
	case 15:
		unit.error_at = unit.commands + 1;
		unit.error_code = input_next() % 4;
		break;
	default:
		say_message(client(i));
	}
}

/* --- the daemon ------------------------------------------------------------------------------ */

static void settle(void)
{
	unsigned turns;

	unit.is_stopped = false;
	unit.error_at = 0;
	hw_fake_consume(&unit, UINT64_MAX);
	for (turns = 0; daemon_tick(d); turns++) {
		require(turns < 10000);
		unit.clock_ns += 5000000;
	}
	daemon_tick(d);
}

static void start_daemon(void)
{
	struct error err = { 0 };

	d = calloc(1, sizeof(*d));
	require(d != NULL);
	daemon_init(d, machine, policy);
	d->answer = on_answer;
	d->drop = drop;
	require(daemon_start(d, &err) == 0);
	settle();
	free_pages = pages_free_count(&d->pages[0]);
}

static void restart_daemon(void)
{
	daemon_close(d);
	daemon_forget(d);
	free(d);
	memset(unit.memory, 0, unit.bytes);
	start_daemon();
}

static void make_files(void)
{
	static const uint8_t pages[16 * 4096];
	int ends[2];

	files[0] = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	files[1] = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	require(write(files[0], pages, sizeof(pages)) == sizeof(pages));
	require(write(files[1], pages, sizeof(pages)) == sizeof(pages));
	require(fcntl(files[0], F_ADD_SEALS, F_SEAL_SHRINK) == 0);
	require(pipe2(ends, O_CLOEXEC) == 0);
	files[2] = ends[0];
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct machine_fake_options options = { .unit = &unit, .has_fake_clock = true,
						      .edu_count = 3, .bridged_count = 2,
						      .run_pages = 3 };
	static struct policy_report report;

	(void)argc;
	(void)argv;
	log_setup("fuzz", (enum log_level)0, false);
	require(hw_fake_init(&unit, ARENA_BYTES) == 0);
	require(machine_fake_open(&options, &machine) == 0);
	require(policy_parse("fuzz.yaml", policy_text, strlen(policy_text), &policy, &report) == 0);
	make_files();
	/* Windows are made when first looked at; that is no leak. */
	machine_fake_window_fd(machine, MACHINE_FAKE_BARS);
	machine_fake_window_fd(machine, MACHINE_FAKE_BARS + (1 << 20));
	machine_fake_window_fd(machine, MACHINE_FAKE_BARS + (MACHINE_FAKE_BRIDGED << 20));
	machine_fake_window_fd(machine, MACHINE_FAKE_BARS + ((MACHINE_FAKE_BRIDGED + 1) << 20));
	start_daemon();
	return 0;
}

/* Descriptors are numbered from below: the same one is free after as before. */
static int free_descriptor(void)
{
	int fd = dup(files[0]);

	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int descriptor = free_descriptor();
	uint32_t i;

	input_begin(data, size);
	while (input_is_left())
		step();
	settle();
	session_check_books(d);
	session_check_reach(d, &unit);
	for (i = 0; i < CLIENTS; i++)
		if (conns[i] && !conns[i]->is_gone)
			conn_end(d, conns[i]);
	settle();
	require(!conns[0] && !conns[1]);
	session_check_empty(d);
	require(free_descriptor() == descriptor);
	if (session_is_fresh(d))
		require(pages_free_count(&d->pages[0]) == free_pages);
	else
		restart_daemon();
	return 0;
}
