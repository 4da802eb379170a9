// SPDX-License-Identifier: BSD-2-Clause
#include "json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "smmu-admin.h"
#include "text.h"
#include "times.h"
#include "types.h"
#include "wire.h"

#define STATUS(key, kind) { #key, kind, offsetof(struct wire_status, key) }
const struct json_field json_status_fields[] = {
	STATUS(program, JSON_TEXT),
	STATUS(policy, JSON_TEXT),
	STATUS(board, JSON_TEXT),
	{ "started", JSON_TIME, offsetof(struct wire_status, started_real_ns) },
	{ "now", JSON_TIME, offsetof(struct wire_status, now_real_ns) },
	STATUS(units, JSON_COUNT32),
	STATUS(units_closed, JSON_COUNT32),
	STATUS(devices, JSON_COUNT32),
	STATUS(devices_quarantined, JSON_COUNT32),
	STATUS(devices_host, JSON_COUNT32),
	STATUS(devices_uncovered, JSON_COUNT32),
	STATUS(devices_unsafe, JSON_COUNT32),
	STATUS(clients, JSON_COUNT32),
	STATUS(domains, JSON_COUNT32),
	STATUS(memories, JSON_COUNT32),
	STATUS(grants, JSON_COUNT32),
	STATUS(faults, JSON_COUNT64),
	STATUS(fault_records, JSON_COUNT64),
	STATUS(fault_losses, JSON_COUNT64),
	STATUS(requests, JSON_COUNT64),
	STATUS(refusals, JSON_COUNT64),
	STATUS(malformed, JSON_COUNT64),
	STATUS(pinned_forever_bytes, JSON_COUNT64),
	STATUS(table_bytes, JSON_COUNT64),
	STATUS(arena_free_bytes, JSON_COUNT64),
	STATUS(log_lost, JSON_COUNT64),
	{ NULL, 0, 0 },
};

#define UNIT(key, kind) { #key, kind, offsetof(struct wire_unit, key) }
const struct json_field json_unit_fields[] = {
	UNIT(name, JSON_TEXT),
	UNIT(module, JSON_TEXT),
	{ "description", JSON_TEXT, offsetof(struct wire_unit, words) },
	{ "registers", JSON_HEX64, offsetof(struct wire_unit, base) },
	UNIT(streams, JSON_COUNT32),
	{ "closed", JSON_FLAG, offsetof(struct wire_unit, is_closed) },
	UNIT(unsafe_interrupts, JSON_FLAG),
	UNIT(commands, JSON_COUNT64),
	UNIT(syncs, JSON_COUNT64),
	UNIT(events, JSON_COUNT64),
	UNIT(unknown_events, JSON_COUNT64),
	UNIT(event_losses, JSON_COUNT64),
	UNIT(command_errors, JSON_COUNT64),
	UNIT(global_errors, JSON_COUNT64),
	UNIT(table_pages, JSON_COUNT64),
	{ NULL, 0, 0 },
};

#define DEVICE(key, kind) { #key, kind, offsetof(struct wire_device, key) }
const struct json_field json_device_fields[] = {
	DEVICE(name, JSON_TEXT),
	DEVICE(alias, JSON_TEXT),
	DEVICE(policy, JSON_TEXT),
	DEVICE(unit, JSON_TEXT),
	DEVICE(stream, JSON_HEX32),
	DEVICE(state, JSON_STATE),
	DEVICE(note, JSON_TEXT),
	DEVICE(client, JSON_ID32),
	{ "rule", JSON_TEXT, offsetof(struct wire_device, owner) },
	DEVICE(domain, JSON_ID32),
	DEVICE(faults, JSON_COUNT64),
	DEVICE(vendor, JSON_HEX32),
	DEVICE(product, JSON_HEX32),
	DEVICE(unsafe_interrupts, JSON_UNSAFE),
	{ "covered", JSON_NOT, offsetof(struct wire_device, is_uncovered) },
	DEVICE(group, JSON_TEXT),
	DEVICE(group_size, JSON_COUNT32),
	{ NULL, 0, 0 },
};

