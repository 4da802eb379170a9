// SPDX-License-Identifier: BSD-2-Clause
/* The commands as QEMU 7.2 and 10.0 write them: 128 bytes each, little-endian. */
#include "table_loader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "arith.h"
#include "bits.h"

#define OF_COMMAND 0u
#define OF_NAME 4u
#define ALLOCATE_ALIGN 60u
#define ALLOCATE_ZONE 64u
#define   ZONE_HIGH 1u
#define   ZONE_FSEG 2u
#define POINTER_SOURCE 60u
#define POINTER_OFFSET 116u
#define POINTER_SIZE 120u
#define CHECKSUM_OFFSET 60u
#define CHECKSUM_START 64u
#define CHECKSUM_LENGTH 68u

enum command { PADDING, ALLOCATE, ADD_POINTER, ADD_CHECKSUM, WRITE_POINTER };

struct placed {
	const char *name;
	uint32_t command; /* the one that allocates it */
	uint32_t size;
	uint64_t offset; /* in the memory */
};

struct loader {
	const uint8_t *script;
	uint32_t commands;
	const struct loader_memory *memory;
	struct loader_source *source;
	struct placed files[LOADER_FILES_MAX];
	unsigned file_count;
	uint64_t used;
	struct error *err;
};

static uint32_t le32(const uint8_t *bytes)
{
	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

static const uint8_t *command_at(const struct loader *loader, uint32_t index)
{
	return loader->script + (size_t)index * LOADER_COMMAND_BYTES;
}

#define REFUSE(loader, index, format, ...) \
	error_set((loader)->err, -EBADMSG, "the table loader's command %" PRIu32 ": " format, \
		  (index), ##__VA_ARGS__)

static int get_name(struct loader *loader, uint32_t index, unsigned offset, const char **ret_name)
{
	const char *name = (const char *)command_at(loader, index) + offset;

	if (name[0] == '\0' || !memchr(name, '\0', LOADER_NAME_BYTES))
		return REFUSE(loader, index, "the name of a file is empty or does not end");
	*ret_name = name;
	return 0;
}

static struct placed *find_placed(struct loader *loader, const char *name)
{
	unsigned i;

	for (i = 0; i < loader->file_count; i++)
		if (strcmp(loader->files[i].name, name) == 0)
			return &loader->files[i];
	return NULL;
}

/* The file a command works on: it must have been allocated by one before. */
static int get_file(struct loader *loader, uint32_t index, unsigned offset,
		    struct placed **ret_file)
{
	const char *name;
	int status = get_name(loader, index, offset, &name);

	if (status)
		return status;
	*ret_file = find_placed(loader, name);
	if (!*ret_file || (*ret_file)->command > index)
		return REFUSE(loader, index, "%s has not been allocated", name);
	return 0;
}

/* --- the files find their places ------------------------------------------------ */

static int place(struct loader *loader, uint32_t index, const char *name)
{
	const uint8_t *command = command_at(loader, index);
	uint32_t align = le32(command + ALLOCATE_ALIGN), size = 0;
	const struct loader_memory *memory = loader->memory;
	uint64_t offset;
	int status;

	if (align == 0 || (align & (align - 1)) != 0)
		return REFUSE(loader, index, "an alignment of 0x%" PRIx32 " for %s", align, name);
	if (command[ALLOCATE_ZONE] != ZONE_HIGH && command[ALLOCATE_ZONE] != ZONE_FSEG)
		return REFUSE(loader, index, "no such zone: %u", command[ALLOCATE_ZONE]);
	if (find_placed(loader, name))
		return REFUSE(loader, index, "%s is allocated twice", name);
	if (loader->file_count == LOADER_FILES_MAX)
		return REFUSE(loader, index, "more than %u files", LOADER_FILES_MAX);
	status = loader->source->find(loader->source, name, &size, loader->err);
	if (status)
		return status;

	offset = align_up(memory->pa + loader->used, align) - memory->pa;
	if (!range_within(offset, size, 0, memory->size))
		return error_set(loader->err, size ? -ENOSPC : -EBADMSG,
				 "the machine's tables: %s, 0x%" PRIx32
				 " bytes, is empty or does not fit",
				 name, size);
	loader->files[loader->file_count++] =
		(struct placed){ .name = name, .command = index, .size = size, .offset = offset };
	loader->used = offset + size;
	return loader->source->load(loader->source, name, memory->bytes + offset, size,
				    loader->err);
}

/* Places every file called first, or every other one. */
static int place_files(struct loader *loader, const char *first, bool is_first)
{
	uint32_t i;

	for (i = 0; i < loader->commands; i++) {
		const char *name;
		int status;

		if (le32(command_at(loader, i) + OF_COMMAND) != ALLOCATE)
			continue;
		status = get_name(loader, i, OF_NAME, &name);
		if (!status && (strcmp(name, first) == 0) == is_first)
			status = place(loader, i, name);
		if (status)
			return status;
	}
	return 0;
}

static int place_all(struct loader *loader, const char *first)
{
	int status = place_files(loader, first, true);

	if (status)
		return status;
	if (loader->file_count == 0)
		return error_set(loader->err, -EBADMSG, "the table loader allocates no %s", first);
	if (loader->files[0].offset != 0)
		return error_set(loader->err, -EBADMSG, "the table loader wants %s elsewhere",
				 first);
	return place_files(loader, first, false);
}

/* --- what is done to them ----------------------------------------------------------- */

static uint64_t get_number(const uint8_t *bytes, unsigned size)
{
	uint64_t number = 0;

	while (size-- > 0)
		number = number << 8 | bytes[size];
	return number;
}

static void put_number(uint8_t *bytes, unsigned size, uint64_t number)
{
	for (; size > 0; size--, number >>= 8)
		*bytes++ = (uint8_t)number;
}

/* The field is an offset into the source; it becomes an address. */
static int add_pointer(struct loader *loader, uint32_t index)
{
	const uint8_t *command = command_at(loader, index);
	uint32_t offset = le32(command + POINTER_OFFSET);
	unsigned size = command[POINTER_SIZE];
	struct placed *file, *source;
	uint64_t pointer;
	uint8_t *field;
	int status;

	status = get_file(loader, index, OF_NAME, &file);
	if (!status)
		status = get_file(loader, index, POINTER_SOURCE, &source);
	if (status)
		return status;
	if (size != 1 && size != 2 && size != 4 && size != 8)
		return REFUSE(loader, index, "a pointer of %u bytes", size);
	if (!range_within(offset, size, 0, file->size))
		return REFUSE(loader, index, "offset 0x%" PRIx32 " is outside %s", offset,
			      file->name);

	field = loader->memory->bytes + file->offset + offset;
	pointer = get_number(field, size);
	if (pointer >= source->size)
		return REFUSE(loader, index, "it points outside %s, to 0x%" PRIx64, source->name,
			      pointer);
	pointer += loader->memory->pa + source->offset;
	if (size < 8 && pointer >> (8 * size) != 0)
		return REFUSE(loader, index, "%s lies too high for a pointer of %u bytes",
			      source->name, size);
	put_number(field, size, pointer);
	return 0;
}

static int add_checksum(struct loader *loader, uint32_t index)
{
	const uint8_t *command = command_at(loader, index);
	uint32_t offset = le32(command + CHECKSUM_OFFSET);
	uint32_t start = le32(command + CHECKSUM_START), i;
	uint32_t length = le32(command + CHECKSUM_LENGTH);
	struct placed *file;
	uint8_t *bytes, sum = 0;
	int status = get_file(loader, index, OF_NAME, &file);

	if (status)
		return status;
	if (!range_within(start, length, 0, file->size))
		return REFUSE(loader, index, "0x%" PRIx32 "+0x%" PRIx32 " is no part of %s", start,
			      length, file->name);
	if (!range_within(offset, 1, start, length))
		return REFUSE(loader, index, "the checksum is not among the bytes it is of");

	bytes = loader->memory->bytes + file->offset;
	for (i = 0; i < length; i++)
		sum = (uint8_t)(sum + bytes[start + i]);
	bytes[offset] = (uint8_t)(bytes[offset] - sum);
	return 0;
}

static int run_command(struct loader *loader, uint32_t index)
{
	uint32_t command = le32(command_at(loader, index) + OF_COMMAND);

	switch (command) {
	case PADDING:
	case ALLOCATE:
		return 0;
	case ADD_POINTER:
		return add_pointer(loader, index);
	case ADD_CHECKSUM:
		return add_checksum(loader, index);
	case WRITE_POINTER:
		return REFUSE(loader, index,
			      "a device that wants to be told where its tables are cannot be "
			      "on this board");
	default:
		return REFUSE(loader, index, "no such command: %" PRIu32, command);
	}
}

int table_loader_run(const void *script, uint32_t script_size, const char *first,
		     struct loader_source *source, const struct loader_memory *memory,
		     uint64_t *ret_used, struct error *err)
{
	struct loader loader = { .script = script, .memory = memory, .source = source, .err = err,
				 .commands = script_size / LOADER_COMMAND_BYTES };
	uint32_t i;
	int status;

	if (script_size % LOADER_COMMAND_BYTES != 0)
		return error_set(err, -EBADMSG, "the table loader's 0x%" PRIx32
				 " bytes are no whole commands", script_size);
	status = place_all(&loader, first);
	for (i = 0; !status && i < loader.commands; i++)
		status = run_command(&loader, i);
	if (status)
		return status;
	*ret_used = loader.used;
	return 0;
}
