// SPDX-License-Identifier: BSD-2-Clause
/*
 * Figures that are counted, not timed: what a batch of 64 one-page grants and their
 * revocation costs each kind of unit in commands and in waits for them, side by side.
 * Where grants touch, a batch is one range and one wait (P9); where they do not, still
 * one wait (P10); on a virtio-iommu a wait is one kick. The unit tests assert the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "figure.h"
#include "srig.h"
#include "vrig.h"
#include "vtdrig.h"

#define GRANTS 64u
#define PAGE UINT64_C(4096)
#define IOVA_BASE UINT64_C(0x200000)
#define MEMORY UINT64_C(0x80000000)

/* What the unit has been told so far; commands are without the waits. */
struct told {
	uint64_t commands, waits;
};

enum {
	UNIT_SMMUV3, UNIT_VTD, UNIT_VTD_CACHING, UNIT_VTD_SCALABLE, UNIT_VTD_FIRST, UNIT_VSMMU, UNITS
};

static struct srig arm;
static struct vtdrig vtd;
static struct vrig virtio;

static struct told told_arm(void)
{
	return (struct told){ arm.fake.commands - arm.fake.syncs, arm.fake.syncs };
}

static struct told told_vtd(void)
{
	return (struct told){ vtd.fake.descs - vtd.fake.waits, vtd.fake.waits };
}

static struct told told_virtio(void)
{
	return (struct told){ virtio.fake.served, virtio.fake.kicks };
}

/*
 * What each costs: to grant, to revoke what touches, to revoke what does not. A first
 * level cannot be told to drain posted writes, so that a command which can follows.
 */
static const struct kind {
	const char *name, *wait;
	unsigned vtd_kind;
	struct told (*told)(void);
	struct told grant, adjacent, scattered;
} kinds[UNITS] = {
	[UNIT_SMMUV3] = { "smmuv3", "waits", 0, told_arm, { 0, 0 }, { 1, 1 }, { 1, 1 } },
	[UNIT_VTD] = { "vtd", "waits", VTDRIG_LEGACY, told_vtd, { 0, 0 }, { 1, 1 }, { 1, 1 } },
	[UNIT_VTD_CACHING] = { "vtd-caching", "waits", VTDRIG_CACHING, told_vtd, { 1, 1 }, { 1, 1 },
			       { 1, 1 } },
	[UNIT_VTD_SCALABLE] = { "vtd-scalable", "waits", VTDRIG_SECOND, told_vtd, { 0, 0 }, { 1, 1 },
				{ 1, 1 } },
	[UNIT_VTD_FIRST] = { "vtd-first-level", "waits", VTDRIG_FIRST, told_vtd, { 0, 0 }, { 2, 1 },
			     { 2, 1 } },
	[UNIT_VSMMU] = { "vsmmu", "kicks", 0, told_virtio, { GRANTS, 1 }, { 1, 1 }, { GRANTS, 1 } },
};

static struct drv_unit *start(unsigned unit)
{
	if (unit == UNIT_SMMUV3) {
		srig_init(&arm);
		hw_fake_set(&arm.fake, FAKE_IDR3, 4, 1u << 10); /* RIL: ranges */
		srig_probe(&arm);
		srig_takeover(&arm, NULL, 0);
		return arm.unit;
	}
	if (unit == UNIT_VSMMU) {
		vrig_start(&virtio, true);
		return virtio.unit;
	}
	vtdrig_start(&vtd, &vtdrig_kinds[kinds[unit].vtd_kind]);
	return vtd.unit;
}

static void stop(unsigned unit)
{
	if (unit == UNIT_SMMUV3)
		srig_fini(&arm);
	else if (unit == UNIT_VSMMU)
		vrig_fini(&virtio);
	else
		vtdrig_fini(&vtd);
}

static void submit(struct drv_unit *unit, struct drv_gather *gather)
{
	uint64_t ticket = unit->ops->submit(unit, gather);
	unsigned looks = 1000;

	while (unit->ops->completed(unit) < ticket)
		assert_true(looks-- > 0);
}

static void grant(struct drv_space *space, uint64_t iova)
{
	const struct extent extent = { PA(MEMORY + iova), PAGE };
	const struct drv_part part = {
		.extents = &extent, .extent_count = 1, .length = PAGE, .fd = -1,
	};
	struct error err;

	assert_int_equal(space->unit->ops->map(space, IOVA(iova), &part, RIGHT_READ | RIGHT_WRITE,
					       &err), 0);
}

static struct told since(unsigned unit, struct told before)
{
	struct told now = kinds[unit].told();

	return (struct told){ now.commands - before.commands, now.waits - before.waits };
}

static void batch(unsigned unit, uint64_t step, struct told *ret_grant, struct told *ret_revoke)
{
	struct drv_unit *drv = start(unit);
	struct drv_gather gather = { 0 };
	struct told before;
	struct drv_space *space;
	struct error err;
	unsigned i;

	assert_int_equal(drv->ops->space_create(drv, 0, &space, &err), 0);
	assert_int_equal(drv->ops->set_stream(drv, 8, DRV_BOUND, space, &gather, &err), 0);
	submit(drv, &gather);
	before = kinds[unit].told();
	for (i = 0; i < GRANTS; i++)
		grant(space, IOVA_BASE + i * step);
	if (drv->ops->commit)
		assert_int_equal(drv->ops->commit(space, &err), 0);
	*ret_grant = since(unit, before);
	before = kinds[unit].told();
	for (i = 0; i < GRANTS; i++)
		drv->ops->unmap(space, IOVA(IOVA_BASE + i * step), PAGE, &gather);
	submit(drv, &gather);
	*ret_revoke = since(unit, before);
	stop(unit);
}

static void report(const char *what, const char *unit, const char *counted, uint64_t count,
		   uint64_t target)
{
	char name[64];

	snprintf(name, sizeof(name), "%s-%s-%s", what, unit, counted);
	figure_report(name, (double)count, (double)target, false);
}

/* The same figure of every unit, one under the other. */
static void report_all(const char *what, const struct told *measured, const struct told *target)
{
	unsigned i;

	for (i = 0; i < UNITS; i++)
		report(what, kinds[i].name, "commands", measured[i].commands, target[i].commands);
	for (i = 0; i < UNITS; i++)
		report(what, kinds[i].name, kinds[i].wait, measured[i].waits, target[i].waits);
}

/* A rig that fails an assertion ends the program: there are no figures then. */
int main(void)
{
	struct told granted[UNITS], adjacent[UNITS], scattered[UNITS], ignored, target[UNITS];
	unsigned i;

	for (i = 0; i < UNITS; i++) {
		batch(i, PAGE, &granted[i], &adjacent[i]);
		batch(i, 4 * PAGE, &ignored, &scattered[i]);
	}
	for (i = 0; i < UNITS; i++)
		target[i] = kinds[i].grant;
	report_all("grant-64", granted, target);
	for (i = 0; i < UNITS; i++)
		target[i] = kinds[i].adjacent;
	report_all("P9-revoke-64-adjacent", adjacent, target);
	for (i = 0; i < UNITS; i++)
		target[i] = kinds[i].scattered;
	report_all("P10-revoke-64-scattered", scattered, target);
	return 0;
}
