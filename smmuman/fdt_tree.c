// SPDX-License-Identifier: BSD-2-Clause
/* Devicetree Specification 0.4, chapters 2 (ranges, reg, status) and 5. */
#include "fdt_tree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <libfdt.h>

#include "arith.h"

static int here(const struct fdt_tree *tree)
{
	return tree->frames[tree->depth].node;
}

int fdt_tree_node(const struct fdt_tree *tree)
{
	return here(tree);
}

int fdt_tree_parent(const struct fdt_tree *tree)
{
	return tree->frames[tree->depth - 1].node;
}

/* The path of the frame at depth, printable and cut; true when it is exact. */
static bool frame_path(const struct fdt_tree *tree, int depth, char path[DEVNAME_MAX])
{
	size_t used = 0;
	bool is_exact = true;
	const char *name;
	int i;

	path[used++] = '/';
	for (i = 1; i <= depth; i++) {
		if (i > 1 && used < DEVNAME_MAX - 1)
			path[used++] = '/';
		name = fdt_get_name(tree->fdt, tree->frames[i].node, NULL);
		for (; name && *name && used < DEVNAME_MAX - 1; name++)
			path[used++] = *name > 0x20 && *name < 0x7f ? *name : '?';
		is_exact = is_exact && name && !*name;
	}
	path[used] = '\0';
	return is_exact;
}

bool fdt_tree_path(const struct fdt_tree *tree, char path[DEVNAME_MAX])
{
	return frame_path(tree, tree->depth, path);
}

int fdt_tree_refuse(const struct fdt_tree *tree, const char *format, ...)
{
	char path[DEVNAME_MAX], reason[ERROR_TEXT_MAX];
	va_list args;

	fdt_tree_path(tree, path);
	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	return error_set(tree->err, -EINVAL, "device tree node %s: %s", path, reason);
}

/* --- properties ---------------------------------------------------------------- */

static int get_cells(const struct fdt_tree *tree, int node, const char *name,
		     struct fdt_cells *ret_cells)
{
	int length = 0;
	const void *value = fdt_getprop(tree->fdt, node, name, &length);

	*ret_cells = (struct fdt_cells){ 0 };
	if (!value)
		return length == -FDT_ERR_NOTFOUND
			       ? 0
			       : fdt_tree_refuse(tree, "%s is unreadable", name);
	if (length % 4)
		return fdt_tree_refuse(tree, "%s is %d bytes long, not a multiple of 4", name,
				       length);
	*ret_cells =
		(struct fdt_cells){ .bytes = value, .count = (uint32_t)length / 4, .exists = true };
	return 0;
}

int fdt_tree_cells(const struct fdt_tree *tree, const char *name, struct fdt_cells *ret_cells)
{
	return get_cells(tree, here(tree), name, ret_cells);
}

uint32_t fdt_cell(const struct fdt_cells *cells, uint32_t index)
{
	return fdt32_ld((const fdt32_t *)cells->bytes + index);
}

int fdt_tree_cell(const struct fdt_tree *tree, const char *name, uint32_t fallback,
		  uint32_t *ret_value)
{
	struct fdt_cells cells;
	int result;

	result = fdt_tree_cells(tree, name, &cells);
	if (result)
		return result;
	if (cells.exists && cells.count != 1)
		return fdt_tree_refuse(tree, "%s has %" PRIu32 " cells, not 1", name, cells.count);
	*ret_value = cells.exists ? fdt_cell(&cells, 0) : fallback;
	return 0;
}

bool fdt_tree_is_compatible(const struct fdt_tree *tree, const char *wanted)
{
	return fdt_node_check_compatible(tree->fdt, here(tree), wanted) == 0;
}

const char *fdt_tree_compatible(const struct fdt_tree *tree)
{
	if (fdt_stringlist_count(tree->fdt, here(tree), "compatible") < 1)
		return NULL;
	return fdt_stringlist_get(tree->fdt, here(tree), "compatible", 0, NULL);
}

uint32_t fdt_tree_phandle(const struct fdt_tree *tree)
{
	return fdt_get_phandle(tree->fdt, here(tree));
}

bool fdt_tree_is_on_pci(const struct fdt_tree *tree)
{
	return tree->frames[tree->depth - 1].address_cells == 3;
}

/* --- registers ------------------------------------------------------------------- */

static bool cells_hold_number(int count)
{
	return count == 1 || count == 2;
}

/* A number of count cells, the first of which is cells[index]. */
static uint64_t cells_number(const struct fdt_cells *cells, uint32_t index, int count)
{
	uint64_t value = 0;

	while (count-- > 0)
		value = value << 32 | fdt_cell(cells, index++);
	return value;
}

/*
 * One step up: from the addresses of frames[level]'s children to those of its
 * siblings. Size 0 when that bus is not mapped into its parent's addresses.
 */
