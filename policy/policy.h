/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy: who may do what with which device. Loaded whole or not at all,
 * constant from then on. The decision is a pure function that explains itself;
 * what no rule allows is refused.
 */
#ifndef SMMUMAN_POLICY_POLICY_H
#define SMMUMAN_POLICY_POLICY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "devname.h"
#include "error.h"
#include "types.h"

#define POLICY_NAME_MAX 48
#define POLICY_ANY UINT32_MAX /* an unset uid or gid */
#define POLICY_FILE_MAX (1u << 20)

/* How a device is brought to rest between two owners (promise C9). */
struct policy_quiesce {
	enum policy_quiesce_kind {
		QUIESCE_RESET, /* FLR or bus reset; a device without stays quarantined */
		QUIESCE_POLL,  /* wait until a register of a BAR reads as wanted */
	} kind;
	uint32_t bar;	/* QUIESCE_POLL; 0 for a platform device: its first reg */
	uint32_t offset; /* multiple of 4, inside the BAR */
	uint32_t mask, value;
};

/* What happens when one device causes many faults. */
struct policy_storm {
	uint32_t budget;    /* faults */
	uint32_t period_ms; /* within this time; 0: no limit */
	bool quarantine;    /* over it: close the device until released by hand */
};

struct policy_device {
	char name[POLICY_NAME_MAX]; /* the policy's own word for it, unique */
	struct devname match;
	struct policy_quiesce quiesce;
	struct policy_storm storm;
	bool host_identity; /* stays open for the host kernel: shown in red */
	bool unsafe_interrupts; /* may be attached though it can then raise any interrupt: red */
	uint32_t line;
};

struct policy_window {
	uint64_t iova, length;
};

/* A named run of physical addresses a client may be granted. */
struct policy_region {
	char name[POLICY_NAME_MAX];
	uint64_t address, length;
	unsigned rights;
	uint32_t line;
};

/* A grant that holds without any client. */
struct policy_static {
	uint32_t device; /* index into devices */
	uint32_t region; /* index into regions */
	uint64_t iova;
	unsigned rights; /* within the region's */
	uint32_t line;
};

struct policy_limits {
	uint32_t connections; /* of one uid */
	uint32_t domains;
	uint32_t memories;
	uint32_t grants;
	uint64_t memory_bytes; /* registered at the same time */
	uint64_t table_bytes;
	uint32_t devices;
};

enum policy_right {
	POLICY_RIGHT_ATTACH = 1u << 0, /* attach devices, map memory */
	POLICY_RIGHT_ADMIN = 1u << 1,  /* see everybody, release quarantined devices */
	POLICY_RIGHT_OBSERVE = 1u << 2, /* see everybody, change nothing */
	POLICY_RIGHT_TARGET = 1u << 3, /* SMF_TARGET of the QNX-compatible calls */
};

struct policy_client {
	char name[POLICY_NAME_MAX];
	uint32_t uid, gid; /* POLICY_ANY: does not matter; never both */
	char *exe;	   /* NULL, or the absolute path that narrows the rule */
	unsigned rights;   /* enum policy_right */
	bool round_compat; /* QNX calls may round outwards to whole pages */
	uint32_t *devices; /* indices into policy.devices */
	uint32_t device_count;
	uint32_t *regions; /* indices into policy.regions */
	uint32_t region_count;
	struct policy_window *windows; /* none: any IOVA the unit can express */
	uint32_t window_count;
	struct policy_limits limits;
	uint32_t line;
};

/* Options of the units, by unit name or "*"; words of drv_options. */
struct policy_unit {
	char name[32];
	enum policy_stage { POLICY_STAGE_ANY, POLICY_STAGE_1, POLICY_STAGE_2 } stage;
	enum policy_table { POLICY_TABLE_ANY, POLICY_TABLE_LINEAR, POLICY_TABLE_TWO_LEVEL } table;
	enum policy_mode { POLICY_MODE_ANY, POLICY_MODE_LEGACY, POLICY_MODE_SCALABLE } mode;
	char module[32]; /* "": a built-in one; else smmu-MODULE.so drives it */
	uint32_t line;
};

struct policy {
	char *file; /* as the messages name it */
	struct policy_device *devices;
	uint32_t device_count;
	struct policy_region *regions;
	uint32_t region_count;
	struct policy_client *clients;
	uint32_t client_count;
	struct policy_static *statics;
	uint32_t static_count;
	struct policy_unit *units;
	uint32_t unit_count;
	uint32_t max_connections; /* of everybody */
};

/*
 * What was wrong with a file, for people: per problem a line
 * "file:line:column: message", the line of the file, a caret, and the nearest
 * known key where a key was misspelt. Ends with NUL; cut when it would not fit.
 */
struct policy_report {
	uint32_t errors, warnings;
	char text[8192];
};

/*
 * Reads a policy from bytes. file is only for messages. 0 and *ret_policy
 * (caller frees with policy_free), or -EINVAL with the report filled, or
 * -ENOMEM. Warnings fill the report as well. The system's user database is
 * asked where the policy names a user or a group; nothing else may block.
 */
int policy_parse(const char *file, const char *bytes, size_t length, struct policy **ret_policy,
		 struct policy_report *report);

/*
 * The same from a file of at most POLICY_FILE_MAX bytes: a regular file opened
 * without following a final symbolic link. With must_be_safe it must belong to
 * root (or the caller's own uid) and be writable by nobody else: else -EPERM.
 * A file that cannot be opened or read: the negative errno (a link: -ELOOP).
 * The report says it in words.
 */
int policy_load(const char *file, bool must_be_safe, struct policy **ret_policy,
		struct policy_report *report);

/* NULL is fine. */
void policy_free(struct policy *policy);

/* What the kernel said of a peer. */
struct policy_who {
	uint32_t uid, gid;
	const char *exe; /* NULL when it could not be read */
};

enum policy_verb {
	POLICY_CONNECT, /* be heard at all: some rule with some right */
	POLICY_OBSERVE, /* list everybody's objects */
	POLICY_ADMIN,	/* release a device */
	POLICY_ATTACH,	/* device */
	POLICY_MAP,	/* iova, length, rights; region by name, or NULL: own memory */
	POLICY_REGION,	/* region, by name; rights, or 0: any */
};

struct policy_ask {
	enum policy_verb verb;
	const struct devname *device;
	uint64_t iova, length;
	unsigned rights;
	const char *region;
};

struct policy_answer {
	bool allowed;
	const struct policy_client *rule; /* that matched the peer, or NULL */
	uint32_t index;	 /* of the device or region the ask named, or POLICY_ANY */
	uint32_t line;	 /* of the deciding rule; 0: no rule, the default */
	char text[ERROR_TEXT_MAX]; /* why, in a sentence */
};

/*
 * The one decision. Pure and total: the same question has the same answer,
 * and a question no rule answers is refused. Never allocates, never blocks.
 */
void policy_decide(const struct policy *policy, const struct policy_who *who,
		   const struct policy_ask *ask, struct policy_answer *answer);

/*
 * The same decision about a mapping for a peer whose rule is already known:
 * the grant path. True when all of [iova, iova + length) is inside a window.
 */
bool policy_window_allows(const struct policy_client *rule, uint64_t iova, uint64_t length);

/*
 * The device whose match this name is, or NULL. A platform device may be known
 * by its tree path or by its registers: who knows both asks with each.
 */
const struct policy_device *policy_find_device(const struct policy *policy,
					       const struct devname *name);

/* Options of a unit: its own line, else "*", else all ANY. */
struct policy_unit policy_unit_options(const struct policy *policy, const char *unit);

#endif
