/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A walk over a flattened device tree that believes nothing: every length is
 * checked, every refusal names the node. The one user of libfdt.
 */
#ifndef SMMUMAN_SMMUMAN_FDT_TREE_H
#define SMMUMAN_SMMUMAN_FDT_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "devname.h"
#include "error.h"
#include "topology.h"

#define FDT_TREE_DEPTH 32

/* A node on the way from the root, and how its children write addresses. */
struct fdt_frame {
	int node;
	int address_cells, size_cells; /* negative: malformed */
};

struct fdt_tree {
	const void *fdt;
	struct error *err;
	struct fdt_frame frames[FDT_TREE_DEPTH]; /* frames[depth]: the node being visited */
	int depth;
};

/* A property as 32-bit cells; exists is false and count 0 when there is none. */
struct fdt_cells {
	const void *bytes;
	uint32_t count;
	bool exists;
};

/* Is it a whole device tree of at most size bytes? -EINVAL with the reason. */
int fdt_tree_open(struct fdt_tree *tree, const void *fdt, uint64_t size, struct error *err);

/*
 * Visits every enabled node but the root whose ancestors are enabled too,
 * parents first; ends with the first visit that does not return 0.
 */
typedef int fdt_visit_fn(struct fdt_tree *tree, void *context);
int fdt_tree_walk(struct fdt_tree *tree, fdt_visit_fn *visit, void *context);

/* The rest is about the node being visited. */

/* What tells this node from all others, and its parent's. */
int fdt_tree_node(const struct fdt_tree *tree);
int fdt_tree_parent(const struct fdt_tree *tree);

/* Sets "device tree node PATH: ..." and returns -EINVAL. */
int fdt_tree_refuse(const struct fdt_tree *tree, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Its path, made printable and cut to fit; true when that changed nothing. */
bool fdt_tree_path(const struct fdt_tree *tree, char path[DEVNAME_MAX]);

/* -EINVAL when the length is no multiple of 4. */
int fdt_tree_cells(const struct fdt_tree *tree, const char *name, struct fdt_cells *ret_cells);

/* A property of exactly one cell; fallback when there is none. */
int fdt_tree_cell(const struct fdt_tree *tree, const char *name, uint32_t fallback,
		  uint32_t *ret_value);

/* index must be below cells->count. */
uint32_t fdt_cell(const struct fdt_cells *cells, uint32_t index);

bool fdt_tree_is_compatible(const struct fdt_tree *tree, const char *wanted);

/* The first string of compatible; NULL when that is no list of strings. */
const char *fdt_tree_compatible(const struct fdt_tree *tree);

/* 0 when it has none. */
uint32_t fdt_tree_phandle(const struct fdt_tree *tree);

/* Does it sit on a PCI bus, whose addresses have three cells? */
bool fdt_tree_is_on_pci(const struct fdt_tree *tree);

/*
 * Entry index of reg as the processor sees it, ranges of all buses applied.
 * Size 0: there is none, or the bus is not mapped (I2C, PCI).
 */
int fdt_tree_window(const struct fdt_tree *tree, uint32_t index,
		    struct topology_window *ret_window);

#endif
