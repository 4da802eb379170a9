// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every change of a stream's entry, judged before every single store by a unit
 * that looks at it just then and remembers what it saw for as long as it may.
 * What it sees must be the old entry, the new one, or shut; what it remembers
 * must be gone when the change is told to be done. (VT-d units read an entry of
 * 16 bytes at once; in scalable mode one word alone ever changes.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "record.h"
#include "roottab.h"
#include "vtd_writer.h"
#include "vtdrig.h"

#define A_IOVA UINT64_C(0x100000)
#define B_IOVA UINT64_C(0x200000)

static struct vtdrig rig;
static struct drv_space *space_a, *space_b;
static unsigned judged;

/* The four things a stream can be, and what tells them apart. */
enum what { DENIED, SILENT, IN_A, IN_B, WHATS };

static const char *const names[WHATS] = { "deny", "silent", "A", "B" };

static void set(enum what what, struct drv_gather *gather)
{
	static const enum drv_stream_state states[WHATS] = { DRV_DENY, DRV_SILENT, DRV_BOUND,
							     DRV_BOUND };
	struct drv_space *space = what == IN_A ? space_a : what == IN_B ? space_b : NULL;

	assert_int_equal(rig.ops->set_stream(rig.unit, VTDRIG_STREAM, states[what], space, gather,
					     &rig.err), 0);
}

static void wait_for(struct drv_gather *gather)
{
	vtdrig_wait(&rig, rig.ops->submit(rig.unit, gather));
}

static enum what seen(void)
{
	struct vtd_oracle now = vtdrig_look(&rig, VTDRIG_STREAM);
	const struct vtd_space *spaces[] = { vtd_space_of(space_a), vtd_space_of(space_b) };
	unsigned i;

	if (now.verdict == VTD_ORACLE_ILLEGAL || now.verdict == VTD_ORACLE_OPEN)
		fail_msg("a unit could see: %s", now.why ? now.why : "everything open");
	if (now.verdict != VTD_ORACLE_TABLE)
		return now.verdict == VTD_ORACLE_SILENT ? SILENT : DENIED;
	for (i = 0; i < 2; i++)
		if (now.root == pgtable_root(&spaces[i]->table).v && now.domain == spaces[i]->id)
			return i ? IN_B : IN_A;
	fail_msg("a table of one space with another's domain: root 0x%lx, domain %u",
		 (unsigned long)now.root, now.domain);
	return WHATS;
}

struct transition {
	enum what from, to;
};

static void before_store(void *context, uint64_t *where, uint64_t value)
{
	const struct transition *transition = context;
	enum what now = seen();

	(void)where;
	(void)value;
	judged++;
	if (now != transition->from && now != transition->to && now != DENIED)
		fail_msg("from %s to %s by way of %s", names[transition->from],
			 names[transition->to], names[now]);
	vtdrig_access(&rig, VTDRIG_STREAM, A_IOVA, true); /* and remembers it */
	vtdrig_access(&rig, VTDRIG_STREAM, B_IOVA, true);
}

static void assert_is(enum what what)
{
	assert_int_equal(seen(), what);
	assert_int_equal(vtdrig_access(&rig, VTDRIG_STREAM, A_IOVA, true), what == IN_A);
	assert_int_equal(vtdrig_access(&rig, VTDRIG_STREAM, B_IOVA, true), what == IN_B);
}

static void start(const struct vtdrig_kind *kind)
{
	vtdrig_start(&rig, kind);
	space_a = vtdrig_space(&rig);
	space_b = vtdrig_space(&rig);
	vtdrig_map(&rig, space_a, A_IOVA, 4096);
	vtdrig_map(&rig, space_b, B_IOVA, 4096);
	assert_false(vtdrig_access(&rig, VTDRIG_STREAM, A_IOVA, true));
}

static void transition_check(enum what from, enum what to)
{
	struct transition transition = { from, to };
	struct drv_gather gather = { 0 };

	set(from, &gather);
	wait_for(&gather);
	assert_is(from);
	record_set_hook(before_store, &transition);
	set(to, &gather);
	wait_for(&gather);
	record_set_hook(NULL, NULL);
	assert_is(to);
	assert_int_equal(rig.ops->audit(rig.unit, &rig.err), 0);
}

static void writer_every_transition_is_old_or_new_or_shut(void **state)
{
	unsigned kind, from, to;

	(void)state;
	for (kind = 0; kind < vtdrig_kind_count; kind++) {
		start(&vtdrig_kinds[kind]);
		judged = 0;
		for (from = 0; from < WHATS; from++)
			for (to = 0; to < WHATS; to++)
				transition_check(from, to);
		assert_true(judged > 40);
		vtdrig_fini(&rig);
	}
}

/* A second change before the unit has forgotten the first: still never a third. */
static void writer_change_of_mind_waits_for_the_first_invalidation(void **state)
{
	struct drv_gather gather = { 0 };
	uint64_t first, second;
	unsigned kind;

	(void)state;
	for (kind = 0; kind < vtdrig_kind_count; kind++) {
		start(&vtdrig_kinds[kind]);
		set(IN_A, &gather);
		wait_for(&gather);
		assert_is(IN_A);
		rig.fake.is_stopped = true;
		set(DENIED, &gather);
		first = rig.ops->submit(rig.unit, &gather);
		assert_int_equal(seen(), DENIED);
		set(IN_B, &gather);
		second = rig.ops->submit(rig.unit, &gather);
		assert_int_equal(seen(), DENIED); /* A may be remembered still */
		assert_true(vtdrig_access(&rig, VTDRIG_STREAM, A_IOVA, true));
		assert_true(rig.ops->completed(rig.unit) < first);
		rig.fake.is_stopped = false;
		vtd_fake_consume(&rig.fake, UINT64_MAX);
		vtdrig_wait(&rig, second);
		assert_is(IN_B);
		vtdrig_fini(&rig);
	}
}

/* No ticket of the change is told before its last store is what the unit sees. */
static void writer_ticket_completes_only_when_fully_in_place(void **state)
{
	struct drv_gather gather = { 0 };
	uint64_t ticket, done, looks;
	unsigned kind;

	(void)state;
	for (kind = 0; kind < vtdrig_kind_count; kind++) {
		start(&vtdrig_kinds[kind]);
		set(IN_A, &gather);
		wait_for(&gather);
		rig.fake.is_stopped = true;
		set(IN_B, &gather);
		ticket = rig.ops->submit(rig.unit, &gather);
		for (looks = 0, done = 0; done < ticket; looks++) {
			assert_true(looks < 100);
			vtd_fake_consume(&rig.fake, 1);
			done = rig.ops->completed(rig.unit);
			if (seen() != IN_B)
				assert_true(done < ticket);
			/* In caching mode the unit remembers that nothing was there. */
			if (done < ticket)
				vtdrig_access(&rig, VTDRIG_STREAM, B_IOVA, true);
		}
		assert_is(IN_B);
		vtdrig_fini(&rig);
	}
}

/* --- caches that the unit does not see --- */

static size_t store_of(const uint64_t *word, size_t from)
{
	size_t at = record_find(word, from);

	assert_true(at != SIZE_MAX);
	return at;
}

static void writer_flushes_words_before_and_after_the_valid_one(void **state)
{
	struct drv_gather gather = { 0 };
	uint64_t *live;
	size_t word1, word0;

	(void)state;
	start(&vtdrig_kinds[VTDRIG_LEGACY]);
	live = roottab_entry(vtd_of(rig.unit), VTDRIG_STREAM);
	record_start();
	set(IN_A, &gather);
	record_stop();
	word1 = store_of(&live[1], 0);
	word0 = store_of(&live[0], 0);
	assert_true(word1 < word0);
	assert_true(record_find_flush(&live[1], word1) < word0);
	assert_true(record_find_flush(&live[0], word0) != SIZE_MAX);
	wait_for(&gather);
	/* Shutting is one store, and reaches memory too. */
	record_start();
	set(DENIED, &gather);
	record_stop();
	assert_int_equal(record_store_count(), 1);
	assert_true(record_find_flush(&live[0], store_of(&live[0], 0)) != SIZE_MAX);
	wait_for(&gather);
	vtdrig_fini(&rig);
}

static void writer_flushes_a_new_table_before_what_points_to_it(void **state)
{
	struct drv_gather gather = { 0 };
	struct vtd *vtd;
	size_t root, flush;

	(void)state;
	start(&vtdrig_kinds[VTDRIG_LEGACY]);
	vtd = vtd_of(rig.unit);
	record_start();
	assert_int_equal(rig.ops->set_stream(rig.unit, 0x4200, DRV_BOUND, space_a, &gather,
					     &rig.err), 0);
	record_stop();
	root = store_of(&vtd->roottab.root[2 * 0x42], 0);
	flush = record_find_flush(roottab_entry(vtd, 0x4200), 0);
	assert_true(flush < root);
	assert_int_equal(record_at(flush)->bytes, 4096);
	assert_true(record_find_flush(&vtd->roottab.root[2 * 0x42], root) != SIZE_MAX);
	vtdrig_fini(&rig);
}

/* The PASID entry, then the directory, both in memory before any context entry. */
static void writer_flushes_pasid_structures_pointee_first(void **state)
{
	const struct vtd_space *space;
	size_t entry, directory;

	(void)state;
	start(&vtdrig_kinds[VTDRIG_FIRST]);
	record_start();
	space = vtd_space_of(vtdrig_space(&rig));
	record_stop();
	entry = store_of(&space->pasid_table[0], 0);
	directory = store_of(&space->pasid_directory[0], 0);
	assert_true(store_of(&space->pasid_table[2], 0) < entry);
	assert_true(record_find_flush(&space->pasid_table[2], store_of(&space->pasid_table[2], 0)) <
		    entry);
	assert_true(entry < directory);
	assert_true(record_find_flush(&space->pasid_table[0], entry) < directory);
	assert_true(record_find_flush(&space->pasid_directory[0], directory) != SIZE_MAX);
	vtdrig_fini(&rig);
}

static void writer_coherent_unit_is_spared_the_flushes(void **state)
{
	struct vtdrig_kind kind = vtdrig_kinds[VTDRIG_LEGACY];
	struct drv_gather gather = { 0 };
	size_t i;

	(void)state;
	kind.ecap |= VTD_FAKE_ECAP_COHERENT;
	start(&kind);
	record_start();
	set(IN_A, &gather);
	wait_for(&gather);
	vtdrig_map(&rig, space_a, B_IOVA, 4096);
	record_stop();
	for (i = 0; i < record_count(); i++)
		assert_null(record_at(i)->flushed);
	vtdrig_fini(&rig);
}

/* --- what an invalidation says --- */

static void writer_invalidation_names_the_domain_that_was_there(void **state)
{
	struct drv_gather gather = { 0 };

	(void)state;
	start(&vtdrig_kinds[VTDRIG_LEGACY]);
	vtd_fake_log(&rig.fake);
	set(IN_A, &gather);
	wait_for(&gather);
	/* Nothing was present: domain 0, device-selective. */
	assert_int_equal(rig.fake.log[0].word[0], 1 | 3 << 4 | (uint64_t)VTDRIG_STREAM << 32);
	vtd_fake_log(&rig.fake);
	set(DENIED, &gather);
	wait_for(&gather);
	assert_int_equal(rig.fake.log[0].word[0], 1 | 3 << 4 | (uint64_t)VTDRIG_STREAM << 32 |
			 (uint64_t)vtd_space_of(space_a)->id << 16);
	/* And all translations of the domain it left go, drained both ways. */
	assert_int_equal(rig.fake.log[1].word[0], 2 | 2 << 4 | 3 << 6 |
			 (uint64_t)vtd_space_of(space_a)->id << 16);
	assert_int_equal(rig.fake.log[2].word[0] & 15, VTD_FAKE_WAIT);
	assert_int_equal(rig.fake.log_count, 3);
	vtdrig_fini(&rig);
}

/* A scar: QEMU needs the context cache dropped, whatever the PASID cache forgets. */
static void writer_scalable_invalidates_both_caches_in_order(void **state)
{
	struct drv_gather gather = { 0 };

	(void)state;
	start(&vtdrig_kinds[VTDRIG_SECOND]);
	set(IN_A, &gather);
	wait_for(&gather);
	vtd_fake_log(&rig.fake);
	set(SILENT, &gather);
	wait_for(&gather);
	assert_int_equal(rig.fake.log_count, 4);
	assert_int_equal(rig.fake.log[0].word[0], 1 | 3 << 4 | (uint64_t)VTDRIG_STREAM << 32);
	assert_int_equal(rig.fake.log[1].word[0], 7 | (uint64_t)vtd_space_of(space_a)->id << 16);
	assert_int_equal(rig.fake.log[2].word[0] & 15, VTD_FAKE_IOTLB_INV);
	assert_int_equal(rig.fake.log[3].word[0] & 15, VTD_FAKE_WAIT);
	vtdrig_fini(&rig);
}

static void writer_many_changes_are_one_global_invalidation(void **state)
{
	struct drv_gather gather = { 0 };
	unsigned i;

	(void)state;
	start(&vtdrig_kinds[VTDRIG_LEGACY]);
	for (i = 0; i < 40; i++)
		assert_int_equal(rig.ops->set_stream(rig.unit, i, DRV_BOUND, space_a, &gather,
						     &rig.err), 0);
	assert_true(gather.all_streams);
	vtd_fake_log(&rig.fake);
	wait_for(&gather);
	assert_int_equal(rig.fake.by_type[VTD_FAKE_CONTEXT], 1);
	assert_int_equal(rig.fake.log[0].word[0], 1 | 1 << 4);
	assert_int_equal(rig.fake.waits, 1);
	for (i = 0; i < 40; i++)
		assert_true(vtdrig_access(&rig, (uint16_t)i, A_IOVA, false));
	vtdrig_fini(&rig);
}

/* Refused, then silenced, and told in one batch: the domain to name is the one before both. */
static void writer_two_changes_in_one_batch_name_the_first_domain(void **state)
{
	struct drv_gather gather = { 0 };

	(void)state;
	vtdrig_start(&rig, &vtdrig_kinds[VTDRIG_LEGACY]);
	space_a = vtdrig_space(&rig);
	vtdrig_map(&rig, space_a, A_IOVA, UINT64_C(4096));
	vtdrig_set(&rig, VTDRIG_STREAM, DRV_BOUND, space_a);
	assert_true(vtdrig_access(&rig, VTDRIG_STREAM, A_IOVA, true));
	set(DENIED, &gather);
	set(SILENT, &gather);
	wait_for(&gather);
	assert_false(vtdrig_access(&rig, VTDRIG_STREAM, A_IOVA, true));
	vtdrig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writer_every_transition_is_old_or_new_or_shut),
		cmocka_unit_test(writer_change_of_mind_waits_for_the_first_invalidation),
		cmocka_unit_test(writer_ticket_completes_only_when_fully_in_place),
		cmocka_unit_test(writer_flushes_words_before_and_after_the_valid_one),
		cmocka_unit_test(writer_flushes_a_new_table_before_what_points_to_it),
		cmocka_unit_test(writer_flushes_pasid_structures_pointee_first),
		cmocka_unit_test(writer_coherent_unit_is_spared_the_flushes),
		cmocka_unit_test(writer_invalidation_names_the_domain_that_was_there),
		cmocka_unit_test(writer_two_changes_in_one_batch_name_the_first_domain),
		cmocka_unit_test(writer_scalable_invalidates_both_caches_in_order),
		cmocka_unit_test(writer_many_changes_are_one_global_invalidation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
