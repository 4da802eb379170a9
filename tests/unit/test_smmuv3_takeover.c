// SPDX-License-Identifier: BSD-2-Clause
/* Both take-over orders, watched at every register write and every store. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "record.h"
#include "srig.h"

#define HOST 0x10u
#define OTHER 0x20u
#define UNKNOWN 0x31u

/* What a stream must be at every instant of a take-over. */
struct watch {
	struct srig *rig;
	uint64_t host_root; /* 0: nothing stays open */
	bool was_open;	    /* the unit passed everything before */
	bool is_done;
	unsigned looks;
};

static void look(struct watch *watch)
{
	const struct hw_fake *fake = &watch->rig->fake;
	bool is_enabled = hw_fake_get(fake, FAKE_CR0, 4) & 1;
	struct oracle host = oracle_stream(fake, HOST);
	struct oracle other = oracle_stream(fake, OTHER);
	struct oracle unknown = oracle_stream(fake, UNKNOWN);

	watch->looks++;
	assert_int_not_equal(host.verdict, ORACLE_ILLEGAL);
	assert_int_not_equal(other.verdict, ORACLE_ILLEGAL);
	if (is_enabled) {
		/* From the first enabled instant all is as it is to be. */
		assert_int_not_equal(other.verdict, ORACLE_BYPASS);
		assert_int_not_equal(unknown.verdict, ORACLE_BYPASS);
		if (watch->host_root) {
			assert_int_equal(host.verdict, ORACLE_TABLE);
			assert_int_equal(host.root, watch->host_root);
		}
		return;
	}
	if (watch->host_root) /* order b: never aborts the host */
		assert_int_equal(host.verdict, ORACLE_BYPASS);
}

static void after_write(void *context, struct hw_fake *fake, uint32_t offset)
{
	(void)fake;
	(void)offset;
	look(context);
}

static void before_store(void *context, uint64_t *where, uint64_t value)
{
	(void)where;
	(void)value;
	look(context);
}

static void watch_start(struct watch *watch, struct srig *rig, uint64_t host_root)
{
	*watch = (struct watch){ .rig = rig, .host_root = host_root };
	rig->fake.after_write = after_write;
	rig->fake.context = watch;
	record_set_hook(before_store, watch);
	record_start();
	hw_fake_log(&rig->fake);
}

static void watch_stop(struct srig *rig)
{
	rig->fake.after_write = NULL;
	record_set_hook(NULL, NULL);
	record_stop();
}

/* Every position at which the unit was made to look at memory, in order. */
static void assert_order(const struct srig *rig, bool keeps_host)
{
	const struct hw_fake *fake = &rig->fake;
	uint64_t abort_at = hw_fake_find_write(fake, FAKE_GBPA, 1u << 20, 1u << 20, 0);
	uint64_t off_at = hw_fake_find_write(fake, FAKE_CR0, 1, 0, 0);
	uint64_t on_at = hw_fake_find_write(fake, FAKE_CR0, 1, 1, 0);
	uint64_t base_at = hw_fake_find_write(fake, FAKE_STRTAB_BASE, 0, 0, 0);
	uint64_t cfg_at = hw_fake_find_write(fake, FAKE_STRTAB_CFG, 0, 0, 0);
	uint64_t cmdq_at = hw_fake_find_write(fake, FAKE_CMDQ_BASE, 0, 0, 0);
	uint64_t evtq_at = hw_fake_find_write(fake, FAKE_EVENTQ_BASE, 0, 0, 0);
	uint64_t cmdqen_at = hw_fake_find_write(fake, FAKE_CR0, 8, 8, 0);
	uint64_t evtqen_at = hw_fake_find_write(fake, FAKE_CR0, 4, 4, 0);

	assert_true(on_at != UINT64_MAX && abort_at != UINT64_MAX);
	assert_true(base_at < on_at && cfg_at < on_at);
	assert_true(cmdq_at < cmdqen_at && cmdqen_at < on_at);
	assert_true(evtq_at < evtqen_at && evtqen_at < on_at);
	if (keeps_host)
		assert_true(on_at < abort_at);
	else
		assert_true(abort_at < off_at && off_at < on_at);
	/* Not one store into a table after the write that made the unit look. */
	assert_int_equal(fake->accesses[on_at].stores, record_count());
	assert_true(record_has_barrier(0, fake->accesses[on_at].stores));
}

