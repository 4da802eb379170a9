/* SPDX-License-Identifier: BSD-2-Clause */
/* A circular list threaded through its members. */
#ifndef SMMUMAN_COMMON_LIST_H
#define SMMUMAN_COMMON_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define list_entry(node, type, member) \
	((type *)(void *)((char *)(node)-offsetof(type, member)))

#define list_for_each(pos, head) \
	for ((pos) = (head)->next; (pos) != (head); (pos) = (pos)->next)

/* Survives the removal of pos itself. */
#define list_for_each_safe(pos, after, head) \
	for ((pos) = (head)->next, (after) = (pos)->next; (pos) != (head); \
	     (pos) = (after), (after) = (pos)->next)

static inline void list_init(struct list *head)
{
	head->next = head->prev = head;
}

static inline bool list_is_empty(const struct list *head)
{
	return head->next == head;
}

static inline void list_add_tail(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

/* The removed node is empty again, so a second removal is harmless. */
static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

#endif
