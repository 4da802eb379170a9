/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The protocol between libsmmu and smmuman, defined once. Unix SOCK_SEQPACKET,
 * one message a packet, strictly one request then one reply; little-endian,
 * fixed width, every pad named and zero, every length exact.
 *
 * A request is a wire_head, the row's request struct and, for batches, count
 * entries. A reply has the same head with WIRE_REPLY set in id and the same
 * cookie; status 0 brings the row's reply struct (and entries), a negative
 * errno brings a struct wire_error and nothing else. A failed request changed
 * nothing.
 */
#ifndef SMMUMAN_LIBSMMU_WIRE_H
#define SMMUMAN_LIBSMMU_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define WIRE_VERSION 2u
#define WIRE_REPLY 0x8000u
#define WIRE_MAX 65536u	    /* bytes of a message */
#define WIRE_BATCH_MAX 256u /* grants of a batch */
#define WIRE_FDS_MAX 6u	    /* descriptors of a reply (BARs); requests carry at most 1 */
#define WIRE_NAME 96u	    /* a device name, NUL included */
#define WIRE_WORD 48u	    /* a rule, region or client name */
#define WIRE_SOCKET "/run/smmuman/smmuman.sock"
#define WIRE_SOCKET_ENV "SMMU_SOCKET"

struct wire_head {
	uint16_t id;
	uint16_t zero;
	uint32_t length; /* of the whole message */
	uint32_t cookie; /* the client's; comes back */
	int32_t status;	 /* requests: 0 */
};

struct wire_error {
	char text[ERROR_TEXT_MAX];
};

struct wire_none {
	uint64_t zero;
};

struct wire_hello {
	uint32_t version;
	uint32_t zero;
	uint64_t features; /* none yet: 0 */
};

struct wire_hello_reply {
	uint32_t version;
	uint32_t client; /* id shown by smmuctl */
	uint64_t features;
	uint32_t batch_max;
	uint32_t page_bytes;
	uint32_t rights; /* POLICY_RIGHT_* bits of the rule that matched */
	uint32_t round_compat;
	char program[WIRE_WORD]; /* "smmuman 0.1" */
	char rule[WIRE_WORD];	 /* the policy's name for this client */
};

struct wire_flags {
	uint32_t flags; /* none yet: 0 */
	uint32_t zero;
};

struct wire_handle {
	uint32_t handle;
	uint32_t zero;
};

struct wire_attach {
	uint32_t domain;
	uint32_t flags; /* none yet: 0 */
	char name[WIRE_NAME];
};

struct wire_attach_reply {
	uint32_t device;
	uint32_t input_bits; /* IOVAs of this device are below 1 << input_bits */
	uint32_t write_only; /* a grant without read can be enforced here */
	uint32_t zero;
	char name[WIRE_NAME]; /* canonical */
};

struct wire_name {
	char name[WIRE_NAME];
};

enum wire_bar_kind {
	WIRE_BAR_MAP = 1,    /* mmap the descriptor */
	WIRE_BAR_WINDOW = 2, /* a board window: board.h requests on the descriptor */
};

struct wire_bars {
	uint32_t count; /* descriptors that come with the reply, in this order */
	uint32_t kind;	/* enum wire_bar_kind */
	struct wire_bar {
		uint32_t index;
		uint32_t zero;
		uint64_t size;
	} bars[WIRE_FDS_MAX];
};

struct wire_config {
	uint32_t device;
	uint32_t offset; /* multiple of size, below 4096 */
	uint32_t size;	 /* 1, 2, 4 */
	uint32_t value;	 /* read: 0 */
};

struct wire_value {
	uint64_t value;
};

struct wire_memory {
	uint64_t offset, length; /* of the descriptor that comes along */
	uint32_t rights;	 /* the most any grant of it may have */
	uint32_t zero;
};

struct wire_size {
	uint64_t size;
};

struct wire_region_open {
	char name[WIRE_WORD];
};

struct wire_region_reply {
	uint32_t memory;
	uint32_t rights;
	uint64_t address, length;
};

struct wire_batch {
	uint32_t domain;
	uint32_t count;
};

struct wire_map {
	uint32_t memory;
	uint32_t rights;
	uint64_t iova, length, offset;
};

