// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bits.h"
#include "srig.h"

static void audit_says(struct srig *rig, const char *what)
{
	assert_int_equal(rig->ops->audit(rig->unit, &rig->err), -EBADE);
	if (!strstr(rig->err.text, what))
		fail_msg("'%s' does not say '%s'", rig->err.text, what);
	assert_non_null(strstr(rig->err.text, "another agent"));
}

static void audit_untouched_unit_is_good_in_every_state(void **state)
{
	static const uint32_t idr0[] = { HW_FAKE_IDR0_BOTH, HW_FAKE_IDR0_S1 };
	struct drv_space *space;
	struct srig rig;
	unsigned i;

	(void)state;
	for (i = 0; i < 2; i++) {
		srig_start(&rig, idr0[i]);
		assert_int_equal(rig.ops->audit(rig.unit, &rig.err), 0);
		space = srig_space(&rig);
		srig_map(&rig, space, 0, 0x200000);
		srig_set(&rig, SRIG_STREAM, DRV_BOUND, space);
		assert_int_equal(rig.ops->audit(rig.unit, &rig.err), 0);
		srig_set(&rig, SRIG_STREAM, DRV_SILENT, NULL);
		assert_int_equal(rig.ops->audit(rig.unit, &rig.err), 0);
		srig_fini(&rig);
	}
}

static void audit_changed_register_is_named(void **state)
{
	static const struct { uint32_t offset; uint64_t flip; const char *name; } changes[] = {
		{ FAKE_CR0, 1, "SMMU_CR0" }, { FAKE_CR1, 0x10, "SMMU_CR1" },
		{ FAKE_CR2, 2, "SMMU_CR2" }, { FAKE_GBPA, 1u << 20, "SMMU_GBPA" },
		{ FAKE_STRTAB_BASE, 0x10000, "SMMU_STRTAB_BASE" },
		{ FAKE_STRTAB_CFG, 1, "SMMU_STRTAB_BASE_CFG" },
		{ FAKE_CMDQ_BASE, 0x1000, "SMMU_CMDQ_BASE" },
		{ FAKE_EVENTQ_BASE, 0x1, "SMMU_EVENTQ_BASE" },
		{ FAKE_IRQ_CTRL, 1, "SMMU_IRQ_CTRL" },
	};
	struct srig rig;
	unsigned i;

	(void)state;
	srig_start(&rig, HW_FAKE_IDR0_BOTH);
	for (i = 0; i < ARRAY_COUNT(changes); i++) {
		uint64_t value = hw_fake_get(&rig.fake, changes[i].offset, 4);

		hw_fake_set(&rig.fake, changes[i].offset, 4, value ^ changes[i].flip);
		audit_says(&rig, changes[i].name);
		hw_fake_set(&rig.fake, changes[i].offset, 4, value);
	}
	assert_int_equal(rig.ops->audit(rig.unit, &rig.err), 0);
	srig_fini(&rig);
}

/* Any bit a unit looks at, in a known entry, an unknown one and level 1. */
static void audit_changed_entry_is_found(void **state)
{
	struct drv_space *space;
	uint64_t *l1, *entries;
	struct srig rig;
	unsigned bit, word;

	(void)state;
	srig_start(&rig, HW_FAKE_IDR0_BOTH);
	space = srig_space(&rig);
	srig_set(&rig, SRIG_STREAM, DRV_BOUND, space);
	l1 = hw_fake_memory(&rig.fake,
			    hw_fake_get(&rig.fake, FAKE_STRTAB_BASE, 8) & 0xfffffffffffc0, 2048);
	entries = hw_fake_memory(&rig.fake, l1[0] & 0xfffffffffffc0, 16384);
	for (word = 1; word < 4; word++) {
		for (bit = 0; bit < 64; bit += 7) {
			entries[SRIG_STREAM * 8 + word] ^= BIT(bit);
			audit_says(&rig, "stream 0x8: word");
			entries[SRIG_STREAM * 8 + word] ^= BIT(bit);
		}
	}
	entries[77 * 8] = 1 | 4 << 1; /* somebody opened a stream nobody named */
	audit_says(&rig, "stream 0x4d: word 0");
	entries[77 * 8] = 0;
	l1[9] = l1[0];
	audit_says(&rig, "descriptor 9");
	l1[9] = 0;
	assert_int_equal(rig.ops->audit(rig.unit, &rig.err), 0);
	srig_fini(&rig);
}

static void audit_changed_context_descriptor_is_found(void **state)
{
	struct drv_space *space;
	struct srig rig;
	uint64_t *l1, *entries, *cd;

	(void)state;
	srig_start(&rig, HW_FAKE_IDR0_S1);
	space = srig_space(&rig);
	srig_set(&rig, SRIG_STREAM, DRV_BOUND, space);
	l1 = hw_fake_memory(&rig.fake,
			    hw_fake_get(&rig.fake, FAKE_STRTAB_BASE, 8) & 0xfffffffffffc0, 2048);
	entries = hw_fake_memory(&rig.fake, l1[0] & 0xfffffffffffc0, 16384);
	cd = hw_fake_memory(&rig.fake, entries[SRIG_STREAM * 8] & 0xfffffffffffc0, 64);
	cd[1] ^= 0x1000;
	audit_says(&rig, "context descriptor");
	srig_fini(&rig);
}

static void describe(struct srig *rig, uint32_t stream, const char *what)
{
	char text[256], tiny[8];

	rig->ops->describe_stream(rig->unit, stream, text, sizeof(text));
	if (!strstr(text, what))
		fail_msg("'%s' does not say '%s'", text, what);
	rig->ops->describe_stream(rig->unit, stream, tiny, sizeof(tiny));
	assert_true(strlen(tiny) < sizeof(tiny));
}

static void describe_stream_says_each_state_in_words(void **state)
{
	static const uint32_t idr0[] = { HW_FAKE_IDR0_BOTH, HW_FAKE_IDR0_S1 };
	struct drv_space *space;
	struct srig rig;
	unsigned i;

	(void)state;
	for (i = 0; i < 2; i++) {
		srig_start(&rig, idr0[i]);
		describe(&rig, SRIG_STREAM, "with an empty table: refused and reported");
		describe(&rig, SRIG_STREAM + 1, "not valid: refused and reported");
		describe(&rig, 0x9999, "outside the stream table");
		space = srig_space(&rig);
		srig_set(&rig, SRIG_STREAM, DRV_BOUND, space);
		describe(&rig, SRIG_STREAM, i == 0 ? "stage 2, VMID 2" : "stage 1, context descriptor at 0x");
		srig_set(&rig, SRIG_STREAM, DRV_SILENT, NULL);
		describe(&rig, SRIG_STREAM, "refused without a record");
		rig.ops->close(rig.unit);
		describe(&rig, SRIG_STREAM, "closed: every stream is refused");
		srig_fini(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(audit_untouched_unit_is_good_in_every_state),
		cmocka_unit_test(audit_changed_register_is_named),
		cmocka_unit_test(audit_changed_entry_is_found),
		cmocka_unit_test(audit_changed_context_descriptor_is_found),
		cmocka_unit_test(describe_stream_says_each_state_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
