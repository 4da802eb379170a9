// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every change of a stream's entry, judged after every single store by an
 * adversary: until a CFGI_STE and a CMD_SYNC after it have completed, the unit
 * may combine any value each word has had since the last such pair. Whatever it
 * combines must be the old entry, the new one, or shut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "record.h"
#include "srig.h"
#include "writer.h"

#define WORDS 8u
#define VALUES 16u

struct adversary {
	struct srig *rig;
	uint64_t *live;
	uint64_t seen[WORDS][VALUES];
	bool is_doomed[WORDS][VALUES]; /* a CFGI_STE came since: gone with the next CMD_SYNC */
	unsigned seen_count[WORDS];
	struct oracle allowed[4];
	unsigned allowed_count;
	unsigned judged, stores;
};

static void forget_all(struct adversary *adversary)
{
	unsigned w;

	for (w = 0; w < WORDS; w++) {
		adversary->seen[w][0] = adversary->live[w];
		adversary->seen_count[w] = 1;
	}
}

/* The unit drops its copy: only what the words hold now can be read again. */
static void on_cfgi(struct adversary *adversary)
{
	unsigned w, i;

	for (w = 0; w < WORDS; w++)
		for (i = 0; i < adversary->seen_count[w]; i++)
			adversary->is_doomed[w][i] = adversary->seen[w][i] != adversary->live[w];
}

/* Reads that were under way have ended. */
static void on_sync(struct adversary *adversary)
{
	unsigned w, i, kept;

	for (w = 0; w < WORDS; w++) {
		for (i = kept = 0; i < adversary->seen_count[w]; i++) {
			if (adversary->is_doomed[w][i])
				continue;
			adversary->is_doomed[w][kept] = false;
			adversary->seen[w][kept++] = adversary->seen[w][i];
		}
		adversary->seen_count[w] = kept;
	}
}

static void add_value(struct adversary *adversary, unsigned w, uint64_t value)
{
	unsigned i;

	for (i = 0; i < adversary->seen_count[w]; i++) {
		if (adversary->seen[w][i] == value) {
			adversary->is_doomed[w][i] = false;
			return;
		}
	}
	assert_true(i < VALUES);
	adversary->seen[w][i] = value;
	adversary->is_doomed[w][i] = false;
	adversary->seen_count[w]++;
}

static void judge(struct adversary *adversary, const uint64_t ste[WORDS])
{
	struct oracle found = oracle_entry(&adversary->rig->fake, ste);
	unsigned i;

	adversary->judged++;
	if (found.verdict == ORACLE_SILENT || found.verdict == ORACLE_RECORDED)
		return;
	for (i = 0; i < adversary->allowed_count; i++)
		if (oracle_same(&found, &adversary->allowed[i]))
			return;
	fail_msg("a unit could see 0x%lx 0x%lx 0x%lx 0x%lx: verdict %d, id %u, root 0x%lx",
		 (unsigned long)ste[0], (unsigned long)ste[1], (unsigned long)ste[2],
		 (unsigned long)ste[3], (int)found.verdict, found.id, (unsigned long)found.root);
}

static void judge_all(struct adversary *adversary, uint64_t ste[WORDS], unsigned word)
{
	unsigned i;

	if (word == WORDS) {
		judge(adversary, ste);
		return;
	}
	for (i = 0; i < adversary->seen_count[word]; i++) {
		ste[word] = adversary->seen[word][i];
		judge_all(adversary, ste, word + 1);
	}
}

static void before_store(void *context, uint64_t *where, uint64_t value)
{
	struct adversary *adversary = context;
	uint64_t ste[WORDS];

	if (where < adversary->live || where >= adversary->live + WORDS)
		return;
	add_value(adversary, (unsigned)(where - adversary->live), value);
	adversary->stores++;
	judge_all(adversary, ste, 0);
}

/* The fake logs what it consumed; a CFGI_STE for us, then a CMD_SYNC, settles. */
static void after_write(void *context, struct hw_fake *fake, uint32_t offset)
{
	struct adversary *adversary = context;
	uint64_t i;

	if (offset != FAKE_CMDQ_PROD)
		return;
	for (i = 0; i < fake->log_count; i++) {
		uint64_t opcode = fake->log[i].word[0] & 0xff;

		if (opcode == 0x04 || (opcode == 0x03 && fake->log[i].word[0] >> 32 == SRIG_STREAM))
			on_cfgi(adversary);
		if (opcode == 0x46)
			on_sync(adversary);
	}
	fake->log_count = 0;
}

