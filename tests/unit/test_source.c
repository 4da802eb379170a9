// SPDX-License-Identifier: BSD-2-Clause
#include "source.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "tablerig.h"

#define GIB (UINT64_C(1) << 30)
#define KIB4 PAGE_BYTES

static struct tablerig rig;
static struct error err;

static int setup(void **state)
{
	(void)state;
	tablerig_open(&rig, &(struct tablerig_shape){ AUDITOR_ARM_STAGE_1, 39, 1, 1, 0, false }, 4,
		      0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return tablerig_close(&rig) != NULL;
}

static int open_part(struct source *source, const struct extent *extents, uint32_t count,
		     uint64_t offset, uint64_t length)
{
	struct drv_part part = {
		.extents = extents, .extent_count = count, .offset = offset, .length = length
	};

	return source_open(source, &rig.table, &part, &err);
}

static void source_joins_extents_that_touch(void **state)
{
	struct extent extents[] = { { PA(GIB), 4 * KIB4 },
				    { PA(GIB + 4 * KIB4), KIB4 },
				    { PA(2 * GIB), 3 * KIB4 },
				    { PA(GIB + 5 * KIB4), 2 * KIB4 } };
	struct source source;

	(void)state;
	assert_int_equal(open_part(&source, extents, 4, KIB4, 8 * KIB4), 0);
	assert_int_equal(source.pa, GIB + KIB4);
	assert_int_equal(source.run, 4 * KIB4);
	source_take(&source, 3 * KIB4);
	assert_int_equal(source.pa, GIB + 4 * KIB4);
	source_take(&source, KIB4);
	assert_int_equal(source.pa, 2 * GIB);
	assert_int_equal(source.run, 3 * KIB4);
	source_take(&source, 3 * KIB4);
	assert_int_equal(source.run, KIB4); /* not more than the part */
	source_take(&source, KIB4);
	assert_int_equal(source.left, 0);
}

static void source_offset_in_a_later_extent_starts_there(void **state)
{
	struct extent extents[] = { { PA(GIB), KIB4 }, { PA(3 * GIB), 8 * KIB4 } };
	struct source source;

	(void)state;
	assert_int_equal(open_part(&source, extents, 2, KIB4, KIB4), 0);
	assert_int_equal(source.pa, 3 * GIB);
	assert_int_equal(open_part(&source, extents, 2, 4 * KIB4, 5 * KIB4), 0);
	assert_int_equal(source.pa, 3 * GIB + 3 * KIB4);
	assert_int_equal(source.run, 5 * KIB4);
}

static void source_extents_outside_the_part_are_not_judged(void **state)
{
	struct extent extents[] = { { PA(UINT64_C(1) << 60), KIB4 },
				    { PA(GIB), 2 * KIB4 },
				    { PA(TABLERIG_PA), KIB4 } };
	struct source source;

	(void)state;
	assert_int_equal(open_part(&source, extents, 3, KIB4, 2 * KIB4), 0);
	assert_int_equal(open_part(&source, extents, 3, KIB4, 3 * KIB4), -EPERM);
	assert_int_equal(open_part(&source, extents, 3, 0, 2 * KIB4), -EINVAL);
}

/* The last extent ends where memory ends: one look further is fatal. */
static void source_never_looks_past_the_last_extent(void **state)
{
	uint8_t *memory = mmap(NULL, 2 * PAGE_BYTES, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct extent *extents = (struct extent *)(void *)(memory + PAGE_BYTES) - 2;
	struct source source;

	(void)state;
	assert_ptr_not_equal(memory, MAP_FAILED);
	assert_int_equal(mprotect(memory + PAGE_BYTES, PAGE_BYTES, PROT_NONE), 0);
	extents[0] = (struct extent){ PA(GIB), KIB4 };
	extents[1] = (struct extent){ PA(GIB + KIB4), KIB4 };
	assert_int_equal(open_part(&source, extents, 2, 0, 2 * KIB4), 0);
	source_take(&source, 2 * KIB4);
	extents[1] = (struct extent){ PA(2 * GIB), KIB4 };
	assert_int_equal(open_part(&source, extents, 2, 0, 2 * KIB4), 0);
	source_take(&source, KIB4);
	source_take(&source, KIB4);
	assert_int_equal(open_part(&source, extents, 2, 0, 3 * KIB4), -EINVAL);
	munmap(memory, 2 * PAGE_BYTES);
}

static void source_malformed_extents_are_refused(void **state)
{
	struct extent empty[] = { { PA(GIB), KIB4 }, { PA(GIB), 0 }, { PA(GIB), KIB4 } };
	struct extent odd[] = { { PA(GIB), KIB4 + 1 }, { PA(GIB), KIB4 } };
	struct extent wraps[] = { { PA(GIB), KIB4 }, { PA(GIB), -KIB4 } };
	struct source source;

	(void)state;
	assert_int_equal(open_part(&source, empty, 3, 0, 2 * KIB4), -EINVAL);
	assert_int_equal(open_part(&source, odd, 2, 0, 2 * KIB4), -EINVAL);
	assert_int_equal(open_part(&source, wraps, 2, 0, -2 * KIB4), -EINVAL);
	assert_int_equal(open_part(&source, NULL, 0, 0, KIB4), -EINVAL);
	assert_non_null(strstr(err.text, "past the end"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(source_joins_extents_that_touch, setup, teardown),
		cmocka_unit_test_setup_teardown(source_offset_in_a_later_extent_starts_there, setup,
						teardown),
		cmocka_unit_test_setup_teardown(source_extents_outside_the_part_are_not_judged,
						setup, teardown),
		cmocka_unit_test_setup_teardown(source_never_looks_past_the_last_extent, setup,
						teardown),
		cmocka_unit_test_setup_teardown(source_malformed_extents_are_refused, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
