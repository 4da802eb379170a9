// SPDX-License-Identifier: BSD-2-Clause
// devices: what each is called, how it is recognised and brought to rest.
#include "load.h"

#include <string.h>

#include "arith.h"

#define STORM_BUDGET_DEFAULT 10000u
#define STORM_PERIOD_DEFAULT_MS 1000u

static void read_name(struct load *load, const struct load_node *node, void *target)
{
	struct policy_device *device = target, *other;

	if (!load_name(load, node, "name", device->name, sizeof(device->name)))
		return;
	for (other = load->policy->devices; other < device; other++) {
		if (strcmp(other->name, device->name) != 0)
			continue;
		load_error(load, node->mark, "a device is named '%s' already, in line %u",
			   device->name, other->line);
		return;
	}
}

/* Would one and the same device answer to both? */
static bool match_overlaps(const struct devname *a, const struct devname *b)
{
	if (a->kind == DEVNAME_MMIO && b->kind == DEVNAME_MMIO)
		return range_overlaps(a->base, a->length, b->base, b->length);
	return devname_equal(a, b);
}

static void read_match(struct load *load, const struct load_node *node, void *target)
{
	struct policy_device *device = target, *other;
	char quoted[LOAD_QUOTE_MAX], canonical[DEVNAME_MAX];

	if (!load_scalar(load, node, "match"))
		return;
	if (devname_parse(node->text, &device->match)) {
		load_error(load, node->mark,
			   "'%s' names no device; write pci:0000:00:02.0, dt:/soc/dma@1000 or "
			   "mmio:0x1000+0x100",
			   load_quote(quoted, node->text));
		return;
	}
	devname_format(&device->match, canonical);
	for (other = load->policy->devices; other < device; other++) {
		if (!match_overlaps(&other->match, &device->match))
			continue;
		load_error(load, node->mark, "%s is '%s' of line %u already", canonical,
			   other->name, other->line);
		return;
	}
}

static void read_bar(struct load *load, const struct load_node *node, void *target)
{
	struct policy_quiesce *quiesce = target;

	load_count32(load, node, "bar", 0, 5, &quiesce->bar);
}

static bool read_register(struct load *load, const struct load_node *node, const char *what,
			  uint32_t *ret_value)
{
	uint64_t value;

	if (!load_address(load, node, what, UINT32_MAX, &value))
		return false;
	*ret_value = (uint32_t)value;
	return true;
}

static void read_offset(struct load *load, const struct load_node *node, void *target)
{
	struct policy_quiesce *quiesce = target;

	if (read_register(load, node, "offset", &quiesce->offset) &&
	    !is_aligned(quiesce->offset, 4))
		load_error(load, node->mark, "'offset' must be a multiple of 4");
}

static void read_mask(struct load *load, const struct load_node *node, void *target)
{
	struct policy_quiesce *quiesce = target;

	if (read_register(load, node, "mask", &quiesce->mask) && quiesce->mask == 0)
		load_error(load, node->mark, "'mask' 0x0 waits for nothing");
}

static void read_value(struct load *load, const struct load_node *node, void *target)
{
	struct policy_quiesce *quiesce = target;

	read_register(load, node, "value", &quiesce->value);
}

static void read_poll(struct load *load, const struct load_node *node, void *target)
{
	static const struct load_key keys[] = {
		{ "bar", true, read_bar },
		{ "offset", true, read_offset },
		{ "mask", true, read_mask },
		{ "value", true, read_value },
	};
	struct policy_quiesce *quiesce = target;
	uint32_t errors = load->errors;

	quiesce->kind = QUIESCE_POLL;
	load_map(load, node, "poll", keys, ARRAY_COUNT(keys), quiesce);
	if (load->errors == errors && (quiesce->value & ~quiesce->mask))
		load_error(load, node->mark,
			   "'value' has bits outside 'mask': the register could never read so");
}

static void read_quiesce(struct load *load, const struct load_node *node, void *target)
{
	static const struct load_key keys[] = { { "poll", true, read_poll } };
	struct policy_device *device = target;
	char quoted[LOAD_QUOTE_MAX];

	if (node->kind == LOAD_MAP)
		load_map(load, node, "quiesce", keys, ARRAY_COUNT(keys), &device->quiesce);
	else if (load_scalar(load, node, "quiesce") && strcmp(node->text, "reset") != 0)
		load_error(load, node->mark, "'quiesce' takes reset or {poll: {...}}, not '%s'",
			   load_quote(quoted, node->text));
}

