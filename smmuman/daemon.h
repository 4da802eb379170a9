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

#include "books.h"
#include "driver.h"
#include "error.h"
#include "list.h"
#include "machine.h"
#include "policy.h"
#include "topology.h"
#include "wire.h"

struct daemon;
struct conn;
struct pending;

#define RELEASE_DEADLINE_NS UINT64_C(1000000000) /* of a unit's invalidation */
#define SPIN_NS UINT64_C(100000)		 /* before a request is parked */
#define OWNER_MARKS 4u
#define REFUSED_MAX 4u /* refused connections of one uid that are kept to hear why */
#define CONN_PARTS_MAX 4u /* board memory parts one client may borrow */

/* Who owned a device; kept by value, for it outlives the connection. */
struct owner {
	uint32_t client; /* 0: nobody */
	uint32_t domain; /* handle */
	uint32_t uid;
	int32_t pid;
	char rule[WIRE_WORD];
};

struct unit {
	struct drv_unit *drv;
	const struct topology_unit *found;
};

/* Something that waits until units have forgotten what was taken away. */
struct pending {
	struct list node;
	bool is_waiting;
	uint32_t count;
	struct pending_ticket { struct unit *unit; uint64_t ticket; } tickets[TOPOLOGY_UNITS_MAX];
	uint64_t deadline_ns;
	/* status 0, or -EIO when a unit did not answer and was closed. */
	void (*done)(struct daemon *d, struct pending *pending, int status);
};

enum release_step { RELEASE_IDLE, RELEASE_CLOSING, RELEASE_RESET, RELEASE_POLL };

struct device {
	const struct topology_device *found;
	const struct policy_device *policy; /* NULL: not mentioned, never attachable */
	struct unit *unit;		    /* NULL: none covers it */
	uint32_t number;		    /* index in daemon.devices; handle - 1 */
	uint32_t domain;		    /* book index while attached */
	struct conn *conn;		    /* while attached; NULL for static */
	struct owner owner;		    /* the last one, also after it went */
	struct owner_mark { uint64_t sequence; struct owner owner; } marks[OWNER_MARKS];
	uint32_t mark_count;
	struct machine_window windows[TOPOLOGY_BARS];
	bool has_window[TOPOLOGY_BARS];
	uint64_t faults;
	uint64_t storm_start_ns, storm_count;
	bool is_storming; /* over its budget: to be quarantined after the drain */
	uint64_t last_record;	  /* sequence of its newest fault record */
	uint64_t talk_start_ns, talk_count; /* log lines about it in this second */
	char note[160]; /* why it is quarantined */
	/* being brought to rest */
	enum release_step step;
	struct pending release;
	struct list releasing;
	uint64_t step_until_ns, step_next_ns;
};

/* The part of a domain that lives in this process, by book index. */
struct domain {
	struct drv_space *spaces[TOPOLOGY_UNITS_MAX]; /* one a unit, made on demand */
	uint32_t devices;
	struct user *user;   /* NULL: static */
	uint64_t table_bytes; /* as last accounted to the user */
};

/* What one uid has in use; quotas are per uid. */
struct user {
	struct list node;
	uint32_t uid, connections, refused, domains, memories, grants, devices;
	uint64_t memory_bytes, table_bytes;
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
	uint32_t parked_object; /* the domain or device the wait is about */
	uint8_t parked_reply[sizeof(struct wire_attach_reply)];
	uint32_t parked_reply_size;
	uint32_t lent[CONN_PARTS_MAX], lent_count;
	void *poll;		/* server.c's own */
};

struct counters {
	uint64_t requests, refusals, malformed, pinned_forever;
};

