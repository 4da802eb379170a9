// SPDX-License-Identifier: BSD-2-Clause
#include "acpi_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acpi_tables.h"
#include "arith.h"
#include "bits.h"
#include "list.h"
#include "scoped.h"

#define TABLE_MAX 65536u
#define LINE_MAX_BYTES 512
#define BLANKS " \t\r\n"

static struct acpi_text *text_of(struct machine *machine)
{
	return list_entry(machine, struct acpi_text, machine);
}

/* --- the machine --------------------------------------------------------------------- */

static uint32_t config_read(struct machine *machine, uint64_t address, unsigned size)
{
	return pci_fake_read(&text_of(machine)->pci, address, size);
}

static void config_write(struct machine *machine, uint64_t address, unsigned size, uint32_t value)
{
	pci_fake_write(&text_of(machine)->pci, address, size, value);
}

static bool is_in(const struct extent *list, uint32_t count, uint64_t base, uint64_t length)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		if (range_overlaps(base, length, list[i].pa.v, list[i].length))
			return true;
	return false;
}

static bool is_memory(struct machine *machine, pa_t pa, uint64_t length)
{
	if (range_is_bad(pa.v, length))
		return false;
	return is_in(machine->ram, machine->ram_count, pa.v, length) ||
	       is_in(machine->reserved, machine->reserved_count, pa.v, length) ||
	       (machine->arena_size &&
		range_overlaps(pa.v, length, machine->arena_pa.v, machine->arena_size));
}

static const struct machine_ops text_ops = {
	.is_memory = is_memory,
	.config_read = config_read,
	.config_write = config_write,
};

/* --- bytes ------------------------------------------------------------------------------ */

static struct machine_table *last_table(struct acpi_text *text)
{
	return &text->machine.tables[text->machine.table_count - 1];
}

static int add_byte(struct acpi_text *text, uint8_t byte)
{
	struct machine_table *table = last_table(text);

	if (text->machine.table_count == 0 || table->size == TABLE_MAX)
		return -1;
	((uint8_t *)table->bytes)[table->size++] = byte;
	return 0;
}

static int add_number(struct acpi_text *text, uint64_t number, unsigned width)
{
	int bad = 0;

	for (; width > 0; width--, number >>= 8)
		bad |= add_byte(text, (uint8_t)number);
	return bad;
}

static int add_numbers(struct acpi_text *text, char *rest, unsigned width)
{
	char *word, *end, *saved = NULL;
	int bad = 0;

	for (word = strtok_r(rest, "," BLANKS, &saved); word && !bad;
	     word = strtok_r(NULL, "," BLANKS, &saved)) {
		bad = add_number(text, strtoull(word, &end, 0), width);
		if (*end)
			bad = -1;
	}
	return bad;
}

/* The header's length and checksum are acpi_tables.c's business: none here is wrong. */
static int begin_table(struct acpi_text *text, const char *name)
{
	struct machine *machine = &text->machine;
	struct machine_table *table;

	if (machine->table_count == MACHINE_TABLES_MAX)
		return -1;
	table = &machine->tables[machine->table_count++];
	table->bytes = calloc(1, TABLE_MAX);
	snprintf(table->signature, sizeof(table->signature), "%s", name);
	if (!table->bytes)
		return -1;
	memcpy(table->bytes, table->signature, 4);
	table->size = ACPI_HEADER_BYTES;
	return 0;
}

/* A byte too far is seen by a sanitizer. */
static int trim_tables(struct acpi_text *text)
{
	uint32_t i;

	for (i = 0; i < text->machine.table_count; i++) {
		struct machine_table *table = &text->machine.tables[i];
		uint8_t *exact = malloc(table->size);

		if (!exact)
			return -1;
		memcpy(exact, table->bytes, table->size);
		free(table->bytes);
		table->bytes = exact;
	}
	return 0;
}

/* --- lines ------------------------------------------------------------------------------- */

static int add_extent(const char *rest, struct extent *list, uint32_t *count)
{
	char *end;
	uint64_t base = strtoull(rest, &end, 0);
	uint64_t length = strtoull(end, &end, 0);

	if (length == 0 || end[strspn(end, BLANKS)] || *count == MACHINE_RAM_MAX)
		return -1;
	list[(*count)++] = (struct extent){ PA(base), length };
	return 0;
}

static int take_arena(struct acpi_text *text, const char *rest)
{
	struct extent arena;
	uint32_t count = 0;

	if (add_extent(rest, &arena, &count))
		return -1;
	text->machine.arena_pa = arena.pa;
	text->machine.arena_size = arena.length;
	return 0;
}