static uint64_t *entry_of(const struct srig *rig, uint32_t stream)
{
	uint64_t base = hw_fake_get(&rig->fake, FAKE_STRTAB_BASE, 8) & 0xfffffffffffc0;
	const uint64_t *l1 = hw_fake_memory(&rig->fake, base + 8ull * (stream >> 8), 8);

	return hw_fake_memory(&rig->fake, (*l1 & 0xfffffffffffc0) + 64ull * (stream & 255), 64);
}

static void adversary_start(struct adversary *adversary, struct srig *rig)
{
	*adversary = (struct adversary){ .rig = rig, .live = entry_of(rig, SRIG_STREAM) };
	hw_fake_log(&rig->fake);
	forget_all(adversary);
	rig->fake.after_write = after_write;
	rig->fake.context = adversary;
	record_set_hook(before_store, adversary);
}

static void adversary_allow(struct adversary *adversary, struct oracle state)
{
	adversary->allowed[adversary->allowed_count++] = state;
}

static void adversary_stop(struct srig *rig)
{
	record_set_hook(NULL, NULL);
	rig->fake.after_write = NULL;
}

/* The five states a stream can come from, four it can go to. */
enum place { UNUSED, SILENT, DENIED, FIRST, SECOND, PLACES };

struct stage {
	struct srig rig;
	struct drv_space *first, *second;
};

static void stage_start(struct stage *stage, uint32_t idr0)
{
	const struct drv_stream_init other = { .stream = SRIG_STREAM + 1, .state = DRV_DENY };

	srig_init(&stage->rig);
	hw_fake_set(&stage->rig.fake, FAKE_IDR0, 4, idr0);
	srig_probe(&stage->rig);
	srig_takeover(&stage->rig, &other, 1); /* SRIG_STREAM's table, its entry unused */
	stage->first = srig_space(&stage->rig);
	stage->second = srig_space(&stage->rig);
}

static void go(struct stage *stage, enum place place)
{
	switch (place) {
	case SILENT:
		srig_set(&stage->rig, SRIG_STREAM, DRV_SILENT, NULL);
		break;
	case DENIED:
		srig_set(&stage->rig, SRIG_STREAM, DRV_DENY, NULL);
		break;
	case FIRST:
		srig_set(&stage->rig, SRIG_STREAM, DRV_BOUND, stage->first);
		break;
	case SECOND:
		srig_set(&stage->rig, SRIG_STREAM, DRV_BOUND, stage->second);
		break;
	default:
		break;
	}
	/* A refusal that still has to become a recorded one takes a few looks. */
	srig_drain(&stage->rig, 1);
	srig_drain(&stage->rig, 1);
	srig_drain(&stage->rig, 1);
}

static struct oracle now(struct stage *stage)
{
	return oracle_stream(&stage->rig.fake, SRIG_STREAM);
}

static void one_transition(uint32_t idr0, enum place from, enum place to)
{
	struct adversary adversary;
	struct oracle target;
	struct stage stage;

	/* What the target looks like, from a unit that has done nothing else. */
	stage_start(&stage, idr0);
	go(&stage, to);
	target = now(&stage);
	srig_fini(&stage.rig);

	stage_start(&stage, idr0);
	go(&stage, from);
	adversary_start(&adversary, &stage.rig);
	adversary_allow(&adversary, now(&stage));
	adversary_allow(&adversary, target);
	go(&stage, to);
	adversary_stop(&stage.rig);
	assert_true(from == to || adversary.stores > 0);
	target.id = target.verdict == ORACLE_TABLE ? target.id : 0;
	assert_true(oracle_same(&target, &(struct oracle){ .verdict = now(&stage).verdict,
							   .stage = now(&stage).stage,
							   .root = now(&stage).root,
							   .id = now(&stage).id }));
	assert_int_equal(stage.rig.ops->audit(stage.rig.unit, &stage.rig.err), 0);
	srig_fini(&stage.rig);
}

static void all_transitions(uint32_t idr0)
{
	int from, to;

	for (from = UNUSED; from < PLACES; from++)
		for (to = SILENT; to < PLACES; to++)
			one_transition(idr0, (enum place)from, (enum place)to);
}