struct daemon {
	const struct policy *policy;
	struct machine *machine;
	struct pages pages;
	struct books books;
	struct topology topology;
	struct unit units[TOPOLOGY_UNITS_MAX];
	uint32_t unit_count;
	struct device devices[TOPOLOGY_DEVICES_MAX];
	uint32_t device_count;
	struct domain *domains; /* book.domain_max of them */
	struct list conns, users, pendings, releasing;
	uint32_t conn_count, next_client_id;
	uint32_t silent_count; /* connections that have not said hello yet */
	struct counters counters;
	uint64_t started_real_ns;
	struct fault_log *faults;
	uint16_t stream_hash[2 * TOPOLOGY_DEVICES_MAX * TOPOLOGY_STREAMS]; /* device number + 1, by (unit, stream) */
	/* server.c: a parked request has its answer; a connection must end. */
	void (*answer)(struct conn *conn, int status);
	void (*drop)(struct conn *conn);
	void *server; /* server.c's own */
};

uint64_t clock_boot_ns(void);
uint64_t clock_real_ns(void);

/* daemon.c ---------------------------------------------------------------- */

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

/* pending.c ---------------------------------------------------------------- */

/* Begins a wait; add tickets, then pending_wait(). */
void pending_begin(struct pending *pending,
		   void (*done)(struct daemon *, struct pending *, int status));
void pending_submit(struct pending *pending, struct unit *unit, struct drv_gather *gather);
/*
 * Calls done at once when everything completes within SPIN_NS; else later from
 * daemon_tick(). done may free what holds the pending.
 */
void pending_wait(struct daemon *d, struct pending *pending);
bool pendings_tick(struct daemon *d);

/* device.c ----------------------------------------------------------------- */

void devices_init(struct daemon *d);
struct device *device_by_stream(struct daemon *d, const struct unit *unit, uint32_t stream);
struct device *device_by_name(struct daemon *d, const char *text, struct error *err);
/* What the policy says of a device by its name or its alias; NULL: nothing. */
const struct policy_device *device_policy(const struct daemon *d,
					  const struct topology_device *found);
uint32_t device_state(const struct daemon *d, const struct device *device);
void device_set_state(struct daemon *d, struct device *device, uint32_t state);
/* Every stream of the device: all bound, or all denied and the error. */
int device_bind_streams(struct device *device, struct drv_space *space,
			struct drv_gather *gather, struct error *err);
/* Every stream to DRV_DENY or DRV_SILENT: cannot fail. */
void device_shut_streams(struct device *device, enum drv_stream_state state,
			 struct drv_gather *gather);
/* The stream's events from now on belong to owner. */
void device_mark_owner(struct device *device, const struct owner *owner);
const struct owner *device_owner_at(const struct device *device, uint64_t sequence);
/* device_attach.c: -EBUSY with the holder, -EACCES with the rule, ... */
int device_attach(struct daemon *d, struct device *device, struct conn *conn, uint32_t domain,
		  struct drv_gather *gather, struct error *err);
/* Bound to DENY in hardware and unlinked; gathers what must complete. */
void device_unbind(struct daemon *d, struct device *device, struct drv_gather *gather);

/* release.c ---------------------------------------------------------------- */

/* Begins to bring a closed device to rest (C9); the caller has unbound it. */
void release_begin(struct daemon *d, struct device *device, struct drv_gather *gather);
void device_quarantine(struct daemon *d, struct device *device, const char *why);
bool releases_tick(struct daemon *d);
void device_close_windows(struct daemon *d, struct device *device);
int device_open_window(struct daemon *d, struct device *device, uint32_t bar, struct error *err);

/* domain.c ------------------------------------------------------------------ */

int domain_create(struct daemon *d, struct conn *conn, uint32_t *ret_domain, struct error *err);
/* The client's domain of that handle: -ENOENT when it is not its own. */
int domain_of_client(const struct daemon *d, const struct conn *conn, uint32_t handle,
		     uint32_t *ret_domain, struct error *err);
/* The domain's space on the unit, made and filled with its grants if need be. */
int domain_space(struct daemon *d, uint32_t domain, struct unit *unit,
		 uint64_t table_page_limit, struct drv_space **ret_space, struct error *err);
/* No device is bound to it any more: its units are told to forget all of it. */
void domain_revoke_all(struct daemon *d, uint32_t domain, struct pending *pending);
/* After completion: grants, spaces and the domain itself. Returns how many grants. */
uint32_t domain_free(struct daemon *d, uint32_t domain, int status);
uint64_t domain_table_bytes(const struct daemon *d, uint32_t domain);
/* Brings the user's table bytes up to date after the domain's tables changed. */
void domain_account(struct daemon *d, uint32_t domain);