static void start(struct srig *rig, uint32_t idr0)
{
	srig_init(rig);
	hw_fake_set(&rig->fake, FAKE_IDR0, 4, idr0);
	srig_probe(rig);
}

static void takeover_nothing_open_aborts_before_disable(void **state)
{
	const struct drv_stream_init init[] = { { HOST, DRV_DENY, NULL }, { OTHER, DRV_SILENT, NULL } };
	struct watch watch;
	struct srig rig;

	(void)state;
	start(&rig, HW_FAKE_IDR0_BOTH);
	watch_start(&watch, &rig, 0);
	srig_takeover(&rig, init, 2);
	watch_stop(&rig);
	assert_order(&rig, false);
	assert_true(watch.looks > 20);
	assert_int_equal(oracle_stream(&rig.fake, HOST).verdict, ORACLE_TABLE);
	assert_int_equal(oracle_stream(&rig.fake, OTHER).verdict, ORACLE_SILENT);
	assert_int_equal(oracle_stream(&rig.fake, UNKNOWN).verdict, ORACLE_RECORDED);
	assert_int_equal(oracle_stream(&rig.fake, 0xffff).verdict, ORACLE_RECORDED);
	srig_fini(&rig);
}

/* Another owner's unit: enabled, a table that lets HOST through, queues on. */
static void make_enabled(struct srig *rig)
{
	uint64_t *table = (uint64_t *)(void *)(rig->fake.memory + SRIG_ARENA - (64 << 10));
	unsigned i;

	for (i = 0; i < 1024; i++)
		table[i * 8] = 1 | 4 << 1;
	hw_fake_set(&rig->fake, FAKE_STRTAB_BASE, 8, HW_FAKE_PA + SRIG_ARENA - (64 << 10));
	hw_fake_set(&rig->fake, FAKE_STRTAB_CFG, 4, 10);
	hw_fake_set(&rig->fake, FAKE_CR0, 4, 0xd);
	hw_fake_set(&rig->fake, FAKE_CR0ACK, 4, 0xd);
}

static void no_pass_once_shut(void *context, struct hw_fake *fake, uint32_t offset)
{
	struct watch *watch = context;
	bool is_open = oracle_stream(fake, OTHER).verdict == ORACLE_BYPASS;

	(void)offset;
	if (!is_open)
		watch->is_done = true;
	/* Once anything has shut it, nothing may open it again. */
	assert_false(is_open && watch->is_done);
	watch->looks++;
}

static void museum_abort_order(void **state)
{
	const struct drv_stream_init init = { HOST, DRV_DENY, NULL };
	struct watch watch = { 0 };
	struct srig rig;

	(void)state;
	start(&rig, HW_FAKE_IDR0_BOTH);
	make_enabled(&rig);
	assert_int_equal(oracle_stream(&rig.fake, OTHER).verdict, ORACLE_BYPASS);
	rig.fake.after_write = no_pass_once_shut;
	rig.fake.context = &watch;
	hw_fake_log(&rig.fake);
	srig_takeover(&rig, &init, 1);
	/* While enabled GBPA is dormant; the first disabled instant must abort. */
	assert_true(hw_fake_find_write(&rig.fake, FAKE_GBPA, 1u << 20, 1u << 20, 0) <
		    hw_fake_find_write(&rig.fake, FAKE_CR0, 1, 0, 0));
	assert_true(watch.looks > 5);
	srig_fini(&rig);
}

