// SPDX-License-Identifier: BSD-2-Clause
#include "table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "scoped.h"
#include "text.h"

#define GAP 2
#define NOTE_INDENT 4u

void table_init(struct table *table, const struct table_column *columns, unsigned column_count)
{
	*table = (struct table){ .columns = columns, .column_count = column_count };
}

void table_fini(struct table *table)
{
	size_t i, k;

	for (i = 0; i < table->row_count; i++) {
		for (k = 0; k < table->rows[i].cell_count; k++)
			free(table->rows[i].cells[k]);
		free(table->rows[i].note);
	}
	free(table->rows);
}

void table_row(struct table *table, bool is_red)
{
	size_t count = table->row_count;
	struct table_row *rows = table->rows;

	/* Powers of two: room grows when the count reaches one. */
	if ((count & (count - 1)) == 0)
		rows = realloc(rows, (count ? 2 * count : 1) * sizeof(*rows));
	if (!rows) {
		table->has_failed = true;
		return;
	}
	table->rows = rows;
	rows[table->row_count++] = (struct table_row){ .is_red = is_red };
}

static char *clean_copy(struct table *table, const char *text)
{
	size_t size = 4 * strlen(text) + 2;
	char *copy = malloc(size);

	if (copy)
		return text_clean(copy, size, text);
	table->has_failed = true;
	return NULL;
}

void table_cell(struct table *table, const char *format, ...)
{
	scoped_free char *text = NULL;
	struct table_row *row;
	va_list args;

	if (table->has_failed)
		return;
	row = &table->rows[table->row_count - 1];
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	row->cells[row->cell_count] = text ? clean_copy(table, text) : NULL;
	if (row->cells[row->cell_count])
		row->cell_count++;
	else
		table->has_failed = true;
}

void table_note(struct table *table, const char *note)
{
	if (!table->has_failed && *note)
		table->rows[table->row_count - 1].note = clean_copy(table, note);
}

static int column_width(const struct table *table, unsigned column)
{
	size_t width = strlen(table->columns[column].title), i, length;

	for (i = 0; i < table->row_count; i++) {
		length = strlen(table->rows[i].cells[column]);
		width = length > width ? length : width;
	}
	return (int)width;
}

static void print_cell(const struct table *table, const struct ctl *ctl, const int *widths,
		       unsigned column, const char *text)
{
	bool is_last = column + 1 == table->column_count;

	if (table->columns[column].is_number)
		fprintf(ctl->out, "%*s", widths[column], text);
	else
		fprintf(ctl->out, "%-*s", is_last ? 0 : widths[column], text);
	fprintf(ctl->out, "%*s", is_last ? 0 : GAP, "");
}

int table_print(const struct table *table, const struct ctl *ctl)
{
	int widths[TABLE_COLUMNS_MAX];
	unsigned k;
	size_t i;

	if (table->has_failed) {
		ctl_say(ctl, "no memory for the answer");
		return CTL_FAILED;
	}
	for (k = 0; k < table->column_count; k++)
		widths[k] = column_width(table, k);
	for (k = 0; k < table->column_count; k++)
		print_cell(table, ctl, widths, k, table->columns[k].title);
	fputc('\n', ctl->out);
	for (i = 0; i < table->row_count; i++) {
		const struct table_row *row = &table->rows[i];

		fputs(row->is_red ? ctl_red(ctl) : "", ctl->out);
		for (k = 0; k < table->column_count; k++)
			print_cell(table, ctl, widths, k, row->cells[k]);
		fputc('\n', ctl->out);
		if (row->note) {
			fprintf(ctl->out, "%*s", (int)NOTE_INDENT, "");
			text_wrap(ctl->out, NOTE_INDENT, NOTE_INDENT, row->note);
		}
		fputs(row->is_red ? ctl_plain(ctl) : "", ctl->out);
	}
	return CTL_DONE;
}
