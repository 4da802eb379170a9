/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's state in this process, and what its files offer each other. The
 * truth about clients, memories, domains and grants is in the books; here is
 * what dies with the process: sockets, windows, waits, counters.
 *
 * One thread, one loop, no locks. Nothing below blocks, except where it says so.
 */
#ifndef SMMUMAN_SMMUMAN_DAEMON_H
#define SMMUMAN_SMMUMAN_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "board.h"
#include "books.h"
#include "driver.h"
#include "error.h"
#include "list.h"
#include "machine.h"
#include "policy.h"
#include "state.h"
#include "topology.h"
#include "wire.h"

#define REFUSED_MAX 4u /* refused connections of one uid that are kept to hear why */
#define CONN_PARTS_MAX 4u /* board memory parts one client may borrow */
#define ORPHAN_PARTS_MAX BOARD_PARTS_MAX

/* What one uid has in use; quotas are per uid. */
struct user {
	struct list node;
	uint32_t uid, connections, refused, domains, memories, grants, devices;
	uint64_t memory_bytes, table_bytes;
};

/* A part of the machine's memory and the file it is. */
struct lent_part {
	dev_t device;
	ino_t inode;
	uint32_t part;
};

/* One connected client. */
struct conn {
	struct list node;
	struct daemon *d;
	struct user *user;
	const struct policy_client *rule; /* NULL: refused, hears why at HELLO */
	struct error refusal;
	struct owner self;
	uint32_t book; /* BOOK_NONE until HELLO */
	uint32_t uid, gid;
	int32_t pid;
	char exe[160];
	bool said_hello, is_gone;
	uint32_t domains, memories, grants, devices;
	uint64_t memory_bytes, requests;
	uint64_t accepted_ns, malformed_since_ns;
	uint32_t malformed;
	int fd, pidfd, fault_fd; /* fault_fd: our end of the notices, -1: none */
	/* the request that waits for a unit */
	struct pending pending;
	struct wire_head parked;
	struct error outcome;
	uint32_t batch[WIRE_BATCH_MAX];
	uint32_t batch_count;
	uint32_t partial; /* memory of a grant that only some units took, or BOOK_NONE */
	uint32_t parked_object; /* the domain or device the wait is about */
	uint8_t parked_reply[sizeof(struct wire_attach_reply)];
	uint32_t parked_reply_size;
	struct lent_part lent[CONN_PARTS_MAX];
	uint32_t lent_count;
	void *poll;		/* server.c's own */
};

struct counters {
	uint64_t requests, refusals, malformed, pinned_forever;
};

struct daemon {
	const struct policy *policy;
	struct machine *machine;
	const char *modules; /* the directory of smmu-NAME.so */
	struct pages pages[MACHINE_PARTS_MAX]; /* a part of the machine each; books: in the first */
	struct books books;
	struct topology topology;
	struct unit units[TOPOLOGY_UNITS_MAX];
	uint32_t unit_count;
	struct device devices[TOPOLOGY_DEVICES_MAX];
	uint32_t device_count;
	struct domain *domains; /* book.domain_max of them */
	struct list conns, users, pendings, releasing;
	struct lent_part orphans[ORPHAN_PARTS_MAX]; /* borrower gone, still registered */
	uint32_t orphan_count;
	uint32_t conn_count, next_client_id;
	uint32_t silent_count; /* connections that have not said hello yet */
	struct counters counters;
	uint64_t started_real_ns;
	struct fault_log *faults;
	/* device number + 1, by (unit, stream) */
	uint16_t stream_hash[2 * TOPOLOGY_DEVICES_MAX * TOPOLOGY_STREAMS];
	/* server.c: a parked request has its answer; a connection must end. */
	void (*answer)(struct conn *conn, int status);
	void (*drop)(struct conn *conn);
	void *server; /* server.c's own */
};

uint64_t clock_boot_ns(void);
uint64_t clock_real_ns(void);


/* Before anything else: *d is zeroed by the caller. */
void daemon_init(struct daemon *d, struct machine *machine, const struct policy *policy);

/*
 * Takes the machine over: closes every unit, lays out the books, programs the
 * units, brings every device to rest. Blocks for the bounded time registers need.
 * On error whatever was touched is closed.
 */
int daemon_start(struct daemon *d, struct error *err);

/* Everything aborts: the end by SIGTERM. */
void daemon_close(struct daemon *d);

/* Frees without touching the hardware: what a killed daemon leaves behind. */
void daemon_forget(struct daemon *d);

/* The periodic work: waits, faults, devices being released. true: call again soon. */
bool daemon_tick(struct daemon *d);

/* The unit that owns this drv_unit; its domain-space index. */
uint32_t unit_number(const struct daemon *d, const struct unit *unit);

#endif