static void takeover_enabled_with_host_closes_first(void **state)
{
	struct drv_stream_init init = { HOST, DRV_BOUND, NULL };
	struct srig rig;

	(void)state;
	start(&rig, HW_FAKE_IDR0_BOTH);
	make_enabled(&rig);
	/* The arena may not be written while another owner's tables are walked. */
	assert_int_equal(rig.ops->space_create(rig.unit, 0, &init.space, &rig.err), -EBUSY);
	assert_non_null(strstr(rig.err.text, "close it first"));
	rig.ops->close(rig.unit);
	assert_int_equal(oracle_stream(&rig.fake, OTHER).verdict, ORACLE_SILENT);
	init.space = srig_space(&rig);
	srig_takeover(&rig, &init, 1);
	assert_int_equal(oracle_stream(&rig.fake, HOST).verdict, ORACLE_TABLE);
	srig_fini(&rig);
}

static void keep_host_open(uint32_t idr0)
{
	struct drv_stream_init init[] = { { HOST, DRV_BOUND, NULL }, { OTHER, DRV_DENY, NULL } };
	struct watch watch;
	struct srig rig;
	uint64_t pa;

	start(&rig, idr0);
	init[0].space = srig_space(&rig);
	srig_map(&rig, init[0].space, 0x100000, 0x200000);
	watch_start(&watch, &rig, 0);
	watch.host_root = 1; /* replaced by the real one once it is known */
	rig.fake.after_write = NULL;
	record_set_hook(NULL, NULL);
	srig_takeover(&rig, init, 2);
	watch.host_root = oracle_stream(&rig.fake, HOST).root;
	srig_fini(&rig);

	/* The same once more, now watching for that root at every instant. */
	start(&rig, idr0);
	init[0].space = srig_space(&rig);
	srig_map(&rig, init[0].space, 0x100000, 0x200000);
	watch_start(&watch, &rig, watch.host_root);
	srig_takeover(&rig, init, 2);
	watch_stop(&rig);
	assert_order(&rig, true);
	assert_true(oracle_access(&rig.fake, HOST, 0x100123, true, &pa));
	assert_int_equal(pa, SRIG_MEMORY + 0x123);
	assert_false(oracle_access(&rig.fake, OTHER, 0x100123, false, &pa));
	assert_true(hw_fake_get(&rig.fake, FAKE_GBPA, 4) & 1u << 20);
	srig_fini(&rig);
}

static void takeover_with_host_stage1_never_aborts_it(void **state)
{
	(void)state;
	keep_host_open(HW_FAKE_IDR0_S1);
}

static void takeover_with_host_stage2_never_aborts_it(void **state)
{
	(void)state;
	keep_host_open(HW_FAKE_IDR0_BOTH);
}

static void takeover_writes_the_control_registers(void **state)
{
	struct srig rig;

	(void)state;
	srig_start(&rig, HW_FAKE_IDR0_BOTH);
	assert_int_equal(hw_fake_get(&rig.fake, FAKE_CR1, 4), 0xd75);
	assert_int_equal(hw_fake_get(&rig.fake, FAKE_CR2, 4), 2);
	assert_int_equal(hw_fake_get(&rig.fake, FAKE_CR0, 4), 0xd);
	assert_int_equal(hw_fake_get(&rig.fake, FAKE_IRQ_CTRL, 4), 0);
	assert_int_equal(hw_fake_get(&rig.fake, FAKE_STRTAB_CFG, 4), 16 | 8 << 6 | 1 << 16);
	assert_int_equal(rig.fake.by_opcode[0x04], 1);
	assert_int_equal(rig.fake.by_opcode[0x30], 1);
	assert_int_equal(rig.fake.by_opcode[0x20], 0);
	assert_int_equal(rig.fake.syncs, 1);
	srig_fini(&rig);
}

