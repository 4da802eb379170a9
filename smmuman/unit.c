// SPDX-License-Identifier: BSD-2-Clause
/* The units: found, closed, probed, taken over. */
#include "unit.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "device.h"
#include "log.h"

uint32_t unit_number(const struct daemon *d, const struct unit *unit)
{
	return (uint32_t)(unit - d->units);
}

static struct drv_found found_of(const struct topology_unit *unit)
{
	return (struct drv_found){ .name = unit->name,
				   .compatible = unit->compatible,
				   .base = unit->base,
				   .size = unit->size,
				   .config = unit->config,
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

static int probe(struct daemon *d, const struct topology_unit *found, struct unit *unit,
		 struct error *err)
{
	struct drv_options options = options_of(d->policy, found->name);
	struct drv_found drv_found = found_of(found);
	const struct drv_module *module = drv_find(&drv_found);

	unit->found = found;
	if (!module)
		return error_set(err, -ENODEV, "%s (%s at 0x%" PRIx64
				 "): no module drives this kind of IOMMU", found->name,
				 found->compatible, found->base);
	return module->probe(&d->machine->hw, &drv_found, &options, &unit->drv, err);
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

/* A space that holds the machine's RAM at its own addresses, the arena excepted. */
static int make_identity(struct daemon *d, struct unit *unit, struct drv_space **ret_space,
			 struct error *err)
{
	const struct machine *machine = d->machine;
	struct drv_part part = { .extent_count = 1, .fd = -1 };
	uint32_t i;
	int ret;

	ret = unit->drv->ops->space_create(unit->drv, 0, ret_space, err);
	for (i = 0; i < machine->ram_count && ret == 0; i++) {
		part.extents = &machine->ram[i];
		part.length = machine->ram[i].length;
		ret = unit->drv->ops->map(*ret_space, IOVA(machine->ram[i].pa.v), &part,
					  RIGHT_ALL, err);
	}
	return ret;
}

#define INIT_MAX (TOPOLOGY_DEVICES_MAX * TOPOLOGY_STREAMS)

static uint32_t initial_streams(struct daemon *d, uint32_t number, struct drv_stream_init *init)
{
	const struct topology_device *found;
	uint32_t count = 0;
	uint32_t i, k;
	bool is_host;

	for (i = 0; i < d->topology.device_count; i++) {
		found = &d->topology.devices[i];
		if (found->unit != number)
			continue;
		is_host = device_policy(d, found) && device_policy(d, found)->host_identity;
		for (k = 0; k < found->stream_count; k++)
			init[count++] = (struct drv_stream_init){
				.stream = found->streams[k],
				.state = is_host && !found->unusable[0] ? DRV_BOUND : DRV_DENY,
			};
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
