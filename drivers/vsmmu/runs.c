// SPDX-License-Identifier: BSD-2-Clause
/* A treap: ordered by address, and by random weights kept shallow. */
#include "runs.h"

#include <stddef.h>

#include "log.h"

/* xorshift32; who chooses addresses cannot see the weights. */
static uint32_t weight_make(struct runs *runs)
{
	uint32_t x = runs->seed ? runs->seed : 1;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	runs->seed = x;
	return x;
}

static struct run **link_towards(struct run *node, uint64_t iova)
{
	return iova < node->iova ? &node->left : &node->right;
}

/* The nodes below *link go to one side of the run or the other. */
static void split_below(struct run *node, struct run *run)
{
	struct run **lower = &run->left, **upper = &run->right;

	while (node) {
		if (node->iova < run->iova) {
			*lower = node;
			lower = &node->right;
			node = node->right;
		} else {
			*upper = node;
			upper = &node->left;
			node = node->left;
		}
	}
	*lower = *upper = NULL;
}

void runs_insert(struct runs *runs, struct run *run)
{
	struct run **link = &runs->root;

	run->weight = weight_make(runs);
	while (*link && (*link)->weight >= run->weight)
		link = link_towards(*link, run->iova);
	split_below(*link, run);
	*link = run;
	runs->count++;
}

void runs_remove(struct runs *runs, struct run *run)
{
	struct run **link = &runs->root;
	struct run *lower = run->left, *upper = run->right;

	while (*link && *link != run)
		link = link_towards(*link, run->iova);
	check(*link);
	while (lower && upper) {
		if (lower->weight > upper->weight) {
			*link = lower;
			link = &lower->right;
			lower = lower->right;
		} else {
			*link = upper;
			link = &upper->left;
			upper = upper->left;
		}
	}
	*link = lower ? lower : upper;
	runs->count--;
}

struct run *runs_at_or_above(const struct runs *runs, uint64_t iova)
{
	struct run *node = runs->root, *best = NULL;

	while (node) {
		if (run_last(node) < iova) {
			node = node->right;
		} else {
			best = node;
			node = node->left;
		}
	}
	return best;
}