#define CLIENT(key, kind) { #key, kind, offsetof(struct wire_client, key) }
const struct json_field json_client_fields[] = {
	CLIENT(client, JSON_COUNT32),
	CLIENT(rule, JSON_TEXT),
	CLIENT(uid, JSON_COUNT32),
	CLIENT(gid, JSON_COUNT32),
	CLIENT(pid, JSON_PID),
	CLIENT(exe, JSON_TEXT),
	{ "connected", JSON_TIME, offsetof(struct wire_client, connected_real_ns) },
	CLIENT(devices, JSON_COUNT32),
	CLIENT(domains, JSON_COUNT32),
	CLIENT(memories, JSON_COUNT32),
	CLIENT(grants, JSON_COUNT32),
	CLIENT(memory_bytes, JSON_COUNT64),
	CLIENT(table_bytes, JSON_COUNT64),
	CLIENT(requests, JSON_COUNT64),
	{ NULL, 0, 0 },
};

#define DOMAIN(key, kind) { #key, kind, offsetof(struct wire_domain, key) }
const struct json_field json_domain_fields[] = {
	DOMAIN(domain, JSON_COUNT32),
	DOMAIN(client, JSON_ID32),
	{ "rule", JSON_TEXT, offsetof(struct wire_domain, owner) },
	DOMAIN(devices, JSON_COUNT32),
	DOMAIN(grants, JSON_COUNT32),
	DOMAIN(bytes, JSON_COUNT64),
	{ NULL, 0, 0 },
};

#define GRANT(key, kind) { #key, kind, offsetof(struct wire_grant, key) }
const struct json_field json_grant_fields[] = {
	GRANT(domain, JSON_COUNT32),
	GRANT(client, JSON_ID32),
	GRANT(iova, JSON_HEX64),
	GRANT(length, JSON_COUNT64),
	GRANT(rights, JSON_RIGHTS),
	GRANT(memory, JSON_COUNT32),
	GRANT(offset, JSON_HEX64),
	{ "physical", JSON_HEX64, offsetof(struct wire_grant, pa) },
	{ "since", JSON_TIME, offsetof(struct wire_grant, since_real_ns) },
	{ NULL, 0, 0 },
};

json_t *json_text(const char *text)
{
	char cleaned[1024];
	json_t *value = *text ? json_string(text) : json_null();

	return value ? value : json_string(text_clean(cleaned, sizeof(cleaned), text));
}

json_t *json_hex(uint64_t value)
{
	return json_sprintf("0x%" PRIx64, value);
}

json_t *json_rights(uint32_t rights)
{
	return json_sprintf("%s%s%s", rights & RIGHT_READ ? "r" : "",
			    rights & RIGHT_WRITE ? "w" : "", rights & RIGHT_EXEC ? "x" : "");
}

static json_t *json_time(uint64_t real_ns)
{
	char text[TIMES_MAX];

	return real_ns ? json_string(times_iso(text, real_ns)) : json_null();
}

