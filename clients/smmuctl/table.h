/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A table for people: columns as wide as their widest cell. Cells are made fit
 * to print. Memory that runs out is remembered and told by table_print().
 */
#ifndef SMMUMAN_CLIENTS_SMMUCTL_TABLE_H
#define SMMUMAN_CLIENTS_SMMUCTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "smmuctl.h"

#define TABLE_COLUMNS_MAX 12u

struct table_column {
	const char *title;
	bool is_number; /* to the right */
};

struct table_row {
	char *cells[TABLE_COLUMNS_MAX];
	unsigned cell_count;
	char *note; /* printed below the row */
	bool is_red;
};

struct table {
	const struct table_column *columns;
	unsigned column_count;
	struct table_row *rows;
	size_t row_count;
	bool has_failed;
};

void table_init(struct table *table, const struct table_column *columns, unsigned column_count);
void table_fini(struct table *table);

void table_row(struct table *table, bool is_red);
/* The next cell of the newest row. */
void table_cell(struct table *table, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* "": none. */
void table_note(struct table *table, const char *note);

/* CTL_DONE, or CTL_FAILED when memory had run out. */
int table_print(const struct table *table, const struct ctl *ctl);

#endif