static void takeover_with_ats_checks_translated_traffic(void **state)
{
	struct srig rig;

	(void)state;
	srig_start(&rig, HW_FAKE_IDR0_BOTH | 1u << 10);
	assert_int_equal(hw_fake_get(&rig.fake, FAKE_CR0, 4), 0x1d);
	assert_int_equal(rig.ops->audit(rig.unit, &rig.err), 0);
	srig_fini(&rig);
}

static void takeover_with_hyp_btm_msi_pri_uses_them(void **state)
{
	struct srig rig;

	(void)state;
	srig_init(&rig);
	hw_fake_set(&rig.fake, 0x68, 8, 0x1234000);
	hw_fake_set(&rig.fake, 0xb0, 8, 0x1234000);
	hw_fake_set(&rig.fake, 0xd0, 8, 0x1234000);
	hw_fake_set(&rig.fake, FAKE_IDR0, 4,
		    HW_FAKE_IDR0_BOTH | 1u << 5 | 1u << 9 | 1u << 13 | 1u << 16);
	srig_probe(&rig);
	srig_takeover(&rig, NULL, 0);
	assert_int_equal(rig.fake.by_opcode[0x20], 1);
	assert_int_equal(hw_fake_get(&rig.fake, FAKE_CR2, 4), 6);
	assert_int_equal(hw_fake_get(&rig.fake, 0x68, 8), 0);
	assert_int_equal(hw_fake_get(&rig.fake, 0xb0, 8), 0);
	assert_int_equal(hw_fake_get(&rig.fake, 0xd0, 8), 0);
	srig_fini(&rig);
}

static void mute_fails(unsigned mute, bool was_enabled, const char *reg)
{
	const struct drv_stream_init init = { HOST, DRV_DENY, NULL };
	struct srig rig;

	start(&rig, HW_FAKE_IDR0_BOTH);
	if (was_enabled)
		make_enabled(&rig);
	rig.fake.mute = mute;
	if (mute == FAKE_MUTE_CR0)
		hw_fake_set(&rig.fake, FAKE_CR0ACK, 4, 0x2);
	if (mute == FAKE_MUTE_IRQ)
		hw_fake_set(&rig.fake, FAKE_IRQ_CTRLACK, 4, 5);
	assert_int_equal(rig.ops->takeover(rig.unit, &init, 1, &rig.err), -ETIMEDOUT);
	assert_non_null(strstr(rig.err.text, reg));
	assert_true(rig.unit->is_closed);
	/* Never left wider: an enabled unit whose ABORT is not sure stays enabled. */
	if (mute == FAKE_MUTE_GBPA && was_enabled)
		assert_int_equal(hw_fake_get(&rig.fake, FAKE_CR0, 4) & 1, 1);
	srig_fini(&rig);
}

static void takeover_without_acknowledge_names_register(void **state)
{
	(void)state;
	mute_fails(FAKE_MUTE_CR0, false, "SMMU_CR0ACK");
	mute_fails(FAKE_MUTE_IRQ, false, "SMMU_IRQ_CTRLACK");
	mute_fails(FAKE_MUTE_GBPA, true, "SMMU_GBPA");
	mute_fails(FAKE_MUTE_GBPA, false, "SMMU_GBPA");
}

/* Jammed while its Update bit stays set: the other half of the handshake. */
static void takeover_gbpa_update_stuck_is_refused(void **state)
{
	struct srig rig;

	(void)state;
	start(&rig, HW_FAKE_IDR0_BOTH);
	hw_fake_set(&rig.fake, FAKE_GBPA, 4, 0x80001000);
	rig.fake.mute = FAKE_MUTE_GBPA;
	assert_int_equal(rig.ops->takeover(rig.unit, NULL, 0, &rig.err), -ETIMEDOUT);
	assert_non_null(strstr(rig.err.text, "SMMU_GBPA"));
	srig_fini(&rig);
}

