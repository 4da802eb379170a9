// SPDX-License-Identifier: BSD-2-Clause
/* The units: found, closed, probed, taken over. */
#include "unit.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "arith.h"
#include "device.h"
#include "log.h"
#include "module_load.h"

uint32_t unit_number(const struct daemon *d, const struct unit *unit)
{
	return (uint32_t)(unit - d->units);
}

static struct drv_found found_of(const struct topology_unit *unit)
{
	return (struct drv_found){ .name = unit->name,
				   .compatible = unit->compatible,
				   .base = machine_untag(unit->base),
				   .size = unit->size,
				   .config = machine_untag(unit->config),
				   .address_bits = unit->address_bits };
}

static struct drv_options options_of(const struct policy *policy, const char *name)
{
	struct policy_unit chosen = policy_unit_options(policy, name);
	struct drv_options options = { 0 };

	options.stage = chosen.stage == POLICY_STAGE_1	 ? DRV_STAGE_1
			: chosen.stage == POLICY_STAGE_2 ? DRV_STAGE_2
							 : DRV_STAGE_ANY;
	options.table = chosen.table == POLICY_TABLE_LINEAR	 ? DRV_TABLE_LINEAR
			: chosen.table == POLICY_TABLE_TWO_LEVEL ? DRV_TABLE_TWO_LEVEL
								 : DRV_TABLE_ANY;
	options.mode = chosen.mode == POLICY_MODE_LEGACY     ? DRV_MODE_LEGACY
		       : chosen.mode == POLICY_MODE_SCALABLE ? DRV_MODE_SCALABLE
							     : DRV_MODE_ANY;
	return options;
}

/* The one that the policy names and no other; else the built-in one that matches. */
static int choose_module(struct daemon *d, const struct drv_found *found,
			 const struct drv_module **ret_module, struct error *err)
{
	struct policy_unit chosen = policy_unit_options(d->policy, found->name);
	int ret;

	*ret_module = chosen.module[0] ? NULL : drv_find(found);
	if (*ret_module)
		return 0;
	if (!chosen.module[0])
		return error_set(err, -ENODEV, "%s (%s at 0x%" PRIx64
				 "): no module drives this kind of IOMMU", found->name,
				 found->compatible, found->base);
	ret = module_load(d->modules, chosen.module, ret_module, err);
	if (ret < 0)
		return error_prefix(err, "%s", found->name);
	if (!(*ret_module)->match(found))
		return error_set(err, -ENODEV, "%s (%s at 0x%" PRIx64 "): module '%s', which the policy "
				 "names, does not drive this kind of IOMMU", found->name,
				 found->compatible, found->base, chosen.module);
	log_note("%s: driven by module '%s' of %s", found->name, chosen.module, d->modules);
	return 0;
}

static int probe(struct daemon *d, const struct topology_unit *found, struct unit *unit,
		 struct error *err)
{
	struct drv_options options = options_of(d->policy, found->name);
	struct drv_found drv_found = found_of(found);
	const struct drv_module *module;
	struct machine *part;
	int ret;

	unit->found = found;
	ret = choose_module(d, &drv_found, &module, err);
	if (ret < 0)
		return ret;
	part = machine_part(d->machine, machine_tag_part(found->base));
	return module->probe(&part->hw, &drv_found, &options, &unit->drv, err);
}

int units_probe(struct daemon *d, struct error *err)
{
	uint32_t i;
	int ret;

	if (d->topology.unit_count == 0)
		return error_set(err, -ENODEV, "the machine's description names no IOMMU: nothing can be "
				 "contained");
	for (i = 0; i < d->topology.unit_count; i++) {
		ret = probe(d, &d->topology.units[i], &d->units[i], err);
		if (ret < 0)
			return ret;
		d->unit_count = i + 1;
	}
	return 0;
}

void units_close(struct daemon *d)
{
	uint32_t i;

	for (i = 0; i < d->unit_count; i++)
		d->units[i].drv->ops->close(d->units[i].drv);
}

void units_forget(struct daemon *d)
{
	while (d->unit_count > 0) {
		struct unit *unit = &d->units[--d->unit_count];

		unit->drv->ops->forget(unit->drv);
		unit->drv = NULL;
	}
}

static int map_identity(struct drv_space *space, const struct extent *extent, struct error *err)
{
	struct drv_part part = { .extents = extent,
				 .extent_count = 1,
				 .length = extent->length,
				 .fd = -1 };

	return space->unit->ops->map(space, IOVA(extent->pa.v), &part, RIGHT_ALL, err);
}