static int take_function(struct acpi_text *text, const char *verb, const char *rest)
{
	struct pci_fake_function *function;
	uint32_t numbers[6], i; /* bus, slot, function, and what the verb wants */
	char *end;

	for (i = 0; i < ARRAY_COUNT(numbers); i++, rest = end) {
		rest += strspn(rest, ":." BLANKS);
		numbers[i] = (uint32_t)strtoul(rest, &end, 16);
		if (i < 3 && end == rest)
			return -1;
	}
	function = pci_fake_find(&text->pci, numbers[0], numbers[1], numbers[2]);
	if (!function)
		function = pci_fake_add(&text->pci, numbers[0], numbers[1], numbers[2]);
	if (strcmp(verb, "bridge") == 0)
		pci_fake_make_bridge(function, numbers[3], numbers[4]);
	else if (strcmp(verb, "port") == 0) {
		pci_fake_make_express(function, numbers[3], false);
		pci_fake_add_acs(function, 0x1d);
	} else if (strcmp(verb, "class") == 0)
		function->bytes[0x0b] = (uint8_t)numbers[3];
	else if (strcmp(verb, "bar") == 0)
		pci_fake_set_bar(function, numbers[3], numbers[4], numbers[5], 0);
	return 0;
}

static int read_file(struct acpi_text *text, const char *path);

static int include(struct acpi_text *text, const char *from, const char *name)
{
	const char *slash = strrchr(from, '/');
	char path[512];

	snprintf(path, sizeof(path), "%.*s%s", slash ? (int)(slash - from) + 1 : 0, from, name);
	return read_file(text, path);
}

static int fill(struct acpi_text *text, const char *rest)
{
	unsigned long count = strtoul(rest, NULL, 0);
	int bad = 0;

	while (count-- > 0 && !bad)
		bad = add_byte(text, 0);
	return bad;
}

static int take_line(struct acpi_text *text, const char *path, char *line)
{
	static const char functions[][10] = { "function", "bridge", "port", "class", "bar" };
	static const struct { char verb[3]; unsigned width; } numbers[] = {
		{ "db", 1 }, { "dw", 2 }, { "dd", 4 }, { "dq", 8 },
	};
	char *verb, *rest = NULL;
	size_t i;

	verb = strtok_r(line, BLANKS, &rest);
	rest[strcspn(rest, "\r\n")] = '\0';
	for (i = 0; i < ARRAY_COUNT(numbers); i++)
		if (strcmp(verb, numbers[i].verb) == 0)
			return add_numbers(text, rest, numbers[i].width);
	for (i = 0; i < ARRAY_COUNT(functions); i++)
		if (strcmp(verb, functions[i]) == 0)
			return take_function(text, verb, rest);
	if (strcmp(verb, "include") == 0)
		return include(text, path, rest + strspn(rest, BLANKS));
	if (strcmp(verb, "reserved") == 0)
		return add_extent(rest, text->machine.reserved, &text->machine.reserved_count);
	if (strcmp(verb, "ram") == 0)
		return add_extent(rest, text->machine.ram, &text->machine.ram_count);
	if (strcmp(verb, "arena") == 0)
		return take_arena(text, rest);
	if (strcmp(verb, "table") == 0)
		return begin_table(text, rest + strspn(rest, BLANKS));
	if (strcmp(verb, "fill") == 0)
		return fill(text, rest);
	if (strcmp(verb, "cut") == 0) {
		last_table(text)->size -= (uint32_t)strtoul(rest, NULL, 0);
		return 0;
	}
	if (strcmp(verb, "text") == 0) {
		for (rest += strspn(rest, BLANKS); *rest; rest++)
			if (add_byte(text, (uint8_t)*rest))
				return -1;
		return add_byte(text, 0);
	}
	text->wants_scan |= strcmp(verb, "scan") == 0;
	return strcmp(verb, "scan") == 0 ? 0 : -1;
}

static int read_file(struct acpi_text *text, const char *path)
{
	scoped_file file = fopen(path, "r");
	char line[LINE_MAX_BYTES];
	unsigned number = 0;
	int bad = file ? 0 : -1;

	while (!bad && fgets(line, sizeof(line), file)) {
		number++;
		line[strcspn(line, "#")] = '\0';
		if (line[strspn(line, BLANKS)])
			bad = take_line(text, path, line);
	}
	if (bad)
		fprintf(stderr, "%s:%u: cannot be read\n", path, number);
	return bad;
}

int acpi_text_open(const char *path, struct acpi_text *text)
{
	*text = (struct acpi_text){ .machine = { .ops = &text_ops, .lost_fd = -1 } };
	pci_fake_init(&text->pci, ACPI_TEXT_ECAM, 0);
	return read_file(text, path) || trim_tables(text) ? -1 : 0;
}

void acpi_text_close(struct acpi_text *text)
{
	acpi_tables_free(&text->machine);
	pci_fake_fini(&text->pci);
}
