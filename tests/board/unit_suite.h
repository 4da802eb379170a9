/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every kind of unit promises, written once: tests on a struct unit_rig that
 * was started, with UNIT_RIG_STREAM denied and nothing mapped. The program of a
 * unit runs them on each of its variants.
 */
#ifndef SMMUMAN_TESTS_UNIT_SUITE_H
#define SMMUMAN_TESTS_UNIT_SUITE_H

/* Stops the rig and frees it, as all the programs do. */
int unit_suite_teardown(void **state);

/* On every unit. */
void unit_bound_moves_bytes_both_ways(void **state);
void unit_spaces_keep_devices_apart(void **state);
void unit_spaces_come_and_go_without_leftovers(void **state);

/*
 * On a unit that says of each fault which access it was, and that takes its
 * tables from memory.
 */
void unit_silent_refuses_without_a_record(void **state);
void unit_read_only_refuses_the_write(void **state);
void unit_write_only_is_exact_or_refused(void **state);
void unit_transfer_past_the_grant_moves_the_granted_part(void **state);
void unit_unmap_is_refused_once_completed(void **state);

#endif
