/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A service with three devices behind a bridge that puts its own number on their
 * requests (and sometimes lets them keep their own), and two clients of it.
 */
#ifndef SMMUMAN_TESTS_GROUP_BENCH_H
#define SMMUMAN_TESTS_GROUP_BENCH_H

#include "raw.h"
#include "twist.h"

#define BASE UINT64_C(0x100000)
#define ALIAS MACHINE_FAKE_ALIAS
#define LEFT 0u
#define MIDDLE 1u
#define RIGHT 2u

#define BRIDGED_DEVICE(name, match, words) \
	"  - {name: " name ", match: \"" match "\", " words "}\n"
#define POLL "quiesce: {poll: {bar: 0, offset: 0x98, mask: 0x1, value: 0x0}}, "
#define CALM POLL "storm: none"
#define STORMY POLL "storm: {budget: 20, per: 60min}"
#define THREE(words) \
	"version: 1\ndevices:\n" BRIDGED_DEVICE("b0", BRIDGED0, words) \
	BRIDGED_DEVICE("b1", BRIDGED1, words) BRIDGED_DEVICE("b2", BRIDGED2, words)
#define WHOLE "clients:\n  - {name: tester, uid: self, rights: [attach, admin], attach: [b0, b1, b2]}\n"

struct bench {
	struct service service;
	struct twist *twist;
	struct raw raw, other;
	uint32_t domain, others_domain, memory;
};

/* The names of LEFT, MIDDLE and RIGHT. */
extern const char *const bench_names[];

/* cmocka set-up: with a policy that allows everything; the same with storms; nothing yet. */
int bench_setup(void **state);
int bench_setup_stormy(void **state);
int bench_setup_idle(void **state);
int bench_teardown(void **state);

/* Of an idle bench: both clients connected, with a domain each. */
void bench_start(struct bench *bench, const char *policy);

/* The first client attaches it, which must succeed; the other one tries to. */
uint32_t bench_attach(struct bench *bench, unsigned member);
int bench_others_attach(struct bench *bench, unsigned member);

/* One page at BASE in the first client's domain. */
void bench_grant(struct bench *bench);

/* Is it reached under the bridge's number, under the device's own? */
bool bench_alias_reaches(const struct bench *bench);
bool bench_own_reaches(const struct bench *bench, unsigned member);

uint32_t bench_state(const struct bench *bench, unsigned member);
struct wire_device bench_view(struct bench *bench, unsigned member);

/* The bit of its registers that keeps it from coming to rest. */
void bench_set_busy(struct bench *bench, unsigned member, uint32_t value);

/* What an operator does about a quarantine. */
int bench_release(struct bench *bench, const char *name);

#endif