static void read_budget(struct load *load, const struct load_node *node, void *target)
{
	struct policy_storm *storm = target;

	load_count32(load, node, "budget", 1, 1000000000, &storm->budget);
}

static void read_per(struct load *load, const struct load_node *node, void *target)
{
	struct policy_storm *storm = target;

	load_period(load, node, &storm->period_ms);
}

static void read_then(struct load *load, const struct load_node *node, void *target)
{
	static const struct load_word words[] = { { "log", false }, { "quarantine", true } };
	struct policy_storm *storm = target;
	unsigned value;

	if (load_word(load, node, "then", words, ARRAY_COUNT(words), &value))
		storm->quarantine = value;
}

static void read_storm(struct load *load, const struct load_node *node, void *target)
{
	static const struct load_key keys[] = {
		{ "budget", false, read_budget },
		{ "per", false, read_per },
		{ "then", false, read_then },
	};
	struct policy_device *device = target;
	char quoted[LOAD_QUOTE_MAX];

	if (node->kind == LOAD_MAP)
		load_map(load, node, "storm", keys, ARRAY_COUNT(keys), &device->storm);
	else if (load_scalar(load, node, "storm") && strcmp(node->text, "none") != 0)
		load_error(load, node->mark,
			   "'storm' takes none or {budget: ..., per: ..., then: ...}, not '%s'",
			   load_quote(quoted, node->text));
	else
		device->storm = (struct policy_storm){ .budget = 0 };
}

static void read_host(struct load *load, const struct load_node *node, void *target)
{
	static const struct load_word words[] = { { "identity", true } };
	struct policy_device *device = target;
	unsigned value;

	if (load_word(load, node, "host", words, ARRAY_COUNT(words), &value))
		device->host_identity = true;
}

static void read_unsafe_interrupts(struct load *load, const struct load_node *node, void *target)
{
	static const struct load_word words[] = { { "allow", true } };
	struct policy_device *device = target;
	unsigned value;

	if (load_word(load, node, "unsafe_interrupts", words, ARRAY_COUNT(words), &value))
		device->unsafe_interrupts = true;
}

static const struct load_key device_keys[] = {
	{ "name", true, read_name },
	{ "match", true, read_match },
	{ "quiesce", false, read_quiesce },
	{ "storm", false, read_storm },
	{ "host", false, read_host },
	{ "unsafe_interrupts", false, read_unsafe_interrupts },
};

/* Nobody attaches what stays with the host. */
static void check_host(struct load *load, const struct load_node *entry,
		       const struct policy_device *device)
{
	if (device->host_identity && device->unsafe_interrupts)
		load_warning(load, entry->mark,
			     "'unsafe_interrupts' changes nothing for '%s': it stays open for the "
			     "host",
			     device->name);
}

/* A platform device has one register window and no reset of its own. */
static void check_platform(struct load *load, const struct load_node *entry,
			   const struct policy_device *device)
{
	if (device->match.kind == DEVNAME_PCI || device->match.kind == DEVNAME_NONE)
		return;
	if (device->quiesce.kind == QUIESCE_POLL && device->quiesce.bar != 0)
		load_error(load, entry->mark, "'bar' of '%s' must be 0: it is no PCI device",
			   device->name);
	if (device->quiesce.kind == QUIESCE_RESET && !device->host_identity)
		load_warning(load, entry->mark,
			     "'%s' is no PCI device and has no reset: after its first owner it "
			     "stays quarantined; name a quiesce: {poll: ...}",
			     device->name);
}

void load_devices(struct load *load, const struct load_node *node)
{
	struct policy *policy = load->policy;
	const struct load_node *entry;
	struct policy_device *device;

	load->devices = node;
	policy->devices = load_array(load, node, "devices", LOAD_DEVICES_MAX,
				     sizeof(*policy->devices), &policy->device_count);
	if (!policy->devices)
		return;
	device = policy->devices;
	for (entry = node->first; entry; entry = entry->next, device++) {
		device->line = entry->mark.line;
		device->storm = (struct policy_storm){
			.budget = STORM_BUDGET_DEFAULT,
			.period_ms = STORM_PERIOD_DEFAULT_MS,
			.quarantine = true,
		};
		if (load_map(load, entry, "a device", device_keys, ARRAY_COUNT(device_keys),
			     device)) {
			check_platform(load, entry, device);
			check_host(load, entry, device);
		}
	}
}
