// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gerror.h"
#include "regs.h"
#include "srig.h"

static uint32_t still_active(const struct srig *rig)
{
	return (uint32_t)(hw_fake_get(&rig->fake, FAKE_GERROR, 4) ^
			  hw_fake_get(&rig->fake, FAKE_GERRORN, 4));
}

/* Every bit, named or not: acknowledged and counted, in both directions. */
static void museum_gerror_unhandled(void **state)
{
	struct srig rig;
	unsigned bit, turn;

	(void)state;
	srig_start(&rig, HW_FAKE_IDR0_BOTH);
	for (turn = 0; turn < 2; turn++) {
		for (bit = 0; bit < 31; bit++) {
			uint64_t before = rig.unit->counts.global_errors;

			if (BIT(bit) == GERROR_SFM || BIT(bit) == GERROR_CMDQ)
				continue;
			hw_fake_gerror(&rig.fake, 1u << bit);
			srig_drain(&rig, 1);
			assert_int_equal(still_active(&rig), 0);
			if (BIT(bit) == GERROR_EVENTQ_ABT)
				continue;
			assert_int_equal(rig.unit->counts.global_errors, before + 1);
		}
	}
	assert_int_equal(rig.unit->counts.event_losses, 2);
	assert_false(rig.unit->is_closed);
	srig_fini(&rig);
}

static void gerror_several_bits_at_once_are_all_acknowledged(void **state)
{
	struct srig rig;

	(void)state;
	srig_start(&rig, HW_FAKE_IDR0_BOTH);
	hw_fake_gerror(&rig.fake, (uint32_t)(GERROR_PRIQ_ABT | GERROR_MSI_CMDQ | GERROR_MSI_GERROR |
					     GERROR_EVENTQ_ABT));
	srig_drain(&rig, 1);
	assert_int_equal(still_active(&rig), 0);
	assert_int_equal(rig.unit->counts.global_errors, 3);
	assert_int_equal(rig.unit->counts.event_losses, 1);
	srig_fini(&rig);
}

static void gerror_service_failure_closes_the_unit(void **state)
{
	struct srig rig;

	(void)state;
	srig_start(&rig, HW_FAKE_IDR0_BOTH);
	hw_fake_gerror(&rig.fake, (uint32_t)GERROR_SFM);
	srig_drain(&rig, 1);
	assert_true(rig.unit->is_closed);
	assert_int_equal(oracle_stream(&rig.fake, SRIG_STREAM).verdict, ORACLE_SILENT);
	assert_int_equal(hw_fake_get(&rig.fake, FAKE_CR0, 4) & 1, 0);
	srig_fini(&rig);
}

/* CMDQ_ERR is found by the drain too, not only when a ticket is waited for. */
static void gerror_command_error_is_recovered_by_the_drain(void **state)
{
	struct drv_gather gather = { 0 };
	struct srig rig;
	uint64_t ticket;

	(void)state;
	srig_start(&rig, HW_FAKE_IDR0_BOTH);
	hw_fake_log(&rig.fake);
	rig.fake.error_at = 1;
	rig.fake.error_code = CERROR_ILL;
	rig.ops->set_stream(rig.unit, SRIG_STREAM, DRV_SILENT, NULL, &gather, &rig.err);
	ticket = rig.ops->submit(rig.unit, &gather);
	srig_drain(&rig, 1);
	assert_int_equal(still_active(&rig), 0);
	assert_int_equal(rig.unit->counts.command_errors, 1);
	srig_wait(&rig, ticket);
	srig_fini(&rig);
}

static void gerror_command_error_without_reason_is_acknowledged(void **state)
{
	struct srig rig;

	(void)state;
	srig_start(&rig, HW_FAKE_IDR0_BOTH);
	hw_fake_gerror(&rig.fake, (uint32_t)GERROR_CMDQ);
	srig_drain(&rig, 1);
	assert_int_equal(still_active(&rig), 0);
	assert_int_equal(rig.unit->counts.command_errors, 1);
	assert_false(rig.unit->is_closed);
	srig_fini(&rig);
}

static void gerror_left_by_earlier_owner_is_acknowledged_at_takeover(void **state)
{
	struct srig rig;

	(void)state;
	srig_init(&rig);
	hw_fake_set(&rig.fake, FAKE_GERROR, 4, 0x1fd);
	srig_probe(&rig);
	srig_takeover(&rig, NULL, 0);
	assert_int_equal(still_active(&rig), 0);
	srig_drain(&rig, 1);
	assert_int_equal(rig.unit->counts.global_errors, 0);
	assert_false(rig.unit->is_closed);
	srig_fini(&rig);
}

static void gerror_words_name_every_bit(void **state)
{
	(void)state;
	assert_non_null(strstr(gerror_words((uint32_t)GERROR_SFM), "SFM_ERR"));
	assert_non_null(strstr(gerror_words((uint32_t)GERROR_EVENTQ_ABT), "EVENTQ_ABT_ERR"));
	assert_non_null(strstr(gerror_words(1u << 30), "does not name"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(museum_gerror_unhandled),
		cmocka_unit_test(gerror_several_bits_at_once_are_all_acknowledged),
		cmocka_unit_test(gerror_service_failure_closes_the_unit),
		cmocka_unit_test(gerror_command_error_is_recovered_by_the_drain),
		cmocka_unit_test(gerror_command_error_without_reason_is_acknowledged),
		cmocka_unit_test(gerror_left_by_earlier_owner_is_acknowledged_at_takeover),
		cmocka_unit_test(gerror_words_name_every_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
