// SPDX-License-Identifier: BSD-2-Clause
#include "list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct item {
	int number;
	struct list node;
};

static int number_of(const struct list *node)
{
	return list_entry(node, struct item, node)->number;
}

static void list_new_is_empty(void **state)
{
	struct list head;

	(void)state;
	list_init(&head);
	assert_true(list_is_empty(&head));
}

static void list_add_tail_keeps_the_order(void **state)
{
	struct item items[3] = { { .number = 0 }, { .number = 1 }, { .number = 2 } };
	struct list head, *pos;
	int want = 0;
	int i;

	(void)state;
	list_init(&head);
	for (i = 0; i < 3; i++)
		list_add_tail(&head, &items[i].node);
	list_for_each (pos, &head)
		assert_int_equal(number_of(pos), want++);
	assert_int_equal(want, 3);
}

static void list_remove_in_the_middle_joins_the_rest(void **state)
{
	struct item items[3] = { { .number = 0 }, { .number = 1 }, { .number = 2 } };
	struct list head;
	int i;

	(void)state;
	list_init(&head);
	for (i = 0; i < 3; i++)
		list_add_tail(&head, &items[i].node);
	list_remove(&items[1].node);
	assert_int_equal(number_of(head.next), 0);
	assert_int_equal(number_of(head.next->next), 2);
	assert_int_equal(number_of(head.prev->prev), 0);
}

static void list_remove_twice_is_harmless(void **state)
{
	struct item a = { .number = 1 };
	struct item b = { .number = 2 };
	struct list head;

	(void)state;
	list_init(&head);
	list_add_tail(&head, &a.node);
	list_add_tail(&head, &b.node);
	list_remove(&a.node);
	list_remove(&a.node);
	assert_ptr_equal(head.next, &b.node);
	assert_ptr_equal(head.prev, &b.node);
}

static void list_for_each_safe_survives_removing_all(void **state)
{
	struct item items[3] = { { .number = 0 }, { .number = 1 }, { .number = 2 } };
	struct list head, *pos, *after;
	int seen = 0;
	int i;

	(void)state;
	list_init(&head);
	for (i = 0; i < 3; i++)
		list_add_tail(&head, &items[i].node);
	list_for_each_safe (pos, after, &head) {
		assert_int_equal(number_of(pos), seen++);
		list_remove(pos);
	}
	assert_int_equal(seen, 3);
	assert_true(list_is_empty(&head));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_new_is_empty),
		cmocka_unit_test(list_add_tail_keeps_the_order),
		cmocka_unit_test(list_remove_in_the_middle_joins_the_rest),
		cmocka_unit_test(list_remove_twice_is_harmless),
		cmocka_unit_test(list_for_each_safe_survives_removing_all),
	};

	return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