static void writer_stage1_every_pair_is_old_new_or_shut(void **state)
{
	(void)state;
	all_transitions(HW_FAKE_IDR0_S1);
}

static void writer_stage1_with_stalls_every_pair_is_old_new_or_shut(void **state)
{
	(void)state;
	all_transitions(HW_FAKE_IDR0_S1 & ~(3u << 24)); /* STALL_MODEL 0 */
}

static void writer_stage2_every_pair_is_old_new_or_shut(void **state)
{
	(void)state;
	all_transitions(HW_FAKE_IDR0_BOTH);
}

static void set(struct stage *stage, enum drv_stream_state state, struct drv_space *space,
		struct drv_gather *gather)
{
	assert_int_equal(stage->rig.ops->set_stream(stage->rig.unit, SRIG_STREAM, state, space,
						    gather, &stage->rig.err), 0);
}

/* Minds changed faster than the unit answers: still never a mixture. */
static void change_without_waiting(uint32_t idr0, bool looks_between)
{
	static const enum place walk[] = { FIRST, SECOND, DENIED, FIRST, SILENT, SECOND, FIRST,
					   DENIED, SECOND, SILENT, FIRST, SECOND };
	struct adversary adversary;
	struct drv_gather gather;
	struct stage stage;
	unsigned i, k;

	stage_start(&stage, idr0);
	go(&stage, FIRST);
	adversary_start(&adversary, &stage.rig);
	adversary_allow(&adversary, now(&stage));
	srig_set(&stage.rig, SRIG_STREAM + 2, DRV_BOUND, stage.second);
	adversary_allow(&adversary, oracle_stream(&stage.rig.fake, SRIG_STREAM + 2));
	srig_set(&stage.rig, SRIG_STREAM + 2, DRV_DENY, NULL);
	for (k = 0; k < 3; k++)
		srig_drain(&stage.rig, 1);
	adversary_allow(&adversary, oracle_stream(&stage.rig.fake, SRIG_STREAM + 2));
	stage.rig.fake.is_stopped = true;
	for (i = 0; i < ARRAY_COUNT(walk); i++) {
		gather = (struct drv_gather){ 0 };
		set(&stage, walk[i] == SILENT ? DRV_SILENT : walk[i] == DENIED ? DRV_DENY : DRV_BOUND,
		    walk[i] == FIRST ? stage.first : walk[i] == SECOND ? stage.second : NULL, &gather);
		stage.rig.ops->submit(stage.rig.unit, &gather);
		if (looks_between) {
			hw_fake_consume(&stage.rig.fake, i % 4);
			after_write(&adversary, &stage.rig.fake, FAKE_CMDQ_PROD);
			stage.rig.ops->completed(stage.rig.unit);
		}
	}
	stage.rig.fake.is_stopped = false;
	hw_fake_consume(&stage.rig.fake, UINT64_MAX);
	after_write(&adversary, &stage.rig.fake, FAKE_CMDQ_PROD);
	for (k = 0; k < 8; k++)
		stage.rig.ops->completed(stage.rig.unit);
	adversary_stop(&stage.rig);
	assert_true(oracle_same(&adversary.allowed[1], &(struct oracle){
					.verdict = now(&stage).verdict, .stage = now(&stage).stage,
					.root = now(&stage).root, .id = now(&stage).id }));
	assert_int_equal(stage.rig.ops->audit(stage.rig.unit, &stage.rig.err), 0);
	srig_fini(&stage.rig);
}

static void writer_changed_before_answer_never_mixes(void **state)
{
	(void)state;
	change_without_waiting(HW_FAKE_IDR0_S1, false);
	change_without_waiting(HW_FAKE_IDR0_BOTH, false);
	change_without_waiting(HW_FAKE_IDR0_S1, true);
	change_without_waiting(HW_FAKE_IDR0_BOTH, true);
}

static void writer_bound_ticket_waits_for_all_steps(void **state)
{
	struct drv_gather gather = { 0 };
	struct stage stage;
	uint64_t ticket;
	unsigned looks = 0;

	(void)state;
	stage_start(&stage, HW_FAKE_IDR0_BOTH);
	go(&stage, FIRST);
	set(&stage, DRV_BOUND, stage.second, &gather);
	ticket = stage.rig.ops->submit(stage.rig.unit, &gather);
	while (stage.rig.ops->completed(stage.rig.unit) < ticket) {
		assert_true(looks++ < 10);
	}
	assert_true(looks > 0);
	assert_int_equal(now(&stage).verdict, ORACLE_TABLE);
	srig_fini(&stage.rig);
}

