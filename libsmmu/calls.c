// SPDX-License-Identifier: BSD-2-Clause
/* The calls that are one message each: domains, memory, grants, faults. */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arith.h"

/* What the caller hands in goes out as it is, and comes back as it came. */
#define SAME(type, member, wire_type, wire_member) \
	_Static_assert(offsetof(struct type, member) == \
			       offsetof(struct wire_type, wire_member) && \
		       sizeof(((struct type *)0)->member) == \
			       sizeof(((struct wire_type *)0)->wire_member), \
		       "struct " #type " is struct " #wire_type)
_Static_assert(sizeof(struct smmu_grant) == sizeof(struct wire_map), "a grant is a wire_map");
SAME(smmu_grant, memory, wire_map, memory);
SAME(smmu_grant, rights, wire_map, rights);
SAME(smmu_grant, iova, wire_map, iova);
SAME(smmu_grant, length, wire_map, length);
SAME(smmu_grant, offset, wire_map, offset);
_Static_assert(sizeof(struct smmu_range) == sizeof(struct wire_range) &&
	       sizeof(struct smmu_range) == sizeof(struct wire_reserved), "a range is a wire_range");
_Static_assert(sizeof(struct smmu_region) == sizeof(struct wire_region_reply),
	       "a region is a wire_region_reply");
SAME(smmu_region, address, wire_region_reply, address);
_Static_assert(sizeof(struct smmu_fault) == sizeof(struct wire_fault), "a fault is a wire_fault");
SAME(smmu_fault, sequence, wire_fault, sequence);
SAME(smmu_fault, address, wire_fault, address);
SAME(smmu_fault, words, wire_fault, words);
SAME(smmu_fault, stream, wire_fault, stream);
SAME(smmu_fault, pid, wire_fault, pid);
SAME(smmu_fault, code, wire_fault, code);
SAME(smmu_fault, kind, wire_fault, kind);
SAME(smmu_fault, access, wire_fault, access);
SAME(smmu_fault, flags, wire_fault, flags);
SAME(smmu_fault, unit, wire_fault, unit);
SAME(smmu_fault, device, wire_fault, device);
SAME(smmu_fault, owner, wire_fault, owner);
SAME(smmu_fault, event, wire_fault, event);
SAME(smmu_fault, reason, wire_fault, reason);
SAME(smmu_fault, note, wire_fault, note);

#define FAULTS_MAX \
	((WIRE_MAX - sizeof(struct wire_head) - sizeof(struct wire_list)) / \
	 sizeof(struct wire_fault))
#define RESERVED_MAX \
	((WIRE_MAX - sizeof(struct wire_head) - sizeof(struct wire_list)) / \
	 sizeof(struct wire_reserved))

/* --- domains and devices ------------------------------------------------------------ */

int smmu_domain_create(struct smmu *context, uint32_t *ret_domain)
{
	struct wire_flags ask = { 0 };
	struct wire_handle reply;
	int rc = client_call(context, WIRE_DOMAIN_CREATE, &ask, &reply);

	if (!rc)
		*ret_domain = reply.handle;
	return rc;
}

int smmu_domain_destroy(struct smmu *context, uint32_t domain)
{
	return client_call(context, WIRE_DOMAIN_DESTROY, &(struct wire_handle){ domain, 0 }, NULL);
}

int smmu_attach(struct smmu *context, uint32_t domain, const char *name,
		struct smmu_attached *ret_attached)
{
	struct wire_attach ask = { .domain = domain };
	struct exchange x = { .id = WIRE_ATTACH, .request = &ask, .fd = -1 };
	const struct wire_attach_reply *reply;
	int rc = client_lock(context);

	if (rc)
		return rc;
	rc = client_name(context, ask.name, sizeof(ask.name), name);
	if (!rc)
		rc = client_exchange(context, &x);
	if (!rc) {
		reply = x.reply;
		*ret_attached = (struct smmu_attached){ .device = reply->device,
							.input_bits = reply->input_bits,
							.write_only = reply->write_only };
		memcpy(ret_attached->name, reply->name, sizeof(reply->name));
	}
	return client_unlock(context, rc);
}

int smmu_detach(struct smmu *context, uint32_t device)
{
	return client_call(context, WIRE_DETACH, &(struct wire_handle){ device, 0 }, NULL);
}

/* --- memory ------------------------------------------------------------------------- */

int smmu_memory_add(struct smmu *context, int fd, uint64_t offset, uint64_t length,
		    unsigned rights, uint32_t *ret_memory)
{
	struct wire_memory ask = { .offset = offset, .length = length, .rights = rights };
	struct exchange x = { .id = WIRE_MEMORY_ADD, .request = &ask, .fd = fd };
	int rc = client_lock(context);

	if (rc)
		return rc;
	rc = client_exchange(context, &x);
	if (!rc)
		*ret_memory = ((const struct wire_handle *)x.reply)->handle;
	return client_unlock(context, rc);
}

int smmu_memory_remove(struct smmu *context, uint32_t memory)
{
	return client_call(context, WIRE_MEMORY_REMOVE, &(struct wire_handle){ memory, 0 }, NULL);
}

static int region_open(struct smmu *context, const char *name, struct region *region)
{
	struct wire_region_open ask;
	struct exchange x = { .id = WIRE_REGION_OPEN, .request = &ask, .fd = -1 };
	int rc;

	rc = client_name(context, ask.name, sizeof(ask.name), name);
	if (!rc)
		rc = client_exchange(context, &x);
	if (!rc)
		memcpy(&region->found, x.reply, sizeof(region->found));
	return rc;
}

int smmu_region_open(struct smmu *context, const char *name, struct smmu_region *ret_region)
{
	struct region *region;
	int rc = client_lock(context);

	if (rc)
		return rc;
	region = malloc(sizeof(*region));
	if (!region)
		return client_unlock(context, client_fail(context, -ENOMEM, "out of memory"));
	rc = region_open(context, name, region);
	if (rc) {
		free(region);
		return client_unlock(context, rc);
	}
	list_add_tail(&context->regions, &region->node);
	*ret_region = region->found;
	return client_unlock(context, 0);
}

/* --- grants ------------------------------------------------------------------------- */

static int batch(struct smmu *context, enum wire_id id, uint32_t domain, const void *entries,
		 unsigned count)
{
	struct wire_batch ask = { .domain = domain, .count = count };
	struct exchange x = { .id = id, .request = &ask, .entries = entries, .count = count,
			      .fd = -1 };
	int rc = client_lock(context);

	if (rc)
		return rc;
	if (count == 0)
		rc = client_fail(context, -EINVAL, "a batch has at least one entry");
	else if (count > context->hello.batch_max)
		rc = client_fail(context, -E2BIG, "%u entries are more than the %u of one batch",
				 count, context->hello.batch_max);
	else
		rc = client_exchange(context, &x);
	return client_unlock(context, rc);
}

int smmu_map_batch(struct smmu *context, uint32_t domain, const struct smmu_grant *grants,
		   unsigned count)
{
	return batch(context, WIRE_MAP, domain, grants, count);
}

int smmu_map(struct smmu *context, uint32_t domain, const struct smmu_grant *grant)
{
	return batch(context, WIRE_MAP, domain, grant, 1);
}

int smmu_unmap_batch(struct smmu *context, uint32_t domain, const struct smmu_range *ranges,
		     unsigned count)
{
	return batch(context, WIRE_UNMAP, domain, ranges, count);
}

int smmu_unmap(struct smmu *context, uint32_t domain, uint64_t iova, uint64_t length)
{
	return batch(context, WIRE_UNMAP, domain, &(struct smmu_range){ iova, length }, 1);
}

/* --- lists: faults and reserved addresses ------------------------------------------- */

/* The entries of a list reply, which may not be more than were asked for. */
static int take_list(struct smmu *context, const struct exchange *x, uint32_t max, size_t size,
		     void *entries)
{
	const struct wire_list *list = x->reply;

	if (list->count > max)
		return client_end(context, -EPROTO, "the service sent more than was asked for");
	if (list->count > 0)
		memcpy(entries, list + 1, list->count * size);
	return (int)list->count;
}

int smmu_reserved(struct smmu *context, const char *name, unsigned offset,
		  struct smmu_range *ranges, unsigned max, int *ret_more)
{
	struct wire_reserved_ask ask = { .offset = offset,
					 .max = (uint32_t)min_u64(max, RESERVED_MAX) };
	struct exchange x = { .id = WIRE_RESERVED, .request = &ask, .fd = -1 };
	int rc = client_lock(context);

	if (rc)
		return rc;
	rc = client_name(context, ask.name, sizeof(ask.name), name);
	if (!rc)
		rc = client_exchange(context, &x);
	if (rc)
		return client_unlock(context, rc);
	rc = take_list(context, &x, ask.max, sizeof(*ranges), ranges);
	if (rc >= 0 && ret_more)
		*ret_more = ((const struct wire_list *)x.reply)->next != 0;
	return client_unlock(context, rc);
}

static int subscribe(struct smmu *context)
{
	struct wire_none ask = { 0 };
	struct exchange x = { .id = WIRE_FAULT_SUBSCRIBE, .request = &ask, .fd = -1 };
	int flags, rc;

	if (context->fault_fd >= 0)
		return context->fault_fd;
	rc = client_exchange(context, &x);
	if (rc)
		return rc;
	/* Whatever it is, reading it must not make us wait. */
	flags = fcntl(x.fds[0], F_GETFL);
	if (flags < 0 || fcntl(x.fds[0], F_SETFL, flags | O_NONBLOCK)) {
		close(x.fds[0]);
		return client_fail(context, -EPROTO, "the fault descriptor cannot be used");
	}
	context->fault_fd = x.fds[0];
	return context->fault_fd;
}

int smmu_fault_fd(struct smmu *context)
{
	int rc = client_lock(context);

	return rc ? rc : client_unlock(context, subscribe(context));
}

/* Emptied before the log is read: what comes in between makes it readable again. */
static void drain_fault_fd(const struct smmu *context)
{
	uint64_t count;

	if (context->fault_fd >= 0 && read(context->fault_fd, &count, sizeof(count)) < 0)
		return; /* it was empty */
}

int smmu_fault_read(struct smmu *context, struct smmu_fault *faults, unsigned max,
		    uint64_t *ret_lost)
{
	struct wire_fault_read ask = { .max = (uint32_t)min_u64(max, FAULTS_MAX) };
	struct exchange x = { .id = WIRE_FAULT_READ, .request = &ask, .fd = -1 };
	int rc = client_lock(context);
	uint64_t lost;

	if (rc)
		return rc;
	if (max == 0)
		return client_unlock(context, client_fail(context, -EINVAL,
							  "room for no record at all"));
	drain_fault_fd(context);
	ask.after = context->fault_after;
	rc = client_exchange(context, &x);
	if (rc)
		return client_unlock(context, rc);
	rc = take_list(context, &x, ask.max, sizeof(*faults), faults);
	lost = rc < 0 ? 0 : ((const struct wire_list *)x.reply)->lost;
	/* A loss is told once, also when no record of ours follows it. */
	context->fault_after += lost;
	if (rc > 0)
		context->fault_after = faults[rc - 1].sequence;
	if (rc >= 0 && ret_lost)
		*ret_lost = lost;
	return client_unlock(context, rc);
}
