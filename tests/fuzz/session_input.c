// SPDX-License-Identifier: BSD-2-Clause
#include "session_input.h"

#include <string.h>

#include "types.h"

static const uint8_t *input, *input_end;
static uint32_t handles[INPUT_HANDLES], handle_next;

void input_begin(const uint8_t *data, size_t size)
{
	input = data;
	input_end = data + size;
	memset(handles, 0, sizeof(handles));
	handle_next = 0;
}

bool input_is_left(void)
{
	return input < input_end;
}

void input_keep_handle(uint32_t handle)
{
	handles[handle_next++ % INPUT_HANDLES] = handle;
}

uint8_t input_next(void)
{
	return input < input_end ? *input++ : 0;
}

uint64_t input_iova(void)
{
	static const unsigned shifts[] = { 12, 13, 21, 30 };
	uint8_t where = input_next();

	return (uint64_t)(where & 63) << shifts[where >> 6];
}

static uint32_t next_handle(void)
{
	uint8_t pick = input_next();

	return pick & 0x80 ? pick : handles[pick % INPUT_HANDLES];
}

void input_fill(void *to, size_t size)
{
	uint8_t *bytes = to;

	while (size-- > 0)
		*bytes++ = input_next();
}

static const char *const names[] = {
	"dma0", "dma1", "pci:0000:00:02.0", "pci:0000:00:04.0", "", "x", "b0", "b1",
};

static uint32_t make_maps(uint8_t *body)
{
	struct wire_batch batch = { .domain = next_handle(), .count = 1 + input_next() % 4 };
	uint32_t i;

	memcpy(body, &batch, sizeof(batch));
	for (i = 0; i < batch.count; i++) {
		uint8_t shape = input_next();
		struct wire_map map = { .memory = next_handle(),
					.rights = shape & 7,
					.iova = input_iova(),
					.length = (shape >> 3 & 7) * PAGE_BYTES,
					.offset = (shape >> 6) * PAGE_BYTES };

		memcpy(body + sizeof(batch) + i * sizeof(map), &map, sizeof(map));
	}
	return (uint32_t)(sizeof(batch) + batch.count * sizeof(struct wire_map));
}

static uint32_t make_ranges(uint8_t *body)
{
	struct wire_batch batch = { .domain = next_handle(), .count = 1 + input_next() % 4 };
	uint32_t i;

	memcpy(body, &batch, sizeof(batch));
	for (i = 0; i < batch.count; i++) {
		struct wire_range range = { .iova = input_iova(), .length = input_next() % 8 * PAGE_BYTES };

		memcpy(body + sizeof(batch) + i * sizeof(range), &range, sizeof(range));
	}
	return (uint32_t)(sizeof(batch) + batch.count * sizeof(struct wire_range));
}

static void make_struct(const struct wire_message *message, uint8_t *body)
{
	const char *name = names[input_next() % (sizeof(names) / sizeof(names[0]))];
	struct wire_memory memory;
	uint32_t number;

	switch (message->id) {
	case WIRE_HELLO:
		number = WIRE_VERSION;
		memcpy(body, &number, sizeof(number));
		break;
	case WIRE_MEMORY_ADD:
		memory = (struct wire_memory){ input_next() % 4 * PAGE_BYTES, input_next() % 16 * PAGE_BYTES,
					       input_next() % 8, 0 };
		memcpy(body, &memory, sizeof(memory));
		break;
	case WIRE_REGION_OPEN:
		strcpy((char *)body, input_next() % 4 ? "sram" : "none");
		break;
	case WIRE_ATTACH:
		strcpy((char *)body + offsetof(struct wire_attach, name), name);
		number = next_handle();
		memcpy(body, &number, sizeof(number));
		break;
	case WIRE_DOMAIN_DESTROY:
	case WIRE_DETACH:
	case WIRE_DEVICE_OPEN:
	case WIRE_MEMORY_REMOVE:
		number = next_handle();
		memcpy(body, &number, sizeof(number));
		break;
	case WIRE_RESERVED:
		strcpy((char *)body + offsetof(struct wire_reserved_ask, name), name);
		break;
	case WIRE_EXPLAIN:
	case WIRE_RELEASE:
		strcpy((char *)body, name);
		break;
	default:
		input_fill(body, message->request_size);
	}
}

uint32_t input_body(const struct wire_message *message, uint8_t *body)
{
	if (message->id == WIRE_MAP)
		return make_maps(body);
	if (message->id == WIRE_UNMAP)
		return make_ranges(body);
	make_struct(message, body);
	return message->request_size;
}
