/* SPDX-License-Identifier: BSD-2-Clause */
/* What this process keeps of units, devices and domains: see daemon.h. */
#ifndef SMMUMAN_SMMUMAN_STATE_H
#define SMMUMAN_SMMUMAN_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "driver.h"
#include "list.h"
#include "machine.h"
#include "policy.h"
#include "topology.h"
#include "wire.h"

struct daemon;
struct conn;
struct user;
struct pending;

#define RELEASE_DEADLINE_NS UINT64_C(1000000000) /* of a unit's invalidation */
#define SPIN_NS UINT64_C(100000)		 /* before a request is parked */
#define OWNER_MARKS 4u

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

/* Addresses of a device, or of its group, that no grant can be made at; in order. */
#define RESERVED_MAX WIRE_EXPLAIN_RESERVED_MAX
struct device_reserved {
	uint64_t iova, length;
	uint32_t kind;	 /* enum wire_reserved_kind */
	uint32_t device; /* whose they are */
};

struct device {
	const struct topology_device *found;
	const struct policy_device *policy; /* NULL: not mentioned, never attachable */
	struct unit *unit;		    /* NULL: none covers it */
	uint32_t number;		    /* index in daemon.devices; handle - 1 */
	uint32_t domain;		    /* book index while attached */
	uint32_t next_in_domain;	    /* number + 1; 0: the last */
	uint32_t group_size;		    /* devices that cannot be told apart from it, and it */
	bool is_uncovered; /* a DMA master that no unit stands in front of */
	bool is_bound;			    /* its streams lead into its domain's tables */
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
	struct device_reserved reserved[RESERVED_MAX];
	uint32_t reserved_count;
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
	uint32_t first_device; /* number + 1 of a list by next_in_domain; 0: none */
	struct user *user;   /* NULL: static */
	uint64_t table_bytes; /* as last accounted to the user */
};

#endif