static void takeover_gone_unit_is_enodev(void **state)
{
	struct srig rig;

	(void)state;
	start(&rig, HW_FAKE_IDR0_BOTH);
	rig.fake.is_gone = true;
	assert_int_equal(rig.ops->takeover(rig.unit, NULL, 0, &rig.err), -ENODEV);
	assert_non_null(strstr(rig.err.text, "all ones"));
	assert_true(rig.unit->is_closed);
	srig_fini(&rig);
}

static void takeover_stopped_queue_fails_closed(void **state)
{
	struct drv_stream_init init = { HOST, DRV_BOUND, NULL };
	struct srig rig;

	(void)state;
	start(&rig, HW_FAKE_IDR0_BOTH);
	rig.fake.is_stopped = true;
	init.space = srig_space(&rig);
	assert_int_equal(rig.ops->takeover(rig.unit, &init, 1, &rig.err), -ETIMEDOUT);
	assert_non_null(strstr(rig.err.text, "CMDQ_CONS"));
	assert_int_equal(oracle_stream(&rig.fake, HOST).verdict, ORACLE_SILENT);
	srig_fini(&rig);
}

static void takeover_small_arena_fails_closed(void **state)
{
	struct srig rig;

	(void)state;
	memset(&rig, 0, sizeof(rig));
	assert_int_equal(hw_fake_init(&rig.fake, 1 << 20), 0);
	rig.options.table = DRV_TABLE_LINEAR;
	srig_probe(&rig);
	assert_int_equal(rig.ops->takeover(rig.unit, NULL, 0, &rig.err), -ENOMEM);
	assert_non_null(strstr(rig.err.text, "stream table"));
	assert_int_equal(oracle_stream(&rig.fake, OTHER).verdict, ORACLE_SILENT);
	srig_fini(&rig);
}

static void takeover_stream_out_of_range_fails_closed(void **state)
{
	const struct drv_stream_init init = { 0x10000, DRV_DENY, NULL };
	struct srig rig;

	(void)state;
	start(&rig, HW_FAKE_IDR0_BOTH);
	assert_int_equal(rig.ops->takeover(rig.unit, &init, 1, &rig.err), -ENODEV);
	assert_int_equal(oracle_stream(&rig.fake, OTHER).verdict, ORACLE_SILENT);
	srig_fini(&rig);
}

static void takeover_again_after_close_frees_what_waited(void **state)
{
	const struct drv_stream_init init = { HOST, DRV_DENY, NULL };
	struct drv_gather gather = { 0 };
	struct drv_space *space;
	struct srig rig;
	uint64_t pages;

	(void)state;
	start(&rig, HW_FAKE_IDR0_BOTH);
	srig_takeover(&rig, &init, 1);
	space = srig_space(&rig);
	pages = rig.unit->counts.table_pages;
	srig_map(&rig, space, 0, 0x1000);
	srig_set(&rig, HOST, DRV_BOUND, space);
	rig.ops->close(rig.unit);
	assert_int_equal(oracle_stream(&rig.fake, HOST).verdict, ORACLE_SILENT);
	rig.ops->unmap(space, IOVA(0), 0x1000, &gather);
	assert_true(rig.ops->submit(rig.unit, &gather) == UINT64_MAX);
	assert_true(pages_free_count(&rig.fake.pages) > 0);
	srig_takeover(&rig, &init, 1);
	assert_int_equal(oracle_stream(&rig.fake, HOST).verdict, ORACLE_TABLE);
	assert_int_equal(rig.unit->counts.table_pages, pages);
	rig.ops->space_destroy(space);
	rig.ops->completed(rig.unit);
	assert_int_equal(rig.ops->audit(rig.unit, &rig.err), 0);
	srig_fini(&rig);
}

