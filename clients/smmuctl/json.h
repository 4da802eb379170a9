/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The same facts for programs. An object is made from a table that names each
 * key and where its value lies in a struct of the wire, so that the keys of
 * every verb stand in one file. What does not apply is null.
 */
#ifndef SMMUMAN_CLIENTS_SMMUCTL_JSON_H
#define SMMUMAN_CLIENTS_SMMUCTL_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smmuctl.h"

struct json_field {
	const char *key;
	enum json_kind {
		JSON_TEXT,    /* char[]; "" is null */
		JSON_COUNT32,
		JSON_COUNT64,
		JSON_ID32,    /* 0 is null */
		JSON_PID,     /* int32_t; 0 is null */
		JSON_FLAG,    /* uint32_t */
		JSON_NOT,     /* uint32_t; true when it is 0 */
		JSON_HEX32,   /* "0x10" */
		JSON_HEX64,
		JSON_TIME,    /* uint64_t nanoseconds since 1970; ISO 8601 */
		JSON_RIGHTS,  /* uint32_t; "r", "rw", ... */
		JSON_STATE,   /* uint32_t; the state of a device in a word */
		JSON_UNSAFE,  /* uint32_t; enum wire_unsafe in a word */
	} kind;
	size_t offset;
};

/* Ended by a key of NULL. */
extern const struct json_field json_status_fields[], json_unit_fields[], json_device_fields[],
	json_client_fields[], json_domain_fields[], json_grant_fields[];

/* NULL when memory is out; the adders below then fail too. */
json_t *json_of(const struct json_field *fields, const void *entry);
/* Text as it is, or with \xNN where it is no UTF-8; "" is null. */
json_t *json_text(const char *text);
json_t *json_hex(uint64_t value);
json_t *json_rights(uint32_t rights);

struct wire_fault;
json_t *json_fault(const struct wire_fault *fault);
/* "read", "write", "exec" or "unknown". */
const char *json_access_word(uint8_t access);

/* Prints a whole document, or one line of many; frees it. The exit code. */
int json_print(const struct ctl *ctl, json_t *document);
int json_print_line(const struct ctl *ctl, json_t *document);

#endif