static json_t *json_count(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *value_of(const struct json_field *field, const void *entry)
{
	const char *at = (const char *)entry + field->offset;
	uint32_t word;
	uint64_t wide = 0;

	memcpy(&word, at, sizeof(word));
	if (field->kind == JSON_COUNT64 || field->kind == JSON_HEX64 || field->kind == JSON_TIME)
		memcpy(&wide, at, sizeof(wide));
	switch (field->kind) {
	case JSON_TEXT:
		return json_text(at);
	case JSON_COUNT32:
		return json_count(word);
	case JSON_COUNT64:
		return json_count(wide);
	case JSON_ID32:
	case JSON_PID:
		return word ? json_count(word) : json_null();
	case JSON_FLAG:
		return json_boolean(word);
	case JSON_NOT:
		return json_boolean(word == 0);
	case JSON_HEX32:
		return json_hex(word);
	case JSON_HEX64:
		return json_hex(wide);
	case JSON_TIME:
		return json_time(wide);
	case JSON_RIGHTS:
		return json_rights(word);
	case JSON_STATE:
		return json_string(smmu_admin_state_name(word));
	case JSON_UNSAFE:
		return json_string(word == WIRE_UNSAFE_ALLOWED	 ? "allowed" :
				   word == WIRE_UNSAFE_REFUSED ? "refused" :
								 "checked");
	}
	return NULL;
}

json_t *json_of(const struct json_field *fields, const void *entry)
{
	json_t *object = json_object();

	for (; object && fields->key; fields++) {
		if (json_object_set_new(object, fields->key, value_of(fields, entry))) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

const char *json_access_word(uint8_t access)
{
	return access == RIGHT_READ  ? "read" :
	       access == RIGHT_WRITE ? "write" :
	       access == RIGHT_EXEC  ? "exec" :
				       "unknown";
}

static const char *kind_word(uint8_t kind)
{
	static const char *const words[] = {
		[SMMU_FAULT_TRANSLATION] = "translation", [SMMU_FAULT_PERMISSION] = "permission",
		[SMMU_FAULT_ADDRESS] = "address",	  [SMMU_FAULT_STREAM] = "stream",
		[SMMU_FAULT_CONFIG] = "config",		  [SMMU_FAULT_TABLE] = "table",
		[SMMU_FAULT_REQUEST] = "request",	  [SMMU_FAULT_UNKNOWN] = "unknown",
	};

	return kind < ARRAY_COUNT(words) ? words[kind] : "unknown";
}

static json_t *if_flag(const struct wire_fault *fault, unsigned flag, uint64_t value)
{
	return fault->flags & flag ? json_hex(value) : json_null();
}

json_t *json_fault(const struct wire_fault *f)
{
	bool is_loss = f->flags & WIRE_FAULT_LOSS;

	return json_pack("{s:I, s:o, s:I, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o,"
			 " s:o, s:o, s:I, s:o, s:i, s:o, s:o, s:o, s:[o,o,o,o]}",
			 "sequence", (json_int_t)f->sequence,
			 "time", json_time(f->real_ns),
			 "boot_ns", (json_int_t)f->boot_ns,
			 "loss", is_loss,
			 "unit", json_text(f->unit),
			 "device", json_text(f->device),
			 "stream", if_flag(f, WIRE_FAULT_STREAM, f->stream),
			 "substream", if_flag(f, WIRE_FAULT_SUBSTREAM, f->substream),
			 "client", f->client ? json_count(f->client) : json_null(),
			 "rule", json_text(f->owner),
			 "uid", f->client ? json_count(f->uid) : json_null(),
			 "pid", f->client ? json_count((uint32_t)f->pid) : json_null(),
			 "domain", f->domain ? json_count(f->domain) : json_null(),
			 "access", is_loss ? json_null() : json_string(json_access_word(f->access)),
			 "address", if_flag(f, WIRE_FAULT_ADDRESS, f->address),
			 "last_address", if_flag(f, WIRE_FAULT_ADDRESS, f->last_address),
			 "count", (json_int_t)f->count,
			 "kind", is_loss ? json_null() : json_string(kind_word(f->kind)),
			 "code", (int)f->code,
			 "event", json_text(f->event),
			 "reason", json_text(f->reason),
			 "note", json_text(f->note),
			 "words", json_hex(f->words[0]), json_hex(f->words[1]),
			 json_hex(f->words[2]), json_hex(f->words[3]));
}

static int print(const struct ctl *ctl, json_t *document, size_t flags)
{
	int rc = document ? json_dumpf(document, ctl->out, flags | JSON_ENSURE_ASCII) : -1;

	json_decref(document);
	if (rc || fputc('\n', ctl->out) == EOF) {
		ctl_say(ctl, "the answer could not be written");
		return CTL_FAILED;
	}
	return CTL_DONE;
}

int json_print(const struct ctl *ctl, json_t *document)
{
	return print(ctl, document, JSON_INDENT(2));
}

int json_print_line(const struct ctl *ctl, json_t *document)
{
	return print(ctl, document, JSON_COMPACT);
}