/* mapping.c ------------------------------------------------------------------ */

/* One grant into a domain; on error nothing changed. client 0: static. */
int grant_make(struct daemon *d, uint32_t domain, uint32_t memory, uint64_t iova,
	       uint64_t length, uint64_t offset, unsigned rights, uint32_t *ret_grant,
	       struct error *err);
/* Out of the index, remembered; the record stays REVOKING until grant_free(). */
void grant_forget(struct daemon *d, uint32_t grant);
void grant_free(struct daemon *d, uint32_t grant, int status);
int mapping_map(struct daemon *d, struct conn *conn, const struct wire_batch *batch,
		const struct wire_map *entries, struct error *err);
int mapping_unmap(struct daemon *d, struct conn *conn, const struct wire_batch *batch,
		  const struct wire_range *entries, struct error *err);

/* memory.c ------------------------------------------------------------------- */

int memory_add(struct daemon *d, struct conn *conn, int fd, const struct wire_memory *ask,
	       uint32_t *ret_memory, struct error *err);
int memory_add_region(struct daemon *d, struct conn *conn, const struct policy_region *region,
		      uint32_t *ret_memory, struct error *err);
int memory_remove(struct daemon *d, struct conn *conn, uint32_t memory, struct error *err);
int memory_lend(struct daemon *d, struct conn *conn, uint64_t size, int *ret_fd,
		uint64_t *ret_size, struct error *err);
/* Everything the client registered, once no device can reach it any more. */
void memory_release_client(struct daemon *d, struct conn *conn, int status);

/* faults.c ------------------------------------------------------------------- */

int faults_init(struct daemon *d);
void faults_fini(struct daemon *d);
/* At most budget records of every unit; true while more wait. */
bool faults_drain(struct daemon *d, unsigned budget);
/* What a unit recorded while no daemon ran; once, before its take-over. */
void faults_salvage(struct daemon *d, struct unit *unit);
/* Records after a cursor, of one client or (0) of everybody. */
uint32_t faults_read(struct daemon *d, uint64_t after, uint32_t client, uint32_t max,
		     struct wire_fault *ret_records, uint64_t *ret_next, uint64_t *ret_lost);
void faults_totals(const struct daemon *d, uint64_t *ret_faults, uint64_t *ret_records,
		   uint64_t *ret_losses);
/* fault_note.c: which grant the access just missed, in a sentence. */
void fault_note(struct daemon *d, const struct device *device, const struct owner *owner,
		uint64_t address, unsigned access, char *text, size_t size);

/* client.c ------------------------------------------------------------------- */

/* A connection's life. identity fields are set by server.c from the kernel. */
int client_begin(struct daemon *d, struct conn *conn);
/* Closes its devices, takes its grants away; *conn is freed by the drop callback. */
void client_end(struct daemon *d, struct conn *conn);
struct user *user_get(struct daemon *d, uint32_t uid);
void user_put(struct daemon *d, struct user *user);

/* dispatch.c ------------------------------------------------------------------ */

/* A reply being made; the packet is answer.bytes[0 .. length). */
struct answer {
	uint32_t length;
	uint32_t fd_count;
	int fds[WIRE_FDS_MAX];
	bool close_fds; /* after sending */
	bool is_parked; /* no reply yet: server.c waits for daemon.answer() */
	bool must_drop; /* after the reply the connection ends */
	_Alignas(8) uint8_t bytes[WIRE_MAX];
};

/* Handles one packet. Takes the descriptors in fds: closes what is not kept. */
void dispatch(struct daemon *d, struct conn *conn, void *packet, size_t length, int *fds,
	      unsigned fd_count, struct answer *answer);
/* The reply to a packet whose descriptors could not be taken: we have too many open. */
void dispatch_cut(struct conn *conn, const void *packet, size_t length, struct answer *answer);
/* The reply to the request that was parked. */
void dispatch_parked(struct conn *conn, int status, struct answer *answer);

#endif