static void close_before_takeover_shuts_any_state(void **state)
{
	struct srig rig;

	(void)state;
	start(&rig, HW_FAKE_IDR0_BOTH);
	assert_int_equal(oracle_stream(&rig.fake, 5).verdict, ORACLE_BYPASS);
	rig.ops->close(rig.unit);
	assert_int_equal(oracle_stream(&rig.fake, 5).verdict, ORACLE_SILENT);
	rig.ops->close(rig.unit);
	assert_int_equal(oracle_stream(&rig.fake, 5).verdict, ORACLE_SILENT);
	srig_fini(&rig);

	start(&rig, HW_FAKE_IDR0_BOTH);
	make_enabled(&rig);
	rig.ops->close(rig.unit);
	assert_int_equal(oracle_stream(&rig.fake, 5).verdict, ORACLE_SILENT);
	srig_fini(&rig);
}

static void close_without_answer_shuts_our_entries(void **state)
{
	struct drv_space *space;
	struct srig rig;

	(void)state;
	srig_start(&rig, HW_FAKE_IDR0_BOTH);
	space = srig_space(&rig);
	srig_set(&rig, SRIG_STREAM, DRV_BOUND, space);
	hw_fake_set(&rig.fake, FAKE_GBPA, 4, 0x1000);
	rig.fake.mute = FAKE_MUTE_GBPA;
	rig.ops->close(rig.unit);
	assert_int_equal(hw_fake_get(&rig.fake, FAKE_CR0, 4) & 1, 1);
	assert_int_equal(oracle_stream(&rig.fake, SRIG_STREAM).verdict, ORACLE_SILENT);
	srig_fini(&rig);
}

/* Every slot of the table before the queues exist. */
static void museum_poll_before_init(void **state)
{
	struct drv_gather gather = { 0 };
	struct drv_space *space;
	char text[200];
	struct srig rig;

	(void)state;
	start(&rig, HW_FAKE_IDR0_BOTH);
	assert_false(srig_drain(&rig, 10));
	assert_int_equal(rig.ops->completed(rig.unit), 0);
	assert_int_equal(rig.ops->fault_mark(rig.unit), 0);
	assert_int_equal(rig.ops->submit(rig.unit, &gather), 0);
	assert_int_equal(rig.ops->audit(rig.unit, &rig.err), 0);
	rig.ops->describe_stream(rig.unit, 1, text, sizeof(text));
	assert_int_equal(rig.ops->set_stream(rig.unit, 1, DRV_DENY, NULL, &gather, &rig.err), 0);
	space = srig_space(&rig);
	assert_int_equal(rig.ops->set_stream(rig.unit, 1, DRV_BOUND, space, &gather, &rig.err), -EIO);
	srig_map(&rig, space, 0, 0x1000);
	rig.ops->unmap(space, IOVA(0), 0x1000, &gather);
	srig_wait(&rig, rig.ops->submit(rig.unit, &gather));
	rig.ops->space_destroy(space);
	assert_int_equal(rig.fake.writes, 0);
	srig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takeover_nothing_open_aborts_before_disable),
		cmocka_unit_test(museum_abort_order),
		cmocka_unit_test(takeover_enabled_with_host_closes_first),
		cmocka_unit_test(takeover_with_host_stage1_never_aborts_it),
		cmocka_unit_test(takeover_with_host_stage2_never_aborts_it),
		cmocka_unit_test(takeover_writes_the_control_registers),
		cmocka_unit_test(takeover_with_ats_checks_translated_traffic),
		cmocka_unit_test(takeover_with_hyp_btm_msi_pri_uses_them),
		cmocka_unit_test(takeover_without_acknowledge_names_register),
		cmocka_unit_test(takeover_gbpa_update_stuck_is_refused),
		cmocka_unit_test(takeover_gone_unit_is_enodev),
		cmocka_unit_test(takeover_stopped_queue_fails_closed),
		cmocka_unit_test(takeover_small_arena_fails_closed),
		cmocka_unit_test(takeover_stream_out_of_range_fails_closed),
		cmocka_unit_test(takeover_again_after_close_frees_what_waited),
		cmocka_unit_test(close_before_takeover_shuts_any_state),
		cmocka_unit_test(close_without_answer_shuts_our_entries),
		cmocka_unit_test(museum_poll_before_init),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