struct wire_range {
	uint64_t iova, length;
};

struct wire_fault_read {
	uint64_t after; /* records with a greater sequence */
	uint32_t max;
	uint32_t zero;
};

struct wire_list {
	uint64_t next; /* the cursor for the next page; 0: this was the last */
	uint64_t lost; /* faults: how many records this reader can no longer get */
	uint32_t count;
	uint32_t zero;
};

struct wire_cursor {
	uint64_t cursor; /* 0 to begin, then what the last reply gave as next */
};

enum wire_fault_flags {
	WIRE_FAULT_STREAM = 1u << 0,
	WIRE_FAULT_SUBSTREAM = 1u << 1,
	WIRE_FAULT_ADDRESS = 1u << 2,
	WIRE_FAULT_LOSS = 1u << 3, /* not a fault: hardware dropped records here */
};

/* One refused access; neighbours of one kind are one record with a count. */
struct wire_fault {
	uint64_t sequence; /* of the daemon's log, from 1 */
	uint64_t boot_ns, real_ns; /* CLOCK_BOOTTIME, CLOCK_REALTIME of the first */
	uint64_t address, last_address;
	uint64_t count; /* accesses this record stands for */
	uint64_t words[4];
	uint32_t stream, substream;
	uint32_t client, domain; /* 0: nobody owned the device then */
	uint32_t uid;
	int32_t pid;
	uint16_t code;
	uint8_t kind, access, flags;
	uint8_t zero[3];
	char unit[32];
	char device[WIRE_NAME];
	char owner[WIRE_WORD]; /* rule name of the client */
	char event[32];
	char reason[96];
	char note[192]; /* the grant it just missed, or the one that had covered it */
};

/* Answered in rising order; the list's next is how many follow. */
struct wire_reserved_ask {
	uint32_t offset;
	uint32_t max;
	char name[WIRE_NAME];
};

struct wire_reserved {
	uint64_t start, length;
};

struct wire_status {
	char program[WIRE_WORD];
	char policy[160]; /* file */
	char board[64];	  /* back end in words */
	uint64_t started_real_ns, now_real_ns;
	uint64_t faults, fault_records, fault_losses;
	uint64_t requests, refusals, malformed;
	uint64_t pinned_forever_bytes; /* release not confirmed by hardware */
	uint64_t table_bytes, arena_free_bytes;
	uint64_t log_lost;
	uint32_t units, units_closed, devices, devices_quarantined, clients, domains, memories,
		grants;
	uint32_t devices_host;	    /* open for the host kernel */
	uint32_t devices_uncovered; /* no unit stands in front of them */
	uint32_t devices_unsafe;    /* have an owner, and interrupt messages nobody checks */
	uint32_t zero;
};

struct wire_unit {
	char name[32], module[16], words[160];
	uint64_t base;
	uint64_t commands, syncs, events, unknown_events, event_losses, command_errors,
		global_errors, table_pages;
	uint32_t streams;
	uint32_t is_closed;
	uint32_t unsafe_interrupts; /* interrupt messages of its devices pass unchecked */
	uint32_t zero;
};

/* The life of a device between owners; words by wire_device_state_name(). */
enum wire_device_state {
	WIRE_DEVICE_CLOSED,	 /* free to attach */
	WIRE_DEVICE_ATTACHED,	 /* bound to a domain */
	WIRE_DEVICE_RELEASING,	 /* closed, being brought to rest */
	WIRE_DEVICE_QUARANTINED, /* closed, nobody may have it until released */
	WIRE_DEVICE_HOST,	 /* open for the host kernel: red */
	WIRE_DEVICE_UNUSABLE,	 /* closed, cannot be told apart or has no unit */
	WIRE_DEVICE_STATIC,	 /* bound to its static: grants */
};

/* May the device write interrupt messages that its unit does not check? */
enum wire_unsafe {
	WIRE_UNSAFE_CHECKED, /* no: they pass the tables like all else */
	WIRE_UNSAFE_REFUSED, /* it could, so nobody may attach it */
	WIRE_UNSAFE_ALLOWED, /* the policy says unsafe_interrupts: allow: red */
};

