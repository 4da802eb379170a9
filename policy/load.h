/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside the policy's loader. A file becomes a policy in four steps: the bytes
 * are screened (load_source.c), parsed into a small tree (load_tree.c, the only
 * file that knows libyaml), each section is read by a table of its keys
 * (load_keys.c, load_value.c, load_<section>.c), and what was wrong is printed
 * (load_report.c). Reading goes on after an error where the rest still makes
 * sense, so that one run shows several.
 */
#ifndef SMMUMAN_POLICY_LOAD_H
#define SMMUMAN_POLICY_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bits.h"
#include "policy.h"

#define LOAD_DEPTH_MAX 16u
#define LOAD_NODES_MAX 32768u /* keys, values and lists together */
#define LOAD_KEYS_MAX 64u     /* of one mapping */
#define LOAD_SHOWN_MAX 20u    /* errors, and as many warnings */

#define LOAD_DEVICES_MAX 1024u
#define LOAD_REGIONS_MAX 1024u
#define LOAD_CLIENTS_MAX 1024u
#define LOAD_STATICS_MAX 4096u
#define LOAD_UNITS_MAX 64u
#define LOAD_WINDOWS_MAX 64u

/* A place in the file, counted from 1; line 0: the file as a whole. */
struct load_mark {
	uint32_t line, column;
};

struct load_node {
	enum load_kind { LOAD_SCALAR, LOAD_LIST, LOAD_MAP } kind;
	bool is_plain; /* a scalar without quotes */
	struct load_mark mark;
	const char *text;		/* LOAD_SCALAR */
	uint32_t count;			/* entries of a list, keys of a mapping */
	struct load_node *first, *last; /* of a mapping: key, value, key, value ... */
	struct load_node *next;
};

struct load_problem {
	struct load_mark mark;
	bool is_warning;
	char text[320];
};

struct load {
	const char *file, *bytes;
	size_t length;
	int status; /* 0, or -ENOMEM from then on */
	uint32_t errors, warnings;
	struct load_problem problems[2 * LOAD_SHOWN_MAX]; /* sorted by place */
	uint32_t problem_count;
	struct load_chunk *chunks; /* memory of the tree */
	struct policy *policy;
	const struct load_node *devices, *regions; /* the lists, for marks */
};

/* load_report.c */

void load_error(struct load *load, struct load_mark mark, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void load_warning(struct load *load, struct load_mark mark, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void load_report(const struct load *load, struct policy_report *report);

/* A stranger's text, cut and made fit to print; returns buffer. */
#define LOAD_QUOTE_MAX 68
const char *load_quote(char buffer[LOAD_QUOTE_MAX], const char *text);

/* load_source.c: refuses bytes that have no business in a policy. */

int load_screen(struct load *load);
struct load_mark load_mark_of_byte(const struct load *load, size_t offset);

/* One character of the file as printable ASCII; moves *at behind it. */
char load_printable(const char **at, const char *end);

/* load_tree.c: NULL after an error, which is recorded. */

const struct load_node *load_tree(struct load *load);
void load_tree_free(struct load *load);

/* load_keys.c */

typedef void load_read_fn(struct load *load, const struct load_node *node, void *target);

struct load_key {
	const char *name;
	bool is_required;
	load_read_fn *read;
};

/*
 * Reads a mapping by its table of keys: unknown, duplicate and missing keys are
 * errors. what is how messages call the mapping: "a device". True when the node
 * is a mapping at all.
 */
bool load_map(struct load *load, const struct load_node *node, const char *what,
	      const struct load_key *keys, size_t key_count, void *target);
const struct load_node *load_map_value(const struct load_node *map, const char *key);

/* True when the node is a list of at most max entries. */
bool load_is_list(struct load *load, const struct load_node *node, const char *what, uint32_t max);

/*
 * Zeroed memory for the entries of such a list: NULL when it is none, is empty
 * or memory is out (status says so). *ret_count is set beside.
 */
void *load_array(struct load *load, const struct load_node *node, const char *what, uint32_t max,
		 size_t entry_size, uint32_t *ret_count);

/* Zeroed memory, or NULL and the status set. */
void *load_zeroed(struct load *load, size_t count, size_t size);
char *load_copy(struct load *load, const char *text);

/* load_value.c: each reads one scalar, or records an error and returns false. */

struct load_word {
	const char *name;
	unsigned value;
};

bool load_scalar(struct load *load, const struct load_node *node, const char *what);
bool load_name(struct load *load, const struct load_node *node, const char *what, char *ret_name,
	       size_t size);
bool load_count(struct load *load, const struct load_node *node, const char *what, uint64_t min,
		uint64_t max, uint64_t *ret_value);
bool load_count32(struct load *load, const struct load_node *node, const char *what, uint32_t min,
		  uint32_t max, uint32_t *ret_value);
/* Hexadecimal with 0x, nothing else. */
bool load_address(struct load *load, const struct load_node *node, const char *what, uint64_t max,
		  uint64_t *ret_value);
bool load_size(struct load *load, const struct load_node *node, const char *what, uint64_t min,
	       uint64_t max, uint64_t *ret_value);
bool load_period(struct load *load, const struct load_node *node, uint32_t *ret_ms);
bool load_rights(struct load *load, const struct load_node *node, unsigned *ret_rights);
bool load_word(struct load *load, const struct load_node *node, const char *what,
	       const struct load_word *words, size_t word_count, unsigned *ret_value);
/* Both set when the whole is page aligned and does not wrap. */
bool load_range(struct load *load, const struct load_node *node, const char *what, uint64_t start,
		uint64_t length);

/* The sections, one file each; devices and regions first. */

void load_units(struct load *load, const struct load_node *node);
void load_devices(struct load *load, const struct load_node *node);
void load_regions(struct load *load, const struct load_node *node);
void load_clients(struct load *load, const struct load_node *node);
void load_statics(struct load *load, const struct load_node *node);
void load_limits_default(struct policy_limits *limits);
void load_limits(struct load *load, const struct load_node *node, struct policy_limits *limits);
void load_global_limits(struct load *load, const struct load_node *node);
/* Warnings about devices and regions that nothing uses. */
void load_unused(struct load *load);

/* References: the index, or POLICY_ANY after an error with the nearest name. */
uint32_t load_find_device(struct load *load, const struct load_node *node);
uint32_t load_find_region(struct load *load, const struct load_node *node);

#endif
