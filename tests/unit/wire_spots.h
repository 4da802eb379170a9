/* SPDX-License-Identifier: BSD-2-Clause */
/* Where each message has a pad, a count or a text, written down a second time. */
#ifndef SMMUMAN_TESTS_WIRE_SPOTS_H
#define SMMUMAN_TESTS_WIRE_SPOTS_H

#include <stddef.h>
#include <stdint.h>

#include "wire.h"

enum side { REQUEST, REPLY };
enum kind { PAD, COUNT, TEXT };

/* Offsets are behind the head; in an entry, behind the first byte of entry 0. */
static const struct spot {
	uint16_t id;
	enum side side;
	enum kind kind;
	size_t offset, size;
	const char *name;
} spots[] = {
#define AT(NAME, side, kind, type, member) \
	{ WIRE_##NAME, side, kind, offsetof(struct type, member), \
	  sizeof(((struct type *)0)->member), #member }
#define NONE_REPLY(NAME) AT(NAME, REPLY, PAD, wire_none, zero)
#define LIST_REPLY(NAME) \
	AT(NAME, REPLY, COUNT, wire_list, count), AT(NAME, REPLY, PAD, wire_list, zero)
#define ENTRY(NAME, kind, type, member) \
	{ WIRE_##NAME, REPLY, kind, sizeof(struct wire_list) + offsetof(struct type, member), \
	  sizeof(((struct type *)0)->member), #member }
#define FAULT_ENTRY(NAME) \
	ENTRY(NAME, PAD, wire_fault, zero), ENTRY(NAME, TEXT, wire_fault, unit), \
	ENTRY(NAME, TEXT, wire_fault, device), ENTRY(NAME, TEXT, wire_fault, owner), \
	ENTRY(NAME, TEXT, wire_fault, event), ENTRY(NAME, TEXT, wire_fault, reason), \
	ENTRY(NAME, TEXT, wire_fault, note)
	AT(HELLO, REQUEST, PAD, wire_hello, zero),
	AT(HELLO, REPLY, TEXT, wire_hello_reply, program),
	AT(HELLO, REPLY, TEXT, wire_hello_reply, rule),
	AT(DOMAIN_CREATE, REQUEST, PAD, wire_flags, zero),
	AT(DOMAIN_CREATE, REPLY, PAD, wire_handle, zero),
	AT(DOMAIN_DESTROY, REQUEST, PAD, wire_handle, zero),
	NONE_REPLY(DOMAIN_DESTROY),
	AT(ATTACH, REQUEST, TEXT, wire_attach, name),
	AT(ATTACH, REPLY, PAD, wire_attach_reply, zero),
	AT(ATTACH, REPLY, TEXT, wire_attach_reply, name),
	AT(DETACH, REQUEST, PAD, wire_handle, zero),
	NONE_REPLY(DETACH),
	AT(DEVICE_OPEN, REQUEST, PAD, wire_handle, zero),
	AT(DEVICE_OPEN, REPLY, COUNT, wire_bars, count),
	AT(DEVICE_OPEN, REPLY, PAD, wire_bars, bars[0].zero),
	AT(DEVICE_OPEN, REPLY, PAD, wire_bars, bars[1].zero),
	AT(DEVICE_OPEN, REPLY, PAD, wire_bars, bars[2].zero),
	AT(DEVICE_OPEN, REPLY, PAD, wire_bars, bars[3].zero),
	AT(DEVICE_OPEN, REPLY, PAD, wire_bars, bars[4].zero),
	AT(DEVICE_OPEN, REPLY, PAD, wire_bars, bars[5].zero),
	NONE_REPLY(CONFIG_WRITE),
	AT(MEMORY_ADD, REQUEST, PAD, wire_memory, zero),
	AT(MEMORY_ADD, REPLY, PAD, wire_handle, zero),
	AT(MEMORY_REMOVE, REQUEST, PAD, wire_handle, zero),
	NONE_REPLY(MEMORY_REMOVE),
	AT(REGION_OPEN, REQUEST, TEXT, wire_region_open, name),
	AT(MAP, REQUEST, COUNT, wire_batch, count),
	NONE_REPLY(MAP),
	AT(UNMAP, REQUEST, COUNT, wire_batch, count),
	NONE_REPLY(UNMAP),
	AT(FAULT_SUBSCRIBE, REQUEST, PAD, wire_none, zero),
	NONE_REPLY(FAULT_SUBSCRIBE),
	AT(FAULT_READ, REQUEST, PAD, wire_fault_read, zero),
	LIST_REPLY(FAULT_READ), FAULT_ENTRY(FAULT_READ),
	AT(RESERVED, REQUEST, TEXT, wire_reserved_ask, name),
	LIST_REPLY(RESERVED),
	AT(STATUS, REQUEST, PAD, wire_none, zero),
	AT(STATUS, REPLY, TEXT, wire_status, program),
	AT(STATUS, REPLY, TEXT, wire_status, policy),
	AT(STATUS, REPLY, TEXT, wire_status, board),
	AT(STATUS, REPLY, PAD, wire_status, zero),
	LIST_REPLY(LIST_UNITS),
	ENTRY(LIST_UNITS, PAD, wire_unit, zero),
	ENTRY(LIST_UNITS, TEXT, wire_unit, name),
	ENTRY(LIST_UNITS, TEXT, wire_unit, module),
	ENTRY(LIST_UNITS, TEXT, wire_unit, words),
	LIST_REPLY(LIST_DEVICES),
	ENTRY(LIST_DEVICES, TEXT, wire_device, name),
	ENTRY(LIST_DEVICES, TEXT, wire_device, alias),
	ENTRY(LIST_DEVICES, TEXT, wire_device, policy),
	ENTRY(LIST_DEVICES, TEXT, wire_device, unit),
	ENTRY(LIST_DEVICES, TEXT, wire_device, owner),
	ENTRY(LIST_DEVICES, TEXT, wire_device, note),
	ENTRY(LIST_DEVICES, TEXT, wire_device, group),
	ENTRY(LIST_DEVICES, PAD, wire_device, zero),
	LIST_REPLY(LIST_CLIENTS),
	ENTRY(LIST_CLIENTS, TEXT, wire_client, rule),
	ENTRY(LIST_CLIENTS, TEXT, wire_client, exe),
	LIST_REPLY(LIST_DOMAINS),
	ENTRY(LIST_DOMAINS, TEXT, wire_domain, owner),
	LIST_REPLY(LIST_GRANTS),
	AT(LIST_FAULTS, REQUEST, PAD, wire_fault_read, zero),
	LIST_REPLY(LIST_FAULTS), FAULT_ENTRY(LIST_FAULTS),
	AT(EXPLAIN, REQUEST, PAD, wire_explain, zero),
	AT(EXPLAIN, REQUEST, TEXT, wire_explain, name),
	AT(EXPLAIN, REPLY, PAD, wire_explain_reply, zero),
	AT(EXPLAIN, REPLY, PAD, wire_explain_reply, zero2),
	AT(EXPLAIN, REPLY, PAD, wire_explain_reply, device.zero),
	AT(EXPLAIN, REPLY, COUNT, wire_explain_reply, step_count),
	AT(EXPLAIN, REPLY, COUNT, wire_explain_reply, reserved_count),
	AT(EXPLAIN, REPLY, TEXT, wire_explain_reply, device.name),
	AT(EXPLAIN, REPLY, TEXT, wire_explain_reply, device.alias),
	AT(EXPLAIN, REPLY, TEXT, wire_explain_reply, device.policy),
	AT(EXPLAIN, REPLY, TEXT, wire_explain_reply, device.unit),
	AT(EXPLAIN, REPLY, TEXT, wire_explain_reply, device.owner),
	AT(EXPLAIN, REPLY, TEXT, wire_explain_reply, device.note),
	AT(EXPLAIN, REPLY, TEXT, wire_explain_reply, device.group),
	AT(EXPLAIN, REPLY, TEXT, wire_explain_reply, stream_entry),
	AT(EXPLAIN, REPLY, TEXT, wire_explain_reply, rule),
	AT(EXPLAIN, REPLY, TEXT, wire_explain_reply, grant),
	AT(EXPLAIN, REPLY, TEXT, wire_explain_reply, past),
	AT(EXPLAIN, REPLY, TEXT, wire_explain_reply, verdict),
	AT(EXPLAIN, REPLY, TEXT, wire_explain_reply, advice),
	AT(RELEASE, REQUEST, TEXT, wire_name, name),
	NONE_REPLY(RELEASE),
};

#endif
