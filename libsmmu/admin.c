// SPDX-License-Identifier: BSD-2-Clause
#include "smmu-admin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

int smmu_admin_status(struct smmu *context, struct wire_status *ret_status)
{
	return client_call(context, WIRE_STATUS, &(struct wire_none){ 0 }, ret_status);
}

/* One page of a list, copied so that the callback may use the context. */
static int fetch_page(struct smmu *context, enum wire_id list, const void *request, uint8_t *page)
{
	const struct wire_message *message = wire_find((uint16_t)list);
	struct exchange x = { .id = list, .request = request, .fd = -1 };
	const struct wire_list *found;
	int rc = client_lock(context);

	if (rc)
		return rc;
	rc = client_exchange(context, &x);
	if (rc)
		return client_unlock(context, rc);
	found = x.reply;
	if (found->count == 0 && found->next != 0)
		return client_unlock(context, client_end(context, -EPROTO,
							 "the service's list does not end"));
	memcpy(page, found, sizeof(*found) + (size_t)found->count * message->reply_entry_size);
	return client_unlock(context, 0);
}

static int walk_page(const uint8_t *page, size_t size, smmu_admin_each *each, void *argument)
{
	const struct wire_list *list = (const void *)page;
	uint32_t i;
	int rc = 0;

	for (i = 0; i < list->count && !rc; i++)
		rc = each(page + sizeof(*list) + i * size, argument);
	return rc;
}

static bool is_plain_list(enum wire_id id)
{
	return id >= WIRE_LIST_UNITS && id <= WIRE_LIST_GRANTS;
}

static int walk_list(struct smmu *context, enum wire_id list, uint8_t *page,
		     smmu_admin_each *each, void *argument)
{
	struct wire_cursor cursor = { 0 };
	int rc;

	do {
		rc = fetch_page(context, list, &cursor, page);
		if (rc)
			return rc;
		rc = walk_page(page, wire_find((uint16_t)list)->reply_entry_size, each, argument);
		cursor.cursor = ((const struct wire_list *)(const void *)page)->next;
	} while (!rc && cursor.cursor != 0);
	return rc;
}

int smmu_admin_list(struct smmu *context, enum wire_id list, smmu_admin_each *each, void *argument)
{
	uint8_t *page;
	int rc;

	if (!is_plain_list(list))
		return -EINVAL;
	page = calloc(1, WIRE_MAX);
	if (!page)
		return -ENOMEM;
	rc = walk_list(context, list, page, each, argument);
	free(page);
	return rc;
}

static int walk_faults(struct smmu *context, uint8_t *page, uint64_t *after, uint64_t *lost,
		       smmu_admin_each *each, void *argument)
{
	const struct wire_list *list = (const void *)page;
	const struct wire_fault *faults = (const void *)(page + sizeof(*list));
	struct wire_fault_read ask = { .max = UINT32_MAX };
	int rc;

	do {
		ask.after = *after;
		rc = fetch_page(context, WIRE_LIST_FAULTS, &ask, page);
		if (rc)
			return rc;
		*lost += list->lost;
		if (list->count > 0)
			*after = faults[list->count - 1].sequence;
		rc = walk_page(page, sizeof(*faults), each, argument);
	} while (!rc && list->next != 0);
	return rc;
}

int smmu_admin_faults(struct smmu *context, uint64_t *after, uint64_t *ret_lost,
		      smmu_admin_each *each, void *argument)
{
	uint8_t *page = calloc(1, WIRE_MAX);
	uint64_t lost = 0;
	int rc;

	if (!page)
		return -ENOMEM;
	rc = walk_faults(context, page, after, &lost, each, argument);
	free(page);
	if (ret_lost)
		*ret_lost = lost;
	return rc;
}

int smmu_admin_explain(struct smmu *context, const char *device, const uint64_t *iova,
		       struct wire_explain_reply *ret_reply)
{
	struct wire_explain ask = { .iova = iova ? *iova : 0, .has_iova = iova != NULL };
	struct exchange x = { .id = WIRE_EXPLAIN, .request = &ask, .fd = -1 };
	int rc = client_lock(context);

	if (rc)
		return rc;
	rc = client_name(context, ask.name, sizeof(ask.name), device);
	if (!rc)
		rc = client_exchange(context, &x);
	if (!rc)
		memcpy(ret_reply, x.reply, sizeof(*ret_reply));
	return client_unlock(context, rc);
}

int smmu_admin_release(struct smmu *context, const char *device)
{
	struct wire_name ask;
	struct exchange x = { .id = WIRE_RELEASE, .request = &ask, .fd = -1 };
	int rc = client_lock(context);

	if (rc)
		return rc;
	rc = client_name(context, ask.name, sizeof(ask.name), device);
	if (!rc)
		rc = client_exchange(context, &x);
	return client_unlock(context, rc);
}

const char *smmu_admin_state_name(uint32_t state)
{
	return wire_device_state_name(state);
}