static bool stays_with_host(const struct daemon *d, const struct topology_device *found)
{
	const struct policy_device *policy = device_policy(d, found);

	return policy && policy->host_identity && !found->unusable[0];
}

/* Is it in the space already, as memory or as what another device has, too? */
static bool is_in_identity(const struct daemon *d, uint32_t number)
{
	const struct topology_reserved *found = &d->topology.reserved[number], *other;
	const struct topology_device *devices = d->topology.devices;
	uint32_t i;

	for (i = 0; i < d->machine->ram_count; i++)
		if (range_within(found->base, found->length, d->machine->ram[i].pa.v,
				 d->machine->ram[i].length))
			return true;
	for (other = d->topology.reserved; other < found; other++)
		if (stays_with_host(d, &devices[other->device]) &&
		    devices[other->device].unit == devices[found->device].unit &&
		    range_within(found->base, found->length, other->base, other->length))
			return true;
	return false;
}

/* What firmware has the host's devices on this unit use beside the machine's RAM. */
static int map_firmware(struct daemon *d, struct unit *unit, struct drv_space *space,
			struct error *err)
{
	const struct topology_reserved *found = d->topology.reserved;
	struct extent extent;
	uint32_t i;
	int ret = 0;

	for (i = 0; i < d->topology.reserved_count && ret == 0; i++, found++) {
		extent = (struct extent){ PA(found->base), found->length };
		if (d->topology.devices[found->device].unit != unit_number(d, unit) ||
		    !stays_with_host(d, &d->topology.devices[found->device]) ||
		    is_in_identity(d, i))
			continue;
		if (machine_overlaps_arena(d->machine, extent.pa, extent.length))
			ret = error_set(err, -EPERM, "firmware has a device of the host use 0x%" PRIx64
					" + 0x%" PRIx64 ", which is the daemon's own memory",
					found->base, found->length);
		else
			ret = map_identity(space, &extent, err);
	}
	return ret;
}

/* A space that holds the machine's RAM at its own addresses, the arena excepted. */
static int make_identity(struct daemon *d, struct unit *unit, struct drv_space **ret_space,
			 struct error *err)
{
	const struct machine *machine = d->machine;
	uint32_t i;
	int ret;

	ret = unit->drv->ops->space_create(unit->drv, 0, ret_space, err);
	for (i = 0; i < machine->ram_count && ret == 0; i++)
		ret = map_identity(*ret_space, &machine->ram[i], err);
	if (ret == 0)
		ret = map_firmware(d, unit, *ret_space, err);
	if (ret == 0 && unit->drv->ops->commit)
		ret = unit->drv->ops->commit(*ret_space, err);
	return ret;
}

#define INIT_MAX (TOPOLOGY_DEVICES_MAX * TOPOLOGY_STREAMS)

static bool is_listed(const struct drv_stream_init *init, uint32_t count, uint32_t stream)
{
	while (count-- > 0)
		if (init[count].stream == stream)
			return true;
	return false;
}

/* Each stream once: of a group, all stay with the host or none (group_check_host()). */
static uint32_t initial_streams(struct daemon *d, uint32_t number, struct drv_stream_init *init)
{
	const struct topology_device *found;
	uint32_t count = 0;
	uint32_t i, k;

	for (i = 0; i < d->topology.device_count; i++) {
		found = &d->topology.devices[i];
		if (found->unit != number)
			continue;
		for (k = 0; k < found->stream_count; k++) {
			if (d->devices[i].group_size > 1 &&
			    is_listed(init, count, found->streams[k]))
				continue;
			init[count++] = (struct drv_stream_init){
				.stream = found->streams[k],
				.state = stays_with_host(d, found) ? DRV_BOUND : DRV_DENY,
			};
		}
	}
	return count;
}

int unit_takeover(struct daemon *d, struct unit *unit, struct error *err)
{
	static struct drv_stream_init init[INIT_MAX];
	uint32_t count = initial_streams(d, unit_number(d, unit), init);
	struct drv_space *identity = NULL;
	uint32_t i;
	int ret = 0;

	for (i = 0; i < count && ret == 0; i++) {
		if (init[i].state != DRV_BOUND)
			continue;
		if (!identity)
			ret = make_identity(d, unit, &identity, err);
		init[i].space = identity;
	}
	if (ret == 0)
		ret = unit->drv->ops->takeover(unit->drv, init, count, err);
	if (ret < 0) {
		unit->drv->ops->close(unit->drv);
		return ret;
	}
	log_note("%s: %s; %" PRIu32 " known streams, %s", unit->drv->name, unit->drv->caps.words, count,
		 identity ? "some OPEN for the host, all others closed" : "all closed");
	return 0;
}