struct wire_device {
	char name[WIRE_NAME];
	char alias[WIRE_NAME]; /* a platform device by its registers, else "" */
	char policy[WIRE_WORD]; /* the policy's word, "" when it does not mention it */
	char unit[32];
	char owner[WIRE_WORD];
	char note[160]; /* why it is quarantined or unusable */
	uint64_t faults;
	uint32_t stream, state, client, domain;
	uint32_t vendor, product;
	uint32_t unsafe_interrupts; /* enum wire_unsafe */
	uint32_t is_uncovered;	    /* no unit stands in front of it: red */
	uint32_t group_size;	    /* devices that cannot be told apart from it, itself included */
	uint32_t zero;
	char group[WIRE_NAME];	    /* the first of them; faults of all are told under its name */
};

/* Addresses that no grant can be made at, and why. */
enum wire_reserved_kind {
	WIRE_RESERVED_UNUSABLE,	 /* never reach memory by the tables */
	WIRE_RESERVED_INTERRUPT, /* writes there are interrupt messages */
	WIRE_RESERVED_FIRMWARE,	 /* firmware has the device use memory there */
};

struct wire_client {
	char rule[WIRE_WORD];
	char exe[160];
	uint64_t connected_real_ns, requests, memory_bytes, table_bytes;
	uint32_t client, uid, gid;
	int32_t pid;
	uint32_t devices, domains, memories, grants;
};

struct wire_domain {
	uint32_t domain, client, devices, grants; /* client 0: a static domain */
	uint64_t bytes;
	char owner[WIRE_WORD];
};

struct wire_grant {
	uint32_t domain, client, memory, rights;
	uint64_t iova, length, offset, pa; /* pa: of the first byte */
	uint64_t since_real_ns;
};

struct wire_explain {
	char name[WIRE_NAME];
	uint64_t iova;
	uint32_t has_iova;
	uint32_t zero;
};

#define WIRE_WALK_MAX 5u
#define WIRE_EXPLAIN_RESERVED_MAX 32u
struct wire_explain_reply {
	struct wire_device device;
	char stream_entry[256]; /* how the unit treats the stream, in words */
	char rule[200];		/* which policy line lets whom attach it */
	char grant[200];	/* the grant that covers iova, or the nearest */
	char past[200];		/* the last grant that covered it, "" if none */
	char verdict[200];	/* what would happen to an access there, and why */
	char advice[200];	/* what to do */
	uint32_t step_count;
	uint32_t is_mapped;
	uint64_t pa;
	uint32_t rights;
	uint32_t zero;
	struct wire_step {
		uint64_t table_pa, index, entry;
		uint32_t level;
		uint32_t is_valid;
	} steps[WIRE_WALK_MAX];
	uint32_t reserved_count;
	uint32_t zero2;
	struct wire_explain_reserved {
		uint64_t start, length;
		uint32_t kind;	   /* enum wire_reserved_kind */
		uint32_t of_group; /* it is another's, who cannot be told apart from it */
	} reserved[WIRE_EXPLAIN_RESERVED_MAX];
};

/* Who may send a message: the connection's rule must have this right. */
enum wire_right { WIRE_ANYBODY, WIRE_CLIENT, WIRE_OBSERVER, WIRE_ADMIN };

/*
 * Every message: id, NAME, name, request, request entry, reply, reply entry,
 * descriptors in the request, right. struct wire_none as an entry: no entries.
 */
