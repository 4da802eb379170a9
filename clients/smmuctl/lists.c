// SPDX-License-Identifier: BSD-2-Clause
/* The lists: units, devices, clients, domains, grants. A list is one table. */
#include <errno.h>
#include <inttypes.h>

#include "bits.h"
#include "smmuctl.h"
#include "device_words.h"
#include "json.h"
#include "smmu-admin.h"
#include "table.h"
#include "text.h"
#include "times.h"

struct list_view {
	enum wire_id list;
	const char *key; /* of the array in JSON; "there are no ..." */
	const struct json_field *fields;
	void (*row)(struct table *table, const void *entry);
	unsigned column_count;
	struct table_column columns[TABLE_COLUMNS_MAX];
};

/* --- rows ------------------------------------------------------------------------ */

static void unit_row(struct table *table, const void *entry)
{
	const struct wire_unit *unit = entry;
	char note[sizeof(unit->words) + 80];

	table_row(table, unit->is_closed);
	table_cell(table, "%s", unit->name);
	table_cell(table, "%s", unit->module);
	table_cell(table, "0x%" PRIx64, unit->base);
	table_cell(table, "%s", unit->is_closed ? "closed" : "on");
	table_cell(table, "%" PRIu32, unit->streams);
	table_cell(table, "%" PRIu64, unit->commands);
	table_cell(table, "%" PRIu64, unit->events);
	table_cell(table, "%" PRIu64, unit->event_losses);
	table_cell(table, "%" PRIu64, unit->command_errors + unit->global_errors);
	table_cell(table, "%" PRIu64, unit->table_pages);
	snprintf(note, sizeof(note), "%s%s%s", unit->words,
		 unit->words[0] && unit->unsafe_interrupts ? "; " : "",
		 unit->unsafe_interrupts ? "does not check interrupt messages" : "");
	table_note(table, note);
}

static void device_row(struct table *table, const void *entry)
{
	const struct wire_device *device = entry;
	char note[DEVICE_WORDS_MAX];

	table_row(table, device_words_alarm(device));
	table_cell(table, "%s", device->name);
	table_cell(table, "%s", device->policy[0] ? device->policy : "-");
	table_cell(table, "%s", device->unit[0] ? device->unit : "-");
	table_cell(table, "0x%" PRIx32, device->stream);
	table_cell(table, "%s", smmu_admin_state_name(device->state));
	if (device->client)
		table_cell(table, "%s (%" PRIu32 ")", device->owner, device->client);
	else
		table_cell(table, "-");
	table_cell(table, "%" PRIu64, device->faults);
	table_note(table, device_words_note(note, device));
}

static void client_row(struct table *table, const void *entry)
{
	const struct wire_client *client = entry;
	char memory[TEXT_SIZE_MAX], tables[TEXT_SIZE_MAX], day[TIMES_MAX], time[TIMES_MAX];

	table_row(table, false);
	table_cell(table, "%" PRIu32, client->client);
	table_cell(table, "%s", client->rule);
	table_cell(table, "%" PRId32, client->pid);
	table_cell(table, "%" PRIu32, client->uid);
	table_cell(table, "%s %.8s", times_day(day, client->connected_real_ns),
		   times_clock(time, client->connected_real_ns));
	table_cell(table, "%" PRIu32, client->devices);
	table_cell(table, "%" PRIu32, client->domains);
	table_cell(table, "%" PRIu32, client->grants);
	table_cell(table, "%s", text_size(memory, client->memory_bytes));
	table_cell(table, "%s", text_size(tables, client->table_bytes));
	table_note(table, client->exe);
}

/* A static domain belongs to nobody. */
static void owner_cell(struct table *table, uint32_t client)
{
	if (client)
		table_cell(table, "%" PRIu32, client);
	else
		table_cell(table, "static");
}

static void domain_row(struct table *table, const void *entry)
{
	const struct wire_domain *domain = entry;
	char bytes[TEXT_SIZE_MAX];

	table_row(table, false);
	table_cell(table, "%" PRIu32, domain->domain);
	owner_cell(table, domain->client);
	table_cell(table, "%s", domain->client ? domain->owner : "-");
	table_cell(table, "%" PRIu32, domain->devices);
	table_cell(table, "%" PRIu32, domain->grants);
	table_cell(table, "%s", text_size(bytes, domain->bytes));
}