static int translate_step(const struct fdt_tree *tree, int level, struct topology_window *window)
{
	const struct fdt_frame *bus = &tree->frames[level];
	int above = tree->frames[level - 1].address_cells;
	uint32_t entry_cells, i;
	struct fdt_cells cells;
	char path[DEVNAME_MAX];
	int result;

	result = get_cells(tree, bus->node, "ranges", &cells);
	if (result || (cells.exists && cells.count == 0))
		return result;
	if (!cells.exists || !cells_hold_number(above)) {
		window->size = 0;
		return 0;
	}
	frame_path(tree, level, path);
	entry_cells = (uint32_t)(bus->address_cells + above + bus->size_cells);
	if (cells.count % entry_cells)
		return fdt_tree_refuse(
			tree, "ranges of its bus %.60s is not a multiple of %" PRIu32 " cells",
			path, entry_cells);
	for (i = 0; i < cells.count; i += entry_cells) {
		uint32_t to = i + (uint32_t)bus->address_cells;
		uint64_t child = cells_number(&cells, i, bus->address_cells);
		uint64_t parent = cells_number(&cells, to, above);
		uint64_t length = cells_number(&cells, to + (uint32_t)above, bus->size_cells);

		if (!range_within(window->base, window->size, child, length))
			continue;
		if (range_is_bad(parent, length))
			return fdt_tree_refuse(tree, "ranges of its bus %.60s wraps around", path);
		window->base = parent + (window->base - child);
		return 0;
	}
	return fdt_tree_refuse(tree,
			       "registers at 0x%" PRIx64 "+0x%" PRIx64
			       " are not covered by the ranges of its bus %.60s",
			       window->base, window->size, path);
}

/* The size is 0 on a bus that is not mapped. */
int fdt_tree_window(const struct fdt_tree *tree, uint32_t index, struct topology_window *ret_window)
{
	const struct fdt_frame *bus = &tree->frames[tree->depth - 1];
	struct topology_window window;
	struct fdt_cells cells;
	uint32_t entry_cells, first;
	int result, level;

	*ret_window = (struct topology_window){ 0 };
	result = fdt_tree_cells(tree, "reg", &cells);
	if (result || !cells.exists)
		return result;
	if (!cells_hold_number(bus->address_cells) || !cells_hold_number(bus->size_cells))
		return 0;
	entry_cells = (uint32_t)(bus->address_cells + bus->size_cells);
	if (cells.count % entry_cells)
		return fdt_tree_refuse(tree,
				       "reg has %" PRIu32 " cells, not a multiple of %" PRIu32,
				       cells.count, entry_cells);
	if (index >= cells.count / entry_cells)
		return 0;
	first = index * entry_cells;
	window.base = cells_number(&cells, first, bus->address_cells);
	window.size = cells_number(&cells, first + (uint32_t)bus->address_cells, bus->size_cells);
	if (range_is_bad(window.base, window.size))
		return fdt_tree_refuse(tree,
				       "reg entry %" PRIu32 ", 0x%" PRIx64 "+0x%" PRIx64
				       ", is empty or wraps around",
				       index, window.base, window.size);
	for (level = tree->depth - 1; level >= 1 && window.size; level--) {
		result = translate_step(tree, level, &window);
		if (result)
			return result;
	}
	*ret_window = window;
	return 0;
}

/* --- the walk ---------------------------------------------------------------------- */

static int check_enabled(const struct fdt_tree *tree, bool *ret_enabled)
{
	int length = 0;
	const char *status = fdt_getprop(tree->fdt, here(tree), "status", &length);

	*ret_enabled = true;
	if (!status)
		return 0;
	if (length < 1 || status[length - 1] != '\0')
		return fdt_tree_refuse(tree, "status is no string");
	*ret_enabled = strcmp(status, "okay") == 0 || strcmp(status, "ok") == 0;
	return 0;
}

int fdt_tree_walk(struct fdt_tree *tree, fdt_visit_fn *visit, void *context)
{
	int depth = -1, node = -1, disabled_depth = FDT_TREE_DEPTH, result;
	bool is_enabled;

	tree->depth = 0;
	while ((node = fdt_next_node(tree->fdt, node, &depth)) >= 0 && depth >= 0) {
		if (depth >= FDT_TREE_DEPTH)
			return fdt_tree_refuse(tree, "has nodes nested deeper than %d",
					       FDT_TREE_DEPTH);
		if (depth > disabled_depth)
			continue;
		tree->depth = depth;
		tree->frames[depth] = (struct fdt_frame){
			.node = node,
			.address_cells = fdt_address_cells(tree->fdt, node),
			.size_cells = fdt_size_cells(tree->fdt, node),
		};
		result = check_enabled(tree, &is_enabled);
		if (!result && is_enabled && depth > 0)
			result = visit(tree, context);
		if (result)
			return result;
		disabled_depth = is_enabled ? FDT_TREE_DEPTH : depth;
	}
	return 0;
}

int fdt_tree_open(struct fdt_tree *tree, const void *fdt, uint64_t size, struct error *err)
{
	int result;

	*tree = (struct fdt_tree){ .fdt = fdt, .err = err };
	result = size > INT32_MAX ? -FDT_ERR_BADSTRUCTURE : fdt_check_full(fdt, (size_t)size);
	if (result)
		return error_set(err, -EINVAL, "the device tree is damaged: %s",
				 fdt_strerror(result));
	return 0;
}