#define WIRE_MESSAGES(X) \
	X(1, HELLO, hello, wire_hello, wire_none, wire_hello_reply, wire_none, 0, ANYBODY) \
	X(2, DOMAIN_CREATE, domain_create, wire_flags, wire_none, wire_handle, wire_none, 0, CLIENT) \
	X(3, DOMAIN_DESTROY, domain_destroy, wire_handle, wire_none, wire_none, wire_none, 0, CLIENT) \
	X(4, ATTACH, attach, wire_attach, wire_none, wire_attach_reply, wire_none, 0, CLIENT) \
	X(5, DETACH, detach, wire_handle, wire_none, wire_none, wire_none, 0, CLIENT) \
	X(6, DEVICE_OPEN, device_open, wire_handle, wire_none, wire_bars, wire_none, 0, CLIENT) \
	X(7, CONFIG_READ, config_read, wire_config, wire_none, wire_value, wire_none, 0, CLIENT) \
	X(8, CONFIG_WRITE, config_write, wire_config, wire_none, wire_none, wire_none, 0, CLIENT) \
	X(9, MEMORY_ADD, memory_add, wire_memory, wire_none, wire_handle, wire_none, 1, CLIENT) \
	X(10, MEMORY_REMOVE, memory_remove, wire_handle, wire_none, wire_none, wire_none, 0, CLIENT) \
	X(11, MEMORY_LEND, memory_lend, wire_size, wire_none, wire_size, wire_none, 0, CLIENT) \
	X(12, REGION_OPEN, region_open, wire_region_open, wire_none, wire_region_reply, wire_none, \
	  0, CLIENT) \
	X(13, MAP, map, wire_batch, wire_map, wire_none, wire_none, 0, CLIENT) \
	X(14, UNMAP, unmap, wire_batch, wire_range, wire_none, wire_none, 0, CLIENT) \
	X(15, FAULT_SUBSCRIBE, fault_subscribe, wire_none, wire_none, wire_none, wire_none, 0, CLIENT) \
	X(16, FAULT_READ, fault_read, wire_fault_read, wire_none, wire_list, wire_fault, 0, CLIENT) \
	X(17, RESERVED, reserved, wire_reserved_ask, wire_none, wire_list, wire_reserved, 0, CLIENT) \
	X(32, STATUS, status, wire_none, wire_none, wire_status, wire_none, 0, OBSERVER) \
	X(33, LIST_UNITS, list_units, wire_cursor, wire_none, wire_list, wire_unit, 0, OBSERVER) \
	X(34, LIST_DEVICES, list_devices, wire_cursor, wire_none, wire_list, wire_device, 0, OBSERVER) \
	X(35, LIST_CLIENTS, list_clients, wire_cursor, wire_none, wire_list, wire_client, 0, OBSERVER) \
	X(36, LIST_DOMAINS, list_domains, wire_cursor, wire_none, wire_list, wire_domain, 0, OBSERVER) \
	X(37, LIST_GRANTS, list_grants, wire_cursor, wire_none, wire_list, wire_grant, 0, OBSERVER) \
	X(38, LIST_FAULTS, list_faults, wire_fault_read, wire_none, wire_list, wire_fault, 0, OBSERVER) \
	X(39, EXPLAIN, explain, wire_explain, wire_none, wire_explain_reply, wire_none, 0, OBSERVER) \
	X(40, RELEASE, release, wire_name, wire_none, wire_none, wire_none, 0, ADMIN)

enum wire_id {
#define WIRE_ID(id, NAME, ...) WIRE_##NAME = id,
	WIRE_MESSAGES(WIRE_ID)
#undef WIRE_ID
};

/* What a row says, for dispatch, checks, names and tests. */
struct wire_message {
	uint16_t id;
	const char *name;
	uint32_t request_size, request_entry_size; /* entry 0: none */
	uint32_t reply_size, reply_entry_size;
	uint32_t fds;
	enum wire_right right;
};

/* Every row, in the order above; NULL for an id nobody defined. */
extern const struct wire_message wire_messages[];
extern const size_t wire_message_count;
const struct wire_message *wire_find(uint16_t id);

/*
 * Is this packet a well-formed request: known id, exact length, zero pads,
 * bounded count, NUL-terminated strings, fd_count as the row says? Pure.
 * -EBADMSG or -EPROTONOSUPPORT with a sentence, else 0 and the row.
 */
int wire_check_request(const void *packet, size_t length, unsigned fd_count,
		       const struct wire_message **ret_message, struct error *err);

/*
 * Is this packet the reply to that row and cookie? 0 when well formed (its
 * status may still be an error), -EBADMSG otherwise. Pure.
 */
int wire_check_reply(const void *packet, size_t length, const struct wire_message *message,
		     uint32_t cookie, struct error *err);

/* The body behind a head. */
static inline void *wire_body(void *packet)
{
	return (char *)packet + sizeof(struct wire_head);
}

const char *wire_device_state_name(uint32_t state);

#endif