static void writer_deny_is_shut_by_its_first_store(void **state)
{
	struct drv_gather gather = { 0 };
	struct stage stage;
	uint64_t pa;

	(void)state;
	stage_start(&stage, HW_FAKE_IDR0_BOTH);
	srig_map(&stage.rig, stage.first, 0x1000, 0x1000);
	go(&stage, FIRST);
	assert_true(oracle_access(&stage.rig.fake, SRIG_STREAM, 0x1000, true, &pa));
	stage.rig.fake.is_stopped = true;
	set(&stage, DRV_DENY, NULL, &gather);
	assert_false(oracle_access(&stage.rig.fake, SRIG_STREAM, 0x1000, true, &pa));
	srig_fini(&stage.rig);
}

static void writer_cd_valid_word_is_stored_last(void **state)
{
	uint64_t live[CD_WORDS] = { 0 };
	struct cd cd = make_cd(PA(0x40001000), 7, 4);

	(void)state;
	record_start();
	writer_store_cd(live, &cd);
	record_stop();
	assert_memory_equal(live, cd.word, sizeof(live));
	assert_ptr_equal(record_at(record_count() - 1)->where, &live[0]);
	assert_true(record_has_barrier(record_find(&live[1], 0), record_find(&live[0], 0)));
}

/* The context descriptor and root before any entry that leads there. */
static void writer_bound_entry_follows_its_pointees(void **state)
{
	struct drv_gather gather = { 0 };
	struct drv_space *space;
	struct stage stage;
	uint64_t *live;
	uint64_t cd;
	size_t at;

	(void)state;
	stage_start(&stage, HW_FAKE_IDR0_S1);
	live = entry_of(&stage.rig, SRIG_STREAM);
	record_start();
	space = srig_space(&stage.rig);
	set(&stage, DRV_BOUND, space, &gather);
	record_stop();
	at = record_find(&live[0], 0);
	assert_true(at != SIZE_MAX);
	cd = record_at(at)->value & 0xfffffffffffc0;
	assert_true(record_find(hw_fake_memory(&stage.rig.fake, cd, 64), 0) < at);
	assert_true(record_has_barrier(record_find(hw_fake_memory(&stage.rig.fake, cd, 64), 0), at));
	srig_fini(&stage.rig);
}

static void writer_many_streams_take_one_cfgi_all(void **state)
{
	struct drv_gather gather = { 0 };
	struct stage stage;
	uint32_t i;

	(void)state;
	stage_start(&stage, HW_FAKE_IDR0_BOTH);
	for (i = 0; i < 100; i++)
		assert_int_equal(stage.rig.ops->set_stream(stage.rig.unit, i, DRV_SILENT, NULL,
							   &gather, &stage.rig.err), 0);
	hw_fake_log(&stage.rig.fake);
	srig_wait(&stage.rig, stage.rig.ops->submit(stage.rig.unit, &gather));
	assert_int_equal(stage.rig.fake.by_opcode[0x03], 0);
	assert_true(stage.rig.fake.by_opcode[0x04] >= 1);
	assert_int_equal(stage.rig.fake.syncs, 1);
	for (i = 0; i < 100; i++)
		assert_int_equal(oracle_stream(&stage.rig.fake, i).verdict, ORACLE_SILENT);
	srig_fini(&stage.rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writer_stage1_every_pair_is_old_new_or_shut),
		cmocka_unit_test(writer_stage1_with_stalls_every_pair_is_old_new_or_shut),
		cmocka_unit_test(writer_stage2_every_pair_is_old_new_or_shut),
		cmocka_unit_test(writer_changed_before_answer_never_mixes),
		cmocka_unit_test(writer_bound_ticket_waits_for_all_steps),
		cmocka_unit_test(writer_deny_is_shut_by_its_first_store),
		cmocka_unit_test(writer_cd_valid_word_is_stored_last),
		cmocka_unit_test(writer_bound_entry_follows_its_pointees),
		cmocka_unit_test(writer_many_streams_take_one_cfgi_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