static void grant_row(struct table *table, const void *entry)
{
	const struct wire_grant *grant = entry;
	char length[TEXT_SIZE_MAX], rights[4], day[TIMES_MAX], time[TIMES_MAX];

	table_row(table, false);
	table_cell(table, "%" PRIu32, grant->domain);
	owner_cell(table, grant->client);
	table_cell(table, "0x%" PRIx64, grant->iova);
	table_cell(table, "%s", text_size(length, grant->length));
	table_cell(table, "%s", text_rights(rights, grant->rights));
	table_cell(table, "0x%" PRIx64, grant->pa);
	table_cell(table, "%" PRIu32, grant->memory);
	table_cell(table, "0x%" PRIx64, grant->offset);
	table_cell(table, "%s %.8s", times_day(day, grant->since_real_ns),
		   times_clock(time, grant->since_real_ns));
}

/* --- lists ----------------------------------------------------------------------- */

static const struct list_view units = {
	WIRE_LIST_UNITS, "units", json_unit_fields, unit_row, 10,
	{ { "UNIT", false }, { "MODULE", false }, { "REGISTERS", false }, { "STATE", false },
	  { "STREAMS", true }, { "COMMANDS", true }, { "EVENTS", true }, { "LOST", true },
	  { "ERRORS", true }, { "PAGES", true } },
};

static const struct list_view devices = {
	WIRE_LIST_DEVICES, "devices", json_device_fields, device_row, 7,
	{ { "DEVICE", false }, { "POLICY", false }, { "UNIT", false }, { "STREAM", false },
	  { "STATE", false }, { "CLIENT", false }, { "FAULTS", true } },
};

static const struct list_view clients = {
	WIRE_LIST_CLIENTS, "clients", json_client_fields, client_row, 10,
	{ { "CLIENT", true }, { "RULE", false }, { "PID", true }, { "UID", true },
	  { "SINCE", false }, { "DEVICES", true }, { "DOMAINS", true }, { "GRANTS", true },
	  { "MEMORY", true }, { "TABLES", true } },
};

static const struct list_view domains = {
	WIRE_LIST_DOMAINS, "domains", json_domain_fields, domain_row, 6,
	{ { "DOMAIN", true }, { "CLIENT", true }, { "RULE", false }, { "DEVICES", true },
	  { "GRANTS", true }, { "GRANTED", true } },
};

static const struct list_view grants = {
	WIRE_LIST_GRANTS, "grants", json_grant_fields, grant_row, 9,
	{ { "DOMAIN", true }, { "CLIENT", true }, { "IOVA", false }, { "LENGTH", true },
	  { "RIGHTS", false }, { "PHYSICAL", false }, { "MEMORY", true }, { "OFFSET", false },
	  { "SINCE", false } },
};

struct collecting {
	const struct list_view *view;
	struct table *table;
	json_t *array;
};

static int collect(const void *entry, void *argument)
{
	struct collecting *to = argument;

	if (!to->array) {
		to->view->row(to->table, entry);
		return to->table->has_failed ? -ENOMEM : 0;
	}
	return json_array_append_new(to->array, json_of(to->view->fields, entry)) ? -ENOMEM : 0;
}

static int list_json(struct ctl *ctl, const struct list_view *view)
{
	json_t *array = json_array();
	struct collecting to = { .view = view, .array = array };
	int rc = array ? smmu_admin_list(ctl->service, view->list, collect, &to) : -ENOMEM;

	if (!rc)
		return json_print(ctl, json_pack("{s:o}", view->key, array));
	json_decref(array);
	return service_failed(ctl, rc);
}

static int list_table(struct ctl *ctl, const struct list_view *view)
{
	struct table table;
	struct collecting to = { .view = view, .table = &table };
	int rc, code;

	table_init(&table, view->columns, view->column_count);
	rc = smmu_admin_list(ctl->service, view->list, collect, &to);
	if (rc)
		code = service_failed(ctl, rc);
	else
		code = table_print(&table, ctl);
	if (!rc && table.row_count == 0)
		ctl_say(ctl, "there are no %s now", view->key);
	table_fini(&table);
	return code;
}

static int list_run(struct ctl *ctl, const struct list_view *view)
{
	return ctl->json ? list_json(ctl, view) : list_table(ctl, view);
}

int lists_units(struct ctl *ctl)
{
	return list_run(ctl, &units);
}

int lists_devices(struct ctl *ctl)
{
	return list_run(ctl, &devices);
}

int lists_clients(struct ctl *ctl)
{
	return list_run(ctl, &clients);
}

int lists_domains(struct ctl *ctl)
{
	return list_run(ctl, &domains);
}

int lists_grants(struct ctl *ctl)
{
	return list_run(ctl, &grants);
}
